"""Learning rates that change while a network learns: `step()` after each epoch or batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from autograd_mini import errors

from .arguments import (
    Called,
    Checked,
    a_number,
    a_whole_number,
    at_least_0,
    from_0_to_1,
    shown,
)
from .optimizer import Optimizer

__all__ = ["CosineAnnealingLR", "ExponentialLR", "LinearLR", "ReduceLROnPlateau", "Schedule",
           "StepLR"]


class Schedule(Called, Checked):
    """The base: `step()` counts, and sets the rate of each of the optimizer's groups anew.

    The rates are computed from those before, as in PyTorch, so several schedules of one optimizer
    multiply each other. A subclass defines `rate`. Raises `ArgumentTypeError` for what is no
    optimizer.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise errors.ArgumentTypeError(
                f"a schedule takes the optimizer whose rate it sets, not {shown(optimizer)}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:  # of several schedules, the first sees the start
            vars(group).setdefault("initial_lr", group.lr)
        self.base = [vars(group)["initial_lr"] for group in optimizer.param_groups]
        self.steps = 0

    def rate(self, before: float, base: float) -> float:
        """The rate after `self.steps` steps, from the one before and the one at the start."""
        raise NotImplementedError(f"{type(self).__name__} must define rate(self, before, base)")

    def step(self) -> None:
        """Go one epoch, or batch, further."""
        self.steps += 1
        try:
            self._set()
        except errors.ArgumentError:
            self.steps -= 1
            raise

    def _set(self) -> None:
        """All rates, or none if one can't be."""
        groups = self.optimizer.param_groups
        rates = [at_least_0(self.rate(group.lr, base), "lr")
                 for group, base in zip(groups, self.base, strict=True)]
        for group, rate in zip(groups, rates, strict=True):
            group.lr = rate

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group.lr for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """How far it has come (the rates themselves are the optimizer's)."""
        return {name: x for name, x in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there. Raises `StorageError` for the state of another schedule."""
        if set(state) != set(self.state_dict()):
            raise errors.StorageError(f"this is no state of {type(self).__name__}: it has "
                                      f"{', '.join(state)}")
        vars(self).update(state)


class StepLR(Schedule):
    """The rate times `gamma` after every `step_size` steps.

    >>> import autograd_mini as ag
    >>> from autograd_mini import nn
    >>> steps = nn.SGD([ag.Value(1.0)], lr=0.1)
    >>> schedule = nn.StepLR(steps, step_size=2, gamma=0.5)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(steps.lr)
    ...     schedule.step()
    ...
    >>> rates
    [0.1, 0.1, 0.05, 0.05]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer)
        self.step_size = a_whole_number(step_size, "step_size", 1)
        self.gamma = at_least_0(gamma, "gamma")

    def rate(self, before: float, base: float) -> float:
        """See `StepLR`."""
        return before if self.steps % self.step_size else before * self.gamma


class ExponentialLR(Schedule):
    """The rate times `gamma` after every step.

    >>> import autograd_mini as ag
    >>> from autograd_mini import nn
    >>> steps = nn.SGD([ag.Value(1.0)], lr=8.0)
    >>> schedule = nn.ExponentialLR(steps, gamma=0.5)
    >>> schedule.step()
    >>> steps.lr
    4.0
    """

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer)
        self.gamma = at_least_0(gamma, "gamma")

    def rate(self, before: float, base: float) -> float:
        """See `ExponentialLR`."""
        return before * self.gamma


class CosineAnnealingLR(Schedule):
    """From the rate at the start down to `eta_min` in `T_max` steps, along half a cosine.

    After t steps η = η_min + ½(η₀ − η_min)(1 + cos(πt/T)) (Loshchilov and Hutter 2017); beyond T it
    rises again.

    >>> import autograd_mini as ag
    >>> from autograd_mini import nn
    >>> steps = nn.SGD([ag.Value(1.0)], lr=1.0)
    >>> schedule = nn.CosineAnnealingLR(steps, T_max=2)
    >>> schedule.step()
    >>> round(steps.lr, 6)
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        super().__init__(optimizer)
        self.T_max = a_whole_number(T_max, "T_max", 1)
        self.eta_min = at_least_0(eta_min, "eta_min")

    def rate(self, before: float, base: float) -> float:
        """As a factor on the rate before; at the foot of the cosine, where that is 0, by a step."""
        t, T = self.steps, self.T_max
        if (t - 1 - T) % (2 * T) == 0:
            return before + (base - self.eta_min) * (1 - math.cos(math.pi / T)) / 2
        factor = (1 + math.cos(math.pi * t / T)) / (1 + math.cos(math.pi * (t - 1) / T))
        return factor * (before - self.eta_min) + self.eta_min


class LinearLR(Schedule):
    """From start_factor times the rate to end_factor times it in `total_iters` steps: a warm-up.

    The first factor holds at once. start_factor: above 0, at most 1.

    >>> import autograd_mini as ag
    >>> from autograd_mini import nn
    >>> steps = nn.SGD([ag.Value(1.0)], lr=1.0)
    >>> nn.LinearLR(steps, start_factor=0.25, total_iters=3).step()
    >>> steps.lr
    0.5
    """

    def __init__(self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0,
                 total_iters: int = 5) -> None:
        super().__init__(optimizer)
        self.start_factor = a_number(start_factor, "start_factor", lambda x: 0 < x <= 1,
                                     "above 0 and at most 1")
        self.end_factor = from_0_to_1(end_factor, "end_factor")
        self.total_iters = a_whole_number(total_iters, "total_iters", 1)
        self._set()

    def rate(self, before: float, base: float) -> float:
        """As a factor on the rate before."""
        if not self.steps:
            return before * self.start_factor
        if self.steps > self.total_iters:
            return before
        return before * self._factor(self.steps) / self._factor(self.steps - 1)

    def _factor(self, t: int) -> float:
        return self.start_factor + (self.end_factor - self.start_factor) * t / self.total_iters


class ReduceLROnPlateau(Schedule):
    """The rate times `factor` once a number has got no better for more than `patience` steps.

    mode: "min" (a loss) or "max" (an accuracy). Better is by more than `threshold` of the best's
    size (threshold_mode "rel") or by more than that ("abs"). After a reduction `cooldown` steps
    don't count. min_lr: the lowest rate; a change below `eps` isn't made. As in PyTorch, except
    where the best is below 0: PyTorch takes what is slightly worse for better there.

    >>> import autograd_mini as ag
    >>> from autograd_mini import nn
    >>> steps = nn.SGD([ag.Value(1.0)], lr=1.0)
    >>> schedule = nn.ReduceLROnPlateau(steps, patience=0)
    >>> for loss in (0.5, 0.6):
    ...     schedule.step(loss)
    ...
    >>> steps.lr
    0.1
    """

    settings: ClassVar = {"patience": lambda x, name: a_whole_number(x, name, 0),
                          "cooldown": lambda x, name: a_whole_number(x, name, 0),
                          "threshold": at_least_0, "min_lr": at_least_0, "eps": at_least_0}

    def __init__(self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1,
                 patience: int = 10, threshold: float = 1e-4, threshold_mode: str = "rel",
                 cooldown: int = 0, min_lr: float = 0.0, eps: float = 1e-8) -> None:
        super().__init__(optimizer)
        self.factor = a_number(factor, "factor", lambda x: 0 <= x < 1, "≥ 0 and below 1")
        for name, given, known in (("mode", mode, ("min", "max")),
                                   ("threshold_mode", threshold_mode, ("rel", "abs"))):
            if given not in known:
                raise errors.ArgumentError(f"{name} is {' or '.join(known)}, not {shown(given)}")
        self.mode, self.threshold_mode = mode, threshold_mode
        self.patience, self.cooldown, self.threshold = patience, cooldown, threshold
        self.min_lr, self.eps = min_lr, eps
        self.best, self.bad, self.waiting = (math.inf if mode == "min" else -math.inf), 0, 0

    def step(self, metric: float | None = None) -> None:
        """Go one epoch further, in which the number was `metric`."""
        if metric is None:
            raise errors.ArgumentTypeError("ReduceLROnPlateau looks at a number: step(val_loss)")
        number = float(metric)
        self.steps += 1
        self.best, self.bad = (number, 0) if self._is_better(number) else (self.best, self.bad + 1)
        if self.waiting > 0:
            self.waiting, self.bad = self.waiting - 1, 0
        if self.bad > self.patience:
            self._set()
            self.waiting, self.bad = self.cooldown, 0

    def rate(self, before: float, base: float) -> float:
        """The lower one."""
        lower = max(before * self.factor, self.min_lr)
        return lower if before - lower > self.eps else before

    def _is_better(self, number: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if not math.isfinite(self.best):
            return sign * number < sign * self.best
        margin = self.threshold * (abs(self.best) if self.threshold_mode == "rel" else 1.0)
        return sign * number < sign * self.best - margin
