"""Straight-line code run by NumPy, value by value, exact where the machine's 0·inf is nan.

A cotangent that nobody sent is no zero: `where`, `relu` or `maximum` didn't choose that way, and
what lies behind it is silent even where its slope is infinite. The machine multiplies by 0 and
goes on, which is the same unless a nan comes out; then the program is run again, here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .code import DOT, LANE_SUM, LEAF, PRODUCT, ROW, Code

__all__ = ["careful"]

Heard = Any
"""Whether anything was sent: a bool, or one for each sample."""


def careful(code: Code, inputs: list[Any], needed: np.ndarray, samples: int) -> list[Any]:
    """All needed values: floats, or arrays with a number for each sample."""
    values: list[Any] = [None] * len(code)
    heard: dict[int, Heard] = {}
    values[: len(inputs)] = inputs
    for i, x in code.constants.items():
        values[i] = x
    with np.errstate(all="ignore"):
        for i in np.flatnonzero(needed).tolist():
            operands = code.arg[code.ptr[i] : code.ptr[i + 1]]
            if code.op[i] == LEAF:
                continue
            if i in code.sums:
                chooses = code.chooses[code.ptr[i] : code.ptr[i + 1] : 2]
                values[i], heard[i] = _cotangent(operands, values, heard, chooses)
            elif code.op[i] >= ROW:
                values[i] = code.rows[code.op[i] - ROW].compute([values[j] for j in operands], {})
            else:
                assert code.op[i] in (DOT, LANE_SUM, PRODUCT)
                values[i] = _dot(operands, values)
            if code.op[i] == LANE_SUM:
                values[i] = float(np.sum(np.broadcast_to(values[i], samples)))
                heard[i] = bool(np.any(heard.get(i, True)))
    return values


def _dot(operands: list[int], values: list[Any]) -> Any:
    y = -0.0
    for p, q in zip(operands[::2], operands[1::2], strict=True):
        y = y + np.multiply(values[p], values[q])
    return y


def _cotangent(operands: list[int], values: list[Any], heard: dict[int, Heard],
               chooses: list[int]) -> tuple[Any, Heard]:
    """The sum of what consumers send that were heard themselves and chose this way."""
    y: Any = 0.0
    any_heard: Any = np.False_
    for p, q, choice in zip(operands[::2], operands[1::2], chooses, strict=True):
        g, slope = values[p], values[q]
        sent = np.asarray(heard.get(p, True)) & heard.get(q, True)
        sent = sent & ~(bool(choice) & (np.asarray(slope) == 0))
        y = y + np.where(sent, np.multiply(g, slope), 0.0)
        any_heard = any_heard | sent
    return (y if np.ndim(y) else float(y)), any_heard
