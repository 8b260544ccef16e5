"""What a call in the user's code means when there are nodes and Buffers among its arguments.

The user's own functions, methods and classes are rewritten in turn; NumPy's, math's and SciPy's
have their stand-ins; what a library does with nodes is left to it, for nodes guard themselves.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
from collections.abc import Callable
from types import BuiltinMethodType, CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from ..compiler.values import Values
from ..errors import NotDifferentiableError
from ..graph import Node
from ..tensor import Tensor
from . import operators as operators  # it gives Buffers theirs
from .arrays import of_numpy, of_ufunc, wrapped
from .buffers import as_buffer, constant, content, contents, holds_nodes, numbers
from .effects import opened, printed, tell_effects
from .made import MADE, array, check_class, number, of_dtype
from .rewrite import HOOKS
from .runs import computed, current_run, running, seen
from .scipy_names import of_scipy
from .source import Rewritten, is_users, rewritten
from .sourceless import arguments_held, with_stand_ins
from .stores import (
    change,
    each,
    entry,
    getitem,
    set_attribute,
    setitem,
    writes_to,
)
from .tables import BUILTINS, MATH
from .twins import original, twin_of

__all__ = ["call", "own_version"]

_HERE = __file__.removesuffix("calls.py")
_NUMPYS = type(np.sum)
_codes: dict[CodeType, Rewritten | None] = {}
_ours: set[CodeType] = set()


def call(f: Any, /, *args: Any, **kwargs: Any) -> Any:
    """f(*args, **kwargs), as the user wrote it."""
    kind = type(f)
    if any([type(a) is np.ndarray for a in args]):
        args = tuple(map(seen, args))
    if kwargs:
        kwargs = {key: seen(v) for key, v in kwargs.items()}
    if kind is FunctionType:
        if f.__code__ in _ours or type(f.__globals__) is not dict:
            return f(*args, **kwargs)
        return _of_function(f, args, kwargs)
    if kind is _NUMPYS:
        return of_numpy(f, *_within(args, kwargs))
    if kind is np.ufunc:
        return of_ufunc(f, "__call__", *_within(args, kwargs))
    if kind is MethodType:
        return _of_method(f, args, kwargs)
    try:
        special = _STAND_INS.get(f)
    except TypeError:  # it has no hash
        special = None
    if special is not None:
        args, kwargs = _within(args, kwargs)
        return special(*args, **kwargs)
    if kind is BuiltinMethodType:
        return _of_builtin(f, args, kwargs)
    if isinstance(f, type):
        return _of_class(f, args, kwargs)
    return _of_object(f, args, kwargs)


def _within(args: Any, kwargs: Any) -> tuple[Any, Any]:
    """Arguments with what was written to arrays from outside that lie in lists among them."""
    run = current_run()
    if run is None or not run.wrote_outside:
        return args, kwargs
    return run.within(args), run.within(kwargs)


# ── the user's own ───────────────────────────────────────────────────────────────────────────


def own_version(f: Any, args: Any = ()) -> FunctionType | None:
    """The rewritten twin of a user's function, with f's globals and closure; None without one."""
    code = f.__code__
    if code in _ours:
        return f  # type: ignore[no-any-return]
    if code not in _codes:
        found = _codes[code] = rewritten(f, tuple(_CELLS)) if is_users(f) else None
        if found is not None:
            _note(found.code)
    new = _codes[code]
    if new is None:
        if not is_users(f):
            return None
        arguments_held(args)
        return with_stand_ins(f, call)
    if new.stored and (run := current_run()) is not None:
        run.names(f, new.stored)
    return new.function(f, _CELLS)


def _note(code: CodeType) -> None:
    """The code, and that of the functions in it, need no second rewriting."""
    _ours.add(code)
    for c in code.co_consts:
        if isinstance(c, CodeType):
            _note(c)


def _of_function(f: Any, args: Any, kwargs: Any) -> Any:
    special = _STAND_INS.get(f)
    if special is not None:
        args, kwargs = _within(args, kwargs)
        return special(*args, **kwargs)
    if f.__code__.co_filename.startswith(_HERE):  # a method of a Buffer
        return f(*args, **kwargs)
    if (own := own_version(f, args)) is not None:
        return own(*args, **kwargs)
    if hasattr(f, "__wrapped__") and hasattr(f, "dispatch"):  # functools.singledispatch
        return call(f.dispatch(type(numbers(args[0]))), *args, **kwargs)
    return _of_library(f, args, kwargs)


def _of_method(f: Any, args: Any, kwargs: Any) -> Any:
    """A bound method written in Python."""
    owner = f.__self__
    if isinstance(owner, Node):
        return _of_node(f, owner, args, kwargs)
    if type(f.__func__) is FunctionType and (
            own := own_version(f.__func__, (owner,))) is not None:
        return own(owner, *args, **kwargs)
    return _of_library(f, args, kwargs)


def _of_node(f: Any, owner: Any, args: Any, kwargs: Any) -> Any:
    """A method of a single node, where the plain run has a number."""
    name = f.__name__
    if name in ("item", "tolist") and np.ndim(owner.value):
        return getattr(as_buffer(owner), name)(*args)
    if name in ("item", "tolist", "__float__"):
        return number(owner)
    if name in ("astype", "copy"):
        return wrapped(content(array(owner, *args[:1], **kwargs)))
    return wrapped(f(*contents(args), **contents(kwargs)))


def _of_class(f: Any, args: Any, kwargs: Any) -> Any:
    """An object made: the `__init__` of a user's class is followed, too."""
    f = original(f)
    init: Any = getattr(f, "__init__", None)
    plain_new = f.__new__ is object.__new__ and type(f).__call__ is type.__call__
    if plain_new and dataclasses.is_dataclass(f) and init.__code__.co_filename == "<string>":
        return _of_dataclass(f, args, kwargs)
    if plain_new and type(init) is FunctionType and (own := own_version(init)) is not None:
        made = _make(object.__new__(twin_of(f, call)))
        own(made, *args, **kwargs)
        return made
    if f in (map, filter) or f.__module__ == "itertools":
        return _make(_of_pythons(f, args, kwargs))
    if f in (list, tuple, dict, set, frozenset, zip, enumerate, reversed, slice, bool, object,
             range):
        return _make(f(*args, **kwargs))
    if f is np.vectorize:
        return np.vectorize(*args, **kwargs)
    if f.__module__.startswith("numpy"):
        check_class(f, contents([*args]))
        return f(*contents(args), **contents(kwargs))
    if f.__module__.startswith("scipy"):
        return _of_library(f, args, kwargs)
    made = f(*args, **kwargs)
    return _make(made) if isinstance(made, f) else made


def _of_dataclass(f: Any, args: Any, kwargs: Any) -> Any:
    """An object whose `__init__` is Python's own: its fields, and then `__post_init__`."""
    signature = inspect.signature(f.__init__)
    made = _make(object.__new__(twin_of(f, call)))
    given = signature.bind(made, *args, **kwargs).arguments
    fields = dataclasses.fields(f)
    for field in fields:
        value: Any = given.get(field.name, field.default)
        if value is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            value = call(field.default_factory)
        if value is not dataclasses.MISSING:
            object.__setattr__(made, field.name, value)
    if hasattr(f, "__post_init__"):
        own = {field.name for field in fields}
        others = [n for n in f.__dataclass_fields__ if n not in own and n in signature.parameters]
        call(made.__post_init__, *[given.get(n, signature.parameters[n].default) for n in others])
    return made


def _of_object(f: Any, args: Any, kwargs: Any) -> Any:
    """An object that can be called."""
    if type(f) is functools.partial:
        return call(f.func, *f.args, *args, **{**f.keywords, **kwargs})
    if type(f) is np.vectorize:
        return _vectorized(f, args, kwargs)
    if type(f) is functools._lru_cache_wrapper:
        inside = holds_nodes([*args, *kwargs.values()])  # they mustn't stay in the cache
        return call(f.__wrapped__, *args, **kwargs) if inside else f(*args, **kwargs)
    method = getattr(type(f), "__call__", None)  # noqa: B004  it is looked at, not asked for
    if type(method) is FunctionType and (own := own_version(method, (f,))) is not None:
        return own(f, *args, **kwargs)
    return _of_library(f, args, kwargs)


def _make(x: Any) -> Any:
    if (run := current_run()) is not None:
        run.make(x)
    return x


# ── properties ────────────────────────────────────────────────────────────────────────────────


def attribute(x: Any, name: str) -> Any:
    """`x.name`; a property of the user's is his code, too."""
    found = getattr(type(x), name, None)
    if type(found) is property and (get := _accessor(found.fget, x)) is not None:
        return seen(get(x))
    if type(found) is functools.cached_property and name not in x.__dict__ and (
            get := _accessor(found.func, x)) is not None:
        writes_to(x)
        x.__dict__[name] = get(x)
    if name == "real" and isinstance(x, Node):  # a number has it, and is it
        return x
    return seen(getattr(x, name))


def store_attribute(x: Any, name: str, value: Any) -> None:
    """`x.name = value`."""
    found = getattr(type(x), name, None)
    store = _accessor(found.fset, x) if type(found) is property else None
    (set_attribute(x, name, value) if store is None else store(x, value))


def change_attribute(how: str, x: Any, name: str, value: Any) -> None:
    """`x.name += value` and its kin."""
    store_attribute(x, name, getattr(operator, how)(attribute(x, name), value))


def _accessor(f: Any, x: Any) -> FunctionType | None:
    return own_version(f, (x,)) if type(f) is FunctionType else None


# ── what others have written ─────────────────────────────────────────────────────────────────


def _of_builtin(f: Any, args: Any, kwargs: Any) -> Any:
    """A function or bound method written in C."""
    owner, name = f.__self__, f.__name__
    if isinstance(owner, np.ufunc):
        return of_ufunc(owner, name, args, kwargs)
    if type(owner) is np.ndarray:
        if owner.dtype.kind == "f":
            return getattr(as_buffer(seen(owner)), name)(*args, **kwargs)
        if holds_nodes([*args]) and hasattr(np, name):
            return of_numpy(getattr(np, name), (owner, *args), kwargs)
    if type(owner) is Values:
        return _of_values(f, owner, name, args, kwargs)
    if isinstance(owner, list | dict | set) and name in _CHANGES:
        writes_to(owner)
        return entry(f(*args, **kwargs))
    module = f.__module__ or type(owner).__module__
    if module.startswith("numpy") and not module.startswith("numpy.random"):
        return of_numpy(f, args, kwargs)
    if isinstance(owner, list | dict | set | tuple | str):
        return entry(f(*args, **kwargs))
    return _of_pythons(f, args, kwargs) if module in _OF_ANYTHING else _of_library(f, args, kwargs)


def _of_values(f: Any, owner: Any, name: str, args: Any, kwargs: Any) -> Any:
    """A method of an array of Values, which a program to be compiled has for arrays."""
    if name == "fill":
        owner[...] = args[0]
        return None
    if name == "astype" and np.dtype(args[0]).kind != "f":
        return of_dtype(owner, args[0])
    return f(*args, **kwargs)


_CHANGES = {"append", "extend", "insert", "update", "setdefault", "add", "pop", "popitem", "clear",
            "remove", "discard", "sort", "reverse", "__setitem__"}
_OF_ANYTHING = {"builtins", "itertools", "functools", "operator", "_operator", "_functools"}
def _of_library(f: Any, args: Any, kwargs: Any) -> Any:
    """A function that isn't the user's gets nodes for Buffers, and functions that take nodes."""
    tell_effects(f)
    if str(getattr(f, "__module__", "")).startswith("numpy.testing"):  # it looks at numbers
        return f(*map(constant, args), **{k: constant(v) for k, v in kwargs.items()})
    f = of_scipy(f) or f
    given = [_entered(contents(a)) for a in args]
    found = f(*given, **{k: _entered(contents(v)) for k, v in kwargs.items()})
    return wrapped(found) if isinstance(found, np.ndarray | Tensor | tuple | list) else found


def _entered(x: Any) -> Any:
    """A user's function for a library to call: nodes come in, and nodes go out."""
    if type(x) is not FunctionType or not is_users(x) or (own := own_version(x)) is None:
        return x

    @functools.wraps(x)
    def entered(*args: Any, **kwargs: Any) -> Any:
        run = current_run()
        if run is None:  # a rule calls it in the backward pass, when the run is over
            with running():
                return entered(*args, **kwargs)
        given = [run.argument(a) for a in args]
        return contents(own(*given, **{k: run.argument(v) for k, v in kwargs.items()}))

    return entered



def _of_pythons(f: Any, args: Any, kwargs: Any) -> Any:
    """`map`, `sorted`, `functools.reduce` and their kin, which may call what they are given."""
    if f in (map, filter, functools.reduce) or f.__module__ == "itertools":
        args = [_callback(a) for a in args]
    return entry(f(*args, **{k: _callback(v) for k, v in kwargs.items()}))


def _callback(x: Any) -> Any:
    """A function for Python to call: as if the user's code called it."""
    if not callable(x) or (type(x) is FunctionType and x.__code__ in _ours):
        return x
    return functools.partial(call, x)


def _vectorized(f: Any, args: Any, kwargs: Any) -> Any:
    """A function that `np.vectorize` has made, called for each entry."""
    if f.signature is not None or f.excluded or kwargs:
        raise NotDifferentiableError("np.vectorize with signature=, excluded= or keywords isn't "
                                     "supported: write the loop")
    arrays = [content(array(a)) for a in args]
    shape = np.broadcast_shapes(*[np.shape(numbers(a)) for a in arrays])
    wide = [np.broadcast_to(a, shape) for a in arrays]
    found = [call(f.pyfunc, *[number(w[at]) for w in wide]) for at in np.ndindex(shape)]
    if found and isinstance(found[0], tuple):
        return tuple([_in_shape(list(x), shape, f.otypes) for x in zip(*found, strict=True)])
    return _in_shape(found, shape, f.otypes)


def _in_shape(entries: list[Any], shape: tuple[int, ...], otypes: Any) -> Any:
    whole = array(entries, otypes[0] if otypes else None)
    return of_numpy(np.reshape, (whole, shape), {}) if shape else whole[0]


def _along_axis(func1d: Any, axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """`np.apply_along_axis`."""
    x = np.moveaxis(content(array(arr)), axis, -1)
    shape = np.shape(numbers(x))[:-1]
    rows = [call(func1d, as_buffer(x[at]), *args, **kwargs) for at in np.ndindex(shape)]
    whole = content(array(rows))
    inner = np.shape(numbers(whole))[1:]
    found = np.reshape(whole, shape + inner)
    for i in range(len(inner)):
        found = np.moveaxis(found, len(shape) + i, axis % (len(shape) + 1) + i)
    return as_buffer(found)


def _from_function(function: Any, shape: Any, *, dtype: Any = float, like: Any = None,
                   **kwargs: Any) -> Any:
    """`np.fromfunction`."""
    return call(function, *map(as_buffer, np.indices(shape, dtype=dtype)), **kwargs)


# ── what stands for what ─────────────────────────────────────────────────────────────────────


_STAND_INS: dict[Any, Callable[..., Any]] = {
    **BUILTINS, **MATH, **MADE, np.apply_along_axis: _along_axis, np.fromfunction: _from_function,
    setattr: store_attribute, print: printed, open: opened,
}
_of_hook = {"call": call, "seen": seen, "getitem": getitem, "setitem": setitem, "change": change,
            "attribute": attribute, "setattr": store_attribute, "made": _make, "each": each,
            "change_attribute": change_attribute, "computed": computed}
_CELLS = {f"⟨{name}⟩": CellType(_of_hook[name]) for name in HOOKS} | {"⟨slice⟩": CellType(slice)}
