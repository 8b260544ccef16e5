"""One training step of micrograd's own demo, beside micrograd.

Gradients are compared before anything is timed. Then the sides take turns, each turn in a
process of its own: Python's cyclic collector is most of micrograd's time, and in one process a
side would pay for the other's garbage. Medians of CPU time and their ratios are printed, with
an A/A control (one side against itself), and the bytes per scalar node after backward.

    pip install -e '.[demo,peers]' && python benchmarks/micrograd_step.py
"""

from __future__ import annotations

import gc
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

os.environ.pop("OPENBLAS_CORETYPE", None)  # before NumPy: it slows matrix products on some machines
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import micrograd.engine
import micrograd.nn
import numpy as np
from sklearn.datasets import make_moons

import autograd_mini as ag
from autograd_mini import nn

ROUNDS, STEPS = 3, 5
OURS, AGAIN = "autograd_mini, nn.MLP", "autograd_mini, nn.MLP (again)"


class NodePerOperation(nn.Neuron):
    """micrograd's own forward pass, a node for every product and sum, on our engine."""

    def __call__(self, x: Any) -> Any:
        """w·x + b written out."""
        act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return act.relu() if self.nonlin else act


def data() -> tuple[np.ndarray, np.ndarray]:
    """The demo's 100 points and their signs."""
    np.random.seed(1337)
    X, y = make_moons(n_samples=100, noise=0.1)
    return X, y * 2 - 1


def loss_of(Value: Any, model: Any, X: np.ndarray, y: np.ndarray) -> Any:
    """The demo's max-margin loss with L2 regularisation, in micrograd's vocabulary."""
    inputs = [list(map(Value, row)) for row in X]
    scores = list(map(model, inputs))
    losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
    return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())


def step(Value: Any, model: Any, X: np.ndarray, y: np.ndarray) -> float:
    """Forward, backward, update."""
    total = loss_of(Value, model, X, y)
    model.zero_grad()
    total.backward()
    for p in model.parameters():
        p.data -= 0.01 * p.grad
    return float(total.data)


def seeded(make: Callable[[], Any]) -> Any:
    """A model with the demo's weights."""
    random.seed(1337)
    return make()


def node_per_operation() -> Any:
    """nn.MLP whose neurons are written out, with the same weights."""
    model = nn.MLP(2, [16, 16, 1])
    for layer in model.layers:
        for neuron in layer.neurons:
            neuron.__class__ = NodePerOperation
    return model


SIDES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "micrograd": lambda: (
        micrograd.engine.Value, seeded(lambda: micrograd.nn.MLP(2, [16, 16, 1]))),
    OURS: lambda: (ag.Value, seeded(lambda: nn.MLP(2, [16, 16, 1]))),
    "autograd_mini, node per op": lambda: (ag.Value, seeded(node_per_operation)),
}


def check_same(models: dict[str, tuple[Any, Any]], X: np.ndarray, y: np.ndarray) -> None:
    """All sides have the same loss and the same 337 gradients, to rounding."""
    gradients = {}
    for name, (Value, model) in models.items():
        model.zero_grad()
        loss_of(Value, model, X, y).backward()
        gradients[name] = np.array([p.grad for p in model.parameters()], float)
    reference = gradients["micrograd"]
    for name, g in gradients.items():
        worst = float(np.max(np.abs(g - reference)) / np.max(np.abs(reference)))
        assert worst < 1e-13, (name, worst)
        print(f"  gradients of {name:28} differ from micrograd's by {worst:.1e} of the largest")


def bytes_per_node(Value: Any) -> float:
    """Memory of a chain of 800 products (micrograd recurses) after backward, per node."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    y = x = Value(0.999)
    for _ in range(800):
        y = y * x
    y.backward()
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / 800


def timed(name: str) -> list[float]:
    """CPU seconds of each of STEPS steps of one side, after two that warm up."""
    X, y = data()
    Value, model = SIDES[name]()
    times = []
    for _ in range(STEPS + 2):
        start = time.process_time()
        step(Value, model, X, y)
        times.append(time.process_time() - start)
    return times[2:]


def main() -> None:
    """Compare, time, print."""
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, "
          "one thread, CPU time")
    check_same({name: make() for name, make in SIDES.items()}, *data())
    times: dict[str, list[float]] = {name: [] for name in [*SIDES, AGAIN]}
    for _ in range(ROUNDS):
        for name in times:
            side = OURS if name == AGAIN else name
            done = subprocess.run([sys.executable, __file__, side], capture_output=True, text=True,
                                  check=True)
            times[name] += json.loads(done.stdout)
    medians = {name: statistics.median(t) for name, t in times.items()}
    print(f"\n  one step of micrograd's demo, median of {ROUNDS} × {STEPS}")
    for name, median in medians.items():
        print(f"  {name:32} {1e3 * median:9.1f} ms   {medians['micrograd'] / median:6.1f} ×")
    print(f"  A/A control: {medians[OURS] / medians[AGAIN]:.2f}")
    print("\n  bytes per scalar node, after backward")
    for name, Value in (("micrograd", micrograd.engine.Value), ("autograd_mini", ag.Value)):
        print(f"  {name:32} {bytes_per_node(Value):9.0f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(timed(sys.argv[1])))
    else:
        main()
