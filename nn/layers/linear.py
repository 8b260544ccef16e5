"""The linear layer: a whole batch at once, one sample a row."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autograd_mini import Tensor, errors, linear

from ..arguments import a_flag, a_precision, a_whole_number
from ..init import uniform_fan_in
from ..module import Module
from ..randomness import a_generator

__all__ = ["Linear", "tell_of_widening"]


class Linear(Module):
    """x ↦ x Wᵀ + b, for x of shape (…, in_features); the result is (…, out_features).

    weight: (out_features, in_features); bias: (out_features,), or None. Both are drawn from
    `rng` (a NumPy generator, or a seed for one; a new unseeded one if None) as PyTorch draws
    them. dtype: float64 or float32. Raises `ArgumentError` for sizes < 1, `ArgumentTypeError` for
    other kinds, `DTypeError` for another dtype.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> layer = nn.Linear(3, 2, rng=0)
    >>> layer(np.ones((4, 3))).shape
    (4, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *,
        rng: np.random.Generator | int | None = None, dtype: Any = np.float64,
    ) -> None:
        self.in_features = in_features = a_whole_number(in_features, "in_features", 1)
        self.out_features = out_features = a_whole_number(out_features, "out_features", 1)
        bias, rng, dtype = a_flag(bias, "bias"), a_generator(rng), a_precision(dtype)
        weight = uniform_fan_in((out_features, in_features), in_features, rng, dtype)
        self.weight = Tensor(weight, label="weight")
        self.bias = None
        if bias:
            self.bias = Tensor(uniform_fan_in((out_features,), in_features, rng, dtype), "bias")

    def forward(self, x: Any) -> Any:
        """x Wᵀ + b."""
        shape = x.shape if isinstance(x, Tensor | np.ndarray) else np.shape(x)
        if shape[-1:] != (self.in_features,):
            raise errors.ShapeError(f"{self!r} needs (…, {self.in_features}), got {shape}")
        tell_of_widening(self, self.weight, x)
        if self.bias is None:
            return x @ self.weight.T
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return (f"in_features={self.in_features}, out_features={self.out_features}, "
                f"bias={self.bias is not None}")


def tell_of_widening(layer: Module, weight: Any, x: Any) -> None:
    """Warn where a layer of float32 is given what makes all that follows float64."""
    given = getattr(x, "dtype", None)
    if weight is not None and weight.dtype == np.float32 and given is not None and (
            given.kind in "fiu" and np.result_type(given, np.float32) == np.float64):
        warnings.warn(f"{layer!r} holds float32 and is given {given}, so all that follows is "
                      "computed in float64: give it x.astype(np.float32)", stacklevel=3)
