"""What the processes of one training tell one another, by nothing but sums of arrays."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini import errors

from .arguments import shown

__all__ = ["Ranks"]

FAILED = -1.0  # what a process is at that has met an error


class Ranks:
    """One process of several that do the same at the same time: `rank`, of `size`.

    All that they need is `allreduce`, which gives each the sum of what all of them gave. In a
    training every message has the same length and says what its sender is at: so all notice alike,
    and at once, if one of them is somewhere else or has failed, and none waits for ever.
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm
        self.rank, self.size = _place(comm)
        self.amounts = 0  # numbers in a message, beside what each is at
        self.over = False  # whether all know that there is nothing more to be said

    def sum(self, x: np.ndarray) -> np.ndarray:
        """The sum over all processes of an array that has the same shape in each."""
        try:
            if hasattr(self.comm, "Allreduce"):  # mpi4py's, of arrays without pickling
                total = np.empty_like(x)
                self.comm.Allreduce(x, total)
                return total
            return np.asarray(self.comm.allreduce(x), x.dtype)
        except BaseException:
            self.over = True  # nothing reaches the others any more
            raise

    def table(self, row: Sequence[float]) -> np.ndarray:
        """Each process's row of numbers, one below the other."""
        rows = np.zeros((self.size, len(row)))
        rows[self.rank] = row
        return self.sum(rows)

    def objects(self, mine: Any) -> list[Any]:
        """What each process gives, in all of them: their bytes, each where the others have 0."""
        packed = np.frombuffer(pickle.dumps(mine), np.uint8)
        ends = np.cumsum(self.table([packed.size])[:, 0]).astype(int)
        together = np.zeros(ends[-1], np.uint8)
        together[ends[self.rank] - packed.size : ends[self.rank]] = packed
        parts = np.split(self.sum(together), ends[:-1])
        return [pickle.loads(part.tobytes()) for part in parts]

    def begin(self, amounts: int, row: Sequence[float], names: Sequence[str]) -> None:
        """Begin a training in which each message has so many amounts.

        Raises `ArgumentTypeError` in all processes if sums aren't sums, `ArgumentError` if their
        rows of numbers, called `names`, differ.
        """
        self.amounts, self.over = amounts, False
        rows = self.table([self.rank + 1.0, *row])
        if rows.shape != (self.size, len(row) + 1) or (
                rows[:, 0] != np.arange(1, self.size + 1)).any():
            raise errors.ArgumentTypeError(
                "comm.allreduce(x) has to give every process the sum of the arrays that all of "
                f"them gave; it isn't what mpi4py's MPI.COMM_WORLD does: {shown(self.comm)}")
        for name, column in zip(names, rows[:, 1:].T, strict=True):
            if (column != column[0]).any():
                other = int(np.argmax(column != column[0]))
                raise errors.ArgumentError(
                    f"the processes differ in {name} (rank {other} from rank 0): each has to run "
                    "the same script, with the same model, optimizer, epochs and checkpoint")

    def turn(self, at: float, marks: Sequence[float] = (0.0, 0.0),
             amounts: np.ndarray | None = None, error: BaseException | None = None
             ) -> tuple[np.ndarray, np.ndarray]:
        """One message of each: what it is `at`, two marks, and amounts, which are added up.

        Returns the amounts' sum, and the marks of each. If any process has met an error, it is
        raised in all; `GraphError` if one of them is at something else.
        """
        message = np.zeros(self.amounts + 3 * self.size)
        if amounts is not None:
            message[: self.amounts] = amounts
        told = message[self.amounts :].reshape(self.size, 3)
        told[self.rank] = (FAILED if error is not None else at, *marks)
        total = self.sum(message)
        told = total[self.amounts :].reshape(self.size, 3)
        if (told[:, 0] == FAILED).any():
            raise self._error_of_all(error)
        if (told[:, 0] != at).any():
            raise self.agreed(errors.GraphError(
                f"the processes have different numbers of batches (rank "
                f"{int(np.argmax(told[:, 0] != told[0, 0]))} from rank 0), or one of them stopped "
                "earlier: give each the same data, batch_size, and callbacks"))
        return total[: self.amounts], told[:, 1:]

    def agreed(self, error: Exception) -> Exception:
        """An error that all processes raise at this point, so that none of them need be told."""
        self.over = True
        return error

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """A block whose errors are raised in all processes, instead of their next turn."""
        try:
            yield
        except (Exception, SystemExit) as error:
            if not self.over:
                self.turn(FAILED, error=error)
            raise

    def _error_of_all(self, mine: BaseException | None) -> BaseException:
        """The error of this process, or that of the first that has one."""
        told = self.objects(_sendable(mine))
        self.over = True
        if mine is not None:
            return mine
        rank = next(i for i, error in enumerate(told) if error is not None)
        error: BaseException = told[rank]
        error.add_note(f"(this was raised in rank {rank}; rank {self.rank} stops with it)")
        return error


def _place(comm: Any) -> tuple[int, int]:
    """A communicator's rank and size. Raises `ArgumentTypeError` if it is none."""
    rank, size = getattr(comm, "rank", None), getattr(comm, "size", None)
    whole = int | np.integer
    if not isinstance(rank, whole) or not isinstance(size, whole) or not 0 <= rank < size or not (
            callable(getattr(comm, "allreduce", None))):
        cure = "; give MPI.COMM_WORLD" if hasattr(comm, "COMM_WORLD") else ""
        raise errors.ArgumentTypeError(
            "comm has a rank, a size (0 ≤ rank < size) and allreduce, as mpi4py's MPI.COMM_WORLD, "
            f"not {shown(comm)}{cure}")
    return int(rank), int(size)


def _sendable(error: BaseException | None) -> BaseException | None:
    """The error, or its text in one that can be pickled."""
    try:
        return pickle.loads(pickle.dumps(error)) and error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
