"""Student's t where its terms cancel: log Γ(a + ½) − log Γ(a) − ½ log a, and log(1 + z²/ν).

Both parts of log f are of size 1 while their slopes in ν go as 1/ν², so each slope is a row of
its own, by a series where the terms that make it agree in nearly all of their digits.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..ops import square
from ..primitive import elementwise
from .special import stdtr

__all__ = ["log_ratio", "stdtr", "tail"]

_SERIES = ((1, -1 / 8), (3, 1 / 192), (5, -1 / 640), (7, 17 / 14336), (9, -31 / 18432),
           (11, 691 / 180224), (13, -5461 / 425984), (15, 929569 / 15728640))
"""log Γ(a + ½) − log Γ(a) − ½ log a = Σ cₖ a⁻ᵏ, from DLMF 5.11.8 with h = ½ and h = 0."""
_UP = 12  # so far up its terms are below a rounding, to the third derivative too


def _log_ratio(n: int, a: Any) -> Any:
    """The n-th derivative of log Γ(a + ½) − log Γ(a) − ½ log a: up to a ≥ 12, then the series."""
    a = np.asarray(a)
    total, up = np.zeros_like(a, float), np.asarray(a, float)
    for _ in range(_UP):
        low = up < _UP
        total = total + np.where(low, _step(n, np.where(low, up, 1.0)), 0.0)
        up = np.where(low, up + 1, up)
    for k, c in _SERIES:
        total = total + c * (-1) ** n * math.prod(range(k, k + n)) * up ** -float(k + n)
    return np.where(a > 0, total, np.nan).astype(np.result_type(a, np.float32))[()]


def _step(n: int, a: Any) -> Any:
    """The n-th derivative of h(a) − h(a + 1) = ½ log a + ½ log(a + 1) − log(a + ½)."""
    if n == 0:
        return -0.5 * np.log1p(0.25 / (a * (a + 1)))
    sign = (-1) ** (n - 1) * math.factorial(n - 1)
    return sign * (0.5 * a**-float(n) + 0.5 * (a + 1) ** -float(n) - (a + 0.5) ** -float(n))


@functools.cache
def _ratio(n: int) -> Any:
    """The row of the n-th derivative."""
    return elementwise(lambda a: _log_ratio(n, a), None, lambda y, a: _ratio(n + 1)(a),
                       name=f"log Γ(a+½)/(Γ(a)√a){'′' * n}")


log_ratio = _ratio(0)


def _gap(u: Any) -> Any:
    """log(1 + u) − u/(1 + u) = Σ wᵏ/k for w = u/(1+u), k ≥ 2: without cancelling near 0."""
    w = u / (1 + u)
    near = np.abs(w) < 0.1
    small = np.where(near, w, 0.0)
    series = functools.reduce(lambda s, k: s * small + 1 / k, range(18, 1, -1), 0.0 * small)
    return np.where(near, series * small * small, np.log1p(u) - w)[()]


_log_gap = elementwise(_gap, None, lambda y, u: u / square(1 + u), name="log(1+u) − u/(1+u)")


def _tail_in_df(y: Any, z: Any, df: Any) -> Any:
    """½(log(1 + u) − u/(1 + u)) − u/(2ν(1 + u)), u = z²/ν."""
    u = square(z) / df
    return 0.5 * _log_gap(u) - 0.5 * u / (df * (1 + u))


tail = elementwise(
    lambda z, df: 0.5 * (df + 1) * np.log1p(z / df * z), None,
    lambda y, z, df: (df + 1) / df * z / (1 + z / df * z), _tail_in_df, name="½(ν+1) log(1+z²/ν)",
)
