"""Straight-line code is a list in which each value is an operation on values before it.

Such a list, with the gradient built by walking it backwards, is the oldest form of reverse mode
(a Wengert list; Wengert 1964). A recorded graph is flattened into one (flatten.py);
differentiating it appends more of the same (differentiate.py), so a gradient can be
differentiated again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..errors import GraphError
from ..ops import add, multiply
from ..primitive import Elementwise, Primitive
from . import passes

__all__ = ["DOT", "LANE_SUM", "LEAF", "PRODUCT", "ROW", "Code", "sum_of_products"]

LEAF, DOT, LANE_SUM, PRODUCT, ROW = 0, 1, 2, 3, 4
"""Operations that are no row of the table; the rows' numbers begin at ROW. DOT: p₁·q₁ + p₂·q₂ + …
of p₁, q₁, p₂, q₂, …; LANE_SUM: the same, summed over all samples of a batch; PRODUCT: p·q."""


def sum_of_products(operands: Sequence[Any]) -> Any:
    """p₁·q₁ + p₂·q₂ + … of p₁, q₁, p₂, q₂, …, from the first on: numbers or nodes."""
    y: Any = -0.0  # which changes nothing that it is added to
    for p, q in zip(operands[::2], operands[1::2], strict=True):
        y = y + p * q
    return y


class Code:
    """`op[i]` is the operation that makes value i of the values `operands[i]`.

    Values without an operation are inputs, or constants with a number in `constants`. `rows[k]`
    is the elementwise row of operation k + ROW. In a program over a batch some inputs are `lanes`:
    they have a number for each sample, and so has what depends on them; the rest has one number.
    """

    def __init__(self, inputs: int, lanes: Sequence[int] = ()) -> None:
        self.op: list[int] = [LEAF] * inputs
        self.operands: list[tuple[int, ...]] = [()] * inputs
        self.inputs = inputs
        self.lanes = lanes
        self.constants: dict[int, float] = {}
        self.rows: list[Elementwise] = []
        self.operation_of: dict[Primitive, int] = {}  # only rows that have been used
        self._constant_at: dict[tuple[float, float, bool], int] = {}
        self._lane_mask = bytearray()

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

    def append(self, op: int, operands: tuple[int, ...]) -> int:
        """Append a value; returns its number."""
        self.op.append(op)
        self.operands.append(operands)
        return len(self.op) - 1

    def operation(self, row: Primitive) -> int:
        """The number of a row of the table."""
        if not isinstance(row, Elementwise):
            raise GraphError(
                f"{row.name} isn't on the tape, which holds elementwise functions, sums and "
                "weighted sums of Values: write it with these, or leave the function uncompiled"
            )
        if row not in self.operation_of:
            self.rows.append(row)
            self.operation_of[row] = len(self.rows) - 1 + ROW
        return self.operation_of[row]

    def fuse(self, kept: Sequence[int], compared: Sequence[int]) -> None:
        """Make trees of additions sums of products, except for what is `kept` as a value.

        What comparisons depend on isn't fused either: it must come out as it did, to the last
        digit.
        """
        add_, multiply_ = self.operation(add), self.operation(multiply)
        one = self.constant(1.0)
        fixed = passes.alive(self.operands, compared)
        passes.fuse(self.op, self.operands, passes.uses(self.operands, kept), fixed,
                    passes.Sums(add_, multiply_, DOT, one))

    def lane_mask(self) -> bytearray:
        """Which values have a number for each sample: what depends on a lane, but for sums over
        lanes.
        """
        mask, op, operands = self._lane_mask, self.op, self.operands
        lanes = set(self.lanes)
        if not lanes:
            mask.extend(bytes(len(op) - len(mask)))
        for i in range(len(mask), len(op)):
            mask.append(i in lanes or (op[i] != LANE_SUM and any([mask[k] for k in operands[i]])))
        return mask
