"""Layers for sequences: the same step for each moment, with a state that goes from one to the next.

A cell is one step, and its `step` the equation; a layer is a cell for all moments, batch first.
Names, shapes, the order of the gates and the random numbers' range are PyTorch's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor, errors, linear, relu, sigmoid, stack, tanh

from ..arguments import a_flag, a_precision, a_whole_number, shown
from ..init import uniform_fan_in
from ..module import Module
from ..randomness import a_generator
from .linear import tell_of_widening

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]


class _Recurrent(Module):
    """What cells and layers share: the weights of `gates` parts, and the state to begin with."""

    gates = 1
    suffix = ""  # of the names of the parameters
    states = 1  # how many arrays a state is

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *,
                 rng: np.random.Generator | int | None = None, dtype: Any = np.float64) -> None:
        n = self.input_size = a_whole_number(input_size, "input_size", 1)
        h = self.hidden_size = a_whole_number(hidden_size, "hidden_size", 1)
        generator, kind, self.bias = a_generator(rng), a_precision(dtype), a_flag(bias, "bias")
        rows = self.gates * h
        shapes = {"weight_ih": (rows, n), "weight_hh": (rows, h)}
        for name, shape in (shapes | {"bias_ih": (rows,), "bias_hh": (rows,)} if bias
                            else shapes).items():
            weight = Tensor(uniform_fan_in(shape, h, generator, kind), label=name)
            setattr(self, name + self.suffix, weight)

    def _weights(self) -> tuple[Any, Any, Any, Any]:
        """Those of the input and of the state, and the biases of both (None if there are none)."""
        return tuple(getattr(self, name + self.suffix, None)  # type: ignore[return-value]
                     for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))

    def _checked(self, x: Any, axes: str, state: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """The arrays of the state: zeros if none is given. Raises `ShapeError`."""
        if np.ndim(x) != axes.count(",") + 1 or np.shape(x)[-1] != self.input_size:
            raise errors.ShapeError(f"{self!r} needs ({axes}{self.input_size}), got {np.shape(x)}")
        if "T" in axes and not np.shape(x)[1]:
            raise errors.ShapeError(f"{self!r} got sequences of no moments, {np.shape(x)}")
        tell_of_widening(self, self._weights()[1], x)
        if state is None:
            return (np.zeros(shape, self._weights()[1].dtype),) * self.states
        parts = tuple(state) if self.states > 1 and isinstance(state, tuple | list) else (state,)
        if len(parts) != self.states or any(np.shape(part) != shape for part in parts):
            raise errors.ShapeError(
                f"the state of {self!r} is {'(h, c), each ' if self.states > 1 else ''}of shape "
                f"{shape}; got {[np.shape(part) for part in parts]}")
        return parts

    def step(self, zx: Any, state: tuple[Any, ...], recurrent: Any) -> tuple[Any, ...]:
        """The next state; zx: what the input gives; recurrent: (weight_hhᵀ, bias_hh)."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class _Cell(_Recurrent):
    """One step."""

    def forward(self, x: Any, state: Any = None) -> Any:
        """The state starts as zeros if none is given."""
        state = self._checked(x, "n, ", state, (*np.shape(x)[:1], self.hidden_size))
        w, u, b, c = self._weights()
        new = self.step(x @ w.T if b is None else linear(x, w, b), state, (u.T, c))
        return new if self.states > 1 else new[0]


class _Layer(_Recurrent):
    """A step for each moment; what doesn't wait for the one before is done at once."""

    suffix = "_l0"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = True, *, rng: np.random.Generator | int | None = None,
                 dtype: Any = np.float64) -> None:
        _check_layer(num_layers, batch_first)
        super().__init__(input_size, hidden_size, bias, rng=rng, dtype=dtype)

    def forward(self, x: Any, state: Any = None) -> Any:
        """(outputs, the last state)."""
        shape = (1, *np.shape(x)[:1], self.hidden_size)
        now = tuple(part[0] for part in self._checked(x, "n, T, ", state, shape))
        outputs, now = self.over_time(x, now)
        last = tuple(part[None] for part in now)
        return outputs, last if self.states > 1 else last[0]

    def over_time(self, x: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """(outputs, the last state), step by step; `_sequences.py` has an LSTM's as one operation.
        """
        w, u, b, c = self._weights()
        zx, outputs = (x @ w.T if b is None else linear(x, w, b)), []
        recurrent = u.T, c
        for t in range(np.shape(x)[1]):
            state = self.step(zx[:, t], state, recurrent)
            outputs.append(state[0])
        return stack(outputs, axis=1), state


def _check_layer(num_layers: Any, batch_first: Any) -> None:
    """Raise `ArgumentError` for what isn't built here."""
    if num_layers != 1:
        raise errors.ArgumentError(f"num_layers is 1 here, not {shown(num_layers)}: give the "
                                   "outputs of one layer to the next")
    if batch_first is not True:
        raise errors.ArgumentError("a batch comes first here, (n, T, features), as for every layer:"
                                   " np.swapaxes(x, 0, 1) exchanges it with the moments")


def _of_state(h: Any, recurrent: tuple[Any, Any]) -> Any:
    """What the state gives: h Uᵀ + c."""
    u, c = recurrent
    return h @ u if c is None else h @ u + c


class _RNN(_Recurrent):
    """The equation of an RNN."""

    nonlinearity = "tanh"

    def step(self, zx: Any, state: tuple[Any, ...], recurrent: Any) -> tuple[Any, ...]:
        """The next h."""
        z = zx + _of_state(state[0], recurrent)
        return (tanh(z) if self.nonlinearity == "tanh" else relu(z),)


class _LSTM(_Recurrent):
    """The equation of an LSTM, with the forget gate of Gers et al. 2000."""

    gates, states = 4, 2

    @staticmethod
    def step(zx: Any, state: tuple[Any, ...], recurrent: Any) -> tuple[Any, ...]:
        """The next h and c."""
        h, c = state
        z, n = zx + _of_state(h, recurrent), np.shape(h)[-1]
        i, f, g, o = (z[:, k * n : (k + 1) * n] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c


class _GRU(_Recurrent):
    """The equation of a GRU."""

    gates = 3

    def step(self, zx: Any, state: tuple[Any, ...], recurrent: Any) -> tuple[Any, ...]:
        """The next h."""
        (h,), n = state, self.hidden_size
        zh = _of_state(h, recurrent)
        r, z = sigmoid(zx[:, :n] + zh[:, :n]), sigmoid(zx[:, n : 2 * n] + zh[:, n : 2 * n])
        m = tanh(zx[:, 2 * n :] + r * zh[:, 2 * n :])
        return ((1 - z) * m + z * h,)


class RNNCell(_RNN, _Cell):
    """One step of an `RNN`: x (n, input_size) and h (n, hidden_size) ↦ h'.

    h' = tanh(W x + b + U h + c), or relu(…) with `nonlinearity="relu"`.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.RNNCell(3, 4, rng=0)(np.ones((2, 3))).shape
    (2, 4)
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True,
                 nonlinearity: str = "tanh", *, rng: np.random.Generator | int | None = None,
                 dtype: Any = np.float64) -> None:
        self.nonlinearity = _bent_by(nonlinearity)
        super().__init__(input_size, hidden_size, bias, rng=rng, dtype=dtype)


class LSTMCell(_LSTM, _Cell):
    """One step of an `LSTM`: x (n, input_size) and (h, c), each (n, hidden_size) ↦ (h', c').

    i, f, g, o = W x + b + U h + c; c' = σ(f)·c + σ(i)·tanh(g); h' = σ(o)·tanh(c').

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> h, c = nn.LSTMCell(3, 4, rng=0)(np.ones((2, 3)))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """


class GRUCell(_GRU, _Cell):
    """One step of a `GRU`: x (n, input_size) and h (n, hidden_size) ↦ h'.

    r, z = σ(W x + b + U h + c); m = tanh(W x + b + r·(U h + c)); h' = (1 − z)·m + z·h.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.GRUCell(3, 4, rng=0)(np.ones((2, 3))).shape
    (2, 4)
    """


class RNN(_RNN, _Layer):
    """A network that remembers: h_t = tanh(W x_t + b + U h_{t−1} + c) (Elman 1990).

    x (n, T, input_size) ↦ the outputs (n, T, hidden_size), all h_t, and the last, (1, n,
    hidden_size), whose first axis counts layers as in PyTorch. `nonlinearity="relu"` has relu in
    tanh's place. Give h as a second argument to start from it; else it starts as zeros. num_layers:
    1, more are layers in a row. batch_first: True. Raises `ShapeError` for an x, or a state, of
    another shape.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> outputs, last = nn.RNN(3, 4, rng=0)(np.ones((2, 5, 3)))
    >>> outputs.shape, last.shape
    ((2, 5, 4), (1, 2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1,
                 nonlinearity: str = "tanh", bias: bool = True, batch_first: bool = True, *,
                 rng: np.random.Generator | int | None = None, dtype: Any = np.float64) -> None:
        self.nonlinearity = _bent_by(nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, rng=rng,
                         dtype=dtype)


class LSTM(_LSTM, _Layer):
    """A network that can remember for long: i, f, g, o = W x_t + b + U h_{t−1} + c, then
    c_t = σ(f)·c_{t−1} + σ(i)·tanh(g), h_t = σ(o)·tanh(c_t) (Hochreiter and Schmidhuber 1997).

    x (n, T, input_size) ↦ the outputs (n, T, hidden_size), all h_t, and the last (h, c), each
    (1, n, hidden_size). Otherwise as `RNN`.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> outputs, (h, c) = nn.LSTM(3, 4, rng=0)(np.ones((2, 5, 3)))
    >>> outputs.shape, h.shape, c.shape
    ((2, 5, 4), (1, 2, 4), (1, 2, 4))
    """


class GRU(_GRU, _Layer):
    """Between an `RNN` and an `LSTM`: r, z = σ(W x_t + b + U h_{t−1} + c), then
    m = tanh(W x_t + b + r·(U h_{t−1} + c)), h_t = (1 − z)·m + z·h_{t−1} (Cho et al. 2014).

    r acts on U h + c, as in PyTorch, and not on h. x (n, T, input_size) ↦ the outputs
    (n, T, hidden_size), all h_t, and the last, (1, n, hidden_size). Otherwise as `RNN`.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> outputs, last = nn.GRU(3, 4, rng=0)(np.ones((2, 5, 3)))
    >>> outputs.shape, last.shape
    ((2, 5, 4), (1, 2, 4))
    """


def _bent_by(nonlinearity: Any) -> str:
    """Raise `ArgumentError` for anything but tanh and relu."""
    if nonlinearity not in ("tanh", "relu"):
        raise errors.ArgumentError(f"nonlinearity is tanh or relu, not {shown(nonlinearity)}")
    return str(nonlinearity)
