"""Plain NumPy code on object arrays of jets: each number carries its gradient and its Hessian.

NumPy's own object arrays do the in-place stores, the views and the aliases, and numbers carry their
derivatives forward. So nothing of the engine takes part: no graph, no buffer, no rule.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

__all__ = ["Jet", "Tie", "boxed", "namespace", "seeded", "translated"]


class Tie(Exception):  # noqa: N818
    """The program asks which of two equal numbers is larger: it has a kink or a jump here."""


class Jet:
    """A number with its first and second derivatives; 0.0 stands for arrays of zeros."""

    __slots__ = ("first", "second", "value")

    def __init__(self, value: float, first: Any = 0.0, second: Any = 0.0) -> None:
        self.value, self.first, self.second = float(value), first, second

    def through(self, y: float, slope: float, curvature: float) -> Jet:
        """The jet of g(self), where g has this value, slope and second derivative here."""
        return Jet(y, slope * self.first,
                   slope * self.second + curvature * _outer(self.first, self.first))

    def __add__(self, other: Any) -> Any:
        if (b := _lifted(other)) is None:
            return NotImplemented
        return Jet(self.value + b.value, self.first + b.first, self.second + b.second)

    def __mul__(self, other: Any) -> Any:
        if (b := _lifted(other)) is None:
            return NotImplemented
        cross = _outer(self.first, b.first) + _outer(b.first, self.first)
        return Jet(self.value * b.value, self.value * b.first + b.value * self.first,
                   self.value * b.second + b.value * self.second + cross)

    def __truediv__(self, other: Any) -> Any:
        if (b := _lifted(other)) is None:
            return NotImplemented
        y = 1.0 / b.value
        quotient = self * b.through(y, -y * y, 2 * y**3)
        return Jet(self.value / b.value, quotient.first, quotient.second)

    def __mod__(self, other: Any) -> Any:
        if (b := _lifted(other)) is None:
            return NotImplemented
        whole = self // b
        found = self - whole * b
        return Jet(self.value % b.value, found.first, found.second)

    def __floordiv__(self, other: Any) -> Any:
        if (b := _lifted(other)) is None:
            return NotImplemented
        if self.value % b.value == 0.0 and not (self.is_constant and b.is_constant):
            raise Tie
        return Jet(self.value // b.value)

    def __pow__(self, other: Any) -> Any:
        if (b := _lifted(other)) is None:
            return NotImplemented
        x, p = self.value, b.value
        if b.is_constant:
            slope = p * x ** (p - 1) if p else 0.0
            return self.through(x**p, slope, p * (p - 1) * x ** (p - 2) if p not in (0, 1) else 0.0)
        found = (b * self.log()).exp()
        return Jet(x**p, found.first, found.second)

    def __neg__(self) -> Jet:
        return self * -1.0

    def __pos__(self) -> Jet:
        return self

    def __sub__(self, other: Any) -> Any:
        return NotImplemented if (b := _lifted(other)) is None else self + -b

    def __abs__(self) -> Jet:
        if self.value == 0.0 and not self.is_constant:
            raise Tie  # of |x²| too: the slope of |u| at 0 is 0 by convention, and so is its slope
        return -self if self < 0.0 else self

    @property
    def is_constant(self) -> bool:
        """Whether nothing is differentiated by that it depends on."""
        return not (np.any(self.first) or np.any(self.second))

    def item(self) -> Jet:
        """The number itself, as of an array of one entry."""
        return self

    copy = tolist = conjugate = item

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return self.value != 0.0

    def __round__(self) -> int:
        return round(self.value)

    def __float__(self) -> float:
        raise TypeError("a jet would lose its derivatives")

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"Jet({self.value}, {self.first})"


def _outer(a: Any, b: Any) -> Any:
    return 0.0 if isinstance(a, float) or isinstance(b, float) else np.outer(a, b)


def _lifted(x: Any) -> Jet | None:
    """A number as a jet; None for anything else."""
    if isinstance(x, Jet):
        return x
    return Jet(x) if isinstance(x, int | float | np.number | np.bool_) else None


def _differ(a: Jet, b: Jet) -> None:
    """Raise `Tie` for equal numbers whose derivatives differ: there the order is a matter of luck.
    """
    if a.value == b.value and np.any(a.first - b.first):
        raise Tie


def _reflected(name: str) -> Callable[[Jet, Any], Any]:
    def method(self: Jet, other: Any) -> Any:
        return NotImplemented if (a := _lifted(other)) is None else getattr(a, name)(self)

    return method


def _comparison(name: str) -> Callable[[Jet, Any], Any]:
    def method(self: Jet, other: Any) -> Any:
        if (b := _lifted(other)) is None:
            return NotImplemented
        _differ(self, b)
        return getattr(self.value, name)(b.value)

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    setattr(Jet, f"__r{_name}__", _reflected(f"__{_name}__"))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Jet, f"__{_name}__", _comparison(f"__{_name}__"))

ELEMENTARY: dict[str, Callable[[float], tuple[float, float, float]]] = {
    "exp": lambda x: (math.exp(x),) * 3,
    "sin": lambda x: (math.sin(x), math.cos(x), -math.sin(x)),
    "cos": lambda x: (math.cos(x), -math.sin(x), -math.cos(x)),
    "tanh": lambda x: ((y := math.tanh(x)), 1 - y * y, -2 * y * (1 - y * y)),
    "sqrt": lambda x: ((y := math.sqrt(x)), 0.5 / y, -0.25 / y**3),
    "log": lambda x: (math.log(x), 1 / x, -1 / x**2),
    "arctan": lambda x: (math.atan(x), (d := 1 / (1 + x * x)), -2 * x * d * d),
    "square": lambda x: (x * x, 2 * x, 2.0),
    "expm1": lambda x: (math.expm1(x), math.exp(x), math.exp(x)),
}
"""By name: the value, the slope and the second derivative. NumPy calls these methods itself."""


def _method(row: Callable[[float], tuple[float, float, float]]) -> Callable[[Jet], Jet]:
    return lambda self: self.through(*row(self.value))


for _name, _row in ELEMENTARY.items():
    setattr(Jet, _name, _method(_row))


# ── what stands for NumPy, math and float ────────────────────────────────────────────────────


def number(x: Any = 0.0) -> Any:
    """`float(x)`."""
    if isinstance(x, np.ndarray) and x.size == 1:
        x = x.item()
    return x if isinstance(x, Jet) else Jet(x)


def boxed(x: Any) -> Any:
    """An array whose floats, and whose numbers of any kind among objects, are jets."""
    x = np.asarray(x)
    if x.dtype.kind not in "fO":
        return x
    found = np.empty(x.shape, object)
    for place in np.ndindex(x.shape):
        found[place] = number(x[place])
    return found


def seeded(values: list[Any], constant: list[bool]) -> list[Any]:
    """Arguments as jets, each entry of those that aren't constant a variable of its own."""
    count = sum(int(np.size(x)) for x, c in zip(values, constant, strict=True) if not c)
    found: list[Any] = []
    at = 0
    for x, c in zip(values, constant, strict=True):
        jets = boxed(x) if isinstance(x, np.ndarray) else number(x)
        if not c:
            entries = [jets] if isinstance(jets, Jet) else jets.ravel()
            for jet in entries:
                jet.first, jet.second = np.eye(count)[at], np.zeros((count, count))
                at += 1
        found.append(jets)
    return found


def _is_float(dtype: Any) -> bool:
    return dtype is None or dtype is number


def _made(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy that makes an array, of jets if it makes floats."""
    def make(*args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        plain = [a for a in args if a is not number]
        dtype = next((a for a in args if a in (int, bool)), dtype) if dtype is None else dtype
        plain = [a for a in plain if not isinstance(a, type)]
        if _is_float(dtype):
            return boxed(function(*plain, **kwargs))
        return function(*plain, dtype=dtype, **kwargs)

    return make


def _filled(shape: Any, value: Any, dtype: Any = None) -> Any:
    found = boxed(np.zeros(shape))
    found[...] = number(value) if np.ndim(value) == 0 else value
    return found if _is_float(dtype) else found.astype(dtype)


def _array(x: Any, dtype: Any = None, **kwargs: Any) -> Any:
    found = np.array(x, dtype=object) if dtype is number else np.array(x)
    return boxed(found) if _is_float(dtype) else found.astype(dtype)


def _like(value: float) -> Callable[..., Any]:
    return lambda a, dtype=None: _filled(np.shape(a), value, dtype) if dtype or np.asarray(
        a).dtype.kind in "fO" else np.full_like(a, value)


def _asarray(x: Any, dtype: Any = None) -> Any:
    return x if isinstance(x, np.ndarray) and _is_float(dtype) else _array(x, dtype)


class _Numpy:
    """NumPy, but for what makes arrays of floats."""

    float64 = float32 = staticmethod(number)
    fromiter = staticmethod(lambda x, dtype: _array(list(x), dtype))
    array, copy, full, asarray = map(staticmethod, (_array, _array, _filled, _asarray))
    zeros_like, ones_like, empty_like = map(staticmethod, (_like(0.0), _like(1.0), _like(0.0)))
    full_like = staticmethod(lambda a, v: _filled(np.shape(a), v))
    zeros, ones, eye, linspace, arange, empty = (
        staticmethod(_made(f)) for f in (np.zeros, np.ones, np.eye, np.linspace, np.arange,
                                         np.zeros))

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def _entry(x: Any) -> Any:
    return x.item() if isinstance(x, np.ndarray) and not x.ndim else x


def _astype(x: Any, dtype: Any) -> Any:
    return _array(x, dtype) if isinstance(x, np.ndarray) else dtype(x)


_MATH = SimpleNamespace(
    pi=math.pi, hypot=lambda a, b: (a * a + b * b).sqrt(), pow=lambda a, b: number(a) ** b,
    fabs=lambda a: abs(number(a)), fsum=lambda xs: sum(xs, number(0.0)), floor=math.floor,
    atan=lambda a: number(a).arctan(),
    **{name: lambda a, name=name: getattr(number(a), name)()
       for name in ("exp", "sin", "cos", "tanh", "sqrt", "log", "expm1")})


def namespace() -> dict[str, Any]:
    """The names that a program finds in place of NumPy, math and float."""
    return {"np": _Numpy(), "math": _MATH, "float": number, "astype": _astype, "entry": _entry}


class _Translated(ast.NodeTransformer):
    """The program with jets for its decimal numbers, so that all entries are of one kind.

    An array of no axes is stored as the number in it: an array of objects would hold the array.
    """

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        self.generic_visit(node)
        for target in node.targets:
            node.value = self._stored(target, node.value)
        return node

    def _stored(self, target: ast.expr, value: ast.expr) -> ast.expr:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            value.elts = [self._stored(t, v) for t, v in zip(target.elts, value.elts, strict=False)]
        if isinstance(target, ast.Subscript):
            return ast.Call(ast.Name("entry", ast.Load()), [value], [])
        return value

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Call(ast.Name("float", ast.Load()), [node], []) if isinstance(
            node.value, float) else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "astype":
            return ast.Call(ast.Name("astype", ast.Load()), [node.func.value, *node.args], [])
        return node


def translated(text: str) -> Any:
    """The code of a program that is run on jets."""
    return compile(ast.fix_missing_locations(_Translated().visit(ast.parse(text))), "<jets>",
                   "exec")
