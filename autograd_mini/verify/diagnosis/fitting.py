"""Numbers brought together: one array a multiple of another, or in the shape of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Node
from ...ops import shape, unbroadcast

__all__ = ["agree", "in_shape", "like", "near", "ratio"]


def near(given: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Which entries agree, but for rounding."""
    size = np.max(np.abs(expected), initial=0.0)
    agree: np.ndarray = np.abs(given - expected) <= 1.5e-8 * np.abs(expected) + 1e-12 * size
    return agree


def agree(given: Any, expected: Any) -> bool:
    """Whether two have one shape, and the same numbers but for rounding."""
    given, expected = np.asarray(given), np.asarray(expected)
    return given.shape == expected.shape and bool(near(given, expected).all())


def ratio(u: np.ndarray, v: np.ndarray, room: np.ndarray) -> float | None:
    """c if u = c·v but for rounding; None if not, or if v is nothing."""
    size = float(v @ v)
    if not np.isfinite(size) or not (np.abs(v) > room).any():
        return None
    c = float(u @ v) / size
    return c if (np.abs(u - c * v) <= room * max(1.0, abs(c))).all() else None


def in_shape(sent: Any, to: tuple[int, ...]) -> Any:
    """`sent` in a shape, if NumPy would bring it there; else None."""
    have = np.shape(sent)
    if sent is None or have == to:
        return sent
    lead = len(have) - len(to)
    if lead >= 0 and all(h == n or n == 1 for h, n in zip(have[lead:], to, strict=True)):
        return unbroadcast(np.asarray(sent), to)
    try:
        return np.broadcast_to(sent, to)
    except ValueError:
        return None


def like(node: Node, g: Any) -> Any:
    """A cotangent in the form of a node's value: a float, or an array."""
    if type(node.value) is float:
        return float(g)
    return np.asarray(np.broadcast_to(g, shape(node)), float)
