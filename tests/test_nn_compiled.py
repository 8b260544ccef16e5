"""`fit` by programs: the same losses and parameters as by the engine, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from trainings import (
    CLASSES,
    GPT,
    IMAGES,
    REAL,
    SERIES,
    SHARES,
    WORDS,
    Function,
    Recurrent,
    X,
    by_programs,
    compare,
    mlp,
    refused,
)

import autograd_mini as ag
from autograd_mini import nn

pytestmark = pytest.mark.skipif(ag.engine() == "plain", reason="the plain engine has no programs")

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
    "RMSprop": lambda m: nn.RMSprop(m.parameters()),
    "Adagrad": lambda m: nn.Adagrad(m.parameters()),
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
        lambda: Function(lambda m, x: m.linear(x if type(x) is np.ndarray else 2 * x)),
        "asks for a type"),
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
