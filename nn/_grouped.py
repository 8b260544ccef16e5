"""The same steps of the same optimizers, faster: small arrays are laid end to end and moved as one.

The plain ones are in `optimizers.py`; read those. A step is a dozen passes of NumPy over the
numbers; of small arrays, calling it costs more. `install()` replaces the plain functions by these,
which give the same numbers bit for bit; with AUTOGRAD_MINI_PLAIN=1 in the environment it isn't
called.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Value

from .optimizers import Adam, Optimizer, fresh_array, replace_numbers

__all__ = ["PAIRS", "install"]

SMALL = 4096  # entries: of larger arrays, laying them end to end costs more than it saves


class Group:
    """Parameters that are moved as one, where each lies, and what is remembered of them all."""

    def __init__(self, parameters: list[Any], state: dict[str, Any]) -> None:
        self.parameters, self.state = parameters, state
        ends = [0, *itertools.accumulate(p.size for p in parameters)]
        self.parts = [slice(*ab) for ab in itertools.pairwise(ends)]


def step(self: Optimizer) -> None:
    """`Optimizer.step`: small Tensors of one dtype are moved as one array."""
    if not self._states:
        self._stepped, self._states = list(self.parameters), _together(self.parameters)
    self._check_unchanged()
    for group in [group for group in self._states if len(group.parameters) > 1]:
        missing = [p.gradient is None for p in group.parameters]
        if True in missing and False in missing:  # so they no longer go in step
            self._states = [other for other in self._states if other is not group] + _apart(group)
    for group in self._states:
        first = group.parameters[0]
        if first.gradient is None:  # then none of the group has one
            continue
        if len(group.parameters) == 1:
            replace_numbers(first, self.moved(first.value, first.gradient, group.state))
        else:
            _step_as_one(group, self.moved)


def moved_in_place(self: Adam, x: Any, g: Any, state: dict[str, Any]) -> Any:
    """`Adam.moved`: the moments of arrays are updated where they are, with one array of scratch."""
    if self.weight_decay:
        g = g + self.weight_decay * x
    beta1, beta2 = self.betas
    t = state["t"] = state.get("t", 0) + 1
    rate, correction = self.lr / (1 - beta1**t), (1 - beta2**t) ** -0.5
    if isinstance(x, float):
        m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
        v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * (g * g)
        return x - m / (math.sqrt(v) * correction + self.eps) * rate
    if t == 1:
        state |= {name: np.zeros_like(x) for name in ("m", "v", "scratch")}
    m, v, part = state["m"], state["v"], state["scratch"]
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


def _together(parameters: list[Any]) -> list[Group]:
    """The parameters in groups, without anything remembered."""
    small = [p for p in parameters if not isinstance(p, Value) and p.size < SMALL]
    alone = [p for p in parameters if isinstance(p, Value) or p.size >= SMALL]
    return [Group([p], {}) for p in alone] + [
        Group([p for p in small if p.dtype == dtype], {})
        for dtype in dict.fromkeys(p.dtype for p in small)]


def _step_as_one(group: Group, moved: Callable[..., Any]) -> None:
    """Move the Tensors of a group, laid end to end."""
    old = np.concatenate([p.value.ravel() for p in group.parameters])
    g = np.concatenate([p.gradient.ravel() for p in group.parameters])
    new = fresh_array(moved(old, g, group.state), old)
    for p, part in zip(group.parameters, group.parts, strict=True):
        p.value = new[part].reshape(p.value.shape)


def _apart(group: Group) -> list[Group]:
    """Each parameter alone, with its part of what is remembered."""
    def of(p: Any, part: slice, held: Any) -> Any:
        return held[part].reshape(p.shape).copy() if isinstance(held, np.ndarray) else held

    return [Group([p], {name: of(p, part, held) for name, held in group.state.items()})
            for p, part in zip(group.parameters, group.parts, strict=True)]


PAIRS: list[tuple[type, str, Callable[..., Any], Callable[..., Any]]] = [
    (Optimizer, "step", Optimizer.step, step),  # a class, a name in it, the plain one, the fast one
    (Adam, "moved", Adam.moved, moved_in_place),
]


def install() -> None:
    """Put the fast functions in the place of the plain ones."""
    for owner, name, _, fast in PAIRS:
        setattr(owner, name, fast)
