"""An array as a small picture: red above 0, blue below, white at 0, purple where it is nan."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["LARGEST", "Pixels", "enlarged", "greys", "pixels"]

LARGEST = 24  # pixels across and down
_BLUE, _WHITE, _RED, _NAN = (33, 102, 172), (247, 247, 247), (178, 24, 43), (120, 0, 160)


def _palette() -> bytes:
    """255 colours from blue through white to red, and one for nan."""
    colours = []
    for i in range(-127, 128):
        strength, end = (abs(i) / 127) ** 0.75, _RED if i > 0 else _BLUE
        colours += [round(w + (e - w) * strength) for w, e in zip(_WHITE, end, strict=True)]
    return bytes([*colours, *_NAN])


PALETTE = _palette()
GREYS = bytes([i for shade in range(255, -1, -1) for i in (shade, shade, shade)])  # 0 is white


@dataclass(frozen=True, eq=False)
class Pixels:
    """A small picture."""

    shades: np.ndarray  # the index of each pixel in the palette
    palette: bytes

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.shades.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.shades.shape[0])

    @property
    def png(self) -> bytes:
        """The file: one byte a pixel, an index into the palette (PNG, RFC 2083)."""
        rows = b"".join(b"\0" + row.tobytes() for row in self.shades)  # 0: no filter
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)
        chunks = {b"IHDR": header, b"PLTE": self.palette, b"IDAT": zlib.compress(rows, 9),
                  b"IEND": b""}
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks.items())

    @property
    def url(self) -> str:
        """The picture as an address for an <img>."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


def pixels(x: Any, largest: int = LARGEST) -> Pixels:
    """One pixel an entry, on a scale that is symmetric about 0: the largest magnitude is full red
    or blue.

    x: an array of any number of axes; the last one goes across, all others down. Of an axis that is
    longer than `largest`, each pixel is the entry of largest magnitude of a block. An infinity is
    as strong as the largest number. An array without entries is one white pixel.
    """
    x = np.asarray(x, float)
    x = x.reshape(1, -1) if x.ndim < 2 else x.reshape(-1, x.shape[-1])
    x = np.zeros((1, 1)) if not x.size else _thinned(_thinned(x, 0, largest), 1, largest)
    finite = np.isfinite(x)
    most = np.max(np.abs(x), where=finite, initial=0.0) or 1.0
    scaled = np.nan_to_num(x / most, nan=0.0, posinf=1.0, neginf=-1.0) * 127 + 127
    shades = np.where(np.isnan(x), 255, np.round(np.clip(scaled, 0, 254))).astype(np.uint8)
    return Pixels(shades, PALETTE)


def greys(x: Any) -> Pixels:
    """One grey pixel an entry of a matrix: 0 and less are white, 1 and more black."""
    return Pixels(np.round(np.clip(np.asarray(x, float), 0, 1) * 255).astype(np.uint8), GREYS)


def enlarged(picture: Pixels, side: int) -> Pixels:
    """The same with squares for pixels, so that the longer side is about so many pixels long."""
    scale = max(1, side // max(picture.shades.shape))
    return Pixels(picture.shades.repeat(scale, axis=0).repeat(scale, axis=1), picture.palette)


def _thinned(x: np.ndarray, axis: int, most: int) -> np.ndarray:
    """At most so many entries along an axis: of each block that of largest magnitude."""
    if x.shape[axis] <= most:
        return x
    size = math.ceil(x.shape[axis] / most)
    rows = np.moveaxis(x, axis, 0)
    rows = np.concatenate([rows, np.zeros((-len(rows) % size, *rows.shape[1:]))])
    blocks = rows.reshape(-1, size, *rows.shape[1:])
    largest = np.argmax(np.nan_to_num(np.abs(blocks), nan=np.inf), axis=1, keepdims=True)
    return np.moveaxis(np.take_along_axis(blocks, largest, axis=1)[:, 0], 0, axis)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
