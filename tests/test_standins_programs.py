"""ag.as_written on whole programs, in the ways in which they are published."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.errors import NotDifferentiableError


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

    def test_assertions_of_numpy_look_at_the_numbers(self) -> None:
        """np.testing compares numbers, whatever they came from."""
        def f(x: Any) -> Any:
            np.testing.assert_allclose(np.sum(x), 2.0, err_msg=f"{x[0]}")
            return np.sum(x * x)

        assert ag.grad(ag.as_written(f))(np.ones(2)).tolist() == [2.0, 2.0]
        with pytest.raises(AssertionError, match="Not equal"):
            ag.grad(ag.as_written(f))(np.ones(3))

    def test_nditer_of_a_node_is_refused_by_name(self) -> None:
        """np.nditer reads memory; what loops as well is said."""
        def f(x: Any) -> Any:
            return sum(v * 2 for v in np.nditer(x))

        with pytest.raises(NotDifferentiableError, match=r"np\.nditer gives .*np\.ndenum"):
            ag.grad(ag.as_written(f))(np.ones(2))

    @pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # np.matrix
    def test_classes_of_numpy_take_plain_arrays(self) -> None:
        """np.matrix and np.nditer of arrays without nodes are as they always are."""
        def f(x: Any) -> Any:
            whole = np.asarray(np.matrix(np.eye(2)) * np.matrix(np.eye(2) * 2))
            return sum(float(v) for v in np.nditer(np.ones(3))) * x + whole[0, 0]

        assert ag.value_and_grad(ag.as_written(f))(2.0) == (8.0, 3.0)


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


class TestLists:
    """Lists of numbers where NumPy's number makes an array of them."""

    @pytest.mark.parametrize("f", [
        lambda x: ([v ** 2 for v in x] / np.sum(x))[0],
        lambda x: np.sum(([x[0], 2 * x[1]] - np.max(x)) ** 2),
        lambda x: np.sum(np.max(x) - (x[0], 3.0)),
        lambda x: np.sum([[x[0], 1.0], [2.0, x[1]]] ** np.mean(x)),
        lambda x: np.sum([1.0, 2.0] / np.mean(x)),
    ])
    def test_list_and_number_make_an_array(self, f: Any) -> None:
        """An operator between a list and a number of NumPy gives an array, with its gradient."""
        x = np.array([0.7, 1.2])
        g = ag.grad(ag.as_written(f))(x)
        slopes = [(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(2)]
        assert np.allclose(g, slopes, rtol=1e-8, atol=1e-8)

    def test_what_a_list_becomes_can_be_written_to(self) -> None:
        """The array that comes out is one of the function's own."""
        def f(x: Any) -> Any:
            out = [x[0], x[1]] / np.sum(x)
            out[0] = 3.0
            return np.sum(out)

        x = np.array([1.0, 3.0])
        assert np.allclose(ag.grad(ag.as_written(f))(x), [-3 / 16, 1 / 16], rtol=1e-14)

    def test_outside_of_written_code_a_list_of_nodes_is_refused(self) -> None:
        """Without ag.as_written a list of nodes is no array."""
        with pytest.raises(NotDifferentiableError, match="ag.as_written"):
            ag.grad(lambda x: np.sum([x[0], x[1]] - np.max(x)))(np.ones(2))


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


class TestResults:
    """What a function may return beside its numbers."""

    @pytest.mark.parametrize("other", [None, "a name", 1 + 2j, object(), np.array(["a"]), True])
    def test_result_that_is_no_number_is_passed_on(self, other: Any) -> None:
        """A text, an object or a complex number beside the loss isn't compared, nor counted."""
        def f(x: Any) -> Any:
            return {"other": other, "loss": np.sum(x * x), "sizes": [len(x), x]}

        x = ag.Tensor(np.array([1.0, 2.0]))
        found = ag.as_written(f)(x)
        assert found["other"] is other
        assert ag.gradients(found["loss"], [x])[0].tolist() == [2.0, 4.0]


class TestApproximateSlopes:
    """Functions whose exact derivative isn't that of the loop which computes them."""

    def test_rule_of_the_users_own_needn_t_be_the_loops(self) -> None:
        """A root found to three digits has the root's slope by its rule, and another as a loop."""
        def found(a: Any) -> Any:
            x = 10.0
            while abs(x * x - a) > 1e-2:
                x = x - 0.05 * (x * x - a)
            return x

        root = ag.structural(found, lambda g, y, a: g / (2 * y), name="root_of_a_loop")
        slope = ag.grad(ag.as_written(lambda a: 3.0 * root(a)))(2.0)
        assert slope == 3.0 / (2 * found(2.0))

    def test_rule_of_the_users_own_is_compared_roughly(self) -> None:
        """What is off by more than a tenth is refused beside such a rule, too."""
        twice = ag.structural(lambda x: 2 * x, lambda g, y, x: 2 * g, name="twice_x")

        def f(x: Any) -> Any:
            return twice(x) + float(str(x))

        with pytest.raises(NotDifferentiableError, match="a number has left the graph"):
            ag.grad(ag.as_written(f))(1.5)

    def test_function_that_takes_no_other_numbers_is_not_refused(self) -> None:
        """Where a plain run beside the arguments raises, differences can't tell."""
        def f(p: Any) -> Any:
            if float(np.sum(p)) != 1.0:
                raise ValueError("the probabilities don't sum to 1")
            return np.sum(p * p)

        assert ag.grad(ag.as_written(f))(np.array([0.25, 0.75])).tolist() == [0.5, 1.5]

    def test_equation_integrated_roughly_is_differentiated(self) -> None:
        """odeint(rtol=0.01) has steps of its own; its slope is the equation's."""
        odeint = ag.scipy.integrate.odeint

        def f(k: Any) -> Any:
            return np.sum(odeint(lambda y, t: -k * y ** 3, [2.0], [0.0, 0.5, 1.0], rtol=0.1))

        exact = [-0.5 * 2.0**3 * 2 * t * (1 + 8.0 * t) ** -1.5 for t in (0.5, 1.0)]
        assert abs(ag.grad(ag.as_written(f))(1.0) / sum(exact) - 1) < 0.1


def half(v: Any) -> Any:
    """Half of v, by way of math."""
    return math.exp(v) / 2


class Raised:
    """An object that can be called."""

    def __init__(self, base: Any) -> None:
        self.base = math.sqrt(base)

    def __call__(self, v: Any) -> Any:
        """The square root of the base to the power v."""
        return math.pow(self.base, v)


class Vector:
    """A point whose length and angle are properties, and whose radius can be set."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y, self.__asked = x, y, 0

    @property
    def length(self) -> Any:
        """How far it is from 0."""
        self.__asked += 1
        return math.hypot(self.x, self.y)

    @length.setter
    def length(self, value: Any) -> None:
        buffer = np.array([self.x, self.y])
        buffer *= float(value) / math.hypot(self.x, self.y)
        self.x, self.y = buffer

    @functools.cached_property
    def angle(self) -> Any:
        """Against the first axis."""
        self.__asked += 1
        return math.atan2(self.y, self.x)

    def asked(self) -> int:
        """How often a property was computed."""
        return self.__asked


def stretched(x: Any) -> Any:
    """A vector made longer by way of its property."""
    v = Vector(x[0], x[1])
    v.length = 2.0 * x[0]
    v.length += x[1]
    return v.x * v.y


CALLED: list[Callable[[Any], Any]] = [
    lambda x: sum(map(functools.partial(math.pow, 2.0), x)),
    lambda x: sum(map(Raised(2.0), x)),
    lambda x: sum(r.base for r in map(Raised, x)),
    lambda x: functools.reduce(functools.partial(lambda k, p, q: k * p * half(q), 0.1), x, 1.0),
    lambda x: sum(itertools.starmap(math.pow, [(x[0], 2.0), (x[1], x[0])])),
    lambda x: list(itertools.accumulate(x, math.pow))[-1],
    lambda x: max(x, key=half) * min(x[0], x[1], key=Raised(3.0)),
    lambda x: sorted(x, key=lambda v: -half(v))[0] ** 2,
    lambda x: {half: 3.0}[half] * [half, math.exp].index(half) + {half: x[0]}.get(half) * x[1],
    lambda x: Vector(x[0], x[1]).length,
    lambda x: (lambda v: v.angle * v.angle * v.asked())(Vector(x[0], x[1])),
    lambda x: sum(v.length for v in itertools.starmap(Vector, [x, 2 * x])),
    stretched,
    lambda x: len(getattr(half, "__name__")) * x[0],
]


class TestFunctionsThatAreHandedOn:
    """Functions that Python's own functions call, or keep."""

    @pytest.mark.parametrize("f", CALLED)
    def test_what_python_calls_is_followed(self, f: Any) -> None:
        """A partial, object or class is followed where `map` calls it; a property, too."""
        x = np.array([0.7, 1.2])
        slopes = [(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(2)]
        assert np.allclose(ag.grad(ag.as_written(f))(x), slopes, rtol=1e-8, atol=1e-9)
