"""What a notebook shows of arrays: a picture, and its numbers, in HTML that survives anywhere.

A notebook that isn't trusted strips scripts, styles and inline SVG, so there are only tables,
images and text here, and images are as large as they are to be seen.
"""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from ..graph import value_of
from .pixels import LARGEST, enlarged, pixels
from .record import shown

__all__ = ["tensor_html"]

ROWS, COLUMNS, FIGURES = 8, 6, 4  # of the table of numbers
SIDE = 144  # px, of a picture's longer side


def tensor_html(tensor: Any) -> str:
    """A Tensor: its name, its numbers as a picture, and its gradient beside it."""
    name = html.escape(tensor.label or "Tensor")
    cells = [_array(name, tensor.value)]
    if tensor.gradient is not None:
        cells.append(_array("gradient", value_of(tensor.gradient)))
    return "<table><tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr></table>"


def _array(title: str, x: Any) -> str:
    """A heading, a picture and the first numbers of one array."""
    x = np.asarray(x)
    size = "×".join(map(str, x.shape)) or "one number"
    finite = x[np.isfinite(x)]
    told = [f"{size} {x.dtype}"]
    if finite.size:
        told.append(f"{shown(finite.min(), FIGURES)} … {shown(finite.max(), FIGURES)}")
    told += [f"{count} {what}" for what, count in (
        ("nan", int(np.isnan(x).sum())), ("inf", int(np.isinf(x).sum()))) if count]
    said = html.escape(", ".join(told))
    if x.size < 2:
        return f"<b>{title}</b><br>{said}"
    made = enlarged(pixels(x, LARGEST), SIDE)
    picture = (f'<img src="{made.url}" width="{made.width}" height="{made.height}" '
               f'alt="{title}: {said}">')
    return f"<b>{title}</b><br>{said}<br>{picture}{_numbers(x)}"


def _numbers(x: np.ndarray) -> str:
    """The first rows and columns, to be opened."""
    flat = x.reshape(1, -1) if x.ndim < 2 else x.reshape(-1, x.shape[-1])
    rows = ["".join(f"<td>{shown(v, FIGURES)}</td>" for v in row[:COLUMNS])
            + ("<td>…</td>" if flat.shape[1] > COLUMNS else "") for row in flat[:ROWS]]
    rows += ["<td>…</td>"] if flat.shape[0] > ROWS else []
    table = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<details><summary>numbers</summary><table>{table}</table></details>"
