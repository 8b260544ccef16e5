"""The twin of a user's class: its special methods, which Python itself calls, are followed.

`a + b`, `a[i]` and `with a:` call methods that no hook sees. An object that is made inside is one
of the twin, a subclass, until the run is over.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from .source import is_users

__all__ = ["original", "twin_of"]

_NOT_CALLED_ON_OBJECTS = {
    "__init__", "__new__", "__init_subclass__", "__class_getitem__", "__getattribute__", "__del__",
    "__call__", "__post_init__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__",
    "__setattr__", "__delattr__", "__set_name__",
}
_twins: WeakKeyDictionary[type, type] = WeakKeyDictionary()


def original(kind: Any) -> Any:
    """The user's class of a twin; any other class as it is."""
    return kind.__dict__.get("⟨original⟩", kind) if isinstance(kind, type) else kind


def twin_of(kind: type, call: Callable[..., Any]) -> type:
    """The twin of a class; the class itself if it has no special methods of the user's."""
    if kind not in _twins:
        _twins[kind] = _made(kind, call)
    return _twins[kind]


def _made(kind: type, call: Callable[..., Any]) -> type:
    methods: dict[str, Any] = {}
    for base in reversed(kind.__mro__[:-1]):
        methods.update({name: f for name, f in vars(base).items() if name[:2] == "__" == name[-2:]
                        and type(f) is FunctionType and is_users(f)})
    methods = {name: _followed(f, call) for name, f in methods.items()
               if name not in _NOT_CALLED_ON_OBJECTS}
    plain = type(kind) is type and "__init_subclass__" not in {
        name for base in kind.__mro__[:-1] for name in vars(base)}
    if not methods or not plain:
        return kind
    if "__eq__" in methods:
        methods.setdefault("__hash__", kind.__hash__)
    space = {"__slots__": (), "__module__": kind.__module__, "__qualname__": kind.__qualname__,
             "__doc__": kind.__doc__, "⟨original⟩": kind}
    try:
        return type(kind.__name__, (kind,), {**space, **methods})
    except TypeError:  # it is final
        return kind


def _followed(method: Any, call: Callable[..., Any]) -> Any:
    def followed(*args: Any, **kwargs: Any) -> Any:
        return call(method, *args, **kwargs)

    return followed
