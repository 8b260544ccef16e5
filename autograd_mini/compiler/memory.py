"""The machine's memory has a number for each value of the code, or one for each sample."""

from __future__ import annotations

import numpy as np

from .schedule import Schedule

__all__ = ["Memory", "MemoryPool"]

Ids = np.ndarray


class Memory:
    """The numbers of a run: `u` has one of each shared value, `v` a row of samples of the others.

    Where a value lies in them is said by `place` and `lane` of the schedule.
    """

    __slots__ = ("_lane", "_place", "u", "v")

    def __init__(self, schedule: Schedule, width: int) -> None:
        self.u, self.v = np.zeros(schedule.sizes[0]), np.zeros((schedule.sizes[1], width))
        self.u[schedule.place[schedule.constants]] = schedule.constant_numbers
        self._lane, self._place = schedule.lane, schedule.place

    def numbers(self, ids: Ids, w: int) -> np.ndarray:
        """The numbers of these values: a row each, of the w samples that are in the machine."""
        lane, place = self._lane[ids], self._place[ids]
        both = np.empty((len(ids), w))
        both[lane] = self.v[place[lane], :w]
        both[~lane] = self.u[place[~lane], None]
        return both


class MemoryPool:
    """Memories with the constants in them: used again, but by one call at a time."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._free: list[Memory] = []

    def take(self, width: int) -> Memory:
        """A memory for so many samples at once, rounded up."""
        width = -(-width // 8) * 8
        try:
            while True:
                memory = self._free.pop()
                if memory.v.shape[1] == width:
                    return memory
        except IndexError:  # none is left
            return Memory(self._schedule, width)

    def give_back(self, memory: Memory) -> None:
        """Let a later call have it."""
        self._free.append(memory)
