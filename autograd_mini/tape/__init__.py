"""Programs: a function of Values recorded once, flattened, and replayed at machine speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import GraphError

if TYPE_CHECKING:
    from .program import Program

__all__ = ["compile"]


def compile(function: Callable[..., Any], *, batched: Sequence[int] | int = (),
            reduce: str | None = None, parameters: Sequence[Any] | None = None,
            branches: str = "record") -> Program:
    """A program that gives what `function` gives: recorded once, then replayed.

    function: of floats, arrays and nested tuples, lists and dicts of them, written with Python's
    loops, arithmetic and NumPy's functions, `nn.MLP`, …; or `ag.grad(f)`, `ag.hessian(f)` and
    their kin of such a function, as `ag.grad` and its kin of a program give programs. In it every
    number is a Value and every array an array of Values. What isn't a float (an int, a string)
    is part of the program: for another one it is recorded anew, as it is for other shapes.

    batched: positions of arguments whose first axis counts samples. The function is recorded for
    one sample, and the program computes a whole batch at once; results have the batch first. With
    reduce='mean' or 'sum' one number comes out, which can be differentiated.
    parameters: Values (as `model.parameters()`) that the program takes as its first argument, one
    flat array: see `flat()` and `store()`. Other Values from outside are read in each call.
    branches: what to do when a comparison (`if x > 0`) comes out differently from when it was
    recorded: 'record' the other way too and keep both, or 'raise' `GraphError`.

    Needs Numba; the first call compiles a machine for the operations in use, and keeps it on disk
    (in $AUTOGRAD_MINI_CACHE, by default ~/.cache/autograd_mini). Raises `MissingExtraError`
    without Numba; `GraphError` for what isn't made of Values' scalar functions.

    >>> import numpy as np, autograd_mini as ag
    >>> rosenbrock = lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> slope = ag.compile(ag.grad(rosenbrock))
    >>> slope(np.array([0.5, 1.0, 2.0]))
    array([-151., -250.,  200.])
    """
    from .program import Program

    steps: list[tuple[str, Any]] = []
    while hasattr(function, "derived"):  # grad(f), hessian(f): f is recorded, then differentiated
        name, function, argnums = function.derived
        steps.insert(0, (name, argnums))
    if steps and parameters is not None:
        raise GraphError("compile(f, parameters=…) first, then ag.value_and_grad of the program: "
                         "its first argument is the array of parameters")
    numbers = (batched,) if isinstance(batched, int) else tuple(batched)
    if reduce not in (None, "sum", "mean") or branches not in ("record", "raise"):
        raise GraphError("reduce is 'mean', 'sum' or None; branches is 'record' or 'raise'")
    if reduce is not None and not numbers:
        raise GraphError("reduce= is over a batch: say which arguments are batched=")
    return Program(function, batched=numbers, reduce=reduce, parameters=parameters,
                   branches=branches, steps=tuple(steps))
