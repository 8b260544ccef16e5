"""What bends a network: without them, layers in a row are one linear map."""

from __future__ import annotations

from typing import Any

from autograd_mini import relu, sigmoid, tanh

from .module import Module

__all__ = ["ReLU", "Sigmoid", "Tanh"]


class _Activation(Module):
    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ReLU(_Activation):
    """max(x, 0), entry by entry."""

    def forward(self, x: Any) -> Any:
        """max(x, 0)."""
        return relu(x)


class Tanh(_Activation):
    """tanh(x), entry by entry."""

    def forward(self, x: Any) -> Any:
        """tanh(x)."""
        return tanh(x)


class Sigmoid(_Activation):
    """1/(1 + e⁻ˣ), entry by entry."""

    def forward(self, x: Any) -> Any:
        """1/(1 + e⁻ˣ)."""
        return sigmoid(x)
