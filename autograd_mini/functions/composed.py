"""What the composed functions share: how NumPy finds them, and a few questions about arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..graph import KINDS, Node, raw
from ..ops import axes_of, shape, squeeze
from ..primitive import also

F = TypeVar("F", bound=Callable[..., Any])


def stands_for(*numpy_functions: Any) -> Callable[[F], F]:
    """Enter a composed function into the table under NumPy's own names."""

    def enter(function: F) -> F:
        for numpy_function in numpy_functions:
            also(numpy_function, function)
        return function

    return enter


def numpy_has(name: str) -> Callable[[F], F]:
    """As `stands_for`, for a function that not every version of NumPy has."""
    return stands_for(*([getattr(np, name)] if hasattr(np, name) else []))


def as_array(x: Any) -> Any:
    """x with a shape: a list, a number or an array of integers as a float array."""
    return x if isinstance(x, Node) else np.asarray(x, dtype_of(np.asarray(x)))


def count(x: Any, axis: Any) -> int:
    """How many numbers are reduced to one."""
    return math.prod(shape(x)[a] for a in axes_of(x, axis))


def without(y: Any, axis: Any, keepdims: bool) -> Any:
    """y, whose reduced axes have length 1, without them unless keepdims."""
    return y if keepdims or not shape(y) else squeeze(y, axis=axes_of(y, axis))


def dtype_of(x: Any) -> Any:
    """The dtype of the numbers in x; float64 if they are integers."""
    dtype = np.result_type(raw(x))
    return dtype if dtype.kind == "f" else np.dtype(float)


def are_all_numbers(x: Any) -> bool:
    """Whether x is a list or tuple of Values and plain numbers, at least one of them a Value."""
    return are_numbers(x) and all([type(v) is KINDS[float] or isinstance(v, int | float)
                                   for v in x])


def are_numbers(x: Any) -> bool:
    """Whether there is a Value in a list or tuple x."""
    if isinstance(x, list | tuple):
        for v in x:
            if type(v) is KINDS[float]:
                return True
    return False
