"""Operators, and NumPy's functions on nodes: what is recorded, what is plain, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import DTypeError, GraphError, NotDifferentiableError, ShapeError

EPS = np.finfo(float).eps


def test_three_spellings_are_one():
    """ag.tanh(x), x.tanh() and np.tanh(x) record the same operation."""
    x = Value(0.3)
    assert {f.op for f in (ag.tanh(x), x.tanh(), np.tanh(x))} == {ag.tanh}


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
    """A comparison with a Value, from either side, gives a bool, and with a Tensor an array of
    bools."""
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


# ── what is refused, by name ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (lambda t: np.asarray(t), NotDifferentiableError, "leave np.asarray out"),
        (lambda t: np.array([t, t]), NotDifferentiableError, "np.stack"),
        (lambda t: t.__setitem__(0, 1.0), NotDifferentiableError, "np.where"),
        (lambda t: np.add(t, 1.0, out=np.zeros(2)), NotDifferentiableError, "out="),
        (lambda t: np.zeros(2).__iadd__(t), NotDifferentiableError, r"a = a \+ b"),
        (lambda t: np.roots(t), NotDifferentiableError, "complex"),
        (lambda t: np.copyto(np.zeros(2), t), NotDifferentiableError, "in place; use np.where"),
        (lambda t: np.linalg.eig(t), NotDifferentiableError, "np.linalg.eigh if the matrix"),
        (lambda t: np.full(2, t[0]), NotDifferentiableError, r"ag\.full"),
        (lambda t: np.quantile(t, 0.5, method="inverted_cdf"), NotDifferentiableError, "linear"),
        (lambda t: np.fft.fft(t), NotDifferentiableError, r"np\.fft"),
        (lambda t: np.exp(t, where=[True, False]), NotDifferentiableError, "where"),
        (lambda t: np.exp(t, dtype=np.float32), NotDifferentiableError, "dtype"),
        (lambda t: np.divide.accumulate(t), NotDifferentiableError, "accumulate"),
        (lambda t: np.add.accumulate(ag.stack([t, t]), axis=None), ValueError, "along one axis"),
        (lambda t: t[t], GraphError, "an index must be made of plain integers"),
        (lambda t: t @ 2.0, ShapeError, "at least one axis"),
        (lambda t: t + "a", DTypeError, "can't take a str"),
        (lambda t: t.astype(int), NotDifferentiableError, "no gradient"),
        (lambda t: np.unique(t, return_counts=True), NotDifferentiableError, "return_counts"),
        (lambda t: np.add.at(np.zeros(2), [0, 1], t), NotDifferentiableError, "add.at"),
        (lambda t: np.mean(t, dtype=float), NotDifferentiableError, "dtype=…"),
        (lambda t: np.var(t, dtype=float), NotDifferentiableError, "dtype=…"),
        (lambda t: t * np.ma.array([1.0, 2.0]), DTypeError, "mask would be lost"),
        (lambda t: np.reshape(t), TypeError, "shape"),
        (lambda t: ag.gradients(t.sum(), [3.0]), GraphError, "input 0 is a float"),
        (lambda t: float(t), TypeError, "0-dimensional|size-1|scalar"),
        (lambda t: bool(t), ValueError, "ambiguous"),
        (lambda t: t.item(), ShapeError, "exactly one"),
        (lambda t: ag.dot([Value(1.0)], [1.0, 2.0]), ShapeError, "one length"),
        (lambda t: ag.tanh(t, t), TypeError, "takes 1 arguments"),
        (lambda t: iter(t.sum()), TypeError, r"shape \(\)"),
    ],
)
def test_refusals_say_what_and_what_to_do(attempt, error, message):
    """Each refusal is of the class a NumPy user would catch and names the way round."""
    with pytest.raises(error, match=message):
        attempt(Tensor([1.0, 2.0]))


def test_initial_is_refused():
    """np.sum(a, initial=node) is refused, since it would keep the plain number."""
    with pytest.raises((NotDifferentiableError, TypeError, ValueError)):
        np.sum(np.ones(2), initial=Value(3.0))


def test_filling_a_plain_array_is_refused():
    """a[i] = node is refused, since it would store a plain number and lose the gradient."""

    def f(w):
        out = np.zeros(2)
        for i in range(2):
            out[i] = w[i] ** 2
        return np.sum(out)

    for x in (np.ones(2), [1.0, 2.0]):
        with pytest.raises((NotDifferentiableError, ValueError)) as caught:
            ag.grad(f)(x)
        error = caught.value  # NumPy may wrap ours into its own
        assert "np.stack" in str(error.__cause__ or error)
    log = np.zeros(1)
    log[0] = float(Value(2.0))
    assert log[0] == 2.0
