"""Running sums, differences, integrals, interpolation: composed, no derivative is stated here."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .. import ops
from ..errors import NotDifferentiableError, ShapeError
from ..graph import Node, value_of
from ..ops import concatenate, reshape, shape, where
from ..ops.kinks import compared
from ..recording import is_live
from .axes import moveaxis, ravel
from .composed import (
    as_array,
    decided,
    dtype_of,
    is_equal,
    is_nan,
    looked_at,
    numpy_has,
    stands_for,
)
from .selection import at_places, trim_zeros


def _along(scan: Callable[[Any], Any], x: Any, axis: int | None) -> Any:
    """A scan along the last axis, along another; of all numbers in a row if that is None."""
    if axis is None:
        return scan(ravel(x))
    return scan(x) if axis == -1 else moveaxis(scan(moveaxis(x, axis, -1)), -1, axis)


@stands_for(np.cumsum)
def cumsum(a: Any, axis: int | None = None) -> Any:
    """The sum up to each entry, along `axis`."""
    return _along(ops.cumsum, a, axis)


@stands_for(np.cumprod)
def cumprod(a: Any, axis: int | None = None) -> Any:
    """The product up to each entry, along `axis`. Exact at zeros, to every order."""
    return _along(ops.cumprod, a, axis)


@stands_for(np.nancumsum)
def nancumsum(a: Any, axis: int | None = None) -> Any:
    """The running sum of what isn't nan."""
    return cumsum(where(is_nan(a), 0.0, a), axis)


@stands_for(np.nancumprod)
def nancumprod(a: Any, axis: int | None = None) -> Any:
    """The running product of what isn't nan."""
    return cumprod(where(is_nan(a), 1.0, a), axis)


def _cumulative(scan: Callable[..., Any], start: float, x: Any, axis: int | None,
                include_initial: bool) -> Any:
    if axis is None and len(shape(x)) != 1:
        raise ValueError(f"axis is needed for an array of {len(shape(x))} axes")
    axis = 0 if axis is None else axis
    y = scan(x, axis)
    if not include_initial:
        return y
    edge = np.full([1 if i == axis % len(shape(x)) else n for i, n in enumerate(shape(x))], start,
                   dtype_of(x))
    return concatenate([edge, y], axis=axis)


if hasattr(np, "cumulative_sum"):  # NumPy 2.1

    @stands_for(np.cumulative_sum)
    def cumulative_sum(x: Any, *, axis: int | None = None, include_initial: bool = False) -> Any:
        """cumsum; with a 0 in front if `include_initial`."""
        return _cumulative(cumsum, 0.0, x, axis, include_initial)

    @stands_for(np.cumulative_prod)
    def cumulative_prod(x: Any, *, axis: int | None = None, include_initial: bool = False) -> Any:
        """cumprod; with a 1 in front if `include_initial`."""
        return _cumulative(cumprod, 1.0, x, axis, include_initial)


def running_extreme(x: Any, axis: int, extreme: Any) -> Any:
    """The largest (smallest) up to each entry: `np.maximum.accumulate`. The first of equals."""
    places = functools.partial(_places_of_extremes, axis=axis, extreme=extreme)
    if is_live(x):
        return ops.taken_at([x, x], places=places)
    return at_places(x, places(value_of(x)))


def _places_of_extremes(x: np.ndarray, axis: int, extreme: Any) -> np.ndarray:
    """Where the largest (smallest) up to each entry stands."""
    plain = np.moveaxis(x, axis, -1)
    top = extreme.accumulate(plain, axis=-1)
    new = np.ones(plain.shape, bool)
    lost = np.isnan(top[..., :-1])  # nan stays nan
    new[..., 1:] = (top[..., 1:] != top[..., :-1]) & ~lost
    last = np.maximum.accumulate(np.where(new, np.arange(plain.shape[-1]), 0), axis=-1)
    places = np.arange(x.size).reshape(x.shape)
    return np.take_along_axis(places, np.moveaxis(last, -1, axis), axis)


# ── differences and integrals ────────────────────────────────────────────────────────────────


def _stretch(a: Any, b: Any, axis: int) -> Callable[[Any], Any]:
    """The slice a:b along `axis`, as a function."""
    return lambda x: x[(slice(None),) * (axis % len(shape(x))) + (slice(a, b),)]


@stands_for(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along `axis`, n times over."""
    axis = normalize_axis_index(axis, len(shape(a)))
    if n < 0:
        raise ValueError(f"diff needs n ≥ 0, not {n}")
    if n == 0:
        return a
    ends = []
    for end in (prepend, append):
        one = tuple(1 if i == axis % len(shape(a)) else m for i, m in enumerate(shape(a)))
        ends.append([] if end is None else [ops.broadcast_to(end, one) if not shape(end) else end])
    if prepend is not None or append is not None:
        a = concatenate([*ends[0], a, *ends[1]], axis=axis)
    for _ in range(n):
        a = _stretch(1, None, axis)(a) - _stretch(None, -1, axis)(a)
    return a


@stands_for(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """The differences of all numbers in a row, with others put before and after."""
    parts = (to_begin, diff(ravel(ary)), to_end)
    return concatenate([ravel(part) for part in parts if part is not None])


@stands_for(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """The slope by central differences inside and one-sided ones at the edges, as np.gradient.

    varargs: the spacing for each axis, a number or the coordinates.
    """
    axes = ops.axes_of(f, axis)
    spacing = varargs * len(axes) if len(varargs) <= 1 else varargs
    spacing = spacing or (1.0,) * len(axes)
    if len(spacing) != len(axes):
        raise TypeError(f"np.gradient over {len(axes)} axes needs 0, 1 or {len(axes)} spacings")
    slopes = [moveaxis(_slope(moveaxis(f, a, -1), h, edge_order), -1, a)
              for a, h in zip(axes, spacing, strict=True)]
    return slopes[0] if len(axes) == 1 else tuple(slopes)


def _slope(f: Any, h: Any, edge_order: int) -> Any:
    """np.gradient along the last axis: of the parabola through each three neighbours."""
    h = as_array(h) if np.ndim(value_of(h)) else h if isinstance(h, Node) else float(h)
    n = shape(f)[-1]
    if n < edge_order + 1 or edge_order not in (1, 2):
        raise ValueError(f"np.gradient(edge_order={edge_order}) needs at least "
                         f"{edge_order + 1} numbers along the axis, not {n}")
    steps = diff(h) if shape(h) else h * np.ones(n - 1, dtype_of(f))
    if shape(steps) != (n - 1,):
        raise ShapeError(f"np.gradient: {shape(h)} coordinates for {n} numbers along the axis")
    rise = (f[..., 1:] - f[..., :-1]) / steps  # the slope between neighbours
    if n == 2:
        return concatenate([rise, rise], axis=-1)
    left, right = steps[:-1], steps[1:]
    if shape(h):
        inside = (rise[..., :-1] * right + rise[..., 1:] * left) / (left + right)
    else:  # the one in the middle doesn't count
        inside = (f[..., 2:] - f[..., :-2]) / (2.0 * left)
    first, last = rise[..., :1], rise[..., -1:]
    if edge_order == 2:  # the parabola's slope at the edge: twice the chord's less the middle's
        first, last = 2 * first - inside[..., :1], 2 * last - inside[..., -1:]
    return concatenate([first, inside, last], axis=-1)


@numpy_has("trapz")  # its old name, until NumPy 2.4
@stands_for(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral by trapezia, along `axis`."""
    y = moveaxis(y, axis, -1)
    x = None if x is None else as_array(x)
    width = dx if x is None else diff(x) if len(shape(x)) == 1 else diff(moveaxis(x, axis, -1))
    return ops.sum(width * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


# ── neighbours ───────────────────────────────────────────────────────────────────────────────


@stands_for(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """yₙ = Σₖ aₖ·vₙ₋ₖ of two vectors; mode: full, same, or valid (where they overlap wholly)."""
    a, v = ravel(a), ravel(v)
    long, short = (a, v) if shape(a)[0] >= shape(v)[0] else (v, a)
    n, m = len(value_of(long)), len(value_of(short))
    if not m:
        raise ValueError("convolve needs at least one number in each vector")
    ends = {"full": (0, n + m - 1), "same": ((m - 1) // 2, (m - 1) // 2 + n), "valid": (m - 1, n)}
    if mode not in ends:
        raise ValueError(f"mode must be full, same or valid, not {mode!r}")
    start, stop = ends[mode]
    return ops.convolve(long, short)[start:stop]


@stands_for(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """cₖ = Σₙ aₙ₊ₖ·vₙ of two vectors."""
    a, v = ravel(a), ravel(v)
    if mode == "same" and len(value_of(v)) > len(value_of(a)) and len(value_of(a)) % 2 == 0:
        full = convolve(a, v[::-1])  # NumPy reverses the other one, which shifts the middle
        start = len(value_of(a)) // 2
        return full[start : start + len(value_of(v))]
    return convolve(a, v[::-1], mode)


@stands_for(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
           ) -> Any:
    """The straight lines through the points (xp, fp), at x; fp's ends beyond, unless given."""
    if period is not None:
        raise NotDifferentiableError(
            "np.interp(period=…) isn't supported: bring x into one period with x % period, and "
            "repeat the first point at the end")
    v, knots = np.asarray(value_of(x)), np.asarray(value_of(xp))
    if knots.ndim != 1 or knots.shape != shape(fp):
        raise ShapeError(f"np.interp: xp has shape {knots.shape} and fp {shape(fp)}")
    if is_live(x, xp, fp):
        return _interp_of_programs(x, as_array(xp), as_array(fp), left, right)
    i, j = (_knots(v, knots, after) for after in (False, True))
    for knot in {knots[0], knots[-1], *knots[i].flat, *knots[j].flat} if not v.ndim else ():
        decided(operator.lt, x, float(knot))  # between which knots one number lies
        decided(operator.gt, x, float(knot))
    fp, xp = as_array(fp), as_array(xp)
    width = xp[j] - xp[i]
    inside = fp[i] + (x - xp[i]) * ((fp[j] - fp[i]) / where(is_equal(width, 0.0), 1.0, width))
    below = fp[0] if left is None else left
    above = fp[-1] if right is None else right
    return where(v < knots[0], below, where(v > knots[-1], above, inside))


def _knots(v: np.ndarray, knots: np.ndarray, after: bool) -> np.ndarray:
    """The knot at or before each number, or the one after that; the ends' beyond them."""
    i = np.clip(np.searchsorted(knots, v, side="right") - 1, 0, max(len(knots) - 2, 0))
    return np.minimum(i + 1, len(knots) - 1) if after else i


def _interp_of_programs(x: Any, xp: Any, fp: Any, left: Any, right: Any) -> Any:
    """`interp`, with the knots between which each number lies found anew for other numbers."""
    (x_low, x_high), (low, high) = [
        [ops.taken_at([points, x, xp], places=functools.partial(_knots, after=after))
         for after in (False, True)] for points in (xp, fp)]
    width = x_high - x_low
    inside = low + (x - x_low) * ((high - low) / where(is_equal(width, 0.0), 1.0, width))
    below, above = fp[0] if left is None else left, fp[-1] if right is None else right
    less, greater = compared[np.less](x, xp[0]), compared[np.greater](x, xp[-1])
    return where(less, below, where(greater, above, inside))


@stands_for(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * np.pi) -> Any:
    """Angles without jumps: multiples of the period, which are constants, are added."""
    return p + (np.unwrap(looked_at(p), discont, axis, period=period) - value_of(p))


# ── polynomials, highest power first ─────────────────────────────────────────────────────────


@stands_for(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """The polynomial with the coefficients p, at x, by Horner's rule."""
    p = as_array(p)
    y = 0.0 * x + (p[0] if shape(p)[0] else 0.0)
    for coefficient in p[1:]:
        y = y * x + coefficient
    return y


@stands_for(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    """The coefficients of the m-th derivative."""
    for _ in range(m):
        p = p[:-1] * np.arange(len(value_of(p)) - 1, 0, -1)
    return p


@stands_for(np.polyint)
def polyint(p: Any, m: int = 1) -> Any:
    """The coefficients of the m-th integral, with the constant 0."""
    for _ in range(m):
        p = concatenate([p / np.arange(len(value_of(p)), 0, -1), np.zeros(1, dtype_of(p))])
    return p


def _same_length(a: Any, b: Any) -> tuple[Any, Any]:
    a, b = ravel(a), ravel(b)
    n = max(len(value_of(a)), len(value_of(b)))
    a, b = (concatenate([np.zeros(n - len(value_of(c)), dtype_of(c)), c]) for c in (a, b))
    return a, b


@stands_for(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    """The coefficients of the sum."""
    a, b = _same_length(a1, a2)
    return a + b


@stands_for(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    """The coefficients of the difference."""
    a, b = _same_length(a1, a2)
    return a - b


@stands_for(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """The coefficients of the product."""
    a1, a2 = (trim_zeros(ravel(a), "f") if np.any(looked_at(a)) else ravel(a)[:1] for a in (a1, a2))
    return convolve(a1, a2)


@stands_for(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any
                     ) -> Any:
    """func1d of each vector along `axis`; its results take that axis' place."""
    rows = moveaxis(arr, axis, -1)
    lead = shape(rows)[:-1]
    flat = reshape(rows, (-1, shape(rows)[-1]))
    results = ops.stack([func1d(flat[i], *args, **kwargs) for i in range(shape(flat)[0])])
    inner = shape(results)[1:]
    y = reshape(results, (*lead, *inner))
    first = axis % len(shape(arr))
    return moveaxis(y, tuple(range(len(lead), len(lead) + len(inner))),
                    tuple(range(first, first + len(inner)))) if inner else y
