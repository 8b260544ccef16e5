"""What NumPy does where it is easy to get wrong; linear algebra where nothing determines it."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.special
import scipy.special as sp

import autograd_mini as ag
from autograd_mini import Node, Tensor, Value
from autograd_mini.errors import GraphError, NotDifferentiableError, ShapeError

L = np.linalg
INF, NAN = np.inf, np.nan


def plain(x):
    return x.data if isinstance(x, Node) else x


SAME = [
    # an expression in T, which is Tensor or np.array: values (and dtypes) must be NumPy's
    "np.maximum.accumulate(T([1.0, np.nan, 2.0, 0.0]))",
    "np.minimum.accumulate(T([[3.0, 1.0], [2.0, 5.0]]), axis=1)",
    "np.geomspace(T([1.0, 2.0]), np.array([4.0, 8.0]), 3)", "np.geomspace(T(-1.0), -8.0, 4)",
    "np.geomspace(T(1e-200), 1e200, 3)", "np.logspace(0.0, 2.0, 3, base=T([2.0, 3.0, 4.0]))",
    "np.einsum(T([[0.0, 1.0], [2.0, 3.0]]), [2, 30])", "np.einsum(T([[1.0, 2.0]]), [0, 1], [1])",
    "np.linalg.lstsq(T([[1.0, 2], [3, 4], [5, 6]]), [1.0, 2, 3.5], rcond=-1)[0]",
    "np.var(T([3.0, 4.0]), ddof=3)", "np.nanvar(T([3.0, np.nan]), ddof=0)",
    "np.full_like(T([1.0, 2.0]), 3)", "np.full_like(T([1.0]), T(3.0))",
    "np.gradient(T([1.0, 4.0, 9.0]), np.array([3, 2, 0], np.uint8))",
    "np.gradient(T([1.0, np.nan, 3.0, 4.0, 5.0]))", "np.gradient(T([1.0, 2.0, 4.0]), axis=(0,))",
    "np.gradient(T([1.0, 2.0, 4.0, 5.0]), [0, 1, 3, 7])", "np.trapezoid(T([1.0, 2.0]), [0, 3])",
    "np.median(T([1.0, np.inf, np.inf, np.inf]))", "np.quantile(T([-np.inf, 2.0, 3.0]), 0.25)",
    "np.median(T([1.0, np.nan, 3.0]))", "np.nanmedian(T([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]]), 1)",
    "np.polymul(T([0.0, 0.0, 1.0, 2.0]), [1, 2])", "np.polyval([1, 2, 3], T(2.0))",
    "np.polyadd(T([1.0, 2.0]), 3)", "np.interp(x=T([0.5]), xp=[0, 1], fp=[1, 3])",
    "np.take(a=T([1.0, 2.0]), indices=[1])", "np.linalg.det(a=T([[2.0]]))",
    "np.sum(a=T([1.0, 2.0]))",
    "np.linspace(T(np.float32(0.0)), 1.0, 3)", "np.nanmax(T([-np.inf, np.nan]))",
    "np.pad(T([-0.0]), 1)", "np.insert(T(np.ones(2, np.float32)), 1, 5.0)",
    "np.linalg.norm(T([[1.0, -2.0], [3.0, 4.0]]), axis=np.int64(1))",
    "np.tensordot(T(np.ones((2, 3))), np.ones((3, 2)), np.int64(1))",
    "np.ldexp(T([1e-300]), 1500)", "np.modf(T([np.inf, -1.5]))[0]", "np.frexp(T([0.0, 6.0]))[0]",
    "T([7.5]) % 2", "-7.5 % T([2.0])",
    "np.average(T([[1.0, 2.0], [3.0, 5.0]]), axis=0, weights=[1, 3], returned=True)[1]",
    "np.piecewise(T([1.0, 2.0]), [[False, False]], [lambda x: x.max(), 7.0])",
    "np.sum(T([[1.0, 2.0]]), axis=-1, keepdims=True, initial=1.0, where=[[True, False]])",
    "np.diff(T([1.0, 4.0, 9.0]), 2)", "np.mean(T(2.0))", "np.vdot(T([[1.0, 2.0]]), [3.0, 4.0])",
]


@pytest.mark.parametrize("expression", SAME)
def test_the_same_as_numpy(expression):
    """A function gives the value, shape and dtype that NumPy's gives, keywords and special numbers
    included."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's for nan and empty slices
        theirs = np.asarray(eval(expression, {"np": np, "T": np.array}))
        ours = plain(eval(expression, {"np": np, "T": Tensor}))
    np.testing.assert_allclose(ours, theirs, rtol=1e-13)
    assert np.shape(ours) == theirs.shape and np.asarray(ours).dtype == theirs.dtype


ERRORS = [
    "np.median(T([1.0, 2.0]), axis=5)", "np.sum(T([1.0]), axis=(0, 0))",
    "np.take(T([1.0]), 0, axis=5)",
    "np.diff(T([1.0, 2.0]), axis=4)", "np.gradient(T([1.0, 2.0]), axis=4)",
    "np.tensordot(T([1.0]), [1.0], axes=(5, 0))", "np.bincount([0, -1], T([1.0, 2.0]))",
    "np.einsum('ii', T([[1.0, 2.0, 3.0]]))", "np.einsum('i...->i', T([[1.0, 2.0]]))",
    "np.einsum('ij', T([1.0]))", "np.einsum('ij,jk', T(np.ones((2, 3))), np.ones((2, 3)))",
    "np.vdot(T([1.0]), [1.0, 2.0])", "np.vecdot(T([1.0]), [1.0, 2.0])",
    "np.sum(T([1.0]), where=[True, True])", "np.interp(T([0.5]), [0.0, 1.0], [1.0])",
    "np.average(T([1.0, 2.0]), weights=[1.0, -1.0])", "np.quantile(T([1.0]), 2.0)",
    "np.max(T([1.0]), where=[False])", "np.convolve(T([1.0]), [])", "np.sum(T([1.0]), dtype=float)",
    "np.linalg.svd(T([[1.0, 2.0]]))", "np.linalg.svd(T(np.eye(2)), hermitian=True)",
    "np.linalg.qr(T([[1.0], [2.0]]), mode='complete')", "np.pad(T([1.0]), 1, mode='mean')",
    "np.take(np.zeros(2), T([1.0]))", "np.cumsum(T([1.0]), out=np.zeros(1))",
    "np.cross(T(np.ones(4)), np.ones(4))",
    "np.geomspace(T(-1.0), 8.0, 3)", "np.ldexp(1.0, T(2.0))", "np.logaddexp.at(T([1.0]), 0, 1.0)",
]


@pytest.mark.parametrize("expression", ERRORS)
def test_bad_calls_raise(expression):
    """What NumPy refuses, or can't have a gradient here, is an error, not an invented number."""
    with pytest.raises((ValueError, TypeError, ZeroDivisionError, GraphError, IndexError)):
        eval(expression, {"np": np, "T": Tensor})


def test_einsum_says_which_axis_differs():
    """The error of an einsum whose axes differ names the letter, the lengths and the shapes."""
    with pytest.raises(ShapeError, match=r"axis 'j' has the lengths \[2, 3\]"):
        np.einsum("ij,jk", Tensor(np.ones((2, 3))), np.ones((2, 3)))


def test_cross_of_plane_vectors():
    """The cross product of vectors of 2 components, which NumPy took until 2.4, is one number, or
    three beside a vector of 3."""
    a, b = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    assert np.cross(Tensor(a), b).data == -7.0
    c = np.array([1.0, 0.5, 2.0])
    np.testing.assert_array_equal(np.cross(Tensor(a), c).data, np.cross([1.0, 2.0, 0.0], c))


def test_better_than_numpy_where_that_underflows():
    """Lengths are computed with a scale; NumPy's own squares underflow, or overflow, here."""
    assert np.std(Tensor([1e-200, 3e-200])).data == pytest.approx(1e-200, rel=1e-15)
    assert np.linalg.norm(Tensor([3e200, 4e200])).data == pytest.approx(5e200, rel=1e-15)


def test_lists_of_values_join():
    """Values in lists become Tensors through the functions that join, and get their gradients."""
    a, b = Value(2.0), Value(3.0)
    joined = np.hstack([a, b, 1.0])
    np.sum(joined * np.array([1.0, 10.0, 100.0])).backward()
    assert joined.data.tolist() == [2.0, 3.0, 1.0] and (a.grad, b.grad) == (1.0, 10.0)


# ── linear algebra at the edge of what is determined ─────────────────────────────────────────

RNG = np.random.default_rng(0)
RANK_3 = RNG.normal(size=(6, 3)) @ RNG.normal(size=(3, 6))
WEIGHT = RNG.normal(size=(6, 6))
COUNTING = np.arange(1.0, 10.0).reshape(3, 3)  # singular but for rounding


def rebuilt(a):
    u, s, vt = L.svd(a, full_matrices=False)
    return np.sum((u * s) @ vt * WEIGHT[: a.shape[0], : a.shape[1]])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("a", [RANK_3, np.outer([1.0, 2, 3, 4], [1.0, 2]), COUNTING,
                               np.arange(1.0, 7).reshape(3, 2)], ids=["6×6", "4×2", "3×3", "3×2"])
def test_svd_put_together_again_is_the_identity(a):
    """U·S·Vᵀ = A has gradient 1 whatever the rank: σ near 0 are divided out exactly."""
    expected = WEIGHT[: a.shape[0], : a.shape[1]]
    np.testing.assert_allclose(ag.grad(rebuilt)(a), expected, atol=1e-12)


@pytest.mark.parametrize("a", [COUNTING, np.ones((3, 3)), RNG.normal(size=(3, 3))])
def test_sum_of_squared_singular_values_has_hessian_two(a):
    """The sum of the squared singular values is Σa², and has its Hessian also where some are 0 but
    for rounding."""
    hessian = ag.hessian(lambda a: np.sum(L.svdvals(a) ** 2))(a).reshape(9, 9)
    np.testing.assert_allclose(hessian, 2 * np.eye(9), atol=1e-10)


def test_small_singular_values_count():
    """The logarithm of a small singular value beside 10¹⁷ has its derivative, for it isn't
    rounding."""
    g = ag.grad(lambda a: np.sum(np.log(L.svdvals(a))))(np.diag([1e17, 1.0]))
    np.testing.assert_allclose(g, [[1e-17, 0], [0, 1]], rtol=1e-12)


UNDETERMINED = {
    "eigenvector of 1·1ᵀ": (lambda a: L.eigh(a)[1][0, 0], np.ones((3, 3))),
    "left vectors of a rank-1 matrix": (lambda a: L.svd(a)[0][0, -1], np.ones((3, 3))),
    "Q of a rank-1 matrix": (lambda a: L.qr(a)[0][0, 0], np.outer([1.0, 2, 3, 4], [1.0, 2])),
    "second derivative of the least of equal eigenvalues": (
        lambda a: np.sum(ag.grad(lambda b: L.eigvalsh(b)[0])(a)), np.eye(2)),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", UNDETERMINED)
def test_what_nothing_determines_is_nan(name):
    """What nothing determines has the derivative nan, and not a number that rounding chose."""
    f, a = UNDETERMINED[name]
    assert np.isnan(ag.grad(f)(a)).all()


def test_equal_eigenvalues_share():
    """The least eigenvalue of the identity, and its spectral norm, have the subgradient of least
    norm."""
    np.testing.assert_allclose(ag.grad(lambda a: L.eigvalsh(a)[0])(np.eye(3)), np.eye(3) / 3)
    np.testing.assert_allclose(ag.grad(lambda a: L.norm(a, 2))(np.eye(3)), np.eye(3) / 3)


@pytest.mark.parametrize("n", [1, 2, 3, 9, 12])
@pytest.mark.parametrize("rank_lost", [0, 1, 2])
def test_determinant_of_any_rank(n, rank_lost):
    """The derivatives of det along a line, orders 1 and 2, are those of the polynomial through
    det's own values."""
    rng = np.random.default_rng(n)
    u, v = (L.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
    s = np.linspace(1.0, 1.2, n)
    s[: min(rank_lost, n)] = 0.0
    a, d = (u * s) @ v.T, rng.normal(size=(n, n))

    def f(t):
        return L.det(a + t * d)

    nodes = np.cos(np.pi * (np.arange(n + 1) + 0.5) / (n + 1)) * 0.5  # degree n: exact through n+1
    p = np.polynomial.Polynomial.fit(nodes, [f(t) for t in nodes], n)
    scale = np.abs(p.convert().coef).max()
    assert ag.grad(f)(0.0) == pytest.approx(p.deriv(1)(0.0), abs=1e-9 * scale, rel=1e-8)
    assert ag.grad(ag.grad(f))(0.0) == pytest.approx(p.deriv(2)(0.0), abs=1e-8 * scale, rel=1e-7)


def test_determinants_that_over_or_underflow():
    """The cofactors of 10⁻²⁰⁰·1 and of 10²⁰⁰·1 can be represented; their determinants can't."""
    for size in (1e-200, 1e200):
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(ag.grad(L.det)(size * np.eye(2)), size * np.eye(2))
    with pytest.raises(GraphError, match="slogdet"):
        ag.grad(L.det)(np.zeros((120, 120)))


def test_infinite_entry_stays_alone_in_a_hessian():
    """The row of a Hessian that isn't asked for is not chosen: its inf poisons no other."""
    with np.errstate(all="ignore"):
        h = ag.hessian(lambda p: np.sqrt(p[0]) + p[1] ** 2)(np.array([0.0, 2.0]))
    assert h.tolist() == [[-INF, 0.0], [0.0, 2.0]]


MIXED = [
    ("power at b = 0", lambda a, b: a**b, (2.0, 0.0), 0.5),
    ("power at b = 1", lambda a, b: a**b, (2.0, 1.0), np.log(2.0) + 1.0),
    ("xlogy at x = 0", scipy.special.xlogy, (0.0, 2.0), 0.5),
    ("fmod", lambda a, b: np.fmod(a, b) * b, (1.0, 0.1), 1.0),
    ("logaddexp at a tie", np.logaddexp, (1.0, 1.0), -0.25),
    ("hypot", np.hypot, (3.0, 4.0), -12 / 125),
    ("arctan2", np.arctan2, (3.0, 4.0), (9 - 16) / 625),
    ("arctan2 on the diagonal, tiny", np.arctan2, (1e-160, 1e-160), 0.0),
]


@pytest.mark.parametrize(("f", "point", "expected"), [pytest.param(*m[1:], id=m[0]) for m in MIXED])
def test_mixed_second_derivatives(f, point, expected):
    """A mixed second derivative is what it should be, and the same in both orders."""
    ab = ag.grad(lambda b: ag.grad(f)(point[0], b))(point[1])
    ba = ag.grad(lambda a: ag.grad(f, 1)(a, point[1]))(point[0])
    assert ab == pytest.approx(expected, rel=1e-12) and ba == pytest.approx(expected, rel=1e-12)


def test_arctan2_near_the_origin():
    """The second derivatives of arctan2 on an axis are 0, also where 1/h² overflows."""
    with np.errstate(all="ignore"):
        assert ag.grad(ag.grad(np.arctan2))(0.0, 1e-160) == 0.0
        assert ag.grad(np.arctan2)(0.0, 1e-160) == pytest.approx(1e160, rel=1e-14)
        assert np.isnan(ag.grad(np.arctan2)(0.0, 0.0))


def test_fmod_counts_as_it_divides():
    """The slope of fmod counts that 0.1 goes 9 times into 1, although 1/0.1 is 10."""
    assert ag.grad(np.fmod, 1)(1.0, 0.1) == -9.0


def test_beta_functions_where_psi_cancels():
    """The slopes of the beta functions keep their digits where ψ(a) − ψ(a + b) cancels."""
    assert ag.grad(sp.betaln)(1e16, 1.0) == pytest.approx(-1e-16, rel=1e-12)
    assert ag.grad(sp.betaln)(1.0, 1e-160) == pytest.approx(-1e-160 * np.pi**2 / 6, rel=1e-12)
    exact = sp.psi(2.5) - sp.psi(4.2)
    assert ag.grad(sp.betaln)(2.5, 1.7) == pytest.approx(exact, rel=1e-13)


def test_scipys_python_functions_name_ours():
    """The functions of SciPy that aren't ufuncs can't see nodes, and the message says where ours
    are."""
    with pytest.raises(NotDifferentiableError, match=r"use ag\.scipy\.special\.polygamma"):
        sp.polygamma(1, Tensor([1.0]))
    assert ag.grad(lambda x: ag.special.polygamma(1, x))(1.0) == pytest.approx(-2.4041138063191885)
    with pytest.raises(NotDifferentiableError, match="in its order"):
        ag.grad(lambda n: sp.jv(n, 1.0))(2.0)


def test_float32_stays_in_its_kind():
    """Gradients of float32 arrays are float32, and results too where they are for NumPy."""
    x = np.linspace(0.5, 2.0, 6, dtype=np.float32).reshape(2, 3)
    for f in (np.std, np.linalg.norm, np.cumprod, np.sinc, ag.gelu, np.median, np.tanh,
              lambda t: np.gradient(t, axis=1), lambda t: np.pad(t, 1), lambda t: np.hypot(t, 1.0),
              lambda t: np.linalg.svd(t, full_matrices=False)[1], lambda t: np.insert(t, 1, 2.0)):
        t = Tensor(x)
        y = f(t)
        assert y.dtype == np.float32 and ag.gradients(ag.sum(y), t).dtype == np.float32


WITHOUT_SCIPY = """
import sys
sys.modules["scipy"] = sys.modules["scipy.special"] = None  # as if it weren't installed
import numpy as np, autograd_mini as ag
x = np.array([-9.0, -1.5, 0.0, 0.4, 6.0])
print(ag.gelu(x).tolist(), ag.gelu(x.astype(np.float32)).dtype, ag.grad(ag.gelu)(0.4))
try:
    ag.special
except ag.errors.MissingExtraError as error:
    print(error)
"""


def test_without_scipy():
    """SciPy isn't imported unasked; without it gelu is the same to the bit, and the error for what
    needs it names the command."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_SCIPY], capture_output=True, text=True,
                          check=True)
    numbers, dtype_and_slope, message = re.fullmatch(r"(\[.*\]) (.*)\n(.*)\n", done.stdout).groups()
    x = np.array([-9.0, -1.5, 0.0, 0.4, 6.0])
    np.testing.assert_allclose(eval(numbers), x * sp.ndtr(x), rtol=1e-14)
    assert eval(numbers) == ag.gelu(x).tolist()
    assert dtype_and_slope.startswith("float32") and 'pip install "autograd-mini[scipy]"' in message
    code = "import sys, autograd_mini; print('scipy' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                            check=True)
    assert loaded.stdout == "False\n"
