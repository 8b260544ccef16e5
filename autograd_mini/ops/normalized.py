"""The table, part 7: rows of numbers scaled to a sum of 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import structural
from .facts import state
from .reductions import sum

Axes = int | tuple[int, ...] | None


def _softmax(x: Any, axis: Axes = -1) -> Any:
    """exp(x − log Σ eˣ), shifted by the largest x, which has to be finite in each row.

    It is the composite of functions/normalized.py to the bit, in two arrays where that has four.
    """
    y = np.asarray(x - np.max(x, axis=axis, keepdims=True))
    y -= np.log(np.sum(np.exp(y), axis=axis, keepdims=True))
    return np.exp(y, out=y)


@structural(_softmax, name="ag.softmax", symbol="softmax")  # the name is free for users
def softmax(g, y, x, *, axis=-1):  # type: ignore[no-untyped-def]
    """y·(g − Σ g·y)."""
    if not type(g) is np.ndarray is type(y):
        return y * (g - sum(g * y, axis=axis, keepdims=True))
    sent = g * y  # the same, in one new array
    np.subtract(g, np.sum(sent, axis=axis, keepdims=True), out=sent)
    sent *= y
    return sent


softmax.reach = "row"
state("centers", softmax)
