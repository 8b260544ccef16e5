"""Arguments to differentiate by, given by name: of a position, a keyword, a default."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.errors import ArgumentError, DTypeError, ShapeError, SpellingError

WITH_ARGNUMS = [ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian, ag.elementwise_grad]


def product(W, b, X=2.0):
    """3-fold product; each argument has its own gradient."""
    return W * b**2 * X


def only_position(x, /, *more, scale=3.0, **others):
    """All kinds of parameters."""
    return x * scale * sum(more) * math.prod(others.values())


@pytest.mark.parametrize(("argnums", "args", "kwargs", "expected"), [
    ("W", (2.0, 3.0), {}, 18.0), ("b", (2.0,), {"b": 3.0}, 24.0), ("X", (2.0, 3.0), {}, 18.0),
    ("X", (2.0, 3.0), {"X": 5.0}, 18.0), ("X", (2.0, 3.0, 5.0), {}, 18.0),
    (("X", "W"), (2.0, 3.0), {}, (18.0, 18.0)), ((0, "b"), (2.0, 3.0), {}, (18.0, 24.0)),
    ("W", (), {"b": 3.0, "W": 2.0}, 18.0),
])
def test_names_mean_the_arguments_of_those_names(argnums, args, kwargs, expected):
    """By position, by keyword, or not given at all, when the default is differentiated by."""
    assert ag.grad(product, argnums)(*args, **kwargs) == expected


def test_every_transform_takes_names():
    """The derivative by a name is that by the position; signatures keep their defaults."""
    for transform in WITH_ARGNUMS:
        np.testing.assert_equal(transform(product, "b")(2.0, 3.0), transform(product, 1)(2.0, 3.0))
        both = transform(product, ("X", "b"))(2.0, 3.0)
        np.testing.assert_equal(both, transform(product, (2, 1))(2.0, 3.0, 2.0))
    assert ag.grad(ag.grad(product, "b"), "X")(2.0, 3.0) == 12.0
    assert repr(ag.grad(product, "b")) == "<grad(product, argnums='b')>"


def test_keywords_of_every_kind():
    """A keyword that only ** collects, one that has only a name, one that a partial has fixed."""
    assert ag.grad(only_position, "y")(2.0, 5.0, y=7.0) == 30.0
    assert ag.grad(only_position, "scale")(2.0, 5.0) == 10.0
    assert ag.grad(only_position, "x")(2.0, 5.0) == 15.0
    assert ag.grad(functools.partial(product, b=3.0), "b")(2.0) == 24.0
    if hasattr(np.tanh, "__signature__"):  # NumPy tells it since 2.4
        assert ag.grad(np.tanh, "x")(0.5) == ag.grad(np.tanh)(0.5)


def test_a_method_has_its_arguments_by_name():
    """self isn't one of them where the method is bound."""

    class Model:
        def loss(self, w, b=1.0):
            return w**2 * b

        slope = ag.grad(loss, argnums="w")

    assert ag.grad(Model().loss, "b")(3.0) == 9.0 and Model().slope(3.0) == 6.0


@pytest.mark.parametrize("transform", WITH_ARGNUMS)
def test_a_name_that_no_argument_has_is_refused(transform):
    """When the transform is made, with the names that there are."""
    for argnums in ("c", (0, "c")):
        with pytest.raises(ArgumentError, match="argnums='c': product has no .*; it has W, b, X"):
            transform(product, argnums)
    with pytest.raises(ArgumentError, match="argnums='more'.* it has x, scale"):
        transform(lambda x, *more, scale=1.0: x, "more")


def test_a_name_that_the_call_does_not_have_is_refused():
    """Not given, without a default, or one argument named twice: said in the call."""
    with pytest.raises(ArgumentError, match="the call gives no b"):
        ag.grad(product, "b")(2.0)
    with pytest.raises(ArgumentError, match="the call gives no z"):
        ag.grad(only_position, "z")(2.0)
    with pytest.raises(ArgumentError, match="give x, which has only a position"):
        ag.grad(lambda x=1.0, /: x**2, "x")()
    with pytest.raises(ArgumentError, match="doesn't tell the names"):
        ag.grad(max, "x")(2.0)
    for argnums in (("W", 0), ("W", -2), (-1, "b")):
        with pytest.raises(ShapeError, match="twice"):
            ag.grad(product, argnums)(2.0, 3.0)
    with pytest.raises(ShapeError, match="twice"):
        ag.grad(product, ("W", "W"))
    with pytest.raises(ShapeError, match="give b by position, or name it, argnums='b'"):
        ag.grad(product, 1)(2.0, b=3.0)
    with pytest.raises(DTypeError, match=r"argument 'W'\['a'\] is a str"):
        ag.grad(product, "W")(W={"a": "text"}, b=3.0)


def test_autograds_argnum_is_argnums():
    """HIPS autograd's spelling runs, in each transform that has argnums; not beside the other."""
    for transform in WITH_ARGNUMS:
        np.testing.assert_equal(transform(product, argnum=1)(2.0, 3.0),
                                transform(product, 1)(2.0, 3.0))
    with pytest.raises(SpellingError, match="it is argnums="):
        ag.grad(product, 1, argnum=0)


def test_programs_take_names():
    """A transform of a program, and a program of a transform, know the function's names."""
    assert ag.grad(ag.compile(product), "b")(2.0, 3.0, 2.0) == 24.0
    assert ag.compile(ag.grad(product, ("b", "W")))(2.0, 3.0, 2.0) == (24.0, 18.0)
    assert ag.compile(ag.hessian(product, "b")).steps == (("grad", 1), ("jacobian", 1))
    v = ag.Value(2.0)
    program = ag.compile(lambda x: v * x**2, parameters=[v])
    assert ag.grad(program, "x")(np.array([2.0]), 3.0) == 12.0
    with pytest.raises(ArgumentError, match="has no argument"):
        ag.grad(program, "y")
    with pytest.raises(ArgumentError, match="by position, and scale has none"):
        ag.grad(ag.compile(lambda x, *, scale=1.0: x), "scale")
