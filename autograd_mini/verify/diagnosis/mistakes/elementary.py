"""Activations and elementary functions: what people take for their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from .table import ARGUMENT, LOCAL, RIGHT, TERM, mistake

# ── what is right, to be quoted ──────────────────────────────────────────────────────────────

RIGHT |= {
    "tanh": ("(1 - {y}**2)",), "sigmoid": ("{y} * (1 - {y})",), "relu": ("({x} > 0)",),
    "exp": ("{y}",), "log": ("1 / {x}",), "sqrt": ("1 / (2 * {y})",), "square": ("2 * {x}",),
    "softplus": ("sigmoid({x})",), "sin": ("np.cos({x})",), "cos": ("-np.sin({x})",),
    "abs": ("np.sign({x})",), "log1p": ("1 / (1 + {x})",), "expm1": ("np.exp({x})",),
    "tan": ("(1 + {y}**2)",), "arctan": ("1 / (1 + {x}**2)",), "reciprocal": ("-1 / {x}**2",),
    "multiply": ("{b}", "{a}"), "divide": ("1 / {b}", "-{a} / {b}**2"),
    "power": ("{b} * {a}**({b} - 1)", "{y} * np.log({a})"), "add": ("1", "1"),
    "subtract": ("1", "-1"), "negative": ("-1",), "maximum": ("({a} > {b})", "({b} > {a})"),
    "minimum": ("({a} < {b})", "({b} < {a})"), "leaky_relu": ("np.where({x} > 0, 1, slope)",),
    "silu": ("(sigmoid({x}) + {y} * (1 - sigmoid({x})))",),
    "gelu": ("(Φ({x}) + {x} * φ({x}))",), "log10": ("1 / ({x} * np.log(10))",),
    "arcsin": ("1 / np.sqrt(1 - {x}**2)",), "sinh": ("np.cosh({x})",), "cosh": ("np.sinh({x})",),
    "logsigmoid": ("sigmoid(-{x})",), "log2": ("1 / ({x} * np.log(2))",),
}


# ── what a function's parameter is, by its values ────────────────────────────────────────────


def _below(y: Any, x: Any) -> Any:
    """The slope of a leaky relu below 0."""
    at = np.argmin(x)
    return np.ravel(y)[at] / np.ravel(x)[at]


def _delta(y: Any, x: Any) -> Any:
    """Where a huber loss y of x goes on in a straight line: y = δ(|x| − δ/2) furthest out."""
    size = np.max(np.abs(x))
    return size - np.sqrt(np.maximum(size**2 - 2 * np.max(y), 0.0))


def _near_or_far(y: Any, x: Any, near: Any, far: Any) -> Any:
    delta = _delta(y, x)
    return np.where(np.abs(x) <= delta, near, far(delta, x))


# ── activations ──────────────────────────────────────────────────────────────────────────────

mistake("tanh", ARGUMENT, lambda y, x: 1 - x**2,
        "the derivative of tanh, 1 - {y}**2, was evaluated at {x}, before the tanh, instead of at "
        "{y}, after it")
mistake("tanh", LOCAL, lambda y, x: (1 - y) ** 2,
        "the derivative of tanh was taken as (1 - {y})**2; it is 1 - {y}**2")
mistake("tanh", LOCAL, lambda y, x: y * (1 - y),
        "the sigmoid's derivative, {y} * (1 - {y}), was used for tanh; tanh's is 1 - {y}**2")
mistake("tanh", LOCAL, lambda y, x: 1 - y,
        "the derivative of tanh was taken as 1 - {y}; the square is missing: 1 - {y}**2")
mistake("tanh", LOCAL, lambda y, x: 1 + y**2,
        "the derivative of tanh was taken as 1 + {y}**2 (tan's); it is 1 - {y}**2")
mistake("tanh", LOCAL, lambda y, x: ops.sigmoid(x) * (1 - ops.sigmoid(x)),
        "the sigmoid's derivative was used for tanh; tanh's is 1 - {y}**2")
mistake("sigmoid", ARGUMENT, lambda y, x: x * (1 - x),
        "the derivative of the sigmoid, {y} * (1 - {y}), was evaluated at {x}, before the sigmoid, "
        "instead of at {y}, after it")
mistake("sigmoid", LOCAL, lambda y, x: 1 - y**2,
        "tanh's derivative, 1 - {y}**2, was used for the sigmoid; its own is {y} * (1 - {y})")
mistake("sigmoid", LOCAL, lambda y, x: y,
        "the derivative of the sigmoid was taken as {y}; the factor (1 - {y}) is missing")
mistake("sigmoid", LOCAL, lambda y, x: 1 - y,
        "the derivative of the sigmoid was taken as 1 - {y}; the factor {y} is missing")
mistake("relu", LOCAL, lambda y, x: y,
        "the value of the relu was used for its derivative, which is 1 where {x} > 0, else 0")
mistake("relu", LOCAL, lambda y, x: x, "the gradient was multiplied by {x} instead of by the "
        "relu's derivative, 1 where {x} > 0, else 0")
mistake("relu", LOCAL, lambda y, x: 1.0 * (x <= 0),
        "the relu's mask is the wrong way round: its derivative is 1 where {x} > 0, else 0")
mistake("relu", LOCAL, lambda y, x: np.sign(x),
        "the sign of {x} was used for the relu's derivative, which is 1 where {x} > 0, else 0")
mistake("relu", LOCAL, lambda y, x: np.where(x > 0, 1.0, 0.01),
        "the leaky relu's derivative was used for the relu's, which is 0 where {x} <= 0")


def _by_incoming(g: Any, y: Any, x: Any) -> Any:
    if np.all(np.asarray(g) > 0):
        raise ValueError  # then it lets everything through
    return g * (g > 0)


mistake("relu", ARGUMENT, _by_incoming, "the relu's mask was taken from the "
        "gradient that arrives instead of from {x}: the derivative is 1 where {x} > 0")
mistake("leaky_relu", LOCAL, lambda y, x: 1.0 * (x > 0),
        "the relu's derivative was used for the leaky relu's, which isn't 0 where {x} < 0")
mistake("leaky_relu", LOCAL, lambda y, x: np.where(x < 0, 1.0, _below(y, x)),
        "the leaky relu's mask is the wrong way round: its derivative is 1 where {x} > 0")
mistake("leaky_relu", LOCAL, lambda y, x: np.where(x > 0, 1.0, y),
        "where {x} < 0 the value of the leaky relu was used for its derivative, the slope")
mistake("leaky_relu", "missing-incoming", lambda g, y, x: np.where(x > 0, g, _below(y, x)),
        "where {x} < 0 the derivative was given alone: multiply it by the gradient that arrives, "
        "d{y}, there too")
mistake("elu", LOCAL, lambda y, x: np.where(x > 0, 1.0, y),
        "below 0 the derivative of elu was taken as {y}; it is {y} + α, which is α exp({x})")
mistake("elu", LOCAL, lambda y, x: np.where(x > 0, 1.0, y + 1),
        "below 0 the derivative of elu was taken as {y} + 1; it is {y} + α")
mistake("elu", LOCAL, lambda y, x: np.where(x > 0, 1.0, np.exp(x)),
        "below 0 the factor α of elu's derivative is missing: it is α exp({x})")
mistake("elu", LOCAL, lambda y, x: 1.0 * (x > 0),
        "the relu's derivative was used for elu's, which is α exp({x}) where {x} < 0")
for _far, _said in (
    (lambda d, x: x, "the derivative of the square, {x}, was used beyond δ too: there it is "
     "δ sign({x})"),
    (lambda d, x: np.sign(x), "beyond δ the factor δ is missing: the derivative of the huber loss "
     "is δ sign({x}) there"),
    (lambda d, x: d, "beyond δ the sign is missing: the derivative of the huber loss is "
     "δ sign({x}) there"),
    (lambda d, x: 0 * x, "beyond δ the derivative of the huber loss was taken as 0: it is "
     "δ sign({x}) there"),
):
    mistake("huber", LOCAL, lambda y, x, far=_far: _near_or_far(y, x, x, far), _said)
mistake("huber", LOCAL, lambda y, x: np.sign(x) * _delta(y, x),
        "δ sign({x}) was used within δ too: the derivative of the huber loss is {x} there")
mistake("huber", LOCAL, lambda y, x: _near_or_far(y, x, 2 * x, lambda d, x: d * np.sign(x)),
        "within δ the derivative of the huber loss was taken as 2 * {x}: of the half square it is "
        "{x}")
mistake("huber", LOCAL, lambda y, x: _near_or_far(y, x, np.abs(x), lambda d, x: d + 0 * x),
        "the sign of {x} was lost, in the derivative of |{x}|: the derivative of the huber loss is "
        "{x} within δ, and δ sign({x}) beyond")
mistake("silu", TERM, lambda y, x: ops.sigmoid(x), "of the product rule for silu, "
        "{x} * sigmoid({x}), the term {x} * sigmoid'({x}) is missing")
mistake("silu", TERM, lambda y, x: x * ops.sigmoid(x) * (1 - ops.sigmoid(x)), "of the product "
        "rule for silu, {x} * sigmoid({x}), the term sigmoid({x}) is missing")
mistake("silu", LOCAL, lambda y, x: ops.sigmoid(x) * (1 - ops.sigmoid(x)),
        "the sigmoid's derivative was used for silu's")
for _gelu in ("gelu", "gelu (tanh)"):
    mistake(_gelu, TERM, lambda y, x: ops.ndtr(x),
            "of the product rule for gelu, {x} * Φ({x}), the term {x} * φ({x}) is missing")
    mistake(_gelu, TERM, lambda y, x: y / x,
            "of the product rule for gelu the term with the derivative of the gate is missing")
    mistake(_gelu, LOCAL, lambda y, x: 1.0 * (x > 0), "the relu's derivative was used for gelu's")
    mistake(_gelu, LOCAL, lambda y, x: ops.sigmoid(1.702 * x) * (
        1 + 1.702 * x * (1 - ops.sigmoid(1.702 * x))),
        "the derivative of another approximation of gelu, {x} * sigmoid(1.702 * {x}), was used")
mistake("softplus", LOCAL, lambda y, x: ops.sigmoid(x) * (1 - ops.sigmoid(x)),
        "the derivative of softplus is sigmoid({x}), not the sigmoid's derivative")
mistake("softplus", LOCAL, lambda y, x: 1.0 * (x > 0),
        "the relu's derivative was used for softplus's, which is sigmoid({x})")
mistake("softplus", LOCAL, lambda y, x: ops.sigmoid(-x),
        "the derivative of softplus was taken as sigmoid(-{x}); it is sigmoid({x})")
mistake("softplus", LOCAL, lambda y, x: np.tanh(x),
        "tanh({x}) was used for the derivative of softplus, which is sigmoid({x})")
mistake("logsigmoid", LOCAL, lambda y, x: ops.sigmoid(x),
        "the derivative of log sigmoid was taken as sigmoid({x}); it is 1 - sigmoid({x})")
mistake("abs", LOCAL, lambda y, x: x,
        "the derivative of |{x}| was taken as {x}; it is the sign of {x}")
mistake("exp", LOCAL, lambda y, x: x * np.exp(x - 1),
        "the power rule was used for exp, whose derivative is exp({x}) itself")
mistake("divide", LOCAL, lambda y, a, b: -a / b, "in the quotient rule the denominator isn't "
        "squared: the derivative of {a} / {b} by {b} is -{a} / {b}**2", argument=1)
mistake("divide", LOCAL, lambda y, a, b: -1 / b**2, "in the quotient rule the numerator {a} is "
        "missing: the derivative of {a} / {b} by {b} is -{a} / {b}**2", argument=1)
mistake("divide", LOCAL, lambda y, a, b: b,
        "the gradient was multiplied by {b}, where it has to be divided by it")
mistake("power", LOCAL, lambda y, a, b: b * a**b,
        "in the power rule the exponent wasn't lowered: it is {b} * {a}**({b} - 1)")
mistake("power", "factor", lambda y, a, b: a ** (b - 1),
        "in the power rule the factor {b} is missing: it is {b} * {a}**({b} - 1)")
mistake("maximum", LOCAL, lambda y, a, b: 1.0 * (a < b), "the mask is the wrong way round: {a} "
        "gets the gradient where it is the larger")
mistake("maximum", LOCAL, lambda y, a, b: y,
        "the value of the maximum was used for its derivative, which is 1 where {a} > {b}")
for _argument in (1, 2):
    mistake("where", LOCAL,
            lambda y, c, a, b, k=_argument: 1.0 * (np.asarray(c, bool) == (k == 2)),
            "the branches of {f} are the wrong way round in its derivative", argument=_argument)
mistake("clip", "partial", lambda y, x, low, high: 1.0 * (x < high),
        "the derivative of clip is 0 below the lower bound too")
mistake("clip", "partial", lambda y, x, low, high: 1.0 * (x > low),
        "the derivative of clip is 0 above the upper bound too")
