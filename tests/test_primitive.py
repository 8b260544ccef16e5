"""Primitives of one's own: their names, their rules, and what a rule may touch."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.errors import GraphError


def test_a_users_primitive_never_replaces_a_row():
    """A rule under a row's name is refused; one for NumPy's function leaves np.f with the row."""
    with pytest.raises(GraphError, match="give yours another name"):
        ag.structural(np.sum, lambda g, y, x: g)
    ag.structural(np.sum, lambda g, y, x: g, name="my_sum")
    assert np.sum(Tensor([1.0, 2.0])).op.name == "sum"


def test_a_wrong_rule_is_caught():
    """A pullback that returns another shape than its input's is an error, not a broadcast."""
    bad = ag.structural(np.sum, lambda g, y, x: g, name="bad_sum")
    with pytest.raises(GraphError, match="the rule of bad_sum returned .* shape"):
        bad(Tensor([1.0, 2.0])).backward()


def test_a_rule_of_ones_own_cannot_write_to_what_is_recorded():
    """A rule of one's own is given arrays that refuse to be written to, whoever made them."""
    wrong = ag.structural(np.exp, lambda g, y, x: np.multiply(y, g, out=y), name="wrong exp")
    x = Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        np.sum(wrong(x)).backward()
    with pytest.raises(ValueError, match="read-only"):
        np.sum(ag.elementwise(lambda x: x + 1, None, lambda y, x: np.subtract(x, 1, out=x),
                              name="wrong plus")(x * 2)).backward()
    with pytest.raises(ag.errors.NotDifferentiableError, match="out="):
        np.fix(np.ones(2), x * 1.0)


def test_a_pullback_may_be_a_partial():
    """The keyword-only parameters of a pullback are found, whatever kind of callable it is."""
    def pull(g, y, x, *, axis=0, scale):
        return ag.broadcast_to(g * scale, x.shape)

    row = ag.structural(lambda x, axis: np.sum(x, axis), functools.partial(pull, scale=1.0),
                        name="partial sum")
    assert row.defaults.keys() == {"axis", "scale"}
