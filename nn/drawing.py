"""What the pictures of `nn.plot` are made of: colours, figures, fields of colour, labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini import errors

from .arguments import shown

__all__ = ["Field", "apart", "captioned_images", "colours", "counts_of_classes", "diverging",
           "figure_of", "label_ends", "mosaic", "new_axes", "ordered", "plain", "pyplot", "scatter",
           "several_axes", "smooth", "spans"]

LIGHT, DARK = ("#1f5fa8", "#b4380b"), ("#86b8f5", "#ff9d6e")  # blue and red, as in ag.steps
MARKERS = "o^sDvPX*<>"


def pyplot() -> Any:
    """matplotlib.pyplot. Raises `MissingExtraError` (an `ImportError`) where it isn't installed."""
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise errors.missing_extra("matplotlib", "plot", "nn.plot") from error
    return plt


def new_axes(ax: Any, size: tuple[float, float] = (5.0, 3.6)) -> Any:
    """ax itself, or the axes of a new figure. Raises `ArgumentTypeError` for what is no axes."""
    plt = pyplot()
    if ax is None:
        return plt.subplots(figsize=size, layout="constrained")[1]
    if not hasattr(ax, "get_xlim"):
        raise errors.ArgumentTypeError(f"ax is one of matplotlib's Axes, or None, not {shown(ax)}")
    return ax


def several_axes(ax: Any, n: int, what: str, columns: int = 4, size: tuple[float, float] = (3, 2.4)
                 ) -> list[Any]:
    """n axes: those that are given, or new ones, row by row."""
    if ax is not None:
        given = [new_axes(one) for one in (np.ravel(ax) if np.ndim(ax) else [ax])]
        if len(given) != n:
            raise errors.ArgumentError(f"there {'are' if n > 1 else 'is'} {n} {what}, one an axes, "
                                       f"and ax is {len(given)}: give plt.subplots(1, {n})[1]")
        return given
    rows = -(-n // columns)
    columns = -(-n // rows)  # so that the last row isn't one alone
    figure, axes = pyplot().subplots(rows, columns, squeeze=False, layout="constrained",
                                     figsize=(size[0] * columns, size[1] * rows))
    flat = list(axes.flat)
    for empty in flat[n:]:
        figure.delaxes(empty)
    return flat[:n]


def figure_of(axes: Sequence[Any]) -> Any:
    """What a function returns: the axes itself, or of several their figure."""
    return axes[0] if len(axes) == 1 else axes[0].figure


def is_dark(ax: Any) -> bool:
    """Whether what lies behind a drawing is dark, as in matplotlib's style dark_background."""
    from matplotlib.colors import to_rgb

    r, g, b = to_rgb(ax.get_facecolor())
    return 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.4


def colours(ax: Any) -> tuple[str, str]:
    """The project's blue and red, lighter on dark."""
    return DARK if is_dark(ax) else LIGHT


def ordered(ax: Any, n: int) -> list[Any]:
    """n colours in an order, of viridis, without the end that what lies behind would swallow."""
    from matplotlib import colormaps

    low, high = (0.25, 1.0) if is_dark(ax) else (0.0, 0.85)
    return [colormaps["viridis"](x) for x in np.linspace(low, high, n)]


def ink() -> Any:
    """The colour of text, which a style may have made light."""
    return pyplot().rcParams["text.color"]


def plain(ax: Any, title: str = "", x: str = "", y: str = "") -> None:
    """No frame above and on the right; a title on the left, and names of the axes."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(title, loc="left", fontsize="medium")
    ax.set_xlabel(x)
    ax.set_ylabel(y)


def spans(numbers: Any, factor: float = 30.0) -> bool:
    """Whether numbers are above 0 and the largest is more than `factor` times the smallest."""
    finite = [x for x in np.ravel(numbers) if math.isfinite(x)]
    return bool(finite) and min(finite) > 0 and max(finite) > factor * min(finite)


def smooth(values: np.ndarray) -> np.ndarray:
    """Of many numbers above 0 the geometric mean of each and its neighbours; nan where it is 0."""
    there = values > 0
    half = len(values) // 50
    window = np.ones(2 * half + 1)
    logs = np.convolve(np.log(np.where(there, values, 1.0)), window)[half : len(values) + half]
    counts = np.convolve(there, window)[half : len(values) + half]
    return np.where(there, np.exp(logs / np.where(there, counts, 1.0)), np.nan)


# ── a plane with classes in it ───────────────────────────────────────────────────────────────────

def class_colours(ax: Any, classes: int) -> list[Any]:
    """Blue and red of two classes, of more as many of viridis."""
    return list(colours(ax)) if classes == 2 else ordered(ax, classes)


class Field:
    """A plane in the colours of the classes' probabilities, with lines where two are level."""

    def __init__(self, ax: Any, frame: Any) -> None:
        from matplotlib.colors import to_rgb

        self.ax, self.frame = ax, frame
        self.tints = np.array([to_rgb(c) for c in class_colours(ax, frame.chances.shape[-1])])
        self.back = np.array(to_rgb(ax.get_facecolor()))
        x, y = (_ends(frame.across), _ends(frame.up))
        self.image = ax.imshow(self._colours(frame), origin="lower", extent=(*x, *y),
                               aspect="auto", interpolation="bilinear", zorder=0)
        self.lines: list[Any] = []
        self._draw_lines(frame)

    def update(self, frame: Any) -> None:
        """Another frame in the place of this one."""
        self.image.set_data(self._colours(frame))
        for line in self.lines:
            line.remove()
        self._draw_lines(frame)

    def _colours(self, frame: Any) -> np.ndarray:
        """The tint of the likeliest class, paler the less sure it is; (k, k, 3)."""
        chances, classes = frame.chances, frame.chances.shape[-1]
        best = chances.argmax(axis=-1)
        sure = (chances.max(axis=-1) - 1 / classes) / (1 - 1 / classes)
        share = ((0.15 if classes > 2 else 0.0) + 0.45 * sure)[..., None]
        return np.asarray(share * self.tints[best] + (1 - share) * self.back)

    def _draw_lines(self, frame: Any) -> None:
        """Where a class is as likely as the likeliest of the others: of two, at 0.5."""
        self.lines = []
        chances = frame.chances
        for k in range(1 if chances.shape[-1] == 2 else 0, chances.shape[-1]):
            lead = chances[..., k] - np.delete(chances, k, axis=-1).max(axis=-1)
            if lead.min() < 0 < lead.max():  # matplotlib warns of lines that aren't there
                self.lines.append(self.ax.contour(frame.across, frame.up, lead, levels=[0.0],
                                                  colors=[ink()], linewidths=1.4))


def _ends(centres: np.ndarray) -> tuple[float, float]:
    """The edges of the outermost of cells whose centres are given."""
    half = (centres[-1] - centres[0]) / (len(centres) - 1) / 2
    return float(centres[0] - half), float(centres[-1] + half)


def scatter(ax: Any, X: np.ndarray, labels: np.ndarray, classes: int) -> None:
    """The samples, a shape and a colour for each class; which is which stands beside them."""
    size = 30.0 if len(X) <= 400 else 10.0
    for k, colour in enumerate(class_colours(ax, classes)):
        ax.scatter(*X[labels == k].T, color=[colour], marker=MARKERS[k % len(MARKERS)], s=size,
                   edgecolors=[ax.get_facecolor()], linewidths=0.6, label=f"class {k}", zorder=3)
    ax.legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0),
              handletextpad=0.2, borderaxespad=0.0)


# ── labels at the ends of lines ──────────────────────────────────────────────────────────────────

def label_ends(ax: Any, ends: Sequence[tuple[float, str, Any]]) -> list[Any]:
    """Write a label to the right of each line's end, so that none lies upon another.

    ends: for each line the y of its end, its label and its colour. Of more than fit below each
    other only some are written, those at the top and at the bottom among them.
    """
    plt = pyplot()
    height = ax.get_window_extent().height * 72 / ax.figure.dpi  # in points
    size = plt.rcParams["font.size"] * 0.8
    room = max(2, int(height / (1.15 * size)))
    unit = ax.transAxes.inverted()
    placed = sorted((float(unit.transform(ax.transData.transform((1.0, y)))[1]), label, colour)
                    for y, label, colour in ends)
    if len(placed) > room:
        placed = [placed[i] for i in np.linspace(0, len(placed) - 1, room).round().astype(int)]
    gap = min(1.15 * size / height, 1.0 / max(1, len(placed) - 1))
    heights = apart([y for y, _, _ in placed], gap)
    right = float(unit.transform(ax.transData.transform((ax.get_xlim()[1], 1.0)))[0])
    return [ax.annotate(label, (right, y), (1.05, at), "axes fraction", "axes fraction",
                        color=colour, fontsize=size, va="center", annotation_clip=False,
                        arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkA": 1,
                                    "shrinkB": 0})
            for (y, label, colour), at in zip(placed, heights, strict=True)]


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Places from 0 to 1, in the order of those that are wanted and near them, `gap` apart.

    >>> apart([0.5, 0.5, 0.9], 0.2)
    [0.4, 0.6, 0.9]
    """
    groups: list[tuple[float, int]] = []  # the middle of labels that touch, and how many
    for y in wanted:
        groups.append(_inside(y, 1, gap))
        while len(groups) > 1 and _touch(groups[-2], groups[-1], gap):
            (a, n), (b, m) = groups[-2:]
            groups[-2:] = [_inside((a * n + b * m) / (n + m), n + m, gap)]
    return [round(middle + (i - (n - 1) / 2) * gap, 9) for middle, n in groups for i in range(n)]


def _touch(below: tuple[float, int], above: tuple[float, int], gap: float) -> bool:
    """Whether two groups of labels lie upon each other."""
    return above[0] - below[0] < (above[1] + below[1]) / 2 * gap - 1e-12


def _inside(middle: float, n: int, gap: float) -> tuple[float, int]:
    """A group of n labels moved so that none is below 0 or above 1."""
    half = (n - 1) / 2 * gap
    return (min(max(middle, half), 1 - half) if 2 * half <= 1 else 0.5), n


# ── images and counts ────────────────────────────────────────────────────────────────────────────

def mosaic(images: np.ndarray) -> np.ndarray:
    """Images side by side, in rows, with a line of nan around each."""
    n, height, width = images.shape
    columns = max(1, math.ceil(math.sqrt(n * height / width)))
    rows, columns = -(-n // columns), min(n, columns)
    whole = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1), np.nan)
    for i, image in enumerate(images):
        top, left = i // columns * (height + 1) + 1, i % columns * (width + 1) + 1
        whole[top : top + height, left : left + width] = image
    return whole


def diverging(ax: Any) -> Any:
    """From blue over what lies behind to red."""
    from matplotlib.colors import LinearSegmentedColormap

    blue, red = colours(ax)
    between = LinearSegmentedColormap.from_list("blue_red", [blue, ax.get_facecolor(), red])
    return between.with_extremes(bad="#80808050")


def counts_of_classes(ax: Any, counts: np.ndarray, names: list[str]) -> None:
    """The matrix, tinted, with its numbers if there is room for them."""
    from matplotlib.colors import to_rgb

    k, back = len(names), np.array(to_rgb(ax.get_facecolor()))
    share = np.sqrt(counts / np.maximum(1, counts.sum(axis=1, keepdims=True)))[..., None]
    tints = np.array([to_rgb(c) for c in colours(ax)])[1 - np.eye(k, dtype=int)]
    ax.imshow(share * tints + (1 - share) * back)
    for (i, j), count in np.ndenumerate(counts) if k <= 20 else ():
        if count:
            strong = share[i, j, 0] > 0.6
            ax.text(j, i, f"{count}", ha="center", va="center", fontsize=9 if k <= 10 else 6,
                    color=ax.get_facecolor() if strong else ink())
    every = max(1, k // 20)
    long = max(map(len, names)) > 3
    ax.set_xticks(range(0, k, every), names[::every], rotation=45 if long else 0,
                  ha="right" if long else "center")
    ax.set_yticks(range(0, k, every), names[::every])
    ax.tick_params(length=0)
    plain(ax, f"{np.trace(counts):,} of {counts.sum():,} right", "taken for", "is")
    ax.spines[:].set_visible(False)


def captioned_images(ax: Any, images: np.ndarray, captions: list[str]) -> None:
    """Up to 16 images in four rows, each with what it is and what it was taken for."""
    ax.set_axis_off()
    ax.set_title("surest mistakes" if len(images) else "no mistakes", loc="left", fontsize="medium")
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        inner = ax.inset_axes((i % 4 / 4, 0.76 - i // 4 / 4, 0.22, 0.18))
        inner.imshow(image, cmap="gray" if is_dark(ax) else "gray_r")
        inner.set_title(caption, fontsize=8, pad=2)
        inner.set_axis_off()
