"""Code as students write it, which was judged wrongly once: each is judged rightly here."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.errors import ShapeError

RNG = np.random.default_rng(0)
X, W, B, Y = (RNG.normal(size=s) for s in ((4, 3), (3, 2), (2,), (4, 2)))
LINE = np.array([-2.0, -0.5, 0.5, 2.0])


# ── a backward pass that works in place on what arrives ──────────────────────────────────────


def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


def zeroing(dout, x):
    dout[x < 0] = 0
    return dout


def scaling(dout, x):
    dout[x < 0] *= 0.1
    return dout


def dividing(dout, x):
    dout /= len(x)
    return dout


def doubling(dout, x):
    dout *= 2 * x
    return dout


@pytest.mark.parametrize(("f", "vjp", "right"), [
    (leaky, zeroing, False), (leaky, scaling, True), (lambda x: x + 1, dividing, False),
    (lambda x: x**2, doubling, True),
])
def test_a_cotangent_that_is_changed_in_place(f, vjp, right):
    """The loss is weighted by what it was before."""
    assert ag.check_vjp(f, vjp, LINE).ok == right


class Dropout:
    """A layer with a mask of its own, which works in place."""

    def __init__(self):
        self.mask = np.array([1.0, 0.0, 1.0, 1.0])

    def forward(self, x):
        return x * self.mask / 0.7

    def backward(self, dout):
        dout *= self.mask
        dout /= 0.7
        return dout


def test_arrays_of_a_layer_that_are_no_parameters():
    """A mask is read, and has no gradient: it is said to be left out, and the input is checked."""
    report = ag.check_vjp(Dropout(), LINE)
    assert report.ok and [e.name for e in report] == ["x"]
    assert any("no gradient was found for mask" in note for note in report.notes)


# ── one number, or an array of one ───────────────────────────────────────────────────────────


@pytest.mark.slow  # two searches
def test_two_gradients_of_one_entry_each():
    """(dW, db) is no (loss, gradient)."""
    def loss(W, b, x, y):
        return np.mean((x @ W + b - y) ** 2)

    def gradient(W, b, x, y):
        r = 2 * (x @ W + b - y) / len(x)
        return x.T @ r, r.sum(0)

    def exchanged(W, b, x, y):
        r = 2 * (x @ W + b - y) / len(x)
        return np.array([[7.0]]), x.T @ r

    args = np.array([[0.3]]), np.array([0.1]), X[:, :1], Y[:, :1]
    assert ag.check_gradient(loss, gradient, *args).ok
    assert ag.check_gradient(loss, exchanged, *args).verdict == "wrong"


def test_a_list_of_one_gradient():
    """It is that gradient."""
    assert ag.check_gradient(lambda W: np.sum((X @ W - Y) ** 2),
                             lambda W: [2 * X.T @ (X @ W - Y)], W).ok


def test_the_loss_before_several_gradients():
    """(loss, dW, db) beside a loss of its own."""
    def loss(W, b):
        return np.sum((X @ W + b - Y) ** 2)

    def both(W, b):
        r = X @ W + b - Y
        return np.sum(r**2), 2 * X.T @ r, 2 * r.sum(0)

    assert ag.check_gradient(loss, both, W, B, wrt=("W", "b")).ok


# ── Jacobians ────────────────────────────────────────────────────────────────────────────────


def soft(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def soft_jacobian(z):
    s = soft(z)
    return np.diag(s) - np.outer(s, s)


def test_jacobians_of_single_precision_at_kinks_and_with_zeros():
    """Rounding is that of the coarsest floats; other subgradients are right; 1e-16 is 0."""
    assert ag.check_jacobian(soft, soft_jacobian, np.array([0.3, -1, 0.7], np.float32)).ok
    assert ag.check_jacobian(lambda x: np.maximum(0, x), lambda x: np.diag((x > 0) * 1.0),
                             np.array([0.0, 1, -1])).ok
    M = RNG.normal(size=(3, 3))
    assert ag.check_jacobian(lambda x: x + 1.0, lambda x: np.linalg.inv(M) @ M, np.ones(3)).ok
    assert ag.check_hessian(lambda x: np.sum(x * x) / 2, np.linalg.inv(M) @ M, np.ones(3)).ok


def test_jacobians_in_a_dict():
    """By name, in any order, and more of them than are wanted."""
    def jacobians(x, y):
        return {"dy": np.diag(x), "x": np.diag(y)}

    for wrt in (("x", "y"), None, "x"):
        assert ag.check_jacobian(lambda x, y: x * y, jacobians, np.array([1.0, 2]),
                                 np.array([3.0, 4]), wrt=wrt).ok


# ── steps ────────────────────────────────────────────────────────────────────────────────────


def line_loss(w, b):
    return np.sum((X @ w + b - Y[:, 0]) ** 2)


def gradients_of_line(w, b):
    r = 2 * (X @ w + b - Y[:, 0])
    return X.T @ r, r.sum()


def as_a_list(w, b, lr):
    dw, db = gradients_of_line(w, b)
    return [w - lr * dw, b - lr * db]


def with_the_loss(w, b, lr):
    dw, db = gradients_of_line(w, b)
    return line_loss(w, b), w - lr * dw, b - lr * db


def half_in_place(w, b, lr):
    dw, db = gradients_of_line(w, b)
    w -= lr * dw
    return b - lr * db


@pytest.mark.parametrize("step", [as_a_list, with_the_loss, half_in_place])
def test_what_a_step_returns(step):
    """A list, a loss beside it, a part of it."""
    if step is with_the_loss:  # two numbers: which is b isn't clear
        with pytest.raises(ShapeError, match="isn't clear by their shapes"):
            ag.check_step(step, line_loss, W[:, 0], 0.5, lr=0.01, wrt=("w", "b"))
    else:
        assert ag.check_step(step, line_loss, W[:, 0], 0.5, lr=0.01, wrt=("w", "b")).ok


def test_a_step_in_place_that_returns_the_loss():
    """The loss is no parameter."""
    class Model:
        def __init__(self):
            self.w = W[:, 0].copy()

        def loss(self):
            return line_loss(self.w, 0.0)

        def step(self, lr=0.01):
            self.w -= lr * gradients_of_line(self.w, 0.0)[0]
            return self.loss()

    model = Model()
    assert ag.check_step(model.step, model.loss, lr=0.01, params=model).ok


def test_a_step_that_is_smaller_than_rounding():
    """(before - after) / lr has lost its digits: that isn't called a mistake."""
    data = np.array([[2104, 5, 1, 45], [1416, 3, 2, 40], [852, 2, 1, 35.0]])
    prices = np.array([460, 232, 178.0])

    def loss(w, b, X, y):
        return np.sum((X @ w + b - y) ** 2) / (2 * len(y))

    def step(w, b, X, y, alpha):
        r = (X @ w + b - y) / len(y)
        return w - alpha * (X.T @ r), b - alpha * r.sum()

    w = np.array([0.39133535, 18.75376741, -53.36032453, -26.42131618])
    report = ag.check_step(step, loss, w, 785.1811367994083, data, prices, lr=5e-7,
                           wrt=("w", "b"))
    assert report["w"].verdict != "wrong" and report["b"].verdict != "wrong"


# ── where parameters live ────────────────────────────────────────────────────────────────────


def test_parameters_in_a_tuple_are_refused():
    """No other numbers can be put there."""
    held = (W.copy(), B.copy())
    with pytest.raises(ShapeError, match="held in a tuple"):
        ag.check_gradient(lambda: np.sum((X @ held[0] + held[1]) ** 2), dict,
                          params={"W": held[0], "b": held[1]})


class Slotted:
    """A layer with slots, whose gradient is wrong."""

    __slots__ = ("W", "dW", "x")

    def __init__(self):
        self.W = W.copy()

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout * 100
        return dout @ self.W.T


class InLists:
    """Parameters and gradients in lists."""

    def __init__(self):
        self.params, self.grads = [W.copy()], [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        return dout @ self.params[0].T


def test_slots_and_lists():
    """They are looked into as attributes are."""
    report = ag.check_vjp(Slotted(), X)
    assert report["W"].verdict == "wrong" and report["x"].verdict == "right"
    layer = InLists()
    assert ag.check_vjp(layer, X, params={"W": layer.params[0]}).ok
    assert not layer.grads[0].any()


class Called:
    """A layer that is called."""

    def __call__(self, x):
        self.x = x
        return np.sin(x)

    def backward(self, dout):
        return dout * np.cos(self.x)


class ShiftFree:
    """A loss that doesn't see one number added to all of b."""

    def __init__(self):
        self.b = np.zeros(3)

    def loss(self, x):
        z = x + self.b
        self.p = np.exp(z - z.max()) / np.sum(np.exp(z - z.max()))
        return -np.log(self.p[0])

    def backward(self):
        self.db = self.p - np.array([1.0, 0, 0])


def test_layers_that_are_called_partial_losses_and_shared_arrays():
    """`__call__` is a forward pass; a partial is looked into; one array isn't two parameters."""
    assert ag.check_vjp(Called(), LINE).ok
    net = ShiftFree()
    x = np.array([0.3, -0.2, 0.5])
    assert ag.check_gradient(net.loss, net.backward, x, params=net)["b"].verdict == "right"
    held = {"V": W.copy()}

    def loss(X):
        return np.sum((X @ held["V"]) ** 2)

    assert ag.check_gradient(functools.partial(loss, X), lambda: {"V": 2 * X.T @ X @ held["V"]},
                             params={"V": held["V"]}).ok
    with pytest.raises(ShapeError, match="one array under two names"):
        ag.check_gradient(lambda: 0.0, dict, params={"a": held["V"], "b": held["V"]})


# ── forms ────────────────────────────────────────────────────────────────────────────────────


class SoftmaxWithLoss:
    """A loss layer whose backward pass has a default for what arrives."""

    def forward(self, x, t):
        self.t = t
        e = np.exp(x - x.max(1, keepdims=True))
        self.y = e / e.sum(1, keepdims=True)
        return -np.sum(t * np.log(self.y)) / len(x)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.t)


def test_defaults_caches_and_none():
    """dout=1 is given what arrives; a cache may be an argument; None is no gradient."""
    assert ag.check_vjp(SoftmaxWithLoss(), Y, np.eye(2)[[0, 1, 1, 0]]).ok
    assert ag.check_vjp(lambda x: (x**2, x), lambda dA, Z: 2 * Z * dA, LINE).ok
    assert ag.check_vjp(lambda x, k: k * x, lambda g, x, k: (k * g, None), LINE, 3.0).ok


@pytest.mark.parametrize("vjp", [lambda g, x, y: (g * y, g * x),
                                 lambda out, a, b: (out * b, out * a)])
def test_arguments_under_other_names(vjp):
    """Where the names aren't those of the function, their order counts."""
    assert ag.check_vjp(lambda x, g: x * g, vjp, LINE, LINE + 3).ok


def test_a_name_that_means_nothing_is_refused():
    """y is no argument of the loss, and not what it returns."""
    with pytest.raises(ShapeError, match="what y should be isn't known"):
        ag.check_gradient(lambda w, X, t: np.sum((X @ w - t) ** 2),
                          lambda y, X, w: 2 * X.T @ (X @ w - y), W[:, 0], X, Y[:, 0])


def test_deltas_without_their_n_are_a_convention():
    """dz without 1/m, and 1/m in dW: the gradients are right, and nothing is blamed."""
    T = (Y[:, :1] > 0) * 1.0

    def forward(W1, W2, X):
        a1 = np.tanh(X @ W1)
        z2 = a1 @ W2
        a2 = 1 / (1 + np.exp(-z2))
        return -np.mean(T * np.log(a2) + (1 - T) * np.log(1 - a2))

    def backward(W1, W2, X):
        m = len(X)
        a1 = np.tanh(X @ W1)
        a2 = 1 / (1 + np.exp(-(a1 @ W2)))
        dz2 = a2 - T
        dW2 = a1.T @ dz2 / m
        dz1 = dz2 @ W2.T * (1 - a1**2)
        dW1 = X.T @ dz1 / m
        return dW1, dW2

    report = ag.check_chain(forward, backward, W, RNG.normal(size=(2, 1)), X)
    assert report.ok and {e.name for e in report} == {"dW1", "dW2"}


# ── what is left behind ──────────────────────────────────────────────────────────────────────


def test_what_a_loss_writes_outside_is_put_back():
    """No nodes, and no numbers of finite differences, are left in dicts, lists and objects."""
    class Layer:
        W = None

    layer, seen, store = Layer(), [], {"mean": 0.0}
    layer.W = W

    def loss(W):
        layer.W = W
        store["mean"] = np.mean(W)
        seen.append(np.sum(W))
        return np.sum((X @ layer.W - Y) ** 2)

    assert ag.check_gradient(loss, lambda W: 2 * X.T @ (X @ W - Y), W).ok
    assert layer.W is W and store == {"mean": 0.0} and seen == []
