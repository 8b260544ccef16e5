"""autograd_mini: a reverse-mode autograd engine that one can read in an afternoon.

What is public, in teaching order.
"""

from .graph import Node, no_grad  # isort: skip
from .value import Value  # isort: skip
from .tensor import Tensor  # isort: skip
from .backprop import backward, gradients  # isort: skip
from .ops import (  # isort: skip
    abs, add, arccos, arcsin, arctan, broadcast_to, concatenate, cos, cosh, divide, exp,
    expand_dims, expm1, log, log1p, logsumexp, max, maximum, min, minimum, multiply, negative,
    power, prod, relu, reshape, sigmoid, sin, sinh, softplus, sqrt, square, squeeze, stack,
    subtract, sum, tan, tanh, transpose, where,
)  # fmt: skip
from .functions import clip, dot, log_softmax, mean, outer, ravel, softmax, std, swapaxes, var
from .functions import matmul_any as matmul
from .operators import supported
from .primitive import elementwise, structural
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .picture import draw
from .check import Entry, Report, assert_gradient, check_gradient

from ._version import version as __version__
