"""Higher derivatives at the kink of a length: right where the whole is smooth, or nan."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor

norm, hypot, std = np.linalg.norm, np.hypot, np.std
I2 = np.eye(2)
SMOOTH = {  # at the point, the Hessian by hand
    "exp(-‖x‖²)": (lambda x: np.exp(-norm(x) ** 2), np.zeros(2), -2 * I2),
    "‖x‖²": (lambda x: norm(x) ** 2, np.zeros(2), 2 * I2),
    "‖x‖⁴": (lambda x: norm(x) ** 4, np.zeros(2), 0 * I2),
    "cos ‖x‖": (lambda x: np.cos(norm(x)), np.zeros(2), -I2),
    "‖x − c‖²": (lambda x: norm(x - np.array([1.0, 2.0])) ** 2, np.array([1.0, 2.0]), 2 * I2),
    "‖Ax‖²": (lambda x: norm(np.array([[1.0, 2.0], [0.0, 3.0]]) @ x) ** 2, np.zeros(2),
              np.array([[2.0, 4.0], [4.0, 26.0]])),
    "rows": (lambda x: np.sum(norm(x.reshape(2, 1), axis=-1) ** 2), np.zeros(2), 2 * I2),
    "one row at 0": (lambda x: np.sum(norm(x.reshape(2, 1), axis=-1) ** 2), np.array([0.0, 3.0]),
                     2 * I2),
    "Frobenius": (lambda x: norm(x.reshape(2, 1)) ** 2, np.zeros(2), 2 * I2),
    "hypot²": (lambda x: hypot(x[0], x[1]) ** 2, np.zeros(2), 2 * I2),
    "1/(1 + hypot²)": (lambda x: 1 / (1 + hypot(x[0], x[1]) ** 2), np.zeros(2), -2 * I2),
    "std²": (lambda x: std(x) ** 2, np.ones(2), np.array([[0.5, -0.5], [-0.5, 0.5]])),
    "Σ|x|²": (lambda x: np.sum(np.abs(x) ** 2), np.array([0.0, -1.0]), 2 * I2),
    "Σ|x|³": (lambda x: np.sum(np.abs(x) ** 3), np.array([0.0, -1.0]), np.diag([0.0, 6.0])),
    "|x₀|²·x₁": (lambda x: np.abs(x[0]) ** 2 * x[1], np.array([0.0, 3.0]), np.diag([6.0, 0.0])),
    "a mask of 0": (lambda x: np.sum(np.array([0.0, 1.0]) * np.abs(x) ** 2), np.zeros(2),
                    np.diag([0.0, 2.0])),
}
KINKED = {
    "‖x‖": (norm, np.zeros(2)),
    "‖x‖ + ‖x‖²": (lambda x: norm(x) + norm(x) ** 2, np.zeros(2)),
    "std": (std, np.ones(2)),
    "the 3-norm": (lambda x: norm(x, 3), np.zeros(2)),
    "the 1.5-norm": (lambda x: norm(x, 1.5), np.zeros(2)),
    "a product of lengths": (lambda x: np.prod(norm(x.reshape(2, 1), axis=-1)), np.zeros(2)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_where_the_whole_is_smooth_the_hessian_is_right(name):
    """The Hessian is that of the smooth function, by rows, by hvp, and by a gradient's gradient."""
    f, x, expected = SMOOTH[name]
    np.testing.assert_allclose(ag.hessian(f)(x), expected, atol=1e-15)
    v = np.array([0.3, -0.7])
    np.testing.assert_allclose(ag.hvp(f, (x,), (v,))[0], expected @ v, rtol=1e-14, atol=1e-15)
    along = ag.grad(ag.grad(lambda t: f(x + t * v)))(0.0)
    assert along == pytest.approx(v @ expected @ v, rel=1e-14, abs=1e-15)
    leaf = Tensor(x)
    slope = ag.gradients(f(leaf), leaf, create_graph=True)
    np.testing.assert_allclose(ag.gradients(slope, leaf, seed=v), expected @ v, rtol=1e-14,
                               atol=1e-15)


@pytest.mark.parametrize("name", KINKED)
def test_where_there_is_no_hessian_no_number_is_made_up(name):
    """At a real kink the gradient is the least subgradient, and the Hessian says nan."""
    f, x = KINKED[name]
    np.testing.assert_array_equal(ag.grad(f)(x), np.zeros(2))
    assert np.isnan(np.diag(ag.hessian(f)(x))).all()


def test_a_recorded_gradient_at_a_kink_is_the_gradient():
    """With create_graph the gradient at a kink is 0, though its own derivative there is nan."""
    for f in (lambda x: np.sum(np.diff(np.abs(x)) ** 2), lambda x: norm(std(x)),
              lambda x: np.prod(norm(x.reshape(-1, 1), axis=-1)), lambda x: norm(np.abs(x))):
        x = Tensor(np.zeros(2))
        recorded = ag.gradients(f(x), x, create_graph=True)
        np.testing.assert_array_equal(recorded.data, ag.gradients(f(x), x))


def test_parameters_of_the_smooth_function_keep_their_derivatives():
    """∂/∂a of the Hessian of exp(−a‖x‖²) at 0 is −2·I."""
    def f(a):
        return ag.hessian(lambda x: np.exp(-a * norm(x) ** 2))(np.zeros(2))

    np.testing.assert_allclose(ag.jacobian(f)(3.0), -2 * I2, atol=1e-15)


def test_the_third_order_is_right_and_what_is_not_known_is_nan():
    """Of cos |(t, 0)| at 0 the derivatives are 0, −1, 0, and the fourth, 1, isn't known: nan."""
    f = lambda t: np.cos(hypot(t, 0 * t))
    for expected in (0.0, -1.0, 0.0, np.nan):
        f = ag.grad(f)
        np.testing.assert_array_equal(f(0.0), expected)


def test_float32_keeps_its_dtype_at_a_kink():
    """A Hessian-vector product of exp(−‖x‖²) at 0 in float32 is −2v in float32."""
    v = np.array([1.0, 2.0], np.float32)
    (got,) = ag.hvp(lambda x: np.exp(-norm(x) ** 2), (np.zeros(2, np.float32),), (v,))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, -2 * v)


def test_copysign_is_a_length_too():
    """copysign(x, b)² is x²: its second derivative at 0 is 2, not the 0 of the kink."""
    for b in (2.0, -2.0):
        assert ag.hessian(lambda x, b=b: np.copysign(x, b) ** 2)(0.0) == 2.0
        assert ag.grad(lambda x, b=b: np.copysign(x, b))(-3.0) == -np.copysign(1.0, b)
    x = np.array([0.0, -1.5])
    np.testing.assert_allclose(
        ag.hessian(lambda x: np.sum(np.copysign(x, x) ** 2))(x), 2 * np.eye(2))


@pytest.mark.parametrize(("f", "second"), [
    (lambda x: abs(x) ** 2, 2.0), (lambda x: np.square(np.copysign(x, -1.0)), 2.0),
    (lambda x: ag.exp(-np.hypot(x, x) ** 2), -4.0), (lambda x: ag.cos(abs(x)), -1.0),
], ids=["abs squared", "copysign squared", "exp of hypot", "cos of abs"])
def test_a_programs_second_derivative_at_the_zero_of_a_length(interpreted, f, second):
    """A compiled Hessian takes the limit where a length is 0, for one sample and for a batch."""
    program = ag.compile(ag.hessian(f))
    away = ag.hessian(f)(0.5)
    expected = [second, away, second]
    np.testing.assert_allclose([program(x) for x in (0.0, 0.5, 0.0)], expected, 1e-12, 1e-14)
    batch = ag.jacobian(ag.jacobian(ag.compile(f, batched=0)))
    np.testing.assert_allclose(batch(np.array([0.0, 0.5])), expected[:2], 1e-12, 1e-14)
