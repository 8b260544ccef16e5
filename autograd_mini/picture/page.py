"""The backward pass as a page: one HTML file that works offline and computes nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import tempfile
import webbrowser
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, overload

import numpy as np

from ..backprop import seed_for
from ..errors import GraphError, MissingExtraError, ShapeError
from ..graph import value_of
from .events import Event, events_of
from .exports import as_dict
from .folding import tree_of
from .layout import HOW_TO_LAY_OUT, program
from .notation import printable
from .record import Record
from .run import Run
from .scenes import scenes_of
from .story import story_of
from .views import Fold

__all__ = ["Steps", "check_program", "steps_of"]

BOXES = 40  # in one scene
ARROWS = 4  # times the limit of nodes
IN_A_NOTEBOOK = 500_000  # bytes of a page that a notebook shows


class Steps(Sequence[Event]):
    """The steps of a run, as a list and as a page.

    `.write("steps.html")` saves the page, `.html` is its text, `.show()` opens it in a browser;
    `.events`, len() and indexing give the steps themselves.
    """

    def __init__(self, record: Record, title: str, folds: bool = True, predict: bool = False
                 ) -> None:
        self.record, self.title, self.predict = record, printable(title), predict
        self.events = events_of(record)
        tree = tree_of(record, None if folds else lambda i: (), most=BOXES, least=3)
        story = story_of(record, tree, scenes_of(record, tree), self.events, self.title)
        story["predict"] = predict
        self._spoken, self._summary = self._in_sentences(), self._in_words()
        self.html = _page(story, self._spoken)  # now: a variable may get other numbers later
        self._data = partial(as_dict, record)

    def write(self, path: str | Path) -> Path:
        """Save the page; returns its path."""
        path = Path(path)
        path.write_text(self.html, encoding="utf-8")
        return path

    def as_dict(self) -> dict[str, Any]:
        """The graph for programs, as JSON takes it; see `autograd_mini.picture.exports`."""
        return self._data()

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled or copied: all but the record, whose nodes aren't pickled."""
        return vars(self) | {"record": None, "_data": partial(dict, self.as_dict())}

    def show(self) -> Path:
        """Save the page in a temporary folder, and open it in the browser; returns its path."""
        path = self.write(Path(tempfile.mkdtemp(prefix="autograd_mini_")) / "steps.html")
        webbrowser.open(path.as_uri())
        return path

    def __len__(self) -> int:
        return len(self.events)

    @overload
    def __getitem__(self, i: int) -> Event: ...
    @overload
    def __getitem__(self, i: slice) -> list[Event]: ...
    def __getitem__(self, i: Any) -> Any:
        return self.events[i]

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __repr__(self) -> str:
        return self._summary

    def _in_words(self) -> str:
        name = self.record.names[self.record.output].name
        return (f"{len(self)} steps through {len(self.record.order)} nodes of {name}; "
                ".write('steps.html') or .show()")

    def _in_sentences(self) -> str:
        """The gradients of the variables in a sentence."""
        record = self.record
        told = [f"∂{record.whole.name}/∂{record.names.full[node]} = {record.gradient(i)}"
                for i, node in enumerate(record.order) if node.op is None and node in record.turns]
        return "; ".join(told[:100]) + ("; …" if len(told) > 100 else "")

    def _repr_html_(self) -> str:
        """In a notebook: the page in a frame that may run its script and nothing else."""
        caption = f"<figcaption>{html.escape(self._spoken)}</figcaption>"
        if self.predict:
            caption = f"<details><summary>the gradients, in words</summary>{caption}</details>"
        if len(self.html.encode()) > IN_A_NOTEBOOK:
            return f"<figure><p>{html.escape(repr(self))}</p>{caption}</figure>"
        return (f'<figure><iframe sandbox="allow-scripts" title="{html.escape(self.title)}" '
                'style="width:100%;height:520px;border:1px solid #8a929b;border-radius:8px" '
                f'srcdoc="{html.escape(self.html)}"></iframe>{caption}</figure>')


def check_program() -> None:
    """Raise `MissingExtraError` if there is nothing to lay a page out with."""
    if program() is None:
        raise MissingExtraError(HOW_TO_LAY_OUT)


def steps_of(run: Run, title: str | None, fold: Fold, precision: int, limit: int, seed: Any,
             predict: bool = False) -> Steps:
    """See `autograd_mini.picture.steps`."""
    if not isinstance(fold, bool) and fold != "auto":
        raise ValueError(f"fold is 'auto', True or False, not {fold!r}: a page folds by scenes")
    y = run.output
    if y.op is None:
        raise GraphError("there is nothing to step through: the node is a leaf, made of nothing")
    if seed is None and np.size(y.value) != 1:
        raise ShapeError(f"the output has shape {np.shape(y.value)}, and steps go back from one "
                         "number: reduce it first (.sum()), or give seed=, an array of that shape")
    arrows = sum(p is not None for node in run.order for p in node.parents)
    if len(run.order) > limit or arrows > ARROWS * limit:
        raise GraphError(f"{len(run.order):,} nodes and {arrows:,} arrows are too many to step "
                         f"through (limit={limit:,}, and {ARROWS} times as many arrows): take "
                         "fewer samples or a smaller part of the function, or raise limit=")
    given = None if seed is None else value_of(seed_for(y, seed))
    record = Record(run, "computed", precision, given)
    return Steps(record, title or f"{record.whole.name} and its gradient", fold is not False,
                 bool(predict))


def _page(story: dict[str, Any], spoken: str) -> str:
    """The HTML: only a script with this very text may run, and nothing may be loaded."""
    room = files(__package__)
    css, script = (room.joinpath(name).read_text(encoding="utf-8")
                   for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = ("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
              f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'")
    data = json.dumps(story, ensure_ascii=False, separators=(",", ":"))
    for character in "<\u2028\u2029":
        data = data.replace(character, f"\\u{ord(character):04x}")
    title = html.escape(story["title"])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{css}</style></head>\n<body>\n"
        "<noscript><p>This page needs scripts to step through the backward pass. The gradients: "
        f"{html.escape(spoken)}</p></noscript>\n"
        f'<div id="app"></div>\n<script type="application/json" id="data">{data}</script>\n'
        f"<script>{script}</script>\n</body></html>\n")
