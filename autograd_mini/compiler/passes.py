"""Passes over straight-line code say which values are needed, how deep they lie, what to fuse."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

__all__ = ["Sums", "active", "alive", "fuse", "levels", "runs", "stages", "uses"]

Operands = Sequence[Sequence[int]]
Terms = deque[tuple[int, ...]]


def active(operands: Operands, output: int, wrt: Iterable[int]) -> list[int]:
    """The values that `output` depends on and that depend on one of `wrt`, in their order."""
    found, waiting = {output}, [output]
    while waiting:
        for k in operands[waiting.pop()]:
            if k not in found:
                found.add(k)
                waiting.append(k)
    varied = set(wrt)
    needed = sorted(found)
    for i in needed:
        if not varied.isdisjoint(operands[i]):
            varied.add(i)
    return [i for i in needed if i in varied]


def alive(operands: Operands, outputs: Iterable[int]) -> bytearray:
    """Which values are needed for the outputs."""
    needed = bytearray(len(operands))
    for i in outputs:
        needed[i] = True
    for i in range(len(operands) - 1, -1, -1):
        if needed[i]:
            for k in operands[i]:
                needed[k] = True
    return needed


def uses(operands: Operands, kept: Iterable[int]) -> list[int]:
    """How often each value is an operand; what is kept counts as used twice."""
    count = [0] * len(operands)
    for some in operands:
        for k in some:
            count[k] += 1
    for i in kept:
        count[i] += 2
    return count


def levels(operands: Operands, needed: Sequence[int]) -> list[int]:
    """For each value, minus the length of the longest path to a result.

    Values of one level are independent. Counted from the end, what is alike but for a shortcut
    on the path (a slope of 1) comes at the same time.
    """
    level = [0] * len(operands)
    for i in range(len(level) - 1, -1, -1):
        if needed[i]:
            below = level[i] - 1
            for k in operands[i]:
                if below < level[k]:
                    level[k] = below
    return level


def stages(operands: Operands, is_sum: Sequence[bool]) -> list[int]:
    """For each value, how many sums over lanes, one after the other, must be complete before it.

    is_sum: which values are such sums.
    """
    stage = [0] * len(operands)
    for i, some in enumerate(operands):
        stage[i] = max([stage[k] + is_sum[k] for k in some], default=0)
    return stage


def runs(p: Sequence[int], q: Sequence[int], ends: Sequence[int]) -> tuple[list[int], list[int]]:
    """The products of DOTs as runs: p, its stride, q, its stride, how many.

    The pairs up to ends[k] are those of DOT k. Returns the runs, five numbers each, and where
    each DOT's end. A run needs no list of places.
    """
    found: list[int] = []
    stops: list[int] = []
    i = 0
    for end in ends:
        while i < end:
            m, dp, dq = 1, 0, 0
            if i + 1 < end:
                dp, dq = p[i + 1] - p[i], q[i + 1] - q[i]
                m = 2
                while i + m < end and p[i + m] - p[i + m - 1] == dp and (
                        q[i + m] - q[i + m - 1] == dq):
                    m += 1
                longer = i + m < end and m == 2  # a lone first one may be in the way
                if longer and p[i + 2] - p[i + 1] == 1 and q[i + 2] - q[i + 1] == 1:
                    m, dp, dq = 1, 0, 0
            found += (p[i], dp, q[i], dq, m)
            i += m
        stops.append(len(found))
    return found, stops


class Sums(NamedTuple):
    """The operations that sums are made of, and the value that holds 1."""

    add: int
    multiply: int
    dot: int
    one: int


def fuse(op: list[int], operands: list[tuple[int, ...]], used: Sequence[int],
         fixed: Sequence[int], sums: Sums) -> None:
    """Make, in place, a sum of products of each tree of additions of four terms or more.

    used: how often each value is; what is used once is taken into the sum that uses it. fixed:
    what must be rounded as it was recorded.
    """
    terms: dict[int, Terms] = {}  # of each sum, its products
    for i, operation in enumerate(op):
        if (operation != sums.add and operation != sums.dot) or fixed[i]:
            continue
        own: Terms = deque()
        if operation == sums.add:
            for p in operands[i]:
                inner = terms.pop(p, None) if used[p] == 1 else None
                if inner is None:
                    alone = used[p] == 1 and op[p] == sums.multiply
                    own.append(operands[p] if alone else (p, sums.one))
                else:
                    own = _joined(own, inner)
        else:
            for p, q in zip(operands[i][::2], operands[i][1::2], strict=True):
                alone = used[p] == 1 and q == sums.one
                inner = terms.pop(p, None) if alone else None
                if inner is None:
                    own.append(operands[p] if alone and op[p] == sums.multiply else (p, q))
                else:
                    own = _joined(own, inner)
        terms[i] = own
    for i, own in terms.items():
        if len(own) > 3 or op[i] == sums.dot:
            op[i], operands[i] = sums.dot, tuple(chain.from_iterable(own))


def _joined(first: Terms, second: Terms) -> Terms:
    """Both, in this order; the shorter is added to the longer, so that a chain stays linear."""
    if len(second) > len(first):
        second.extendleft(reversed(first))
        return second
    first.extend(second)
    return first
