"""A user's program, for mypy and pyright: what comes out of what, and what is an error."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn

v, t, array = Value(2.0), Tensor([1.0, 2.0]), np.ones((2, 2))

# Operators and methods give the kind of their node.
assert_type(v * v, Value)
assert_type(2 * v, Value)
assert_type(-v, Value)
assert_type(v**2 / 3 - 1.5, Value)
assert_type(np.float64(2.0) * v, Value)
assert_type(v.tanh().exp(), Value)
assert_type(sum([v, v], v), Value)
assert_type(2 * t, Tensor)
assert_type(-t, Tensor)
assert_type(t**2, Tensor)
assert_type(t @ t.T, Tensor)
assert_type(array @ t, Tensor)
assert_type(((array @ t - 1.0) ** 2).mean(), Tensor)
assert_type(t.sum(), Tensor)
assert_type(t.reshape(2, 1)[0], Tensor)
assert_type(v * t, Tensor)
assert_type(v * array, Tensor)

# What they hold.
assert_type(v.data, float)
assert_type(v.grad, float)
data: np.ndarray[Any, Any] = t.data

# The table's functions of single numbers.
assert_type(ag.tanh(v), Value)
assert_type(ag.relu(t), Tensor)
assert_type(ag.maximum(v, 0.0), Value)
ag.tanhh(v)  # type: ignore[attr-defined]


# Transforms keep the arguments of the function.
def f(x: float, y: float) -> float:
    """A product."""
    return x * y


assert_type(ag.value_and_grad(f)(1.0, 2.0), tuple[Any, Any])
ag.grad(f)(1.0, y=2.0)
ag.jacobian(f)(1.0, 2.0)
ag.grad(f)(1.0)  # type: ignore[call-arg]
ag.hessian(f)(1.0, 2.0, 3.0)  # type: ignore[call-arg]
ag.grad(f)("1.0", 2.0)  # type: ignore[arg-type]

# … whichever way they are named; another library's option is an error here too.
ag.grad(f, "x")(1.0, 2.0)
ag.jacobian(f, argnums=("x", "y"))(1.0, 2.0)
ag.hessian(f, (0, "y"), has_aux=True)(1.0, 2.0)
ag.elementwise_grad(f, "x")(1.0, 2.0)
ag.elementwise_grad(f)(1.0)  # type: ignore[call-arg]
ag.grad(f, holomorphic=True)  # type: ignore[arg-type]
v.backward(retain_graph=True)  # type: ignore[arg-type]
y, pullback = ag.vjp(f, 1.0, 2.0)
y, pushed = ag.jvp(f, (1.0, 2.0), (1.0, 0.0))
(product,) = ag.hvp(f, (1.0, 2.0), (1.0, 0.0))
hessp = ag.hvp(f)
hessp(1.0, 2.0)
vector, unflatten = ag.flatten({"x": 1.0, "y": array})
tree = unflatten(vector)

# Rules of one's own, with an argument left out.
def slope(y: Any, x: Any, n: Any) -> Any:
    """The derivative of xⁿ by x."""
    return n * x ** (n - 1)


def flipped(g: Any, y: Any, x: Any, size: Any) -> Any:
    """The pullback of a flip."""
    return g[::-1]


power = ag.elementwise(np.power, None, slope, NotImplemented, name="typed power")
assert_type(power(v, 2.0), Value)
flip = ag.structural(np.flip, flipped, None, name="typed flip")

# Networks.
model = nn.MLP(2, [3, 1])
assert_type(model.parameters(), list[Value])
model([1.0, 2.0]).backward()
