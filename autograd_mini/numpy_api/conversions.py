"""Plain numbers taken out of a node: each conversion detaches, and is refused where by accident."""

from __future__ import annotations

import math
import operator
import sys
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..recording import compared, notify_constant, notify_detached
from .detach_guards import check_float, check_int
from .dispatch import NumPyProtocols

__all__ = ["Conversions"]


class Conversions(NumPyProtocols):
    """A node that Python's and NumPy's conversions take."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return bool(compared(operator.ne, self, 0.0)) if np.size(self.value) == 1 else (
            bool(self.value))  # which says that an array has no truth value

    def __float__(self) -> float:
        """The plain number. It cuts the graph: no gradient comes back through it.

        Raises `NotDifferentiableError` inside a transform, a check or a program, and wherever the
        number is taken by accident: by `math.log(v)`, `a[i] = v`, `np.float64(v)`.
        """
        check_float(sys._getframe(1))
        notify_detached(self)
        return float(self.value)

    def __int__(self) -> int:
        check_int(sys._getframe(1))
        notify_detached(self)
        return int(self.value)

    def __complex__(self) -> complex:
        check_float(sys._getframe(1))
        notify_detached(self)
        return complex(self.value)

    # Steps are constant by nature: plain numbers.

    def __round__(self, digits: int | None = None) -> Any:
        notify_constant(self)
        return round(float(self.value), digits)

    def __floor__(self) -> int:
        notify_constant(self)
        number: int = math.floor(self.value)
        return number

    def __ceil__(self) -> int:
        notify_constant(self)
        number: int = math.ceil(self.value)
        return number

    def __trunc__(self) -> int:
        notify_constant(self)
        number: int = math.trunc(self.value)
        return number

    def item(self) -> float:
        """The one number held, as a plain float. It cuts the graph."""
        if np.size(self.value) != 1:
            raise ShapeError("item() needs exactly one number, this has shape "
                             f"{np.shape(self.value)}")
        notify_detached(self)
        return float(np.asarray(self.value).item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)
