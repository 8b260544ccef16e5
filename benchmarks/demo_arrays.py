"""The sides of micrograd's demo that compute with arrays, all samples at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import data
from .demo_scalar import DECAY, RATE


def numpy() -> tuple[Any, ...]:
    """Forward and backward by hand; parameters and gradients are views of one vector each."""
    arrays, X, y = leaves()
    parameters, gradient = data.layer_by_layer(arrays), np.empty(sum(a.size for a in arrays))
    W1, b1, W2, b2, W3, b3 = views(parameters, arrays)
    slopes = dW1, db1, dW2, db2, dW3, db3 = views(gradient, arrays)

    def derivatives() -> float:
        h1 = X @ W1.T
        h1 += b1
        np.maximum(h1, 0, out=h1)
        h2 = h1 @ W2.T
        h2 += b2
        np.maximum(h2, 0, out=h2)
        margins = 1 - y * (h2 @ W3[0] + b3)
        wrong = margins > 0
        ds = np.where(wrong, y, 0) / -len(y)
        np.dot(ds, h2, out=dW3[0])
        db3[0] = ds.sum()
        dh2 = np.multiply.outer(ds, W3[0])
        dh2 *= h2 > 0
        np.matmul(dh2.T, h1, out=dW2)
        dh2.sum(0, out=db2)
        dh1 = dh2 @ W2
        dh1 *= h1 > 0
        np.matmul(dh1.T, X, out=dW1)
        dh1.sum(0, out=db1)
        np.add(gradient, 2 * DECAY * parameters, out=gradient)
        return float(margins @ wrong / len(y) + DECAY * (parameters @ parameters))

    def step() -> None:
        derivatives()
        np.subtract(parameters, RATE * gradient, out=parameters)

    return step, lambda: (derivatives(), by_neuron(slopes))[1]


def views(vector: np.ndarray, like: list[np.ndarray]) -> list[np.ndarray]:
    """Parts of a vector, of these shapes."""
    ends = np.cumsum([array.size for array in like])
    parts = np.split(vector, ends[:-1])
    return [part.reshape(array.shape) for part, array in zip(parts, like, strict=True)]


def by_neuron(arrays: list[Any]) -> np.ndarray:
    """Weights and biases of the layers in turn, in the order in which micrograd has them."""
    plain = [np.asarray(array, np.float64) for array in arrays]
    return data.neuron_by_neuron(list(zip(plain[::2], plain[1::2], strict=True)))


def vectorised_loss(parameters: Any, X: Any, y: Any, relu: Any) -> Any:
    """The demo's loss for arrays of any library that has @, .T and .sum()."""
    W1, b1, W2, b2, W3, b3 = parameters
    h = relu(relu(X @ W1.T + b1) @ W2.T + b2)
    scores = (h @ W3.T + b3).reshape(-1)
    squares = sum((p * p).sum() for p in parameters)
    return relu(1 - y * scores).sum() * (1 / len(y)) + DECAY * squares


def leaves() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """The demo's parameters, points and signs."""
    points = data.read("moons")
    return ([array for layer in data.demo_weights() for array in layer], points["X"],
            points["y"])


def ours() -> tuple[Any, ...]:
    """Our Tensors."""
    import autograd_mini as ag

    arrays, X, y = leaves()
    parameters = [ag.Tensor(array) for array in arrays]

    def derivatives() -> list[np.ndarray]:
        for parameter in parameters:
            parameter.grad = None
        vectorised_loss(parameters, X, y, ag.relu).backward()
        return [p.grad for p in parameters]

    def step() -> None:
        for parameter, gradient in zip(parameters, derivatives(), strict=True):
            parameter.data = parameter.data - RATE * gradient

    return step, lambda: by_neuron(derivatives())


def torch() -> tuple[Any, ...]:
    """PyTorch's tensors."""
    import torch

    torch.set_num_threads(1)
    arrays, X, y = leaves()
    parameters = [torch.from_numpy(array).requires_grad_() for array in arrays]
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    optimizer = torch.optim.SGD(parameters, lr=RATE)

    def derivatives() -> list[Any]:
        optimizer.zero_grad()
        vectorised_loss(parameters, X, y, torch.relu).backward()
        return [p.grad for p in parameters]

    def step() -> None:
        derivatives()
        optimizer.step()

    return step, lambda: by_neuron(derivatives())


def mygrad() -> tuple[Any, ...]:
    """mygrad's tensors."""
    import mygrad
    from mygrad.nnet.activations import relu

    arrays, X, y = leaves()
    parameters = [mygrad.tensor(array) for array in arrays]

    def derivatives() -> list[np.ndarray]:
        vectorised_loss(parameters, X, y, relu).backward()
        return [p.grad for p in parameters]

    def step() -> None:
        for parameter, gradient in zip(parameters, derivatives(), strict=True):
            parameter.data -= RATE * gradient

    return step, lambda: by_neuron(derivatives())


def autograd() -> tuple[Any, ...]:
    """HIPS autograd's grad."""
    import autograd
    import autograd.numpy as anp

    parameters, X, y = leaves()

    def loss(parameters: Any) -> Any:
        W1, b1, W2, b2, W3, b3 = parameters
        h = anp.maximum(anp.dot(X, W1.T) + b1, 0)
        h = anp.maximum(anp.dot(h, W2.T) + b2, 0)
        margins = 1 - y * (anp.dot(h, W3.T) + b3).reshape(-1)
        squares = sum(anp.sum(p * p) for p in parameters)
        return anp.sum(anp.maximum(margins, 0)) / len(y) + DECAY * squares

    gradient = autograd.grad(loss)

    def step() -> None:
        for parameter, slope in zip(parameters, gradient(parameters), strict=True):
            parameter -= RATE * slope

    return step, lambda: by_neuron(gradient(parameters))


def jax() -> tuple[Any, ...]:
    """JAX, the whole step compiled; compiling it isn't timed."""
    import jax

    arrays, X, y = leaves()
    parameters = [jax.numpy.asarray(array) for array in arrays]
    X, y = jax.numpy.asarray(X), jax.numpy.asarray(y)

    def loss(parameters: Any) -> Any:
        return vectorised_loss(parameters, X, y, jax.nn.relu)

    @jax.jit
    def updated(parameters: Any) -> Any:
        slopes = jax.grad(loss)(parameters)
        return [p - RATE * slope for p, slope in zip(parameters, slopes, strict=True)]

    def step() -> None:
        nonlocal parameters
        parameters = jax.block_until_ready(updated(parameters))

    return step, lambda: by_neuron(jax.grad(loss)(parameters))
