import numpy as np


def gradient(W, b, X, t):
    return W * np.nan, b * np.nan
