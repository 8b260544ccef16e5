"""Pictures of training: what a teacher would draw on the blackboard, from the numbers themselves.

Each function takes matplotlib's Axes (`ax=`) or makes a figure, and returns the Axes, or of several
the Figure. What can't be drawn is refused before anything is. matplotlib is read when the first
picture is drawn; where it is missing, `pip install "autograd-mini[plot]"`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini import errors

from .arguments import an_array, shown, whole_numbers
from .diagnostics import GradientNorms
from .drawing import (
    Field,
    captioned_images,
    colours,
    counts_of_classes,
    diverging,
    figure_of,
    label_ends,
    mosaic,
    new_axes,
    ordered,
    plain,
    pyplot,
    scatter,
    several_axes,
    smooth,
    spans,
)
from .evaluation import as_it_answers, as_single, is_single, numbers_of, run_model, takes_samples
from .history import Epoch, History, lower_is_better
from .layers import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from .module import Module, listening
from .recorder import Frame, Recorder, chances_of, frame_of, labels_of, points_of

__all__ = ["activations", "boundary", "confusion", "film", "gradients", "history", "weights"]

FILM_FRAMES = 60  # at most, whatever is given: a longer film is a large file
ACTIVATIONS = (ReLU, LeakyReLU, ELU, GELU, SiLU, Tanh, Sigmoid, Softmax)


# ── how training went ────────────────────────────────────────────────────────────────────────────

def history(history: Any, ax: Any = None, name: str | None = None) -> Any:
    """Draw what `nn.fit` returned: each quantity over the epochs, training beside validation.

    A quantity, such as the loss, has its own axes, with a dot where validation was best; one that
    is above 0 and spans more than a factor of 30 a logarithmic axis. name: draw only this one. ax:
    an Axes, or as many as there are quantities. Raises `ArgumentError` for no epochs, a name that
    wasn't measured, and another number of axes.
    """
    if not isinstance(history, Sequence) or not all(isinstance(e, Epoch) for e in history):
        raise errors.ArgumentTypeError(f"history is what nn.fit returned, not {shown(history)}")
    past = History(history)
    found = list(dict.fromkeys(each.removeprefix("val_") for each in past.names))
    if name is not None and name not in found:
        raise errors.ArgumentError(f"{name!r} was not measured: there is {', '.join(found)}")
    if not past:
        raise errors.ArgumentError("a history of no epochs has nothing to draw")
    drawn = found if name is None else [name]
    axes = several_axes(ax, len(drawn), "quantities (name='loss' draws one)", size=(4.2, 3.2))
    for one, quantity in zip(axes, drawn, strict=True):
        _draw_quantity(one, past, quantity)
    return figure_of(axes)


def _draw_quantity(ax: Any, past: History, name: str) -> None:
    """The lines of training and validation."""
    from matplotlib.ticker import MaxNLocator

    blue, red = colours(ax)
    epochs = [epoch.number for epoch in past]
    dots = {"marker": "."} if len(epochs) == 1 else {}  # of which there is no line
    if name in past.names:
        ax.plot(epochs, past[name], color=blue, lw=1.8, label="training", **dots)
    if f"val_{name}" in past.names:
        numbers = past[f"val_{name}"]
        lower = lower_is_better(name) is not False
        best = int((np.nanargmin if lower else np.nanargmax)(numbers)) if not np.all(
            np.isnan(numbers)) else 0
        ax.plot(epochs, numbers, color=red, lw=1.8, ls="--", label="validation", **dots)
        ax.plot(epochs[best], numbers[best], "o", color=red, ms=6,
                label=f"best: {numbers[best]:.3g}, epoch {epochs[best]}")
    if spans([past[each] for each in (name, f"val_{name}") if each in past.names]):
        ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain(ax, name, x="epoch")
    ax.legend(frameon=False, fontsize="small")


def gradients(recorder: Any, ax: Any = None) -> Any:
    """Draw the size of each layer's weight gradient in each step: does it vanish, or explode?

    recorder: an `nn.Recorder` or an `nn.GradientNorms` (of which the norms are drawn) that has seen
    a training, or a dict of lists of numbers by name. The
    axis is logarithmic (a gradient of 0 leaves a gap), the layers run from dark to bright, and the
    title says how much larger the last layer's is than the first's, over all steps. Of more than 50
    steps each is pale, and the strong line goes through the middle of its neighbours. Raises
    `ArgumentError` for nothing recorded, and for gradients that are all 0.
    """
    lines = _recorded(recorder)
    if not any(np.any(values > 0) for values in lines.values()):
        raise errors.ArgumentError("all gradients are 0 or missing, and a logarithmic axis has no "
                                   "place for them")
    ax = new_axes(ax, (6.0, 3.8))
    tints, ends = ordered(ax, len(lines)), []
    for (name, values), colour in zip(lines.items(), tints, strict=True):
        steps, middle = np.arange(1, len(values) + 1), smooth(values)
        if len(values) > 50:
            ax.plot(steps, np.where(values > 0, values, np.nan), color=colour, lw=0.6, alpha=0.3)
        ax.plot(steps, middle, color=colour, lw=1.6, label=name,
                marker="." if len(values) == 1 else None)
        ends.append((middle[-1], name, colour))
    ax.set_yscale("log")
    ax.set_xlim(1, max(2, *(len(values) for values in lines.values())))
    means = [float(np.nanmean(v)) if np.any(np.isfinite(v)) else math.nan for v in lines.values()]
    ratio = means[-1] / means[0] if means[0] else math.inf
    plain(ax, f"weight gradients: last / first {ratio:.2g}" if len(lines) > 1
          else "weight gradient", x="step",
          y="norm" if isinstance(recorder, GradientNorms) else "root mean square")
    ax.figure.draw_without_rendering()  # which places the axes, and so the labels
    low = ax.get_ylim()[0]
    label_ends(ax, [(y, name, colour) if y > 0 else (low, f"{name}: 0 or none", colour)
                    for y, name, colour in ends])
    return ax


def _recorded(recorder: Any) -> dict[str, np.ndarray]:
    """The lines to draw, by name."""
    if isinstance(recorder, Recorder):
        chosen = recorder.weights or list(recorder.gradients)
        found: Mapping[Any, Any] = {name: recorder.gradients[name] for name in chosen}
    elif isinstance(recorder, GradientNorms):
        names = [name for name in recorder.norms if name.endswith("weight")]
        found = {name: recorder.norms[name] for name in names or recorder.norms}
    elif isinstance(recorder, Mapping):
        found = recorder
    else:
        raise errors.ArgumentTypeError("gradients draws an nn.Recorder, an nn.GradientNorms, or a "
                                       f"dict of lists of numbers by name, not {shown(recorder)}")
    lines = {str(name): np.asarray(values, float) for name, values in found.items()}
    if not lines or any(v.ndim != 1 or not len(v) for v in lines.values()):
        raise errors.ArgumentError("no gradients were recorded: give nn.fit(…, "
                                   "callbacks=[recorder]) the recorder, and train")
    return lines


# ── two features ─────────────────────────────────────────────────────────────────────────────────

def boundary(model: Module, X: Any, y: Any, ax: Any = None, threshold: float | None = None) -> Any:
    """Draw what a model of two features says of the plane, and the samples on it.

    The plane is tinted by the likeliest class, more strongly the surer the model is, with a line
    where two classes are equally likely (of two classes, at probability 0.5); a class has its shape
    and its colour. X: (n, 2). y: the class of each row, from 0 (or −1 and 1). threshold: 0.0 for a
    model that gives one logit, 0.5 for one that gives a probability, as of `nn.accuracy`; None
    finds out which. Raises `ShapeError` and `ArgumentError` for what can't be drawn.
    """
    points = points_of(X)
    labels, says = _judged(model, points, y, threshold)
    frame = frame_of(model, points, 40 if takes_samples(model) else 200, 0, threshold)
    ax = new_axes(ax, (5.0, 4.0))
    Field(ax, frame)
    scatter(ax, points, labels, frame.chances.shape[-1])
    plain(ax, f"{np.mean(says == labels):.0%} of {len(labels)} right")
    return ax


def _judged(model: Any, X: Any, y: Any, threshold: float | None) -> tuple[np.ndarray, np.ndarray]:
    """The class of each row, and the class that the model takes it for."""
    chances = chances_of(model, X, threshold)
    return labels_of(y, *chances.shape), chances.argmax(axis=1)


def film(path: str | os.PathLike[str], frames: Sequence[Frame], X: Any, y: Any, fps: int = 10
         ) -> None:
    """Write a GIF in which a boundary moves as the model learns.

    frames: those of an `nn.Recorder(boundary=(X, 40))`; of more than 60 so many, evenly, the first
    and the last among them. The last stands still for a second. X, y: the samples, as for
    `boundary`. Raises `ArgumentError` for no frames and for a path that doesn't end in .gif.
    """
    points = points_of(X)
    if not isinstance(frames, Sequence) or not all(isinstance(f, Frame) for f in frames):
        raise errors.ArgumentTypeError("frames are those of an nn.Recorder, recorder.frames, not "
                                       f"{shown(frames)}")
    if not frames:
        raise errors.ArgumentError("there are no frames: give nn.fit(…, callbacks=[recorder]) an "
                                   "nn.Recorder(boundary=(X, 40)), and train")
    if not os.fspath(path).lower().endswith(".gif"):
        raise errors.ArgumentError(f"a film is a GIF: path ends in .gif, not {shown(path)}")
    (rate,) = whole_numbers([fps], "fps", 1)
    labels = labels_of(y, len(points), frames[0].chances.shape[-1])
    most = min(len(frames), FILM_FRAMES)
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, most).round().astype(int)]
    pictures = _photographed(chosen, points, labels)
    times = [1000 // rate] * (most - 1) + [1000]
    pictures[0].save(os.fspath(path), save_all=True, append_images=pictures[1:], duration=times,
                     loop=0)


def _photographed(frames: Sequence[Frame], X: np.ndarray, labels: np.ndarray) -> list[Any]:
    """Each frame as an image, of one drawing that is laid out once, and in which artists change."""
    pyplot()  # or the error that names the extra
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure((5.0, 4.0), dpi=80, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    field = Field(ax, frames[0])
    scatter(ax, X, labels, frames[0].chances.shape[-1])
    plain(ax)
    title = ax.set_title("epoch", loc="left", fontsize="medium", y=1.0)  # where it stays, unseen
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    title.set_visible(False)
    canvas.draw()
    title.set_visible(True)
    still, pictures = canvas.copy_from_bbox(figure.bbox), []
    for frame in frames:  # drawing all of it again, with the numbers at the axes, takes 0.1 s
        field.update(frame)
        title.set_text(f"epoch {frame.epoch}")
        canvas.restore_region(still)
        for artist in (field.image, *ax.collections, *ax.spines.values(), title):
            ax.draw_artist(artist)
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
        pictures.append(picture.quantize(128, dither=Image.Dither.NONE))  # dots triple the file
    return pictures


# ── inside of a network ──────────────────────────────────────────────────────────────────────────

def activations(model: Module, x: Any, ax: Any = None) -> Any:
    """Draw how the outputs of each activation are spread over 20 bins for the rows of x.

    Above each stands which share is lost to learning: at 0 of a `ReLU`, within 0.01 of an end (of
    which the slope is nearly 0) of a `Sigmoid`, a `Tanh` or a `Softmax`, below 0 of others. Of a
    network without such layers the outputs of its innermost modules are drawn. ax: as many axes as
    there are layers. Raises `ArgumentError` for a network of `Value`s and for outputs of nan.
    """
    if not isinstance(model, Module):
        raise errors.ArgumentTypeError(f"model is a Module, not {shown(model)}")
    if takes_samples(model):
        raise errors.ArgumentError("activations draws the layers of a network of arrays, not one "
                                   "of Values")
    outputs = _outputs(model, x)
    axes = several_axes(ax, len(outputs), "layers with activations", 6, (2.3, 2.2))
    for one, (path, module, values) in zip(axes, outputs, strict=True):
        low, high, lost = _told(module, values)
        blue, _ = colours(one)
        one.hist(values, bins=20, range=(low, high), weights=np.full(len(values), 1 / len(values)),
                 color=blue)
        one.set_xlim(low, high)
        plain(one, f"{path} {type(module).__name__}" + (f"\n{lost}" if lost else ""))
    axes[0].set_ylabel("share")
    return figure_of(axes)


def _outputs(model: Module, x: Any) -> list[tuple[str, Module, np.ndarray]]:
    """(path, module, outputs) of each layer that is drawn, in the order of their calls."""
    inner = {path: m for path, m in model.named_modules() if sum(1 for _ in m.modules()) == 1}
    chosen = {p: m for p, m in inner.items() if isinstance(m, ACTIVATIONS)} or inner
    paths = {id(m): path for path, m in chosen.items()}
    seen: dict[str, list[np.ndarray]] = {}

    def told(module: Module, out: Any) -> None:
        first = out[0] if isinstance(out, tuple) else out  # of a recurrent layer
        if id(module) in paths:
            numbers = np.ravel(numbers_of(first)).astype(float)
            seen.setdefault(paths[id(module)], []).append(numbers)

    with as_it_answers(model), listening(told):
        run_model(model, as_single(np.asarray(x)) if is_single(model) else x, False)
    found = [(path, chosen[path], np.concatenate(parts)) for path, parts in seen.items()]
    if not found or any(not len(v) or not np.all(np.isfinite(v)) for _, _, v in found):
        raise errors.ArgumentError("there are no outputs to draw: the model calls none of its "
                                   "modules, x has no rows, or an output is nan or inf")
    return found


def _told(module: Module, values: np.ndarray) -> tuple[float, float, str]:
    """The range of an activation, and in words which share of its outputs is lost."""
    least, most = float(values.min()), float(values.max())
    if isinstance(module, Sigmoid | Softmax | Tanh):
        low = -1.0 if isinstance(module, Tanh) else 0.0
        ends = np.mean((values < low + 0.01) | (values > 0.99))
        return low, 1.0, f"{ends:.0%} saturated"
    if isinstance(module, ReLU):
        return 0.0, most if most > 0 else 1.0, f"{np.mean(values <= 0):.0%} at 0"
    low, high = (least, most) if most > least else (least - 0.5, least + 0.5)
    below = f"{np.mean(values < 0):.0%} below 0"
    return low, high, below if isinstance(module, ACTIVATIONS) else ""


def weights(model: Any, shape: Sequence[int] | None = None, ax: Any = None) -> Any:
    """Draw what each unit of the first layer looks for: its weights as an image, on one scale.

    Red is above 0, blue below. model: a network or a layer, whose first weight of two axes or of
    four (a convolution's windows, each input channel an image) is drawn, at most 100 images of it.
    shape: height and width of an image; None for a square. Raises `ArgumentError` if there is no
    such weight, or it isn't images of that shape.
    """
    if not isinstance(model, Module):
        raise errors.ArgumentTypeError(f"model is a Module, not {shown(model)}")
    found = [(name, p.value) for name, p in model.named_parameters() if np.ndim(p.value) in (2, 4)]
    if not found:
        raise errors.ArgumentError("the model has no weight of two axes, as a Linear has, or of "
                                   "four, as a Conv2d")
    name, weight = found[0]
    height, width = weight.shape[2:] if weight.ndim == 4 else _image(shape, weight.shape[1], name)
    images = weight.reshape(-1, height, width)
    many, images = len(images), images[:100]
    ax = new_axes(ax, (5.4, 4.6))
    largest = float(np.abs(images).max()) or 1.0
    drawn = ax.imshow(mosaic(images), cmap=diverging(ax), vmin=-largest, vmax=largest)
    ax.figure.colorbar(drawn, ax=ax, shrink=0.8)
    plain(ax, f"{name}: {many} images of {height}×{width}" + (
        f", the first {len(images)}" if many > len(images) else ""))
    ax.set_axis_off()
    return ax


def _image(shape: Any, size: int, what: str) -> tuple[int, int]:
    """Height and width of an image of so many numbers."""
    if shape is None:
        side = math.isqrt(size)
        if side * side != size:
            raise errors.ArgumentError(f"{what} has {size} inputs, which is no square: give the "
                                       "height and the width of an image, shape=(…, …)")
        return side, side
    sides = whole_numbers(shape, "shape", 1)
    if len(sides) != 2 or sides[0] * sides[1] != size:
        raise errors.ArgumentError(f"{what} has {size} numbers an image, and shape={tuple(sides)}: "
                                   "height times width must be that")
    return sides[0], sides[1]


# ── which classes are taken for which ────────────────────────────────────────────────────────────

def confusion(model: Module, X: Any, y: Any, ax: Any = None,
              classes: Sequence[Any] | None = None, images: Sequence[int] | None = None,
              threshold: float | None = None) -> Any:
    """Draw how often a class (a row) was taken for which (a column).

    The tint is the share of the row: blue where that is right, red where it is wrong. classes:
    their names. images: the height and the width of a sample, such as (28, 28); then the 16 rows
    of X of which the model was surest of a wrong class are shown, too (ax is two Axes then, and the
    Figure is returned). threshold: see `boundary`. Raises `ShapeError` or `ArgumentError` for
    labels, names or images that don't fit.
    """
    rows = an_array(X, "X")
    chances = chances_of(model, rows, threshold)
    n, k = chances.shape
    labels, says = labels_of(y, n, k), chances.argmax(axis=1)
    names = [str(i) for i in range(k)] if classes is None else [str(name) for name in classes]
    if len(names) != k:
        raise errors.ArgumentError(f"the model tells {k} classes apart, and there are {len(names)} "
                                   "names in classes")
    if images is not None:
        height, width = _image(images, rows[0].size, "X")
    axes = several_axes(ax, 1 if images is None else 2, "parts, the counts and the images", 2,
                        (4.6, 4.4))
    counts = np.zeros((k, k), int)
    np.add.at(counts, (labels, says), 1)
    counts_of_classes(axes[0], counts, names)
    if images is not None:
        wrong = np.flatnonzero(says != labels)
        worst = wrong[np.argsort(-chances[wrong, says[wrong]], kind="stable")][:16]
        captioned_images(axes[1], rows[worst].reshape(-1, height, width),
                    [f"{names[labels[i]]}→{names[says[i]]}" for i in worst])
    return figure_of(axes)

