"""Sizes and times of pictures and pages: `python -m benchmarks.pictures`.

For each graph: pixels of the picture at 96 dots an inch, its boxes, seconds to make and to lay out;
kilobytes and scenes of the page of steps, seconds to make it; and, where there are Chromium and
playwright, the median milliseconds of a step in it.
"""

from __future__ import annotations

import random
import shutil
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini import Value, nn
from autograd_mini.picture.layout import layout


def neuron() -> tuple[Any, ...]:
    w, x, b = Value(0.5), Value(2.0), Value(-1.5)
    y = ag.tanh(w * x + b)
    return (y,)


def expression() -> tuple[Any, ...]:
    a, b = Value(-4.0), Value(2.0)
    c, d = a + b, a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + (b + a).relu()
    d = d + 3 * d + (b - a).relu()
    f = (c - d) ** 2
    return (f / 2 + 10 / f,)


def mlp(samples: int, sizes: list[int]) -> tuple[Any, ...]:
    random.seed(0)
    model = nn.MLP(2, sizes)
    points = [[random.random(), random.random()] for _ in range(samples)]
    return (lambda points: sum((model(x) - 1) ** 2 for x in points), points)


def batch_norm() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)

    def loss(x: Any, gamma: Any, beta: Any) -> Any:
        mu = x.mean(axis=0)
        centred = x - mu
        std = np.sqrt((centred**2).mean(axis=0) + 1e-5)
        out = gamma * centred / std + beta
        return (out**3).sum()

    return loss, rng.normal(size=(8, 4)), np.ones(4), np.zeros(4)


def attention() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)

    def loss(x: Any, Wq: Any, Wk: Any, Wv: Any) -> Any:
        q, k, v = x @ Wq, x @ Wk, x @ Wv
        weights = ag.softmax(q @ k.T / np.sqrt(8), axis=-1)
        return ((weights @ v) ** 2).sum()

    return loss, rng.normal(size=(4, 8)), *rng.normal(size=(3, 8, 8)) / 3


def rnn() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=(1, 2)) for _ in range(10)]

    def loss(Wh: Any, Wx: Any, b: Any) -> Any:
        h = np.zeros((1, 3))
        for x in xs:
            h = np.tanh(h @ Wh + x @ Wx + b)
        return (h**2).sum()

    return loss, rng.normal(size=(3, 3)) / 2, rng.normal(size=(2, 3)), np.zeros(3)


def chain(steps: int) -> tuple[Any, ...]:
    z = Value(0.1)
    for i in range(steps):
        z = z * 1.001 + Value(0.001, label=f"c{i}")
    return (z,)


def tangle(nodes: int) -> tuple[Any, ...]:
    """As many arrows as a page may have: four times as many as nodes, by weighted sums of five."""
    rng = random.Random(0)
    made = [Value(rng.random(), label=f"x{i}") for i in range(nodes // 10)]
    while len(made) < nodes - 1:
        made.append(ag.tanh(made[-1]) if len(made) % 5 == 0 else nn_sum(rng.sample(made[-40:], 5)))
    return (nn_sum(made[-40:]),)


def nn_sum(nodes: list[Any]) -> Any:
    return ag.dot([0.3] * len(nodes), nodes)


GRAPHS: dict[str, tuple[Callable[[], tuple[Any, ...]], dict[str, Any]]] = {
    "neuron": (neuron, {}),
    "micrograd's expression": (expression, {}),
    "MLP 2-4-1 of Values": (lambda: mlp(1, [4, 1]), {}),
    "batch norm by hand": (batch_norm, {}),
    "attention head": (attention, {}),
    "RNN of 10 steps": (rnn, {}),
    "the same, fold=True": (rnn, {"fold": True}),
    "the same, fold=False": (rnn, {"fold": False}),
    "MLP 2-16-16-1, 3 samples": (lambda: mlp(3, [16, 16, 1]), {}),
    "MLP 2-16-16-1, 16 samples": (lambda: mlp(16, [16, 16, 1]), {}),
    "chain of 301 nodes": (lambda: chain(100), {}),
    "chain of 901 nodes": (lambda: chain(300), {}),
    "chain of 4,801 nodes": (lambda: chain(1600), {}),
    "1,000 nodes, 4,000 arrows": (lambda: tangle(1000), {}),
}


def picture_row(what: tuple[Any, ...], options: dict[str, Any]) -> str:
    start = time.perf_counter()
    drawing = ag.draw(*what, **options)
    made = time.perf_counter() - start
    start = time.perf_counter()
    png = layout(drawing.source, "png")
    width, height = struct.unpack(">II", png[16:24])
    boxes = drawing.source.count("fillcolor")
    return f"{width:,} × {height:,} | {boxes} | {made:.2f} + {time.perf_counter() - start:.2f}"


def page_row(what: tuple[Any, ...], click: Callable[[str], float] | None) -> str:
    start = time.perf_counter()
    try:
        steps = ag.steps(*what)
    except ag.errors.GraphError:
        return "– | – | – | –"
    page = steps.html
    made = time.perf_counter() - start
    scenes = page.count('"items":')
    shown = f"{click(page):.0f}" if click is not None else "–"
    return f"{len(page.encode()) / 1000:,.0f} | {scenes} | {made:.2f} | {shown}"


def clicks() -> Iterator[Callable[[str], float] | None]:
    """A function that opens a page and returns the median milliseconds of a step; or None."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        yield None
        return
    with sync_playwright() as client, tempfile.TemporaryDirectory() as folder:
        browser = client.chromium.launch(executable_path=chromium, args=["--no-sandbox"])

        def click(text: str) -> float:
            path = Path(folder) / "steps.html"
            path.write_text(text, encoding="utf-8")
            page = browser.new_page()
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]")
            times = page.evaluate("""Array.from({ length: 25 }, () => { const start =
                performance.now(); move(1); document.body.offsetHeight;
                return performance.now() - start; })""")
            page.close()
            return statistics.median(times)

        yield click
        browser.close()


def main() -> None:
    print("| graph | px | boxes | s | page kB | scenes | s | ms a step |")
    print("|---|---|---|---|---|---|---|---|")
    ag.draw(*neuron())  # what is imported at first
    for click in clicks():
        for name, (make, options) in GRAPHS.items():
            what = make()
            page = page_row(what, click) if not options else "| | | "
            print(f"| {name} | {picture_row(what, options)} | {page} |", flush=True)


if __name__ == "__main__":
    main()
