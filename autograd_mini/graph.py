"""A node is a value and the record of its making; a graph is nodes that name their parents.

`x * y` makes a node that holds the product, the operation `multiply`, and the two nodes it was
made from. Nothing else is stored: no closures, so no reference cycles, and a graph that nobody
holds any longer is freed at once.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

__all__ = ["KINDS", "Node", "topological_order", "leaf", "made", "serial", "value_of"]


class Node:
    """One vertex of a computation graph; `Value` and `Tensor` are the two kinds.

    | field      | what it is                                                                  |
    |------------|-----------------------------------------------------------------------------|
    | `value`    | the number (float) or the array (ndarray) held                              |
    | `op`       | the `Primitive` that made it; None for a leaf                               |
    | `inputs`   | the arguments of `op`, as raw numbers or arrays at recording time: a later  |
    |            | update of a parent can't change the gradient of what was already computed   |
    | `parents`  | the nodes that they came from, in the same order; None for a constant       |
    | `params`   | what `op` was told besides (`axis`, `shape`, …); of a leaf that the user    |
    |            | made, its serial number (see `Value`)                                       |
    | `gradient` | ∂output/∂self of the last backward; None if not computed                    |
    | `label`    | the user's name for it                                                      |

    `value` and `gradient` are the engine's; users have `data` and `grad`, which check numbers.
    """

    __slots__ = ("value", "op", "inputs", "parents", "params", "gradient", "label",  # noqa: RUF023
                 "_second_input", "_second_parent")  # these two for fast/, which has no tuples

    value: Any
    op: Any  # a Primitive, which this file needs to know nothing of
    inputs: tuple[Any, ...]
    parents: tuple[Node | None, ...]
    params: Any
    gradient: Any
    label: str

    __hash__ = object.__hash__  # by identity, although == compares values, as in PyTorch

    @property
    def is_leaf(self) -> bool:
        """Whether no operation made the node: it is a variable of the user's."""
        return self.op is None


serial = itertools.count().__next__
"""Numbers the leaves that users make, so that a transform can tell those made before its call."""

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
    node.gradient, node.label = None, ""
    return node


def value_of(x: Any) -> Any:
    """The number or array in a node; anything else as it is."""
    return x.value if isinstance(x, Node) else x


def topological_order(output: Node, without: tuple[Node | None, ...] = ()) -> list[Node]:
    """Every node that `output` depends on, each after all the nodes that consume it.

    without: nodes that are left out, with all that only they depend on.

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
            stack += [(p, False) for p in reversed(node.parents) if p is not None]  # a constant
    return postorder[::-1]
