"""The table, part 4: sinc, by the spherical Bessel functions, and the normal distribution."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..primitive import elementwise
from .extremes import times


def _bessel(x: Any, n: int) -> Any:
    """jₙ(z)/zⁿ for z = πx (DLMF 10.47): its series near 0, elsewhere upwards from sin z / z.

    Sine and cosine are taken of x less a multiple of 2, which rounds nothing.
    """
    turn = math.pi * (x - 2 * np.rint(np.asarray(x) / 2))
    z = np.asarray(math.pi * x)
    q, near = z * z, np.abs(z) < n + 3.0
    small = np.where(near, q, 0.0)
    term = series = 1.0 / math.prod(range(1, 2 * n + 2, 2)) * np.ones_like(z)
    for k in range(1, 40):
        term = -term * small / (2 * k * (2 * (n + k) + 1))
        series = series + term
    z = np.where(near, n + 3.0, z)
    below, y = np.cos(turn), np.sin(turn) / z
    for k in range(n):
        below, y = y, ((2 * k + 1) * y - below) / z / z
    return np.where(near, series, y)[()]


def _scalar_bessel(x: float, n: int) -> float:
    """`_bessel` for one float."""
    turn, z = math.pi * (x - 2 * float(np.rint(x / 2))), math.pi * x
    if math.fabs(z) < n + 3.0:
        term = 1.0
        for k in range(1, n + 1):
            term /= 2 * k + 1
        series = term
        for k in range(1, 40):
            term = -term * z * z / (2 * k * (2 * (n + k) + 1))
            series += term
        return series
    below, y = math.cos(turn), math.sin(turn) / z
    for k in range(n):
        below, y = y, ((2 * k + 1) * y - below) / z / z
    return y


@functools.cache
def _spherical(n: int) -> Any:
    """The row of fₙ = jₙ(z)/zⁿ, z = πx. Its slope −z·fₙ₊₁ is exact at 0; (cos z − f₀)/z is 0/0."""
    return elementwise(
        lambda x: _bessel(x, n), lambda x: _scalar_bessel(x, n), _bessel_slope(n),
        name=f"j{n}(πx)/(πx)^{n}",
    )


def _bessel_slope(n: int) -> Any:
    return lambda y, x: -math.pi**2 * x * _spherical(n + 1)(x)


sinc = elementwise(np.sinc, lambda x: _scalar_bessel(x, 0), _bessel_slope(0))


# Φ(−z) is e^(−z²/2)·P(z)/Q(z) for z ≥ 0: interpolated in mpmath at the Chebyshev points of
# (z − 3.9)/(z + 3.9) up to z = 39, where Φ(−z) is 0. All coefficients are positive, so nothing
# cancels: it has all digits but two or three bits, also far out, and needs no SciPy, whose loop
# rounds x/√2 before it is squared, which costs eleven bits at x = −37.
_ABOVE = (
    0.5, 0.7744909895430153, 0.5934430606650409, 0.2888698902243661, 0.0974768176616237,
    0.023549499190566706, 0.00407263855528206, 0.0004878051656254263, 3.6994568647646195e-05,
    1.3728033192021837e-06,
)
_BELOW = (
    1.0, 2.346866539888891, 2.559414699772452, 1.7123855044097656, 0.7807084343798366,
    0.2543612634951764, 0.060245704942493455, 0.010301322576069201, 0.0012261873284720724,
    9.273163177797023e-05, 3.441107615428996e-06,
)
_BLOCK = 16000  # numbers at once: they stay in the cache through all steps


def _normal(x: Any) -> Any:
    """Φ(x) of each number of an array."""
    x = np.asarray(x)
    flat, y = x.reshape(-1), np.empty(x.size)
    for start in range(0, x.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        tail = _normal_tail(np.minimum(np.abs(block), 39.0, dtype=float))
        np.subtract(block > 0, tail, out=y[start : start + _BLOCK])
    np.abs(y, out=y)
    return y.reshape(x.shape).astype(x.dtype if x.dtype.kind == "f" else float, copy=False)[()]


def _normal_tail(z: Any) -> Any:
    """Φ(−z) for 0 ≤ z ≤ 39; z is written to."""
    y, other = _polynomial(_ABOVE, z), _polynomial(_BELOW, z)
    y /= other
    high = z + 2.0**32  # z to 20 binary places: its square is exact, and
    high -= 2.0**32  # e^(−z²/2) = e^(−high²/2)·e^(−(z − high)(z + high)/2) loses no digit
    np.subtract(z, high, out=other)
    z += high
    other *= z
    high *= high
    for square in (other, high):
        square *= -0.5
        y *= np.exp(square, out=square)
    return y


def _polynomial(coefficients: tuple[float, ...], z: Any) -> Any:
    """Σ cₖ·zᵏ, by Horner's rule."""
    y = coefficients[-1] * z
    for c in coefficients[-2:0:-1]:
        y += c
        y *= z
    y += coefficients[0]
    return y


def _density(x: Any) -> Any:
    """e^(−x²/2)/√(2π), in one new array."""
    y = np.asarray(np.square(x), np.result_type(x, np.float32))
    y *= -0.5
    np.exp(y, out=y)
    y *= math.sqrt(0.5 / math.pi)
    return y[()]


ndtr = elementwise(
    _normal, lambda x: 0.5 * math.erfc(-x * math.sqrt(0.5)), lambda y, x: _normal_density(x),
    name="ndtr", symbol="Φ", pullbacks=(lambda g, y, x: times(g, _normal_density(x)),),
)
_normal_density = elementwise(
    _density,
    lambda x: math.sqrt(0.5 / math.pi) * math.exp(-0.5 * x * x),
    lambda y, x: -x * y, name="φ",
)
