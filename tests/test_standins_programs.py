"""ag.as_written on whole programs, in the ways in which they are published."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_mini as ag


def power(x: Any, n: int) -> Any:
    """x multiplied n times, by itself."""
    return 1.0 if n == 0 else x * power(x, n - 1)


class Complex:
    """A number of two parts, whose methods make others of its class."""

    def __init__(self, re: Any, im: Any) -> None:
        self.re, self.im = re, im

    def times(self, other: Complex) -> Complex:
        """The product."""
        return Complex(self.re * other.re - self.im * other.im,
                       self.re * other.im + self.im * other.re)


class TestFunctionsThatNameThemselves:
    """What a function's own name means in it."""

    def test_function_that_calls_itself_is_followed(self) -> None:
        """A recursive function of a module is differentiated: x³ has slope 3x²."""
        assert ag.grad(ag.as_written(lambda x: power(x, 3)))(2.0) == 12.0

    def test_inner_function_that_calls_itself_is_followed(self) -> None:
        """A recursive function in a function finds itself in its closure."""
        def inner(x: Any, n: int) -> Any:
            return 1.0 if n == 0 else x * inner(x, n - 1)

        assert ag.grad(ag.as_written(inner))(2.0, 3) == 12.0

    def test_method_that_makes_another_of_its_class_is_followed(self) -> None:
        """A method may call its own class: the real part of (x + i)² is x² − 1."""
        def square(x: Any) -> Any:
            z = Complex(x, 1.0)
            return z.times(z).re

        assert ag.grad(ag.as_written(square))(3.0) == 6.0


class TestNumPysFunctions:
    """Functions of NumPy as programs call them."""

    def test_einsum_takes_its_operands_for_operands(self) -> None:
        """np.einsum's out is a keyword, and its last operand is none."""
        w = np.arange(6.0).reshape(2, 3)

        def f(x: Any) -> Any:
            return np.sum(np.einsum("ij,j->i", w, x) ** 2)

        x = np.array([1.0, -2.0, 0.5])
        assert np.allclose(ag.grad(ag.as_written(f))(x), 2 * w.T @ w @ x, rtol=1e-14)
