"""Numbers and arrays that a function has in itself, with all their digits."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..errors import NotFollowedError
from .expressions import ATOM, SIGN, Text, call

__all__ = ["FEW", "constant", "is_uniform"]

FEW = 64  # entries of an array that is written out


def constant(x: Any, exact: bool = False) -> Text:
    """A number or an array that the function has in itself.

    exact: whether its kind counts, as it does beside whole numbers: 2.0 isn't 2 there.
    """
    if np.ndim(x) == 0:
        number = _number(x, exact)
        return Text(number, SIGN if number.startswith("-") else ATOM)
    array = np.asarray(x)
    if not array.size:
        return call("np.zeros", repr(array.shape), f"np.{array.dtype.name}")
    if is_uniform(array):
        if array.dtype.kind == "f" and array.size > 1 and not any(array.strides):
            # NumPy adds products of an array that was spread in another order than of a full one.
            number = f"np.{array.dtype.name}({_number(array.flat[0].item())})"
            return call("np.broadcast_to", number, repr(array.shape))
        return call("np.full", repr(array.shape), _number(array.ravel()[0].item()),
                    f"np.{array.dtype.name}")
    if array.ndim == 1 and array.dtype == np.int64 and np.array_equal(
            array, np.arange(array.size)):
        return call("np.arange", str(array.size))
    if array.size > FEW:
        raise NotFollowedError(f"an array of shape {array.shape} is a constant of the "
                               "function: give it as an argument, so that it has a name")
    text = re.sub(r"\bnan\b", "np.nan", re.sub(r"\binf\b", "np.inf", repr(array.tolist())))
    return call("np.array", text, f"np.{array.dtype.name}")


def is_uniform(x: Any) -> bool:
    """Whether an array holds one number throughout."""
    array = np.asarray(x)
    first = array.ravel()[:1].tobytes()  # 0.0 isn't −0.0
    return bool(array.ndim and array.size and array.tobytes() == first * array.size)


def _number(x: Any, exact: bool = False) -> str:
    """A number with all its digits; exact: with its kind."""
    if exact and isinstance(x, np.generic):
        return f"np.{x.dtype.name}({_number(x.item(), exact)})"
    number = x.item() if isinstance(x, np.generic | np.ndarray) else x
    if isinstance(number, float) and not np.isfinite(number):
        return f"np.{number}".replace("np.-inf", "-np.inf")
    if not exact and isinstance(number, float) and number.is_integer() and abs(number) < 1e6 and (
            number or str(number) == "0.0"):
        return str(int(number))
    return repr(number)
