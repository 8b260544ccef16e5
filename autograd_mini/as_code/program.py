"""The text of a printed function, which can be run, and written to a file."""

from __future__ import annotations

import functools
import linecache
import zlib
from pathlib import Path
from typing import Any, Self

__all__ = ["Source"]


class Source(str):
    """The text of a program: Python that needs NumPy, JAX or PyTorch alone."""

    name: str  # of the function that it defines

    def __new__(cls, text: str, name: str) -> Self:
        """The text, which defines a function of that name."""
        made = super().__new__(cls, text)
        made.name = name
        return made

    def __reduce__(self) -> Any:
        return type(self), (str(self), self.name)

    @functools.cached_property
    def function(self) -> Any:
        """That function; `ImportError` if what it needs isn't installed."""
        file = f"<source of {self.name}, {zlib.crc32(self.encode()):08x}>"
        linecache.cache[file] = (len(self), None, self.splitlines(True), file)  # for tracebacks
        space: dict[str, Any] = {}
        # Without this file's __future__, and with its asserts, also under python -O.
        exec(compile(self, file, "exec", dont_inherit=True, optimize=0), space)
        return space[self.name]

    def write(self, path: str | Path) -> None:
        """Write it into a file."""
        Path(path).write_text(self, encoding="utf-8")
