"""The chain rule, on straight-line code, appends the gradient of a value as more code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ..primitive import Elementwise
from . import passes
from .code import DOT, LANE_SUM, LEAF, PRODUCT, ROW, Code
from .slopes import Slopes
from .templates import SlopeTemplates

__all__ = ["Differentiator"]


class Differentiator:
    """Differentiates one code, as often as wanted, and notes the slopes that need a check.

    slopes: where slopes are whose product with a cotangent may need the row's own rule.
    """

    def __init__(self, code: Code) -> None:
        self.code = code
        self.slopes: list[Slopes] = []
        self._templates = SlopeTemplates(code)
        self._zero, self._one = code.constant(0.0), code.constant(1.0)

    def gradients(self, y: int, wrt: list[int], last: bool) -> list[int]:
        """Where ∂y/∂x is for each x of `wrt`."""
        return self.differentiate(y, wrt, self._one)

    def is_per_sample(self, y: int) -> bool:
        """Whether a value has a number for each sample of a batch."""
        return bool(self.code.lane_mask()[y])

    def differentiate(self, output: int, wrt: Sequence[int], seed: int) -> list[int]:
        """Append seed·∂output/∂x for each x of `wrt`; returns where they are.

        The cotangent of a value is Σ (cotangent of a consumer)·(its slope): a DOT, or a product,
        or the consumer's cotangent itself where the slope is 1.
        """
        active = passes.active(self.code.operands, output, wrt)
        known = set(active)
        edges: dict[int, list[tuple[int, int]]] = {}  # of a value: (operand, slope)
        for number in sorted({self.code.op[i] for i in active}):
            if number != LEAF:
                self._add_edges(number, [i for i in active if self.code.op[i] == number], known,
                                edges)
        cotangent = self._cotangents(output, seed, active, edges)
        self._note_slopes(active, known, cotangent)
        return [cotangent.get(x, self._zero) for x in wrt]

    def _add_edges(self, number: int, ids: list[int], known: set[int],
                   edges: dict[int, list[tuple[int, int]]]) -> None:
        """Add (operand, slope) for the `known` operands of values that operation `number` made."""
        operands = self.code.operands
        if number < ROW:
            for i in ids:
                some = operands[i]
                edges[i] = [(x, slope) for x, slope in (
                    *zip(some[::2], some[1::2], strict=True),
                    *zip(some[1::2], some[::2], strict=True)) if x in known]
            return
        row, slope_of = self.code.rows[number - ROW], self._templates.slope
        for y in ids:
            slopes = [(x, slope_of(row, y, i)) for i, x in enumerate(operands[y]) if x in known]
            edges[y] = [(x, slope) for x, slope in slopes if slope is not None]

    def _cotangents(self, output: int, seed: int, active: list[int],
                    edges: dict[int, list[tuple[int, int]]]) -> dict[int, int]:
        """Walk backwards and append the cotangents; those of values that receive nothing miss."""
        lane, op = self.code.lane_mask(), self.code.op
        # What a value receives, each a cotangent and a slope; what comes from samples to something
        # that they share has to be summed over them, and is apart.
        received, over_lanes = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
        cotangent = {output: seed}
        for i in reversed(active):
            if i != output:
                alike, summed = received.pop(i, []), over_lanes.pop(i, [])
                if not (alike or summed):
                    continue
                cotangent[i] = self._sum(alike, summed)
            # What a sum over lanes sends to something shared is sent once for each sample.
            g, many = cotangent[i], lane[i] or op[i] == LANE_SUM
            sent = edges.get(i, [])
            if len(sent) == 2 and sent[0][0] == sent[1][0] and sent[0][1] != sent[1][1]:
                # Of x − x both in one, as in `backprop.by_parent`.
                (x, first), (_, second) = sent
                g, sent = self._sum([g, first, g, second], []), [(x, self._one)]
            for x, slope in sent:
                (over_lanes if many and not lane[x] else received)[x] += (g, slope)
        return cotangent

    def _sum(self, alike: list[int], over_lanes: list[int]) -> int:
        """The value Σ g·slope, from pairs of both; `over_lanes` is also summed over the samples."""
        append = self.code.append
        if over_lanes:
            summed = append(LANE_SUM, tuple(over_lanes))
            return append(DOT, (summed, self._one, *alike)) if alike else summed
        if len(alike) > 2:
            return append(DOT, tuple(alike))
        g, slope = alike
        if slope == self._one:
            return g
        return slope if g == self._one else append(PRODUCT, (g, slope))

    def _note_slopes(self, active: list[int], known: set[int], cotangent: dict[int, int]) -> None:
        """Note where slopes are that may leave the range of floats."""
        code, slope_of = self.code, self._templates.slope
        special = {k + ROW for k, row in enumerate(code.rows) if any(row.pullbacks)}
        noted: dict[tuple[Elementwise, int], list[tuple[int, ...]]] = {}
        for y in active:
            if code.op[y] not in special or y not in cotangent:
                continue
            row = code.rows[code.op[y] - ROW]
            for i, x in enumerate(code.operands[y]):
                slope = slope_of(row, y, i) if x in known and row.pullbacks[i] else None
                if slope is not None and slope not in code.constants:
                    noted.setdefault((row, i), []).append(
                        (cotangent[y], slope, y, *code.operands[y]))
        for (row, i), places in noted.items():
            g, slopes, ys, *xs = np.array(places).T
            self.slopes.append(Slopes(row, i, g, slopes, ys, list(xs)))
