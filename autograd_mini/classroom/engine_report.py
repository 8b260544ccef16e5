"""What is said of a student's engine: which properties hold, and what shows that one fails."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .engines import Result

__all__ = ["EngineReport"]


@dataclass(frozen=True)
class EngineReport:
    """The results of testing an engine; print it. `ok`, `results` and `as_dict()` are for programs.

    Iterating gives a `Result` for each property, with its outcome ("holds", "fails" or "missing").
    """

    name: str
    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing fails, and nothing that every engine needs is missing."""
        return not self.failures and not self._lacking

    @property
    def failures(self) -> list[Result]:
        """The properties that fail, in the order of the table: the first says most about why."""
        return [r for r in self.results if r.outcome == "fails" and not r.property.advice]

    @property
    def advice(self) -> list[Result]:
        """What would be better otherwise, though good engines do it."""
        return [r for r in self.results if r.outcome == "fails" and r.property.advice]

    @property
    def _lacking(self) -> list[Result]:
        """What every engine needs and this one doesn't have, and what couldn't be tried."""
        return [r for r in self.results
                if r.outcome == "untried" or (r.outcome == "missing" and r.property.core)]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __str__(self) -> str:
        return self.text()

    def text(self, most: int = 8) -> str:
        """The report; of the properties that fail the first `most` with all that is known."""
        hold, failures = sum(r.outcome == "holds" for r in self.results), self.failures
        lines = [f"{self.name}: {hold} of {len(self.results)} properties hold, {len(failures)} "
                 f"fail{'s' * (len(failures) == 1)}", "", *self._groups()]
        for each in failures[:most]:
            lines += ["", *_told(each, "✗")]
        if len(failures) > 1:
            lines += ["", "Begin with the first: those after it may follow from it."]
        if len(failures) > most:
            lines[-1] += f" ({len(failures) - most} more fail.)"
        for each in self.advice:
            lines += ["", *_told(each, "advice:")]
        for what, some in (
                ("not there, and needed", [r for r in self._lacking if r.outcome == "missing"]),
                ("not there (which is no mistake)", [
                    r for r in self.results if r.outcome == "missing" and not r.property.core]),
                ("not tried, after so much that had to be ended", [
                    r for r in self.results if r.outcome == "untried"])):
            if some:
                names = [r.property.name for r in some]  # without tanh, no word of "tanh far out"
                names = [n for n in names if n.partition(" ")[0] not in {*names} - {n}]
                lines += ["", *textwrap.wrap(f"{what}: {', '.join(names)}", 96,
                                             subsequent_indent="  ")]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def _groups(self) -> Iterator[str]:
        """A line for each group, with what holds of it."""
        groups = list(dict.fromkeys(r.property.group for r in self.results))
        width = max(map(len, groups), default=0)
        for group in groups:
            inside = [r for r in self.results if r.property.group == group]
            holds = sum(r.outcome == "holds" for r in inside)
            failed = [r.property.name for r in self.failures if r.property.group == group]
            more = f" and {len(failed) - 4} more" if len(failed) > 5 else ""
            shown = failed[:4] if more else failed
            told = f"   ✗ {', '.join(shown)}{more}" if failed else ""
            yield f"  {group:{width}}  {holds:2} of {len(inside):2}{told}"

    def as_dict(self) -> dict[str, Any]:
        """For programs, as JSON takes it."""
        return {"engine": self.name, "ok": self.ok,
                "properties": [result.as_dict() for result in self.results]}


def _told(result: Result, mark: str) -> Iterator[str]:
    """A property that fails: the program, the answer, and why it should be another."""
    yield f"{mark} {result.property.name}"
    yield from (f"    {line}" for line in result.code.splitlines())
    if not result.expected:
        yield f"  {result.given}"
        return
    if result.given[:1] in "-0123456789[" or result.given in ("nan", "inf", "None"):
        yield f"  {result.asked} is {result.given}; it should be {result.expected}"
    else:
        yield f"  {result.given}; {result.asked} should be {result.expected}"
    yield from textwrap.wrap(result.property.why, 96, initial_indent="  ", subsequent_indent="  ")
