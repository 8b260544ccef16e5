"""Shapes and selection: what only moves numbers about. No derivative is stated here.

A function that only moves numbers about (flip, tile, diag, insert …) moves their positions in
the same way. So it is applied to the positions, and the numbers are taken from where these say:
one indexing, whose derivative the table knows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .. import ops
from ..errors import NotDifferentiableError
from ..followed import Followed
from ..graph import Node, value_of
from ..ops import (
    broadcast_to,
    concatenate,
    exp,
    expand_dims,
    frozen_index,
    getitem,
    log,
    power,
    reshape,
    scatter,
    shape,
    where,
)
from ..recording import is_live
from .axes import moveaxis
from .composed import (
    check_plain,
    dtype_of,
    is_equal,
    is_nan,
    looked_at,
    numpy_has,
    stands_for,
)

Function = Callable[..., Any]

# ── by position ──────────────────────────────────────────────────────────────────────────────


def moves(function: Function, *data: str, name: str | None = None) -> Function:
    """`function` of NumPy, of whose arguments those named in `data` are moved about.

    They may be numbers, arrays, nodes, or lists of those. Position 0 holds a zero, if it is used:
    so what the function fills in itself (tril, diag) is 0 too.
    """

    def moved(*args: Any, **kwargs: Any) -> Any:
        names, pool = names_of(function, len(args)), list[Any]()
        check_plain(moved.__name__, dict(zip(names, args, strict=False)) | kwargs, data)
        for argument in data:
            args = tuple([_positions(x, pool) if name == argument else x
                          for name, x in zip(names, args, strict=True)])
            if argument in kwargs:
                kwargs[argument] = _positions(kwargs[argument], pool)
        position = function(*args, **kwargs)
        several = isinstance(position, list | tuple)
        places = position if several else [position]
        if len(pool) == 1 and hasattr(pool[0], "shape") and all([p.all() for p in places]):
            taken = [at_places(pool[0], p - 1) for p in places]
        else:
            numbers = _after_a_zero(pool)
            taken = [getitem(numbers, index=p) for p in places]
        return type(position)(taken) if several else taken[0]

    moved.__wrapped__ = function  # type: ignore[attr-defined]  # whose signature is its own
    moved.__name__ = moved.__qualname__ = name or function.__name__
    moved.__doc__ = f"`np.{moved.__name__}`: its numbers are moved, and their cotangents back."
    return stands_for(function)(moved)


def at_places(x: Any, places: Any) -> Any:
    """The numbers of x at these places, counted along all its axes: one indexing."""
    return getitem(x if len(shape(x)) == 1 else reshape(x, (-1,)), index=places)


def _after_a_zero(pool: list[Any]) -> Any:
    """A zero and all the numbers in the pool, in a row."""
    dtype = np.result_type(*map(value_of, pool))
    row = [x if hasattr(x, "shape") else np.asarray(x, dtype) for x in pool]
    return concatenate([np.zeros(1, dtype), *[reshape(part, (-1,)) for part in row]])


@functools.cache
def names_of(function: Any, count: int) -> tuple[str, ...]:
    """The parameters to which `count` arguments by position are given; "" for one too many.

    (`inspect` is as long to read as the table, and few programs need it.)
    """
    import inspect

    names: list[str] = []
    for p in inspect.signature(function).parameters.values():
        names += [p.name] * (count if p.kind is p.VAR_POSITIONAL else 1)
    return tuple((names + [""] * count)[:count])


def _positions(x: Any, pool: list[Any]) -> Any:
    """x with each number replaced by its place in the row that the `pool` will be joined to."""
    if isinstance(x, list | tuple):
        return type(x)([_positions(part, pool) for part in x])
    start = 1 + sum(math.prod(shape(part)) for part in pool)
    pool.append(x)
    return np.arange(start, start + math.prod(shape(x))).reshape(shape(x))


flip, fliplr, flipud = moves(np.flip, "m"), moves(np.fliplr, "m"), moves(np.flipud, "m")
rot90 = moves(np.rot90, "m")
tile, repeat, resize = moves(np.tile, "A"), moves(np.repeat, "a"), moves(np.resize, "a")
diag, diagflat, diagonal = moves(np.diag, "v"), moves(np.diagflat, "v"), moves(np.diagonal, "a")
matrix_diagonal = moves(np.linalg.diagonal, "x")
tril, triu = moves(np.tril, "m"), moves(np.triu, "m")
block, append, insert = moves(np.block, "arrays"), moves(np.append, "arr", "values"), moves(
    np.insert, "arr", "values")
delete, compress, extract = moves(np.delete, "arr"), moves(np.compress, "a"), moves(
    np.extract, "arr")
choose, select = moves(np.choose, "choices"), moves(np.select, "choicelist", "default")
take_along_axis = moves(np.take_along_axis, "arr")
meshgrid = moves(np.meshgrid, "xi")

_pad = moves(np.pad, "array")


@stands_for(np.pad)
def pad(array: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    """Numbers added around: constants, or copies (edge, reflect, symmetric, wrap)."""
    if mode == "constant":
        widths = _widths(pad_width, len(shape(array)), options)
        constants = np.asarray(options.get("constant_values", 0)).astype(dtype_of(array))
        return ops.pad(array, widths=widths, constants=constants.tolist())
    copies = ("edge", "reflect", "symmetric", "wrap")
    if mode not in copies or options.get("reflect_type", "even") != "even":
        raise NotDifferentiableError(
            f"np.pad(mode={mode!r}, {options}) computes new numbers, and isn't differentiable "
            f"here; these are: constant, {', '.join(copies)}"
        )
    return _pad(array, pad_width, mode, **options)


def _widths(pad_width: Any, axes: int, options: dict[str, Any]) -> Any:
    """How many numbers are added before and after, for each axis.

    NumPy itself reads all other forms of them, and finds fault with the options: it pads one entry.
    """
    plain = type(pad_width) is tuple and len(pad_width) == axes and all([
        type(pair) is tuple and [*map(type, pair)] == [int, int] and min(pair) >= 0
        for pair in pad_width])
    if plain and axes and options.keys() <= {"constant_values"}:
        return pad_width
    one = np.pad(np.ones((1,) * axes, bool), pad_width, **options | {"constant_values": False})
    before = np.argwhere(one)[0].tolist()
    return tuple([(i, n - 1 - i) for i, n in zip(before, one.shape, strict=True)]) or 0


@stands_for(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """Its numbers shifted along `axis`, or along all axes if that is None; what falls out comes in
    again at the other end."""
    check_plain("roll", {"shift": shift}, ())
    plain = np.asarray(shift).tolist()  # it will not change
    return ops.roll(a, shift=tuple(plain) if isinstance(plain, list) else plain, axis=axis)


@stands_for(np.take)
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The entries at `indices` along `axis`; of all numbers in a row if that is None."""
    a, axis = (reshape(a, (-1,)), 0) if axis is None else (
        a, normalize_axis_index(axis, len(shape(a))))
    # What is followed stays so, for a program takes other entries with other indices.
    at: Any = indices if type(indices) is Followed else np.asarray(frozen_index(indices))
    n = shape(a)[axis]
    if at.dtype.kind not in "iub":
        raise NotDifferentiableError(
            f"the indices of np.take are integers, not {at.dtype}: {indices!r}")
    at = at.astype(int)
    if mode != "raise":
        at = np.clip(at, 0, n - 1) if mode == "clip" else at % n
    return getitem(a, index=(*(slice(None),) * axis, frozen_index(at)))


@stands_for(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb") -> Any:
    """Without the zeros at the front (f) and the back (b)."""
    if len(shape(filt)) != 1:
        raise NotDifferentiableError("np.trim_zeros is for one axis here: use slices")
    kept = np.flatnonzero(np.asarray(looked_at(filt)))
    first = kept[0] if "f" in trim.lower() and kept.size else 0
    last = kept[-1] + 1 if "b" in trim.lower() and kept.size else len(value_of(filt))
    return filt[first:last] if kept.size else filt[:0]


@stands_for(np.bincount)
def bincount(x: Any, weights: Any, minlength: int = 0) -> Any:
    """For each integer, the sum of the weights of its places in x."""
    length = len(np.bincount(x, minlength=minlength))  # it checks x, too
    return scatter(weights, index=frozen_index(x), shape=(length,))


@stands_for(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any) -> Any:
    """By conditions, the value of a function of those x, or a constant; 0 where none holds."""
    count = -1 if np.size(value_of(x)) else len(condlist)
    conditions = np.reshape(np.asarray(condlist, bool), (count, *shape(x)))
    if len(funclist) == len(conditions) + 1:  # the last is for what remains
        conditions = np.concatenate([conditions, ~conditions.any(0, keepdims=True)])
    y: Any = where(np.zeros(shape(x), bool), x, np.zeros(shape(x), dtype_of(x)))  # a node, as x is
    for condition, f in zip(conditions, funclist, strict=True):
        if callable(f) and not condition.any():
            continue
        if callable(f) and not shape(x):  # of one number, all of it
            part = f(x)
        elif callable(f):  # of the chosen numbers alone, as NumPy does it
            places = np.maximum(np.cumsum(condition) - 1, 0).reshape(shape(x))
            part = f(x[condition])
            part = part[places] if shape(part) else part  # not added to zeros: −0.0 becomes 0.0
        else:
            part = f
        y = where(condition, part, y)
    return y


# ── by sorting ───────────────────────────────────────────────────────────────────────────────


@stands_for(np.sort)
def sort(a: Any, axis: int | None = -1, kind: Any = None, stable: Any = None) -> Any:
    """In ascending order, nan last; of equal numbers the first stays first."""
    a, axis = (reshape(a, (-1,)), 0) if axis is None else (a, axis)
    axis = normalize_axis_index(axis, len(shape(a)))
    if is_live(a):
        return ops.taken_at([a, a], places=functools.partial(places_in_order, axis=axis))
    order = np.argsort(value_of(a), axis=axis, kind="stable")
    if len(shape(a)) == 1:
        return getitem(a, index=order)
    return at_places(a, np.take_along_axis(np.arange(order.size).reshape(order.shape), order, axis))


@stands_for(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1) -> Any:
    """With the kth number where sorting would put it, smaller ones before and larger after."""
    a, axis = (reshape(a, (-1,)), 0) if axis is None else (a, axis)
    if is_live(a):
        return ops.taken_at([a, a], places=functools.partial(places_in_order, axis=axis, kth=kth))
    return take_along_axis(a, np.argpartition(value_of(a), kth, axis=axis), axis)


def places_in_order(x: np.ndarray, axis: int, kth: Any = None) -> np.ndarray:
    """Where the entries of x stand that come one after the other along `axis` when it is sorted, or
    partitioned.
    """
    order = (np.argsort(x, axis=axis, kind="stable") if kth is None
             else np.argpartition(x, kth, axis=axis))
    return np.take_along_axis(np.arange(x.size).reshape(x.shape), order, axis)


@stands_for(np.unique)
def unique(ar: Any) -> Any:
    """The different numbers, sorted; of equal ones the first gets the gradient."""
    return reshape(ar, (-1,))[np.unique(looked_at(ar), return_index=True)[1]]


# ── new arrays ───────────────────────────────────────────────────────────────────────────────


def full(shape: int | tuple[int, ...], fill_value: Any) -> Any:
    """An array of this shape with `fill_value` everywhere (np.full itself can't hold a node)."""
    return broadcast_to(fill_value, (shape,) if isinstance(shape, int) else tuple(shape))


@stands_for(np.full_like)
def full_like(a: Any, fill_value: Any) -> Any:
    """An array of a's shape with `fill_value` everywhere; plain if that is."""
    if not isinstance(fill_value, Node):
        return np.full_like(value_of(a), fill_value)
    return broadcast_to(fill_value, shape(a))


@stands_for(np.linspace)
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
             axis: int = 0) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`, along a new axis."""
    gaps = num - 1 if endpoint else num
    rank = max(len(shape(start)), len(shape(stop)))
    part = np.arange(num).reshape((num,) + (1,) * rank) / max(gaps, 1)
    part = part.astype(np.result_type(value_of(start), value_of(stop), 1.0))
    y = start * (1.0 - part) + stop * part
    y = moveaxis(y, 0, axis)
    return (y, (stop - start) / gaps if gaps else np.nan) if retstep else y


@stands_for(np.logspace)
def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
             axis: int = 0) -> Any:
    """Powers of `base`, the exponents evenly spaced."""
    to = np.broadcast_shapes(shape(start), shape(stop), shape(base))
    exponents = linspace(broadcast_to(start, to), broadcast_to(stop, to), num, endpoint, axis=axis)
    return power(expand_dims(broadcast_to(base, to), axis) if to else base, exponents)


@stands_for(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, axis: int = 0) -> Any:
    """Numbers of a constant ratio, from `start` to `stop`, which have the same sign."""
    sign = np.sign(looked_at(start))
    if np.any(sign * np.sign(looked_at(stop)) != 1):
        raise ValueError("geomspace needs a start and a stop of the same sign, neither of them 0")
    exponents = linspace(log(start * sign), log(stop * sign), num, endpoint, axis=axis)
    return (expand_dims(sign, axis) if np.ndim(sign) else float(sign)) * exp(exponents)


@stands_for(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of x in columns, from the highest unless `increasing`."""
    n = np.arange(shape(x)[0] if N is None else N)
    return power(reshape(x, (-1, 1)), n if increasing else n[::-1])


@stands_for(np.nan_to_num)
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None,
               neginf: float | None = None) -> Any:
    """nan and the infinities replaced by numbers; those hear nothing."""
    limits = np.finfo(dtype_of(x))
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    y = where(is_equal(x, math.inf), high, where(is_equal(x, -math.inf), low, x))
    return where(is_nan(x), nan, y)


@numpy_has("astype")
def astype(x: Any, dtype: Any, copy: bool = True) -> Any:
    """The same numbers as float32 or float64."""
    return x.astype(dtype)

