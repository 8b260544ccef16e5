"""The operators of Values and Tensors: what `row.apply` does, for the common case at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..graph import clock
from ..primitive import Elementwise, applied
from ..recording import recording_mode
from ..tensor import Tensor
from ..value import Value
from .nodes import handed_out  # it also names the slots that are used here
from .pairs import replaces

__all__ = ["BINARY", "UNARY", "of_array", "of_arrays", "of_float", "of_floats",
           "of_number_and_float"]

new = object.__new__
FLOATS_RAISE = (ArithmeticError, ValueError)  # where IEEE 754 has inf or nan


def of_floats(row: Elementwise) -> Any:
    """`Operators.__add__` and its kin, of a Value a and a Value or number b: a ∘ b."""
    compute: Any = row.scalar

    def method(a: Any, b: Any) -> Any:
        x, other = a.value, type(b)
        if other is Value:
            y, q = b.value, b
        elif other is float or other is int:
            y, q = b, None
        elif other is np.float64:
            y, q = float(b), None
        elif isinstance(b, np.ndarray) and b.dtype == object:
            return NotImplemented  # an array of Values knows better
        else:
            return applied(row, (a, b), {})
        if recording_mode() is not True:  # off, or watched
            return row.apply((a, b), {})
        node: Any = new(Value)
        try:
            node.value = compute(x, y)
        except FLOATS_RAISE:
            node.value = row.compute((x, y), {})
        node.op, node._a, node._b, node._from_a, node._from_b = row, x, y, a, q
        node.params = node.gradient = node._sent = None
        node.label, node.made_at = "", clock.now
        return node

    return method


def of_number_and_float(row: Elementwise) -> Any:
    """`Operators.__radd__` and its kin, of a Value a and a number b: b ∘ a."""
    compute: Any = row.scalar

    def method(a: Any, b: Any) -> Any:
        other = type(b)
        if not (other is float or other is int) or recording_mode() is not True:
            return row.apply((b, a), {})
        node: Any = new(Value)
        y = a.value
        try:
            node.value = compute(b, y)
        except FLOATS_RAISE:
            node.value = row.compute((b, y), {})
        node.op, node._a, node._b, node._from_a, node._from_b = row, b, y, None, a
        node.params = node.gradient = node._sent = None
        node.label, node.made_at = "", clock.now
        return node

    return method


def of_float(row: Elementwise) -> Any:
    """`Methods.exp` and its kin, of a Value."""
    compute: Any = row.scalar

    def method(a: Any) -> Any:
        if recording_mode() is not True:
            return row.apply((a,), {})
        node: Any = new(Value)
        x = a.value
        try:
            node.value = compute(x)
        except FLOATS_RAISE:
            node.value = row.compute((x,), {})
        node.op, node._a, node._from_a = row, x, a
        node._b = node._from_b = node.params = node.gradient = node._sent = None
        node.label, node.made_at = "", clock.now
        return node

    return method


def of_arrays(row: Elementwise) -> Any:
    """`Operators.__add__` and its kin, of a Tensor a and a Tensor or number b: a ∘ b."""
    compute = row.forward

    def method(a: Any, b: Any) -> Any:
        other, x = type(b), a.value
        if other is Tensor:
            y, q = b.value, b
        elif other is float or other is int:
            y, q = b, None
        else:
            return applied(row, (a, b), {})
        if recording_mode() is not True or (a.op is None and x.flags.writeable) or (
                q is not None and b.op is None and y.flags.writeable):  # as `handed_out`
            return applied(row, (a, b), {})
        z = compute(x, y)
        node: Any = new(Tensor)
        node.value = z if type(z) is np.ndarray else np.asarray(z)  # NumPy makes scalars
        node.op, node._a, node._b, node._from_a, node._from_b = row, x, y, a, q
        node.params = node.gradient = None
        node.label, node.made_at = "", clock.now
        return node

    return method


def of_array(row: Elementwise) -> Any:
    """`Methods.exp` and its kin, of a Tensor."""
    compute = row.forward

    def method(a: Any) -> Any:
        if recording_mode() is not True or handed_out(a):
            return row.apply((a,), {})
        x = a.value
        node: Any = new(Tensor)
        node.value, node.op, node._a, node._from_a = np.asarray(compute(x)), row, x, a
        node._b = node._from_b = node.params = node.gradient = None
        node.label, node.made_at = "", clock.now
        return node

    return method


BINARY = {"add": ops.add, "sub": ops.subtract, "mul": ops.multiply, "truediv": ops.divide,
          "pow": ops.power}
UNARY = {"__neg__": ops.negative, "__abs__": ops.abs, "exp": ops.exp, "log": ops.log,
         "sqrt": ops.sqrt, "sin": ops.sin, "cos": ops.cos, "tanh": ops.tanh,
         "sigmoid": ops.sigmoid, "relu": ops.relu}
for _name, _row in BINARY.items():
    replaces(Value, f"__{_name}__")(of_floats(_row))
    replaces(Value, f"__r{_name}__")(of_number_and_float(_row))
    replaces(Tensor, f"__{_name}__")(of_arrays(_row))
for _name, _row in UNARY.items():
    replaces(Value, _name)(of_float(_row))
    replaces(Tensor, _name)(of_array(_row))
