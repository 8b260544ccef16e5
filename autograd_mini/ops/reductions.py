"""The table, part 4: many numbers to one, and one to many: each is the other's pullback."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import raw
from ..primitive import structural
from .arithmetic import multiply, where
from .elementary import exp
from .shapes import concatenate, reshape, shape, transpose

_shape = shape  # inside a rule, `shape` may be the parameter
Axis = int | tuple[int, ...] | None


def axes_of(x: Any, axis: Axis) -> tuple[int, ...]:
    """The reduced axes, as non-negative numbers. NumPy lets one number have an axis 0 or −1."""
    n = len(shape(x))
    if axis is None or not n:
        return tuple(range(n))
    return tuple(a % n for a in ((axis,) if isinstance(axis, int | np.integer) else axis))


def restore(g: Any, x: Any, axis: Axis) -> Any:
    """`g` with the axes that were reduced put back as axes of length 1."""
    reduced = axes_of(x, axis)
    return reshape(g, tuple(1 if i in reduced else n for i, n in enumerate(shape(x))))


@structural(np.sum, symbol="sum", moves=True)
def sum(g, y, x, *, axis=None, keepdims=False):  # type: ignore[no-untyped-def]
    """Every summand has slope 1."""
    return broadcast_to(restore(g, x, axis), shape(x))


@structural(np.broadcast_to, moves=True)
def broadcast_to(g, y, x, *, shape):  # type: ignore[no-untyped-def]
    """A number used many times collects the cotangent of each use."""
    return unbroadcast(g, _shape(x))


def unbroadcast(g: Any, to: tuple[int, ...]) -> Any:
    """Sum `g` over the axes along which an array of shape `to` was broadcast."""
    have = shape(g)
    if have == to:
        return g
    lead = len(have) - len(to)
    stretched = [lead + i for i, n in enumerate(to) if n == 1 and have[lead + i] != 1]
    return reshape(sum(g, (*range(lead), *stretched)), to)


@structural(np.max, name="max", moves=True)
def max(g, y, x, *, axis=None, keepdims=False):  # type: ignore[no-untyped-def]
    """The largest gets it all; a tie is shared evenly. nan finds no winner: 0/0 is nan."""
    return restore(g, x, axis) * _shared(raw(x) == restore(raw(y), x, axis), axis)


@structural(np.min, name="min", moves=True)
def min(g, y, x, *, axis=None, keepdims=False):  # type: ignore[no-untyped-def]
    """As max."""
    return restore(g, x, axis) * _shared(raw(x) == restore(raw(y), x, axis), axis)


def _shared(hits: Any, axis: Axis) -> Any:
    """Each hit's part of one whole."""
    return hits / np.sum(hits, axis=axis, keepdims=True)


@structural(np.prod)
def prod(g, y, x, *, axis=None, keepdims=False):  # type: ignore[no-untyped-def]
    """The product of all the others; y/x would be nan at a zero, where the true slope is not."""
    reduced = axes_of(x, axis)
    if not reduced:
        return g
    kept = tuple(i for i in range(len(shape(x))) if i not in reduced)
    order = kept + reduced  # the reduced axes last, as one
    moved = transpose(x, order)
    flat = reshape(moved, (*(shape(x)[i] for i in kept), -1))
    others = transpose(reshape(_others(flat), shape(moved)), tuple(np.argsort(order)))
    return restore(g, x, axis) * others


def _others(x: Any) -> Any:
    """Along the last axis, the product of all entries but one's own: those left · those right.

    Both by doubling (Hillis and Steele 1986), with products alone, so it is exact at zeros and
    so are all its derivatives.
    """
    ones = np.ones((*shape(x)[:-1], 1), dtype=raw(x).dtype)
    n = shape(x)[-1]
    if n == 0:
        return x
    left = concatenate([ones, x[..., :-1]], axis=-1)
    right = concatenate([x[..., 1:], ones], axis=-1)
    reach = 1
    while reach < n:
        left = concatenate(
            [left[..., :reach], multiply(left[..., reach:], left[..., :-reach])], axis=-1
        )
        right = concatenate(
            [multiply(right[..., :-reach], right[..., reach:]), right[..., -reach:]], axis=-1
        )
        reach *= 2
    return left * right


def _logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log Σ eˣ, shifted by the largest x so that nothing overflows."""
    top = np.max(x, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):  # all −inf: log 0, replaced below
        y = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    y = np.where(np.isfinite(top), y, top)
    return y if keepdims else np.squeeze(y, axis=axis)[()]


@structural(_logsumexp, name="logsumexp")
def logsumexp(g, y, x, *, axis=None, keepdims=False):  # type: ignore[no-untyped-def]
    """softmax(x) = exp(x − y); at y = ±inf its limits: shared among the infinite, or 0."""
    y = restore(y, x, axis)
    top = raw(y)
    limit = _shared(raw(x) == top, axis) * (top != -np.inf)
    finite = np.isfinite(top) & np.ones(shape(x), bool)
    return restore(g, x, axis) * where(finite, exp(where(finite, x - y, 0.0)), limit)
