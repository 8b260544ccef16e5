"""The tour: a network of single floats learns to read digits; two gradients are verified."""

from __future__ import annotations

import io
import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from . import Value, check_gradient, draw, steps, tanh
from .demo_page import Training, index
from .errors import MissingExtraError, missing_extra
from .picture import save

SEED = 0
EPOCHS = 10


def run(out: Path) -> None:
    """Train, verify, draw; print what happens, and write a page of it to the folder `out`."""
    digits = _digits()  # first of all: without it there is no demo
    out.mkdir(parents=True, exist_ok=True)
    model, training = _train(*digits)
    moons = _moons(out)
    reports = _verify()
    pictures, page = _pictures(out, model, training)
    told = index(training, moons, reports, pictures, page)
    (out / "index.html").write_text(told, encoding="utf-8")
    print(f"\nopen {out / 'index.html'}")


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 images of 8 × 8 pixels in [0, 1], and their digits (UCI ML, in scikit-learn)."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise missing_extra("scikit-learn", "demo", "the demo, which reads digits,") from None
    data = load_digits()
    return data.data / 16.0, data.target


def _train(images: np.ndarray, labels: np.ndarray) -> tuple[Any, Training]:
    """An MLP of Values, 64-16-10, learned from four fifths of the digits; and its answers to the
    rest.
    """
    from .nn import MLP, SGD, DataLoader, cross_entropy, fit
    from .nn.evaluation import answers as answers_of

    print("1. A network of scalar Values learns real handwritten digits")
    random.seed(SEED)
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(images))
    train, test = order[: len(order) * 4 // 5], order[len(order) * 4 // 5 :]
    model = MLP(64, [16, 10])
    loader = DataLoader(images[train], labels[train], batch_size=16, shuffle=True, rng=rng)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    start = time.perf_counter()
    epochs = fit(model, loader, cross_entropy, optimizer, epochs=EPOCHS)
    answers = answers_of(model, images[test])
    right = np.mean(answers == labels[test])
    print(f"   {len(model.parameters()):,} parameters, each a float; {len(train):,} images, "
          f"{EPOCHS} epochs, {time.perf_counter() - start:.0f} s")
    print(f"   test accuracy: {right:.1%} of {len(test)} images\n")
    return model, Training([epoch.loss for epoch in epochs], images[test], labels[test], answers,
                           len(model.parameters()), len(train))


def _moons(out: Path) -> list[tuple[str, str]]:
    """(what it is, SVG or the name of a film) of a network of arrays that learns two moons; none
    without matplotlib.
    """
    try:
        import matplotlib.figure  # noqa: F401  (whether it is there)
    except ImportError:
        return []
    from sklearn.datasets import make_moons

    from . import nn

    X, y = make_moons(300, noise=0.2, random_state=SEED)
    train, test = nn.random_split(X, y.reshape(-1, 1).astype(float), rng=SEED)
    model = nn.Sequential(nn.Linear(2, 16, rng=SEED), nn.Tanh(), nn.Linear(16, 1, rng=SEED + 1))
    recorder = nn.Recorder(boundary=(X, 40))
    history = nn.fit(
        model, nn.DataLoader(*train, shuffle=True, rng=SEED), nn.binary_cross_entropy_with_logits,
        nn.Adam(model.parameters(), lr=0.02), 60, progress=False, callbacks=[recorder],
        validation=nn.DataLoader(*test), metrics={"accuracy": _signs})
    shown = [("The loss and the accuracy of a network that learns two moons", history.plot()),
             ("How large the gradients were in each step", nn.plot.gradients(recorder))]
    nn.plot.film(out / "moons.gif", recorder.frames, X, y)
    print(f"   a network of arrays learns two moons: {out / 'moons.gif'}\n")
    return [*[(title, _svg(drawn)) for title, drawn in shown],
            ("The line between two moons, epoch by epoch", "moons.gif")]


def _signs(logits: Any, y: Any) -> float:
    """The share of samples for which a logit has the right sign."""
    return float(np.mean((logits > 0) == (y > 0.5)))


def _svg(drawn: Any) -> str:
    """A figure, or the one that axes are in, as SVG."""
    from matplotlib import pyplot

    figure, text = getattr(drawn, "figure", drawn) or drawn, io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight")
    pyplot.close(figure)
    svg = text.getvalue()
    return svg[svg.index("<svg"):]


# ── article 002: XOR with 2-4-1, tanh and sigmoid; its gradients derived by hand ─────────────


def xor_example() -> tuple[Any, ...]:
    """(w1, b1, w2, b2, X, y) of the XOR network."""
    rng = np.random.default_rng(SEED)
    X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([[0.0], [1], [1], [0]])
    w1, w2 = rng.normal(size=(2, 4)), rng.normal(size=(4, 1))
    return w1, np.zeros((1, 4)), w2, np.zeros((1, 1)), X, y


def xor_loss(w1: Any, b1: Any, w2: Any, b2: Any, X: Any, y: Any) -> Any:
    """Cross-entropy of the network, in plain NumPy."""
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    return -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))


def xor_gradient(w1: Any, b1: Any, w2: Any, b2: Any, X: Any, y: Any) -> dict[str, Any]:
    """The gradient derived by hand, as it should be."""
    n = len(X)
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    d2 = (a2 - y) / n
    d1 = d2 @ w2.T * (1 - a1**2)
    return {"w1": X.T @ d1, "b1": d1.sum(0, keepdims=True),
            "w2": a1.T @ d2, "b2": d2.sum(0, keepdims=True)}


def xor_gradient_published(w1: Any, b1: Any, w2: Any, b2: Any, X: Any, y: Any) -> dict[str, Any]:
    """The published one: 1/n forgotten, and tanh′ taken as (1 − a)² instead of 1 − a²."""
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    d2 = a2 - y
    d1 = (w2.T @ d2) * (1 - a1) ** 2
    return {"w1": X.T @ d1, "b1": d1.sum(0, keepdims=True),
            "w2": a1.T @ d2, "b2": d2.sum(0, keepdims=True)}


def _verify() -> list[tuple[str, Any]]:
    """Both gradients, each with its report."""
    print("2. A hand-derived gradient of a network for XOR, verified")
    reports = []
    for title, gradient in (("derived carefully", xor_gradient),
                            ("as published in a tutorial", xor_gradient_published)):
        print(f"\n   The gradient {title}:")
        report = check_gradient(xor_loss, gradient, *xor_example())
        print("\n".join(f"   {line}".rstrip() for line in str(report).splitlines()))
        reports.append((f"The gradient {title}", report))
    print()
    return reports


def _pictures(out: Path, model: Any, training: Training) -> tuple[list[tuple[str, str]], str]:
    """(what it is, SVG) of each graph, and the name of the page of steps; they are in files, too.
    """
    print("3. The graphs")
    x0, x1 = 2.0, -1.0
    neuron = tanh(Value(-0.5, label="w0") * Value(x0, label="x0")
                  + Value(0.3, label="w1") * Value(x1, label="x1") + Value(1.0, label="b"))
    neuron.label = "neuron"
    *parameters, X, y = xor_example()
    image = training.images[0].tolist()
    drawings = {
        "neuron": ("One neuron: values in black, gradients and slopes in red", draw(neuron)),
        "xor": ("The network for XOR", draw(
            lambda w1, b1, w2, b2: xor_loss(w1, b1, w2, b2, X, y), *parameters)),
        "digits": ("The network that read the digits, folded: what its answer 0 is made of",
                   draw(lambda: model(image)[0])),
    }
    shown = []
    for name, (title, drawing) in drawings.items():
        print(f"   {title.partition(':')[0].lower()}: {save(drawing, out / f'{name}.svg')}")
        try:
            svg = drawing.svg()
            shown.append((title, svg[svg.index("<svg"):]))
        except MissingExtraError as error:
            shown.append((title, str(error)))
    try:
        page = steps(neuron, title="One neuron, step by step").write(out / "steps.html")
    except MissingExtraError:
        return shown, ""
    print(f"   its backward pass, step by step: {page}")
    return shown, page.name
