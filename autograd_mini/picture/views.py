"""What of a graph is drawn: the boxes and arrows that are seen when some groups are closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..graph import Node
from .folding import COPIES, Group, Tree, tree_of
from .record import Arrow, Record
from .watched import Part

__all__ = ["Box", "Fold", "Link", "View", "check_folding", "focused", "folded"]

BESIDE = 20  # variables that only closed boxes use: of more, none is drawn
FRAMES = 2  # the same where it would need arrows into more frames than this
SMALL = 5000  # nodes, up to which the boxes of variables are counted
RUN = 12  # a stretch of more operations than this is folded into runs, where all is to be folded
Fold = Any  # "auto", True, False, or the names of what is closed


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

    def is_readable(self, most: int) -> bool:
        """Whether there are at most so many boxes, and twice as many arrows."""
        return len(self.boxes) <= most and len(self.links) <= 2 * most

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
        inside = {tail for tail, found in heads.items() if isinstance(tail, int)
                  and record.is_variable(tail) and all(isinstance(h, Group) for h in found)}
        many |= inside if len(inside) > BESIDE else set()  # the closed boxes name them
        count: Counter[int | Group] = Counter()
        for (tail, head), arrows in pairs.items():
            box = self._of[tail]
            often = tail in many
            if often and isinstance(head, Group):
                name = record.names[record.order[tail]].name  # type: ignore[index]
                self._of[head].also.append(name)
                continue
            if often:
                count[tail] += 1
                box = Box(tail, self._of[head].within, (count[tail], len(heads[tail])))
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
        runs = tree_of(record, most=RUN, thorough=False)
        return View(runs, list(runs.root.groups()))
    if fold is False:
        return View(tree, [])
    if fold != "auto":
        return View(tree, _named(groups, {fold} if isinstance(fold, str) else set(fold)))
    composites = [g for g in groups if g.kind == "composite"]
    view = View(tree, composites)
    for level in range(max((g.depth for g in groups), default=0), 0, -1):
        if view.is_readable(most):
            return view
        view = View(tree, composites + [g for g in groups if g.depth >= level])
    if view.is_readable(most):
        return view
    small = len(record.order) <= SMALL
    for size in (most, most // 2, most // 4, most // 8):  # the copies of variables count, too
        runs = tree_of(record, most=max(size, 4), thorough=small)
        view = View(runs, list(runs.root.groups()))
        if view.is_readable(most):
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
    for _ in range(min(steps, len(record.order))):
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


def check_folding(fold: Any, depth: Any, focus: Any, most: Any) -> tuple[Node, int] | None:
    """The node and the number of steps that `focus` means. Raises for options there aren't."""
    names = [fold] if isinstance(fold, str) else fold
    if not isinstance(fold, bool) and not (isinstance(names, list | tuple | set | frozenset)
                                           and all(isinstance(name, str) for name in names)):
        raise ValueError(f"fold is 'auto', True, False or names of modules, not {fold!r}")
    for name, number in (("depth", depth), ("max_nodes", most)):
        if number is not None and (not isinstance(number, int) or number < 0):
            raise ValueError(f"{name} is a whole number, not {number!r}")
    if focus is None:
        return None
    if depth is not None or fold != "auto":
        raise ValueError("focus shows what is near a node, and folds all else: fold and depth "
                         "have no part in that")
    near = focus if isinstance(focus, tuple) else (focus, 2)
    if len(near) != 2 or not isinstance(near[0], Node) or not isinstance(near[1], int):
        raise ValueError(f"focus is a node, or (node, steps), not {focus!r}")
    return near
