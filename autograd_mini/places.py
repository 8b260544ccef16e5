"""Whose line it was: the innermost line of the user's own program, for messages and reports."""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import linecache
import os
import re
import sys
import warnings
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

__all__ = ["RETURNED", "Place", "Spot", "assigned_names", "here", "is_users_file", "located",
           "place_in", "refused_at", "users_frame", "users_spot", "warn",
           "with_locals"]

_NOT_THE_USERS = tuple(os.path.dirname(file) + os.sep for file in (__file__, np.__file__))
_NOT_THE_USERS += (copy.__file__,)  # deepcopy asks a node how it is copied
RETURNED = "return"  # in the place of a name: what is returned has the one that the caller gives it
_AS_A_USER = ("demo.py", "exercises.py")  # their functions stand for a user's


class Place(NamedTuple):
    """A line of the user's, and the part of it that ran (`code`: of its first line, if several)."""

    file: str
    line: int
    code: str
    span: tuple[int, int, int] = (0, 0, 0)  # the column of its start; the line, column of its end
    caller: Any = None  # the place where its function was called, if that is the user's too

    def __str__(self) -> str:
        where = located(self.file, self.line)
        return f"`{self.code}` at {where}" if self.code else where


NOWHERE = Place("?", 0, "")


def located(file: str, line: int) -> str:
    """A line as a person finds it: `mine.py:12`, or `In [3], line 12` in a notebook."""
    cell = _cell(file)
    return f"In [{cell}], line {line}" if cell else f"{os.path.basename(file)}:{line}"


def _cell(file: str) -> str:
    """The number of the notebook's cell that a file name stands for; "" for a file."""
    if found := re.match(r"<ipython-input-(\d+)-", file):
        return found.group(1)
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    named = getattr(getattr(shell, "compile", None), "format_code_name", lambda _: None)(file)
    found = re.fullmatch(r"In ?\[(\d+)\]", str(named[1])) if named else None
    return found.group(1) if found else ""


class Spot(NamedTuple):
    """What a frame was at: enough to find the line later, without keeping the frame."""

    f_code: CodeType
    f_lasti: int
    f_lineno: int


_not_users: set[str] = set()


def users_frame() -> FrameType | None:
    """The innermost frame that is neither ours, nor NumPy's, nor of the module `copy`."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file not in _not_users:
            if _is_users(frame):
                return frame
            if not is_users_file(file):
                _not_users.add(file)  # asked once, for there are six such frames a node
        frame = frame.f_back
    return None


def users_spot() -> Spot | None:
    """Where the user's program is, noted in a microsecond; `place_in` reads it."""
    frame = users_frame()
    return Spot(frame.f_code, frame.f_lasti, frame.f_lineno) if frame is not None else None


def is_users_file(file: str) -> bool:
    """Whether a file is neither ours nor NumPy's."""
    return not file.startswith(_NOT_THE_USERS) or os.path.basename(file) in _AS_A_USER


def _is_users(frame: FrameType) -> bool:
    inside = not is_users_file(frame.f_code.co_filename)
    return not inside and not frame.f_globals.get("__name__", "").startswith("autograd_mini.nn")


@functools.lru_cache(maxsize=64)  # listing them takes as long as the function is
def positions(code: CodeType) -> list[Any]:
    """Per instruction: first line, last line, first column, last column."""
    return list(code.co_positions())


# By the ids of the code of two frames, and where they were in it: a loop comes there often. The
# code is kept as well, so that its id is no other's.
_places: dict[tuple[int, int, int, int], tuple[Place, CodeType, CodeType | None]] = {}
MOST_PLACES = 1 << 14


def here() -> Place:
    """Where the user's program is."""
    frame = users_frame()
    if frame is None:
        return NOWHERE
    code, back = frame.f_code, frame.f_back
    of_caller = back.f_code if back is not None else None
    key = (id(code), frame.f_lasti, id(of_caller), -1 if back is None else back.f_lasti)
    known = _places.get(key)
    if known is None:
        if len(_places) >= MOST_PLACES:
            _places.clear()
        known = _places[key] = _place_of(frame, back), code, of_caller
    return known[0]


def _place_of(frame: FrameType, back: FrameType | None) -> Place:
    if os.path.basename(frame.f_code.co_filename) == "exercises.py":
        return NOWHERE  # it is in a formula, whose parts are labelled
    return place_in(frame, place_in(back) if back is not None and _is_users(back) else None)


def place_in(frame: FrameType | Spot, caller: Place | None = None) -> Place:
    """What a frame is, or was, at."""
    first, last, start, stop = positions(frame.f_code)[frame.f_lasti // 2]
    file, line = frame.f_code.co_filename, first or frame.f_lineno
    text = linecache.getline(file, line)
    part = text.encode()[start:stop].decode() if first == last and start is not None else text
    return Place(file, line, part.strip(), (start or 0, last or line, stop or 0), caller)


@functools.lru_cache(maxsize=64)
def assigned_names(file: str) -> dict[tuple[int, int, int, int], str]:
    """By the span (line, column, end line, end column) of an expression: what it is assigned to."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return {}
    names: dict[tuple[int, int, int, int], str] = {}
    for statement in ast.walk(tree):
        match statement:
            case ast.Assign(targets=[ast.Tuple(elts=left)], value=ast.Tuple(elts=right)):
                star = next((k for k, x in enumerate(left) if isinstance(x, ast.Starred)), None)
                pairs = list(zip(left[:star], right, strict=False))
                if star is not None and (behind := len(left) - star - 1):
                    pairs += zip(left[-behind:], right[-behind:], strict=False)
            case ast.Assign(targets=[target, *_], value=value):
                pairs = [(target, value)]
            case ast.AugAssign(target=target):
                pairs = [(target, statement)]  # type: ignore[list-item]
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                pairs = [(target, value)]
            case ast.NamedExpr(target=target, value=value):
                pairs = [(target, value)]
            case ast.Return(value=ast.expr() as value):
                pairs = [(ast.Name(RETURNED), value)]
            case _:
                continue
        for target, part in pairs:
            if isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
                span = (part.lineno, part.col_offset, part.end_lineno, part.end_col_offset)
                names[span] = ast.unparse(target)  # type: ignore[index]
    return names


def refused_at(error: BaseException) -> str:
    """What an error says, after the user's innermost line that it came through."""
    step, spot = error.__traceback__, None
    while step is not None:
        if _is_users(step.tb_frame):
            spot = Spot(step.tb_frame.f_code, step.tb_lasti, step.tb_lineno)
        step = step.tb_next
    message = str(error) or type(error).__name__
    place = place_in(spot) if spot is not None else None
    if place is None or located(place.file, place.line) in message:
        return message
    return f"{place}: {message}"


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the user's line: by default once for each, as Python does it."""
    frame = users_frame()
    if frame is None:
        warnings.warn(message, category, stacklevel=2)
        return
    space = frame.f_globals
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno,
                           space.get("__name__", "<string>"),
                           space.setdefault("__warningregistry__", {}))


def with_locals(f: Any, args: Sequence[Any]) -> tuple[Any, dict[str, Any]]:
    """(what a function returns, its local variables at the end)."""
    code = getattr(inspect.unwrap(f), "__code__", None)
    found: dict[str, Any] = {}

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "return" and frame.f_code is code:
            found.update(frame.f_locals)

    before: Any = sys.getprofile()
    sys.setprofile(note)
    try:
        return f(*args), found
    finally:
        sys.setprofile(None)
        if hasattr(before, "enable"):  # cProfile's, which is no function
            before.enable()
        elif before is not None:
            sys.setprofile(before)
