"""A batch cut into rows: the loss and the gradients of each part, and whether these add up."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Value, errors

from .arguments import shown
from .evaluation import joined, loss_number, numbers_of, run_model, takes_samples
from .module import Module
from .optimizer import Optimizer
from .randomness import own_state
from .state import generators, kept

__all__ = ["OfRows", "Work", "amounts_of", "backpropagation", "computed_whole", "digest",
           "digest_of_form", "digest_of_rows", "forget_gradients", "gap_of", "give",
           "message_length", "part_of_batch", "predictions_of", "refusal", "row_count", "shares"]

FITS, FITS_SINGLE = 1e-9, 1e-4  # of the largest gradient, what a sum of parts may differ by


class Work(NamedTuple):
    """A batch, or a part of one, and what is to be done with it."""

    model: Module
    loss: Callable[[Any, Any], Any]
    x: np.ndarray | list[Any]
    y: np.ndarray | list[Any]


OfRows = Callable[[Any, Any], tuple[float, Any]]  # (x, y) to the loss and the prediction


_in_turn = threading.Lock()  # for threads, which have one model and not a copy each


def part_of_batch(task: tuple[int, Work, bool]) -> tuple[int, np.ndarray, Any]:
    """What a worker does: the loss and the gradients of its rows, and its prediction.

    task: (number, work, whether the prediction is wanted), of which `Spread` makes one for each
    part of a batch. Returns (number, the gradients and the loss end to end, prediction or None).

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
        loss, prediction = backpropagation(work)(work.x, work.y)
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
    """Rows cut into runs whose lengths differ by at most one."""
    return [slice(rows * i // parts, rows * (i + 1) // parts) for i in range(parts)]


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
    first = [part[0] if isinstance(part, tuple) else part for part in found]
    return joined(found, [len(part) for part in first], "a metric")


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


# ── what is compared ─────────────────────────────────────────────────────────────────────────────

def computed_whole(work: Work) -> tuple[np.ndarray, list[str]]:
    """The whole batch's amounts, and what of the model computing them changes; it isn't changed."""
    with kept(work.model):
        before = _changing(work.model)
        number, _ = backpropagation(work)(work.x, work.y)
        after = _changing(work.model)
        return amounts_of(work.model, number), [n for n in before if before[n] != after[n]]


def _changing(model: Module) -> dict[str, Any]:
    """The state of whatever isn't a parameter, by name."""
    buffers = {name: array.tobytes() for name, array in model.named_buffers()}
    drawn = {name: repr(rng.bit_generator.state) for name, rng in generators(model).items()}
    return buffers | drawn | {"nn's own generator": repr(own_state())}


def gap_of(model: Module, total: np.ndarray, whole: np.ndarray) -> tuple[float, str]:
    """How far the sum of parts is from the whole, of its largest gradient, and the parameter where;
    0 if that is rounding, or if the loss isn't finite, which is another error.
    """
    single = any(not isinstance(p, Value) and p.dtype == np.float32 for p in model.parameters())
    if not np.isfinite(total[-1]) and not np.isfinite(whole[-1]):
        return 0.0, ""
    with np.errstate(invalid="ignore"):
        off = np.where((total == whole) | (np.isnan(total) & np.isnan(whole)), 0.0,
                       np.abs(total - whole))
    size = np.max(np.abs(whole[:-1]), where=np.isfinite(whole[:-1]), initial=0.0) or 1.0
    off[-1] *= size / (abs(whole[-1]) or 1.0)
    gap = float(np.max(off)) / size
    if gap <= (FITS_SINGLE if single else FITS):
        return 0.0, ""
    ends = np.cumsum([p.size for p in model.parameters()])
    names = [name for name, _ in model.named_parameters()]
    return gap if gap == gap else np.inf, [*names, "the loss"][
        int(np.searchsorted(ends, np.argmax(off), side="right"))]


def refusal(gap: float, name: str, changed: list[str], cure: str) -> errors.GraphError:
    """Why a batch can't be computed in parts."""
    seen = (f"computing it changes {', '.join(changed)}: batch norm and dropout work on the rows "
            "of a batch together" if changed else "is the loss the mean over the samples? A sum, "
            "and a mean that is weighted by classes or leaves labels out, is not")
    return errors.GraphError(f"the parts' gradients don't add up to the batch's (off by {gap:.2g} "
                             f"of it{f', at {name}' if name else ''}): {seen}; {cure}")


def digest(*arrays: Any) -> int:
    """A number that differs if the arrays do."""
    number = 0
    for array in arrays:
        number = zlib.crc32(np.ascontiguousarray(array).tobytes(), number)
    return number


def digest_of_rows(work: Work) -> int:
    """Of the first row and the last, which another order would change."""
    ends = [np.asarray(part[i : i + 1] if i >= 0 else part[-1:])
            for part in (work.x, work.y) for i in (0, -1)]
    return digest(*[end for end in ends if not end.dtype.hasobject])


def digest_of_form(model: Module, optimizer: Optimizer | None) -> int:
    """Of names, shapes and dtypes, and of what the optimizer steps."""
    number = {p: i for i, p in enumerate(model.parameters())}
    form = [(name, np.shape(x), np.asarray(x).dtype.str) for name, x in model.state_dict().items()]
    stepped = optimizer and [type(optimizer).__name__, *[number[p] for p in optimizer.parameters]]
    return zlib.crc32(repr((form, stepped)).encode())
