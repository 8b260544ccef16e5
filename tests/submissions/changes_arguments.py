import numpy as np


def gradient(W, b, X, t):
    for x in (W, b, X, t):
        x *= 0
    return W, b
