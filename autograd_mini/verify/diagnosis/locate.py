"""The line at fault: where the right gradient, put in, makes what follows from it right.

Each statement of the gradient's code computes a number or an array. If the gradient of a node of
the loss is put in its place, and the gradients returned are right then, what comes after that
statement is right, and the mistake is in it, or before it. So the first such statement is the
line to change, unless what it computes is the gradient of some node already.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from .budget import Budget
from .edits import slots
from .record import Record

__all__ = ["HOOK", "Fault", "Hooks", "faults"]

HOOK = "⟨value⟩"
MANY = 60  # nodes of one shape that are tried for a statement


class Hooks:
    """The statements of a program, each with its value handed through a function."""

    def __init__(self, program: Any) -> None:
        self.program = program
        self.places: list[tuple[Any, Any]] = []  # (part, statement), by number
        self.codes = {}
        for part in program.parts:
            undo = []
            for statement, *_ in list(part.edits.statements()):
                for parent, field, index, value in slots(statement, returned=True):
                    call = ast.Call(ast.Name(HOOK, ast.Load()),
                                    [ast.Constant(len(self.places)), value], [])
                    self.places.append((part, statement))
                    _put(parent, field, index, ast.copy_location(call, value))
                    ast.fix_missing_locations(call)
                    undo.append((parent, field, index, value))
            self.codes[id(part.function)] = program.code(part)
            for change in undo:
                _put(*change)

    def run(self, hook: Callable[[int, Any], Any]) -> Any:
        """What the program returns if each value goes through hook(number of the place, value)."""
        return self.program.called(self.codes, {HOOK: hook})


def _put(parent: Any, field: str, index: int | None, value: Any) -> None:
    if index is None:
        setattr(parent, field, value)
    else:
        getattr(parent, field)[index] = value


class Fault:
    """A statement, and the parameters that are right if its value is the gradient of a node."""

    def __init__(self, part: Any, statement: Any, repaired: frozenset[str], departs: int,
                 known: bool) -> None:
        self.part, self.statement, self.repaired = part, statement, repaired
        self.departs = departs  # when it computed another value for the first time
        self.known = known  # it computes the gradient of some node as it is

    def rank(self) -> tuple[Any, ...]:
        """The likeliest have the lowest: those that repair most, and depart first.

        Of those that compute the gradient of some node, which may be the wrong one, it is the last;
        a line that only returns what others have computed is the last of all.
        """
        only_returns = isinstance(self.statement, ast.Return) and not any(
            isinstance(x, ast.BinOp | ast.Call) for x in ast.walk(self.statement))
        return (self.known, -len(self.repaired), only_returns,
                -self.departs if self.known else self.departs)


def faults(program: Any, record: Record, right_of: Callable[[Any], Collection[str]],
           wrong: Collection[str], budget: Budget, cost: float) -> list[Fault]:
    """The statements that may be at fault, the likeliest first.

    cost: of one run.
    """
    hooks = Hooks(program)
    values: dict[int, list[Any]] = {}  # by place, in the order in which they were computed
    times: dict[int, list[int]] = {}

    def note(k: int, value: Any) -> Any:
        values.setdefault(k, []).append(_copy(value))
        times.setdefault(k, []).append(sum(map(len, values.values())))
        return value

    right_now = frozenset(right_of(hooks.run(note)))
    found: list[Fault] = []
    for k, computed in values.items():
        repaired, departs = frozenset[str](), 0
        for stand_ins in _stand_ins(computed, record, hooks.places[k][1]):
            if budget.over:
                break
            try:
                right = frozenset(right_of(hooks.run(_replacing(k, stand_ins))))
            except Exception:
                right = frozenset()
            budget.spend(cost)
            if right_now < right and len(right & set(wrong)) > len(repaired):
                repaired = right.intersection(wrong)
                departs = next((time for time, x, y in zip(times[k], computed, stand_ins,
                                                           strict=True) if not _same(x, y)), 0)
        if repaired:
            found.append(Fault(*hooks.places[k], repaired, departs, _is_known(computed, record)))
    return sorted(found, key=Fault.rank)


def _copy(value: Any) -> Any:
    return np.array(value) if isinstance(value, np.ndarray) else value


def _replacing(k: int, stand_ins: list[Any]) -> Callable[[int, Any], Any]:
    """A hook that gives other values at one place."""
    rest = iter(stand_ins)

    def hook(place: int, value: Any) -> Any:
        return value if place != k else _like(next(rest), value)

    return hook


def _like(x: Any, value: Any) -> Any:
    return np.array(x) if isinstance(value, np.ndarray) else type(value)(x) if isinstance(
        value, float) else x


def _shape(x: Any) -> Any:
    return np.shape(x) if isinstance(x, np.ndarray | float | int | np.generic) else None


def _is_known(computed: list[Any], record: Record) -> bool:
    """Whether what was computed is the gradient of a node, each time."""
    return all(any(_same(x, g) for g in record.cotangents.values()) for x in computed)


def _same(x: Any, g: Any) -> bool:
    return _shape(x) == np.shape(g) and np.any(g) and np.allclose(x, g, rtol=1e-9, atol=0)


def _stand_ins(computed: list[Any], record: Record, statement: Any) -> Iterator[list[Any]]:
    """The gradients of nodes in the place of what a statement computed, each time that it ran."""
    if any(_shape(x) is None for x in computed):
        return
    if isinstance(statement, ast.AugAssign):
        yield from _contributions(computed, record)
    if len(computed) == 1:
        yield from ([g] for g in _gradients(record, _shape(computed[0]), computed[0]))
        return
    groups: dict[int, list[Any]] = {}
    for node in record.order:
        if node in record.cotangents:
            groups.setdefault(record.groups[node], []).append(record.cotangents[node])
    for group in groups.values():
        for gradients in (group, group[::-1]):
            for start in range(min(len(gradients) - len(computed) + 1, 2)):
                some = gradients[start:start + len(computed)]
                if len(some) == len(computed) and all(
                        _shape(x) == np.shape(g) for x, g in zip(computed, some, strict=True)):
                    yield some


def _gradients(record: Record, shape: Any, computed: Any) -> Iterator[Any]:
    """The gradients of nodes that have a shape, those of the parameters whatever theirs is, and
    what single uses of a node send to it; each once.
    """
    told: list[Any] = [computed]
    parameters = set(record.parameters.values())
    whole = [(record.cotangents[node], node in parameters) for node in record.order
             if node in record.cotangents]
    for g, is_result in itertools.chain(whole, ((s, False) for s in _sent(record))):
        if (np.shape(g) != shape and not is_result) or len(told) > MANY:
            continue
        if not any(np.shape(g) == np.shape(x) and np.array_equal(g, x) for x in told):
            told.append(g)
            yield g


def _sent(record: Record) -> Iterator[Any]:
    """What each use of a node that is used several times sends to it."""
    for node in record.order:
        if len(record.uses[node]) > 1:
            for site in record.uses[node]:
                if site.output in record.cotangents:
                    sent = site.sent(record.cotangents[site.output])
                    if sent is not None:
                        yield sent


def _contributions(computed: list[Any], record: Record) -> Iterator[list[Any]]:
    """What each use of a node sends to it, in the order of the uses or the other way round."""
    for node in record.order:
        uses = [site for site in record.uses[node] if site.output in record.cotangents]
        if len(uses) != len(computed) or np.shape(node.value) != _shape(computed[0]):
            continue
        sent = [site.sent(record.cotangents[site.output]) for site in uses]
        if all(s is not None and np.shape(s) == _shape(x)
               for s, x in zip(sent, computed, strict=True)):
            yield sent
            yield sent[::-1]
