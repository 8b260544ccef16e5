"""A loss and its gradient in the forms in which people write them, brought to one.

The checks want a function of positional arguments that returns one number. What is written may
take arguments by keyword, return `(loss, cache)` or `(loss, gradient)`, keep its parameters in an
object, and its gradient may be a `backward(dout, cache)` or a method that stores what it finds.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..backprop import copy_if_array
from ..errors import ShapeError
from ..graph import value_of
from ..trees import flat, tree_leaves, tree_map
from .objects import Home, parameters_of

__all__ = ["Called", "Form", "Words", "copied", "first_of", "fitting", "parameters_named",
           "shapes_in", "wanted"]

CACHE = ("cache", "caches", "ctx", "saved", "residuals", "res", "memory", "intermediates", "state")
COTANGENT = ("dout", "d_out", "dOut", "upstream", "grad_output", "grad_out", "cotangent")
OUTPUT = ("out", "output", "ans", "result")  # of a function of any shape


class Called(NamedTuple):
    """One call of the gradient's function: with what, in which state, and what it claims."""

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    around: Callable[[], Any]  # a context, in which it is called
    read: Callable[[Any, Callable[[Any], Any]], Any]  # (what it returned, copies of objects)


class Form:
    """A loss, its gradient and their arguments as they were given, and as the checks use them.

    params: parameters that live in objects, by name; they are the first of the `args` here.
    """

    seed: Any = 1.0  # the cotangent of what the loss returns
    gives_arguments = False  # whether what is returned is of the arguments alone
    skipped = 0  # parameters of the loss that aren't arguments, such as a context
    opaque = ""  # why the engine needn't be asked

    def __init__(self, loss: Any, gradient: Any, args: Sequence[Any], kwargs: Mapping[str, Any],
                 params: Any = None) -> None:
        self.loss, self.gradient = loss, gradient
        bound = any(inspect.ismethod(f) for f in (loss, gradient))
        self.home = Home({} if params is None else parameters_of(params), loss, gradient
                         ) if bound or params is not None else None
        if self.home is not None and not isinstance(params, Mapping):
            self.home.keep_only(partial(self._reads, args, kwargs))
        held = {} if self.home is None else {
            name: copied(x) for name, x in self.home.params.items()}
        self.constants: dict[str, Any] = {}  # arrays besides, which a gradient may be made of
        self.keywords = _in_order(loss, kwargs)
        self.count = len(held), len(args)
        named = argument_names(loss, len(args) + self.skipped)[self.skipped:]
        self.names = [*held, *named, *self.keywords]
        if twice := [name for name in held if self.names.count(name) > 1]:
            raise ShapeError(f"{twice[0]!r} is a name in params and of an argument: rename one")
        self.args = (*held.values(), *args, *(kwargs[name] for name in self.keywords))
        self.returns_both = gradient is True or gradient is loss
        self.by_name = callable(gradient) and not self.returns_both and self._is_by_name()

    def number_of(self, loss: Any) -> Callable[..., Any]:
        """The loss, or what runs it in another way, as a function of all arguments by position."""
        if self.home is None and not self.keywords:
            return loss  # type: ignore[no-any-return]

        def positional(*args: Any) -> Any:
            with self._placed(args):
                given, named = self._given(args)
                return loss(*given, **named)

        return positional

    def _given(self, args: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as the loss takes them."""
        held, count = self.count
        rest = tuple(args[held:])
        return rest[:count], dict(zip(self.keywords, rest[count:], strict=True))

    def _placed(self, args: Sequence[Any]) -> Any:
        """A block in which the parameters have the numbers that are among the arguments."""
        if self.home is None:
            return nullcontext()
        return self.home.holding(dict(zip(self.home.params, args, strict=False)))

    # ── the gradient ─────────────────────────────────────────────────────────────────────────

    def claim(self, args: Sequence[Any]) -> Any:
        """What the gradient says at some arguments, which it may change."""
        if not callable(self.gradient) and not self.returns_both:
            return self.gradient
        call = self.called(args)
        with call.around():  # after it, what is stored is as it was before
            return copied(call.read(call.function(*call.args, **call.kwargs), lambda x: x))

    def called(self, args: Sequence[Any]) -> Called:
        """The call of the gradient's function at some arguments."""
        given, named = self._given(args)
        if self.returns_both:
            return Called(self.loss, given, named, lambda: self._placed(args), self._second)
        if not callable(self.gradient):
            raise TypeError("the gradient isn't a function")
        if not self.by_name:
            return Called(self.gradient, given, named, lambda: self._placed(args), self._read)
        around: Any = nullcontext
        with self._placed(args):
            returned = self.forward(copied(given), copied(named))
            if self.home is not None:  # what the forward pass keeps is of this point
                around = partial(self.home.in_state, self.home.state())
        taken, by_keyword = self.taken(Words(self.names, args, *returned, copied(self.seed)))
        return Called(self.gradient, taken, by_keyword, around, self._read)

    def forward(self, given: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, Any]:
        """(what the loss returns, what it keeps for its gradient)."""
        returned = self.loss(*given, **named)
        if isinstance(returned, tuple) and len(returned) > 1:
            first, *rest = returned
            return first, rest[0] if len(rest) == 1 else tuple(rest)
        return returned, None

    def rounding(self, x: Any) -> Any:
        """What the rounding of the claim for an argument comes from besides: of a step the argument
        itself.
        """
        return 0.0

    def _reads(self, args: Sequence[Any], kwargs: Mapping[str, Any], changed: Mapping[str, Any]
               ) -> bool:
        """Whether the forward pass gives something else with other numbers in some places."""
        assert self.home is not None
        results = []
        for values in ({}, changed):
            with self.home.holding(values), np.errstate(all="ignore"):
                results.append(flat(self.forward(copied(args), copied(kwargs))[0]))
        return not all(np.array_equal(value_of(x), value_of(y))
                       for x, y in zip(*results, strict=True))

    def taken(self, words: Words) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that the gradient's function is called with."""
        return words.taken(self.gradient)

    def _read(self, returned: Any, of: Callable[[Any], Any]) -> Any:
        """The claim: what was returned, or, if that is nothing, what was stored."""
        if self.home is None:
            return self._without_loss(returned)
        stored = self.home.gradients(of)
        parts = returned if isinstance(returned, tuple | list) else (returned,)
        rest = self.names[self.count[0]:]
        if not stored and not isinstance(returned, Mapping) and returned is not None and (
                self.gives_arguments or len(parts) != len(self.home.params)) and rest:
            # Of the arguments, not of what is held, for which there is nothing then.
            return dict.fromkeys(self.home.params) | dict(zip(rest, parts, strict=False))
        if isinstance(returned, Mapping) or not stored:
            return self._without_loss(returned)
        asked = dict.fromkeys(self.home.params) | stored
        for name, g, x in zip(rest, parts, self.args[self.count[0]:], strict=False):
            again = any(g is s or (np.shape(g) == np.shape(s) and np.array_equal(g, s))
                        for s in stored.values())  # what is stored is returned, too
            if g is not None and np.shape(value_of(g)) == np.shape(x) and not again:
                asked[name] = g
        return asked

    def _without_loss(self, returned: Any) -> Any:
        """The gradient of what returned it as (loss, gradient) beside a loss of its own.

        The first is one number, the loss's own, where the first argument is an array.
        """
        if not isinstance(returned, tuple) or len(returned) < 2 or not self.args:
            return returned
        first = value_of(returned[0])
        if np.ndim(first) or not _is_number(first) or not np.ndim(value_of(self.args[0])):
            return returned
        given, named = self._given(self.args)
        loss = value_of(self.forward(copied(given), copied(named))[0])
        if np.size(loss) != 1 or abs(float(np.sum(loss)) - float(first)) > 1e-9 * abs(float(first)):
            return returned
        return returned[1] if len(returned) == 2 else tuple(returned[1:])

    def _second(self, returned: Any, of: Callable[[Any], Any]) -> Any:
        """The gradient that a function returned beside its loss."""
        if not isinstance(returned, tuple | list) or len(returned) < 2:
            raise ShapeError("the function must return (loss, gradient), as for SciPy's jac=True; "
                             f"it returned a {type(returned).__name__}")
        return returned[1] if len(returned) == 2 else tuple(returned[1:])

    def _is_by_name(self) -> bool:
        """Whether the gradient's function takes other arguments than the loss."""
        needed = wanted(self.gradient)
        if needed is None:
            return False
        taken = self.names[self.count[0]:]
        others = set(needed).difference(self.names)
        if others.intersection(COTANGENT) or any(
                name in taken and taken.index(name) != at for at, name in enumerate(needed)):
            return True  # or the same arguments in another order
        given, named = self._given(self.args)
        try:
            inspect.signature(self.gradient).bind(*given, **named)
        except TypeError:
            return True
        if not others.intersection(CACHE):
            return False
        with self._placed(self.args):
            return self.forward(copied(given), copied(named))[1] is not None


class Words:
    """What the parameters of a gradient's function stand for, by their names."""

    def __init__(self, names: Sequence[str], args: Sequence[Any], output: Any, cache: Any,
                 seed: Any) -> None:
        self.values = dict(zip(names, args, strict=True))
        self.output, self.cache, self.seed = output, cache, seed
        self.arrives = False  # whether the seed is a cotangent, and not only the 1 of a loss

    def taken(self, function: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that a function is called with; raises `ShapeError` if one isn't known."""
        needed = wanted(function, {*self.values, *COTANGENT, *CACHE}) or {}
        if self.cache is None:
            needed = {n: p for n, p in needed.items() if n not in CACHE or p.default is p.empty}
        values, rest = {}, []
        for name in needed:
            found = self._meant(name)
            if found is None:
                rest.append(name)
            else:
                values[name] = found[0]
        used = {id(v) for v in values.values()}
        left = [x for x in (self.seed, self.cache) if x is not None and id(x) not in used]
        if len(rest) == 1 and self.cache is not None:
            left = left[-1:]
        if len(rest) > len(left) or (rest and self.cache is None and not self.arrives):
            raise ShapeError(f"the gradient's function takes {', '.join(needed)}; what "
                             f"{' and '.join(rest)} should be isn't known: name its parameters as "
                             f"the loss does ({', '.join(self.values)}), or dout and cache")
        values |= dict(zip(rest, left, strict=False))  # backward(dZ, cache)
        by_keyword = {n for n, p in needed.items() if p.kind is p.KEYWORD_ONLY}
        return (tuple(values[n] for n in needed if n not in by_keyword),
                {n: values[n] for n in by_keyword})

    def _meant(self, name: str) -> tuple[Any] | None:
        """What a name stands for, in a tuple; None if that isn't known."""
        if name in self.values:
            return (self.values[name],)
        if name in CACHE and self.cache is not None:
            return (self.cache,)
        if name in COTANGENT:
            return (self.seed,)
        if isinstance(self.cache, Mapping) and name in self.cache:
            return (self.cache[name],)
        return (self.output,) if name in OUTPUT and self.arrives else None


def wanted(function: Any, known: Collection[str] = ()) -> dict[str, inspect.Parameter] | None:
    """The parameters that a function must be given, and those that are known; None if it can't say.
    """
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in found.values()):
        return None
    return {n: p for n, p in found.items()
            if (p.default is p.empty or n in known) and p.kind is not p.VAR_KEYWORD}


def parameters_named(function: Any) -> list[str]:
    """The names of a function's parameters, as far as its signature is known."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """The names of the positional arguments, as far as the signature gives them."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p.name for p in parameters
             if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*named, *(f"argument {i}" for i in range(len(named), count))][:count]


def _in_order(function: Any, kwargs: Mapping[str, Any]) -> list[str]:
    """The names of keywords, in the order in which the function has them."""
    order = parameters_named(function)
    return sorted(kwargs, key=lambda name: order.index(name) if name in order else len(order))


def fitting(parts: Sequence[Any], args: Sequence[Any]) -> list[int]:
    """The positions of the arguments that have the shapes of some arrays, in their order: the first
    ones, or the only others. Raises `ShapeError` where others could be meant, too.
    """
    shapes, own = [shapes_in(x) for x in parts], [shapes_in(x) for x in args]
    first = list(range(len(parts)))
    if own[:len(parts)] == shapes:
        return first
    found = [list(some) for some in itertools.combinations(range(len(args)), len(parts))
             if [own[k] for k in some] == shapes] if len(args) <= 12 else []
    if len(found) > 1:
        raise ShapeError("which arguments these are for isn't clear by their shapes: say wrt=, "
                         "or give a dict by name")
    return found[0] if found else first


def shapes_in(x: Any) -> list[tuple[str, tuple[int, ...]]]:
    """(path, shape) of each array in an argument."""
    return [(path, np.shape(value_of(leaf))) for path, leaf in tree_leaves(x)]


def first_of(returned: Any) -> Any:
    """The loss of what returns (loss, cache) or (loss, gradient)."""
    if isinstance(returned, tuple) and len(returned) > 1 and _is_number(returned[0]):
        return returned[0]
    return returned


def _is_number(x: Any) -> bool:
    x = value_of(x)
    return isinstance(x, np.ndarray | np.generic | float | int) and np.size(x) == 1


def copied(tree: Any) -> Any:
    """A copy that a function may change; of a node its numbers."""
    return tree_map(lambda x: copy_if_array(value_of(x)), tree)
