"""Nodes that hold one input or two themselves, without tuples around them."""

from __future__ import annotations

from typing import Any

from .. import graph
from ..graph import KINDS, Node, Nodes, Sought, bounds, clock
from ..primitive import Primitive
from .pairs import PAIRS, Pair, replaces

__all__ = ["handed_out", "made", "topological_order", "visited", "ways"]

new = object.__new__

#
# `_a` and `_from_a` are other names for the slots `inputs` and `parents`. They hold the first input
# and its parent, and `_b` and `_from_b` the second, which is None if there is but one; or, of any
# other number, tuples.

SLOTS = {"_a": Node.__dict__["inputs"], "_from_a": Node.__dict__["parents"],
         "_b": Node.__dict__["_second_input"], "_from_b": Node.__dict__["_second_parent"]}
for _name, _slot in SLOTS.items():
    setattr(Node, _name, _slot)


def _inputs(node: Any) -> tuple[Any, ...]:
    a, b = node._a, node._b
    return a if type(a) is tuple else (a,) if b is None else (a, b)


def _set_inputs(node: Any, inputs: tuple[Any, ...]) -> None:
    node._a, node._b = inputs, None


def _parents(node: Any) -> tuple[Any, ...]:
    a = node._from_a
    return a if type(a) is tuple else (a,) if node._b is None else (a, node._from_b)


def _set_parents(node: Any, parents: tuple[Any, ...]) -> None:
    node._from_a, node._from_b = parents, None


PAIRS += [Pair(Node, "inputs", property(_inputs, _set_inputs), SLOTS["_a"]),
          Pair(Node, "parents", property(_parents, _set_parents), SLOTS["_from_a"])]


@replaces(graph, "made")
def made(op: Primitive | None, value: Any, inputs: tuple[Any, ...], parents: tuple[Any, ...],
         params: Any) -> Node:
    """`graph.made`, without tuples for one input or two."""
    node: Any = new(KINDS[type(value)])
    node.value, node.op, node.params = value, op, params
    node._b = node._from_b = node.gradient = node._sent = None
    if 0 < len(inputs) < 3 and not getattr(op, "many", False):
        node._a, node._from_a = inputs[0], parents[0]
        if len(inputs) == 2:
            node._b, node._from_b = inputs[1], parents[1]
    else:
        node._a, node._from_a = inputs, parents
    node.label, node.made_at = "", clock.now
    return node  # type: ignore[no-any-return]


def handed_out(t: Any) -> bool:
    """Whether a Tensor is a leaf whose array may be written to from outside."""
    return t.op is None and bool(t.value.flags.writeable)


@replaces(graph, "topological_order")
def topological_order(output: Node, without: Nodes = (), since: int = 0) -> list[Node]:
    """`graph.topological_order`, without a tuple of parents for each node."""
    return order_and_origins(output, without, since)[0]


def order_and_origins(output: Any, without: Nodes = (), since: int = 0
                      ) -> tuple[list[Node], list[Node]]:
    """The topological order, and those of its nodes whose parents aren't listed for being leaves,
    or older than `since`.
    """
    postorder: list[Any] = []
    origins: list[Any] = []
    seen: set[Any] = {None, *without}
    stack: list[Any] = [output]
    while stack:
        node = stack.pop()
        if node is None:  # the mark: all parents of the node below it are listed
            postorder.append(stack.pop())
        elif node not in seen:
            seen.add(node)
            first, second = node._from_a, node._from_b
            several = type(first) is tuple
            if node.made_at < since or (several and not first):
                origins.append(node)
                postorder.append(node)
            elif several and seen.issuperset(first):
                postorder.append(node)
            elif several:
                stack += node, None, *[parent for parent in first[::-1] if parent not in seen]
            else:
                stack.append(node)
                stack.append(None)
                if second not in seen:
                    stack.append(second)
                if first not in seen:
                    stack.append(first)
    postorder.reverse()
    return postorder, origins


@replaces(graph, "ways")
def ways(output: Node, wanted: set[Node] | None) -> tuple[list[Node], set[Node]]:
    """`graph.ways`; if all nodes begin in wanted ones, all lead to these, and none is asked."""
    return visited(output, wanted)[:2]


def visited(output: Any, wanted: set[Node] | None
            ) -> tuple[list[Node], set[Node], list[Node]]:
    """The `ways`, and all nodes that those there may send to."""
    if wanted is None:
        order = topological_order(output)
        return order, set(), order
    if type(wanted) is Sought and wanted.output is output:
        return wanted.visited
    alone = [*wanted] if len(wanted) == 1 and output not in wanted else []
    order, origins = order_and_origins(output, alone, bounds(wanted)[1])
    order += alone  # no way leads back to it
    leading, ends = set(wanted), set(wanted)
    if leading.issuperset(origins):
        return order, {*origins, *alone}, order
    node: Any
    for node in reversed(order):
        first = node._from_a
        if (not leading.isdisjoint(first) if type(first) is tuple else
                first in leading or node._from_b in leading):
            leading.add(node)
            ends.discard(node)
    if output not in leading:
        return [], ends, order
    return [node for node in order if node in leading], ends, order


@replaces(graph, "begins_in")
def begins_in(output: Node, wanted: set[Node]) -> bool:
    """`graph.begins_in`; what it has to find out is kept, for the reverse pass asks the same."""
    found = visited(output, wanted)
    if type(wanted) is Sought:
        wanted.output, wanted.visited = output, found
    return found[0] is found[2]
