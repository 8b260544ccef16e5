"""The table, part 9: windows that slide over an array, what overlaps added up, and their maxima.

Windows and overlap-add are each other's transpose: what stands in several windows collects the
cotangent of each. Nowhere is there a loop over entries or windows, only over the places in a
window: what stands at one place, of all windows at once, is a slice.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..primitive import structural
from .facts import state
from .shapes import shape as _shape


def _windows(x: Any, window: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    """A window at each place along these axes where all of it fits: a view of x."""
    view: np.ndarray = np.lib.stride_tricks.sliding_window_view(np.asarray(x), window, axes)
    return view


def _add_windows(g: Any, window: tuple[int, ...], axes: tuple[int, ...], shape: tuple[int, ...]
                 ) -> np.ndarray:
    """Zeros of `shape`, with every window added where it was taken."""
    g = np.asarray(g)
    out = np.zeros(shape, g.dtype)
    for place in np.ndindex(window):
        begins = [0] * len(shape)
        for axis, i in zip(axes, place, strict=True):
            begins[axis] += i  # an axis may have been windowed twice
        out[tuple([slice(i, i + n) for i, n in zip(begins, g.shape, strict=False)])] += (
            g[(..., *place)])
    return out


@structural(_windows, name="every_window", moves=True)
def every_window(g, y, x, *, window, axes):  # type: ignore[no-untyped-def]
    """Every window is added where it was taken."""
    return add_windows(g, window, axes, _shape(x))


@structural(_add_windows, name="add_windows", moves=True)
def add_windows(g, y, x, *, window, axes, shape):  # type: ignore[no-untyped-def]
    """The pullback of the pullback of windows are the windows again."""
    return every_window(g, window, axes)


# ── the largest of each window, in the last two axes ─────────────────────────────────────────

Pair = tuple[int, int]


def _along(x: Any, axis: int, kernel: int, stride: int) -> list[Any]:
    """For each place in a window along an axis, counted from −1, what stands there: slices of x."""
    last = x.shape[axis] - kernel + 1
    after = (slice(None),) * (-1 - axis)
    return [x[(..., slice(i, last + i, stride), *after)] for i in range(kernel)]


def _places(x: Any, kernel: Pair, stride: Pair) -> Iterator[Any]:
    """The same of both axes: an array for each place, with an entry for each window."""
    for rows in _along(x, -2, kernel[0], stride[0]):
        yield from _along(rows, -1, kernel[1], stride[1])


def _largest(x: Any, kernel: Pair, stride: Pair) -> Any:
    """The largest number of each window of the last two axes."""
    y = np.asarray(x)  # down the columns first, for there entries lie side by side
    for axis, k, step in zip((-2, -1), kernel, stride, strict=True):
        y = functools.reduce(np.maximum, _along(y, axis, k, step))
    return y


def _hits(y: Any, x: Any, kernel: Pair, stride: Pair) -> tuple[list[Any], Any]:
    """For each place, whether the largest stands there; and of each window, at how many places."""
    hits = [part == y for part in _places(x, kernel, stride)]
    count = np.zeros(y.shape, y.dtype)
    for hit in hits:
        count += hit
    return hits, count


def _sent_to_largest(g: Any, y: Any, x: Any, kernel: Pair, stride: Pair) -> np.ndarray:
    """To the largest of each window its number in g, shared evenly where several are."""
    g, y, x = map(np.asarray, (g, y, x))
    hits, count = _hits(y, x, kernel, stride)
    share = g / count
    out = np.zeros(x.shape, share.dtype)
    apart = all([k <= step for k, step in zip(kernel, stride, strict=True)])
    for place, hit in zip(_places(out, kernel, stride), hits, strict=True):
        if apart:  # no entry is in two windows
            np.multiply(hit, share, out=place)
        else:
            place += hit * share
    return out


def _taken_from_largest(v: Any, y: Any, x: Any, kernel: Pair, stride: Pair) -> np.ndarray:
    """Of each window the number in v where x is largest; the mean of those where several are."""
    v, y, x = map(np.asarray, (v, y, x))
    hits, count = _hits(y, x, kernel, stride)
    total = np.zeros(y.shape, np.result_type(v, y))
    for place, hit in zip(_places(v, kernel, stride), hits, strict=True):
        total += hit * place
    return np.asarray(total / count)


@structural(_largest, name="max_windows", symbol="max", moves=True)
def max_windows(g, y, x, *, kernel, stride):  # type: ignore[no-untyped-def]
    """As max: a tie is shared evenly, and nan finds no winner: 0/0 is nan."""
    return sent_to_largest(g, y, x, kernel, stride)


# Which one is the largest is a decision, without slope: so these two are linear, and each is the
# other's transpose.
sent_to_largest = structural(
    _sent_to_largest,
    lambda g, sent, of, y, x, *, kernel, stride: taken_from_largest(g, y, x, kernel, stride),
    None, None, name="sent_to_largest", moves=True,
)
taken_from_largest = structural(
    _taken_from_largest,
    lambda g, taken, v, y, x, *, kernel, stride: sent_to_largest(g, y, x, kernel, stride),
    None, None, name="taken_from_largest", moves=True,
)

state("chooses", max_windows)
