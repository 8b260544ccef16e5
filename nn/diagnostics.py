"""What goes on inside a network: how large gradients are, layer by layer, and which units sleep."""

from __future__ import annotations

import copy
import html
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Node, Tensor, Value, errors, gradients

from .arguments import shown
from .callbacks import Callback, Run
from .evaluation import as_single, is_single, run_model, takes_samples
from .module import Module
from .optimizer import Optimizer
from .state import kept

__all__ = ["GradientNorms", "Health", "LayerHealth", "health", "norm"]

FAR = 1e4  # by how much a gradient is smaller than the output's before it is said to vanish
LARGE_STEP, SMALL_STEP = 0.1, 1e-6  # of the weights themselves; about 1e-3 is usual
FLAT = 0.01  # a unit whose slope is less than this part of the steepest one is saturated


class LayerHealth(NamedTuple):
    """A layer: its path and class, ‖∂L/∂w‖, ‖w‖, by how much a step changes its weights, and notes.

    update: ‖step‖/‖w‖ of the optimizer's next step; without one, ‖∂L/∂w‖/‖w‖, which times the
    learning rate is what SGD would do. dead and saturated: how many of `units` are.
    """

    name: str
    kind: str
    gradient: float
    weight: float
    update: float
    units: int
    dead: int
    saturated: int
    notes: tuple[str, ...]


class Health(Sequence[LayerHealth]):
    """A line a layer; `str` is the table as text, and a notebook shows it set.

    ok: whether no layer has a note. loss: that of the batch.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 2, rng=1))
    >>> report = nn.health(model, np.ones((4, 2)), np.array([0, 1, 0, 1]), nn.cross_entropy)
    >>> [layer.name for layer in report]
    ['0', '2']
    """

    def __init__(self, layers: list[LayerHealth], loss: float, stepped: bool) -> None:
        self.layers, self.loss, self.stepped = layers, loss, stepped

    @property
    def ok(self) -> bool:
        """Whether there is nothing to say of any layer."""
        return not any(layer.notes for layer in self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: Any) -> Any:
        """By position, or by the layer's path."""
        if isinstance(i, str):
            return next(layer for layer in self.layers if layer.name == i)
        return self.layers[i]

    def _cells(self) -> list[list[str]]:
        head = ["layer", "class", "gradient", "update/weight" if self.stepped
                else "gradient/weight", ""]
        return [head, *([layer.name or "(the model)", layer.kind, f"{layer.gradient:.2g}",
                         f"{layer.update:.2g}", "; ".join(layer.notes) or "well"]
                        for layer in self.layers)]

    def __str__(self) -> str:
        cells = self._cells()
        widths = [max(len(row[k]) for row in cells) for k in range(5)]
        lines = ["  ".join(cell.rjust(w) if k in (2, 3) else cell.ljust(w)
                           for k, (cell, w) in enumerate(zip(row, widths, strict=True))).rstrip()
                 for row in cells]
        rule = "  ".join("─" * w for w in widths)
        return "\n".join([f"loss {self.loss:.4g}", lines[0], rule, *lines[1:]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self._cells()
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                       for row in rows)
        names = "".join(f"<th>{cell}</th>" for cell in head)
        return (f"<table><caption>loss {self.loss:.4g}</caption><tr>{names}</tr>{body}</table>")


def health(model: Module, x: Any, y: Any, loss: Callable[[Any, Any], Any],
           optimizer: Optimizer | None = None) -> Health:
    """What one batch tells of each layer, in a line: its gradient's norm, how much a step changes
    its weights, units that are dead or saturated, and whether gradients vanish or explode.

    x, y: a batch; loss: a function of (prediction, y). optimizer: the one whose next step is looked
    at. A unit (a column of a layer's output; of an image, a channel) is dead if relu gives 0 for
    the whole batch, and saturated if tanh or sigmoid is flat for 95 % of it. Nothing of the model
    or the optimizer is changed. Raises `ArgumentTypeError` for what is no model or loss,
    `GraphError` for a loss that isn't one number computed from the parameters.

    >>> from autograd_mini import nn
    >>> model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 1, rng=1))
    >>> model[0].bias.data = np.array([-9.0, 0.0, 0.0])
    >>> print(nn.health(model, np.ones((4, 2)), np.ones((4, 1)), nn.mse_loss))
    loss 0.8169
    layer  class   gradient  gradient/weight
    ─────  ──────  ────────  ───────────────  ─────────────────────────────────────────────
    0      Linear       1.3             0.14  2 of 3 units dead: relu gives 0 for the batch
    2      Linear       2.6              3.1  well
    """
    _check(model, loss, optimizer)
    with kept(model):
        value, nodes = _loss(model, x, y, loss)
        layers = _layers(model)
        stepped = [] if optimizer is None else optimizer.parameters
        reached = [p for p in dict.fromkeys([
            *(p for _, own in layers.values() for p in own), *stepped]) if p in nodes]
        slopes = dict(zip(reached, gradients(value, reached), strict=True))  # stores none
        units = _units(nodes, model, {p: path for path, (_, own) in layers.items() for p in own})
        steps = None if optimizer is None else _steps(optimizer, slopes)
        rows = [_row(path, kind, own, slopes, units.get(path, {}), steps)
                for path, (kind, own) in layers.items()]
    return Health(_compared(rows), float(np.ravel(value.value)[0]), optimizer is not None)


def _check(model: Any, loss: Any, optimizer: Any) -> None:
    """Raise `ArgumentTypeError` for arguments of another kind."""
    if not isinstance(model, Module) or not callable(loss):
        raise errors.ArgumentTypeError(
            f"health takes (model, x, y, loss), got {shown(model)} and {shown(loss)}")
    if not isinstance(optimizer, Optimizer | None):
        raise errors.ArgumentTypeError(f"optimizer is an Optimizer, not {shown(optimizer)}")


def _loss(model: Module, x: Any, y: Any, loss: Callable[[Any, Any], Any]
          ) -> tuple[Any, dict[Any, None]]:
    """The loss of a batch, and all that it was made of."""
    given = as_single(x) if is_single(model) else x
    value = loss(run_model(model, given, takes_samples(model)), y)
    if not isinstance(value, Value | Tensor) or value.size != 1:
        raise errors.GraphError("the loss is one Value or Tensor of shape (), computed from "
                                f"the model's parameters, not {shown(value)}")
    return value, dict.fromkeys(_graph(value))


# ── layers, and their parameters ─────────────────────────────────────────────────────────────────

def _layers(model: Module) -> dict[str, tuple[str, list[Any]]]:
    """For the path of each module that has parameters of its own: its class, and these.

    The neurons of a layer of Values are one layer.
    """
    kinds = {path: type(module).__name__ for path, module in model.named_modules()}
    paths = sorted(kinds, key=len, reverse=True)  # the innermost first
    found: dict[str, tuple[str, list[Any]]] = {}
    for name, p in model.named_parameters():
        path = next(path for path in paths if not path or name.startswith(f"{path}."))
        path = re.sub(r"(^|\.)neurons\.\d+$", "", path)
        found.setdefault(path, (kinds[path], []))[1].append(p)
    return found


def _steps(optimizer: Optimizer, slopes: dict[Any, Any]) -> dict[Any, float]:
    """For each parameter the length of its next step, which isn't made."""
    lengths = {}
    for group in optimizer.param_groups:
        for p, state in zip(group.parameters, group._remembered(), strict=True):
            if p in slopes:
                moved = group.moved(p.value, slopes[p], copy.deepcopy(state))
                lengths[p] = norm(moved - p.value)
    return lengths


def norm(*arrays: Any) -> float:
    """Of several arrays, as one vector; by the largest entry first where squares would be 0, or
    inf: the square of 1e-200 is.
    """
    return math.hypot(*map(_norm_of_one, arrays))


def _norm_of_one(array: Any) -> float:
    flat = np.asarray(array, float).ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        square = float(flat @ flat)
    if 1e-200 < square < math.inf or not flat.size:
        return math.sqrt(square)
    largest = float(np.abs(flat).max())
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(flat / largest))


def _row(path: str, kind: str, own: list[Any], slopes: dict[Any, Any], units: Columns,
         steps: dict[Any, float] | None) -> LayerHealth:
    """What the numbers of one layer say, before it is compared with others."""
    sent = [slopes[p] for p in own if p in slopes]
    gradient, weight = norm(*sent), norm(*(p.value for p in own))
    length = gradient if steps is None else math.hypot(*(steps.get(p, 0.0) for p in own))
    update = length / weight if weight else math.inf if length else 0.0
    notes = []
    if not sent:
        notes.append("no gradient: the loss isn't made of it")
    elif not math.isfinite(gradient):
        notes.append("its gradient isn't finite: ag.detect_anomaly() finds where that was born")
    elif gradient == 0:
        notes.append("its gradient is 0")
    elif steps is not None and update > LARGE_STEP:
        notes.append(f"a step changes its weights by {100 * update:.0f} %: lower the learning rate")
    elif steps is not None and 0 <= update < SMALL_STEP:
        notes.append(f"a step changes its weights by {update:.0e} of themselves: it hardly learns")
    dead, count = _counted(units, "relu")
    flat, others = _counted(units, "tanh", "sigmoid")
    if dead:
        notes.append(f"{dead} of {count} units dead: relu gives 0 for the batch")
    if flat:
        notes.append(f"{flat} of {others} units saturated: tanh or sigmoid is flat there")
    return LayerHealth(path, kind, gradient, weight, update, max(count, others), dead, flat,
                       tuple(notes))


def _compared(rows: list[LayerHealth]) -> list[LayerHealth]:
    """The rows, with those whose gradients are far from the output's named."""
    having = [row for row in rows if 0 < row.gradient < math.inf]
    if not having:
        return rows
    last = having[-1].gradient
    told = []
    for row in rows:
        word = ("vanishes" if 0 < row.gradient * FAR < last else
                "explodes" if last * FAR < row.gradient < math.inf else "")
        note = (f"{word}: {row.gradient:.0e} here, {last:.2g} at the output",) if word else ()
        others = [said for said in row.notes if not (note and said.endswith("hardly learns"))]
        told.append(row._replace(notes=(*note, *others)))
    return told


# ── activations ──────────────────────────────────────────────────────────────────────────────────

Columns = dict[tuple[str, Any], list[np.ndarray]]  # of an activation, and a neuron or how many


def _units(nodes: dict[Any, None], model: Module, paths: dict[Any, str]) -> dict[str, Columns]:
    """For each layer and activation, the outputs with the units as columns."""
    neurons = {p: name.rpartition(".")[0] for name, p in model.named_parameters()
               if isinstance(p, Value)}
    found: dict[str, Columns] = {}
    for node in nodes:
        name = node.op.name if node.op is not None else ""
        if name in ("relu", "tanh", "sigmoid") and (p := _fed_by(node, paths)) is not None:
            outputs = np.asarray(node.value)
            columns = (np.moveaxis(outputs, 1, -1) if outputs.ndim == 4 else
                       np.atleast_1d(outputs))
            unit = neurons[p].removesuffix(".w") if p in neurons else columns.shape[-1]
            found.setdefault(paths[p], {}).setdefault((name, unit), []).append(
                columns.reshape(-1, columns.shape[-1]))
    return found


def _graph(loss: Any) -> Iterator[Any]:
    """Every node that the loss was made of, once."""
    seen, waiting = {id(loss)}, [loss]
    while waiting:
        node = waiting.pop()
        yield node
        for parent in node.parents:
            if parent is not None and id(parent) not in seen:
                seen.add(id(parent))
                waiting.append(parent)


def _fed_by(node: Node, paths: dict[Any, str], most: int = 40) -> Any:
    """The parameter that is nearest above a node, if one of some layer is."""
    level = [node]
    for _ in range(most):
        level = [parent for n in level for parent in n.parents if parent is not None]
        for parent in level:
            if parent in paths:
                return parent
        if not level or len(level) > 1000:
            return None
    return None


def _counted(units: Columns, *names: str) -> tuple[int, int]:
    """How many units are dead (of relu) or saturated (of others), and of how many."""
    bad = count = 0
    for (name, _), parts in units.items():
        if name in names:
            columns = np.concatenate(parts)
            slope = 1 - columns**2 if name == "tanh" else 4 * columns * (1 - columns)
            sleeping = (np.all(columns == 0, axis=0) if name == "relu" else
                        np.mean(slope < FLAT, axis=0) >= 0.95)
            bad, count = bad + int(sleeping.sum()), count + columns.shape[1]
    return bad, count


class GradientNorms(Callback):
    """A callback that keeps the norm of every parameter's gradient in each step.

    norms: for the name of each parameter a list, a number a step (nan where it had no gradient).
    `nn.plot.gradients` draws them.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> X = np.linspace(-1.0, 1.0, 40)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> steps = nn.SGD(model.parameters(), lr=0.3)
    >>> norms = nn.GradientNorms()
    >>> history = nn.fit(model, [(X, X)], nn.mse_loss, steps, 2, progress=False, callbacks=[norms])
    >>> {name: len(each) for name, each in norms.norms.items()}
    {'weight': 2, 'bias': 2}
    """

    def __init__(self) -> None:
        self.norms: dict[str, list[float]] = {}

    def after_backward(self, run: Run) -> None:
        """Keep them."""
        for name, p in run.model.named_parameters():
            size = math.nan if p.gradient is None else norm(p.gradient)
            self.norms.setdefault(name, []).append(size)

    def state_dict(self) -> dict[str, Any]:
        """The norms so far."""
        return {"norms": {name: list(norms) for name, norms in self.norms.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.norms = {str(name): list(norms) for name, norms in state["norms"].items()}
