"""How wrong a prediction is, as one number: the mean over all that is compared.

Every loss insists that prediction and target have the same shape, and raises `ShapeError` where
they don't or are empty. What isn't real numbers is refused with `DTypeError`. reduction: "mean",
"sum", or "none" for the numbers themselves; `ArgumentError` for another word.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_mini import (
    Node,
    abs,
    compiler,
    errors,
    log,
    log_softmax,
    maximum,
    mean,
    minimum,
    relu,
    softplus,
    square,
    sum,
    where,
)

from .arguments import a_number, a_whole_number, above_0, an_array, as_array, shown
from .module import Module
from .targets import has_nodes, is_softmax, logits_and_target, pair_of, unshaped

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy",
           "hinge_loss", "huber_loss", "l1_loss", "l1_penalty", "mse_loss", "multi_margin_loss"]


def _reduced(losses: Any, reduction: str) -> Any:
    """The mean, the sum, or the losses themselves."""
    if reduction not in ("mean", "sum", "none"):
        raise errors.ArgumentError(f"reduction is mean, sum or none, not {shown(reduction)}")
    return losses if reduction == "none" else (mean if reduction == "mean" else sum)(losses)


def mse_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """mean((prediction − target)²), of two arrays of one shape.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    np.float64(2.0)
    """
    prediction, target = pair_of(prediction, target, "mse_loss")
    return _reduced(square(prediction - target), reduction)


def l1_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """mean(|prediction − target|): an outlier counts no more than it is away.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.l1_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    np.float64(1.0)
    """
    prediction, target = pair_of(prediction, target, "l1_loss")
    return _reduced(abs(prediction - target), reduction)


def huber_loss(prediction: Any, target: Any, *, reduction: str = "mean", delta: float = 1.0) -> Any:
    """mean of ½d² where d = |prediction − target| is at most delta, else delta·(d − ½delta).

    A square near 0, and straight beyond (Huber 1964). delta: above 0.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.huber_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    np.float64(0.75)
    """
    prediction, target = pair_of(prediction, target, "huber_loss")
    delta = above_0(delta, "delta")
    d = abs(prediction - target)
    near = minimum(d, delta)
    return _reduced(near * (d - 0.5 * near), reduction)


def hinge_loss(score: Any, target: Any, *, reduction: str = "mean") -> Any:
    """mean(max(0, 1 − target·score)): the max-margin loss, for targets −1 and 1.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.hinge_loss(np.array([0.5, -2.0]), np.array([1, -1]))
    np.float64(0.25)
    """
    score, target = pair_of(score, target, "hinge_loss")
    if not np.isin(target, (-1, 1)).all():
        raise errors.ArgumentError("hinge_loss: targets are −1 and 1; from 0 and 1: 2 * y - 1")
    return _reduced(relu(1 - target * score), reduction)


def multi_margin_loss(scores: Any, target: Any, *, p: int = 1, margin: float = 1.0,
                      reduction: str = "mean") -> Any:
    """The hinge for several classes: mean over the samples of Σ max(0, margin − s_y + s_j)ᵖ / C.

    Σ is over the classes j other than the sample's own, y; C is how many there are. scores: (n, C),
    or (C,) for one sample. target: whole numbers, (n,). p: 1 or 2.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.multi_margin_loss(np.array([[2.0, 1.5, 0.0]]), np.array([0]))
    np.float64(0.16666666666666666)
    """
    scores, target, of_classes = logits_and_target(scores, target, "multi_margin_loss")
    if not of_classes:
        raise errors.ShapeError("multi_margin_loss: the target is the class of each sample, of "
                                f"shape {np.shape(scores)[:-1]}, not distributions")
    if a_whole_number(p, "p", 1) > 2:
        raise errors.ArgumentError(f"p is 1 or 2, not {p}")
    classes = np.shape(scores)[-1]
    own = scores[(*np.indices(target.shape), target)]
    gaps = relu(a_number(margin, "margin", lambda x: True, "") - own[..., None] + scores)
    others = np.arange(classes) != target[..., None]
    return _reduced(sum(where(others, gaps if p == 1 else square(gaps), 0.0), axis=-1) / classes,
                    reduction)


def binary_cross_entropy(probability: Any, target: Any, *, reduction: str = "mean") -> Any:
    """mean(−t·log p − (1 − t)·log(1 − p)), for probabilities p and targets t in [0, 1].

    Each logarithm counts as at least −100, as in PyTorch, so that one that was wholly wrong, and
    sure of it, isn't infinite; there the gradient is 0. Of logits
    `binary_cross_entropy_with_logits` keeps more digits. Raises `ArgumentError` for numbers outside
    [0, 1].

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.binary_cross_entropy(np.array([0.5, 0.5]), np.array([0, 1]))
    np.float64(0.6931471805599453)
    """
    p, target = pair_of(probability, target, "binary_cross_entropy")
    numbers = compiler.plain_numbers(p)
    if not has_nodes(numbers) and not np.all((numbers >= 0) & (numbers <= 1)):
        raise errors.ArgumentError("binary_cross_entropy takes probabilities, from 0 to 1, as a "
                                   "sigmoid gives; of logits, binary_cross_entropy_with_logits")
    _check_targets(target, "binary_cross_entropy")
    with np.errstate(divide="ignore"):  # log 0, which is cut off
        toward = maximum(log(where(_is(target, 0), 1.0, p)), -100.0)
        away = maximum(log(where(_is(target, 1), 1.0, 1 - p)), -100.0)
    return _reduced(-(target * toward + (1 - target) * away), reduction)


def binary_cross_entropy_with_logits(logit: Any, target: Any, *, reduction: str = "mean") -> Any:
    """mean(−t·log σ(z) − (1 − t)·log(1 − σ(z))), for logits z and targets t in [0, 1].

    Computed as t·softplus(−z) + (1 − t)·softplus(z), which is finite for every finite z and, unlike
    softplus(z) − t·z, keeps its digits where the prediction is right. Where t is 0 or 1, the term
    that it cancels isn't computed, for at an infinite z that is 0·inf. Raises `ArgumentError` for
    targets outside [0, 1], with which the loss has no minimum.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.binary_cross_entropy_with_logits(np.zeros(2), np.array([0, 1]))
    np.float64(0.6931471805599453)
    """
    logit, target = pair_of(logit, target, "binary_cross_entropy_with_logits")
    if isinstance(source := unshaped(logit), Node) and source.op is not None and (
            source.op.name == "sigmoid"):
        warnings.warn("binary_cross_entropy_with_logits takes logits, and is given what a sigmoid "
                      "made: it takes the sigmoid itself, so leave that out (or take "
                      "binary_cross_entropy)", stacklevel=2)
    if has_nodes(target):
        return _reduced(target * softplus(-logit) + (1 - target) * softplus(logit), reduction)
    _check_targets(target, "binary_cross_entropy_with_logits")
    toward = softplus(where(target == 0, 0.0, -logit))
    away = softplus(where(target == 1, 0.0, logit))
    return _reduced(target * toward + (1 - target) * away, reduction)


def _check_targets(target: Any, loss: str) -> None:
    """Raise `ArgumentError` for plain targets outside [0, 1]."""
    if not has_nodes(target) and not np.all(
            (as_array(target) >= 0) & (as_array(target) <= 1)):
        raise errors.ArgumentError(f"{loss}: targets lie from 0 to 1; from −1 and 1: (y + 1) / 2")


def _is(target: Any, number: float) -> Any:
    """Where plain targets are this number; of nodes nowhere."""
    return False if has_nodes(target) else target == number


def cross_entropy(logits: Any, target: Any, weight: Any = None, *, ignore_index: int = -100,
                  reduction: str = "mean") -> Any:
    """mean(−log softmax(logits)[target]) over the samples.

    logits: (n, classes), (n, T, classes) for sequences, or (classes,) for one sample, or a list of
    Values: the classes come last (in PyTorch they come second). target: the class of each sample,
    integers of shape (n,) or (n, T); or one distribution a sample, of logits' shape. weight: one
    number ≥ 0 a class, by which its samples count; the mean is then divided by the sum of the
    samples' weights (of distributions by the number of samples), as in PyTorch. ignore_index:
    samples of this class don't count, such as padding. Raises `ArgumentError` if none counts.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.cross_entropy(np.zeros((2, 4)), np.array([0, 3]))
    np.float64(1.3862943611198906)
    """
    ignore_index = a_whole_number(ignore_index, "ignore_index", -np.inf)
    logits, target, of_classes = logits_and_target(
        logits, target, "cross_entropy", ignore_index)
    if is_softmax(logits):
        warnings.warn("cross_entropy takes logits, and is given probabilities, as softmax makes "
                      "them: it takes the softmax itself, so leave that out (two of them make the "
                      "gradients small)", stacklevel=2)
    weights = None if weight is None else _class_weights(weight, logits)
    if not of_classes:
        losses = to_distributions(logits, target, weights)
        return _reduced(losses, reduction)
    none_ignored = ignore_index < 0 <= np.minimum.reduce(target, None)
    if weights is None and reduction == "mean" and none_ignored:
        return to_classes(logits, target)
    counts = target != ignore_index
    if weights is None and reduction == "mean" and counts.all():
        return to_classes(logits, target)
    return _counted(logits, target, counts, weights, reduction)


def to_classes(logits: Any, target: Any) -> Any:
    """mean(−log softmax(logits)[target]); `_fused.py` has it as one operation."""
    entries = (*np.indices(target.shape), target)  # of each sample, that of its class
    return mean(-log_softmax(logits)[entries])


def to_distributions(logits: Any, target: Any, weights: Any = None) -> Any:
    """−Σ weight·target·log softmax(logits) of each sample, in which 0·log 0 is 0."""
    logs = log_softmax(logits)
    if not has_nodes(target):
        logs = where(target == 0, 0.0, logs)
    return -sum(target * logs if weights is None else target * logs * weights, axis=-1)


def _counted(logits: Any, target: Any, counts: Any, weights: Any, reduction: str) -> Any:
    """The cross-entropy where samples have weights, or some don't count."""
    rows = logits.reshape(-1, logits.shape[-1])[np.flatnonzero(counts)]  # the others may be nan
    classes = target[counts]
    if not classes.size and reduction == "mean":
        raise errors.ArgumentError("cross_entropy: every target is ignore_index, and the mean of "
                                   "nothing is no number: leave that batch out")
    own = np.ones(classes.size, logits.dtype) if weights is None else compiler.followed_call(
        np.take, weights, classes)
    if reduction == "mean" and not own.sum():
        raise errors.ArgumentError("cross_entropy: the classes of all samples have weight 0")
    losses = -log_softmax(rows)[np.arange(classes.size), classes] * own
    if reduction != "none":
        total = sum(losses)
        return total / own.sum() if reduction == "mean" else _reduced(losses, reduction)
    places = np.where(counts, np.cumsum(counts).reshape(counts.shape) - 1, 0)
    return where(counts, losses[places] if classes.size else sum(losses), 0.0)


def _class_weights(weight: Any, logits: Any) -> np.ndarray:
    """One number a class. Raises `ShapeError` for another number of them, `ArgumentError`."""
    weights = np.asarray(an_array(weight, "weight"), np.result_type(logits.dtype))
    if weights.shape != (logits.shape[-1],):
        raise errors.ShapeError(f"cross_entropy: weight has one number for each of the "
                                f"{logits.shape[-1]} classes, not shape {weights.shape}")
    if not np.all(weights >= 0) or not np.all(np.isfinite(weights)):
        raise errors.ArgumentError("cross_entropy: weights are finite numbers ≥ 0")
    return weights


def l1_penalty(parameters: Any) -> Any:
    """Σ|w| over all numbers of a model, or of a list of parameters: add it, times a small number,
    to a loss, and weights that aren't needed become 0.

    For Σw² there is `weight_decay` in the optimizers, which counts biases, too, as this does.
    Raises `ArgumentError` for no parameters.

    >>> import autograd_mini as ag
    >>> from autograd_mini import nn
    >>> nn.l1_penalty([ag.Tensor([1.0, -2.0]), ag.Tensor([3.0])])
    Tensor(6., op=add)
    """
    nodes = (parameters.parameters() if isinstance(parameters, Module)
             else [parameters] if isinstance(parameters, Node) else list(parameters)
             if isinstance(parameters, Iterable) else [])
    if not nodes:
        raise errors.ArgumentError("l1_penalty takes a model or a list of its parameters, such as "
                                   f"[layer.weight], not {shown(parameters)}")
    total = sum(abs(nodes[0]))
    for node in nodes[1:]:
        total = total + sum(abs(node))
    return total
