"""The same engine, faster: each function here replaces a plain one, and does just what it does.

The plain ones are the engine; read those. On a graph of a million floats they spend their time on
questions (is this a node? is recording on? how many inputs are there?) and on tuples, which the
cyclic collector of Python has to visit. Here the common case is asked for once, one input or two
lie in the node itself, and everything else is handed back to the plain function. `PAIRS` is the
list, and `install()` puts them in place; with AUTOGRAD_MINI_PLAIN=1 in the environment it isn't
called.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from . import backprop, graph, ops
from .backprop import Pull, Rules, Step, accumulated, fit, own, seed_for, shows_nan, zero_like
from .graph import KINDS, Node, raw
from .ops.linalg import weights_and_inputs
from .primitive import Elementwise, Primitive, Rule, Structural
from .recording import as_floats, guard, is_recording, kept, undisturbed, watcher
from .tensor import Tensor
from .value import Value

__all__ = ["PAIRS", "install"]

new = object.__new__
FLOATS_RAISE = (ArithmeticError, ValueError)  # where IEEE 754 has inf or nan


class Pair(NamedTuple):
    """A plain function, by the module or class that it is found in, and the fast one."""

    owner: Any
    name: str
    fast: Any
    plain: Any


PAIRS: list[Pair] = []


def replaces(owner: Any, name: str) -> Callable[[Any], Any]:
    """A decorator: the function is a faster `owner.name`."""
    def noted(function: Any) -> Any:
        PAIRS.append(Pair(owner, name, function, getattr(owner, name)))
        return function

    return noted


# ── a node of one input or two holds them itself ─────────────────────────────────────────────
#
# `_a` and `_from_a` are other names for the slots `inputs` and `parents`. They hold the first input
# and its parent, and `_b` and `_from_b` the second, which is None if there is but one; or, of any
# other number, tuples.

SLOTS = {"_a": Node.__dict__["inputs"], "_from_a": Node.__dict__["parents"],
         "_b": Node.__dict__["_second_input"], "_from_b": Node.__dict__["_second_parent"]}
for _name, _slot in SLOTS.items():
    setattr(Node, _name, _slot)


def _inputs(node: Any) -> tuple[Any, ...]:
    a, b = node._a, node._b
    return a if type(a) is tuple else (a,) if b is None else (a, b)


def _set_inputs(node: Any, inputs: tuple[Any, ...]) -> None:
    node._a, node._b = inputs, None


def _parents(node: Any) -> tuple[Any, ...]:
    a = node._from_a
    return a if type(a) is tuple else (a,) if node._b is None else (a, node._from_b)


def _set_parents(node: Any, parents: tuple[Any, ...]) -> None:
    node._from_a, node._from_b = parents, None


PAIRS += [Pair(Node, "inputs", property(_inputs, _set_inputs), SLOTS["_a"]),
          Pair(Node, "parents", property(_parents, _set_parents), SLOTS["_from_a"])]


@replaces(graph, "made")
def made(op: Primitive | None, value: Any, inputs: tuple[Any, ...], parents: tuple[Any, ...],
         params: Any) -> Node:
    """`graph.made`, without tuples for one input or two."""
    node: Any = new(KINDS[type(value)])
    node.value, node.op, node.params = value, op, params
    node._b = node._from_b = node.gradient = None
    if 0 < len(inputs) < 3 and not getattr(op, "many", False):
        node._a, node._from_a = inputs[0], parents[0]
        if len(inputs) == 2:
            node._b, node._from_b = inputs[1], parents[1]
    else:
        node._a, node._from_a = inputs, parents
    node.label = ""
    return node  # type: ignore[no-any-return]


@replaces(graph, "consumers_first")
def consumers_first(output: Any, without: tuple[Node | None, ...] = ()) -> list[Node]:
    """`graph.consumers_first`, without a tuple of parents for each node."""
    postorder: list[Any] = []
    seen: set[Any] = {None, *without}
    stack: list[Any] = [output]
    while stack:
        node = stack.pop()
        if node is None:  # the mark: all parents of the node below it are listed
            postorder.append(stack.pop())
        elif node not in seen:
            seen.add(node)
            first, second = node._from_a, node._from_b
            several = type(first) is tuple
            if several and seen.issuperset(first):
                postorder.append(node)
            elif several:
                stack += node, None, *[parent for parent in first[::-1] if parent not in seen]
            else:
                stack.append(node)
                stack.append(None)
                if second not in seen:
                    stack.append(second)
                if first not in seen:
                    stack.append(first)
    postorder.reverse()
    return postorder


# ── operators: what `row.apply` does for two Values or two Tensors ───────────────────────────


def of_floats(row: Elementwise) -> Any:
    """`Operators.__add__` and its kin, of a Value a and a Value or number b: a ∘ b."""
    compute: Any = row.scalar

    def method(a: Any, b: Any) -> Any:
        x, other = a.value, type(b)
        if other is Value:
            y, q = b.value, b
        elif other is float or other is int:
            y, q = b, None
        elif isinstance(b, np.ndarray) and b.dtype == object:
            return NotImplemented  # an array of Values knows better
        else:
            return row.apply((a, b), {})
        if is_recording() is not True:  # off, or watched
            return row.apply((a, b), {})
        node: Any = new(Value)
        try:
            node.value = compute(x, y)
        except FLOATS_RAISE:
            node.value = row.compute((x, y), {})
        node.op, node._a, node._b, node._from_a, node._from_b = row, x, y, a, q
        node.params = node.gradient = None
        node.label = ""
        return node

    return method


def of_number_and_float(row: Elementwise) -> Any:
    """`Operators.__radd__` and its kin, of a Value a and a number b: b ∘ a."""
    compute: Any = row.scalar

    def method(a: Any, b: Any) -> Any:
        other = type(b)
        if not (other is float or other is int) or is_recording() is not True:
            return row.apply((b, a), {})
        node, y = new(Value), a.value
        try:
            node.value = compute(b, y)
        except FLOATS_RAISE:
            node.value = row.compute((b, y), {})
        node.op, node._a, node._b, node._from_a, node._from_b = row, b, y, None, a
        node.params = node.gradient = None
        node.label = ""
        return node

    return method


def of_float(row: Elementwise) -> Any:
    """`Operators.exp` and its kin, of a Value."""
    compute: Any = row.scalar

    def method(a: Any) -> Any:
        if is_recording() is not True:
            return row.apply((a,), {})
        node, x = new(Value), a.value
        try:
            node.value = compute(x)
        except FLOATS_RAISE:
            node.value = row.compute((x,), {})
        node.op, node._a, node._from_a = row, x, a
        node._b = node._from_b = node.params = node.gradient = None
        node.label = ""
        return node

    return method


def handed_out(t: Any) -> bool:
    """Whether t is a leaf whose array may be written to from outside."""
    return t.op is None and t.value.flags.writeable  # type: ignore[no-any-return]


def of_arrays(row: Elementwise) -> Any:
    """`Operators.__add__` and its kin, of a Tensor a and a Tensor or number b: a ∘ b."""
    compute = row.forward

    def method(a: Any, b: Any) -> Any:
        other = type(b)
        if is_recording() is not True or handed_out(a) or (
                handed_out(b) if other is Tensor else other is not float and other is not int):
            return row.apply((a, b), {})
        x = a.value
        y, q = (b.value, b) if other is Tensor else (b, None)
        z = compute(x, y)
        node: Any = new(Tensor)
        node.value = z if type(z) is np.ndarray else np.asarray(z)  # NumPy makes scalars
        node.op, node._a, node._b, node._from_a, node._from_b = row, x, y, a, q
        node.params = node.gradient = None
        node.label = ""
        return node

    return method


def of_array(row: Elementwise) -> Any:
    """`Operators.exp` and its kin, of a Tensor."""
    compute = row.forward

    def method(a: Any) -> Any:
        if is_recording() is not True or handed_out(a):
            return row.apply((a,), {})
        x = a.value
        node: Any = new(Tensor)
        node.value, node.op, node._a, node._from_a = np.asarray(compute(x)), row, x, a
        node._b = node._from_b = node.params = node.gradient = None
        node.label = ""
        return node

    return method


BINARY = {"add": ops.add, "sub": ops.subtract, "mul": ops.multiply, "truediv": ops.divide,
          "pow": ops.power}
UNARY = {"__neg__": ops.negative, "__abs__": ops.abs, "exp": ops.exp, "log": ops.log,
         "sqrt": ops.sqrt, "sin": ops.sin, "cos": ops.cos, "tanh": ops.tanh,
         "sigmoid": ops.sigmoid, "relu": ops.relu}
for _name, _row in BINARY.items():
    replaces(Value, f"__{_name}__")(of_floats(_row))
    replaces(Value, f"__r{_name}__")(of_number_and_float(_row))
    replaces(Tensor, f"__{_name}__")(of_arrays(_row))
for _name, _row in UNARY.items():
    replaces(Value, _name)(of_float(_row))
    replaces(Tensor, _name)(of_array(_row))


@replaces(Value, "__init__")
def init(self: Any, data: Any, label: str = "", **other: Any) -> None:
    """`Value.__init__`, of a float without a label."""
    if type(data) is not float or label or other:
        plain_init(self, data, label, **other)
        return
    self.value, self.label, self.params = data, label, graph.serial()
    self._a = self._from_a = ()
    self.op = self._b = self._from_b = self.gradient = None


plain_init = PAIRS[-1].plain


@replaces(Primitive, "apply")
def apply(self: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """`Primitive.apply`, with the questions asked of all arguments at once."""
    nodes = [isinstance(a, Node) for a in args]
    if True not in nodes:
        return self.compute(args, params)
    inputs = [
        a.value if is_node and a.op is not None else a if type(a) is float else kept(a, self.name)
        for a, is_node in zip(args, nodes, strict=True)
    ]
    y = self.compute(inputs, params)
    if type(y) is not float and (type(y) is not np.ndarray or not y.ndim):
        y = np.asarray(y) if np.ndim(y) or any(
            [type(x) is np.ndarray for x in inputs]) else float(y)
    if False in nodes:
        parents = tuple([a if is_node else None for a, is_node in zip(args, nodes, strict=True)])
        inputs = [x if type(x) is float else as_floats(x, y) for x in inputs]
    else:
        parents = tuple(args)
    if is_recording() is not True or not self.trusted:
        return self.recorded(y, inputs, parents, params)
    return made(self, y, tuple(inputs), parents, params)


class OfNumbers(Structural):
    """`weighted_sum` and `total`, where all arguments are Values."""

    __slots__ = ()

    def apply(self, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """`Primitive.apply`, without asking each argument what it is."""
        try:
            inputs = tuple([a.value for a in args])
        except AttributeError:  # some are plain numbers
            return super().apply(args, params)
        y = self.forward(inputs)
        if type(y) is not float or is_recording() is not True:  # some are Tensors
            return super().apply(args, params)
        node: Any = new(Value)
        node.value, node.op, node._a, node._from_a = y, self, inputs, tuple(args)
        node._b = node._from_b = node.gradient = None
        node.params, node.label = params, ""
        return node


PAIRS += [Pair(row, "__class__", OfNumbers, Structural) for row in (ops.weighted_sum, ops.total)]


@replaces(Elementwise, "__call__")
def call_elementwise(self: Elementwise, *args: Any, **refused: Any) -> Any:
    """`Elementwise.__call__`; of one array at once, for that is a rule at work."""
    if len(args) == 1 == len(self.slopes) and type(args[0]) is np.ndarray and not refused:
        return self.forward(args[0])
    return plain_elementwise(self, *args, **refused)


plain_elementwise = PAIRS[-1].plain


@replaces(Structural, "__call__")
def call_structural(self: Structural, *args: Any, **params: Any) -> Any:
    """`Structural.__call__`; of one array or two without parameters at once."""
    if len(args) == len(self.pullbacks) and not params and not (self.defaults or self.many):
        if type(args[0]) is np.ndarray is type(args[-1]) and len(args) < 3:
            return self.forward(*args)
        return self.called(args, {})
    return plain_structural(self, *args, **params)


plain_structural = PAIRS[-1].plain


# ── the rule of a row, without its loop ──────────────────────────────────────────────────────


@cache
def written_out(op: Primitive) -> Rule | None:
    """`Elementwise.pull` as one expression. Of multiply, say, whose a and b came from p and q,

        lambda g, y, a, b, p, q: (None if p is None else g * slope_a(y, a, b),
                                  None if q is None else g * slope_b(y, a, b))

    None for a rule that isn't of one or two inputs. Sums of many Values have theirs, of tuples.
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
        if callable(slope) and op.selects:
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
    if type(op) is not Elementwise or not op.trusted or type(node._a) is tuple:
        return plain_pull(node, g)
    rule = written_out(op)
    if rule is None:
        return plain_pull(node, g)
    try:
        sent: Sequence[Any] = rule(g, node.value, node._a, node._b, node._from_a, node._from_b)
    except Exception:  # which asks again, or explains
        return plain_pull(node, g)
    return sent if node._b is not None else sent[:1]


plain_pull: Pull = PAIRS[-1].plain


# ── the reverse pass ─────────────────────────────────────────────────────────────────────────

# "Nothing was sent yet". This very object is told from other zeros by `is`; and it is −0.0, to
# which floats can be added without asking whether they are the first: −0.0 + x is x for every x.
NOTHING = float("-0")


@replaces(backprop, "reverse_pass")
def reverse_pass(output: Node, seed: Any, answer: Pull = pull, rules: Rules | None = None,
                 without: tuple[Node | None, ...] = ()) -> Iterator[Step]:
    """`backprop.reverse_pass`; floats, of which there may be a million, at once."""
    if answer is not pull and answer is not plain_pull:
        return plain_reverse_pass(output, seed, answer, rules, without)
    order = consumers_first(output, without)
    cotangents: dict[Any, Any] = dict.fromkeys([*order, *without], NOTHING)
    cotangents[None] = 0.0  # what constants are sent
    cotangents[output] = seed
    return _steps(order, cotangents, rules or {})


plain_reverse_pass = PAIRS[-1].plain


def _steps(order: list[Any], cotangents: dict[Any, Any], rules: Rules) -> Iterator[Step]:
    """The steps of `backprop.reverse_pass`."""
    owned: set[Node] = set()  # whose cotangent is an array that nothing else holds
    for node in order:
        g, op = cotangents.pop(node), node.op
        sent: Sequence[Any] = ()
        if g is NOTHING:
            g, op = zero_like(node), None
        if rules and node in rules:
            yield node, g, ()
            _add_by_rule(node, rules[node](g), cotangents)
            continue
        if op is None:
            if type(g) is np.ndarray and node not in owned:
                g = own(g)
            yield node, g, sent
            continue
        p = node._from_a
        rule = written_out(op) if type(node.value) is float else None
        if rule is None or (type(p) is tuple and not getattr(op, "many", False)):
            sent = pull(node, g)
            yield node, g, sent  # before they are added up in place
            _add(node, g, sent, cotangents, owned)
            continue
        q = node._from_b
        try:
            sent = rule(g, node.value, node._a, node._b, p, q)
        except Exception:  # which asks again, or explains
            sent = (*plain_pull(node, g), None)
        if type(p) is tuple:
            for parent, x in zip(p, sent):  # noqa: B905  strict costs 10 %
                cotangents[parent] += x
        else:
            if sent[0] is not None:
                cotangents[p] += sent[0]  # −0.0 + it, the first time
            if sent[1] is not None:
                cotangents[q] += sent[1]
        yield node, g, sent


def _add_by_rule(node: Node, sent: Iterable[tuple[Node | None, Any]], cotangents: dict[Any, Any]
                 ) -> None:
    """Add what another rule sends."""
    for receiver, x in sent:
        if receiver is not None and x is not None:
            known = cotangents[receiver]
            x = fit(x, receiver, node)
            cotangents[receiver] = x if known is NOTHING else known + x


def _add(node: Node, g: Any, sent: Sequence[Any], cotangents: dict[Any, Any], owned: set[Node]
         ) -> None:
    """Add what `node` sends to what its parents were sent before, in place where it can be."""
    # Products and sums are new arrays; what else a rule sends may be g, or something it keeps.
    fresh = isinstance(node.op, Elementwise) or node.op.reach == "product"  # type: ignore[union-attr]
    for parent, x in zip(node.parents, sent, strict=False):
        if parent is None or x is None:
            continue
        value, known = parent.value, cotangents[parent]
        array = type(x) is np.ndarray is type(value)
        if not (array and x.shape == value.shape and x.dtype is value.dtype):
            x = fit(x, parent, node)
            array = type(x) is np.ndarray
        if known is not NOTHING:
            if array and type(known) is np.ndarray and parent in owned:
                known += x
                continue
            x = known + x
        elif x is g or not fresh:
            cotangents[parent] = x
            continue
        cotangents[parent] = x
        if type(x) is np.ndarray and x.base is None:
            owned.add(parent)


# ── backward ─────────────────────────────────────────────────────────────────────────────────


class Stored:
    """Which gradients a pass has stored, so that it can be undone."""

    def __init__(self) -> None:
        self.replaced: list[tuple[Node, Any]] = []  # what was there before, if anything was
        self.visits = 0  # how many nodes have been visited

    def undo(self, output: Node) -> None:
        """Put back what was there before."""
        for node in consumers_first(output)[: self.visits]:
            if node.op is not None:
                node.gradient = None
        for node, before in reversed(self.replaced):
            node.gradient = before

    def streamed(self, steps: Iterator[Step]) -> list[tuple[Node, Any]]:
        """The leaves with their cotangents; all others have theirs stored then and there, for going
        back to a million nodes takes as long as visiting them.
        """
        leaves, replaced, visits = [], self.replaced, 0
        try:
            for node, g, _ in steps:
                visits += 1
                if node.op is None:
                    leaves.append((node, g))
                    continue
                if node.gradient is not None:
                    replaced.append((node, node.gradient))
                node.gradient = g
        finally:
            self.visits = visits
        return leaves


@replaces(backprop, "backward")
def backward(output: Node, seed: Any = None) -> None:
    """`backprop.backward`, storing gradients on the way."""
    if watcher() is not None or guard() is not None:
        plain_backward(output, seed)
        return
    start, stored = raw(seed_for(output, seed)), Stored()
    try:
        with undisturbed():
            leaves = stored.streamed(reverse_pass(output, start))
            if not shows_nan(leaves):
                for node, g in leaves:
                    stored.replaced.append((node, node.gradient))
                    node.gradient = accumulated(node, g)
                return
    except BaseException:  # an error, or Ctrl-C: all is as it was before
        stored.undo(output)
        raise
    stored.undo(output)
    plain_backward(output, seed)


plain_backward = PAIRS[-1].plain


# ── the door ─────────────────────────────────────────────────────────────────────────────────


def install(pairs: Iterable[Pair] = PAIRS) -> None:
    """Put the fast functions in the place of the plain ones, wherever these have been imported."""
    for owner, name, fast, plain in pairs:
        _exchange(owner, name, plain, fast)


def uninstall(pairs: Iterable[Pair] = PAIRS) -> None:
    """Put the plain functions back: no node may be in use that the fast ones have made."""
    for owner, name, fast, plain in pairs:
        _exchange(owner, name, fast, plain)


def _exchange(owner: Any, name: str, old: Any, new: Any) -> None:
    if not isinstance(owner, ModuleType):
        setattr(owner, name, new)
        return
    for module in [m for key, m in sys.modules.items() if key.split(".")[0] == "autograd_mini"]:
        if module.__name__ != __name__:
            for key in [k for k, thing in vars(module).items() if thing is old]:
                setattr(module, key, new)
