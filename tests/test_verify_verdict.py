"""The verdict: right is right, wrong is wrong, and what can't be told is not guessed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

import autograd_mini as ag


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


@pytest.mark.slow  # forty wrong gradients of forty layers
def test_a_vanishing_gradient_is_not_rounding():
    """Forty layers of tanh: the terms are huge, the gradient tiny, and 0 is wrong all the same."""
    rng = np.random.default_rng(0)
    weights, x = [rng.normal(size=(8, 8)) / 3 for _ in range(40)], rng.normal(size=(6, 8))

    def deep(weights):
        h = x
        for w in weights:
            h = np.tanh(h @ w)
        return np.sum(h**2)

    zeros = ag.check_gradient(deep, [np.zeros((8, 8))] * 40, weights)
    assert zeros["weights[0]"].verdict == "wrong"
    assert ag.check_gradient(deep, ag.grad(deep)(weights), weights).ok


def test_half_precision_excuses_little():
    """float16 has three digits, not none."""
    w = np.array([1, 2, 3], np.float16)
    assert ag.check_gradient(lambda w: np.sum(w**3), lambda w: w**2, w).verdict == "wrong"


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
