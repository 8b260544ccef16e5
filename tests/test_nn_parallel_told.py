"""Training in several processes: whatever one of them meets is raised in all, and none waits."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from autograd_mini.nn import parts
from several import BATCHES, X, Y, apart, everywhere, fitted, network, pickled, sha, together

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.errors import ArgumentError, ArgumentTypeError, GraphError

AllReduce, Spread = nn.parallel.AllReduce, nn.parallel.Spread


# ── nobody waits ─────────────────────────────────────────────────────────────────────────────────

def test_a_loop_goes_on_after_an_error_that_all_have_caught():
    """And the next one is told, too."""
    def train(comm):
        model, parallel, caught = network(), AllReduce(comm), 0
        steps = nn.SGD(model.parameters(), lr=0.1)
        parallel.start(model, steps)
        for i in range(5):
            def loss(z, t, i=i):
                if comm.rank == 1 and i in (1, 3):
                    raise OSError("a bad batch")
                return nn.cross_entropy(z, t)

            try:
                parallel.gradient(model, loss, X, Y)
                steps.step()
            except OSError:
                caught += 1
                assert all(p.gradient is None for p in model.parameters())
        return caught, sha(model)

    found = together(2, train)
    assert found[0] == found[1] and found[0][0] == 2


class UnpicklableError(Exception):
    def __reduce__(self):
        raise TypeError("no")


class ExitsError(Exception):
    def __reduce__(self):
        return sys.exit, (7,)


class ByNameError(Exception):
    def __reduce__(self):
        return "X"


class MuteError(Exception):
    def __str__(self):
        raise ValueError("no text")

    def __reduce__(self):
        raise ValueError("no bytes")


@pytest.mark.parametrize("error", [UnpicklableError("why"), ExitsError("why"), ByNameError("why"),
                                   MuteError(), KeyboardInterrupt(), GeneratorExit("why")])
def test_errors_of_every_kind_are_raised_in_all(error):
    """Though they can't be sent as they are."""
    class Raises(nn.Callback):
        def after_step(self, run):
            if run.rank == 1:
                raise error

    other, own = together(2, lambda comm: fitted(AllReduce(comm), network(), BATCHES,
                                                 callbacks=[Raises()]))
    assert own is error and isinstance(other, BaseException)
    assert other.__notes__ == ["(this was raised in rank 1; rank 0 stops with it)"]


class LastWord(nn.Callback):
    """Fails when all is over."""

    def after_fit(self, run):
        if run.rank == 1:
            raise OSError("no room")


class Odd(nn.Optimizer):
    """Remembers what can't be sent."""

    def moved(self, x, g, state):
        state["f"] = lambda: 0
        return x - self.lr * g


def odd_twice(comm):
    """A second training with an optimizer whose state can't be sent."""
    model = network()
    steps = Odd(model.parameters(), lr=0.1)
    nn.fit(model, BATCHES, nn.cross_entropy, steps, 1, progress=False)
    return nn.fit(model, BATCHES, nn.cross_entropy, steps, 1, progress=False,
                  parallel=AllReduce(comm))


DIFFERING = {  # what is otherwise in one of the processes, and the error that all raise
    "no validation": (lambda c: fitted(
        AllReduce(c), network(), BATCHES, callbacks=[nn.EarlyStopping()],
        validation=None if c.rank else BATCHES), ArgumentError),
    "callbacks of another kind": (lambda c: fitted(
        AllReduce(c), network(), BATCHES, callbacks=[3] if c.rank else []), ArgumentTypeError),
    "epochs": (lambda c: fitted(AllReduce(c), network(), BATCHES, epochs=-c.rank), ArgumentError),
    "a foreign parameter": (lambda c: nn.fit(
        m := network(), BATCHES, nn.cross_entropy,
        nn.SGD([*m.parameters(), *[ag.Tensor(1.0)] * c.rank], lr=0.1), progress=False,
        parallel=AllReduce(c)), ArgumentError),
    "metrics": (lambda c: fitted(
        AllReduce(c), network(), BATCHES, metrics=[nn.accuracy] if c.rank else ()), GraphError),
    "the end": (lambda c: fitted(AllReduce(c), network(), BATCHES, callbacks=[LastWord()]),
                OSError),
    "a state that can't be sent": (odd_twice, Exception),
}


@pytest.mark.parametrize("name", DIFFERING)
def test_what_differs_is_raised_in_all(name):
    """Before, in and after the training."""
    train, kind = DIFFERING[name]
    found = together(2, train)
    assert all(isinstance(x, kind) for x in found), found
    assert not any(isinstance(x, threading.BrokenBarrierError) for x in found)


def test_a_weight_that_is_frozen_on_the_way():
    """As a callback may do in all of them."""
    class Freezes(nn.Callback):
        def after_epoch(self, run):
            if run.epoch == 1:
                layer = run.model.steps[0]
                layer.weight = layer.weight.data

    def train(p):
        return fitted(p, network(), BATCHES, epochs=2, callbacks=[Freezes()])

    alone = train(None)
    for model in everywhere(2, train):
        assert apart(model, alone) < 1e-14 and isinstance(model.steps[0].weight, np.ndarray)


def test_outputs_in_tuples():
    """Also one in another, for a metric."""
    class Nested(nn.Module):
        def __init__(self):
            self.inner = network()

        def forward(self, x):
            z = self.inner(x)
            return (z, z * 2.0), z

    def train(p):
        return nn.fit(m := Nested(), BATCHES, lambda z, t: nn.cross_entropy(z[1], t),
                      nn.SGD(m.parameters(), lr=0.1), 1, progress=False, parallel=p,
                      metrics={"mean": lambda z, t: np.mean(z[0][1])})[-1].as_dict()["mean"]

    expected = train(None)
    assert all(x == pytest.approx(expected, rel=1e-13) for x in everywhere(3, train))


# ── over a map ───────────────────────────────────────────────────────────────────────────────────

def test_spread_in_spread():
    """A loss may itself compute a gradient so."""
    inner = network(1)

    def loss(z, t):
        Spread(map, 2).gradient(inner, nn.cross_entropy, X, Y)
        return nn.cross_entropy(z, t)

    assert fitted(Spread(map, 2), network(), BATCHES[:1], loss)


def test_a_process_that_was_forked_while_a_thread_trained():
    """It doesn't inherit that thread's turn."""
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork")
    inside, go_on = threading.Event(), threading.Event()

    def holds():
        with parts._in_turn:
            inside.set()
            go_on.wait(20)

    thread = threading.Thread(target=holds)
    thread.start()
    inside.wait(20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's own, and JAX's, of a fork beside threads
        child = os.fork()
    if child == 0:
        os._exit(0 if parts._in_turn.acquire(timeout=10) else 1)
    go_on.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


class TwoWordsError(Exception):
    """Of a kind that isn't unpickled."""

    def __init__(self, one, two):
        super().__init__(one)


def fails(z, t):
    raise TwoWordsError("mine", 2)


def test_what_a_worker_raises():
    """Comes as a result, and is raised here, with its text at least; no gradient is left."""
    model = network()
    calls = []

    def loss(z, t):
        calls.append(len(t))
        if len(t) < 20:
            raise TwoWordsError("mine", 2)
        return nn.cross_entropy(z, t)

    with pytest.raises((TwoWordsError, RuntimeError), match="mine"):
        fitted(Spread(map, 2), model, BATCHES, loss)
    assert all(p.gradient is None for p in model.parameters())


def test_maps_that_are_none():
    """One that gives nothing, and one that can't send a lambda."""
    with pytest.raises(GraphError, match="has to give the results, not None"):
        fitted(Spread(lambda f, tasks: None, 2), network(), BATCHES)

    def pickles(f, tasks):
        return [f(pickled(task)) for task in tasks]

    with pytest.raises(Exception, match="pickle|local object") as caught:
        fitted(Spread(pickles, 2), network(), BATCHES, lambda z, t: nn.cross_entropy(z, t))
    assert any("define both in a file" in note for note in caught.value.__notes__)
    with ThreadPoolExecutor(2) as pool:
        assert sha(fitted(Spread(pool.map, 2), network(), BATCHES)) == sha(
            fitted(Spread(map, 2), network(), BATCHES))
