"""Layers that are computed as one operation, beside their steps: random sizes and layouts."""

from __future__ import annotations

import numpy as np
import pytest
from autograd_mini.nn import _attention, _convolution, _normalization, _sequences

import autograd_mini as ag
from autograd_mini import Tensor, nn

ROOMS = (_attention, _convolution, _normalization, _sequences)


def a_layer(rng, dtype):
    """A random layer, and the shape of an input: of one moment, of no samples, one pixel …"""
    n, bias, own = int(rng.integers(0, 4)), bool(rng.integers(2)), {"rng": 0, "dtype": dtype}
    size, other, moments = (int(k) for k in rng.integers(1, 5, 3))
    kernel, stride, padding = (tuple(map(int, rng.integers(low, high, 2)))
                               for low, high in ((1, 4), (1, 4), (0, 3)))
    return [
        lambda: (nn.Conv2d(size, other, kernel, stride, padding, bias=bias, **own),
                 (n, size, *(max(k, int(rng.integers(1, 8))) for k in kernel))),
        lambda: (nn.LSTM(size, other, bias=bias, **own), (n, moments, size)),
        lambda: (nn.MultiheadAttention(4, 2, bias=bias, **own), (n, moments, 4)),
        lambda: (nn.LayerNorm([3, 4], bias=bias, dtype=dtype), (n, 3, 4)),
        lambda: (nn.LayerNorm(4, elementwise_affine=bias, dtype=dtype), (n, 3, 4)),
        lambda: (nn.BatchNorm1d(3, affine=bias, dtype=dtype), (n + 2, 3, moments)),
        lambda: (nn.BatchNorm2d(3, affine=bias, dtype=dtype), (n + 2, 3, 2, 4)),
    ][rng.integers(7)]()


def laid_out(x, rng):
    """The same numbers in another order in memory."""
    return [lambda: x, lambda: np.asfortranarray(x), lambda: np.repeat(x, 2, axis=-1)[..., ::2],
            lambda: x[..., ::-1].copy()[..., ::-1]][rng.integers(4)]()


def passes(layer, x, weights, as_node):
    """The output, all gradients, and the input's once more, of a function."""
    for p in layer.parameters():
        p.grad = None
    leaf = Tensor(x) if as_node else x
    options = {"causal": True} if isinstance(layer, nn.MultiheadAttention) else {}

    def output(x):
        y = layer(x, **options)
        return y[0] if isinstance(y, tuple) else y

    y = output(leaf)
    loss = (y * np.resize(weights, y.shape).astype(y.dtype)).sum()
    found = [y]
    if isinstance(loss, Tensor):
        loss.backward()
        found += [*(p.grad for p in layer.parameters()), *([leaf.grad] if as_node else [])]
        found.append(ag.grad(lambda x: output(x).sum())(x))
    return [a.data if isinstance(a, Tensor) else a for a in found]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", [
    *range(30), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(30, 200))])  # many
def test_plain_and_fast_layers_agree(seed, dtype, monkeypatch):
    """Outputs and gradients to roundings, their shapes and precisions exactly."""
    rng = np.random.default_rng(seed)
    layer, shape = a_layer(rng, dtype)
    x, weights = laid_out(rng.normal(size=shape).astype(dtype), rng), rng.normal(size=37)
    as_node = bool(rng.integers(4))
    state = layer.state_dict()
    for room in ROOMS:
        monkeypatch.setattr(room, "SMALL", 1)
    fast = passes(layer, x, weights, as_node)
    layer.load_state_dict(state)  # what a batch norm remembers
    for room in ROOMS:
        for owner, name, plain, _ in room.PAIRS:
            monkeypatch.setattr(owner, name, plain)
    near = 2000 * float(np.finfo(dtype).eps)
    for one, other in zip(fast, passes(layer, x, weights, as_node), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one, other, rtol=near, atol=near)
