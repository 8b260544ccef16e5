"""What the page of steps knows: every text, formula and picture that it shows, and nothing else.

The page computes nothing, so all of it is made here, as plain lists and dicts for JSON. Formulas
and pictures that occur often are stored once, and referred to by their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ..graph import Node
from ..primitive import Elementwise
from .dot import shortened
from .events import Event
from .folding import Group, Tree
from .notation import Derivative, Formula, Number, printable
from .pixels import pixels
from .record import Arrow, Record, badness, shown, slope_number
from .scenes import NAME_COLUMNS, TEXT_COLUMNS, Scene, link_label, thumbnail
from .spelled import as_mathml, as_text

__all__ = ["story_of"]

ROWS, COLUMNS, FIGURES = 8, 6, 3  # of the table of an array's numbers


def story_of(record: Record, tree: Tree, scenes: Sequence[Scene], events: Sequence[Event],
             title: str) -> dict[str, Any]:
    """The page's data: nodes, arrows, steps, scenes, and the tables they refer to."""
    return _Story(record, tree, scenes).told(events, title)


class _Store:
    """Things by their number, each kept once."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self._number: dict[str, int] = {}

    def __call__(self, key: str, thing: Any) -> int:
        if key not in self._number:
            self._number[key] = len(self.kept)
            self.kept.append(thing)
        return self._number[key]


class _Story:
    """The data of one page, as it is put together."""

    def __init__(self, record: Record, tree: Tree, scenes: Sequence[Scene]) -> None:
        self.record, self.tree, self.scenes = record, tree, scenes
        self.formulas, self.pictures = _Store(), _Store()
        self.edge = {arrow: k for k, arrow in enumerate(record.arrows)}
        self.number = {scene.group: k for k, scene in enumerate(scenes)}

    def told(self, events: Sequence[Event], title: str) -> dict[str, Any]:
        """The whole."""
        nodes = [self._node(i) for i in range(len(self.record.order))]
        arrows = [{"a": arrow.tail, "b": arrow.head} for arrow in self.record.arrows]
        steps = [self._step(event) for event in events]
        scenes = [self._scene(scene) for scene in self.scenes]
        return {"title": printable(title), "out": self.record.index[self.record.output],
                "whole": self._math(self.record.whole), "seeded": self.record.seed is not None,
                "nodes": nodes, "edges": arrows, "steps": steps, "scenes": scenes,
                "maths": self.formulas.kept, "pictures": self.pictures.kept}

    # ── nodes ────────────────────────────────────────────────────────────────────────────────

    def _node(self, i: int) -> dict[str, Any]:
        record, node = self.record, self.record.order[i]
        name, full = record.names[node].name, record.names.full[node]
        kind = "out" if node is record.output else "leaf" if node.op is None else "op"
        told: dict[str, Any] = {
            "name": name, "kind": kind, "m": self._math(record.names[node]),
            "value": record.value(i), "home": self.number[self.tree.home[i]]}
        told |= {"full": full} if full != name else {}
        told |= {"expr": record.formula(i)} if node.op is not None else {}
        told |= {"bad": 1} if badness(node.value) else {}
        place = record.run.place(node)
        told |= {"place": printable(str(place))} if place is not None and place.line else {}
        told |= self._array(node.value, "px", "table")
        if node in record.turns:
            gradient = record.turns[node].arrived
            told |= {"grad": record.gradient(i)} | ({"gbad": 1} if badness(gradient) else {})
            told |= self._array(gradient, "gpx", "gtable")
        return told

    def _array(self, x: Any, picture: str, table: str) -> dict[str, Any]:
        """The picture of an array, and its first numbers."""
        if not np.ndim(x):
            return {}
        flat = np.asarray(x, float)
        flat = flat.reshape(1, -1) if flat.ndim < 2 else flat.reshape(-1, flat.shape[-1])
        rows = [[shown(v, FIGURES) for v in row[:COLUMNS]] for row in flat[:ROWS]]
        told: dict[str, Any] = {"shape": "×".join(map(str, np.shape(x))), "rows": rows}
        told |= {"more": 1} if flat.shape[0] > ROWS or flat.shape[1] > COLUMNS else {}
        return {picture: self._picture(x), table: told}

    def _picture(self, x: Any) -> int:
        made = pixels(x)
        return self.pictures(made.url, [made.url, made.width, made.height, *thumbnail(made)])

    def _math(self, formula: Formula) -> int:
        """The number of a formula, as nested lists [tag, part, …] of MathML."""
        written = as_mathml(formula)
        return self.formulas(written, _nested(ElementTree.fromstring(written)))

    # ── steps ────────────────────────────────────────────────────────────────────────────────

    def _step(self, event: Event) -> dict[str, Any]:
        told: dict[str, Any] = {"k": event.kind, "n": event.node}
        told |= {"born": event.born} if event.born else {}
        if event.kind == "forward":
            return told | {"eq": self._forward(event.node)}
        if event.arrow is not None:
            told |= {"e": self.edge[event.arrow]}
            told |= {"none": 1} if event.sent is None else self._sent(event, event.arrow)
        return told

    def _forward(self, i: int) -> list[int]:
        """A node's formula; and with numbers, if it is one of numbers."""
        record, node = self.record, self.record.order[i]
        equal = [record.names.formula(node)]
        if _is_scalar(node) and len(node.inputs) < 9:
            numbers = record.names.with_numbers(_parents(node), record.precision)
            equal.append(numbers.formula(node))
        return [self._math(formula) for formula in dict.fromkeys(equal)]

    def _sent(self, event: Event, arrow: Arrow) -> dict[str, Any]:
        """A contribution: its slope, the number, and the sum that it is added to.

        `eq` is what ∂node/∂parent equals; with `whole`, what ∂output/∂parent is sent.
        """
        record, node = self.record, self.record.order[arrow.head]
        parent = record.order[arrow.tail]
        told: dict[str, Any] = {"c": shown(event.sent, record.precision)}
        told |= {"cbad": 1} if badness(event.sent) else {}
        told |= {"cpx": self._picture(event.sent)} if np.ndim(event.sent) else {}
        if not np.ndim(event.sent):
            told |= {"to": shown(event.after, record.precision)}
            told |= {} if event.before is None else {"from": shown(event.before, record.precision)}
        if np.shape(parent.value) != np.shape(node.value) and isinstance(node.op, Elementwise):
            told["wide"] = 1
        a = arrow.argument
        if _is_scalar(node):
            told["slope"] = as_text(slope_number(node, a, record.precision))
            return told | {"eq": self._equal(self._slopes(node, a, told["slope"]))}
        if isinstance(node.op, Elementwise):
            with np.errstate(all="ignore"):
                slope = np.asarray(node.op.slope(a, node.value, node.inputs), float)
            even = bool(slope.size) and bool(np.all(slope == slope.flat[0]))
            told |= {"slope": shown(slope.flat[0], record.precision)} if even else {
                "spx": self._picture(slope)}
            formula = record.names.slope(node, a)
            return told | {"eq": self._equal([formula] if formula is not None else [])}
        arrives = Derivative(record.whole, record.names[node])
        return told | {"eq": self._equal([record.names.pullback(node, a, arrives)]), "whole": 1}

    def _slopes(self, node: Node, a: int, number: str) -> list[Formula]:
        """The slope of a node that holds a number: as a formula, with numbers, its value."""
        formula = self.record.names.slope(node, a)
        if formula is None:
            return [Number(number)]
        numbers = self.record.names.with_numbers([node, *_parents(node)], self.record.precision)
        filled = numbers.slope(node, a)
        return [*dict.fromkeys([formula] + ([filled] if filled is not None else [])),
                *([Number(number)] if Number(number) not in (formula, filled) else [])]

    def _equal(self, formulas: Sequence[Formula]) -> list[int]:
        return [self._math(formula) for formula in formulas]

    # ── scenes ───────────────────────────────────────────────────────────────────────────────

    def _scene(self, scene: Scene) -> dict[str, Any]:
        """Boxes, links and where one is. A box that is from outside is a ghost."""
        items = [self._item(scene, k) for k in range(len(scene.boxes))]
        number = {placed.box: k for k, placed in enumerate(scene.boxes)}
        links = []
        for link, path in scene.paths.items():
            told = {"a": number[link.tail], "b": number[link.head], "d": path,
                    "es": [self.edge[arrow] for arrow in link.arrows]}
            if link in scene.labels:
                x, y = scene.labels[link]
                told |= {"label": link_label(self.record, link), "x": round(x), "y": round(y)}
            links.append(told)
        hidden = {i: k for k, placed in enumerate(scene.boxes)
                  if isinstance(placed.box.what, Group) for i in placed.box.what}
        return {"title": printable(scene.group.title), "w": round(scene.width),
                "h": round(scene.height), "items": items, "links": links,
                "path": [self.number[g] for g in scene.group.chain()[:-1]],
                "in": sorted(hidden.items())}

    def _item(self, scene: Scene, k: int) -> dict[str, Any]:
        placed = scene.boxes[k]
        box = placed.box
        told: dict[str, Any] = {"x": round(placed.x, 1), "y": round(placed.y, 1),
                                "w": round(placed.width, 1), "h": round(placed.height, 1)}
        told |= {"ghost": 1} if box.within is not scene.group else {}
        if isinstance(box.what, Group):
            return told | {"g": self.number[box.what], "sub": self.tree.counted(box.what),
                           "name": shortened(printable(box.what.title), TEXT_COLUMNS + 8)}
        told |= {"copy": list(box.copy)} if box.copy != (0, 0) else {}
        name = self.record.names[self.record.order[box.what]].name
        return told | {"n": box.what, "name": shortened(name, NAME_COLUMNS, 6),
                       "expr": shortened(self.record.formula(box.what), TEXT_COLUMNS)}


def _is_scalar(node: Node) -> bool:
    """Whether a node and all that it is made of are single numbers."""
    return not np.ndim(node.value) and not any(map(np.ndim, node.inputs))


def _parents(node: Node) -> list[Node]:
    return [p for p in node.parents if p is not None]


def _nested(element: ElementTree.Element) -> list[Any]:
    """An element as [tag, part, …]; a part is another, or its text."""
    return [element.tag, *([element.text] if element.text else []), *map(_nested, element)]
