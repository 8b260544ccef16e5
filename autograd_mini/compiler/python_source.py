"""A program is written out as straight-line Python: a statement for each operation.

    def run(numbers):
        x0, x1 = numbers
        v1 = x0 * x1
        if not v1 > 0.5: return GUARD_FAILED
        v2 = tanh(v1)
        return [v2]

Python compiles that in microseconds a line, and it needs nothing that isn't there already.
"""

from __future__ import annotations

import keyword
import math
import operator
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..ops.facts import IN_PYTHON
from ..primitive import Elementwise
from . import passes
from .code import LEAF, ROW, Code, sum_of_products
from .guards import GUARD_FAILED, Guard, compared_by
from .slopes import INEXACT, Slopes, is_exact

__all__ = ["PythonSource"]

MOST_TERMS = 40
"""So many products are added up in a statement, for Python's parser goes as deep as there are."""

SIGNS: dict[Any, str] = {operator.gt: ">", operator.lt: "<", operator.ge: ">=", operator.le: "<=",
                         operator.eq: "==", operator.ne: "!="}


class PythonSource:
    """The text of a program, and the function that Python makes of it.

    outputs: the values that are returned. wary: whether it gives up where any value isn't finite,
    and not only a result. careful: whether what raises in Python (1/0, log 0) is done as IEEE 754
    has it, which takes longer.
    """

    def __init__(self, code: Code, outputs: Sequence[int], guards: Sequence[Guard],
                 slopes: Sequence[Slopes], lengths: Iterable[Sequence[int]],
                 wary: bool, careful: bool = False) -> None:
        self._code, self._careful = code, careful
        self._numbers = dict(code.constants)
        self._names = {i: f"x{i}" for i in range(code.inputs)}
        self._named: dict[str, str] = {}  # an expression that is written already has a name
        self._space: dict[str, Any] = {
            "inf": math.inf, "nan": math.nan, "tiny": sys.float_info.min,
            "huge": sys.float_info.max, "isfinite": math.isfinite, "INEXACT": INEXACT,
            "GUARD_FAILED": GUARD_FAILED}
        self._lines = ["def run(numbers):"]
        if code.inputs:
            inputs = ", ".join(self._names.values())
            self._lines.append(f"    {inputs}{',' * (code.inputs == 1)} = numbers")
        self._write_values(outputs, guards)
        self._write_checks(slopes, lengths)
        names = list(self._named.values()) if wary else []
        for k in range(0, len(names), MOST_TERMS):
            total = " + ".join(names[k : k + MOST_TERMS])
            self._lines.append(f"    if not isfinite({total}): return INEXACT")
        self._lines.append(f"    return [{', '.join(map(self._name, outputs))}]")
        self.text = "\n".join(self._lines) + "\n"

    def function(self) -> Callable[[Sequence[float]], Any]:
        """The function (numbers of the inputs) → numbers of the outputs."""
        exec(compile(self.text, "<compiled program>", "exec"), self._space)
        run: Callable[[Sequence[float]], Any] = self._space["run"]
        return run

    def _write_values(self, outputs: Sequence[int], guards: Sequence[Guard]) -> None:
        """Write what outputs and comparisons need; each comparison as soon as it can be made."""
        code = self._code
        needed = passes.alive(code.operands, [*outputs, *compared_by(guards)])
        after: dict[int, list[Guard]] = {}
        for guard in guards:
            computed = [i for i in (guard.a, guard.b) if i not in code.constants]
            after.setdefault(max(computed, default=-1), []).append(guard)
        for i in range(len(code)):
            if needed[i] and code.op[i] != LEAF:
                self._write_value(i)
            for guard in after.get(i, ()):
                self._write_guard(guard)

    def _write_value(self, i: int) -> None:
        """Write a statement, unless the value is a constant or was written already."""
        code = self._code
        operands = code.operands[i]
        row = code.rows[code.op[i] - ROW] if code.op[i] >= ROW else None
        numbers = [self._numbers.get(k) for k in operands]
        if None not in numbers:
            self._numbers[i] = float(row.compute(numbers, {}) if row is not None
                                     else sum_of_products(numbers))
            return
        names = list(map(self._name, operands))
        first, *rest = self._sum(names) if row is None else [self._call(row, names)]
        text = first + "".join(rest)
        if text not in self._named:
            name = self._named[text] = f"v{i}"
            self._lines.append(f"    {name} = {first}")
            self._lines += [f"    {name} = {name}{more}" for more in rest]
        self._names[i] = self._named[text]

    def _name(self, i: int) -> str:
        """What stands for value i in the text: a name or a number."""
        return repr(float(self._numbers[i])) if i in self._numbers else self._names[i]

    def _sum(self, names: Sequence[str]) -> list[str]:
        """p·q + p·q + …, in parts of `MOST_TERMS`."""
        terms = []
        for p, q in zip(names[::2], names[1::2], strict=True):
            sign, term = " + ", f"{p} * {q}"
            if "1.0" in (p, q):
                term = q if p == "1.0" else p
            elif "-1.0" in (p, q):
                sign, term = " - ", q if p == "-1.0" else p
            terms.append(sign + term)
        terms[0] = terms[0].removeprefix(" + ")
        if terms[0].startswith(" - "):
            terms[0] = "-" + terms[0].removeprefix(" - ")
        return ["".join(terms[k : k + MOST_TERMS]) for k in range(0, len(terms), MOST_TERMS)]

    def _call(self, row: Elementwise, names: Sequence[str]) -> str:
        """The row of these operands: written out where Python has it, else a call."""
        written = IN_PYTHON.get(row)
        if written is not None and not (self._careful and "/" in written):
            return written.format(*names)
        function = row.scalar
        if self._careful or function is None:
            function = partial(_by_ieee, row)
        return f"{self._known(row.name, function)}({', '.join(names)})"

    def _known(self, name: str, function: Any) -> str:
        """A name by which the text can call the function."""
        taken = keyword.iskeyword(name) or re.fullmatch(r"[vx]\d+|run|numbers", name)
        if taken or name.startswith("__") or not (name.isascii() and name.isidentifier()):
            name = "f_" + re.sub(r"\W", "_", name, flags=re.ASCII)
        while not _alike(self._space.setdefault(name, function), function):
            name += "_"
        return name

    def _is_written(self, *ids: int) -> bool:
        """Whether all of these values are computed, or are constants."""
        return all([i in self._names or i in self._numbers for i in ids])

    def _write_guard(self, guard: Guard) -> None:
        """Write a comparison that must come out as in the recording."""
        if guard.a in self._numbers and guard.b in self._numbers:
            return
        a, b = self._name(guard.a), self._name(guard.b)
        sign = SIGNS.get(guard.how)
        text = f"{a} {sign} {b}" if sign else f"{self._known('same', guard.how)}({a}, {b})"
        self._lines.append(f"    if {'not ' * guard.outcome}{text}: return GUARD_FAILED")

    def _write_checks(self, slopes: Sequence[Slopes], lengths: Iterable[Sequence[int]]) -> None:
        """Write what shows that the engine's rules may know more (see slopes.py)."""
        lines = []
        for some in slopes:
            check = partial(is_exact, some.row, some.i)
            for g, slope, *xs in zip(some.g.tolist(), some.slope.tolist(),
                                     *[x.tolist() for x in some.xs], strict=True):
                if not self._is_written(g, slope):
                    continue
                test = f"tiny <= abs({self._name(slope)}) <= huge"
                if self._is_written(*xs):  # else the engine has to find out
                    names = ", ".join(map(self._name, (g, slope, *xs)))
                    called = self._known(f"exact_{some.row.name}_{some.i}", check)
                    test = f"({test} or {called}({names}))"
                lines.append(f"    if not {test}: return INEXACT")
        for of in lengths:
            if self._is_written(*of):
                zero = " and ".join([f"{self._name(i)} == 0.0" for i in of])
                lines.append(f"    if {zero}: return INEXACT")
        self._lines += dict.fromkeys(lines)  # each once


def _by_ieee(row: Elementwise, *xs: float) -> Any:
    """The row of floats, with inf and nan where Python raises."""
    with np.errstate(all="ignore"):
        return row.compute(xs, {})


def _alike(f: Any, g: Any) -> bool:
    """Whether two functions are the same, or the same function with the same arguments."""
    if isinstance(f, partial) and isinstance(g, partial):
        return (f.func, f.args) == (g.func, g.args)
    return f is g
