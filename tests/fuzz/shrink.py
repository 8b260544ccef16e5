"""A failing program made smaller while it fails in the same way."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .programs import Outcome, Program, literal

__all__ = ["shrink"]

Judge = Callable[[Program], Outcome]


def shrink(program: Program, outcome: Outcome, judge: Judge, tries: int = 400
           ) -> tuple[Program, Outcome]:
    """The smallest program found, and what it gives.

    Statements go, blocks are replaced by what is in them, expressions by their parts,
    intermediate values by arguments, arrays by shorter and rounder ones.
    """
    while tries > 0:
        for candidate in _candidates(program):
            if candidate.size >= program.size:
                continue
            tries -= 1
            found = judge(candidate)
            if found.kind == "wrong" and found.signature == outcome.signature:
                program, outcome = candidate, found
                break
            if tries <= 0:
                break
        else:
            return program, outcome
    return program, outcome


def _candidates(program: Program) -> Iterator[Program]:
    yield from _promoted(program)
    yield from _without_statements(program)
    yield from _without_arguments(program)
    yield from _simpler_expressions(program)
    yield from _inlined(program)
    yield from _smaller_arrays(program)
    yield from _rounder_numbers(program)
    yield from _smaller_setup(program)
    if program.steps:
        yield from (replace(program, steps=program.steps[:i] + program.steps[i + 1:])
                    for i in range(len(program.steps)))


def _made(program: Program, tree: ast.AST, **changes: Any) -> Iterator[Program]:
    """The program with another text, if that is one; arguments it doesn't use go."""
    try:
        body = ast.unparse(ast.fix_missing_locations(tree))
        compile(body, "<candidate>", "exec")
    except (ValueError, SyntaxError):
        return
    if all(_ends(loop) for loop in ast.walk(tree) if isinstance(loop, ast.While)):
        yield replace(program, body=body, **changes)


def _ends(loop: ast.While) -> bool:
    """Whether the loop still counts its rounds, `n < 4` and `n += 1`: without it may run for ever.
    """
    counted = any(isinstance(part, ast.Compare) and ast.unparse(part) == "n < 4"
                  for part in (loop.test, *getattr(loop.test, "values", [])))
    return counted and any(ast.unparse(part) == "n += 1" for part in loop.body)


def _function(tree: ast.Module) -> ast.FunctionDef:
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef))


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for part in ("body", "orelse"):
            block = getattr(node, part, None)
            if isinstance(block, list) and not isinstance(node, ast.Module):
                yield block


def _without_statements(program: Program) -> Iterator[Program]:
    """One statement fewer; or a block in place of the statement it belongs to."""
    tree = ast.parse(program.body)
    for b, block in enumerate(_blocks(tree)):
        for i in reversed(range(len(block))):
            for inner in (None, "body", "orelse"):
                other = copy.deepcopy(tree)
                target = list(_blocks(other))[b]
                inside = getattr(target[i], inner, None) if inner else []
                if isinstance(target[i], ast.Return):
                    continue
                if inside is None or (not inside and inner) or (
                        len(target) == 1 and not inside):
                    continue
                target[i:i + 1] = inside
                yield from _made(program, other)


def _smaller_setup(program: Program) -> Iterator[Program]:
    """What stands before the function: one statement fewer, whole helpers first."""
    tree = ast.parse(program.setup)
    blocks = [tree.body, *_blocks(tree)]
    for b, block in enumerate(blocks):
        for i in reversed(range(len(block))):
            if b and (len(block) == 1 or isinstance(block[i], ast.Return)):
                continue
            other = copy.deepcopy(tree)
            del [other.body, *_blocks(other)][b][i]
            yield replace(program, setup=ast.unparse(other))


def _promoted(program: Program) -> Iterator[Program]:
    """An intermediate value as an argument: what led to it is no longer needed."""
    function = _function(ast.parse(program.body))
    for i in reversed(range(len(function.body))):
        statement = function.body[i]
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        value = _value_after(program, i)
        if value is None:
            continue
        name = statement.targets[0].id
        tree = ast.parse(program.body)
        other = _function(tree)
        del other.body[i]
        if not other.body:
            continue
        other.args.args = [a for a in other.args.args if a.arg != name] + [ast.arg(name)]
        args = {k: x for k, x in program.args.items() if k != name} | {name: value}
        yield from _pruned(program, tree, args)


def _pruned(program: Program, tree: ast.Module, args: dict[str, Any]) -> Iterator[Program]:
    """Without statements and arguments that nothing uses."""
    function = _function(tree)
    while True:
        used = {n.id for n in ast.walk(function)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        kept = [s for s in function.body if not (
            isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)
            and s.targets[0].id not in used)]
        if len(kept) == len(function.body):
            break
        function.body = kept
    function.args.args = [a for a in function.args.args if a.arg in used]
    kept_args = {k: x for k, x in args.items() if k in used}
    if kept_args:
        yield from _made(program, tree, args=kept_args)


def _value_after(program: Program, i: int) -> Any:
    """What statement i assigns, in a plain run."""
    tree = ast.parse(program.body)
    function = _function(tree)
    target = function.body[i]
    assert isinstance(target, ast.Assign)
    function.body = [*function.body[: i + 1], ast.Return(copy.deepcopy(target.targets[0]))]
    function.body[-1].value.ctx = ast.Load()  # type: ignore[attr-defined]
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
        value = replace(program, body=text).function(*program.values)
        array = np.asarray(value, float)
    except Exception:
        return None
    if not np.all(np.isfinite(array)):
        return None
    return float(array) if all(not isinstance(x, np.ndarray) for x in program.args.values()) \
        and not array.ndim else np.array(array)


def _without_arguments(program: Program) -> Iterator[Program]:
    """An argument as a constant in the text."""
    if len(program.args) < 2:
        return
    for name, value in program.args.items():
        tree = ast.parse(program.body)
        function = _function(tree)
        constant = ast.parse(literal(value), mode="eval").body
        for node in ast.walk(function):
            for key, child in ast.iter_fields(node):
                if isinstance(child, ast.Name) and child.id == name:
                    setattr(node, key, constant)
                elif isinstance(child, list):
                    child[:] = [constant if isinstance(c, ast.Name) and c.id == name else c
                                for c in child]
        function.args.args = [a for a in function.args.args if a.arg != name]
        yield from _made(program, tree, args={k: v for k, v in program.args.items() if k != name})


def _expressions(tree: ast.AST) -> list[tuple[ast.AST, str, int | None, ast.expr]]:
    """Every expression that is computed with: (whose, in which field, at which place, it)."""
    found = []
    for node in ast.walk(tree):
        for key, child in ast.iter_fields(node):
            children = list(enumerate(child)) if isinstance(child, list) else [(None, child)]
            for place, c in children:
                if isinstance(c, ast.expr) and isinstance(getattr(c, "ctx", ast.Load()), ast.Load) \
                        and not (key == "func" or key == "slice"):
                    found.append((node, key, place, c))
    return found


def _simpler_expressions(program: Program) -> Iterator[Program]:
    """An expression replaced by one of its parts, a keyword left out, a number by 1 or 2."""
    tree = ast.parse(program.body)
    for i, (_, _, _, expression) in enumerate(_expressions(tree)):
        for other in _parts(expression):
            new = copy.deepcopy(tree)
            node, key, place, _ = _expressions(new)[i]
            if place is None:
                setattr(node, key, other)
            else:
                getattr(node, key)[place] = other
            yield from _pruned(program, new, program.args)


def _parts(expression: ast.expr) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(expression):
        if isinstance(expression, ast.Compare):
            return  # a mask is no number
        if isinstance(child, ast.expr) and not (
                isinstance(expression, ast.Call) and child is expression.func):
            yield child
    if isinstance(expression, ast.Call):
        if isinstance(expression.func, ast.Attribute):
            yield expression.func.value
        for i in range(len(expression.keywords)):
            other = copy.deepcopy(expression)
            del other.keywords[i]
            yield other
    if isinstance(expression, ast.Constant) and isinstance(expression.value, float):
        for number in (1.0, 0.0, round(expression.value), round(expression.value, 1)):
            if len(repr(number)) < len(repr(expression.value)):
                yield ast.Constant(float(number))


def _inlined(program: Program) -> Iterator[Program]:
    """A name that is used once, replaced by what was assigned to it."""
    names = [n.id for n in ast.walk(ast.parse(program.body)) if isinstance(n, ast.Name)]
    for name in sorted({n for n in names if names.count(n) == 2}):
        tree = ast.parse(program.body)
        function = _function(tree)
        for i, statement in enumerate(function.body):
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
                del function.body[i]
                yield from _made(program, _Put(name, statement.value).visit(tree))
                break


class _Put(ast.NodeTransformer):
    """An expression in place of a name."""

    def __init__(self, name: str, expression: ast.expr) -> None:
        self.name, self.expression = name, expression

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.expression if node.id == self.name else node


def _smaller_arrays(program: Program) -> Iterator[Program]:
    """One slice fewer along an axis; or an axis fewer."""
    for name, value in program.args.items():
        if not isinstance(value, np.ndarray):
            continue
        for axis in range(value.ndim):
            if value.shape[axis] > 1:
                for part in (np.delete(value, -1, axis), np.delete(value, 0, axis)):
                    yield replace(program, args={**program.args, name: part})
            yield replace(program, args={**program.args, name: np.asarray(
                value.take(0, axis) if value.shape[axis] else 0.0)})


def _rounder_numbers(program: Program) -> Iterator[Program]:
    """Arguments with fewer digits; all entries 1, or 0, …"""
    for name, value in program.args.items():
        array = np.asarray(value, float)
        for digits in (0, 1, 2, 4):
            new = np.asarray(np.round(array, digits) + 0.0)
            if not np.array_equal(new, array):
                rounded = new if isinstance(value, np.ndarray) else float(new)
                yield replace(program, args={**program.args, name: rounded})
