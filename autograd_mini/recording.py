"""Whether operations are recorded, what may be, and who is told of it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ContextDecorator
from contextvars import ContextVar, Token
from typing import Any

import numpy as np

from .errors import DTypeError
from .followed import Followed
from .graph import Node, leaf, value_of

__all__ = ["NUMBERS", "Followed", "Observer", "as_node_value", "called_by", "check_real",
           "compared", "current_observer", "current_tracer", "following", "frozen_value",
           "integers_as_floats", "or_as_written",
           "lock", "must_stay_attached", "no_grad", "notify_constant", "notify_detached",
           "observed_by", "one_real_number", "plain_array", "recording", "recording_mode",
           "traced_by", "transforming", "undisturbed", "unrecorded", "unrecorded_node",
           "watched_by"]

unrecorded = -1
"""In the place of a leaf's serial number: it was computed under `no_grad`, of unknown nodes."""


class Observer:
    """Who is told what happens to nodes: the base of all that watch, record or refuse.

    One is asked for by `detect_anomaly`, `strict` and `cut_report`; another records a program that
    is to be replayed (a tracer); a third is the transform that is calling a function.
    """

    strict = False  # whether every detaching is refused
    refuse = False  # whether nan and inf are
    reports = False  # whether detached numbers are only reported, and let happen
    began = 0  # when, by the clock of graph.py: what is older is from outside
    follows = False  # whether plain numbers taken out of nodes are followed, and so stay live

    def made(self, node: Node) -> None:
        """A node was computed."""

    def detached(self, *nodes: Node) -> None:
        """Plain numbers were taken out of these nodes, by `float(v)`, `v.data`, `np.sign(v)` …"""

    def lost(self, *nodes: Node) -> None:
        """Nor are they constant by nature: a gradient may be lost with them."""

    def compared(self, how: Callable[[Any, Any], Any], a: Node, b: Any, outcome: Any) -> None:
        """`how(a, b)` of the plain numbers came out as `outcome`."""

    def cut_is_refused(self) -> None:
        """Plain numbers were to be taken out of a node; the function may catch the refusal."""

    def glance(self, turns: Iterator[Any]) -> Iterator[Any]:
        """The steps of a pass of plain arithmetic, as they come; see `debug.py`."""
        return turns

    def branch_masked(self) -> None:
        """A slope of 0 said "not chosen"; with other numbers it may be chosen."""


# ContextVars, not module globals: two threads (or async tasks) must not switch each other off.
# Whether operations are recorded: True, False, or an observer (see debug.py).
_recording: ContextVar[Any] = ContextVar("autograd_mini.recording", default=True)
recording_mode = _recording.get
"""True, False, or the observer that is told of what is recorded."""
_observing: ContextVar[Any] = ContextVar("autograd_mini.watching", default=None)
current_observer = _observing.get
"""The observer of the innermost `detect_anomaly` block, or None."""


class _Setting(ContextDecorator):
    """A `with` block in which context variables have these values."""

    def __init__(self, *values: tuple[ContextVar[Any], Any]) -> None:
        self.values = values
        self.before: list[list[tuple[ContextVar[Any], Token[Any]]]] = []

    def __enter__(self) -> None:
        self.before.append([(variable, variable.set(value)) for variable, value in self.values])

    def __exit__(self, *error: object) -> None:
        for variable, token in self.before.pop():
            variable.reset(token)

    def _recreate_cm(self) -> _Setting:  # a decorated function may be called by two threads
        return type(self)(*self.values)


def observed_by(observer: Any) -> AbstractContextManager[None]:
    """A `with` block in which `observer` is told of each node made, and of what is detached."""
    return _Setting((_observing, observer), (_recording, _told_too(observer)))


def watched_by(observer: Any) -> AbstractContextManager[None]:
    """A `with` block in which `observer` is told of each node made, and of nothing else."""
    return _Setting((_recording, _told_too(observer)))


class _Both(Observer):
    """Two who are told of each node: a block of `detect_anomaly` may be inside of a drawing."""

    def __init__(self, inner: Any, outer: Any) -> None:
        self.inner, self.outer = inner, outer

    def made(self, node: Node) -> None:
        self.inner.made(node)
        self.outer.made(node)


def _told_too(observer: Any) -> Any:
    """Whom to tell of nodes inside of a block: the observer, and who is told around it."""
    around = recording_mode()
    return _Both(observer, around) if isinstance(around, Observer) else around and observer


def _told() -> Any:
    """Who is told of nodes just now; True if nobody is."""
    around = recording_mode()
    return around if isinstance(around, Observer) else current_observer() or True


def no_grad() -> AbstractContextManager[None]:
    """A `with` block in which operations on nodes compute but record nothing.

    >>> import autograd_mini as ag
    >>> x = ag.Value(3.0)
    >>> with ag.no_grad():
    ...     y = x * x
    >>> y.is_leaf
    True
    """
    return _Setting((_recording, False))


def recording(watched: bool = True) -> AbstractContextManager[None]:
    """A `with` block in which operations are recorded, whatever surrounds it."""
    return _Setting((_recording, (watched and _told()) or True))


def undisturbed() -> AbstractContextManager[None]:
    """A `with` block with recording on, and NumPy's warnings off."""
    return _Undisturbed()


class _Undisturbed(_Setting):
    def __init__(self) -> None:
        super().__init__((_recording, True))
        self.quiet = np.errstate(all="ignore")

    def _recreate_cm(self) -> _Undisturbed:
        return _Undisturbed()

    def __enter__(self) -> None:
        super().__enter__()
        self.quiet.__enter__()

    def __exit__(self, *error: object) -> None:
        self.quiet.__exit__(None, None, None)
        super().__exit__(*error)


_tracing: ContextVar[Any] = ContextVar("autograd_mini.guarding", default=None)
current_tracer = _tracing.get
"""The observer that records a program to be replayed, and must know what was compared; or None."""


def traced_by(tracer: Any) -> AbstractContextManager[None]:
    """A `with` block in which `tracer` is told of every number that is compared or taken out."""
    return _Setting((_tracing, tracer), (_recording, True))


# The transform that is calling a function just now, whose results must stay nodes; or None.
transforming: ContextVar[Any] = ContextVar("autograd_mini.transforming", default=None)


# The run of a function as it is written (see standins/) that is going on; or None.
following: ContextVar[Any] = ContextVar("autograd_mini.as_written", default=None)


def or_as_written() -> str:
    """The cure for code that is refused where `as_written` would follow it."""
    cure = "; or differentiate ag.as_written(f), which follows such code in the function f"
    return "" if following.get() is not None else cure


def called_by(transform: Any) -> AbstractContextManager[None]:
    """A `with` block of recording in which `transform` is told of what is detached."""
    return _Setting((transforming, transform), (_recording, _told()))


def must_stay_attached() -> bool:
    """Whether a number taken out of a node by accident would make a result silently wrong.

    So it is while a transform, a check or a program calls a function; not inside `cut_report`,
    which is there to tell of it.
    """
    observer = current_observer()
    if observer is not None and (observer.reports or not observer.refuse):
        return not observer.reports  # a check watches, and doesn't refuse nan
    return transforming.get() is not None or current_tracer() is not None


def notify_detached(*nodes: Any) -> None:
    """Tell the observers that plain numbers are taken out of these nodes."""
    taken = [node for node in nodes if isinstance(node, Node)]
    notify_constant(*taken)
    if (observer := current_observer()) is not None:
        observer.lost(*taken)
    if (observer := transforming.get()) is not None:
        observer.detached(*taken)


def notify_constant(*nodes: Any) -> None:
    """The same where what comes out is constant by nature (np.sign …): no derivative is lost."""
    for observer in (current_observer(), current_tracer()):
        if observer is not None:
            observer.detached(*[node for node in nodes if isinstance(node, Node)])


def is_live(*xs: Any) -> bool:
    """Whether what is decided by these must hold for other numbers too: an array's node is among
    them, and a program to be replayed is being recorded.
    """
    return current_tracer() is not None and any(
        [isinstance(x, Node) and type(x.value) is np.ndarray for x in xs])


def compared(how: Callable[[Any, Any], Any], a: Node, b: Any) -> Any:
    """how(a, b) of the plain numbers: a bool, or an array of bools."""
    if (tracer := current_tracer()) is not None and tracer.follows:
        return tracer.follow(how, (a, b), {})
    outcome = how(a.value, value_of(b))
    if (observer := current_observer()) is not None and not observer.strict:
        observer.detached(a)
    if tracer is not None:
        tracer.compared(how, a, b, outcome)
    return outcome


# ── what may be recorded ─────────────────────────────────────────────────────────────────────

NUMBERS = frozenset({float, int, bool})


def frozen_value(x: Any, name: str) -> Any:
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
    if type(x) is Followed:
        return x.recorder.constant(x)
    if isinstance(x, np.ndarray | np.generic | list | tuple):
        array = plain_array(x, f"an argument of {name}")
        if isinstance(x, np.generic):  # one number never decides the dtype: float32 stays
            return x.item()
        return kept_copy(array)  # read-only or not: there may be a view that isn't
    raise DTypeError(f"{name} can't take a {type(x).__name__} beside a node; {_cure_for(x)}")


def _cure_for(x: Any) -> str:
    """What to give instead of something that is no number and no array."""
    package = type(x).__module__
    if package.startswith("pandas"):
        return "its labels would be lost: give it .to_numpy()"
    if package.startswith("scipy.sparse"):
        return "a matrix product is A @ x, and anything else takes A.toarray()"
    return "give it a number, an array or a node"


LARGE = 1 << 14
"""From so many bytes on, an array is sooner compared with a copy than copied once more."""

# By the id of the array that was copied; an entry goes with the last node that holds the copy.
_kept: weakref.WeakValueDictionary[Any, np.ndarray] = weakref.WeakValueDictionary()


def kept_copy(x: np.ndarray) -> np.ndarray:
    """A copy of x that will never change: the last one, if x still has the same bits.

    A constant is so held once, by all nodes that use it. The id says where to look; what is found
    there counts only if it is equal, so that neither an x changed in place nor another array in
    the place of one that is gone gives anything but its own numbers.
    """
    if x.nbytes < LARGE:
        return np.array(x)
    copy = _kept.get(id(x))
    if copy is None or not _same_bits(copy, x):
        _kept[id(x)] = copy = np.array(x)
        lock(copy)
    return copy


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are the same: nan is nan, and −0.0 isn't 0.0."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    bits = f"u{a.dtype.itemsize}"
    return bool((a.view(bits) == b.view(bits)).all())


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


def as_node_value(y: Any, inputs: Sequence[Any]) -> Any:
    """`y` as a node holds it: an array if it is one or comes from one, else a float."""
    if type(y) is float or (type(y) is np.ndarray and y.ndim):
        return y
    if np.ndim(y) or any([type(x) is np.ndarray for x in inputs]):
        return np.asarray(y)
    return float(y)


def integers_as_floats(x: Any, y: Any) -> Any:
    """An array of integers as floats of y's kind: to a rule, b − 1 must not wrap around."""
    if type(x) is not np.ndarray or x.dtype.kind not in "iu":
        return x
    if (tracer := current_tracer()) is not None and tracer.follows:
        return tracer.as_floats(x, np.result_type(y))
    if x.nbytes < LARGE:
        return x.astype(np.result_type(y))
    key = id(x), np.result_type(y)
    floats = _kept.get(key)
    if floats is None:
        _kept[key] = floats = x.astype(key[1])
        lock(floats)
        weakref.finalize(floats, id, x).atexit = False  # x lives as long: its id is no other's
    return floats


def unrecorded_node(y: Any, parents: Sequence[Node | None]) -> Node:
    """A node that holds y, and says of itself that what it was computed from isn't recorded."""
    node = leaf(y)
    node.params = unrecorded
    notify_detached(*parents)
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
