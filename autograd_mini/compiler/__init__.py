"""A program is a function of Values that is recorded once and replayed for other numbers.

**How it runs.** As straight-line Python, which is there at once and which `print(program)` shows.
With Numba (the extra `fast`) also on a machine that is compiled from the table: batches, programs
of more than 20,000 operations from the start, and those of 500 or more once they have run 30
million operations, about a second's worth. That is counted, so the same calls give the same bits
on each computer; `repr(program)` says where it runs. The two ways differ in a last digit where
numbers are added up, for the machine takes them in another order and rounds a product and a sum
at once.

**What a program reads when.** In each call: its arguments; the numbers of the Values that the
function finds outside; and where it finds them (in what it closes over, its globals, defaults,
classes, and in these the attributes, lists, tuples, dicts and arrays of objects). If one was
replaced, added or deleted there, the function is recorded again. A node that was computed
beforehand counts with the number it holds, as in the function. A Value that is found in no such
place (a generator hands it out, say) means a recording in each call.

Only when it is recorded: plain numbers, strings and arrays from outside, and random ones. They
are constants of the program, even if a Value takes their place later; give the function what
changes as an argument. And what it does besides its result, printing or storing, it does only
then. Whatever reads a number (a comparison, `float(v)`, `str(v)`) is checked in each replay.

**Whole arrays.** With `arrays="whole"` an array of floats is a Tensor in the function, and the
program is straight-line NumPy: each row of the table is called again, and of a gradient each rule,
so the numbers are the engine's to the last bit (but for a few functions that decide by their
numbers: of those in the last digits). What is computed goes into arrays that stay from call to
call; what is handed out is copied. In each call it reads its arguments, also arrays of whole
numbers and bools, and the Tensors from outside. All else that the function can reach by name must
be as it was (attributes, flags such as `training`, lists, plain arrays: it is compared), or it is
recorded again; comparisons, and whatever else decides by numbers, are checked. Refused, by name,
are random numbers, what stores or prints something, plain numbers taken out of a node, a plain
array indexed by an argument (`np.take` does that), and what can't be watched: the time, files,
iterators, more than 1 MB of plain arrays. Where a nan turns up, the engine is asked. `nn.fit` uses
such programs by itself where model, loss and optimizer are its own.

A function that changes something, or looks at anything besides its arguments and what is compared,
is refused, and what it changed while it was recorded is put back. Of Python's own modules and of
functions in C it may call those that are known to look at their arguments alone (`math`,
`functools`, `itertools`, …). Programs of whole arrays are an experiment, for no such list is ever
complete; known and not seen is what changes inside of things in a module that is reached by
`getattr`. While a function is recorded no other thread should draw from its generators, or change
what it can reach: that would be put back, too.

**What is kept on disk.** The machine code of each set of rows, in $AUTOGRAD_MINI_CACHE, by default
~/.cache/autograd_mini. What is in that folder is run, so it must be the user's own: one that
others can write to isn't used, and a warning says so. A file that isn't what was written there is
made anew; the folder may be emptied at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Never, overload

from ..argnums import positions
from ..errors import DTypeError, GraphError, is_installed, missing_extra
from ..graph import Node
from ..spellings import refuse_keywords
from ..transformed import Transformed, refuse_aux
from .effects import (
    ARRAYS,
    afterwards,
    drawn,
    drawn_before,
    followed,
    followed_call,
    held_by_row,
    is_followed,
    is_observed,
    is_printed,
    plain_numbers,
)

if TYPE_CHECKING:
    from .array_program import ArrayProgram
    from .program import Program

__all__ = ["ARRAYS", "afterwards", "compile", "drawn", "drawn_before", "followed", "followed_call",
           "held_by_row", "is_followed", "is_observed", "is_printed",
           "plain_numbers"]


@overload
def compile(function: Callable[..., Any], *, arrays: Literal["whole"], branches: str = "record"
            ) -> ArrayProgram: ...


@overload
def compile(function: Callable[..., Any], *, batched: Sequence[int] | int = (),
            reduce: str | None = None, parameters: Sequence[Any] | None = None,
            branches: str = "record", arrays: Literal["entries"] = "entries", **other: Never
            ) -> Program: ...


def compile(function: Callable[..., Any], *, batched: Any = (), reduce: Any = None,
            parameters: Any = None, branches: str = "record", arrays: str = "entries",
            **other: Never) -> Any:
    """A program that gives what `function` gives: recorded once, then replayed.

    function: of floats, arrays and nested tuples, lists and dicts of them, written with Python's
    loops, arithmetic and NumPy's functions, `nn.MLP`, …; or `ag.grad(f)`, `ag.hessian(f)` or
    another transform of such a function (and such a transform of a program is a program). What
    isn't a float (an int, a string) is part of the program: for another one it is recorded anew,
    as for other shapes.

    arrays: in the function every number is a Value, and every array one of Values ('entries', for a
    few thousand operations); or a Tensor ('whole', for networks), see `help(ag.compiler)`.
    batched: positions of arguments whose first axis counts samples. The function is recorded for
    one sample; the program computes a whole batch, and its results have the batch first. With
    reduce='mean' or 'sum' one number comes out, which can be differentiated.
    parameters: Values (as `model.parameters()`) that the program takes as its first argument, one
    flat array: see `flat()` and `store()`.
    branches: what to do when a comparison (`if x > 0`) comes out differently from when it was
    recorded: 'record' the other branch too and keep both, or 'raise' `GraphError`.

    Nodes from outside are read in each call; what else it reads, and what is kept on disk, tells
    `help(ag.compiler)`. `print` shows a program. Raises `MissingExtraError` for a batch without
    Numba, `GraphError` for what can't be recorded, `NotDifferentiableError` for a function of NumPy
    that takes no array of Values.

    >>> import numpy as np, autograd_mini as ag
    >>> rosenbrock = lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> ag.compile(ag.grad(rosenbrock))(np.array([0.5, 1.0, 2.0]))
    array([-151., -250.,  200.])
    """
    refuse_keywords("compile", other)
    make = _of_arrays if arrays != "entries" else _of_entries
    return make(function, arrays, branches, batched, reduce, parameters)


def _of_entries(function: Any, arrays: str, branches: str, batched: Any, reduce: Any,
                parameters: Any) -> Program:
    """A program of numbers."""
    from .program import Program

    function, steps = _without_transforms(function)
    numbers = (batched,) if isinstance(batched, int) else tuple(sorted(set(batched)))
    check(numbers, reduce, parameters, branches, steps)
    return Program(function, batched=numbers, reduce=reduce, parameters=parameters,
                   branches=branches, steps=steps)


def _of_arrays(function: Any, arrays: str, branches: str, *others: Any) -> ArrayProgram:
    """A program of whole arrays."""
    if arrays != "whole" or branches not in ("record", "raise") or any(
            [x not in ((), None) for x in others]):
        raise GraphError("arrays is 'entries' or 'whole', branches 'record' or 'raise'; batched=, "
                         "reduce= and parameters= are for programs of entries")
    from .array_program import ArrayProgram

    return ArrayProgram(function, branches)


def _without_transforms(function: Any) -> tuple[Any, tuple[tuple[str, Any], ...]]:
    """The function f in grad(f), hessian(f) …, and the transforms, the first one first."""
    steps: list[tuple[str, Any]] = []
    while isinstance(function, Transformed):
        if function.has_aux:
            refuse_aux()
        steps.insert(0, (function.name, positions(function.f, function.argnums)))
        function = function.f
    return function, tuple(steps)


def check(batched: Sequence[int], reduce: str | None, parameters: Sequence[Any] | None,
          branches: str, steps: Sequence[Any]) -> None:
    """Raise for options that don't go together."""
    if any(i < 0 for i in batched):
        raise GraphError(f"batched={batched}: positions of arguments are counted from 0")
    if reduce not in (None, "sum", "mean") or branches not in ("record", "raise"):
        raise GraphError("reduce is 'mean', 'sum' or None; branches is 'record' or 'raise'")
    if reduce is not None and not batched:
        raise GraphError("reduce= is over a batch: say which arguments are batched=")
    if batched and not is_installed("numba"):
        raise missing_extra("numba", "fast", "compile(batched=…)")
    if parameters is not None:
        check_parameters(parameters)
        if steps:
            raise GraphError("compile(f, parameters=…) first, then ag.value_and_grad of the "
                             "program: its first argument is the array of parameters")


def check_parameters(parameters: Sequence[Any]) -> None:
    """Raise unless they are Values that are leaves, each once."""
    for p in parameters:
        if not isinstance(p, Node) or type(p.value) is not float or p.op is not None:
            what = "a computed node" if isinstance(p, Node) and p.op else type(p).__name__
            raise DTypeError(f"parameters= takes Values that are leaves, not {what}")
    if len(set(parameters)) < len(parameters):
        raise GraphError("parameters= has a Value twice")


def __getattr__(name: str) -> Any:
    """What records arrays, which is read when it is first asked for."""
    if name in ("FAILED", "Recording", "same"):
        from . import array_recording

        return getattr(array_recording, name)
    raise AttributeError(name)
