"""An optimizer's parameters, in groups or not, and what it remembers of them."""

from __future__ import annotations

import copy
import operator
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from autograd_mini import Node, Value, errors

from .arguments import Called, Checked, at_least_0, shown
from .module import Module

__all__ = ["Optimizer", "fresh_array", "replace_numbers"]


class Optimizer(Called, Checked):
    """A list of parameters (Values, Tensors or both) and a way to step them.

    In place of a list of parameters it takes groups, each with settings of its own: a list of
    dicts, `[{"params": weights}, {"params": biases, "weight_decay": 0.0}]`. `param_groups` lists
    them; each has its settings as attributes, or, as in PyTorch, by name (`group["lr"] = 0.01`).

    A step skips a parameter whose gradient was not computed (`grad` was None or "not computed"),
    such as an embedding's row that doesn't occur: neither its numbers nor what is remembered of
    it (momentum, Adam's moments and its count of steps) change, as in PyTorch. A gradient of 0 is
    a gradient: momentum moves that parameter on.

    lr: the step's length, a finite number ≥ 0; it may be set between steps. Raises
    `ArgumentError` (a `ValueError`) for numbers out of range, an empty list, or a parameter given
    twice, `ArgumentTypeError` (a `TypeError`) for what is no number or no leaf node.

    >>> import numpy as np, autograd_mini as ag
    >>> from autograd_mini import nn
    >>> class Signs(nn.Optimizer):
    ...     def moved(self, x, g, state):
    ...         return x - self.lr * np.sign(g)
    ...
    >>> w = ag.Tensor([1.0, -2.0])
    >>> np.sum(w * w).backward()
    >>> Signs([w], lr=0.1).step()
    >>> w.data
    array([ 0.9, -1.9])
    """

    settings: ClassVar = {"lr": at_least_0}
    moments: ClassVar[tuple[str, ...]] = ()  # what has an entry for each of a parameter's
    lr: float

    def __init__(self, parameters: Iterable[Any], lr: float, **settings: Any) -> None:
        groups = _groups(parameters)
        self.parameters = _listed([p for members, _ in groups for p in members])
        self._stepped: list[Any] = []  # the parameters as of the first step
        self._states: list[Any] = []  # what is remembered of each of them
        self._groups: list[Optimizer] = []  # none, if all parameters have the same settings
        for name, setting in {"lr": lr, **settings}.items():
            setattr(self, name, setting)
        if groups[0][1] is not None:
            self._groups = [self._of_group(members, own or {}) for members, own in groups]

    def _of_group(self, members: list[Any], settings: dict[str, Any]) -> Optimizer:
        """An optimizer like this one, of a group's parameters and with its settings."""
        group = copy.copy(self)
        group.parameters, group._stepped, group._states = _listed(members), [], []
        for name, setting in settings.items():
            group[name] = setting
        return group

    @property
    def param_groups(self) -> tuple[Optimizer, ...]:
        """The groups; of an optimizer without groups, the optimizer itself."""
        return tuple(self._groups) or (self,)

    def __getitem__(self, name: str) -> Any:
        """A setting by its name, or "params"."""
        if name != "params" and name not in self.settings:
            raise KeyError(name)
        return self.parameters if name == "params" else getattr(self, name)

    def __setitem__(self, name: str, setting: Any) -> None:
        if name not in self.settings:
            raise errors.ArgumentError(f"{type(self).__name__} has no setting {name!r}; it has "
                                       f"{', '.join(self.settings)}")
        setattr(self, name, setting)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.settings and vars(self).get("_groups"):
            raise errors.ArgumentError(
                f"the optimizer has {len(self._groups)} groups of parameters, each with its own "
                f"{name}: set it in each, for group in optimizer.param_groups: group.{name} = …")
        super().__setattr__(name, value)

    def zero_grad(self) -> None:
        """Forget all gradients (a step skips a parameter that then gets none)."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move every parameter whose gradient was computed."""
        if self._groups:
            for group in self._groups:
                group.step()
            return
        if not self._states:
            self._stepped, self._states = list(self.parameters), [{} for _ in self.parameters]
        self._check_unchanged()
        for p, state in zip(self.parameters, self._states, strict=True):
            if p.gradient is not None:
                replace_numbers(p, self.moved(p.value, p.gradient, state))

    def _check_unchanged(self) -> None:
        """Raise `ValueError` if parameters came or went since the first step."""
        if len(self._stepped) != len(self.parameters) or not all(
                map(operator.is_, self._stepped, self.parameters)):
            raise ValueError("the optimizer's parameters were changed after its first step: make "
                             "a new optimizer")

    def moved(self, x: Any, g: Any, state: dict[str, Any]) -> Any:
        """The new numbers for x with gradient g.

        x and g: floats, or arrays of one shape, those of one Tensor or of several laid end to
        end; they stay as they are. state: what the optimizer remembers of these entries (arrays
        of their shape, or numbers), empty before the first step.
        """
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """What a run needs to go on: `state`, what is remembered of each parameter by its number,
        and `param_groups`, the settings. In PyTorch's form and names; the arrays are copies.
        """
        state: dict[int, dict[str, Any]] = {}
        groups = []
        for group in self.param_groups:
            numbers = range(start := len(state), start + len(group.parameters))
            state.update(zip(numbers, copy.deepcopy(group._remembered()), strict=True))
            groups.append({name: getattr(group, name) for name in self.settings}
                          | {"params": [*numbers]})
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with what `state_dict` gave, of an optimizer of the same parameters.

        Raises `StorageError` (a `ValueError`), before anything is changed, if it doesn't fit.
        """
        groups, remembered = _fitting(self, state)
        for group, settings, states in zip(self.param_groups, groups, remembered, strict=True):
            for name, setting in settings.items():
                setattr(group, name, setting)
            group._stepped = list(group.parameters)
            group._remember(states)

    def _remembered(self) -> list[dict[str, Any]]:
        """What is remembered of each parameter."""
        return self._states or [{} for _ in self.parameters]

    def _remember(self, states: list[dict[str, Any]]) -> None:
        """The opposite of `_remembered`."""
        self._states = states


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

def _groups(parameters: Any) -> list[tuple[list[Any], dict[str, Any] | None]]:
    """(parameters, settings) of each group; of a list without groups, the list and None."""
    if isinstance(parameters, Module):
        raise errors.ArgumentTypeError(
            "the optimizer got the model itself: pass model.parameters()")
    if isinstance(parameters, Node) or not isinstance(parameters, Iterable):
        raise errors.ArgumentTypeError(
            f"the optimizer takes a list of parameters, [w, b], not {shown(parameters)}")
    given = list(parameters)
    if not any(isinstance(group, dict) for group in given):
        return [(given, None)]
    for i, group in enumerate(given):
        if not isinstance(group, dict) or "params" not in group:
            raise errors.ArgumentTypeError(
                f"item {i} of the optimizer's list is no group: give dicts, "
                '{"params": [w, b], "lr": 0.1}, or parameters alone')
    return [(_members(group["params"]), {k: v for k, v in group.items() if k != "params"})
            for group in given]


def _members(params: Any) -> list[Any]:
    """The parameters of one group, which may be a single one."""
    return [params] if isinstance(params, Node) else _groups(params)[0][0]


def _fitting(optimizer: Optimizer, state: Any) -> tuple[list[dict[str, Any]], list[Any]]:
    """The settings and what is remembered, by groups. Raises `StorageError` if they don't fit."""
    own = optimizer.param_groups
    try:
        settings = [{name: group[name] for name in optimizer.settings}
                    for group in state["param_groups"]]
        sizes = [len(group["params"]) for group in state["param_groups"]]
        by_number = {int(number): dict(held) for number, held in state["state"].items()}
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise errors.StorageError(f"this is no state of {type(optimizer).__name__}: give what its "
                                  f"state_dict() gave ({error!r})") from error
    if sizes != [len(group.parameters) for group in own]:
        raise errors.StorageError(
            f"the state is of groups of {sizes} parameters, and the optimizer has "
            f"{[len(group.parameters) for group in own]}: make it of the same model")
    trials = [copy.copy(group) for group in own]
    for trial, group_settings in zip(trials, settings, strict=True):
        for name, setting in group_settings.items():
            setattr(trial, name, tuple(setting) if isinstance(setting, list) else setting)
    number, remembered = 0, []
    for group in own:
        remembered.append([
            _of_parameter(p, by_number.get(number + i, {}), number + i, optimizer.moments)
            for i, p in enumerate(group.parameters)])
        number += len(group.parameters)
    return [{name: getattr(trial, name) for name in optimizer.settings} for trial in trials
            ], remembered


def _of_parameter(p: Any, held: dict[str, Any], number: int, moments: tuple[str, ...]
                  ) -> dict[str, Any]:
    """What is remembered of a parameter, in its own kind. Raises `StorageError`."""
    def of(name: str, x: Any) -> Any:
        if name == "step":
            return int(x)
        if isinstance(x, int | float) and name not in moments:  # of an optimizer of one's own
            return x
        array = np.asarray(x)
        if array.shape != np.shape(p.value):
            raise errors.StorageError(
                f"{name} of parameter {number} has shape {array.shape} in the state, and the "
                f"parameter {np.shape(p.value)}: make the optimizer of the same model")
        return float(array) if isinstance(p, Value) else np.array(array, p.dtype)

    return {name: of(name, x) for name, x in held.items() if x is not None}


def _listed(listed: list[Any]) -> list[Any]:
    """The parameters; refused if they can't all be stepped, each once."""
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
