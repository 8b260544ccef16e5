"""Layers that bring numbers to mean 0 and variance 1, and then to a scale that is learned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_mini import Node, Tensor, compiler, errors

from ..arguments import (
    a_flag,
    a_number,
    a_precision,
    a_whole_number,
    as_array,
    at_least_0,
    whole_numbers,
)
from ..module import Module
from .linear import tell_of_widening

__all__ = ["BatchNorm1d", "BatchNorm2d", "LayerNorm"]


def normalize(x: Any, axes: tuple[int, ...], eps: float, weight: Any, bias: Any) -> Any:
    """(x − mean)/√(variance + eps)·weight + bias over the axes; `_normalization.py` has it as one
    operation. weight, bias: what broadcasts against x, or None.
    """
    mean, var = np.mean(x, axes, keepdims=True), np.var(x, axes, keepdims=True)
    y = (x - mean) / np.sqrt(var + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


class _BatchNorm(Module):
    """What `BatchNorm1d` tells, for inputs of as many axes as a subclass says."""

    axes: tuple[int, ...] = ()  # how many axes an input may have
    set_in_training = ("num_batches_tracked", "running_mean", "running_var")

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
                 affine: bool = True, *, dtype: Any = np.float64) -> None:
        n, dtype = a_whole_number(num_features, "num_features", 1), a_precision(dtype)
        self.num_features, self.eps = n, at_least_0(eps, "eps")
        self.momentum = momentum if momentum is None else a_number(
            momentum, "momentum", lambda x: 0 <= x <= 1, "from 0 to 1, or None")
        affine = a_flag(affine, "affine")
        self.weight = Tensor(np.ones(n, dtype), label="weight") if affine else None
        self.bias = Tensor(np.zeros(n, dtype), label="bias") if affine else None
        self.running_mean, self.running_var = np.zeros(n, dtype), np.ones(n, dtype)
        self.num_batches_tracked = np.array(0)

    def forward(self, x: Any) -> Any:
        """Raises `ShapeError` for another number of channels, or of one entry in training."""
        x = x if isinstance(x, Node) else as_array(x)
        tell_of_widening(self, self.running_var, x)
        shape = np.shape(x)
        if len(shape) not in self.axes or shape[1] != self.num_features:
            more = [f"(n, {self.num_features}{', …' if k > 2 else ''})" for k in self.axes]
            raise errors.ShapeError(f"{self!r} needs {' or '.join(more)} with {self.axes} axes, "
                                    f"got {shape}")
        others, along = (0, *range(2, len(shape))), (1, -1, *(1,) * (len(shape) - 2))
        weight, bias = (p if p is None else p.reshape(along) for p in (self.weight, self.bias))
        if self.training:
            self._check_count(shape)
            y = normalize(x, others, self.eps, weight, bias)
            compiler.afterwards(self._remember, x, others)  # now that nothing can fail
            return y
        std = np.sqrt(self.running_var + self.eps).reshape(along)
        y = (x - self.running_mean.reshape(along)) / std
        y = y if weight is None else y * weight
        return y if bias is None else y + bias

    def _check_count(self, shape: tuple[int, ...]) -> None:
        """Raise `ShapeError` for a single entry a channel, of which there is no variance."""
        if math.prod(shape) // self.num_features < 2:
            raise errors.ShapeError(f"{self!r} in training needs more than one entry a channel, of "
                                    "which there is a variance: leave a last batch of one out "
                                    "(drop_last=True), or call model.eval()")

    def _remember(self, x: np.ndarray, axes: tuple[int, ...]) -> None:
        """What is needed when it isn't training."""
        self.num_batches_tracked = np.array(int(self.num_batches_tracked) + 1)
        m = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        for name, number in (("running_mean", np.mean(x, axes)),
                             ("running_var", np.var(x, axes, ddof=1))):
            held = getattr(self, name)
            setattr(self, name, ((1 - m) * held + m * number).astype(held.dtype))

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
                f"affine={self.weight is not None}")


class BatchNorm1d(_BatchNorm):
    """(x − mean)/√(var + eps)·weight + bias, a feature at a time (Ioffe and Szegedy 2015).

    x: (n, num_features), or (n, num_features, length). In training with the mean and the variance
    of the batch, and these are remembered: running_mean ← (1 − momentum)·running_mean +
    momentum·mean, and the same of the variance, which is divided by the number of entries less one
    there; otherwise with what is remembered. momentum: from 0 to 1, or None for the mean of all
    batches. affine: whether there are weight and bias. All as in PyTorch.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> layer = nn.BatchNorm1d(2)
    >>> layer(np.array([[0.0, 1.0], [2.0, 5.0]])).data.round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> layer.running_mean
    array([0.1, 0.3])
    """

    axes = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`BatchNorm1d` for images, a channel at a time: x of (n, num_features, height, width).

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.BatchNorm2d(3)(np.ones((4, 3, 2, 2))).shape
    (4, 3, 2, 2)
    """

    axes = (4,)


class LayerNorm(Module):
    """(x − mean)/√(var + eps)·weight + bias, over the last axes of each sample (Ba et al. 2016).

    normalized_shape: the lengths of these axes, or of the one; the shape of weight and bias.
    elementwise_affine: whether there is a weight; bias: whether there is a bias with it. Raises
    `ShapeError` for an input whose last axes have other lengths.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.LayerNorm(2)(np.array([[0.0, 2.0], [5.0, 1.0]])).data.round(3)
    array([[-1.,  1.],
           [ 1., -1.]])
    """

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True,
                 bias: bool = True, *, dtype: Any = np.float64) -> None:
        single = isinstance(normalized_shape, int | np.integer)
        self.normalized_shape = tuple(whole_numbers(
            [normalized_shape] if single else normalized_shape, "normalized_shape", 1))
        self.eps, dtype = at_least_0(eps, "eps"), a_precision(dtype)
        affine, bias = a_flag(elementwise_affine, "elementwise_affine"), a_flag(bias, "bias")
        shape = self.normalized_shape
        self.weight = Tensor(np.ones(shape, dtype), label="weight") if affine else None
        self.bias = Tensor(np.zeros(shape, dtype), label="bias") if affine and bias else None

    def forward(self, x: Any) -> Any:
        """See `LayerNorm`."""
        tell_of_widening(self, self.weight, x)
        k = len(self.normalized_shape)
        if np.shape(x)[-k:] != self.normalized_shape:
            wanted = ", ".join(map(str, self.normalized_shape))
            raise errors.ShapeError(f"{self!r} needs (…, {wanted}), got {np.shape(x)}")
        return normalize(x, tuple(range(-k, 0)), self.eps, self.weight, self.bias)

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return (f"{self.normalized_shape}, eps={self.eps}, "
                f"elementwise_affine={self.weight is not None}")
