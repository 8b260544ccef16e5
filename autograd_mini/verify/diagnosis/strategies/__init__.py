"""What is tried to explain a wrong gradient, in this order: the simple and the likely first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..search import Search
from .extra_terms import extra_terms
from .loops import loops
from .other_points import other_points
from .pairs import pairs
from .several_uses import several_uses
from .single_sites import single_sites
from .whole_arrays import whole_arrays

__all__ = ["STRATEGIES", "run"]

Strategy = Callable[[Search], None]  # it keeps what it finds in the search

STRATEGIES: tuple[Strategy, ...] = (whole_arrays, single_sites, several_uses, extra_terms, loops,
                                    other_points, pairs)
LARGE = 5000  # nodes times wrong gradients: there a relation of whole arrays is answer enough


def run(search: Search) -> None:
    """Try one strategy after the other, until all is plainly explained or the budget is spent."""
    whole, *others = STRATEGIES
    with np.errstate(all="ignore"):
        whole(search)
        if search.all_plain() and len(search.record.order) * len(search.names) > LARGE:
            return
        for strategy in others:
            strategy(search)
            if search.out_of_budget() or search.all_plain():
                break
