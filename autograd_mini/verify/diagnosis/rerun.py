"""Running a function again, if that provably only computes; in a world of its own.

A program can only do what it can reach. So everything that a function reaches is looked at: the
names around it, its defaults, what it closes over, the functions and classes among these, and so
on. If all are numbers, arrays and containers of these, functions of NumPy and of Python that only
compute, and functions written with nothing else, then whatever it does with them is computing. It
is run on copies, under a `print` that prints nothing. What can't be told is left alone.
"""

from __future__ import annotations

import ast
import builtins
import dis
import functools
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ...numpy_api.catalog import CONSTANT, REFUSED, name_of
from ...primitive import TABLE
from .written import Unprovable, written

__all__ = ["World"]


# ── what only computes ───────────────────────────────────────────────────────────────────────

_PYTHON = ("len range zip enumerate reversed list tuple dict set frozenset sum min max abs float "
           "int bool complex sorted map filter round isinstance slice str repr any all pow divmod "
           "iter next locals AssertionError")
_FILES = ("fromfile fromregex genfromtxt load loadtxt from_dlpack fromstring frombuffer "
          "nested_iters asmatrix bmat")
_MORE = "vectorize ndarray isscalar iterable ndindex ndenumerate finfo iinfo issubdtype dtype"
_SETTINGS = "it is about settings, types, files, dates or text"  # of the catalogue's reasons
SCALARS = {t for t in vars(np).values() if isinstance(t, type) and issubclass(t, np.generic)}
PLAIN = {int, float, complex, bool, str, bytes, type(None), type(...), range, slice, *SCALARS}
STATEMENTS = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.If, ast.Return, ast.Expr,
              ast.FunctionDef, ast.Pass, ast.Assert, ast.Break, ast.Continue)
# Of what plain things have: what writes a file, leads to memory or to what an array is a view of.
HIDDEN = {"tofile", "dump", "ctypes", "data", "base", "flags", "setflags", "format", "format_map",
          "gi_frame", "gi_code", "gi_yieldfrom"}
AT_MOST = 10_000  # entries of containers: they are copied for each run
_MADE_BY_CLASS = 1 << 9  # the flag of types that a class statement made
METHODS = {"__init__", "__call__"}  # of the special methods of a class; another means other rules
SHOWN = {"__repr__", "__str__"}
OF_EVERY_CLASS = {"__module__", "__doc__", "__qualname__", "__dict__", "__weakref__",
                  "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__",
                  "__firstlineno__", "__static_attributes__"}


def _silent(*args: Any, **kwargs: Any) -> None:
    """The `print` of a program that is run again."""


def _numpy_functions() -> Iterator[Any]:
    """The functions of NumPy that only compute, as the catalogue has them."""
    yield from (f for f in TABLE if f is _of_numpy(name_of(f).removeprefix("np.")))
    yield from CONSTANT
    yield from SCALARS
    yield from (v for v in vars(np).values() if isinstance(v, np.ufunc))
    yield from (np.r_, np.c_, np.s_, np.index_exp, np.mgrid, np.ogrid)
    made = {name for why, names in REFUSED.items() if why != _SETTINGS for name in names}
    made |= set(_MORE.split())
    yield from (_of_numpy(name) for name in sorted(made - set(_FILES.split())))


def _of_numpy(name: str) -> Any:
    """What NumPy calls tanh, or linalg.inv."""
    room, _, bare = name.rpartition(".")
    return vars(vars(np).get(room, math) if room else np).get(bare)  # no lazy, outdated names


HARMLESS: dict[int, Any] = {id(f): f for f in [
    *(getattr(builtins, name) for name in _PYTHON.split()),
    *(f for f in _numpy_functions() if f is not None),
    *(f for f in vars(math).values() if callable(f) and not isinstance(f, type))]}
"""What only computes, by identity: under whatever name it is reached, nothing else is let in."""


def _is_harmless(found: Any) -> bool:
    """Whether it is one of the functions and types that only compute."""
    if id(found) in HARMLESS or type(found).__module__.startswith("scipy.stats._"):
        return True  # a distribution
    special = sys.modules.get("scipy.special")
    return isinstance(found, np.ufunc) and special is not None and (
        getattr(special, found.__name__, None) is found)


def _is_room(found: Any) -> bool:
    """Whether it is a module whose functions are taken one by one."""
    return isinstance(found, ModuleType) and found.__name__ in (
        "numpy", "numpy.linalg", "numpy.fft", "math", "scipy", "scipy.special")


# ── the code of a function ───────────────────────────────────────────────────────────────────


def _own_names(tree: ast.AST) -> set[str]:
    """The names that a function's code gives values to."""
    own = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    return own | {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


def _loaded(code: CodeType) -> set[str]:
    """The names of globals that code takes, and the code inside it."""
    inside = [c for c in code.co_consts if isinstance(c, CodeType)]
    own = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return own | {n for c in inside for n in _loaded(c)}


def _must_only_compute(tree: ast.AST) -> None:
    """Raise for what no program that only computes has, whatever its names stand for."""
    own = _own_names(tree)
    body = tree.body if isinstance(tree, ast.FunctionDef) else [tree]  # not its decorators
    for node in (node for part in body for node in ast.walk(part)):
        if isinstance(node, ast.stmt) and not isinstance(node, STATEMENTS):
            raise Unprovable("a statement that does more than compute, or may not end")
        if isinstance(node, ast.Attribute) and (
                node.attr in HIDDEN or node.attr.startswith("__")):
            raise Unprovable(f"it isn't known what {node.attr} leads to")
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            _must_be_own(node, own)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            at = isinstance(call.func, ast.Attribute) and call.func.attr == "at"
            silent = isinstance(call.func, ast.Name) and call.func.id == "print"
            if not silent:
                _must_be_own(call.args[0] if at and call.args else call.func, own)


def _must_be_own(part: Any, own: set[str]) -> None:
    """Raise unless what is changed is a variable of the function's own."""
    while isinstance(part, ast.Subscript | ast.Attribute):
        part = part.value
    if not (isinstance(part, ast.Name) and part.id in own):
        raise Unprovable("it changes something outside")


# ── all that it reaches ──────────────────────────────────────────────────────────────────────


class World:
    """A function with all that it reaches, if that only computes; it can be run on copies."""

    def __init__(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
        is_method = type(function) is MethodType
        self.plain: FunctionType = function.__func__ if is_method else function
        self.bound = [function.__self__] if is_method else []
        self.args, self.kwargs = args, kwargs
        self.proved: dict[int, Any] = {}  # by identity: held, so that no other gets the same
        self.parts = 0
        self.reached: dict[int, set[str]] = {}  # by function: the globals that it takes
        for value in (self.plain, *self.bound, *args, *kwargs.values()):
            self.prove(value)
        scalars = {k for k, v in self.plain.__globals__.items() if type(v) is float}
        self.reached[id(self.plain)] |= scalars  # which an edit may put in
        for name in scalars:
            self.prove(self.plain.__globals__[name])

    def ready(self, codes: Mapping[int, CodeType], hooks: Mapping[str, Any]) -> Ready:
        """The call of the function on copies of everything; some functions, by their id, with
        another code, which may call the hooks by their names.
        """
        copies = _Copies(self, codes, hooks)
        args = [copies.of(x, own=True) for x in (*self.bound, *self.args)]
        kwargs = {name: copies.of(x, own=True) for name, x in self.kwargs.items()}
        plain = copies.function(self.plain, codes.get(id(self.plain), self.plain.__code__))
        return Ready(functools.partial(plain, *args, **kwargs), copies.made)

    def functions(self) -> list[FunctionType]:
        """The functions with a source that it may call, itself first."""
        reached = [f for f in self.proved.values() if type(f) is FunctionType]
        return [self.plain, *[f for f in reached if f is not self.plain]]

    def knows(self, value: Any) -> bool:
        """Whether it only computes, as far as it has been looked at."""
        return (type(value) in PLAIN or id(value) in self.proved or _is_harmless(value)
                or value is print)

    def prove(self, value: Any) -> None:
        """Enter what only computes, with all that it reaches; raise `Unprovable` for the rest."""
        if self.knows(value):
            return
        self.proved[id(value)] = value
        try:
            for part in self._parts(value):
                self.parts += 1
                if self.parts > AT_MOST:
                    raise Unprovable("there is too much to copy")
                self.prove(part)
        except Unprovable:
            del self.proved[id(value)]
            raise

    def _parts(self, value: Any) -> Iterator[Any]:
        """What something plain is made of, and what a function or an object reaches."""
        kind = type(value)
        if isinstance(value, np.dtype) or (kind is np.ndarray and not value.dtype.hasobject):
            return
        if kind in (list, tuple, set, frozenset):
            yield from value
        elif kind is dict:
            yield from value.keys()
            yield from value.values()
        elif kind is FunctionType:
            yield from self._around(value)
        elif kind is MethodType:
            yield from (value.__func__, value.__self__)
        elif kind is type:
            yield from self._members(value)
        elif type(kind) is type and kind.__flags__ & _MADE_BY_CLASS:
            yield kind  # first: a class with rules of its own for attributes isn't asked for any
            yield from vars(value).values()
        else:
            raise Unprovable(f"it isn't known what a {kind.__name__} does")

    def _around(self, function: FunctionType) -> Iterator[Any]:
        """What a function takes from around it: names, defaults, what it closes over."""
        tree = written(function)
        _must_only_compute(tree)
        known = {**_closed_over(function)}
        reached = self.reached[id(function)] = _loaded(function.__code__)
        for name in reached:
            if name in function.__globals__:
                known.setdefault(name, function.__globals__[name])
            elif hasattr(builtins, name):
                known.setdefault(name, getattr(builtins, name))
        _must_take_from_rooms(tree, {k: v for k, v in known.items() if _is_room(v)})
        yield from (v for v in known.values() if not _is_room(v))
        yield from function.__defaults__ or ()
        yield from (function.__kwdefaults__ or {}).values()

    def _members(self, found: type) -> Iterator[Any]:
        """The bases of a class; of its members those are entered that only compute."""
        for name, member in vars(found).items():
            if name in OF_EVERY_CLASS | SHOWN:
                continue
            if name.startswith("__") and name.endswith("__") and name not in METHODS:
                raise Unprovable(f"a class with its own {name}")
            try:
                self.prove(_unwrapped(member))
            except (Unprovable, TypeError):
                continue  # in a copy of the class it is missing
        yield from (base for base in found.__bases__ if base is not object)


class Ready:
    """A call on copies, and which object's copy is which."""

    def __init__(self, call: Callable[[], Any], copies: dict[int, Any]) -> None:
        self.call, self.copies = call, copies

    def __call__(self) -> Any:
        return self.call()

    def copy_of(self, original: Any) -> Any:
        """What stands for an object here; itself, if nothing does."""
        return self.copies.get(id(original), original)


def _unwrapped(member: Any) -> Any:
    """The function in a static method, a class method, a property that is only read."""
    if isinstance(member, staticmethod | classmethod):
        return member.__func__
    if type(member) is property and member.fset is None and member.fdel is None:
        return member.fget
    return member


def _closed_over(function: FunctionType) -> dict[str, Any]:
    """What a function closes over, by name, as far as it has a value yet."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def _must_take_from_rooms(tree: ast.AST, rooms: dict[str, Any]) -> None:
    """Raise unless modules are only used as in np.exp, for a function that only computes."""
    taken_from = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}

    def value(node: ast.AST) -> Any:
        if isinstance(node, ast.Name):
            return rooms.get(node.id)
        if isinstance(node, ast.Attribute) and _is_room(room := value(node.value)):
            found = vars(room).get(node.attr)
            if not (_is_harmless(found) or _is_room(found) or type(found) in (float, type(None))):
                raise Unprovable(f"it isn't known what {ast.unparse(node)} does")
            return found
        return None

    for node in ast.walk(tree):
        if _is_room(value(node)) and id(node) not in taken_from:
            raise Unprovable("a module that is handed on")


class _Copies:
    """Copies of what a world has, for one run: nothing that is changed there shows outside."""

    def __init__(self, world: World, codes: Mapping[int, CodeType], hooks: Mapping[str, Any]
                 ) -> None:
        self.world, self.codes, self.hooks = world, codes, hooks
        self.made: dict[int, Any] = {}
        self.spaces: dict[int, dict[str, Any]] = {}

    def of(self, value: Any, own: bool = False) -> Any:
        """The copy; of an array that isn't an argument or an object's `own`, to be read only."""
        if value is print:
            return _silent
        if type(value) in PLAIN or _is_harmless(value) or _is_room(value):
            return value
        if id(value) not in self.world.proved:
            raise Unprovable("it may do more than compute")
        if id(value) not in self.made:
            self._make(value, own)
        return self.made[id(value)]

    def _make(self, value: Any, own: bool) -> None:
        kind = type(value)
        made: Any = value
        if kind is np.ndarray:
            made = value.copy() if own else value.view()
            made.flags.writeable = own
        elif kind in (tuple, frozenset, set):
            made = kind([self.of(x, own) for x in value])
        elif kind is list:
            self.made[id(value)] = made = []
            made += [self.of(x, own) for x in value]
        elif kind is dict:
            self.made[id(value)] = made = {}
            made |= {self.of(k): self.of(x, own) for k, x in value.items()}
        elif kind is FunctionType:
            made = self.function(value, self.codes.get(id(value), value.__code__))
        elif kind is MethodType:
            made = MethodType(self.of(value.__func__), self.of(value.__self__, own))
        elif kind is type:
            return self._make_class(value)
        elif not isinstance(value, np.dtype):
            self.made[id(value)] = made = object.__new__(self.of(kind))
            vars(made).update({k: self.of(x, own=True) for k, x in vars(value).items()})
        self.made[id(value)] = made
        return None

    def _make_class(self, value: type) -> None:
        bases = tuple(base if base is object else self.of(base) for base in value.__bases__)
        self.made[id(value)] = made = type(value.__name__, bases, {})
        for name, member in vars(value).items():
            inner = _unwrapped(member)
            if name not in OF_EVERY_CLASS and self.world.knows(inner):
                copy = self.of(inner)
                setattr(made, name, copy if inner is member else type(member)(copy))

    def function(self, function: FunctionType, code: CodeType) -> FunctionType:
        """The function with a code, among copies of what is around it."""
        space = self._space(function)
        cells = {name: CellType() for name in function.__code__.co_freevars}
        made = FunctionType(code, space, function.__name__, None,
                            tuple(cells[name] for name in code.co_freevars))
        self.made.setdefault(id(function), made)
        for name, value in _closed_over(function).items():
            cells[name].cell_contents = self.of(value)
        made.__defaults__ = tuple(map(self.of, function.__defaults__ or ())) or None
        made.__kwdefaults__ = {k: self.of(x) for k, x in (function.__kwdefaults__ or {}).items()}
        return made

    def _space(self, function: FunctionType) -> dict[str, Any]:
        """The globals of a function: no more than it needs, and what an edit may put in."""
        outside = function.__globals__
        space = self.spaces.setdefault(id(outside), {"__builtins__": BUILTINS, **self.hooks})
        if outside.get("np", np) is np:
            space["np"] = np
        for name in (self.world.reached[id(function)] & outside.keys()) - space.keys():
            space[name] = None  # until it is made: functions may name each other
            space[name] = self.of(outside[name])
        return space


# NumPy imports parts of itself when they are first used, by what its caller's `__import__` is.
BUILTINS = {name: getattr(builtins, name) for name in [*_PYTHON.split(), "__import__"]} | {
    "print": _silent}
