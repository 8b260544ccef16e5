"""A model as a table: its modules, the shapes of their parameters, how many numbers these are."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import no_grad

from .evaluation import as_it_answers, as_single, is_single, run_model, takes_samples
from .module import Module, listening
from .state import kept

__all__ = ["Row", "Summary", "summary"]

MOST = 30  # rows; of more, modules deep inside are counted with what they are in


class Row(NamedTuple):
    """A module: its path, its class, its parameters with shapes, how many numbers they hold, and
    the shape of what it gave, if it was asked.
    """

    name: str
    kind: str
    shapes: str
    numbers: int
    output: str = ""


def summary(model: Module, x: Any = None) -> Summary:
    """A table of a model's modules: see `Module.summary`. Nothing of the model is changed.

    >>> from autograd_mini import nn
    >>> print(nn.summary(nn.Sequential(nn.Linear(2, 3), nn.Tanh()), np.ones((5, 2))))
    module       class       parameters          numbers  output
    ───────────  ──────────  ──────────────────  ───────  ──────
    (the model)  Sequential                               5×3
    0            Linear      weight 3×2, bias 3        9  5×3
    1            Tanh                                     5×3
    ───────────  ──────────  ──────────────────  ───────  ──────
    in all                                             9
    """
    return Summary(model, x)


class Summary(Sequence[Row]):
    """The rows of a model's table; `str` is the table as text, and a notebook shows it set."""

    def __init__(self, model: Module, x: Any = None) -> None:
        outputs = {} if x is None else _outputs(model, x)
        self.rows, self.total = _rows(model, outputs), _count(
            dict(model.named_parameters()).values())
        self.has_outputs = x is not None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: Any) -> Any:
        return self.rows[i]

    def __str__(self) -> str:
        cells = self._cells()
        widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
        lines = ["  ".join(cell.rjust(w) if k == 3 else cell.ljust(w)
                           for k, (cell, w) in enumerate(zip(row, widths, strict=True))).rstrip()
                 for row in cells]
        rule = "  ".join("─" * w for w in widths)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def _cells(self) -> list[list[str]]:
        """The table: its head, a row a module, and the sum."""
        rows = [[*row[:3], f"{row.numbers:,}" if row.numbers else "", row.output]
                for row in self.rows]
        table = [["module", "class", "parameters", "numbers", "output"], *rows,
                 ["in all", "", "", f"{self.total:,}", ""]]
        return table if self.has_outputs else [row[:4] for row in table]

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows, total = self._cells()
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                       for row in rows)
        names = "".join(f"<th>{name}</th>" for name in head)
        sums = "".join(f"<td><b>{cell}</b></td>" if cell else "<td></td>" for cell in total)
        return f"<table><tr>{names}</tr>{body}<tr>{sums}</tr></table>"


def _count(parameters: Any) -> int:
    return sum(int(np.size(p.value)) for p in parameters)


def _outputs(model: Module, x: Any) -> dict[int, str]:
    """The shape of what each module gave last, by its id."""
    shapes: dict[int, str] = {}

    def told(module: Module, result: Any) -> None:
        shapes[id(module)] = _shape_of(result)

    with kept(model), as_it_answers(model), no_grad(), listening(told):
        given = as_single(x) if is_single(model) else x
        shapes[id(model)] = _shape_of(run_model(model, given, takes_samples(model)))
    return shapes


def _shape_of(x: Any) -> str:
    """`5×3`; of several arrays each."""
    if isinstance(x, tuple):
        return ", ".join(map(_shape_of, x))
    shape = x.shape if hasattr(x, "shape") else np.shape(x) if not isinstance(x, list) else (
        len(x), *np.shape(x[0]))
    return "×".join(map(str, shape)) or "a number"


def _rows(model: Module, outputs: dict[int, str]) -> list[Row]:
    """A row for each module, and for the model itself; what two share is counted once."""
    found = dict(model.named_modules())
    depth = max((path.count(".") for path in found), default=0)
    while len(found) > MOST and depth >= 0:
        found = {path: m for path, m in found.items() if path.count(".") < depth or not path}
        depth -= 1
    paths = sorted((path for path in found if path), key=len, reverse=True)  # the innermost first
    own: dict[str, dict[str, Any]] = {path: {} for path in found}
    for name, p in model.named_parameters():
        path = next((path for path in paths if name.startswith(f"{path}.")), "")
        own[path][name.removeprefix(f"{path}.") if path else name] = p
    return [Row(path or "(the model)", type(module).__name__, _shapes(own[path]),
                _count(own[path].values()), outputs.get(id(module), ""))
            for path, module in found.items()]


def _shapes(parameters: dict[str, Any]) -> str:
    """`weight 8×4, bias 8`; of many single numbers how many there are: `w 16`."""
    told: dict[str, str] = {}
    singles: dict[str, int] = {}
    for name, p in parameters.items():
        if np.ndim(p.value):
            told[name] = "×".join(map(str, np.shape(p.value)))
        else:
            stem = name.rstrip("0123456789").rstrip(".")
            singles[stem] = singles.get(stem, 0) + 1
    several = len(singles) > 3
    told |= {"single numbers": str(sum(singles.values()))} if several else {
        name: str(count) for name, count in singles.items()}
    return ", ".join(f"{name} {shape}" for name, shape in told.items())
