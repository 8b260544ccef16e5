"""The verdict on one array of a gradient: right, wrong, or can't tell, and why.

In this order: shapes, strictly (nothing is broadcast); nan and inf, and where; then each entry
against the engine, whose own answer is confirmed by finite differences where it matters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import value_of
from ..trees import tree_leaves
from .by_differences import ALONE, PROBES, by_differences, facts_of, probed_entries
from .names import renamed
from .numeric import tolerance
from .problem import Problem
from .report import Entry
from .triangle import mirrored, one_triangle, symmetrised
from .weak_checks import noise

__all__ = ["check_tree"]

LARGE = 100_000  # entries, of which fewer are looked at: one evaluation of the loss takes long


def check_tree(problem: Problem, i: int, name: str, claimed: Any) -> list[Entry]:
    """One entry per array in argument i."""
    ours = [path for path, x in tree_leaves(problem.args[i]) if x is not None]
    claimed = renamed(claimed, problem.args[i])
    theirs = {"": claimed} if ours == [""] else {
        path: g for path, g in tree_leaves(claimed) if g is not None or path in ours}
    if not ours:
        raise ShapeError(f"{name} has no arrays in it")
    if ours != [""] and set(ours) != set(theirs):
        missing = ", ".join(name + p for p in ours if p not in theirs) or "nothing"
        extra = ", ".join(name + p for p in theirs if p not in ours) or "nothing"
        return [Entry(name, "wrong", f"the gradient must have the form of {name} itself; "
                      f"missing: {missing}; not in {name}: {extra}", None, None)]
    return [_check_array(problem, i, path, name + path, theirs[path]) for path in ours]


def _check_array(problem: Problem, i: int, path: str, name: str, claimed: Any) -> Entry:
    """The verdict on one array: shapes, then nan and inf, then the numbers."""
    if claimed is None:
        return Entry(name, "wrong", "its gradient is None: was it left out of what is returned?",
                     problem.engine.get((i, path), (None,))[0], None)
    x = problem.argument(i, path)
    expected, terms = problem.engine.get((i, path), (None, None))
    try:
        if np.iscomplexobj(value_of(claimed)):
            raise TypeError
        given = np.asarray(value_of(claimed), float)
    except (TypeError, ValueError):
        return Entry(name, "wrong", f"its gradient is a {type(claimed).__name__}, not real "
                     "numbers", expected, None)
    if given.shape != np.shape(x):
        return Entry(name, "wrong", f"its gradient has shape {given.shape}, but {name} has "
                     f"shape {np.shape(x)}: a gradient has the shape of its parameter, and "
                     "nothing is broadcast here", expected, given)
    if problem.trouble:
        return Entry(name, "can't tell", problem.trouble, expected, given)
    if not given.size:
        return Entry(name, "right", "it has no entries", expected, given)
    if not np.isfinite(given).all() and (expected is None or np.isfinite(expected).all()):
        return _claim_not_finite(name, expected, given)
    if expected is None or terms is None:
        dtype = np.asarray(value_of(claimed)).dtype
        return by_differences(problem, i, path, name, given, dtype)
    if not np.isfinite(expected).all():
        return _not_finite(name, expected, given)
    return _compare(problem, i, path, name, expected, given, terms,
                    np.asarray(value_of(claimed)).dtype)


def _first(where: np.ndarray) -> tuple[int, ...]:
    """The index of the first entry that is True."""
    return tuple(int(k) for k in np.argwhere(where)[0])


def _claim_not_finite(name: str, expected: np.ndarray | None, given: np.ndarray) -> Entry:
    """nan or inf was claimed where the gradient is finite, or where it isn't known."""
    at = _first(~np.isfinite(given))
    count = (f"{np.sum(~np.isfinite(given))} of its {given.size} entries are nan or inf (the first "
             f"at {list(at)})")
    if expected is not None:
        return Entry(name, "wrong", f"{count}; the true gradient is finite", expected, given, at)
    if np.isnan(given).any():
        return Entry(name, "wrong", f"{count}, and nan is no gradient", expected, given, at)
    return Entry(name, "can't tell", f"{count}, and the engine couldn't be asked: check at "
                 "another point", expected, given, at)


def _not_finite(name: str, expected: np.ndarray, given: np.ndarray) -> Entry:
    same = np.array_equal(expected, given, equal_nan=False)
    at = _first(~np.isfinite(expected))
    if same:
        return Entry(name, "right", f"infinite at {list(at)}, as the gradient is there", expected,
                     given, at)
    return Entry(name, "can't tell", f"the gradient isn't finite at {list(at)} (it is "
                 f"{expected[at]}): check at another point", expected, given, at)


def _compare(problem: Problem, i: int, path: str, name: str, expected: np.ndarray,
             given: np.ndarray, terms: np.ndarray, dtype: Any) -> Entry:
    """Entry against entry; then finite differences confirm the engine where it matters."""
    bar = tolerance(expected, terms, problem.eps(dtype))
    error = np.abs(given - expected)
    with np.errstate(over="ignore"):
        facts = facts_of(error / bar, expected, error, bar)
    wrong = error > bar
    doubt, kinks, tried = _confirm(problem, i, path, expected, given, bar)
    if not doubt and not (wrong & ~kinks).any():
        misfit = _misfit(problem, i, path, expected, given, kinks) if (wrong & kinks).any() else ""
        doubt = misfit or _disagreement_at_large(problem, i, path, expected, bar, kinks)
    if doubt:
        return Entry(name, "can't tell", doubt, expected, given, **facts)
    if wrong.any() and (form := one_triangle(problem, i, path, expected, given, bar)):
        return _symmetrised(name, form, expected, given, bar)
    wrong &= ~kinks
    if wrong.any() and kinks.any() and not (wrong & tried).any():
        return Entry(name, "can't tell", f"{int(kinks.sum())} of the {int(tried.sum())} entries "
                     "tried lie at a kink of the loss, and more entries than that are off: check "
                     "at a point without ties and zeros", expected, given, **facts)
    if wrong.any():
        return Entry(name, "wrong", _pattern(wrong), expected, given, **facts)
    excused = ~kinks & (error > 1e-3 * np.max(np.abs(expected), initial=0.0))
    if excused.any() and not problem.solves:
        bar = _closest(problem, i, path, expected, problem.eps(dtype))
        off = np.where(excused & (error > bar), error / bar, 0.0)
        if off.any() and _is_seen(problem, i, path, given, off):  # large terms, a certain sum
            return Entry(name, "wrong", _pattern(error > bar), expected, given, **facts)
    if problem.solves and excused.any():
        return Entry(name, "can't tell", f"{int(excused.sum())} of its entries are off by over a "
                     "thousandth, and a matrix in the loss is so near a singular one that rounding "
                     "alone could do that: check at another point", expected, given, **facts)
    note = "each entry agrees with the engine, and the engine with finite differences"
    if kinks.any():
        note = (f"{int(kinks.sum())} of its entries lie at a kink of the loss, where every slope "
                "between the one-sided ones is a subgradient, and so is this; the rest agree")
    return Entry(name, "right", note, expected, given, **facts)


def _closest(problem: Problem, i: int, path: str, expected: np.ndarray, eps: float) -> np.ndarray:
    """How far a right gradient may be off where the engine's own noise is known."""
    scale = max(float(np.max(np.abs(problem.argument(i, path)))), 1e-9)
    size = abs(problem.value(problem.args)) / scale
    bar: np.ndarray = np.sqrt(eps) * np.abs(expected) + 1e6 * noise(problem, i, path) + (
        1e3 * eps * size)
    return bar


def _is_seen(problem: Problem, i: int, path: str, given: np.ndarray, off: np.ndarray) -> bool:
    """Whether finite differences, too, tell what was given from what is right, where it is furthest
    off.
    """
    at = tuple(int(k) for k in np.unravel_index(np.argmax(off), off.shape))
    slope = problem.along(i, path, at)
    return bool(abs(slope.value - given[at]) > slope.error)


def _symmetrised(name: str, form: str, expected: np.ndarray, given: np.ndarray, bar: np.ndarray
                 ) -> Entry:
    """The verdict on a gradient in such a form (triangle.py), of a loss that reads one triangle."""
    expected, bar = mirrored(expected), mirrored(bar)
    error = np.abs(symmetrised(form, given) - expected)
    return Entry(name, "right", f"it is {form}, and agrees with the engine's and with finite "
                 "differences when they are symmetrised", expected, given,
                 **facts_of(error / bar, expected, error, bar))


def _confirm(problem: Problem, i: int, path: str, expected: np.ndarray, given: np.ndarray,
             bar: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
    """(a doubt about the engine's gradient, which entries are accepted subgradients at kinks, and
    which were tried).
    """
    kinks, tried = np.zeros(expected.shape, bool), np.zeros(expected.shape, bool)
    with np.errstate(over="ignore"):
        excess = np.abs(given - expected) / bar
    many = len(problem.engine) > 20 or expected.size > LARGE  # then fewer entries of each
    probed = probed_entries(expected, excess, 2 if many else PROBES)
    most = 2 * PROBES if expected.size > LARGE else 20 * ALONE // max(20, len(problem.engine))
    off = [tuple(int(k) for k in at) for at in np.argwhere(excess > 1)[:most]]
    if len(off) > PROBES and _is_smooth(problem, i, path, expected, excess > 1):
        off = []
    for at in dict.fromkeys([*probed, *off]):
        slope, tried[at] = problem.along(i, path, at), True
        low, high = sorted((slope.left, slope.right))
        room = max(slope.error, float(bar[at]), 1e-5 * (abs(low) + abs(high)))
        if slope.kink and low - room <= expected[at] <= high + room:
            kinks[at] = low - room <= given[at] <= high + room
            continue
        gap = abs(slope.value - expected[at])
        if gap > 10 * slope.error + 1e-5 * abs(expected[at]) + bar[at]:
            near = abs(slope.value - given[at]) < 0.1 * gap
            return (
                f"the two oracles disagree{f' at {list(at)}' if at else ''}: the engine says "
                f"{expected[at]:.6g}, finite differences {slope.value:.6g} ± {slope.error:.1g}"
                + (", and so does the gradient given" if near else "")
                + ": is there a kink or a jump within the step, or does the loss cut the graph?"
            ), kinks, tried
    return "", kinks, tried


def _is_smooth(problem: Problem, i: int, path: str, expected: np.ndarray, where: np.ndarray
               ) -> bool:
    """Whether the loss has no kink in some entries, as directions that move all of these show."""
    if not problem.may_kink:
        return True
    for seed in range(2):
        way = where * _direction(problem, i, path, seed)
        slope = problem.towards(i, path, way)
        gap = abs(slope.value - float(np.sum(expected * way)))
        if slope.kink or not gap <= 10 * slope.error + 1e-5 * abs(slope.value):
            return False
    return True


def _direction(problem: Problem, i: int, path: str, seed: int) -> np.ndarray:
    """Of each entry its size, or a little of the largest, with signs drawn by lot."""
    x = np.abs(np.asarray(problem.argument(i, path), float))
    size = np.maximum(x, 1e-3 * np.max(x)) if np.max(x) > 0 else np.ones(x.shape)
    direction: np.ndarray = size * np.random.default_rng(seed).choice([-1.0, 1.0], x.shape)
    return direction


def _misfit(problem: Problem, i: int, path: str, expected: np.ndarray, given: np.ndarray,
            kinks: np.ndarray) -> str:
    """A doubt if entries at kinks, each between its one-sided slopes, don't fit together.

    Of max(a, b) at a tie, (1, 1) doesn't: a subgradient is bounded by the one-sided slopes in
    every direction, if the loss is convex there. If it isn't, no more can be said from slopes.
    """
    rng = np.random.default_rng(0)
    ways = [given - expected, np.ones(given.shape), *rng.normal(size=(4, *given.shape))]
    for way in ways:
        way = np.where(kinks, way, 0.0)
        way = way / np.max(np.abs(way))
        slope = problem.towards(i, path, way)
        claimed = float(np.sum(given * way))
        low, high = sorted((slope.left, slope.right)) if slope.kink else (slope.value, slope.value)
        room = max(slope.error, 1e-5 * (abs(low) + abs(high)))
        if not low - room <= claimed <= high + room:
            return (
                f"{int(kinks.sum())} of its entries lie at a kink of the loss; each is between its "
                "one-sided slopes, but together they are no subgradient, or the loss isn't convex "
                "there: check at a point without ties and zeros"
            )
    return ""


def _disagreement_at_large(problem: Problem, i: int, path: str, expected: np.ndarray,
                           bar: np.ndarray, kinks: np.ndarray) -> str:
    """A doubt if the oracles disagree in a direction that moves every entry but those at kinks.

    Finite differences look at a few entries only; a cut somewhere else shows here.
    """
    for seed in range(1 if expected.size > LARGE else 2):
        way = ~kinks * _direction(problem, i, path, seed)
        slope = problem.towards(i, path, way)
        terms = expected * way
        gap = abs(slope.value - float(np.sum(terms)))
        room = 10 * slope.error + 1e-6 * float(np.sqrt(np.sum(terms**2))) + float(
            np.sum(bar * np.abs(way)))
        if np.isfinite(slope.value) and not slope.kink and gap > room:
            return (
                "the two oracles disagree in a direction that moves every entry: the engine says "
                f"{np.sum(terms):.6g}, finite differences {slope.value:.6g} ± {slope.error:.1g}: "
                "does the loss cut the graph somewhere (float(), .item(), math functions, "
                "a.fill())?"
            )
    return ""


def _pattern(wrong: np.ndarray) -> str:
    """Which entries are wrong, and what the whole looks like."""
    count, size = int(wrong.sum()), wrong.size
    where = "every entry is wrong" if count == size else f"{count} of {size} entries are wrong"
    if count < size and wrong.ndim == 2:
        rows, columns = (np.atleast_1d(wrong.any(axis=axis)) for axis in (1, 0))
        if rows.sum() < len(rows) and wrong[rows].all():
            where += f" (whole rows: {np.flatnonzero(rows)[:8].tolist()})"
        elif columns.sum() < len(columns) and wrong[:, columns].all():
            where += f" (whole columns: {np.flatnonzero(columns)[:8].tolist()})"
    return where
