"""How wrong a prediction is, as one number: the mean over all that is compared.

Every loss insists that prediction and target have the same shape, and raises `ShapeError` where
they don't or are empty. NumPy would broadcast (n, 1) against (n,) to (n, n) without a word, and
average the wrong n² pairs. What isn't real numbers is refused with `DTypeError`.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autograd_mini import (
    Node,
    Tensor,
    Value,
    errors,
    log_softmax,
    mean,
    relu,
    softplus,
    square,
    stack,
    sum,
    where,
)

from .arguments import an_array, shown

__all__ = ["binary_cross_entropy_with_logits", "cross_entropy", "hinge_loss", "mse_loss"]


def mse_loss(prediction: Any, target: Any) -> Any:
    """mean((prediction − target)²), of two arrays of one shape."""
    prediction, target = _pair(prediction, target, "mse_loss")
    return mean(square(prediction - target))


def hinge_loss(score: Any, target: Any) -> Any:
    """mean(max(0, 1 − target·score)): the max-margin loss, for targets −1 and 1."""
    score, target = _pair(score, target, "hinge_loss")
    if not np.isin(target, (-1, 1)).all():
        raise errors.ArgumentError("hinge_loss: targets are −1 and 1; from 0 and 1: 2 * y - 1")
    return mean(relu(1 - target * score))


def binary_cross_entropy_with_logits(logit: Any, target: Any) -> Any:
    """mean(−t·log σ(z) − (1 − t)·log(1 − σ(z))), for logits z and targets t in [0, 1].

    Computed as t·softplus(−z) + (1 − t)·softplus(z), which is finite for every finite z and, unlike
    softplus(z) − t·z, keeps its digits where the prediction is right. Where t is 0 or 1, the term
    that it cancels isn't computed, for at an infinite z that is 0·inf. Raises `ArgumentError` for
    targets outside [0, 1], with which the loss has no minimum.
    """
    logit, target = _pair(logit, target, "binary_cross_entropy_with_logits")
    if isinstance(source := _unshaped(logit), Node) and source.op is not None and (
            source.op.name == "sigmoid"):
        warnings.warn("binary_cross_entropy_with_logits takes logits, and is given what a sigmoid "
                      "made: it takes the sigmoid itself, so leave that out", stacklevel=2)
    if _has_nodes(target):
        return mean(target * softplus(-logit) + (1 - target) * softplus(logit))
    if not np.all((np.asarray(target) >= 0) & (np.asarray(target) <= 1)):
        raise errors.ArgumentError("binary_cross_entropy_with_logits: targets lie from 0 to 1; "
                                   "from −1 and 1: (y + 1) / 2")
    toward = softplus(where(target == 0, 0.0, -logit))
    away = softplus(where(target == 1, 0.0, logit))
    return mean(target * toward + (1 - target) * away)


def cross_entropy(logits: Any, target: Any) -> Any:
    """mean(−log softmax(logits)[target]) over the samples.

    logits: (n, classes), or (classes,) for one sample, or a list of Values. target: the class
    of each sample, integers of shape (n,); or one distribution a sample, of logits' shape.
    """
    logits, target, of_classes = _logits_and_target(logits, target)
    if _is_softmax(logits):
        warnings.warn("cross_entropy takes logits, and is given probabilities, as softmax makes "
                      "them: it takes the softmax itself, so leave that out (two of them make the "
                      "gradients small)", stacklevel=2)
    return to_classes(logits, target) if of_classes else to_distributions(logits, target)


def to_classes(logits: Any, target: Any) -> Any:
    """mean(−log softmax(logits)[target]); `_fused.py` has it as one operation."""
    entries = (*np.indices(target.shape), target)  # of each sample, that of its class
    return mean(-log_softmax(logits)[entries])


def to_distributions(logits: Any, target: Any) -> Any:
    """mean(−Σ target·log softmax(logits)), in which 0·log 0 is 0."""
    logs = log_softmax(logits)
    if not _has_nodes(target):
        logs = where(target == 0, 0.0, logs)
    return mean(-sum(target * logs, axis=-1))


def _is_softmax(logits: Any) -> bool:
    """Whether a prediction was made by a softmax: rows of numbers that aren't negative, of sum 1.
    """
    source = _unshaped(logits)
    if not isinstance(source, Tensor) or source.op is None or source.op.name not in (
            "exp", "divide") or source.parents[-1] is None:  # divided by a number
        return False
    rows = source.value
    return bool(rows.shape[-1] > 1 and np.all(rows >= 0)
                and np.allclose(np.sum(rows, axis=-1), 1.0, atol=1e-5))


def _unshaped(x: Any) -> Any:
    """A node before entries were taken out of it, or it was reshaped."""
    while isinstance(x, Node) and x.op is not None and x.op.name in (
            "getitem", "reshape", "squeeze", "expand_dims") and x.parents[0] is not None:
        x = x.parents[0]
    return x


# ── what is checked ──────────────────────────────────────────────────────────────────────────────

def _joined(x: Any) -> Any:
    """A list of Values (or of such lists) as one Tensor; anything else as it is."""
    if isinstance(x, list | tuple):
        parts = [_joined(part) for part in x]
        return stack(parts) if any(isinstance(p, Node) for p in parts) else np.asarray(parts)
    return x


def _shape(x: Any) -> tuple[int, ...]:
    """np.shape, which takes its time with nodes."""
    return x.shape if isinstance(x, Value | Tensor | np.ndarray) else np.shape(x)


def _has_nodes(x: Any) -> bool:
    """Whether x is a node, or an array of them, as in a function that is being compiled."""
    if isinstance(x, np.ndarray) and x.dtype == object:
        return x.size > 0 and all([isinstance(entry, Node) for entry in x.flat])
    return isinstance(x, Node)


def _checked(x: Any, what: str) -> Any:
    """x, joined; refused if it isn't real numbers: None would count as nan, a mask be lost."""
    x = _joined(x)
    if _has_nodes(x):
        return x
    dtype = an_array(x, what).dtype
    if dtype.kind not in "fiub":
        raise errors.DTypeError(f"{what} is an array of real numbers, not {shown(x)} ({dtype})")
    return x


def _refuse_empty(shape: tuple[int, ...], loss: str) -> None:
    """Raise `ShapeError` where there is nothing to average: the mean of nothing is nan."""
    if 0 in shape:
        raise errors.ShapeError(f"{loss}: the prediction is empty (shape {shape}), and the mean "
                                "of nothing is no number: leave empty batches out")


def _pair(prediction: Any, target: Any, loss: str) -> tuple[Any, Any]:
    """Both, joined and of one shape."""
    prediction = _checked(prediction, f"{loss}: the prediction")
    target = _checked(target, f"{loss}: the target")
    if _shape(prediction) != _shape(target):
        raise errors.ShapeError(
            f"{loss}: the prediction has shape {np.shape(prediction)}, the target "
            f"{np.shape(target)}; they must be the same (broadcasting would compare every "
            "prediction with every target): reshape one of them"
        )
    _refuse_empty(_shape(prediction), loss)
    return prediction, _in_its_dtype(target, prediction)


def _in_its_dtype(target: Any, prediction: Any) -> Any:
    """A plain target in the prediction's kind and dtype, so that float32 stays float32."""
    if isinstance(target, Node) or not isinstance(prediction, Value | Tensor):
        return target
    if isinstance(prediction, Value):  # with an array it would become a Tensor
        return float(target)
    return np.asarray(target, np.result_type(prediction.dtype))


def _logits_and_target(logits: Any, target: Any) -> tuple[Any, Any, bool]:
    """Both, checked, and whether the target is classes rather than distributions."""
    logits = _checked(logits, "cross_entropy: the prediction")
    target = _checked(target, "cross_entropy: the target")
    shape, given = _shape(logits), _shape(target)
    if not shape:
        raise errors.ShapeError("cross_entropy: the prediction is one number; it takes a logit "
                                "for each class: binary_cross_entropy_with_logits takes one")
    _refuse_empty(shape, "cross_entropy")
    if given == shape:
        target = _in_its_dtype(target, logits)
        if not _has_nodes(target) and not np.all(np.asarray(target) >= 0):
            raise errors.ArgumentError("cross_entropy: a distribution has no negative entries "
                                       "and no nan; classes are integers, one a sample")
        return logits, target, False
    if given == shape[:-1] and np.asarray(target).dtype.kind in "iu":
        return logits, _classes(target, shape[-1]), True
    raise errors.ShapeError(
        f"cross_entropy: for logits of shape {np.shape(logits)} the target is integers of "
        f"shape {np.shape(logits)[:-1]} or distributions of shape {np.shape(logits)}, not "
        f"{np.asarray(target).dtype} of shape {np.shape(target)}"
    )


def _classes(target: Any, number: int) -> np.ndarray:
    """The target as an array, if it is integers from 0 to below `number`."""
    classes = np.asarray(target)
    if classes.size and not (0 <= classes.min() and classes.max() < number):
        raise errors.ArgumentError(
            f"cross_entropy: classes are 0 … {number - 1}, the targets reach from "
            f"{classes.min()} to {classes.max()}"
        )
    return classes
