"""A recorded function as straight-line code, with its own names: the program that is printed."""

from __future__ import annotations

import ast
import operator
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..compiler.array_recorder import itself
from ..followed import Followed, item
from ..graph import Node, topological_order
from .constants import FEW, constant
from .dialects import BACKENDS, translated
from .operands import held_in
from .recorded import Recorded
from .rows import HELPERS, NotPrintableError
from .writing import Writing

__all__ = ["function_text"]

VIEWS = {"reshape", "broadcast_to", "transpose", "expand_dims", "squeeze", "ravel", "asarray"}
"""Functions whose result may be a view of their argument, or read-only."""

LOOKS = {"numpy": ("np.shape({})", "np.result_type({})", "np"),
         "jax": ("jnp.shape({})", "jnp.result_type({})", "jnp"),
         "torch": ("tuple({}.shape)", "{}.dtype", "torch")}
"""How a shape and a dtype are looked at, and what the library is called."""

QUIET = '@np.errstate(all="ignore")  # of what isn\'t chosen\n'
MIXED = ("assert torch.get_default_dtype() == torch.float64, "
         '"torch.set_default_dtype(torch.float64) comes first"')
"""PyTorch has whole numbers, and masks, times 0.1 in its default dtype."""


def function_text(recorded: Recorded, name: str, backend: str = "numpy") -> str:
    """The program: the helpers that it needs, and a function of the same arguments that returns
    (result, gradients)."""
    writing = _written(recorded)
    names = _returned(writing)
    head, known, lines = "import numpy as np", HELPERS, writing.lines
    if backend != "numpy":
        head, _, known = BACKENDS[backend]
        lines = [translated(line, backend) for line in lines]
    codes = [line.partition("  # line ")[0] for line in lines]
    needed = _needed(codes, known)
    mixed = backend == "torch" and _has_whole_numbers(recorded)
    body = [*_asserted(recorded, backend), *[MIXED] * mixed, *lines]
    if backend != "jax":  # it compiles no assert of a number
        np_ = "np" if backend == "numpy" else backend
        body.append(f"assert {np_}.isfinite({names[0]}) and all({np_}.isfinite(g).all() "
                    f"for g in {_tuple(names[1:])})")
    body.append(f"return {names[0]}, {_tuple(names[1:])}")
    code = "\n".join(f"    {line}" for line in body)
    chooses = backend == "numpy" and any("np.where(" in text for text in (
        *codes, *(known[key] for key in needed)))  # computes what isn't chosen, too
    text = f"{QUIET * chooses}def {name}({', '.join(recorded.parameters)}):\n{code}\n"
    return "\n\n\n".join([head, *(known[key] for key in needed), text])


def _written(recorded: Recorded) -> Writing:
    """The lines of both passes; what was decided by numbers comes where these are there."""
    writing = Writing(recorded)
    backward = {node: None for node in recorded.order
                if node.op is not None and node not in recorded.forward}
    soon, later = list[Any](), list[Any]()  # what was decided, in this order
    for condition in recorded.recorder.conditions:
        (soon if backward.keys().isdisjoint(_nodes_in(condition[1])) else later).append(condition)
    _write_forward(writing, [node for node in recorded.order if node not in backward], soon)
    writing.lines += ["# backward"] * bool(backward)
    for node in backward:
        writing.node(node)
    writing.lines += dict.fromkeys(_decided(writing, *condition) for condition in later)
    return writing


def _write_forward(writing: Writing, nodes: Sequence[Node], decided: Sequence[Any]) -> None:
    """The forward pass, with each assert as soon as what it is about is there: the next line may
    fail where it doesn't hold.
    """
    of = [(condition, {n for n in _nodes_in(condition[1]) if n.op is not None} & {*nodes})
          for condition in decided]
    written: set[Node] = set()
    for node in (*nodes, None):
        ready = [condition for condition, needed in of if needed <= written]
        of = [(condition, needed) for condition, needed in of if not needed <= written]
        writing.lines += dict.fromkeys(_decided(writing, *condition) for condition in ready)
        if node is not None:
            writing.node(node)
            written.add(node)


def _nodes_in(x: Any) -> set[Node]:
    """All nodes that something was computed from."""
    if isinstance(x, Node):
        return {*topological_order(x)}
    parts = (*x.args, *x.kwargs.values()) if type(x) is Followed else (
        x if isinstance(x, list | tuple) else ())
    return set().union(*map(_nodes_in, parts))


def _needed(codes: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """The helpers that lines of code call, and those that these call. Raises `NotPrintableError`
    for one that isn't known.
    """
    needed = {key for key in HELPERS if any(re.search(rf"\b{key}\(", code) for code in codes)}
    needed |= {key for key in HELPERS if any(
        re.search(rf"\b{key}\(", known.get(other, "")) for other in needed)}
    for key in needed:
        if key not in known:
            raise NotPrintableError(key)
    return [key for key in HELPERS if key in needed]


def _has_whole_numbers(recorded: Recorded) -> bool:
    return any(held_in(x).dtype.kind != "f" for x in recorded.parameters.values()
               if isinstance(x, Followed))


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' * (len(names) == 1)})"


def _returned(writing: Writing) -> list[str]:
    """The names of the result and of the gradients, each an array of its own: none is an argument,
    a view of another array, or read-only."""
    recorded = writing.recorded
    wanted = {writing.labels[recorded.result]: writing.texts[recorded.result].code}
    for key, g in recorded.gradients.items():
        label = writing.labels.get(g) if isinstance(g, Node) else None
        if label is None or label in wanted:
            label = writing.free(f"d{key}")
        wanted[label] = (f"np.zeros_like({key})" if g is None else writing.plain(g, True).code
                         if not isinstance(g, Node) else constant(np.array(g.value), True).code
                         if g in writing.constants else writing.texts[g].code)
    given: set[str] = set()
    for label, code in wanted.items():
        fresh = _is_fresh(code, writing, given)
        given |= {label, code}
        if code != label or not fresh:
            writing.lines.append(f"{label} = {code if fresh else f'np.copy({code})'}")
    return [*wanted]


def _is_fresh(code: str, writing: Writing, given: set[str]) -> bool:
    """Whether an expression makes an array of its own, which isn't given out already."""
    tree = ast.parse(code, mode="eval").body
    if isinstance(tree, ast.Name):
        return tree.id in writing.defined and tree.id not in given and _is_fresh(
            writing.defined[tree.id], writing, given)
    if isinstance(tree, ast.Call):
        return ast.unparse(tree.func).removeprefix("np.") not in VIEWS
    return isinstance(tree, ast.BinOp | ast.UnaryOp | ast.Constant | ast.Compare)


def _asserted(recorded: Recorded, backend: str) -> list[str]:
    """The shapes and dtypes of the arguments, and the values of those that aren't arrays."""
    shape, dtype, np_ = LOOKS[backend]
    lines, floats = list[str](), dict[str, list[str]]()
    for name, x in recorded.parameters.items():
        if isinstance(x, Node | Followed):
            held = held_in(x)
            if held.dtype.kind == "f":
                floats.setdefault(held.dtype.name, []).append(f"({name}, {held.shape})")
            else:
                lines.append(f"assert {shape.format(name)} == {held.shape} and "
                             f"{dtype.format(name)} == {np_}.{held.dtype.name}")
        elif x is None:
            lines.append(f"assert {name} is None")
        else:
            lines.append(f"assert type({name}) is {type(x).__name__} and "
                         f"repr({name}) == {repr(x)!r}")
    cure = ", \"jax.config.update('jax_enable_x64', True) comes first\""
    return [f"assert all({shape.format('a')} == shape and {dtype.format('a')} == {np_}.{kind}\n"
            + f"{' ' * 15}and {np_}.isfinite(a).all()\n" * (backend != "jax") + textwrap.fill(
                f"for a, shape in {_tuple(arrays)})", 88, initial_indent=" " * 15,
                subsequent_indent=" " * 31, break_long_words=False)
            + cure * (backend == "jax" and kind == "float64") for kind, arrays in floats.items()
            ] + lines


def _decided(writing: Writing, how: Any, x: Followed, outcome: Any) -> str:
    """What the run decided by numbers, as an assert."""
    code = writing.followed(x).code
    if how in (np.shape, np.count_nonzero):
        return f"assert np.{how.__name__}({code}) == {outcome!r}"
    if how in (operator.index, int, item) and isinstance(outcome, int):
        return f"assert {code} == {outcome!r}"
    if how not in (itself, bool):
        raise NotPrintableError(f"a decision by {getattr(how, '__name__', how)}")
    size = np.size(outcome)
    if np.any(outcome) == np.all(outcome):
        each = "all" if np.any(outcome) else "any"
        return f"assert {'' if np.any(outcome) else 'not '}np.{each}({code})"
    if size > FEW:
        raise NotPrintableError(f"a decision by {size} numbers")
    return f"assert np.array_equal({code}, {np.asarray(outcome).tolist()})"
