"""Is what was recorded the function? Asked once: its value, and its slope in one direction.

A number that slipped out of the graph leaves the value right and the gradient wrong. So the value
is compared with that of a plain run, and the gradient with a difference of plain runs. A refusal
needs evidence: where differences can't tell (at a kink, a jump), nothing is refused.
"""

from __future__ import annotations

import contextvars
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backprop import collect
from ..errors import AutogradError, NotDifferentiableError
from ..graph import Node, leaf, topological_order, value_of
from ..ops import stop_gradient
from ..trees import flat, tree_map
from .buffers import contents
from .calls import call
from .runs import Run, running

__all__ = ["check_agreement", "recorded"]

STEPS = (1e-4, 1e-5)
"""Relative to the size of the argument: where a difference of float64 has eight digits and six."""

Function = Callable[..., Any]


def recorded(f: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Run, Any]:
    """f(*args, **kwargs) as it is written, followed by the graph: the run, and the result."""
    with running() as run:
        given = [run.argument(a) for a in args]
        named = {k: run.argument(v) for k, v in kwargs.items()}
        return run, contents(run.within(call(f, *given, **named)))


def check_agreement(f: Function, args: Sequence[Any], kwargs: dict[str, Any], output: Any) -> None:
    """Raise `NotDifferentiableError` unless the recorded `output` is f's, with f's slope."""
    contextvars.Context().run(_check, f, args, kwargs, output)


def _check(f: Function, args: Sequence[Any], kwargs: dict[str, Any], output: Any) -> None:
    nodes = [x for x in flat([output, list(args), kwargs]) if isinstance(x, Node)]
    with np.errstate(all="ignore"):
        name = getattr(f, "__name__", "the function")
        size = _largest([y for y in flat(output) if isinstance(y, Node)])
        value = _numbers(output)
        plain = _run(f, args, kwargs)
        if value.shape != plain.shape or not _agrees(value, plain, 1e3 * _eps(nodes) * size):
            raise NotDifferentiableError(
                f"{name} gives {_short(plain)} in a plain run, but {_short(value)} as "
                "ag.as_written runs it, so its gradient would be another function's: write that "
                "part with np's functions on whole arrays, and please report it"
            )
        _check_slope(f, args, kwargs, output, size)


def _check_slope(f: Function, args: Sequence[Any], kwargs: dict[str, Any], output: Any,
                 size: float) -> None:
    found = _apart(f, args, kwargs, output, size)
    if found is None:
        return
    nodes = _graph(output)
    if any([node.op is not None and node.op.facts & _KINKS for node in nodes]):
        # With ties the engine's slope is a convention: beside the tie it must be the function's.
        beside = _moved(args), _moved(kwargs)
        _, output = recorded(f, *beside)
        if _apart(f, *beside, output, size) is None:
            return
    name = getattr(f, "__name__", "the function")
    raise NotDifferentiableError(
        f"{name} was recorded, but its gradient is {found[0]:.6g} in a direction in which "
        f"differences of plain runs say {found[1]:.6g}: a number has left the graph on "
        "a way that can't be followed; write that part with np's functions on nodes, or "
        "ag.stop_gradient(x) where a constant is meant"
    )


_KINKS = {"chooses", "kink at 0"}


def _graph(output: Any) -> set[Node]:
    return {node for y in flat(output) if isinstance(y, Node) for node in topological_order(y)}


def _moved(tree: Any) -> Any:
    """Arguments with new variables for the nodes, a thousandth beside them."""
    def moved(x: Any) -> Any:
        return leaf(x.value + 1e-3 * _direction(x.value, 0)) if isinstance(x, Node) else x

    return tree_map(moved, tree)


def _apart(f: Function, args: Sequence[Any], kwargs: dict[str, Any], output: Any, size: float
           ) -> tuple[float, float] | None:
    """The recorded slope in one direction and that of plain runs, if these are sure of another."""
    variables = [x for x in flat([list(args), kwargs]) if isinstance(x, Node)]
    nodes = _graph(output)
    if not variables or any([node.op is stop_gradient for node in nodes]):
        return None  # a cut on purpose
    weights = np.random.default_rng(1).uniform(0.5, 1.5, _numbers(output).size)
    directions = [_direction(x.value, i) for i, x in enumerate(variables)]
    slope = _slope(output, weights, variables, directions)

    def along(t: float) -> float:
        moved = iter([x.value + t * d for x, d in zip(variables, directions, strict=True)])
        try:
            return float(np.sum(weights * _run(f, args, kwargs, moved)))
        except Exception:  # it takes no other numbers, and so differences can't tell
            return math.nan

    near = 0.1 if any([_is_approximate(node.op) for node in nodes]) else 1e-3
    if not np.isfinite(slope) or not _disagrees(along, slope, size, _eps(variables), near):
        return None
    return slope, _differences(along, STEPS[1])[0]


def _slope(output: Any, weights: np.ndarray, variables: Sequence[Node], directions: Sequence[Any]
           ) -> float:
    """The recorded slope: weights · ∂output/∂variables · directions."""
    found, at = 0.0, 0
    for y in _compared(output):
        count = int(np.size(value_of(y)))
        if isinstance(y, Node):
            seed: Any = np.reshape(weights[at:at + count], np.shape(y.value))
            seed = float(seed) if type(y.value) is float else seed.astype(y.value.dtype)
            for g, d in zip(collect(y, variables, seed, False), directions, strict=True):
                found += 0.0 if g is None else float(np.sum(g * d))
        at += count
    return found


def _is_approximate(op: Any) -> bool:
    """Whether the slope may be right, and yet differences of the plain function be others.

    A rule of the user's own may be that of what a loop comes near to; and an integral in steps is
    differentiated as the integral.
    """
    if op is None or op.trusted:
        return False
    own = getattr(op.forward, "__module__", None) or ""
    return op.name in _IN_STEPS or own.partition(".")[0] != "autograd_mini"


_IN_STEPS = {"scipy.integrate.odeint"}


def _disagrees(along: Function, slope: float, size: float, eps: float, near: float) -> bool:
    """Whether differences are sure of a slope that isn't `near` this one, relative to both."""
    coarse, _, _ = _differences(along, STEPS[0])
    fine, left, right = _differences(along, STEPS[1])
    doubt = 10 * abs(coarse - fine) + 10 * abs(left - right) + 1e3 * eps * size / STEPS[1]
    if not np.isfinite(doubt) or abs(slope - fine) <= doubt + near * (abs(slope) + abs(fine)):
        return False
    finer, left, right = _differences(along, STEPS[1] / 3)  # once more, not at a jump by chance
    return bool(abs(finer - fine) < 0.1 * abs(slope - fine) > abs(left - right))


def _differences(along: Function, step: float) -> tuple[float, float, float]:
    """The central difference, and those to the left and to the right."""
    down, middle, up = along(-step), along(0.0), along(step)
    return (up - down) / (2 * step), (middle - down) / step, (up - middle) / step


def _direction(x: Any, number: int) -> Any:
    """A direction of the argument's size, the same at every call."""
    drawn = np.random.default_rng(number + 2).uniform(0.5, 1.5, np.shape(x))
    signs = np.random.default_rng(number + 99).choice([-1.0, 1.0], np.shape(x))
    found = drawn * signs * np.maximum(np.abs(x), 1e-3 + 0.1 * np.mean(np.abs(x)) if np.size(x)
                                       else 0.0)
    return float(found) if type(x) is float else found.astype(x.dtype)


def _run(f: Function, args: Sequence[Any], kwargs: dict[str, Any], moved: Any = None
         ) -> np.ndarray:
    """The numbers of a plain run, with these numbers for the nodes among the arguments."""
    def plain(x: Any) -> Any:
        if isinstance(x, Node):
            number = x.value if moved is None else next(moved)
            return np.array(number)[()] if np.ndim(number) == 0 and type(number) is not float else (
                number if type(number) is float else np.array(number))
        return np.array(x) if type(x) is np.ndarray else x

    given, named = ([_floats(tree_map(plain, x)) for x in args],
                    {k: _floats(tree_map(plain, x)) for k, x in kwargs.items()})
    try:
        return _numbers(f(*given, **named))
    except AutogradError:  # it calls transforms of what is to be followed
        with running():
            return _numbers(contents(call(f, *given, **named)))


def _floats(x: Any) -> Any:
    """An array of Values, of a program, as one of floats."""
    if not isinstance(x, np.ndarray) or x.dtype != object:
        return x
    return x.view(np.ndarray).astype(float)


def _numbers(output: Any) -> np.ndarray:
    """All numbers of a result in a row."""
    parts = [np.ravel(np.asarray(value_of(y), float)) for y in _compared(output)]
    return np.concatenate(parts) if parts else np.empty(0)


def _compared(output: Any) -> list[Any]:
    """The parts of a result that are real numbers; a text or an object may stand beside them."""
    return [y for y in flat(output) if y is not None
            and isinstance(value_of(y), np.ndarray | np.generic | float | int)
            and np.result_type(value_of(y)).kind in "fiub"]


def _agrees(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return bool(np.all((a == b) | (np.abs(a - b) <= tolerance) | (np.isnan(a) & np.isnan(b))))


def _largest(outputs: Sequence[Node]) -> float:
    """The size of the largest number on the way: how much rounding there may be."""
    nodes = {node for y in outputs for node in topological_order(y)}
    sizes = [abs(node.value) if type(node.value) is float else
             float(np.max(np.abs(node.value), initial=0.0)) for node in nodes]
    return max([1e-300, *[s for s in sizes if np.isfinite(s)]])


def _eps(nodes: Sequence[Node]) -> float:
    return max(float(np.finfo(np.result_type(node.value)).eps) for node in nodes)


def _short(x: np.ndarray) -> str:
    return np.array2string(x if x.size != 1 else x[0], precision=8, threshold=6)
