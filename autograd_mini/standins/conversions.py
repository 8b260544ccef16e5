"""What Python asks an array for: its truth, its text, its one number, its bytes."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import numpy as np

from ..errors import NotDifferentiableError
from ..graph import Node
from ..numpy_api.detach_guards import refuse_array
from ..numpy_api.packages import boxed, is_sparse_product
from ..recording import notify_constant

__all__ = ["Conversions"]


class Conversions:
    """The part of a Buffer that gives plain numbers, and refuses where a gradient would be lost."""

    __slots__ = ()
    __pandas_priority__ = 100_000  # pandas leaves arithmetic to us, as NumPy does

    @property
    def array(self) -> np.ndarray:
        """The plain numbers."""
        raise NotImplementedError

    def content(self) -> Any:
        """The node, or the plain array, of what is in it now."""
        raise NotImplementedError

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self.content(), Node):
            if is_sparse_product(sys._getframe(1)):
                return boxed(self)
            refuse_array()
        return np.array(self.array, *args, **kwargs) if kwargs.get("copy") else np.asarray(
            self.array, *args)

    def __bool__(self) -> bool:
        return bool(self.content())

    def __float__(self) -> float:
        return float(self.content())

    def __int__(self) -> int:
        return int(self.content())

    def __index__(self) -> NoReturn:
        raise TypeError("only integer scalar arrays can be converted to a scalar index")

    def __contains__(self, x: Any) -> bool:
        return bool(np.any(self == x))

    def __repr__(self) -> str:
        self._told()
        return repr(self.array)

    def __str__(self) -> str:
        self._told()
        return str(self.array)

    def __format__(self, spec: str) -> str:
        self._told()
        return format(self.array, spec)

    def _told(self) -> None:
        inner = self.content()
        if isinstance(inner, Node):
            notify_constant(inner)

    __hash__ = None  # type: ignore[assignment]  # an array has none

    def __reduce_ex__(self, protocol: Any) -> Any:
        if isinstance(self.content(), Node):
            raise NotDifferentiableError(
                "an array that depends on what is differentiated by can't be pickled inside the "
                "function: what comes back would be a constant")
        return np.array(self.array).__reduce_ex__(protocol)
