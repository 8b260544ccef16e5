"""What people type: `a * b`, `x @ W`, `-y`, `t[i]`, `np.tanh(x)`, all answered by the table.

Python asks the operators here; the methods stand in methods.py, conversions to plain numbers and
NumPy's own calls in numpy_api/.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np

from . import ops
from .backprop import fit, pull
from .errors import GraphError
from .followed import Followed
from .functions import matmul_any
from .graph import Node, made, value_of
from .methods import Methods
from .not_computed import not_computed
from .primitive import OTHER_ARRAYS, Elementwise, applied
from .recording import compared, must_stay_attached, notify_constant, notify_detached, undisturbed
from .spellings import SPELLINGS, Misspelt, refuse_arguments, refuse_keywords

if TYPE_CHECKING:
    from .typed import operation

__all__ = ["Operators", "not_computed", "refuse_arguments", "refuse_keywords"]

_ENGINES = {"value", "params", "gradient", "made_at"}
"""Slots of a node that `dir` doesn't show: users have data and grad."""


def _method(row: Elementwise) -> Callable[[Any, Any], Any]:
    """`a ∘ b` for a node a."""
    return lambda a, b: applied(row, (a, b), {})


def _reflected(row: Elementwise) -> Callable[[Any, Any], Any]:
    """`b ∘ a` where only a is a node."""
    return lambda a, b: applied(row, (b, a), {})


class Operators(Methods):
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
        if type(other) in OTHER_ARRAYS and type(other) is not Followed:
            return NotImplemented
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

    def __dir__(self) -> list[str]:
        """What users have: without the engine's slots, and names that only say another name."""
        kind = type(self)
        return [name for name in super().__dir__()
                if name not in _ENGINES and (name[:1] != "_" or name[:2] == "__")
                and not isinstance(inspect.getattr_static(kind, name, None), Misspelt)]


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
