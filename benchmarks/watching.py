"""What it costs, for each node, to be watched: for the first nan, and for where a graph is cut."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .timing import Aim, Work

STEPS = 1000
POINT = np.linspace(-1.0, 1.0, 10)
NODES = 3 * STEPS


def scalars() -> tuple[Any, Any]:
    """A chain of some 3,000 floats, and what it began with."""
    from autograd_mini import Value

    x = y = Value(0.5)
    for _ in range(STEPS):
        y = (y * x + 1.0).tanh()
    return y, x


def arrays() -> tuple[Any, Any]:
    """The same of arrays of ten entries."""
    from autograd_mini import Tensor

    x = y = Tensor(POINT)
    for _ in range(STEPS):
        y = np.tanh(y * x + 1.0)
    return y.sum(), x


def plain(make: Callable[[], tuple[Any, Any]]) -> tuple[Any, ...]:
    """Forward and backward, watched by nobody."""
    def step() -> None:
        make()[0].backward()

    return step, None


def watched(make: Callable[[], tuple[Any, Any]]) -> tuple[Any, ...]:
    """Forward and backward inside of detect_anomaly."""
    import autograd_mini as ag

    def step() -> None:
        with ag.detect_anomaly():
            make()[0].backward()

    return step, None


def reported(make: Callable[[], tuple[Any, Any]]) -> tuple[Any, ...]:
    """Forward, with a report of what the loss doesn't reach."""
    import autograd_mini as ag

    elsewhere = ag.Value(1.0)
    return lambda: ag.cut_report(lambda: make()[0], [elsewhere]), None


def torch(watch: bool) -> tuple[Any, ...]:
    """PyTorch's tensors of ten entries, and its detect_anomaly."""
    import torch

    torch.set_num_threads(1)

    def step() -> None:
        x = y = torch.tensor(POINT, requires_grad=True)
        with torch.autograd.set_detect_anomaly(watch):
            for _ in range(STEPS):
                y = torch.tanh(y * x + 1.0)
            y.sum().backward()

    return step, None


SIDES: dict[str, Any] = {
    f"autograd_mini, {kind}{what}": partial(how, make)
    for kind, make in (("floats", scalars), ("arrays", arrays))
    for what, how in (("", plain), (", detect_anomaly", watched), (", cut_report", reported))
} | {"PyTorch": partial(torch, False), "PyTorch, detect_anomaly": partial(torch, True)}

WORK = Work(
    "watching", "To be watched, for each node", SIDES, references=("autograd_mini, arrays",),
    aims=tuple([Aim(side, side, "at most 10 µs a node") for side in SIDES
                if side.startswith("autograd_mini") and "," in side.partition(", ")[2]]),
    about="y ← tanh(y·x + 1), a thousand times, of floats and of arrays of ten entries: forward "
          "and backward, but for cut_report, which goes forward only. PyTorch's detect_anomaly "
          "stops at a nan in the backward pass.",
    operations=dict.fromkeys(SIDES, NODES),
)
