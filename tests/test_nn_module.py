"""A module finds its parameters, by name, wherever they are attributes."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from autograd_mini import Tensor, nn


def test_import_nn_from_a_checkout_is_the_same_module():
    """`import nn` beside the folder gives autograd_mini.nn itself."""
    import sys
    from pathlib import Path

    root = Path(__file__).parents[1]
    sys.path.insert(0, str(root))
    try:
        module = importlib.import_module("nn")
    finally:
        sys.path.remove(str(root))
        sys.modules.pop("nn", None)
    assert module is nn and module.MLP is nn.MLP


def test_module_names_its_parameters():
    """Parameters are named by path, in order, a shared one once; arrays are constants."""

    class Net(nn.Module):
        def __init__(self):
            self.first = nn.Linear(3, 2, rng=np.random.default_rng(0))
            self.blocks = [nn.Linear(2, 2, bias=False), {"scale": Tensor([1.0])}]
            self.again = self.first
            self.buffer = np.ones(3)

    net = Net()
    assert [name for name, _ in net.named_parameters()] == [
        "first.weight", "first.bias", "blocks.0.weight", "blocks.1.scale"]
    assert net.eval().training is False and net.blocks[0].training is False
    assert net.train().blocks[0].training is True
    with pytest.raises(NotImplementedError, match="must define forward"):
        net(1.0)


def test_kept_activations_and_parents_are_no_parameters(tmp_path):
    """A computed node that was kept is no parameter; a child may know its parent; `file` saves."""

    class Net(nn.Module):
        def __init__(self):
            self.file = Tensor([1.0])
            self.child = nn.Linear(1, 1)
            self.child.parent = self

        def forward(self, x):
            self.last = x * self.file
            return self.last

    net = Net()
    net(np.ones(1))
    assert [name for name, _ in net.named_parameters()] == [
        "file", "child.weight", "child.bias"]
    nn.save(net, tmp_path / "net.npz")
    nn.load(net, tmp_path / "net.npz")
    assert net.eval().training is False and nn.accuracy(
        net, np.ones((1, 1)), [1], threshold=0.5) == 1.0
    assert net.training is False


def test_zero_grad():
    """zero_grad leaves 0 for Values, as in micrograd, and None for Tensors, as in PyTorch."""
    scalar, array = nn.Neuron(1), nn.Linear(1, 1)
    scalar.zero_grad()
    array.zero_grad()
    assert scalar.b.grad == 0.0 and array.bias.grad is None


def test_a_function_is_applied_to_every_module():
    """The innermost first, a shared one once; the model comes back."""
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Sequential(nn.Tanh()))
    model.again = model[0]
    seen = []
    assert model.apply(lambda module: seen.append(type(module).__name__)) is model
    assert seen == ["Tanh", "Sequential", "Linear", "Sequential"]
    model.apply(lambda m: isinstance(m, nn.Linear) and nn.init.zeros_(m.weight))
    assert not model[0].weight.data.any()
