"""What of a graph is drawn, and what is folded into one box: by modules, functions, scopes, runs.

The graph is a tree of groups. A closed group is one box; of an open one the boxes inside are drawn.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..graph import Node
from .record import Arrow, Record
from .watched import Part, paths_in

__all__ = ["COPIES", "Box", "Fold", "Group", "Link", "Tree", "View", "focused", "folded", "tree_of"]

COPIES = 4  # a variable used by more boxes than this is drawn once for each of them
FRAMES = 2  # the same where it would need arrows into more frames than this
MANY = 40  # variables that are used once: of more, several are in one box
RUN = 12  # a stretch of more operations than this is folded into runs, where all is to be folded
RUNS = 16  # in one group, and more inside of these
Fold = Any  # "auto", True, False, or the names of what is closed


class Group:
    """Part of a graph: operations (by their places in forward order) and groups, in that order."""

    def __init__(self, part: Part | None, parent: Group | None = None, title: str = "") -> None:
        self.part, self.parent, self.title = part, parent, title
        self.children: list[int | Group] = []

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
        alone = [i for i in group.children if isinstance(i, int) and self.record.is_variable(i)
                 and len(self.record.uses[i]) == 1]
        if len(alone) <= most:
            return
        group.children = [c for c in group.children if c not in set(alone)]
        for start in range(0, len(alone), most):
            run = Group(Part("", "run"), group)
            run.children = list(alone[start:start + most])
            run.title = _title_of_run(self.record, alone[start:start + most])
            group.children.append(run)
            self.home |= dict.fromkeys(alone[start:start + most], run)

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
            self.owned[group] = _held_by(group.part)
        return self.record.order[i] in self.owned[group]


def _held_by(part: Part | None) -> set[Node]:
    """The nodes that a module holds."""
    return {x for _, x in paths_in(part.of if part is not None else None) if isinstance(x, Node)}


def tree_of(record: Record, path: Callable[[int], Sequence[Part]] | None = None,
            most: int = 0, within_runs: bool = True, least: int = 2) -> Tree:
    """The groups of a record by the parts of the program.

    path: of an operation the parts it is in. most: so many boxes a group may have at once; of more,
    runs are made. within_runs: in runs, too. least: a group of fewer operations is let go, unless
    it is the call of a module that holds variables of its own.
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
    _number_calls(root)
    if most:
        with_runs(record, root, most, within_runs)
    return Tree(record, root, max(most, MANY))


def _flatten(record: Record, group: Group, least: int) -> None:
    """Let groups go that hold fewer operations, unless they hold the variables of these, too."""
    kept: list[int | Group] = []
    for child in group.children:
        if isinstance(child, Group):
            _flatten(record, child, least)
            inside = list(child)
            if len(inside) < least and child.kind != "rest" and _held_by(child.part).isdisjoint(
                    p for i in inside for p in record.order[i].parents):
                kept += child.children
                for grandchild in child.children:
                    if isinstance(grandchild, Group):
                        grandchild.parent = group
                continue
        kept.append(child)
    group.children = kept


def _number_calls(group: Group) -> None:
    """Say of the second call of something that it is the second."""
    count: dict[str, int] = {}
    for child in group.children:
        if isinstance(child, Group):
            count[child.title] = number = count.get(child.title, 0) + 1
            child.title += f" (call {number})" if number > 1 else ""
            _number_calls(child)


def with_runs(record: Record, group: Group, most: int, within_runs: bool) -> None:
    """Put what a group has too many of into runs: contiguous, so that no arrow goes in a circle,
    and cut where the fewest arrows cross.
    """
    for child in group.children:
        if isinstance(child, Group):
            with_runs(record, child, most, within_runs)
    if len(group.children) <= most:
        return
    runs = max(2, min(RUNS, 3 * most // 4, math.ceil(len(group.children) / (0.75 * most))))
    children, cuts = group.children, _cuts(record, group, runs)
    group.children = []
    for start, end in itertools.pairwise(cuts):
        run = Group(Part("", "run"), group)
        run.children = children[start:end]
        for child in run.children:
            if isinstance(child, Group):
                child.parent = run
        run.title = _title_of_run(record, list(run))
        group.children.append(run)
        if within_runs:
            with_runs(record, run, most, within_runs)


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


# ── views ────────────────────────────────────────────────────────────────────────────────────


@dataclass(eq=False)
class Box:
    """A box: a node (by its place) or a closed group; of a copy of a variable, whose use it is."""

    what: int | Group
    within: Group
    copy: tuple[int, int] = (0, 0)  # the first of five: (1, 5)
    also: list[str] = field(default_factory=list)  # variables used inside that aren't drawn


@dataclass(eq=False)
class Link:
    """All arrows from one box to another."""

    tail: Box
    head: Box
    arrows: list[Arrow]


class View:
    """The boxes and links that are seen when some groups are closed.

    around: only what is in this group, and the boxes that it is linked with.
    """

    def __init__(self, tree: Tree, closed: Collection[Group], around: Group | None = None) -> None:
        self.tree, self.closed = tree, set(closed)
        self.boxes: list[Box] = []
        self.links: list[Link] = []
        self._of: dict[int | Group, Box] = {}
        self._closed_around: dict[Group, Group | None] = {}
        self._add(tree.root)
        pairs: dict[tuple[int | Group, int | Group], list[Arrow]] = {}
        for arrow in tree.record.arrows if around is None else tree.touching[around]:
            tail, head = self.box_of(arrow.tail), self.box_of(arrow.head)
            if tail != head and not (isinstance(head, Group) and tree.owns(head, arrow.tail)):
                pairs.setdefault((tail, head), []).append(arrow)
        self._link(pairs)
        linked = {box for link in self.links for box in (link.tail, link.head)}
        self.boxes = [box for box in self.boxes if box in linked or (
            around in (None, box.within) and not (
                isinstance(box.what, int) and tree.record.is_variable(box.what)
                and tree.record.uses[box.what]))]

    def _add(self, group: Group) -> None:
        for child in group.children:
            box = self._of[child] = Box(child, group)
            self.boxes.append(box)
            if isinstance(child, Group) and child not in self.closed:
                self.boxes.pop()
                self._add(child)

    def box_of(self, i: int) -> int | Group:
        """What stands for a node: itself, or the outermost closed group around it."""
        home = self.tree.home[i]
        if home not in self._closed_around:
            self._closed_around[home] = next((g for g in home.chain() if g in self.closed), None)
        closed = self._closed_around[home]
        return i if closed is None else closed

    def _link(self, pairs: dict[tuple[int | Group, int | Group], list[Arrow]]) -> None:
        """A link for each pair; variables with many uses have a copy at each."""
        record = self.tree.record
        heads: dict[int | Group, list[int | Group]] = {}
        for tail, head in pairs:
            heads.setdefault(tail, []).append(head)
        many = {tail for tail, found in heads.items() if isinstance(tail, int)
                and record.is_variable(tail) and self._is_copied(tail, found)}
        for (tail, head), arrows in pairs.items():
            box = self._of[tail]
            often = tail in many
            if often and isinstance(head, Group):
                name = record.names[record.order[tail]].name  # type: ignore[index]
                self._of[head].also.append(name)
                continue
            if often:
                k = heads[tail].index(head)
                box = Box(tail, self._of[head].within, (k + 1, len(heads[tail])))
                self.boxes.append(box)
            self.links.append(Link(box, self._of[head], arrows))
        self.boxes = [b for b in self.boxes if b.what not in many or b.copy != (0, 0)]

    def _is_copied(self, i: int, heads: Sequence[int | Group]) -> bool:
        """Whether a variable has a copy at each use: of many, in several calls of its module, or
        in several frames.
        """
        frames = {self._of[head].within for head in heads if isinstance(head, int)}
        calls = {group for head in heads for group in self._of[head].within.chain()
                 if self.tree.owns(group, i)} - set(self.tree.home[i].chain())
        return len(heads) > COPIES or len(calls) > 1 or len(frames) > FRAMES


def folded(record: Record, fold: Fold, depth: int | None, most: int) -> View:
    """The view that `fold` and `depth` ask for; "auto": at most so many boxes, if that can be."""
    tree = tree_of(record)
    groups = list(tree.root.groups())
    if depth is not None:
        return View(tree, [g for g in groups if g.depth > depth])
    if fold is True:
        runs = tree_of(record, most=RUN, within_runs=False)
        return View(runs, list(runs.root.groups()))
    if fold is False:
        return View(tree, [])
    if fold != "auto":
        return View(tree, _named(groups, {fold} if isinstance(fold, str) else set(fold)))
    composites = [g for g in groups if g.kind == "composite"]
    view = View(tree, composites)
    for level in range(max((g.depth for g in groups), default=0), 0, -1):
        if len(view.boxes) <= most:
            return view
        view = View(tree, composites + [g for g in groups if g.depth >= level])
    if len(view.boxes) <= most:
        return view
    for size in (most, most // 2, most // 4, most // 8):  # the copies of variables count, too
        runs = tree_of(record, most=max(size, 4), within_runs=False)
        view = View(runs, list(runs.root.groups()))
        if len(view.boxes) <= most:
            break
    return view


def _named(groups: Sequence[Group], names: set[str]) -> list[Group]:
    """The groups that have one of these names, or are calls of a class that has it."""
    known = {g: {g.title, g.part.name, type(g.part.of).__name__} - {"NoneType"}
             for g in groups if g.part is not None}
    missing = names - set().union(*known.values())
    if missing:
        there = sorted(set().union(*known.values())) or ["nothing: draw the function, not the node"]
        raise ValueError(f"fold: there is no {', '.join(map(str, missing))} in the graph; there is "
                         f"{', '.join(there)}")
    return [g for g, own in known.items() if names & own]


def focused(record: Record, node: Node, steps: int) -> View:
    """A node with what leads to it and from it, so many steps far; all else in two boxes."""
    if node not in record.index:
        raise ValueError("focus: the node isn't in the graph of what is drawn; give a node, or "
                         "(node, steps)")
    near = {record.index[node]}
    for _ in range(steps):
        near |= {a.tail for a in record.arrows if a.head in near} | {
            a.head for a in record.arrows if a.tail in near}
    before = {a.tail for a in record.arrows if a.head in near} - near
    for arrow in reversed(record.arrows):
        if arrow.head in before and arrow.tail not in near:
            before.add(arrow.tail)
    rest = {True: Part("", "rest"), False: Part("", "rest")}
    tree = tree_of(record, lambda i: () if i in near else (rest[i in before],))
    for group in tree.root.groups():
        group.title = f"… {sum(1 for _ in group)} more"
    return View(tree, list(tree.root.groups()))
