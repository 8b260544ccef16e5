"""What it takes to draw a graph, and to make its page of steps."""

from __future__ import annotations

import resource
from collections.abc import Callable
from functools import partial
from typing import Any

from .timing import Work


def drawn(name: str) -> tuple[Any, ...]:
    """A picture as SVG, with the time of the program that lays it out."""
    from .pictures import GRAPHS, ag

    what = GRAPHS[name][0]()
    ag.draw(*what).svg()  # what is imported at first
    return lambda: seconds(lambda: ag.draw(*what).svg()), None


def stepped(name: str) -> tuple[Any, ...]:
    """A page of steps, with the time of the program that lays it out."""
    from .pictures import GRAPHS, ag

    what = GRAPHS[name][0]()
    return lambda: seconds(lambda: ag.steps(*what).html), None


def seconds(run: Callable[[], object]) -> float:
    """CPU seconds of this process, and of those that it starts and waits for."""
    def used() -> float:
        both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum([usage.ru_utime + usage.ru_stime for usage in both])

    before = used()
    run()
    return used() - before


SHOWN = ("neuron", "micrograd's expression", "attention head", "MLP 2-16-16-1, 3 samples",
         "chain of 901 nodes")
WORK = Work(
    "pictures", "A picture, and a page of steps",
    {f"draw, {name}": partial(drawn, name) for name in SHOWN} | {
        f"steps, {name}": partial(stepped, name) for name in SHOWN},
    references=("draw, neuron",), unit="s",
    about="CPU time from the graph or the function to SVG or HTML, Graphviz's own included.",
)
