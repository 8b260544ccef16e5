"""Training to the end: scikit-learn's digits, 20 epochs, the same batches for everybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .data import random_weights, read
from .networks import NETWORKS, RATE, our_model
from .timing import Aim, Work

SIZES, BATCH, EPOCHS, SEED = (64, 64, 10), 64, 20, 0


def test_accuracy(parameters: list[np.ndarray]) -> float:
    """The fraction of the test set that a network with these parameters gets right."""
    data = read("digits")
    W1, b1, W2, b2 = parameters
    scores = np.maximum(data["X_test"] @ W1.T + b1, 0) @ W2.T + b2
    return float(np.mean(scores.argmax(1) == data["y_test"]))


def side(train: Callable[[], tuple[float, list[np.ndarray]]]) -> tuple[Any, ...]:
    """`train` gives the last epoch's mean loss, which is compared, and the parameters."""
    last: list[tuple[float, list[np.ndarray]]] = []

    def step() -> None:
        last[:] = [train()]

    def remark() -> str:
        return f"test accuracy {test_accuracy(last[0][1]):.1%}" if last else ""

    return step, lambda: np.array([train()[0]]), remark


def loop(kind: Any) -> tuple[Any, ...]:
    """A training loop written out."""
    data, weights = read("digits"), random_weights(SIZES, "float64")
    X, y = data["X"], data["y"]

    def train() -> tuple[float, list[np.ndarray]]:
        network, rng = kind(weights), np.random.default_rng(SEED)
        for _ in range(EPOCHS):
            order, total = rng.permutation(len(X)), 0.0
            for start in range(0, len(X), BATCH):
                chosen = order[start : start + BATCH]
                total += len(chosen) * network.train(*network.batch(X[chosen], y[chosen]))
        return total / len(X), network.parameters()

    return side(train)


def ours() -> tuple[Any, ...]:
    """nn.fit."""
    from autograd_mini import nn

    data, weights = read("digits"), random_weights(SIZES, "float64")

    def train() -> tuple[float, list[np.ndarray]]:
        model = our_model(weights)
        loader = nn.DataLoader(data["X"], data["y"], batch_size=BATCH, shuffle=True, rng=SEED)
        optimizer = nn.Adam(model.parameters(), lr=RATE)
        history = nn.fit(model, loader, nn.cross_entropy, optimizer, EPOCHS, progress=False)
        return history[-1].loss, [p.data for p in model.parameters()]

    return side(train)


def sklearn() -> tuple[Any, ...]:
    """MLPClassifier, with weights and batches of its own."""
    import warnings

    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")  # it warns that 20 epochs aren't convergence
    data = read("digits")
    model = MLPClassifier(
        (64,), alpha=0.0, batch_size=BATCH, learning_rate_init=RATE, max_iter=EPOCHS, tol=0.0,
        n_iter_no_change=EPOCHS, random_state=SEED)

    def remark() -> str:
        fitted = model.fit(data["X"], data["y"])
        return f"test accuracy {fitted.score(data['X_test'], data['y_test']):.1%}"

    return lambda: model.fit(data["X"], data["y"]), None, remark


WORK = Work(
    "digits", "20 epochs of scikit-learn's digits",
    {title: partial(loop, kind) for title, kind in NETWORKS.items() if "fit" not in title}
    | {"autograd_mini": ours, "scikit-learn's MLPClassifier": sklearn},
    references=("NumPy, by hand", "PyTorch"),
    aims=(Aim("autograd_mini", "NumPy, by hand", "at most 1.1 × NumPy by hand"),),
    about="64-64-10, ReLU, Adam, batches of 64; ours is nn.fit. The same weights and batches, and "
          "the same loss at the end, for all but scikit-learn, which draws its own.",
    tolerance=1e-7, data=("digits",),
)
