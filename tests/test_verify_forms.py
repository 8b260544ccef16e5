"""Losses and gradients in the forms in which people write them."""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.errors import ShapeError

RNG = np.random.default_rng(0)
W, X, Y = RNG.normal(size=(3, 2)), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))


def squared(W, X, y):
    return np.sum((X @ W - y) ** 2)


def with_gradient(W, X, y):
    r = X @ W - y
    loss = float(np.sum(r**2)) / len(X)
    return loss, 2 * X.T @ r / len(X)


def with_wrong_gradient(W, X, y):
    r = X @ W - y
    loss = float(np.sum(r**2)) / len(X)
    dW = X.T @ r / len(X)
    return loss, dW


def forward(W, X, y):
    a = np.tanh(X @ W)
    return np.sum((a - y) ** 2), (X, a, y)


def backward(dout, cache):
    X, a, y = cache
    da = 2 * (a - y) * dout
    dz = da * (1 - a**2)
    return X.T @ dz


def wrong_backward(dout, cache):
    X, a, y = cache
    da = 2 * (a - y) * dout
    dz = da * (1 - a) ** 2
    return X.T @ dz


@pytest.mark.parametrize("gradient", [True, with_gradient])
def test_a_function_that_returns_loss_and_gradient(gradient):
    """It is given once with True, as for SciPy's jac=True, or twice."""
    assert ag.check_gradient(with_gradient, gradient, W, X, Y).ok


def test_a_mistake_beside_the_loss_is_corrected_without_changing_the_loss():
    """The corrected line is one of the gradient's, though the loss stands beside it."""
    (suspect, *_) = ag.check_gradient(with_wrong_gradient, True, W, X, Y)["W"].suspects
    assert suspect.kind == "factor" and suspect.line.endswith("dW = X.T @ r / len(X)")
    assert "* 2" in suspect.fix


def test_several_gradients_after_the_loss():
    """(loss, dW, db) is a loss, and a gradient of two parts."""
    def both(W, b, X, y):
        r = X @ W + b - y
        return np.sum(r**2), 2 * X.T @ r, 2 * r.sum(axis=0)

    assert ag.check_gradient(both, True, W, np.zeros(2), X, Y, wrt=("W", "b")).ok


def test_a_loss_and_what_returns_both():
    """A gradient's function may return (loss, gradient), too."""
    def loss(W, X, y):
        return np.sum((X @ W - y) ** 2) / len(X)

    assert ag.check_gradient(loss, with_gradient, W, X, Y).ok


def test_a_backward_pass_takes_what_the_forward_pass_kept():
    """forward returns (loss, cache), and backward(dout, cache) is given 1 and the cache."""
    assert ag.check_gradient(forward, backward, W, X, Y).ok
    (suspect, *_) = ag.check_gradient(forward, wrong_backward, W, X, Y)["W"].suspects
    assert suspect.line.endswith("dz = da * (1 - a) ** 2")
    assert suspect.fix == "dz = da * (1 - a ** 2)"


def test_a_cache_taken_apart_by_name():
    """The entries of a dict are given to the parameters that have their names."""
    def forward(W, X, y):
        a = np.tanh(X @ W)
        return np.sum((a - y) ** 2), {"a": a}

    def backward(X, y, a):
        return X.T @ (2 * (a - y) * (1 - a**2))

    assert ag.check_gradient(forward, backward, W, X, Y).ok
    assert ag.check_gradient(forward, lambda X, cache, y: backward(X, y, **cache), W, X, Y).ok


def test_arguments_by_keyword():
    """They are in the order of the loss's signature, whatever the order in which they are given."""
    def gradient(y, X, W):
        return 2 * X.T @ (X @ W - y)

    assert ag.check_gradient(squared, gradient, X=X, y=Y, W=W).ok
    assert ag.check_gradient(squared, gradient, X=X, y=Y, W=W, wrt="W").ok
    by_keyword = ag.check_gradient(lambda X, *, W: np.sum((X @ W) ** 2),
                                   lambda X, *, W: 2 * X.T @ X @ W, X, W=W, wrt="W")
    assert ag.check_gradient(squared, gradient, W, X, Y).ok
    assert by_keyword.ok and by_keyword["W"].verdict == "right"


# ── parameters that live in objects ──────────────────────────────────────────────────────────


class Net:
    """Two layers; it keeps what its forward pass computes, and stores the gradients."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.W1, self.b1 = rng.normal(size=(3, 4)), np.zeros(4)
        self.W2 = rng.normal(size=(4, 2))
        self.grads = {}

    def forward(self, X, y):
        self.X = X
        self.h = np.maximum(0, X @ self.W1 + self.b1)
        self.r = self.h @ self.W2 - y
        return np.mean(self.r**2)

    def backward(self):
        do = 2 * self.r / self.r.size
        self.dW2 = self.h.T @ do
        dh = do @ self.W2.T * (self.h > 0)
        self.dW1, self.db1 = self.X.T @ dh, dh.sum(axis=0)


class ForgetfulNet(Net):
    """The same; relu's derivative is forgotten, and the gradients go into a dict."""

    def backward(self):
        do = 2 * self.r / self.r.size
        self.grads["W2"] = self.h.T @ do
        dh = do @ self.W2.T
        self.grads["W1"], self.grads["b1"] = self.X.T @ dh, dh.sum(axis=0)


def test_parameters_in_an_object_are_checked_and_put_back():
    """The object is as it was: the same arrays, the same numbers, nothing kept."""
    net = Net()
    before = {name: (x, x.copy()) for name, x in vars(net).items() if name != "grads"}
    report = ag.check_gradient(net.forward, net.backward, X, Y, params=net)
    assert report.ok and [e.name for e in report] == ["W1", "b1", "W2"]
    assert set(vars(net)) == {"W1", "b1", "W2", "grads"} and net.grads == {}
    for name, (array, numbers) in before.items():
        assert getattr(net, name) is array and np.array_equal(array, numbers)


def test_a_mistake_in_a_method_has_its_line():
    """The correction names what the method calls it, and can be pasted."""
    net = ForgetfulNet()
    report = ag.check_gradient(net.forward, net.backward, X, Y,
                               params={"W1": net.W1, "b1": net.b1, "W2": net.W2})
    assert [e.verdict for e in report] == ["wrong", "wrong", "right"]
    first = report["W1"].suspects[0]
    assert first.kind == "missing-local-derivative"
    assert first.line.endswith("dh = do @ self.W2.T")
    assert first.fix == "dh = do @ self.W2.T * (self.h > 0)"


def test_the_gradient_of_the_input_is_returned():
    """What is returned is that of the arguments, beside what is stored."""
    class Unit:
        def __init__(self):
            self.w = np.array([0.5, -1.0])

        def loss(self, x):
            self.x = x
            return np.sum(np.sin(self.w * x))

        def backward(self):
            self.dw = self.x * np.cos(self.w * self.x)
            return self.w * np.cos(self.w * self.x)

    unit = Unit()
    report = ag.check_gradient(unit.loss, unit.backward, np.array([0.3, 0.7]), params=unit,
                               wrt=("w", "x"))
    assert report.ok and len(report.entries) == 2


def test_parameters_in_globals_closures_and_dicts():
    """Wherever the loss takes an array from, other numbers can be put."""
    store = {"V": np.array([[0.3, -0.2], [0.1, 0.4], [1.0, 2.0]])}
    bias = np.array([0.1, 0.2])

    def loss():
        return np.sum((X @ store["V"] + bias - Y) ** 2)

    def gradient():
        r = X @ store["V"] + bias - Y
        return {"dV": 2 * X.T @ r, "db": 2 * r.sum(axis=0)}

    assert ag.check_gradient(loss, gradient, params={"V": store["V"], "b": bias}).ok
    assert ag.check_gradient(lambda: np.sum(W**2), lambda: 2 * W, params={"W": W}).ok


def test_parameters_of_a_module():
    """The nodes of a module are its parameters, under their names."""
    model = nn.Sequential(nn.Linear(3, 4, rng=RNG), nn.Tanh(), nn.Linear(4, 2, rng=RNG))
    first, _, second = model.steps

    def loss(X, y):
        return nn.mse_loss(model(ag.Tensor(X)), y)

    def gradient(X, y):
        h = np.tanh(X @ first.weight.data.T + first.bias.data)
        d = 2 * (h @ second.weight.data.T + second.bias.data - y) / y.size
        dz = (d @ second.weight.data) * (1 - h**2)
        found = dz.T @ X, dz.sum(axis=0), d.T @ h, d.sum(axis=0)
        return dict(zip((name for name, _ in model.named_parameters()), found, strict=True))

    weights = list(model.parameters())
    assert ag.check_gradient(loss, gradient, X, Y, params=model).ok
    assert all(a is b for a, b in zip(weights, model.parameters(), strict=True))


@pytest.mark.parametrize(("params", "args", "message"), [
    ({"W": W.copy()}, (), "isn't found in what the loss uses"),
    ({"W": 3.0}, (), "is no array of floats"),
    ({}, (), "no arrays of floats"),
    ({"x": W}, (1.0,), "a name in params and of an argument"),
])
def test_parameters_that_cannot_be_found(params, args, message):
    """Nothing is checked that isn't what the loss uses."""
    def loss(x=0.0):
        return np.sum(W**2) + x

    with pytest.raises(ShapeError, match=message):
        ag.check_gradient(loss, lambda *x: {"W": 2 * W}, *args, params=params)


def test_a_loss_with_an_argument_called_params():
    """It is given that, as any other argument by keyword."""
    def loss(params):
        return np.sum(params["W"] ** 2)

    assert ag.check_gradient(loss, lambda params: {"W": 2 * params["W"]}, params={"W": W}).ok


@pytest.mark.parametrize(("gradient", "message"), [
    (lambda p, q, r: W, "p and q and r should be isn't known"),
    (True, "must return .loss, gradient."),
])
def test_forms_that_are_not_understood(gradient, message):
    """The refusal says what was looked for."""
    with pytest.raises(ShapeError, match=message):
        ag.check_gradient(lambda W, X: np.sum(X @ W), gradient, W, X)


# ── a loss that the engine can't follow ──────────────────────────────────────────────────────


def total(x):
    """The sum of all entries, in a way that the engine can't follow."""
    return np.real(np.fft.fft(x.ravel()))[0]


def refused(A, b):
    return total(A**3) + np.sum(np.exp(b))


M, V = np.array([[0.5, -1.0, 0.3], [2.0, 0.7, 1.1], [0.2, -0.4, 0.9]]), np.array([0.1, -0.5, 0.8])


@pytest.mark.parametrize(("kind", "said", "gradient"), [
    ("sign", "wrong sign", lambda A, b: (-3 * A**2, np.exp(b))),
    ("factor", "1/3 times", lambda A, b: (A**2, np.exp(b))),
    ("transpose", "is transposed", lambda A, b: (3 * A.T**2, np.exp(b))),
    ("index", "reversed along axis 1", lambda A, b: (3 * A[:, ::-1] ** 2, np.exp(b))),
    ("index", "shifted by one along axis 0",
     lambda A, b: (3 * np.roll(A, 1, axis=0) ** 2, np.exp(b))),
    ("extra-term", "the term 2 * A is too much", lambda A, b: (3 * A**2 + 2 * A, np.exp(b))),
    ("missing-term", "the factor A is missing", lambda A, b: (3 * A, np.exp(b))),
    ("extra-term", "the right one times b", lambda A, b: (3 * A**2 * b, np.exp(b))),
    ("partial", "the row 1 is wrong, 0 was given there",
     lambda A, b: (3 * A**2 * np.array([[1], [0], [1]]), np.exp(b))),
    ("partial", "is 0 throughout", lambda A, b: (0 * A, np.exp(b))),
])
def test_what_numbers_alone_tell(kind, said, gradient):
    """Where there is no graph to look into, relations of the arrays are named."""
    report = ag.check_gradient(refused, gradient, M, V, wrt=("A", "b"))
    assert report["b"].verdict == "right" and report["A"].verdict == "wrong"
    assert any(s.kind == kind and said in s.message for s in report["A"].suspects), str(report)


def test_exchanged_gradients_of_a_refused_loss():
    """Two claims that are each the other's are named as that."""
    def loss(a, b):
        return total(a * b)

    report = ag.check_gradient(loss, lambda a, b: (a, b), V, V**2 + 1, wrt=("a", "b"))
    assert report["a"].suspects[0].message == "the gradients of a and b are exchanged"


def test_an_edit_repairs_the_gradient_of_a_refused_loss():
    """The line is found by editing the gradient, with finite differences as the judge."""
    def loss(w):
        return total(w * w) + np.sum(np.sin(w))

    def gradient(w):
        d = 2 * w
        return d - np.cos(w)

    (suspect, *_) = ag.check_gradient(loss, gradient, V)["w"].suspects
    assert suspect.line.endswith("return d - np.cos(w)") and suspect.fix == "return d + np.cos(w)"


def test_a_relation_must_hold_at_a_second_point():
    """A factor that fits by chance at one point is no name."""
    def gradient(A, b):
        return 3 * A**2 * (1 + (A[0, 0] == 0.5)), np.exp(b)

    report = ag.check_gradient(refused, gradient, M, V, wrt=("A", "b"))
    assert not any(s.kind == "factor" for s in report["A"].suspects)
