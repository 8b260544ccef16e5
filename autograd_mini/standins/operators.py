"""The operators of Buffers, and of nodes with Buffers and with lists of nodes."""

from __future__ import annotations

import operator
from typing import Any

from ..primitive import OTHER_ARRAYS, SEQUENCES
from .buffers import Buffer, as_buffer, content, joined
from .runs import current_run

__all__: list[str] = []

_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")


def _operator(how: Any, write: Any = None) -> tuple[Any, Any, Any]:
    def forward(self: Buffer, other: Any) -> Any:
        return as_buffer(how(self.content(), joined(other)))

    def reflected(self: Buffer, other: Any) -> Any:
        return as_buffer(how(joined(other), self.content()))

    def in_place(self: Buffer, other: Any) -> Any:
        return self.in_place(how, write, other)

    return forward, reflected, in_place


for _name in _BINARY:
    _how, _write = (getattr(operator, f"__{_prefix}{_name}__") for _prefix in ("", "i"))
    for _prefix, _method in zip(("", "r", "i"), _operator(_how, _write), strict=True):
        setattr(Buffer, f"__{_prefix}{_name}__", _method)
for _name in _COMPARISONS:
    setattr(Buffer, f"__{_name}__", _operator(getattr(operator, f"__{_name}__"))[0])
for _name, _how in (("neg", operator.neg), ("pos", operator.pos), ("abs", abs)):
    setattr(Buffer, f"__{_name}__", lambda self, how=_how: as_buffer(how(self.content())))
for _name in ("divmod", "rdivmod", "round"):
    setattr(Buffer, f"__{_name}__", lambda self, *args, name=f"__{_name}__": contents_of_call(
        getattr(self.content(), name), args))


def contents_of_call(method: Any, args: tuple[Any, ...]) -> Any:
    """A method of the content, with the contents of its arguments, and a Buffer for an array."""
    found = method(*map(content, args))
    return tuple(map(as_buffer, found)) if isinstance(found, tuple) else as_buffer(found)


def _of_row(row: Any, args: Any, params: dict[str, Any]) -> Any:
    """A row of the table, of Buffers."""
    return as_buffer(row.apply([joined(a) for a in args], params))


def _of_list(row: Any, args: Any, params: dict[str, Any]) -> Any:
    """The same of a list: `[a, b] - c` is an array where c is one of NumPy's numbers."""
    return row.apply(args, params) if current_run() is None else _of_row(row, args, params)


OTHER_ARRAYS[Buffer] = _of_row
SEQUENCES.update({list: _of_list, tuple: _of_list})
