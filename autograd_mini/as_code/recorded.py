"""A function's forward and backward pass as one graph of nodes, for any numbers of these shapes."""

from __future__ import annotations

import gc
import inspect
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..backprop import seed_for
from ..call import inside_transform
from ..compiler.array_recorder import ArrayRecorder
from ..compiler.putting_back import Generators
from ..debug import AnomalyObserver
from ..errors import ArgumentTypeError, DTypeError, GraphError, NotFollowedError
from ..graph import Node, topological_order, value_of
from ..passes import sweep
from ..places import with_locals
from ..recording import current_tracer, observed_by, traced_by
from ..tensor import Tensor

__all__ = ["Recorded", "argument_names", "check_argument", "generators_there_are", "recorded"]


@dataclass(frozen=True)
class Recorded:
    """What a function computed, and what its backward pass computes.

    | field         | what it is                                                        |
    |---------------|-------------------------------------------------------------------|
    | `parameters`  | the names of the function's arguments, with what stood for each   |
    | `result`      | the node of what it gave                                          |
    | `gradients`   | of each argument asked for                                        |
    | `order`       | all nodes, each after its parents, the forward pass first         |
    | `forward`     | those of the forward pass                                         |
    | `names`       | what the function itself calls its nodes                          |
    | `cotangents`  | of the nodes of the forward pass                                  |
    | `recorder`    | what was decided by numbers                                       |
    | `places`      | the user's line that each node comes from                         |
    """

    parameters: dict[str, Any]
    result: Node
    gradients: dict[str, Any]
    order: list[Node]
    forward: set[Node]
    names: dict[Node, str]
    cotangents: dict[Node, Any]
    recorder: ArrayRecorder
    places: dict[Node, Any]


def recorded(f: Callable[..., Any], example: Sequence[Any], wrt: Sequence[str],
             random: Sequence[Any]) -> Recorded:
    """Record a function at an example, and its derivative with respect to some arguments.

    random: the generators that it mustn't draw from. Raises `NotFollowedError` for what can't be
    followed, `GraphError` and `DTypeError` for a result that has no gradient.
    """
    names = argument_names(f, len(example))
    recorder = ArrayRecorder()
    recorder.prints = True
    generators = Generators([*random])
    recorder.surroundings = SimpleNamespace(generators=generators)  # for what nn draws
    with np.errstate(all="ignore"), inside_transform(), traced_by(recorder):
        given = {name: _stand_in(recorder, x) for name, x in zip(names, example, strict=True)}
        result, held, observer = _run(f, given, generators)
        cotangents, origins = _swept(result)
        gradients = {name: cotangents.get(given[name]) for name in wrt}
    forward = [*reversed(topological_order(result))]
    arguments = {id(x) for x in given.values()}  # by identity: nodes compare by their numbers
    for node in forward:
        if node.op is None and id(node) not in arguments:
            raise NotFollowedError("the function uses a node from outside, whose numbers would be "
                                   "constants of the code: give it as an argument")
    order = dict.fromkeys([*(x for x in given.values() if isinstance(x, Node)), *forward])
    for g in gradients.values():
        if isinstance(g, Node):
            order |= dict.fromkeys(reversed(topological_order(g)))
    within = set(forward)
    called = {node: name for name, node in held.items()
              if isinstance(node, Node) and node in within and id(node) not in arguments}
    lines = {node: observer.places.get(origins.get(node, node)) for node in order}
    return Recorded(given, result, gradients, [*order], within, called, cotangents, recorder,
                    {node: place for node, place in lines.items() if place is not None})


def _run(f: Callable[..., Any], given: dict[str, Any], generators: Generators
         ) -> tuple[Node, dict[str, Any], AnomalyObserver]:
    """(what the function gives, its local variables, the observer that knows its nodes' lines)."""
    observer = AnomalyObserver(refuse=False)
    generators.note()
    with observed_by(observer):
        result, held = with_locals(f, [*given.values()])
    recorder = current_tracer()
    if recorder.refused:  # and the function caught it
        raise NotFollowedError(recorder.refused)
    if recorder.draws or generators.drew():
        raise NotFollowedError("the function draws random numbers (or another thread did, while it "
                               "ran), which the code would have for ever: draw them outside, and "
                               "give them as an argument")
    if not isinstance(result, Node):
        raise GraphError("the function's result isn't computed from its arguments")
    if np.size(result.value) != 1:
        raise DTypeError("ag.source needs a function of which the result is one number: sum it; "
                         f"its shape is {np.shape(result.value)}")
    return result, held, observer


def _swept(result: Node) -> tuple[dict[Node, Any], dict[Node, Node]]:
    """(the cotangent of each node, of each node of the backward pass which one it goes back
    through)."""
    cotangents: dict[Node, Any] = {}
    origins: dict[Node, Node] = {}
    known = set(topological_order(result))
    senders: dict[Node, Node] = {}  # the last one of each, which what is added up goes back through
    # The first gradient is a node, so that all that is made of it is one.
    seed = Tensor(np.ones_like(value_of(seed_for(result, None))))
    for node, g, sent in sweep(result, seed, create_graph=True):
        cotangents[node] = g
        for new, through in ((g, senders.get(node, node)), *((x, node) for x in sent)):
            origins |= dict.fromkeys(_unseen(new, known), through)
        senders |= {parent: node for parent in node.parents if parent is not None}
    return cotangents, origins


def _unseen(x: Any, known: set[Node]) -> Iterator[Node]:
    """The nodes that x is computed from and that aren't known yet; from now on they are."""
    stack = [x] if isinstance(x, Node) else []
    while stack:
        node = stack.pop()
        if node not in known:
            known.add(node)
            yield node
            stack += [p for p in node.parents if p is not None]


def generators_there_are() -> list[Any]:
    """All generators of random numbers, wherever a function might find one."""
    kinds = (np.random.Generator, np.random.RandomState, random.Random)
    found = [x for x in gc.get_objects() if issubclass(type(x), kinds)
             and not isinstance(x, random.SystemRandom)]
    return [*{id(x): x for x in (np.random.mtrand._rand, random._inst, *found)}.values()]


def argument_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names of the arguments that are given by position."""
    try:
        found = [p.name for p in inspect.signature(f).parameters.values()
                 if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        found = []
    extra = (name for i in itertools.count(1) if (name := f"x{i}") not in found)
    return [*found[:count], *itertools.islice(extra, max(0, count - len(found)))]


def _stand_in(recorder: ArrayRecorder, x: Any) -> Any:
    """A node for floats, what is followed for other arrays; any other thing as it is."""
    check_argument(x)
    if not isinstance(x, np.ndarray | np.generic | float):
        return x
    array = np.asarray(x)
    return Tensor(array) if array.dtype.kind == "f" else recorder.argument(array)


def check_argument(x: Any) -> None:
    """Raise `ArgumentTypeError` for what can't be an argument of the code."""
    if isinstance(x, np.ndarray) and type(x) is not np.ndarray:
        cure = "x.filled(…)" if isinstance(x, np.ma.MaskedArray) else "np.asarray(x)"
        raise ArgumentTypeError(f"the code can't have an argument that is a {type(x).__name__}, "
                                f"which computes otherwise than an array: give {cure}")
    is_array = isinstance(x, np.ndarray | np.generic | float) and np.asarray(x).dtype.kind in "fiub"
    plain = (int, bool, str)  # and no class of a user's that is derived from one
    is_plain = x is None or type(x) in plain or (
        type(x) is tuple and all(type(part) in plain for part in x))
    if not (is_array or is_plain):
        raise ArgumentTypeError(
            f"the code can't have an argument that is a {type(x).__name__}: give arrays, numbers, "
            "strings, and tuples of whole numbers, each as an argument of its own")
