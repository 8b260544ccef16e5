"""A function and its gradient, printed as NumPy code that runs without this library."""

from .printing import Source, source

__all__ = ["Source", "source"]
