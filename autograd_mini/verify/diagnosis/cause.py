"""The cause of a wrong gradient: the search, the shapes, the line to change, put together."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...graph import raw
from ...trees import tree_leaves
from ..problem import Problem, copied
from ..report import Entry, Suspect
from ..triangle import mirrored
from ..verdict import tolerance
from .budget import Budget
from .explain import suspects_of, with_repairs
from .other_points import elsewhere
from .record import Record
from .repair import Repair, repairs
from .search import Claim, Search, patience
from .shapes import Reshaped, reshaped

__all__ = ["explained"]

KNOWN = 60_000.0  # the work for the line alone, of a mistake that has a name


def explained(problem: Problem, names: list[str], entries: list[Entry], gradient: Any,
              copies: list[Any], arrays_of: Callable[[Any], list[Any]]) -> list[Entry]:
    """The entries, with suspects for what is wrong.

    gradient: what computes the claim, or the claim; copies: the arguments as it left them;
    arrays_of: what is claimed for each argument, in a claim.
    """
    if not problem.engine:
        why = f"the engine can't differentiate the loss, so no more is known: {problem.refusal}"
        return [_with(e, (Suspect("unknown", why, shared=(e.name,)),)) for e in entries]
    record = problem.record(names)
    if any(entry.name not in record.parameters for entry in entries):
        return entries  # the claim hasn't the form of the parameters: that is what is wrong
    shapes = {e.name: reshaped(record, e.name, e.given, np.asarray(record.gradient(e.name), float))
              for e in entries if e.verdict == "wrong" and e.given is not None
              and e.given.shape != np.shape(record.parameters[e.name].value)}
    claims = {e.name: _claim(problem, names, record, e, shapes.get(e.name)) for e in entries}
    constants = problem.constants(names)

    def points() -> Any:
        return elsewhere(
            lambda values: problem.gradients_at(names, values),
            {n: np.asarray(x.value) for n, x in record.parameters.items()},
            {n: c.given for n, c in claims.items()}, {n: c.true for n, c in claims.items()},
            problem.changed(names, copies), gradient, constants.rates)

    search = Search(record, claims, constants, points)
    search.run()
    problem.cut_short = search.cut_short
    found = {name: suspects_of(search, name) for name in claims if claims[name].wrong}
    for entry in entries:
        shape, rest = shapes.get(entry.name), found.get(entry.name, ())
        if shape is not None:
            found[entry.name] = (replace(shape.suspect, also=rest[:1]), *rest)
        elif entry.name in shapes:
            found[entry.name] = (Suspect("shape", entry.reason, shared=(entry.name,), plain=True),)
    known = all(suspects[0].plain for suspects in found.values())
    repaired = _repairs(problem, gradient, arrays_of, known, record)
    return [_with(e, with_repairs(found.get(e.name, ()), repaired)) for e in entries]


def _with(entry: Entry, suspects: tuple[Suspect, ...]) -> Entry:
    """The entry with its suspects, if it is wrong; there is always one."""
    if entry.verdict != "wrong":
        return entry
    unknown = Suspect("unknown", "nothing more can be said", shared=(entry.name,))
    return replace(entry, suspects=suspects or (unknown,))


def _claim(problem: Problem, names: list[str], record: Record, entry: Entry,
           shape: Reshaped | None) -> Claim:
    """What the search is told of one parameter; what isn't a gradient at all is left out of it."""
    true = np.asarray(record.gradient(entry.name), float)
    terms = np.broadcast_to(problem.terms(names, entry.name), true.shape)
    given = entry.given if shape is None else shape.gradient
    wrong = bool(entry.verdict == "wrong" and given is not None and given.shape == true.shape
                 and np.isfinite(given).all() and not np.allclose(given, true, rtol=1e-7, atol=0))
    given = given if wrong and given is not None else true
    return Claim(given, true, terms, problem.eps(given.dtype), wrong)


def _repairs(problem: Problem, gradient: Any, arrays_of: Callable[[Any], list[Any]], known: bool,
             record: Record) -> list[Repair]:
    """The edits of the gradient's function after which every parameter is right.

    known: the mistake has a name already, and only its line is wanted.
    """
    if not callable(gradient):
        return []

    def is_right(claim: Any) -> bool:
        for i, claimed in zip(problem.wrt, arrays_of(claim), strict=True):
            leaves = dict(tree_leaves(claimed)) if isinstance(claimed, dict) else {"": claimed}
            for path, (true, terms) in ((p, e) for (k, p), e in problem.engine.items() if k == i):
                given = np.asarray(raw(leaves[path]), float)
                bar = tolerance(true, terms, problem.eps(given.dtype))
                if (i, path) in problem.symmetrised and given.shape == true.shape:
                    given, true, bar = mirrored(given), mirrored(true), mirrored(bar)
                if given.shape != true.shape or not (np.abs(given - true) <= bar).all():
                    return False
        return True

    budget = Budget(KNOWN if known else 1.1 * patience(len(record.order)))
    found = repairs(gradient, [copied(arg) for arg in problem.args], copied(problem.kwargs),
                    is_right, budget, record.work - len(record.order))
    told = list(itertools.islice(found, 1 if known else 2))
    problem.cut_short = problem.cut_short or (not known and budget.over)
    return told
