"""A Value is one number that remembers how it was made."""

from __future__ import annotations

from typing import Any, Never

from . import backprop
from .errors import GraphError
from .graph import KINDS, VARIABLE, clock
from .operators import Operators, not_computed, refuse_arguments, refuse_keywords
from .recording import current_tracer, notify_detached, one_real_number

__all__ = ["Value"]


class Value(Operators):
    """A float in a computation graph.

    data: a real number; label: its name in drawings and messages.

    >>> a, b = Value(2.0, label="a"), Value(-3.0)
    >>> (a * b).backward()
    >>> a.grad, b.grad
    (-3.0, 2.0)

    Comparisons give plain bools; `float(v)`, `v.item()` and `v.data` give plain numbers and cut
    the graph there. Raises `DTypeError` for what isn't a real number.
    """

    __slots__ = ()

    def __init__(self, data: Any, label: str = "", **other: Any) -> None:
        if other or type(label) is not str:
            refuse_arguments("Value", label, other)
        self.value, self.label, self.params = one_real_number(data), label, VARIABLE
        self.op, self.inputs, self.parents, self.gradient = None, (), (), None
        self.made_at = clock.now

    @property
    def data(self) -> float:
        """The number. Assign to update a leaf; graphs recorded before keep their numbers."""
        notify_detached(self)
        return float(self.value)

    @data.setter
    def data(self, number: Any) -> None:
        self._store()
        if self.op is not None:
            raise GraphError(f"this Value was computed by {self.op.name}: change its leaves")
        self.value = one_real_number(number)

    @property
    def grad(self) -> float:
        """∂output/∂self of the last backward; before any "not computed", which counts as 0."""
        return not_computed if self.gradient is None else float(self.gradient)  # type: ignore[return-value]

    @grad.setter
    def grad(self, number: Any) -> None:
        self._store()
        unknown = number is None or number is not_computed
        self.gradient = None if unknown else one_real_number(number)

    def backward(self, seed: Any = None, **other: Never) -> None:
        """Store ∂self/∂node in the `grad` of every node self depends on. See `backprop`."""
        refuse_keywords("backward", other)
        backprop.backward(self, seed)

    def __repr__(self) -> str:
        if (tracer := current_tracer()) is not None:
            tracer.detached(self)  # the text has the number in it
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.value!r}, grad={self.grad!r}{label})"


KINDS[float] = Value
