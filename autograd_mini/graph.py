"""A node is a value and the record of its making; a graph is nodes that name their parents.

`x * y` makes a node that holds the product, the operation `multiply`, and the two nodes it was
made from. Nothing else is stored: no closures, so no reference cycles, and a graph that nobody
holds any longer is freed at once.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from .primitive import Primitive

__all__ = ["KINDS", "Node", "consumers_first", "leaf", "raw", "serial", "wide"]


class Node:
    """One vertex of a computation graph; `Value` and `Tensor` are the two kinds.

    | field     | what it is                                                                   |
    |-----------|------------------------------------------------------------------------------|
    | `value`   | the number (float) or the array (ndarray) held                               |
    | `op`      | the `Primitive` that made it; None for a leaf                                |
    | `a`, `b`  | the inputs of `op`, as raw numbers or arrays at recording time: a later      |
    |           | update of a parent can't change the gradient of what was already computed    |
    | `from_a`, | the nodes that `a` and `b` came from, its parents; None for a constant       |
    | `from_b`  |                                                                              |
    | `params`  | what `op` was told besides (`axis`, `shape`, …); of a leaf that the user     |
    |           | made, its serial number                                                      |
    | `gradient`| ∂output/∂self of the last backward; None if not computed                     |
    | `label`   | the user's name for it                                                       |

    Nearly every operation has one input or two, and they lie in the node itself: a tuple for
    them would be one more object for Python's cyclic collector to visit, which is what large
    graphs spend their time on. Where there are more (`where`, `w·x + b`), `a` and `from_a` are
    tuples. `inputs` and `parents` give them as tuples in any case.

    `value` and `gradient` are the engine's; users go through `data` and `grad`, which check what
    comes in and let nobody change a recorded number from outside.
    """

    __slots__ = ("a", "b", "from_a", "from_b", "gradient", "label", "op", "params", "value")

    value: Any
    op: Primitive | None
    a: Any
    b: Any
    from_a: Any
    from_b: Node | None
    params: Any
    gradient: Any
    label: str

    __hash__ = object.__hash__  # by identity, although == compares values, as in PyTorch

    @property
    def parents(self) -> tuple[Node | None, ...]:
        """Per argument of `op`, in order, the node it came from; None where it was a constant."""
        if self.op is None:
            return ()
        if type(self.a) is tuple:
            return cast("tuple[Node | None, ...]", self.from_a)
        return (self.from_a,) if self.b is None else (self.from_a, self.from_b)

    @property
    def inputs(self) -> tuple[Any, ...]:
        """Per argument of `op`, in order, the raw number or array at recording time."""
        if self.op is None:
            return ()
        if type(self.a) is tuple:
            return self.a
        return (self.a,) if self.b is None else (self.a, self.b)

    def remember(self, op: Primitive, inputs: tuple[Any, ...], parents: tuple[Node | None, ...],
                 params: Any) -> None:
        """Record that `op` made this node, of these inputs that came from these nodes."""
        self.op, self.params = op, params
        if op.few:
            self.a, self.from_a = inputs[0], parents[0]
            if len(inputs) == 2:
                self.b, self.from_b = inputs[1], parents[1]
        else:
            self.a, self.from_a = inputs, parents

    @property
    def is_leaf(self) -> bool:
        """Whether the node was made by the user rather than by an operation."""
        return self.op is None


serial = itertools.count().__next__
"""Numbers the leaves that users make, so that a transform can tell those made before its call."""

KINDS: dict[type, type[Node]] = {}
"""Which kind of node holds which kind of value: float → Value, ndarray → Tensor."""


def leaf(value: Any, lock: bool = True) -> Node:
    """A new variable holding `value`: a `Value` for a float, a `Tensor` for an ndarray.

    lock: an array is made read-only: it may be shared, and `Tensor.data` hands out a copy. What
    is about to become the result of an operation needs none, for nobody gets at its array.
    """
    if lock and type(value) is np.ndarray:
        value.flags.writeable = False
    node = object.__new__(KINDS[type(value)])
    node.value, node.label = value, ""
    node.op = node.a = node.b = node.from_a = node.from_b = node.params = node.gradient = None
    return node


def raw(x: Any) -> Any:
    """The number or array in a node; anything else as it is."""
    return x.value if isinstance(x, Node) else x


def wide(x: Any) -> Any:
    """A Python number as np.float64, whose poles are inf and nan rather than exceptions."""
    return np.float64(x) if isinstance(x, float | int) else x


def consumers_first(output: Node, without: tuple[Node | None, ...] = ()) -> list[Node]:
    """Every node that `output` depends on, each after all the nodes that consume it.

    without: nodes that are left out, with all that only they depend on.

    A topological sort: depth-first, a node is put down after all its parents (Tarjan 1976), and
    the order is read backwards. The stack is a list, not Python's, so a chain of a million
    nodes is no deeper than one of ten.
    """
    put_down: list[Node] = []
    seen: set[Node | None] = {None, *without}  # None stands for a constant
    stack: list[Node | None] = [output]
    while stack:
        node = stack.pop()
        if node is None:  # the mark: all parents of the node below it are put down
            put_down.append(stack.pop())  # type: ignore[arg-type]
        elif node not in seen:
            seen.add(node)
            first, second = node.from_a, node.from_b
            many = type(first) is tuple
            if node.op is None or (many and seen.issuperset(first)):
                put_down.append(node)
            elif many:
                stack += node, None, *[parent for parent in first[::-1] if parent not in seen]
            else:
                stack.append(node)
                stack.append(None)
                if second not in seen:
                    stack.append(second)
                if first not in seen:
                    stack.append(first)
    put_down.reverse()
    return put_down
