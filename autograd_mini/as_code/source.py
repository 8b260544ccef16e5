"""Prints a function's backward pass as code, and checks what it prints before it gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, NotFollowedError
from ..backprop import gradients
from ..graph import Node, topological_order
from ..tensor import Tensor
from .recorded import parameters_of, recorded
from .rows import NotPrintableError
from .text import function_text

__all__ = ["Source", "source"]

DRAWS = 3  # the example, and others near it


class Source(str):
    """The text of a program: Python that needs NumPy alone. `function` is what it defines."""

    function: Callable[..., Any]

    def write(self, path: str | Path) -> None:
        """Write it into a file."""
        Path(path).write_text(self, encoding="utf-8")


def source(f: Callable[..., Any], *example: Any, wrt: str | Sequence[str] | None = None,
           name: str | None = None) -> Source:
    """A function and its gradient as straight-line NumPy code, with the function's own names."""
    names = parameters_of(f, len(example))
    asked = _asked(names, example, wrt)
    called = name or f"{getattr(f, '__name__', 'function')}_and_gradient".replace("<lambda>", "f")
    texts = []
    draws = [example, *_drawn(example)]
    for draw in draws:
        try:
            texts.append(function_text(recorded(f, draw, asked), called))
        except NotPrintableError as error:
            raise NotFollowedError(f"{error} can't be printed as NumPy code") from None
    if len(set(texts)) > 1:
        raise NotFollowedError("the code depends on the numbers")
    made = Source(texts[0])
    space: dict[str, Any] = {}
    exec(compile(texts[0], f"<source of {called}>", "exec"), space)
    made.function = space[called]
    for draw in draws:
        _compare(f, made.function, draw, names, asked)
    return made


def _asked(names: Sequence[str], example: Sequence[Any], wrt: Any) -> list[str]:
    floats = [n for n, x in zip(names, example, strict=True) if np.asarray(x).dtype.kind == "f"]
    asked = floats if wrt is None else [wrt] if isinstance(wrt, str) else [*wrt]
    wrong = [n for n in asked if n not in floats]
    if wrong or not asked:
        raise ArgumentError(f"wrt is of {', '.join(floats) or 'arguments that are floats'}"
                            + (f", not {', '.join(wrong)}" if wrong else ""))
    return asked


def _drawn(example: Sequence[Any]) -> list[list[Any]]:
    """Other numbers of the same shapes and signs."""
    draws = []
    for seed in range(1, DRAWS):
        rng = np.random.default_rng(seed)
        draws.append([np.asarray(x * rng.uniform(0.9, 1.1, np.shape(x)), np.asarray(x).dtype)
                      if np.asarray(x).dtype.kind == "f" else x for x in example])
    return draws


def _compare(f: Any, printed: Any, given: Sequence[Any], names: Sequence[str], asked: Sequence[str]
             ) -> None:
    """Raise unless the printed code gives the numbers of the engine's recorded backward pass, to
    the last bit; so it gives those of a plain one but for rounding."""
    leaves = {n: Tensor(np.asarray(x)) if np.asarray(x).dtype.kind == "f" else x
              for n, x in zip(names, given, strict=True)}
    with np.errstate(all="ignore"):
        result = f(*leaves.values())
        reached = set(topological_order(result))
        wanted = {n: leaves[n] for n in asked if leaves[n] in reached}
        slopes = dict(zip(wanted, gradients(result, [*wanted.values()], create_graph=True),
                          strict=True))
        value, its = printed(*[x.value if isinstance(x, Node) else x for x in leaves.values()])
    pairs = [("the result", result.value, value)]
    pairs += [(n, slopes[n].value if n in slopes else np.zeros_like(leaves[n].value), x)
              for n, x in zip(asked, its, strict=True)]
    for what, a, b in pairs:
        if np.shape(a) != np.shape(b) or not np.array_equal(a, b, equal_nan=True):
            raise NotFollowedError(f"{what}: the printed code gives other numbers")
