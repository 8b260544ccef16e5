"""A program of arrays: what a function of Tensors did, and its gradient, replayed."""

from __future__ import annotations

import contextlib
import html
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import transforms
from ..argnums import positions
from ..backprop import has_nan
from ..call import is_inside_transform, plain, variable
from ..errors import AutogradError, GraphError, NotFollowedError, ShapeError
from ..followed import refuse
from ..graph import Node
from ..recording import check_real
from ..transformed import Transformed
from ..trees import flat, is_nested, steps_into, tree_fill, tree_map
from .array_recorder import ArrayRecorder, NotNowError
from .array_recording import FAILED, Recording, are_as_before, held_in
from .effects import is_observed
from .outside import is_of_library, is_plain

__all__ = ["ArrayProgram"]

MOST_RECORDINGS = 16
"""How many are kept for each form of the arguments, and for how many forms."""


class ArrayProgram:
    """What `compile(…, arrays="whole")` returns. Call it as the function it was made from."""

    def __init__(self, function: Any, branches: str = "record") -> None:
        self.function, self.branches = function, branches
        self.__name__ = getattr(function, "__name__", "program")
        self._recordings: dict[Any, list[_OfForm]] = {}
        gradient = isinstance(function, Transformed) and not function.has_aux and (
            function.name in ("grad", "value_and_grad"))
        # The outermost gradient is written by the rules of the engine; those inside are recorded.
        self._inner = function.f if gradient else function
        self._argnums = positions(function.f, function.argnums) if gradient else None
        self._with_value = gradient and function.name == "value_and_grad"

    def transformed(self, name: str, argnums: Any) -> ArrayProgram:
        """The program of this function's `grad`, `value_and_grad` or `jacobian`."""
        return ArrayProgram(getattr(transforms, name)(self.function, argnums), self.branches)

    def __call__(self, *args: Any) -> Any:
        """The function's result for these arguments, replayed."""
        if is_inside_transform() or is_observed() or any(
                [isinstance(x, Node) for x in flat(list(args))]):
            return self.function(*args)  # others differentiate, or record, what it does
        given = self._checked(args)
        key: list[Any] = []
        arrays: list[Any] = []
        _take_apart(given, key, arrays)
        recordings = self._recordings.setdefault(tuple(key), [])
        for recording in recordings:
            result = recording.result(arrays)
            if result is not FAILED:
                return tree_map(_number, self.function(*args)) if result is _ASK else result
        return self._recorded(recordings, args, given, arrays)

    def _checked(self, args: Sequence[Any]) -> list[Any]:
        """The arguments, those to differentiate by in floats."""
        given = list(args)
        for i in self._positions():
            if not -len(args) <= i < len(args):
                raise ShapeError(f"argnums {i} for a call with {len(args)} arguments")
            given[i] = tree_map(_in_floats, given[i])
        return given

    def _positions(self) -> tuple[int, ...]:
        argnums = self._argnums
        return () if argnums is None else argnums if isinstance(argnums, tuple) else (argnums,)

    def _recorded(self, recordings: list[_OfForm], args: Sequence[Any], given: list[Any],
                  arrays: Sequence[Any]) -> Any:
        """Record for these arguments, and see whether the program gives what the function does."""
        if self.branches == "raise" and any([r.recording.unchanged() for r in recordings]):
            raise GraphError(
                f"{self.__name__}: something was decided differently from when the program was "
                "recorded; compile it with branches='record' to record every way")
        containers = held_in(args)
        expected = tree_map(_number, self.function(*args))
        try:
            if not are_as_before(containers):
                refuse("an argument is changed, or something is stored in it")
            new = _OfForm(self, given)
        except NotNowError:
            return expected
        except NotFollowedError as error:
            raise NotFollowedError(f"{self.__name__}: {error}") from error
        except AutogradError:
            raise
        except Exception as error:
            raise NotFollowedError(f"{self.__name__} can't be recorded: {error}") from error
        result = new.result(arrays)
        if result is FAILED or (result is not _ASK and not _close(result, expected)):
            raise NotFollowedError(
                f"{self.__name__}: replayed, it doesn't give what it gives when it is called: it "
                "depends on something that can't be seen (a file, the time)")
        recordings[:] = [new, *[r for r in recordings if r.recording.unchanged()]][:MOST_RECORDINGS]
        while len(self._recordings) > MOST_RECORDINGS:
            self._recordings.pop(next(iter(self._recordings)))
        return expected

    def __reduce__(self) -> Any:  # a copy records for itself
        return type(self), (self.function, self.branches)

    def __repr__(self) -> str:
        counts = [r.recording.text.count("\n") - 2 for r in self._all()]
        inside = "; ".join([f"{n} statements of NumPy" for n in counts])
        return f"<program {self.__name__}: {inside or 'not recorded yet: call it'}>"

    def __str__(self) -> str:
        """The text of each recording."""
        return "\n\n".join([r.recording.text.rstrip() for r in self._all()]) or repr(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def _all(self) -> list[_OfForm]:
        return [r for recordings in self._recordings.values() for r in recordings]


_ASK = object()
"""The result where the engine is asked: of a run with a nan, and while another thread runs it."""


class _OfForm:
    """A recording for arguments of one form, and the form of its result."""

    def __init__(self, program: ArrayProgram, given: list[Any]) -> None:
        self.program = program
        self.trees: list[Any] = []

        def wanted(trees: Any) -> list[Any]:
            self.trees = [trees[i] for i in program._positions()]
            return [x for x in flat(self.trees) if x is not None]

        def arguments(recorder: ArrayRecorder) -> Any:
            return tuple([tree_map(lambda x: _stand_in(recorder, x), x) for x in given])

        self.others = [x for x in flat(given) if not isinstance(x, np.ndarray | float)]
        self.recording = Recording(program._inner, arguments, others=self.others,
                                   wanted=wanted if program._argnums is not None else None)

    def result(self, arrays: Sequence[Any]) -> Any:
        """The result by this recording; FAILED if it isn't the function's here, or `_ASK`."""
        recording: Any = self.recording
        if not recording.lock.acquire(blocking=False):
            return _ASK
        try:
            found: Any = recording.run(arrays) if recording.unchanged() else FAILED
            if found is FAILED:
                return FAILED
            results, gradients, _ = found
            values = tree_map(_copied, recording.in_place(results))
            slopes = [_copied(g) for g in gradients]
        finally:
            recording.lock.release()
        if any(map(_has_nan, [*flat(values), *slopes])):
            return _ASK
        return values if self.program._argnums is None else self._with_gradient(values, slopes)

    def _with_gradient(self, value: Any, slopes: list[Any]) -> Any:
        leaves = [x for x in flat(self.trees) if x is not None]
        full = [_gradient(g, x.value) for g, x in zip(slopes, leaves, strict=True)]
        gradient = tuple(tree_fill(self.trees, full))
        found = gradient if isinstance(self.program._argnums, tuple) else gradient[0]
        return (value, found) if self.program._with_value else found


def _in_floats(x: Any) -> Any:
    """What can be differentiated by: an array of floats, or a float."""
    if isinstance(x, np.ndarray):
        check_real(x, "an argument to differentiate")
        return x if x.dtype.kind == "f" else x.astype(float)
    return float(x) if isinstance(x, int | np.number) and not isinstance(x, bool | complex) else x


def _take_apart(x: Any, key: list[Any], arrays: list[Any]) -> None:
    """Add the form of a tree to a key, and its arrays and floats to a list."""
    if isinstance(x, np.ndarray) and x.dtype.kind in "fiub":
        key.append((x.shape, x.dtype, x.flags.c_contiguous, x.flags.f_contiguous))
        arrays.append(x if x.flags.forc else np.array(x))
    elif isinstance(x, float | np.floating):
        key.append(type(x))
        arrays.append(float(x))
    elif is_nested(x):
        key.append((type(x), len(x) if hasattr(x, "__len__") else 0))
        for step, part in steps_into(x):
            key.append(step)
            _take_apart(part, key, arrays)
    else:
        key.append((type(x), _told(x)))


def _told(x: Any) -> Any:
    """What tells x from others: of an object of a user's, which it is, whatever it is equal to."""
    if is_plain(x):
        return x
    if is_of_library(type(x)):  # of a date, a range … all that it is
        with contextlib.suppress(Exception):
            return pickle.dumps(x)
    return id(x)


def _stand_in(recorder: ArrayRecorder, x: Any) -> Any:
    """A node for an array of floats or a float, something followed for another array."""
    if isinstance(x, np.ndarray) and x.dtype.kind in "iub":
        return recorder.argument(x)
    return variable(x) if isinstance(x, np.ndarray | float | np.floating) else x


def _number(y: Any) -> Any:
    """The numbers of a node."""
    return _copied(y.value) if isinstance(y, Node) else y


def _gradient(g: Any, x: Any) -> Any:
    """A gradient in the form of x; 0 if there is none."""
    if type(x) is float:
        return 0.0 if g is None else float(g)
    return np.zeros_like(x) if g is None else np.asarray(g)


def _copied(x: Any) -> Any:
    """A number, or an array that the next run doesn't write to."""
    return plain(np.array(x)) if isinstance(x, np.ndarray) else x


def _has_nan(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind == "f" and has_nan(x)
    return isinstance(x, float | np.floating) and bool(x != x)


def _close(result: Any, expected: Any) -> bool:
    """Whether two results agree but for roundings."""
    ours, theirs = flat(result), flat(expected)
    return len(ours) == len(theirs) and all(
        [_numbers_close(a, b) for a, b in zip(ours, theirs, strict=True)])


def _numbers_close(a: Any, b: Any) -> bool:
    if not isinstance(b, np.ndarray | np.generic | float):
        return True
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if b.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    size = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
    near = np.abs(a - b) <= np.sqrt(np.finfo(b.dtype).eps) * size
    return bool(np.all(near | (a == b) | ~np.isfinite(b)))
