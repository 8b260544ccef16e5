"""The models of `models.py` as functions of JAX's arrays, in steps that are compiled as a whole."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .networks import BETA1, BETA2, EPSILON

Parameters = dict[str, Any]
"""By the names that autograd_mini.nn and torch.nn give them."""


def linear(parameters: Parameters, name: str, x: Any) -> Any:
    """A layer x Wᵀ + b."""
    return x @ parameters[f"{name}.weight"].T + parameters[f"{name}.bias"]


def convnet(parameters: Parameters, x: Any) -> Any:
    """Images of 28 × 28 ↦ ten scores."""
    import jax

    for name in ("0", "3"):
        x = jax.lax.conv_general_dilated(x, parameters[f"{name}.weight"], (1, 1), "SAME")
        x = jax.nn.relu(x + parameters[f"{name}.bias"][:, None, None])
        x = jax.lax.reduce_window(x, -np.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    return linear(parameters, "7", x.reshape(len(x), -1))


def reader(parameters: Parameters, x: Any) -> Any:
    """Letters ↦ scores after each, by an LSTM."""
    import jax
    import jax.numpy as jnp

    weight, along = parameters["lstm.weight_hh_l0"], parameters["lstm.weight_ih_l0"]
    bias = parameters["lstm.bias_ih_l0"] + parameters["lstm.bias_hh_l0"]
    inputs = parameters["letters.weight"][x] @ along.T + bias

    def moment(state: Any, given: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(given + h @ weight.T, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    start = jnp.zeros((len(x), weight.shape[1]), weight.dtype)
    _, hidden = jax.lax.scan(moment, (start, start), inputs.swapaxes(0, 1))
    return linear(parameters, "output", hidden.swapaxes(0, 1))


def normed(parameters: Parameters, name: str, x: Any) -> Any:
    """A LayerNorm over the last axis."""
    import jax.numpy as jnp

    y = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return y * parameters[f"{name}.weight"] + parameters[f"{name}.bias"]


def attention(parameters: Parameters, name: str, x: Any, heads: int = 4) -> Any:
    """Each moment looks at itself and at those before."""
    import jax
    import jax.numpy as jnp

    n, moments, width = x.shape
    of_x = x @ parameters[f"{name}.in_proj_weight"].T + parameters[f"{name}.in_proj_bias"]
    q, k, v = [part.reshape(n, moments, heads, -1).swapaxes(1, 2)
               for part in jnp.split(of_x, 3, axis=2)]
    scores = q @ k.swapaxes(2, 3) / np.sqrt(width // heads).astype(x.dtype)
    scores = jnp.where(np.tril(np.ones((moments, moments), bool)), scores, -jnp.inf)
    seen = (jax.nn.softmax(scores) @ v).swapaxes(1, 2).reshape(n, moments, width)
    return linear(parameters, f"{name}.out_proj", seen)


def gpt(parameters: Parameters, x: Any) -> Any:
    """Letters ↦ at each place a score for each letter that may come next, by two blocks."""
    import jax

    y = parameters["letters.weight"][x] + parameters["places.weight"]
    for name in ("blocks.0", "blocks.1"):
        y = y + attention(parameters, f"{name}.attention", normed(parameters, f"{name}.norm1", y))
        inner = linear(parameters, f"{name}.mlp.0", normed(parameters, f"{name}.norm2", y))
        y = y + linear(parameters, f"{name}.mlp.2", jax.nn.relu(inner))
    return linear(parameters, "head", normed(parameters, "norm", y))


def step(forward: Any, rate: float) -> Any:
    """Cross-entropy, gradients and Adam as one compiled function of the state and a batch."""
    import jax
    import jax.numpy as jnp

    def loss(parameters: Parameters, x: Any, y: Any) -> Any:
        scores = forward(parameters, x)
        scores = scores.reshape(-1, scores.shape[-1])
        return -jax.nn.log_softmax(scores)[jnp.arange(y.size), y.reshape(-1)].mean()

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def trained(parameters: Any, means: Any, squares: Any, count: Any, x: Any, y: Any) -> Any:
        value, slopes = jax.value_and_grad(loss)(parameters, x, y)

        def moved(p: Any, m: Any, v: Any, g: Any) -> tuple[Any, Any, Any]:
            m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g
            length = jnp.sqrt(v) / jnp.sqrt(1 - BETA2**count) + EPSILON
            return (p - rate / (1 - BETA1**count) * m / length).astype(p.dtype), m, v

        found = {name: moved(p, means[name], squares[name], slopes[name])
                 for name, p in parameters.items()}
        parts = [{name: three[i] for name, three in found.items()} for i in range(3)]
        return (*parts, value, slopes)

    return trained
