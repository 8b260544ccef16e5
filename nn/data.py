"""Data in batches, in an order that a seed decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd_mini import errors

from .arguments import Called, a_flag, a_generator, a_whole_number, an_array

__all__ = ["DataLoader"]


class DataLoader(Called):
    """Batches of arrays that share their first axis; the last one may be smaller.

    arrays: one or more, each with n rows. shuffle: a new order every time it is iterated, drawn
    from `rng` (a NumPy generator, or a seed for one). Yields a tuple of arrays a batch. Raises
    `ShapeError` for arrays of different lengths, `ArgumentError` for batch_size < 1, `DTypeError`
    for masked arrays, `ArgumentTypeError` for other kinds.

    >>> loader = DataLoader(np.arange(5), np.arange(5) ** 2, batch_size=2)
    >>> [x.tolist() for x, _ in loader], len(loader)
    ([[0, 1], [2, 3], [4]], 3)
    """

    def __init__(self, *arrays: Any, batch_size: int = 32, shuffle: bool = False,
                 rng: np.random.Generator | int | None = None, drop_last: bool = False
                 ) -> None:
        self.arrays = tuple(an_array(array, f"array {i}") for i, array in enumerate(arrays))
        rows = {len(array) for array in self.arrays if array.ndim}
        if len(rows) != 1 or any(array.ndim == 0 for array in self.arrays):
            raise errors.ShapeError(
                f"a DataLoader takes arrays of one length, got the shapes "
                f"{[a.shape for a in self.arrays]} (batch_size=… is given by its name)"
            )
        self.batch_size = a_whole_number(batch_size, "batch_size", 1)
        self.shuffle, self.drop_last = a_flag(shuffle, "shuffle"), a_flag(drop_last, "drop_last")
        self.rng = a_generator(rng)
        (self.rows,) = rows

    def __len__(self) -> int:
        """The number of batches."""
        return self.rows // self.batch_size if self.drop_last else -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        order = self.rng.permutation(self.rows) if self.shuffle else np.arange(self.rows)
        for i in range(len(self)):
            chosen = order[i * self.batch_size : (i + 1) * self.batch_size]
            yield tuple(array[chosen] for array in self.arrays)
