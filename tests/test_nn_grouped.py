"""Optimizers that move parameters in groups give the plain ones' numbers, bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from autograd_mini.nn import _grouped

from autograd_mini import Tensor, Value, nn

SHAPES = [(), (3,), (2, 3), (80, 60), (5000,), (0,)]  # both sides of what counts as small


def subclass(kind, fast):
    """The optimizer with the fast functions of these names, and the plain ones otherwise."""
    functions = {name: by_group if name in fast else plain
                 for owner, name, plain, by_group in _grouped.PAIRS if issubclass(kind, owner)}
    return type(kind.__name__, (kind,), functions)


def parameters(start):
    """Tensors of these numbers, and two Values."""
    return [*map(Tensor, start), Value(0.5), Value(-3.0)]


def numbers(optimizer, steps, gaps):
    """All parameters after each of some steps, with the same random gradients in every call."""
    rng = np.random.default_rng(8)
    seen = []
    for step in range(steps):
        for p in optimizer.parameters:
            scale = 10.0 ** rng.integers(-12, 12)
            p.grad = scale * (rng.normal() if isinstance(p, Value) else rng.normal(size=p.shape))
            if gaps and rng.random() < 0.2:
                p.grad = None
        optimizer.step()
        seen += [np.array(p.data) for p in optimizer.parameters]
    return seen


SETTINGS = [
    (nn.SGD, {"lr": 0.1}), (nn.SGD, {"lr": 0.3, "momentum": 0.9}),
    (nn.SGD, {"lr": 0.3, "weight_decay": 0.01}),
    (nn.SGD, {"lr": 1e-3, "momentum": 1.0, "weight_decay": 0.5}),
    (nn.Adam, {}), (nn.Adam, {"lr": 0.1, "weight_decay": 0.01}),
    (nn.Adam, {"betas": (0.0, 0.5), "eps": 1e-3}), (nn.Adam, {"betas": (0.7, 0.0)}),
]
PAIRS = [(kind, settings, fast) for kind, settings in SETTINGS
         for fast in ([["step"]] if kind is nn.SGD else [["step"], ["moved"], ["step", "moved"]])]


@pytest.mark.parametrize("gaps", [False, True], ids=["all gradients", "some missing"])
@pytest.mark.parametrize(("kind", "settings", "fast"), PAIRS)
def test_plain_and_grouped_optimizers_agree_bit_for_bit(kind, settings, fast, gaps):
    """Plain and fast steps give Values and Tensors of both dtypes the same numbers."""
    start = [np.random.default_rng(7).normal(size=shape).astype(dtype)
             for shape in SHAPES for dtype in (np.float32, np.float64)]
    expected, got = (
        numbers(subclass(kind, names)(parameters(start), **settings), 6, gaps)
        for names in ([], fast))
    for p, q in zip(expected, got, strict=True):
        assert p.dtype == q.dtype
        np.testing.assert_array_equal(p, q)


def test_a_value_is_moved_as_a_tensor_of_one_number():
    """A Value and a Tensor of one number take the same steps, to the last bit."""
    rng = np.random.default_rng(0)
    for make in (lambda p: nn.SGD(p, lr=0.1, momentum=0.9), lambda p: nn.Adam(p, lr=0.1)):
        value, tensor = Value(0.3), Tensor([0.3])
        optimizer = make([value, tensor])
        for _ in range(20):
            value.grad = tensor.grad = rng.normal()
            optimizer.step()
            assert value.data == tensor.data[0]


def test_each_replacement_names_the_plain_function():
    """The first line of a fast function's docstring says which function it stands for."""
    for owner, name, plain, fast in _grouped.PAIRS:
        assert fast.__doc__.startswith(f"`{owner.__name__}.{name}`")
        assert plain.__qualname__ == f"{owner.__name__}.{name}"


@pytest.mark.parametrize(("setting", "plain"), [("1", True), ("", False)])
def test_the_environment_decides_which_functions_work(setting, plain):
    """AUTOGRAD_MINI_PLAIN=1, read at import, leaves the plain functions in place."""
    program = ("from autograd_mini import nn; import sys; "
               "print(nn.SGD.step.__module__, 'autograd_mini.nn._grouped' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=True, env={**os.environ, "AUTOGRAD_MINI_PLAIN": setting})
    module = "optimizer" if plain else "_grouped"
    assert done.stdout.split() == [f"autograd_mini.nn.{module}", str(not plain)]
