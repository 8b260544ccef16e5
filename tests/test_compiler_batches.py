"""A program over a batch gives what its function gives for each sample, and its sum or mean."""

from __future__ import annotations

import random

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Value, nn


def sample_loss(w, x, t):
    """A small network with a shared vector w, one sample x (3 numbers) and its target."""
    h = np.tanh(x * w[:3] + w[3:6])
    return (h @ w[6:9] + w[9] * t) ** 2 + 0.1 * np.sum(w * w)


@pytest.mark.slow  # machines for batches are compiled
@pytest.mark.parametrize("n", [1, 2, 7, 8, 127, 128, 129, 300])
def test_a_batch_is_a_loop(n, rng):
    """Values, means and gradients are those of a loop over the samples, however many there are."""
    w, X, t = rng.normal(size=10), rng.normal(size=(n, 3)), rng.normal(size=n)
    objects = [(w.astype(object), x.astype(object), float(s)) for x, s in zip(X, t, strict=True)]
    each = np.array([float(sample_loss(w, x, s)) for x, s in zip(X, t, strict=True)])
    np.testing.assert_allclose(ag.compile(sample_loss, batched=(1, 2))(w, X, t), each, rtol=1e-13)
    slopes = [ag.grad(sample_loss, (0, 1, 2))(*one) for one in objects]
    for reduce, weight in (("mean", 1 / n), ("sum", 1.0)):
        program = ag.compile(sample_loss, batched=(1, 2), reduce=reduce)
        value, (gw, gx, gt) = ag.value_and_grad(program, (0, 1, 2))(w, X, t)
        assert value == pytest.approx(each.sum() * weight, rel=1e-12)
        expected = np.sum([np.array(s[0], float) for s in slopes], axis=0) * weight
        np.testing.assert_allclose(gw, expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(gx, [np.array(s[1], float) * weight for s in slopes],
                                   rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(gt, [s[2] * weight for s in slopes], rtol=1e-11)


@pytest.mark.slow  # machines for batches are compiled
def test_second_order_over_a_batch(rng):
    """The Hessian of a mean over samples, whose gradient is a sum over all of them."""
    w, X = rng.normal(size=3), rng.normal(size=(150, 3))
    program = ag.compile(lambda w, x: ag.softplus(x @ w), batched=1, reduce="mean")
    got = ag.hessian(program)(w, X)
    s = 1 / (1 + np.exp(-X @ w))
    np.testing.assert_allclose(got, X.T @ (X * (s * (1 - s))[:, None]) / 150, rtol=1e-11)


@pytest.mark.slow  # machines for batches are compiled
def test_outputs_of_a_batch_that_all_samples_share(rng):
    """A result that doesn't depend on the sample is given to each; trees keep their form."""
    program = ag.compile(lambda w, x: {"w": w * 2, "xw": (x * w, [x, 3.0])}, batched=1)
    got = program(2.0, np.array([1.0, 5.0]))
    np.testing.assert_array_equal(got["w"], [4.0, 4.0])
    np.testing.assert_array_equal(got["xw"][0], [2.0, 10.0])
    np.testing.assert_array_equal(got["xw"][1][1], [3.0, 3.0])
    total = ag.compile(lambda w, x: w * w, batched=1, reduce="sum")
    assert ag.value_and_grad(total)(3.0, np.zeros(5)) == (45.0, 30.0)


@pytest.mark.slow  # machines for batches are compiled
def test_the_batch_axis_belongs_to_what_is_batched(rng):
    """A gradient has a batch axis where its argument has one, whatever its value depends on."""
    B = np.arange(1.0, 6.0)
    np.testing.assert_array_equal(
        ag.grad(ag.compile(lambda x: x, batched=0, reduce="sum"))(B), np.ones(5))
    np.testing.assert_array_equal(
        ag.compile(lambda x: ag.sum([Value(3.0)]), batched=0)(B), [3.0] * 5)
    np.testing.assert_array_equal(ag.compile(lambda a, b: a - 2 * b, batched=(1, 0))(B, 2 * B),
                                  -3 * B)
    second = ag.hessian(ag.compile(lambda w, x: (w[0] * x) * w[1], batched=1, reduce="sum"))
    np.testing.assert_allclose(second(np.array([0.3, 0.7]), B), [[0, 15], [15, 0]])
    each = ag.jacobian(ag.compile(lambda x: x**2, batched=0))
    np.testing.assert_allclose(each(rng.normal(size=(4, 2)) * 0 + 3)[2], [[6, 0], [0, 6]])


@pytest.mark.slow  # machines for batches are compiled
def test_samples_on_different_branches_are_refused():
    """The machine runs all samples alike, so a batch whose comparisons differ is refused."""
    program = ag.compile(lambda x: x if x > 0 else -x, batched=0)
    np.testing.assert_array_equal(program(np.array([1.0, 2.0])), [1.0, 2.0])
    np.testing.assert_array_equal(program(np.array([-1.0, -2.0])), [1.0, 2.0])
    with pytest.raises(ag.errors.GraphError, match=r"samples of this batch take different ways"):
        program(np.array([1.0, -2.0]))


@pytest.mark.slow  # several programs are compiled
def test_training_a_network_of_values(rng):
    """Steps on the flat array of parameters are the eager engine's, and can be stored back."""
    random.seed(3)
    model = nn.MLP(2, [5, 1])
    X = rng.normal(size=(30, 2))
    y = np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)

    def loss(x, t):
        return ag.relu(1 - t * model(x))

    program = ag.value_and_grad(ag.compile(loss, batched=(0, 1), reduce="mean",
                                           parameters=model.parameters()))
    numbers = program.flat()
    for _ in range(20):
        value, slope = program(numbers, X, y)
        total = ag.sum([loss([Value(v) for v in x], t)
                        for x, t in zip(X.tolist(), y.tolist(), strict=True)]) / 30
        model.zero_grad()
        total.backward()
        assert value == pytest.approx(total.data, rel=1e-12)
        np.testing.assert_allclose(slope, [p.grad for p in model.parameters()], atol=1e-14)
        numbers -= 0.1 * slope
        program.store(numbers)
    assert [p.data for p in model.parameters()] == numbers.tolist()
    with pytest.raises(ag.errors.ShapeError, match="21 numbers are needed"):
        program.store(numbers[:3])
