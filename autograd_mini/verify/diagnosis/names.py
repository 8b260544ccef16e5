"""What the user calls a node: the variable it was assigned to, or its code, and its line."""

from __future__ import annotations

import linecache
import re

from ...graph import Node
from ...places import RETURNED, Place, assigned_names, located

__all__ = ["as_factor", "cotangent_of", "line_of", "name_of_node"]


def name_of_node(node: Node, place: Place | None, last: bool) -> str:
    """The variable a node was assigned to, or its code, or what made it."""
    if node.label:
        return node.label
    if place is not None and place.code and last:
        name = assigned_names(place.file).get((place.line, *place.span))
        if name == RETURNED and place.caller is not None:
            return name_of_node(node, place.caller, last)
        if name and name != RETURNED:
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
