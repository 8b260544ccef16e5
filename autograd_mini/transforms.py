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
from types import MethodType
from typing import Any, ParamSpec

import numpy as np

from .backprop import as_node, as_seed, collect, copy_if_array, one_like, zero_like
from .call import Argnums, Call, Function, check_result, described, inside_transform, plain
from .errors import DTypeError, ShapeError, with_article
from .graph import Node, leaf, ways
from .ops import multiply, reshape, shape, stack, sum
from .ops.equal_values import rules_for_equal_values
from .passes import sweep
from .recording import check_real
from .trees import flat, is_nested, tree_fill, tree_leaves, tree_map

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

P = ParamSpec("P")
"""The parameters of f, which its gradient, Jacobian and Hessian have too."""


# ── what the transforms return ───────────────────────────────────────────────────────────────


class Transformed:
    """A function made from f by a transform; it pickles and copies if f does.

    It has f's name, signature and documentation, and is f's method where f would be one.
    """

    name = ""

    def __init__(self, f: Function, argnums: Argnums) -> None:
        functools.update_wrapper(self, f, updated=())
        self.__name__ = getattr(f, "__name__", self.name)
        self.f, self.argnums = f, argnums

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The derivative at these arguments."""
        raise NotImplementedError

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        return type(self), (self.f, self.argnums)

    def __repr__(self) -> str:
        return f"<{self._written()}>"

    def _written(self) -> str:
        inner = self.f._written() if isinstance(self.f, Transformed) else (
            getattr(self.f, "__qualname__", None) or repr(self.f))
        argnums = "" if self.argnums == 0 else f", argnums={self.argnums}"
        return f"{self.name}({inner}{argnums})"

    @classmethod
    def of(cls, f: Function, argnums: Any) -> Function:
        """The transform of f; of a compiled program, a program."""
        _check_function(f, cls.name)
        numbers = _positions(argnums)
        if hasattr(f, "transformed"):
            program: Function = f.transformed(cls.name, numbers)
            return program
        return cls(f, numbers)


class _ValueAndGrad(Transformed):
    name = "value_and_grad"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        call = Call(self.f, args, self.argnums, kwargs)
        y = call.number()
        slopes = call.shaped(call.pull(y, one_like(y), quiet=False))
        return call.value, slopes


class _Grad(Transformed):
    name = "grad"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        call = Call(self.f, args, self.argnums, kwargs)
        y = call.number()
        return call.shaped(call.pull(y, one_like(y), quiet=False))


class _Jacobian(Transformed):
    name = "jacobian"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        call = Call(self.f, args, self.argnums, kwargs)
        if call.output is None:
            check_result(None)
        return tree_map(lambda y: None if y is None else call.shaped(_rows(call, y)), call.output)


def _check_function(f: Any, name: str) -> None:
    """Raise for grad(f(x)), where grad(f)(x) is meant."""
    if not callable(f):
        raise DTypeError(f"{name} takes a function, not {with_article(type(f).__name__)}: it is "
                         f"{name}(f)(x), not {name}(f(x)); of a node y, ag.gradients(y, x)")


def _positions(argnums: Any) -> Argnums:
    """argnums as a plain int, or a tuple of them; refused if it is something else."""
    if not isinstance(argnums, tuple | list | range):
        return _position(argnums, argnums)
    numbers = tuple([_position(i, argnums) for i in argnums])
    if not numbers:
        raise ShapeError(f"argnums={argnums!r} names no argument: give a position, as 0, or a "
                         "tuple of them")
    if len(set(numbers)) < len(numbers):
        raise ShapeError(f"argnums {argnums} names an argument twice")
    return numbers


def _position(i: Any, argnums: Any) -> int:
    try:
        if not isinstance(i, bool | np.bool_):
            return operator.index(i)
    except TypeError:
        pass
    raise DTypeError(f"argnums={argnums!r}: it is the position of an argument, as 0 or -1, or a "
                     f"tuple of positions, as (0, 2), not {with_article(type(i).__name__)}")


# ── the transforms ───────────────────────────────────────────────────────────────────────────


def value_and_grad(f: Callable[P, Any], argnums: Argnums = 0) -> Callable[P, tuple[Any, Any]]:
    """x ↦ (f(x), ∇f(x)) for a scalar f, by one forward and one backward pass.

    argnums, and what is raised: as for `grad`.

    >>> value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """
    return _ValueAndGrad.of(f, argnums)


def grad(f: Callable[P, Any], argnums: Argnums = 0) -> Callable[P, Any]:
    """x ↦ ∇f(x) for a scalar f: a function of the same arguments.

    argnums: which positional argument, or a tuple of them (then a tuple comes out). Each
    gradient has the form, shape and dtype of its argument: containers come back as their own
    kind (dict, OrderedDict, defaultdict, namedtuple, dataclass …), a None in them as None.
    If f's result doesn't depend on the arguments, it is 0, with an `IndependentWarning`.

    Raises `ShapeError` if f's result isn't one number, `DTypeError` if it is no number at all, or
    something in the argument isn't; `GraphError` if the graph was cut, naming the line.

    >>> import numpy as np
    >>> grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    array([ 3., 12.])
    >>> round(grad(grad(np.tanh))(0.5), 12)
    -0.726861981384
    """
    return _Grad.of(f, argnums)


def vjp(f: Function, *args: Any) -> tuple[Any, Function]:
    """(f(x), pullback): the pullback takes a cotangent of f(x)'s shape to one per argument.

    Raises `DTypeError` if f's result isn't one number or array.

    >>> import numpy as np
    >>> y, pullback = vjp(lambda a, b: a * b, np.array([1.0, 2.0]), 3.0)
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 3., 30.]), 21.0)
    """
    _check_function(f, "vjp")
    call = Call(f, args, tuple(range(len(args))), {})
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
        return call.shaped(call.pull(output, seed, isinstance(seed, Node), quiet=False))

    return call.value, pullback


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """(f(x), J·v): the derivative of f at `primals` in the direction `tangents`.

    The pullback is linear in its cotangent; differentiating it with respect to that gives J.

    >>> jvp(lambda a, b: a * b, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    _check_function(f, "jvp")
    directions = _directions(primals, tangents)
    call = Call(f, primals, tuple(range(len(primals))), {})
    call.nested = call.nested or any([isinstance(v, Node) for v in directions])
    if call.output is None:
        check_result(None)
    pushed = [_push(call, y, directions) for y in flat(call.output) if y is not None]
    return call.value, tree_fill(call.output, pushed)


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


def jacobian(f: Callable[P, Any], argnums: Argnums = 0) -> Callable[P, Any]:
    """x ↦ ∂f/∂x, of shape f(x).shape + x.shape: one backward pass per entry of f(x).

    Where f's result or the argument is nested, so is the Jacobian: results outside. argnums, and
    what is raised: as for `grad`.

    >>> import numpy as np
    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _Jacobian.of(f, argnums)


def _rows(call: Call, y: Any) -> list[Any]:
    """For each variable, the derivative of every entry of y, in y's shape first."""
    y = call.node(y)
    seeds = [1.0] if type(y.value) is float else np.eye(y.value.size, dtype=y.value.dtype)
    rows = [call.pull(y, np.reshape(s, shape(y)) if shape(y) else one_like(y), quiet=False)
            for s in seeds]
    if not rows:
        empty = [np.zeros(shape(y) + shape(v), np.result_type(v.value)) for v in call.variables]
        return [as_node(x) for x in empty] if call.nested else empty
    if not shape(y):
        return rows[0]
    return [reshape(stack(list(column)), shape(y) + shape(v))
            for column, v in zip(zip(*rows, strict=True), call.variables, strict=True)]


def hessian(f: Callable[P, Any], argnums: Argnums = 0) -> Callable[P, Any]:
    """x ↦ ∂²f/∂x², of shape x.shape + x.shape, for a scalar f: the Jacobian of the gradient.

    >>> hessian(lambda x: x**4)(2.0)
    48.0
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """H·v for a scalar f, one per argument, without the Hessian: jvp of grad.

    primals, tangents: tuples with one entry per argument. Returns a tuple of H·v.

    >>> hvp(lambda x: x**4, (2.0,), (1.0,))
    (48.0,)
    """
    _check_function(f, "hvp")
    _directions(primals, tangents)
    return jvp(grad(f, tuple(range(len(primals)))), primals, tangents)[1]
