"""How an error that has no name scales: with a number among the arguments, with the sample count.

An error that doubles with λ comes from what λ multiplies; one that doubles when each sample comes
twice, where the right gradient doesn't, was summed where the mean is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...graph import value_of
from ...trees import tree_leaves, tree_map
from ..forms import copied
from ..names import renamed
from ..problem import Problem
from .known_factors import same
from .repair import claimed_apart

__all__ = ["scalings"]

POWERS = {-2.0: "1/{}²", -1.0: "1/{}", -0.5: "1/√{}", 0.5: "√{}", 1.0: "{}", 2.0: "{}²"}


def scalings(problem: Problem, names: list[str], arrays_of: Callable[[Any], list[Any]]
             ) -> dict[str, str]:
    """By parameter: what its error is proportional to, in words; those that scale with nothing
    are missing.

    arrays_of: what is claimed for each argument, in a claim.
    """
    here = _errors(problem, names, arrays_of, copied(problem.args))
    found: dict[str, list[str]] = {}
    for what, args in _changed(problem, names):
        there = _errors(problem, names, arrays_of, args) if here else {}
        for name, error in there.items():
            power = _power(here[name], error)
            if power in POWERS:
                found.setdefault(name, []).append(POWERS[power].format(what))
    return {name: "its error is proportional to " + " and to ".join(whats)
            for name, whats in found.items()}


def _changed(problem: Problem, names: list[str]) -> Iterator[tuple[str, list[Any]]]:
    """(what is doubled, the arguments then)."""
    for i, x in enumerate(problem.args):
        if i not in problem.wrt and type(x) is float and x:
            yield names[i], [2 * y if k == i else copied(y) for k, y in enumerate(problem.args)]
    data = [i for i in range(len(problem.args)) if i not in problem.wrt]
    lengths = {len(x) for i in data for _, x in tree_leaves(problem.args[i]) if np.ndim(x)}
    if len(lengths) == 1:
        yield "the number of samples", [
            tree_map(lambda x: np.concatenate([x, x]) if np.ndim(x) else x, copied(y))
            if i in data else copied(y) for i, y in enumerate(problem.args)]


def _errors(problem: Problem, names: list[str], arrays_of: Callable[[Any], list[Any]],
            args: list[Any]) -> dict[str, np.ndarray]:
    """By parameter: what is claimed minus what is right; empty where that can't be asked."""
    try:
        true = problem.gradients_of(args, names) or {}
        claimed = arrays_of(claimed_apart(problem.form.called(args)))
        given = {names[i] + path: np.asarray(value_of(g), float)
                 for i, claim in zip(problem.wrt, claimed, strict=True)
                 for path, g in tree_leaves(renamed(claim, problem.args[i]))}
        return {name: given[name] - g for name, g in true.items()
                if np.shape(given[name]) == np.shape(g)}
    except Exception:  # the function does more than compute, or takes no other numbers
        return {}


def _power(error: np.ndarray, doubled: np.ndarray) -> float | None:
    """k if the error is 2ᵏ times what it was, all over."""
    size = float(np.sum(error * error))
    c = float(np.sum(doubled * error)) / size if size else 0.0
    if c <= 0 or not np.allclose(doubled, c * error, rtol=1e-6, atol=1e-9 * np.sqrt(size)):
        return None
    k = float(np.log2(c))
    return next((power for power in POWERS if same(c, 2.0**power, 1e-6)), k)
