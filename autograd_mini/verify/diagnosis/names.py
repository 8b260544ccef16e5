"""What the user calls a node: the variable it was assigned to, or its code, and its line."""

from __future__ import annotations

import ast
import functools
import linecache
import re

from ...graph import Node
from ...places import Place, located

__all__ = ["as_factor", "assigned_names", "cotangent_of", "line_of", "name_of_node"]

RETURNED = ast.Name("return")  # what is returned has the name that the caller gives it


@functools.lru_cache(maxsize=64)
def assigned_names(file: str) -> dict[tuple[int, int, int, int], str]:
    """By the span (line, column, end line, end column) of an expression: what it is assigned to."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return {}
    names: dict[tuple[int, int, int, int], str] = {}
    for statement in ast.walk(tree):
        match statement:
            case ast.Assign(targets=[ast.Tuple(elts=left)], value=ast.Tuple(elts=right)):
                pairs = list(zip(left, right, strict=False))
            case ast.Assign(targets=[target, *_], value=value):
                pairs = [(target, value)]
            case ast.AugAssign(target=target):
                pairs = [(target, statement)]  # type: ignore[list-item]
            case ast.NamedExpr(target=target, value=value):
                pairs = [(target, value)]
            case ast.Return(value=ast.expr() as value):
                pairs = [(RETURNED, value)]
            case _:
                continue
        for target, part in pairs:
            if isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
                span = (part.lineno, part.col_offset, part.end_lineno, part.end_col_offset)
                names[span] = ast.unparse(target)  # type: ignore[index]
    return names


def name_of_node(node: Node, place: Place | None, last: bool) -> str:
    """The variable a node was assigned to, or its code, or what made it."""
    if node.label:
        return node.label
    if place is not None and place.code and last:
        name = assigned_names(place.file).get((place.line, *place.span))
        if name == RETURNED.id and place.caller is not None:
            return name_of_node(node, place.caller, last)
        if name and name != RETURNED.id:
            return name
        if place.line == place.span[1] and len(place.code) <= 40:
            return place.code
    return f"the output of {node.op.name}" if node.op else "an input"


def as_factor(name: str) -> str:
    """A name that may stand in a product: an expression in parentheses."""
    return name if re.fullmatch(r"[\w.\[\]'\"]+(\([^()]*\))?", name) else f"({name})"


def cotangent_of(name: str) -> str:
    """What the gradient that arrives at something is called: dz, or d(x @ w)."""
    name = name.removeprefix("self.")
    return f"d{name}" if re.fullmatch(r"[\w.\[\]'\"]+", name) else f"d({name})"


def line_of(place: Place | None) -> str:
    """file:line: the text of the line, where a node was made; first where that was called."""
    if place is None or not place.line:
        return ""
    own = _own_line(place)
    return own if place.caller is None else f"{_own_line(place.caller)} → {own}"


def _own_line(place: Place) -> str:
    text = linecache.getline(place.file, place.line).strip()
    return f"{located(place.file, place.line)}: {text}".rstrip(": ")
