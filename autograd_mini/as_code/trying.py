"""What is printed is tried before it is given: near its example, far away, in other libraries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import NotFollowedError
from ..graph import value_of
from ..transforms import value_and_grad
from .program import Source
from .recorded import Recorded, recorded
from .rows import NotPrintableError
from .text import function_text

__all__ = ["check_dtypes", "compare", "far_from", "is_float", "near", "run_there", "text_of",
           "tried"]

DRAWS, FAR = 3, 4  # the example and others near it; others far away, where the same is decided


def text_of(record: Recorded, name: str, backend: str) -> Source:
    """The code of a record. Raises `NotFollowedError` for what has no text there, by name."""
    try:
        return Source(function_text(record, name, backend), name)
    except NotPrintableError as error:
        raise NotFollowedError(f"{error} can't be printed for {backend}") from None


def near(example: Sequence[Any]) -> list[list[Any]]:
    """Other numbers of the same shapes and signs."""
    draws = []
    for seed in range(1, DRAWS):
        rng = np.random.default_rng(seed)
        draws.append([np.asarray(x * rng.uniform(0.9, 1.1, np.shape(x)), np.asarray(x).dtype)
                      if is_float(x) else x for x in example])
    return draws


def far_from(example: Sequence[Any]) -> Iterator[list[Any]]:
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


def tried(f: Any, made: Source, draw: Sequence[Any], first: Recorded, random: Sequence[Any]
          ) -> bool:
    """Refuse code in which numbers of the example stand: recorded elsewhere, where the same was
    decided, it must be the same code. Whether it could be recorded there."""
    try:
        record = recorded(f, draw, [*first.gradients], random)
    except Exception:  # a singular matrix, an index out of range: it isn't for these
        return False
    if not np.isfinite(record.result.value).all() or not _decides_alike(first, record):
        return False
    if text_of(record, made.name, "numpy") != made:
        raise NotFollowedError("its code would be another one for other numbers")
    compare(f, made, draw, record, holds=False)
    return True


def _decides_alike(a: Recorded, b: Recorded) -> bool:
    ours, theirs = ([outcome for *_, outcome in r.recorder.conditions] for r in (a, b))
    return len(ours) == len(theirs) and all(
        np.array_equal(x, y) for x, y in zip(ours, theirs, strict=True))


def compare(f: Any, made: Source, given: Sequence[Any], record: Recorded, holds: bool = True
             ) -> None:
    """Raise unless the printed code gives the numbers of what was recorded to the last bit, and so
    those of a plain gradient but for rounding. holds: whether it may not say that it doesn't."""
    arrays = [np.asarray(x) if is_float(x) else x for x in given]
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


def is_float(x: Any) -> bool:
    """Whether it is a float, or an array of such."""
    return isinstance(x, np.ndarray | np.generic | float) and np.asarray(x).dtype.kind == "f"


def _same(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    alike = a.shape == b.shape and a.dtype == b.dtype
    return alike and bool(np.array_equal(a, b, equal_nan=True))


def run_there(told: Source, made: Source, draw: Sequence[Any], backend: str) -> None:
    """Refuse code for another library that gives other numbers, if that library is installed."""
    try:
        run = IN[backend]
        there = run(None, draw)
    except ImportError:
        return
    with np.errstate(all="ignore"):
        try:
            value, ours = made.function(*[np.asarray(x) if is_float(x) else x for x in draw])
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
    if jax.numpy.ones(1).dtype != np.float64:  # it would round
        raise ImportError
    return [jax.numpy.asarray(x) if isinstance(x, np.ndarray | np.generic | float) else x
            for x in draw]


IN = {"torch": _in_torch, "jax": _in_jax}


def check_dtypes(names: Sequence[str], example: Sequence[Any], backend: str) -> None:
    """Refuse whole numbers for which the other library has another arithmetic."""
    for name, x in zip(names, example, strict=True):
        if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "iu" and x.dtype != np.int64:
            raise NotFollowedError(f"{backend} computes otherwise with {x.dtype}: give {name} as "
                                   "np.int64")
