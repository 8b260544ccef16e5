"""One step of gradient descent: its direction, its size, and whether it changes anything."""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.errors import ShapeError

X = np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [4.0, 5.0]])
Y, W = np.array([3.0, 5.0, 7.0, 9.0]), np.array([0.3, -0.2])


def loss(w):
    return np.sum((Y - X @ w) ** 2) / 2


def right(w, lr):
    return w - lr * X.T @ (X @ w - Y)


def in_place(w, alpha):
    w -= alpha * X.T @ (X @ w - Y)


def uphill(w, lr):
    return w + lr * X.T @ (X @ w - Y)


def uphill_in_place(w, lr):
    w += lr * X.T @ (X @ w - Y)


def nowhere(w, lr):
    w = w - lr * X.T @ (X @ w - Y)


def averaged(w, lr):
    return w - lr * X.T @ (X @ w - Y) / len(X)


@pytest.mark.parametrize("step", [right, in_place])
def test_right_steps(step):
    """Returned or made in place, the parameters themselves aren't changed."""
    before = W.copy()
    report = ag.check_step(step, loss, W, lr=0.01)
    assert report.ok and str(report).startswith("The step is right")
    assert np.array_equal(W, before) and "< 2/λ = 0.0239" in report["lr"].reason


@pytest.mark.parametrize(("step", "kind", "said", "fix"), [
    (uphill, "sign", "goes uphill", "return w - lr * X.T @ (X @ w - Y)"),
    (uphill_in_place, "sign", "goes uphill", "w -= lr * X.T @ (X @ w - Y)"),
    (nowhere, "partial", "leaves w as it is", ""),
    (averaged, "factor", "1/4 times", "return w - lr * X.T @ (X @ w - Y)"),
])
def test_wrong_steps_are_named(step, kind, said, fix):
    """With the line that is to be changed."""
    first = ag.check_step(step, loss, W, lr=0.01)["w"].suspects[0]
    assert first.kind == kind and said in first.message and (not fix or first.fix == fix), first


def test_a_learning_rate_above_the_curvature():
    """0.1 is more than 2/λ = 0.0239 here, and the right step makes the loss larger."""
    entry = ag.check_step(right, loss, np.zeros(2), lr=0.1)["lr"]
    assert entry.verdict == "wrong"
    assert "lr = 0.1 is more than 2/λ = 0.0239" in entry.reason
    assert "takes the loss from 82 to 4461.12" in entry.reason


def test_a_step_that_is_too_large_for_where_it_leads():
    """Where the curvature is small, and grows on the way."""
    entry = ag.check_step(lambda x, lr: x - lr * np.cosh(x) * 0 - lr * 4 * x**3,
                          lambda x: x**4, 0.1, lr=0.5)["lr"]
    assert entry.verdict == "right"
    entry = ag.check_step(lambda x, lr: x - lr * (2 * x + 4 * (x - 1) ** 3 * 0),
                          lambda x: x**2, 1.0, lr=1.5)["lr"]
    assert entry.verdict == "wrong"


@pytest.mark.slow
def test_a_parameter_that_is_updated_too_early():
    """The second gradient is that of after the first update."""
    rng = np.random.default_rng(0)
    W1, W2, Z, t = (rng.normal(size=s) for s in ((2, 3), (3, 1), (5, 2), (5, 1)))

    def two_layers(W1, W2, Z, t):
        return np.mean((np.tanh(Z @ W1) @ W2 - t) ** 2)

    def step(W1, W2, Z, t, lr):
        h = np.tanh(Z @ W1)
        d = 2 * (h @ W2 - t) / t.size
        W2 = W2 - lr * h.T @ d
        W1 = W1 - lr * Z.T @ ((d @ W2.T) * (1 - h**2))
        return W1, W2

    report = ag.check_step(step, two_layers, W1, W2, Z, t, lr=0.1, wrt=("W1", "W2"))
    assert report["W2"].verdict == "right" and report["W1"].verdict == "wrong"
    assert "W2 was already updated" in report["W1"].suspects[0].message


def test_steps_of_an_object_and_of_a_dict():
    """A method that changes the object, and a function of a dict of parameters."""
    class Model:
        def __init__(self):
            self.w, self.rate = np.zeros(2), 0.01

        def loss(self):
            return np.sum((Y - X @ self.w) ** 2) / 2

        def step(self):
            self.w = self.w - self.rate * X.T @ (X @ self.w - Y)

        def step_uphill(self, lr):
            self.w -= lr * X.T @ (Y - X @ self.w)

    model = Model()
    assert ag.check_step(model.step, model.loss, params={"w": model.w}, lr=0.01).ok
    report = ag.check_step(model.step_uphill, model.loss, params={"w": model.w}, lr=0.01)
    assert report["w"].suspects[0].fix == "self.w += lr * X.T @ (Y - X @ self.w)"
    assert not model.w.any()

    def step(p, lr):
        return {"w": p["w"] - lr * X.T @ (X @ p["w"] - Y)}

    assert ag.check_step(step, lambda p: loss(p["w"]), {"w": W}, lr=0.01).ok


@pytest.mark.parametrize(("step", "lr", "message"), [
    (right, 0.0, "positive number"), (right, "0.1", "positive number"),
    (lambda w, grad, lr: w - lr * grad, 0.1, "computes its own gradient"),
])
def test_misuse_of_check_step(step, lr, message):
    """A rate that is none, and a step that wants the gradient."""
    with pytest.raises(ShapeError, match=message):
        ag.check_step(step, loss, W, lr=lr)
