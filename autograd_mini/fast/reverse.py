"""The reverse pass: floats on the spot, arrays added up in place where nothing else holds them.

Many slices of one array send back one array, into which each is added at its own place. As plain
zeros around each slice they would take T² for T steps of a loop over x[:, t]. So in a pass that
records itself, too: there they become the arguments of one node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import backprop, ops
from ..backprop import (
    Pull,
    Rules,
    Step,
    accumulated,
    as_seed,
    by_parent,
    copy_if_array,
    fit,
    has_nan,
    inputs_as_nodes,
    nothing,
    pull_nodes,
    seed_for,
    zero_like,
)
from ..graph import Node, value_of
from ..limits import smooth_pull
from ..ops.indexing import add_at
from ..primitive import Elementwise
from ..recording import current_observer, current_tracer, undisturbed
from . import floats
from .nodes import topological_order, visited, ways
from .pairs import PAIRS, replaces
from .rules import ARRAY_RULES, RULES, asked_again, plain_pull, pull

__all__ = ["backward", "reverse_pass"]

# "Nothing was sent yet". This very object is told from other zeros by `is`; and it is −0.0, to
# which floats can be added without asking whether they are the first: −0.0 + x is x for every x.
NOTHING = float("-0")


@replaces(backprop, "reverse_pass")
def reverse_pass(output: Node, seed: Any, answer: Pull = pull, rules: Rules | None = None,
                 wanted: set[Node] | None = None) -> Iterator[Step]:
    """`backprop.reverse_pass`; floats, of which there may be a million, at once."""
    if answer is not pull and answer is not plain_pull:
        recorded = getattr(answer, "func", answer) in (pull_nodes, smooth_pull) and (
            current_tracer() is None is current_observer())
        steps: Iterator[Step] = (recorded_steps if recorded else plain_reverse_pass)(
            output, seed, answer, rules, wanted)
        return steps
    order, ends, receivers = visited(output, wanted)
    cotangents: dict[Any, Any] = dict.fromkeys(receivers, NOTHING)
    cotangents[None] = 0.0  # what constants are sent
    cotangents[output] = seed
    silent = dict.fromkeys([node for node in ends if node.op is not None], nothing)
    return _steps(order, cotangents, {**(rules or {}), **silent})


plain_reverse_pass = PAIRS[-1].plain


def recorded_steps(output: Node, seed: Any, answer: Pull, rules: Rules | None = None,
                   wanted: set[Node] | None = None) -> Iterator[Step]:
    """The steps of `backprop.reverse_pass`; what comes back of slices is put together at last."""
    order, ends = ways(output, wanted)
    rules = {**(rules or {}), **dict.fromkeys(ends, nothing)}
    received: dict[Node, Any] = {output: seed}
    for node in order:
        g = received.pop(node, None)
        sent: Sequence[Any] = ()
        if type(g) is _Slices:
            g = g.together()
        if g is None:
            g = zero_like(node)
        elif node.op is None:
            g = copy_if_array(g)
        elif node not in rules:
            in_form = node.op is ops.getitem and _is_in_form(g, node)
            sent = _Unmade(node, g, answer) if in_form else answer(node, g)
        yield node, g, sent
        if type(sent) is _Unmade:
            _receive_slice(node, g, received)
            continue
        for parent, x in rules[node](g) if node in rules else by_parent(node.parents, sent):
            if parent is not None and x is not None:
                x, known = fit(x, parent, node), received.get(parent)
                if type(known) is _Slices:
                    known = known.together()
                received[parent] = x if known is None else known + x


def _receive_slice(node: Node, g: Any, received: dict[Node, Any]) -> None:
    """Keep the cotangent of a slice for its array."""
    parent: Any = node.parents[0]
    inputs_as_nodes(node)  # refuses an array that has changed since
    slices = received.get(parent)
    if type(slices) is not _Slices:
        received[parent] = slices = _Slices(parent.value.shape, slices)
    slices.indices.append(node.params["index"])
    slices.parts.append(g)


def _is_in_form(g: Any, node: Node) -> bool:
    """Whether a cotangent has the dtype of its node."""
    return bool(getattr(value_of(g), "dtype", float) == node.value.dtype)


FEW = 16
"""So many slices are added up one by one, as without this file. Of more the sum is the same, to the
last bit; what is differentiated again is added up in another order, and may differ in roundings."""


class _Slices:
    """What came back of the slices of one array, each with its index.

    whole: what the array was sent before, or None.
    """

    def __init__(self, shape: tuple[int, ...], whole: Any) -> None:
        self.shape, self.whole = shape, whole
        self.indices: list[Any] = []
        self.parts: list[Any] = []

    def together(self) -> Any:
        """Their sum, in this order."""
        if len(self.parts) > FEW:
            parts, indices = self.parts, self.indices
            if self.whole is not None:
                parts, indices = [self.whole, *parts], [..., *indices]
            return ops.scatter_all(parts, indices=tuple(indices), shape=self.shape)
        total = self.whole
        for index, part in zip(self.indices, self.parts, strict=True):
            x = ops.scatter(part, index=index, shape=self.shape)
            total = x if total is None else total + x
        return total


def _steps(order: list[Any], cotangents: dict[Any, Any], rules: Rules) -> Iterator[Step]:
    """The steps of `backprop.reverse_pass`."""
    written = RULES
    owned: set[Node] = set()  # whose cotangent is an array that nothing else holds
    buffers: set[Node] = set()  # of these, whose cotangent has no −0.0 either
    for node in order:
        g, op = cotangents.pop(node), node.op
        if g is NOTHING:
            g, op = zero_like(node), None
        if rules and node in rules:
            yield node, g, ()
            _add_by_rule(node, rules[node](g), cotangents)
        elif op is None:
            yield node, copy_if_array(g) if type(g) is np.ndarray and node not in owned else g, ()
        elif type(node.value) is not float or (rule := written[op]) is None or (
                type(node._from_a) is tuple and not getattr(op, "many", False)):
            sent, add = _sent_by_array(node, g, buffers)
            yield node, g, sent  # before they are added up in place
            add(node, g, sent, cotangents, owned, buffers)
        else:
            p, q = node._from_a, node._from_b
            try:
                sent = rule(g, node.value, node._a, node._b, p, q)
            except Exception as error:
                sent = (*asked_again(node, g, error), None)
            if type(p) is tuple:
                for parent, x in by_parent(p, sent):
                    cotangents[parent] += x
            elif p is q and sent[0] is not None and sent[1] is not None:
                cotangents[p] += sent[0] + sent[1]  # as `by_parent`
            else:
                if sent[0] is not None:
                    cotangents[p] += sent[0]  # −0.0 + it, the first time
                if sent[1] is not None:
                    cotangents[q] += sent[1]
            yield node, g, sent


def add_sent(node: Any, g: Any, sent: Any, owned: set[Node], buffers: set[Node]) -> None:
    """Add what a node sends to what its parents were sent before, for the compiled core.

    sent: what it sends by its row's own rule; None if it has to be asked for.
    """
    cotangents = {parent: parent._sent for parent in node.parents if parent is not None}
    if sent is not None:
        _add(node, g, sent, cotangents, owned)
    else:
        sent, add = _sent_by_array(node, g, buffers)
        add(node, g, sent, cotangents, owned, buffers)
    for parent, x in cotangents.items():
        if x is not NOTHING:  # the core adds to floats in place, and needs one of its own
            parent._sent = -0.0 + float(x) if type(parent.value) is float else x


def _sent_by_array(node: Any, g: Any, buffers: set[Node]) -> tuple[Sequence[Any], Any]:
    """What a node that holds an array sends, and the function that adds it up."""
    op, y, p, b = node.op, node.value, node._from_a, node._b
    if op is ops.getitem:
        return (_Unmade(node, g) if p in buffers else pull(node, g)), _add_slice
    if not (type(y) is np.ndarray is type(g) and y.ndim and type(p) is not tuple) or (
            rule := ARRAY_RULES[op]) is None:
        return pull(node, g), _add
    try:
        sent: Sequence[Any] = rule(g, y, node._a, b, p, node._from_b)
    except Exception as error:
        sent = asked_again(node, g, error)
    return (sent if b is not None else sent[:1]), _add_entries


def _add_entries(node: Any, g: Any, sent: Sequence[Any], cotangents: dict[Any, Any],
                 owned: set[Node], _: Any = None) -> None:
    """`_add` of what an elementwise function of one or two arguments sends."""
    p, q = node._from_a, node._from_b
    if p is q:
        _add(node, g, sent, cotangents, owned)
        return
    x = sent[0]
    if p is not None and x is not None:
        _receive(node, p, x, x is not g, cotangents, owned)
    if q is not None and (x := sent[1]) is not None:
        _receive(node, q, x, x is not g, cotangents, owned)


class _Unmade(Sequence[Any]):
    """What a node sends, made when it is looked at: to add a slice up, it needn't be."""

    __slots__ = ("answer", "g", "node")

    def __init__(self, node: Node, g: Any, answer: Pull = pull) -> None:
        self.node, self.g, self.answer = node, g, answer

    def __len__(self) -> int:
        return len(self.node.parents)

    def __getitem__(self, i: Any) -> Any:
        return self.answer(self.node, self.g)[i]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.answer(self.node, self.g))


def _add_slice(node: Any, g: Any, sent: Sequence[Any], cotangents: dict[Any, Any],
               owned: set[Node], buffers: set[Node]) -> None:
    """Add the cotangent of a slice to that of its array: in the array's buffer without zeros.

    The sums are the same to the last bit, for in a buffer there is no −0.0, which + 0.0 changes.
    """
    parent, index = node._from_a, node.params["index"]
    known = cotangents.get(parent)
    if type(sent) is _Unmade and type(known) is np.ndarray and (
            isinstance(g, np.ndarray | np.generic) and g.dtype is known.dtype):
        add_at(known, index, g)
        return
    _add(node, g, sent, cotangents, owned)
    if parent in owned:
        buffers.add(parent)  # x + 0.0 isn't −0.0, whatever x is


def _add_by_rule(node: Node, sent: Iterable[tuple[Node | None, Any]], cotangents: dict[Any, Any]
                 ) -> None:
    """Add what another rule sends."""
    for receiver, x in sent:
        if receiver is not None and x is not None:
            known = cotangents[receiver]
            x = fit(x, receiver, node)
            cotangents[receiver] = x if known is NOTHING else known + x


def _add(node: Node, g: Any, sent: Sequence[Any], cotangents: dict[Any, Any], owned: set[Node],
         _: Any = None) -> None:
    """Add what `node` sends to what its parents were sent before, in place where it can be."""
    # Products, sums, and slices among zeros are new arrays; what else a rule sends, and all that a
    # user's does, may be g, or something it keeps.
    fresh = node.op.trusted and (isinstance(node.op, Elementwise) or node.op.reach == "product"
                                 or node.op is ops.getitem)
    for parent, x in by_parent(node.parents, sent):
        if parent is not None and x is not None:
            _receive(node, parent, x, fresh and x is not g, cotangents, owned)


def _receive(node: Node, parent: Node, x: Any, fresh: bool, cotangents: dict[Any, Any],
             owned: set[Node]) -> None:
    """Add x, which `node` sends, to what `parent` was sent before.

    fresh: whether x is a new array, which nothing else holds.
    """
    value, known = parent.value, cotangents[parent]
    array = type(x) is np.ndarray is type(value)
    if not (array and x.shape == value.shape and x.dtype is value.dtype):
        sent, x = x, fit(x, parent, node)
        array, fresh = type(x) is np.ndarray, fresh or x is not sent
    if known is not NOTHING:
        if array and type(known) is np.ndarray and parent in owned:
            known += x
            return
        x = known + x
    elif not fresh:
        cotangents[parent] = x
        return
    cotangents[parent] = x
    if type(x) is np.ndarray and x.base is None:
        owned.add(parent)


class Stored:
    """Which gradients a pass has stored, so that it can be undone."""

    def __init__(self) -> None:
        self.replaced: list[tuple[Node, Any]] = []  # what was there before, if anything was
        self.last: Node | None = None  # the node that was visited last

    def undo(self, output: Node) -> None:
        """Put back what was there before."""
        for node in topological_order(output) if self.last is not None else ():
            if node.op is not None:
                node.gradient = None
            if node is self.last:
                break
        for node, before in reversed(self.replaced):
            node.gradient = before

    def streamed(self, steps: Iterator[Step]) -> list[tuple[Node, Any]]:
        """The leaves with their cotangents; all others have theirs stored then and there, for going
        back to a million nodes takes as long as visiting them.
        """
        leaves, replaced, node = [], self.replaced, None
        try:
            for node, g, _ in steps:
                if node.op is None:
                    leaves.append((node, g))
                    continue
                if node.gradient is not None:
                    replaced.append((node, node.gradient))
                node.gradient = g
        finally:
            self.last = node
        return leaves


@replaces(backprop, "backward")
def backward(output: Node, seed: Any = None) -> None:
    """`backprop.backward`, storing gradients on the way."""
    if current_observer() is not None or current_tracer() is not None:
        plain_backward(output, seed)
        return
    start, stored = seed_for(output, seed), Stored()
    if isinstance(start, Node):
        start = as_seed(start.value, output)
    try:
        with undisturbed():
            leaves = floats.swept(output, start, stored)
            if leaves is None:
                leaves = stored.streamed(reverse_pass(output, start))
            if True not in [g != g if type(g) is float else has_nan(g) for _, g in leaves]:
                for node, g in leaves:
                    before = node.gradient
                    stored.replaced.append((node, before))
                    first = before is None and type(g) is float is type(node.value)
                    node.gradient = g if first else accumulated(node, g)
                return
    except BaseException:  # an error, or Ctrl-C: all is as it was before
        stored.undo(output)
        raise
    stored.undo(output)
    plain_backward(output, seed)


plain_backward = PAIRS[-1].plain
backward.__doc__ = plain_backward.__doc__  # it is `ag.backward`, and has readers
