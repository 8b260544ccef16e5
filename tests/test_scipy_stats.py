"""ag.scipy.stats against scipy.stats: values, slopes in x and in all parameters, supports."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.stats as ss
from hypothesis import given, strategies as st
from scipy_cases import check

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import ArgumentTypeError, NotDifferentiableError
from autograd_mini.verify.numeric import slope_along

mp = mpmath.mp.clone()
mp.dps = 50
ours = ag.scipy.stats


def z_of(f):
    """log f of loc and scale, from log f at z."""
    return lambda x, *rest: f((x - rest[-2]) / rest[-1], *rest[:-2]) - mp.log(rest[-1])


# Each with a range for its shapes, and log f at z in mpmath.
CONTINUOUS = {
    "norm": ((), lambda z: -z * z / 2 - mp.log(2 * mp.pi) / 2),
    "t": (((0.3, 40.0),), lambda z, v: mp.loggamma((v + 1) / 2) - mp.loggamma(v / 2) - mp.log(
        v * mp.pi) / 2 - (v + 1) / 2 * mp.log1p(z * z / v)),
    "lognorm": (((0.3, 2.0),), lambda z, s: -(mp.log(z) / s) ** 2 / 2 - mp.log(s * z) - mp.log(
        2 * mp.pi) / 2),
    "gamma": (((0.3, 20.0),), lambda z, a: (a - 1) * mp.log(z) - z - mp.loggamma(a)),
    "chi2": (((0.3, 20.0),), lambda z, k: (k / 2 - 1) * mp.log(z) - z / 2 - mp.loggamma(
        k / 2) - k / 2 * mp.log(2)),
    "beta": (((0.3, 9.0), (0.3, 9.0)), lambda z, a, b: (a - 1) * mp.log(z) + (b - 1) * mp.log1p(
        -z) - mp.log(mp.beta(a, b))),
    "expon": ((), lambda z: -z), "uniform": ((), lambda z: 0 * z),
    "laplace": ((), lambda z: -abs(z) - mp.log(2)),
    "logistic": ((), lambda z: -z - 2 * mp.log1p(mp.exp(-z))),
    "cauchy": ((), lambda z: -mp.log(mp.pi * (1 + z * z))),
}
DISCRETE = {"poisson": (2.5,), "binom": (7, 0.3), "bernoulli": (0.3,)}
METHODS = [(name, method) for name in CONTINUOUS for method in getattr(ours, name).methods]


def drawn(rng, name):
    """Arguments of a distribution inside of its support: x, the shapes, loc and scale."""
    shapes = [float(rng.uniform(*between)) for between in CONTINUOUS[name][0]]
    loc, scale = float(rng.normal()), float(rng.uniform(0.3, 3.0))
    z = float(rng.uniform(0.05, 0.95))
    z = z if name in ("beta", "uniform") else 4 * z
    return [loc + scale * z, *shapes, loc, scale]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_log_densities_are_mpmaths(name):
    """log f has mpmath's slopes, of order 1 and 2, in x and in every parameter, at random ones."""
    exact, rng = z_of(CONTINUOUS[name][1]), np.random.default_rng(5)
    f = getattr(ours, name).logpdf
    for _ in range(6):
        args = drawn(rng, name)
        assert f(Value(args[0]), *args[1:]).data == pytest.approx(float(exact(*map(
            mp.mpf, args))), rel=1e-11, abs=1e-12)
        for i in range(len(args)):
            g = f
            for order in (1, 2):
                g = ag.grad(g, i)
                true = mp.diff(lambda v, i=i: exact(*[*map(mp.mpf, args[:i]), v, *map(
                    mp.mpf, args[i + 1:])]), mp.mpf(args[i]), order)
                assert g(*args) == pytest.approx(float(true), rel=1e-9, abs=1e-10), (args, i, order)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_values_and_slopes_of_each_function(name, method):
    """Each function of each distribution is SciPy's, on both sides of the support too, and its
    slopes are the differences of SciPy's numbers."""
    f, theirs = (getattr(getattr(room, name), method) for room in (ours, ss))
    shapes = [sum(between) / 4 for between in CONTINUOUS[name][0]]
    x = np.array([-2.0, -0.3, 0.1, 0.2, 0.6, 1.6, 1.7, 9.0, np.nan])
    x = np.array([-0.1, 0.0, 0.2, 0.8, 1.0, 2.0]) if method == "ppf" else x
    with np.errstate(all="ignore"):
        plain = theirs(x, *shapes, 0.1, 1.5)
    np.testing.assert_allclose(f(Tensor(x), *shapes, loc=0.1, scale=1.5).data, plain, rtol=1e-12)
    args = [0.3 if method == "ppf" else 0.9, *shapes, 0.1, 1.5]
    for i in range(len(args)):
        if method in ("logpdf", "pdf") or i not in range(1, 1 + len(getattr(ours, name).fixed)):
            measured = slope_along(lambda s, i=i: float(theirs(
                *args[:i], args[i] + s, *args[i + 1:])), 0.0)
            got = ag.grad(f, i)(*args)
            assert got == pytest.approx(measured.value, abs=10 * measured.error + 1e-9 * abs(got))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_outside_of_the_support_nothing_depends_on_x(name):
    """Outside of the support the density and the distribution function have the slope 0, inside at
    its ends that from inside."""
    d, low, high = getattr(ours, name), *getattr(ours, name).support
    shapes = [2.0 for _ in CONTINUOUS[name][0]]
    outside = [end for end in (low - 1.0, high + 1.0) if math.isfinite(end)]
    for x in outside:
        for method in ("logpdf", "pdf", "cdf", "sf"):
            assert ag.grad(getattr(d, method))(x, *shapes) == 0.0
        assert d.logpdf(Value(x), *shapes).data == -math.inf
    if name in ("expon", "uniform"):
        assert ag.grad(d.cdf)(0.0) == 1.0


def test_parameters_that_are_none():
    """A scale or a shape that SciPy refuses gives nan, as SciPy, whatever x is."""
    assert math.isnan(ours.norm.logpdf(Value(1.0), 0.0, -1.0).data)
    assert math.isnan(ours.gamma.cdf(Value(-3.0), -2.0).data)
    assert math.isnan(ours.binom.pmf(1, 2, Value(1.5)).data)
    assert math.isnan(ours.binom.pmf(1, 2.5, Value(0.5)).data)
    assert math.isnan(ours.poisson.cdf(1, Value(-0.5)).data)
    y = ours.norm.pdf(Tensor([1.0, 2.0]), scale=np.array([-1.0, 1.0]))
    assert np.isnan(y.data).tolist() == [True, False]
    assert ag.gradients(y[1], y) is not None


@pytest.mark.parametrize("name", DISCRETE)
def test_counts(name):
    """A distribution of counts is SciPy's at counts and between them; its slopes in μ or p are
    differences of SciPy's numbers."""
    *counts, p = DISCRETE[name]
    d, theirs = getattr(ours, name), getattr(ss, name)
    k = np.array([-1, 0, 0.5, 1, 2, 3, 7, 8])
    for method in d.methods:
        f = getattr(d, method)
        with np.errstate(all="ignore"):
            plain = getattr(theirs, method)(k, *counts, p, 0)
        np.testing.assert_allclose(f(k, *counts, Value(p), 0).data, plain, rtol=1e-12, atol=1e-14)
        for order, below in ((1, lambda v, f=getattr(theirs, method): float(f(0, *counts, v))),
                             (2, ag.grad(lambda v, f=f: f(0, *counts, v)))):
            g = lambda v, f=f: f(0, *counts, v)
            for _ in range(order):
                g = ag.grad(g)
            measured = slope_along(below, p)
            assert g(p) == pytest.approx(measured.value, abs=10 * measured.error + 1e-8 * abs(g(p)))


@pytest.mark.parametrize("df", [1e-3, 0.5, 3.0, 100.0, 1e5, 1e8, 1e12])
def test_many_degrees_of_freedom(df):
    """The slope of t's density in df keeps its digits where its terms cancel, and at ∞ t is norm.
    """
    def exact(v):
        return CONTINUOUS["t"][1](mp.mpf(1.7), v)

    for order in (1, 2):
        g = ours.t.logpdf
        for _ in range(order):
            g = ag.grad(g, 1)
        true = float(mp.diff(exact, mp.mpf(df), order))
        assert g(1.7, df) == pytest.approx(true, rel=1e-9 if order == 1 else 1e-7)
    assert ours.t.logpdf(Value(1.7), math.inf).data == pytest.approx(
        float(ss.norm.logpdf(1.7)), rel=1e-15)


@pytest.mark.parametrize("x", [-40.0, -1e5, 40.0])
def test_tails_of_the_normal_distribution(x):
    """log Φ and its slope have all their digits far out, in float32 too."""
    true = float(mp.diff(lambda v: mp.log(mp.erfc(-v / mp.sqrt(2)) / 2), mp.mpf(x), h=mp.mpf(
        "1e-15"))) if abs(x) < 100 else -x
    assert ag.grad(ours.norm.logcdf)(x) == pytest.approx(true, rel=1e-9)
    assert ag.grad(ours.norm.logsf)(-x) == pytest.approx(-true, rel=1e-9)
    small = Tensor(np.float32([x]))
    y = ours.norm.logcdf(small)
    assert y.dtype == np.float32 == ag.gradients(ag.sum(y), small).dtype
    assert y.item() == pytest.approx(float(ss.norm.logcdf(x)), rel=1e-6)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_both_kinds_and_broadcasting(name):
    """Values give Values, float32 stays float32, and gradients have the shapes of what they are of.
    """
    d = getattr(ours, name)
    shapes = [2.0 for _ in CONTINUOUS[name][0]]
    assert isinstance(d.logpdf(Value(0.5), *shapes), Value)
    assert isinstance(d.logpdf(0.5, *shapes, Value(0.0)), Value)
    for method in d.methods:
        assert getattr(d, method)(Tensor(np.float32([0.3, 0.6])), *shapes).dtype == np.float32
    x, scale = np.array([[0.4], [0.7]]), np.array([1.0, 2.0, 3.0])
    of_x, of_scale = ag.grad(lambda x, s: np.sum(d.pdf(x, *shapes, 0.0, s)), (0, 1))(x, scale)
    each = [[ag.grad(d.pdf)(float(u), *shapes, 0.0, s) for s in scale] for u in x[:, 0]]
    np.testing.assert_allclose(of_x, np.sum(each, axis=1, keepdims=True), rtol=1e-12, atol=1e-15)
    assert of_scale.shape == (3,)


@given(st.floats(-1, 2), st.floats(0.5, 3), st.sampled_from(["norm", "logistic", "laplace"]))
def test_the_density_is_the_slope_of_the_distribution_function(x, scale, name):
    """The slope of cdf is pdf, that of sf −pdf, and of ppf 1/pdf there."""
    d = getattr(ours, name)
    density = float(d.pdf(x, 0.5, scale))
    assert ag.grad(d.cdf)(x, 0.5, scale) == pytest.approx(density, rel=1e-11)
    assert ag.grad(d.sf)(x, 0.5, scale) == pytest.approx(-density, rel=1e-11)
    q = float(d.cdf(x, 0.5, scale))
    assert ag.grad(d.ppf)(q, 0.5, scale) * density == pytest.approx(1.0, rel=1e-6)


# ── vectors ──────────────────────────────────────────────────────────────────────────────────

random = np.random.default_rng(6)
X, MEAN = random.normal(size=(4, 3)), random.normal(size=3)
COV = (lambda a: a @ a.T + np.eye(3))(random.normal(size=(3, 3)))


@pytest.mark.slow  # higher derivatives, or machines: seconds
@pytest.mark.parametrize("method", ["logpdf", "pdf"])
def test_multivariate_normal(method):
    """The normal density of vectors is SciPy's, and differentiable in x, mean and cov, of which one
    triangle is read."""
    check(lambda *a: getattr(ours.multivariate_normal, method)(*a),
          lambda *a: getattr(ss.multivariate_normal, method)(*a), X, MEAN, COV, single=False)
    g = ag.grad(lambda c: np.sum(getattr(ours.multivariate_normal, method)(X, MEAN, c)))(COV)
    assert not np.any(np.triu(g, 1))


@pytest.mark.parametrize("args", [(X[0], MEAN, COV), (X, MEAN, 2.0), (X, None, COV), (X, MEAN, [
    1.0, 2.0, 3.0]), (X[0], 0.5, 2.0), (X[0],)])
def test_parameters_of_the_multivariate_normal(args):
    """mean and cov may be numbers, a diagonal or missing, as for SciPy."""
    y, plain = ours.multivariate_normal.logpdf(Tensor(args[0]), *args[1:]), (
        ss.multivariate_normal.logpdf(*args))
    assert y.shape == np.shape(plain)
    np.testing.assert_allclose(y.data, plain, rtol=1e-12)
    assert isinstance(ours.multivariate_normal.logpdf(Value(1.5)), Value)


def test_dirichlet():
    """The Dirichlet density is SciPy's, of all entries or of all but the last, and differentiable.
    """
    alpha, x = np.array([2.0, 0.7, 3.0]), np.array([[0.2, 0.3], [0.3, 0.1], [0.5, 0.6]])
    for points in (x, x[:, 0], x[:2], x[:2, 0]):
        check(lambda a, x=points: ours.dirichlet.logpdf(Tensor(x), a) if isinstance(a, Tensor)
              else ours.dirichlet.logpdf(x, a), lambda a, x=points: ss.dirichlet.logpdf(x, a),
              alpha, single=False)
    check(lambda v: ours.dirichlet.pdf(v, alpha), lambda v: ss.dirichlet.pdf(v, alpha), x[:2],
          single=False)
    g = ag.grad(lambda x: ours.dirichlet.logpdf(x, alpha))(x[:, 0])
    np.testing.assert_allclose(g, (alpha - 1) / x[:, 0], rtol=1e-14)
    with pytest.raises(ValueError, match="simplex"):
        ours.dirichlet.logpdf(Tensor([0.2, 0.2, 0.2]), alpha)


# ── signatures, and what is refused ──────────────────────────────────────────────────────────


def test_plain_numbers_are_scipys():
    """Of plain numbers each function is SciPy's own, kinds of results included; frozen too."""
    assert type(ours.norm.logpdf(1.0)) is type(ss.norm.logpdf(1.0))
    np.testing.assert_array_equal(ours.gamma.rvs(2.0, size=3, random_state=0),
                                  ss.gamma.rvs(2.0, size=3, random_state=0))
    assert ours.t(3.0, scale=2.0).mean() == ss.t(3.0, scale=2.0).mean()
    assert ours.norm(0, Value(2.0)).logpdf(1.0).data == pytest.approx(ss.norm.logpdf(1.0, 0, 2.0))
    assert ours.skew([1.0, 2.0, 4.0]) == ss.skew([1.0, 2.0, 4.0])
    assert "logpdf" in dir(ours.norm(0, 1)) and "logpdf" in repr(ours.norm(0, 1))
    assert dir(ours) == sorted(ours.__all__)


def objects(v):
    """A node in an array of dtype object."""
    array = np.empty(1, object)
    array[0] = v
    return array


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda v: ours.cauchy2, AttributeError, "has no 'cauchy2'; it has: bernoulli, beta, binom"),
    (lambda v: ours.dweibull, AttributeError, "has no 'dweibull'"),
    (lambda v: ours.norm.logpdff, AttributeError, "has no 'logpdff'; it has: logpdf, pdf, cdf"),
    (lambda v: ours.norm(0).logpdff, AttributeError, "has no 'logpdff'"),
    (lambda v: ours.norm.rvs(v), NotDifferentiableError, "norm.rvs isn't differentiable here"),
    (lambda v: ours.gamma.cdf(1.0, v), NotDifferentiableError, "gamma.cdf isn't .* here in a:"),
    (lambda v: ours.t.sf(1.0, v), NotDifferentiableError, "t.sf isn't .* here in df:"),
    (lambda v: ours.beta.logcdf(0.5, 1.0, v), NotDifferentiableError, "in b:"),
    (lambda v: ours.poisson.logpmf(v, 2.0), NotDifferentiableError, "poisson.logpmf .* in k:"),
    (lambda v: ours.binom.pmf(1, v, 0.5), NotDifferentiableError, "binom.pmf .* in n:"),
    (lambda v: ours.multivariate_normal.cdf(v), NotDifferentiableError, "multivariate_normal.cdf"),
    (lambda v: ours.multivariate_normal.pdf(v, allow_singular=True), NotDifferentiableError,
     "add to the diagonal"),
    (lambda v: ours.multivariate_normal.pdf(v, cov=ss.Covariance.from_diagonal([1.0])),
     NotDifferentiableError, "give it its .covariance"),
    (lambda v: ours.norm.pdf(v, scala=2), ArgumentTypeError, "takes loc, scale, in this order"),
    (lambda v: ours.gamma.pdf(v), ArgumentTypeError, "scipy.stats.gamma needs a"),
    (lambda v: ours.norm(1, 2, 3), ArgumentTypeError, "not 3 arguments"),
    (lambda v: ours.norm.pdf(objects(v)), ag.errors.DTypeError, "join them with"),
])
def test_what_is_refused(call, error, message):
    """What has no rule is refused by the name of its argument, and an unknown name says what there
    is."""
    with pytest.raises(error, match=message):
        call(Value(1.0))


def test_a_compiled_density():
    """A compiled density is right on both sides of a support, and for parameters that are none."""
    for name in ("norm", "expon", "laplace"):
        f = getattr(ours, name).logpdf
        program, slopes = ag.compile(f), ag.compile(ag.grad(f, (0, 1, 2)))
        for args in ((0.3, 0.1, 1.2), (-1.5, 0.3, 0.2), (0.5, 0.1, -1.0), (0.9, 0.2, 1.0)):
            with np.errstate(all="ignore"):
                assert program(*args) == pytest.approx(float(f(*args)), rel=1e-12, nan_ok=True)
            np.testing.assert_allclose(slopes(*args), ag.grad(f, (0, 1, 2))(*args), rtol=1e-12)
    program = ag.compile(lambda x: np.sum(ours.expon.logpdf(x)))
    assert program(np.array([1.0, 2.0])) == -3.0
    assert program(np.array([1.0, -2.0])) == -math.inf
    gamma = lambda x, a: ours.gamma.logpdf(x, a)  # of rows that have no function of floats
    slope, curved = (ag.grad(gamma, (0, 1)), ag.hessian(gamma, 1))
    program, second = ag.compile(slope), ag.compile(curved)
    for args in ((1.0, 2.0), (0.3, 0.7), (5.0, 1.0)):
        assert program(*args) == pytest.approx(slope(*args), rel=1e-12)
        assert second(*args) == pytest.approx(curved(*args), rel=1e-12)
    pytest.importorskip("numba", reason="the fast extra isn't installed")
    with pytest.raises(ag.errors.GraphError, match="isn't on the tape"):
        ag.compile(lambda x: ours.gamma.logpdf(x, 2.0), batched=0)(np.ones(2))


@pytest.mark.oracle
def test_hips_autograd_agrees():
    """HIPS autograd's scipy.stats gives the same gradients, but for a symmetric one of cov."""
    stats, grad = pytest.importorskip("autograd.scipy.stats"), pytest.importorskip("autograd").grad
    for name, method, args, wrt in [
        ("norm", "logcdf", (-1.2, 0.3, 1.4), (0, 1, 2)), ("t", "logpdf", (0.7, 3.0, 0.1, 1.2), (
            0, 1, 2, 3)), ("gamma", "logpdf", (0.7, 3.0), (0, 1)), ("beta", "logpdf", (
                0.7, 3.0, 2.0), (0, 1, 2)), ("chi2", "logpdf", (0.7, 3.0), (0,)),
        ("poisson", "logpmf", (3, 2.5), (1,)),
    ]:
        for i in wrt:
            here = ag.grad(getattr(getattr(ours, name), method), i)(*args)
            there = grad(getattr(getattr(stats, name), method), i)(*args)
            assert here == pytest.approx(float(there), rel=1e-9), (name, i)
    here = ag.grad(lambda c: np.sum(ours.multivariate_normal.logpdf(X, MEAN, ag.symmetric(c))))(COV)
    there = grad(lambda c: sum(stats.multivariate_normal.logpdf(x, MEAN, c) for x in X))(COV)
    np.testing.assert_allclose(here, there, rtol=1e-9)
