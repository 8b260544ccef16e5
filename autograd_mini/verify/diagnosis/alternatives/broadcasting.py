"""Where broadcasting spread an input, its gradient is a sum: over other axes, or over some only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....primitive import Elementwise
from ..axes import axis_sets
from ..record import Record
from ..site import Site
from .alternative import NO_INCOMING, Alternative

__all__ = ["spread_wrongly"]


def spread_wrongly(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """Where broadcasting spread the input: summed over other axes, or over some only."""
    if site.block:
        return
    op, x = site.output.op, np.asarray(site.input.value)
    to, have = np.shape(x), np.shape(site.output.value)
    if not isinstance(op, Elementwise) or to == have or op.slopes[site.i] is None:
        return
    with np.errstate(all="ignore"):
        slope = op.slope(site.i, site.output.value, site.output.inputs)
        full = np.broadcast_to(g * slope, have)
    lead = len(have) - len(to)
    summed = tuple(range(lead)) + tuple(
        lead + k for k, n in enumerate(to) if n == 1 and have[lead + k] > 1)
    for axes in axis_sets(len(have)):
        rest = tuple(n for k, n in enumerate(have) if k not in axes)
        if set(axes) != set(summed) and np.prod(rest) in (np.prod(to), 1):
            def sent(axes: Any = axes) -> Any:
                part = full.sum(axes)
                return part.reshape(to) if part.size == x.size else part
            what = "over everything" if not rest else "over the wrong axis"
            yield Alternative("wrong-axis", f"the gradient of {{x}} was summed {what}: it is "
                              f"summed over axis {_listed(summed)}, along which {{x}} is broadcast",
                              sent, 1.0)
    yield Alternative("missing-incoming", NO_INCOMING, lambda: slope + np.zeros(have), 2.5)
    if full.size > x.size:
        yield Alternative("mean-for-sum", "the gradient of {x} was averaged over the places where "
                          "it is used; it is their sum", lambda: full.sum(summed).reshape(to) * (
                              x.size / full.size), 1.0)
    if len(summed) == 1:
        for k, which in ((-1, "last"), (0, "first")):
            yield Alternative("missing-path", f"only the {which} row's share of the gradient of "
                              "{x} is there: the shares of all add up (+=, not =)",
                              lambda k=k: np.take(full, k, summed[0]).reshape(to), 1.5)  # type: ignore[misc]
            yield Alternative("partial", f"the {which} row's share of the gradient of {{x}} is "
                              "missing", lambda k=k: (full.sum(summed[0]) - np.take(  # type: ignore[misc]
                                  full, k, summed[0])).reshape(to), 1.6)


def _listed(axes: tuple[int, ...]) -> str:
    return " and ".join(map(str, axes)) or "none"
