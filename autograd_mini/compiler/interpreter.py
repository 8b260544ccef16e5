"""A recorded program is run by the engine, on nodes, where the machine's arithmetic isn't enough.

The machine multiplies each cotangent by a slope. That is the chain rule, but for two things: a
cotangent that was never sent is no zero (behind a `where` that chose the other way a slope may be
infinite, and 0·inf is nan), and a slope can leave the range of floats although its product with
the cotangent doesn't. Both are rare and show in the numbers; then what was recorded is run once
more, here, and the engine differentiates it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backprop import collect, one_like
from ..graph import Node, leaf, value_of
from ..ops import sum as total_of
from ..recording import undisturbed
from ..trees import flat, tree_map
from . import passes
from .code import LANE_SUM, LEAF, ROW, Code, sum_of_products
from .transform import Transforms

__all__ = ["interpret"]


def interpret(code: Code, n: int, output: Any, input_ids: list[Any], numbers: Sequence[Any],
              transforms: Transforms, samples: int) -> np.ndarray:
    """The transformed result, from the first n values of the code, as one row of numbers.

    output, input_ids: trees of places in the code. numbers: of each input, a float, or an array
    with a number for each sample; if one of the results is an array, each gets a row.
    """
    with undisturbed():
        nodes = _nodes(code, numbers, n, flat(output), samples)
        found, _ = transforms.apply(
            tree_map(lambda i: nodes[i], output),
            tree_map(lambda i: None if i is None else nodes[i], input_ids), _EngineDerivatives())
    rows = [value_of(y) for y in flat(found)]
    if not any([np.ndim(y) for y in rows]):
        return np.array([float(y) for y in rows])
    return np.array([np.broadcast_to(y, samples) for y in rows])


def _nodes(code: Code, inputs: Sequence[Any], n: int, outputs: Sequence[int], samples: int
           ) -> list[Any]:
    """The first n values of the code as nodes, for these inputs; only what `outputs` depend on."""
    needed = passes.alive(code.operands, outputs)
    values: list[Any] = [leaf(np.array(x)) if isinstance(x, np.ndarray) else leaf(x)
                         for x in inputs]
    values += [None] * (n - len(values))
    for i, x in code.constants.items():
        if i < n:
            values[i] = x
    for i in range(n):
        operands = [values[j] for j in code.operands[i]]
        if not needed[i] or code.op[i] == LEAF:
            continue
        if code.op[i] >= ROW:
            values[i] = code.rows[code.op[i] - ROW](*operands)
            continue
        y = sum_of_products(operands)
        if code.op[i] == LANE_SUM:  # of what all samples share, as often
            y = total_of(y) if np.ndim(value_of(y)) else y * float(samples)
        values[i] = y
    return values


class _EngineDerivatives:
    """Differentiates nodes; see `Derivatives`."""

    def gradients(self, y: Any, wrt: list[Any], last: bool) -> list[Any]:
        """∂y/∂x for each x: numbers if it is for the last time, else nodes."""
        if not isinstance(y, Node):
            return [0.0] * len(wrt)
        found = collect(y, wrt, one_like(y), create_graph=not last)
        return [0.0 if g is None else g for g in found]

    def is_per_sample(self, y: Any) -> bool:
        """Whether a node is of a batch, which the code has been asked already."""
        return False
