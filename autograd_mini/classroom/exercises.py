"""A derivation to be done by hand, and a checker for it that says what went wrong."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from ..errors import ExpressionError
from ..formula import compute, evaluate, names_in
from ..ops import sum
from ..transforms import grad
from ..verify import Report, check_gradient
from ..verify.report import Entry, Suspect
from .answers import is_off, mistake_in, sizes_in
from .bank import expression_for
from .verdicts import NO_IDEA, Verdict, said_simply

__all__ = ["Exercise", "exercise", "worksheet"]

ELSEWHERE = Suspect("partial", "it is right at some numbers, and not at these")
POINTS = 12  # an answer in symbols is checked at so many points at once
OUTPUT = "y"  # what an answer may call the value of the expression


@dataclass(frozen=True)
class Exercise:
    """Find the partial derivatives of an expression; `check` says which are right, and why not."""

    expression: str
    values: Mapping[str, float]  # the point, for an answer in numbers
    points: Mapping[str, np.ndarray]
    far: Mapping[str, np.ndarray]  # other ones, for what is the same near 0
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

        A formula (`1`, too) is tried at numbers that aren't shown, and a number (`1.0`) at those
        that are. Returns a `Report`, with hints; it is `ok` once all is answered. Raises
        `ExpressionError` for a name that isn't a variable, or an answer that can't be read.
        """
        unknown = answers.keys() - self.values.keys()
        if unknown or not answers:
            raise ExpressionError(f"answers are for {', '.join(self.values)}, by name"
                                  + (f", not {', '.join(sorted(unknown))}" if unknown else ""))
        entries, points, notes = [], {}, []
        with np.errstate(all="ignore"):
            for name, answer in answers.items():
                if isinstance(answer, str) and not _is_number(answer):
                    entry, points[name] = self._of_formula(name, answer)
                else:
                    entry, note = self._of_number(name, answer)
                    points[name] = self.values
                    notes += [note] if note else []
                entries.append(entry)
        left = tuple(name for name in self.wrt if name not in answers)
        if left and any(e.verdict != "right" for e in entries):
            notes.append(f"not answered yet: {', '.join(left)}")
        return Verdict(tuple(entries), tuple(notes), "answer", points=points, left=left)

    def _of_formula(self, name: str, answer: str) -> tuple[Entry, Mapping[str, Any]]:
        """(the verdict, the numbers at which it shows)."""
        entry = self._checked({name: answer}, self.points)[name]
        if entry.verdict == "wrong":
            return said_simply(entry, self._meant(name, answer) or self._mistake(name, answer)), \
                self.points
        for at in (self.points, self.far) if entry.verdict == "right" else ():
            right = self._slopes(at)[name]
            known = {OUTPUT: evaluate(self.expression, at), **at}
            given = np.broadcast_to(evaluate(answer, known), right.shape)
            # Each number by itself: a large one hides nothing that is wrong at another.
            wrong = is_off(given, right, sizes_in((self.expression, answer), known))
            if wrong.any():
                return replace(entry, verdict="wrong", reason="it isn't right", expected=right,
                               given=given, worst=(int(np.argmax(wrong)),),
                               suspects=(ELSEWHERE,)), at
        return entry, self.points

    def _of_number(self, name: str, answer: Any) -> tuple[Entry, str]:
        """(the verdict, what was made of it)."""
        try:
            number = float(_read(name, answer, {}))
        except OverflowError:
            raise ExpressionError(f"the answer for {name} is too large for a float") from None
        right, note = self._slopes(self.values)[name], ""
        if number != right and _is_rounded(answer, number, right):
            number, note = right, f"{name} is right to the digits given; it is {right:.8g}"
        entry = self._checked({name: number}, self.values)[name]
        if entry.verdict == "wrong":
            sign = Suspect("sign", "it has the wrong sign")
            entry = replace(entry, reason="it isn't right",
                            suspects=(sign if number == -right else NO_IDEA,))
        return entry, note

    def _meant(self, name: str, answer: str) -> Suspect | None:
        """Whether a whole number was meant for the values that are shown."""
        if names_in(answer) or not _is_rounded(answer, float(evaluate(answer, {OUTPUT: 0.0})),
                                               self._slopes(self.values)[name]):
            return None
        whole = answer.strip()
        return Suspect("partial", f"as a formula {whole} is wrong at other numbers; for the number "
                       f"at the values shown write {whole}.0")

    def _mistake(self, name: str, answer: str) -> Suspect | None:
        """The mistake in an answer, in its own terms."""
        known = {OUTPUT: evaluate(self.expression, self.points), **self.points}
        return mistake_in(self.expression, name, answer, self._slopes(self.points), known)

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
        slopes = self._slopes(self.values)
        return {name: slopes[name] for name in self.wrt}

    def _slopes(self, at: Mapping[str, Any]) -> dict[str, Any]:
        """The derivative for each variable, at a point or at many."""
        found = grad(lambda *v: sum(evaluate(self.expression, dict(zip(at, v, strict=True)))),
                     tuple(range(len(at))))(*at.values())
        return dict(zip(at, found, strict=True))

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
        y = y * 1.0 if y.op is None else y  # of "x": the node is the variable
        y.label = OUTPUT
        return y


def _is_number(answer: str) -> bool:
    """Whether it is a number at the point that is shown, such as 0.25; 1 is a formula."""
    return not names_in(answer) and "." in answer


def _is_rounded(answer: Any, number: float, right: float) -> bool:
    """Whether a number is right to the digits that are given, if these are three or more."""
    if not isinstance(answer, str):
        return any(number == round(right, k) and abs(right) >= 10.0 ** (2 - k)
                   for k in range(2, 15))
    try:
        digits = Decimal(answer.replace(" ", "").strip("()")).as_tuple()
        return (isinstance(digits.exponent, int) and len(digits.digits) >= 3
                and abs(number - right) <= 0.501 * 10.0**digits.exponent)
    except (InvalidOperation, OverflowError):
        return False


def _read(name: str, answer: Any, known: Mapping[str, Any]) -> Any:
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
    >>> homework.check(w="y * (1 - y) * x", x="y * (1 - y) * w").ok
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
    near, far = (_points(expression, names, rng, *where) for where in (
        (0.3, 1.9, POINTS), (1.9, 9.0, POINTS // 2)))
    return Exercise(expression, values, near, far, asked)


def _points(expression: str, names: Sequence[str], rng: np.random.Generator, low: float,
            high: float, count: int) -> dict[str, np.ndarray]:
    """Where answers are checked: at both signs, as far as it is finite there, for |x| isn't x."""
    many = {name: rng.uniform(low, high, 20 * count) * rng.choice([-1.0, 1.0], 20 * count)
            for name in names}
    with np.errstate(all="ignore"):
        finite = np.flatnonzero(np.isfinite(evaluate(expression, many)))
        if len(finite) < count:
            many = {name: np.abs(x) for name, x in many.items()}
            finite = np.flatnonzero(np.isfinite(evaluate(expression, many)))
    return {name: x[finite[:count]] for name, x in many.items()}


def worksheet(exercises: Sequence[Exercise], title: str = "Exercises", solutions: bool = False
              ) -> str:
    r"""A sheet of exercises as a LaTeX document, numbered, with the solutions under them if asked.

    It needs the packages amsmath and geometry and no other. Raises `ExpressionError` for a sheet
    without exercises.

    >>> sheet = worksheet([exercise("x**2"), exercise("tanh(w*x)")])
    >>> print(sheet.splitlines()[9])
    \[ y = x^{2} \]
    """
    if not exercises:
        raise ExpressionError("a worksheet needs exercises")
    plain = re.sub(r"[\\~^\x00-\x1f]", " ", title)  # they are LaTeX's
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
