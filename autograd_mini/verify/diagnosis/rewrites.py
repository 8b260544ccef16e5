"""Rewriting the one expression at fault: what makes it the value that it should have?

What the expression should be is known in numbers, and so are the variables around it. So many
expressions can be tried without running the program: each edit of it, and two edits together.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from types import CodeType
from typing import Any, NamedTuple

from .budget import Budget
from .edits import Edit
from .expressions import ExpressionEdits
from .fitting import agree

__all__ = ["Moment", "rewrites"]

TOGETHER = 120  # edits that are tried in pairs with all others


class Moment(NamedTuple):
    """The variables around an expression when it was computed, and what it should have been."""

    around: dict[str, Any]
    variables: dict[str, Any]
    target: Any


def rewrites(edits: ExpressionEdits, statement: Any, slot: tuple[Any, str, int | None],
             moments: list[Moment], budget: Budget, pairs: bool) -> Iterator[list[Edit]]:
    """The edits of a statement, or pairs of them, after which an expression in it is right.

    They are yielded while they are put in. slot: where the expression stands, as (parent, field,
    index).
    """
    parent, field, index = slot

    def is_over() -> bool:
        return budget.over

    def is_right() -> bool:
        budget.spend(1)
        held = getattr(parent, field)
        return _is_right(held if index is None else held[index], moments)

    for edit in list(itertools.islice(_of_expressions(edits, statement),
                                      TOGETHER if pairs else None)):
        if is_over():
            return
        with _put_in(edit):
            if not pairs and is_right():
                yield [edit]
            for second in _of_expressions(edits, statement, True) if pairs else ():
                if is_over():
                    return
                with _put_in(second):
                    if is_right():
                        yield [edit, second]


class _put_in:  # noqa: N801  it is read as the words of a with block
    """A block in which an edit is put in."""

    def __init__(self, edit: Edit) -> None:
        self.edit = edit

    def __enter__(self) -> None:
        self.edit.swap()

    def __exit__(self, *error: object) -> None:
        self.edit.swap()


def _of_expressions(edits: ExpressionEdits, statement: Any, second: bool = False
                    ) -> Iterator[Edit]:
    for edit in edits.of_statement(statement, second):
        if edit.field != "" and isinstance(edit.new, ast.expr):
            yield edit


def _is_right(expression: Any, moments: list[Moment]) -> bool:
    """Whether the expression has the value that it should have, each time."""
    try:
        code = _compiled(expression)
        return all(agree(eval(code, m.around, m.variables), m.target) for m in moments)
    except Exception:
        return False


def _compiled(expression: Any) -> CodeType:
    whole = ast.Expression(expression)
    ast.fix_missing_locations(whole)
    return compile(whole, "<rewrite>", "eval")
