"""THE TABLE: every primitive, one row or one rule; only special.py (for SciPy) adds to it.

Read in this order: arithmetic, elementary, kinks, special_functions, shapes, reductions, indexing,
linalg, decompositions, equal_values; extremes.py multiplies where floats run out.
"""

from __future__ import annotations

from ..primitive import close_the_table
from .arithmetic import (
    abs,
    add,
    clip,
    copysign,
    divide,
    fmax,
    fmin,
    fmod,
    heaviside,
    maximum,
    minimum,
    multiply,
    negative,
    positive,
    reciprocal,
    remainder,
    square,
    stop_gradient,
    subtract,
    where,
)
from .decompositions import (
    cholesky,
    eigenvectors,
    eigvalsh,
    left_vectors,
    orthonormal,
    right_vectors,
    svdvals,
)
from .elementary import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cbrt,
    cos,
    cosh,
    deg2rad,
    exp,
    exp2,
    expm1,
    hypot,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    power,
    rad2deg,
    relu,
    sigmoid,
    sin,
    sinh,
    softplus,
    softsign,
    sqrt,
    tan,
    tanh,
)
from .equal_values import rules_for_equal_values
from .indexing import frozen_index, getitem, scatter
from .linalg import (
    convolve,
    det,
    einsum,
    inv,
    is_singular,
    linear,
    logabsdet,
    matmul,
    pinv,
    solve,
    swap,
    total,
    weighted_sum,
)
from .reductions import (
    axes_of,
    broadcast_to,
    cumprod,
    cumsum,
    length,
    logsumexp,
    max,
    min,
    prod,
    sum,
    unbroadcast,
)
from .shapes import (
    astype,
    concatenate,
    expand_dims,
    reshape,
    shape,
    squeeze,
    stack,
    transpose,
)
from .special_functions import ndtr, sinc

__all__ = [
    "abs", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan",
    "arctan2", "arctanh", "astype", "axes_of", "broadcast_to", "cbrt", "cholesky", "clip",
    "concatenate", "convolve", "copysign", "cos", "cosh", "cumprod", "cumsum", "deg2rad", "det",
    "divide", "eigenvectors", "eigvalsh", "einsum", "exp", "exp2", "expand_dims", "expm1",
    "fmax", "fmin", "fmod", "frozen_index", "getitem", "heaviside", "hypot", "inv",
    "is_singular", "left_vectors", "length", "linear", "log", "log10", "log1p", "log2",
    "logabsdet", "logaddexp", "logaddexp2", "logsumexp", "matmul", "max", "maximum", "min",
    "minimum", "multiply", "ndtr", "negative", "orthonormal", "pinv", "positive", "power",
    "prod", "rad2deg", "reciprocal", "relu", "remainder", "reshape", "right_vectors",
    "rules_for_equal_values", "scatter", "shape", "sigmoid", "sin", "sinc", "sinh", "softplus",
    "softsign", "solve", "sqrt", "square", "squeeze", "stack", "stop_gradient", "subtract",
    "sum", "svdvals", "swap", "tan", "tanh", "total", "transpose", "unbroadcast",
    "weighted_sum", "where",
]

close_the_table()
