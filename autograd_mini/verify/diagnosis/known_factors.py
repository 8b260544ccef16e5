"""What a constant factor may be: 2, ½, n of the batch, a λ; and which it is, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

__all__ = ["KnownFactors", "same", "shown"]

PLAIN = {2.0: "2", 3.0: "3", 4.0: "4", 10.0: "10"}


def same(a: float, b: float, tolerance: float = 1e-8) -> bool:
    """Whether two factors are the same but for rounding."""
    return abs(a - b) <= tolerance * max(abs(a), abs(b))


class KnownFactors:
    """The numbers that occur in a problem: lengths of axes, scalars among the arguments."""

    def __init__(self, arrays: Mapping[str, Any], scalars: Mapping[str, float]) -> None:
        self.arrays = arrays
        self.lengths: dict[int, str] = {}
        self.sizes: dict[int, str] = {}
        for name, x in arrays.items():
            for axis, n in enumerate(np.shape(x)):
                if n > 1:
                    self.lengths.setdefault(n, f"the length of axis {axis} of {name}")
            if np.ndim(x) > 1:
                self.sizes.setdefault(int(np.size(x)), f"the number of entries of {name}")
        self.rates = dict(scalars)
        self.scalars = {abs(v): name for name, v in scalars.items()
                        if np.isfinite(v) and abs(v) not in (0.0, 1.0)}

    def _bases(self) -> Iterator[tuple[float, str]]:
        yield from PLAIN.items()
        for n, what in (self.lengths | self.sizes).items():
            yield float(n), f"n = {n}, {what}"
        for value, name in self.scalars.items():
            yield value, f"{name} = {value:g}"

    def name(self, c: float, few: bool = False) -> str | None:
        """What the factor c is; None if it is no number of this problem.

        few: only the commonest, for a gradient of so few entries that others fit by accident.
        """
        size = abs(c)
        if same(size, 1.0):
            return "1"
        bases = list(self._bases())
        for value, name in bases:
            for power, form in ((1, "{}"), (-1, "1/{}"), (2, "({})²"), (-2, "1/({})²"),
                                (0.5, "√({})"), (-0.5, "1/√({})"))[: 2 if few else None]:
                if same(size, value**power):
                    return form.format(name)
        if few:
            return None
        for value, name in bases:
            for other, its in bases:
                for power, form in ((1, "{} times {}"), (-1, "{} divided by {}")):
                    if same(size, value * other**power):
                        return form.format(name, its)
                if same(size, 1 / (value * other)):
                    return f"1/({name} times {its})"
        return None


def shown(c: float) -> str:
    """A factor as a person would write it."""
    if not math.isfinite(c):
        return f"{c}"
    ratio = Fraction(c).limit_denominator(64)
    if same(c, float(ratio)):
        return str(ratio)
    return f"{c:.6g}"
