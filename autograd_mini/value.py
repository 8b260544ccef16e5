"""A Value is one number that remembers how it was made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import numpy as np

from . import backprop, ops
from .errors import DTypeError, GraphError
from .graph import KINDS, Node, serial
from .not_computed import not_computed
from .operators import Operators
from .primitive import Elementwise
from .recording import guard, is_recording, plain_array, tell_of_cut
from .spellings import refuse_arguments

__all__ = ["Value"]

new = object.__new__


def _of_two(row: Elementwise) -> Any:
    """`a ∘ b` for a Value a: what `row.apply` does, without its questions."""
    compute = row.scalar
    assert compute is not None

    def method(a: Any, b: Any) -> Any:
        kind, other = type(a), type(b)
        x = a.value
        if other is kind:
            y, q = b.value, b
        elif other is float or other is int:
            y, q = b, None
        elif isinstance(b, np.ndarray) and b.dtype == object:
            return NotImplemented  # an array of Values knows better
        else:
            return row.apply((a, b), {})
        if is_recording() is not True:  # off, or watched
            return row.apply((a, b), {})
        node = new(kind)
        try:
            node.value = compute(x, y)
        except (ArithmeticError, ValueError):  # where IEEE 754 has inf or nan
            node.value = row.compute((x, y), {})
        node.op, node.a, node.b, node.from_a, node.from_b = row, x, y, a, q
        node.params = node.gradient = None
        node.label = ""
        return node

    return method


def _reflected(row: Elementwise) -> Any:
    """`b ∘ a` for a Value a and a number b."""
    compute = row.scalar
    assert compute is not None

    def method(a: Any, b: Any) -> Any:
        other = type(b)
        if not (other is float or other is int) or is_recording() is not True:
            return row.apply((b, a), {})
        node, y = new(type(a)), a.value
        try:
            node.value = compute(b, y)
        except (ArithmeticError, ValueError):
            node.value = row.compute((b, y), {})
        node.op, node.a, node.b, node.from_a, node.from_b = row, b, y, None, a
        node.params = node.gradient = None
        node.label = ""
        return node

    return method


def _of_one(row: Elementwise) -> Any:
    """`f(a)` for a Value a."""
    compute = row.scalar
    assert compute is not None

    def method(a: Any) -> Any:
        if is_recording() is not True:
            return row.apply((a,), {})
        node, x = new(type(a)), a.value
        try:
            node.value = compute(x)
        except (ArithmeticError, ValueError):
            node.value = row.compute((x,), {})
        node.op, node.a, node.from_a = row, x, a
        node.b = node.from_b = node.params = node.gradient = None
        node.label = ""
        return node

    return method


class Value(Operators):
    """A float in a computation graph.

    data: a real number; label: its name in drawings and messages.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> y = (a * b + a**2).tanh()
    >>> y.backward()
    >>> round(a.grad, 6), round(b.grad, 6)
    (0.070651, 0.141302)

    Comparisons give plain bools. `float(v)`, `int(v)`, `v.item()` and `v.data` give plain numbers
    and cut the graph there; functions of Python's `math` are refused, and inside a transform, a
    check or a program `float(v)` too. Raises `DTypeError` for anything that isn't a real number.
    """

    __slots__ = ()

    def __init__(self, data: Any, label: str = "", **other: Any) -> None:
        if other or type(label) is not str:
            refuse_arguments("Value", label, other)
        self.value, self.label, self.params = _real(data), label, serial()
        self.op = self.a = self.b = self.from_a = self.from_b = self.gradient = None

    # The short ways, for graphs of a million floats; Operators has the general one.
    __add__, __radd__ = _of_two(ops.add), _reflected(ops.add)
    __sub__, __rsub__ = _of_two(ops.subtract), _reflected(ops.subtract)
    __mul__, __rmul__ = _of_two(ops.multiply), _reflected(ops.multiply)
    __truediv__, __rtruediv__ = _of_two(ops.divide), _reflected(ops.divide)
    __pow__, __rpow__ = _of_two(ops.power), _reflected(ops.power)
    __neg__, __abs__ = _of_one(ops.negative), _of_one(ops.abs)
    exp, log, sqrt = _of_one(ops.exp), _of_one(ops.log), _of_one(ops.sqrt)
    sin, cos, tanh = _of_one(ops.sin), _of_one(ops.cos), _of_one(ops.tanh)
    sigmoid, relu = _of_one(ops.sigmoid), _of_one(ops.relu)

    @property
    def data(self) -> float:
        """The number. Assign to update a leaf; graphs recorded before keep their numbers."""
        tell_of_cut(self)
        return float(self.value)

    @data.setter
    def data(self, number: Any) -> None:
        if self.op is not None:
            raise GraphError(
                f"this Value was computed by {self.op.name}; change the leaves it came from "
                "and compute it again"
            )
        self.value = _real(number)

    @property
    def grad(self) -> float:
        """∂output/∂self of the last backward; before any, it prints as "not computed"."""
        return not_computed if self.gradient is None else float(self.gradient)  # type: ignore[return-value]

    @grad.setter
    def grad(self, number: Any) -> None:
        self.gradient = None if number is None or number is not_computed else _real(number)

    def backward(self, seed: Any = None) -> None:
        """Store ∂self/∂node in the `grad` of every node self depends on. See `ag.backward`."""
        backprop.backward(self, seed)

    @property
    def _backward(self) -> Callable[[], None]:  # micrograd's: one step of the backward pass
        return partial(backprop.send_back, self)

    @_backward.setter
    def _backward(self, rule: Any) -> NoReturn:
        raise GraphError("a rule of one's own is stated once, for every use: see ag.elementwise")

    def __repr__(self) -> str:
        if (someone := guard()) is not None:
            someone.cut(self)  # the text has the number in it
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.value!r}, grad={self.grad!r}{label})"


def _real(x: Any) -> float:
    """x as a Python float; refused if it isn't one real number."""
    if type(x) is float:
        return x
    if isinstance(x, Node) or not isinstance(x, int | float | np.number | np.bool_ | np.ndarray):
        what = "a node: it is one already" if isinstance(x, Node) else f"{type(x).__name__} {x!r}"
        raise DTypeError(f"a Value holds one real number, not {what}")
    if isinstance(x, np.ndarray):
        x = plain_array(x, "the number of a Value") if not np.iscomplexobj(x) else x
    if np.ndim(x) or np.iscomplexobj(x):
        raise DTypeError(
            f"a Value holds one real number, not {type(x).__name__} of shape {np.shape(x)} and "
            f"dtype {np.result_type(x)}: use Tensor for arrays; complex has no gradient here"
        )
    return float(x)


KINDS[float] = Value
