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

from .optimizer import Optimizer, fresh_array, replace_numbers
from .optimizers import Adam

__all__ = ["PAIRS", "install"]

SMALL = 8192  # entries: of larger arrays, laying them end to end costs more than it saves


class Group:
    """Parameters that are moved as one, where each lies, and what is remembered of them all."""

    def __init__(self, parameters: list[Any], state: dict[str, Any]) -> None:
        self.parameters, self.state = parameters, state
        ends = [0, *itertools.accumulate(p.size for p in parameters)]
        self.parts = [slice(*ab) for ab in itertools.pairwise(ends)]


def step(self: Optimizer) -> None:
    """`Optimizer.step`: small Tensors of one dtype are moved as one array."""
    if self._groups:
        for part in self._groups:
            part.step()
        return
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


def adapted_in_place(self: Adam, x: Any, g: Any, state: dict[str, Any]) -> Any:
    """`Adam.adapted`: the moments of arrays are updated where they are, and one scratch array."""
    beta1, beta2 = self.betas
    t = state["step"] = state.get("step", 0) + 1
    rate, correction = self.lr / (1 - beta1**t), (1 - beta2**t) ** -0.5
    if isinstance(x, float):
        m = state["exp_avg"] = beta1 * state.get("exp_avg", 0.0) + (1 - beta1) * g
        v = state["exp_avg_sq"] = beta2 * state.get("exp_avg_sq", 0.0) + (1 - beta2) * (g * g)
        return x - m / (math.sqrt(v) * correction + self.eps) * rate
    if t == 1:
        state |= {name: np.zeros_like(x) for name in ("exp_avg", "exp_avg_sq")}
    if "scratch" not in state:
        state["scratch"] = np.empty_like(x)
    m, v, part = state["exp_avg"], state["exp_avg_sq"], state["scratch"]
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
    return [Group([p], state) for p, state in zip(group.parameters, _of_each(group), strict=True)]


def _of_each(group: Group) -> list[dict[str, Any]]:
    """What is remembered of each parameter of a group."""
    def of(p: Any, part: slice, held: Any) -> Any:
        return held[part].reshape(p.shape).copy() if isinstance(held, np.ndarray) else held

    kept = {name: held for name, held in group.state.items() if name != "scratch"}
    if len(group.parameters) == 1:
        return [kept]
    return [{name: of(p, part, held) for name, held in kept.items()}
            for p, part in zip(group.parameters, group.parts, strict=True)]


def remembered(self: Optimizer) -> list[dict[str, Any]]:
    """`Optimizer._remembered`, of groups."""
    of = {id(p): state for group in self._states
          for p, state in zip(group.parameters, _of_each(group), strict=True)}
    return [of.get(id(p), {}) for p in self.parameters]


def remember(self: Optimizer, states: list[dict[str, Any]]) -> None:
    """`Optimizer._remember`, in groups; what has another history stays alone."""
    of = {id(p): state for p, state in zip(self.parameters, states, strict=True)}
    self._states = []
    for group in _together(self.parameters):
        held = [of[id(p)] for p in group.parameters]
        if len(held) == 1:
            self._states.append(Group(group.parameters, held[0]))
        elif all(_in_step(held[0], other) for other in held):
            self._states.append(Group(group.parameters, {
                name: np.concatenate([state[name].ravel() for state in held])
                if isinstance(x, np.ndarray) else x for name, x in held[0].items()}))
        else:
            self._states += [Group([p], of[id(p)]) for p in group.parameters]


def _in_step(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two parameters have made the same steps, so that they can be moved as one."""
    return one.keys() == other.keys() and all(
        isinstance(x, np.ndarray) or x == other[name] for name, x in one.items())


PAIRS: list[tuple[type, str, Callable[..., Any], Callable[..., Any]]] = [
    (Optimizer, "step", Optimizer.step, step),  # a class, a name in it, the plain one, the fast one
    (Optimizer, "_remembered", Optimizer._remembered, remembered),
    (Optimizer, "_remember", Optimizer._remember, remember),
    (Adam, "adapted", Adam.adapted, adapted_in_place),
]


def install() -> None:
    """Put the fast functions in the place of the plain ones."""
    for owner, name, _, fast in PAIRS:
        setattr(owner, name, fast)
