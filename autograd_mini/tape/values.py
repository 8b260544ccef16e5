"""An array of Values: what a program that is being recorded has for an array of floats.

NumPy's arrays can hold any objects; this one knows the table, so that `np.tanh(x)`, `x @ w` and
`np.sum(x)` make a node for each entry, and whatever only moves entries is NumPy's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..catalog import name_of
from ..errors import NotDifferentiableError
from ..ops import axes_of, clip, divide, maximum, minimum, total, weighted_sum, where
from ..ops.arithmetic import compared, sign
from ..primitive import TABLE, Elementwise
from ..trees import nested_array

__all__ = ["Values"]

MOVING = {
    np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack, np.reshape, np.ravel,
    np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze, np.broadcast_to, np.flip,
    np.roll, np.take, np.repeat, np.tile, np.atleast_1d, np.atleast_2d, np.diagonal, np.split,
    np.shape, np.ndim, np.size, np.copy,
}
"""What only moves entries, or asks how many there are."""


class Values(np.ndarray):
    """An array whose entries are Values (or plain floats)."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        row = TABLE.get(ufunc)
        if method == "__call__" and not kwargs:
            if isinstance(row, Elementwise):
                return entrywise(row, *inputs)
            if ufunc is np.matmul:
                return product(*inputs)
            if ufunc is np.sign:
                return entrywise(sign, *inputs)
            if ufunc in compared:  # 0 or 1, which `where` and products take
                return entrywise(compared[ufunc], *inputs)
        if method == "reduce" and ufunc is np.add:
            return summed(inputs[0], **{k: kwargs[k] for k in ("axis", "keepdims") if k in kwargs})
        raise _refusal(ufunc if method == "__call__" else f"{name_of(ufunc)}.{method}")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in MOVING:
            return super().__array_function__(function, types, args, kwargs)
        if function in FUNCTIONS:
            return FUNCTIONS[function](*args, **kwargs)
        raise _refusal(function)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """The sum over one axis, or of all, one node each."""
        return summed(self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """The mean over one axis, or of all."""
        return averaged(self, axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """The largest along one axis, or of all. Two that tie share the gradient evenly; of three,
        one gets half, the others a quarter.
        """
        return reduced(lambda xs: chain(maximum, xs), self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """The smallest, as max."""
        return reduced(lambda xs: chain(minimum, xs), self, axis, keepdims)

    def dot(self, other: Any) -> Any:  # type: ignore[override]
        """The product, as `np.dot`."""
        return product(self, other)


def _refusal(function: Any) -> NotDifferentiableError:
    name = function if isinstance(function, str) else name_of(function)
    known = ", ".join(sorted(name_of(f) for f in FUNCTIONS))
    return NotDifferentiableError(
        f"{name} doesn't take an array of Values: a program to be compiled is made of the "
        f"elementwise functions of the table, of {known} and @, and of what only moves entries; "
        "or write it with Python's loops"
    )


def as_values(entries: Any, shape: tuple[int, ...]) -> Any:
    """The entries in an array of this shape; for shape () the only one itself."""
    entries = list(entries)
    return nested_array(entries, shape).view(Values) if shape else entries[0]


def _entries(x: Any) -> np.ndarray:
    """x as a plain array of objects: Python floats and Values."""
    if isinstance(x, np.ndarray):
        return x.view(np.ndarray).astype(object)
    array = np.empty((), object)
    array[()] = x
    return array


def entrywise(row: Callable[..., Any], *args: Any) -> Any:
    """`row` of each entry, broadcast."""
    arrays = np.broadcast_arrays(*map(_entries, args))
    return as_values(map(row, *[a.ravel().tolist() for a in arrays]), arrays[0].shape)


def reduced(function: Callable[[list[Any]], Any], x: Any, axis: Any = None,
            keepdims: bool = False) -> Any:
    """`function` of the list of entries along `axis`, or of all."""
    array = _entries(x)
    axes = axes_of(array, axis)
    kept = [i for i in range(array.ndim) if i not in axes]
    count = math.prod(array.shape[i] for i in axes)
    lists = array.transpose(*kept, *axes).reshape(array.size // count if count else 0, count)
    if not count and math.prod(array.shape[i] for i in kept):
        raise NotDifferentiableError("an empty array of Values has nothing to reduce")
    shape = tuple(array.shape[i] if i in kept else 1 for i in range(array.ndim))
    entries = map(function, lists.tolist())
    return as_values(entries, shape if keepdims else tuple(array.shape[i] for i in kept))


def chain(row: Elementwise, xs: list[Any]) -> Any:
    """row(… row(row(x₁, x₂), x₃) …)."""
    y = xs[0]
    for x in xs[1:]:
        y = row(y, x)
    return y


def summed(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sums of one node each."""
    return reduced(lambda xs: total.apply(xs, {}), x, axis, keepdims)


def averaged(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Means."""
    return reduced(lambda xs: divide(total.apply(xs, {}), float(len(xs))), x, axis, keepdims)


def product(a: Any, b: Any) -> Any:
    """a @ b of vectors and matrices: one node for each entry."""
    a, b = _entries(a), _entries(b)
    if a.ndim not in (1, 2) or b.ndim not in (1, 2) or a.shape[-1] != b.shape[0]:
        raise NotDifferentiableError(
            f"@ of shapes {a.shape} and {b.shape}: of arrays of Values it takes vectors and "
            "matrices whose inner lengths agree"
        )
    rows = a.reshape(-1, a.shape[-1]).tolist()
    columns = b.reshape(b.shape[0], -1).T.tolist()
    entries = [weighted_sum.apply((*row, *column, 0.0), {}) for row in rows for column in columns]
    return as_values(entries, a.shape[:-1] + b.shape[1:])


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: summed, np.mean: averaged, np.dot: product,
    np.max: Values.max, np.min: Values.min,
    np.where: lambda c, a, b: entrywise(where, c, a, b),
    np.clip: lambda x, a_min=None, a_max=None: entrywise(
        clip, x, -math.inf if a_min is None else a_min, math.inf if a_max is None else a_max),
}
