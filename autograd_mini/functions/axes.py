"""Axes in another order, merged and made; arrays joined and cut along them: all composed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..ops import broadcast_to, concatenate, getitem, reshape, shape, transpose
from .composed import check_plain, numpy_has, stands_for

Function = Callable[..., Any]


def moves_axes(*functions: Any) -> Function:
    """A function of NumPy that only reorders axes.

    An array whose axis i has the length i (and which is empty, for one of them is 0) shows
    in its new shape where each went.
    """
    function = functions[0]

    def moved(x: Any, *args: Any, **kwargs: Any) -> Any:
        order = function(np.empty(tuple(range(len(shape(x))))), *args, **kwargs).shape
        return transpose(x, order)

    moved.__wrapped__ = function  # type: ignore[attr-defined]
    moved.__name__ = moved.__qualname__ = function.__name__
    moved.__doc__ = f"`np.{function.__name__}`: the axes in another order."
    return stands_for(*functions)(moved)


swapaxes, moveaxis, rollaxis = moves_axes(np.swapaxes), moves_axes(np.moveaxis), moves_axes(
    np.rollaxis)
matrix_transpose = moves_axes(np.matrix_transpose, np.linalg.matrix_transpose)


@stands_for(np.ravel)
def ravel(x: Any) -> Any:
    """All the numbers along one axis."""
    return reshape(x, (-1,))


def moved_last(x: Any, axes: tuple[int, ...]) -> Any:
    """x with these axes merged into one, the last."""
    kept = [i for i in range(len(shape(x))) if i not in axes]
    lengths = (*(shape(x)[i] for i in kept), math.prod(shape(x)[i] for i in axes))
    return reshape(transpose(x, (*kept, *axes)), lengths)


def _at_least(function: Function) -> Function:
    """np.atleast_nd: reshape to the shape that NumPy gives an array of x's shape."""

    def wide_enough(*arys: Any) -> Any:
        to = [function(np.empty(shape(x))).shape for x in arys]
        wider = tuple([x if shape(x) == s and hasattr(x, "shape") else reshape(x, s)
                       for x, s in zip(arys, to, strict=True)])
        return wider[0] if len(wider) == 1 else wider

    wide_enough.__name__ = wide_enough.__qualname__ = function.__name__
    wide_enough.__doc__ = f"`np.{function.__name__}`."
    return stands_for(function)(wide_enough)


atleast_1d, atleast_2d, atleast_3d = map(_at_least, (np.atleast_1d, np.atleast_2d, np.atleast_3d))


@stands_for(np.vstack, *[f for f in [getattr(np, "row_stack", None)] if f])
def vstack(tup: Any) -> Any:
    """Arrays one below the other; vectors are rows."""
    return concatenate([atleast_2d(x) for x in tup])


@stands_for(np.hstack)
def hstack(tup: Any) -> Any:
    """Arrays one beside the other; vectors one after the other."""
    parts = [atleast_1d(x) for x in tup]
    return concatenate(parts, axis=0 if len(shape(parts[0])) == 1 else 1)


@stands_for(np.dstack)
def dstack(tup: Any) -> Any:
    """Arrays one behind the other, along the third axis."""
    return concatenate([atleast_3d(x) for x in tup], axis=2)


@stands_for(np.column_stack)
def column_stack(tup: Any) -> Any:
    """Arrays one beside the other; vectors are columns."""
    return concatenate([x if len(shape(x)) > 1 else reshape(x, (-1, 1)) for x in tup], axis=1)


def _splits(function: Function) -> Function:
    """np.split and np.array_split: NumPy cuts the row of indices, and each part is a stretch."""

    def cut(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
        axis = normalize_axis_index(axis, len(shape(ary)))
        check_plain(cut.__name__, {"indices_or_sections": indices_or_sections}, ())
        parts = function(np.arange(shape(ary)[axis]), indices_or_sections)
        return [getitem(ary, index=(*(slice(None),) * axis, slice(p[0], p[-1] + 1) if p.size
                                    else slice(0, 0))) for p in parts]

    cut.__name__ = cut.__qualname__ = function.__name__
    cut.__doc__ = f"`np.{function.__name__}`: an array cut into parts along an axis."
    return stands_for(function)(cut)


split, array_split = map(_splits, (np.split, np.array_split))


def _splits_along(function: Function, axis: int) -> Function:
    """np.hsplit and its kin: np.split along this axis, or the last if there is none such."""

    def cut(ary: Any, indices_or_sections: Any) -> list[Any]:
        check_plain(cut.__name__, {"indices_or_sections": indices_or_sections}, ())
        function(np.broadcast_to(0.0, shape(ary)), indices_or_sections)  # it finds fault
        parts: list[Any] = split(ary, indices_or_sections, min(axis, len(shape(ary)) - 1))
        return parts

    cut.__name__ = cut.__qualname__ = function.__name__
    cut.__doc__ = f"`np.{function.__name__}`: an array cut into parts along its axis {axis}."
    return stands_for(function)(cut)


hsplit, vsplit, dsplit = (
    _splits_along(np.hsplit, 1), _splits_along(np.vsplit, 0), _splits_along(np.dsplit, 2))


@numpy_has("unstack")
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The arrays that np.stack would make x of, along `axis`."""
    check_plain("unstack", {"axis": axis}, ())
    count = len(np.unstack(np.broadcast_to(0.0, shape(x)), axis=axis))  # it finds fault
    before = (slice(None),) * normalize_axis_index(axis, len(shape(x)))
    return tuple([getitem(x, index=(*before, i)) for i in range(count)])


@stands_for(np.broadcast_arrays)
def broadcast_arrays(*args: Any) -> tuple[Any, ...]:
    """All spread out to one shape."""
    to = np.broadcast_shapes(*map(shape, args))
    return tuple([broadcast_to(x, to) for x in args])
