"""The compiled core, if it is installed: recording, topological order and reverse pass in C.

It is optional (`pip install . ./core`), and does what the functions of this folder do, to the last
bit: Python is the reference, and the same tests run on both (PEP 399). AUTOGRAD_MINI_CORE=0 in the
environment leaves it out. It states no function and no derivative. A row brings its own; and is
asked here, by letters in the place of numbers, whether what it sends is ±g or g times an operand.
"""

from __future__ import annotations

import copyreg
import functools
import importlib.util
import struct
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..backprop import copy_if_array, zero_like
from ..functions import products
from ..graph import Node, clock
from ..primitive import PRIMITIVES, Elementwise, Primitive
from ..recording import _recording as recording
from ..tensor import Tensor
from ..value import Value
from . import calls, floats, nodes, reverse
from .letters import NotWrittenOut, letters, sent_by
from .operators import BINARY, UNARY
from .pairs import Pair, install, uninstall
from .rules import ARRAY_RULES, RULES, asked_again

__all__ = ["install_core", "plan", "uninstall_core"]

OF_ONE, OF_TWO, REFLECTED, CALLED, APPLIED, MANY, DOT = range(7)
"""The forms of a method that records, as the C code numbers them."""

INTERFACE = 1
"""Which core this package can use: the number is raised with each change of what it is told."""

SLOTS = ("value", "op", "params", "gradient", "label", "made_at", "_sent")
"""The slots of a node that have the same name in every engine."""

LONGEST = 1024
"""The most operands that a plan is made for: making it takes many times as long as asking the rule
once, and the plans of all numbers of operands are kept."""

CORE_PAIRS: list[Pair] = []


def plan(row: Any, count: int) -> bytes | None:
    """What `row` sends to each of so many operands, as C's ints: −1 is the cotangent g, −2 its
    negative, k ≥ 0 is g times operand k. None if it sends anything else.
    """
    try:
        numbers = sent_by(row, letters(count))
    except NotWrittenOut:
        return None
    return struct.pack(f"{count}i", *numbers) if len(numbers) == count else None


class Plans(dict):  # type: ignore[type-arg]
    """The plans of a row that takes any number of operands, by that number; each is made once."""

    def __init__(self, row: Primitive) -> None:
        super().__init__()
        self.row = row

    def __missing__(self, count: int) -> bytes | None:
        if count > LONGEST:
            return None
        self[count] = found = plan(self.row, count)
        return found


def plans() -> dict[Primitive, Any]:
    """The plan of each row that has one; for a row of any number of operands, its Plans."""
    found: dict[Primitive, Any] = {row: Plans(row) for row in (ops.weighted_sum, ops.total)}
    for row in (*BINARY.values(), *UNARY.values()):
        numbers = plan(row, len(row.slopes))
        if numbers is not None:
            found[row] = numbers
    return found


def install_core(required: bool = False) -> bool:
    """Put the compiled functions in the place of these, if they are installed; whether they are.

    A core that was built for another version of this package, or refuses this Python, is left out
    with a warning. Raises `ImportError` instead if it is `required`.
    """
    try:
        if not CORE_PAIRS:
            CORE_PAIRS.extend(core_pairs(loaded()))
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == "autograd_mini_core"
        reason = "it isn't installed (pip install . ./core)" if absent else str(error)
        if required:
            raise ImportError(
                f"AUTOGRAD_MINI_CORE=1 asks for the compiled core: {reason}") from error
        if not absent:
            warnings.warn(f"the compiled core isn't used, and the Python engine is: {reason}",
                          stacklevel=2)
        return False
    install(CORE_PAIRS)
    return True


def loaded() -> Any:
    """Load the compiled module anew, past sys.modules: it keeps what begin() tells it, so each copy
    of this package needs its own.
    """
    spec = importlib.util.find_spec("autograd_mini_core")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("No module named 'autograd_mini_core'", name="autograd_mini_core")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def uninstall_core() -> None:
    """Put the functions of this folder back: no node may be in use that the core has made."""
    uninstall(CORE_PAIRS)


def core_pairs(core: Any) -> list[Pair]:
    """What the compiled core replaces. Raises `ImportError` if it is of another version."""
    if getattr(core, "INTERFACE", None) != INTERFACE:
        raise ImportError("autograd-mini-core is of another version than autograd-mini: install "
                          "both from one place")
    called: dict[Primitive, Any] = {}
    core.begin({**{name: Node.__dict__[name] for name in SLOTS}, **nodes.SLOTS}, {
        "Value": Value, "Tensor": Tensor, "ndarray": np.ndarray, "float": float,
        "float64": np.float64, "asarray": np.asarray, "OfNumbers": calls.OfNumbers,
        "recording": recording, "clock": clock, "methods": called, "RULES": RULES,
        "ARRAY_RULES": ARRAY_RULES, "plans": plans(), "asked_again": asked_again,
        "add_sent": reverse.add_sent, "NOTHING": reverse.NOTHING, "zero_like": zero_like,
        "copy_if_array": copy_if_array})
    called.update(called_rows(core.method))

    def pair(owner: Any, name: str, form: int) -> Pair:
        plain = getattr(owner, name)
        return Pair(owner, name, core.method(form, Value, None, None, plain), plain)

    pairs = [
        *operators(core.method),
        pair(Primitive, "apply", APPLIED),
        pair(Elementwise, "__call__", CALLED),
        pair(calls.OfNumbers, "apply", MANY),
    ]
    names = {each.fast: (each.owner, each.name) for each in pairs}
    copyreg.pickle(type(pairs[0].fast), lambda method: (getattr, names[method]))
    of_lists = core.method(DOT, Value, ops.weighted_sum, None, products.dot)
    return [*pairs, Pair(products, "dot", as_function(of_lists, products.dot), products.dot),
            Pair(floats, "swept", core.swept, floats.swept)]


def as_function(method: Any, plain: Any) -> Any:
    """`dot`, which is public, and so a function: it is documented, pickled and copied as one."""
    @functools.wraps(plain)
    def dot(a: Any, b: Any, bias: Any = 0.0) -> Any:
        return method(a, b, bias)

    return dot


def operators(method: Callable[..., Any]) -> list[Pair]:
    """The operators and methods of Values and Tensors."""
    stated = [(name, row, OF_ONE) for name, row in UNARY.items()]
    for name, row in BINARY.items():
        stated += [(f"__{name}__", row, OF_TWO), (f"__r{name}__", row, REFLECTED)]
    pairs = []
    for name, row, form in stated:
        for kind in (Value, Tensor):
            plain = kind.__dict__.get(name)  # a Tensor's reflected operators are Python's
            if plain is not None:
                compute = row.scalar if kind is Value else row.forward
                pairs.append(Pair(kind, name, method(form, kind, row, compute, plain), plain))
    return pairs


def called_rows(method: Callable[..., Any]) -> dict[Primitive, tuple[Any, Any]]:
    """By row of one argument or two, what records it of a Value, and of a Tensor."""
    found = {}
    for row in PRIMITIVES.values():
        plainly = isinstance(row, Elementwise) and type(row).apply is Primitive.apply
        if plainly and len(row.slopes) <= 2 and row.scalar is not None:
            form = OF_ONE if len(row.slopes) == 1 else OF_TWO
            found[row] = (method(form, Value, row, row.scalar, None),
                          method(form, Tensor, row, row.forward, None))
    return found
