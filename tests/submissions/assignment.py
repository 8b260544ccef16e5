"""The mean squared error of a tanh layer: give ∂L/∂W and ∂L/∂b."""
import numpy as np

wrt = ("W", "b")
points = 10


def loss(W, b, X, t):
    return np.mean((np.tanh(X @ W + b) - t) ** 2)


def example(rng):
    return (rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(5, 3)),
            rng.normal(size=(5, 2)))


def solution(W, b, X, t):
    y = np.tanh(X @ W + b)
    d = 2 * (y - t) * (1 - y**2) / t.size
    return X.T @ d, d.sum(axis=0)
