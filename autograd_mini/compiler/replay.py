"""A replay runs the code of a trace for other numbers, and says whether the guards held.

It has two ways to run. Straight-line Python is there at once, and the quicker one for a few
hundred operations. The machine has to be compiled, by Numba, and then takes a fifth of the time
of Python for an operation; batches need it. So a program begins in Python, unless it is large,
and goes over to the machine when it has run for so long that compiling would have paid. That is
counted in operations, not in seconds, so that the same calls give the same bits everywhere. The
two differ in a last digit where many numbers are added up: the machine takes them in another order
and may round a product and a sum at once.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import GraphError, MissingExtraError, is_installed
from ..recording import undisturbed
from . import passes
from .differentiate import Differentiator
from .forms import Numbers, ResultForm, with_numbers
from .guards import GUARD_FAILED, compared_by
from .interpreter import interpret
from .python_run import PythonRun
from .slopes import INEXACT, lengths
from .trace import Trace
from .transform import Transforms

__all__ = ["Replay"]

SMALL, LARGE = 500, 20_000
"""Below so many operations a program stays in Python, and above it begins on the machine."""

MOST_IN_PYTHON = 30_000_000
"""So many operations are run in Python before a machine is compiled: about a second's worth."""


class Replay:
    """A trace with its derivatives, ready to be run for other numbers.

    Where neither way is exact, the interpreter runs it. But where a gradient inside the function
    may have masked a branch, which the interpreter can't tell, `by_function` calls the function
    itself; and then it does so where any value on the way isn't finite, for the function may make
    a finite result of it.
    """

    def __init__(self, trace: Trace, transforms: Transforms, reduce: str | None,
                 by_function: Callable[[Sequence[Any]], Any] | None) -> None:
        self.trace, self.transforms, self.code = trace, transforms, trace.code
        self.by_function = by_function if trace.masked else None
        derivatives = Differentiator(trace.code)
        with undisturbed():
            output, axes = transforms.apply(trace.output, trace.inputs, derivatives)
        batched = transforms.batched
        self.result = ResultForm(output, axes, bool(batched))
        self.inputs = _Inputs(trace, batched, reduce)
        self._checks = (derivatives.slopes,
                        lengths(trace.code, trace.length, len(transforms.steps)),
                        self.by_function is not None)
        outputs = self.result.ids.tolist()
        alive = passes.alive(self.code.operands, [*outputs, *compared_by(trace.guards)])
        done = [len(some) for some, needed in zip(self.code.operands, alive, strict=True) if needed]
        self.operations = len(done) - done.count(0)
        self.work = sum(done) // 2  # a sum of n products is n operations, as Python does them
        self._calls_in_python = MOST_IN_PYTHON // max(self.work, 1)
        self.way: Any = None
        if batched:
            self._use_machine()
        elif self.work > LARGE:
            self._try_machine()
        if self.way is None:
            self.way = PythonRun(self.code, outputs, trace.guards, *self._checks)

    def run(self, inputs: Numbers) -> Any:
        """The result for these numbers; GUARD_FAILED if a comparison comes out differently."""
        samples = self.inputs.samples(inputs)
        shared = self.inputs.shared(inputs, samples)
        found = self.way.run(shared, inputs, samples)
        if found is GUARD_FAILED:
            return GUARD_FAILED
        if self._calls_in_python:
            self._count_call()
        total = 0.0 if found is INEXACT else sum(found) if type(found) is list else found.sum()
        if found is INEXACT or not math.isfinite(total):  # there is an inf or a nan (or nearly)
            if self.by_function is not None:
                return self.by_function(with_numbers(self.trace.args, inputs))
            found = self._interpreted(inputs, shared, samples)
        return self.result.filled(found, samples)

    def _count_call(self) -> None:
        """Go over to the machine after the last call in Python, if there is Numba and a gain."""
        self._calls_in_python -= 1
        if self._calls_in_python < 1 and self.work >= SMALL:
            self._try_machine()

    def _try_machine(self) -> None:
        """Use the machine if there is Numba, and if it compiles all rows (a user's it may not)."""
        if is_installed("numba"):
            with contextlib.suppress(GraphError, MissingExtraError):  # or if Numba can't be read
                self._use_machine()

    def _use_machine(self) -> None:
        from .machine import NumbaError, check_compiles
        from .machine_run import MachineRun

        trace = self.trace
        try:
            way = MachineRun(self.code, self.result.ids, trace.guards, *self._checks,
                             self.transforms.batched)
            way.compile()
        except NumbaError as error:
            for row in self.code.rows:
                check_compiles(row)
            raise GraphError(f"{trace.name} can't be compiled: {error}") from error
        self.way, self._calls_in_python = way, 0

    def _interpreted(self, inputs: Numbers, shared: Numbers, samples: int) -> np.ndarray:
        """The outputs once more, by the engine, which differentiates what was recorded."""
        trace = self.trace
        extra = shared[len(inputs) - len(self.inputs.batched):]
        numbers = [x if isinstance(x, np.ndarray) else float(x)
                   for part in (*inputs, *extra) for x in part]
        return interpret(trace.code, trace.length, trace.output, trace.inputs, numbers,
                         self.transforms, samples)


class _Inputs:
    """The numbers of the code's inputs, from the arguments and from outside."""

    def __init__(self, trace: Trace, batched: Sequence[int], reduce: str | None) -> None:
        self.batched, self.reduce = batched, reduce
        self._outside = list(enumerate(trace.outside))
        self._outside_numbers = np.array([node.value for node in trace.outside], float)

    def samples(self, inputs: Numbers) -> int:
        """How many samples a batch has."""
        return inputs[self.batched[0]].shape[-1] if self.batched else 1

    def shared(self, inputs: Numbers, samples: int) -> Numbers:
        """The numbers that all samples share, in the order of the inputs of the code."""
        if not (self.batched or self._outside):
            return inputs
        shared = [x for i, x in enumerate(inputs) if i not in self.batched]
        if self._outside_numbers.size:
            for i, node in self._outside:
                self._outside_numbers[i] = node.value
            shared.append(self._outside_numbers)
        if self.reduce is not None:
            shared.append(np.array([1.0 / samples if self.reduce == "mean" else 1.0]))
        return shared
