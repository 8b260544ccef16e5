"""Where random numbers come from: a generator that was given, or the one that nn keeps."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from autograd_mini import errors

from .arguments import a_whole_number, shown

__all__ = ["a_generator", "own_state", "seed", "set_own_state"]

_own = np.random.default_rng()


def seed(seed: int) -> None:
    """Make all that nn draws from now on the same in every run: weights, dropout, orders of data.

    That is what is drawn where no `rng` was given. Python's `random`, from which a `Neuron` draws
    its weights, is seeded too. seed: a whole number ≥ 0. Raises `ArgumentError` for one below 0,
    `ArgumentTypeError` for anything else.

    >>> seed(0)
    >>> round(float(a_generator(None).random()), 4)
    0.637
    """
    number = a_whole_number(seed, "seed", 0)
    set_own_state(np.random.default_rng(number).bit_generator.state)
    random.seed(number)


def a_generator(rng: Any) -> np.random.Generator:
    """NumPy's generator itself, a new one from a seed, or nn's own, if None.

    Raises `ArgumentTypeError` for what NumPy doesn't take for a seed.
    """
    if rng is None:
        return _own
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise errors.ArgumentTypeError(
            f"rng is a seed (a whole number ≥ 0) or np.random.default_rng(…), not {shown(rng)}"
        ) from error


def own_state() -> dict[str, Any]:
    """How far nn's own generator has come."""
    return dict(_own.bit_generator.state)


def set_own_state(state: Any) -> None:
    """The opposite of `own_state`."""
    _own.bit_generator.state = state
