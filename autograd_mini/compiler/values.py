"""A function that is being recorded gets arrays of Values in the place of arrays of floats.

NumPy's arrays can hold any objects. These send every call of NumPy through the same table as
a Tensor does, with the same checks of keywords; and where the table applies a row, it is applied
to the entries: a node for each number that is computed, and none for what only moves entries.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import ops
from ..errors import GraphError, NotDifferentiableError
from ..graph import Node
from ..numpy_api.catalog import CONSTANT, name_of
from ..numpy_api.dispatch import OF_SHAPES, NumPyProtocols, dispatch
from ..ops import (
    axes_of,
    logaddexp,
    maximum,
    minimum,
    multiply,
    reshape,
    total,
    weighted_sum,
    where,
)
from ..ops.kinks import compared, in_pieces, sign
from ..primitive import OTHER_ARRAYS, Elementwise, Primitive, elementwise
from ..recording import Observer, current_tracer, traced_by
from ..trees import nested_array

__all__ = ["Values"]


class Values(np.ndarray):
    """An array whose entries are Values (or plain floats)."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            return _dispatched(ufunc, inputs, kwargs)
        called: Any = NumPyProtocols.__array_ufunc__  # which doesn't ask whose method it is
        with _in_library(f"{name_of(ufunc)}.{method}"):
            if ufunc in CONSTANT:
                raise _refusal(f"{name_of(ufunc)}.{method}")
            return called(self, ufunc, method, *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _dispatched(function, args, kwargs)

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(_decided(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        index = _decided(index)
        if isinstance(value, Node) and isinstance(super().__getitem__(index), np.ndarray):
            value = _entries(value)  # NumPy would ask a node for its array
        super().__setitem__(index, value)

    def astype(self, dtype: Any, *_: Any, **__: Any) -> Any:
        """The same Values: a program has no numbers but float64."""
        if np.dtype(dtype) not in (np.dtype(float), self.dtype):
            raise _refusal(f"astype({np.dtype(dtype)})")
        return self.copy()


def _in_place(how: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`a += b` and its kin: the entries are exchanged, and every view sees it."""
    def method(self: Any, other: Any) -> Any:
        self[...] = how(self, other)
        return self

    return method


for _sign in ("add", "sub", "mul", "truediv", "pow", "mod", "matmul"):
    setattr(Values, f"__i{_sign}__", _in_place(getattr(operator, f"__{_sign}__")))


def _decided(index: Any) -> Any:
    """An index with plain masks for those that compare Values."""
    parts = index if isinstance(index, tuple) else (index,)
    if not any([isinstance(part, np.ndarray) and part.dtype == object for part in parts]):
        return index
    parts = tuple([_mask(p) if isinstance(p, np.ndarray) and p.dtype == object else p
                   for p in parts])
    return parts if isinstance(index, tuple) else parts[0]


def _mask(comparisons: np.ndarray) -> np.ndarray:
    """A mask made by comparing Values: which entries it takes is a decision of the program."""
    decided = [bool(entry) for entry in comparisons.flat]
    return np.array(decided, bool).reshape(comparisons.shape)


def _of_numpy(function: Any) -> Any:
    """The method of an array that does what NumPy's function does."""
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__, method.__doc__ = function.__name__, f"As `np.{function.__name__}`."
    return method


for _function in (
    np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.cumsum, np.cumprod, np.clip,
    np.dot, np.trace, np.diagonal, np.repeat, np.take, np.argmax, np.argmin, np.argsort, np.round,
    np.any, np.all, np.nonzero, np.searchsorted, np.argpartition, np.compress, np.choose,
):  # NumPy's own methods wouldn't ask the table
    setattr(Values, _function.__name__, _of_numpy(_function))


def _refused_method(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise _refusal(name)

    method.__name__, method.__doc__ = name, "Refused: it writes to the array, or to bytes."
    return method


for _name in ("sort", "partition", "fill", "put", "byteswap", "tobytes", "tofile", "dump"):
    setattr(Values, _name, _refused_method(_name))


# ── a call of NumPy ──────────────────────────────────────────────────────────────────────────


def _dispatched(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a call of NumPy by the table, as for a Tensor."""
    with _in_library(function):
        if function in WITHOUT_SLOPE:
            if kwargs:
                raise NotDifferentiableError(
                    f"{name_of(function)}({', '.join(kwargs)}=…) isn't supported in a program")
            return WITHOUT_SLOPE[function](*args)
        if function in CONSTANT:
            raise _refusal(function)
        return dispatch(function, args, kwargs)


class _RefusedError(NotDifferentiableError):
    """The refusal of a function that was called by another one, which is the one to name."""


def _refusal(function: Any) -> NotDifferentiableError:
    name = function if isinstance(function, str) else name_of(function)
    return _RefusedError(
        f"{name} doesn't take an array of Values: a program to be compiled is made of the "
        "elementwise functions of the table, of sums, means, extremes, products and @, and of "
        "what only moves entries; or write it with Python's loops"
    )


class _LibraryRecorder(Observer):
    """Stands for the recorder in a function of the library: comparisons are passed on to it.

    Numbers that are taken out are refused instead.
    """

    def __init__(self, recorder: Any, function: Any) -> None:
        self.recorder, self.function = recorder, function
        self.compared = recorder.compared  # type: ignore[method-assign]
        self.branch_masked = recorder.branch_masked  # type: ignore[method-assign]

    def detached(self, *nodes: Node) -> None:
        """Refuse: the library took numbers out, which the user didn't ask for."""
        raise _refusal(self.function)


@contextmanager
def _in_library(function: Any) -> Iterator[None]:
    """A `with` block in which a refusal names `function`, and no number is taken out."""
    recorder, inside = current_tracer(), isinstance(current_tracer(), _LibraryRecorder)
    if recorder is None:
        yield
        return
    if inside and recorder.function == function:
        raise _refusal(function)  # it wants plain numbers, and would call itself for ever
    try:
        with traced_by(_LibraryRecorder(recorder.recorder if inside else recorder, function)):
            yield
    except (TypeError, AttributeError) as error:
        said_already = isinstance(error, NotDifferentiableError) and not inside
        if said_already and not isinstance(error, _RefusedError):
            raise
        raise _refusal(function) from error


def applied(row: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """A row of the table, of arrays of Values."""
    if isinstance(row, Elementwise):
        return entrywise(row, *args)
    if row in MOVING:
        given = [list(map(_entries, args))] if row in (ops.concatenate, ops.stack) else [
            _entries(args[0])]
        moved = row.forward(*given, **params)
        return as_values(moved.ravel().tolist(), moved.shape) if isinstance(
            moved, np.ndarray) else moved
    if row not in STRUCTURAL:
        raise _refusal(row.name)
    return STRUCTURAL[row](*args, **params)


OTHER_ARRAYS[Values] = applied


# ── entries ──────────────────────────────────────────────────────────────────────────────────


def as_values(entries: Any, shape: tuple[int, ...]) -> Any:
    """The entries in an array of this shape; for shape () the only one itself."""
    entries = list(entries)
    if shape:
        return nested_array(entries, shape).view(Values)
    # A plain number, such as the sum of nothing, as NumPy has it: with .T and its kin.
    return np.float64(entries[0]) if type(entries[0]) is float else entries[0]


def _entries(x: Any) -> np.ndarray:
    """The array of objects (Python floats and Values) that x stands for."""
    if isinstance(x, np.ndarray):
        return x.view(np.ndarray).astype(object)
    if isinstance(x, list | tuple):
        return np.stack(list(map(_entries, x))) if len(x) else np.empty(0, object)
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


def chain(row: Callable[[Any, Any], Any], xs: list[Any]) -> Any:
    """row(… row(row(x₁, x₂), x₃) …)."""
    y = xs[0]
    for x in xs[1:]:
        y = row(y, x)
    return y


def scanned(row: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """x₁, row(x₁, x₂), row(row(x₁, x₂), x₃), … along the last axis."""
    def scan(x: Any) -> Any:
        array = _entries(x)
        found = array.copy()
        for i in range(1, array.shape[-1]):
            found[..., i] = _entries(entrywise(row, found[..., i - 1], array[..., i]))
        return found.view(Values)

    return scan


def product(a: Any, b: Any) -> Any:
    """a @ b of vectors and matrices: one node for each entry."""
    if any(isinstance(x, Node) and type(x.value) is not float for x in (a, b)):
        raise GraphError("@ of an array of Values and a Tensor: a program is made of Values, so "
                         "leave Tensors, such as the weights of nn.Linear, out of a function to be "
                         "compiled (those of nn.MLP are Values)")
    a, b = _entries(a), _entries(b)
    if a.ndim not in (1, 2) or b.ndim not in (1, 2) or a.shape[-1] != b.shape[0]:
        raise NotDifferentiableError(
            f"@ of shapes {a.shape} and {b.shape}: of arrays of Values it takes vectors and "
            "matrices whose inner lengths agree"
        )
    rows = a.reshape(math.prod(a.shape[:-1]), a.shape[-1]).tolist()
    columns = b.reshape(b.shape[0], math.prod(b.shape[1:])).T.tolist()
    entries = [weighted_sum.apply((*row, *column, 0.0), {}) for row in rows for column in columns]
    return as_values(entries, a.shape[:-1] + b.shape[1:])


# ── extremes, whose ties are shared evenly ───────────────────────────────────────────────────

_share = in_pieces(
    lambda y, own, other, tied: np.where(
        y != y, np.nan, np.where(own != y, 0.0, np.where(other == y, tied, 1.0))),
    lambda y, own, other, tied:
        math.nan if y != y else 0.0 if own != y else tied if other == y else 1.0,
    4, "part of a tie",
)
_larger = elementwise(
    lambda y, x, n: np.maximum(y, x), lambda y, x, n: y if y > x or y != y else x,
    lambda z, y, x, n: _share(z, y, x, n / (n + 1.0)),
    lambda z, y, x, n: _share(z, x, y, 1.0 / (n + 1.0)), None,
    name="the larger, or a tie", symbol="max", selects=True,
)  # y is the largest so far, n times over: of n + 1 that tie, x gets one part in n + 1


def largest(xs: list[Any]) -> Any:
    """The largest of some Values; all that tie share its gradient evenly."""
    if len(xs) < 3:
        return chain(maximum, xs)
    y: Any = xs[0]
    n: Any = 1.0
    for x in xs[1:]:
        more, alike = compared[np.greater](x, y), compared[np.equal](x, y)
        y, n = _larger(y, x, n), where(alike, n + 1.0, where(more, 1.0, n))
    return y


def smallest(xs: list[Any]) -> Any:
    """The smallest of some Values; all that tie share its gradient evenly."""
    return chain(minimum, xs) if len(xs) < 3 else -largest([-x for x in xs])


# ── the rows of whole arrays, and what is constant by nature ─────────────────────────────────


def _reduction(function: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    return lambda x, axis=None, keepdims=False: reduced(function, x, axis, keepdims)


def _largest_of_windows(x: Any, kernel: Any, stride: Any) -> Any:
    """The largest of the entries of each window."""
    windows = ops.every_window(x, window=kernel, axes=(x.ndim - 2, x.ndim - 1))
    return reduced(largest, windows[..., :: stride[0], :: stride[1], :, :], (-2, -1), False)


MOVING = frozenset({
    ops.broadcast_to, ops.reshape, ops.transpose, ops.expand_dims, ops.squeeze, ops.getitem,
    ops.concatenate, ops.stack, ops.roll, ops.pad, ops.every_window,
})
"""The rows that only move entries, which NumPy does with any objects."""

STRUCTURAL: dict[Any, Callable[..., Any]] = {
    ops.sum: _reduction(lambda xs: total.apply((*xs, 0.0), {})),  # so that −0.0 becomes 0.0
    ops.prod: _reduction(lambda xs: chain(multiply, xs)),
    ops.max_windows: _largest_of_windows,
    ops.max: _reduction(largest), ops.min: _reduction(smallest),
    ops.logsumexp: _reduction(lambda xs: chain(logaddexp, xs)),
    ops.cumsum: scanned(ops.add), ops.cumprod: scanned(multiply),
    ops.outer: lambda a, b: multiply(reshape(a, (-1, 1)), reshape(b, (1, -1))),
    ops.matmul: product, ops.linear: lambda x, weight, bias: x @ weight.T + bias,
    ops.astype: lambda x, dtype: x.astype(dtype),
}


def _like(function: Any) -> Callable[[Any], Any]:
    """A function of NumPy that depends on the shape alone."""
    return lambda x: function(np.empty(np.shape(x.view(np.ndarray))))


def _comparison(row: Elementwise) -> Callable[..., Any]:
    return lambda a, b: entrywise(row, a, b)


WITHOUT_SLOPE: dict[Any, Callable[..., Any]] = {
    **{ufunc: _comparison(row) for ufunc, row in compared.items()},
    np.sign: lambda x: entrywise(sign, x),
    np.isnan: lambda x: entrywise(compared[np.not_equal], x, x),
    np.isinf: lambda x: entrywise(compared[np.equal], np.abs(x), math.inf),
    np.isfinite: lambda x: entrywise(compared[np.less], np.abs(x), math.inf),
    **{f: _like(f) for f in OF_SHAPES},
    np.result_type: lambda *xs: np.result_type(
        *[float if isinstance(x, Values) else x for x in xs]),
}
"""What is constant by nature: numbers of 0 and 1, which `where` and products take, or shapes."""
