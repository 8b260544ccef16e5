"""A guard is a comparison that must come out in each replay as it did in the recording.

A function may decide by its numbers: `if x > 0`, `float(x)`, `str(x)`. What was recorded is
the function only for numbers by which it would decide alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import GraphError
from ..graph import Node
from ..recording import Observer

__all__ = ["GUARD_FAILED", "Guard", "GuardGroup", "GuardRecorder", "compared_by",
           "grouped"]

Ids = np.ndarray

GUARD_FAILED = object()
"""The result of a run in which a comparison came out differently from the recording."""


class Guard(NamedTuple):
    """A comparison of values a and b of the code, and how it came out in the recording."""

    how: Any
    a: int
    b: int
    outcome: bool


def compared_by(guards: Sequence[Guard]) -> list[int]:
    """The values of the code that the guards compare."""
    return [i for guard in guards for i in (guard.a, guard.b)]


class GuardGroup(NamedTuple):
    """The guards of one comparison, which are checked together: `how` works on arrays."""

    how: Any
    a: Ids
    b: Ids
    outcomes: np.ndarray

    def holds(self, numbers: Callable[[Ids], np.ndarray]) -> bool:
        """Whether all come out as recorded; `numbers` gives the values' numbers, a row each."""
        return bool(np.all(self.how(numbers(self.a), numbers(self.b)) == self.outcomes))


def grouped(guards: Sequence[Guard]) -> list[GuardGroup]:
    """The guards, those with the same comparison in one group."""
    groups = []
    for how in {guard.how for guard in guards}:
        group = [guard for guard in guards if guard.how is how]
        a, b = (np.array(x, int) for x in zip(*[(g.a, g.b) for g in group], strict=True))
        groups.append(GuardGroup(how, a, b, np.array([[g.outcome] for g in group])))
    return groups


class GuardRecorder(Observer):
    """Notes each comparison that a function makes, and each number taken out of a node.

    The engine calls its methods while the function is recorded (see `traced_by`).
    """

    def __init__(self) -> None:
        self.seen: list[tuple[Any, Node, Any, bool]] = []
        self.masked = False

    def compared(self, how: Any, a: Node, b: Any, outcome: Any) -> None:
        """Note a comparison of two single numbers."""
        if not isinstance(b, Node | float | int | np.number) or not isinstance(a.value, float):
            raise GraphError("a function to be compiled compared a Value with something that isn't "
                             f"one number: {type(b).__name__}")
        if not isinstance(b, Node):
            try:
                b = float(b)
            except OverflowError:
                b = math.inf if b > 0 else -math.inf
        self.seen.append((how, a, b, bool(outcome)))

    def detached(self, *nodes: Node) -> None:
        """Note numbers taken out (float(v), v.data): a replay must have the very same ones."""
        for node in nodes:
            if not isinstance(node.value, float):
                raise GraphError("a function to be compiled took plain numbers out of a Tensor; "
                                 "the tape holds Values: leave Tensors out of it")
            self.seen.append((_same, node, node.value, True))

    def branch_masked(self) -> None:
        """Note that a gradient inside the function masked a branch that wasn't chosen."""
        self.masked = True

    def nodes(self) -> list[Node]:
        """The nodes that were compared."""
        return [x for _, a, b, _ in self.seen for x in (a, b) if isinstance(x, Node)]

    def guards(self, number: dict[Any, int], constant: Callable[[float], int]) -> list[Guard]:
        """The guards, for nodes with these numbers in the code and a place for constants."""
        return [Guard(how, number[a], number[b] if isinstance(b, Node) else constant(b), outcome)
                for how, a, b, outcome in self.seen]


def _same(a: Any, b: Any) -> Any:
    """Whether two numbers are the very same: nan is nan, and 0 isn't −0."""
    return ((a == b) & (np.signbit(a) == np.signbit(b))) | ((a != a) & (b != b))
