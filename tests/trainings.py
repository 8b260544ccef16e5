"""Trainings by programs and by the engine, for the tests of `nn/_compiled.py`."""

from __future__ import annotations

import numpy as np
from autograd_mini.nn import _compiled
from autograd_mini.nn.fit import _Epoch

from autograd_mini import nn

RNG = np.random.default_rng(0)
X, CLASSES = RNG.normal(size=(70, 6)), RNG.integers(0, 3, 70)
REAL, IMAGES = RNG.normal(size=(70, 3)), RNG.normal(size=(70, 1, 8, 8))
WORDS, SERIES = RNG.integers(0, 11, (70, 6)), RNG.normal(size=(70, 5, 2))
SHARES = abs(REAL) / abs(REAL).sum(1, keepdims=True)


def trained(make, x, y, loss, *, compiled, optimizer=None, epochs=3,
            users_code=True, **options):
    """The history, all numbers of the model, and the programs of a training."""
    seen = []

    def watched(epoch):
        seen[:] = [epoch]
        (_compiled.backpropagate if compiled else _compiled.plain)(epoch)

    nn.seed(3)
    model = make()
    steps = optimizer(model) if optimizer else nn.Adam(model.parameters(), lr=1e-2)
    before = _Epoch._backpropagate
    _Epoch._backpropagate = watched
    allowed, _compiled.USERS_CODE = _compiled.USERS_CODE, users_code
    try:
        history = nn.fit(model, nn.DataLoader(x, y, batch_size=16, rng=0, shuffle=True), loss,
                         steps, epochs=epochs, progress=False,
                         **{name: option() for name, option in options.items()})
    finally:
        _Epoch._backpropagate, _compiled.USERS_CODE = before, allowed
    kinds = list(seen[0].programs.kinds.values()) if seen[0].programs else []
    state = steps.state_dict()["state"]
    return [epoch.as_dict() for epoch in history], model.state_dict(), state, kinds


def compare(make, x, y, loss, **options):
    """Whether both ways give the same bits; what is known of each kind of batch."""
    by_engine = trained(make, x, y, loss, compiled=False, **options)
    *by_program, kinds = trained(make, x, y, loss, compiled=True, **options)
    for ours, theirs in zip(by_program, by_engine[:3], strict=True):
        assert_same(ours, theirs)
    return kinds


def assert_same(a, b):
    """All numbers in two trees are the same to the last bit, but for the seconds that it took."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a.keys() - {"seconds"}:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_array_equal(a, b)


def by_programs(kinds):
    """Every kind of batch had a program that held whenever it was tried."""
    assert kinds
    for kind in kinds:
        assert not kind.refused, kind.refused
        assert kind.patience == _compiled.PATIENCE
    return True


def refused(kinds, why):
    """No kind of batch has a program, for this reason."""
    assert kinds and all(why in kind.refused for kind in kinds), [k.refused for k in kinds]
    return True


def mlp(*middle):
    """A network with these in the middle."""
    return lambda: nn.Sequential(nn.Linear(6, 8, rng=0), *[make() for make in middle],
                                 nn.Linear(8, 3, rng=1))


class Function(nn.Module):
    """A Linear, and a function of it and x."""

    def __init__(self, function, **attributes):
        self.linear, self.function = nn.Linear(6, 3, rng=0), function
        vars(self).update(attributes)

    def forward(self, x):
        """The function."""
        return self.function(self, x)


class Recurrent(nn.Module):
    """A recurrent layer, and a linear one of its last output."""

    def __init__(self, layer, hidden=8, dtype=np.float64):
        self.layer = layer(2, hidden, rng=0, dtype=dtype)
        self.out = nn.Linear(hidden, 3, rng=1, dtype=dtype)

    def forward(self, x):
        """The last output's scores."""
        return self.out(self.layer(x)[0][:, -1])


class GPT(nn.Module):
    """One block of attention."""

    def __init__(self, width):
        self.words, self.places = (nn.Embedding(n, width, rng=n) for n in (11, 6))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 11, rng=3)
        self.attention = nn.MultiheadAttention(width, 2, rng=2)

    def forward(self, x):
        """A score for each next word."""
        h = self.words(x) + self.places(np.arange(x.shape[1]))
        return self.out(h + self.attention(self.norm(h), causal=True))
