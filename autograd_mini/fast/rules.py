"""The rule of a row written out as one expression, without the loop over its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import backprop, ops
from ..backprop import Pull, explain, in_float64
from ..ops.linalg import weights_and_inputs
from ..primitive import Elementwise, Primitive, Rule, Selecting, Structural
from . import nodes as nodes  # it names the slots that are used here
from .pairs import PAIRS, replaces

__all__ = ["ARRAY_RULES", "RULES", "plain_pull", "pull", "written_out"]


class _Rules(dict):  # type: ignore[type-arg]
    """`written_out` of each primitive, asked once; None for the user's.

    What these send may be of any kind, and has to be fitted; and there may be many of a name, made
    anew at each step, each with a graph in its closure.
    """

    def __missing__(self, op: Primitive) -> Rule | None:
        if not op.trusted:
            return None
        self[op] = rule = written_out(op)
        return rule


class _ArrayRules(dict):  # type: ignore[type-arg]
    """The same for arrays, where it says what the row says of them.

    A slope of 0 is then no sign that nothing was chosen, for others may be; but what chooses among
    several arguments may have one number for a slope, and is asked itself.
    """

    def __missing__(self, op: Primitive) -> Rule | None:
        if not op.trusted:
            return None
        rule = None
        if type(op) is Elementwise or (type(op) is Selecting and len(op.slopes) == 1):
            rule = written_out(op, silent_zeros=False)
        self[op] = rule
        return rule


RULES, ARRAY_RULES = _Rules(), _ArrayRules()


def written_out(op: Primitive, silent_zeros: bool = True) -> Rule | None:
    """`Elementwise.pull` as one expression. Of multiply, say, whose a and b came from p and q,

        lambda g, y, a, b, p, q: (None if p is None else g * slope_a(y, a, b),
                                  None if q is None else g * slope_b(y, a, b))

    None for a rule that isn't of one or two inputs. Sums of many Values have theirs, of tuples.
    silent_zeros: whether what isn't chosen sends None.
    """
    if op is ops.weighted_sum:
        return lambda g, y, inputs, *_: weights_and_inputs(g, inputs)
    if op is ops.total:
        return lambda g, y, inputs, *_: [g] * len(inputs)
    if not isinstance(op, Elementwise) or not 1 <= len(op.slopes) <= 2:
        return None
    inputs = "y, a, b" if len(op.slopes) == 2 else "y, a"
    sends = []
    for slope, pullback, x, parent in zip(op.slopes, op.pullbacks, "ab", "pq", strict=False):
        unheard = f"{parent} is None"
        if callable(slope) and op.selects and silent_zeros:
            unheard += f" or (slope := slope_{x}({inputs})) == 0"
        sent = "g" if slope == 1 else "-g" if slope == -1 else f"g * slope_{x}({inputs})"
        sent = f"pull_{x}(g, {inputs})" if pullback is not None else sent
        sent = "g * slope" if "slope :=" in unheard else sent
        sends.append("None" if slope is None else f"None if {unheard} else {sent}")
    code = f"lambda g, y, a, b, p, q: ({', '.join(sends)}{', None' * (len(op.slopes) == 1)})"
    function: Rule = eval(code, {
        **dict(zip(("slope_a", "slope_b"), op.slopes, strict=False)),
        **dict(zip(("pull_a", "pull_b"), op.pullbacks, strict=False))})
    return function


@replaces(backprop, "pull")
def pull(node: Any, g: Any) -> Sequence[Any]:
    """`backprop.pull`, by the rule written out where that says the same of arrays."""
    op = node.op
    if not op.trusted or type(node._a) is tuple:
        return plain_pull(node, g)
    a, b = node._a, node._b
    try:
        if (rule := ARRAY_RULES[op]) is not None and type(node.value) is np.ndarray and (
                node.value.ndim):
            sent: Sequence[Any] = rule(g, node.value, a, b, node._from_a, node._from_b)
            return sent if b is not None else sent[:1]
        if type(op).pull is not Structural.pull or op.many:
            return plain_pull(node, g)
        params = node.params or {}
        if b is None:
            return [op.pullbacks[0](g, node.value, a, **params)]
        return [None if parent is None else pullback(g, node.value, a, b, **params)
                for parent, pullback in zip((node._from_a, node._from_b), op.pullbacks)]  # noqa: B905
    except Exception as error:
        return asked_again(node, g, error)


def asked_again(node: Any, g: Any, error: Exception) -> Sequence[Any]:
    """What the rule says when it is fed NumPy's numbers, or the error with an explanation.

    The plain engine does the same, so a rule is called equally often.
    """
    if isinstance(error, ArithmeticError | ValueError):
        return in_float64(node, g, node.value, node.inputs)
    if not node.op.trusted:
        explain(error, node)
    return plain_pull(node, g)


plain_pull: Pull = PAIRS[-1].plain
