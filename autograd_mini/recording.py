"""Whether operations are recorded, what may be, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from .errors import DTypeError
from .graph import Node, leaf, raw

__all__ = ["NUMBERS", "as_floats", "as_held", "called_by", "check_real", "compared", "detached",
           "guard", "guarded_by", "is_recording", "kept", "lock", "must_not_cut", "no_grad",
           "one_real_number", "plain_array", "recording", "tell_of_constant", "tell_of_cut",
           "transforming", "undisturbed", "unrecorded", "watched_by", "watcher"]

unrecorded = -1
"""In the place of that number: the node was computed, under `no_grad`, of what isn't known."""

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


@contextmanager
def undisturbed() -> Iterator[None]:
    """Recording on, and NumPy's warnings off."""
    with recording(watched=False), np.errstate(all="ignore"):
        yield


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


# ── what may be recorded ─────────────────────────────────────────────────────────────────────

NUMBERS = frozenset({float, int, bool})


def kept(x: Any, name: str) -> Any:
    """The number or array in x, an argument of `name`, safe to keep: it will never change.

    Raises `DTypeError` for what isn't a number, an array of real numbers or a node.
    """
    if isinstance(x, Node):
        if x.op is None and type(x.value) is np.ndarray and x.value.flags.writeable:
            # Tensor.data has handed it out, and there may be views of it: record a copy.
            # The one handed out can't be written to any longer, which says that it is stale.
            lock(x.value)
            x.value = x.value.copy()
            lock(x.value)
        return x.value
    if type(x) in NUMBERS:
        return x
    if isinstance(x, np.ndarray | np.generic | list | tuple):
        array = plain_array(x, f"an argument of {name}")
        if isinstance(x, np.generic):  # one number never decides the dtype: float32 stays
            return x.item()
        return np.array(array)  # read-only or not: there may be a view that isn't
    raise DTypeError(f"{name} can't take a {type(x).__name__} beside a node; "
                     "give it a number, an array or a node")


def one_real_number(x: Any) -> float:
    """x as a Python float; refused if it isn't one real number."""
    if type(x) is float:
        return x
    if isinstance(x, Node) or not isinstance(x, int | float | np.number | np.bool_ | np.ndarray):
        what = "a node: it is one already" if isinstance(x, Node) else f"{type(x).__name__} {x!r}"
        raise DTypeError(f"a Value holds one real number, not {what}")
    if isinstance(x, np.ndarray):
        x = plain_array(x, "the number of a Value") if not np.iscomplexobj(x) else x
    if np.ndim(x) or np.iscomplexobj(x):
        raise DTypeError(
            f"a Value holds one real number, not {type(x).__name__} of shape {np.shape(x)} and "
            f"dtype {np.result_type(x)}: use Tensor for arrays; complex has no gradient here"
        )
    return float(x)


def as_held(y: Any, inputs: Sequence[Any]) -> Any:
    """`y` as a node holds it: an array if it is one or comes from one, else a float."""
    if type(y) is float or (type(y) is np.ndarray and y.ndim):
        return y
    if np.ndim(y) or any([type(x) is np.ndarray for x in inputs]):
        return np.asarray(y)
    return float(y)


def as_floats(x: Any, y: Any) -> Any:
    """An array of integers as floats of y's kind: to a rule, b − 1 must not wrap around."""
    integers = type(x) is np.ndarray and x.dtype.kind in "iu"
    return x.astype(np.result_type(y)) if integers else x


def detached(y: Any, parents: Sequence[Node | None]) -> Node:
    """A node that holds y, and says of itself that what it was computed from isn't recorded."""
    node = leaf(y)
    node.params = unrecorded
    tell_of_cut(*parents)
    return node


def lock(*arrays: Any) -> None:
    """Make these read-only, as far as they are arrays."""
    for x in arrays:
        if type(x) is np.ndarray:
            x.flags.writeable = False


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
