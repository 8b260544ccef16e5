"""The table, part 8: windows that slide over an array, and what overlaps in them added up.

Each is the transpose of the other: what stands in several windows collects the cotangent of each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import structural
from .shapes import shape as _shape


def _windows(x: Any, window: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    """A view: x is kept as it is, and every window shows its own part of it."""
    view: np.ndarray = np.lib.stride_tricks.sliding_window_view(np.asarray(x), window, axes)
    return view


def _overlap_add(g: Any, window: tuple[int, ...], axes: tuple[int, ...], shape: tuple[int, ...]
                 ) -> np.ndarray:
    """Zeros of `shape`, with every window added where it was taken.

    One place in the window after the other: what stands there, of all windows at once, is a slice.
    """
    g = np.asarray(g)
    out = np.zeros(shape, g.dtype)
    for place in np.ndindex(window):
        begins = [0] * len(shape)
        for axis, i in zip(axes, place, strict=True):
            begins[axis] += i  # an axis may have been windowed twice
        out[tuple([slice(i, i + n) for i, n in zip(begins, g.shape, strict=False)])] += (
            g[(..., *place)])
    return out


@structural(_windows, name="windows", moves=True)
def windows(g, y, x, *, window, axes):  # type: ignore[no-untyped-def]
    """Every window is added where it was taken."""
    return overlap_add(g, window, axes, _shape(x))


@structural(_overlap_add, name="overlap_add", moves=True)
def overlap_add(g, y, x, *, window, axes, shape):  # type: ignore[no-untyped-def]
    """The pullback of the pullback of windows are the windows again."""
    return windows(g, window, axes)
