"""The pictures in the README and in docs/: a neuron, an attention head, and the page of steps."""

import numpy as np

import autograd_mini as ag
from autograd_mini import Value

w, x, b = Value(0.5), Value(2.0), Value(-1.5)
y = ag.tanh(w * x + b)
print(ag.draw(y).write("neuron.svg"))
print(ag.steps(y, title="y = tanh(w·x + b)").write("neuron.html"))


def attention(x, Wq, Wk, Wv):
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    scores = q @ k.T / np.sqrt(8)
    weights = ag.softmax(scores, axis=-1)
    return ((weights @ v) ** 2).sum()


rng = np.random.default_rng(0)
X, Wq, Wk, Wv = rng.normal(size=(4, 8)), *rng.normal(size=(3, 8, 8)) / 3
print(ag.draw(attention, X, Wq, Wk, Wv, direction="LR").write("attention.svg"))
print(ag.steps(attention, X, Wq, Wk, Wv).write("attention.html"))
