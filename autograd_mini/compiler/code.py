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

import numpy as np

from ..errors import GraphError
from ..ops import add, multiply
from ..primitive import Elementwise, Primitive
from . import passes
from .machine import LEAF, ROW

__all__ = ["Code"]

Ids = np.ndarray


class Code:
    """`op[i]` is the operation that makes value i; its operands are `arg[ptr[i]:ptr[i + 1]]`.

    Values without an operation are inputs, or constants with a number in `constants`. `rows[k]`
    is the elementwise row of operation k + ROW. In a program over a batch some inputs are `lanes`:
    they have a number for each sample, and so has what depends on them; the rest has one number.
    """

    def __init__(self, inputs: int, lanes: Sequence[int] = ()) -> None:
        self.op: list[int] = [LEAF] * inputs
        self.ptr: list[int] = [0] * (inputs + 1)
        self.arg: list[int] = []
        self.inputs = inputs
        self.lanes = lanes
        self.constants: dict[int, float] = {}
        self.rows: list[Elementwise] = []
        self.operation_of: dict[Primitive, int] = {}  # only rows that have been used
        self._constant_at: dict[tuple[float, float, bool], int] = {}

    def __len__(self) -> int:
        return len(self.op)

    def operands(self, i: int) -> list[int]:
        """The operands of value i."""
        return self.arg[self.ptr[i] : self.ptr[i + 1]]

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
        """Append a value; returns its number."""
        self.op.append(op)
        self.arg += operands
        self.ptr.append(len(self.arg))
        return len(self.op) - 1

    def append_rows(self, row: Elementwise, *operands: Any) -> Ids:
        """Append a value for each entry of the operands (arrays of one length, or single ids)."""
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
        if row not in self.operation_of:
            self.rows.append(row)
            self.operation_of[row] = len(self.rows) - 1 + ROW
        return self.operation_of[row]

    def fuse(self, kept: Sequence[int], compared: Sequence[int]) -> None:
        """Make trees of additions sums of products, except for what is `kept` as a value.

        What comparisons depend on isn't fused either: it must come out as it did, to the last
        digit.
        """
        op, ptr, arg = self.arrays()
        uses = np.bincount(np.concatenate([arg, kept, kept]).astype(np.int64), minlength=len(op))
        fixed = passes.alive(ptr, arg, np.array(compared, np.int64))
        found = passes.fused(op, ptr, arg, uses, fixed, self.operation(add),
                             self.operation(multiply), self.constant(1.0))
        self.op, self.ptr, self.arg = (part.tolist() for part in found)

    def lane_mask(self) -> np.ndarray:
        """Which values have a number for each sample."""
        op, ptr, arg = self.arrays()
        mask = np.zeros(len(op), bool)
        mask[np.asarray(self.lanes, int)] = True
        passes.mark_dependents(ptr, arg, op, mask)
        return mask

    def arrays(self) -> tuple[Ids, Ids, Ids]:
        """The lists op, ptr and arg as arrays."""
        return np.array(self.op), np.array(self.ptr), np.array(self.arg, np.int64)
