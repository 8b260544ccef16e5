"""What training came to, epoch by epoch."""

from __future__ import annotations

import csv
import html
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Epoch", "History", "lower_is_better"]

BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Epoch:
    """One pass over the data: its number from 1, the mean loss of a sample, and what was measured.

    measured: by name, such as `val_loss` and `accuracy`; each is an attribute, too. seconds: how
    long it took, which doesn't count when epochs are compared.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> X = np.linspace(-1.0, 1.0, 40)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> last = nn.fit(model, [(X, X)], nn.mse_loss, steps, epochs=2, progress=False)[-1]
    >>> last.epoch, list(last.as_dict())
    (2, ['epoch', 'loss', 'seconds'])
    """

    number: int
    loss: float
    measured: Mapping[str, float] = field(default_factory=dict)
    seconds: float = field(default=0.0, compare=False)

    def as_dict(self) -> dict[str, float]:
        """All its numbers by name, `epoch` first."""
        return {"epoch": self.number, "loss": self.loss, **self.measured, "seconds": self.seconds}

    def __getitem__(self, name: str) -> float:
        numbers = self.as_dict()
        if name not in numbers:
            raise KeyError(f"{name!r} was not measured: an epoch has {', '.join(numbers)}")
        return numbers[name]

    def __getattr__(self, name: str) -> float:
        if name == "epoch" and "number" in self.__dict__:
            return self.number
        if name in self.__dict__.get("measured", ()):
            return float(self.measured[name])
        raise AttributeError(f"{name!r} was not measured: an epoch has {', '.join(self.as_dict())}"
                             if not name.startswith("_") else name)

    def __str__(self) -> str:
        numbers = {"loss": self.loss, **self.measured}
        return "  ".join(f"{name} {number:.4f}" for name, number in numbers.items())


class History(list[Epoch]):
    """A list of epochs; by a name, `history["val_loss"]`, the list of that number in each.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> X = np.linspace(-1.0, 1.0, 40)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> history = nn.fit(model, [(X, X)], nn.mse_loss, steps, epochs=3, progress=False)
    >>> len(history), len(history["loss"]), history[0].loss > history[-1].loss
    (3, 3, True)
    """

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, str):
            return [epoch[i] for epoch in self]
        return History(super().__getitem__(i)) if isinstance(i, slice) else super().__getitem__(i)

    @property
    def names(self) -> list[str]:
        """What was measured in every epoch, the loss first."""
        first = ["loss", *self[0].measured] if self else []
        return [name for name in first if all(name in epoch.as_dict() for epoch in self)]

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a line an epoch, under the names. Raises `OSError` where that can't be done."""
        columns = ["epoch", *self.names, "seconds"]
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(columns)
            rows.writerows([epoch[name] for name in columns] for epoch in self)

    def plot(self, ax: Any = None) -> Any:
        """Draw each quantity over the epochs, training beside validation; see `nn.plot.history`."""
        from .plot import history

        return history(self, ax)

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        """For each name: it, the first number, the last, the lowest or highest, and a sparkline."""
        rows = []
        for name in self.names:
            numbers = self[name]
            lower = lower_is_better(name)
            best = "" if lower is None else f"{(min if lower else max)(numbers):.4g}"
            rows.append((name, f"{numbers[0]:.4g}", f"{numbers[-1]:.4g}", best, sparkline(numbers)))
        return rows

    def __repr__(self) -> str:
        if not self:
            return "History of no epochs"
        body = [("", "first", "last", "best", ""), *self._rows()]
        widths = [max(len(row[k]) for row in body) for k in range(5)]
        lines = ["  ".join([row[0].ljust(widths[0]), *(row[k].rjust(widths[k]) for k in (1, 2, 3)),
                            row[4]]).rstrip() for row in body]
        return "\n".join([f"History of {len(self)} epoch{'s' if len(self) > 1 else ''}", *lines])

    def _repr_html_(self) -> str:
        cells = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                        for row in self._rows())
        return (f"<table><tr><th>{len(self)} epochs</th><th>first</th><th>last</th><th>best</th>"
                f"<th></th></tr>{cells}</table>")


LOW = ("loss", "error", "entropy", "mse", "mae", "perplexity", "deviance", "hinge", "huber",
       "margin", "distance")  # parts of names
HIGH = ("acc", "score", "f1", "r2", "auc", "precision", "recall", "iou", "correlation")


def lower_is_better(name: str) -> bool | None:
    """Whether a number of this name is better low; None if the name doesn't say."""
    low, high = (any(word in name.lower() for word in words) for words in (LOW, HIGH))
    return None if low == high else low


def sparkline(numbers: list[float], most: int = 40) -> str:
    """Numbers as a row of bars of different heights; of many, every so many; nan leaves a gap."""
    chosen = numbers[:: max(1, math.ceil(len(numbers) / most))]
    finite = [x for x in chosen if math.isfinite(x)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    unit = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((x - low) * unit)] if math.isfinite(x) else " " for x in chosen)
