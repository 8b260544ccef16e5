"""A derivation written out, forward and backward, with the numbers of this run.

What is printed is the engine's own: a slope's formula is what its rule records when it is fed
leaves, and its numbers are those of a reverse pass.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backprop import one_like
from ..errors import GraphError, ShapeError
from ..graph import Node, value_of
from ..passes import sweep
from ..places import users_frame
from ..primitive import Elementwise
from .closed import Closed
from .names import Names, axes_summed
from .notation import ONE, SUM, Derivative, Formula, Infix, Name, Summed, number, product
from .record import check_precision, shown, slope_number
from .run import Run, run_of
from .spelled import as_latex, as_mathml, as_text
from .watched import Part

__all__ = ["Explanation", "Line", "explain", "in_one_formula"]

FEW = 6  # entries of an array that are printed one by one
WAYS, LONG = 4, 30  # ways to a variable, and factors on each, up to which products are written out
PARTS = ("at", "forward", "backward", "multiplied out")


@dataclass(frozen=True)
class Line:
    """One line: `symbol` = each of `formulas`; the last is the value. part: one of four."""

    part: str
    symbol: Formula
    formulas: tuple[Formula, ...]
    note: str = ""
    variable: bool = False


class Explanation:
    """A derivation: `str` is text, `.latex` an align*, `.html` MathML, `.lines` for programs."""

    def __init__(self, lines: Sequence[Line], hidden: str = "") -> None:
        self.lines, self.hidden = tuple(lines), hidden

    def __repr__(self) -> str:
        return f"<Explanation of {len(self.lines)} lines; print it, or .latex, .html>"

    def __str__(self) -> str:
        told = []
        for part in PARTS:
            lines = [line for line in self.lines if line.part == part]
            if part == "at" and lines:
                told.append("at " + ", ".join(_row(line, 0).strip() for line in lines))
            elif lines:
                width = max(len(as_text(line.symbol)) for line in lines)
                told += [part, *(_row(line, width) for line in lines)]
        return "\n".join([*told, *([self.hidden] if self.hidden else [])])

    @property
    def latex(self) -> str:
        """The lines but for the values at the start, as an align* of amsmath."""
        rows = [f"{as_latex(line.symbol)} &= {' = '.join(as_latex(f) for f in line.formulas)}"
                for line in self.lines if line.part != "at"]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    @property
    def html(self) -> str:
        """A table of MathML for each part."""
        told = []
        for part in PARTS:
            lines = [line for line in self.lines if line.part == part]
            rows = "".join(f"<tr><td>{_math(line.symbol)}</td><td><math displaystyle=\"true\">"
                           + "".join(f"<mo>=</mo>{as_mathml(f)}" for f in line.formulas)
                           + f"</math>{html.escape(line.note)}</td></tr>" for line in lines)
            if rows:
                told.append(f"<p><strong>{part}</strong></p><table>{rows}</table>")
        return "".join(told) + (f"<p>{html.escape(self.hidden)}</p>" if self.hidden else "")

    def _repr_html_(self) -> str:
        return self.html

    def _repr_latex_(self) -> str:
        return f"${self.latex}$".replace("align*", "aligned")


def _math(formula: Formula) -> str:
    return f"<math displaystyle=\"true\">{as_mathml(formula)}</math>"


def _row(line: Line, width: int) -> str:
    note = f"   ({line.note})" if line.note else ""
    formulas = " = ".join(map(as_text, line.formulas))
    return f"  {as_text(line.symbol):>{width}} = {formulas}{note}"


def explain(what: Any, *args: Any, wrt: Any = None, precision: int = 4, limit: int = 60
            ) -> Explanation:
    """The derivation of ∂y/∂x for each x that y is made of, line by line, with this run's numbers.

    what: a node y that holds one number, or a function that computes it from args, floats or
    arrays, which are called as its parameters are. wrt: the nodes whose gradients are wanted, or
    their labels; only lines on a way to them are written. precision: significant digits. limit: so
    many lines of each part are written. A program that would have more has its modules, functions
    and scopes closed, one line each, [model] being what comes back out of one; and it is said how
    much is hidden. Nothing is stored:
    `.grad` stays as it is. The last number of a line is the engine's, rounded; those before it are
    rounded too, so a product of theirs may differ in the last digit.

    Returns an `Explanation`. Raises `TypeError` for what is neither, `ShapeError` if it isn't one
    number, `GraphError` where there is nothing to derive, or wrt isn't in the graph.

    >>> import autograd_mini as ag
    >>> print(explain(lambda w, x, b: ag.tanh(w * x + b), 0.5, 2.0, -1.5, wrt="w"))
    at w = 0.5, x = 2, b = −1.5
    forward
       v1 = w · x = 0.5 · 2 = 1
       v2 = v1 + b = 1 + (−1.5) = −0.5
      out = tanh(v2) = tanh(−0.5) = −0.4621
    backward
      ∂out/∂out = 1
       ∂out/∂v2 = ∂out/∂out · (1 − out²) = 0.7864
       ∂out/∂v1 = ∂out/∂v2 = 0.7864
        ∂out/∂w = ∂out/∂v1 · x = 0.7864 · 2 = 1.573
    multiplied out
      ∂out/∂w = (1 − out²) · x = 0.7864 · 2 = 1.573
    """
    check_precision(precision)
    run = _checked(run_of(what, args, users_frame(), "explain"))
    names = Names(run.output, run.order, run.names, run.constant_name, precision=precision)
    wanted = _wanted(wrt, run.order, names)
    closed = Closed(run, limit) if wanted is None else None
    derivation = _Derivation(run, names, wanted, precision, closed)
    return _cut(derivation.lines(limit), limit, closed.told() if closed is not None else "")


def in_one_formula(y: Node) -> Formula:
    """A node as one formula of the variables that it is made of, as a textbook would print it."""
    run = run_of(y, (), None, "explain")
    return Names(run.output, run.order, run.names, run.constant_name, precision=12).whole(y)


def _checked(run: Run) -> Run:
    """The run, if there is a derivative of one number in it."""
    if np.size(run.output.value) != 1:
        raise ShapeError(f"explain takes one number; this has shape {np.shape(run.output.value)}")
    if run.output.op is None:
        raise GraphError("there is nothing to explain: the node is a leaf, made of nothing")
    return run


def _wanted(wrt: Any, order: Sequence[Node], names: Names) -> list[Node] | None:
    """The nodes that wrt means: some nodes, or the names that they have."""
    if wrt is None:
        return None
    inside = set(order)
    whole = {names.full[node]: node for node in reversed(order)}
    known = whole | {names[node].name: node for node in order}  # what is printed comes first
    if not isinstance(wrt, Node | str | list | tuple | set | dict) or not wrt:
        raise TypeError(f"wrt is a node, a name, or a list of these, not {wrt!r}")
    found = []
    for x in [wrt] if isinstance(wrt, Node | str) else list(wrt):
        node = known.get(x) if isinstance(x, str) else x
        if node is not None and not isinstance(node, Node):
            raise TypeError(f"wrt is a node, a name, or a list of these; {x!r} is none")
        if node is None or node not in inside:
            name = x if isinstance(x, str) else x.label or "a node of wrt"
            there = [names[node].name for node in order if node.op is None]
            raise GraphError(f"{name} isn't in the graph; its variables: "
                             f"{', '.join(there) or 'none'}")
        found.append(node)
    return found


def _cut(lines: Sequence[Line], limit: int, closed: str) -> Explanation:
    """At most `limit` lines of each part, and what is hidden: those, and what is in closed parts.
    """
    kept: list[Line] = []
    hidden = 0
    for part in PARTS:
        own = [line for line in lines if line.part == part]
        chosen = own if len(own) <= limit else _chosen(own, limit)
        kept += chosen
        hidden += len(own) - len(chosen)
    told = f"… {hidden} more lines: wrt= names what is wanted, limit= writes more"
    return Explanation(kept, "\n".join(filter(None, [closed, told if hidden else ""])))


def _chosen(lines: Sequence[Line], limit: int) -> list[Line]:
    """So many of the lines: those of variables, which are asked for, and then from the first on."""
    places = [k for k, line in enumerate(lines) if line.variable]
    places += [k for k, line in enumerate(lines) if not line.variable]
    return [lines[k] for k in sorted(places[:limit])]


class _Derivation:
    """The lines of one derivation."""

    def __init__(self, run: Run, names: Names, wanted: Sequence[Node] | None, precision: int,
                 closed: Closed | None) -> None:
        self.part_of: dict[Node, Part] = closed.of if closed is not None else {}
        self.hidden: set[Node] = closed.inside if closed is not None else set()
        self.closed = closed
        self.y, self.order, self.wanted, self.precision = run.output, run.order, wanted, precision
        self.names = names
        self.slopes: dict[tuple[Node, int], tuple[Formula, Formula]] = {}  # formula, number
        self.totals: dict[Node, Formula] = {}
        self.on_the_way = self._on_the_way()

    def _on_the_way(self) -> set[Node]:
        """The nodes on a way from what is wanted to the output."""
        found = set(self.order if self.wanted is None else self.wanted)
        for node in self.order if self.wanted is not None else ():
            if any(p in found for p in node.parents):
                found.add(node)
        return found

    def shown(self, x: Any) -> Formula:
        """One number as it is; an array in short."""
        x = value_of(x)
        return Name(shown(x, self.precision, FEW)) if np.ndim(x) else number(x, self.precision)

    def lines(self, limit: int) -> list[Line]:
        """All of them; of the products, which take the longest, no more than are written."""
        lines = [*self.at(), *self.forward(), *self.backward()]
        return [*lines, *itertools.islice(self.multiplied_out(), limit)]

    def at(self) -> Iterator[Line]:
        """The values that the variables have."""
        for node in self.order:
            if node.op is None and node not in self.hidden:
                yield Line("at", self.names[node], (self.shown(node.value),))

    def forward(self) -> Iterator[Line]:
        """Each node as a function of others, then of numbers, then its value."""
        for node in self.order:
            if node.op is None or node in self.hidden:
                continue
            value = self.shown(node.value)
            if self.closed is not None and (call := self.closed.call(node, self.names)):
                yield Line("forward", self.names[node], (call, value),
                           self.closed.note(node, self.names))
                continue
            formula = self.names.formula(node)
            steps = [formula]
            if np.ndim(node.value) == 0 and not any(map(np.ndim, node.inputs)):
                numbers = self.names.applied(node, [self.shown(x) for x in node.inputs])
                steps += [numbers] if numbers not in (value, formula) else []
            yield Line("forward", self.names[node], (*steps, value))

    def backward(self) -> list[Line]:
        """∂y/∂node for each node, as the sum of what its uses send to it."""
        lines = []
        sent: dict[Node, list[tuple[Formula, Formula | None]]] = {}
        told: set[tuple[Node, Any]] = set()  # what a closed part has been said to send back
        with np.errstate(all="ignore"):
            for node, g, contributions in sweep(self.y, one_like(self.y), exact=True):
                self.totals[node] = self.shown(g)
                if node in self.on_the_way and node not in self.hidden:
                    lines.append(self._line(node, sent.get(node, [])))
                for i, contribution in enumerate(contributions):
                    parent = node.parents[i]
                    if parent is not None and contribution is not None:
                        if (parent, self.part_of.get(node, node)) not in told:
                            sent.setdefault(parent, []).append(
                                self._term(node, i, g, contribution))
                        if node in self.part_of:  # all of it comes back at once
                            told.add((parent, self.part_of[node]))
        return lines

    def _line(self, node: Node, terms: Sequence[tuple[Formula, Formula | None]]) -> Line:
        total, symbol = self.totals[node], self.derivative(node)
        if node is self.y:
            return Line("backward", symbol, (ONE,))
        if not terms:
            return Line("backward", symbol, (total,), "nothing was sent to it: it wasn't chosen",
                        node.op is None)
        steps = [_sum([formula for formula, _ in terms])]
        numbers = [n for _, n in terms if n is not None]
        if len(numbers) == len(terms) and (together := _sum(numbers)) not in (total, steps[0]):
            steps.append(together)
        return Line("backward", symbol, (*steps, total), variable=node.op is None)

    def _term(self, node: Node, i: int, g: Any, contribution: Any
              ) -> tuple[Formula, Formula | None]:
        """What a node sends to parent i: as a formula, and as numbers where these are numbers."""
        parent = node.parents[i]
        assert parent is not None
        if node in self.part_of:  # which is closed: it is told what comes back from all of it
            return Name(f"[{self.part_of[node].name}]"), None
        arrives = self.derivative(node)
        if np.ndim(node.value) == 0 and np.ndim(parent.value) == 0:
            slope = slope_number(node, i, self.precision)
            formula = self.names.slope(node, i) or slope
            self.slopes[node, i] = formula, slope
            return product(arrives, formula), product(self.shown(g), slope)
        written = self.names.slope(node, i) if isinstance(node.op, Elementwise) else None
        if written is not None:
            term = product(arrives, written)
            wide = np.shape(value_of(contribution)) != np.shape(parent.value)
            axes = _broadcast(np.shape(node.value), np.shape(parent.value))
            return Summed(term, axes_summed(axes, np.ndim(node.value))) if wide or axes else term, (
                None)
        return self.names.pullback(node, i, arrives), None

    def derivative(self, node: Node) -> Formula:
        """∂y/∂node."""
        return Derivative(self.names[self.y], self.names[node])

    def multiplied_out(self) -> Iterator[Line]:
        """For each variable the product along each way to it, where these are few."""
        wanted = self.wanted or [node for node in self.order if node.op is None]
        if self.part_of or any(np.ndim(node.value) for node in self.order):
            return
        uses: dict[Node, list[tuple[Node, int]]] = {}
        for node, i in self.slopes:
            parent = node.parents[i]
            assert parent is not None
            uses.setdefault(parent, []).append((node, i))
        for x in wanted:
            ways = _ways(x, self.y, uses)
            if ways and x is not self.y and x in self.totals:
                symbols = _sum([product(*(self.slopes[s][0] for s in way)) for way in ways])
                numbers = _sum([product(*(self.slopes[s][1] for s in way)) for way in ways])
                steps = [f for f in (symbols, numbers) if f != self.totals[x]]
                yield Line("multiplied out", self.derivative(x),
                           (*dict.fromkeys(steps), self.totals[x]))


def _broadcast(shape: tuple[int, ...], parent: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which an argument was broadcast."""
    new = len(shape) - len(parent)
    return (*range(new), *(new + k for k, n in enumerate(parent) if n != shape[new + k]))


def _ways(x: Node, y: Node, uses: dict[Node, list[tuple[Node, int]]]
          ) -> list[list[tuple[Node, int]]]:
    """The ways from the output to a variable, as the sites on them; none if there are too many."""
    found: list[list[tuple[Node, int]]] = []
    rest: list[tuple[Node, list[tuple[Node, int]]]] = [(x, [])]
    while rest:
        node, way = rest.pop()
        if node is y:
            found.append(way)
        sites = uses.get(node, []) if node is not y else []
        rest += [(site[0], [site, *way]) for site in reversed(sites)]
        if len(found) + len(rest) > 4 * WAYS or len(way) > LONG:
            return []
    return found if len(found) <= WAYS else []


def _sum(terms: Sequence[Formula]) -> Formula:
    """Terms added up."""
    return terms[0] if len(terms) == 1 else Infix("+", tuple(terms), SUM)
