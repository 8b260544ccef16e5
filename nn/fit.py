"""The training loop: forward, backward, step; and how far it has come."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from autograd_mini import Node, Value, no_grad

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
    line an epoch where it isn't. Returns the epochs. Raises `FloatingPointError`, before the
    step, as soon as a loss is nan or inf, and `ValueError` for an epoch without batches.
    """
    history: list[Epoch] = []
    one_by_one = takes_samples(model)
    terminal = progress and sys.stderr.isatty()
    model.train()
    for number in range(1, epochs + 1):
        batches: Iterable[Any] = tqdm(
            loader, desc=f"epoch {number}/{epochs}", disable=not terminal, leave=number == epochs
        )
        total, samples = 0.0, 0
        for x, y in batches:
            total += len(y) * _step(model, x, y, loss, optimizer, one_by_one)
            samples += len(y)
            if terminal:
                batches.set_postfix(loss=f"{total / samples:.4f}")  # type: ignore[attr-defined]
        if not samples:
            raise ValueError(
                f"epoch {number} had no batches: the loader is empty, or an iterator that is used "
                "up after one pass (give a list or a DataLoader)"
            )
        history.append(Epoch(number, total / samples))
        if progress and not terminal:
            print(f"epoch {number}/{epochs}  loss {history[-1].loss:.4f}", file=sys.stderr)
        if after_epoch is not None:
            after_epoch(history[-1])
    return history


def _step(model: Module, x: Any, y: Any, loss: Callable[[Any, Any], Any],
          optimizer: Optimizer, one_by_one: bool) -> float:
    """One batch: forward, backward, step. Returns the loss before the step."""
    optimizer.zero_grad()
    value = loss(predict(model, x, one_by_one), y)
    number = float(value)
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
    training = model.training
    model.eval()
    with no_grad():
        scores = predict(model, x, takes_samples(model))
    plain = [_plain(row) for row in scores] if isinstance(scores, list) else _plain(scores)
    model.train(training)
    return float(np.mean(np.argmax(plain, axis=-1) == np.asarray(labels)))


def _plain(x: Any) -> Any:
    """Nodes as numbers."""
    return x.value if isinstance(x, Node) else [_plain(v) for v in x] if isinstance(x, list) else x
