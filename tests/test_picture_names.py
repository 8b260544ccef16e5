"""Names in pictures: never one for two things, never that of another, and calls as they were."""

from __future__ import annotations

import functools
import gc
import weakref

import numpy as np
import pytest
from test_picture_found import boxes

import autograd_mini as ag
from autograd_mini import Tensor, nn


def names_and_formulas(f, *args):
    return {box.partition(" = ")[0]: box.partition(" = ")[2]
            for box in boxes(ag.draw(f, *args, fold=False))}


def test_an_array_never_has_the_name_of_a_node():
    """v1, out, e or a parameter's: it is told by its shape then."""
    def generated(x):
        v1 = np.array([1.0, 2.0, 3.0])
        return ((x * 2) * v1).sum()

    def shadowed(x):
        def h(w, x):
            return w * x

        return h(x * x, np.array([1.0, 2.0, 3.0])).sum()

    def euler(x):
        e = np.array([1.0, 2.0, 3.0])
        return (np.exp(x) * e).sum()

    for f in (generated, shadowed, euler):
        told = names_and_formulas(f, np.full(3, 2.0))
        assert any("· const 3" in formula for formula in told.values()), told


def test_a_local_with_the_name_of_a_parameter():
    """In one frame no two boxes have one name."""
    class Layer(nn.Module):
        def __init__(self):
            self.weight = Tensor(np.eye(2) * 2, label="weight")

        def forward(self, x):
            weight = x * 3
            return weight @ self.weight

    layer = Layer()
    told = names_and_formulas(lambda x: layer(x).sum(), np.ones((2, 2)))
    assert told["weight"] == "x · 3" and "weight layer.weight" in told.values()


def rebound_in_a_loop(a, b):
    for i in range(3):
        if i == 1:
            return ag.tanh(a) * 2 + a
        a = b
    return a


def deleted(a, b):
    del a
    return ag.tanh(b) * 2


def stored_inside(a, b):
    def change():
        nonlocal a
        a = 3.0

    change()
    return ag.tanh(a * b) * 2


def of_a_list(xs):
    xs[0] = xs[1]
    return ag.tanh(xs[0]) * 2 + xs[1]


def with_defaults(x, a=1.0, b=2.0):
    return ag.tanh(x) * a + b


def with_more(x, *xs, k=2.0, **others):
    return ag.tanh(x) * xs[0] * k + others["t"]


def maybe(a, b):
    return ag.tanh(b if a is None else a) * 2


def flagged(x, up):
    return ag.tanh(x) * (2 if up else 3)


@pytest.mark.parametrize(("f", "shown"), [
    (lambda x, y: rebound_in_a_loop(x, y) * 2 + x, "rebound_in_a_loop(…)"),
    (lambda x, y: deleted(2.0, x) * 2 + y, "deleted(…)"),
    (lambda x, y: stored_inside(x, x) * 2 + y, "stored_inside(…)"),
    (lambda x, y: of_a_list([x, y]) * 2, "of_a_list([…])"),
    (lambda x, y: with_defaults(x, b=5.0) * y, "with_defaults(x, b=5)"),
    (lambda x, y: with_more(x, y, k=3.0, t=1.0) * y, "with_more(x, y, k=3, t=1)"),
    (lambda x, y: maybe(None, x) * y, "maybe(None, x)"),
    (lambda x, y: maybe(x, None) * y, "maybe(x, None)"),
    (lambda x, y: flagged(x, True) * y, "flagged(x, True)"),
])
def test_calls_are_shown_as_they_were_made(f, shown):
    """With keywords where one was left out, and without arguments where these may have changed."""
    told = boxes(ag.draw(f, 1.0, 3.0, fold=True))
    assert any(box.endswith(f"= {shown}") for box in told), told


@pytest.mark.parametrize(("f", "shown"), [
    (lambda X: np.concatenate([X, X], axis=None), "concatenate(X, X, axis=N"),
    (lambda X: np.where(np.ones((3, 4)) > 0, X[0], 0.0), "where("),
    (lambda X: np.roll(X, (1, 2), axis=(0, 1)), "roll(X, shift=(1, 2), axi"),
])
def test_operations_say_what_they_were_told(f, shown):
    """Also None; and a choice of where isn't its argument if that was broadcast."""
    X = Tensor(np.arange(12.0).reshape(3, 4), label="X")
    assert any(f"= {shown}" in box for box in boxes(ag.draw(f(X), fold=False)))


def test_a_label_that_is_a_formula_before_an_index():
    """It has brackets."""
    X = Tensor(np.arange(4.0), label="a + b")
    assert "(a + b)[0]" in str(ag.explain(X[0] * 2))


def test_layers_of_one_class_are_no_calls_of_one():
    """Each has the name of its variable; a function called forward is a function."""
    first, second = nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1)

    def forward(p, x):
        return np.tanh(x * p["w"]) + p["b"]

    source = ag.draw(lambda x: second(np.tanh(first(x))).sum(), np.ones((2, 2)), fold=True).source
    assert "first · Linear" in source and "second · Linear" in source and "(call 2)" not in source
    told = boxes(ag.draw(lambda p: forward(p, 2.0) * 2, {"w": 1.0, "b": 0.5}, fold=True))
    assert any("= forward(…, 2)" in box for box in told), told


def test_names_are_not_given_to_what_is_on_the_way():
    """Not by sum, map or reduce, and not across a star."""
    def g(t):
        return t * 2

    def mapped(x):
        total = sum(map(g, [x, x]))
        return total * 1.5

    def reduced(x, y):
        p = functools.reduce(lambda a, b: a * b, [x, y, y])
        return p + 1.0

    def starred(x):
        *a, b = x * 2, x * 3, x * 4
        return a[0] * a[1] * b

    told = names_and_formulas(mapped, 1.0)
    assert "total1" not in told and "x · 2" not in told.get("total", "")
    told = names_and_formulas(reduced, 1.0, 2.0)
    assert "p1" not in told and "p2" not in told
    assert names_and_formulas(starred, 1.0)["b"] == "x · 4"


def test_unrelated_arrays_of_the_caller_name_nothing():
    """Only an array in the line itself, or one that is known again by its numbers."""
    labels = np.array([1.0, 1.0])
    assert len(labels) == 2
    x = Tensor([1.0, 2.0])
    assert any("· const 2" in box for box in boxes(ag.draw((x * (x.data > 0)).sum())))


def test_a_drawing_keeps_no_objects_of_the_users():
    """Of a helper's arguments it keeps nodes, numbers and texts."""
    class Settings:
        pass

    kept = []

    def helper(x, settings):
        return ag.tanh(x) * 2 + x

    def f(x):
        settings = Settings()
        kept.append(weakref.ref(settings))
        return helper(x, settings) * 2

    drawing = ag.draw(f, 1.0)
    gc.collect()
    assert kept[-1]() is None and drawing.source


def test_arrays_of_a_list_have_its_name_and_their_place():
    """The first of a long one; the others would take too long to find."""
    batches = [np.full(3, float(k)) for k in range(1000)]

    def f(w):
        total = 0.0
        for k in range(20):
            total = total + (w * batches[k]).sum()
        return total

    assert "batches[3&#93;" in ag.draw(f, np.ones(3), fold=False).source


def test_a_penalty_on_all_parameters_still_fits():
    """Eighty variables that only closed boxes use aren't drawn: these boxes name them."""
    model = nn.MLP(3, [8, 8, 1])
    f = lambda x: (model(x) - 1) ** 2 + 0.1 * sum(p * p for p in model.parameters())
    assert ag.draw(f, [1.0, 2.0, 3.0]).source.count("fillcolor") <= 60
