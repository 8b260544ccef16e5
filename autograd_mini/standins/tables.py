"""What Python's own functions do with nodes in a function that is run as it is written.

`float(loss)` keeps the node; `math.exp(v)` is the row of the table; `isinstance(w, np.ndarray)`
answers as in a plain run.
"""

from __future__ import annotations

import builtins
import copy
import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import functions, ops
from ..errors import DTypeError
from ..graph import Node
from ..primitive import TABLE, Elementwise
from ..recording import current_tracer
from ..trees import flat
from .buffers import Buffer, as_buffer, constant, content, copied, holds_nodes, joined, numbers
from .made import array, number, of_dtype
from .runs import seen
from .twins import original

__all__ = ["BUILTINS", "MATH"]


# ── numbers and types ────────────────────────────────────────────────────────────────────────


def _constant(function: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: function(*map(constant, args), **kwargs)


def kind_of(x: Any, *more: Any) -> Any:
    """`type(x)`, as in a plain run."""
    return type(x, *more) if more else original(type(numbers(x)))


def is_instance(x: Any, kinds: Any) -> bool:
    """`isinstance`, as in a plain run; what asks for nodes finds them, too."""
    return isinstance(numbers(x), kinds) or isinstance(content(x), kinds)


def _complex(*args: Any) -> Any:
    if holds_nodes(args):
        raise DTypeError("complex(v) of a number that is differentiated by has no gradient here: "
                         "compute with the real and the imaginary part")
    return complex(*args)


def _float(*args: Any) -> Any:
    if args and isinstance(content(args[0]), Node):
        return number(args[0])
    return float(*map(content, args))


def _sum(x: Any, start: Any = 0) -> Any:
    total = start
    for entry in map(seen, x):
        total = total + entry
    return as_buffer(total)


def _typed(kind: Any) -> Callable[..., Any]:
    """`np.float64(x)` and its kin."""
    def of(*args: Any) -> Any:
        if not holds_nodes(args):
            return kind(*map(content, args))
        if np.dtype(kind).kind != "f":
            return kind(*map(constant, args))
        return as_buffer(of_dtype(joined(args[0]), kind))

    return of


def _deepcopy(x: Any, memo: Any = None) -> Any:
    if type(x) is Buffer:
        return copied(x)
    nodes = {id(v): v for v in flat(x) if isinstance(v, Node)}  # they never change
    return copy.deepcopy(x, nodes if memo is None else memo)


BUILTINS: dict[Any, Callable[..., Any]] = {
    float: _float, complex: _complex, type: kind_of, isinstance: is_instance,
    builtins.sum: _sum, copy.deepcopy: _deepcopy,
    copy.copy: lambda x: copied(x) if type(x) is Buffer else copy.copy(x),
    **{kind: _constant(kind) for kind in (int, round, str, repr, format, math.floor, math.ceil,
                                          math.trunc, math.isnan, math.isinf, math.isfinite,
                                          math.isclose)},
    **{kind: _typed(kind) for kind in (
        np.float64, np.float32, np.float16, np.longdouble, np.int64, np.int32, np.int16, np.int8,
        np.uint8, np.uint16, np.uint32, np.uint64, np.bool_, np.complex128, np.complex64)},
}
"""Python's functions and types, by themselves."""


# ── the module math ──────────────────────────────────────────────────────────────────────────


def _log(x: Any, base: Any = None) -> Any:
    return ops.log(x) if base is None else ops.log(x) / ops.log(base)


def _dist(p: Any, q: Any) -> Any:
    return functions.norm(content(array(list(p))) - content(array(list(q))))


def _prod(x: Any, *, start: Any = 1) -> Any:
    for entry in x:
        start = start * entry
    return start


def _hypot(*xs: Any) -> Any:
    if len(xs) == 2:
        return ops.hypot(*xs)
    return functions.norm(content(array(list(xs))))


def _remainder(x: Any, y: Any) -> Any:
    """x − n·y for the whole number n nearest to x/y, which a program must find again."""
    quotient = x / y
    n = round(numbers(quotient))
    if not (quotient - n < 0.5 and quotient - n > -0.5):
        constant(quotient)
    return x - y * n


def _special(name: str) -> Callable[..., Any]:
    def of(x: Any) -> Any:
        from .. import special

        return getattr(special, name)(x)

    return of


def _as_ours(name: str) -> Callable[..., Any]:
    """The function of NumPy that does the same, or at once its row of the table."""
    function = getattr(np, name)
    row = TABLE.get(function)
    if isinstance(row, Elementwise):
        return lambda *args: row.apply(args, {})
    return lambda *args: function(*args)


_ROWS: dict[str, Any] = {
    "log": _log, "dist": _dist, "prod": _prod, "hypot": _hypot, "fsum": _sum,
    "sumprod": lambda p, q: _sum([a * b for a, b in zip(p, q, strict=True)]),
    "erf": _special("erf"), "erfc": _special("erfc"), "gamma": _special("gamma"),
    "lgamma": _special("gammaln"), "pow": _as_ours("power"), "fabs": _as_ours("abs"),
    "asin": _as_ours("arcsin"), "acos": _as_ours("arccos"), "atan": _as_ours("arctan"),
    "atan2": _as_ours("arctan2"), "asinh": _as_ours("arcsinh"), "acosh": _as_ours("arccosh"),
    "atanh": _as_ours("arctanh"), "fma": lambda x, y, z: x * y + z,
    "remainder": _remainder,
    **{name: _as_ours(name) for name in (
        "exp", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "exp2", "expm1", "log1p",
        "log2", "log10", "cbrt", "fmod", "copysign", "degrees", "radians", "ldexp", "modf")},
}


_DOMAINS: dict[Any, Callable[..., Any]] = {
    math.log: lambda x, *base: x > 0, math.log2: lambda x: x > 0, math.log10: lambda x: x > 0,
    math.log1p: lambda x: x > -1, math.sqrt: lambda x: x >= 0,
    math.asin: lambda x: x * x <= 1, math.acos: lambda x: x * x <= 1, math.acosh: lambda x: x >= 1,
    math.atanh: lambda x: x * x < 1, math.exp: lambda x: x < 709.78,
    math.sinh: lambda x: x * x < 709.78**2, math.cosh: lambda x: x * x < 709.78**2,
    math.expm1: lambda x: x < 709.78, getattr(math, "exp2", None): lambda x: x < 1023.99,
    math.pow: lambda x, y: x > 0 and y * ops.log(x) < 709.78,
    math.fmod: lambda x, y: y * y > 0, math.remainder: lambda x, y: y * y > 0,
}
"""Where they don't raise: asked of the nodes, so that a program to be compiled knows of it."""


def _of_math(plain: Any, ours: Any) -> Callable[..., Any]:
    def of(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], Node) and current_tracer() is None and (
                np.ndim(args[0].value) == 0):  # nearly always
            plain(args[0].value)  # which raises where a plain run does
            return ours(args[0])
        if not holds_nodes(list(args)):
            return plain(*args, **kwargs)
        inner = list(map(content, args))
        if current_tracer() is not None and plain in _DOMAINS and not _DOMAINS[plain](*inner):
            list(map(constant, inner))
        plain(*map(_as_python, map(numbers, args)), **kwargs)
        return content(ours(*inner, **kwargs))

    return of


def _as_python(x: Any) -> Any:
    return x.tolist() if isinstance(x, np.ndarray) else x


def _of_many(plain: Any, ours: Any) -> Callable[..., Any]:
    """Of a function that takes an iterable, which is read but once."""
    def of(*args: Any, **kwargs: Any) -> Any:
        read = [list(a) if hasattr(a, "__iter__") else a for a in args]
        if not holds_nodes(read):
            return plain(*read, **kwargs)
        return content(ours(*read, **kwargs))

    return of


_MANY = {"fsum", "prod", "dist", "sumprod"}
MATH: dict[Any, Callable[..., Any]] = {
    getattr(math, name): (_of_many if name in _MANY else _of_math)(getattr(math, name), ours)
    for name, ours in _ROWS.items() if hasattr(math, name)
}
"""The functions of the module math, and of statistics."""


def _moment(function: Any) -> Callable[[Any], Any]:
    return lambda data: content(function(content(array(list(data)))))


MATH |= {
    f: _of_many(f, _moment(ours)) for f, ours in (
        (statistics.mean, functions.mean), (statistics.fmean, functions.mean),
        (statistics.pvariance, functions.var), (statistics.pstdev, functions.std),
        (statistics.variance, lambda x: functions.var(x, ddof=1)),
        (statistics.stdev, lambda x: functions.std(x, ddof=1)))
}
