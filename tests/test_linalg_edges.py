"""Linear algebra at its edges: one triangle, equal values, singular matrices."""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.ops import linalg as rules

L = np.linalg
RNG = np.random.default_rng(11)
EPS = np.finfo(float).eps
STEP = EPS ** (1 / 3)  # the error of a central difference is about STEP² = EPS^(2/3)


def spd(n, *stack):
    """Well-conditioned symmetric matrices."""
    x = RNG.normal(size=(*stack, n, n))
    return x @ np.swapaxes(x, -1, -2) + n * np.eye(n)


def central(f, x):
    """The gradient of f by central differences, entry by entry."""
    g = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += STEP
        down[place] -= STEP
        g[place] = (f(up) - f(down)) / (2 * STEP)
    return g


def near(got, expected, rtol=1e-7, atol=1e-9):
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


# ── one triangle ─────────────────────────────────────────────────────────────────────────────

WEIGHT = RNG.normal(size=(4, 4))
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
    """Its value is −inf, and its slope nan: near it the slope goes to +∞ and to −∞."""
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
    """As NumPy's it is inf for every norm, without an error, forward or backward."""
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
    """Not 0, which the derivative of a constant nan would be; nor in a direction, by jvp."""
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
    """The other matrices of the stack have their solutions, and a node its derivative."""
    a, b = SINGULAR_AND_REGULAR, np.ones((2, 2, 1))
    y = rules.solved(Tensor(a), b)
    assert np.isnan(y.data[0]).all()
    near(y.data[1], L.solve(a[1], b[1]))
    g = ag.gradients(ag.sum(y[1]), y.parents[0])
    near(g[1], ag.grad(lambda a: np.sum(L.solve(a, b[1])))(a[1]))


# ── equal values ─────────────────────────────────────────────────────────────────────────────

Q = L.qr(RNG.normal(size=(4, 4)))[0]
SYMMETRIC = {
    "the identity": np.eye(4), "0": np.zeros((4, 4)), "two pairs": np.diag([1.0, 1, 2, 2]),
    "one pair": np.diag([1.0, 1, 2, 3]), "a turned pair": (Q * [1.0, 1, 2, 3]) @ Q.T,
    "rank 1": np.ones((4, 4)), "none": spd(4),
}


def of_eigh(a, h):
    """V h(λ) Vᵀ of the symmetric part."""
    w, v = L.eigh(ag.symmetric(a))
    return (v * h(w)) @ v.T


@pytest.mark.parametrize("name", SYMMETRIC)
def test_functions_of_a_matrix_by_eigh(name):
    """V h(λ) Vᵀ has its derivative wherever eigenvalues are equal, whichever V LAPACK chose."""
    a, c = SYMMETRIC[name], ag.symmetric(WEIGHT)
    near(ag.grad(lambda a: np.sum(of_eigh(a, lambda w: w) * WEIGHT))(a), c, atol=1e-13)
    near(ag.grad(lambda a: np.sum(of_eigh(a, lambda w: w**2) * WEIGHT))(a), c @ a + a @ c,
         atol=1e-13)
    shifted = ag.grad(lambda a: np.sum(of_eigh(a, lambda w: w - a[0, 0]) * WEIGHT))(a)
    c[0, 0] -= np.trace(WEIGHT)
    near(shifted, c, atol=1e-13)


def test_jvp_through_vectors_of_equal_eigenvalues():
    """Forwards as backwards: entries that depend on the choice of vectors are nan, others not."""
    a, d = np.diag([1.0, 1, 2]), ag.symmetric(WEIGHT[:3, :3])
    near(ag.jvp(lambda a: of_eigh(a, lambda w: w**2), (a,), (d,))[1], d @ a + a @ d, atol=1e-13)
    pushed = ag.jvp(lambda a: L.eigh(a)[1][0] ** 2 + L.eigh(a)[1][0], (a,), (d,))[1]
    assert np.isnan(pushed).tolist() == [True, True, False]


@pytest.mark.parametrize("name", SYMMETRIC)
def test_hessian_of_a_sum_over_eigenvalues(name):
    """Σλ³ of a symmetric matrix is the trace of A³, with the Hessian D ↦ 3(AD + DA)."""
    a, d = SYMMETRIC[name], ag.symmetric(WEIGHT)

    def slope(a):
        return np.sum(ag.grad(lambda a: np.sum(L.eigvalsh(ag.symmetric(a)) ** 3))(a) * d)

    near(ag.grad(slope)(a), 3 * (a @ d + d @ a), atol=1e-12)


def test_product_with_a_hessian_at_equal_eigenvalues():
    """hvp is the Hessian times the direction there too."""
    a, d = np.diag([1.0, 1, 2]), ag.symmetric(WEIGHT[:3, :3])

    def f(a):
        return np.sum(L.eigvalsh(ag.symmetric(a)) ** 3)

    near(ag.hvp(f, (a,), (d,))[0], 3 * (a @ d + d @ a), atol=1e-12)
    near(np.tensordot(ag.hessian(f)(a), d), 3 * (a @ d + d @ a), atol=1e-12)


MATRICES = {
    "random": RNG.normal(size=(3, 3)), "wide": RNG.normal(size=(2, 4)), "the identity": np.eye(3),
    "orthogonal": L.qr(RNG.normal(size=(3, 3)))[0], "a pair": np.diag([1.0, 1, 2]),
    "0": np.zeros((2, 2)), "0, tall": np.zeros((3, 1)), "rank 1": np.diag([1.0, 0, 0]),
    "rank 1 but for rounding": np.ones((3, 3)), "a pair, tall": np.eye(4)[:, :2],
    "rank 1, wide": np.outer([1.0, 2], [1.0, 0, 3]), "pairs": np.diag([1.0, 1, 0, 0]),
    "one number": np.zeros((1, 1)), "none": np.zeros((0, 2)),
}


@pytest.mark.slow  # differences of decompositions, for each matrix
@pytest.mark.parametrize("name", MATRICES)
def test_functions_of_a_matrix_by_svd(name):
    """U·S·Vᵀ is A, and Σσ² is ΣA², with the derivatives of these at any rank, for any σ."""
    a = MATRICES[name]
    weight = WEIGHT[: a.shape[0], : a.shape[1]]

    def rebuilt(a):
        u, s, vt = L.svd(a, full_matrices=False)
        return np.sum((u * s) @ vt * weight)

    near(ag.grad(rebuilt)(a), weight, atol=1e-13)
    hessian = ag.hessian(lambda a: np.sum(L.svdvals(a) ** 2))(a).reshape(a.size, a.size)
    near(hessian, 2 * np.eye(a.size), atol=1e-13)


def test_orthogonal_factor_of_a_matrix_with_equal_singular_values():
    """The polar factor U·Vᵀ at the identity has as derivative the antisymmetric part."""
    def f(a):
        u, _, vt = L.svd(a)
        return np.sum(u @ vt * WEIGHT)
    near(ag.grad(f)(np.eye(4)), (WEIGHT - WEIGHT.T) / 2, atol=1e-14)
    near(ag.grad(f)(Q), central(f, Q), 1e-6, 1e-8)


def test_projector_on_a_space_of_equal_eigenvalues():
    """It depends on the space, which is determined, and not on the vectors that span it."""
    def f(a):
        v = L.eigh(ag.symmetric(a))[1][:, :2]
        return np.sum(v @ v.T * WEIGHT)
    for name in ("one pair", "two pairs", "a turned pair"):
        near(ag.grad(f)(SYMMETRIC[name]), central(f, SYMMETRIC[name]), 1e-6, 1e-8)


SAMPLES = RNG.normal(size=(4, 6))
FEWER_SAMPLES = {
    "the first component": lambda x: np.sum(
        L.eigh(np.cov(x, rowvar=False))[1][:, -1] ** 2 * np.arange(6)),
    "put together from two": lambda x: np.sum((x @ top_two(x) @ top_two(x).T - x) ** 2),
}


def top_two(x):
    return L.eigh(x.T @ x)[1][:, -2:]


@pytest.mark.parametrize("name", FEWER_SAMPLES)
def test_components_of_fewer_samples_than_features(name):
    """What is computed from single components has both derivatives, though others are equal."""
    f, d = FEWER_SAMPLES[name], RNG.normal(size=SAMPLES.shape)
    near(ag.grad(f)(SAMPLES), central(f, SAMPLES), 1e-6, 1e-8)
    near(ag.jvp(f, (SAMPLES,), (d,))[1], np.sum(ag.grad(f)(SAMPLES) * d))

    def slope(x):
        return np.sum(ag.grad(f)(x) * d)

    along = (slope(SAMPLES + STEP * d) - slope(SAMPLES - STEP * d)) / (2 * STEP)
    near(np.sum(ag.grad(slope)(SAMPLES) * d), along, 1e-5, 1e-7)


CHOSEN = {
    "an entry": lambda a: L.eigh(a)[1][0, 0],
    "a sum that is stationary for these vectors": lambda a: np.sum(L.eigh(a)[1] ** 4),
    "one of them as a projector": lambda a: np.sum(
        L.eigh(a)[1][:, :1] @ L.eigh(a)[1][:, :1].T * WEIGHT),
    "an entry, times a gap": lambda a: np.diff(L.eigh(a)[0])[0] * L.eigh(a)[1][0, 1],
    "an entry, times what is 0 here": lambda a: (np.sum(L.eigh(a)[0][:2]) - 2) * L.eigh(a)[1][0, 1],
    "values of their own": lambda a: L.eigh(a)[0][0] * L.eigh(a)[1][0, 0] ** 2,
    "a left vector": lambda a: L.svd(a)[0][0, 0],
    "left vectors alone": lambda a: np.sum(L.svd(a)[0] * WEIGHT),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_what_depends_on_the_choice_of_vectors_is_nan(name):
    """Its value at the identity is an accident of LAPACK's, and so would be any slope."""
    assert np.isnan(ag.grad(CHOSEN[name])(np.eye(4))).all()


def test_eigenvalues_found_by_another_way_are_not_taken_for_constant():
    """The rule can't see that vᵀAv are eigenvalues, or those of an equal matrix: nan, not wrong."""
    def by_quotients(a):
        v = L.eigh(ag.symmetric(a))[1]
        return np.sum((v * np.diag(v.T @ ag.symmetric(a) @ v)) @ v.T * WEIGHT)
    def of_a_copy(a):
        v = L.eigh(ag.symmetric(a))[1]
        return np.sum((v * L.eigvalsh(ag.symmetric(a))) @ v.T * WEIGHT)
    for f in (by_quotients, of_a_copy):
        assert np.isnan(ag.grad(f)(np.eye(4))).all()
        near(ag.grad(f)(SYMMETRIC["none"]), central(f, SYMMETRIC["none"]), 1e-6, 1e-7)


def test_elements_of_a_stack_never_meet():
    """Each matrix of a stack has its own gradient, and only the one that is concerned is nan."""
    a = np.stack([np.eye(3), np.diag([1.0, 2, 3]), np.diag([1.0, 1, 2]), 1e9 * np.eye(3)])
    weight = RNG.normal(size=a.shape)

    def f(a):
        w, v = L.eigh(ag.symmetric(a))
        return np.sum((v * w[..., None, :]) @ np.swapaxes(v, -1, -2) * weight)

    near(ag.grad(f)(a), ag.symmetric(weight), atol=1e-13)
    concerned = ag.grad(lambda a: f(a) + L.eigh(a)[1][2, 0, 0])(a)
    assert np.isnan(concerned).any((1, 2)).tolist() == [False, False, True, False]
    for part in (lambda a: L.eigh(a)[1], lambda a: L.svd(a)[0]):
        g = ag.grad(lambda a, part=part: np.sum(part(a)[1] * weight[1]))(a)
        near(g[[0, 2, 3]], np.zeros((3, 3, 3)))
        near(g[1], ag.grad(lambda a, part=part: np.sum(part(a) * weight[1]))(a[1]))


def test_limits_keep_float32():
    """The sweep that finds a limit computes and returns float32 where the matrix is float32."""
    a, weight = np.eye(4, dtype=np.float32), WEIGHT.astype(np.float32)
    leaf = Tensor(a)
    u, s, vt = L.svd(leaf)
    y = np.sum((u * s) @ vt * weight)
    y.backward()
    assert leaf.grad.dtype == np.float32
    near(leaf.grad, weight, 1e-5, 1e-6)


def test_a_limit_is_no_anomaly():
    """detect_anomaly doesn't report the nan of a quotient whose limit is found."""
    def f(a):
        u, s, vt = L.svd(a)
        return np.sum((u * s) @ vt * WEIGHT)
    with ag.detect_anomaly():
        near(ag.grad(f)(np.eye(4)), WEIGHT, atol=1e-13)
        with pytest.raises(ag.errors.AnomalyError):
            ag.grad(CHOSEN["an entry"])(np.eye(4))


def test_a_vector_that_nothing_determines_does_not_follow_another():
    """U of a matrix of rank 1, three by two: its second column is any vector at right angles to the
    first, and where the function hears how it follows the first, there is no derivative."""
    d = np.array([[7.0, 1.0], [7.0, 1.0], [7.0, 1.0]])
    for f in (lambda d: np.mean(np.linalg.svd(d, full_matrices=False)[0]),
              lambda d: np.mean(np.linalg.svd(d.T, full_matrices=False)[2])):
        assert np.isnan(ag.grad(f)(d)).all()
        assert np.isnan(ag.jvp(f, (d,), (np.ones((3, 2)),))[1])
    of_first = ag.grad(lambda d: np.linalg.svd(d, full_matrices=False)[0][0, 0] ** 2)
    assert np.isfinite(of_first(d)).all()
    square = np.array([[1.0, 2.0], [2.0, 4.0]])  # here the second can only have one direction
    assert np.isfinite(ag.grad(lambda a: np.linalg.svd(a)[0][0, 1] ** 2)(square)).all()


def test_second_derivatives_of_a_decomposition_without_entries():
    """An array without entries goes through a decomposition of constants, and hvp gives as many."""
    def f(y):
        return np.sum(np.linalg.svd(np.pad(y, 1), full_matrices=False)[2])

    empty = np.zeros((0, 3))
    (got,) = ag.hvp(f, (empty,), (empty,))
    assert got.shape == (0, 3)
