"""The tour: what a user does with autograd_mini, one thing a test, in the order of README.

Read this file first; the tests run it first, too.
"""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn


def loss(W, b, X, t):
    p = 1 / (1 + np.exp(-(X @ W + b)))
    return np.mean((p - t) ** 2)


def by_hand(W, b, X, t):
    p = 1 / (1 + np.exp(-(X @ W + b)))
    d = 2 * (p - t) * p * (1 - p)
    return X.T @ d, d.sum() / len(t)


@pytest.fixture
def sample(rng):
    """The parameters of a logistic regression, and five samples."""
    return rng.normal(size=3), 0.1, rng.normal(size=(5, 3)), rng.integers(0, 2, 5)


def test_a_value_remembers_how_it_was_computed():
    """The gradient of tanh(w·x + b) with respect to w is x times the slope of tanh."""
    w, x, b = Value(0.5), Value(2.0), Value(-1.5)
    y = ag.tanh(w * x + b)
    y.backward()
    assert w.grad == pytest.approx(x.data * (1 - y.data**2), rel=1e-14)


def test_the_graph_is_drawn():
    """The picture of a graph shows each value with its name and its gradient."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = a * b
    source = ag.draw(y).source  # in the language of Graphviz; no layout program is needed for it
    assert source.startswith("digraph")
    for shown in ("<b>a</b>", "<b>b</b>", "= a · b", "−6", "∂ −3", "×−3"):
        assert shown in source


def test_a_wrong_gradient_is_named_with_its_line(sample):
    """A gradient derived by hand lacks the 1/n of a mean: the report says so, and what to write."""
    report = ag.check_gradient(loss, by_hand, *sample, wrt=("W", "b"))
    assert report.verdict == "wrong"
    assert "W: the gradient is 5 times what it should be" in str(report)
    assert "corrected       return X.T @ d / len(X), d.sum() / len(t)" in str(report)


def test_a_backward_pass_is_checked_line_by_line(sample):
    """The first wrong line of a chain of derivatives is blamed, and those before it are right."""
    W, b, X, t = sample

    def forward():
        z = X @ Tensor(W, label="W") + b
        p = 1 / (1 + np.exp(-z))
        loss = np.mean((p - t) ** 2)
        return {"z": z, "p": p, "loss": loss}

    v = {name: x.data for name, x in forward().items()}
    dp = 2 * (v["p"] - t) / len(t)
    dz = dp * v["z"] * (1 - v["z"])
    report = str(ag.check_chain(forward, dp=dp, dz=dz))
    assert "The first mistake is in dz" in report and "dz = dp * p * (1 - p)" in report


def test_numpy_code_differentiates_unmodified(sample):
    """A function written for arrays takes a Tensor in the place of one, and backward() follows."""
    W, b, X, t = sample
    weights = Tensor(W)
    loss(weights, b, X, t).backward()
    np.testing.assert_allclose(weights.grad, by_hand(*sample)[0] / len(t), rtol=1e-12)


def test_grad_makes_a_function_of_a_function(sample):
    """ag.grad(f) is a function of the same arguments, and gives plain numbers for plain numbers."""
    dW, db = ag.grad(loss, argnums=(0, 1))(*sample)
    np.testing.assert_allclose(dW, by_hand(*sample)[0] / 5, rtol=1e-12)
    assert db == pytest.approx(by_hand(*sample)[1], rel=1e-12)


def test_derivatives_have_any_order():
    """The Hessian of Rosenbrock's function at its minimum is known."""
    def rosenbrock(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    np.testing.assert_allclose(ag.hessian(rosenbrock)(np.ones(2)), [[802, -400], [-400, 200]])


def test_the_first_nan_is_found():
    """detect_anomaly names the operation, the place in the array, and the usual cure."""
    x = Tensor([4.0, 0.0], label="x")
    with pytest.raises(ag.errors.AnomalyError) as caught, ag.detect_anomaly():
        np.sum(np.sqrt(x)).backward()
    assert "sqrt sent inf at [1] to x" in str(caught.value)
    assert "np.sqrt(x + 1e-12)" in str(caught.value)


def test_a_cut_in_the_graph_is_reported():
    """cut_report says why a parameter has no gradient, and shows the code that took a number."""
    scale = Value(2.0, label="scale")
    report = str(ag.cut_report(lambda: Value(float(scale * 3.0)) ** 2, [scale]))
    assert "scale has no gradient" in report and "`float(scale * 3.0)` at test_tour.py" in report


def test_a_network_is_trained():
    """A network of seventeen parameters learns exclusive or."""
    rng = np.random.default_rng(1)
    X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
    model = nn.Sequential(nn.Linear(2, 4, rng=rng), nn.Tanh(), nn.Linear(4, 1, rng=rng))
    nn.fit(model, nn.DataLoader(X, y, batch_size=4), nn.binary_cross_entropy_with_logits,
           nn.Adam(model.parameters(), lr=0.05), epochs=200, progress=False)
    assert ((model(X).data > 0) == y).all()


def test_a_program_is_compiled(interpreted):
    """A compiled function gives the same numbers, and records again where a branch turns."""
    slope = ag.grad(lambda x, y: np.tanh(x * y) if y > 0 else x)
    program = ag.compile(slope)
    for x, y in ((0.5, 2.0), (0.25, 3.0), (0.5, -1.0)):
        assert program(x, y) == pytest.approx(slope(x, y), rel=1e-14)
    program(0.5, 2.0)
    assert "1 comparison" in str(program)


def test_a_row_of_ones_own_differentiates():
    """A function with its slope, stated in two lines, is a primitive like the others."""
    cubed = ag.elementwise(lambda x: x**3, None, lambda y, x: 3 * x**2, name="cubed")
    ag.check_primitive(cubed)
    assert ag.grad(ag.grad(cubed))(2.0) == 12.0
