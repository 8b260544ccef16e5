"""Whole backward passes, line by line: the first wrong line is blamed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from two_layers import W1, W2, T, X

import autograd_mini as ag
from autograd_mini.errors import GraphError, ShapeError


def forward():
    """A forward pass on Tensors, all of its variables."""
    w1, w2 = ag.Tensor(W1, label="w1"), ag.Tensor(W2, label="w2")
    z = X @ w1
    h = np.tanh(z)
    out = h @ w2
    loss = np.mean((out - T) ** 2)
    return locals()


def backward_by_hand():
    """The claims, right."""
    z = X @ W1
    h = np.tanh(z)
    dout = 2 * (h @ W2 - T) / T.size
    dh = dout @ W2.T
    dz = dh * (1 - h**2)
    return {"dout": dout, "dw2": h.T @ dout, "dh": dh, "dz": dz, "dw1": X.T @ dz}


def test_a_chain_that_is_right():
    """Each line right, in backward order whatever the order given."""
    report = ag.check_chain(forward, **dict(reversed(backward_by_hand().items())))
    assert report.ok and report.blamed == ()
    names = [e.name for e in report]
    assert names.index("dout") < names.index("dh") < names.index("dz") < names.index("dw1")


def test_the_first_wrong_line_is_blamed():
    """What is wrong only because of it says so; what is wrong by itself besides is told too."""
    claims = backward_by_hand()
    claims["dz"] = claims["dh"] * (1 - (X @ W1) ** 2)
    claims["dw1"] = X.T @ claims["dz"]
    report = ag.check_chain(forward, **claims)
    assert report.blamed == ("dz",) and dict(report.because) == {"dw1": "dz"}
    assert report["dz"].suspects[0].kind == "wrong-argument"
    assert str(report).startswith("The first mistake is in dz.")
    claims["dw1"] = -claims["dw1"]
    report = ag.check_chain(forward(), **claims)
    assert report.blamed == ("dz", "dw1") and report["dw1"].suspects[0].kind == "sign"


def test_right_in_spite_of_a_wrong_one_before():
    """A claim that is right, though one before it isn't, is right."""
    claims = backward_by_hand() | {"dh": np.zeros((7, 6))}
    report = ag.check_chain(forward, **claims)
    assert report.blamed == ("dh",) and report["dz"].verdict == report["dw1"].verdict == "right"


def test_chains_that_cannot_be_checked():
    """No loss, no node, no claims: an error before any verdict."""
    variables = forward()
    with pytest.raises(GraphError, match="needs its node"):
        ag.check_chain(variables["loss"], dz=np.ones(3))
    with pytest.raises(GraphError, match="doesn't depend"):
        ag.check_chain(variables["loss"], dv=(ag.Tensor([1.0]), np.ones(1)))
    with pytest.raises(GraphError, match="no loss among"):
        ag.check_chain({"z": variables["z"]}, dz=np.ones(3))
    with pytest.raises(ShapeError, match="nothing to check"):
        ag.check_chain(variables["loss"])
    shape = ag.check_chain(variables, dw2=backward_by_hand()["dw2"].T)
    assert shape["dw2"].suspects[0].kind == "transpose"


def test_a_chain_of_values():
    """Floats have gradients too."""
    a, b = ag.Value(2.0, label="a"), ag.Value(-3.0, label="b")
    c = a * b
    loss = c.tanh()
    report = ag.check_chain(loss, dc=(c, 1 - np.tanh(-6.0) ** 2), da=(a, 1.0))
    assert report["dc"].verdict == "right" and report.blamed == ("da",)


def test_a_forward_pass_that_writes_into_arrays():
    """It is followed as it is written, and the wrong line is named."""
    w = ag.Tensor([0.3, -0.2, 0.5], label="w")

    def forward():
        z = np.zeros(3)
        for i in range(3):
            z[i] = math.tanh(w[i])
        loss = float(np.sum(z**2))
        return locals()

    z = np.tanh(w.data)
    right = ag.check_chain(forward, dz=2 * z)
    assert right.ok, str(right)
    wrong = ag.check_chain(forward, dz=z)
    assert wrong.blamed == ("dz",)


# ── without Tensors ──────────────────────────────────────────────────────────────────────────


XS, TS = np.array([[0.5, -1.0], [1.5, 2.0], [-0.3, 0.8]]), np.array([[1.0], [0.0], [1.0]])


def plain_forward(W, b, X):
    z = X @ W + b
    p = 1 / (1 + np.exp(-z))
    return np.mean((p - TS) ** 2)


def plain_backward(W, b, X):
    z = X @ W + b
    p = 1 / (1 + np.exp(-z))
    dp = 2 * (p - TS) / TS.size
    dz = dp * z * (1 - z)
    dW = X.T @ dz
    db = dz.sum(axis=0)
    return dW, db


def local_backward(W, b, X):
    z = X @ W + b
    p = 1 / (1 + np.exp(-z))
    dp = 2 * (p - TS) / TS.size
    dz = p * (1 - p)  # the local derivative alone
    dW = X.T @ (dp * dz)
    db = (dp * dz).sum(axis=0)
    return dW, db


POINT = np.array([[0.3], [-0.7]]), np.array([0.1]), XS


def test_a_chain_in_plain_numpy():
    """The forward pass is a function of plain arrays; its local variables are the nodes."""
    W, b, X = POINT
    p = 1 / (1 + np.exp(-(X @ W + b)))
    dp = 2 * (p - TS) / TS.size
    report = ag.check_chain(plain_forward, *POINT, dp=dp, dz=dp * p * (1 - p))
    assert report.ok and [e.name for e in report] == ["dp", "dz"]
    assert ag.check_chain(plain_forward, *POINT, dp=-dp).blamed == ("dp",)


def test_a_backward_pass_is_blamed_without_naming_anything():
    """Its local variables are the claims, and the line of the first wrong one is told."""
    report = ag.check_chain(plain_forward, plain_backward, *POINT)
    assert report.blamed == ("dz",) and report.because == (("db", "dz"), ("dW", "dz"))
    assert report["dz"].suspects[0].line.endswith("dz = dp * z * (1 - z)")
    assert report["dz"].suspects[0].fix == "dz = dp * p * (1 - p)"


def test_a_local_derivative_is_no_claim():
    """A variable that is called as a gradient may be something else: what follows it is right."""
    report = ag.check_chain(plain_forward, local_backward, *POINT)
    assert report.ok and {e.name for e in report} == {"dp", "dW", "db"}


def test_a_backward_pass_without_such_variables():
    """There is nothing to compare then, and it is said."""
    with pytest.raises(ShapeError, match="that is called as the gradient of one"):
        ag.check_chain(plain_forward, lambda W, b, X: (W, b), *POINT)


def test_a_sum_along_the_wrong_axis_has_the_wrong_shape():
    """A gradient with as many axes as its node, of other lengths, is blamed where it is made, and
    not where it is used; unless all that it leads to is right."""
    rng = np.random.default_rng(0)
    z, t = rng.normal(size=(4, 3)), np.eye(3)[[2, 0, 1, 2]]

    def forward(z, t):
        e = np.exp(z)
        s = e.sum(axis=1, keepdims=True)
        p = e / s
        return -(t * np.log(p)).sum()

    def wrong(z, t):
        e = np.exp(z)
        s = e.sum(axis=1, keepdims=True)
        dp = -t * s / e
        ds = -(dp * e / s**2).sum(axis=0, keepdims=True)
        de = dp / s + ds
        return de * e

    def per_entry(z, t):
        e = np.exp(z)
        s = e.sum(axis=1, keepdims=True)
        dp = -t * s / e
        ds = -dp * e / s**2  # what each entry sends, to be summed
        de = dp / s + ds.sum(axis=1, keepdims=True)
        return de * e

    report = ag.check_chain(forward, wrong, z, t)
    assert report.blamed == ("ds",) and "shape (1, 3)" in report["ds"].reason
    assert report["ds"].suspects[0].fix.endswith("axis=1, keepdims=True)")
    # Nothing can be computed from it, so whether what follows is right can't be told yet.
    assert "de  wrong, perhaps only because of ds: mend that first" in str(report)
    kept = ag.check_gradient(lambda b: np.sum(np.exp(b)), lambda b: np.exp(b).mean(axis=0), z)
    assert "which it keeps" in str(kept) and "axis=()" not in str(kept)
    assert ag.check_chain(forward, per_entry, z, t).ok


def test_what_a_backward_pass_returns_is_checked_too():
    """A gradient that is returned as it is computed, with no variable of its own, is a claim: for
    the argument in its place, by its name in a mapping, or the one argument it fits."""
    def forward(w, x):
        z = w * x
        return z**2

    w, x = np.array(0.5), np.array(3.0)
    passes = {"both": (lambda w, x, dz: (dz * x, dz * w), True),
              "the second wrong": (lambda w, x, dz: (dz * x, dz), False),
              "by name": (lambda w, x, dz: {"dw": dz * x, "x": dz * w}, True),
              "by name, wrong": (lambda w, x, dz: {"dw": -dz * x}, False),
              "one": (lambda w, x, dz: dz * x, True),
              "the other one": (lambda w, x, dz: dz * w, True),
              "its own variable": (lambda w, x, dz: dz, True),
              "one, wrong": (lambda w, x, dz: dz * x + 1, False),
              "nothing": (lambda w, x, dz: None, True),
              "the loss": (lambda w, x, dz: (w * x)**2, True)}
    for name, (returned, right) in passes.items():
        def backward(w, x, returned=returned):
            dz = 2 * w * x
            return returned(w, x, dz)

        report = ag.check_chain(forward, backward, w, x)
        assert report.ok == right, (name, report)
        assert report["dz"].verdict == "right"
        assert right or report.blamed


def test_a_variable_that_is_added_to_is_checked():
    """`de += ds`, before it is used, completes a gradient; between uses it makes another."""
    def forward(z):
        e = np.exp(z)
        s = e.sum()
        return -np.log(e[0] / s)

    def completed(z):
        e = np.exp(z)
        ds = 1 / e.sum()
        de = np.array([-1 / e[0], 0.0])
        de += ds
        return de * e

    def wrong(z):
        e = np.exp(z)
        ds = 1 / e.sum()
        de = np.array([-1 / e[0], 0.0])
        de -= ds
        return de * e

    def used_before(z):
        e = np.exp(z)
        de = np.array([-1 / e[0], 0.0])
        dz = de * e
        ds = 1 / e.sum()
        de += 2 * ds
        return dz + e * ds

    z = np.array([0.3, -0.2])
    report = ag.check_chain(forward, completed, z)
    assert report.ok and [e.name for e in report] == ["ds", "de", "dz"]
    assert ag.check_chain(forward, wrong, z).blamed == ("de",)
    assert "de" not in [e.name for e in ag.check_chain(forward, used_before, z)]


def test_hints_stay_between_the_lines_that_are_given():
    """A layer's rule as a whole isn't told to whoever derives its lines one by one; a term that is
    missing is added to what is there."""
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))

    def forward(x, target):
        mean = x.sum(axis=0) / len(x)
        centred = x - mean
        inverse = ((centred**2).sum(axis=0) / len(x) + 1e-5) ** -0.5
        normed = centred * inverse
        return ((normed - target) ** 2).sum()

    def backward(x, target):
        mean = x.sum(axis=0) / len(x)
        centred = x - mean
        inverse = ((centred**2).sum(axis=0) / len(x) + 1e-5) ** -0.5
        dnormed = 2 * (centred * inverse - target)
        dinverse = (dnormed * centred).sum(axis=0)
        dvariance = dinverse * -0.5 * inverse**3
        dcentred = dnormed * inverse + dvariance / len(x) * 2 * centred
        dx = dcentred
        return (dx,)

    report = ag.check_chain(forward, backward, x, target)
    assert report.blamed == ("dx",)
    assert report.hint(3).endswith("the term - mean(dcentred) is missing")

    def squares(z):
        e = z**2
        return (e * np.sin(z)).sum()

    def forgets(z):
        de = np.sin(z)
        return {"z": z**2 * np.cos(z), "e": de}

    told = ag.check_chain(squares, forgets, x)["dz"].suspects[0]
    assert told.fix == "dz += de * 2 * z**(2 - 1)"
