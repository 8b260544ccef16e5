"""A view of a graph in Graphviz's language: a box a node, an arrow an argument."""

from __future__ import annotations

import html
import re
import textwrap
import unicodedata
from collections import defaultdict
from functools import lru_cache, partial

from .exports import as_dict, as_tikz
from .folding import Group
from .layout import Drawing
from .notation import printable
from .record import Record, badness
from .views import Box, Link, View

__all__ = ["columns", "drawing", "shortened"]

RED, RED_TEXT, GREY = "#d14a26", "#b4380b", "#8a929b"  # the last is for arrows, on light and dark
DIM, INK, PURPLE = "#59626d", "#1b1f24", "#7a0099"
LEAF, MADE, OUTPUT, GROUP = "#eaf2fb", "#ffffff", "#e8f5ec", "#f1eef8"
FONT = "Helvetica"  # whose widths Graphviz knows; "Helvetica,Arial" would be measured as Times
NAME, END, FORMULA, SLOPE = 24, 8, 26, 18  # so many columns are written of each
ERROR = 60  # columns of an error's lines
WIDE, SCREEN = 3.0, 900.0  # wider than so many heights and points: better from top to bottom


def drawing(record: Record, view: View, direction: str) -> Drawing:
    """The drawing of a view; direction: Graphviz's rankdir, or "auto"."""
    picture = _Picture(record, view)
    chosen = picture.direction() if direction == "auto" else direction
    return picture.drawn(chosen)


@lru_cache(maxsize=10_000)
def columns(text: str) -> int:
    """How many columns a text takes in a fixed-width font: East Asian letters take two."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
               for c in text)


def shortened(text: str, most: int, end: int = 0) -> str:
    """A text of at most so many columns, with … where something was left out.

    end: so many columns of its end are kept, by which long names may differ.
    """
    if columns(text) <= most:
        return text
    rest = _fitting(text[::-1], end)[::-1]
    return f"{_fitting(text, most - 1 - columns(rest))}…{rest}"


def _fitting(text: str, most: int) -> str:
    """As much of a text as fits into so many columns."""
    kept = ""
    for c in text:
        if columns(kept + c) > most:
            break
        kept += c
    return kept


class _Picture:
    """The boxes and arrows of a view, as DOT."""

    def __init__(self, record: Record, view: View) -> None:
        self.record, self.view = record, view
        self.names = {box: f"n{k}" for k, box in enumerate(view.boxes)}
        self.sentences: dict[str, str] = {}

    def drawn(self, direction: str) -> Drawing:
        """The whole."""
        dot = Drawing("autograd", graph_attr={
            "rankdir": direction, "nodesep": "0.2", "ranksep": "0.3", "bgcolor": "transparent",
            "fontname": FONT, "fontsize": "11", "fontcolor": GREY, "color": GREY,
            "style": "rounded", "labeljust": "l"})
        dot.attr("node", shape="box", style="rounded,filled", fontname=FONT, fontsize="11",
                 margin="0.1,0.05", penwidth="0.8", color="#9aa3ad", fontcolor=INK)
        dot.attr("edge", fontname=FONT, fontsize="9.5", fontcolor=RED, color=GREY, arrowsize="0.6")
        inside: dict[Group, list[Box]] = defaultdict(list)
        for box in self.view.boxes:
            inside[box.within].append(box)
        self._group(dot, self.view.tree.root, inside)
        for k, link in enumerate(self.view.links):
            self._arrow(dot, link, f"e{k}")
        if self.record.run.error:
            self._error(dot)
        output = self.record.index[self.record.output]
        dot.said = (f"The graph of {self.record.names[self.record.output].name} = "
                    f"{self.record.value(output)}: {len(self.record.order)} nodes")
        dot.sentences = self.sentences
        dot.data = partial(as_dict, self.record)
        dot.latex = partial(as_tikz, record=self.record, view=self.view, names=self.names)
        return dot

    def direction(self) -> str:
        """From left to right, or from top to bottom if that would be too wide, and this not too
        high: as estimated from the sizes of the boxes in each column.
        """
        rank: dict[Box, int] = dict.fromkeys(self.view.boxes, 0)
        for link in sorted(self.view.links, key=lambda link: self._last(link.tail)):
            rank[link.head] = max(rank[link.head], rank[link.tail] + 1)
        sizes: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for box in self.view.boxes:
            lines = [plain for plain, _ in self._lines(box)]
            sizes[rank[box]].append((5.2 * max(map(columns, lines)) + 24, 15.0 * len(lines) + 10))
        long = sum(max(w for w, _ in size) + 60 for size in sizes.values())
        high = max(sum(h + 14 for _, h in size) for size in sizes.values())
        deep = sum(max(h for _, h in size) + 45 for size in sizes.values())
        broad = max(sum(w + 14 for w, _ in size) for size in sizes.values())
        return "TB" if long > max(WIDE * high, SCREEN) and deep <= WIDE * broad else "LR"

    def _last(self, box: Box) -> int:
        """Where the last node of a box is, in forward order."""
        return box.what if isinstance(box.what, int) else max(
            (i for i in box.what if not self.record.is_variable(i)), default=-1)

    # ── boxes ────────────────────────────────────────────────────────────────────────────────

    def _group(self, dot: Drawing, group: Group, inside: dict[Group, list[Box]]) -> None:
        """The boxes of a group, and a frame for each open group in it."""
        for box in inside[group]:
            self._box(dot, box)
        for child in group.children:
            if isinstance(child, Group) and child not in self.view.closed:
                name = f"c{len(self.sentences)}"
                self.sentences[name] = f"{child.title}: {self.view.tree.counted(child)}"
                with dot.subgraph(name=f"cluster_{name}") as frame:
                    frame.attr(id=name, label=f"<{_text(shortened(child.title, NAME))}>")
                    self._group(frame, child, inside)

    def _box(self, dot: Drawing, box: Box) -> None:
        name, lines = self.names[box], self._lines(box)
        label = "".join(f'{written}<br align="left"/>' for _, written in lines)
        self.sentences[name] = ", ".join(plain for plain, _ in lines)
        record, style = self.record, {}
        nodes = [box.what] if isinstance(box.what, int) else list(box.what)
        if any(record.is_bad(i) for i in nodes):
            style = {"color": PURPLE, "penwidth": "2.2"}
        elif record.steps and not any(record.is_reached(i) for i in nodes):
            style = {"style": "rounded,filled,dashed", "fontcolor": DIM}
        dot.node(name, f"<{label}>", fillcolor=self._fill(box), id=name, **style)

    def _fill(self, box: Box) -> str:
        if isinstance(box.what, Group):
            return GROUP
        if self.record.order[box.what] is self.record.output and not self.record.run.error:
            return OUTPUT
        return LEAF if self.record.is_variable(box.what) else MADE

    def _lines(self, box: Box) -> list[tuple[str, str]]:
        """The lines in a box, plain and as Graphviz's HTML."""
        if isinstance(box.what, int):
            note = f"{box.copy[0]} of {box.copy[1]} uses" if box.copy != (0, 0) else ""
            return [self._titled(self._name(box.what), self.record.formula(box.what), note),
                    *self._numbers(box.what)]
        group = box.what
        out = self._outputs(group)
        single = out[0] if len(out) == 1 else None
        if group.part is not None and group.kind in ("composite", "function") and (
                single is not None):
            operations = [i for i in group if not self.record.is_variable(i)]
            formula = self.record.formula_of(group.part, operations)
            return [self._titled(self._name(single), formula), *self._numbers(single)]
        told = self.view.tree.counted(group)
        told += f", with {', '.join(dict.fromkeys(box.also))}" if box.also else ""
        lines = [self._titled(group.title, ""), (told, _dim(shortened(told, NAME + FORMULA)))]
        if single is not None and group.kind != "rest":
            (plain, text), *rest = self._numbers(single)
            name = f"{shortened(self._name(single), NAME)} ="
            lines += [(f"{name} {plain}", f"{_dim(name)} {text}"), *rest]
        return lines

    def _name(self, i: int) -> str:
        return self.record.names[self.record.order[i]].name

    def _titled(self, name: str, formula: str, note: str = "") -> tuple[str, str]:
        """A name in bold, how it was computed, and a note."""
        name, formula = shortened(name, NAME, END), shortened(formula, FORMULA)
        plain, written = name, f"<b>{_text(name)}</b>"
        for told in ([f"= {formula}"] if formula else []) + ([f"({note})"] if note else []):
            plain, written = f"{plain} {told}", f"{written} {_dim(told)}"
        return plain, written

    def _numbers(self, i: int) -> list[tuple[str, str]]:
        """The value and the gradient."""
        value, gradient, born = self.record.value(i), self.record.gradient(i), self.record.born(i)
        told = f"{value} ({born} is born here)" if born else value
        bad = badness(self.record.order[i].value)
        lines = [(told, _coloured(told, PURPLE) if bad else _text(told))]
        if gradient:
            bad = self.record.has_bad_gradient(i)
            lines.append((f"gradient {gradient}",
                          _coloured(f"∂ {gradient}", PURPLE if bad else RED_TEXT)))
        return lines

    def _outputs(self, group: Group) -> list[int]:
        """The nodes of a group that are used outside of it."""
        inside = set(group)
        return [i for i in sorted(inside) if not self.record.is_variable(i) and (
            self.record.order[i] is self.record.output
            or any(arrow.head not in inside for arrow in self.record.uses[i]))]

    def _error(self, dot: Drawing) -> None:
        """A box that says where and why the function raised, behind the names in its line."""
        said = self.record.run.error
        lines = textwrap.wrap(said, ERROR)[:6]
        label = "".join(f'{_coloured(line, RED_TEXT)}<br align="left"/>' for line in lines)
        dot.node("error", f"<{label}>", id="error", color=RED, fillcolor=MADE, penwidth="2.2",
                 style="rounded,filled,dashed")
        self.sentences["error"] = said
        line = said.partition("`")[2].partition("`")[0]
        for box, name in self.names.items():
            if isinstance(box.what, int) and self._name(box.what) in re.findall(r"\w+", line):
                dot.edge(name, "error", style="dashed", color=RED)

    # ── arrows ───────────────────────────────────────────────────────────────────────────────

    def _arrow(self, dot: Drawing, link: Link, name: str) -> None:
        record, style = self.record, {}
        tail, head = self._short(link.tail), self._short(link.head)
        sentence = f"{head} is computed from {tail}"
        if record.steps:
            sent = [arrow for arrow in link.arrows if record.is_sent(arrow)]
            if not sent:
                style = {"style": "dashed"}
                sentence += "; nothing comes back"
            else:
                style = {"dir": "both", "arrowtail": "normal", "arrowhead": "vee", "color": RED}
                if isinstance(link.tail.what, int) and isinstance(link.head.what, int):
                    slopes = ", ".join(filter(None, map(record.slope, sent)))
                    style |= {"label": f"<{_text(shortened(slopes, SLOPE))}>"} if slopes else {}
                    sentence += f"; the gradient comes back {slopes or 'by its rule'}"
        self.sentences[name] = sentence
        dot.edge(self.names[link.tail], self.names[link.head], id=name, **style)

    def _short(self, box: Box) -> str:
        return self._name(box.what) if isinstance(box.what, int) else box.what.title


def _text(s: str) -> str:
    """User text, safe inside an HTML-like label: escaped, without control characters."""
    safe = html.escape(printable(s))
    return safe.replace("]", "&#93;")  # which Graphviz would take for the end of a CDATA section


def _coloured(s: str, colour: str) -> str:
    return f'<font color="{colour}">{_text(s)}</font>'


def _dim(s: str) -> str:
    return _coloured(s, DIM)
