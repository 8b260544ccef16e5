"""The commands that show a graph: `draw`, `steps` and `explain`, of a formula or a function."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from .errors import AutogradError
from .formula import compute, functions
from .graph import topological_order
from .picture import draw, explain, save, steps

__all__ = ["UsageError", "add_pictures", "colours", "imported", "names_in", "user_code"]


class UsageError(Exception):
    """Something the user gave that can't be used: one line, exit status 2."""


def colours() -> bool:
    """Whether a terminal shows colours, and NO_COLOR isn't set (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def add_pictures(commands: Any) -> None:
    """Add the commands to a parser's."""
    picture = _command(commands, "draw", "draw the graph of a formula, with gradients", _draw)
    picture.add_argument("-o", "--output", type=Path, default=Path("graph.svg"), metavar="FILE",
                         help="its suffix says the format (default: %(default)s)")
    picture.add_argument("--direction", choices=("auto", "LR", "TB"), default="auto",
                         help="of the forward pass (default: %(default)s)")
    picture.add_argument("--no-gradients", action="store_true", help="only the values")
    page = _command(commands, "steps", "make a page that steps through both passes", _steps)
    page.add_argument("-o", "--output", type=Path, default=Path("steps.html"), metavar="FILE",
                      help="the page (default: %(default)s)")
    page.add_argument("--predict", action="store_true", help="hide each result, to be guessed")
    page.add_argument("--open", action="store_true", help="open it in the browser, too")
    derivation = _command(commands, "explain",
                          "write the derivation, forward and backward, with numbers", _explain)
    derivation.add_argument("--wrt", metavar="NAMES", help="only what leads to these: w,b")
    derivation.add_argument("--format", choices=("text", "latex", "html"), default="text")
    derivation.add_argument("-o", "--output", type=Path, metavar="FILE",
                            help="where it is written (default: standard output)")


def _command(commands: Any, name: str, does: str, run: Callable[..., int]) -> Any:
    parser = commands.add_parser(
        name, help=does, description=f"{does[0].upper()}{does[1:]}.",
        epilog="A formula that begins with - goes after --. Functions: "
               f"{', '.join(sorted(functions()))}")
    parser.add_argument("formula", help='such as "tanh(w*x + b)"; or FILE.py:function, which is '
                        "called without arguments")
    parser.add_argument("values", nargs="*", metavar="name=number", help="one for each name")
    parser.set_defaults(run=run)
    return parser


def _what(options: argparse.Namespace) -> Any:
    """The node of a formula, or the function of a file."""
    found = re.fullmatch(r"(.+\.py):(\w+)", options.formula)
    if found is None:
        with np.errstate(all="ignore"):  # at a pole the picture says inf; that is enough
            y = compute(options.formula, _assignments(options.values))
        y.label = y.label or ("result" if any(w.startswith("y=") for w in options.values) else "y")
        return y
    if options.values:
        raise UsageError(f"{options.formula} is called without arguments, and "
                         f"{options.values[0]!r} is one")
    path = Path(found[1])
    function = getattr(imported(path), found[2], None)
    if not callable(function):
        raise UsageError(f"{path} defines no function {found[2]!r}")
    return function


def _assignments(words: Sequence[str]) -> dict[str, float]:
    """The numbers by name, each once."""
    values: dict[str, float] = {}
    for word in words:
        name, number = _assignment(word)
        if name in values:
            raise UsageError(f"{name} is given twice")
        values[name] = number
    return values


def _assignment(word: str) -> tuple[str, float]:
    name, equals, number = word.partition("=")
    try:
        if not equals or not name.isidentifier():
            raise ValueError
        return name, float(number)
    except ValueError:
        raise UsageError(f"{word!r} isn't of the form name=number, such as w=0.5") from None


def _check_output(path: Path | None) -> None:
    """Raise for a folder that isn't there, before anything is computed."""
    if path is not None and not path.parent.is_dir():
        raise UsageError(f"no such folder: {path.parent}")


@contextmanager
def _of(options: argparse.Namespace) -> Iterator[Any]:
    """What is shown, in a block where the errors of its file are one line."""
    _check_output(options.output)
    what = _what(options)
    path = Path(options.formula.rpartition(":")[0])
    with user_code(path) if callable(what) else nullcontext():
        yield what


def _draw(options: argparse.Namespace) -> int:
    if not options.output.suffix:
        raise UsageError(f"{options.output} needs a suffix that says the format, such as .svg")
    with _of(options) as what:
        drawing = draw(what, direction=options.direction, gradients=not options.no_gradients)
    if not callable(what):
        what.backward()
        leaves = [node for node in topological_order(what) if node.is_leaf]
        for node in sorted(leaves, key=lambda leaf: leaf.label):
            print(f"d {what.label} / d {node.label} = {node.gradient:.10g}")
        print(f"{what.label} = {what.data:.10g}")
    print(f"wrote {save(drawing, options.output)}")
    return 0


def _steps(options: argparse.Namespace) -> int:
    if options.output.suffix not in (".html", ".htm"):
        raise UsageError(f"{options.output}: the page is a file with the suffix .html")
    with _of(options) as what:
        made = steps(what, title=options.formula, predict=options.predict)
    print(f"wrote {made.write(options.output)}: {len(made)} steps")
    if options.open:
        import webbrowser

        webbrowser.open(options.output.resolve().as_uri())
    return 0


def names_in(wrt: str | None) -> list[str] | None:
    """The names in a list with commas, such as `W,b`; None if there is none."""
    return [name.strip() for name in wrt.split(",")] if wrt else None


def _explain(options: argparse.Namespace) -> int:
    with _of(options) as what:
        told = explain(what, wrt=names_in(options.wrt))
    written = {"text": str(told), "latex": told.latex, "html": told.html}[options.format]
    if options.output is None:
        print(written)
        return 0
    options.output.write_text(written + "\n", encoding="utf-8")
    print(f"wrote {options.output}")
    return 0


# ── files of the user's ──────────────────────────────────────────────────────────────────────


@contextmanager
def user_code(path: Path) -> Iterator[None]:
    """Errors of the user's own code as one line that says where; the package's own as they are."""
    try:
        yield
    except (AutogradError, SyntaxError):
        raise
    except Exception as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__)
                 if Path(f.filename).resolve() == path.resolve()]
        where = f"{path}, line {lines[-1]}: " if lines else ""
        raise UsageError(f"{where or f'{path}: '}{type(error).__name__}: {error}") from error


def imported(path: Path) -> Any:
    """The module that a file makes. Raises `UsageError` with the line of what goes wrong."""
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} isn't a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))  # what it imports lies beside it
    try:
        with user_code(path):
            spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(f"{path}, line {error.lineno}: {error.msg}") from None
    return module
