"""What a picture shows of a graph: its nodes, its arrows, and what the backward pass sent.

A record has one sweep of its own, whether or not `backward()` was called, and leaves every `.grad`
as it is. `draw` and `steps` show what is in it, and compute no derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ..backprop import collect, one_like
from ..graph import Node, value_of
from ..ops import shape, unbroadcast
from ..passes import sweep
from ..primitive import Elementwise
from .names import Names
from .notation import SUM, Call, Formula, Name, Number, number, rounded_number
from .run import Run
from .spelled import as_text
from .watched import Part

__all__ = ["Arrow", "Gradients", "Record", "Step", "badness", "born", "check_precision",
           "shown", "slope_number"]

RESHAPING = {"reshape", "expand_dims", "squeeze"}
FEW = 4  # entries of a vector that are printed one by one
Gradients = Literal["computed", "stored", "none"]


@dataclass(frozen=True)
class Arrow:
    """An argument of a node: the places, in forward order, of the parent and of the node."""

    tail: int
    head: int
    argument: int


@dataclass
class Step:
    """A node's turn in the sweep: what arrived, and what each argument was sent (None: nothing).

    As plain numbers or arrays, in the shape of the node and of its parents.
    """

    node: Node
    arrived: Any
    sent: list[Any] = field(default_factory=list)


class Record:
    """A run with names, arrows and gradients.

    gradients: "computed" by a sweep, "stored" in the nodes, or "none". seed: what the sweep starts
    with, of the output's shape; 1 for one number. Without, several numbers have no gradients.
    `whole` is the name of what is differentiated: the output, or L, the sum of seed · output.
    """

    def __init__(self, run: Run, gradients: Gradients, precision: int = 4, seed: Any = None
                 ) -> None:
        self.run, self.output, self.order, self.precision = run, run.output, run.order, precision
        self.index = {node: i for i, node in enumerate(self.order)}
        self.names = Names(None if run.error else self.output, self.order, run.names,
                           run.constant_name, framed=run.framed, precision=precision)
        self.arrows = [Arrow(self.index[parent], i, a) for i, node in enumerate(self.order)
                       for a, parent in enumerate(node.parents) if parent is not None]
        self.uses: list[list[Arrow]] = [[] for _ in self.order]
        for arrow in self.arrows:
            self.uses[arrow.tail].append(arrow)
        self.gradients: Gradients = "none" if run.error else gradients
        self.seed = seed
        self._formulas: dict[int, str] = {}
        taken = {name.name for name in self.names.known.values()}
        apart = next(name for name in ("L", "loss", "the sum") if name not in taken)
        self.whole = self.names[self.output] if seed is None else Name(apart)

    @cached_property
    def steps(self) -> list[Step]:
        """The sweep, turn by turn; none if no gradients are shown, or the output isn't one number.
        """
        if self.gradients == "none" or (self.seed is None and np.size(self.output.value) != 1):
            return []
        seed = one_like(self.output) if self.seed is None else self.seed
        with np.errstate(all="ignore"):
            steps = [Step(node, value_of(g), [_summed(s, p) for s, p in
                                              zip(sends, node.parents, strict=True)] if sends
                          else [None] * len(node.parents))
                     for node, g, sends in sweep(self.output, seed, exact=True)]
            if any(badness(step.arrived) == 2 for step in steps):
                self._take_limits(steps, seed)
        return steps

    def _take_limits(self, steps: list[Step], seed: Any) -> None:
        """Where the sweep has a nan and the engine, which knows limits, has none: the engine's."""
        found = collect(self.output, [step.node for step in steps], seed, False)
        for step, g in zip(steps, found, strict=True):
            if g is not None and badness(g) < 2:
                step.arrived = g

    @cached_property
    def turns(self) -> dict[Node, Step]:
        """The same by node."""
        return {step.node: step for step in self.steps}

    # ── what is said of a node ───────────────────────────────────────────────────────────────

    def incoming(self, i: int) -> list[Arrow]:
        """The arrows that end at a node."""
        node = self.order[i]
        return [Arrow(self.index[p], i, a) for a, p in enumerate(node.parents) if p is not None]

    def is_variable(self, i: int) -> bool:
        """Whether a node was made by no operation."""
        return self.order[i].op is None

    def formula(self, i: int) -> str:
        """How a node was computed; "" of a variable."""
        node = self.order[i]
        if node.op is None:
            return ""
        if i not in self._formulas:
            self._formulas[i] = as_text(self.names.formula(node))
        return self._formulas[i]

    def formula_of(self, part: Part, inside: Sequence[int]) -> str:
        """How a call that has one result is written: with its arguments, if these are known."""
        working = [i for i in inside if self.order[i].op.name not in RESHAPING]
        if part.kind == "composite" and part.name == "matmul_any" and len(working) == 1:
            node = self.order[working[0]]  # a product with vectors, but for the reshaping
            return as_text(self.names.applied(node, [
                self.names.operand(*self._before_reshaping(node, a, set(inside)))
                for a in range(len(node.inputs))]))
        return as_text(self.names.call(part))

    def _before_reshaping(self, node: Node, a: int, inside: set[int]) -> tuple[Node, int]:
        """The argument that was reshaped to give argument a of a node."""
        parent = node.parents[a]
        while parent is not None and self.index.get(parent) in inside:
            node, a, parent = parent, 0, parent.parents[0]
        return node, a

    def value(self, i: int) -> str:
        """The number, or the array in short."""
        return shown(self.order[i].value, self.precision)

    def gradient(self, i: int) -> str:
        """The gradient in the same way; "" if none is shown."""
        node = self.order[i]
        if self.gradients == "stored":
            return "not computed" if node.gradient is None else shown(
                value_of(node.gradient), self.precision)
        return shown(self.turns[node].arrived, self.precision) if node in self.turns else ""

    def is_reached(self, i: int) -> bool:
        """Whether anything was sent to a node."""
        return self.order[i] is self.output or any(self.is_sent(a) for a in self.uses[i])

    def born(self, i: int) -> str:
        """ "nan" or "inf" if it came up here: the result is worse than every operand; else ""."""
        node = self.order[i]
        worst = max([badness(x) for x in node.inputs], default=0)
        return born(badness(node.value), worst) if node.op is not None else ""

    def is_bad(self, i: int) -> bool:
        """Whether there is a nan or inf in the value, or in the gradient that is shown."""
        return bool(badness(self.order[i].value)) or self.has_bad_gradient(i)

    def has_bad_gradient(self, i: int) -> bool:
        """Whether there is a nan or inf in the gradient that is shown."""
        node = self.order[i]
        if self.gradients == "stored":
            return node.gradient is not None and bool(badness(node.gradient))
        return node in self.turns and bool(badness(self.turns[node].arrived))

    # ── what is said of an arrow ─────────────────────────────────────────────────────────────

    def sent(self, arrow: Arrow) -> Any:
        """What came back along an arrow; None if nothing did."""
        turn = self.turns.get(self.order[arrow.head])
        return None if turn is None else turn.sent[arrow.argument]

    def is_sent(self, arrow: Arrow) -> bool:
        """Whether anything came back along an arrow."""
        return self.sent(arrow) is not None

    def slope(self, arrow: Arrow) -> str:
        """What the gradient is multiplied by on its way back: `×0.786`, `×(1 − v2²)`; or how it is
        changed, `ḡ Wᵀ`; "" where that can't be said in a few words."""
        sign, formula = self.slope_formula(arrow)
        if formula is None:
            return ""
        text = as_text(formula)
        return f"{sign}({text})" if sign and formula.level <= SUM else f"{sign}{text}"

    def slope_formula(self, arrow: Arrow) -> tuple[str, Formula | None]:
        """The same as a formula, with the sign before it: "×", "Σ ×" or ""."""
        node = self.order[arrow.head]
        if not self.is_sent(arrow):
            return "", None
        if np.ndim(node.value) == 0 and np.ndim(self.order[arrow.tail].value) == 0:
            return "×", slope_number(node, arrow.argument, max(1, self.precision - 1))
        if isinstance(node.op, Elementwise):
            wide = shape(node) != shape(self.order[arrow.tail])  # broadcasting is undone by a sum
            return "Σ ×" if wide else "×", self._elementwise_slope(node, arrow.argument)
        arrives = Name("ḡ")
        sent = self.names.pullback(node, arrow.argument, arrives)
        return "", None if sent == Call(f"{node.op.name}ᵀ", (arrives,)) else sent

    def _elementwise_slope(self, node: Node, i: int) -> Formula:
        """The slope of an elementwise operation on arrays: a number if it is one, else its formula.
        """
        assert isinstance(node.op, Elementwise)
        with np.errstate(all="ignore"):
            slope = np.asarray(value_of(node.op.slope(i, node.value, node.inputs)), float)
        if slope.size and np.all(slope == slope.flat[0]):
            return number(slope.flat[0], max(1, self.precision - 1))
        return self.names.slope(node, i) or Name("slope")


def check_precision(precision: Any) -> None:
    """Raise `ValueError` unless it is a number of digits."""
    if isinstance(precision, bool) or not isinstance(precision, int) or precision < 1:
        raise ValueError(f"precision is a number of digits, 1 or more, not {precision!r}")


def shown(x: Any, precision: int, few: int = FEW) -> str:
    """Numbers: one as it is, a few in brackets, of more the shape and the largest."""
    x = value_of(x)
    if np.ndim(x) == 0:
        return as_text(rounded_number(x, precision))
    x = np.asarray(x)
    if x.size <= few and x.ndim == 1:
        return "[" + ", ".join(as_text(rounded_number(v, precision)) for v in x) + "]"
    finite = np.isfinite(x)
    size = as_text(rounded_number(np.max(np.abs(x), where=finite, initial=0.0), 3))
    told = [f"{np.count_nonzero(bad)} {name}" for name, bad in
            (("nan", np.isnan(x)), ("inf", np.isinf(x))) if bad.any()]
    return " ".join(["×".join(map(str, x.shape)), f"±{size}", *told])


def slope_number(node: Node, i: int, precision: int) -> Number:
    """The number ∂node/∂parent, by the rule for a cotangent of 1."""
    assert node.op is not None
    with np.errstate(all="ignore"):
        try:
            sent = node.op.pull(1.0, node.value, node.inputs, node)
        except (ArithmeticError, ValueError):  # at a pole Python's floats raise, NumPy's don't
            wide = tuple(np.float64(x) for x in node.inputs)
            sent = node.op.pull(np.float64(1.0), np.float64(node.value), wide, node)
        return number(0.0 if sent[i] is None else unbroadcast(sent[i], ()), precision)


def _summed(sent: Any, parent: Node | None) -> Any:
    """What is sent to a parent, with broadcasting undone."""
    if sent is None or parent is None:
        return None
    sent = value_of(sent)
    return sent if np.shape(sent) == shape(parent) else unbroadcast(sent, shape(parent))


def badness(x: Any) -> int:
    """0 of finite numbers, 1 if there is an inf, 2 if there is a nan."""
    x = value_of(x)
    return 2 if np.isnan(x).any() else int(np.isinf(x).any())


def born(bad: int, before: int) -> str:
    """What has come up where the badness was less before."""
    return ("", "inf", "nan")[bad] if bad > before else ""
