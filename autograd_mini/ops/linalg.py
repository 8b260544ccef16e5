"""The table, part 6: products of vectors and matrices."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..primitive import structural
from .reductions import unbroadcast
from .shapes import shape, transpose


def swap(x: Any) -> Any:
    """The transpose of each matrix in a stack: the last two axes exchanged."""
    n = len(shape(x))
    return transpose(x, (*range(n - 2), n - 1, n - 2))


matmul = structural(
    np.matmul,
    lambda g, y, a, b: unbroadcast(matmul(g, swap(b)), shape(a)),
    lambda g, y, a, b: unbroadcast(matmul(swap(a), g), shape(b)),
    symbol="@",
)  # ∂/∂A = G Bᵀ,  ∂/∂B = Aᵀ G, over the last two axes (Giles 2008); stacks broadcast


def _weighted_sum(inputs: tuple[float, ...]) -> float:
    """w·x + b of 2n + 1 floats: w₁ … wₙ, x₁ … xₙ, b."""
    n = len(inputs) // 2
    total: float = inputs[-1]
    for product in map(operator.mul, inputs, inputs[n:-1]):
        total += product
    return total


@structural(_weighted_sum, name="weighted_sum", symbol="w·x+b", many=True)
def weighted_sum(g, y, *inputs):  # type: ignore[no-untyped-def]
    """∂/∂wᵢ = xᵢ,  ∂/∂xᵢ = wᵢ,  ∂/∂b = 1: a whole neuron as one node of many parents."""
    n = len(inputs) // 2
    return [g * x for x in inputs[n:-1]] + [g * w for w in inputs[:n]] + [g]
