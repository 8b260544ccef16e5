"""`fit` by programs keeps its promises: what was handed out never changes, nothing is missed."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from autograd_mini.nn import _compiled
from autograd_mini.nn.fit import _Epoch
from trainings import CLASSES, Function, X, assert_same, by_programs, compare, mlp, refused, trained

import autograd_mini as ag
from autograd_mini import nn

pytestmark = pytest.mark.skipif(ag.engine() == "plain", reason="the plain engine has no programs")


def test_what_is_printed_is_printed_once_a_batch(capsys):
    """A function that prints isn't a program, and an attempt to record it prints nothing."""
    make = lambda: Function(lambda m, x: print("a batch") or m.linear(x))
    assert refused(trained(make, X, CLASSES, nn.cross_entropy, compiled=True)[3], "printed")
    assert capsys.readouterr().out.count("a batch") == 3 * 5


def test_a_branch_of_the_target():
    """A batch for which something is decided differently is done by the engine."""
    y = np.array([0] * 60 + [2] * 10)
    loss = lambda p, y: nn.cross_entropy(p, y) * (2.0 if y.max() > 1 else 1.0)
    kinds = compare(mlp(nn.Tanh), X, y, loss)
    assert any(not kind.refused for kind in kinds)


def test_a_hinge_that_is_not_active_at_first():
    """What a number on one side of a kink isn't sent, one on the other side is."""
    def loss(p, y):
        return np.maximum(np.mean(y * p) - 0.02, 0.0) + ag.relu(np.mean(p) * np.mean(y) + 0.001)

    y = np.sign(np.arange(70) - 40.5)[:, None] * np.ones(3)
    for shuffle in (False, True):
        order = np.random.default_rng(1).permutation(70) if shuffle else np.arange(70)
        compare(mlp(nn.Tanh), X[order], y[order], loss,
                optimizer=lambda m: nn.SGD(m.parameters(), lr=0.3))


def test_padding_that_only_later_batches_have():
    """`ignore_index` is looked for in every batch."""
    y = np.where(np.arange(70) > 50, -100, CLASSES)
    compare(mlp(nn.Tanh), X, y, nn.cross_entropy)


def test_what_is_around_the_model_is_read_in_each_call():
    """A number that a callback changes, an array changed in place, a parameter that is frozen."""
    scale = np.ones(3)

    class Changes(nn.Callback):
        """Changes everything, some after a step and some after an epoch."""

        def after_step(self, run):
            """In place."""
            if run.batch == 2:
                scale[run.epoch % 3] += 1

        def after_epoch(self, run):
            """A number, and what is learned."""
            run.model.temperature *= 0.5
            if run.epoch == 2:
                run.model.more.bias = run.model.more.bias.data.copy()

    def make():
        scale[:] = 1
        return Function(lambda m, x: m.more(np.tanh(m.linear(x)) * m.temperature * scale),
                        temperature=1.0, more=nn.Linear(3, 3, rng=4))

    compare(make, X, CLASSES, nn.cross_entropy, epochs=5, callbacks=lambda: [Changes()])


class Scaled(nn.Module):
    """A property of an attribute of the class."""

    scale = 0.5

    def __init__(self):
        self.linear = nn.Linear(6, 3, rng=0)

    @property
    def twice(self):
        """2·scale."""
        return 2 * self.scale

    def forward(self, x):
        """The linear layer, scaled."""
        return self.linear(x) * self.twice


def test_what_a_class_has_is_read_in_each_call():
    """An attribute of a class is as good as one of the model."""
    class Changes(nn.Callback):
        """Now one number, now another."""

        def after_epoch(self, run):
            """The class's."""
            Scaled.scale = 0.25 if Scaled.scale == 0.5 else 0.5

    def callbacks():
        Scaled.scale = 0.5
        return [Changes()]

    compare(Scaled, X, CLASSES, nn.cross_entropy, epochs=6, callbacks=callbacks)


def test_a_nan_is_looked_at_by_the_engine():
    """0·∞ of what was not chosen is 0, as ever; and a loss that is nan is told of."""
    x = X.copy()
    x[[3, 40], 0] = np.inf
    make = lambda: Function(lambda m, x: m.linear(np.where(np.isfinite(x), x, 0.0)))
    assert by_programs(compare(make, x, CLASSES, nn.cross_entropy))
    safe = lambda: Function(lambda m, x: np.where(x[:, :3] > 0, np.sqrt(
        m.linear(x) ** 2 * (x[:, :3] > 0)), 0.0) + m.linear(x))
    compare(safe, X, CLASSES, nn.cross_entropy)
    x[:] = X
    x[60, 0] = np.nan
    model = mlp(nn.Tanh)()
    with pytest.raises(FloatingPointError, match="epoch 1, batch 4"):
        nn.fit(model, nn.DataLoader(x, CLASSES, batch_size=16), nn.cross_entropy,
               nn.Adam(model.parameters()), 1, progress=False)


def test_what_is_handed_out_never_changes():
    """Gradients, parameters and predictions that a callback keeps stay as they were."""
    class Keeps(nn.Callback):
        """Keeps everything, and copies of it."""

        def __init__(self):
            self.kept, self.copies = [], []

        def after_step(self, run):
            """All arrays that can be reached."""
            p = run.model.parameters()[0]
            for x in (p.grad, p.value, run.prediction.value, (p * 2).inputs[0]):
                self.kept.append(x)
                self.copies.append(x.copy())

    keeps, model = Keeps(), mlp(nn.Tanh)()
    nn.fit(model, nn.DataLoader(X, CLASSES, batch_size=16), nn.cross_entropy,
           nn.Adam(model.parameters()), 4, progress=False, callbacks=[keeps])
    assert len(keeps.kept) > 60
    for x, copy in zip(keeps.kept, keeps.copies, strict=True):
        np.testing.assert_array_equal(x, copy)


def test_what_is_kept_between_epochs_never_changes():
    """Nobody looks while batches follow each other, and arrays are written over; then no longer."""
    model = mlp(nn.Tanh)()
    kept, copies = [], []

    def keep(epoch):
        for p in model.parameters():
            kept.extend([p.grad, p.value, (p * 2).inputs[0]])
        copies.extend([x.copy() for x in kept[len(copies):]])

    nn.fit(model, nn.DataLoader(X, CLASSES, batch_size=7), nn.cross_entropy,
           nn.Adam(model.parameters()), 5, progress=False, after_epoch=keep)
    for x, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(x, copy)


def test_another_thread_may_look():
    """What it records of a parameter while `fit` trains stays true."""
    model, stop, wrong = mlp(nn.Tanh)(), threading.Event(), []

    def watch():
        while not stop.is_set():
            node = model.parameters()[0] * 1.0
            before = node.value.copy()
            stop.wait(0.001)
            wrong.append(not np.array_equal(before, node.inputs[0]))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        nn.fit(model, nn.DataLoader(X, CLASSES, batch_size=7), nn.cross_entropy,
               nn.Adam(model.parameters()), 30, progress=False)
    finally:
        stop.set()
        watcher.join()
    assert wrong and not any(wrong)


def test_an_interrupted_epoch_leaves_all_in_order():
    """A loader that fails: parameters, gradients and the optimizer's state are those so far."""
    def batches(fails):
        for i in range(5):
            if fails and i == 4:
                raise KeyboardInterrupt
            yield X[i * 10 : i * 10 + 10], CLASSES[i * 10 : i * 10 + 10]

    class Loader(list):
        """Batches that end with an exception."""

        def __init__(self, fails):
            self.fails = fails

        def __iter__(self):
            return batches(self.fails)

    found = []
    for compiled in (True, False):
        model = mlp(nn.Tanh)()
        optimizer = nn.Adam(model.parameters())
        before = _Epoch._backpropagate
        _Epoch._backpropagate = _compiled.backpropagate if compiled else _compiled.plain
        try:
            nn.fit(model, Loader(False), nn.cross_entropy, optimizer, 1, progress=False)
            with pytest.raises(KeyboardInterrupt):
                nn.fit(model, Loader(True), nn.cross_entropy, optimizer, 1, progress=False)
        finally:
            _Epoch._backpropagate = before
        found.append([model.state_dict(), optimizer.state_dict()["state"],
                      [p.grad for p in model.parameters()]])
    assert_same(*found)


def test_batches_of_many_kinds():
    """More kinds of batches than are remembered."""
    model = mlp(nn.Tanh)()
    batches = [(X[:n], CLASSES[:n]) for n in range(2, 40)] * 4
    nn.fit(model, batches, nn.cross_entropy, nn.Adam(model.parameters()), 1, progress=False)
    assert np.isfinite(model.parameters()[0].value).all()


def test_what_else_the_optimizer_steps():
    """A Tensor of the loss's own is learned, too; and one that nobody steps collects gradients."""
    found = []
    for compiled in (True, False):
        made = {"scale": ag.Tensor([1.0]), "watched": ag.Tensor([0.0])}
        loss = lambda p, y, t=made: nn.cross_entropy(p * t["scale"] + t["watched"], y)
        alone = lambda p, y, t=made: nn.cross_entropy(p * t["scale"], y)
        optimizer = lambda m, t=made: nn.Adam([*m.parameters(), t["scale"]], lr=0.1)
        *numbers, kinds = trained(mlp(nn.Tanh), X, CLASSES, alone, compiled=compiled,
                                  optimizer=optimizer)
        assert not compiled or by_programs(kinds)
        others = trained(mlp(nn.Tanh), X, CLASSES, loss, compiled=compiled, optimizer=optimizer)
        assert not compiled or refused(others[3], "collects gradients")
        found.append([numbers, others[:3], made["scale"].data, made["watched"].grad])
    assert_same(*found)
    assert found[0][2] != 1.0


def test_an_optimizer_goes_on_elsewhere():
    """After `fit`: a loop of one's own, a state that was saved before, another `fit`."""
    found = []
    for compiled in (True, False):
        before = _Epoch._backpropagate
        _Epoch._backpropagate = _compiled.backpropagate if compiled else _compiled.plain
        try:
            model = mlp(nn.Tanh)()
            optimizer, loader = nn.Adam(model.parameters()), nn.DataLoader(X, CLASSES)
            saved = optimizer.state_dict()
            for _ in range(2):
                nn.fit(model, loader, nn.cross_entropy, optimizer, 3, progress=False)
                for p in model.parameters():
                    p.grad = None
                nn.cross_entropy(model(X), CLASSES).backward()
                model.parameters()[1].grad = None
                optimizer.step()
                after = optimizer.state_dict()
                optimizer.load_state_dict(saved)
                nn.fit(model, loader, nn.cross_entropy, optimizer, 3, progress=False)
                optimizer.load_state_dict(after)
            found.append([model.state_dict(), optimizer.state_dict()["state"]])
        finally:
            _Epoch._backpropagate = before
    assert_same(*found)
