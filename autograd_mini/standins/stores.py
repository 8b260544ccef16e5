"""What the user's code reads and stores: items, attributes, and what a loop goes through."""

from __future__ import annotations

import itertools
import operator
from collections import deque
from types import GeneratorType
from typing import Any

import numpy as np

from ..errors import NotDifferentiableError
from ..tensor import Tensor
from .arrays import of_numpy
from .buffers import Buffer, as_buffer, constant, content, contents, holds_nodes, numbers
from .made import array
from .runs import current_run, seen

__all__ = ["CONCATENATORS", "change", "each", "entry", "getitem", "set_attribute", "setitem",
           "writes_to"]


def writes_to(thing: Any) -> None:
    """Note that something is stored in a container or an object."""
    if (run := current_run()) is not None:
        run.writes(thing, "it stores something outside of it")


def getitem(x: Any, index: Any) -> Any:
    """`x[index]`."""
    kind = type(x)
    if kind is Buffer or kind is Tensor:
        return as_buffer(x[index])
    if kind in CONCATENATORS:
        return _concatenated(x, index)
    return seen(x[index])


def setitem(x: Any, index: Any, value: Any) -> None:
    """`x[index] = value`."""
    if type(x) is np.ndarray:
        x = seen(x)
    if type(x) is not Buffer and type(x) is not np.ndarray:
        writes_to(x)
    if type(x) is np.ndarray and x.dtype != object:
        value = constant(value)  # whole numbers and truths keep no slope
    x[index] = value


def change(how: str, x: Any, index: Any, value: Any) -> None:
    """`x[index] += value` and its kin."""
    old = getitem(x, index)
    new = getattr(operator, how)(old, value)
    written = type(x) is Buffer is type(old) and new is old and old.memory is x.memory
    if not written or x.memory is None:  # a view has been written through
        setitem(x, index, new)


def set_attribute(x: Any, name: str, value: Any) -> None:
    """`x.name = value`."""
    writes_to(x)
    setattr(x, name, value)


def each(x: Any) -> Any:
    """What a loop goes through, or is unpacked: arrays in it are from outside."""
    kind = type(x)
    if kind is list or kind is tuple:
        return map(entry, x) if any([type(v) in _HOLDS for v in x]) else x
    return map(entry, x) if kind in _LAZY else seen(x)


def entry(x: Any) -> Any:
    """One thing of a list, or of an iterator: `(i, a)` of `enumerate` may hold an array, too."""
    kind = type(x)
    if kind is tuple and any([type(v) in _HOLDS for v in x]):
        return tuple(map(entry, x))
    return seen(x)


_HOLDS = {np.ndarray, Tensor, tuple}
_LAZY = {zip, enumerate, reversed, map, filter, GeneratorType, type({}.items()), type({}.values()),
         type(iter([])), type(iter(())), type(reversed([])), type(iter({}.items())),
         type(iter({}.values())), deque, set, itertools.chain, itertools.product,
         itertools.islice, itertools.cycle, itertools.zip_longest}
"""Iterators and containers of Python that may give arrays from outside."""


CONCATENATORS = {type(np.r_), type(np.c_)}


def _concatenated(x: Any, index: Any) -> Any:
    """`np.r_[…]` and `np.c_[…]`."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if not holds_nodes(contents(parts)):  # a number among arrays has no dtype of its own
        return as_buffer(x[contents(index)])
    if any([isinstance(p, str) for p in parts]):
        raise NotDifferentiableError("np.r_ with a string isn't supported: use np.concatenate")
    read = [np.r_[p] if isinstance(p, slice) else content(array(p)) for p in parts]
    if type(x) is type(np.r_):
        return of_numpy(np.concatenate, ([np.atleast_1d(p) for p in read],), {})
    return of_numpy(np.concatenate, ([p if np.ndim(numbers(p)) > 1 else np.reshape(p, (-1, 1))
                                      for p in read],), {"axis": -1})
