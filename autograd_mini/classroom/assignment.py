"""A teacher's assignment: a loss, arguments to try it at, and a solution that gets full marks."""

from __future__ import annotations

import contextlib
import inspect
import math
import pickle
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..trees import tree_map

__all__ = ["Assignment"]


@dataclass(frozen=True)
class Assignment:
    """What an assignment's file defines; see `grade`."""

    path: Path
    source: bytes
    loss: Callable[..., Any]
    example: Callable[[np.random.Generator], Any]
    wrt: Any
    points: float

    @staticmethod
    def read(path: Path) -> Assignment:
        """The assignment in a file. Raises `ArgumentError` for what it lacks."""
        if not path.is_file() or path.suffix != ".py":
            raise ArgumentError(f"there is no assignment {path}, a file whose name ends in .py")
        return Assignment.of(path, path.read_bytes())

    @staticmethod
    def of(path: Path, source: bytes) -> Assignment:
        """The same of what was read before, whatever the file has become."""
        module = sys.modules["assignment"] = types.ModuleType("assignment")
        module.__file__, beside = str(path), str(path.resolve().parent)
        sys.path.append(beside)  # what it imports lies beside it; nothing there hides a library
        try:
            exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))
        except (Exception, SystemExit) as error:
            line = traceback.format_exception_only(error)[-1].strip()
            raise ArgumentError(f"the assignment {path} can't be read: {line}") from error
        finally:
            with contextlib.suppress(ValueError):
                sys.path.remove(beside)
        for name, what in (("loss", "the function that is differentiated"),
                           ("example", "arguments for a random generator: example(rng)"),
                           ("solution", "a gradient that gets full marks")):
            if not callable(getattr(module, name, None)):
                raise ArgumentError(f"the assignment {path} needs a function {name}: {what}")
        points = getattr(module, "points", 10)
        if not isinstance(points, Real) or not 0 < float(points) < math.inf:
            raise ArgumentError(f"points is {points!r} in {path}; it is a number above 0")
        wrt = getattr(module, "wrt", None)
        if not isinstance(wrt, str | int | tuple | list | None):
            raise ArgumentError(f"wrt is a {type(wrt).__name__} in {path}; it is a name, or a "
                                "tuple of names")
        return Assignment(path, source, module.loss, module.example, wrt, float(points))

    def draws(self, seed: int, tries: int) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The arguments at so many seeds. Raises `ArgumentError` if they aren't drawn from rng."""
        drawn = [self.arguments(seed + i) for i in range(tries)]
        texts = [pickle.dumps(self.arguments(seed + i)) for i in range(2)]
        if pickle.dumps(drawn[0]) != texts[0]:
            raise ArgumentError(f"example(rng) of {self.path} gives other arguments for the same "
                                "rng: draw all of them from rng, and nothing from np.random")
        if texts[0] == texts[1]:
            raise ArgumentError(f"example(rng) of {self.path} draws nothing from rng: what is "
                                "handed in could have the numbers for its only arguments by heart")
        return drawn

    def arguments(self, seed: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the loss, and of a gradient, at a seed."""
        try:
            given = self.example(np.random.default_rng(seed))
            if isinstance(given, Mapping):
                bound = inspect.signature(self.loss).bind(**given)
                args, kwargs = bound.args, bound.kwargs
            else:
                args, kwargs = given if isinstance(given, tuple) else (given,), {}
            if foreign := _foreign((args, kwargs)):
                raise TypeError(f"a submission can't be given a {foreign}: give numbers, arrays of "
                                "NumPy, tuples, lists and dicts")
            args, kwargs = pickle.loads(pickle.dumps((_wide(args), _wide(kwargs))))
        except (Exception, SystemExit) as error:
            raise ArgumentError(f"example(rng) of {self.path} gives no arguments for the loss: "
                                f"{type(error).__name__}: {error}") from error
        return args, kwargs


def _wide(tree: Any) -> Any:
    """Arguments in double precision: coarser data would have claims judged less strictly."""
    return tree_map(lambda x: x.astype(np.float64) if isinstance(x, np.ndarray | np.floating)
                    and x.dtype.kind == "f" else x, tree)


def _foreign(tree: Any) -> str:
    """The name of a class that can't be sent to a submission, if there is something of one."""
    kind = type(tree)
    if kind in (dict, list, tuple):
        parts = tree.values() if kind is dict else tree
        return next((name for part in parts if (name := _foreign(part))), "")
    is_plain = tree is None or isinstance(tree, np.ndarray | np.generic) or kind in (
        bool, int, float, complex, str, bytes)
    return "" if is_plain else kind.__name__
