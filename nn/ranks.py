"""What the processes of one training tell one another, by nothing but sums of arrays."""

from __future__ import annotations

import contextlib
import operator
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini import errors

from .arguments import shown

__all__ = ["Ranks", "packed", "unpacked"]

FAILED, HELLO = -1.0, 0.0  # what a process is at that has met an error, or begins
MARKS = 4  # of each process in a message: what it is at, and three more


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
            total = np.array(self.comm.allreduce(x))  # a copy: it may use its array again
        except BaseException:
            self.over = True  # nothing reaches the others any more
            raise
        if total.shape != x.shape or total.dtype != x.dtype:
            raise self.agreed(errors.ArgumentTypeError(
                f"comm.allreduce(x) of an array of {x.dtype} and shape {x.shape} gave one of "
                f"{total.dtype} and shape {total.shape}: it has to keep both"))
        return total

    def table(self, row: Sequence[float]) -> np.ndarray:
        """Each process's row of numbers, one below the other."""
        rows = np.zeros((self.size, len(row)))
        rows[self.rank] = row
        return self.sum(rows)

    def packets(self, packet: bytes) -> list[bytes]:
        """What each process gives, in all of them: bytes, each where the others have 0."""
        own = np.frombuffer(packet, np.uint8)
        ends = np.cumsum(self.table([own.size])[:, 0]).astype(int)
        together = np.zeros(ends[-1], np.uint8)
        together[ends[self.rank] - own.size : ends[self.rank]] = own
        return [part.tobytes() for part in np.split(self.sum(together), ends[:-1])]

    def hello(self) -> None:
        """Before a training: its errors so far are raised in all processes."""
        self.amounts, self.over = 0, False
        self.turn(HELLO)

    def begin(self, amounts: int, row: Sequence[float], names: Sequence[str]) -> None:
        """Begin a training in which each message has so many amounts.

        Raises `ArgumentTypeError` in all processes if sums aren't sums, `ArgumentError` if their
        rows of numbers, called `names`, differ.
        """
        rows = self.table([self.rank + 1.0, *row])
        if (rows[:, 0] != np.arange(1, self.size + 1)).any():
            raise self.agreed(errors.ArgumentTypeError(
                "comm.allreduce(x) has to give every process the sum of the arrays that all of "
                f"them gave; it isn't what mpi4py's MPI.COMM_WORLD does: {shown(self.comm)}"))
        for name, column in zip(names, rows[:, 1:].T, strict=True):
            if (column != column[0]).any():
                raise self.agreed(errors.ArgumentError(
                    f"the processes differ in {name} ({self.other(column[:, None])}): each has to "
                    "run the same script, with the same model, optimizer, epochs and checkpoint"))
        self.amounts = amounts

    def turn(self, at: float, marks: Sequence[float] = (), amounts: np.ndarray | None = None,
             error: BaseException | None = None) -> tuple[np.ndarray, np.ndarray]:
        """One message of each: what it is `at`, up to three marks, and amounts, which are added up.

        Returns the amounts' sum, and the marks of each. If any process has met an error, it is
        raised in all; `GraphError` if one of them is at something else.
        """
        message = np.zeros(self.amounts + MARKS * self.size)
        if amounts is not None:
            message[: self.amounts] = amounts
        told = message[self.amounts :].reshape(self.size, MARKS)
        told[self.rank, : 1 + len(marks)] = (FAILED if error is not None else at, *marks)
        total = self.sum(message)
        told = total[self.amounts :].reshape(self.size, MARKS)
        if (told[:, 0] == FAILED).any():
            raise self._error_of_all(error)
        if (told[:, 0] != at).any():
            raise self.agreed(errors.GraphError(
                f"the processes have different numbers of batches ({self.other(told[:, :1])}), or "
                "one of them stopped earlier: give each the same data, batch_size, and callbacks"))
        return total[: self.amounts], told[:, 1:]

    def other(self, rows: np.ndarray) -> str:
        """Which process has another row than the first."""
        return f"rank {int(np.argmax((rows != rows[0]).any(axis=1)))} from rank 0"

    def agreed(self, error: Exception) -> Exception:
        """An error that all processes raise at this point, so that none of them need be told."""
        self.over = True
        return error

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """A block whose errors are raised in all processes, instead of their next turn."""
        try:
            yield
        except BaseException as error:  # a KeyboardInterrupt, too: the others wait
            if not self.over:
                self.turn(FAILED, error=error)
            raise

    def _error_of_all(self, mine: BaseException | None) -> BaseException:
        """The error of this process, or that of the first that has one."""
        self.over = True
        told = self.packets(packed(mine) if mine is not None else b"")
        if mine is not None:
            return mine
        rank = next(i for i, error in enumerate(told) if error)
        error = unpacked(told[rank])
        error.add_note(f"(this was raised in rank {rank}; rank {self.rank} stops with it)")
        return error


def _place(comm: Any) -> tuple[int, int]:
    """A communicator's rank and size. Raises `ArgumentTypeError` if it is none."""
    try:
        rank, size = comm.rank, comm.size
        fits = 0 <= operator.index(rank) < operator.index(size) and callable(comm.allreduce)
    except Exception:  # MPI.COMM_NULL's own, too
        fits = False
    if not fits or (hasattr(comm, "Is_inter") and comm.Is_inter()):
        cure = "; give MPI.COMM_WORLD" if hasattr(comm, "COMM_WORLD") else ""
        raise errors.ArgumentTypeError(
            "comm has a rank, a size (0 ≤ rank < size) and allreduce, as mpi4py's MPI.COMM_WORLD, "
            f"not {shown(comm)}{cure}")
    return int(rank), int(size)


def packed(error: BaseException) -> bytes:
    """An error as bytes, with its text, should it not be had from them."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:
        text = type(error).__name__
    try:
        return pickle.dumps((text, pickle.dumps(error)))
    except BaseException:  # whatever its __reduce__ raises
        return pickle.dumps((text, b""))


def unpacked(packet: bytes) -> BaseException:
    """The error; a `RuntimeError` with its text, if its class can't be had here."""
    text, inner = pickle.loads(packet)
    try:
        error = pickle.loads(inner)
        str(error)
    except BaseException:
        error = None
    return error if isinstance(error, BaseException) else RuntimeError(text)
