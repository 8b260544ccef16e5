"""Boundaries, films, and what all pictures share: how they look on dark, and without matplotlib."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from plotted import BLUE, RED, X, Y, line, trained

from autograd_mini import nn
from autograd_mini.errors import (
    ArgumentError,
    ArgumentTypeError,
    MissingExtraError,
    ShapeError,
)

matplotlib = pytest.importorskip("matplotlib", reason="the pictures need matplotlib (extra plot)")
matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402


@pytest.fixture(autouse=True)
def closed():
    """No figure stays open."""
    yield
    plt.close("all")


# ── boundary and film ────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("model", "threshold"), [
    (line(), None), (line(), 0.0), (line(end=[nn.Sigmoid()]), None),
    (line(end=[nn.Sigmoid()]), 0.5), (line(end=[lambda z: 1 / (1 + np.exp(-z))]), None),
    (line(2), None), (line(2, [nn.Softmax()]), None)],
    ids=["logit", "as logit", "sigmoid", "as probability", "by hand", "two", "softmax"])
def test_a_boundary_is_where_the_probability_is_one_half(model, threshold):
    """Whether the model gives one logit, a probability, or two outputs: here where x₁ is 0."""
    ax = nn.plot.boundary(model, X, Y, threshold=threshold)
    (contour,) = [c for c in ax.collections if hasattr(c, "get_paths") and hasattr(c, "levels")]
    assert np.abs(contour.get_paths()[0].vertices[:, 0]).max() < 1e-3
    assert ax.get_title("left") == "100% of 60 right"
    tints = ax.images[0].get_array()
    assert tints.shape == (200, 200, 3)
    assert tints[100, 0, 2] > tints[100, 0, 0] and tints[100, -1, 0] > tints[100, -1, 2], (
        "blue on the left, red on the right")
    middle = np.argmin(np.abs(contour.axes.images[0].get_array() - 1).sum(axis=-1)[100])
    assert np.allclose(tints[100, middle], 1.0, atol=0.1), "where it isn't sure there is no tint"


def test_the_probabilities_of_one_logit_and_two_outputs_agree():
    """A logit of 8 x₁ and outputs ∓4 x₁ are one model, and one picture."""
    pictures = [nn.plot.boundary(line(n), X, Y).images[0].get_array() for n in (1, 2)]
    np.testing.assert_allclose(*pictures, atol=1e-12)


def test_samples_have_a_shape_and_a_colour():
    """Each class has its own, and lies where its rows are."""
    ax = nn.plot.boundary(line(), X, Y)
    first, second = [c for c in ax.collections if c.get_label().startswith("class")]
    assert np.array_equal(first.get_offsets(), X[Y == 0])
    assert np.array_equal(second.get_offsets(), X[Y == 1])
    assert [tuple(c.get_facecolor()[0][:3]) for c in (first, second)] == [to_rgb(BLUE), to_rgb(RED)]
    assert len(first.get_paths()[0].vertices) != len(second.get_paths()[0].vertices)


def test_several_classes_have_regions():
    """Each has its tint, and a line where it is level with another."""
    model, y = line(3), np.arange(60) % 3
    ax = nn.plot.boundary(model, X, y)
    lines = [c for c in ax.collections if hasattr(c, "levels")]
    assert len(lines) == 3
    left, right, above = (ax.images[0].get_array()[i] for i in ((60, 0), (60, -1), (-1, 100)))
    assert min(np.abs(a - b).max() for a, b in ((left, right), (left, above), (right, above))) > 0.1
    says = np.argmax(X @ model[0].weight.data.T, axis=1)
    assert ax.get_title("left") == f"{np.mean(says == y):.0%} of 60 right"


def test_a_model_that_never_changes_its_mind_has_no_line():
    """And matplotlib warns of nothing."""
    model = line()
    model[0].bias.data = np.array([1e4])
    ax = nn.plot.boundary(model, X, 2 * Y - 1)  # labels −1 and 1 will do
    assert not [c for c in ax.collections if hasattr(c, "levels")]


def test_a_small_logit_is_no_probability():
    """Outputs between 0 and 1 that no sigmoid made are logits, unless one says otherwise."""
    model = line()
    model[0].weight.data, model[0].bias.data = np.array([[0.01, 0.0]]), np.array([0.2])
    assert not [c for c in nn.plot.boundary(model, X, Y).collections if hasattr(c, "levels")], (
        "a logit of 0.2 is class 1 everywhere")
    model[0].bias.data = np.array([0.5])
    assert [c for c in nn.plot.boundary(model, X, Y, threshold=0.5).collections
            if hasattr(c, "levels")]


def test_a_network_of_values_has_a_boundary():
    """A network that takes one sample is asked about fewer points, one by one."""
    nn.seed(0)
    ax = nn.plot.boundary(nn.MLP(2, [2, 1]), X[:8], Y[:8])
    assert ax.images[0].get_array().shape == (40, 40, 3)


@pytest.mark.parametrize(("X", "y", "options", "error", "words"), [
    (X[:, :1], Y, {}, ShapeError, "rows of two features"),
    (X * math.nan, Y, {}, ArgumentError, "finite numbers"),
    (X, Y[:5], {}, ShapeError, r"60 rows and labels of shape \(5,\)"),
    (X, Y + 1, {}, ArgumentError, "2 classes apart, 0 … 1, and there are other labels"),
    (X, Y, {"threshold": 0.3}, ArgumentError, "threshold is 0.0 for a model that gives a logit"),
    (X, Y, {"threshold": 0.5}, ArgumentError, "which aren't probabilities: give threshold=0.0"),
])
def test_what_has_no_boundary_is_refused(X, y, options, error, words):
    """Before anything is drawn."""
    with pytest.raises(error, match=words):
        nn.plot.boundary(line(), X, y, **options)
    assert not plt.get_fignums()


def test_other_outputs_are_refused():
    """nan, a threshold for several outputs, and what is no model."""
    broken = line()
    broken[0].bias.data = np.array([math.nan])
    with pytest.raises(ArgumentError, match="outputs hold nan or inf"):
        nn.plot.boundary(broken, X, Y)
    with pytest.raises(ArgumentError, match="has 2 outputs, of which the largest is the answer"):
        nn.plot.boundary(line(2), X, Y, threshold=0.5)
    with pytest.raises(ArgumentTypeError, match="model is a Module"):
        nn.plot.boundary(np.tanh, X, Y)
    with pytest.raises(ShapeError, match="a row a sample"):
        nn.plot.boundary(nn.Sequential(nn.Linear(2, 2), lambda z: z[:, None]), X, Y)


def test_a_picture_leaves_the_model_as_it_was():
    """It answers as when it isn't trained, and is in training again afterwards."""
    model = line(2, [nn.Dropout(0.9)])
    nn.plot.boundary(model, X, Y)
    nn.plot.activations(model, X)
    assert all(module.training for module in model.modules())
    assert not any("forward" in vars(module) for module in model.modules())


def test_a_recorder_keeps_frames_of_a_boundary():
    """One before the first epoch and one after each, on one grid."""
    recorder = nn.Recorder(gradients=False, boundary=(X, 12))
    trained(recorder, 3)
    assert [frame.epoch for frame in recorder.frames] == [0, 1, 2, 3] and not recorder.gradients
    first, *_, last = recorder.frames
    assert first.chances.shape == (12, 12, 2) and np.array_equal(first.across, last.across)
    np.testing.assert_allclose(last.chances.sum(axis=-1), 1.0)
    assert first.across[0] < X[:, 0].min() and first.up[-1] > X[:, 1].max()
    assert not np.allclose(first.chances, last.chances)


def test_a_long_training_has_no_more_frames():
    """Every second, fourth … epoch is kept, and the last one."""
    recorder = nn.Recorder(gradients=False, boundary=(X, 2))
    trained(recorder, 131)
    epochs = [frame.epoch for frame in recorder.frames]
    assert epochs == [*range(0, 131, 4), 131]


@pytest.mark.slow  # sixty pictures are drawn
def test_a_film_moves_and_then_stands_still(tmp_path):
    """A GIF of at most 60 frames, whose pictures differ, in a file that one can give away."""
    from PIL import Image

    recorder = nn.Recorder(boundary=(X, 8))
    trained(recorder, 6)
    path = tmp_path / "film.gif"
    nn.plot.film(path, recorder.frames * 12, X, Y)  # 84 frames
    with Image.open(path) as film:
        assert 40 <= film.n_frames <= 60 and film.size == (400, 320)
        seen = []
        for i in range(film.n_frames):
            film.seek(i)
            seen.append(np.asarray(film.convert("RGB"), float)[100:200, 100:200])
        title = np.asarray(film.convert("L"))[:18]
        assert title.min() < 100, "the epoch stands above it"
        assert max(np.abs(picture - seen[0]).max() for picture in seen) > 20
        assert film.info["duration"] == 1000
    assert not plt.get_fignums(), "nothing is shown"


def test_what_is_no_film_is_refused(tmp_path):
    """No frames, another kind of file, and other samples write nothing."""
    recorder = nn.Recorder(boundary=(X, 4))
    trained(recorder, 1)
    with pytest.raises(ArgumentError, match="there are no frames: give nn.fit"):
        nn.plot.film(tmp_path / "a.gif", [], X, Y)
    with pytest.raises(ArgumentError, match=r"path ends in \.gif"):
        nn.plot.film(tmp_path / "a.mp4", recorder.frames, X, Y)
    with pytest.raises(ArgumentTypeError, match=r"recorder\.frames, not"):
        nn.plot.film(tmp_path / "a.gif", recorder, X, Y)
    with pytest.raises(ArgumentError, match="fps must be at least 1|fps"):
        nn.plot.film(tmp_path / "a.gif", recorder.frames, X, Y, fps=0)
    with pytest.raises(ShapeError, match="labels of shape"):
        nn.plot.film(tmp_path / "a.gif", recorder.frames, X, Y[:3])
    assert not list(tmp_path.iterdir())


# ── around it ────────────────────────────────────────────────────────────────────────────────────

def test_on_dark_the_colours_are_light():
    """In matplotlib's dark style the points, the line and the text are light."""
    with plt.style.context("dark_background"):
        ax = nn.plot.boundary(line(), X, Y)
        (contour,) = [c for c in ax.collections if hasattr(c, "levels")]
        points = [c for c in ax.collections if c.get_label().startswith("class")]
        assert contour.get_edgecolor()[0][:3].min() == 1.0
        assert min(np.max(c.get_facecolor()[0][:3]) for c in points) > 0.9
        assert ax.images[0].get_array()[100].min(axis=0).max() < 0.1, "black between them"


def test_matplotlib_is_read_with_the_first_picture():
    """Neither nn nor nn.plot nor a recorder reads it."""
    code = ("import sys\nfrom autograd_mini import nn\nassert 'autograd_mini.nn.plot' not in "
            "sys.modules\nnn.plot.boundary, nn.Recorder()\nassert 'matplotlib' not in sys.modules\n"
            "import autograd_mini.nn.plot as plot\nassert plot is nn.plot")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_the_cure_is_named(monkeypatch):
    """An ImportError says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'pip install "autograd-mini\[plot\]"') as caught:
        nn.plot.boundary(line(), X, Y)
    assert isinstance(caught.value, ImportError)


def test_nn_has_no_other_names():
    """What isn't there is an AttributeError, as of any module."""
    with pytest.raises(AttributeError, match="has no attribute 'plots'"):
        _ = nn.plots
