"""Inputs and weights that all sides of a work share.

What needs scikit-learn is made once, by the parent, and handed over as a file: in the children
its objects would make each full collection of Python's cyclic collector dearer.
"""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path
from typing import Any

import numpy as np

from .timing import FOLDER

Layers = list[tuple[np.ndarray, np.ndarray]]  # of each layer the weights (out, in), and the bias


def moons() -> dict[str, np.ndarray]:
    """The 100 points of micrograd's demo, and their signs."""
    from sklearn.datasets import make_moons

    np.random.seed(1337)
    X, y = make_moons(n_samples=100, noise=0.1)
    return {"X": X, "y": y * 2.0 - 1.0}


def digits() -> dict[str, np.ndarray]:
    """scikit-learn's digits in [0, 1]; a fifth of them, drawn at random, for the test."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order] / 16.0, y[order]
    test = len(X) // 5
    return {"X": X[test:], "y": y[test:], "X_test": X[:test], "y_test": y[:test]}


MAKERS = {"moons": moons, "digits": digits}


def make(names: set[str], folder: str) -> None:
    """Write the files of these names; without scikit-learn, none."""
    for name in names:
        try:
            arrays: dict[str, Any] = MAKERS[name]()
        except ImportError:
            continue
        np.savez(Path(folder, f"{name}.npz"), **arrays)


def read(name: str) -> dict[str, np.ndarray]:
    """The arrays of a file that the parent made."""
    path = Path(os.environ[FOLDER], f"{name}.npz")
    if not path.exists():
        raise ImportError("scikit-learn, which has the data, isn't installed")
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


def demo_weights(sizes: tuple[int, ...] = (2, 16, 16, 1)) -> Layers:
    """The weights of micrograd's demo: drawn neuron by neuron, as its MLP draws them."""
    random.seed(1337)
    layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        rows = [[random.uniform(-1, 1) for _ in range(inputs)] for _ in range(outputs)]
        layers.append((np.array(rows), np.zeros(outputs)))
    return layers


def random_weights(sizes: tuple[int, ...], dtype: str) -> Layers:
    """Uniform in ±1/√fan_in, from a seed of their own."""
    rng = np.random.default_rng(1)
    layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        bound = 1 / np.sqrt(inputs)
        weight = rng.uniform(-bound, bound, (outputs, inputs)).astype(dtype)
        layers.append((weight, rng.uniform(-bound, bound, outputs).astype(dtype)))
    return layers


def neuron_by_neuron(layers: Layers) -> np.ndarray:
    """All numbers in micrograd's order: the weights of a neuron, then its bias."""
    return np.concatenate([np.column_stack(layer).ravel() for layer in layers])


def layer_by_layer(arrays: list[np.ndarray]) -> np.ndarray:
    """Weights and biases end to end, in float64."""
    return np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64)
