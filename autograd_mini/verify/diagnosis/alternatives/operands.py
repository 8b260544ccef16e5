"""The right rule with something else of the program's in it: an array, a cotangent, a slope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from .... import ops
from ....primitive import PRIMITIVES, Elementwise, Structural
from ..axes import transposed
from ..mistakes import RIGHT
from ..mistakes.table import ARGUMENT, LOCAL
from ..names import cotangent_of
from ..record import Record
from ..site import Site, constant_factor
from .alternative import Alternative

__all__ = ["inactive_slopes", "other_cotangents", "other_operands"]


def other_operands(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """The right rule with another of the program's arrays in it, or after an update."""
    op, xs, i = site.output.op, site.output.inputs, site.i
    if op in (ops.multiply, ops.matmul) or (op is ops.divide and not i):
        j = 1 - i
        operand = "{b}" if i == 0 else "{a}"
        for value in record.updates.get(site.output.parents[j], ()):
            yield Alternative("stale", f"{operand} was already updated when the gradient of {{x}} "
                              "was computed: compute all gradients first",
                              partial(_sent_beside, site, g, j, value), 0.9, added=True)
        for name, value in record.arrays.of_shape(site.output, np.shape(xs[j])):
            if value is not xs[j] and not (  # of what is only computed to check a backward pass
                    value is site.output.value and record.arrives(xs[j])):
                said = f"{name} stands in the gradient of {{x}} where {operand} belongs"
                yield Alternative("wrong-operand", said, partial(
                    _sent_beside, site, g, j, value), 2.2)
            if np.ndim(value) and value is xs[j]:
                for axis in range(np.ndim(value)):
                    said = f"{operand} was read backwards along its axis {axis}"
                    yield Alternative("index", said, partial(
                        _sent_beside, site, g, j, value, reverse=axis), 2.3)
    elif op is ops.einsum:
        yield from _other_in_einsum(site, g, record)
    elif isinstance(op, Elementwise) and callable(op.slopes[i]) and len(xs) == 1:
        yield from _at_other_arrays(site, g, op.slopes[i], record)
    elif site.block and isinstance(rows := PRIMITIVES.get(site.name), Elementwise) and callable(
            rows.slopes[0]):
        yield from _at_other_arrays(site, g, rows.slopes[0], record)


def _other_in_einsum(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """Another operand, or one that is transposed where it is square."""
    node, xs = site.output, site.output.inputs

    def sent(j: int, value: Any) -> Any:
        return node.op.pull(g, node.value, (*xs[:j], value, *xs[j + 1:]), node)[site.i]

    for j in range(len(xs)):
        if j == site.i:
            continue
        if np.ndim(xs[j]) > 1 and np.shape(xs[j])[-1] == np.shape(xs[j])[-2]:
            yield Alternative("transpose", "an operand of {f} is transposed in the gradient of {x}",
                              lambda j=j: sent(j, transposed(xs[j])), 1.5)  # type: ignore[misc]
        for name, value in record.arrays.of_shape(node, np.shape(xs[j])):
            if value is not xs[j]:
                said = f"{name} stands for another operand in the gradient of {{x}}"
                yield Alternative("wrong-operand", said, partial(sent, j, value), 2.2)


def _sent_beside(site: Site, g: Any, j: int, value: Any, reverse: int | None = None) -> Any:
    """What a product sends if its other operand, j, is `value`, perhaps reversed along an axis."""
    xs = site.output.inputs
    value = value if reverse is None else np.flip(value, reverse)
    operands = (*xs[:j], value, *xs[j + 1:])
    op = site.output.op
    if isinstance(op, Structural):
        return op.pullbacks[site.i](g, site.output.value, *operands)
    return g * op.slope(site.i, site.output.value, operands)


def _at_other_arrays(site: Site, g: Any, slope: Any, record: Record) -> Iterator[Alternative]:
    """An activation's derivative, of another layer or another step."""
    right = (site.output.value, site.input.value)
    by_output = BY_OUTPUT.get(site.name)

    def at(value: Any) -> Any:
        # The relu's is written with its output: at another array with the relu of that.
        return g * slope(np.maximum(value, 0) if site.name == "relu" else value, value)

    for name, value in record.arrays.of_shape(site.output, np.shape(site.output.value)):
        if any(value is own for own in right):
            continue
        yield Alternative(ARGUMENT, f"the derivative of {{f}} was evaluated at {name}, which "
                          "belongs elsewhere", partial(at, value), 2.6)
        if by_output is not None:
            yield Alternative(ARGUMENT, f"in the derivative of {{f}}, {RIGHT[site.name][0]}, "
                              f"{name} stands in the place of {{y}}",
                              lambda value=value: g * by_output(value), 2.6)  # type: ignore[misc]


# Derivatives as they are written by hand, of the output, where the row has its input in them.
BY_OUTPUT: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda y: 1 - y * y, "sigmoid": lambda y: y * (1 - y)}


def other_cotangents(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """What arrives further on in place of what arrives here: a derivative skipped on this path."""
    if site.block:
        return
    node, skipped = site.output, ""
    for _ in range(6):
        uses = record.uses[node]
        if len(uses) != 1 or not isinstance(uses[0].output.op, Elementwise):
            return
        slope = uses[0].output.op.slopes[uses[0].i]
        curved = callable(slope) and constant_factor(uses[0]) is None
        node = uses[0].output
        if np.shape(node.value) != np.shape(site.output.value):
            return
        skipped = skipped or (f"`{node.op.name}`" if curved and node.op else "")
        if curved:
            yield Alternative(
                "missing-local-derivative", f"on its way to {{x}} the gradient skipped the "
                f"derivative of {skipped}: {cotangent_of(record.names[node])} stands where {{dy}} "
                "belongs",
                lambda node=node: site.sent(record.current[node]), 2.1)  # type: ignore[misc]


def inactive_slopes(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """Where a function lets nothing through, something that comes through."""
    if site.name in ("relu", "maximum", "leaky_relu") and (site.block or site.i == 0):
        off = np.asarray(site.input.value) <= 0
        yield Alternative(LOCAL, "a slope other than that of {f} was used where {x} < 0",
                          lambda: g * off, 1.7, added=True)
