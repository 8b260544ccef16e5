"""A loss at one point: its value, the engine's gradient, and finite differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..backprop import copy_if_array, one_like
from ..call import Call, inside_transform, variable
from ..errors import AutogradError, DTypeError, ShapeError
from ..graph import Node, topological_order, value_of
from ..recording import Observer, observed_by
from ..standins import as_written
from ..trees import tree_leaves, tree_map
from .numeric import Slope, slope_along, term_sizes
from .weak_checks import bends

__all__ = ["Problem", "copied"]


class Problem:
    """The loss at one point, and the two oracles, which share no code."""

    def __init__(self, loss: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
                 wrt: tuple[int, ...]) -> None:
        self.loss, self.kwargs, self.wrt = loss, kwargs, wrt
        self.args = [tree_map(_wide, arg) for arg in args]
        self.float32 = any(getattr(value_of(x), "dtype", None) == np.float32 for _, x in
                           tree_leaves([list(args), kwargs]))
        self.refusal = ""
        self.written: Any = None  # the loss as ag.as_written runs it, where it is refused otherwise
        first, again = self.value(self.args), self.value(self.args)
        self.trouble = ""
        if not np.isfinite(first):
            self.trouble = f"the loss is {first:.3g} at these arguments: check at others"
        elif first != again:
            self.trouble = ("the loss gave two different values for the same arguments (is it "
                            "random?): fix its seed inside the loss")
        self.cut_short = False  # the search for the cause
        self.symmetrised: dict[tuple[int, str], tuple[str, str]] = {}  # see triangle.py
        self.graph: list[Node] = []
        self.variables: dict[tuple[int, str], Node] = {}
        self.solves = False  # a system of equations, which amplifies rounding
        self.engine = self._engine()

    def value(self, args: Sequence[Any]) -> float:
        """The loss as a plain number; nan where it isn't defined."""
        args = [copied(arg) for arg in args]  # the loss may work in place
        with np.errstate(all="ignore"):
            try:
                result = self.loss(*args, **copied(self.kwargs))
            except (AttributeError, TypeError):  # code written for Values: x.relu() and the like
                with inside_transform():
                    nodes = [tree_map(variable, a) if i in self.wrt else a
                             for i, a in enumerate(args)]
                    result = self.loss(*nodes, **copied(self.kwargs))
        if np.iscomplexobj(value_of(result)):
            raise DTypeError("the loss returned a complex number, and a gradient is that of a real "
                             "one: return its real part, or its size")
        result = np.asarray(value_of(result), float)
        if result.size != 1:
            raise ShapeError(f"the loss returned shape {result.shape}; it must be one number")
        return float(result.reshape(()))

    def _engine(self) -> dict[tuple[int, str], tuple[np.ndarray, np.ndarray]]:
        """By (argument, path): the gradient, and the size of the terms that added up to it."""
        with np.errstate(all="ignore"):
            try:
                call = self.call(self.args)
                y = call.scalar()
            except Exception as error:  # refused, or x.median(), math.sin(x) …: on numbers it ran
                cause = error.__cause__  # NumPy wraps our refusal of a[i] = node
                error = cause if isinstance(cause, AutogradError) else error
                self.refusal = f"{type(error).__name__}: {error}"
                return {}
            found, sizes = call.pull(y, one_like(y)), term_sizes(y)
        self.graph = topological_order(y)
        self.solves = any(node.op is not None and "solves" in node.op.facts for node in self.graph)
        self.variables = dict(self.variables_of(call))
        return {
            place: (np.asarray(value_of(g)), np.asarray(sizes.get(x, 0.0)))
            for (place, x), g in zip(self.variables_of(call), found, strict=False)
        }

    @cached_property
    def may_kink(self) -> bool:
        """Whether the loss has anything that bends or chooses; unknown, if it was refused.

        That is an operation with a kink, or one that is singular at 0 and is there, or a look at
        plain numbers: a comparison (an `if`, a mask), an order, a step function.
        """
        if self.refusal or any(bends(node) for node in self.graph):
            return True
        observer = _Looks()
        with observed_by(observer), np.errstate(all="ignore"):
            self.call(self.args)
        return observer.looked

    def call(self, args: Sequence[Any]) -> Call:
        """The loss on variables; where it is refused, the loss as it is written."""
        if self.written is None:
            try:
                return self._called(self.loss, args)
            except Exception as error:  # x.median() of a node fails in a way of its own
                refusal = error
            try:
                written = as_written(self.loss)
                call = self._called(written, args)
            except Exception as error:
                raise (error if isinstance(error, AutogradError) else refusal) from None
            self.written = written
            return call
        return self._called(self.written, args)

    def _called(self, loss: Callable[..., Any], args: Sequence[Any]) -> Call:
        call = Call(loss, [copied(arg) for arg in args], self.wrt, copied(self.kwargs))
        call.scalar()
        return call

    def variables_of(self, call: Call) -> list[tuple[tuple[int, str], Node]]:
        """((argument, path), variable) for each array that the gradient is for."""
        return [((i, path), x) for i, tree in zip(self.wrt, call.trees, strict=False)
                for path, x in tree_leaves(tree) if x is not None]

    def gradients_at(self, names: list[str], values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The gradients with some arguments replaced; None where there are none."""
        args = [copied(arg) for arg in self.args]
        for i, name in enumerate(names):
            for path, _ in list(tree_leaves(args[i])):
                if name + path in values:
                    new = np.asarray(values[name + path])
                    args[i] = _replaced(args[i], path, new if new.ndim else float(new))
        with np.errstate(all="ignore"):
            try:
                call = self.call(args)
                y = call.scalar()
                found = call.pull(y, one_like(y))
            except (AutogradError, ArithmeticError, ValueError):
                return None
        return {names[i] + path: np.asarray(value_of(g), float)
                for ((i, path), _), g in zip(self.variables_of(call), found, strict=False)}

    def noise(self, i: int, path: str) -> np.ndarray:
        """How much rounding the engine's gradient carries: what the last digit of the data does."""
        rng, found = np.random.default_rng(0), np.zeros(np.shape(self.engine[i, path][0]))
        names = [str(k) for k in range(len(self.args))]
        for _ in range(3):
            moved = {
                str(k) + p: np.asarray(x) * (1 + np.finfo(float).eps * rng.choice(
                    [-1.0, 1.0], np.shape(x)))
                for k in self.wrt for p, x in tree_leaves(self.args[k]) if x is not None}
            there = self.gradients_at(names, moved)
            if there is None:
                return np.full(found.shape, np.inf)
            with np.errstate(all="ignore"):
                off = np.abs(there[str(i) + path] - self.engine[i, path][0])
            found = np.maximum(found, np.where(np.isfinite(off), off, np.inf))
        return np.full(found.shape, np.max(found, initial=0.0)) + np.finfo(float).tiny

    def eps(self, dtype: Any) -> float:
        """The rounding of the coarsest arithmetic involved: of the data or of the claim."""
        coarse = [np.float32] if self.float32 else []
        claimed = [dtype] if dtype.kind == "f" else []
        return max(float(np.finfo(kind).eps) for kind in [np.float64, *coarse, *claimed])

    def argument(self, i: int, path: str) -> Any:
        """The array at `path` in argument i."""
        return dict(tree_leaves(self.args[i]))[path]

    def along(self, i: int, path: str, index: tuple[int, ...]) -> Slope:
        """The finite difference in one coordinate."""
        base = np.array(self.argument(i, path), float)

        def f(v: float) -> float:
            moved = base.copy()
            moved[index] = v
            return self.at(i, path, moved)

        return self._sided(slope_along(f, float(base[index])))

    def towards(self, i: int, path: str, direction: np.ndarray) -> Slope:
        """The finite difference in a direction."""
        base = np.array(self.argument(i, path), float)
        return self._sided(slope_along(lambda s: self.at(i, path, base + s * direction), 0.0))

    def _sided(self, slope: Slope) -> Slope:
        """The same, without a kink where the loss has none."""
        return slope._replace(kink=slope.kink and self.may_kink)

    def at(self, i: int, path: str, new: np.ndarray) -> float:
        """The loss with one array replaced."""
        args = list(self.args)
        args[i] = _replaced(self.args[i], path, new if new.ndim else float(new))
        return self.value(args)


class _Looks(Observer):
    """Notes whether plain numbers are looked at."""

    looked = False

    def detached(self, *nodes: Node) -> None:
        self.looked = True


def copied(tree: Any) -> Any:
    """A copy that a function may change; of a node its numbers."""
    return tree_map(lambda x: copy_if_array(value_of(x)), tree)


def _wide(x: Any) -> Any:
    """Floats as float64: the check is done in double precision whatever the data are."""
    x = value_of(x)
    if isinstance(x, np.ndarray | np.generic) and np.asarray(x).dtype.kind == "f":
        return np.asarray(x, np.float64) if np.ndim(x) else float(x)
    return x


def _replaced(tree: Any, path: str, new: Any) -> Any:
    """The tree with the leaf at `path` replaced."""
    paths = iter([p for p, _ in tree_leaves(tree)])
    return tree_map(lambda x: new if next(paths) == path else x, tree)
