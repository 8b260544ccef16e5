"""The tables, and the page docs/performance.md made of them."""

from __future__ import annotations

import importlib.metadata
import platform

from .timing import CONTROL, ROOT, Result, Work

PAGE = ROOT / "docs" / "performance.md"
PICTURES = ROOT / "docs" / "performance"
NOTES = "<!-- notes -->"
PEERS = ("micrograd", "autograd", "mygrad", "torch", "jax", "tinygrad", "casadi", "numba", "xad",
         "scikit-learn", "pytensor")
SIZES = ((1e6, "MB"), (1e3, "kB"), (1.0, "bytes"))
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def table(work: Work, result: Result) -> str:
    """A section: what is done, the table, our ratio beside the aim, and the A/A control."""
    head = ["side", "size" if work.unit == "B" else "median",
            *(f"× {reference}" for reference in work.references), "remark"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 2)}---|"]
    lines += [f"| {' | '.join(row(work, result, side))} |" for side in work.sides]
    picture = f"![{work.title}: the table as bars]({PICTURES.name}/{work.name}.svg)"
    parts = [f"## {work.title}", work.about, picture, "\n".join(lines),
             "\n".join(outcome(work, result))]
    return "\n\n".join(part for part in parts if part) + "\n"


def row(work: Work, result: Result, side: str) -> list[str]:
    """The cells of one side; of one that wasn't measured, why."""
    median = result.medians.get(side)
    if median is None or side in result.failures:
        return [side, "–", *("–" for _ in work.references), result.failures.get(side, "")]
    ratios = [ratio(median, result.medians.get(reference)) for reference in work.references]
    return [side, amount(median, work.unit), *ratios, result.remarks.get(side, "")]


def ratio(number: float, reference: float | None) -> str:
    """To three digits; a dash if the reference is missing."""
    return "–" if not reference else f"{number / reference:.3g}"


def amount(number: float, unit: str) -> str:
    """Bytes, or a time in the unit that suits it."""
    if unit == "B":
        size, name = next(((s, n) for s, n in SIZES if number >= s), SIZES[-1])
        return f"{number / size:.4g} {name}"
    size, name = next(((s, n) for s, n in UNITS if number >= s), UNITS[-1])
    return f"{number / size:.3g} {name}"


def outcome(work: Work, result: Result) -> list[str]:
    """Our ratios beside the aims; the control; the worst deviation of the gradients."""
    lines = []
    for aim in work.aims:
        ours, theirs = result.medians.get(aim.side), result.medians.get(aim.reference)
        if ours and theirs and aim.side != aim.reference:
            faster = "" if work.unit else f", that is {theirs / ours:.3g} times as fast"
            lines.append(f"- {aim.side} takes {ours / theirs:.3g} × {aim.reference}{faster}; "
                         f"the aim: {aim.wanted}.")
        elif ours:
            lines.append(f"- {aim.side}: {amount(ours, work.unit)}; the aim: {aim.wanted}.")
    again = result.medians.get(CONTROL)
    if again:
        lines.append(f"- A/A control, the first of these against itself: "
                     f"{result.medians[work.aims[0].side] / again:.3f}")
    agreeing = [d for d in result.deviations.values() if d <= work.tolerance]
    if agreeing:
        lines.append(f"- Of the sides that agree, the results differ by {max(agreeing):.1e} of the "
                     "largest at most.")
    return lines


def version(package: str) -> str:
    """Its name and version, or that it isn't there."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} not installed"


def introduction(rounds: int) -> str:
    """How the tables came about."""
    return f"""# Speed, memory and import time

Made by `python -m benchmarks` with Python {platform.python_version()}, {version("numpy")}, on
{platform.machine()}, {platform.system()}; {", ".join(map(version, PEERS))}.

Before anything is timed, the gradients of all sides are compared with the first reference's; a
side that disagrees is reported and not timed. Then the sides take turns, {rounds} each, every turn
in a new process: it warms up, then repeats its step for 0.3 s, at least five times. The times are
medians of the CPU time of the process, with one thread for everybody. A column × is the time
divided by that of the side it names: below 1 is faster. In the pictures the axis is logarithmic,
and a shorter bar is faster. The A/A control is a second series of
turns of one side, divided by the first: as far as it is from 1, ratios mean nothing.
"""


def replace(tables: list[str]) -> None:
    """Put these tables where those of the same titles stand in the page; new ones come last."""
    text = PAGE.read_text(encoding="utf-8")
    for table in tables:
        title = table[: table.index("\n") + 1]
        begin = text.find(title)
        if begin < 0:
            begin = end = text.index(NOTES)
        else:
            end = min(place for mark in ("\n## ", f"\n{NOTES}")
                      if (place := text.find(mark, begin)) >= 0) + 1
        text = f"{text[:begin]}{table}\n{text[end:]}"
    PAGE.write_text(text)


def write(tables: list[str], rounds: int) -> None:
    """Write the page; what follows the marker is written by hand, and stays."""
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    notes = old[old.index(NOTES) :] if NOTES in old else f"{NOTES}\n"
    PAGE.write_text("\n".join([introduction(rounds), *tables, notes]))
