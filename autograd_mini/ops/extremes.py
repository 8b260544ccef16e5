"""Products of three numbers whose steps may leave the range of floats where the result doesn't.

The slope of 1/x is −y·y, which underflows from x = 1e162 on; what it sends back, g·y·y, need not,
for far out the cotangent g is large. So the three are multiplied at once: quickly, and where the
first step is no longer a normal number, by mantissas and exponents.
"""

from __future__ import annotations

import functools
import math
import sys
from typing import Any

import numpy as np

from ..graph import Node, value_of
from ..primitive import elementwise
from ..recording import current_tracer

__all__ = ["all_finite", "all_in_range", "in_range", "product", "product_of", "quotient",
           "quotient_of", "scalar_in_range", "scalar_product_of", "scalar_quotient_of",
           "summed_quotient", "summed_to", "times", "unless_in_range"]

_TINY = sys.float_info.min  # the smallest number that has all its digits
_HUGE = sys.float_info.max
FEW = 16  # numbers: Python looks at so many in the time that NumPy takes to begin


def scalar_in_range(x: float) -> bool:
    """Whether a float has all its digits and is finite: not 0, subnormal, inf or nan."""
    return _TINY <= math.fabs(x) <= _HUGE


def in_range(x: Any) -> Any:
    """Which numbers of an array have all their digits and are finite."""
    size = np.abs(x)
    tiny, huge = _limits(size.dtype)
    return (size >= tiny) & (size <= huge)


@functools.cache
def _limits(dtype: Any) -> tuple[Any, Any]:
    """The smallest number of a dtype that has all its digits, and the largest."""
    limits = np.finfo(np.result_type(dtype, np.float32))
    return limits.tiny, limits.max


def all_in_range(x: Any) -> bool:
    """Whether a rule may rely on the numbers of x: in a program to be replayed it never may."""
    if isinstance(x, Node) and current_tracer() is not None:
        return False
    value = value_of(x)
    if type(value) is float:
        return scalar_in_range(value)
    value = np.asarray(value)
    if value.size <= FEW and value.dtype == np.float64:
        return all([_TINY <= math.fabs(x) <= _HUGE for x in value.ravel().tolist()])
    if not value.size:
        return True
    tiny, huge = _limits(value.dtype)
    least, most = np.minimum.reduce(value, None), np.maximum.reduce(value, None)
    if tiny <= least:
        return bool(most <= huge)
    if least < 0 < most:  # else there is no need of a copy
        size = np.abs(value)
        least, most = size.min(), size.max()
    return bool(tiny <= least and most <= huge) or bool(most <= -tiny and least >= -huge)


def is_normal(size: np.ndarray) -> bool:
    """Whether all of these numbers ≥ 0 have all their digits and are finite."""
    tiny, huge = _limits(size.dtype)
    return not size.size or bool(
        np.minimum.reduce(size, None) >= tiny and np.maximum.reduce(size, None) <= huge)


def summed_quotient(g: Any, y: Any, d: Any) -> Any:
    """Σ g·y/d over the axes along which an array d was broadcast, divided after it is summed.

    Entry by entry, as quotient(g, y, d), where a product isn't a normal number.
    """
    if not (type(g) is np.ndarray is type(d) and g.shape != d.shape and g.dtype == d.dtype):
        return quotient(g, y, d)
    with np.errstate(over="ignore", invalid="ignore"):  # then entry by entry
        products = g * y
        total = summed_to(products, d.shape)
    size = np.abs(products, out=products)
    return total / d if is_normal(size) and np.isfinite(total).all() else quotient(g, y, d)


def summed_to(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """x summed over the axes along which an array of this shape was broadcast."""
    lead = x.ndim - len(shape)
    stretched = [lead + i for i, n in enumerate(shape) if n == 1 != x.shape[lead + i]]
    summed: np.ndarray = np.add.reduce(x, axis=(*range(lead), *stretched))
    return summed.reshape(shape)


def all_finite(x: Any) -> bool:
    """Whether a rule may leave out the limits at ±inf: in a program to be replayed it never may."""
    if isinstance(x, Node) and current_tracer() is not None:
        return False
    return bool(np.isfinite(value_of(x)).all())


def unless_in_range(slope: Any, exact: Any) -> Any:
    """A pullback: g·slope where the slope is a normal number, and `exact` where it isn't.

    slope: (y, *inputs) → ∂y/∂x, in a new array; exact: (g, y, *inputs) → g·∂y/∂x, at a greater
    cost.
    """
    def pullback(g: Any, y: Any, *xs: Any) -> Any:
        factor = slope(y, *xs)
        if not all_in_range(factor):
            return exact(g, y, *xs)
        return times(g, factor)

    return pullback


def times(g: Any, factor: Any) -> Any:
    """g·factor, written to `factor`, which is a new array, where it can be: memory costs time."""
    if type(g) is np.ndarray is type(factor) and g.dtype == factor.dtype and (
            g.shape == factor.shape or np.broadcast_shapes(g.shape, factor.shape) == factor.shape):
        factor *= g
        return factor
    return g * factor


def scalar_product_of(p: float, q: float, r: float) -> float:
    """p·q·r of three floats, by mantissas and exponents."""
    a, i = math.frexp(p)
    b, j = math.frexp(q)
    c, k = math.frexp(r)
    return math.ldexp(a * b * c, i + j + k)


def scalar_quotient_of(p: float, q: float, d: float) -> float:
    """p·q/d of three floats, by mantissas and exponents."""
    a, i = math.frexp(p)
    b, j = math.frexp(q)
    c, k = math.frexp(d)
    return math.ldexp(a * b / c, i + j - k)


def product_of(p: Any, q: Any, r: Any) -> Any:
    """p·q·r entry by entry, in the dtype that NumPy gives it."""
    return _at_once(p, q, r, 1)


def quotient_of(p: Any, q: Any, d: Any) -> Any:
    """p·q/d entry by entry, in the dtype that NumPy gives it."""
    return _at_once(p, q, d, -1)


def _at_once(p: Any, q: Any, r: Any, sign: int) -> Any:
    dtype = np.result_type(p, q, r)
    if dtype.itemsize < 8:  # three numbers of float32 stay in the range of float64
        t = np.multiply(p, q, dtype=float)
        return (t * r if sign > 0 else t / r).astype(dtype)[()]
    t = np.asarray(np.multiply(p, q))
    y = t * r if sign > 0 else t / r
    size = np.abs(t, out=t)
    if is_normal(size):
        return y
    odd = ~in_range(size) & (p != 0) & (q != 0)  # a 0 is exact
    if not odd.any():
        return y
    (a, i), (b, j), (c, k) = np.frexp(p), np.frexp(q), np.frexp(r)
    exact = np.ldexp(a * b * c if sign > 0 else a * b / c, i + j + sign * k)
    return np.where(odd, exact, y)[()]


_product = elementwise(
    product_of, scalar_product_of,
    lambda y, p, q, r: q * r, lambda y, p, q, r: p * r, lambda y, p, q, r: p * q,
    name="p·q·r", symbol="*",
    pullbacks=(lambda g, y, p, q, r: product(g, q, r), lambda g, y, p, q, r: product(g, p, r),
               lambda g, y, p, q, r: product(g, p, q)),
)
_quotient = elementwise(
    quotient_of, scalar_quotient_of,
    lambda y, p, q, d: q / d, lambda y, p, q, d: p / d, lambda y, p, q, d: -y / d,
    name="p·q/d", symbol="/",
    pullbacks=(lambda g, y, p, q, d: quotient(g, q, d), lambda g, y, p, q, d: quotient(g, p, d),
               lambda g, y, p, q, d: quotient(-g, y, d)),
)


def product(p: Any, q: Any, r: Any) -> Any:
    """p·q·r, exact to a rounding or two wherever that is a float, whatever p·q may be."""
    if type(p) is float is type(q) and type(r) is float:
        t = p * q
        return t * r if scalar_in_range(t) else scalar_product_of(p, q, r)
    return _product(p, q, r)


def quotient(p: Any, q: Any, d: Any) -> Any:
    """p·q/d, exact to a rounding or two wherever that is a float, whatever p·q may be."""
    if type(p) is float is type(q) and type(d) is float:
        t = p * q
        return t / d if scalar_in_range(t) else scalar_quotient_of(p, q, d)
    return _quotient(p, q, d)
