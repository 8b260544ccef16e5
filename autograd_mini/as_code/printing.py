"""Prints a function's backward pass as code, and checks what it prints before it gives it."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import ArgumentError, ArgumentTypeError, AutogradError, NotFollowedError
from ..graph import Node, value_of
from .dialects import BACKENDS
from .elsewhere import check_dtypes, compare_there
from .program import Source
from .recorded import Recorded, argument_names, check_argument, generators_there_are, recorded
from .trying import compare, far_from, is_float, near, text_of, tried
from .writing import RESERVED

__all__ = ["source"]


def source(f: Callable[..., Any], *example: Any, wrt: str | int | Sequence[str | int] | None = None,
           backend: str = "numpy", name: str | None = None) -> Source:
    """A function and its gradient as straight-line code with its own names, which runs by itself.

    f: a function of arrays and numbers that gives one number. example: its arguments, of the shapes
    and dtypes that the code is for, which it asserts. wrt: the names, or positions, of those to
    differentiate by; without it, all that are floats. backend: `numpy`, `jax` or `torch`. name: of
    the function that is printed; it takes the same arguments and returns (result, gradients). Each
    line says which of yours it comes from; what the run decided (`if x.sum() > 0`) is an assert.

    The NumPy code is run before it is given, at the example, near it, and far away where the same
    is decided: the numbers are those of the recorded backward pass to the last bit, and of a plain
    gradient but for rounding. Where a number isn't finite it raises `AssertionError` (JAX's code
    doesn't, for JAX compiles no such assert; nor does a file run by python -O). Raises
    `NotFollowedError` for what can't be printed, by name, or would be other code for other numbers;
    `ArgumentError` for another `wrt` or backend, `ArgumentTypeError` for arguments of other kinds.

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
    names = _names(f, example)
    asked, called = _asked(names, example, wrt), _called(f, name)
    made, record, draws = _printed(f, example, asked, called)
    if backend == "numpy":
        return made
    check_dtypes(names, example, backend)
    translated = text_of(record, called, backend)
    compare_there(translated, made, draws, backend)
    return translated


def _printed(f: Any, example: Sequence[Any], asked: list[str], called: str
             ) -> tuple[Source, Recorded, list[Any]]:
    """(the NumPy code, the record of the example, all arguments that it was tried at)."""
    random, draws = generators_there_are(), [example, *near(example)]
    records = [_recorded(f, draw, asked, random, given=draw is example) for draw in draws]
    made, *others = dict.fromkeys(text_of(record, called, "numpy") for record in records)
    if others:
        raise NotFollowedError("its code would be another one for other numbers, which an `if` or "
                               "an index that depends on them does")
    for draw, record in zip(draws, records, strict=True):
        compare(f, made, draw, record)
    far = [draw for draw in far_from(example) if tried(f, made, draw, records[0], random)]
    return made, records[0], [*draws, *far]


def _names(f: Any, example: Sequence[Any]) -> list[str]:
    """The names of the arguments. Raises for those that the code can't have."""
    for x in example:
        check_argument(x)
    names = argument_names(f, len(example))
    if reserved := sorted({*names} & RESERVED):
        raise ArgumentError(f"an argument is called {reserved[0]}, which the code means something "
                            "else by: rename it")
    return names


def _called(f: Any, name: Any) -> str:
    """The name of the function that is printed."""
    usual = f"{getattr(f, '__name__', 'function')}_and_gradient".replace("<lambda>", "f")
    called = usual if name is None else name
    if not isinstance(called, str) or not called.isidentifier() or keyword.iskeyword(called) or (
            called in RESERVED):
        raise ArgumentError(f"a function can't be called {called!r}")
    return called


def _recorded(f: Any, draw: Sequence[Any], asked: list[str], random: Sequence[Any], given: bool
              ) -> Recorded:
    """The record. Raises `NotFollowedError` where the function runs only on plain numbers, or not
    at a draw that isn't the one given.
    """
    try:
        return recorded(f, draw, asked, random)
    except NotFollowedError as error:  # in the words of a recorder that is for programs
        raise NotFollowedError(str(error).replace(
            "can't be a program of arrays", "can't be printed as code")) from error
    except AutogradError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        if not given:
            raise NotFollowedError("the function fails for numbers near the example, at which its "
                                   f"code is tried: {told}") from error
        f(*draw)  # if it doesn't run on them either, that is what is said
        raise NotFollowedError(f"it can't be recorded: {told}") from error


def _asked(names: Sequence[str], example: Sequence[Any], wrt: Any) -> list[str]:
    floats = [n for n, x in zip(names, example, strict=True) if is_float(x)]
    if not isinstance(wrt, str | int | Sequence | None) or isinstance(wrt, bool):
        raise ArgumentTypeError(f"wrt is a name or a position, or a list of these, not {wrt!r}")
    given: Any = floats if wrt is None else [wrt] if isinstance(wrt, str | int) else [*wrt]
    asked: list[Any] = [names[k] if type(k) is int and 0 <= k < len(names) else k for k in given]
    wrong = [str(n) for n in asked if n not in floats]
    if len({*map(str, asked)}) < len(asked):
        raise ArgumentError(f"wrt names {', '.join(map(str, asked))}: each once")
    if wrong or not asked:
        raise ArgumentError(f"wrt is of {', '.join(floats) or 'arguments that are floats'}"
                            + (f", not {', '.join(wrong)}" if wrong else ""))
    return asked
