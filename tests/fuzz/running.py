"""Many programs of a mode, one after the other: what became of each, and the failures, small."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from .judge import judge
from .modes import MODES, Mode
from .programs import Outcome, Program
from .showing import shown
from .shrink import shrink

__all__ = ["Failure", "Tally", "run"]


@dataclass
class Failure:
    """A program that gave a wrong answer, and the smallest one that does so in the same way."""

    number: int
    program: Program
    outcome: Outcome
    small: Program
    shown: Outcome
    mode: str = ""
    times: int = 1

    @property
    def key(self) -> tuple[str, str]:
        """What it has in common with others of its kind: all but names and numbers."""
        return self.shown.check, re.sub(r"\b[a-z]\b|[0-9.-]+|\s", "", self.small.body)

    @property
    def text(self) -> str:
        """The small program, with what it gives and what it should."""
        inputs = MODES[self.mode].prepare(self.small).inputs if self.mode == "compiled" else []
        return (shown(self.small, self.shown.step, self.mode, inputs)
                + f"\n# given:    {self.shown.given}\n# expected: {self.shown.expected}")


@dataclass
class Tally:
    """What became of the programs of a mode."""

    mode: str
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def add(self, failure: Failure) -> bool:
        """Note a failure; whether it is the first of its kind."""
        self.failures.append(failure)
        for other in self.failures[:-1]:
            if other.key == failure.key:
                other.times += 1
                return False
        return True

    def distinct(self) -> list[Failure]:
        """The first of each kind of failure, the most frequent kind first."""
        first: dict[tuple[str, str], Failure] = {}
        for failure in self.failures:
            first.setdefault(failure.key, failure)
        return sorted(first.values(), key=lambda f: -f.times)

    def __str__(self) -> str:
        kinds = ", ".join(f"{self.counts[k]} {k}" for k in ("right", "refused", "skipped", "wrong"))
        lines = [f"{self.mode}: {sum(self.counts.values())} programs: {kinds}"]
        return "\n".join(lines + [f"    {n:6d}  {why}" for why, n in self.reasons.most_common(12)])


def program_of(mode: Mode, seed: int, number: int) -> Program:
    """The program with this number, whatever was made before it."""
    return mode.generate(random.Random(f"{seed}/{mode.name}/{number}"))


def run(name: str, seed: int, programs: int | None = None, seconds: float | None = None,
        tell: Callable[[Failure], None] | None = None, tries: int = 400, first: int = 0,
        without: Collection[str] = ()) -> Tally:
    """Judge programs until there are so many, or the time is over.

    tell: is called with the first failure of each kind. tries: how many smaller programs are tried
    out for one. first: the number of the first program. without: names of checks to leave out.
    """
    mode, tally, start, number = MODES[name], Tally(name), time.monotonic(), first
    checks = {step: check for step, check in mode.checks.items() if step not in without}
    while (programs is None or number < first + programs) and (
            seconds is None or time.monotonic() - start < seconds):
        program = program_of(mode, seed, number)
        outcome = judge(program, mode.prepare, checks)
        tally.counts[outcome.kind] += 1
        tally.reasons.update(outcome.notes)
        if outcome.kind == "wrong":
            small, given = shrink(
                program, outcome,
                lambda p, o=outcome: judge(p, mode.prepare, checks, o.step), tries)
            if tally.add(Failure(number, program, outcome, small, given, name)) and tell:
                tell(tally.failures[-1])
        number += 1
    return tally
