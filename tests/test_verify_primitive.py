"""The check of a primitive finds what is wrong with one, and says what it needs."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor

WRONG = [
    # a name, the rule's primitive made anew, a point, what the error must say
    ("slope too large", lambda: ag.elementwise(
        lambda x: np.sin(x), math.sin, lambda y, x: 2 * ag.cos(x), name="wrong"),
     (0.4,), "order 1, is 1.84"),
    ("another function's twin", lambda: ag.elementwise(
        lambda x: np.sin(x), math.cos, lambda y, x: ag.cos(x), name="wrong"), (0.4,), "on floats"),
    ("wrong from order 2 on", lambda: ag.elementwise(
        lambda x: np.sin(x), math.sin, lambda y, x: np.cos(
            getattr(ag.stop_gradient(x), "value", x)) if np.ndim(x) == 0 else ag.cos(x),
        name="wrong"), (0.4,), "order 2"),
    ("the other argument's slope", lambda: ag.elementwise(
        lambda a, b: a * b * b, None, lambda y, a, b: b * b, lambda y, a, b: a * b, name="wrong"),
     (0.4, 1.3), "argument 1"),
    ("a pullback without its minus", lambda: ag.structural(
        lambda x: -np.cumsum(x), lambda g, y, x: np.cumsum(g[::-1])[::-1], name="wrong"),
     (np.array([1.0, 2.0, 4.0]),), "pullback of argument 0 gives"),
]


@pytest.mark.parametrize(("make", "point", "words"), [pytest.param(*w[1:], id=w[0]) for w in WRONG])
def test_check_primitive_finds_what_is_wrong(make, point, words):
    """check_primitive names each kind of mistake with both numbers, and passes the right rule."""
    with pytest.raises(ag.errors.GradientError, match=words):
        ag.check_primitive(make(), point)


def test_a_primitive_is_checked_when_it_is_stated():
    """Stating a primitive refuses a slope that is neither a function nor 1, −1 or None, and a
    lambda without a name."""
    with pytest.raises(TypeError, match=r"write lambda y, \*xs: 2"):
        ag.elementwise(np.sin, None, 2, name="wrong")
    with pytest.raises(ag.errors.GraphError, match="add name="):
        ag.elementwise(lambda x: x, None, 1)
    with pytest.raises(TypeError, match="takes 1 array"):
        ag.reshape(Tensor([1.0]), (1,), 3)
    assert pickle.loads(pickle.dumps(ag.tanh)) is ag.tanh


def test_check_primitive_says_what_it_needs():
    """check_primitive refuses what is no primitive, a structural one without arguments, and a
    pullback of a wrong shape."""
    with pytest.raises(ag.errors.DTypeError, match="made by ag.elementwise"):
        ag.check_primitive(np.sin)
    total = ag.structural(lambda x: np.sum(x), lambda g, y, x: g, name="wrong")
    with pytest.raises(TypeError, match="at least one tuple"):
        ag.check_primitive(total)
    with pytest.raises(ag.errors.GradientError, match="must return its input's shape"):
        ag.check_primitive(total, (np.array([1.0, 2.0]),))
    forgotten = ag.elementwise(lambda x: np.cosh(x), None, lambda y, x: None, name="wrong")
    with pytest.raises(ag.errors.GradientError, match="is a return missing"):
        ag.check_primitive(forgotten, 0.3)
    half = ag.elementwise(lambda a, b: a * b, None, lambda y, a, b: b, None, name="wrong")
    with pytest.raises(ag.errors.GradientError, match="isn't constant in it"):
        ag.check_primitive(half)
    cubes = ag.structural(lambda x, p=3: np.sum(x**p), lambda g, y, x, *, p=3: g * p * x ** (p - 1),
                          name="right")
    ag.check_primitive(cubes, (np.array([1.0, 2.0]),), (np.array([[0.5]]),), p=4)
