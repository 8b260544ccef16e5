"""A character RNN in the min-char-rnn style: column vectors, one-hot inputs, loop over time."""

import numpy as np


def loss(Wxh, Whh, Why, bh, by, inputs, targets):
    h = np.zeros((Whh.shape[0], 1))
    total = 0
    for x, target in zip(inputs, targets):
        h = np.tanh(Wxh @ x + Whh @ h + bh)
        y = Why @ h + by
        p = np.exp(y) / np.sum(np.exp(y))
        total = total - np.log(p[target, 0])
    return total


def gradient(Wxh, Whh, Why, bh, by, inputs, targets):
    xs, hs, zs, ps = {}, {}, {}, {}
    hs[-1] = np.zeros((Whh.shape[0], 1))
    for t in range(len(inputs)):
        xs[t] = inputs[t]
        zs[t] = Wxh @ xs[t] + Whh @ hs[t - 1] + bh
        hs[t] = np.tanh(zs[t])
        y = Why @ hs[t] + by
        ps[t] = np.exp(y) / np.sum(np.exp(y))
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += dhraw @ xs[t].T
        dWhh += dhraw @ hs[t - 1].T
        dhnext = Whh.T @ dhraw
    return dWxh, dWhh, dWhy, dbh, dby


def example(rng):
    inputs = [np.eye(5)[:, [k]] for k in (0, 3, 1, 3)]
    return (rng.normal(size=(6, 5)), 0.5 * rng.normal(size=(6, 6)), rng.normal(size=(4, 6)),
            rng.normal(size=(6, 1)), rng.normal(size=(4, 1)), inputs, [3, 1, 0, 2])


REC = "h = np.tanh(Wxh @ x + Whh @ h + bh)"
HID = ("Wxh", "Whh", "bh")
ALL = HID + ("Why", "by")
MISTAKES = [
    ("gradient from the later steps not added", {"Why.T @ dy + dhnext": "Why.T @ dy"}, "missing-path", ("missing-term",), HID, REC),
    ("the output's gradient replaced by the later steps' one", {"dh = Why.T @ dy + dhnext": "dh = dhnext if t < len(inputs) - 1 else Why.T @ dy"}, "missing-path", ("missing-term",), HID, "y = Why @ h + by"),
    ("Whh not transposed (square)", {"Whh.T @ dhraw": "Whh @ dhraw"}, "transpose", (), HID, REC),
    ("dWhh transposed (square)", {"dhraw @ hs[t - 1].T": "hs[t - 1] @ dhraw.T"}, "transpose", (), ("Whh",), REC),
    ("passed dh back past the tanh", {"Whh.T @ dhraw": "Whh.T @ dh"}, "missing-local-derivative", ("wrong-operand",), HID, REC),
    ("tanh's derivative left out", {"(1 - hs[t] * hs[t]) * dh": "dh"}, "missing-local-derivative", (), HID, REC),
    ("tanh's derivative at the pre-activation", {"1 - hs[t] * hs[t]": "1 - zs[t] * zs[t]"}, "wrong-argument", (), HID, REC),
    ("tanh's derivative at the previous state", {"1 - hs[t] * hs[t]": "1 - hs[t - 1] * hs[t - 1]"}, "index", ("wrong-argument",), HID, REC),
    ("dWhh with h of the same step", {"dhraw @ hs[t - 1].T": "dhraw @ hs[t].T"}, "index", ("wrong-operand",), ("Whh",), REC),
    ("dWxh overwritten at every step", {"dWxh += ": "dWxh = "}, "missing-path", (), ("Wxh",), REC),
    ("the first time step left out of the backward loop", {"for t in reversed(range(len(inputs)))": "for t in reversed(range(1, len(inputs)))"}, "missing-path", ("missing-term", "index"), ("Wxh", "Why", "bh", "by"), ""),
    ("did not subtract one at the target", {"        dy[targets[t]] -= 1\n": ""}, "missing-term", (), ALL, "total = total - np.log(p[target, 0])"),
    ("target of the step before", {"dy[targets[t]] -= 1": "dy[targets[t - 1]] -= 1"}, "index", (), HID + ("Why",), "total = total - np.log(p[target, 0])"),
    ("divided by the number of steps though the loss is a sum", {"np.copy(ps[t])": "np.copy(ps[t]) / len(inputs)", "-= 1\n": "-= 1 / len(inputs)\n"}, "factor", (), ALL, "total = total - np.log(p[target, 0])"),
    ("hidden bias flattened", {"return dWxh, dWhh, dWhy, dbh, dby": "return dWxh, dWhh, dWhy, dbh.ravel(), dby"}, "shape", (), ("bh",), REC),
    ("Why already updated by this step's gradient", {"        dh = Why.T": "        Why = Why - 0.1 * dWhy\n        dh = Why.T"}, "stale", (), HID, "y = Why @ h + by"),
]
