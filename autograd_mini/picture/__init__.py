"""Pictures of the graph. Graphviz is imported when the first one is drawn, not before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import MissingExtraError
from ..graph import Node
from ..places import users_frame, warn
from .derivation import Explanation, explain
from .record import Gradients, Record, check_precision
from .run import run_of
from .watched import scope

if TYPE_CHECKING:
    from .layout import Drawing
    from .page import Steps

__all__ = ["Explanation", "draw", "explain", "save", "scope", "steps"]

DIRECTIONS = ("auto", "LR", "TB", "RL", "BT")


def draw(what: Any, *args: Any, fold: Any = "auto", depth: int | None = None, focus: Any = None,
         direction: Literal["auto", "LR", "TB", "RL", "BT"] = "auto",
         gradients: bool | Literal["stored"] = True, precision: int = 4, max_nodes: int = 60
         ) -> Drawing:
    """The graph of a node, or of what a function computes, as a picture: boxes, arrows, gradients.

    A box is a node: its name, how it was computed, its value and, in red, ∂output/∂node. An arrow
    is red where a gradient came back along it, with the local slope it was multiplied by (ḡ is the
    gradient at its head, × is entry by entry); grey and dashed where nothing came back.

    what: a node; or a function, called with args. Of a function more is known: the modules,
    functions and `scope` blocks in which nodes are made, and the names of variables and arrays. It
    is called once; and again, as by `as_written`, if it raises what code does that takes no nodes.
    fold: "auto" closes functions of the library, such as softmax, and modules as far as needed for
    max_nodes boxes; True closes everything, False nothing; or names of what is to be closed.
    depth: open so many levels of modules. focus: a node, or (node, steps): only what is near it.
    direction: of the forward pass; "auto" is from left to right unless that is too wide.
    gradients: True computes those of this output, and stores nothing; "stored" shows `.grad` as it
    is; False shows none. precision: significant digits.

    A function that raises is drawn as far as it came, with its error, and a `RuntimeWarning`.
    Returns a `graphviz.Digraph` that shows itself in a notebook; `.write("graph.svg")` saves it.
    Raises `TypeError` for what is no node and no function that returns one, `ValueError` for a
    direction or a fold that there isn't, and for a focus outside of the graph.

    >>> import autograd_mini as ag
    >>> "tanh" in ag.draw(ag.tanh(ag.Value(0.5))).source
    True
    """
    from .views import check_folding

    kind = _gradients(direction, gradients)
    check_precision(precision)
    near = check_folding(fold, depth, focus, max_nodes)
    run = run_of(what, args, users_frame(), "draw")
    if run.error:
        warn(f"the function raised, and the picture is of what it had computed: {run.error}",
             RuntimeWarning)
    return _drawn(Record(run, kind, precision), fold, depth, near, max_nodes, direction)


def _gradients(direction: Any, gradients: Any) -> Gradients:
    """Which gradients are shown. Raises `ValueError` for what isn't one of the choices."""
    if direction not in DIRECTIONS:
        raise ValueError(f"direction is one of {', '.join(DIRECTIONS)}, not {direction!r}")
    if not isinstance(gradients, bool) and gradients != "stored":
        raise ValueError(f"gradients is True, False or 'stored', not {gradients!r}")
    return "stored" if gradients == "stored" else "computed" if gradients else "none"


def _drawn(record: Record, fold: Any, depth: int | None, near: tuple[Node, int] | None,
           max_nodes: int, direction: str) -> Drawing:
    from .dot import drawing
    from .views import focused, folded

    view = folded(record, fold, depth, max_nodes) if near is None else focused(record, *near)
    return drawing(record, view, direction)


def steps(what: Any, *args: Any, title: str | None = None, fold: Any = "auto", precision: int = 4,
          limit: int = 1000, seed: Any = None, predict: bool = False) -> Steps:
    """The forward and the backward pass step by step, as a page to go through in a browser.

    Each value as it is computed; each gradient as it arrives and, times its local slope, is sent
    on; each sum as it grows. The page is one HTML file that works offline and computes nothing.

    what: a node that holds one number, or a function, called with args, as for `draw`. title: that
    of the page. fold: "auto" has a scene for each module, function of the library and `scope`;
    False has none. precision: significant digits. limit: of more nodes, or four times as many
    arrows, no page is made. seed: the gradient to start with, of the output's shape, if that isn't
    one number. predict: begin with each step's result hidden, to be guessed, as an exercise.

    Returns `Steps`: `.write("steps.html")` saves the page, `.show()` opens it, `.events` are the
    steps as data; a notebook shows it. Raises `TypeError` for what is no node and no function that
    returns one, `ShapeError` for an output of several numbers without a seed, `GraphError` for a
    leaf or too large a graph, and `MissingExtraError` without a layout program.

    >>> import autograd_mini as ag
    >>> w, x = ag.Value(0.5, label="w"), ag.Value(2.0, label="x")
    >>> len(ag.steps(ag.tanh(w * x)))
    9
    """
    from .page import check_program, steps_of

    check_program()
    check_precision(precision)
    run = run_of(what, args, users_frame(), "steps")
    return steps_of(run, title, fold, precision, limit, seed, predict)


def save(drawing: Drawing, path: Path) -> str:
    """Write a picture and say where; without a layout program its DOT text, and how to get one."""
    try:
        return str(drawing.write(path))
    except MissingExtraError as error:
        text = drawing.write(path.with_suffix(".dot"))
        return f"{text} (the graph as DOT text: {error})"
