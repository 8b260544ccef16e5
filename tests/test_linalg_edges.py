"""Linear algebra at its edges: one triangle, singular matrices."""

import numpy as np
import pytest
from matrices import EPS, RNG, WEIGHT, L, central, near, spd

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.ops import linalg as rules

# ── one triangle ─────────────────────────────────────────────────────────────────────────────

ONE_TRIANGLE = {
    "cholesky": lambda a: np.sum(L.cholesky(a) * WEIGHT),
    "cholesky, upper": lambda a: np.sum(L.cholesky(a, upper=True) * WEIGHT),
    "eigvalsh": lambda a: np.sum(L.eigvalsh(a) ** 2 * WEIGHT[0]),
    "eigvalsh, U": lambda a: np.sum(L.eigvalsh(a, "U") ** 2 * WEIGHT[0]),
    "eigvalsh, l": lambda a: np.sum(L.eigvalsh(a, UPLO="l") ** 2 * WEIGHT[0]),
    "eigh, vectors": lambda a: np.sum(L.eigh(a)[1] ** 2 * WEIGHT),
    "eigh, vectors, U": lambda a: np.sum(L.eigh(a, "U")[1] ** 2 * WEIGHT),
    "eigh, both": lambda a: np.sum((L.eigh(a)[1] * L.eigh(a)[0][..., None, :]) ** 2 * WEIGHT),
    "log det": lambda a: np.sum(np.log(np.diagonal(L.cholesky(a), 0, -2, -1))),
}


@pytest.mark.parametrize("stack", [(), (2,)], ids=["one", "a stack"])
@pytest.mark.parametrize("name", ONE_TRIANGLE)
def test_the_triangle_that_is_read_is_differentiated(name, stack):
    """Gradient and Hessian of what reads one triangle are those of that function of all entries."""
    f, a = ONE_TRIANGLE[name], spd(4, *stack)
    g = ag.grad(f)(a)
    near(g, central(f, a), 1e-6)
    unread = np.tril(g, -1) if "upper" in name or "U" in name else np.triu(g, 1)
    assert not unread.any()
    direction = RNG.normal(size=a.shape)
    near(ag.hvp(f, (a,), (direction,))[0],
         central(lambda a: np.sum(ag.grad(f)(a) * direction), a), 1e-5, 1e-7)
    near(ag.jvp(f, (a,), (direction,))[1], np.sum(g * direction))


@pytest.mark.parametrize("name", ONE_TRIANGLE)
def test_the_triangle_that_is_not_read_may_hold_anything(name):
    """A matrix given by one triangle alone has the same gradient as the whole symmetric one."""
    f, a = ONE_TRIANGLE[name], spd(4)
    half = np.triu(a) if "upper" in name or "U" in name else np.tril(a)
    near(ag.grad(f)(half), ag.grad(f)(a), 1e-11, 1e-12)


@pytest.mark.parametrize("name", ONE_TRIANGLE)
def test_of_the_symmetric_part_the_gradient_is_symmetric(name):
    """Through ag.symmetric the gradient is the symmetric one, with the same directional slopes."""
    f, a = ONE_TRIANGLE[name], spd(4)
    g = ag.grad(lambda a: f(ag.symmetric(a)))(a)
    near(g, g.T, 1e-13, 1e-14)
    near(g, ag.symmetric(ag.grad(f)(a)), 1e-12, 1e-13)


def test_log_determinant_by_cholesky_has_the_inverse_as_symmetrised_gradient():
    """2 Σ log Lᵢᵢ of the symmetric part has the gradient A⁻¹, which the textbooks state."""
    a = spd(3)
    g = ag.grad(lambda a: 2 * np.sum(np.log(np.diag(L.cholesky(ag.symmetric(a))))))(a)
    near(g, L.inv(a), 1e-12)


@pytest.mark.parametrize("shape", [(3,), (2, 3), ()])
def test_symmetric_refuses_what_is_not_square(shape):
    """A matrix that isn't square has no symmetric part, and the error gives its shape."""
    with pytest.raises(ag.errors.ShapeError, match="square matrices, got the shape"):
        ag.symmetric(np.zeros(shape))


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_smallest_sizes_keep_their_kind(n, dtype):
    """Matrices of one number and of none have gradients of their own shape and dtype."""
    a = 4 * np.eye(n, dtype=dtype)
    for f, slope in ((L.cholesky, 0.25), (L.eigvalsh, 1.0), (lambda a: L.eigh(a)[1], 0.0),
                     (lambda a: L.svd(a)[0], 0.0), (lambda a: L.qr(a)[0], 0.0),
                     (lambda a: L.slogdet(a)[1], 0.25), (L.svdvals, 1.0)):
        g = ag.grad(lambda a, f=f: np.sum(f(a)))(a)
        assert g.dtype == dtype
        near(g, slope * np.eye(n))


# ── singular matrices ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("a", [np.ones((3, 2)), np.zeros((2, 2)), np.diag([1.0, 0.0]),
                               np.array([[1.0, 2, 0], [2, 4, 1], [3, 6, 5]])], ids=str)
def test_q_of_dependent_columns_is_not_determined(a):
    """Where a column depends on those before it, the gradient through Q is nan, not an error."""
    for f in (lambda a: np.sum(L.qr(a)[0]), lambda a: np.sum(L.qr(a)[1])):
        assert np.isnan(ag.grad(f)(a)).all()


def test_columns_in_small_units_are_not_dependent():
    """Q doesn't change when a column is scaled, and its gradient only by the same factor."""
    a = RNG.normal(size=(3, 2))

    def f(a):
        return np.sum(L.qr(a)[0] * WEIGHT[:3, :2])

    units = np.array([1.0, 1e-30])
    near(ag.grad(f)(a * units) * units, ag.grad(f)(a), 1e-12)


def test_log_determinant_of_a_singular_matrix():
    """The log-determinant of a singular matrix is −inf, and its slope nan: near it the slope goes
    to +∞ and to −∞."""
    for a in (np.diag([1.0, 0.0]), np.zeros((2, 2)), np.zeros((1, 1)), np.ones((2, 2))):
        y = L.slogdet(Tensor(a))[1]
        assert y.data == -np.inf
        assert np.isnan(ag.gradients(y, y.parents[0])).all()


SINGULAR_AND_REGULAR = np.stack([np.diag([1.0, 0.0]), np.array([[1.0, 2], [2, 5]])])


@pytest.mark.parametrize("f", [lambda a: L.qr(a)[0] ** 2, lambda a: L.slogdet(a)[1]])
def test_a_singular_matrix_stays_alone_in_its_stack(f):
    """In a stack, the regular matrix has its gradient, and an unused singular one has 0."""
    a, weight = SINGULAR_AND_REGULAR, np.array([1.0, -0.5])
    alone = ag.grad(lambda a: np.sum(f(a) * weight))(a[1])
    used = ag.grad(lambda a: np.sum(f(a) * weight))(a)
    if np.ndim(f(a)) > 1:
        near(used[1], alone)
        assert np.isnan(used[0]).all()
    unused = ag.grad(lambda a: np.sum(f(a)[1] * weight))(a)
    near(unused[0], np.zeros((2, 2)))
    near(unused[1], ag.grad(lambda a: np.sum(f(a) * weight))(a[1]))


def test_condition_number_of_a_singular_matrix_is_infinite():
    """The condition number of a singular matrix is inf for every norm, as NumPy's is, without an
    error, forward or backward."""
    for p in (None, 1, -1, np.inf, "fro", 2):
        a = np.array([[1.0, 2.0], [2.0, 4.0]])
        y = L.cond(Tensor(np.stack([a, np.eye(2)])), p)
        assert y.data[0] > 1e15
        assert y.data[1] == pytest.approx(L.cond(np.eye(2), p))
        with np.errstate(all="ignore"):
            assert ag.grad(lambda a, p=p: L.cond(a, p))(a).shape == (2, 2)


@pytest.mark.parametrize("f", [
    lambda a: L.qr(a)[0][0, 0], lambda a: L.slogdet(a)[1], lambda a: L.eigh(a)[1][0, 0],
    lambda a: L.svd(a)[0][0, 1]])
def test_what_is_not_determined_has_no_second_derivative_either(f):
    """The second derivative of what isn't determined is nan, and not the 0 of a constant nan's
    derivative; so is jvp's."""
    a = np.zeros((2, 2))
    assert np.isnan(ag.hessian(f)(a)).all()
    assert np.isnan(ag.jvp(f, (a,), (np.ones((2, 2)),))[1])
    assert np.isnan(ag.hvp(f, (a,), (np.ones((2, 2)),))[0]).all()


@pytest.fixture
def strict_lapack(monkeypatch):
    """A LAPACK that raises for every matrix that is singular up to rounding."""
    numpy_solve = np.linalg.solve

    def solve(a, b):
        if (np.linalg.cond(a) > 0.1 / EPS).any():
            raise np.linalg.LinAlgError("Singular matrix")
        return numpy_solve(a, b)

    monkeypatch.setattr(np.linalg, "solve", solve)


@pytest.mark.usefixtures("strict_lapack")
def test_no_lapack_raises_in_a_backward_pass():
    """What is singular but for rounding is masked before it is solved, or is nan."""
    with np.errstate(all="ignore"):
        for f in (lambda a: np.sum(L.qr(a)[0]), lambda a: np.sum(L.qr(a)[1]),
                  lambda a: L.slogdet(a)[1], lambda a: np.sum(L.pinv(a)),
                  lambda a: np.sum(L.svdvals(a) ** 2), lambda a: np.sum(L.lstsq(a, a)[0])):
            for a in (np.ones((3, 3)), np.arange(9.0).reshape(3, 3), np.outer([1.0, 3], [1.0, 7])):
                assert ag.grad(f)(a).shape == a.shape
                assert ag.hessian(f)(a).shape == a.shape * 2


@pytest.mark.usefixtures("strict_lapack")
def test_solving_for_a_rule_gives_nan_where_a_matrix_is_singular():
    """Beside a singular matrix in a stack the other systems have their solutions, and a node its
    derivative."""
    a, b = SINGULAR_AND_REGULAR, np.ones((2, 2, 1))
    y = rules.solved(Tensor(a), b)
    assert np.isnan(y.data[0]).all()
    near(y.data[1], L.solve(a[1], b[1]))
    g = ag.gradients(ag.sum(y[1]), y.parents[0])
    near(g[1], ag.grad(lambda a: np.sum(L.solve(a, b[1])))(a[1]))
