"""What is merely composed of primitives: no derivative is stated here, all are inherited."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .errors import ShapeError
from .graph import KINDS, raw
from .ops import (
    axes_of,
    clip as _clip,
    divide,
    exp,
    logsumexp,
    matmul,
    multiply,
    reshape,
    shape,
    sqrt,
    square,
    sum,
    transpose,
    weighted_sum,
    where,
)
from .primitive import TABLE

F = TypeVar("F", bound=Callable[..., Any])


def stands_for(numpy_function: Any) -> Callable[[F], F]:
    """Enter a composed function into the table under NumPy's own."""

    def enter(function: F) -> F:
        TABLE[numpy_function] = function
        return function

    return enter


# ── statistics ───────────────────────────────────────────────────────────────────────────────


def _count(x: Any, axis: Any) -> int:
    """How many numbers are reduced to one."""
    return math.prod(shape(x)[a] for a in axes_of(x, axis))


@stands_for(np.mean)
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Σx / n over `axis` (an int, a tuple, or None for all)."""
    return divide(sum(x, axis=axis, keepdims=keepdims), _count(x, axis))


@stands_for(np.var)
def var(x: Any, axis: Any = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """Σ(x − mean)² / (n − ddof) over `axis`."""
    deviation = x - mean(x, axis=axis, keepdims=True)
    return divide(sum(square(deviation), axis=axis, keepdims=keepdims), _count(x, axis) - ddof)


@stands_for(np.std)
def std(x: Any, axis: Any = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """√var; its derivative at 0, a kink, is the least subgradient: 0."""
    v = var(x, axis=axis, keepdims=keepdims, ddof=ddof)
    flat = raw(v) == 0
    return where(flat, 0.0, sqrt(where(flat, 1.0, v)))


def log_softmax(x: Any, axis: int = -1) -> Any:
    """x − log Σ eˣ along `axis`: finite for any finite x."""
    top = np.max(raw(x), axis=axis, keepdims=True)
    x = x - np.where(np.isfinite(top), top, 0.0).astype(top.dtype)  # else digits are lost at 1e10
    return x - logsumexp(x, axis=axis, keepdims=True)


def softmax(x: Any, axis: int = -1) -> Any:
    """eˣ / Σ eˣ along `axis`."""
    return exp(log_softmax(x, axis=axis))


@stands_for(np.clip)
def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """x held between two bounds (None: no bound). At a bound the slope in x is 1."""
    a_min, a_max = (min if a_min is None else a_min), (max if a_max is None else a_max)
    return _clip(x, -np.inf if a_min is None else a_min, np.inf if a_max is None else a_max)


# ── products ─────────────────────────────────────────────────────────────────────────────────


def _are_numbers(x: Any) -> bool:
    """Whether x is a list or tuple of Values and floats, at least one of them a Value."""
    if isinstance(x, list | tuple):
        for v in x:
            if type(v) is KINDS[float]:
                return True
    return False


@stands_for(np.dot)
def dot(a: Any, b: Any, bias: Any = 0.0) -> Any:
    """a·b + bias, as `np.dot`; of two lists of `Value`s, one node for the whole neuron.

    Raises `ShapeError` when two lists differ in length.

    >>> import autograd_mini as ag
    >>> w = [ag.Value(0.5), ag.Value(-1.0)]
    >>> ag.dot(w, [2.0, 3.0], ag.Value(1.0)).data
    -1.0
    """
    if _are_numbers(a) or _are_numbers(b):
        if len(a) != len(b):
            raise ShapeError(f"dot needs lists of one length, got {len(a)} and {len(b)}")
        return weighted_sum.apply((*a, *b, bias), {})
    product = _array_dot(a, b)
    return product if isinstance(bias, float) and bias == 0.0 else product + bias


def _array_dot(a: Any, b: Any) -> Any:
    """NumPy's dot by the number of axes: the last of a with the last but one of b."""
    rank_a, rank_b = len(shape(a)), len(shape(b))
    if not rank_a or not rank_b:
        return multiply(a, b)
    if rank_b <= 2:
        return matmul_any(a, b)
    n, k = shape(b)[-2:][::-1]
    order = (rank_b - 2, *range(rank_b - 2), rank_b - 1)
    rows = matmul_any(reshape(a, (-1, k)), reshape(transpose(b, order), (k, -1)))
    return reshape(rows, (*shape(a)[:-1], *shape(b)[:-2], n))


@stands_for(np.matmul)
def matmul_any(a: Any, b: Any) -> Any:
    """a @ b with NumPy's promotion of vectors: a row on the left, a column on the right."""
    if len(shape(a)) > 1 and len(shape(b)) > 1:
        return matmul(a, b)
    if not shape(a) or not shape(b):
        raise ShapeError(f"@ needs at least one axis, got shapes {shape(a)} and {shape(b)}: use *")
    row = reshape(a, (1, -1)) if len(shape(a)) == 1 else a
    column = reshape(b, (-1, 1)) if len(shape(b)) == 1 else b
    lead = np.broadcast_shapes(shape(row)[:-2], shape(column)[:-2])
    kept = shape(a)[-2:-1] + (shape(b)[-1:] if len(shape(b)) > 1 else ())
    return reshape(matmul(row, column), lead + kept)


@stands_for(np.outer)
def outer(a: Any, b: Any) -> Any:
    """Every product aᵢ·bⱼ, of shape (a.size, b.size)."""
    return multiply(reshape(a, (-1, 1)), reshape(b, (1, -1)))


# ── shapes ───────────────────────────────────────────────────────────────────────────────────


@stands_for(np.ravel)
def ravel(x: Any) -> Any:
    """All the numbers along one axis."""
    return reshape(x, (-1,))


@stands_for(np.swapaxes)
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes."""
    order = list(range(len(shape(x))))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, tuple(order))
