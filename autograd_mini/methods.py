"""The methods that NumPy users type on a node: each a call of the table, or of what is composed."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from . import functions, ops
from .errors import SpellingError
from .functions import clip, dot, mean, ravel, std, swapaxes, var
from .numpy_api.conversions import Conversions
from .primitive import Elementwise
from .recording import current_tracer, notify_constant, notify_detached
from .spellings import SPELLINGS

__all__ = ["Methods"]


class Methods(Conversions):
    """A node with NumPy's methods: `v.tanh()`, `t.sum(axis=0)`, `t.T`."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is held; () for a Value."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        """How many numbers are held."""
        return int(np.size(self.value))

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or float32; float64 for a Value."""
        return np.result_type(self.value)

    @property
    def T(self) -> Self:  # NumPy's name
        """The axes in reverse order."""
        return self._applied(ops.transpose)

    def _applied(self, op: Any, **params: Any) -> Self:
        for name in params.keys() & SPELLINGS.keys():
            raise SpellingError(f"{name}=: {SPELLINGS[name]}")
        result: Self = op(self, **params)
        return result

    def _store(self) -> None:
        """Tell a program that is recorded that numbers are stored here: it wouldn't do that again.
        """
        if (tracer := current_tracer()) is not None and tracer.follows:
            tracer.stored()

    def _unary(self, row: Elementwise) -> Self:
        result: Self = row.apply((self,), {})
        return result

    def exp(self) -> Self:
        """eˣ."""
        return self._unary(ops.exp)

    def log(self) -> Self:
        """The natural logarithm."""
        return self._unary(ops.log)

    def sqrt(self) -> Self:
        """The square root; its slope at 0 is inf."""
        return self._unary(ops.sqrt)

    def sin(self) -> Self:
        """The sine, of radians."""
        return self._unary(ops.sin)

    def cos(self) -> Self:
        """The cosine, of radians."""
        return self._unary(ops.cos)

    def tanh(self) -> Self:
        """The hyperbolic tangent."""
        return self._unary(ops.tanh)

    def sigmoid(self) -> Self:
        """1/(1 + e⁻ˣ)."""
        return self._unary(ops.sigmoid)

    def relu(self) -> Self:
        """max(x, 0); its slope at 0 is 0."""
        return self._unary(ops.relu)

    def sum(self, axis: Any = None, keepdims: bool = False, **other: Any) -> Self:
        """The sum over `axis`, or of all."""
        return self._applied(ops.sum, axis=axis, keepdims=keepdims, **other)

    def mean(self, axis: Any = None, keepdims: bool = False, **other: Any) -> Self:
        """The mean over `axis`, or of all."""
        return self._applied(mean, axis=axis, keepdims=keepdims, **other)

    def max(self, axis: Any = None, keepdims: bool = False, **other: Any) -> Self:
        """The largest over `axis`, or of all; ties share the gradient evenly."""
        return self._applied(ops.max, axis=axis, keepdims=keepdims, **other)

    def min(self, axis: Any = None, keepdims: bool = False, **other: Any) -> Self:
        """The smallest over `axis`, or of all; ties share the gradient evenly."""
        return self._applied(ops.min, axis=axis, keepdims=keepdims, **other)

    def prod(self, axis: Any = None, keepdims: bool = False, **other: Any) -> Self:
        """The product over `axis`, or of all."""
        return self._applied(ops.prod, axis=axis, keepdims=keepdims, **other)

    def var(self, axis: Any = None, keepdims: bool = False, ddof: int = 0,
            **other: Any) -> Self:
        """The variance over `axis`, or of all."""
        return self._applied(var, axis=axis, keepdims=keepdims, ddof=ddof, **other)

    def std(self, axis: Any = None, keepdims: bool = False, ddof: int = 0,
            **other: Any) -> Self:
        """The standard deviation over `axis`, or of all; its slope at 0 is 0."""
        return self._applied(std, axis=axis, keepdims=keepdims, ddof=ddof, **other)

    def clip(self, a_min: Any = None, a_max: Any = None) -> Self:
        """Held between two bounds; at a bound the slope is 1."""
        return self._applied(clip, a_min=a_min, a_max=a_max)

    def copy(self) -> Self:
        """The same numbers in a new node; the gradient comes back through it."""
        return self._unary(ops.positive)

    def reshape(self, *shape: Any) -> Any:
        """The same numbers in another shape: `t.reshape(2, 3)` or `t.reshape((2, 3))`."""
        whole = shape[0] if len(shape) == 1 else shape
        return self._applied(ops.reshape, shape=whole)

    def transpose(self, *axes: Any) -> Self:
        """The axes in another order; reversed if none is given."""
        whole = axes[0] if len(axes) == 1 else axes
        return self._applied(ops.transpose, axes=whole or None)

    def ravel(self) -> Any:
        """All the numbers along one axis."""
        return ravel(self)

    flatten = ravel

    def squeeze(self, axis: Any = None, **other: Any) -> Self:
        """Without its axes of length 1."""
        return self._applied(ops.squeeze, axis=axis, **other)

    def swapaxes(self, axis1: int, axis2: int) -> Self:
        """With two axes exchanged."""
        return self._applied(swapaxes, axis1=axis1, axis2=axis2)

    def dot(self, other: Any) -> Any:
        """`np.dot` of both."""
        return dot(self, other)

    def cumsum(self, axis: int | None = None) -> Any:
        """The sum up to each entry along `axis`."""
        return functions.cumsum(self, axis)

    def cumprod(self, axis: int | None = None) -> Any:
        """The product up to each entry along `axis`."""
        return functions.cumprod(self, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The entries whose two indices are equal."""
        return functions.diagonal(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The sum of the diagonal."""
        return functions.trace(self, offset, axis1, axis2)

    def repeat(self, repeats: Any, axis: int | None = None) -> Any:
        """Each entry several times."""
        return functions.repeat(self, repeats, axis)

    def take(self, indices: Any, axis: int | None = None) -> Any:
        """The entries at `indices` along `axis`."""
        return functions.take(self, indices, axis)

    # Constant by nature: plain numbers.

    def argmax(self, axis: int | None = None) -> Any:
        """Where the largest entry is: a plain integer array."""
        notify_constant(self)
        return np.argmax(self.value, axis=axis)

    def argmin(self, axis: int | None = None) -> Any:
        """Where the smallest entry is: a plain integer array."""
        notify_constant(self)
        return np.argmin(self.value, axis=axis)

    def argsort(self, axis: int | None = -1) -> Any:
        """The order that sorts: a plain integer array."""
        notify_constant(self)
        return np.argsort(self.value, axis=axis, kind="stable")

    def round(self, decimals: int = 0) -> Any:
        """Plain numbers, rounded."""
        notify_constant(self)
        return np.round(self.value, decimals)

    def tolist(self) -> Any:
        """Plain floats, in nested lists. It cuts the graph."""
        notify_detached(self)
        return np.asarray(self.value).tolist()
