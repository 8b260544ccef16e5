"""A function and its gradient, printed as NumPy code that runs without this library."""

from .printing import source
from .program import Source

__all__ = ["Source", "source"]
