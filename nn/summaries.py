"""A model as a table: its modules, the shapes of their parameters, how many numbers these are."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .module import Module, _walk

__all__ = ["Row", "Summary"]

MOST = 30  # rows; of more, modules deep inside are counted with what they are in


class Row(NamedTuple):
    """A module: its path, its class, its parameters with shapes, and how many numbers they hold."""

    name: str
    kind: str
    shapes: str
    numbers: int


class Summary(Sequence[Row]):
    """The rows of a model's table; `str` is the table as text, and a notebook shows it set."""

    def __init__(self, model: Module) -> None:
        self.rows, self.total = _rows(model), _count(dict(model.named_parameters()).values())

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: Any) -> Any:
        return self.rows[i]

    def __str__(self) -> str:
        cells = [("module", "class", "parameters"), *(row[:3] for row in self.rows)]
        widths = [max(len(row[k]) for row in cells) for k in range(3)]
        numbers = ["numbers", *(f"{row.numbers:,}" if row.numbers else "" for row in self.rows)]
        right = max(map(len, [*numbers, f"{self.total:,}"]))
        lines = ["  ".join([*(row[k].ljust(w) for k, w in enumerate(widths)), number.rjust(right)])
                 for row, number in zip(cells, numbers, strict=True)]
        rule = "  ".join("─" * w for w in [*widths, right])
        total = "in all".ljust(sum(widths) + 4) + f"  {self.total:>{right},}"
        return "\n".join([lines[0], rule, *(line.rstrip() for line in lines[1:]), rule, total])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cells = [[*row[:3], f"{row.numbers:,}" if row.numbers else ""] for row in self.rows]
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                       for row in cells)
        return ("<table><tr><th>module</th><th>class</th><th>parameters</th><th>numbers</th></tr>"
                f"{body}<tr><td><b>in all</b></td><td></td><td></td><td><b>{self.total:,}</b></td>"
                "</tr></table>")


def _count(parameters: Any) -> int:
    return sum(int(np.size(p.value)) for p in parameters)


def _rows(model: Module) -> list[Row]:
    """A row for each module, and for the model itself; what two share is counted once."""
    found = _modules(model)
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
                _count(own[path].values())) for path, module in found.items()]


def _modules(model: Module) -> dict[str, Module]:
    """Each module by its path; a shared one once, by its first."""
    first: dict[int, tuple[str, Module]] = {}  # by id: a dataclass may have no hash
    for path, part in _walk(model, "", set()):
        if isinstance(part, Module):
            first.setdefault(id(part), (path, part))
    return dict(first.values())


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
