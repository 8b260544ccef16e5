"""A layer's normalisation as one operation: composed, it is a dozen, and each way through memory.

The plain one is in `layers/normalisation.py`; read that. `install()` puts this one in its place;
with AUTOGRAD_MINI_PLAIN=1 in the environment it isn't called. The two differ by roundings. Second
derivatives are those of the plain one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from autograd_mini import Node, compiler, structural, vjp

from .layers import normalisation

__all__ = ["PAIRS", "install"]

plain = normalisation.normalize
SMALL = 1024  # numbers: what has fewer stays a graph of its steps, to be drawn and stepped through


def normalize_at_once(x: Any, axes: tuple[int, ...], eps: float, weight: Any, bias: Any) -> Any:
    """`normalisation.normalize`: one node, of arrays of one precision; anything else is handed
    back.
    """
    arrays = [a for a in (x, weight, bias) if a is not None]
    if (any(type(a) not in compiler.ARRAYS for a in arrays) or x.dtype.kind != "f"
            or any(a.dtype != x.dtype for a in arrays) or x.size < SMALL
            or weight is None is not bias):
        return plain(x, axes, eps, weight, bias)
    return _normalize(arrays, axes=axes, eps=eps)


def _normalized(x: np.ndarray, axes: tuple[int, ...], eps: float) -> tuple[np.ndarray, Any, int]:
    """(x − mean)/√(variance + eps) in a new array, 1/√(…), and how many numbers a mean is of."""
    n = math.prod(x.shape[axis] for axis in axes)
    y = x - np.add.reduce(x, axis=axes, keepdims=True) / n
    scale = 1 / np.sqrt(_sum_of_products(y, y, axes) / n + eps)
    y *= scale
    return y, scale, n


def _sum_of_products(a: np.ndarray, b: np.ndarray, axes: tuple[int, ...]) -> Any:
    """Σ ab over the axes, which are kept, without an array for the products."""
    every = [*range(a.ndim)]
    kept = [i for i in every if i - a.ndim not in axes and i not in axes]
    summed = np.einsum(a, every, b, every, kept)
    return summed.reshape([n if i in kept else 1 for i, n in enumerate(a.shape)])


def _forward(arrays: list[Any], axes: tuple[int, ...], eps: float) -> np.ndarray:
    """(x − mean)/√(variance + eps)·weight + bias."""
    x, *scales = map(np.asarray, arrays)
    y = _normalized(x, axes, eps)[0]
    if scales:
        y *= scales[0]
    if scales[1:]:
        y += scales[1]
    return y


def _pulled_back(g: Any, y: Any, *arrays: Any, axes: tuple[int, ...], eps: float) -> Any:
    """(h − mean h − y·mean(h·y))/√(variance + eps) of x normalised to y, where h = g·weight."""
    if any(isinstance(a, Node) for a in (g, *arrays)):  # to be differentiated again
        return vjp(lambda x, w=None, b=None: plain(x, axes, eps, w, b), *arrays)[1](g)
    x, *scales = arrays
    y, scale, n = _normalized(x, axes, eps)
    found = [_summed(g, y, scales[0])] if scales else []
    found += [_summed(g, None, scales[1])] if scales[1:] else []
    h = g
    if scales and all(_shape_beside(g, scales[0])[axis] == 1 for axis in axes):
        # each mean is of one weight, which can come last
        scale = scale * scales[0]
    elif scales:
        h = g * scales[0]
    along = _sum_of_products(h, y, axes) / n
    y *= along  # from here on it is what x is sent: a new array costs as much as two passes
    y += np.add.reduce(h, axis=axes, keepdims=True) / n
    np.subtract(h, y, out=y)
    y *= scale
    return [y, *found]


def _shape_beside(g: np.ndarray, array: np.ndarray) -> tuple[int, ...]:
    """The shape of an array that is broadcast against g, with as many axes."""
    return (1,) * (g.ndim - array.ndim) + array.shape


def _summed(g: np.ndarray, y: np.ndarray | None, array: np.ndarray) -> np.ndarray:
    """The cotangent of what was broadcast: Σ g·y, or Σ g, over the axes along which it was."""
    over = tuple(i for i, size in enumerate(_shape_beside(g, array)) if size == 1 != g.shape[i])
    total: np.ndarray = np.add.reduce(g, axis=over, keepdims=True) if y is None else (
        _sum_of_products(g, y, over))
    return total.reshape(array.shape)


_normalize = structural(_forward, _pulled_back, name="nn.normalize", symbol="normalize", many=True)

PAIRS: list[tuple[ModuleType, str, Callable[..., Any], Callable[..., Any]]] = [
    (normalisation, "normalize", plain, normalize_at_once),  # where, the name, the plain, the fast
]


def install() -> None:
    """Put the fast function in the place of the plain one."""
    for owner, name, _, fast in PAIRS:
        setattr(owner, name, fast)
