"""A derivation to be done by hand, and a checker for it that says what went wrong."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .check import Report, check_gradient
from .errors import ExpressionError
from .formula import evaluate, names_in
from .ops import sum
from .transforms import grad

__all__ = ["Exercise", "exercise"]

POINTS = 12  # an answer in symbols is checked at so many points at once
OUTPUT = "y"  # what an answer may call the value of the expression


@dataclass(frozen=True)
class Exercise:
    """Find the partial derivatives of an expression; `check` says which are right, and why not."""

    expression: str
    values: Mapping[str, float]  # the point, for an answer in numbers
    points: Mapping[str, np.ndarray]

    def __str__(self) -> str:
        asked = ", ".join(f"∂{OUTPUT}/∂{name}" for name in self.values)
        at = ", ".join(f"{name} = {value:g}" for name, value in self.values.items())
        first = next(iter(self.values))
        return (f"{OUTPUT} = {self.expression}. Find {asked}: as formulas (which may use "
                f"{OUTPUT}), or as numbers at {at}.\nThen: .check({first}=\"…\")")

    def check(self, **answers: str | float) -> Report:
        """Verify answers: for each variable its derivative, as a formula or as a number.

        Returns a `Report`, with hints. Raises `ExpressionError` for a name that isn't a variable,
        or a formula that can't be read.
        """
        unknown = answers.keys() - self.values.keys()
        if unknown or not answers:
            raise ExpressionError(f"answers are for {', '.join(self.values)}, by name"
                                  + (f", not {', '.join(sorted(unknown))}" if unknown else ""))
        at: Mapping[str, Any] = self.points
        if not all(isinstance(answer, str) for answer in answers.values()):
            at = self.values
        shape = np.shape(next(iter(at.values())))
        known = {OUTPUT: evaluate(self.expression, at), **at}
        claims = {name: np.broadcast_to(evaluate(answer, known) if isinstance(answer, str) else
                                        answer, shape) for name, answer in answers.items()}

        def loss(*variables: Any) -> Any:
            return sum(evaluate(self.expression, dict(zip(at, variables, strict=True))))

        loss.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in at])
        return check_gradient(loss, claims, *at.values(), wrt=list(claims))

    def solution(self) -> dict[str, float]:
        """The derivatives as numbers, at the point that is shown."""
        names = list(self.values)
        found = grad(lambda *v: evaluate(self.expression, dict(zip(names, v, strict=True))),
                     tuple(range(len(names))))(*self.values.values())
        return dict(zip(names, found, strict=True))


def exercise(expression: str, seed: int = 0) -> Exercise:
    """An exercise in deriving by hand: the partial derivatives of a formula such as tanh(w*x + b).

    seed: which numbers the variables get. Raises `ExpressionError` for what isn't a formula, has no
    variable, or isn't finite at the numbers drawn.

    >>> homework = exercise("sigmoid(w * x)", seed=1)
    >>> homework.check(w="y * (1 - y) * x").ok
    True
    >>> print(homework.check(w="y * (1 - y)").hint(3))
    w: the factor x of `w * x` is missing
    """
    names = names_in(expression)
    if not names:
        raise ExpressionError("the formula has no variable in it, so there is nothing to derive")
    rng = np.random.default_rng(seed)
    values = {name: float(np.round(rng.uniform(0.3, 1.9), 2)) for name in names}
    points = {name: rng.uniform(0.3, 1.9, POINTS) for name in names}
    for at in (values, points):
        with np.errstate(all="ignore"):
            if not np.isfinite(evaluate(expression, at)).all():
                raise ExpressionError(f"{expression!r} isn't finite at {at}: try another seed")
    return Exercise(expression, values, points)
