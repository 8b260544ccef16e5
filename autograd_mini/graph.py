"""A node is a value and the record of its making; a graph is nodes that name their parents.

`x * y` makes a node that holds the product, the operation `multiply`, and the two nodes it was
made from. Nothing else is stored: no closures, so no reference cycles, and a graph that nobody
holds any longer is freed at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .errors import DTypeError, GraphError

if TYPE_CHECKING:
    from .primitive import Primitive

__all__ = ["Node", "called_by", "compared", "consumers_first", "guard", "guarded_by", "leaf",
           "must_not_cut", "no_grad", "plain_array", "raw", "tell_of_constant", "tell_of_cut",
           "transforming", "watched_by", "watcher"]


class Node:
    """One vertex of a computation graph; `Value` and `Tensor` are the two kinds.

    | field     | what it is                                                                   |
    |-----------|------------------------------------------------------------------------------|
    | `value`   | the number (float) or the array (ndarray) held                               |
    | `op`      | the `Primitive` that made it; None for a leaf                                |
    | `a`, `b`  | the inputs of `op`, as raw numbers or arrays at recording time: a later      |
    |           | update of a parent can't change the gradient of what was already computed    |
    | `from_a`, | the nodes that `a` and `b` came from, its parents; None for a constant       |
    | `from_b`  |                                                                              |
    | `params`  | what `op` was told besides (`axis`, `shape`, …); of a leaf that the user     |
    |           | made, its serial number                                                      |
    | `gradient`| ∂output/∂self of the last backward; None if not computed                     |
    | `label`   | the user's name for it                                                       |

    Nearly every operation has one input or two, and they lie in the node itself: a tuple for
    them would be one more object for Python's cyclic collector to visit, which is what large
    graphs spend their time on. Where there are more (`where`, `w·x + b`), `a` and `from_a` are
    tuples. `inputs` and `parents` give them as tuples in any case.

    `value` and `gradient` are the engine's; users go through `data` and `grad`, which check what
    comes in and let nobody change a recorded number from outside.
    """

    __slots__ = ("a", "b", "from_a", "from_b", "gradient", "label", "op", "params", "value")

    value: Any
    op: Primitive | None
    a: Any
    b: Any
    from_a: Any
    from_b: Node | None
    params: Any
    gradient: Any
    label: str

    __hash__ = object.__hash__  # by identity, although == compares values, as in PyTorch

    @property
    def parents(self) -> tuple[Node | None, ...]:
        """Per argument of `op`, in order, the node it came from; None where it was a constant."""
        if self.op is None:
            return ()
        if type(self.a) is tuple:
            return cast("tuple[Node | None, ...]", self.from_a)
        return (self.from_a,) if self.b is None else (self.from_a, self.from_b)

    @property
    def inputs(self) -> tuple[Any, ...]:
        """Per argument of `op`, in order, the raw number or array at recording time."""
        if self.op is None:
            return ()
        if type(self.a) is tuple:
            return self.a
        return (self.a,) if self.b is None else (self.a, self.b)

    def remember(self, op: Primitive, inputs: tuple[Any, ...], parents: tuple[Node | None, ...],
                 params: Any) -> None:
        """Record that `op` made this node, of these inputs that came from these nodes."""
        self.op, self.params = op, params
        if op.few:
            self.a, self.from_a = inputs[0], parents[0]
            if len(inputs) == 2:
                self.b, self.from_b = inputs[1], parents[1]
        else:
            self.a, self.from_a = inputs, parents

    @property
    def is_leaf(self) -> bool:
        """Whether the node was made by the user rather than by an operation."""
        return self.op is None

    # micrograd's names, so that code written for it (the lecture's `draw_dot`) finds them.
    @property
    def _prev(self) -> set[Node]:
        return {parent for parent in self.parents if parent is not None}

    @property
    def _op(self) -> str:
        return "" if self.op is None else self.op.symbol

    def __reduce__(self) -> Any:  # deep copies and pickles
        if self.op is not None and not must_not_cut():
            kind = type(self).__name__
            raise GraphError(
                f"only a leaf can be copied deeply or pickled, not a computed {kind}: keep "
                f"{kind}(x.data), or the parameters it was computed from"
            )
        if must_not_cut():
            raise GraphError(
                "a node can't be pickled inside a function that is being differentiated, for what "
                "comes back would be another variable: pickle x.data if a constant is meant"
            )
        tell_of_cut(self)
        return _rebuilt, (type(self), self.value, self.gradient, self.label)

    def __deepcopy__(self, memo: Any) -> Node:
        """A leaf of its own; while a function is differentiated, a node that depends on this."""
        if must_not_cut():
            return self.copy()  # type: ignore[attr-defined,no-any-return]
        kind, state = self.__reduce__()
        twin: Node = kind(*state)
        return twin

    def __copy__(self) -> Node:
        """A leaf of its own, or another node with the same record and the same graph behind."""
        if must_not_cut():
            return self.copy()  # type: ignore[attr-defined,no-any-return]
        if self.op is None:
            tell_of_cut(self)
            return _rebuilt(type(self), self.value, self.gradient, self.label)
        twin = leaf(self.value)
        for field in ("op", "a", "b", "from_a", "from_b", "params", "gradient", "label"):
            setattr(twin, field, getattr(self, field))
        return twin


def _rebuilt(kind: Any, value: Any, gradient: Any, label: str) -> Node:
    node: Node = kind(value, label)
    node.gradient = np.array(gradient) if isinstance(gradient, np.ndarray) else gradient
    return node


serial = itertools.count().__next__
"""Numbers the leaves that users make, so that a transform can tell those made before its call."""

unrecorded = -1
"""In the place of that number: the node was computed, under `no_grad`, of what isn't known."""

KINDS: dict[type, type[Node]] = {}
"""Which kind of node holds which kind of value: float → Value, ndarray → Tensor."""


def leaf(value: Any, lock: bool = True) -> Node:
    """A new variable holding `value`: a `Value` for a float, a `Tensor` for an ndarray.

    lock: an array is made read-only: it may be shared, and `Tensor.data` hands out a copy. What
    is about to become the result of an operation needs none, for nobody gets at its array.
    """
    if lock and type(value) is np.ndarray:
        value.flags.writeable = False
    node = object.__new__(KINDS[type(value)])
    node.value, node.label = value, ""
    node.op = node.a = node.b = node.from_a = node.from_b = node.params = node.gradient = None
    return node


def raw(x: Any) -> Any:
    """The number or array in a node; anything else as it is."""
    return x.value if isinstance(x, Node) else x


def wide(x: Any) -> Any:
    """A Python number as np.float64, whose poles are inf and nan rather than exceptions."""
    return np.float64(x) if isinstance(x, float | int) else x


def consumers_first(output: Node, without: tuple[Node | None, ...] = ()) -> list[Node]:
    """Every node that `output` depends on, each after all the nodes that consume it.

    without: nodes that are left out, with all that only they depend on.

    A topological sort: depth-first, a node is put down after all its parents (Tarjan 1976), and
    the order is read backwards. The stack is a list, not Python's, so a chain of a million
    nodes is no deeper than one of ten.
    """
    put_down: list[Node] = []
    seen: set[Node | None] = {None, *without}  # None stands for a constant
    stack: list[Node | None] = [output]
    while stack:
        node = stack.pop()
        if node is None:  # the mark: all parents of the node below it are put down
            put_down.append(stack.pop())  # type: ignore[arg-type]
        elif node not in seen:
            seen.add(node)
            first, second = node.from_a, node.from_b
            many = type(first) is tuple
            if node.op is None or (many and seen.issuperset(first)):
                put_down.append(node)
            elif many:
                stack += node, None, *[parent for parent in first[::-1] if parent not in seen]
            else:
                stack.append(node)
                stack.append(None)
                if second not in seen:
                    stack.append(second)
                if first not in seen:
                    stack.append(first)
    put_down.reverse()
    return put_down


# ContextVars, not module globals: two threads (or async tasks) must not switch each other off.
# Whether operations are recorded: True, False, or a watcher (see watch.py), which looks on.
_recording: ContextVar[Any] = ContextVar("autograd_mini.recording", default=True)
is_recording = _recording.get
_watching: ContextVar[Any] = ContextVar("autograd_mini.watching", default=None)
watcher = _watching.get
"""The watcher of the innermost `detect_anomaly` block, or None."""


@contextmanager
def _recording_is(on: Any) -> Iterator[None]:
    token = _recording.set(on)
    try:
        yield
    finally:
        _recording.reset(token)


@contextmanager
def watched_by(someone: Any) -> Iterator[None]:
    """A `with` block in which `someone` is told of each node made, and of each cut."""
    token = _watching.set(someone)
    try:
        with _recording_is(someone if is_recording() else False):
            yield
    finally:
        _watching.reset(token)


def no_grad() -> AbstractContextManager[None]:
    """A `with` block in which operations on nodes compute but record nothing.

    >>> import autograd_mini as ag
    >>> x = ag.Value(3.0)
    >>> with ag.no_grad():
    ...     y = x * x
    >>> y.is_leaf
    True
    """
    return _recording_is(False)


def recording(watched: bool = True) -> AbstractContextManager[None]:
    """A `with` block in which operations are recorded, whatever surrounds it."""
    return _recording_is((watched and watcher()) or True)


_guarding: ContextVar[Any] = ContextVar("autograd_mini.guarding", default=None)
guard = _guarding.get
"""Who records a program to be replayed, and must know what it looked at; or None."""


@contextmanager
def guarded_by(someone: Any) -> Iterator[None]:
    """A `with` block in which `someone` is told of every number that is compared or taken out."""
    token = _guarding.set(someone)
    try:
        with _recording_is(True):
            yield
    finally:
        _guarding.reset(token)


# The transform that is calling a function just now, whose results must stay nodes; or None.
transforming: ContextVar[Any] = ContextVar("autograd_mini.transforming", default=None)


@contextmanager
def called_by(someone: Any) -> Iterator[None]:
    """A `with` block of recording in which `someone`, a transform, is told of each cut."""
    token = transforming.set(someone)
    try:
        with recording():
            yield
    finally:
        transforming.reset(token)


def must_not_cut() -> bool:
    """Whether a number taken out of a node by accident would make a result silently wrong.

    So it is while a transform, a check or a program calls a function; not inside `cut_report`,
    which is there to tell of it.
    """
    someone = watcher()
    if someone is not None and (someone.reports or not someone.refuse):
        return not someone.reports  # a check watches, and doesn't refuse nan
    return transforming.get() is not None or guard() is not None


def tell_of_cut(*nodes: Any) -> None:
    """Tell whoever wants to know that plain numbers are taken out of these nodes."""
    taken = [node for node in nodes if isinstance(node, Node)]
    tell_of_constant(*taken)
    if (someone := watcher()) is not None:
        someone.lost(*taken)
    if (someone := transforming.get()) is not None:
        someone.cut(*taken)


def tell_of_constant(*nodes: Any) -> None:
    """The same where what comes out is constant by nature (np.sign …): no derivative is lost."""
    for someone in (watcher(), guard()):
        if someone is not None:
            someone.cut(*[node for node in nodes if isinstance(node, Node)])


def compared(how: Callable[[Any, Any], Any], a: Node, b: Any) -> Any:
    """how(a, b) of the plain numbers: a bool, or an array of bools."""
    outcome = how(a.value, raw(b))
    if (someone := watcher()) is not None and not someone.strict:
        someone.cut(a)
    if (someone := guard()) is not None:
        someone.compared(how, a, b, outcome)
    return outcome


def plain_array(x: Any, what: str) -> np.ndarray:
    """x as an array of real numbers; refused if it is of a kind whose operators mean other things.

    Raises `DTypeError`, naming the kind or the dtype.
    """
    if isinstance(x, np.ndarray) and type(x) not in (np.ndarray, np.memmap):
        cure = {
            "matrix": "its * is a matrix product: use np.asarray(m), and @ on arrays",
            "MaskedArray": "its mask would be lost: use m.data, and np.where with the mask",
        }.get(type(x).__name__, "its operators may mean something else: use np.asarray(x)")
        raise DTypeError(f"{what} is a {type(x).__module__}.{type(x).__name__}; {cure}")
    array = np.asarray(x)
    check_real(array, what)
    return array


def check_real(array: np.ndarray, what: str) -> None:
    """Raise `DTypeError` unless `array` holds real numbers (bool, integer or float)."""
    if array.dtype.kind not in "fiub":
        cure = {
            "c": "split it into real and imaginary parts",
            "O": "build a float array (nodes are joined by ag.stack or np.stack, not np.array)",
        }.get(array.dtype.kind, "convert it with .astype(float)")
        raise DTypeError(
            f"{what} has dtype {array.dtype}; only real numbers have gradients here: {cure}"
        )
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        raise DTypeError(f"{what} has dtype {array.dtype}; use float32 or float64")
