"""A node is a value and the record of its making; a graph is nodes that name their parents.

`x * y` makes a node that holds the product, the operation `multiply`, and the two nodes it was
made from. Nothing else is stored: no closures, so no reference cycles, and a graph that nobody
holds any longer is freed at once.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

__all__ = ["KINDS", "VARIABLE", "Node", "Nodes", "Sought", "begins_in", "bounds", "clock", "leaf",
           "made", "topological_order", "value_of", "ways"]


class Node:
    """One vertex of a computation graph; `Value` and `Tensor` are the two kinds.

    | field      | what it is                                                                  |
    |------------|-----------------------------------------------------------------------------|
    | `value`    | the number (float) or the array (ndarray) held                              |
    | `op`       | the `Primitive` that made it; None for a leaf                               |
    | `inputs`   | the arguments of `op`, as raw numbers or arrays at recording time: a later  |
    |            | update of a parent can't change the gradient of what was already computed   |
    | `parents`  | the nodes that they came from, in the same order; None for a constant       |
    | `params`   | what `op` was told besides (`axis`, `shape`, …); of a user's leaf, VARIABLE |
    | `made_at`  | when: the reading of the `clock`                                            |
    | `gradient` | ∂output/∂self of the last backward; None if not computed                    |
    | `label`    | the user's name for it                                                      |

    `value` and `gradient` are the engine's; users have `data` and `grad`, which check numbers.
    """

    __slots__ = ("value", "op", "inputs", "parents", "params", "gradient", "label",  # noqa: RUF023
                 "made_at", "_second_input", "_second_parent", "_sent")  # three are for fast/

    value: Any
    op: Any  # a Primitive, which this file needs to know nothing of
    inputs: tuple[Any, ...]
    parents: tuple[Node | None, ...]
    params: Any
    gradient: Any
    label: str
    made_at: int

    __hash__ = object.__hash__  # by identity, although == compares values, as in PyTorch

    @property
    def is_leaf(self) -> bool:
        """Whether no operation made the node: it is a variable of the user's."""
        return self.op is None


KINDS: dict[type, type[Node]] = {}
"""Which kind of node holds which kind of value: float → Value, ndarray → Tensor."""


def leaf(value: Any) -> Node:
    """A new variable holding `value`: a `Value` for a float, a `Tensor` for an array, locked."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    return made(None, value, (), (), None)


def made(op: Any, value: Any, inputs: tuple[Any, ...],
         parents: tuple[Node | None, ...], params: Any) -> Node:
    """The node that holds `value`, made by `op` of these inputs that came from these nodes."""
    node = object.__new__(KINDS[type(value)])
    node.value, node.op, node.params = value, op, params
    node.inputs, node.parents = inputs, parents
    node.gradient, node.label, node.made_at = None, "", clock.now
    return node


def value_of(x: Any) -> Any:
    """The number or array in a node; anything else as it is."""
    return x.value if isinstance(x, Node) else x


def topological_order(output: Node, without: Nodes = (), since: int = 0) -> list[Node]:
    """Every node that `output` depends on, each after all the nodes that consume it.

    without: nodes left out, with all that only they depend on. since: what is older is as a leaf.

    A topological sort: depth-first, list each node after all its parents (Tarjan 1976), and reverse
    the list at the end. The stack is a list, so that a chain of a million nodes overflows nothing.
    """
    postorder: list[Node] = []
    seen = set(without)
    stack = [(output, False)]
    while stack:
        node, parents_are_listed = stack.pop()
        if parents_are_listed:
            postorder.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if node.made_at >= since:
                stack += [(p, False) for p in reversed(node.parents) if p is not None]  # a constant
    return postorder[::-1]


# ── below: what the idea doesn't need ────────────────────────────────────────────────────────

Nodes = Collection[Node | None]

VARIABLE = "variable"
"""The `params` of a leaf that the user made; those of the engine's own have None."""


class Clock:
    """Logical time (Lamport 1978): it ticks whenever a transform calls a function.

    A node made before a tick doesn't depend on one made after it. So a sweep back to the variables
    of a call need not look behind what is older than they are, however long the graph is there.
    """

    def __init__(self) -> None:
        self.now = 0
        self._lock = threading.Lock()  # two threads must not set the clock back

    def tick(self) -> int:
        """Let time pass; the new time."""
        with self._lock:
            self.now += 1
            return self.now


clock = Clock()


def ways(output: Node, wanted: set[Node] | None) -> tuple[list[Node], set[Node]]:
    """The nodes on the ways from `output` to the `wanted` ones, in topological order; and where
    these ways end: those of the wanted that depend on no other.

    What doesn't lead to any is left out. Without `wanted`, all nodes, which end at leaves.
    """
    if wanted is None:
        return topological_order(output), set()
    order = topological_order(output, *bounds(wanted))
    leading, ends = set(wanted), set(wanted)
    for node in reversed(order):
        if not leading.isdisjoint(node.parents):
            leading.add(node)
            ends.discard(node)
    return [node for node in order if node in leading], ends


def bounds(wanted: set[Node]) -> tuple[Nodes, int]:
    """Behind what no way leads to one of these: some nodes (see `without`), and a time."""
    if not wanted:
        return (), clock.now + 1
    alone = next(iter(wanted)).parents if len(wanted) == 1 else ()
    return alone, min([node.made_at for node in wanted])


class Sought(set):  # type: ignore[type-arg]
    """The variables of a call, and what is known of the ways from its output back to them."""

    __slots__ = ("output", "visited")

    def __init__(self, variables: Sequence[Node]) -> None:
        super().__init__(variables)
        self.output: Node | None = None
        self.visited: tuple[list[Node], set[Node], list[Node]] = [], set(), []


def begins_in(output: Node, wanted: set[Node]) -> bool:
    """Whether all that `output` was computed from, by the graph, begins in the wanted nodes."""
    since = bounds(wanted)[1]  # what is older is from outside, and isn't gone through
    return all([node in wanted for node in topological_order(output, since=since)
                if not node.parents or node.made_at < since])
