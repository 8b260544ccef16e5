"""The verifier: right is right, wrong is wrong, and what can't be told is not guessed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

import autograd_mini as ag
from autograd_mini.demo import xor_example, xor_gradient, xor_gradient_published, xor_loss
from autograd_mini.errors import GradientError, ShapeError
from autograd_mini.verify.numeric import slope_along


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


def noisy(x):
    """x² with a relative noise of 1e-9 that differs from call to call."""
    noisy.calls += 1
    return np.sum(x**2) * (1 + 1e-9 * np.sin(1e3 * noisy.calls))


noisy.calls = 0

X5 = np.arange(1.0, 6.0)
def refused_cumsum(x):
    """A function that the engine refuses, but finite differences can follow."""
    return np.sum(np.apply_over_axes(np.cumsum, x, [0]))


CASES = [
    ("wrong sign on 1e-8", lambda x: 1e-8 * np.sum(x**2), lambda x: -2e-8 * x, X5, "wrong"),
    ("right on 1e-8", lambda x: 1e-8 * np.sum(x**2), lambda x: 2e-8 * x, X5, "right"),
    ("one sign of 1e-8 beside 1", lambda x: x[0] + 1e-8 * x[1], np.array([1.0, -1e-8]),
     np.ones(2), "wrong"),
    ("1 of 5 off by 0.1 %", lambda x: np.sum(x**3),
     lambda x: 3 * x**2 * np.array([1, 1, 1, 1.001, 1]), X5, "wrong"),
    ("log at 1e-7", lambda x: np.log(x), 1e7, 1e-7, "right"),
    ("log at 1e-7, wrong", lambda x: np.log(x), 1.001e7, 1e-7, "wrong"),
    ("sin at 1e6", lambda x: np.sin(x), np.cos(1e6), 1e6, "right"),
    ("relu at 0: 0", lambda x: ag.relu(x), 0.0, 0.0, "right"),
    ("relu at 0: another subgradient", lambda x: np.maximum(x, 0), 1.0, 0.0, "right"),
    ("relu at 0: no subgradient", lambda x: np.maximum(x, 0), 1.5, 0.0, "wrong"),
    ("relu at 1e-8: 1", lambda x: np.maximum(x, 0), 1.0, 1e-8, "right"),
    ("relu at 1e-8: 0", lambda x: np.maximum(x, 0), 0.0, 1e-8, "wrong"),
    ("|x| at 0", lambda x: np.abs(x), 0.0, 0.0, "right"),
    ("noise of 1e-9", noisy, lambda x: 2 * x, X5, "can't tell"),
    ("softmax sum: 0", lambda x: np.sum(ag.softmax(x)), lambda x: 0 * x, X5, "right"),
    ("softmax sum: not 0", lambda x: np.sum(ag.softmax(x)), lambda x: 0 * x + 1e-3, X5, "wrong"),
    ("shape (64,) for (1, 64)", lambda x: np.sum(x**2), lambda x: 2 * x[0], np.ones((1, 64)),
     "wrong"),
    ("a scalar for an array", lambda x: np.sum(x), 1.0, X5, "wrong"),
    ("nan in one entry", lambda x: np.sum(x), lambda x: np.where(x == 2, np.nan, 1.0), X5,
     "wrong"),
    ("inf where it is inf", lambda x: np.sqrt(x), np.inf, 0.0, "right"),
    ("a number where it is inf", lambda x: np.sqrt(x), 3.0, 0.0, "can't tell"),
    ("float32 data", lambda x: np.sum(np.tanh(x) ** 2),
     lambda x: 2 * np.tanh(x) * (1 - np.tanh(x) ** 2), X5.astype(np.float32) / 5, "right"),
    ("float32 data, wrong by 1 %", lambda x: np.sum(x**2), lambda x: 2.02 * x,
     X5.astype(np.float32), "wrong"),
    ("a cut graph, right", lambda x: float(np.sum(x**2)), lambda x: 2 * x, X5, "right"),
    ("a cut graph, wrong", lambda x: float(np.sum(x**2)), lambda x: 3 * x, X5, "wrong"),
    ("an unsupported function, right", lambda x: np.sum(np.cumsum(x)),
     np.array([5.0, 4, 3, 2, 1]), X5, "right"),
    ("code on Values", lambda x: (x * 3).relu() + x, 4.0, 2.0, "right"),
    ("hinge at its kink, sign flipped", lambda w: np.maximum(0, 1 - w @ np.array([1.0, 2.0])),
     np.array([1.0, 2.0]), np.array([1.0, 0.0]), "wrong"),
    ("hinge at its kink", lambda w: np.maximum(0, 1 - w @ np.array([1.0, 2.0])),
     np.array([-1.0, -2.0]), np.array([1.0, 0.0]), "right"),
    ("max at a tie: nonsense", lambda w: np.max(w), np.array([9.0, -9.0]), np.ones(2), "wrong"),
    ("max at a tie: one of them", lambda w: np.max(w), np.array([1.0, 0.0]), np.ones(2), "right"),
    ("max at a tie: both whole", lambda w: np.max(w), np.ones(2), np.ones(2), "can't tell"),
    ("max at a tie: a sum of 0.7", lambda w: np.max(w), np.array([0.5, 0.1, 0.1]), np.ones(3),
     "can't tell"),
    ("masked sqrt, wrong", lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)),
     np.array([0.0, 99.0, -5.0]), np.array([0.0, 1.0, 4.0]), "wrong"),
    ("masked sqrt, right", lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)),
     np.array([0.0, 0.5, 0.25]), np.array([0.0, 1.0, 4.0]), "right"),
    ("max of sqrt, wrong", lambda x: np.max(np.sqrt(x)), np.full(3, 9.0),
     np.array([0.0, 1.0, 4.0]), "wrong"),
    ("a complex claim", lambda x: np.sum(x**2), lambda x: 2 * x + 5j, X5, "wrong"),
    ("a smooth part beside a kink", lambda w: np.sum(w**2) + np.abs(w[0] - w[1]),
     np.array([-3.0, -3.0]), np.ones(2), "wrong"),
    ("the edge of the domain", lambda x: np.sum((1 - x) ** 1.5),
     np.array([7.0, -1.5 * 0.5**0.5]), np.array([1.0, 0.5]), "wrong"),
    ("relu at many zeros: 0", lambda b: np.sum(np.maximum(0, b)), lambda b: 1.0 * (b > 0),
     np.zeros(20), "right"),
    ("relu at many zeros: 1", lambda b: np.sum(np.maximum(0, b)), lambda b: 1.0 * (b >= 0),
     np.zeros(20), "right"),
    ("relu at many zeros: 2", lambda b: np.sum(np.maximum(0, b)), lambda b: b + 2.0,
     np.zeros(20), "wrong"),
    ("zero by invariance, rounding given", lambda z: np.sum(ag.softmax(z)),
     np.array([1e-16, -1e-16, 5e-17]), np.array([0.1, 0.2, 0.3]), "right"),
    ("a loss that is nan", lambda x: np.sum(np.log(x)), lambda x: 1 / x, -X5, "can't tell"),
    ("methods of arrays", lambda x: x.var() + x.ravel()[0] * x.copy().std(),
     lambda x: (2 * (x - x.mean()) / 5 + np.eye(5)[0] * x.std()
                + x[0] * (x - x.mean()) / (5 * x.std())), X5, "right"),
    ("an unknown function", refused_cumsum,
     np.array([5.0, 4, 3, 2, 1]), X5, "right"),
    ("nan claimed where the engine refused", refused_cumsum, X5 * np.nan, X5,
     "wrong"),
    ("inf claimed where the engine refused", refused_cumsum, X5 * np.inf, X5,
     "can't tell"),
    ("a loss that works in place", lambda x: np.sum(np.multiply(x, 2.0, out=x)) if
     isinstance(x, np.ndarray) else np.sum(x * 2.0), lambda x: np.full(5, 2.0), X5, "right"),
    ("a gradient that works in place", lambda x: np.sum(x**2), lambda x: x.__imul__(2), X5,
     "right"),
    ("no entries", lambda x: np.sum(x), np.zeros(0), np.zeros(0), "right"),
    ("text for a gradient", lambda x: np.sum(x), "two", X5, "wrong"),
]


@pytest.mark.parametrize(("f", "claim", "x", "verdict"),
                         [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_verdicts(f, claim, x, verdict):
    """The table of hard cases, each with the verdict that a careful person would give."""
    report = ag.check_gradient(f, claim, x)
    assert report.verdict == verdict, str(report)
    assert report.entries[0].reason and str(report).count("\n") >= 3


def test_one_entry_in_ten_thousand():
    """One entry wrong by 1 % among 10,000 is found, and named."""
    x = np.random.default_rng(0).normal(size=(100, 100)) + 3

    def off(x):
        g = 3 * x**2
        g[41, 7] *= 1.01
        return g

    report = ag.check_gradient(lambda x: np.sum(x**3), off, x)
    assert report.verdict == "wrong" and report.entries[0].worst == (41, 7)


def test_patterns_of_rows_and_columns():
    """Whole wrong rows or columns are said to be that."""

    def off(index):
        def g(x):
            out = 2 * x
            out[index] *= 3
            return out
        return g

    x = np.ones((4, 3))
    rows = ag.check_gradient(lambda x: np.sum(x**2), off(np.s_[2]), x)
    columns = ag.check_gradient(lambda x: np.sum(x**2), off(np.s_[:, 1]), x)
    assert "whole rows: [2]" in rows.entries[0].reason
    assert "whole columns: [1]" in columns.entries[0].reason


@pytest.mark.slow  # a hundred checks, half with a search
@given(seed=st.integers(0, 2**32 - 1), depth=st.integers(1, 4))
def test_no_false_alarm_and_no_miss_on_random_networks(seed, depth):
    """The engine's own gradient passes; the same with one entry off by 1 % doesn't."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(5, 3))

    def f(*weights):
        h = X
        for W in weights:
            h = np.tanh(h @ W)
        return np.mean(h**2)

    weights = [rng.normal(size=(3, 3)) for _ in range(depth)]
    names = tuple(range(depth))
    right = ag.grad(f, names)(*weights)
    assert ag.check_gradient(f, right, *weights, wrt=names).ok
    bad = [g.copy() for g in right]
    at = np.unravel_index(np.argmax(np.abs(bad[0])), (3, 3))
    bad[0][at] *= 1.01
    assert ag.check_gradient(f, bad, *weights, wrt=names).entries[0].verdict == "wrong"


def test_claims_that_do_not_say_which_is_which():
    """Too many, too few, unknown names: an error before any verdict."""
    args = example()
    with pytest.raises(ShapeError, match="3 gradients were given for 2"):
        ag.check_gradient(loss, [1.0, 2.0, 3.0], *args, wrt=("W", "b"))
    with pytest.raises(ShapeError, match="a tuple in that order or a dict by name"):
        ag.check_gradient(loss, np.ones(3), *args, wrt=("W", "b"))
    with pytest.raises(ShapeError, match="wrt names 'V'"):
        ag.check_gradient(loss, gradient, *args, wrt="V")
    with pytest.raises(ShapeError, match="must be one number"):
        ag.check_gradient(lambda x: x * 2, np.ones(2), np.ones(2))


def test_a_partial_cut_is_not_confirmed():
    """A named cut of one entry of a hundred: the engine and the differences disagree at large."""
    x = np.random.default_rng(37).normal(size=100)
    for k in range(0, 100, 7):
        report = ag.check_gradient(lambda x, k=k: np.sum(x * x) + ag.stop_gradient(x[k]) ** 2,
                                   lambda x: 2 * x, x)
        assert report.verdict == "can't tell" and "disagree" in report.entries[0].reason


def test_an_accidental_cut_is_refused_and_the_differences_answer():
    """float() of one entry: the engine refuses the loss, and the missing term is found wrong."""
    x = np.random.default_rng(37).normal(size=10)
    report = ag.check_gradient(lambda x: np.sum(x * x) + float(x[7]) ** 2, lambda x: 2 * x, x)
    assert report.verdict == "wrong" and report.entries[0].worst == (7,)


def test_a_loss_that_fills_an_array():
    """The engine refuses it, and finite differences answer alone."""

    def loss(x):
        out = np.zeros(3)
        for i in range(3):
            out[i] = x[i] ** 2
        return np.sum(out)

    x = np.array([1.0, 2.0, 3.0])
    assert ag.check_gradient(loss, lambda x: 2 * x, x).ok
    assert ag.check_gradient(loss, lambda x: 3 * x, x).verdict == "wrong"


def test_kinks_of_a_loss_that_is_not_convex():
    """Each entry a subgradient, the whole not to be judged by slopes: can't tell, never wrong."""
    v = np.array([1.0, -2.0])
    report = ag.check_gradient(lambda b: np.sum(v * np.maximum(b, 0)), v, np.zeros(2))
    assert report.verdict == "can't tell" and "convex" in report.entries[0].reason


def test_an_attention_key_bias_is_zero_by_invariance():
    """Its true gradient is 0: what a right formula leaves is rounding, and is right."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        Q, K, V = (rng.normal(size=(6, 4)) for _ in range(3))

        def f(b):
            s = Q @ (K + b).T
            e = np.exp(s - s.max(axis=1, keepdims=True))
            return np.sum((e / e.sum(axis=1, keepdims=True) @ V) ** 2)

        def by_hand(b):
            s = Q @ (K + b).T
            e = np.exp(s - s.max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            dp = 2 * (p @ V) @ V.T
            ds = p * (dp - np.sum(p * dp, axis=1, keepdims=True))
            return np.sum(ds.T @ Q, axis=0)

        assert ag.check_gradient(f, by_hand, rng.normal(size=4)).ok


def test_mixed_precision():
    """float32 data beside a float64 parameter: the gradient is as good as float32 allows."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(5, 3)).astype(np.float32)
    f, g = lambda w, A: np.mean((A @ w) ** 2), lambda w, A: 2 / 5 * A.T @ (A @ w).astype(np.float32)
    assert ag.check_gradient(f, g, rng.normal(size=3), A).ok


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
        (lambda: ag.check_gradient(lambda: 1.0, 1.0), "no positional arguments"),
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


@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [(np.log, 1e-7, 1e7), (np.sin, 1e6, np.cos(1e6)), (np.exp, 1.0, np.e),
     (lambda x: 1e-8 * x**2, 3.0, 6e-8), (lambda x: x**2, 0.0, 0.0), (np.tanh, 20.0, None),
     (lambda x: 1 / x, 1e-7, -1e14), (np.sqrt, 1e10, 0.5e-5)],
)
def test_finite_differences_keep_within_their_error_bar(f, x, exact):
    """The stated error bar covers the true error, and is not idle: 1e-6 relative or better."""
    with np.errstate(all="ignore"):
        slope = slope_along(f, x)
    exact = 1 - np.tanh(x) ** 2 if exact is None else exact
    assert abs(slope.value - exact) <= 2 * slope.error + 1e-15
    assert slope.error <= 1e-6 * max(abs(exact), 1e-6) and not slope.kink


def test_kinks_are_seen():
    """One-sided slopes that stay apart as the step shrinks; a near miss is none."""
    assert slope_along(abs, 0.0).kink and not slope_along(abs, 1e-8).kink
    slope = slope_along(lambda x: max(3 * x, -x), 0.0)
    assert slope.kink and (slope.left, slope.right) == pytest.approx((-1.0, 3.0), rel=1e-6)


def test_outside_the_domain():
    """Where f isn't finite on either side there is no estimate, and the error bar is infinite."""
    slope = slope_along(lambda x: float("nan"), 1.0)
    assert np.isnan(slope.value) and slope.error == np.inf


def ill_conditioned(decades):
    """A 5×5 matrix whose singular values fall evenly over so many powers of ten."""
    rng = np.random.default_rng(0)
    u, v = (np.linalg.qr(rng.normal(size=(5, 5)))[0] for _ in range(2))
    return (u * np.logspace(0, -decades, 5)) @ v.T


SOLVING = [
    ("inv", lambda a: np.sum(np.linalg.inv(a) @ np.arange(5.0)), lambda a: -np.outer(
        np.linalg.solve(a.T, np.ones(5)), np.linalg.solve(a, np.arange(5.0)))),
    ("log det of a square", lambda a: np.linalg.slogdet(a @ a.T)[1],
     lambda a: 2 * np.linalg.inv(a).T),
    ("cholesky", lambda a: np.sum(np.log(np.diagonal(np.linalg.cholesky(
        a @ a.T + 1e-9 * np.eye(5))))), lambda a: np.linalg.solve(a @ a.T + 1e-9 * np.eye(5), a)),
]


@pytest.mark.parametrize("decades", [0, 4, 8, 11])
@pytest.mark.parametrize(("loss", "by_hand"), [pytest.param(*s[1:], id=s[0]) for s in SOLVING])
def test_an_ill_conditioned_system_is_never_judged_by_its_rounding(loss, by_hand, decades):
    """A right claim is never called wrong, nor one that is off by a percent right."""
    a = ill_conditioned(decades)
    assert ag.check_gradient(loss, by_hand, a).verdict in (["right"] if decades < 8 else
                                                           ["right", "can't tell"])
    off = ag.check_gradient(loss, lambda a: 1.01 * by_hand(a), a).verdict
    assert off in (["wrong"] if decades == 0 else ["wrong", "can't tell"])
