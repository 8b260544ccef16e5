"""The table, part 6: products of vectors and matrices."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..primitive import Structural, structural
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
    return sum(map(operator.mul, inputs[:n], inputs[n:-1]), inputs[-1])


class _WeightedSum(Structural):
    """w·x + b: a whole neuron as one node of many parents."""

    __slots__ = ()

    def apply(self, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """As ever, but where all arguments are Values without asking each what it is."""
        try:
            inputs = tuple([a.value for a in args])
        except AttributeError:  # some are plain numbers
            return super().apply(args, params)
        y = _weighted_sum(inputs)
        if type(y) is not float:  # some are Tensors
            return super().apply(args, params)
        return self._node(tuple(args), inputs, params, y)


def _weights_and_inputs(g, y, *inputs):  # type: ignore[no-untyped-def]
    """∂/∂wᵢ = xᵢ,  ∂/∂xᵢ = wᵢ,  ∂/∂b = 1."""
    n = len(inputs) // 2
    return [*[g * other for other in inputs[n:-1] + inputs[:n]], g]


weighted_sum = _WeightedSum(
    _weighted_sum, _weights_and_inputs, name="weighted_sum", symbol="w·x+b", many=True
)
