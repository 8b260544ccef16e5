"""What is printed is tried before it is given: at its example, near it, and far away."""

from __future__ import annotations

import functools
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

__all__ = ["close_to", "compare", "far_from", "is_float", "near", "text_of", "tried"]

DRAWS, FAR = 3, 4  # the example and others near it; others far away, where the same is decided
ROUNDING = 2**14  # times eps: what another order of the same operations may differ by


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
        try:
            asked = tuple(names.index(n) for n in record.gradients)
            plain = value_and_grad(f, asked)(*arrays)[1]
        except Exception:  # of a loss that refuses plain numbers, such as targets beyond 1
            plain = [value_of(g) if g is not None else np.zeros_like(a)
                     for g, a in zip(record.gradients.values(), its, strict=True)]
    if not _same(value, record.result.value):
        raise NotFollowedError("the printed code gives another result")
    for (name, g), a, b in zip(record.gradients.items(), its, plain, strict=True):
        recorded_one = np.zeros_like(b) if g is None else value_of(g)
        if not _same(a, recorded_one) or not close_to(a, np.asarray(b)):
            raise NotFollowedError(f"the printed code gives another gradient for {name}")


def close_to(a: Any, b: np.ndarray) -> bool:
    """Whether two results of one calculation differ by rounding alone."""
    close = ROUNDING * np.finfo(b.dtype).eps
    return np.allclose(a, b, rtol=close, atol=close * np.max(np.abs(b), initial=0.0),
                       equal_nan=True)


def is_float(x: Any) -> bool:
    """Whether it is a float, or an array of such."""
    return isinstance(x, np.ndarray | np.generic | float) and np.asarray(x).dtype.kind == "f"


def _same(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    alike = a.shape == b.shape and a.dtype == b.dtype
    return alike and (bool(np.array_equal(a, b, equal_nan=True)) or (
        b.dtype.kind == "f" and not keeps_bits() and close_to(a, b)))


@functools.cache
def keeps_bits() -> bool:
    """Whether this NumPy rounds power(x, 2) as it does x**2. The first that is supported, 2.0,
    doesn't."""
    x = np.random.default_rng(0).normal(size=1000)
    return np.array_equal(np.power(x, 2.0), x**2)
