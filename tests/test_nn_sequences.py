"""An LSTM as one operation gives what the loop over its steps gives, to a few roundings."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from autograd_mini.nn import _sequences

import autograd_mini as ag
from autograd_mini import Tensor, nn

((_, _, plain, fast),) = _sequences.PAIRS


@pytest.fixture(autouse=True)
def of_any_size(monkeypatch):
    """Small ones are computed at once, too."""
    monkeypatch.setattr(_sequences, "SMALL", 0)


def layer_and_inputs(rng, dtype=np.float64, bias=True, scale=1.0):
    """A layer, the leaves of a run of it, and a function from its results to a loss."""
    layer = nn.LSTM(3, 4, bias=bias, rng=1, dtype=dtype)
    for p in layer.parameters():
        p.data = p.data * dtype(scale)
    leaves = [Tensor(rng.normal(size=shape).astype(dtype)) for shape in
              ((5, 7, 3), (5, 4), (5, 4))] + layer.parameters()
    weights = [rng.normal(size=shape).astype(dtype) for shape in ((5, 7, 4), (5, 4), (5, 4))]

    def loss(over_time):
        outputs, (h, c) = over_time(layer, leaves[0], tuple(leaves[1:3]))
        return sum((np.sum(part * (part + 1) * w) for part, w in
                    zip((outputs, h, c), weights, strict=True)), 0.0)

    return layer, leaves, loss


def largest_difference(one, other):
    """Of arrays, each beside its own largest entry."""
    return max(np.abs(a - b).max() / np.abs(a).max() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("bias", [True, False])
def test_plain_and_fast_lstm_agree(dtype, bias, rng):
    """Outputs, the last state and the gradients of all that goes in, in its own precision."""
    for scale in (0.3, 1.0, 5.0):
        layer, leaves, loss = layer_and_inputs(rng, dtype, bias, scale)
        results = [over_time(layer, leaves[0], tuple(leaves[1:3])) for over_time in (plain, fast)]
        eps = float(np.finfo(dtype).eps)
        for part, other in zip(*((y, *state) for y, state in results), strict=True):
            assert other.dtype == dtype and part.shape == other.shape
            np.testing.assert_allclose(part.data, other.data, rtol=0, atol=50 * eps)
        gradients = [ag.gradients(loss(over_time), leaves) for over_time in (plain, fast)]
        assert {g.dtype for g in gradients[1]} == {np.dtype(dtype)}
        assert largest_difference(*gradients) < 200 * eps


@pytest.mark.parametrize("bias", [True, False])
def test_second_derivatives_of_the_fast_lstm(bias, rng):
    """The gradient of the squares of all gradients is the plain loop's."""
    _, leaves, loss = layer_and_inputs(rng, bias=bias)

    def second(over_time):
        slopes = ag.gradients(loss(over_time), leaves, create_graph=True)
        return ag.gradients(sum((np.sum(g * g) for g in slopes), 0.0), leaves)

    assert largest_difference(second(plain), second(fast)) < 1e-12


def test_the_gradient_is_that_of_differences(rng):
    """The checker, which compares with differences of the operation itself, finds it right."""
    _, leaves, loss = layer_and_inputs(rng)

    def f(x, u):
        layer = nn.LSTM(3, 4, rng=1)
        layer.weight_hh_l0 = u
        outputs, (_, c) = fast(layer, x, (np.zeros((5, 4)), np.ones((5, 4))))
        return np.sum(outputs**2) + np.sum(c * outputs[:, 2])

    x, u = leaves[0].data, leaves[4].data
    ag.assert_gradient(f, ag.grad(f, (0, 1)), x, u)
    assert np.isfinite(loss(fast).data)


def test_saturated_gates_keep_their_gradient(rng):
    """Where a gate is nearly 1, σ(1 − σ) would be 0, and its gradient is e⁻ᶻ; huge numbers are
    no error.
    """
    layer = nn.LSTM(1, 1, rng=0)
    for p in layer.parameters():
        p.data = np.zeros_like(p.data)
    layer.bias_ih_l0 = Tensor(np.array([40.0, 40.0, 0.3, 40.0]))
    x, state = np.zeros((1, 2, 1)), (np.zeros((1, 1)), np.zeros((1, 1)))
    slopes = [ag.gradients(np.sum(over_time(layer, x, state)[0]), layer.bias_ih_l0)
              for over_time in (plain, fast)]
    assert np.all(slopes[0] != 0)
    np.testing.assert_allclose(*slopes, rtol=1e-12)
    for dtype in (np.float64, np.float32):
        for size in (1e3, 1e30):
            layer.bias_ih_l0 = Tensor(np.array([-1, 1, -1, -1], dtype) * dtype(size))
            for name in ("weight_ih_l0", "weight_hh_l0", "bias_hh_l0"):
                setattr(layer, name, Tensor(getattr(layer, name).data.astype(dtype)))
            y, _ = fast(layer, x.astype(dtype), tuple(s.astype(dtype) for s in state))
            np.sum(y).backward()
            assert np.all(np.isfinite(layer.weight_hh_l0.grad)) and np.all(np.isfinite(y.data))


def test_a_nan_later_on_leaves_the_gradients_before_it(rng):
    """What doesn't depend on a nan has the gradient that the plain loop gives it."""
    layer, leaves, _ = layer_and_inputs(rng)
    numbers = leaves[0].data.copy()
    numbers[0, 3, 1] = np.nan
    for chosen in (lambda y: y[:, :2], lambda y: y[1]):
        slopes = []
        for over_time in (plain, fast):
            x = Tensor(numbers)
            y, _ = over_time(layer, x, tuple(leaves[1:3]))
            slopes.append(ag.gradients(np.sum(chosen(y) ** 2), [x, *layer.parameters()]))
        assert not np.isnan(slopes[1][0]).any()
        for one, other in zip(*slopes, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-14)


def test_the_fast_lstm_is_one_node(rng):
    """Between the products with the inputs and the outputs there is one node, and no step."""
    layer, leaves, _ = layer_and_inputs(rng)
    y, _ = fast(layer, leaves[0], tuple(leaves[1:3]))
    assert "nn.lstm" in {y.op.name, *(p.op.name for p in y.parents), *(
        q.op.name for p in y.parents for q in p.parents if q is not None and q.op)}
    assert pickle.loads(pickle.dumps(layer)).hidden_size == 4


def test_what_the_fast_lstm_hands_back(rng, monkeypatch):
    """Small ones, mixed precisions, and a subclass with an equation of its own take the loop."""
    class Own(nn.LSTM):
        def step(self, zx, state, recurrent):
            return zx[:, :4], state[1]

    layer, leaves, _ = layer_and_inputs(rng)
    state = tuple(leaves[1:3])
    own, _ = fast(Own(3, 4, rng=1), leaves[0], state)
    assert own.op.name == "stack"
    mixed, _ = fast(layer, leaves[0].data.astype(np.float32), state)
    assert mixed.op.name == "stack" and mixed.dtype == np.float64
    monkeypatch.setattr(_sequences, "SMALL", 5 * 7 * 16 + 1)
    assert fast(layer, leaves[0], state)[0].op.name == "stack"


def test_without_recording_the_fast_lstm_gives_arrays(rng):
    """Predictions are what training computed, bit for bit, and plain numbers."""
    layer, leaves, _ = layer_and_inputs(rng)
    recorded, (_, c) = layer(leaves[0])
    with ag.no_grad():
        y, (_, last) = layer(leaves[0].data)
    np.testing.assert_array_equal(np.asarray(y.data if isinstance(y, Tensor) else y), recorded.data)
    np.testing.assert_array_equal(np.asarray(last.data if isinstance(last, Tensor) else last),
                                  c.data)


def test_the_replacement_names_the_plain_loop():
    """The first line of a fast function's docstring says which function it stands for."""
    for owner, name, _, replacement in _sequences.PAIRS:
        assert replacement.__doc__.startswith(f"`{owner.__name__}.{name}`")
