"""What must hold of every array program: each check raises `Wrong`, or says nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_mini as ag

from .engines import check_engines
from .oracle import kinks_along, line, near_by, precision, settle
from .programs import Program, Skipped, Wrong, mix
from .torches import second_opinion

__all__ = ["ARRAY_CHECKS", "Case"]

SECOND = 1e-5
"""Second derivatives are compared to differences of first ones, of which float64 has 10 digits."""


class Case:
    """A program with what the checks share: its loss, plain value, and gradients."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.args = program.values
        self.f = program.function
        self.plain = self.f(*program.values)
        array = np.asarray(self.plain)
        if array.dtype.kind != "f" or not np.all(np.isfinite(array)):
            raise Skipped("no finite value")
        self.is_scalar = not np.ndim(self.plain)
        self.loss = self.f if self.is_scalar else lambda *args: mix(self.f(*args))
        self.y = float(self.loss(*program.values))
        self.argnums = tuple(range(len(self.args)))
        self._gradients: list[Any] | None = None

    def graph(self) -> tuple[Any, list[Any]]:
        """The loss as a node, and the leaves it came from."""
        leaves = [ag.Tensor(x) for x in self.program.values]
        return self.loss(*leaves), leaves

    @property
    def gradients(self) -> list[Any]:
        """∂loss/∂argument, for each."""
        if self._gradients is None:
            self._gradients = list(ag.grad(self.loss, self.argnums)(*self.program.values))
        return self._gradients

    @property
    def scale(self) -> float:
        """The size of the gradients, or of the rounding that they can't be told from."""
        return max([1e-2 * max(1.0, abs(self.y)),
                    *[_largest(g) for g in self.gradients]])

    def direction(self) -> list[Any]:
        """A direction without symmetry, a number for each entry of the arguments."""
        return [np.round(np.cos(2.0 + k + np.arange(np.size(x))), 2).reshape(np.shape(x))
                for k, x in enumerate(self.args)]


def _largest(x: Any) -> float:
    """The largest finite number, by its size."""
    array = np.abs(np.asarray(x, float))
    return float(np.max(array, where=np.isfinite(array), initial=0.0))


def same(check: str, what: str, given: Any, expected: Any, room: float) -> None:
    """Raise unless two numbers or arrays are the same but for `room`."""
    a, b = np.asarray(given, float), np.asarray(expected, float)
    if a.shape != b.shape:
        raise Wrong(check, f"{what}: shape {a.shape}, expected {b.shape}", given, expected)
    with np.errstate(all="ignore"):
        if not np.all((np.abs(a - b) <= room) | (a == b) | (np.isnan(a) & np.isnan(b))):
            raise Wrong(check, what, given, expected)


def formed(check: str, what: str, given: Any, like: Any) -> None:
    """Raise unless `given` has the shape and dtype of `like`."""
    expected = np.shape(like), np.result_type(like)
    if (np.shape(given), np.result_type(given)) != expected:
        raise Wrong(check, f"{what} has the wrong shape or dtype",
                    (np.shape(given), str(np.result_type(given))), (expected[0], str(expected[1])))


def check_value(case: Case) -> None:
    """The value that is differentiated is the one plain NumPy gives."""
    value, _ = ag.value_and_grad(case.loss, case.argnums)(*case.program.values)
    same("value", "nodes give another value than plain numbers", value, case.y,
         1e-11 * max(1.0, abs(case.y)))


def check_form(case: Case) -> None:
    """Gradients have the shape and dtype of their arguments."""
    for x, g in zip(case.args, case.gradients, strict=True):
        formed("form", "a gradient", g, x)


def check_gradient(case: Case) -> None:
    """Every entry of the gradient is that of differences."""
    kind = precision(case.program, case.loss)
    for i, (x, g) in enumerate(zip(case.args, case.gradients, strict=True)):
        for place in np.ndindex(np.shape(x)):
            way = [np.zeros(np.shape(v)) for v in case.args]
            way[i][place] = 1.0
            settle(np.asarray(g)[place], line(case.loss, case.args, way, kind), case.scale,
                   lambda way=way: kinks_along(case.program, way, kind), "gradient",
                   near=near_by(case.loss, case.args, way, kind))


def check_nodes(case: Case) -> None:
    """Tensors: gradients and backward give what grad gives; the result is a Tensor."""
    nodes = [ag.Tensor(x) for x in case.program.values]
    y = case.loss(*nodes)
    if not isinstance(y, ag.Tensor):
        raise Wrong("nodes", "Tensors in, another kind out", type(y).__name__, "Tensor")
    room = 1e-9 * case.scale
    pairs = _reached(case, y, nodes)
    for x, expected in pairs:
        same("nodes", "gradients differs from grad", ag.gradients(y, x), expected, room)
    y.backward()
    for x, g in pairs:
        same("backward", "backward() differs from grad", x.grad, g, room)
        formed("backward", ".grad", x.grad, x.data)


def _reached(case: Case, y: Any, nodes: list[Any]) -> list[tuple[Any, Any]]:
    """The nodes that y depends on (for others `gradients` raises), with their gradients."""
    found = []
    for x, g in zip(nodes, case.gradients, strict=True):
        try:
            ag.gradients(y, x)
            found.append((x, g))
        except ag.errors.GraphError:
            if np.any(g):
                raise
    return found


def check_create_graph(case: Case) -> None:
    """Tensors: gradients that are nodes are the same numbers."""
    nodes = [ag.Tensor(x) for x in case.program.values]
    y = case.loss(*nodes)
    for x, expected in _reached(case, y, nodes):
        g = ag.gradients(y, x, create_graph=True)
        same("create_graph", "gradients(create_graph=True) differs from grad", g.data, expected,
             1e-9 * case.scale)
        formed("create_graph", "a gradient with create_graph=True", g.data, x.data)


def check_jvp(case: Case) -> None:
    """⟨u, J·v⟩ = ⟨Jᵀ·u, v⟩, and J·v has the form of the result."""
    v = case.direction()
    value, pushed = ag.jvp(case.f, tuple(case.program.values), tuple(v))
    formed("jvp", "J·v", pushed, case.plain)
    same("jvp", "the value of jvp", value, case.plain, 1e-11 * max(1.0, _largest(case.plain)))
    u = np.cos(1.0 + np.arange(np.size(pushed))).reshape(np.shape(pushed))
    _, pull = ag.vjp(case.f, *case.program.values)
    left = float(np.sum(u * pushed))
    right = sum(float(np.sum(g * w)) for g, w in zip(pull(u), v, strict=True))
    room = 1e-9 * max(case.scale, *[_largest(g) for g in pull(u)])
    same("jvp", "jvp and vjp differ: sum(u * J.v) for sum(J'.u * v)", left, right, room * 10)


def check_second(case: Case) -> None:
    """H·v is the difference of gradients, and has the form of the arguments."""
    v = case.direction()
    found = ag.hvp(case.loss, tuple(case.program.values), tuple(v))
    for h, x in zip(found, case.args, strict=True):
        formed("hvp", "H·v", h, x)
    kind = float

    def slopes(*args: Any) -> Any:
        grads = ag.grad(case.loss, case.argnums)(*args)
        return np.concatenate([np.ravel(g) for g in grads])

    start = [np.asarray(x, float) for x in case.args]

    def at(t: float) -> Any:
        try:
            return slopes(*[np.asarray(x + t * w) for x, w in zip(start, v, strict=True)])
        except Exception:  # no program there
            return np.full(given.shape, np.nan)

    given = np.concatenate([np.ravel(h) for h in found])
    scale = max(case.scale, _largest(given))
    settle(given, at, scale, lambda: kinks_along(case.program, v, kind), "hvp", SECOND)


def check_hessian(case: Case) -> None:
    """The Hessian's rows are those of hvp, and it is symmetric, for one small argument."""
    x = case.args[0]
    if np.size(x) > 6:
        return
    whole = ag.hessian(case.loss)(*case.program.values)
    formed("hessian", "the Hessian", whole, np.zeros(np.shape(x) * 2))
    matrix = np.reshape(whole, (np.size(x), np.size(x)))
    zero = [np.zeros(np.shape(w)) for w in case.args]
    room = 1e-8 * max(case.scale, _largest(matrix))
    kinks = kinks_along(case.program, case.direction(), float)
    for j in range(np.size(x)):
        way = [np.array(w) for w in zero]
        way[0].flat[j] = 1.0
        found = ag.hvp(case.loss, tuple(case.program.values), tuple(way))[0]
        if not kinks or (np.all(np.isfinite(found)) and np.all(np.isfinite(matrix))):
            same("hessian", "a column of the Hessian differs from hvp", np.ravel(found),
                 matrix[:, j], room)
    if not kinks:
        same("hessian", "the Hessian isn't symmetric", matrix, matrix.T, room)


def check_torch(case: Case) -> None:
    """Gradients and H·v are torch's, to ten digits, where no kink is near."""
    v = case.direction()
    theirs = second_opinion(case.program, case.y, v)
    if theirs is None or kinks_along(case.program, v, float):
        raise Skipped("torch says nothing")
    hvp = ag.hvp(case.loss, tuple(case.program.values), tuple(v))
    for what, given, expected in (("gradient", case.gradients, theirs[0]), ("H·v", hvp, theirs[1])):
        scale = max(case.scale, *[_largest(x) for x in expected])
        for a, b in zip(given, expected, strict=True):
            if np.all(np.isfinite(b)):
                same("torch", f"{what} differs from torch", a, b, 1e-9 * scale)


def check_single(case: Case) -> None:
    """float32 stays float32 all the way, and gives the numbers of float64."""
    args = [np.asarray(x, np.float32) for x in case.args]
    if np.result_type(case.f(*args)) != np.float32:
        return  # NumPy's own function widens it
    value, found = ag.value_and_grad(case.loss, case.argnums)(*args)
    formed("float32", "the value", value, case.loss(*args))
    for g, x in zip(found, args, strict=True):
        formed("float32", "a gradient", g, x)
    v = tuple(np.asarray(w, np.float32) for w in case.direction())
    formed("float32", "J·v", ag.jvp(case.f, tuple(args), v)[1], case.f(*args))
    for h, x in zip(ag.hvp(case.loss, tuple(args), v), args, strict=True):
        formed("float32", "H·v", h, x)
    if _is_steady(case, args):
        for g, expected in zip(found, case.gradients, strict=True):
            same("float32", "float32 is far from float64", g, expected, 1e-2 * case.scale)


def _is_steady(case: Case, args: list[Any]) -> bool:
    """Whether the gradient hardly changes where the arguments do, by much more than rounding."""
    base = case.gradients
    for sign in (-1, 1):
        near = [np.asarray(x, float) * (1 + sign * 1e-4 * np.cos(7.0 + np.arange(x.size)))
                .reshape(x.shape) + sign * 1e-6 for x in args]
        moved = ag.grad(case.loss, case.argnums)(*near)
        for a, b in zip(base, moved, strict=True):
            if np.shape(a) != np.shape(b) or not _largest(a - b) <= 1e-2 * case.scale:
                return False
    return True


def check_programs(case: Case) -> None:
    """A program of whole arrays gives at other numbers what the engine gives there."""
    gradient = ag.value_and_grad(case.loss, case.argnums)
    squares = lambda *xs: sum(ag.sum(g * g) for g in ag.grad(case.loss, case.argnums)(*xs))
    kinds = {"a program": gradient, "a program of second order": ag.grad(squares, case.argnums)}
    for name, function in kinds.items():
        program = ag.compile(function, arrays="whole")
        for args in [case.program.values, *_moved(case)]:
            try:
                expected = function(*args)
            except Exception:
                break  # not a function of these numbers
            try:
                given = program(*args)
            except ag.errors.NotFollowedError:
                break  # it says why
            for a, b in zip(_flat(given), _flat(expected), strict=True):
                formed("whole", name, a, b)
                room = 1e-8 * max(1e-2, _largest(b))
                same("whole", f"{name} at {args}", a, b, room)


def _flat(x: Any) -> list[Any]:
    return [y for part in x for y in _flat(part)] if isinstance(x, tuple) else [x]


def _moved(case: Case) -> list[list[Any]]:
    """Other arguments of the same form: a little off, in another order, with signs turned."""
    rng = np.random.default_rng(len(case.program.body))
    near = [x + 0.01 * rng.normal(size=np.shape(x)) for x in case.program.values]
    mixed = [np.reshape(rng.permutation(np.ravel(x)), np.shape(x)) * 1.5 - 0.1
             for x in case.program.values]
    return [[x.astype(y.dtype) if isinstance(y, np.ndarray) else float(x)
             for x, y in zip(args, case.program.values, strict=True)]
            for args in (near, mixed, [-x for x in case.program.values])]


ARRAY_CHECKS: dict[str, Callable[[Case], None]] = {
    "value": check_value, "engines": lambda case: check_engines(case.graph), "form": check_form,
    "gradient": check_gradient, "nodes": check_nodes,
    "create_graph": check_create_graph, "jvp": check_jvp, "hvp": check_second,
    "hessian": check_hessian, "torch": check_torch, "float32": check_single,
    "whole": check_programs,
}
