"""Indices and reductions: the last write wins, a sum is spread along the wrong axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from .table import LOCAL, Rule, mistake


def _last_write_wins(g: Any, y: Any, x: Any, *, index: Any) -> Any:
    out = np.zeros(np.shape(x))
    out[index] = g
    return out


def _first_write_wins(g: Any, y: Any, x: Any, *, index: Any) -> Any:
    if isinstance(index, tuple):
        raise ValueError
    return _last_write_wins(g[::-1], y, x, index=index[::-1])


mistake("getitem", "index", _last_write_wins, "an index that occurs several times kept only its "
        "last gradient: they add up (np.add.at(d{x}, index, d{y}), not d{x}[index] = d{y})")
mistake("getitem", "index", _first_write_wins, "an index that occurs several times kept only its "
        "first gradient: they add up (np.add.at(d{x}, index, d{y}))")


def _shifted(by: int, part: int) -> Rule:
    """What arrives goes back to an index that is off by one, in one part of it."""
    def rule(g: Any, y: Any, x: Any, *, index: Any) -> Any:
        parts = list(index) if isinstance(index, tuple) else [index]
        wrong = parts[part]
        if isinstance(wrong, int | np.integer) or (
                isinstance(wrong, np.ndarray) and wrong.dtype.kind in "iu"):
            parts[part] = (wrong + by) % np.shape(x)[part]
            return ops.scatter(np.asarray(g), index=tuple(parts), shape=np.shape(x))
        raise ValueError
    return rule


for _by in (1, -1):
    for _part in (0, 1):
        mistake("getitem", "index", _shifted(_by, _part), "the gradient was put back at an index "
                f"that is off by one, along axis {_part} of {{x}}")


def _spread(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """g spread as NumPy broadcasts it if the reduced axes aren't put back."""
    return np.broadcast_to(g, np.shape(x)).copy()


mistake("sum", "wrong-axis", lambda g, y, x, *, axis=None, keepdims=False:
        _spread(g, x, axis, keepdims), "the gradient of the sum was spread along the wrong axis: "
        "put the reduced axis back first (keepdims=True, or d{y}[:, None])")
mistake("max", "missing-local-derivative", lambda g, y, x, *, axis=None, keepdims=False:
        ops.sum.pullbacks[0](g, y, x, axis=axis, keepdims=keepdims),
        "the gradient of the maximum went to every entry; only the largest has a derivative")


def _spread_over(rule: Rule) -> Rule:
    """A pullback through the maximum: rule(g, y, x), with the reduced axes put back."""
    def pullback(g: Any, y: Any, x: Any, **along: Any) -> Any:
        spread = ops.sum.pullbacks[0]
        return rule(spread(g, y, x, **along), spread(y, y, x, **along), x)
    return pullback


for _rule, _said in (
    (lambda g, y, x: g * (x < y), "the mask is the wrong way round: only the largest entry has a "
     "derivative"),
    (lambda g, y, x: g * y * (x == y), "the value of the maximum was used for its derivative, "
     "which is 1 at the largest entry"),
    (lambda g, y, x: g * (x == y), "at a tie each of the largest entries got the whole gradient: "
     "their shares add up to 1"),
):
    mistake("max", LOCAL, _spread_over(_rule), _said)


mistake("pad", "index", lambda g, y, x, **_: g[tuple(map(slice, np.shape(x)))],
        "the border was cut off behind {x} alone: there is one before it, too, [p:p + n]")
mistake("pad", "index", lambda g, y, x, **_: g[tuple(slice(-n, None) for n in np.shape(x))],
        "the border was cut off before {x} alone: there is one behind it, too, [p:p + n]")
