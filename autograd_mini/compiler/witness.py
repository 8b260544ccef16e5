"""A block in which a function is recorded, and watched for what a replay couldn't do again."""

from __future__ import annotations

import dis
import gc
import sys
import threading
from collections.abc import Iterable
from types import CodeType, FrameType, ModuleType
from typing import Any, cast

from ..followed import refuse
from .array_recorder import NotNowError
from .outside import LIBRARIES
from .reads import STATE, is_harmless

__all__ = ["Witness"]

ASKED = frozenset({"id", "hash", "input", "print", "globals", "locals", "vars", "dir", "eval",
                   "exec", "__subclasses__", "__import__", "fromfile", "tofile"})
"""Functions of Python's and NumPy's own that look at what a program doesn't have."""

READING_CODE = frozenset({"importlib", "linecache", "tokenize", "zipimport"})
"""Modules that open the files of the program itself, when it is imported or an error is told."""

READ = frozenset({"type", "value", "gradient"})
"""Names that tell which kind of thing an argument is, or a node's plain numbers."""

_one_at_a_time = threading.Lock()


class Witness:
    """A block in which a function of a user's is called, and what it shouldn't do is noted.

    It asks what its arguments are (`type(x)`), reads the time or a file, prints. What this thread
    prints in the block doesn't appear: it is printed when the function is called for good.
    names: attributes that it shouldn't read, either. Raises `NotFollowedError` at the end for what
    was seen, and at the beginning if another thread is in such a block: `sys.stdout` is one.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.seen, self.names = "", READ.union(names)

    def __enter__(self) -> None:
        self.profile = cast(Any, sys.getprofile())
        if not (self.profile is None or callable(self.profile) or hasattr(self.profile, "enable")):
            raise NotNowError("a profiler is at work that can't be put back")
        if not _one_at_a_time.acquire(blocking=False):
            raise NotNowError("another thread is recording")
        self.thread, self.stream = threading.get_ident(), sys.stdout
        self.collects = gc.isenabled()
        gc.disable()  # for a collection calls functions that aren't the function's
        sys.stdout = self
        sys.setprofile(self._called)

    def __exit__(self, error: object, *_: object) -> None:
        if hasattr(self.profile, "enable"):  # cProfile's, which isn't a function
            self.profile.enable()
        else:
            sys.setprofile(self.profile)
        if self.collects:
            gc.enable()
        if sys.stdout is self:
            sys.stdout = self.stream
        _one_at_a_time.release()
        if error is None and self.seen:
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
        """Look at each call that a user's code makes, and at each opening of a file."""
        if callable(self.profile):
            self.profile(frame, event, argument)
        if self.seen or event not in ("call", "c_call"):
            return
        if event == "c_call" and argument is open and _package(frame) not in READING_CODE:
            self.seen = f"{frame.f_code.co_name} opens a file"
        elif event == "c_call" and not _is_in_library(frame):
            self._called_in_c(frame.f_code.co_name, argument)
        elif event == "call" and not _is_in_library(frame):
            for name in self.names.intersection(frame.f_code.co_names).union(
                    self.names.intersection(_texts(frame.f_code))):
                if _reads(frame, name):
                    self.seen = f"{frame.f_code.co_name} asks for a {name}"
        elif event == "call" and frame.f_back is not None and not _is_in_library(frame.f_back):
            self._called_in_library(frame.f_back.f_code.co_name, frame)

    def _called_in_library(self, caller: str, frame: FrameType) -> None:
        """A user's code calls a function of Python's or of a library."""
        package, name = _package(frame), frame.f_code.co_name
        if (package in sys.stdlib_module_names and not is_harmless(package)
                and not name.startswith("<")) or (package == "numpy" and name in STATE):
            self.seen = f"{caller} asks the module {package}"

    def _called_in_c(self, caller: str, called: Any) -> None:
        of = getattr(called, "__self__", None)
        kind = of if isinstance(of, type) else type(of)
        owner = getattr(called, "__module__", None) or kind.__module__
        if (not is_harmless(owner) or called.__name__ in ASKED
                or (of is kind and owner == "datetime")):
            self.seen = f"{caller} calls {called.__name__}, which isn't of its arguments"


def _reads(frame: FrameType, name: str) -> bool:
    """Whether code reads a name of Python's, or an attribute of anything but a module."""
    if name in frame.f_code.co_consts and "getattr" in frame.f_code.co_names:
        return True
    before: Any = None
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.argval == name and instruction.opname.startswith("LOAD"):
            if instruction.opname == "LOAD_GLOBAL":
                found = name not in frame.f_globals
            else:  # np.gradient is a function
                found = not isinstance(frame.f_globals.get(before.argval), ModuleType)
            if found:
                return True
        before = instruction
    return False


def _texts(code: CodeType) -> list[str]:
    return [x for x in code.co_consts if type(x) is str]


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def _is_in_library(frame: FrameType) -> bool:
    return _package(frame) in LIBRARIES
