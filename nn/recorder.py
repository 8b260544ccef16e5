"""What a training looked like on the way: how large gradients were, and where the line ran."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Node, errors

from .arguments import a_flag, a_whole_number, an_array, shown
from .callbacks import Callback, Run
from .diagnostics import norm
from .evaluation import as_single, is_single, not_training, predict, run_model, takes_samples
from .module import Module
from .targets import unshaped

__all__ = ["Frame", "Recorder", "chances_of", "frame_of", "labels_of", "points_of"]

MOST_FRAMES = 60
PROBABILITY = ("sigmoid", "divide", "reciprocal", "expit", "ndtr")  # operations that may end in one


class Frame(NamedTuple):
    """What a model of two features says of a grid of points, after so many epochs.

    across, up: (k,), the grid's two coordinates; chances: (k, k, C), the probability of each class
    at (up[i], across[j]).
    """

    epoch: int
    across: np.ndarray
    up: np.ndarray
    chances: np.ndarray


class Recorder(Callback):
    """Keeps, while `fit` trains, how large each gradient is in each step, and a boundary's course.

    model: whose; None for the one that is trained. gradients: whether `gradients` is kept, a dict
    of the root mean square of each parameter's gradient in each step, by the parameter's name (nan
    where it had none). boundary: (X, 40) keeps `frames` for a model of two features: what it says
    of a grid of 40 × 40 points around the rows of X, before the first epoch and after each; of long
    trainings every second, fourth … so that there are about 60. `nn.plot.gradients(recorder)` and
    `nn.plot.film("film.gif", recorder.frames, X, y)` draw them. Raises `ArgumentTypeError` and
    `ShapeError` for arguments of another kind.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    >>> model = nn.Linear(2, 2, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> film = nn.Recorder(boundary=(X, 20))
    >>> history = nn.fit(model, [(X, y)], nn.cross_entropy, steps, 2, progress=False,
    ...                  callbacks=[film])
    >>> len(film.frames), list(film.gradients)
    (3, ['weight', 'bias'])
    """

    def __init__(self, model: Module | None = None, gradients: bool = True, boundary: Any = None
                 ) -> None:
        if model is not None and not isinstance(model, Module):
            raise errors.ArgumentTypeError(f"model is a Module, or None for the one that is "
                                           f"trained, not {shown(model)}")
        self.model, self.keeps_gradients = model, a_flag(gradients, "gradients")
        self.gradients: dict[str, list[float]] = {}
        self.weights: list[str] = []  # the parameters that are a layer's weights, not its biases
        self.frames: list[Frame] = []
        self.every, self.steps = 1, 0
        self.watched: list[tuple[str, Any]] = []
        self.grid = None if boundary is None else _of_boundary(boundary)

    def before_epoch(self, run: Run) -> None:
        """The boundary before training; and the parameters, some of which may be frozen now."""
        if not self.frames:
            self._look(run, run.epoch - 1)
        self.watched = [*self._model(run).named_parameters()]

    def after_backward(self, run: Run) -> None:
        """The gradients of this step."""
        if not self.keeps_gradients:
            return
        for name, p in self.watched:
            if name not in self.gradients:
                self.gradients[name] = [math.nan] * self.steps
                if np.ndim(p.value) > 1:
                    self.weights.append(name)
            self.gradients[name].append(_rms(p.grad))
        self.steps += 1
        for sizes in self.gradients.values():
            if len(sizes) < self.steps:
                sizes.append(math.nan)

    def after_epoch(self, run: Run) -> None:
        """The boundary after it."""
        if run.epoch % self.every == 0:
            self._look(run, run.epoch)
            if len(self.frames) > MOST_FRAMES:
                self.frames, self.every = self.frames[::2], 2 * self.every

    def after_fit(self, run: Run) -> None:
        """The boundary at the end."""
        if self.frames and self.frames[-1].epoch != run.epoch:
            self._look(run, run.epoch)

    def _model(self, run: Run) -> Module:
        return run.model if self.model is None else self.model

    def _look(self, run: Run, epoch: int) -> None:
        """Keep a frame, if that is asked for."""
        if self.grid is not None:
            self.frames.append(frame_of(self._model(run), *self.grid, epoch))


def _rms(gradient: Any) -> float:
    """The root mean square."""
    if gradient is None or not np.size(gradient):
        return math.nan
    return norm(gradient) / math.sqrt(np.size(gradient))


def _of_boundary(boundary: Any) -> tuple[np.ndarray, int]:
    """The points, and how many a side the grid around them has."""
    if not isinstance(boundary, tuple | list) or len(boundary) != 2:
        raise errors.ArgumentTypeError("boundary is (X, 40): rows of two features, and how many "
                                       f"points a side a grid around them has; got "
                                       f"{shown(boundary)}")
    return points_of(boundary[0]), a_whole_number(boundary[1], "boundary[1]", 2)


def points_of(X: Any) -> np.ndarray:
    """X, if it is rows of two finite features. Raises `ShapeError`, or `ArgumentError`."""
    points = an_array(X, "X")
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise errors.ShapeError(f"a boundary is drawn in a plane: X has rows of two features, (n, "
                                f"2), not shape {points.shape}")
    if points.dtype.kind not in "fiub" or not np.all(np.isfinite(points)):
        raise errors.ArgumentError("X holds something other than finite numbers, which have no "
                                   "place in a plane")
    return np.asarray(points, float)


def frame_of(model: Module, X: np.ndarray, side: int, epoch: int = 0,
             threshold: float | None = None) -> Frame:
    """What a model says of a grid of side × side points that reaches a little beyond those of X."""
    low, high = X.min(axis=0), X.max(axis=0)
    margin = np.where(high > low, 0.12 * (high - low), 1.0)
    across, up = (np.linspace(low[k] - margin[k], high[k] + margin[k], side) for k in (0, 1))
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    chances = chances_of(model, grid, threshold)
    return Frame(epoch, across, up, chances.reshape(side, side, -1))


def chances_of(model: Any, x: Any, threshold: float | None = None) -> np.ndarray:
    """The probability of each class for each row of x: (n, C), C ≥ 2.

    Of a model of one output: it is a probability for threshold=0.5 and a logit for 0.0; for None
    a probability if the last thing that the model does is a sigmoid or a division and all outputs
    are from 0 to 1. Of several: their softmax, unless each row is probabilities already. Raises
    `ShapeError` for outputs that aren't rows, `ArgumentError` for nan and for other thresholds.
    """
    if not isinstance(model, Module):
        raise errors.ArgumentTypeError(f"model is a Module, not {shown(model)}")
    if threshold not in (None, 0.0, 0.5) or isinstance(threshold, bool):
        raise errors.ArgumentError("threshold is 0.0 for a model that gives a logit, 0.5 for one "
                                   f"that gives a probability, not {shown(threshold)}")
    scores = predict(model, x, 4096)
    scores = scores.reshape(-1, 1) if scores.ndim == 1 else scores
    if scores.ndim != 2:
        raise errors.ShapeError(f"the model's outputs are a row a sample, not {scores.shape}")
    if not np.all(np.isfinite(scores)):
        raise errors.ArgumentError("the model's outputs hold nan or inf, and say nothing")
    scores = np.asarray(scores, float)
    if scores.shape[1] == 1:
        p = scores if _is_probability(model, x, scores, threshold) else _sigmoid(scores)
        return np.concatenate([1 - p, p], axis=1)
    if threshold is not None:
        raise errors.ArgumentError(f"the model has {scores.shape[1]} outputs, of which the largest "
                                   "is the answer: threshold is for one output")
    if np.all(scores >= 0) and np.allclose(scores.sum(axis=1), 1.0, atol=1e-5):
        return scores
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    """1/(1 + e⁻ᶻ), by tanh, which doesn't overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * z)


def _is_probability(model: Module, x: Any, scores: np.ndarray, threshold: float | None) -> bool:
    """Whether the only output is a probability."""
    within = bool(np.all((scores >= 0) & (scores <= 1)))
    if threshold == 0.5 and not within:
        raise errors.ArgumentError(f"the model gives numbers from {scores.min():.3g} to "
                                   f"{scores.max():.3g}, which aren't probabilities: give "
                                   "threshold=0.0 if they are logits")
    if threshold is not None or not within:
        return threshold == 0.5
    few = np.asarray(x)[:1]
    with not_training(model):  # and recorded, for what made the output tells
        out = run_model(model, as_single(few) if is_single(model) else few, takes_samples(model))
    out = unshaped(out[0] if isinstance(out, list) else out)
    return not isinstance(out, Node) or (out.op is not None and out.op.name in PROBABILITY)


def labels_of(y: Any, rows: int, classes: int) -> np.ndarray:
    """The class of each row, from 0; of two classes −1 and 1 will do.

    Raises `ShapeError` for another number of them, `ArgumentError` for what is no class.
    """
    given: np.ndarray = an_array(y, "y")
    if given.shape == (rows, 1):
        given = given[:, 0]
    if given.shape != (rows,):
        raise errors.ShapeError(f"there are {rows} rows and labels of shape {given.shape}; a label "
                                "is a class, one a row (of one-hot rows, np.argmax(y, axis=1))")
    if classes == 2 and rows and np.all(np.isin(given, (-1, 1))) and np.any(given == -1):
        return (given > 0).astype(int)
    if given.dtype.kind not in "fiub" or not np.all(np.isin(given, range(classes))):
        raise errors.ArgumentError(f"the model tells {classes} classes apart, 0 … {classes - 1}, "
                                   "and there are other labels")
    return given.astype(int)
