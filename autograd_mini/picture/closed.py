"""Which parts of a program stay closed in a derivation that would be too long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..graph import Node
from .frames import nodes_held
from .names import Names
from .notation import Formula
from .run import Run
from .watched import Part

__all__ = ["Closed"]


class Closed:
    """The parts of a run, as few as make at most so many lines, each of which is one line.

    No more is closed than the calls and blocks that the program itself has.
    """

    def __init__(self, run: Run, limit: int) -> None:
        self.run = run
        self.uses: dict[Node, list[Node]] = {}
        for node in run.order:
            for parent in node.parents:
                if parent is not None:
                    self.uses.setdefault(parent, []).append(node)
        operations = [node for node in run.order if node.op is not None]
        self.of: dict[Node, Part] = {}
        self.inside: set[Node] = set()
        level = max((len(run.path(node)) for node in operations), default=0)
        while level > 0 and sum(node not in self.inside for node in run.order) > limit:
            self.of = self._parts_at(level, operations)
            self.inside = self._hidden()
            level -= 1

    def _parts_at(self, level: int, operations: Sequence[Node]) -> dict[Node, Part]:
        """The parts so deep in the program, by the operations in them; not those of one alone."""
        found = {node: self.run.path(node)[level - 1] for node in operations
                 if len(self.run.path(node)) >= level}
        size = Counter(found.values())
        return {node: part for node, part in found.items()
                if 1 < size[part] < len(operations)}  # the whole isn't closed

    def _hidden(self) -> set[Node]:
        """What has no line: operations that nothing outside uses, and the modules' own variables.
        """
        hidden = {node for node, part in self.of.items() if node is not self.run.output
                  and all(self.of.get(use) is part for use in self.uses.get(node, []))}
        for part in set(self.of.values()):
            hidden |= {x for x in nodes_held(part.of) if x in self.uses and x.op is None
                       and all(self.of.get(use) is not None for use in self.uses[x])}
        return hidden

    def note(self, node: Node, names: Names) -> str:
        """Which of the results of a closed part it is, and what came in where that isn't written.
        """
        part = self.of[node]
        results = [other for other, own in self.of.items()
                   if own is part and other not in self.inside]
        told = [f"result {results.index(node) + 1} of {len(results)}"] if len(results) > 1 else []
        if part.arguments is None:
            came = {names[parent].name: None for other, own in self.of.items() if own is part
                    for parent in other.parents if parent is not None
                    and self.of.get(parent) is not part and parent not in self.inside}
            told += [f"of {', '.join(came)}"] if came else []
        return ", ".join(told)

    def call(self, node: Node, names: Names) -> Formula | None:
        """How a result of a closed part is written: the part, of what comes into it."""
        part = self.of.get(node)
        return names.call(part) if part is not None else None

    def told(self) -> str:
        """How much is hidden."""
        variables = sum(node.op is None for node in self.inside)
        operations = sum(node.op is not None for node in self.inside)
        return (f"… {operations} operations and {variables} variables in closed parts: limit= "
                "opens them, wrt= writes what leads to some") if self.inside else ""
