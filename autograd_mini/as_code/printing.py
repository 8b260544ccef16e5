"""Prints a function's backward pass as code, and checks what it prints before it gives it."""

from __future__ import annotations

import keyword
import linecache
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, ArgumentTypeError, AutogradError, NotFollowedError
from ..graph import Node, value_of
from ..transforms import value_and_grad
from .dialects import BACKENDS
from .recorded import (
    Recorded,
    check_argument,
    generators_there_are,
    parameters_of,
    recorded,
)
from .rows import NotPrintableError
from .text import function_text
from .writing import RESERVED

__all__ = ["Source", "source"]

DRAWS, FAR = 3, 4  # the example and others near it; others far away, where the same is decided


class Source(str):
    """The text of a program: Python that needs NumPy, JAX or PyTorch alone."""

    name: str  # of the function that it defines

    @property
    def function(self) -> Any:
        """That function, made anew; `ImportError` if what it needs isn't installed."""
        space: dict[str, Any] = {}
        file = f"<source of {self.name}>"
        linecache.cache[file] = (len(self), None, self.splitlines(True), file)  # for tracebacks
        exec(compile(self, file, "exec"), space)
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
    asked, called = _asked(names, example, wrt), _called(f, name)
    draws = [example, *_drawn(example)]
    random = generators_there_are()
    records = [_recorded(f, draw, asked, random) for draw in draws]
    texts = {_text(record, called, "numpy") for record in records}
    if len(texts) > 1:
        raise NotFollowedError("its code would be another one for other numbers, which an `if` or "
                               "an index that depends on them does")
    made = _named(texts.pop(), called)
    for draw, record in zip(draws, records, strict=True):
        _compare(f, made, draw, record)
    far = [draw for draw in _far_from(example)
           if _tried(f, made, draw, records[0], called, random)]
    if backend == "numpy":
        return made
    _check_dtypes(names, example, backend)
    told = _named(_text(records[0], called, backend), called)
    for draw in (*draws, *far):
        _run_there(told, made, draw, backend)
    return told


def _called(f: Any, name: Any) -> str:
    """The name of the function that is printed."""
    usual = f"{getattr(f, '__name__', 'function')}_and_gradient".replace("<lambda>", "f")
    called = usual if name is None else name
    if not isinstance(called, str) or not called.isidentifier() or keyword.iskeyword(called) or (
            called in RESERVED):
        raise ArgumentError(f"a function can't be called {called!r}")
    return called


def _recorded(f: Any, draw: Sequence[Any], asked: list[str], random: Sequence[Any]) -> Recorded:
    """The record. Raises `NotFollowedError` where the function runs only on plain numbers."""
    try:
        return recorded(f, draw, asked, random)
    except NotFollowedError as error:  # in the words of a recorder that is for programs
        raise NotFollowedError(str(error).replace(
            "can't be a program of arrays", "can't be printed as code")) from error
    except AutogradError:
        raise
    except Exception as error:
        f(*draw)  # if it doesn't run on them either, that is what is said
        raise NotFollowedError(f"it can't be recorded: {type(error).__name__}: {error}") from error


def _check_dtypes(names: Sequence[str], example: Sequence[Any], backend: str) -> None:
    """Refuse whole numbers for which the other library has another arithmetic."""
    for name, x in zip(names, example, strict=True):
        if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "iu" and x.dtype != np.int64:
            raise NotFollowedError(f"{backend} computes otherwise with {x.dtype}: give {name} as "
                                   "np.int64")


def _run_there(told: Source, made: Source, draw: Sequence[Any], backend: str) -> None:
    """Refuse code for another library that gives other numbers, if that library is installed."""
    try:
        run = IN[backend]
        there = run(None, draw)
    except ImportError:
        return
    try:
        value, ours = made.function(*[np.asarray(x) if _is_float(x) else x for x in draw])
    except AssertionError:  # it doesn't hold there
        return
    try:
        its, theirs = run(told.function, there)
        found = [np.asarray(x) for x in (its, *theirs)]
    except Exception as error:
        raise NotFollowedError(f"the code for {backend} doesn't run: {error}") from error
    for a, b in zip(found, map(np.asarray, (value, *ours)), strict=True):
        close = 2**14 * np.finfo(b.dtype).eps
        if a.shape != b.shape or a.dtype != b.dtype or not np.allclose(
                a, b, rtol=close, equal_nan=True, atol=close * np.max(np.abs(b), initial=0.0)):
            raise NotFollowedError(f"the code for {backend} gives other numbers")


def _in_torch(function: Any, draw: Sequence[Any]) -> Any:
    """The arguments as tensors; or what the function gives for such."""
    import torch

    if function is None:
        return [torch.tensor(np.asarray(x)) if isinstance(x, np.ndarray | np.generic | float)
                else x for x in draw]
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return function(*draw)
    finally:
        torch.set_default_dtype(usual)


def _in_jax(function: Any, draw: Sequence[Any]) -> Any:
    """The same for JAX."""
    import jax

    if function is not None:
        return function(*draw)
    if not jax.config.read("jax_enable_x64"):  # it would round
        raise ImportError
    return [jax.numpy.asarray(x) if isinstance(x, np.ndarray | np.generic | float) else x
            for x in draw]


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
    if not isinstance(wrt, str | Sequence | None):
        raise ArgumentTypeError(f"wrt is a name, or a list of names, not {wrt!r}")
    asked = floats if wrt is None else [wrt] if isinstance(wrt, str) else [*wrt]
    wrong = [str(n) for n in asked if n not in floats]
    if len({*map(str, asked)}) < len(asked):
        raise ArgumentError(f"wrt names {', '.join(map(str, asked))}: each once")
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
    """Other numbers in other places, with other signs, of other sizes, and zeros; other whole
    numbers and masks."""
    for seed in range(1, 1 + FAR):
        rng = np.random.default_rng(seed)
        yield [_far(np.asarray(x), rng, seed) if isinstance(x, np.ndarray | np.generic | float)
               else x for x in example]


def _far(x: np.ndarray, rng: np.random.Generator, seed: int) -> np.ndarray:
    if x.dtype.kind == "b":
        return rng.random(x.shape) < 0.5
    if x.dtype.kind == "f":
        moved = rng.permutation(x.ravel()).reshape(x.shape)
        moved = np.where(moved == 0, rng.normal(size=x.shape), moved)
        sized = moved * rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 2.0, x.shape)
        if seed % 4 == 0:
            sized = np.rint(sized)  # some are 0, and some are equal
        return np.asarray(sized * (1.0, 1.0, 1.0, 30.0)[seed % 4], x.dtype)
    low, high = (min(int(x.min()), 0), int(x.max())) if x.size else (0, 0)
    if seed % 2 == 0:  # indices of the example may not be so large
        limits = np.iinfo(x.dtype)
        low, high = max(low - 100, limits.min), min(high + 100, limits.max)
    return rng.integers(low, high, x.shape, endpoint=True, dtype=x.dtype)


def _tried(f: Any, made: Source, draw: Sequence[Any], first: Recorded, name: str,
           random: Sequence[Any]) -> bool:
    """Refuse code in which numbers of the example stand: recorded elsewhere, where the same was
    decided, it must be the same code. Whether it could be recorded there."""
    try:
        record = recorded(f, draw, [*first.gradients], random)
    except Exception:  # a singular matrix, an index out of range: it isn't for these
        return False
    if not np.isfinite(record.result.value).all() or not _decides_alike(first, record):
        return False
    if _text(record, name, "numpy") != made:
        raise NotFollowedError("its code would be another one for other numbers")
    _compare(f, made, draw, record, holds=False)
    return True


def _decides_alike(a: Recorded, b: Recorded) -> bool:
    ours, theirs = ([outcome for *_, outcome in r.recorder.conditions] for r in (a, b))
    return len(ours) == len(theirs) and all(
        np.array_equal(x, y) for x, y in zip(ours, theirs, strict=True))


def _compare(f: Any, made: Source, given: Sequence[Any], record: Recorded, holds: bool = True
             ) -> None:
    """Raise unless the printed code gives the numbers of what was recorded to the last bit, and so
    those of a plain gradient but for rounding. holds: whether it may not say that it doesn't."""
    arrays = [np.asarray(x) if _is_float(x) else x for x in given]
    names = [*record.parameters]
    with np.errstate(all="ignore"):
        try:
            value, its = made.function(*arrays)
        except AssertionError as error:
            if not holds:
                return
            raise NotFollowedError("a number of the arguments, the result or a gradient isn't "
                                   "finite, or the function decides otherwise for numbers nearby: "
                                   "give another example") from error
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
    a, b = np.asarray(a), np.asarray(b)
    alike = a.shape == b.shape and a.dtype == b.dtype
    return alike and bool(np.array_equal(a, b, equal_nan=True))
