"""Which of SciPy's functions have a twin here, by their dotted names; the rooms are read later."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["NAMES", "ROOMS", "STANDINS"]

ROOMS = {
    "integrate": ("cumulative_trapezoid", "odeint", "simpson", "solve_ivp", "trapezoid"),
    "interpolate": ("interp1d",),
    "linalg": ("block_diag", "cho_factor", "cho_solve", "cholesky", "det", "eigh", "eigvalsh",
               "expm", "expm_frechet", "inv", "lstsq", "norm", "pinv", "solve", "solve_banded",
               "solve_sylvester", "solve_triangular", "sqrtm", "svd", "svdvals"),
    "signal": ("convolve", "fftconvolve", "lfilter"),
    "special": ("log_softmax", "logsumexp", "multigammaln", "polygamma", "softmax"),
    "stats": ("bernoulli", "beta", "binom", "cauchy", "chi2", "dirichlet", "expon", "gamma",
              "laplace", "logistic", "lognorm", "multivariate_normal", "norm", "poisson", "t",
              "uniform"),
}
"""Room → the names in it that SciPy has too."""

NAMES = frozenset(f"scipy.{room}.{name}" for room, names in ROOMS.items() for name in names)


class _Standins(Mapping[str, Any]):
    """SciPy's dotted name → the function (distribution, class) of ours that takes its place."""

    def __getitem__(self, name: str) -> Any:
        if name not in NAMES:
            raise KeyError(name)
        room, _, function = name.removeprefix("scipy.").partition(".")
        return getattr(importlib.import_module(f".{room}", __package__), function)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(NAMES))

    def __len__(self) -> int:
        return len(NAMES)


STANDINS: Mapping[str, Any] = _Standins()
"""`scipy.stats.norm` → `ag.scipy.stats.norm`, and so on. Ours take plain numbers as well, of which
they give what SciPy gives. A room is read when a name in it is asked for."""
