"""Functions to functions: from f, its gradient, Jacobian, Hessian; and from those, again.

Each works on plain numbers (floats and arrays in, floats and arrays out), over positional
arguments that may be nested tuples, lists and dicts; and each can be applied inside another.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .backprop import as_node, as_seed, collect, has_nan, one_like, own, sweep, zero_like
from .errors import DTypeError, GraphError, ShapeError
from .graph import Node, check_real, consumers_first, is_recording, leaf, raw, recording, serial
from .ops import multiply, positive, reshape, rules_for_equal_values, shape, stack, sum

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]

# Inside a transform, results must stay nodes: an outer one may differentiate them again.
_depth: ContextVar[int] = ContextVar("autograd_mini.depth", default=0)


# ── trees: nested tuples, lists and dicts ────────────────────────────────────────────────────


def tree_leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, leaf) of a nested tuple, list or dict; the path reads like Python: `[0]['W']`.

    An array of objects (of Values, in a program that `compile` records) is nested too.
    """
    if isinstance(tree, dict):
        for key, branch in tree.items():
            yield from tree_leaves(branch, f"{path}[{key!r}]")
    elif isinstance(tree, tuple | list):
        for i, branch in enumerate(tree):
            yield from tree_leaves(branch, f"{path}[{i}]")
    elif is_nested_array(tree):
        for place, branch in np.ndenumerate(tree):
            yield from tree_leaves(branch, f"{path}{list(place)}")
    else:
        yield path, tree


def is_nested_array(x: Any) -> bool:
    """Whether x is an array of objects."""
    return isinstance(x, np.ndarray) and x.dtype == object


def nested_array(entries: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    """The entries as an array of objects; arrays of one shape become its last axes."""
    inner = {np.shape(x) if isinstance(x, np.ndarray) else None for x in entries}
    if len(inner) == 1 and None not in inner:
        return np.stack(entries).reshape(shape + entries[0].shape)
    array = np.empty(len(entries), dtype=object)
    for i, x in enumerate(entries):
        array[i] = x
    return array.reshape(shape)


def tree_map(function: Function, tree: Any) -> Any:
    """The tree with `function` applied to each leaf."""
    if isinstance(tree, dict):
        return {key: tree_map(function, branch) for key, branch in tree.items()}
    if isinstance(tree, tuple | list):
        branches = [tree_map(function, branch) for branch in tree]
        return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)
    if is_nested_array(tree):
        branches = [tree_map(function, branch) for branch in tree.flat]
        return nested_array(branches, tree.shape).view(type(tree))
    return function(tree)


def flat(tree: Any) -> list[Any]:
    """The leaves alone."""
    return [x for _, x in tree_leaves(tree)]


def plain(x: Any) -> Any:
    """A node's number or array; one number comes as a float, not as an array of shape ()."""
    value = raw(x)
    return value[()] if isinstance(value, np.ndarray) and not value.ndim else value


def _like(tree: Any, leaves: Sequence[Any]) -> Any:
    """The tree with its leaves replaced, in order."""
    rest = iter(leaves)
    return tree_map(lambda _: next(rest), tree)


# ── calling a function on variables ──────────────────────────────────────────────────────────


def variable(x: Any) -> Node:
    """A node of its own for the argument x: nested transforms must not mistake two levels."""
    if isinstance(x, Node):
        node: Node = positive(x)
        return node
    if isinstance(x, float | int | np.generic) and not isinstance(x, np.complexfloating):
        return _fresh(float(x))
    array = np.asarray(x)
    check_real(array, "an argument to differentiate")
    return _fresh(np.array(array) if array.dtype.kind == "f" else array.astype(np.float64))


def _fresh(value: Any) -> Node:
    """A leaf with a serial number: a transform inside, in whatever thread, can tell it is older."""
    node = leaf(value)
    node.params = serial()
    return node


def is_inside() -> bool:
    """Whether a transform is calling a function just now."""
    return _depth.get() > 0


@contextmanager
def inside_transform() -> Iterator[None]:
    """Record, and keep results as nodes, whatever surrounds the block."""
    token = _depth.set(_depth.get() + 1)
    try:
        with recording():
            yield
    finally:
        _depth.reset(token)


class Call:
    """One call of f with variables for some arguments, and what came out."""

    def __init__(self, f: Function, args: Sequence[Any], argnums: Argnums,
                 kwargs: dict[str, Any]) -> None:
        self.single = isinstance(argnums, int)
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        for i in numbers:
            if not -len(args) <= i < len(args):
                raise ShapeError(f"argnums {i} for a call with {len(args)} positional arguments")
        if len({i % len(args) for i in numbers}) < len(numbers):
            raise ShapeError(f"argnums {argnums} names an argument twice")
        self.recorded = is_recording()  # inside no_grad, results are plain whatever the level
        self.nested = self.recorded and (
            _depth.get() > 0 or any(isinstance(x, Node) for x in flat([list(args), kwargs]))
        )
        self.began = serial()
        with inside_transform():
            self.trees = tuple(tree_map(variable, args[i]) for i in numbers)
            self.variables = flat(self.trees)
            called = list(args)
            for i, tree in zip(numbers, self.trees, strict=True):
                called[i] = tree
            self.output = f(*called, **kwargs)
        self.nested = self.nested or (self.recorded and self._meets_other_variables())

    def _meets_other_variables(self) -> bool:
        """Whether the result depends on leaves from outside, such as parameters f closes over."""
        outputs = [y for y in flat(self.output) if isinstance(y, Node)]
        return any(node.op is None and node.params is not None and node.params < self.began
                   for y in outputs for node in consumers_first(y))

    @property
    def value(self) -> Any:
        """f's result, plain if nobody differentiates it again."""
        return self.output if self.nested else tree_map(lambda y: own(plain(y)), self.output)

    def scalar(self) -> Node:
        """f's result, if it is one number."""
        output = _node(self.output)
        if np.size(output.value) != 1:
            raise ShapeError(
                f"the function returned shape {shape(self.output)}; a gradient is that of one "
                "number: reduce it (np.sum, np.mean), or use jacobian or vjp"
            )
        return output

    def pull(self, output: Node, seed: Any, create_graph: bool = False) -> list[Any]:
        """∂(seed·output)/∂variable, for each; 0 for one that the output doesn't reach."""
        found = collect(output, self.variables, seed, create_graph or self.nested)
        full = [zero_like(v) if g is None else g
                for g, v in zip(found, self.variables, strict=True)]
        if not (create_graph or self.nested):
            return full
        return [as_node(g) for g in full]

    def shaped(self, leaves: Sequence[Any]) -> Any:
        """One gradient per variable, in the shape of the arguments."""
        tree = _like(self.trees, leaves)
        return tree[0] if self.single else tree


def _node(y: Any) -> Node:
    """f's result, if it is one node."""
    if not isinstance(y, Node):
        raise GraphError(
            f"the function returned a {type(y).__name__}, which has no gradient: either it "
            "doesn't depend on the arguments, or the graph was cut by float(), .item(), .data or "
            "the like"
        )
    return y


DERIVED: WeakKeyDictionary[Function, tuple[str, Function, Argnums]] = WeakKeyDictionary()
"""Of a transform's result: which transform, of what. (Not an attribute: wrappers copy these.)"""


def _derived(name: str, f: Function, argnums: Argnums, function: Function) -> Function:
    """`function`, with a note of what it is made from; of a compiled program, a program."""
    if hasattr(f, "transformed"):
        program: Function = f.transformed(name, argnums)
        return program
    DERIVED[function] = (name, f, argnums)
    return function


# ── the transforms ───────────────────────────────────────────────────────────────────────────


def value_and_grad(f: Function, argnums: Argnums = 0) -> Function:
    """x ↦ (f(x), ∇f(x)) for a scalar f, by one forward and one backward pass.

    >>> value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """

    def both(*args: Any, **kwargs: Any) -> Any:
        call = Call(f, args, argnums, kwargs)
        y = call.scalar()
        return call.value, call.shaped(call.pull(y, one_like(y)))

    return _derived("value_and_grad", f, argnums, both)


def grad(f: Function, argnums: Argnums = 0) -> Function:
    """x ↦ ∇f(x) for a scalar f: a function of the same arguments.

    argnums: which positional argument, or a tuple of them (then a tuple comes out). Each
    gradient has the form and shape of its argument. Raises `ShapeError` if f's result isn't
    one number, `GraphError` if it isn't a node at all.

    >>> import numpy as np
    >>> grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    array([ 3., 12.])
    >>> round(grad(grad(np.tanh))(0.5), 12)
    -0.726861981384
    """
    both = value_and_grad(f, argnums)
    return _derived("grad", f, argnums, lambda *args, **kwargs: both(*args, **kwargs)[1])


def vjp(f: Function, *args: Any) -> tuple[Any, Function]:
    """(f(x), pullback): the pullback takes a cotangent of f(x)'s shape to one per argument.

    >>> import numpy as np
    >>> y, pullback = vjp(lambda a, b: a * b, np.array([1.0, 2.0]), 3.0)
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 3., 30.]), 21.0)
    """
    call = Call(f, args, tuple(range(len(args))), {})
    output = _node(call.output)

    def pullback(cotangent: Any) -> Any:
        if shape(cotangent) != shape(output):
            raise ShapeError(
                f"the cotangent has shape {shape(cotangent)}, f's result {shape(output)}"
            )
        seed = as_seed(cotangent, output)
        return call.shaped(call.pull(output, seed, create_graph=isinstance(seed, Node)))

    return call.value, pullback


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """(f(x), J·v): the derivative of f at `primals` in the direction `tangents`.

    The pullback is linear in its cotangent; differentiating it with respect to that gives J.

    >>> jvp(lambda a, b: a * b, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    directions = _directions(primals, tangents)
    call = Call(f, primals, tuple(range(len(primals))), {})
    call.nested = call.nested or any(isinstance(v, Node) for v in directions)
    pushed = [_push(call, y, directions) for y in flat(call.output)]
    return call.value, _like(call.output, pushed)


def _push(call: Call, y: Any, tangents: Sequence[Any]) -> Any:
    """J·v for one output."""
    y = _node(y)
    with inside_transform():
        u = leaf(one_like(y))
        products = [sum(multiply(g, v)) for g, v in
                    zip(call.pull(y, u, create_graph=True), tangents, strict=True)]
        total = products[0]
        for product in products[1:]:
            total = total + product
        (g,) = collect(total, [u], one_like(total), create_graph=call.nested)
        if has_nan(g) and rules_for_equal_values(consumers_first(y), sweep):
            g = _by_rows(call, y, tangents)
    if g is None:
        return np.zeros(shape(y))[()] if shape(y) else 0.0
    return g if isinstance(g, Node) else plain(own(g))


def _by_rows(call: Call, y: Node, tangents: Sequence[Any]) -> Any:
    """J·v from the rows of J: a limit (see ops/equal_values.py) is one of numbers, not of u."""
    seeds = np.eye(np.size(y.value)).reshape(-1, *shape(y))
    rows = [builtins.sum(sum(multiply(g, v)) for g, v in
                         zip(call.pull(y, as_seed(seed, y)), tangents, strict=True))
            for seed in seeds]
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
        if shape(x) != shape(theirs[path]):
            raise ShapeError(f"tangent {path} has shape {shape(theirs[path])}, its primal "
                             f"{shape(x)}")
    return [theirs[path] for path in ours]


def jacobian(f: Function, argnums: Argnums = 0) -> Function:
    """x ↦ ∂f/∂x, of shape f(x).shape + x.shape: one backward pass per entry of f(x).

    Where f's result or the argument is nested, so is the Jacobian: results outside.

    >>> import numpy as np
    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    def jac(*args: Any, **kwargs: Any) -> Any:
        call = Call(f, args, argnums, kwargs)
        return tree_map(lambda y: call.shaped(_rows(call, y)), call.output)

    return _derived("jacobian", f, argnums, jac)


def _rows(call: Call, y: Any) -> list[Any]:
    """For each variable, the derivative of every entry of y, in y's shape first."""
    y = _node(y)
    seeds = [1.0] if type(y.value) is float else np.eye(y.value.size, dtype=y.value.dtype)
    rows = [call.pull(y, np.reshape(s, shape(y)) if shape(y) else one_like(y)) for s in seeds]
    if not rows:
        return [np.zeros(shape(y) + shape(v)) for v in call.variables]
    if not shape(y):
        return rows[0]
    return [reshape(stack(list(column)), shape(y) + shape(v))
            for column, v in zip(zip(*rows, strict=True), call.variables, strict=True)]


def hessian(f: Function, argnums: Argnums = 0) -> Function:
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
    return jvp(grad(f, tuple(range(len(primals)))), primals, tangents)[1]
