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
    model.train()
    for number in range(1, epochs + 1):
        batches: Iterable[Any] = tqdm(
            loader, desc=f"epoch {number}/{epochs}", disable=not terminal, leave=number == epochs
        )
        total, samples = 0.0, 0
        for batch in batches:
            x, y = _pair(batch)
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


def _pair(batch: Any) -> tuple[Any, Any]:
    """x and y of a batch. An array isn't one, for its first two rows would be taken for them."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        what = f"{len(batch)} arrays" if isinstance(batch, tuple | list) else shown(batch)
        raise errors.ArgumentTypeError(
            f"a batch of the loader is (x, y), not {what}: of two arrays, give "
            "nn.DataLoader(X, y)")
    x, y = batch
    if not hasattr(y, "__len__"):
        raise errors.ArgumentTypeError(f"y of a batch holds one target a sample; got {shown(y)}")
    return x, y


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


def takes_samples(model: Module) -> bool:
    """Whether it is a network of `Value`s, which takes one sample, or one of arrays."""
    return all(isinstance(p, Value) for p in model.parameters())


def predict(model: Module, x: Any, one_by_one: bool) -> Any:
    """model(x) for a batch; a network of `Value`s gets its samples in turn."""
    if one_by_one:
        return [model(sample.tolist()) for sample in np.asarray(x)]
    return model(x)


def accuracy(model: Module, x: Any, labels: Any) -> float:
    """The fraction of rows of x whose largest output is at the index `labels` says."""
    return float(np.mean(answers(model, x) == np.asarray(labels)))


def answers(model: Module, x: Any) -> np.ndarray:
    """For each row of x the index of the largest output."""
    training = model.training
    model.eval()
    with no_grad():
        scores = predict(model, x, takes_samples(model))
    plain = [_plain(row) for row in scores] if isinstance(scores, list) else _plain(scores)
    model.train(training)
    return np.asarray(np.argmax(plain, axis=-1))


def _plain(x: Any) -> Any:
    """Nodes as numbers."""
    return x.value if isinstance(x, Node) else [_plain(v) for v in x] if isinstance(x, list) else x
