"""One training step of micrograd's own demo."""

from __future__ import annotations

from functools import partial

from . import demo_arrays, demo_compiled, demo_scalar, demo_tape
from .timing import Aim, Work

SIDES = {
    "NumPy, by hand": demo_arrays.numpy,
    "micrograd": demo_scalar.micrograd,
    "autograd_mini, nn.MLP": demo_scalar.ours,
    "autograd_mini, nn.MLP, core": demo_scalar.ours,
    "autograd_mini, a node per operation": demo_scalar.ours_by_operation,
    "autograd_mini, a node per operation, core": demo_scalar.ours_by_operation,
    "autograd_mini, replayed": partial(demo_tape.replayed, by_operation=True),
    "autograd_mini, nn.MLP replayed": partial(demo_tape.replayed, by_operation=False),
    "autograd_mini, one sample mapped": demo_tape.mapped,
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
    aims=(
        Aim("autograd_mini, nn.MLP, core", "micrograd",
            "at least 110 times as fast as micrograd"),
        Aim("autograd_mini, a node per operation, core", "XAD", "faster than XAD"),
        Aim("autograd_mini, a node per operation", "micrograd", "at least 12 times as fast"),
        Aim("autograd_mini, replayed", "NumPy, by hand", "at most 2 × NumPy by hand"),
        Aim("autograd_mini, one sample mapped", "NumPy, by hand", "at most 0.5 × NumPy by hand"),
    ),
    about="100 points of two moons, a network 2-16-16-1 with the demo's weights, max-margin loss "
          "with L2 regularisation: forward, backward, update.",
    tolerance=1e-12, data=("moons",),
)

RECORDING = Work(
    "recording", "Recording the demo's 65,000 nodes and flattening them", {
        "autograd_mini, forward and backward": demo_tape.eager,
        "autograd_mini, recording and flattening": demo_tape.recording,
    },
    references=("autograd_mini, forward and backward",),
    aims=(Aim("autograd_mini, recording and flattening", "autograd_mini, forward and backward",
              "at most 1.5 × the eager forward and backward pass"),),
    about="The machine for its operations is there already: it is compiled once, and kept on disk.",
    data=("moons",),
)
