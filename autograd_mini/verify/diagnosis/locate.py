"""The line at fault: where the right gradient, put in, makes what follows from it right.

Each statement of the gradient's code computes a number or an array. If the gradient of a node of
the loss is put in its place, and the gradients returned are right then, what comes after that
statement is right, and the mistake is in it, or before it. So the first such statement is the
line to change, unless what it computes is the gradient of some node already.
"""

from __future__ import annotations

import ast
import itertools
import sys
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from .budget import Budget
from .edits import slots
from .fitting import agree
from .record import Record
from .rewrites import Moment

__all__ = ["HOOK", "Fault", "Hooks", "faults"]

HOOK = "⟨value⟩"
MOMENTS = 4  # of a statement in a loop, the first so many times are kept
MANY = 60  # nodes of one shape that are tried for a statement


class Hooks:
    """The statements of a program, each with its value handed through a function."""

    def __init__(self, program: Any) -> None:
        self.program = program
        self.places: list[tuple[Any, Any]] = []  # (part, statement), by number
        self.slots: list[tuple[Any, str, int | None]] = []  # where their expressions stand
        self.codes = {}
        for part in program.parts:
            undo = []
            for statement, *_ in list(part.edits.statements()):
                for parent, field, index, value in slots(statement, returned=True):
                    call = ast.Call(ast.Name(HOOK, ast.Load()),
                                    [ast.Constant(len(self.places)), value], [])
                    self.places.append((part, statement))
                    self.slots.append((parent, field, index))
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

    def __init__(self, part: Any, statement: Any, slot: Any, repaired: frozenset[str],
                 moments: list[Moment], departs: int, known: bool) -> None:
        self.part, self.statement, self.repaired = part, statement, repaired
        self.slot, self.moments = slot, moments  # its expression; what that should have been
        self.departs = departs  # when it computed another value for the first time
        self.known = known  # it computes the gradient of some node as it is

    def rank(self) -> tuple[Any, ...]:
        """The likeliest have the lowest: those that repair most.

        Of those that compute the gradient of some node, it is the last: that of the wrong node, for
        it can be exchanged for another's. Else it is the first that departs; a line that only
        returns what others have computed is the last of all.
        """
        only_returns = isinstance(self.statement, ast.Return) and not any(
            isinstance(x, ast.BinOp | ast.Call) for x in ast.walk(self.statement))
        return (-len(self.repaired), only_returns, not self.known,
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
    for kept in (0, 1):
        for k, computed in values.items():
            best = _Best(right_now, frozenset(wrong))
            for stand_ins in _stand_ins(computed, record, hooks.places[k][1], kept):
                if budget.over:
                    break
                best.compare(_right_with(hooks, k, stand_ins, right_of), stand_ins)
                budget.spend(cost)
            if best.repaired:
                found.append(_fault(hooks, k, best, computed, times[k], record))
    return sorted(found, key=Fault.rank)


class _Best:
    """Of what was put in the place of a statement's values, that which repairs most."""

    def __init__(self, right_now: frozenset[str], wrong: frozenset[str]) -> None:
        self.right_now, self.wrong = right_now, wrong
        self.repaired: frozenset[str] = frozenset()
        self.values: list[Any] = []

    def compare(self, right: frozenset[str], values: list[Any]) -> None:
        """See what is right with these values."""
        if self.right_now < right and len(right & self.wrong) > len(self.repaired):
            self.repaired, self.values = right & self.wrong, values


def _right_with(hooks: Hooks, k: int, stand_ins: list[Any],
                right_of: Callable[[Any], Collection[str]]) -> frozenset[str]:
    try:
        return frozenset(right_of(hooks.run(_replacing(k, stand_ins))))
    except Exception:
        return frozenset()


def _fault(hooks: Hooks, k: int, best: _Best, computed: list[Any], times: list[int],
           record: Record) -> Fault:
    departs = next((time for time, x, y in zip(times, computed, best.values, strict=True)
                    if not _same(x, y)), 0)
    own = {id(x) for x in computed}
    moments = [m for m in _moments(hooks, k, best.values) if id(m.target) not in own]
    part, statement = hooks.places[k]
    return Fault(part, _filled_by(part, statement), hooks.slots[k], best.repaired,
                 moments[:MOMENTS], departs, _is_known(computed, record))


def _filled_by(part: Any, statement: Any) -> Any:
    """Of `return dW` the line that filled dW in, if one did entry by entry; else the statement."""
    if not isinstance(statement, ast.Return) or not isinstance(statement.value, ast.Name):
        return statement
    stores = [s for s, *_ in part.edits.statements() if isinstance(s, ast.Assign | ast.AugAssign)
              for t in (s.targets if isinstance(s, ast.Assign) else [s.target])
              if isinstance(t, ast.Subscript) and isinstance(t.value, ast.Name)
              and t.value.id == statement.value.id]
    return stores[-1] if stores else statement


def _moments(hooks: Hooks, k: int, values: list[Any]) -> list[Moment]:
    """What was around a statement each time, with what is right put in its place."""
    moments: list[Moment] = []
    rest = iter(values)

    def hook(place: int, value: Any) -> Any:
        if place != k:
            return value
        frame, right = sys._getframe(1), next(rest)
        variables = {name: _copy(v) for name, v in frame.f_locals.items()}
        moments.append(Moment(frame.f_globals, variables, right))
        return _like(right, value)

    hooks.run(hook)
    return moments


def _copy(value: Any) -> Any:
    return np.array(value) if isinstance(value, np.ndarray) else value


def _replacing(k: int, stand_ins: list[Any]) -> Callable[[int, Any], Any]:
    """A hook that gives other values at one place."""
    rest = iter(stand_ins)

    def hook(place: int, value: Any) -> Any:
        return value if place != k else _like(next(rest), value)

    return hook


def _like(x: Any, value: Any) -> Any:
    """A stand-in in the form of the value that it stands for."""
    if isinstance(value, np.ndarray) or np.ndim(x):
        return np.array(x)
    return type(value)(x) if isinstance(value, float) else x


def _shape(x: Any) -> Any:
    return np.shape(x) if isinstance(x, np.ndarray | float | int | np.generic) else None


def _is_known(computed: list[Any], record: Record) -> bool:
    """Whether what was computed is the gradient of a node, each time."""
    return all(any(_same(x, g) for g in record.cotangents.values()) for x in computed)


def _same(x: Any, g: Any) -> bool:
    """Whether a value is a gradient, and not 0, which many are."""
    return _shape(x) is not None and bool(np.any(g)) and agree(x, g)


def _stand_ins(computed: list[Any], record: Record, statement: Any, kept: int
               ) -> Iterator[list[Any]]:
    """The gradients of nodes in the place of what a statement computed, each time that it ran.

    kept: how many turns keep their own, the last, which may go back to what the loss was given.
    """
    if any(_shape(x) is None for x in computed):
        return
    if kept and len(computed) > 1:
        yield from _of_groups(computed, record, kept)
    if kept:
        return
    if isinstance(statement, ast.AugAssign):
        yield from _contributions(computed, record)
    if len(computed) == 1:
        yield from ([g] for g in _gradients(record, _shape(computed[0]), computed[0]))
        return
    yield from _of_groups(computed, record, kept)


def _of_groups(computed: list[Any], record: Record, kept: int) -> Iterator[list[Any]]:
    """The gradients of the nodes that one line of the loss made, a row of them for the turns."""
    groups: dict[int, list[Any]] = {}
    for node in record.order:
        if node in record.cotangents:
            groups.setdefault(record.groups[node], []).append(record.cotangents[node])
    count = len(computed) - kept
    for group in groups.values():
        for gradients in (group, group[::-1]) if count <= len(group) else ():
            for start in sorted({0, len(gradients) - count}):
                some = [*gradients[start:start + count], *computed[count:]]
                if count and all(_shape(x) == np.shape(g) for x, g in zip(computed, some,
                                                                          strict=True)):
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
