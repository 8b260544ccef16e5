"""Many programs of a mode, one after the other: what became of each, and the failures, small."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from .judge import judge
from .modes import MODES, Mode
from .programs import Outcome, Program
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


@dataclass
class Tally:
    """What became of the programs of a mode."""

    mode: str
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{self.counts[k]} {k}" for k in ("right", "refused", "skipped", "wrong"))
        lines = [f"{self.mode}: {sum(self.counts.values())} programs: {kinds}"]
        return "\n".join(lines + [f"    {n:6d}  {why}" for why, n in self.reasons.most_common(12)])


def program_of(mode: Mode, seed: int, number: int) -> Program:
    """The program with this number, whatever was made before it."""
    return mode.generate(random.Random(f"{seed}/{mode.name}/{number}"))


def run(name: str, seed: int, programs: int | None = None, seconds: float | None = None,
        tell: Callable[[Failure], None] | None = None, tries: int = 400, first: int = 0) -> Tally:
    """Judge programs until there are so many, or the time is over."""
    mode, tally, start, number = MODES[name], Tally(name), time.monotonic(), first
    while (programs is None or number < first + programs) and (
            seconds is None or time.monotonic() - start < seconds):
        program = program_of(mode, seed, number)
        outcome = judge(program, mode.prepare, mode.checks)
        tally.counts[outcome.kind] += 1
        if outcome.kind in ("refused", "skipped"):
            tally.reasons[f"{outcome.kind}: {outcome.why}"] += 1
        if outcome.kind == "wrong":
            small, shown = shrink(
                program, outcome,
                lambda p, o=outcome: judge(p, mode.prepare, mode.checks, o.check), tries)
            tally.failures.append(Failure(number, program, outcome, small, shown))
            if tell is not None:
                tell(tally.failures[-1])
        number += 1
    return tally
