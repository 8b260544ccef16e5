"""has_aux, elementwise_grad and hvp of f alone: what is returned, nested too, and to SciPy."""

from __future__ import annotations

import collections
import pickle

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.errors import DTypeError, GraphError, IndependentWarning, ShapeError


def with_cube(x):
    """x², and beside it x³, a text and nothing."""
    return x**2, {"cube": x**3, "text": "aside", "none": None}


def cube(x):
    """A function that pickles."""
    return x**3


# ── has_aux ──────────────────────────────────────────────────────────────────────────────────


def test_each_transform_returns_what_f_returns_beside():
    """The derivative is that of the first of the pair; the second comes as plain numbers."""
    aux = {"cube": 8.0, "text": "aside", "none": None}
    assert ag.grad(with_cube, has_aux=True)(2.0) == (4.0, aux)
    assert ag.value_and_grad(with_cube, has_aux=True)(2.0) == ((4.0, aux), 4.0)
    assert ag.jacobian(with_cube, has_aux=True)(2.0) == (4.0, aux)
    assert ag.hessian(with_cube, has_aux=True)(2.0) == (2.0, aux)
    y, pullback, beside = ag.vjp(with_cube, 2.0, has_aux=True)
    assert (y, pullback(1.0), beside) == (4.0, (4.0,), aux)
    assert ag.jvp(with_cube, (2.0,), (1.0,), has_aux=True) == (4.0, 4.0, aux)
    assert type(ag.grad(with_cube, has_aux=True)(2.0)[1]["cube"]) is float
    assert ag.grad(with_cube, 0, True)(2.0) == (4.0, aux)


def test_aux_is_a_copy_where_it_is_an_array():
    """What depends on the arguments is the caller's to change; what holds no node is itself."""
    mine = {1.0}
    _, (doubled, same) = ag.grad(lambda x: (np.sum(x), (2 * x, mine)), has_aux=True)(np.ones(2))
    doubled += 1.0
    assert doubled.tolist() == [3.0, 3.0] and same is mine
    untouched = collections.deque([1.0])
    assert ag.grad(lambda x: (x**2, untouched), has_aux=True)(2.0)[1] is untouched


def test_aux_of_a_nested_level_stays_connected():
    """d/dx [2xy² at y = x · x·x³] is exact: what comes out beside the inner gradient is a node."""
    def outer(x):
        slope, aux = ag.grad(lambda y: (x * y**2, {"c": x * y**3}), has_aux=True)(x)
        return slope * aux["c"]  # 2x² · x⁴

    assert ag.grad(outer)(2.0) == 12.0 * 2.0**5
    assert ag.grad(lambda x: ag.vjp(lambda y: (y, x * y), x, has_aux=True)[2])(3.0) == 6.0
    assert ag.grad(lambda x: ag.jvp(lambda y: (y, x * y), (x,), (1.0,), has_aux=True)[2])(3.0) == 6


def test_a_node_from_outside_in_aux_is_not_cut_off():
    """If only aux depends on a parameter from outside, it comes as a node, with its gradient."""
    w = Value(3.0)
    _, penalty = ag.grad(lambda x: (x**2, w**2), has_aux=True)(2.0)
    penalty.backward()
    assert w.grad == 6.0
    with ag.no_grad():
        assert ag.grad(lambda x: (x**2, w**2), has_aux=True)(2.0) == (4.0, 9.0)


@pytest.mark.parametrize(("result", "what"), [
    (lambda x: x**2, "a Value"), (lambda x: (x, x, x), "a tuple of 3"), (lambda x: None, "None"),
    (lambda x: {"a": x, "b": x}, "a dict of 2"),
])
def test_a_result_that_is_no_pair_is_refused(result, what):
    """The error says what has_aux=True is for, and what was returned."""
    for attempt in (lambda: ag.grad(result, has_aux=True)(2.0),
                    lambda: ag.vjp(result, 2.0, has_aux=True)):
        with pytest.raises(DTypeError, match=rf"a pair, \(y, aux\); this one returned {what}"):
            attempt()


def test_a_pair_without_has_aux_is_answered():
    """The refusal of a tuple tells of has_aux."""
    with pytest.raises(DTypeError, match=r"\(y, aux\) with has_aux=True"):
        ag.grad(with_cube)(2.0)


def test_transforms_with_aux_pickle_and_say_so():
    """The copy still returns the pair; the repr has has_aux."""
    made = pickle.loads(pickle.dumps(ag.grad(with_cube, has_aux=True)))
    assert made(2.0)[0] == 4.0 and repr(made) == "<grad(with_cube, has_aux=True)>"


def test_programs_refuse_aux():
    """A program has no place for what isn't made of numbers."""
    for attempt in (lambda: ag.compile(ag.grad(with_cube, has_aux=True)),
                    lambda: ag.grad(ag.compile(cube), has_aux=True)):
        with pytest.raises(GraphError, match="has_aux=True is not for compiled programs"):
            attempt()


# ── elementwise_grad ─────────────────────────────────────────────────────────────────────────


def test_elementwise_grad_is_the_derivative_at_each_number():
    """f′ for each entry, to any order, also of a function that mixes them: the sum's gradient."""
    x = np.linspace(-1.0, 2.0, 6).reshape(2, 3)
    slope = ag.elementwise_grad(np.sin)
    np.testing.assert_allclose(slope(x), np.cos(x), rtol=1e-15)
    np.testing.assert_allclose(ag.elementwise_grad(slope)(x), -np.sin(x), rtol=1e-15)
    A = np.arange(6.0).reshape(3, 2)
    assert ag.elementwise_grad(lambda x: A @ x)(np.ones(2)).tolist() == A.sum(axis=0).tolist()
    assert ag.elementwise_grad(cube)(2.0) == 12.0
    assert pickle.loads(pickle.dumps(ag.elementwise_grad(cube)))(2.0) == 12.0
    assert repr(ag.elementwise_grad(cube)) == "<grad(sum of cube)>"


def test_elementwise_grad_refuses_what_has_no_sum():
    """Several arrays, None, and a result that doesn't depend on x are told."""
    with pytest.raises(DTypeError, match="a tuple of 2; elementwise_grad takes one"):
        ag.elementwise_grad(lambda x: (x, x))(2.0)
    with pytest.raises(DTypeError, match="returned None"):
        ag.elementwise_grad(lambda x: None)(2.0)
    with pytest.raises(DTypeError, match="elementwise_grad takes a function"):
        ag.elementwise_grad(2.0)
    with pytest.warns(IndependentWarning):
        assert not ag.elementwise_grad(np.sign)(np.ones(2)).any()


def test_elementwise_grad_in_programs():
    """It is compiled like a gradient."""
    assert ag.compile(ag.elementwise_grad(cube))(np.arange(3.0)).tolist() == [0.0, 3.0, 12.0]


# ── hvp of f alone, and SciPy's optimizers ───────────────────────────────────────────────────


def rosenbrock(x, a=100.0):
    """The valley, of steepness a."""
    return np.sum(a * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_hvp_of_f_alone_is_a_function_of_point_and_direction():
    """H·v of the first argument, in its form; the others follow, by position or keyword."""
    x, v = np.array([0.5, -0.3, 0.8]), np.array([1.0, 2.0, -1.0])
    H = ag.hessian(rosenbrock)(x, 50.0)
    np.testing.assert_allclose(ag.hvp(rosenbrock)(x, v, 50.0), H @ v, rtol=1e-12)
    np.testing.assert_allclose(ag.hvp(rosenbrock)(x, v, a=50.0), H @ v, rtol=1e-12)
    assert ag.hvp(lambda p: p["a"] ** 2 * p["b"])({"a": 3.0, "b": 2.0}, {"a": 1.0, "b": 0.0}) == {
        "a": 4.0, "b": 6.0}
    assert repr(ag.hvp(rosenbrock)) == "<hvp(rosenbrock)>"
    with pytest.raises(ShapeError, match="tangent"):
        ag.hvp(rosenbrock)(x, v[:2])
    with pytest.raises(DTypeError, match="tuples"):
        ag.hvp(rosenbrock, x)


def test_scipys_optimizers_take_the_transforms():
    """jac=, hess=, hessp=, jac=True, with args=: each finds the minimum."""
    optimize = pytest.importorskip("scipy.optimize")
    grad, hessian = ag.grad(rosenbrock), ag.hessian(rosenbrock)
    for options in ({"method": "BFGS", "jac": grad}, {"method": "Newton-CG", "jac": grad,
                    "hess": hessian}, {"method": "trust-ncg", "jac": grad, "hessp":
                    ag.hvp(rosenbrock)}, {"method": "trust-exact", "jac": grad, "hess": hessian}):
        found = optimize.minimize(rosenbrock, np.zeros(4), args=(50.0,), **options)
        np.testing.assert_allclose(found.x, 1.0, atol=1e-3, err_msg=str(options))
    found = optimize.minimize(ag.value_and_grad(rosenbrock), np.zeros(4), jac=True)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-3)


def test_scipys_least_squares_and_roots_take_the_jacobian():
    """least_squares, root and newton with exact derivatives."""
    optimize = pytest.importorskip("scipy.optimize")
    t = np.arange(4.0)

    def residual(p, t):
        return p[1] * np.exp(p[0] * t) - 2.0 * np.exp(0.5 * t)

    fit = optimize.least_squares(residual, [0.1, 1.0], jac=ag.jacobian(residual), args=(t,))
    np.testing.assert_allclose(fit.x, [0.5, 2.0], rtol=1e-6)

    def system(x):
        return np.stack([x[0] ** 2 + x[1] - 3.0, x[0] - x[1] + 1.0])

    root = optimize.root(system, [2.0, 1.0], jac=ag.jacobian(system))
    np.testing.assert_allclose(root.x, [1.0, 2.0], rtol=1e-6)
    x = optimize.newton(lambda x: x**3 - np.array([8.0, 27.0]), np.array([1.5, 2.5]),
                        fprime=ag.elementwise_grad(cube))
    np.testing.assert_allclose(x, [2.0, 3.0], rtol=1e-6)


def test_scipys_optimizer_of_a_tree():
    """flatten makes one vector of the parameters, and the parameters of the vector again."""
    optimize = pytest.importorskip("scipy.optimize")

    def loss(p):
        return np.sum((p["W"] - 3.0) ** 2) + (p["b"] + 1.0) ** 2

    x0, unflatten = ag.flatten({"W": np.zeros((2, 2)), "b": 0.0})
    found = optimize.minimize(ag.value_and_grad(lambda x: loss(unflatten(x))), x0, jac=True)
    p = unflatten(found.x)
    np.testing.assert_allclose(p["W"], np.full((2, 2), 3.0), rtol=1e-5)
    assert p["b"] == pytest.approx(-1.0, rel=1e-5)
