"""Calls of primitives, with the questions asked of all arguments at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops, primitive
from ..followed import Followed
from ..graph import VARIABLE, Node, clock
from ..primitive import Elementwise, Primitive, Structural
from ..recording import (
    as_node_value,
    frozen_value,
    integers_as_floats,
    kept_copy,
    recording_mode,
)
from ..tensor import Tensor
from ..value import Value
from .nodes import handed_out, made
from .pairs import PAIRS, Pair, replaces

new = object.__new__


@replaces(Value, "__init__")
def init(self: Any, data: Any, label: str = "", **other: Any) -> None:
    """`Value.__init__`, of a float without a label."""
    if type(data) is np.float64:
        data = float(data)
    if type(data) is not float or label or other:
        plain_init(self, data, label, **other)
        return
    self.value, self.label, self.params, self.made_at = data, label, VARIABLE, clock.now
    self._a = self._from_a = ()
    self.op = self._b = self._from_b = self.gradient = self._sent = None


plain_init = PAIRS[-1].plain


@replaces(Primitive, "apply")
def apply(self: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """`Primitive.apply`, with the questions asked of all arguments at once."""
    if len(args) == 1 and isinstance(args[0], Node) and args[0].op is not None and self.trusted:
        x = args[0].value
        y = self.compute((x,), params)
        if recording_mode() is True and type(y) is type(x) and (type(y) is float or y.ndim):
            return made(self, y, (x,), (args[0],), params)
        return self.recorded(as_node_value(y, (x,)), (x,), (args[0],), params)
    nodes = [isinstance(a, Node) for a in args]
    if True not in nodes:
        return self.compute(args, params)
    inputs = [
        a.value if is_node and a.op is not None else
        a if type(a) is float else float(a) if type(a) is np.float64 else
        frozen_value(a, self.name)
        for a, is_node in zip(args, nodes, strict=True)
    ]
    y = self.compute(inputs, params)
    if type(y) is not float and (type(y) is not np.ndarray or not y.ndim):
        y = np.asarray(y) if np.ndim(y) or any(
            [type(x) is np.ndarray for x in inputs]) else float(y)
    if False in nodes:
        parents = tuple([a if is_node else None for a, is_node in zip(args, nodes, strict=True)])
        inputs = [x if type(x) is float else integers_as_floats(x, y) for x in inputs]
    else:
        parents = tuple(args)
    if recording_mode() is not True or not self.trusted:
        return self.recorded(y, inputs, parents, params)
    return made(self, y, tuple(inputs), parents, params)


class OfNumbers(Structural):
    """`weighted_sum` and `total`, where all arguments are Values."""

    __slots__ = ()

    def apply(self, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """`Primitive.apply`, without asking each argument what it is."""
        try:
            inputs = tuple([a.value for a in args])
        except AttributeError:  # some are plain numbers
            return super().apply(args, params)
        y = self.forward(inputs)
        if type(y) is not float or recording_mode() is not True:  # some are Tensors
            return super().apply(args, params)
        node: Any = new(Value)
        node.value, node.op, node._a, node._from_a = y, self, inputs, tuple(args)
        node._b = node._from_b = node.gradient = node._sent = None
        node.params, node.label, node.made_at = params, "", clock.now
        return node


PAIRS += [Pair(row, "__class__", OfNumbers, Structural) for row in (ops.weighted_sum, ops.total)]


class Linear(Structural):
    """A layer x Wᵀ + b, where the weights are Tensors, and x is one or an array like them."""

    __slots__ = ()

    def apply(self, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """`Primitive.apply`, without asking each argument what it is."""
        x, weight, bias = args
        if type(weight) is Tensor is type(bias) and recording_mode() is True and not (
                handed_out(weight) or handed_out(bias)):
            inner, w = None, weight.value
            if type(x) is Tensor and not handed_out(x):
                x, inner = x.value, x
            elif type(x) is np.ndarray and x.dtype is w.dtype:
                x = kept_copy(x)
            else:
                return super().apply(args, params)
            inputs = x, w, bias.value
            return made(self, self.forward(*inputs), inputs, (inner, weight, bias), params)
        return super().apply(args, params)

    def pull(self, g: Any, y: Any, xs: tuple[Any, ...], node: Any) -> Sequence[Any]:
        """`Structural.pull`, of rows of numbers."""
        x, w, _ = xs
        if not (type(g) is np.ndarray is type(x) and type(w) is np.ndarray and g.ndim == 2):
            return super().pull(g, y, xs, node)
        from_x, from_w, from_b = node._from_a
        return (None if from_x is None else np.matmul(g, w),
                None if from_w is None else np.matmul(g.T, x),
                None if from_b is None else np.add.reduce(g, 0))


PAIRS += [Pair(ops.linear, "__class__", Linear, Structural)]


@replaces(Elementwise, "__call__")
def call_elementwise(self: Elementwise, *args: Any, **refused: Any) -> Any:
    """`Elementwise.__call__`; of one array at once, for that is a rule at work, and of one node."""
    if len(args) == 1 == len(self.slopes) and not refused:
        (a,) = args
        if type(a) is np.ndarray:
            return self.forward(a)
        if type(a) is Value:
            return self.apply(args, {})
        if type(a) is Tensor and self.trusted and recording_mode() is True and not handed_out(a):
            x = a.value
            y = self.forward(x)
            if type(y) is np.ndarray and y.ndim:
                return made(self, y, (x,), (a,), {})
    return plain_elementwise(self, *args, **refused)


plain_elementwise = PAIRS[-1].plain


ORDINARY = {Value, Tensor, np.ndarray, float, int, np.float64}


@replaces(primitive, "applied")
def applied(row: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """`primitive.applied`, of nodes, numbers and arrays alone without a look at each."""
    if ORDINARY.issuperset(map(type, args)) and not (
            params and Followed in map(type, params.values())):
        return row.apply(args, params)
    return plain_applied(row, args, params)


plain_applied = PAIRS[-1].plain


@replaces(Structural, "__call__")
def call_structural(self: Structural, *args: Any, **params: Any) -> Any:
    """`Structural.__call__`; of one array or two, as rules at work call it, at once."""
    if self.defaults or self.many or params or len(args) != len(self.pullbacks):
        inputs, params = primitive.arguments(self, args, params)
    else:
        inputs = args
    if self.many or not inputs or len(inputs) > 2:
        return applied(self, inputs, params)
    a = inputs[0]
    if params and Followed in map(type, params.values()):
        return applied(self, inputs, params)
    if type(a) is np.ndarray is type(inputs[-1]):
        return self.forward(*inputs, **params)
    if len(inputs) == 1 and type(a) is Tensor and type(self) is Structural and self.trusted and (
            recording_mode() is True) and not handed_out(a):
        x = a.value
        y = self.forward(x, **params)
        if type(y) is np.ndarray and y.ndim:
            return made(self, y, (x,), (a,), params)
        return self.recorded(as_node_value(y, (x,)), (x,), (a,), params)
    return applied(self, inputs, params)
