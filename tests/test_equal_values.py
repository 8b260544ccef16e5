"""Decompositions of matrices with equal eigenvalues or singular values: the limit, or nan."""

import numpy as np
import pytest
from matrices import RNG, STEP, WEIGHT, L, central, near, spd

import autograd_mini as ag
from autograd_mini import Tensor

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
    """Forwards as backwards, entries that depend on the choice of eigenvectors are nan, and others
    not."""
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
    """Where eigenvalues are equal hvp is the Hessian times the direction, as elsewhere."""
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
    """A projector depends on the space, which is determined, and not on vectors that span it."""
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
    """A value that depends on which vectors LAPACK chose is an accident, and its slope is nan."""
    assert np.isnan(ag.grad(CHOSEN[name])(np.eye(4))).all()


def test_eigenvalues_found_by_another_way_are_not_taken_for_constant():
    """The rule of eigh can't see that vᵀAv are eigenvalues, or those of an equal matrix, and gives
    nan, not a wrong number."""
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
