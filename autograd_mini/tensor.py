"""A Tensor is a NumPy array that remembers how it was made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Never, NoReturn, Self

import numpy as np

from . import backprop
from .errors import GraphError, NotDifferentiableError, ShapeError
from .graph import KINDS, VARIABLE, clock
from .operators import Operators
from .ops import astype, frozen_index, getitem
from .places import here
from .recording import check_real, current_tracer, notify_detached, or_as_written, plain_array
from .spellings import refuse_arguments, refuse_keywords

__all__ = ["Tensor"]


class Tensor(Operators):
    """An array of float64 or float32 in a computation graph.

    data: anything `np.array` takes; it is copied. Integers and bools become float64; float32
    stays float32. label: its name in drawings and messages.

    >>> import numpy as np
    >>> W = Tensor([[1.0, 2.0], [3.0, 4.0]], label="W")
    >>> loss = np.mean((W @ [1.0, -1.0]) ** 2)
    >>> loss.backward()
    >>> W.grad
    array([[-1.,  1.],
           [-1.,  1.]])

    Comparisons give plain arrays of bools. `.data`, `.item()` and `float(t)` give plain numbers
    and cut the graph there; `np.asarray(t)` and `t[i] = …` are refused. Raises `DTypeError` for
    complex, object and string arrays.
    """

    __slots__ = ()

    def __init__(self, data: Any, label: str = "", **other: Any) -> None:
        if other or type(label) is not str:
            refuse_arguments("Tensor", label, other)
        self.value, self.label, self.params = _real_array(data), label, VARIABLE
        self.op, self.inputs, self.parents, self.gradient = None, (), (), None
        self.made_at = clock.now
        self.value.flags.writeable = False

    @property
    def data(self) -> np.ndarray:
        """The array. A leaf's may be changed in place or replaced; a computed one is read-only.

        What a graph has recorded never changes: the array handed out is a fresh one if the old
        one has been used in a graph.
        """
        notify_detached(self)
        if self.op is not None:
            self.value.flags.writeable = False
        elif not self.value.flags.writeable:  # not handed out yet, or recorded since
            self.value = self.value.copy()
        held: np.ndarray = self.value
        return held

    @data.setter
    def data(self, array: Any) -> None:
        if current_tracer() is not None:
            self._store()
        if array is self.value:  # t.data -= …: already done in place
            return
        if self.op is not None:
            raise GraphError(
                f"this Tensor was computed by {self.op.name}; change the leaves it came from "
                "and compute it again"
            )
        new = _real_array(array).astype(self.value.dtype, copy=False)
        if new.shape != self.value.shape:
            raise ShapeError(f"data of shape {new.shape} can't replace shape {self.value.shape}")
        new.flags.writeable = False
        self.value = new

    @property
    def grad(self) -> np.ndarray | None:
        """∂output/∂self of the last backward, in self's shape; None if it was not computed."""
        if (tracer := current_tracer()) is not None and tracer.follows:
            tracer.detached(self)  # a program would have these numbers for ever
        if self.op is not None and type(self.gradient) is np.ndarray:
            self.gradient = self.gradient.view()  # may be shared by several nodes
            self.gradient.flags.writeable = False
        g: np.ndarray | None = self.gradient
        return g

    @grad.setter
    def grad(self, array: Any) -> None:
        if current_tracer() is not None:
            self._store()
        if array is None or array is self.gradient:
            self.gradient = array
            return
        new = _real_array(array).astype(self.value.dtype, copy=False)
        if new.shape not in ((), self.value.shape):
            raise ShapeError(f"a gradient of shape {new.shape} for shape {self.value.shape}")
        self.gradient = np.array(np.broadcast_to(new, self.value.shape))

    def backward(self, seed: Any = None, **other: Never) -> None:
        """Store ∂self/∂node in the `grad` of every node self depends on. See `ag.backward`."""
        refuse_keywords("backward", other)
        backprop.backward(self, seed)

    def astype(self, dtype: Any) -> Self:
        """The same numbers as float32 or float64; the gradient comes back in self's dtype."""
        check_real(np.empty(0, dtype), "the result of astype")
        if np.dtype(dtype).kind != "f":
            raise NotDifferentiableError(
                f"numbers of dtype {np.dtype(dtype)} have no gradient: take t.data.astype(…)"
            )
        return self._applied(astype, dtype=np.dtype(dtype))

    def __getitem__(self, index: Any) -> Tensor:
        return self._applied(getitem, index=frozen_index(index))

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise NotDifferentiableError(
            f"{here()}: a Tensor can't be changed in place, for what was computed from it would no "
            "longer be true: build a new one (np.where(mask, new, t), np.concatenate, np.stack of "
            "a list), or change a parameter through t.data[...]" + or_as_written()
        )

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.value.ndim:
            raise TypeError("iteration over a Tensor of shape (): it holds one number")
        return (self[i] for i in range(len(self.value)))

    if TYPE_CHECKING:  # what a Value's method may give as either kind gives a Tensor here
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def reshape(self, *shape: Any) -> Tensor: ...
        def ravel(self) -> Tensor: ...
        def flatten(self) -> Tensor: ...
        def dot(self, other: Any) -> Tensor: ...
        def cumsum(self, axis: int | None = None) -> Tensor: ...
        def cumprod(self, axis: int | None = None) -> Tensor: ...
        def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor: ...
        def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor: ...
        def repeat(self, repeats: Any, axis: int | None = None) -> Tensor: ...
        def take(self, indices: Any, axis: int | None = None) -> Tensor: ...

    def __repr__(self) -> str:
        if (tracer := current_tracer()) is not None:
            tracer.detached(self)  # the text has the numbers in it
        body = np.array2string(self.value, separator=", ", prefix="Tensor(", threshold=200)
        extra = f", dtype={self.dtype}" if self.dtype != np.float64 else ""
        extra += f", op={self.op.name}" if self.op is not None else ""
        extra += f", shape={self.value.shape}" if self.value.size > 200 else ""  # not all is shown
        return f"Tensor({body}{extra}{f', label={self.label!r}' if self.label else ''})"

    def _repr_html_(self) -> str:
        from .picture.displays import tensor_html

        return tensor_html(self)


def _real_array(x: Any) -> np.ndarray:
    """A copy of x as a float array; refused if it doesn't hold real numbers."""
    array = np.array(plain_array(x, "the array of a Tensor"))
    return array if array.dtype.kind == "f" else array.astype(np.float64)


KINDS[np.ndarray] = Tensor
