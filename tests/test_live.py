"""What is recorded for a program holds for other numbers: nothing in a graph was decided by these.

Each expression is recorded at one point, with its gradient, and run again for other numbers, node
by node; then it is what the engine gives there. Where a function must decide (which numbers
`unique` keeps), it tells the tracer.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy_cases import CASES, CONSTANTS, VARIABLES

import autograd_mini as ag
from autograd_mini import Node, nn
from autograd_mini.backprop import collect
from autograd_mini.graph import topological_order
from autograd_mini.primitive import PRIMITIVES, Elementwise, _built_in as BUILT_IN
from autograd_mini.recording import Observer, as_node_value, traced_by, undisturbed

KINDS = ["others", "ties", "zeros", "infinities", "large"]
NO_RESULT = (np.linalg.LinAlgError, ag.errors.GraphError)  # for these numbers, as they say


class Decisions(Observer):
    """Keeps whether a number was looked at."""

    def __init__(self):
        self.seen = []

    def compared(self, *what):
        self.seen.append(what)

    def detached(self, *nodes):
        self.seen.append(nodes)

    def branch_masked(self):
        pass


def weighted(nodes):
    """One number in which every entry has a weight of its own."""
    return sum(ag.sum(y * np.cos(1.0 + np.arange(np.size(y.value))).reshape(np.shape(y.value)))
               for y in nodes)


class Recording:
    """f of Tensors of these arrays, its gradient, and so on up to `order`."""

    def __init__(self, f, arrays, order):
        self.leaves = [ag.Tensor(x) for x in arrays]
        decisions = Decisions()
        with undisturbed(), traced_by(decisions):
            y = f(*self.leaves)
            nodes = [part for part in (y if isinstance(y, tuple | list) else [y])
                     if isinstance(part, Node)]
            self.results = list(nodes)
            for _ in range(order if nodes else 0):
                total = weighted(nodes)
                seed = 1.0 if type(total.value) is float else np.ones(())
                nodes = [g for g in collect(total, self.leaves, seed, True) if isinstance(g, Node)]
                self.results += nodes
                if not nodes:
                    break
        self.decided = bool(decisions.seen)
        self.values = [node.value for node in self.results]

    def replayed(self, arrays):
        """The results for other arrays, each node computed anew by its row."""
        held = dict(zip(self.leaves, arrays, strict=True))
        with np.errstate(all="ignore"):
            for result in self.results:
                for node in topological_order(result, tuple(held))[::-1]:
                    if node not in held:
                        held[node] = node.value if node.op is None else self.again(node, held)
        return [held[node] for node in self.results]

    @staticmethod
    def again(node, held):
        inputs = [x if p is None else held[p]
                  for p, x in zip(node.parents, node.inputs, strict=True)]
        return as_node_value(node.op.compute(inputs, node.params or {}), inputs)


def other(x, kind, positive=False):
    """Numbers of another kind in the place of x."""
    rng = np.random.default_rng(len(kind) + x.size)
    y = rng.permutation(x.ravel()).reshape(x.shape) * rng.uniform(0.5, 1.5, x.shape)
    if kind == "ties":
        y = np.round(y)
    elif kind == "zeros":
        y = np.zeros(x.shape)
    elif kind == "infinities" and x.size:
        y.reshape(-1)[rng.integers(x.size)] = rng.choice([-np.inf, np.inf])
    elif kind == "large":
        y = 1e3 * x
    return np.abs(y) + 0.1 if positive and kind == "others" else y


def check(f, arrays, order, kinds=KINDS, positive=()):
    """Whether f holds for other numbers; True if it decides, and so needn't."""
    recorded = Recording(f, arrays, order)
    if recorded.decided:
        return True
    for kind in kinds:
        new = [other(x, kind, i in positive) for i, x in enumerate(arrays)]
        try:
            expected, given = Recording(f, new, order), recorded.replayed(new)
        except NO_RESULT:
            continue
        if any(np.isnan(y).any() for y in given):
            continue  # a program has the engine do it then
        for a, b in zip(given, expected.values, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13 * np.max(
                np.abs(b), initial=0.0, where=np.isfinite(b)), err_msg=kind)
    return False


@functools.cache
def of_case(case):
    """The expression as a function, and its variables."""
    code = compile(case, "case", "eval")
    names = [name for name in VARIABLES if name in code.co_names]
    space = {"np": np, **CONSTANTS, **VARIABLES}
    return lambda *xs: eval(code, {**space, **dict(zip(names, xs, strict=True))}), names


@pytest.mark.slow  # three orders of five hundred expressions
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.filterwarnings("ignore::autograd_mini.errors.BroadcastWarning")
def test_every_function_of_numpy_holds_for_other_numbers(order):
    """Sorts, quantiles, extremes and their gradients choose anew; few functions decide."""
    decided = []
    for case in CASES:
        f, names = of_case(case)
        # LAPACK's SVD of an infinite matrix may never end.
        kinds = [kind for kind in KINDS if kind != "infinities" or "linalg" not in case]
        if names and check(f, [VARIABLES[name] for name in names], order, kinds):
            decided.append(case)
    assert len(decided) < 40, decided


DECIDING_ROWS = [
    "np.sort(m)", "np.median(t, axis=(0, 2))", "np.quantile(m, 0.3)", "np.max(t, axis=1)",
    "np.interp(u, np.array([-2.0, 0.1, 0.2, 3.0]), o)", "np.linalg.norm(m, 1)",
    "np.maximum.accumulate(v)", "np.partition(m, 1, axis=0)[1]", "np.ptp(t)"]


@pytest.mark.parametrize("case", DECIDING_ROWS)
def test_what_was_decided_by_numbers_is_decided_anew(case):
    """Where a number stands in a sort, which is the largest, between which knots one lies."""
    assert case in CASES
    f, names = of_case(case)
    for order in (0, 1, 2):
        assert not check(f, [VARIABLES[name] for name in names], order,
                         [k for k in KINDS if k != "infinities" or "linalg" not in case])


ROWS = [row for row in PRIMITIVES.values()
        if isinstance(row, Elementwise) and row.name in BUILT_IN]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_elementwise_row_holds_for_other_numbers(row):
    """Its slopes, and theirs, decide nothing by the numbers that they were recorded for."""
    rng = np.random.default_rng(5)
    arrays = [np.abs(rng.normal(size=6)) * 0.8 + 0.1 for _ in row.slopes]
    for order in (1, 2):
        assert not check(row, arrays, order)


ACTIVATIONS = ["leaky_relu", "elu", "selu", "gelu", "silu", "mish", "logsigmoid", "hardtanh",
               "relu6", "hardsigmoid", "softmax", "log_softmax", "logsumexp", "softsign"]
CLASSES, TARGET = np.array([0, 2, 1]), np.abs(np.random.default_rng(1).normal(size=(3, 4)))
LOSSES = {
    "cross-entropy": lambda z: nn.cross_entropy(z, CLASSES),
    "of distributions": lambda z: nn.cross_entropy(z, TARGET / TARGET.sum(1, keepdims=True)),
    "weighted": lambda z: nn.cross_entropy(z, CLASSES, weight=[1.0, 2.0, 3.0, 4.0]),
    "binary": lambda z: nn.binary_cross_entropy_with_logits(z, 1.0 * (TARGET > 0.5)),
    "mse": lambda z: nn.mse_loss(z, TARGET), "l1": lambda z: nn.l1_loss(z, TARGET),
    "huber": lambda z: nn.huber_loss(z, TARGET),
    "margin": lambda z: nn.multi_margin_loss(z, CLASSES),
}


@pytest.mark.parametrize("name", [*ACTIVATIONS, *LOSSES])
def test_activations_and_losses_hold_for_other_numbers(name):
    """Far out, at their kinks and at infinities, they choose what holds there."""
    f = LOSSES.get(name) or getattr(ag, name)
    for order in (1, 2):
        assert not check(f, [np.random.default_rng(2).normal(size=(3, 4))], order)


LAYERS = {
    "Linear": (lambda: nn.Linear(4, 3, rng=0), (3, 4)),
    "LayerNorm": (lambda: nn.LayerNorm(4), (3, 4)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), (5, 4)),
    "Conv2d": (lambda: nn.Conv2d(1, 2, 3, rng=0), (2, 1, 5, 5)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), (2, 1, 4, 4)),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), (2, 1, 4, 4)),
    "LSTM": (lambda: nn.LSTM(4, 3, rng=0), (2, 3, 4)),
    "GRU": (lambda: nn.GRU(4, 3, rng=0), (2, 3, 4)),
    "RNN": (lambda: nn.RNN(4, 3, rng=0), (2, 3, 4)),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2, rng=0), (2, 3, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_hold_for_other_numbers(name):
    """What a layer computes, and its gradient, was recorded for no particular batch."""
    made, shape = LAYERS[name]
    layer = made()

    def f(x):
        y = layer(x)
        return y[0] if isinstance(y, tuple) else y

    assert not check(f, [np.random.default_rng(3).normal(size=shape)], 1)


def test_the_rows_of_places_pass_the_checks_of_primitives():
    """Taking from places that another array decides, and putting back: each other's transpose."""
    def places(by):
        return np.argsort(by)

    x, by = np.array([3.0, 1.0, 2.0]), np.array([0.3, 0.1, 0.2])
    taken = lambda x: ag.ops.taken_at([x, by], places=places)
    put = lambda g: ag.ops.put_at([g, by], places=places, shape=(3,))
    assert taken(x).tolist() == [1.0, 2.0, 3.0] and put(taken(x)).tolist() == x.tolist()
    np.testing.assert_array_equal(ag.jacobian(taken)(x), ag.jacobian(put)(x).T)
    np.testing.assert_array_equal(ag.hessian(lambda v: np.sum(taken(v) ** 3))(x),
                                  np.diag(6.0 * x))
    assert ag.grad(lambda v: np.sum(ag.ops.taken_at([x, v], places=places)))(by).tolist() == [
        0.0, 0.0, 0.0]


def test_a_nan_in_a_quantile_is_seen_by_a_program():
    """A median recorded without a nan is nan where there is one, and the other way round."""
    x, gap = np.array([3.0, 1.0, 2.0]), np.array([3.0, np.nan, 2.0])
    for first, second in ((x, gap), (gap, x)):
        (given,) = Recording(np.median, [first], 0).replayed([second])
        np.testing.assert_array_equal(given, np.median(second))


@pytest.mark.parametrize("f", [np.unique, np.nanmedian, np.unwrap, lambda x: np.modf(x)[0]],
                         ids=["unique", "nanmedian", "unwrap", "modf"])
def test_what_cannot_be_decided_anew_says_so(f):
    """A function that counts numbers or turns tells the tracer, which then refuses it."""
    assert Recording(f, [np.array([0.5, 2.5, -1.5])], 0).decided
