"""Sums, means and order statistics: composed of primitives, no derivative is stated here."""

from __future__ import annotations

import builtins
import operator
from typing import Any

import numpy as np

from .. import ops
from ..errors import NotDifferentiableError, ShapeError
from ..graph import Node, value_of
from ..ops import (
    axes_of,
    matmul,
    maximum,
    minimum,
    multiply,
    reshape,
    shape,
    sqrt,
    square,
    swap,
    total,
    transpose,
    where,
)
from ..recording import is_live
from .axes import moved_last
from .composed import (
    are_all_numbers,
    as_array,
    count,
    decided,
    dtype_of,
    is_nan,
    looked_at,
    stands_for,
    without,
)
from .selection import sort, take_along_axis

NOT_GIVEN = np._NoValue  # NumPy's own mark
Axis = int | tuple[int, ...] | None


def _masked(x: Any, mask: Any, fill: float) -> Any:
    """x, with `fill` where the mask of a `where=` says no."""
    if mask is True:
        return x
    if np.broadcast_shapes(np.shape(mask), shape(x)) != shape(x):
        raise ShapeError(f"where= of shape {np.shape(mask)} for numbers of shape {shape(x)}")
    return where(np.asarray(mask, bool), x, fill)


# ── sums, products, extremes ─────────────────────────────────────────────────────────────────


@stands_for(np.sum)
def sum(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None,
        where: Any = True) -> Any:
    """Σx over `axis` (an int, a tuple or None for all), plus `initial`; of Values, one node."""
    if are_all_numbers(x) and axis is None and where is True:
        y = total.apply(x, {})
        return y if initial is None else y + initial
    y = ops.sum(_masked(x, where, 0.0), axis=axis, keepdims=keepdims)
    return y if initial is None else y + initial


@stands_for(np.prod)
def prod(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None,
         where: Any = True) -> Any:
    """Πx over `axis`, times `initial`. Exact at zeros, to every order."""
    y = ops.prod(_masked(x, where, 1.0), axis=axis, keepdims=keepdims)
    return y if initial is None else y * initial


def _extreme(choose: Any, larger: Any, least: float, x: Any, axis: Axis, keepdims: bool,
             initial: Any, mask: Any) -> Any:
    if mask is not True and initial is None:
        raise ValueError(f"{choose.name} over where= needs initial=, as in NumPy: it may be empty")
    if not count(x, axis) and initial is not None:
        return initial + ops.sum(x, axis=axis, keepdims=keepdims)
    y = choose(_masked(x, mask, least), axis=axis, keepdims=keepdims)
    return y if initial is None else larger(y, initial)


@stands_for(np.max, np.amax)
def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None,
        where: Any = True) -> Any:
    """The largest over `axis`; ties share the gradient evenly."""
    return _extreme(ops.max, maximum, -np.inf, x, axis, keepdims, initial, where)


@stands_for(np.min, np.amin)
def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None,
        where: Any = True) -> Any:
    """The smallest over `axis`; ties share the gradient evenly."""
    return _extreme(ops.min, minimum, np.inf, x, axis, keepdims, initial, where)


@stands_for(np.ptp)
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Peak to peak: max − min."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


# ── means and deviations ─────────────────────────────────────────────────────────────────────


def _counted(x: Any, axis: Axis, mask: Any) -> Any:
    """How many numbers each mean is of, with the reduced axes kept."""
    if mask is True:
        return count(x, axis)
    chosen = np.broadcast_to(np.asarray(mask, bool), shape(x))
    return np.sum(chosen, axis=axis, keepdims=True).astype(dtype_of(x))


@stands_for(np.mean)
def mean(x: Any, axis: Axis = None, keepdims: bool = False, where: Any = True) -> Any:
    """Σx / n over `axis` (an int, a tuple, or None for all).

    >>> import numpy as np, autograd_mini as ag
    >>> ag.grad(lambda x: ag.mean(x**2))(np.array([1.0, 3.0]))
    array([1., 3.])
    """
    if are_all_numbers(x) and axis is None and where is True:
        return total.apply(x, {}) / len(x)
    if where is True:
        return ops.divide(ops.sum(x, axis=axis, keepdims=keepdims), count(x, axis))
    summed = sum(x, axis, True, where=where)
    return without(ops.divide(summed, _counted(x, axis, where)), axis, keepdims)


def _deviation(x: Any, axis: Axis, mean_: Any, mask: Any) -> Any:
    center = mean(x, axis, True, where=mask) if mean_ is NOT_GIVEN else mean_
    return _masked(x - center, mask, 0.0)


@stands_for(np.var)
def var(x: Any, axis: Axis = None, keepdims: bool = False, ddof: float = 0, where: Any = True,
        mean: Any = NOT_GIVEN, correction: Any = NOT_GIVEN) -> Any:
    """Σ(x − mean)² / (n − ddof) over `axis`. mean: if known already, with the axes kept."""
    ddof = ddof if correction is NOT_GIVEN else correction
    squares = ops.sum(square(_deviation(x, axis, mean, where)), axis=axis, keepdims=True)
    y = ops.divide(squares, np.maximum(_counted(x, axis, where) - ddof, 0))
    return without(y, axis, keepdims)


@stands_for(np.std)
def std(x: Any, axis: Axis = None, keepdims: bool = False, ddof: float = 0, where: Any = True,
        mean: Any = NOT_GIVEN, correction: Any = NOT_GIVEN) -> Any:
    """√var; its derivative at 0, a kink, is the least subgradient: 0."""
    ddof = ddof if correction is NOT_GIVEN else correction
    if where is True and mean is NOT_GIVEN and np.all(count(x, axis) == 1) and ddof == 0:
        return ops.sum(0.0 * x, axis=axis, keepdims=keepdims)  # of one number it is 0, and smooth
    length = ops.length(_deviation(x, axis, mean, where), axis=axis)
    n = np.sqrt(np.maximum(_counted(x, axis, where) - ddof, 0))
    return without(ops.divide(length, n if np.ndim(n) else float(n)), axis, keepdims)


def scale_of(x: Any, axis: Axis) -> Any:
    """A power of 2 near the largest |x|: a constant to divide by, which rounds nothing.

    What is homogeneous, such as √Σ(x/s)²·s, doesn't depend on it.
    """
    top = np.max(np.abs(looked_at(x)), axis=axis, keepdims=True, initial=0.0)
    usual = (top == 0) | ~np.isfinite(top)
    scale = np.where(usual, 1.0, np.exp2(np.floor(np.log2(np.where(usual, 1.0, top)))))
    return scale.astype(dtype_of(x))


@stands_for(np.average)
def average(x: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *,
            keepdims: bool = False) -> Any:
    """Σwx / Σw over `axis`. weights: of x's shape, or one per index along the axis."""
    if weights is None:
        y, total = mean(x, axis, keepdims), float(count(x, axis))
    else:
        weights = weights if isinstance(weights, Node) else np.asarray(weights, dtype_of(x))
        if shape(weights) != shape(x):  # along the reduced axes only
            axes = axes_of(x, axis)
            if axis is None or shape(weights) != tuple(shape(x)[a] for a in axes):
                raise ValueError(f"weights of shape {shape(weights)} for shape {shape(x)} and "
                                 f"axis {axis}: give one per number, or one per index of the axis")
            weights = transpose(weights, tuple(np.argsort(axes))) if len(axes) > 1 else weights
            weights = reshape(weights, tuple(n if i in axes else 1
                                             for i, n in enumerate(shape(x))))
        total = ops.sum(ops.broadcast_to(weights, shape(x)), axis=axis, keepdims=keepdims)
        if np.any(decided(operator.eq, total, 0.0)):
            raise ZeroDivisionError("the weights sum to 0, and can't be normalized")
        y = ops.sum(multiply(x, weights), axis=axis, keepdims=keepdims) / total
    return (y, ops.broadcast_to(total, shape(y))) if returned else y


@stands_for(np.cov)
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None) -> Any:
    """The covariances of variables: the rows of m (the columns if not rowvar), and those of y."""
    m = as_array(m)
    rows = _as_rows(m, rowvar)
    if y is not None:
        rows = ops.concatenate([rows, _as_rows(as_array(y), rowvar)], axis=0)
    deviation = rows - mean(rows, 1, True)
    n = shape(rows)[1] - (ddof if ddof is not None else 0 if bias else 1)
    c = ops.divide(matmul(deviation, swap(deviation)), float(builtins.max(n, 0)))
    return ops.squeeze(c)


def _as_rows(m: Any, rowvar: bool) -> Any:
    if len(shape(m)) < 2:
        return reshape(m, (1, -1))
    return m if rowvar else transpose(m)


@stands_for(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    """The covariances divided by both standard deviations."""
    c = cov(x, y, rowvar)
    if not shape(c):
        return c / c
    n = np.arange(shape(c)[0])
    s = sqrt(c[n, n])
    return ops.clip(c / reshape(s, (-1, 1)) / s, -1.0, 1.0)  # rounding may go beyond


# ── nan as "not there" ───────────────────────────────────────────────────────────────────────


def _there(x: Any) -> Any:
    return np.asarray(decided(operator.eq, x, x))


@stands_for(np.nansum)
def nansum(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None,
           where: Any = True) -> Any:
    """The sum of what isn't nan."""
    return sum(x, axis, keepdims, initial, where & _there(x))


@stands_for(np.nanprod)
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None,
            where: Any = True) -> Any:
    """The product of what isn't nan."""
    return prod(x, axis, keepdims, initial, where & _there(x))


@stands_for(np.nanmean)
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False, where: Any = True) -> Any:
    """The mean of what isn't nan."""
    return mean(x, axis, keepdims, where & _there(x))


@stands_for(np.nanvar)
def nanvar(x: Any, axis: Axis = None, keepdims: bool = False, ddof: float = 0, where: Any = True,
           mean: Any = NOT_GIVEN, correction: Any = NOT_GIVEN) -> Any:
    """The variance of what isn't nan."""
    return var(x, axis, keepdims, ddof, where & _there(x), mean, correction)


@stands_for(np.nanstd)
def nanstd(x: Any, axis: Axis = None, keepdims: bool = False, ddof: float = 0, where: Any = True,
           mean: Any = NOT_GIVEN, correction: Any = NOT_GIVEN) -> Any:
    """The standard deviation of what isn't nan."""
    return std(x, axis, keepdims, ddof, where & _there(x), mean, correction)


def _extreme_there(choose: Any, least: float, x: Any, axis: Axis, keepdims: bool, initial: Any,
                   mask: Any) -> Any:
    none = ~np.any(mask & _there(x), axis=axis, keepdims=keepdims)
    y = choose(_masked(x, mask & _there(x), least), axis, keepdims, initial)
    return where(none, np.nan, y) if initial is None and np.any(none) else y


@stands_for(np.nanmax)
def nanmax(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None,
           where: Any = True) -> Any:
    """The largest of what isn't nan; nan if there is nothing else."""
    return _extreme_there(max, -np.inf, x, axis, keepdims, initial, where)


@stands_for(np.nanmin)
def nanmin(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None,
           where: Any = True) -> Any:
    """The smallest of what isn't nan; nan if there is nothing else."""
    return _extreme_there(min, np.inf, x, axis, keepdims, initial, where)


# ── order statistics ─────────────────────────────────────────────────────────────────────────

# Hyndman and Fan (1996): where between the sorted numbers quantile q lies, counted from 0.
_PLACE = {
    "linear": lambda q, n: q * (n - 1),
    "hazen": lambda q, n: q * n - 0.5,
    "weibull": lambda q, n: q * (n + 1) - 1,
    "median_unbiased": lambda q, n: q * (n + 1 / 3) - 2 / 3,
    "normal_unbiased": lambda q, n: q * (n + 0.25) - 0.625,
    "interpolated_inverted_cdf": lambda q, n: q * n - 1,
    "lower": lambda q, n: np.floor(q * (n - 1)),
    "higher": lambda q, n: np.ceil(q * (n - 1)),
    "nearest": lambda q, n: np.round(q * (n - 1)),
    "midpoint": lambda q, n: 0.5 * (np.floor(q * (n - 1)) + np.ceil(q * (n - 1))),
}


def _quantile(x: Any, q: Any, axis: Axis, keepdims: bool, method: str, skip_nan: bool) -> Any:
    """Sorted, then interpolated between two neighbours. q may be a node too."""
    if method not in _PLACE:
        raise NotDifferentiableError(
            f"quantile(method={method!r}) isn't supported; supported: {', '.join(_PLACE)}")
    if not np.all((value_of(q) >= 0) & (value_of(q) <= 1)):
        raise ValueError("quantiles must be in [0, 1] (percentiles in [0, 100])")
    axes = axes_of(x, axis)
    rows = sort(moved_last(x, axes), axis=-1)  # nan comes last
    missing = np.isnan(looked_at(rows) if skip_nan else value_of(rows)).sum(-1)
    n = (shape(rows)[-1] - missing if skip_nan else np.full_like(missing, shape(rows)[-1]))
    n = n.astype(dtype_of(x))
    q = reshape(q, (*shape(q), *(1,) * n.ndim))
    place = ops.clip(_PLACE[method](q, n), 0.0, np.maximum(n - 1, 0))
    place = ops.broadcast_to(place, np.broadcast_shapes(shape(place), n.shape))
    low = np.floor(looked_at(place)).astype(int)
    high = np.minimum(low + 1, np.maximum(n.astype(int) - 1, 0))
    part: Any = place - low
    part = part if isinstance(part, Node) else part.astype(dtype_of(x))  # or it would widen x
    rows = ops.broadcast_to(rows, (*shape(place), shape(rows)[-1]))
    a, b = (take_along_axis(rows, at[..., None], axis=-1)[..., 0] for at in (low, high))
    # Not a + (b − a)·part, which is nan between infinities; and 0·∞ is what isn't chosen.
    y = a * (1.0 - part) + where(value_of(part) == 0, 0.0, b) * part
    poisoned = (n == 0) if skip_nan else (missing > 0)
    if is_live(rows) and not skip_nan:
        y = where(is_nan(rows[..., -1]), np.nan, y)  # a nan would be the last
    elif np.any(poisoned):
        y = where(poisoned, np.nan * (a + b), y)
    if keepdims:
        kept = tuple(1 if i in axes else m for i, m in enumerate(shape(x)))
        return reshape(y, (*shape(y)[: len(shape(y)) - n.ndim], *kept))
    return y


def _checked(q: Any) -> Any:
    return np.asarray(q, float) if not hasattr(q, "shape") else q


@stands_for(np.quantile)
def quantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
             ) -> Any:
    """The q-th quantile over `axis`, q in [0, 1]; an array of q adds its axes in front."""
    return _quantile(x, _checked(q), axis, keepdims, method, False)


@stands_for(np.nanquantile)
def nanquantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
                ) -> Any:
    """The quantile of what isn't nan."""
    return _quantile(x, _checked(q), axis, keepdims, method, True)


@stands_for(np.percentile)
def percentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
               ) -> Any:
    """The quantile at q/100."""
    return _quantile(x, _checked(q) / 100.0, axis, keepdims, method, False)


@stands_for(np.nanpercentile)
def nanpercentile(x: Any, q: Any, axis: Axis = None, method: str = "linear",
                  keepdims: bool = False) -> Any:
    """The percentile of what isn't nan."""
    return _quantile(x, _checked(q) / 100.0, axis, keepdims, method, True)


@stands_for(np.median)
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The middle of the sorted numbers; the mean of the two in the middle if n is even."""
    return quantile(x, 0.5, axis, keepdims=keepdims)


@stands_for(np.nanmedian)
def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The median of what isn't nan."""
    return nanquantile(x, 0.5, axis, keepdims=keepdims)
