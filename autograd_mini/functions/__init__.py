"""What is merely composed of primitives: no derivative is stated in these files."""

from .activations import (
    clip,
    elu,
    gelu,
    hardsigmoid,
    hardtanh,
    leaky_relu,
    logsigmoid,
    mish,
    relu6,
    selu,
    silu,
)
from .algebra import norm, symmetric
from .axes import ravel, swapaxes
from .normalized import log_softmax, softmax
from .products import dot, einsum, linear, matmul_any, outer, trace
from .scans import cumprod, cumsum, running_extreme
from .selection import diagonal, flip, full, repeat, take
from .statistics import max, mean, min, prod, std, sum, var
from .windows import max_windows, sliding_window_view

__all__ = [
    "clip", "cumprod", "cumsum", "diagonal", "dot", "einsum", "elu", "flip", "full", "gelu",
    "hardsigmoid", "hardtanh", "leaky_relu", "linear", "log_softmax", "logsigmoid", "matmul_any",
    "max", "max_windows", "mean", "min", "mish", "norm", "outer", "prod", "ravel", "relu6",
    "repeat", "running_extreme", "selu", "silu", "sliding_window_view", "softmax", "std", "sum",
    "swapaxes", "symmetric", "take", "trace", "var",
]
