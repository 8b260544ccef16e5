"""What is said where code goes wrong that everybody writes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.errors import BroadcastWarning, NotDifferentiableError

broken = ag.structural(lambda x: 2.0 * x, lambda g, y, x: np.linalg.inv(g), name="broken rule")


def test_an_error_in_a_backward_pass_names_the_operation_and_its_shapes():
    """The error is the rule's own; its message tells label, shapes, and how to get the line."""
    x = Tensor([1.0, 2.0], label="x")
    y = broken(x)
    y.label = "doubled"
    with pytest.raises(np.linalg.LinAlgError) as error:
        y.sum().backward()
    for part in ("1-dimensional", "'doubled' made by broken rule", "(2,)", "ag.detect_anomaly()"):
        assert part in str(error.value), error.value
    assert x.grad is None
    typo = ag.structural(lambda x: x, lambda g, y, x: y.no_such_name, name="typo")
    with pytest.raises(AttributeError, match="no_such_name.*\n.*made by typo"):
        typo(Value(1.0)).backward()
    at = pytest.raises(np.linalg.LinAlgError, match=r"computed by `broken\(x\)` at test_")
    with ag.detect_anomaly(), at:
        broken(x).sum().backward()


def test_an_error_of_our_own_in_a_rule_keeps_its_kind():
    """A refusal inside a rule stays one, and names the operation too."""
    refusing = ag.structural(lambda x: x, lambda g, y, x: np.roots(Tensor(g)), name="refusing rule")
    with pytest.raises(NotDifferentiableError, match="refusing rule"):
        refusing(Tensor([1.0, 2.0])).sum().backward()


@pytest.mark.parametrize("loss", [
    lambda p, t: np.mean((p - t) ** 2), lambda p, t: ((t - p) ** 2).sum(),
    lambda p, t: np.sum(np.abs(p - Tensor(t))), lambda p, t: -ag.sum(t * np.log(p)),
], ids=range(4))
def test_n_by_1_against_n_summed_to_one_number_warns(loss):
    """Predictions of shape (n, 1) and targets of shape (n,) are paired each with every other."""
    p, t = Tensor(np.full((4, 1), 0.5)), np.arange(4.0)
    with pytest.warns(BroadcastWarning, match=r"\(4, 1\) and of shape \(4,\)") as found:
        loss(p, t)
    assert found[0].filename == __file__


def test_pairwise_differences_of_one_array_do_not_warn():
    """x[:, None] − x is a right way to all distances; so are shapes that only look alike."""
    x, w, b = Tensor(np.arange(4.0)), Tensor(np.ones((4, 4))), Tensor(np.ones(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.sum((x[:, None] - x) ** 2)
        np.sum(np.exp(-(x[:, None] * 2 - x * 3) ** 2))
        np.sum((w @ np.ones((4, 4)) + b) ** 2)
        np.sum(w * b)
        np.sum(np.ones((1, 1)) * Tensor([1.0]))
        np.mean((Tensor(np.ones((4, 1))) - np.ones((4, 1))) ** 2)
        np.sum((Tensor(np.ones((4, 1))) - np.ones(4)), axis=0)


def lecture_training_loop(seed, steps):
    """The last cells of "micrograd, spelled out", with the Value here."""
    import random

    random.seed(seed)
    n = nn.MLP(3, [4, 4, 1])
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    losses = []
    for _ in range(steps):
        predictions = [n(x) for x in xs]
        loss = sum((yout - ygt) ** 2 for ygt, yout in zip(ys, predictions, strict=True))
        for p in n.parameters():
            p.grad = 0.0
        loss.backward()
        for p in n.parameters():
            p.data += -0.05 * p.grad
        losses.append(loss.data)
    return losses


def test_the_lectures_training_loop_learns():
    """`p.grad = 0.0`, `loss.backward()`, `p.data += -0.05 * p.grad` bring the loss down."""
    losses = lecture_training_loop(1, 60)
    assert losses[-1] < 0.1 * losses[0]


def test_the_lectures_manual_backward_pass():
    """o.grad = 1.0, and `_backward()` in reversed order, fill in the lecture's numbers."""
    x1, x2, w1, w2 = Value(2.0, label="x1"), Value(0.0), Value(-3.0), Value(1.0)
    b = Value(6.8813735870195432)
    n = x1 * w1 + x2 * w2 + b
    o = n.tanh()
    drawn = [f"{{ {v.label} | data {v.data:.4f} | grad {v.grad:.4f} }}" for v in (x1, o)]
    assert drawn[0] == "{ x1 | data 2.0000 | grad 0.0000 }" and "%.4f" % o.grad == "0.0000"
    topo, visited = [], set()

    def build_topo(v):
        if v not in visited:
            visited.add(v)
            for child in v._prev:
                build_topo(child)
            topo.append(v)

    build_topo(o)
    o.grad = 1.0
    for node in reversed(topo):
        node._backward()
    got = [v.grad for v in (x1, w1, x2, w2, b)]
    np.testing.assert_allclose(got, [-1.5, 1.0, 0.5, 0.0, 0.5], rtol=1e-12)


def test_a_small_language_model_on_scalar_values_trains():
    """Embeddings of which some rows never occur, attention, and Adam over all parameters."""
    import random

    random.seed(42)
    vocabulary, width, length = 6, 4, 3

    def matrix(rows, columns):
        return [[Value(random.gauss(0, 0.3)) for _ in range(columns)] for _ in range(rows)]

    weights = {name: matrix(*shape) for name, shape in {
        "wte": (vocabulary, width), "wpe": (length + 2, width), "wq": (width, width),
        "wk": (width, width), "wv": (width, width), "up": (2 * width, width),
        "down": (width, 2 * width), "head": (vocabulary, width)}.items()}
    params = [p for rows in weights.values() for row in rows for p in row]

    def linear(x, w):
        return [sum(wi * xi for wi, xi in zip(row, x, strict=True)) for row in w]

    def softmax(logits):
        largest = max(v.data for v in logits)
        exps = [(v - largest).exp() for v in logits]
        total = sum(exps)
        return [e / total for e in exps]

    def rmsnorm(x):
        scale = (sum(xi * xi for xi in x) / len(x) + 1e-5) ** -0.5
        return [xi * scale for xi in x]

    def step(token, position, keys, values):
        x = rmsnorm([t + p for t, p in zip(weights["wte"][token], weights["wpe"][position],
                                           strict=True)])
        q, k, v = (linear(x, weights[name]) for name in ("wq", "wk", "wv"))
        keys.append(k)
        values.append(v)
        scores = softmax([sum(a * b for a, b in zip(q, key, strict=True)) / width**0.5
                          for key in keys])
        x = [xi + sum(s * v[i] for s, v in zip(scores, values, strict=True))
             for i, xi in enumerate(x)]
        hidden = [h.relu() for h in linear(rmsnorm(x), weights["up"])]
        x = [a + b for a, b in zip(x, linear(hidden, weights["down"]), strict=True)]
        return linear(x, weights["head"])

    tokens = [0, 2, 1, 2]
    m, v, losses = [0.0] * len(params), [0.0] * len(params), []
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for t in range(15):
            keys, values, terms = [], [], []
            for position in range(length):
                probabilities = softmax(step(tokens[position], position, keys, values))
                terms.append(-probabilities[tokens[position + 1]].log())
            loss = (1 / length) * sum(terms)
            loss.backward()
            losses.append(loss.data)
            for i, p in enumerate(params):
                m[i] = 0.85 * m[i] + 0.15 * p.grad
                v[i] = 0.99 * v[i] + 0.01 * p.grad ** 2
                step_size = m[i] / (1 - 0.85 ** (t + 1))
                p.data -= 0.05 * step_size / ((v[i] / (1 - 0.99 ** (t + 1))) ** 0.5 + 1e-8)
                p.grad = 0
    assert losses[-1] < 0.5 * losses[0]
    assert 1 <= len(found) <= 2  # once for each line that used what was not computed
