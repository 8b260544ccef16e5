"""`ag.scipy`: what SciPy writes in Python, under SciPy's own names and signatures, on nodes too.

SciPy's ufuncs (`scipy.special.erf` …) take nodes as they are, by NumPy's protocol; its Python
functions want plain arrays. Those are here, a room for each of SciPy's, read when it is asked for.
Of plain numbers each function gives what SciPy's gives, for it calls that.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..errors import missing_extra
from .names import NAMES, STANDINS

try:
    importlib.import_module("scipy")
except ImportError as error:
    raise missing_extra("scipy", "scipy", "ag.scipy") from error

if TYPE_CHECKING:
    from . import (
        integrate as integrate,
        interpolate as interpolate,
        linalg as linalg,
        signal as signal,
        sparse as sparse,
        special as special,
        stats as stats,
    )

__all__ = ["integrate", "interpolate", "linalg", "signal", "sparse", "special", "stats", "NAMES",
           "STANDINS"]
_ROOMS = [name for name in __all__ if name.islower()]


def __getattr__(name: str) -> Any:
    """One of the rooms, read now."""
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"ag.scipy has no {name!r}; it has: {', '.join(_ROOMS)}")


def __dir__() -> list[str]:
    return sorted(_ROOMS)
