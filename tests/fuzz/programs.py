"""A program of the fuzzer: the text of a function, and the arguments to call it with."""

from __future__ import annotations

import ast
import copy
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

import autograd_mini as ag

__all__ = ["MIX", "Outcome", "Program", "Skipped", "Wrong", "mix"]

MIX = '''
def mix(v):
    """One number in which every entry of v has a weight of its own."""
    return np.sum(v * np.cos(1.0 + np.arange(np.size(v))).reshape(np.shape(v)))
'''


def mix(v: Any) -> Any:
    """One number in which every entry of v has a weight of its own."""
    return np.sum(v * np.cos(1.0 + np.arange(np.size(v))).reshape(np.shape(v)))


class Wrong(Exception):  # noqa: N818  a verdict, not an error
    """What the engine gave isn't what it should have given."""

    def __init__(self, check: str, what: str, given: Any = None, expected: Any = None) -> None:
        super().__init__(what)
        self.check, self.what, self.given, self.expected = check, what, given, expected


class Skipped(Exception):  # noqa: N818
    """Nothing can be said of this program: it is ill-conditioned, or no program at all."""


@dataclass(frozen=True)
class Outcome:
    """What became of a program: right, refused, skipped or wrong, and why.

    step: in which of its mode's checks. notes: what else was refused or skipped.
    """

    kind: str
    why: str = ""
    check: str = ""
    given: Any = None
    expected: Any = None
    step: str = ""
    notes: tuple[str, ...] = ()

    @property
    def signature(self) -> tuple[str, str]:
        """What must stay the same when a failing program is made smaller."""
        return self.check, self.why if self.check == "escaped" else ""


@dataclass(frozen=True)
class Program:
    """The text of a function f, and its arguments by name.

    setup: statements before f, which it may refer to. steps: what is done between calls to
    what `setup` made, one text per call.
    """

    body: str
    args: dict[str, Any]
    setup: str = ""
    steps: tuple[str, ...] = ()

    def namespace(self) -> dict[str, Any]:
        """The program's names after its definition: f is one of them."""
        names: dict[str, Any] = {"np": np, "ag": ag, "math": math, "mix": mix, "copy": copy,
                                 "functools": functools, "SimpleNamespace": SimpleNamespace}
        exec(self.setup + "\n" + self.body, names)
        return names

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The program's f."""
        function: Callable[..., Any] = self.namespace()["f"]
        return function

    @property
    def values(self) -> list[Any]:
        """The arguments, each a copy."""
        return [np.array(x) if isinstance(x, np.ndarray) else x for x in self.args.values()]

    @property
    def size(self) -> tuple[int, int, int]:
        """How large it is: its statements, its expressions, the numbers of its arguments."""
        nodes = [node for part in (self.setup, self.body) for node in ast.walk(ast.parse(part))]
        digits = sum(len(literal(x)) for x in self.args.values())
        return (sum(isinstance(node, ast.stmt) for node in nodes),
                sum(isinstance(node, ast.expr) for node in nodes), digits)

    def text(self, ending: str = "") -> str:
        """The whole program as one can paste it."""
        parts = ["import numpy as np", "import autograd_mini as ag"]
        parts[:0] = [f"import {room}" for room in ("copy", "functools", "math")
                     if f"{room}." in self.setup + self.body]
        if "SimpleNamespace" in self.setup:
            parts.insert(0, "from types import SimpleNamespace")
        if "mix(" in self.body + ending:
            parts.append(MIX)
        parts += [part for part in (self.setup, self.body) if part]
        parts += [f"{name} = {literal(x)}" for name, x in self.args.items()]
        return "\n".join([*parts, *([ending] if ending else [])])


def literal(x: Any) -> str:
    """A number or an array as Python text that gives it back."""
    if not isinstance(x, np.ndarray):
        return repr(float(x))
    if not x.size:
        return f"np.zeros({x.shape})"
    return f"np.array({x.tolist()})"
