"""Attention as one operation gives what its steps give, to a few roundings."""

from __future__ import annotations

import numpy as np
import pytest
from autograd_mini.nn import _attention

import autograd_mini as ag
from autograd_mini import Tensor, nn

((_, _, plain, fast),) = _attention.PAIRS


@pytest.fixture(autouse=True)
def of_any_size(monkeypatch):
    """Small ones are computed at once, too."""
    monkeypatch.setattr(_attention, "SMALL", 0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("causal", [True, False])
def test_plain_and_fast_attention_agree(dtype, causal, rng):
    """Outputs and gradients, in their own precision; also where the probabilities are 0 and 1."""
    eps = float(np.finfo(dtype).eps)
    for scale in (0.1, 1.0, 30.0):
        numbers = (rng.normal(size=(3, 5, 24)) * scale).astype(dtype)
        weights = rng.normal(size=(3, 5, 8)).astype(dtype)
        leaves = Tensor(numbers), Tensor(numbers)
        y, z = (f(x, 2, causal) for f, x in zip((plain, fast), leaves, strict=True))
        for result in (y, z):
            np.sum(result * weights).backward()
        assert z.dtype == dtype and leaves[1].grad.dtype == dtype and y.shape == z.shape
        # a rounding of a score, which is as large as scale², is one of its probability
        near = 20 * eps * max(scale, scale**3)
        np.testing.assert_allclose(y.data, z.data, rtol=0, atol=near)
        np.testing.assert_allclose(leaves[0].grad, leaves[1].grad, rtol=0, atol=10 * near)


@pytest.mark.parametrize("causal", [True, False])
def test_second_derivatives_of_the_fast_attention(causal, rng):
    """The Hessian is the plain one's, and the gradient stands differences."""
    x, weights = rng.normal(size=(1, 3, 12)), rng.normal(size=(1, 3, 4))

    def f(attend):
        return lambda x: np.sum(attend(x, 2, causal) ** 2 * weights)

    np.testing.assert_allclose(ag.hessian(f(fast))(x), ag.hessian(f(plain))(x), rtol=1e-10,
                               atol=1e-13)
    ag.assert_gradient(f(fast), ag.grad(f(fast)), x)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # inf − inf, in both
@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("entry", [0, 5, 11])  # in q, in k, in v
@pytest.mark.parametrize("first", [1, 3])
def test_the_fast_attention_has_the_plain_ones_limits(number, entry, first, rng):
    """Where a number isn't finite, both give the same, nan included; what comes before it and
    doesn't see it has a gradient.
    """
    x = rng.normal(size=(1, 3, 12))
    x[0, 1, entry] = number
    results = [(y := attend(leaf := Tensor(x), 2, True), np.sum(y[:, :first]).backward(), leaf.grad)
               for attend in (plain, fast)]
    (y, _, slope), (z, _, other) = results
    np.testing.assert_allclose(y.data, z.data, rtol=1e-12)
    np.testing.assert_allclose(slope, other, rtol=1e-12)


def test_the_fast_attention_is_one_node(rng, monkeypatch):
    """Of a Tensor it is one node; a small one stays a graph of its steps; an array an array."""
    x = rng.normal(size=(2, 4, 12))
    assert fast(Tensor(x), 2, True).op.name == "nn.attention"
    np.testing.assert_array_equal(fast(x, 2, True), fast(Tensor(x), 2, True).data)
    layer = nn.MultiheadAttention(4, 2, rng=0)
    monkeypatch.setattr(_attention, "SMALL", x.size + 1)
    assert fast(Tensor(x), 2, True).op.name == "reshape"
    assert layer(x[..., :4], causal=True).shape == (2, 4, 4)


def test_the_replacement_names_the_plain_attention():
    """The first line of a fast function's docstring says which function it stands for."""
    for owner, name, _, replacement in _attention.PAIRS:
        assert replacement.__doc__.startswith(f"`{owner.__name__.split('.')[-1]}.{name}`")
