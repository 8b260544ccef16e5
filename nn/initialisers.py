"""How weights start: small enough not to saturate, random enough to differ."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["uniform_fan_in"]


def uniform_fan_in(
    shape: tuple[int, ...], fan_in: int, rng: np.random.Generator, dtype: object = np.float64
) -> np.ndarray:
    """Uniform in ±1/√fan_in, PyTorch's default for `Linear` (weights and bias alike)."""
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return rng.uniform(-bound, bound, shape).astype(dtype)  # type: ignore[call-overload, no-any-return]
