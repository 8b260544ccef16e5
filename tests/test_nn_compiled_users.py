"""`fit` by programs of users' code, where that is allowed: it is right, or left to the engine."""

from __future__ import annotations

import collections

import numpy as np
import pytest
from trainings import CLASSES, Function, X, assert_same, by_programs, compare, mlp, refused, trained

import autograd_mini as ag
from autograd_mini import nn

pytestmark = pytest.mark.skipif(ag.engine() == "plain", reason="the plain engine has no programs")


class Rebinds(nn.Module):
    """Keeps a running mean, as people write it."""

    def __init__(self):
        self.linear, self.mean = nn.Linear(6, 3, rng=0), np.zeros(6)

    def forward(self, x):
        """What is left of x."""
        self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        return self.linear(x - self.mean)


RARE = {2}


@pytest.mark.parametrize(("make", "loss"), [
    (Rebinds, nn.cross_entropy),
    (lambda: nn.Sequential(nn.Linear(6, 3, rng=0), lambda x: x * 2), nn.cross_entropy),
    (mlp(nn.Tanh), lambda p, y: nn.cross_entropy(p, y) * (1 + sum(k in RARE for k in y)))])
def test_code_of_ones_own_is_left_to_the_engine(make, loss):
    """Not all that it may do is seen: so `fit` doesn't attempt a program of it."""
    y = np.array([0, 1] * 30 + [2] * 10)
    by_engine = trained(make, X, y, loss, compiled=False)
    *by_fit, kinds = trained(make, X, y, loss, compiled=True, users_code=False)
    assert not kinds
    assert_same(by_fit, list(by_engine[:3]))


def test_another_loss_in_the_place_of_the_first():
    """What a callback puts in the run is what counts."""
    class Exchanges(nn.Callback):
        """Another loss, from the second epoch on."""

        def after_epoch(self, run):
            """In the run."""
            run.loss_function = nn.multi_margin_loss

    compare(mlp(nn.Tanh), X, CLASSES, nn.cross_entropy, callbacks=lambda: [Exchanges()])


def test_an_optimizer_of_ones_own():
    """It may keep the gradients of the step before."""
    class Previous(nn.SGD):
        """A step that also looks back."""

        def step(self):
            """Along 1.5·g − 0.5·(the g before)."""
            now = [p.grad for p in self.parameters]
            for p, g, before in zip(self.parameters, now, getattr(self, "kept", now), strict=True):
                p.grad = g + 0.5 * (g - before)
            self.kept = now
            super().step()

    found = [trained(mlp(nn.Tanh), X, CLASSES, nn.cross_entropy, compiled=compiled,
                     users_code=False, optimizer=lambda m: Previous(m.parameters(), lr=0.1))[:3]
             for compiled in (True, False)]
    assert_same(*found)


def test_a_layer_of_ones_own_put_in_meanwhile():
    """Then the engine goes on."""
    class Puts(nn.Callback):
        """A function in the place of Tanh."""

        def after_epoch(self, run):
            """In the list of layers."""
            run.model.steps[1] = lambda x: np.tanh(x) * run.epoch

    found = [trained(mlp(nn.Tanh), X, CLASSES, nn.cross_entropy, compiled=compiled,
                     users_code=False, epochs=4, callbacks=lambda: [Puts()])
             for compiled in (True, False)]
    assert_same(found[0][:3], found[1][:3])
    assert any("user's" in kind.refused for kind in found[0][3])


def test_dropout_on_one_branch():
    """The draws of the attempt that didn't hold are drawn once more, in the engine's order."""
    def function(m, x):
        if x[:, 0].max() > 1.5:
            x = m.first(x)
        return m.linear(m.second(x))

    compare(lambda: Function(function, first=nn.Dropout(0.3), second=nn.Dropout(0.4)),
            X, CLASSES, nn.cross_entropy, epochs=5)


def test_what_a_layer_remembers_is_read_elsewhere():
    """The function reads the running mean, which this very call will have changed."""
    def function(m, x):
        h = m.norm(m.linear(x))
        return h * (2.0 if np.abs(m.norm.running_mean).max() > 0.2 else 1.0)

    assert refused(compare(lambda: Function(function, norm=nn.BatchNorm1d(3)), X + 1, CLASSES,
                           nn.cross_entropy), "running_mean")


def test_a_layer_of_the_library_that_is_changed(monkeypatch):
    """A method of nn's class is looked at like a user's."""
    original = nn.Linear.forward
    monkeypatch.setattr(nn.Linear, "forward", original)

    class Changes(nn.Callback):
        """Another forward, from the second epoch on."""

        def before_epoch(self, run):
            """In the class."""
            nn.Linear.forward = original if run.epoch == 1 else (
                lambda self, x: original(self, x) * 3)

    for users_code in (False, True):
        nn.Linear.forward = original
        compare(mlp(nn.Tanh), X, CLASSES, nn.cross_entropy, users_code=users_code,
                callbacks=lambda: [Changes()])


def test_predictions_in_a_named_tuple():
    """A callback finds what the model gave."""
    Pair = collections.namedtuple("Pair", "scores hidden")
    kept = []

    class Keeps(nn.Callback):
        """Keeps all predictions."""

        def after_step(self, run):
            """With their type."""
            kept.append((type(run.prediction).__name__, run.prediction.hidden.data))

    def function(m, x):
        return Pair(m.linear(x), np.tanh(m.linear(x)))

    assert by_programs(compare(lambda: Function(function), X, CLASSES,
                               lambda p, y: nn.cross_entropy(p.scores, y),
                               callbacks=lambda: [Keeps()]))
    assert {name for name, _ in kept} == {"Pair"} and len(kept) == 2 * 3 * 5
    assert_same([x for _, x in kept[:15]], [x for _, x in kept[15:]])
