"""Training in several processes, attacked: what was silently wrong, what hung, what misled."""

from __future__ import annotations

import random

import numpy as np
import pytest
from several import (
    BATCHES,
    Comm,
    X,
    Y,
    apart,
    everywhere,
    fitted,
    network,
    pickled,
    refused,
    together,
)

from autograd_mini import nn
from autograd_mini.errors import ArgumentTypeError

AllReduce, Spread = nn.parallel.AllReduce, nn.parallel.Spread


# ── the check ────────────────────────────────────────────────────────────────────────────────────

class Centred(nn.Module):
    """The rows of a batch see one another."""

    def __init__(self, dtype):
        self.inner = nn.Linear(8, 3, rng=0, dtype=dtype, bias=False)
        self.inner.weight.data = self.inner.weight.data * 0

    def forward(self, x):
        return self.inner(x - x.mean(axis=0))


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e-5), (np.float64, 1e-10)])
def test_small_gradients_are_compared_too(dtype, size):
    """A tolerance is of the gradient, not of 1."""
    batches = [((size * x).astype(dtype), y) for x, y in BATCHES]
    assert refused(everywhere(2, lambda p: fitted(p, Centred(dtype), batches)), "add up")


class TwoHeads(nn.Module):
    """Two outputs, the second of which hardly counts."""

    def __init__(self):
        self.first, self.second = nn.Linear(8, 1, rng=0), nn.Linear(8, 1, rng=1)

    def forward(self, x):
        return self.first(x), self.second(x)


def test_each_parameter_is_compared_by_itself():
    """A head with a small gradient may have a large rate."""
    def loss(z, t):
        return nn.mse_loss(z[0], t) + 1e-11 * nn.mse_loss(z[1], t, reduction="sum")

    batches = [(x, y[:, None].astype(float)) for x, y in BATCHES]
    assert refused(everywhere(2, lambda p: fitted(p, TwoHeads(), batches, loss)), "second.weight")


def test_gradients_that_are_nothing_but_rounding():
    """A regression that has converged goes on; so does a bias that layer norm takes away."""
    truth = np.arange(8.0)[:, None]
    batches = [(x, x @ truth) for x, _ in BATCHES]
    for found in everywhere(3, lambda p: fitted(p, nn.Linear(8, 1, rng=0), batches, nn.mse_loss,
                                                epochs=300, lr=0.3)):
        assert np.max(np.abs(found.weight.data - truth.T)) < 1e-9
    normed = nn.Sequential(nn.Linear(8, 1, rng=0), nn.LayerNorm(1), nn.Linear(1, 3, rng=1))
    assert all(isinstance(m, nn.Module) for m in everywhere(2, lambda p: fitted(
        p, pickled(normed), BATCHES)))


def test_labels_that_are_left_out_later():
    """A batch with a label that is new is computed as a whole, too, whatever its number."""
    late = [*BATCHES * 5, (X[:20], np.where(np.arange(20) < 7, -100, Y[:20]))]
    assert refused(everywhere(2, lambda p: fitted(p, network(), late)), "leaves labels out")


def test_rows_of_one_process_that_cannot_be_computed_alone():
    """The error says that the whole can."""
    y = np.where(np.arange(20) < 10, -100, Y[:20])
    for error in together(2, lambda comm: fitted(AllReduce(comm), network(), [(X[:20], y)])):
        assert any("rows 0 to 9 alone can't" in note for note in error.__notes__)


class Counts(nn.Module):
    """Does otherwise after some calls."""

    def __init__(self, count=0, at=5):
        self.count, self.at, self.inner = count, at, network()

    def forward(self, x):
        self.count = self.count + np.ones_like(self.count)  # a buffer stays one
        return self.inner(x) * (0.5 if np.sum(self.count) > self.at else 1.0)


class Drifts(nn.Module):
    """Keeps a running mean in training, with which it answers."""

    def __init__(self):
        self.mean, self.inner = np.zeros(8), network()

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
            return self.inner(x)
        return self.inner(x - self.mean)


class Draws(nn.Module):
    """Draws from a generator of some kind."""

    def __init__(self, rng):
        self.rng, self.inner = rng, network()

    def forward(self, x):
        return self.inner(x) * (1.0 if self.rng.random() < 0.97 else 0.5)


class Numpys:
    """NumPy's own generator."""

    @staticmethod
    def random():
        return np.random.random()


class Penalty:
    """A loss that counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, z, t):
        self.calls += 1
        return nn.cross_entropy(z, t) + 0.1 * (self.calls > 3)


CHANGING = {
    "a counter": (Counts, nn.cross_entropy),
    "an array of one": (lambda: Counts(np.zeros(1)), nn.cross_entropy),
    "a running mean": (Drifts, nn.cross_entropy),
    "a Generator": (lambda: Draws(np.random.default_rng(1)), nn.cross_entropy),
    "a RandomState": (lambda: Draws(np.random.RandomState(1)), nn.cross_entropy),
    "a Random": (lambda: Draws(random.Random(1)), nn.cross_entropy),
    "np.random": (lambda: Draws(Numpys()), nn.cross_entropy),
    "a loss that counts": (network, Penalty),
}


@pytest.mark.parametrize("name", CHANGING)
def test_what_a_call_changes_is_refused(name):
    """Whatever a model, or a loss, keeps to itself; and it is as it was afterwards."""
    make, loss = CHANGING[name]
    models = []

    def train(p):
        models.append(make())
        return fitted(p, models[-1], BATCHES, loss() if loss is Penalty else loss)

    np.random.seed(0)
    assert refused(everywhere(2, train), "a call of the model changes")
    assert all(m.count == 0 for m in models if isinstance(m, Counts))
    assert all(isinstance(m, nn.Module) for m in together(1, lambda c: train(AllReduce(c))))


def test_rank_0_has_rows_of_every_batch():
    """Its buffers count: they are of as many calls as there were batches."""
    def train(comm):
        return fitted(AllReduce(comm, check=False), Counts(np.zeros(1), 10**9),
                      [(X[:1], Y[:1])] * 5)

    assert [int(m.count[0]) for m in together(3, train)] == [5, 5, 5]


# ── processes that come apart ────────────────────────────────────────────────────────────────────

class Noise(nn.Callback):
    """Moves the gradients of one of them."""

    def __init__(self, rank, step):
        self.rank, self.step, self.steps = rank, step, 0

    def after_backward(self, run):
        self.steps += 1
        if self.rank and self.steps == self.step:
            for p in run.model.parameters():
                p.grad = p.grad + 1.0


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("step", [1, 9])
def test_parameters_that_come_apart(check, step):
    """All are told, in the next comparison or at the end of the epoch."""
    assert refused(together(2, lambda comm: fitted(
        AllReduce(comm, check=check), network(), BATCHES * 3, callbacks=[Noise(comm.rank, step)])),
        "come to different parameters")


def test_an_early_stop_of_one_alone():
    """What it restores, the others don't have."""
    def train(comm):
        calls = [nn.EarlyStopping(patience=1)] if comm.rank == 0 else []
        return fitted(AllReduce(comm), network(), BATCHES, epochs=6, lr=3.0, callbacks=calls,
                      validation=[(X, (Y + 1) % 3)])

    assert refused(together(2, train), "different parameters")


@pytest.mark.parametrize("loader", [
    lambda rank: [(X, Y), (X * np.where(np.arange(60) == 30, 1.0 + rank, 1.0)[:, None], Y)],
    lambda rank: [(X[::1 - 2 * rank], Y[::1 - 2 * rank])],
    lambda rank: [(X, Y if rank else Y[::-1])],
])
def test_other_data_in_the_middle(loader):
    """A row that only one of them has otherwise."""
    assert refused(together(2, lambda c: fitted(AllReduce(c), network(), loader(c.rank))),
                   "different batches")


# ── communicators ────────────────────────────────────────────────────────────────────────────────

class Reuses(Comm):
    """Gives the same array again and again."""

    def allreduce(self, x):
        kept = self.__dict__.setdefault("kept", {})
        total = super().allreduce(x)
        kept.setdefault(x.shape, np.empty_like(total))[...] = total
        return kept[x.shape]


class Single(Comm):
    """Sums in single precision."""

    def allreduce(self, x):
        return super().allreduce(x).astype(np.float32)


def test_a_communicator_that_uses_its_array_again():
    """What it gave is copied."""
    def train(comm):
        model = network()
        parallel, steps = AllReduce(Reuses(comm.rank, comm.slots, comm.barrier)), nn.SGD(
            model.parameters(), lr=0.1)
        parallel.start(model, steps)
        for _ in range(6):
            parallel.gradient(model, nn.cross_entropy, X, Y)
            steps.step()
        return model

    alone = fitted(None, network(), [(X, Y)] * 6)
    assert all(apart(m, alone) < 1e-14 for m in together(2, train))


def test_a_communicator_that_rounds():
    """Its sums aren't those of the arrays."""
    for error in together(2, lambda comm: fitted(AllReduce(
            Single(comm.rank, comm.slots, comm.barrier), check=False), network(), BATCHES)):
        assert isinstance(error, ArgumentTypeError) and "has to keep both" in str(error)


def test_no_communicator():
    """One whose rank can't be asked for, and one between two groups."""
    class Null:
        @property
        def rank(self):
            raise RuntimeError("null")

    class Inter(Comm):
        def Is_inter(self):
            return True

    for comm in (Null(), Inter(0, [None], None)):
        with pytest.raises(ArgumentTypeError, match="comm has a rank"):
            AllReduce(comm)
