"""A long chain of scalar operations: what one operation costs, forward and backward."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .timing import Aim, Work

BLOCK = 5  # operations in x ← tanh(sin(x)·0.5 + x·c)
LONG, TORCH, SHORT = 100_000, 2_000, 800  # operations; micrograd recurses, and gets 800
START, FACTOR = 0.7, 0.5  # the slope at 0 is 1: neither x nor its derivative dies out


def chain(x: Any, c: Any, sin: Any, tanh: Any, operations: int) -> Any:
    """x after so many operations."""
    for _ in range(operations // BLOCK):
        x = tanh(sin(x) * 0.5 + x * c)
    return x


def side(derivatives: Callable[[int], Any], operations: int = LONG) -> tuple[Any, ...]:
    """Steps of a chain of that length; the gradients compared are those of the short chain."""
    return lambda: derivatives(operations), lambda: np.array(derivatives(SHORT), np.float64)


def with_values(value: Callable[[float], Any], sin: Any, tanh: Any, operations: int
                ) -> tuple[Any, ...]:
    """The side of a library in which numbers have grad and backward."""
    def derivatives(operations: int) -> list[float]:
        x, c = value(START), value(FACTOR)
        chain(x, c, sin, tanh, operations).backward()
        return [float(x.grad), float(c.grad)]

    return side(derivatives, operations)


def by_hand(operations: int) -> tuple[float, float]:
    """Forward, keeping every x; then the chain rule from the last block to the first."""
    blocks = operations // BLOCK
    xs = np.empty(blocks + 1)
    xs[0] = x = START
    for i in range(blocks):
        x = math.tanh(math.sin(x) * 0.5 + x * FACTOR)
        xs[i + 1] = x
    dx, dc = 1.0, 0.0
    for i in range(blocks - 1, -1, -1):
        inner = dx * (1.0 - xs[i + 1] * xs[i + 1])
        dc += inner * xs[i]
        dx = inner * (0.5 * math.cos(xs[i]) + FACTOR)
    return dx, dc


def numba() -> tuple[Any, ...]:
    """The hand-written loops, compiled."""
    from numba import njit

    return side(njit(by_hand))


def plain_python() -> tuple[Any, ...]:
    """The hand-written loops on a list of floats."""
    def derivatives(operations: int) -> tuple[float, float]:
        sin, cos, tanh, x, xs = math.sin, math.cos, math.tanh, START, [START]
        for _ in range(operations // BLOCK):
            x = tanh(sin(x) * 0.5 + x * FACTOR)
            xs.append(x)
        dx, dc = 1.0, 0.0
        after = xs.pop()
        while xs:
            x = xs.pop()
            inner = dx * (1.0 - after * after)
            dc += inner * x
            dx = inner * (0.5 * cos(x) + FACTOR)
            after = x
        return dx, dc

    return side(derivatives)


def casadi() -> tuple[Any, ...]:
    """CasADi's virtual machine on the flattened graph; building it isn't timed."""
    import casadi

    def program(operations: int) -> Any:
        x, c = casadi.SX.sym("x"), casadi.SX.sym("c")
        y = chain(x, c, casadi.sin, casadi.tanh, operations)
        return casadi.Function("gradient", [x, c], [y, casadi.gradient(y, casadi.vertcat(x, c))])

    long = program(LONG)
    return (lambda: long(START, FACTOR),
            lambda: np.array(program(SHORT)(START, FACTOR)[1]).ravel())


def xad() -> tuple[Any, ...]:
    """A tape in C++, recorded from Python."""
    from xad.adj_1st import Real, Tape
    from xad.math import sin, tanh

    def derivatives(operations: int) -> list[float]:
        with Tape() as tape:
            x, c = Real(START), Real(FACTOR)
            tape.registerInput(x)
            tape.registerInput(c)
            tape.newRecording()
            y = chain(x, c, sin, tanh, operations)
            tape.registerOutput(y)
            y.derivative = 1.0
            tape.computeAdjoints()
            return [x.derivative, c.derivative]

    return side(derivatives)


def ours() -> tuple[Any, ...]:
    """Our Values."""
    import autograd_mini as ag

    return with_values(ag.Value, ag.sin, ag.tanh, LONG)


def torch() -> tuple[Any, ...]:
    """Tensors without axes."""
    import torch

    torch.set_num_threads(1)
    return (*with_values(lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True),
                         torch.sin, torch.tanh, TORCH),
            lambda: f"a chain of {TORCH:,}")


def micrograd() -> tuple[Any, ...]:
    """micrograd, with sin and tanh added in its own manner: it has neither."""
    from micrograd.engine import Value

    def function(value: Callable[[float], float], slope: Callable[[float], float]) -> Any:
        def apply(x: Any) -> Any:
            out = Value(value(x.data), (x,), value.__name__)

            def backward() -> None:
                x.grad += slope(x.data) * out.grad

            out._backward = backward
            return out

        return apply

    return (*with_values(Value, function(math.sin, math.cos),
                         function(math.tanh, lambda x: 1 - math.tanh(x) ** 2), SHORT),
            lambda: f"a chain of {SHORT}: its backward recurses")


def ours_replayed() -> tuple[Any, ...]:
    """Our Values, recorded once and replayed; recording isn't timed."""
    import autograd_mini as ag

    programs = {
        operations: ag.compile(ag.grad(
            lambda x, c, n=operations: chain(x, c, lambda v: v.sin(), lambda v: v.tanh(), n),
            (0, 1)))
        for operations in (LONG, SHORT)
    }
    return side(lambda operations: programs[operations](START, FACTOR))


SIDES = {
    "numba, by hand": numba, "autograd_mini, replayed": ours_replayed, "CasADi SX": casadi,
    "Python floats, by hand": plain_python,
    "XAD": xad, "autograd_mini": ours, "autograd_mini, core": ours,
    "PyTorch, 0-d tensors": torch, "micrograd": micrograd,
}

WORK = Work(
    "chain", "A chain of 100,000 scalar operations, time per operation", SIDES,
    references=("numba, by hand", "micrograd"),
    aims=(Aim("autograd_mini, replayed", "numba, by hand", "at most 2 × the loop by hand"),),
    about="x ← tanh(sin(x)·0.5 + x·c), 20,000 times, then backward to x and c. By hand, "
          "sin's slope is computed in the backward pass, and a block is one line of code.",
    operations=dict.fromkeys(SIDES, LONG) | {"PyTorch, 0-d tensors": TORCH, "micrograd": SHORT},
)
