"""ag.as_written on whole programs, in the ways in which they are published."""

from __future__ import annotations

from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any

import numpy as np
import pytest

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


@dataclass
class Spring:
    """A dataclass of all kinds of fields: given, computed, defaults, and one of `__post_init__`."""

    stiffness: Any
    scale: InitVar[Any]
    parts: list[Any] = field(default_factory=list)
    _: KW_ONLY
    length: float = 2.0
    energy: Any = field(init=False)

    def __post_init__(self, scale: Any) -> None:
        buffer = np.zeros(2)
        buffer[0] = self.stiffness * scale
        self.parts.append(buffer[0])
        self.energy = float(np.sum(buffer)) * self.length


@dataclass(frozen=True, slots=True)
class Point:
    """A dataclass that can't be changed, in slots."""

    x: Any
    y: Any = 3.0


class TestDataclasses:
    """Objects whose `__init__` Python has written."""

    def test_fields_and_post_init_are_followed(self) -> None:
        """A dataclass's fields hold nodes, and its `__post_init__` is the user's code."""
        def f(k: Any) -> Any:
            spring = Spring(k, scale=3.0, length=k)
            return spring.energy + spring.parts[0] + len(Spring(1.0, 2.0).parts)

        written = ag.as_written(f)
        assert written(2.0) == f(2.0) == 3 * 2.0**2 + 3 * 2.0 + 1
        assert ag.grad(written)(2.0) == 6 * 2.0 + 3
        assert written.unchecked == ""

    def test_frozen_dataclass_in_slots_holds_nodes(self) -> None:
        """A frozen dataclass is filled as Python does it."""
        def f(x: Any) -> Any:
            point = Point(np.array([x, 1.0])[0])
            return point.x * point.y

        assert ag.grad(ag.as_written(f))(2.0) == 3.0

    def test_wrong_arguments_of_a_dataclass_are_a_type_error(self) -> None:
        """What is missing is said as Python says it."""
        with pytest.raises(TypeError, match="missing a required argument: 'scale'"):
            ag.grad(ag.as_written(lambda k: Spring(k).energy))(1.0)


class TestBuffers:
    """Arrays that numbers are stored in one after the other."""

    def test_one_number_among_plain_ones_is_followed(self) -> None:
        """A buffer with a single node in it is one: the sum of [x, 0, 1] has slope 1."""
        def f(x: Any) -> Any:
            out = np.zeros(3)
            out[0], out[2] = x, 1.0
            return np.sum(out)

        assert ag.grad(ag.as_written(f))(2.0) == 1.0

    def test_float_in_a_float32_buffer_is_rounded_as_in_a_plain_run(self) -> None:
        """A Python float written to all of a float32 array has seven digits, and slope 1."""
        def f(x: Any) -> Any:
            out = np.zeros(2, np.float32)
            out[:] = x
            return np.sum(out)

        value, slope = ag.value_and_grad(ag.as_written(f))(0.1)
        assert value == f(0.1)
        assert slope == 2.0

    def test_float_made_a_float32_is_one(self) -> None:
        """np.float32(x), and np.array(x, np.float32), round a Python float and keep its slope."""
        def f(x: Any) -> Any:
            return np.float32(x) * np.array(x, np.float32)

        value, slope = ag.value_and_grad(ag.as_written(f))(0.1)
        assert value == f(0.1)
        assert slope == np.float32(0.2)
