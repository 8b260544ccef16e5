"""What is said about a hand-derived gradient: a verdict on each parameter, and a table of them."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..errors import GradientError

__all__ = ["KINDS", "Entry", "Report", "Suspect", "Verdict"]

Verdict = Literal["right", "wrong", "can't tell"]

KINDS = {
    "sign": "all of the gradient, or what comes through one operation, has the wrong sign",
    "factor": "a factor is missing, too much or wrong: 2, ½, n, 1/n, λ, an input …",
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

    def __repr__(self) -> str:
        return f"<Suspect {self.kind}: {textwrap.shorten(self.message, 80, placeholder=' …')}>"

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled or copied: all but the node, which isn't without its whole graph."""
        return vars(self) | {"node": None}


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

    def __repr__(self) -> str:
        cause = f" ({self.suspects[0].kind})" if self.suspects else ""
        return f"<Entry {self.name}: {self.verdict}{cause}>"


@dataclass(frozen=True, repr=False)
class Report:
    """The verdicts on all parameters; prints as a table, its first line the whole in words."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()  # what makes the check itself weak, or was done on the way
    what: str = "gradient"
    shown: Callable[[], str] | None = field(default=None, compare=False)  # the backward pass

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

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """The mistakes that explain the wrong gradients, each once, the best first."""
        ranked = sorted(((k, s) for e in self.entries for k, s in enumerate(e.suspects)),
                        key=lambda pair: pair[0])
        return tuple({s.message: s for _, s in reversed(ranked)}[message] for message in
                     dict.fromkeys(s.message for _, s in ranked))

    def score(self, points: float = 10.0) -> float:
        """Marks: of so many points the share of the parameters whose gradient is right."""
        right = sum(entry.verdict == "right" for entry in self.entries)
        return points * right / max(1, len(self.entries))

    def raise_if_wrong(self) -> Report:
        """Raise `GradientError` with the report as its message unless all is right."""
        __tracebackhide__ = True  # pytest shows the line of the test
        if not self.ok:
            raise GradientError(str(self))
        return self

    def hint(self, level: int = 1) -> str:
        """A hint about what is wrong, as a teacher gives them, one after the other.

        level: 1, where it is; 2, what kind of mistake; 3, the mistake; 4, the corrected line; 5,
        the whole backward pass of the loss as code (`ag.source`), or why it can't be printed. (A
        report that was pickled hasn't the loss; ask for 5 before.) Raises `ValueError` for another
        level.
        """
        if level == 5:
            return self.shown() if self.shown is not None else (
                "there is no code to show here: ag.source(loss, ...) prints that of a loss")
        return self._hints(level)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled or copied: all but the loss."""
        return vars(self) | {"shown": None}

    def _hints(self, level: int) -> str:
        if level not in (1, 2, 3, 4):
            raise ValueError(f"there are hints of level 1 to 5, not {level!r}")
        told: dict[str, list[str]] = {}
        for e in self.entries:
            if e.verdict == "wrong":
                told.setdefault(_hint(e, level), []).append(e.name)
        if not told:
            return self._headline()
        return "\n".join(f"{', '.join(names)}: {hint}" for hint, names in told.items())

    def as_dict(self) -> dict[str, Any]:
        """The report for programs, of what JSON can hold; the kinds are the keys of `KINDS`."""
        return {"verdict": self.verdict, "ok": self.ok, "notes": list(self.notes),
                "entries": [_as_dict(e) for e in self.entries]}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __getitem__(self, name: str) -> Entry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(f"{name!r}; checked: {', '.join(e.name for e in self.entries)}")

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        by = {v: [e.name for e in self.entries if e.verdict == v]
              for v in ("wrong", "can't tell", "right")}
        told = "; ".join(f"{v}: {', '.join(names)}" for v, names in by.items() if names)
        return f"<{type(self).__name__} {told}>"

    def text(self, colour: bool = False) -> str:
        """The report as text; in a terminal's colours if asked for."""
        parts = [[self._headline()], self._table(), self._reasons(), [*map(_note, self.notes)]]
        text = "\n\n".join("\n".join(part) for part in parts if part).rstrip()
        return _coloured(text) if colour else text

    def _repr_html_(self) -> str:
        """The report in a notebook: text that reads on light and on dark, and is safe to show."""
        rows = self._rows()
        head = "".join(f"<th{PADDED}>{html.escape(c)}</th>" for c in rows[0])
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[1:])
        below = "<br>".join(_line(line) for text in [*self._reasons(), *map(_note, self.notes)]
                            for line in text.splitlines())
        return (f"<p><strong>{_verdict(self._headline(), self.verdict)}</strong></p>"
                f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
                f"<p>{below}</p>")

    def _headline(self) -> str:
        by = {v: [e.name for e in self.entries if e.verdict == v]
              for v in ("wrong", "can't tell", "right")}
        if self.ok:
            return f"The {self.what} is right ({', '.join(by['right'])})."
        words = {"can't tell": "neither confirmed nor refuted"}
        parts = [f"{words.get(v, v)} for {', '.join(names)}" for v, names in by.items() if names]
        return f"The {self.what} is {'; '.join(parts)}."

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [
            ("parameter", "verdict", "worst entry", "given", "expected", "off by", "± bar")]
        for e in self.entries:
            at = () if e.worst is None else e.worst
            seen = e.worst is not None and e.given is not None and e.expected is not None
            rows.append((
                e.name, e.verdict, "" if e.worst is None else str(list(at)) if at else "the only",
                f"{e.given[at]:.6g}" if seen else "",       # type: ignore[index]
                f"{e.expected[at]:.6g}" if seen else "",    # type: ignore[index]
                _short(e.absolute_error), _short(e.error_bar),
            ))
        return rows

    def _table(self) -> list[str]:
        rows = self._rows()
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
                 for row in rows]
        return [lines[0], "  ".join("─" * w for w in widths), *lines[1:]]

    def _reasons(self) -> list[str]:
        said: dict[str, list[str]] = {}
        for e in self.entries:
            said.setdefault(_reason(e), []).append(e.name)
        return [f"{', '.join(names)}: {reason}" for reason, names in said.items()]


def _reason(e: Entry) -> str:
    """Why, and of a wrong gradient the cause."""
    if not e.suspects:
        return e.reason
    first, *others = e.suspects
    lines = [first.message if first.kind != "unknown" else f"{e.reason}; {first.message}"]
    lines += [f"   and {more.message}" for more in first.also]
    if first.where:
        lines.append(f"   in the loss     {first.where}")
    if first.line:
        lines.append(f"   to be changed   {first.line}")
    if first.fix:
        lines.append(f"   corrected       {first.fix}")
    lines += [f"   or, with the same numbers: {other.message}" for other in others
              if other.tied and other.plain and other.kind != first.kind][:2]
    return "\n".join(lines)


def _hint(e: Entry, level: int) -> str:
    """A hint of some level, about one parameter."""
    if not e.suspects or e.suspects[0].kind == "unknown":
        return e.reason if level == 1 else "it is no usual mistake; derive it once more"
    first = e.suspects[0]
    place = first.where or first.line
    return {
        1: f"look at {place}" if place else "its gradient isn't right",
        2: KINDS[first.kind],
        3: "; and ".join([first.message, *(more.message for more in first.also)]),
        4: first.fix or first.message,
    }[level]


def _note(note: str) -> str:
    return f"note: {note}"


def _as_dict(e: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = {key: getattr(e, key) for key in ("name", "verdict", "reason")}
    plain["worst"] = None if e.worst is None else list(e.worst)
    for key in ("absolute_error", "relative_error", "error_bar"):
        value = getattr(e, key)
        plain[key] = float(value) if np.isfinite(value) else None  # JSON has no nan
    plain["suspects"] = [_suspect_as_dict(s) for s in e.suspects]
    return plain


def _suspect_as_dict(s: Suspect) -> dict[str, Any]:
    keys = ("kind", "message", "where", "line", "fix", "tied")
    return {key: getattr(s, key) for key in keys} | {
        "evidence": float(s.evidence) if np.isfinite(s.evidence) else None,
        "parameters": list(s.shared), "also": [_suspect_as_dict(more) for more in s.also]}


COLOURS = {"wrong": "31", "right": "32", "can't tell": "33", "corrected": "32", "note:": "33",
           "to be changed": "31"}


def _coloured(text: str) -> str:
    """The verdicts in red, green and yellow, the first line in bold."""
    first, _, rest = text.partition("\n")
    pattern = "|".join(rf"(?<=  ){word}(?=  )|(?m:^)(?:   )?{word}" for word in COLOURS)

    def paint(found: re.Match[str]) -> str:
        return f"\033[{COLOURS[found.group().strip()]}m{found.group()}\033[0m"

    return f"\033[1m{first}\033[0m\n{re.sub(pattern, paint, rest)}"


# Green, red and amber of a lightness that reads on white and on black (contrast over 3).
PADDED = ' style="padding: 0.1em 0.7em 0.1em 0; text-align: left"'
HTML_COLOURS = {"right": "#2e9e4f", "wrong": "#e0483e", "can't tell": "#b57d0b"}


def _verdict(text: str, verdict: str) -> str:
    return f'<span style="color:{HTML_COLOURS[verdict]}">{html.escape(text)}</span>'


def _cell(text: str) -> str:
    return f"<td{PADDED}>{_verdict(text, text) if text in HTML_COLOURS else html.escape(text)}</td>"


def _line(text: str) -> str:
    """A line of the reasons: code in the font of code, what is indented indented."""
    told, _, code = text.strip().partition("   ")
    if text.startswith("   ") and code:
        place, colon, rest = code.strip().partition(": ")
        where = f"{html.escape(place)}: " if colon and not told.startswith("corrected") else ""
        code = rest if where else code.strip()
        return f"&emsp;{html.escape(told)}&emsp;{where}<code>{html.escape(code)}</code>"
    words = re.split(r"`([^`]*)`", text.strip())
    indent = "&emsp;" if text.startswith("   ") else ""
    return indent + "".join(f"<code>{html.escape(w)}</code>" if i % 2 else
                            html.escape(w).replace("  ", "&emsp;") for i, w in enumerate(words))


def _short(x: float) -> str:
    return "" if np.isnan(x) else f"{x:.2g}"
