"""What the machine computes and can't know to be inexact: it is found out after each run.

The slope of 1/x underflows from x = 1e162 on (see ops/extremes.py), although its product with a
cotangent needn't; the machine multiplies all the same. And at the zero of a length, |x| say, the
second derivative of a smooth function of it is a limit (see limits.py), where the machine has 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..ops import extremes
from ..primitive import Elementwise
from .code import ROW, Code
from .machine import in_range
from .memory import Memory
from .schedule import Schedule

__all__ = ["LengthCheck", "SlopeCheck", "Slopes"]

Ids = np.ndarray


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

    def scheduled(self, schedule: Schedule) -> list[Slopes]:
        """Those that the machine computes: the shared ones, and those of each sample."""
        needed = np.all([schedule.needed[ids] for ids in (self.g, self.slope, *self.xs)], axis=0)
        parts = [np.flatnonzero(needed & (schedule.lane[self.slope] == lane))
                 for lane in (False, True)]
        return [Slopes(self.row, self.i, self.g[at], self.slope[at], self.y[at],
                       [x[at] for x in self.xs]) for at in parts if at.size]

    def is_exact(self, memory: Memory, w: int) -> bool:
        """Whether the products with the slopes out of range are what the row's rule gives."""
        slope = memory.numbers(self.slope, w)
        odd = ~extremes.in_range(slope)
        g, xs = memory.numbers(self.g, w)[odd], [memory.numbers(x, w)[odd] for x in self.xs]
        rule: Any = self.row.pullbacks[self.i]
        exact = rule(g, self.row.forward(*xs), *xs)
        return np.allclose(g * slope[odd], exact, 1e-12, 0.0, equal_nan=True)


class SlopeCheck:
    """Whether cotangents times slopes are what the rows' own rules for the product give."""

    def __init__(self, slopes: list[Slopes], schedule: Schedule) -> None:
        scheduled = [part for some in slopes for part in some.scheduled(schedule)]
        self._slopes = [[part for part in scheduled if schedule.lane[part.slope[0]] == lane]
                        for lane in (False, True)]
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
        with np.errstate(all="ignore"):
            return all(part.is_exact(memory, w) for part in self._slopes[lanes])


class LengthCheck:
    """Whether no length of the recorded code is 0, if it is differentiated more than once."""

    def __init__(self, code: Code, recorded: int, order: int, schedule: Schedule) -> None:
        op = np.array(code.op[:recorded])
        self._inputs: list[list[list[Ids]]] = [[], []]
        radial = [(k + ROW, row) for k, row in enumerate(code.rows) if row.radial and order > 1]
        for number, row in radial:
            ids = np.flatnonzero(op == number)
            for lane in (False, True):
                of = ids[schedule.lane[ids] == lane]
                xs = [np.array([code.operands[k][i] for k in of.tolist()], int)
                      for i, slope in enumerate(row.slopes) if slope is not None]
                needed = np.all([schedule.needed[x] for x in xs], axis=0)
                if needed.any():
                    self._inputs[lane].append([x[needed] for x in xs])

    def is_exact(self, memory: Memory, w: int, lanes: bool) -> bool:
        """Whether there is none; `lanes` as for `SlopeCheck`."""
        return not any(np.all([memory.numbers(x, w) == 0 for x in xs], axis=0).any()
                       for xs in self._inputs[lanes])
