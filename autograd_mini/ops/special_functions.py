"""The table, part 4: sinc, by the spherical Bessel functions, and the normal distribution."""

from __future__ import annotations

import functools
import math
import sys
from typing import Any

import numpy as np

from ..primitive import elementwise


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


def _normal(x: Any) -> Any:
    """½ erfc(−x/√2): with SciPy's loop if that is loaded, else with Python's math, one by one."""
    special = sys.modules.get("scipy.special")
    if special is not None:
        return special.ndtr(x)
    return np.asarray(_half_erfc(x), np.result_type(x))[()]


@np.vectorize(otypes=[float])
def _half_erfc(x: float) -> float:
    return 0.5 * math.erfc(-x * math.sqrt(0.5))


ndtr = elementwise(
    _normal, lambda x: 0.5 * math.erfc(-x * math.sqrt(0.5)), lambda y, x: _normal_density(x),
    name="ndtr", symbol="Φ",
)
_normal_density = elementwise(
    lambda x: math.sqrt(0.5 / math.pi) * np.exp(-0.5 * np.square(x)),
    lambda x: math.sqrt(0.5 / math.pi) * math.exp(-0.5 * x * x),
    lambda y, x: -x * y, name="φ",
)
