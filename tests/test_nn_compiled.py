"""`fit` by programs: the same losses and parameters as by the engine, to the last bit."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.nn import _compiled
from autograd_mini.nn.fit import _Epoch

pytestmark = pytest.mark.skipif(ag.engine == "plain", reason="the plain engine has no programs")

RNG = np.random.default_rng(0)
X, CLASSES = RNG.normal(size=(70, 6)), RNG.integers(0, 3, 70)
REAL, IMAGES = RNG.normal(size=(70, 3)), RNG.normal(size=(70, 1, 8, 8))
WORDS, SERIES = RNG.integers(0, 11, (70, 6)), RNG.normal(size=(70, 5, 2))
SHARES = abs(REAL) / abs(REAL).sum(1, keepdims=True)


def trained(make, x, y, loss, *, compiled, optimizer=None, epochs=3, **options):
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
    try:
        history = nn.fit(model, nn.DataLoader(x, y, batch_size=16, rng=0, shuffle=True), loss,
                         steps, epochs=epochs, progress=False,
                         **{name: option() for name, option in options.items()})
    finally:
        _Epoch._backpropagate = before
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
    elif isinstance(a, list):
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_array_equal(a, b)


def by_programs(kinds):
    """Every kind of batch had a program that held whenever it was tried."""
    assert kinds
    for kind in kinds:
        assert (kind.refused, kind.patience) == ("", _compiled.PATIENCE)
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


MIDDLES = {
    "ReLU": nn.ReLU, "Tanh": nn.Tanh, "Sigmoid": nn.Sigmoid, "LeakyReLU": nn.LeakyReLU,
    "ELU": nn.ELU, "GELU": nn.GELU, "GELU tanh": lambda: nn.GELU("tanh"), "SiLU": nn.SiLU,
    "Softmax": nn.Softmax, "LayerNorm": lambda: nn.LayerNorm(8),
    "BatchNorm": lambda: nn.BatchNorm1d(8), "Dropout": lambda: nn.Dropout(0.3, rng=5),
    "Dropout by nn's generator": lambda: nn.Dropout(0.3),
}


@pytest.mark.parametrize("name", MIDDLES)
def test_layers(name):
    """With random numbers from outside, and what batch normalisation remembers."""
    assert by_programs(compare(mlp(MIDDLES[name]), X, CLASSES, nn.cross_entropy))


LOSSES = {
    "mse": (nn.mse_loss, REAL), "l1": (nn.l1_loss, REAL), "huber": (nn.huber_loss, REAL),
    "margin": (nn.multi_margin_loss, CLASSES), "hinge": (nn.hinge_loss, np.sign(REAL)),
    "distributions": (nn.cross_entropy, SHARES),
    "weighted": (lambda p, y: nn.cross_entropy(p, y, weight=[1.0, 2.0, 3.0]), CLASSES),
    "sum": (lambda p, y: nn.cross_entropy(p, y, reduction="sum"), CLASSES),
    "binary": (lambda p, y: nn.binary_cross_entropy(ag.sigmoid(p), y), (REAL > 0) * 1.0),
    "binary of logits": (nn.binary_cross_entropy_with_logits, (REAL > 0) * 1),
    "own": (lambda p, y: np.mean((p - y) ** 2), REAL),
    "own, of classes": (
        lambda p, y: -np.mean(ag.log_softmax(p)[np.arange(len(y)), y]), CLASSES),
    "own, one-hot": (lambda p, y: -np.mean(np.sum(
        ag.log_softmax(p) * (np.arange(3) == y[:, None]), axis=1)), CLASSES),
    "with numbers of y": (lambda p, y: np.mean((p - y.mean()) ** 2) * y.std(), REAL),
    "with a mask of nodes": (
        lambda p, y: np.mean(np.where(p > y, (p - y) ** 2, 3 * (y - p))), REAL),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    """Targets are read anew, whatever a loss makes of them."""
    loss, y = LOSSES[name]
    assert by_programs(compare(mlp(nn.Tanh), X, y, loss))


MODELS = {
    "LSTM": (lambda: Recurrent(nn.LSTM), SERIES, CLASSES),
    "LSTM, at once": (lambda: Recurrent(nn.LSTM, 32, np.float32), SERIES.astype("f4"), CLASSES),
    "GRU": (lambda: Recurrent(nn.GRU), SERIES, CLASSES),
    "RNN": (lambda: Recurrent(nn.RNN), SERIES, CLASSES),
    "convolutions": (lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, rng=0), nn.ReLU(), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(36, 3, rng=1)), IMAGES, CLASSES),
    "GPT": (lambda: GPT(8), WORDS, WORDS), "GPT, at once": (lambda: GPT(32), WORDS, WORDS),
    "padded words": (lambda: nn.Sequential(nn.Embedding(11, 4, padding_idx=0, rng=0), nn.Flatten(),
                                           nn.Linear(24, 3, rng=1)), WORDS, CLASSES),
    "standardized": (lambda: nn.Sequential(nn.Standardize(X), nn.Linear(6, 3, rng=1)), X, CLASSES),
    "float32": (lambda: nn.Sequential(
        nn.Linear(6, 8, rng=0, dtype="f4"), nn.ReLU(), nn.Linear(8, 3, rng=1, dtype="f4")),
        X.astype("f4"), CLASSES),
    "a normalised input": (
        lambda: Function(lambda m, x: m.linear((x - x.mean(0)) / x.std(0))), X, CLASSES),
    "an input that is asked what it is": (lambda: Function(
        lambda m, x: m.linear(x.clip(-1, 1) if isinstance(x, np.ndarray) else x)), X, CLASSES),
    "an unused parameter": (
        lambda: Function(lambda m, x: m.linear(x), unused=nn.Linear(2, 2, rng=0)), X, CLASSES),
    "a layer twice": (lambda: (lambda layer: nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(
        6, 3, rng=1)))(nn.Linear(6, 6, rng=0)), X, CLASSES),
    "a frozen weight": (
        lambda: Function(lambda m, x: m.linear(x @ m.fixed), fixed=np.eye(6) * 2), X, CLASSES),
}


@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    """Sequences, images, words; plain numbers on the way."""
    make, x, y = MODELS[name]
    assert by_programs(compare(make, x, y, nn.cross_entropy))


OPTIMIZERS = {
    "SGD": lambda m: nn.SGD(m.parameters(), lr=0.1, momentum=0.9),
    "RMSprop": lambda m: nn.RMSprop(m.parameters()), "Adagrad": lambda m: nn.Adagrad(m.parameters()),
    "groups": lambda m: nn.AdamW([
        {"params": [p for p in m.parameters() if p.ndim > 1]},
        {"params": [p for p in m.parameters() if p.ndim == 1], "weight_decay": 0.0}], lr=0.01),
    "some parameters": lambda m: nn.Adam(m.parameters()[1:]),
    "in another order": lambda m: nn.Adam(m.parameters()[::-1]),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    """What they remember of each parameter is the same, too."""
    assert by_programs(compare(mlp(nn.Tanh), X, CLASSES, nn.cross_entropy,
                               optimizer=OPTIMIZERS[name]))


def test_metrics_clipping_schedules_and_validation():
    """Callbacks see the gradients, and change them; metrics see the predictions."""
    loader = nn.DataLoader(X, CLASSES)
    optimizers = []

    def optimizer(model):
        optimizers[:] = [nn.Adam(model.parameters())]
        return optimizers[0]

    kinds = compare(
        mlp(nn.Tanh), X, CLASSES, nn.cross_entropy, optimizer=optimizer,
        callbacks=lambda: [nn.ClipGradNorm(0.1), nn.Schedule(nn.StepLR(optimizers[0], 1)),
                           nn.EarlyStopping(patience=2), nn.GradientNorms()],
        metrics=lambda: [nn.accuracy], validation=lambda: loader)
    assert by_programs(kinds)


REFUSED = {
    "counts its calls": (lambda: Function(lambda m, x: count(m, x), n=0), "changed or stored"),
    "keeps what it computed": (
        lambda: Function(lambda m, x: m.kept.append(1) or m.linear(x), kept=[]),
        "changed or stored"),
    "draws random numbers": (
        lambda: Function(lambda m, x: m.linear(x + m.rng.normal(size=x.shape)),
                         rng=np.random.default_rng(1)), "random numbers"),
    "asks for a type": (
        lambda: Function(lambda m, x: m.linear(x if type(x) is np.ndarray else 2 * x)), "asks for a type"),
    "indexes a plain array": (
        lambda: Function(lambda m, x: m.linear(x * np.ones(3)[(x > 0).astype(int)])), "np.asarray"),
    "takes an iterator": (
        lambda: Function(lambda m, x: m.linear(x) * next(m.it), it=iter(range(1, 99))), "iterator"),
    "has much to watch": (
        lambda: Function(lambda m, x: m.linear(x), big=np.zeros(200_000)), "1 MB"),
    "changes an array": (
        lambda: Function(lambda m, x: m.linear(x) * scaled(m.scale), scale=np.ones(3)),
        "changed or stored"),
}


def count(m, x):
    """Another function in each call."""
    m.n += 1
    return m.linear(x) * (1 + 0.1 * m.n)


def scaled(scale):
    """The array, which is changed in place."""
    scale *= 1.1
    return scale


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_program_is_trained_by_the_engine(name):
    """With the same numbers: an attempt to record leaves no trace."""
    make, why = REFUSED[name]
    assert refused(compare(make, X, CLASSES, nn.cross_entropy), why)


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
