"""What the code of a function reads: its globals by name, and the attributes of modules.

It is looked for in the instructions, so that what another branch reads is found, too.
"""

from __future__ import annotations

import dis
import sys
import types
from collections.abc import Iterator
from typing import Any

__all__ = ["HARMLESS", "STATE", "globals_read", "is_harmless", "modules_read"]

HARMLESS = frozenset({
    "builtins", "math", "cmath", "operator", "_operator", "itertools", "functools", "_functools",
    "collections", "_collections", "_collections_abc", "_bisect", "bisect", "_heapq", "heapq",
    "statistics", "_statistics", "fractions", "numbers", "struct", "_struct", "re", "_sre",
    "random", "_random", "datetime", "_datetime", "numpy", "scipy", "autograd_mini", "dataclasses",
    "typing", "types", "enum", "abc", "_abc", "copy", "contextlib", "string", "__future__"})
"""Packages of the library's, NumPy's and Python's whose functions look at their arguments alone, or
draw random numbers, which is seen."""

STATE = frozenset({
    "geterr", "seterr", "geterrcall", "seterrcall", "getbufsize", "setbufsize", "get_printoptions",
    "set_printoptions", "fromfile", "loadtxt", "genfromtxt", "memmap"})
"""But for these of NumPy's."""


def is_harmless(module: str) -> bool:
    """Whether a module is of one of these packages."""
    return module.partition(".")[0] in HARMLESS

LOADS = ("LOAD_FAST", "LOAD_DEREF", "LOAD_CLOSURE", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW")


def globals_read(code: types.CodeType) -> set[str]:
    """The names of globals, and of Python's own functions, in a piece of code and inside it."""
    return {instruction.argval for part in _parts(code) for instruction in dis.get_instructions(
        part) if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")}


def modules_read(f: types.FunctionType) -> set[tuple[str, str]]:
    """(the name of a module, that of an attribute): of `np.sin`, `from os import environ` …"""
    found: set[tuple[str, str]] = set()
    imported: dict[str, Any] = {}  # modules that the function imports itself, by the local's name
    for part in _parts(f.__code__):
        found |= {(module.__name__, name) for module, name in _of_code(
            part, f.__globals__, imported)}
    return found


def _parts(code: types.CodeType) -> Iterator[types.CodeType]:
    """A piece of code, and those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _parts(constant)


def _of_code(code: types.CodeType, space: dict[str, Any], imported: dict[str, Any]
             ) -> Iterator[tuple[types.ModuleType, str]]:
    """Each attribute that is read of a module that was put on the stack just before."""
    top: Any = None
    for instruction in dis.get_instructions(code):
        how, name = instruction.opname, instruction.argval
        if how in ("LOAD_GLOBAL", "LOAD_NAME"):
            top = space.get(name)
        elif how in LOADS:
            top = imported.get(name)
        elif how == "IMPORT_NAME":
            top = sys.modules.get(name, sys.modules.get(name.partition(".")[0]))
        elif how in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"):
            if isinstance(top, types.ModuleType):
                yield top, name
                top = top if how == "IMPORT_FROM" else vars(top).get(name)
        elif how.startswith("STORE_"):
            if isinstance(top, types.ModuleType) and how in ("STORE_FAST", "STORE_DEREF"):
                imported[name] = top  # of `from m import a, b` it may be wrong, which does no harm
        elif how not in ("CACHE", "EXTENDED_ARG", "PUSH_NULL", "NOP", "POP_TOP"):
            top = None
