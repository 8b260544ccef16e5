"""Pictures: what the DOT text says, and that a layout program makes an SVG of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import MissingExtraError
from autograd_mini.picture import dot


def neuron():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.0, label="b")
    y = ag.tanh(w * x + b)
    y.label = "y"
    return y


def test_values_gradients_symbols_and_slopes():
    """Each node shows data and grad; each edge its local slope; each operation its symbol."""
    y = neuron()
    y.backward()
    source = ag.draw(y).source
    assert "<b>w</b><br/>data 0.5<br/>" in source and "grad 0.1413" in source
    assert "label=<×0.07065>" in source and "label=<×2>" in source
    assert "label=<tanh>" in source and "label=<*>" in source
    assert "rankdir=LR" in source and "rankdir=TB" in ag.draw(y, direction="TB").source


def test_a_gradient_not_computed_says_so():
    """Before backward no box says 0; with gradients=False no box says anything."""
    y = neuron()
    assert ag.draw(y).source.count("grad not computed") == 6
    assert "grad" not in ag.draw(y, gradients=False).source.replace("autograd", "")


def test_precision_and_constants():
    """precision is significant digits; a constant operand stands beside the symbol."""
    y = (Value(1 / 3) ** 2 + 1) / 7.0
    source = ag.draw(y, precision=2).source
    assert "data 0.33" in source and "data 0.3333" not in source
    assert "<** 2>" in source and "</ 7>" in source


def test_duplicate_parents_have_two_edges():
    """a * a: two arrows from a, each with its slope."""
    a = Value(3.0, label="a")
    source = ag.draw(a * a).source
    assert len(re.findall(r"n0 -> n1op", source)) == 2 and source.count("×3") == 2


@pytest.mark.parametrize("label", ['<b>&"', "a|b{c}", "back\\slash", "\x00\x1b", "名", "]]>", "]"])
def test_labels_are_escaped(label):
    """Whatever the user calls a node, the DOT is valid and the SVG shows it."""
    drawing = ag.draw(Value(1.0, label=label) * 2)
    svg = drawing.svg()
    text = "".join(ET.fromstring(svg).itertext())
    assert "".join(c if c.isprintable() else "�" for c in label) in text


def test_arrays_are_summarised():
    """Small arrays whole, large ones by shape, least, greatest and norm."""
    t = Tensor(np.arange(12.0).reshape(3, 4), label="t")
    (t * 2).sum().backward()
    source = ag.draw(t.sum()).source
    assert "data (3, 4): 0 … 11, norm 22.49" in source and "grad (3, 4): 2 … 2" in source
    assert "data [1., 2.&#93;" in ag.draw(Tensor([1.0, 2.0])).source
    assert "data [&#93;" in ag.draw(Tensor(np.zeros((0, 9)))).source
    assert "<(3, 4) @>" in ag.draw(np.ones((3, 4)) @ Tensor(np.ones(4))).source


def test_a_much_used_leaf_is_drawn_once_per_use():
    """An unrolled recurrent net of 40 steps has no hub: each use of w and u has its own box."""
    w, u, h = Value(0.5, label="w"), Value(0.3, label="u"), Value(0.0)
    for _ in range(40):
        h = ag.tanh(w * h + u)
    svg = ag.draw(h).svg()
    assert len(re.findall(r"<title>n\d+u\d+</title>", svg)) == 80


def test_beyond_max_nodes_a_summary_by_name():
    """What the graph is made of, and the nodes that have a label."""
    y = neuron()
    source = ag.draw(y, max_nodes=3).source
    assert "6 nodes, more than max_nodes=3" in source
    assert "3 × leaf" in source and "1 × tanh" in source and "<b>w</b>" in source


def test_slopes_at_a_pole_and_unchosen():
    """An infinite slope and the slope of what maximum doesn't choose are shown."""
    with np.errstate(all="ignore"):
        assert "×inf" in ag.draw(ag.sqrt(Value(0.0))).source
    assert "×0" in ag.draw(ag.maximum(Value(0.0), Value(1.0))).source


def test_write_and_notebook(tmp_path):
    """SVG, PNG and DOT by the suffix; a notebook gets all three."""
    drawing = ag.draw(neuron())
    assert drawing.write(tmp_path / "g.svg").read_text().startswith("<?xml")
    assert drawing.write(tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    assert drawing.write(tmp_path / "g.dot").read_text() == drawing.source
    assert set(drawing._repr_mimebundle_()) == {"image/svg+xml", "image/png", "text/plain"}
    with pytest.raises(ValueError, match="suffix"):
        drawing.write(tmp_path / "g")


def test_without_a_layout_program(monkeypatch):
    """The DOT text and one line on how to get a picture; write() raises, naming the command."""
    monkeypatch.setattr(dot, "_program", lambda: None)
    drawing = ag.draw(neuron())
    with pytest.raises(MissingExtraError, match=r"pip install 'autograd-mini\[viz\]'"):
        drawing.svg()
    bundle = drawing._repr_mimebundle_()
    assert set(bundle) == {"text/plain"} and "pip install" in bundle["text/plain"]


def test_the_wheels_program_is_found_off_path(monkeypatch):
    """graphviz-pure lies in the environment's scripts folder, on PATH or not."""
    if not shutil.which("graphviz-pure", path=sysconfig.get_path("scripts")):
        pytest.skip("the viz extra isn't installed")
    monkeypatch.setenv("PATH", "")
    assert shutil.which("dot") is None
    assert ag.draw(neuron()).svg().count("<g id=") > 5


def test_a_layout_that_takes_too_long(monkeypatch, tmp_path):
    """It is stopped, and the message says what to do."""
    slow = tmp_path / "slow"
    slow.write_text(f"#!{sys.executable}\nimport time; time.sleep(60)\n")
    slow.chmod(0o755)
    monkeypatch.setattr(dot, "_program", lambda: str(slow))
    with pytest.raises(dot.LayoutError, match="max_nodes"):
        dot.layout("digraph {}", seconds=0.3)
    monkeypatch.setattr(dot, "_program", lambda: "false")
    with pytest.raises(dot.LayoutError, match="failed"):
        dot.layout("digraph {}")


def test_refusals():
    """Not a node, or not a direction."""
    with pytest.raises(TypeError, match="not a float"):
        ag.draw(1.0)
    with pytest.raises(ValueError, match="LR, TB, RL or BT"):
        ag.draw(Value(1.0), direction="left")


def test_importing_does_not_import_graphviz():
    """`import autograd_mini` is light: graphviz comes with the first drawing."""
    code = "import sys, autograd_mini; print('graphviz' in sys.modules, 'tqdm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
