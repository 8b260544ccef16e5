"""A graph as a tree of groups: modules, functions, scopes, and runs of what would be too much."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np

from ..graph import Node
from .frames import nodes_held
from .record import Arrow, Record
from .watched import Part

__all__ = ["COPIES", "Group", "Tree", "tree_of"]

COPIES = 4  # a variable used by more boxes than this is drawn once for each of them
MANY = 40  # variables that are used once: of more, several are in one box
RUNS = 16  # in one group, and more inside of these


class Group:
    """Part of a graph: operations (by their places in forward order) and groups, in that order."""

    def __init__(self, part: Part | None, parent: Group | None = None, title: str = "") -> None:
        self.part, self.parent, self.title = part, parent, title
        self.children: list[int | Group] = []

    def adopt(self, children: Sequence[int | Group]) -> None:
        """Put these at the end of what is in it."""
        self.children += children
        for child in children:
            if isinstance(child, Group):
                child.parent = self

    @property
    def kind(self) -> str:
        """ "module", "function", "composite", "scope", "run" or "rest"; of the whole graph ""."""
        return self.part.kind if self.part is not None else ""

    @property
    def depth(self) -> int:
        """How many groups it is in."""
        return 0 if self.parent is None else self.parent.depth + 1

    def __iter__(self) -> Iterator[int]:
        """All nodes inside, in groups or not."""
        for child in self.children:
            yield from [child] if isinstance(child, int) else child

    def groups(self) -> Iterator[Group]:
        """All groups inside, each before those in it."""
        for child in self.children:
            if isinstance(child, Group):
                yield child
                yield from child.groups()

    def held(self) -> set[Node]:
        """The nodes that the called module holds; none if this is no call of one."""
        return nodes_held(self.part.of if self.part is not None else None)

    def chain(self) -> list[Group]:
        """The groups from the whole graph down to this one."""
        return [*(self.parent.chain() if self.parent is not None else []), self]


class Tree:
    """The groups of a record; each node is at home in one.

    most: of more variables than this a group has several in one box.
    """

    def __init__(self, record: Record, root: Group, most: int = MANY) -> None:
        self.record, self.root = record, root
        self.home: dict[int, Group] = {}
        self.owned: dict[Group, set[Node]] = {}
        self._settle()
        for group in [root, *root.groups()]:
            self._pack(group, most)

    def _settle(self) -> None:
        """Note where each operation is, and put each variable where all its uses are."""
        for group in [self.root, *self.root.groups()]:
            for child in group.children:
                if isinstance(child, int):
                    self.home[child] = group
        for i, uses in enumerate(self.record.uses):
            if self.record.is_variable(i):
                chains = [self.home[arrow.head].chain() for arrow in uses]
                levels = itertools.takewhile(lambda level: len(set(level)) == 1,
                                             zip(*chains, strict=False))
                around = [self.root, *(level[0] for level in levels)]
                while len(around) > 1 and not self._keeps(around[-1], i):
                    around.pop()  # what a call was given stays outside
                self.home[i] = around[-1]
                around[-1].children.append(i)

    def _pack(self, group: Group, most: int) -> None:
        """Put variables that are used once into groups, where there are too many of them."""
        if len(group.children) <= most:
            return
        alone = [i for i in group.children if isinstance(i, int) and self.record.is_variable(i)
                 and len(self.record.uses[i]) == 1]
        packed = set(alone)
        group.children = [child for child in group.children if child not in packed]
        for start in range(0, len(alone), most):
            run = Group(Part("", "run"), group)
            run.adopt(alone[start:start + most])
            run.title = _title_of_run(self.record, alone[start:start + most])
            group.children.append(run)
            self.home |= dict.fromkeys(alone[start:start + most], run)

    def variables_of(self, group: Group) -> set[int]:
        """The variables that are at home in a group, or are parameters of the module it calls."""
        found = {i for i in group if self.record.is_variable(i)}
        if group.kind == "module":
            used = {a.tail for i in group for a in self.record.incoming(i)}
            found |= {i for i in used if self.record.is_variable(i) and self.owns(group, i)}
        return found

    def counted(self, group: Group) -> str:
        """How much is in a group: "3 operations, 1 variable"."""
        operations = sum(not self.record.is_variable(i) for i in group)
        return ", ".join(f"{count} {noun}{'s' * (count != 1)}" for count, noun in (
            (operations, "operation"), (len(self.variables_of(group)), "variable")) if count)

    def _keeps(self, group: Group, i: int) -> bool:
        """Whether a variable that is used in a group alone is drawn in it."""
        return group.kind in ("", "run", "rest", "scope") or self.owns(group, i)

    @cached_property
    def touching(self) -> dict[Group, list[Arrow]]:
        """By group: the arrows one end of which is in it."""
        chains = {group: group.chain() for group in [self.root, *self.root.groups()]}
        found: dict[Group, list[Arrow]] = {group: [] for group in chains}
        for arrow in self.record.arrows:
            for group in dict.fromkeys(chains[self.home[arrow.tail]]
                                       + chains[self.home[arrow.head]]):
                found[group].append(arrow)
        return found

    def owns(self, group: Group, i: int) -> bool:
        """Whether a variable is a parameter of the module that a group is a call of."""
        if group not in self.owned:
            self.owned[group] = group.held()
        return self.record.order[i] in self.owned[group]


def tree_of(record: Record, path: Callable[[int], Sequence[Part]] | None = None,
            most: int = 0, thorough: bool = True, least: int = 2) -> Tree:
    """The groups of a record by the parts of the program.

    path: of an operation the parts it is in. most: so many boxes a group may have at once; of more,
    runs are made. thorough: in runs, too, and the boxes of variables count. least: a group of fewer
    operations is let go, unless it is the call of a module that holds variables of its own.
    """
    path = path or (lambda i: record.run.path(record.order[i]))
    root = Group(None)
    known: dict[tuple[Group, Part], Group] = {}
    for i, node in enumerate(record.order):
        if node.op is None:
            continue
        group = root
        for part in path(i):
            if (group, part) not in known:
                known[group, part] = Group(part, group, part.title)
                group.children.append(known[group, part])
            group = known[group, part]
        group.children.append(i)
    _flatten(record, root, least)
    while len(root.children) == 1 and isinstance(only := root.children[0], Group) and (
            only.kind == "function"):  # it is the whole
        root.children = []
        root.adopt(only.children)
    _number_calls(root)
    if most:
        _with_runs(record, root, most, thorough)
    return Tree(record, root, max(most, MANY))


def _flatten(record: Record, group: Group, least: int) -> None:
    """Let groups go that hold fewer operations, unless they hold the variables of these, too."""
    children, group.children = group.children, []
    for child in children:
        if isinstance(child, Group):
            _flatten(record, child, least)
            inside = list(child)
            if len(inside) < least and child.kind != "rest" and child.held().isdisjoint(
                    p for i in inside for p in record.order[i].parents):
                group.adopt(child.children)
                continue
        group.children.append(child)


def _number_calls(group: Group) -> None:
    """Say of the second call of something that it is the second."""
    count: dict[str, int] = {}
    for child in group.children:
        if isinstance(child, Group):
            count[child.title] = number = count.get(child.title, 0) + 1
            child.title += f" (call {number})" if number > 1 else ""
            _number_calls(child)


def _with_runs(record: Record, group: Group, most: int, thorough: bool) -> None:
    """Put what a group has too many of into runs: contiguous, so that no arrow goes in a circle,
    and cut where the fewest arrows cross.
    """
    for child in group.children:
        if isinstance(child, Group):
            _with_runs(record, child, most, thorough)
    boxes = len(group.children) + (_variables_beside(record, group) if thorough else 0)
    if boxes <= most or len(group.children) < 4:
        return
    runs = min(RUNS, 3 * most // 4, math.ceil(boxes / (0.75 * most)), len(group.children) // 2)
    runs = max(2, runs)
    children, cuts = group.children, _cuts(record, group, runs)
    group.children = []
    for start, end in itertools.pairwise(cuts):
        run = Group(Part("", "run"), group)
        run.adopt(children[start:end])
        run.title = _title_of_run(record, list(run))
        group.children.append(run)
        if thorough:
            _with_runs(record, run, most, thorough)


def _variables_beside(record: Record, group: Group) -> int:
    """How many boxes of variables stand beside a group's operations: one that is used often has a
    copy at each use.
    """
    operations = {i for i in group.children if isinstance(i, int)}
    beside = [arrow for i in operations for arrow in record.incoming(i)
              if record.is_variable(arrow.tail)]
    often = [arrow for arrow in beside if len(record.uses[arrow.tail]) > COPIES]
    alone = {arrow.tail for arrow in beside if len(record.uses[arrow.tail]) <= COPIES}
    return len({(arrow.tail, arrow.head) for arrow in often}) + len(alone)


def _cuts(record: Record, group: Group, runs: int) -> list[int]:
    """Where a group's children are cut into so many runs."""
    place = {i: k for k, child in enumerate(group.children)
             for i in ([child] if isinstance(child, int) else child)}
    crossing = np.zeros(len(group.children) + 2, int)
    for head, at in place.items():
        for parent in record.order[head].parents:
            if parent is not None and record.index[parent] in place:
                low, high = sorted((place[record.index[parent]], at))
                crossing[low + 1] += 1
                crossing[high + 1] -= 1
    crossing = np.cumsum(crossing)
    size = len(group.children) / runs
    cuts = [0]
    for k in range(1, runs):
        low, high = int((k - 0.25) * size), int((k + 0.25) * size) + 1
        cuts.append(max(cuts[-1] + 1, low + int(np.argmin(crossing[low:high]))))
    return [*cuts, len(group.children)]


def _title_of_run(record: Record, inside: Sequence[int]) -> str:
    """The first and the last name in a run: those that the user gave, if there are any."""
    names = [record.names[record.order[i]].name for i in inside]
    own = [name for name, i in zip(names, inside, strict=True)
           if record.order[i].label or record.order[i] in record.run.names] or names
    return own[0] if own[0] == own[-1] else f"{own[0]} … {own[-1]}"
