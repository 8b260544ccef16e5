"""The line to change: which small edit of the user's own function makes its gradient right.

The mistake is in code that is there to be read. So each small edit of it is tried: another
variable, a sign, a .T, an axis, a sum for a mean, += for =, a forgotten factor or term. The one
after which all is right is the corrected line. The function is run again for each, in a world of
its own (rerun.py); one that does more than compute is left alone.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from ...places import located
from ..forms import Called
from .budget import Budget
from .edits import SIZES_OF_EDITS, Edit
from .expressions import ExpressionEdits
from .rerun import World
from .rewrites import rewrites
from .written import Unprovable, compiled, written

__all__ = ["RUN", "Program", "Repair", "claimed_apart", "codes_run", "repairs", "rewritten"]

OURS = (__name__, f"{__package__}.locate")
EXPRESSIONS = 1000, 3000  # that are tried in the place of the one at fault, and pairs of edits
RUN = 40.0  # what it takes to run a program at all, in lines
LINES = 20  # how many times as many lines an edited program may run


@dataclass(frozen=True)
class Repair:
    """An edit that makes some of the wrong gradients right, and none of the right ones wrong."""

    kind: str
    where: str  # file:line: the line as it is
    fix: str  # the line as it should be
    repaired: frozenset[str]  # the parameters whose gradients are right then


class _Part:
    """A function of the program, as a tree that can be edited."""

    def __init__(self, function: FunctionType, variables: dict[str, Any]) -> None:
        self.function, self.definition = function, written(function)
        if not isinstance(self.definition, ast.FunctionDef):
            raise Unprovable("not a function with a body of its own")
        self.file = inspect.getsourcefile(function) or "?"
        self.source, self.first = inspect.getsourcelines(function)
        closed = inspect.getclosurevars(function)
        around = {**function.__globals__, **closed.nonlocals}
        self.edits = ExpressionEdits(self.definition, variables, around)


class Program:
    """The function that computes the gradient, with those that it calls; it can be edited and run.

    spared: the code of functions that aren't edited, for the loss is made of them; parameters: the
    names of what the gradient is for.
    """

    def __init__(self, called: Called, spared: Collection[CodeType] = (),
                 parameters: Collection[str] = ()) -> None:
        self.called_here, self.world = called, _world(called)
        self.elsewhere: tuple[Called, World] | None = None
        self.lines, self.budget = 0, 10**6
        functions = [f for f in self.world.functions() if f.__code__ not in spared]
        variables = self._variables({f.__code__ for f in functions})
        self.budget = LINES * (self.lines + 100)
        self.parts = []
        for f in functions:
            with contextlib.suppress(Unprovable, OSError, TypeError):
                if f.__code__ in variables:  # it was called
                    self.parts.append(_Part(f, variables[f.__code__]))
                    self.parts[-1].edits.parameters = parameters

    def edits(self, likely: Collection[Any]) -> Iterator[tuple[_Part, Any, Edit]]:
        """(part, statement, edit), the smallest first, and of these those of likely statements."""
        chosen = {id(statement) for statement in likely}
        for size in SIZES_OF_EDITS:
            for first in (True, False):
                for part in self.parts:
                    for statement, edit in part.edits.of_size(size):
                        if (id(statement) in chosen) == first:
                            yield part, statement, edit

    def where(self, part: _Part, statement: Any) -> str:
        """The file and line of a statement, and the line as it is written."""
        text = _text(statement)
        if statement.lineno == statement.end_lineno:
            text = part.source[statement.lineno - 1].partition("  #")[0].strip()
        return f"{located(part.file, part.first + statement.lineno - 1)}: {text}"

    def corrected(self, part: _Part, statement: Any, text: str) -> str:
        """The line of a statement with another text for it: `a; b` holds two."""
        if statement.lineno != statement.end_lineno:
            return "(leave this line out)" if text == "pass" else text
        line = part.source[statement.lineno - 1]
        indent = len(part.source[0]) - len(part.source[0].lstrip())
        before = line[:indent + statement.col_offset].lstrip()
        after = line[indent + statement.end_col_offset:].partition("  #")[0].strip()
        alone = not before and not after
        return "(leave this line out)" if alone and text == "pass" else f"{before}{text}{after}"

    def run(self, part: _Part | None = None, where: tuple[Called, World] | None = None) -> Any:
        """What the function claims; with a part as it is now, and at another point if given."""
        codes = {} if part is None else {id(part.function): self.code(part)}
        return self.called(codes, {}, where)

    def called(self, codes: Mapping[int, CodeType], hooks: Mapping[str, Any],
               where: tuple[Called, World] | None = None) -> Any:
        """What the function claims with other code, which may call the hooks."""
        called, world = where or (self.called_here, self.world)
        with called.around():
            call = world.ready(codes, hooks)
        with np.errstate(all="ignore"), self._bounded():
            returned = call()
        return called.read(returned, call.copy_of)

    def right(self, part: _Part, right_of: Callable[[Any], Collection[str]], elsewhere: Any
              ) -> frozenset[str]:
        """The parameters that are right with a part as it is now, here and at another point."""
        try:
            right = frozenset(right_of(self.run(part)))
            if right and elsewhere is not None:
                called, right_there = elsewhere
                self.elsewhere = self.elsewhere or (called, _world(called))
                right &= frozenset(right_there(self.run(part, self.elsewhere)))
        except (Exception, SystemExit):
            return frozenset()
        return right

    def code(self, part: _Part) -> CodeType:
        """The code of a part as it is now."""
        code = compiled(part.definition, part.function)
        if code is None:
            raise ValueError("the edit left no function")
        return code

    @contextlib.contextmanager
    def _bounded(self, returned: Callable[[Any], None] | None = None) -> Iterator[None]:
        """A block that ends with `RecursionError` when too many lines have run in it.

        returned: told of each frame that returns.
        """
        self.lines = 0

        def count(frame: Any, event: str, argument: Any) -> Any:
            if event == "call" and frame.f_globals.get("__name__") in OURS:
                return None  # a hook
            self.lines += event == "line"
            if self.lines > self.budget:
                raise RecursionError("the edited program runs on and on")
            if event == "return" and returned is not None:
                returned(frame)
            return count

        before = sys.gettrace()  # a debugger's, which needn't see this
        sys.settrace(count)
        try:
            yield
        finally:
            sys.settrace(before)

    def _variables(self, codes: Collection[CodeType]) -> dict[CodeType, dict[str, Any]]:
        """By function that was called: its numbers at the end of the last call, by name."""
        found: dict[CodeType, dict[str, Any]] = {}

        def returned(frame: Any) -> None:
            if frame.f_code in codes:
                found[frame.f_code] = dict(_numbers(frame.f_locals))

        with self.called_here.around():
            call = self.world.ready({}, {})
        with np.errstate(all="ignore"), self._bounded(returned):
            call()
        return found


def _world(called: Called) -> World:
    with called.around():
        return World(called.function, list(called.args), called.kwargs)


def claimed_apart(called: Called) -> Any:
    """What a gradient's function claims, run on copies of all it reaches; raises `Unprovable`."""
    world = _world(called)
    with called.around():
        call = world.ready({}, {})
    with np.errstate(all="ignore"):
        return called.read(call(), call.copy_of)


def _numbers(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The numbers among variables, and among the attributes of `self`."""
    for name, v in variables.items():
        if isinstance(v, np.ndarray | float | int | np.generic) and not isinstance(v, bool):
            yield name, v
        elif name == "self" and hasattr(v, "__dict__"):
            yield from ((f"self.{key}", x) for key, x in _numbers(vars(v)))


def codes_run(call: Callable[[], Any]) -> frozenset[CodeType]:
    """The code of the Python functions that run in a call."""
    found = set()

    def note(frame: Any, event: str, argument: Any) -> None:
        found.add(frame.f_code)

    before = sys.gettrace()
    sys.settrace(note)
    try:
        call()
    finally:
        sys.settrace(before)
    return frozenset(found)


def rewritten(program: Program, fault: Any, right_of: Callable[[Any], Collection[str]],
              wrong: Collection[str], elsewhere: Any, pairs: bool) -> Iterator[Repair]:
    """The edits of the one expression at fault that make it what it should be; or pairs of edits.
    """
    right_now = frozenset(right_of(program.run()))
    where, budget = program.where(fault.part, fault.statement), Budget(EXPRESSIONS[pairs])
    edits = fault.part.edits
    for made in rewrites(edits, fault.statement, fault.slot, fault.moments, budget, pairs):
        ast.fix_missing_locations(ast.Module([fault.statement], []))
        right = program.right(fault.part, right_of, elsewhere)
        if right_now < right:
            kinds = [edit.kind for edit in made]
            kind = "factor" if kinds == ["extra-term", "missing-term"] else kinds[0]
            told = program.corrected(fault.part, fault.statement, _text(fault.statement))
            yield Repair(kind, where, told, right.intersection(wrong))


def repairs(program: Program, right_of: Callable[[Any], Collection[str]], wrong: Collection[str],
            budget: Budget, cost: float, elsewhere: Any = None, likely: Collection[Any] = ()
            ) -> Iterator[Repair]:
    """The edits of a program that make some of what it returns right, and spoil nothing.

    right_of: the names of the parameters that are right in what it returned; wrong: those that are
    wrong now; budget: how much may be run, in lines; cost: of one run, besides its lines;
    elsewhere: arguments at another point, and what is right_of there; likely: the statements that
    are edited first.
    """
    right_now = frozenset(right_of(program.run()))
    for part, statement, edit in program.edits(likely):
        if budget.over:
            return
        where = program.where(part, statement)
        placed = hasattr(edit.new, "lineno")  # the code of what isn't can't be made
        if isinstance(edit.new, ast.AST):
            ast.fix_missing_locations(edit.new if placed else
                                      ast.copy_location(edit.new, statement))
        replaced = edit.field == ""
        if replaced:
            edit.parent, edit.field = _Body(edit.parent), "body"
        edit.swap()
        try:
            right = program.right(part, right_of, elsewhere)
            after = _text(edit.parent.body[edit.index] if replaced else statement)
        except (Exception, SystemExit):
            right = frozenset()
        finally:
            edit.swap()
            budget.spend(RUN + program.lines + cost)
        if right_now < right:
            yield Repair(edit.kind, where, program.corrected(part, statement, after),
                         right.intersection(wrong))


def _text(statement: Any) -> str:
    """A statement as one writes it: a returned tuple without parentheses."""
    match statement:
        case ast.Return(value=ast.Tuple(elts=parts)) if parts:
            return "return " + ", ".join(map(ast.unparse, parts))
    return ast.unparse(statement)


class _Body:
    """A list of statements as something with a field, so that an edit can replace one."""

    def __init__(self, body: list[Any]) -> None:
        self.body = body
