"""What is said of the answers to an exercise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..verify import Report
from ..verify.report import Entry, Suspect

__all__ = ["NO_IDEA", "Verdict", "is_simple", "said_simply"]

FOREIGN = re.compile(  # of how answers are checked, or of no use to whoever gave them
    r"\bsum\b|\baxis \d|n = \d|another array|factor  of|\bd[\w(].* was added|entries|"
    r"in the table|\(\)")
NO_IDEA = Suspect("unknown", "no usual mistake gives these numbers; derive it once more")


@dataclass(frozen=True, repr=False)
class Verdict(Report):
    """What is said of answers: each right or wrong, and at which numbers that shows."""

    points: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    left: tuple[str, ...] = ()  # what is asked for, and wasn't answered

    def as_dict(self) -> dict[str, Any]:
        """For programs, as JSON takes it; with what isn't answered yet."""
        return super().as_dict() | {"not_answered": list(self.left)}

    @property
    def ok(self) -> bool:
        """Whether all that is asked for is answered, and right."""
        return super().ok and not self.left

    @property
    def verdict(self) -> Any:
        """wrong, if an answer is; "can't tell" while something isn't answered; else right."""
        worst = super().verdict
        return "can't tell" if worst == "right" and self.left else worst

    def _headline(self) -> str:
        if self.left and super().ok:
            return (f"Right so far ({', '.join(e.name for e in self.entries)}); not answered yet: "
                    f"{', '.join(self.left)}.")
        return super()._headline()

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [("answer for", "verdict", "at", "given", "expected")]
        for e in self.entries:
            at = {name: float(np.asarray(x)[e.worst or ()]) for name, x in
                  self.points[e.name].items()} if e.verdict == "wrong" else {}
            shown = [f"{float(np.asarray(x)[e.worst or ()]):.6g}" if at and x is not None else ""
                     for x in (e.given, e.expected)]
            rows.append((e.name, e.verdict, ", ".join(f"{n} = {x:.4g}" for n, x in at.items()),
                         *shown))
        return rows

    def _table(self) -> list[str]:
        return [] if super().ok else super()._table()

    def _reasons(self) -> list[str]:
        return [] if super().ok else super()._reasons()


def is_simple(entry: Entry) -> bool:
    """Whether there is one usual mistake, which can be told to whoever gave the answer."""
    first = entry.suspects[0] if entry.suspects else NO_IDEA
    return (first.plain and not first.also and not FOREIGN.search(first.message)
            and not any(s.tied for s in entry.suspects[1:]))


def said_simply(entry: Entry, found: Suspect | None) -> Entry:
    """The entry with what was found in terms of the answer, or else what can be told of it."""
    kept = [s for s in entry.suspects if not FOREIGN.search(s.message)
            and not any(FOREIGN.search(more.message) for more in s.also)]
    if found is not None and is_simple(entry):  # its name is better, the correction is ours
        first = replace(entry.suspects[0], fix=found.fix)
    else:
        first = found or (replace(kept[0], fix="") if kept else NO_IDEA)
    also = tuple(replace(s, message=s.message.replace("np.", "")) for s in first.also)
    return replace(entry, reason="it isn't right", suspects=(
        replace(first, message=first.message.replace("np.", ""), also=also, where="", line=""),))
