"""A formula given as text, computed with nodes: `tanh(w*x + b)`.

Only names, numbers, arithmetic and the table's elementwise functions are read; nothing is ever
evaluated as Python, so a formula from a stranger can do no harm.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import ExpressionError
from .graph import Node
from .numpy_api.meanings import is_anothers
from .primitive import PRIMITIVES, Elementwise
from .value import Value

__all__ = ["compute", "evaluate", "functions", "names_in"]

ARITHMETIC: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.Pow: operator.pow,
    ast.USub: operator.neg, ast.UAdd: operator.pos,
}
ELSEWHERE = {"ln": "log", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "pow": "x**n",
             "sgn": "sign", "sec": "1/cos(…)", "csc": "1/sin(…)", "cot": "cos(…)/sin(…)",
             "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "heaviside": "step"}
NUMBERS = {"pi": math.pi, "e": math.e}


def functions() -> dict[str, Callable[..., Any]]:
    """The functions a formula may call, by name."""
    rows: dict[str, Callable[..., Any]] = {
        name: row for name, row in PRIMITIVES.items()
        if isinstance(row, Elementwise) and name.isidentifier() and name != "where"
    }
    rows["max"], rows["min"] = rows["maximum"], rows["minimum"]
    return rows


def compute(text: str, values: Mapping[str, float]) -> Value:
    """The node of the formula `text`, with a labelled leaf for each name in `values`.

    Raises `ExpressionError`, which names the place, for anything that isn't a formula, a name
    without a value, or a value that the formula doesn't use.

    >>> y = compute("tanh(w*x + b)", {"w": 0.5, "x": 2.0, "b": 1.0})
    >>> round(y.data, 6)
    0.964028
    """
    reader = _Reader(text.strip(), {name: Value(x, label=name) for name, x in values.items()})
    result = reader.whole()
    unused = sorted(values.keys() - reader.used)
    if unused:
        raise ExpressionError(f"the formula doesn't use {', '.join(unused)}")
    if not isinstance(result, Value):
        raise ExpressionError("the formula has no variable in it, so there is no gradient")
    return result


def names_in(text: str) -> list[str]:
    """The variables of a formula, in the order in which they appear."""
    parts = sorted((part for part in ast.walk(_parsed(text)) if isinstance(part, ast.Name)),
                   key=lambda part: part.col_offset)
    called = {part.func.id for part in ast.walk(_parsed(text))
              if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)}
    return list(dict.fromkeys(p.id for p in parts if p.id not in called and p.id not in NUMBERS))


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """The formula of numbers, arrays or nodes; nodes on the way are labelled with their text.

    Raises `ExpressionError` for anything that isn't a formula, or a name without a value.

    >>> evaluate("2 * x", {"x": 3.0, "y": 1.0})
    6.0
    """
    return _Reader(text.strip(), dict(values), labels=True).whole()


def _parsed(text: str) -> ast.expr:
    if not text.strip():
        raise ExpressionError("the formula is empty")
    if len(text) > 10_000:
        raise ExpressionError(f"the formula has {len(text)} characters; at most 10,000 are read")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = getattr(error, "offset", None)
        place = f" (column {at} of {text.strip()!r})" if at else ""
        if re.search(r"(?<![\w.])\d+(\.\d+)?(?!e[+-]?\d)[A-Za-z]", text):
            place += "; a product needs a *, as in 2*x"
        elif re.search("[⁰¹²³⁴-⁹]", text):
            place += "; a power is x**2"
        raise ExpressionError(f"not a formula: {getattr(error, 'msg', error)}{place}") from None


class _Reader:
    """Walks a syntax tree and computes; whatever isn't on its short list is an error."""

    def __init__(self, text: str, leaves: dict[str, Any], labels: bool = False) -> None:
        self.text, self.leaves, self.used, self.labels = text, leaves, set[str](), labels

    def whole(self) -> Any:
        """The number or node of all of the formula."""
        try:
            return self.read(_parsed(self.text))
        except RecursionError:
            raise ExpressionError("the formula is nested too deeply") from None

    def read(self, part: ast.expr) -> Any:
        """The number or node of one part of the formula."""
        result = self._read(part)
        if self.labels and isinstance(result, Node) and not result.label:
            result.label = ast.get_source_segment(self.text, part) or ""
        return result

    def _read(self, part: ast.expr) -> Any:
        match part:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self._number(part, number)
            case ast.Name(id=name):
                return self._name(part, name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                return self._arithmetic(part, op, self.read(left), self.read(right))
            case ast.UnaryOp(op=op, operand=operand) if type(op) in ARITHMETIC:
                return self._arithmetic(part, op, self.read(operand))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(part, name, [self.read(arg) for arg in args])
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitXor):
            raise self._error(part, "for a power write **, not ^")
        raise self._error(part, "a formula has names, numbers, + - * / ** and functions only")

    def _number(self, part: ast.expr, number: float) -> float:
        try:
            return float(number)
        except OverflowError:
            raise self._error(part, "this number is too large for a float") from None

    def _arithmetic(self, part: ast.expr, op: ast.AST, *sides: Any) -> Any:
        try:
            result = ARITHMETIC[type(op)](*sides)
        except (ArithmeticError, ValueError) as error:  # of two plain numbers: 1/0
            raise self._error(part, str(error)) from None
        if isinstance(result, complex):
            raise self._error(part, "this is a complex number, which has no gradient here")
        return result

    def _name(self, part: ast.expr, name: str) -> Any:
        if name in self.leaves:
            self.used.add(name)
            return self.leaves[name]
        if name in NUMBERS:
            return NUMBERS[name]
        if name in functions():
            raise self._error(part, f"{name} is a function: write {name}(…)")
        known = ", ".join(self.leaves) or "none"
        raise self._error(part, f"{name!r} has no value (given: {known}): add {name}=…")

    def _call(self, part: ast.expr, name: str, args: list[Any]) -> Any:
        table = functions()
        if name not in table:
            near = [] if is_anothers(name) else difflib.get_close_matches(name, table, n=1)
            plain = [known for known in sorted(table) if known.isascii()]
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(plain)}"
            if name in ELSEWHERE:
                hint = f"here it is {ELSEWHERE[name]}"
            if name in self.leaves:
                hint = f"a product needs a *: {name} * (…)"
            raise self._error(part, f"no function {name!r}; {hint}")
        try:
            return table[name](*args)
        except TypeError as error:
            raise self._error(part, str(error)) from None

    def _error(self, part: ast.expr, what: str) -> ExpressionError:
        segment = ast.get_source_segment(self.text, part)
        return ExpressionError(f"{what} (at {segment!r}, column {part.col_offset + 1})")
