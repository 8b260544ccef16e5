"""How weights start: small enough not to saturate, large enough not to vanish, and different.

A layer draws its own; these draw anew, under PyTorch's names: `nn.init.kaiming_normal_(w)` gives
the Tensor w other numbers, and returns it. fan_in is how many numbers go into an output, fan_out
how many outputs a number goes into; of a convolution's weight, windows included.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Tensor, errors

from .arguments import a_number, at_least_0, shown
from .randomness import a_generator

__all__ = ["calculate_gain", "constant_", "kaiming_normal_", "kaiming_uniform_", "normal_",
           "ones_", "uniform_", "uniform_fan_in", "xavier_normal_", "xavier_uniform_", "zeros_"]

GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4,
         "conv2d": 1.0}

Generator = np.random.Generator | int | None


def uniform_fan_in(
    shape: tuple[int, ...], fan_in: float, rng: np.random.Generator, dtype: object = np.float64
) -> np.ndarray:
    """Uniform in ±1/√fan_in, PyTorch's default for `Linear` (weights and bias alike)."""
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return rng.uniform(-bound, bound, shape).astype(dtype)  # type: ignore[call-overload, no-any-return]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, *, rng: Generator = None) -> Tensor:
    """Uniform from a to below b."""
    a = a_number(a, "a", lambda x: True, "")
    b = a_number(b, "b", lambda x: x >= a, f"≥ a = {a}")
    return _given(tensor, lambda shape: a_generator(rng).uniform(a, b, shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, *, rng: Generator = None
            ) -> Tensor:
    """Normal, of this mean and standard deviation."""
    std = at_least_0(std, "std")
    return _given(tensor, lambda shape: a_generator(rng).normal(mean, std, shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same number everywhere."""
    val = a_number(val, "val", lambda x: True, "")
    return _given(tensor, lambda shape: np.full(shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere, as biases may start."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, *, rng: Generator = None) -> Tensor:
    """Uniform in ±gain·√(6/(fan_in + fan_out)), for tanh and sigmoid (Glorot and Bengio 2010)."""
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, rng=rng)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, *, rng: Generator = None) -> Tensor:
    """Normal with the standard deviation gain·√(2/(fan_in + fan_out)); see `xavier_uniform_`."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), rng=rng)


def kaiming_uniform_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in",
                     nonlinearity: str = "leaky_relu", *, rng: Generator = None) -> Tensor:
    """Uniform in ±gain·√(3/fan), for relu and its kin (He et al. 2015). a: leaky_relu's slope."""
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng=rng)


def kaiming_normal_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in",
                    nonlinearity: str = "leaky_relu", *, rng: Generator = None) -> Tensor:
    """Normal with the standard deviation gain/√fan; see `kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), rng=rng)


def calculate_gain(nonlinearity: str, param: float = 0.01) -> float:
    """By how much an activation shrinks what it is given. param: the slope of a leaky_relu."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + a_number(param, "param", lambda x: True, "") ** 2))
    if nonlinearity not in GAINS:
        raise errors.ArgumentError(f"nonlinearity is leaky_relu, {', '.join(GAINS)}, not "
                                   f"{shown(nonlinearity)}")
    return GAINS[nonlinearity]


def _kaiming_std(tensor: Any, a: float, mode: str, nonlinearity: str) -> float:
    """gain/√fan."""
    if mode not in ("fan_in", "fan_out"):
        raise errors.ArgumentError(f"mode is fan_in or fan_out, not {shown(mode)}")
    fan = _fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _fans(tensor: Any) -> tuple[int, int]:
    """fan_in and fan_out of a weight. Raises `ShapeError` for what has fewer than two axes."""
    shape = _checked(tensor).shape
    if len(shape) < 2 or 0 in shape:
        raise errors.ShapeError(f"a weight of shape {shape} has no fan_in and fan_out: these are "
                                "of (outputs, inputs, …); a bias is drawn by uniform_ or zeros_")
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def _checked(tensor: Any) -> Tensor:
    """The Tensor. Raises `ArgumentTypeError` for anything but a leaf."""
    if not isinstance(tensor, Tensor) or tensor.op is not None:
        raise errors.ArgumentTypeError(f"nn.init draws the numbers of a parameter, a leaf Tensor, "
                                       f"not of {shown(tensor)}: give layer.weight")
    return tensor


def _given(tensor: Any, draw: Callable[[tuple[int, ...]], np.ndarray]) -> Tensor:
    """The Tensor, with the numbers that are drawn."""
    checked = _checked(tensor)
    checked.data = draw(checked.shape).astype(checked.dtype)
    return checked
