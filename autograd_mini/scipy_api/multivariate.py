"""Distributions of vectors: the normal one of any mean and covariance, and Dirichlet's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats

from ..errors import NotDifferentiableError
from ..functions.composed import dtype_of, keeps_kind
from ..graph import value_of
from ..ops import concatenate, exp, inv, matmul, reshape, shape, sum, swap
from ..ops.decompositions import of_one_triangle
from ..ops.reductions import unbroadcast
from ..primitive import structural
from .distributions import Distribution, states
from .special import gammaln, xlogy

__all__ = ["Dirichlet", "MultivariateNormal"]


def _log_density(inputs: Sequence[Any]) -> Any:
    """SciPy's own, and its checks, in the dtype of the arguments."""
    y = scipy.stats.multivariate_normal.logpdf(*inputs)
    return np.asarray(y, np.result_type(*inputs))


def _density_rule(g: Any, y: Any, x: Any, mean: Any, cov: Any) -> list[Any]:
    """With a = Σ⁻¹(x − mean): −g·a for x, g·a for the mean, ½g·(a aᵀ − Σ⁻¹) for Σ, over all points.

    Σ is the symmetric matrix that the lower triangle of cov says.
    """
    n = shape(cov)[0]
    inverse = inv(cov * np.tri(n) + swap(cov * np.tri(n, k=-1)))
    difference = x - mean
    a, g = matmul(reshape(difference, (-1, n)), inverse), reshape(g, (-1, 1))
    sent = g * a
    by_matrix = 0.5 * (matmul(swap(a), sent) - sum(g) * inverse)
    return [unbroadcast(reshape(-sent, shape(difference)), shape(x)), sum(sent, axis=0),
            of_one_triangle(by_matrix)]


log_density = structural(_log_density, _density_rule, many=True, symbol="log N",
                         name="scipy.stats.multivariate_normal.logpdf")


@states("logpdf", "pdf")
class MultivariateNormal(Distribution):
    """log f = −½(dᵀΣ⁻¹d + log det Σ + n log 2π), d = x − mean, for a covariance Σ.

    x: (…, n); mean: (n,); cov: (n, n), (n,) for a diagonal or a number. As SciPy, it reads one
    triangle of cov, the lower one, and the gradient is 0 for the other: take `ag.symmetric(cov)`
    for the symmetric gradient. Raises `LinAlgError` unless cov is positive definite, and
    `NotDifferentiableError` for allow_singular=True, where nothing near has a density.

    >>> import numpy as np, autograd_mini as ag
    >>> normal = ag.scipy.stats.multivariate_normal
    >>> ag.grad(normal.logpdf)(np.array([1.0, 2.0]), np.zeros(2), np.diag([1.0, 4.0]))
    array([-1. , -0.5])
    """

    name, places = "multivariate_normal", ("mean", "cov", "allow_singular")
    defaults: Mapping[str, Any] = {"mean": None, "cov": 1.0, "allow_singular": False}

    def _parameters(self, args: Sequence[Any], kwds: dict[str, Any]) -> dict[str, Any]:
        if any(isinstance(x, scipy.stats.Covariance) for x in (*args, *kwds.values())):
            raise NotDifferentiableError(f"{self.scipys} of nodes takes cov as a matrix, not as a "
                                         "Covariance: give it its .covariance")
        return super()._parameters(args, kwds)

    @keeps_kind
    def _of_nodes(self, method: str, x: Any, *, mean: Any, cov: Any, allow_singular: Any) -> Any:
        if allow_singular:
            raise NotDifferentiableError(f"{self.scipys}.{method}(allow_singular=True) isn't "
                                         "differentiable: leave it out, or add to the diagonal")
        mean, cov = _whole(mean, cov)
        y = log_density([x, mean, cov])
        return exp(y) if method == "pdf" else y


def _whole(mean: Any, cov: Any) -> tuple[Any, Any]:
    """The mean as a vector and the covariance as a matrix, from what SciPy takes for them."""
    n = shape(cov)[0] if mean is None and len(shape(cov)) == 2 else np.size(value_of(mean))
    n = 1 if mean is None and len(shape(cov)) < 2 else n
    mean = np.zeros(n, dtype_of(cov)) if mean is None else reshape(mean, (n,))
    if n == 1 or len(shape(cov)) == 2:
        return mean, reshape(cov, (n, n))
    return mean, cov * np.eye(n, dtype=dtype_of(cov))  # a number, or the numbers of a diagonal


@states("logpdf", "pdf")
class Dirichlet(Distribution):
    """log f = Σ (αᵢ − 1) log xᵢ − Σ log Γ(αᵢ) + log Γ(Σ αᵢ), with Σ xᵢ = 1.

    x: (k,) or (k, m), one column for each of m points; or (k − 1, …), and the last entry is what
    is left. The slope in x is that of the formula, in all directions. Raises `ValueError` for an x
    that isn't in the simplex, as SciPy.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.grad(ag.scipy.stats.dirichlet.logpdf)(np.array([0.25, 0.75]), np.array([2.0, 4.0]))
    array([4., 4.])
    """

    shapes, places = ("alpha",), ()
    defaults: Mapping[str, Any] = {}

    @keeps_kind
    def _of_nodes(self, method: str, x: Any, *, alpha: Any) -> Any:
        expected = np.shape(scipy.stats.dirichlet.logpdf(value_of(x), value_of(alpha)))
        if shape(x)[0] != shape(alpha)[0]:
            x = concatenate([x, 1 - sum(x, axis=0, keepdims=True)], axis=0)
        power = reshape(alpha - 1, (-1, *[1] * (len(shape(x)) - 1)))
        y = sum(xlogy(power, x), axis=0) - sum(gammaln(alpha)) + gammaln(sum(alpha))
        y = reshape(y, expected)
        return exp(y) if method == "pdf" else y
