"""The backward pass of a recorded function of arrays, written out.

The reverse pass is gone through once, with the numbers of the recording, and each turn is written
down: the rule that is asked, and how what it sends is added up, in the order of the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import backprop, ops
from ..backprop import fit
from ..fast.rules import ARRAY_RULES
from ..graph import Node, made, ways
from ..ops import linear, shape, unbroadcast
from ..ops.indexing import add_at
from ..primitive import Elementwise, Structural
from .array_rules import by_numpy
from .array_text import ArrayText, is_ours

__all__ = ["differentiate"]


def differentiate(text: ArrayText, output: Any, wanted: Sequence[Any]) -> list[str]:
    """The statements of a reverse pass; for each of the wanted the name of its gradient.

    "" for one that the output doesn't reach.
    """
    forward, text.lines = text.lines, []
    into = dict(zip(map(id, wanted), text.into, strict=False))
    found = _Backward(text, output, wanted, into).names
    names = [found.get(id(x), "") for x in wanted]
    for x, name in zip(wanted, names, strict=True):
        if (out := into.get(id(x))) and name and not _is_written(text, name, out):
            text.lines.append(f"{out}[...] = {name}")
    quiet = ["with np.errstate(all='ignore'):"] if text.lines else []
    text.lines = forward + quiet + [f"    {line}" for line in text.lines]
    return names


def _is_written(text: ArrayText, name: str, out: str) -> bool:
    """Whether a statement has written it there already."""
    return any([line.startswith(f"{name} = ") and line.endswith(f"out={out})")
                for line in text.lines])


class _Backward:
    """A reverse pass, gone through once with the numbers of the recording, and written down."""

    def __init__(self, text: ArrayText, output: Any, wanted: Sequence[Any],
                 into: dict[int, str]) -> None:
        self.text, self.into, self.names = text, into, dict[int, str]()
        order, ends = ways(output, set(wanted))
        self.leading = set(order)
        seed = 1.0 if type(output.value) is float else np.ones_like(output.value)
        self.cotangents: dict[Node, tuple[str, Any]] = {output: (text.named(seed), seed)}
        self.of_slices: set[str] = set()  # arrays of the pass's own, without −0.0
        self.uses: dict[Any, int] = {}  # how many contributions a node gets
        for node in order:
            for parent in node.parents if node not in ends else ():
                if parent is not None:
                    self.uses[parent] = self.uses.get(parent, 0) + 1
        for node in order:
            name, g = self.cotangents.pop(node, ("", None))
            self.of_slices.discard(name)  # others may hold the array from now on
            if id(node) in {id(x) for x in wanted} and name:
                self.names[id(node)] = name
            if name and node not in ends and node.op is not None:
                self._turn(node, name, g)

    def _turn(self, node: Any, name: str, g: Any) -> None:
        """The statements of one node's turn."""
        if node.op is ops.getitem and self._add_slice(node, name, g):
            return
        sent: list[Any] = [x if parent in self.leading else None for x, parent in zip(
            backprop.pull(node, g), node.parents, strict=False)]
        texts = self._sent(node, name, g, sent)
        pairs = [(parent, (x, text)) for parent, x, text in zip(
            node.parents, sent, texts, strict=False)]
        twice = len(pairs) == 2 and pairs[0][0] is pairs[1][0]
        if twice and sent[0] is not None and sent[1] is not None:
            (_, (x, first)), (_, (y, second)) = pairs
            pairs = [(pairs[0][0], (x + y, f"{first} + {second}"))]
        for parent, (x, text) in pairs:
            if parent is not None and x is not None and text:
                self._receive(node, parent, x, text)

    def _add_slice(self, node: Any, name: str, g: Any) -> bool:
        """Add a slice's cotangent in the place of the others, if there is an array of them."""
        index, known = node.params["index"], self.cotangents.get(node.parents[0])
        if known is None or known[0] not in self.of_slices or g.dtype is not known[1].dtype:
            return False
        add_at(known[1], index, g)
        self.text.space["add_at"] = add_at
        self.text.lines.append(f"add_at({known[0]}, {self.text.named(index)}, {name})")
        return True

    def _receive(self, node: Any, parent: Any, x: Any, text: str) -> None:
        """Add a contribution to what a parent was sent before."""
        fitted = fit(x, parent, node)
        # What was broadcast may come summed or not, as the rule sees fit for these numbers.
        stretched = isinstance(node.op, Elementwise) and shape(node.value) != shape(parent.value)
        if fitted is not x or stretched:
            form = self.text.constant(_form(parent.value)), self.text.constant(
                node.op, node.op.name)
            text = f"fitted({text}, {', '.join(form)})"
            self.text.space["fitted"] = _fitted
        known: Any = self.cotangents.get(parent)
        if known is not None:
            text, fitted = f"{known[0]} + {text}", known[1] + fitted
        if not text.isidentifier():
            name = self.text.new("g")
            self.text.lines.append(f"{name} = {text}")
            text = name
        self.cotangents[parent] = text, fitted
        if node.op is ops.getitem and type(fitted) is np.ndarray:
            self.of_slices.add(text)

    def _sent(self, node: Any, g_name: str, g: Any, sent: list[Any]) -> list[str]:
        """What a node sends to each parent, as text; "" for nothing."""
        row, text = node.op, self.text
        y, xs = text.named(node), [text.named(x) for x in text.inputs(node)]
        if type(g) is np.ndarray and (names := by_numpy(self, node, g_name, g, sent)):
            return names
        array = type(node.value) is np.ndarray and node.value.ndim and type(g) is np.ndarray
        if array and ARRAY_RULES[row] is not None:
            heard = [str(x is not None or None) for x in (*sent, None)[:2]]
            rule = text.constant(ARRAY_RULES[row], f"rule_of_{row.name}")
            call = f"{rule}({', '.join([g_name, y, *[*xs, 'None'][:2], *heard])})"
            names = [text.new("g") if x is not None else "" for x in sent]
            text.lines.append(f"{', '.join([n or '_' for n in names])}"
                              f"{', _' * (len(names) == 1)} = {call}")
            return names
        if is_ours(row) and type(row).pull in (Structural.pull, type(linear).pull) and not row.many:
            given = [f"{key}={text.named(v)}" for key, v in (node.params or {}).items()]
            names = [text.new("g") if x is not None else "" for x in sent]
            for name, pullback in zip(names, row.pullbacks, strict=True):
                if name:
                    rule = text.constant(pullback, f"rule_of_{row.name}")
                    text.lines.append(f"{name} = {rule}({', '.join([g_name, y, *xs, *given])})")
            return names
        return self._by_engine(node, g_name, sent, y, xs)

    def _by_engine(self, node: Any, g: str, sent: list[Any], y: str, xs: list[str]) -> list[str]:
        """By the row's rule, asked as a backward pass asks it."""
        text = self.text
        parents = text.constant(tuple([None if p not in self.leading else _SOMEBODY
                                       for p in node.parents]))
        op = text.constant(node.op, node.op.name)
        inputs = [x if node.op.trusted else f"seen({x})" for x in xs]
        text.space["seen"] = _seen
        values = f"({', '.join(inputs)}{',' * (len(inputs) == 1)})"
        params = text.named(node.params) if isinstance(node.params, dict) else "None"
        names = [text.new("g") for _ in sent]
        left = ", ".join(names) + "," * (len(names) == 1)
        text.lines.append(f"{left} = pull(made({op}, {y}, {values}, {parents}, {params}), {g})")
        for name, x, parent in zip(names, sent, node.parents, strict=False):
            if parent in self.leading:  # whether a number chosen by a `where` hears of it
                text.lines.append(f"if {name} is {'not ' * (x is None)}None: return FAILED")
        return [name if x is not None else "" for name, x in zip(names, sent, strict=True)]


class _Somebody:
    """Stands for a parent that is to be told, of whom a rule asks no more."""


_SOMEBODY: Any = _Somebody()


def _form(value: Any) -> Any:
    """Zeros of the value's shape and dtype, of which one is held."""
    return 0.0 if type(value) is float else np.broadcast_to(np.zeros((), value.dtype), value.shape)


def _fitted(contribution: Any, value: Any, op: Any) -> Any:
    """A contribution in the shape and dtype of a value."""
    if type(contribution) is np.ndarray is type(value) and isinstance(op, Elementwise):  # as `fit`
        return np.asarray(unbroadcast(contribution, value.shape), value.dtype)
    parent, node = made(None, value, (), (), None), made(op, value, (), (), None)
    return fit(contribution, parent, node)


def _seen(x: Any) -> Any:
    """An array that a rule of a user's can't write to."""
    if type(x) is np.ndarray:
        x = x.view()
        x.flags.writeable = False
    return x
