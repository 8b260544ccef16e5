"""grad, vjp, jvp, jacobian, hessian, hvp: against each other, closed forms, and nested."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import (
    DTypeError,
    IndependentWarning,
    NotDifferentiableError,
    ShapeError,
)

EPS = np.finfo(float).eps


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_hessian(x):
    n = len(x)
    H = np.zeros((n, n))
    i = np.arange(n - 1)
    H[i, i] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    H[i + 1, i + 1] += 200
    H[i, i + 1] = H[i + 1, i] = -400 * x[:-1]
    return H


def test_plain_in_plain_out():
    """Floats give floats, arrays arrays, of the arguments' shapes; the caller may change them."""
    value, g = ag.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    assert value == 5.0 and isinstance(value, float)
    g += 1.0
    assert g.tolist() == [3.0, 5.0]
    assert type(ag.grad(np.tanh)(0.5)) is float


def test_unmodified_numpy_loss():
    """The logistic loss in plain NumPy gives the closed form (2/n) Xᵀ((p − t) p (1 − p))."""

    def loss(W, b, X, t):
        p = 1 / (1 + np.exp(-(X @ W + b)))
        return np.mean((p - t) ** 2)

    rng = np.random.default_rng(0)
    W, b, X, t = rng.normal(size=3), 0.3, rng.normal(size=(5, 3)), rng.normal(size=5)
    p = 1 / (1 + np.exp(-(X @ W + b)))
    d = 2 * (p - t) * p * (1 - p) / 5
    dW, db = ag.grad(loss, argnums=(0, 1))(W, b, X, t)
    np.testing.assert_allclose(dW, X.T @ d, rtol=1e-13)
    assert db == pytest.approx(d.sum(), rel=1e-13)


def test_hessian_of_rosenbrock():
    """The Hessian equals its closed form; hvp equals H·v without it."""
    x = np.linspace(-1.2, 1.4, 6)
    H = ag.hessian(rosenbrock)(x)
    np.testing.assert_allclose(H, rosenbrock_hessian(x), rtol=1e-12, atol=1e-11)
    v = np.arange(6.0)
    np.testing.assert_allclose(ag.hvp(rosenbrock, (x,), (v,))[0], H @ v, rtol=1e-12, atol=1e-10)


def test_jvp_and_vjp_are_transposes():
    """u·(J v) = (Jᵀ u)·v, and both agree with the Jacobian itself."""

    def f(x, s):
        return np.tanh(A @ x) * s

    rng = np.random.default_rng(1)
    A, x, v, u = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=3), rng.normal(size=4)
    y, tangent = ag.jvp(f, (x, 2.0), (v, 0.5))
    _, pullback = ag.vjp(f, x, 2.0)
    bx, bs = pullback(u)
    assert u @ tangent == pytest.approx(bx @ v + bs * 0.5, rel=1e-13)
    J = ag.jacobian(f)(x, 2.0)
    assert J.shape == (4, 3)
    np.testing.assert_allclose(bx, J.T @ u, rtol=1e-13)
    np.testing.assert_allclose(y, np.tanh(A @ x) * 2.0, rtol=1e-15)


def test_orders_compose():
    """The n-th derivative of x⁵ is 5!/(5−n)! x^(5−n), to the sixth, which is 0."""
    f = lambda x: x**5
    for expected in (80.0, 160.0, 240.0, 240.0, 120.0, 0.0):
        f = ag.grad(f)
        assert f(2.0) == expected


def test_transforms_inside_each_other():
    """grad of jvp, jvp of grad, jacobian of vjp: the same second derivatives."""
    x, v = np.array([0.3, -0.7]), np.array([1.0, 2.0])

    def f(z):
        return np.sum(np.sin(z) * z)

    H = ag.hessian(f)(x)
    np.testing.assert_allclose(ag.grad(lambda z: ag.jvp(f, (z,), (v,))[1])(x), H @ v, rtol=1e-13)
    np.testing.assert_allclose(ag.jvp(ag.grad(f), (x,), (v,))[1], H @ v, rtol=1e-13)
    np.testing.assert_allclose(ag.jacobian(lambda z: ag.vjp(f, z)[1](1.0)[0])(x), H, rtol=1e-13)
    np.testing.assert_allclose(ag.jacobian(ag.jacobian(f))(x), H, rtol=1e-13)


def test_no_perturbation_confusion():
    """d/dx [x · d/dy (x + y)] = 1: two levels that bind the same number stay two variables."""
    assert ag.grad(lambda x: x * ag.grad(lambda y: x + y)(x))(1.0) == 1.0
    assert ag.grad(lambda x: x * ag.grad(lambda y: x * y)(2.0))(3.0) == 6.0
    assert ag.grad(lambda x: ag.jvp(lambda y: x * y, (x,), (1.0,))[1])(3.0) == 1.0


def test_nested_arguments():
    """A dict of a list and a tuple comes back in the same form."""
    params = {"layers": [np.ones(2), 3.0], "scale": (np.array(2.0),)}

    def f(p):
        return np.sum(p["layers"][0] * p["layers"][1]) * p["scale"][0]

    g = ag.grad(f)(params)
    assert g["layers"][0].tolist() == [6.0, 6.0] and g["layers"][1] == 4.0
    assert isinstance(g["scale"], tuple) and g["scale"][0] == 6.0 and np.shape(g["scale"][0]) == ()
    H = ag.hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 3.0, "b": 2.0})
    assert H == {"a": {"a": 4.0, "b": 6.0}, "b": {"a": 6.0, "b": 0.0}}


def test_nested_results():
    """The Jacobian of a function that returns a tuple is a tuple of Jacobians."""
    first, second = ag.jacobian(lambda x: (x * 2, np.sum(x)))(np.ones(2))
    assert first.tolist() == [[2, 0], [0, 2]] and second.tolist() == [1, 1]
    y, t = ag.jvp(lambda x: {"a": x * 2, "b": x}, (3.0,), (1.0,))
    assert y == {"a": 6.0, "b": 3.0} and t == {"a": 2.0, "b": 1.0}


def test_unused_argument_has_gradient_zero():
    """A result that doesn't depend on one argument has the zero gradient there."""
    ga, gb = ag.grad(lambda a, b: a * 2, (0, 1))(1.0, np.ones(3))
    assert ga == 2.0 and gb.tolist() == [0, 0, 0]
    assert ag.grad(lambda x: ag.grad(lambda y: 3 * y)(x))(1.0) == 0.0


def test_nodes_in_nodes_out():
    """Given a node, the gradient is a node of the same graph, and differentiable."""
    w = Value(2.0)
    slope = ag.grad(lambda x: x**3)(w)
    slope.backward()
    assert isinstance(slope, Value) and slope.data == 12.0 and w.grad == 12.0
    t = Tensor([1.0, 2.0])
    assert isinstance(ag.grad(lambda x: ag.sum(x**2))(t), Tensor)


def test_outer_nodes_are_never_detached():
    """A node in a closure, a keyword, a tangent or a cotangent keeps the result in its graph."""

    def slope(v, how):
        f = lambda x: x**2 * v
        return {
            "closure": lambda: ag.grad(f)(3.0),
            "keyword": lambda: ag.grad(lambda x, v: x**2 * v)(3.0, v=v),
            "value": lambda: ag.value_and_grad(f)(3.0)[1],
            "jvp": lambda: ag.jvp(f, (3.0,), (1.0,))[1],
            "tangent": lambda: ag.jvp(lambda x: x**2, (3.0,), (v,))[1],
            "cotangent": lambda: ag.vjp(lambda x: x**2, 3.0)[1](v)[0],
            "jacobian": lambda: ag.jacobian(f)(3.0),
        }[how]()

    for how in ("closure", "keyword", "value", "jvp", "tangent", "cotangent", "jacobian"):
        v = Value(2.0)
        (slope(v, how) * v).backward()  # 6v · v
        assert v.grad == 24.0, how
    with ag.no_grad():
        assert ag.grad(lambda x: x**2 * Value(1.0))(3.0) == 6.0


def test_inner_transforms_in_other_threads_and_in_no_grad():
    """A worker thread's gradient stays in the graph; one taken inside no_grad is a constant."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        outer = ag.grad(
            lambda x: x * pool.submit(lambda: ag.grad(lambda z: z * x * x)(1.0)).result())
        assert outer(3.0) == 27.0

    def f(x):
        with ag.no_grad():
            c = ag.grad(lambda z: z * z)(x)
        return x * c

    assert ag.grad(f)(3.0) == 6.0


def test_gradient_penalty():
    """d/dw of |∂(w·x³)/∂x|² reaches w through the inner gradient."""
    w = Tensor([1.0, 2.0])
    x = np.array([1.0, -1.0])
    inner = ag.grad(lambda z: ag.sum(w * z**3))(x)
    (ag.sum(inner**2) + ag.sum(w)).backward()
    np.testing.assert_allclose(w.grad, 2 * 9 * w.data + 1)


def test_results_and_arguments_can_be_changed_afterwards():
    """vjp keeps its own copies: of the argument and of the result."""
    x = np.zeros(2)
    y, pullback = ag.vjp(np.exp, x)
    y *= 0.0
    x += 5.0
    assert pullback(np.ones(2))[0].tolist() == [1.0, 1.0]


def test_a_pullback_answers_each_cotangent_in_kind():
    """A node in gives a node out, and the next plain one plain numbers again."""
    _, pullback = ag.vjp(lambda x: x**2, 3.0)
    assert isinstance(pullback(Value(1.0))[0], Value)
    assert type(pullback(1.0)[0]) is float


def test_dict_tangents_in_any_order():
    """Tangents are matched to primals by key."""
    y, t = ag.jvp(lambda p: p["a"] * p["b"], ({"a": 2.0, "b": 3.0},), ({"b": 10.0, "a": 1.0},))
    assert (y, t) == (6.0, 23.0)


def test_recording_inside_no_grad():
    """A transform differentiates what it calls, also inside no_grad."""
    with ag.no_grad():
        assert ag.grad(lambda x: x * x)(3.0) == 6.0


def test_values_and_loops():
    """Python control flow is followed as it runs."""

    def newton_sqrt(a):
        x = a
        for _ in range(30):
            x = 0.5 * (x + a / x)
        return x

    assert ag.grad(newton_sqrt)(2.0) == pytest.approx(0.5 / np.sqrt(2.0), rel=1e-14)


def test_empty_arrays():
    """No numbers, no gradient entries, no error."""
    assert ag.grad(lambda x: np.sum(x * 2))(np.zeros((0, 3))).shape == (0, 3)
    assert ag.jacobian(lambda x: x * 2)(np.zeros(0)).shape == (0, 0)


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (lambda: ag.grad(lambda x: x * 2)(np.ones(2)), ShapeError, "use jacobian or vjp"),
        (lambda: ag.grad(lambda x: float(x))(1.0), NotDifferentiableError, r"float\(\) inside"),
        (lambda: ag.grad(lambda x: x, argnums=1)(1.0), ShapeError, "argnums 1"),
        (lambda: ag.grad(lambda x, y: x, (0, -2))(1.0, 2.0), ShapeError, "twice"),
        (lambda: ag.grad(lambda x: x)(1j), DTypeError, "complex"),
        (lambda: ag.grad(lambda x: x)("a"), DTypeError, "argument 0 is a str, 'a'"),
        (lambda: ag.vjp(lambda x: x * 2, np.ones(2))[1](np.ones(3)), ShapeError, "cotangent"),
        (lambda: ag.jvp(lambda x: x, (1.0,), (1.0, 2.0)), ShapeError, "2 tangents"),
        (lambda: ag.jvp(lambda x: x, (np.ones(2),), (np.ones(3),)), ShapeError, "tangent"),
        (lambda: ag.jvp(lambda x: x, 1.0, 1.0), DTypeError, "tuples"),
        (lambda: ag.jacobian(lambda x: [1.0])(1.0), IndependentWarning, "doesn't depend"),
    ],
)
def test_refusals(attempt, error, message):
    """Bad input is named, with the way round."""
    with pytest.raises(error, match=message):
        attempt()


def test_the_function_may_not_write_into_its_argument():
    """In-place assignment into what is differentiated is refused, not silently lost."""

    def f(x):
        x[0] = 1.0
        return np.sum(x)

    with pytest.raises(TypeError, match="can't be changed in place"):
        ag.grad(f)(np.ones(2))


def test_second_orders_of_arrays_times_floats():
    """A cotangent that a float was multiplied with goes on to an array of no axes."""
    def f(x, t):
        product = x[1] * t
        return ag.stack([product])[0] + product

    for dtype in (np.float64, np.float32):
        x, v = np.array([0.0, -1.0], dtype), np.array([1.0, 0.5], dtype)
        along_x, along_t = ag.hvp(f, (x, -1.0), (v, 0.3))
        assert along_x == pytest.approx([0.0, 0.6]) and along_t == pytest.approx(1.0)
        assert along_x.dtype == dtype


def test_a_pullback_made_before_is_a_constant():
    """A vjp of plain numbers, pulled inside another transform, leaves its result plain."""
    pull = ag.vjp(lambda z: z**3, 2.0)[1]
    value, pulled = ag.vjp(lambda u: pull(u)[0], 3.0)
    assert type(value) is float
    assert type(pulled(1.0)[0]) is float
    assert pulled(1.0)[0] == 12.0
    second = ag.grad(lambda x: ag.grad(lambda u: pull(u * u)[0])(x))(3.0)
    assert type(second) is float
    assert second == 24.0
