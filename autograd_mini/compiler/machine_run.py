"""A program of which much is asked runs on the machine: a batch, or very many operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops import extremes
from .code import Code
from .forms import Numbers
from .guards import GUARD_FAILED, Guard, compared_by, grouped
from .machine import in_range
from .memory import Memory, MemoryPool
from .schedule import Schedule
from .slopes import INEXACT, Slopes, is_exact

__all__ = ["MachineRun"]

BLOCK = 128
"""How many samples go through the machine at once: their numbers should stay in the cache."""

Ids = np.ndarray


class MachineRun:
    """The code laid out for the machine: the schedule, the memories, and what is checked.

    wary: whether a run without a batch gives up where any value isn't finite, not only a result.
    batched: which arguments have a number for each sample.
    """

    where = "in machine code"

    def __init__(self, code: Code, outputs: Ids, guards: Sequence[Guard], slopes: list[Slopes],
                 lengths: list[tuple[int, ...]], wary: bool, batched: Sequence[int]) -> None:
        self.batched, self._wary = batched, wary
        schedule = Schedule(code, np.array([*outputs, *compared_by(guards)], int))
        self.schedule: Schedule = schedule
        self.out_place, self.out_lane = schedule.place[outputs], schedule.lane[outputs]
        self.any_lane = bool(self.out_lane.any())
        self.guards = grouped(guards)
        self.checks: list[_SlopeCheck | _LengthCheck] = [
            _SlopeCheck(slopes, schedule), _LengthCheck(lengths, schedule)]
        self.memories = MemoryPool(schedule)

    def compile(self) -> None:
        """Compile the machine, which otherwise the first run would do."""
        self.schedule.compile()

    def run(self, shared: Numbers, inputs: Numbers, samples: int) -> Any:
        """The outputs, a row for each if they differ by sample; GUARD_FAILED, or INEXACT.

        shared: the numbers that all samples share, in the order of the inputs of the code.
        """
        width = samples if self.schedule.staged else -(-samples // -(-samples // BLOCK))
        memory = self.memories.take(width)
        at = 0
        for x in shared:
            memory.u[at : at + len(x)] = x
            at += len(x)
        found = (self._run_batch(memory, inputs, samples, width) if self.batched
                 else self._run_single(memory))
        self.memories.give_back(memory)
        return found

    def _run_single(self, memory: Memory) -> Any:
        schedule = self.schedule
        for segment in schedule.segments:
            schedule.run(segment.program, schedule.index, memory.u)
        if self.guards and not self._guards_hold(memory, 1):
            return GUARD_FAILED
        exact = self._is_exact(memory, 1, lanes=False) and not (
            self._wary and not np.isfinite(memory.u).all())
        return memory.u[self.out_place] if exact else INEXACT

    def _run_batch(self, memory: Memory, inputs: Numbers, samples: int, width: int) -> Any:
        """The outputs of a batch, block by block."""
        schedule, lanes, exact, u, v = self.schedule, self.out_lane, True, memory.u, memory.v
        u[schedule.lane_sums] = 0.0
        outputs = np.empty((len(lanes), samples)) if self.any_lane else None
        before, rest = schedule.before, schedule.segments[len(schedule.before):]
        for segment in before:
            schedule.run(segment.program, schedule.index, u)
        for start in range(0, samples, width):
            w = min(width, samples - start)
            self._load(v, inputs, start, w)
            for segment in rest:
                if segment.lanes:
                    schedule.run_lanes(segment.program, schedule.index, segment.shared, u, v, w)
                elif schedule.staged:
                    schedule.run(segment.program, schedule.index, u)
            if self.guards and not self._guards_hold(memory, w):
                return GUARD_FAILED
            exact = exact and self._is_exact(memory, w, lanes=True)
            if outputs is not None:
                outputs[lanes, start : start + w] = v[self.out_place[lanes], :w]
        for segment in rest:
            if not (segment.lanes or schedule.staged):
                schedule.run(segment.program, schedule.index, u)
        if not (exact and self._is_exact(memory, 1, lanes=False)):
            return INEXACT
        if outputs is None:
            return u[self.out_place]
        outputs[~lanes] = u[self.out_place[~lanes], None]
        return outputs

    def _load(self, v: np.ndarray, inputs: Numbers, start: int, w: int) -> None:
        """Put the numbers of w samples into the first rows."""
        at = 0
        for i in self.batched:
            x = inputs[i]
            v[at : at + len(x), :w] = x[:, start : start + w]
            at += len(x)

    def _guards_hold(self, memory: Memory, w: int) -> bool:
        """Whether all comparisons come out as when the program was recorded."""
        return all(group.holds(lambda ids: memory.numbers(ids, w)) for group in self.guards)

    def _is_exact(self, memory: Memory, w: int, lanes: bool) -> bool:
        """Whether the engine would give the same numbers."""
        return all([check.is_exact(memory, w, lanes) for check in self.checks])


class _SlopeCheck:
    """Whether cotangents times slopes are what the rows' own rules for the product give."""

    def __init__(self, slopes: list[Slopes], schedule: Schedule) -> None:
        self._slopes: list[list[Slopes]] = [[], []]
        self._needed = schedule.needed
        for some in slopes:
            needed = schedule.needed[some.g] & schedule.needed[some.slope]
            for lane in (False, True):
                at = np.flatnonzero(needed & (schedule.lane[some.slope] == lane))
                if at.size:
                    self._slopes[lane].append(Slopes(
                        some.row, some.i, some.g[at], some.slope[at], some.y[at],
                        [x[at] for x in some.xs]))
        self._places = [np.concatenate([np.empty(0, int), *[
            schedule.place[part.slope] for part in parts]]) for parts in self._slopes]

    def is_exact(self, memory: Memory, w: int, lanes: bool) -> bool:
        """Whether all products are exact.

        lanes: whether those of each of w samples are asked for, or those that all samples share.
        """
        if not self._slopes[lanes]:
            return True
        if in_range(memory.v if lanes else memory.u[:, None], self._places[lanes], w):
            return True  # nearly always
        return all([self._products_are_exact(part, memory, w) for part in self._slopes[lanes]])

    def _products_are_exact(self, part: Slopes, memory: Memory, w: int) -> bool:
        slope = memory.numbers(part.slope, w)
        odd = ~extremes.in_range(slope)
        if not all([self._needed[x[odd.any(axis=1)]].all() for x in part.xs]):
            return False  # the machine doesn't compute them: the engine has to find out
        g, *xs = [memory.numbers(ids, w)[odd] for ids in (part.g, *part.xs)]
        return is_exact(part.row, part.i, g, slope[odd], *xs)


class _LengthCheck:
    """Whether no length of the recorded code is 0."""

    def __init__(self, lengths: list[tuple[int, ...]], schedule: Schedule) -> None:
        self._inputs: list[list[np.ndarray]] = [[], []]
        for lane in (False, True):
            for n in {len(xs) for xs in lengths}:
                of = [xs for xs in lengths if len(xs) == n and all(schedule.needed[list(xs)])
                      and any(schedule.lane[list(xs)]) == lane]
                if of:
                    self._inputs[lane].append(np.array(of).T)

    def is_exact(self, memory: Memory, w: int, lanes: bool) -> bool:
        """Whether there is none; `lanes` as for `_SlopeCheck`."""
        return not any(np.all([memory.numbers(x, w) == 0 for x in xs], axis=0).any()
                       for xs in self._inputs[lanes])
