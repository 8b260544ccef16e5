"""The sides of micrograd's demo that are our own MLP of Values, recorded and replayed."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from . import data
from .demo_scalar import DECAY, RATE, total_loss, written_out


def model(by_operation: bool = False) -> Any:
    """The demo's network; by_operation: its neurons a node for every product and sum."""
    from autograd_mini import nn

    random.seed(1337)
    network = nn.MLP(2, [16, 16, 1])
    return written_out(network) if by_operation else network


def whole_loss(network: Any) -> Any:
    """The loss of all 100 samples, as a function without arguments."""
    import autograd_mini as ag

    points = data.read("moons")

    def loss() -> Any:
        scores = [network(list(map(ag.Value, row))) for row in points["X"]]
        return total_loss(scores, points["y"].tolist(), network.parameters(), lambda x: x.relu())

    return loss


def stepping(program: Any, *arguments: Any) -> tuple[Any, ...]:
    """Steps on the flat array of parameters."""
    start = program.flat()
    numbers = start.copy()

    def step() -> None:
        _, slope = program(numbers, *arguments)
        numbers[:] -= RATE * slope

    return step, lambda: program(start, *arguments)[1]


def replayed(by_operation: bool) -> tuple[Any, ...]:
    """The whole batch as one program of 65,000 nodes."""
    import autograd_mini as ag

    network = model(by_operation)
    program = ag.compile(whole_loss(network), parameters=network.parameters())
    return stepping(ag.value_and_grad(program))


def mapped() -> tuple[Any, ...]:
    """One sample recorded, mapped over the batch."""
    import autograd_mini as ag

    network, points = model(), data.read("moons")

    def loss(x: Any, sign: Any) -> Any:
        squares = ag.sum([p * p for p in network.parameters()])
        return ag.relu(1 - sign * network(x)) + DECAY * squares

    program = ag.compile(loss, batched=(0, 1), reduce="mean", parameters=network.parameters())
    return stepping(ag.value_and_grad(program), points["X"], points["y"])


def recording() -> tuple[Any, ...]:
    """Recording 65,000 nodes, flattening them, and laying them out for the machine."""
    import autograd_mini as ag

    network = model(by_operation=True)
    loss, parameters = whole_loss(network), network.parameters()
    start = np.array([p.data for p in parameters])
    return lambda: ag.compile(loss, parameters=parameters)(start), None


def eager() -> tuple[Any, ...]:
    """The same nodes, forward and backward."""
    network = model(by_operation=True)
    loss = whole_loss(network)
    return lambda: loss().backward(), None
