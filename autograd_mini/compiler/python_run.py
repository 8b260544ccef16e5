"""A program runs as straight-line Python, which was there the moment it was recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from .code import Code
from .forms import Numbers
from .guards import Guard
from .python_source import PythonSource
from .slopes import Slopes

__all__ = ["PythonRun"]


class PythonRun:
    """The code as a function that Python runs; `text` is its source."""

    where = "in Python"

    def __init__(self, code: Code, outputs: Sequence[int], guards: Sequence[Guard],
                 slopes: Sequence[Slopes], lengths: Sequence[tuple[int, ...]], wary: bool) -> None:
        self._parts = code, outputs, guards, slopes, lengths, wary
        source = PythonSource(*self._parts)
        self.text, self._function = source.text, source.function()

    def run(self, shared: Numbers, inputs: Numbers, samples: int) -> Any:
        """The outputs, in a list; GUARD_FAILED, or INEXACT."""
        numbers = [x for part in shared for x in part.tolist()]
        try:
            return self._function(numbers)
        except (ArithmeticError, ValueError):  # Python raises where IEEE 754 has inf or nan
            return self._careful(numbers)

    @cached_property
    def _careful(self) -> Callable[[Sequence[float]], Any]:
        """The same function, of operations that don't raise."""
        return PythonSource(*self._parts, careful=True).function()
