"""One training step of micrograd's own demo."""

from __future__ import annotations

from typing import Any

from . import demo_arrays, demo_compiled, demo_scalar
from .timing import Aim, Work


def ours_replayed() -> tuple[Any, ...]:
    """Our MLP, recorded once and replayed."""
    raise NotImplementedError("not there yet")


def ours_mapped() -> tuple[Any, ...]:
    """One sample of our MLP, recorded once and mapped over the batch."""
    raise NotImplementedError("not there yet")


SIDES = {
    "NumPy, by hand": demo_arrays.numpy,
    "micrograd": demo_scalar.micrograd,
    "autograd_mini, nn.MLP": demo_scalar.ours,
    "autograd_mini, a node per operation": demo_scalar.ours_by_operation,
    "autograd_mini, nn.MLP replayed": ours_replayed,
    "autograd_mini, nn.MLP mapped": ours_mapped,
    "PyTorch, 0-d tensors": demo_scalar.torch,
    "XAD": demo_scalar.xad,
    "CasADi SX, the whole batch": demo_compiled.casadi_whole,
    "CasADi SX, one sample mapped": demo_compiled.casadi_mapped,
    "CasADi, one sample mapped, as C": demo_compiled.casadi_c,
    "numba, loops by hand": demo_compiled.numba,
    "autograd_mini, Tensors": demo_arrays.ours,
    "PyTorch, vectorised": demo_arrays.torch,
    "HIPS autograd, vectorised": demo_arrays.autograd,
    "mygrad, vectorised": demo_arrays.mygrad,
    "jax.jit, vectorised": demo_arrays.jax,
}

WORK = Work(
    "mlp", "One training step of micrograd's demo", SIDES,
    references=("NumPy, by hand", "micrograd"),
    aims=(Aim("autograd_mini, nn.MLP", "micrograd", "at least 4 times as fast as micrograd"),),
    about="100 points of two moons, a network 2-16-16-1 with the demo's weights, max-margin loss "
          "with L2 regularisation: forward, backward, update.",
    tolerance=1e-12, data=("moons",),
)
