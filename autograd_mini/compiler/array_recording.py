"""A recording of a function of arrays: its text, what it holds for, and how it is run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..call import inside_transform
from ..errors import GraphError
from ..followed import Followed, refuse
from ..graph import Node
from ..ops import common_consumer
from ..recording import traced_by, undisturbed
from ..trees import flat, is_nested, steps_into, tree_map
from .array_backward import differentiate
from .array_recorder import ArrayRecorder, same
from .array_text import FAILED, ArrayText
from .outside import Environment, References, is_plain
from .surroundings import Surroundings
from .witness import Witness

__all__ = ["FAILED", "Recording"]


class Recording:
    """One recording of a function of arrays, and the program that was made of it.

    | field     | what it is                                                                     |
    |-----------|--------------------------------------------------------------------------------|
    | `output`  | what the function gave, with nodes and what is followed in it                  |
    | `text`    | the program, as Python                                                         |
    | `outside` | the Tensors from outside, whose numbers are read in each run                   |
    | `reached` | of each of the wanted whether the first result depends on it                   |
    | `drawn`   | the random arrays of this recording                                            |
    | `lock`    | held while the program is run, for it writes to arrays of its own              |
    | `is_ours` | whether no code but the library's is called by it                              |

    function: called with `arguments(recorder)`, nodes and what is followed; wanted: the nodes of
    which the gradient of the first result is computed; with `into` these are written into arrays
    that are given last. others: what else the function is given, objects and functions. changing:
    see `Surroundings`. watched: whether code of a user's is called. Raises `NotFollowedError` for a
    function that can't be recorded; what it had drawn is then the error's `drawn`.
    """

    def __init__(self, function: Callable[..., Any], arguments: Callable[[ArrayRecorder], Any],
                 wanted: Callable[[Any], Sequence[Any]] | None = None, *, into: bool = False,
                 others: Sequence[Any] = (), changing: dict[int, tuple[str, ...]] | None = None,
                 watched: bool = True) -> None:
        recorder, environment = ArrayRecorder(), Environment(function)
        self.surroundings = recorder.surroundings = Surroundings(
            function, *others, changing=changing, watched=watched)
        self.lock = threading.Lock()
        self.drawn: list[Any] = []
        try:
            given = arguments(recorder)
            containers = held_in(given)
            try:
                with inside_transform(), traced_by(recorder), (
                        Witness(flat(list((changing or {}).values()))) if watched
                        else contextlib.nullcontext()):
                    self.output = function(*given)
                if recorder.refused:  # and the function caught it
                    refuse(recorder.refused)
                if self.surroundings.generators.drew():
                    refuse("random numbers are drawn, which would be the same ones for ever")
                if not (self.surroundings.unchanged() and self.surroundings.nodes_unchanged()):
                    refuse("something outside of the function is changed or stored by it")
                if not are_as_before(containers):
                    refuse("an argument is changed, or something is stored in it")
            finally:
                self.surroundings.restore()
            environment.note_after_call()
            with undisturbed():
                self._write(recorder, environment, given, wanted(given) if wanted else [], into)
        except Exception as error:
            error.drawn = [x.held for *_, x in recorder.draws]  # type: ignore[attr-defined]
            raise

    def _write(self, recorder: ArrayRecorder, environment: Environment, given: Any,
               wanted: Sequence[Any], into: bool) -> None:
        """The program's text."""
        inputs = [x for x in flat(given) if isinstance(x, Node | Followed)]
        nodes = {x: i for i, x in enumerate(inputs) if isinstance(x, Node)}
        results = [y for y in flat(self.output) if isinstance(y, Node | Followed)]
        for y in flat(self.output):
            if not (isinstance(y, Node | Followed | np.ndarray) or is_plain(y)):
                refuse(f"its result is, or has in it, a {type(y).__name__}")
        root = common_consumer([*[y for y in results if isinstance(y, Node)], *recorder.met])
        self.outside, _ = environment.nodes_outside(root, nodes, ())
        self.references = References(environment.references, self.outside)
        if self.references.missing:
            refuse("a Tensor comes from where it can't be looked up again")
        self.kinds = [(node, node.value.dtype, node.value.shape) for node in self.outside
                      if type(node.value) is np.ndarray]
        self.draws = [(generator, shape) for generator, shape, _ in recorder.draws]
        self.drawn = [x.held for *_, x in recorder.draws]
        self.effects = [function for function, _ in recorder.effects]
        outs = [f"o{i}" for i in range(len(wanted) if into else 0)]
        text = ArrayText(recorder, [*inputs, *self.outside, *[x for *_, x in recorder.draws]], outs)
        text.check()
        text.compute(*results, *[x for _, args in recorder.effects for x in args
                                 if isinstance(x, Node | Followed)])
        if wanted and not (results and isinstance(results[0], Node)):
            raise GraphError("the result isn't computed from what it is differentiated by")
        gradients = differentiate(text, results[0], wanted) if wanted else []
        self.reached = [bool(name) for name in gradients]
        parts = ([text.named(y) for y in results], [name or "None" for name in gradients],
                 [text.named(args) for _, args in recorder.effects])
        self.is_ours = text.is_ours and all(
            [(function.__module__ or "").startswith("autograd_mini.")
             for function in self.effects])
        self.program, self.text = text.function(", ".join(map(_as_tuple, parts)))
        self.constants = text.constants()
        marks = iter(range(len(results)))
        self.output = tree_map(lambda y: _Place(next(marks)) if isinstance(y, Node | Followed)
                               else y, self.output)

    def in_place(self, results: Sequence[Any], part: int | None = None) -> Any:
        """What the function gives, or a part of it, with these numbers in the places of its own."""
        return tree_map(lambda y: results[y.number] if type(y) is _Place else y,
                        self.output if part is None else self.output[part])

    def is_like(self, other: Recording) -> bool:
        """Whether another recording of the function is the same program."""
        return self.text == other.text and self.constants.keys() == other.constants.keys() and all(
            _alike(x, other.constants[name]) for name, x in self.constants.items())

    def unchanged(self) -> bool:
        """Whether the function would find around it what it found."""
        return (self.surroundings.unchanged() and self.references.unchanged()
                and all([node.value.dtype is dtype and node.value.shape == shape
                         for node, dtype, shape in self.kinds]))

    def draw(self) -> list[Any]:
        """New random arrays, in the order of the recording."""
        if self.surroundings.watched:
            self.before = [(g, dict(g.bit_generator.state)) for g, _ in self.draws]
        return [generator.random(shape) for generator, shape in self.draws]

    def left(self, drawn: list[Any]) -> list[Any]:
        """Those of the drawn arrays that a call by the engine is to take instead of drawing.

        A user's function may draw in another order on another branch, so it draws anew.
        """
        if not self.surroundings.watched:
            return drawn
        for generator, state in self.before:
            generator.bit_generator.state = state
        return []

    def run(self, arrays: Sequence[Any], drawn: Sequence[Any] = (), into: Sequence[Any] = ()
            ) -> Any:
        """(results, gradients, arguments of the effects); FAILED if it doesn't hold for these.

        They are the program's own arrays, which the next run overwrites.
        """
        try:
            return self.program(*arrays, *[node.value for node in self.outside], *drawn, *into)
        except Exception:  # which the function raises, too, and tells of it
            return FAILED

    def do(self, effects: Sequence[Any]) -> None:
        """What is to be done when all has been computed."""
        for function, args in zip(self.effects, effects, strict=True):
            function(*args)


def held_in(tree: Any) -> list[tuple[Any, list[tuple[str, Any]]]]:
    """Each tuple, list, dict … of a tree, with what it holds under which key."""
    if not is_nested(tree):
        return []
    steps = steps_into(tree)
    return [(tree, steps), *[found for _, part in steps for found in held_in(part)]]


def are_as_before(containers: list[tuple[Any, list[tuple[str, Any]]]]) -> bool:
    """Whether these hold the same things under the same keys."""
    return all([len(now := steps_into(tree)) == len(before) and all(
        [a == b and x is y for (a, x), (b, y) in zip(now, before, strict=True)])
        for tree, before in containers])


class _Place:
    """Where a result belongs."""

    def __init__(self, number: int) -> None:
        self.number = number


def _alike(x: Any, y: Any) -> bool:
    """Whether two constants are the same, arrays to the last bit."""
    if isinstance(x, np.ndarray | np.generic):
        return same(x, y)
    return x is y or (type(x) is type(y) and bool(x == y))


def _as_tuple(names: list[str]) -> str:
    return f"({', '.join(names)}{',' * (len(names) == 1)})"
