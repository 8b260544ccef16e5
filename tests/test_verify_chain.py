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
