"""Arguments and results are trees, the machine has flat arrays; here one becomes the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import leaf
from ..recording import check_real
from ..trees import is_nested, rebuilt, steps_into, tree_leaves, tree_map
from .values import as_values

__all__ = ["Numbers", "ResultForm", "compact", "numbers_and_form", "variables", "with_numbers"]

Numbers = list[np.ndarray]
"""The numbers of each argument: one after the other, or a column for each sample."""


# ── arguments ────────────────────────────────────────────────────────────────────────────────


def numbers_and_form(args: Sequence[Any], batched: Sequence[int]) -> tuple[Numbers, Any]:
    """The arguments' numbers, and the arguments' form, with all in them that isn't a float.

    A recording fits other arguments only if their form is the same.
    """
    inputs: Numbers = []
    key: list[Any] = []
    for i, arg in enumerate(args):
        over = i in batched
        if type(arg) is np.ndarray and arg.dtype == float and arg.ndim:  # the usual, quickly
            inputs.append(arg.reshape(len(arg), -1).T if over and len(arg) else arg.ravel())
            key.append(arg.shape[over:])
        else:
            parts: list[np.ndarray] = []
            key.append(_form(arg, f"argument {i}", over, parts))
            inputs.append(np.concatenate(parts) if parts else np.empty(0))
        if over and inputs[-1].ndim != 2:
            raise ShapeError(
                f"argument {i} is batched: it is an array, or a tuple, list or dict of arrays, "
                "whose first axis counts the samples (one at least)"
            )
    if len({inputs[i].shape[-1] for i in batched}) > 1:
        raise ShapeError("the batched arguments differ in their numbers of samples")
    return inputs, tuple(key)


def _form(x: Any, path: str, over: bool, parts: list[np.ndarray]) -> Any:
    """The form of a tree, with all in it that isn't a float; the floats are added to `parts`."""
    if is_nested(x) and not isinstance(x, np.ndarray):
        return (type(x), *[(step, _form(v, path + step, over, parts)) for step, v in steps_into(x)])
    if isinstance(x, float | np.floating):
        parts.append(np.array([x], float))
        return float
    if isinstance(x, np.ndarray):
        check_real(x, path)
        if over and (not x.ndim or not len(x)):
            raise ShapeError(f"{path} has shape {x.shape}: no samples for a batch")
        rows = np.asarray(x.reshape(len(x), -1).T if over else x.ravel(), float)
        if parts and rows.shape[1:] != parts[0].shape[1:]:
            raise ShapeError(f"{path} differs from the others in its number of samples")
        parts.append(rows)
        return x.shape[over:]
    return (type(x), x)


def variables(arg: Any, batched: bool) -> Any:
    """The argument with a Value for each number; of a batch, for those of the first sample."""
    def variable(x: Any) -> Any:
        if isinstance(x, float | np.floating):
            return leaf(float(x))
        if isinstance(x, np.ndarray):
            sample = np.asarray(x[0] if batched else x, float)
            return as_values([leaf(v) for v in sample.ravel().tolist()], sample.shape)
        return x

    return tree_map(variable, arg)


def with_numbers(args: Sequence[Any], inputs: Numbers) -> list[Any]:
    """Arguments of the same form as `args` with these numbers in them."""
    found = []
    for arg, numbers in zip(args, inputs, strict=True):
        rest = iter(numbers.tolist())

        def put(x: Any, rest: Any = rest) -> Any:
            if isinstance(x, np.ndarray):
                return np.array([next(rest) for _ in range(x.size)]).reshape(x.shape)
            return next(rest) if isinstance(x, float | np.floating) else x

        found.append(tree_map(put, arg))
    return found


# ── results ──────────────────────────────────────────────────────────────────────────────────


class ResultForm:
    """The form of a result, and which value of the code stands at each of its places.

    output: a tree of values of the code. axes: the same tree, which says whether a part has a
    number for each sample. ids: the values, one after the other.
    """

    def __init__(self, output: Any, axes: Any, batched: bool) -> None:
        self._tree = compact(output)
        self._is_one_part = not is_nested(self._tree)
        # A part without numbers counts as one that has a number for each sample.
        pairs = [(np.asarray(ids), batched and bool(np.all(axis))) for (_, ids), (_, axis) in
                 zip(tree_leaves(self._tree), tree_leaves(compact(axes)), strict=True)]
        ends = np.cumsum([0, *[ids.size for ids, _ in pairs]]).tolist()
        self._parts = [(a, b, ids.shape, axis) for a, b, (ids, axis)
                       in zip(ends[:-1], ends[1:], pairs, strict=True)]
        self.ids = np.concatenate([np.empty(0, int), *[ids.ravel() for ids, _ in pairs]]).astype(
            int)

    def filled(self, numbers: list[float] | np.ndarray, samples: int) -> Any:
        """The result with these numbers: one for each of `ids`, or a row for each."""
        if isinstance(numbers, list):  # of a program without a batch
            return self._in_place([
                np.fromiter(numbers[a:b], float, b - a).reshape(shape) if shape
                else float(numbers[a])
                for a, b, shape, _ in self._parts])
        parts: list[Any] = []
        for a, b, shape, axis in self._parts:
            if axis:  # a number a sample: the batch comes first
                part = numbers[a:b].T if numbers.ndim == 2 else np.tile(numbers[a:b], (samples, 1))
                parts.append(part.reshape((samples, *shape)))
            else:
                part = numbers[a:b] if numbers.ndim == 1 else numbers[a:b, 0]
                parts.append(part.reshape(shape) if shape else float(part[0]))
        return self._in_place(parts)

    def _in_place(self, parts: list[Any]) -> Any:
        """The parts, in the form of the result."""
        if self._is_one_part:
            return parts[0]
        rest = iter(parts)
        return tree_map(lambda _: next(rest), self._tree)


def compact(tree: Any, dtype: type = int) -> Any:
    """The tree with its arrays of objects that are numbers as arrays of these."""
    if isinstance(tree, np.ndarray):
        return np.asarray(tree, dtype).view(np.ndarray)
    if is_nested(tree):
        return rebuilt(tree, [compact(branch, dtype) for _, branch in steps_into(tree)])
    return tree
