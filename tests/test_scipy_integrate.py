"""ag.scipy.integrate against scipy.integrate: equations by their adjoint, and integrals."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.integrate as si
from scipy_cases import check

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import GraphError, NotDifferentiableError
from autograd_mini.scipy_api import ode
from autograd_mini.verify.numeric import slope_along

ours = ag.scipy.integrate
random = np.random.default_rng(8)
Y = random.normal(size=(3, 7))
X = np.sort(random.normal(size=7))
TIMES, START = np.array([0.0, 0.5, 1.3, 2.0]), np.array([1.0, 0.7])
GROWTH, BITE = np.array([0.8, 0.5]), 0.6


def foxes(y, t, growth, bite):
    """Lotka's and Volterra's equations, in better times to come; a list, as users write it."""
    return [growth[0] * y[0] - bite * y[0] * y[1] + 0.1 * t,
            -growth[1] * y[1] + bite * y[0] * y[1]]


def decay(y, t, k):
    """The equation of y₀ e^(−kt)."""
    return -k * y


def loss(room, y0, t, growth, bite):
    y = room.odeint(foxes, y0, t, args=(growth, bite), rtol=1e-12, atol=1e-12)
    return ag.sum(y**2 * np.arange(8.0).reshape(4, 2))


@pytest.mark.slow  # higher derivatives, or machines: seconds
@pytest.mark.parametrize("i", range(4), ids=["y0", "t", "an array in args", "a number in args"])
def test_gradients_of_odeint(i):
    """odeint is SciPy's, and its gradients in y0, t and args are differences of SciPy's numbers."""
    arguments = [START, TIMES, GROWTH, BITE]
    x = np.asarray(arguments[i])
    direction = np.random.default_rng(i).normal(size=x.shape)
    measured = slope_along(lambda s: float(loss(si, *arguments[:i], x + s * direction,
                                                *arguments[i + 1:])), 0.0)
    got = ag.grad(lambda *a: loss(ours, *a), i)(*arguments)
    assert np.shape(got) == x.shape
    assert np.sum(got * direction) == pytest.approx(measured.value, rel=1e-7)
    y = ours.odeint(foxes, Tensor(START), TIMES, args=(GROWTH, BITE))
    np.testing.assert_allclose(y.data, si.odeint(foxes, START, TIMES, args=(GROWTH, BITE)),
                               rtol=1e-13)


@pytest.mark.slow  # higher derivatives, or machines: seconds
def test_derivatives_to_order_three():
    """The derivatives of y₀ e^(−kt) in k, in y₀ and t together are those of the formula."""
    derivative = lambda k: ours.odeint(decay, 2.0, [0.0, 0.5], args=(k,))[1, 0]
    for order in (1, 2, 3):
        derivative = ag.grad(derivative)
        true = 2 * (-0.5) ** order * math.exp(-0.5 * 0.7)
        assert derivative(0.7) == pytest.approx(true, rel=1e-6)

    def f(v):
        return ours.odeint(decay, v[0], ag.stack([0.0, v[1]]), args=(0.7,))[1, 0]

    e = math.exp(-0.35)
    np.testing.assert_allclose(ag.hessian(f)(np.array([2.0, 0.5])),
                               [[0.0, -0.7 * e], [-0.7 * e, 2 * 0.49 * e]], atol=1e-7)


def test_nodes_that_the_function_closes_over():
    """A node, or what is computed of one, may stand in the function itself, to second order."""
    def f(k):
        rate = ag.exp(k)  # not a leaf
        return ours.odeint(lambda y, t: -rate * y + k, 1.0, [0.0, 1.0])[1, 0]

    def exact(k):
        rate = np.exp(k)
        return (1 - k / rate) * np.exp(-rate) + k / rate

    assert ag.grad(f)(0.3) == pytest.approx(ag.grad(exact)(0.3), rel=1e-7)
    assert ag.grad(ag.grad(f))(0.3) == pytest.approx(ag.grad(ag.grad(exact))(0.3), rel=1e-6)
    k = Value(0.3)
    rate = ag.exp(k)
    y = ours.odeint(lambda y, t: -rate * y, 1.0, [0.0, 1.0])[1, 0]
    y.backward()
    assert rate.grad == pytest.approx(-math.exp(-rate.data), rel=1e-7)
    assert k.grad == pytest.approx(rate.grad * rate.data, rel=1e-12)


@pytest.mark.parametrize("k", [10.0, 1000.0])
def test_what_decays_fast(k):
    """The gradient is right where the equation, backwards, would grow beyond all numbers."""
    def last(k):
        return ours.odeint(lambda y, t, k: -k * (y - np.cos(t)), 1.0, [0.0, 2.0], args=(k,))[1, 0]

    def exact(k):  # but for e^(−2k)
        return (k * k * np.cos(2.0) + k * np.sin(2.0)) / (1 + k * k)

    assert ag.grad(last)(k) == pytest.approx(ag.grad(exact)(k), rel=1e-5)


def test_solve_ivp():
    """solve_ivp's result is SciPy's, with a node for y, at SciPy's own times or at given ones."""
    def fun(t, y, k):
        return -k * y

    found = ours.solve_ivp(fun, (0, 1), [1.0, 2.0], args=(Value(2.0),))
    plain = si.solve_ivp(fun, (0, 1), [1.0, 2.0], args=(2.0,))
    np.testing.assert_array_equal(found.t, plain.t)
    np.testing.assert_allclose(found.y.data, plain.y, rtol=1e-14)
    assert found.success and type(ours.solve_ivp(fun, (0, 1), [1.0], args=(2.0,)).y) is np.ndarray

    def f(k, y0):
        y = ours.solve_ivp(fun, (0, 1), y0, "DOP853", [0.25, 1.0], args=(k,), rtol=1e-10).y
        return ag.sum(y[:, 1]) + y[0, 0]

    of_k, of_y0 = ag.grad(f, (0, 1))(2.0, np.array([1.0, 2.0]))
    assert of_k == pytest.approx(-3 * math.exp(-2) - 0.25 * math.exp(-0.5), rel=1e-8)
    np.testing.assert_allclose(of_y0, math.exp(-2) + np.array([math.exp(-0.5), 0]), rtol=1e-7)
    g = ag.grad(lambda k: ours.solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], rtol=1e-9).y[0, -1])
    assert g(2.0) == pytest.approx(-math.exp(-2), rel=1e-7)


def test_arguments_of_odeint():
    """The time may come first, args may be nested, y0 a number; plain numbers are SciPy's."""
    k = {"rate": Value(0.5), "none": None}
    y = ours.odeint(lambda t, y, k, unit: -k["rate"] * y * unit, 1.0, [0.0, 1.0], args=(k, 2.0),
                    tfirst=True)
    assert y.shape == (2, 1)
    assert ag.gradients(y[1, 0], k["rate"]) == pytest.approx(-2 * math.exp(-1), rel=1e-7)
    assert ag.gradients(y[0, 0], k["rate"]) == 0.0
    calls = []
    plain = ours.odeint(lambda y, t: calls.append(t) or -y, 1.0, [0.0, 1.0])
    count = len(calls)
    np.testing.assert_array_equal(plain, si.odeint(lambda y, t: calls.append(t) or -y, 1.0, [
        0.0, 1.0]))
    assert len(calls) == 2 * count
    twice = ag.grad(lambda v: ag.sum(ours.odeint(decay, v, [0.0, 0.0, 1.0, 1.0], args=(1.0,))))
    assert twice(3.0) == pytest.approx(2 + 2 * math.exp(-1), rel=1e-8)
    single = ours.odeint(decay, Value(3.0), [0.0], args=(1.0,))
    assert single.shape == (1, 1)
    assert ag.grad(lambda v: ours.odeint(decay, v, [0.0], args=(1.0,))[0, 0])(3.0) == 1.0


k = Value(1.0)


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: ours.odeint(lambda y, t: -k * y if t > 0.5 else -y, 1.0, [0.0, 1.0]), GraphError,
     "closes over a node that it doesn't use at the first time"),
    (lambda: ours.odeint(lambda y, t, u: -k * y if t > 0.5 else -u * y, 1.0, [0.0, 1.0], (
        Value(1.0),)), GraphError, r"give the node in args=\(…\)"),
    (lambda: ours.odeint(lambda y, t: np.array([-k * y[0]]), [1.0], [0.0, 1.0]),
     NotDifferentiableError, "join nodes with np.stack"),
    (lambda: ours.odeint(lambda y, t: [-k * y[0], 1.0], [1.0], [0.0, 1.0]), GraphError,
     "returned 2 numbers for a y of 1"),
    (lambda: ours.odeint(decay, 1.0, [0.0, 1.0], (k,), full_output=True), NotDifferentiableError,
     r"odeint\(full_output=…\) isn't supported for nodes"),
    (lambda: ours.odeint(decay, 1.0, [0.0, 1.0], (1.0,), rtol=k), NotDifferentiableError, "rtol"),
    (lambda: ours.solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], events=lambda t, y: y[0]),
     NotDifferentiableError, "ask for the times that are needed with t_eval"),
    (lambda: ours.solve_ivp(lambda t, y: -y, (0, k), [1.0]), NotDifferentiableError, "in t_span"),
    (lambda: ours.quad(lambda x: x, 0, k), NotDifferentiableError, "quad isn't differentiable"),
    (lambda: ours.cumulative_trapezoid(Tensor(X), initial=1), ValueError, "must be `None` or `0`"),
    (lambda: ours.romberg2, AttributeError, "it has: cumulative_trapezoid, odeint, simpson"),
])
def test_what_is_refused(call, error, message):
    """What would lose a gradient is refused by its name, with the cure."""
    with pytest.raises(error, match=message):
        call()


def test_numbers_that_changed_since():
    """A node that the function closes over may not be updated before the gradient is asked for."""
    rate = Value(2.0)
    y = ours.odeint(lambda y, t: -rate * y, 1.0, [0.0, 1.0])
    rate.data = 3.0
    with pytest.raises(GraphError, match="holds another number than when it was integrated"):
        ag.sum(y).backward()


def test_an_equation_in_a_program_is_refused():
    """A compiled function has no place for an equation, whether a node is in args or closed over.
    """
    for f in (lambda k: ours.odeint(decay, 1.0, [0.0, 1.0], args=(k,))[1, 0],
              lambda k: ours.odeint(lambda y, t: -k * y, 1.0, [0.0, 1.0])[1, 0],
              lambda k: ours.solve_ivp(lambda t, y: -k * y, (0, 1), [1.0]).y[0, -1]):
        with pytest.raises(GraphError, match="no place for an integrated equation"):
            ag.compile(f)(1.0)


@pytest.mark.slow  # higher derivatives, or machines: seconds
def test_the_way_back_is_halved():
    """The second derivative of what decays fast is right, its way back being halved."""
    def last(k):
        return ours.odeint(lambda y, t, k: -k * (y - t), 1.0, [0.0, 1.0], args=(k,))[1, 0]

    exact = lambda k: 1 - 1 / k + (1 + 1 / k) * np.exp(-k)
    assert ag.grad(ag.grad(last))(20.0) == pytest.approx(ag.grad(ag.grad(exact))(20.0), rel=1e-5)


def test_a_gradient_that_is_lost_is_an_error(monkeypatch):
    """Where an adjoint can't be integrated it is an error, not a number."""
    def last(k):
        return ours.odeint(lambda y, t, k: -k * (y - t), 1.0, [0.0, 1.0], args=(k,))[1, 0]

    monkeypatch.setattr(ode, "HALVINGS", 0)
    monkeypatch.setattr(ode._Backward.nodes, "__defaults__", (0,))
    with pytest.raises(GraphError, match="second derivative of an integrated equation is lost"):
        ag.grad(ag.grad(last))(50.0)
    monkeypatch.setattr(ode.scipy.integrate, "solve_ivp", lambda *_, **__: SimpleNamespace(
        success=False, message="enough"))
    with pytest.raises(GraphError, match="couldn't be integrated from t = 0 to 1: enough"):
        ag.grad(last)(1.0)


def test_an_integration_that_stops_early_is_an_error():
    """solve_ivp of an equation that leaves all numbers behind is an error, not a part of it."""
    with pytest.raises(GraphError, match="solve_ivp stopped early"):
        ours.solve_ivp(lambda t, y: k * y**2, (0, 2), [1.0])


# ── integrals of samples ─────────────────────────────────────────────────────────────────────


@pytest.mark.slow  # higher derivatives, or machines: seconds
@pytest.mark.parametrize("n", [2, 3, 6, 7])
@pytest.mark.parametrize("name", ["simpson", "trapezoid", "cumulative_trapezoid"])
def test_integrals_of_samples(name, n):
    """Integrals of samples are SciPy's, of even and odd numbers of them, and differentiable in y
    and x."""
    def both(**given):
        return (lambda *a: getattr(ours, name)(*a, **given),
                lambda *a: getattr(si, name)(*a, **given))

    check(*both(), Y[:, :n], X[:n])
    check(*both(dx=0.3, axis=0), Y[:, :n].T, single=False)
    check(*both(), Y[:, :n], np.sort(Y[:, :n]))


def test_cumulative_trapezoid_from_the_first_sample():
    """With initial=0 there is a 0 in front."""
    check(lambda y, x: ours.cumulative_trapezoid(y, x, axis=0, initial=0),
          lambda y, x: si.cumulative_trapezoid(y, x, axis=0, initial=0), Y.T, X)


@pytest.mark.oracle
def test_hips_autograd_agrees():
    """HIPS autograd's odeint gives the same gradients in y0, t and args."""
    odeint, grad = pytest.importorskip("autograd.scipy.integrate").odeint, (
        pytest.importorskip("autograd").grad)
    theirs, boxed = pytest.importorskip("autograd.numpy"), pytest.importorskip("autograd.builtins")

    def f(room, total, args):
        return lambda y0, t, k: total(room(decay, y0, t, args((k,)), rtol=1e-10, atol=1e-10) ** 2)

    for i in range(3):
        here = ag.grad(f(ours.odeint, ag.sum, tuple), i)(START, TIMES, BITE)
        there = grad(f(odeint, theirs.sum, boxed.tuple), i)(START, TIMES, BITE)
        np.testing.assert_allclose(here, there, rtol=1e-6)
