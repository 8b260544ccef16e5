"""The product in one file: what a user does with it, one short test a thing. Read this first."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn


def test_a_value_knows_its_gradient():
    """A formula of floats is computed at once, and `backward` fills in every gradient."""
    a, b = Value(2.0), Value(-3.0)
    y = (a * b + a**2).tanh()
    y.backward()
    slope = 1 / math.cosh(-2.0) ** 2
    assert (a.grad, b.grad) == pytest.approx((1 * slope, 2 * slope))


def test_numpy_code_differentiates_unmodified():
    """A Tensor goes through NumPy's own functions, and its gradient has its shape."""
    W, x = Tensor([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, -1.0])
    np.mean(np.tanh(W @ x) ** 2).backward()
    assert W.grad.shape == (2, 2)


def test_a_function_has_a_gradient_and_a_hessian():
    """`grad` and `hessian` take a function of plain arrays, and give functions of plain arrays."""
    def f(x):
        return np.sum(x**3)

    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(ag.grad(f)(x), 3 * x**2)
    np.testing.assert_allclose(ag.hessian(f)(x), np.diag(6 * x))


def test_a_network_learns():
    """A network of Values is trained by the four steps that every training loop has."""
    random.seed(7)
    model, loss = nn.MLP(2, [8, 1]), Value(1.0)
    optimizer = nn.SGD(model.parameters(), lr=0.3)
    for _ in range(100):
        outputs = [model(x) for x in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))]
        loss = nn.hinge_loss(outputs, [-1.0, 1.0, 1.0, -1.0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.data < 0.1


def loss_of(w):
    """A loss to derive by hand."""
    return np.sum(np.tanh(w) ** 2)


def derived(w):
    """Its gradient, derived with a mistake."""
    t = np.tanh(w)
    return 2 * t * (1 - w**2)


def test_a_wrong_gradient_is_named():
    """The verifier says that a hand-derived gradient is wrong, how, and what it should be."""
    report = ag.check_gradient(loss_of, derived, np.array([0.3, -0.7]))
    assert report.verdict == "wrong"
    assert "before the tanh" in str(report)
    right = ag.check_gradient(loss_of, ag.grad(loss_of), np.array([0.3, -0.7]))
    assert right.verdict == "right"


def test_a_chain_of_steps_is_checked():
    """Of a backward pass derived step by step, the first wrong step is blamed."""
    x = Value(0.5, label="x")
    h = x.tanh()
    loss = h**2
    report = ag.check_chain(loss, h=(h, 2 * h.data), x=(x, 2 * h.data))
    assert report.verdict == "wrong" and "x" in str(report)


def test_the_graph_is_drawn():
    """`draw` gives a Graphviz graph, with each value, its gradient, and the operations."""
    a = Value(2.0, label="a")
    y = a * 3.0
    y.backward()
    source = ag.draw(y).source
    assert "a" in source and "3" in source


def test_a_program_is_compiled(interpreted):
    """`compile` records a function of floats once, and replays it for other numbers."""
    program = ag.compile(ag.grad(lambda x: ag.where(x > 0, x**2, -x)))
    assert [program(x) for x in (3.0, -1.0)] == [6.0, -1.0]


def test_the_first_nan_is_found():
    """Inside `detect_anomaly` the first nan or inf raises, and names the operation and the line."""
    x = Tensor([4.0, 0.0], label="x")
    with pytest.raises(ag.errors.AnomalyError, match="sqrt"), ag.detect_anomaly():
        np.sum(np.sqrt(x)).backward()


def test_a_cut_is_reported():
    """Why a parameter has no gradient: the report names where numbers were taken out."""
    w = Value(2.0, label="w")
    report = ag.cut_report(lambda: Value(float(w * 3.0)) + 1.0, [w])
    assert "w has no gradient" in str(report)


def test_a_row_of_ones_own_is_a_function_like_all_others():
    """One row states a function and its slope; it then has every order, on floats and arrays."""
    cube = ag.elementwise(lambda x: x**3, None, lambda y, x: 3 * x**2, name="cube of the tour")
    ag.check_primitive(cube)
    assert ag.grad(ag.grad(cube))(2.0) == 12.0
