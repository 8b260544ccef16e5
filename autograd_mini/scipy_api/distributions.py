"""A distribution of SciPy's on nodes: what loc, scale and the support do is the same for all.

A continuous one states its functions at z = (x − loc)/scale, inside of its support, and here is
what follows: f(x) = f(z)/scale, log f = −∞ outside, nan for a parameter that SciPy refuses. The
support is closed, so at its ends a slope is that from inside; outside it is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats

from ..errors import ArgumentTypeError
from ..functions.composed import is_above, keeps_kind
from ..graph import Node, value_of
from ..ops import astype, exp, log, log1p, where
from ..primitive import OTHER_ARRAYS
from ..recording import current_tracer
from .calls import array_of, has_node, missing, must_be_plain, of_plain

__all__ = ["Continuous", "Discrete", "Distribution", "Frozen", "chosen"]


def chosen(mask: Any, a: Any, b: Any) -> Any:
    """a where the mask holds, else b; b itself if it holds nowhere, and for other numbers too."""
    asked = (isinstance(mask, Node) and current_tracer() is not None) or type(mask) in OTHER_ARRAYS
    return where(mask, a, b) if asked or np.any(value_of(mask)) else b


def _either(a: Any, b: Any) -> Any:
    """Where a mask of 0 and 1 holds, or another."""
    if type(a) is float and a == 0.0:
        return b
    return a if type(b) is float and b == 0.0 else a + b - a * b


def _is(x: Any, number: float) -> bool:
    """Whether it is just this plain number: then there is nothing to compute with it."""
    return type(x) is float and x == number


def _in_kind(y: Any, *arguments: Any) -> Any:
    """y in the dtype of the arrays it is made of: SciPy's ufuncs turn float32 and a float to 64."""
    kinds = {np.dtype(x.dtype) for x in map(value_of, arguments) if isinstance(x, np.ndarray)}
    single = kinds == {np.dtype(np.float32)} and value_of(y).dtype != np.float32
    return astype(y, dtype=np.dtype(np.float32)) if single else y


def _log_of(p: Any, rest: Any) -> Any:
    """log p, where p + rest = 1: by the rest where p is near 1, and its log has lost its digits."""
    near = is_above(0.5, rest)
    return where(near, log1p(-where(near, rest, 0.0)), log(where(near, 1.0, p)))


class Distribution:
    """What all have in common: SciPy's signatures, and SciPy itself for plain numbers."""

    name = ""  # SciPy's, if it isn't that of the class in small letters
    shapes: tuple[str, ...] = ()
    places: tuple[str, ...] = ("loc", "scale")
    defaults: Mapping[str, Any] = {"loc": 0.0, "scale": 1.0}
    _of_nodes: Callable[..., Any]  # of a method's name, x, and each parameter by name
    methods: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.name = self.name or type(self).__name__.lower()
        self.scipys = f"scipy.stats.{self.name}"
        self._theirs = getattr(scipy.stats, self.name)

    def __call__(self, *args: Any, **kwds: Any) -> Frozen:
        """The distribution with its parameters given once."""
        self._parameters(args, kwds)
        return Frozen(self, args, kwds)

    def __repr__(self) -> str:
        return f"<ag.{self.scipys}: {', '.join(self.methods)}>"

    def __dir__(self) -> list[str]:
        return [*self.methods]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(self._theirs, name):
            raise missing(f"ag.{self.scipys}", name, self.methods)
        return of_plain(f"{self.scipys}.{name}", getattr(self._theirs, name))

    def _parameters(self, args: Sequence[Any], kwds: dict[str, Any]) -> dict[str, Any]:
        """The shapes, loc and scale by name, as SciPy takes them: in this order, or by name."""
        names = (*self.shapes, *self.places)
        unknown = kwds.keys() - {*names}
        given = dict(zip(names, args, strict=False))
        if unknown or len(args) > len(names) or given.keys() & kwds.keys():
            raise ArgumentTypeError(f"{self.scipys} takes {', '.join(names)}, in this order or by "
                                    f"name, not {len(args)} arguments and "
                                    f"{', '.join(kwds) or 'no name'}")
        found = {**self.defaults, **given, **kwds}
        missed = [name for name in self.shapes if name not in found]
        if missed:
            raise ArgumentTypeError(f"{self.scipys} needs {', '.join(missed)}")
        return {name: found[name] if found[name] is None else array_of(found[name])
                for name in names}

    def _at(self, method: str, x: Any, args: Sequence[Any], kwds: dict[str, Any]) -> Any:
        """`method` at x: SciPy's if all is plain, else ours."""
        if not (has_node(x) or has_node(args) or has_node(kwds)):
            return getattr(self._theirs, method)(x, *args, **kwds)
        x, parameters = array_of(x), self._parameters(args, kwds)
        with np.errstate(all="ignore"):
            return _in_kind(self._of_nodes(method, x, **parameters), x, *parameters.values())


def _method(name: str, what: str) -> Callable[..., Any]:
    """A public method, whose formula a distribution states under the name with an underscore."""
    def method(self: Distribution, x: Any, *args: Any, **kwds: Any) -> Any:
        return self._at(name, x, args, kwds)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{what}, with SciPy's parameters by position or by name."
    return method


_WHAT = {
    "logpdf": "The log of the density", "pdf": "The density",
    "logpmf": "The log of the probability of x", "pmf": "The probability of x",
    "cdf": "The probability of at most x", "logcdf": "Its log",
    "sf": "The probability of more than x", "logsf": "Its log",
    "ppf": "The x of which at most that has the probability q",
}


def states(*methods: str) -> Callable[[Any], Any]:
    """Give a class the public methods of these names."""
    def enter(kind: Any) -> Any:
        for name in methods:
            setattr(kind, name, _method(name, _WHAT[name]))
        kind.methods = methods
        return kind

    return enter


@states("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf")
class Continuous(Distribution):
    """A distribution with a density; a subclass has `_logpdf`, `_cdf` … of z and the shapes.

    support: where the density isn't 0. inside: a number in it. fixed: the shapes in which the
    functions but the density have no slope here.
    """

    support: tuple[float, float] = (-np.inf, np.inf)
    inside = 1.0
    fixed: tuple[str, ...] = ()

    def _logpdf(self, z: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _cdf(self, z: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _sf(self, z: Any, *shapes: Any) -> Any:
        return 1 - self._cdf(z, *shapes)

    def _logcdf(self, z: Any, *shapes: Any) -> Any:
        return _log_of(self._cdf(z, *shapes), self._sf(z, *shapes))

    def _logsf(self, z: Any, *shapes: Any) -> Any:
        return _log_of(self._sf(z, *shapes), self._cdf(z, *shapes))

    def _invalid(self, *shapes: Any) -> Any:
        """Where a shape isn't one, as a mask: SciPy has nan there. Most have to be above 0."""
        mask: Any = 0.0
        for x in shapes:
            mask = _either(mask, 1 - is_above(x, 0.0))
        return mask

    @keeps_kind
    def _of_nodes(self, method: str, x: Any, *, loc: Any, scale: Any, **shapes: Any) -> Any:
        if method not in ("logpdf", "pdf"):
            must_be_plain(f"{self.scipys}.{method}", **{k: shapes[k] for k in self.fixed})
        wrong = _either(self._invalid(*shapes.values()), 1 - is_above(scale, 0.0))
        parts = [chosen(wrong, 1.0, v) for v in shapes.values()]
        scale = chosen(wrong, 1.0, scale)
        if method == "ppf":
            y = self._quantile(x, *parts) * scale + loc
        else:
            y = self._within(method, self._standardised(x, loc, scale), parts, scale)
        return chosen(wrong, np.nan, y)

    def _standardised(self, x: Any, loc: Any, scale: Any) -> Any:
        moved = x if _is(loc, 0.0) else x - loc
        return moved if _is(scale, 1.0) else moved / scale

    def _within(self, method: str, z: Any, shapes: Sequence[Any], scale: Any) -> Any:
        """A function at z, and what it is outside of the support."""
        low, high = self.support
        below = is_above(low, z) if low > -np.inf else 0.0
        above = is_above(z, high) if high < np.inf else 0.0
        z = chosen(_either(below, above), self.inside, z)
        if method in ("logpdf", "pdf"):
            y = self._logpdf(z, *shapes)
            y = y if _is(scale, 1.0) else y - log(scale)
            y = y if method == "logpdf" else exp(y)
            least = -np.inf if method == "logpdf" else 0.0
            return chosen(_either(below, above), least, y)
        y = getattr(self, f"_{method}")(z, *shapes)
        least, most = (-np.inf, 0.0) if method.startswith("log") else (0.0, 1.0)
        first, last = (most, least) if method.endswith("sf") else (least, most)
        return chosen(below, first, chosen(above, last, y))

    def _quantile(self, q: Any, *shapes: Any) -> Any:
        """The x for a probability q, nan unless 0 ≤ q ≤ 1."""
        wrong = _either(is_above(0.0, q), is_above(q, 1.0))
        return chosen(wrong, np.nan, self._ppf(chosen(wrong, 0.5, q), *shapes))

    def _ppf(self, q: Any, *shapes: Any) -> Any:
        raise NotImplementedError


@states("logpmf", "pmf", "cdf", "logcdf", "sf", "logsf")
class Discrete(Distribution):
    """A distribution of integers k, which are plain: a count has no derivative.

    A subclass has `_logpmf`, `_cdf`, `_sf` of k and the shapes, for k inside of the support.
    """

    places = ("loc",)
    counts: tuple[str, ...] = ()  # the shapes that are counts too

    def _logpmf(self, k: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _cdf(self, k: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _sf(self, k: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _last(self, *shapes: Any) -> Any:
        """The largest k there is."""
        return np.inf

    def _invalid(self, *shapes: Any) -> Any:
        raise NotImplementedError

    @keeps_kind
    def _of_nodes(self, method: str, x: Any, *, loc: Any, **shapes: Any) -> Any:
        counts = {name: shapes[name] for name in self.counts}
        must_be_plain(f"{self.scipys}.{method}", k=x, loc=loc, **counts)
        wrong = self._invalid(*shapes.values())
        parts = [v if name in self.counts else chosen(wrong, 0.5, v)
                 for name, v in shapes.items()]
        k, last = np.asarray(x) - loc, self._last(*parts)
        if method in ("pmf", "logpmf"):
            outside = (k < 0) | (k > last) | (k != np.floor(k))
            y = chosen(outside, -np.inf, self._logpmf(np.where(outside, 0.0, k)[()], *parts))
            return chosen(wrong, np.nan, exp(y) if method == "pmf" else y)
        k = np.floor(k)
        first, after = (1.0, 0.0) if method.endswith("sf") else (0.0, 1.0)
        p, rest = (self._sf, self._cdf) if method.endswith("sf") else (self._cdf, self._sf)
        inside = np.where((k < 0) | (k >= last), 0.0, k)[()]
        y = p(inside, *parts)
        if method.startswith("log"):
            y = _log_of(y, rest(inside, *parts))
            first, after = (-np.inf if end == 0.0 else 0.0 for end in (first, after))
        return chosen(wrong, np.nan, chosen(k < 0, first, chosen(k >= last, after, y)))


class Frozen:
    """A distribution with parameters given once: `norm(loc, scale).logpdf(x)`."""

    def __init__(self, of: Any, args: tuple[Any, ...], kwds: dict[str, Any]) -> None:
        self.dist, self.args, self.kwds = of, args, kwds

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        method = getattr(self.dist, name)
        if name in self.dist.methods:
            return lambda x: method(x, *self.args, **self.kwds)
        return lambda *args, **kwds: method(*args, *self.args, **self.kwds, **kwds)

    def __dir__(self) -> list[str]:
        return dir(self.dist)

    def __repr__(self) -> str:
        return f"<frozen {self.dist!r}>"
