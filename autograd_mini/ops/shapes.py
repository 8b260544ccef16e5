"""The table, part 5: moving numbers about. Each pullback moves them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Node, value_of
from ..primitive import also, structural


def shape(x: Any) -> tuple[int, ...]:
    """The shape of a number, an array or a node."""
    value = x.value if isinstance(x, Node) else x
    return value.shape if isinstance(value, np.ndarray) else np.shape(value)


@structural(lambda x, shape: np.asarray(x).reshape(shape), moves=True)
def reshape(g, y, x, *, shape):  # type: ignore[no-untyped-def]
    """The same numbers in the same order."""
    return reshape(g, _shape(x))


also(np.reshape, reshape)


@structural(np.transpose, symbol="T", moves=True)
def transpose(g, y, x, *, axes=None):  # type: ignore[no-untyped-def]
    """Undone by the inverse permutation of the axes."""
    return transpose(g, None if axes is None else tuple(np.argsort([a % len(axes) for a in axes])))


@structural(np.expand_dims, moves=True)
def expand_dims(g, y, x, *, axis):  # type: ignore[no-untyped-def]
    return reshape(g, _shape(x))


@structural(np.squeeze, moves=True)
def squeeze(g, y, x, *, axis=None):  # type: ignore[no-untyped-def]
    return reshape(g, _shape(x))


@structural(lambda x, dtype: np.asarray(x, dtype), moves=True)
def astype(g, y, x, *, dtype):  # type: ignore[no-untyped-def]
    return astype(g, np.result_type(value_of(x)))


@structural(np.roll, moves=True)
def roll(g, y, x, *, shift, axis=None):  # type: ignore[no-untyped-def]
    """Undone by rolling back."""
    back = tuple([-s for s in shift]) if type(shift) is tuple else -shift
    return roll(g, shift=back, axis=axis)


def _stretches(g: Any, y: Any, *parts: Any, axis: int | None = 0) -> list[Any]:
    """Each part gets its own stretch of g back."""
    if axis is None:  # all parts flat
        flat = _stretches(g, y, *[np.ravel(value_of(part)) for part in parts])
        return [reshape(stretch, _shape(p)) for stretch, p in zip(flat, parts, strict=True)]
    ends = np.cumsum([_shape(part)[axis] for part in parts])
    before = (slice(None),) * (axis % len(_shape(y)))
    return [
        g[(*before, slice(end - _shape(part)[axis], end))]
        for part, end in zip(parts, ends.tolist(), strict=True)
    ]


concatenate = structural(np.concatenate, _stretches, many=True, moves=True)


@structural(np.stack, many=True, moves=True)
def stack(g, y, *parts, axis=0):  # type: ignore[no-untyped-def]
    """Each part gets its own slice of g back."""
    before = (slice(None),) * (axis % len(_shape(y)))
    return [g[(*before, i)] for i in range(len(parts))]


_shape = shape  # inside a rule, `shape` may be the parameter
