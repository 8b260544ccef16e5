"""check_gradient: which claim is for which argument, the verdicts, the causes, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np

from ..errors import GradientError, ShapeError
from ..graph import value_of
from .diagnosis.explain import explained
from .forms import Form, copied, fitting, parameters_named
from .names import meant
from .objects import Home
from .problem import Problem
from .report import Entry, Report
from .verdict import check_tree
from .weak_checks import notes_on

__all__ = ["assert_gradient", "check_gradient"]

SMALL = 100_000  # entries of an array that a loss can reach, up to which its numbers are put back


def _positions(wrt: Any, form: Form, claim: Any) -> list[int]:
    """Which arguments the gradient is claimed for, by position."""
    names, args, held = form.names, form.args, form.count[0]
    if not args:
        raise ShapeError("there is nothing to check: the loss was given no arguments")
    if wrt is None:
        if isinstance(claim, Mapping) and claim and (found := meant(claim, names)):
            wrt = list(found.values())
        elif held:
            wrt = range(held)
        elif isinstance(claim, tuple) and _is_array(args[0]):
            wrt = fitting(claim, args) if len(claim) <= len(args) else range(len(claim))
        elif _are_several(claim, args):
            wrt = fitting(claim, args)
        else:
            wrt = [0]
    wrt = list(wrt) if isinstance(wrt, Iterable) and not isinstance(wrt, str) else [wrt]
    if not wrt:
        raise ShapeError(f"there is nothing to check: wrt is empty (the arguments are {names})")
    for name in wrt:
        if isinstance(name, bool) or not (
                0 <= int(name) < len(names) if isinstance(name, Integral) else
                isinstance(name, str) and name in names):
            raise ShapeError(f"wrt names {name!r}, but the loss's arguments are {names}")
    return [names.index(name) if isinstance(name, str) else int(name) for name in wrt]


def _claims(claim: Any, wrt: list[int], names: list[str], args: Sequence[Any]) -> list[Any]:
    """The claimed gradient of each argument of `wrt`."""
    keys = [names[i] for i in wrt]
    if claim is None:
        raise ShapeError("the gradient is None: is a `return` missing?")
    if isinstance(claim, Mapping):
        by_name = {name: claim[key] for key, name in meant(claim, names).items()}
        if by_name.keys() >= set(keys):
            return [by_name[key] for key in keys]
    if isinstance(claim, tuple | list) and len(wrt) > 1:
        if len(claim) != len(wrt):
            raise ShapeError(f"{len(claim)} gradients were given for {len(wrt)} arguments: {keys}")
        return list(claim)
    if len(wrt) == 1 and isinstance(claim, tuple | list) and len(claim) == 1 and (
            isinstance(claim, tuple) or np.shape(claim) != np.shape(args[wrt[0]])) and (
            isinstance(claim, tuple) or _is_array(args[wrt[0]])):
        return list(claim)
    if len(wrt) == 1 and not (isinstance(claim, tuple) and _is_array(args[wrt[0]])):
        return [claim]
    raise ShapeError(
        f"gradients for {keys} are needed: a tuple in that order or a dict by name, not "
        f"{type(claim).__name__}" + (f" with {sorted(claim)}" if isinstance(claim, Mapping) else "")
    )


def _are_several(claim: Any, args: Sequence[Any]) -> bool:
    """Whether a list is of gradients, one for each argument, and not of numbers."""
    return isinstance(claim, list) and 1 < len(claim) <= len(args) and _is_array(args[0]) and all(
        isinstance(value_of(g), np.ndarray | np.generic) for g in claim)


def _is_array(x: Any) -> bool:
    return not isinstance(x, tuple | list | dict)


def check_gradient(loss: Callable[..., Any], gradient: Any, *args: Any,
                   wrt: str | int | Sequence[str | int] | None = None, params: Any = None,
                   **kwargs: Any) -> Report:
    """Verify a gradient derived by hand.

    loss: plain NumPy code (or code on Values) that returns one number, or (number, cache).
    gradient: a function of the same arguments; or its numbers: one array, a tuple of them, or a
    dict by argument name (`W1`, `dW1`, `grad_W1` …); or a function that takes others by their
    names, such as `backward(dout, cache)`; or True, where the loss returns (number, gradient), as
    for SciPy's jac=True.
    args, kwargs: what both are called with. wrt: the arguments the gradient is for, by name or
    position; if None, the keys of a dict, the first arguments for a tuple, else the first.
    An argument may be a nested tuple, list or dict of arrays; so is its gradient then.
    params: parameters that live in objects which the loss uses, by name, such as {"W": net.W}; or
    such an object. Other numbers are put in their place, and they are put back. Their gradients
    may be stored as net.dW or net.grads["W"]. (A loss with an argument `params` is given it.)

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
    if params is not None and "params" in parameters_named(loss):
        params, kwargs = None, {"params": params} | kwargs
    return report_on(Form(loss, gradient, args, kwargs, params), wrt)


def report_on(form: Form, wrt: Any) -> Report:
    """The report on a gradient, for the arguments of `wrt`."""
    copies = [copied(arg) for arg in form.args]
    claim = form.claim(copies)
    wrt = _positions(wrt, form, claim)
    with Home({}, form.loss).in_state([], SMALL):  # what each of many runs writes outside
        return _judged(form, wrt, claim, copies)


def _judged(form: Form, wrt: list[int], claim: Any, copies: list[Any]) -> Report:
    """The verdicts on what is claimed, and why."""
    names = form.names
    problem = Problem(form, tuple(wrt))
    entries: list[Entry] = []
    for i, claimed in zip(wrt, _claims(claim, wrt, names, form.args), strict=True):
        entries += check_tree(problem, i, names[i], claimed)
    if any(entry.verdict == "wrong" for entry in entries):
        with np.errstate(all="ignore"):
            entries = explained(problem, names, entries, copies,
                                lambda claim: _claims(claim, wrt, names, form.args))
    return Report(tuple(entries), tuple(dict.fromkeys(notes_on(problem, names, entries))),
                  shown=partial(_as_code, form, [copied(arg) for arg in form.args], wrt))


def _as_code(form: Form, args: list[Any], wrt: list[int]) -> str:
    """The backward pass of the loss, printed, or why it can't be."""
    from ..as_code import source

    if form.home is not None or form.keywords:
        return ("the backward pass can't be printed: the loss takes parameters from an object, or "
                "arguments by name alone; give it a function of all of them by position")
    try:
        return str(source(form.loss, *args, wrt=wrt))
    except Exception as error:  # also what the loss raises at other numbers
        return f"the backward pass can't be printed: {error}"


def assert_gradient(loss: Callable[..., Any], gradient: Any, *args: Any,
                    wrt: str | int | Sequence[str | int] | None = None, params: Any = None,
                    **kwargs: Any) -> None:
    """`check_gradient` for tests: raises `GradientError`, with the report, unless it is right.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.assert_gradient(lambda x: np.sum(x**2), lambda x: 2 * x, np.array([1.0, 2.0]))
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    report = check_gradient(loss, gradient, *args, wrt=wrt, params=params, **kwargs)
    if not report.ok:
        raise GradientError(str(report))
