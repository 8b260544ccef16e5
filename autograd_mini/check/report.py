"""What is said about a hand-derived gradient: a verdict on each parameter, and a table of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..errors import GradientError

__all__ = ["KINDS", "Entry", "Report", "Suspect", "Verdict"]

Verdict = Literal["right", "wrong", "can't tell"]

KINDS = {
    "sign": "all of the gradient, or what comes through one operation, has the wrong sign",
    "factor": "a constant factor is missing, too much or wrong: 2, ½, n, 1/n, λ …",
    "transpose": "a matrix should be transposed",
    "shape": "the gradient has another shape than its parameter, and none of the next three",
    "unreduced": "an axis along which the parameter was broadcast wasn't summed",
    "wrong-axis": "summed or spread along the wrong axis",
    "mean-for-sum": "averaged along an axis where the sum is due",
    "missing-local-derivative": "a function was passed through without its derivative",
    "wrong-local-derivative": "another function's derivative, or a wrong formula, was used",
    "wrong-argument": "the right derivative was evaluated at another value",
    "missing-incoming": "∂output/∂input was given alone, without the gradient that arrives",
    "missing-path": "one of several uses of a value was forgotten or overwritten",
    "missing-term": "an additive term is missing: a regulariser, a normaliser's mean, a term "
                    "of the loss",
    "extra-term": "a term that doesn't belong there",
    "doubled-term": "a term was counted twice",
    "wrong-operand": "the right formula with another variable in it",
    "stale": "the right formula at other parameters, such as those of after the update",
    "index": "of repeated indices the last write won, or an index is off by one",
    "partial": "right but for some rows, columns or entries",
    "unknown": "nothing in the table of mistakes gives these numbers",
}
"""The kinds of mistake, for programs: they stay as they are."""


@dataclass(frozen=True)
class Suspect:
    """A mistake that explains a wrong gradient."""

    kind: str  # a key of KINDS
    message: str  # one sentence, with the names of the user's variables
    where: str = ""  # the line of the loss that it is about: file:line: text
    fix: str = ""  # the corrected line of the gradient's function, or the right formula
    evidence: float = np.nan  # the largest relative difference between the numbers it gives and
    #                           the numbers given; nan if it is only a description of them
    also: tuple[Suspect, ...] = ()  # what must have gone wrong besides
    line: str = ""  # the line of the gradient's function that is to be changed: file:line: text
    plain: bool = False  # whether it is one usual mistake, and explains all that it touches
    tied: bool = False  # whether the best suspect gives the very same numbers
    shared: tuple[str, ...] = ()  # the parameters that it explains
    node: Any = field(default=None, repr=False, compare=False)  # of the graph of the loss

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Entry:
    """What was found for one parameter. Errors are at `worst`, the entry furthest off."""

    name: str
    verdict: Verdict
    reason: str
    expected: np.ndarray | None = field(repr=False)
    given: np.ndarray | None = field(repr=False)
    worst: tuple[int, ...] | None = None
    absolute_error: float = np.nan
    relative_error: float = np.nan
    error_bar: float = np.nan
    suspects: tuple[Suspect, ...] = ()


@dataclass(frozen=True)
class Report:
    """The verdicts on all parameters; prints as a table, its first line the whole in words."""

    entries: tuple[Entry, ...]

    @property
    def ok(self) -> bool:
        """Whether every parameter's gradient is right."""
        return all(entry.verdict == "right" for entry in self.entries)

    @property
    def verdict(self) -> Verdict:
        """The worst of the verdicts: one wrong gradient makes the whole wrong."""
        for verdict in ("wrong", "can't tell"):
            if any(entry.verdict == verdict for entry in self.entries):
                return verdict
        return "right"

    def raise_if_wrong(self) -> Report:
        """Raise `GradientError` with the report as its message unless all is right."""
        if not self.ok:
            raise GradientError(str(self))
        return self

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __getitem__(self, name: str) -> Entry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(f"{name!r}; checked: {', '.join(e.name for e in self.entries)}")

    def __str__(self) -> str:
        return "\n".join([self._headline(), "", *self._table(), "", *self._reasons()]).rstrip()

    def _headline(self) -> str:
        by = {v: [e.name for e in self.entries if e.verdict == v]
              for v in ("wrong", "can't tell", "right")}
        if self.ok:
            return f"The gradient is right ({', '.join(by['right'])})."
        words = {"can't tell": "neither confirmed nor refuted"}
        parts = [f"{words.get(v, v)} for {', '.join(names)}" for v, names in by.items() if names]
        return f"The gradient is {'; '.join(parts)}."

    def _table(self) -> list[str]:
        rows = [("parameter", "verdict", "worst entry", "given", "expected", "off by", "± bar")]
        for e in self.entries:
            at = () if e.worst is None else e.worst
            seen = e.worst is not None and e.given is not None and e.expected is not None
            rows.append((
                e.name, e.verdict, "" if e.worst is None else str(list(at)) if at else "the only",
                f"{e.given[at]:.6g}" if seen else "",       # type: ignore[index]
                f"{e.expected[at]:.6g}" if seen else "",    # type: ignore[index]
                _short(e.absolute_error), _short(e.error_bar),
            ))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
                 for row in rows]
        return [lines[0], "  ".join("─" * w for w in widths), *lines[1:]]

    def _reasons(self) -> list[str]:
        said: dict[str, list[str]] = {}
        for e in self.entries:
            said.setdefault(e.reason, []).append(e.name)
        return [f"{', '.join(names)}: {reason}" for reason, names in said.items()]

    __repr__ = __str__


def _short(x: float) -> str:
    return "" if np.isnan(x) else f"{x:.2g}"
