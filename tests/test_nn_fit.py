"""Training: what fit refuses before the first step, and that networks learn."""

from __future__ import annotations

import random

import numpy as np
import pytest

from autograd_mini import Value, nn
from autograd_mini.errors import ArgumentError, ArgumentTypeError, GraphError


def test_sequential_learns_xor():
    """A 2-8-1 tanh network learns XOR; the same seed gives the same run to the last bit."""

    def run():
        rng = np.random.default_rng(3)
        X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
        y = np.array([[0.0], [1], [1], [0]])
        model = nn.Sequential(nn.Linear(2, 8, rng=rng), nn.Tanh(), nn.Linear(8, 1, rng=rng))
        loader = nn.DataLoader(X, y, batch_size=2, shuffle=True, rng=rng)
        optimizer = nn.Adam(model.parameters(), lr=0.05)
        history = nn.fit(model, loader, nn.binary_cross_entropy_with_logits, optimizer,
                         epochs=150, progress=False)
        return model, X, y, history

    model, X, y, history = run()
    assert ((model(X).data > 0) == (y > 0)).all() and history[-1].loss < 0.05
    assert run()[3] == history


def test_fit_trains_scalar_networks_too(capsys):
    """fit gives an MLP of Values its samples one by one, and prints a line an epoch to a file."""
    random.seed(0)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    model = nn.MLP(2, [4, 2])
    seen = []
    nn.fit(model, nn.DataLoader(X, y, batch_size=10), nn.cross_entropy,
           nn.SGD(model.parameters(), lr=0.2), epochs=15, after_epoch=seen.append)
    assert nn.accuracy(model, X, y) > 0.9 and len(seen) == 15
    assert "epoch 15/15  loss 0." in capsys.readouterr().err


def test_fit_stops_at_a_loss_that_is_not_finite():
    """fit raises at an infinite loss before the step, so the parameters are still finite."""
    model = nn.Linear(1, 1)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="learning rate"):
        nn.fit(model, [(np.array([[np.inf]]), np.array([[0.0]]))], nn.mse_loss,
               nn.SGD(model.parameters(), lr=0.1), epochs=1, progress=False)
    assert np.isfinite(model.weight.data).all()


def test_fit_needs_batches_every_epoch():
    """An iterator that is used up after one epoch is an error, not a loss of 0."""
    model = nn.Linear(1, 1)
    once = iter([(np.ones((1, 1)), np.ones((1, 1)))])
    with pytest.raises(ValueError, match="used up after one pass"):
        nn.fit(model, once, nn.mse_loss, nn.SGD(model.parameters(), lr=0.1), epochs=2,
               progress=False)


def fitted(**changed):
    """nn.fit of a small model with some arguments changed; the model's numbers must not be."""
    model = nn.Linear(2, 1, rng=0)
    before = model.weight.data.copy()
    arguments = {"model": model, "loader": nn.DataLoader(np.ones((4, 2)), np.ones((4, 1))),
                 "loss": nn.mse_loss, "optimizer": nn.SGD(model.parameters(), lr=0.1),
                 "epochs": 1, "progress": False} | changed
    try:
        return nn.fit(**arguments)
    finally:
        np.testing.assert_array_equal(model.weight.data, before)


@pytest.mark.parametrize(("changed", "kind", "match"), [
    ({"epochs": -1}, ArgumentError, "epochs must be at least 0, not -1"),
    ({"epochs": "3"}, ArgumentTypeError, "epochs is a whole number, not '3'"),
    ({"epochs": 1.5}, ArgumentTypeError, "epochs is a whole number, not 1.5"),
    ({"epochs": None}, ArgumentTypeError, "epochs is a whole number"),
    ({"progress": "no"}, ArgumentTypeError, "progress is True or False"),
    ({"model": np.tanh}, ArgumentTypeError, "model is a Module"),
    ({"loader": 3}, ArgumentTypeError, "loader gives batches"),
    ({"loss": "mse"}, ArgumentTypeError, "loss is a function"),
    ({"optimizer": nn.mse_loss}, ArgumentTypeError, "optimizer is an Optimizer"),
    ({"optimizer": nn.SGD}, ArgumentTypeError, "optimizer is an Optimizer"),
    ({"after_epoch": 3}, ArgumentTypeError, "after_epoch is a function"),
    ({"loader": (np.ones((2, 2)), np.ones((2, 1)))}, ArgumentTypeError,
     r"loader is the pair \(X, y\) itself: nn.DataLoader\(X, y\) makes batches of it"),
    ({"loader": np.ones((2, 2))}, ArgumentTypeError, r"is \(x, y\), not an array of shape"),
    ({"loader": [(np.ones((2, 2)),) * 3]}, ArgumentTypeError,
     r"is \(x, y\), not 3 arrays.*DataLoader"),
    ({"loader": [(np.ones((1, 2)), 1.0)]}, ArgumentTypeError, "one target a sample; got 1.0"),
    ({"loader": []}, ArgumentError, "had no batches"),
    ({"loss": lambda a, b: 0.5}, GraphError, "one Value or Tensor of shape .*; got 0.5"),
    ({"loss": lambda a, b: a - b}, GraphError, r"; got shape \(4, 1\)"),
    ({"model": nn.ReLU()}, ArgumentError, "no parameters"),
])
def test_fit_refuses_before_the_first_step(changed, kind, match):
    """fit names the argument of the wrong kind before any parameter has moved."""
    with pytest.raises(kind, match=match):
        fitted(**changed)


def test_fit_of_no_epochs_does_nothing():
    """fit of 0 epochs is no mistake: the history is empty."""
    assert fitted(epochs=0) == []


def test_fit_refuses_an_optimizer_of_another_model():
    """fit refuses an optimizer of another model, and takes one of some of the parameters."""
    with pytest.raises(ArgumentError, match="2 parameters that aren't the model's, and not 2 that"):
        fitted(optimizer=nn.SGD(nn.Linear(2, 1).parameters(), lr=0.1))
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 1, rng=1))
    loader = nn.DataLoader(np.ones((4, 2)), np.ones((4, 1)))
    last = nn.SGD(model[1].parameters(), lr=0.1)
    before = model[0].weight.data.copy()
    nn.fit(model, loader, nn.mse_loss, last, epochs=1, progress=False)  # the rest is frozen
    np.testing.assert_array_equal(model[0].weight.data, before)
    more = nn.SGD([*model.parameters(), Value(1.0)], lr=0.1)
    assert len(nn.fit(model, loader, nn.mse_loss, more, epochs=1, progress=False)) == 1
    model.steps[1] = nn.Linear(2, 1)  # after its optimizer was made
    with pytest.raises(ArgumentError, match="make it, after the model"):
        nn.fit(model, loader, nn.mse_loss, more, epochs=1, progress=False)
