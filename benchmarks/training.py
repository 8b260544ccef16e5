"""One training step of a network of arrays: a small one and a large one."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .data import layer_by_layer, random_weights
from .networks import NETWORKS, TinyGrad
from .timing import Aim, Work

LOSSES = 10  # steps whose losses are compared, besides the gradients of the first


def training(kind: Any, sizes: tuple[int, ...], samples: int, dtype: str) -> tuple[Any, ...]:
    """A side that trains on one batch again and again."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(samples, sizes[0])).astype(dtype)
    labels = rng.integers(0, sizes[-1], samples)
    network = kind(random_weights(sizes, dtype))
    x, y = network.batch(inputs, labels)

    def gradients() -> np.ndarray:
        fresh = kind(random_weights(sizes, dtype))
        losses = [fresh.train(x, y)]
        slopes = fresh.gradients()
        assert all(slope.dtype == dtype for slope in [*slopes, *fresh.parameters()])
        slopes = [slope.copy() for slope in slopes]
        losses += [fresh.train(x, y) for _ in range(LOSSES - 1)]
        return layer_by_layer([*slopes, np.array(losses)])

    return lambda: network.train(x, y), gradients


def work(name: str, sizes: tuple[int, ...], samples: int, dtype: str, wanted: tuple[str, ...]
         ) -> Work:
    """The work of training such a network."""
    shape = "-".join(map(str, sizes))
    # tinygrad's optimizers compute in float32, whatever the parameters are.
    kinds = NETWORKS | ({"tinygrad, TinyJit": TinyGrad} if dtype == "float32" else {})
    return Work(
        f"{name}_{dtype}", f"One training step of {shape}, batch {samples}, {dtype}",
        {title: partial(training, kind, sizes, samples, dtype) for title, kind in kinds.items()},
        references=("NumPy, by hand", "PyTorch"),
        aims=(Aim("autograd_mini", "NumPy, by hand", wanted[0]),
              Aim("autograd_mini, nn.fit", "NumPy, by hand", wanted[1])),
        about="ReLU, softmax cross-entropy, Adam: zero_grad, forward, backward, step.",
        tolerance=1e-5 if dtype == "float32" else 1e-10,
    )


def at_most(*factors: float) -> tuple[str, ...]:
    """What is aimed at."""
    return tuple([f"at most {factor:g} × NumPy by hand" for factor in factors])


WORKS = [
    work("mlp_small", (784, 32, 10), 32, "float64", at_most(1.5, 0.92)),
    work("mlp_small", (784, 32, 10), 32, "float32", at_most(1.6, 0.92)),
    work("mlp_tiny", (64, 64, 10), 64, "float64", at_most(1.7, 0.85)),
    work("mlp_large", (784, 512, 256, 10), 256, "float64", at_most(1.09, 1.02)),
    work("mlp_large", (784, 512, 256, 10), 256, "float32", at_most(1.09, 1.02)),
]
