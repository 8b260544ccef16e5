"""The schedule turns straight-line code into the machine's program: groups of values, with places.

Values of one level don't depend on each other; those that one operation makes are a group.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from . import passes
from .code import LANE_SUM, LEAF, PRODUCT, Code
from .machine import machine

__all__ = ["Schedule"]

Ids = np.ndarray


class Segment(NamedTuple):
    """Groups to be run one after the other: (operation, first place, how many, where in index)."""

    lanes: bool
    stage: int
    program: np.ndarray
    shared: np.ndarray
    """Of a segment over lanes, the (place in v, place in u) of what is copied to every lane."""


class Schedule:
    """The places of all values, the segments, and the function that runs them.

    place[i]: where value i lies, in u (one number each) or, if lane[i], in v (one a sample).
    before: the first segments, if they are needed once, and not by each block of samples.
    """

    def __init__(self, code: Code, outputs: Ids) -> None:
        op, ptr, arg = _arrays(code)
        alive = passes.alive(code.operands, outputs)
        self.needed = needed = np.frombuffer(alive, bool)
        needed[: code.inputs] = True
        self.lane = np.array(code.lane_mask(), bool)
        stage = np.zeros(len(op), int)
        if LANE_SUM in code.op:
            stage[:] = passes.stages(code.operands, [k == LANE_SUM for k in code.op])
        level = np.array(passes.levels(code.operands, alive), int)
        ids = np.flatnonzero(needed & (op != LEAF))
        self.in_lanes = self.lane | (op == LANE_SUM)
        keys = ids, op[ids], level[ids], self.in_lanes[ids], stage[ids]
        self.order = order = ids[np.lexsort(keys)]
        leaves = np.flatnonzero(needed & (op == LEAF))
        self.place = np.full(len(op), -1)
        for mask in (False, True):
            both = np.concatenate([leaves[self.lane[leaves] == mask],
                                   order[self.lane[order] == mask]])
            self.place[both] = np.arange(len(both))
        self.sizes = [int(np.sum(needed & (self.lane == mask))) for mask in (False, True)]
        self.depth, self.operations = -int(level.min(initial=0)), len(order)
        sums = self.place[order[op[order] == LANE_SUM]]  # where sums over lanes are added up
        self.lane_sums: Any = sums
        if len(sums) and sums[-1] - sums[0] == len(sums) - 1:  # side by side, which is quicker
            self.lane_sums = slice(int(sums[0]), int(sums[-1]) + 1)
        # Whether lanes wait for sums over lanes: then all must be there at once, not in blocks.
        self.staged = bool(stage[self.in_lanes & needed].any())
        self.constants = [i for i in code.constants if needed[i]]
        self.constant_numbers = np.array([code.constants[i] for i in self.constants])
        self.segments, self.index = _Writer(code, self, stage, (op, ptr, arg), level).written()
        self.before = [s for s in self.segments if not (s.lanes or s.stage)]
        rows = tuple(code.rows)
        self.run = machine(rows, False)
        self.run_lanes: Any = machine(rows, True) if self.lane.any() else None

    def compile(self) -> None:
        """Have the functions compiled that the segments need, by calling them with no program."""
        program, nothing = np.empty((0, 4), np.int32), np.empty(0)
        if not all([segment.lanes for segment in self.segments]):
            self.run(program, self.index, nothing)
        if self.run_lanes is not None:
            shared = np.empty((0, 2), np.int32)
            self.run_lanes(program, self.index, shared, nothing, np.empty((0, 0)), 0)

    @property
    def bytes(self) -> int:
        """The memory of the program: its instructions, and a number for each value."""
        return int(self.index.nbytes + sum(s.program.nbytes for s in self.segments)
                   + 8 * sum(self.sizes))


def _arrays(code: Code) -> tuple[Ids, Ids, Ids]:
    """The operations, and the operands in one array: those of value i are arg[ptr[i]:ptr[i + 1]].
    """
    ptr = np.zeros(len(code) + 1, int)
    np.cumsum([len(some) for some in code.operands], out=ptr[1:])
    arg = np.fromiter(chain.from_iterable(code.operands), int, ptr[-1])
    return np.array(code.op), ptr, arg


class _Writer:
    """Writes the instructions of each group of values, and the index with their operands."""

    def __init__(self, code: Code, schedule: Schedule, stage: Ids, arrays: tuple[Ids, Ids, Ids],
                 level: Ids) -> None:
        self.code, self.schedule, self.stage, self.level = code, schedule, stage, level
        self.op, self.ptr, self.arg = arrays
        self.index: list[np.ndarray] = []
        self.used = 0
        self.copies: dict[int, int] = {}

    def written(self) -> tuple[list[Segment], np.ndarray]:
        """All segments, and the index they share."""
        order, lane = self.schedule.order, self.schedule.in_lanes
        keys = np.column_stack([self.stage[order], lane[order]])
        segments = []
        for part in _runs(order, keys):
            is_lane = bool(lane[part[0]])
            if is_lane:
                shared = self._copied(part)
            groups = _runs(part, np.column_stack([self.level[part], self.op[part]]))
            program = np.array([self._group(group, is_lane) for group in groups], np.int32)
            segments.append(Segment(is_lane, int(self.stage[part[0]]), program,
                                    shared if is_lane else np.empty((0, 2), np.int32)))
        return segments, np.concatenate([np.empty(0, np.int32), *self.index], dtype=np.int32)

    def _copied(self, part: Ids) -> np.ndarray:
        """Places in the lanes for what is shared by all samples, where a row needs it there."""
        rows = part[self.op[part] >= PRODUCT]
        operands = np.unique(np.concatenate(
            [np.empty(0, np.int64), *[self.arg[self.ptr[i] : self.ptr[i + 1]] for i in rows]]))
        shared = operands[~self.schedule.lane[operands]]
        places = []
        for i in shared.tolist():
            self.copies[i] = self.schedule.sizes[1]
            self.schedule.sizes[1] += 1
            places.append((self.copies[i], int(self.schedule.place[i])))
        return np.array(places, np.int32).reshape(-1, 2)

    def _group(self, ids: Ids, lanes: bool) -> tuple[int, int, int, int]:
        """The instruction of a group: (operation, first place, how many, where in the index)."""
        op, at = int(self.op[ids[0]]), self.used
        if op >= PRODUCT:
            operands = self.arg[self.ptr[ids][None, :]
                                + np.arange(self.ptr[ids[0] + 1] - self.ptr[ids[0]])[:, None]]
            places = self.schedule.place[operands]
            if lanes and self.copies:
                for k in np.argwhere(~self.schedule.lane[operands]):
                    places[tuple(k)] = self.copies[int(operands[tuple(k)])]
            self._put(places.ravel())
        elif lanes or op == LANE_SUM:
            self._put_lane_pairs(ids)
        else:
            lengths = self.ptr[ids + 1] - self.ptr[ids]
            within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            places = self.schedule.place[self.arg[np.repeat(self.ptr[ids], lengths) + within]]
            row, p, q = np.repeat(np.arange(len(ids)), lengths // 2), places[::2], places[1::2]
            order = np.lexsort((q, p, row))  # a sum in any order, so in one with long runs
            runs, stops = passes.runs(p[order].tolist(), q[order].tolist(),
                                      np.cumsum(lengths // 2).tolist())
            self._put(np.concatenate([at + len(ids) + 1 + np.array([0, *stops]), runs]))
        return op, int(self.schedule.place[ids[0]]), len(ids), at

    def _put_lane_pairs(self, ids: Ids) -> None:
        """Per row: its pairs with one shared factor (put first), those of two lanes, of none."""
        lane, place = self.schedule.lane, self.schedule.place
        heads, parts, at = [], [], self.used + 4 * len(ids)
        for i in ids:
            pairs = self.arg[self.ptr[i] : self.ptr[i + 1]].reshape(-1, 2)
            p, q = lane[pairs].T
            pairs = np.where((p & ~q)[:, None], pairs[:, ::-1], pairs)
            kinds = [pairs[p ^ q], pairs[p & q], pairs[~(p | q)]]
            ends = at + np.cumsum([2 * len(k) for k in kinds])
            heads += [at, *ends.tolist()]
            parts += [place[k].ravel() for k in kinds]
            at = int(ends[-1])
        self._put(np.concatenate([np.array(heads), *parts]))

    def _put(self, numbers: np.ndarray) -> None:
        self.index.append(numbers)
        self.used += len(numbers)


def _runs(ids: Ids, keys: np.ndarray) -> list[Any]:
    """ids cut where the key changes."""
    if not len(ids):
        return []
    return np.split(ids, np.flatnonzero(np.any(keys[1:] != keys[:-1], axis=1)) + 1)
