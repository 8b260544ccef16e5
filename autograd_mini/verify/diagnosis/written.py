"""What a function was written as: its tree, if the source that is there now is what runs."""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import linecache
import textwrap
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

__all__ = ["Unprovable", "compiled", "sourceless", "written"]

FUTURE = annotations.compiler_flag  # a source that begins as this one does is compiled so


class Unprovable(ValueError):  # noqa: N818  it is caught where a function is left alone
    """Something that may do more than compute its result, or of which that isn't known."""


def written(function: Any) -> ast.FunctionDef | ast.Lambda:
    """The tree of the code that a function runs; `Unprovable` if its source says something else."""
    if type(function) is not FunctionType:
        raise Unprovable("not a function written in Python")
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError) as error:
        raise Unprovable("there is no source") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            code = compiled(node, function)
            if code is not None and _same_code(code, function.__code__):
                return node
    raise Unprovable("its source isn't what runs: it was decorated, or has changed")


def sourceless(function: Any) -> str:
    """The name of a Python function whose source isn't there; "" for another."""
    plain = getattr(function, "__func__", function)
    if type(plain) is not FunctionType:
        return ""
    try:
        inspect.getsource(plain)
    except (OSError, TypeError):
        return plain.__name__
    return ""


def compiled(node: ast.FunctionDef | ast.Lambda, function: FunctionType) -> CodeType | None:
    """The code of a tree, if it is put in the function's place; nothing of it is run.

    Each part of the tree must have its place in the source, as `ast.parse` gives it.
    """
    module, body = _around(function)
    body[-1] = node if isinstance(node, ast.FunctionDef) else ast.copy_location(
        ast.Expr(node), node)
    whole = compile(module, "<repair>", "exec", function.__code__.co_flags & FUTURE,
                    dont_inherit=True)
    name = getattr(node, "name", "<lambda>")
    around = next(c for c in whole.co_consts if isinstance(c, CodeType))
    return next((c for c in reversed(around.co_consts)
                 if isinstance(c, CodeType) and c.co_name == name), None)


def _around(function: FunctionType) -> tuple[ast.Module, list[ast.stmt]]:
    """(a module as a function needs it around, the statements the last of which it replaces)."""
    # In a file that imports np, np.exp(x) is compiled in another way than where np just is there.
    lines = [f"import {name}" for name in _imported(function)]
    known = [f" {name} = None" for name in function.__code__.co_freevars]
    module = ast.parse("\n".join([*lines, "def around():", *known, " pass"]))
    outer = module.body[-1]
    assert isinstance(outer, ast.FunctionDef)
    return module, outer.body


def _imported(function: FunctionType) -> list[str]:
    """The names in a function's code that its file imports."""
    return sorted(_imports(function.__code__.co_filename) & set(_names(function.__code__)))


@functools.lru_cache(maxsize=64)
def _imports(file: str) -> frozenset[str]:
    """The names that a file imports, outside its functions and classes."""
    found, parts = set(), list[ast.AST]()
    with contextlib.suppress(SyntaxError, ValueError):
        parts.append(ast.parse("".join(linecache.getlines(file))))
    while parts:
        part = parts.pop()
        if isinstance(part, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).partition(".")[0] for a in part.names}
        elif not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            parts += ast.iter_child_nodes(part)
    return frozenset(found - {"*"})


def _names(code: CodeType) -> Iterator[str]:
    """The names in a code, and in the code inside it."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _same_code(a: CodeType, b: CodeType) -> bool:
    """Whether two do the same, wherever they stand."""
    alike = all(getattr(a, key) == getattr(b, key) for key in (
        "co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount",
        "co_kwonlyargcount", "co_posonlyargcount", "co_exceptiontable"))
    return alike and len(a.co_consts) == len(b.co_consts) and all(
        _same_code(x, y) if isinstance(x, CodeType) and isinstance(y, CodeType) else
        type(x) is type(y) and repr(x) == repr(y)
        for x, y in zip(a.co_consts, b.co_consts, strict=True))
