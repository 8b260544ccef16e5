"""The backward pass of `fit`, written out once as straight-line NumPy and run for every batch.

The plain one is `_backpropagate` in `fit.py`; read that. `install()` puts this one in its place;
with AUTOGRAD_MINI_PLAIN=1 in the environment it isn't called. A batch of another shape or dtype
has a program of its own. Before one is used, two batches are computed both ways, and recorded
twice: loss and gradients must be the engine's to the last bit, and the recordings the same. What
can't be recorded, and what doesn't hold for a batch, is done by the engine, as ever. So is every
model, loss or optimizer with code of a user's in it, for not all that such code may do is seen.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Tensor, compiler, errors, trees

from . import optimizers
from ._grouped import join, step
from .data import DataLoader
from .evaluation import run_model
from .fit import _Epoch
from .module import Module

__all__ = ["PAIRS", "install"]

MOST_KINDS = 16  # of batches that have a program
TRIALS = 2  # batches that are computed both ways
PATIENCE = 100  # what a program may have cost for nothing, in steps; each that it made counts
CHANGE, FAILURE = 30, 3  # what it costs to record again, and to try in vain

USERS_CODE = False  # whether models and losses with code of a user's are computed by programs


class _Kind:
    """What is known of the batches of one kind: a program, once it is there and trusted."""

    def __init__(self) -> None:
        self.recording: Any = None
        self.trials, self.patience = 0, PATIENCE
        self.refused = ""  # why there is no program


class Programs:
    """The programs of a training, by the kind of batch."""

    def __init__(self, epoch: Any) -> None:
        run, one_by_one = epoch.run, epoch.one_by_one
        model, loss = run.model, run.loss_function
        self.run, self.epoch = run, epoch
        self.parameters = [*dict.fromkeys([*epoch.parameters, *run.optimizer.parameters])]
        self.lent: Any = None  # the vector of gradients, and its parts
        self.undisturbed: bool | None = None  # whether nobody can look at it now
        self.kinds: dict[Any, _Kind] = {}
        kinds = {p.dtype if type(p) is Tensor else None for p in self.parameters}
        self.usable = not one_by_one and len(kinds) == 1 and None not in kinds and (
            USERS_CODE or _is_ours(model, loss, run.optimizer))
        self.asked = model, loss, run.optimizer
        self.dtype = kinds.pop()
        self.groups: list[Any] | None = None
        self.size = self._arrange(run.optimizer.parameters)

        def forward(x: Any, y: Any) -> Any:
            prediction = run_model(model, x, one_by_one)
            return loss(prediction, y), prediction

        self.forward = forward

    def of(self, x: Any, y: Any) -> _Kind | None:
        """What is known of such batches; None for what isn't arrays."""
        if not self.usable or not (type(x) is np.ndarray is type(y)) or not x.size or (
                compiler.is_observed()):
            return None
        run = self.run
        model, loss, optimizer = self.asked
        if run.model is not model or run.loss_function is not loss or (
                run.optimizer is not optimizer):
            return None  # a callback has put another in its place
        key = x.shape, x.dtype, x.flags.c_contiguous, x.flags.f_contiguous, y.shape, y.dtype
        kind = self.kinds.get(key)
        if kind is None and len(self.kinds) < MOST_KINDS:
            kind = self.kinds[key] = _Kind()
        return kind if kind is not None and not kind.refused else None

    def record(self, x: Any, y: Any) -> Any:
        """A new recording; raises for a function that can't be recorded."""
        if not (USERS_CODE or _is_ours(*self.asked)):  # a callback has changed the model
            raise errors.NotFollowedError("there is code of a user's in it now")
        changing = {id(vars(module)): module.set_in_training for module in self.run.model.modules()
                    if module.set_in_training and module.training}

        def arguments(recorder: Any) -> tuple[Any, Any]:
            return recorder.argument(x), recorder.argument(y)

        recording = compiler.Recording(self.forward, arguments, lambda _: self.parameters,
                                       into=True, changing=changing, watched=USERS_CODE)
        others = {node for node in recording.outside if node.is_leaf} - set(self.parameters)
        if others:
            error: Any = errors.NotFollowedError("a Tensor that isn't stepped collects gradients")
            error.drawn = recording.drawn
            raise error
        return recording

    def _arrange(self, first: list[Any]) -> int:
        """Where each parameter's gradient lies in their vector; how long that is.

        In the order in which the optimizer has them, so that it can take them end to end.
        """
        place, start = {}, 0
        for p in [*[p for p in first if p in set(self.parameters)], *self.parameters]:
            if p not in place:
                place[p] = start, start + p.size, p.shape
                start += p.size
        self.parts = [place[p] for p in self.parameters]
        return start

    def gradients(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """A vector for all gradients, and the part of it for each parameter.

        A new one, unless nobody can have seen the last.
        """
        if self.lent is None:
            vector = np.empty(self.size, self.dtype)
            self.lent = vector, [vector[a:b].reshape(shape) for a, b, shape in self.parts]
        lent: tuple[np.ndarray, list[np.ndarray]] = self.lent
        if not self.undisturbed:
            self.lent = None
        return lent

    def begin(self) -> None:
        """Find out whether others can look at the parameters before the batches are at an end."""
        epoch = self.epoch
        self.undisturbed = _is_plain(self.run.loader) and _is_of_nn(self.run.optimizer) and not (
            epoch.backward_calls or epoch.step_calls) and not any(
            [t is not threading.current_thread() and type(t).__name__ != "TMonitor"  # of tqdm
             for t in threading.enumerate()])

    def end(self) -> None:
        """Others may look at the parameters, and at their gradients: leave the arrays to them."""
        self.undisturbed, self.lent = None, None
        for group, _, _ in self.groups or ():
            group.disown()

    def hand_on(self, vector: np.ndarray, gradients: list[np.ndarray], ours: bool) -> None:
        """Give the optimizer the gradients end to end, if it is one of nn's own.

        ours: whether no code of a user's has seen the parameters.
        """
        self.undisturbed = self.undisturbed and ours
        if self.groups is None:
            self.groups = self._joined(self.run.optimizer)
        for group, part, members in self.groups:
            group.recycles = bool(self.undisturbed)
            if group.given is None or group.given.base is not vector:
                group.given, group.parts_given = vector[part], [gradients[i] for i in members]

    def _joined(self, optimizer: Any) -> list[Any]:
        """The optimizer's groups, each with its part of the vector and its parameters' places."""
        if type(optimizer).step is not step or not _is_of_nn(optimizer):
            return []
        number = {p: i for i, p in enumerate(self.parameters)}
        found = []
        for group in join(optimizer):
            if len(group.parameters) > 1 and all([p in number for p in group.parameters]):
                members = [number[p] for p in group.parameters]
                starts, ends, _ = zip(*[self.parts[i] for i in members], strict=True)
                if starts[1:] == ends[:-1]:
                    found.append((group, slice(starts[0], ends[-1]), members))
        return found


def backpropagate(self: Any) -> None:
    """`_Epoch._backpropagate`, by a program where there is one."""
    run = self.run
    if self.programs is None:
        self.programs = Programs(self)
    if self.programs.undisturbed is None:
        self.programs.begin()
    kind = self.programs.of(run.x, run.y)
    if kind is None:
        by_engine(self)
    elif kind.trials < TRIALS:
        _tried(self, kind)
    else:
        kind.patience = min(kind.patience + _replayed(self, kind), PATIENCE)
        if kind.patience < 0:
            kind.refused = "it seldom holds for long"


def by_engine(self: Any) -> None:
    """A batch by the engine, whose graph holds the parameters' arrays."""
    self.programs.end()
    plain(self)


def end_of_batches(self: Any) -> None:
    """`_Epoch._end_of_batches`: what was kept for oneself is left to others."""
    if self.programs is not None:
        self.programs.end()


def _tried(self: Any, kind: _Kind) -> None:
    """A batch by the engine; and by a new program, to be compared."""
    run, programs, recording = self.run, self.programs, None
    try:
        recording = programs.record(run.x, run.y)
        drawn = recording.drawn
        gradients = programs.gradients()[1]
        found = recording.run((_dense(run.x), _dense(run.y)), drawn, gradients)
    except Exception as error:  # the engine will say what it thinks of the batch
        kind.refused, drawn = f"{type(error).__name__}: {error}", getattr(error, "drawn", [])
    with compiler.drawn_before(drawn):
        by_engine(self)
    if recording is None:
        return
    if not _agree(self, recording, found, gradients):
        kind.refused = "the program doesn't give what the engine does"
    elif kind.recording is not None and not recording.is_like(kind.recording):
        kind.refused = "two batches were computed in two ways"
    kind.recording, kind.trials = recording, kind.trials + 1


def _agree(self: Any, recording: Any, found: Any, gradients: list[Any]) -> bool:
    """Whether a program gave the engine's loss and gradients, to the last bit."""
    if found is compiler.FAILED:
        return False
    loss = found[0][0]
    return compiler.same(float(loss), self.run.loss) and all(
        [p.gradient is None if not reached else compiler.same(g, np.asarray(p.gradient))
         for g, reached, p in zip(gradients, recording.reached, self.programs.parameters,
                                  strict=True)])


def _replayed(self: Any, kind: _Kind) -> int:
    """A batch by its program; by the engine, if that doesn't hold. How good that was."""
    run, recording = self.run, kind.recording
    if not recording.unchanged():
        kind.recording, kind.trials = None, 0
        _tried(self, kind)
        return -CHANGE
    vector, gradients = self.programs.gradients()
    drawn = recording.draw()
    found = recording.run((_dense(run.x), _dense(run.y)), drawn, gradients)
    if found is not compiler.FAILED:
        (loss, *_), _, effects = found
        number, squares = float(loss), np.vdot(vector, vector)
        if math.isfinite(number) and squares == squares:
            run.loss, run.prediction = number, _nodes(recording.in_place(found[0], 1))
            for p, g, reached in zip(self.programs.parameters, gradients, recording.reached,
                                     strict=True):
                p.gradient = g if reached else None
            self.programs.hand_on(vector, gradients, recording.is_ours)
            recording.do(effects)
            return 1
    with compiler.drawn_before(recording.left(drawn)):
        by_engine(self)
    return -FAILURE


def _is_ours(model: Any, loss: Any, optimizer: Any) -> bool:
    """Whether nothing but the library's own code computes a loss and steps."""
    def of_library(function: Any) -> bool:
        space = getattr(function, "__globals__", {})
        return str(space.get("__name__", "")).startswith("autograd_mini.")

    return of_library(loss) and _is_of_nn(optimizer) and all(
        [of_library(type(m).forward) and type(m).__module__.startswith("autograd_mini.")
         and "forward" not in vars(m) and all([isinstance(f, Module) for f in getattr(
             m, "steps", ())]) for m in model.modules()])


def _is_of_nn(optimizer: Any) -> bool:
    """Whether an optimizer is one of nn's own."""
    return type(optimizer).__module__ == optimizers.__name__ and "step" not in vars(optimizer)


def _is_plain(loader: Any) -> bool:
    """Whether no code of a user's runs when the next batch is asked for."""
    if type(loader) is DataLoader:
        return all([type(array) is np.ndarray for array in loader.arrays])
    return type(loader) in (list, tuple)


def _dense(x: np.ndarray) -> np.ndarray:
    """The array, or a copy without gaps, as a graph has it: a product may differ in a bit."""
    return x if x.flags.forc else np.array(x)


def _nodes(x: Any) -> Any:
    """A tree, with Tensors that hold copies in the places of its arrays."""
    if type(x) is np.ndarray:
        return Tensor(x)
    return trees.tree_map(lambda part: Tensor(part) if isinstance(part, np.ndarray) else part, x)


plain = _Epoch._backpropagate
PAIRS: list[tuple[type, str, Callable[..., Any], Callable[..., Any]]] = [
    (_Epoch, "_backpropagate", plain, backpropagate),  # a class, a name in it, the plain, the fast
    (_Epoch, "_end_of_batches", _Epoch._end_of_batches, end_of_batches),
]


def install() -> None:
    """Put the fast function in the place of the plain one."""
    for owner, name, _, fast in PAIRS:
        setattr(owner, name, fast)
