"""What the search is told of a problem: its graph, the numbers around it, what was changed."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ...trees import tree_leaves
from ..problem import Problem
from .known_factors import KnownFactors
from .record import Record

__all__ = ["changed_in_place", "known_factors", "record_of", "terms_of"]


def record_of(problem: Problem, names: list[str]) -> Record:
    """The graph of the loss, with the lines it was written in."""

    def call() -> Any:
        with np.errstate(all="ignore"):
            made = problem.call(problem.args)
            variables = problem.variables_of(made)
            return made.scalar(), {names[i] + path: x for (i, path), x in variables}

    return Record.of(call, _around(problem) | _arguments(problem, names))


def _around(problem: Problem) -> dict[str, Any]:
    """The arrays and numbers that the loss takes from around it."""
    if not inspect.isfunction(problem.loss):
        return {}
    closed = inspect.getclosurevars(problem.loss)
    return {k: v for k, v in {**closed.globals, **closed.nonlocals}.items()
            if isinstance(v, np.ndarray | float | int) and not isinstance(v, bool)}


def _arguments(problem: Problem, names: list[str]) -> dict[str, Any]:
    """The plain arguments, by name."""
    found = {name + path: x for i, name in enumerate(names)
             for path, x in tree_leaves(problem.args[i])}
    return found | {name + path: x for name, arg in problem.kwargs.items()
                    for path, x in tree_leaves(arg)}


def known_factors(problem: Problem, names: list[str]) -> KnownFactors:
    """The numbers that a factor may be."""
    values = {k: v for k, v in _arguments(problem, names).items()
              if isinstance(v, np.ndarray | float | int) and not isinstance(v, bool)}
    values |= _around(problem)
    return KnownFactors({k: v for k, v in values.items() if np.ndim(v)},
                        {k: float(v) for k, v in values.items() if not np.ndim(v)})


def changed_in_place(problem: Problem, names: list[str], copies: list[Any]
                     ) -> dict[str, np.ndarray]:
    """The arguments that the gradient's function has changed in place."""
    found = {}
    for i, copy in enumerate(copies):
        before = dict(tree_leaves(problem.args[i]))
        for path, x in tree_leaves(copy):
            if isinstance(x, np.ndarray) and x.dtype.kind == "f" and path in before and (
                    x.shape == np.shape(before[path]) and not np.array_equal(x, before[path])):
                found[names[i] + path] = x
    return found


def terms_of(problem: Problem, names: list[str], name: str) -> Any:
    """The sizes of the terms that add up to a parameter's gradient."""
    return next(terms for (i, path), (_, terms) in problem.engine.items()
                if names[i] + path == name)
