"""One training step of a GPT whose every number is a node: 4,192 parameters, 41,000 operations.

One layer, 16 wide, four heads, 27 letters. The text is the same for each engine: Python's loops
over lists of its scalars.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .timing import Aim, Work

WIDTH, HEADS, LETTERS, LONGEST = 16, 4, 27, 16
WORD = (0, 5, 13, 13, 1)  # "emma": 0 stands before it, and after it
RATE = 0.01

Vector = list[Any]
Matrix = list[Vector]


class Slots:
    """A scalar that keeps its operands and the slopes in them, as toys do it."""

    __slots__ = ("data", "grad", "operands", "slopes")

    def __init__(self, data: float, operands: tuple[Any, ...] = (), slopes: tuple[float, ...] = ()
                 ) -> None:
        self.data, self.grad, self.operands, self.slopes = data, 0.0, operands, slopes

    def __add__(self, other: Any) -> Slots:
        other = other if isinstance(other, Slots) else Slots(other)
        return Slots(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Slots:
        other = other if isinstance(other, Slots) else Slots(other)
        return Slots(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, other: float) -> Slots:
        return Slots(self.data**other, (self,), (other * self.data ** (other - 1),))

    def exp(self) -> Slots:
        """eˣ."""
        y = math.exp(self.data)
        return Slots(y, (self,), (y,))

    def log(self) -> Slots:
        """log x."""
        return Slots(math.log(self.data), (self,), (1 / self.data,))

    def relu(self) -> Slots:
        """max(x, 0)."""
        return Slots(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __neg__(self) -> Slots:
        return self * -1.0

    def __sub__(self, other: Any) -> Slots:
        return self + -other

    def __truediv__(self, other: Any) -> Slots:
        return self * other**-1

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        """Add ∂self/∂x to the `grad` of each x that self depends on."""
        order: list[Slots] = []
        seen: set[Slots] = set()
        stack: list[tuple[Slots, bool]] = [(self, False)]
        while stack:
            node, listed = stack.pop()
            if listed:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack += [(x, False) for x in node.operands]
        self.grad = 1.0
        for node in reversed(order):
            for x, slope in zip(node.operands, node.slopes, strict=True):
                x.grad += slope * node.grad


def weights(scalar: Callable[[float], Any]) -> dict[str, Matrix]:
    """The matrices, drawn by a fixed seed."""
    rng = random.Random(0)
    shapes = {"letters": (LETTERS, WIDTH), "places": (LONGEST, WIDTH), "out": (LETTERS, WIDTH),
              "q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "o": (WIDTH, WIDTH),
              "up": (4 * WIDTH, WIDTH), "down": (WIDTH, 4 * WIDTH)}
    return {name: [[scalar(rng.gauss(0.0, 0.1)) for _ in range(n)] for _ in range(m)]
            for name, (m, n) in shapes.items()}


def times(w: Matrix, x: Vector) -> Vector:
    """W x, a product and a sum at a time."""
    return [sum(a * b for a, b in zip(row, x, strict=True)) for row in w]


def scaled(x: Vector) -> Vector:
    """x over the root of its mean square."""
    mean = sum(a * a for a in x) / len(x)
    scale = (mean + 1e-5) ** -0.5
    return [a * scale for a in x]


def softmax(x: Vector) -> Vector:
    """Of numbers whose largest is taken away first."""
    top = max(a.data for a in x)
    powers = [(a - top).exp() for a in x]
    total = sum(powers)
    return [p / total for p in powers]


def attention(w: dict[str, Matrix], x: Vector, keys: list[Vector], values: list[Vector]) -> Vector:
    """What each head sees in what came before, this letter included."""
    q = times(w["q"], x)
    keys.append(times(w["k"], x))
    values.append(times(w["v"], x))
    seen: Vector = []
    size = WIDTH // HEADS
    for h in range(0, WIDTH, size):
        scores = [sum(q[h + i] * k[h + i] for i in range(size)) / size**0.5 for k in keys]
        shares = softmax(scores)
        seen += [sum(s * v[h + i] for s, v in zip(shares, values, strict=True))
                 for i in range(size)]
    return times(w["o"], seen)


def loss(w: dict[str, Matrix], word: Sequence[int]) -> Any:
    """The mean of −log p of each next letter."""
    keys: list[Vector] = []
    values: list[Vector] = []
    losses = []
    for place, (letter, after) in enumerate(zip(word, (*word[1:], 0), strict=True)):
        x = [a + b for a, b in zip(w["letters"][letter], w["places"][place], strict=True)]
        x = [a + b for a, b in zip(x, attention(w, scaled(x), keys, values), strict=True)]
        hidden = [a.relu() for a in times(w["up"], scaled(x))]
        x = [a + b for a, b in zip(x, times(w["down"], hidden), strict=True)]
        losses.append(-softmax(times(w["out"], x))[after].log())
    return sum(losses) / len(losses)


def training(scalar: Callable[[float], Any], clear: Callable[[Any], None]) -> tuple[Any, ...]:
    """Steps of gradient descent on one word."""
    matrices = weights(scalar)
    parameters = [p for matrix in matrices.values() for row in matrix for p in row]

    def step() -> None:
        for p in parameters:
            clear(p)
        loss(matrices, WORD).backward()
        for p in parameters:
            p.data -= RATE * p.grad

    def gradients() -> np.ndarray:
        fresh = weights(scalar)
        loss(fresh, WORD).backward()
        return np.array([p.grad or 0.0 for matrix in fresh.values() for row in matrix for p in row])

    return step, gradients


def toy() -> tuple[Any, ...]:
    """The engine of slots above."""
    def clear(p: Any) -> None:
        p.grad = 0.0

    return training(Slots, clear)


def ours() -> tuple[Any, ...]:
    """Values, backward and update."""
    from autograd_mini import Value

    def clear(p: Any) -> None:
        p.grad = None

    return training(Value, clear)


WORK = Work(
    "scalar-gpt", "One training step of a GPT of single numbers",
    {"slots and slopes": toy, "autograd_mini": ours, "autograd_mini, core": ours},
    references=("slots and slopes",),
    aims=(Aim("autograd_mini", "slots and slopes", "at most 0.5 × the toy"),
          Aim("autograd_mini, core", "slots and slopes", "at most 20 ms")),
    about="4,192 parameters, one word of four letters: forward, backward, update, in pure Python.",
)
