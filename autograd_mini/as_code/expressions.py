"""Pieces of Python text, with the parentheses that they need in one another."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ATOM", "COMPARE", "POWER", "PRODUCT", "SIGN", "SUM", "Text", "call", "infix", "within"]

COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)


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
    """It as an operand of something of a level: in parentheses if it is looser."""
    return text.code if text.level >= level else f"({text.code})"


def infix(sign: str, a: Text, b: Text, level: int) -> Text:
    """a sign b; the right one of equals is put in parentheses, and of ** the left one."""
    left, right = (level + 1, SIGN) if sign == "**" else (level, level + 1)
    return Text(f"{within(a, left)} {sign} {within(b, right)}", level)


def call(name: str, *parts: Text | str) -> Text:
    """name(part, part)."""
    return Text(f"{name}({', '.join(p if isinstance(p, str) else p.code for p in parts)})")
