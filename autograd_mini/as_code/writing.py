"""Each node of a recorded function as text, in a line of its own where it needs one."""

from __future__ import annotations

import operator
import re
from collections import Counter
from typing import Any

import numpy as np

from ..compiler.array_recorder import OPERATORS, SIGNS, computed
from ..errors import NotFollowedError
from ..followed import Followed, call_method
from ..graph import Node
from ..limits import both_zero
from ..primitive import Elementwise
from .expressions import ATOM, COMPARE, LEVELS, SIGN, SUM, Text, call, infix, within
from .recorded import Recorded
from .rows import HELPERS, NotPrintableError, index_code, written

__all__ = ["FEW", "RESERVED", "Writing", "held_in"]

COMMENTS = 50  # where comments begin
RESERVED = {"np", "jnp", "torch", "math", "all", "type", "repr", "float", "slice", "tuple",
            *HELPERS}  # what the code calls something itself
FEW = 64  # entries of an array that is written out
LONG = 60  # letters of an expression that gets a name of its own


class Writing:
    """The lines of a function, and how each node is called in them."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.texts: dict[Any, Text] = {}
        self.lines: list[str] = []
        self.defined: dict[str, str] = {}  # the names, and what they stand for
        self.taken = {*recorded.parameters, *RESERVED}
        self.labels = self._labels()
        self.uses = Counter(p for node in recorded.order for p in node.parents if p is not None)
        self.known: dict[tuple[str, Any], Text] = {}
        self.constants: set[Node] = set()  # the nodes that depend on no argument
        for name, x in recorded.parameters.items():
            self.texts[x if isinstance(x, Node) else id(x)] = Text(name)

    def _labels(self) -> dict[Node, str]:
        """The function's own names, and d… for their gradients."""
        labels: dict[Node, str] = {}
        for node, name in self.recorded.names.items():
            if name not in self.taken and name.isidentifier():
                labels[node] = name
                self.taken.add(name)
        if self.recorded.result not in labels:
            labels[self.recorded.result] = self.free("loss")
        arguments = {x: name for name, x in self.recorded.parameters.items()
                     if isinstance(x, Node) and name in self.recorded.gradients}
        for node, g in self.recorded.cotangents.items():
            of = arguments.get(node) or labels.get(node)
            if isinstance(g, Node) and g not in labels and g not in self.recorded.forward and of:
                labels[g] = self.free(f"d{of}")
        return labels

    def free(self, name: str) -> str:
        """The name, with underscores as long as it is taken."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def node(self, node: Node) -> None:
        """The text of a node, in a line of its own if it is used more than once, or is long."""
        if node in self.texts:
            return
        for parent in node.parents:  # of a node that is only compared
            if parent is not None and parent not in self.texts:
                self.node(parent)
        if node.op is None or (not self._follows(node.params) and all(
                self._is_constant(node, i) for i in range(len(node.inputs)))):
            self.constants.add(node)
            self.texts[node] = self.constant(node.value)
            return
        held = [held_in(x if p is None else p) for p, x in zip(
            node.parents, node.inputs, strict=True)]
        exact = any(h.dtype.kind != "f" for h in held)
        parts = [self.plain(x, exact) if p is None else self.constant(p.value, exact)
                 if p in self.constants else self.texts[p]
                 for p, x in zip(node.parents, node.inputs, strict=True)]
        shapes = [h.shape for h in held]
        text = self._simply(node, parts, held)
        if text is None:
            text = written(node.op, self._in_full(node, parts, shapes, exact),
                           self._params(node), shapes, held_in(node).dtype == np.float32)
        self._keep(node, text)

    def _simply(self, node: Node, parts: list[Text], held: list[np.ndarray]) -> Text | None:
        """What says nothing: times 1, and a shape that it has already."""
        y = np.asarray(node.value)
        if node.op is not None and node.op.name == "multiply":
            for mine, other in ((0, 1), (1, 0)):
                if self._is_constant(node, mine) and np.all(np.equal(held[mine], 1)) and (
                        held[other].shape, held[other].dtype) == (y.shape, y.dtype):
                    return parts[other]
        if node.op is not None and node.op.name in ("reshape", "broadcast_to") and (
                held[0].shape == y.shape):
            return parts[0]
        return None

    def _in_full(self, node: Node, parts: list[Text], shapes: Any, exact: bool) -> list[Text]:
        """The operands; an array of one number alone is that number where others give its shape."""
        shape = np.shape(node.value)
        alike = [self._is_constant(node, i) and _is_uniform(x) for i, x in enumerate(node.inputs)]
        spread = isinstance(node.op, Elementwise) and shape in [
            s for s, its in zip(shapes, alike, strict=True) if not its]
        return [self.constant(held_in(x).ravel()[0].item(), exact) if its and spread else part
                for part, its, x in zip(parts, alike, node.inputs, strict=True)]

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
        if isinstance(index, np.ndarray | Followed):
            return _Raw(self.plain(index).code)
        return index

    def _keep(self, node: Node, text: Text) -> None:
        same = self.known.get((text.code, np.shape(node.value)))
        if same is not None:
            self.texts[node] = same
            return
        named = self.labels.get(node)
        is_name = text.level == ATOM and text.code.isidentifier()
        if named is None and (is_name or (self.uses[node] <= 1 and len(text.code) <= LONG)):
            self.texts[node] = text
            return
        if named is None:
            named = self.free(f"v{sum(line.startswith('v') for line in self.lines) + 1}")
        self.lines.append(self._beside(f"{named} = {text.code}", node))
        self.defined[named] = text.code
        self.texts[node] = self.known[text.code, np.shape(node.value)] = Text(named)

    def _beside(self, line: str, node: Node) -> str:
        """A line, with the user's line that it comes from."""
        place = self.recorded.places.get(node)
        if place is None or not place.line:
            return line
        again = "" if node in self.recorded.forward else f": {place.code}"
        return f"{line:<{COMMENTS}}  # line {place.line}{again}"

    # ── plain numbers and arrays ─────────────────────────────────────────────────────────────

    def plain(self, x: Any, exact: bool = False) -> Text:
        """An operand that isn't a node: followed, or a constant."""
        x = self.recorded.recorder.followed(x)
        if type(x) is Followed:
            return self.followed(x)
        return self.constant(x, exact)

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

    def constant(self, x: Any, exact: bool = False) -> Text:
        """A number or an array that the function has in itself.

        exact: whether its kind counts, as it does beside whole numbers: 2.0 isn't 2 there.
        """
        if np.ndim(x) == 0:
            number = _number(x, exact)
            return Text(number, SIGN if number.startswith("-") else ATOM)
        array = np.asarray(x)
        if not array.size:
            return call("np.zeros", repr(array.shape), f"np.{array.dtype.name}")
        if _is_uniform(array):
            return call("np.full", repr(array.shape), _number(array.ravel()[0].item()),
                        f"np.{array.dtype.name}")
        if array.size > FEW:
            raise NotFollowedError(f"an array of shape {array.shape} is a constant of the "
                                   "function: give it as an argument, so that it has a name")
        text = re.sub(r"\bnan\b", "np.nan", re.sub(r"\binf\b", "np.inf", repr(array.tolist())))
        return call("np.array", text, f"np.{array.dtype.name}")


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


class _Raw:
    """Code that stands for itself in an index."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __repr__(self) -> str:
        return self.code


def held_in(x: Any) -> np.ndarray:
    """The array, or number, of a node, of what is followed, or as it is."""
    return np.asarray(x.held if type(x) is Followed else x.value if isinstance(x, Node) else x)


def _is_uniform(x: Any) -> bool:
    array = np.asarray(x)
    first = array.ravel()[:1].tobytes()  # 0.0 isn't −0.0
    return bool(array.ndim and array.size and array.tobytes() == first * array.size)


def _number(x: Any, exact: bool = False) -> str:
    """A number with all its digits; exact: with its kind."""
    if exact and isinstance(x, np.generic):
        return f"np.{x.dtype.name}({_number(x.item(), exact)})"
    number = x.item() if isinstance(x, np.generic | np.ndarray) else x
    if isinstance(number, float) and not np.isfinite(number):
        return f"np.{number}".replace("np.-inf", "-np.inf")
    if not exact and isinstance(number, float) and number.is_integer() and abs(number) < 1e6 and (
            number or str(number) == "0.0"):
        return str(int(number))
    return repr(number)
