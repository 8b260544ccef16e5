"""Arrays in NumPy's .npz, read with care: first the headers, and only then what is wanted.

A file may be cut short, of another model, or made to do harm. So nothing is unpacked but what a
header of the wanted shape stands before, and nothing is ever unpickled.
"""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Callable
from typing import IO, Any, NamedTuple

import numpy as np

from autograd_mini import errors

__all__ = ["BUFFERS", "PARAMETERS", "TREE", "Member", "check_kind", "members"]

PARAMETERS = "parameters/"  # before each name, for a parameter may be called `file`, as savez's own
BUFFERS = "buffers/"  # the same of what isn't learned
TREE = "checkpoint.json"  # the member that says how the arrays of a whole run belong together
LONGEST_HEADER = 4096  # bytes; of an array of numbers it is 128


class Member(NamedTuple):
    """An array in a file, of which only the header has been read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_whole: bool  # as long as the header says
    read: Callable[[], np.ndarray]
    is_buffer: bool = False  # by what the file says of it


def check_kind(file: IO[bytes], path: Any) -> None:
    """Raise `StorageError` for a file that isn't a zip archive, and say what it is."""
    start = file.read(6)
    file.seek(0)
    if start[:2] == b"PK":
        return
    what = ("is empty" if not start
            else "holds one array without a name (.npy)" if start == b"\x93NUMPY"
            else f"isn't an .npz file (it starts with {start!r})")
    raise errors.StorageError(f"{path} can't be loaded: it {what}. Nothing was changed; give a "
                              "file that nn.save wrote")


def members(archive: zipfile.ZipFile, path: Any) -> dict[str, Callable[[], Member]]:
    """For each array of an archive, by its name, what reads its header."""
    found: dict[str, tuple[bool, zipfile.ZipInfo]] = {}
    for info in archive.infolist():
        of_buffer = info.filename.startswith(BUFFERS)
        folder = BUFFERS if of_buffer else PARAMETERS
        name = info.filename.removesuffix(".npy").removeprefix(folder)
        if name in found:
            raise errors.StorageError(
                f"{path} can't be loaded: it has two arrays for the "
                f"{'buffer' if of_buffer else 'parameter'} {name!r} ({found[name][1].filename} "
                f"and {info.filename}). Nothing was changed; save the model again with nn.save")
        found[name] = of_buffer, info
    return {name: functools.partial(_member, archive, info, of_buffer)
            for name, (of_buffer, info) in found.items()}


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, is_buffer: bool) -> Member:
    """What the header of an array says, of which no more than that is unpacked."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename} is packed in a way that NumPy doesn't use")
    with archive.open(info) as packed:
        start = io.BytesIO(packed.read(LONGEST_HEADER))
    version = np.lib.format.read_magic(start)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{info.filename} is an array in format {version}, not 1.0 or 2.0")
    read = (np.lib.format.read_array_header_1_0 if version == (1, 0)
            else np.lib.format.read_array_header_2_0)
    shape, by_columns, dtype = read(start, max_header_size=LONGEST_HEADER)
    begin = start.tell()
    size = begin + int(np.prod(shape, dtype=object)) * dtype.itemsize  # of Python's whole numbers

    def numbers() -> np.ndarray:
        """The array itself; `zipfile` compares its checksum."""
        with archive.open(info) as packed:
            data = packed.read(info.file_size)  # read() without a size may unpack 2 GB at once
        if len(data) != info.file_size:
            raise ValueError(f"{info.filename} is cut short")
        flat = np.frombuffer(data, dtype, offset=begin)
        return flat.reshape(shape, order="F" if by_columns else "C")

    return Member(shape, dtype, info.file_size == size, numbers, is_buffer)
