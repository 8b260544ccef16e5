"""NumPy's calls with nodes among the arguments, sent to the table: both of NumPy's protocols.

NumPy asks `__array_ufunc__` for its ufuncs and `__array_function__` for the rest. Its functions
fall in three classes: differentiable (in the table), constant by nature (`argmax`, `sign` …:
plain numbers come back), and refused, with the nearest thing that works. Never a silent detach.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import functions, ops
from ..errors import NotDifferentiableError
from ..graph import Node, value_of
from ..places import here
from ..primitive import TABLE, Elementwise, Primitive
from ..recording import current_tracer, notify_constant, or_as_written
from .catalog import CONSTANT, name_of, refusal
from .detach_guards import refuse_array
from .packages import boxed, is_sparse_product

__all__ = ["OF_SHAPES", "NumPyProtocols", "dispatch"]

_REDUCE = {
    np.add: functions.sum, np.multiply: functions.prod, np.maximum: functions.max,
    np.minimum: functions.min, np.fmax: TABLE[np.nanmax], np.fmin: TABLE[np.nanmin],
    np.logaddexp: ops.logsumexp,
}
_ACCUMULATE = {
    np.add: functions.cumsum, np.multiply: functions.cumprod,
    np.maximum: partial(functions.running_extreme, extreme=np.maximum),
    np.minimum: partial(functions.running_extreme, extreme=np.minimum),
}


OF_SHAPES = frozenset({np.shape, np.ndim, np.size, np.zeros_like, np.ones_like})
"""What depends on no number, but on the shape, for which a program is recorded."""


def _plain(x: Any) -> Any:
    """x with every node in it, also in lists, tuples and dicts, replaced by its value."""
    if isinstance(x, list | tuple):
        return type(x)([_plain(v) for v in x])
    return {k: _plain(v) for k, v in x.items()} if isinstance(x, dict) else value_of(x)


def dispatch(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`function(*args, **kwargs)` of NumPy, with nodes among the arguments."""
    if kwargs.get("out") is not None:
        raise NotDifferentiableError(
            f"{here()}: {name_of(function)} can't write a node into an existing array (out=, or a "
            "plain array with +=): make a new one, a = a + b" + or_as_written()
        )
    if function in TABLE or _is_known_now(function):
        row = TABLE[function]
        if not isinstance(row, Elementwise):
            args, kwargs = _by_name(function, args, kwargs)
        _check_keywords(function, row, kwargs)
        return row(*args, **kwargs)
    if function in CONSTANT:
        names = list(_parameters(function) or ()) if len(args) > 1 else []
        if "out" in names[: len(args)] and args[names.index("out")] is not None:
            raise NotDifferentiableError(f"{name_of(function)} can't write into out=")
        tracer = current_tracer()
        if function not in {*OF_SHAPES, np.result_type} or tracer is None:
            if tracer is not None and tracer.follows:
                return tracer.follow(function, args, kwargs)
            notify_constant(*args)
        return function(*_plain(args), **_plain(kwargs))
    raise refusal(name_of(function))


def _is_known_now(function: Any) -> bool:
    """Whether it is one of SciPy's ufuncs, whose rows are read when the first one is met."""
    if isinstance(function, np.ufunc) and sys.modules.get("scipy.special") is not None:
        importlib.import_module("autograd_mini.scipy_api.special")
    return function in TABLE


@cache
def _parameters(function: Any) -> Any:
    """Its parameters by name; None for one in C that doesn't tell, in some versions of NumPy."""
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return None


def _check_keywords(function: Any, row: Any, kwargs: dict[str, Any]) -> None:
    if not kwargs or isinstance(row, Primitive):  # which says itself what it doesn't know
        return
    parameters = _parameters(row) or {}
    unknown = kwargs.keys() - parameters
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise NotDifferentiableError(
            f"{name_of(function)}({', '.join(sorted(unknown))}=…) isn't supported here; "
            f"supported: {', '.join(list(parameters)[1:])}"
        )


def _by_name(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The call with parameters by NumPy's own names; a parameter at its default is dropped."""
    if (len(args) == 1 and not kwargs) or _named(function) is None:
        return args, kwargs
    first, others, defaults = _named(function)
    if not kwargs and defaults.keys().isdisjoint(others[: len(args) - 1]):
        return args, kwargs
    if not args and first in kwargs:  # the first one by name too
        kwargs = dict(kwargs)
        args = (kwargs.pop(first),)
    kwargs = dict(zip(others, args[1:], strict=False)) | kwargs
    given = {k: value for k, value in kwargs.items() if value is not defaults.get(k, _named)}
    # What has no default comes by position in our functions: b, shape, …
    by_position = [given.pop(k) for k in others if k in given and k not in defaults]
    return (*args[:1], *by_position), given


@cache
def _named(function: Any) -> Any:
    """Its first parameter, the others, and their defaults; None where positions have no names."""
    parameters = _parameters(function)
    if parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
        return None
    first, *others = parameters
    return first, others, {k: p.default for k, p in parameters.items() if p.default is not p.empty}


class NumPyProtocols(Node):
    """A node that NumPy's functions take."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            row = TABLE.get(ufunc)
            if any([isinstance(x, np.ndarray) and x.dtype == object for x in inputs]):
                return NotImplemented  # an array of Values knows better
            if isinstance(row, Elementwise) and not kwargs:  # nearly always
                return row.apply(inputs, {})
            return dispatch(ufunc, inputs, kwargs)
        kwargs = {k: v for k, v in kwargs.items() if v is not None or k == "axis"}
        if ufunc in CONSTANT and "out" not in kwargs:
            notify_constant(*inputs)
            return getattr(ufunc, method)(*_plain(inputs), **_plain(kwargs))
        if method == "outer" and not kwargs:
            a, b = inputs
            a = ops.reshape(a, ops.shape(a) + (1,) * len(ops.shape(b)))
            return dispatch(ufunc, (a, b), {})
        ways: Any = {"reduce": _REDUCE, "accumulate": _ACCUMULATE}.get(method, {})
        if ufunc in ways and "out" not in kwargs:
            axis = inputs[1] if len(inputs) > 1 else kwargs.pop("axis", 0)
            _check_keywords(ufunc, ways[ufunc], kwargs)
            if method == "accumulate" and axis is None and len(ops.shape(inputs[0])) > 1:
                raise ValueError(f"{name_of(ufunc)}.accumulate goes along one axis: give axis=0 "
                                 f"(or another) for an array of shape {ops.shape(inputs[0])}")
            return ways[ufunc](inputs[0], axis=axis, **kwargs)
        raise NotDifferentiableError(
            f"{here()}: {name_of(ufunc)}.{method}({', '.join(kwargs)}) isn't differentiable here "
            "(for at and "
            "reduceat: np.bincount(i, weights), or slices); outer is for every ufunc; reduce for "
            f"{', '.join(u.__name__ for u in _REDUCE)}; accumulate for "
            f"{', '.join(u.__name__ for u in _ACCUMULATE)}; without out= and dtype="
            + or_as_written()
        )

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return dispatch(function, args, kwargs)

    __pandas_priority__ = 100_000  # pandas leaves arithmetic to us, as NumPy does

    if not TYPE_CHECKING:  # it refuses: to a type checker, a node is no array-like
        def __array__(self, *_: Any, **__: Any) -> Any:
            return boxed(self) if is_sparse_product(sys._getframe(1)) else refuse_array()
