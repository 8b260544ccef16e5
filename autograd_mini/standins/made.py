"""Arrays made of nodes, and functions of NumPy that write into an array they are given.

They are written here by hand, for NumPy can't let nodes see them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..compiler.values import Values
from ..errors import DTypeError, NotDifferentiableError
from ..functions import full
from ..functions.windows import sliding_window_view
from ..graph import Node, value_of
from ..ops import broadcast_to, reshape, scatter, stack
from ..ops.indexing import frozen_index
from ..recording import current_tracer
from .buffers import (
    Buffer,
    as_buffer,
    constant,
    content,
    copied,
    holds_nodes,
    joined,
    numbers,
    of_float,
)

__all__ = ["IN_PLACE", "MADE", "array", "check_class", "number", "of_dtype", "of_no_axes",
           "write_at"]


# ── arrays made of nodes ─────────────────────────────────────────────────────────────────────


def array(x: Any, dtype: Any = None, *, copy: Any = True, order: Any = None, subok: Any = False,
          ndmin: int = 0, like: Any = None) -> Any:
    """`np.array` of numbers, nodes, Buffers and nested lists of them."""
    if not holds_nodes(x):
        return as_buffer(np.array(x, dtype, copy=copy, order=order, subok=subok, ndmin=ndmin))
    if dtype is not None and np.dtype(dtype) == object:
        raise DTypeError("an array of objects made of nodes has no gradient: leave out "
                         "dtype=object")
    if type(x) is Values and dtype in (None, float):
        return x.copy() if copy else x
    if type(x) is Buffer and not copy and (dtype is None or np.dtype(dtype) == x.array.dtype):
        return x
    found = of_dtype(joined(x), dtype)
    if type(found) is np.ndarray:
        found = np.array(found)  # for what is in a Buffer is its memory
    for _ in range(ndmin - np.ndim(value_of(found))):
        found = found[None]
    return as_buffer(found) if np.ndim(value_of(found)) else of_no_axes(found)


def of_no_axes(x: Any) -> Any:
    """An array of shape () that can be written to."""
    if current_tracer() is not None:
        return x
    if not isinstance(x, Node):
        return as_buffer(np.array(x))
    return Buffer(x if type(x.value) is np.ndarray else reshape(stack([x]), shape=()))


def of_dtype(x: Any, dtype: Any) -> Any:
    """x in another dtype; whole numbers are constant by nature, and so are plain."""
    if dtype is not None and np.dtype(dtype) == object:
        raise DTypeError("an array of objects made of nodes has no gradient: leave out "
                         "dtype=object")
    if type(x) is Values and dtype is not None and np.dtype(dtype).kind != "f":
        return constant(x).astype(dtype)
    if dtype is None or not isinstance(x, Node):
        return x if dtype is None or type(x) is Values else np.asarray(x, dtype)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return of_float(x, dtype)
    return np.asarray(constant(x)).astype(dtype)


def asarray(x: Any, dtype: Any = None, order: Any = None, **other: Any) -> Any:
    """`np.asarray` and its kin: an array as it is, a list as an array."""
    return array(x, dtype, copy=None if not holds_nodes(x) else False, order=order)


def laid_out(order: Any) -> Callable[..., Any]:
    """`np.ascontiguousarray` and `np.asfortranarray`: a copy, if the entries lie otherwise."""
    def of(x: Any, dtype: Any = None, **_: Any) -> Any:
        found = asarray(x, dtype)
        if type(found) is not Buffer or found.array.flags[order]:
            return found
        return copied(found, order)

    return of


def filled(shape: Any, value: Any, dtype: Any = None, order: Any = "C", **_: Any) -> Any:
    """`np.full`."""
    value = joined(value)
    if not isinstance(value, Node):
        return as_buffer(np.full(shape, value, dtype, order))
    if current_tracer() is not None:
        found = as_buffer(np.empty(shape))
        found[...] = value
        return found
    return as_buffer(of_dtype(full(shape, value), dtype))


def filled_like(a: Any, value: Any, dtype: Any = None, order: Any = "K", subok: Any = True,
                shape: Any = None) -> Any:
    """`np.full_like`."""
    like = numbers(a)
    return filled(np.shape(like) if shape is None else shape, value,
                  np.result_type(like) if dtype is None else dtype)


def arange(*args: Any, dtype: Any = None, **other: Any) -> Any:
    """`np.arange`: how many numbers there are is constant by nature."""
    if not holds_nodes(args):
        return as_buffer(np.arange(*args, dtype=dtype, **other))
    start, step = (args[0] if len(args) > 1 else 0.0), (args[2] if len(args) > 2 else 1.0)
    count = len(np.arange(*map(constant, args)))
    return as_buffer(of_dtype(content(start) + content(step) * np.arange(count), dtype))


def from_iterator(x: Any, dtype: Any = float, count: int = -1, **_: Any) -> Any:
    """`np.fromiter`."""
    entries = list(x)
    return array(entries if count < 0 else entries[:count], dtype)


def windows(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False,
            writeable: bool = False) -> Any:
    """`np.lib.stride_tricks.sliding_window_view`: of a Buffer a view, which sees later writes."""
    if type(x) is not Buffer:
        x = array(x)
    if writeable or type(x) is not Buffer:  # which refuses the first; or of a program
        return sliding_window_view(content(x), window_shape, axis, writeable=writeable)
    x.share()
    view = np.lib.stride_tricks.sliding_window_view(x.array, window_shape, axis)
    return Buffer(None, x.memory, view)


def each_entry(x: Any) -> Any:
    """`np.ndenumerate`."""
    return ((place, x[place]) for place in np.ndindex(np.shape(numbers(x))))


def number(x: Any) -> Any:
    """`float(x)`: the one number in x, which stays a node."""
    x = content(x)
    if not isinstance(x, Node):
        return x.item() if isinstance(x, np.ndarray | np.generic) else x
    if np.size(x.value) != 1:
        raise TypeError("only length-1 arrays can be converted to Python scalars")
    x = x if np.shape(x.value) == () else reshape(x, shape=())
    return x if x.dtype == np.float64 else x.astype(np.float64)


# ── functions that write into an array ───────────────────────────────────────────────────────


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """`np.copyto`."""
    dst[...] = src if where is True else np.where(content(where), joined(src), content(dst))


def place(arr: Any, mask: Any, vals: Any) -> None:
    """`np.place`: the values in turn, as often as it takes."""
    chosen = np.reshape(np.asarray(constant(mask), bool), np.shape(numbers(arr)))
    vals = content(array(vals)).reshape(-1)
    if chosen.any() and not np.size(value_of(vals)):
        raise ValueError("Cannot insert from an empty array!")  # NumPy's own words
    arr[chosen] = vals[np.arange(np.count_nonzero(chosen)) % np.size(value_of(vals))]


def putmask(a: Any, mask: Any, values: Any) -> None:
    """`np.putmask`: the value at the same place, counted round."""
    chosen = np.reshape(np.asarray(constant(mask), bool), np.shape(numbers(a)))
    values = content(array(values)).reshape(-1)
    if np.size(value_of(values)):  # else NumPy leaves the array as it is
        a[chosen] = values[np.flatnonzero(chosen) % np.size(value_of(values))]


def put(a: Any, ind: Any, v: Any, mode: Any = "raise") -> None:
    """`np.put`: the values at places counted through all axes."""
    v = content(array(v)).reshape(-1)
    if not np.size(value_of(v)):
        return  # as NumPy does
    shape = np.shape(numbers(a))
    places = np.arange(math.prod(shape)).take(ind, mode=mode).ravel()
    a[np.unravel_index(places, shape)] = v[np.arange(places.size) % np.size(value_of(v))]


def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    """`np.put_along_axis`."""
    places = np.arange(np.size(numbers(arr))).reshape(np.shape(numbers(arr)))
    taken = np.take_along_axis(places, np.asarray(indices), axis)
    values = _spread(joined(values), taken.shape)
    arr[np.unravel_index(taken, places.shape)] = values


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """`np.fill_diagonal`."""
    places = np.arange(np.size(numbers(a))).reshape(np.shape(numbers(a)))
    marks = np.full(places.shape, -1)
    np.fill_diagonal(marks, 0, wrap)
    spots = np.nonzero(marks == 0)
    val = content(array(val)).reshape(-1)
    if not np.size(value_of(val)):
        return  # as NumPy does
    a[spots] = val[np.arange(len(spots[0])) % np.size(value_of(val))]


def fill(a: Any, value: Any) -> None:
    """`a.fill(value)`."""
    a[...] = value


def write_at(ufunc: Any, a: Any, index: Any, *operands: Any) -> None:
    """`np.add.at` and its kin: an entry that is named twice is changed twice."""
    b = [joined(x) for x in operands]
    if type(a) is Buffer and not isinstance(a.content(), Node) and not holds_nodes(b):
        ufunc.at(a.writable(), index, *b)
        return
    if type(a) is Buffer and ufunc in (np.add, np.subtract) and b:
        shape = a.array.shape
        taken = np.shape(np.empty(shape)[index])
        summands = scatter(broadcast_to(b[0], shape=taken), index=frozen_index(index), shape=shape)
        a[...] = ufunc(a.content(), content(summands))
        return
    places = np.arange(np.size(numbers(a))).reshape(np.shape(numbers(a)))[index]
    entries = [_spread(x, np.shape(places)) for x in b]
    for at in np.ndindex(np.shape(places)):
        spot = tuple(map(int, np.unravel_index(places[at], np.shape(numbers(a)))))
        a[spot] = ufunc(content(a[spot]), *[x[at] for x in entries])


def _spread(x: Any, shape: tuple[int, ...]) -> Any:
    """x broadcast to a shape; a Value of a program as an array of Values."""
    if current_tracer() is None or not isinstance(x, Node):
        return broadcast_to(x, shape=shape)
    return filled(shape, x)


IN_PLACE: dict[Any, Callable[..., Any]] = {
    np.copyto: copyto, np.place: place, np.putmask: putmask, np.put: put,
    np.put_along_axis: put_along_axis, np.fill_diagonal: fill_diagonal,
}
"""NumPy's functions that write into their first argument."""

MADE: dict[Any, Callable[..., Any]] = {
    np.array: array, np.asarray: asarray, np.asanyarray: asarray,
    np.ascontiguousarray: laid_out("C"), np.asfortranarray: laid_out("F"),
    np.asarray_chkfinite: asarray, np.full: filled, np.full_like: filled_like, np.arange: arange,
    np.fromiter: from_iterator, np.lib.stride_tricks.sliding_window_view: windows,
    np.ndenumerate: each_entry, np.copy: lambda a, **_: array(a),
    np.require: lambda a, dtype=None, *_, **__: asarray(a, dtype),
}
"""NumPy's functions that make an array of what may be nodes."""


def check_class(f: Any, args: list[Any]) -> None:
    """Refuse the classes of NumPy that would hold plain numbers of nodes."""
    if issubclass(f, np.matrix) and holds_nodes(args):
        raise NotDifferentiableError(
            "the class np.matrix has no gradient here, for its * is a matrix product: use "
            "arrays, and @")
    if f is np.nditer and holds_nodes(args):
        raise NotDifferentiableError(
            "np.nditer gives plain numbers, so the gradient would be lost: loop over "
            "np.ndenumerate(a), or np.ndindex(a.shape) and a[i]")
