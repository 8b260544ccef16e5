"""The second table: the rules people wrongly use, beside the right ones of `ops/`.

In the language of the first table. y: the output; x (or a, b): the inputs; g: the cotangent of the
output. A row reads

    mistake("tanh", "wrong-argument", lambda y, x: 1 - x**2, "1 − x² was used …")

and states, as in `ops/`, a slope (y, *inputs) of an elementwise function, or, if the rule's first
argument is called g, a whole pullback (g, y, *inputs, **params). `of` is a primitive's name or that
of a block (a function written out, see blocks.py). In what is said, {x}, {y}, {a}, {b} and {f}
stand for the names in the user's program.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from ....errors import GraphError
from ....primitive import PRIMITIVES
from ...report import KINDS
from ..blocks import BLOCKS

__all__ = ["ARGUMENT", "LOCAL", "MISTAKES", "RIGHT", "TERM", "Mistake", "Rule", "mistake"]

Rule = Callable[..., Any]
LOCAL, ARGUMENT, TERM = "wrong-local-derivative", "wrong-argument", "missing-term"


class Mistake(NamedTuple):
    """A row of the table: a wrong rule for one argument of a function, and what is said of it."""

    kind: str
    rule: Rule
    said: str
    argument: int
    pullback: bool  # of a whole array, (g, y, *inputs), rather than a slope (y, *inputs)


MISTAKES: dict[str, list[Mistake]] = {}
"""Wrong rules, by the name of the primitive or block."""

RIGHT: dict[str, tuple[str, ...]] = {}
"""The right local derivative of each argument, as the user would write it."""


def mistake(of: Any, kind: str, rule: Rule, said: str, *, argument: int = 0) -> None:
    """Enter a wrong rule into the table of mistakes; `check_gradient` will know it from then on.

    of: a primitive, or the name of one or of a block; argument: whose derivative is wrong; kind:
    a key of `KINDS`. Raises `GraphError` for a kind or a primitive that there isn't.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.mistake("sin", "wrong-local-derivative", lambda y, x: 1 - x**2 / 4,
    ...            "the series of cos {x} was cut short, and its coefficient is 1/2")
    >>> x = np.array([0.3, 0.8, 1.1])
    >>> report = ag.check_gradient(lambda x: np.sum(np.sin(x)), 1 - x**2 / 4, x)
    >>> print(report["x"].suspects[0].message)
    the series of cos x was cut short, and its coefficient is 1/2
    """
    name = getattr(of, "name", of)
    if kind not in KINDS:
        raise GraphError(f"no kind of mistake {kind!r}: it is one of {', '.join(KINDS)}")
    if name not in PRIMITIVES and name not in BLOCKS:
        raise GraphError(f"no primitive or block {name!r}; the blocks are {', '.join(BLOCKS)}")
    pullback = next(iter(inspect.signature(rule).parameters)) == "g"
    MISTAKES.setdefault(name, []).append(Mistake(kind, rule, said, argument, pullback))
