"""How much may be tried before a search gives up: counted, so that every machine tries the same.

A clock would name a mistake on a fast machine and miss it on a busy one. So what is spent is work:
a rule used at one node is 1, and numbers it has to go through are some more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Budget", "weight"]

NUMBERS = 5000.0  # so many numbers to go through cost as much as the step itself


class Budget:
    """An amount of work, and what of it is left."""

    def __init__(self, amount: float) -> None:
        self.left = float(amount)

    def spend(self, work: float) -> None:
        """Take off what was done."""
        self.left -= work

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self.left < 0


def weight(*arrays: Any) -> float:
    """The work of one step that reads or writes these arrays."""
    return 1.0 + sum(int(np.size(x)) for x in arrays) / NUMBERS
