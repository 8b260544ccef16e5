"""Layers of arrays: a whole batch at once, one sample a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd_mini import Tensor, linear

from .initialisers import uniform_fan_in
from .module import Module

__all__ = ["Linear", "Sequential"]


class Linear(Module):
    """x ↦ x Wᵀ + b, for x of shape (…, in_features); the result is (…, out_features).

    weight: (out_features, in_features); bias: (out_features,), or None. Both are drawn from
    `rng` (a NumPy generator; a new unseeded one if None) as PyTorch draws them.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *,
        rng: np.random.Generator | None = None, dtype: Any = np.float64,
    ) -> None:
        rng = np.random.default_rng() if rng is None else rng
        self.in_features, self.out_features = in_features, out_features
        weight = uniform_fan_in((out_features, in_features), in_features, rng, dtype)
        self.weight = Tensor(weight, label="weight")
        self.bias = None
        if bias:
            self.bias = Tensor(uniform_fan_in((out_features,), in_features, rng, dtype), "bias")

    def forward(self, x: Any) -> Any:
        """x Wᵀ + b."""
        shape = x.shape if isinstance(x, Tensor | np.ndarray) else np.shape(x)
        if shape[-1:] != (self.in_features,):
            raise ValueError(f"{self!r} needs (…, {self.in_features}), got {shape}")
        if self.bias is None:
            return x @ self.weight.T
        return linear(x, self.weight, self.bias)

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features}, bias={self.bias is not None})"


class Sequential(Module):
    """Modules one after the other; each is called with the result of the one before."""

    def __init__(self, *modules: Module) -> None:
        self.steps = list(modules)

    def forward(self, x: Any) -> Any:
        """The last module's result."""
        for module in self.steps:
            x = module(x)
        return x

    def __getitem__(self, i: int) -> Module:
        return self.steps[i]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.steps)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.steps))})"
