"""The chain rule, on straight-line code, appends the gradient of a value as more code."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import Elementwise
from . import passes
from .code import Code
from .machine import DOT, LANE_SUM, LEAF, PRODUCT, ROW
from .slopes import Slopes
from .templates import SlopeTemplates

__all__ = ["Differentiator"]

Ids = np.ndarray


class Differentiator:
    """Differentiates one code, as often as wanted, and notes the slopes that need a check.

    slopes: where slopes are whose product with a cotangent may need the row's own rule.
    """

    def __init__(self, code: Code) -> None:
        self.code = code
        self.slopes: list[Slopes] = []
        self._templates = SlopeTemplates(code)

    def gradients(self, y: int, wrt: list[int], last: bool) -> list[int]:
        """Where ∂y/∂x is for each x of `wrt`."""
        found: list[int] = self.differentiate(
            y, np.array(wrt, int), self.code.constant(1.0)).tolist()
        return found

    def is_per_sample(self, y: int) -> bool:
        """Whether a value has a number for each sample of a batch."""
        return bool(self.code.lane_mask()[y])

    def differentiate(self, output: int, wrt: Ids, seed: int) -> Ids:
        """Append seed·∂output/∂x for each x of `wrt`; returns where they are.

        The cotangent of a value is Σ (cotangent of a consumer)·(its slope): a DOT, or a product,
        or the consumer's cotangent itself where the slope is 1.
        """
        code = self.code
        op, ptr, arg = code.arrays()
        active = passes.active(ptr, arg, output, wrt)
        lane, first = code.lane_mask(), len(self.slopes)
        parts = [self._edges(number, op, ptr, arg, active)
                 for number in np.unique(op[active]).tolist() if number != LEAF]
        zero, one = code.constant(0.0), code.constant(1.0)
        edges = np.concatenate([np.empty((3, 0), np.int64), *parts], axis=1)
        edges = np.ascontiguousarray(edges[:, np.argsort(-edges[1], kind="stable")])
        cotangent = np.full(len(op), zero)
        cotangent[output] = seed
        # What a sum over lanes sends to something shared is sent once for each sample.
        lane_sums, lengths, new_arg = passes.cotangents(
            edges, lane, lane | (op == LANE_SUM), cotangent, zero, one, len(code))
        code.op += np.where(lane_sums, LANE_SUM, np.where(lengths == 2, PRODUCT, DOT)).tolist()
        code.ptr += (len(code.arg) + np.cumsum(lengths)).tolist()
        code.arg += new_arg.tolist()
        for i in range(first, len(self.slopes)):
            self.slopes[i] = self.slopes[i]._replace(g=cotangent[self.slopes[i].y])
        found: Ids = cotangent[wrt]
        return found

    def _edges(self, number: int, op: Ids, ptr: Ids, arg: Ids, active: np.ndarray) -> Ids:
        """(consumer, operand, slope) for all active values that operation `number` makes."""
        ids = np.flatnonzero((op == number) & active)
        parts: list[Any] = []
        if number < ROW:
            rows, p, q = passes.pairs(ids, ptr, arg)
            parts = [(rows, p, q), (rows, q, p)]
        else:
            row = self.code.rows[number - ROW]
            xs = [arg[ptr[ids] + i] for i in range(len(row.slopes))]
            for i, slope in enumerate(self._templates.slopes(row, ids, xs)):
                if slope is not None:
                    parts.append((ids, xs[i], slope))
                    if row.pullbacks[i] is not None:
                        self._note(row, i, slope, ids, xs, active)
        edges = np.concatenate([np.empty((3, 0), np.int64), *map(np.array, parts)], axis=1)
        between_active: Ids = edges[:, active[edges[1]]]
        return between_active

    def _note(self, row: Elementwise, i: int, slope: Ids, ys: Ids, xs: list[Ids],
              active: np.ndarray) -> None:
        """Note where slopes are that may leave the range of floats."""
        of = active[xs[i]] & ~np.isin(slope, list(self.code.constants))
        if of.any():
            self.slopes.append(Slopes(row, i, ys[of], slope[of], ys[of], [x[of] for x in xs]))
