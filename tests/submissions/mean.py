import numpy as np


def gradient(W, b, X, t):
    y = np.tanh(X @ W + b)
    d = 2 * (y - t) * (1 - y**2) / t.size
    return X.T @ d, d.mean(axis=0)
