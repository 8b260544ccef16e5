"""What holds for every engine of single floats: the table, from the first sum to a training loop.

The properties are in the order in which an engine is built: where several fail, the first says most
about why. Each has its program, and the sentence that a teacher would say.
"""

from __future__ import annotations

import random
from typing import Any

from .engines import Property

__all__ = ["SCALARS"]

SCALARS: list[Property] = []


def _row(group: str, name: str, code: str, asks: str, why: str, **more: Any) -> None:
    """Add a property to the table; `asks` has the expressions with blanks between them."""
    SCALARS.append(Property(name, code, tuple(asks.split()), why, group, **more))


def _binary(name: str, formula: str, why: str, x: float = 3.0, y: float = -2.0) -> None:
    _row("arithmetic", name, f"x, y = Value({x}), Value({y})\nz = {formula}\nz.backward()",
         "z.data x.grad y.grad", why)


def _unary(group: str, name: str, formula: str, why: str, *at: float, **more: Any) -> None:
    _row(group, name, "\n---\n".join(f"x = Value({x})\ny = {formula}\ny.backward()" for x in at),
         "y.data x.grad", why, **more)


# ── arithmetic ───────────────────────────────────────────────────────────────────────────────────
_row("arithmetic", "a value holds its number", "x = Value(3.0)", "x.data", "It is in .data.")
_row("arithmetic", "a value by itself has the slope 1", "x = Value(3.0)\nx.backward()", "x.grad",
     "backward() begins with 1, the derivative of the output with respect to itself.")
_row("arithmetic", "the output's own gradient is 1",
     "x = Value(3.0)\ny = x * Value(2.0)\ny.backward()\ny.backward()", "y.grad",
     "backward() sets the output's gradient to 1 each time it is called; it doesn't add 1.",
     accepts={"y.grad": (2.0,)})
_binary("x + y", "x + y", "A sum passes the gradient on to both, unchanged.")
_binary("x * y", "x * y", "Each side's slope is the other side's number.")
_binary("x * y where x is 0", "x * y", "The slope for x is y's number; output / x would be 0 / 0.",
        x=0.0)
_unary("arithmetic", "-x", "-x", "The slope is −1, and -x is a node as any other.", 3.0, -0.5)
_binary("x - y", "x - y", "The second side's slope is −1.")
_unary("arithmetic", "x to a whole power", "x ** 3", "The slope of xⁿ is n·xⁿ⁻¹: one power less.",
       2.0, -2.0)
_unary("arithmetic", "x to a negative power", "x ** -2", "The slope of xⁿ is n·xⁿ⁻¹ for n < 0 too, "
       "and the power goes down: x⁻² has −2·x⁻³.", 2.0, -4.0)
_unary("arithmetic", "x to the power ½", "x ** 0.5", "The slope of xⁿ is n·xⁿ⁻¹ for any number n.",
       4.0)
_unary("arithmetic", "x to the power 1", "x ** 1", "x¹ has the slope 1, also at 0.", 3.0, 0.0)
_unary("arithmetic", "x to the power 0", "x ** 0", "x⁰ is 1 everywhere, and has the slope 0.", 3.0)
_unary("arithmetic", "x squared at 0", "x ** 2", "The slope 2x is 0 there: not x²·2/x, a nan.", 0.0)
_binary("x / y", "x / y", "The slopes are 1/y and −x/y².")
_binary("x / y where x is 0", "x / y", "The slopes are 1/y and −x/y²: 1/y isn't 0 where x is.",
        x=0.0)
_row("arithmetic", "x to the power of a value",
     "x, y = Value(2.0), Value(3.0)\nz = x ** y\nz.backward()", "z.data x.grad y.grad",
     "An exponent that is a value has a slope too, xʸ·log(x); an engine without it should refuse.",
     core=False, may_refuse=True)

# ── numbers beside values ────────────────────────────────────────────────────────────────────────
for _shown, _method in (("x + 2", "__add__"), ("x - 2", "__sub__"), ("x * 2", "__mul__"),
                        ("x / 2", "__truediv__")):
    _unary("numbers", f"{_shown} ({_method})", _shown, "A plain number becomes a node.", 3.0)
for _shown, _method, _why in (
        ("2 + x", "__radd__", "Python asks the right side."),
        ("2 - x", "__rsub__", "It is 2 + (−x), not x − 2: the order matters."),
        ("2 * x", "__rmul__", "Python asks the right side."),
        ("2 / x", "__rtruediv__", "It is 2 · x⁻¹, not x / 2: the order matters.")):
    _unary("numbers", f"{_shown} ({_method})", _shown,
           f"With the number on the left Python calls {_method}. {_why}", 3.0, -0.5)
_row("numbers", "sum of a list", "x, y = Value(3.0), Value(4.0)\nz = sum([x, y])\nz.backward()",
     "z.data x.grad y.grad", "Python's sum begins with 0 + x, so that it needs __radd__.")
_row("numbers", "whole numbers", "x = Value(1)\ny = x * 0.25\ny.backward()\n---\n"
     "x = Value(1)\ny = x / 2\ny.backward()", "y.data x.grad",
     "A slope of ½ is lost where numbers are kept whole: make them floats.")
_row("numbers", "the operands stay as they are",
     "x, y = Value(3.0), Value(4.0)\nz = x * y + x\nz.backward()", "x.data y.data z.data",
     "Neither an operation nor backward() changes .data.")

# ── a value used more than once ──────────────────────────────────────────────────────────────────
_ADD = ("Each use of a value sends a contribution, and they add up (the chain rule of several "
        "variables): write += where a gradient is stored.")
_ORDER = ("A node sends only once all that it will get has arrived: go backward through a "
          "topological order, each node once, after all its users.")
_unary("reuse", "one after another", "((x * 2) + 1) * 3 * 5", _ORDER, 3.0)
_unary("reuse", "x + x", "x + x", _ADD, 3.0)
_unary("reuse", "x * x", "x * x", _ADD, 3.0)
_row("reuse", "equal numbers are different values",
     "x, y, w = Value(2.0), Value(2.0), Value(2.0)\nz = x * y * y + w * w * w\nz.backward()",
     "x.grad y.grad w.grad", "Nodes are told apart by identity and not by their numbers: 'visited' "
     "is a set of objects whose __eq__ and __hash__ are Python's own.")
_unary("reuse", "x - x", "x - x", _ADD, 3.0)
_unary("reuse", "x / x", "x / x", _ADD, 3.0)
_unary("reuse", "x used at different depths", "x * x * x + x",
       _ORDER + " And contributions add up.", 2.0)
_row("reuse", "a diamond", "x = Value(3.0)\na = x * 2\nb = a + 1\nc = a * 5\ny = b * c\n"
     "y.backward()", "y.data x.grad", _ORDER + " And contributions add up.")
_row("reuse", "a long way beside a short one",
     "x = Value(2.0)\na = x * x\nb = a + x\nc = b * a\ny = c + b * a * c + a\ny.backward()",
     "y.data x.grad", _ORDER)
_row("reuse", "the short way first",
     "x = Value(2.0)\na = x * 3\ny = a + (a * x + a * a) * 0.5\ny.backward()", "y.data x.grad",
     _ORDER)
_row("reuse", "thirty doublings", "x = Value(1.0)\ny = x\nfor _ in range(30):\n    y = y + y\n"
     "y.backward()", "y.data x.grad", "Each node must be visited once, not once for each way that "
     "leads to it: here there are 2³⁰ ways. Keep the visited ones in a set.")
_row("reuse", "a use that the output doesn't need", "x = Value(3.0)\na = x * x\nu = a * 7\n"
     "y = a * 5\ny.backward()", "x.grad", "Only what leads to the output sends: an engine that "
     "waits for all uses that were ever made waits for ever.")
_row("reuse", "a value that isn't used", "x, u = Value(3.0), Value(4.0)\ny = x * 2\ny.backward()",
     "u.grad", "What the output doesn't depend on has the gradient 0.")
_row("reuse", "a function called twice", "def f(x):\n    return x * x + 1\n"
     "x = Value(2.0)\ny = f(x) * f(x) + f(f(x))\ny.backward()", "y.data x.grad",
     "Each call makes nodes of its own.")

# ── backward(), again ────────────────────────────────────────────────────────────────────────────
_row("backward again", "two graphs add up in a leaf",
     "x = Value(3.0)\n(x * 2).backward()\n(x * x).backward()", "x.grad",
     "A leaf's gradient accumulates over calls, so that losses of several samples can be added. "
     "And each call begins anew, with nothing visited and no other graph on its tape.",
     accepts={"x.grad": (6.0,)})
_row("backward again", "the same graph twice",
     "x = Value(3.0)\na = x * x\ny = a * 5\ny.backward()\ny.backward()", "x.grad",
     "The second call sends what the first did, so that the leaf has it twice. If nodes between "
     "keep the first call's gradient, it is sent again: set those to 0 at the start.",
     accepts={"x.grad": (30.0,)})
_row("backward again", "two outputs of one graph",
     "x = Value(3.0)\na = x * x\ny = a * 3\nz = a * 5\ny.backward()\nz.backward()", "x.grad",
     "The second call must send only its own: what the first left in the shared node a is not to "
     "be sent once more.", accepts={"x.grad": (30.0,)})
_row("backward again", "set to zero, and once more",
     "x = Value(3.0)\n(x * x).backward()\nx.grad = 0.0\n(x * 2).backward()", "x.grad",
     "After x.grad = 0 only the new graph counts.")
_row("backward again", "from a node in the middle",
     "x = Value(3.0)\na = x * x\ny = a * 5\na.backward()", "a.grad x.grad",
     "backward() starts at the node it is called on, whatever was made of that.")
_row("backward again", "a step of a parameter",
     "p = Value(2.0)\nfor _ in range(3):\n    p.grad = 0.0\n    loss = (p - 5) * (p - 5)\n"
     "    loss.backward()\n    p.data -= 0.1 * p.grad", "p.data p.grad",
     "After p.data changes, a new graph computes with the new number.")
_row("backward again", "y += x makes a new node",
     "x = Value(2.0)\ny = x * 3\nz = y\ny += x\nloss = y * z\nloss.backward()",
     "loss.data x.grad z.data", "+= on a node must not change the node that others hold: leave "
     "__iadd__ out, and Python makes a new one by __add__.")
_row("backward again", "the number as it was",
     "x = Value(3.0)\ny = x * x\nx.data = 10.0\ny.backward()", "y.data x.grad",
     "A slope is that of the numbers y was computed with. If it reads x.data when it goes back, a "
     "step taken before backward() changes gradients silently: keep the numbers, or raise.",
     core=False, advice=True)

# ── size ─────────────────────────────────────────────────────────────────────────────────────────
_row("size", "a sum of 2,000 values", "xs = [Value(0.5) for _ in range(2000)]\ny = xs[0]\n"
     "for x in xs[1:]:\n    y = y + x * x\ny.backward()", "y.data xs[0].grad xs[1999].grad",
     "The graph is as deep as the sum is long: a recursive walk ends at Python's limit of 1,000 "
     "calls, so walk with a list of your own. And a 'visited' list is slow: use a set.")
_row("size", "5,000 operations in a row", "x = Value(1.0)\ny = x\nfor _ in range(5000):\n"
     "    y = y * 1.001\ny.backward()", "y.data x.grad",
     "The topological order is built by a function that calls itself once for each node: at depth "
     "1,000 Python stops it. Walk with a list of your own.")

# ── functions ────────────────────────────────────────────────────────────────────────────────────
for _name, _slope, *_points in (
        ("relu", "1 where x > 0 and 0 elsewhere", 3.0, -2.0),
        ("tanh", "1 − tanh(x)², the square of tanh", 0.5, -1.5),
        ("exp", "exp(x) itself, the output", 1.0, -2.0),
        ("log", "1/x, of the input", 2.0, 0.25),
        ("sigmoid", "s·(1 − s) of the output s", 0.5, -2.0),
        ("sqrt", "1 / (2·√x)", 4.0, 0.25),
        ("sin", "cos(x)", 1.0, -2.5),
        ("cos", "−sin(x)", 1.0, -2.5),
        ("abs", "the sign of x", 3.0, -2.0)):
    _unary("functions", _name, f"x.{_name}()", f"The slope is {_slope}.", *_points, core=False)
    _unary("functions", f"{_name} inside of a formula", f"(3 * x).{_name}() * x.{_name}() * x",
           "The slope times the gradient that arrives (chain rule), added (+=) to what is there.",
           abs(_points[1]), core=False)
_unary("functions", "relu at 0", "x.relu()", "At the kink the slope is 0, as in PyTorch and JAX: "
       "write > 0, not >= 0.", 0.0, core=False)
_unary("functions", "abs at 0", "x.abs()", "At the kink the slope is 0, the middle of −1 and 1, as "
       "in PyTorch.", 0.0, core=False, accepts={"x.grad": (1.0, -1.0)})
_unary("functions", "tanh far out", "x.tanh()", "tanh(±1000) is ±1 and flat: exp(2x) overflows, "
       "math.tanh doesn't.", 20.0, 1000.0, -1000.0, core=False)
_unary("functions", "sigmoid far out", "x.sigmoid()", "It is 1 or 0 and flat there: exp(−x) "
       "overflows for x = −1000, so use exp(x) / (1 + exp(x)) below 0.", 1000.0, -1000.0,
       core=False)

# ── together ─────────────────────────────────────────────────────────────────────────────────────
_row("together", "a neuron", "w, x, b = Value(0.5), Value(2.0), Value(-1.5)\n"
     "y = (w * x + b).tanh()\ny.backward()", "y.data w.grad x.grad b.grad",
     "The chain rule through three operations.", core=False)
_row("together", "the mean of squares", "w, b = Value(0.5), Value(0.0)\n"
     "data = [(1.0, 3.0), (2.0, 5.0), (4.0, 9.0)]\n"
     "loss = sum((w * x + b - t) ** 2 for x, t in data) / len(data)\nloss.backward()",
     "loss.data w.grad b.grad", "w and b are used once for each sample, and their contributions "
     "add up.")
_row("together", "a straight line is learned", "w, b = Value(0.0), Value(0.0)\n"
     "for _ in range(50):\n    w.grad = b.grad = 0.0\n"
     "    loss = sum((w * x + b - 2 * x - 1) ** 2 for x in (0.0, 1.0, 2.0))\n    loss.backward()\n"
     "    w.data -= 0.05 * w.grad\n    b.data -= 0.05 * b.grad", "w.data b.data",
     "Fifty steps of gradient descent, each with a new graph.")
_row("together", "cross-entropy of three scores", "z = [Value(1.0), Value(-0.5), Value(2.0)]\n"
     "total = sum(s.exp() for s in z)\nloss = -(z[1].exp() / total).log()\nloss.backward()",
     "loss.data z[0].grad z[1].grad z[2].grad", "The gradient of softmax with cross-entropy is "
     "p − 1 for the right class and p for the others.", core=False)
_row("together", "√2 by Newton's steps", "a = Value(2.0)\nx = a\nfor _ in range(6):\n"
     "    x = (x + a / x) * 0.5\nx.backward()", "x.data a.grad", "A loop is a longer graph: d√a/da "
     "is 1/(2√a), through every step.")


def _random_programs(count: int, seed: int) -> str:
    """Programs of three to nine operations on values made before, longer and longer."""
    rng, programs = random.Random(seed), []
    for k in range(count):
        lines, names = ["x, y = Value(2.0), Value(-3.0)"], ["x", "y"]
        for i in range(3 + k // 6):
            left, right = rng.choice(names), rng.choice([*names, "2", "0.5"])
            lines.append(f"v{i} = {left} {rng.choice('+-**')} {right}")
            names.append(f"v{i}")
        programs.append("\n".join([*lines, f"{names[-1]}.backward()"]))
    return "\n---\n".join(programs)


_row("together", "forty random programs", _random_programs(40, seed=0), "x.grad y.grad",
     "Sums, differences and products of nodes made before. " + _ORDER)
