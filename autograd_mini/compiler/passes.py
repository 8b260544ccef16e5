"""Compiled passes over straight-line code say which values are needed, how deep, in which order."""

from __future__ import annotations

import numpy as np

from .machine import DOT, LANE_SUM, compiled

__all__ = ["active", "alive", "cotangents", "fused", "in_range", "levels", "mark_dependents",
           "pairs", "runs", "stages"]

Ids = np.ndarray
TINY, HUGE = np.finfo(float).tiny, np.finfo(float).max


@compiled
def active(ptr: Ids, arg: Ids, output: int, wrt: Ids) -> np.ndarray:
    """Which values depend on one of `wrt` and are needed for `output`."""
    n = ptr.size - 1
    varied = np.zeros(n, np.bool_)
    varied[wrt] = True
    for i in range(output + 1):
        for k in range(ptr[i], ptr[i + 1]):
            varied[i] |= varied[arg[k]]
    needed = np.zeros(n, np.bool_)
    needed[output] = True
    for i in range(output, -1, -1):
        needed[i] &= varied[i]
        if needed[i]:
            for k in range(ptr[i], ptr[i + 1]):
                needed[arg[k]] = True
    return needed


@compiled
def alive(ptr: Ids, arg: Ids, outputs: Ids) -> np.ndarray:
    """Which values are needed for the outputs."""
    needed = np.zeros(ptr.size - 1, np.bool_)
    needed[outputs] = True
    for i in range(ptr.size - 2, -1, -1):
        if needed[i]:
            for k in range(ptr[i], ptr[i + 1]):
                needed[arg[k]] = True
    return needed


@compiled
def mark_dependents(ptr: Ids, arg: Ids, op: Ids, marked: np.ndarray) -> None:
    """Mark in place all values that depend on a marked one, but not through a sum over lanes."""
    for i in range(op.size):
        if op[i] != LANE_SUM:
            for k in range(ptr[i], ptr[i + 1]):
                marked[i] |= marked[arg[k]]


@compiled
def levels(ptr: Ids, arg: Ids, needed: np.ndarray) -> Ids:
    """For each value, minus the length of the longest path to a result.

    Values of one level are independent. Counted from the end, what is alike but for a shortcut
    on the path (a slope of 1) comes at the same time.
    """
    level = np.zeros(ptr.size - 1, np.int64)
    for i in range(level.size - 1, -1, -1):
        if needed[i]:
            for k in range(ptr[i], ptr[i + 1]):
                level[arg[k]] = min(level[arg[k]], level[i] - 1)
    return level


@compiled
def pairs(ids: Ids, ptr: Ids, arg: Ids) -> tuple[Ids, Ids, Ids]:
    """(row, p, q) of each product p·q in these DOTs."""
    n = 0
    for i in ids:
        n += (ptr[i + 1] - ptr[i]) // 2
    row, p, q = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    n = 0
    for i in ids:
        for k in range(ptr[i], ptr[i + 1], 2):
            row[n], p[n], q[n] = i, arg[k], arg[k + 1]
            n += 1
    return row, p, q


@compiled
def move_received(edges: Ids, start: int, cotangent: Ids, zero: int) -> tuple[int, int]:
    """Move those edges of one target to the front whose consumer has a cotangent.

    The edges of the target begin at `start`. Returns the end of those, and of all of them.
    """
    end = i = start
    while i < edges.shape[1] and edges[1, i] == edges[1, start]:
        if cotangent[edges[0, i]] != zero:
            edges[:, end] = edges[:, i]
            end += 1
        i += 1
    return end, i


@compiled
def cotangents(edges: Ids, lane: np.ndarray, many: np.ndarray, cotangent: Ids, zero: int, one: int,
               new: int) -> tuple[np.ndarray, Ids, Ids]:
    """The sums that are the cotangents, for edges sorted by target, the last target first.

    edges: rows of consumer, target and slope. lane: which values have a number a sample; many:
    which consumers send one a sample. Fills `cotangent` (where each value's is), which holds `zero`
    for what receives nothing. New values get the numbers from `new` on; returned are, for each of
    them, whether it is a sum over lanes, its number of operands, and the operands.
    """
    consumer, target, slope = edges
    n = target.size
    lane_sums, lengths = np.zeros(2 * n, np.bool_), np.empty(2 * n, np.int64)
    arg = np.empty(4 * n, np.int64)
    rows, used, next_one = 0, 0, 0
    while next_one < n:
        start, t = next_one, target[next_one]
        end, next_one = move_received(edges, start, cotangent, zero)
        g, alone = cotangent[consumer[start]], end == start + 1 and lane[t] == many[consumer[start]]
        if alone and (slope[start] == one or g == one):
            cotangent[t] = g if slope[start] == one else slope[start]
            continue
        summed = -1  # what samples send to what they share is summed over them
        for over_lanes in (True, False):
            before = used
            if not over_lanes and summed >= 0:
                arg[used], arg[used + 1] = summed, one
                used += 2
            for e in range(start, end):
                if (many[consumer[e]] and not lane[t]) == over_lanes:
                    arg[used], arg[used + 1] = cotangent[consumer[e]], slope[e]
                    used += 2
            if used == before + 2 and not over_lanes and summed >= 0:
                used = before  # nothing but the sum over lanes, which is the cotangent already
            elif used > before:
                lane_sums[rows], lengths[rows] = over_lanes, used - before
                cotangent[t] = summed = new + rows
                rows += 1
    return lane_sums[:rows], lengths[:rows], arg[:used]


@compiled
def in_range(numbers: np.ndarray, places: Ids, width: int) -> bool:
    """Whether all of these numbers have all their digits and are finite (see ops/extremes.py)."""
    for place in places:
        for x in numbers[place, :width]:
            if not TINY <= abs(x) <= HUGE:
                return False
    return True


@compiled
def stages(ptr: Ids, arg: Ids, op: Ids) -> Ids:
    """For each value, how many sums over lanes, one after the other, must be complete before it."""
    stage = np.zeros(op.size, np.int64)
    for i in range(op.size):
        for k in range(ptr[i], ptr[i + 1]):
            stage[i] = max(stage[i], stage[arg[k]] + (op[arg[k]] == LANE_SUM))
    return stage


@compiled
def runs(p: Ids, q: Ids, ends: Ids) -> tuple[Ids, Ids]:
    """The products of DOTs as runs: p, its stride, q, its stride, how many.

    The pairs up to ends[k] are those of DOT k. Returns the runs, five numbers each, and where
    each DOT's end. A run needs no list of places.
    """
    found, stops = np.empty(5 * p.size, np.int64), np.empty(ends.size, np.int64)
    used, i = 0, 0
    for k in range(ends.size):
        while i < ends[k]:
            m, dp, dq = 1, 0, 0
            if i + 1 < ends[k]:
                dp, dq = p[i + 1] - p[i], q[i + 1] - q[i]
                m = 2
                while i + m < ends[k] and p[i + m] == p[i] + m * dp and q[i + m] == q[i] + m * dq:
                    m += 1
                longer = i + m < ends[k] and m == 2  # a lone first one may be in the way
                if longer and p[i + 2] - p[i + 1] == 1 and q[i + 2] - q[i + 1] == 1:
                    m, dp, dq = 1, 0, 0
            found[used : used + 5] = np.array([p[i], dp, q[i], dq, m])
            used += 5
            i += m
        stops[k] = used
    return found[:used], stops


@compiled
def fused(op: Ids, ptr: Ids, arg: Ids, uses: Ids, fixed: np.ndarray, add: int, multiply: int,
          one: int) -> tuple[Ids, Ids, Ids]:
    """The code with trees of additions (of four terms or more) as DOTs: op, ptr and arg.

    uses: how often each value is used; what is used once is taken into the sum that uses it.
    fixed: what must be rounded as it was recorded.
    """
    n = op.size
    first, last = np.full(n, -1, np.int64), np.full(n, -1, np.int64)  # of each sum, a linked list
    count, room = np.zeros(n, np.int64), arg.size + 2 * n
    p, q, after = np.empty(room, np.int64), np.empty(room, np.int64), np.full(room, -1, np.int64)
    terms = 0
    for i in range(n):
        if fixed[i] or (op[i] != add and op[i] != DOT):
            continue
        for k in range(ptr[i], ptr[i + 1], 1 if op[i] == add else 2):
            x = arg[k]
            alone = uses[x] == 1 and (op[i] == add or arg[k + 1] == one)
            if alone and first[x] >= 0:
                begin, end, number = first[x], last[x], count[x]
            else:
                p[terms], q[terms] = x, one if op[i] == add else arg[k + 1]
                if alone and op[x] == multiply:
                    p[terms], q[terms] = arg[ptr[x]], arg[ptr[x] + 1]
                begin = end = terms
                number = 1
                terms += 1
            if first[i] < 0:
                first[i] = begin
            else:
                after[last[i]] = begin
            last[i] = end
            count[i] += number
    code: tuple[Ids, Ids, Ids] = _with_sums(op, ptr, arg, first, count, p, q, after)
    return code


@compiled
def _with_sums(op: Ids, ptr: Ids, arg: Ids, first: Ids, count: Ids, p: Ids, q: Ids, after: Ids
               ) -> tuple[Ids, Ids, Ids]:
    """The code in which value i is the sum of count[i] products, if these are four or more."""
    n = op.size
    new_op, new_ptr = op.copy(), np.zeros(n + 1, np.int64)
    new_arg = np.empty(arg.size + 2 * count.sum(), np.int64)
    used = 0
    for i in range(n):
        if first[i] >= 0 and (count[i] > 3 or op[i] == DOT):
            new_op[i], term = DOT, first[i]
            for _ in range(count[i]):
                new_arg[used], new_arg[used + 1] = p[term], q[term]
                used, term = used + 2, after[term]
        else:
            for k in range(ptr[i], ptr[i + 1]):
                new_arg[used] = arg[k]
                used += 1
        new_ptr[i + 1] = used
    return new_op, new_ptr, new_arg[:used]
