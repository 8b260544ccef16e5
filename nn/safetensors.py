"""Arrays in the .safetensors format: a header of JSON that says where each lies, then the bytes.

The format is that of https://github.com/huggingface/safetensors: eight bytes with the length of
the header, the header, and the arrays one after the other, in rows, little-endian. PyTorch, JAX
and others read it, and nothing in it can be executed.
"""

from __future__ import annotations

import functools
import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np

from autograd_mini import errors

from .npz import Member

__all__ = ["members", "write"]

LONGEST_HEADER = 100_000_000  # bytes; the official reader's limit
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
          "I8": "|i1", "U8": "|u1", "BOOL": "|b1"}
CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}


def write(file: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays, each under its name."""
    header: dict[str, Any] = {}
    flat, end = [], 0
    for name, array in arrays.items():
        if name == "__metadata__" or array.dtype not in CODES:
            raise errors.StorageError(f"{name} of {array.dtype} has no place in a .safetensors "
                                      "file: save as .npz")
        little = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        start, end = end, end + little.nbytes
        header[name] = {"dtype": CODES[little.dtype], "shape": list(little.shape),
                        "data_offsets": [start, end]}
        flat.append(little)
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers start where a machine likes it
    file.write(struct.pack("<Q", len(text)) + text)
    for array in flat:
        file.write(array.tobytes())


def members(file: IO[bytes], size: int) -> dict[str, Callable[[], Member]]:
    """For each array of a file of `size` bytes, by its name, what makes a `Member` of it.

    Raises `ValueError` for what isn't such a file: a header that is cut short, arrays that
    overlap, leave gaps or end elsewhere than the file.
    """
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
    if length > min(LONGEST_HEADER, size - 8):
        raise ValueError(f"its header is said to have {length} bytes")
    header = json.loads(file.read(length).decode(), object_pairs_hook=_each_once)
    if not isinstance(header, dict):
        raise ValueError("its header isn't a table of arrays")
    header.pop("__metadata__", None)
    placed = {name: _placed(name, said) for name, said in header.items()}
    end = 0
    for (first, last), name in sorted((place[2], name) for name, place in placed.items()):
        if first != end:
            raise ValueError(f"{name} lies at byte {first}, and the array before ends at {end}")
        end = last
    if 8 + length + end != size:
        raise ValueError(f"its arrays end at byte {8 + length + end}, and it has {size}")
    return {name: functools.partial(_member, file, 8 + length, *place)
            for name, place in placed.items()}


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of pairs. Raises `ValueError` if two have one name."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("its header has a name twice")
    return table


def _placed(name: str, said: Any) -> tuple[np.dtype[Any], tuple[int, ...], tuple[int, int]]:
    """The dtype, the shape, and the first and last byte of an array."""
    if not isinstance(said, dict) or said.get("dtype") not in DTYPES:
        raise ValueError(f"{name} is of a kind that NumPy doesn't have: {str(said)[:60]}")
    dtype, shape, place = np.dtype(DTYPES[said["dtype"]]), said["shape"], said["data_offsets"]
    numbers = [*shape, *place] if isinstance(shape, list) and isinstance(place, list) else [-1]
    if len(place) != 2 or any(type(n) is not int or n < 0 for n in numbers):
        raise ValueError(f"{name} has the shape {shape} and lies at {place}")
    if place[1] - place[0] != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name} is not as long in the file as its shape says")
    return dtype, tuple(shape), (place[0], place[1])


def _member(file: IO[bytes], start: int, dtype: np.dtype[Any], shape: tuple[int, ...],
            place: tuple[int, int]) -> Member:
    def numbers() -> np.ndarray:
        file.seek(start + place[0])
        return np.frombuffer(file.read(place[1] - place[0]), dtype).reshape(shape)

    return Member(shape, dtype, True, numbers)
