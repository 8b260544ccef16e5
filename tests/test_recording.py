"""What may be recorded: what is refused, each kind by its name."""

from __future__ import annotations

import re

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import (
    DTypeError,
    GraphError,
    NotDifferentiableError,
    ShapeError,
)

EPS = np.finfo(float).eps


@pytest.mark.parametrize("bad", [np.ones(2, complex), np.array(["a"]), np.array([object()]),
                                 np.ones(2, np.float16)])
def test_dtypes_refused_by_name(bad):
    """Complex, strings, objects and half precision are refused as leaves and as constants."""
    with pytest.raises(DTypeError, match=re.escape(str(bad.dtype))):
        Tensor(bad)
    with pytest.raises(DTypeError, match=re.escape(str(bad.dtype))):
        ag.add(Tensor([1.0, 1.0]), bad)


@pytest.mark.parametrize("bad", [1j, "2", None, [1.0], np.ones(2), Value(1.0)])
def test_a_value_holds_one_real_number(bad):
    """Anything else is refused, and the message says what it was."""
    with pytest.raises(DTypeError, match="a Value holds one real number"):
        Value(bad)


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


def test_a_wrong_rule_is_caught():
    """A pullback that returns another shape than its input's is an error, not a broadcast."""
    bad = ag.structural(np.sum, lambda g, y, x: g, name="bad_sum")
    with pytest.raises(GraphError, match="the rule of bad_sum returned .* shape"):
        bad(Tensor([1.0, 2.0])).backward()


def test_a_users_primitive_never_replaces_a_row():
    """A rule under a row's name is refused; one for NumPy's function leaves np.f with the row."""
    with pytest.raises(GraphError, match="give yours another name"):
        ag.structural(np.sum, lambda g, y, x: g)
    ag.structural(np.sum, lambda g, y, x: g, name="my_sum")
    assert np.sum(Tensor([1.0, 2.0])).op.name == "sum"
