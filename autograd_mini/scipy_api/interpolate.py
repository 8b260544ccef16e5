"""`ag.scipy.interpolate`: straight lines between points, on nodes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import scipy.interpolate as si

from ..errors import NotDifferentiableError
from ..functions.axes import moveaxis
from ..functions.composed import decided, keeps_kind
from ..graph import value_of
from ..ops import shape, where
from .calls import array_of, has_node, missing, must_be_plain, of_plain

__all__ = ["interp1d"]


def __getattr__(name: str) -> Any:
    """A name of SciPy's that is none here: of plain numbers SciPy's."""
    if name.startswith("_") or not hasattr(si, name):
        raise missing("ag.scipy.interpolate", name, __all__)
    return of_plain(f"scipy.interpolate.{name}", getattr(si, name))


def __dir__() -> list[str]:
    return sorted(__all__)


class interp1d:  # noqa: N801  SciPy's name
    """The function whose graph is the straight lines through the points (x, y).

    x: (n,); y: n numbers along `axis`. Called with points of any shape, it is differentiable in
    them, in x and in y; at a knot the slope is that of the line to the right, as `np.interp`'s
    here. Outside it raises or gives `fill_value`, as SciPy's. Of plain numbers it is SciPy's, of
    any `kind`. Raises `NotDifferentiableError` for another kind than linear with nodes.

    >>> import numpy as np, autograd_mini as ag
    >>> f = ag.scipy.interpolate.interp1d([0.0, 1.0, 3.0], [0.0, 2.0, 3.0])
    >>> ag.grad(f)(2.0), float(f(2.0))
    (0.5, 2.5)
    """

    scipys = "scipy.interpolate.interp1d"

    def __init__(self, x: Any, y: Any, kind: Any = "linear", axis: int = -1, copy: bool = True,
                 bounds_error: Any = None, fill_value: Any = np.nan, assume_sorted: bool = False
                 ) -> None:
        must_be_plain(self.scipys, fill_value=fill_value)
        self._nodes = has_node(x) or has_node(y)
        knots, heights = (array_of(v) if self._nodes else v for v in (x, y))
        self._theirs = si.interp1d(value_of(knots), value_of(heights), kind, axis, copy,
                                   bounds_error, fill_value, assume_sorted)
        self._kind, self._axis = kind, axis
        self._extrapolates = isinstance(fill_value, str)
        if self._nodes:
            self._check_kind()
        self._points = x, y, assume_sorted

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._theirs, name)

    def _check_kind(self) -> None:
        if self._kind not in ("linear", 1):
            raise NotDifferentiableError(
                f"scipy.interpolate.interp1d(kind={self._kind!r}) isn't differentiable here: of "
                "nodes only kind='linear' is")

    def __call__(self, x: Any) -> Any:
        """The lines at x; the points' axis is replaced by those of x."""
        if not self._nodes and not has_node(x):
            return self._theirs(x)
        self._check_kind()
        return self._lines(array_of(x))

    @keeps_kind
    def _lines(self, q: Any) -> Any:
        knots, y, in_order = array_of(self._points[0]), array_of(self._points[1]), self._points[2]
        filled = _points_last(self._theirs(value_of(q)), self._axis, shape(q), shape(y))
        y = moveaxis(y, self._axis, -1)
        if not in_order:
            order = np.argsort(value_of(knots), kind="stable")
            knots, y = knots[order], y[..., order]
        plain, v = value_of(knots), np.asarray(value_of(q))
        i = np.clip(np.searchsorted(plain, v, side="right") - 1, 0, len(plain) - 2)
        for knot in {plain[0], plain[-1], plain[i], plain[i + 1]} if not v.ndim else ():
            decided(operator.lt, q, float(knot))  # between which knots one number lies
            decided(operator.gt, q, float(knot))
        left, right = _taken(y, i), _taken(y, i + 1)
        slope = (right - left) / (knots[i + 1] - knots[i])
        lines = left + (q - knots[i]) * slope
        outside = (v < plain[0]) | (v > plain[-1])
        if np.any(outside) and not self._extrapolates:
            lines = where(outside, filled, lines)
        if not v.ndim:
            return lines
        last = len(shape(y)) - 1
        where_to = range(self._axis % (last + 1), self._axis % (last + 1) + v.ndim)
        return moveaxis(lines, tuple(range(last, last + v.ndim)), tuple(where_to))


def _taken(y: Any, i: Any) -> Any:
    """The i-th along the last axis; of plain numbers one as a number, not as an array."""
    found = y[..., i]
    return found[()] if isinstance(found, np.ndarray) else found


def _points_last(filled: Any, axis: int, points: Any, heights: Any) -> Any:
    """SciPy's result with the axes of the points last."""
    first, count = axis % len(heights), len(points)
    return np.moveaxis(filled, range(first, first + count), range(-count, 0)) if count else filled
