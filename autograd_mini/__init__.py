"""autograd_mini: a reverse-mode autograd engine that one can read in an afternoon.

`dir(autograd_mini)` is what a newcomer needs, and `FRONT_DOOR` has it in groups. Every other
function of the table answers by its name as well: `ag.arcsin`, `ag.selu`, a row of one's own.
"""

import os
from typing import TYPE_CHECKING

from .graph import Node
from .recording import no_grad
from .value import Value
from .tensor import Tensor
from .backprop import backward, gradients
from . import passes as _passes  # it puts its passes behind the plain one
from .ops import (
    abs, concatenate, cos, exp, log, logsumexp, maximum, minimum, relu, sigmoid, sin, softplus,
    sqrt, stack, stop_gradient, tanh, where,
)
from .functions import (
    dot, elu, gelu, leaky_relu, log_softmax, max, mean, min, silu, softmax, sum,
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

if os.environ.get("AUTOGRAD_MINI_PLAIN"):
    engine = "plain"
else:
    from .fast import install

    install()
    del install
    engine = "fast"

FRONT_DOOR = {
    "nodes": "Value Tensor Node backward gradients no_grad",
    "transforms": "grad value_and_grad vjp jvp hvp jacobian hessian compile",
    "cuts": "stop_gradient strict cut_report detect_anomaly",
    "verify": "check_gradient assert_gradient check_chain check_primitive exercise",
    "see": "draw",
    "extend, look up": "elementwise structural convention mistake supported",
    "networks": "relu leaky_relu elu gelu silu sigmoid softplus softmax log_softmax logsumexp",
    "as NumPy names them": "exp log sqrt sin cos tanh abs maximum minimum where sum mean max min "
                           "stack concatenate matmul dot",
    "rooms": "nn errors special",
    "about": "engine __version__",
}
_HIDES_PYTHONS_OWN = {"abs", "compile", "max", "min", "sum"}

# What only some programs need is read when it is asked for: the verifier alone would take as long
# as all the rest. `special` also imports SciPy.
_LATER = {
    "special": (), "conventions": ("convention",), "picture": ("draw",),
    "verify": ("KINDS", "ChainReport", "Entry", "Report", "Suspect", "assert_gradient",
              "check_chain", "check_gradient", "check_primitive", "mistake"),
    "exercises": ("Exercise", "exercise"),
    "watch": ("CutReport", "cut_report", "detect_anomaly", "strict"),
    "nn": (), "formula": (), "demo": (),
}
_ROOM = {name: room for room, names in _LATER.items() for name in names}

if TYPE_CHECKING:
    from .verify import (
        KINDS, ChainReport, Entry, Report, Suspect, assert_gradient, check_chain, check_gradient,
        check_primitive, mistake,
    )
    from .conventions import convention
    from .exercises import Exercise, exercise
    from .functions import (
        clip, full, hardsigmoid, hardtanh, linear, logsigmoid, mish, outer, prod, ravel, relu6,
        selu, std, swapaxes, symmetric, var,
    )
    from .ops import (
        add, arccos, arcsin, arctan, broadcast_to, cosh, divide, expand_dims, expm1, log1p,
        multiply, negative, power, reshape, sinh, softsign, square, squeeze, subtract, tan,
        transpose,
    )
    from .picture import draw
    from .watch import CutReport, cut_report, detect_anomaly, strict
    from . import conventions, demo, exercises, formula, nn, picture, special, verify, watch

    # What is exported, once more as type checkers can read it.
    __all__ = [
        "Value", "Tensor", "Node", "backward", "gradients", "no_grad", "grad", "value_and_grad",
        "vjp", "jvp", "hvp", "jacobian", "hessian", "compile", "stop_gradient", "strict",
        "cut_report", "detect_anomaly", "check_gradient", "assert_gradient", "check_chain",
        "check_primitive", "exercise", "draw", "elementwise", "structural", "convention", "mistake",
        "supported", "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "softplus", "softmax",
        "log_softmax", "logsumexp", "exp", "log", "sqrt", "sin", "cos", "tanh", "abs", "maximum",
        "minimum", "where", "sum", "mean", "max", "min", "stack", "concatenate", "matmul", "dot",
        "nn", "errors", "special", "engine", "__version__",
        "ChainReport", "CutReport", "Entry", "Exercise", "KINDS", "Report", "Suspect", "add",
        "arccos", "arcsin", "arctan", "broadcast_to", "clip", "cosh", "divide", "expand_dims",
        "expm1", "full", "hardsigmoid", "hardtanh", "linear", "log1p", "logsigmoid", "mish",
        "multiply", "negative", "outer", "power", "prod", "ravel", "relu6", "reshape", "selu",
        "sinh", "softsign", "square", "squeeze", "std", "subtract", "swapaxes", "symmetric", "tan",
        "transpose", "var",
    ]
else:
    __all__ = [name for names in FRONT_DOOR.values() for name in names.split()
               if name not in _HIDES_PYTHONS_OWN]

    def __getattr__(name: str) -> object:
        """What is read only when it is asked for, and every function of the table."""
        import importlib

        if name in _ROOM:
            thing = getattr(importlib.import_module(f"autograd_mini.{_ROOM[name]}"), name)
            globals()[name] = thing
            return thing
        if name in _LATER:
            return importlib.import_module(f"autograd_mini.{name}")
        from . import functions, ops, primitive

        row = primitive.PRIMITIVES.get(name)
        if name in functions.__all__ or (row is not None and getattr(ops, name, row) is row):
            return getattr(functions, name, row)
        raise AttributeError(f"module 'autograd_mini' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(name for names in FRONT_DOOR.values() for name in names.split())
