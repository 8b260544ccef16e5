"""The expression of micrograd's README: 2 inputs, some 30 nodes; made anew at every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .timing import Aim, Work


def expression(a: Any, b: Any, relu: Callable[[Any], Any]) -> Any:
    """micrograd's g(a, b), line for line."""
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + relu(b + a)
    d += 3 * d + relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g


def with_values(value: Callable[[float], Any]) -> tuple[Any, ...]:
    """The side of a library in which numbers have grad, relu and backward."""
    def derivatives() -> list[float]:
        a, b = value(-4.0), value(2.0)
        expression(a, b, lambda x: x.relu()).backward()
        return [float(a.grad), float(b.grad)]

    return derivatives, lambda: np.array(derivatives())


def micrograd() -> tuple[Any, ...]:
    """micrograd itself."""
    from micrograd.engine import Value

    return with_values(Value)


def ours() -> tuple[Any, ...]:
    """Our Values."""
    from autograd_mini import Value

    return with_values(Value)


def torch() -> tuple[Any, ...]:
    """Tensors without axes."""
    import torch

    torch.set_num_threads(1)
    return with_values(lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True))


def xad() -> tuple[Any, ...]:
    """A tape in C++, recorded from Python."""
    from xad.adj_1st import Real, Tape
    from xad.math import max as maximum

    def derivatives() -> list[float]:
        with Tape() as tape:
            a, b = Real(-4.0), Real(2.0)
            tape.registerInput(a)
            tape.registerInput(b)
            tape.newRecording()
            g = expression(a, b, lambda x: maximum(x, 0.0))
            tape.registerOutput(g)
            g.derivative = 1.0
            tape.computeAdjoints()
            return [a.derivative, b.derivative]

    return derivatives, lambda: np.array(derivatives())


WORK = Work(
    "expression", "An expression of 30 nodes",
    {"micrograd": micrograd, "autograd_mini": ours,
     "autograd_mini, core": ours, "PyTorch, 0-d tensors": torch, "XAD": xad},
    references=("micrograd",),
    aims=(Aim("autograd_mini, core", "micrograd",
              "at least 4 times as fast as micrograd"),),
    about="The expression of micrograd's README: build it, run backward, read both gradients.",
)
