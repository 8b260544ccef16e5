"""What the search is told of a problem: its graph, the numbers around it, what was changed."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...trees import flat, tree_leaves, tree_map
from ..forms import copied
from ..problem import Problem
from .known_factors import KnownFactors
from .record import Record

__all__ = ["beside", "changed_in_place", "fewer_samples", "known_factors", "record_of", "terms_of"]


def record_of(problem: Problem, names: list[str]) -> Record:
    """The graph of the loss, with the lines it was written in."""

    def call() -> Any:
        with np.errstate(all="ignore"):
            made = problem.call(problem.args)
            variables = problem.variables_of(made)
            return made.scalar(), {names[i] + path: x for (i, path), x in variables}

    return Record.of(call, _around(problem) | _arguments(problem, names, problem.args),
                     flat(problem.form.seed))


def _around(problem: Problem) -> dict[str, Any]:
    """The arrays and numbers that the loss takes from around it."""
    loss = inspect.unwrap(problem.form.loss)
    if not inspect.isfunction(loss) and not inspect.ismethod(loss):
        return dict(problem.form.constants)
    closed = inspect.getclosurevars(loss)
    around = {**closed.globals, **closed.nonlocals, **problem.form.constants}
    return {k: v for k, v in around.items()
            if isinstance(v, np.ndarray | float | int) and not isinstance(v, bool)}


def _arguments(problem: Problem, names: Sequence[str], args: Sequence[Any]) -> dict[str, Any]:
    """The plain arguments, by name: the data first, for n is the number of samples."""
    order = sorted(range(len(names)), key=lambda i: i in problem.wrt)
    return {names[i] + path: x for i in order for path, x in tree_leaves(args[i])}


def known_factors(problem: Problem, names: Sequence[str], args: Sequence[Any] | None = None
                  ) -> KnownFactors:
    """The numbers that a factor may be; of other arguments, if they are given."""
    values = {k: v for k, v in _arguments(problem, names, args or problem.args).items()
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


def beside(problem: Problem) -> list[Any]:
    """The arguments a tenth beside these, for what must hold at a second point too."""
    rng = np.random.default_rng(1)

    def moved(x: Any) -> Any:
        x = copied(x)
        if np.asarray(x).dtype.kind != "f":
            return x
        new = np.asarray(x) * (1 + 0.1 * rng.uniform(-1, 1, np.shape(x))) + 0.01 * rng.uniform(
            -1, 1, np.shape(x))
        return new if np.ndim(x) else float(new)

    return [tree_map(moved, x) if i in problem.wrt else copied(x)
            for i, x in enumerate(problem.args)]


def fewer_samples(problem: Problem, args: list[Any]) -> list[Any] | None:
    """The arguments without the last sample, for n may be the length of something else too; None
    if the data haven't one length. A parameter with a row for each sample, as logits have, loses
    its last, too.
    """
    data = [i for i in range(len(args)) if i not in problem.wrt]
    lengths = {len(x) for i in data for _, x in tree_leaves(args[i]) if np.ndim(x)}
    if len(lengths) != 1 or (n := lengths.pop()) < 3:
        return None
    return [tree_map(lambda x: x[:n - 1] if np.ndim(x) and len(x) == n else x, arg)
            for arg in args]


def terms_of(problem: Problem, names: list[str], name: str) -> Any:
    """The sizes of the terms that add up to a parameter's gradient."""
    return next(terms for (i, path), (_, terms) in problem.engine.items()
                if names[i] + path == name)
