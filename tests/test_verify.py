"""check_gradient: the forms of a claim and of the arguments, and what is an error."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.demo import xor_example, xor_gradient, xor_gradient_published, xor_loss
from autograd_mini.errors import GradientError, ShapeError


def loss(W, b, X, t):
    p = 1 / (1 + np.exp(-(X @ W + b)))
    return np.mean((p - t) ** 2)


def gradient(W, b, X, t):
    p = 1 / (1 + np.exp(-(X @ W + b)))
    d = 2 * (p - t) * p * (1 - p) / p.size
    return X.T @ d, d.sum(0)


def example():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(7, 3)),
            rng.normal(size=(7, 2)))


def test_a_right_gradient():
    """Both parameters right; printed, the first line says so in words."""
    report = ag.check_gradient(loss, gradient, *example(), wrt=("W", "b"))
    assert report.ok and report.verdict == "right" and [e.name for e in report] == ["W", "b"]
    assert str(report).splitlines()[0] == "The gradient is right (W, b)."
    assert report.raise_if_wrong() is report
    for e in report:
        assert e.absolute_error <= e.error_bar and e.expected.shape == e.given.shape


def test_a_wrong_gradient():
    """The wrong parameter is named, the worst entry shown, and raise_if_wrong raises."""

    def wrong(*args):
        dW, db = gradient(*args)
        dW[1, 0] *= 1.01
        return dW, db

    report = ag.check_gradient(loss, wrong, *example(), wrt=("W", "b"))
    assert (report["W"].verdict, report["b"].verdict) == ("wrong", "right")
    assert report["W"].worst == (1, 0) and "1 of 6 entries" in report["W"].reason
    assert report["W"].relative_error == pytest.approx(0.01, rel=1e-6)
    with pytest.raises(GradientError, match="wrong for W; right for b"):
        report.raise_if_wrong()
    with pytest.raises(AssertionError):
        ag.assert_gradient(loss, wrong, *example(), wrt=("W", "b"))
    with pytest.raises(KeyError, match="checked: W, b"):
        report["nothing"]


@pytest.mark.parametrize("form", ["tuple", "dict", "numbers", "dict function", "list"])
def test_forms_of_the_claim(form):
    """A function or numbers; a tuple, a list or a dict by name."""
    args = example()
    dW, db = gradient(*args)
    claim, wrt = {
        "tuple": (gradient, ("W", "b")),
        "dict": ({"b": db, "W": dW}, None),
        "numbers": ((dW, db), None),
        "dict function": (lambda *a: dict(zip("Wb", gradient(*a), strict=True)), None),
        "list": ([dW, db], [0, 1]),
    }[form]
    report = ag.check_gradient(loss, claim, *args, wrt=wrt)
    assert report.ok and {e.name for e in report} == {"W", "b"}


def test_nested_parameters():
    """A dict of parameters has one entry per array; a missing key is named."""
    W, b, X, t = example()

    def nested(p):
        return loss(p["W"], p["b"], X, t)

    def by_hand(p):
        return dict(zip("Wb", gradient(p["W"], p["b"], X, t), strict=True))

    report = ag.check_gradient(nested, by_hand, {"W": W, "b": b})
    assert report.ok and [e.name for e in report] == ["p['W']", "p['b']"]
    partial = ag.check_gradient(nested, lambda p: {"W": by_hand(p)["W"]}, {"W": W, "b": b})
    assert "missing: p['b']" in partial.entries[0].reason and not partial.ok


@pytest.mark.slow  # four searches, in a loop over scalars
def test_the_xor_network_right_and_as_published():
    """Article 002: the gradient as it should be is right, as published wrong everywhere."""
    assert ag.check_gradient(xor_loss, xor_gradient, *xor_example()).ok
    report = ag.check_gradient(xor_loss, xor_gradient_published, *xor_example())
    assert [e.verdict for e in report] == ["wrong"] * 4
    ratio = report["w2"].given / report["w2"].expected
    np.testing.assert_allclose(ratio, 4.0, rtol=1e-12)


def test_claims_that_do_not_say_which_is_which():
    """Too many, too few, unknown names: an error before any verdict."""
    args = example()
    with pytest.raises(ShapeError, match="3 gradients were given for 2"):
        ag.check_gradient(loss, [1.0, 2.0, 3.0], *args, wrt=("W", "b"))
    with pytest.raises(ShapeError, match="a tuple in that order or a dict by name"):
        ag.check_gradient(loss, np.ones(3), *args, wrt=("W", "b"))
    with pytest.raises(ShapeError, match="wrt names 'V'"):
        ag.check_gradient(loss, gradient, *args, wrt="V")
    for wrong in (True, [False], 1.0, 9, -1, [np.ones(2)]):
        with pytest.raises(ShapeError, match="wrt names"):
            ag.check_gradient(loss, gradient, *args, wrt=wrong)
    assert ag.check_gradient(lambda a, b: a * b, lambda a, b: a, 2.0, 3.0, wrt=np.int64(1)).ok
    with pytest.raises(ShapeError, match="must be one number"):
        ag.check_gradient(lambda x: x * 2, np.ones(2), np.ones(2))


def test_arguments_are_not_changed():
    """Neither a loss nor a gradient that works in place changes the caller's arrays."""
    w = np.array([1.0, 2.0])
    ag.check_gradient(lambda w: np.sum(w**2), lambda w: w.__imul__(2), w)
    assert w.tolist() == [1.0, 2.0]


def test_misuse_is_an_error_not_a_verdict():
    """Nothing to check, a forgotten return, a tuple for one array: said before any verdict."""
    for call, message in (
        (lambda: ag.check_gradient(lambda p: 1.0, {}, {}), "nothing to check|no arrays"),
        (lambda: ag.check_gradient(lambda w: np.sum(w), lambda w: None, np.ones(2)), "return"),
        (lambda: ag.check_gradient(lambda w: np.sum(w), (np.ones(2), 1.0), np.ones(2), wrt="w"),
         "a tuple in that order"),
        (lambda: ag.check_gradient(lambda: 1.0, 1.0), "was given no arguments"),
    ):
        with pytest.raises(ShapeError, match=message):
            call()
    pair = (np.ones(2), 3.0)
    assert ag.check_gradient(lambda p: np.sum(p[0]) * p[1], (np.full(2, 3.0), 2.0), pair).ok


def test_keyword_arguments_go_to_both():
    """What is given by keyword reaches loss and gradient alike."""
    report = ag.check_gradient(lambda w, lam=0.0: lam * np.sum(w**2),
                               lambda w, lam=0.0: 2 * lam * w, np.ones(3), lam=0.5)
    assert report.ok


