"""ag.scipy.linalg against scipy.linalg: values, first and second derivatives, and what is refused.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg as sl
from scipy_cases import check

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.errors import NotDifferentiableError, ShapeError

ours = ag.scipy.linalg
random = np.random.default_rng(0)
A = random.normal(size=(4, 4)) + 4 * np.eye(4)
B, b = random.normal(size=(4, 2)), random.normal(size=4)
C = A @ A.T
BANDS = random.normal(size=(4, 6)) + 5 * (np.arange(4) == 2)[:, None]


@pytest.mark.slow  # higher derivatives, or machines: seconds
@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("unit_diagonal", [False, True])
def test_solve_triangular(trans, lower, unit_diagonal):
    """solve_triangular reads one triangle, transposed or not, and its gradient is of what it reads.
    """
    given = {"trans": trans, "lower": lower, "unit_diagonal": unit_diagonal}
    check(lambda a, x: ours.solve_triangular(a, x, **given),
          lambda a, x: sl.solve_triangular(a, x, **given), A, B)
    g = ag.grad(lambda a: np.sum(ours.solve_triangular(a, b, **given)))(A)
    assert not np.any(np.triu(g, 1) if lower else np.tril(g, -1))
    assert np.any(np.diag(g)) != unit_diagonal


CASES = {
    "solve_triangular of a vector": ("solve_triangular", {}, (A, b)),
    "solve": ("solve", {}, (A, b)), "solve transposed": ("solve", {"transposed": True}, (A, B)),
    "solve_sylvester": ("solve_sylvester", {}, (A, B[:2] + 3 * np.eye(2), B)),
    "inv": ("inv", {}, (A,)), "det": ("det", {}, (A,)), "norm": ("norm", {}, (A,)),
    "norm of vectors": ("norm", {"ord": 1, "axis": 0}, (B,)), "pinv": ("pinv", {}, (B,)),
    "block_diag": ("block_diag", {}, (A, B, b)), "cholesky": ("cholesky", {}, (C,)),
    "cholesky lower": ("cholesky", {"lower": True}, (C,)), "expm": ("expm", {}, (A / 3,)),
    "expm of a stack": ("expm", {}, (np.stack([A / 3, -A / 4]),)), "sqrtm": ("sqrtm", {}, (C,)),
    "eigvalsh": ("eigvalsh", {"lower": False}, (C,)), "svdvals": ("svdvals", {}, (B,)),
    "expm_frechet": ("expm_frechet", {"compute_expm": False}, (A / 3, A)),
}


@pytest.mark.slow  # higher derivatives, or machines: seconds
@pytest.mark.parametrize("case", CASES)
def test_values_and_derivatives(case):
    """A function of ag.scipy.linalg is SciPy's, with its defaults, to second derivatives."""
    name, given, arrays = CASES[case]
    check(lambda *a: getattr(ours, name)(*a, **given), lambda *a: getattr(sl, name)(*a, **given),
          *arrays)


@pytest.mark.slow  # higher derivatives, or machines: seconds
@pytest.mark.parametrize(("name", "part", "given", "arrays"), [
    ("eigh", 0, {}, (C,)), ("eigh", 1, {"lower": False}, (C,)), ("lstsq", 0, {}, (B, b)),
    ("lstsq", 1, {}, (B, b)), ("lstsq", 1, {}, (B, A)), ("lstsq", 3, {"b": b}, (B,)),
    *[("svd", i, {"full_matrices": False}, (B,)) for i in range(3)],
    ("expm_frechet", 0, {"E": A}, (A / 3,)),
])
def test_parts_of_a_result(name, part, given, arrays):
    """Of a function with several results each is SciPy's: vectors with SciPy's signs."""
    check(lambda *a: getattr(ours, name)(*a, **given)[part],
          lambda *a: getattr(sl, name)(*a, **given)[part], *arrays)


@pytest.mark.slow  # higher derivatives, or machines: seconds
@pytest.mark.parametrize("lower", [False, True])
def test_cho_solve(lower):
    """cho_solve of cho_factor solves with a symmetric matrix of which one triangle is read."""
    check(lambda a, x: ours.cho_solve(ours.cho_factor(a, lower), x),
          lambda a, x: sl.cho_solve(sl.cho_factor(a, lower), x), C, B)
    factor, told = ours.cho_factor(Tensor(C), lower=lower)
    theirs = sl.cho_factor(C, lower=lower)[0]
    part = np.tril if lower else np.triu
    assert told is lower and not np.any(factor.data - part(factor.data))
    np.testing.assert_allclose(factor.data, part(theirs), rtol=1e-13)


@pytest.mark.parametrize("side", [random.normal(size=6), random.normal(size=(6, 2))])
def test_solve_banded(side):
    """solve_banded is differentiable in the bands and in the right side."""
    check(lambda ab, x: ours.solve_banded((1, 2), ab, x),
          lambda ab, x: sl.solve_banded((1, 2), ab, x), BANDS, side)


def test_expm_to_order_three():
    """The third derivative of trace(e^(xA)) is trace(A³ e^(xA))."""
    a = A / 4

    def f(x):
        return np.trace(ours.expm(x * a))

    third = ag.grad(ag.grad(ag.grad(f)))(0.7)
    assert third == pytest.approx(np.trace(a @ a @ a @ sl.expm(0.7 * a)), rel=1e-10)


def test_a_singular_triangle_is_an_error():
    """A 0 on the diagonal raises SciPy's error; nan in gives nan out."""
    with pytest.raises(np.linalg.LinAlgError):
        ours.solve_triangular(Tensor(np.diag([1.0, 0.0])), np.ones(2))
    x = ours.solve_triangular(Tensor(np.diag([1.0, np.nan])), np.ones(2))
    assert np.isnan(x.data[1])


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: ours.solve(Tensor(A), b, assume_a="pos"), NotDifferentiableError, "cho_solve"),
    (lambda: ours.eigh(Tensor(C), C), NotDifferentiableError, "cholesky"),
    (lambda: ours.eigh(Tensor(C), subset_by_index=[0, 1]), NotDifferentiableError,
     r"eigh\(subset_by_index=…\) isn't supported for nodes; supported: a, b, lower"),
    (lambda: ours.sqrtm(Tensor(-np.eye(2))), NotDifferentiableError, "is complex"),
    (lambda: ours.svd(Tensor(B)), NotDifferentiableError, "full_matrices=False"),
    (lambda: ours.expm(Tensor(B)), ShapeError, "square matrices, not shape"),
    (lambda: ours.solve_triangular(Tensor(np.stack([A, A])), b), ShapeError, "not a stack"),
    (lambda: ours.solve_triangular(Tensor(A), b, trans="X"), ValueError, "trans must be"),
    (lambda: ours.schur(Tensor(A)), NotDifferentiableError,
     r"dir\(ag.scipy.linalg\) lists what is"),
    (lambda: ours.foo, AttributeError, "has no 'foo'; it has: block_diag, cho_factor"),
])
def test_what_is_refused(call, error, message):
    """What isn't differentiable is refused by its name, with the cure."""
    with pytest.raises(error, match=message):
        call()


def test_names_of_scipys_alone():
    """What has no twin here is SciPy's, of plain numbers; keywords that change no number pass."""
    assert ours.LinAlgError is sl.LinAlgError and ours.schur(A)[0].shape == (4, 4)
    y = ours.solve_triangular(Tensor(A), b, overwrite_b=True, check_finite=False)
    np.testing.assert_allclose(y.data, sl.solve_triangular(A, b), rtol=1e-13)
    assert ours.norm([ag.Value(3.0), 4.0]).data == 5.0 and "expm" in dir(ours)


@pytest.mark.oracle
def test_jax_agrees():
    """jax gives the gradients of expm, solve_triangular and cho_solve too."""
    jax = pytest.importorskip("jax")
    import jax.scipy.linalg as jl

    jax.config.update("jax_enable_x64", True)
    for f in (lambda m, a: m.expm(a / 3)[0, 1], lambda m, a: m.solve_triangular(a, B)[1, 0],
              lambda m, a: m.cho_solve(m.cho_factor(a @ a.T), b)[2]):
        expected = jax.grad(lambda a, f=f: f(jl, a))(A)
        np.testing.assert_allclose(ag.grad(lambda a, f=f: f(ours, a))(A), expected, rtol=1e-9,
                                   atol=1e-12)
