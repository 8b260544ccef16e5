"""Random programs on single numbers: control flow, reuse, powers, the library's functions."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_mini as ag

from .checks import same
from .engines import check_engines
from .oracle import kinks_along, line, near_by, precision, settle
from .programs import Program, Skipped, Wrong

__all__ = ["VALUE_CHECKS", "ValueCase", "generate"]

CALLS = """
ag.exp(0.5 * {a}) | ag.log({a} * {a} + 0.4) | ag.sqrt({a} ** 2 + 0.3) | ag.sin({a}) | ag.cos({a})
ag.tanh({a}) | ag.sigmoid({a}) | ag.softplus({a}) | ag.relu({a}) | ag.elu({a}) | ag.selu({a})
ag.relu6({a}) | ag.relu6(3.0 * {a}) | ag.gelu({a}) | ag.silu({a}) | ag.mish({a})
ag.hardtanh({a}) | ag.hardsigmoid({a}) | ag.hardsigmoid(2.0 * {a}) | ag.leaky_relu({a})
ag.leaky_relu({a}, 0.2) | ag.logsigmoid({a}) | ag.softsign({a}) | ag.abs({a}) | abs({a})
ag.expm1({a}) | ag.arctan({a}) | ag.log1p({a} * {a}) | ag.sinh({a}) | ag.cosh(0.5 * {a})
ag.square({a}) | ag.elu({a}, 0.5) | ag.maximum({a}, {b}) | ag.minimum({a}, {b})
ag.maximum({a}, {c}) | ag.clip({a}, -0.7, {p}) | ag.where({a} > {c}, {a}, {b}) | max({a}, {b})
min({a}, {c}, {b}) | sum([{a}, {b}, {a}]) | {a} + {b} | {a} - {b} | {a} * {b}
{a} / ({b} * {b} + 0.5) | {a} ** 2 | {a} ** 3 | -{a} | {c} * {a} | {a} + {c} | {c} - {a}
{p} ** {a} | (abs({a}) + 0.3) ** {b} | (abs({a}) + 0.5) ** -1.5 | {c} / ({a} ** 2 + 1.0)
np.exp(-abs({a})) | np.sin({a}) * {b} | np.tanh({a}) | np.hypot({a}, {b}) | np.arctan2({a}, {b})
np.logaddexp({a}, {b}) | np.sign({a}) * {b} | np.where({a} < {b}, {a}, {c})
np.clip({a}, {c}, 2.0) | {a} % {p} | np.cbrt({a} + 3.0) | np.arcsinh({a}) | ag.tan(0.3 * {a})
np.sinc({a}) | ag.gelu({a}, "tanh") | np.power(abs({a}) + 0.2, {p}) | np.expm1({a}) | +{a}
np.maximum(0.0, {a}) | np.minimum({a}, {b}) ** 2 | ag.arcsin(0.5 * ag.tanh({a})) | np.square({a})
np.copysign({a}, {b}) | np.heaviside({a}, 0.5) * {b} | np.float64({p}) * {a}
{a} * np.float64({c}) | np.reciprocal({a} * {a} + 1.0) | ag.multiply({a}, {b})
ag.divide({a}, {p}) | ag.power({p}, {a}) | np.sum({a}) | np.abs({a}) | np.add({a}, {b})
"""
TEMPLATES = [t.strip() for row in CALLS.strip().splitlines() for t in row.split(" | ")]
TESTS = ["{a} > {c}", "{a} < {b}", "{a} >= 0", "{a} * {b} > {c}", "{c} < {a} < {p}",
         "not {a} > {b}",
         "{a} > 0 and {b} > 0", "{a} <= {c} or {b} > {c}", "abs({a}) < {p}", "{a} != {b}"]


class _Writer:
    """Writes statements with control flow; every name it uses exists on every way through."""

    def __init__(self, rng: random.Random, names: list[str]) -> None:
        self.rng, self.names, self.fresh = rng, names, iter("pqrstuvwabcdegh")

    def filled(self, template: str) -> str:
        """The template with names and numbers in its places."""
        rng = self.rng
        recent = [*self.names, *self.names[-2:]]
        return template.format(a=rng.choice(recent), b=rng.choice(recent),
                               c=round(rng.uniform(-1.2, 1.2), 1),
                               p=round(rng.uniform(0.3, 2.5), 1))

    def expression(self) -> str:
        """One or two templates."""
        text = self.filled(self.rng.choice(TEMPLATES))
        if self.rng.random() < 0.3:
            text = f"{text} {self.rng.choice('+-*')} {self.filled(self.rng.choice(TEMPLATES))}"
        return text

    def block(self, lines: int, depth: int) -> list[str]:
        """So many statements."""
        return [text for _ in range(lines) for text in self.statement(depth)]

    def statement(self, depth: int) -> list[str]:
        """An assignment, or an if, for or while, of which the inside only assigns known names."""
        rng = self.rng
        weights = [6, 2.5, 1, 0.8] if depth else [1, 0, 0, 0]
        kind = rng.choices(["set", "if", "for", "while"], weights)[0]
        if kind == "set":
            return [self.assignment(depth == 2)]
        if kind == "if":
            text = [f"if {self.filled(rng.choice(TESTS))}:",
                    *_inner(self.block(rng.choice([1, 1, 2]), depth - 1))]
            if rng.random() < 0.6:
                text += ["else:", *_inner(self.block(1, depth - 1))]
            return text
        if kind == "for":
            return [f"for i in range({rng.choice([2, 3])}):", *_inner(self.block(1, depth - 1))]
        name = rng.choice(self.names)
        return ["n = 0", f"while {name} < {round(rng.uniform(0.5, 2.5), 1)} and n < 4:",
                f"    {name} = {name} + {self.filled('{p}')}", "    n += 1"]

    def assignment(self, new: bool) -> str:
        """A new name, on the outermost level, or a known one once more."""
        text = self.expression()
        if new and self.rng.random() < 0.7:
            name = next(self.fresh)
            self.names.append(name)
            return f"{name} = {text}"
        name = self.rng.choice(self.names)
        if self.rng.random() < 0.3:
            return f"{name} {self.rng.choice(['+=', '*=', '-='])} {text}"
        return f"{name} = {text}"


def _inner(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def generate(rng: random.Random) -> Program:
    """A program of one to three floats and up to seven statements that gives a moderate number."""
    for _ in range(200):
        names = ["x", "y", "z"][: rng.choice([1, 2, 2, 3])]
        writer = _Writer(rng, list(names))
        lines = writer.block(rng.choice([1, 2, 3, 4, 5, 7]), 2)
        ends = rng.sample(writer.names, min(len(writer.names), rng.choice([1, 2, 3])))
        lines.append("return " + " + ".join(ends))
        few = rng.random() < 0.1
        args = {n: rng.choice([-1.0, 0.0, 1.0, 0.5]) if few else round(rng.gauss(0.0, 1.2), 2)
                for n in names}
        body = f"def f({', '.join(names)}):\n" + "".join(f"    {text}\n" for text in lines)
        program = Program(body, args)
        if is_usable(program):
            return program
    return Program("def f(x):\n    return x\n", {"x": 1.0})


def is_usable(program: Program) -> bool:
    """Whether it gives a finite number of moderate size for its arguments."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            y = float(program.function(*program.values))
        except Exception:
            return False
    return abs(y) < 1e3 and y == y


class ValueCase:
    """A program, its plain value, and a graph of it."""

    def __init__(self, program: Program) -> None:
        self.program, self.f = program, program.function
        plain = self.f(*program.values)
        self.y = float(plain)
        if not abs(self.y) < 1e6 or np.ndim(plain):
            raise Skipped("no finite value")
        self._slopes: list[float] | None = None

    def graph(self) -> tuple[Any, list[Any]]:
        """The result as a node, and the leaves it came from."""
        leaves = [ag.Value(x) for x in self.program.values]
        return self.f(*leaves), leaves

    @property
    def slopes(self) -> list[float]:
        """∂f/∂argument, for each."""
        if self._slopes is None:
            n = tuple(range(len(self.program.args)))
            if isinstance(self.graph()[0], ag.Node):
                self._slopes = list(ag.grad(self.f, n)(*self.program.values))
            else:  # a constant, if the differences say so too
                self._slopes = [0.0] * len(n)
        return self._slopes

    @property
    def scale(self) -> float:
        """The size of the slopes."""
        finite = [abs(g) for g in self.slopes if np.isfinite(g)]
        return max([1e-2 * max(1.0, abs(self.y)), *finite])


def check_kind(case: ValueCase) -> None:
    """Values in, a Value out, with the number that floats give."""
    y = case.graph()[0]
    if isinstance(y, ag.Node) and not isinstance(y, ag.Value):
        raise Wrong("kind", "Values in, another kind out", type(y).__name__, "Value")
    number = y.data if isinstance(y, ag.Node) else y
    same("value", "nodes give another value than plain numbers", number, case.y,
         1e-11 * max(1.0, abs(case.y)))


def check_slopes(case: ValueCase) -> None:
    """Every slope is that of differences, and a float."""
    kind, n = precision(case.program, case.f), len(case.program.args)
    for i, g in enumerate(case.slopes):
        if type(g) is not float:
            raise Wrong("kind", "the slope of a float isn't one", type(g).__name__, "float")
        way = [float(i == j) for j in range(n)]
        settle(g, line(case.f, case.program.values, way, kind), case.scale,
               lambda way=way: kinks_along(case.program, way, kind), "gradient",
               near=near_by(case.f, case.program.values, way, kind))


def check_backward(case: ValueCase) -> None:
    """backward() stores what gradients() gives, and so does create_graph."""
    y, leaves = case.graph()
    room = 1e-9 * case.scale
    pairs = [(x, g) for x, g in zip(leaves, case.slopes, strict=True) if _reaches(y, x)]
    if not pairs:
        return
    reached, expected = [x for x, _ in pairs], [g for _, g in pairs]
    for g, h in zip(ag.gradients(y, reached), expected, strict=True):
        same("gradients", "gradients differs from grad", g, h, room)
    for g, h in zip(ag.gradients(y, reached, create_graph=True), expected, strict=True):
        if not isinstance(g, ag.Value):
            raise Wrong("kind", "a slope with create_graph=True", type(g).__name__, "Value")
        same("create_graph", "gradients(create_graph=True) differs from grad", g.data, h, room)
    y.backward()
    for x, h in zip(reached, expected, strict=True):
        same("backward", "backward() differs from grad", x.grad, h, room)


def _reaches(y: Any, x: Any) -> bool:
    try:
        return isinstance(y, ag.Node) and ag.gradients(y, x) is not None
    except ag.errors.GraphError:
        return False


def check_second(case: ValueCase) -> None:
    """H·v is the difference of slopes."""
    if not isinstance(case.graph()[0], ag.Node):
        return
    n = len(case.program.args)
    v = [0.7, -0.4, 0.9][:n]
    found = np.array(ag.hvp(case.f, tuple(case.program.values), tuple(v)), float)

    def at(t: float) -> Any:
        moved = [x + t * w for x, w in zip(case.program.values, v, strict=True)]
        return np.array(ag.grad(case.f, tuple(range(n)))(*moved), float)

    with np.errstate(all="ignore"):
        largest = np.max(np.abs(found), where=np.isfinite(found), initial=0.0)
    settle(found, at, max(case.scale, float(largest)),
           lambda: kinks_along(case.program, v, float), "hvp", 1e-5)


VALUE_CHECKS: dict[str, Callable[[ValueCase], None]] = {
    "kind": check_kind, "engines": lambda case: check_engines(case.graph),
    "gradient": check_slopes,
    "backward": check_backward,
    "hvp": check_second,
}
