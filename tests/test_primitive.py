"""Primitives of one's own: their names, their rules, and what a rule may touch."""

from __future__ import annotations

import functools
import gc
import inspect
import weakref

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.errors import GraphError, NotDifferentiableError


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


# ── arguments without a rule ─────────────────────────────────────────────────────────────────


def test_an_elementwise_argument_may_be_without_a_rule():
    """NotImplemented raises if a node comes there; None means that nothing is to be sent."""
    power = ag.elementwise(lambda x, n: x**n, None, lambda y, x, n: n * x ** (n - 1),
                           NotImplemented, name="power by a plain number")
    steps = ag.elementwise(lambda x, n: x * np.floor(n), None, lambda y, x, n: np.floor(n), None,
                           name="times a floor")
    assert ag.grad(power)(3.0, 2.0) == 6.0
    with pytest.raises(NotDifferentiableError, match="power by .* by its argument 1, counted from"):
        ag.grad(power, 1)(3.0, 2.0)
    assert ag.grad(lambda n: steps(3.0, n) + n)(2.5) == 1.0
    assert [*inspect.signature(power).parameters] == ["x", "n"]


@pytest.mark.parametrize("first", [None, NotImplemented], ids=["constant", "not stated"])
def test_an_argument_of_a_structural_rule_may_be_without_one(first):
    """None and NotImplemented stand for a pullback, the first one too; keywords are another's."""
    rule = ag.structural(lambda index, x, *, power=1: x[int(index)] ** power, first,
                         lambda g, y, index, x, *, power=1:
                         g * power * x ** (power - 1) * (np.arange(len(x)) == int(index)),
                         name=f"picked {first}")
    assert ag.grad(lambda x: rule(1.0, x, power=3))(np.array([2.0, 3.0])).tolist() == [0.0, 27.0]
    picked = lambda i: rule(i, np.array([2.0, 3.0]), power=2) + i
    if first is None:
        assert ag.gradients(picked(i := Tensor(1.0)), i) == 1.0
    else:
        with pytest.raises(NotDifferentiableError, match="by its argument 0.*pass a plain number"):
            ag.gradients(picked(i := Tensor(1.0)), i)


def test_a_rule_may_take_functions_and_use_transforms():
    """The implicit gradient of a fixed point: the rule solves by vjp, with f among its keywords."""
    def solved(a, f, x):
        for _ in range(60):
            x = f(x, a)
        return x

    @ag.structural(solved, name="solution of x = f(x, a)")
    def fixed_point(g, x, a, *, f, x0):
        raise AssertionError

    with pytest.raises(TypeError, match="unexpected keyword argument 'x0'"):
        fixed_point(2.0, f=lambda x, a: x, x0=1.0)

    @ag.structural(lambda a, f, x0: solved(a, f, x0), name="fixed point")
    def fixed_point(g, x, a, *, f, x0):
        pullback, w = ag.vjp(f, x, a)[1], g
        for _ in range(60):
            w = g + pullback(w)[0]  # w = g (1 − ∂f/∂x)⁻¹
        return pullback(w)[1]

    a = np.array([2.0, 3.0])
    root = lambda a: np.sum(fixed_point(a, f=lambda x, a: 0.5 * (x + a / x), x0=np.ones(2)))
    np.testing.assert_allclose(ag.grad(root)(a), 0.5 / np.sqrt(a), rtol=1e-14)
    np.testing.assert_allclose(ag.hessian(root)(a), np.diag(-0.25 * a**-1.5), rtol=1e-13)


class Marker:
    """Something that a rule's closure holds."""


@pytest.mark.parametrize("x", [2.0, np.ones(3)])
@pytest.mark.parametrize("kind", ["elementwise", "structural"])
def test_a_rule_that_is_defined_again_is_forgotten(kind, x):
    """One made anew at each step, from a closure, is gone soon after the graph that it is in."""
    held = []

    def doubled(x):
        marker = Marker()
        held.append(weakref.ref(marker))
        if kind == "elementwise":
            row = ag.elementwise(lambda x: 2.0 * x, None, lambda y, x: marker and 2.0, name="mine")
        else:
            row = ag.structural(lambda x: 2.0 * x, lambda g, y, x: marker and 2.0 * g, name="mine")
        return row(x)

    for _ in range(200):
        np.testing.assert_array_equal(ag.grad(lambda x: np.sum(doubled(x) * x))(x), 4.0 * x)
    gc.collect()
    assert sum(mark() is not None for mark in held) <= 100  # the last have rules written out
