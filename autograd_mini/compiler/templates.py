"""The slopes of a row become code: its rule, fed nodes, is recorded once, and copied."""

from __future__ import annotations

from typing import Any

from ..errors import GraphError
from ..graph import Node, leaf, topological_order
from ..ops import power
from ..primitive import Elementwise
from ..recording import Observer, traced_by
from .code import DOT, ROW, Code
from .flatten import flatten

__all__ = ["SlopeTemplates"]


class SlopeTemplates:
    """Appends to a code the slopes of values that rows made; each row's rule is recorded once."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._templates: dict[Any, _Template] = {}
        self._slopes: dict[tuple[int, int], int | None] = {}

    def slope(self, row: Elementwise, y: int, i: int) -> int | None:
        """Where the slope is of value y, which `row` made, in its operand i; None for no slope.

        It is a new value, unless it was needed for an earlier gradient.
        """
        if (y, i) not in self._slopes:
            # The rule of a power asks whether the exponent is a constant.
            exponent = self.code.constants.get(self.code.operands[y][1]) if row is power else None
            key = (row, i, exponent)
            if key not in self._templates:
                self._templates[key] = _Template(row, i, exponent)
            self._slopes[y, i] = self._templates[key].append_to(self.code, y)
        return self._slopes[y, i]


class _Template:
    """The slope of a row in its argument i: a number, or code whose inputs are y and the xs.

    exponent: of a power, if it is a constant.
    """

    def __init__(self, row: Elementwise, i: int, exponent: float | None = None) -> None:
        self.number: float | None = None
        self.code: Code | None = None
        slope = row.slopes[i]
        if slope is None:
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

    def append_to(self, code: Code, y: int) -> int | None:
        """Append the slope of value y of `code`, which the row made; None for no slope."""
        if self.number is not None:
            return code.constant(self.number)
        if self.code is None:
            return None
        copies = [y, *code.operands[y]]
        for i in range(len(copies), len(self.code)):
            if i in self.code.constants:
                copies.append(code.constant(self.code.constants[i]))
            else:
                row = self.code.rows[self.code.op[i] - ROW]
                copies.append(code.append(code.operation(row),
                                          tuple([copies[k] for k in self.code.operands[i]])))
        return copies[self.result]


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
