"""Softmax regression with integer labels, a temperature, W of shape (classes, features) and a row-vector bias."""

import numpy as np


def loss(W, b, X, y, tau):
    Z = (X @ W.T + b) / tau
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    total = np.sum(E, axis=1, keepdims=True)
    P = E / total
    picked = P[np.arange(X.shape[0]), y]
    return -np.log(picked).mean()


def gradient(W, b, X, y, tau):
    n = X.shape[0]
    Z = (X @ W.T + b) / tau
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    dZ = P.copy()
    dZ[np.arange(n), y] -= 1
    dZ /= n * tau
    dW = dZ.T @ X
    db = dZ.sum(axis=0, keepdims=True)
    return dW, db


def example(rng):
    return rng.normal(size=(4, 6)), rng.normal(size=(1, 4)), rng.normal(size=(9, 6)), rng.integers(0, 4, 9), 1.7


MISTAKES = [
    ("forgot the temperature", {"n * tau": "n"}, "factor", (), ("W", "b"), "/ tau"),
    ("took the labels as counted from 1", {"dZ[np.arange(n), y] -= 1": "dZ[np.arange(n), y - 1] -= 1"}, "index", (), ("W", "b"), "picked = P[np.arange(X.shape[0]), y]"),
    ("Xᵀ dZ although W is (classes, features)", {"dZ.T @ X": "X.T @ dZ"}, "transpose", (), ("W",), "X @ W.T + b"),
    ("bias's gradient without keepdims", {"dZ.sum(axis=0, keepdims=True)": "dZ.sum(axis=0)"}, "shape", (), ("b",), "X @ W.T + b"),
    ("averaged the bias's gradient over the batch a second time", {"dZ.sum(axis=0, keepdims=True)": "dZ.mean(axis=0, keepdims=True)"}, "mean-for-sum", ("factor",), ("b",), "X @ W.T + b"),
    ("one-hot minus p instead of p minus one-hot", {"dZ = P.copy()": "dZ = -P", "-= 1": "+= 1"}, "sign", (), ("W", "b"), "-np.log(picked).mean()"),
    ("treated the softmax's denominator as a constant", {"dZ = P.copy()": "dZ = np.zeros_like(P)"}, "missing-term", (), ("W", "b"), "total = np.sum(E, axis=1, keepdims=True)"),
]
