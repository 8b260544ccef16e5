"""The files that were handed in: which there are, what they are called, and their sources."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ArgumentError

__all__ = ["HandedIn", "handed_in", "printable"]

LARGEST = 1 << 20  # bytes of a source


@dataclass(frozen=True)
class HandedIn:
    """A file: what it is called in the table, and its source, or why it can't be read."""

    name: str
    path: Path
    source: bytes
    refused: str = ""


def handed_in(submissions: str | Path | Sequence[str | Path], assignment: Path) -> list[HandedIn]:
    """The files that are given, and those of the folders, also of folders in them, but for the
    assignment; each once. All are read now: a submission might change those that come after it.

    Raises `ArgumentError` for a file that isn't there, and if there are none.
    """
    given = [submissions] if isinstance(submissions, str | Path) else submissions
    paths: list[Path] = []
    for path in map(Path, given):
        if not os.path.lexists(path):
            raise ArgumentError(f"there is no file {path}")
        paths += sorted(_within(path)) if path.is_dir() else [path]
    own = os.path.realpath(assignment)
    each = [path for path in dict.fromkeys(paths) if path.is_symlink() or
            os.path.realpath(path) != own]
    if not each:
        raise ArgumentError("there is nothing to grade: give files that define gradient, or a "
                            "folder of them")
    return [HandedIn(name, path, *_read(path)) for name, path in zip(
        _names(each), each, strict=True)]


def _within(folder: Path) -> Iterator[Path]:
    """The Python files of a folder, and of those in it; links are told, and not followed."""
    for place, folders, files in os.walk(folder):
        links = [f for f in folders if os.path.islink(os.path.join(place, f))]
        folders[:] = sorted(f for f in folders if f not in links and f != "__pycache__"
                            and not f.startswith("."))
        yield from (Path(place, f) for f in (*links, *files)
                    if f in links or f.lower().endswith(".py"))


def _names(paths: Sequence[Path]) -> list[str]:
    """Each by its stem, or by its path where that is another's, too."""
    stems = [printable(path.stem) for path in paths]
    often = Counter(stems)
    names = [stem if often[stem] == 1 else printable(str(path))
             for stem, path in zip(stems, paths, strict=True)]
    often = Counter(names)
    return [name if often[name] == 1 else f"{name} ({i})"
            for i, name in enumerate(names, start=1)]


def printable(text: str) -> str:
    """The text in one line, with spaces for what can't be shown, cut at 600 characters."""
    shown = "".join(c if c.isprintable() else " " for c in text[:600])
    return " ".join(shown.encode("utf-8", "replace").decode("utf-8").split())


def _read(path: Path) -> tuple[bytes, str]:
    """(a file's bytes, why there are none)."""
    if path.is_symlink():
        return b"", "it is a link, which isn't followed: hand in the file itself"
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b"", "it isn't a file"
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            source = file.read(LARGEST + 1)
    except OSError as error:
        return b"", f"it can't be read: {error.strerror}"
    if len(source) > LARGEST:
        return b"", f"it is larger than {LARGEST >> 20} MB"
    return source, "" if source.strip() else "the file is empty"
