"""A plain array that is followed: it stands for its numbers while a program is recorded.

What is computed from it is followed, too, so that a replay computes it again from other numbers.
Whatever decides by its numbers (`if y.max() > 3`, `range(n)`) becomes a condition of the program.
And what would take numbers out unseen (`np.asarray(y)`, `y[0] = 1`) is refused.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from .errors import NotFollowedError
from .graph import Node

__all__ = ["METHODS", "Followed", "call_method", "held", "item", "refuse"]

OF_SHAPES = frozenset({np.shape, np.ndim, np.size, np.result_type, np.can_cast,
                       np.broadcast_shapes, np.iscomplexobj, np.isrealobj})
"""Functions of NumPy that look at shapes and dtypes alone, for which a program is recorded."""

WRITING = frozenset({np.copyto, np.put, np.place, np.putmask, np.fill_diagonal,
                     np.put_along_axis})
"""Functions of NumPy that write to an argument."""

METHODS = frozenset({
    "all", "any", "argmax", "argmin", "argsort", "astype", "choose", "clip", "compress", "copy",
    "cumprod", "cumsum", "diagonal", "dot", "flatten", "max", "mean", "min", "nonzero", "prod",
    "ravel", "repeat", "reshape", "round", "searchsorted", "squeeze", "std", "sum", "swapaxes",
    "take", "trace", "transpose", "var", "view",
})
"""The methods of arrays that make a new array and change none."""


class Followed:
    """A plain array, or number, that a program computes anew in each call.

    | field      | what it is                                                                  |
    |------------|-----------------------------------------------------------------------------|
    | `held`     | the array or number in the recording                                        |
    | `function` | what computed it; None for an argument of the program                       |
    | `args`     | of what: plain things, and others that are followed, and nodes              |
    | `kwargs`   | and by name                                                                 |
    | `recorder` | who is told of what is computed from it, and of what is decided by it       |
    | `varies`   | whether its shape may be another for other numbers                          |
    """

    __slots__ = ("args", "function", "held", "kwargs", "recorder", "varies")

    def __init__(self, recorder: Any, held: Any, function: Callable[..., Any] | None = None,
                 args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> None:
        self.recorder, self.held, self.function = recorder, held, function
        self.args, self.kwargs, self.varies = args, kwargs or {}, False

    # ── what is computed from it ─────────────────────────────────────────────────────────────

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any([isinstance(x, Node) for x in inputs]):
            return NotImplemented
        if kwargs.get("out") is not None or method == "at":
            refuse(f"{ufunc.__name__} writes to an array", self.recorder)
        return self.recorder.follow(getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any([issubclass(kind, Node) for kind in types]):
            return NotImplemented
        if function in OF_SHAPES:
            for x in args:
                if type(x) is Followed:
                    x.shape  # noqa: B018  which may be decided
            return function(*held(args), **held(kwargs))
        if function in WRITING or kwargs.get("out") is not None:
            refuse(f"{function.__name__} writes to an array", self.recorder)
        return self.recorder.follow(function, args, kwargs)

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        parts = tuple([_with_whole_numbers(p) if type(p) is slice else p for p in parts])
        index = parts if isinstance(index, tuple) else parts[0]
        return self.recorder.follow(operator.getitem, (self, index), {})

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in METHODS or not hasattr(self.held, name):
            refuse(f".{name} of an argument takes its numbers out", self.recorder)
        return lambda *args, **kwargs: self.recorder.follow(
            call_method, (self, name, *args), kwargs)

    @property
    def T(self) -> Any:
        """The transpose."""
        return self.transpose()

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    @property  # type: ignore[misc]  # an attribute elsewhere
    def __class__(self) -> Any:  # so that isinstance(x, np.ndarray) is as ever
        return type(self.held)

    # ── what a program is recorded for ───────────────────────────────────────────────────────

    @property
    def shape(self) -> tuple[int, ...]:
        """As NumPy's; that of what varies is decided."""
        if self.varies:
            self.recorder.decided(np.shape, self)
            self.varies = False  # it is known now
        return np.shape(self.held)

    @property
    def ndim(self) -> int:
        """As NumPy's."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """As NumPy's."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As NumPy's."""
        return np.asarray(self.held).dtype

    def __len__(self) -> int:
        return self.shape[0] if self.shape else len(self.held)

    def __repr__(self) -> str:
        return f"<an argument of a program, shape {self.shape}, {self.dtype}>"

    # ── what decides by its numbers ──────────────────────────────────────────────────────────

    def __bool__(self) -> bool:
        return bool(self.recorder.decided(bool, self))

    def __int__(self) -> int:
        return int(self.recorder.decided(int, self))

    def __float__(self) -> float:
        return float(self.recorder.decided(float, self))

    def __index__(self) -> int:
        return int(self.recorder.decided(operator.index, self))

    def item(self) -> Any:
        """The number, on which the program then depends."""
        return self.recorder.decided(item, self)

    # ── what is refused ──────────────────────────────────────────────────────────────────────

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        refuse("np.asarray of an argument, or NumPy inside of a function in C, takes its numbers "
               "out", self.recorder)

    def __hash__(self) -> NoReturn:  # for a set or a dict would go by identity
        refuse("an argument is looked for in a set or a dict", self.recorder)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        refuse("an argument is written to", self.recorder)

    def __str__(self) -> NoReturn:
        refuse("an argument is written as text", self.recorder)

    def __format__(self, form: str) -> NoReturn:
        refuse("an argument is written as text", self.recorder)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        refuse("an argument is pickled", self.recorder)


def _with_whole_numbers(x: slice) -> slice:
    """A slice whose bounds are decided, if they were followed."""
    return slice(*[operator.index(bound) if type(bound) is Followed else bound
                   for bound in (x.start, x.stop, x.step)])


def _operator(how: Callable[..., Any]) -> Any:
    def method(self: Followed, *other: Any) -> Any:
        if other and isinstance(other[0], Node):
            return NotImplemented
        return self.recorder.follow(how, (self, *other), {})

    return method


def _reflected(how: Callable[[Any, Any], Any]) -> Any:
    def method(self: Followed, other: Any) -> Any:
        if isinstance(other, Node):
            refuse("a node left an operation to a plain array", self.recorder)
        return self.recorder.follow(how, (other, self), {})

    return method


def _refused_in_place(self: Followed, other: Any) -> NoReturn:
    refuse("an argument is changed in place", self.recorder)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_",
              "xor", "lshift", "rshift"):
    _sign, _how = _name.removesuffix("_"), getattr(operator, _name)
    setattr(Followed, f"__{_sign}__", _operator(_how))
    setattr(Followed, f"__r{_sign}__", _reflected(_how))
    setattr(Followed, f"__i{_sign}__", _refused_in_place)
for _name in ("lt", "le", "gt", "ge", "eq", "ne", "neg", "pos", "abs", "invert"):
    setattr(Followed, f"__{_name}__", _operator(getattr(operator, _name)))


def call_method(x: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """x.name(…)."""
    return getattr(x, name)(*args, **kwargs)


def item(x: Any) -> Any:
    """The one number in an array."""
    return np.asarray(x).item()


def refuse(what: str, recorder: Any = None) -> NoReturn:
    """Raise `NotFollowedError`; a recorder is told, for the function may catch it."""
    if recorder is not None:
        recorder.refused = recorder.refused or what
    raise NotFollowedError(f"{what}, so the function can't be a program of arrays")


def held(x: Any) -> Any:
    """x with plain arrays for what is followed and for nodes, in tuples, lists and dicts, too.

    Other arrays are given as views that can't be written to.
    """
    kind = type(x)
    if kind is Followed:
        return x.held
    if kind is np.ndarray and x.flags.writeable:
        view = x.view()
        view.flags.writeable = False
        return view
    if isinstance(x, Node):
        return x.value
    if isinstance(x, list | tuple):
        parts = [held(part) for part in x]
        return kind(*parts) if hasattr(x, "_fields") else kind(parts)
    return {key: held(part) for key, part in x.items()} if kind is dict else x
