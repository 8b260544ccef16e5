"""Cross-entropy as one operation gives what −log softmax of the target's entry gives."""

from __future__ import annotations

import numpy as np
import pytest
from autograd_mini.nn import _fused

import autograd_mini as ag
from autograd_mini import Tensor

((_, _, plain, fused),) = _fused.PAIRS


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_plain_and_fused_cross_entropy_agree(dtype):
    """Plain and fused losses agree bit for bit, their gradients within 4 ulps of 1/n."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n, classes = rng.integers(1, 40), rng.integers(1, 30)
        z = (rng.normal(size=(n, classes)) * 10 ** rng.uniform(-3, 2.5)).astype(dtype)
        target, one, other = rng.integers(0, classes, n), Tensor(z), Tensor(z)
        losses = plain(one, target), fused(other, target)
        for loss in losses:
            loss.backward(3.0)
        assert losses[0].value == losses[1].value and losses[1].dtype == dtype
        np.testing.assert_allclose(one.grad, other.grad, rtol=0,
                                   atol=3 * 4 * float(np.finfo(dtype).eps) / n)


@pytest.mark.parametrize("rows", [
    [[1.0, 2.0, -1.0], [800.0, -800.0, 0.0]], [[-np.inf, 0.0, 1.0]], [[np.inf, 0.0, 1.0]],
    [[-np.inf, -np.inf, -np.inf]],
])
def test_derivatives_of_the_fused_cross_entropy(rows):
    """Its orders 1 to 3 are the plain one's, and so are its limits at infinite logits."""
    z, target = np.array(rows), np.arange(1, len(rows) + 1)

    def third(f):
        second = ag.grad(lambda z: np.sum(ag.grad(f)(z) ** 2))
        return ag.grad(lambda z: np.sum(second(z) * np.arange(3.0)))

    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(fused(Tensor(z), target).data, plain(Tensor(z), target).data)
        for derive in (ag.grad,) if np.isinf(z).any() else (ag.grad, ag.hessian, third):
            got, expected = (derive(lambda z, f=f: f(z, target))(z) for f in (fused, plain))
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def test_the_fused_cross_entropy_is_one_node():
    """Cross-entropy of a Tensor of rows is one node; one sample's is the plain one."""
    rows, row = Tensor(np.eye(3)), Tensor(np.ones(3))
    assert fused(rows, np.arange(3)).parents == (rows,)
    assert fused(row, np.array(1)).op is plain(row, np.array(1)).op


def test_the_replacement_names_the_plain_cross_entropy():
    """The first line of a fast function's docstring says which function it stands for."""
    for owner, name, _, fast in _fused.PAIRS:
        assert fast.__doc__.startswith(f"`{owner.__name__.split('.')[-1]}.{name}`")
