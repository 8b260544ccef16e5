"""autograd_mini: a reverse-mode autograd engine that one can read in an afternoon.

What is public, in teaching order.
"""

from typing import TYPE_CHECKING

from .graph import Node, no_grad
from .value import Value
from .tensor import Tensor
from .backprop import backward, gradients
from .ops import (
    abs, add, arccos, arcsin, arctan, broadcast_to, concatenate, cos, cosh, divide, exp,
    expand_dims, expm1, log, log1p, logsumexp, maximum, minimum, multiply, negative,
    power, relu, reshape, sigmoid, sin, sinh, softplus, softsign, sqrt, square, squeeze, stack,
    stop_gradient, subtract, tan, tanh, transpose, where,
)
from .functions import (
    clip, dot, elu, full, gelu, hardsigmoid, hardtanh, leaky_relu, linear, log_softmax,
    logsigmoid, max, mean, min, mish, outer, prod, ravel, relu6, selu, silu, softmax, std, sum,
    swapaxes, symmetric, var,
)
from .functions import matmul_any as matmul
from .catalog import supported
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .compiler import compile
from .primitive import elementwise, structural
from . import errors
from ._version import version as __version__
from ._checkout import find_nn

find_nn()
del find_nn


# What only some programs need is read when somebody asks for it: the verifier alone would take
# as long as all the rest. `special` also imports SciPy.
_LATER = {
    "special": (), "conventions": ("convention",), "picture": ("draw",),
    "check": ("KINDS", "ChainReport", "Entry", "Report", "Suspect", "assert_gradient",
              "check_chain", "check_gradient", "check_primitive", "mistake"),
    "exercises": ("Exercise", "exercise"),
    "watch": ("CutReport", "cut_report", "detect_anomaly", "strict"),
    "formula": (), "demo": (),
}
_ROOM = {name: room for room, names in _LATER.items() for name in names}

if TYPE_CHECKING:
    from .check import (
        KINDS, ChainReport, Entry, Report, Suspect, assert_gradient, check_chain, check_gradient,
        check_primitive, mistake,
    )
    from .conventions import convention
    from .exercises import Exercise, exercise
    from .picture import draw
    from .watch import CutReport, cut_report, detect_anomaly, strict


def __getattr__(name: str) -> object:
    """What is read only when it is asked for."""
    import importlib

    if name in _ROOM:
        thing = getattr(importlib.import_module(f"autograd_mini.{_ROOM[name]}"), name)
        globals()[name] = thing
        return thing
    if name in _LATER:
        return importlib.import_module(f"autograd_mini.{name}")
    raise AttributeError(f"module 'autograd_mini' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LATER})


__all__ = [
    # nodes, and the backward pass
    "Value", "Tensor", "Node", "backward", "gradients", "no_grad",
    # functions of them, as NumPy names them
    "add", "subtract", "multiply", "divide", "negative", "power", "square", "abs",
    "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "sinh", "cosh", "tanh", "maximum", "minimum", "where", "clip",
    "relu", "leaky_relu", "relu6", "elu", "selu", "gelu", "silu", "mish", "sigmoid", "logsigmoid",
    "hardsigmoid", "hardtanh", "softplus", "softsign",
    "sum", "mean", "var", "std", "max", "min", "prod", "logsumexp", "softmax", "log_softmax",
    "matmul", "dot", "linear", "outer", "transpose", "swapaxes", "reshape", "ravel", "expand_dims",
    "squeeze", "broadcast_to", "concatenate", "stack", "full", "symmetric", "supported",
    "stop_gradient",
    # functions to functions
    "grad", "value_and_grad", "vjp", "jvp", "jacobian", "hessian", "hvp", "compile",
    # verify, see, extend
    "check_gradient", "assert_gradient", "check_chain", "Report", "ChainReport", "Entry", "Suspect",
    "KINDS", "mistake", "exercise", "Exercise", "draw", "elementwise", "structural",
    "check_primitive", "convention", "detect_anomaly", "cut_report", "CutReport", "strict",
    "errors", "__version__",
]
