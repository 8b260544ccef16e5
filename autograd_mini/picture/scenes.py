"""The views of a graph that a page switches between, one a group, each laid out beforehand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .dot import columns, shortened
from .folding import Group, Tree
from .layout import laid_out
from .pixels import Pixels, pixels
from .record import Record
from .views import Box, Link, View

__all__ = ["NAME_COLUMNS", "TEXT_COLUMNS", "Placed", "Scene", "scenes_of", "thumbnail"]

COLUMN, LINE = 7.25, 16.0  # of 12 px monospace text, in px
PAD_X, PAD_Y = 9.0, 7.0  # between a box's frame and what is in it
NAME_COLUMNS, TEXT_COLUMNS = 20, 22
QUICKLY = " splines=line mclimit=0.3 nslimit=1 nslimit1=1"
TANGLED = 40  # with more arrows than this, a scene has straight ones: curves take seconds
ACROSS, DOWN = 88, 60  # px, of the picture of an array in a box


@dataclass(eq=False)
class Placed:
    """A box with its place: the centre, width and height in px."""

    box: Box
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


@dataclass(eq=False)
class Scene:
    """One view: its boxes, and for each link an SVG path and the place of its label."""

    group: Group
    view: View
    boxes: list[Placed]
    paths: dict[Link, str] = field(default_factory=dict)
    labels: dict[Link, tuple[float, float]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def scenes_of(record: Record, tree: Tree) -> list[Scene]:
    """A scene for the whole graph and for each group, laid out in one run of the layout program.

    In the scene of a group, what is outside stands as its outermost closed group.
    """
    groups = list(tree.root.groups())
    scenes = []
    for group in [tree.root, *groups]:
        open_groups = set(group.chain())
        view = View(tree, [g for g in groups if g not in open_groups], around=group)
        boxes = [Placed(box, *_size(record, box)) for box in view.boxes]
        scenes.append(Scene(group, view, boxes))
    source = "\n".join(_as_dot(record, scene) for scene in scenes)
    for scene, placed in zip(scenes, _placed(source), strict=True):
        _take(scene, placed)
    return scenes


def link_label(record: Record, link: Link) -> str:
    """What stands beside an arrow; "" between groups."""
    if isinstance(link.tail.what, Group) or isinstance(link.head.what, Group):
        return ""
    slopes = [record.slope(arrow) if record.is_sent(arrow) else "0" for arrow in link.arrows]
    return shortened(", ".join(filter(None, slopes)), NAME_COLUMNS) if record.steps else ""


def thumbnail(picture: Pixels) -> tuple[int, int]:
    """The width and height, in px, of an array's picture in a box."""
    scale = max(2, min(10, ACROSS // picture.width, DOWN // picture.height))
    return picture.width * scale, picture.height * scale


def _size(record: Record, box: Box) -> tuple[float, float]:
    """The width and height of a box, from its text and its pictures."""
    if isinstance(box.what, Group):
        lines = [columns(shortened(box.what.title, TEXT_COLUMNS + 8)) + 2,
                 len("1234 operations, 1234 variables")]
        return max(lines) * COLUMN + 2 * PAD_X, 3 * LINE + 2 * PAD_Y
    i = box.what
    name = columns(shortened(record.names[record.order[i]].name, NAME_COLUMNS))
    formula = columns(shortened(record.formula(i), TEXT_COLUMNS))
    first = name + (formula + 3 if formula else 0) + (5 if box.copy != (0, 0) else 0)
    numbers = columns(record.value(i)) + 2, columns(record.gradient(i)) + 6
    width = max(first, *numbers, 7) * COLUMN + 2 * PAD_X
    height = 3 * LINE + 2 * PAD_Y
    value = record.order[i].value
    if getattr(value, "ndim", 0):
        across, down = thumbnail(pixels(value))
        width, height = max(width, 2 * across + 3 * PAD_X), height + down + 6
    return width, height


# ── layout ───────────────────────────────────────────────────────────────────────────────────


def _as_dot(record: Record, scene: Scene) -> str:
    """Names, sizes and labels of the right width: the text itself is drawn by the page."""
    names = {placed.box: f"n{k}" for k, placed in enumerate(scene.boxes)}
    quick = QUICKLY if len(scene.view.links) > TANGLED else ""
    lines = [f"digraph {{ rankdir=LR nodesep=0.22 ranksep=0.35{quick}",
             'node [shape=box fixedsize=true label=""]',
             "edge [arrowsize=0.6 fontname=Courier fontsize=10]"]
    lines += [f"{names[p.box]} [width={p.width / 72:.3f} height={p.height / 72:.3f}]"
              for p in scene.boxes]
    for k, link in enumerate(scene.view.links):
        label = columns(link_label(record, link))
        shown = f' label="{"x" * (label + 1)}"' if label else ""
        lines.append(f"{names[link.tail]} -> {names[link.head]} [id={k}{shown}]")
    return "\n".join([*lines, "}"])


def _placed(source: str) -> Iterator[dict[str, object]]:
    """What the layout program says of each graph."""
    found = laid_out(source, ["-Tjson0"], says_so=False).decode()
    decoder, at = json.JSONDecoder(), 0
    while (at := found.find("{", at)) >= 0:
        graph, at = decoder.raw_decode(found, at)
        yield graph


def _take(scene: Scene, placed: dict[str, object]) -> None:
    """Put the boxes and paths of a scene where the layout program says."""
    left, bottom, right, top = (float(v) for v in str(placed["bb"]).split(","))
    scene.width, scene.height = right - left, top - bottom
    objects = placed.get("objects", [])
    edges = placed.get("edges", [])
    assert isinstance(objects, list) and isinstance(edges, list)
    for said in objects:
        box = scene.boxes[int(said["name"][1:])]
        x, y = _point(said["pos"])
        box.x, box.y = x - left, top - y
    for said in edges:
        link = scene.view.links[int(said["id"])]
        scene.paths[link] = _path(said["pos"], left, top)
        if "lp" in said:
            x, y = _point(said["lp"])
            scene.labels[link] = x - left, top - y


def _point(text: str) -> tuple[float, float]:
    x, y = text.split(",")
    return float(x), float(y)


def _path(text: str, left: float, top: float) -> str:
    """Graphviz's spline as an SVG path; its end comes first, marked by "e,"."""
    points: Sequence[str] = text.split()
    end = points[0].removeprefix("e,") if points[0].startswith("e,") else ""
    shown = [f"{x - left:.0f},{top - y:.0f}" for x, y in
             (_point(p) for p in [*points[bool(end):], *([end] if end else [])])]
    curve = shown[1:-1] if end else shown[1:]
    return f"M{shown[0]}C{' '.join(curve)}" + (f"L{shown[-1]}" if end else "")
