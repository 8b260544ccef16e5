"""The shapes of formulas: a sum, a fraction, a power …, each with how tightly it binds (its level).

Text, LaTeX and MathML come from the same shape (spelled.py): none is made from another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["ATOM", "MINUS", "MINUS_ONE", "ONE", "POWER", "PRODUCT", "SUM", "TWO", "Bars", "Call",
           "Derivative", "Formula", "Fraction", "Holds", "Infix", "Name", "Number", "Power",
           "Prefix", "Root", "Summed", "Transposed", "call", "difference", "infix", "is_negative",
           "negated", "number", "power", "printable", "product",
           "rounded_number"]

SUM, PRODUCT, MINUS, POWER, ATOM = 1.0, 2.0, 2.5, 4.0, 5.0


class Formula:
    """A shape. `level`: how tightly it binds."""

    level: float = ATOM


@dataclass(frozen=True)
class Number(Formula):
    """A number as it is printed, with − for its sign."""

    digits: str

    @property
    def level(self) -> float:  # type: ignore[override]
        """A negative number binds as a minus, one with an exponent as a product."""
        return MINUS - 0.1 if self.digits.startswith("−") else PRODUCT if "e" in self.digits else (
            ATOM)


_WORD = re.compile(r"[^\W\d]\w*[′″]?(?:\(\d+\))?|.*[\])…]|(?:const )?[\d×]+|\W|[\w.\[\]]+[′″]?")


@dataclass(frozen=True)
class Name(Formula):
    """A variable; digits at the end of a short one are its index."""

    name: str

    @property
    def level(self) -> float:  # type: ignore[override]
        """A label such as x1*w1 + b, which isn't a word or a path, binds as a sum may."""
        return ATOM if _WORD.fullmatch(self.name) else SUM


@dataclass(frozen=True)
class Infix(Formula):
    """Operands with a symbol between them. strict: those after the first need brackets at the
    same level, as in a − (b − c).
    """

    symbol: str
    parts: tuple[Formula, ...]
    level: float
    strict: bool = False


@dataclass(frozen=True)
class Prefix(Formula):
    """Minus something."""

    part: Formula
    level: float = MINUS - 0.1


@dataclass(frozen=True)
class Fraction(Formula):
    """One over another."""

    top: Formula
    bottom: Formula
    level: float = PRODUCT


@dataclass(frozen=True)
class Power(Formula):
    """A base with an exponent."""

    base: Formula
    exponent: Formula
    level: float = POWER


@dataclass(frozen=True)
class Call(Formula):
    """A function of arguments."""

    function: str
    arguments: tuple[Formula, ...]


@dataclass(frozen=True)
class Root(Formula):
    """A square root."""

    part: Formula


@dataclass(frozen=True)
class Bars(Formula):
    """An absolute value."""

    part: Formula


@dataclass(frozen=True)
class Holds(Formula):
    """1 where the part is above 0, and 0 elsewhere (Iverson's bracket)."""

    part: Formula


@dataclass(frozen=True)
class Transposed(Formula):
    """A matrix turned."""

    part: Formula
    level: float = POWER


@dataclass(frozen=True)
class Summed(Formula):
    """A sum over entries; `over`: the axes that are summed over, "" for all."""

    part: Formula
    over: str = ""
    level: float = PRODUCT


@dataclass(frozen=True)
class Derivative(Formula):
    """∂of/∂by."""

    of: Formula
    by: Formula


# ── shapes as a row of the table states them: functions of the formulas of its arguments ─────────


def call(name: str) -> Callable[..., Formula]:
    """A function called by its name."""
    return lambda *arguments: Call(name, arguments)


def infix(symbol: str, level: float, strict: bool = False) -> Callable[..., Formula]:
    """An operator between its operands."""
    return lambda *parts: Infix(symbol, parts, level, strict)


def printable(text: str) -> str:
    """A text without control characters, which neither HTML nor XML can hold."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in text)


def number(x: Any, precision: int = 4) -> Number:
    """A float as a formula, rounded to so many digits."""
    x = float(x) + 0.0  # −0 is 0
    if math.isinf(x):
        return Number("−∞" if x < 0 else "∞")
    rounded = f"{x:.{precision}g}"
    if float(rounded) in (0.0, 1.0, -1.0) and float(rounded) != x:
        rounded = f"{x:.17g}" if abs(x) > 0.5 else rounded  # what isn't 1 isn't written as 1
    return _with_minus(rounded)


def rounded_number(x: Any, precision: int = 4) -> Number:
    """A float rounded to so many digits, though it may then be written as 0 or 1."""
    x = float(x) + 0.0
    return number(x) if math.isinf(x) else _with_minus(f"{x:.{precision}g}")


def _with_minus(digits: str) -> Number:
    digits, _, exponent = digits.partition("e")
    return Number((digits + (f"e{int(exponent)}" if exponent else "")).replace("-", "−"))


ONE, MINUS_ONE, TWO = Number("1"), Number("−1"), Number("2")


def is_negative(formula: Formula) -> bool:
    """Whether it is written with a minus in front."""
    match formula:
        case Prefix():
            return True
        case Number(digits):
            return digits.startswith("−")
        case Fraction(top):
            return is_negative(top)
        case Infix(parts=(first, *_), level=level):
            return level == PRODUCT and is_negative(first)
    return False


def negated(part: Formula) -> Formula:
    """Minus something; of a minus, what is under it."""
    match part:
        case Number(digits):
            return Number(digits[1:] if digits.startswith("−") else f"−{digits}")
        case Prefix(inner):
            return inner
    return Prefix(part)


def product(*parts: Formula) -> Formula:
    """Factors; 1 isn't written, and −1 is a minus."""
    factors: list[Formula] = []
    for part in parts:
        if part == ONE:
            continue
        inner = isinstance(part, Infix) and part.symbol == "·"
        factors += part.parts if isinstance(part, Infix) and inner else (part,)
    if not factors:
        return ONE
    if factors[0] == MINUS_ONE and len(factors) > 1:
        return negated(product(*factors[1:]))
    last = factors[-1]
    if len(factors) == 2 and isinstance(last, Fraction) and last.top == ONE and not isinstance(
            factors[0], Derivative | Number):
        return Fraction(factors[0], last.bottom)
    return factors[0] if len(factors) == 1 else Infix("·", tuple(factors), PRODUCT)


def power(base: Formula, exponent: Formula) -> Formula:
    """A power; x¹ is x, and x⁻¹ a fraction."""
    if exponent == ONE:
        return base
    return Fraction(ONE, base) if exponent == MINUS_ONE else Power(base, exponent)


def difference(a: Formula, b: Formula) -> Formula:
    """a − b."""
    return Infix("−", (a, b), SUM, strict=True)
