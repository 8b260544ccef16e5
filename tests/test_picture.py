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
from autograd_mini.picture import layout


def neuron():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.0, label="b")
    y = ag.tanh(w * x + b)
    y.label = "y"
    return y


def text_of(drawing):
    """All that the picture says."""
    return "".join(ET.fromstring(drawing.svg()).itertext())


def test_a_box_is_a_node_with_its_formula():
    """Names, formulas, values, gradients and slopes, although backward() was never called."""
    y = neuron()
    told = text_of(ag.draw(y))
    for part in ("y = tanh(v2)", "v1 = w · x", "0.5", "∂ 0.1413", "×0.0707", "×2"):
        assert part in told.replace("\xa0", " "), part
    assert y.gradient is None and ag.draw(y).source.count("fillcolor") == 6
    assert "rankdir=LR" in ag.draw(y).source and "rankdir=TB" in ag.draw(y, direction="TB").source


def test_gradients_as_they_are_stored():
    """So one sees that two backward calls add up; before the first they are not computed."""
    y = neuron()
    assert ag.draw(y, gradients="stored").source.count("∂ not computed") == 6
    y.backward()
    y.backward()
    assert "∂ 0.2826" in ag.draw(y, gradients="stored").source
    assert "∂ 0.1413" in ag.draw(y).source
    assert "∂" not in ag.draw(y, gradients=False).source


def test_an_output_of_several_numbers_has_no_gradient():
    """It is drawn without, rather than refused."""
    source = ag.draw(Tensor([1.0, 2.0], label="t") * 3).source
    assert "∂" not in source and "t · 3" in source and "[3, 6&#93;" in source


def test_precision_and_constants():
    """precision is significant digits; numbers stand in the formula, arrays by name or shape."""
    y = (Value(1 / 3, label="x") ** 2 + 1) / 7.0
    source = ag.draw(y, precision=2).source
    assert ">0.33<" in source and "0.3333" not in source
    assert "= x²" in source and "= v1 + 1" in source and "= v2/7" in source
    X = np.arange(12.0).reshape(3, 4)
    w = Tensor(np.ones((4, 1)))
    assert "= X w<" in ag.draw(X @ w).source and len(X) == 3
    assert "= const 3×4 w<" in ag.draw(np.zeros((3, 4)) @ w).source
    assert "= X w<" in ag.draw(lambda w: X @ w, np.ones(4)).source  # and not three boxes


def test_two_uses_have_one_arrow_with_two_slopes():
    """a * a: the arrow carries both."""
    source = ag.draw(Value(3.0, label="a") ** 1 * 2).source
    assert "×2" in source
    a = Value(3.0, label="a")
    source = ag.draw(a * a).source
    assert source.count("->") == 1 and "<×3, ×3>" in source


@pytest.mark.parametrize("label", ['<b>&"', "a|b{c}", "back\\slash", "\x00\x1b", "名", "]]>", "]",
                                   "line\nbreak", "x" * 1000])
def test_labels_are_escaped_and_cut(label):
    """Whatever the user calls a node, the DOT is valid and the SVG shows it, in 24 columns."""
    drawing = ag.draw(Value(1.0, label=label) * 2)
    safe = "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in label)
    shown = safe if len(safe) <= 24 else f"{safe[:23]}…"
    assert shown in text_of(drawing)
    assert drawing.svg().count("<title>") == 4  # of the whole, of two boxes, of an arrow


def test_arrays_are_summarised():
    """A short vector whole; others by shape and the largest number; nan and inf counted."""
    t = Tensor(np.arange(12.0).reshape(3, 4), label="t")
    source = ag.draw((t * 2).sum()).source
    assert "3×4 ±11" in source and "∂ 3×4 ±2" in source and "<spread(ḡ)>" in source
    assert "[1, −2&#93;" in ag.draw(Tensor([1.0, -2.0])).source
    assert "0×9 ±0" in ag.draw(Tensor(np.zeros((0, 9)))).source
    bad = Tensor([[1.0, np.nan, np.inf, 2.0, 3.0]])
    assert "1×5 ±3 1 nan 1 inf" in ag.draw(bad * 1).source


def test_a_much_used_variable_is_drawn_once_per_use():
    """And each copy says which use it is, so that nobody adds its gradients up."""
    w, u, h = Value(0.5), Value(0.3), Value(0.0)
    for _ in range(40):
        h = ag.tanh(w * h + u)
    source = ag.draw(h, fold=False).source
    assert all(f"({k} of 40 uses)" in source for k in range(1, 41))
    assert ">w<" in source and ">u<" in source, "named by the variables of the caller"


def test_what_was_not_chosen_and_poles():
    """What nothing comes back to is dashed; infinite slopes and nan are purple where born."""
    source = ag.draw(ag.maximum(Value(0.0, label="a") * 2, Value(1.0))).source
    assert source.count("style=dashed") == 2 and 'style="rounded,filled,dashed"' in source
    with np.errstate(all="ignore"):
        x = Value(0.0, label="x")
        source = ag.draw(np.log(x) * x).source
    assert "−∞ (inf is born here)" in source and "nan (nan is born here)" in source
    assert "×∞" in source and "#7a0099" in source


def test_sentences_for_screen_readers():
    """No tooltip says n0: each box and arrow has its sentence, and the whole a name."""
    svg = ag.draw(neuron()).svg()
    assert 'role="img"' in svg and 'aria-label="The graph of y = 0.9640' not in svg
    assert "The graph of y = 0.964: 6 nodes" in svg
    assert "<title>y = tanh(v2), 0.964, gradient 1</title>" in svg
    assert "<title>y is computed from v2; the gradient comes back ×0.0707</title>" in svg
    assert "<title>n" not in svg and "<title>autograd" not in svg


def test_write_and_notebook(tmp_path):
    """SVG, PNG and DOT by the suffix; a notebook gets all three from one layout."""
    drawing = ag.draw(neuron())
    assert drawing.write(tmp_path / "g.svg").read_text(encoding="utf-8").startswith("<?xml")
    small, large = (drawing.write(tmp_path / f"{dpi}.png", dpi=dpi) for dpi in (72, 300))
    assert small.read_bytes().startswith(b"\x89PNG")
    assert large.stat().st_size > 2 * small.stat().st_size
    assert drawing.write(tmp_path / "g.dot").read_text(encoding="utf-8") == drawing.source
    bundle = drawing._repr_mimebundle_()
    assert set(bundle) == {"image/svg+xml", "image/png", "text/plain"}
    assert 'bgcolor=transparent' in drawing.source and 'role="img"' in bundle["image/svg+xml"]
    with pytest.raises(ValueError, match="suffix"):
        drawing.write(tmp_path / "g")


def test_without_a_layout_program(monkeypatch):
    """The DOT text and one line on how to get a picture; write() raises, naming the command."""
    monkeypatch.setattr(layout, "program", lambda: None)
    drawing = ag.draw(neuron())
    with pytest.raises(MissingExtraError, match=r'pip install "autograd-mini\[viz\]"'):
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


@pytest.mark.slow  # it waits for the time limit
def test_a_layout_that_takes_too_long(monkeypatch, tmp_path):
    """It is stopped and tried again roughly; what takes too long even so says what to do."""
    slow = tmp_path / "slow"
    slow.write_text(f"#!{sys.executable}\nimport sys, time\nrough = '-Gnslimit=0' in sys.argv\n"
                    "time.sleep(0 if rough and '-Tsvg' in sys.argv else 60)\nprint(sys.argv)\n")
    slow.chmod(0o755)
    monkeypatch.setattr(layout, "program", lambda: str(slow))
    assert b"laid out roughly" in layout.layout("digraph {}", seconds=2)
    with pytest.raises(layout.LayoutError, match="max_nodes"):
        layout.laid_out("digraph {}", ["-Tpng"], seconds=0.3)
    monkeypatch.setattr(layout, "program", lambda: "false")
    with pytest.raises(layout.LayoutError, match="failed"):
        layout.layout("digraph {}")


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ((1.0,), TypeError, "not a float"), ((lambda: 3.0,), TypeError, "returned a float"),
    ((lambda x: {"loss": x * 2}, 1.0), TypeError, r"f\(\*args\)\['loss'\]"),
    ((lambda x: (x, x), 1.0), TypeError, r"f\(\*args\)\[0\]"), ((neuron(), 2.0), TypeError, "node"),
])
def test_refusals(arguments, error, message):
    """What is no node, and no function that returns one."""
    with pytest.raises(error, match=message):
        ag.draw(*arguments)


@pytest.mark.parametrize(("options", "message"), [
    ({"direction": "left"}, "auto, LR, TB, RL, BT"), ({"gradients": "old"}, "'stored'"),
    ({"fold": ["Linear"]}, "Linear"), ({"focus": Value(1.0, label="q")}, "focus"),
])
def test_options_that_there_are_not(options, message):
    """The error says what there is."""
    with pytest.raises(ValueError, match=message):
        ag.draw(neuron(), **options)


def test_importing_does_not_import_graphviz():
    """`import autograd_mini` is light: graphviz comes with the first drawing."""
    code = "import sys, autograd_mini; print('graphviz' in sys.modules, 'tqdm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_slopes_of_arrays_are_formulas():
    """A number where all are equal; else the slope, or how the gradient is changed."""
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(4, 3)), label="x")
    W = Tensor(rng.normal(size=(3, 2)), label="W")
    told = text_of(ag.draw(np.sum((np.tanh(x @ W) * 2 - 1) ** 2)))
    for slope in ("ḡ Wᵀ", "xᵀ ḡ", "×(1 − v2²)", "×2", "×1", "×2 · v4", "spread(ḡ)"):
        assert slope in told, slope
    assert re.search(r"4×2 ±\d", told)
