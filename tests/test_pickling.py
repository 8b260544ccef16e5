"""What is sent to another process, or comes from there, is there what it was here."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.picture import layout

X = np.array([0.3, -1.0, 2.0])


def loss(x):
    return np.sum(np.tanh(x) ** 2)


def right(x):
    return 2 * np.tanh(x) * (1 - np.tanh(x) ** 2)


def wrong(x):
    return 2 * np.tanh(x) * (1 + np.tanh(x) ** 2)


def kinked(x):
    return np.sum(np.abs(x - 0.3) ** 0.5)


def squares(x):
    return x**2


def chain(x):
    h = np.tanh(x)
    s = h**2
    return np.sum(s)


def chain_backwards(x):
    h = np.tanh(x)
    ds = np.ones(3)
    dh = ds * h
    return dh * (1 - h**2)


def cube(x):
    return x**3


def scaled(w, x):
    return np.sum((w * x) ** 2)


REPORTS = {
    "right": lambda: ag.check_gradient(loss, right, X),
    "wrong": lambda: ag.check_gradient(loss, wrong, X),
    "another shape": lambda: ag.check_gradient(loss, lambda x: np.ones((2, 2)), X),
    "nan": lambda: ag.check_gradient(loss, lambda x: x * np.nan, X),
    "can't tell": lambda: ag.check_gradient(kinked, lambda x: np.zeros(3), X),
    "chain": lambda: ag.check_chain(chain, chain_backwards, X),
    "jacobian": lambda: ag.check_jacobian(squares, lambda x: np.diag(3 * x), X),
    "hessian": lambda: ag.check_hessian(loss, lambda x: np.eye(3), X),
    "vjp": lambda: ag.check_vjp(squares, lambda x, g: 3 * x * g, X),
}


def told(report):
    """All that a report says."""
    said = [str(report), repr(report), report._repr_html_()]
    said += [report.hint(level) for level in range(1, 5)] if hasattr(report, "hint") else []
    said += [str(report.as_dict())] if hasattr(report, "as_dict") else []
    return said


@pytest.mark.parametrize("name", REPORTS)
def test_reports(name):
    """In all they say, hints and the page for a notebook, too."""
    report = REPORTS[name]()
    for again in (pickle.loads(pickle.dumps(report)), copy.deepcopy(report)):
        assert told(again) == told(report)


FUNCTIONS = {  # how it is made, and what it is called with
    "grad": (lambda: ag.grad(loss), (X,)), "grad of grad": (lambda: ag.grad(ag.grad(cube)), (2.0,)),
    "value_and_grad": (lambda: ag.value_and_grad(loss), (X,)),
    "jacobian": (lambda: ag.jacobian(squares), (X,)), "hessian": (lambda: ag.hessian(loss), (X,)),
    "as_written": (lambda: ag.as_written(loss), (X,)),
    "program": (lambda: ag.compile(cube), (2.0,)),
    "program of arrays": (lambda: ag.compile(loss), (X,)),
    "gradient of a program": (lambda: ag.grad(ag.compile(loss)), (X,)),
    "program of a gradient": (lambda: ag.compile(ag.grad(loss)), (X,)),
    "whole arrays": (lambda: ag.compile(loss, arrays="whole"), (X,)),
    "over a batch": (lambda: ag.compile(cube, batched=[0]), (X,)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    """Transforms and programs, before they are called and after (when a program has recorded)."""
    make, args = FUNCTIONS[name]
    f = make()
    fresh = pickle.loads(pickle.dumps(f))
    expected = f(*args)
    for again in (fresh, pickle.loads(pickle.dumps(f)), copy.deepcopy(f)):
        for a, b in zip(np.atleast_1d(again(*args)) if name != "value_and_grad" else again(*args),
                        np.atleast_1d(expected) if name != "value_and_grad" else expected,
                        strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", [nn.SGD, nn.Adam, nn.AdamW, nn.RMSprop, nn.Adagrad])
def test_models_with_optimizers(kind):
    """They go on together, with the same bits: dropout's generator and momentum come along."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 3)), np.arange(12) % 2
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.ReLU(),
                          nn.Dropout(0.5, rng=1), nn.Linear(4, 2, rng=0))
    steps = kind(model.parameters(), lr=0.05)
    loader = nn.DataLoader(x, y, batch_size=5, shuffle=True, rng=2)
    nn.fit(model, loader, nn.cross_entropy, steps, 2, progress=False)
    again = pickle.loads(pickle.dumps((model, steps, loader)))
    assert all(p is q for p, q in zip(again[0].parameters(), again[1].parameters, strict=True))
    for its, optimizer, batches in ((model, steps, loader), again):
        nn.fit(its, batches, nn.cross_entropy, optimizer, 2, progress=False)
    here, there = model.state_dict(), again[0].state_dict()
    assert {k: v.tobytes() for k, v in here.items()} == {k: v.tobytes() for k, v in there.items()}
    assert model.training == again[0].training


def test_pictures():
    """As they were drawn: as text, as data, as LaTeX, and as a page of steps."""
    y = loss(ag.Tensor(X, label="x"))
    y.backward()
    picture, steps, derivation = ag.draw(y), ag.steps(y), ag.explain(y)
    again = pickle.loads(pickle.dumps(picture))
    assert again.source == picture.source and again.svg() == picture.svg()
    assert again.as_dict() == picture.as_dict() and again.tikz() == picture.tikz()
    page = pickle.loads(pickle.dumps(steps))
    assert page.html == steps.html and repr(page) == repr(steps) and len(page) == len(steps)
    assert page.as_dict() == steps.as_dict() and page._repr_html_() == steps._repr_html_()
    assert str(pickle.loads(pickle.dumps(derivation))) == str(derivation)


def test_a_picture_without_a_layout(monkeypatch):
    """It is sent without its LaTeX, and says so when it is asked for that."""
    picture = ag.draw(loss(ag.Tensor(X)))
    monkeypatch.setattr(layout, "program", lambda: None)
    again = pickle.loads(pickle.dumps(picture))
    assert again.as_dict() == picture.as_dict()
    with pytest.raises(layout.LayoutError, match="without its LaTeX, for no layout program"):
        again.tikz()


def test_other_things():
    """Exercises, histories, and what assert_gradient raises."""
    exercise = ag.exercise(subject="chain rule", seed=3)
    assert str(pickle.loads(pickle.dumps(exercise))) == str(exercise)
    with pytest.raises(ag.errors.GradientError) as caught:
        ag.assert_gradient(loss, wrong, X)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def case(seed):
    """A case of many: every fifth gradient is wrong."""
    rng = np.random.default_rng(seed)
    w, x = rng.normal(size=(2, 3))
    return ag.check_gradient(scaled, 2 * w * x**2 * (1 if seed % 5 else 2), w, x, wrt="w")


@pytest.mark.slow  # starts two Pythons
def test_many_cases_over_a_pool():
    """One line; the reports are those of one process, but for nothing."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        reports = list(pool.map(case, range(40), chunksize=5))
    assert [str(r) for r in reports] == [str(case(seed)) for seed in range(40)]
    assert [r.ok for r in reports] == [seed % 5 > 0 for seed in range(40)]
