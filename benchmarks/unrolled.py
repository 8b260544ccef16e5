"""The gradient of unrolled descent: how its end depends on the step size.

Every step has a gradient in it, and the whole is differentiated once more. The time must grow as
the number of steps does; an engine whose inner gradients walk through the steps before takes its
square.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from .timing import Aim, Work

RATE = 0.005


def descent(lib: Any, steps: int) -> Callable[[Any], Any]:
    """From the step size to the loss after so many steps of ridge-like descent."""
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(20, 5)), rng.normal(size=20)

    def loss(w: Any) -> Any:
        return lib.np.sum((lib.np.dot(A, w) - b) ** 2) + 0.1 * lib.np.sum(lib.np.exp(w))

    def end(rate: Any) -> Any:
        w = np.zeros(5)
        for _ in range(steps):
            w = w - rate * lib.grad(loss)(w)
        return loss(w)

    return end


def side(lib: Callable[[], Any], steps: int) -> Callable[[], tuple[Any, ...]]:
    """One library's gradient of the loss by the step size."""
    def setup() -> tuple[Any, ...]:
        found = lib()
        slope = found.grad(descent(found, steps))
        return lambda: slope(RATE), lambda: np.array([float(slope(RATE))])

    return setup


def ours() -> Any:
    """ag.grad in ag.grad, of plain NumPy."""
    import autograd_mini as ag

    return SimpleNamespace(np=np, grad=ag.grad)


def autograd() -> Any:
    """HIPS autograd."""
    import autograd
    import autograd.numpy

    return SimpleNamespace(np=autograd.numpy, grad=autograd.grad)


def of(steps: int) -> Work:
    """So many steps, by both."""
    return Work(
        f"unrolled-{steps}", f"The gradient of {steps} unrolled steps of descent",
        {"autograd_mini": side(ours, steps), "HIPS autograd": side(autograd, steps)},
        references=("HIPS autograd",),
        aims=(Aim("autograd_mini", "HIPS autograd", "at most 1.5 × HIPS autograd"),),
        about="Each step takes a gradient of its own, so this is a gradient of gradients.",
        tolerance=1e-10,
    )


WORKS = [of(160), of(640)]
