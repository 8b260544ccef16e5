"""Linear VAE: reparameterised Gaussian code, Bernoulli reconstruction, beta times the KL to N(0, I); mean over the batch."""

import numpy as np


def reparameterize(mu, logvar, eps):
    std = np.exp(0.5 * logvar)
    return mu + std * eps


def kl_divergence(mu, logvar):
    return -0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar))


def loss(Wm, Wl, Wd, x, eps, beta):
    mu = x @ Wm
    logvar = x @ Wl
    z = reparameterize(mu, logvar, eps)
    recon = 1 / (1 + np.exp(-(z @ Wd)))
    bce = -np.sum(x * np.log(recon) + (1 - x) * np.log(1 - recon))
    return (bce + beta * kl_divergence(mu, logvar)) / x.shape[0]


def gradient(Wm, Wl, Wd, x, eps, beta):
    n = x.shape[0]
    mu = x @ Wm
    logvar = x @ Wl
    std = np.exp(0.5 * logvar)
    z = mu + std * eps
    recon = 1 / (1 + np.exp(-(z @ Wd)))

    dlogits = (recon - x) / n
    dWd = z.T @ dlogits
    dz = dlogits @ Wd.T
    dmu = dz + beta * mu / n
    dlogvar = dz * eps * 0.5 * std + 0.5 * beta * (np.exp(logvar) - 1) / n
    dWm = x.T @ dmu
    dWl = x.T @ dlogvar
    return dWm, dWl, dWd


def example(rng):
    return (rng.normal(size=(6, 2)), rng.normal(size=(6, 2)), rng.normal(size=(2, 6)),
            rng.uniform(0.05, 0.95, size=(4, 6)), rng.normal(size=(4, 2)), 1.5)


MISTAKES = [
    ("KL's pull on the mean forgotten", {"dmu = dz + beta * mu / n": "dmu = dz"}, "missing-term", (), ("Wm",), "np.sum(1 + logvar - mu ** 2 - np.exp(logvar))"),
    ("only exp(logvar) of the KL, without the -1", {"(np.exp(logvar) - 1)": "np.exp(logvar)"}, "missing-term", (), ("Wl",), "np.sum(1 + logvar - mu ** 2 - np.exp(logvar))"),
    ("the half in std = exp(logvar / 2) forgotten", {"eps * 0.5 * std": "eps * std"}, "factor", (), ("Wl",), "std = np.exp(0.5 * logvar)"),
    ("beta applied to the log-variance only", {"beta * mu / n": "mu / n"}, "factor", (), ("Wm",), "beta * kl_divergence(mu, logvar)"),
    ("1 - exp(logvar): the KL's sign for the log-variance", {"(np.exp(logvar) - 1)": "(1 - np.exp(logvar))"}, "sign", (), ("Wl",), "np.sum(1 + logvar - mu ** 2 - np.exp(logvar))"),
    ("log-variance's way through the sampled code ignored", {"dz * eps * 0.5 * std + 0.5": "0.5"}, "missing-path", ("missing-term",), ("Wl",), "return mu + std * eps"),
    ("multiplied recon - x by the sigmoid's derivative again", {"dlogits = (recon - x) / n": "dlogits = (recon - x) * recon * (1 - recon) / n"}, "wrong-local-derivative", (), ("Wm", "Wl", "Wd"), "bce = -np.sum("),
    ("no eps in the gradient of the standard deviation", {"dz * eps * 0.5": "dz * 0.5"}, "missing-local-derivative", (), ("Wl",), "return mu + std * eps"),
    ("decoder's gradient with the mean instead of the sampled code", {"z.T @ dlogits": "mu.T @ dlogits"}, "wrong-operand", (), ("Wd",), "recon = 1 / (1 + np.exp(-(z @ Wd)))"),
    ("L2 habit: weight decay added to the decoder, which the loss hasn't", {"z.T @ dlogits": "z.T @ dlogits + 1e-2 * Wd"}, "extra-term", (), ("Wd",), ""),
]
