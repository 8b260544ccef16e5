"""What is decided by numbers, as rows: where something stands isn't frozen in what is recorded.

A sort takes its numbers from places that depend on the numbers. In an eager graph an index says
which; in a program, which is replayed for other numbers, the places have to be found anew. So there
they are a function of what decides, and no gradient goes back to that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..primitive import structural
from .indexing import _scatter
from .shapes import shape

__all__ = ["put_at", "taken_at"]

Places = Callable[..., np.ndarray]
"""From arrays, which decide, to places in another one, counted along all its axes."""


def _taken(inputs: Any, places: Places) -> np.ndarray:
    x, *deciding = inputs
    return np.ravel(x)[places(*deciding)]


def _put(inputs: Any, places: Places, shape: tuple[int, ...]) -> np.ndarray:
    g, *deciding = inputs
    at, size = places(*deciding), int(np.prod(shape))
    return _scatter(np.ravel(g), np.ravel(at), (size,)).reshape(shape)


def _put_back(g: Any, y: Any, x: Any, *deciding: Any, places: Places) -> list[Any]:
    return [put_at([g, *deciding], places=places, shape=shape(x)), *[None] * len(deciding)]


def _take_again(g: Any, y: Any, x: Any, *deciding: Any, places: Places, shape: tuple[int, ...]
                ) -> list[Any]:
    return [taken_at([g, *deciding], places=places), *[None] * len(deciding)]


taken_at = structural(_taken, _put_back, name="taken_at", moves=True, many=True)
put_at = structural(_put, _take_again, name="put_at", moves=True, many=True)
