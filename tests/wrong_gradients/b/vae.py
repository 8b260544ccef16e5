"""Variational autoencoder: tanh encoder to mean and log-variance, sigmoid decoder, cross-entropy plus KL."""

import numpy as np


def loss(enc, dec, X, eps):
    n = X.shape[0]
    H = np.tanh(X @ enc["W"] + enc["b"])
    mu = H @ enc["Wm"] + enc["bm"]
    lv = H @ enc["Wv"] + enc["bv"]
    std = np.exp(0.5 * lv)
    z = mu + std * eps
    logits = z @ dec["W"] + dec["b"]
    R = 1 / (1 + np.exp(-logits))
    rec = -np.sum(X * np.log(R) + (1 - X) * np.log(1 - R))
    kl = -0.5 * np.sum(1 + lv - mu ** 2 - np.exp(lv))
    return (rec + kl) / n


def gradient(enc, dec, X, eps):
    n = X.shape[0]
    H = np.tanh(X @ enc["W"] + enc["b"])
    mu = H @ enc["Wm"] + enc["bm"]
    lv = H @ enc["Wv"] + enc["bv"]
    std = np.exp(lv / 2)
    z = mu + std * eps
    R = 1 / (1 + np.exp(-(z @ dec["W"] + dec["b"])))

    dlogits = (R - X) / n
    ddec = {"W": z.T @ dlogits, "b": dlogits.sum(axis=0)}
    dz = dlogits @ dec["W"].T
    dmu = dz + mu / n
    dstd = dz * eps
    dlv = dstd * 0.5 * std
    dlv += 0.5 * (np.exp(lv) - 1) / n
    denc = {"Wm": H.T @ dmu, "bm": dmu.sum(axis=0), "Wv": H.T @ dlv, "bv": dlv.sum(axis=0)}
    dH = dmu @ enc["Wm"].T + dlv @ enc["Wv"].T
    dA = dH * (1 - H ** 2)
    denc["W"] = X.T @ dA
    denc["b"] = dA.sum(axis=0)
    return denc, ddec


def example(rng):
    enc = {"W": rng.normal(size=(5, 4)), "b": rng.normal(size=4), "Wm": rng.normal(size=(4, 2)),
           "bm": rng.normal(size=2), "Wv": 0.5 * rng.normal(size=(4, 2)), "bv": rng.normal(size=2)}
    dec = {"W": rng.normal(size=(2, 5)), "b": rng.normal(size=5)}
    return enc, dec, rng.integers(0, 2, size=(7, 5)).astype(float), rng.normal(size=(7, 2))


W, B, WM, BM, WV, BV = (f"enc['{k}']" for k in ("W", "b", "Wm", "bm", "Wv", "bv"))
DW, DB = "dec['W']", "dec['b']"

MISTAKES = [
    ("KL's gradient to the mean forgotten", {"dmu = dz + mu / n": "dmu = dz"}, "missing-term", ("missing-path",), (W, B, WM, BM), "kl = -0.5"),
    ("KL not divided by the batch size at the mean", {"dz + mu / n": "dz + mu"}, "factor", (), (W, B, WM, BM), "(rec + kl) / n"),
    ("= for += : the reparametrised path of the log-variance lost", {"dlv += 0.5": "dlv = 0.5"}, "missing-path", ("missing-term",), (W, B, WV, BV), "z = mu + std * eps"),
    ("lost the 1/2 of exp(lv / 2)", {"dstd * 0.5 * std": "dstd * std"}, "factor", (), (W, B, WV, BV), "std = np.exp(0.5 * lv)"),
    ("gradient to the standard deviation used as the one to the log-variance", {"dlv = dstd * 0.5 * std": "dlv = dstd"}, "missing-local-derivative", (), (W, B, WV, BV), "std = np.exp(0.5 * lv)"),
    ("variance for standard deviation in the derivative", {"dstd * 0.5 * std": "dstd * 0.5 * np.exp(lv)"}, "wrong-argument", ("wrong-local-derivative", "wrong-operand"), (W, B, WV, BV), "std = np.exp(0.5 * lv)"),
    ("1 - exp(lv): the KL's minus lost", {"(np.exp(lv) - 1)": "(1 - np.exp(lv))"}, "sign", (), (W, B, WV, BV), "kl = -0.5"),
    ("log-variance head forgotten on the way to the encoder", {' + dlv @ enc["Wv"].T': ""}, "missing-path", (), (W, B), 'lv = H @ enc["Wv"]'),
    ("mean head's weights for the log-variance head's", {'dlv @ enc["Wv"].T': 'dlv @ enc["Wm"].T'}, "wrong-operand", (), (W, B), 'lv = H @ enc["Wv"]'),
    ("decoder's weights with the mean in place of the sample", {"z.T @ dlogits": "mu.T @ dlogits"}, "wrong-operand", (), (DW,), 'logits = z @ dec["W"]'),
    ("squared error's chain rule: times R (1 - R)", {"(R - X) / n": "(R - X) * R * (1 - R) / n"}, "wrong-local-derivative", (), (W, B, WM, BM, WV, BV, DW, DB), "rec = -np.sum(X * np.log(R)"),
]
