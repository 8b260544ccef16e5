"""Prints a function's backward pass as code, and checks what it prints before it gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, NotFollowedError
from ..graph import value_of
from ..transforms import value_and_grad
from .recorded import Recorded, parameters_of, recorded
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
           name: str | None = None, backend: str = "numpy") -> Source:
    """A function and its gradient as straight-line NumPy code, with the function's own names."""
    names = parameters_of(f, len(example))
    asked = _asked(names, example, wrt)
    called = name or f"{getattr(f, '__name__', 'function')}_and_gradient".replace("<lambda>", "f")
    draws = [example, *_drawn(example)]
    records, texts = [], []
    for draw in draws:
        try:
            records.append(recorded(f, draw, asked))
            texts.append(function_text(records[-1], called))
        except NotPrintableError as error:
            raise NotFollowedError(f"{error} can't be printed as NumPy code") from None
    if len(set(texts)) > 1:
        raise NotFollowedError("its code would be another one for other numbers, which an `if` or "
                               "an index that depends on them does")
    made = Source(texts[0])
    made.function = _run(texts[0], called)
    for draw, record in zip(draws, records, strict=True):
        _compare(f, made.function, draw, record)
    if backend == "numpy":
        return made
    try:
        told = Source(function_text(records[0], called, backend))
    except NotPrintableError as error:
        raise NotFollowedError(f"{error} can't be printed for {backend}") from None
    return told


def _run(text: str, name: str) -> Any:
    """The function that a program defines."""
    space: dict[str, Any] = {}
    exec(compile(text, f"<source of {name}>", "exec"), space)
    return space[name]


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


def _compare(f: Any, printed: Any, given: Sequence[Any], record: Recorded) -> None:
    """Raise unless the printed code gives the numbers of what was recorded to the last bit, and so
    those of a plain gradient but for rounding."""
    arrays = [np.asarray(x) if np.asarray(x).dtype.kind == "f" else x for x in given]
    names = [*record.parameters]
    with np.errstate(all="ignore"):
        value, its = printed(*arrays)
        _, plain = value_and_grad(f, tuple(names.index(n) for n in record.gradients))(*arrays)
    if not _same(value, record.result.value):
        raise NotFollowedError("the printed code gives another result")
    for (name, g), a, b in zip(record.gradients.items(), its, plain, strict=True):
        recorded_one = np.zeros_like(b) if g is None else value_of(g)
        size = np.max(np.abs(b), initial=0.0)
        if not _same(a, recorded_one) or not np.allclose(a, b, rtol=1e-9, atol=1e-9 * size,
                                                         equal_nan=True):
            raise NotFollowedError(f"the printed code gives another gradient for {name}")


def _same(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and np.array_equal(a, b, equal_nan=True)
