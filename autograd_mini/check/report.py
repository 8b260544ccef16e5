"""What is said about a hand-derived gradient: a verdict on each parameter, and a table of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ..errors import GradientError

__all__ = ["Entry", "Report", "Verdict"]

Verdict = Literal["right", "wrong", "can't tell"]


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
