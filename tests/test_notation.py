"""Formulas: brackets where they are needed, and the same in text, LaTeX and MathML."""

from __future__ import annotations

import math
import random
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.graph import value_of
from autograd_mini.picture.names import Names
from autograd_mini.picture.notation import (
    Derivative,
    Fraction,
    Name,
    Number,
    Power,
    difference,
    negated,
    number,
    product,
)
from autograd_mini.picture.spelled import as_latex, as_mathml, as_text
from autograd_mini.picture.written import SHOWN
from autograd_mini.primitive import PRIMITIVES

A, B, C = Name("a"), Name("b"), Name("c")
TWO = Number("2")


@pytest.mark.parametrize(("formula", "text", "latex"), [
    (difference(A, difference(B, C)), "a − (b − c)", r"a - \left(b - c\right)"),
    (difference(difference(A, B), C), "a − b − c", "a - b - c"),
    (product(A, negated(B)), "a · (−b)", r"a \cdot \left(-b\right)"),
    (Power(Fraction(A, B), TWO), "(a/b)²", r"\left(\frac{a}{b}\right)^{2}"),
    (negated(Power(A, TWO)), "−a²", "-a^{2}"),
    (Power(negated(A), TWO), "(−a)²", r"\left(-a\right)^{2}"),
    (Fraction(A, product(B, C)), "a/(b · c)", r"\frac{a}{b \cdot c}"),
    (product(Number("1"), A), "a", "a"),
    (product(Number("−1"), A), "−a", "-a"),
    (negated(negated(A)), "a", "a"),
    (Derivative(Name("L"), Name("w12")), "∂L/∂w12", r"\frac{\partial L}{\partial w_{12}}"),
    (Name("gamma"), "gamma", r"\gamma"),
    (Name("50% of_{x}"), "50% of_{x}", r"\text{50\% of\_\{x\}}"),
    (number(1.5e-12), "1.5e−12", r"1.5 \cdot 10^{-12}"),
    (number(-math.inf), "−∞", r"-\infty"),
    (number(-0.0), "0", "0"),
])
def test_formulas_are_written(formula, text, latex):
    """Brackets stand where the levels need them, and names are escaped."""
    assert as_text(formula) == text and as_latex(formula) == latex


# ── random formulas, printed, read back, evaluated ───────────────────────────────────────────

VALUES = {"a": 2.3, "b": -1.7, "c": 0.6, "d": -0.4}
GROWN = {
    "+": lambda x, z: x + z, "-": lambda x, z: x - z, "*": lambda x, z: x * z,
    "/": lambda x, z: x / z, "n": lambda x, _: -x, "2": lambda x, _: x**2, "3": lambda x, _: x**3,
    "-1": lambda x, _: x**-1, "-2": lambda x, _: x**-2, "t": lambda x, _: ag.tanh(x),
    "r": lambda x, _: ag.sqrt(ag.abs(x)), "s": lambda x, _: ag.sigmoid(x),
    "a": lambda x, _: abs(x), "e": lambda x, _: ag.exp(x),
}


def grown(rng, leaves, depth):
    """A random expression of nodes."""
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(leaves) if rng.random() < 0.8 else float(rng.choice([-3, -2, -1, 1, 2]))
    x = grown(rng, leaves, depth - 1)
    key = rng.choice(list(GROWN))
    z = grown(rng, leaves, depth - 1) if key in "+-*/" else None
    if not isinstance(x, Value) and not isinstance(z, Value):
        return x
    return GROWN[key](x, z) if isinstance(x, Value) or z is not None else x


def graphs(rng):
    """Random graphs without end: (output, leaves)."""
    while True:
        leaves = [Value(v, label=k) for k, v in VALUES.items()]
        try:
            node = grown(rng, leaves, 4)
        except (ArithmeticError, ValueError, RuntimeWarning):
            continue
        if isinstance(node, Value) and node.op is not None and np.isfinite(node.data):
            yield node, leaves


def written_bars(text):
    """|…| as abs(…), from the outside inwards: a bar opens where an operand is due."""
    out, opened = [], []
    for i, char in enumerate(text):
        if char != "|":
            out.append(char)
            continue
        before = "".join(out).rstrip()
        due = not before or before[-1] in "+-*/(,√"
        opens = due and text[i + 1:i + 2] not in ("", " ")
        out.append("abs(" if opens else ")")
        opened += [opens]
    return "".join(out)


def read_back(text):
    """The number that a formula in text stands for."""
    text = text.replace("−", "-").replace("·", "*").replace("²", "**2").replace("³", "**3")
    text = written_bars(text.replace("^", "**").replace("σ", "sigma"))
    text = re.sub(r"√(abs)?\(", lambda m: f"root{m[1] or ''}(", text)
    text = re.sub(r"√([a-z0-9.]+)", r"root(\1)", text)
    space = {**VALUES, "e": math.e, "tanh": math.tanh, "abs": abs, "root": math.sqrt,
             "rootabs": lambda x: math.sqrt(abs(x)), "sigma": lambda x: 1 / (1 + math.exp(-x))}
    return eval(text, {"__builtins__": {}}, space)


def formula_of(node, leaves):
    """The whole formula of a node, down to the leaves, with all digits."""
    names = Names(node, [*leaves, node])
    known = {x: Name(x.label) for x in leaves}
    return names._of_rule(node, known)


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_random_formulas_read_back(count):
    """Printed as text, read by Python, evaluated: the engine's number, brackets and bars included.
    """
    seen = 0
    for node, leaves in graphs(random.Random(count)):
        if seen == count:
            break
        if not 1e-9 < abs(node.data) < 1e9:
            continue
        formula = formula_of(node, leaves)
        try:
            given = read_back(as_text(formula))
        except (ArithmeticError, ValueError, RuntimeWarning):  # inf on the way
            continue
        seen += 1
        assert given == pytest.approx(node.data, rel=1e-9), as_text(formula)
        check_latex(as_latex(formula))
        check_mathml(formula)


COMMANDS = {"frac", "left", "right", "cdot", "tanh", "sigma", "sqrt", "partial", "sum", "text",
            "operatorname", "top", "infty", "varphi", "Phi", "gamma"}


def check_latex(latex):
    """Braces and \\left … \\right balance, and only known commands are used."""
    depth = fences = 0
    for token in re.findall(r"\\[a-zA-Z]+|\\.|[{}]|[^\\{}]+", latex):
        depth += (token == "{") - (token == "}")
        fences += (token == r"\left") - (token == r"\right")
        assert depth >= 0 and fences >= 0, latex
        if token.startswith("\\") and token[1:].isalpha():
            assert token[1:] in COMMANDS, token
    assert depth == fences == 0, latex


def check_mathml(formula):
    """Well-formed, with the numbers and names of the text in their order."""
    root = ElementTree.fromstring(f"<math>{as_mathml(formula)}</math>")
    leaves = [e.text for e in root.iter() if e.tag in ("mn", "mi") and e.text]
    plain = as_text(formula)
    for name, digits in {"²": " 2 ", "³": " 3 "}.items():
        plain = plain.replace(name, digits)
    told = re.findall(r"−?[\d.]+(?:e−?\d+)?|[^\W\d_]+", plain)
    assert sorted(x.lstrip("−") for x in leaves) == sorted(x.lstrip("−") for x in told), plain


# ── the slopes as textbooks have them ────────────────────────────────────────────────────────

ROWS = [(name, i) for name, slopes in SHOWN.items() for i, shown in enumerate(slopes)
        if shown is not None]


@pytest.mark.parametrize(("name", "i"), ROWS)
def test_a_slope_that_is_shown_is_the_rule(name, i):
    """What is printed and what is computed are the same numbers, on 50 points."""
    row = PRIMITIVES[name]
    for x in np.random.default_rng(0).uniform(1.05, 2.5, (50, len(row.slopes))):
        numbers = tuple(map(float, x))
        y = row.compute(numbers, {})
        rule, shown = row.slope(i, float(y), numbers), SHOWN[name][i](float(y), *numbers)
        assert float(value_of(shown)) == pytest.approx(float(value_of(rule)), rel=1e-12)


def test_there_are_slopes_to_compare():
    """The list above isn't empty, and names the rows that are written for accuracy."""
    assert {"tanh", "sigmoid", "divide", "relu", "sqrt"} <= {name for name, _ in ROWS}
