"""The training loop: forward, backward, step; and how far it has come."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from autograd_mini import Node, Tensor, Value, errors, no_grad

from .arguments import a_flag, a_whole_number, shown
from .module import Module
from .optimizers import Optimizer

__all__ = ["Epoch", "accuracy", "fit"]


class Epoch(NamedTuple):
    """What one pass over the data came to: its number from 1, and the mean loss of a sample."""

    number: int
    loss: float


def fit(model: Module, loader: Any, loss: Callable[[Any, Any], Any], optimizer: Optimizer,
        epochs: int = 10, *, progress: bool = True,
        after_epoch: Callable[[Epoch], object] | None = None) -> list[Epoch]:
    """Train `model` to lower loss(model(x), y) over the batches (x, y) of `loader`.

    loader: iterable again and again, such as a `DataLoader`. after_epoch: called with each
    `Epoch` as it ends. progress: a bar on standard error where it is a terminal, and one plain
    line an epoch where it isn't (in a notebook on standard output). Returns the epochs. Raises
    `FloatingPointError`, before the step, as soon as a loss is nan or inf, and `ArgumentError` (a
    `ValueError`) for an epoch without batches. Before anything starts: `ArgumentError` for epochs
    < 0 and for an optimizer of other parameters than the model's (some of them are well: the rest
    stays as it is), `ArgumentTypeError` (a `TypeError`) for arguments of another kind.
    """
    epochs, progress = a_whole_number(epochs, "epochs", 0), a_flag(progress, "progress")
    _check_fit(model, loader, loss, optimizer, after_epoch)
    history: list[Epoch] = []
    one_by_one = takes_samples(model)
    terminal = progress and sys.stderr.isatty()
    lines = sys.stdout if "ipykernel" in sys.modules else sys.stderr  # a notebook has that in red
    single = _is_single(model)
    for number in range(1, epochs + 1):
        model.train()  # again: after_epoch may have looked at the model as it answers
        batches: Iterable[Any] = tqdm(
            loader, desc=f"epoch {number}/{epochs}", disable=not terminal, leave=number == epochs
        )
        total, samples = 0.0, 0
        for batch in batches:
            x, y = _pair(batch, single)
            total += len(y) * _step(model, x, y, loss, optimizer, one_by_one)
            samples += len(y)
            if terminal:
                batches.set_postfix(loss=f"{total / samples:.4f}")  # type: ignore[attr-defined]
        _refuse_none(samples, number)
        history.append(Epoch(number, total / samples))
        if progress and not terminal:
            print(f"epoch {number}/{epochs}  loss {history[-1].loss:.4f}", file=lines)
        if after_epoch is not None:
            after_epoch(history[-1])
    return history


def _refuse_none(samples: int, number: int) -> None:
    """Raise `ArgumentError` if the epoch of this number had no samples."""
    if not samples:
        raise errors.ArgumentError(
            f"epoch {number} had no batches: the loader is empty, or an iterator that is used "
            "up after one pass (give a list or a DataLoader)"
        )


def _check_fit(model: Any, loader: Any, loss: Any, optimizer: Any, after_epoch: Any) -> None:
    """Raise for arguments of `fit` that can't work, or would train nothing."""
    wrong = (
        "model is a Module" if not isinstance(model, Module)
        else "loader gives batches (x, y) again and again, as nn.DataLoader(X, y) does"
        if not isinstance(loader, Iterable)
        else "loss is a function of (prediction, y)" if not callable(loss)
        else "optimizer is an Optimizer, nn.Adam(model.parameters())"
        if not isinstance(optimizer, Optimizer)
        else "after_epoch is a function of an Epoch"
        if after_epoch is not None and not callable(after_epoch) else ""
    )
    if wrong:
        raise errors.ArgumentTypeError(
            f"{wrong}: fit takes (model, loader, loss, optimizer), got {shown(model)}, "
            f"{type(loader).__name__}, {shown(loss)}, {type(optimizer).__name__}")
    own, stepped = set(model.parameters()), set(optimizer.parameters)
    if own - stepped and stepped - own:
        raise errors.ArgumentError(
            f"the optimizer steps {len(stepped - own)} parameters that aren't the model's, and "
            f"not {len(own - stepped)} that are: make it, after the model, of model.parameters() "
            "(what else it shall learn can be an attribute of the model)")
    if not own:
        raise errors.ArgumentError("the model has no parameters: there is nothing to train")


def _pair(batch: Any, single: bool) -> tuple[Any, Any]:
    """x and y of a batch, as float32 for a `single` model. An array isn't one, for its first two
    rows would be taken for them.
    """
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        what = f"{len(batch)} arrays" if isinstance(batch, tuple | list) else shown(batch)
        raise errors.ArgumentTypeError(
            f"a batch of the loader is (x, y), not {what}: of two arrays, give "
            "nn.DataLoader(X, y)")
    x, y = batch
    if not hasattr(y, "__len__"):
        raise errors.ArgumentTypeError(f"y of a batch holds one target a sample; got {shown(y)}")
    return (_as_single(x), _as_single(y)) if single else (x, y)


def _step(model: Module, x: Any, y: Any, loss: Callable[[Any, Any], Any],
          optimizer: Optimizer, one_by_one: bool) -> float:
    """One batch: forward, backward, step. Returns the loss before the step."""
    optimizer.zero_grad()
    value = loss(predict(model, x, one_by_one), y)
    if not isinstance(value, Value | Tensor) or value.size != 1:
        what = f"shape {value.shape}" if isinstance(value, Value | Tensor) else shown(value)
        raise errors.GraphError(
            f"the loss of a batch is one Value or Tensor of shape (), computed from the model's "
            f"parameters; got {what}: return it as it comes from nn.mse_loss or np.mean"
        )
    number = float(np.asarray(value.value).item())
    if not math.isfinite(number):
        raise FloatingPointError(
            f"the loss is {number}: lower the learning rate (it is {optimizer.lr}), and "
            "look for a log or a division at 0"
        )
    value.backward()
    optimizer.step()
    return number


def _is_single(model: Module) -> bool:
    """Whether all parameters are float32: then batches of float64 are, too, or all would be."""
    return all(isinstance(p, Tensor) and p.dtype == np.float32 for p in model.parameters())


def _as_single(x: Any) -> Any:
    """An array of float64 as float32."""
    return x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype == np.float64 else x


def takes_samples(model: Module) -> bool:
    """Whether it is a network of `Value`s, which takes one sample, or one of arrays."""
    return all(isinstance(p, Value) for p in model.parameters())


def predict(model: Module, x: Any, one_by_one: bool) -> Any:
    """model(x) for a batch; a network of `Value`s gets its samples in turn."""
    if one_by_one:
        return [model(sample.tolist()) for sample in np.asarray(x)]
    return model(x)


def accuracy(model: Module, x: Any, labels: Any, *, threshold: float | None = None) -> float:
    """The fraction of rows of x for which the model's answer is the one in `labels`.

    labels: a whole number for each row, of shape (n,): the index of the largest output. A model of
    one output says yes or no, by whether that is above `threshold` (0 for logits, 0.5 for
    probabilities); labels are then 0 and 1, of shape (n,) or (n, 1). Raises `ArgumentError` for a
    threshold that is missing or has no meaning and for labels of another kind, `ShapeError` for
    another number of them.
    """
    scores = _scores(model, x)
    given = np.asarray(labels)
    if scores.shape[1] == 1 and given.shape == (len(scores), 1):
        given = given[:, 0]
    if given.shape != (len(scores),):
        raise errors.ShapeError(f"accuracy: there are {len(scores)} rows and labels of shape "
                                f"{given.shape}; a label is the index of a class, one a row (of "
                                "one-hot rows, np.argmax(labels, axis=1))")
    if threshold is not None and not np.isin(given, (0, 1)).all():
        raise errors.ArgumentError("accuracy: with a threshold the labels are 0 and 1 (from −1 and "
                                   "1: (labels + 1) // 2)")
    if given.dtype.kind not in "iub" and not np.all(given == np.floor(given)):
        raise errors.ArgumentError("accuracy: labels are whole numbers, the indices of classes")
    return float(np.mean(_answers(scores, threshold) == given))


def answers(model: Module, x: Any) -> np.ndarray:
    """For each row of x the index of the largest output."""
    return _answers(_scores(model, x), None)


def _answers(scores: np.ndarray, threshold: float | None) -> np.ndarray:
    """The class of each row: by the largest output, or by whether the only one is above."""
    if np.isnan(scores).any():
        raise errors.ArgumentError("accuracy: the model's outputs hold nan, and say nothing")
    if threshold is not None and (isinstance(threshold, bool) or np.ndim(threshold)
                                  or not np.isfinite(threshold)):
        raise errors.ArgumentError(f"accuracy: threshold is one number, not {shown(threshold)}")
    if scores.shape[1] > 1 and threshold is None:
        return np.asarray(np.argmax(scores, axis=1))
    if scores.shape[1] > 1:
        raise errors.ArgumentError(f"accuracy: the model has {scores.shape[1]} outputs, of which "
                                   "the largest is the answer: threshold is for one output")
    if threshold is None:
        raise errors.ArgumentError("accuracy: the model has one output, and is asked whether it is "
                                   "above something: give threshold=0.0 for logits (as of "
                                   "binary_cross_entropy_with_logits), 0.5 for probabilities")
    return np.asarray(scores[:, 0] > threshold).astype(int)


def _scores(model: Module, x: Any) -> np.ndarray:
    """The model's outputs as plain numbers, a row a sample, as it gives them when not training."""
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with no_grad():
            x = _as_single(x) if _is_single(model) else x
            scores = predict(model, x, takes_samples(model))
    finally:
        for module, was in training.items():
            module.training = was
    rows = [_plain(row) for row in scores] if isinstance(scores, list) else _plain(scores)
    plain = np.asarray(rows)
    return plain.reshape(-1, 1) if plain.ndim == 1 else plain.reshape(-1, plain.shape[-1])


def _plain(x: Any) -> Any:
    """Nodes as numbers."""
    return x.value if isinstance(x, Node) else [_plain(v) for v in x] if isinstance(x, list) else x
