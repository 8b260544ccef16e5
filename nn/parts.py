"""A batch cut into rows: the loss and the gradients of each part, and whether these add up."""

from __future__ import annotations

import itertools
import os
import threading
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Value, errors

from .arguments import shown
from .evaluation import joined, loss_number, numbers_of, run_model, takes_samples
from .module import Module
from .ranks import packed

__all__ = ["OfRows", "Work", "amounts_of", "backpropagation", "forget_gradients", "give",
           "message_length", "part_of_batch", "predictions_of", "row_count", "shares"]


class Work(NamedTuple):
    """A batch, or a part of one, and what is to be done with it."""

    model: Module
    loss: Callable[[Any, Any], Any]
    x: np.ndarray | list[Any]
    y: np.ndarray | list[Any]


OfRows = Callable[[Any, Any], tuple[float, Any]]  # (x, y) to the loss and the prediction


_in_turn = threading.RLock()  # for threads, which have one model and not a copy each


def _new_lock() -> None:
    """In a process that was forked while another thread held it."""
    global _in_turn
    _in_turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def part_of_batch(task: tuple[int, Work, bool]) -> tuple[int, np.ndarray | bytes, Any]:
    """What a worker does: the loss and the gradients of its rows, and its prediction.

    task: (number, work, whether the prediction is wanted), of which `Spread` makes one for each
    part of a batch. Returns (number, the gradients and the loss end to end, prediction or None); or
    an error in their place, as bytes, for a pool may not know its class.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> seen = []
    >>> def one_by_one(function, tasks):
    ...     for task in tasks:
    ...         seen.append(function(task))
    ...         yield seen[-1]
    ...
    >>> model = nn.Linear(1, 1, rng=0)
    >>> X = np.ones((4, 1))
    >>> loss = nn.parallel.Spread(one_by_one, 2).gradient(model, nn.mse_loss, X, X)
    >>> [(number, amounts.shape) for number, amounts, _ in seen]
    [(0, (5,)), (1, (5,))]
    """
    number, work, predicts = task
    with _in_turn:
        try:
            loss, prediction = backpropagation(work)(work.x, work.y)
        except Exception as error:
            lines = "".join(traceback.format_tb(error.__traceback__)[-3:])
            error.add_note(f"in a worker:\n{lines}")  # a traceback isn't sent
            return number, packed(error), None
        return number, amounts_of(work.model, loss), numbers_of(prediction) if predicts else None


def row_count(work: Work) -> int:
    """How many rows a batch has. Raises `ArgumentTypeError` if it can't be cut into some."""
    for name, part in (("x", work.x), ("y", work.y)):
        if not isinstance(part, np.ndarray | list) or not len(part):
            raise errors.ArgumentTypeError(
                "a batch that is computed in parts is cut by its rows: x and y are arrays, or "
                f"lists, with a row a sample, and {name} is {shown(part)}")
    rows = len(work.y)
    if len(work.x) != rows:
        raise errors.ShapeError(f"a batch has {len(work.x)} rows of x and {rows} of y")
    return rows


def shares(rows: int, parts: int) -> list[slice]:
    """Rows cut into runs whose lengths differ by at most one; of few rows the first parts get one.
    """
    ends = [-(-rows * i // parts) for i in range(parts + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(ends)]


def backpropagation(work: Work) -> OfRows:
    """A function of (x, y) that leaves the gradients of its loss in the model's parameters."""
    def of_rows(x: Any, y: Any) -> tuple[float, Any]:
        forget_gradients(work.model)
        prediction = run_model(work.model, x, takes_samples(work.model))
        value = work.loss(prediction, y)
        number = loss_number(value)
        value.backward()
        return number, prediction

    return of_rows


def forget_gradients(model: Module) -> None:
    """None is computed."""
    for p in model.parameters():
        p.grad = None


def predictions_of(predictions: list[Any]) -> Any:
    """The predictions of all parts that had rows, one below the other."""
    found = [prediction for prediction in predictions if prediction is not None]
    return joined(found, [len(_first_array(part)) for part in found], "a metric")


def _first_array(prediction: Any) -> Any:
    return _first_array(prediction[0]) if isinstance(prediction, tuple) else prediction


# ── gradients, end to end ────────────────────────────────────────────────────────────────────────

def message_length(model: Module) -> int:
    """How many numbers `amounts_of` gives."""
    return sum([int(p.size) + 1 for p in model.parameters()]) + 1


def amounts_of(model: Module, loss: float) -> np.ndarray:
    """All gradients end to end; for each parameter 1 if it was reached, else 0; and the loss."""
    held = [(p.gradient, p.size) for p in model.parameters()]
    return np.concatenate([
        *[np.zeros(size) if g is None else np.ravel(np.asarray(g, float)) for g, size in held],
        [g is not None for g, _ in held], [loss]])


def give(model: Module, amounts: np.ndarray) -> float:
    """Put the gradients into the parameters; returns the loss."""
    parameters, start = model.parameters(), 0
    for p, reached in zip(parameters, amounts[-len(parameters) - 1 : -1], strict=True):
        g = amounts[start : start + p.size].reshape(p.shape)
        start += p.size
        p.grad = None if not reached else float(g) if isinstance(p, Value) else g.astype(p.dtype)
    return float(amounts[-1])
