"""Pieces of Python text, with the parentheses that they need in one another."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ATOM", "COMPARE", "LEVELS", "POWER", "PRODUCT", "SIGN", "SUM", "Text", "call", "infix",
           "within"]

COMPARE, OR, XOR, AND, SUM, PRODUCT, SIGN, POWER, ATOM = range(9)
LEVELS = {"|": OR, "^": XOR, "&": AND, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT,
          "@": PRODUCT, "//": PRODUCT, "%": PRODUCT, "**": POWER}
"""Of Python's operators: https://docs.python.org/3/reference/expressions.html#operator-precedence.
All others compare."""


class Text(NamedTuple):
    """An expression, and how tightly it holds together."""

    code: str
    level: int = ATOM

    @property
    def is_number(self) -> bool:
        """Whether it is a number, written down."""
        try:
            float(self.code)
        except ValueError:
            return False
        return True


def within(text: Text, level: int) -> str:
    """The text as an operand of an operator of this level: in parentheses if it binds less."""
    return text.code if text.level >= level else f"({text.code})"


def infix(sign: str, a: Text, b: Text, level: int) -> Text:
    """a sign b; the right one of equals is put in parentheses, of ** the left one, of comparisons,
    which would be a chain, both."""
    left, right = (level, level + 1)
    if sign == "**":
        left, right = level + 1, SIGN
    elif level == COMPARE:
        left = level + 1
    return Text(f"{within(a, left)} {sign} {within(b, right)}", level)


def call(name: str, *parts: Text | str) -> Text:
    """name(part, part)."""
    return Text(f"{name}({', '.join(p if isinstance(p, str) else p.code for p in parts)})")
