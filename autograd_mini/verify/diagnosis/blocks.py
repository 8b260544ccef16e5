"""Functions that were written out: a sigmoid is also 1/(1 + e⁻ᶻ), however it is written.

A region of the graph with one entry z and one exit p computes a function of z alone. Which one is
told by its values, so the way it was written doesn't matter. A block then has a row in the table
of mistakes, as a primitive has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ... import functions, ops
from ...graph import Node
from ...primitive import Elementwise
from .axes import axis_sets
from .record import Record
from .site import Site

__all__ = ["BLOCKS", "ELEMENTWISE", "blocks", "nodes_inside"]

LONGEST = 24  # how many nodes a function is written out in

# Elementwise functions, by name; the test is cheap, for one entry is compared before all are.
ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "tanh": np.tanh, "sigmoid": ops.sigmoid, "relu": ops.relu, "softplus": ops.softplus,
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "square": np.square, "abs": np.abs,
    "silu": functions.silu, "gelu": functions.gelu, "mish": functions.mish, "elu": functions.elu,
    "gelu (tanh)": lambda x: functions.gelu(x, "tanh"), "logsigmoid": functions.logsigmoid,
    "leaky_relu": functions.leaky_relu, "sin": np.sin, "cos": np.cos, "softsign": ops.softsign,
    "reciprocal": lambda x: 1 / x,
}
BLOCKS = [*ELEMENTWISE, "huber", "softmax", "log_softmax", "centered", "standardized", "normalized",
          "mean", "var", "std", "norm", "squared norm", "mean square", "cross-entropy",
          "binary cross-entropy", "log loss"]  # whose mistakes may stand in the table


def _close(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-9, atol=1e-14))


def _elementwise(p: np.ndarray, z: np.ndarray) -> str | None:
    if p.shape != z.shape or not p.size:
        return None
    # The entry least like the others: near 0, say, or large, functions resemble each other.
    at = int(np.argmin(np.abs(np.abs(z) - 1.0)))
    one, there = float(z.ravel()[at]), float(p.ravel()[at])
    for name, f in ELEMENTWISE.items():
        if math.isclose(float(f(np.float64(one))), there, rel_tol=1e-9) and _close(f(z), p):
            return name
    return _bent(p, z)


def _bent(p: np.ndarray, z: np.ndarray) -> str | None:
    """leaky_relu and elu of any slope and α, huber of any δ: by the entry furthest out."""
    below = z < 0
    if below.sum() > 1 and (z > 0).any() and _close(z[~below], p[~below]):
        for name, f in (("leaky_relu", np.positive), ("elu", np.expm1)):
            curve = f(z[below])
            slope = p[below][np.argmin(z[below])] / curve.min()
            if abs(slope) > 1e-9 and abs(slope - 1) > 1e-9 and _close(slope * curve, p[below]):
                return name
    size, square = np.abs(z), 0.5 * z * z
    if (p <= square * (1 + 1e-9)).all():
        far = np.argmax(size)
        delta = size.ravel()[far] - math.sqrt(max(2 * (square.ravel() - p.ravel())[far], 0.0))
        near = size <= delta
        if 0 < near.sum() < z.size - 1 and _close(np.where(
                near, square, delta * (size - 0.5 * delta)), p):
            return "huber"
    return None


def _along_axes(p: np.ndarray, z: np.ndarray) -> str | None:
    """softmax, and what centers or scales each row to a norm, or a mean and variance."""
    if p.shape != z.shape or not p.ndim or p.size < 2:
        return None
    for axes in axis_sets(z.ndim):
        if all(z.shape[a] == 1 for a in axes):
            continue
        total = p.sum(axes, keepdims=True)
        if (p >= 0).all() and _close(total, np.ones_like(total)):
            if _close(np.exp(functions.log_softmax(z, axes)), p):
                return "softmax"
        elif (p <= 0).all() and _close(functions.log_softmax(z, axes), p):
            return "log_softmax"
        elif _close(z - z.mean(axes, keepdims=True), p):
            return "centered"
        elif name := _scaled(p, z, axes):
            return name
    return None


def _scaled(p: np.ndarray, z: np.ndarray, axes: tuple[int, ...]) -> str | None:
    """(z − mean)/s or z/s, with one s for all along the axes, which isn't the same everywhere."""
    for name, moved in (("standardized", z - z.mean(axes, keepdims=True)), ("normalized", z)):
        if not moved.any() or not p.any():
            continue
        scale = np.sum(p * moved, axes, keepdims=True) / np.sum(moved * moved, axes, keepdims=True)
        size = 1 / np.sqrt(np.mean(moved * moved, axes, keepdims=True))
        ratio = scale / size  # near 1, or 1/√n for a norm; constant but for an ε
        n = math.prod(z.shape[a] for a in axes)
        near = np.abs(ratio - 1).max() < 0.1 or np.abs(ratio * math.sqrt(n) - 1).max() < 0.1
        if near and _close(moved * scale, p):
            return name
    return None


def _reduction(p: np.ndarray, z: np.ndarray) -> str | None:
    if not z.ndim or p.size >= z.size:
        return None
    for axes in axis_sets(z.ndim):
        n = math.prod(z.shape[a] for a in axes)
        if p.size * n != z.size:
            continue
        found = {
            "mean": z.mean(axes), "logsumexp": ops.logsumexp(z, axis=axes), "var": z.var(axes),
            "std": z.std(axes), "norm": np.sqrt(np.sum(z * z, axes)),
            "squared norm": np.sum(z * z, axes), "mean square": np.mean(z * z, axes),
        }
        for name, value in found.items():
            if _close(value.ravel(), p.ravel()):
                return name
    return None


def _is_step(record: Record, exit: Node, entry: Node) -> bool:
    """Whether it is a whole statement, or a function, that acts on each number alone."""
    if record.line(exit) == record.line(entry) or np.shape(exit.value) != np.shape(entry.value):
        return False
    if any(record.line(use.output) == record.line(exit) for use in record.uses[exit]):
        return False
    inside = nodes_inside(exit, entry)
    return len(inside) > 1 and all(
        isinstance(node.op, Elementwise) and np.shape(node.value) == np.shape(exit.value)
        for node in inside)


def nodes_inside(exit: Node, entry: Node) -> set[Node]:
    """The nodes from an exit to its entry, without this."""
    inside, stack = set[Node](), [exit]
    while stack:
        node = stack.pop()
        if node is not entry and node not in inside:
            inside.add(node)
            stack.extend(q for q in node.parents if q is not None)
    return inside


def _cross_entropy(exit: Node, entry: Node) -> str | None:
    """−Σ t·log softmax(z), or −t·log σ(z) − (1 − t)·log(1 − σ(z)): by value and slope.

    Also Σ t·log softmax(z), its negative.
    """
    p, z = np.asarray(exit.value, float), np.asarray(entry.value, float)
    if z.size < 2 or exit.op is None or exit.op.name not in ENDS:
        return None
    sign = 1.0 if (p >= 0).all() else -1.0
    p = sign * p
    if (p < 0).any():
        return None
    if p.shape != z.shape and not (p.ndim < z.ndim and p.size < z.size):
        return None
    if not p.ndim and z.ndim == 2:
        return _mean_cross_entropy(sign * np.asarray(_slope(exit, entry)), float(p), z)
    slope = sign * _slope(exit, entry)
    if p.shape == z.shape:
        return None if exit.op.name in ("log", "log1p", "getitem") else _of_two(p, z, slope)
    for axis in range(z.ndim):
        if not p.ndim and z.size != z.shape[axis]:
            continue
        total = ops.logsumexp(z, axis=axis, keepdims=True)
        target = np.exp(z - total) - slope
        if _is_target(target) and _close(target.sum(axis), np.ones(target.sum(axis).shape)):
            value = np.sum(target * (total - z), axis)
            if _close(np.ravel(value), p.ravel()):
                return "cross-entropy"
    return None


def _of_two(p: np.ndarray, z: np.ndarray, slope: np.ndarray) -> str | None:
    """−t·log q − (1 − t)·log(1 − q), of q = σ(z), or of q = z itself: the log loss."""
    target = ops.sigmoid(z) - slope
    if _is_target(target) and _close(np.logaddexp(0, z) - target * z, p):
        return "binary cross-entropy"
    if ((z > 0) & (z < 1)).all():
        target = z - slope * z * (1 - z)
        if _is_target(target) and _close(-target * np.log(z) - (1 - target) * np.log1p(-z), p):
            return "log loss"
    return None


def _slope(exit: Node, entry: Node) -> np.ndarray:
    """The cotangent of the entry if that of the exit is 1 everywhere."""
    one = 1.0 if type(exit.value) is float else np.ones_like(exit.value)
    return np.asarray(Site("", exit, entry, block=True).sent(one))


def _mean_cross_entropy(slope: np.ndarray, value: float, z: np.ndarray) -> str | None:
    """The same, summed or averaged over the rows of z."""
    total = ops.logsumexp(z, axis=1, keepdims=True)
    for weight in (1.0, 1 / len(z)):
        target = np.exp(z - total) - slope / weight
        if _is_target(target) and _close(target.sum(1), np.ones(len(z))) and math.isclose(
                weight * float(np.sum(target * (total - z))), value, rel_tol=1e-9):
            return "cross-entropy"
    return None


ENDS = {"negative", "add", "subtract", "sum", "multiply", "softplus", "logaddexp", "log", "log1p",
        "where", "divide", "getitem"}  # the last operation of a cross-entropy


def _is_target(t: np.ndarray) -> bool:
    return bool(((t > -1e-9) & (t < 1 + 1e-9)).all())


def regions(record: Record, exit: Node) -> Iterator[tuple[Node, Node | None]]:
    """(entry, scale) of what `exit` is computed from, the nearest first: a single entry, or beside
    it something that is broadcast, by which the rest may be multiplied.
    """
    rank = record.rank
    frontier = {p for p in exit.parents if p is not None}
    for _ in range(LONGEST):
        if len(frontier) == 1:
            yield next(iter(frontier)), None
        elif len(frontier) == 2 and exit.op in (ops.multiply, ops.divide):
            entry, scale = sorted(frontier, key=lambda node: -np.size(node.value))
            if _may_scale(exit, entry, scale):
                yield entry, scale
        nearest = min(frontier, key=lambda node: rank[node], default=None)
        if nearest is None or nearest.op is None:
            return
        frontier.remove(nearest)
        frontier.update(p for p in nearest.parents if p is not None)


def _may_scale(exit: Node, entry: Node, scale: Node) -> bool:
    """Whether one of two entries may be a γ, or γ[:, None], that the rest is multiplied by."""
    source = scale
    if getattr(scale.op, "moves", False) and len(scale.parents) == 1:
        source = scale.parents[0]  # type: ignore[assignment]
    small, large = np.shape(scale.value), np.shape(exit.value)
    return np.size(scale.value) < np.size(entry.value) and source.op is None and (
        len(small) <= len(large)) and all(
            m in (1, n) for m, n in zip(small[::-1], large[::-1], strict=False))


def _name(record: Record, exit: Node, entry: Node) -> str | None:
    """Which function of the entry the exit is; None if it has no name."""
    p, z = np.asarray(exit.value, float), np.asarray(entry.value, float)
    name = (_elementwise(p, z) or _along_axes(p, z) or _reduction(p, z)
            or _cross_entropy(exit, entry))
    return "a function" if name is None and _is_step(record, exit, entry) else name


def _normalised(exit: Node, entry: Node, scale: Node) -> str | None:
    """What the exit is of the entry if it is divided by a scale: (x − μ)/σ, say."""
    p, z = np.asarray(exit.value / scale.value, float), np.asarray(entry.value, float)
    if p.shape != z.shape:
        return None
    found = (_scaled(p, z, axes) for axes in axis_sets(z.ndim))
    return next((name for name in found if name), None)


def blocks(record: Record) -> list[Site]:
    """The written-out functions in a graph, by what their values say."""
    found: list[Site] = []
    alike: dict[tuple[int, int, bool], str | None] = {}  # what a loop made before is known already
    with np.errstate(all="ignore"):
        for node in record.order:
            for depth, (entry, scale) in enumerate(regions(record, node)):
                key = record.groups[node], record.groups[entry], scale is not None
                if key not in alike:
                    alike[key] = _name(record, node, entry) if scale is None else (
                        _normalised(node, entry, scale))
                name = alike[key]
                if name is None or (node.op is not None and node.op.name == name and not depth):
                    continue
                found.append(Site(name, node, entry, block=True, scale=scale))
    return [site for site in found if not _contains_itself(site, found)]


def _contains_itself(site: Site, found: list[Site]) -> bool:
    """Whether the same function of the same entry is inside: then this is that, and nothing."""
    twins = [other.output for other in found if other.input is site.input
             and other.scale is site.scale and other.name == site.name
             and other.output is not site.output]
    return bool(twins) and not nodes_inside(site.output, site.input).isdisjoint(twins)
