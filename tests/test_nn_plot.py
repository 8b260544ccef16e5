"""The pictures of training: what stands in them is read back from matplotlib's own objects."""

from __future__ import annotations

import math

import numpy as np
import pytest
from plotted import RED, X, Y, a_history, line, trained

from autograd_mini import Tensor, nn
from autograd_mini.errors import (
    ArgumentError,
    ArgumentTypeError,
    ShapeError,
)

matplotlib = pytest.importorskip("matplotlib", reason="the pictures need matplotlib (extra plot)")
matplotlib.use("Agg")
from autograd_mini.nn.drawing import apart, smooth  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402


@pytest.fixture(autouse=True)
def closed():
    """No figure stays open."""
    yield
    plt.close("all")


# ── history ──────────────────────────────────────────────────────────────────────────────────────

def test_a_history_has_an_axes_for_each_quantity():
    """Training and validation of the loss lie in one axes, and of the accuracy in another."""
    history = trained(None)
    figure = nn.plot.history(history)
    loss, accuracy = figure.axes
    assert [a.get_title("left") for a in figure.axes] == ["loss", "accuracy"]
    first, second, _ = loss.lines
    assert first.get_xdata().tolist() == [1, 2, 3, 4]
    assert first.get_ydata().tolist() == history["loss"]
    assert second.get_ydata().tolist() == history["val_loss"]
    assert first.get_linestyle() != second.get_linestyle()
    assert accuracy.lines[1].get_ydata().tolist() == history["val_accuracy"]


def test_the_best_epoch_of_validation_has_a_dot():
    """It is the lowest of a loss and the highest of anything else."""
    history = a_history(loss=[3.0, 2.0, 1.0], accuracy=[0.1, 0.2, 0.3], val_loss=[2.0, 1.0, 4.0],
                        val_accuracy=[0.5, 0.4, 0.3])
    dots = [ax.lines[2] for ax in nn.plot.history(history).axes]
    assert [dot.get_xydata().tolist() for dot in dots] == [[[2, 1.0]], [[1, 0.5]]]


@pytest.mark.parametrize(("losses", "scale"), [
    ([30.0, 1.0], "linear"), ([31.0, 1.0], "log"), ([31.0, 0.0], "linear"),
    ([31.0, 1.0, math.nan], "log")])
def test_the_axis_is_logarithmic_beyond_a_factor_of_30(losses, scale):
    """But not where a number is 0."""
    assert nn.plot.history(a_history(loss=losses)).get_yscale() == scale


def test_a_history_draws_itself_into_given_axes():
    """`history.plot` and `nn.plot.history` are the same, and return the Axes that they were given.
    """
    history = trained(None)
    axes = plt.subplots(1, 2)[1]
    assert history.plot(axes) is axes[0].figure and len(axes[1].lines) == 3
    ax = plt.subplots()[1]
    assert nn.plot.history(history, ax, name="accuracy") is ax
    assert ax.lines[0].get_ydata().tolist() == history["accuracy"]


def test_what_is_no_history_is_refused():
    """No epochs, unknown names, too few axes and other objects draw nothing."""
    with pytest.raises(ArgumentError, match="no epochs has nothing to draw"):
        nn.plot.history(nn.History())
    with pytest.raises(ArgumentError, match="'f1' was not measured: there is loss"):
        nn.plot.history(a_history(loss=[1.0]), name="f1")
    with pytest.raises(ArgumentTypeError, match="what nn.fit returned, not 3"):
        nn.plot.history(3)
    ax = plt.subplots()[1]
    with pytest.raises(ArgumentError, match=r"there are 2 quantities .*and ax is 1: give plt\.sub"):
        nn.plot.history(trained(None), ax)
    assert not ax.lines
    with pytest.raises(ArgumentTypeError, match="one of matplotlib's Axes, or None, not 'ax'"):
        nn.plot.history(a_history(loss=[1.0]), "ax")


# ── gradients ────────────────────────────────────────────────────────────────────────────────────

def test_a_recorder_keeps_the_size_of_every_gradient():
    """The root mean square of each parameter's, step by step, before the step is made."""
    model = line(2)
    recorder = nn.Recorder()
    sizes = []

    class Look(nn.Callback):
        def after_backward(self, run):
            sizes.append(math.sqrt(np.mean(model[0].weight.grad ** 2)))

    nn.fit(model, [(X[:30], Y[:30]), (X[30:], Y[30:])], nn.cross_entropy,
           nn.SGD(model.parameters(), 0.1), 2, callbacks=[recorder, Look()], progress=False)
    assert list(recorder.gradients) == ["0.weight", "0.bias"] and recorder.weights == ["0.weight"]
    np.testing.assert_allclose(recorder.gradients["0.weight"], sizes, rtol=1e-14)


def test_what_is_frozen_on_the_way_has_a_gap():
    """Its gradients are nan then, and those of what comes later are nan before."""
    model, recorder = line(2), nn.Recorder()

    def freeze(epoch):
        if epoch.number == 1:
            model[0].bias, model[0].extra = model[0].bias.data, Tensor(np.zeros(2))

    nn.fit(model, [(X, Y)], nn.cross_entropy, nn.SGD(model.parameters(), 0.1), 3,
           callbacks=[recorder], progress=False, after_epoch=freeze)
    missing = {name: np.isnan(sizes).tolist() for name, sizes in recorder.gradients.items()}
    assert missing == {"0.weight": [False] * 3, "0.bias": [False, True, True],
                       "0.extra": [True] * 3}
    assert len(nn.plot.gradients(recorder).lines) == 1


@pytest.mark.parametrize("size", [1e-200, 1e-120, 1.0, 1e200])
def test_the_size_of_a_gradient_is_not_lost(size):
    """The square of 1e-200 is 0, the root mean square of 1e-200 isn't; no gradient is nan."""
    recorder, model = nn.Recorder(), line(2)
    run = nn.Run(model, None, None, nn.SGD(model.parameters(), 0.1))
    recorder.before_epoch(run)
    model[0].weight.grad, model[0].bias.grad = np.full((2, 2), size), np.zeros(2)
    recorder.after_backward(run)
    model[0].weight.grad = None
    recorder.after_backward(run)
    assert recorder.gradients["0.weight"][0] == pytest.approx(size, rel=1e-14, abs=0)
    assert math.isnan(recorder.gradients["0.weight"][1])
    assert recorder.gradients["0.bias"] == [0.0, 0.0]


def test_the_gradients_of_each_layer_are_drawn():
    """One line a weight, on a logarithmic axis, and the title has the quotient."""
    recorder = nn.Recorder()
    trained(recorder)
    ax = nn.plot.gradients(recorder)
    first, last = ax.lines
    np.testing.assert_allclose(first.get_ydata(), recorder.gradients["0.weight"], rtol=1e-12)
    assert [first.get_label(), last.get_label()] == ["0.weight", "2.weight"]
    ratio = np.mean(recorder.gradients["2.weight"]) / np.mean(recorder.gradients["0.weight"])
    assert ax.get_title("left") == f"weight gradients: last / first {ratio:.2g}"
    assert ax.get_yscale() == "log"


def test_labels_of_lines_that_end_together_lie_apart():
    """Measured as they are drawn: no label's box meets another's."""
    ax = nn.plot.gradients({f"{k}.weight": [1.0, 1.0 + 0.001 * k] for k in range(12)})
    ax.figure.draw_without_rendering()
    boxes = sorted((t.get_window_extent() for t in ax.texts), key=lambda b: b.y0)
    assert len(boxes) == 12
    middles = [(b.y0 + b.y1) / 2 for b in boxes]
    size = ax.texts[0].get_fontsize() * ax.figure.dpi / 72
    assert np.diff(middles).min() > size
    assert min(b.x0 for b in boxes) >= ax.get_window_extent().x1
    width = ax.figure.get_window_extent().x1
    assert max(b.x1 for b in boxes) <= width, "the figure has room for them"


def test_of_more_labels_than_fit_some_are_written():
    """The highest and the lowest line have one."""
    ax = nn.plot.gradients({f"l{k}": [10.0 ** -k] * 2 for k in range(100)})
    names = [t.get_text() for t in ax.texts]
    assert len(names) < 40 and {"l0", "l99"} <= set(names)


def test_a_layer_whose_gradient_is_0_is_told():
    """A logarithmic axis has no 0: its label says so, at the foot."""
    ax = nn.plot.gradients({"a": [1.0, 0.1], "b": [0.0, 0.0]})
    assert {t.get_text() for t in ax.texts} == {"a", "b: 0 or none"}


def test_no_gradients_are_refused():
    """Neither an untrained recorder, nor gradients of 0 throughout, nor something else."""
    with pytest.raises(ArgumentError, match="no gradients were recorded"):
        nn.plot.gradients(nn.Recorder())
    with pytest.raises(ArgumentError, match="all gradients are 0"):
        nn.plot.gradients({"a": [0.0]})
    with pytest.raises(ArgumentTypeError, match=r"an nn\.GradientNorms, or a dict"):
        nn.plot.gradients([1.0])


def test_a_recorder_can_watch_a_part_of_the_model():
    """The names are then those of the part."""
    model = nn.Sequential(line(2), nn.Linear(2, 2, rng=0))
    recorder = nn.Recorder(model[0], boundary=(X, 3))
    nn.fit(model, [(X, Y)], nn.cross_entropy, nn.SGD(model.parameters(), 0.1), 1,
           callbacks=[recorder], progress=False)
    assert list(recorder.gradients) == ["0.weight", "0.bias"]
    frame = recorder.frames[-1]
    left = nn.plot.boundary(model[0], X, Y).images[0].get_array()[100, 0]
    assert frame.chances[1, 0, 0] > 0.5 and left[2] > left[0]


def test_a_recorder_refuses_other_arguments():
    """Before a training begins."""
    with pytest.raises(ArgumentTypeError, match="boundary is .X, 40.: rows of two features"):
        nn.Recorder(boundary=X)
    with pytest.raises(ShapeError, match="rows of two features"):
        nn.Recorder(boundary=(Y, 40))
    with pytest.raises(ArgumentTypeError, match="model is a Module, or None"):
        nn.Recorder("model")


def test_places_are_kept_apart():
    """By at least the gap, in their order, inside of 0 and 1, and no further than needed."""
    assert apart([0.1, 0.9], 0.2) == [0.1, 0.9]
    assert apart([0.0, 0.0, 1.0, 1.0], 0.25) == [0.0, 0.25, 0.75, 1.0]
    rng = np.random.default_rng(1)
    for _ in range(100):
        wanted = np.sort(rng.uniform(-0.2, 1.2, 9))
        found = apart(list(wanted), 0.1)
        assert np.diff(found).min() > 0.1 - 1e-6 and min(found) >= 0 and max(found) <= 1


def test_a_smooth_line_leaves_few_numbers_as_they_are():
    """Up to 49 steps are themselves; of more the middle is geometric; a 0 is a gap."""
    few = np.array([1.0, 0.0, 4.0])
    assert np.array_equal(smooth(few), [1.0, math.nan, 4.0], equal_nan=True)
    assert smooth(np.array([1.0, 100.0] * 30))[[0, -1]] == pytest.approx(10.0)
    gap = np.where(np.arange(60) == 30, 0.0, 7.0)
    np.testing.assert_allclose(smooth(gap), np.where(gap > 0, gap, math.nan), rtol=1e-12)
    assert smooth(np.array([1.0, 100.0] * 30))[30] == pytest.approx(100 ** (2 / 3))


# ── activations, weights, confusion ──────────────────────────────────────────────────────────────

def test_activations_are_counted_in_20_bins_within_their_range():
    """The shares add up to 1, and the title says which share of a ReLU is at 0."""
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 3, rng=1), nn.Tanh(),
                          nn.Linear(3, 2, rng=2))
    figure = nn.plot.activations(model, X)
    relu, tanh = figure.axes
    for ax in (relu, tanh):
        assert len(ax.patches) == 20 and sum(p.get_height() for p in ax.patches) == pytest.approx(1)
    hidden = np.maximum(X @ model[0].weight.data.T + model[0].bias.data, 0)
    assert relu.get_title("left") == f"1 ReLU\n{np.mean(hidden == 0):.0%} at 0"
    assert relu.get_xlim() == (0.0, hidden.max()) and tanh.get_xlim() == (-1.0, 1.0)
    assert relu.patches[0].get_height() == pytest.approx(np.mean(hidden < hidden.max() / 20))


def test_saturated_and_dead_units_are_told():
    """A sigmoid of large numbers is saturated, and a ReLU of negative ones at 0."""
    model = line(1, [nn.Sigmoid()])
    model[0].weight.data = np.array([[1e4, 0.0]])
    assert nn.plot.activations(model, X).get_title("left") == "1 Sigmoid\n100% saturated"
    dead = line(1, [nn.ReLU()])
    dead[0].bias.data = np.array([-1e4])
    assert nn.plot.activations(dead, X).get_title("left") == "1 ReLU\n100% at 0"


def test_a_network_without_activations_shows_its_layers():
    """And a float32 one computes in float32."""
    ax = nn.plot.activations(nn.Sequential(nn.Linear(2, 2, rng=0, dtype=np.float32)), X)
    assert ax.get_title("left") == "0 Linear"


def test_activations_that_cannot_be_drawn_are_refused():
    """Those of Values, of what is no model, and of no rows."""
    with pytest.raises(ArgumentError, match="a network of arrays, not one of Values"):
        nn.plot.activations(nn.MLP(2, [2, 1]), X)
    with pytest.raises(ArgumentTypeError, match="model is a Module"):
        nn.plot.activations(np.tanh, X)
    with pytest.raises(ArgumentError, match="there are no outputs to draw"):
        nn.plot.activations(line(1, [nn.ReLU()]), X[:0])


def test_weights_are_images_on_one_scale():
    """Each unit's weights stand in the mosaic as they are; the scale is symmetric."""
    model = nn.Sequential(nn.Linear(6, 5, rng=0), nn.ReLU(), nn.Linear(5, 2, rng=0))
    ax = nn.plot.weights(model, shape=(2, 3))
    image = ax.images[0]
    weight = model[0].weight.data
    shown = np.ma.filled(np.ma.masked_invalid(image.get_array()), np.nan)
    assert np.array_equal(shown[1:3, 1:4], weight[0].reshape(2, 3))
    assert np.sort(shown[np.isfinite(shown)]).tolist() == np.sort(weight.ravel()).tolist()
    assert image.get_clim() == (-np.abs(weight).max(), np.abs(weight).max())
    assert ax.get_title("left") == "0.weight: 5 images of 2×3"


def test_windows_of_a_convolution_and_squares_need_no_shape():
    """Nor does a layer that is no network; of more than 100 images the first are drawn."""
    assert nn.plot.weights(nn.Conv2d(3, 4, 5, rng=0)).get_title("left") == (
        "weight: 12 images of 5×5")
    assert nn.plot.weights(nn.Linear(9, 101, rng=0)).get_title("left") == (
        "weight: 101 images of 3×3, the first 100")


def test_weights_that_are_no_images_are_refused():
    """No square, another shape, and no weights."""
    with pytest.raises(ArgumentError, match="has 6 inputs, which is no square: give"):
        nn.plot.weights(nn.Linear(6, 2))
    with pytest.raises(ArgumentError, match=r"has 6 numbers an image, and shape=\(4, 2\)"):
        nn.plot.weights(nn.Linear(6, 2), shape=(4, 2))
    with pytest.raises(ArgumentError, match="no weight of two axes"):
        nn.plot.weights(nn.ReLU())
    with pytest.raises(ArgumentTypeError, match="model is a Module"):
        nn.plot.weights(X)
    assert not plt.get_fignums()


def test_a_confusion_has_counts_and_shares_of_rows():
    """A number where there is one; blue where it is right, red where it is wrong."""
    y = np.where(np.arange(60) < 6, 1 - Y, Y)  # six labels are wrong
    ax = nn.plot.confusion(line(), X, y, classes=["left", "right"])
    says = (X[:, 0] > 0).astype(int)
    counts = {(i, j): int(np.sum((y == i) & (says == j))) for i in (0, 1) for j in (0, 1)}
    assert {(int(t.get_position()[1]), int(t.get_position()[0])): int(t.get_text())
            for t in ax.texts} == {at: n for at, n in counts.items() if n}
    tints = np.asarray(ax.images[0].get_array())
    share = counts[0, 1] / (counts[0, 0] + counts[0, 1])
    np.testing.assert_allclose(tints[0, 1], 1 + math.sqrt(share) * (np.array(to_rgb(RED)) - 1))
    assert tints[0, 0, 2] > tints[0, 0, 0], "what is right is blue"
    assert ax.get_title("left") == "54 of 60 right"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["left", "right"]


def test_the_surest_mistakes_are_shown_as_images():
    """The rows of which the model was surest of a wrong class come first, each with both names."""
    y = 1 - Y
    figure = nn.plot.confusion(line(), X, y, images=(1, 2))
    inner = figure.axes[1].child_axes
    assert len(inner) == 16
    order = np.argsort(-np.abs(X[:, 0]))
    shown = [np.asarray(a.images[0].get_array()) for a in inner]
    sure = np.abs(X[:, 0]) * 8 < 30  # beyond, a probability is 1, and rounding decides
    assert {int(np.flatnonzero(np.all(X == image, axis=1))[0]) for image in shown} <= set(
        order[:16].tolist()) | set(np.flatnonzero(~sure).tolist())
    names = {a.get_title() for a in inner}
    assert names <= {"0→1", "1→0"}
    right = nn.plot.confusion(line(), X, Y, images=(1, 2))
    assert right.axes[1].get_title("left") == "no mistakes"


def test_a_confusion_that_does_not_fit_is_refused():
    """Other names, other images, other labels."""
    with pytest.raises(ArgumentError, match="2 classes apart, and there are 1 names"):
        nn.plot.confusion(line(), X, Y, classes=["a"])
    with pytest.raises(ArgumentError, match=r"X has 2 numbers an image, and shape=\(3, 3\)"):
        nn.plot.confusion(line(), X, Y, images=(3, 3))
    with pytest.raises(ShapeError, match="labels of shape"):
        nn.plot.confusion(line(), X, Y[:, None] == [0, 1])
    assert not plt.get_fignums()


def test_gradient_norms_are_drawn_too():
    """Those of the weights, and called norms; of a model without a `weight`, all."""
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))
    norms = nn.GradientNorms()
    x = np.random.default_rng(0).normal(size=(8, 2))
    nn.fit(model, [(x, x[:, :1])], nn.mse_loss, nn.SGD(model.parameters(), 0.1), 4, progress=False,
           callbacks=[norms])
    ax = nn.plot.gradients(norms)
    assert [line.get_label() for line in ax.lines[:2]] == ["0.weight", "2.weight"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), norms.norms["0.weight"])
    assert ax.get_ylabel() == "norm"
