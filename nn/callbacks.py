"""What may be done while `fit` trains: before an epoch, after a backward pass, a step, an epoch."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autograd_mini import errors

from .arguments import Called, a_flag, a_whole_number, at_least_0, shown
from .clipping import clip_grad_norm_
from .history import History, lower_is_better
from .module import Module
from .optimizer import Optimizer
from .schedules import ReduceLROnPlateau, Schedule as LearningRate
from .state import assign, entries
from .storage import check_target

__all__ = ["Callback", "Checkpoint", "ClipGradNorm", "EarlyStopping", "Run", "Schedule"]


@dataclass
class Run:
    """How far a training has come; callbacks look at it, and set `stop` to end it.

    epoch, of `epochs`, and batch count from 1. x, y, prediction and loss are those of the batch;
    the prediction is a node, of which only the numbers can be relied on: `fit` computes most
    batches by a program, which keeps no graph. parallel: as it was given to `fit`; the prediction
    is then that of a process's own rows, or None, and where metrics are measured, of all. rank: the
    number of this process, 0 where there is one: let 0 alone write files.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> model = nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.1)
    >>> run = nn.Run(model, [(np.ones((2, 1)), np.ones((2, 1)))], nn.mse_loss, steps)
    >>> run.epoch, run.model is model
    (0, True)
    """

    model: Module
    loader: Any
    loss_function: Any
    optimizer: Optimizer
    callbacks: tuple[Any, ...] = ()
    history: History = field(default_factory=History)
    epochs: int = 0
    epoch: int = 0
    batch: int = 0
    x: Any = None
    y: Any = None
    prediction: Any = None
    loss: float = math.nan
    stop: bool = False
    parallel: Any = None

    @property
    def rank(self) -> int:
        """The number of this process among those that train together."""
        return getattr(self.parallel, "rank", 0)


class Callback(Called):
    """The base: override what you need. Each gets the `Run`.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> class Counts(nn.Callback):
    ...     batches = 0
    ...     def after_step(self, run):
    ...         self.batches += 1
    ...
    >>> counts, X = Counts(), np.linspace(-1.0, 1.0, 40)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> history = nn.fit(model, nn.DataLoader(X, X, batch_size=10), nn.mse_loss, steps, epochs=2,
    ...                  progress=False, callbacks=[counts])
    >>> counts.batches
    8
    """

    def before_epoch(self, run: Run) -> None:
        """Before the first batch of each epoch."""

    def after_backward(self, run: Run) -> None:
        """The gradients are there, and the parameters haven't moved: clip, or watch."""

    def after_step(self, run: Run) -> None:
        """The parameters have moved."""

    def after_epoch(self, run: Run) -> None:
        """run.history[-1] is the epoch that has ended; `run.stop = True` makes it the last."""

    def after_fit(self, run: Run) -> None:
        """After the last epoch."""

    def monitored(self) -> str | None:
        """The name of the number that it looks at after an epoch, if there is one."""
        return None


def last_of(run: Run, name: str, who: str) -> float:
    """A number of the epoch that has ended. Raises `ArgumentError` if it wasn't measured."""
    numbers: dict[str, float] = run.history[-1].as_dict()
    if name not in numbers:
        cure = (": give fit validation=…" if name.startswith("val_") else "")
        raise errors.ArgumentError(f"{who} looks at {name!r}, and an epoch has "
                                   f"{', '.join(numbers)}{cure}")
    return numbers[name]


class EarlyStopping(Callback):
    """Ends training once a number has got no better for `patience` epochs.

    monitor: its name, such as val_loss. mode: "min", "max", or "auto", which knows from the name
    that a loss, an entropy or an error is better low, an accuracy or a score high; a name that says
    neither is an `ArgumentError`. min_delta: what counts as better. restore_best: the model then
    gets the parameters and buffers that it had after its best epoch, whether training was stopped
    or ran to its end. A new `fit` starts anew; one with a history goes on.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> X = np.linspace(-1.0, 1.0, 40)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.0)
    >>> stop = nn.EarlyStopping("loss", patience=2)
    >>> len(nn.fit(model, [(X, X)], nn.mse_loss, steps, 50, progress=False, callbacks=[stop]))
    3
    """

    def __init__(self, monitor: str = "val_loss", patience: int = 5, min_delta: float = 0.0,
                 mode: str = "auto", restore_best: bool = True) -> None:
        if mode not in ("auto", "min", "max"):
            raise errors.ArgumentError(f"mode is auto, min or max, not {shown(mode)}")
        lower = lower_is_better(monitor) if mode == "auto" else mode == "min"
        if lower is None:
            raise errors.ArgumentError(f"whether {monitor!r} is better low or high, its name "
                                       'doesn\'t say: give mode="min" or mode="max"')
        self.monitor, self.sign = monitor, 1 if lower else -1
        self.patience = a_whole_number(patience, "patience", 1)
        self.min_delta = at_least_0(min_delta, "min_delta")
        self.restore_best = a_flag(restore_best, "restore_best")
        self.best, self.best_epoch, self.waited = math.inf, 0, 0
        self.kept: dict[str, np.ndarray] = {}

    def before_epoch(self, run: Run) -> None:
        """Forget another training; end one that was over when it was saved."""
        if run.epoch == 1:
            self.best, self.best_epoch, self.waited, self.kept = math.inf, 0, 0, {}
        run.stop = run.stop or self.waited >= self.patience

    def monitored(self) -> str | None:
        """What it compares."""
        return self.monitor

    def after_epoch(self, run: Run) -> None:
        """Compare, and keep what is best."""
        number = self.sign * last_of(run, self.monitor, "EarlyStopping")
        if number < self.best - self.min_delta:
            self.best, self.best_epoch, self.waited = number, run.epoch, 0
            self.kept = run.model.state_dict() if self.restore_best else {}
        else:
            self.waited += 1
        run.stop = run.stop or self.waited >= self.patience

    def after_fit(self, run: Run) -> None:
        """The best parameters come back."""
        if self.kept and self.waited:
            assign(entries(run.model), self.kept)

    def state_dict(self) -> dict[str, Any]:
        """How long it has waited, and what is best so far."""
        return {name: getattr(self, name) for name in ("best", "best_epoch", "waited", "kept")}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        vars(self).update({name: state[name] for name in self.state_dict()})


class Checkpoint(Callback):
    """Writes the whole run to a file after every `every` epochs; `nn.load_checkpoint` reads it.

    The last epoch is written in any case, and after all other callbacks have had their turn. A file
    is complete or the one before. path may hold {epoch}, which becomes its number. Of several
    processes (`parallel=`) the one of rank 0 writes.

    >>> import os, tempfile
    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "model.npz")
    >>> X = np.linspace(-1.0, 1.0, 40)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> history = nn.fit(model, [(X, X)], nn.mse_loss, steps, 2, progress=False,
    ...                  callbacks=[nn.Checkpoint(path)])
    >>> os.path.exists(path)
    True
    >>> folder.cleanup()
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        self.path, self.every = os.fspath(path), a_whole_number(every, "every", 1)

    def before_epoch(self, run: Run) -> None:
        """Raise the `OSError` of a file that couldn't be written, before anything is trained."""
        if run.rank == 0:
            check_target(Path(os.path.realpath(self.path.replace("{epoch}", str(run.epoch)))))

    def after_epoch(self, run: Run) -> None:
        """Write it."""
        from .checkpoint import save_checkpoint

        if run.rank == 0 and (
                run.epoch % self.every == 0 or run.stop or run.epoch == run.epochs):
            loader = run.loader if hasattr(run.loader, "state_dict") else None
            held = [c for c in run.callbacks if hasattr(c, "state_dict")]
            save_checkpoint(self.path.replace("{epoch}", str(run.epoch)), run.model,
                            run.optimizer, loader=loader, callbacks=held, history=run.history)


class ClipGradNorm(Callback):
    """Holds the norm of all gradients together below `max_norm`; see `nn.clip_grad_norm_`.

    norms: what it was in each step.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> X = np.linspace(-1.0, 1.0, 40)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> clip = nn.ClipGradNorm(1e-3)
    >>> history = nn.fit(model, [(X, 9.0 * X)], nn.mse_loss, steps, 1, progress=False,
    ...                  callbacks=[clip])
    >>> round(float(np.linalg.norm([np.linalg.norm(p.grad) for p in model.parameters()])), 6)
    0.001
    """

    def __init__(self, max_norm: float) -> None:
        self.max_norm, self.norms = at_least_0(max_norm, "max_norm"), list[float]()

    def after_backward(self, run: Run) -> None:
        """Clip."""
        self.norms.append(clip_grad_norm_(run.optimizer.parameters, self.max_norm))

    def state_dict(self) -> dict[str, Any]:
        """The norms so far."""
        return {"norms": list(self.norms)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.norms = list(state["norms"])


class Schedule(Callback):
    """Takes a learning rate's schedule a step further after each epoch, or each batch.

    every: "epoch" or "batch". monitor: for `ReduceLROnPlateau` after an epoch, the name of the
    number it sees (after a batch it sees the loss of that).

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> X = np.linspace(-1.0, 1.0, 40)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> halves = nn.Schedule(nn.ExponentialLR(steps, gamma=0.5))
    >>> history = nn.fit(model, [(X, X)], nn.mse_loss, steps, 2, progress=False, callbacks=[halves])
    >>> steps.lr
    0.075
    """

    def __init__(self, schedule: LearningRate, every: str = "epoch", monitor: str = "val_loss"
                 ) -> None:
        if not isinstance(schedule, LearningRate):
            raise errors.ArgumentTypeError(
                f"Schedule takes nn.StepLR(optimizer, 10) and its kin, not {shown(schedule)}")
        if every not in ("epoch", "batch"):
            raise errors.ArgumentError(f"every is epoch or batch, not {shown(every)}")
        self.schedule, self.every, self.monitor = schedule, every, monitor

    def monitored(self) -> str | None:
        """What `ReduceLROnPlateau` sees."""
        plateau = isinstance(self.schedule, ReduceLROnPlateau) and self.every == "epoch"
        return self.monitor if plateau else None

    def after_step(self, run: Run) -> None:
        """A step, if it is one a batch."""
        if self.every == "batch":
            self._step(run.loss)

    def after_epoch(self, run: Run) -> None:
        """A step, if it is one an epoch."""
        if self.every == "epoch":
            plateau = isinstance(self.schedule, ReduceLROnPlateau)
            self._step(last_of(run, self.monitor, "Schedule") if plateau else math.nan)

    def _step(self, number: float) -> None:
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(number)
        else:
            self.schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """How far the schedule has come."""
        return self.schedule.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.schedule.load_state_dict(state)
