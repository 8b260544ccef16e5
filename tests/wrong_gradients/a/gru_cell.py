"""One GRU step, h' = (1 - z) h + z n, then a quadratic loss; the recurrent matrices are square."""

import numpy as np


def sigma(a):
    return 1.0 / (1.0 + np.exp(-a))


def loss(Wz, Uz, Wr, Ur, Wn, Un, h, x, y):
    z = sigma(x @ Wz + h @ Uz)
    r = sigma(x @ Wr + h @ Ur)
    rh = r * h
    n = np.tanh(x @ Wn + rh @ Un)
    h_new = (1 - z) * h + z * n
    return np.sum((h_new - y) ** 2) / (2 * x.shape[0])


def gradient(Wz, Uz, Wr, Ur, Wn, Un, h, x, y):
    B = x.shape[0]
    az = x @ Wz + h @ Uz
    z = sigma(az)
    r = sigma(x @ Wr + h @ Ur)
    rh = r * h
    an = x @ Wn + rh @ Un
    n = np.tanh(an)
    h_new = (1 - z) * h + z * n

    dh_new = (h_new - y) / B
    dz = dh_new * (n - h)
    dn = dh_new * z
    dh = dh_new * (1 - z)
    dan = dn * (1 - n * n)
    dWn = x.T @ dan
    dUn = rh.T @ dan
    drh = dan @ Un.T
    dr = drh * h
    dh += drh * r
    dar = dr * r * (1 - r)
    dWr = x.T @ dar
    dUr = h.T @ dar
    dh += dar @ Ur.T
    daz = dz * z * (1 - z)
    dWz = x.T @ daz
    dUz = h.T @ daz
    dh += daz @ Uz.T
    return dWz, dUz, dWr, dUr, dWn, dUn, dh


def example(rng):
    W = [0.7 * rng.normal(size=s) for s in [(4, 3), (3, 3)] * 3]
    return (*W, rng.normal(size=(6, 3)), rng.normal(size=(6, 4)), rng.normal(size=(6, 3)))


NEW = "h_new = (1 - z) * h + z * n"
N = "n = np.tanh(x @ Wn + rh @ Un)"
MISTAKES = [
    ("update gate's gradient with h - n", {"(n - h)": "(h - n)"}, "sign", (), ("Wz", "Uz", "h"), NEW),
    ("update gate's gradient without the (1 - z) h part", {"dh_new * (n - h)": "dh_new * n"}, "missing-term", ("missing-path",), ("Wz", "Uz", "h"), NEW),
    ("direct path (1 - z) h to the old state forgotten", {"dh = dh_new * (1 - z)": "dh = np.zeros_like(h)"}, "missing-path", ("missing-term",), ("h",), NEW),
    ("path through the reset product forgotten", {"    dh += drh * r\n": ""}, "missing-path", ("missing-term",), ("h",), "rh = r * h"),
    ("path through the reset gate forgotten", {"    dh += dar @ Ur.T\n": ""}, "missing-path", ("missing-term",), ("h",), "r = sigma(x @ Wr + h @ Ur)"),
    ("the last contribution overwrote the state's gradient", {"dh += daz @ Uz.T": "dh = daz @ Uz.T"}, "missing-path", (), ("h",), ""),
    ("z for 1 - z (the other convention)", {"dh = dh_new * (1 - z)": "dh = dh_new * z"}, "wrong-operand", ("wrong-local-derivative",), ("h",), NEW),
    ("z and 1 - z exchanged for the candidate", {"dn = dh_new * z": "dn = dh_new * (1 - z)"}, "wrong-operand", ("wrong-local-derivative",), ("Wn", "Un", "Wr", "Ur", "h"), NEW),
    ("Uz not transposed (square)", {"daz @ Uz.T": "daz @ Uz"}, "transpose", (), ("h",), "z = sigma(x @ Wz + h @ Uz)"),
    ("Un not transposed (square)", {"dan @ Un.T": "dan @ Un"}, "transpose", (), ("Wr", "Ur", "h"), N),
    ("h for r*h in dUn", {"rh.T @ dan": "h.T @ dan"}, "wrong-operand", (), ("Un",), N),
    ("reset gate's sigmoid left out", {"dr * r * (1 - r)": "dr"}, "missing-local-derivative", (), ("Wr", "Ur", "h"), "r = sigma(x @ Wr + h @ Ur)"),
    ("1 - an^2 for 1 - n^2", {"1 - n * n": "1 - an * an"}, "wrong-argument", (), ("Wn", "Un", "Wr", "Ur", "h"), N),
    ("sigmoid's derivative at the pre-activation", {"dz * z * (1 - z)": "dz * az * (1 - az)"}, "wrong-argument", (), ("Wz", "Uz", "h"), "z = sigma(x @ Wz + h @ Uz)"),
    ("derivative of tanh at the update gate", {"dz * z * (1 - z)": "dz * (1 - z ** 2)"}, "wrong-local-derivative", (), ("Wz", "Uz", "h"), "z = sigma(x @ Wz + h @ Uz)"),
    ("dh_new not multiplied into the update gate's gradient", {"dz = dh_new * (n - h)": "dz = n - h"}, "missing-incoming", (), ("Wz", "Uz", "h"), NEW),
    ("the state's gradient through the update gate added twice", {"dh += daz @ Uz.T": "dh += 2 * (daz @ Uz.T)"}, "doubled-term", ("factor",), ("h",), "z = sigma(x @ Wz + h @ Uz)"),
]
