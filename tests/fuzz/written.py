"""Random NumPy code as people write it: buffers, views, aliases, in-place writes, `math`, state."""

from __future__ import annotations

import copy
import random
import re
import warnings
from typing import Any

import numpy as np

from .programs import Program
from .written_texts import (
    ARRAYS,
    CREATION,
    GROUPS,
    HELPERS,
    INDICES,
    INSIDE,
    RESULTS,
    SCALARS,
    VIEWS,
    WEIGHTS,
)

__all__ = ["generate"]

MOST, LARGEST = 12, 40.0
"""How many entries an array has, and how large they may become."""
SHAPES = [(3,), (4,), (2,), (5,), (2, 2), (2, 3), (3, 3), (3, 2), (1,), (1, 3)]


def generate(rng: random.Random) -> Program:
    """A program of one to eight statements, some with blocks, and what they call."""
    writer = Writer(rng)
    for _ in range(rng.choice([1, 2, 3, 4, 4, 5, 6, 8])):
        writer.add_statement()
    return writer.program(writer.result())


class Writer:
    """Writes a program statement by statement, running it on plain numbers as it grows."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[str] = []
        self.counters: list[str] = []
        self.args: dict[str, Any] = {"x": self.numbers(rng.choice(SHAPES[:4]))}
        if rng.random() < 0.5:
            self.args["y"] = self.numbers(rng.choice(SHAPES))
        if rng.random() < 0.4:
            self.args["t"] = round(rng.gauss(0.0, 1.0), 2)
        if rng.random() < 0.25:
            self.args["k"] = self.numbers(rng.choice(SHAPES))
        self.names = dict(self.args)

    def numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        """An array of two-digit numbers, hardly ever equal ones."""
        drawn = [round(self.rng.gauss(0.0, 1.1), 2) for _ in range(int(np.prod(shape)))]
        return np.array(drawn, float).reshape(shape)

    # ── running ──────────────────────────────────────────────────────────────────────────────

    def program(self, ending: str) -> Program:
        """The program with this last line, and the helpers that it names."""
        lines = [*self.lines, ending]
        body = f"def f({', '.join(self.args)}):\n" + "".join(
            f"    {line}\n" for text in lines for line in text.split("\n"))
        return Program(body, self.args, _helpers_of(body))

    def run(self) -> dict[str, Any] | None:
        """The names after a plain run; None if it raises, or a number is too large."""
        program = self.program("return locals()")
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                names: dict[str, Any] = program.function(*copy.deepcopy(program.values))
            except Exception:
                return None
        return names if all(map(_is_fine, names.values())) else None

    def add_statement(self) -> None:
        """One more statement that runs."""
        group = self.rng.choices(list(GROUPS), WEIGHTS)[0]
        for _ in range(30):
            try:
                text = self.fill(self.rng.choice(GROUPS[group]))
            except LookupError:
                continue
            self.lines.append(text)
            names = self.run()
            if names is not None:
                self.names = names
                return
            self.lines.pop()

    def result(self) -> str:
        """A return statement of some of what was computed."""
        for _ in range(30):
            try:
                ending = self.fill(self.rng.choice(RESULTS))
                y = self.program(ending).function(*self.program(ending).values)
            except Exception:
                continue
            if _is_fine(y) and not isinstance(y, list) and np.asarray(y).dtype.kind == "f":
                return ending
        return "return np.sum(x)"

    # ── writing ──────────────────────────────────────────────────────────────────────────────

    def fill(self, template: str, depth: int = 0) -> str:
        """The template with something for each {place}."""
        return re.sub(r"\{(\w)\}", lambda m: self._of(m[1], depth), template)

    def _of(self, kind: str, depth: int) -> str:
        choose = self.rng.choice
        if kind in TEXTS:
            rows = TEXTS[kind]
            text = choose(rows[:8] if depth > 2 else rows)  # the first ones hold nothing deep
            return self.fill(text, depth + 1)
        if kind == "c":
            return repr(round(self.rng.uniform(-1.5, 1.5), 1) or 0.3)
        if kind == "i":
            return choose([*self.counters, *self.counters, "0", "1", "-1", "2", "-2"])
        if kind == "k":
            return choose("2334")
        if kind == "n":
            return choose([n for n in "abdeghpqruvw" if n not in self.counters])
        if kind == "f":
            return choose(["np.sin", "np.cos", "np.tanh", "np.square", "np.exp"])
        if kind == "m":
            return choose(["math.sin", "math.cos", "math.tanh", "np.sin", "math.exp"])
        if kind == "o":
            return choose(["+", "+", "+", "-", "-", "*", "*", "/"])
        if kind == "B":
            return self._block(depth)
        return self._name(KINDS[kind])

    def _block(self, depth: int) -> str:
        """One or two simple statements for a loop or a branch."""
        lines = [self.fill(self.rng.choice(INSIDE), depth + 1)
                 for _ in range(self.rng.choice([1, 1, 2]))]
        return "\n    ".join(line.replace("\n", "\n    ") for line in lines)

    def _name(self, test: Any) -> str:
        names = [n for n, x in self.names.items() if test(x)]
        if not names:
            raise LookupError
        return names[-1] if self.rng.random() < 0.4 else self.rng.choice(names)


TEXTS = {"e": ARRAYS, "s": SCALARS, "p": INDICES, "z": CREATION, "V": VIEWS}
KINDS = {
    "a": lambda x: _is_array(x) and x.ndim > 0,
    "v": lambda x: _is_array(x) and x.ndim == 1,
    "w": lambda x: _is_array(x) and x.ndim == 2,
    "q": lambda x: _is_array(x) and x.ndim == 0,
    "x": lambda x: isinstance(x, float),
    "l": lambda x: isinstance(x, list) and bool(x) and isinstance(x[0], float),
    "g": lambda x: isinstance(x, list) and bool(x) and _is_array(x[0]),
}


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _is_fine(x: Any) -> bool:
    """Whether numbers are finite, not too large, and not too many."""
    if isinstance(x, list | tuple):
        return len(x) <= MOST and all(map(_is_fine, x))
    if isinstance(x, dict):
        return all(map(_is_fine, x.values()))
    if isinstance(x, np.ndarray | np.number | float):
        return np.size(x) <= MOST and bool(np.all(np.abs(x) < LARGEST))
    return True


def _helpers_of(body: str) -> str:
    """The helpers that a text names, with those that they name."""
    found: list[str] = []
    for name in reversed(HELPERS):
        if re.search(rf"\b{name}\b", body + "".join(found)):
            found.insert(0, HELPERS[name])
    return "\n".join(found)
