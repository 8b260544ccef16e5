"""All rows of a Jacobian in one pass are the rows that a pass each gives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy_cases import CASES, CONSTANTS, VARIABLES

import autograd_mini as ag
from autograd_mini import backprop
from autograd_mini.call import Call
from autograd_mini.recording import undisturbed


def both(f, *args):
    """The rows at once, and those of a pass each; None for the first where none are given."""
    call = Call(f, args, tuple(range(len(args))), {})
    y = call.output
    at_once = backprop.rows_at_once(y, call.variables, call.sought)
    each = [call.pull(y, np.reshape(seed, y.shape)) for seed in np.eye(y.size, dtype=y.dtype)]
    return at_once, [np.stack(column) for column in zip(*each, strict=True)]


def agree(f, *args):
    """Both give the same, to the last bit; whether there were rows at once."""
    at_once, each = both(f, *args)
    for one, other in zip(at_once or (), each, strict=bool(at_once)):
        assert one.shape == other.shape and one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)  # to the last bit
    return at_once is not None


def arrays_of(case):
    """A function of the variables that a case names."""
    names = [name for name in VARIABLES if name in compile(case, "", "eval").co_names]

    def f(*values):
        space = {"np": np, **CONSTANTS, **dict(zip(names, values, strict=True))}
        y = eval(case, space)
        parts = [part for part in (y if isinstance(y, tuple | list) else [y])
                 if isinstance(part, ag.Node)]
        return np.concatenate([np.ravel(part) for part in parts]) if parts else None

    return f, [VARIABLES[name] for name in names]


@pytest.mark.skipif(ag.engine() == "plain", reason="the plain engine makes a pass for each row")
def test_every_function_of_numpy_has_its_rows_in_one_pass():
    """The rows of each expression are those of a pass each; nearly all of them come at once."""
    given = 0
    for case in CASES:
        f, args = arrays_of(case)
        with np.errstate(all="ignore"), undisturbed():
            y = f(*map(ag.Tensor, args))
            if y is not None and y.size > 1 and args:
                given += agree(f, *args)
    assert given > 300


@pytest.mark.skipif(ag.engine() == "plain", reason="the plain engine makes a pass for each row")
@pytest.mark.parametrize("f", [
    lambda x: x / np.sum(x), lambda x: np.outer(x, x) / x[0], lambda x: x[:, None] / x,
    lambda x: x - x, lambda x: x * x + x, lambda x: np.logaddexp(x, x) * x,
    lambda x: np.abs(x) ** x, lambda x: (x[:, None] * x) / x,
    lambda x: np.where(x > 0, np.sqrt(np.abs(x)), x), lambda x: x[[0, 0, 2]] * x[1],
    lambda x: x.astype(np.float32) * 2, lambda x: np.stack([x, x[::-1]]) @ x[:, None],
    lambda x: ag.grad(lambda v: np.sum(v**3) * v[0])(x), lambda x: np.broadcast_to(x, (2, 3)),
    lambda x: np.maximum(x, 0.5) * np.clip(x, -1, 1), lambda x: 1e200 / x * 1e-200,
    lambda x: np.linalg.inv(np.outer(x, x) + np.eye(3)), lambda x: np.cumprod(x),
    lambda x: ag.softmax(x), lambda x: x.reshape(3, 1).T.squeeze(), lambda x: -x[None, :, None],
], ids=str)
def test_rows_of_small_functions(f):
    """Broadcasting, nodes used twice, indices, moves, rules for whole products: row by row."""
    assert agree(f, np.array([0.5, -1.5, 2.0]))


@pytest.mark.skipif(ag.engine() == "plain", reason="the plain engine makes a pass for each row")
def test_rows_come_in_blocks_where_they_are_many(monkeypatch):
    """A Jacobian of 30 × 30 in blocks of four rows is that of one block."""
    from autograd_mini.fast import rows

    x = np.linspace(-1.0, 1.0, 30)
    f = lambda x: np.tanh(np.outer(x, x)).sum(0) * x
    whole = ag.jacobian(f)(x)
    monkeypatch.setattr(rows, "AT_ONCE", 4 * 900)
    assert ag.jacobian(f)(x).tolist() == whole.tolist()


def test_a_nan_has_each_row_in_a_pass_of_its_own():
    """Behind a branch that a row doesn't choose an infinite slope is no nan, as ever."""
    f = lambda x: np.where(np.array([True, False]), x, np.sqrt(x - x))
    given = ag.jacobian(f)(np.array([1.0, 1.0]))
    assert given[0].tolist() == [1.0, 0.0]


def test_rows_of_an_own_rule_are_asked_for_one_by_one():
    """A rule of the user's is never given more than one cotangent."""
    shapes = []

    @ag.structural(lambda x: x[::-1], name="reversed rows")
    def backward(g, y, x):
        shapes.append(np.shape(g))
        return g[::-1]

    assert ag.jacobian(backward)(np.arange(3.0)).tolist() == np.eye(3)[::-1].tolist()
    assert set(shapes) == {(3,)}


def test_a_derivative_inside_with_respect_to_a_number():
    """A graph has the number that an inner derivative was taken at, which no variable leads to:
    nothing is sent to it."""
    def f(z):
        return ag.grad(lambda t: ag.sum(np.sin(z * t)))(1.0) * z

    x = np.array([0.3, -0.7])
    assert agree(f, x)
    slope = np.sum(x * np.cos(x))
    expected = slope * np.eye(2) + np.outer(x, np.cos(x) - x * np.sin(x))
    np.testing.assert_allclose(ag.jacobian(f)(x), expected, rtol=1e-14)
