"""Whole matrices of first and second derivatives, derived by hand."""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.errors import DTypeError, ShapeError

RNG = np.random.default_rng(0)
A, X, P = RNG.normal(size=(3, 2)), RNG.normal(size=2), RNG.normal(size=4)


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def softmax_jacobian(z):
    s = softmax(z)
    return np.diag(s) - np.outer(s, s)


def wrong_softmax_jacobian(z):
    s = softmax(z)
    return np.diag(s) + np.outer(s, s)


def polar(p):
    r, t = p
    return np.array([r * np.cos(t), r * np.sin(t)])


def polar_transposed(p):
    r, t = p
    return np.array([[np.cos(t), np.sin(t)], [-r * np.sin(t), r * np.cos(t)]])


def filled(x):
    out = np.zeros(2)
    out[0] = x[0] * x[1]
    out[1] = x[0] ** 2
    return out


@pytest.mark.parametrize(("f", "J", "args", "wrt"), [
    (lambda x: A @ x, A, (X,), None),
    (softmax, softmax_jacobian, (P,), None),
    (polar, lambda p: polar_transposed(p).T, (np.array([1.2, 0.4]),), None),
    (filled, lambda x: np.array([[x[1], x[0]], [2 * x[0], 0]]), (X,), None),
    (lambda x: np.sum(x**2), lambda x: 2 * x, (P,), None),
    (lambda x: np.stack([np.sin(x), x**2]), lambda x: np.array([np.cos(x), 2 * x]), (0.3,), None),
    (lambda x, y: x * y, lambda x, y: (np.diag(y), np.diag(x)), (X, X + 1), ("x", "y")),
    (lambda x, y: x * y, lambda x, y: {"y": np.diag(x)}, (X, X + 1), None),
])
def test_right_jacobians(f, J, args, wrt):
    """Of vectors, numbers, code that fills arrays; of several arguments; given as numbers."""
    assert ag.check_jacobian(f, J, *args, wrt=wrt).ok


@pytest.mark.parametrize(("f", "J", "x", "kind", "said"), [
    (lambda x: A @ x, lambda x: A.T, X, "transpose", "of shape (3, 2)"),
    (polar, polar_transposed, np.array([1.2, 0.4]), "transpose", "is transposed"),
    (np.tanh, lambda x: 1 - np.tanh(x) ** 2, X, "shape", "np.diag makes the matrix"),
    (softmax, lambda z: np.diag(np.diag(softmax_jacobian(z))), P, "partial", "only its diagonal"),
    (softmax, lambda z: -softmax_jacobian(z), P, "sign", "wrong sign"),
    (lambda x: A @ x, A / 2, X, "factor", "1/2 times"),
    (lambda x: A @ x, np.zeros((4, 4)), X, "shape", "another shape"),
])
def test_wrong_jacobians_are_named(f, J, x, kind, said):
    """By what they are of the right one."""
    report = ag.check_jacobian(f, J, x)
    assert report.verdict == "wrong" and str(report).startswith("The Jacobian is wrong")
    found = report.entries[0].suspects
    assert any(s.kind == kind and said in s.message for s in found), str(report)


def test_a_wrong_line_of_a_jacobian():
    """The line and its correction are those of a gradient."""
    first = ag.check_jacobian(softmax, wrong_softmax_jacobian, P)["z"].suspects[0]
    assert first.fix == "return np.diag(s) - np.outer(s, s)"
    assert first.line.endswith("return np.diag(s) + np.outer(s, s)")


def test_a_small_entry_of_a_jacobian():
    """One that hardly changes the product with a cotangent is compared with its own row."""
    def f(x):
        return np.array([1e9 * x[0], 1e-3 * x[1]])

    assert ag.check_jacobian(f, np.array([[1e9, 0.0], [0.0, 1e-3]]), X).ok
    report = ag.check_jacobian(f, np.array([[1e9, 0.0], [0.0, 2e-3]]), X)
    assert report.verdict == "wrong" and report["x"].worst == (1, 1)


def test_several_results_are_checked_one_by_one():
    """A Jacobian is that of one array."""
    with pytest.raises(DTypeError, match="must return one array"):
        ag.check_jacobian(lambda x: (x, 2 * x, x), lambda x: np.eye(2), X)


# ── second derivatives ───────────────────────────────────────────────────────────────────────


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_hessian(x):
    h = np.zeros((len(x), len(x)))
    for i in range(len(x) - 1):
        h[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        h[i, i + 1] += -400 * x[i]
        h[i + 1, i] += -400 * x[i]
        h[i + 1, i + 1] += 200
    return h


def filled_loss(x):
    out = np.zeros(4)
    for i in range(4):
        out[i] = x[i] ** 3
    return float(out.sum())


@pytest.mark.parametrize(("loss", "H", "args"), [
    (rosenbrock, rosenbrock_hessian, (P,)),
    (rosenbrock, rosenbrock_hessian(P), (P,)),
    (filled_loss, lambda x: np.diag(6 * x), (P,)),
    (lambda x, c: c * x**3, lambda x, c: 6 * c * x, (0.5, 2.0)),
    (lambda W: np.sum(W**2) / 2, lambda W: np.eye(6).reshape(3, 2, 3, 2), (A,)),
])
def test_right_hessians(loss, H, args):
    """Of vectors, numbers, matrices, and of code that fills arrays."""
    assert ag.check_hessian(loss, H, *args).ok


def off_diagonal_twice(x):
    h = rosenbrock_hessian(x)
    return 2 * h - np.diag(np.diag(h))


def without_constant(x):
    return rosenbrock_hessian(x) - np.diag([2.0, 2, 2, 0])


def asymmetric(x):
    h = rosenbrock_hessian(x)
    h[0, 1] += 3
    return h


WRONG_HESSIANS = [
    (lambda x: np.triu(rosenbrock_hessian(x)), "only its upper triangle"),
    (lambda x: np.tril(rosenbrock_hessian(x)), "only its lower triangle"),
    (lambda x: np.diag(np.diag(rosenbrock_hessian(x))), "only its diagonal"),
    (lambda x: -rosenbrock_hessian(x), "wrong sign"),
    (lambda x: rosenbrock_hessian(x) / 2, "1/2 times"),
    (off_diagonal_twice, "off the diagonal was counted twice"),
    (without_constant, "the number 2 is missing at [0, 0], [1, 1], [2, 2]"),
    (asymmetric, "it isn't symmetric: [0, 1] is"),
]


@pytest.mark.parametrize(("H", "said"), [
    row if k in (3, 6) else pytest.param(*row, marks=pytest.mark.slow)
    for k, row in enumerate(WRONG_HESSIANS)])
def test_wrong_hessians_are_named(H, said):
    """By what they are of the right one, and whether they are symmetric."""
    report = ag.check_hessian(rosenbrock, H, P)
    assert str(report).startswith("The Hessian is wrong for x")
    assert any(said in s.message for s in report["x"].suspects), str(report)


def test_a_hessian_of_a_loss_that_is_refused():
    """Second derivatives are judged through the engine's first ones, which must be certain."""
    report = ag.check_hessian(lambda x: np.real(np.fft.fft(x**2))[0], lambda x: 2 * np.eye(2), X)
    assert report.verdict == "can't tell" and "can't follow the loss" in report["x"].reason
    with pytest.raises(ShapeError, match="needs the point"):
        ag.check_hessian(rosenbrock, rosenbrock_hessian)
