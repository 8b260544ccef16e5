"""Pictures of the graph. Graphviz is imported when the first one is drawn, not before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import MissingExtraError
from ..graph import Node
from .derivation import Explanation, explain

if TYPE_CHECKING:
    from .dot import Drawing

__all__ = ["Explanation", "draw", "explain", "save"]


def draw(node: Node, *, direction: Literal["LR", "TB", "RL", "BT"] = "LR", gradients: bool = True,
         precision: int = 4, max_nodes: int = 300) -> Drawing:
    """The graph behind `node`, as a `graphviz.Digraph` that shows itself in a notebook.

    Boxes are values (with their gradients), ovals operations. A grey arrow is the forward pass;
    the red one beside it the backward pass, marked with the local slope ∂(head)/∂(tail): a
    node's gradient is the sum, over its red arrows, of slope × the gradient at the other end.

    direction: of the forward pass (Graphviz's rankdir). gradients: whether to show gradients
    and slopes. precision: significant digits. max_nodes: a larger graph gives a summary of
    itself instead. `.write("graph.svg")` saves the picture; `.source` is the DOT text.
    Raises `TypeError` if `node` isn't a node.
    """
    from .dot import drawing

    return drawing(node, direction, gradients, precision, max_nodes)


def save(drawing: Drawing, path: Path) -> str:
    """Write a picture and say where; without a layout program its DOT text, and how to get one."""
    try:
        return str(drawing.write(path))
    except MissingExtraError as error:
        text = drawing.write(path.with_suffix(".dot"))
        return f"{text} (the graph as DOT text: {error})"
