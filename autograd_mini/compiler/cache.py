"""Machine code is kept on disk, and read back only if it is what was written there.

A file holds the machine code of one function for one signature, after a hash of it and of the
file's name, which itself is a hash of all that the code was made from: source, rows, versions,
processor. One that is empty, cut, changed or another's is as good as none: the function is
compiled again, and the file written anew. No source is ever read from the folder.

The code in the files is run. So the folder must be the user's own, and no other user may be able
to write to it; if one can, nothing is read from it and nothing kept in it.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import pickle
import shutil
import stat
import sys
import tempfile
import uuid
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

__all__ = ["cache_folder", "keep"]

_as_bytes: Any = dumps
_from_parts: Any = CompileResult._rebuild
DIGEST = hashlib.sha256().digest_size
VERSIONS = f"{numba.__version__} {np.__version__} {sys.version}"


def keep(dispatcher: Any, name: str, made_from: str, beside: Path | None = None) -> Any:
    """The function that Numba compiles, with what it compiles kept on disk.

    made_from: a text that tells the function from all others of that name. beside: a folder
    to keep it in, if that is the user's to write to; else `cache_folder`.
    """
    dispatcher._cache = _DiskCache(name, made_from, beside)
    return dispatcher


class _DiskCache(NullCache):
    """Where Numba asks for machine code before it compiles, and leaves it afterwards."""

    def __init__(self, name: str, made_from: str, beside: Path | None) -> None:
        self.name, self.made_from, self.beside = name, made_from, beside

    def _path(self, signature: Any, codegen: Any) -> Path:
        text = f"{self.made_from} {signature} {codegen.magic_tuple()} {VERSIONS}"
        folder = self.beside if self.beside is not None and _usable(self.beside) else (
            cache_folder())
        return folder / f"{self.name}_{hashlib.sha256(text.encode()).hexdigest()[:32]}.nbc"

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The compiled function, or None if there is none that can be trusted."""
        target.refresh()
        reduced = _read(self._path(signature, target.codegen()))
        if reduced is None:
            return None
        try:
            return _from_parts(target, *pickle.loads(reduced))
        except Exception:  # another version of Numba may raise anything at what it didn't write
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Write the compiled function down, if it can be."""
        if not (compiled.lifted or compiled.library.has_dynamic_globals):
            _write(self._path(signature, compiled.codegen), _as_bytes(compiled._reduce()))


def _digest(path: Path, content: bytes) -> bytes:
    return hashlib.sha256(path.name.encode() + content).digest()


def _read(path: Path) -> bytes | None:
    """What was written there; None if it isn't there, isn't whole, or may be another user's."""
    try:
        with path.open("rb") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            found = file.read()
    except OSError:
        return None
    content = found[DIGEST:]
    return content if found[:DIGEST] == _digest(path, content) else None


def _write(path: Path, content: bytes) -> None:
    """Write it at once, for another process may be reading; if there is no room, leave it."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_digest(path, content) + content)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _is_ours(status: os.stat_result) -> bool:
    """Whether a file or folder belongs to the user, and no other user can write to it."""
    if not hasattr(os, "getuid"):  # Windows, where a user's folders are the user's
        return True
    others = stat.S_IWGRP | stat.S_IWOTH
    return status.st_uid in (os.getuid(), 0) and not status.st_mode & others


def _usable(folder: Path) -> bool:
    """Whether the folder is there, the user's alone, and can be written to."""
    return folder.is_dir() and _is_ours(folder.stat()) and os.access(folder, os.W_OK | os.R_OK)


@cache
def cache_folder() -> Path:
    """Where machines are kept: $AUTOGRAD_MINI_CACHE, else the user's cache folder."""
    home = Path(os.environ.get("AUTOGRAD_MINI_CACHE") or Path(
        os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autograd_mini")
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _usable(home):
            return home
        if not _is_ours(home.stat()):
            warnings.warn(
                f"others can write to {home}, so compiled programs are neither read from it nor "
                f"kept in it: chmod go-w {home}, or set AUTOGRAD_MINI_CACHE to a folder of your "
                "own", RuntimeWarning, stacklevel=2)
    except OSError:
        pass
    folder = tempfile.mkdtemp(prefix="autograd_mini_")  # for this process only
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
