"""A trace is one call of a function on variables, recorded, and flattened to straight-line code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..call import inside_transform
from ..errors import GraphError
from ..graph import Node
from ..ops import common_consumer
from ..recording import traced_by, undisturbed
from ..trees import flat, tree_leaves, tree_map
from .code import LANE_SUM, Code
from .flatten import flatten
from .forms import variables
from .guards import GuardRecorder, compared_by
from .outside import Environment, References
from .transform import one_number
from .values import as_values

__all__ = ["Trace"]


class Trace:
    """One recording of a program's function: its code, its guards, and where its result is.

    | field        | what it is                                                               |
    |--------------|--------------------------------------------------------------------------|
    | `code`       | what was computed; its first values are the inputs                       |
    | `inputs`     | per argument, in its form, which input each number is; None for no number|
    | `outside`    | nodes from outside, whose numbers are the next inputs                    |
    | `references` | the paths to these nodes, which must stay as they were                   |
    | `output`     | the values of the code that are the result, in its form                  |
    | `length`     | how many values the recording has; what follows are derivatives          |
    | `guards`     | the comparisons that must come out as they did                           |
    | `masked`     | whether a gradient inside the function masked a branch not chosen        |
    """

    def __init__(self, program: Any, args: Sequence[Any]) -> None:
        self.name, self.args = program.__name__, args
        given = _Variables(program, args)
        self.inputs = given.ids
        recorder, environment = GuardRecorder(), Environment(program.function)
        with inside_transform(), traced_by(recorder):
            output = program.function(*given.called)
        _check_output(output, program)
        environment.note_after_call()
        with undisturbed():
            self._flatten(output, recorder, environment, given, program)

    def _flatten(self, output: Any, recorder: GuardRecorder, environment: Environment,
                 given: _Variables, program: Any) -> None:
        """Make the code of all that the output and the comparisons depend on."""
        number = given.number
        root = common_consumer([*[y for y in flat(output) if isinstance(y, Node)],
                                 *recorder.nodes()])
        self.outside, needed = environment.nodes_outside(root, number, program.parameters or ())
        self.references = References(environment.references, self.outside)
        number |= {node: len(number) + i for i, node in enumerate(self.outside)}
        weight = [len(number)] if program.reduce is not None else []  # 1 or 1/n, set in each call
        self.code = code = Code(len(number) + len(weight), given.lanes)
        flatten(code, needed[:0:-1], number)
        self.guards, self.masked = recorder.guards(number, code.constant), recorder.masked
        self.output = tree_map(lambda y: number[y] if isinstance(y, Node)
                               else code.constant(float(y)), output)
        compared = compared_by(self.guards)
        code.fuse([*flat(self.output), *compared], compared)
        if weight:
            self.output = code.append(LANE_SUM, (one_number(self.output, "reduce="), *weight))
        self.length = len(code)


class _Variables:
    """A Value for each number of the arguments; the parameters stand for themselves."""

    def __init__(self, program: Any, args: Sequence[Any]) -> None:
        trees = [variables(arg, i in program.batched) for i, arg in enumerate(args)]
        self.called = trees
        if program.parameters is not None:
            trees[0] = as_values(program.parameters, (len(program.parameters),))
            self.called = trees[1:]
        # Before the call: the function may change the lists it is given.
        parts = [[v for v in flat(tree) if isinstance(v, Node)] for tree in trees]
        self.number: dict[Any, int] = {
            v: i for i, v in enumerate(v for part in parts for v in part)}
        self.ids = [tree_map(_number_in(self.number), tree) for tree in trees]
        starts = np.cumsum([0, *map(len, parts)])
        self.lanes = [j for i in program.batched for j in range(starts[i], starts[i + 1])]


def _number_in(number: dict[Any, int]) -> Callable[[Any], Any]:
    return lambda x: number.get(x) if isinstance(x, Node) else None


def _check_output(output: Any, program: Any) -> None:
    """Refuse a result that isn't made of numbers, or has no gradient where one is asked for."""
    name = program.__name__
    for path, y in tree_leaves(output):
        if isinstance(y, Node):
            continue
        if not isinstance(y, float | int | np.floating | np.integer) or isinstance(y, bool):
            raise GraphError(f"{name}: the result{path} is a {type(y).__name__}, not a "
                             "number (or a tuple, list, dict or array of Values)")
        if program.steps:
            raise GraphError(
                f"{name}: the result{path} is a plain {type(y).__name__}, which has no "
                "gradient: either it doesn't depend on the arguments, or the graph was cut by "
                "float(), .item(), .data or the like"
            )
