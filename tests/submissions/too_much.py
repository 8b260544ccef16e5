import numpy as np


def gradient(W, b, X, t):
    return np.ones(10**6), b
