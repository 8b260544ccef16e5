"""With the engine at work and the next simpler one: the same bits, of every node."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini import graph as graphs
from autograd_mini.errors import AutogradError

from .programs import Wrong

__all__ = ["check_engines", "simpler_engine"]


@contextlib.contextmanager
def simpler_engine() -> Iterator[None]:
    """A block without the compiled core; or, where there is none, without the fast engine."""
    if ag.engine() == "plain":
        yield
        return
    from autograd_mini import fast

    there = ag.engine() == "core"
    (fast.uninstall_core if there else fast.uninstall)()
    try:
        yield
    finally:
        (fast.install_core if there else fast.install)()


def bits(x: Any) -> Any:
    """The bits of a number or an array; any nan is nan."""
    if x is None:
        return None
    array = np.asarray(x)
    if array.dtype != np.float64:
        return array.shape, str(array.dtype), np.where(array != array, np.nan, array).tobytes()
    return array.shape, [b"nan" if v != v else struct.pack("d", v) for v in array.ravel().tolist()]


def of_every_node(graph: Callable[[], tuple[Any, list[Any]]]) -> list[Any]:
    """What is in a program's graph after two backward passes, and what `gradients` gives."""
    found: list[Any] = []
    try:
        y, leaves = graph()
        if not isinstance(y, ag.Node):
            return [bits(y)]
        for _ in range(2):
            with contextlib.suppress(AutogradError):
                y.backward()
            found += [(node.op and node.op.name, bits(node.value), bits(node.gradient),
                       [bits(x) for x in node.inputs]) for node in graphs.topological_order(y)]
        found += [bits(x.gradient) for x in leaves]
        for x in leaves:
            with contextlib.suppress(AutogradError):
                g = ag.gradients(y, x, create_graph=True)
                found += [bits(g.value), bits(ag.gradients(np.sum(g), x))]
    except Exception as error:
        found.append(f"{type(error).__name__}: {error}")
    return found


def check_engines(graph: Callable[[], tuple[Any, list[Any]]]) -> None:
    """Raise if a graph, made anew by each engine, has other bits anywhere."""
    given = of_every_node(graph)
    with simpler_engine():
        expected = of_every_node(graph)
    for a, b in zip(given, expected, strict=False):
        if a != b:
            raise Wrong("engines", "the engines differ", a, b)
    if len(given) != len(expected):
        raise Wrong("engines", "the engines differ in length", len(given), len(expected))
