"""Windows that slide over an array: NumPy's own function of a node."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import ops
from ..errors import NotDifferentiableError
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
    return ops.windows(x, window=tuple(map(operator.index, window)), axes=tuple(axes))
