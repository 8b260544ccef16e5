"""What a program computes and can't know to be inexact: it is found out in each run.

The slope of 1/x underflows from x = 1e162 on (see ops/extremes.py), although its product with a
cotangent needn't; a program multiplies all the same. And at the zero of a length, |x| say, the
second derivative of a smooth function of it is a limit (see limits.py), where a program has 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..primitive import Elementwise
from .code import ROW, Code

__all__ = ["INEXACT", "Slopes", "is_exact", "lengths"]

INEXACT = object()
"""The result of a run after which the engine may know better."""

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


def is_exact(row: Elementwise, i: int, g: Any, slope: Any, *xs: Any) -> bool:
    """Whether g·slope is what the row's own rule for the product gives: numbers, or arrays."""
    rule: Any = row.pullbacks[i]
    g, slope, *arrays = np.atleast_1d(g, slope, *xs)  # of floats a rule may raise
    with np.errstate(all="ignore"):
        exact = rule(g, row.forward(*arrays), *arrays)
        return np.allclose(g * slope, exact, 1e-12, 0.0, equal_nan=True)


def lengths(code: Code, recorded: int, order: int) -> list[tuple[int, ...]]:
    """Of each length among the first values of a code, what it is the length of.

    order: how often the code is differentiated; once is no matter.
    """
    radial = {k + ROW: [i for i, slope in enumerate(row.slopes) if slope is not None]
              for k, row in enumerate(code.rows) if row.radial and order > 1}
    return [tuple([code.operands[y][i] for i in radial[code.op[y]]])
            for y in range(recorded) if code.op[y] in radial]
