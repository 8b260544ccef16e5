"""Data in batches, in an order that a seed decides; in parts; and on a common scale."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini import errors

from .arguments import Called, a_flag, a_number, a_precision, a_whole_number, an_array, shown
from .module import Module
from .randomness import a_generator

__all__ = ["DataLoader", "Standardize", "random_split"]


class DataLoader(Called):
    """Batches of arrays that share their first axis; the last one may be smaller.

    arrays: one or more, each with n rows. shuffle: a new order every time it is iterated, drawn
    from `rng` (a NumPy generator, or a seed for one; nn's own if None). Yields a tuple of arrays a
    batch. Raises `ShapeError` for arrays of different lengths, `ArgumentError` for batch_size < 1,
    `DTypeError` for masked arrays, `ArgumentTypeError` for other kinds.

    >>> loader = DataLoader(np.arange(5), np.arange(5) ** 2, batch_size=2)
    >>> [x.tolist() for x, _ in loader], len(loader)
    ([[0, 1], [2, 3], [4]], 3)
    """

    def __init__(self, *arrays: Any, batch_size: int = 32, shuffle: bool = False,
                 rng: np.random.Generator | int | None = None, drop_last: bool = False
                 ) -> None:
        self.arrays, self.rows = _of_one_length(arrays, "a DataLoader", "batch_size=…")
        self.batch_size = a_whole_number(batch_size, "batch_size", 1)
        self.shuffle, self.drop_last = a_flag(shuffle, "shuffle"), a_flag(drop_last, "drop_last")
        self.rng = None if rng is None else a_generator(rng)

    def __len__(self) -> int:
        """The number of batches."""
        return self.rows // self.batch_size if self.drop_last else -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        rng = a_generator(self.rng)
        order = rng.permutation(self.rows) if self.shuffle else np.arange(self.rows)
        for i in range(len(self)):
            chosen = order[i * self.batch_size : (i + 1) * self.batch_size]
            yield tuple(array[chosen] for array in self.arrays)

    def state_dict(self) -> dict[str, Any]:
        """How far its generator has come: with it the next order is the one that would have come.
        """
        return {"rng": None if self.rng is None else dict(self.rng.bit_generator.state)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there. Raises `StorageError` if only one of the two has a generator."""
        if (self.rng is None) != (state["rng"] is None):
            raise errors.StorageError("of the loader that was saved and this one, one has an rng: "
                                      "give both one, or neither")
        if self.rng is not None:
            self.rng.bit_generator.state = state["rng"]


def _of_one_length(arrays: Sequence[Any], who: str, named: str) -> tuple[tuple[Any, ...], int]:
    """The arrays, and how many rows each has. Raises `ShapeError` if they differ in that."""
    given = tuple(an_array(array, f"array {i}") for i, array in enumerate(arrays))
    rows = {len(array) for array in given if array.ndim}
    if len(rows) != 1 or any(array.ndim == 0 for array in given):
        raise errors.ShapeError(f"{who} takes arrays of one length, got the shapes "
                                f"{[a.shape for a in given]} ({named} is given by its name)")
    return given, rows.pop()


def random_split(*arrays: Any, lengths: Sequence[float] = (0.8, 0.2),
                 rng: np.random.Generator | int | None = None) -> list[tuple[np.ndarray, ...]]:
    """Arrays of one length in parts, drawn at random: a tuple of arrays for each part.

    lengths: fractions whose sum is 1, or whole numbers whose sum is the number of rows. Of
    fractions each part has its rows rounded down, and the rows that are left go to the first parts,
    one each, as in PyTorch. rng: a NumPy generator, or a seed for one. Raises `ArgumentError` for
    lengths that don't fit, `ShapeError` for arrays of different lengths.

    >>> (X, y), (X_test, y_test) = random_split(np.eye(10), np.arange(10), rng=0)
    >>> X.shape, y_test.shape
    ((8, 10), (2,))
    """
    given, rows = _of_one_length(arrays, "random_split", "lengths=…")
    parts = [a_number(x, f"lengths[{i}]", lambda x: x >= 0, "≥ 0")
             for i, x in enumerate(lengths)]
    if math.isclose(sum(parts), 1.0):
        sizes = [math.floor(rows * part) for part in parts]
        for i in range(rows - sum(sizes)):
            sizes[i % len(sizes)] += 1
    elif sum(parts) == rows and all(part == int(part) for part in parts):
        sizes = [int(part) for part in parts]
    else:
        raise errors.ArgumentError(f"lengths are fractions whose sum is 1, (0.8, 0.2), or whole "
                                   f"numbers whose sum is the {rows} rows, not {shown(lengths)}")
    order = a_generator(rng).permutation(rows)
    ends = np.cumsum([0, *sizes])
    return [tuple(array[order[a:b]] for array in given)
            for a, b in itertools.pairwise(ends)]


class Standardize(Module):
    """x ↦ (x − mean)/std, with each column's mean and standard deviation in the data it is made of.

    data: (n, …) with n ≥ 1 rows, such as the training data; as a first layer it does the same to
    whatever the model is given, and is saved with it. A column that never changes is only shifted.
    dtype: float64 or float32, that of its two arrays; None for that of the data. `inverse` goes
    back. Raises `ShapeError` for no rows, and for an x of other columns; `ArgumentError` for data
    with nan or inf, `DTypeError` for data that aren't real numbers.

    >>> Standardize(np.array([[1.0, 5.0], [3.0, 5.0]]))(np.array([[5.0, 6.0]]))
    array([[3., 1.]])
    """

    def __init__(self, data: Any, dtype: Any = None) -> None:
        rows = an_array(data, "data")
        if rows.dtype.kind not in "fiu":
            raise errors.DTypeError(f"Standardize takes real numbers, not {rows.dtype}")
        if not rows.ndim or not len(rows):
            raise errors.ShapeError(f"Standardize takes rows, one a sample, not shape {rows.shape}")
        if not np.all(np.isfinite(rows)):
            raise errors.ArgumentError("Standardize: the data hold nan or inf, of which there is "
                                       "no mean: leave those rows out")
        kind = np.result_type(rows, np.float32) if dtype is None else a_precision(dtype)
        size = np.max(np.abs(rows.astype(float)), axis=0)
        size = np.where(size > 0, size, 1.0)  # by it first: the square of 1e-200 is 0
        self.mean = np.asarray((rows / size).mean(axis=0) * size, kind)
        std = (rows / size).std(axis=0) * size
        still = rows.max(axis=0) == rows.min(axis=0)  # whose std may be a rounding error
        self.std = np.asarray(np.where(still, 1.0, std), kind)

    def forward(self, x: Any) -> Any:
        """(x − mean)/std, in the precision of x."""
        mean, std = self._for(x)
        return (x - mean) / std

    def inverse(self, x: Any) -> Any:
        """x·std + mean."""
        mean, std = self._for(x)
        return x * std + mean

    def _for(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Mean and std as float32 for an x of float32, which it shall stay."""
        shape, own = np.shape(x), self.mean.shape
        if shape[len(shape) - len(own):] != own:
            raise errors.ShapeError(f"Standardize was made of rows of shape {own}, and got {shape}")
        single = getattr(x, "dtype", None) == np.float32
        kind = np.dtype(np.float32) if single else self.mean.dtype
        return self.mean.astype(kind, copy=False), self.std.astype(kind, copy=False)

    def extra_repr(self) -> str:
        """How many columns it knows."""
        return f"{self.mean.shape}"
