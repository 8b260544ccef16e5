"""Losses: what they refuse, their derivatives, and their limits."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.errors import ArgumentError, ShapeError

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


# ── the losses that came later, which test_nn_torch.py compares ──────────────────────────────────

NEW = {"l1": nn.l1_loss, "huber": nn.huber_loss, "binary": nn.binary_cross_entropy}


@pytest.mark.parametrize("name", NEW)
def test_more_losses_of_every_kind_of_input(name):
    """Of a Value a Value, of float32 float32, of another shape an error."""
    loss = NEW[name]
    p = Value(0.25)
    value = loss(p, 1.0)
    assert type(value) is Value
    value.backward()
    assert p.grad != 0 and value.data == pytest.approx(loss(Tensor([0.25]), [1.0]).item())
    assert loss(Tensor(np.full(2, 0.5, np.float32)), [1, 0]).dtype == np.float32
    with pytest.raises(ShapeError, match=r"\(4, 1\), the target \(4,\)"):
        loss(Tensor(np.full((4, 1), 0.5)), np.ones(4))
    assert loss([0.5, 0.25], [1.0, 0.0], reduction="none").shape == (2,)
    with pytest.raises(ArgumentError, match="reduction is mean, sum or none, not 'avg'"):
        loss(Tensor([0.5]), [1.0], reduction="avg")


def test_binary_cross_entropy_of_certainty():
    """What is right costs 0, what is wrong 100, and no gradient is nan; others are refused."""
    p = Tensor([1.0, 0.0, 1.0, 0.0, 0.5])
    loss = nn.binary_cross_entropy(p, [1, 0, 0, 1, 0.5], reduction="none")
    np.testing.assert_allclose(loss.data, [0, 0, 100, 100, np.log(2)], rtol=1e-15)
    np.sum(loss).backward()
    assert p.grad.tolist()[:4] == [-1.0, 1.0, 0.0, 0.0]
    with pytest.raises(ArgumentError, match="of logits, binary_cross_entropy_with_logits"):
        nn.binary_cross_entropy(Tensor([1.5]), [1.0])
    with pytest.raises(ArgumentError, match="targets lie from 0 to 1"):
        nn.binary_cross_entropy(Tensor([0.5]), [-1.0])
    z = np.array([-3.0, 0.5, 2.0])
    t = np.array([0.0, 1.0, 0.5])
    logits = nn.binary_cross_entropy_with_logits(z, t)
    assert float(nn.binary_cross_entropy(ag.sigmoid(z), t)) == pytest.approx(float(logits))


def test_huber_is_smooth_where_its_parts_meet():
    """Value and slope agree there; beyond, the slope is delta."""
    d = np.array([-3.0, -0.5, 0.5, 0.2, 3.0])
    slope = ag.grad(lambda d: nn.huber_loss(d, np.zeros(5), delta=0.5, reduction="sum"))(d)
    np.testing.assert_allclose(slope, [-0.5, -0.5, 0.5, 0.2, 0.5])
    with pytest.raises(ArgumentError, match="delta must be"):
        nn.huber_loss(Tensor([1.0]), [0.0], delta=0.0)


PADDED = np.array([[0, 2, -1], [1, -1, -1]])


def test_padding_does_not_count():
    """The mean is over what counts; what is ignored gets no gradient, were it nan; -100 by itself.
    """
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    x = Tensor(np.where((PADDED == -1)[..., None], np.nan, z))
    loss = nn.cross_entropy(x, PADDED, ignore_index=-1)
    loss.backward()
    kept = PADDED >= 0
    assert float(loss) == pytest.approx(float(nn.cross_entropy(z[kept], PADDED[kept])), rel=1e-15)
    assert not x.grad[~kept].any() and np.isfinite(x.grad).all()
    none = nn.cross_entropy(x, PADDED, ignore_index=-1, reduction="none")
    assert none.shape == (2, 3) and not none.data[~kept].any()
    assert float(nn.cross_entropy(z, np.where(kept, PADDED, -100))) == pytest.approx(float(loss))
    with pytest.raises(ArgumentError, match="if -1 is padding, give ignore_index=-1"):
        nn.cross_entropy(z, PADDED)
    with pytest.raises(ArgumentError, match="every target is ignore_index"):
        nn.cross_entropy(z, np.full((2, 3), -1), ignore_index=-1)
    assert nn.cross_entropy(z, np.full((2, 3), -1), ignore_index=-1, reduction="sum") == 0.0


@pytest.mark.parametrize(("weight", "kind", "message"), [
    ([1.0, 2.0], ShapeError, "one number for each of the 3 classes"),
    ([1.0, -1.0, 0.0], ArgumentError, "finite numbers ≥ 0"),
    ([np.inf, 1.0, 0.0], ArgumentError, "finite numbers ≥ 0"),
    ([0.0, 0.0, 1.0], ArgumentError, "the classes of all samples have weight 0"),
])
def test_weights_of_classes_are_checked(weight, kind, message):
    """One number a class, none below 0, and not all of those that occur 0."""
    with pytest.raises(kind, match=message):
        nn.cross_entropy(Tensor(np.ones((2, 3))), np.array([0, 1]), weight)


def test_a_sequence_costs_what_its_flat_rows_cost():
    """(n, T, C) is one mean over n·T; with the fast functions one node, too."""
    rng = np.random.default_rng(0)
    z, t = rng.normal(size=(3, 4, 5)), rng.integers(0, 5, (3, 4))
    x = Tensor(z)
    loss = nn.cross_entropy(x, t)
    loss.backward()
    y = Tensor(z.reshape(12, 5))
    flat = nn.cross_entropy(y, t.ravel())
    flat.backward()
    assert float(loss) == pytest.approx(float(flat), rel=1e-15)
    np.testing.assert_allclose(x.grad.reshape(12, 5), y.grad, rtol=1e-13)


def test_multi_margin_takes_classes():
    """Distributions, and p = 3, are refused."""
    with pytest.raises(ShapeError, match=r"class of each sample, of shape \(2,\)"):
        nn.multi_margin_loss(Tensor(np.ones((2, 3))), np.ones((2, 3)) / 3)
    with pytest.raises(ArgumentError, match="p is 1 or 2"):
        nn.multi_margin_loss(Tensor(np.ones((2, 3))), np.array([0, 1]), p=3)


def test_l1_penalty_sums_all_sizes():
    """Of a model, of a list, of Values; its slope is the sign, and 0 at 0."""
    model = nn.Linear(2, 1, rng=0)
    model.weight.data = np.array([[0.0, -2.0]])
    total = nn.l1_penalty(model)
    total.backward()
    assert float(total) == 2.0 + abs(model.bias.data[0])
    assert model.weight.grad.tolist() == [[0.0, -1.0]]
    assert float(nn.l1_penalty([model.weight])) == float(nn.l1_penalty(model.weight)) == 2.0
    assert type(nn.l1_penalty(nn.Neuron(3))) is Value
    with pytest.raises(ArgumentError, match="takes a model or a list"):
        nn.l1_penalty([])
