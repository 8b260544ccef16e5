"""From a graph to Graphviz's language, and from there to a picture."""

from __future__ import annotations

import html
import shutil
import subprocess
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Any

import graphviz
import numpy as np

from ..backprop import as_float64
from ..errors import AutogradError, MissingExtraError
from ..graph import Node, topological_order, value_of
from ..primitive import Elementwise

__all__ = ["Drawing", "LayoutError", "drawing", "layout"]

FORWARD, BACKWARD, LEAF, MADE, OUTPUT = "#7f8c8d", "#c0392b", "#eaf2fb", "#ffffff", "#e9f7ef"
HOW_TO_LAY_OUT = (
    "no layout program was found: install Graphviz (its `dot` must be on PATH), or "
    "pip install 'autograd-mini[viz]' (in a clone: '.[viz]')"
)
COPIES = 4  # a leaf used more often is drawn once per use: dot takes minutes on such hubs


class LayoutError(AutogradError, RuntimeError):
    """Graphviz couldn't lay the graph out, or not in time."""


# ── layout: DOT text to a picture, by a program that may not be there ────────────────────────


def _program() -> str | None:
    """Graphviz's `dot` from PATH, else the one in the wheel graphviz-pure, else None."""
    scripts = sysconfig.get_path("scripts")  # need not be on PATH
    return (
        shutil.which("dot")
        or shutil.which("graphviz-pure")
        or shutil.which("graphviz-pure", path=scripts)
    )


def layout(source: str, form: str = "svg", seconds: float = 20.0) -> bytes:
    """The picture of DOT text, in Graphviz's format `form` ("svg", "png", "pdf" …).

    Raises `MissingExtraError` if there is no layout program, and `LayoutError` if it fails or
    takes more than `seconds` seconds.
    """
    program = _program()
    if program is None:
        raise MissingExtraError(HOW_TO_LAY_OUT)
    try:
        done = subprocess.run(
            [program, "-Kdot", f"-T{form}"], input=source.encode(), capture_output=True,
            timeout=seconds, check=True,
        )
    except subprocess.TimeoutExpired:
        raise LayoutError(
            f"the layout took more than {seconds:g} s: draw a smaller part of the graph, or "
            "lower max_nodes for a summary"
        ) from None
    except (subprocess.CalledProcessError, OSError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        raise LayoutError(f"{program} failed: {said.decode(errors='replace').strip()}") from None
    return done.stdout


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that finds a layout program, and says so if there is none."""

    def svg(self) -> str:
        """The picture as SVG text."""
        return layout(self.source).decode()

    def write(self, path: str | Path) -> Path:
        """Save the picture; the suffix says how: .svg, .png, .pdf …, or .dot/.gv for the text."""
        path = Path(path)
        form = path.suffix.lstrip(".").lower()
        if form in ("dot", "gv"):
            path.write_text(self.source, encoding="utf-8")
        elif form:
            path.write_bytes(layout(self.source, form))
        else:
            raise ValueError(f"{path} needs a suffix that says the format, such as .svg")
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any
                          ) -> dict[str, str]:
        """What a notebook shows: SVG, PNG and text; text alone, with the cure, if need be."""
        import base64

        try:
            png = base64.b64encode(layout(self.source, "png")).decode()
            return {"image/svg+xml": self.svg(), "image/png": png, "text/plain": self.source}
        except (MissingExtraError, LayoutError) as error:
            return {"text/plain": f"{self.source}\n// {error}"}


# ── DOT: what a node and an edge say ─────────────────────────────────────────────────────────


def _text(s: str) -> str:
    """User text, safe inside an HTML-like label: escaped, without control characters."""
    safe = html.escape("".join(c if c.isprintable() else "�" for c in s))
    return safe.replace("]", "&#93;")  # which Graphviz would take for the end of a CDATA section


def summary(x: Any, precision: int) -> str:
    """A number; a small array whole; a large one by shape, least, greatest and norm."""
    if x is None:
        return "not computed"
    array = np.asarray(x)
    if array.ndim == 0:
        return f"{float(array):.{precision}g}"
    if array.size <= 6:
        return np.array2string(array, precision=precision, separator=", ").replace("\n", "")
    norm = float(np.sqrt(np.sum(np.square(array))))
    return (
        f"{array.shape}: {array.min():.{precision}g} … {array.max():.{precision}g}, "
        f"norm {norm:.{precision}g}"
    )


def _box(node: Node, gradients: bool, precision: int) -> str:
    """A node's HTML-like label: its name, its value, its gradient."""
    rows = [f"<b>{_text(node.label)}</b>"] if node.label else []
    rows.append(f"data {_text(summary(node.value, precision))}")
    if gradients:
        shown = _text(summary(node.gradient, precision))
        rows.append(f'<font color="{BACKWARD}">grad {shown}</font>')
    return f"<{'<br/>'.join(rows)}>"


def _slopes(node: Node, precision: int) -> list[str]:
    """∂node/∂parent for each argument, as text; "Jᵀ" where it is a matrix of them."""
    op, y = node.op, node.value
    assert op is not None
    with np.errstate(all="ignore"):
        if type(y) is float:
            inputs = tuple(map(as_float64, node.inputs))
            sends = op.pull(as_float64(1.0), as_float64(y), inputs, node)
            return [summary(0.0 if s is None else s, precision) for s in sends]
        if isinstance(op, Elementwise):
            return [
                "" if op.slopes[i] is None else _range(op.slope(i, y, node.inputs), precision)
                for i in range(len(node.inputs))
            ]
    return ["Jᵀ"] * len(node.inputs)


def _range(slope: Any, precision: int) -> str:
    """One number if all slopes are equal, else the least and the greatest."""
    s = np.asarray(value_of(slope), float)
    if not s.size:
        return ""
    low, high = f"{s.min():.{precision}g}", f"{s.max():.{precision}g}"
    return low if low == high else f"{low} … {high}"


def drawing(node: Node, direction: str, gradients: bool, precision: int, max_nodes: int
            ) -> Drawing:
    """See `autograd_mini.picture.draw`."""
    if not isinstance(node, Node):
        raise TypeError(f"only a Value or a Tensor has a graph, not a {type(node).__name__}")
    if direction not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f"direction is LR, TB, RL or BT, not {direction!r}")
    nodes = list(topological_order(node))[::-1]
    dot = Drawing("autograd", graph_attr={"rankdir": direction, "nodesep": "0.25"})
    dot.attr("node", fontname="Helvetica,Arial,sans-serif", fontsize="11", margin="0.12,0.06")
    dot.attr("edge", fontname="Helvetica,Arial,sans-serif", fontsize="10", fontcolor=BACKWARD)
    if len(nodes) > max_nodes:
        dot.node("summary", _summary_of(nodes, precision, max_nodes), shape="box")
        return dot
    uses = Counter(parent for n in nodes for parent in n.parents)
    names = {n: f"n{i}" for i, n in enumerate(nodes)}
    taken: Counter[Node] = Counter()  # of a copied leaf, the copies that have their edge
    for n in nodes:
        fill = OUTPUT if n is node else LEAF if n.op is None else MADE
        box = {"label": _box(n, gradients, precision), "shape": "box",
               "style": "rounded,filled", "fillcolor": fill}
        copied = n.op is None and uses[n] > COPIES
        if not copied:
            dot.node(names[n], **box)
        if n.op is not None:
            _operation(dot, n, names, uses, taken, gradients, precision)
        elif copied:
            for use in range(uses[n]):
                dot.node(f"{names[n]}u{use}", **box)
    return dot


def _operation(dot: Drawing, n: Node, names: dict[Node, str], uses: Counter[Node | None],
               taken: Counter[Node], gradients: bool, precision: int) -> None:
    """The oval of n's operation, an edge from each parent and one to n."""
    op_name = f"{names[n]}op"
    assert n.op is not None
    dot.node(op_name, f"<{_text(_spoken(n))}>", shape="oval", color=FORWARD)
    both = {"dir": "both", "color": f"{FORWARD}:{BACKWARD}", "arrowtail": "vee"}
    slopes = _slopes(n, precision) if gradients else [""] * len(n.parents)
    for parent, slope in zip(n.parents, slopes, strict=True):
        if parent is None:
            continue
        tail = names[parent]
        if parent.op is None and uses[parent] > COPIES:
            tail = f"{tail}u{taken[parent]}"
            taken[parent] += 1
        plain = {"color": FORWARD}
        style = both | {"label": f"<×{_text(slope)}>"} if gradients and slope else plain
        dot.edge(tail, op_name, **style)
    dot.edge(op_name, names[n], **(both if gradients else {"color": FORWARD}))


def _spoken(n: Node) -> str:
    """The operation's symbol with its constants in their places: `** 2`, `1 /`, `(4, 2) @`."""
    assert n.op is not None
    if len(n.inputs) != 2:
        return str(n.op.symbol)
    sides = [
        "" if p is not None else str(x.shape) if np.ndim(x) else f"{x:.6g}"
        for p, x in zip(n.parents, n.inputs, strict=True)
    ]
    return f"{sides[0]} {n.op.symbol} {sides[1]}".strip()


def _summary_of(nodes: list[Node], precision: int, max_nodes: int) -> str:
    """A label that says what a graph too large to draw is made of."""
    counts = Counter("leaf" if n.op is None else n.op.name for n in nodes)
    named = [n for n in nodes if n.label][:20]
    rows = [f"<b>{len(nodes):,} nodes, more than max_nodes={max_nodes:,}: raise it to draw them "
            "all</b>"]
    rows += [f"{count:,} × {_text(name)}" for name, count in counts.most_common(20)]
    rows += [f"<b>{_text(n.label)}</b>: data {_text(summary(n.value, precision))}, "
             f"grad {_text(summary(n.gradient, precision))}" for n in named]
    out = nodes[-1]
    rows.append(f"output: data {summary(out.value, precision)}, "
                f"grad {summary(out.gradient, precision)}")
    return f"<{'<br/>'.join(rows)}>"
