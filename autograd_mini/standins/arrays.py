"""NumPy's functions and methods on Buffers: views stay views, and `out=` is written to.

A function of NumPy is called with what is in the Buffers: plain arrays, or nodes, which ask the
table.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..compiler.values import Values
from ..errors import NotDifferentiableError
from ..graph import Node, value_of
from ..numpy_api.catalog import name_of
from .buffers import Buffer, as_buffer, contents, copied, holds_nodes, joined
from .made import IN_PLACE, MADE, array, fill, number, of_dtype, of_no_axes, put, write_at

__all__ = ["of_numpy", "of_ufunc", "wrapped"]

_OF_SEQUENCES = {
    np.stack, np.concatenate, np.hstack, np.vstack, np.dstack, np.column_stack, np.block,
    np.einsum, np.select, np.choose, np.linalg.multi_dot, np.broadcast_arrays, np.meshgrid,
    np.lexsort, np.ix_, np.piecewise, np.split, np.array_split, np.insert, np.pad,
}
"""Functions whose argument is a sequence of arrays, and not an array that is written as a list."""

_VIEWS = {
    np.reshape, np.ravel, np.transpose, np.swapaxes, np.squeeze, np.expand_dims, np.atleast_1d,
    np.atleast_2d, np.atleast_3d, np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit,
    np.diagonal, np.diag, np.broadcast_to, np.flip, np.fliplr, np.flipud, np.rot90, np.moveaxis,
    np.rollaxis, np.real, np.matrix_transpose, np.trim_zeros, np.linalg.diagonal,
    np.linalg.matrix_transpose, *([np.unstack] if hasattr(np, "unstack") else []),
}
"""Functions whose result may share the memory of their argument."""


def of_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """A ufunc, or a method of it (`reduce`, `at` …), of Buffers, nodes and lists of them."""
    if method == "at":
        return write_at(ufunc, *inputs)
    if method == "reduceat" and holds_nodes([*inputs]):
        return _reduced_at(ufunc, *inputs, **kwargs)
    if method == "__call__" and len(inputs) > ufunc.nin:
        kwargs = {**kwargs, "out": inputs[ufunc.nin]}
        inputs = inputs[:ufunc.nin]
    if kwargs.get("out") is not None:
        return _into(getattr(ufunc, method), inputs, kwargs)
    mask = kwargs.get("where", True)
    if mask is not True and method == "__call__":
        raise NotDifferentiableError(
            f"{name_of(ufunc)}(where=…) without out= leaves the other entries to chance: give "
            "out=, or use np.where")
    found = getattr(ufunc, method)(*map(joined, inputs), **contents(kwargs))
    return tuple(map(as_buffer, found)) if type(found) is tuple else as_buffer(found)


def _reduced_at(ufunc: Any, x: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None
                ) -> Any:
    """`np.add.reduceat` and its kin: each stretch reduced; of a falling pair the first entry."""
    lines = np.moveaxis(joined(x), axis, 0)
    begins, count = np.asarray(indices).tolist(), np.shape(value_of(lines))[0]
    ends = [*begins[1:], count]
    parts = [ufunc.reduce(lines[i:j], axis=0) if i < j else lines[i]
             for i, j in zip(begins, ends, strict=True)]
    found = wrapped(np.moveaxis(np.stack(parts), 0, axis))
    if out is None:
        return found
    out[...] = found
    return out


def of_numpy(function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """A function of NumPy that isn't a ufunc, of Buffers, nodes and lists of them."""
    if function in MADE:
        return MADE[function](*args, **kwargs)
    if function in IN_PLACE and _takes_nodes(args[0] if args else None):
        return IN_PLACE[function](*args, **kwargs)
    args, kwargs = _without_out(function, args, kwargs)
    if kwargs.get("out") is not None:
        return _into(function, args, kwargs)
    inner = contents if function in _OF_SEQUENCES else joined
    given = [inner(a) for a in args]
    named = {k: inner(v) for k, v in kwargs.items()}
    found = function(*given, **named)
    if function in _VIEWS and args and type(args[0]) is Buffer:
        return _as_views(function, args, kwargs, found)
    shared = _shared(found, args)
    return wrapped(found) if shared is None else shared


def _takes_nodes(x: Any) -> bool:
    return type(x) is Buffer or type(x) is Values


def wrapped(found: Any) -> Any:
    """A result with Buffers for its arrays; in a list, tuple or named tuple too."""
    if isinstance(found, list | tuple):
        parts = map(wrapped, found)
        return type(found)(*parts) if hasattr(found, "_fields") else type(found)(parts)
    return as_buffer(found)


@cache
def _place_of_out(function: Any) -> int:
    """Which argument is `out`, if it is given by position; −1 if there is none."""
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return -1
    names = [p.name for p in given if p.kind is p.POSITIONAL_OR_KEYWORD]  # np.einsum's is not
    return names.index("out") if "out" in names else -1


def _without_out(function: Any, args: Sequence[Any], kwargs: dict[str, Any]
                 ) -> tuple[Sequence[Any], dict[str, Any]]:
    """The call with `out` by name."""
    if len(args) < 2 or not 0 < (at := _place_of_out(function)) < len(args):
        return args, kwargs
    if any([x is not None for x in args[at + 1:]]):
        raise NotDifferentiableError(f"{name_of(function)}: give what follows out by name")
    return args[:at], {**kwargs, "out": args[at]}


def _into(function: Any, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """A call with out=: what it computes is written there."""
    rest = {k: v for k, v in kwargs.items() if k not in ("out", "where")}
    out = kwargs["out"][0] if type(kwargs["out"]) is tuple else kwargs["out"]
    mask = kwargs.get("where", True)
    if not _takes_nodes(out):
        if not holds_nodes([*inputs]):
            return function(*map(joined, inputs), **{**contents(kwargs), "out": out})
        raise NotDifferentiableError(
            f"{getattr(function, '__name__', 'NumPy')}(out=…) can't write a node into an array of "
            f"{getattr(np.asarray(out), 'dtype', 'objects')}: make the array of floats")
    given = list(map(joined, inputs))
    if type(out) is Buffer and not isinstance(out.content(), Node) and not holds_nodes(
            [*given, joined(mask)]):
        return _plainly_into(function, given, kwargs, out)
    found = function(*given, **contents(rest))
    if mask is not True:
        found = np.where(joined(mask), found, joined(out))
    out[...] = found
    return out


def _plainly_into(function: Any, inputs: Sequence[Any], kwargs: dict[str, Any], out: Buffer
                  ) -> Buffer:
    """The same where all are plain numbers: NumPy computes in the dtype of `out`."""
    function(*inputs, **{**contents(kwargs), "out": out.writable()})
    return out


def _as_views(function: Any, args: Sequence[Any], kwargs: dict[str, Any], found: Any) -> Any:
    """The result of a function that gives views of an array, where it does: as views of it."""
    buffer: Buffer = args[0]
    if buffer.memory is None:
        plain = function(buffer.array, *args[1:], **kwargs)  # a view? then it needs a memory
        if not any([np.may_share_memory(p, buffer.array) for p in _parts(plain)]):
            return wrapped(found)
        buffer.share()
    plain = function(buffer.array, *args[1:], **kwargs)
    looks = [_look(buffer, p, x) for p, x in zip(_parts(plain), _parts(found), strict=True)]
    return looks[0] if isinstance(plain, np.ndarray) else type(plain)(looks)


def _shared(found: Any, args: Sequence[Any]) -> Buffer | None:
    """A plain array as a view of the argument whose memory it shares, as NumPy's function has it.
    """
    if type(found) is not np.ndarray or found.dtype.kind != "f":
        return None
    for a in args:
        if type(a) is Buffer and a.memory is not None and np.may_share_memory(
                found, a.memory.array):
            return Buffer(None, a.memory, found)
    return None


def _parts(x: Any) -> Sequence[Any]:
    return x if isinstance(x, list | tuple) else [x]


def _look(buffer: Buffer, plain: Any, found: Any) -> Any:
    """One array as a view of the buffer's memory, if it is one."""
    if not isinstance(plain, np.ndarray) or not np.may_share_memory(plain, buffer.array):
        return as_buffer(found)
    view = Buffer(None, buffer.memory, plain)
    if isinstance(found, Node):
        view.node, view.version = found, buffer.memory.version
    return view


_METHODS = frozenset({
    "sum", "mean", "std", "var", "max", "min", "prod", "argmax", "argmin", "argsort", "any",
    "all", "cumsum", "cumprod", "clip", "round", "dot", "trace", "diagonal", "repeat", "take",
    "nonzero", "searchsorted", "compress", "choose", "reshape", "ravel", "transpose",
    "swapaxes", "squeeze", "partition", "argpartition",
})
"""Methods that do what NumPy's function of the same name does."""


def sort(a: Any, axis: int = -1, **other: Any) -> None:
    """`a.sort()`."""
    a[...] = of_numpy(np.sort, (a, axis), other)


def method_of(buffer: Buffer, name: str) -> Any:
    """An attribute of the array that a Buffer stands for."""
    if name in ("shape", "ndim", "size", "dtype", "nbytes", "itemsize", "strides", "flags"):
        return getattr(buffer.array, name)
    if name in ("T", "mT", "real", "flat"):
        return _PROPERTIES[name](buffer)
    if name in _WRITTEN:
        return lambda *args, **kwargs: _WRITTEN[name](buffer, *args, **kwargs)
    if name in _METHODS:
        return lambda *args, **kwargs: of_numpy(
            getattr(np, name), (buffer, *_shape_by(name, args)), kwargs)
    inner = buffer.content()
    if not isinstance(inner, Node):
        return getattr(inner, name)
    if hasattr(np.ndarray, name) and not name.startswith("__"):
        raise NotDifferentiableError(
            f"a.{name} of an array that depends on what is differentiated by would lose the "
            "gradient: compute with the array itself")
    raise AttributeError(f"'numpy.ndarray' object has no attribute {name!r}")


def _shape_by(name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments as NumPy's function takes them: `a.reshape(2, 3)` as `np.reshape(a, (2, 3))`.
    """
    if name not in ("reshape", "transpose") or not args:
        return args
    whole = args[0] if len(args) == 1 else args
    return (whole,)


def _item(buffer: Buffer, *place: Any) -> Any:
    """`a.item()`: the number, which stays a node."""
    if place:
        places = np.arange(buffer.array.size).reshape(buffer.array.shape)
        spot = np.unravel_index(places.item(*place), places.shape)
        return number(buffer[tuple(map(int, spot))])
    if buffer.array.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    return number(buffer)


def _as_list(buffer: Buffer) -> Any:
    """`a.tolist()`: nested lists of numbers, which stay nodes."""
    if not buffer.array.ndim:
        return number(buffer)
    return [_as_list(x) if type(x) is Buffer else number(x) for x in buffer]


def _astype(buffer: Buffer, dtype: Any, order: Any = "K", casting: Any = "unsafe",
            subok: Any = True, copy: bool = True) -> Any:
    inner = buffer.content()
    if not copy and np.dtype(dtype) == buffer.array.dtype:
        return buffer
    if isinstance(inner, Node):
        found = of_dtype(inner, dtype)
        return as_buffer(found) if np.ndim(value_of(found)) else of_no_axes(found)
    return as_buffer(inner.astype(dtype, order, casting, subok, copy))


def _flat(buffer: Buffer) -> Any:
    """`a.flat`: all entries along one axis, as a view."""
    if not buffer.array.flags.c_contiguous:
        raise NotDifferentiableError("a.flat of an array whose entries don't lie in a row isn't "
                                     "supported: use a.ravel()")
    return of_numpy(np.reshape, (buffer, -1), {})


_PROPERTIES: dict[str, Callable[[Any], Any]] = {
    "T": lambda a: of_numpy(np.transpose, (a,), {}),
    "mT": lambda a: of_numpy(np.swapaxes, (a, -1, -2), {}),
    "real": lambda a: a, "flat": _flat,
}
_WRITTEN: dict[str, Callable[..., Any]] = {
    "item": _item, "tolist": _as_list, "astype": _astype, "fill": fill, "sort": sort, "put": put,
    "copy": lambda a, order="C": copied(a, order),
    "flatten": lambda a, order="C": array(of_numpy(np.ravel, (a,), {"order": order})),
    "view": lambda a, *args: of_numpy(np.reshape, (a, a.shape), {}) if not args else _refuse_view(),
    "conj": lambda a: copied(a), "conjugate": lambda a: copied(a),
    "ptp": lambda a, *args, **kwargs: of_numpy(np.ptp, (a, *args), kwargs),
    "setflags": lambda a, *args, **kwargs: None,
}


def _refuse_view() -> Any:
    raise NotDifferentiableError("a.view(dtype) reads the bytes of numbers: use a.astype(dtype)")


def _ufunc(self: Buffer, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    return of_ufunc(ufunc, method, inputs, kwargs)


def _function(self: Buffer, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    return of_numpy(function, args, kwargs)


for _name, _protocol in (("__array_ufunc__", _ufunc), ("__array_function__", _function),
                         ("__getattr__", method_of)):
    setattr(Buffer, _name, _protocol)
