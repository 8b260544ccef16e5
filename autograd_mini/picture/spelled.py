"""Three spellings of a formula: a line of text, LaTeX, MathML.

Each has a method for each shape, and brackets stand just where the levels need them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from .notation import (
    ATOM,
    MINUS,
    POWER,
    PRODUCT,
    Bars,
    Call,
    Derivative,
    Formula,
    Fraction,
    Holds,
    Infix,
    Name,
    Number,
    Power,
    Prefix,
    Root,
    Summed,
    Transposed,
    is_negative,
)

__all__ = ["as_latex", "as_mathml", "as_text"]


def as_text(formula: Formula) -> str:
    """The formula in a line of text."""
    return _Text().of(formula)


def as_latex(formula: Formula) -> str:
    """The formula in LaTeX's mathematics mode; amsmath is enough."""
    return _Latex().of(formula)


def as_mathml(formula: Formula) -> str:
    """The formula as presentation MathML, without the element math around it."""
    return _MathML().of(formula)



class _Spelling:
    """What the spellings have in common: which operand stands in brackets."""

    def of(self, formula: Formula) -> str:
        """The formula, by the method that is named after its shape."""
        method: Callable[[Any], str] = getattr(self, type(formula).__name__.lower())
        return method(formula)

    def bracketed(self, written: str) -> str:
        return f"({written})"

    def at(self, part: Formula, least: float) -> str:
        """A part, in brackets unless it binds at least so tightly."""
        written = self.of(part)
        return written if part.level >= least else self.bracketed(written)

    def operands(self, shape: Infix) -> list[str]:
        """The operands, with brackets where they bind less, or begin with a minus inside."""
        least = shape.level + (1e-3 if shape.strict else 0.0)
        written = [self.at(shape.parts[0], shape.level)]
        for part in shape.parts[1:]:
            hidden = isinstance(part, Fraction) and shape.symbol == "·" and self.inline
            written.append(self.bracketed(self.of(part)) if is_negative(part) or hidden
                           else self.at(part, least))
        return written

    inline = False  # whether a fraction is written in a line, with a slash


_SUBSCRIPTS = str.maketrans("0123456789,", "₀₁₂₃₄₅₆₇₈₉,")
_SUPERSCRIPTS = {"2": "²", "3": "³"}


class _Text(_Spelling):
    """A line of Unicode text."""

    inline = True

    def number(self, f: Number) -> str:
        return f.digits

    def name(self, f: Name) -> str:
        return f.name

    def infix(self, f: Infix) -> str:
        return (f" {f.symbol} " if f.symbol else " ").join(self.operands(f))

    def prefix(self, f: Prefix) -> str:
        return "−" + self.at(f.part, MINUS)

    def fraction(self, f: Fraction) -> str:
        return f"{self.at(f.top, PRODUCT)}/{self.at(f.bottom, POWER)}"

    def power(self, f: Power) -> str:
        base = self.at(f.base, ATOM)
        if isinstance(f.exponent, Number) and f.exponent.digits in _SUPERSCRIPTS:
            return base + _SUPERSCRIPTS[f.exponent.digits]
        return f"{base}^{self.at(f.exponent, ATOM)}"

    def call(self, f: Call) -> str:
        inside = ", ".join(map(self.of, f.arguments))
        return f"{f.function}({inside})" if f.function else f"[{inside}]"

    def root(self, f: Root) -> str:
        return "√" + self.at(f.part, ATOM)

    def bars(self, f: Bars) -> str:
        return f"|{self.of(f.part)}|"

    def holds(self, f: Holds) -> str:
        return f"[{self.of(f.part)} > 0]"

    def transposed(self, f: Transposed) -> str:
        return self.at(f.part, ATOM) + "ᵀ"

    def summed(self, f: Summed) -> str:
        return f"Σ{f.over.translate(_SUBSCRIPTS)} {self.at(f.part, PRODUCT)}"

    def derivative(self, f: Derivative) -> str:
        return f"∂{self.at(f.of, ATOM)}/∂{self.at(f.by, ATOM)}"


def indexed(name: str) -> tuple[str, str] | None:
    """(letters, index) of a name such as w12 or w_12; None for another."""
    found = re.fullmatch(r"([^\W\d_]+)_?(\d+)", name)
    return (found[1], found[2]) if found else None


_GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda",
          "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"}
_ESCAPES = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "&": r"\&",
            "#": r"\#", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
            "×": r"$\times$", "±": r"$\pm$", "−": "-", "…": r"\ldots{}", "∞": r"$\infty$",
            "′": "'", "″": "''"}
_LATEX_FUNCTIONS = {"tanh", "log", "sin", "cos", "tan", "exp", "max", "min", "arcsin", "arccos",
                    "arctan", "sinh", "cosh"}
_LATEX_SYMBOLS = {"·": r" \cdot ", "−": " - ", "": r"\,", "+": " + "}
_LETTERS = {"σ": r"\sigma", "Φ": r"\Phi", "φ": r"\varphi", "∞": r"\infty"}


class _Latex(_Spelling):
    """LaTeX's mathematics mode."""

    def bracketed(self, written: str) -> str:
        return rf"\left({written}\right)"

    def number(self, f: Number) -> str:
        digits, _, exponent = f.digits.replace("−", "-").partition("e")
        digits = digits.replace("∞", r"\infty").replace("nan", r"\text{nan}")
        return rf"{digits} \cdot 10^{{{exponent}}}" if exponent else digits

    def name(self, f: Name) -> str:
        if f.name in _GREEK or f.name == "ḡ":
            return r"\bar{g}" if f.name == "ḡ" else "\\" + f.name
        if (split := indexed(f.name)) is not None:
            return rf"{self.name(Name(split[0]))}_{{{split[1]}}}"
        if len(f.name) == 1 and f.name.isascii() and f.name.isalnum():
            return f.name
        return rf"\text{{{''.join(_ESCAPES.get(c, c) for c in f.name)}}}"

    def infix(self, f: Infix) -> str:
        return _LATEX_SYMBOLS.get(f.symbol, f" {f.symbol} ").join(self.operands(f))

    def prefix(self, f: Prefix) -> str:
        return "-" + self.at(f.part, MINUS)

    def fraction(self, f: Fraction) -> str:
        return rf"\frac{{{self.of(f.top)}}}{{{self.of(f.bottom)}}}"

    def power(self, f: Power) -> str:
        return rf"{self.at(f.base, ATOM)}^{{{self.of(f.exponent)}}}"

    def call(self, f: Call) -> str:
        if not f.function:  # a list
            return rf"\left[{', '.join(map(self.of, f.arguments))}\right]"
        if f.function in _LETTERS:
            head = _LETTERS[f.function]
        elif f.function in _LATEX_FUNCTIONS:
            head = "\\" + f.function
        else:
            head = rf"\operatorname{{{''.join(_ESCAPES.get(c, c) for c in f.function)}}}"
        return head + self.bracketed(", ".join(map(self.of, f.arguments)))

    def root(self, f: Root) -> str:
        return rf"\sqrt{{{self.of(f.part)}}}"

    def bars(self, f: Bars) -> str:
        return rf"\left|{self.of(f.part)}\right|"

    def holds(self, f: Holds) -> str:
        return rf"[{self.of(f.part)} > 0]"

    def transposed(self, f: Transposed) -> str:
        return rf"{self.at(f.part, ATOM)}^{{\top}}"

    def summed(self, f: Summed) -> str:
        return (rf"\sum_{{{f.over}}} " if f.over else r"\sum ") + self.at(f.part, PRODUCT)

    def derivative(self, f: Derivative) -> str:
        return rf"\frac{{\partial {self.of(f.of)}}}{{\partial {self.of(f.by)}}}"


def _element(tag: str, *inside: str) -> str:
    return f"<{tag}>{''.join(inside)}</{tag}>"


class _MathML(_Spelling):
    """Presentation MathML."""

    def bracketed(self, written: str) -> str:
        return _element("mrow", "<mo>(</mo>", written, "<mo>)</mo>")

    def number(self, f: Number) -> str:
        return _element("mn", f.digits)

    def name(self, f: Name) -> str:
        if (split := indexed(f.name)) is not None:
            return _element("msub", _element("mi", html.escape(split[0])), _element("mn", split[1]))
        return _element("mi", html.escape(f.name))

    def infix(self, f: Infix) -> str:
        between = _element("mo", f.symbol) if f.symbol else '<mspace width="0.25em"></mspace>'
        return _element("mrow", between.join(self.operands(f)))

    def prefix(self, f: Prefix) -> str:
        return _element("mrow", "<mo>−</mo>", self.at(f.part, MINUS))

    def fraction(self, f: Fraction) -> str:
        return _element("mfrac", self.of(f.top), self.of(f.bottom))

    def power(self, f: Power) -> str:
        return _element("msup", self.at(f.base, ATOM), self.of(f.exponent))

    def call(self, f: Call) -> str:
        arguments = "<mo>,</mo>".join(map(self.of, f.arguments))
        if not f.function:  # a list
            return _element("mrow", "<mo>[</mo>", arguments, "<mo>]</mo>")
        return _element("mrow", _element("mi", html.escape(f.function)), "<mo>(</mo>", arguments,
                        "<mo>)</mo>")

    def root(self, f: Root) -> str:
        return _element("msqrt", self.of(f.part))

    def bars(self, f: Bars) -> str:
        return _element("mrow", "<mo>|</mo>", self.of(f.part), "<mo>|</mo>")

    def holds(self, f: Holds) -> str:
        return _element("mrow", "<mo>[</mo>", self.of(f.part), "<mo>&gt;</mo><mn>0</mn><mo>]</mo>")

    def transposed(self, f: Transposed) -> str:
        return _element("msup", self.at(f.part, ATOM), "<mi>T</mi>")

    def summed(self, f: Summed) -> str:
        sign = _element("msub", "<mo>∑</mo>", _element("mn", f.over)) if f.over else "<mo>∑</mo>"
        return _element("mrow", sign, self.at(f.part, PRODUCT))

    def derivative(self, f: Derivative) -> str:
        return _element("mfrac", _element("mrow", "<mo>∂</mo>", self.of(f.of)),
                        _element("mrow", "<mo>∂</mo>", self.of(f.by)))
