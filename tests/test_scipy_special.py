"""ag.scipy.special: SciPy's Python functions under their signatures, and rows for ufuncs."""

from __future__ import annotations

import sys

import mpmath
import numpy as np
import pytest
import scipy.special as sp
from hypothesis import given, strategies as st
from scipy_cases import check

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import NotDifferentiableError

mp = mpmath.mp.clone()
mp.dps = 60
ours = ag.scipy.special
random = np.random.default_rng(3)
A, WEIGHTS = random.normal(size=(3, 4)), random.uniform(0.2, 2.0, (3, 4))

# A function of one number in mpmath, and the same of ours, where SciPy has a ufunc of more.
IN_MPMATH = {
    "gammainc": (lambda a, b, x: mp.gammainc(a, 0, x, regularized=True),
                 lambda a, b, x: sp.gammainc(a, x)),
    "gammaincc": (lambda a, b, x: mp.gammainc(a, x, mp.inf, regularized=True),
                  lambda a, b, x: sp.gammaincc(a, x)),
    "betainc": (lambda a, b, x: mp.betainc(a, b, 0, x / 9, regularized=True),
                lambda a, b, x: sp.betainc(a, b, x / 9)),
    "betaincc": (lambda a, b, x: mp.betainc(a, b, x / 9, 1, regularized=True),
                 lambda a, b, x: sp.betaincc(a, b, x / 9)),
    "ive": (lambda a, b, x: mp.besseli(a, x) * mp.exp(-x), lambda a, b, x: sp.ive(a, x)),
    "kve": (lambda a, b, x: mp.besselk(a, x) * mp.exp(x), lambda a, b, x: sp.kve(a, x)),
    "rgamma": (lambda a, b, x: mp.rgamma(x - 4), lambda a, b, x: sp.rgamma(x - 4)),
    "k0": (lambda a, b, x: mp.besselk(0, x), lambda a, b, x: sp.k0(x)),
    "k1": (lambda a, b, x: mp.besselk(1, x), lambda a, b, x: sp.k1(x)),
    "i0e": (lambda a, b, x: mp.besseli(0, x) * mp.exp(-x), lambda a, b, x: sp.i0e(x)),
    "i1e": (lambda a, b, x: mp.besseli(1, x) * mp.exp(-x), lambda a, b, x: sp.i1e(x)),
    "polygamma": (lambda a, b, x: mp.psi(2, x), lambda a, b, x: ours.polygamma(2, x)),
    "multigammaln": (lambda a, b, x: mp.log(mp.pi) / 2 + mp.loggamma(x + 1) + mp.loggamma(
        x + mp.mpf("0.5")), lambda a, b, x: ours.multigammaln(x + 1, 2)),
}


# mpmath differentiates K₀ and K₁ for seconds.
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow) if name in ("k0", "k1", "kve", "ive") else name
    for name in IN_MPMATH])
def test_derivatives_are_mpmaths(name):
    """Derivatives of order 1 and 2 are mpmath's at random arguments, to 1e-9."""
    exact, f = IN_MPMATH[name]
    rng = np.random.default_rng(4)
    for a, b, x in rng.uniform((0.3, 0.3, 0.1), (12.0, 9.0, 8.0), (12, 3)).tolist():
        derivative = f
        for order in (1, 2):
            derivative = ag.grad(derivative, 2)
            true = float(mp.diff(lambda x, a=a, b=b: exact(mp.mpf(a), mp.mpf(b), x), mp.mpf(x),
                                 order))
            assert derivative(a, b, x) == pytest.approx(true, rel=1e-9, abs=1e-13), (a, b, x, order)


@pytest.mark.parametrize("n", range(4))
def test_rgamma_at_its_zeros(n):
    """The slope of 1/Γ at −n is (−1)ⁿ n!, where ψ/Γ would be ∞·0."""
    assert ag.grad(sp.rgamma)(-float(n)) == pytest.approx((-1) ** n * mp.factorial(n), rel=1e-13)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("given", [{}, {"axis": 0}, {"axis": (0, 1)}])
def test_the_default_axis_is_scipys(name, given):
    """softmax, log_softmax and logsumexp go over all numbers unless an axis is given."""
    check(lambda a: getattr(ours, name)(a, **given), lambda a: getattr(sp, name)(a, **given), A)


@pytest.mark.parametrize("given", [{"axis": 1, "keepdims": True}, {}, {"axis": 0}])
def test_weighted_logsumexp(given):
    """logsumexp of weighted terms is SciPy's, and differentiable in the weights."""
    check(lambda a, b: ours.logsumexp(a, b=b, **given),
          lambda a, b: sp.logsumexp(a, b=b, **given), A, WEIGHTS)


def test_logsumexp_with_a_sign():
    """With return_sign the log of the size comes with the sign, a constant; a negative sum is nan
    without it, and a weight of 0 takes nothing, not even ∞."""
    signed = WEIGHTS * np.where(np.arange(3) == 1, -1.0, 1.0)[:, None]
    y, sign = ours.logsumexp(Tensor(A), axis=1, b=signed, return_sign=True)
    expected, signs = sp.logsumexp(A, axis=1, b=signed, return_sign=True)
    np.testing.assert_allclose(y.data, expected, rtol=1e-13)
    np.testing.assert_array_equal(sign, signs)
    np.testing.assert_array_equal(
        np.isnan(ours.logsumexp(Tensor(A), axis=1, b=signed).data), [False, True, False])
    assert ours.logsumexp(Tensor([np.inf, 1.0]), b=[0.0, 2.0]).data == pytest.approx(
        1 + np.log(2.0))
    assert ours.logsumexp(Value(2.0), return_sign=True)[1] == 1.0


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=5))
def test_logsumexp_far_out(numbers):
    """The gradient of logsumexp is softmax, for terms far apart too."""
    x = np.array(numbers)
    for weights in (None, np.ones(len(x))):
        g = ag.grad(lambda x, b=weights: ours.logsumexp(x, b=b))(x)
        np.testing.assert_allclose(g, sp.softmax(x), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize(("call", "what"), [
    (lambda v: sp.gammainc(v, 2.0), "gammainc isn't differentiable here in its argument a"),
    (lambda v: sp.gammaincc(v, 2.0), "in its argument a"),
    (lambda v: sp.betainc(1.0, v, 0.5), "in its argument b"),
    (lambda v: sp.jv(v, 2.0), "in its order"), (lambda v: sp.kve(v, 2.0), "in its order"),
    (lambda v: sp.stdtr(v, 2.0), "in its degrees of freedom"),
    (lambda v: ours.polygamma(v, 2.0), "in n"), (lambda v: ours.multigammaln(3.0, v), "in d"),
    (lambda v: ours.polygamma([1, 2], v), "call it once for each"),
    (lambda v: ours.zeta(v), "scipy.special.zeta isn't differentiable here"),
    (lambda v: ours.softmax(v, base=2), r"softmax\(base=…\) isn't supported for nodes"),
])
def test_a_constant_that_is_a_node_is_refused_at_the_call(call, what):
    """An argument without a rule is refused when it is given, not in the backward pass."""
    with pytest.raises(NotDifferentiableError, match=what):
        call(Value(2.0))
    with pytest.raises(NotDifferentiableError, match=what):
        call(Tensor([2.0]))


def test_errors_of_scipys_are_raised():
    """multigammaln outside of its domain is SciPy's error."""
    with pytest.raises(ValueError, match="condition a"):
        ours.multigammaln(Value(0.2), 2)


def test_one_module_of_three_names():
    """ag.special, ag.scipy.special and autograd_mini.special are one module."""
    import autograd_mini.special
    from autograd_mini import special

    assert special is ag.special is ag.scipy.special is autograd_mini.special
    assert sys.modules["autograd_mini.special"] is ours
    assert ours.expit is sp.expit and ours.comb(4, 2) == 6.0


def test_names_that_are_not_there():
    """An unknown name says what there is, and private names aren't SciPy's."""
    with pytest.raises(AttributeError, match="has no 'erff'; it has: log_softmax, .*erf, erfc"):
        _ = ours.erff
    with pytest.raises(AttributeError, match="ag.scipy has no 'fft'; it has: integrate"):
        _ = ag.scipy.fft
    assert dir(ag.scipy)[0] == "integrate"


def test_constants_that_have_slope_zero():
    """gammasgn is constant between its jumps."""
    assert ag.grad(lambda x: sp.gammasgn(x) * x)(-0.5) == -1.0
    assert sp.gammasgn(Value(-0.5)).data == -1.0


@pytest.mark.oracle
def test_hips_autograd_agrees():
    """HIPS autograd's scipy.special gives the same gradients."""
    theirs = pytest.importorskip("autograd.scipy.special")
    grad = pytest.importorskip("autograd").grad
    for name, args in {"gammainc": (2.3, 1.5), "gammaincc": (2.3, 1.5), "rgamma": (1.3,),
                       "ive": (2, 1.5), "polygamma": (1, 1.5), "multigammaln": (2.5, 2)}.items():
        i = 0 if name in ("rgamma", "multigammaln") else 1
        here = getattr(sp, name) if isinstance(getattr(sp, name), np.ufunc) else getattr(ours, name)
        assert ag.grad(here, i)(*args) == pytest.approx(grad(getattr(theirs, name), i)(*args),
                                                        rel=1e-9), name
