"""How parameters move downhill, given their gradients."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from autograd_mini import Node, Value, errors

from .arguments import Called, Checked, a_number, shown
from .module import Module

__all__ = ["SGD", "Adam", "Optimizer"]


def _at_least_0(x: Any, name: str) -> float:
    """x, if it is a finite number ≥ 0."""
    return a_number(x, name, lambda x: x >= 0, "≥ 0")


def _from_0_to_1(x: Any, name: str) -> float:
    """x, if it is a number from 0 to 1."""
    return a_number(x, name, lambda x: 0 <= x <= 1, "from 0 to 1")


def _above_0(x: Any, name: str) -> float:
    """x, if it is a finite number above 0."""
    return a_number(x, name, lambda x: x > 0, "above 0 (it keeps 0/0 away)")


def _two_below_1(x: Any, name: str) -> tuple[float, float]:
    """x, if it is two numbers ≥ 0 and below 1: at 1 the bias correction divides by 0."""
    if not isinstance(x, tuple | list) or len(x) != 2:
        raise errors.ArgumentTypeError(f"{name} is two numbers, (0.9, 0.999), not {shown(x)}")
    first, second = (a_number(beta, f"{name}[{i}]", lambda x: 0 <= x < 1, "≥ 0 and below 1")
                     for i, beta in enumerate(x))
    return first, second


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

    settings: ClassVar = {"lr": _at_least_0}

    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        self.parameters = _listed(parameters)
        self.lr = lr
        self._groups: list[_Group] | None = None
        self._grouped: list[Any] = []

    def zero_grad(self) -> None:
        """Forget all gradients (a step skips a parameter that then gets none)."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move every parameter whose gradient was computed."""
        if self._groups is None:
            self._groups, self._grouped = _together(self.parameters), list(self.parameters)
        if len(self._grouped) != len(self.parameters) or any(
                p is not q for p, q in zip(self._grouped, self.parameters, strict=True)):
            raise ValueError("the optimizer's parameters were changed after its first step: make "
                             "a new optimizer")
        for group in list(self._groups):
            missing = [p.gradient is None for p in group.parameters]
            if all(missing):
                continue
            if any(missing):  # so they no longer go in step
                self._groups.remove(group)
                alone = group.split()
                self._groups += alone
                for single in alone:
                    if single.parameters[0].gradient is not None:
                        single.step(self.moved)
            else:
                group.step(self.moved)

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """The new numbers for x with gradient g.

        x and g: floats, or arrays of one shape, those of one Tensor or of several laid end to
        end; they stay as they are. state: what the optimizer remembers of these entries (arrays
        of their shape, or numbers), empty before the first step.
        """
        raise NotImplementedError


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


class _Group:
    """What is stepped as one: a Value, a large Tensor, or small ones of one dtype laid end to end.

    A step is a dozen passes of NumPy over the numbers; of small arrays, calling it costs more.
    """

    SMALL = 4096  # entries

    def __init__(self, parameters: list[Any], state: dict[str, Any]) -> None:
        self.parameters, self.state = parameters, state
        ends = np.cumsum([0, *[p.size for p in parameters]]).tolist()
        self.parts = list(itertools.pairwise(ends))

    def step(self, moved: Callable[[Any, Any, dict[str, Any]], Any]) -> None:
        """Move them all."""
        first = self.parameters[0]
        if isinstance(first, Value):
            first.data = moved(first.value, first.gradient, self.state)
            return
        if len(self.parameters) == 1:
            # A new array, for graphs may hold the old one.
            first.value = self._checked(moved(first.value, first.gradient, self.state), first.value)
            return
        old = np.concatenate([p.value.ravel() for p in self.parameters])
        g = np.concatenate([p.gradient.ravel() for p in self.parameters])
        x = self._checked(moved(old, g, self.state), old)
        for p, (a, b) in zip(self.parameters, self.parts, strict=True):
            p.value = x[a:b].reshape(p.value.shape)

    @staticmethod
    def _checked(new: Any, old: np.ndarray) -> np.ndarray:
        """What `moved` returned: in the old dtype, of the old shape, and nobody's to write to."""
        x = np.array(new, old.dtype) if new is old else np.asarray(new, old.dtype)
        if x.shape != old.shape:
            raise ValueError(f"moved() returned shape {x.shape} for numbers of shape {old.shape}")
        x.flags.writeable = False
        return x

    def split(self) -> list[_Group]:
        """Each alone, with its part of the state."""
        def part(held: Any, p: Any, a: int, b: int) -> Any:
            return held[a:b].reshape(p.shape).copy() if isinstance(held, np.ndarray) else held

        return [_Group([p], {name: part(held, p, a, b) for name, held in self.state.items()})
                for p, (a, b) in zip(self.parameters, self.parts, strict=True)]


def _together(parameters: list[Any]) -> list[_Group]:
    """The parameters in groups."""
    alone = [p for p in parameters if isinstance(p, Value) or p.size >= _Group.SMALL]
    small = [p for p in parameters if not isinstance(p, Value) and p.size < _Group.SMALL]
    return [
        *[_Group([p], {}) for p in alone],
        *[_Group([p for p in small if p.dtype == dtype], {})
          for dtype in dict.fromkeys(p.dtype for p in small)],
    ]


class SGD(Optimizer):
    """x ← x − lr·v, with v ← momentum·v + g and g ← ∇ + weight_decay·x, as in PyTorch.

    momentum: from 0 to 1. weight_decay: ≥ 0. What is raised: see `Optimizer`.
    """

    settings: ClassVar = Optimizer.settings | {
        "momentum": _from_0_to_1, "weight_decay": _at_least_0,
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
        "betas": _two_below_1, "eps": _above_0, "weight_decay": _at_least_0,
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
        rate, correction = self.lr / (1 - beta1**t), (1 - beta2**t) ** -0.5
        if isinstance(x, float):
            m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
            v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g * g
            return x - rate * m / (v**0.5 * correction + self.eps)
        if t == 1:
            state |= {name: np.zeros_like(x) for name in ("m", "v", "room")}
        m, v, part = state["m"], state["v"], state["room"]
        m *= beta1
        m += np.multiply(g, 1 - beta1, out=part)
        v *= beta2
        np.multiply(g, g, out=part)
        part *= 1 - beta2
        v += part
        np.sqrt(v, out=part)
        part *= correction
        part += self.eps
        np.divide(m, part, out=part)
        part *= rate
        return x - part
