"""A neuron computes relu(w·x + b); a layer is neurons side by side; a network, layers in a row.

All of `Value`s, one float each: the whole network is a graph one can draw. The names and the
order in which random numbers are drawn are micrograd's, so its programs run with our imports.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from autograd_mini import Value, dot, errors

from .arguments import a_flag, a_whole_number, shown
from .module import Module

__all__ = ["MLP", "Layer", "Neuron"]

Numbers = Sequence[Any]  # floats or Values


class Neuron(Module):
    """relu(w·x + b), or w·x + b alone if not `nonlin`; `nin` inputs, one output.

    Weights are drawn from Python's `random`, uniformly from [−1, 1); the bias starts at 0.
    Raises `ArgumentError` for nin < 0, `ArgumentTypeError` for what is no whole number or no bool.
    """

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        nin, self.nonlin = a_whole_number(nin, "nin", 0), a_flag(nonlin, "nonlin")
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0.0)

    def __call__(self, x: Numbers) -> Value:
        """The activation for `nin` inputs. Raises `ShapeError` for another number of them."""
        try:
            act: Value = dot(self.w, x, self.b) if self.w else self._without_inputs(x)
        except TypeError:
            if hasattr(x, "__len__"):
                raise
            raise errors.ArgumentTypeError(f"{self!r} takes a list of numbers, not {shown(x)}: "
                                           "of one number, [x]") from None
        if type(act) is not Value and act.ndim:
            raise errors.ShapeError(
                f"{self!r} takes one sample of {len(self.w)} numbers, not arrays of shape "
                f"{act.shape}: of a batch, [neuron(row) for row in X]"
            )
        return act.relu() if self.nonlin else act

    def _without_inputs(self, x: Numbers) -> Value:
        """The bias, as a node that was computed: dot takes two empty lists for arrays."""
        if len(x):
            raise errors.ShapeError(f"{self!r} takes no inputs, got {len(x)}")
        bias: Value = dot([self.b], [1.0])
        return bias

    def parameters(self) -> list[Value]:
        """The weights, then the bias."""
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """`nout` neurons that see the same `nin` inputs.

    Raises `ArgumentError` for nin < 0 or nout < 1, `ArgumentTypeError` for other kinds.
    """

    def __init__(self, nin: int, nout: int, nonlin: bool = True) -> None:
        nout = a_whole_number(nout, "nout", 1)
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

    Raises `ArgumentError` for nin < 0, no layers or a size < 1, `ArgumentTypeError` for what is
    no list of whole numbers.
    """

    def __init__(self, nin: int, nouts: Sequence[int]) -> None:
        nouts = _sizes(nouts)
        sizes = [a_whole_number(nin, "nin", 0), *nouts]
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


def _sizes(nouts: Any) -> list[int]:
    """The sizes of the layers, if they are whole numbers ≥ 1, and there is one."""
    if isinstance(nouts, str) or not isinstance(nouts, Iterable):
        raise errors.ArgumentTypeError(
            f"nouts is a list with the size of each layer, [16, 1], not {shown(nouts)}")
    sizes = [a_whole_number(nout, f"nouts[{i}]", 1) for i, nout in enumerate(nouts)]
    if not sizes:
        raise errors.ArgumentError("nouts is empty: give the size of each layer, [16, 1]")
    return sizes
