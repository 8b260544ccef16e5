"""GRU on single vectors (one sample), three steps, squared error of the last state; parameters in a dict, and the initial state."""

import numpy as np


def loss(p, h0, xs, y):
    def sig(v):
        return 1 / (1 + np.exp(-v))

    def cell(x, h):
        z = sig(p['Wz'] @ x + p['Uz'] @ h + p['bz'])
        r = sig(p['Wr'] @ x + p['Ur'] @ h + p['br'])
        cand = np.tanh(p['Wh'] @ x + p['Uh'] @ (r * h) + p['bh'])
        return (1 - z) * h + z * cand

    h = h0
    for x in xs:
        h = cell(x, h)
    return np.sum((h - y) ** 2)


def gradient(p, h0, xs, y):
    def sig(v):
        return 1 / (1 + np.exp(-v))

    h, tape = h0, []
    for x in xs:
        z = sig(p['Wz'] @ x + p['Uz'] @ h + p['bz'])
        r = sig(p['Wr'] @ x + p['Ur'] @ h + p['br'])
        cand = np.tanh(p['Wh'] @ x + p['Uh'] @ (r * h) + p['bh'])
        tape.append((x, h, z, r, cand))
        h = (1 - z) * h + z * cand

    g = {k: np.zeros_like(v) for k, v in p.items()}
    dh = 2 * (h - y)
    for x, h_prev, z, r, cand in reversed(tape):
        dz = dh * (cand - h_prev)
        dcand = dh * z
        dah = dcand * (1 - cand ** 2)
        drh = p['Uh'].T @ dah
        dr = drh * h_prev
        dar = dr * r * (1 - r)
        daz = dz * z * (1 - z)
        g['Wh'] += np.outer(dah, x)
        g['Uh'] += np.outer(dah, r * h_prev)
        g['bh'] += dah
        g['Wr'] += np.outer(dar, x)
        g['Ur'] += np.outer(dar, h_prev)
        g['br'] += dar
        g['Wz'] += np.outer(daz, x)
        g['Uz'] += np.outer(daz, h_prev)
        g['bz'] += daz
        dh_direct = dh * (1 - z)
        dh = dh_direct + drh * r + p['Ur'].T @ dar + p['Uz'].T @ daz
    return g, dh


def example(rng):
    D, H = 2, 4
    p = {}
    for gate in 'zrh':
        p['W' + gate] = rng.normal(size=(H, D))
        p['U' + gate] = rng.normal(size=(H, H))
        p['b' + gate] = rng.normal(size=H)
    return p, rng.normal(size=H), rng.normal(size=(3, D)), rng.normal(size=H)


EVERYTHING = ("p['Wz']", "p['Uz']", "p['bz']", "p['Wr']", "p['Ur']", "p['br']", "p['Wh']", "p['Uh']", "p['bh']", "h0")

MISTAKES = [
    ("the direct way (1 - z) * h back to the old state forgotten", {"dh = dh_direct + drh": "dh = drh"}, "missing-path", (), EVERYTHING, "return (1 - z) * h + z * cand"),
    ("the old state's use inside the candidate (r * h) forgotten", {"dh_direct + drh * r + p": "dh_direct + p"}, "missing-path", (), EVERYTHING, "p['Uh'] @ (r * h)"),
    ("update gate's gradient with h - cand", {"dh * (cand - h_prev)": "dh * (h_prev - cand)"}, "sign", (), EVERYTHING, "return (1 - z) * h + z * cand"),
    ("saw only z * cand when differentiating by z", {"dh * (cand - h_prev)": "dh * cand"}, "missing-term", ("missing-path",), EVERYTHING, "return (1 - z) * h + z * cand"),
    ("Uh without its transpose", {"p['Uh'].T @ dah": "p['Uh'] @ dah"}, "transpose", (), EVERYTHING, "p['Uh'] @ (r * h)"),
    ("outer product the wrong way round for Ur", {"np.outer(dar, h_prev)": "np.outer(h_prev, dar)"}, "transpose", (), ("p['Ur']",), "p['Ur'] @ h + p['br']"),
    ("ungated old state in the gradient of Uh", {"np.outer(dah, r * h_prev)": "np.outer(dah, h_prev)"}, "wrong-operand", (), ("p['Uh']",), "p['Uh'] @ (r * h)"),
    ("applied tanh to the candidate a second time in the derivative", {"1 - cand ** 2": "1 - np.tanh(cand) ** 2"}, "wrong-argument", (), EVERYTHING, "cand = np.tanh("),
    ("reset gate's delta is only r(1 - r)", {"dar = dr * r * (1 - r)": "dar = r * (1 - r)"}, "missing-incoming", (), EVERYTHING, "r = sig("),
    ("update gate's bias overwritten at each step", {"g['bz'] += daz": "g['bz'] = daz"}, "missing-path", ("index",), ("p['bz']",), "p['Uz'] @ h + p['bz']"),
]
