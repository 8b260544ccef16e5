"""Convolution and pooling with loops over the windows, as students write them."""

import numpy as np

RNG = np.random.default_rng(3)


def conv(x, W, b, stride, pad):
    k = W.shape[2]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    size = (xp.shape[2] - k) // stride + 1
    out = np.zeros((len(x), len(W), size, size))
    for i in range(size):
        for j in range(size):
            window = xp[:, :, i * stride:i * stride + k, j * stride:j * stride + k]
            out[:, :, i, j] = np.tensordot(window, W, axes=([1, 2, 3], [1, 2, 3])) + b
    return out


def conv_backward(dout, x, W, b, stride, pad):
    k, s, H = W.shape[2], stride, x.shape[2]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp, dW = np.zeros_like(xp), np.zeros_like(W)
    db = dout.sum(axis=(0, 2, 3))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            window = xp[:, :, i * s:i * s + k, j * s:j * s + k]
            g = dout[:, :, i, j]
            dW += np.tensordot(g, window, axes=(0, 0))
            dxp[:, :, i * s:i * s + k, j * s:j * s + k] += np.tensordot(g, W, axes=(1, 0))
    dx = dxp[:, :, pad:pad + H, pad:pad + H]
    return dx, dW, db


def correlate(x, w):
    n, k = x.shape[0] - w.shape[0] + 1, w.shape[0]
    y = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            y[i, j] = np.sum(x[i:i + k, j:j + k] * w)
    return y


def correlate_backward(dout, x, w):
    k = w.shape[0]
    dw = correlate(x, dout)
    dx = correlate(np.pad(dout, k - 1), w[::-1, ::-1])
    return dx, dw


def max_pool(x, k):
    n, c, h, w = x.shape
    out = np.zeros((n, c, h // k, w // k))
    for i in range(h // k):
        for j in range(w // k):
            window = x[:, :, i * k:i * k + k, j * k:j * k + k]
            out[:, :, i, j] = window.max(axis=(2, 3))
    return out


def max_pool_backward(dout, x, k):
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            window = x[:, :, i * k:i * k + k, j * k:j * k + k]
            top = window.max(axis=(2, 3), keepdims=True)
            mask = window == top
            g = dout[:, :, i:i + 1, j:j + 1]
            dx[:, :, i * k:i * k + k, j * k:j * k + k] += mask * g
    return dx


def avg_pool(x, k, stride):
    n, c, h, _ = x.shape
    size = (h - k) // stride + 1
    out = np.zeros((n, c, size, size))
    for i in range(size):
        for j in range(size):
            window = x[:, :, i * stride:i * stride + k, j * stride:j * stride + k]
            out[:, :, i, j] = window.mean(axis=(2, 3))
    return out


def avg_pool_backward(dout, x, k, stride):
    s = stride
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            g = dout[:, :, i:i + 1, j:j + 1]
            dx[:, :, i * s:i * s + k, j * s:j * s + k] += g / k**2
    return dx


TOP = "window == top"
LOCAL = "wrong-local-derivative"
LAYERS = {
    "Conv2d": (conv, conv_backward, (RNG.normal(size=(2, 2, 5, 5)), RNG.normal(size=(3, 2, 3, 3)),
                                     RNG.normal(size=3), 2, 1), [
        ({"tensordot(g, W, ": "tensordot(g, W[:, :, ::-1, ::-1], "}, "index transpose"),
        ({"dx = dxp[:, :, pad:pad + H, pad:pad + H]": "dx = dxp"}, "shape"),
        ({"pad:pad + H, pad:pad + H]": "0:H, 0:H]"}, "index"),
        ({"window = xp[:, :, i * s:i * s + k, j * s:j * s + k]":
          "window = xp[:, :, i:i + k, j:j + k]"}, "index factor"),
        ({"k] += np.tensordot(g, W": "k] = np.tensordot(g, W"}, "index missing-path"),
        ({"dout.sum(axis=(0, 2, 3))": "dout.sum(axis=(2, 3)).mean(axis=0)"},
         "mean-for-sum factor")]),
    "Conv2d as a full convolution": (correlate, correlate_backward,
                                     (RNG.normal(size=(5, 5)), RNG.normal(size=(3, 3))), [
        ({"w[::-1, ::-1]": "w"}, "index transpose"),
        ({"w[::-1, ::-1]": "w[::-1]"}, "index"),
        ({"correlate(x, dout)": "correlate(x, dout[::-1, ::-1])"}, "index")]),
    "MaxPool2d": (max_pool, max_pool_backward, (RNG.normal(size=(2, 2, 4, 4)), 2), [
        ({"+= mask * g": "+= g"}, "missing-local-derivative"),
        ({TOP: "window < top"}, LOCAL),
        ({"+= mask * g": "+= mask * g / k**2"}, "factor"),
        ({"+= mask * g": "+= mask * top * g"}, f"{LOCAL} extra-term factor")]),
    "AvgPool2d": (avg_pool, avg_pool_backward, (RNG.normal(size=(2, 2, 5, 5)), 3, 2), [
        ({"g / k**2": "g"}, "factor"),
        ({"g / k**2": "g / k"}, "factor"),
        ({"+= g": "= g"}, "index missing-path"),
        ({"i * s:i * s + k, j * s:j * s + k] +=": "i:i + k, j:j + k] +="}, "index factor")]),
}
