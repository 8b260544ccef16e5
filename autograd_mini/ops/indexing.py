"""The table, part 8: taking numbers out of an array, and putting them back where they were."""

from __future__ import annotations

from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from ..errors import GraphError
from ..followed import Followed
from ..graph import Node
from ..primitive import structural
from .shapes import shape as _shape


def _getitem(x: Any, index: Any) -> Any:
    return np.asarray(x)[index]


def _scatter(g: Any, index: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros of `shape`, with `g` added at `index`; an entry indexed twice collects both."""
    g = np.asarray(g)
    if len(shape) == 1 and type(index) is np.ndarray and index.dtype.kind == "i" and (
        index.size and g.dtype == float and index.min() >= 0
    ):  # ten times as fast as add.at
        return np.bincount(index.ravel(), g.ravel(), shape[0])
    out = np.zeros(shape, dtype=g.dtype)
    if _names_once(index):
        out[index] += g
    else:
        np.add.at(out, index, g)
    return out


def add_at(out: np.ndarray, index: Any, g: Any) -> None:
    """Add `g` to `out` at `index`, as adding what `scatter` gives does, without an array of zeros.

    An entry that is indexed twice gets the sum of both, to the last bit as with zeros.
    """
    if _names_once(index):
        out[index] += g
    elif type(index) is np.ndarray and 8 * index.size < len(out):
        named, places = np.unique(index.astype(np.intp) % len(out), return_inverse=True)
        out[named] += _scatter(g, places.reshape(index.shape), (len(named), *out.shape[1:]))
    else:
        out += _scatter(g, index, out.shape)


@structural(_getitem, symbol="[ ]", moves=True)
def getitem(g, y, x, *, index):  # type: ignore[no-untyped-def]
    """What was taken goes back to its place; the rest gets 0."""
    return scatter(g, index, _shape(x))


@structural(_scatter, moves=True)
def scatter(g, y, x, *, index, shape):  # type: ignore[no-untyped-def]
    """The pullback of the pullback of an index is the index again."""
    return getitem(g, index)


def _inside(x: Any, widths: Any) -> tuple[slice, ...]:
    """Where x stands within a border of these widths: (before, after) of each axis, or of all."""
    pairs = np.broadcast_to(widths, (len(_shape(x)), 2)).tolist()
    return tuple([slice(before, before + n) for (before, _), n in zip(
        pairs, _shape(x), strict=True)])


def _pad(x: Any, widths: Any, constants: Any) -> np.ndarray:
    """Constants around x, (before, after) along each axis, or as many along all."""
    x = np.asarray(x)
    if np.ndim(constants):  # one number for each side: what is below takes half as many calls
        return np.pad(x, widths, constant_values=constants)
    around = np.broadcast_to(widths, (x.ndim, 2)).sum(1)
    out = np.full(np.add(x.shape, around).tolist(), constants, x.dtype)
    out[_inside(x, widths)] = x
    return out


@structural(_pad, moves=True)
def pad(g, y, x, *, widths, constants=0.0):  # type: ignore[no-untyped-def]
    """What stands within the border goes back; constants hear nothing."""
    return getitem(g, _inside(x, widths))


def _put_together(parts: Any, indices: Any, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape, np.result_type(*parts))
    for index, part in zip(indices, parts, strict=True):
        add_at(out, index, part)
    return out


def _taken_apart(g: Any, y: Any, *parts: Any, indices: Any, shape: Any) -> list[Any]:
    return [getitem(g, index=index) for index in indices]


scatter_all = structural(_put_together, _taken_apart, name="scatter_all", moves=True, many=True)
"""Zeros of `shape`, with each part added at its index: the sum of what `scatter` gives for each."""


def is_basic(index: Any) -> bool:
    """Whether an index is made of slices, single numbers, … and None: each entry is named once."""
    return all([isinstance(part, _BASIC) and not isinstance(part, bool)
                for part in (index if isinstance(index, tuple) else (index,))])


_BASIC = (slice, int, np.integer, EllipsisType, NoneType)


def _names_once(index: Any) -> bool:
    """Whether an index names each entry once, as slices, single numbers and masks do."""
    parts = index if isinstance(index, tuple) else (index,)
    return not any([isinstance(part, np.ndarray) and part.dtype != bool for part in parts])


def frozen_index(index: Any) -> Any:
    """`index` in NumPy's terms, safe to keep: lists become arrays, arrays are copied."""
    if isinstance(index, tuple):
        return tuple(_frozen_part(part) for part in index)
    return _frozen_part(index)


def _frozen_part(index: Any) -> Any:
    if isinstance(index, Node):
        raise GraphError(
            "an index must be made of plain integers or booleans, not of a node (whose values "
            f"are floats): write x[{type(index).__name__.lower()}.data.astype(int)]"
        )
    if type(index) is Followed:
        if index.dtype == bool and index.ndim:  # so many are taken in each replay
            index.recorder.decided(np.count_nonzero, index)
        return index.recorder.constant(index) if index.ndim else index.item()
    if index is None or index is ... or isinstance(index, int | np.integer | np.bool_ | slice):
        return index
    array = np.array(index)
    return array if array.size or array.dtype == bool else array.astype(int)
    # [] is an array of floats to NumPy; an empty mask stays one
