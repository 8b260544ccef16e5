"""A program is a cache of traces: what a function of Values did, replayed for other numbers."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import transforms
from ..argnums import positions
from ..call import is_inside_transform
from ..errors import GraphError, ShapeError
from ..graph import Node
from ..recording import current_tracer
from ..trees import flat, is_nested, tree_map
from .forms import Numbers, compact, numbers_and_form
from .guards import GUARD_FAILED
from .listing import listing, summary
from .replay import Replay
from .trace import Trace
from .transform import Transforms
from .values import as_values

__all__ = ["Program"]

MOST_TRACES = 64
"""How many traces are kept for each form of the arguments, and for how many forms."""


class Program:
    """What `compile` returns; see there. Call it as the function it was made from."""

    def __init__(self, function: Callable[..., Any], *, batched: Sequence[int] = (),
                 reduce: str | None = None, parameters: Sequence[Any] | None = None,
                 branches: str = "record", steps: tuple[tuple[str, Any], ...] = ()) -> None:
        self.function, self.reduce, self.branches, self.steps = function, reduce, branches, steps
        self.parameters = list(parameters) if parameters is not None else None
        self.batched = tuple(i + (parameters is not None) for i in batched)
        self._replays: dict[Any, list[Replay]] = {}
        self.__name__ = getattr(function, "__name__", "program")

    def transformed(self, name: str, argnums: Any) -> Program:
        """This program, then `grad`, `value_and_grad` or `jacobian`: what those functions call."""
        argnums = positions(self.function, argnums, before=self.parameters is not None)
        new = Program(self.function, reduce=self.reduce, branches=self.branches,
                      steps=(*self.steps, (name, argnums)))
        new.batched, new.parameters = self.batched, self.parameters
        return new

    def __call__(self, *args: Any) -> Any:
        """The function's result for these arguments, replayed."""
        observed = is_inside_transform() or current_tracer() is not None
        if observed or any([_has_nodes(x) for x in args]):
            return self._eager()(*args)  # others differentiate, or record, what it does
        given = self._checked(args)
        inputs, form = numbers_and_form(given, self.batched)
        try:
            replays = self._valid(form)
        except TypeError as error:
            raise GraphError(f"{self.__name__}: an argument that isn't made of floats is part of "
                             f"the program, and must be hashable: {error}") from None
        for replay in replays:
            result = replay.run(inputs)
            if result is not GUARD_FAILED:
                if replay is not replays[0]:
                    self._replays[form] = [replay, *[r for r in replays if r is not replay]]
                return result
        if replays and self.branches == "raise":
            raise GraphError(
                f"{self.__name__}: a comparison came out differently from when the program was "
                "recorded; compile it with branches='record' to record every way, or write the "
                "choice with ag.where or ag.maximum, which hold for all numbers"
            )
        return self._retrace(given, inputs, form)

    def _valid(self, form: Any) -> list[Replay]:
        """The traces for this form of arguments that still are the function's."""
        return [replay for replay in self._replays.get(form, [])
                if replay.trace.references.unchanged()]

    def _checked(self, args: Sequence[Any]) -> Sequence[Any]:
        """The arguments: all there, parameters in an array, and floats to differentiate."""
        needed = max([*self.batched, 0 if self.parameters is not None else -1])
        if len(args) <= needed:
            raise TypeError(f"{self.__name__} needs at least {needed + 1} arguments, "
                            f"got {len(args)}" + self._parameters_first())
        given = list(args)
        if self.parameters is not None:
            given[0] = np.asarray(args[0], float)
            if given[0].shape != (len(self.parameters),):
                raise ShapeError(f"{self.__name__} has {len(self.parameters)} parameters, the "
                                 f"first argument has shape {given[0].shape}")
        for _, argnums in self.steps:
            for i in (argnums,) if isinstance(argnums, int) else argnums:
                if not -len(args) <= i < len(args):
                    raise ShapeError(f"argnums {i} for a call with {len(args)} arguments"
                                     + self._parameters_first())
                if type(given[i]) is not np.ndarray:
                    given[i] = tree_map(_float, given[i])
        return given

    def _parameters_first(self) -> str:
        """A reminder for error messages."""
        return " (the first one is the array of parameters)" if self.parameters is not None else ""

    def _retrace(self, args: Sequence[Any], inputs: Numbers, form: Any) -> Any:
        """Record for these arguments, keep the trace, and give its result."""
        replay = self._recorded(args)
        result = replay.run(inputs)
        if result is not GUARD_FAILED:
            kept = self._valid(form)
            # With a node that can't be found, the function may use another one next time.
            if not replay.trace.references.missing:
                kept.insert(0, replay)
            self._replays[form] = kept[:MOST_TRACES]
            while len(self._replays) > MOST_TRACES:
                self._replays.pop(next(iter(self._replays)))
            return result
        if self.batched:
            raise GraphError(
                f"{self.__name__}: the samples of this batch take different ways through the "
                "function's comparisons: write the choice with ag.where or ag.maximum, or compile "
                "it for one sample and call it for each"
            )
        if self.parameters is not None:
            raise GraphError(
                f"{self.__name__}: a comparison is so close that the machine's rounding decides "
                "it: write the choice with ag.where or ag.maximum"
            )
        # So close to a tie that the machine's rounding decides it: then the engine's counts.
        return self._eagerly(args)

    def _recorded(self, args: Sequence[Any]) -> Replay:
        """A new trace for these arguments, ready to be replayed."""
        steps = Transforms(self.__name__, self.steps, self.batched, self.reduce)
        by_function = None if self.batched or self.parameters is not None else self._eagerly
        return Replay(Trace(self, args), steps, self.reduce, by_function)

    def _eagerly(self, args: Sequence[Any]) -> Any:
        """The result for plain arguments by calling the function itself, on Values."""
        def entries(x: Any) -> Any:
            if not isinstance(x, np.ndarray):
                return x
            return as_values(np.asarray(x, float).ravel().tolist(), x.shape)

        found = self._eager()(*[tree_map(entries, x) for x in args])
        return compact(tree_map(lambda y: y.value if isinstance(y, Node) else y, found), float)

    def _eager(self) -> Callable[..., Any]:
        """The function with its transforms, uncompiled: for nodes, which record themselves."""
        if self.parameters is not None or self.batched:
            raise GraphError("a program over a batch, or of parameters, takes plain numbers, and "
                             "not inside a transform or another program")
        function = self.function
        for name, argnums in self.steps:
            function = getattr(transforms, name)(function, argnums)
        return function

    # ── parameters as one flat array ─────────────────────────────────────────────────────────

    def flat(self) -> np.ndarray:
        """The numbers of the `parameters`, one after the other, in a new array."""
        return np.array([p.value for p in self._parameters()], float)

    def store(self, numbers: np.ndarray) -> None:
        """Write numbers such as `flat()` gives back into the parameters."""
        parameters = self._parameters()
        if np.shape(numbers) != (len(parameters),):
            raise ShapeError(f"{len(parameters)} numbers are needed, got {np.shape(numbers)}")
        for p, x in zip(parameters, np.asarray(numbers, float).tolist(), strict=True):
            p.data = x

    def _parameters(self) -> list[Any]:
        if self.parameters is None:
            raise GraphError("the program was compiled without parameters=")
        return self.parameters

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_replays": {}}  # a copy records for itself

    # ── looking at it ────────────────────────────────────────────────────────────────────────

    def __repr__(self) -> str:
        inside = "; ".join(map(summary, self._all())) or "not recorded yet: call it"
        return f"<program {self.__name__}: {inside}>"

    def __str__(self) -> str:
        """One line an instruction, of each trace."""
        return "\n\n".join(map(listing, self._all())) or repr(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def _all(self) -> list[Replay]:
        return [replay for replays in self._replays.values() for replay in replays]


def _has_nodes(x: Any) -> bool:
    """Whether there is a node in an argument."""
    if type(x) is float or (type(x) is np.ndarray and x.dtype != object):
        return False
    if is_nested(x):
        return any(isinstance(y, Node) for y in flat(x))
    return isinstance(x, Node)


def _float(x: Any) -> Any:
    """A number as a float; an array, or what is no number, as it is."""
    return float(x) if isinstance(x, int | np.number) and not isinstance(x, complex) else x
