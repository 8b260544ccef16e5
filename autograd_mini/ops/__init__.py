"""THE TABLE: every primitive, one row or one rule; nothing else in the house knows a derivative.

Read in this order: arithmetic, elementary, shapes, reductions, indexing, linalg.
"""

from __future__ import annotations

from ..primitive import close_the_table
from .arithmetic import (
    abs,
    add,
    clip,
    divide,
    maximum,
    minimum,
    multiply,
    negative,
    positive,
    square,
    subtract,
    where,
)
from .elementary import (
    arccos,
    arcsin,
    arctan,
    cos,
    cosh,
    exp,
    expm1,
    log,
    log1p,
    power,
    relu,
    sigmoid,
    sin,
    sinh,
    softplus,
    sqrt,
    tan,
    tanh,
)
from .indexing import frozen_index, getitem
from .linalg import matmul, weighted_sum
from .reductions import axes_of, broadcast_to, logsumexp, max, min, prod, sum, unbroadcast
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

__all__ = [
    "abs", "add", "arccos", "arcsin", "arctan", "astype", "axes_of", "broadcast_to", "clip",
    "concatenate",
    "cos", "cosh", "divide", "exp", "expand_dims", "expm1", "frozen_index", "getitem", "log",
    "log1p", "logsumexp", "matmul", "max", "maximum", "min", "minimum", "multiply", "negative",
    "positive", "power", "prod", "relu", "reshape", "shape", "sigmoid", "sin", "sinh", "softplus",
    "sqrt", "square", "squeeze", "stack", "subtract", "sum", "tan", "tanh", "transpose",
    "unbroadcast", "weighted_sum", "where",
]

close_the_table()
