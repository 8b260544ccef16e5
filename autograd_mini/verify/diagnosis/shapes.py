"""A gradient of another shape than its parameter: what was done, and what was meant."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...graph import Node
from ...primitive import Elementwise
from ..report import Suspect
from .axes import axis_sets
from .names import line_of
from .record import Record

__all__ = ["Reshaped", "reshaped"]


class Reshaped(NamedTuple):
    """What was done wrong with a shape, and the gradient in the right one."""

    suspect: Suspect
    gradient: np.ndarray


def reshaped(record: Record, name: str, given: np.ndarray, true: np.ndarray) -> Reshaped | None:
    """What the shape of a claim says; the candidate that gives the numbers, or the first."""
    if not np.isfinite(given).all() or not given.size:
        return None
    options = list(_reshapings(record, name, given, true))
    if given.size == true.size and np.allclose(given.ravel(), true.ravel(), rtol=1e-7):
        options.sort(key=lambda option: option.suspect.kind != "shape")  # nothing else is wrong
    for option in options:
        if np.allclose(option.gradient, true, rtol=1e-7, atol=1e-12 * np.max(np.abs(true))):
            return option
    for option in options:
        size = float(np.sum(true * true))
        c = float(np.sum(option.gradient * true)) / size if size else 0.0
        if c and np.allclose(option.gradient, c * true, rtol=1e-7):
            return option
    return options[0] if options else None


def _reshapings(record: Record, name: str, given: np.ndarray, true: np.ndarray
                ) -> Iterator[Reshaped]:
    """What may have been done, each with the gradient that was meant."""
    parameter = record.parameters[name]
    called = record.names[parameter]  # of a claim `dz` it is z
    said = f"the gradient of {called} has shape {given.shape}, {called} has shape {true.shape}: "
    uses = record.uses[parameter]
    where = line_of(record.places.get(uses[0].output)) if uses else ""
    node = uses[0].output if uses else None
    found = itertools.chain(_wrongly_summed(record, name, called, given, true),
                            _wrongly_formed(called, given, true))
    for kind, what, gradient, fix in found:
        yield Reshaped(Suspect(kind, said + what, fix=fix, evidence=0.0, shared=(name,), plain=True,
                               where=where, node=node), np.asarray(gradient, float))


MOST_AXES = 6  # the ways to sum or transpose more would take for ever
Option = tuple[str, str, Any, str]  # kind, what was done, the gradient meant, what to write


def _wrongly_summed(record: Record, name: str, called: str, given: np.ndarray, true: np.ndarray
                    ) -> Iterator[Option]:
    """Where a parameter is broadcast: what its uses send, summed over too few or other axes."""
    for full, due in _unsummed(record, name):
        fix = _sum_of(called, sorted(due), keeps=full.ndim == true.ndim)
        for axes in axis_sets(full.ndim) if full.ndim <= MOST_AXES else ():
            part = full.sum(axes)
            c = _multiple(given, part)
            if c is None or not part.size:
                continue
            if not due:
                yield ("wrong-axis", f"it was summed over axis {_listed(axes)}, which it keeps: "
                       "nothing is broadcast here", c * true, "")
            elif set(axes) < due:
                left = _listed(sorted(due - set(axes)))
                yield ("unreduced", f"it wasn't summed over axis {left}, along which {called} is "
                       "broadcast", c * true, fix)
            else:
                yield ("wrong-axis", f"it was summed over axis {_listed(axes)}, the wrong one",
                       c * true, fix)


def _wrongly_formed(name: str, given: np.ndarray, true: np.ndarray) -> Iterator[Option]:
    """Transposed, with an axis too many or too few, not summed."""
    have, to = given.shape, true.shape
    if max(len(have), len(to)) > MOST_AXES:
        return
    if len(have) > 1:
        for order in itertools.permutations(range(len(have))):
            if tuple(have[k] for k in order) == to:
                yield "transpose", "it is transposed", given.transpose(order), f"d{name}.T"
    if _without_ones(have) == _without_ones(to):
        yield ("shape", f"nothing is broadcast here: reshape it to {to}", given.reshape(to),
               f"d{name}.reshape({to})")
    for axes in axis_sets(len(have)):
        summed = given.sum(axes)
        if _without_ones(summed.shape) == _without_ones(to):
            yield ("unreduced", f"it wasn't summed over axis {_listed(axes)}, along which {name} "
                   "is broadcast", summed.reshape(to), _sum_of(name, axes, len(have) == len(to)))
    if given.size == true.size:
        yield "shape", f"reshape it to {to}", given.reshape(to), f"d{name}.reshape({to})"
    for axes in axis_sets(true.ndim):
        c = _multiple(given, true.sum(axes))
        if c is not None:
            yield "wrong-axis", "it was summed over axes that it should keep", c * true, ""


def _sum_of(name: str, axes: Sequence[int], keeps: bool) -> str:
    return f"d{name} = (…).sum(axis={_listed(axes)}{', keepdims=True' * keeps})"


def _listed(axes: Sequence[int]) -> str:
    return str(axes[0]) if len(axes) == 1 else str(tuple(axes))


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n > 1)


def _multiple(given: np.ndarray, part: np.ndarray) -> float | None:
    """c if given = c·part in the same shape (but for axes of length 1)."""
    if _without_ones(given.shape) != _without_ones(part.shape):
        return None
    u, v = given.ravel(), part.ravel()
    if given.shape == part.shape and np.allclose(u, v, atol=1e-12):  # both may be 0 by symmetry
        return 1.0
    if part.size == 1:
        return 1.0 if np.allclose(u, v, rtol=1e-8) else None  # one number is a multiple of any
    size = float(v @ v)
    c = float(u @ v) / size if size > 1e-24 * max(1.0, float(u @ u)) else 0.0
    return c if c and np.allclose(u, c * v, rtol=1e-8, atol=1e-12 * np.max(np.abs(u))) else None


def _unsummed(record: Record, name: str) -> Iterator[tuple[np.ndarray, set[int]]]:
    """What each use of a parameter that is broadcast there sends, and the axes that are summed."""
    parameter = record.parameters[name]
    reshaped = [use.output for use in record.uses[parameter] if getattr(
        use.output.op, "moves", False) and np.size(use.output.value) == np.size(parameter.value)]
    for node in (parameter, *reshaped):  # b, or b[:, None, None]
        fulls = list(_sent_in_full(record, node))
        to = np.shape(node.value)
        if len(fulls) > 1 and len({full.shape for full in fulls}) == 1:
            fulls.append(np.sum(fulls, axis=0))
        for full in fulls:
            lead = full.ndim - len(to)
            yield full, {*range(lead), *(lead + k for k, n in enumerate(to) if n == 1)}


def _sent_in_full(record: Record, node: Node) -> Iterator[np.ndarray]:
    for site in record.uses[node]:
        op, g = site.output.op, record.cotangents[site.output]
        if isinstance(op, Elementwise) and np.ndim(site.output.value):
            slope = op.slope(site.i, site.output.value, site.output.inputs)
            if slope is not None:
                yield np.asarray(np.broadcast_to(g * slope, np.shape(site.output.value)))
