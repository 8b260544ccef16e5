"""Optimizers: what is moved, what is remembered, and what stays as it is."""

from __future__ import annotations

import copy
import pickle
import random

import numpy as np
import pytest

from autograd_mini import Tensor, Value, nn
from autograd_mini.errors import ArgumentError, ArgumentTypeError

INF, NAN = np.inf, np.nan


def test_momentum_is_not_the_gradient_itself():
    """Zeroing p.grad in place between steps doesn't touch the velocity."""
    p = Tensor([0.0])
    optimizer = nn.SGD([p], lr=1.0, momentum=0.5)
    (p * 1.0).sum().backward()
    optimizer.step()
    p.grad[:] = 0.0
    optimizer.step()
    assert p.data.tolist() == [-1.5]


def test_a_parameter_without_gradient_is_left_alone():
    """A step skips a parameter without gradient and moves the others; float32 stays float32."""
    a, b = Tensor(np.ones(2, np.float32)), Tensor([1.0])
    optimizer = nn.Adam([a, b], lr=0.1)
    (a * a).sum().backward()
    optimizer.step()
    assert b.data.tolist() == [1.0] and a.data.dtype == np.float32 and (a.data < 1).all()


@pytest.mark.parametrize("make", [
    lambda p: nn.SGD(p, lr=np.float64(0.1), momentum=0.9, weight_decay=0.01),
    lambda p: nn.Adam(p, lr=np.float64(0.1), weight_decay=0.01),
], ids=["SGD", "Adam"])
def test_parameters_together_step_as_each_alone(make, rng):
    """Parameters of one optimizer step as each alone would, also when some miss gradients."""
    shapes = [(), (3,), (2, 3), (80, 60), (5000,), (0,)]
    start = [rng.normal(size=s).astype(t) for s in shapes for t in (np.float32, np.float64)]
    together = [*map(Tensor, start), Value(0.5)]
    alone = [*map(Tensor, start), Value(0.5)]
    one, many = make(together), [make([p]) for p in alone]
    for step in range(5):
        for i, (p, q) in enumerate(zip(together, alone, strict=True)):
            missing = step in (2, 3) and i % 3 == step - 2
            g = None if missing else 0.5 if isinstance(p, Value) else rng.normal(size=p.shape)
            p.grad = q.grad = g
        one.step()
        for optimizer in many:
            optimizer.step()
        for p, q in zip(together, alone, strict=True):
            np.testing.assert_array_equal(p.data, q.data)
            assert p.dtype == q.dtype
    assert [p.dtype for p in together[:-1]] == [x.dtype for x in start]


def test_an_optimizer_knows_its_parameters():
    """A parameter added after the first step is not silently left out."""
    p, q = Tensor([1.0]), Tensor([2.0])
    optimizer = nn.SGD([p], lr=0.1)
    p.grad = 1.0
    optimizer.step()
    optimizer.parameters.append(q)
    with pytest.raises(ValueError, match="make a new optimizer"):
        optimizer.step()

    class Wrong(nn.SGD):
        def moved(self, x, g, state):
            return x[:0]

    with pytest.raises(ValueError, match=r"moved\(\) returned shape \(0,\)"):
        Wrong([p], lr=0.1).step()


def test_an_optimizer_of_ones_own_may_return_the_same_array():
    """If moved() returns its argument, the array that was handed out stays the user's."""
    class Still(nn.SGD):
        def moved(self, x, g, state):
            return x

    p = Tensor([1.0, 2.0])
    handed_out, p.grad = p.data, 1.0
    Still([p], lr=0.1).step()
    handed_out[0] = 5.0
    assert p.data.tolist() == [1.0, 2.0]


def test_a_step_leaves_graphs_and_gradients_alone(rng):
    """What was recorded before a step gives the recorded gradient; p.grad isn't overwritten."""
    p = Tensor(rng.normal(size=(70, 70)))
    loss = np.sum(p**3)
    loss.backward()
    expected, held = p.grad.copy(), p.grad
    np.testing.assert_allclose(expected, 3 * p.value**2, rtol=1e-15)
    nn.Adam([p], lr=0.1).step()
    np.testing.assert_array_equal(held, expected)
    p.grad = None
    loss.backward()
    np.testing.assert_array_equal(p.grad, expected)


def test_settings_are_checked_when_they_are_changed():
    """A schedule that gives nan is an error at its line; the old number stays."""
    optimizer = nn.Adam([Value(1.0)], lr=0.1)
    for name, bad in [("lr", NAN), ("lr", -1), ("eps", 0), ("betas", (1, 1)),
                      ("weight_decay", INF)]:
        with pytest.raises(ArgumentError, match=name):
            setattr(optimizer, name, bad)
    with pytest.raises(ArgumentTypeError, match="lr is a number, not 'a'"):
        optimizer.lr = "a"
    assert (optimizer.lr, optimizer.eps, optimizer.betas) == (0.1, 1e-8, (0.9, 0.999))
    optimizer.lr *= 0.5
    assert optimizer.lr == 0.05 and pickle.loads(pickle.dumps(optimizer)).lr == 0.05
    assert copy.deepcopy(optimizer).betas == (0.9, 0.999)


def embedded_loss(rows, out, word, following):
    """−log of the probability of the following word, of Values alone, as the lecture writes it."""
    logits = [sum(w * x for w, x in zip(ws, rows[word], strict=True)) for ws in out]
    top = max(logit.data for logit in logits)
    powers = [(logit - top).exp() for logit in logits]
    return -(powers[following] / sum(powers)).log()


@pytest.mark.parametrize("make", [
    lambda p: nn.SGD(p, lr=0.5, momentum=0.5), lambda p: nn.Adam(p, lr=0.05),
], ids=["SGD", "Adam"])
def test_embeddings_train_although_rows_do_not_occur(make):
    """A step leaves the embeddings of other words alone; they learn when their turn comes."""
    random.seed(0)
    rows, out = ([[Value(random.gauss(0, 0.5)) for _ in range(3)] for _ in range(4)]
                 for _ in range(2))
    parameters = [p for matrix in (rows, out) for row in matrix for p in row]
    optimizer, losses = make(parameters), []
    for step in range(150):
        word = step % 3  # the word 3 never occurs
        before = [[p.data for p in row] for row in rows]
        optimizer.zero_grad()
        loss = embedded_loss(rows, out, word, (word + 1) % 3)
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
        moved = [[p.data for p in row] != old for row, old in zip(rows, before, strict=True)]
        assert moved == [word == i for i in range(4)]
    assert np.mean(losses[-3:]) < 0.1 * np.mean(losses[:3])


@pytest.mark.parametrize("kind", [Value, lambda x: Tensor([x])], ids=["Value", "Tensor"])
def test_adam_counts_the_steps_of_each_parameter(kind):
    """A parameter whose gradient comes for the first time in step 4 moves as in a first step."""
    late, alone, other = kind(1.0), kind(1.0), kind(1.0)
    optimizer, fresh = nn.Adam([late, other], lr=0.1), nn.Adam([alone], lr=0.1)
    for _ in range(3):
        other.grad = 1.0
        optimizer.step()
    assert late.data == 1.0
    late.grad = other.grad = alone.grad = 2.0
    optimizer.step()
    fresh.step()
    assert late.data == alone.data == pytest.approx(0.9, rel=1e-8) and other.data < 0.7
    late.grad = None
    optimizer.step()
    assert late.data == alone.data


def test_a_gradient_of_zero_is_a_gradient():
    """A Value of gradient 0, as zero_grad() leaves it, is moved on by momentum and by Adam."""
    for make in (lambda p: nn.SGD(p, lr=0.1, momentum=0.5), lambda p: nn.Adam(p, lr=0.1)):
        p = Value(1.0)
        optimizer = make([p])
        p.grad = 1.0
        optimizer.step()
        first = p.data
        p.grad = 0.0
        optimizer.step()
        assert p.data < first
        p.grad = None
        second = p.data
        optimizer.step()
        assert p.data == second
