"""The tour: a network of single floats learns to read digits; two gradients are verified."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from . import Tensor, Value, check_gradient, draw, tanh
from .errors import missing_extra
from .picture import save

SEED = 0
EPOCHS = 10


def run(out: Path) -> None:
    """Train, verify, draw; print what happens, and write the pictures to the folder `out`."""
    digits = _digits()  # first of all: without it there is no demo
    out.mkdir(parents=True, exist_ok=True)
    _train(*digits)
    _verify()
    _pictures(out)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 images of 8 × 8 pixels in [0, 1], and their digits (UCI ML, in scikit-learn)."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise missing_extra("scikit-learn", "demo", "the demo's handwritten digits") from None
    data = load_digits()
    return data.data / 16.0, data.target


def _train(images: np.ndarray, labels: np.ndarray) -> float:
    """An MLP of Values, 64-16-10, on four fifths of the digits; its accuracy on the rest."""
    from .nn import MLP, SGD, DataLoader, accuracy, cross_entropy, fit

    print("1. A network of scalar Values learns real handwritten digits")
    random.seed(SEED)
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(images))
    train, test = order[: len(order) * 4 // 5], order[len(order) * 4 // 5 :]
    model = MLP(64, [16, 10])
    loader = DataLoader(images[train], labels[train], batch_size=16, shuffle=True, rng=rng)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    start = time.perf_counter()
    fit(model, loader, cross_entropy, optimizer, epochs=EPOCHS)
    right = accuracy(model, images[test], labels[test])
    print(f"   {len(model.parameters()):,} parameters, each a float; {len(train):,} images, "
          f"{EPOCHS} epochs, {time.perf_counter() - start:.0f} s")
    print(f"   test accuracy: {right:.1%} of {len(test)} images\n")
    return right


# ── article 002: XOR with 2-4-1, tanh and sigmoid; its gradients derived by hand ─────────────


def xor_example() -> tuple[Any, ...]:
    """(w1, b1, w2, b2, X, y) of the XOR network."""
    rng = np.random.default_rng(SEED)
    X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([[0.0], [1], [1], [0]])
    w1, w2 = rng.normal(size=(2, 4)), rng.normal(size=(4, 1))
    return w1, np.zeros((1, 4)), w2, np.zeros((1, 1)), X, y


def xor_loss(w1: Any, b1: Any, w2: Any, b2: Any, X: Any, y: Any) -> Any:
    """Cross-entropy of the network, in plain NumPy."""
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    return -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))


def xor_gradient(w1: Any, b1: Any, w2: Any, b2: Any, X: Any, y: Any) -> dict[str, Any]:
    """The gradient derived by hand, as it should be."""
    n = len(X)
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    d2 = (a2 - y) / n
    d1 = d2 @ w2.T * (1 - a1**2)
    return {"w1": X.T @ d1, "b1": d1.sum(0, keepdims=True),
            "w2": a1.T @ d2, "b2": d2.sum(0, keepdims=True)}


def xor_gradient_published(w1: Any, b1: Any, w2: Any, b2: Any, X: Any, y: Any) -> dict[str, Any]:
    """The published one: 1/n forgotten, and tanh′ taken as (1 − a)² instead of 1 − a²."""
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    d2 = a2 - y
    d1 = (w2.T @ d2) * (1 - a1) ** 2
    return {"w1": X.T @ d1, "b1": d1.sum(0, keepdims=True),
            "w2": a1.T @ d2, "b2": d2.sum(0, keepdims=True)}


def _verify() -> None:
    print("2. A hand-derived gradient of a network for XOR, verified")
    for title, gradient in (("derived carefully", xor_gradient),
                            ("as published in a tutorial", xor_gradient_published)):
        print(f"\n   The gradient {title}:")
        report = str(check_gradient(xor_loss, gradient, *xor_example()))
        print("\n".join(f"   {line}".rstrip() for line in report.splitlines()))
    print()


def _pictures(out: Path) -> None:
    print("3. The graphs")
    x = [Value(v, label=f"x{i}") for i, v in enumerate((2.0, -1.0))]
    w = [Value(v, label=f"w{i}") for i, v in enumerate((-0.5, 0.3))]
    b = Value(1.0, label="b")
    neuron = tanh(w[0] * x[0] + w[1] * x[1] + b)
    neuron.label = "neuron"
    neuron.backward()
    print(f"   one neuron:  {save(draw(neuron), out / 'neuron.svg')}")
    *parameters, X, y = xor_example()
    names = ("w1", "b1", "w2", "b2")
    nodes = [Tensor(p, label=name) for p, name in zip(parameters, names, strict=True)]
    w1, b1, w2, b2 = nodes
    loss = xor_loss(w1, b1, w2, b2, X, y)
    loss.label = "loss"
    loss.backward()
    print(f"   the XOR net: {save(draw(loss, direction='TB'), out / 'xor.svg')}")
