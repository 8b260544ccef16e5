"""Networks of ReLU layers trained with cross-entropy and Adam, in each library's own way.

Every class has: batch(x, y), the arrays as the library wants them; train(x, y), one step whose
result is the loss before it; gradients(), those of the last step, and parameters(), both as a
list W1, b1, W2, b2 … of arrays.
"""

from __future__ import annotations

import functools
import os
import shutil
from typing import Any

import numpy as np

from .data import Layers

RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


class HandAdam:
    """Adam in place, with one scratch array for each parameter."""

    def __init__(self, parameters: list[np.ndarray]) -> None:
        self.slots = [(x, np.zeros_like(x), np.zeros_like(x), np.empty_like(x))
                      for x in parameters]
        self.steps = 0

    def step(self, gradients: list[np.ndarray]) -> None:
        """Move every parameter."""
        self.steps += 1
        rate = RATE / (1 - BETA1**self.steps)
        correction = (1 - BETA2**self.steps) ** -0.5
        for (x, m, v, scratch), g in zip(self.slots, gradients, strict=True):
            m *= BETA1
            m += np.multiply(g, 1 - BETA1, out=scratch)
            v *= BETA2
            np.multiply(g, g, out=scratch)
            scratch *= 1 - BETA2
            v += scratch
            np.sqrt(v, out=scratch)
            scratch *= correction
            scratch += EPSILON
            np.divide(m, scratch, out=scratch)
            scratch *= rate
            x -= scratch


class Hand:
    """NumPy, forward and backward by hand."""

    def __init__(self, weights: Layers) -> None:
        self.layers = [(weight.copy(), bias.copy()) for weight, bias in weights]
        self.slopes = [np.empty_like(array) for array in self.parameters()]
        self.adam = HandAdam(self.parameters())

    def batch(self, x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
        """As they are."""
        return x, y

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        """Forward, backward, Adam."""
        loss = self.derive(x, y)
        self.adam.step(self.slopes)
        return loss

    def derive(self, x: np.ndarray, y: np.ndarray) -> float:
        """The loss; its gradients are written into `slopes`."""
        inputs, outputs = [], x
        for number, (weight, bias) in enumerate(self.layers, 1):
            inputs.append(outputs)
            outputs = outputs @ weight.T
            outputs += bias
            if number < len(self.layers):
                np.maximum(outputs, 0, out=outputs)
        rows = np.arange(len(y))
        outputs -= outputs.max(1, keepdims=True)
        chosen = outputs[rows, y]
        back = np.exp(outputs, out=outputs)
        sums = back.sum(1, keepdims=True)
        loss = float((np.log(sums[:, 0]) - chosen).mean())
        back /= sums
        back[rows, y] -= 1
        back /= len(y)
        self.send_back(inputs, back)
        return loss

    def send_back(self, inputs: list[np.ndarray], back: np.ndarray) -> None:
        """Write the gradients of all layers, given those of the last layer's outputs."""
        for number in range(len(self.layers) - 1, -1, -1):
            x = inputs[number]
            np.matmul(back.T, x, out=self.slopes[2 * number])
            back.sum(0, out=self.slopes[2 * number + 1])
            if number:
                back = back @ self.layers[number][0]
                back *= x > 0

    def gradients(self) -> list[np.ndarray]:
        """Of the last step."""
        return self.slopes

    def parameters(self) -> list[np.ndarray]:
        """The arrays themselves."""
        return [array for layer in self.layers for array in layer]


class HandFlat(Hand):
    """The same with all parameters in one vector, so that Adam is one pass of long calls."""

    def __init__(self, weights: Layers) -> None:
        arrays = [array for layer in weights for array in layer]
        self.vector = np.concatenate([array.ravel() for array in arrays])
        self.slope = np.empty_like(self.vector)
        ends = np.cumsum([array.size for array in arrays])[:-1]
        views, slopes = (
            [part.reshape(array.shape) for part, array in zip(np.split(v, ends), arrays,
                                                              strict=True)]
            for v in (self.vector, self.slope))
        self.layers = list(zip(views[::2], views[1::2], strict=True))
        self.slopes = slopes
        self.adam = HandAdam([self.vector])

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        """Forward, backward, Adam."""
        loss = self.derive(x, y)
        self.adam.step([self.slope])
        return loss


def our_model(weights: Layers) -> Any:
    """Our Sequential with these weights."""
    from autograd_mini import nn

    modules: list[Any] = []
    for weight, bias in weights:
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
        linear.weight.data, linear.bias.data = weight.copy(), bias.copy()
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


class Ours:
    """autograd_mini.nn."""

    def __init__(self, weights: Layers) -> None:
        from autograd_mini import nn

        self.model, self.loss = our_model(weights), nn.cross_entropy
        self.optimizer = nn.Adam(self.model.parameters(), lr=RATE)

    def batch(self, x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
        """As they are."""
        return x, y

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        """zero_grad, forward, backward, step."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return float(loss.data)

    def gradients(self) -> list[np.ndarray]:
        """Of the last step."""
        return [p.grad for p in self.model.parameters()]

    def parameters(self) -> list[np.ndarray]:
        """Their arrays."""
        return [p.data for p in self.model.parameters()]


def step_of_fit(model: Any, optimizer: Any, x: np.ndarray, y: np.ndarray) -> Any:
    """A function that does what `nn.fit` does with a batch; its result is the loss before."""
    from autograd_mini.nn.fit import _Epoch

    from autograd_mini import nn

    run = nn.Run(model, [(x, y)], nn.cross_entropy, optimizer)
    epoch = _Epoch(run, {})
    run.x, run.y = x, y

    def step() -> float:
        epoch._step()
        return run.loss

    return step


class Fitted(Ours):
    """autograd_mini.nn, a batch at a time as `nn.fit` has it: by a program, after two batches."""

    step: Any = None

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        """zero_grad, forward, backward, step."""
        if self.step is None:
            self.step = step_of_fit(self.model, self.optimizer, x, y)
        return float(self.step())


class Torch:
    """torch.nn, with its own Adam."""

    def __init__(self, weights: Layers) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch, self.loss = torch, torch.nn.functional.cross_entropy
        modules: list[Any] = []
        for weight, bias in weights:
            linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
            linear.weight = torch.nn.Parameter(torch.from_numpy(weight.copy()))
            linear.bias = torch.nn.Parameter(torch.from_numpy(bias.copy()))
            modules += [linear, torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*modules[:-1])
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)

    def batch(self, x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
        """As tensors."""
        return self.torch.from_numpy(x), self.torch.from_numpy(y)

    def train(self, x: Any, y: Any) -> float:
        """zero_grad, forward, backward, step."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return float(loss)

    def gradients(self) -> list[np.ndarray]:
        """Of the last step."""
        return [p.grad.numpy() for p in self.model.parameters()]

    def parameters(self) -> list[np.ndarray]:
        """Their arrays."""
        return [p.detach().numpy() for p in self.model.parameters()]


class Autograd(Hand):
    """HIPS autograd, with Adam by hand."""

    def __init__(self, weights: Layers) -> None:
        import autograd
        import autograd.numpy as anp

        super().__init__(weights)
        self.numpy, self.value = anp, autograd.tracer.getval
        self.value_and_grad = autograd.value_and_grad(self.loss)

    def loss(self, parameters: list[Any], x: np.ndarray, y: np.ndarray) -> Any:
        """Cross-entropy, written with autograd.numpy.

        Without maximum, max and mean, whose slopes would make float64 of float32.
        """
        anp = self.numpy
        outputs = x
        for number in range(0, len(parameters), 2):
            outputs = anp.dot(outputs, parameters[number].T) + parameters[number + 1]
            if number + 2 < len(parameters):
                outputs = outputs * (outputs > 0)
        shifted = outputs - self.value(outputs).max(1, keepdims=True)
        sums = anp.log(anp.sum(anp.exp(shifted), axis=1))
        return anp.sum(sums - shifted[np.arange(len(y)), y]) / len(y)

    def derive(self, x: np.ndarray, y: np.ndarray) -> float:
        """The loss and its gradients."""
        loss, self.slopes = self.value_and_grad(self.parameters(), x, y)
        return float(loss)


class MyGrad(Hand):
    """mygrad, with Adam by hand."""

    def __init__(self, weights: Layers) -> None:
        import mygrad
        from mygrad.nnet.activations import relu
        from mygrad.nnet.losses import softmax_crossentropy

        super().__init__(weights)
        self.relu, self.loss, self.matmul = relu, softmax_crossentropy, mygrad.matmul
        self.tensors = [mygrad.tensor(array, copy=False) for array in self.parameters()]

    def derive(self, x: np.ndarray, y: np.ndarray) -> float:
        """The loss and its gradients."""
        outputs, tensors = x, self.tensors
        for number in range(0, len(tensors), 2):
            outputs = self.matmul(outputs, tensors[number].T) + tensors[number + 1]
            if number + 2 < len(tensors):
                outputs = self.relu(outputs)
        loss = self.loss(outputs, y)
        loss.backward()
        self.slopes = [tensor.grad for tensor in tensors]
        return float(loss.data)


@functools.cache
def jax_step() -> Any:
    """Loss, gradients and Adam as one compiled function."""
    import jax
    import jax.numpy as jnp

    def loss(parameters: list[Any], x: Any, y: Any) -> Any:
        outputs = x
        for number in range(0, len(parameters), 2):
            outputs = outputs @ parameters[number].T + parameters[number + 1]
            if number + 2 < len(parameters):
                outputs = jax.nn.relu(outputs)
        return -jax.nn.log_softmax(outputs)[jnp.arange(len(y)), y].mean()

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(parameters: Any, ms: Any, vs: Any, steps: Any, x: Any, y: Any) -> Any:
        value, slopes = jax.value_and_grad(loss)(parameters, x, y)
        rate, correction = RATE / (1 - BETA1**steps), jnp.sqrt(1 - BETA2**steps)
        ms = [BETA1 * m + (1 - BETA1) * g for m, g in zip(ms, slopes, strict=True)]
        vs = [BETA2 * v + (1 - BETA2) * g * g for v, g in zip(vs, slopes, strict=True)]
        moved = [(p - rate * m / (jnp.sqrt(v) / correction + EPSILON)).astype(p.dtype)
                 for p, m, v in zip(parameters, ms, vs, strict=True)]
        return moved, ms, vs, value, slopes

    return step


class Jax:
    """jax.jit of the whole step."""

    def __init__(self, weights: Layers) -> None:
        import jax.numpy as jnp

        self.array = jnp.asarray
        # Copies: the step is allowed to overwrite what it is given.
        self.state = [[jnp.array(array) for layer in weights for array in layer]]
        self.state += [[jnp.zeros_like(p) for p in self.state[0]] for _ in range(2)]
        self.steps, self.slopes = 0, self.state[0]

    def batch(self, x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
        """As arrays of JAX's."""
        return self.array(x), self.array(y)

    def train(self, x: Any, y: Any) -> float:
        """One call."""
        self.steps += 1
        count = np.asarray(self.steps, self.state[0][0].dtype)
        *self.state, loss, self.slopes = jax_step()(*self.state, count, x, y)
        return float(loss)

    def gradients(self) -> list[np.ndarray]:
        """Of the last step."""
        return [np.asarray(slope) for slope in self.slopes]

    def parameters(self) -> list[np.ndarray]:
        """Their arrays."""
        return [np.asarray(p) for p in self.state[0]]


class TinyGrad:
    """tinygrad with its own Adam, the step captured by TinyJit."""

    def __init__(self, weights: Layers) -> None:
        import tinygrad

        if shutil.which("clang") is None and "DEV" not in os.environ:
            raise NotImplementedError("compiles with clang, which isn't here")
        self.tensor = tinygrad.Tensor
        self.arrays = [tinygrad.Tensor(array).realize() for layer in weights for array in layer]
        self.optimizer = tinygrad.nn.optim.Adam(self.arrays, lr=RATE, eps=EPSILON)
        self.slopes: list[Any] = []
        self.context, self.step = tinygrad.Context, tinygrad.TinyJit(self.captured)

    def batch(self, x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
        """As tensors."""
        return self.tensor(x).realize(), self.tensor(y).realize()

    def captured(self, x: Any, y: Any) -> Any:
        """zero_grad, forward, backward, step; realized together, with the gradients."""
        self.optimizer.zero_grad()
        outputs = x
        for number in range(0, len(self.arrays), 2):
            outputs = outputs @ self.arrays[number].T + self.arrays[number + 1]
            if number + 2 < len(self.arrays):
                outputs = outputs.relu()
        loss = outputs.sparse_categorical_crossentropy(y)
        loss.backward()
        self.slopes = [array.grad for array in self.arrays]
        return loss.realize(*self.slopes, *self.optimizer.schedule_step())

    def train(self, x: Any, y: Any) -> float:
        """One call."""
        with self.context(TRAINING=1):
            return float(self.step(x, y).item())

    def gradients(self) -> list[np.ndarray]:
        """Of the last step."""
        return [slope.numpy() for slope in self.slopes]

    def parameters(self) -> list[np.ndarray]:
        """Their arrays."""
        return [array.numpy() for array in self.arrays]


NETWORKS: dict[str, Any] = {
    "NumPy, by hand": Hand, "NumPy, by hand, one vector": HandFlat, "autograd_mini": Ours,
    "autograd_mini, nn.fit": Fitted,
    "PyTorch": Torch, "HIPS autograd": Autograd, "mygrad": MyGrad, "jax.jit": Jax,
}
