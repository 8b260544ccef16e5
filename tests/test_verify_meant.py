"""What gradients are for, and where they are found: read from shapes, names and objects."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag

RNG = np.random.default_rng(0)
X, W, B, Y = (RNG.normal(size=s) for s in ((4, 3), (3, 2), (2,), (4, 2)))
LINE = np.array([-2.0, -0.5, 0.5, 2.0])


def test_a_wrong_gradient_of_a_later_layer_stays_in_the_chain():
    """Nothing follows from dW2, and it is what is returned."""
    def forward(W1, W2):
        a = np.tanh(X @ W1)
        return np.sum((a @ W2 - Y) ** 2) / 2

    def backward(W1, W2):
        a = np.tanh(X @ W1)
        d = a @ W2 - Y
        dW2 = -a.T @ d
        da = d @ W2.T
        dW1 = X.T @ (da * (1 - a**2))
        return dW1, dW2

    report = ag.check_chain(forward, backward, W, RNG.normal(size=(2, 2)))
    assert report["dW2"].verdict == "wrong" and report["dW1"].verdict == "right"


def test_a_wrong_variable_that_leads_to_no_claim_stays_in_the_chain():
    """dW2 is right, and says nothing of dz, of which the unnamed gradient of W1 is made."""
    def forward(W1, W2):
        z = X @ W1
        a = np.tanh(z)
        return np.sum((a @ W2 - Y) ** 2) / 2

    def backward(W1, W2):
        a = np.tanh(X @ W1)
        d = a @ W2 - Y
        dW2 = a.T @ d
        da = d @ W2.T
        dz = da * (1 - a) ** 2
        return X.T @ dz, dW2

    report = ag.check_chain(forward, backward, W, RNG.normal(size=(2, 2)))
    assert report.blamed == ("dz",)


def both_gradients(W, b):
    r = 2 * (X @ W + b - Y)
    return X.T @ r, r.sum(0)


def loss_of_both(W, b):
    return np.sum((X @ W + b - Y) ** 2)


def half_uphill(W, b, lr):
    dW, db = both_gradients(W, b)
    return W - lr * dW, b + lr * db


def half_uphill_in_place(W, b, lr):
    dW, db = both_gradients(W, b)
    W -= lr * dW
    b += lr * db


@pytest.mark.parametrize("step", [half_uphill, half_uphill_in_place])
def test_all_that_a_step_changes_is_checked(step):
    """What it returns or changes in place says what that is."""
    report = ag.check_step(step, loss_of_both, W, B, lr=0.001)
    assert report["W"].verdict == "right" and report["b"].verdict == "wrong"


def test_steps_of_two_numbers_and_of_later_arguments():
    """Slope and intercept; data first, and parameters after them."""
    report = ag.check_step(lambda w, c, lr: (w - lr * 2 * (w + c - 3), c - lr * 2 * (w + c - 3)),
                           lambda w, c: (w + c - 3) ** 2, 1.0, 0.0, lr=0.1)
    assert report.ok and len(report.entries) == 3

    def step(X, Y, W, b, lr):
        dW, db = both_gradients(W, b)
        return W - lr * dW, b - lr * db

    report = ag.check_step(step, lambda X, Y, W, b: loss_of_both(W, b), X, Y, W, B, lr=0.001)
    assert report.ok and [e.name for e in report] == ["W", "b", "lr"]


class Storing:
    """A model that stores its gradients, and returns them too."""

    def __init__(self):
        self.W, self.b = W.copy(), B.copy()

    def loss(self, x, y):
        return np.mean((x @ self.W + self.b - y) ** 2)

    def gradient(self, x, y):
        r = 2 * (x @ self.W + self.b - y) / y.size
        self.dW, self.db = x.T @ r, r.sum(0)
        return self.dW, self.db


class MSE:
    """A loss layer whose backward pass is given nothing."""

    def __call__(self, p, t):
        self.d = p - t
        return (self.d**2).mean()

    def backward(self):
        return 2 * self.d / self.d.size


class Inner:
    """A layer in a container."""

    def __init__(self):
        self.w = np.array([0.5, 1.0, -1.0, 2.0])

    def forward(self, x):
        self.x = x
        return self.w * x

    def backward(self, d):
        self.dw = d.mean() * self.x
        return d * self.w


class Outer:
    """A container of a layer."""

    def __init__(self):
        self.inner = Inner()

    def forward(self, x):
        return np.tanh(self.inner.forward(x))

    def backward(self, d):
        y = np.tanh(self.inner.w * self.inner.x)
        return self.inner.backward(d * (1 - y**2))


def test_what_is_stored_and_returned_not_given_or_held_further_in():
    """Gradients that are both, a loss layer without a cotangent, parameters one level down."""
    model = Storing()
    assert ag.check_gradient(model.loss, model.gradient, X, Y, params=model).ok
    assert ag.check_vjp(MSE(), Y, Y + 1).ok
    outer = Outer()
    assert any("holds Inner" in note for note in ag.check_vjp(outer, LINE).notes)
    report = ag.check_vjp(outer, LINE, params={"w": outer.inner.w})
    assert report["w"].verdict == "wrong"


def test_lists_and_tuples_of_gradients_find_their_arguments():
    """A list as a tuple; and by their shapes, where the data come first."""
    assert ag.check_gradient(loss_of_both, lambda W, b: list(both_gradients(W, b)), W, B,
                             wrt=("W", "b")).ok
    report = ag.check_gradient(lambda X, Y, W, b: loss_of_both(W, b),
                               lambda X, Y, W, b: both_gradients(W, b), X, Y, W, B)
    assert report.ok and [e.name for e in report] == ["W", "b"]
    assert ag.check_vjp(lambda a, b: np.concatenate([a, b], 1),
                        lambda g, a, b: np.split(g, [a.shape[1]], 1), X, X + 1).ok
