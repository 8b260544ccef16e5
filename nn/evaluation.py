"""What a trained network answers, and how good that is: nothing here changes it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from autograd_mini import Node, Tensor, Value, errors, no_grad

from .arguments import a_whole_number, shown
from .module import Module

__all__ = ["accuracy", "answers", "as_it_answers", "as_single", "evaluate", "is_single", "joined",
           "loss_number", "measure", "named_metrics", "not_training", "numbers_of", "pair",
           "predict", "run_model", "takes_samples"]


def evaluate(model: Module, loader: Any, loss: Callable[[Any, Any], Any] | None = None,
             metrics: Any = ()) -> dict[str, float]:
    """The loss and the metrics of a model over the batches (x, y) of `loader`, by name.

    The model answers as it does when it isn't training, and each module keeps its mode. The loss is
    the mean over the batches, weighted by their rows. metrics: functions of (prediction, y), or a
    dict of them by name; each gets the predictions for all rows at once, as plain numbers, so that
    it need not be a mean over the samples (R² isn't). Raises `ArgumentError` for no batches.

    >>> from autograd_mini import nn
    >>> model = nn.Linear(2, 3, rng=0)
    >>> loader = nn.DataLoader(np.eye(2), np.array([0, 1]))
    >>> sorted(nn.evaluate(model, loader, nn.cross_entropy, [nn.accuracy]))
    ['accuracy', 'loss']
    """
    named, single, one_by_one = named_metrics(metrics), is_single(model), takes_samples(model)
    total, rows, seen = 0.0, 0, []
    with as_it_answers(model):
        for batch in loader:
            x, y = pair(batch, single)
            prediction = run_model(model, x, one_by_one)
            if loss is not None:
                total += len(y) * float(numbers_of(loss(prediction, y)))
            rows += len(y)
            seen.append((numbers_of(prediction) if named else None, y))
    if not rows:
        raise errors.ArgumentError("evaluate: the loader had no batches (an iterator is used up "
                                   "after one pass: give a list or a DataLoader)")
    return ({} if loss is None else {"loss": total / rows}) | measure(named, seen)


def predict(model: Module, x: Any, batch_size: int = 256) -> Any:
    """The model's outputs for the rows of x as a plain array, as it gives them when not training.

    Computed batch_size rows at a time; of a model that gives a tuple, a tuple of arrays. Each
    module keeps its mode; float64 rows become float32 for a model of float32. Raises `ShapeError`
    for no rows, and for outputs that aren't one row a sample.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.predict(nn.Linear(2, 1, rng=0), np.ones((5, 2))).shape
    (5, 1)
    """
    size = a_whole_number(batch_size, "batch_size", 1)
    rows, single, one_by_one = np.asarray(x), is_single(model), takes_samples(model)
    if not rows.ndim or not len(rows):
        raise errors.ShapeError(f"predict takes rows, one a sample, not shape {rows.shape}")
    with as_it_answers(model):
        parts = [numbers_of(run_model(model, as_single(part) if single else part, one_by_one))
                 for part in (rows[i : i + size] for i in range(0, len(rows), size))]
    counts = [len(rows[i : i + size]) for i in range(0, len(rows), size)]
    return joined(parts, counts, "predict")


def accuracy(model: Any, x: Any, labels: Any = None, *, threshold: float | None = None) -> float:
    """The fraction of rows of x for which the model's answer is the one in `labels`.

    Or `accuracy(scores, labels)` of outputs that are there already: so it is a metric for `fit` and
    `evaluate`. labels: a whole number for each row, of shape (n,): the index of the largest output.
    A model of one output says yes or no, by whether that is above `threshold` (0 for logits, 0.5
    for probabilities; as a metric, `functools.partial(nn.accuracy, threshold=0.0)`); labels are
    then 0 and 1, of shape (n,) or (n, 1). Raises `ArgumentError` for a threshold that is missing or
    has no meaning and for labels of another kind, `ShapeError` for another number of them.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    if labels is None and isinstance(model, Module):
        raise errors.ArgumentTypeError("accuracy takes (model, x, labels) or (scores, labels)")
    scores, labels = (_rows(numbers_of(model)), x) if labels is None else (
        _scores(model, x), labels)
    given = np.asarray(numbers_of(labels))
    if given.dtype.kind not in "fiub" or not scores.size:
        raise errors.ArgumentError(f"accuracy takes scores of shape {scores.shape} and labels that "
                                   f"are whole numbers, one a row, not {given.dtype}")
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
    """The model's outputs, a row a sample, all computed at once."""
    with as_it_answers(model):
        x = as_single(x) if is_single(model) else x
        return _rows(numbers_of(run_model(model, x, takes_samples(model))))


def _rows(scores: Any) -> np.ndarray:
    """Outputs as rows: of one number a sample, rows of one."""
    plain = np.asarray(scores)
    return plain.reshape(-1, 1) if plain.ndim == 1 else plain.reshape(-1, plain.shape[-1])


# ── running a model ──────────────────────────────────────────────────────────────────────────────

@contextlib.contextmanager
def as_it_answers(model: Module) -> Iterator[None]:
    """A block in which the model isn't training, and nothing is recorded."""
    with not_training(model), no_grad():
        yield


@contextlib.contextmanager
def not_training(model: Module) -> Iterator[None]:
    """A block in which the model isn't training; then each module has its own mode again."""
    modes = {id(module): (module, module.training) for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, was in modes.values():
            module.training = was


def takes_samples(model: Module) -> bool:
    """Whether it is a network of `Value`s, which takes one sample, or one of arrays."""
    kinds = {isinstance(p, Value) for p in model.parameters()}
    return kinds == {True}  # not of one without parameters, all of which are frozen


def run_model(model: Module, x: Any, one_by_one: bool) -> Any:
    """model(x) for a batch; a network of `Value`s gets its samples in turn."""
    if one_by_one:
        return [model(sample.tolist()) for sample in np.asarray(x)]
    return model(x)


def loss_number(value: Any) -> float:
    """The number of a batch's loss. Raises `GraphError` for what isn't one node of one number."""
    if not isinstance(value, Value | Tensor) or value.size != 1:
        what = f"shape {value.shape}" if isinstance(value, Value | Tensor) else shown(value)
        raise errors.GraphError(
            f"the loss of a batch is one Value or Tensor of shape (), computed from the model's "
            f"parameters; got {what}: return it as it comes from nn.mse_loss or np.mean")
    return float(np.asarray(value.value).item())


def is_single(model: Module) -> bool:
    """Whether all parameters are float32: then batches of float64 are, too, or all would be.

    Of a model that has none, for all are frozen, whether its buffers are.
    """
    held = model.parameters() or [array for _, array in model.named_buffers()]
    return bool(held) and all(not isinstance(p, Value) and p.dtype == np.float32 for p in held)


def as_single(x: Any) -> Any:
    """An array of float64 as float32."""
    return x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype == np.float64 else x


def pair(batch: Any, single: bool) -> tuple[Any, Any]:
    """x and y of a batch, as float32 for a `single` model. An array isn't one, for its first two
    rows would be taken for them.
    """
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        what = f"{len(batch)} arrays" if isinstance(batch, tuple | list) else shown(batch)
        cure = ("put two of them together, nn.DataLoader(X, np.stack([y, weights], axis=1)), and "
                "let the loss take them apart" if what == "3 arrays"
                else "of two arrays, give nn.DataLoader(X, y)")
        raise errors.ArgumentTypeError(f"a batch of the loader is (x, y), not {what}: {cure}")
    x, y = batch
    if not hasattr(y, "__len__"):
        raise errors.ArgumentTypeError(f"y of a batch holds one target a sample; got {shown(y)}")
    return (as_single(x), as_single(y)) if single else (x, y)


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────

Metrics = Mapping[str, Callable[[Any, Any], Any]]


def named_metrics(metrics: Any) -> Metrics:
    """Metrics by name. Raises `ArgumentTypeError` for what is none."""
    if isinstance(metrics, Mapping):
        named = dict(metrics)
    elif isinstance(metrics, Iterable) and not isinstance(metrics, str):
        named = {_name_of(metric): metric for metric in metrics}
    else:
        named = {"metrics": None}
    for name, metric in named.items():
        if not callable(metric):
            raise errors.ArgumentTypeError(
                "metrics is a list of functions of (prediction, y), [nn.accuracy], or a dict of "
                f"them by name, not {shown(metrics)}")
        if name in ("loss", "epoch", "seconds") or not isinstance(name, str):
            raise errors.ArgumentError(f"a metric can't be called {name!r}: give another name, "
                                       "metrics={'error': …}")
    if not isinstance(metrics, Mapping) and len(named) < len(list(metrics)):
        raise errors.ArgumentError("two metrics have one name: give a dict, metrics={'first': …}")
    return named


def _name_of(metric: Any) -> str:
    """What a function is called; of a partial, what it calls."""
    while isinstance(metric, functools.partial):
        metric = metric.func
    return str(getattr(metric, "__name__", type(metric).__name__))


def measure(named: Metrics, seen: list[tuple[Any, Any]]) -> dict[str, float]:
    """Each metric of all predictions, and all y, that were seen."""
    if not named:
        return {}
    rows = [len(y) for _, y in seen]
    predictions = joined([prediction for prediction, _ in seen], rows, "a metric")
    targets = joined([np.asarray(y) for _, y in seen], rows, "a metric")
    return {name: _one_number(metric(predictions, targets), name)
            for name, metric in named.items()}


def _one_number(x: Any, name: str) -> float:
    """What a metric gave. Raises `ArgumentTypeError` for anything but one real number."""
    number = np.asarray(numbers_of(x))
    if number.size != 1 or number.dtype.kind not in "fiub":
        raise errors.ArgumentTypeError(f"the metric {name!r} gave {shown(x)}, not one number")
    return float(number.reshape(-1)[0])


def numbers_of(x: Any) -> Any:
    """Nodes as numbers; a list of them as an array of one; a tuple, or a list of Tensors, as one.
    """
    if isinstance(x, Node):
        return x.value
    if isinstance(x, tuple) or (isinstance(x, list) and x and all(
            isinstance(v, Tensor) and v.value.ndim for v in x)):
        return tuple(map(numbers_of, x))
    return np.asarray([numbers_of(v) for v in x]) if isinstance(x, list) else x


def joined(parts: list[Any], rows: list[int], what: str) -> Any:
    """Batches one below the other; of tuples each part. Raises `ShapeError` where they can't be."""
    if isinstance(parts[0], tuple):
        return tuple(joined(list(part), rows, what) for part in zip(*parts, strict=True))
    shapes = [np.shape(part) for part in parts]
    if any(shape[:1] != (n,) or shape[1:] != shapes[0][1:] for shape, n in zip(
            shapes, rows, strict=True)):
        raise errors.ShapeError(
            f"{what} needs outputs that can be put one below the other, one row a sample: of "
            f"batches of {rows[:4]} rows the model gave arrays of {shapes[:4]} (of a recurrent "
            "layer's outputs and state, take the outputs)")
    return np.concatenate(parts)
