"""How parameters move downhill, given their gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_mini import Node

from .module import Module

__all__ = ["SGD", "Adam", "Optimizer"]


class Optimizer:
    """A list of parameters (Values, Tensors or both) and a way to step them.

    Raises `ValueError` for an empty list, `TypeError` for something that isn't a leaf node.
    """

    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        if isinstance(parameters, Module):
            raise TypeError("the optimizer got the model itself: pass model.parameters()")
        self.parameters = list(parameters)
        self.lr = lr
        if not self.parameters:
            raise ValueError("the optimizer got no parameters: pass model.parameters()")
        for p in self.parameters:
            if not isinstance(p, Node) or not p.is_leaf:
                raise TypeError(f"a parameter is a leaf Value or Tensor, not {type(p).__name__}")
        if len(set(self.parameters)) < len(self.parameters):
            raise ValueError("a parameter is given twice, and would be stepped twice")
        if not lr >= 0:
            raise ValueError(f"lr must be a number ≥ 0, not {lr}")
        self.state: list[dict[str, Any]] = [{} for _ in self.parameters]

    def zero_grad(self) -> None:
        """Forget all gradients (a step skips a parameter that then gets none)."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move every parameter whose gradient was computed."""
        for parameter, state in zip(self.parameters, self.state, strict=True):
            if parameter.gradient is not None:
                parameter.data = self.moved(parameter.data, parameter.grad, state)

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """The new number or array for x with gradient g; `state` is the parameter's own."""
        raise NotImplementedError


class SGD(Optimizer):
    """x ← x − lr·v, with v ← momentum·v + g and g ← ∇ + weight_decay·x, as in PyTorch."""

    def __init__(self, parameters: Iterable[Any], lr: float, momentum: float = 0.0,
                 weight_decay: float = 0.0) -> None:
        super().__init__(parameters, lr)
        self.momentum, self.weight_decay = momentum, weight_decay

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """One step."""
        if self.weight_decay:
            g = g + self.weight_decay * x
        if self.momentum:
            g = state["v"] = self.momentum * state.get("v", 0.0) + g
        return x - self.lr * g


class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba 2015, algorithm 1), with PyTorch's defaults.

    weight_decay is added to the gradient (L2), as PyTorch's Adam does.
    """

    def __init__(self, parameters: Iterable[Any], lr: float = 1e-3,
                 betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0.0) -> None:
        super().__init__(parameters, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """One step."""
        if self.weight_decay:
            g = g + self.weight_decay * x
        beta1, beta2 = self.betas
        t = state["t"] = state.get("t", 0) + 1
        m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
        v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g * g
        root = v**0.5 if isinstance(v, float) else np.sqrt(v)
        return x - self.lr / (1 - beta1**t) * m / (root / (1 - beta2**t) ** 0.5 + self.eps)
