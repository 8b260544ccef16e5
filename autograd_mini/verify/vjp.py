"""check_vjp: a backward pass of a function of any shape, with a cotangent that arrives."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MethodType
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..graph import value_of
from ..trees import flat, tree_map
from .engines import Context, foreign
from .forms import CACHE, COTANGENT, OUTPUT, Form, Words, copied, wanted
from .gradient import report_on
from .objects import parameters_of
from .report import Report
from .reruns import moved, with_reruns

__all__ = ["VjpForm", "check_vjp"]

SEED = 8_163_297_405


class VjpForm(Form):
    """A function and its backward pass; the loss is the sum of its results times a cotangent."""

    gives_arguments = True
    unstored: tuple[str, ...] = ()  # arrays of a layer for which there is no gradient
    fresh = False  # whether the forward pass is run at the arguments alone, before backward

    def __init__(self, f: Any, vjp: Any, args: Sequence[Any], kwargs: Mapping[str, Any],
                 params: Any = None) -> None:
        pair = f if vjp is None else vjp
        self.has_context = _takes_context(pair)
        self.is_pair = vjp is None  # f is the forward pass of its own backward pass
        self.skipped = int(self.has_context and self.is_pair)
        forward, backward, self.opaque, holder = _opened(f, vjp)
        self.keeper = _forward_of(pair) if _is_pair(pair) else forward  # keeps what backward needs
        super().__init__(forward, backward, args, kwargs, holder if params is None else params)
        if params is None and holder is not None:
            self._keep_only_stored(forward, backward, args, kwargs)
        with self._placed(self.args):
            given, named = self._given(copied(self.args))
            self.seed = self._seed_for(self.forward(given, named)[0])
        if isinstance(self.seed, np.ndarray):
            self.constants = {_cotangents_name(backward): self.seed}

    def _keep_only_stored(self, forward: Any, backward: Any, args: Sequence[Any],
                          kwargs: Mapping[str, Any]) -> None:
        """Leave out the arrays of a layer beside which no gradient is stored: statistics, masks."""
        assert self.home is not None
        with self._placed(self.args):
            given, named = self._given(copied(self.args))
            self.seed = self._seed_for(self.forward(given, named)[0])
        call = self.called(copied(self.args))
        with call.around():
            call.function(*call.args, **call.kwargs)
            stored = self.home.gradients(lambda x: x)
        kept = {name: x for name, x in self.home.params.items() if name in stored}
        self.unstored = tuple(name for name in self.home.params if name not in stored)
        super().__init__(forward, backward, args, kwargs, kept or None)

    def _seed_for(self, output: Any) -> Any:
        """A cotangent for the function's results; the 1 of a loss, if its backward takes none."""
        # Not the seed 0, by which people draw their arguments: the cotangent would be one of these.
        rng = np.random.default_rng(SEED)
        return 1.0 if self._takes_nothing(output) else tree_map(lambda y: _drawn(rng, y), output)

    def _takes_nothing(self, output: Any) -> bool:
        """Whether the backward pass of one number, as of a loss layer, takes no cotangent."""
        needed = wanted(self.gradient, COTANGENT)
        return needed is not None and np.size(value_of(output)) == 1 and not [
            n for n in needed if n not in (*self.names, *CACHE, *OUTPUT)]

    def number_of(self, loss: Any) -> Callable[..., Any]:
        """⟨f(arguments), cotangent⟩."""
        if self.skipped:
            run = super().number_of(lambda *given, **named: loss(Context(len(given)), *given,
                                                                 **named))
        else:
            run = super().number_of(loss)
        return lambda *args: _paired(self._taken_apart(run(*args), args)[0], self.seed)

    def forward(self, given: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, Any]:
        """(what the function returns, what it keeps for its backward pass)."""
        if not self.has_context:
            if self.home is not None and not self.fresh:  # so that what it keeps from it shows
                self.keeper(*moved(given), **copied(named))
            return self._taken_apart(self.keeper(*given, **named), [*given, *named.values()])
        context = Context(len(given))
        return self.keeper(context, *given, **named), context

    def _taken_apart(self, returned: Any, args: Sequence[Any]) -> tuple[Any, Any]:
        """(output, cache): a pair whose second part is no array, holds arguments, or is asked for.
        """
        if not isinstance(returned, tuple) or len(returned) != 2:
            return returned, None
        own = {id(x) for x in flat(list(args))}
        holds = any(id(x) in own for x in flat(returned[1]))
        if callable(returned[1]) or not _are_numbers(returned[1]) or holds or set(
                CACHE).intersection(wanted(self.gradient) or ()):
            return returned
        return returned, None

    def taken(self, words: Words) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """By the names of its parameters; else the cotangent, and then the function's arguments."""
        given, named = self._given([words.values[name] for name in self.names])
        needed, words.arrives = wanted(self.gradient), True
        if needed is not None and not self._is_positional(list(needed), len(given)):
            return words.taken(self.gradient)
        return (copied(self.seed), *given), named

    def _is_positional(self, needed: list[str], count: int) -> bool:
        """Whether it is (g, *arguments) under names of its own."""
        if len(needed) != 1 + count:
            return False
        other = [k for k, name in enumerate(needed) if name not in self.names]
        strict = [name for name in needed if name in COTANGENT and name not in self.names]
        kept = [name for name in needed if name in (*CACHE, *OUTPUT) and name not in self.names]
        return not strict and not (kept and len(other) == 2) and other != [0]

    def _second(self, returned: Any, of: Callable[[Any], Any]) -> Any:
        """The gradient that a function returned as a pullback beside its result."""
        second = super()._second(returned, of)
        return second(copied(self.seed)) if callable(second) else second

    def _read(self, returned: Any, of: Callable[[Any], Any]) -> Any:
        """The claim; of `lambda y, x: lambda g: …`, what the inner function returns."""
        returned = returned(copied(self.seed)) if callable(returned) else returned
        names = self.names[self.count[0]:]
        if isinstance(returned, tuple) and len(returned) == len(names) and any(
                g is None for g in returned):  # what has no gradient isn't checked
            returned = {n: g for n, g in zip(names, returned, strict=True) if g is not None}
        return super()._read(returned, of)

    def _is_by_name(self) -> bool:
        return True


def check_vjp(f: Any, vjp: Any, *args: Any, wrt: str | int | Sequence[str | int] | None = None,
              params: Any = None, **kwargs: Any) -> Report:
    """Verify the backward pass of a function of any shape, for a cotangent that is drawn by lot.

    f: a function of arrays, in NumPy; its result may be (output, cache). vjp: what computes the
    gradients of sum(g * f(*args)), called as vjp(g, *args), or by the names of its parameters:
    those of f, `dout` or `grad_output` for g, `cache` or `ctx` for what f kept, `out` or `ans` for
    its output. It returns one array, a tuple in the order of the arguments (None for what has no
    gradient), or a dict by name. Or True, where f returns (output, pullback).
    f, and in vjp's place its first argument, may also be an object or a class with `forward` and
    `backward`: a layer that keeps its parameters and gradients, a pair of static methods with a
    `ctx`, a torch.autograd.Function, a function of jax.custom_vjp. vjp may be one of these beside a
    NumPy function that it should agree with.
    wrt, params, kwargs: as in `check_gradient`.

    Returns a `Report`. Raises as `check_gradient` does.

    >>> def softmax(z):
    ...     e = np.exp(z - np.max(z))
    ...     return e / np.sum(e)
    >>> def backward(dout, z):
    ...     s = softmax(z)
    ...     return s * (1 - s) * dout
    >>> report = check_vjp(softmax, backward, np.array([0.5, -1.0, 2.0]))
    >>> report.verdict, report["z"].suspects[0].kind
    ('wrong', 'wrong-local-derivative')
    """
    own = _brings_backward(f) and not (callable(vjp) or vjp is True or _brings_backward(vjp))
    if own:
        args, vjp = (vjp, *args), None
    elif not callable(vjp) and vjp is not True and not _brings_backward(vjp):
        raise DTypeError("check_vjp needs the function's backward pass: vjp(g, *args), or an "
                         f"object with forward and backward, not a {type(vjp).__name__}")
    return _report(f, vjp, args, kwargs, params, wrt)


def _report(f: Any, vjp: Any, args: Sequence[Any], kwargs: Mapping[str, Any], params: Any, wrt: Any
            ) -> Report:
    form = VjpForm(f, vjp, args, kwargs, params)
    lengths = {np.shape(x)[0] for x in args if np.ndim(x) > 1}

    def of_first() -> Report:
        (n,) = lengths
        first = [x[:1] if np.shape(x)[:1] == (n,) else x for x in args]
        return report_on(VjpForm(f, vjp, first, kwargs, params), wrt)

    report = report_on(form, wrt)
    if form.unstored:
        note = (f"no gradient was found for {', '.join(form.unstored)}, which the layer reads: "
                "they weren't checked (params= names what has one)")
        report = replace(report, notes=(*report.notes, note))
    if params is None and form.home is not None and (inner := form.home.inner(f, vjp)):
        note = (f"the layer holds {', '.join(inner)}, whose arrays weren't checked: params= names "
                "those that are parameters")
        report = replace(report, notes=(*report.notes, note))
    return with_reruns(form, report, of_first if len(lengths) == 1 and lengths != {1} else None)


def _opened(f: Any, vjp: Any) -> tuple[Any, Any, str, Any]:
    """(forward, backward, why the engine can't follow forward, what holds the parameters)."""
    source = f if vjp is None else vjp
    if (engine := foreign(source)) is not None:
        forward, backward, name = engine
        return (forward, backward, name, None) if vjp is None else (f, backward, "", None)
    if not _is_pair(source):
        return f, vjp, "", None
    holder = None if isinstance(source, type) or not _has_arrays(source) else source
    forward = _forward_of(source) if vjp is None else f
    return forward, source.backward, "", holder


def _is_pair(f: Any) -> bool:
    return foreign(f) is None and callable(getattr(f, "backward", None)) and callable(
        _forward_of(f))


def _forward_of(pair: Any) -> Any:
    """The forward pass of an object or a class with a backward pass: `forward`, or the call."""
    forward = getattr(pair, "forward", None)
    if forward is not None or isinstance(pair, type) or not callable(pair):
        return forward
    return MethodType(type(pair).__call__, pair)


def _brings_backward(f: Any) -> bool:
    return foreign(f) is not None or _is_pair(f)


def _takes_context(f: Any) -> bool:
    """Whether it is a class with static methods, the first argument of which is a context."""
    if not isinstance(f, type) or not _is_pair(f):
        return False
    names = list(inspect.signature(f.forward).parameters)  # type: ignore[attr-defined]
    return names[:1] == ["ctx"]


def _has_arrays(x: Any) -> bool:
    try:
        return bool(parameters_of(x))
    except ShapeError:
        return False


def _are_numbers(x: Any) -> bool:
    return all(isinstance(value_of(part), np.ndarray | np.generic | float | int)
               for part in ([x] if not isinstance(x, tuple | list) else x)) and x is not None


def _drawn(rng: np.random.Generator, y: Any) -> Any:
    """A cotangent for a result."""
    y = value_of(y)
    if not isinstance(y, np.ndarray | np.generic | float | int) or np.iscomplexobj(y):
        raise DTypeError(f"the function returned a {type(y).__name__}; real numbers are needed, or "
                         "(output, cache)")
    g = rng.normal(size=np.shape(y))
    return g if np.ndim(y) else float(g)


def _paired(output: Any, seed: Any) -> Any:
    """The sum of all results, each times its cotangent."""
    parts, seeds = flat(output), flat(seed)
    if [np.shape(value_of(y)) for y in parts] != [np.shape(g) for g in seeds]:
        raise ShapeError("the function's results have other shapes at other arguments")
    total: Any = 0.0
    for y, g in zip(parts, seeds, strict=True):
        total = total + np.sum(y * g)
    return total


def _cotangents_name(backward: Any) -> str:
    """What a backward pass calls the gradient that arrives."""
    names = list(wanted(backward) or ()) if callable(backward) else []
    return next((n for n in names if n in COTANGENT), names[0] if names else "dout")
