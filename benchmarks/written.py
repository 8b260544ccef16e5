"""Code as people write it, run by `as_written`, beside the same written with nodes in mind.

What it costs that arrays take nodes: a kernel matrix filled in loops, a state that is computed row
by row, and a small network with one write in place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .timing import Aim, Work

POINTS = 60


def kernel(x: Any) -> Any:
    """A matrix filled entry by entry, as it is written."""
    n = len(x)
    K = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            K[i, j] = math.exp(-((x[i] - x[j]) ** 2))
    return np.sum(K)


def kernel_of_nodes(x: Any) -> Any:
    """The same with lists, which are stacked."""
    return np.sum(np.stack([np.stack([np.exp(-((a - b) ** 2)) for b in x]) for a in x]))


def states(x: Any) -> Any:
    """A recurrence whose states are rows of an array."""
    h = np.zeros((300, 2))
    for t in range(1, 300):
        h[t] = np.tanh(x[:2] * h[t - 1] + x[2:4])
    return np.sum(h**2)


def states_of_nodes(x: Any) -> Any:
    """The same with a list."""
    h = [np.zeros(2)]
    for _ in range(1, 300):
        h.append(np.tanh(x[:2] * h[-1] + x[2:4]))
    return np.sum(np.stack(h) ** 2)


INPUTS = np.random.default_rng(1).normal(size=(200, POINTS))


def network(x: Any) -> Any:
    """A loss with one write in place."""
    h = np.tanh(INPUTS @ x)
    h -= np.mean(h)
    return np.sum(h**2) / len(h)


def network_of_nodes(x: Any) -> Any:
    """The same without."""
    h = np.tanh(INPUTS @ x)
    h = h - np.mean(h)
    return np.sum(h**2) / len(h)


def side(f: Callable[[Any], Any], written: bool) -> Callable[[], tuple[Any, ...]]:
    """The gradient of one of them."""
    def setup() -> tuple[Any, ...]:
        import autograd_mini as ag

        slope = ag.grad(ag.as_written(f) if written else f)
        x = np.random.default_rng(0).random(POINTS)
        slope(x)  # it is rewritten, and compared with a plain run
        return lambda: slope(x), lambda: slope(x)

    return setup


def of(name: str, title: str, f: Callable[[Any], Any], nodes: Callable[[Any], Any]) -> Work:
    """One function in both styles."""
    return Work(
        f"written-{name}", title,
        {"as written": side(f, True), "with nodes in mind": side(nodes, False)},
        references=("with nodes in mind",),
        aims=(Aim("as written", "with nodes in mind", "at most 1.5 × the style of nodes"),),
        about="A gradient of code that writes into arrays.", tolerance=1e-12,
    )


WORKS = [
    of("kernel", f"A {POINTS} × {POINTS} matrix filled in loops", kernel, kernel_of_nodes),
    of("states", "300 states, each a row of an array", states, states_of_nodes),
    of("network", "A loss with a write in place", network, network_of_nodes),
]
