"""The loss of a network as people write it, with NumPy's own names, and its gradient."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .data import layer_by_layer, random_weights
from .networks import Hand
from .timing import Aim, Work


def loss(np: Any, weights: Any, x: Any, y: Any) -> Any:
    """Softmax cross-entropy of a network of one hidden layer; np: the library with these names."""
    W1, b1, W2, b2 = weights
    h = np.maximum(x @ W1.T + b1, 0)
    z = h @ W2.T + b2
    z = z - np.max(z, axis=1, keepdims=True)
    logs = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.mean(logs[np.arange(y.shape[0]), y])


def setting(sizes: tuple[int, ...], samples: int) -> tuple[Any, Any, Any]:
    """The weights, a batch, and its labels."""
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(samples, sizes[0])), rng.integers(0, sizes[-1], samples)
    return random_weights(sizes, "float64"), inputs, labels


def hand(sizes: tuple[int, ...], samples: int) -> tuple[Any, ...]:
    """NumPy, forward and backward by hand."""
    layers, x, y = setting(sizes, samples)
    network = Hand(layers)

    def gradients() -> np.ndarray:
        network.derive(x, y)
        return layer_by_layer(network.slopes)

    return lambda: network.derive(x, y), gradients


def side(kind: str, sizes: tuple[int, ...], samples: int) -> tuple[Any, ...]:
    """The value and the gradient by a library: autograd_mini's, HIPS autograd's or JAX's."""
    layers, x, y = setting(sizes, samples)
    weights: Any = [array for layer in layers for array in layer]
    if kind in ("autograd_mini", "compiled"):
        import autograd_mini as ag

        step: Any = ag.value_and_grad(lambda weights, x, y: loss(np, weights, x, y))
        step = ag.compile(step, arrays="whole") if kind == "compiled" else step
    elif kind == "autograd":
        import autograd
        import autograd.numpy as anp

        step = autograd.value_and_grad(partial(loss, anp))
    elif kind == "pytensor":
        import pytensor
        import pytensor.tensor as pt

        pytensor.config.floatX = "float64"
        symbols = [pt.as_tensor(w).type() for w in weights], pt.matrix("x"), pt.lvector("y")
        value = loss(pt, *symbols)
        function = pytensor.function([*symbols[0], *symbols[1:]],
                                     [value, *pytensor.grad(value, symbols[0])])
        return (lambda: function(*weights, x, y),
                lambda: layer_by_layer(function(*weights, x, y)[1:]))
    else:
        import jax

        compiled = jax.jit(jax.value_and_grad(partial(loss, jax.numpy)))
        weights, x, y = [jax.numpy.asarray(w) for w in weights], jax.numpy.asarray(x), y
        return (lambda: jax.block_until_ready(compiled(weights, x, y)),
                lambda: layer_by_layer([np.asarray(w) for w in compiled(weights, x, y)[1]]))
    return lambda: step(weights, x, y), lambda: layer_by_layer(step(weights, x, y)[1])


def work(sizes: tuple[int, ...], samples: int, wanted: str) -> Work:
    """The work for a network of these sizes."""
    shape = "-".join(map(str, sizes))
    return Work(
        f"plain-{shape}", f"The loss of {shape} in plain NumPy, batch {samples}",
        {"NumPy, by hand": partial(hand, sizes, samples)} | {
            name: partial(side, kind, sizes, samples) for name, kind in (
                ("autograd_mini", "autograd_mini"), ("autograd_mini, compiled", "compiled"),
                ("HIPS autograd", "autograd"), ("pytensor", "pytensor"), ("jax.jit", "jax"))},
        references=("NumPy, by hand",),
        aims=(Aim("autograd_mini", "NumPy, by hand", wanted),),
        about="Cross-entropy by @, np.maximum, np.max, np.exp, np.sum, np.log and np.mean, through "
              "value_and_grad.",
    )


WORKS = [work((784, 32, 10), 32, "at most 2.5 × NumPy by hand"),
         work((64, 64, 10), 64, "at most 4 × NumPy by hand")]
