"""One thing that may have been done at a site in place of the right rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..record import Record
from ..site import Site

__all__ = ["FORGOTTEN", "NO_INCOMING", "Alternative", "Source"]

FORGOTTEN = "what comes back through {f} was forgotten"
NO_INCOMING = ("the derivative of {f} was given alone: it has to be multiplied by the gradient "
               "that arrives, d{y}")


class Alternative(NamedTuple):
    """What may have been used at a site, in place of the right rule."""

    kind: str
    said: str
    send: Callable[[], Any]  # → what goes to the site's input, not yet in its shape
    cost: float  # how far-fetched it is: of two that give the same numbers, the lower is named
    added: bool = False  # whether it is added to what is right, times some constant
    source: Source | None = None  # what generates it, also for another site or cotangent

    @property
    def sent(self) -> Any:
        """What goes to the site's input; None if the rule doesn't fit there."""
        try:
            with np.errstate(all="ignore"):
                sent = self.send()
                return None if np.iscomplexobj(sent) else sent  # of Python's floats, (-1.0)**0.5
        except (ValueError, TypeError, IndexError, ArithmeticError, np.linalg.LinAlgError):
            return None  # a transposed product, say, that has no shape to give it


Source = Callable[[Site, Any, Record], Iterator[Alternative]]
"""From a site, the cotangent that arrives at its output and the record: the alternatives there."""
