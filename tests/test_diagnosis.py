"""The cause: each kind of mistake is named, on the right line, and nothing else is explained."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from two_layers import MLP, WRT, X, edited, mlp
from wrong_gradients import harness

import autograd_mini as ag

# (text of by_hand: what stands there instead, kind, parameters, a word of the message, the line)
EDITS = [
    ({"2 * (out - T)": "(out - T)"}, "factor", "W1 b1 W2 b2", "2", "(out - T) ** 2"),
    ({"/ len(X)": ""}, "factor", "W1 b1 W2 b2", "1/7", "np.mean"),
    ({"(out - T)": "(T - out)"}, "sign", "W1 b1 W2 b2", "sign", "np.mean"),
    ({"* (1 - h ** 2)": ""}, "missing-local-derivative", "W1 b1", "derivative", "np.tanh"),
    ({"1 - h ** 2": "1 - z ** 2"}, "wrong-argument", "W1 b1", "before the tanh", "np.tanh"),
    ({"1 - h ** 2": "(1 - h) ** 2"}, "wrong-local-derivative", "W1 b1", "(1 - h)**2", "np.tanh"),
    ({"1 - h ** 2": "h * (1 - h)"}, "wrong-local-derivative", "W1 b1", "sigmoid", "np.tanh"),
    ({"dh * (1 - h ** 2)": "1 - h ** 2"}, "missing-incoming", "W1 b1", "alone", "np.tanh"),
    ({"h.T @ d\n": "z.T @ d\n"}, "wrong-operand", "W2", "z stands", "h @ W2"),
    ({"d.sum(axis=0)": "d.mean(axis=0)"}, "mean-for-sum", "b2", "averaged", "+ b2"),
    ({"d.sum(axis=0)": "d"}, "unreduced", "b2", "axis 0", "+ b2"),
    ({"d.sum(axis=0)": "d.sum(axis=1)"}, "wrong-axis", "b2", "axis 1", "+ b2"),
    ({"d.sum(axis=0)": "d.sum(axis=0)[None]"}, "shape", "b2", "reshape", "+ b2"),
    ({"dW2 = h.T @ d": "dW2 = d.T @ h"}, "transpose", "W2", "transposed", "h @ W2"),
    ({" + 0.2 * W1": ""}, "missing-term", "W1", "term", "W1 ** 2"),
    ({"0.2 * W1": "0.4 * W1"}, "doubled-term", "W1", "twice", "W1 ** 2"),
    ({"dz.sum(axis=0)": "dz.sum(axis=0) + 0.2 * b1"}, "extra-term", "b1", "regulariser", ""),
    ({"dh = ": "W2 = W2 - 0.3 * dW2\n    dh = "}, "stale", "W1 b1", "updated", "h @ W2"),
    ({"return": "dW1[2] = 0\n    return"}, "partial", "W1", "row 2", ""),
    ({"return": "dW2[0, 0] *= 1.5\n    return"}, "partial", "W2", "[0, 0]", ""),
]


@pytest.mark.parametrize(("edits", "kind", "names", "word", "line"),
                         [pytest.param(*row, marks=pytest.mark.slow if k % 5 else [])
                          for k, row in enumerate(EDITS)],
                         ids=[next(iter(e[0].values())).strip() or e[1] for e in EDITS])
def test_each_kind_of_mistake(edits, kind, names, word, line):
    """One edit of a right gradient: its kind, its words, its line, for just its parameters."""
    report = ag.check_gradient(mlp, edited(edits), *MLP, wrt=WRT)
    assert [e.name for e in report if e.verdict == "wrong"] == names.split(), str(report)
    for name in names.split():
        first = report[name].suspects[0]
        assert first.kind == kind, str(report)
        assert word in first.message and "{" not in first.message
        assert line in first.where and ("two_layers.py" in first.where or not line)
    assert str(report).count("\n") > 8


def test_the_line_to_change():
    """The gradient's own wrong line, and what it should be."""
    report = ag.check_gradient(mlp, edited({"1 - h ** 2": "1 - z ** 2"}), *MLP, wrt=WRT)
    first = report["W1"].suspects[0]
    assert first.line.endswith("dz = dh * (1 - z ** 2)") and first.fix == "dz = dh * (1 - h ** 2)"
    assert "in the loss" in str(report) and "corrected" in str(report)


def test_numbers_alone_are_enough():
    """Without the gradient's code the mistake is named from the numbers."""
    claims = edited({"1 - h ** 2": "1 - z ** 2"})(*MLP)
    report = ag.check_gradient(mlp, claims, *MLP, wrt=WRT)
    assert report["W1"].suspects[0].kind == "wrong-argument"
    assert report["W1"].suspects[0].evidence < 1e-12 and not report["W1"].suspects[0].line


def test_two_mistakes_at_once():
    """A wrong derivative and a forgotten 1/n: both are said, of the parameters that have both."""
    report = ag.check_gradient(mlp, edited({"1 - h ** 2": "(1 - h) ** 2", "/ len(X)": "",
                                            " + 0.2 * W1": " + 1.4 * W1"})(*MLP), *MLP, wrt=WRT)
    first = report["b1"].suspects[0]
    assert {first.kind, *(s.kind for s in first.also)} == {"wrong-local-derivative", "factor"}
    assert report["W2"].suspects[0].kind == "factor"


# ── what must not be explained ───────────────────────────────────────────────────────────────


@pytest.mark.slow  # each search is one that finds nothing
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_noise_is_not_explained(seed):
    """A random gradient is wrong, and the cause unknown: nothing that fits is invented."""
    noise = [np.random.default_rng(seed).normal(size=p.shape) for p in MLP]
    report = ag.check_gradient(mlp, noise, *MLP, wrt=WRT)
    assert all([s.kind for s in e.suspects] == ["unknown"] for e in report)


@pytest.mark.slow  # eight searches
def test_a_suspect_gives_the_numbers():
    """What a suspect says is tried out: its evidence is a difference at the level of rounding."""
    for edits, *_ in EDITS[:8]:
        for e in ag.check_gradient(mlp, edited(edits), *MLP, wrt=WRT):
            for s in e.suspects:
                assert s.evidence < 1e-9


def test_ties_are_said():
    """Numbers that two mistakes give alike are said to be that."""
    x = np.array([0.3, -0.2, 0.7])
    report = ag.check_gradient(lambda x: np.sum(2 * x**2), lambda x: 2 * x, x)
    first, *others = report["x"].suspects
    assert first.kind == "factor" and any(s.tied for s in others)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), c=st.sampled_from([-1.0, 2.0, 0.5, 7.0, 1 / 7]))
def test_a_factor_of_the_whole(seed, c):
    """Any right gradient times a constant is a sign or a factor, never something far-fetched."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(5, 3))
    right = ag.grad(lambda w: np.mean(np.sin(X @ w)))(w)
    first = ag.check_gradient(lambda w: np.mean(np.sin(X @ w)), c * right, w)["w"].suspects[0]
    assert first.kind == ("sign" if c < 0 else "factor") and not first.also


# ── the labelled set ─────────────────────────────────────────────────────────────────────────

@pytest.mark.slow  # it searches for sixty mistakes
def test_a_sample_of_the_labelled_set():
    """Of every twelfth of the labelled wrong gradients all are detected, most are named rightly."""
    every = list(harness.cases())[::12]
    right = 0
    for case in every:
        with np.errstate(all="ignore"):
            report = ag.check_gradient(case.loss, case.gradient, *case.args, wrt=case.wrt)
        assert report.verdict == "wrong", case.did
        kinds = Counter(e.suspects[0].kind for e in report if e.verdict == "wrong")
        right += kinds.most_common(1)[0][0] in case.accepted
    assert len(every) > 50 and right / len(every) > 0.85
