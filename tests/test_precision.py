"""Every digit that is there: derivatives of order 1 to 3 against mpmath, from 1e-300 to 1e300."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.special

import autograd_mini as ag

mp = mpmath.mp.clone()
mp.dps = 120
LOG_2PI = mp.log(2 * mp.pi) / 2


def normal(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


# The function here, and in mpmath. The domain is where mpmath's is real.
FUNCTIONS = {
    "exp": (np.exp, mp.exp), "exp2": (np.exp2, lambda x: mp.mpf(2) ** x),
    "expm1": (np.expm1, mp.expm1), "log": (np.log, mp.log), "log1p": (np.log1p, mp.log1p),
    "log2": (np.log2, lambda x: mp.log(x, 2)), "log10": (np.log10, mp.log10),
    "sqrt": (np.sqrt, mp.sqrt), "cbrt": (np.cbrt, lambda x: mp.sign(x) * mp.cbrt(abs(x))),
    "square": (np.square, lambda x: x * x), "reciprocal": (np.reciprocal, lambda x: 1 / x),
    "x**3": (lambda x: x**3, lambda x: x**3), "x**1.5": (lambda x: x**1.5, lambda x: x**1.5),
    "x**-2": (lambda x: x**-2, lambda x: x**-2), "sin": (np.sin, mp.sin), "cos": (np.cos, mp.cos),
    "tan": (np.tan, mp.tan), "arcsin": (np.arcsin, mp.asin), "arccos": (np.arccos, mp.acos),
    "arctan": (np.arctan, mp.atan), "sinh": (np.sinh, mp.sinh), "cosh": (np.cosh, mp.cosh),
    "tanh": (np.tanh, mp.tanh), "arcsinh": (np.arcsinh, mp.asinh),
    "arccosh": (np.arccosh, mp.acosh), "arctanh": (np.arctanh, mp.atanh),
    "hypot(x, 1)": (lambda x: np.hypot(x, 1.0), lambda x: mp.hypot(x, 1)),
    "arctan2(x, 1)": (lambda x: np.arctan2(x, 1.0), mp.atan),
    "logaddexp(x, 1)": (lambda x: np.logaddexp(x, 1.0), lambda x: mp.log1p(mp.exp(x - 1)) + 1),
    "sigmoid": (ag.sigmoid, lambda x: 1 / (1 + mp.exp(-x))),
    "softplus": (ag.softplus, lambda x: mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))),
    "logsigmoid": (ag.logsigmoid, lambda x: -mp.log1p(mp.exp(-x)) if x > 0 else
                   x - mp.log1p(mp.exp(x))),
    "softsign": (ag.softsign, lambda x: x / (1 + abs(x))),
    "silu": (ag.silu, lambda x: x / (1 + mp.exp(-x))),
    "mish": (ag.mish, lambda x: x * (1 - 2 / ((1 + mp.exp(x))**2 + 1))),
    "gelu": (ag.gelu, lambda x: x * normal(x)),
    "gelu tanh": (lambda x: ag.gelu(x, "tanh"), lambda x: x / (1 + mp.exp(
        -mp.sqrt(8 / mp.pi) * (x + mp.mpf(0.044715) * x**3)))),
    "elu": (ag.elu, lambda x: x if x > 0 else mp.expm1(x)),
    "sinc": (np.sinc, lambda x: mp.sinc(mp.pi * x)),
    "erf": (scipy.special.erf, mp.erf), "erfc": (scipy.special.erfc, mp.erfc),
    "ndtr": (scipy.special.ndtr, normal),
    "logit": (scipy.special.logit, lambda x: mp.log(x / (1 - x))),
    "log_ndtr": (scipy.special.log_ndtr, lambda x: mp.log(normal(x))),
    "entr": (scipy.special.entr, lambda x: -x * mp.log(x)),
    "gammaln": (scipy.special.gammaln, mp.loggamma),
    "digamma": (scipy.special.psi, lambda x: mp.psi(0, x)),
}
SIZES = [1e-300, 1e-160, 1e-30, 1e-16, 1e-8, 1e-3, 0.1, 0.5, 0.9, 1 - 1e-9, 1 + 1e-9, 1.5, 2.5, 5.0,
         10.0, 20.0, 37.0, 100.0, 700.0, 745.0, 1e4, 1e8, 1e16, 1e100, 1e160, 1e300]
POINTS = [0.0, *SIZES, *(-x for x in SIZES)]


def derivative(f, x, order):
    """Of f at x by central differences, in as many digits as they cost; None outside its domain."""
    size = abs(math.log10(abs(x))) if x else 0.0
    h_digits = 30 + (60 if not x else size if abs(x) < 1 else 0)
    mp.dps = int(350 + order * h_digits + min(2 * size, 900) + (700 if abs(x) > 30 else 0))
    h = mp.mpf(10) ** -(60 if not x else 30) * (abs(mp.mpf(x)) if x and abs(x) < 1 else 1)
    stencil = {1: {1: 0.5, -1: -0.5}, 2: {1: 1, 0: -2, -1: 1},
               3: {2: 0.5, 1: -1, -1: 1, -2: -0.5}}[order]
    try:
        values = {k: f(mp.mpf(x) + k * h) for k in (0, *stencil)}
    except (ValueError, ZeroDivisionError, OverflowError, mpmath.libmp.NoConvergence):
        return None
    if any(isinstance(v, mp.mpc) or not mp.isfinite(v) for v in values.values()):
        return None
    return mp.fsum(w * values[k] for k, w in stencil.items()) / h**order


# How far out digits are known to be lost. All else has 11 of them, but for the one in slack().
BEYOND = {"sinc": 1e16, "log_ndtr": 100.0}
NOT_AT_0 = {"cbrt", "softsign", "elu", "x**3"}  # kinks; and the differences of x³ see its h²


def slack(name, order):
    """The absolute error allowed besides the relative one of 1e-11: of what underflows, none."""
    if name == "ndtr" and order == 3:  # (x² − 1)φ near its root
        return 4 * np.finfo(float).eps
    return mp.mpf("1e-300")


# The others wait: mpmath takes up to ten seconds for one, in digits by the thousand.
QUICK = {"sqrt", "cbrt", "square", "reciprocal", "x**3", "x**1.5", "x**-2", "arcsin", "hypot(x, 1)",
         "logit", "softsign", "exp2", "tanh", "sigmoid"}


@pytest.mark.slow  # mpmath: three seconds in all
@pytest.mark.parametrize("name", [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FUNCTIONS])
def test_derivatives_to_order_three_from_tiny_to_huge(name):
    """Derivatives are right to 1e-11 wherever the true ones can be represented, and ±inf beyond."""
    f, exact = FUNCTIONS[name]
    checked = 0
    for x in POINTS:
        if abs(x) > BEYOND.get(name, math.inf) or (x == 0 and name in NOT_AT_0):
            continue
        if name in ("gammaln", "digamma") and not 1e-16 <= x <= 1e4:  # mpmath would take minutes
            continue
        g = f
        for order in (1, 2, 3):
            g = ag.grad(g)
            true = derivative(exact, x, order)
            if true is None:
                break
            with np.errstate(all="ignore"):
                got = g(x)
            if abs(true) > mp.mpf("1.7e308"):
                assert got == math.copysign(math.inf, true), (x, order)
            else:
                tolerance = mp.mpf(1e-11) * abs(true) + slack(name, order)
                assert abs(got - true) <= tolerance, (x, order, got, float(true))
            checked += 1
    assert checked > 20
