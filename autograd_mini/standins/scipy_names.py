"""SciPy's functions in the user's code, and ours that take their place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..graph import Node
from .arrays import wrapped
from .buffers import content, contents, holds_nodes, joined

__all__ = ["of_scipy", "sparse_product"]

_found: dict[int, str] = {}
_rooms_read: set[str] = set()


def _name_of(f: Any) -> str | None:
    """SciPy's dotted name of a function, distribution or class, if there is one of ours for it."""
    from ..scipy_api.names import NAMES, ROOMS

    for room in ROOMS.keys() - _rooms_read:
        if (module := sys.modules.get(f"scipy.{room}")) is not None:
            _rooms_read.add(room)
            _found.update({id(getattr(module, name)): f"scipy.{room}.{name}"
                           for name in ROOMS[room] if hasattr(module, name)})
    name = _found.get(id(f))
    if name is None and type(f).__module__.startswith("scipy.stats"):  # a distribution made anew
        called = getattr(f, "name", None) or type(f).__name__.removesuffix("_gen")
        name = f"scipy.stats.{called}"
    return name if name in NAMES else None


def _ours(name: str) -> Any:
    from ..scipy_api.names import STANDINS

    return STANDINS[name]


def of_scipy(f: Any) -> Callable[..., Any] | None:
    """What takes the place of f, if f is SciPy's: of nodes ours, of plain numbers f itself."""
    owner = getattr(f, "__self__", None)
    if not (getattr(f, "__module__", None) or type(f).__module__).startswith("scipy") and not (
            type(owner).__module__.startswith("scipy")):
        return None
    ours = _method(owner, f.__name__) if owner is not None else _named(f)
    return None if ours is None else _of_nodes(f, ours)


def _named(f: Any) -> Any:
    name = _name_of(f)
    return _ours(name) if name is not None else _line_through(f)


def _method(owner: Any, method: str) -> Any:
    """`norm.logpdf`, or `norm(0, 1).logpdf` of a distribution with its parameters given once."""
    kind = getattr(owner, "dist", owner)
    if kind is owner and type(owner).__name__.endswith("_frozen"):
        return _frozen(owner, method)
    if (name := _name_of(kind)) is None:
        return _sparse(owner, method)
    if kind is owner:
        return getattr(_ours(name), method)
    return getattr(_ours(name)(*owner.args, **owner.kwds), method)


def _frozen(owner: Any, method: str) -> Any:
    """A frozen distribution of vectors, which SciPy makes in ways of their own."""
    kind = type(owner).__name__.removesuffix("_frozen")
    if kind == "multivariate_normal":
        return getattr(_ours("scipy.stats.multivariate_normal")(owner.mean, owner.cov), method)
    if kind == "dirichlet":
        return getattr(_ours("scipy.stats.dirichlet")(owner.alpha), method)
    return None


def _line_through(f: Any) -> Any:
    """An `interp1d` that was made outside, of plain numbers."""
    if type(f).__name__ != "interp1d" or getattr(f, "_kind", "") != "linear":
        return None
    return _ours("scipy.interpolate.interp1d")(f.x, f.y, axis=f.axis,
                                               bounds_error=f.bounds_error,
                                               fill_value=f.fill_value)


def _sparse(owner: Any, method: str) -> Any:
    """`A.dot(x)` of a sparse matrix."""
    if method != "dot" or not type(owner).__module__.startswith("scipy.sparse"):
        return None
    return lambda x: sparse_product(owner, x)


def sparse_product(a: Any, b: Any) -> Any:
    """a @ b, one of which is a sparse matrix."""
    from ..scipy_api import sparse

    return sparse.matmul(content(a), content(b))


def _of_nodes(f: Any, ours: Any) -> Callable[..., Any]:
    def of(*args: Any, **kwargs: Any) -> Any:
        if not holds_nodes([*args, *kwargs.values()]) and not _closes_over_nodes(args):
            return wrapped(f(*contents(args), **contents(kwargs)))
        found = ours(*map(_whole, args), **{k: _whole(v) for k, v in kwargs.items()})
        return wrapped(found) if not callable(found) or isinstance(found, Node) else found

    return of


def _whole(x: Any) -> Any:
    """What is in an argument; a list of nodes as one node."""
    return joined(x) if not isinstance(x, tuple) else contents(x)


def _closes_over_nodes(args: Any) -> bool:
    """Whether one is a function, which may hold nodes: those of `odeint` are always ours."""
    return any([callable(a) and not isinstance(a, type) for a in args])
