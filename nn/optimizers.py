"""The ways downhill: each optimizer moves parameters by its own rule, given their gradients.

Read here how; `_grouped.py` does the same with fewer calls of NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from autograd_mini import errors

from .arguments import a_flag, above_0, at_least_0, below_1, from_0_to_1, two_below_1
from .optimizer import Optimizer

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop"]


class SGD(Optimizer):
    """x ← x − lr·v, with v ← momentum·v + (1 − dampening)·g and g ← ∇ + weight_decay·x.

    In the first step v is g. With `nesterov` the step is along g + momentum·v, which needs a
    momentum and no dampening. All as in PyTorch. lr, weight_decay: ≥ 0. momentum, dampening: from
    0 to 1. What is raised: see `Optimizer`.

    >>> import numpy as np, autograd_mini as ag
    >>> from autograd_mini import nn
    >>> w = ag.Tensor([1.0, 2.0])
    >>> steps = nn.SGD([w], lr=0.1)
    >>> np.sum(w * w).backward()
    >>> steps.step()
    >>> w.data
    array([0.8, 1.6])
    """

    settings: ClassVar = Optimizer.settings | {
        "momentum": from_0_to_1, "dampening": from_0_to_1, "weight_decay": at_least_0,
        "nesterov": a_flag,
    }
    moments: ClassVar = ("momentum_buffer",)
    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool

    def __init__(self, parameters: Iterable[Any], lr: float = 1e-3, momentum: float = 0.0,
                 dampening: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False
                 ) -> None:
        super().__init__(parameters, lr, momentum=momentum, dampening=dampening,
                         weight_decay=weight_decay, nesterov=nesterov)
        for group in self.param_groups:
            if group["nesterov"] and (not group["momentum"] or group["dampening"]):
                raise errors.ArgumentError("nesterov needs a momentum, and no dampening: give "
                                           "momentum=0.9")

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """One step."""
        if self.weight_decay:
            g = g + self.weight_decay * x
        if self.momentum:
            v = state.get("momentum_buffer")
            v = g + 0.0 if v is None else self.momentum * v + (1 - self.dampening) * g
            state["momentum_buffer"] = v
            g = g + self.momentum * v if self.nesterov else v
        return x - self.lr * g


class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba 2015, algorithm 1), with PyTorch's defaults.

    betas: two numbers ≥ 0 and below 1. eps: above 0, and not so small that float32 has 0 for it.
    weight_decay: ≥ 0, is added to the gradient (L2), as PyTorch's Adam does. What is raised: see
    `Optimizer`. Each parameter counts its own steps: those in which it had a gradient.

    >>> import numpy as np, autograd_mini as ag
    >>> from autograd_mini import nn
    >>> w = ag.Tensor([1.0, 2.0])
    >>> steps = nn.Adam([w], lr=0.1)
    >>> np.sum(w * w).backward()
    >>> steps.step()
    >>> w.data.round(6)
    array([0.9, 1.9])
    """

    settings: ClassVar = Optimizer.settings | {
        "betas": two_below_1, "eps": above_0, "weight_decay": at_least_0,
    }
    moments: ClassVar = ("exp_avg", "exp_avg_sq")
    betas: tuple[float, float]
    eps: float
    weight_decay: float

    def __init__(self, parameters: Iterable[Any], lr: float = 1e-3,
                 betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0.0) -> None:
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay)
        _check_eps(self)

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """One step."""
        if self.weight_decay:
            g = g + self.weight_decay * x
        return self.adapted(x, g, state)

    def adapted(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """One step, once the weights have decayed."""
        beta1, beta2 = self.betas
        t = state["step"] = state.get("step", 0) + 1
        m = state["exp_avg"] = beta1 * state.get("exp_avg", 0.0) + (1 - beta1) * g
        v = state["exp_avg_sq"] = beta2 * state.get("exp_avg_sq", 0.0) + (1 - beta2) * (g * g)
        rate, correction = self.lr / (1 - beta1**t), (1 - beta2**t) ** -0.5
        return x - m / (np.sqrt(v) * correction + self.eps) * rate


class AdamW(Adam):
    """Adam whose weights decay by themselves, x ← x − lr·weight_decay·x, before the step.

    Added to the gradient, as by Adam, the decay of a weight would be divided by the size of its
    gradients (Loshchilov and Hutter 2019). Arguments and what is raised: see `Adam`.

    >>> import numpy as np, autograd_mini as ag
    >>> from autograd_mini import nn
    >>> w = ag.Tensor([1.0, 2.0])
    >>> steps = nn.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> np.sum(w * w).backward()
    >>> steps.step()
    >>> w.data.round(6)
    array([0.85, 1.8 ])
    """

    def __init__(self, parameters: Iterable[Any], lr: float = 1e-3,
                 betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """One step."""
        return self.adapted(x * (1 - self.lr * self.weight_decay), g, state)


class RMSprop(Optimizer):
    """x ← x − lr·b, b ← momentum·b + g/(√v + eps), with v ← alpha·v + (1 − alpha)·g².

    A step as long as the gradient is beside its usual size (Tieleman and Hinton 2012), as PyTorch
    computes it. alpha: ≥ 0 and below 1. eps: above 0. weight_decay: ≥ 0, is added to the gradient.
    momentum: from 0 to 1. centered: the usual size is then the standard deviation. What is raised:
    see `Optimizer`.

    >>> import numpy as np, autograd_mini as ag
    >>> from autograd_mini import nn
    >>> w = ag.Tensor([1.0, 2.0])
    >>> steps = nn.RMSprop([w], lr=0.01)
    >>> np.sum(w * w).backward()
    >>> steps.step()
    >>> w.data.round(6)
    array([0.9, 1.9])
    """

    settings: ClassVar = Optimizer.settings | {
        "alpha": below_1, "eps": above_0, "weight_decay": at_least_0, "momentum": from_0_to_1,
        "centered": a_flag,
    }
    moments: ClassVar = ("square_avg", "grad_avg", "momentum_buffer")
    alpha: float
    eps: float
    weight_decay: float
    momentum: float
    centered: bool

    def __init__(self, parameters: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99,
                 eps: float = 1e-8, weight_decay: float = 0.0, momentum: float = 0.0,
                 centered: bool = False) -> None:
        super().__init__(parameters, lr, alpha=alpha, eps=eps, weight_decay=weight_decay,
                         momentum=momentum, centered=centered)
        _check_eps(self)

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """One step."""
        if self.weight_decay:
            g = g + self.weight_decay * x
        alpha = self.alpha
        state["step"] = state.get("step", 0) + 1  # which PyTorch's state has, too
        v = state["square_avg"] = alpha * state.get("square_avg", 0.0) + (1 - alpha) * (g * g)
        if self.centered:
            m = state["grad_avg"] = alpha * state.get("grad_avg", 0.0) + (1 - alpha) * g
            v = np.maximum(v - m * m, 0.0)  # which rounding may take below 0
        step = g / (np.sqrt(v) + self.eps)
        if self.momentum:
            step = state["momentum_buffer"] = (
                self.momentum * state.get("momentum_buffer", 0.0) + step)
        return x - self.lr * step


class Adagrad(Optimizer):
    """x ← x − lr/(1 + (t − 1)·lr_decay)·g/(√v + eps), with v ← v + g² in step t.

    Entries that moved far move less (Duchi, Hazan and Singer 2011), as PyTorch computes it.
    lr_decay, weight_decay, initial_accumulator_value (v before the first step): ≥ 0. eps: above 0.
    What is raised: see `Optimizer`.

    >>> import numpy as np, autograd_mini as ag
    >>> from autograd_mini import nn
    >>> w = ag.Tensor([1.0, 2.0])
    >>> steps = nn.Adagrad([w], lr=0.1)
    >>> np.sum(w * w).backward()
    >>> steps.step()
    >>> w.data.round(6)
    array([0.9, 1.9])
    """

    settings: ClassVar = Optimizer.settings | {
        "lr_decay": at_least_0, "weight_decay": at_least_0,
        "initial_accumulator_value": at_least_0, "eps": above_0,
    }
    moments: ClassVar = ("sum",)
    lr_decay: float
    weight_decay: float
    initial_accumulator_value: float
    eps: float

    def __init__(self, parameters: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0.0,
                 weight_decay: float = 0.0, initial_accumulator_value: float = 0.0,
                 eps: float = 1e-10) -> None:
        super().__init__(parameters, lr, lr_decay=lr_decay, weight_decay=weight_decay,
                         initial_accumulator_value=initial_accumulator_value, eps=eps)
        _check_eps(self)

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """One step."""
        if self.weight_decay:
            g = g + self.weight_decay * x
        t = state["step"] = state.get("step", 0) + 1
        v = state["sum"] = state.get("sum", self.initial_accumulator_value) + g * g
        return x - self.lr / (1 + (t - 1) * self.lr_decay) * g / (np.sqrt(v) + self.eps)


def _check_eps(optimizer: Any) -> None:
    """Raise `ArgumentError` for an eps that vanishes in the precision of a parameter."""
    for group in optimizer.param_groups:
        if np.float32(group.eps) == 0 and any(p.dtype == np.float32 for p in group.parameters):
            raise errors.ArgumentError(f"eps = {group.eps} is 0 in float32, in which a parameter "
                                       "is: 0/0 would be nan. Take 1e-8")
