"""Losses: what they refuse, their derivatives, and their limits."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn

INF = np.inf


def test_losses_refuse_to_broadcast():
    """A loss of (n, 1) against (n,), a mean over n² pairs, is refused with both shapes."""
    for loss in (nn.mse_loss, nn.binary_cross_entropy_with_logits, nn.hinge_loss):
        with pytest.raises(ValueError, match=r"\(4, 1\), the target \(4,\)"):
            loss(Tensor(np.ones((4, 1))), np.ones(4))
    with pytest.raises(ValueError, match="integers of shape"):
        nn.cross_entropy(Tensor(np.ones((4, 3))), np.ones(4))
    with pytest.raises(ValueError, match="classes are 0 … 2, the targets reach from 0 to 3"):
        nn.cross_entropy(Tensor(np.ones((2, 3))), np.array([0, 3]))
    with pytest.raises(ValueError, match="−1 and 1"):
        nn.hinge_loss(Tensor(np.ones(2)), np.array([0, 1]))


def test_losses_of_nodes_and_of_float32():
    """A target that is a node gets its gradient; float32 predictions give float32 losses."""
    g = ag.grad(lambda t: nn.cross_entropy(np.array([[1.0, 2.0, 3.0]]), t))(np.eye(3)[:1])
    lse = np.log(np.exp([1.0, 2.0, 3.0]).sum())
    np.testing.assert_allclose(g, [lse - np.array([1.0, 2.0, 3.0])], rtol=1e-14)
    z = Tensor(np.ones((2, 2), np.float32))
    for loss in (nn.mse_loss, nn.binary_cross_entropy_with_logits, nn.hinge_loss):
        assert loss(z, np.ones((2, 2), int)).dtype == np.float32
    assert nn.cross_entropy(z, np.eye(2)).dtype == np.float32


def test_losses_are_finite_at_large_logits():
    """Cross-entropies from logits of ±1000 and the hinge loss give numbers, and gradients."""
    z = np.array([1000.0, -1000.0])
    value, g = ag.value_and_grad(lambda a: nn.binary_cross_entropy_with_logits(a, [0.0, 1.0]))(z)
    assert value == 1000.0 and g.tolist() == [0.5, -0.5]
    value, g = ag.value_and_grad(lambda a: nn.cross_entropy(a, 1))(z)
    assert value == 2000.0 and g.tolist() == [1.0, -1.0]
    assert nn.hinge_loss([Value(0.5), Value(2.0)], [1, 1]).item() == 0.25


def test_losses_of_a_value_are_values():
    """The loss of one Value is a Value, whether the target is a plain number or a Value."""
    for loss in (nn.mse_loss, nn.hinge_loss, nn.binary_cross_entropy_with_logits):
        for target in (1, 1.0, np.float32(1), np.array(1.0), Value(1.0)):
            p = Value(0.5)
            value = loss(p, target)
            assert type(value) is Value
            value.backward()
            assert type(p.grad) is float
            assert value.data == pytest.approx(loss(Tensor([0.5]), [1.0]).item(), rel=1e-15)


@pytest.mark.slow  # all losses are compiled
def test_losses_can_be_compiled():
    """A program of a loss of arrays gives, at other points too, what the loss gives."""
    X, w = np.array([[1.0, 2.0], [-1.0, 0.5], [0.0, -1.0]]), np.array([0.3, -0.2])
    y = np.array([1.0, 0.0, 0.25])

    def f(w):
        return nn.binary_cross_entropy_with_logits(X @ w, y)

    program = ag.compile(f)
    for point in (w, -2 * w):
        assert program(point) == pytest.approx(f(point), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_right_infinite_logits_cost_nothing(dtype):
    """−log σ(∞) and −log(1 − σ(−∞)) are 0 with slope 0, without a warning."""
    z = Tensor(np.array([INF, -INF, 0.0], dtype))
    loss = nn.binary_cross_entropy_with_logits(z, [1, 0, 0.5])
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2) / 3, rel=4 * float(np.finfo(dtype).eps))
    assert z.grad.tolist() == [0, 0, 0] and loss.dtype == dtype
    assert nn.binary_cross_entropy_with_logits(Value(INF), 1).data == 0.0
    with np.errstate(over="ignore"):
        assert nn.binary_cross_entropy_with_logits(Value(-INF), 1).data == INF
    scores = Tensor(np.array([-INF, 1.0, 1.0], dtype))
    loss = nn.cross_entropy(scores, np.array([0, 0.5, 0.5]))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2), rel=4 * float(np.finfo(dtype).eps))
    assert scores.grad.tolist() == [0, 0, 0]


def test_derivatives_of_the_binary_cross_entropy():
    """∂L/∂z = σ(z) − t and ∂²L/∂z² = σ(z)(1 − σ(z)), for hard targets and soft ones."""
    z = np.array([-30.0, -1.0, 0.0, 2.0, 40.0])
    s = 1 / (1 + np.exp(-z))
    for t in (np.zeros(5), np.ones(5), np.array([0.0, 0.25, 1.0, 0.5, 1.0])):
        def f(z, t=t):
            return 5 * nn.binary_cross_entropy_with_logits(z, t)

        np.testing.assert_allclose(ag.grad(f)(z), s - t, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(np.diag(ag.hessian(f)(z)), s * (1 - s), rtol=1e-12, atol=1e-15)
