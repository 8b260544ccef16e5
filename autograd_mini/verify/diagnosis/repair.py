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
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MethodType
from typing import Any

import numpy as np

from .budget import Budget
from .edits import Edit, Edits
from .rerun import World
from .written import compiled, written

__all__ = ["Repair", "repairs"]

RUN = 40.0  # what it takes to run a program at all, in lines
LINES = 20  # how many times as many lines an edited program may run


@dataclass(frozen=True)
class Repair:
    """An edit after which the gradient is right."""

    kind: str
    where: str  # file:line: the line as it is
    fix: str  # the line as it should be


class Program:
    """The function that computes the gradient, as a tree that can be edited and run."""

    def __init__(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
        self.plain: Any = function.__func__ if type(function) is MethodType else function
        definition = written(self.plain)
        if not isinstance(definition, ast.FunctionDef):
            raise ValueError("not a function with a body of its own")
        self.definition = definition
        self.file = os.path.basename(inspect.getsourcefile(self.plain) or "?")
        self.first = inspect.getsourcelines(self.plain)[1]
        closed = inspect.getclosurevars(self.plain)
        self.globals = {**self.plain.__globals__, **closed.nonlocals}
        self.lines, self.budget = 0, 10**6
        self.world = World(function, args, kwargs)
        self.locals = self._locals()
        self.budget = LINES * (self.lines + 100)

    def run(self) -> Any:
        """What the function returns, as it is now."""
        code = compiled(self.definition, self.plain)
        if code is None:
            raise ValueError("the edit left no function")
        call = self.world.ready(code)
        with np.errstate(all="ignore"), self._bounded():
            return call()

    @contextlib.contextmanager
    def _bounded(self) -> Iterator[None]:
        """A block that ends with `RecursionError` when too many lines have run in it."""
        self.lines = 0

        def count(frame: Any, event: str, argument: Any) -> Any:
            self.lines += event == "line"
            if self.lines > self.budget:
                raise RecursionError("the edited program runs on and on")
            return count

        before = sys.gettrace()  # a debugger's, which needn't see this
        sys.settrace(count)
        try:
            yield
        finally:
            sys.settrace(before)

    def _locals(self) -> dict[str, Any]:
        """Its variables at the end, by name."""
        returns = [part for part in ast.walk(self.definition) if isinstance(part, ast.Return)]
        if len(returns) != 1 or returns[0].value is None:
            return {}
        edit = Edit(returns[0], "value", None, ast.parse("locals()", mode="eval").body, "")
        edit.swap()
        try:
            found: dict[str, Any] = self.run()
        finally:
            edit.swap()
        numbers = np.ndarray | float | int | np.generic
        return {k: v for k, v in found.items()
                if isinstance(v, numbers) and not isinstance(v, bool)}


def repairs(function: Any, args: list[Any], kwargs: dict[str, Any],
            is_right: Callable[[Any], bool], budget: Budget, numbers: float = 0.0
            ) -> Iterator[Repair]:
    """The edits of a function after which `is_right` of what it returns.

    args, kwargs: what it is called with, of which it gets copies; budget: how much may be run, in
    lines; numbers: how many lines' worth there is to compute with in one run.
    """
    try:
        program = Program(function, args, kwargs)
    except Exception:
        return  # no source, or one that is better left alone; whatever it does, nothing is lost
    for statement, edit in Edits(program.definition, program.locals, program.globals):
        if budget.over:
            return
        before = _text(statement)
        placed = hasattr(edit.new, "lineno")  # the code of what isn't can't be made
        ast.fix_missing_locations(edit.new if placed else ast.copy_location(edit.new, statement))
        replaced = edit.field == ""
        if replaced:
            edit.parent, edit.field = _Body(edit.parent), "body"
        edit.swap()
        try:
            right = is_right(program.run())
            after = _text(edit.parent.body[edit.index] if replaced else statement)
        except (Exception, SystemExit):
            right = False
        finally:
            edit.swap()
            budget.spend(RUN + program.lines + numbers)
        if right:
            line = program.first + statement.lineno - 1
            yield Repair(edit.kind, f"{program.file}:{line}: {before}",
                         "(leave this line out)" if after == "pass" else after)


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
