"""One batch's gradient, computed in parts: by several processes, or over anything that has a `map`.

Of a loss that is the mean over the samples, the parts' gradients, each weighted by its rows, add up
to the batch's. That is checked while it is used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_mini import errors

from .arguments import Called, a_flag, a_whole_number, shown
from .callbacks import Run
from .evaluation import numbers_of
from .module import Module
from .optimizer import Optimizer
from .parts import (
    OfRows,
    Work,
    amounts_of,
    backpropagation,
    computed_whole,
    digest,
    digest_of_form,
    digest_of_rows,
    forget_gradients,
    gap_of,
    give,
    message_length,
    part_of_batch,
    predictions_of,
    refusal,
    row_count,
    shares,
)
from .ranks import Ranks

__all__ = ["AllReduce", "Parallel", "Spread", "part_of_batch"]

BATCH, CHECKED, STOP, END_OF_EPOCH, END = range(1, 6)  # what a process is at


class Parallel(Called):
    """The base of `AllReduce` and `Spread`: what `fit` asks of them, and a step of one's own.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> X, model = np.linspace(-1.0, 1.0, 40)[:, None], nn.Linear(1, 1, rng=0)
    >>> steps, parallel = nn.SGD(model.parameters(), lr=0.3), nn.parallel.Spread(map, parts=2)
    >>> parallel.start(model, steps)
    >>> for _ in range(40):
    ...     loss = parallel.gradient(model, nn.mse_loss, X, 3 * X)
    ...     steps.step()
    ...
    >>> loss < 1e-3
    True
    """

    def __init__(self) -> None:
        self._steps = 0

    @property
    def rank(self) -> int:
        """The number of this process among those that train; 0 writes files."""
        return 0

    def gradient(self, model: Module, loss: Callable[[Any, Any], Any], x: Any, y: Any) -> float:
        """The loss of a batch; its gradient is then in the parameters, for `optimizer.step()`.

        For a training loop of one's own, after `start(model, optimizer)`. x, y: the whole batch, a
        row a sample, the same in all processes. Raises `GraphError` if the parts don't add up, in
        all processes alike, and before any gradient is there.
        """
        return self.batch(Work(model, loss, x, y))[0]

    def start(self, model: Module, optimizer: Optimizer | None = None, epochs: int = 0) -> None:
        """Begin: from here on all processes have the same numbers."""
        self._steps = 0
        foreign = set(optimizer.parameters) - set(model.parameters()) if optimizer else set()
        if foreign:
            raise errors.ArgumentError(
                f"the optimizer steps {len(foreign)} parameters that aren't the model's, whose "
                "gradients the other processes don't send: make them attributes of the model")

    def batch(self, work: Work, of_rows: OfRows | None = None, predicts: bool = False
              ) -> tuple[float, Any]:
        """The loss of a batch, and the prediction for all rows, if it is asked for."""
        raise NotImplementedError

    @contextlib.contextmanager
    def training(self, run: Run) -> Iterator[None]:
        """A block in which `fit` trains."""
        self.start(run.model, run.optimizer, run.epochs - len(run.history))
        yield

    def any_stops(self, stop: bool) -> bool:
        """Whether any of the processes wants to stop."""
        return stop

    def end_epoch(self, model: Module) -> None:
        """After the last batch of an epoch."""

    def _is_checked(self) -> bool:
        """Count a step; whether it is one of those that are also computed as a whole: 1, 2, 4 …"""
        self._steps += 1
        return self._steps & (self._steps - 1) == 0


class AllReduce(Parallel):
    """For `fit(…, parallel=…)`: each process runs the same script, and computes its own rows.

    comm: mpi4py's `MPI.COMM_WORLD`, or anything with `rank`, `size` and `allreduce(array)`, which
    gives every process the sum of all arrays. Each process makes the same loader (of the same
    seed) and takes its share of every batch; the gradients are weighted by the rows, and summed.
    At the start all get the parameters, buffers and optimizer's state of rank 0. Progress is shown
    and checkpoints are written by rank 0 alone; the history is the same in all. An error in one is
    raised in all.

    At steps 1, 2, 4, 8 … each process computes the whole batch, too, and compares: `GraphError`
    where the loss isn't a mean over the samples (a sum, or one weighted by classes), or where the
    samples of a batch see one another (batch norm), or draw random numbers (dropout). check=False
    accepts these: batch norm then sees the rows of one process, and rank 0's running statistics
    count. Raises `ArgumentTypeError` for what is no communicator, `ArgumentError` if the processes
    have different models or epochs; `GraphError` for different data.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> class Alone:  # a world of one process; of several: mpi4py's MPI.COMM_WORLD
    ...     rank, size = 0, 1
    ...     def allreduce(self, array):
    ...         return array
    ...
    >>> X, model = np.linspace(-1.0, 1.0, 40)[:, None], nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> history = nn.fit(model, [(X, 3 * X)], nn.mse_loss, steps, 40, progress=False,
    ...                  parallel=nn.parallel.AllReduce(Alone()))
    >>> history[-1].loss < 1e-3
    True
    """

    def __init__(self, comm: Any, check: bool = True) -> None:
        super().__init__()
        self.check = a_flag(check, "check")
        self._ranks = Ranks(comm)
        self._model: Any = None

    @property
    def rank(self) -> int:
        """The number of this process."""
        return self._ranks.rank

    def start(self, model: Module, optimizer: Optimizer | None = None, epochs: int = 0) -> None:
        """Begin with the parameters, buffers, and optimizer's state of rank 0."""
        super().start(model, optimizer)
        ranks = self._ranks
        ranks.begin(message_length(model), [digest_of_form(model, optimizer), epochs],
                    ["the model or the optimizer", "the epochs that are left to train"])
        state = None if ranks.rank else (
            model.state_dict(), optimizer.state_dict() if optimizer else None)
        numbers, remembered = ranks.objects(state)[0]
        with ranks.telling():
            if ranks.rank:
                model.load_state_dict(numbers)
                if optimizer is not None:
                    optimizer.load_state_dict(remembered)
        self._model = model

    def batch(self, work: Work, of_rows: OfRows | None = None, predicts: bool = False
              ) -> tuple[float, Any]:
        """The loss of a batch, and the prediction: for all rows if asked, else for one's own."""
        if self._model is not work.model:
            self.start(work.model)
        ranks, alone, prediction = self._ranks, None, None
        total = np.zeros(ranks.amounts)
        with ranks.telling():
            rows = row_count(work)
            if self._is_checked() and self.check:
                alone = computed_whole(work)
            mine = shares(rows, ranks.size)[ranks.rank]
            if mine.stop > mine.start:
                number, prediction = (of_rows or backpropagation(work))(work.x[mine], work.y[mine])
                total = amounts_of(work.model, number) * ((mine.stop - mine.start) / rows)
            forget_gradients(work.model)  # a part's are no one's
            prediction = numbers_of(prediction) if predicts else prediction
            marks = rows, digest_of_rows(work)
        total, told = ranks.turn(BATCH, marks, total)
        if (told != told[0]).any():
            raise ranks.agreed(errors.GraphError(
                f"rank {int(np.argmax((told != told[0]).any(axis=1)))} has another batch than "
                "rank 0: give each process the same data in the same order, nn.DataLoader(…, rng="
                "seed) with the same seed; each takes its own rows of every batch"))
        if alone is not None:
            self._compare(work, total, *alone)
        if predicts:
            prediction = predictions_of(ranks.objects(prediction))
        return give(work.model, total), prediction

    def _compare(self, work: Work, total: np.ndarray, whole: np.ndarray, changed: list[str]
                 ) -> None:
        """Raise `GraphError` in all processes if in any of them the sum isn't the batch's."""
        gap, name = gap_of(work.model, total, whole)
        gaps = self._ranks.turn(CHECKED, (gap, 0.0))[1][:, 0]
        if gaps.max() > 0:
            raise self._ranks.agreed(refusal(gaps.max(), name, changed, "check=False accepts it"))

    @contextlib.contextmanager
    def training(self, run: Run) -> Iterator[None]:
        """A block in which `fit` trains: its errors are raised in all processes."""
        self.start(run.model, run.optimizer, run.epochs - len(run.history))
        with self._ranks.telling():
            yield
            self._ranks.turn(END)

    def any_stops(self, stop: bool) -> bool:
        """Whether any of the processes wants to stop."""
        return bool(self._ranks.turn(STOP, (float(stop), 0.0))[1][:, 0].any())

    def end_epoch(self, model: Module) -> None:
        """Give all processes rank 0's buffers, such as running means, if they differ."""
        ranks, buffers = self._ranks, dict(model.named_buffers())
        ranks.turn(END_OF_EPOCH)
        digests = ranks.table([digest(*buffers.values())])
        if (digests != digests[0]).any():
            first = ranks.objects(None if ranks.rank else buffers)[0]
            if ranks.rank:
                model.load_state_dict(first, strict=False)


class Spread(Parallel):
    """For `fit(…, parallel=…)`: this process leads, and `map` sends parts of each batch to workers.

    map: a function such as `executor.map` of concurrent.futures or `pool.map`, called as
    map(function, tasks); what it gives is the results, in order. parts: how many tasks a batch
    makes. A task is complete in itself, with the model and its rows, so that an engine that repeats
    what a dead worker lost (Ray, Dask) goes on, and training ends with the same bits.

    A worker's model is thrown away: batch norm, dropout and whatever else changes the model or
    draws from its generators is refused (`GraphError`), as is a loss that isn't a mean over the
    samples: at steps 1, 2, 4, 8 … the whole batch is computed here, too, and compared.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> X, model = np.linspace(-1.0, 1.0, 40)[:, None], nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> history = nn.fit(model, [(X, 3 * X)], nn.mse_loss, steps, 40, progress=False,
    ...                  parallel=nn.parallel.Spread(map, parts=2))  # Python's own map
    >>> history[-1].loss < 1e-3
    True
    """

    def __init__(self, map: Any, parts: int) -> None:
        super().__init__()
        if not callable(map):
            cure = "; give its map" if hasattr(map, "map") else ""
            raise errors.ArgumentTypeError("map is a function, such as executor.map of "
                                           f"concurrent.futures, not {shown(map)}{cure}")
        self.map, self.parts = map, a_whole_number(parts, "parts", 1)

    def batch(self, work: Work, of_rows: OfRows | None = None, predicts: bool = False
              ) -> tuple[float, Any]:
        """The loss of a batch, and the prediction for all rows, if it is asked for."""
        rows = row_count(work)
        whole, changed = computed_whole(work) if self._is_checked() else (None, [])
        if changed:
            raise errors.GraphError(
                f"a call of the model changes {', '.join(changed)}, which a worker's copy of it "
                "would lose: leave out dropout and batch norm (or model.eval()), or use AllReduce")
        forget_gradients(work.model)  # which needn't be sent
        cut = [s for s in shares(rows, self.parts) if s.stop > s.start]
        tasks = [(i, work._replace(x=work.x[s], y=work.y[s]), predicts) for i, s in enumerate(cut)]
        results = _in_order(list(self.map(part_of_batch, tasks)), len(tasks))
        total = np.sum([amounts * ((s.stop - s.start) / rows) for s, (_, amounts, _) in zip(
            cut, results, strict=True)], axis=0)
        if whole is not None:
            gap, name = gap_of(work.model, total, whole)
            if gap:
                raise refusal(gap, name, changed, "train without parallel")
        prediction = predictions_of([found for *_, found in results]) if predicts else None
        return give(work.model, total), prediction


def _in_order(results: list[Any], count: int) -> list[Any]:
    """What the workers gave, by their numbers. Raises `GraphError` if that isn't one of each."""
    numbers = [r[0] if isinstance(r, tuple) else shown(r) for r in results]
    if len(numbers) != count or set(numbers) != set(range(count)):
        raise errors.GraphError(
            f"map(function, tasks) has to give the results of tasks 0 to {count - 1}, each once; "
            f"it gave {', '.join(map(str, numbers[:4]))}")
    return sorted(results, key=lambda result: int(result[0]))
