"""Wrong rules: the rows of the table of mistakes, then what can go wrong with any function.

Of any function, also a user's own, the derivative may be forgotten, evaluated at the other value or
applied twice, the cotangent dropped, the operands swapped, the sign lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .... import ops
from ....backprop import gradients
from ....graph import leaf
from ....primitive import PRIMITIVES, Elementwise, Structural
from ..axes import restore_axes
from ..blocks import ELEMENTWISE
from ..mistakes import MISTAKES, Mistake
from ..mistakes.table import ARGUMENT, LOCAL, Rule
from ..record import Record
from ..site import Site, constant_factor
from .alternative import FORGOTTEN, NO_INCOMING, Alternative

__all__ = ["scalings", "wrong_rules"]

_FORGOT = "the gradient was passed through {f} without being multiplied by its derivative{right}"


def wrong_rules(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """The wrong rules for a site: its rows of the table, then those for any function."""
    y, xs = site.output.value, site.output.inputs
    if constant_factor(site) is not None:
        return  # there is nothing to get wrong but the factor itself
    xs = (site.input.value,) if site.block else xs
    params: Any = {} if site.block else site.output.params or {}
    if site.name in ("cross-entropy", "binary cross-entropy", "log loss"):
        params = {"slope": site.sent(_ones(y))}  # the target is seen in it
    if site.scale is not None:
        yield from _scaled(site, g, record)
    for row in MISTAKES.get(site.name, ()) if site.scale is None else ():
        if row.argument == site.i:
            yield from _as_in_the_table(row, g, y, xs, params)
    op = site.output.op
    if not site.block and isinstance(op, Elementwise):
        constant = len(xs) == 2 and site.output.parents[1 - site.i] is None
        yield from _any_elementwise(op, site.i, g, y, xs, constant)
        if constant and not site.i and record.arrives(xs[1]):
            yield Alternative("missing-incoming", "the gradient that arrives, {slope}, is missing: "
                              "all has to be multiplied by it", lambda: 1.0 * g + 0 * xs[1], 1.1)
    elif site.block and site.name == "a function":
        yield from _any_slope(g, site.sent(_ones(y)))
    elif site.block and site.name in ELEMENTWISE:
        yield from _any_block(site, g, y, xs[0])
    elif site.block or isinstance(op, Structural):
        yield from _any_structural(site, g)


def _ones(y: Any) -> Any:
    return np.ones_like(y) if isinstance(y, np.ndarray) else 1.0


def _scaled(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """The rows for γ·x̂ as one block, a little dearer than those for x̂; and γ in a wrong place."""
    assert site.scale is not None
    scale, name = site.scale.value, record.names[site.scale]
    yield Alternative(LOCAL, f"the gradient was multiplied by {name} after the derivative of the "
                      "normalisation, where it belongs before it",
                      lambda: scale * site.sent(g / scale), 1.2)
    for row in MISTAKES.get(site.name, ()):
        for told in _as_in_the_table(row, g * scale, site.output.value / scale,
                                     (site.input.value,), {}):
            yield told._replace(cost=told.cost + 0.1)


def _as_in_the_table(row: Mistake, g: Any, y: Any, xs: Any, params: Any) -> Iterator[Alternative]:
    """A row of the table; a slope also without the cotangent."""
    if row.pullback:
        yield Alternative(row.kind, row.said, lambda: row.rule(g, y, *xs, **params), 1.0)
        return
    yield Alternative(row.kind, row.said, lambda: g * row.rule(y, *xs), 1.0)
    yield Alternative("missing-incoming", NO_INCOMING + "; and " + row.said,
                      lambda: row.rule(y, *xs) + 0 * g, 6.0)


def _any_elementwise(op: Elementwise, i: int, g: Any, y: Any, xs: tuple[Any, ...], constant: bool
                     ) -> Iterator[Alternative]:
    """For an elementwise primitive with a slope that isn't constant."""
    rule = op.slopes[i]
    if not callable(rule):
        return
    with np.errstate(all="ignore"):
        slope = np.asarray(rule(y, *xs))
    if op in (ops.multiply, ops.divide) and i == 0 and constant and len(np.unique(xs[1])) > 2:
        yield Alternative("factor", "the factor {slope} of {f} is missing",
                          lambda: 1.0 * g + 0 * slope, 1.2)
    yield from _any_slope(g, slope)
    if len(xs) == 2:
        yield Alternative("wrong-operand", "the operands {a} and {b} were swapped in the "
                          "derivative of {f}", lambda: g * rule(y, xs[1], xs[0]), 2.5)
    yield from _at_the_other_value(op, rule, i, g, y, xs)


def _any_slope(g: Any, slope: Any) -> Iterator[Alternative]:
    yield Alternative("missing-local-derivative", _FORGOT, lambda: 1.0 * g + 0 * slope, 1.5)
    yield Alternative("missing-incoming", NO_INCOMING, lambda: slope + 0 * np.asarray(g), 2.5)
    yield Alternative(LOCAL, "the derivative of {f} was applied twice",
                      lambda: g * slope * slope, 3.0)
    yield Alternative(LOCAL, "the gradient was divided by the derivative of {f} instead of being "
                      "multiplied by it", lambda: g / slope, 3.5)


def _at_the_other_value(op: Any, rule: Rule, i: int, g: Any, y: Any, xs: tuple[Any, ...]
                        ) -> Iterator[Alternative]:
    """The right formula, in y or in x, with the other one in it."""
    if np.shape(y) != np.shape(xs[i]):
        return
    moved = (*xs[:i], y, *xs[i + 1:])
    yield Alternative(ARGUMENT, "the derivative of {f} was evaluated at its output {y} instead of "
                      "at its input {x}", lambda: g * rule(op.compute(moved, {}), *moved), 2.0)
    mirrored = (*xs[:i], -xs[i], *xs[i + 1:])
    yield Alternative(ARGUMENT, "the derivative of {f} was evaluated at -{x} instead of at {x}",
                      lambda: g * rule(op.compute(mirrored, {}), *mirrored), 2.2)
    yield Alternative(ARGUMENT, "in the derivative of {f} its input {x} stands where its output "
                      "{y} belongs", lambda: g * rule(xs[i], *xs), 2.0)
    yield Alternative(ARGUMENT, "in the derivative of {f} its output {y} stands where its input "
                      "{x} belongs", lambda: g * rule(y, *moved), 2.0)


def _any_block(site: Site, g: Any, y: Any, x: Any) -> Iterator[Alternative]:
    """For an elementwise function that was written out."""
    yield from _any_slope(g, site.sent(_ones(y)))
    row = PRIMITIVES.get(site.name)
    if row is not None and callable(row.slopes[0]):
        yield from _at_the_other_value(row, row.slopes[0], 0, g, y, (x,))
    else:
        yield Alternative(ARGUMENT, "the derivative of {f} was evaluated at its output {y} "
                          "instead of at its input {x}", lambda: g * _slope(site.name, y), 2.0)


def _slope(name: str, x: Any) -> Any:
    """The derivative of a block's function, by the engine."""
    at = leaf(x if isinstance(x, float) else np.array(x))
    return gradients(ops.sum(ELEMENTWISE[name](at)), at)


def _any_structural(site: Site, g: Any) -> Iterator[Alternative]:
    """For a function of whole arrays: what arrives dropped, or passed on as it is."""
    if not site.block and getattr(site.output.op, "moves", False) and (
            site.name not in ("max", "min")):
        return  # nothing to forget there but the path itself
    ones, x = np.ones_like(np.asarray(g, float)), site.input.value
    yield Alternative("missing-incoming", NO_INCOMING, lambda: site.sent(ones), 2.5)
    if site.name not in ("mean", "centered") and (
            np.shape(g) == np.shape(x) or (site.block and np.size(g) < np.size(x))):
        yield Alternative("missing-local-derivative", _FORGOT,
                          lambda: 1.0 * restore_axes(g, x), 2.0)


# ── the whole of it forgotten, or with the other sign ────────────────────────────────────────


def scalings(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """Nothing sent, or minus what is right."""
    yield Alternative("missing-path", FORGOTTEN, lambda: 0.0 * site.input.value, 1.0)
    yield Alternative("sign", "what comes through {f} has the wrong sign",
                      lambda: -site.sent(g), 1.0)
    yield Alternative("doubled-term", "what comes through {f} was counted twice",
                      lambda: 2 * site.sent(g), 1.1)
    op, k = site.output.op, constant_factor(site)
    if k is not None:
        words = f"1/{1 / k:g}" if op is ops.divide else f"{k:g}"
        yield Alternative("factor", f"the factor {words} of {{f}} is missing",
                          lambda: site.sent(g) / k, 0.8)
    if op is ops.square:
        yield Alternative("factor", "the 2 of the derivative of the square is missing: it is "
                          "2 * {x}", lambda: site.sent(g) / 2, 0.8)
