"""Errors without a name: what they are proportional to is told."""

import numpy as np
import pytest

import autograd_mini as ag

RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(6, 3)), RNG.normal(size=6), RNG.normal(size=3)


def loss(w, X, y, lam):
    return np.mean((X @ w - y) ** 2) + lam * np.sum(w**2)


def with_lam(w, X, y, lam):
    r = X @ w - y
    r[0] += lam * np.exp(w[0])
    r[2] += lam * np.cos(w[1])
    r[3] -= lam * np.sin(w[2]) ** 2
    return 2 * X.T @ r / len(y) + 2 * lam * w


def with_samples(w, X, y, lam):
    r = X @ w - y
    d = 2 * X.T @ r / len(y) + 2 * lam * w
    d[0] += np.sum(np.exp(X @ w))
    d[1] += np.sum(np.cos(X @ w)) * 3
    d[2] -= np.sum(X[:, 1] ** 2)
    return d


def with_nothing(w, X, y, lam):
    r = X @ w - y
    d = 2 * X.T @ r / len(y) + 2 * lam * w
    d[0] += np.exp(lam * w[1]) * np.sum(X[:, 0] ** 2) ** 0.3
    d[1] += np.cos(lam + w[2]) / (1 + len(y))
    d[2] -= np.sin(w[0] + lam) + len(y)
    return d


@pytest.mark.slow  # six searches
def test_an_error_that_grows_with_a_number_or_with_the_samples():
    """λ is doubled, and each sample comes twice."""
    for gradient, said in ((with_lam, "its error is proportional to lam"),
                           (with_samples, "its error is proportional to the number of samples")):
        (first, *_) = ag.check_gradient(loss, gradient, W, X, Y, 0.3)["w"].suspects
        assert first.kind == "unknown" and said in first.message, first.message


@pytest.mark.slow
def test_an_error_that_grows_with_nothing():
    """Nothing is said then."""
    (first, *_) = ag.check_gradient(loss, with_nothing, W, X, Y, 0.3)["w"].suspects
    assert "proportional" not in first.message
