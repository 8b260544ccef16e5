"""What nodes are called in a derivation, and the formulas of what was done with them."""

from __future__ import annotations

import copy
import re
from collections import ChainMap, Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..graph import Node, leaf, value_of
from ..primitive import Elementwise
from .notation import ATOM, Call, Formula, Name, Number, Summed, Transposed, number, printable
from .watched import Part
from .written import EACH, FORMULAS, SENT, SHOWN

__all__ = ["Names", "axes_summed", "constant"]

DEEP = 30  # operations of a rule that are written in one formula
PLAIN = {"add", "subtract", "multiply", "divide", "negative", "square", "power", "matmul",
         "transpose", "linear", "sum", "positive", "reciprocal"}  # structural rules read well in


class Names:
    """Names for the nodes of a graph: labels, the user's variables, or v1, v2 … in forward order.

    framed: parameters of modules in a picture, where two may have one name, for each is drawn in
    the frame of its module; elsewhere such names have their whole path.
    """

    def __init__(self, y: Node | None, order: Sequence[Node],
                 variables: Mapping[Node, str] | None = None,
                 constant_name: Callable[[Node, int], str] = lambda node, i: "",
                 framed: Collection[Node] = (), precision: int = 4) -> None:
        self.constant_name, self.precision = constant_name, precision
        full = _numbered(y, order, variables or {})
        for node in order:  # a module's own label for its parameter is the end of a path
            if node.label and not full.get(node, "").endswith(f".{node.label}"):
                full[node] = node.label
        short = {node: _short(name) for node, name in full.items()}
        self.known = _told(y, order, full, short, framed)
        self.full = {  # with the path, where there is one
            node: _one_line(full[node]) if node in full and short[node] != full[node] else name.name
            for node, name in self.known.items()}
        self._used = {name.name for name in self.known.values()}

    def __getitem__(self, node: Node) -> Name:
        return self.known[node]

    def with_numbers(self, nodes: Iterable[Node], precision: int) -> Names:
        """The same names, but for numbers in the places of some nodes that hold one."""
        numbered = copy.copy(self)
        instead: Any = {node: number(node.value, precision) for node in nodes}
        numbered.known = ChainMap(instead, self.known)  # type: ignore[assignment]
        return numbered

    def operand(self, node: Node, i: int) -> Formula:
        """What argument i of a node is called: a name, or a number."""
        parent = node.parents[i]
        return self._constant(node, i) if parent is None else self[parent]

    def _constant(self, node: Node, i: int) -> Formula:
        """A number; an array by the user's name for it, or else by its shape."""
        x: Any = node.inputs[i]
        name = _one_line(self.constant_name(node, i)) if np.ndim(x) else "?"
        is_anothers = name in self._used or name == "e"  # that of a node, or of a number
        return constant(x, self.precision) if name == "?" or is_anothers else Name(name)

    def call(self, part: Part) -> Formula:
        """A call of the program's, with the arguments that it was given, if these are known."""
        if part.arguments is None:
            return Call(part.name, (Name("…"),))
        told = []
        for name, x in part.arguments:
            written = self._argument(x)
            plain = written.digits if isinstance(written, Number) else getattr(written, "name", "…")
            told.append(Name(f"{name}={plain}") if name else written)
        return Call(part.name, tuple(told))

    def _argument(self, x: Any) -> Formula:
        """An argument as it was kept: a node, a number, a text, or a list of these."""
        if isinstance(x, Node):
            return self.known.get(x, Name("…"))
        if isinstance(x, list):
            return Call("", tuple(self._argument(part) for part in x))
        return Name(x) if isinstance(x, str) else constant(x, self.precision)

    def formula(self, node: Node) -> Formula:
        """How a node was computed."""
        return self.applied(node, [self.operand(node, i) for i in range(len(node.inputs))])

    def whole(self, node: Node) -> Formula:
        """A node as one formula of the variables."""
        if node.op is None:
            return self[node]
        return self.applied(node, [self._constant(node, i) if parent is None else self.whole(parent)
                                   for i, parent in enumerate(node.parents)])

    def applied(self, node: Node, parts: Sequence[Formula]) -> Formula:
        """A node's operation, written with these operands."""
        assert node.op is not None
        if node.op.name == "where":  # the branch that this run chose
            chosen = np.asarray(value_of(node.inputs[0])) != 0
            k = 1 if chosen.all() else 2
            if (chosen.all() or not chosen.any()) and (
                    np.shape(node.inputs[k]) == np.shape(node.value)):
                return parts[k]
        written = self._with_parameters(node, parts)
        if written is not None:
            return written
        formula = FORMULAS.get(node.op.name) if node.op.trusted else None
        if node.op.name == "exp" and "e" in self._used:  # a variable e isn't Euler's number
            formula = None
        return Call(printable(node.op.name), tuple(parts)) if formula is None else formula(*parts)

    def _with_parameters(self, node: Node, parts: Sequence[Formula]) -> Formula | None:
        """The formula of an operation that was told more than its arguments, such as an axis."""
        op, params = node.op, node.params if isinstance(node.params, dict) else {}
        assert op is not None
        if op.trusted and (written := self._with_axes(node, parts, params)) is not None:
            return written
        defaults = getattr(op, "defaults", {})
        told = [Name(f"{key}={_parameter(x) if _is_short(x) else '…'}") for key, x in params.items()
                if not _same(x, defaults.get(key)) and key != "keepdims"]
        return Call(printable(op.name), (*parts, *told)) if told else None

    def _with_axes(self, node: Node, parts: Sequence[Formula], params: dict[str, Any]
                   ) -> Formula | None:
        """The same of operations that have a notation for what they are told."""
        assert node.op is not None
        match node.op.name:
            case "getitem" if isinstance(parts[0], Name):
                of = parts[0].name if parts[0].level == ATOM else f"({parts[0].name})"
                return Name(f"{of}[{_index(params['index'])}]")
            case "transpose":
                axes, turned = params.get("axes"), tuple(range(np.ndim(node.value)))[::-1]
                if axes is None or tuple(axes) == turned:
                    return Transposed(parts[0])
                return Call("transpose", (parts[0], Name(f"axes={_parameter(tuple(axes))}")))
            case "sum":
                axes = axes_summed(params.get("axis"), np.ndim(node.inputs[0]))
                return Summed(parts[0], axes)
            case "einsum":
                return Call("einsum", (Name(str(params["subscripts"])), *parts))
        return None

    def slope(self, node: Node, i: int) -> Formula | None:
        """∂node/∂parent as its rule, fed leaves, writes itself; None if it can't."""
        op = node.op
        if not isinstance(op, Elementwise):
            return self._slope_of_sum(node, i)
        shown = SHOWN.get(op.name, ()) if op.trusted else ()
        rule = (shown[i] if i < len(shown) else None) or op.slopes[i]
        if rule is None or not callable(rule):
            return None if rule is None else Number("1" if rule > 0 else "−1")
        y, xs, names = self._leaves(node)
        try:
            with np.errstate(all="ignore"):
                return self._of_rule(rule(y, *xs), names)
        except (ArithmeticError, ValueError):
            return None

    def _slope_of_sum(self, node: Node, i: int) -> Formula | None:
        """The same of a structural primitive of numbers, such as a neuron w·x + b."""
        if np.ndim(node.value) or any(map(np.ndim, node.inputs)):
            return None
        assert node.op is not None
        y, xs, names = self._leaves(node)
        sent = node.op.pull(1.0, y, tuple(xs), node)[i]
        return self._of_rule(sent, names) if _reads_well(sent) else None

    def pullback(self, node: Node, i: int, arrives: Formula) -> Formula:
        """What a structural rule sends to argument i, written with the cotangent that arrives."""
        op = node.op
        assert op is not None
        told = SENT.get(op.name, {}) if op.trusted else {}
        if (written := told.get(i, told.get(EACH))) is not None:
            return written(arrives)
        y, xs, names = self._leaves(node)
        g = leaf(np.ones_like(node.value) if isinstance(node.value, np.ndarray) else 1.0)
        try:
            with np.errstate(all="ignore"):
                sent = op.pull(g, y, tuple(xs), node)[i]
        except (ArithmeticError, ValueError):
            sent = None
        if isinstance(sent, Node) and _reads_well(sent):
            return self._of_rule(sent, names | {g: arrives})
        return Call(f"{printable(op.name)}ᵀ", (arrives,))

    def _leaves(self, node: Node) -> tuple[Node, list[Any], dict[Node, Formula]]:
        """Leaves for a node and its arguments, and the names of these."""
        y = leaf(node.value)
        xs = [x if p is None else leaf(x) for x, p in zip(node.inputs, node.parents, strict=True)]
        named: dict[Node, Formula] = {y: self[node]}
        for i, (x, parent) in enumerate(zip(xs, node.parents, strict=True)):
            if parent is not None:
                named[x] = self[parent]
            elif np.ndim(value_of(x)):  # an array keeps the name that the user has for it
                xs[i] = leaf(x)
                named[xs[i]] = self._constant(node, i)
        return y, xs, named

    def _of_rule(self, node: Any, names: dict[Node, Formula], depth: int = 0) -> Formula:
        """The formula of what a rule computed, down to the leaves that have names."""
        if not isinstance(node, Node):
            return constant(node, self.precision)
        if node in names:
            return names[node]
        if node.op is None or depth > DEEP:
            return constant(node.value, self.precision) if node.op is None else Name("…")
        parts = [constant(x, self.precision) if parent is None
                 else self._of_rule(parent, names, depth + 1)
                 for x, parent in zip(node.inputs, node.parents, strict=True)]
        return self.applied(node, parts)


def axes_summed(axis: Any, ndim: int) -> str:
    """The axes of a sum, as `Summed` has them: "" for all."""
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int | np.integer) else axis
    found = sorted(int(a) % ndim for a in axes) if ndim else []
    return "" if len(found) == ndim else ",".join(map(str, found))


def _is_short(x: Any) -> bool:
    """Whether a parameter of an operation can be written in a formula."""
    if isinstance(x, tuple):
        return len(x) <= 6 and all(map(_is_short, x))
    return x is None or (isinstance(x, int | float | str | np.integer) and len(str(x)) <= 24)


def _same(x: Any, y: Any) -> bool:
    return type(x) is type(y) and not isinstance(x, np.ndarray) and bool(x == y)


def _parameter(x: Any) -> str:
    """A parameter as it is typed."""
    if isinstance(x, tuple):
        return f"({', '.join(map(_parameter, x))}{',' * (len(x) == 1)})"
    return x if isinstance(x, str) else str(x).replace("-", "−")


def _index(index: Any) -> str:
    """An index as it is typed; an array of indices by its name alone, "…"."""
    if isinstance(index, tuple):
        return ", ".join(map(_index, index))
    if isinstance(index, slice):
        ends = ["" if x is None else str(x) for x in (index.start, index.stop, index.step)]
        return ":".join(ends if ends[2] else ends[:2])
    return str(index) if index is None or isinstance(index, int | np.integer) else "…"


def _one_line(name: str) -> str:
    """A name in one line, without control characters."""
    return " ".join(printable(name).split()) or "?"


def _told(y: Node | None, order: Sequence[Node], full: Mapping[Node, str],
          short: Mapping[Node, str], framed: Collection[Node]) -> dict[Node, Name]:
    """A name for each node: the short one, the whole path where two would have it, or v1, v2 …"""
    clashes = {name for name, count in Counter(short.values()).items() if count > 1}
    taken = set(short.values())
    alone = {short[node] for node in short if node not in framed}
    known: dict[Node, Name] = {}
    count, used = 0, Counter[str]()
    for node in order:
        if node in short:
            name = full[node] if short[node] in clashes else short[node]
        elif node is y:
            name = next(n for n in ("out", "y", "result", "the output") if n not in taken)
        else:
            count += 1
            while f"v{count}" in taken:
                count += 1
            name = f"v{count}"
        if node in framed and node in short and short[node] not in alone:
            name = _one_line(short[node])  # others may have it, in frames of their own
        else:
            name = _told_apart(_one_line(name), used)
        used[name] += 1
        known[node] = Name(name)
    return known


def _told_apart(name: str, used: Counter[str]) -> str:
    """A name that nothing has yet: x, x′, x″, x(4) …"""
    first = name
    while name in used:
        used[first] += 1
        name = first + ("′" if used[first] == 2 else "″" if used[first] == 3
                        else f"({used[first]})")
    return name


def _numbered(y: Node | None, order: Sequence[Node], variables: Mapping[Node, str]
              ) -> dict[Node, str]:
    """The names of variables, with a number where a loop gave one name to several nodes."""
    times = Counter(variables.get(node, "") for node in order)
    taken = {node.label for node in order} | {name for name, k in times.items() if k == 1}
    count: Counter[str] = Counter()
    names = {}
    for node in order:
        name = variables.get(node, "")
        if name and times[name] > 1 and node is not y:
            stem = name.partition("[")[0]
            joint = "" if stem[-1].isalpha() else "_"
            count[stem] += 1
            while f"{stem}{joint}{count[stem]}" in taken:  # the user's own h1
                count[stem] += 1
            name = f"{stem}{joint}{count[stem]}"
        if name:
            names[node] = name
    return names


def constant(x: Any, precision: int = 4) -> Formula:
    """A number, in full if it is short; of an array its shape."""
    x = value_of(x)
    if np.ndim(x):
        return Name(f"const {'×'.join(map(str, np.shape(x)))}")
    in_full = len(repr(float(x))) <= 9
    return number(x, max(precision, 8) if in_full else precision)


def _reads_well(node: Any) -> bool:
    """Whether what a structural rule did is made of what a reader knows."""
    rest = [node] if isinstance(node, Node) else []
    while rest:
        n = rest.pop()
        if n.op is not None and n.op.name not in PLAIN:
            return False
        rest += [p for p in n.parents if p is not None]
    return True


def _short(label: str | None) -> str:
    """The last word of a parameter's path, with its index: layers.0.neurons.1.w.0 is w0."""
    found = re.fullmatch(r"(?:[\w\[\]]+\.)*?([^\W\d]\w*)(?:\.(\d+))?", label or "")
    return f"{found[1]}{found[2] or ''}" if found else label or ""
