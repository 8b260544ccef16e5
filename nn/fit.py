"""The training loop: forward, backward, step; and how far it has come."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import numpy as np
from tqdm import tqdm

from autograd_mini import detect_anomaly, errors

from .arguments import a_flag, a_whole_number, shown
from .callbacks import Callback, Checkpoint, Run
from .evaluation import (
    Metrics,
    evaluate,
    is_single,
    loss_number,
    measure,
    named_metrics,
    numbers_of,
    pair,
    run_model,
    takes_samples,
)
from .history import Epoch, History
from .module import Module
from .optimizer import Optimizer
from .parallel import Parallel
from .parts import Work
from .state import kept

__all__ = ["fit"]


def fit(model: Module, loader: Any, loss: Callable[[Any, Any], Any], optimizer: Optimizer,
        epochs: int = 10, *, validation: Any = None, metrics: Any = (),
        callbacks: Iterable[Callback] = (), parallel: Parallel | None = None, progress: bool = True,
        after_epoch: Callable[[Epoch], object] | None = None,
        history: Iterable[Epoch] = ()) -> History:
    """Train `model` to lower loss(model(x), y) over the batches (x, y) of `loader`.

    loader: iterable again and again, such as a `DataLoader`. loss: a function of (prediction, y),
    the mean over the samples of a batch, as all of nn are; an epoch's is the mean of its batches',
    weighted by their rows. validation: another loader, over whose batches the model is evaluated
    after each epoch (`val_loss`). metrics: functions of (prediction, y), or a dict of them by name,
    such as `[nn.accuracy]`; each gets the plain predictions of a whole epoch at once, those of
    training as they were made along the way. callbacks: see `nn.Callback`. parallel: computes each
    batch in parts, see `nn.parallel.AllReduce` and `nn.parallel.Spread`. after_epoch: called with
    each `Epoch` as it ends. progress: a bar on standard error where it is a terminal, else one line
    an epoch (in a notebook on standard output). history: the epochs that were trained before, as
    `nn.load_checkpoint` gives them; `epochs` counts these, too. Returns the `History`, a list.

    Raises `FloatingPointError`, before the step, as soon as a loss is nan or inf, and says where
    that was born; `ArgumentError` (a `ValueError`) for an epoch without batches. Before anything
    starts: `ArgumentError` for epochs < 0, an optimizer of other parameters than the model's
    (only some of them is well), `ArgumentTypeError` for arguments of another kind.

    >>> import numpy as np, autograd_mini.nn as nn
    >>> model, X = nn.Linear(1, 1, rng=0), np.linspace(-1.0, 1.0, 40)[:, None]
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> nn.fit(model, [(X, 3 * X)], nn.mse_loss, steps, 40, progress=False)[-1].loss < 1e-3
    True
    """
    with parallel.together() if isinstance(parallel, Parallel) else nullcontext():
        epochs, progress = a_whole_number(epochs, "epochs", 0), a_flag(progress, "progress")
        run = Run(model, loader, loss, optimizer, _callbacks(callbacks), History(history), epochs,
                  parallel=parallel)
        _check_fit(run, after_epoch)
        named = named_metrics(metrics)
        _check_validation(validation, run.callbacks)
        _train(run, named, validation, progress and run.rank == 0, after_epoch)
        for call in run.callbacks:
            call.after_fit(run)
        return run.history


def _train(run: Run, named: Metrics, validation: Any, progress: bool,
           after_epoch: Callable[[Epoch], object] | None) -> None:
    """The epochs, until there are enough or one of the callbacks stops."""
    if run.parallel is not None:
        run.parallel.start(run.model, run.optimizer, run.epochs - len(run.history))
    epoch = _Epoch(run, named)
    for number in range(len(run.history) + 1, run.epochs + 1):
        run.epoch, started = number, time.perf_counter()
        for call in run.callbacks:
            call.before_epoch(run)
        if _stops(run):  # as of a run that had stopped before it was saved
            return
        measured = epoch.train(progress and sys.stderr.isatty())
        if validation is not None:
            found = evaluate(run.model, validation, run.loss_function, named)
            measured |= {f"val_{name}": number for name, number in found.items()}
        run.history.append(Epoch(run.epoch, measured.pop("loss"), measured,
                                 time.perf_counter() - started))
        _tell(run, progress)
        if _end_epoch(run, after_epoch):
            return


class _Epoch:
    """One pass over the batches, again and again: all that doesn't change is looked up once."""

    def __init__(self, run: Run, metrics: Metrics) -> None:
        self.run, self.metrics = run, metrics
        self.single, self.one_by_one = is_single(run.model), takes_samples(run.model)
        self.parameters = [p for _, p in run.model.named_parameters()]
        self.programs: Any = None  # for _compiled.py
        self.last: Any = None  # x and y of the batch before, and the numbers that it met
        self.backward_calls, self.step_calls = (
            [getattr(c, name) for c in run.callbacks
             if getattr(type(c), name) is not getattr(Callback, name)]
            for name in ("after_backward", "after_step"))

    def train(self, terminal: bool) -> dict[str, float]:
        """The mean loss, and the metrics."""
        run, total, rows, seen = self.run, 0.0, 0, []
        run.model.train()  # again: after_epoch may have looked at the model as it answers
        batches = _bar(run) if terminal else run.loader
        run.batch = 0
        try:
            for batch in batches:
                run.x, run.y = pair(batch, self.single)
                run.batch += 1
                self._step()
                total += len(run.y) * run.loss
                rows += len(run.y)
                if self.metrics:
                    seen.append((numbers_of(run.prediction), run.y))
                if terminal:
                    batches.set_postfix(loss=f"{total / rows:.4f}")
        finally:
            self._end_of_batches()
        if not rows:
            raise errors.ArgumentError(
                f"epoch {run.epoch} had no batches: the loader is empty, or an iterator that is "
                "used up after one pass (give a list or a DataLoader)")
        if run.parallel is not None:
            run.parallel.end_epoch(run.model)
        return {"loss": total / rows} | measure(self.metrics, seen)

    def _end_of_batches(self) -> None:
        """From here on, others may look at the parameters and their gradients."""

    def _step(self) -> None:
        """One batch: forward, backward, step."""
        run = self.run
        run.optimizer.zero_grad()
        for p in self.parameters:  # also of those that another optimizer steps, or none
            p.grad = None
        self._gradients()
        if self.last is None and all(p.gradient is None for p in run.optimizer.parameters):
            raise errors.GraphError(
                "the loss isn't computed from the parameters that the optimizer steps, and would "
                "train nothing: numbers were taken out of a node on the way (.data, float(…)); "
                "ag.cut_report says where")
        if self.metrics and self.last is None:  # what can't be measured is told before any step
            measure(self.metrics, [(numbers_of(run.prediction), run.y)])
        for call in self.backward_calls:
            call(run)
        before = [p.value for p in self.parameters]
        run.optimizer.step()
        self.last = run.x, run.y, before
        for call in self.step_calls:
            call(run)

    def _gradients(self) -> None:
        """The loss of a batch, whose gradients are then in the parameters."""
        run = self.run
        if run.parallel is None:
            self._backpropagate()
            return
        work = Work(run.model, run.loss_function, run.x, run.y)
        run.loss, run.prediction = run.parallel.batch(work, self._of_rows, bool(self.metrics))
        if not math.isfinite(run.loss):
            raise FloatingPointError(self._what_happened())

    def _of_rows(self, x: Any, y: Any) -> tuple[float, Any]:
        """The loss of a part of the batch, and the prediction for it."""
        run, whole = self.run, (self.run.x, self.run.y)
        run.x, run.y = x, y
        try:
            self._backpropagate()
        finally:
            run.x, run.y = whole
        return run.loss, run.prediction

    def _backpropagate(self) -> None:
        """The loss and the gradients of a batch."""
        run = self.run
        run.prediction = run_model(run.model, run.x, self.one_by_one)
        value = run.loss_function(run.prediction, run.y)
        run.loss = loss_number(value)
        if not math.isfinite(run.loss):
            raise FloatingPointError(self._what_happened())
        value.backward()

    def _what_happened(self) -> str:
        """Where a loss that isn't finite was born."""
        run = self.run
        lost = f"the loss is {run.loss} (epoch {run.epoch}, batch {run.batch})"
        cure = (f"lower the learning rate (it is {_rates(run.optimizer)}), or clip the gradients "
                "(nn.ClipGradNorm)")
        broken = next((name for name, p in run.model.named_parameters()
                       if not np.all(np.isfinite(p.value))), None)
        if broken is not None and self.last is None:
            return f"{lost}, for {broken} isn't finite from the start: draw or load it again"
        if broken is None:
            born = self._born(run.x, run.y)
            return f"{lost}: {born}\nif numbers grow from step to step, {cure}" if born else (
                f"{lost}: {cure}, and look for a log or a division at 0")
        held = [p.value for p in self.parameters]
        try:
            for p, value in zip(self.parameters, self.last[2], strict=True):
                p.value = value
            born = self._born(*self.last[:2])
        finally:
            for p, value in zip(self.parameters, held, strict=True):
                p.value = value
        return (f"{lost}, for {broken} isn't finite since the step before"
                f"{f': {born}' if born else ', which was too long'}\n{cure}")

    def _born(self, x: Any, y: Any) -> str:
        """What `detect_anomaly` says of a batch, if it meets anything; the model stays as it is."""
        with kept(self.run.model):
            try:
                with detect_anomaly(), np.errstate(all="ignore"):
                    value = self.run.loss_function(run_model(self.run.model, x, self.one_by_one), y)
                    value.backward()
            except errors.AnomalyError as found:
                return str(found)
        return ""


def _bar(run: Run) -> Any:
    """The batches, with a bar that tells how far an epoch has come."""
    return tqdm(run.loader, desc=f"epoch {run.epoch}/{run.epochs}", leave=run.epoch == run.epochs)


def _tell(run: Run, progress: bool) -> None:
    """One line for the epoch that has ended, where there is no bar."""
    if progress and (not sys.stderr.isatty() or run.history[-1].measured):  # the bar has the loss
        lines = sys.stdout if "ipykernel" in sys.modules else sys.stderr  # a notebook has it red
        print(f"epoch {run.epoch}/{run.epochs}  {run.history[-1]}", file=lines)


def _end_epoch(run: Run, after_epoch: Callable[[Epoch], object] | None) -> bool:
    """What is to be done after an epoch; what writes it down comes last. Whether it was the last.
    """
    for call in run.callbacks:
        if not isinstance(call, Checkpoint):
            call.after_epoch(run)
    if after_epoch is not None:
        after_epoch(run.history[-1])
    stops = _stops(run)
    for call in run.callbacks:
        if isinstance(call, Checkpoint):
            call.after_epoch(run)
    return stops


def _stops(run: Run) -> bool:
    """Whether training ends here, in all processes if in one."""
    if run.parallel is not None:
        run.stop = run.parallel.any_stops(run.stop)
    return run.stop


def _rates(optimizer: Optimizer) -> str:
    """The learning rate, or those of its groups."""
    return ", ".join(dict.fromkeys(f"{group.lr:g}" for group in optimizer.param_groups))


def _callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """The callbacks. Raises `ArgumentTypeError` for what is none."""
    given = tuple(callbacks) if isinstance(callbacks, Iterable) else (callbacks,)
    for call in given:
        if not isinstance(call, Callback):
            cure = (f"write {call.__name__}(…)" if isinstance(call, type)
                    else "give nn.Schedule(schedule)" if hasattr(call, "get_last_lr")
                    else "derive it from nn.Callback (a function of an Epoch is after_epoch=…)")
            raise errors.ArgumentTypeError(
                f"callbacks is a list of nn.Callback, not {shown(call)}: {cure}")
    return given


def _check_fit(run: Run, after_epoch: Any) -> None:
    """Raise for arguments of `fit` that can't work, or would train nothing."""
    model: Any = run.model
    loader, loss, optimizer, parallel = run.loader, run.loss_function, run.optimizer, run.parallel
    wrong = (
        "model is a Module" if not isinstance(model, Module)
        else "loader gives batches (x, y) again and again, as nn.DataLoader(X, y) does"
        if not isinstance(loader, Iterable)
        else "loader is the pair (X, y) itself: nn.DataLoader(X, y) makes batches of it"
        if _is_pair(loader)
        else "loss is a function of (prediction, y)" if not callable(loss)
        else "optimizer is an Optimizer, nn.Adam(model.parameters())"
        if not isinstance(optimizer, Optimizer)
        else "after_epoch is a function of an Epoch"
        if after_epoch is not None and not callable(after_epoch)
        else f"parallel is nn.parallel.AllReduce(comm) or Spread(map, parts), not {shown(parallel)}"
        if not isinstance(parallel, Parallel | None) else ""
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


def _check_validation(validation: Any, callbacks: tuple[Callback, ...]) -> None:
    """Raise for a validation that is no loader, or that a callback waits for in vain."""
    if validation is not None and (not isinstance(validation, Iterable) or _is_pair(validation)):
        raise errors.ArgumentTypeError("validation gives batches (x, y), as nn.DataLoader(X, y) "
                                       f"does, not {shown(validation)}")
    monitors = [name for call in callbacks if (name := call.monitored()) is not None]
    own = all(type(call).__module__.startswith(__name__.rpartition(".")[0]) for call in callbacks)
    for name in monitors:  # a callback of the user's own may measure more
        if name.startswith("val_") and validation is None and own:
            raise errors.ArgumentError(f"a callback looks at {name!r}, which is measured by "
                                       "validation: give fit validation=…")


def _is_pair(loader: Any) -> bool:
    """Whether it is (X, y) itself, rather than a list of batches that are such pairs."""
    if not isinstance(loader, tuple | list) or len(loader) != 2:
        return False
    return (isinstance(loader, tuple) and not all(isinstance(b, tuple) for b in loader)) or not all(
        isinstance(b, tuple | list) and all(hasattr(part, "__len__") for part in b)
        for b in loader)
