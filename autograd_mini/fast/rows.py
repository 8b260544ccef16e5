"""All rows of a Jacobian in one reverse pass: each cotangent has a leading axis, a row an entry.

An elementwise slope is the same for all rows. What moves entries about moves them behind that axis;
of other rules each row is asked for alone, so that none needs to know of rows. A pass in which a
nan shows is given up, and each row has its own, which knows what was never sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import backprop, ops
from ..backprop import by_parent, has_nan
from ..graph import Node
from ..ops.indexing import is_basic
from ..primitive import Elementwise, Selecting
from ..recording import current_observer, undisturbed
from .nodes import visited
from .pairs import replaces
from .rules import pull

__all__ = ["rows_at_once"]

AT_ONCE = 1 << 18
"""So many numbers one cotangent may have; of more rows only so many go at once."""


@replaces(backprop, "rows_at_once")
def rows_at_once(output: Any, wanted: Sequence[Node], all_wanted: set[Node]) -> Any:
    """`backprop.rows_at_once`; None where a nan shows, or rows of arrays aren't asked for."""
    if current_observer() is not None or type(output.value) is not np.ndarray or (
            output.value.size < 2):
        return None
    with undisturbed():
        return _in_one_pass(output, wanted, all_wanted)


def _in_one_pass(y: Node, variables: Sequence[Node], wanted: set[Node]) -> list[Any] | None:
    """The rows of each variable; None where passes of their own are needed."""
    order, ends, _ = visited(y, wanted)
    if not order or not all([type(node.value) is np.ndarray for node in order]):
        return None
    size = y.value.size
    block = max(1, AT_ONCE // max([node.value.size for node in order]))
    parts = []
    for start in range(0, size, block):
        seed = np.zeros((min(block, size - start), size), y.value.dtype)
        np.fill_diagonal(seed[:, start:], 1.0)
        cotangents = {y: seed.reshape(len(seed), *y.value.shape)}
        parts.append(_pass(order, ends, cotangents, wanted))
    found = []
    for v in variables:
        part: list[Any] = [received.get(v) for received in parts]
        if any([x is None or has_nan(x) for x in part]):
            return None
        found.append(part[0] if len(part) == 1 else np.concatenate(part))
    return found


def _pass(order: Sequence[Node], ends: set[Node], cotangents: dict[Node, Any], wanted: set[Node]
          ) -> dict[Node, Any]:
    """The cotangents of the wanted nodes."""
    found, inside = {}, set(order)  # nothing is sent to what no variable leads to: a closed-over t
    for node in order:
        g = cotangents.pop(node, None)
        if g is None:
            continue
        if node in wanted:
            found[node] = g
        if node.op is None or node in ends:
            continue
        sent = [None if p not in inside or x is None else _fitted(x, p)
                for p, x in zip(node.parents, _sent(node, g), strict=False)]
        for parent, x in by_parent(node.parents, sent):
            if parent is not None and x is not None:
                known = cotangents.get(parent)
                cotangents[parent] = x if known is None else known + x
    return found


def _fitted(x: np.ndarray, parent: Node) -> np.ndarray:
    """Rows in the shape and dtype of the parent: broadcasting undone behind the first axis."""
    to = parent.value.shape
    if x.shape[1:] != to:
        lead = x.ndim - 1 - len(to)
        stretched = [1 + lead + i for i, n in enumerate(to) if n == 1 != x.shape[1 + lead + i]]
        x = np.add.reduce(x, axis=(*range(1, 1 + lead), *stretched)).reshape(len(x), *to)
    return x if x.dtype is parent.value.dtype else x.astype(parent.value.dtype)


def _sent(node: Any, g: np.ndarray) -> Sequence[Any]:
    """What a node sends to each parent, for all rows of its cotangent."""
    if type(node.op) is Elementwise or type(node.op) is Selecting:
        return _sent_by_entries(node, g)
    how = MOVED.get(node.op)
    sent = how(g, node.value, *node.inputs, **(node.params or {})) if how is not None else None
    if sent is not None:
        return [sent] if isinstance(sent, np.ndarray) else sent
    of_rows = [pull(node, row) for row in g]
    return [None if column[0] is None else np.stack(column)
            for column in zip(*of_rows, strict=True)]


def _sent_by_entries(node: Any, g: np.ndarray) -> list[Any]:
    """The same of an elementwise function: the slope of one row is that of all.

    A rule for the whole product may add up what it takes for broadcast, and a user's may do
    anything: such a rule is fed arrays of g's own shape.
    """
    op, y, xs = node.op, node.value, node.inputs
    sent: list[Any] = []
    wide = (y, *xs)
    if "sums up" in op.facts or not op.trusted:
        wide = tuple([x if isinstance(x, float | int) else np.broadcast_to(x, g.shape)
                      for x in wide])
    for parent, slope, pullback in zip(node.parents, op.slopes, op.pullbacks, strict=True):
        if parent is None or slope is None:
            sent.append(None)
        elif not callable(slope):
            sent.append(g if slope > 0 else -g)
        elif pullback is not None:
            sent.append(pullback(g, *wide))
        else:
            factor = slope(y, *xs)
            unchosen = op.selects and not isinstance(factor, np.ndarray) and factor == 0
            sent.append(None if unchosen else g * factor)
    return sent


# ── the rules of what moves entries, behind the axis of the rows ─────────────────────────────


def _in_shape_of_x(g: Any, y: Any, x: Any, **_: Any) -> Any:
    return g.reshape(len(g), *np.shape(x))


def _summands(g: Any, y: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    kept = [1 if i in ops.axes_of(x, axis) else n for i, n in enumerate(x.shape)]
    return np.broadcast_to(g.reshape(len(g), *kept), (len(g), *x.shape))


def _transposed(g: Any, y: Any, x: Any, *, axes: Any) -> Any:
    back = range(x.ndim)[::-1] if axes is None else np.argsort([a % x.ndim for a in axes]).tolist()
    return g.transpose(0, *[1 + a for a in back])


def _behind(index: Any) -> tuple[Any, ...]:
    """A basic index, behind the axis of the rows."""
    return (slice(None), *(index if isinstance(index, tuple) else (index,)))


def _put_back(g: Any, y: Any, x: Any, *, index: Any) -> Any:
    if not is_basic(index):
        return None  # whose axes may come first
    out = np.zeros((len(g), *x.shape), g.dtype)
    out[_behind(index)] += g
    return out


def _taken(g: Any, y: Any, x: Any, *, index: Any, shape: Any) -> Any:
    return g[_behind(index)] if is_basic(index) else None


def _taken_apart(g: Any, y: Any, *parts: Any, indices: Any, shape: Any) -> Any:
    return [g[_behind(index)] for index in indices] if all(map(is_basic, indices)) else None


def _matrix_product(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim != 2 or b.ndim != 2:
        return None
    return [np.matmul(g, b.T), np.matmul(a.T, g)]


MOVED: dict[Any, Any] = {
    ops.reshape: _in_shape_of_x, ops.expand_dims: _in_shape_of_x, ops.squeeze: _in_shape_of_x,
    ops.broadcast_to: lambda g, y, x, *, shape: g, ops.sum: _summands,
    ops.transpose: _transposed, ops.getitem: _put_back, ops.scatter: _taken,
    ops.scatter_all: _taken_apart, ops.matmul: _matrix_product,
}
"""A function (g, y, *inputs, **params) for all rows of g; None from it where each goes alone."""
