"""A recorded function as straight-line NumPy code, with its own names."""

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
from .dialects import BACKENDS, translated
from .expressions import ATOM, COMPARE, LEVELS, SIGN, SUM, Text, call, infix, within
from .recorded import Recorded
from .rows import HELPERS, NotPrintableError, index_code, written

__all__ = ["function_text"]

COMMENTS = 50  # where comments begin
RESERVED = {"np", "jnp", "torch", *HELPERS}  # what the code calls something itself
FEW = 64  # entries of an array that is written out
LONG = 60  # letters of an expression that gets a name of its own


class _Writing:
    """The lines of a function, and how each node is called in them."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.texts: dict[Any, Text] = {}
        self.lines: list[str] = []
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
            labels[self.recorded.result] = self._free("loss")
        arguments = {x: name for name, x in self.recorded.parameters.items()
                     if isinstance(x, Node) and name in self.recorded.gradients}
        for node, g in self.recorded.cotangents.items():
            of = arguments.get(node) or labels.get(node)
            if isinstance(g, Node) and g not in labels and g not in self.recorded.forward and of:
                labels[g] = self._free(f"d{of}")
        return labels

    def _free(self, name: str) -> str:
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
        parts = [self.texts[p] if p is not None else self.plain(x)
                 for p, x in zip(node.parents, node.inputs, strict=True)]
        shapes = [np.shape(x.value) if isinstance(x, Node) else np.shape(_held(x))
                  for x in (p if p is not None else x for p, x in zip(
                      node.parents, node.inputs, strict=True))]
        text = self._simply(node, parts, shapes)
        if text is None:
            text = written(node.op, self._in_full(node, parts, shapes),
                           self._params(node), shapes)
        self._keep(node, text)

    def _simply(self, node: Node, parts: list[Text], shapes: Any) -> Text | None:
        """What says nothing: times 1, and a shape that it has already."""
        shape = np.shape(node.value)
        if node.op is not None and node.op.name == "multiply":
            for mine, other in ((0, 1), (1, 0)):
                if self._is_constant(node, mine) and shapes[other] == shape and np.all(
                        np.equal(_held(node.inputs[mine]), 1)):
                    return parts[other]
        if node.op is not None and node.op.name in ("reshape", "broadcast_to") and (
                shapes[0] == shape):
            return parts[0]
        return None

    def _in_full(self, node: Node, parts: list[Text], shapes: Any) -> list[Text]:
        """The operands; an array of one number alone is that number where others give its shape."""
        shape = np.shape(node.value)
        alike = [self._is_constant(node, i) and _is_uniform(x) for i, x in enumerate(node.inputs)]
        spread = isinstance(node.op, Elementwise) and shape in [
            s for s, its in zip(shapes, alike, strict=True) if not its]
        return [Text(_number(_held(x).ravel()[0])) if its and spread else part
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
            named = self._free(f"v{sum(line.startswith('v') for line in self.lines) + 1}")
        self.lines.append(self._beside(f"{named} = {text.code}", node))
        self.texts[node] = self.known[text.code, np.shape(node.value)] = Text(named)

    def _beside(self, line: str, node: Node) -> str:
        """A line, with the user's line that it comes from."""
        place = self.recorded.places.get(node)
        if place is None or not place.line:
            return line
        again = "" if node in self.recorded.forward else f": {place.code}"
        return f"{line:<{COMMENTS}}  # line {place.line}{again}"

    # ── plain numbers and arrays ─────────────────────────────────────────────────────────────

    def plain(self, x: Any) -> Text:
        """An operand that isn't a node: followed, or a constant."""
        x = self.recorded.recorder.followed(x)
        if type(x) is Followed:
            return self.followed(x)
        return self.constant(x)

    def followed(self, x: Followed) -> Text:
        """What is computed from an argument, as it was computed."""
        if id(x) in self.texts:
            return self.texts[id(x)]
        function: Any = x.function
        if function is computed:  # a row of the table, of plain arrays
            row, args, params = x.args
            text = written(row, [self._part(a) for a in args], params,
                           [np.shape(_held(a)) for a in args])
            self.texts[id(x)] = text
            return text
        parts = [self._part(a) for a in x.args]
        if function in OPERATORS and len(parts) == 2:
            sign = OPERATORS[function]
            text = infix(sign, parts[0], parts[1], LEVELS.get(sign, COMPARE))
        elif function in SIGNS:
            text = Text(f"{SIGNS[function]}{within(parts[0], SIGN)}", SIGN)
        elif function is operator.getitem:
            text = Text(f"{within(parts[0], ATOM)}[{index_code(self._index(x.args[1]))}]")
        elif function is call_method:
            options = [f"{key}={self._part(value).code}" for key, value in x.kwargs.items()]
            rest = [p.code for p in parts[2:]]
            text = Text(f"{within(parts[0], ATOM)}.{x.args[1]}({', '.join(rest + options)})")
        elif function is float:
            text = call("float", *parts)
        elif function is both_zero:
            text = Text(" & ".join(f"({within(part, SUM)} == 0)" for part in parts), LEVELS["&"])
        else:
            name = getattr(function, "__name__", str(function))
            if getattr(np, name, None) is not function:
                raise NotPrintableError(name)
            options = [f"{key}={self._part(value).code}" for key, value in x.kwargs.items()]
            text = call(f"np.{name}", *parts, *options)
        self.texts[id(x)] = text
        return text

    def _part(self, x: Any) -> Text:
        if isinstance(x, Node):
            self.node(x)
            return self.texts[x]
        if isinstance(x, type | np.dtype):
            return Text(f"np.{np.dtype(x).name}")
        return self.plain(x) if isinstance(x, Followed | np.ndarray | np.generic | float | int
                                           ) and not isinstance(x, bool) else Text(repr(x))

    def constant(self, x: Any) -> Text:
        """A number or an array that the function has in itself."""
        if np.ndim(x) == 0:
            return Text(_number(x), ATOM if not str(_number(x)).startswith("-") else SIGN)
        array = np.asarray(x)
        if not array.size:
            return call("np.zeros", repr(array.shape), f"np.{array.dtype.name}")
        if _is_uniform(array):
            return call("np.full", repr(array.shape), _number(array.ravel()[0]),
                        f"np.{array.dtype.name}")
        if array.size > FEW:
            raise NotFollowedError(f"an array of shape {array.shape} is a constant of the "
                                   "function: give it as an argument, so that it has a name")
        text = re.sub(r"\bnan\b", "np.nan", re.sub(r"\binf\b", "np.inf", repr(array.tolist())))
        return call("np.array", text, f"np.{array.dtype.name}")


class _Raw:
    """Code that stands for itself in an index."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __repr__(self) -> str:
        return self.code


def _held(x: Any) -> Any:
    return np.asarray(x.held if type(x) is Followed else x)


def _is_uniform(x: Any) -> bool:
    array = np.asarray(x)
    first = array.ravel()[:1].tobytes()  # 0.0 isn't −0.0
    return bool(array.ndim and array.size and array.tobytes() == first * array.size)


def _number(x: Any) -> str:
    """A number with all its digits."""
    number = x.item() if isinstance(x, np.generic | np.ndarray) else x
    if isinstance(number, float) and not np.isfinite(number):
        return f"np.{number}".replace("np.-inf", "-np.inf")
    if isinstance(number, float) and number.is_integer() and abs(number) < 1e6 and (
            number or str(number) == "0.0"):
        return str(int(number))
    return repr(number)


def function_text(recorded: Recorded, name: str, backend: str = "numpy") -> str:
    """The program: the helpers that it needs, and a function of the same arguments that returns
    (result, gradients)."""
    writing = _Writing(recorded)
    for node in recorded.order:
        is_backward = node.op is not None and node not in recorded.forward
        if is_backward and "# backward" not in writing.lines:
            writing.lines.append("# backward")
        writing.node(node)
    body = [*_asserted(recorded), *writing.lines]
    body += [_decided(writing, *condition) for condition in recorded.recorder.conditions]
    gradients = [writing.texts[g].code if isinstance(g, Node) else f"np.zeros_like({key})"
                 if g is None else writing.plain(g).code for key, g in recorded.gradients.items()]
    slopes = f"({', '.join(gradients)}{',' * (len(gradients) == 1)})"
    body.append(f"return {writing.texts[recorded.result].code}, {slopes}")
    head, known = "import numpy as np", HELPERS
    if backend != "numpy":
        head, _, known = BACKENDS[backend]
        body = [translated(line, backend) for line in body]
    code = "\n".join(f"    {line}" for line in body)
    text = f"def {name}({', '.join(recorded.parameters)}):\n{code}\n"
    needed = [key for key in HELPERS if re.search(rf"\b{key}\(", text)]
    for key in needed:
        if key not in known:
            raise NotPrintableError(f"{key} for {backend}")
    return "\n\n\n".join([head, *(known[key] for key in needed), text])


def _asserted(recorded: Recorded) -> list[str]:
    """The shapes of the arguments, and the values of those that aren't arrays."""
    lines = []
    for name, x in recorded.parameters.items():
        if isinstance(x, Node | Followed):
            held = np.asarray(x.value if isinstance(x, Node) else x.held)
            lines.append(f"assert np.shape({name}) == {held.shape}")
            lines.append(f"assert np.result_type({name}) == np.{held.dtype.name}")
        else:
            lines.append(f"assert type({name}) is {type(x).__name__} and {name} == {x!r}"
                         if x is not None else f"assert {name} is None")
    return lines


def _decided(writing: _Writing, how: Any, x: Followed, outcome: Any) -> str:
    """What the run decided by numbers, as an assert."""
    if getattr(how, "__name__", "") == "shape":
        return f"assert np.shape({writing.followed(x).code}) == {outcome!r}"
    if getattr(how, "__name__", "") not in ("itself", "bool"):
        raise NotPrintableError(f"a decision by {getattr(how, '__name__', how)}")
    code, size = writing.followed(x).code, np.size(outcome)
    if np.any(outcome) == np.all(outcome):
        each = "all" if np.any(outcome) else "any"
        return f"assert {'' if np.any(outcome) else 'not '}np.{each}({code})"
    if size > FEW:
        raise NotPrintableError(f"a decision by {size} numbers")
    return f"assert np.array_equal({code}, {np.asarray(outcome).tolist()})"
