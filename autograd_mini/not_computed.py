"""The gradient of a Value before any backward: it says so, and counts as 0 with a warning."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import NotComputedWarning
from .numpy_api.detach_guards import is_formatting
from .places import warn

__all__ = ["NotComputed", "not_computed"]


def _counted() -> float:
    """0, with a warning at the user's line."""
    warn(
        "this gradient was not computed, and counts as 0: call .backward() first, on something "
        "that depends on the node (v.grad prints as \"not computed\" until then)",
        NotComputedWarning,
    )
    return 0.0


def _of_two(how: Callable[[Any, Any], Any]) -> Any:
    return lambda self, other: how(_counted(), 0.0 if isinstance(other, NotComputed) else other)


def _reflected(how: Callable[[Any, Any], Any]) -> Any:
    return lambda self, other: how(other, _counted())


class NotComputed:
    """What `Value.grad` is before any backward: prints as "not computed" and equals 0.

    As a number it counts as 0, as micrograd's, with a warning that names the line; formatted
    (`f"{v.grad:.4f}"`) it is 0.0000 without one. It is no float, for a float's own methods and C
    code would never ask it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "not computed"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(0.0, spec) if spec else str(self)

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "not_computed"

    def __hash__(self) -> int:
        return hash(0.0)

    def __eq__(self, other: object) -> Any:
        return isinstance(other, NotComputed) or 0.0 == other

    def __ne__(self, other: object) -> Any:
        return not isinstance(other, NotComputed) and 0.0 != other

    def __float__(self) -> float:
        return 0.0 if is_formatting(sys._getframe(1)) else _counted()

    def __int__(self) -> int:
        return int(_counted())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(_counted(), dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        zero = _counted()
        plain = [zero if isinstance(x, NotComputed) else x for x in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)

    def __neg__(self) -> float:
        return -_counted()

    def __pos__(self) -> float:
        return _counted()

    def __abs__(self) -> float:
        return abs(_counted())

    def __round__(self, digits: int | None = None) -> Any:
        return round(_counted(), digits)

    __add__, __radd__ = _of_two(operator.add), _reflected(operator.add)
    __sub__, __rsub__ = _of_two(operator.sub), _reflected(operator.sub)
    __mul__, __rmul__ = _of_two(operator.mul), _reflected(operator.mul)
    __truediv__, __rtruediv__ = _of_two(operator.truediv), _reflected(operator.truediv)
    __floordiv__, __rfloordiv__ = _of_two(operator.floordiv), _reflected(operator.floordiv)
    __mod__, __rmod__ = _of_two(operator.mod), _reflected(operator.mod)
    __pow__, __rpow__ = _of_two(operator.pow), _reflected(operator.pow)
    __lt__, __le__ = _of_two(operator.lt), _of_two(operator.le)
    __gt__, __ge__ = _of_two(operator.gt), _of_two(operator.ge)


not_computed = NotComputed()
