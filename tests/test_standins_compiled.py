"""Written code in programs to be compiled: right at other numbers, or refused."""

import math

import numpy as np
import pytest
import written_code as code
from test_standins import WRITTEN, X0

import autograd_mini as ag


@pytest.mark.slow  # higher derivatives, or machines: seconds
@pytest.mark.parametrize("f", WRITTEN, ids=lambda f: f.__name__)
def test_in_a_program(f):
    """A compiled gradient is that of the function at other points as well, or refused."""
    g = ag.as_written(f)
    try:
        program = ag.compile(ag.grad(g))
        for x in (X0, X0[::-1].copy(), X0 * 0.7 + 0.1):
            np.testing.assert_allclose(program(x.copy()), ag.grad(g)(x.copy()), rtol=1e-9,
                                       atol=1e-12)
    except ag.errors.AutogradError:
        assert f.__name__ in {"functions_that_write", "of_math", "of_other_modules",
                              "whole_numbers", "branches_of_the_plain_run"}


@pytest.mark.parametrize("f", [code.stores_in_a_loop, code.masked_stores], ids=lambda f: f.__name__)
def test_in_a_compiled_gradient(f):
    """A program of written code gives its gradient at other points as well."""
    g = ag.as_written(f)
    program = ag.compile(ag.grad(g))
    for x in (X0, X0[::-1].copy()):
        np.testing.assert_allclose(program(x.copy()), ag.grad(g)(x.copy()), rtol=1e-9, atol=1e-12)


def program_and_engine(f, points):
    """Assert that a program of f's gradient agrees with the engine at all points, in turn."""
    g = ag.as_written(f)
    program = ag.compile(ag.grad(g))
    for x in points:
        np.testing.assert_allclose(program(x), ag.grad(g)(x), rtol=1e-12, atol=1e-14)


def test_a_program_finds_the_remainder_again():
    """math.remainder has another whole number in it at other arguments."""
    program_and_engine(lambda w: math.remainder(w[0], w[1]) * w[0], [
        np.array([1.0, 0.3]), np.array([2.0, 0.3]), np.array([2.9, 0.7]), np.array([0.5, 1.0])])


RAISING = [
    (math.log, 0.5, -0.5), (math.log2, 0.5, -0.5), (math.log10, 0.5, -0.5), (math.sqrt, 0.5, -0.5),
    (math.log1p, 0.5, -1.5), (math.asin, 0.5, 1.5), (math.acos, 0.5, -1.5), (math.acosh, 1.5, 0.5),
    (math.atanh, 0.5, 1.5), (math.exp, 0.5, 1e3), (math.expm1, 0.5, 1e3), (math.sinh, 0.5, 1e3),
    (math.cosh, 0.5, -1e3), (math.exp2, 0.5, 2e3),
]


@pytest.mark.slow  # a machine for each: half a second
@pytest.mark.parametrize(("function", "inside", "outside"), RAISING, ids=str)
def test_a_program_takes_the_branch_of_an_error(function, inside, outside):
    """Where Python's math raises, a program goes the way of the `except`, in both orders."""
    def f(x):
        try:
            return function(x)
        except (ValueError, OverflowError):
            return 3.0 * x

    program_and_engine(f, [inside, outside, inside])
    program_and_engine(f, [outside, inside, outside])


def test_a_program_takes_the_branch_of_a_power():
    """math.pow of a negative number raises, and so it does in a program."""
    def f(w):
        try:
            return math.pow(w[0], w[1])
        except (ValueError, OverflowError):
            return 3.0 * w[0]

    program_and_engine(f, [np.array([1.5, 0.5]), np.array([-1.5, 0.5]), np.array([1e300, 2.0])])
