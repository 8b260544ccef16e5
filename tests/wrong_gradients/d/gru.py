"""One step of a GRU on plain vectors, parameters in a dict with keys by gate (z, r, c)."""

import numpy as np


def sigm(a):
    return 1.0 / (1.0 + np.exp(-a))


def gate(P, k, x, h):
    return sigm(P[f"W{k}"] @ x + P[f"U{k}"] @ h + P[f"b{k}"])


def loss(P, h, x, target):
    z = gate(P, "z", x, h)
    r = gate(P, "r", x, h)
    ac = P["Wc"] @ x + P["Uc"] @ (r * h) + P["bc"]
    c = np.tanh(ac)
    new = (1 - z) * h + z * c
    return 0.5 * np.sum((new - target) ** 2)


def gradient(P, h, x, target):
    z, r = gate(P, "z", x, h), gate(P, "r", x, h)
    c = np.tanh(P["Wc"] @ x + P["Uc"] @ (r * h) + P["bc"])
    d = (1 - z) * h + z * c - target
    dz = d * (c - h)
    dc = d * z
    dh = d * (1 - z)
    dac = dc * (1 - c ** 2)
    drh = P["Uc"].T @ dac
    dr = drh * h
    dh = dh + drh * r
    daz = dz * z * (1 - z)
    dar = dr * r * (1 - r)
    dh = dh + P["Ur"].T @ dar + P["Uz"].T @ daz
    dP = {"Wc": np.outer(dac, x), "Uc": np.outer(dac, r * h), "bc": dac}
    for k, da in (("z", daz), ("r", dar)):
        dP["W" + k] = np.outer(da, x)
        dP["U" + k] = np.outer(da, h)
        dP["b" + k] = da
    return dP, dh


def example(rng):
    P = {}
    for k in "zrc":
        P[f"W{k}"] = rng.normal(size=(4, 3))
        P[f"U{k}"] = rng.normal(size=(4, 4))
        P[f"b{k}"] = rng.normal(size=4)
    return P, rng.normal(size=4), rng.normal(size=3), rng.normal(size=4)


Z = ("P['Wz']", "P['Uz']", "P['bz']")
R = ("P['Wr']", "P['Ur']", "P['br']")
C = ("P['Wc']", "P['Uc']", "P['bc']")

MISTAKES = [
    ("update gate's gradient with h - c", {"d * (c - h)": "d * (h - c)"}, "sign", (), (*Z, "h"), "new = (1 - z) * h + z * c"),
    ("overwrote the direct way (1 - z) h", {"dh = dh + drh * r": "dh = drh * r"}, "missing-path", (), ("h",), "new = (1 - z) * h + z * c"),
    ("Uc not transposed", {'P["Uc"].T @ dac': 'P["Uc"] @ dac'}, "transpose", (), (*R, "h"), 'ac = P["Wc"] @ x + P["Uc"] @ (r * h) + P["bc"]'),
    ("h for r * h in Uc's gradient", {"np.outer(dac, r * h)": "np.outer(dac, h)"}, "wrong-operand", (), ("P['Uc']",), 'ac = P["Wc"] @ x + P["Uc"] @ (r * h) + P["bc"]'),
    ("reset gate without its sigmoid's derivative", {"dar = dr * r * (1 - r)": "dar = dr"}, "missing-local-derivative", (), (*R, "h"), "return sigm("),
    ("took the tanh of c, which is a tanh already", {"(1 - c ** 2)": "(1 - np.tanh(c) ** 2)"}, "wrong-argument", (), (*C, *R, "h"), "c = np.tanh(ac)"),
    ("forgot that the update gate sees h", {' + P["Uz"].T @ daz': ""}, "missing-path", (), ("h",), 'P[f"U{k}"] @ h'),
]
