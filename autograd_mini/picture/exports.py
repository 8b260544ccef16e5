"""A graph as data for programs, and as TikZ for papers."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from ..graph import value_of
from .layout import laid_out
from .notation import SUM, Name
from .record import Arrow, Record
from .spelled import as_latex
from .views import Box, View

__all__ = ["as_dict", "as_tikz"]

CENTIMETRE = 28.35  # points, of which Graphviz's places are


def as_dict(record: Record) -> dict[str, Any]:
    """The graph as JSON takes it: {"output", "error", "nodes", "arrows"}.

    A node: name, path (of a parameter), kind ("variable" or "operation"), formula, shape, value and
    gradient (numbers and nested lists; None where there is none; "nan", "inf" and "-inf" as texts,
    which JSON has no numbers for), parts (those of the program that it was made in), place (file
    and line). An arrow: from, to (places in nodes), argument, slope, sent.
    """
    nodes = []
    for i, node in enumerate(record.order):
        place = record.run.place(node)
        turn = record.turns.get(node)
        gradient = node.gradient if record.gradients == "stored" else turn and turn.arrived
        nodes.append({
            "name": record.names[node].name, "path": record.names.full[node],
            "kind": "variable" if node.op is None else "operation",
            "operation": node.op.name if node.op is not None else None,
            "formula": record.formula(i) or None, "shape": list(np.shape(node.value)),
            "value": _plain(node.value), "gradient": _plain(gradient),
            "parts": [part.title for part in record.run.path(node)],
            "place": str(place) if place is not None and place.line else None})
    arrows = [{"from": arrow.tail, "to": arrow.head, "argument": arrow.argument,
               "slope": record.slope(arrow) or None, "sent": _plain(record.sent(arrow))}
              for arrow in record.arrows]
    return {"output": record.index[record.output], "error": record.run.error or None,
            "nodes": nodes, "arrows": arrows}


def _plain(x: Any) -> Any:
    """Numbers as JSON has them."""
    x = value_of(x)
    if x is None:
        return None
    if np.ndim(x):
        return [_plain(part) for part in np.asarray(x)]
    x = float(x)
    return x if math.isfinite(x) else str(x)


# ── TikZ ─────────────────────────────────────────────────────────────────────────────────────


def as_tikz(source: str, record: Record, view: View, names: dict[Box, str]) -> str:
    """A tikzpicture with the boxes where the layout program puts them; amsmath and tikz are enough.

    source: the drawing's DOT text, in which a box has the name that `names` says.
    """
    placed = json.loads(laid_out(source, ["-Tjson0"], says_so=False))
    at = {said["name"]: said["pos"].split(",") for said in placed["objects"] if "pos" in said}
    lines = [r"\begin{tikzpicture}[font=\small, box/.style={draw, rounded corners, align=left},",
             r"    back/.style={<->, draw=red!70!black}]"]
    for box in view.boxes:
        x, y = (float(v) / CENTIMETRE for v in at[names[box]])
        written = _written(record, box)
        lines.append(rf"  \node[box] ({names[box]}) at ({x:.2f},{y:.2f}) {{{written}}};")
    for link in view.links:
        sent = [arrow for arrow in link.arrows if record.is_sent(arrow)]
        style = "back" if sent else "->, dashed" if record.steps else "->"
        nodes = isinstance(link.tail.what, int) and isinstance(link.head.what, int)
        told = ", ".join(filter(None, (_slope(record, arrow) for arrow in sent if nodes)))
        label = rf" node[midway, above, sloped, text=red!70!black] {{${told}$}}" if told else ""
        lines.append(rf"  \draw[{style}] ({names[link.tail]}) --{label} ({names[link.head]});")
    return "\n".join([*lines, r"\end{tikzpicture}", ""])


def _slope(record: Record, arrow: Arrow) -> str:
    """What stands beside an arrow, in LaTeX."""
    sign, formula = record.slope_formula(arrow)
    if formula is None:
        return ""
    written = as_latex(formula)
    written = rf"\left({written}\right)" if sign and formula.level <= SUM else written
    return (sign.replace("Σ", r"\sum").replace("×", r"\times") + " " + written).strip()


def _written(record: Record, box: Box) -> str:
    """The lines of a box in LaTeX: what it is, its value, its gradient."""
    if not isinstance(box.what, int):
        return f"${as_latex(Name(box.what.title))}$"
    node = record.order[box.what]
    head = as_latex(record.names[node])
    head += f" = {as_latex(record.names.formula(node))}" if node.op is not None else ""
    rows = [f"${head}$", f"${as_latex(Name(record.value(box.what)))}$"]
    if gradient := record.gradient(box.what):
        rows.append(rf"\textcolor{{red!70!black}}{{$\partial\; {as_latex(Name(gradient))}$}}")
    return r" \\ ".join(rows)
