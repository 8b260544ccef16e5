"""The page of steps, without a browser: its events, its scenes, its texts, its size."""

from __future__ import annotations

import itertools
import json
import random
import re

import numpy as np
import pytest
from test_notation import graphs

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.errors import GraphError, MissingExtraError, ShapeError
from autograd_mini.graph import topological_order, value_of
from autograd_mini.picture.folding import tree_of
from autograd_mini.picture.page import BOXES
from autograd_mini.picture.pixels import pixels
from autograd_mini.picture.scenes import scenes_of


def neuron():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-1.5, label="b")
    y = ag.tanh(w * x + b)
    y.label = "y"
    return y


def story(steps):
    """The data of a page."""
    return json.loads(re.search(r'id="data">(.*?)</script>', steps.html, re.S)[1])


def some_graphs(seed, count):
    """Random graphs, every third of them a derivative of one (order 2)."""
    rng = random.Random(seed)
    for k, (node, leaves) in enumerate(itertools.islice(graphs(rng), count)):
        if k % 3 == 2:
            used = [leaf for leaf in leaves if leaf in set(topological_order(node))]
            with np.errstate(all="ignore"):
                slope = ag.gradients(node, used[0], create_graph=True)
            if slope.op is not None:
                yield slope
        else:
            yield node


def check_events(node):
    """The events tell what the engine computes, and every arrow has one."""
    steps = ag.steps(node)
    record = steps.record
    done, sums, arrows = {}, {}, set()
    for event in steps:
        if event.kind in ("seed", "complete", "silent"):
            done[event.node] = event.arrives
            if event.kind == "complete":
                assert np.allclose(sums[event.node], event.arrives, rtol=1e-12, equal_nan=True)
                assert event.which == event.of
        elif event.kind == "send":
            assert event.arrow not in arrows
            arrows.add(event.arrow)
            if event.sent is not None:
                before = sums.get(event.arrow.tail)
                assert (event.before is None) == (before is None)
                sums[event.arrow.tail] = event.after
    silent = {i for i, event in ((e.node, e) for e in steps) if event.kind == "silent"}
    assert {a for a in record.arrows if a.head not in silent and a.head in done} == arrows
    reached = list(done)
    engine = ag.gradients(node, [record.order[i] for i in reached])
    for i, g in zip(reached, engine, strict=True):
        assert np.array_equal(done[i], value_of(g), equal_nan=True)
    assert all(n.gradient is None for n in record.order)


@pytest.mark.parametrize("seed", range(10))
def test_events_are_the_engines(seed):
    """On random graphs of numbers, of order 1 and 2."""
    for node in some_graphs(seed, 6):
        check_events(node)


@pytest.mark.slow  # 200 graphs
def test_events_of_two_hundred_graphs():
    """The same on more of them."""
    for seed in range(40):
        for node in some_graphs(1000 + seed, 6):
            check_events(node)


def test_events_of_arrays():
    """Broadcasting is undone in what is sent; a dead relu is silent; nan is born where it is."""
    rng = np.random.default_rng(0)
    x, b = Tensor(rng.normal(size=(4, 3)), label="x"), Tensor(rng.normal(size=3), label="b")
    check_events((np.tanh(x + b) * ag.softmax(x)).sum())
    loss = (np.maximum(x * 0 - 1, 0) * x + x).sum()
    check_events(loss)
    with np.errstate(all="ignore"):
        z = Value(0.0, label="z")
        steps = ag.steps(np.log(z) * z + np.sqrt(z))
    born = {steps.record.order[e.node].op.name: e.born for e in steps if e.kind == "forward"}
    assert born == {"log": "inf", "multiply": "nan", "sqrt": "", "add": ""}


@pytest.mark.parametrize("program", ["numbers", "chain", *(
    pytest.param(name, marks=pytest.mark.slow) for name in ("model", "wide"))])  # many scenes
def test_scenes_show_everything(program):
    """Each node is at home in one scene; every arrow is in some scene; none has too many boxes."""
    random.seed(0)
    if program == "numbers":
        steps = ag.steps(next(graphs(random.Random(3)))[0])
    elif program == "model":
        model = nn.MLP(2, [8, 8, 1])
        steps = ag.steps(lambda xs: sum((model(x) - 1) ** 2 for x in xs), [[1.0, 2.0], [3.0, 4.0]])
    elif program == "chain":
        z = Value(0.5, label="z")
        for _ in range(150):
            z = ag.sin(z) * 1.01
        steps = ag.steps(z)
    else:
        model = nn.Neuron(100)
        steps = ag.steps(lambda x: model(x) * 2, np.ones(100))
    record = steps.record
    tree = tree_of(record, most=BOXES, least=3)
    scenes = scenes_of(record, tree)
    at_home = [placed.box.what for scene in scenes for placed in scene.boxes
               if isinstance(placed.box.what, int) and placed.box.within is scene.group
               and placed.box.copy == (0, 0)]
    assert len(set(at_home)) == len(at_home)
    operations = {i for i, node in enumerate(record.order) if node.op is not None}
    assert operations <= set(at_home)
    seen = {arrow for scene in scenes for link in scene.view.links for arrow in link.arrows}
    assert seen == set(record.arrows)
    for scene in scenes:
        assert sum(p.box.within is scene.group for p in scene.boxes) <= BOXES
        assert all(-1 <= p.x - p.width / 2 and p.x + p.width / 2 <= scene.width + 1
                   for p in scene.boxes)


def test_the_page_is_safe_and_says_what_it_shows():
    """Nothing in a label can leave the data; only this script runs; without it, the gradients."""
    hostile = Value(1.0, label="</script><script>alert(1)</script>\u2028\x00")
    steps = ag.steps(hostile * 2, title='<img src=x onerror="alert(2)">')
    page = steps.html
    assert page.count("<script") == 2 and page.count("</script>") == 2
    assert "<img" not in page and "\u2028" not in page and "\x00" not in page
    assert "default-src 'none'" in page and "script-src 'sha256-" in page
    assert "The gradients: ∂out/∂&lt;/script&gt;" in page
    told = story(steps)
    assert told["nodes"][0]["name"] == "</script><script>alert(1)</script> �"
    assert not re.search(r"\.innerHTML|\beval\(|new Function|insertAdjacent|document\.write", page)


def test_what_the_page_is_told():
    """Values, formulas, slopes with numbers, sums and the line in the user's file."""
    told = story(ag.steps(lambda w, x: (w * x + w) ** 2, 3.0, 2.0))
    assert [step["k"] for step in told["steps"]].count("forward") == 3
    w = next(n for n in told["nodes"] if n["name"] == "w")
    assert w["grad"] == "54" and w["kind"] == "leaf"
    sums = [(s.get("from"), s["c"], s["to"]) for s in told["steps"]
            if s["k"] == "send" and told["edges"][s["e"]]["a"] == told["nodes"].index(w)]
    assert (None, "18", "18") in sums and ("18", "36", "54") in sums
    square = next(n for n in told["nodes"] if n["kind"] == "out")
    assert "test_steps.py" in square["place"] and square["expr"] == "v2²"
    texts = json.dumps(told["maths"], ensure_ascii=False)
    assert '["mn", "9"]' in texts


def test_sizes():
    """A neuron fits into 45 kB, a chain of 300 nodes into 500 kB."""
    assert len(ag.steps(neuron()).html.encode()) <= 45_000
    z = Value(0.1, label="z")
    for i in range(100):
        z = z * 1.001 + Value(0.001, label=f"c{i}")
    assert len(ag.steps(z).html.encode()) <= 500_000


def test_as_a_sequence_and_in_a_notebook(tmp_path):
    """len, indexing, repr, files; a notebook has the page in a frame that may do nothing else."""
    steps = ag.steps(neuron())
    assert len(steps) == 14 and steps[0].kind == "forward" and steps[3].kind == "seed"
    assert len(steps[2:5]) == 3 and steps.events == list(steps)
    assert repr(steps) == "14 steps through 6 nodes of y; .write('steps.html') or .show()"
    assert steps.write(tmp_path / "s.html").read_text(encoding="utf-8") == steps.html
    shown = steps._repr_html_()
    assert 'sandbox="allow-scripts"' in shown and "∂y/∂w = 1.573" in shown
    assert "<script" not in shown  # it is all in an attribute


def test_show_opens_the_browser(monkeypatch):
    """A file in a temporary folder."""
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    path = ag.steps(neuron()).show()
    assert opened == [path.as_uri()] and path.read_text(encoding="utf-8").startswith("<!doctype")


def test_refusals(monkeypatch):
    """What can't be stepped through, before anything is computed."""
    with pytest.raises(TypeError, match="not a float"):
        ag.steps(3.0)
    with pytest.raises(GraphError, match="leaf"):
        ag.steps(Value(1.0))
    with pytest.raises(ShapeError, match="seed="):
        ag.steps(Tensor([1.0, 2.0]) * 2)
    assert len(ag.steps(Tensor([1.0, 2.0]) * 2, seed=np.ones(2))) == 4
    y = Value(1.0)
    for _ in range(30):
        y = y + 1.0
    with pytest.raises(GraphError, match="31 nodes and 30 arrows.*limit=20"):
        ag.steps(y, limit=20)
    monkeypatch.setattr("autograd_mini.picture.page.program", lambda: None)
    ran = []
    with pytest.raises(MissingExtraError, match="viz"):
        ag.steps(lambda x: ran.append(x) or x * 2, 1.0)
    assert not ran


def test_pixels():
    """Symmetric about 0; large arrays are thinned by magnitude; nan, inf and nothing are shown."""
    import struct
    import zlib

    def shades(x):
        made = pixels(x)
        data = made.png[made.png.index(b"IDAT") + 4:]
        rows = zlib.decompress(data[:data.index(b"IEND") - 8])
        assert struct.unpack(">II", made.png[16:24]) == (made.width, made.height)
        return [list(rows[k * (made.width + 1) + 1:(k + 1) * (made.width + 1)])
                for k in range(made.height)]

    assert shades([-2.0, 0.0, 1.0, 2.0]) == [[0, 127, 190, 254]]
    assert shades([np.nan, np.inf, -np.inf, 1.0]) == [[255, 254, 0, 254]]
    assert shades(np.zeros((0, 3))) == [[127]] and shades(5.0) == [[254]]
    spike = np.zeros((1, 1000))
    spike[0, 567] = -3.0
    assert sum(shade == 0 for shade in shades(spike)[0]) == 1 and len(shades(spike)[0]) <= 24
    assert len(shades(np.ones((2, 3, 4)))) == 6
