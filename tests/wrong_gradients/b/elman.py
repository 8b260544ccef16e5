"""Character-level Elman RNN in column-vector style, softmax at each step with a temperature, summed cross-entropy."""

import numpy as np


def loss(Wxh, Whh, Why, bh, by, hprev, inputs, targets, temperature):
    h = hprev
    total = 0
    for t in range(len(inputs)):
        x = Wxh[:, inputs[t]][:, None]
        h = np.tanh(x + np.dot(Whh, h) + bh)
        y = np.dot(Why, h) + by
        y = y / temperature
        logZ = np.log(np.sum(np.exp(y)))
        total = total + logZ - y[targets[t], 0]
    return total


def gradient(Wxh, Whh, Why, bh, by, hprev, inputs, targets, temperature):
    hs, ps = [hprev], []
    for t in range(len(inputs)):
        hs.append(np.tanh(Wxh[:, inputs[t]][:, None] + np.dot(Whh, hs[t]) + bh))
        e = np.exp((np.dot(Why, hs[t + 1]) + by) / temperature)
        ps.append(e / np.sum(e))
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hprev)
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dy /= temperature
        dWhy += np.dot(dy, hs[t + 1].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        dhraw = (1 - hs[t + 1] * hs[t + 1]) * dh
        dbh += dhraw
        dWxh[:, inputs[t]] += dhraw[:, 0]
        dWhh += np.dot(dhraw, hs[t].T)
        dhnext = np.dot(Whh.T, dhraw)
    return dWxh, dWhh, dWhy, dbh, dby, dhnext


def example(rng):
    return (rng.normal(size=(3, 5)), rng.normal(size=(3, 3)), rng.normal(size=(5, 3)), rng.normal(size=(3, 1)),
            rng.normal(size=(5, 1)), rng.normal(size=(3, 1)), [1, 4, 1, 0, 4, 4], [4, 1, 0, 4, 4, 2], 1.6)


EVERY = ("Wxh", "Whh", "Why", "bh", "by", "hprev")
HIDDEN = ("Wxh", "Whh", "bh", "hprev")

MISTAKES = [
    ("gradient from the next step not added", {"np.dot(Why.T, dy) + dhnext": "np.dot(Why.T, dy)"}, "missing-path", (), HIDDEN, "h = np.tanh(x + np.dot(Whh, h) + bh)"),
    ("Whh not transposed going back in time", {"np.dot(Whh.T, dhraw)": "np.dot(Whh, dhraw)"}, "transpose", (), HIDDEN, "np.dot(Whh, h)"),
    ("dWhh with the new hidden state: shifted by one step", {"np.dot(dhraw, hs[t].T)": "np.dot(dhraw, hs[t + 1].T)"}, "index", ("wrong-operand",), ("Whh",), "np.dot(Whh, h)"),
    ("embedding column assigned, a repeated character keeps one step only", {"dWxh[:, inputs[t]] += ": "dWxh[:, inputs[t]] = "}, "index", ("missing-path",), ("Wxh",), "Wxh[:, inputs[t]]"),
    ("sigmoid's derivative for tanh's", {"(1 - hs[t + 1] * hs[t + 1])": "hs[t + 1] * (1 - hs[t + 1])"}, "wrong-local-derivative", (), HIDDEN, "h = np.tanh("),
    ("target minus probability", {"dy /= temperature": "dy /= -temperature"}, "sign", (), EVERY, "logZ - y[targets[t], 0]"),
    ("forgot the temperature", {"        dy /= temperature\n": ""}, "factor", ("missing-local-derivative",), EVERY, "y = y / temperature"),
    ("dhnext added in two places", {"* dh\n": "* (dh + dhnext)\n"}, "doubled-term", (), HIDDEN, "np.dot(Whh, h)"),
    ("left the clipping of min-char-rnn in", {"    return dWxh": "    np.clip(dWhh, -0.5, 0.5, out=dWhh)\n    return dWxh"}, "partial", (), ("Whh",), "np.dot(Whh, h)"),
    ("output bias returned flat", {"dbh, dby, dhnext": "dbh, dby.ravel(), dhnext"}, "shape", (), ("by",), "y = np.dot(Why, h) + by"),
]
