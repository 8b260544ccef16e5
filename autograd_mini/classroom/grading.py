"""Grades files that students hand in: they only compute numbers, and the verdict is given here."""

from __future__ import annotations

import csv
import io
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, AutogradError
from ..verify import Report, check_gradient
from .assignment import Assignment
from .limits import Limits, numbers_of

__all__ = ["FORBIDDEN", "Grade", "Grades", "files_of", "grade"]

FORBIDDEN = ("autograd_mini", "autograd", "casadi", "jax", "micrograd", "mygrad", "sympy",
             "tensorflow", "tinygrad", "torch")
"""What a submission can't import: it would differentiate by itself."""

COLUMNS = ("name", "points", "of", "verdict", "message")


@dataclass(frozen=True)
class Grade:
    """What one file was given, and why."""

    name: str
    points: float
    of: float
    verdict: str  # right, wrong, can't tell, no answer
    message: str = ""  # why there is no answer, or a hint
    shares: dict[str, float] = field(default_factory=dict)  # of each parameter's points
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For programs, as JSON takes it; without the time, which is another in each run."""
        return {name: getattr(self, name) for name in (*COLUMNS, "shares")}

    def for_gradescope(self) -> dict[str, Any]:
        """What Gradescope reads as `results.json`: a test for each parameter."""
        each = self.of / max(1, len(self.shares))
        tests = [{"name": f"∂/∂{name}", "score": share * each, "max_score": each,
                  "output": "right" if share == 1 else self.message, "visibility": "visible"}
                 for name, share in self.shares.items()]
        return {"score": self.points, "output": self.message or self.verdict,
                "execution_time": self.seconds, "tests": tests}


@dataclass(frozen=True)
class Grades:
    """The grades of all files, in the order in which they were given; print it."""

    grades: tuple[Grade, ...]
    seed: int  # which makes the same arguments again

    def __iter__(self) -> Iterator[Grade]:
        return iter(self.grades)

    def __len__(self) -> int:
        return len(self.grades)

    def __str__(self) -> str:
        width = max([len(g.name) for g in self.grades], default=4)
        lines = [f"{g.name:{width}}  {g.points:5.4g} of {g.of:g}  {g.verdict:10}  {g.message}"
                 .rstrip() for g in self.grades]
        verdicts = [g.verdict for g in self.grades]
        told = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(sorted(verdicts)))
        mean = sum(g.points for g in self.grades) / max(1, len(self.grades))
        return "\n".join([*lines, "", f"{len(lines)} graded: {told}; {mean:.3g} points on average; "
                          f"--seed {self.seed} tries the same numbers again"])

    def csv(self) -> str:
        """A table with a line for each file."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_harmless(getattr(g, name)) for name in COLUMNS] for g in self.grades)
        return out.getvalue()

    def json(self) -> str:
        """For programs."""
        return json.dumps({"seed": self.seed, "grades": [g.as_dict() for g in self.grades]},
                          ensure_ascii=False, indent=2)


def grade(assignment: str | Path, submissions: Sequence[str | Path], *, seed: int | None = None,
          tries: int = 2, hint: int = 2, jobs: int = 1, forbidden: Sequence[str] = FORBIDDEN,
          limits: Limits | None = None) -> Grades:
    """Grade Python files that define `gradient`, each in a process of its own, under limits.

    assignment: a file that defines `loss`, `example(rng)` (its arguments, as a tuple or by name)
    and `solution`, a gradient; and perhaps `wrt`, the arguments that it is with respect to, and
    `points` (10). submissions: files, and folders of them. A file only computes numbers, at
    arguments that it can't know; whether they are right is decided here, with partial marks for
    each parameter. seed: of these arguments, drawn if not given; tries: at how many. hint: the
    level of hint that is told of a wrong one, 0 to 4. jobs: how many at a time. forbidden: what
    can't be imported.

    The assignment's own solution must get full marks first. Raises `ArgumentError` if it doesn't,
    or the assignment lacks something, and where there are no process limits (on Windows). Limits
    aren't a sandbox: a file may do what you may.
    """
    task = Assignment.read(Path(assignment))
    files = files_of(submissions, task.path)
    if not files:
        raise ArgumentError("there is nothing to grade: give files that define gradient, or a "
                            "folder of them")
    seed = secrets.randbelow(10**9) if seed is None else seed
    arguments = [task.arguments(seed + i) for i in range(tries)]
    limits = limits or Limits()
    parameters = _passed(task, arguments, limits)
    # All are read beforehand: a submission might change those that come after it.
    sources = [_source(path) for path in files]
    with ThreadPoolExecutor(jobs) as pool:
        found = pool.map(lambda path, source: _graded(
            task, path.name, source, "gradient", arguments, tuple(forbidden), limits, hint,
            parameters), files, sources)
        stems = [path.stem for path in files]
        names = [printable(stem if stems.count(stem) == 1 else str(path))
                 for stem, path in zip(stems, files, strict=True)]
        return Grades(tuple(replace(g, name=n) for n, g in zip(names, found, strict=True)), seed)


def files_of(submissions: Sequence[str | Path], assignment: Path) -> list[Path]:
    """The files that are given, and those of the folders, but for the assignment itself."""
    files: list[Path] = []
    for given in map(Path, submissions):
        if not given.exists():
            raise ArgumentError(f"there is no file {given}")
        files += sorted(given.glob("*.py")) if given.is_dir() else [given]
    return [path for path in files if path.resolve() != assignment.resolve()]


def printable(text: str) -> str:
    """It without what a terminal or a file would not show as letters."""
    shown = "".join(c if c.isprintable() else " " for c in text[:600])
    return shown.encode("utf-8", "replace").decode("utf-8")


def _source(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""


def _passed(task: Assignment, arguments: list[Any], limits: Limits) -> tuple[str, ...]:
    """The parameters of the assignment's own solution, which must get full marks."""
    try:
        ours = _graded(task, task.path.name, task.path.read_bytes(), "solution", arguments, (),
                       limits, hint=3, parameters=None)
    except Exception as error:
        raise ArgumentError(f"the loss in {task.path} can't be graded with: "
                            f"{type(error).__name__}: {error}") from error
    if abs(ours.points - task.points) > 1e-6 * task.points:
        raise ArgumentError(f"the solution in {task.path} itself gets {ours.points:g} of "
                            f"{task.points:g} points: {ours.message or ours.verdict}")
    return tuple(ours.shares)


def _graded(task: Assignment, name: str, source: bytes, function: str, arguments: list[Any],
            forbidden: tuple[str, ...], limits: Limits, hint: int,
            parameters: tuple[str, ...] | None) -> Grade:
    """The grade of one file: for gradients of these parameters, no fewer and no others."""
    begun = time.perf_counter()
    numbers, ended = numbers_of(name, source, function, arguments, forbidden, limits)
    reports, message = [], ended
    for claim, (args, kwargs) in zip(numbers, arguments, strict=True) if numbers else ():
        try:
            reports.append(check_gradient(task.loss, claim, *args, wrt=task.wrt, **kwargs))
        except (AutogradError, ArithmeticError, LookupError, ValueError, TypeError) as error:
            if parameters is None and not isinstance(error, AutogradError):
                raise  # of the assignment
            message = str(error)
            break
        got = [e.name for e in reports[-1]]
        needed = parameters or [e.name for e in reports[0]]
        if {*got} != {*needed}:
            del reports[-1]
            message = f"gradients are needed for {', '.join(needed)}, not for {', '.join(got)}"
            break
    took = time.perf_counter() - begun
    if len(reports) < len(arguments):
        return Grade(name, 0.0, task.points, "wrong" if numbers else "no answer",
                     printable(message), seconds=took)
    shares = {e.name: sum(r[e.name].verdict == "right" for r in reports) / len(reports)
              for e in reports[0]}
    verdict = next((v for v in ("wrong", "can't tell") if any(r.verdict == v for r in reports)),
                   "right")
    wrong = next((r for r in reports if not r.ok), None)
    told = wrong.hint(hint) if wrong is not None and hint else ""
    return Grade(name, _points(reports, task.points), task.points, verdict,
                 printable(told.replace("\n", "; ")), shares, took)


def _points(reports: list[Report], points: float) -> float:
    return round(sum(r.score(points) for r in reports) / len(reports), 4)


def _harmless(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    is_formula = isinstance(cell, str) and cell.strip()[:1] in ("=", "+", "-", "@")
    return f"'{cell}" if is_formula else cell
