"""Formulas that derivatives are built of, any of which may stand where another belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .... import ops
from ....primitive import Elementwise
from ..mistakes import RIGHT
from ..mistakes.table import LOCAL
from ..record import Record
from ..site import Site
from .alternative import Alternative

__all__ = ["building_blocks"]

BUILDING_BLOCKS: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    ("{x}", lambda y, x: x), ("{y}", lambda y, x: y), ("{x}**2", lambda y, x: x * x),
    ("{y}**2", lambda y, x: y * y),
    ("1 / {x}", lambda y, x: 1 / x), ("1 / {y}", lambda y, x: 1 / y),
    ("1 / {x}**2", lambda y, x: 1 / (x * x)), ("1 / {y}**2", lambda y, x: 1 / (y * y)),
    ("(1 - {x})", lambda y, x: 1 - x), ("(1 - {y})", lambda y, x: 1 - y),
    ("(1 + {x})", lambda y, x: 1 + x), ("(1 + {y})", lambda y, x: 1 + y),
    ("(1 - {x}**2)", lambda y, x: 1 - x * x), ("(1 - {y}**2)", lambda y, x: 1 - y * y),
    ("(1 + {x}**2)", lambda y, x: 1 + x * x), ("(1 + {y}**2)", lambda y, x: 1 + y * y),
    ("{x} * (1 - {x})", lambda y, x: x * (1 - x)), ("{y} * (1 - {y})", lambda y, x: y * (1 - y)),
    ("{y} * (1 + {y})", lambda y, x: y * (1 + y)),
    ("1 / (1 + {x})", lambda y, x: 1 / (1 + x)), ("1 / (1 - {x})", lambda y, x: 1 / (1 - x)),
    ("1 / (1 + {x}**2)", lambda y, x: 1 / (1 + x * x)),
    ("np.exp({x})", lambda y, x: np.exp(x)), ("np.exp({y})", lambda y, x: np.exp(y)),
    ("np.exp(-{x})", lambda y, x: np.exp(-x)), ("np.log({x})", lambda y, x: np.log(x)),
    ("np.sin({x})", lambda y, x: np.sin(x)), ("np.cos({x})", lambda y, x: np.cos(x)),
    ("np.sinh({x})", lambda y, x: np.sinh(x)), ("np.cosh({x})", lambda y, x: np.cosh(x)),
    ("np.tanh({x})", lambda y, x: np.tanh(x)), ("np.sign({x})", lambda y, x: np.sign(x)),
    ("np.abs({x})", lambda y, x: np.abs(x)), ("({x} > 0)", lambda y, x: 1.0 * (x > 0)),
    ("({x} < 0)", lambda y, x: 1.0 * (x < 0)), ("sigmoid({x})", lambda y, x: ops.sigmoid(x)),
    ("sigmoid(-{x})", lambda y, x: ops.sigmoid(-x)), ("np.sqrt({x})", lambda y, x: np.sqrt(x)),
    ("sigmoid'({x})", lambda y, x: ops.sigmoid(x) * ops.sigmoid(-x)),
    ("{x}**3", lambda y, x: x**3), ("{y}**3", lambda y, x: y**3),
    ("1 / np.sqrt({x})", lambda y, x: 1 / np.sqrt(x)), ("{x}**-1.5", lambda y, x: x**-1.5),
    ("(1 - np.tanh({x})**2)", lambda y, x: 1 - np.tanh(x) ** 2),
)
"""Local derivatives that people come up with, as far as a function of y and x goes."""


def building_blocks(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """Other functions of a site's input and output in the place of its derivative."""
    if not _is_replaceable(site):
        return
    y = site.output.value
    x = site.input.value if site.block else site.output.inputs[site.i]
    right = RIGHT.get(site.name, ())
    for text, f in BUILDING_BLOCKS:
        if right and site.i < len(right):
            said = f"the derivative of {{f}} was taken as {text}; it is {right[site.i]}"
        else:
            said = f"{text} was used for the derivative of {{f}}"
        yield Alternative(LOCAL, said, lambda f=f: g * f(y, x), 3.0)  # type: ignore[misc]


def _is_replaceable(site: Site) -> bool:
    """Whether some function of the site's input and output may stand for its derivative."""
    op = site.output.op
    if site.block:
        return ops.shape(site.output) == ops.shape(site.input) and site.name != "a function"
    return bool(isinstance(op, Elementwise) and callable(op.slopes[site.i]) and (
        op not in (ops.multiply, ops.divide) or site.i))
