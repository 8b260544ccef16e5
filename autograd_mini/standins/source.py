"""The source of a function, found and compiled anew with the hooks of rewrite.py.

A file may have changed since, and several lambdas may stand in one line: what is found must compile
to the very code that the function has.
"""

from __future__ import annotations
import __future__

import ast
import copy
import functools
import linecache
import sys
import types
from types import CodeType, FunctionType
from typing import Any

from ..places import is_users_file
from .rewrite import Rewriter

__all__ = ["Rewritten", "is_users", "rewritten"]


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


class Rewritten:
    """The new code of a function, and which names of its closure are the hooks'."""

    def __init__(self, code: CodeType, stored: frozenset[str]) -> None:
        self.code, self.stored = code, stored

    def function(self, f: FunctionType, cells: dict[str, Any]) -> FunctionType:
        """A function with the new code, and f's own globals, closure and defaults."""
        own = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
        closure = tuple([own[n] if n in own else cells[n] for n in self.code.co_freevars])
        new = FunctionType(self.code, f.__globals__, f.__name__, f.__defaults__, closure)
        new.__kwdefaults__ = f.__kwdefaults__
        new.__qualname__, new.__module__ = f.__qualname__, f.__module__
        return new


def rewritten(f: FunctionType, cells: tuple[str, ...]) -> Rewritten | None:
    """The new code of f; None if there is no source, or it isn't the source that was compiled."""
    code = f.__code__
    text = "".join(linecache.getlines(code.co_filename, f.__globals__))
    if not text:
        return None
    try:
        module = _parsed(text)
    except SyntaxError:
        return None
    if not _is_from(text, code):
        return None
    for node, around in _candidates(module, code):
        if isinstance(node, ast.Lambda) and not _is_body(node.body, code):
            continue
        node = copy.deepcopy(node)
        outside = frozenset(code.co_names) | frozenset(code.co_freevars) | _outside_of(code)
        modules = frozenset(n for n in outside if isinstance(
            f.__globals__.get(n), types.ModuleType))
        new = ast.fix_missing_locations(Rewriter(outside, modules, *around).visit(node))
        if (found := _compiled(new, around, code, cells)) is not None:
            return Rewritten(found, _stored_outside(node))
    return None


def _is_from(text: str, code: CodeType) -> bool:
    """Whether the file still is what the function was compiled from."""
    known = _codes_in(text, code.co_flags & _FUTURES)
    if "@pytest_ar" in code.co_names:  # pytest has rewritten its assertions
        return any(c.co_firstlineno == code.co_firstlineno and c.co_name == code.co_name
                   and set(c.co_varnames) <= set(code.co_varnames) for c in known)
    return code in known


@functools.lru_cache(maxsize=64)
def _codes_in(text: str, flags: int) -> frozenset[CodeType]:
    """The code of all functions in a file."""
    found: set[CodeType] = set()
    rest = [compile(text, "?", "exec", flags, dont_inherit=True)]
    while rest:
        inner = [c for c in rest.pop().co_consts if isinstance(c, CodeType)]
        found.update(inner)
        rest += inner
    return frozenset(found)


def _is_body(body: ast.expr, code: CodeType) -> bool:
    """Whether the code is that of this lambda, and not of another one in its line."""
    spans = {p for p in code.co_positions() if p[0] is not None}
    return (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset) in spans


def _outside_of(code: CodeType) -> frozenset[str]:
    """The global names that functions inside read."""
    names: frozenset[str] = frozenset()
    for c in code.co_consts:
        if isinstance(c, CodeType):
            names |= frozenset(c.co_names) | _outside_of(c)
    return names


def _stored_outside(node: ast.AST) -> frozenset[str]:
    """The names that are declared global or nonlocal."""
    return frozenset(n for part in ast.walk(node) if isinstance(part, ast.Global | ast.Nonlocal)
                     for n in part.names)


def _candidates(module: ast.Module, code: CodeType) -> Any:
    """(the function's tree, the classes around it) for all that begin at the code's first line."""
    def walk(node: ast.AST, classes: tuple[str, ...]) -> Any:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                first = min([child.lineno, *[d.lineno for d in getattr(
                    child, "decorator_list", [])]])
                named = code.co_name == getattr(child, "name", "<lambda>")
                if first == code.co_firstlineno and named:
                    yield child, classes[-1:]
            inner = (*classes, child.name) if isinstance(child, ast.ClassDef) else classes
            yield from walk(child, inner)
    yield from walk(module, ())


def _compiled(node: Any, classes: tuple[str, ...], code: CodeType, cells: tuple[str, ...]) -> Any:
    """The code of the function alone, compiled where it finds its closure, and its class."""
    if isinstance(node, ast.Lambda):
        body: ast.stmt = ast.Expr(node)
    else:
        body = copy.copy(node)
        body.decorator_list = []  # type: ignore[attr-defined]
    for name in classes:
        body = ast.ClassDef(name, [], [], [body], [])
        body.type_params = []  # type: ignore[attr-defined]  # Python 3.12 has them
    names = [n for n in code.co_freevars if n != "__class__"] + list(cells)
    given = ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])
    # A function that calls itself, and a method that makes one of its class, mean the global.
    bound = [n for n in [getattr(body, "name", "")] if n and n not in names]
    statements = [ast.Global(bound), body] if bound else [body]
    around = ast.FunctionDef(_AROUND, given, statements, [], None)
    around.type_params = []  # type: ignore[attr-defined]
    module = ast.fix_missing_locations(ast.Module([around], []))
    try:
        found = compile(module, code.co_filename, "exec", flags=code.co_flags & _FUTURES,
                        dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return _dug_out(found, code)


_FUTURES = __future__.annotations.compiler_flag
_AROUND = "⟨around⟩"


def _dug_out(outer: CodeType, code: CodeType) -> CodeType | None:
    """The function's code among the constants of what was compiled around it."""
    for c in outer.co_consts:
        if isinstance(c, CodeType):
            if c.co_name == code.co_name and c.co_name != _AROUND:
                return c
            if (found := _dug_out(c, code)) is not None:
                return found
    return None


def is_users(f: FunctionType) -> bool:
    """Whether a function is the user's own, and not one of Python's or of a numerical library."""
    module, file = f.__module__ or "", f.__code__.co_filename
    root = module.partition(".")[0]
    if root == "autograd_mini":  # an example in a docstring, or the demonstration
        return is_users_file(file) and not module.startswith("autograd_mini.nn")
    return root == "__main__" or (
        root not in _LIBRARIES and root not in sys.stdlib_module_names)


_LIBRARIES = {"numpy", "scipy", "pandas", "matplotlib", "torch", "jax", "numba", "sklearn", "tqdm",
              "graphviz", "pytest", "_pytest", "hypothesis"}
