"""check_step: does an update go down the gradient, and isn't the learning rate too large?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import value_of
from ..transforms import hvp
from ..trees import flat, flatten, tree_map
from .diagnosis.fitting import agree
from .forms import Form, Words, copied, first_of, fitting, shapes_in, wanted
from .gradient import report_on
from .names import renamed
from .objects import value_at
from .problem import Problem, with_arrays
from .report import Entry, Report, Suspect

__all__ = ["check_step"]

RATES = ("lr", "learning_rate", "alpha", "eta", "rate", "step_size", "learningRate")
TURNS = 60  # of the power method
STEP_WORDS = (("the gradient of {} is", "the step of {} is"), ("the gradient is", "the step is"))


class StepForm(Form):
    """A loss and one step of gradient descent on it; the gradient is (before - after) / lr."""

    def __init__(self, step: Any, loss: Any, args: Sequence[Any], kwargs: Mapping[str, Any],
                 params: Any, lr: float, wrt: Any) -> None:
        self.lr = lr
        super().__init__(loss, step, args, kwargs, params)
        self.by_name = True
        self.moved = self._which(wrt)

    def rounding(self, x: Any) -> Any:
        """(before - after) / lr has lost what lr makes of the last digit of the parameter."""
        return np.abs(np.asarray(x, float)) / self.lr

    def _which(self, wrt: Any) -> list[int]:
        """The arguments that the step changes."""
        if wrt is None and self.count[0]:
            return list(range(self.count[0]))
        if wrt is None:
            return self._changed()
        wrt = [wrt] if isinstance(wrt, str | int) else list(wrt)
        return [self.names.index(name) if isinstance(name, str) else name for name in wrt]

    def _changed(self) -> list[int]:
        """The arguments that the step returns, or changes in place."""
        args = copied(self.args)
        call = super().called(args)
        with call.around():
            returned = call.function(*call.args, **call.kwargs)
        moved = {i for i, (x, y) in enumerate(zip(self.args, args, strict=True))
                 if not _same(x, y)}
        if isinstance(returned, Mapping) and not isinstance(self.args[0], Mapping):
            moved |= {self.names.index(name) for name in returned if name in self.names}
        elif isinstance(returned, tuple | list) and not isinstance(self.args[0], tuple | list):
            loss = value_of(first_of(self.loss(*copied(self._given(self.args)[0]),
                                               **copied(self._given(self.args)[1]))))
            parts = [x for x in returned if x is not None and not (
                np.ndim(value_of(x)) == 0 and np.size(loss) == 1 and float(value_of(x)) == loss)]
            moved |= set(fitting(parts, self.args)) if parts else set()
        return sorted(moved) or [0]

    def taken(self, words: Words) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the loss, by name, and the learning rate."""
        needed = wanted(self.gradient) or {}
        rates = [n for n in needed if n in RATES and n not in words.values] or [
            n for n in needed if n not in words.values][-1:]
        words.values |= dict.fromkeys(rates, self.lr)
        if "grad" not in "".join(needed):
            return words.taken(self.gradient)
        raise ShapeError("check_step checks a step that computes its own gradient: a function of "
                         f"the loss's arguments and lr, not ({', '.join(needed)})")

    def called(self, args: Sequence[Any]) -> Any:
        """The call of the step; what it reads, it has to compare with what was before."""
        call = super().called(args)
        before, given = [copied(args[i]) for i in self.moved], [args[i] for i in self.moved]

        def read(returned: Any, of: Callable[[Any], Any]) -> Any:
            return self._claimed(returned, before, [self._now(i, x, of) for i, x in
                                                    zip(self.moved, given, strict=True)])

        return call._replace(read=read)

    def _now(self, i: int, x: Any, of: Callable[[Any], Any]) -> Any:
        """A parameter after the step, if that works in place."""
        if i >= self.count[0] or self.home is None:
            return of(x)
        name = self.names[i]
        container, key = self.home.places[name][0]
        return value_at(of(container), key)

    def _claimed(self, returned: Any, before: list[Any], after: list[Any]) -> Any:
        """The gradient that a step implies."""
        names = [self.names[i] for i in self.moved]
        if isinstance(returned, Mapping) and not (len(names) == 1 and isinstance(
                before[0], Mapping)):
            parts: list[Any] = [returned.get(name) for name in names]
        elif isinstance(returned, tuple | list) and not isinstance(before[0], tuple | list):
            parts = list(returned)
        else:
            parts = [] if returned is None else [returned]
        new = [a if r is None else r for a, r in zip(after, _fitting(parts, before), strict=True)]
        return {name: _difference(old, renamed(now, old), self.lr)
                for name, old, now in zip(names, before, new, strict=True)}


def _fitting(parts: list[Any], before: list[Any]) -> list[Any]:
    """Of what a step returned, the new parameters in their order; None for those it left in place.

    A loss returned beside them is left out; what fits in two ways is refused.
    """
    shapes = [shapes_in(x) for x in before]
    given = [s if x is None else shapes_in(x) for x, s in zip(parts, shapes, strict=False)]
    if given == shapes and len(parts) == len(shapes):
        return parts
    parts = [x for x in parts if x is not None and shapes_in(x) in shapes]
    if not parts:
        return [None] * len(before)
    if [shapes_in(x) for x in parts] == shapes:
        return parts
    places = [[k for k, s in enumerate(shapes) if s == shapes_in(x)] for x in parts]
    if any(len(p) != 1 for p in places) or len({p[0] for p in places}) < len(places):
        raise ShapeError(f"the step returned {len(parts)} of the {len(before)} parameters, and "
                         "which isn't clear by their shapes: return all of them in order, a dict")
    found: list[Any] = [None] * len(before)
    for (k,), x in zip(places, parts, strict=True):
        found[k] = x
    return found


def _same(a: Any, b: Any) -> bool:
    """Whether two trees hold the same numbers."""
    xs, ys = flat(a), flat(b)
    return len(xs) == len(ys) and all(np.array_equal(value_of(x), value_of(y))
                                      for x, y in zip(xs, ys, strict=True))


def _difference(before: Any, after: Any, lr: float) -> Any:
    leaves = iter(flat(after))
    return tree_map(lambda x: None if x is None else
                    (np.asarray(x, float) - np.asarray(value_of(next(leaves)), float)) / lr, before)


def check_step(step: Callable[..., Any], loss: Callable[..., Any], *args: Any, lr: float,
               wrt: str | int | Sequence[str | int] | None = None, params: Any = None,
               **kwargs: Any) -> Report:
    """Verify one step of gradient descent: parameters minus lr times the gradient of the loss.

    step: a function of the arguments of the loss, by their names, and of the learning rate (`lr`,
    `alpha`, `eta` …), as far as it takes them; it returns the new parameters (one array, a tuple, a
    dict by name), or changes them in place. loss, args, params, kwargs: as in `check_gradient`. lr:
    the learning rate. wrt: the arguments that the step changes; if None, `params`, else those that
    it returns (told by their shapes) or changes in place.

    Returns a `Report`; its entries compare (before - after) / lr with the gradient. An entry `lr`
    is wrong if the right step makes the loss larger, as it does above 2/λ, where λ is the largest
    curvature (Cauchy 1847; Nesterov 2004, section 1.2.3).

    >>> X, y = np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [4.0, 5.0]]), np.array([3.0, 5, 7, 9])
    >>> def loss(w):
    ...     return np.sum((y - X @ w) ** 2) / 2
    >>> def step(w, lr):
    ...     return w + lr * X.T @ (X @ w - y)
    >>> report = check_step(step, loss, np.zeros(2), lr=0.1)
    >>> print(report["w"].suspects[0])
    the step goes uphill: it adds the gradient where it should be subtracted
    >>> print(report["lr"].reason.partition(":")[0])
    lr = 0.1 is more than 2/λ = 0.0239, where λ = 83.76 is the largest curvature of the loss here
    """
    if not (isinstance(lr, float | int) and lr > 0 and np.isfinite(lr)):
        raise ShapeError(f"lr must be a positive number, not {lr!r}")
    form = StepForm(step, loss, args, kwargs, params, float(lr), wrt)
    report = report_on(form, [form.names[i] for i in form.moved])
    entries = [_in_words(form, e) for e in report.entries]
    return replace(report, entries=(*entries, *_rate(form, report)), what="step")


def _in_words(form: StepForm, e: Entry) -> Entry:
    """An entry as of a step; its numbers are those of the gradient that the step implies."""
    if e.given is None or e.expected is None or e.verdict != "wrong":
        return e
    first = e.suspects[0] if e.suspects else Suspect("unknown", "")
    if not np.any(e.given):
        still = replace(first, kind="partial", plain=True, message=f"the step leaves {e.name} as "
                        f"it is: it must return the new {e.name}, or change it in place "
                        f"({e.name} -= …, not {e.name} = {e.name} - …)")
        return replace(e, suspects=(still,))
    if agree(e.given, -e.expected):
        uphill = replace(first, kind="sign", plain=True, message="the step goes uphill: it adds "
                         "the gradient where it should be subtracted", evidence=0.0)
        return replace(e, suspects=(uphill,))
    return replace(e, suspects=tuple(replace(s, message=_of_step(s.message, e.name))
                                     for s in e.suspects))


def _of_step(message: str, name: str) -> str:
    for old, new in STEP_WORDS:
        if old.format(name) in message:
            return message.replace(old.format(name), new.format(name))
    return message


def _rate(form: StepForm, report: Report) -> list[Entry]:
    """Whether the learning rate is too large, by the curvature and by what a right step does."""
    problem = Problem(form, tuple(form.moved))
    if problem.refusal or problem.trouble or any(e.expected is None for e in report.entries):
        return []
    here = problem.value(problem.args)
    true = {form.names[i] + path: g for (i, path), (g, _) in problem.engine.items()}
    before = {form.names[i] + path: problem.argument(i, path) for i, path in problem.places}
    there = problem.value(with_arrays(problem.args, form.names, {
        name: np.asarray(x) - form.lr * true[name] for name, x in before.items()}))
    curvature = _largest_curvature(problem, form)
    too_large = curvature > 0 and form.lr > 2 / curvature
    facts: dict[str, Any] = {"expected": None, "given": None}
    if not too_large:
        told = f" < 2/λ = {2 / curvature:.3g}" if curvature > 0 else ""
        if np.isfinite(there) and there <= here + 1e-12 * abs(here):
            return [Entry("lr", "right", f"lr = {form.lr:g}{told}: a right step takes the loss "
                          f"from {here:.6g} to {there:.6g}", **facts)]
        return [Entry("lr", "wrong", f"lr = {form.lr:g}{told}, but even a right step takes the "
                      f"loss from {here:.6g} up to {there:.6g}: it is too large for where it leads",
                      **facts)]
    reason = (f"lr = {form.lr:g} is more than 2/λ = {2 / curvature:.3g}, where λ = {curvature:.4g} "
              "is the largest curvature of the loss here: each step overshoots further than the "
              f"one before; a right step takes the loss from {here:.6g} to {there:.6g}")
    return [Entry("lr", "wrong" if not there < here else "right", reason, **facts)]


def _largest_curvature(problem: Problem, form: StepForm) -> float:
    """The eigenvalue of the Hessian that is largest in size, by the power method."""
    moved = [problem.args[i] for i in form.moved]
    vector, unflatten = flatten(moved)

    def loss(v: Any) -> Any:
        given = list(problem.args)
        for i, x in zip(form.moved, unflatten(v), strict=True):
            given[i] = x
        return first_of((problem.written or problem.loss)(*given))

    v, found = np.random.default_rng(0).normal(size=vector.size), 0.0
    product = hvp(loss)
    try:
        for _ in range(TURNS):
            size = float(np.linalg.norm(v))
            if not size or not np.isfinite(size):
                return 0.0
            v = v / size
            Hv = np.asarray(value_of(product(vector, v)), float)
            found, v = float(v @ Hv), Hv
    except Exception:
        return 0.0
    return found
