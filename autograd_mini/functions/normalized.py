"""softmax and its logarithm: one node, or the four operations that it is where it is looked at.

A pass each way costs three arrays as one node, and seven as operations. A drawing, a check, or a
program that is being recorded sees the operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..graph import KINDS
from ..ops import exp, logsumexp, shape
from ..ops.arithmetic import standing_in, stop_gradient
from ..recording import current_tracer, is_live, recording_mode
from .composed import dtype_of, keeps_kind, looked_at
from .statistics import Axis


def _at_once(x: Any, axis: Axis) -> bool:
    """Whether x is a Tensor, with finite numbers, recorded for a backward pass alone."""
    tracer = current_tracer()
    if not (type(x) is KINDS[np.ndarray] and x.value.size > 0 < x.value.ndim
            and recording_mode() is True):
        return False
    if tracer is not None:  # a program of arrays has the row; its nan has the engine do it
        return bool(tracer.follows)
    return bool(np.isfinite(np.max(x.value, axis=axis, keepdims=True)).all())


@keeps_kind
def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """x − log Σ eˣ along `axis`: finite for any finite x, and by its limit where an x is ∞.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.log_softmax(np.array([0.0, np.log(3.0)])).round(3)
    array([-1.386, -0.288])
    """
    if is_live(x):  # at ∞ it is nan, which has the engine do it
        x = x - stop_gradient(ops.max(x, axis=axis, keepdims=True))
        return x - logsumexp(x, axis=axis, keepdims=True)
    held = looked_at(x)
    top = np.max(held, axis=axis, keepdims=True)
    limit: Any = None
    if np.any(top == np.inf):  # the infinite ones share it all, evenly; e⁻¹⁰⁰⁰⁰ is 0
        rows, infinite = np.broadcast_to(top == np.inf, shape(x)), held == np.inf
        limit = np.where(rows & ~infinite, -np.inf, 0.0).astype(dtype_of(x))
        x = standing_in(x, np.where(rows, np.where(infinite, 0.0, -1e4), held).astype(dtype_of(x)))
        top = np.where(top == np.inf, 0.0, top).astype(top.dtype)
    x = x - np.where(np.isfinite(top), top, 0.0).astype(top.dtype)  # else digits are lost at 1e10
    y = x - logsumexp(x, axis=axis, keepdims=True)
    return y if limit is None else y + limit


@keeps_kind
def softmax(x: Any, axis: Axis = -1) -> Any:
    """eˣ / Σ eˣ along `axis`.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.softmax(np.array([0.0, np.log(3.0)]))
    array([0.25, 0.75])
    """
    if _at_once(x, axis):
        return ops.softmax(x, axis=axis)
    return exp(log_softmax(x, axis=axis))
