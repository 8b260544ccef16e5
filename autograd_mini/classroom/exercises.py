"""A derivation to be done by hand, and a checker for it that says what went wrong."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from ..errors import ExpressionError
from ..formula import compute, evaluate, names_in
from ..ops import sum
from ..transforms import grad
from ..verify import Report, check_gradient
from ..verify.report import Entry, Suspect
from .answers import mistake_in
from .bank import expression_for

__all__ = ["Exercise", "exercise", "worksheet"]

POINTS = 12  # an answer in symbols is checked at so many points at once
OUTPUT = "y"  # what an answer may call the value of the expression


FOREIGN = re.compile(r"\bsum\b|\baxis \d|n = \d")  # of the many points, not of the exercise
NO_IDEA = Suspect("unknown", "no usual mistake gives these numbers; derive it once more")


@dataclass(frozen=True, repr=False)
class Verdict(Report):
    """What is said of answers: each right or wrong, and at which numbers that shows."""

    points: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    left: tuple[str, ...] = ()  # what is asked for, and wasn't answered

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


@dataclass(frozen=True)
class Exercise:
    """Find the partial derivatives of an expression; `check` says which are right, and why not."""

    expression: str
    values: Mapping[str, float]  # the point, for an answer in numbers
    points: Mapping[str, np.ndarray]
    wrt: tuple[str, ...]  # the variables whose derivatives are asked for

    def __str__(self) -> str:
        asked = ", ".join(f"∂{OUTPUT}/∂{name}" for name in self.wrt)
        at = ", ".join(f"{name} = {value:g}" for name, value in self.values.items())
        answers = ", ".join(f'{name}="…"' for name in self.wrt)
        return (f"{OUTPUT} = {self.expression}. Find {asked}: as formulas (which may use "
                f"{OUTPUT}), or as numbers at {at}.\nThen: .check({answers})")

    def __repr__(self) -> str:  # without the hidden points at which answers are checked
        return f"exercise({self.expression!r}); print it, then .check(…)"

    def check(self, /, **answers: str | float) -> Report:
        """Verify answers: for each variable its derivative, as a formula or as a number.

        Returns a `Report`, with hints. Raises `ExpressionError` for a name that isn't a variable,
        or an answer that can't be read.
        """
        unknown = answers.keys() - self.values.keys()
        if unknown or not answers:
            raise ExpressionError(f"answers are for {', '.join(self.values)}, by name"
                                  + (f", not {', '.join(sorted(unknown))}" if unknown else ""))
        formulas = {n: a for n, a in answers.items() if isinstance(a, str) and not _is_number(a)}
        numbers = {n: a for n, a in answers.items() if n not in formulas}
        exact, notes = self._rounded(numbers) if numbers else ({}, [])
        reports = [self._checked(some, at) for some, at in
                   ((formulas, self.points), (exact, self.values)) if some]
        entries = {e.name: e for report in reports for e in report}
        entries = {name: self._told_simply(e, answers[name] if name in formulas else None)
                   for name, e in entries.items()}
        left = tuple(name for name in self.wrt if name not in answers)
        if left and any(e.verdict != "right" for e in entries.values()):
            notes.append(f"not answered yet: {', '.join(left)}")
        return Verdict(tuple(entries[name] for name in answers), tuple(notes), "answer", left=left,
                       points={n: self.points if n in formulas else self.values for n in answers})

    def _rounded(self, numbers: Mapping[str, str | float]) -> tuple[dict[str, Any], list[str]]:
        """Numbers, those that are right to the digits given made exact; what was made so."""
        exact, notes, solution = dict(numbers), [], self._slopes()
        for name, number in numbers.items():
            try:
                digits = Decimal(str(number)).as_tuple()
            except InvalidOperation:
                continue
            if isinstance(digits.exponent, int) and len(digits.digits) >= 3 and (
                    0 < abs(float(number) - solution[name]) <= 0.501 * 10.0**digits.exponent):
                exact[name] = solution[name]
                notes.append(f"{name} is right to the digits given; it is {solution[name]:.8g}")
        return exact, notes

    def _told_simply(self, entry: Entry, answer: Any) -> Entry:
        """The entry with a mistake in terms of the answer, where another's is far-fetched."""
        first = entry.suspects[0] if entry.suspects else NO_IDEA
        if entry.verdict != "wrong" or (
                first.plain and not first.also and not FOREIGN.search(first.message)
                and not any(s.tied for s in entry.suspects[1:])):
            return entry
        entry = replace(entry, reason="it isn't right")
        if answer is None:  # a number
            return replace(entry, suspects=(NO_IDEA,)) if first.kind == "unknown" else entry
        names = list(self.values)
        slopes = grad(lambda *v: sum(evaluate(self.expression, dict(zip(names, v, strict=True)))),
                      tuple(range(len(names))))(*self.points.values())
        known = {OUTPUT: evaluate(self.expression, self.points), **self.points}
        found = mistake_in(self.expression, entry.name, answer,
                           dict(zip(names, slopes, strict=True)), known)
        kept = [s for s in entry.suspects if not FOREIGN.search(s.message) and not any(
            FOREIGN.search(more.message) for more in s.also)]
        return replace(entry, suspects=(found,) if found else tuple(kept) or (NO_IDEA,))

    def _checked(self, answers: Mapping[str, str | float], at: Mapping[str, Any]) -> Report:
        """The report on answers, at a point or at many."""
        shape = np.shape(next(iter(at.values())))
        with np.errstate(all="ignore"):
            known = {OUTPUT: evaluate(self.expression, at), **at}
            claims = {name: np.broadcast_to(_read(name, answer, known), shape)
                      for name, answer in answers.items()}

        def loss(*variables: Any) -> Any:
            return sum(evaluate(self.expression, dict(zip(at, variables, strict=True))))

        loss.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in at])
        return check_gradient(loss, claims, *at.values(), wrt=list(claims))

    def solution(self) -> dict[str, float]:
        """The derivatives that are asked for as numbers, at the point that is shown."""
        return {name: self._slopes()[name] for name in self.wrt}

    def _slopes(self) -> dict[str, float]:
        names = list(self.values)
        found = grad(lambda *v: evaluate(self.expression, dict(zip(names, v, strict=True))),
                     tuple(range(len(names))))(*self.values.values())
        return dict(zip(names, found, strict=True))

    def derivation(self) -> Any:
        """The solution written out line by line with its numbers, as `ag.explain` writes it."""
        from ..picture import explain

        return explain(self._node())

    def latex(self, solution: bool = False) -> str:
        """The problem in LaTeX (with the package amsmath), or its solution written out."""
        from ..picture.derivation import in_one_formula
        from ..picture.notation import Name
        from ..picture.spelled import as_latex

        if solution:
            return str(self.derivation().latex)
        names = {name: as_latex(Name(name)) for name in self.values}
        asked = ", ".join(rf"\frac{{\partial y}}{{\partial {names[name]}}}" for name in self.wrt)
        at = ",\\ ".join(f"{names[name]} = {x:g}" for name, x in self.values.items())
        return (f"\\[ y = {as_latex(in_one_formula(self._node()))} \\]\n"
                f"Find ${asked}$, and {'its value' if len(self.wrt) == 1 else 'their values'} "
                f"at ${at}$.")

    def _node(self) -> Any:
        """The expression at the point that is shown, as a node called y."""
        y = compute(self.expression, self.values)
        y.label = OUTPUT
        return y


def _is_number(answer: str) -> bool:
    """Whether it is a number at the point that is shown, such as 0.25; 1 is a formula."""
    return not names_in(answer) and "." in answer


def _read(name: str, answer: str | float, known: Mapping[str, Any]) -> Any:
    """An answer's numbers."""
    if isinstance(answer, str):
        return evaluate(answer, known)
    if not isinstance(answer, int | float | np.floating | np.integer):
        raise ExpressionError(f"the answer for {name} is a {type(answer).__name__}, not a formula "
                              "or a number")
    return answer


def exercise(expression: str | None = None, seed: int = 0, *, subject: str | None = None,
             difficulty: int | None = None, wrt: str | Sequence[str] | None = None) -> Exercise:
    """An exercise in deriving by hand: the partial derivatives of a formula such as tanh(w*x + b).

    expression: the formula; without one, one of a bank's, chosen by the seed. subject: powers,
    products and quotients, chain rule, adding up, neurons or losses. difficulty: 1, 2 or 3. seed:
    which numbers the variables get. wrt: the variables whose derivatives are asked for, if not all.
    Raises `ExpressionError` for what isn't a formula, has no
    variable, or isn't finite at the numbers drawn, and for a formula with a subject or a
    difficulty; `ArgumentError` for a subject or a difficulty that the bank doesn't have.

    >>> homework = exercise("sigmoid(w * x)", seed=1)
    >>> homework.check(w="y * (1 - y) * x").ok
    True
    >>> print(homework.check(w="y * (1 - y)").hint(3))
    w: the factor x is missing
    >>> print(exercise(subject="losses", difficulty=1, seed=2).expression)
    (w*x - t)**2
    """
    if not isinstance(seed, int) or seed < 0:
        raise ExpressionError("an exercise is made of a formula, as text, and a seed of 0 or more")
    if expression is None:
        expression = expression_for(subject, difficulty, seed)
    elif subject is not None or difficulty is not None:
        raise ExpressionError("a subject and a difficulty choose from the bank: give no formula")
    if not isinstance(expression, str):
        raise ExpressionError("an exercise is made of a formula, as text, and a seed of 0 or more")
    names = names_in(expression)
    asked = tuple(names) if wrt is None else (wrt,) if isinstance(wrt, str) else tuple(wrt)
    if not names or not asked or not set(asked) <= set(names):
        raise ExpressionError("the formula has no variable in it, so there is nothing to derive"
                              if not names else f"wrt is of {', '.join(names)}, not {wrt!r}")
    rng = np.random.default_rng(seed)
    values = {name: float(np.round(rng.uniform(0.3, 1.9), 2)) for name in names}
    with np.errstate(all="ignore"):
        if not np.isfinite(evaluate(expression, values)):
            raise ExpressionError(f"{expression!r} isn't finite at {values}: try another seed")
    return Exercise(expression, values, _points(expression, names, rng), asked)


def _points(expression: str, names: Sequence[str], rng: np.random.Generator
            ) -> dict[str, np.ndarray]:
    """Where answers are checked: at both signs, as far as it is finite there, for |x| isn't x."""
    many = {name: rng.uniform(0.3, 1.9, 20 * POINTS) * rng.choice([-1.0, 1.0], 20 * POINTS)
            for name in names}
    with np.errstate(all="ignore"):
        finite = np.flatnonzero(np.isfinite(evaluate(expression, many)))[:POINTS]
    if len(finite) < POINTS:
        many = {name: np.abs(x) for name, x in many.items()}
        finite = np.arange(POINTS)
    return {name: x[finite] for name, x in many.items()}


def worksheet(exercises: Sequence[Exercise], title: str = "Exercises", solutions: bool = False
              ) -> str:
    r"""A sheet of exercises as a LaTeX document, numbered, with the solutions under them if asked.

    It needs the packages amsmath and geometry and no other. Raises `ExpressionError` for a sheet
    without exercises.

    >>> sheet = worksheet([exercise("x**2"), exercise("tanh(w*x)")])
    >>> print(sheet.splitlines()[8])
    \[ y = x^{2} \]
    """
    if not exercises:
        raise ExpressionError("a worksheet needs exercises")
    plain = re.sub(r"[\\~^]", " ", title)  # no letter of a title's, and no command of LaTeX's
    escaped = re.sub(r"([&%$#_{}])", r"\\\1", plain)
    lines = [r"\documentclass{article}", r"\usepackage{amsmath}",
             r"\usepackage[margin=2.5cm]{geometry}", r"\allowdisplaybreaks", r"\begin{document}",
             rf"\section*{{{escaped}}}", r"\begin{enumerate}"]
    if not solutions:
        lines.insert(-1, r"\noindent Name: \hrulefill\par\bigskip")
    for each in exercises:
        lines += [r"\item", each.latex()]
        if solutions:
            lines += [each.latex(solution=True)]
    return "\n".join([*lines, r"\end{enumerate}", r"\end{document}", ""])
