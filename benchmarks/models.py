"""One training step of a ConvNet, an LSTM and a small GPT, beside PyTorch's and JAX's."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import both, jax_models
from .data import layer_by_layer
from .networks import step_of_fit
from .timing import Aim, Work

BATCH, RATE = 32, 1e-3
LOSSES = 10  # steps whose losses are compared, besides the gradients of the first
LIBRARIES = {"autograd_mini": both.ours, "PyTorch": both.torchs}

Make = Callable[[both.Library], Any]
Data = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def values(parameters: dict[str, Any], dtype: str) -> dict[str, np.ndarray]:
    """What the parameters of these names begin with, the same in all libraries."""
    rng = np.random.default_rng(1)
    return {name: (rng.normal(1.0 * ("norm" in name and name.endswith("weight")), 0.1,
                              tuple(p.shape))).astype(dtype)
            for name, p in sorted(parameters.items())}


class Training:
    """A model, its optimizer and one batch, on which it is trained again and again."""

    def __init__(self, lib: both.Library, make: Make, data: Data, dtype: str) -> None:
        x, y = data(np.random.default_rng(0))
        x = x.astype(dtype) if x.dtype == np.float64 else x
        self.lib, self.x, self.y = lib, lib.array(x), lib.array(y)
        self.model = make(lib)
        self.parameters = dict(sorted(self.model.named_parameters()))
        for name, value in values(self.parameters, dtype).items():
            self.parameters[name].data = lib.array(value)
        self.optimizer = lib.optimizers.Adam(self.model.parameters(), lr=RATE)

    def step(self) -> tuple[float, list[float]]:
        """The loss, and the seconds of the forward pass, the backward pass and the optimizer."""
        times = [time.process_time()]
        self.optimizer.zero_grad()
        loss = self.lib.cross_entropy(self.model(self.x), self.y)
        times.append(time.process_time())
        loss.backward()
        times.append(time.process_time())
        self.optimizer.step()
        times.append(time.process_time())
        return float(loss.data), [float(seconds) for seconds in np.diff(times)]

    def gradients(self) -> list[np.ndarray]:
        """Of the last step."""
        return [np.array(p.grad) for p in self.parameters.values()]


def side(library: Callable[[str], both.Library], make: Make, data: Data, dtype: str,
         kind: type[Training] = Training) -> tuple[Any, ...]:
    """One library's step; as a remark, how long its parts take."""
    training = kind(library(dtype), make, data, dtype)
    parts: list[list[float]] = []

    def step() -> None:
        parts.append(training.step()[1])

    def gradients() -> np.ndarray:
        losses = [training.step()[0]]
        slopes = training.gradients()
        assert all(slope.dtype == dtype for slope in slopes)
        losses += [training.step()[0] for _ in range(LOSSES - 1)]
        return layer_by_layer([*slopes, np.array(losses)])

    def remark() -> str:
        medians = [1e3 * statistics.median(part) for part in zip(*parts, strict=True)]
        return ", ".join(f"{name} {ms:.3g} ms" for name, ms in zip(
            ("forward", "backward", "optimizer"), medians, strict=False))

    return step, gradients, remark


class Fitted(Training):
    """The same by a program, as `nn.fit` has it for models without code of a user's."""

    def step(self) -> tuple[float, list[float]]:
        """The loss, and no seconds."""
        if not hasattr(self, "once"):
            from autograd_mini.nn import _compiled

            _compiled.USERS_CODE = True
            self.once = step_of_fit(self.model, self.optimizer, self.x, self.y)
        return float(self.once()), []


class Jax:
    """The same by jax.jit, the whole step at once; `make` says of which forward pass."""

    def __init__(self, lib: both.Library, make: Make, data: Data, dtype: str, forward: Any) -> None:
        import jax

        x, y = data(np.random.default_rng(0))
        self.x = jax.numpy.asarray(x.astype(dtype) if x.dtype == np.float64 else x)
        self.y, self.compiled = jax.numpy.asarray(y), jax_models.step(forward, RATE)
        begin = values(dict(make(lib).named_parameters()), dtype)
        self.state = [{name: jax.numpy.array(p) for name, p in begin.items()}]
        self.state += [{name: jax.numpy.zeros_like(p) for name, p in self.state[0].items()}
                       for _ in range(2)]
        self.steps, self.slopes = 0, self.state[0]

    def step(self) -> tuple[float, list[float]]:
        """The loss, and no seconds."""
        self.steps += 1
        count = np.asarray(self.steps, next(iter(self.state[0].values())).dtype)
        *self.state, loss, self.slopes = self.compiled(*self.state, count, self.x, self.y)
        return float(loss), []

    def gradients(self) -> list[np.ndarray]:
        """Of the last step."""
        return [np.array(self.slopes[name]) for name in sorted(self.slopes)]


def images(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Noise, and a class for each."""
    return rng.random((BATCH, 1, 28, 28)), rng.integers(0, 10, BATCH)


def letters(moments: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows of letters, and those that come next."""
    rows = rng.integers(0, both.LETTERS, (BATCH, moments + 1))
    return rows[:, :-1].copy(), rows[:, 1:].copy()


def work(name: str, title: str, make: Make, data: Data, dtype: str, bound: float,
         forward: Any) -> Work:
    """The work of training such a model; forward: JAX's."""
    by_jax: Any = partial(Jax, forward=forward)
    return Work(
        f"models-{name}-{dtype}", f"One training step of {title}, batch {BATCH}, {dtype}",
        {library: partial(side, start, make, data, dtype) for library, start in LIBRARIES.items()}
        | {"autograd_mini, a program": partial(side, both.ours, make, data, dtype, Fitted),
           "jax.jit": partial(side, both.ours, make, data, dtype, by_jax)},
        references=("PyTorch",),
        aims=(Aim("autograd_mini", "PyTorch", f"at most {bound} × PyTorch"),
              Aim("autograd_mini, a program", "PyTorch", "at most 1 × PyTorch")),
        about="Cross-entropy, Adam: zero_grad, forward, backward, step.",
        tolerance=1e-4 if dtype == "float32" else 1e-10,
    )


def works(dtype: str) -> list[Work]:
    """All models in one precision."""
    lstm = partial(both.reader, hidden=64)
    return [
        work("convnet", "a ConvNet of 8 and 16 channels", both.convnet, images, dtype, 3,
             jax_models.convnet),
        work("lstm-12", "an LSTM 27-16-64 over 12 letters", lstm, partial(letters, 12), dtype, 1.6,
             jax_models.reader),
        work("lstm-256", "an LSTM 27-16-64 over 256 letters", lstm, partial(letters, 256), dtype,
             2.5, jax_models.reader),
        work("gpt", "a GPT of two blocks, 64 wide, over 16 letters",
             partial(both.gpt, width=64, moments=16), partial(letters, 16), dtype, 1.9,
             jax_models.gpt),
    ]


WORKS = [*works("float64"), *works("float32")]
