"""Losses that read one triangle of a symmetric matrix, as NumPy's cholesky and eigh do.

Their gradient is 0 in the other triangle, and counts what is off the diagonal twice. On paper the
matrix stays symmetric, and one writes the symmetrised gradient, (G + Gᵀ)/2; or the gradient by the
independent entries, G + Gᵀ off the diagonal. All are right, and each is named.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .problem import Problem

__all__ = ["mirrored", "one_triangle", "symmetrised"]

IN_BOTH = "that by the independent entries, written into both triangles"


def mirrored(x: np.ndarray) -> np.ndarray:
    """A matrix, or a stack of them, symmetrised: half of it and half of its transpose."""
    half: np.ndarray = (x + np.swapaxes(x, -1, -2)) / 2
    return half


def symmetrised(form: str, given: np.ndarray) -> np.ndarray:
    """What a gradient of some form is when it is symmetrised."""
    if form != IN_BOTH:
        return mirrored(given)
    half: np.ndarray = np.where(np.eye(given.shape[-1], dtype=bool), given, given / 2)
    return half


def one_triangle(problem: Problem, i: int, path: str, expected: np.ndarray, given: np.ndarray,
                 bar: np.ndarray) -> str:
    """What a gradient is that is right for a loss which reads one triangle, in another form; or "".

    The matrix must be symmetric, the loss must give the same whatever stands in its other
    triangle, and the gradient must be the engine's, symmetrised; or it must stand in the other
    triangle, or in both. Then `problem` notes which triangle it is.
    """
    x = np.asarray(problem.argument(i, path), float)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2] or not np.array_equal(x, np.swapaxes(x, -1, -2)):
        return ""
    below = np.tril(np.ones(x.shape, bool), -1)
    there = np.swapaxes(expected, -1, -2)
    forms = {"the symmetrised gradient": mirrored(expected), "that of the other triangle": there,
             IN_BOTH: np.where(np.eye(x.shape[-1], dtype=bool), expected, expected + there)}
    room = np.maximum(bar, np.swapaxes(bar, -1, -2))
    form = next((form for form, g in forms.items() if (np.abs(given - g) <= room).all()), "")
    for triangle, ignored in (("lower", np.swapaxes(below, -1, -2)), ("upper", below)):
        if form and not expected[ignored].any() and _is_ignored(problem, i, path, x, ignored):
            problem.symmetrised[i, path] = triangle, form
            return form
    return ""


def _is_ignored(problem: Problem, i: int, path: str, x: np.ndarray, where: np.ndarray) -> bool:
    """Whether the loss stays the same, to the last digit, for other numbers in some entries."""
    rng: Any = np.random.default_rng(0)
    size = max(float(np.max(np.abs(x))), 1.0)
    here = problem.value(problem.args)
    return all(problem.at(i, path, np.where(where, size * rng.normal(size=x.shape), x)) == here
               for _ in range(3))
