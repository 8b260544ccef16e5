"""In a program every call of NumPy gives what it gives outside, or is refused."""

from __future__ import annotations

import contextlib
import itertools
import warnings

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, nn
from autograd_mini.errors import GraphError

X = np.array([[0.5, -1.0, 2.0, 2.0], [1.5, 0.0, -0.25, 3.0], [2.0, -1.0, 0.75, 2.0]])
MASK = X > 0.6
KEYWORDS = [
    {}, {"axis": 0}, {"axis": 1}, {"axis": (0, 1)}, {"axis": None}, {"axis": 7}, {"keepdims": True},
    {"initial": 10.0}, {"where": MASK}, {"where": MASK, "initial": 0.5}, {"dtype": np.float32},
    {"ddof": 1}, {"mean": 0.3}, {"a_min": -0.5, "a_max": 0.2}, {"decimals": 1}, {"bogus": 1},
    {"out": np.empty(4)}, {"n": 2}, {"k": 1}, {"offset": 1}, {"axis": 1, "keepdims": True},
    {"weights": np.ones(4), "axis": 1}, {"casting": "safe"}, {"q": 0.3}, {"axes": (1, 0)},
]
CALLS = [
    np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.cumsum, np.cumprod, np.average,
    np.ptp, np.median, np.nansum, np.nanmax, np.quantile, np.any, np.argmax, np.sort, np.diff,
    np.ravel, np.transpose, np.squeeze, np.flip, np.round, np.clip, np.isnan, np.trace, np.diagonal,
    np.tril, np.linalg.norm, np.exp, np.floor, np.copy, np.zeros_like, np.nan_to_num, np.gradient,
    np.trapezoid, np.where, np.cov, np.linalg.det, np.unique, np.sign, np.logical_not, np.modf,
    np.add.reduce, np.multiply.reduce, np.maximum.reduce, np.minimum.reduce, np.logaddexp.reduce,
    np.subtract.reduce, np.add.accumulate, np.multiply.accumulate, np.maximum.accumulate,
]
MORE = [
    lambda X: X @ X.T, lambda X: np.dot(X, X.T), lambda X: np.matmul(X, X.T, dtype=float),
    lambda X: np.dot(X, X.T, out=np.empty((3, 3))), lambda X: np.outer(X[0], X[1]),
    lambda X: np.add.outer(X[0], X[1]), lambda X: np.add.reduceat(X, [0, 1]),
    lambda X: np.add(X, 1.0, where=MASK), lambda X: np.add(X, X, dtype=np.float32),
    lambda X: np.stack([X, 2 * X], axis=1), lambda X: np.stack([X, X], dtype=np.float32),
    lambda X: np.concatenate([X, np.ones((1, 4))]), lambda X: np.concatenate([X, X], axis=None),
    lambda X: np.reshape(X, (4, 3), order="F"), lambda X: np.take(X, [0, 2], axis=1),
    lambda X: np.pad(X, 1), lambda X: np.roll(X, 1, axis=1), lambda X: np.tile(X, 2),
    lambda X: np.where(X > 0.6, X, -X), lambda X: np.maximum(X, 0.0), lambda X: (X < 0.3) * X,
    lambda X: np.where(np.isnan(X), 0.0, X), lambda X: X.astype(np.float32), lambda X: X % 0.7,
    lambda X: X.astype(float) * 2, lambda X: X.max(axis=0), lambda X: X.prod(axis=1),
    lambda X: X.std(), lambda X: X.var(axis=0, ddof=1), lambda X: X.cumsum(), lambda X: X.argmax(),
    lambda X: X.sum(keepdims=True), lambda X: X.any(), lambda X: X.clip(0.0, 1.0), lambda X: X.T,
    lambda X: np.select([MASK], [X], -X), lambda X: np.linspace(X[0], X[1], 3),
    lambda X: np.interp(X[0], [0.0, 1.0], [1.0, 3.0]), lambda X: np.split(X, 2, axis=1)[1],
    ag.relu, ag.sigmoid, ag.leaky_relu, ag.softmax, ag.gelu, ag.softplus, ag.relu6,
    lambda X: ag.log_softmax(30 * X, axis=0), lambda X: ag.logsumexp(X, axis=1),
    lambda X: ag.maximum(X[0, 0], X), lambda X: ag.linear(X, X, np.ones(3)), ag.std, ag.elu,
]


def called(f, keywords):
    """f with these keywords, as a function of the array alone."""
    return lambda X: f(X, **keywords)


@pytest.mark.slow  # two hundred programs
def test_every_call_in_a_program_gives_what_it_gives_outside_or_is_refused(interpreted):
    """Keywords, defaults and ties: values as NumPy's, slopes as a Tensor's, or our own error."""
    grid = [called(f, k) for f, k in itertools.product(CALLS, KEYWORDS)] + MORE
    equal = 0
    for f in grid:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = np.asarray(f(X.copy()), float)
            except (TypeError, ValueError, IndexError, np.linalg.LinAlgError):
                with contextlib.suppress(TypeError, ValueError, IndexError,
                                         ag.errors.AutogradError):
                    np.testing.assert_array_equal(ag.compile(f)(X), f(Tensor(X)).data)
                continue
            try:
                got = ag.compile(f)(X)
            except ag.errors.AutogradError:
                continue
            equal += 1
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)
            assert np.shape(got) == expected.shape
            weights = np.cos(np.arange(expected.size)).reshape(expected.shape)[()]

            def loss(X, f=f, weights=weights):
                y = f(X)
                pairs = zip(y, weights, strict=True) if isinstance(y, tuple) else [(y, weights)]
                return sum([np.sum(part * w) for part, w in pairs]) + np.sum(X)

            slopes = ag.grad(ag.compile(loss))(X)
            np.testing.assert_allclose(slopes, ag.grad(loss)(X), rtol=1e-11, atol=1e-13)
    assert equal > 150


@pytest.mark.parametrize(("f", "message"), [
    (lambda X: np.sum(X, dtype=np.float32), r"np\.sum\(dtype=…\) isn't supported"),
    (lambda X: np.add.reduce(X, dtype=np.float32), r"np\.add\(dtype=…\) isn't supported"),
    (lambda X: np.std(X), r"np\.std doesn't take an array of Values"),
    (lambda X: np.maximum.accumulate(X), r"np\.maximum\.accumulate doesn't take an array"),
    (lambda X: np.add(X, 1.0, where=MASK), r"add\(where=…\) isn't supported"),
    (lambda X: X.sort(), r"sort doesn't take an array of Values"),
    (lambda X: X.astype(np.float32), r"astype\(float32\) doesn't take an array"),
])
def test_refused_calls_name_what_was_called(f, message):
    """The refusal of a call names the function and the keyword that were typed."""
    with pytest.raises(ag.errors.NotDifferentiableError, match=message):
        ag.compile(f)(X)


@pytest.mark.slow  # fifteen programs are compiled
def test_functions_of_arrays_of_values(rng):
    """Products, sums along an axis, choices and broadcasting are those of plain arrays."""
    A, b = rng.normal(size=(3, 4)), rng.normal(size=4)
    for f in [
        lambda A, b: A @ b, lambda A, b: A @ A.T, lambda A, b: np.dot(b, b) * A[0, 0],
        lambda A, b: np.sum(A * b, axis=0), lambda A, b: A.mean(axis=1, keepdims=True) - A,
        lambda A, b: np.where(A > b, A, np.exp(b)), lambda A, b: np.max(A, axis=1),
        lambda A, b: np.clip(A, -0.5, 0.5).sum(), lambda A, b: np.concatenate([A[0], b[::-1]]),
        lambda A, b: np.stack([b, A[1]]).T, lambda A, b: b[0] * A - A / b[1],
        lambda A, b: ag.tanh(A).reshape(2, 6) ** 2, lambda A, b: np.linspace(0, 1, 4) @ b,
        lambda A, b: np.mean(np.abs(A)) + A.min(), lambda A, b: np.arctan2(A, b),
    ]:
        np.testing.assert_allclose(ag.compile(f)(A, b), f(A, b), rtol=1e-13, atol=1e-14)


def test_a_program_has_no_tensors_in_it():
    """A model of Tensors inside a function to be compiled is refused in these words."""
    model = nn.Linear(2, 1, rng=0)
    with pytest.raises(GraphError, match="leave Tensors, such as the weights of nn.Linear, out"):
        ag.compile(lambda x: model(x).sum())(np.ones((3, 2)))
