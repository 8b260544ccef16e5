"""Finite differences with an error bar, and how much rounding a gradient may carry.

Finite differences are the second oracle, which knows nothing of the first.

No one step is right for every function. Too large a step truncates (the error of a central
difference falls as h²); too small a one drowns in the rounding of f (which grows as 1/h).
Between them the estimate stands still. So each coordinate sweeps its step over ten decades,
extrapolates (Richardson 1911), and takes the place where the estimate moves least; how much it
moves there is its error bar.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np

from ..backprop import as_float64
from ..graph import Node, topological_order
from ..ops import (
    unbroadcast,
)
from ..primitive import Elementwise

__all__ = ["Slope", "slope_along", "slope_of", "term_sizes", "tolerance"]

RATIO = 4.0  # from one step to the next smaller
FLAT = 5  # steps over which the gap at a kink stays as it is: the largest is 256 times the smallest
EPS = float(np.finfo(float).eps)
SMALLEST, LARGEST = 1e-11, 1e-1  # steps, relative to |x| (or to 1 for the largest)


class Slope(NamedTuple):
    """A derivative by finite differences, and how far it can be trusted."""

    value: float  # nan if no step gave a finite estimate
    error: float  # the error bar, absolute
    left: float  # the one-sided slopes …
    right: float
    kink: bool  # … and whether they differ, however small the step


def _steps(x: float) -> np.ndarray:
    """The steps to try at x, from the largest down, each a power of 4 apart."""
    largest = LARGEST * max(abs(x), 1.0)
    smallest = max(SMALLEST * abs(x), 1e-10 if x == 0 else 1e-13)
    smallest = max(smallest, 4 * np.spacing(abs(x)))
    count = int(np.log(largest / smallest) / np.log(RATIO)) + 1
    return largest * RATIO ** -np.arange(count)


def slope_along(f: Callable[[float], float], x: float, eps: float = EPS) -> Slope:
    """df/dx at x, for a function of one float, which rounds to `eps`.

    Steps at which f isn't finite are left out: they have left its domain.
    """
    return slope_of(lambda points: np.array([f(v) for v in points]), x, eps)


def slope_of(f: Callable[[np.ndarray], np.ndarray], x: float, eps: float = EPS) -> Slope:
    """The same for a function that takes each number of an array by itself."""
    steps = _steps(x)
    up, down = x + steps, x - steps
    middle, f_up, f_down = np.split(f(np.array([x, *up, *down])), [1, 1 + len(up)])
    with np.errstate(all="ignore"):
        central = (f_up - f_down) / (up - down)  # by the step actually made, not the one meant
        right, left = (f_up - middle) / (up - x), (middle - f_down) / (x - down)
        noise = np.maximum(4 * eps * np.maximum(abs(f_up), abs(f_down)),
                           _jitter(f_up - 2 * middle + f_down)) / steps
        better = (RATIO**2 * central[1:] - central[:-1]) / (RATIO**2 - 1)
    value, error = _steadiest(better, noise[1:])
    return Slope(value, error, *_sides(left, right, noise))


def _jitter(second: np.ndarray) -> float:
    """How far f is off by rounding, by its second differences at the smallest steps.

    But for rounding they are a·h + b·h² there, a at a kink and b by the curvature; of h, 4h and
    16h a combination is taken in which both vanish.
    """
    last = second[-5:]
    rest = np.abs(last[:-2] - 20 * last[1:-1] + 64 * last[2:]) / 64
    return float(np.max(rest, where=np.isfinite(rest), initial=0.0))


def _steadiest(estimates: np.ndarray, noise: np.ndarray) -> tuple[float, float]:
    """The estimate that moves least from its neighbours; twice how much is the error bar."""
    moves = np.abs(np.diff(estimates))
    error = np.maximum(moves[:-1], moves[1:]) + noise[1:-1]  # both: one may agree by chance
    if not np.isfinite(error).any():
        return np.nan, np.inf
    best = int(np.argmin(np.where(np.isfinite(error), error, np.inf)))
    return float(estimates[best + 1]), float(2 * error[best])


def _sides(left: np.ndarray, right: np.ndarray, noise: np.ndarray) -> tuple[float, float, bool]:
    """The one-sided slopes, and whether their gap stays as the step shrinks.

    Of a smooth function the gap is h·f″, and shrinks with the step; rounding makes it grow as
    1/h; only a kink leaves it as it is.
    """
    gap = np.abs(right - left)
    resolved = np.flatnonzero(np.isfinite(gap) & (noise < 0.05 * gap))
    if len(resolved) < FLAT:
        return np.nan, np.nan, False
    last = gap[resolved[-FLAT:]]
    seen_at_all = last[-1] > 1e-6 * max(abs(left[resolved[-1]]), abs(right[resolved[-1]]))
    stays = bool(np.max(last) < 1.5 * np.min(last) and seen_at_all)
    best = resolved[len(resolved) // 2]  # between curvature, at large steps, and rounding
    return float(left[best]), float(right[best]), stays


def term_sizes(output: Node, wanted: Collection[Node] = ()) -> dict[Node, Any]:
    """For each leaf, and each wanted node, the sum of |terms| of which each entry of ∂output/∂node
    is the sum.

    The chain rule with every factor's absolute value: where terms cancel, the gradient is small
    and this is not, and its rounding is some eps times this (Higham 2002, section 3.1).
    """
    sizes: dict[Node, Any] = {output: 1.0}
    found: dict[Node, Any] = {}
    for node in topological_order(output):
        size = sizes.pop(node, 0.0)
        if node.op is None or node in wanted:
            found[node] = size
        if node.op is None:
            continue
        for parent, sent in zip(node.parents, _term_sizes_sent(node, size), strict=True):
            if parent is not None and sent is not None:
                to = np.shape(parent.value)
                sizes[parent] = sizes.get(parent, 0.0) + unbroadcast(np.abs(sent), to)
    return found


def _term_sizes_sent(node: Node, size: Any) -> Any:
    op, xs = node.op, tuple(map(as_float64, node.inputs))
    assert op is not None
    size = np.broadcast_to(size, np.shape(node.value))
    if isinstance(op, Elementwise):
        slopes = [None if parent is None else op.slope(i, as_float64(node.value), xs)
                  for i, parent in enumerate(node.parents)]  # a constant may have no slope
        return [None if s is None else np.where(size == 0, 0.0, size * np.abs(s)) for s in slopes]
    if "products" in op.facts:
        xs = tuple(np.abs(x) for x in xs)
    sends = op.pull(size, node.value, xs, node)
    if "centers" in op.facts:  # y·(g − Σ g·y), where y·(g + Σ g·y) is the size
        return [2 * node.value * size - sends[0]]
    if "solves" in op.facts:  # each entry by the matrix' condition (Higham 2002, chapter 7)
        condition = np.minimum(np.max(np.linalg.cond(xs[0]), initial=1.0), 1e100)
        return [None if sent is None else
                np.full(np.shape(x), condition * np.max(np.abs(sent), initial=0.0))
                for sent, x in zip(sends, xs, strict=True)]
    return sends


def tolerance(expected: np.ndarray, terms: np.ndarray, eps: float) -> np.ndarray:
    """How far a right gradient may be off: √eps relative, and the rounding of what was added up.

    Another right formula adds the same terms in another order; where they cancel, what is left
    is rounding, of some eps times the size of the terms. A thousand is some and a depth of 50.
    """
    terms = np.where(np.isfinite(terms), terms, 0.0)  # an overflow there excuses nothing
    terms = np.maximum(terms, 1e-3 * np.max(terms, initial=0.0))
    some = min(1e3 * eps, np.sqrt(eps))  # of float16 a thousand roundings are all of it
    bar: np.ndarray = np.sqrt(eps) * np.abs(expected) + some * terms
    return bar + np.finfo(float).tiny
