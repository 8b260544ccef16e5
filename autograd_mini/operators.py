"""What people type: `a * b`, `x @ W`, `-y`, `t[i]`, `np.tanh(x)`, all answered by the table.

Python asks the methods here; NumPy asks two protocols: `__array_ufunc__` for its ufuncs and
`__array_function__` for the rest. NumPy's functions fall in three classes: differentiable (in
the table), constant by nature (comparisons, `argmax`, `sign` …: plain numbers come back), and
refused, with the nearest thing that works. Never a silent detach.
"""

from __future__ import annotations

import importlib
import inspect
import math
import operator
import sys
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np

from . import functions, ops
from .backprop import fit, pull
from .errors import GraphError, NotDifferentiableError, ShapeError, SpellingError
from .functions import clip, dot, matmul_any, mean, ravel, std, swapaxes, var
from .graph import Node, made, value_of
from .not_computed import not_computed
from .numpy_api.catalog import CONSTANT, name_of, refusal
from .numpy_api.detach_guards import check_float, check_int, refuse_array
from .primitive import TABLE, Elementwise, Primitive
from .recording import compared, must_stay_attached, notify_constant, notify_detached, undisturbed
from .spellings import SPELLINGS, Misspelt, refuse_arguments

if TYPE_CHECKING:
    from .typed import operation

__all__ = ["Operators", "not_computed", "refuse_arguments"]

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


_ENGINES = {"value", "params", "gradient"}
"""Slots of a node that `dir` doesn't show: users have data and grad."""


def _plain(x: Any) -> Any:
    """x with every node in it, also in lists, tuples and dicts, replaced by its value."""
    if isinstance(x, list | tuple):
        return type(x)([_plain(v) for v in x])
    return {k: _plain(v) for k, v in x.items()} if isinstance(x, dict) else value_of(x)


def dispatch(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`function(*args, **kwargs)` of NumPy, with nodes among the arguments."""
    if kwargs.get("out") is not None:
        raise NotDifferentiableError(
            f"{name_of(function)} can't write a node into an existing array (out=, or a plain "
            "array with +=): make a new one, a = a + b"
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
        notify_constant(*args)
        return function(*_plain(args), **_plain(kwargs))
    raise refusal(name_of(function))


def _is_known_now(function: Any) -> bool:
    """Whether it is one of SciPy's ufuncs, whose rows are read when the first one is met."""
    if isinstance(function, np.ufunc) and sys.modules.get("scipy.special") is not None:
        importlib.import_module("autograd_mini.special")
    return function in TABLE


@cache
def _parameters(function: Any) -> Any:
    """Its parameters by name; None for one in C that doesn't tell, in some versions of NumPy."""
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return None


def _check_keywords(function: Any, row: Any, kwargs: dict[str, Any]) -> None:
    if isinstance(row, Primitive):  # says itself what it doesn't know
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
    parameters = _parameters(function)
    if parameters is None:
        return args, kwargs
    if any([p.kind is p.VAR_POSITIONAL for p in parameters.values()]):
        return args, kwargs
    if not args and next(iter(parameters)) in kwargs:  # the first one by name too
        kwargs = dict(kwargs)
        args = (kwargs.pop(next(iter(parameters))),)
    kwargs = dict(zip(list(parameters)[1:], args[1:], strict=False)) | kwargs
    given = {
        name: value for name, value in kwargs.items()
        if name not in parameters or value is not parameters[name].default
    }
    lead = [args[0]] if args else []
    for name in list(parameters)[1:]:  # what comes by position in our functions: b, shape, …
        if name in given and parameters[name].default is parameters[name].empty:
            lead.append(given.pop(name))  # noqa: PERF401  it pops
    return tuple(lead), given


def _method(row: Elementwise) -> Callable[[Any, Any], Any]:
    """`a ∘ b` for a node a."""
    return lambda a, b: row.apply((a, b), {})


def _reflected(row: Elementwise) -> Callable[[Any, Any], Any]:
    """`b ∘ a` where only a is a node."""
    return lambda a, b: row.apply((b, a), {})


class Operators(Node):
    """Arithmetic, comparison and NumPy's protocols, for both kinds of node."""

    __slots__ = ()

    if TYPE_CHECKING:  # the kind of node that comes out: see typed.py
        __add__ = __sub__ = __mul__ = __truediv__ = __pow__ = __mod__ = operation
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __rmod__ = operation
    else:
        __add__ = _method(ops.add)
        __sub__ = _method(ops.subtract)
        __mul__ = _method(ops.multiply)
        __truediv__ = _method(ops.divide)
        __pow__ = _method(ops.power)
        __radd__ = _reflected(ops.add)
        __rsub__ = _reflected(ops.subtract)
        __rmul__ = _reflected(ops.multiply)
        __rtruediv__ = _reflected(ops.divide)
        __rpow__ = _reflected(ops.power)
        __mod__ = _method(ops.remainder)
        __rmod__ = _reflected(ops.remainder)

    def __neg__(self) -> Self:
        return self._unary(ops.negative)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return self._unary(ops.abs)

    def __matmul__(self, other: Any) -> Any:
        return matmul_any(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return matmul_any(other, self)

    def __floordiv__(self, other: Any) -> Any:
        """The quotient rounded down: constant by nature, so a plain number."""
        notify_constant(self, other)
        return np.floor_divide(self.value, value_of(other))

    def __rfloordiv__(self, other: Any) -> Any:
        notify_constant(self)
        return np.floor_divide(other, self.value)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    # ── comparisons: plain bools ─────────────────────────────────────────────────────────────

    def __lt__(self, other: Any) -> Any:
        return compared(operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return compared(operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return compared(operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return compared(operator.ge, self, other)

    def __eq__(self, other: object) -> Any:
        return compared(operator.eq, self, other)

    def __ne__(self, other: object) -> Any:
        return compared(operator.ne, self, other)

    __hash__ = Node.__hash__

    # ── what cuts the graph: a plain number comes out ────────────────────────────────────────

    def __bool__(self) -> bool:
        return bool(compared(operator.ne, self, 0.0)) if np.size(self.value) == 1 else (
            bool(self.value))  # which says that an array has no truth value

    def __float__(self) -> float:
        """The plain number. It cuts the graph: no gradient comes back through it.

        Raises `NotDifferentiableError` inside a transform, a check or a program, and wherever the
        number is taken by accident: by `math.log(v)`, `a[i] = v`, `np.float64(v)`.
        """
        check_float(sys._getframe(1))
        notify_detached(self)
        return float(self.value)

    def __int__(self) -> int:
        check_int(sys._getframe(1))
        notify_detached(self)
        return int(self.value)

    def __complex__(self) -> complex:
        check_float(sys._getframe(1))
        notify_detached(self)
        return complex(self.value)

    # Steps are constant by nature: plain numbers.

    def __round__(self, digits: int | None = None) -> Any:
        notify_constant(self)
        return round(float(self.value), digits)

    def __floor__(self) -> int:
        notify_constant(self)
        number: int = math.floor(self.value)
        return number

    def __ceil__(self) -> int:
        notify_constant(self)
        number: int = math.ceil(self.value)
        return number

    def __trunc__(self) -> int:
        notify_constant(self)
        number: int = math.trunc(self.value)
        return number

    # micrograd's names, so that code written for it (the lecture's `draw_dot`) finds them.
    @property
    def _backward(self) -> Callable[[], None]:  # micrograd's: one step of the backward pass
        return partial(send_back, self)

    @_backward.setter
    def _backward(self, rule: Any) -> NoReturn:
        raise GraphError("a rule of one's own is stated once, for every use: see ag.elementwise")

    @property
    def _prev(self) -> set[Node]:
        return {parent for parent in self.parents if parent is not None}

    @property
    def _op(self) -> str:
        return "" if self.op is None else self.op.symbol

    def __reduce__(self) -> Any:  # deep copies and pickles
        if self.op is not None and not must_stay_attached():
            kind = type(self).__name__
            raise GraphError(
                f"only a leaf can be copied deeply or pickled, not a computed {kind}: keep "
                f"{kind}(x.data), or the parameters it was computed from"
            )
        if must_stay_attached():
            raise GraphError(
                "a node can't be pickled inside a function that is being differentiated, for what "
                "comes back would be another variable: pickle x.data if a constant is meant"
            )
        notify_detached(self)
        return _rebuilt, (type(self), self.value, self.gradient, self.label)

    def __deepcopy__(self, memo: Any) -> Node:
        """A leaf of its own; while a function is differentiated, a node that depends on this."""
        if must_stay_attached():
            return self.copy()
        kind, state = self.__reduce__()
        twin: Node = kind(*state)
        return twin

    def __copy__(self) -> Node:
        """A leaf of its own, or another node with the same record and the same graph behind."""
        if must_stay_attached():
            return self.copy()
        if self.op is None:
            notify_detached(self)
            return _rebuilt(type(self), self.value, self.gradient, self.label)
        twin = made(self.op, self.value, self.inputs, self.parents, self.params)
        twin.gradient, twin.label = self.gradient, self.label
        return twin

    def item(self) -> float:
        """The one number held, as a plain float. It cuts the graph."""
        if np.size(self.value) != 1:
            raise ShapeError(f"item() needs exactly one number, this has shape {self.shape}")
        notify_detached(self)
        return float(np.asarray(self.value).item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __dir__(self) -> list[str]:
        """What users have: without the engine's slots, and names that only say another name."""
        kind = type(self)
        return [name for name in super().__dir__()
                if name not in _ENGINES and (name[:1] != "_" or name[:2] == "__")
                and not isinstance(inspect.getattr_static(kind, name, None), Misspelt)]

    # ── what NumPy users type ────────────────────────────────────────────────────────────────

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is held; () for a Value."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        """How many numbers are held."""
        return int(np.size(self.value))

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or float32; float64 for a Value."""
        return np.result_type(self.value)

    @property
    def T(self) -> Self:  # NumPy's name
        """The axes in reverse order."""
        return self._applied(ops.transpose)

    def _applied(self, op: Any, **params: Any) -> Self:
        for name in params.keys() & SPELLINGS.keys():
            raise SpellingError(f"{name}=: {SPELLINGS[name]}")
        result: Self = op(self, **params)
        return result

    def _unary(self, row: Elementwise) -> Self:
        result: Self = row.apply((self,), {})
        return result

    def exp(self) -> Self:
        """eˣ."""
        return self._unary(ops.exp)

    def log(self) -> Self:
        """The natural logarithm."""
        return self._unary(ops.log)

    def sqrt(self) -> Self:
        """The square root; its slope at 0 is inf."""
        return self._unary(ops.sqrt)

    def sin(self) -> Self:
        """The sine, of radians."""
        return self._unary(ops.sin)

    def cos(self) -> Self:
        """The cosine, of radians."""
        return self._unary(ops.cos)

    def tanh(self) -> Self:
        """The hyperbolic tangent."""
        return self._unary(ops.tanh)

    def sigmoid(self) -> Self:
        """1/(1 + e⁻ˣ)."""
        return self._unary(ops.sigmoid)

    def relu(self) -> Self:
        """max(x, 0); its slope at 0 is 0."""
        return self._unary(ops.relu)

    def sum(self, axis: Any = None, keepdims: bool = False, **other: Any) -> Self:
        """The sum over `axis`, or of all."""
        return self._applied(ops.sum, axis=axis, keepdims=keepdims, **other)

    def mean(self, axis: Any = None, keepdims: bool = False, **other: Any) -> Self:
        """The mean over `axis`, or of all."""
        return self._applied(mean, axis=axis, keepdims=keepdims, **other)

    def max(self, axis: Any = None, keepdims: bool = False, **other: Any) -> Self:
        """The largest over `axis`, or of all; ties share the gradient evenly."""
        return self._applied(ops.max, axis=axis, keepdims=keepdims, **other)

    def min(self, axis: Any = None, keepdims: bool = False, **other: Any) -> Self:
        """The smallest over `axis`, or of all; ties share the gradient evenly."""
        return self._applied(ops.min, axis=axis, keepdims=keepdims, **other)

    def prod(self, axis: Any = None, keepdims: bool = False, **other: Any) -> Self:
        """The product over `axis`, or of all."""
        return self._applied(ops.prod, axis=axis, keepdims=keepdims, **other)

    def var(self, axis: Any = None, keepdims: bool = False, ddof: int = 0,
            **other: Any) -> Self:
        """The variance over `axis`, or of all."""
        return self._applied(var, axis=axis, keepdims=keepdims, ddof=ddof, **other)

    def std(self, axis: Any = None, keepdims: bool = False, ddof: int = 0,
            **other: Any) -> Self:
        """The standard deviation over `axis`, or of all; its slope at 0 is 0."""
        return self._applied(std, axis=axis, keepdims=keepdims, ddof=ddof, **other)

    def clip(self, a_min: Any = None, a_max: Any = None) -> Self:
        """Held between two bounds; at a bound the slope is 1."""
        return self._applied(clip, a_min=a_min, a_max=a_max)

    def copy(self) -> Self:
        """The same numbers in a new node; the gradient comes back through it."""
        return self._unary(ops.positive)

    def reshape(self, *shape: Any) -> Any:
        """The same numbers in another shape: `t.reshape(2, 3)` or `t.reshape((2, 3))`."""
        whole = shape[0] if len(shape) == 1 else shape
        return self._applied(ops.reshape, shape=whole)

    def transpose(self, *axes: Any) -> Self:
        """The axes in another order; reversed if none is given."""
        whole = axes[0] if len(axes) == 1 else axes
        return self._applied(ops.transpose, axes=whole or None)

    def ravel(self) -> Any:
        """All the numbers along one axis."""
        return ravel(self)

    flatten = ravel

    def squeeze(self, axis: Any = None, **other: Any) -> Self:
        """Without its axes of length 1."""
        return self._applied(ops.squeeze, axis=axis, **other)

    def swapaxes(self, axis1: int, axis2: int) -> Self:
        """With two axes exchanged."""
        return self._applied(swapaxes, axis1=axis1, axis2=axis2)

    def dot(self, other: Any) -> Any:
        """`np.dot` of both."""
        return dot(self, other)

    def cumsum(self, axis: int | None = None) -> Any:
        """The sum up to each entry along `axis`."""
        return functions.cumsum(self, axis)

    def cumprod(self, axis: int | None = None) -> Any:
        """The product up to each entry along `axis`."""
        return functions.cumprod(self, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The entries whose two indices are equal."""
        return functions.diagonal(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The sum of the diagonal."""
        return functions.trace(self, offset, axis1, axis2)

    def repeat(self, repeats: Any, axis: int | None = None) -> Any:
        """Each entry several times."""
        return functions.repeat(self, repeats, axis)

    def take(self, indices: Any, axis: int | None = None) -> Any:
        """The entries at `indices` along `axis`."""
        return functions.take(self, indices, axis)

    # Constant by nature: plain numbers.

    def argmax(self, axis: int | None = None) -> Any:
        """Where the largest entry is: a plain integer array."""
        notify_constant(self)
        return np.argmax(self.value, axis=axis)

    def argmin(self, axis: int | None = None) -> Any:
        """Where the smallest entry is: a plain integer array."""
        notify_constant(self)
        return np.argmin(self.value, axis=axis)

    def argsort(self, axis: int | None = -1) -> Any:
        """The order that sorts: a plain integer array."""
        notify_constant(self)
        return np.argsort(self.value, axis=axis, kind="stable")

    def round(self, decimals: int = 0) -> Any:
        """Plain numbers, rounded."""
        notify_constant(self)
        return np.round(self.value, decimals)

    def tolist(self) -> Any:
        """Plain floats, in nested lists. It cuts the graph."""
        notify_detached(self)
        return np.asarray(self.value).tolist()

    # ── NumPy's two protocols ────────────────────────────────────────────────────────────────

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
            f"{name_of(ufunc)}.{method}({', '.join(kwargs)}) isn't differentiable here (for at and "
            "reduceat: np.bincount(i, weights), or slices); outer is for every ufunc; reduce for "
            f"{', '.join(u.__name__ for u in _REDUCE)}; accumulate for "
            f"{', '.join(u.__name__ for u in _ACCUMULATE)}; without out= and dtype="
        )

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return dispatch(function, args, kwargs)

    if not TYPE_CHECKING:  # it refuses: to a type checker, a node is no array-like
        def __array__(self, *_: Any, **__: Any) -> NoReturn:
            refuse_array()


def send_back(node: Node) -> None:
    """Add to the parents' gradients what `node`, with the gradient it has, sends: one step of
    `backward`, by hand. A gradient that was not computed counts as 0.
    """
    if node.op is None or node.gradient is None:
        return
    with undisturbed():
        for parent, sent in zip(node.parents, pull(node, node.gradient), strict=True):
            if parent is not None and sent is not None:
                sent = fit(sent, parent, node)
                known = parent.gradient
                parent.gradient = np.array(sent)[()] if known is None else known + sent
                if type(parent.value) is np.ndarray:
                    parent.gradient = np.asarray(parent.gradient)


def _rebuilt(kind: Any, value: Any, gradient: Any, label: str) -> Node:
    node: Node = kind(value, label)
    node.gradient = np.array(gradient) if isinstance(gradient, np.ndarray) else gradient
    return node


for _name in SPELLINGS:
    if not hasattr(Operators, _name):
        setattr(Operators, _name, Misspelt(_name))
