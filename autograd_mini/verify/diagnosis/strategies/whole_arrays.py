"""A relation of whole arrays: all of a gradient times a constant."""

from __future__ import annotations

from functools import partial

from ..fitting import ratio
from ..search import Search

__all__ = ["whole_arrays"]


def whole_arrays(search: Search) -> None:
    """All of a gradient times a constant."""
    for p in search.wrong:
        c = ratio(search.given[p], search.true[p], search.room[p])
        if c is None or abs(c) < 1e-9 or (
                search.few[p] and search.factors.name(c, few=search.one[p]) is None):
            continue
        c = float(f"{c:.8g}")
        kind = "sign" if c == -1.0 else "factor"
        said = "the gradient has the wrong sign" if kind == "sign" else (
            "the gradient is {c} times what it should be")
        gradients = {n: c * k.true if k.wrong else k.true for n, k in search.claims.items()}
        cost = 0.95 if kind == "sign" else 1.3
        search.keep(("whole", c), p, 1.0,
                    partial(search.finding, kind, said, (), cost, gradients))
