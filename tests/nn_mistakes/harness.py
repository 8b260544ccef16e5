"""Layers with their backward passes, and the usual mistakes: each an edit of the right source.

A module has functions as students write them, and LAYERS: by the name of a layer

    (forward, backward, arguments, [(edits, kinds), …])

edits: {text: what stands there instead} in the source of the backward pass; kinds: what the mistake
may be called. A backward pass that takes `dout` is checked with `check_vjp`; another is the
gradient of a loss.
"""

from __future__ import annotations

import difflib
import inspect
import linecache
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from nn_mistakes import dense, losses, normal, recurrent, windows

import autograd_mini as ag

MODULES = (dense, normal, recurrent, windows, losses)


class Layer(NamedTuple):
    """A forward pass with its right backward pass, at a point."""

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    args: tuple[Any, ...]
    mistakes: list[tuple[dict[str, str], str]]

    def report(self, backward: Callable[..., Any]) -> ag.Report:
        """What the verifier says of a backward pass."""
        if "dout" in inspect.signature(self.backward).parameters:
            return ag.check_vjp(self.forward, backward, *self.args)
        return ag.check_gradient(self.forward, backward, *self.args)


class Wrong(NamedTuple):
    """A wrong backward pass of a layer, its source, and how that differs from the right one."""

    layer: Layer
    did: str
    backward: Callable[..., Any]
    kinds: tuple[str, ...]
    text: str
    lines: tuple[str, ...]  # of the source, those that an edit has changed


def layers() -> Iterator[Layer]:
    """All layers and losses."""
    for module in MODULES:
        for name, row in module.LAYERS.items():
            yield Layer(name, *row)


def wrong_ones() -> Iterator[Wrong]:
    """The wrong backward passes of all layers."""
    for layer in layers():
        source = inspect.getsource(layer.backward)
        for k, (edits, kinds) in enumerate(layer.mistakes):
            text = source
            for old, new in edits.items():
                assert text.count(old) == 1, (layer.name, old, text.count(old))
                text = text.replace(old, new)
            did = "; ".join(f"{a.strip()} → {b.strip() or 'left out'}" for a, b in edits.items())
            name = f"{layer.name.replace(' ', '_')}_{k}.py"
            yield Wrong(layer, did, function_of(layer, text, name), tuple(kinds.split()), text,
                        tuple(_changed(source, text)))


def function_of(layer: Layer, text: str, file: str) -> Callable[..., Any]:
    """The backward pass that a text defines, and its source where inspect finds it."""
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    space = dict(layer.backward.__globals__)
    exec(compile(text, file, "exec"), space)
    return space[layer.backward.__name__]


def _changed(source: str, text: str) -> Iterator[str]:
    """The lines of a text that the source doesn't have; of what was left out, the neighbours."""
    a, b = source.splitlines(), text.splitlines()
    for op, _, _, start, end in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if op == "delete":
            yield from (line.strip() for line in b[max(start - 1, 0):end + 1])
        elif op != "equal":
            yield from (line.strip() for line in b[start:end])


def corrected(wrong: Wrong, suspect: ag.verify.report.Suspect) -> Callable[..., Any] | None:
    """The wrong backward pass with a suspect's correction pasted into its line."""
    place, _, line = suspect.line.partition(": ")
    lines = wrong.text.splitlines()
    number = place.rpartition(":")[2]
    if not suspect.fix or not number.isdigit():
        return None
    at = int(number) - 1
    assert lines[at].strip().startswith(line.strip()), (lines[at], line)
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    fix = "pass" if suspect.fix == "(leave this line out)" else suspect.fix
    lines[at] = indent + fix
    try:
        return function_of(wrong.layer, "\n".join(lines) + "\n", f"corrected_{id(wrong)}.py")
    except SyntaxError:
        return None


def same(a: Any, b: Any) -> bool:
    """Whether two backward passes return the same arrays."""
    a, b = (x if isinstance(x, tuple) else (x,) for x in (a, b))
    return len(a) == len(b) and all(np.shape(x) == np.shape(y) and np.allclose(
        x, y, rtol=1e-9, atol=1e-12) for x, y in zip(a, b, strict=True))
