"""What must hold of plain NumPy code that `ag.as_written` runs: each check raises `Wrong`."""

from __future__ import annotations

import itertools
import linecache
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini import standins
from autograd_mini.errors import NotDifferentiableError
from autograd_mini.verify.numeric import slope_along

from . import jets
from .checks import formed, same
from .jets import Jet, Tie
from .programs import Program, Skipped, Wrong, mix

__all__ = ["WRITTEN_CHECKS", "WrittenCase", "loaded"]

_files = itertools.count()


def loaded(program: Program) -> Callable[[], dict[str, Any]]:
    """What gives the program's names anew at each call, from a source that Python can find."""
    number = next(_files)
    linecache.cache.pop(f"<written {number - 50}>", None)  # what an hour makes isn't kept
    name, text = f"<written {number}>", program.setup + "\n" + program.body
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    code = compile(text, name, "exec", dont_inherit=True)

    def load() -> dict[str, Any]:
        names = {**Program("def f(): pass", {}).namespace(), "__name__": "written"}
        exec(code, names)
        return names

    return load


@contextmanager
def unchecked() -> Iterator[None]:
    """A `with` block in which `as_written` compares nothing itself, so that what is wrong shows."""
    standins._compared.clear()
    kept = standins.check_agreement
    standins.check_agreement = lambda *args: None
    try:
        yield
    finally:
        standins.check_agreement = kept
        standins._compared.clear()


class WrittenCase:
    """A program with what the checks share: its plain value, and what it leaves outside."""

    def __init__(self, program: Program) -> None:
        self.program, self.load = program, loaded(program)
        self.constant = [name == "k" for name in program.args]
        self.argnums = tuple(i for i, c in enumerate(self.constant) if not c)
        names, values = self.load(), program.values
        self.plain = names["f"](*values)
        self.after = outside(names), [x for x, c in zip(values, self.constant, strict=True) if c]
        array = np.asarray(self.plain)
        if array.dtype.kind != "f" or not np.all(np.isfinite(array)):
            raise Skipped("no finite value")
        if not self.argnums:
            raise Skipped("nothing to differentiate by")
        self.y = float(_mixed(self.plain))
        self.is_single = "float32" in program.setup + program.body
        self._gradients: list[Any] | None = None
        self._exact: Any = None

    def run(self, *args: Any) -> Any:
        """The function as it is written, defined anew: what it left outside is gone."""
        return ag.as_written(self.load()["f"])(*args)

    def loss(self, *args: Any) -> Any:
        """One number of what it gives."""
        return _mixed(self.run(*args))

    def plain_loss(self, *args: Any) -> float:
        """The same of a plain run."""
        return float(_mixed(self.load()["f"](*args)))

    @property
    def gradients(self) -> list[Any]:
        """∂loss/∂argument, for each."""
        if self._gradients is None:
            with unchecked():
                self._gradients = list(ag.grad(self.loss, self.argnums)(*self.program.values))
        return self._gradients

    @property
    def exact(self) -> Jet:
        """The loss with its derivatives, by object arrays of jets; raises Skipped without."""
        if self._exact is None:
            self._exact = _jet_of(self)
        if isinstance(self._exact, str):
            raise Skipped(self._exact)
        return self._exact

    @property
    def scale(self) -> float:
        """The size of the gradients, or of the rounding that they can't be told from."""
        sizes = [np.max(np.abs(g), initial=0.0) for g in self.gradients]
        return float(max([1e-2 * max(1.0, abs(self.y)), *[s for s in sizes if np.isfinite(s)]]))


def _mixed(y: Any) -> Any:
    return mix(y) if np.ndim(y) else y


def _jet_of(case: WrittenCase) -> Any:
    """The exact loss; why there is none."""
    names = {**Program("def f(): pass", {}).namespace(), **jets.namespace()}
    args = jets.seeded(case.program.values, case.constant)
    try:
        exec(jets.translated(case.program.setup + "\n" + case.program.body), names)
        found = _mixed(names["f"](*args))
        found = jets.number(found)
    except Tie:
        return "the function has a kink here"
    except Exception as error:
        return f"jets can't run it: {type(error).__name__}"
    if not isinstance(found, Jet) or abs(found.value - case.y) > 1e-9 * max(1.0, abs(case.y)):
        single = isinstance(found, Jet) and case.is_single
        if not single or abs(found.value - case.y) > 1e-4 * max(1.0, abs(case.y)):
            return "jets give another value"
    count = sum(int(np.size(x)) for x, c in zip(case.program.values, case.constant, strict=True)
                if not c)
    first = found.first + np.zeros(count)
    found.first, found.second = first, found.second + np.zeros((count, count))
    return found if np.all(np.isfinite(first)) else "no finite gradient"


def _row(parts: Any) -> np.ndarray:
    return np.concatenate([np.ravel(np.asarray(p, float)) for p in parts])


# ── what lies outside ────────────────────────────────────────────────────────────────────────


def outside(names: dict[str, Any]) -> dict[str, Any]:
    """The state that a program can leave behind: globals, defaults, closures, objects."""
    found: dict[str, Any] = {}
    for name, x in names.items():
        if isinstance(x, types.FunctionType) and x.__module__ == "written":
            cells = [c.cell_contents for c in x.__closure__ or ()]
            found[name] = described([list(x.__defaults__ or ()), cells])
        elif name.isupper():
            found[name] = described(x)
    return found


def described(x: Any) -> Any:
    """Plain numbers as lists, with the types of what isn't plain."""
    if type(x) is np.ndarray:
        return x.dtype.kind, x.shape, [described(v) for v in x.ravel().tolist()]
    if isinstance(x, float | int | bool | str | type(None) | np.number):
        return str(round(float(x), 9) + 0.0) if isinstance(x, float | np.number) else x
    if type(x) in (list, tuple):
        return [described(v) for v in x]
    if type(x) is dict:
        return {key: described(v) for key, v in x.items()}
    if isinstance(x, types.FunctionType):
        return x.__name__
    if type(x).__module__ == "written":
        return {key: described(v) for key, v in vars(x).items()}
    return f"a {type(x).__name__}"


# ── checks ───────────────────────────────────────────────────────────────────────────────────


def check_value(case: WrittenCase) -> None:
    """With nodes and without, the function gives what a plain run gives."""
    size = max(1.0, abs(case.y))
    if case.scale > 1e3 * size:  # a steep function makes the rounding of its argument larger
        size += 1e-2 * case.scale
    room = (1e-5 if case.is_single else 1e-11) * size
    nodes = [x if c else (ag.Tensor(x) if isinstance(x, np.ndarray) else ag.Value(x))
             for x, c in zip(case.program.values, case.constant, strict=True)]
    with unchecked():
        given, numbers = case.run(*nodes), case.run(*case.program.values)
    inner = given.data if isinstance(given, ag.Node) else np.asarray(given)
    if not case.is_single:  # a number of math's is a weak one, and a node of it isn't
        formed("value", "the result", np.asarray(inner), np.asarray(case.plain))
    same("value", "nodes give another value than plain numbers", inner, case.plain, room)
    formed("value", "the plain result", numbers, case.plain)
    same("value", "a run without nodes gives another value", numbers, case.plain, 1e-3 * room)


def check_outside(case: WrittenCase) -> None:
    """What is written outside is plain afterwards, and what a plain run leaves there."""
    names, values = case.load(), case.program.values
    constants = [x for x, c in zip(values, case.constant, strict=True) if c]
    kept = [np.array(x) for x in values]
    with unchecked():
        written = ag.as_written(names["f"])
        ag.grad(lambda *args: _mixed(written(*args)), case.argnums)(*values)
    if (given := outside(names)) != case.after[0]:
        raise Wrong("outside", "another state is left outside", given, case.after[0])
    for x, expected in zip(constants, case.after[1], strict=True):
        if described(x) != described(expected):
            raise Wrong("outside", "a constant argument is left otherwise", x, expected)
    for x, before, c in zip(values, kept, case.constant, strict=True):
        if not c and described(x) != described(before if isinstance(x, np.ndarray) else x):
            raise Wrong("outside", "an argument was changed", x, before)


def check_exact(case: WrittenCase) -> None:
    """The gradient is that of object arrays of jets."""
    given = _row(case.gradients)
    if case.exact is not None:
        room = (1e-3 if case.is_single else 1e-9) * case.scale
        same("exact", "the gradient isn't that of jets", given, case.exact.first, room)


def check_gradient(case: WrittenCase) -> None:
    """In one direction, the gradient is that of differences of plain runs."""
    values = case.program.values
    ways = [np.round(np.cos(2.0 + k + np.arange(np.size(x))), 2).reshape(np.shape(x))
            * (not c) for k, (x, c) in enumerate(zip(values, case.constant, strict=True))]
    given = _row(case.gradients) @ _row(w for w, c in zip(ways, case.constant, strict=True)
                                        if not c)

    def along(t: float) -> float:
        moved = [x + t * w if isinstance(x, np.ndarray) else float(x + t * w)
                 for x, w in zip(case.program.values, ways, strict=True)]
        try:
            return case.plain_loss(*moved)
        except Exception:
            return np.nan

    if abs(given) > 1e5 * max(1.0, abs(case.y)):
        raise Skipped("differences say nothing of so steep a function")
    slope = slope_along(along, 0.0)
    size = max(case.scale, abs(slope.value))
    if slope.kink or not slope.error <= 1e-4 * size or case.is_single:
        raise Skipped("differences say nothing")
    if not abs(given - slope.value) <= 20 * slope.error + 1e-6 * size:
        if _has_kink(case):
            raise Skipped("the function has a kink here")
        raise Wrong("gradient", "the gradient isn't that of differences", given, slope.value)


def _has_kink(case: WrittenCase) -> bool:
    try:
        return case.exact is None
    except Skipped as why:
        return "kink" in str(why)


def check_second(case: WrittenCase) -> None:
    """The Hessian in one direction is that of jets."""
    if case.is_single:
        return
    values = case.program.values
    nums = case.argnums
    ways = [np.round(np.cos(3.0 + k + np.arange(np.size(values[k]))), 2)
            .reshape(np.shape(values[k])) for k in nums]

    def loss(*args: Any) -> Any:
        given = dict(zip(nums, args, strict=True))
        return case.loss(*[given.get(i, x) for i, x in enumerate(case.program.values)])

    expected = case.exact.second @ _row(ways)
    ways = [w if isinstance(values[k], np.ndarray) else float(w) for k, w in zip(nums, ways,
                                                                                strict=True)]
    with unchecked():
        found = _row(ag.hvp(loss, tuple(values[k] for k in nums), tuple(ways)))
    if np.all(np.isfinite(expected)):
        size = max(1.0, float(np.max(np.abs(expected), initial=0.0)), case.scale)
        same("second", "H·v isn't that of jets", found, expected, 1e-8 * size)


def check_jacobian(case: WrittenCase) -> None:
    """The Jacobian of an array is the gradient of each of its entries."""
    if not np.ndim(case.plain) or not np.size(case.plain):
        return
    weights = np.cos(1.0 + np.arange(np.size(case.plain)))
    with unchecked():
        found = ag.jacobian(case.run, case.argnums)(*case.program.values)
    for g, j in zip(case.gradients, found, strict=True):
        rows = np.reshape(j, (np.size(case.plain), -1))
        same("jacobian", "the Jacobian isn't that of the gradient", weights @ rows,
             np.ravel(g), (1e-4 if case.is_single else 1e-9) * case.scale)


def check_agreement(case: WrittenCase) -> None:
    """What is right isn't refused by the comparison with plain runs."""
    try:
        ag.grad(case.loss, case.argnums)(*case.program.values)
    except NotDifferentiableError as error:
        if "plain run" in str(error):
            raise Wrong("agreement", "a right gradient is refused", str(error)) from None
        raise


WRITTEN_CHECKS: dict[str, Callable[[WrittenCase], None]] = {
    "value": check_value, "exact": check_exact, "gradient": check_gradient,
    "outside": check_outside, "jacobian": check_jacobian, "second": check_second,
    "agreement": check_agreement,
}
