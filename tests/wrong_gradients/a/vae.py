"""Variational autoencoder: linear encoder to mean and log-variance, reparametrised sample (noise closed over),
one-layer Bernoulli decoder; reconstruction cross-entropy plus KL divergence, mean over the batch."""

import numpy as np

NOISE = np.random.default_rng(3).normal(size=(7, 3))


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def loss(p, X):
    m = len(X)
    mu = X @ p["Wmu"] + p["bmu"]
    logvar = X @ p["Wlv"] + p["blv"]
    std = np.exp(0.5 * logvar)
    z = mu + std * NOISE
    Xhat = sigmoid(z @ p["Wd"] + p["bd"])
    recon = -np.sum(X * np.log(Xhat) + (1 - X) * np.log(1 - Xhat))
    kl = -0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar))
    return (recon + kl) / m


def gradient(p, X):
    m = len(X)
    mu = X @ p["Wmu"] + p["bmu"]
    logvar = X @ p["Wlv"] + p["blv"]
    std = np.exp(0.5 * logvar)
    z = mu + std * NOISE
    Xhat = sigmoid(z @ p["Wd"] + p["bd"])

    Wd = p["Wd"]
    dlogits = (Xhat - X) / m
    dWd = z.T @ dlogits
    dbd = dlogits.sum(axis=0)
    dz = dlogits @ Wd.T
    dmu = dz.copy()
    dmu += mu / m
    dstd = dz * NOISE
    dlogvar = dstd * 0.5 * std
    dlogvar += 0.5 * (np.exp(logvar) - 1) / m
    dX = dmu @ p["Wmu"].T + dlogvar @ p["Wlv"].T
    dX += (np.log(1 - Xhat) - np.log(Xhat)) / m
    grads = {"Wmu": X.T @ dmu, "bmu": dmu.sum(axis=0), "Wlv": X.T @ dlogvar, "blv": dlogvar.sum(axis=0),
             "Wd": dWd, "bd": dbd}
    return grads, dX


def example(rng):
    p = {"Wmu": rng.normal(size=(5, 3)), "bmu": rng.normal(size=3), "Wlv": 0.5 * rng.normal(size=(5, 3)),
         "blv": 0.5 * rng.normal(size=3), "Wd": rng.normal(size=(3, 5)), "bd": rng.normal(size=5)}
    return p, rng.uniform(0.1, 0.9, size=(7, 5))


MEAN = ("p['Wmu']", "p['bmu']", "X")
LOGV = ("p['Wlv']", "p['blv']", "X")
ENC = ("p['Wmu']", "p['bmu']", "p['Wlv']", "p['blv']", "X")
KL = "kl = -0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar))"
STD = "std = np.exp(0.5 * logvar)"
SAMPLE = "z = mu + std * NOISE"
DEC = 'Xhat = sigmoid(z @ p["Wd"] + p["bd"])'
RECON = "recon = -np.sum(X * np.log(Xhat) + (1 - X) * np.log(1 - Xhat))"
MISTAKES = [
    ("KL's gradient left out of the mean", {"    dmu += mu / m\n": ""}, "missing-term", ("missing-path",), MEAN, KL),
    ("KL's gradient overwrote the reconstruction's in the mean", {"dmu += mu / m": "dmu = mu / m"}, "missing-path", ("missing-term",), MEAN, SAMPLE),
    ("KL's gradient added to the mean twice", {"dmu += mu / m": "dmu += 2 * mu / m"}, "doubled-term", ("factor",), MEAN, KL),
    ("reparametrisation: no gradient through the standard deviation", {"dlogvar = dstd * 0.5 * std": "dlogvar = np.zeros_like(dstd)"}, "missing-path", ("missing-term",), LOGV, SAMPLE),
    ("the half of exp(logvar / 2) lost", {"dstd * 0.5 * std": "dstd * std"}, "factor", (), LOGV, STD),
    ("exp(logvar) for the standard deviation in its own derivative", {"dstd * 0.5 * std": "dstd * 0.5 * np.exp(logvar)"}, "wrong-argument", ("wrong-local-derivative",), LOGV, STD),
    ("exponential of the standard deviation not differentiated", {"dstd * 0.5 * std": "dstd * 0.5"}, "missing-local-derivative", (), LOGV, STD),
    ("KL's log-variance part with the sign of the formula in the brackets", {"(np.exp(logvar) - 1)": "(1 - np.exp(logvar))"}, "sign", (), LOGV, KL),
    ("KL: the 1 from logvar forgotten", {"(np.exp(logvar) - 1)": "np.exp(logvar)"}, "missing-term", (), LOGV, KL),
    ("KL's log-variance part without its half", {"0.5 * (np.exp(logvar) - 1)": "(np.exp(logvar) - 1)"}, "factor", (), LOGV, KL),
    ("KL part not divided by the batch in the mean", {"dmu += mu / m": "dmu += mu"}, "factor", (), MEAN, "return (recon + kl) / m"),
    ("noise not multiplied in", {"dstd = dz * NOISE": "dstd = dz"}, "missing-local-derivative", ("factor",), LOGV, SAMPLE),
    ("dz not multiplied in: the noise alone", {"dstd = dz * NOISE": "dstd = NOISE"}, "missing-incoming", (), LOGV, SAMPLE),
    ("mu for the sample z in the decoder's gradient", {"z.T @ dlogits": "mu.T @ dlogits"}, "wrong-operand", (), ("p['Wd']",), DEC),
    ("decoder already updated", {"    dz = ": "    Wd = Wd - 0.5 * dWd\n    dz = "}, "stale", (), ENC, DEC),
    ("decoder's sigmoid differentiated once more", {"(Xhat - X) / m": "(Xhat - X) * Xhat * (1 - Xhat) / m"}, "wrong-local-derivative", ("doubled-term",), ENC + ("p['Wd']", "p['bd']"), ""),
    ("input's gradient as target forgotten", {"    dX += (np.log(1 - Xhat) - np.log(Xhat)) / m\n": ""}, "missing-path", ("missing-term",), ("X",), RECON),
    ("decoder's bias averaged", {"dlogits.sum(axis=0)": "dlogits.mean(axis=0)"}, "mean-for-sum", ("factor",), ("p['bd']",), DEC),
    ("mean's bias per sample", {"dmu.sum(axis=0)": "dmu"}, "unreduced", (), ("p['bmu']",), 'mu = X @ p["Wmu"] + p["bmu"]'),
]
