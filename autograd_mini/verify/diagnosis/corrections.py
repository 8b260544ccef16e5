"""The lines to change, and the corrected ones, as far as the gradient's own code shows them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...graph import value_of
from ...trees import tree_leaves
from ..forms import Called, copied
from ..names import renamed
from ..problem import Problem
from ..triangle import mirrored, symmetrised
from .budget import Budget, search_budget
from .context import beside, fewer_samples
from .locate import Fault, faults
from .record import Record
from .repair import RUN, Program, Repair, claimed_apart, codes_run, repairs, rewritten
from .written import Unprovable, sourceless

__all__ = ["Corrections", "corrections"]

KNOWN = 60_000.0  # the work for the line alone, of a mistake that has a name
LOCATING = 150_000.0  # the work for finding the statement at fault
TRIED = 4  # statements whose expression is rewritten


class Corrections:
    """What was found: edits that repair some parameters, and statements that may be at fault."""

    def __init__(self) -> None:
        self.repairs: list[Repair] = []
        self.faults: list[tuple[Fault, str]] = []  # each with its file, line and text

    def of(self, name: str) -> list[Repair]:
        """The edits that repair a parameter, the best first."""
        return [r for r in self.repairs if name in r.repaired]

    def line_of(self, name: str) -> str:
        """The line at fault for a parameter; "" if it isn't known."""
        return next((where for fault, where in self.faults if name in fault.repaired), "")


def corrections(problem: Problem, names: list[str], arrays_of: Callable[[Any], list[Any]],
                wrong: frozenset[str], known: bool, record: Record | None) -> Corrections:
    """The edits of the gradient's function after which some of the wrong gradients are right.

    Those that repair all come alone, if there are any. known: the mistake has a name already, and
    only its line is wanted. record: the graph of the loss, if the engine could follow it.
    """
    found, claims = Corrections(), _Claims(problem, names, arrays_of)
    size = 0 if record is None else len(record.order)
    cost = 0.0 if record is None else record.work - size
    try:
        program = _program(problem, names)
        likely = [] if record is None else faults(
            program, record, claims.right_here, wrong, Budget(LOCATING), RUN + program.lines + cost)
    except Exception:
        problem.sourceless = sourceless(problem.form.gradient)
        return found  # no source, or one that is better left alone: nothing is lost
    found.faults = [(fault, program.where(fault.part, fault.statement)) for fault in likely]
    budget = Budget(KNOWN if known else 1.1 * search_budget(size))

    def rewriting(pairs: bool) -> Iterator[Repair]:
        for i, fault in enumerate(likely[:TRIED]):
            if not pairs or not any(fault.repaired <= f.repaired for f in likely[:i]):
                yield from itertools.islice(
                    rewritten(program, fault, claims.right_here, wrong, there, pairs), 1)

    there, whole = claims.elsewhere(), list[Repair]()
    with contextlib.suppress(Unprovable):
        for repair in itertools.chain(
                rewriting(pairs=False),
                repairs(program, claims.right_here, wrong, budget, cost, there,
                        [fault.statement for fault in likely]),
                rewriting(pairs=True) if not (known and found.repairs) else ()):
            (whole if repair.repaired >= wrong else found.repairs).append(repair)
            if len(whole) == (1 if known or likely else 2):  # one at the line at fault is enough
                break
    problem.cut_short = problem.cut_short or (not known and budget.over)
    found.repairs = whole or sorted(found.repairs, key=lambda r: -len(r.repaired))
    return found


def _program(problem: Problem, names: list[str]) -> Program:
    """The gradient's function; what the loss is made of isn't edited in it."""
    both = problem.form.returns_both
    return Program(problem.form.called(copied(problem.args)),
                   () if both else codes_run(lambda: problem.value(problem.args)),
                   {names[i] for i in problem.wrt})


class _Claims:
    """Which of the gradients that a function returned are right, at the point and at another."""

    def __init__(self, problem: Problem, names: list[str],
                 arrays_of: Callable[[Any], list[Any]]) -> None:
        self.problem, self.names, self.arrays_of = problem, names, arrays_of

    def _given(self, claim: Any) -> Iterator[tuple[tuple[int, str], np.ndarray]]:
        for i, claimed in zip(self.problem.wrt, self.arrays_of(claim), strict=True):
            claimed = renamed(claimed, self.problem.args[i])
            for path, g in tree_leaves(claimed):
                if (i, path) in self.problem.places:
                    yield (i, path), np.asarray(value_of(g), float)

    def right_here(self, claim: Any) -> list[str]:
        """The names of those that are right at the point that is checked."""
        problem, found = self.problem, []
        for (i, path), given in self._given(claim):
            true, bar = problem.truth(i, path, given.dtype)
            if (i, path) in problem.symmetrised and given.shape == true.shape:
                given = symmetrised(problem.symmetrised[i, path][1], given)
                true, bar = mirrored(true), mirrored(bar)
            if given.shape == true.shape and (np.abs(given - true) <= bar).all():
                found.append(self.names[i] + path)
        return found

    def elsewhere(self) -> tuple[Called, Callable[[Any], list[str]]] | None:
        """The call at arguments beside these, and what is right there; None where there is no
        gradient, or a matrix would be no longer symmetric.
        """
        problem = self.problem
        if problem.symmetrised:
            return None
        near = beside(problem)
        known = ((args, there) for args in (fewer_samples(problem, near), near)
                 if args is not None and (there := self._known_at(args)) is not None)
        args, there = next(known, (near, None))
        if there is None:
            return None

        def right(claim: Any) -> list[str]:
            found = []
            for (i, path), given in self._given(claim):
                name = self.names[i] + path
                size = 1e-6 * np.max(np.abs(there[name]), initial=1e-300)
                if given.shape == there[name].shape and (
                        np.abs(given - there[name]) <= size).all():
                    found.append(name)
            return found

        return problem.form.called(args), right

    def _known_at(self, args: list[Any]) -> dict[str, Any] | None:
        """The gradients at other arguments, if both the loss and its gradient take these."""
        try:
            there = self.problem.gradients_of(args, self.names)
            claimed_apart(self.problem.form.called(copied(args)))
        except Exception:  # the gradient's own code, which may be made for these alone
            return None
        finite = there is not None and all(np.isfinite(g).all() for g in there.values())
        return there if finite else None
