"""Several processes that train together, as threads of one; and a training for them."""

from __future__ import annotations

import hashlib
import pickle
import threading

import numpy as np

from autograd_mini import nn
from autograd_mini.errors import GraphError

WEIGHTS = np.array([0.2, 1.0, 5.0])
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 8)), RNG.integers(0, 3, 60)


class Comm:
    """What one of the threads has: the sum over all, once all have come to it."""

    def __init__(self, rank, slots, barrier):
        self.rank, self.size, self.slots, self.barrier = rank, len(slots), slots, barrier

    def allreduce(self, x):
        self.slots[self.rank] = x
        self.barrier.wait()
        with np.errstate(all="ignore"):
            total = sum(self.slots[1:], self.slots[0])
        self.barrier.wait()
        return total


def together(size, function):
    """What function(comm) gives in each of `size` threads, or the error that it raises there.

    A thread that the others wait for in vain makes a BrokenBarrierError of them.
    """
    barrier, slots, found = threading.Barrier(size, timeout=20), [None] * size, [None] * size

    def one(rank):
        try:
            found[rank] = function(Comm(rank, slots, barrier))
        except BaseException as error:
            found[rank] = error
            if isinstance(error, AssertionError):
                barrier.abort()

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def network(seed=0, dtype=np.float64, *extra):
    """8 → 16 → 3."""
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(8, 16, rng=rng, dtype=dtype), *extra, nn.Tanh(),
                         nn.Linear(16, 3, rng=rng, dtype=dtype))


def trained(parallel=None, model=None, *, batch_size=7, epochs=2, loss=nn.cross_entropy, **more):
    """A model after some epochs, and its history."""
    model = network() if model is None else model
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    loader = nn.DataLoader(X, Y, batch_size=batch_size, shuffle=True, rng=1)
    history = nn.fit(model, loader, loss, optimizer, epochs, parallel=parallel,
                     **{"progress": False} | more)
    return model, history


def sha(model):
    """Of all parameters' bits."""
    return hashlib.sha256(b"".join(p.data.tobytes() for p in model.parameters())).hexdigest()


def apart(a, b):
    """How far the numbers of two models are."""
    return max(np.max(np.abs(np.asarray(p.data) - np.asarray(q.data)))
               for p, q in zip(a.parameters(), b.parameters(), strict=True))


def values(seed=0):
    """A network of Values."""
    model = nn.MLP(8, [4, 3])
    for i, p in enumerate(model.parameters()):
        p.data = float(np.sin(i + seed))
    return model


def summed(z, t):
    """A loss that is a sum over the samples."""
    return nn.cross_entropy(z, t) * len(t)


def weighted(z, t):
    """A loss whose mean is weighted by classes."""
    return nn.cross_entropy(z, t, WEIGHTS)


BATCHES = [(X[i : i + 20], Y[i : i + 20]) for i in range(0, 60, 20)]


def fitted(parallel, model, batches, loss=nn.cross_entropy, epochs=1, lr=0.1, **more):
    """A model after a training with SGD."""
    nn.fit(model, batches, loss, nn.SGD(model.parameters(), lr=lr), epochs, progress=False,
           parallel=parallel, **more)
    return model


def everywhere(size, train):
    """What train(parallel) gives or raises in so many processes, and over a map."""
    return [*together(size, lambda comm: train(nn.parallel.AllReduce(comm))), *together(
        1, lambda comm: train(nn.parallel.Spread(map, size)))]


def refused(found, told=""):
    """Whether all raise a GraphError."""
    return all(isinstance(x, GraphError) and told in str(x) for x in found) and found


def pickled(model):
    """A copy."""
    return pickle.loads(pickle.dumps(model))
