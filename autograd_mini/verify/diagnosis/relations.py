"""What the numbers of a gradient alone tell, where there is no graph of the loss to look into."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...graph import value_of
from ...trees import tree_leaves
from ..forms import copied
from ..names import renamed
from ..problem import Problem, measured_at
from ..report import Suspect
from .context import beside, known_factors
from .finding import Claim
from .known_factors import KnownFactors, same, shown
from .repair import claimed_apart

__all__ = ["measured_claims", "relations"]

NEAR = 1e-6  # what finite differences can be held to


def measured_claims(problem: Problem, names: Sequence[str], given: Mapping[str, np.ndarray],
                    args: Sequence[Any] | None = None) -> dict[str, Claim]:
    """What was claimed, beside the gradient by finite differences; without what wasn't measured."""
    found = {}
    measured = problem.measured if args is None else measured_at(problem, args)
    for (i, path), (true, bar) in measured.items():
        g = given.get(names[i] + path)
        if g is not None and g.shape == true.shape and np.isfinite(true).all() and (
                np.isfinite(g).all()):
            wrong = not bool((np.abs(g - true) <= bar).all())
            found[names[i] + path] = Claim(g, true, bar / NEAR, NEAR, wrong)
    return found


def relations(problem: Problem, names: Sequence[str], claims: Mapping[str, Claim],
              arrays_of: Callable[[Any], list[Any]]) -> dict[str, tuple[Suspect, ...]]:
    """The suspects for each wrong gradient, best first, of what holds at a second point too.

    arrays_of: what is claimed for each argument, in a claim.
    """
    factors = known_factors(problem, names)
    found = {name: tuple(_related(name, claim, claims, factors))
             for name, claim in claims.items() if claim.wrong}
    args = beside(problem)
    there = _claims_at(problem, names, arrays_of, args) if any(found.values()) else None
    if there:
        factors = known_factors(problem, names, args)
        again = {name: {s.message for s in _related(name, claim, there, factors)}
                 for name, claim in there.items()}
        found = {name: tuple(s for s in suspects if s.message in again.get(name, (s.message,)))
                 for name, suspects in found.items()}
    return {name: suspects for name, suspects in found.items() if suspects}


def _claims_at(problem: Problem, names: Sequence[str], arrays_of: Callable[[Any], list[Any]],
               args: Sequence[Any]) -> dict[str, Claim] | None:
    """What is claimed at other arguments; None where the gradient can't be asked there."""
    form = problem.form
    if not callable(form.gradient) and not form.returns_both:
        return None
    try:
        claimed = arrays_of(claimed_apart(form.called(copied(args))))
        given = {names[i] + path: np.asarray(value_of(g), float)
                 for i, claim in zip(problem.wrt, claimed, strict=True)
                 for path, g in tree_leaves(renamed(claim, problem.args[i]))}
        return measured_claims(problem, names, given, args)
    except Exception:  # it does more than compute, or takes no other numbers
        return None


def _related(name: str, claim: Claim, claims: Mapping[str, Claim], factors: KnownFactors
             ) -> Iterator[Suspect]:
    """What a gradient is of the right one: a multiple, turned, reversed, another's, in parts."""
    given, true = claim.given, claim.true
    if not given.any():
        yield _suspect("partial", f"the gradient of {name} is 0 throughout", name)
        return
    if (c := _ratio(given, true)) is not None:
        if same(c, -1.0, NEAR):
            yield _suspect("sign", f"the gradient of {name} has the wrong sign", name)
        elif (named := _named(factors, c, given.size)) is not None:
            exact, what = named
            told = f" ({what})" if " = " in what else ""
            sign = ", and has the wrong sign" if c < 0 else ""
            yield _suspect("factor", f"the gradient of {name} is {shown(exact)} times what it "
                           f"should be{told}{sign}", name)
    if given.ndim == 2 and _agree(given, true.T):
        yield _suspect("transpose", f"the gradient of {name} is transposed", name)
    for axis in range(given.ndim if given.size > 2 else 0):
        if _agree(given, np.flip(true, axis)):
            yield _suspect("index", f"the gradient of {name} is reversed along axis {axis}", name)
        for shift in (1, -1):
            if given.shape[axis] > 2 and _agree(given, np.roll(true, shift, axis)):
                yield _suspect("index", f"the gradient of {name} is shifted by one along axis "
                               f"{axis}", name)
    for other, its in claims.items():
        if other != name and given.size > 1 and _agree(given, its.true):
            yield _suspect("wrong-operand", f"this is the gradient of {other}", name)
    yield from _terms(name, claim, factors)
    yield from _by_arrays(name, claim, factors)
    yield from _rows(name, claim)


def _terms(name: str, claim: Claim, factors: KnownFactors) -> Iterator[Suspect]:
    """A multiple of an argument too much or too little, as of a regulariser."""
    for other, x in factors.arrays.items():
        x = np.asarray(x, float)
        if x.shape != claim.true.shape or x.size < 2 or np.ptp(x) == 0:
            continue
        c = _ratio(claim.given - claim.true, x)
        named = None if c is None else _named(factors, c, x.size)
        if c is None or named is None:
            continue
        kind, what = ("extra-term", "too much") if c > 0 else ("missing-term", "missing")
        size = shown(named[0])
        factor = "" if size == "1" else f"{size} * "
        yield _suspect(kind, f"the term {factor}{other} is {what} in the gradient of {name}", name)


def _by_arrays(name: str, claim: Claim, factors: KnownFactors) -> Iterator[Suspect]:
    """The right one times, or divided by, an array among the arguments, entry by entry."""
    for other, x in factors.arrays.items():
        x = np.asarray(x, float)
        if np.ndim(x) == 0 or not x.all() or np.ptp(x) == 0:
            continue
        try:
            if np.broadcast_shapes(x.shape, claim.true.shape) != claim.true.shape:
                continue
        except ValueError:
            continue
        if _agree(claim.given, claim.true * x):
            yield _suspect("extra-term", f"the gradient of {name} is the right one times {other}",
                           name)
        if _agree(claim.given, claim.true / x):
            yield _suspect("missing-term", f"the factor {other} is missing in the gradient of "
                           f"{name}", name)


def _rows(name: str, claim: Claim) -> Iterator[Suspect]:
    """Right but for whole rows or columns, or 0 where something else was due."""
    off = ~_near(claim.given, claim.true)
    if off.all() or not off.any():
        return
    where = f"{int(off.sum())} of {off.size} entries are wrong"
    for axis, line in enumerate(("row", "column") if off.ndim == 2 else ()):
        whole = np.flatnonzero(off.all(axis=1 - axis))
        if len(whole) * off.shape[1 - axis] == off.sum():
            where = f"the {line}{'s' * (len(whole) > 1)} {', '.join(map(str, whole[:8]))} " \
                    f"{'are' if len(whole) > 1 else 'is'} wrong"
    if not claim.given[off].any():
        where += ", 0 was given there"
    yield _suspect("partial", f"{where}; the others are right", name)


def _suspect(kind: str, message: str, name: str) -> Suspect:
    return Suspect(kind, message, evidence=NEAR, shared=(name,), plain=kind != "partial")


def _ratio(u: np.ndarray, v: np.ndarray) -> float | None:
    """c if u = c·v, as far as finite differences tell."""
    size = float(np.sum(v * v))
    if not size or not np.isfinite(size):
        return None
    c = float(np.sum(u * v)) / size
    return c if abs(c) > NEAR and _agree(u, c * v) else None


def _named(factors: KnownFactors, c: float, entries: int) -> tuple[float, str] | None:
    """(the size of a factor without the error of differences, what it is), if it is known."""
    for exact in _candidates(factors, abs(c)):
        name = factors.name(exact, few=entries < 3)
        if name is not None:
            return exact, name
    return None


def _candidates(factors: KnownFactors, c: float) -> Iterator[float]:
    """The numbers of the problem that a factor may be, but for the error of differences."""
    bases = [2.0, 3.0, 4.0, 10.0, *factors.lengths, *factors.sizes, *factors.scalars]
    powers = [1.0, *(base**p for base in map(float, bases) for p in (1, -1, 2, -2, 0.5, -0.5))]
    for x in itertools.chain(powers, (a * b for a, b in itertools.combinations(powers, 2))):
        if same(c, x, NEAR):
            yield x


def _near(given: np.ndarray, true: np.ndarray) -> np.ndarray:
    near: np.ndarray = np.abs(given - true) <= NEAR * np.abs(true) + NEAR * np.max(
        np.abs(true), initial=0.0)
    return near


def _agree(given: np.ndarray, true: np.ndarray) -> bool:
    return given.shape == true.shape and bool(_near(given, true).all())
