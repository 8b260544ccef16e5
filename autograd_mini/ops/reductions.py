"""The table, part 6: many numbers to one, and one to many: each is the other's pullback."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..errors import BroadcastWarning
from ..graph import Node, topological_order, value_of
from ..places import warn
from ..primitive import Elementwise, Structural, elementwise, structural
from ..recording import is_live, transforming
from .arithmetic import abs, where
from .elementary import exp
from .extremes import all_finite, quotient, summed_to, times
from .facts import state
from .kinks import NAN, compared, equal, sign, zero
from .shapes import concatenate, reshape, shape, transpose

_shape = shape  # inside a rule, `shape` may be the parameter
Axis = int | tuple[int, ...] | None


def axes_of(x: Any, axis: Axis) -> tuple[int, ...]:
    """The reduced axes, as non-negative numbers. NumPy lets one number have an axis 0 or −1."""
    n = len(shape(x))
    if axis is None or not n:
        return tuple(range(n))
    return normalize_axis_tuple(axis, n)


def restore(g: Any, x: Any, axis: Axis) -> Any:
    """`g` with the axes that were reduced put back as axes of length 1."""
    if axis is None and not shape(g):  # one number needs none
        return g
    reduced = axes_of(x, axis)
    to = tuple([1 if i in reduced else n for i, n in enumerate(shape(x))])
    return g if shape(g) == to else reshape(g, to)


class _Sum(Structural):
    """A sum, which warns where what is summed became square by accident."""

    __slots__ = ()

    def apply(self, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """As ever."""
        x = args[0]
        if params["axis"] is None and isinstance(x, Node) and x.op is not None:
            have = shape(x)
            if len(have) == 2 and have[0] == have[1] > 1:
                _warn_of_broadcast(x, have[0])
        return super().apply(args, params)


def _every_summand(g: Any, y: Any, x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return broadcast_to(restore(g, x, axis), shape(x))


sum = _Sum(np.sum, _every_summand, name="sum", symbol="sum", moves=True)


def _warn_of_broadcast(x: Node, n: int) -> None:
    """Warn if x, of shape (n, n), is made of numbers of shape (n, 1) and others of shape (n,)."""
    rest: list[Node] = [x]
    for _ in range(50):  # as far as elementwise functions go
        if not rest:
            return
        node = rest.pop()
        if not isinstance(node.op, Elementwise):
            continue
        shapes = [shape(v) for v in node.inputs]
        meant = node.op.name == "power"  # x[:, None] ** [0, 1, 2], all powers of each
        met = (n, 1) in shapes and (n,) in shapes
        if met and not meant and not _one_origin(node, (n, 1), (n,)):
            warn(
                f"numbers of shape ({n}, 1) and of shape ({n},) met in {node.op.name}, became "
                f"({n}, {n}), and are summed: each was paired with every other. Give both one "
                "shape (x.reshape(-1), or y[:, None]) if that isn't meant", BroadcastWarning,
            )
            return
        rest += [p for p in node.parents if p is not None and shape(p) == (n, n)]


def _one_origin(node: Node, *of: tuple[int, ...]) -> bool:
    """Whether the arguments of these shapes depend on one leaf: x[:, None] - x is no accident.

    It is looked for among what the transform's call recorded, and only then in the graph outside.
    """
    met = [p for p, v in zip(node.parents, node.inputs, strict=True) if shape(v) in of]
    transform = transforming.get()
    return bool(met) and ((transform is not None and _share_origin(met, transform.began))
                          or _share_origin(met, 0))


def _share_origin(nodes: Sequence[Node | None], since: int) -> bool:
    """Whether all depend on one leaf, or on one node that is older than `since`."""
    origins = [{x for x in topological_order(p, since=since) if x.op is None or x.made_at < since}
               if p is not None else set() for p in nodes]
    return bool(set.intersection(*origins))


@structural(np.broadcast_to, moves=True)
def broadcast_to(g, y, x, *, shape):  # type: ignore[no-untyped-def]
    """A number used many times collects the cotangent of each use."""
    return unbroadcast(g, _shape(x))


def unbroadcast(g: Any, to: tuple[int, ...]) -> Any:
    """Sum `g` over the axes along which an array of shape `to` was broadcast."""
    have = shape(g)
    if have == to:
        return g
    lead = len(have) - len(to)
    if type(g) is np.ndarray:  # the usual, quickly
        return summed_to(g, to)
    stretched = [lead + i for i, n in enumerate(to) if n == 1 and have[lead + i] != 1]
    return reshape(sum(g, (*range(lead), *stretched)), to)


@structural(np.max, name="max", moves=True)
def max(g, y, x, *, axis=None, keepdims=False):  # type: ignore[no-untyped-def]
    """The largest gets it all; a tie is shared evenly. nan finds no winner: 0/0 is nan."""
    return restore(g, x, axis) * _shared(equal(x, restore(y, x, axis)), axis)


@structural(np.min, name="min", moves=True)
def min(g, y, x, *, axis=None, keepdims=False):  # type: ignore[no-untyped-def]
    """As max."""
    return restore(g, x, axis) * _shared(equal(x, restore(y, x, axis)), axis)


def _shared(hits: Any, axis: Axis) -> Any:
    """Each hit's part of one whole."""
    if isinstance(hits, Node):
        return hits / sum(hits, axis=axis, keepdims=True)
    return hits / np.asarray(hits).sum(axis=axis, keepdims=True)


@structural(np.prod)
def prod(g, y, x, *, axis=None, keepdims=False):  # type: ignore[no-untyped-def]
    """The product of all the others; y/x would be nan at a zero, where the true slope is not."""
    reduced = axes_of(x, axis)
    kept = tuple(i for i in range(len(shape(x))) if i not in reduced)
    order = kept + reduced  # the reduced axes last, as one
    moved = transpose(x, order)
    flat = reshape(moved, (*(shape(x)[i] for i in kept), math.prod(shape(x)[i] for i in reduced)))
    others = before(flat) * before(flat[..., ::-1])[..., ::-1]
    return restore(g, x, axis) * transpose(reshape(others, shape(moved)), tuple(np.argsort(order)))


# ── scans along the last axis; the others are moved there by a composite ─────────────────────


@structural(lambda x: np.cumsum(x, -1), name="cumsum")
def cumsum(g, y, x):  # type: ignore[no-untyped-def]
    """Each entry counts in every sum after it."""
    return cumsum(g[..., ::-1])[..., ::-1]


@structural(lambda x: np.cumprod(x, -1), name="cumprod")
def cumprod(g, y, x):  # type: ignore[no-untyped-def]
    """∂yⱼ/∂xᵢ is the product before i times that from i + 1 to j: exact at zeros, as prod."""
    return before(x) * _carried_back(g, x)


def before(x: Any) -> Any:
    """The product of all the entries before one's own."""
    one = np.ones((*shape(x)[:-1], 1 if shape(x)[-1] else 0), value_of(x).dtype)
    return concatenate([one, cumprod(x[..., :-1])], axis=-1)


def _carried_back(g: Any, x: Any) -> Any:
    """rᵢ = gᵢ + xᵢ₊₁·rᵢ₊₁, by doubling (Hillis and Steele 1986): Σⱼ≥ᵢ gⱼ·xᵢ₊₁⋯xⱼ."""
    reach, factor = 1, x[..., 1:]
    while reach < shape(x)[-1]:
        carried = factor * g[..., reach:]
        g = concatenate([g[..., :-reach] + carried, g[..., -reach:]], axis=-1)
        factor = factor[..., :-reach] * factor[..., reach:]
        reach *= 2
    return g


FAR = 64.0
"""From here on the rounding of log Σ eˣ shows in eˣ over the sum."""


def _logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log Σ eˣ, shifted by the largest x so that nothing overflows."""
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)  # of no numbers, −inf
    shift = np.where(np.isfinite(top), top, 0)
    e = np.asarray(x - shift)
    np.exp(e, out=e)
    with np.errstate(divide="ignore"):  # all −inf: log 0, replaced below
        y = np.log(np.sum(e, axis=axis, keepdims=True)) + shift
    y = np.where(np.isfinite(top), y, top)
    return y if keepdims else np.squeeze(y, axis=axis)[()]


@structural(_logsumexp, name="logsumexp")
def logsumexp(g, y, x, *, axis=None, keepdims=False):  # type: ignore[no-untyped-def]
    """softmax(x) = exp(x − y); at y = ±inf its limits: shared among the infinite, or 0."""
    y = restore(y, x, axis)
    if is_live(x, y):
        finite = compared[np.less](abs(y), np.inf)
        limit = _shared(equal(x, y), axis) * compared[np.not_equal](y, -np.inf)
        chosen = finite * np.ones(shape(x))
        share = exp(where(chosen, x - y, 0.0))
        share = share / sum(share, axis=axis, keepdims=True)
        return restore(g, x, axis) * where(chosen, share, limit)
    top = value_of(y)
    if all_finite(y):
        share = exp(x - y) if isinstance(x, Node) or isinstance(y, Node) else _exp_of(x, y)
        if np.abs(top).max(initial=0.0) > FAR:  # y has lost digits: of 1e17 log 2 is none
            share = share / sum(share, axis=axis, keepdims=True)
        return times(restore(g, x, axis), share)
    limit = _shared(value_of(x) == top, axis) * (top != -np.inf)
    finite = np.isfinite(top) & np.ones(shape(x), bool)
    return restore(g, x, axis) * where(finite, exp(where(finite, x - y, 0.0)), limit)


def _exp_of(x: Any, y: Any) -> Any:
    """e^(x − y), in one new array."""
    difference = np.asarray(x - y)
    return np.exp(difference, out=difference)


prod.reach = logsumexp.reach = "reduction"

# ── lengths ──────────────────────────────────────────────────────────────────────────────────


def _root_of_squares(x: Any, axis: Axis = None) -> Any:
    """√Σx² with the reduced axes kept, scaled by a power of 2, so that nothing over- or underflows.

    Where nothing would anyway, scaling changes no bit, and is left out.
    """
    with np.errstate(all="ignore"):
        squares = np.sum(np.square(x), axis=axis, keepdims=True)
    range_ = np.finfo(squares.dtype)
    if np.all((squares > range_.tiny / range_.eps**2) & (squares < range_.max * range_.eps)):
        return np.asarray(np.sqrt(squares))
    top = np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0)
    usual = (top == 0) | ~np.isfinite(top)
    scale = np.where(usual, 1.0, np.exp2(np.floor(np.log2(np.where(usual, 1.0, top)))))
    squares = np.sum(np.square(x / scale), axis=axis, keepdims=True)
    return np.asarray(np.sqrt(squares) * scale, np.result_type(x))


_unit = elementwise(
    lambda x, y: np.where(y == 0, 0.0 * x, x / np.where(y == 0, 1.0, y))[()],
    lambda x, y: x / y if y else 0.0 * x,
    lambda u, x, y: 1 / y, lambda u, x, y: -u / y, name="x/‖x‖",
    pullbacks=(lambda g, u, x, y: g / y, lambda g, u, x, y: quotient(-g, u, y)),
)  # 0 at 0, the least subgradient of a length, where its slopes are inf and nan: it has none


@structural(_root_of_squares, name="length", symbol="‖ ‖")
def length(g, y, x, *, axis=None):  # type: ignore[no-untyped-def]
    """g·x/‖x‖, and 0 at 0."""
    return g * _unit(x, y)


length.radial = True

through_zero = elementwise(
    np.multiply, operator.mul, lambda y, rate, x: x, lambda y, rate, x: rate,
    name="(∂g/∂y)·x", symbol="*",
)  # what a length sends where it and the cotangent are 0: the limit of g·x/‖x‖
no_slope = elementwise(
    lambda x: 0.0 * x, lambda x: 0.0 * x, lambda y, x: NAN, name="0·x"
)  # 0, the least subgradient, with a derivative of nan
corner = elementwise(
    lambda x: 0.0 * x, lambda x: 0.0 * x, lambda y, x: no_slope(x), name="corner"
)  # 0 with the slope 0, the least subgradient of a norm at 0, whose derivative is nan
flat = elementwise(
    lambda x: x * np.abs(x), lambda x: x * math.fabs(x), lambda y, x: 2 * _flat_slope(x),
    name="x·|x|",
)
_flat_slope = elementwise(
    np.abs, math.fabs, lambda y, x: where(zero(x), NAN, sign(x)), name="|x|",
)  # nan at 0 where that limit is no longer known: two derivatives of `flat` away

state("products", prod, cumprod)
state("chooses", max, min)
