"""One call of a function on variables: what a transform starts with, and what can go wrong there.

The arguments that are to be differentiated by are replaced by nodes, and the function is called;
a gradient of the result is then one sweep back to these nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .argnums import Argnums, places
from .backprop import as_node, collect, copy_if_array, zero_like
from .errors import (
    AutogradError,
    DTypeError,
    GraphError,
    IndependentWarning,
    ShapeError,
    with_article,
)
from .graph import (
    VARIABLE,
    Node,
    Sought,
    begins_in,
    clock,
    leaf,
    made,
    topological_order,
    value_of,
)
from .ops import positive, shape, stop_gradient, total
from .places import Spot, place_in, users_spot, warn
from .recording import (
    Observer,
    called_by,
    current_tracer,
    or_as_written,
    plain_array,
    recording_mode,
    transforming,
)
from .trees import flat, is_nested, tree_fill, tree_leaves, tree_map, why_a_leaf

__all__ = ["Argnums", "Call", "Function", "check_result", "described", "inside_transform",
           "is_inside_transform", "plain", "variable"]

Function = Callable[..., Any]

_NUMBERS = (float, int, np.bool_, np.integer, np.floating)

MOST_CUTS = 1000
"""So many are remembered of one call."""


def plain(x: Any) -> Any:
    """A node's number or array; one number comes as a float, not as an array of shape ()."""
    value = value_of(x)
    return value[()] if isinstance(value, np.ndarray) and not value.ndim else value


# ── variables ────────────────────────────────────────────────────────────────────────────────


def variable(x: Any, what: str = "an argument to differentiate") -> Any:
    """A node of its own for the argument x: nested transforms must not mistake two levels.

    None, which holds no number, stays None. Raises `DTypeError` for what else is no number.
    """
    if isinstance(x, Node):
        return positive(x)
    if isinstance(x, _NUMBERS):
        return _fresh(float(x))
    if x is None:
        return None
    if not isinstance(x, np.ndarray | np.generic | complex):
        raise DTypeError(_no_number(x, what))
    array = plain_array(x, what)
    return _fresh(np.array(array) if array.dtype.kind == "f" else array.astype(np.float64))


def _no_number(x: Any, what: str) -> str:
    """Why x can't be differentiated with respect to, and what to do."""
    kind = type(x).__name__
    a_kind = with_article(kind)
    if why := why_a_leaf(x):
        return (f"{what} is {a_kind}, which can't be taken apart: {why}; give its fields as a "
                f"dict, and make the {kind} inside the function")
    shown = f", {x!r}" if isinstance(x, str | bytes) else ""
    if hasattr(x, "__array__") or (hasattr(x, "__len__") and not shown):
        return (f"{what} is {a_kind}, and its gradient would be of another kind: give an array "
                "(np.asarray), or a tuple, list, dict or dataclass of arrays")
    return (f"{what} is {a_kind}{shown}, and has no gradient: only real numbers, arrays of them "
            "and None may be in there; pass the rest as an argument that argnums doesn't name")


def _fresh(value: Any) -> Node:
    """A leaf that counts as the user's: a transform inside can tell that it is from outside."""
    node = leaf(value)
    node.params = VARIABLE
    return node


def _variables(tree: Any, place: int | str) -> Any:
    """The argument with a node for each number; refused with the path of what is none."""
    try:
        return tree_map(variable, tree)
    except DTypeError:
        for path, x in tree_leaves(tree, f"argument {place!r}"):  # only now: the paths take time
            variable(x, path)
        raise


# ── calling a function on variables ──────────────────────────────────────────────────────────


def is_inside_transform() -> bool:
    """Whether a transform is calling a function just now."""
    return transforming.get() is not None


def inside_transform() -> AbstractContextManager[None]:
    """Record, and keep results as nodes, whatever surrounds the block."""
    return called_by(Observer())


def _called(f: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """f(*args, **kwargs); a refusal that NumPy has wrapped in an error of its own is unwrapped."""
    try:
        return f(*args, **kwargs)
    except ValueError as error:
        if isinstance(error.__cause__, AutogradError):
            raise error.__cause__ from None
        raise


class Call:
    """One call of f with variables for some arguments, and what came out."""

    def __init__(self, f: Function, args: Sequence[Any], argnums: Argnums,
                 kwargs: dict[str, Any], has_aux: bool = False) -> None:
        self.single, self.has_aux = not isinstance(argnums, tuple), has_aux
        found, kwargs = places(f, argnums, args, kwargs)
        self.outer = transforming.get()
        self.recorded = recording_mode()  # inside no_grad, results are plain whatever the level
        self.nested = self.recorded and (  # else a program would have the result as a constant
            current_tracer() is not None
            or any([isinstance(x, Node) for x in flat([list(args), kwargs])])
        )
        self.inner = self.told = False  # whether f called a transform; whether we have warned
        if isinstance(self.outer, Call):
            self.outer.inner = True
        self.cuts: list[tuple[Node, Spot | None]] = []
        self.constants: set[Node] = set()  # nodes of other calls, which are over
        self.began = clock.tick()
        with called_by(self):
            self.trees = tuple([_variables(args[i] if isinstance(i, int) else kwargs[i], i)
                                for i in found])
            self.variables = [v for v in flat(self.trees) if v is not None]
            self.sought = Sought(self.variables)
            called, named = list(args), dict(kwargs)
            for i, tree in zip(found, self.trees, strict=True):
                # f may change the lists that it is given
                given: Any = called if isinstance(i, int) else named
                given[i] = tree_map(_itself, tree) if is_nested(tree) else tree
            output = _called(f, called, named)
        self.aux: Any = None
        self.output, self.aux = _pair(output) if has_aux else (output, None)
        self.nested = self.nested or (self.recorded and self._meets_nodes_from_outside())

    def detached(self, *nodes: Node) -> None:
        """Plain numbers were taken out of nodes, and the graph is cut there."""
        if len(self.cuts) < MOST_CUTS:
            spot = users_spot()
            self.cuts.extend([(node, spot) for node in nodes])
        if self.outer is not None:
            self.outer.detached(*nodes)

    def _meets_nodes_from_outside(self) -> bool:
        """Whether the result depends on such nodes, as parameters that f closes over."""
        if isinstance(self.output, Node) and not self.has_aux and begins_in(
                self.output, self.sought):
            return False
        results = [self.output, self.aux] if self.has_aux else self.output
        outputs = [y for y in flat(results) if isinstance(y, Node)]
        return any(node.made_at < self.began and (node.op is not None or node.params == VARIABLE)
                   and node not in self.constants
                   for y in outputs for node in topological_order(y, since=self.began))

    def is_constant(self, output: Node) -> None:
        """Tell the calls that go on that this one's graph, of plain numbers, is over.

        A pullback of it, applied to a node, depends on that node alone.
        """
        caller = transforming.get()
        if self.nested or not isinstance(caller, Call):
            return
        graph = topological_order(output, since=self.began)
        while isinstance(caller, Call):
            caller.constants.update(graph)
            caller = caller.outer

    @property
    def value(self) -> Any:
        """f's result: nodes if it is differentiated again, else plain numbers and arrays."""
        if self.nested:
            return self.output
        return tree_map(lambda y: copy_if_array(plain(y)), self.output)

    def with_aux(self, *results: Any) -> Any:
        """The result of a transform; if f returns (y, aux), with aux as the last one.

        aux is plain, or its nodes stay in their graph, as `value`; what holds no node is itself.
        """
        if self.has_aux:
            plain_now = not self.nested and any([isinstance(x, Node) for x in flat(self.aux)])
            results += (tree_map(_plain_if_node, self.aux) if plain_now else self.aux,)
        return results if len(results) > 1 else results[0]

    def scalar(self) -> Node:
        """f's result, if it is a node that holds one number."""
        if not isinstance(self.output, Node):
            check_result(self.output)
            _check_single(self.output)
            raise GraphError(self._why_independent() or "the result doesn't depend on the "
                             f"arguments: the function returned {described(self.output)}")
        _check_single(self.output)
        return self.output

    def number(self) -> Node:
        """f's result, if it is one number; a node for it if it is plain, and warned of."""
        _check_single(self.output)
        return self.node(self.output)

    def node(self, y: Any) -> Node:
        """A node for a part of f's result. A plain number has derivative 0, if none was cut."""
        if isinstance(y, Node):
            return y
        check_result(y)
        self._tell_independence()
        if isinstance(y, float | int):
            return leaf(float(y))
        array = np.array(y)
        return leaf(array if array.dtype.kind == "f" else array.astype(np.float64))

    def pull(self, output: Node, seed: Any, create_graph: bool = False, quiet: bool = True
             ) -> list[Any]:
        """∂(seed·output)/∂variable, for each; 0 for one that the output doesn't reach.

        quiet: say nothing if it reaches none of them.
        """
        found = collect(output, self.variables, seed, create_graph or self.nested, self.sought)
        if not quiet and found and all([g is None for g in found]):
            self._tell_independence(silently=self.inner)  # the gradient of a linear function, say
        full = [zero_like(v) if g is None else g
                for g, v in zip(found, self.variables, strict=True)]
        if not (create_graph or self.nested):
            return full
        return [as_node(g) for g in full]

    def _tell_independence(self, silently: bool = False) -> None:
        """Raise if numbers were taken out of nodes on the way; else warn, once."""
        if self.told or not self.variables:
            return
        self.told = True
        if why := self._why_independent():
            raise GraphError(why)
        if not silently:
            warn("the function's result doesn't depend on the arguments it is differentiated by "
                 "(or only by steps, as np.sign does), so the derivative is 0", IndependentWarning)

    def _why_independent(self) -> str:
        """Where numbers were taken out of what depends on the variables; "" if nowhere."""
        cut = tuple([node for node, _ in self.cuts])
        root = made(total, 0.0, tuple([node.value for node in cut]), cut, {})
        depends = set(self.variables)
        for node in topological_order(root, since=self.began)[:0:-1]:
            if node.op is not stop_gradient and not depends.isdisjoint(node.parents):
                depends.add(node)
        spots = dict.fromkeys(spot for node, spot in self.cuts if spot and node in depends)
        places = dict.fromkeys(str(place_in(spot)) for spot in spots)
        if not places:
            return ""
        return (f"the result doesn't depend on the arguments: the graph was cut by "
                f"{' and '.join([*places][:3])}, where a plain number was taken out of a node "
                "(float(), .item(), .data, no_grad() do that): compute with the node itself"
                + or_as_written())

    def shaped(self, leaves: Sequence[Any]) -> Any:
        """One gradient per variable, in the shape of the arguments."""
        tree = tree_fill(self.trees, leaves)
        return tree[0] if self.single else tree


def _itself(x: Any) -> Any:
    return x


def _plain_if_node(x: Any) -> Any:
    return copy_if_array(plain(x)) if isinstance(x, Node) else x


def _pair(output: Any) -> tuple[Any, Any]:
    """What f returned, taken apart as (y, aux)."""
    if not isinstance(output, tuple | list) or len(output) != 2:
        raise DTypeError(f"has_aux=True is for a function that returns a pair, (y, aux); this one "
                         f"returned {described(output)}")
    return output[0], output[1]


def _check_single(output: Any) -> None:
    """Raise unless f's result is one number, or at least no container and no larger array."""
    if not isinstance(output, Node) and is_nested(output):
        raise DTypeError(
            f"the function returned {described(output)}; a gradient is that of one number: return "
            "a single one, or (y, aux) with has_aux=True, or use jacobian, which takes nested "
            "results"
        )
    if np.size(value_of(output)) != 1:
        raise ShapeError(
            f"the function returned shape {shape(output)}; a gradient is that of one "
            "number: reduce it (np.sum, np.mean), or use jacobian or vjp"
        )


def check_result(y: Any) -> None:
    """Raise unless y is made of plain real numbers, which have derivative 0."""
    kind = np.asarray(y).dtype.kind if isinstance(y, np.ndarray | np.generic) else (
        "f" if isinstance(y, float | int) and not isinstance(y, bool) else "")
    if kind and kind in "fiu":
        return
    if y is None:
        cure = "has it a `return`, on every way through it?"
    elif isinstance(y, bool) or kind == "b":
        cure = "return a number; np.where(condition, a, b) chooses one"
    elif isinstance(y, complex) or kind == "c":
        cure = "return its real and its imaginary part as two numbers"
    else:
        cure = "return a number or an array made of the arguments"
    raise DTypeError(f"the function returned {described(y)}, which has no derivative: {cure}")


def described(y: Any) -> str:
    """A result in a few words."""
    if y is None:
        return "None"
    if isinstance(y, np.ndarray):
        return f"an array of {'objects' if y.dtype == object else y.dtype}, of shape {y.shape}"
    kind = with_article(type(y).__name__)
    if isinstance(y, tuple | list | dict):
        return f"{kind} of {len(y)}"
    written = f", {y!r}" if isinstance(y, str | bool | int | float | complex | np.generic) else ""
    return f"{kind}{written if len(written) < 60 else ''}"
