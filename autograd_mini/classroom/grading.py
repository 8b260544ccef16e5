"""Grades files that students hand in: they only compute numbers, and the verdict is given here."""

from __future__ import annotations

import csv
import io
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ..errors import ArgumentError
from .assignment import Assignment
from .handed_in import HandedIn, handed_in, printable
from .judging import Judge, Verdict
from .limits import Limits, end_all, numbers_of

__all__ = ["FORBIDDEN", "Grade", "Grades", "grade"]

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
        lines = [f"{g.name:{width}}  {g.points:5.7g} of {g.of:g}  {g.verdict:10}  {g.message}"
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

    def write_feedback(self, folder: Path) -> None:
        """A file of JSON for each submission, in a folder, to be handed back."""
        folder.mkdir(parents=True, exist_ok=True)
        for i, grade in enumerate(self.grades, start=1):
            name = "".join(c if c.isalnum() or c in "-_." else "_" for c in grade.name)[-100:]
            (folder / f"{i:04d}_{name}.json").write_text(
                json.dumps(grade.as_dict(), ensure_ascii=False, indent=2), encoding="utf-8")


def grade(assignment: str | Path, submissions: str | Path | Sequence[str | Path], *,
          seed: int | None = None, tries: int = 3, hint: int = 2, jobs: int = 1,
          forbidden: Sequence[str] = FORBIDDEN, limits: Limits | None = None) -> Grades:
    """Grade Python files that define `gradient`, each in a process of its own, under limits.

    assignment: a file that defines `loss`, `example(rng)` (its arguments, as a tuple or by name)
    and `solution`, a gradient; and perhaps `wrt`, the arguments that it is with respect to, and
    `points` (10). submissions: files, and folders of them. A file only computes numbers, at
    arguments that it can't know; whether they are right is decided here, with part of the points
    for each parameter that is right at all tries. seed: of these arguments, drawn if not given;
    tries: at how many. hint: the level of hint that is told of a wrong one, 0 to 4. jobs: how many
    at a time, up to 64. forbidden: what can't be imported. limits: of time and memory.

    The assignment's own solution must get full marks first. Raises `ArgumentError` if it doesn't,
    or the assignment lacks something, for numbers out of range, and where there are no process
    limits (on Windows). Limits aren't a sandbox: a file may do what you may.
    """
    number: Any
    for name, number, least, most in (("tries", tries, 1, 1000), ("jobs", jobs, 1, 64), (
            "hint", hint, 0, 4), ("seed", 0 if seed is None else seed, 0, 2**63)):
        if not isinstance(number, Integral) or not least <= int(number) <= most:
            raise ArgumentError(f"{name} is {number!r}; it is a whole number from {least} to "
                                f"{most}")
    if isinstance(forbidden, str):
        raise ArgumentError(f"forbidden is a list of names, [{forbidden!r}], not text")
    task = Assignment.read(Path(assignment))
    files = handed_in(submissions, task.path)
    seed = secrets.randbelow(10**9) if seed is None else seed
    grading = _Grading(task, task.draws(seed, tries), limits or Limits(), tuple(forbidden), hint)
    return Grades(grading.grades(files, jobs), seed)


class _Grading:
    """One assignment's grading: its arguments, its limits, and the processes that judge."""

    def __init__(self, task: Assignment, arguments: list[Any], limits: Limits,
                 forbidden: tuple[str, ...], hint: int) -> None:
        self.task, self.arguments, self.limits = task, arguments, limits
        self.forbidden, self.hint = forbidden, hint
        self.form: Any = None  # the gradient of the solution, and its parameters
        self.parameters: tuple[str, ...] | None = None

    def grades(self, files: list[HandedIn], jobs: int) -> tuple[Grade, ...]:
        """The grades of the files, once the solution has passed."""
        every = [Judge(self.task, self.arguments, self.limits.verdict) for _ in range(jobs)]
        judges: SimpleQueue[Judge] = SimpleQueue()
        for judge in every:
            judges.put(judge)
        pool = ThreadPoolExecutor(jobs)
        try:
            self._pass(judges)
            for judge in every[: len(files)]:
                judge.start()
            return tuple(pool.map(lambda file: self._grade(file, judges), files))
        except KeyboardInterrupt:
            end_all()
            for judge in every:
                judge.close()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            for judge in every:
                judge.close()

    def _pass(self, judges: SimpleQueue[Judge]) -> None:
        """Raise `ArgumentError` if the assignment's own solution doesn't get full marks."""
        path = self.task.path.resolve()
        numbers, ended = numbers_of(str(path), self.task.source, "solution", self.arguments, (),
                                    self.limits, beside=True)
        self.form = numbers[0] if numbers else None
        found = self._verdict(numbers, ended, judges, 3)
        if found.broken:
            raise ArgumentError(f"the loss in {self.task.path} can't be graded with: "
                                f"{found.message}")
        if found.verdict != "right":
            points = self.task.points * _mean(found.shares)
            raise ArgumentError(f"the solution in {self.task.path} itself gets {points:g} of "
                                f"{self.task.points:g} points: {found.message or found.verdict}")
        self.parameters = tuple(found.shares)

    def _grade(self, file: HandedIn, judges: SimpleQueue[Judge]) -> Grade:
        """The grade of one file."""
        begun = time.perf_counter()
        numbers, ended = ([], file.refused) if file.refused else numbers_of(
            printable(file.path.name), file.source, "gradient", self.arguments, self.forbidden,
            self.limits)
        found = self._verdict(numbers, ended, judges, self.hint)
        points = self.task.points
        return Grade(file.name, round(points * _mean(found.shares), 4), points, found.verdict,
                     printable(found.message), found.shares, time.perf_counter() - begun)

    def _verdict(self, numbers: list[Any], ended: str, judges: SimpleQueue[Judge], hint: int
                 ) -> Verdict:
        """The verdict on a file's numbers, by a judge who is free."""
        if not numbers:
            return Verdict("no answer", ended)
        judge = judges.get()
        try:
            return judge.verdict(numbers, self.form, self.parameters, hint)
        finally:
            judges.put(judge)


def _mean(shares: dict[str, float]) -> float:
    return sum(shares.values()) / max(1, len(shares))


def _harmless(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    is_formula = isinstance(cell, str) and cell.strip()[:1] in ("=", "+", "-", "@")
    return f"'{cell}" if is_formula else cell
