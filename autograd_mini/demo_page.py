"""The demo's page: what was learned, verified and drawn, in one HTML file."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .picture.pixels import enlarged, greys

__all__ = ["Training", "index"]

STYLE = """
:root { color-scheme: light dark; --line: #8a929b; --dim: #59626d;
  --red: #b4380b; --blue: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --dim: #a3abb5; --red: #ff9d6e; --blue: #86b8f5; } }
body { font: 16px/1.5 system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
  max-width: 960px; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
figure { margin: 0; overflow-x: auto; }
figcaption, .dim { color: var(--dim); font-size: 14px; }
.digits { display: flex; flex-wrap: wrap; gap: 10px; }
.digits figure { text-align: center; }
.digits img { border: 1px solid var(--line); border-radius: 4px; display: block; }
.wrong img { border: 2px dashed var(--red); }
.wrong figcaption { color: var(--red); font-weight: 600; }
table.confusion { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.confusion td, .confusion th { width: 2.4em; text-align: right; padding: 1px 6px;
  border: 1px solid color-mix(in srgb, var(--line) 35%, transparent); }
svg { max-width: 100%; height: auto; }
.curve { font-size: 12px; }
.card { background: #fff; border-radius: 6px; padding: 8px; display: inline-block;
  margin-top: 1rem; max-width: 100%; }
.card img { display: block; }
"""


@dataclass(frozen=True)
class Training:
    """What came of the training: the losses of its epochs, and the digits that it was tested on.

    images: of shape (n, 64), in [0, 1]. digits: what they are. answers: what the network says.
    """

    losses: Sequence[float]
    images: np.ndarray
    digits: np.ndarray
    answers: np.ndarray
    parameters: int
    trained_on: int


def index(training: Training, moons: Sequence[tuple[str, str]],
          reports: Sequence[tuple[str, Any]], pictures: Sequence[tuple[str, str]], steps: str
          ) -> str:
    """The page. moons: (what it is, SVG text, or the name of a film), if there is any. reports:
    (title, Report). pictures: (what it is, SVG text, or why there is none). steps: the name of the
    file of the page of steps; "" if there is none.
    """
    right = float(np.mean(training.digits == training.answers))
    parts = [
        "<h1>autograd_mini: the tour</h1>",
        "<h2>1. A network of single floats reads handwritten digits</h2>",
        f"<p>{training.parameters:,} parameters, each a <code>Value</code>; learned from "
        f"{training.trained_on:,} images of 8 × 8 pixels. Of {len(training.digits)} others it "
        f"reads <b>{right:.1%}</b> rightly. Some of both kinds, each with the answer, and in "
        "brackets what it was:</p>", _digits(training),
        "<h3>The loss</h3>", _curve(training.losses),
        "<h3>What was taken for what</h3>", _confusion(training),
        *(["<h3>A network of arrays learns two moons</h3>"] if moons else []),
        *[_of_training(title, picture) for title, picture in moons],
        "<h2>2. A gradient derived by hand, verified</h2>",
    ]
    for title, report in reports:
        parts.append(f"<h3>{html.escape(title)}</h3>{report._repr_html_()}")
    parts.append("<h2>3. The graphs</h2>")
    for title, picture in pictures:
        parts.append(f"<figure>{picture}<figcaption>{html.escape(title)}</figcaption></figure>")
    if steps:
        parts.append(f'<p><a href="{steps}">Step through the neuron\'s backward pass</a></p>')
    body = "\n".join(parts)
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>autograd_mini: the tour</title>\n<style>{STYLE}</style></head>\n"
            f"<body>\n{body}\n</body></html>\n")


def _of_training(title: str, picture: str) -> str:
    """A picture that was drawn on white: so it stays on a card of that, on a dark page too."""
    shown = picture if picture.startswith("<svg") else (
        f'<img src="{picture}" alt="{html.escape(title)}">')
    return (f'<figure><div class="card">{shown}</div>'
            f"<figcaption>{html.escape(title)}</figcaption></figure>")


def _digits(training: Training, each: int = 12) -> str:
    """Images with the network's answer: a dozen right, and a dozen wrong."""
    right = training.digits == training.answers
    shown = [*np.flatnonzero(right)[:each], *np.flatnonzero(~right)[:each]]
    figures = []
    for i in shown:
        answer, digit = int(training.answers[i]), int(training.digits[i])
        picture = enlarged(greys(training.images[i].reshape(8, 8)), 56)
        kind, said = ("right", f"{answer}") if answer == digit else ("wrong", f"{answer} ({digit})")
        figures.append(f'<figure class="{kind}"><img src="{picture.url}" width="56" height="56" '
                       f'alt="a handwritten {digit}"><figcaption>{said}</figcaption></figure>')
    return f'<div class="digits">{"".join(figures)}</div>'


def _curve(losses: Sequence[float]) -> str:
    """The loss of each epoch as an SVG of our own."""
    width, height, left, bottom = 520, 200, 50, 30
    most = max(losses)
    across = (width - left - 10) / max(1, len(losses) - 1)
    points = [(left + k * across, 10 + (height - 10 - bottom) * (1 - loss / most))
              for k, loss in enumerate(losses)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    base = height - bottom
    words = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="currentColor">{text}</text>'
        for x, y, anchor, text in (
            (left - 6, 16, "end", f"{most:.2f}"), (left - 6, base, "end", "0"),
            (left, height - 10, "start", "epoch 1"),
            (width - 10, height - 10, "end", f"epoch {len(losses)}")))
    said = f"The mean loss of a sample falls from {losses[0]:.3f} to {losses[-1]:.3f}"
    return (f'<figure><svg class="curve" role="img" aria-label="{said}" width="{width}" '
            f'height="{height}" viewBox="0 0 {width} {height}">'
            f'<path d="M{left},10V{base}H{width - 10}" fill="none" stroke="var(--line)"/>'
            f'<polyline points="{path}" fill="none" stroke="var(--blue)" stroke-width="2.5"/>'
            f"{words}</svg><figcaption>{said}.</figcaption></figure>")


def _confusion(training: Training) -> str:
    """A table: a row a digit, a column an answer, tinted by the share of the row."""
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (training.digits, training.answers), 1)
    head = "".join(f"<th>{k}</th>" for k in range(10))
    rows = []
    for digit, row in enumerate(counts):
        cells = []
        for answer, count in enumerate(row):
            share = count / max(1, row.sum())
            colour = "31, 95, 168" if digit == answer else "212, 74, 38"
            strength = 0.45 * share if digit == answer else min(0.8, 6 * share)
            tint = f' style="background: rgba({colour}, {strength:.2f})"' if count else ""
            cells.append(f"<td{tint}>{count or ''}</td>")
        rows.append(f"<tr><th>{digit}</th>{''.join(cells)}</tr>")
    return ('<figure><table class="confusion"><caption class="dim">down: the digit; across: the '
            f"answer</caption><tr><th></th>{head}</tr>{''.join(rows)}</table></figure>")
