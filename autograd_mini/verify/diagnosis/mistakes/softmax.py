"""The softmax, log Σ exp and the cross-entropy: each output depends on every input of its row."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from ..axes import reduced_axes, restore_axes
from .table import ARGUMENT, LOCAL, TERM, Rule, mistake

mistake("logsumexp", LOCAL, lambda g, y, x, **_: np.exp(x) * restore_axes(g, x),
        "the derivative of log Σ exp({x}) was taken as exp({x}), without the division by the "
        "sum: it is softmax({x})")
mistake("logsumexp", LOCAL, lambda g, y, x, **_: restore_axes(g, x) * (
    restore_axes(y, x) * 0 + x == np.max(x, reduced_axes(x, y), keepdims=True)),
        "the derivative of the maximum was used for that of log Σ exp({x}), which is softmax({x})")
mistake("logsumexp", "wrong-axis", lambda g, y, x, **_: restore_axes(g, x) * np.exp(
    x - ops.logsumexp(x, axis=tuple(k for k in range(np.ndim(x)) if k not in reduced_axes(x, y)),
                      keepdims=True)),
        "in the derivative of log Σ exp({x}) the softmax was normalised along the wrong axis")
mistake("softmax", LOCAL, lambda g, y, x: g * y * (1 - y), "the softmax was differentiated entry "
        "by entry, p * (1 - p), as a sigmoid: each output depends on every input of its row, "
        "d{x} = {y} * (d{y} - np.sum({y} * d{y}, axis=…, keepdims=True))")
mistake("softmax", TERM, lambda g, y, x: g * y, "the denominator of the softmax was treated as a "
        "constant: the term - {y} * Σ {y} d{y} is missing")
mistake("softmax", LOCAL, lambda g, y, x: y * (g - _along(g, y, np.sum)), "in the derivative of "
        "the softmax the sum must be of {y} * d{y}, not of d{y}")
mistake("softmax", "mean-for-sum", lambda g, y, x: y * (g - _along(g * y, y, np.mean)), "in the "
        "derivative of the softmax {y} * d{y} was averaged along the row, where it is summed")
mistake("softmax", LOCAL, lambda g, y, x: g - y * _along(g, y, np.sum), "the derivative of log "
        "softmax was used for that of softmax")
mistake("softmax", LOCAL, lambda g, y, x: g - _along(g * y, y, np.sum), "in the derivative of the "
        "softmax the factor {y} is missing: d{x} = {y} * (d{y} - Σ {y} d{y})")
mistake("softmax", "wrong-axis", lambda g, y, x: y * (g - np.sum(g * y, 0, keepdims=True)),
        "in the derivative of the softmax the sum runs along the wrong axis")
mistake("softmax", "wrong-axis", lambda g, y, x: y * (g - np.sum(g * y)),
        "in the derivative of the softmax the sum runs over everything, not along each row")
mistake("softmax", "sign", lambda g, y, x: y * (g + _along(g * y, y, np.sum)),
        "in the derivative of the softmax the sum has the wrong sign: {y} * (d{y} - Σ {y} d{y})")
mistake("softmax", ARGUMENT, lambda g, y, x: x * (g - _along(g * x, y, np.sum)),
        "the derivative of the softmax was evaluated at {x}, before the softmax, instead of at {y}")
mistake("softmax", LOCAL, lambda g, y, x: g * y - y**2 * _along(g, y, np.sum),
        "in the derivative of the softmax the sum must be of {y} * d{y}")
mistake("log_softmax", TERM, lambda g, y, x: 1.0 * g, "the normaliser of log softmax was treated "
        "as a constant: the term - softmax({x}) * Σ d{y} is missing")
for _weight in (lambda g, y: 1.0, lambda g, y: _size(g, y)):  # of a sum over the samples, a mean
    mistake("log_softmax", LOCAL, lambda g, y, x, weight=_weight: g + np.exp(y) * weight(g, y),
            "softmax - target was used, which is right only if each row of the targets sums to 1: "
            "here it is softmax * Σ target - target")
mistake("log_softmax", LOCAL, lambda g, y, x: g * (1 - np.exp(y)), "log softmax was "
        "differentiated entry by entry: each output depends on every input of its row")


def _axis_of_rows(y: Any, normal: Any) -> int:
    """The axis along which y is normalised, by what it adds up to."""
    for axis in reversed(range(np.ndim(y))):
        if np.allclose(normal(y, axis), normal(y, axis).ravel()[0], rtol=1e-9):
            return axis
    return -1


def _along(x: Any, y: Any, reduce: Any) -> Any:
    """A reduction of x along the axis on which the softmax y sums to 1."""
    return reduce(x, _axis_of_rows(y, np.sum), keepdims=True)


def _size(g: Any, y: Any) -> Any:
    """What weighs one sample, if the cotangent of log softmax is −weight · target."""
    rows = np.size(g) / np.shape(g)[_axis_of_rows(np.exp(y), np.sum)]
    return 1 / rows


# ── cross-entropy, of a softmax or a sigmoid, as one block ───────────────────────────────────


def _cross(rule: Rule, normal: Rule) -> Rule:
    """A wrong rule for −Σ t·log p(x): rule(p, t, x) stands for p − t."""
    def pullback(g: Any, y: Any, x: Any, *, slope: Any) -> Any:
        p = normal(x, slope)
        sign = 1.0 if np.all(np.asarray(y) >= 0) else -1.0  # minus the log likelihood, or itself
        weights = (1.0, 1 / len(x)) if np.ndim(y) < np.ndim(x) - 1 else (1.0,)  # a mean, perhaps
        for weight in weights:
            t = p - sign * slope / weight
            if t.min() > -1e-9 and t.max() < 1 + 1e-9:
                return weight * sign * restore_axes(g, x) * rule(p, t, x)
        raise ValueError
    return pullback


def _softmax_of(x: Any, slope: Any) -> Any:
    """The softmax for which p − slope, the target, adds up to 1."""
    for axis in reversed(range(np.ndim(x))):
        if np.allclose(np.sum(slope, axis), 0.0, atol=1e-9):
            return np.exp(x - ops.logsumexp(x, axis=axis, keepdims=True))
    raise ValueError


def _sigmoid_of(x: Any, slope: Any) -> Any:
    return ops.sigmoid(x)


def _log_loss(rule: Rule) -> Rule:
    """A wrong rule for −t·log p − (1 − t)·log(1 − p): rule(p, t) stands for its derivative."""
    def pullback(g: Any, y: Any, x: Any, *, slope: Any) -> Any:
        sign = 1.0 if np.all(np.asarray(y) >= 0) else -1.0
        return sign * g * rule(x, x - sign * slope * x * (1 - x))
    return pullback


for _name, _normal, _p in (("cross-entropy", _softmax_of, "softmax"),
                           ("binary cross-entropy", _sigmoid_of, "sigmoid")):
    for _kind, _wrong, _said in (
        (TERM, lambda p, t, x: p, "the target isn't subtracted"),
        (TERM, lambda p, t, x: -t, f"the {_p} is missing, only the target is there"),
        ("sign", lambda p, t, x: p + t, "the target was added, where it is subtracted"),
        (LOCAL, lambda p, t, x: (p - t) * p * (1 - p), f"the derivative of the {_p} was applied "
         "once more: {p} - target has it already"),
        (ARGUMENT, lambda p, t, x: x - t, "{x} stands where the {p} of it belongs"),
        (LOCAL, lambda p, t, x: (p - t) * x, "it was multiplied by {x}"),
        ("missing-incoming", lambda p, t, x: p * (1 - p), "the derivative of the {p} stands "
         "alone, without that of the loss"),
        ("index", lambda p, t, x: p - np.roll(t, 1, -1), "the targets are off by one class"),
        ("index", lambda p, t, x: p - np.roll(t, -1, -1), "the targets are off by one class"),
        ("index", lambda p, t, x: p - np.roll(t, 1, 0), "the targets are off by one sample"),
        ("index", lambda p, t, x: p - np.roll(t, -1, 0), "the targets are off by one sample"),
        ("index", lambda p, t, x: p - t.max(0, keepdims=True), "the 1 was subtracted in whole "
         "columns ([:, y]), not in one entry of each row ([np.arange(n), y])"),
        ("wrong-axis", lambda p, t, x: np.exp(x - ops.logsumexp(x, axis=0, keepdims=True)) - t,
         "the softmax was normalised along the wrong axis"),
        ("wrong-axis", lambda p, t, x: np.exp(x - ops.logsumexp(x)) - t,
         "the softmax was normalised over everything"),
        (LOCAL, lambda p, t, x: np.exp(x) - t, "the exponentials aren't normalised"),
        (LOCAL, lambda p, t, x: ops.sigmoid(x) - t, "the sigmoid was used for the softmax"),
        (LOCAL, lambda p, t, x: t * (p - 1), "only the entry of the target's class is there"),
        (LOCAL, lambda p, t, x: (1 - p) - t, "1 - {p} stands for {p}"),
    ):
        if _p == "softmax" or ("class" not in _said and "softmax" not in _said):
            mistake(_name, _kind, _cross(_wrong, _normal), _said.replace("{p}", _p) + ": the "
                    f"derivative of the cross-entropy is {_p} - target")

for _kind, _slope, _said in (
    (LOCAL, lambda p, t: p - t, "{x} - target is the derivative by the logit: by {x} itself it is "
     "divided by {x} * (1 - {x})"),
    (LOCAL, lambda p, t: (p - t) * p * (1 - p), "it was multiplied by {x} * (1 - {x}), where it is "
     "divided by that"),
    (LOCAL, lambda p, t: (p - t) / p, "in the denominator the factor (1 - {x}) is missing"),
    (LOCAL, lambda p, t: (p - t) / (1 - p), "in the denominator the factor {x} is missing"),
    (TERM, lambda p, t: -t / p, "the term of 1 - target is missing"),
    (TERM, lambda p, t: (1 - t) / (1 - p), "the term of the target is missing"),
    ("sign", lambda p, t: -t / p - (1 - t) / (1 - p), "the sign of the inner derivative of "
     "log(1 - {x}), -1, is missing"),
    (ARGUMENT, lambda p, t: -t / p + (1 - t) / p, "{x} stands where 1 - {x} belongs"),
):
    mistake("log loss", _kind, _log_loss(_slope), _said + ": the derivative of the binary "
            "cross-entropy is -target / {x} + (1 - target) / (1 - {x})")
