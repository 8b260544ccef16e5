"""A graph as data, as TikZ; the graph of a function that raises; golden pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn

GOLDEN = Path(__file__).parent / "golden"


def neuron():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-1.5, label="b")
    y = ag.tanh(w * x + b)
    y.label = "y"
    return y


def reuse():
    x = Value(1.5, label="x")
    z = x * x + np.sin(x) * x
    z.label = "z"
    return z


def with_loss():
    w, x = Value(0.5, label="w"), Value(2.0, label="x")
    loss = (ag.relu(w * x) - 3.0) ** 2
    loss.label = "L"
    return loss


def matmul():
    X, W = Tensor(np.arange(6.0).reshape(3, 2), label="X"), Tensor(np.ones((2, 2)), label="W")
    out = (X @ W).sum()
    out.label = "out"
    return out


GRAPHS = {"neuron": neuron, "reuse": reuse, "with_loss": with_loss, "matmul": matmul}


@pytest.mark.parametrize("name", GRAPHS)
def test_golden_pictures(name):
    """What is drawn of four small graphs, word for word: a change is to be looked at."""
    assert ag.draw(GRAPHS[name](), fold=False).source == (GOLDEN / f"{name}.dot").read_text(
        encoding="utf-8")


def test_a_graph_as_data(tmp_path):
    """Nodes and arrows with numbers, as JSON has them; a drawing and a page tell the same."""
    model = nn.Linear(2, 1, rng=0)
    X = np.arange(6.0).reshape(3, 2)

    def loss():
        out = model(X)
        return (out**2).sum()

    drawing = ag.draw(loss)
    told = json.loads(drawing.write(tmp_path / "g.json").read_text(encoding="utf-8"))
    assert told == drawing.as_dict() == ag.steps(loss).as_dict()
    assert told["output"] == len(told["nodes"]) - 1 and told["error"] is None
    weight = next(n for n in told["nodes"] if n["name"] == "weight")
    assert weight["shape"] == [1, 2] and weight["kind"] == "variable"
    out = next(n for n in told["nodes"] if n["name"] == "out")
    assert out["parts"][0] == "model · Linear" and "test_picture_exports.py" in out["place"]
    by_hand = 2 * np.array(out["value"])
    assert np.allclose(weight["gradient"], by_hand.T @ X)
    arrow = next(a for a in told["arrows"] if told["nodes"][a["to"]]["name"] == "out"
                 and told["nodes"][a["from"]]["name"] == "weight")
    assert arrow["slope"] == "ḡᵀ X" and np.allclose(arrow["sent"], weight["gradient"])
    with np.errstate(all="ignore"):
        bad = ag.draw(np.log(Value(0.0)) * 0.0).as_dict()
    assert json.loads(json.dumps(bad, allow_nan=False))["nodes"][1]["value"] == "-inf"


def test_a_graph_as_tikz(tmp_path):
    """Boxes, arrows and slopes in LaTeX: brackets balance, and no letter needs another package."""
    def loss(x, W):
        hidden = np.tanh(x @ W)
        return (ag.softmax(hidden) ** 2).sum()

    for drawing in (ag.draw(loss, np.ones((3, 2)), np.ones((2, 2))), ag.draw(neuron()),
                    ag.draw(Value(1.0, label="50% of_{x} & ~^\\") * 2)):
        text = drawing.write(tmp_path / "g.tex").read_text(encoding="utf-8")
        assert text == drawing.tikz()
        bare = re.sub(r"\\[{}$&%#_]", "", text)
        assert bare.count("{") == bare.count("}") and bare.count("$") % 2 == 0
        assert text.count(r"\node[box]") == drawing.source.count("fillcolor")
        assert text.count(r"\draw[") == drawing.source.count("->")
        assert text.isascii(), set(re.findall(r"[^\x00-\x7f]", text))
        assert text.startswith(r"\begin{tikzpicture}") and r"\end{tikzpicture}" in text
    assert r"\tanh" in ag.draw(neuron()).tikz()


@pytest.mark.slow  # a second
def test_a_function_that_raises_is_drawn_as_far_as_it_came():
    """With shapes, and the error behind the variables of its line."""
    def f(x, W1, W2):
        h = np.tanh(x @ W1)
        wide = h.reshape(3, -1)
        return (wide @ W2).sum()

    with pytest.warns(RuntimeWarning, match="the function raised.*wide @ W2"):
        drawing = ag.draw(f, np.ones((6, 4)), np.ones((4, 5)), np.ones((4, 2)))
    source = drawing.source
    assert "wide @ W2" in source and "3×10 ±" in source and "∂" not in source
    assert source.count("-> error") == 2 and "mismatch" in source
    assert "wide @ W2" in drawing.as_dict()["error"]
    with pytest.raises(ValueError, match="mismatch"):
        ag.steps(f, np.ones((6, 4)), np.ones((4, 5)), np.ones((4, 2)))
    with pytest.raises(ZeroDivisionError):
        ag.draw(lambda x: 1 / 0, 1.0)
