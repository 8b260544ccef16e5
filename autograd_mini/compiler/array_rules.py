"""The rules of some rows as NumPy's own calls, which give the bits that the rules give.

Of every other row its rule is called, as the engine calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..graph import Node
from ..ops.reductions import axes_of
from ..primitive import Elementwise, Selecting
from .array_text import is_layer

__all__ = ["by_numpy"]

Sent = list[Any]
"""For each parent what it is sent in the recording, None for nothing."""


def by_numpy(of: Any, node: Any, g: str, value: np.ndarray, sent: Sent) -> list[str]:
    """Write down what a node sends to each parent, and return the names, "" for nothing.

    of: the backward pass, with its text; g: the name of the node's cotangent, and value what it is
    in the recording. Returns no names for a row that isn't here, or not for such arrays.
    """
    if type(node.value) is not np.ndarray:
        return []
    rule = RULES.get(node.op)
    if rule is None and type(node.op) is Selecting:
        rule = _chosen
    return rule(of, node, g, value, sent) if rule is not None else []


def _linear(of: Any, node: Any, g: str, value: np.ndarray, sent: Sent) -> list[str]:
    if value.ndim != 2 or not is_layer(node):
        return []
    x, weight, _ = _names(of, node)
    return _products(of, node, sent, [f"np.matmul({g}, {weight}", f"np.matmul({g}.T, {x}",
                                      f"np.add.reduce({g}, 0"])


def _matmul(of: Any, node: Any, g: str, value: np.ndarray, sent: Sent) -> list[str]:
    if not all([type(a) is np.ndarray and a.ndim == 2 and a.dtype == value.dtype
                for a in (value, *node.inputs)]):
        return []
    a, b = _names(of, node)
    return _products(of, node, sent, [f"np.matmul({g}, {b}.T", f"np.matmul({a}.T, {g}"])


def _products(of: Any, node: Any, sent: Sent, calls: list[str]) -> list[str]:
    """What products of matrices send, by these calls, written where it belongs."""
    text, names = of.text, list[str]()
    for parent, call, example in zip(node.parents, calls, sent, strict=True):
        names.append("" if example is None else text.new("g"))
        if example is not None:
            out = of.into.get(id(parent)) if of.uses[parent] == 1 else None
            if out is None and of.uses[parent] == 1:
                out = text.new_buffer(example)
            text.lines.append(f"{names[-1]} = {call}{f', out={out}' if out else ''})")
    return names


def _relu(of: Any, node: Any, g: str, value: np.ndarray, sent: Sent) -> list[str]:
    if not value.ndim or value.shape != node.value.shape or value.dtype != node.value.dtype:
        return []
    name, buffer = of.text.new("g"), of.text.new_buffer(node.value)
    of.text.lines += [f"np.sign({of.text.named(node)}, out={buffer})",
                      f"{name} = np.multiply({g}, {buffer}, out={buffer})"]
    return [name]


def _signs(of: Any, node: Any, g: str, value: np.ndarray, sent: Sent) -> list[str]:
    """Of sums, differences and −x, whose slopes are 1 and −1."""
    return [g if slope == 1 else _named(of, f"-{g}") if x is not None else ""
            for slope, x in zip(node.op.slopes, sent, strict=True)]


def _divide(of: Any, node: Any, g: str, value: np.ndarray, sent: Sent) -> list[str]:
    """Of one number by a constant that isn't 0, as in a mean."""
    by = node.inputs[1]
    if value.ndim or type(by) not in (int, float) or not by or sent[0] is None:
        return []
    slope, pullback = node.op.slopes[0], node.op.pullbacks[0]
    y, xs = of.text.named(node), ", ".join(_names(of, node))
    if pullback is not None:
        return [_named(of, f"{of.text.constant(pullback, 'rule_of_divide')}({g}, {y}, {xs})"), ""]
    return [_named(of, f"{g} * {of.text.constant(slope, 'slope_of_divide')}({y}, {xs})"), ""]


def _sum(of: Any, node: Any, g: str, value: np.ndarray, sent: Sent) -> list[str]:
    """Each summand gets the sum's: written into an array, where no matrix product may meet it.

    (A view without strides, as the rule gives it, is multiplied by another algorithm.)
    """
    x, parent = node.inputs[0], node.parents[0]
    goes_on = parent.op is None or isinstance(parent.op, Elementwise) or parent.op is ops.getitem
    if not goes_on or type(x) is not np.ndarray or value.dtype is not x.dtype or not x.ndim:
        return []
    axis, keepdims = node.params["axis"], node.params["keepdims"]
    reduced = axes_of(x, axis)
    if not keepdims and value.ndim:
        g = f"{g}.reshape({tuple([1 if i in reduced else n for i, n in enumerate(x.shape)])})"
    buffer = of.text.new_buffer(x)
    of.text.lines.append(f"np.copyto({buffer}, {g})")
    return [buffer]


def _transpose(of: Any, node: Any, g: str, value: np.ndarray, sent: Sent) -> list[str]:
    return [_named(of, f"{g}.T")] if node.params["axes"] is None else []


def _chosen(of: Any, node: Any, g: str, value: np.ndarray, sent: Sent) -> list[str]:
    """Of what chooses among arrays: the cotangent times who was chosen."""
    row, y, names = node.op, of.text.named(node), list[str]()
    if not row.trusted or not node.value.ndim:
        return []
    slopes = [None if x is None else row.slope(i, node.value, node.inputs)
              for i, x in enumerate(sent)]
    if not all([slope is None or (type(slope) is np.ndarray and slope.ndim) for slope in slopes]):
        return []  # a number may say that nothing was chosen at all
    xs = ", ".join(_names(of, node))
    for i, slope in enumerate(slopes):
        if slope is None:
            names.append("")
            continue
        function: Callable[..., Any] = row.slopes[i]
        name = of.text.constant(function, f"chosen_by_{row.name}")
        names.append(_named(of, f"{g} * {name}({y}, {xs})"))
    return names


def _named(of: Any, call: str) -> str:
    """The name of what a statement computes."""
    name: str = of.text.new("g")
    of.text.lines.append(f"{name} = {call}")
    return name


def _names(of: Any, node: Node) -> list[str]:
    """What the arguments of a node are called."""
    return [of.text.named(x) for x in of.text.inputs(node)]


RULES: dict[Any, Callable[..., list[str]]] = {
    ops.linear: _linear, ops.matmul: _matmul, ops.relu: _relu, ops.add: _signs,
    ops.subtract: _signs, ops.negative: _signs, ops.divide: _divide, ops.sum: _sum,
    ops.transpose: _transpose,
}
