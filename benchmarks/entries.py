"""A loop over the entries of an array: Σ x[i]², whose gradient a library may make quadratic."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .timing import Aim, Work

SHORT, LONG = 1000, 8000


def total(x: Any) -> Any:
    """Σ x[i]²."""
    y = 0.0
    for i in range(len(x)):
        y = y + x[i] * x[i]
    return y


def side(kind: str, size: int) -> tuple[Any, ...]:
    """The gradient by a library."""
    x = np.linspace(-1.0, 1.0, size)
    if kind == "autograd_mini":
        import autograd_mini as ag

        slope: Any = ag.grad(total)
    elif kind == "hvp":
        import autograd_mini as ag

        return lambda: ag.hvp(total, (x,), (x,)), lambda: x * 2.0
    elif kind == "autograd":
        import autograd

        slope = autograd.grad(total)
    else:
        import torch

        torch.set_num_threads(1)

        def slope(x: Any) -> Any:
            leaf = torch.tensor(x, requires_grad=True)
            total(leaf).backward()
            return leaf.grad

    return lambda: slope(x), lambda: np.asarray(slope(x))


KINDS = {"autograd_mini": "autograd_mini", "autograd_mini, H·v": "hvp", "PyTorch": "torch",
         "HIPS autograd": "autograd"}


def work(size: int) -> Work:
    """The work for an array of this size."""
    return Work(
        f"entries-{size}", f"The gradient of a loop over {size:,} entries, for each of them",
        {name: partial(side, kind, size) for name, kind in KINDS.items()},
        references=("autograd_mini",),
        aims=(Aim("autograd_mini", "autograd_mini", "as much as for any other number of entries"),),
        about="Σ x[i]², written as a loop. H·v is that of the same, with v = x.",
        operations=dict.fromkeys(KINDS, size),
    )


WORKS = [work(SHORT), work(LONG)]
