"""Parts of a program in its picture: modules, functions, scopes, runs; and the user's names."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from test_notation import graphs

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.picture.folding import tree_of
from autograd_mini.picture.record import Record
from autograd_mini.picture.run import run_of
from autograd_mini.picture.views import View, folded
from autograd_mini.recording import Observer, watched_by


def record_of(what, *args):
    return Record(run_of(what, args, None, "draw"), "computed")


def paths(record):
    """By the name of an operation, the titles of the parts that it is in."""
    return {record.names[node].name: " / ".join(p.title for p in record.run.path(node))
            for node in record.order if node.op is not None}


@pytest.fixture
def model():
    random.seed(0)
    return nn.MLP(2, [2, 1])


def test_modules_functions_and_scopes(model):
    """Whatever is called or entered is a part: also a class of the user's that is no Module."""
    class Shift:
        def __init__(self):
            self.by = Value(1.0)

        def __call__(self, x):
            return x - self.by

    shift = Shift()

    def squared(d):
        e = d * 1.0
        return e**2

    def loss(x1, x2):
        out = shift(model([x1, x2]))
        with ag.scope("the loss"):
            L = squared(out)
        return L  # noqa: RET504, the name is looked for

    found = paths(record_of(loss, 1.0, -2.0))
    assert found["out"] == "shift · Shift" and found["L"] == "the loss / squared"
    assert "model · MLP / layers.0 · Layer / neurons.1 · Neuron" in found.values()
    names = [n.name for n in record_of(loss, 1.0, -2.0).names.known.values()]
    assert {"x1", "x2", "by", "out", "L"} < set(names), "each by the name that the program has"


def test_names_of_a_run_in_a_loop():
    """A name that a loop gives again and again has a number; constants are as the line has them."""
    X, xs = np.ones((2, 3)), [np.full((2, 3), k) for k in (1.0, 2.0)]

    def f(params):
        h = X @ params["W"]
        for x in range(2):
            h = np.tanh(h + xs[x] @ params["W"])
        total = h.sum()
        return total  # noqa: RET504

    source = ag.draw(f, {"W": np.ones((3, 2))}, fold=False).source
    for part in (">h1<", ">h2<", ">h3<", "= X W", ">W<", ">total<", "= xs[1&#93; W"):
        assert part in source, part


def test_a_node_is_named_by_the_callers_variables(model):
    """`label` is never needed: variables, lists, dicts, modules."""
    x = Value(2.0)
    weights = {"w": Value(3.0)}
    hidden = x * weights["w"]
    y = hidden + model([x, 1.0])
    source = ag.draw(y, fold=False).source
    for name in ("x", "hidden", "y", "w"):
        assert f"<b>{name}</b>" in source, name
    assert not any(node.label for node in (x, hidden, y))
    assert "∂y/∂hidden = " in str(ag.explain(y))


def test_a_loss_with_buffers_is_drawn_as_it_is_written():
    """Arrays that are filled in loops, and whole numbers that count."""
    def f(x, n):
        out = np.zeros(n)
        for i in range(n):
            out[i] = x[i] * 2
        return float(np.sum(out))

    source = ag.draw(f, np.ones(3), 3).source
    assert "= stack(out1, out2, out3)" in source and "= x[1&#93;<" in source


def test_a_composite_is_one_box_until_asked():
    """softmax is four operations; closed it is drawn as one with its value and gradient."""
    def f(x):
        p = ag.softmax(x)
        return (p * p).sum()

    assert "= softmax(x)" in ag.draw(f, np.arange(3.0)).source
    opened = ag.draw(f, np.arange(3.0), fold=False).source
    assert "logsumexp" in opened and "cluster" in opened and "softmax(x)" not in opened


@pytest.mark.parametrize(("fold", "there", "gone"), [
    ("auto", "cluster", "5 operations"), (True, "9 operations, 9 variables", "= relu"),
    ("Neuron", "neurons.0 · Neuron", "relu"), (["layers.0"], "layers.0 · Layer", "= relu"),
    (False, "= relu", "operations"),
])
def test_what_is_closed(model, fold, there, gone):
    """By itself, everything, nothing, or by the names of modules and classes."""
    x = np.array([1.0, -2.0])
    source = ag.draw(lambda x: model(x) ** 2, x, fold=fold).source
    assert there in source and gone not in source


def test_depth_opens_so_many_levels(model):
    """0: the call of the model is one box; 1: its layers are."""
    f = lambda x: model(x) ** 2
    assert "cluster" not in ag.draw(f, np.ones(2), depth=0).source
    one = ag.draw(f, np.ones(2), depth=1).source
    assert one.count("cluster") == 1 and "layers.1 · Layer" in one


def test_focus_shows_what_is_near():
    """Three boxes of a long chain, and how many there are before and behind."""
    x = Value(0.5, label="x")
    nodes = [x]
    for _ in range(100):
        nodes.append(ag.sin(nodes[-1]))
    source = ag.draw(nodes[-1], focus=(nodes[50], 1)).source
    assert source.count("fillcolor") == 5 and "… 49 more" in source


@pytest.mark.parametrize("count", [100, pytest.param(1600, marks=pytest.mark.slow)])  # 4,801 nodes
def test_never_too_many_boxes(count):
    """A chain of 4,801 nodes is folded into runs; each node is in just one of them."""
    z = Value(0.1, label="z")
    for i in range(count):
        z = z * 1.001 + Value(0.001, label=f"c{i}")
    assert ag.draw(z).source.count("fillcolor") <= 60
    record = record_of(z)
    tree = tree_of(record, most=40)
    home = [i for g in [tree.root, *tree.root.groups()] for i in g.children if isinstance(i, int)]
    assert sorted(home) == list(range(len(record.order)))
    operations = [[i for i in g.children if not isinstance(i, int) or not record.is_variable(i)]
                  for g in [tree.root, *tree.root.groups()]]
    assert max(map(len, operations)) <= 40


@pytest.mark.parametrize("seed", range(20))
def test_a_view_has_every_arrow_once(seed):
    """Open, each arrow is drawn once; folded, the boxes are a graph without circles."""
    for node, _ in itertools.islice(graphs(random.Random(seed)), 5):
        record = record_of(node)
        links = View(tree_of(record), []).links
        drawn = [arrow for link in links for arrow in link.arrows]
        assert sorted(drawn, key=repr) == sorted(record.arrows, key=repr)
        view = folded(record, True, None, 10)
        behind = {box: {link.tail for link in view.links if link.head is box} for box in view.boxes}
        left = set(view.boxes)
        while left:
            free = {box for box in left if not behind[box] & left}
            assert free, "a circle"
            left -= free


@pytest.mark.parametrize("seed", range(10))
def test_gradients_are_the_engines(seed):
    """Of each node; what arrives is the sum of what was sent; nothing is stored."""
    for node, _ in itertools.islice(graphs(random.Random(seed)), 10):
        record = record_of(node)
        reached = [n for n in record.order if n in record.turns]
        ours = ag.gradients(node, reached)
        for n, g in zip(reached, ours, strict=True):
            assert np.array_equal(record.turns[n].arrived, g, equal_nan=True)
            sent = [record.sent(a) for a in record.uses[record.index[n]]]
            total = sum(s for s in sent if s is not None)
            if n is not node:
                assert total == pytest.approx(g, rel=1e-12, abs=1e-300, nan_ok=True)
        assert all(n.gradient is None for n in record.order)


def test_watchers_may_be_nested():
    """A block of detect_anomaly inside of what is drawn, and a transform in it."""
    class Counts(Observer):
        count = 0

        def made(self, node):
            self.count += 1

    inner, outer = Counts(), Counts()
    with watched_by(outer):
        Value(1.0) * 2
        with watched_by(inner):
            Value(1.0) * 2
        with ag.detect_anomaly():
            Value(1.0) * 2
        ag.grad(lambda x: x * x)(1.0)
    assert (inner.count, outer.count) == (1, 4)

    def f(x):
        with ag.detect_anomaly():
            y = np.sqrt(x)
        return y * 2

    assert "= √x" in ag.draw(f, 4.0).source


def test_scope_changes_nothing():
    """It can decorate a function, nest, and be left by an exception; its name is a text."""
    @ag.scope("twice")
    def f(x):
        with ag.scope("inner"):
            return x * 2 + 1

    assert f(3.0) == 7.0 and ag.grad(f)(3.0) == 2.0
    assert "twice" in paths(record_of(lambda x: f(x) * 3, 1.0))["v2"]
    with pytest.raises(ZeroDivisionError), ag.scope("a"):
        1 / 0
    with pytest.raises(TypeError, match="a name"):
        ag.scope(3)


def test_second_calls_are_numbered():
    """A model that is called twice has its parameters at each call, each saying which use it is."""
    layer = nn.Linear(3, 3, rng=0)
    source = ag.draw(lambda x: layer(layer(x)).sum(), np.ones((2, 3)), fold=False).source
    assert "Linear (call 2)" in source and "(2 of 2 uses)" in source
    assert source.count("<b>weight</b>") == 2
    labelled = Tensor([1.0], label="mine")
    assert "<b>mine</b>" in ag.draw(lambda x: labelled * x, 2.0).source
