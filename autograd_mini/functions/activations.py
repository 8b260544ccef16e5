"""Activations and other functions of single numbers, composed of the table's rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..errors import DTypeError
from ..graph import Node, value_of
from ..ops import (
    exp,
    expm1,
    multiply,
    ndtr,
    positive,
    power,
    relu,
    sigmoid,
    softplus,
    square,
    where,
)
from ..ops.kinks import step
from ..primitive import also
from ..recording import current_tracer, notify_constant
from .composed import dtype_of, is_above, is_at_least, plain_numbers, stands_for

# ── activations ──────────────────────────────────────────────────────────────────────────────


def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Any:
    """x above 0, negative_slope·x below; at 0 the slope is that of the left.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.leaky_relu(np.array([-1.0, 2.0]))
    array([-0.01,  2.  ])
    """
    positive = step(x)  # nan for nan, which where takes for a yes
    return x * where(positive, positive, negative_slope)


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """x above 0, α(eˣ − 1) below (Clevert, Unterthiner and Hochreiter 2016).

    >>> import numpy as np, autograd_mini as ag
    >>> ag.elu(np.array([-1.0, 2.0])).round(3)
    array([-0.632,  2.   ])
    """
    positive = is_above(x, 0.0)
    return where(positive, x, alpha * expm1(where(positive, 0.0, x)))


def selu(x: Any) -> Any:
    """elu with the two constants that keep mean 0 and variance 1 (Klambauer et al. 2017)."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def gelu(x: Any, approximate: str = "none") -> Any:
    """x·Φ(x), Φ the normal distribution function (Hendrycks and Gimpel 2016).

    approximate: "tanh" for ½x(1 + tanh(√(2/π)(x + 0.044715x³))), as GPT-2 has it.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.gelu(np.array([-1.0, 2.0])).round(3)
    array([-0.159,  1.954])
    """
    z = _held(x, 64.0)  # beyond, Φ is 0 or 1 to the last digit, and x³ may overflow
    if approximate == "none":
        return x * ndtr(z)
    if approximate != "tanh":
        raise ValueError(f"approximate must be 'none' or 'tanh', not {approximate!r}")
    return x * sigmoid(z * (_STEEPNESS + 0.044715 * _STEEPNESS * square(z)))


_STEEPNESS = math.sqrt(8 / math.pi)


def _held(x: Any, bound: float) -> Any:
    """x between −bound and bound: x itself where it lies there, with a slope of 1 less to multiply.

    But not in a program of Values that is being recorded, which holds for other numbers too.
    """
    held, tracer = plain_numbers(x), current_tracer()
    if tracer is not None and not tracer.follows:
        return clip(x, -bound, bound)
    if type(held) is float:
        near = -bound <= held <= bound
    elif hasattr(held, "dtype") and held.dtype.kind == "f" and held.size:
        near = bool(-bound <= held.min() and held.max() <= bound)  # not if there is a nan
    else:
        near = False
    return x if near else clip(x, -bound, bound)


def silu(x: Any) -> Any:
    """x·σ(x), also called swish.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.silu(np.array([-1.0, 2.0])).round(3)
    array([-0.269,  1.762])
    """
    return x * sigmoid(x)


def mish(x: Any) -> Any:
    """x·tanh(softplus(x)) (Misra 2019)."""
    s = softplus(x)  # > 0, so this is tanh s with all its digits in 1 − tanh² s
    return x * (-expm1(-2.0 * s) / (1.0 + exp(-2.0 * s)))


def logsigmoid(x: Any) -> Any:
    """log σ(x), finite for any finite x."""
    return -softplus(-x)


def hardtanh(x: Any) -> Any:
    """x held between −1 and 1; at a bound the slope is 1, as for clip."""
    return clip(x, -1.0, 1.0)


def relu6(x: Any) -> Any:
    """relu held below 6; at both kinks the slope is 0."""
    return where(is_at_least(x, 6.0), 6.0, relu(x))


def hardsigmoid(x: Any) -> Any:
    """relu6(x + 3)/6: 0 up to −3, 1 from 3 on; at both kinks the slope is 0."""
    return relu6(x + 3.0) / 6.0


# ── other functions of single numbers ────────────────────────────────────────────────────────


@stands_for(np.clip)
def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """x held between two bounds (None: no bound). At a bound the slope in x is 1."""
    a_min, a_max = (min if a_min is None else a_min), (max if a_max is None else a_max)
    return ops.clip(x, -np.inf if a_min is None else a_min, np.inf if a_max is None else a_max)


@stands_for(np.float_power)
def float_power(a: Any, b: Any) -> Any:
    """a to the b, in float64."""
    return power(_doubled(a), _doubled(b))


def _doubled(x: Any) -> Any:
    return ops.astype(x, np.dtype(float)) if dtype_of(x).itemsize < 8 else x


@stands_for(np.ldexp)
def ldexp(x: Any, n: Any) -> Any:
    """x·2ⁿ, n plain integers."""
    if isinstance(n, Node):
        raise DTypeError("ldexp's exponents are plain integers, not a node")
    half = np.asarray(n) // 2  # 2ⁿ itself may overflow where x·2ⁿ doesn't
    first, second = (np.exp2(1.0 * k).astype(dtype_of(x)) for k in (half, np.asarray(n) - half))
    return multiply(multiply(x, first), second)


@stands_for(np.frexp)
def frexp(x: Any) -> tuple[Any, Any]:
    """The mantissa, in [½, 1), and the exponent, a constant."""
    notify_constant(x)
    exponent = np.frexp(value_of(x))[1]
    return ldexp(x, -exponent), exponent


@stands_for(np.modf)
def modf(x: Any) -> tuple[Any, Any]:
    """What is behind the point, and what before it, a constant."""
    notify_constant(x)
    whole = np.trunc(value_of(x))
    return where(np.isinf(value_of(x)), 0.0, x - whole), whole


@stands_for(np.divmod)
def divmod(a: Any, b: Any) -> tuple[Any, Any]:
    """The quotient rounded down, a constant, and the remainder."""
    notify_constant(a, b)
    return np.floor_divide(value_of(a), value_of(b)), ops.remainder(a, b)


for _same in (np.conjugate, np.real, np.real_if_close, np.copy):
    also(_same, positive)  # of real numbers
