"""The verdict where the engine can't be asked: finite differences alone, of entries or directions.

A few hundred entries are compared one by one. Of more, random directions are: the slope along ±1 in
every entry is the sum of all entries with these signs, and an entry that is wrong by more than the
error bar of that slope shows in every one of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from .problem import Problem
from .report import Entry

__all__ = ["ALONE", "PROBES", "by_differences", "drawn_by", "facts_of", "probed_entries"]

PROBES = 6  # entries of a parameter that finite differences look at …
ALONE = 200  # … and up to how many that are off (at a kink?), or if they are the only oracle
DIRECTIONS = 4


_extra_seeds: ContextVar[tuple[int, ...]] = ContextVar("extra_seeds", default=())


@contextlib.contextmanager
def drawn_by(seed: int) -> Iterator[None]:
    """A block in which entries and directions are drawn by another seed, which the author of a
    claim can't know.
    """
    token = _extra_seeds.set((seed,))
    try:
        yield
    finally:
        _extra_seeds.reset(token)


class _Looked(NamedTuple):
    """What finite differences say along one direction, and how far a right gradient may be off."""

    way: np.ndarray
    gap: float
    room: float


def facts_of(off: np.ndarray, expected: np.ndarray, error: np.ndarray, bar: np.ndarray
           ) -> dict[str, Any]:
    """What an `Entry` says of the entry that is furthest `off`."""
    at = tuple(int(k) for k in np.unravel_index(np.argmax(off), off.shape))
    return {
        "worst": at, "absolute_error": float(error[at]), "error_bar": float(bar[at]),
        "relative_error": float(error[at] / max(abs(expected[at]), 1e-300)),
    }


def probed_entries(expected: np.ndarray, excess: np.ndarray, probes: int = PROBES
            ) -> list[tuple[int, ...]]:
    """The entries that finite differences look at: the most wrong, the largest, some by lot."""
    by_excess = np.argsort(-excess.ravel(), kind="stable")[: probes // 2]
    by_size = np.argsort(-np.abs(expected).ravel(), kind="stable")[: probes // 3]
    drawn = np.random.default_rng((*_extra_seeds.get(), 0))
    by_lot = drawn.integers(0, expected.size, probes // 3)
    chosen = dict.fromkeys([*by_excess.tolist(), *by_size.tolist(), *by_lot.tolist()])
    return [tuple(int(k) for k in np.unravel_index(n, expected.shape)) for n in chosen]


def by_differences(problem: Problem, i: int, path: str, name: str, given: np.ndarray,
                   dtype: Any) -> Entry:
    """The verdict when the engine refused the loss."""
    expected, bar = np.full(given.shape, np.nan), np.full(given.shape, np.inf)
    whole = given.size <= ALONE
    places = list(np.ndindex(given.shape)) if whole else probed_entries(given,
                                                                        np.zeros(given.shape))
    digits = problem.eps(dtype) ** 0.5
    near = max(1e-6, digits)
    looked = [] if whole else list(_along_directions(problem, i, path, given, digits))
    apart = max(looked, key=lambda d: d.gap / d.room, default=None)
    if apart is not None and apart.gap > apart.room:
        places.append(_most_off(problem, i, path, given, apart.way))
    for at in places:
        slope = problem.along(i, path, at)
        if not slope.kink:
            expected[at] = slope.value
            bar[at] = 10 * slope.error + near * abs(slope.value)
    error = np.abs(given - expected)
    off = np.where(np.isfinite(expected), error / bar, 0.0)
    facts = facts_of(off, expected, error, bar)
    alone = f"by finite differences alone, for the engine can't follow the loss ({problem.refusal})"
    if (off > 1).any():
        return Entry(name, "wrong", f"so {alone}", expected, given, **facts)
    if apart is not None and apart.gap > apart.room:
        return Entry(name, "wrong", f"in a direction that moves every entry it is off by "
                     f"{apart.gap:.3g}, so {alone}", expected, given, **facts)
    narrow = 100 * near * np.max(np.abs(expected if whole else given), initial=0.0)
    if whole:
        if (bar <= narrow).all():
            return Entry(name, "right", f"so {alone}", expected, given, **facts)
    elif len(looked) == DIRECTIONS:
        visible = max(d.room for d in looked)
        alone += (f": along {DIRECTIONS} directions that move every entry, an entry that is off by "
                  f"more than {visible:.2g} would show")
        if visible <= narrow:
            return Entry(name, "right", f"so {alone}", expected, given, **facts)
    return Entry(name, "can't tell", f"nothing speaks against it at the {len(places)} entries "
                 f"tried {alone}", expected, given, **facts)


def _along_directions(problem: Problem, i: int, path: str, given: np.ndarray, digits: float
                      ) -> Iterator[_Looked]:
    """The directions along which there is no kink."""
    for seed in range(DIRECTIONS):
        way = np.random.default_rng((*_extra_seeds.get(), seed)).choice([-1.0, 1.0], given.shape)
        slope = problem.towards(i, path, way)
        if np.isfinite(slope.value) and not slope.kink:
            gap = abs(slope.value - float(np.sum(given * way)))
            yield _Looked(way, gap, 10 * slope.error + np.finfo(float).tiny +
                          digits * float(np.sqrt(np.sum(given**2))))


def _most_off(problem: Problem, i: int, path: str, given: np.ndarray, way: np.ndarray
              ) -> tuple[int, ...]:
    """An entry that is off: of two halves of the entries the one that is off further, and so on."""
    low, high = 0, given.size
    signs, claim = way.ravel(), given.ravel()
    while high - low > 1:
        middle, gaps = (low + high) // 2, []
        for start, end in ((low, middle), (middle, high)):
            part = np.zeros(given.size)
            part[start:end] = signs[start:end]
            slope = problem.towards(i, path, part.reshape(given.shape))
            gap = abs(slope.value - float(np.sum(claim * part)))
            gaps.append(gap if np.isfinite(gap) else -1.0)
        low, high = (low, middle) if gaps[0] > gaps[1] else (middle, high)
    return tuple(int(k) for k in np.unravel_index(low, given.shape))
