"""Straight-line code: a list in which each value is an operation on values before it.

Such a list, with the gradient built by walking it backwards, is the oldest form of reverse mode
(a Wengert list; Wengert 1964). A recorded graph is flattened into one; differentiating it
appends more of the same, so a gradient can be differentiated again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..errors import GraphError
from ..graph import Node, consumers_first, guarded_by, leaf
from ..ops import add, multiply, positive, power, reciprocal, square, total, weighted_sum
from ..primitive import Elementwise, Primitive
from . import passes

__all__ = ["Code", "Guard", "Slopes"]

Ids = np.ndarray
LEAF, DOT, LANE_SUM, PRODUCT, ROW = 0, 1, 2, 3, 4
"""Operations that are no row of the table; the rows' numbers begin at ROW. DOT: p₁·q₁ + p₂·q₂ + …
of p₁, q₁, p₂, q₂, …; LANE_SUM: the same, summed over all samples of a batch; PRODUCT: p·q."""


SAME = frozenset({positive, ops.sum, ops.prod, ops.reshape, ops.squeeze, ops.transpose,
                  ops.broadcast_to})
"""What makes a Value of one Value, and doesn't change it."""


class Guard(NamedTuple):
    """A comparison that the program made while it was recorded, and what came out."""

    how: Any
    a: int
    b: int
    outcome: bool


class Slopes(NamedTuple):
    """Where slopes of a row are that has another rule for when they leave the range of floats.

    `g`, `slope`, `y` and each of `xs` are places of values: of the cotangents of the row's
    outputs y, of ∂y/∂xs[i], and of the inputs.
    """

    row: Elementwise
    i: int
    g: Ids
    slope: Ids
    y: Ids
    xs: list[Ids]

    def of(self, schedule: Any) -> list[Slopes]:
        """Those that the machine computes: the shared ones, and those of each sample."""
        needed = np.all([schedule.needed[ids] for ids in (self.g, self.slope, *self.xs)], axis=0)
        parts = [np.flatnonzero(needed & (schedule.lane[self.slope] == lane))
                 for lane in (False, True)]
        return [Slopes(self.row, self.i, self.g[at], self.slope[at], self.y[at],
                       [x[at] for x in self.xs]) for at in parts if at.size]


class Code:
    """`op[i]` is the operation that makes value i; its operands are `arg[ptr[i]:ptr[i + 1]]`.

    Values without an operation are inputs, or constants with a number in `constants`. `rows[k]`
    is the elementwise row of operation k + ROW. In a program over a batch some inputs are `lanes`:
    they have a number for each sample, and so has what depends on them; the rest has one number.
    """

    def __init__(self, inputs: int) -> None:
        self.op: list[int] = [LEAF] * inputs
        self.ptr: list[int] = [0] * (inputs + 1)
        self.arg: list[int] = []
        self.inputs = inputs
        self.constants: dict[int, float] = {}
        self.rows: list[Elementwise] = []
        self.lanes: Sequence[int] = ()
        self.slopes: list[Slopes] = []  # those that are not all that the chain rule knows
        self._code_of: dict[Primitive, int] = {}
        self._constant_at: dict[tuple[float, float, bool], int] = {}
        self._slopes: dict[Any, list[Any]] = {}

    def __len__(self) -> int:
        return len(self.op)

    def constant(self, x: float, given: bool = False) -> int:
        """The value that holds the number x; that of a 1 that the program was given is its own.

        For a slope that is 1 by its rule needs no product, and if another happens to be 1 (a
        label among labels), what is alike should stay alike.
        """
        key = (x, math.copysign(1.0, x), given) if x == x else (0.5, 0.5, given)  # −0.0 isn't 0.0
        if key not in self._constant_at:
            self._constant_at[key] = self.append(LEAF, ())
            self.constants[self._constant_at[key]] = x
        return self._constant_at[key]

    def append(self, op: int, operands: Sequence[int]) -> int:
        """A new value; returns its number."""
        self.op.append(op)
        self.arg += operands
        self.ptr.append(len(self.arg))
        return len(self.op) - 1

    def append_rows(self, row: Elementwise, *operands: Any) -> Ids:
        """A new value for each entry of the operands (arrays of one length, or single ids)."""
        columns = np.broadcast_arrays(*operands)
        first, n = len(self.op), columns[0].size
        self.op += [self.operation(row)] * n
        start, k = len(self.arg), len(columns)
        self.arg += np.column_stack([c.ravel() for c in columns]).ravel().tolist()
        self.ptr += range(start + k, start + k * n + 1, k)
        return np.arange(first, first + n)

    def operation(self, row: Primitive) -> int:
        """The number of a row of the table."""
        if not isinstance(row, Elementwise):
            raise GraphError(
                f"{row.name} isn't on the tape, which holds elementwise functions, sums and "
                "weighted sums of Values: write it with these, or leave the function uncompiled"
            )
        if row not in self._code_of:
            self.rows.append(row)
            self._code_of[row] = len(self.rows) - 1 + ROW
        return self._code_of[row]

    # ── from a graph ─────────────────────────────────────────────────────────────────────────

    def record(self, order: Sequence[Node], number: dict[Any, int]) -> None:
        """Append the nodes, parents first; `number` has the inputs' numbers and gets all others'.

        A leaf without a number is a constant.
        """
        self.constant(1.0)
        for node in order:
            if type(node.value) is not float:
                made = f"was made by {node.op.name}" if node.op is not None else "is a leaf"
                raise GraphError(
                    f"a Tensor that {made} is part of the function; the tape holds Values: leave "
                    "Tensors out of a function to be compiled (arrays come in as arrays of Values)"
                )
            if node.op is None:
                if node not in number:
                    number[node] = self.constant(node.value, given=True)
                continue
            a = node.a
            if type(a) is tuple:
                if any(p is not None and p.op is None and p.value is not x
                       for p, x in zip(node.from_a, a, strict=True)):
                    check_fresh(node)
                ids = [number[p] if p is not None else self.constant(float(x), given=True)
                       for p, x in zip(node.from_a, a, strict=True)]
                number[node] = self._append_many(node.op, ids)
            else:
                p, q = node.from_a, node.from_b
                if (p is not None and p.op is None and p.value is not a) or (
                        q is not None and q.op is None and q.value is not node.b):
                    check_fresh(node)
                i = number[p] if p is not None else self.constant(float(a), given=True)
                if node.op in SAME:
                    number[node] = i
                elif q is None and node.b is not None:
                    number[node] = self._with_constant(node.op, i, float(node.b))
                else:
                    number[node] = self.append(
                        self._code_of.get(node.op) or self.operation(node.op),
                        (i,) if q is None else (i, number[q]))

    def fuse(self, kept: Sequence[int], compared: Sequence[int]) -> None:
        """Make trees of additions sums of products, but for what is `kept` for itself, and for what
        comparisons depend on: these must come out as they did, to the last digit.
        """
        op, ptr, arg = self.arrays()
        uses = np.bincount(np.concatenate([arg, kept, kept]).astype(np.int64), minlength=len(op))
        fixed = passes.alive(ptr, arg, np.array(compared, np.int64))
        found = passes.fused(op, ptr, arg, uses, fixed, self.operation(add),
                             self.operation(multiply), self.constant(1.0))
        self.op, self.ptr, self.arg = (part.tolist() for part in found)

    def _with_constant(self, row: Primitive, i: int, b: float) -> int:
        """row(i, b); a power that is a product, a quotient or nothing is made one."""
        if row is power and b in (1.0, 2.0, -1.0):
            if b == 1.0:
                return i
            return self.append(self.operation(square if b == 2.0 else reciprocal), (i,))
        return self.append(self.operation(row), (i, self.constant(b, given=True)))

    def _append_many(self, row: Primitive, ids: list[int]) -> int:
        """A sum, a weighted sum, or a row of three or four arguments."""
        one = self.constant(1.0)
        if row is weighted_sum:
            n = len(ids) // 2
            pairs = [i for pair in zip(ids[:n], ids[n:-1], strict=True) for i in pair]
            return self.append(DOT, [ids[-1], one, *pairs])
        if row is total:
            return self.append(DOT, [i for x in ids for i in (x, one)])
        return self.append(self.operation(row), ids)

    # ── the chain rule ───────────────────────────────────────────────────────────────────────

    def differentiate(self, output: int, wrt: Ids, seed: int) -> Ids:
        """Append seed·∂output/∂x for each x of `wrt`; returns where they are.

        The cotangent of a value is Σ (cotangent of a consumer)·(its slope): a DOT, or a product,
        or the consumer's cotangent itself where the slope is 1.
        """
        op, ptr, arg = self.arrays()
        active = passes.active(ptr, arg, output, wrt)
        lane, first = self.lane_mask(), len(self.slopes)
        parts = [self._edges(code, op, ptr, arg, active)
                 for code in np.unique(op[active]).tolist() if code != LEAF]
        zero, one = self.constant(0.0), self.constant(1.0)
        edges = np.concatenate([np.empty((3, 0), np.int64), *parts], axis=1)
        edges = np.ascontiguousarray(edges[:, np.argsort(-edges[1], kind="stable")])
        cotangent = np.full(len(op), zero)
        cotangent[output] = seed
        # What a sum over lanes sends to something shared is sent once for each sample.
        lane_sums, lengths, new_arg = passes.cotangents(
            edges, lane, lane | (op == LANE_SUM), cotangent, zero, one, len(self))
        self.op += np.where(lane_sums, LANE_SUM, np.where(lengths == 2, PRODUCT, DOT)).tolist()
        self.ptr += (len(self.arg) + np.cumsum(lengths)).tolist()
        self.arg += new_arg.tolist()
        for i in range(first, len(self.slopes)):
            slopes = self.slopes[i]
            self.slopes[i] = slopes._replace(g=cotangent[slopes.y])
        found: Ids = cotangent[wrt]
        return found

    def _edges(self, code: int, op: Ids, ptr: Ids, arg: Ids, active: np.ndarray) -> Ids:
        """(consumer, operand, slope) for all active values that operation `code` makes."""
        ids = np.flatnonzero((op == code) & active)
        parts: list[Any] = []
        if code < ROW:
            rows, p, q = passes.pairs(ids, ptr, arg)
            parts = [(rows, p, q), (rows, q, p)]
        else:
            row = self.rows[code - ROW]
            xs = [arg[ptr[ids] + i] for i in range(len(row.slopes))]
            for i, slope in enumerate(self._slopes_of(row, ids, xs)):
                if slope is not None:
                    parts.append((ids, xs[i], slope))
                    if row.pullbacks[i] is not None:
                        self._note(row, i, slope, ids, xs, active)
        edges = np.concatenate([np.empty((3, 0), np.int64), *map(np.array, parts)], axis=1)
        heard: Ids = edges[:, active[edges[1]]]
        return heard

    def _note(self, row: Elementwise, i: int, slope: Ids, ys: Ids, xs: list[Ids],
              active: np.ndarray) -> None:
        """Keep in mind where slopes are that may leave the range of floats."""
        of = active[xs[i]] & ~np.isin(slope, list(self.constants))
        if of.any():
            self.slopes.append(Slopes(row, i, ys[of], slope[of], ys[of], [x[of] for x in xs]))

    def _slopes_of(self, row: Elementwise, ys: Ids, xs: list[Ids]) -> list[Ids | None]:
        """Per argument, where the slopes of these values are; new values where need be."""
        if row is power:  # whose rule asks whether the exponent is a constant
            return self._slopes_of_powers(ys, *xs)
        if row not in self._slopes:
            self._slopes[row] = [Template(row, i) for i in range(len(xs))]
        return [template.put(self, ys, xs) for template in self._slopes[row]]

    def _slopes_of_powers(self, ys: Ids, xs: Ids, exponents: Ids) -> list[Ids | None]:
        base, exponent = np.empty_like(ys), np.empty_like(ys)
        for e in np.unique(exponents).tolist():
            at = exponents == e
            key = (power, self.constants.get(e))
            if key not in self._slopes:
                self._slopes[key] = [Template(power, i, key[1]) for i in (0, 1)]
            for template, slopes in zip(self._slopes[key], (base, exponent), strict=True):
                put = template.put(self, ys[at], [xs[at], exponents[at]])
                slopes[at] = put if put is not None else self.constant(0.0)
        return [base, exponent]

    def lane_mask(self) -> np.ndarray:
        """Which values have a number for each sample."""
        op, ptr, arg = self.arrays()
        mask = np.zeros(len(op), bool)
        mask[np.asarray(self.lanes, int)] = True
        passes.spread(ptr, arg, op, mask)
        return mask

    def arrays(self) -> tuple[Ids, Ids, Ids]:
        """op, ptr and arg as arrays."""
        return np.array(self.op), np.array(self.ptr), np.array(self.arg, np.int64)


def check_fresh(node: Node) -> None:
    """Refuse a node that was computed from a leaf which was changed afterwards."""
    for parent, x in zip(node.parents, node.inputs, strict=True):
        if parent is not None and parent.op is None and parent.value != x and x == x:
            raise GraphError(
                f"a Value was updated to {parent.value!r} after something was computed from it as "
                f"{x!r}, and both would be part of the program: compute inside the function, and "
                "update outside"
            )


class Template:
    """A slope of a row, recorded once: its rule fed nodes is code like any other."""

    def __init__(self, row: Elementwise, i: int, exponent: float | None = None) -> None:
        self.number: float | None = None
        self.code: Code | None = None
        slope = row.slopes[i]
        if slope is None or (exponent is not None and i == 1):
            return
        if not callable(slope):
            self.number = float(slope)
            return
        y, *xs = (leaf(0.5) for _ in range(len(row.slopes) + 1))
        args = [xs[0], exponent] if exponent is not None else xs
        with guarded_by(_Looking(row)):
            result = slope(y, *args)
        if not isinstance(result, Node):
            self.number = float(result)
            return
        self.code = Code(len(row.slopes) + 1)
        number: dict[Any, int] = {node: k for k, node in enumerate((y, *xs))}
        self.code.record(consumers_first(result)[::-1], number)
        if DOT in self.code.op:
            _Looking(row).cut()
        self.result = number[result]

    def put(self, code: Code, ys: Ids, xs: list[Ids]) -> Ids | None:
        """Append the slope of each of these values to `code`; None for no slope."""
        if self.number is not None:
            return np.full(len(ys), code.constant(self.number))
        if self.code is None:
            return None
        made: list[Any] = [ys, *xs]
        for i in range(len(made), len(self.code)):
            if i in self.code.constants:
                made.append(code.constant(self.code.constants[i]))
                continue
            operands = [made[j] for j in self.code.arg[self.code.ptr[i] : self.code.ptr[i + 1]]]
            made.append(code.append_rows(self.code.rows[self.code.op[i] - ROW], *operands))
        return np.broadcast_to(made[self.result], len(ys))


class _Looking:
    """Refuses a slope that decides by the numbers it is fed: recorded, it would hold for these."""

    def __init__(self, row: Elementwise) -> None:
        self.row = row

    def cut(self, *nodes: Node) -> None:
        raise GraphError(
            f"the slope of {self.row.name} looks at plain numbers, so it can't be recorded: write "
            "it with the table's functions (ag.where, ag.maximum …)"
        )

    def compared(self, *_: Any) -> None:
        self.cut()

