import numpy as np


def gradient(W, b, X, t):
    return [np.ones(10**7) for _ in range(10**4)]
