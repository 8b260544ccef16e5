"""Arguments are checked where they are given: a wrong one is refused before anything changes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from autograd_mini import Node, errors

__all__ = ["Called", "Checked", "a_flag", "a_generator", "a_number", "a_whole_number", "shown"]

SPELLINGS = {  # what other libraries call it: what it is called here
    "params": "parameters", "learning_rate": "lr", "epsilon": "eps", "beta": "betas",
    "beta1": "betas", "beta2": "betas", "beta_1": "betas", "beta_2": "betas",
    "in_dim": "in_features", "in_channels": "in_features", "input_dim": "in_features",
    "out_dim": "out_features", "out_channels": "out_features", "units": "out_features",
    "use_bias": "bias", "fit_intercept": "bias", "nonlinearity": "nonlin", "activation": "nonlin",
    "batchsize": "batch_size", "bs": "batch_size", "seed": "rng", "generator": "rng",
    "random_state": "rng", "hidden": "nouts", "sizes": "nouts", "layers": "nouts",
}


class Called:
    """A base whose constructors answer a keyword that they don't know with the name here."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """A new object, once the names fit the signature of `__init__`."""
        made: Self = super().__new__(cls)
        if args or kwargs:
            _check_names(cls, made.__init__, args, kwargs)  # type: ignore[misc]
        return made


def _check_names(cls: type, constructor: Any, args: tuple[Any, ...],
                 kwargs: dict[str, Any]) -> None:
    """Raise `ArgumentTypeError` for keywords that the constructor of `cls` doesn't know."""
    if cls.__init__ is object.__init__:  # which would let everything pass, for we have a __new__
        raise errors.ArgumentTypeError(f"{cls.__name__}() takes no arguments; it was given "
                                       f"{', '.join([*map(shown, args), *kwargs])}")
    known = {} if not kwargs else inspect.signature(constructor).parameters
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return
    for name in kwargs:
        if name not in known:
            here = SPELLINGS.get(name)
            cure = (f"it is called {here} here" if here in known
                    else f"it has {', '.join(map(str, known.values()))}")
            raise errors.ArgumentTypeError(f"{cls.__name__}() has no argument {name!r}: {cure}")


class Checked:
    """An attribute that is checked whenever it is set: in the constructor, or by a schedule.

    check: a function of the value and the attribute's name that returns the value to keep, or
    raises.
    """

    def __init__(self, check: Callable[[Any, str], Any]) -> None:
        self.check, self.name = check, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, holder: Any, owner: type | None = None) -> Any:
        if holder is None:
            return self
        try:
            return vars(holder)[self.name]
        except KeyError:
            raise AttributeError(f"{self.name} isn't set: call super().__init__ first") from None

    def __set__(self, holder: Any, value: Any) -> None:
        vars(holder)[self.name] = self.check(value, self.name)


def shown(x: Any) -> str:
    """x for a message: short, and with its kind where the text alone could mislead."""
    text = repr(x) if not isinstance(x, np.ndarray) else f"an array of shape {x.shape}"
    return text if len(text) <= 60 else f"{text[:57]}…"


def a_whole_number(x: Any, name: str, least: int) -> int:
    """x as an int of at least `least`. Raises `ArgumentTypeError`, or `ArgumentError`."""
    if isinstance(x, bool | np.bool_) or not isinstance(x, int | np.integer):
        raise errors.ArgumentTypeError(f"{name} is a whole number, not {shown(x)}")
    if x < least:
        raise errors.ArgumentError(f"{name} must be at least {least}, not {x}")
    return int(x)


def a_number(x: Any, name: str, fits: Callable[[float], bool], range_: str) -> float:
    """x as a finite float that `fits`; `range_` says in words what does.

    Raises `ArgumentTypeError` for what is no number, `ArgumentError` for one out of range.
    """
    if isinstance(x, Node):
        raise errors.ArgumentTypeError(f"{name} is a plain number, not a node: give its .data")
    if isinstance(x, bool | np.bool_) or not isinstance(x, int | float | np.integer | np.floating):
        raise errors.ArgumentTypeError(f"{name} is a number, not {shown(x)}")
    number = float(x) if abs(x) < 1e308 else math.copysign(math.inf, x)  # float(10**400) raises
    if not (math.isfinite(number) and fits(number)):
        raise errors.ArgumentError(f"{name} must be a finite number {range_}, not {shown(x)}")
    return number


def a_flag(x: Any, name: str) -> bool:
    """x as a bool. Raises `ArgumentTypeError` for anything else: "no" would count as True."""
    if not isinstance(x, bool | np.bool_):
        raise errors.ArgumentTypeError(f"{name} is True or False, not {shown(x)}")
    return bool(x)


def a_generator(rng: Any) -> np.random.Generator:
    """NumPy's generator itself, or a new one from a seed (from the system's entropy, if None).

    Raises `ArgumentTypeError` for what NumPy doesn't take for a seed.
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise errors.ArgumentTypeError(
            f"rng is a seed (a whole number ≥ 0) or np.random.default_rng(…), not {shown(rng)}"
        ) from error
