"""Prints a function's backward pass as code, and checks what it prints before it gives it."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, NotFollowedError
from ..graph import Node, value_of
from ..transforms import value_and_grad
from .dialects import BACKENDS
from .recorded import Recorded, check_argument, parameters_of, recorded
from .rows import NotPrintableError
from .text import RESERVED, function_text

__all__ = ["Source", "source"]

DRAWS, FAR = 3, 4  # the example and others near it; others far away, where the same is decided


class Source(str):
    """The text of a program: Python that needs NumPy, JAX or PyTorch alone."""

    name: str  # of the function that it defines

    @property
    def function(self) -> Any:
        """That function, made anew; `ImportError` if what it needs isn't installed."""
        space: dict[str, Any] = {}
        exec(compile(self, f"<source of {self.name}>", "exec"), space)
        return space[self.name]

    def write(self, path: str | Path) -> None:
        """Write it into a file."""
        Path(path).write_text(self, encoding="utf-8")


def source(f: Callable[..., Any], *example: Any, wrt: str | Sequence[str] | None = None,
           backend: str = "numpy", name: str | None = None) -> Source:
    """A function and its gradient as straight-line code with its own names, which runs by itself.

    f: a function of arrays and numbers that gives one number. example: its arguments, of the shapes
    and dtypes that the code is for, which it asserts. wrt: the names of those to differentiate by;
    without it, all that are floats. backend: `numpy`, `jax` or `torch`. name: of the function that
    is printed; it takes the same arguments and returns (result, gradients). Each line says which of
    yours it comes from; what the run decided (`if x.sum() > 0`) is an assert.

    The NumPy code is run before it is given, at the example and two other draws: the numbers are
    those of the recorded backward pass to the last bit, and of a plain gradient but for rounding.
    Raises `NotFollowedError` for what can't be printed, by name, or would be other code for other
    numbers; `ArgumentError` for another `wrt` or backend, and `ArgumentTypeError` for arguments
    that are containers of arrays.

    >>> import numpy as np
    >>> def loss(w, x):
    ...     y = np.tanh(x @ w)
    ...     return np.sum(y**2)
    >>> code = source(loss, np.ones((3, 2)), np.ones((4, 3)), wrt="w")
    >>> value, (dw,) = code.function(np.zeros((3, 2)), np.ones((4, 3)))
    >>> float(value), dw.shape
    (0.0, (3, 2))
    """
    if backend not in ("numpy", *BACKENDS):
        raise ArgumentError(f"there is no backend {backend!r}: numpy, {', '.join(BACKENDS)}")
    example = tuple(value_of(x) if isinstance(x, Node) else x for x in example)
    for x in example:
        check_argument(x)
    names = parameters_of(f, len(example))
    if reserved := sorted({*names} & RESERVED):
        raise ArgumentError(f"an argument is called {reserved[0]}, which the code means something "
                            "else by: rename it")
    asked = _asked(names, example, wrt)
    called = name or f"{getattr(f, '__name__', 'function')}_and_gradient".replace("<lambda>", "f")
    if not called.isidentifier() or keyword.iskeyword(called) or called in RESERVED:
        raise ArgumentError(f"a function can't be called {called!r}")
    draws = [example, *_drawn(example)]
    records = [recorded(f, draw, asked) for draw in draws]
    texts = {_text(record, called, "numpy") for record in records}
    if len(texts) > 1:
        raise NotFollowedError("its code would be another one for other numbers, which an `if` or "
                               "an index that depends on them does")
    made = _named(texts.pop(), called)
    for draw, record in zip(draws, records, strict=True):
        _compare(f, made.function, draw, record)
    for draw in _far_from(example):
        _tried(f, made, draw, records[0], called)
    if backend == "numpy":
        return made
    told = _named(_text(records[0], called, backend), called)
    _run_there(told, made, example, backend)
    return told


def _run_there(told: Source, made: Source, example: Sequence[Any], backend: str) -> None:
    """Refuse code for another library that gives other numbers, if that library is installed."""
    try:
        there = IN[backend](example)
    except ImportError:
        return
    _, ours = made.function(*[np.asarray(x) if _is_float(x) else x for x in example])
    try:
        _, theirs = told.function(*there)
        found = [np.asarray(x) for x in theirs]
    except Exception as error:
        raise NotFollowedError(f"the code for {backend} doesn't run: {error}") from error
    for a, b in zip(found, ours, strict=True):
        close = 2**14 * np.finfo(b.dtype).eps
        if a.shape != b.shape or not np.allclose(a, b, rtol=close, equal_nan=True, atol=close * (
                np.max(np.abs(b), initial=0.0))):
            raise NotFollowedError(f"the code for {backend} gives other numbers")


def _in_torch(example: Sequence[Any]) -> list[Any]:
    import torch

    return [torch.tensor(np.asarray(x)) if isinstance(x, np.ndarray | np.generic | float) else x
            for x in example]


def _in_jax(example: Sequence[Any]) -> list[Any]:
    import jax

    if not jax.config.read("jax_enable_x64"):  # it would round
        raise ImportError
    return [jax.numpy.asarray(x) if isinstance(x, np.ndarray | np.generic | float) else x
            for x in example]


IN = {"torch": _in_torch, "jax": _in_jax}


def _named(text: str, name: str) -> Source:
    made = Source(text)
    made.name = name
    return made


def _text(record: Recorded, name: str, backend: str) -> str:
    try:
        return function_text(record, name, backend)
    except NotPrintableError as error:
        raise NotFollowedError(f"{error} can't be printed for {backend}") from None


def _asked(names: Sequence[str], example: Sequence[Any], wrt: Any) -> list[str]:
    floats = [n for n, x in zip(names, example, strict=True) if _is_float(x)]
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
                      if _is_float(x) else x for x in example])
    return draws


def _far_from(example: Sequence[Any]) -> Iterator[list[Any]]:
    """Other numbers in other places, with other signs; other whole numbers and masks."""
    for seed in range(1, 1 + FAR):
        rng = np.random.default_rng(seed)
        draw: list[Any] = []
        for x in example:
            array = np.asarray(x) if isinstance(x, np.ndarray | np.generic | float) else None
            if array is None:
                draw.append(x)
            elif array.dtype.kind == "f":
                moved = rng.permutation(array.ravel()).reshape(array.shape)
                signs = rng.choice([-1.0, 1.0], array.shape)
                draw.append(np.asarray(moved * signs * rng.uniform(0.5, 2.0, array.shape),
                                       array.dtype))
            elif array.dtype.kind == "b":
                draw.append(rng.random(array.shape) < 0.5)
            else:
                low, high = (array.min(), array.max()) if array.size else (0, 0)
                draw.append(rng.integers(min(low, 0), high + 1, array.shape).astype(array.dtype))
        yield draw


def _tried(f: Any, made: Source, draw: Sequence[Any], first: Recorded, name: str) -> None:
    """Refuse code in which numbers of the example stand: recorded elsewhere, where the same was
    decided, it must be the same code."""
    try:
        record = recorded(f, draw, [*first.gradients])
    except Exception:  # a singular matrix, an index out of range: it isn't for these
        return
    if not np.isfinite(record.result.value).all() or not _decides_alike(first, record):
        return
    if _text(record, name, "numpy") != made:
        raise NotFollowedError("its code would be another one for other numbers")
    _compare(f, made.function, draw, record)


def _decides_alike(a: Recorded, b: Recorded) -> bool:
    ours, theirs = ([outcome for *_, outcome in r.recorder.conditions] for r in (a, b))
    return len(ours) == len(theirs) and all(
        np.array_equal(x, y) for x, y in zip(ours, theirs, strict=True))


def _compare(f: Any, printed: Any, given: Sequence[Any], record: Recorded) -> None:
    """Raise unless the printed code gives the numbers of what was recorded to the last bit, and so
    those of a plain gradient but for rounding."""
    arrays = [np.asarray(x) if _is_float(x) else x for x in given]
    names = [*record.parameters]
    with np.errstate(all="ignore"):
        try:
            value, its = printed(*arrays)
        except Exception as error:
            raise NotFollowedError(f"the printed code doesn't run: {error}") from error
        _, plain = value_and_grad(f, tuple(names.index(n) for n in record.gradients))(*arrays)
    if not _same(value, record.result.value):
        raise NotFollowedError("the printed code gives another result")
    for (name, g), a, b in zip(record.gradients.items(), its, plain, strict=True):
        recorded_one = np.zeros_like(b) if g is None else value_of(g)
        close = 2**14 * np.finfo(np.asarray(b).dtype).eps
        size = np.max(np.abs(b), initial=0.0)
        if not _same(a, recorded_one) or not np.allclose(a, b, rtol=close, atol=close * size,
                                                         equal_nan=True):
            raise NotFollowedError(f"the printed code gives another gradient for {name}")


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic | float) and np.asarray(x).dtype.kind == "f"


def _same(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and np.array_equal(a, b, equal_nan=True)
