"""Losses that read one triangle of a symmetric matrix, as NumPy's cholesky and eigh do.

Their gradient is 0 in the other triangle, and counts what is off the diagonal twice. On paper the
matrix stays symmetric, and one writes the symmetrised gradient, (G + Gᵀ)/2: both are right.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .problem import Problem

__all__ = ["mirrored", "one_triangle"]


def mirrored(x: np.ndarray) -> np.ndarray:
    """A matrix, or a stack of them, symmetrised: half of it and half of its transpose."""
    half: np.ndarray = (x + np.swapaxes(x, -1, -2)) / 2
    return half


def one_triangle(problem: Problem, i: int, path: str, expected: np.ndarray, given: np.ndarray,
                 bar: np.ndarray) -> bool:
    """Whether a gradient is right for a loss that reads one triangle, but for being symmetrised.

    The matrix must be symmetric, the loss must give the same whatever stands in its other
    triangle, and the gradients must agree when both are symmetrised. Then `problem` notes it.
    """
    x = np.asarray(problem.argument(i, path), float)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2] or not np.array_equal(x, np.swapaxes(x, -1, -2)):
        return False
    if (np.abs(mirrored(given) - mirrored(expected)) > mirrored(bar)).any():
        return False
    for triangle, ignored in (("lower", np.triu(np.ones(x.shape, bool), 1)),
                              ("upper", np.tril(np.ones(x.shape, bool), -1))):
        if not expected[ignored].any() and _is_ignored(problem, i, path, x, ignored):
            problem.symmetrised[i, path] = triangle
            return True
    return False


def _is_ignored(problem: Problem, i: int, path: str, x: np.ndarray, where: np.ndarray) -> bool:
    """Whether the loss stays the same, to the last digit, for other numbers in some entries."""
    rng: Any = np.random.default_rng(0)
    size = max(float(np.max(np.abs(x))), 1.0)
    here = problem.value(problem.args)
    return all(problem.at(i, path, np.where(where, size * rng.normal(size=x.shape), x)) == here
               for _ in range(3))
