"""Axes: which sets of them a reduction may be over, and the reduced ones put back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["axis_sets", "reduced_axes", "restore_axes", "transposed"]


def axis_sets(n: int) -> Iterator[tuple[int, ...]]:
    """The sets of n axes that a reduction may be over, the single ones first."""
    for count in range(1, n + 1):
        yield from itertools.combinations(range(n), count)


def restore_axes(g: Any, x: Any) -> Any:
    """The gradient g of a reduction of x, with the reduced axis put back where it fits."""
    g = np.asarray(g)
    if g.ndim == np.ndim(x):
        return g
    for axis in range(np.ndim(x)):
        if np.shape(x)[:axis] + np.shape(x)[axis + 1:] == g.shape:
            return np.expand_dims(g, axis)
    return g


def reduced_axes(x: Any, y: Any) -> tuple[int, ...]:
    """The axes that were reduced from x to y."""
    for axes in axis_sets(np.ndim(x)):
        kept = tuple(n for k, n in enumerate(np.shape(x)) if k not in axes)
        if kept == np.shape(y) or tuple(n for n in np.shape(y) if n > 1) == tuple(
                n for n in kept if n > 1):
            return axes
    raise ValueError


def transposed(x: Any) -> Any:
    """A matrix transposed, or each in a stack of them."""
    return np.swapaxes(x, -1, -2)
