"""The sides of micrograd's demo that compute number by number, but compiled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import data
from .demo_scalar import DECAY, RATE, score
from .timing import FOLDER

COMPILER = ("gcc", "-O3", "-march=native", "-shared", "-fPIC")


def setting() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The demo's 337 parameters in micrograd's order, its points, and their signs."""
    points = data.read("moons")
    return data.neuron_by_neuron(data.demo_weights()), points["X"], points["y"]


def hidden(w: np.ndarray, at: int, x: np.ndarray, h: np.ndarray) -> None:
    """h ← relu(w·x + b), where the layer's numbers start at w[at]."""
    for i in range(h.size):
        total = w[at + x.size]
        for j in range(x.size):
            total += w[at + j] * x[j]
        h[i] = total if total > 0 else 0.0
        at += x.size + 1


def hidden_back(w: np.ndarray, at: int, x: np.ndarray, h: np.ndarray, dh: np.ndarray,
                dw: np.ndarray, dx: np.ndarray) -> None:
    """Add what `hidden` sends back to dw; set dx, if it has as many entries as x."""
    dx[:] = 0.0
    for i in range(h.size):
        if h[i] > 0:
            slope = dh[i]
            for j in range(x.size):
                dw[at + j] += slope * x[j]
            dw[at + x.size] += slope
            for j in range(dx.size):
                dx[j] += slope * w[at + j]
        at += x.size + 1


def numba() -> tuple[Any, ...]:
    """Loops over samples, neurons and weights, written by hand and compiled by numba."""
    from numba import njit

    start, X, y = setting()
    w, dw = start.copy(), np.empty_like(start)
    derivatives = compiled(njit)

    @njit
    def step(w: np.ndarray, dw: np.ndarray) -> float:
        w[:] = start  # or the work would shrink: samples beyond the margin are skipped
        loss = derivatives(w, X, y, dw)
        for i in range(w.size):
            w[i] -= RATE * dw[i]
        return loss

    def gradients() -> np.ndarray:
        derivatives(w, X, y, dw)
        return dw

    return lambda: step(w, dw), gradients


def compiled(njit: Callable[[Any], Any]) -> Any:
    """The function that fills dw with the gradient and gives the loss."""
    forward, backward = njit(hidden), njit(hidden_back)

    def derivatives(w: np.ndarray, X: np.ndarray, y: np.ndarray, dw: np.ndarray) -> float:
        h1, h2, dh1, dh2 = np.empty(16), np.empty(16), np.empty(16), np.empty(16)
        loss, nothing = 0.0, np.empty(0)
        dw[:] = 0.0
        for k in range(y.size):
            forward(w, 0, X[k], h1)
            forward(w, 48, h1, h2)
            output = w[336]
            for j in range(16):
                output += w[320 + j] * h2[j]
            margin = 1 - y[k] * output
            if margin > 0:
                loss += margin
                slope = -y[k] / y.size
                for j in range(16):
                    dw[320 + j] += slope * h2[j]
                    dh2[j] = slope * w[320 + j]
                dw[336] += slope
                backward(w, 48, h1, h2, dh2, dw, dh1)
                backward(w, 0, X[k], h1, dh1, dw, nothing)
        loss /= y.size
        for i in range(w.size):
            loss += DECAY * w[i] * w[i]
            dw[i] += 2 * DECAY * w[i]
        return loss

    return njit(derivatives)


def sample_loss(casadi: Any, w: Any, x: list[Any], sign: Any) -> Any:
    """The margin of one sample, as a graph of CasADi's scalars."""
    numbers = iter(casadi.vertsplit(w))
    layers = [[[next(numbers) for _ in range(n)] for _ in range(m)]
              for m, n in [(16, 3), (16, 17), (1, 17)]]
    return casadi.fmax(1 - sign * score(layers, x, lambda s: casadi.fmax(s, 0)), 0)


def trigger(program: Any, arguments: list[np.ndarray], result: np.ndarray) -> Callable[[], None]:
    """A call of a CasADi function that reads and writes NumPy's memory, without conversions."""
    buffer, run = program.buffer()
    for i, argument in enumerate(arguments):
        buffer.set_arg(i, memoryview(argument))
    buffer.set_res(0, memoryview(result))
    run.keep = buffer, arguments, result  # CasADi holds only their addresses
    return run


def casadi_whole() -> tuple[Any, ...]:
    """The whole batch as one flat graph, in CasADi's virtual machine; building isn't timed."""
    import casadi

    numbers, X, y = setting()
    w, x, signs = casadi.SX.sym("w", 337), casadi.SX.sym("x", 2, 100), casadi.SX.sym("y", 100)
    losses = [sample_loss(casadi, w, [x[0, k], x[1, k]], signs[k]) for k in range(len(y))]
    loss = sum(losses) / len(y) + DECAY * casadi.sumsqr(w)
    program = casadi.Function("gradient", [w, x, signs], [casadi.gradient(loss, w)])
    slopes = np.empty(337)
    run = trigger(program, [numbers, X, y], slopes)

    def step() -> None:
        run()
        np.subtract(numbers, RATE * slopes, out=numbers)

    def gradients() -> np.ndarray:
        run()
        return slopes

    return step, gradients


def mapped(casadi: Any) -> Any:
    """One sample's gradient as a graph, mapped over the batch and summed."""
    w, x, sign = casadi.SX.sym("w", 337), casadi.SX.sym("x", 2), casadi.SX.sym("y")
    loss = sample_loss(casadi, w, [x[0], x[1]], sign)
    one = casadi.Function("one", [w, x, sign], [casadi.gradient(loss, w)])
    return one.map("gradient", "serial", 100, [0], [0])


def mapped_side(program: Any) -> tuple[Any, ...]:
    """Steps with such a function: the mean over the batch and the L2 term are NumPy's."""
    numbers, X, y = setting()
    slopes = np.empty(337)
    run = trigger(program, [numbers, X, y], slopes)

    def derivatives() -> np.ndarray:
        run()
        return slopes / len(y) + 2 * DECAY * numbers

    def step() -> None:
        np.subtract(numbers, RATE * derivatives(), out=numbers)

    return step, derivatives


def casadi_mapped() -> tuple[Any, ...]:
    """One sample's graph mapped over the batch, in CasADi's virtual machine."""
    import casadi

    return mapped_side(mapped(casadi))


def casadi_c() -> tuple[Any, ...]:
    """The same, written out as C and compiled; compiling it isn't timed."""
    import casadi

    if shutil.which(COMPILER[0]) is None:
        raise NotImplementedError("no C compiler here")
    folder = Path(os.environ[FOLDER])
    library = folder / "gradient.so"
    if not library.exists():
        generator = casadi.CodeGenerator("gradient.c")
        generator.add(mapped(casadi))
        source = generator.generate(f"{folder}{os.sep}")
        subprocess.run([*COMPILER, source, "-o", str(library), "-lm"], check=True)
    return mapped_side(casadi.external("gradient", str(library)))
