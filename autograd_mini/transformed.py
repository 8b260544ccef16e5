"""What a transform returns: a function of the same arguments that computes a derivative of f."""

from __future__ import annotations

import functools
from types import MethodType
from typing import Any, NoReturn

import numpy as np

from .argnums import Argnums, check_names, checked
from .backprop import as_node, one_like, rows_at_once
from .call import Call, Function, check_result, described
from .errors import DTypeError, GraphError, with_article
from .graph import Node
from .ops import reshape, shape, stack, sum
from .trees import is_nested, is_nested_array, tree_map

__all__ = ["Grad", "Jacobian", "Total", "Transformed", "ValueAndGrad", "check_function",
           "refuse_aux"]


class Transformed:
    """A function made from f by a transform; it pickles and copies if f does.

    It has f's name, signature and documentation, and is f's method where f would be one.
    """

    name = ""

    def __init__(self, f: Function, argnums: Argnums, has_aux: bool = False) -> None:
        functools.update_wrapper(self, f, updated=())
        self.__name__ = getattr(f, "__name__", self.name)
        self.f, self.argnums, self.has_aux = f, argnums, has_aux

    def called(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """The call of f with these arguments, to be differentiated."""
        return Call(self.f, args, self.argnums, kwargs, self.has_aux)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The derivative at these arguments."""
        raise NotImplementedError

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        return type(self), (self.f, self.argnums, self.has_aux)

    def __repr__(self) -> str:
        return f"<{self._written()}>"

    def _written(self) -> str:
        inner = self.f._written() if isinstance(self.f, Transformed) else (
            getattr(self.f, "__qualname__", None) or repr(self.f))
        argnums = "" if self.argnums == 0 else f", argnums={self.argnums!r}"
        return f"{self.name}({inner}{argnums}{', has_aux=True' if self.has_aux else ''})"

    @classmethod
    def of(cls, f: Function, argnums: Any, has_aux: bool, other: Any) -> Function:
        """The transform of f; of a compiled program, a program."""
        check_function(f, cls.name)
        wrt = checked(cls.name, argnums, other)
        if hasattr(f, "transformed"):
            if has_aux:
                refuse_aux()
            program: Function = f.transformed(cls.name, wrt)
            return program
        check_names(f, wrt)
        return cls(f, wrt, bool(has_aux))


class ValueAndGrad(Transformed):
    """x ↦ (f(x), ∇f(x))."""

    name = "value_and_grad"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The derivative at these arguments."""
        call = self.called(args, kwargs)
        y = call.number()
        slopes = call.shaped(call.pull(y, one_like(y), quiet=False))
        return (call.with_aux(call.value) if self.has_aux else call.value), slopes


class Grad(Transformed):
    """x ↦ ∇f(x)."""

    name = "grad"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The derivative at these arguments."""
        call = self.called(args, kwargs)
        y = call.number()
        return call.with_aux(call.shaped(call.pull(y, one_like(y), quiet=False)))


class Jacobian(Transformed):
    """x ↦ ∂f/∂x."""

    name = "jacobian"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The derivative at these arguments."""
        call = self.called(args, kwargs)
        if call.output is None:
            check_result(None)
        return call.with_aux(
            tree_map(lambda y: None if y is None else call.shaped(_of_entries(call, y)),
                     call.output))


def _of_entries(call: Call, y: Any) -> list[Any]:
    """For each variable, the derivative of every entry of y, in y's shape first."""
    y = call.node(y)
    if not shape(y):
        found: list[Any] = call.pull(y, one_like(y), quiet=False)
        return found
    if not y.value.size:
        empty = [np.zeros(shape(y) + shape(v), np.result_type(v.value)) for v in call.variables]
        return [as_node(x) for x in empty] if call.nested else empty
    rows: Any = None if call.nested else rows_at_once(y, call.variables, call.sought)
    if rows is None:  # then a backward pass each
        found = [call.pull(y, np.reshape(seed, shape(y)), quiet=False)
                 for seed in np.eye(y.value.size, dtype=y.value.dtype)]
        rows = [stack(list(column)) for column in zip(*found, strict=True)]
    return [reshape(x, shape(y) + shape(v)) for x, v in zip(rows, call.variables, strict=True)]


class Total:
    """x ↦ the sum of all entries of f(x)."""

    def __init__(self, f: Function) -> None:
        functools.update_wrapper(self, f, updated=())
        self.__qualname__ = f"sum of {getattr(f, '__qualname__', None) or repr(f)}"
        self.f = f

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The sum at these arguments."""
        y = self.f(*args, **kwargs)
        if isinstance(y, Node) or is_nested_array(y):
            return sum(y)
        if is_nested(y):
            raise DTypeError(f"the function returned {described(y)}; elementwise_grad takes one "
                             "number or array: join the parts (np.stack, np.concatenate)")
        check_result(y)
        return np.sum(y)


def check_function(f: Any, name: str) -> None:
    """Raise for grad(f(x)), where grad(f)(x) is meant."""
    if not callable(f):
        raise DTypeError(f"{name} takes a function, not {with_article(type(f).__name__)}: it is "
                         f"{name}(f)(x), not {name}(f(x)); of a node y, ag.gradients(y, x)")


def refuse_aux() -> NoReturn:
    """Raise for has_aux=True of a program."""
    raise GraphError("has_aux=True is not for compiled programs: leave the function uncompiled, "
                     "or compile one that returns y alone")
