"""The small edits of a gradient's own code: another variable, a sign, a .T, a factor, a term."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["SIZES_OF_EDITS", "Edit", "Edits", "parts_of", "slots", "wrapped"]

SIZES_OF_EDITS = range(5)  # the smallest are tried first

SIZES = {"range", "zeros", "ones", "empty", "arange", "eye", "full", "linspace", "reshape", "tile",
         "repeat", "identity"}  # a number there isn't edited: it says how much there is to do
OTHERS = {"mean": "sum", "sum": "mean", "cdf": "pdf", "pdf": "cdf", "sin": "cos", "cos": "sin"}
OPERATORS: dict[type, tuple[Any, str]] = {
    ast.Add: (ast.Sub, "sign"), ast.Sub: (ast.Add, "sign"),
    ast.Mult: (ast.Div, "wrong-local-derivative"), ast.Div: (ast.Mult, "wrong-local-derivative"),
}


@dataclass
class Edit:
    """In the place of a part of the program, another."""

    parent: Any
    field: str
    index: int | None
    new: Any
    kind: str

    def swap(self) -> None:
        """Put the other one in; a second time, back again."""
        held = getattr(self.parent, self.field)
        if self.index is None:
            setattr(self.parent, self.field, self.new)
            self.new = held
        else:
            held[self.index], self.new = self.new, held[self.index]


class Edits:
    """The edits of one function, the smallest first."""

    parameters: Collection[str] = ()  # whose lengths are tried last: n is that of the data

    def __init__(self, definition: ast.FunctionDef, variables: dict[str, Any],
                 around: dict[str, Any]) -> None:
        self.definition = definition
        self.variables, self.around = variables, around  # at the function's end, by name

    def statements(self) -> Iterator[Any]:
        """The innermost statements, each with its list and place in it."""
        def inside(body: list[Any]) -> Iterator[Any]:
            for k, statement in enumerate(body):
                if isinstance(statement, ast.For | ast.If):
                    yield from inside(statement.body)
                    yield from inside(statement.orelse)
                elif not isinstance(statement, ast.FunctionDef):
                    yield statement, body, k
        yield from inside(self.definition.body)

    def of_size(self, size: int) -> Iterator[tuple[Any, Edit]]:
        """(statement, edit), for the edits of one size, 0 to 4."""
        make = (self._swapped, self._exchanges, self._names, self._inserted_factors,
                self._inserted_terms)[size]
        for statement, body, k in list(self.statements()):
            for edit in make(statement, body, k):
                yield statement, edit

    def _swapped(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """Two of the results that are returned, exchanged."""
        if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple | ast.Dict):
            several = statement.value
            field = "elts" if isinstance(several, ast.Tuple) else "values"
            parts = getattr(several, field)
            for i, j in itertools.combinations(range(len(parts)), 2):
                swapped = [parts[j] if n == i else parts[i] if n == j else part
                           for n, part in enumerate(parts)]
                yield Edit(several, field, None, swapped, "wrong-operand")
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            yield from self._carried_on(statement)

    def _carried_on(self, statement: Any) -> Iterator[Edit]:
        """What is stored under names that nothing reads, under those that the next turn reads."""
        target = statement.targets[0]
        names = [n.id if isinstance(n, ast.Name) else "" for n in getattr(target, "elts", [target])]
        loops = [x for x in ast.walk(self.definition) if isinstance(x, ast.For)
                 and statement in ast.walk(x)]
        if not loops or not set(names).isdisjoint(_read(self.definition)) or not all(names):
            return
        waiting = (_read(loops[-1]) - _stored(loops[-1])) & _stored(self.definition)
        found = [_most_alike(name, {w for w in waiting if w in self.variables}) for name in names]
        if all(found) and len(set(found)) == len(found):
            stores: list[Any] = [ast.Name(name, ast.Store()) for name in found]
            new = ast.Tuple(stores, ast.Store()) if isinstance(target, ast.Tuple) else stores[0]
            yield Edit(statement, "targets", 0, ast.copy_location(new, target), "missing-path")

    def _exchanges(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """A sign, an operator, a constant, an axis, a transpose, = for +=, a line too many."""
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target: Any = statement.targets[0]
            grown = ast.AugAssign(target, ast.Add(), statement.value)
            yield Edit(body, "", k, ast.copy_location(grown, statement), "missing-path")
            yield self._left_out(statement, body, k)
        if isinstance(statement, ast.Assign | ast.AugAssign):
            yield from _added_at(statement, body, k)
        if isinstance(statement, ast.AugAssign):
            if isinstance(statement.op, ast.Add | ast.Sub):
                other = ast.Sub() if isinstance(statement.op, ast.Add) else ast.Add()
                yield Edit(statement, "op", None, other, "sign")
            yield self._left_out(statement, body, k)
        for parent, name, index, part in list(parts_of(statement)):
            for new, kind in self._exchanged(part, parent):
                yield Edit(parent, name, index, ast.copy_location(new, part), kind)

    def _left_out(self, statement: Any, body: list[Any], k: int) -> Edit:
        """Without the statement: an update of an argument came too early, or a term too many."""
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        name = target.value if isinstance(target, ast.Subscript) else target
        arguments = {a.arg for a in self.definition.args.args}
        again = [s for s, *_ in self.statements() if isinstance(s, ast.AugAssign)
                 and ast.unparse(s) == ast.unparse(statement)]
        kind = "stale" if isinstance(name, ast.Name) and name.id in arguments else (
            "doubled-term" if len(again) > 1 else "extra-term")
        return Edit(body, "", k, ast.copy_location(ast.Pass(), statement), kind)

    def _exchanged(self, part: Any, parent: Any) -> Iterator[tuple[Any, str]]:
        yield from _of_other_functions(part)
        yield from _of_powers_and_products(part)
        match part:
            case ast.BinOp(left=left, op=op, right=right):
                if type(op) in OPERATORS:
                    other, kind = OPERATORS[type(op)]
                    yield ast.BinOp(left, other(), right), kind
                if isinstance(op, ast.Sub):
                    yield ast.BinOp(right, op, left), "sign"
                if isinstance(op, ast.Add | ast.Sub):
                    is_count = isinstance(right, ast.Constant)  # n - 1 for n, or x[i - 1]
                    within = isinstance(parent, ast.Subscript | ast.Tuple | ast.Slice)
                    yield left, "extra-term" if not is_count else "index" if within else "factor"
                if isinstance(op, ast.Mult):
                    yield left, self._kind_of_factor(right)
                    yield right, self._kind_of_factor(left)
                if isinstance(op, ast.Div):
                    yield left, self._kind_of_factor(right)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                yield inner, "index" if isinstance(parent, ast.Slice) else "sign"
            case ast.Attribute(value=inner, attr="T"):
                yield inner, "transpose"
            case ast.Attribute(value=inner, attr="size"):  # all entries for the samples
                yield ast.Call(ast.Name("len", ast.Load()), [inner], []), "factor"
            case ast.Constant(value=int() | float() as number) if not (
                    isinstance(number, bool) or _says_how_much(parent)):
                kind = _kind_of_number(parent)
                others = [number + 1, number - 1, 2 * number, number / 2, -number]
                for other in dict.fromkeys(others):
                    if other != number and (isinstance(number, float) or other == int(other)):
                        yield ast.Constant(type(number)(other)), kind
            case ast.Call(args=[first, *_]):
                yield first, self._kind_of_factor(part)
            case ast.Subscript(value=value, slice=index):
                if _turns(index):
                    yield value, "index"
                for by in (1, -1):
                    yield ast.Subscript(value, _moved(index, by), part.ctx), "index"

    def _kind_of_factor(self, part: Any) -> str:
        names = [n.id for n in ast.walk(part) if isinstance(n, ast.Name)]
        arrays = any(np.ndim(self.variables.get(name, 0.0)) for name in names)
        return "wrong-local-derivative" if arrays else "factor"

    def _names(self, statement: Any, body: list[Any], k: int, form: Any = np.shape
               ) -> Iterator[Edit]:
        """Another variable of the same shape."""
        for parent, field, index, part in list(parts_of(statement)):
            if isinstance(part, ast.Name | ast.Attribute) and isinstance(part.ctx, ast.Load) and (
                    (this := ast.unparse(part)) in self.variables):
                for name, value in self.variables.items():
                    if name != this and form(value) == form(self.variables[this]):
                        kind = "wrong-argument" if _is_argument(parent) else "wrong-operand"
                        new = ast.parse(name, mode="eval").body
                        yield Edit(parent, field, index, ast.copy_location(new, part), kind)

    def _inserted_factors(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """A forgotten factor: a variable, how many there are of it, a derivative made of one."""
        variables = sorted(self.variables.items(), key=lambda item: item[0] in self.parameters)
        for slot in slots(statement, self._is_filled(statement)):
            for name, value in variables:
                kind = "missing-incoming" if _is_gradient(name) else "missing-local-derivative"
                if not np.ndim(value):
                    yield wrapped(slot, ast.Div(), name, "factor")
                    yield wrapped(slot, ast.Mult(), name, "factor")
                    for form in (f"{name} * (1 - {name})", f"(1 - {name} ** 2)"):
                        if isinstance(value, float):
                            yield wrapped(slot, ast.Mult(), form, "missing-local-derivative")
                    continue
                for form in (f"len({name})", f"{name}.size", f"{name}.shape[-1]"):
                    yield wrapped(slot, ast.Div(), form, "factor")
                yield wrapped(slot, ast.Mult(), name, kind)
                for form in (f"(1 - {name})", f"(1 - {name} ** 2)", f"({name} > 0)",
                             f"{name} * (1 - {name})", f"np.exp({name})", f"np.cos({name})"):
                    yield wrapped(slot, ast.Mult(), form, "missing-local-derivative")
            for form in ("2", "0.5", "-1"):
                yield wrapped(slot, ast.Mult(), form, "sign" if form == "-1" else "factor")

    def _is_filled(self, statement: Any) -> bool:
        """Whether a statement returns an array that was changed entry by entry."""
        returned = ast.unparse(statement.value) if isinstance(statement, ast.Return) and isinstance(
            statement.value, ast.Name) else ""
        return any(isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store)
                   and ast.unparse(n.value) == returned for n in ast.walk(self.definition))

    def _inserted_terms(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """A forgotten term: a variable, or a scalar times one."""
        scalars = [name for name, value in self.variables.items() if not np.ndim(value)]
        scalars += [name for name, value in self.around.items() if type(value) is float]
        for slot in slots(statement):
            for name, value in self.variables.items():
                if np.ndim(value):
                    kind = "missing-path" if _is_gradient(name) else "missing-term"
                    for form in [name, *(f"{scalar} * {name}" for scalar in scalars[:8]),
                                 *(f"2 * {scalar} * {name}" for scalar in scalars[:8])]:
                        yield wrapped(slot, ast.Add(), form, kind)
                    yield wrapped(slot, ast.Sub(), name, kind)


def slots(statement: Any, returned: bool = False
          ) -> Iterator[tuple[Any, str, int | None, Any]]:
    """(parent, field, index, expression) of what a statement computes: each part of a tuple.

    returned: a variable that is returned, too, though its assignment computes it.
    """
    if not isinstance(statement, ast.Assign | ast.AugAssign | ast.Return):
        return
    match statement.value:
        case ast.Tuple(elts=parts) as several:
            yield from ((several, "elts", k, part) for k, part in enumerate(parts))
        case ast.Dict(values=parts) as several:
            yield from ((several, "values", k, part) for k, part in enumerate(parts))
        case ast.Name() if isinstance(statement, ast.Return) and not returned:
            return  # the assignment has it already
        case ast.expr() as value:
            yield statement, "value", None, value


def _added_at(statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
    """np.add.at(dE, i, g) for dE[i] = g and dE[i] += g, in which the last of equal indices wins."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    if isinstance(target, ast.Subscript) and not any(
            isinstance(part, ast.Slice) for part in ast.walk(target.slice)):
        at = ast.parse(f"np.add.at({ast.unparse(target.value)}, {ast.unparse(target.slice)}, "
                       f"{ast.unparse(statement.value)})").body[0]
        yield Edit(body, "", k, ast.copy_location(at, statement), "index")


def _is_gradient(name: str) -> bool:
    """Whether a variable is called as a gradient is."""
    return name.startswith(("d", "g", "grad", "delta")) or name.endswith("_grad")


def _of_powers_and_products(part: Any) -> Iterator[tuple[Any, str]]:
    """1 - a**2 for (1 - a)**2, and another order, or a transpose, in np.dot."""
    match part:
        case ast.BinOp(left=ast.BinOp(left=a, op=inner, right=b), op=ast.Pow(),
                       right=ast.Constant() as n) if isinstance(inner, ast.Add | ast.Sub):
            yield ast.BinOp(a, inner, ast.BinOp(b, ast.Pow(), n)), "wrong-local-derivative"
        case ast.BinOp(left=a, op=ast.MatMult() as op, right=b):
            yield ast.BinOp(b, op, a), "wrong-operand"
            for left, right in ((_turned(a), b), (a, _turned(b)), (_turned(b), _turned(a))):
                yield ast.BinOp(left, op, right), "transpose"
        case ast.Call(func=ast.Attribute(attr="dot" | "matmul"), args=[a, b]):
            yield ast.Call(part.func, [b, a], []), "wrong-operand"
            for left, right in ((_turned(a), b), (a, _turned(b)), (_turned(b), _turned(a))):
                yield ast.Call(part.func, [left, right], []), "transpose"


def _of_other_functions(part: Any) -> Iterator[tuple[Any, str]]:
    """A call of another function: a sum for a mean, a function for its slope."""
    match part:
        case ast.Call(func=ast.Attribute(value=inner, attr=name) as f) if name in OTHERS:
            kind = {"mean": "mean-for-sum", "sum": "factor"}.get(name, "wrong-local-derivative")
            yield ast.Call(ast.Attribute(inner, OTHERS[name], f.ctx), part.args,
                           part.keywords), kind


def _read(tree: Any) -> set[str]:
    """The names that are read inside."""
    return {n.id for n in ast.walk(tree) if type(n) is ast.Name and type(n.ctx) is ast.Load}


def _stored(tree: Any) -> set[str]:
    """The names that are given a value inside."""
    return {n.id for n in ast.walk(tree) if type(n) is ast.Name and type(n.ctx) is ast.Store}


def _most_alike(name: str, others: set[str]) -> str:
    """The name that begins most alike; "" if none does."""
    def alike(other: str) -> int:
        same = [a == b for a, b in zip(name, other, strict=False)]
        return [*same, False].index(False)

    best = max(sorted(others), key=alike, default="")
    return best if best and alike(best) else ""


def wrapped(slot: tuple[Any, str, int | None, Any], op: Any, form: str, kind: str) -> Edit:
    """The expression in a slot, times (divided by, plus) another."""
    parent, field, index, part = slot
    new = ast.BinOp(part, op, ast.parse(form, mode="eval").body)
    return Edit(parent, field, index, ast.copy_location(new, part), kind)


def parts_of(tree: Any, field: str = "") -> Iterator[tuple[Any, str, int | None, Any]]:
    """(parent, field, index in it, part) for each expression inside; an axis= is called axis."""
    for name, value in ast.iter_fields(tree):
        if isinstance(value, ast.expr):
            if name not in ("targets", "target", "func"):
                yield tree, name, None, value
            yield from parts_of(value)
        elif isinstance(value, list):
            for k, one in enumerate(value):
                if isinstance(one, ast.expr) and name != "targets":
                    yield tree, name, k, one
                if isinstance(one, ast.AST):
                    yield from parts_of(one)


def _says_how_much(parent: Any) -> bool:
    """Whether a number there is a size, or a plain n = 10: an edit might never end."""
    if isinstance(parent, ast.Assign | ast.For):
        return True
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow):
        return isinstance(parent.left, ast.Constant)
    if isinstance(parent, ast.Call):
        function = parent.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        return name in SIZES
    return isinstance(parent, ast.Tuple)


def _turns(index: Any) -> bool:
    """Whether an index reads an array the other way round, as [::-1] and [:, ::-1] do."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    steps = [ast.unparse(part.step) for part in parts
             if isinstance(part, ast.Slice) and part.step is not None]
    return bool(steps) and set(steps) == {"-1"}


def _kind_of_number(parent: Any) -> str:
    """What a wrong number there is called."""
    if isinstance(parent, ast.keyword) and parent.arg in ("axis", "axes"):
        return "wrong-axis"
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow):
        return "wrong-local-derivative"
    return "index" if isinstance(parent, ast.Subscript | ast.Slice) else "factor"


def _turned(part: Any) -> Any:
    """With .T, or without."""
    if isinstance(part, ast.Attribute) and part.attr == "T":
        return part.value
    return ast.Attribute(part, "T", ast.Load())


def _moved(index: Any, by: int) -> Any:
    if isinstance(index, ast.Tuple | ast.Slice):
        return index
    return ast.BinOp(index, ast.Add() if by > 0 else ast.Sub(), ast.Constant(1))


def _is_argument(parent: Any) -> bool:
    """Whether a variable there is what a derivative is evaluated at: 1 − z², z > 0, np.cos(z)."""
    if isinstance(parent, ast.Compare | ast.Call):
        return True
    if isinstance(parent, ast.BinOp):
        return isinstance(parent.op, ast.Pow) or (
            isinstance(parent.op, ast.Sub) and isinstance(parent.left, ast.Constant))
    return False
