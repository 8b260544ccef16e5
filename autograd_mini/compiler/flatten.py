"""A recorded graph becomes straight-line code: a value for each node, parents first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..errors import GraphError
from ..graph import Node
from ..ops import add, positive, power, reciprocal, square, total, weighted_sum
from ..primitive import Primitive
from .code import DOT, Code

__all__ = ["flatten"]

UNCHANGED = frozenset({positive, ops.prod, ops.reshape, ops.squeeze, ops.transpose,
                       ops.broadcast_to})
"""What makes a Value of one Value, and doesn't change its number."""


def flatten(code: Code, order: Sequence[Node], number: dict[Any, int]) -> None:
    """Append the nodes, parents first; `number` has the inputs' numbers and gets all others'.

    A leaf without a number is a constant.
    """
    code.constant(1.0)
    op, operands, operation_of = code.op, code.operands, code.operation_of
    for node in order:
        row = node.op
        if type(node.value) is not float:
            raise _tensor_error(node)
        if row is None:
            if node not in number:
                number[node] = code.constant(node.value, given=True)
            continue
        inputs, parents = node.inputs, node.parents
        if row is power and parents[1] is None and inputs[1] in (1.0, 2.0, -1.0):
            _check_fresh(node)
            number[node] = _simple_power(code, number[parents[0]], inputs[1])
            continue
        ids = []
        for k, parent in enumerate(parents):  # a strict zip would take twice as long
            if parent is None:
                ids.append(code.constant(float(inputs[k]), given=True))
                continue
            if parent.op is None and parent.value is not inputs[k]:
                _check_fresh(node)
            ids.append(number[parent])
        known = operation_of.get(row)
        if known is None:  # a row that wasn't used before, or none that has a number
            number[node] = _special(code, row, ids)
        else:  # as `code.append`, without the call: this is done for nearly every node
            number[node] = len(op)
            op.append(known)
            operands.append(tuple(ids))


def _simple_power(code: Code, base: int, exponent: float) -> int:
    """A power that is a square, a reciprocal or nothing."""
    if exponent == 1.0:
        return base
    return code.append(code.operation(square if exponent == 2.0 else reciprocal), (base,))


def _special(code: Code, row: Primitive, ids: list[int]) -> int:
    """The value that a row makes of these: an operand that it leaves as is, a sum, or a new one."""
    if row in UNCHANGED:
        return ids[0]
    if row is ops.sum:  # of one number, which is added to 0.0: so −0.0 becomes 0.0
        return code.append(code.operation(add), (ids[0], code.constant(0.0)))
    if row is total or row is weighted_sum:
        one, n = code.constant(1.0), len(ids) // 2
        products = [(i, one) for i in ids] if row is total else [
            (ids[-1], one), *zip(ids[:n], ids[n:-1], strict=True)]
        return code.append(DOT, tuple([i for product in products for i in product]))
    return code.append(code.operation(row), tuple(ids))


def _tensor_error(node: Node) -> GraphError:
    made = f"was made by {node.op.name}" if node.op is not None else "is a leaf"
    return GraphError(
        f"a Tensor that {made} is part of the function; the tape holds Values: leave "
        "Tensors out of a function to be compiled (arrays come in as arrays of Values)"
    )


def _check_fresh(node: Node) -> None:
    """Refuse a node that was computed from a leaf which was changed afterwards."""
    for parent, x in zip(node.parents, node.inputs, strict=True):
        if parent is not None and parent.op is None and parent.value != x and x == x:
            raise GraphError(
                f"a Value was updated to {parent.value!r} after something was computed from it as "
                f"{x!r}, and both would be part of the program: compute inside the function, and "
                "update outside"
            )
