"""A forward and a backward pass in plain NumPy: what their local variables stand for."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..backprop import gradients
from ..call import inside_transform, variable
from ..errors import AutogradError, GraphError, ShapeError
from ..graph import Node, topological_order, value_of
from ..places import located, with_locals
from ..standins import as_written
from ..trees import flat, tree_map
from .diagnosis.record import Record
from .forms import copied, first_of
from .names import forms_of

__all__ = ["followed", "locals_as_claims", "written_once"]


def followed(forward: Any, args: Sequence[Any]) -> tuple[dict[str, Any], Any]:
    """(the variables of a forward pass called with plain arguments, whose lines made its nodes)."""
    def call(f: Any) -> Any:
        def run() -> Any:
            with inside_transform():
                given = [tree_map(variable, x) if _is_real(x) else x for x in args]
                return with_locals(f, given)
        return Record.watched(run)

    try:
        (returned, variables), places = call(forward)
    except AutogradError:
        (returned, variables), places = call(as_written(forward))
    if isinstance(returned, Mapping):
        return dict(returned), places
    if isinstance(returned, tuple):
        returned = first_of(returned)
    return {**variables, "loss": returned}, places


def _is_real(x: Any) -> bool:
    """Whether an argument is made of floats alone."""
    return all(np.asarray(value_of(leaf)).dtype.kind == "f" for leaf in flat(x))


def locals_as_claims(backward: Any, args: Sequence[Any], variables: Mapping[str, Any],
                      written: Mapping[str, str]) -> dict[str, Any]:
    """The gradients among the variables of a backward pass, by name, and those it returns."""
    returned, found = with_locals(backward, [copied(x) for x in args])
    claims: dict[str, Any] = {}
    for name, x in variables.items():
        for form in forms_of(name)[1:]:
            known = isinstance(x, Node) and form in found and form in written
            if known and _may_be_the_gradient(np.shape(found[form]), np.shape(x.value)):
                claims[form] = (x, found[form])
    claims |= _returned(returned, variables, claims)
    if not claims:
        raise ShapeError("the backward pass has no variable, given a value once and not in a loop, "
                         "that is called as the gradient of one of the forward pass, such as "
                         f"d{next(iter(variables), 'z')}; its variables: "
                         f"{', '.join(found) or 'none'}")
    return claims


def _returned(returned: Any, variables: Mapping[str, Any], claims: Mapping[str, Any]
              ) -> dict[str, Any]:
    """The gradients that a backward pass returns and has no variable for: `return da * w`.

    They are by name in a mapping, or one for each of the arguments that are variables. One alone is
    for the variable whose gradient it is, or else for the first argument.
    """
    loss = variables.get("loss")
    if not isinstance(loss, Node) or loss.op is None or not _is_numeric(returned):
        return {}
    reached = set(topological_order(loss)) - {loss}
    inner = {name: x for name, x in variables.items() if isinstance(x, Node) and x in reached}
    leaves = {name: x for name, x in inner.items() if x.op is None}
    if isinstance(returned, Mapping):
        values = {name: returned[form] for name in leaves
                  for form in forms_of(name) if form in returned}
    elif isinstance(returned, tuple | list):
        values = dict(zip(leaves, returned, strict=False)) if len(returned) == len(leaves) else {}
    else:
        name = _whose(returned, loss, inner) or next(iter(leaves), "")
        named = any(returned is claim for _, claim in claims.values())  # it has a variable
        values = {name: returned} if name in leaves and not named else {}
    taken = {x for x, _ in claims.values()}
    alike = all(_may_be_the_gradient(np.shape(value), np.shape(leaves[name].value))
                and not np.array_equal(value, loss.value) for name, value in values.items())
    return {f"d{name}": (leaves[name], value) for name, value in values.items()
            if leaves[name] not in taken} if alike else {}


def _is_numeric(returned: Any) -> bool:
    """Whether all that is returned is real numbers."""
    return all(np.asarray(value_of(leaf)).dtype.kind in "fiu" for leaf in flat(returned))


def _whose(value: Any, loss: Node, variables: dict[str, Node]) -> str:
    """The variable whose gradient it is, if there is one."""
    found = gradients(loss, [*variables.values()])
    return next((name for name, g in zip(variables, found, strict=True)
                 if np.shape(g) == np.shape(value)
                 and np.allclose(value_of(g), value, rtol=1e-6)), "")


def _may_be_the_gradient(shape: tuple[int, ...], right: tuple[int, ...]) -> bool:
    """Whether an array was meant for the gradient of one of shape `right`.

    It may have been summed along a wrong axis, so as many axes with other lengths will do. But not
    as many entries in another order: a program may lay out all its arrays the other way round.
    """
    return shape == right or (len(shape) == len(right) > 0 and math.prod(shape) != math.prod(right))


def written_once(function: Any) -> dict[str, str]:
    """The variables that a function gives a value to once, and not in a loop, each with the line:
    what they hold at the end is what they stood for.
    """
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError) as error:
        raise GraphError("the source of the backward pass isn't there: give its gradients by name, "
                         "such as dz=dz") from error
    file = inspect.getsourcefile(function) or "?"
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While)]
    inside = {n.id for loop in loops for n in _stores(loop)}
    stored = {n.id: n for n in _stores(tree)}  # the last of each name
    names = [n.id for n in _stores(tree)]
    return {name: f"{located(file, first + n.lineno - 1)}: {lines[n.lineno - 1].strip()}"
            for name, n in stored.items() if name not in inside
            and (names.count(name) == 1 or _is_only_added_to(tree, name))}


def _is_only_added_to(tree: ast.AST, name: str) -> bool:
    """Whether a variable is completed by `de += ds`, always, and only then used."""
    stores = [n for n in _stores(tree) if n.id == name]
    added = {n.target for n in ast.walk(tree) if isinstance(n, ast.AugAssign)
             and isinstance(n.op, ast.Add | ast.Sub)}
    branches = [n for n in ast.walk(tree) if isinstance(n, ast.If | ast.Try | ast.Match)]
    last = max(n.lineno for n in stores)
    return (all(n in added for n in stores[1:])
            and not any(n in set(_stores(branch)) for branch in branches for n in stores)
            and all(n.lineno > last for n in ast.walk(tree) if isinstance(n, ast.Name)
                    and n.id == name and isinstance(n.ctx, ast.Load)))


def _stores(tree: ast.AST) -> list[ast.Name]:
    """Where variables are given a value."""
    return [n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
