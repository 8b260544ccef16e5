"""Checking a gradient that was derived by hand: a right one, of sixty numbers, in each library."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .timing import Work

SIZE = 60
MATRIX = np.random.default_rng(0).normal(size=(SIZE, SIZE)) / SIZE**0.5
POINT = np.random.default_rng(1).normal(size=SIZE)


def function(xp: Any, matrix: Any, x: Any) -> Any:
    """Σ tanh(A x)², with the names of any library."""
    return xp.sum(xp.tanh(matrix @ x) ** 2)


def claim(x: np.ndarray) -> np.ndarray:
    """Its gradient, derived by hand."""
    y = np.tanh(MATRIX @ x)
    return MATRIX.T @ (2 * y * (1 - y * y))


def ours() -> tuple[Any, ...]:
    """check_gradient, whose verdict has an error bar."""
    import autograd_mini as ag

    f = partial(function, np, MATRIX)
    assert ag.check_gradient(f, claim, POINT)
    return lambda: ag.check_gradient(f, claim, POINT), None


def scipys() -> tuple[Any, ...]:
    """scipy.optimize.check_grad: the length of a difference."""
    import scipy.optimize

    return lambda: scipy.optimize.check_grad(partial(function, np, MATRIX), claim, POINT), None


def torchs() -> tuple[Any, ...]:
    """torch.autograd.gradcheck of a Function whose backward is the claim."""
    import torch

    torch.set_num_threads(1)
    matrix = torch.from_numpy(MATRIX)

    class Claimed(torch.autograd.Function):
        """The function, with this backward."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            """Keep x."""
            ctx.save_for_backward(x)
            return function(torch, matrix, x)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            """g times the claim."""
            return g * torch.as_tensor(claim(ctx.saved_tensors[0].numpy()))

    x = torch.tensor(POINT, requires_grad=True)
    return lambda: torch.autograd.gradcheck(Claimed.apply, (x,)), None


def jaxs() -> tuple[Any, ...]:
    """jax.test_util.check_grads in reverse mode: along one random direction."""
    import jax
    from jax.test_util import check_grads

    f = partial(function, jax.numpy, jax.numpy.asarray(MATRIX))
    claimed = jax.custom_vjp(f)
    claimed.defvjp(lambda x: (f(x), x), lambda x, g: (g * jax.numpy.asarray(claim(np.asarray(x))),))
    x = jax.numpy.asarray(POINT)
    return lambda: check_grads(claimed, (x,), order=1, modes=["rev"]), None


def autograds() -> tuple[Any, ...]:
    """autograd.test_util.check_grads in reverse mode: along one random direction."""
    import autograd.numpy as anp
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    claimed = primitive(partial(function, anp, MATRIX))
    defvjp(claimed, lambda y, x: lambda g: g * claim(x))
    return lambda: check_grads(claimed, modes=["rev"], order=1)(POINT), None


WORK = Work(
    "checks", f"Checking a right gradient of {SIZE} numbers",
    {"autograd_mini, check_gradient": ours, "SciPy, check_grad": scipys,
     "PyTorch, gradcheck": torchs, "jax, check_grads": jaxs, "HIPS autograd, check_grads":
     autograds},
    references=("SciPy, check_grad",),
    about="Σ tanh(A x)². SciPy and PyTorch compare every entry with one difference quotient, JAX "
          "and autograd one number along a random direction; ours has an error bar for every "
          "entry. `python benchmarks/verdicts.py` shows what each of them finds.",
)
