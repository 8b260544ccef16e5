"""Who sees, while a function is recorded, whether it does what a replay can't do again."""

from __future__ import annotations

import gc
import sys
import threading
from types import FrameType
from typing import Any

from ..followed import refuse
from .outside import LIBRARIES

__all__ = ["Witness"]

ASKED = frozenset({"id", "hash", "open", "input", "globals", "locals", "vars", "dir", "eval",
                   "exec"})
"""Python's own functions that look at what a program doesn't have."""

CHANGING = frozenset({"time", "posix", "nt", "_io", "io", "_socket", "select", "_pickle"})
"""Modules in C that tell what may be another thing in the next call, or change something."""


class Witness:
    """A block in which a function of a user's is called, and what it shouldn't do is noted.

    It asks what its arguments are (`type(x)`), reads the time or a file, prints. What this thread
    prints in the block doesn't appear: it is printed when the function is called for good.
    """

    def __init__(self) -> None:
        self.seen = ""

    def __enter__(self) -> None:
        self.thread, self.stream = threading.get_ident(), sys.stdout
        self.profile, self.collects = sys.getprofile(), gc.isenabled()
        gc.disable()  # whoever is told of a collection isn't called by the function
        sys.stdout = self
        sys.setprofile(self._called)

    def __exit__(self, *error: object) -> None:
        sys.setprofile(self.profile)
        if self.collects:
            gc.enable()
        if sys.stdout is self:
            sys.stdout = self.stream

    def check(self) -> None:
        """Raise `NotFollowedError` if something was seen."""
        if self.seen:
            refuse(self.seen)

    def write(self, text: str) -> Any:
        """Nothing, or what another thread prints."""
        if threading.get_ident() != self.thread:
            return self.stream.write(text)
        self.seen = "something is printed"
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def _called(self, frame: FrameType, event: str, argument: Any) -> None:
        """Look at each call that a user's code makes."""
        if event not in ("call", "c_call") or str(frame.f_globals.get("__name__")).partition(
                ".")[0] in LIBRARIES:
            return
        code = frame.f_code
        if event == "call":
            if "type" in code.co_names and "type" not in frame.f_globals:
                self.seen = self.seen or f"{code.co_name} asks for a type"
            return
        module, name = argument.__module__, argument.__name__
        of = getattr(argument, "__self__", None)
        if (module in CHANGING or (module == "builtins" and name in ASKED)
                or (isinstance(of, type) and of.__module__ == "datetime")):
            self.seen = self.seen or f"{code.co_name} calls {name}, which isn't of its arguments"
