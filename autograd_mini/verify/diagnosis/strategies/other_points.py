"""The right formula at other parameters: one was updated before the others were differentiated."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import CodeType
from typing import Any

import numpy as np

from ..budget import POINT
from ..search import Search

__all__ = ["other_points", "updated_points"]

Arrays = Mapping[str, np.ndarray]
FAR = 100  # times the largest parameter, and 1
USUAL_RATES = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.001)


def other_points(search: Search) -> None:
    """The gradient at other parameters: after an update, say."""
    for said, gradients in search.points() if search.points is not None else ():
        if search.out_of_budget():
            return
        search.budget.spend(POINT * search.record.work)
        search.keep_multiples((said,), gradients, partial(
            search.finding, "stale", said, (), 1.5, gradients))


def _numbers_in(code: CodeType) -> Iterator[float]:
    """The constants a function was written with, also in functions inside it."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _numbers_in(constant)
        elif isinstance(constant, float) and 0 < abs(constant) <= 10:
            yield abs(constant)


def _rates(gradient: Any, scalars: Mapping[str, float]) -> list[float]:
    """What may be a learning rate: numbers in the gradient's code first."""
    written: list[float] = []
    if inspect.isfunction(gradient):
        written += _numbers_in(gradient.__code__)
        written += [v for v in gradient.__defaults__ or () if isinstance(v, float)]
    return list(dict.fromkeys([*written, *(abs(v) for v in scalars.values() if v), *USUAL_RATES]))


def updated_points(at: Callable[[Arrays], Arrays | None], here: Arrays, given: Arrays,
                   true: Arrays, changed: Arrays, gradient: Any, scalars: Mapping[str, float]
                   ) -> Iterator[tuple[str, Arrays]]:
    """(what was done, all gradients there) for points that an update may have led to.

    at: the gradients at changed parameters; here: the parameters; given, true: their gradients;
    changed: the arguments as the gradient's function left them, if it worked in place.
    """
    if changed:
        gradients = at(changed)
        if gradients is not None:
            yield (f"the function that computes the gradient changes {' and '.join(changed)} in "
                   "place, and goes on with the changed values", gradients)
    single = [{name} for name in here]
    for names in [*single, set(here)][: 1 if len(here) == 1 else None]:
        for rate in _rates(gradient, scalars):
            for slope in (given, true):
                moved = {n: here[n] - rate * slope[n] for n in here if n in names}
                if any(_is_far(moved[n], here[n]) for n in moved):
                    continue
                gradients = at(moved)
                if gradients is not None:
                    which = " and ".join(n for n in here if n in names)
                    yield (f"this is the gradient after {which} was already updated (by "
                           f"{rate:g} times its gradient): compute all gradients first", gradients)


def _is_far(moved: np.ndarray, here: np.ndarray) -> bool:
    """Whether no update would lead there; a loss that iterates might never come to an end."""
    size = 1.0 + np.max(np.abs(here), initial=0.0)
    return not np.max(np.abs(moved - here), initial=0.0) <= FAR * size
