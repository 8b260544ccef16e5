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
    """Parameters that are moved as one, where each lies, and what is remembered of them all.

    vector, parts_of_vector: their numbers laid end to end, and the part of each, since the last
    step. given, parts_given: the same of gradients, if they were computed so. recycles: whether
    nobody else can have seen the vectors that `owned` ones are, so that the one before the last may
    be written over: `spare`.
    """

    def __init__(self, parameters: list[Any], state: dict[str, Any]) -> None:
        self.parameters, self.state = parameters, state
        self.vector: Any = None
        self.given: Any = None
        self.parts_of_vector: list[Any] = []
        self.parts_given: list[Any] = []
        self.recycles = self.owned = False
        self.spare: Any = None
        ends = [0, *itertools.accumulate(p.size for p in parameters)]
        self.parts = [slice(*ab) for ab in itertools.pairwise(ends)]

    def is_given(self) -> bool:
        """Whether the parameters' gradients are those that were computed end to end."""
        return self.given is not None and not any(
            [p.gradient is not g for p, g in zip(self.parameters, self.parts_given, strict=True)])

    def lend(self, like: np.ndarray) -> None:
        """Offer the optimizer an array for the new numbers."""
        spare = self.spare if self.spare is not None else np.empty_like(like)
        spare.flags.writeable = True
        self.state["spare"] = spare

    def took(self, old: np.ndarray) -> None:
        """The old numbers were left for new ones."""
        self.state.pop("spare", None)
        self.spare = old if self.owned and self.recycles else None
        self.owned = self.recycles

    def disown(self) -> None:
        """Somebody may see the vectors from now on: leave them to whoever holds them."""
        self.spare, self.recycles, self.owned = None, False, False


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
        if group.is_given():
            continue
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
    spare: Any = state.get("spare")  # for the new numbers, if it is there
    if spare is None and "scratch" not in state:
        state["scratch"] = np.empty_like(x)
    part: Any = state["scratch"] if spare is None else spare
    m, v = state["exp_avg"], state["exp_avg_sq"]
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
    return np.subtract(x, part, out=spare)


def _together(parameters: list[Any], small: float = SMALL) -> list[Group]:
    """The parameters in groups, without anything remembered."""
    few = [p for p in parameters if not isinstance(p, Value) and p.size < small]
    alone = [p for p in parameters if isinstance(p, Value) or p.size >= small]
    return [Group([p], {}) for p in alone] + [
        Group([p for p in few if p.dtype == dtype], {})
        for dtype in dict.fromkeys(p.dtype for p in few)]


def join(self: Optimizer) -> list[Group]:
    """Move all Tensors of one dtype as one from now on, as far as they go in step.

    For those whose gradients are computed end to end, so that laying them so costs nothing.
    Returns the groups.
    """
    if self._groups:
        return [group for part in self._groups for group in join(part)]
    if self._states and any(len(group.parameters) < len(self.parameters)
                            for group in self._states):
        remember(self, self._remembered(), math.inf)
    groups: list[Group] = self._states
    return groups


def _step_as_one(group: Group, moved: Callable[..., Any]) -> None:
    """Move the Tensors of a group, laid end to end."""
    members = group.parameters
    old, g = group.vector, group.given
    if old is None or any([p.value is not part for p, part in zip(
            members, group.parts_of_vector, strict=True)]):
        old = np.concatenate([p.value.ravel() for p in members])
    if not group.is_given():
        g = np.concatenate([p.gradient.ravel() for p in members])
    if group.recycles:
        group.lend(old)
    group.vector = new = fresh_array(moved(old, g, group.state), old)
    group.took(old)
    group.parts_of_vector = parts = []
    for p, part in zip(members, group.parts, strict=True):
        p.value = x = new[part].reshape(p.value.shape)
        parts.append(x)


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


def remember(self: Optimizer, states: list[dict[str, Any]], small: float = SMALL) -> None:
    """`Optimizer._remember`, in groups; what has another history stays alone."""
    of = {id(p): state for p, state in zip(self.parameters, states, strict=True)}
    self._states = []
    for group in _together(self.parameters, small):
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
