"""How much may be tried before a search gives up: counted, so that every machine tries the same.

A clock would name a mistake on a fast machine and miss it on a busy one. So what is spent is work:
a rule used at one node is 1, and numbers it has to go through are some more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["PAIR", "POINT", "SUM", "TRIAL", "Budget", "search_budget", "weight"]

# The work of a rule tried at a site, of a pair, of the loss at another point, of one more term in a
# sum, each as measured in steps of a sweep; and what may be spent in all on a graph.
TRIAL, PAIR, POINT, SUM = 7.0, 11.0, 4.0, 0.1
ON_SMALL, ON_LARGE, PER_NODE = 270_000.0, 15_000.0, 133.0
SMALL = 150  # nodes
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


def search_budget(nodes: int) -> float:
    """How much work to put into searching a graph; what is cut short is said."""
    return ON_SMALL if nodes < SMALL else ON_LARGE + PER_NODE * nodes
