"""Functions to functions: from f, its gradient, Jacobian, Hessian; and from those, again.

Each works on plain numbers (floats and arrays in, floats and arrays out), over positional
arguments that may be nested tuples, lists, dicts and dataclasses; and each can be applied inside
another. What comes out has the form of what went in, and its dtype.
"""

from __future__ import annotations

import builtins
import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, Never, ParamSpec, overload

import numpy as np

from .argnums import Argnums, checked
from .backprop import as_node, as_seed, collect, copy_if_array, one_like, zero_like
from .call import Call, Function, check_result, described, inside_transform, plain
from .errors import DTypeError, ShapeError
from .graph import Node, leaf, ways
from .ops import multiply, reshape, shape, stack, sum
from .ops.equal_values import rules_for_equal_values
from .passes import sweep
from .recording import check_real
from .spellings import refuse_keywords
from .transformed import Grad, Jacobian, Total, ValueAndGrad, check_function
from .trees import flat, is_nested, tree_fill, tree_leaves

__all__ = ["elementwise_grad", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

P = ParamSpec("P")
"""The parameters of f, which its gradient, Jacobian and Hessian have too."""


def value_and_grad(f: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False,
                   **other: Never) -> Callable[P, tuple[Any, Any]]:
    """x ↦ (f(x), ∇f(x)) for a scalar f, by one forward and one backward pass.

    argnums, and what is raised: as for `grad`. has_aux: f returns (y, aux), of which y is
    differentiated; then ((y, aux), ∇y) comes out.

    >>> value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """
    return ValueAndGrad.of(f, argnums, has_aux, other)


def grad(f: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False,
         **other: Never) -> Callable[P, Any]:
    """x ↦ ∇f(x) for a scalar f: a function of the same arguments.

    argnums: which argument, by position or by name, also of a keyword or a default; or a tuple of
    them (then a tuple comes out). `argnum=` is understood too. Each gradient has the form, shape
    and dtype of its argument: containers come back as their own kind (dict, OrderedDict,
    defaultdict, namedtuple, dataclass …), a None in them as None. If f's result doesn't depend on
    the arguments, it is 0, with an `IndependentWarning`.
    has_aux: f returns (y, aux), of which y is differentiated; then (∇y, aux) comes out. The
    numbers in aux are plain, or nodes where the call is itself differentiated.

    Raises `ShapeError` if f's result isn't one number, `DTypeError` if it is no number at all, or
    something in the argument isn't; `GraphError` if the graph was cut, naming the line;
    `ArgumentError` if argnums names no argument of f, `SpellingError` for other libraries' options.

    >>> import numpy as np
    >>> grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    array([ 3., 12.])
    >>> round(grad(grad(np.tanh))(0.5), 12)
    -0.726861981384
    >>> grad(lambda x, scale=2.0: scale * x**2, argnums="scale")(3.0)
    9.0
    >>> grad(lambda x: (x**2, {"cube": x**3}), has_aux=True)(2.0)
    (4.0, {'cube': 8.0})
    """
    return Grad.of(f, argnums, has_aux, other)


def elementwise_grad(f: Callable[P, Any], argnums: Argnums = 0, **other: Never) -> Callable[P, Any]:
    """x ↦ ∇Σf(x), the gradient of the sum of f's results: f′ at each number of x, if f takes each
    alone.

    argnums, and what is raised: as for `grad`; `DTypeError` too if f returns several arrays.

    >>> import numpy as np
    >>> elementwise_grad(lambda x: x**3)(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """
    check_function(f, "elementwise_grad")
    wrt = checked("elementwise_grad", argnums, other)
    return Grad.of(Total(f), wrt, False, {})


@overload
def vjp(f: Function, *args: Any) -> tuple[Any, Function]: ...
@overload
def vjp(f: Function, *args: Any, has_aux: bool, **other: Never) -> tuple[Any, ...]: ...
def vjp(f: Function, *args: Any, has_aux: bool = False, **other: Never) -> tuple[Any, ...]:
    """(f(x), pullback): the pullback takes a cotangent of f(x)'s shape to one per argument.

    has_aux: f returns (y, aux), of which y is differentiated; then (y, pullback, aux) comes out.
    Raises `DTypeError` if f's result isn't one number or array.

    >>> import numpy as np
    >>> y, pullback = vjp(lambda a, b: a * b, np.array([1.0, 2.0]), 3.0)
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 3., 30.]), 21.0)
    """
    check_function(f, "vjp")
    refuse_keywords("vjp", other)
    call = Call(f, args, tuple(range(len(args))), {}, has_aux)
    if not isinstance(call.output, Node) and is_nested(call.output):
        raise DTypeError(f"the function returned {described(call.output)}; vjp takes one number "
                         "or array: join the parts (np.stack, np.concatenate), or use jacobian")
    output = call.node(call.output)

    def pullback(cotangent: Any) -> Any:
        if shape(cotangent) != shape(output):
            raise ShapeError(
                f"the cotangent has shape {shape(cotangent)}, f's result {shape(output)}"
            )
        if not isinstance(cotangent, Node):
            check_real(np.asarray(cotangent), "the cotangent")
        seed = as_seed(cotangent, output)
        call.is_constant(output)
        return call.shaped(call.pull(output, seed, isinstance(seed, Node), quiet=False))

    return call.with_aux(call.value, pullback)  # type: ignore[no-any-return]


@overload
def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]: ...
@overload
def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool,
        **other: Never) -> tuple[Any, ...]: ...
def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False,
        **other: Never) -> tuple[Any, ...]:
    """(f(x), J·v): the derivative of f at `primals` in the direction `tangents`.

    The pullback is linear in its cotangent; differentiating it with respect to that gives J.
    has_aux: f returns (y, aux), of which y is differentiated; then (y, J·v, aux) comes out.

    >>> jvp(lambda a, b: a * b, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    check_function(f, "jvp")
    refuse_keywords("jvp", other)
    directions = _directions(primals, tangents)
    call = Call(f, primals, tuple(range(len(primals))), {}, has_aux)
    call.nested = call.nested or any([isinstance(v, Node) for v in directions])
    if call.output is None:
        check_result(None)
    pushed = [_push(call, y, directions) for y in flat(call.output) if y is not None]
    return call.with_aux(call.value, tree_fill(call.output, pushed))  # type: ignore[no-any-return]


def _push(call: Call, y: Any, tangents: Sequence[Any]) -> Any:
    """J·v for one output."""
    y = call.node(y)
    with inside_transform():
        if rules_for_equal_values(ways(y, set(call.variables))[0], sweep):
            g = _by_rows(call, y, tangents)
        else:
            u = leaf(_anything(y))
            pulled = call.pull(y, u, create_graph=True, quiet=False)
            products = [sum(multiply(g, v)) for g, v in zip(pulled, tangents, strict=True)]
            g = None
            if products:
                along = functools.reduce(operator.add, products)
                (g,) = collect(along, [u], one_like(along), create_graph=call.nested)
    g = zero_like(y) if g is None else g
    return as_node(g) if call.nested else plain(copy_if_array(g))


def _anything(y: Node) -> Any:
    """Numbers in the form of y: J·v doesn't depend on them, and none are equal by accident.

    (With ones, what meets between two equal eigenvectors would cancel, and seem to be unused.)
    """
    one = one_like(y)
    if not shape(y):
        return one
    spread = 1.0 + np.modf(0.6180339887 * np.arange(1, one.size + 1))[0]
    return spread.reshape(one.shape).astype(one.dtype)


def _by_rows(call: Call, y: Node, tangents: Sequence[Any]) -> Any:
    """J·v from the rows of J: a limit (see ops/equal_values.py) is one of numbers, not of u."""
    seeds = np.eye(np.size(y.value)).reshape(np.size(y.value), *shape(y))
    rows = [builtins.sum(sum(multiply(g, v)) for g, v in
                         zip(call.pull(y, as_seed(seed, y)), tangents, strict=True))
            for seed in seeds]
    if not rows:
        return None
    return reshape(stack(rows), shape(y)) if shape(y) else rows[0]


def _directions(primals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """The tangents' leaves in the order of the primals'; refused if they don't match."""
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise DTypeError("primals and tangents are tuples, one entry per argument: (x,), (v,)")
    ours, theirs = dict(tree_leaves(tuple(primals))), dict(tree_leaves(tuple(tangents)))
    if ours.keys() != theirs.keys():
        raise ShapeError(f"{len(tangents)} tangents don't match the {len(primals)} primals: "
                         f"they differ at {', '.join(sorted(ours.keys() ^ theirs.keys()))}")
    for path, x in ours.items():
        if (x is None) != (theirs[path] is None):
            raise DTypeError(f"tangent {path} is {theirs[path]!r}, its primal {x!r}: None, which "
                             "holds no number, has the tangent None, and nothing else has")
        if shape(x) != shape(theirs[path]):
            raise ShapeError(f"tangent {path} has shape {shape(theirs[path])}, its primal "
                             f"{shape(x)}")
    return [theirs[path] for path, x in ours.items() if x is not None]


def jacobian(f: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False,
             **other: Never) -> Callable[P, Any]:
    """x ↦ ∂f/∂x, of shape f(x).shape + x.shape: a row of derivatives for each entry of f(x).

    Where f's result or the argument is nested, so is the Jacobian: results outside. argnums,
    has_aux, and what is raised: as for `grad`.

    >>> import numpy as np
    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return Jacobian.of(f, argnums, has_aux, other)


def hessian(f: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False,
            **other: Never) -> Callable[P, Any]:
    """x ↦ ∂²f/∂x², of shape x.shape + x.shape, for a scalar f: the Jacobian of the gradient.

    argnums, has_aux, and what is raised: as for `grad`.

    >>> hessian(lambda x: x**4)(2.0)
    48.0
    """
    check_function(f, "hessian")
    wrt = checked("hessian", argnums, other)
    return jacobian(grad(f, wrt, has_aux), wrt, has_aux)


class _HessianProduct:
    """(x, v, *args) ↦ H·v, with the Hessian of f(x, *args) in x: SciPy's `hessp`."""

    def __init__(self, f: Function) -> None:
        self.f = f

    def __call__(self, x: Any, v: Any, /, *args: Any, **kwargs: Any) -> Any:
        """H·v at x, in the form of x."""
        return jvp(lambda x: grad(self.f)(x, *args, **kwargs), (x,), (v,))[1]

    def __repr__(self) -> str:
        return f"<hvp({getattr(self.f, '__qualname__', None) or repr(self.f)})>"


@overload
def hvp(f: Function) -> Function: ...
@overload
def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any: ...
def hvp(f: Function, primals: Any = None, tangents: Any = None, **other: Never) -> Any:
    """H·v for a scalar f, one per argument, without the Hessian: jvp of grad.

    primals, tangents: tuples with one entry per argument. Returns a tuple of H·v. Of f alone, a
    function (x, v, *args) ↦ H·v, with the Hessian of f(x, *args) in x, as SciPy's `hessp` is.

    >>> hvp(lambda x: x**4, (2.0,), (1.0,))
    (48.0,)
    >>> hvp(lambda x, a: a * x**4)(2.0, 1.0, 10.0)
    480.0
    """
    check_function(f, "hvp")
    refuse_keywords("hvp", other)
    if primals is None and tangents is None:
        return _HessianProduct(f)
    _directions(primals, tangents)
    return jvp(grad(f, tuple(range(len(primals)))), primals, tangents)[1]
