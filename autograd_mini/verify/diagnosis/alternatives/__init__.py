"""What may have been done at a site in place of the right rule: the likeliest sources first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..record import Record
from ..site import Site
from .alternative import FORGOTTEN, Alternative, Source
from .broadcasting import spread_wrongly
from .building_blocks import building_blocks
from .operands import inactive_slopes, other_cotangents, other_operands
from .rules import scalings, wrong_rules
from .windows import moved_operands, windows

__all__ = ["FORGOTTEN", "LIKELY", "SOURCES", "Alternative", "alternatives", "scalings"]

SOURCES: tuple[Source, ...] = (wrong_rules, other_operands, moved_operands, windows,
                               other_cotangents, inactive_slopes, spread_wrongly, building_blocks)
LIKELY: tuple[Source, ...] = (wrong_rules, spread_wrongly)  # of what is tried two at a time


def alternatives(site: Site, g: Any, record: Record, sources: Sequence[Source] = SOURCES
                 ) -> Iterator[Alternative]:
    """All that may have been used at a site at whose output the cotangent g arrives."""
    for source in sources:
        for alternative in source(site, g, record):
            yield alternative._replace(source=source)
