"""When the check itself is weak: a loss that can't show a mistake, a kink beside the point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..graph import Node
from ..ops import add, cbrt, divide, max, multiply, power, sqrt, subtract
from ..primitive import Elementwise
from ..trees import flat, tree_leaves
from .report import Entry

__all__ = ["bends", "noise", "notes_on"]

NEAR = 1e-6  # of a kink: finite differences step across it


def notes_on(problem: Any, names: Sequence[str], entries: Sequence[Entry]) -> Iterator[str]:
    """What a reader should know of the check: `problem` is the loss at its point (problem.py)."""
    if problem.trouble:
        return
    yield from _flat(problem, names)
    yield from _zeros(problem, names)
    if problem.float32:
        yield ("some of the data are float32: the check was done in float64, and the gradient is "
               "held to float32's rounding")
    for (i, path), (triangle, form) in problem.symmetrised.items():
        yield (f"the loss reads only the {triangle} triangle of {names[i]}{path}, as NumPy's "
               "cholesky and eigh do: as such its gradient is 0 in the other triangle, and twice "
               f"as large beside the diagonal; what was given is {form}, which is right for "
               "a matrix that stays symmetric")
    yield from _kinks(problem.graph)
    yield from _broadcast(problem.graph)
    if problem.sourceless:
        yield (f"the source of {problem.sourceless} isn't there (it was typed, or made by exec): "
               "no line of it can be named; put it into a file or a notebook's cell")
    if any(s.kind == "unknown" for e in entries for s in e.suspects) and problem.cut_short:
        yield ("the search for the mistake was cut short: there was more to try than is worth "
               "waiting for")


def _flat(problem: Any, names: Sequence[str]) -> Iterator[str]:
    """Parameters whose gradient is 0 whatever they are."""
    reached = set(problem.graph)
    for (i, path), (expected, terms) in problem.engine.items():
        name = names[i] + path
        if problem.variables[i, path] not in reached:
            yield (f"{name} doesn't reach the loss: its gradient is 0 wherever it is, and only 0 "
                   "is tested")
        elif expected.size and (np.abs(expected) <= 1e3 * np.finfo(float).eps * terms).all() and (
                np.any(terms) and
                np.max(np.abs(expected)) <= 1e3 * np.max(noise(problem, i, path))):
            yield (f"the gradient of {name} is 0 by symmetry, but for rounding (as of the sum of a "
                   "softmax, or of what is normalised): such a loss shows no mistake. Weight its "
                   "outputs: np.sum(c * y), with random numbers c")


def _zeros(problem: Any, names: Sequence[str]) -> Iterator[str]:
    """Parameters that are all zero: what multiplies them in a wrong gradient isn't seen."""
    arrays = {names[i] + path: np.asarray(problem.argument(i, path)) for i, path in problem.engine}
    zero = [name for name, x in arrays.items() if x.size and not x.any()]
    if zero and (len(zero) == len(arrays) or any(arrays[name].ndim > 1 for name in zero)):
        yield (f"{' and '.join(zero)}: all zeros, where many mistakes don't show (a term that is "
               "multiplied by it, 1 - w**2 for 1 - tanh(w)**2): check at random numbers too")


def _kinks(graph: Sequence[Node]) -> Iterator[str]:
    """Relus, maxima and the like that are within a step of their kink, or of a tie."""
    for node in graph:
        margin = _margin(node)
        if margin is not None and margin < NEAR and node.op is not None:
            what = "a tie" if "chooses" in node.op.facts else "its kink"
            yield (f"{node.op.name} is within {margin:.1g} of {what}: the gradient jumps there, "
                   "and is that of this side" if margin else
                   f"{node.op.name} is at {what}: every slope between the one-sided ones is right")


def bends(node: Node) -> bool:
    """Whether an operation has a kink somewhere, or picks entries by an array, as a sort does; or
    is singular at 0 and is there.
    """
    op = node.op
    if op is None:
        return False
    singular = op.radial or op in (sqrt, cbrt) or (op is power and np.min(node.inputs[1]) < 1)
    picked = any([isinstance(x, np.ndarray) for x in flat(list((node.params or {}).values()))])
    return bool(op.facts & {"kink at 0", "chooses"} or getattr(op, "selects", False)
                or picked or (singular and not np.all(node.value)))


def _margin(node: Node) -> float | None:
    """How far the nearest kink is, relative to the numbers there; None if there is none."""
    op, xs = node.op, node.inputs
    if op is None:
        return None
    with np.errstate(all="ignore"):
        if "kink at 0" in op.facts:
            gap, size = np.abs(xs[0]), np.max(np.abs(xs[0]), initial=0.0)
        elif "chooses" in op.facts and isinstance(op, Elementwise):
            gap = np.abs(np.subtract(xs[0], xs[1]))
            size = np.max([np.max(np.abs(x), initial=0.0) for x in xs])
        elif "chooses" in op.facts and np.size(xs[0]) > np.size(node.value):
            return _tie(node)
        else:
            return None
        return float(np.min(gap, initial=np.inf) / size) if size else 0.0


def _tie(node: Node) -> float:
    """The gap between the two largest (or smallest), relative."""
    params = node.params or {}
    x, axis = np.asarray(node.inputs[0]), params.get("axis")
    flat = x.reshape(-1) if axis is None else x
    along = -1 if axis is None or isinstance(axis, tuple) else axis
    if isinstance(axis, tuple) or flat.shape[along] < 2:
        return np.inf
    ordered = np.sort(flat, axis=along)
    two = np.take(ordered, [-2, -1] if node.op is max else [0, 1], axis=along)
    gap = np.diff(two, axis=along)
    return float(np.min(gap) / np.max(np.abs(x), initial=1e-300))


def _broadcast(graph: Sequence[Node]) -> Iterator[str]:
    """(n, 1) against (n,): every entry meets every other, which is hardly ever meant."""
    for node in graph:
        if node.op in (add, subtract, multiply, divide) and len(node.inputs) == 2:
            a, b = map(np.shape, node.inputs)
            if len(a) != len(b):
                column, row = (a, b) if len(a) == 2 else (b, a)
                n = row[0] if len(row) == 1 else 0
                if column == (n, 1) and n > 1:
                    yield (f"shapes {a} and {b} are broadcast to ({n}, {n}) in the loss "
                           f"({node.op.name}): every entry meets every other; reshape one of them "
                           "if pairs were meant")


def noise(problem: Any, i: int, path: str) -> np.ndarray:
    """How much rounding the engine's gradient carries: what the last digit of the data does."""
    rng, found = np.random.default_rng(0), np.zeros(np.shape(problem.engine[i, path][0]))
    names = [str(k) for k in range(len(problem.args))]
    for _ in range(3):
        moved = {
            str(k) + p: np.asarray(x) * (1 + np.finfo(float).eps * rng.choice(
                [-1.0, 1.0], np.shape(x)))
            for k in problem.wrt for p, x in tree_leaves(problem.args[k]) if x is not None}
        there = problem.gradients_at(names, moved)
        if there is None:
            return np.full(found.shape, np.inf)
        with np.errstate(all="ignore"):
            off = np.abs(there[str(i) + path] - problem.engine[i, path][0])
        found = np.maximum(found, np.where(np.isfinite(off), off, np.inf))
    return np.full(found.shape, np.max(found, initial=0.0)) + np.finfo(float).tiny
