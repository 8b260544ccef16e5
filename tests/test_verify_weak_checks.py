"""Checks that are weak in themselves, and say so: a loss that shows nothing, a kink, a refusal."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd_mini as ag

NOTES = [
    ("doesn't reach", lambda w: np.sum(np.ones(2)) + 0.0 * np.sum(w[:0]) + np.sum(w) * 0.0,
     lambda w: 0 * w, np.ones(2), None),
    ("symmetry", lambda x: np.sum(ag.softmax(x)), lambda x: 0 * x, np.arange(3.0), "right"),
    ("float32", lambda x: np.sum(x**2), lambda x: 2 * x, np.ones(2, np.float32), "right"),
    ("is at its kink", lambda x: np.sum(ag.relu(x)), lambda x: 1.0 * (x > 0),
     np.array([0.0, 1.0]), "right"),
    ("within 1e-08 of its kink", lambda x: np.sum(ag.relu(x)), lambda x: 1.0 * (x > 0),
     np.array([1e-8, 1.0]), "can't tell"),
    ("at a tie", lambda x: np.max(x), np.array([1.0, 0.0]), np.ones(2), "right"),
    ("broadcast to (3, 3)", lambda w: np.mean((w - np.arange(3.0)) ** 2),
     lambda w: 2 * (w - 1) / 3, np.ones((3, 1)), "right"),
]


@pytest.mark.filterwarnings("ignore::autograd_mini.errors.BroadcastWarning")  # it is noted, too
@pytest.mark.parametrize(("word", "loss", "claim", "x", "verdict"), NOTES[1:],
                         ids=[case[0] for case in NOTES[1:]])
def test_weak_checks_are_called_out(word, loss, claim, x, verdict):
    """A probe that shows nothing, or lies beside a kink, is said to be that."""
    report = ag.check_gradient(loss, claim, x)
    assert any(word in note for note in report.notes), report.notes
    assert report.verdict == verdict and "note:" in str(report)


def test_a_parameter_that_does_not_reach_the_loss():
    """Its gradient is 0, and that is all that was tested."""
    report = ag.check_gradient(lambda w, v: np.sum(w**2), lambda w, v: (2 * w, 0 * v),
                               np.ones(2), np.ones(3), wrt=("w", "v"))
    assert report.ok and any("v doesn't reach" in note for note in report.notes)


def test_a_refused_loss_says_so():
    """Where the engine can't help, the report says why, and what can't be told."""
    def loss(x):
        return np.real(np.fft.fft(x))[0] ** 2

    report = ag.check_gradient(loss, lambda x: np.sum(x) + 3 * x**2, np.array([1.0, 2.0]))
    assert report["x"].suspects[0].kind == "unknown"
    assert "its result is complex" in report["x"].reason
    assert "np.fft.fft(x)` at test_verify_weak_checks.py:" in report["x"].reason


def test_a_loss_that_writes_into_an_array_is_followed():
    """The engine runs it as it is written, and the mistake is named."""
    def loss(x):
        out = np.zeros(2)
        for i in range(2):
            out[i] = math.exp(x[i])
        return float(out.sum())

    report = ag.check_gradient(loss, lambda x: 2 * np.exp(x), np.array([0.3, 0.5]))
    assert report["x"].suspects[0].kind == "factor"
    assert ag.check_gradient(loss, np.exp, np.array([0.3, 0.5])).ok
