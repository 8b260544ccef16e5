"""What a node is computed from, as text: what is followed of the arguments, and constants."""

from __future__ import annotations

import abc
import operator
from typing import Any

import numpy as np

from ..compiler.array_recorder import OPERATORS, SIGNS, computed
from ..followed import Followed, call_method
from ..graph import Node, value_of
from ..limits import both_zero
from .constants import constant
from .expressions import ATOM, COMPARE, LEVELS, SIGN, SUM, Text, call, infix, within
from .recorded import Recorded
from .rows import NotPrintableError, index_code, written

__all__ = ["Operands", "held_in"]


class Operands(abc.ABC):
    """The texts of plain numbers and arrays; `node` writes those of nodes."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.texts: dict[Any, Text] = {}
        self.constants: set[Node] = set()  # the nodes that depend on no argument
        for name, x in recorded.parameters.items():
            self.texts[x if isinstance(x, Node) else id(x)] = Text(name)

    @abc.abstractmethod
    def node(self, node: Node) -> None:
        """Write a node, so that it has a text."""

    def _is_constant(self, node: Node, i: int) -> bool:
        """Whether an operand is the same for all arguments."""
        parent, x = node.parents[i], node.inputs[i]
        if parent is None:
            return type(self.recorded.recorder.followed(x)) is not Followed
        return parent in self.constants

    def _follows(self, params: Any) -> bool:
        """Whether what an operation was told is computed from an argument."""
        if isinstance(params, dict):
            return any(map(self._follows, params.values()))
        if isinstance(params, tuple | list):
            return any(map(self._follows, params))
        return type(self.recorded.recorder.followed(params)) is Followed

    def _params(self, node: Node) -> dict[str, Any]:
        params = dict(node.params or {})
        for key, x in params.items():
            if key == "index":
                params[key] = self._index(x)
            elif type(self.recorded.recorder.followed(x)) is Followed or (
                    isinstance(x, np.ndarray) and x.size > 8):
                raise NotPrintableError(f"{node.op.name if node.op else ''}({key}=…)")
        return params

    def _index(self, index: Any) -> Any:
        if isinstance(index, tuple):
            return tuple(self._index(part) for part in index)
        if isinstance(index, slice):
            return slice(*map(self._index, (index.start, index.stop, index.step)))
        if isinstance(index, np.ndarray | Followed):
            return Raw(self.plain(index).code)
        return index

    def plain(self, x: Any, exact: bool = False) -> Text:
        """An operand that isn't a node: followed, or a constant."""
        x = self.recorded.recorder.followed(x)
        if type(x) is Followed:
            return self.followed(x)
        return constant(x, exact)

    def followed(self, x: Followed) -> Text:
        """What is computed from an argument, as it was computed."""
        if id(x) not in self.texts:
            self.texts[id(x)] = self._followed(x, x.function)
        return self.texts[id(x)]

    def _followed(self, x: Followed, function: Any) -> Text:
        if function is computed:  # a row of the table, of plain arrays
            row, args, params = x.args
            return written(row, [self._part(a) for a in args], params,
                           [np.shape(held_in(a)) for a in args])
        options = [f"{key}={self._part(value).code}" for key, value in x.kwargs.items()]
        if function is call_method:
            of, method, *rest = x.args
            return Text(f"{within(self._part(of), ATOM)}.{method}("
                        f"{', '.join([*(self._part(part).code for part in rest), *options])})")
        if function is operator.getitem:
            index = index_code(self._index(x.args[1]))
            return Text(f"{within(self._part(x.args[0]), ATOM)}[{index}]")
        parts = [self._part(a) for a in x.args]
        if function in OPERATORS and len(parts) == 2:
            sign = OPERATORS[function]
            return infix(sign, parts[0], parts[1], LEVELS.get(sign, COMPARE))
        if function in SIGNS:
            return Text(f"{SIGNS[function]}{within(parts[0], SIGN)}", SIGN)
        if function is float:  # a number that adds no precision; NumPy's divides by 0
            return call("float" if self._is_single() else "np.float64", *parts)
        if function is value_of:
            return self._part(x.args[0])
        if function is both_zero:
            return Text(" & ".join(f"({within(part, SUM)} == 0)" for part in parts), LEVELS["&"])
        return call(_name_in_numpy(function), *parts, *options)

    def _is_single(self) -> bool:
        return any(held_in(x).dtype == np.float32 for x in self.recorded.parameters.values()
                   if isinstance(x, Node))

    def _part(self, x: Any) -> Text:
        if isinstance(x, Node):
            self.node(x)
            return self.texts[x]
        if isinstance(x, type | np.dtype):
            return Text(f"np.{np.dtype(x).name}")
        if type(x) in (list, tuple):
            inside = ", ".join([self._part(part).code for part in x])
            return Text(f"[{inside}]" if type(x) is list else
                        f"({inside}{',' * (len(x) == 1)})")
        if isinstance(x, bool | str | None) or x is Ellipsis:
            return Text(repr(x))
        if isinstance(x, Followed | np.ndarray | np.generic | float | int):
            return self.plain(x, exact=True)
        raise NotPrintableError(f"an argument that is a {type(x).__name__}")


def _name_in_numpy(function: Any) -> str:
    """np.name of one of NumPy's functions. Raises `NotPrintableError` for any other."""
    ufunc = getattr(function, "__self__", None)
    if isinstance(ufunc, np.ufunc):  # of which a method is called
        method = function.__name__
        return _name_in_numpy(ufunc) + ("" if method == "__call__" else f".{method}")
    name = getattr(function, "__name__", str(function))
    if getattr(np, name, None) is not function:
        raise NotPrintableError(name)
    return f"np.{name}"


class Raw:
    """Code that stands for itself in an index."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __repr__(self) -> str:
        return self.code


def held_in(x: Any) -> np.ndarray:
    """The array, or number, of a node, of what is followed, or as it is."""
    return np.asarray(x.held if type(x) is Followed else x.value if isinstance(x, Node) else x)
