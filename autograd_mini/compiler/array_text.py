"""A recorded function of arrays, and its gradient, written out as straight-line NumPy.

Each row of the table is called again by its forward function, each rule as a backward pass would
call it, in the same order: so a replay gives the numbers of the engine to the last bit. What is
saved is the recording, the sorting, and new arrays: what a ufunc or a matrix product computes is
written into an array that is there already.
"""

from __future__ import annotations

import keyword
import operator
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import backprop
from ..followed import Followed, call_method, refuse
from ..graph import Node, made
from ..ops import linear, max, min, relu, sum, transpose
from ..primitive import PRIMITIVES, Elementwise, Structural
from .array_recorder import OPERATORS, SIGNS, ArrayRecorder, itself, may_change_shape, same

__all__ = ["FAILED", "ArrayText", "is_layer", "is_ours"]

FAILED = object()
"""The result of a replay in which something was decided differently from the recording."""


REDUCTIONS = {sum: "np.add.reduce", max: "np.maximum.reduce", min: "np.minimum.reduce"}


class ArrayText:
    """The text of a program, and the names in it.

    | field    | what it is                                                                    |
    |----------|-------------------------------------------------------------------------------|
    | `lines`  | the statements                                                                |
    | `space`  | what the names of functions and constants mean                                |
    | `names`  | by its id, what a node or what is followed is called                          |
    | `into`   | the names of arrays, given last, to write gradients into                      |
    """

    def __init__(self, recorder: ArrayRecorder, arguments: Sequence[Any],
                 into: Sequence[str] = ()) -> None:
        self.recorder, self.arguments, self.into = recorder, list(arguments), into
        self.lines: list[str] = []
        self.space: dict[str, Any] = {"np": np, "FAILED": FAILED, "same": same, "made": made,
                                      "pull": backprop.pull, "program": None}
        self.names = {id(x): f"{'w' if x.op is None else 'v'}{i}" if isinstance(x, Node)
                      else f"a{i}" for i, x in enumerate(self.arguments)}
        self.known: dict[int, str] = {}  # names of constants, by id
        self.count = len(self.arguments)
        self.buffers: set[str] = set()
        self.is_ours = True  # whether no row of a user's is called

    def function(self, results: str) -> Any:
        """The function of the arguments that returns these, and its text."""
        arguments = ", ".join([*[self.names[id(x)] for x in self.arguments], *self.into])
        body = "\n    ".join([*self.lines, f"return {results}"])
        text = f"def program({arguments}):\n    {body}\n"
        space = dict(self.space)
        exec(compile(text, "<program>", "exec"), space)
        return space["program"], text

    def constants(self) -> dict[str, Any]:
        """What the names of constants mean: all but the arrays that results are written into."""
        return {name: x for name, x in self.space.items() if name not in self.buffers}

    # ── names ────────────────────────────────────────────────────────────────────────────────

    def new(self, letter: str) -> str:
        """A name that isn't used yet."""
        self.count += 1
        return f"{letter}{self.count}"

    def constant(self, x: Any, name: str = "") -> str:
        """A name for something that never changes."""
        known = self.known.get(id(x))
        if known is None:
            name = re.sub(r"[^A-Za-z0-9_]", "", name)
            usable = name.isidentifier() and not keyword.iskeyword(name) and not re.fullmatch(
                r"[a-z]\d*|fitted|seen|add_at", name)  # which the text has for its own
            free = usable and name not in self.space
            known = name if free else self.new(f"{name}_" if usable else "c")
            self.known[id(x)], self.space[known] = known, x
        return known

    def named(self, x: Any) -> str:
        """How an argument is written: what was computed by its name, all else as Python has it."""
        if id(x) in self.names:
            return self.names[id(x)]
        source = self.recorder.kept.get(id(x))
        if source is not None and source.held is x:
            return self.names[id(source)]
        kind = type(x)
        if x is None or x is ... or kind in (bool, int, str) or (
                kind is float and x == x and abs(x) != np.inf):
            return repr(x)
        if kind is slice:
            return f"slice({', '.join(map(self.named, (x.start, x.stop, x.step)))})"
        if kind is tuple:
            return f"({', '.join(map(self.named, x))}{',' * (len(x) == 1)})"
        if kind is list:
            return f"[{', '.join(map(self.named, x))}]"
        if kind is dict and all([type(key) is str for key in x]):
            return f"{{{', '.join([f'{key!r}: {self.named(v)}' for key, v in x.items()])}}}"
        return self.constant(x, getattr(x, "__name__", ""))

    def called(self, name: str, args: Iterable[Any], kwargs: dict[str, Any]) -> str:
        """name(*args, **kwargs), as Python has it."""
        keywords = [f"{key}={self.named(x)}" for key, x in kwargs.items()]
        return f"{name}({', '.join([*map(self.named, args), *keywords])})"

    # ── what is computed ─────────────────────────────────────────────────────────────────────

    def compute(self, *wanted: Any) -> None:
        """The statements for these, and for all that they depend on and isn't there yet."""
        stack = [(x, False) for x in reversed(wanted)]
        while stack:
            x, ready = stack.pop()
            if id(x) in self.names:
                continue
            if ready:
                self._statement(x)
                continue
            stack.append((x, True))
            stack += [(part, False) for part in reversed([*_parts(x, self.recorder.kept)])]

    def _statement(self, x: Any) -> None:
        """The statement that computes x, of parts that are there."""
        if isinstance(x, Followed):
            self.names[id(x)] = name = self.new("t")
            self.lines.append(f"{name} = {self._followed(x)}")
            if may_change_shape(x):
                self.lines.append(f"if np.shape({name}) != {np.shape(x.held)!r}: return FAILED")
        elif x.op is None:  # a leaf that the function made
            self.names[id(x)] = self.named(x.value)
        else:
            name = self.new("v")
            self.lines += self._forward(x, name)
            self.names[id(x)] = name

    def _followed(self, x: Followed) -> str:
        """A call of NumPy's, or of Python's."""
        function: Any = x.function
        if function is call_method:
            of, name, *args = x.args
            return self.called(f"{self.named(of)}.{name}", args, x.kwargs)
        if function is operator.getitem:
            return f"{self.named(x.args[0])}[{self.named(x.args[1])}]"
        if function in OPERATORS:
            return f" {OPERATORS[function]} ".join(map(self.named, x.args))
        if function in SIGNS:
            return SIGNS[function] + self.named(x.args[0])
        return self.called(self._numpy(function), x.args, x.kwargs)

    def _numpy(self, function: Any, called: str = "") -> str:
        """A function of NumPy by its own name; another one by what it is called here."""
        of, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
        if isinstance(of, np.ufunc):
            return self._numpy(of) + ("" if name == "__call__" else f".{name}")
        if name and getattr(np, name, None) is function:
            return f"np.{name}"
        return self.constant(function, called or name)

    def inputs(self, node: Node) -> list[Any]:
        """The inputs of a node, with its parents in their places."""
        return [x if parent is None else parent
                for parent, x in zip(node.parents, node.inputs, strict=True)]

    def _forward(self, node: Any, name: str) -> list[str]:
        """The statements that compute a node."""
        row: Any = node.op
        value = node.value
        known: Any = PRIMITIVES.get(row.name)
        if known is not row:
            refuse(f"{row.name} isn't in the table, and so has no function to be called again")
        self.is_ours = self.is_ours and is_ours(row)
        inputs, params = self.inputs(node), node.params or {}
        whole = type(value) is np.ndarray and value.ndim > 0
        if whole and is_ours(row):
            if row is linear and is_layer(node):
                x, weight, bias = map(self.named, inputs)
                return [f"{name} = np.matmul({x}, {weight}.T, out={self.new_buffer(value)})",
                        f"{name} += {bias}"]
            if row is relu:
                return [f"{name} = np.maximum({self.named(inputs[0])}, 0, "
                        f"out={self.new_buffer(value)})"]
            if isinstance(row.forward, np.ufunc):
                call = self.called(self._numpy(row.forward), inputs, {})
                return [f"{name} = {call[:-1]}, out={self.new_buffer(value)})"]
        of = type(node.inputs[0]) is np.ndarray and node.inputs[0].ndim
        if of and row in REDUCTIONS:  # as NumPy's functions do at last
            call = self.called(REDUCTIONS[row], inputs, params)
        elif of and row is transpose and params["axes"] is None:
            call = f"{self.named(inputs[0])}.T"
        elif isinstance(row, Elementwise) and not whole:
            call = f"{self.constant(row.compute, row.name)}({self.named(tuple(inputs))}, {{}})"
        elif isinstance(row, Structural) and row.many:
            call = self.called(self.constant(row.forward, row.name), [inputs], params)
        else:
            call = self.called(self._numpy(row.forward, row.name), inputs, params)
        shaped = call if whole else f"float({call})" if type(value) is float else (
            f"np.asarray({call})")
        return [f"{name} = {shaped}"]

    def new_buffer(self, like: np.ndarray) -> str:
        """A new array that stays from call to call."""
        name = self.new("b")
        self.buffers.add(name)
        self.space[name] = np.empty_like(like)
        return name

    # ── what is decided, and done ────────────────────────────────────────────────────────────

    def check(self) -> None:
        """A statement for each condition."""
        for how, x, outcome in self.recorder.conditions:
            self.compute(x)
            found = self.named(x)
            if how is bool:
                self.lines.append(f"if {'not ' * outcome}{found}: return FAILED")
                continue
            if how is not itself:
                found = f"{self.constant(how, how.__name__)}({found})"
            self.lines.append(f"if not same({found}, {self.named(outcome)}): return FAILED")


def _parts(x: Any, kept: dict[int, Followed]) -> Iterable[Any]:
    """What a node, or what is followed, was computed from."""
    if isinstance(x, Followed):
        yield from _found_in((x.args, x.kwargs), kept)
        return
    if x.op is None:
        yield from _found_in(x.value, kept)
    for parent, value in zip(x.parents, x.inputs, strict=True):
        yield from (parent,) if parent is not None else _found_in(value, kept)
    yield from _found_in(x.params, kept)


def _found_in(x: Any, kept: dict[int, Followed]) -> Iterable[Any]:
    """Nodes and what is followed, in tuples, lists and dicts."""
    if isinstance(x, Node | Followed):
        yield x
    elif isinstance(x, tuple | list):
        for part in x:
            yield from _found_in(part, kept)
    elif isinstance(x, dict):
        yield from _found_in(list(x.values()), kept)
    elif (source := kept.get(id(x))) is not None and source.held is x:
        yield source


def is_ours(row: Any) -> bool:
    """Whether a row can be relied on to write to none of its arguments: one of the table's or nn's.
    """
    module = getattr(row.pullbacks[0], "__module__", "") if isinstance(row, Structural) else ""
    return row.trusted or module.partition(".")[0] == "autograd_mini"


def is_layer(node: Any) -> bool:
    """Whether a `linear` is one of rows, in one dtype."""
    x, weight, bias = node.inputs
    arrays = all([type(a) is np.ndarray for a in (x, weight, bias)])
    return bool(arrays and node.value.ndim == 2 == weight.ndim
                and x.dtype == weight.dtype == bias.dtype == node.value.dtype)
