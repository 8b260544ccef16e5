"""An optimizer moves parameters downhill, given their gradients.

Read here how; `_grouped.py` does the same with fewer calls of NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from autograd_mini import Node, Value, errors

from .arguments import Called, Checked, above_0, at_least_0, from_0_to_1, shown, two_below_1
from .module import Module

__all__ = ["SGD", "Adam", "Optimizer"]


class Optimizer(Called, Checked):
    """A list of parameters (Values, Tensors or both) and a way to step them.

    A step skips a parameter whose gradient was not computed (`grad` was None or "not computed"),
    such as an embedding's row that doesn't occur: neither its numbers nor what is remembered of
    it (momentum, Adam's moments and its count of steps) change, as in PyTorch. A gradient of 0 is
    a gradient: momentum moves that parameter on.

    lr: the step's length, a finite number ≥ 0; it may be set between steps. Raises
    `ArgumentError` (a `ValueError`) for numbers out of range, an empty list, or a parameter given
    twice, `ArgumentTypeError` (a `TypeError`) for what is no number or no leaf node.
    """

    settings: ClassVar = {"lr": at_least_0}

    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        self.parameters = _listed(parameters)
        self.lr = lr
        self._stepped: list[Any] = []  # the parameters as of the first step
        self._states: list[Any] = []  # what is remembered of each of them

    def zero_grad(self) -> None:
        """Forget all gradients (a step skips a parameter that then gets none)."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move every parameter whose gradient was computed."""
        if not self._states:
            self._stepped, self._states = list(self.parameters), [{} for _ in self.parameters]
        self._check_unchanged()
        for p, state in zip(self.parameters, self._states, strict=True):
            if p.gradient is not None:
                replace_numbers(p, self.moved(p.value, p.gradient, state))

    def _check_unchanged(self) -> None:
        """Raise `ValueError` if parameters came or went since the first step."""
        if len(self._stepped) != len(self.parameters) or any(
                p is not q for p, q in zip(self._stepped, self.parameters, strict=True)):
            raise ValueError("the optimizer's parameters were changed after its first step: make "
                             "a new optimizer")

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """The new numbers for x with gradient g.

        x and g: floats, or arrays of one shape, those of one Tensor or of several laid end to
        end; they stay as they are. state: what the optimizer remembers of these entries (arrays
        of their shape, or numbers), empty before the first step.
        """
        raise NotImplementedError


class SGD(Optimizer):
    """x ← x − lr·v, with v ← momentum·v + g and g ← ∇ + weight_decay·x, as in PyTorch.

    momentum: from 0 to 1. weight_decay: ≥ 0. What is raised: see `Optimizer`.
    """

    settings: ClassVar = Optimizer.settings | {
        "momentum": from_0_to_1, "weight_decay": at_least_0,
    }

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

    betas: two numbers ≥ 0 and below 1. eps: above 0, and not so small that float32 has 0 for it.
    weight_decay: ≥ 0, is added to the gradient (L2), as PyTorch's Adam does. What is raised: see
    `Optimizer`. Each parameter counts its own steps: those in which it had a gradient.
    """

    settings: ClassVar = Optimizer.settings | {
        "betas": two_below_1, "eps": above_0, "weight_decay": at_least_0,
    }

    def __init__(self, parameters: Iterable[Any], lr: float = 1e-3,
                 betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0.0) -> None:
        super().__init__(parameters, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        if np.float32(self.eps) == 0 and any(p.dtype == np.float32 for p in self.parameters):
            raise errors.ArgumentError(f"eps = {eps} is 0 in float32, in which a parameter is: "
                                       "0/0 would be nan. Take 1e-8")

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """One step."""
        if self.weight_decay:
            g = g + self.weight_decay * x
        beta1, beta2 = self.betas
        t = state["t"] = state.get("t", 0) + 1
        m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
        v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * (g * g)
        rate, correction = self.lr / (1 - beta1**t), (1 - beta2**t) ** -0.5
        return x - m / (np.sqrt(v) * correction + self.eps) * rate


def replace_numbers(p: Any, new: Any) -> None:
    """Give the parameter p its new numbers."""
    if isinstance(p, Value):
        p.data = new
    else:
        p.value = fresh_array(new, p.value)


def fresh_array(new: Any, old: np.ndarray) -> np.ndarray:
    """What `moved` returned: never `old` itself, which graphs may hold; of its shape and dtype.

    It is read-only. Raises `ValueError` for another shape.
    """
    x = np.array(new, old.dtype) if new is old else np.asarray(new, old.dtype)
    if x.shape != old.shape:
        raise ValueError(f"moved() returned shape {x.shape} for numbers of shape {old.shape}")
    x.flags.writeable = False
    return x


# ── what is checked ──────────────────────────────────────────────────────────────────────────────

def _listed(parameters: Any) -> list[Any]:
    """The parameters in a list; refused if they can't all be stepped, each once."""
    if isinstance(parameters, Module):
        raise errors.ArgumentTypeError(
            "the optimizer got the model itself: pass model.parameters()")
    if isinstance(parameters, Node) or not isinstance(parameters, Iterable):
        raise errors.ArgumentTypeError(
            f"the optimizer takes a list of parameters, [w, b], not {shown(parameters)}")
    listed = list(parameters)
    if not listed:
        raise errors.ArgumentError("the optimizer got no parameters: pass model.parameters()")
    for i, p in enumerate(listed):
        _check_parameter(p, i)
    if len(set(listed)) < len(listed):
        raise errors.ArgumentError(
            "a parameter is given twice, and would be stepped twice: give each once")
    return listed


CURES: dict[type, str] = {  # for what is found in a list of parameters
    tuple: "pass parameters(), without names", list: "pass one flat list",
    str: "pass the nodes, not their names (of a dict, its values)",
    dict: "make one optimizer for each group of parameters",
}


def _check_parameter(p: Any, i: int) -> None:
    """Raise `ArgumentTypeError` unless p, the i-th of the list, is a leaf node."""
    if not isinstance(p, Node):
        cure = CURES.get(type(p), "wrap plain numbers in Value or Tensor")
        raise errors.ArgumentTypeError(f"a parameter is a leaf Value or Tensor, not "
                                       f"{type(p).__name__} (item {i} of the list): {cure}")
    if p.op is not None:
        raise errors.ArgumentTypeError(
            f"a parameter is a leaf Value or Tensor, and item {i} of the list was computed by "
            f"{p.op.name}: pass the leaf that it came from, or a new {type(p).__name__}(x.data)")
