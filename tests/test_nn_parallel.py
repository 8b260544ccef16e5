"""Training in several processes gives what training in one gives, or says on all why it can't."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from several import (
    Comm,
    X,
    Y,
    apart,
    network,
    sha,
    summed,
    together,
    trained,
    values,
    weighted,
)

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.errors import (
    ArgumentError,
    ArgumentTypeError,
    GraphError,
    ShapeError,
)

# ── it is what `fit` does alone ──────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize(("make", "batch_size", "eps"), [
    (network, 7, 1e-14), (functools.partial(network, dtype=np.float32), 7, 5e-6),
    (values, 20, 1e-14), (network, 60, 1e-14)],
    ids=["float64", "float32", "values", "one batch"])
def test_any_number_of_processes(size, make, batch_size, eps):
    """However many there are, and though some get no rows of the last batch of 4: the parameters
    of `fit`, its history and its metrics; rank 0's model counts, whatever the others began with."""
    options = {"batch_size": batch_size, "metrics": [nn.accuracy], "validation": [(X[:9], Y[:9])]}
    alone, history = trained(None, make(), **options)
    for model, told in together(size, lambda comm: trained(
            nn.parallel.AllReduce(comm), make(comm.rank), **options)):
        assert apart(model, alone) <= eps
        for a, b in zip(told, history, strict=True):
            assert {**a.as_dict(), "seconds": 0} == pytest.approx(
                {**b.as_dict(), "seconds": 0}, rel=10 * eps)


def test_all_have_the_same_bits():
    """Parameters, and what the optimizers remember, here and after going on from rank 0's."""
    def train(comm):
        model = network(comm.rank)
        steps = nn.Adam(model.parameters(), lr=0.01 * (comm.rank + 1))
        if comm.rank == 0:  # which has trained before
            nn.fit(model, [(X, Y)], nn.cross_entropy, steps, 3, progress=False)
        nn.fit(model, nn.DataLoader(X, Y, batch_size=13), nn.cross_entropy, steps, 2,
               progress=False, parallel=nn.parallel.AllReduce(comm))
        return sha(model), str(steps.state_dict())

    found = together(3, train)
    assert len(set(found)) == 1 and "'step': 13" in found[0][1] and "'lr': 0.01" in found[0][1]


def test_a_loop_of_ones_own():
    """gradient() leaves the batch's gradient in the parameters."""
    def train(comm):
        model, parallel = network(comm.rank), nn.parallel.AllReduce(comm)
        steps = nn.SGD(model.parameters(), lr=0.1)
        parallel.start(model, steps)
        losses = []
        for _ in range(5):
            losses.append(parallel.gradient(model, nn.cross_entropy, X, Y))
            steps.step()
        return model, losses

    (alone, losses), *_ = together(1, train)
    for model, told in together(3, train):
        assert apart(model, alone) <= 1e-14 and told == pytest.approx(losses, rel=1e-14)


def test_what_no_part_reaches():
    """A parameter without a gradient has none in parallel either; one that only one rank reaches
    moves on all."""
    class Both(nn.Module):
        def __init__(self):
            self.used, self.unused = ag.Tensor(np.ones(8)), ag.Tensor(np.ones(8))
            self.first = ag.Tensor(1.0)

        def forward(self, x):
            y = x @ self.used
            return y + self.first if x[0, 0] == X[0, 0] else y

    def gradients(comm):
        model = Both()
        nn.parallel.AllReduce(comm, check=False).gradient(
            model, lambda z, t: np.mean((z - t) ** 2), X, Y)
        return [p.gradient for p in model.parameters()]

    for _used, unused, first in together(2, gradients):
        assert unused is None and first is not None


# ── rank 0 writes, and all stop ──────────────────────────────────────────────────────────────────

def test_files_and_progress_are_rank_0s(tmp_path, capfd):
    """One line an epoch, one file, and a user's callback knows which process it is in."""
    seen = []

    class Notes(nn.Callback):
        def after_epoch(self, run):
            seen.append((run.rank, run.epoch, run.parallel is not None))

    def train(comm):
        path = tmp_path / f"rank {comm.rank}.npz"
        return trained(nn.parallel.AllReduce(comm), progress=True,
                       callbacks=[nn.Checkpoint(path), Notes()])

    together(2, train)
    assert [p.name for p in tmp_path.iterdir()] == ["rank 0.npz"]
    assert capfd.readouterr().err.count("epoch 1/2") == 1
    assert sorted(seen) == [(0, 1, True), (0, 2, True), (1, 1, True), (1, 2, True)]


def test_one_that_stops_stops_all():
    """As a callback that looks at the clock may do in one of them."""
    class Enough(nn.Callback):
        def __init__(self, rank):
            self.rank = rank

        def after_epoch(self, run):
            run.stop = self.rank == 1 and run.epoch == 2

    histories = [h for _, h in together(3, lambda comm: trained(
        nn.parallel.AllReduce(comm), epochs=5, callbacks=[Enough(comm.rank)]))]
    assert [len(h) for h in histories] == [2, 2, 2]


def test_an_early_stop_keeps_the_same_model_everywhere():
    """Running statistics, which validation depends on, are rank 0's."""
    def train(comm):
        model = network(0, np.float64, nn.BatchNorm1d(16))
        return trained(nn.parallel.AllReduce(comm, check=False), model, batch_size=20,
                       epochs=6, validation=[(X, Y)], callbacks=[nn.EarlyStopping(patience=1)])

    found = together(3, train)
    assert len({sha(model) for model, _ in found}) == 1
    assert len({model.state_dict()["1.running_mean"].tobytes() for model, _ in found}) == 1
    assert len({str([e.as_dict()["val_loss"] for e in h]) for _, h in found}) == 1


# ── wrong uses are told on all ranks, before a step ──────────────────────────────────────────────

def late(z, t):
    """Leaves labels out, of which there are none in the first batches."""
    return nn.cross_entropy(z, np.where(np.arange(len(t)) == 0, -100, t) if late.on else t)


class AnError(Exception):
    """Of a kind that can't be pickled."""

    def __init__(self, one, two):
        super().__init__(one)


class Fails(nn.Callback):
    def __init__(self, rank, error, where):
        self.rank, self.error, self.where = rank, error, where

    def after_step(self, run):
        if self.rank == 1 and self.where == "step" and run.batch == 3:
            raise self.error

    def after_epoch(self, run):
        if self.rank == 1 and self.where == "epoch" and run.epoch == 2:
            raise self.error


WRONG = {  # a training of rank and parallel, the error, and a part of what it says
    "a sum": (lambda p: trained(p, loss=summed), GraphError, "add up.*mean over the samples"),
    "a weighted mean": (lambda p: trained(p, loss=weighted), GraphError, "weighted by classes"),
    "batch norm": (lambda p: trained(p, network(0, np.float64, nn.BatchNorm1d(16))), GraphError,
                   "changes 1.*batch norm.*check=False"),
    "dropout": (lambda p: trained(p, network(0, np.float64, nn.Dropout(0.5, rng=3))), GraphError,
                "changes 1.rng"),
    "dropout of nn's own": (lambda p: trained(p, network(0, np.float64, nn.Dropout(0.5))),
                            GraphError, "changes nn's own generator"),
    "another order": (lambda p: nn.fit(
        model := network(), nn.DataLoader(X, Y, batch_size=20, shuffle=True, rng=p.rank),
        nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), progress=False, parallel=p),
        GraphError, "different batches or metrics .rank 1"),
    "another number of rows": (lambda p: trained(p, batch_size=20 + p.rank), GraphError,
                               "different batches or metrics .rank 1"),
    "other numbers of batches": (lambda p: nn.fit(
        model := network(), [(X[:9], Y[:9])] * (2 + p.rank), nn.cross_entropy,
        nn.SGD(model.parameters(), lr=0.1), progress=False, parallel=p),
        GraphError, "different numbers of batches"),
    "other epochs": (lambda p: trained(p, epochs=3 + p.rank), ArgumentError,
                     "epochs that are left.*rank 1"),
    "another model": (lambda p: trained(p, network(0, [np.float64, np.float32][p.rank])),
                      ArgumentError, "the model or the optimizer"),
    "an error in a callback": (lambda p: trained(p, callbacks=[
        Fails(p.rank, OSError("no room"), "step")]), OSError, "no room"),
    "an error that isn't pickled": (lambda p: trained(p, callbacks=[
        Fails(p.rank, AnError("mine", 2), "step")]), (AnError, RuntimeError), "mine"),
    "an error after the last step": (lambda p: trained(p, callbacks=[
        Fails(p.rank, OSError("no room"), "epoch")]), OSError, "no room"),
    "an exit": (lambda p: trained(p, callbacks=[Fails(p.rank, SystemExit(3), "step")]), SystemExit,
                "3"),
    "nan": (lambda p: nn.fit(
        model := network(), [(np.where(np.arange(60)[:, None] == 50, np.nan, X), Y)],
        nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), progress=False, parallel=p),
        FloatingPointError, "the loss is nan"),
    "x is a tuple": (lambda p: nn.fit(
        model := network(), [((X, X), Y)], nn.cross_entropy,
        nn.SGD(model.parameters(), lr=0.1), progress=False, parallel=p),
        ArgumentTypeError, "cut by its rows"),
    "fewer rows of y": (lambda p: nn.fit(
        model := network(), [(X, Y[:50])], nn.cross_entropy,
        nn.SGD(model.parameters(), lr=0.1), progress=False, parallel=p), ShapeError, "60 rows"),
}


@pytest.mark.parametrize("name", WRONG)
def test_all_raise(name):
    """Each process raises, none hangs, and no parameter has moved but by steps that were right."""
    train, kind, told = WRONG[name]
    for error in together(2, lambda comm: train(nn.parallel.AllReduce(comm))):
        assert isinstance(error, kind), error
        with pytest.raises(kind, match=f"(?s){told}"):
            raise error


@pytest.mark.parametrize("loss", [summed, weighted])
def test_no_step_is_taken(loss):
    """What is refused hasn't moved any parameter, and left no gradient."""
    models = [network(), network()]
    before = sha(models[0])
    together(2, lambda comm: trained(nn.parallel.AllReduce(comm), models[comm.rank], loss=loss))
    assert [sha(m) for m in models] == [before] * 2
    assert all(p.gradient is None for m in models for p in m.parameters())


def test_what_begins_later_is_found():
    """The whole batch is computed at some later steps, too, not once for all."""
    class Later(nn.Callback):
        def after_step(self, run):
            late.on = run.batch >= 5

    late.on = False
    found = together(2, lambda comm: trained(nn.parallel.AllReduce(comm), loss=late,
                                             callbacks=[Later()]))
    assert all(isinstance(error, GraphError) for error in found)


def test_the_error_says_where_it_was_raised():
    """The others get the first rank's, with a note."""
    other, own = together(2, lambda comm: trained(nn.parallel.AllReduce(comm), callbacks=[
        Fails(comm.rank, OSError("no room"), "step")]))
    assert other.__notes__ == ["(this was raised in rank 1; rank 0 stops with it)"]
    assert not hasattr(own, "__notes__")


def test_check_false_accepts_them():
    """Dropout and batch norm of each process's rows; all have the same parameters in the end."""
    def train(comm):
        model = network(0, np.float64, nn.BatchNorm1d(16), nn.Dropout(0.5, rng=[3, comm.rank]))
        return trained(nn.parallel.AllReduce(comm, check=False), model, batch_size=20)

    assert len({sha(model) for model, _ in together(2, train)}) == 1


@pytest.mark.parametrize(("parallel", "told"), [
    (lambda: nn.parallel.AllReduce(3), "comm has a rank.*not 3"),
    (lambda: nn.parallel.AllReduce(Comm(5, [None] * 2, None)), "0 ≤ rank < size"),
    (lambda: nn.parallel.Spread(3, 2), "map is a function.*not 3"),
    (lambda: nn.parallel.Spread(map, 2.5), "parts is a whole number"),
    (lambda: trained(3), r"parallel is nn.parallel.AllReduce\(comm\) or .*not 3"),
    (lambda: trained(Comm(0, [None], None)), "parallel is nn.parallel.*not.*Comm"),
    (lambda: nn.parallel.Spread(map=map, workers=2), "no argument 'workers'"),
])
def test_arguments_of_another_kind(parallel, told):
    """Refused where they are given."""
    with pytest.raises(ArgumentTypeError, match=told):
        parallel()


def test_a_sum_that_is_none():
    """Such as the mean, which some call all-reduce, too."""
    class Mean(Comm):
        def allreduce(self, x):
            return super().allreduce(x) / self.size

    found = together(2, lambda comm: trained(nn.parallel.AllReduce(
        Mean(comm.rank, comm.slots, comm.barrier))))
    assert all("the sum of the arrays" in str(error) for error in found)


def test_parameters_that_arent_the_models():
    """Their gradients wouldn't be sent."""
    model, scale = network(), ag.Tensor(1.0)
    steps = nn.SGD([*model.parameters(), scale], lr=0.1)
    with pytest.raises(ArgumentError, match="1 parameters that aren't the model's"):
        nn.fit(model, [(X, Y)], lambda z, t: nn.cross_entropy(z * scale, t), steps, progress=False,
               parallel=nn.parallel.Spread(map, 2))
