"""What is printed for another library is run there, if it is installed, and compared."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import NotFollowedError
from .program import Source
from .trying import close_to, is_float

__all__ = ["check_dtypes", "compare_there"]


def check_dtypes(names: Sequence[str], example: Sequence[Any], backend: str) -> None:
    """Raise `NotFollowedError` for whole numbers that the library computes otherwise with."""
    for name, x in zip(names, example, strict=True):
        if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "iu" and x.dtype != np.int64:
            raise NotFollowedError(f"{backend} computes otherwise with {x.dtype}: give {name} as "
                                   "np.int64")


def compare_there(translated: Source, ours: Source, draws: Sequence[Sequence[Any]], backend: str
                  ) -> None:
    """Raise `NotFollowedError` for code that gives other numbers than the NumPy code at one of the
    draws; where the library isn't installed nothing is compared.
    """
    with contextlib.ExitStack() as block:
        try:
            convert = block.enter_context(LIBRARIES[backend](translated))
        except ImportError:
            return
        for draw in draws:
            _compare(translated, ours, draw, backend, convert)


def _compare(translated: Source, ours: Source, draw: Sequence[Any], backend: str,
             convert: Callable[[Any], Any]) -> None:
    """The same for one draw, whose arrays are converted."""
    is_array = [isinstance(x, np.ndarray | np.generic | float) for x in draw]
    with np.errstate(all="ignore"):
        try:
            value, gradients = ours.function(*[np.asarray(x) if is_float(x) else x for x in draw])
        except AssertionError:  # it doesn't hold there
            return
        try:
            given = [convert(np.asarray(x)) if its else x
                     for x, its in zip(draw, is_array, strict=True)]
            result, slopes = translated.function(*given)
            found = [np.asarray(x) for x in (result, *slopes)]
        except Exception as error:
            raise NotFollowedError(f"the code for {backend} doesn't run: {error}") from error
    for a, b in zip(found, map(np.asarray, (value, *gradients)), strict=True):
        if a.shape != b.shape or a.dtype != b.dtype or not close_to(a, b):
            raise NotFollowedError(f"the code for {backend} gives other numbers")


@contextlib.contextmanager
def _jax(translated: Source) -> Iterator[Callable[[Any], Any]]:
    """A block in which JAX has float64, in this thread; gives what makes an array of JAX's."""
    jax: Any = importlib.import_module("jax")
    new = hasattr(jax, "enable_x64")
    with (jax.enable_x64 if new else jax.experimental.enable_x64)(True):
        yield jax.numpy.asarray


_default_dtype = threading.Lock()  # PyTorch's is that of the whole process


@contextlib.contextmanager
def _torch(translated: Source) -> Iterator[Callable[[Any], Any]]:
    """A block in which PyTorch has the default dtype that the code asks for, if it asks; gives what
    makes a tensor.
    """
    torch: Any = importlib.import_module("torch")
    if "get_default_dtype" not in translated:
        yield torch.tensor
        return
    with _default_dtype:
        usual = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            yield torch.tensor
        finally:
            torch.set_default_dtype(usual)


LIBRARIES = {"jax": _jax, "torch": _torch}
