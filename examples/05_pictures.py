"""The pictures in the README and in docs/: graphs, and the page of steps."""

import random
import warnings

import numpy as np

import autograd_mini as ag
from autograd_mini import Value, nn

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

random.seed(0)
model = nn.MLP(2, [4, 1])


def loss(x1, x2):
    y = model([x1, x2])
    return (y - 1) ** 2


print(ag.draw(loss, 1.0, -2.0).write("network.svg"))
print(ag.draw(loss, 1.0, -2.0, depth=1).write("network_folded.svg"))


def born(x):
    logarithm = np.log(x)
    return logarithm * x + np.sqrt(x)


print(ag.draw(born, 0.0).write("born.svg"))


def fails(x, W1, W2):
    hidden = np.tanh(x @ W1)
    wide = hidden.reshape(3, -1)
    return (wide @ W2).sum()


with warnings.catch_warnings(action="ignore"):  # which tells of the error, as the picture does
    print(ag.draw(fails, np.ones((6, 4)), np.ones((4, 5)), np.ones((4, 2))).write("fails.svg"))
