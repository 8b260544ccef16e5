"""Derivatives without the chain rule: differences, extrapolated, with an error bar each."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .programs import Program, Skipped, Wrong

__all__ = ["Line", "central", "kinks_along", "line", "near_by", "one_sided", "precision", "settle"]

Line = Callable[[Any], Any]
"""A function of one number: the program along a straight line through its arguments."""
CLOSE, ROUGH = 1e-7, 1e-4
"""Of the scale: how far a right number may be off, and a difference that still says something."""


def precision(program: Program, loss: Callable[..., Any]) -> Any:
    """np.longdouble if the program computes in it from start to end, else float."""
    try:
        y = loss(*[np.asarray(x, np.longdouble)[()] for x in program.values])
        return np.longdouble if np.result_type(y) == np.longdouble else float
    except Exception:
        return float


def line(loss: Callable[..., Any], args: Sequence[Any], direction: Sequence[Any], kind: Any
         ) -> Line:
    """t ↦ loss(args + t·direction), nan where that can't be computed."""
    start = [np.asarray(x, kind) for x in args]
    ways = [np.asarray(v, kind) for v in direction]

    def at(t: Any) -> Any:
        try:
            y = loss(*[(x + kind(t) * v)[()] for x, v in zip(start, ways, strict=True)])
            return np.asarray(y, kind)[()]
        except (ArithmeticError, ValueError, TypeError, IndexError):
            return kind(np.nan)

    return at


def near_by(loss: Callable[..., Any], args: Sequence[Any], direction: Sequence[Any], kind: Any
            ) -> Callable[[int], Line]:
    """For a number, the line through a point 1e-4 away, another for each number."""
    def at(k: int) -> Line:
        rng = np.random.default_rng(k)
        moved = [np.asarray(x, float) + 1e-4 * rng.normal(size=np.shape(x)) for x in args]
        return line(loss, moved, direction, kind)

    return at


def _extrapolated(quotients: Sequence[Any], order: int) -> tuple[Any, float]:
    """Neville's scheme over halved steps, by whole arrays: the best entry, and its error bar."""
    best, bar = quotients[0], np.inf
    above = [quotients[0]]
    for q in quotients[1:]:
        row = [q]
        for j, corner in enumerate(above, 1):
            factor = 2.0 ** (order * j)
            row.append((factor * row[-1] - corner) / (factor - 1))
            error = float(np.max(np.maximum(abs(row[j] - row[j - 1]), abs(row[j] - corner)),
                                 initial=0.0))
            if error < bar:
                best, bar = row[j], error
        above = row
    return best, bar


def central(f: Line, step: float, levels: int = 7) -> tuple[Any, float]:
    """f′(0) from both sides, and an estimate of its error."""
    steps = [step / 2**k for k in range(levels)]
    return _extrapolated([(f(h) - f(-h)) / (2 * h) for h in steps], 2)


def one_sided(f: Line, step: float, levels: int = 8) -> tuple[Any, float]:
    """The slope of f on the side of `step`, and an estimate of its error."""
    steps, start = [step / 2**k for k in range(levels)], f(0.0)
    return _extrapolated([(f(h) - start) / h for h in steps], 1)


def settle(given: Any, f: Line, scale: float, kinks: Callable[[], int], check: str,
           close: float = CLOSE, near: Callable[[int], Line] | None = None) -> str:
    """'right', or 'smooth'/'kink' where one can't say; raises `Wrong` if `given` is wrong.

    given: a number or array that claims to be f′(0). kinks: how many kinks meet at 0 on this
    line; from two on, an engine that goes by fixed subgradients need not be right. near: the same
    line through other points near by, by number, whose slopes are subgradients too.
    """
    given = np.asarray(given, float)
    for step in (1e-2, 1e-4):
        slope, bar = central(f, step)
        if bar <= ROUGH * scale and _within(given, slope, slope, 20 * bar + close * scale):
            return "right"
    sides = []
    for step in (1e-3, 1e-5):
        (left, e), (right, d) = one_sided(f, -step), one_sided(f, step)
        if not max(e, d) <= ROUGH * scale:
            raise Skipped("differences don't converge")
        sides.append((left, right, max(e, d)))
    (left, right, bar), (left2, right2, _) = sides
    if max(_far(left, left2), _far(right, right2)) > 2 * ROUGH * scale:
        raise Skipped("differences don't agree")
    if _within(given, np.minimum(left, right), np.maximum(left, right), ROUGH * scale):
        return "between"
    count = kinks()
    if count > 1:
        raise Skipped("several kinks meet")
    if count and near is not None:
        slopes = [central(near(k), 1e-7)[0] for k in range(24)]
        if _within(given, np.min(slopes, 0), np.max(slopes, 0), 1e-2 * scale):
            return "between"
    if count and not np.all(np.isfinite(given)) and check != "gradient":
        return "nan at a kink"
    expected = (left + right) / 2 if _far(left, right) < ROUGH * scale else (left, right)
    raise Wrong(check, "a derivative is wrong", given[()], _plain(expected))


def _plain(x: Any) -> Any:
    if isinstance(x, tuple):
        return f"between {_plain(x[0])} and {_plain(x[1])}"
    return np.asarray(x, float)[()]


def _within(x: Any, low: Any, high: Any, room: float) -> bool:
    return bool(np.all((x >= low - room) & (x <= high + room)))


def _far(a: Any, b: Any) -> float:
    return float(np.max(np.abs(a - b), initial=0.0))


# ── kinks ────────────────────────────────────────────────────────────────────────────────────


class _Watched(ast.NodeTransformer):
    """The program with every intermediate value shown to `_see(number, value)`."""

    def __init__(self) -> None:
        self.children: dict[int, list[int]] = {}
        self.is_name: dict[int, bool] = {}
        self.signed: set[int] = set()  # the first arguments of copysign
        self.open: list[list[int]] = [[]]

    def visit(self, node: ast.AST) -> Any:
        wanted = isinstance(node, ast.Call | ast.BinOp | ast.UnaryOp | ast.Subscript | ast.Name)
        if not wanted or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return self.generic_visit(node)
        number = len(self.children)
        self.children[number] = []
        self.is_name[number] = isinstance(node, ast.Name)
        self.open[-1].append(number)
        self.open.append(self.children[number])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            node.args = [self.visit(x) for x in node.args]
        else:
            self.generic_visit(node)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "copysign":
            self.signed.update(self.children[number][-2:-1])
        self.open.pop()
        return ast.Call(ast.Name("_see", ast.Load()), [ast.Constant(number), node], [])


Seen = list[tuple[int, Any]]
MANY = 99


def kinks_along(program: Program, direction: Sequence[Any], kind: Any) -> int:
    """How many kinks the program has at its arguments, along `direction`: 0, 1, or more.

    A kink that is touched and not crossed (relu of a square at 0) counts as many: there, the
    slope that an engine chose is not the function's. So do jumps, and a copysign of 0, of which
    no line shows a kink: |a|·sign(b), where b may change its sign with a.
    """
    with np.errstate(all="ignore"):
        crossed = _counted(program, direction, kind, 0.0)
        met = {_counted(program, direction, kind, noise) for noise in (1.0, 5.0, -5.0)}
    return crossed if met == {crossed} else MANY


def _counted(program: Program, direction: Sequence[Any], kind: Any, noise: float) -> int:
    """How many numbers have a kink; what is computed from one isn't counted again.

    noise: times t, it is added to each intermediate value, so that whatever kink they sit on is
    crossed.
    """
    watched = _Watched()
    tree = ast.fix_missing_locations(watched.visit(ast.parse(program.body)))
    seen: Seen = []
    now = 0.0

    def see(number: int, value: Any) -> Any:
        if isinstance(value, float | np.floating | np.ndarray) and (
                np.result_type(value).kind == "f"):
            seen.append((number, np.array(value)))
            if noise:
                tilt = np.cos(1.7 * number + 0.9 * np.arange(np.size(value)))
                return value + now * noise * tilt.reshape(np.shape(value))[()]
        return value

    names = {**program.namespace(), "_see": see}
    exec(compile(tree, "<watched>", "exec"), names)
    h, runs = 1e-8, []
    for t in (-h, 0.0, h):
        seen, now = [], t
        line(names["f"], program.values, direction, kind)(t)
        runs.append(seen)
    return _count(runs, watched, h)


def _count(runs: Sequence[Seen], watched: _Watched, h: float) -> int:
    if len({tuple(n for n, _ in run) for run in runs}) > 1:
        return MANY  # the control flow itself changes here
    count, kinked = 0, {}
    for (n, a), (_, b), (_, c) in zip(*runs, strict=True):
        if not a.shape == b.shape == c.shape or (n in watched.signed and not b.all()):
            return MANY
        if not np.max(np.abs(c - a), initial=0.0) <= 1e-3 * (1.0 + np.max(np.abs(b), initial=0.0)):
            return MANY  # no kink, but a jump
        slope = np.max(np.abs(c - a), initial=0.0) / (2 * h) + 1e-2
        slope += 1e-12 * np.max(np.abs(b), initial=0.0) / h  # of float64, the rounding
        with np.errstate(all="ignore"):
            here = int(np.sum(~(np.abs(a - 2 * b + c) / h <= 1e-3 * slope)))
        kinked[n] = here > 0
        if here and not watched.is_name[n] and not any(
                kinked.get(m) for m in watched.children[n]):
            count += here
    return count
