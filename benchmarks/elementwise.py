"""1,000 elementwise operations on 10 elements: what an operation costs beside NumPy's own call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .timing import Aim, Work

BLOCKS = 333  # of three operations, and one more at the end


def inputs() -> list[np.ndarray]:
    """x, a, b: ten numbers each, with which the chain stays tame."""
    rng = np.random.default_rng(0)
    return [rng.uniform(-1, 1, 10), rng.uniform(0.9, 1.1, 10), rng.uniform(-0.01, 0.01, 10)]


def chain(x: Any, a: Any, b: Any, tanh: Callable[[Any], Any]) -> Any:
    """x ← tanh(x·a + b), again and again; then x·a."""
    for _ in range(BLOCKS):
        x = tanh(x * a + b)
    return x * a


def numpy() -> tuple[Any, ...]:
    """The calls of NumPy that forward and backward need, and nothing else."""
    x0, a, b = inputs()

    def derivatives() -> list[np.ndarray]:
        x, xs = x0, [x0]
        for _ in range(BLOCKS):
            x = np.tanh(x * a + b)
            xs.append(x)
        float((x * a).sum())
        after = xs.pop()
        da, db, dx = after.copy(), np.zeros_like(b), a
        while xs:
            x = xs.pop()
            inner = dx * (1.0 - after * after)
            db += inner
            da += inner * x
            dx = inner * a
            after = x
        return [dx, da, db]

    return derivatives, lambda: np.concatenate(derivatives())


def with_tensors(tensor: Callable[[np.ndarray], Any], tanh: Any) -> tuple[Any, ...]:
    """The side of a library in which arrays have grad and backward."""
    def derivatives() -> list[Any]:
        leaves = [tensor(array) for array in inputs_once]
        chain(*leaves, tanh).sum().backward()
        return [leaf.grad for leaf in leaves]

    inputs_once = inputs()
    return derivatives, lambda: np.concatenate([np.asarray(g) for g in derivatives()])


def ours() -> tuple[Any, ...]:
    """Our Tensors."""
    import autograd_mini as ag

    return with_tensors(ag.Tensor, ag.tanh)


def torch() -> tuple[Any, ...]:
    """PyTorch's tensors."""
    import torch

    torch.set_num_threads(1)
    return with_tensors(lambda x: torch.from_numpy(x).clone().requires_grad_(), torch.tanh)


def mygrad() -> tuple[Any, ...]:
    """mygrad's tensors."""
    import mygrad

    return with_tensors(mygrad.tensor, mygrad.tanh)


def autograd() -> tuple[Any, ...]:
    """HIPS autograd's grad."""
    import autograd
    import autograd.numpy

    def total(x: Any, a: Any, b: Any) -> Any:
        return autograd.numpy.sum(chain(x, a, b, autograd.numpy.tanh))

    gradient, arrays = autograd.grad(total, (0, 1, 2)), inputs()
    return lambda: gradient(*arrays), lambda: np.concatenate(gradient(*arrays))


WORK = Work(
    "elementwise", "1,000 elementwise operations on 10 elements",
    {"NumPy, by hand": numpy, "autograd_mini": ours,
     "autograd_mini, core": ours, "PyTorch": torch, "HIPS autograd": autograd,
     "mygrad": mygrad},
    references=("NumPy, by hand",),
    aims=(Aim("autograd_mini, core", "NumPy, by hand",
              "at most 2.5 × NumPy's own calls"),),
    about="x ← tanh(x·a + b), 333 times, then a product and a sum; backward to x, a and b.",
    tolerance=1e-12,
)
