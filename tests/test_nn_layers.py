"""Layers of arrays: their shapes, dtypes, printed words and random weights."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_mini import nn


def test_linear():
    """Linear computes x Wᵀ + b with PyTorch's shapes; its error names the wrong width."""
    layer = nn.Linear(3, 2, rng=np.random.default_rng(0), dtype=np.float32)
    x = np.ones((5, 3), np.float32)
    np.testing.assert_allclose(layer(x).data, x @ layer.weight.data.T + layer.bias.data)
    assert layer(x).dtype == np.float32 and repr(layer) == (
        "Linear(in_features=3, out_features=2, bias=True)")
    with pytest.raises(ValueError, match=r"needs \(…, 3\), got \(5, 2\)"):
        layer(np.ones((5, 2)))
    net = nn.Sequential(layer, nn.ReLU(), nn.Sigmoid())
    assert repr(net) == f"Sequential(\n  (0): {layer}\n  (1): ReLU()\n  (2): Sigmoid()\n)"
    assert len(net) == 3 and net[0] is layer and list(net)[0] is layer


def test_a_seed_gives_the_same_weights():
    """A seed for rng gives the weights that a generator made from that seed gives."""
    one, two = nn.Linear(3, 2, rng=7), nn.Linear(3, 2, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(one.weight.data, two.weight.data)
