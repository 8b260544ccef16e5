"""SciPy's own functions and pandas, given a node: an error that names the cure, never a number."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.signal
import scipy.special
import scipy.stats

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import DTypeError, NotDifferentiableError
from autograd_mini.scipy_api.names import NAMES, ROOMS, STANDINS

v, x, M = Value(1.5), Tensor([1.0, 2.0, 3.0]), Tensor(np.eye(3))
LINES = scipy.interpolate.interp1d([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])

CALLS = {  # of SciPy's own functions, and what of ours is named
    "stats.norm.logpdf": lambda: scipy.stats.norm.logpdf(v),
    "stats.norm.pdf": lambda: scipy.stats.norm.pdf(1.0, loc=x),
    "stats.t.cdf": lambda: scipy.stats.t(3.0, v).cdf(1.0),
    "stats.poisson.logpmf": lambda: scipy.stats.poisson.logpmf(2, v),
    "stats.multivariate_normal.logpdf": lambda: scipy.stats.multivariate_normal.logpdf(x, np.ones(
        3)),
    "special.logsumexp": lambda: scipy.special.logsumexp(x),
    "special.softmax": lambda: scipy.special.softmax(x),
    "special.polygamma": lambda: scipy.special.polygamma(1, x),
    "linalg.expm": lambda: scipy.linalg.expm(M),
    "linalg.solve_triangular": lambda: scipy.linalg.solve_triangular(M, x),
    "linalg.cho_factor": lambda: scipy.linalg.cho_factor(M),
    "linalg.block_diag": lambda: scipy.linalg.block_diag(M, M),
    "linalg.inv": lambda: scipy.linalg.inv(M),
    "signal.lfilter": lambda: scipy.signal.lfilter([1.0], [1.0, 0.5], x),
    "signal.fftconvolve": lambda: scipy.signal.fftconvolve(x, x),
    "integrate.odeint": lambda: scipy.integrate.odeint(lambda y, t, k: -k * y, 1.0, [0, 1], (v,)),
    "integrate.solve_ivp": lambda: scipy.integrate.solve_ivp(lambda t, y: -v * y, (0, 1), [1.0]),
    "integrate.simpson": lambda: scipy.integrate.simpson(x),
    "interpolate.interp1d": lambda: LINES(v),
}


@pytest.mark.parametrize("name", CALLS)
def test_scipys_functions_name_ours(name):
    """A function that SciPy writes in Python refuses a node, at the user's line, naming ours."""
    cure = rf"test_packages.py.* use ag\.scipy\.{re.escape(name)}$"
    with pytest.raises(NotDifferentiableError, match=cure):
        CALLS[name]()


def test_scipys_other_functions():
    """One without a twin says what would be lost."""
    with pytest.raises(NotDifferentiableError, match=r"scipy\.special\.comb would turn a node"):
        scipy.special.comb(v, 2)
    with pytest.raises(NotDifferentiableError, match="np.stack"):  # the user's own line, within
        scipy.integrate.odeint(lambda y, t: np.array([-v * y[0]]), [1.0], [0, 1])


def test_optimize_takes_our_gradients():
    """scipy.optimize.minimize works with ag.grad as its jac."""
    def rosenbrock(p):
        return 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2

    found = scipy.optimize.minimize(rosenbrock, np.array([-1.0, 2.0]), jac=ag.grad(rosenbrock))
    np.testing.assert_allclose(found.x, [1.0, 1.0], rtol=1e-4)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_standins_have_scipys_names(name):
    """Each name of the table is a function of SciPy's, and leads to the one here that says so."""
    room, _, function = name.removeprefix("scipy.").partition(".")
    assert hasattr(getattr(scipy, room), function)
    assert STANDINS[name] is getattr(getattr(ag.scipy, room), function)
    assert STANDINS[name].scipys == name


def test_the_table_of_standins():
    """The table has all names of the rooms, and no others."""
    assert {*STANDINS} == NAMES and len(STANDINS) == len(NAMES) and ag.scipy.STANDINS is STANDINS
    for room, names in ROOMS.items():
        assert sorted(names) == sorted(getattr(ag.scipy, room).__all__)
    with pytest.raises(KeyError):
        STANDINS["scipy.stats.nothing"]


# ── pandas ───────────────────────────────────────────────────────────────────────────────────

WRITTEN = {
    "S * x": lambda S, D: S * x, "x * S": lambda S, D: x * S, "S * v": lambda S, D: S * v,
    "v - S": lambda S, D: v - S, "S + x": lambda S, D: S + x, "S ** v": lambda S, D: S**v,
    "S.mul(x)": lambda S, D: S.mul(x), "D * v": lambda S, D: D * v, "x * D": lambda S, D: x * D,
    "D @ x": lambda S, D: D @ x, "x @ D": lambda S, D: x @ D, "D.dot(x)": lambda S, D: D.dot(x),
    "np.dot(D, x)": lambda S, D: np.dot(D, x), "np.dot(x, D)": lambda S, D: np.dot(x, D),
    "np.multiply(S, x)": lambda S, D: np.multiply(S, x),
    "np.sin(S) * x": lambda S, D: np.sin(S) * x,
    "ag.matmul(D, x)": lambda S, D: ag.matmul(D, x), "Series(x)": lambda S, D: type(S)(x),
    "np.where": lambda S, D: np.where(S > 1, x, 0.0),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_pandas_beside_a_node_names_to_numpy(written):
    """A Series or DataFrame beside a node is refused, naming .to_numpy(), never one of objects."""
    pandas = pytest.importorskip("pandas")
    series, frame = pandas.Series([1.0, 2.0, 3.0]), pandas.DataFrame(np.eye(3))
    with pytest.raises((DTypeError, NotDifferentiableError), match=r"\.to_numpy\(\)"):
        WRITTEN[written](series, frame)


def test_the_numbers_of_pandas():
    """.to_numpy() is an array as any other."""
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0, 3.0])
    assert ag.grad(lambda x: np.sum(series.to_numpy() * x**2))(2.0) == 24.0
