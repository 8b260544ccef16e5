"""Embedding: a row of numbers, which are learned, for each word."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Node, Tensor, compiler, errors, where

from ..arguments import a_precision, a_whole_number, as_array
from ..module import Module
from ..randomness import a_generator

__all__ = ["Embedding"]


class Embedding(Module):
    """Whole numbers from 0 to below num_embeddings ↦ their rows: (…) ↦ (…, embedding_dim).

    weight: (num_embeddings, embedding_dim), drawn from the normal distribution. padding_idx: the
    number of what only fills up; its row starts at 0 and gets no gradient. Raises `ArgumentError`
    for numbers out of range (which NumPy would count from the end), `DTypeError` for other kinds.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> words = nn.Embedding(10, 4, rng=0)
    >>> words(np.array([[1, 2, 3], [4, 5, 6]])).shape
    (2, 3, 4)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, *,
                 rng: np.random.Generator | int | None = None, dtype: Any = np.float64) -> None:
        shape = (a_whole_number(num_embeddings, "num_embeddings", 1),
                 a_whole_number(embedding_dim, "embedding_dim", 1))
        self.padding_idx = padding_idx
        if padding_idx is not None:
            self.padding_idx = a_whole_number(padding_idx, "padding_idx", 0)
            _check_rows(np.array(self.padding_idx), shape[0])
        weight = a_generator(rng).normal(size=shape).astype(a_precision(dtype))
        if self.padding_idx is not None:
            weight[self.padding_idx] = 0.0
        self.weight = Tensor(weight, label="weight")

    def forward(self, i: Any) -> Any:
        """The rows of `i`."""
        rows = as_array(i)
        _check_rows(rows, len(self.weight))
        found = self.weight[rows]
        if self.padding_idx is None or not isinstance(found, Node):
            return found
        return where((rows == self.padding_idx)[..., None], compiler.plain_numbers(found), found)

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        padding = f", padding_idx={self.padding_idx}" if self.padding_idx is not None else ""
        return ", ".join(map(str, self.weight.shape)) + padding


def _check_rows(rows: Any, number: int) -> None:
    """Raise for what isn't rows of a weight that has this many."""
    if rows.dtype.kind not in "iu":
        raise errors.DTypeError(f"an Embedding takes whole numbers, the rows of its weight, not "
                                f"{rows.dtype}")
    if rows.size and not (0 <= rows.min() and rows.max() < number):
        raise errors.ArgumentError(f"an Embedding of {number} rows takes 0 … {number - 1}, and "
                                   f"got numbers from {rows.min()} to {rows.max()}")
