"""Wrong gradients with a label each: right ones, edited as people err.

A file <set>/<problem>.py has

    loss(…)         a function of one sample's or a batch's parameters and data
    gradient(…)     its right derivatives by the first arguments, as many as it returns
    example(rng)    arguments for both
    MISTAKES        (what was done, {text: its replacement in the gradient's source}, kind, other
                    kinds that the same numbers may have, the parameters that become wrong, a
                    piece of the line of the loss to blame)

They were written without looking at the table of mistakes. Sets a, b and c were used while the
table was written; d was scored once, when it stood.
"""

from __future__ import annotations

import importlib.util
import inspect
import linecache
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FOLDER = Path(__file__).parent
SETS = ("a", "b", "c", "d")


class Problem(NamedTuple):
    """A loss with its right gradient by `wrt`, at a point, and the mistakes to make in it."""

    name: str  # a/focal
    loss: Callable[..., Any]
    gradient: Callable[..., Any]
    args: tuple[Any, ...]
    wrt: tuple[str, ...]
    mistakes: list[tuple[str, dict[str, str], str, tuple[str, ...], tuple[str, ...], str]]


class Case(NamedTuple):
    """A wrong gradient of a problem, with its label."""

    problem: Problem
    did: str
    loss: Callable[..., Any]
    gradient: Callable[..., Any]
    args: tuple[Any, ...]
    wrt: tuple[str, ...]
    kind: str
    accepted: tuple[str, ...]  # the kind, and others that the same numbers may have
    wrong: tuple[str, ...]  # parameters
    line: str  # a piece of the line of the loss to blame; "" if there is none


def problems(*sets: str) -> Iterator[Problem]:
    """Those of some sets, or of all."""
    for path in sorted(path for name in sets or SETS for path in (FOLDER / name).glob("*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        args, again = (tuple(module.example(np.random.default_rng(0))) for _ in range(2))
        right = module.gradient(*again)  # which may write into its arguments
        count = len(right) if isinstance(right, tuple) else 1
        wrt = tuple(inspect.signature(module.loss).parameters)[:count]
        yield Problem(f"{path.parent.name}/{path.stem}", module.loss, module.gradient, args, wrt,
                      module.MISTAKES)


def cases(*sets: str) -> Iterator[Case]:
    """The wrong gradients of some sets, or of all: the right ones, edited in their source."""
    for problem in problems(*sets):
        source = inspect.getsource(problem.gradient)
        for k, (did, edits, kind, others, wrong, line) in enumerate(problem.mistakes):
            text = source
            for old, new in edits.items():
                assert text.count(old) == 1, (problem.name, did)
                text = text.replace(old, new)
            file = f"{problem.name.replace('/', '_')}_{k}.py"
            linecache.cache[file] = (len(text), None, text.splitlines(True), file)
            space = dict(problem.gradient.__globals__)
            exec(compile(text, file, "exec"), space)
            yield Case(problem, did, problem.loss, space["gradient"], problem.args, problem.wrt,
                       kind, (kind, *others), wrong, line)
