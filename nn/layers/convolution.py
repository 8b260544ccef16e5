"""Layers for images: each window of an image against the same weights, its largest, its mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_mini import Node, Tensor, errors, max_windows

from ..arguments import a_flag, a_precision, a_whole_number, as_array, shown
from ..init import uniform_fan_in
from ..module import Module
from ..randomness import a_generator
from .linear import tell_of_widening

__all__ = ["AvgPool2d", "Conv2d", "MaxPool2d"]


def _pair(x: Any, name: str, least: int) -> tuple[int, int]:
    """(rows, columns) from one whole number for both, or two."""
    if isinstance(x, tuple | list):
        if len(x) != 2:
            raise errors.ArgumentError(f"{name} is one number or two, not {shown(x)}")
        return (a_whole_number(x[0], f"{name}[0]", least),
                a_whole_number(x[1], f"{name}[1]", least))
    return (a_whole_number(x, name, least),) * 2


def _padded(x: Any, padding: tuple[int, int], filling: float) -> Any:
    """Images with rows above and below, and columns beside."""
    rows, columns = padding
    around = ((0, 0), (0, 0), (rows, rows), (columns, columns))
    return np.pad(x, around, constant_values=filling) if rows or columns else x


def _windows(x: Any, size: tuple[int, int], stride: tuple[int, int]) -> Any:
    """(n, c, h, w) ↦ (n, c, h', w', size): the window at each place."""
    found = np.lib.stride_tricks.sliding_window_view(x, size, axis=(2, 3))
    return found if stride == (1, 1) else found[:, :, :: stride[0], :: stride[1]]


class _OfWindows(Module):
    """What looks at images through windows of `kernel_size`, `stride` apart."""

    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    def _check(self, x: Any, channels: int | None = None) -> None:
        """Raise `ShapeError` for what isn't images, or smaller than a window."""
        shape = np.shape(x)
        if len(shape) != 4 or channels not in (None, shape[1]):
            wanted = "c" if channels is None else channels
            raise errors.ShapeError(f"{self!r} needs images, (n, {wanted}, height, width), got "
                                    f"{shape} (of one, x[None])")
        if any(size + 2 * p < k for size, p, k in zip(
                shape[2:], self.padding, self.kernel_size, strict=True)):
            raise errors.ShapeError(f"{self!r} got images of {shape[2:]}, which are smaller than "
                                    "its windows: give a smaller kernel_size, or a padding")


class Conv2d(_OfWindows):
    """Each window of an image against out_channels weights: (n, c, h, w) ↦ (n, out, h', w').

    y[n, o, i, j] = bias[o] + Σ weight[o, c, k, l]·x[n, c, i·stride + k, j·stride + l], where
    h' = (h + 2·padding − kernel)/stride + 1, rounded down. (Strictly this is a correlation: the
    kernel isn't turned round.) weight: (out_channels, in_channels, *kernel_size). kernel_size,
    stride, padding: whole numbers, or pairs for rows and columns.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.Conv2d(1, 8, 3, padding=1, rng=0)(np.ones((2, 1, 5, 5))).shape
    (2, 8, 5, 5)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
                 padding: Any = 0, *, bias: bool = True,
                 rng: np.random.Generator | int | None = None, dtype: Any = np.float64) -> None:
        self.in_channels = a_whole_number(in_channels, "in_channels", 1)
        self.out_channels = a_whole_number(out_channels, "out_channels", 1)
        self.kernel_size, self.stride = _pair(kernel_size, "kernel_size", 1), _pair(
            stride, "stride", 1)
        self.padding = _pair(padding, "padding", 0)
        generator, dtype, shape = a_generator(rng), a_precision(dtype), (
            self.out_channels, self.in_channels, *self.kernel_size)
        fan_in = int(np.prod(shape[1:]))
        self.weight = Tensor(uniform_fan_in(shape, fan_in, generator, dtype), label="weight")
        self.bias = Tensor(uniform_fan_in(shape[:1], fan_in, generator, dtype), label="bias"
                           ) if a_flag(bias, "bias") else None

    def forward(self, x: Any) -> Any:
        """See `Conv2d`."""
        self._check(x, self.in_channels)
        tell_of_widening(self, self.weight, x)
        return convolve(x, self.weight, self.bias, self.stride, self.padding)

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        padding = f", padding={self.padding}" if any(self.padding) else ""
        return (f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
                f"stride={self.stride}{padding}{'' if self.bias is not None else ', bias=False'}")


def convolve(x: Any, weight: Any, bias: Any, stride: tuple[int, int], padding: tuple[int, int]
             ) -> Any:
    """One matrix product an image, each window a column; `_convolution.py` has it as one operation.
    """
    seen = _windows(_padded(x, padding, 0.0), weight.shape[2:], stride)
    n, c, h, w = seen.shape[:4]
    kernel = math.prod(weight.shape[2:])
    # not as rows: entries that lie side by side in the image stay so, which is faster to copy
    columns = seen.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * kernel, h * w)
    y = weight.reshape(len(weight), c * kernel) @ columns
    y = y if bias is None else y + bias.reshape(-1, 1)
    return y.reshape(n, len(weight), h, w)


class _Pool(_OfWindows):
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        self.kernel_size = _pair(kernel_size, "kernel_size", 1)
        self.stride = self.kernel_size if stride is None else _pair(stride, "stride", 1)
        self.padding = _pair(padding, "padding", 0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise errors.ArgumentError(f"padding is at most half of kernel_size, or a window would "
                                       f"see nothing else: {self.padding}, {self.kernel_size}")

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}")


class MaxPool2d(_Pool):
    """The largest entry of each window, channel by channel: (n, c, h, w) ↦ (n, c, h', w').

    stride: kernel_size if None. Entries of equal size share the gradient evenly (in PyTorch the
    first has it all). What is added by `padding` is never the largest.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """

    def forward(self, x: Any) -> Any:
        """See `MaxPool2d`."""
        self._check(x)
        x = x if isinstance(x, Node) or as_array(x).dtype.kind == "f" else as_array(x, float)
        return max_windows(_padded(x, self.padding, -np.inf), self.kernel_size, self.stride)


class AvgPool2d(_Pool):
    """The mean of each window, channel by channel: (n, c, h, w) ↦ (n, c, h', w').

    stride: kernel_size if None. The zeros of a padding count.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """

    def forward(self, x: Any) -> Any:
        """See `AvgPool2d`."""
        self._check(x)
        x = x if isinstance(x, Node) else as_array(x)
        x, (k, m) = _padded(x, self.padding, 0.0), self.kernel_size
        if self.stride == self.kernel_size:  # then no two windows share an entry
            n, c, h, w = x.shape
            x = x[:, :, : h // k * k, : w // m * m].reshape(n, c, h // k, k, w // m, m)
            return np.mean(x, axis=(3, 5))
        return np.mean(_windows(x, self.kernel_size, self.stride), axis=(4, 5))
