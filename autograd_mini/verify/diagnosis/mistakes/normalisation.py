"""Means subtracted, deviations and norms divided by: they depend on the input too."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..axes import axis_sets, restore_axes
from .table import LOCAL, TERM, Rule, mistake


def _axes_where(y: Any, x: Any) -> tuple[int, ...]:
    """The axes along which y = s·(x − mean) has one s."""
    for axes in axis_sets(np.ndim(x)):
        c = x - np.mean(x, axes, keepdims=True)
        s = np.sum(y * c, axes, keepdims=True) / np.sum(c * c, axes, keepdims=True)
        if c.any() and np.allclose(y, s * c, rtol=1e-8, atol=1e-12):
            return axes
    raise ValueError


def _normaliser(rule: Rule, center: bool, other: bool = False) -> Rule:
    """A pullback through y = s·(x − mean): rule(g, y, s, mean along the axes, their length).

    other: with the means over the other axes, which is wrong. `mean.c` is x − mean, `mean.x` is x.
    """

    def pullback(g: Any, y: Any, x: Any) -> Any:
        axes = _axes_where(y, x) if center else _axes_of_scale(y, x)
        n = np.prod([np.shape(x)[a] for a in axes])
        c = x - np.mean(x, axes, keepdims=True) if center else x
        s = np.sum(y * c, axes, keepdims=True) / np.sum(c * c, axes, keepdims=True)

        along = tuple(k for k in range(np.ndim(x)) if k not in axes) if other else axes

        def mean(v: Any) -> Any:
            return np.mean(v, along, keepdims=True)

        mean.c, mean.x = c, x  # type: ignore[attr-defined]
        return rule(g, y, s, mean, n)

    return pullback


def _axes_of_scale(y: Any, x: Any) -> tuple[int, ...]:
    for axes in axis_sets(np.ndim(x)):
        s = np.sum(y * x, axes, keepdims=True) / np.sum(x * x, axes, keepdims=True)
        if s.size < np.size(x) and np.allclose(y, s * x, rtol=1e-8, atol=1e-12):
            return axes
    raise ValueError


def without_epsilon(y: Any, x: Any) -> Any:
    """(x − mean)/std as y would be without the ε that it has; ValueError if it has none."""
    c = x - np.mean(x, _axes_where(y, x), keepdims=True)
    return c * _bare(lambda v: np.mean(v, _axes_where(y, x), keepdims=True), c)


def _bare(mean: Any, c: Any = None) -> Any:
    """1/√var, without an ε."""
    return 1 / np.sqrt(mean((mean.c if c is None else c) ** 2))


def _epsilon(s: Any, mean: Any) -> Any:
    """The ε of s = 1/√(var + ε)."""
    return 1 / s**2 - mean(mean.c**2)


def _with_scale(g: Any, mean: Any, s: Any) -> Any:
    """The right derivative, with another s in it throughout."""
    y = mean.c * s
    return (g - mean(g) - y * mean(g * y)) * s


def _some(k: int, n: int) -> int:
    """k, if it isn't n: then there is nothing wrong in it."""
    if k == n:
        raise ValueError
    return k


for _kind, _center_rule, _said in (
    (TERM, lambda g, y, s, mean, n: g * s, "the mean and the variance were treated as constants: "
     "both depend on {x} too, and their two terms are missing"),
    (TERM, lambda g, y, s, mean, n: (g - mean(g)) * s, "the variance was treated as a constant: "
     "it depends on {x} too, and the term - {y} * mean(d{y} * {y}) is missing"),
    (TERM, lambda g, y, s, mean, n: (g - y * mean(g * y)) * s, "the mean was treated as a "
     "constant: it depends on {x} too, and the term - mean(d{y}) is missing"),
    (LOCAL, lambda g, y, s, mean, n: g - mean(g) - y * mean(g * y),
     "the division by the standard deviation is missing in the derivative of the normalisation"),
    (LOCAL, lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * y)) * s * s,
     "the derivative was divided by the variance, where it is the standard deviation"),
    (LOCAL, lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * y)) / s,
     "the derivative was multiplied by the standard deviation, where it is divided by it"),
    (LOCAL, lambda g, y, s, mean, n: (g - mean(g) - mean(g * y)) * s,
     "in the variance's term the factor {y} is missing: - {y} * mean(d{y} * {y})"),
    (LOCAL, lambda g, y, s, mean, n: (g - mean(g) - y * mean(g)) * s,
     "in the variance's term the mean must be of d{y} * {y}, not of d{y}"),
    ("factor", lambda g, y, s, mean, n: (g - n * mean(g) - n * y * mean(g * y)) * s,
     "sums were used where means belong: the factor 1/n is missing in both terms"),
    ("sign", lambda g, y, s, mean, n: (g - mean(g) + y * mean(g * y)) * s,
     "the variance's term has the wrong sign: - {y} * mean(d{y} * {y})"),
    ("sign", lambda g, y, s, mean, n: (g + mean(g) - y * mean(g * y)) * s,
     "the mean's term has the wrong sign: - mean(d{y})"),
    ("wrong-operand", lambda g, y, s, mean, n: (g - mean(g) - mean.x * mean(g * y)) * s,
     "in the variance's term {x} stands where {y} belongs: - {y} * mean(d{y} * {y})"),
    ("wrong-operand", lambda g, y, s, mean, n: (g - mean(g) - mean.c * mean(g * y)) * s,
     "in the variance's term {x} - mean stands where {y} belongs: - {y} * mean(d{y} * {y})"),
    ("wrong-operand", lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * mean.x)) * s,
     "in the variance's term {x} stands where {y} belongs: - {y} * mean(d{y} * {y})"),
    ("wrong-operand", lambda g, y, s, mean, n: (
        g - mean(g) - mean.x * mean(g * mean.c) * s * s) * s,
     "in the variance's term {x} stands where {x} - mean belongs"),
    ("wrong-operand", lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * mean.x) * s) * s,
     "in the variance's term {x} stands where {x} - mean belongs"),
    ("factor", lambda g, y, s, mean, n: (g - mean(g) - 0.5 * y * mean(g * y)) * s,
     "the variance's term is half of what it should be: - {y} * mean(d{y} * {y})"),
    ("factor", lambda g, y, s, mean, n: (g - mean(g) - 2 * y * mean(g * y)) * s,
     "the variance's term is twice what it should be: - {y} * mean(d{y} * {y})"),
    (TERM, lambda g, y, s, mean, n: _with_scale(g, mean, _bare(mean)), "the ε under the root is "
     "missing in the derivative of the normalisation"),
    (TERM, lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * y)) * _bare(mean),
     "the ε under the root is missing in the derivative of the normalisation"),
    (LOCAL, lambda g, y, s, mean, n: _with_scale(
        g, mean, 1 / (1 / _bare(mean) + _epsilon(s, mean))),
     "ε was added to the standard deviation, where it stands under the root"),
    ("factor", lambda g, y, s, mean, n: (g - (mean(g) + y * mean(g * y)) * n / (n - 1)) * s,
     "the sums were divided by n - 1, where it is n"),
    ("factor", lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * y) * n / (n - 1)) * s,
     "the variance's term was divided by n - 1, where it is n"),
    ("factor", lambda g, y, s, mean, n: (
        g - (mean(g) + y * mean(g * y)) * n / _some(len(y), n)) * s,
     "the sums were divided by the number of samples alone, where n is how many numbers are "
     "normalised together"),
):
    mistake("standardized", _kind, _normaliser(_center_rule, True), _said)
mistake("standardized", "wrong-axis", _normaliser(
    lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * y)) * s, True, other=True),
    "the means in the derivative of the normalisation run along the wrong axis")
for _kind, _center_rule, _said in (
    (TERM, lambda g, y, s, mean, n: g * s, "the norm was treated as a constant: it depends on "
     "{x} too, and its term is missing"),
    (LOCAL, lambda g, y, s, mean, n: g - y * mean(g * y) / mean(y * y),
     "the division by the norm is missing in the derivative of the normalisation"),
    (LOCAL, lambda g, y, s, mean, n: (g - y * mean(g * y) / mean(y * y)) * s * s,
     "the derivative was divided by the squared norm, where it is the norm"),
    ("sign", lambda g, y, s, mean, n: (g + y * mean(g * y) / mean(y * y)) * s,
     "the norm's term has the wrong sign"),
    ("factor", lambda g, y, s, mean, n: (g - n * y * mean(g * y) / mean(y * y)) * s,
     "in the norm's term a sum was used where the mean belongs"),
    ("factor", lambda g, y, s, mean, n: (g - y * mean(g * y) / mean(y * y) / n) * s,
     "in the norm's term a mean was used where the sum belongs"),
):
    mistake("normalized", _kind, _normaliser(_center_rule, False), _said)
mistake("centered", TERM, lambda g, y, x: 1.0 * g,
        "the mean was treated as a constant: it depends on {x} too, and the term - mean(d{y}) is "
        "missing")
mistake("norm", LOCAL, lambda g, y, x: restore_axes(g, x) * 2 * x,
        "the derivative of the squared norm was used for that of the norm, which is {x} / {y}")
mistake("norm", LOCAL, lambda g, y, x: restore_axes(g, x) * x,
        "the division by the norm is missing: its derivative is {x} / {y}")
mistake("squared norm", LOCAL, lambda g, y, x: restore_axes(g, x) * x / restore_axes(np.sqrt(y), x),
        "the derivative of the norm was used for that of its square, which is 2 * {x}")
mistake("var", LOCAL, lambda g, y, x: restore_axes(g, x) * 2 * x / (np.size(x) / np.size(y)),
        "the mean wasn't subtracted: the derivative of the variance is 2 * ({x} - mean) / n")
