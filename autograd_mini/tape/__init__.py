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
    """A program that gives what `function` gives, some thousand times faster."""
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
