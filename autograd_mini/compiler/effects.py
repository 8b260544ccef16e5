"""What a layer does besides computing, so that a program of arrays can do it in each call.

Dropout draws random numbers, and batch normalisation remembers means. A recording would have the
numbers that were drawn for ever, and remember nothing. So a layer says what it draws, and what is
to be done afterwards. Beside that stands what a layer may ask: whether a program is recorded, and
of what an array is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..followed import Followed
from ..functions.composed import plain_numbers
from ..graph import value_of
from ..recording import current_observer, current_tracer, recording_mode
from ..tensor import Tensor

__all__ = ["ARRAYS", "afterwards", "drawn", "drawn_before", "followed", "followed_call",
           "held_by_row", "is_followed", "is_observed", "is_printed", "plain_numbers"]

ARRAYS = frozenset({Tensor, np.ndarray, Followed})
"""The types of arrays that layers meet: those of a batch, and what they become."""

_before: ContextVar[list[Any] | None] = ContextVar("autograd_mini.drawn", default=None)


def drawn(generator: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Random numbers from [0, 1); in a program of arrays, new ones in each call."""
    tracer, before = current_tracer(), _before.get()
    if tracer is not None and tracer.follows:
        return tracer.drawn(generator, shape)
    return before.pop(0) if before else generator.random(shape)


def afterwards(function: Callable[..., object], *args: Any) -> None:
    """function(*args), with the plain numbers of nodes; of a program, at the end of each call."""
    tracer = current_tracer()
    if tracer is not None and tracer.follows:
        tracer.afterwards(function, *args)
    else:
        function(*map(value_of, args))


@contextlib.contextmanager
def drawn_before(arrays: Any) -> Iterator[None]:
    """A block in which these arrays, in this order, are what is drawn."""
    token = _before.set(list(arrays))
    try:
        yield
    finally:
        _before.reset(token)


def is_followed(x: Any) -> bool:
    """Whether x stands for a plain array in a program that is being recorded."""
    return type(x) is Followed


def followed(x: Any) -> Any:
    """An array that a rule finds among its row's parameters, followed if it was."""
    tracer = current_tracer()
    return tracer.followed(x) if tracer is not None and tracer.follows else x


def held_by_row(x: Any) -> Any:
    """A plain array as a row takes it for a parameter: one that is followed is known again."""
    return x.recorder.constant(x) if type(x) is Followed else x


def is_printed() -> bool:
    """Whether what is computed is to be printed, so that each operation needs a text."""
    return bool(getattr(current_tracer(), "prints", False))


def followed_call(function: Callable[..., Any], *args: Any) -> Any:
    """function(*args) of plain arrays; of what is followed, a step of the program."""
    for x in args:
        if type(x) is Followed:
            return x.recorder.follow(function, args, {})
    return function(*args)


def is_observed() -> bool:
    """Whether anything but plain recording goes on: a watch on nodes, a program, `no_grad`."""
    return (recording_mode() is not True or current_observer() is not None
            or current_tracer() is not None)
