"""autograd_mini: a reverse-mode autograd engine that one can read in an afternoon.

`dir(autograd_mini)` is what a newcomer needs; `__all__` has it in groups. Every other function of
the table answers by its name as well: `ag.arcsin`, `ag.selu`, a row of one's own.
"""

from typing import TYPE_CHECKING

from .graph import Node
from .recording import no_grad
from .value import Value
from .tensor import Tensor
from .backprop import backward, gradients
from . import passes as _passes  # it puts its passes behind the plain one
from .ops import (
    abs as abs, concatenate, cos, exp, log, logsumexp, maximum, minimum, relu, sigmoid, sin,
    softplus, sqrt, stack, stop_gradient, tanh, where,
)
from .functions import (
    dot, elu, gelu, leaky_relu, log_softmax, max as max, mean, min as min, silu, softmax,
    sum as sum,
)
from .functions import matmul_any as matmul
from .numpy_api.catalog import supported
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .compiler import compile as compile
from .primitive import elementwise, structural
from . import errors
from ._version import version as __version__
from ._checkout import find_nn
from ._engines import choose, engine
from .spellings import answer_imports

find_nn()
answer_imports()
choose()
del find_nn, answer_imports, choose

__all__ = [
    # nodes
    "Value", "Tensor", "Node", "backward", "gradients", "no_grad",
    # transforms
    "grad", "value_and_grad", "vjp", "jvp", "hvp", "jacobian", "hessian", "as_written",
    # cuts
    "stop_gradient", "strict", "cut_report", "detect_anomaly",
    # verify
    "check_gradient", "assert_gradient", "check_chain", "check_step", "check_vjp", "check_jacobian",
    "check_hessian", "check_primitive", "check_engine", "exercise",
    # see
    "draw", "steps", "scope", "explain", "source",
    # extend, look up
    "elementwise", "structural", "convention", "mistake", "supported",
    # networks
    "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "softplus", "softmax", "log_softmax",
    "logsumexp",
    # as NumPy names them
    "exp", "log", "sqrt", "sin", "cos", "tanh", "maximum", "minimum", "where", "mean", "stack",
    "concatenate", "matmul", "dot",
    # rooms, and what is at work
    "nn", "errors", "scipy", "special", "engine", "__version__",
]
_HIDE_PYTHONS_OWN = ["abs", "compile", "max", "min", "sum"]  # public, but not for import *

# What only some programs need is read when it is asked for: the verifier alone would take as long
# as all the rest. `scipy` and `special` also import SciPy.
_LATER = {
    "scipy": (), "special": (), "numpy_api.conventions": ("convention",),
    "picture": ("Explanation", "draw", "explain", "scope", "steps"),
    "verify": ("KINDS", "ChainReport", "Entry", "Report", "Suspect", "assert_gradient",
              "check_chain", "check_gradient", "check_hessian", "check_jacobian", "check_primitive",
              "check_step", "check_vjp", "mistake"),
    "classroom": ("EngineReport", "Exercise", "check_engine", "exercise"),
    "as_code": ("Source", "source"),
    "transforms": ("elementwise_grad",), "trees": ("flatten",),
    "debug": ("CutReport", "cut_report", "detect_anomaly", "strict"),
    "standins": ("as_written",),
    "nn": (), "formula": (), "demo": (),
}
_ROOM = {name: room for room, names in _LATER.items() for name in names}
_PACKAGES = {"scipy": "scipy_api"}  # of the rooms whose package has another name

if TYPE_CHECKING:
    from .verify import (
        KINDS as KINDS, ChainReport as ChainReport, Entry as Entry, Report as Report,
        Suspect as Suspect, assert_gradient as assert_gradient, check_chain as check_chain,
        check_gradient as check_gradient, check_hessian as check_hessian,
        check_jacobian as check_jacobian, check_primitive as check_primitive,
        check_step as check_step, check_vjp as check_vjp, mistake as mistake,
    )
    from .numpy_api.conventions import (
        convention as convention,
    )
    from .classroom import (
        EngineReport as EngineReport, Exercise as Exercise, check_engine as check_engine,
        exercise as exercise,
    )
    from .as_code import (
        Source as Source, source as source,
    )
    from .functions import (
        clip as clip, full as full, hardsigmoid as hardsigmoid, hardtanh as hardtanh,
        linear as linear, logsigmoid as logsigmoid, max_windows as max_windows, mish as mish,
        outer as outer, prod as prod, ravel as ravel, relu6 as relu6, selu as selu, std as std,
        swapaxes as swapaxes, symmetric as symmetric, var as var,
    )
    from .ops import (
        add as add, arccos as arccos, arcsin as arcsin, arctan as arctan,
        broadcast_to as broadcast_to, cosh as cosh, divide as divide, expand_dims as expand_dims,
        expm1 as expm1, log1p as log1p, multiply as multiply, negative as negative,
        power as power, reshape as reshape, sinh as sinh, softsign as softsign, square as square,
        squeeze as squeeze, subtract as subtract, tan as tan, transpose as transpose,
    )
    from .picture import (
        Explanation as Explanation, draw as draw, explain as explain, scope as scope,
        steps as steps,
    )
    from .standins import (
        as_written as as_written,
    )
    from .debug import (
        CutReport as CutReport, cut_report as cut_report, detect_anomaly as detect_anomaly,
        strict as strict,
    )
    from .transforms import (
        elementwise_grad as elementwise_grad,
    )
    from .trees import (
        flatten as flatten,
    )
    from . import (
        classroom as classroom, demo as demo, formula as formula, nn as nn, picture as picture,
        scipy_api as scipy, special as special, verify as verify,
    )
else:
    def __getattr__(name: str) -> object:
        """What is read only when it is asked for, and every function of the table."""
        import importlib

        if name in _ROOM:
            thing = getattr(importlib.import_module(f"autograd_mini.{_ROOM[name]}"), name)
            globals()[name] = thing
            return thing
        if name in _LATER:
            return importlib.import_module(f"autograd_mini.{_PACKAGES.get(name, name)}")
        from . import functions, ops, primitive, spellings

        row = primitive.PRIMITIVES.get(name)
        if name in functions.__all__ or (row is not None and getattr(ops, name, row) is row):
            return getattr(functions, name, row)
        if answer := spellings.foreign(name):
            raise errors.SpellingError(answer)
        raise AttributeError(f"module 'autograd_mini' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_HIDE_PYTHONS_OWN])
