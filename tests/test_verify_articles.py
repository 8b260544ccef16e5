"""The gradients of the five founding articles: what is wrong in each, with the line and the cure.

The articles derive gradients by hand, and most of them are wrong. Each mistake is here as it was
published, one at a time where several stand together: it is named, the line is told, and the
corrected line is pasted and checked again.
"""

from __future__ import annotations

import inspect
import textwrap

import numpy as np
import pytest

import autograd_mini as ag

RNG = np.random.default_rng(0)

# ── 000: linear regression by gradient descent ───────────────────────────────────────────────

X0, Y0 = np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [4.0, 5.0]]), np.array([3.0, 5, 7, 9])
W0 = RNG.normal(size=2)


def half_squares(w, X, y):
    return np.sum((y - X @ w) ** 2) / 2


def of_the_error(w, X, y):
    error = y - X @ w
    return X.T @ error


def of_two_weights(w, X, y):
    return X[:, 1:].T @ (X @ w - y)


def half_a_square(w, x, t):
    f = np.tanh(w @ x) - t
    return f**2 / 2


def of_f_alone(w, x, t):
    f = np.tanh(w @ x) - t
    return (1 - np.tanh(w @ x) ** 2) * x + 0 * f


# ── 001: softmax and cross-entropy, with targets whose rows don't sum to 1 ───────────────────


def cross_entropy(z, y):
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    return -np.sum(y * np.log(p))


def softmax_minus_targets(z, y):
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    return p - y


# ── 002: XOR with a hidden layer of tanh ─────────────────────────────────────────────────────

XOR, OUT = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
WEIGHTS = (RNG.normal(size=(2, 4)), RNG.normal(size=(1, 4)), RNG.normal(size=(4, 1)),
           RNG.normal(size=(1, 1)))


def xor_loss(w1, b1, w2, b2, X, y):
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    return -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))


def as_published(w1, b1, w2, b2, X, y):
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    d = a2 - y
    dw2 = np.dot(a1.T, d)
    db2 = np.sum(d, axis=0, keepdims=True)
    dw1 = np.dot(X.T, np.dot(w2.T, d) * (1 - a1) ** 2)
    db1 = np.sum((a2 - y) * X, axis=0, keepdims=True)
    return dw1, db1, dw2, db2


def not_averaged(w1, b1, w2, b2, X, y):
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    d = a2 - y
    dh = np.dot(d, w2.T) * (1 - a1 ** 2)
    db1 = dh.sum(axis=0, keepdims=True)
    return np.dot(X.T, dh), db1, np.dot(a1.T, d), np.sum(d, axis=0, keepdims=True)


def square_of_the_difference(w1, b1, w2, b2, X, y):
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    d = (a2 - y) / len(X)
    return np.dot(X.T, np.dot(d, w2.T) * (1 - a1) ** 2)


def hidden_units_for_samples(w1, b1, w2, b2, X, y):
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    d = (a2 - y) / len(X)
    return np.dot(X.T, np.dot(w2.T, d) * (1 - a1 ** 2))


# ── 004: a sigmoid unit and the mean squared error ───────────────────────────────────────────

X4 = RNG.random((100, 2))
Y4 = X4 @ np.array([[0.5], [-0.5]]) + 0.5


def mean_square(w, X, y):
    p = 1 / (1 + np.exp(-(X @ w)))
    return np.mean((p - y) ** 2)


def derivative_of_output(x):
    return x * (1 - x)


def without_two_over_n(w, X, y):
    p = 1 / (1 + np.exp(-(X @ w)))
    return X.T @ ((p - y) * derivative_of_output(p))


def given_the_input(w, X, y):
    z = X @ w
    p = 1 / (1 + np.exp(-z))
    return 2 / len(X) * X.T @ ((p - y) * derivative_of_output(z))


def unit(c, t):
    y = 1 / (1 + np.exp(-c))
    return np.sum((y - t) ** 2) / 2


def slope_alone(c, t):
    y = 1 / (1 + np.exp(-c))
    return y * (1 - y)


def layer(a, w, t):
    y = 1 / (1 + np.exp(-(a @ w)))
    return np.sum((y - t) ** 2) / 2


def without_the_slope(a, w, t):
    y = 1 / (1 + np.exp(-(a @ w)))
    dy = y - t
    return w @ dy


def without_the_slope_and_transposed(a, w, t):
    y = 1 / (1 + np.exp(-(a @ w)))
    dy = y - t
    return w.T @ dy


ROWS = {
    "000, the gradient": (half_squares, of_the_error, (W0, X0, Y0), None, "sign",
                          "error = y - X @ w"),
    "000, three parameters, two in the code": (
        half_squares, of_two_weights, (RNG.normal(size=3), np.c_[np.ones(4), X0], Y0), None,
        "shape", "return X[:, 1:].T @ (X @ w - y)"),
    "000, f ∇f for ½f²": (half_a_square, of_f_alone, (W0, RNG.normal(size=2), 0.3), None,
                          "missing-local-derivative",
                          "return (1 - np.tanh(w @ x) ** 2) * x + 0 * f"),
    "001, targets that don't sum to 1": (
        cross_entropy, softmax_minus_targets, (RNG.normal(size=(4, 10)), RNG.random((4, 10))), None,
        "wrong-local-derivative", "return p - y"),
    "002, dw2 and db2 without 1/n": (xor_loss, not_averaged, (*WEIGHTS, XOR, OUT), (0, 1, 2, 3),
                                     "factor", "d = a2 - y"),
    "002, the derivative of tanh": (
        xor_loss, square_of_the_difference, (*WEIGHTS, XOR, OUT), None, "wrong-local-derivative",
        "return np.dot(X.T, np.dot(d, w2.T) * (1 - a1) ** 2)"),
    "002, w2.T d for d w2.T": (
        xor_loss, hidden_units_for_samples, (*WEIGHTS, XOR, OUT), None, "wrong-operand",
        "return np.dot(X.T, np.dot(w2.T, d) * (1 - a1 ** 2))"),
    "004, the gradient": (mean_square, without_two_over_n, (RNG.normal(size=(2, 1)), X4, Y4), None,
                          "factor", "return X.T @ ((p - y) * derivative_of_output(p))"),
    "004, sigmoid_derivative of z": (
        mean_square, given_the_input, (RNG.normal(size=(2, 1)), X4, Y4), None, "wrong-argument",
        "return 2 / len(X) * X.T @ ((p - y) * derivative_of_output(z))"),
    "004, ∂E/∂y = g′(c)": (unit, slope_alone, (RNG.normal(size=3), RNG.random(3)), None,
                           "missing-incoming", "return y * (1 - y)"),
    "004, ∂E/∂a without g′": (
        layer, without_the_slope, (RNG.normal(size=4), RNG.normal(size=(4, 3)), RNG.random(3)),
        None, "missing-local-derivative", "dy = y - t"),
    "004, ∂E/∂a without g′, transposed": (
        layer, without_the_slope_and_transposed,
        (RNG.normal(size=3), RNG.normal(size=(3, 3)), RNG.random(3)), None,
        "wrong-operand", "return w.T @ dy"),
}


@pytest.mark.parametrize("row", [row if row.startswith("000") else
                                 pytest.param(row, marks=pytest.mark.slow) for row in ROWS])
def test_each_mistake_is_named_with_its_line_and_cure(row):
    """The kind, the line, and a correction that makes the gradient right when it is pasted."""
    loss, gradient, args, wrt, kind, line = ROWS[row]
    report = ag.check_gradient(loss, gradient, *args, wrt=wrt)
    first = next(e for e in report if e.verdict == "wrong").suspects[0]
    kinds = {first.kind, *(more.kind for more in first.also)}
    assert kind in kinds, str(report)
    assert first.line.endswith(f": {line}"), str(report)
    text = textwrap.dedent(inspect.getsource(gradient))
    assert text.count(line) == 1
    space = dict(globals())
    exec(text.replace(line, first.fix), space)
    assert ag.check_gradient(loss, space[gradient.__name__], *args, wrt=wrt).ok, first.fix


@pytest.mark.slow
def test_the_gradient_of_002_as_it_was_published():
    """All of it at once: four wrong parameters, three mistakes in one line, another formula."""
    report = ag.check_gradient(xor_loss, as_published, *WEIGHTS, XOR, OUT,
                               wrt=("w1", "b1", "w2", "b2"))
    first = report["w1"].suspects[0]
    assert first.line.endswith("dw1 = np.dot(X.T, np.dot(w2.T, d) * (1 - a1) ** 2)")
    assert {first.kind, *(s.kind for s in first.also)} == {
        "wrong-operand", "wrong-local-derivative", "factor"}
    assert report["b1"].suspects[0].line.endswith(
        "db1 = np.sum((a2 - y) * X, axis=0, keepdims=True)")
    for name in ("w2", "b2"):
        assert report[name].suspects[0].fix == "d = (a2 - y) / len(X)"


@pytest.mark.slow
def test_the_shapes_of_002():
    """y of shape (4,) against a2 of shape (4, 1): the loss is the mean of 16 pairs, and noted."""
    def flat(w1, b1, w2, b2, X, y):
        a1 = np.tanh(X @ w1 + b1)
        a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
        d = a2 - y
        return np.dot(a1.T, d), np.sum(d)

    with pytest.warns(ag.errors.BroadcastWarning):
        report = ag.check_gradient(xor_loss, flat, *WEIGHTS, XOR, OUT.ravel(), wrt=("w2", "b2"))
    assert any("every entry meets every other" in note for note in report.notes)
    assert "has shape (4, 4), w2 has shape (4, 1)" in report["w2"].suspects[0].message


@pytest.mark.slow
def test_the_steps_of_000_and_002():
    """+= where the gradient is to be subtracted, and a step above 2/λ."""
    def step(w, X, y, lr):
        w += lr * X.T @ (X @ w - y)

    report = ag.check_step(step, half_squares, np.zeros(2), X0, Y0, lr=0.1)
    assert report["w"].suspects[0].kind == "sign" and "goes uphill" in str(report)
    assert "2/λ = 0.0239" in report["lr"].reason and report["lr"].verdict == "wrong"

    def update(w1, b1, w2, b2, X, y, lr):
        a1 = np.tanh(X @ w1 + b1)
        a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
        d = (a2 - y) / len(X)
        dh = np.dot(d, w2.T) * (1 - a1 ** 2)
        w2 += lr * np.dot(a1.T, d)
        b2 += lr * np.sum(d, axis=0, keepdims=True)
        w1 += lr * np.dot(X.T, dh)
        b1 += lr * np.sum(dh, axis=0, keepdims=True)

    report = ag.check_step(update, xor_loss, *WEIGHTS, XOR, OUT, lr=0.1,
                           wrt=("w1", "b1", "w2", "b2"))
    assert [e.verdict for e in report] == ["wrong"] * 4 + ["right"]
    assert all("goes uphill" in e.suspects[0].message for e in report.entries[:4])
