"""Cross-entropy as one operation: of log_softmax, an index, a minus and a mean it would be six.

The plain one is in `losses.py`; read that. `install()` puts this one in its place; with
AUTOGRAD_MINI_PLAIN=1 in the environment it isn't called. Both give the same loss bit for bit. Of
their gradients, (softmax − one-hot)/n, the entries differ by a few roundings of 1/n, for the plain
one is put together from the slopes of six operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from autograd_mini import Tensor, compiler, log_softmax, logsumexp, softmax, structural, vjp

from . import losses
from .losses import to_classes

__all__ = ["PAIRS", "install"]


class _Classes(np.ndarray):
    """Classes that remember of some logits what the slope needs again: e^(z − max z) and its sums.
    """

    logits: Any = None
    powers: Any = None
    totals: Any = None
    rows: Any = None


def to_classes_at_once(logits: Any, target: Any) -> Any:
    """`losses.to_classes`: one node, for a Tensor of rows; anything else is handed back."""
    if not isinstance(logits, Tensor) or len(logits.shape) < 2 or compiler.is_printed():
        return to_classes(logits, target)
    rows = logits if len(logits.shape) == 2 else logits.reshape(-1, logits.shape[-1])
    classes = compiler.followed_call(_remembering, target)
    return _cross_entropy(rows, target=compiler.held_by_row(classes))


def _remembering(target: np.ndarray) -> _Classes:
    """A copy of the classes, in a row, that remembers."""
    return np.array(target).reshape(-1).view(_Classes)


def _mean_of_logs(logits: Any, target: Any) -> Any:
    """mean(log Σ eᶻ − z[target]) of the rows z, shifted so that nothing overflows."""
    rows, top = np.arange(len(target)), np.maximum.reduce(logits, 1, keepdims=True)
    if not math.isfinite(np.add.reduce(top, None)):  # then by the limits
        return -np.mean(log_softmax(logits)[rows, target], dtype=logits.dtype)
    shifted = logits - top
    picked = shifted[rows, target]
    totals = np.add.reduce(np.exp(shifted, out=shifted), 1, keepdims=True)
    if isinstance(target, _Classes):
        target.logits, target.powers, target.totals, target.rows = logits, shifted, totals, rows
    return np.add.reduce(np.log(totals[:, 0]) - picked) / len(rows)


def _softmax_less_target(g: Any, y: Any, logits: Any, *, target: Any) -> Any:
    """∂L/∂z = (softmax(z) − one-hot(target))/n."""
    n = len(target)
    if getattr(target, "logits", None) is logits is not None:
        slope: Any = target.powers / target.totals
        slope[target.rows, target] -= 1.0
        slope *= g / n
        return slope
    rows = np.arange(n)
    if isinstance(logits, Tensor):
        classes = np.arange(logits.shape[1])
        followed = compiler.followed(target)
        chosen = (followed if followed is not target else np.asarray(target))[:, None] == classes
        return (softmax(logits) - chosen.astype(logits.dtype)) * (g / n)
    top = np.max(logits, axis=-1, keepdims=True)
    if np.isfinite(top).all():
        slope = np.exp(logits - top)
        slope /= np.add.reduce(slope, axis=-1, keepdims=True)
    else:  # by the limits
        slope = vjp(lambda z: logsumexp(z, axis=-1), logits)[1](np.ones(n, logits.dtype))[0]
    slope[rows, target] -= 1.0
    slope *= g / n
    return slope


_cross_entropy = structural(
    _mean_of_logs, _softmax_less_target, name="nn.cross_entropy", symbol="−log softmax"
)


PAIRS: list[tuple[ModuleType, str, Callable[..., Any], Callable[..., Any]]] = [
    (losses, "to_classes", to_classes, to_classes_at_once),  # where, the name, plain, fast
]


def install() -> None:
    """Put the fast function in the place of the plain one."""
    for owner, name, _, fast in PAIRS:
        setattr(owner, name, fast)
