"""What the composed functions share: how NumPy finds them, and a few questions about arrays."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..errors import NotDifferentiableError
from ..graph import KINDS, Node, value_of
from ..ops import axes_of, reshape, shape, squeeze
from ..ops.kinks import compared
from ..primitive import OTHER_ARRAYS, also, structural
from ..recording import current_tracer

F = TypeVar("F", bound=Callable[..., Any])


# ── the kind of a result ─────────────────────────────────────────────────────────────────────

_number = structural(
    float, lambda g, y, x: reshape(reshape(g, (1,)), shape(x)), name="as one number", symbol="[ ]",
    moves=True,
)  # the Value of a Tensor of shape (); by way of shape (1,), for in () a Value stays a Value


def keeps_kind(function: F) -> F:
    """Make a function of Values give Values, although arrays may have been used on the way.

    A result of shape () is a Tensor only if there was an array among the arguments.
    """

    @functools.wraps(function)
    def kept(*args: Any, **kwargs: Any) -> Any:
        y = function(*args, **kwargs)
        if type(y) is KINDS[float]:
            return y
        if isinstance(y, Node):
            single = type(y.value) is np.ndarray and not y.value.ndim
            return _number(y) if single and not _has_array((args, kwargs)) else y
        if isinstance(y, tuple | list) and any([isinstance(part, Node) for part in y]):
            parts = [_as_number(part) for part in y] if not _has_array((args, kwargs)) else y
            return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
        return y

    return kept  # type: ignore[return-value]


def _as_number(y: Any) -> Any:
    single = isinstance(y, Node) and type(y.value) is np.ndarray and not y.value.ndim
    return _number(y) if single else y


def _has_array(x: Any) -> bool:
    """Whether there is a Tensor or an array among arguments."""
    if isinstance(x, list | tuple):
        return any(map(_has_array, x))
    if isinstance(x, dict):
        return any(map(_has_array, x.values()))
    return isinstance(value_of(x), np.ndarray)


def stands_for(*numpy_functions: Any) -> Callable[[F], F]:
    """Enter a composed function into the table under NumPy's own names."""

    def enter(function: F) -> F:
        function = keeps_kind(function)
        for numpy_function in numpy_functions:
            also(numpy_function, function)
        return function

    return enter


def numpy_has(name: str) -> Callable[[F], F]:
    """As `stands_for`, for a function that not every version of NumPy has."""
    return stands_for(*([getattr(np, name)] if hasattr(np, name) else []))


# ── looking at numbers ───────────────────────────────────────────────────────────────────────
#
# What a function decides by looking at a raw number holds for that number alone, and a program
# that is being recorded is to hold for others too. So the question is a row of the table, whose
# answer is a node that `where` takes; or the program is told what was looked at.


def is_above(x: Any, bound: Any) -> Any:
    """1 where x > bound, else 0; a node if x is one, with no slope."""
    return compared[np.greater](x, bound)


def is_at_least(x: Any, bound: Any) -> Any:
    """1 where x ≥ bound, else 0; a node if x is one, with no slope."""
    return compared[np.greater_equal](x, bound)


def is_equal(x: Any, other: Any) -> Any:
    """1 where x = other, else 0; a node if x is one, with no slope."""
    return compared[np.equal](x, other)


def is_nan(x: Any) -> Any:
    """1 where x is nan, else 0; a node if x is one, with no slope."""
    return compared[np.not_equal](x, x)


def looked_at(x: Any) -> Any:
    """The raw number in x; a program that is being recorded holds only where it is the same.

    An array of Values comes back as it is: what is made of it holds for all numbers.
    """
    if isinstance(x, Node) and (tracer := current_tracer()) is not None:
        tracer.detached(x)
    return value_of(x)


def plain_numbers(x: Any) -> Any:
    """The plain numbers of a node, without a gradient; in a program of arrays they are followed."""
    tracer = current_tracer()
    if isinstance(x, Node) and tracer is not None and tracer.follows:
        return tracer.follow(value_of, (x,), {})
    return value_of(x)


def decided(how: Callable[[Any, Any], Any], x: Any, other: Any) -> Any:
    """how(x, other) of raw numbers; a program holds only where it comes out the same."""
    outcome = how(value_of(x), value_of(other))
    if isinstance(x, Node) and (tracer := current_tracer()) is not None:
        tracer.compared(how, x, other, outcome)
    return outcome


# ── questions about arrays ───────────────────────────────────────────────────────────────────


def as_array(x: Any) -> Any:
    """x with a shape: a list, a number or an array of integers as a float array."""
    if isinstance(x, Node) or type(x) in OTHER_ARRAYS:
        return x
    return np.asarray(x, dtype_of(np.asarray(x)))


def check_plain(name: str, arguments: dict[str, Any], data: tuple[str, ...]) -> None:
    """Raise if what says where the numbers go is itself a node."""
    for argument, x in arguments.items():
        if argument not in data and isinstance(x, Node):
            raise NotDifferentiableError(
                f"np.{name} can't take a node as {argument}: what says where numbers go is made "
                "of plain integers or booleans; write a comparison, or take .data"
            )


def count(x: Any, axis: Any) -> int:
    """How many numbers are reduced to one."""
    return math.prod(shape(x)[a] for a in axes_of(x, axis))


def without(y: Any, axis: Any, keepdims: bool) -> Any:
    """y, whose reduced axes have length 1, without them unless keepdims."""
    return y if keepdims or not shape(y) else squeeze(y, axis=axes_of(y, axis))


def dtype_of(x: Any) -> Any:
    """The dtype of the numbers in x; float64 if they are integers."""
    dtype = np.result_type(value_of(x))
    return dtype if dtype.kind == "f" else np.dtype(float)


def is_sparse(x: Any) -> bool:
    """Whether x is one of SciPy's sparse matrices or arrays."""
    known = isinstance(x, (np.ndarray, Node))
    return not known and type(x).__module__.startswith("scipy.sparse")


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
