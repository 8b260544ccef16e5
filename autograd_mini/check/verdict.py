"""The verdict on a hand-derived gradient: right, wrong, or can't tell, and why.

In this order: shapes, strictly (nothing is broadcast); nan and inf, and where; then each entry
against the engine, whose own answer is confirmed by finite differences where it matters.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..backprop import one_like
from ..errors import AutogradError, NotDifferentiableError, ShapeError
from ..graph import Node, consumers_first, raw
from ..transforms import Call, inside_transform, tree_leaves, tree_map, variable
from .constants import Constants
from .degenerate import notes_on
from .diagnose import Claim, Search, patience
from .explain import suspects_of, with_repairs
from .numeric import SOLVERS, Slope, slope_along, term_sizes
from .record import Record
from .repair import Repair, repairs
from .report import Entry, Report, Suspect
from .shapes import Reshaped, reshaped
from .stale import elsewhere

__all__ = ["assert_gradient", "check_gradient"]

PROBES = 6  # coordinates of a parameter that finite differences look at …
ALONE = 200  # … and up to how many that are off (at a kink?), or if they are the only oracle


# ── what is checked: the arguments, the claim ────────────────────────────────────────────────


def _argument_names(loss: Callable[..., Any], count: int) -> list[str]:
    """The names of the positional arguments, as far as the signature gives them."""
    try:
        parameters = inspect.signature(loss).parameters.values()
    except (TypeError, ValueError):
        parameters = []  # type: ignore[assignment]
    named = [p.name for p in parameters
             if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*named, *(f"argument {i}" for i in range(len(named), count))][:count]


def _positions(wrt: Any, names: list[str], claim: Any, args: Sequence[Any]) -> list[int]:
    """Which arguments the gradient is claimed for, by position."""
    if wrt is None and not args:
        raise ShapeError("there is nothing to check: the loss was given no positional arguments")
    if wrt is None:
        if isinstance(claim, Mapping) and set(claim) <= set(names):
            wrt = list(claim)
        elif isinstance(claim, tuple) and _is_array(args[0]):
            wrt = range(len(claim))
        else:
            wrt = [0]
    wrt = [wrt] if isinstance(wrt, str | int) else list(wrt)
    if not wrt:
        raise ShapeError(f"there is nothing to check: wrt is empty (the arguments are {names})")
    for name in wrt:
        if (name not in names) if isinstance(name, str) else not 0 <= name < len(names):
            raise ShapeError(f"wrt names {name!r}, but the loss's arguments are {names}")
    return [names.index(name) if isinstance(name, str) else name for name in wrt]


def _claims(claim: Any, wrt: list[int], names: list[str], args: Sequence[Any]) -> list[Any]:
    """The claimed gradient of each argument of `wrt`."""
    keys = [names[i] for i in wrt]
    if claim is None:
        raise ShapeError("the gradient is None: is a `return` missing?")
    if isinstance(claim, Mapping) and set(claim) == set(keys):
        return [claim[key] for key in keys]
    if isinstance(claim, tuple | list) and len(wrt) > 1:
        if len(claim) != len(wrt):
            raise ShapeError(f"{len(claim)} gradients were given for {len(wrt)} arguments: {keys}")
        return list(claim)
    if len(wrt) == 1 and isinstance(claim, tuple) and len(claim) == 1:
        return list(claim)
    if len(wrt) == 1 and not (isinstance(claim, tuple) and _is_array(args[wrt[0]])):
        return [claim]
    raise ShapeError(
        f"gradients for {keys} are needed: a tuple in that order or a dict by name, not "
        f"{type(claim).__name__}" + (f" with {sorted(claim)}" if isinstance(claim, Mapping) else "")
    )


def _is_array(x: Any) -> bool:
    return not isinstance(x, tuple | list | dict)


def check_gradient(loss: Callable[..., Any], gradient: Any, *args: Any,
                   wrt: str | int | Sequence[str | int] | None = None, **kwargs: Any
                   ) -> Report:
    """Verify a gradient derived by hand.

    loss: plain NumPy code (or code on Values) that returns one number. gradient: a function of
    the same arguments, or its numbers: one array, a tuple of them, or a dict by argument name.
    args, kwargs: what both are called with. wrt: the arguments the gradient is for, by name or
    position; if None, the keys of a dict, the first arguments for a tuple, else the first.
    An argument may be a nested tuple, list or dict of arrays; so is its gradient then.

    Returns a `Report`, one entry per array. Raises `ShapeError` when the claim doesn't say
    which gradient is which, and whatever `loss` or `gradient` raise.

    >>> import numpy as np
    >>> def loss(w, x, t):
    ...     return np.sum((x @ w - t) ** 2)
    >>> def wrong(w, x, t):
    ...     return x.T @ (x @ w - t)
    >>> x, t, w = np.eye(2), np.array([1.0, 2.0]), np.array([3.0, 3.0])
    >>> print(str(check_gradient(loss, wrong, w, x, t)).splitlines()[0])
    The gradient is wrong for w.
    """
    copies = [_copied(arg) for arg in args]
    claim = gradient(*copies, **_copied(kwargs)) if callable(gradient) else gradient
    names = _argument_names(loss, len(args))
    wrt = _positions(wrt, names, claim, args)
    problem = _Problem(loss, args, kwargs, tuple(wrt))
    entries: list[Entry] = []
    for i, claimed in zip(wrt, _claims(claim, wrt, names, args), strict=True):
        entries += _check_tree(problem, i, names[i], claimed)
    if any(entry.verdict == "wrong" for entry in entries):
        with np.errstate(all="ignore"):
            entries = _explained(problem, names, entries, gradient, copies)
    return Report(tuple(entries), tuple(dict.fromkeys(notes_on(problem, names, entries))))


def assert_gradient(loss: Callable[..., Any], gradient: Any, *args: Any,
                    wrt: str | int | Sequence[str | int] | None = None, **kwargs: Any
                    ) -> None:
    """`check_gradient` for tests: raises `GradientError`, with the report, unless it is right."""
    check_gradient(loss, gradient, *args, wrt=wrt, **kwargs).raise_if_wrong()


# ── the cause ────────────────────────────────────────────────────────────────────────────────


def _explained(problem: _Problem, names: list[str], entries: list[Entry], gradient: Any,
               copies: list[Any]) -> list[Entry]:
    """The entries, with suspects for what is wrong."""
    if not problem.engine:
        why = f"the engine can't differentiate the loss, so no more is known: {problem.refusal}"
        return [_with(e, (Suspect("unknown", why, shared=(e.name,)),)) for e in entries]
    record = problem.record(names)
    if any(entry.name not in record.parameters for entry in entries):
        return entries  # the claim hasn't the form of the parameters: that is what is wrong
    shapes = {e.name: reshaped(record, e.name, e.given, np.asarray(record.gradient(e.name), float))
              for e in entries if e.verdict == "wrong" and e.given is not None
              and e.given.shape != np.shape(record.parameters[e.name].value)}
    claims = {e.name: _claim(problem, names, record, e, shapes.get(e.name)) for e in entries}
    constants = problem.constants(names)

    def points() -> Any:
        return elsewhere(
            lambda values: problem.gradients_at(names, values),
            {n: np.asarray(x.value) for n, x in record.parameters.items()},
            {n: c.given for n, c in claims.items()}, {n: c.true for n, c in claims.items()},
            problem.changed(names, copies), gradient, constants.rates)

    search = Search(record, claims, constants, points)
    search.run()
    problem.cut_short = search.cut_short
    found = {name: suspects_of(search, name) for name in claims if claims[name].wrong}
    for entry in entries:
        shape, rest = shapes.get(entry.name), found.get(entry.name, ())
        if shape is not None:
            found[entry.name] = (replace(shape.suspect, also=rest[:1]), *rest)
        elif entry.name in shapes:
            found[entry.name] = (Suspect("shape", entry.reason, shared=(entry.name,), plain=True),)
    known = all(suspects[0].plain for suspects in found.values())
    repaired = _repairs(problem, names, gradient, known)
    return [_with(e, with_repairs(found.get(e.name, ()), repaired)) for e in entries]


def _with(entry: Entry, suspects: tuple[Suspect, ...]) -> Entry:
    """The entry with its suspects, if it is wrong; there is always one."""
    if entry.verdict != "wrong":
        return entry
    unknown = Suspect("unknown", "nothing more can be said", shared=(entry.name,))
    return replace(entry, suspects=suspects or (unknown,))


def _claim(problem: _Problem, names: list[str], record: Record, entry: Entry,
           shape: Reshaped | None) -> Claim:
    """What the search is told of one parameter; what isn't a gradient at all is left out of it."""
    true = np.asarray(record.gradient(entry.name), float)
    terms = np.broadcast_to(problem.terms(names, entry.name), true.shape)
    given = entry.given if shape is None else shape.gradient
    wrong = bool(entry.verdict == "wrong" and given is not None and given.shape == true.shape
                 and np.isfinite(given).all() and not np.allclose(given, true, rtol=1e-7, atol=0))
    given = given if wrong and given is not None else true
    return Claim(given, true, terms, problem.eps(given.dtype), wrong)


def _repairs(problem: _Problem, names: list[str], gradient: Any, known: bool) -> list[Repair]:
    """The edits of the gradient's function after which every parameter is right.

    known: the mistake has a name already, and only its line is wanted.
    """
    if not callable(gradient):
        return []
    wrt = list(problem.wrt)

    def is_right(claim: Any) -> bool:
        found = _claims(claim, wrt, names, problem.args)
        for i, claimed in zip(wrt, found, strict=True):
            leaves = dict(tree_leaves(claimed)) if isinstance(claimed, dict) else {"": claimed}
            for path, (true, terms) in ((p, e) for (k, p), e in problem.engine.items() if k == i):
                given = np.asarray(raw(leaves[path]), float)
                bar = _tolerance(true, terms, problem.eps(given.dtype))
                if given.shape != true.shape or not (np.abs(given - true) <= bar).all():
                    return False
        return True

    found = repairs(gradient, lambda: [_copied(arg) for arg in problem.args], problem.kwargs,
                    is_right, 0.3 if known else 0.8 * patience(len(problem.graph)))
    return list(itertools.islice(found, 1 if known else 2))


# ── the two oracles ──────────────────────────────────────────────────────────────────────────


class _Problem:
    """The loss at one point: its value, and the engine's gradient."""

    def __init__(self, loss: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
                 wrt: tuple[int, ...]) -> None:
        self.loss, self.kwargs, self.wrt = loss, kwargs, wrt
        self.args = [tree_map(_wide, arg) for arg in args]
        self.float32 = any(getattr(raw(x), "dtype", None) == np.float32 for _, x in
                           tree_leaves([list(args), kwargs]))
        self.refusal = ""
        first, again = self.value(self.args), self.value(self.args)
        self.trouble = ""
        if np.isnan(first):
            self.trouble = "the loss is nan at these arguments: check at others"
        elif first != again:
            self.trouble = ("the loss gave two different values for the same arguments (is it "
                            "random?): fix its seed inside the loss")
        self.cut_short = False  # the search for the cause
        self.graph: list[Node] = []
        self.variables: dict[tuple[int, str], Node] = {}
        self.solves = False  # a system of equations, which amplifies rounding
        self.engine = self._engine()

    def value(self, args: Sequence[Any]) -> float:
        """The loss as a plain number; nan where it isn't defined."""
        args = [_copied(arg) for arg in args]  # the loss may work in place
        with np.errstate(all="ignore"):
            try:
                result = self.loss(*args, **_copied(self.kwargs))
            except (AttributeError, TypeError):  # code written for Values: x.relu() and the like
                with inside_transform():
                    nodes = [tree_map(variable, a) if i in self.wrt else a
                             for i, a in enumerate(args)]
                    result = self.loss(*nodes, **_copied(self.kwargs))
        result = np.asarray(raw(result), float)
        if result.size != 1:
            raise ShapeError(f"the loss returned shape {result.shape}; it must be one number")
        return float(result.reshape(()))

    def _engine(self) -> dict[tuple[int, str], tuple[np.ndarray, np.ndarray]]:
        """By (argument, path): the gradient, and the size of the terms that added up to it."""
        with np.errstate(all="ignore"):
            try:
                call = self._call(self.args)
                y = call.scalar()
            except Exception as error:  # refused, or x.median(), math.sin(x) …: on numbers it ran
                cause = error.__cause__  # NumPy wraps our refusal of a[i] = node
                error = cause if isinstance(cause, AutogradError) else error
                self.refusal = f"{type(error).__name__}: {error}"
                return {}
            found, sizes = call.pull(y, one_like(y)), term_sizes(y)
        self.graph = consumers_first(y)
        self.solves = any(node.op in SOLVERS for node in self.graph)
        self.variables = dict(self._places(call))
        return {
            place: (np.asarray(raw(g)), np.asarray(sizes.get(x, 0.0)))
            for (place, x), g in zip(self._places(call), found, strict=False)
        }

    def _call(self, args: Sequence[Any]) -> Call:
        """The loss on variables; where X.dot(w) doesn't take a node for w, X is one as well."""
        args = [_copied(arg) for arg in args]
        try:
            return Call(self.loss, args, self.wrt, _copied(self.kwargs))
        except NotDifferentiableError:
            others = tuple(i for i, arg in enumerate(args)
                           if i not in self.wrt and _all_floats(arg))
            if not others:
                raise
            return Call(self.loss, list(map(_copied, args)), (*self.wrt, *others),
                        _copied(self.kwargs))

    def _places(self, call: Call) -> list[tuple[tuple[int, str], Node]]:
        """((argument, path), variable) for each array that the gradient is for."""
        return [((i, path), x) for i, tree in zip(self.wrt, call.trees, strict=False)
                for path, x in tree_leaves(tree)]

    def record(self, names: list[str]) -> Record:
        """The graph of the loss, with the lines it was written in."""

        def call() -> Any:
            with np.errstate(all="ignore"):
                made = self._call(self.args)
                return made.scalar(), {names[i] + path: x for (i, path), x in self._places(made)}

        return Record.of(call, self.around() | self.others(names))

    def around(self) -> dict[str, Any]:
        """The arrays and numbers that the loss takes from around it."""
        if not inspect.isfunction(self.loss):
            return {}
        closed = inspect.getclosurevars(self.loss)
        return {k: v for k, v in {**closed.globals, **closed.nonlocals}.items()
                if isinstance(v, np.ndarray | float | int) and not isinstance(v, bool)}

    def gradients_at(self, names: list[str], values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The gradients with some arguments replaced; None where there are none."""
        args = [_copied(arg) for arg in self.args]
        for i, name in enumerate(names):
            for path, _ in list(tree_leaves(args[i])):
                if name + path in values:
                    new = np.asarray(values[name + path])
                    args[i] = _replaced(args[i], path, new if new.ndim else float(new))
        with np.errstate(all="ignore"):
            try:
                call = self._call(args)
                y = call.scalar()
                found = call.pull(y, one_like(y))
            except (AutogradError, ArithmeticError, ValueError):
                return None
        return {names[i] + path: np.asarray(raw(g), float)
                for ((i, path), _), g in zip(self._places(call), found, strict=False)}

    def changed(self, names: list[str], copies: list[Any]) -> dict[str, np.ndarray]:
        """The arguments that the gradient's function has changed in place."""
        found = {}
        for i, copy in enumerate(copies):
            before = dict(tree_leaves(self.args[i]))
            for path, x in tree_leaves(copy):
                if isinstance(x, np.ndarray) and x.dtype.kind == "f" and path in before and (
                        x.shape == np.shape(before[path]) and not np.array_equal(x, before[path])):
                    found[names[i] + path] = x
        return found

    def others(self, names: list[str]) -> dict[str, Any]:
        """The plain arguments, by name."""
        found = {name + path: x for i, name in enumerate(names)
                 for path, x in tree_leaves(self.args[i])}
        return found | {name + path: x for name, arg in self.kwargs.items()
                        for path, x in tree_leaves(arg)}

    def terms(self, names: list[str], name: str) -> Any:
        """The sizes of the terms that add up to a parameter's gradient."""
        return next(terms for (i, path), (_, terms) in self.engine.items()
                    if names[i] + path == name)

    def constants(self, names: list[str]) -> Constants:
        """The numbers that a factor may be."""
        values = {k: v for k, v in self.others(names).items()
                  if isinstance(v, np.ndarray | float | int) and not isinstance(v, bool)}
        values |= self.around()
        return Constants({k: v for k, v in values.items() if np.ndim(v)},
                         {k: float(v) for k, v in values.items() if not np.ndim(v)})

    def noise(self, i: int, path: str) -> np.ndarray:
        """How much rounding the engine's gradient carries: what the last digit of the data does."""
        rng, found = np.random.default_rng(0), np.zeros(np.shape(self.engine[i, path][0]))
        names = [str(k) for k in range(len(self.args))]
        for _ in range(3):
            moved = {
                str(k) + p: np.asarray(x) * (1 + np.finfo(float).eps * rng.choice(
                    [-1.0, 1.0], np.shape(x)))
                for k in self.wrt for p, x in tree_leaves(self.args[k])}
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
            return self._with(i, path, moved)

        return slope_along(f, float(base[index]))

    def towards(self, i: int, path: str, direction: np.ndarray) -> Slope:
        """The finite difference in a direction."""
        base = np.array(self.argument(i, path), float)
        return slope_along(lambda s: self._with(i, path, base + s * direction), 0.0)

    def _with(self, i: int, path: str, new: np.ndarray) -> float:
        """The loss with one array replaced."""
        args = list(self.args)
        args[i] = _replaced(self.args[i], path, new if new.ndim else float(new))
        return self.value(args)


def _copied(tree: Any) -> Any:
    """A copy that a function may change; of a node its numbers."""
    return tree_map(lambda x: np.array(raw(x)) if isinstance(raw(x), np.ndarray) else raw(x), tree)


def _all_floats(tree: Any) -> bool:
    """Whether it is made of arrays and numbers of floats, so that all of it may be variables."""
    return all(isinstance(x, float) or getattr(x, "dtype", np.dtype(int)).kind == "f"
               for _, x in tree_leaves(tree))


def _wide(x: Any) -> Any:
    """Floats as float64: the check is done in double precision whatever the data are."""
    x = raw(x)
    if isinstance(x, np.ndarray | np.generic) and np.asarray(x).dtype.kind == "f":
        return np.asarray(x, np.float64) if np.ndim(x) else float(x)
    return x


def _replaced(tree: Any, path: str, new: Any) -> Any:
    """The tree with the leaf at `path` replaced."""
    paths = iter([p for p, _ in tree_leaves(tree)])
    return tree_map(lambda x: new if next(paths) == path else x, tree)


# ── the verdict ──────────────────────────────────────────────────────────────────────────────


def _check_tree(problem: _Problem, i: int, name: str, claimed: Any) -> list[Entry]:
    """One entry per array in argument i."""
    ours = [path for path, _ in tree_leaves(problem.args[i])]
    theirs = dict(tree_leaves(claimed)) if ours != [""] else {"": claimed}
    if not ours:
        raise ShapeError(f"{name} has no arrays in it")
    if ours != [""] and set(ours) != set(theirs):
        missing = ", ".join(name + p for p in ours if p not in theirs) or "nothing"
        extra = ", ".join(name + p for p in theirs if p not in ours) or "nothing"
        return [Entry(name, "wrong", f"the gradient must have the form of {name} itself; "
                      f"missing: {missing}; not in {name}: {extra}", None, None)]
    return [_check_array(problem, i, path, name + path, theirs[path]) for path in ours]


def _check_array(problem: _Problem, i: int, path: str, name: str, claimed: Any) -> Entry:
    """The verdict on one array: shapes, then nan and inf, then the numbers."""
    x = problem.argument(i, path)
    expected, terms = problem.engine.get((i, path), (None, None))
    try:
        if np.iscomplexobj(raw(claimed)):
            raise TypeError
        given = np.asarray(raw(claimed), float)
    except (TypeError, ValueError):
        return Entry(name, "wrong", f"its gradient is a {type(claimed).__name__}, not real "
                     "numbers", expected, None)
    if given.shape != np.shape(x):
        return Entry(name, "wrong", f"its gradient has shape {given.shape}, but {name} has "
                     f"shape {np.shape(x)}: a gradient has the shape of its parameter, and "
                     "nothing is broadcast here", expected, given)
    if problem.trouble:
        return Entry(name, "can't tell", problem.trouble, expected, given)
    if not given.size:
        return Entry(name, "right", "it has no entries", expected, given)
    if not np.isfinite(given).all() and (expected is None or np.isfinite(expected).all()):
        return _claim_not_finite(name, expected, given)
    if expected is None or terms is None:
        return _by_differences_alone(problem, i, path, name, given, np.asarray(raw(claimed)).dtype)
    if not np.isfinite(expected).all():
        return _not_finite(name, expected, given)
    return _compare(problem, i, path, name, expected, given, terms,
                    np.asarray(raw(claimed)).dtype)


def _first(where: np.ndarray) -> tuple[int, ...]:
    """The index of the first entry that is True."""
    return tuple(int(k) for k in np.argwhere(where)[0])


def _claim_not_finite(name: str, expected: np.ndarray | None, given: np.ndarray) -> Entry:
    """nan or inf was claimed where the gradient is finite, or where it isn't known."""
    at = _first(~np.isfinite(given))
    count = (f"{np.sum(~np.isfinite(given))} of its {given.size} entries are nan or inf (the first "
             f"at {list(at)})")
    if expected is not None:
        return Entry(name, "wrong", f"{count}; the true gradient is finite", expected, given, at)
    if np.isnan(given).any():
        return Entry(name, "wrong", f"{count}, and nan is no gradient", expected, given, at)
    return Entry(name, "can't tell", f"{count}, and the engine couldn't be asked: check at "
                 "another point", expected, given, at)


def _not_finite(name: str, expected: np.ndarray, given: np.ndarray) -> Entry:
    same = np.array_equal(expected, given, equal_nan=False)
    at = _first(~np.isfinite(expected))
    if same:
        return Entry(name, "right", f"infinite at {list(at)}, as the gradient is there", expected,
                     given, at)
    return Entry(name, "can't tell", f"the gradient isn't finite at {list(at)} (it is "
                 f"{expected[at]}): check at another point", expected, given, at)


def _tolerance(expected: np.ndarray, terms: np.ndarray, eps: float) -> np.ndarray:
    """How far a right gradient may be off: √eps relative, and the rounding of what was added up.

    Another right formula adds the same terms in another order; where they cancel, what is left
    is rounding, of some eps times the size of the terms. A thousand is some and a depth of 50.
    """
    terms = np.where(np.isfinite(terms), terms, 0.0)  # an overflow there excuses nothing
    terms = np.maximum(terms, 1e-3 * np.max(terms, initial=0.0))
    some = min(1e3 * eps, np.sqrt(eps))  # of float16 a thousand roundings are all of it
    bar: np.ndarray = np.sqrt(eps) * np.abs(expected) + some * terms
    return bar + np.finfo(float).tiny


def _facts(off: np.ndarray, expected: np.ndarray, error: np.ndarray, bar: np.ndarray
           ) -> dict[str, Any]:
    """What an `Entry` says of the entry that is furthest `off`."""
    at = tuple(int(k) for k in np.unravel_index(np.argmax(off), off.shape))
    return {
        "worst": at, "absolute_error": float(error[at]), "error_bar": float(bar[at]),
        "relative_error": float(error[at] / max(abs(expected[at]), 1e-300)),
    }


def _compare(problem: _Problem, i: int, path: str, name: str, expected: np.ndarray,
             given: np.ndarray, terms: np.ndarray, dtype: Any) -> Entry:
    """Entry against entry; then finite differences confirm the engine where it matters."""
    bar = _tolerance(expected, terms, problem.eps(dtype))
    error = np.abs(given - expected)
    with np.errstate(over="ignore"):
        facts = _facts(error / bar, expected, error, bar)
    wrong = error > bar
    doubt, kinks = _confirm(problem, i, path, expected, given, bar)
    if not doubt and (wrong & kinks).any() and not (wrong & ~kinks).any():
        doubt = _misfit(problem, i, path, expected, given, kinks)
    if not doubt and not (wrong & ~kinks).any():
        doubt = _disagreement_at_large(problem, i, path, expected, bar)
    if doubt:
        return Entry(name, "can't tell", doubt, expected, given, **facts)
    wrong &= ~kinks
    if wrong.any() and kinks.any() and wrong.sum() + kinks.sum() > ALONE:
        return Entry(name, "can't tell", f"{int(kinks.sum())} of the {ALONE} entries tried lie "
                     "at a kink of the loss, and more entries than that are off: check at a point "
                     "without ties and zeros", expected, given, **facts)
    if wrong.any():
        return Entry(name, "wrong", _pattern(wrong), expected, given, **facts)
    excused = ~kinks & (error > 1e-3 * np.max(np.abs(expected), initial=0.0))
    if excused.any() and not problem.solves:
        scale = max(float(np.max(np.abs(problem.argument(i, path)))), 1e-9)
        size = abs(problem.value(problem.args)) / scale
        bar = np.sqrt(problem.eps(dtype)) * np.abs(expected) + 1e6 * problem.noise(i, path) + (
            1e3 * problem.eps(dtype) * size)
        if (error > bar)[excused].any():  # the terms are large, but what they add up to is certain
            return Entry(name, "wrong", _pattern(error > bar), expected, given, **facts)
    if problem.solves and excused.any():
        return Entry(name, "can't tell", f"{int(excused.sum())} of its entries are off by over a "
                     "thousandth, and a matrix in the loss is so near a singular one that rounding "
                     "alone could do that: check at another point", expected, given, **facts)
    note = "each entry agrees with the engine, and the engine with finite differences"
    if kinks.any():
        note = (f"{int(kinks.sum())} of its entries lie at a kink of the loss, where every slope "
                "between the one-sided ones is a subgradient, and so is this; the rest agree")
    return Entry(name, "right", note, expected, given, **facts)


def _probed(expected: np.ndarray, excess: np.ndarray, probes: int = PROBES
            ) -> list[tuple[int, ...]]:
    """The entries that finite differences look at: the most wrong, the largest, some by lot."""
    by_excess = np.argsort(-excess.ravel(), kind="stable")[: probes // 2]
    by_size = np.argsort(-np.abs(expected).ravel(), kind="stable")[: probes // 3]
    by_lot = np.random.default_rng(0).integers(0, expected.size, probes // 3)
    chosen = dict.fromkeys([*by_excess.tolist(), *by_size.tolist(), *by_lot.tolist()])
    return [tuple(int(k) for k in np.unravel_index(n, expected.shape)) for n in chosen]


def _confirm(problem: _Problem, i: int, path: str, expected: np.ndarray, given: np.ndarray,
             bar: np.ndarray) -> tuple[str, np.ndarray]:
    """(a doubt about the engine's gradient, which entries are accepted subgradients at kinks)."""
    kinks = np.zeros(expected.shape, bool)
    with np.errstate(over="ignore"):
        excess = np.abs(given - expected) / bar
    off = [tuple(int(k) for k in at) for at in np.argwhere(excess > 1)[:ALONE]]
    many = len(problem.engine) > 20  # parameters: then fewer entries of each
    probed = _probed(expected, excess, 2 if many else PROBES)
    for at in dict.fromkeys([*probed, *off[: 4 if many else ALONE]]):
        slope = problem.along(i, path, at)
        low, high = sorted((slope.left, slope.right))
        room = max(slope.error, float(bar[at]), 1e-5 * (abs(low) + abs(high)))
        if slope.kink and low - room <= expected[at] <= high + room:
            kinks[at] = low - room <= given[at] <= high + room
            continue
        gap = abs(slope.value - expected[at])
        if gap > 10 * slope.error + 1e-5 * abs(expected[at]) + bar[at]:
            near = abs(slope.value - given[at]) < 0.1 * gap
            return (
                f"the two oracles disagree{f' at {list(at)}' if at else ''}: the engine says "
                f"{expected[at]:.6g}, finite differences {slope.value:.6g} ± {slope.error:.1g}"
                + (", and so does the gradient given" if near else "")
                + ": is there a kink or a jump within the step, or does the loss cut the graph?"
            ), kinks
    return "", kinks


def _misfit(problem: _Problem, i: int, path: str, expected: np.ndarray, given: np.ndarray,
            kinks: np.ndarray) -> str:
    """A doubt if entries at kinks, each between its one-sided slopes, don't fit together.

    Of max(a, b) at a tie, (1, 1) doesn't: a subgradient is bounded by the one-sided slopes in
    every direction, if the loss is convex there. If it isn't, no more can be said from slopes.
    """
    rng = np.random.default_rng(0)
    ways = [given - expected, np.ones(given.shape), *rng.normal(size=(4, *given.shape))]
    for way in ways:
        way = np.where(kinks, way, 0.0)
        way = way / np.max(np.abs(way))
        slope = problem.towards(i, path, way)
        claimed = float(np.sum(given * way))
        low, high = sorted((slope.left, slope.right)) if slope.kink else (slope.value, slope.value)
        room = max(slope.error, 1e-5 * (abs(low) + abs(high)))
        if not low - room <= claimed <= high + room:
            return (
                f"{int(kinks.sum())} of its entries lie at a kink of the loss; each is between its "
                "one-sided slopes, but together they are no subgradient, or the loss isn't convex "
                "there: check at a point without ties and zeros"
            )
    return ""


def _disagreement_at_large(problem: _Problem, i: int, path: str, expected: np.ndarray,
                           bar: np.ndarray) -> str:
    """A doubt if the oracles disagree in a direction that moves every entry at once.

    Finite differences look at a few entries only; a cut somewhere else shows here.
    """
    x = np.abs(np.asarray(problem.argument(i, path), float))
    size = np.maximum(x, 1e-3 * np.max(x)) if np.max(x) > 0 else np.ones(x.shape)
    for seed in range(2):
        way = size * np.random.default_rng(seed).choice([-1.0, 1.0], x.shape)
        slope = problem.towards(i, path, way)
        terms = expected * way
        gap = abs(slope.value - float(np.sum(terms)))
        room = 10 * slope.error + 1e-6 * float(np.sqrt(np.sum(terms**2))) + float(
            np.sum(bar * np.abs(way)))
        if np.isfinite(slope.value) and not slope.kink and gap > room:
            return (
                "the two oracles disagree in a direction that moves every entry: the engine says "
                f"{np.sum(terms):.6g}, finite differences {slope.value:.6g} ± {slope.error:.1g}: "
                "does the loss cut the graph somewhere (float(), .item(), math functions, "
                "a.fill())?"
            )
    return ""


def _pattern(wrong: np.ndarray) -> str:
    """Which entries are wrong, and what the whole looks like."""
    count, size = int(wrong.sum()), wrong.size
    where = "every entry is wrong" if count == size else f"{count} of {size} entries are wrong"
    if count < size and wrong.ndim == 2:
        rows, columns = (np.atleast_1d(wrong.any(axis=axis)) for axis in (1, 0))
        if rows.sum() < len(rows) and wrong[rows].all():
            where += f" (whole rows: {np.flatnonzero(rows)[:8].tolist()})"
        elif columns.sum() < len(columns) and wrong[:, columns].all():
            where += f" (whole columns: {np.flatnonzero(columns)[:8].tolist()})"
    return where


def _by_differences_alone(problem: _Problem, i: int, path: str, name: str, given: np.ndarray,
                          dtype: Any) -> Entry:
    """The verdict when the engine refused the loss: finite differences, entry by entry."""
    expected, bar = np.full(given.shape, np.nan), np.full(given.shape, np.inf)
    whole = given.size <= ALONE
    places = list(np.ndindex(given.shape)) if whole else _probed(given, np.zeros(given.shape))
    for at in places:
        slope = problem.along(i, path, at)
        if not slope.kink:
            expected[at] = slope.value
            bar[at] = 10 * slope.error + max(1e-6, problem.eps(dtype) ** 0.5) * abs(slope.value)
    error = np.abs(given - expected)
    off = np.where(np.isfinite(expected), error / bar, 0.0)
    facts = _facts(off, expected, error, bar)
    alone = f"by finite differences alone, for the engine couldn't be asked ({problem.refusal})"
    if (off > 1).any():
        return Entry(name, "wrong", f"so {alone}", expected, given, **facts)
    narrow = max(1e-4, 2 * problem.eps(dtype) ** 0.5) * np.max(np.abs(expected), initial=0.0)
    if whole and (bar <= narrow).all():
        return Entry(name, "right", f"so {alone}", expected, given, **facts)
    return Entry(name, "can't tell", f"nothing speaks against it at the {len(places)} entries "
                 f"tried {alone}", expected, given, **facts)
