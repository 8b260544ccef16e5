"""The sides of micrograd's demo that make a node for every number."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from . import data

RATE, DECAY = 0.01, 1e-4  # of the update, and of the L2 term


def total_loss(scores: list[Any], signs: Iterable[Any], parameters: Iterable[Any],
               relu: Callable[[Any], Any]) -> Any:
    """The demo's max-margin loss with L2 regularisation, in micrograd's vocabulary."""
    losses = [relu(1 + -sign * score) for sign, score in zip(signs, scores, strict=True)]
    return sum(losses) * (1.0 / len(losses)) + DECAY * sum(p * p for p in parameters)


def model_side(value: type, model: Any) -> tuple[Any, ...]:
    """The demo as micrograd's notebook has it, for a library with the same vocabulary."""
    points = data.read("moons")
    X, signs = points["X"], points["y"]

    def derivatives() -> list[Any]:
        scores = [model(list(map(value, row))) for row in X]
        loss = total_loss(scores, signs, model.parameters(), lambda x: x.relu())
        model.zero_grad()
        loss.backward()
        return [p.grad for p in model.parameters()]

    def step() -> None:
        for parameter, gradient in zip(model.parameters(), derivatives(), strict=True):
            parameter.data -= RATE * gradient

    return step, lambda: np.array(derivatives(), np.float64)


def micrograd() -> tuple[Any, ...]:
    """micrograd itself."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    random.seed(1337)
    return model_side(Value, MLP(2, [16, 16, 1]))


def ours() -> tuple[Any, ...]:
    """Our MLP of Values, a node for every neuron's sum."""
    from autograd_mini import Value, nn

    random.seed(1337)
    return model_side(Value, nn.MLP(2, [16, 16, 1]))


def written_out(model: Any) -> Any:
    """The model with neurons written out as micrograd's are: a node for every operation."""
    from autograd_mini import nn

    class NodePerOperation(nn.Neuron):
        """w·x + b with a node for every product and sum."""

        def __call__(self, x: Any) -> Any:
            act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
            return act.relu() if self.nonlin else act

    for layer in model.layers:
        for neuron in layer.neurons:
            neuron.__class__ = NodePerOperation
    return model


def ours_by_operation() -> tuple[Any, ...]:
    """Our MLP with a node for every operation."""
    from autograd_mini import Value, nn

    random.seed(1337)
    return model_side(Value, written_out(nn.MLP(2, [16, 16, 1])))


def score(layers: list[Any], inputs: list[Any], relu: Callable[[Any], Any]) -> Any:
    """A network given as layers of neurons of numbers, the bias last in each neuron."""
    outputs = inputs
    for number, layer in enumerate(layers, 1):
        sums = [sum((w * x for w, x in zip(weights, outputs, strict=True)), bias)
                for *weights, bias in layer]
        outputs = [relu(s) for s in sums] if number < len(layers) else sums
    return outputs[0]


def neurons(make: Callable[[float], Any]) -> list[Any]:
    """The demo's weights as layers of neurons of numbers that `make` makes."""
    return [[[make(float(number)) for number in neuron] for neuron in np.column_stack(layer)]
            for layer in data.demo_weights()]


def torch() -> tuple[Any, ...]:
    """PyTorch with a tensor without axes for every number."""
    import torch

    torch.set_num_threads(1)
    points = data.read("moons")
    layers = neurons(lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True))
    parameters = [p for layer in layers for neuron in layer for p in neuron]
    inputs = [[torch.tensor(x) for x in row] for row in points["X"]]

    def derivatives() -> list[Any]:
        scores = [score(layers, row, torch.relu) for row in inputs]
        loss = total_loss(scores, points["y"].tolist(), parameters, torch.relu)
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        return [p.grad for p in parameters]

    def step() -> None:
        gradients = derivatives()
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= RATE * gradient

    return step, lambda: np.array([float(g) for g in derivatives()])


def xad() -> tuple[Any, ...]:
    """A tape in C++, recorded from Python."""
    from xad.adj_1st import Real, Tape
    from xad.math import max as maximum

    points = data.read("moons")
    X, signs = points["X"].tolist(), points["y"].tolist()
    weights = data.neuron_by_neuron(data.demo_weights())
    sizes = [(16, 3), (16, 17), (1, 17)]  # of each layer the neurons, and numbers in a neuron

    def derivatives() -> np.ndarray:
        with Tape() as tape:
            parameters = [Real(w) for w in weights.tolist()]
            tape.registerInputs(parameters)
            tape.newRecording()
            numbers = iter(parameters)
            layers = [[[next(numbers) for _ in range(n)] for _ in range(m)] for m, n in sizes]
            scores = [score(layers, row, relu) for row in X]
            loss = total_loss(scores, signs, parameters, relu)
            tape.registerOutput(loss)
            loss.derivative = 1.0
            tape.computeAdjoints()
            return np.array([p.derivative for p in parameters])

    def relu(x: Any) -> Any:
        return maximum(x, 0.0)

    def step() -> None:
        weights[:] -= RATE * derivatives()

    return step, derivatives
