"""What a notebook shows: tables, images and text that survive where scripts and styles don't."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.picture.pixels import enlarged, greys, pixels


def shown(thing):
    """The HTML that a notebook shows, which must be well-formed and harmless."""
    html = thing._repr_html_()
    closed = re.sub(r"<(br|img)([^>]*)>", r"<\1\2/>", html)
    tree = ElementTree.fromstring(f"<div>{closed}</div>")
    tags = {element.tag for element in tree.iter()}
    assert not tags & {"script", "style", "svg", "iframe"}, tags
    assert not any(name.startswith("on") for element in tree.iter() for name in element.attrib)
    return html, "".join(tree.itertext())


def test_a_tensor():
    """Its shape, dtype, range, a picture with words for it, its numbers; the gradient beside it."""
    t = Tensor(np.arange(-3.0, 9.0).reshape(3, 4), label="<b>t")
    html, text = shown(t)
    assert "&lt;b&gt;t" in html and "3×4 float64, −3 … 8" in text and "gradient" not in text
    assert 'alt="&lt;b&gt;t: 3×4 float64, −3 … 8"' in html and html.count("<img") == 1
    (t**2).sum().backward()
    html, text = shown(t)
    assert "gradient" in text and html.count("<img") == 2 and "−6" in text
    _, text = shown(Tensor([1.0, np.nan, -np.inf]))
    assert "3 float64, 1 … 1, 1 nan, 1 inf" in text
    for odd in (np.zeros((0, 3)), 5.0, np.ones((2, 3, 4), np.float32), np.ones((50, 70))):
        html, text = shown(Tensor(odd))
        assert str(np.asarray(odd).dtype) in text
        assert len(html) < 6000


def test_long_arrays_say_their_shape_as_text():
    """The text twin of the picture: numbers are left out, so the shape is said."""
    assert "shape=(300,)" in repr(Tensor(np.ones(300))) and "shape" not in repr(Tensor([1.0]))


def test_a_model():
    """A table of its modules; what is shared is counted once; a large one is counted by layers."""
    class Net(nn.Module):
        def __init__(self):
            self.a = nn.Linear(3, 3)
            self.scale = Tensor(np.ones(3))
            self.blocks = [nn.Linear(3, 3, bias=False), {"x": nn.Tanh()}]
            self.tied = self.a
            self.copy = self.scale

    told = str(Net().summary())
    assert re.search(r"\(the model\) +Net +scale 3 +3\n", told)
    assert re.search(r"a +Linear +weight 3×3, bias 3 +12\n", told)
    assert "tied" not in told and re.search(r"in all +24$", told)
    html, text = shown(Net())
    assert "blocks.1.x" in text and "<td><b>24</b></td>" in html
    rows = nn.MLP(64, [16, 10]).summary()
    assert rows.total == 1210 and sum(row.numbers for row in rows) == 1210
    assert rows[1].name == "layers.0" and "w 64, b 1" in rows[2].shapes
    large = nn.MLP(5, [40, 40]).summary()
    assert len(large) <= 30 and sum(row.numbers for row in large) == large.total == 1880
    assert repr(large) == str(large)


def test_an_exercise_keeps_its_points():
    """Neither its repr nor its text has the numbers at which answers are checked."""
    homework = ag.exercise("tanh(w*x + b)")
    for point in homework.points.values():
        assert not any(f"{x:.4f}"[:6] in repr(homework) + str(homework) for x in point)
    assert repr(homework) == "exercise('tanh(w*x + b)'); print it, then .check(…)"


def test_programs_and_reports():
    """A program is its listing; a report on cuts reads as it prints."""
    program = ag.compile(lambda x: x * x + 1)
    program(2.0)
    _, text = shown(program)
    assert text == str(program)
    s = Value(2.0, label="s")
    report = ag.cut_report(lambda: Value(float(s * 3.0)) ** 2, [s])
    assert repr(report) == str(report) and "s has no gradient" in repr(report)


def test_progress_in_a_notebook_is_not_red(monkeypatch, capsys):
    """There what is written to standard error has a red ground: lines go to standard output."""
    model = nn.Linear(1, 1, rng=0)
    x = np.ones((2, 1))
    def learn():
        nn.fit(model, [(x, x)], nn.mse_loss, nn.SGD(model.parameters(), 0.1), epochs=1)
        return capsys.readouterr()

    assert "epoch 1/1" in learn().err
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    said = learn()
    assert "epoch 1/1" in said.out and not said.err


def test_enlarged_and_grey_pictures():
    """Each pixel becomes a square; 0 is white and 1 black."""
    made = enlarged(pixels(np.eye(3)), 30)
    assert (made.width, made.height) == (30, 30)
    assert greys([[0.0, 0.5, 1.0, 7.0]]).shades.tolist() == [[0, 128, 255, 255]]
    assert greys([[0.0]]).palette[:3] == b"\xff\xff\xff"
    with pytest.raises(ValueError, match="could not convert"):
        pixels("no array")
