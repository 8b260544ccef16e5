"""A convolution as one operation that never holds all its windows, but those of a few images.

The plain one is in `layers/convolution.py`; read that. `install()` puts this one in its place; with
AUTOGRAD_MINI_PLAIN=1 in the environment it isn't called. The two differ by roundings, for the
weight's gradient is added up in another order. Second derivatives are those of the plain one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from autograd_mini import Node, Tensor, compiler, structural, vjp

from .layers import convolution

__all__ = ["PAIRS", "install"]

plain = convolution.convolve
SMALL = 1024  # numbers: what has fewer stays a graph of its steps, to be drawn and stepped through
CACHED = 2**15  # numbers: so many stay in a processor's cache while they are used

Pair = tuple[int, int]


def convolve_at_once(x: Any, weight: Any, bias: Any, stride: Pair, padding: Pair) -> Any:
    """`convolution.convolve`: one node, of arrays of one precision; anything else is handed back.
    """
    arrays = [x, weight] if bias is None else [x, weight, bias]
    if (any(type(a) not in compiler.ARRAYS for a in arrays) or x.dtype.kind != "f"
            or any(a.dtype != x.dtype for a in arrays) or x.size * weight[0].size < SMALL):
        return plain(x, weight, bias, stride, padding)
    return _convolve(arrays, stride=stride, padding=padding, of_x=isinstance(x, Tensor))


def _forward(arrays: list[Any], stride: Pair, padding: Pair, of_x: bool) -> np.ndarray:
    """(n, c, h, w), (out, c, *kernel) and perhaps (out,) ↦ (n, out, h', w')."""
    x, weight, *bias = map(np.asarray, arrays)
    seen = _windows(_padded(x, padding), weight.shape[2:], stride)
    rows = weight.reshape(len(weight), -1)
    y = np.empty((len(x), len(weight), *seen.shape[4:]), x.dtype)
    flat = y.reshape(*y.shape[:2], -1)
    for part, columns in _few_at_a_time(seen):
        np.matmul(rows, columns, out=flat[part])
    if bias:
        flat += bias[0][:, None]
    return y


def _padded(x: np.ndarray, padding: Pair) -> np.ndarray:
    """Images with zeros around them."""
    (rows, columns), (n, c, h, w) = padding, x.shape
    if not rows and not columns:
        return x
    padded = np.zeros((n, c, h + 2 * rows, w + 2 * columns), x.dtype)
    padded[:, :, rows : rows + h, columns : columns + w] = x
    return padded


def _windows(x: np.ndarray, kernel: tuple[int, ...], stride: Pair) -> np.ndarray:
    """A view: (n, c, *kernel, h', w')."""
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1]].transpose(0, 1, 4, 5, 2, 3)


def _few_at_a_time(seen: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Which images, and their windows, each a column; the next have the same place in memory."""
    count = max(1, CACHED // max(1, seen[0].size))
    room = np.empty((count, *seen.shape[1:]), seen.dtype)
    for start in range(0, len(seen), count):
        part = slice(start, min(start + count, len(seen)))
        columns = room[: part.stop - start]
        columns[...] = seen[part]
        yield part, columns.reshape(len(columns), -1, seen.shape[4] * seen.shape[5])


def _pulled_back(g: Any, y: Any, *arrays: Any, stride: Pair, padding: Pair, of_x: bool) -> Any:
    """The cotangents of x (None if constant), of the weight, and of the bias if there is one."""
    if any(isinstance(a, Node) for a in (g, *arrays)) or not np.isfinite(y).all():
        return _of_the_plain(g, arrays, stride, padding)  # again differentiable; or 0·nan is 0
    x, weight, *bias = arrays
    padded, g = _padded(x, padding), g.reshape(*g.shape[:2], -1)
    seen = _windows(padded, weight.shape[2:], stride)
    rows = weight.reshape(len(weight), -1)
    dw = np.zeros_like(rows)
    dx = np.zeros_like(padded) if of_x else None
    for part, columns in _few_at_a_time(seen):
        dw += np.add.reduce(g[part] @ columns.swapaxes(1, 2), axis=0)
        if dx is not None:
            np.matmul(rows.T, g[part], out=columns)
            _add_windows(dx[part], columns.reshape(len(columns), *seen.shape[1:]), stride)
    if dx is not None:
        dx = dx[:, :, padding[0] : padding[0] + x.shape[2], padding[1] : padding[1] + x.shape[3]]
    return dx, dw.reshape(weight.shape), *([np.add.reduce(g, axis=(0, 2))] if bias else [])


def _add_windows(x: np.ndarray, windows: np.ndarray, stride: Pair) -> None:
    """Add each window to x where it was taken."""
    h, w = ((n - 1) * step + 1 for n, step in zip(windows.shape[4:], stride, strict=True))
    for i, j in np.ndindex(windows.shape[2:4]):
        x[:, :, i : i + h : stride[0], j : j + w : stride[1]] += windows[:, :, i, j]


def _of_the_plain(g: Any, arrays: tuple[Any, ...], stride: Pair, padding: Pair) -> Any:
    """What the operations of the plain one send back."""
    def composed(x: Any, weight: Any, *bias: Any) -> Any:
        return plain(x, weight, bias[0] if bias else None, stride, padding)

    return vjp(composed, *arrays)[1](g)


_convolve = structural(_forward, _pulled_back, name="nn.convolution", symbol="∗", many=True)

PAIRS: list[tuple[ModuleType, str, Callable[..., Any], Callable[..., Any]]] = [
    (convolution, "convolve", plain, convolve_at_once),  # where, the name, the plain one, the fast
]


def install() -> None:
    """Put the fast function in the place of the plain one."""
    for owner, name, _, fast in PAIRS:
        setattr(owner, name, fast)
