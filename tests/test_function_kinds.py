"""A function of the library keeps the kind: a Value in, a Value out; a Tensor in, a Tensor out."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.functions import activations, algebra, products, scans, selection, statistics
from autograd_mini.primitive import TABLE


def library():
    """Every function of the library by name: those in its files, and those behind NumPy's."""
    found = {}
    for module in (activations, algebra, products, scans, selection, statistics):
        found |= {name: f for name, f in vars(module).items() if inspect.isfunction(f)
                  and not name.startswith("_") and f.__module__ == module.__name__}
    return found | {f"np.{f.__name__}": row for f, row in TABLE.items()}


def kinds(y):
    """Which kind of thing each part of a result is."""
    if isinstance(y, list | tuple):
        return {kind for part in y for kind in kinds(part)}
    return {"Tensor" if isinstance(y, Tensor) else "Value" if isinstance(y, Value) else "plain"}


@pytest.mark.parametrize("name", library())
def test_a_function_keeps_the_kind(name):
    """A Value in, a Value out, unless the result has axes; a Tensor in, no Value out."""
    f = library()[name]
    for args in ((0.3,), (0.3, 0.7), (0.3, 0.7, 0.9)):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                plain = f(*args)
                of_value = f(Value(args[0]), *args[1:])
                of_tensor = f(Tensor(np.array(args[0])), *args[1:])
            except (TypeError, ValueError, IndexError, AttributeError, np.linalg.LinAlgError):
                continue  # not a function of so many single numbers
        assert "Value" not in kinds(of_tensor)
        if not isinstance(plain, list | tuple):
            expected = "Tensor" if np.ndim(plain) else "Value"
            assert kinds(of_value) <= {expected, "plain"}
            assert not kinds(plain) & {"Tensor", "Value"}


def test_a_value_beside_an_array_gives_a_tensor():
    """A function of a Value and an array gives a Tensor."""
    for y in (ag.leaky_relu(Value(-1.0), np.array([0.1, 0.2])), ag.elu(np.ones(2) * Value(1.0)),
              ag.clip(Value(3.0), np.zeros(2), np.ones(2)), np.median(Tensor([1.0, 2.0]))):
        assert isinstance(y, Tensor)
    assert isinstance(ag.leaky_relu(-1.0), float)
    assert ag.leaky_relu(np.ones(2, np.float32)).dtype == np.float32


def test_what_became_a_value_has_every_derivative():
    """A result taken out of an array of one is differentiated like any other."""
    for f, slope, second in ((lambda x: np.median(x) ** 2, 4.0, 2.0),
                             (lambda x: np.take(x, 0) * np.roll(x, 1) * x, 12.0, 12.0)):
        assert ag.grad(f)(2.0) == slope and ag.hessian(f)(2.0) == second
        assert ag.jvp(f, (2.0,), (1.0,))[1] == slope
