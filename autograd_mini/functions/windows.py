"""Windows that slide over an array: NumPy's own function of a node, and the largest of each."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import ops
from ..errors import NotDifferentiableError, ShapeError
from ..ops import shape
from ..places import here
from .composed import check_plain, stands_for

_of_numpy = np.lib.stride_tricks.sliding_window_view


@stands_for(_of_numpy)
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False,
                        writeable: bool = False) -> Any:
    """`np.lib.stride_tricks.sliding_window_view`: a window at each place where all of it fits.

    The axes stay where they are, as long as there are windows along them; those of the window come
    last. A node has no subclass to keep, and can't be written to.
    """
    check_plain("lib.stride_tricks.sliding_window_view",
                {"window_shape": window_shape, "axis": axis}, ())
    if writeable:
        raise NotDifferentiableError(
            f"{here()}: sliding_window_view(…, writeable=True) isn't supported here: a node can't "
            "be changed in place, and windows overlap; index instead, "
            "x[np.arange(n - k + 1)[:, None] + np.arange(k)]")
    window = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    _of_numpy(np.broadcast_to(0.0, shape(x)), window, axis)  # it finds fault where there is any
    axes = range(len(shape(x))) if axis is None else normalize_axis_tuple(
        axis, len(shape(x)), allow_duplicate=True)
    return ops.every_window(x, window=tuple(map(operator.index, window)), axes=tuple(axes))


def max_windows(x: Any, kernel: Any, stride: Any = None) -> Any:
    """The largest number of each window of the last two axes, as max-pooling has it.

    kernel, stride: a number, or a pair of them for (rows, columns); the windows lie side by side
    unless a stride is given. x, of shape (…, h, w), gives (…, (h − kh) // sh + 1, (w − kw) // sw
    + 1): what doesn't fill a window is left out. Of a border, pad x with −inf.

    A tie is shared evenly, as by np.max. Raises `ShapeError` where no window fits.
    """
    kernel = _pair(kernel, "kernel")
    stride = kernel if stride is None else _pair(stride, "stride")
    have = shape(x)
    if len(have) < 2 or have[-2] < kernel[0] or have[-1] < kernel[1]:
        raise ShapeError(f"no window of {kernel[0]} × {kernel[1]} fits into an array of shape "
                         f"{have}: pad it, or take a smaller one")
    return ops.max_windows(x, kernel=kernel, stride=stride)


def _pair(x: Any, what: str) -> tuple[int, int]:
    """Two whole numbers above 0, given as such or as one for both."""
    pair = tuple(map(operator.index, x if np.iterable(x) else (x, x)))
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(f"the {what} is a whole number above 0 or a pair of them, not {x!r}")
    return pair
