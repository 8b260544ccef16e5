"""What people type on nodes does what NumPy and Python do on numbers and arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value

EPS = np.finfo(float).eps


@pytest.mark.parametrize("number", [2, 2.0, True, np.float64(2), np.float32(2), np.int64(2)])
def test_python_and_numpy_numbers_from_both_sides(number):
    """a ∘ n and n ∘ a work for every kind of number and stay Values of plain floats."""
    for f in (lambda a, n: a + n, lambda a, n: n + a, lambda a, n: a - n, lambda a, n: n - a,
              lambda a, n: a * n, lambda a, n: n * a, lambda a, n: a / n, lambda a, n: n / a,
              lambda a, n: a**n, lambda a, n: n**a):
        y = f(Value(3.0), number)
        assert type(y) is Value and type(y.data) is float
        assert y.data == pytest.approx(float(f(3.0, float(number))), rel=4 * EPS)


def test_arrays_from_both_sides_make_tensors():
    """An ndarray beside a Value or a Tensor gives a Tensor, whichever side it stands on."""
    x = np.array([1.0, 2.0])
    for node in (Value(3.0), Tensor([3.0, 4.0])):
        for y in (x * node, node * x, x - node, x / node, x**node):
            assert isinstance(y, Tensor) and y.shape == (2,)
    assert isinstance(np.ones((2, 2)) @ Tensor([1.0, 2.0]), Tensor)


def test_comparisons_give_plain_bools():
    """For a Value a bool, for a Tensor an array of bools; both sides."""
    v, t = Value(1.0), Tensor([1.0, 3.0])
    assert (v < 2) is True and (v == 1.0) is True and (2 > v) is True and (v != v) is False
    assert (t > 2).tolist() == [False, True] and type(t > 2) is np.ndarray
    assert type(np.array([0.0, 5.0]) < t) is np.ndarray
    assert (v == None) is False  # noqa: E711  the comparison itself is tested
    assert len({Value(1.0), Value(1.0)}) == 2  # hashed by identity


def test_constant_functions_give_plain_arrays():
    """np.sign, argmax, isnan … have derivative 0 or none: plain NumPy comes back."""
    t = Tensor([1.0, -3.0])
    assert type(np.sign(t)) is np.ndarray and np.argmax(t) == 0 and t.argmax() == 0
    assert np.shape(t) == (2,) and np.zeros_like(t).tolist() == [0, 0] and np.ndim(Value(1.0)) == 0


def test_plain_numbers_out():
    """float, int, bool, format, len and iteration behave as a NumPy user expects."""
    v, t = Value(2.5), Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert (float(v), int(v), bool(v), f"{v:.2f}") == (2.5, 2, True, "2.50")
    assert len(t) == 2 and [row.shape for row in t] == [(2,), (2,)]
    assert f"{t.sum():.1f}" == "10.0" and t.T.shape == (2, 2) and t.reshape(4).size == 4
    with pytest.raises(TypeError):
        iter(v)


@pytest.mark.parametrize("index", [0, -1, slice(1, None), (0, 1), (..., 0), (None, 0), [0, 0, 1],
                                   np.array([[0, 1], [1, 1]]), np.array([True, False, True]),
                                   ([0, 2], [1, 1])], ids=str)
def test_indexing_as_numpy(index):
    """Values as NumPy's, and the gradient counts how often each entry was taken."""
    x = np.arange(6.0).reshape(3, 2) + 1
    t = Tensor(x)
    np.testing.assert_array_equal(t[index].data, x[index])
    counts = np.zeros_like(x)
    np.add.at(counts, index, 1.0)
    np.testing.assert_array_equal(ag.grad(lambda z: ag.sum(z[index] * 1.0))(x), counts)
    np.testing.assert_array_equal(ag.hessian(lambda z: ag.sum(z[index] ** 2))(x).sum((2, 3)),
                                  2 * counts)


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


def test_division_by_zero_of_values_is_ieee():
    """Where Python raises, a Value has IEEE 754's answer and NumPy's warning."""
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert (Value(1.0) / 0.0).data == math.inf
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert ag.exp(Value(1000.0)).data == math.inf


def test_no_grad_records_nothing_and_ends_with_the_block():
    """Inside, results are leaves; after an exception recording is on again."""
    x = Tensor([1.0])
    with ag.no_grad():
        assert (x * 2).is_leaf and (Value(1.0) * 2).is_leaf and ag.tanh(Value(1.0)).is_leaf
    with pytest.raises(ZeroDivisionError), ag.no_grad():
        raise ZeroDivisionError
    assert not (x * 2).is_leaf


def test_repr():
    """Both show their numbers; a Tensor says what made it."""
    v = Value(2.0, label="w")
    (v * 3).backward()
    assert repr(v) == "Value(data=2.0, grad=3.0, label='w')"
    assert repr(Tensor([1, 2], label="t")) == "Tensor([1., 2.], label='t')"
    assert "op=multiply" in repr(Tensor([1.0]) * 2) and "float32" in repr(
        Tensor(np.ones(1, np.float32)))
