"""A Tensor: an array as NumPy has it, in its dtype, indexed and shown alike."""

from __future__ import annotations

import re

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import DTypeError


def test_dtypes():
    """float32 stays float32, forward and back; integers and bools become float64."""
    w = Tensor(np.ones((3, 2), np.float32))
    y = ag.mean(ag.tanh(np.ones((4, 3), np.float32) @ w * 2 + 1) ** 2)
    y.backward()
    assert y.dtype == w.grad.dtype == np.float32
    mixed = Tensor(np.ones(2, np.float32))
    (mixed * np.ones(2)).sum().backward()
    assert mixed.grad.dtype == np.float32
    assert Tensor([1, 2]).dtype == Tensor([True]).dtype == np.float64
    assert ag.grad(lambda x: ag.sum(x * x))(np.array([1, 2])).tolist() == [2.0, 4.0]
    half = Tensor([1.0]).astype(np.float32)
    assert half.dtype == np.float32 and ag.grad(lambda x: ag.sum(x.astype(np.float32)))(
        np.ones(2)).dtype == np.float64


@pytest.mark.parametrize("bad", [np.ones(2, complex), np.array(["a"]), np.array([object()]),
                                 np.ones(2, np.float16)])
def test_dtypes_refused_by_name(bad):
    """Complex, strings, objects and half precision are refused as leaves and as constants."""
    with pytest.raises(DTypeError, match=re.escape(str(bad.dtype))):
        Tensor(bad)
    with pytest.raises(DTypeError, match=re.escape(str(bad.dtype))):
        ag.add(Tensor([1.0, 1.0]), bad)


@pytest.mark.parametrize("index", [0, -1, slice(1, None), (0, 1), (..., 0), (None, 0), [0, 0, 1],
                                   np.array([[0, 1], [1, 1]]), np.array([True, False, True]),
                                   ([0, 2], [1, 1])], ids=str)
def test_indexing_as_numpy(index):
    """An index picks the entries that NumPy's picks, and the gradient counts how often each was
    taken."""
    x = np.arange(6.0).reshape(3, 2) + 1
    t = Tensor(x)
    np.testing.assert_array_equal(t[index].data, x[index])
    counts = np.zeros_like(x)
    np.add.at(counts, index, 1.0)
    np.testing.assert_array_equal(ag.grad(lambda z: ag.sum(z[index] * 1.0))(x), counts)
    np.testing.assert_array_equal(ag.hessian(lambda z: ag.sum(z[index] ** 2))(x).sum((2, 3)),
                                  2 * counts)


def test_plain_numbers_out():
    """float, int, bool, format, len and iteration behave as a NumPy user expects."""
    v, t = Value(2.5), Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert (float(v), int(v), bool(v), f"{v:.2f}") == (2.5, 2, True, "2.50")
    assert len(t) == 2 and [row.shape for row in t] == [(2,), (2,)]
    assert f"{t.sum():.1f}" == "10.0" and t.T.shape == (2, 2) and t.reshape(4).size == 4
    with pytest.raises(TypeError):
        iter(v)


def test_repr():
    """The repr of a Value or a Tensor shows its numbers, and a Tensor's says what made it."""
    v = Value(2.0, label="w")
    (v * 3).backward()
    assert repr(v) == "Value(data=2.0, grad=3.0, label='w')"
    assert repr(Tensor([1, 2], label="t")) == "Tensor([1., 2.], label='t')"
    assert "op=multiply" in repr(Tensor([1.0]) * 2) and "float32" in repr(
        Tensor(np.ones(1, np.float32)))
