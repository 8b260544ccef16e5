"""The Hessian of Rosenbrock's function in ten dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .timing import Aim, Work


def point() -> np.ndarray:
    """Somewhere in the valley."""
    return np.linspace(-1.0, 1.5, 10)


def rosenbrock(x: Any) -> Any:
    """Rosenbrock's function, for anything that has operators and sum."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def numpy() -> tuple[Any, ...]:
    """The derivatives found on paper: a matrix with three diagonals."""
    x, i = point(), np.arange(9)

    def matrix() -> np.ndarray:
        out = np.zeros((10, 10))
        left, right = x[:-1], x[1:]
        out[i, i] = 1200 * left * left - 400 * right + 2
        out[i + 1, i + 1] += 200
        out[i, i + 1] = out[i + 1, i] = -400 * left
        return out

    return matrix, lambda: matrix().ravel()


def ours() -> tuple[Any, ...]:
    """ag.hessian of the plain expression."""
    import autograd_mini as ag

    matrix, x = ag.hessian(rosenbrock), point()
    return lambda: matrix(x), lambda: np.asarray(matrix(x)).ravel()


def ours_compiled() -> tuple[Any, ...]:
    """The same, recorded once; recording and compiling aren't timed."""
    import autograd_mini as ag

    matrix, x = ag.compile(ag.hessian(rosenbrock)), point()
    return lambda: matrix(x), lambda: matrix(x).ravel()


def torch() -> tuple[Any, ...]:
    """torch.autograd.functional.hessian."""
    import torch

    torch.set_num_threads(1)
    x, matrix = torch.from_numpy(point()), torch.autograd.functional.hessian
    return lambda: matrix(rosenbrock, x), lambda: matrix(rosenbrock, x).numpy().ravel()


def autograd() -> tuple[Any, ...]:
    """autograd.hessian."""
    import autograd
    import autograd.numpy

    def function(x: Any) -> Any:
        return autograd.numpy.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    matrix, x = autograd.hessian(function), point()
    return lambda: matrix(x), lambda: matrix(x).ravel()


def jax() -> tuple[Any, ...]:
    """jax.hessian, compiled; compiling it isn't timed."""
    import jax

    matrix, x = jax.jit(jax.hessian(rosenbrock)), jax.numpy.asarray(point())
    return lambda: matrix(x).block_until_ready(), lambda: np.asarray(matrix(x)).ravel()


WORK = Work(
    "hessian", "The Hessian of Rosenbrock's function in 10 dimensions",
    {"NumPy, by hand": numpy, "autograd_mini": ours,
     "autograd_mini, compiled": ours_compiled, "PyTorch": torch, "HIPS autograd": autograd,
     "jax.jit": jax},
    references=("NumPy, by hand",),
    aims=(Aim("autograd_mini", "NumPy, by hand", "at most 40 × NumPy by hand"),
          Aim("autograd_mini, compiled", "NumPy, by hand", "at most 1.6 × NumPy by hand")),
    tolerance=1e-12,
)
