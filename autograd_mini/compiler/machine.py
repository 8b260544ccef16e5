"""The machine runs straight-line code: it is a loop over operations, generated from the table.

For the rows that a program uses, a function is written out in which each has its branch, and
Numba compiles it. Operations that are independent come in groups, so that the branch is taken
once a group; in a program over a batch every value is a vector, so that the processor works on
several samples at a time. What was compiled is kept on disk (see cache.py): the next process that
runs a program of the same rows loads it.
"""

from __future__ import annotations

import dis
import hashlib
import math
import os
import sys
import types
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import errors
from ..primitive import Elementwise

try:
    import numba
except ImportError as error:
    raise errors.missing_extra("numba", "fast", "compile") from error

from .cache import keep
from .code import ROW

__all__ = ["NumbaError", "check_compiles", "in_range", "machine"]

NumbaError = numba.core.errors.NumbaError

TINY, HUGE = np.finfo(float).tiny, np.finfo(float).max

HEAD = '''import numba
from numpy import uint64  # places: of signed ones Numba asks each time whether they are negative

one, two = uint64(1), uint64(2)
{names} = None  # the rows' functions, put here before it is compiled
'''

RUN = '''

@numba.njit(inline="always")
def dot(index, v, start, end):
    y = -0.0  # what added to anything changes nothing: 0.0 would make −0.0 of 0.0
    for j in range(start, end, uint64(5)):  # runs: p, its stride, q, its stride, how many
        p, dp, q = uint64(index[j]), uint64(index[j + one]), uint64(index[j + uint64(2)])
        dq, m = uint64(index[j + uint64(3)]), uint64(index[j + uint64(4)])
        if dp == 1 and dq == 1:
            for k in range(m):
                y += v[p + k] * v[q + k]
        else:
            for k in range(m):
                y += v[p + k * dp] * v[q + k * dq]
    return y


@numba.njit(error_model="numpy", fastmath={{"contract", "reassoc"}})
def run(program, index, v):
    for i in range(program.shape[0]):
        op, out, n, at = program[i, 0], program[i, 1], program[i, 2], program[i, 3]
        out, n, at = uint64(out), uint64(n), uint64(at)
        if op == 1:
            for k in range(n):
                v[out + k] = dot(index, v, uint64(index[at + k]), uint64(index[at + k + one]))
        elif op == 3:
            for k in range(n):
                v[out + k] = v[uint64(index[at + k])] * v[uint64(index[at + n + k])]
{branches}
'''

LANES = '''

@numba.njit(inline="always")
def lane_sum(u, v, w, index, start, uniform, end):
    y = -0.0
    for j in range(start, uniform, two):
        part, x = 0.0, v[uint64(index[j + one])]
        for s in range(w):
            part += x[s]
        y += u[uint64(index[j])] * part
    for j in range(uniform, end, two):
        x0, x1 = v[uint64(index[j])], v[uint64(index[j + one])]
        for s in range(w):
            y += x0[s] * x1[s]
    return y


@numba.njit(inline="always")
def lane_dot(u, v, w, y, index, start, uniform, end, c):
    for s in range(w):
        y[s] = c
    j = start
    while j + uint64(8) <= uniform:  # four at a time, for each reads and writes y
        a0, x0 = u[uint64(index[j])], v[uint64(index[j + one])]
        a1, x1 = u[uint64(index[j + two])], v[uint64(index[j + uint64(3)])]
        a2, x2 = u[uint64(index[j + uint64(4)])], v[uint64(index[j + uint64(5)])]
        a3, x3 = u[uint64(index[j + uint64(6)])], v[uint64(index[j + uint64(7)])]
        for s in range(w):
            y[s] += (a0 * x0[s] + a1 * x1[s]) + (a2 * x2[s] + a3 * x3[s])
        j += uint64(8)
    while j < uniform:
        a0, x0 = u[uint64(index[j])], v[uint64(index[j + one])]
        for s in range(w):
            y[s] += a0 * x0[s]
        j += two
    for j in range(uniform, end, two):
        x0, x1 = v[uint64(index[j])], v[uint64(index[j + one])]
        for s in range(w):
            y[s] += x0[s] * x1[s]


@numba.njit(error_model="numpy", fastmath={{"contract", "reassoc"}})
def run_lanes(program, index, shared, u, v, w):
    w = uint64(w)
    for i in range(shared.shape[0]):
        y, x = v[shared[i, 0]], u[shared[i, 1]]
        for s in range(w):
            y[s] = x
    for i in range(program.shape[0]):
        op, out, n, at = program[i, 0], program[i, 1], program[i, 2], program[i, 3]
        out, n, at = uint64(out), uint64(n), uint64(at)
        if op == 1 or op == 2:
            for k in range(n):
                h = at + uint64(4) * k
                start, uniform = uint64(index[h]), uint64(index[h + one])
                end, both = uint64(index[h + uint64(2)]), uint64(index[h + uint64(3)])
                c = -0.0
                for j in range(end, both, two):
                    c += u[uint64(index[j])] * u[uint64(index[j + one])]
                if op == 1:
                    lane_dot(u, v, w, v[out + k], index, start, uniform, end, c)
                else:
                    u[out + k] += c * w + lane_sum(u, v, w, index, start, uniform, end)
        elif op == 3:
            for k in range(n):
                x0, x1 = v[uint64(index[at + k])], v[uint64(index[at + n + k])]
                y = v[out + k]
                for s in range(w):
                    y[s] = x0[s] * x1[s]
{branches}
'''


def _branches(numbers: Sequence[int], arities: Sequence[int], lanes: bool) -> str:
    """The branch of each row."""
    lines = []
    for number, arity in zip(numbers, arities, strict=True):
        lines += [f"        elif op == {number}:", "            for k in range(n):"]
        places = [f"uint64(index[at + uint64({i}) * n + k])" for i in range(arity)]
        if lanes:
            xs = ", ".join(f"x{i}[s]" for i in range(arity))
            lines += [f"                x{i} = v[{place}]" for i, place in enumerate(places)]
            lines += ["                y = v[out + k]", "                for s in range(w):",
                      f"                    y[s] = f{number}({xs})"]
        else:
            xs = ", ".join(f"v[{place}]" for place in places)
            lines += [f"                v[out + k] = f{number}({xs})"]
    return "\n".join(lines)


@cache
def machine(rows: tuple[Elementwise, ...], lanes: bool) -> Any:
    """A function (program, index, v) for these rows, or (program, index, u, v, w) with lanes.

    Row k is operation k + ROW.
    """
    numbers = range(ROW, len(rows) + ROW)
    functions = [scalar_function(row) for row in rows]
    source = _source(numbers, [len(row.slopes) for row in rows], lanes)
    module = _module(source, dict(zip((f"f{n}" for n in numbers), functions, strict=True)))
    return module.run_lanes if lanes else module.run


def _source(numbers: Sequence[int], arities: Sequence[int], lanes: bool) -> str:
    """The module's text."""
    names = " = ".join([f"f{n}" for n in numbers] or ["nothing"])
    source, branches = (HEAD + LANES if lanes else HEAD + RUN), _branches(numbers, arities, lanes)
    return source.format(names=names, branches=branches)


def _module(source: str, functions: dict[str, Any]) -> Any:
    """The source as a module with these functions in it, whose machine code is kept on disk."""
    stamp = source + "".join(f"{k}{fingerprint(f.py_func)}" for k, f in functions.items())
    name = f"machine_{hashlib.sha256(stamp.encode()).hexdigest()[:24]}"
    module = sys.modules[name] = types.ModuleType(name)  # where Numba looks for its globals
    exec(compile(source, f"<{name}>", "exec"), vars(module))
    vars(module).update(functions)
    for run in ("run", "run_lanes"):
        if hasattr(module, run):
            keep(getattr(module, run), run, stamp)
    return module


def scalar_function(row: Elementwise) -> Any:
    """The row's function of floats, for Numba."""
    if row.scalar is None:
        raise errors.GraphError(
            f"{row.name} isn't on the tape: it has no function for single floats (scalar=)"
        )
    scalar = IN_NUMBA.get(row.scalar, row.scalar)
    if isinstance(scalar, types.FunctionType):
        return _jitted(scalar)
    names = ", ".join("abcd"[: len(row.slopes)])
    known = {"f": scalar, "__name__": __name__}
    function: Any = eval(f"lambda {names}: f({names})", known)  # a builtin has no code
    return numba.njit(error_model="numpy")(function)


def check_compiles(row: Elementwise) -> None:
    """Raise if Numba can't compile the row's function of floats."""
    try:
        scalar_function(row).compile((numba.float64,) * len(row.slopes))
    except numba.core.errors.NumbaError as error:
        raise errors.GraphError(
            f"{row.name} isn't on the tape: Numba can't compile its function for floats "
            f"(scalar=). It says: {str(error).strip().splitlines()[-1]}"
        ) from error


IN_NUMBA: dict[Any, Any] = {
    math.cbrt: np.cbrt, math.exp2: np.exp2, math.log2: np.log2, math.fmod: np.fmod,
    math.radians: lambda x: x * (math.pi / 180.0), math.degrees: lambda x: x * (180.0 / math.pi),
}
"""What Numba doesn't know of Python's math, or knows under another name."""


@cache
def _jitted(function: types.FunctionType) -> Any:
    """The function for Numba, and with it the Python functions that it calls."""
    known = {
        name: _jitted(value) if isinstance(value, types.FunctionType) else value
        for name, value in function.__globals__.items() if name in function.__code__.co_names
    }
    known["__name__"] = function.__module__  # where Numba looks when it loads from its cache
    copy = types.FunctionType(function.__code__, known, function.__name__,
                              function.__defaults__, function.__closure__)
    return numba.njit(error_model="numpy")(copy)


def fingerprint(function: Any) -> str:
    """What a function does, as text: its bytecode and what it refers to.

    Of what can't be written down (an array, an object) the text is different every time, so that
    no machine with another one in it is taken for this.
    """
    code = function.__code__
    parts = [code.co_code.hex(), repr(code.co_consts), repr(code.co_names),
             _as_text(function.__defaults__), _as_text(function.__kwdefaults__)]
    parts += [_as_text(cell.cell_contents) for cell in function.__closure__ or ()]
    # The names that are looked up among the globals, not attributes: math.exp isn't the row `exp`.
    names = dict.fromkeys(step.argval for step in dis.get_instructions(code)
                          if step.opname == "LOAD_GLOBAL")
    parts += [_as_text(function.__globals__[name]) for name in names
              if name in function.__globals__]
    return "|".join(parts)


def _as_text(x: Any) -> str:
    """A global, a default or a captured variable, as text."""
    if hasattr(x, "py_func"):
        return fingerprint(x.py_func)
    if isinstance(x, types.FunctionType):
        return fingerprint(x)
    if isinstance(x, types.ModuleType | np.ufunc | types.BuiltinFunctionType):
        return f"{getattr(x, '__module__', '')}.{x.__name__}"
    if x is None or isinstance(x, bool | int | float | str):
        return repr(x)
    if isinstance(x, tuple):
        return f"({', '.join(map(_as_text, x))})"
    return os.urandom(16).hex()


def _compiled(function: Callable[..., Any]) -> Any:
    """The function, compiled when it is first called, and kept on disk beside this file."""
    return keep(numba.njit(error_model="numpy")(function), function.__name__,
                fingerprint(function), Path(__file__).parent / "__pycache__")


@_compiled
def in_range(numbers: np.ndarray, places: np.ndarray, width: int) -> bool:
    """Whether all of these numbers have all their digits and are finite (see ops/extremes.py)."""
    for place in places:
        for x in numbers[place, :width]:
            if not TINY <= abs(x) <= HUGE:
                return False
    return True
