"""The slopes of a row become code: its rule, fed nodes, is recorded once, and copied."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GraphError
from ..graph import Node, leaf, topological_order
from ..ops import power
from ..primitive import Elementwise
from ..recording import Observer, traced_by
from .code import Code
from .flatten import flatten
from .machine import DOT, ROW

__all__ = ["SlopeTemplates"]

Ids = np.ndarray


class SlopeTemplates:
    """Appends to a code the slopes of values that a row made; each row is recorded once."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._templates: dict[Any, list[_Template]] = {}

    def slopes(self, row: Elementwise, ys: Ids, xs: list[Ids]) -> list[Ids | None]:
        """Per argument, where the slopes of these values are; new values where need be."""
        if row is power:  # whose rule asks whether the exponent is a constant
            return self._slopes_of_powers(ys, *xs)
        if row not in self._templates:
            self._templates[row] = [_Template(row, i) for i in range(len(xs))]
        return [template.append_to(self.code, ys, xs) for template in self._templates[row]]

    def _slopes_of_powers(self, ys: Ids, xs: Ids, exponents: Ids) -> list[Ids | None]:
        base, exponent = np.empty_like(ys), np.empty_like(ys)
        for e in np.unique(exponents).tolist():
            at = exponents == e
            key = (power, self.code.constants.get(e))
            if key not in self._templates:
                self._templates[key] = [_Template(power, i, key[1]) for i in (0, 1)]
            for template, slopes in zip(self._templates[key], (base, exponent), strict=True):
                ids = template.append_to(self.code, ys[at], [xs[at], exponents[at]])
                slopes[at] = ids if ids is not None else self.code.constant(0.0)
        return [base, exponent]


class _Template:
    """The slope of a row in its argument i: a number, or code whose inputs are y and the xs.

    exponent: of a power, if it is a constant.
    """

    def __init__(self, row: Elementwise, i: int, exponent: float | None = None) -> None:
        self.number: float | None = None
        self.code: Code | None = None
        slope = row.slopes[i]
        if slope is None or (exponent is not None and i == 1):
            return
        if not callable(slope):
            self.number = float(slope)
            return
        y, *xs = (leaf(0.5) for _ in range(len(row.slopes) + 1))
        args = [xs[0], exponent] if exponent is not None else xs
        with traced_by(_DecisionRefuser(row)):
            result = slope(y, *args)
        if not isinstance(result, Node):
            self.number = float(result)
            return
        self.code = Code(len(row.slopes) + 1)
        number: dict[Any, int] = {node: k for k, node in enumerate((y, *xs))}
        flatten(self.code, topological_order(result)[::-1], number)
        if DOT in self.code.op:
            _DecisionRefuser(row).detached()
        self.result = number[result]

    def append_to(self, code: Code, ys: Ids, xs: list[Ids]) -> Ids | None:
        """Append the slope of each of these values to `code`; None for no slope."""
        if self.number is not None:
            return np.full(len(ys), code.constant(self.number))
        if self.code is None:
            return None
        copies: list[Any] = [ys, *xs]
        for i in range(len(copies), len(self.code)):
            if i in self.code.constants:
                copies.append(code.constant(self.code.constants[i]))
                continue
            operands = [copies[j] for j in self.code.operands(i)]
            copies.append(code.append_rows(self.code.rows[self.code.op[i] - ROW], *operands))
        return np.broadcast_to(copies[self.result], len(ys))


class _DecisionRefuser(Observer):
    """Refuses a slope that decides by the numbers it is fed: recorded, it would hold for these.

    The engine calls its methods while the rule is recorded (see `traced_by`).
    """

    def __init__(self, row: Elementwise) -> None:
        self.row = row

    def detached(self, *nodes: Node) -> None:
        raise GraphError(
            f"the slope of {self.row.name} looks at plain numbers, so it can't be recorded: write "
            "it with the table's functions (ag.where, ag.maximum …)"
        )

    def compared(self, *_: Any) -> None:
        self.detached()
