"""The text of a printed function, which can be run, and written to a file."""

from __future__ import annotations

import linecache
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

    @property
    def function(self) -> Any:
        """That function, made anew; `ImportError` if what it needs isn't installed."""
        space: dict[str, Any] = {}
        file = f"<source of {self.name}>"
        linecache.cache[file] = (len(self), None, self.splitlines(True), file)  # for tracebacks
        exec(compile(self, file, "exec"), space)
        return space[self.name]

    def write(self, path: str | Path) -> None:
        """Write it into a file."""
        Path(path).write_text(self, encoding="utf-8")
