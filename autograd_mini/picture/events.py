"""The steps of a run: each value that is computed, and each gradient that is passed on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .record import Arrow, Record, badness, born

__all__ = ["Event", "events_of"]


@dataclass(frozen=True)
class Event:
    """One step.

    kind: "forward", a node is computed; "seed", the gradient starts at the output; "complete", all
    that is sent to a node has arrived; "silent", nothing does, for what came after didn't choose
    it; "send", a node sends along an arrow. node: its place in forward order, of a send that of the
    node that sends. arrow: that of a send. arrives: the gradient of the node. sent: what is sent,
    None for nothing. before, after: the sum at the receiver. which, of: the number of the
    contribution, and how many there are. born: "inf" or "nan" if it comes up here.
    """

    kind: str
    node: int
    arrow: Arrow | None = None
    arrives: Any = None
    sent: Any = None
    before: Any = None
    after: Any = None
    which: int = 0
    of: int = 0
    born: str = ""


def events_of(record: Record) -> list[Event]:
    """All steps, forward and backward."""
    forward = [Event("forward", i, born=record.born(i)) for i, node in enumerate(record.order)
               if node.op is not None]
    return [*forward, *_backward(record)]


def _backward(record: Record) -> Iterator[Event]:
    count = Counter(arrow.tail for arrow in record.arrows if record.is_sent(arrow))
    arrived: Counter[int] = Counter()
    sums: dict[int, Any] = {}
    for step in record.steps:
        i, node = record.index[step.node], step.node
        if node is record.output:
            yield Event("seed", i, arrives=step.arrived)
        elif not count[i]:
            yield Event("silent", i, arrives=step.arrived)
            continue
        else:
            yield Event("complete", i, arrives=step.arrived, which=arrived[i], of=count[i])
        for a, (parent, sent) in enumerate(zip(node.parents, step.sent, strict=True)):
            if parent is None:
                continue
            arrow = Arrow(record.index[parent], i, a)
            if sent is None:
                yield Event("send", i, arrow, step.arrived)
                continue
            before = sums.get(arrow.tail)
            with np.errstate(all="ignore"):
                after = sums[arrow.tail] = sent if before is None else before + sent
            arrived[arrow.tail] += 1
            yield Event("send", i, arrow, step.arrived, sent, before, after, arrived[arrow.tail],
                        count[arrow.tail], born(badness(sent), badness(step.arrived)))
