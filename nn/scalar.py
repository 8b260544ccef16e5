"""A neuron computes relu(w·x + b); a layer is neurons side by side; a network, layers in a row.

All of `Value`s, one float each: the whole network is a graph one can draw. The names and the
order in which random numbers are drawn are micrograd's, so its programs run with our imports.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from autograd_mini import Value, dot

from .module import Module

__all__ = ["MLP", "Layer", "Neuron"]

Numbers = Sequence[Any]  # floats or Values


class Neuron(Module):
    """relu(w·x + b), or w·x + b alone if not `nonlin`; `nin` inputs, one output.

    Weights are drawn from Python's `random`, uniformly from [−1, 1); the bias starts at 0.
    """

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0.0)
        self.nonlin = nonlin

    def __call__(self, x: Numbers) -> Value:
        """The activation for `nin` inputs."""
        act: Value = dot(self.w, x, self.b)
        return act.relu() if self.nonlin else act

    def parameters(self) -> list[Value]:
        """The weights, then the bias."""
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """`nout` neurons that see the same `nin` inputs."""

    def __init__(self, nin: int, nout: int, nonlin: bool = True) -> None:
        self.neurons = [Neuron(nin, nonlin) for _ in range(nout)]

    def __call__(self, x: Numbers) -> Any:
        """The list of activations; the activation itself if there is one neuron."""
        out = [neuron(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        """Those of each neuron in turn."""
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(neuron) for neuron in self.neurons)}]"


class MLP(Module):
    """A multi-layer perceptron: `nin` inputs, then a layer for each of `nouts`; the last linear.

    >>> import random
    >>> random.seed(0)
    >>> MLP(2, [2, 1])
    MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(2)]]
    """

    def __init__(self, nin: int, nouts: Sequence[int]) -> None:
        sizes = [nin, *nouts]
        self.layers = [
            Layer(sizes[i], sizes[i + 1], nonlin=i != len(nouts) - 1) for i in range(len(nouts))
        ]

    def __call__(self, x: Any) -> Any:
        """The last layer's output for one sample of `nin` numbers."""
        for layer in self.layers:
            x = layer([x] if isinstance(x, Value) else x)  # a layer of one neuron gives no list
        return x

    def parameters(self) -> list[Value]:
        """Those of each layer in turn."""
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"
