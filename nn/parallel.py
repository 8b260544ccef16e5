"""One batch's gradient, computed in parts: by several processes, or over anything that has a `map`.

Of a loss that is the mean over the samples, the parts' gradients, each weighted by its rows, add up
to the batch's. That is checked while it is used.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from autograd_mini import errors

from .adding_up import (
    Whole,
    computed_whole,
    digest,
    digest_of_form,
    digest_of_rows,
    gap_of,
    refusal,
    refusal_of_changes,
)
from .arguments import Called, a_flag, a_whole_number, shown
from .evaluation import numbers_of
from .module import Module
from .optimizer import Optimizer
from .parts import (
    OfRows,
    Work,
    amounts_of,
    backpropagation,
    forget_gradients,
    give,
    message_length,
    part_of_batch,
    predictions_of,
    row_count,
    shares,
)
from .ranks import Ranks, unpacked

__all__ = ["AllReduce", "Parallel", "Spread", "part_of_batch"]

BATCH, CHECKED, STOP, END_OF_EPOCH, END, CHANGED = range(1, 7)  # what a process is at
MOST_LABELS = 1000  # that are remembered


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
        self._steps, self._labels = 0, set[Any]()

    @property
    def rank(self) -> int:
        """The number of this process among those that train; 0 writes files."""
        return 0

    def gradient(self, model: Module, loss: Callable[[Any, Any], Any], x: Any, y: Any) -> float:
        """The loss of a batch; its gradient is then in the parameters, for `optimizer.step()`.

        For a training loop of one's own, after `start(model, optimizer)`. x, y: the whole batch, a
        row a sample, the same in all processes. Raises `GraphError` if the parts don't add up, in
        all processes alike, and before any gradient is there; `ArgumentTypeError` and `ShapeError`
        for a batch that can't be cut by its rows.
        """
        return self.batch(Work(model, loss, x, y))[0]

    def start(self, model: Module, optimizer: Optimizer | None = None, epochs: int = 0) -> None:
        """Begin a training. Raises `ArgumentError` for an optimizer of other parameters than the
        model's.
        """
        self._steps, self._labels = 0, set()
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
    def together(self) -> Iterator[None]:
        """A block for all of `fit`, whose errors are raised in all processes."""
        yield

    def any_stops(self, stop: bool) -> bool:
        """Whether any of the processes wants to stop."""
        return stop

    def end_epoch(self, model: Module) -> None:
        """After the last batch of an epoch."""

    def _is_checked(self, y: Any) -> bool:
        """Count a step; whether it is also computed as a whole: 1 to 8, 16, 32 …, and those in
        whose y there is a whole number for the first time, such as a label that is left out.
        """
        self._steps += 1
        labels = y if isinstance(y, np.ndarray) else np.asarray([v for v in y if not np.ndim(v)])
        new = {*np.unique(labels).tolist()} - self._labels if labels.dtype.kind in "iub" and (
            len(self._labels) < MOST_LABELS) else set()
        self._labels |= new
        return bool(new) or self._steps <= 8 or self._steps & (self._steps - 1) == 0


class AllReduce(Parallel):
    """For `fit(…, parallel=…)`: each process runs the same script, and computes its own rows.

    comm: mpi4py's `MPI.COMM_WORLD`, or anything with `rank`, `size` and `allreduce(array)`, which
    gives every process the sum of all arrays. Each process makes the same loader (of the same
    seed) and takes its share of every batch; the gradients are weighted by the rows, and summed.
    At the start all get the parameters, buffers and optimizer's state of rank 0. Progress is shown
    and checkpoints are written by rank 0 alone; the history is the same in all. An error in one is
    raised in all.

    At steps 1 to 8, 16, 32 …, and where a label is new, each process computes the whole batch, too,
    and compares: `GraphError` where the loss isn't a mean over the samples (a sum, or one weighted
    by classes), where the samples of a batch see one another, or where a call changes the model or
    draws random numbers (batch norm, dropout). check=False accepts these: batch norm then sees the
    rows of one process, and rank 0's running statistics count. Raises `ArgumentTypeError` for what
    is no communicator, `ArgumentError` if the processes have different models or epochs;
    `GraphError` for different data, and where their parameters have come apart.

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
        self._parameters: list[Any] = []

    @property
    def rank(self) -> int:
        """The number of this process."""
        return self._ranks.rank

    def start(self, model: Module, optimizer: Optimizer | None = None, epochs: int = 0) -> None:
        """Begin with the parameters, buffers, and optimizer's state of rank 0."""
        ranks = self._ranks
        with ranks.telling():
            super().start(model, optimizer)
            form, length = digest_of_form(model, optimizer), message_length(model)
            state = b"" if ranks.rank else pickle.dumps(
                (model.state_dict(), optimizer.state_dict() if optimizer else None))
        ranks.hello()
        ranks.begin(length, [form, epochs],
                    ["the model or the optimizer", "the epochs that are left to train"])
        numbers, remembered = pickle.loads(ranks.packets(state)[0])
        with ranks.telling():
            if ranks.rank:
                model.load_state_dict(numbers)
                if optimizer is not None:
                    optimizer.load_state_dict(remembered)
        self._model, self._parameters = model, model.parameters()

    def batch(self, work: Work, of_rows: OfRows | None = None, predicts: bool = False
              ) -> tuple[float, Any]:
        """The loss of a batch, and the prediction: for all rows if asked, else for one's own."""
        ranks, whole, found = self._ranks, None, b""
        ranks.over = False  # whatever was raised before, all have caught it
        self._follow(work.model)
        total = np.zeros(ranks.amounts)
        try:
            with ranks.telling():
                rows = row_count(work)
                checked = self._is_checked(work.y) and self.check and ranks.size > 1
                whole = computed_whole(work) if checked else None
                marks = rows, digest_of_rows(work, checked), predicts
                mine = shares(rows, ranks.size)[ranks.rank]
                prediction = None
                if mine.stop > mine.start and not (whole and whole.changed):
                    number, prediction = _of_part(work, mine, of_rows, whole)
                    total = amounts_of(work.model, number) * ((mine.stop - mine.start) / rows)
                found = pickle.dumps(numbers_of(prediction)) if predicts else found
        finally:
            forget_gradients(work.model)  # a part's are no one's
        total, told = ranks.turn(BATCH, marks, total)
        if (told != told[0]).any():
            raise ranks.agreed(errors.GraphError(
                f"the processes have different batches or metrics ({ranks.other(told)}): give each "
                "the same data in the same order, nn.DataLoader(…, rng=seed) with the same seed; "
                "each takes its own rows of every batch"))
        if whole is not None:
            self._compare(work.model, total, whole)
        if predicts:
            prediction = predictions_of([*map(pickle.loads, ranks.packets(found))])
        return give(work.model, total), prediction

    def _follow(self, model: Module) -> None:
        """Begin, for a model that is new here; go on with other parameters, if all do."""
        if self._model is not model:
            self.start(model)
        parameters = model.parameters()
        if len(parameters) != len(self._parameters) or any(
                p is not q for p, q in zip(parameters, self._parameters, strict=True)):
            self._ranks.turn(CHANGED)  # as when a callback has frozen a weight
            self._ranks.begin(message_length(model), [digest_of_form(model, None)], ["the model"])
            self._parameters = parameters

    def _compare(self, model: Module, total: np.ndarray, whole: Whole) -> None:
        """Raise `GraphError` in all processes if in any of them the sum isn't the batch's, or if
        they have come apart.
        """
        gap, name = gap_of(model, total, whole)
        told = self._ranks.turn(CHECKED, (gap, bool(whole.changed), self._digest()))[1]
        if (told[:, 2] != told[0, 2]).any():
            raise self._apart(told[:, 2:])
        if told[:, 1].any():
            raise self._ranks.agreed(refusal_of_changes(
                whole.changed or ["something in another process"], "check=False accepts it"))
        if told[:, 0].any():
            raise self._ranks.agreed(refusal(told[:, 0].max(), name, "check=False accepts it"))

    def _digest(self) -> int:
        return digest(*[p.value for p in self._parameters])

    def _apart(self, told: np.ndarray) -> Exception:
        return self._ranks.agreed(errors.GraphError(
            f"the processes have come to different parameters ({self._ranks.other(told)}): "
            "something moves, loads, or steps them otherwise in one of them, as a callback may"))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """A block for all of `fit`: its errors are raised in all processes."""
        self._ranks.amounts, self._ranks.over = 0, False
        with self._ranks.telling():
            yield
            told = self._ranks.turn(END, (self._digest(),))[1]
            if (told != told[0]).any():
                raise self._apart(told)

    def any_stops(self, stop: bool) -> bool:
        """Whether any of the processes wants to stop."""
        return bool(self._ranks.turn(STOP, (float(stop),))[1][:, 0].any())

    def end_epoch(self, model: Module) -> None:
        """Give all processes rank 0's buffers, such as running means, if they differ."""
        ranks, buffers = self._ranks, dict(model.named_buffers())
        told = ranks.turn(END_OF_EPOCH, (digest(*buffers.values()), self._digest()))[1]
        if (told[:, 1] != told[0, 1]).any():
            raise self._apart(told[:, 1:2])
        if (told[:, 0] != told[0, 0]).any():
            first = pickle.loads(ranks.packets(b"" if ranks.rank else pickle.dumps(buffers))[0])
            if ranks.rank:
                model.load_state_dict(first, strict=False)


def _of_part(work: Work, mine: slice, of_rows: OfRows | None, whole: Whole | None
             ) -> tuple[float, Any]:
    """The loss and the prediction of one's own rows, with the gradients in the parameters."""
    try:
        return (of_rows or backpropagation(work))(work.x[mine], work.y[mine])
    except Exception as error:
        if whole is not None:
            error.add_note(f"(the whole batch can be computed, its rows {mine.start} to "
                           f"{mine.stop - 1} alone can't)")
        raise


class Spread(Parallel):
    """For `fit(…, parallel=…)`: this process leads, and `map` sends parts of each batch to workers.

    map: a function such as `executor.map` of concurrent.futures or `pool.map`, called as
    map(function, tasks); what it gives is the results, in order. parts: how many tasks a batch
    makes. A task is complete in itself, with the model and its rows, so that an engine that repeats
    what a dead worker lost (Ray, Dask) goes on, and training ends with the same bits.

    A worker's model is thrown away: batch norm, dropout and whatever else changes the model or
    draws random numbers is refused (`GraphError`), as is a loss that isn't a mean over the samples:
    at steps 1 to 8, 16, 32 …, and where a label is new, the whole batch is computed here, too, and
    compared. What a worker raises is raised here. Raises `ArgumentTypeError` for a map that is no
    function.

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
        whole = computed_whole(work) if self._is_checked(work.y) else None
        if whole is not None and whole.changed:
            forget_gradients(work.model)
            raise refusal_of_changes(whole.changed, "a worker's copy of the model would lose it: "
                                     "leave these out (or model.eval()), or use AllReduce")
        forget_gradients(work.model)  # which needn't be sent
        cut = [s for s in shares(rows, self.parts) if s.stop > s.start]
        tasks = [(i, work._replace(x=work.x[s], y=work.y[s]), predicts) for i, s in enumerate(cut)]
        results = _in_order(self._mapped(tasks), len(tasks))
        forget_gradients(work.model)  # of threads, which have this very model
        total = np.sum([amounts * ((s.stop - s.start) / rows) for s, (_, amounts, _) in zip(
            cut, results, strict=True)], axis=0)
        if whole is not None:
            gap, name = gap_of(work.model, total, whole)
            if gap:
                raise refusal(gap, name, "train without parallel")
        prediction = predictions_of([found for *_, found in results]) if predicts else None
        return give(work.model, total), prediction

    def _mapped(self, tasks: list[Any]) -> list[Any]:
        """The results of all tasks."""
        try:
            results = self.map(part_of_batch, tasks)
            if isinstance(results, Iterable):
                return [*results]  # of executor.map, what it raises comes here
        except Exception as error:
            if "pickle" in f"{error!r}".lower() or "local object" in str(error):  # as 3.13 says
                error.add_note("(Spread sends the model and the loss to the workers: define both in"
                               " a file, the loss as a function with a name)")
            raise
        raise errors.GraphError(f"map(function, tasks) has to give the results, not "
                                f"{shown(results)}")


def _in_order(results: list[Any], count: int) -> list[Any]:
    """What the workers gave, by their numbers. Raises `GraphError` if that isn't one of each."""
    numbers = [r[0] if isinstance(r, tuple) else shown(r) for r in results]
    if len(numbers) != count or set(numbers) != set(range(count)):
        raise errors.GraphError(
            f"map(function, tasks) has to give the results of tasks 0 to {count - 1}, each once; "
            f"it gave {', '.join(map(str, numbers[:4]))}")
    for result in results:
        if isinstance(result[1], bytes):
            raise unpacked(result[1])
    return sorted(results, key=lambda result: int(result[0]))
