"""A neuron computes relu(w·x + b); a layer is neurons side by side; a network, layers in a row.

All of `Value`s, one float each: the whole network is a graph one can draw. The names and the
order in which random numbers are drawn are micrograd's, so its programs run with our imports.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from autograd_mini import Value, dot

from .module import Module, a_flag, a_whole_number, of_one_sample, whole_numbers

__all__ = ["MLP", "Layer", "Neuron"]


class Neuron(Module):
    """relu(w·x + b), or w·x + b alone if not `nonlin`; `nin` inputs, one output.

    Weights are drawn from Python's `random`, uniformly from [−1, 1); the bias starts at 0.
    Raises `ArgumentError` for nin < 0, `ArgumentTypeError` for what is no whole number or no bool.
    """

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        nin, self.nonlin = a_whole_number(nin, "nin", 0), a_flag(nonlin, "nonlin")
        self.w = [Value(random.uniform(-1, 1), label=f"w.{i}") for i in range(nin)]
        self.b = Value(0.0, label="b")

    @of_one_sample
    def __call__(self, x: Sequence[Any]) -> Value:
        """The activation for `nin` numbers. Raises `ShapeError` for another number of them."""
        activation: Value = dot(self.w, x, self.b)  # w·x + b, as one node
        return activation.relu() if self.nonlin else activation

    def parameters(self) -> list[Value]:
        """The weights, then the bias."""
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """`nout` neurons (at least one) that see the same `nin` inputs; raises what `Neuron` raises."""

    def __init__(self, nin: int, nout: int, nonlin: bool = True) -> None:
        self.neurons = [Neuron(nin, nonlin) for _ in range(a_whole_number(nout, "nout", 1))]

    def __call__(self, x: Sequence[Any]) -> Any:
        """The list of activations; the activation itself if there is one neuron."""
        out = [neuron(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        """Those of each neuron in turn."""
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(str, self.neurons))}]"


class MLP(Module):
    """A multi-layer perceptron: `nin` inputs, then a layer for each of `nouts`; the last linear.

    Raises `ArgumentError` for no layers, and what `Layer` raises.
    """

    def __init__(self, nin: int, nouts: Sequence[int]) -> None:
        nouts = whole_numbers(nouts, "nouts", 1)
        sizes = [a_whole_number(nin, "nin", 0), *nouts]
        self.layers = [Layer(sizes[i], sizes[i + 1], nonlin=i < len(nouts) - 1)
                       for i in range(len(nouts))]

    def __call__(self, x: Any) -> Any:
        """The last layer's output for one sample of `nin` numbers."""
        for layer in self.layers:
            x = layer([x] if isinstance(x, Value) else x)  # a layer of one neuron gives no list
        return x

    def parameters(self) -> list[Value]:
        """Those of each layer in turn."""
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(str, self.layers))}]"
