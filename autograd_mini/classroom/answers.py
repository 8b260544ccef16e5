"""What is wrong with a derivative given as a formula, told in terms of that formula.

The right derivative is known at some points, as numbers. An answer with one small change that gives
these numbers is what was meant, and the change is the mistake.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..errors import ExpressionError
from ..formula import evaluate
from ..verify.report import Suspect

__all__ = ["is_off", "mistake_in", "sizes_in"]

CLOSE = 1e-9  # relative; both sides are formulas, computed in float64
OTHERS = {"sin": "cos", "cos": "sin", "exp": "log", "log": "exp", "tanh": "sigmoid",
          "sigmoid": "tanh"}  # functions taken for one another
MOST, LONGEST = 400, 300  # changes that are tried; letters of an answer that is looked into

Change = tuple[ast.expr, str, str]  # the answer as changed, the kind of mistake, a sentence


def sizes_in(formulas: Sequence[str], known: Mapping[str, Any]) -> Any:
    """The largest number on the way of computing formulas: rounding is in proportion to it."""
    largest: Any = 1.0
    for formula in formulas:
        parts = [part for part in ast.walk(ast.parse(formula.strip(), mode="eval"))
                 if isinstance(part, ast.BinOp | ast.UnaryOp | ast.Call)]
        for part in parts[:MOST]:
            size = np.abs(evaluate(ast.unparse(part), known))
            largest = np.maximum(largest, np.where(np.isfinite(size), size, 0.0))
    return largest


def is_off(given: np.ndarray, right: np.ndarray, sizes: Any) -> np.ndarray:
    """Where an answer differs by more than rounding, or isn't a number where there is one."""
    off = np.abs(given - right) > CLOSE * np.abs(right) + 1e-12 * sizes
    wrong: np.ndarray = np.isfinite(right) & (off | ~np.isfinite(given))
    return wrong


def mistake_in(expression: str, name: str, answer: str, right: Mapping[str, np.ndarray],
               known: Mapping[str, Any]) -> Suspect | None:
    """The mistake in an answer, if it is one of those that are known here.

    right: the derivative for each variable, at the points; known: these, and the expression's
    value, which is called y.
    """
    if len(answer) > LONGEST:
        return None
    given = np.broadcast_to(evaluate(answer, known), right[name].shape)
    if not np.isfinite(given).all():
        where = ", ".join(f"{n} = {x[~np.isfinite(given)][0]:.4g}" for n, x in known.items()
                          if n in right)
        return Suspect("partial", f"it isn't a finite number at {where}")
    if not given.any():
        return Suspect("missing-path", f"0 would mean that nothing changes when {name} does")
    ratio = _ratio(given, right[name])
    if ratio is not None and _number(ratio) == "1":
        return Suspect("partial", "it is right at some numbers, and nearly right at others")
    if ratio is not None:
        kind, said = ("sign", "it has the wrong sign") if np.isclose(ratio, -1) else (
            "factor", f"it is {_number(ratio)} times what it should be")
        right_one = ast.BinOp(ast.parse(_number(1 / ratio), mode="eval").body, ast.Mult(),
                              ast.parse(answer.strip(), mode="eval").body)
        return Suspect(kind, said, fix=f"∂y/∂{name} = {ast.unparse(right_one)}")
    rule = _rule(expression, name, answer, given, right, known)
    if rule:
        return Suspect(*rule)
    for changed, kind, said in islice(_changes(expression, answer, known), MOST):
        formula = ast.unparse(changed)
        if _is(formula, right[name], known):
            return Suspect(kind, said, fix=f"∂y/∂{name} = {formula}")
    return None


def _rule(expression: str, name: str, answer: str, given: np.ndarray,
          right: Mapping[str, np.ndarray], known: Mapping[str, Any]) -> tuple[str, str] | None:
    """The kind and the sentence, where a rule of differentiation was taken for another."""
    for other, slope in right.items():
        if other != name and _same(given, slope):
            return "wrong-operand", f"this is the derivative with respect to {other}"
    if len(right) > 1 and _same(given, np.sum([*right.values()], axis=0)):
        return "extra-term", ("the derivatives with respect to all variables are added; the others "
                              f"are held fixed while {name} changes")
    back = _slope(answer, name, known)
    if back is not None and _same(back, known["y"], 1e-6):
        return "wrong-local-derivative", "that was integrated: its derivative is the expression"
    whole = ast.parse(expression, mode="eval").body
    if isinstance(whole, ast.BinOp) and isinstance(whole.op, ast.Mult | ast.Div):
        u, v = (_slope(ast.unparse(side), name, known) for side in (whole.left, whole.right))
        product = isinstance(whole.op, ast.Mult)
        if u is not None and v is not None and np.all(v != 0) and _same(
                given, u * v if product else u / v, 1e-6):
            what = "product" if product else "quotient"
            return "wrong-local-derivative", (f"the derivative of a {what} isn't the {what} of the "
                                              "derivatives")
    return None


def _changes(expression: str, answer: str, known: Mapping[str, Any]) -> Iterator[Change]:
    """The answer with each one small change, the likeliest first."""
    tree = ast.parse(answer.strip(), mode="eval").body
    parts = [part for part in ast.walk(tree) if isinstance(part, ast.expr)]
    arguments = {ast.unparse(call.args[0]): call.args[0] for call in
                 ast.walk(ast.parse(expression.strip(), mode="eval"))
                 if isinstance(call, ast.Call) and call.args}
    names = [ast.Name(name) for name in known]
    numbers = [ast.Constant(k) for k in (2, 3, 4, 5)]
    yield from _other_functions(tree, parts, arguments)
    yield from _other_signs(tree, parts)
    yield from _other_exponents(tree, parts)
    yield from _other_factors(tree, parts, [*names, *numbers], [*arguments.values()])
    yield from _other_names(tree, parts, names)
    yield from _other_terms(tree, parts, names)


def _other_functions(tree: ast.expr, parts: list[ast.expr], arguments: Mapping[str, ast.expr]
                     ) -> Iterator[Change]:
    for part in parts:
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.args:
            f = part.func.id
            for text, argument in arguments.items():
                yield (_with(tree, part, ast.Call(part.func, [argument], [])), "wrong-argument",
                       f"{f} of {ast.unparse(part.args[0])} should be {f} of {text}")
            if f in OTHERS:
                yield (_with(tree, part, ast.Call(ast.Name(OTHERS[f]), part.args, [])),
                       "wrong-local-derivative", f"{OTHERS[f]} is due, not {f}")


def _other_signs(tree: ast.expr, parts: list[ast.expr]) -> Iterator[Change]:
    for part in parts:
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add | ast.Sub):
            turned: ast.operator = ast.Sub() if isinstance(part.op, ast.Add) else ast.Add()
            yield (_with(tree, part, ast.BinOp(part.left, turned, part.right)), "sign",
                   f"{ast.unparse(part.right)} has the wrong sign")
        yield (_with(tree, part, ast.UnaryOp(ast.USub(), part)), "sign",
               f"{ast.unparse(part)} has the wrong sign")


def _other_exponents(tree: ast.expr, parts: list[ast.expr]) -> Iterator[Change]:
    for part in _exponents(parts):
        if isinstance(part, ast.Constant) and isinstance(part.value, int | float):
            for k in (part.value - 1, part.value + 1):
                yield (_with(tree, part, ast.Constant(k)), "wrong-local-derivative",
                       f"the exponent {part.value:g} should be {k:g}")


def _exponents(parts: list[ast.expr]) -> list[ast.expr]:
    return [p.right for p in parts if isinstance(p, ast.BinOp) and isinstance(p.op, ast.Pow)]


def _other_factors(tree: ast.expr, parts: list[ast.expr], factors: Sequence[ast.expr],
                   arguments: Sequence[ast.expr]) -> Iterator[Change]:
    exponents = _exponents(parts)
    for part in parts:
        if part in exponents:
            continue
        where = f" of {ast.unparse(part)}" if part is not tree else ""
        for factor in (*factors, *arguments):
            yield (_with(tree, part, ast.BinOp(part, ast.Mult(), factor)), "factor",
                   f"the factor {ast.unparse(factor)}{where} is missing")
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult):
            for kept, factor in ((part.left, part.right), (part.right, part.left)):
                yield (_with(tree, part, kept), "factor",
                       f"the factor {ast.unparse(factor)} is too much")
        for factor in factors:
            yield (_with(tree, part, ast.BinOp(part, ast.Div(), factor)), "factor",
                   f"the factor {ast.unparse(factor)}{where} is too much")


def _other_names(tree: ast.expr, parts: list[ast.expr], names: Sequence[ast.Name]
                 ) -> Iterator[Change]:
    known = {name.id for name in names}
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, int | float):
            for k in (part.value + 1, part.value - 1):
                yield (_with(tree, part, ast.Constant(k)), "factor",
                       f"{part.value:g} should be {k:g}")
        elif isinstance(part, ast.Name) and part.id in known:
            for other in names:
                yield (_with(tree, part, other), "wrong-operand",
                       f"{part.id} should be {other.id} here")


def _other_terms(tree: ast.expr, parts: list[ast.expr], names: Sequence[ast.Name]
                 ) -> Iterator[Change]:
    for part in parts:
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add | ast.Sub):
            for kept, left_out in ((part.left, part.right), (part.right, part.left)):
                yield (_with(tree, part, kept), "extra-term",
                       f"{ast.unparse(left_out)} doesn't belong there")
    for term in [*names, *(ast.BinOp(a, ast.Mult(), b) for a in names for b in names)]:
        yield (ast.BinOp(tree, ast.Add(), term), "missing-term",
               f"the term {ast.unparse(term)} is missing")


def _with(tree: ast.expr, part: ast.expr, other: ast.expr) -> ast.expr:
    """The tree with another part in one place."""
    if tree is part:
        return other
    made = copy.copy(tree)
    for field, value in ast.iter_fields(tree):
        if isinstance(value, ast.expr):
            setattr(made, field, _with(value, part, other))
        elif isinstance(value, list):
            setattr(made, field, [_with(v, part, other) if isinstance(v, ast.expr) else v
                                  for v in value])
    return made


def _is(formula: str, right: np.ndarray, known: Mapping[str, Any]) -> bool:
    """Whether it gives these numbers."""
    try:
        with np.errstate(all="ignore"):
            return _same(np.broadcast_to(evaluate(formula, known), right.shape), right)
    except ExpressionError:
        return False


def _same(a: Any, b: Any, close: float = CLOSE) -> bool:
    size = float(np.max(np.abs(b), initial=0.0))
    return bool(np.all(np.abs(np.asarray(a) - b) <= close * np.maximum(np.abs(b), 1e-3 * size)))


def _ratio(given: np.ndarray, right: np.ndarray) -> float | None:
    """c if given is c times the right one at each point."""
    if not np.all(np.isfinite(given)) or not right.any() or not given.any():
        return None
    c = float(np.sum(given * right) / np.sum(right * right))
    return c if c and _same(given / c, right) else None


def _slope(formula: str, name: str, known: Mapping[str, Any]) -> np.ndarray | None:
    """Its derivative, by differences, to about eight digits."""
    h = 1e-5
    with np.errstate(all="ignore"):
        try:
            up, down = (np.broadcast_to(evaluate(formula, {**known, name: known[name] + d}),
                                        np.shape(known[name])) for d in (h, -h))
        except ExpressionError:
            return None
    slope = (up - down) / (2 * h)
    return slope if np.isfinite(slope).all() else None


def _number(x: float) -> str:
    """As a fraction where it is one."""
    for below in range(1, 13):
        if abs(x * below - round(x * below)) < 1e-7 and round(x * below):
            return f"{round(x * below)}" + (f"/{below}" if below > 1 else "")
    return f"{x:.6g}"
