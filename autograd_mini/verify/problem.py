"""A loss at one point: its value, the engine's gradient, and finite differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..backprop import one_like
from ..call import Call, inside_transform, variable
from ..errors import AutogradError, DTypeError, ShapeError
from ..graph import Node, topological_order, value_of
from ..places import refused_at
from ..recording import Observer, observed_by
from ..standins import as_written
from ..trees import tree_leaves, tree_map
from .forms import Form, copied, first_of
from .numeric import Slope, slope_along, term_sizes, tolerance
from .weak_checks import bends

__all__ = ["Problem", "measured_at", "with_arrays"]

MEASURED = 1000  # entries for which finite differences are a gradient of their own


class Problem:
    """The loss at one point, and the two oracles, which share no code."""

    def __init__(self, form: Form, wrt: tuple[int, ...]) -> None:
        self.form, self.wrt, self.loss = form, wrt, form.number_of(form.loss)
        self.args = [tree_map(_wide, arg) for arg in form.args]
        self.float32 = any(getattr(value_of(x), "dtype", None) == np.float32 for _, x in
                           tree_leaves(list(form.args)))
        self.rounds_to = _eps(np.dtype(float))  # the loss, whatever its arguments are
        self.refusal, self.plain = "", False  # whether the engine follows the loss as it is
        self.written: Any = None  # the loss as ag.as_written runs it, where it is refused otherwise
        first, again = self.value(self.args), self.value(self.args)
        self.trouble, self.cut_short = "", False  # the search for the cause may be cut short
        if not np.isfinite(first):
            self.trouble = f"the loss is {first:.3g} at these arguments: check at others"
        elif first != again:
            self.trouble = ("the loss gave two different values for the same arguments (is it "
                            "random?): fix its seed inside the loss")
        self.sourceless = ""  # the gradient's function, if its lines can't be read
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
                result = self.loss(*args)
            except (AttributeError, TypeError):  # code written for Values: x.relu() and the like
                with inside_transform():
                    nodes = [tree_map(variable, a) if i in self.wrt else a
                             for i, a in enumerate(args)]
                    result = self.loss(*nodes)
        result = first_of(result)
        if np.iscomplexobj(value_of(result)):
            raise DTypeError("the loss returned a complex number, and a gradient is that of a real "
                             "one: return its real part, or its size")
        given = np.asarray(value_of(result))
        self.rounds_to = max(self.rounds_to, _eps(given.dtype))  # JAX computes in float32
        result = np.asarray(given, float)
        if result.size != 1:
            raise ShapeError(f"the loss returned shape {result.shape}; it must be one number")
        return float(result.reshape(()))

    def _engine(self) -> dict[tuple[int, str], tuple[np.ndarray, np.ndarray]]:
        """By (argument, path): the gradient, and the size of the terms that added up to it."""
        if self.form.opaque:
            self.refusal = self.form.opaque
            return {}
        with np.errstate(all="ignore"):
            try:
                call = self.call(self.args)
                y = call.scalar()
            except Exception as error:  # refused, or x.median(), math.sin(x) …: on numbers it ran
                cause = error.__cause__  # NumPy wraps our refusal of a[i] = node
                error = cause if isinstance(cause, AutogradError) else error
                self.refusal = refused_at(error)
                return {}
            found, sizes = call.pull(y, one_like(y)), term_sizes(y)
        self.graph = topological_order(y)
        self.solves = any(node.op is not None and "solves" in node.op.facts for node in self.graph)
        self.variables = dict(self.variables_of(call))
        return {
            place: (np.asarray(value_of(g)),
                    np.asarray(sizes.get(x, 0.0)) + self.form.rounding(self.argument(*place)))
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
        refusal: BaseException | None = None
        if self.written is None:
            try:
                call = self._called(self.loss, args)
                if self.plain or self._is_plain_value(call, args):
                    self.plain = True
                    return call
            except Exception as error:  # x.median() of a node fails in a way of its own
                refusal = error
            try:
                written = self.form.number_of(as_written(self.form.loss))
                call = self._called(written, args)
            except Exception as error:
                raise (error if refusal is None or isinstance(error, AutogradError)
                       else refusal) from None
            self.written = written
            return call
        return self._called(self.written, args)

    def _is_plain_value(self, call: Call, args: Sequence[Any]) -> bool:
        """Whether nodes gave what plain numbers give: `view -= …` changes an array, and no node."""
        ours, plain = float(np.sum(value_of(call.output))), self.value(args)
        return not abs(ours - plain) > 1e-6 * (abs(ours) + abs(plain))

    def _called(self, loss: Callable[..., Any], args: Sequence[Any]) -> Call:
        call = Call(lambda *given: first_of(loss(*given)), [copied(arg) for arg in args], self.wrt,
                    {})
        call.scalar()
        return call

    def variables_of(self, call: Call) -> list[tuple[tuple[int, str], Node]]:
        """((argument, path), variable) for each array that the gradient is for."""
        return [((i, path), x) for i, tree in zip(self.wrt, call.trees, strict=False)
                for path, x in tree_leaves(tree) if x is not None]

    def gradients_at(self, names: list[str], values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The gradients with some arguments replaced; None where there are none."""
        return self.gradients_of(with_arrays(self.args, names, values), names)

    def gradients_of(self, args: Sequence[Any], names: Sequence[str]) -> dict[str, Any] | None:
        """The gradients at other arguments, by name; None where there are none."""
        if self.refusal:
            return {names[i] + path: g for (i, path), (g, _) in measured_at(self, args).items()}
        with np.errstate(all="ignore"):
            try:
                call = self.call(args)
                y = call.scalar()
                found = call.pull(y, one_like(y))
            except Exception:  # an assert, say: these arguments are ours, not the user's
                return None
        return {names[i] + path: np.asarray(value_of(g), float)
                for ((i, path), _), g in zip(self.variables_of(call), found, strict=False)}

    @property
    def places(self) -> list[tuple[int, str]]:
        """(argument, path) of each array that the gradient is for."""
        return [(i, path) for i in self.wrt for path, x in tree_leaves(self.args[i])
                if x is not None]

    def truth(self, i: int, path: str, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
        """The gradient, by the engine or else by differences, and how far a right one may be off.
        """
        if self.refusal:
            true, bar = self.measured[i, path]
            return true, np.maximum(bar, np.sqrt(self.eps(dtype)) * np.abs(true))
        return self.engine[i, path][0], tolerance(*self.engine[i, path], self.eps(dtype))

    @cached_property
    def measured(self) -> dict[tuple[int, str], Any]:
        """By (argument, path): the gradient by finite differences, and its error bar."""
        return measured_at(self, self.args)

    def eps(self, dtype: Any) -> float:
        """The rounding of the coarsest arithmetic involved: of the data or of the claim."""
        return max(self.rounds_to, _eps(np.dtype(np.float32)) * self.float32, _eps(dtype))

    def argument(self, i: int, path: str) -> Any:
        """The array at `path` in argument i."""
        return dict(tree_leaves(self.args[i]))[path]

    def along(self, i: int, path: str, index: tuple[int, ...]) -> Slope:
        """The finite difference in one coordinate."""
        base = np.array(self.argument(i, path), float)
        return self._sided(self.along_from(self.args, i, path, base, index))

    def along_from(self, args: Sequence[Any], i: int, path: str, base: np.ndarray,
                   index: tuple[int, ...]) -> Slope:
        """The same from arguments one array of which is `base`, with kinks where none may be."""
        def f(v: float) -> float:
            moved = base.copy()
            moved[index] = v
            return self.at(i, path, moved, args)

        return slope_along(f, float(base[index]), self.rounds_to)

    def towards(self, i: int, path: str, direction: np.ndarray) -> Slope:
        """The finite difference in a direction."""
        base = np.array(self.argument(i, path), float)
        along = slope_along(lambda s: self.at(i, path, base + s * direction), 0.0, self.rounds_to)
        return self._sided(along)

    def _sided(self, slope: Slope) -> Slope:
        """The same, without a kink where the loss has none."""
        return slope._replace(kink=slope.kink and self.may_kink)

    def at(self, i: int, path: str, new: np.ndarray, args: Sequence[Any] | None = None) -> float:
        """The loss with one array replaced."""
        args = [*(self.args if args is None else args)]
        args[i] = _replaced(args[i], path, new if new.ndim else float(new))
        try:
            return self.value(args)
        except Exception:  # of math.log(-1e-9), an assert, an index: a step has left its domain
            return float("nan")


def measured_at(problem: Problem, args: Sequence[Any]) -> dict[tuple[int, str], Any]:
    """By (argument, path): the gradient by finite differences, and its error bar, at arguments;
    none of it where there are too many entries.
    """
    sizes = [np.size(dict(tree_leaves(args[i]))[path]) for i, path in problem.places]
    if sum(sizes) > MEASURED:
        return {}
    found = {}
    for i, path in problem.places:
        x = np.array(dict(tree_leaves(args[i]))[path], float)
        slopes = [problem.along_from(args, i, path, x, at) for at in np.ndindex(x.shape)]
        true = np.array([s.value for s in slopes]).reshape(x.shape)
        error = np.array([10 * s.error for s in slopes]).reshape(x.shape)
        found[i, path] = true, error + 1e-6 * np.abs(true)
    return found


def _eps(dtype: np.dtype[Any]) -> float:
    """The rounding of floats; of other numbers none."""
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


class _Looks(Observer):
    """Notes whether plain numbers are looked at."""

    looked = False

    def detached(self, *nodes: Node) -> None:
        self.looked = True


def with_arrays(args: Sequence[Any], names: Sequence[str], values: Mapping[str, Any]) -> list[Any]:
    """Copies of arguments, some arrays replaced by others of the same shape, by name."""
    args = [copied(arg) for arg in args]
    for i, name in enumerate(names):
        for path, _ in list(tree_leaves(args[i])):
            if name + path in values:
                new = np.asarray(values[name + path])
                args[i] = _replaced(args[i], path, new if new.ndim else float(new))
    return args


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
