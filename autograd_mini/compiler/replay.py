"""A replay runs the code of a trace for other numbers, and says whether the guards held."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import GraphError
from ..recording import undisturbed
from .differentiate import Differentiator
from .forms import Numbers, ResultForm, with_numbers
from .guards import grouped
from .interpreter import interpret
from .machine import NumbaError, check_compiles
from .memory import Memory, MemoryPool
from .schedule import Schedule
from .slopes import LengthCheck, SlopeCheck
from .trace import Trace
from .transform import Transforms

__all__ = ["GUARD_FAILED", "Replay"]

GUARD_FAILED = object()
"""The result of a replay in which a comparison came out differently from the recording."""

BLOCK = 128
"""How many samples go through the machine at once: their numbers should stay in the cache."""


class Replay:
    """A trace with its derivatives, ready to be run for other numbers.

    The machine runs it; where that isn't exact, the interpreter; and where a gradient inside the
    function masked a branch and there is a nan, `by_function` calls the function itself.
    """

    def __init__(self, trace: Trace, transforms: Transforms, reduce: str | None,
                 by_function: Callable[[Sequence[Any]], Any] | None) -> None:
        self.trace, self.transforms = trace, transforms
        self.by_function = by_function if trace.masked else None
        derivatives = Differentiator(trace.code)
        with undisturbed():
            output, axes = transforms.apply(trace.output, trace.inputs, derivatives)
        batched = transforms.batched
        self.result = ResultForm(output, axes, bool(batched))
        self.inputs = _Inputs(trace, batched, reduce)
        self.machine_run = _MachineRun(trace, self.result.ids, derivatives, transforms)
        self.schedule = self.machine_run.schedule

    def run(self, inputs: Numbers) -> Any:
        """The result for these numbers; GUARD_FAILED if a comparison comes out differently."""
        samples = self.inputs.samples(inputs)
        shared = self.inputs.shared(inputs, samples)
        values, exact = self.machine_run.run(shared, inputs, samples)
        if values is None:
            return GUARD_FAILED
        if not (exact and math.isfinite(values.sum())):  # there is an inf or a nan (or nearly)
            values = self._interpreted(inputs, shared, samples)
            if self.by_function is not None and np.isnan(values).any():
                return self.by_function(with_numbers(self.trace.args, inputs))
        return self.result.filled(values, samples)

    def first_run(self, inputs: Numbers) -> Any:
        """As `run`, when the machine may yet have to be compiled."""
        try:
            return self.run(inputs)
        except NumbaError as error:
            for row in self.trace.code.rows:
                check_compiles(row)
            raise GraphError(f"{self.trace.name} can't be compiled: {error}") from error

    def _interpreted(self, inputs: Numbers, shared: Numbers, samples: int) -> np.ndarray:
        """The outputs once more, by the engine, which differentiates what was recorded."""
        trace = self.trace
        extra = shared[len(inputs) - len(self.inputs.batched):]
        numbers = [x if isinstance(x, np.ndarray) else float(x)
                   for part in (*inputs, *extra) for x in part]
        return interpret(trace.code, trace.length, trace.output, trace.inputs, numbers,
                         self.transforms, samples)


class _Inputs:
    """The numbers of the code's inputs, from the arguments and from outside."""

    def __init__(self, trace: Trace, batched: Sequence[int], reduce: str | None) -> None:
        self.batched, self.reduce = batched, reduce
        self._outside = list(enumerate(trace.outside))
        self._outside_numbers = np.array([node.value for node in trace.outside], float)

    def samples(self, inputs: Numbers) -> int:
        """How many samples a batch has."""
        return inputs[self.batched[0]].shape[-1] if self.batched else 1

    def shared(self, inputs: Numbers, samples: int) -> Numbers:
        """The numbers that all samples share, in the order of the inputs of the code."""
        shared = [x for i, x in enumerate(inputs) if i not in self.batched]
        if self._outside_numbers.size:
            for i, node in self._outside:
                self._outside_numbers[i] = node.value
            shared.append(self._outside_numbers)
        if self.reduce is not None:
            shared.append(np.array([1.0 / samples if self.reduce == "mean" else 1.0]))
        return shared


class _MachineRun:
    """The code laid out for the machine: the schedule, the memories, and what is checked."""

    def __init__(self, trace: Trace, outputs: np.ndarray, derivatives: Differentiator,
                 transforms: Transforms) -> None:
        self.batched = transforms.batched
        compared = [i for guard in trace.guards for i in (guard.a, guard.b)]
        schedule = Schedule(trace.code, np.array([*outputs, *compared], int))
        self.schedule: Schedule = schedule
        self.out_place, self.out_lane = schedule.place[outputs], schedule.lane[outputs]
        self.any_lane = bool(self.out_lane.any())
        self.guards = grouped(trace.guards)
        self.checks: list[Any] = [
            SlopeCheck(derivatives.slopes, schedule),
            LengthCheck(trace.code, trace.length, len(transforms.steps), schedule)]
        self.memories = MemoryPool(schedule)

    def run(self, shared: Numbers, inputs: Numbers, samples: int) -> tuple[Any, bool]:
        """The outputs, or None if a guard failed; and whether they are exact."""
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

    def _run_single(self, memory: Memory) -> tuple[Any, bool]:
        schedule = self.schedule
        for segment in schedule.segments:
            schedule.run(segment.program, schedule.index, memory.u)
        if self.guards and not self._guards_hold(memory, 1):
            return None, False
        return memory.u[self.out_place], self._is_exact(memory, 1, lanes=False)

    def _run_batch(self, memory: Memory, inputs: Numbers, samples: int, width: int
                   ) -> tuple[Any, bool]:
        """The outputs of a batch, block by block; a row for each, if they differ by sample."""
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
                return None, False
            exact = exact and self._is_exact(memory, w, lanes=True)
            if outputs is not None:
                outputs[lanes, start : start + w] = v[self.out_place[lanes], :w]
        for segment in rest:
            if not (segment.lanes or schedule.staged):
                schedule.run(segment.program, schedule.index, u)
        exact = exact and self._is_exact(memory, 1, lanes=False)
        if outputs is None:
            return u[self.out_place], exact
        outputs[~lanes] = u[self.out_place[~lanes], None]
        return outputs, exact

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
