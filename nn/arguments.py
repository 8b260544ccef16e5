"""Arguments are checked where they are given: a wrong one is refused before anything changes."""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import numpy as np

from autograd_mini import Node, Value, compiler, errors

__all__ = ["Called", "Checked", "a_flag", "a_number", "a_precision", "a_whole_number",
           "above_0", "an_array", "as_array", "at_least_0", "below_1", "from_0_to_1",
           "of_one_sample", "shown", "two_below_1", "whole_numbers"]

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
        if args or kwargs:
            _check_names(cls, args, kwargs)
        return super().__new__(cls)


def _check_names(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise `ArgumentTypeError` for keywords that the constructor of `cls` doesn't know."""
    constructor: Any = cls.__init__  # type: ignore[misc]
    if constructor is object.__init__:  # which lets everything pass where there is a __new__
        raise errors.ArgumentTypeError(f"{cls.__name__}() takes no arguments; it was given "
                                       f"{', '.join([*map(shown, args), *kwargs])}")
    if not kwargs:
        return
    known = dict(list(inspect.signature(constructor).parameters.items())[1:])  # without self
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return
    for name in kwargs:
        if name not in known:
            here = SPELLINGS.get(name)
            cure = (f"it is called {here} here" if here in known
                    else f"it has {', '.join(map(_with_default, known.values()))}")
            raise errors.ArgumentTypeError(f"{cls.__name__}() has no argument {name!r}: {cure}")


def _with_default(parameter: inspect.Parameter) -> str:
    """Its name and, if it has one, its default."""
    return parameter.name + (
        "" if parameter.default is parameter.empty else f"={parameter.default!r}")


class Checked:
    """A base whose `settings` are checked whenever they are set: by a constructor or a schedule.

    settings: for the name of an attribute, a function of the value and that name, which returns
    the value to keep, or raises.
    """

    settings: ClassVar[dict[str, Callable[[Any, str], Any]]] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        check = self.settings.get(name)
        object.__setattr__(self, name, value if check is None else check(value, name))


def shown(x: Any) -> str:
    """x for a message: short, and with its kind where the text alone could mislead."""
    text = repr(x) if not isinstance(x, np.ndarray) else f"an array of shape {x.shape}"
    return text if len(text) <= 60 else f"{text[:57]}…"


def a_whole_number(x: Any, name: str, least: float) -> int:
    """x as an int of at least `least`. Raises `ArgumentTypeError`, or `ArgumentError`."""
    if isinstance(x, bool | np.bool_) or not isinstance(x, int | np.integer):
        raise errors.ArgumentTypeError(f"{name} is a whole number, not {shown(x)}")
    if x < least:
        raise errors.ArgumentError(f"{name} must be at least {least}, not {x}")
    return int(x)


def whole_numbers(x: Any, name: str, least: int) -> list[int]:
    """x as a list of ints of at least `least`, not an empty one; raises as `a_whole_number`."""
    if isinstance(x, str) or not isinstance(x, Iterable):
        raise errors.ArgumentTypeError(
            f"{name} is a list with the size of each layer, [16, 1], not {shown(x)}")
    numbers = [a_whole_number(number, f"{name}[{i}]", least) for i, number in enumerate(x)]
    if not numbers:
        raise errors.ArgumentError(f"{name} is empty: give the size of each layer, [16, 1]")
    return numbers


def a_number(x: Any, name: str, fits: Callable[[float], bool], range_: str) -> float:
    """x as a finite float that `fits`; `range_` says in words what does.

    Raises `ArgumentTypeError` for what is no number, `ArgumentError` for one out of range.
    """
    if isinstance(x, Node):
        raise errors.ArgumentTypeError(f"{name} is a plain number, not a node: give its .data")
    if isinstance(x, np.ndarray) and not x.ndim:
        x = x[()]
    if isinstance(x, bool | np.bool_) or not isinstance(x, int | float | np.integer | np.floating):
        raise errors.ArgumentTypeError(f"{name} is a number, not {shown(x)}")
    try:
        number = float(x)
    except OverflowError:  # of a whole number of more than 308 digits
        number = math.inf
    if not (math.isfinite(number) and fits(number)):
        raise errors.ArgumentError(f"{name} must be a finite number {range_}, not {number}")
    return number


def at_least_0(x: Any, name: str) -> float:
    """x, if it is a finite number ≥ 0."""
    return a_number(x, name, lambda x: x >= 0, "≥ 0")


def from_0_to_1(x: Any, name: str) -> float:
    """x, if it is a number from 0 to 1."""
    return a_number(x, name, lambda x: 0 <= x <= 1, "from 0 to 1")


def below_1(x: Any, name: str) -> float:
    """x, if it is a number from 0 to below 1."""
    return a_number(x, name, lambda x: 0 <= x < 1, "≥ 0 and below 1")


def above_0(x: Any, name: str) -> float:
    """x, if it is a finite number above 0."""
    return a_number(x, name, lambda x: x > 0, "above 0 (it keeps 0/0 away)")


def two_below_1(x: Any, name: str) -> tuple[float, float]:
    """x, if it is two numbers ≥ 0 and below 1: at 1 the bias correction divides by 0."""
    if not isinstance(x, tuple | list) or len(x) != 2:
        raise errors.ArgumentTypeError(f"{name} is two numbers, (0.9, 0.999), not {shown(x)}")
    first, second = (a_number(beta, f"{name}[{i}]", lambda x: 0 <= x < 1, "≥ 0 and below 1")
                     for i, beta in enumerate(x))
    return first, second


def a_flag(x: Any, name: str) -> bool:
    """x as a bool. Raises `ArgumentTypeError` for anything else: "no" would count as True."""
    if not isinstance(x, bool | np.bool_):
        raise errors.ArgumentTypeError(f"{name} is True or False, not {shown(x)}")
    return bool(x)


def as_array(x: Any, dtype: Any = None) -> Any:
    """np.asarray; what stands for an array in a program that is being recorded goes on to."""
    if compiler.is_followed(x):
        return x if dtype is None else x.astype(dtype, copy=False)
    return np.asarray(x, dtype)


def an_array(x: Any, name: str) -> Any:
    """x as an array. Raises `DTypeError` for a masked one, whose mask would be lost."""
    if isinstance(x, np.ma.MaskedArray):
        raise errors.DTypeError(f"{name} is a masked array, whose mask would be lost: leave out "
                                "what is masked, x.compressed(), or fill it, x.filled(0.0)")
    return as_array(x)


def a_precision(dtype: Any) -> np.dtype[Any]:
    """float64 or float32; in whole numbers, weights below 1 would all be 0."""
    with contextlib.suppress(TypeError):  # NumPy's, of what is no dtype at all
        given: np.dtype[Any] = np.dtype(dtype)
        if given in (np.float64, np.float32):
            return given
    raise errors.DTypeError(f"dtype is np.float64 or np.float32, not {shown(dtype)}")


def of_one_sample(activation: Callable[[Any, Any], Value]) -> Callable[[Any, Any], Value]:
    """The `__call__` of a neuron, which refuses what isn't the list of numbers of one sample.

    Raises `ArgumentTypeError` for one number, `ShapeError` for a batch.
    """
    @functools.wraps(activation)
    def checked(neuron: Any, x: Any) -> Value:
        try:
            act = activation(neuron, x) if neuron.w else _of_nothing(activation, neuron, x)
        except TypeError:
            if hasattr(x, "__len__"):
                raise
            raise errors.ArgumentTypeError(f"{neuron!r} takes a list of numbers, not {shown(x)}: "
                                           "of one number, [x]") from None
        if type(act) is not Value and act.ndim:
            raise errors.ShapeError(
                f"{neuron!r} takes one sample of {len(neuron.w)} numbers, not arrays of shape "
                f"{act.shape}: of a batch, [neuron(row) for row in X]"
            )
        return act

    return checked


def _of_nothing(activation: Callable[[Any, Any], Value], neuron: Any, x: Any) -> Value:
    """The activation of a neuron without inputs, as a Value: dot takes two empty lists for arrays.

    So the bias is its weight, on an input of 1.
    """
    if len(x):
        raise errors.ShapeError(f"{neuron!r} takes no inputs, got {len(x)}")
    return activation(SimpleNamespace(w=[neuron.b], b=0.0, nonlin=neuron.nonlin), [1.0])
