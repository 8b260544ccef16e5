"""Bytes that a scalar node occupies after backward, and those that a training step takes."""

from __future__ import annotations

import gc
import os
import re
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .data import random_weights
from .networks import NETWORKS
from .timing import Aim, Work

SHORT, LONG, LONGER = 800, 20_000, 200_000  # nodes; micrograd recurses, and gets 800


def products(x: Any, nodes: int) -> Any:
    """The chain x, x², x³ …, which stays a normal number for 200,000 factors of 0.999."""
    y = x
    for _ in range(nodes):
        y = y * x
    return y


def traced(value: Callable[[float], Any], nodes: int) -> tuple[Any, ...]:
    """What Python's allocator gave out for the nodes, and didn't get back."""
    def size() -> float:
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        y = products(value(0.999), nodes)
        y.backward()
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / nodes

    return size, None, lambda: f"tracemalloc, a chain of {nodes:,}"


def resident() -> int:
    """Bytes of this process that are in memory now."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    except FileNotFoundError:
        raise NotImplementedError("is measured on Linux only") from None
    return pages * os.sysconf("SC_PAGE_SIZE")


def grown(run: Callable[[int], Any], nodes: int) -> tuple[Any, ...]:
    """By how much the process grew: for nodes that Python's allocator doesn't see."""
    def size() -> float:
        run(SHORT)
        gc.collect()
        before = resident()
        kept = run(nodes)
        gc.collect()
        grown_by = resident() - before
        del kept
        return grown_by / nodes

    return size, None, lambda: f"growth of the process, a chain of {nodes:,}"


def micrograd() -> tuple[Any, ...]:
    """micrograd's Value."""
    from micrograd.engine import Value

    return traced(Value, SHORT)


def ours() -> tuple[Any, ...]:
    """Our Value, on a chain as long as micrograd's."""
    from autograd_mini import Value

    return traced(Value, SHORT)


def ours_grown() -> tuple[Any, ...]:
    """Our Value, as the compiled libraries are measured."""
    from autograd_mini import Value

    def run(nodes: int) -> Any:
        y = products(Value(0.999), nodes)
        y.backward()
        return y

    return grown(run, LONGER)


def torch() -> tuple[Any, ...]:
    """A tensor without axes."""
    import torch

    torch.set_num_threads(1)

    def run(nodes: int) -> Any:
        x = torch.tensor(0.999, dtype=torch.float64, requires_grad=True)
        y = products(x, nodes)
        y.backward(retain_graph=True)
        return y

    return grown(run, LONG)


def xad() -> tuple[Any, ...]:
    """A statement on XAD's tape: the intermediate results themselves aren't kept."""
    from xad.adj_1st import Real, Tape

    def run(nodes: int) -> Any:
        tape = Tape()
        tape.activate()
        x = Real(0.999)
        tape.registerInput(x)
        tape.newRecording()
        y = products(x, nodes)
        tape.registerOutput(y)
        y.derivative = 1.0
        tape.computeAdjoints()
        tape.deactivate()
        return tape, x, y

    return grown(run, LONGER)


WORK = Work(
    "memory", "Bytes per scalar node, after backward",
    {"micrograd": micrograd, "autograd_mini": ours, "autograd_mini, by growth": ours_grown,
     "autograd_mini, by growth, core": ours_grown,
     "PyTorch, 0-d tensors": torch, "XAD": xad},
    references=("micrograd",),
    aims=(Aim("autograd_mini", "autograd_mini", "at most 220 bytes"),
          Aim("autograd_mini, by growth, core", "autograd_mini", "at most 200 bytes")),
    about="A chain of products with the number it started from.", unit="B",
)


# ── a training step ──────────────────────────────────────────────────────────────────────────

SIZES, SAMPLES, STEPS = (784, 512, 256, 10), 256, 6


def peak() -> int:
    """The most bytes of this process that were in memory at once since `forget_peak`."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    if found is None:
        raise NotImplementedError("the system doesn't tell")
    return int(found.group(1)) * 1024


def forget_peak() -> int:
    """Begin anew; the bytes that are in memory now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        raise NotImplementedError("is measured on Linux only") from None
    return resident()


def of_steps(kind: Any) -> tuple[Any, ...]:
    """By how much the process grows in a few steps, at most, in an interpreter of its own.

    The model, its batch and the library are there before, and one small step has been made.
    """
    def setup(sizes: tuple[int, ...]) -> tuple[Any, Any, Any]:
        network = kind(random_weights(sizes, "float32"))
        rng = np.random.default_rng(0)
        x = rng.normal(size=(SAMPLES, sizes[0])).astype("float32")
        return network, *network.batch(x, rng.integers(0, sizes[-1], SAMPLES))

    def size() -> float:
        small, *batch = setup((8, 10))
        for _ in range(STEPS):
            small.train(*batch)
        network, *batch = setup(SIZES)
        gc.collect()
        before = forget_peak()
        for _ in range(STEPS):
            network.train(*batch)
        return float(peak() - before)

    done: list[float] = []
    return lambda: done.append(done[0] if done else size()) or done[0], None


OF_A_STEP = Work(
    "memory-step", "Memory of training steps of 784-512-256-10, batch 256, float32",
    {name: partial(of_steps, NETWORKS[name]) for name in (
        "NumPy, by hand", "autograd_mini", "autograd_mini, nn.fit", "PyTorch", "HIPS autograd")},
    references=("NumPy, by hand",),
    about=f"By how much the process grows at most in {STEPS} steps, with gradients and Adam's two "
          "moments, each as large as the parameters (2.1 MB). Parameters and batch aren't counted.",
    unit="B",
)
