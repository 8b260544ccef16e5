import numpy as np


def gradient(W, b, X, t):
    import torch

    return torch.zeros(W.shape)
