"""Who is told, while a function of arrays is recorded, of all that a replay must do again."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import NotFollowedError
from ..followed import METHODS, Followed, call_method, held, refuse
from ..graph import Node
from ..primitive import OTHER_ARRAYS, Primitive
from ..recording import Observer, lock

__all__ = ["OPERATORS", "SIGNS", "ArrayRecorder", "Condition", "NotNowError", "computed", "itself",
           "may_change_shape", "same"]

Condition = tuple[Callable[[Any], Any], Followed, Any]
"""(how, x, outcome): how(x) must be this outcome in each replay."""

_NUMBERS = (np.generic, bool, int, float)

OPERATORS = {operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=",
             operator.eq: "==", operator.ne: "!=", operator.add: "+", operator.sub: "-",
             operator.mul: "*", operator.truediv: "/", operator.floordiv: "//",
             operator.mod: "%", operator.pow: "**", operator.matmul: "@", operator.and_: "&",
             operator.or_: "|", operator.xor: "^"}
SIGNS = {operator.neg: "-", operator.pos: "+", operator.invert: "~"}


class NotNowError(NotFollowedError):
    """A function can't be recorded just now, for these numbers, and may be another time."""


class ArrayRecorder(Observer):
    """Follows plain arrays, notes what is decided by them, what is drawn, and what is done.

    | field        | what it is                                                                |
    |--------------|---------------------------------------------------------------------------|
    | `conditions` | what was decided, in this order                                           |
    | `draws`      | (generator, shape, followed): what is drawn anew in each call             |
    | `effects`    | (function, arguments): what is to be called once all has been computed    |
    | `kept`       | by its id, what is followed of an array or number that a node has taken   |
    | `met`        | the nodes whose plain numbers are used                                    |
    | `refused`    | what was refused first, which the function may have caught                |
    """

    follows = True
    prints = False  # whether each operation needs a text, so that none may be several at once

    def __init__(self) -> None:
        self.conditions: list[Condition] = []
        self.draws: list[tuple[np.random.Generator, tuple[int, ...], Followed]] = []
        self.effects: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.kept: dict[int, Followed] = {}
        self.met: list[Node] = []
        self.refused = ""
        self.surroundings: Any = None

    def argument(self, array: Any) -> Followed:
        """What stands for an array that the program is given; the recording has a copy."""
        copy = np.array(array)
        lock(copy)
        return Followed(self, copy)

    def follow(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
               ) -> Any:
        """function(*args, **kwargs) of plain arrays, some of which are followed."""
        try:
            result = function(*held(args), **held(kwargs))
        except ValueError as error:
            if "read-only" in str(error):
                refuse(f"{getattr(function, '__name__', function)} writes to an array", self)
            raise
        self.met += [x for x in args if isinstance(x, Node)]
        return self._wrapped(result, function, args, kwargs)

    def _wrapped(self, result: Any, function: Any, args: Any, kwargs: Any) -> Any:
        if isinstance(result, (np.ndarray, *_NUMBERS)):
            lock(result)
            x = Followed(self, result, function, args, kwargs)
            x.varies = may_change_shape(x) or any(
                [type(y) is Followed and y.varies for y in (*args, *kwargs.values())])
            return x
        if not isinstance(result, tuple | list):
            refuse(f"{getattr(function, '__name__', function)} of an argument gave "
                   f"a {type(result).__name__}", self)
        whole = Followed(self, result, function, args, kwargs)
        whole.varies = True
        parts = [self._wrapped(part, operator.getitem, (whole, i), {})
                 for i, part in enumerate(result)]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)

    def constant(self, x: Followed) -> Any:
        """The array in x as a node takes it; of a number, a float. By its id it is known again."""
        if not isinstance(x.held, np.ndarray):
            x = Followed(self, float(x.held) + 0.0, float, (x,))  # no float that others may have
        self.kept[id(x.held)] = x
        return x.held

    def as_floats(self, x: np.ndarray, dtype: Any) -> np.ndarray:
        """An array of integers, as a node takes it, as floats."""
        source = self.kept.get(id(x))
        if source is None:
            return x.astype(dtype)
        floats: np.ndarray = self.constant(self.follow(np.asarray, (source, dtype), {}))
        return floats

    def followed(self, x: Any) -> Any:
        """What a node's array, or a number of its, is followed as; x itself, if it isn't."""
        source = self.kept.get(id(x))
        return x if source is None or source.held is not x else source

    def decided(self, how: Callable[[Any], Any], x: Followed) -> Any:
        """how(x), on which the program depends from here on."""
        outcome = how(x.held)
        self.conditions.append((how, x, outcome))
        return outcome

    def compared(self, how: Callable[[Any, Any], Any], a: Node, b: Any, outcome: Any) -> None:
        """Note that the program holds only where a comparison comes out as it did."""
        self.met += [x for x in (a, b) if isinstance(x, Node)]
        self.conditions.append((itself, Followed(self, outcome, how, (a, b)), outcome))

    def detached(self, *nodes: Node) -> None:
        """Refuse: plain numbers are taken out of nodes, of which nothing is known afterwards."""
        if nodes:
            refuse("plain numbers are taken out of a node (float(…), .data, .item())", self)

    def stored(self) -> None:
        """Refuse: a node's numbers are read in each call, and so is what was stored in it once."""
        refuse("numbers are stored in a node", self)

    def cut_is_refused(self) -> None:
        """Remember it."""
        self.refused = self.refused or "plain numbers are taken out of a node"

    def met_nan(self) -> None:
        """Refuse: for these numbers the engine has another way, which doesn't hold for others."""
        raise NotNowError("a gradient inside of it is nan for these numbers, or nearly")

    def drawn(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Random numbers from [0, 1), which are drawn anew in each replay."""
        if self.surroundings.generators.drew():
            refuse("random numbers are drawn, which a program would have for ever", self)
        drawn = self.argument(generator.random(shape))
        self.surroundings.generators.note()
        self.draws.append((generator, shape, drawn))
        return drawn

    def afterwards(self, function: Callable[..., object], *args: Any) -> None:
        """Note that the function is to be called when all has been computed."""
        self.met += [x for x in args if isinstance(x, Node)]
        self.effects.append((function, args))


def applied(row: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """A row of the table, of what is followed: beside a node a constant, alone a step by itself."""
    recorder = next(x.recorder for x in (*args, *params.values()) if type(x) is Followed)
    if any([isinstance(x, Node) for x in args]):
        return row.apply(args, {name: recorder.constant(x) if type(x) is Followed else x
                                for name, x in params.items()})
    return recorder.follow(computed, (row, args, params), {})


OTHER_ARRAYS[Followed] = applied


def computed(row: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """What a row computes."""
    return row.compute(args, params)


KEEPING = METHODS - {"compress", "nonzero", "repeat"}
"""The methods of arrays whose result has a shape that is known from the shapes of the arguments."""


def may_change_shape(x: Followed) -> bool:
    """Whether the shape of what is followed may depend on numbers."""
    function: Any = x.function
    if isinstance(x.held, tuple | list):
        return False
    if function is operator.getitem:
        of, index = x.args
        parts = index if isinstance(index, tuple) else (index,)
        return isinstance(of.held, tuple | list) or any(
            [isinstance(part, np.ndarray) and part.dtype.kind == "b" for part in parts])
    if function is call_method:
        return x.args[1] not in KEEPING
    return not (isinstance(getattr(function, "__self__", function), np.ufunc) or function is float
                or function in OPERATORS or function in SIGNS or function is np.asarray)


def itself(x: Any) -> Any:
    """x."""
    return x


def same(a: Any, b: Any) -> bool:
    """Whether a number, or an array, is the very same: nan is nan, and 0.0 isn't −0.0."""
    if type(a) is bool and type(b) is bool:
        return a is b
    if type(a) is not type(b) and not (np.isscalar(a) and np.isscalar(b)):
        return False
    a, b = np.asarray(a), np.asarray(b)
    alike: bool = a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return alike
