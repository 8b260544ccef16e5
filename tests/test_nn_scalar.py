"""Networks of Values: micrograd's names, numbers and printed words."""

from __future__ import annotations

import random

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Value, nn


def moons():
    """make_moons(100, noise=0.1) after np.random.seed(1337), as micrograd's demo draws it."""
    datasets = pytest.importorskip("sklearn.datasets", reason="the demo extra isn't installed")
    np.random.seed(1337)
    random.seed(1337)
    X, y = datasets.make_moons(n_samples=100, noise=0.1)
    return X, y * 2 - 1


def micrograd_step(model, X, y, k):
    """One step of micrograd's demo notebook, in its own vocabulary."""
    inputs = [list(map(Value, row)) for row in X]
    scores = list(map(model, inputs))
    losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    total = data_loss + 1e-4 * sum(p * p for p in model.parameters())
    accuracy = sum((yi > 0) == (s.data > 0) for yi, s in zip(y, scores, strict=True)) / len(y)
    model.zero_grad()
    total.backward()
    for p in model.parameters():
        p.data -= (1.0 - 0.9 * k / 100) * p.grad
    return total.data, accuracy


def test_micrograds_demo_gives_micrograds_losses():
    """The first steps give the losses and accuracies that micrograd's demo notebook prints."""
    X, y = moons()
    model = nn.MLP(2, [16, 16, 1])
    assert len(model.parameters()) == 337
    printed = [0.8958441028683222, 1.7235905336972022, 0.7429006313851131]
    for k, loss in enumerate(printed):
        got, accuracy = micrograd_step(model, X, y, k)
        assert got == pytest.approx(loss, rel=1e-12)
        if k == 0:
            assert accuracy == 0.5


def test_reprs_are_micrograds():
    """Networks are printed in micrograd's words, so that printed notebooks match."""
    assert repr(nn.MLP(3, [4, 1])) == (
        "MLP of [Layer of [ReLUNeuron(3), ReLUNeuron(3), ReLUNeuron(3), ReLUNeuron(3)], "
        "Layer of [LinearNeuron(4)]]"
    )
    assert repr(nn.Neuron(2, nonlin=False)) == "LinearNeuron(2)"


def test_a_neuron_is_one_node_and_a_relu():
    """w·x + b is one operation of 2n + 1 parents; its gradients are x, w and 1."""
    random.seed(1)
    neuron = nn.Neuron(3, nonlin=False)
    x = [Value(1.0), 2.0, Value(-3.0)]
    y = neuron(x)
    y.backward()
    assert len(y.parents) == 7
    assert [w.grad for w in neuron.w] == [1.0, 2.0, -3.0] and neuron.b.grad == 1.0
    assert x[0].grad == neuron.w[0].data
    by_nodes = sum((w * v for w, v in zip(neuron.w, x, strict=True)), neuron.b)
    assert by_nodes.data == y.data


def test_a_single_input_layer_and_wrong_length():
    """A layer of one neuron feeds the next layer; the wrong number of inputs is an error."""
    model = nn.MLP(2, [1, 2])
    assert len(model([0.5, 1.0])) == 2
    with pytest.raises(ValueError, match="one length, got 2 and 3"):
        model([1.0, 2.0, 3.0])


@pytest.mark.parametrize("nonlin", [True, False])
@pytest.mark.parametrize("nin", [0, 1, 3])
def test_a_network_of_values_gives_values(nin, nonlin):
    """A neuron of any number of inputs, of any kind of list, gives a Value, and gradients."""
    for kind in (list, tuple, np.array):
        x = kind([1.0] * nin)
        neuron = nn.Neuron(nin, nonlin)
        neuron.b.data = 4.0
        act = neuron(x)
        assert type(act) is Value
        act.backward()
        assert [p.grad for p in neuron.parameters()] == [1.0] * (nin + 1)
        with ag.no_grad():
            assert type(neuron(x)) is Value
        assert [type(v) for v in nn.Layer(nin, 2, nonlin)(x)] == [Value, Value]
        assert type(nn.MLP(nin, [2, 1])(x)) is Value


def test_weights_have_names():
    """In errors and pictures they are what they are called in the module."""
    neuron = nn.MLP(2, [1]).layers[0].neurons[0]
    assert [p.label for p in neuron.parameters()] == ["w.0", "w.1", "b"]
