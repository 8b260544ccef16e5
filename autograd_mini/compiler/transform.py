"""Gradients and Jacobians of a recorded result are made of code, or of nodes by the engine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from ..errors import DTypeError, ShapeError
from ..trees import flat, is_nested, steps_into, tree_map

__all__ = ["Derivatives", "Transforms", "one_number"]


class Derivatives(Protocol):
    """How a value is differentiated: as a number of a code, or as a node."""

    def gradients(self, y: Any, wrt: list[Any], last: bool) -> list[Any]:
        """∂y/∂x for each x of `wrt`; last: they won't be differentiated again."""

    def is_per_sample(self, y: Any) -> bool:
        """Whether a value has a number for each sample of a batch."""


class Transforms:
    """The `grad`, `value_and_grad` and `jacobian` of a program, in the order asked for."""

    def __init__(self, name: str, steps: Sequence[tuple[str, Any]], batched: Sequence[int],
                 reduce: str | None) -> None:
        self.name, self.steps, self.batched = name, steps, batched
        self.per_sample = bool(batched) and reduce is None

    def apply(self, output: Any, inputs: list[Any], derivatives: Derivatives) -> tuple[Any, Any]:
        """The transformed result of a function, given its result and its inputs.

        Returns the result, and `axes`, which says of each part of it whether it has a number for
        each sample.
        """
        axes = tree_map(lambda _: self.per_sample, output)
        for k, (name, argnums) in enumerate(self.steps):
            last = k == len(self.steps) - 1
            gradients = partial(self._gradients, derivatives, inputs, argnums, last)
            if name == "jacobian":
                output, axes = self._jacobian(output, gradients)
                continue
            y = one_number(output, name)
            if self.per_sample or derivatives.is_per_sample(y):
                raise ShapeError(f"{name} over a batch needs one number for all of it: compile "
                                 "with reduce='mean' or reduce='sum'")
            slopes, slope_axes = gradients(y, False)
            both = name == "value_and_grad"
            output, axes = ((y, slopes), (False, slope_axes)) if both else (slopes, slope_axes)
        return output, axes

    def _jacobian(self, output: Any, gradients: Any) -> tuple[Any, Any]:
        """A gradient in the place of each number of the output."""
        if _has_empty(output):
            raise ShapeError(f"{self.name}: the Jacobian (or Hessian) of an empty array "
                             "isn't there in a program: leave the function uncompiled")
        found = [gradients(y, self.per_sample) for y in flat(output)]
        rows, axes = iter([r for r, _ in found]), iter([a for _, a in found])
        return tree_map(lambda _: next(rows), output), tree_map(lambda _: next(axes), output)

    def _gradients(self, derivatives: Derivatives, inputs: list[Any], argnums: Any, last: bool,
                   y: Any, per_sample: bool) -> tuple[Any, Any]:
        """The gradient of y in the form of the arguments; and which parts have a batch axis."""
        single, n = isinstance(argnums, int), len(inputs)
        numbers = [i % n for i in ((argnums,) if single else argnums)]
        if len(set(numbers)) < len(numbers):
            raise ShapeError(f"argnums {argnums} names an argument twice")
        if per_sample and not set(numbers) <= set(self.batched):
            raise ShapeError("the Jacobian of each sample's result to what all samples share isn't "
                             "there: reduce over the batch, or differentiate what is batched")
        trees = [inputs[i] for i in numbers]
        wrt = flat(trees)
        if any([x is None for x in wrt]):
            raise DTypeError(f"argnums {argnums} is an argument with something else than real "
                             "numbers in it, which has no gradient")
        found = iter(derivatives.gradients(y, wrt, last))
        shaped = tree_map(lambda _: next(found), trees)
        axes = [tree_map(lambda _, i=i: per_sample or i in self.batched, tree)
                for i, tree in zip(numbers, trees, strict=True)]
        return (shaped[0], axes[0]) if single else (tuple(shaped), tuple(axes))


def one_number(output: Any, what: str) -> Any:
    """The output, which must be one number for `what`."""
    if is_nested(output):
        raise ShapeError(f"{what} needs a function whose result is one number: reduce it "
                         "(ag.sum, ag.mean), or use jacobian")
    return output


def _has_empty(tree: Any) -> bool:
    """Whether an array without entries is in a tree."""
    if isinstance(tree, np.ndarray) and not tree.size:
        return True
    return is_nested(tree) and any([_has_empty(branch) for _, branch in steps_into(tree)])
