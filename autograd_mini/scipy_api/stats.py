"""`ag.scipy.stats`: SciPy's distributions on nodes, by SciPy's names."""

from __future__ import annotations

from typing import Any

import scipy.stats

from .calls import missing, of_plain
from .continuous import (
    Beta,
    Cauchy,
    Chi2,
    Expon,
    Gamma,
    Laplace,
    Logistic,
    Lognorm,
    Norm,
    T,
    Uniform,
)
from .discrete import Bernoulli, Binom, Poisson
from .multivariate import Dirichlet, MultivariateNormal

__all__ = ["bernoulli", "beta", "binom", "cauchy", "chi2", "dirichlet", "expon", "gamma", "laplace",
           "logistic", "lognorm", "multivariate_normal", "norm", "poisson", "t", "uniform"]

norm, t, lognorm = Norm(), T(), Lognorm()
gamma, beta, chi2, expon = Gamma(), Beta(), Chi2(), Expon()
uniform, laplace, logistic, cauchy = Uniform(), Laplace(), Logistic(), Cauchy()
poisson, binom, bernoulli = Poisson(), Binom(), Bernoulli()
multivariate_normal, dirichlet = MultivariateNormal(), Dirichlet()


def __getattr__(name: str) -> Any:
    """A name of SciPy's that is none here: of plain numbers SciPy's."""
    theirs = getattr(scipy.stats, name, None)
    if theirs is None or name.startswith("_") or hasattr(theirs, "rvs"):  # a distribution
        raise missing("ag.scipy.stats", name, __all__)
    return of_plain(f"scipy.stats.{name}", theirs)


def __dir__() -> list[str]:
    return sorted(__all__)
