"""A student's own engine under test: each property is a few lines of code with a known answer.

The code is run twice, with the student's class and with ours, and the numbers are compared. So the
text that a report shows is the very program that fails, and can be typed in.
"""

from __future__ import annotations

import ast
import math
import re
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..not_computed import NotComputed

__all__ = ["FUNCTIONS", "MOST_LINES", "Outcome", "Property", "Result", "TooLongError", "results_of"]

Outcome = Literal["holds", "fails", "missing", "untried"]

MOST_LINES = 500_000  # run for one property; ten times what a plain engine needs
FUNCTIONS = {"exp", "log", "tanh", "relu", "sigmoid", "sqrt", "sin", "cos", "abs", "tan", "sinh",
             "cosh", "softplus", "log1p", "expm1", "square", "softmax", "log_softmax", "arctan",
             "silu", "leaky_relu", "reciprocal"}  # methods that may be functions of the file


@dataclass(frozen=True)
class Property:
    """A few lines of code, what is asked after them, and why the answer is what it is."""

    name: str
    code: str
    asks: tuple[str, ...]
    why: str
    group: str = ""
    core: bool = True  # whether an engine without what the code uses isn't finished
    accepts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # other good answers
    may_refuse: bool = False  # whether an error, when it is computed, is a good answer
    advice: bool = False  # whether good engines differ here

    def codes(self, kind: str) -> Iterator[str]:
        """The programs, in the order in which they are tried, for a class of that name."""
        for part in textwrap.dedent(self.code).strip().split("\n---\n"):
            yield re.sub(r"\b(Value|Tensor)\b", kind, part)


@dataclass(frozen=True)
class Result:
    """Whether a property holds, and if it doesn't, the small input that shows it."""

    property: Property
    outcome: Outcome
    code: str = ""
    asked: str = ""
    given: str = ""  # or what was raised
    expected: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For programs, as JSON takes it."""
        told: dict[str, Any] = {"name": self.property.name, "group": self.property.group,
                                "outcome": self.outcome, "advice": self.property.advice}
        if self.outcome != "holds":
            told |= {"code": self.code, "asked": self.asked, "given": self.given,
                     "expected": self.expected, "why": self.property.why}
        return told


class TooLongError(BaseException):  # not an Exception: the student's code may catch those
    """More lines were run than any right engine needs."""


class _NotThereError(Exception):
    """The engine has no such operation."""


class _Calls(ast.NodeTransformer):
    """Makes `x.tanh()` a call that also finds a function tanh of the student's."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace the call of a method that may be a function."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in FUNCTIONS:
            name = ast.copy_location(ast.Constant(node.func.attr), node)
            call = ast.copy_location(ast.Name("_call", ast.Load()), node)
            return ast.copy_location(
                ast.Call(call, [name, node.func.value, *node.args], node.keywords), node)
        return node


def results_of(kind: type, functions: Mapping[str, Any], ours: type,
               our_functions: Mapping[str, Any], properties: list[Property]) -> Iterator[Result]:
    """Each property tried on a class and the functions beside it, with ours for comparison."""
    for each in properties:
        yield _result(each, kind, functions, ours, our_functions)


def _result(one: Property, kind: type, functions: Mapping[str, Any], ours: type,
            our_functions: Mapping[str, Any]) -> Result:
    """The first of its programs that fails, or that all hold."""
    for code in one.codes(kind.__name__):
        right = _run(code, one.asks, kind.__name__, ours, our_functions)
        if isinstance(right, Exception):
            raise right
        given = _limited(lambda code=code: _run(  # type: ignore[misc]
            code, one.asks, kind.__name__, kind, functions))
        if isinstance(given, BaseException):
            absent = isinstance(given, _NotThereError) or (
                one.may_refuse and not isinstance(given, TooLongError) and not _back(given))
            outcome: Outcome = "missing" if absent else "fails"
            return Result(one, outcome, code, one.asks[0], _raised(given), _shown(right[0]))
        for asked, theirs, answer in zip(one.asks, given, right, strict=True):
            if not _same(theirs, answer, one.accepts.get(asked, ())):
                return Result(one, "fails", code, asked, _shown(theirs), _shown(answer))
    return Result(one, "holds")


def _run(code: str, asks: tuple[str, ...], name: str, kind: type, functions: Mapping[str, Any]
         ) -> list[Any] | Exception:
    """The answers of a program, as plain numbers; or the error, one of what isn't there apart."""
    def call(function: str, x: Any, *args: Any, **kwargs: Any) -> Any:
        method = getattr(x, function, None)
        if method is not None:
            return method(*args, **kwargs)
        if function == "abs" and hasattr(type(x), "__abs__"):
            return abs(x)
        if function not in functions:
            raise _NotThereError(f"there is no {function}")
        return functions[function](x, *args, **kwargs)

    space = {name: kind, "np": np, "math": math, "_call": call}
    try:
        with np.errstate(all="ignore"):
            exec(_compiled(code, "exec"), space)
            return [_number(eval(_compiled(ask, "eval"), space)) for ask in asks]
    except AttributeError as error:
        if isinstance(error.obj, kind) and not hasattr(kind, error.name or ""):
            return _NotThereError(f"there is no .{error.name}")
        return error
    except TypeError as error:
        absent = re.search(r"unsupported operand type\(s\)|bad operand type for unary"
                           r"|not subscriptable|got an unexpected keyword argument", str(error))
        return _NotThereError(str(error)) if absent else error
    except NotImplementedError as error:
        return _NotThereError(str(error) or "not implemented")
    except Exception as error:
        return error


def _back(error: BaseException) -> bool:
    """Whether it was raised when backward() was called, not when something was computed."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.name == "backward" for frame in frames)


def _compiled(code: str, mode: Literal["exec", "eval"]) -> Any:
    tree = _Calls().visit(ast.parse(code, mode=mode))
    return compile(ast.fix_missing_locations(tree), "<property>", mode)


def _limited(run: Callable[[], Any]) -> Any:
    """What it returns, or the error; in a thread of its own, where lines are counted.

    Lines and not seconds, so that no answer depends on the speed of a machine; and a thread, so
    that tracing (of a debugger, or of coverage) in this one isn't touched.
    """
    left, answer = [MOST_LINES], []

    def trace(frame: Any, event: str, _: Any) -> Any:
        if event == "line":
            left[0] -= 1
            if left[0] < 0:
                raise TooLongError
        return trace

    def work() -> None:
        sys.settrace(trace)
        try:
            answer.append(run())
        except BaseException as error:
            answer.append(error)
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join()
    return answer[0]


def _number(x: Any) -> Any:
    """An array of plain numbers: of a node its data, of no gradient 0; text as it is."""
    for _ in range(3):
        if not isinstance(x, np.ndarray | np.generic | NotComputed) and hasattr(x, "data"):
            x = x.data
    if x is None or isinstance(x, NotComputed):
        return None
    if isinstance(x, str):
        return x
    if isinstance(x, tuple):  # a shape
        return str(x)
    return np.array(x)  # a copy: it may be changed later


def _same(given: Any, right: Any, accepted: tuple[float, ...]) -> bool:
    """Whether an answer is right, up to what its dtype can hold, in value and in shape."""
    right = np.array(0.0) if right is None else right
    if isinstance(right, str) or isinstance(given, str):
        return isinstance(given, str) and given == right
    if given is None:  # no gradient is as good as 0
        return bool(np.all(right == 0)) or 0.0 in accepted
    if given.dtype.kind not in "biuf":
        return False
    if given.shape != right.shape and not (given.size == right.size == 1):
        return False
    precise = given.dtype if given.dtype.kind == "f" else np.dtype(float)
    near = math.sqrt(np.finfo(precise).eps)
    return any(np.allclose(given, np.reshape(each, given.shape) if np.size(each) == given.size
                           else each, rtol=near, atol=near, equal_nan=True)
               for each in (right, *accepted))


def _shown(x: Any) -> str:
    """A number, or an array with its shape if that is what differs."""
    if x is None or isinstance(x, str):
        return str(x)
    if x.dtype.kind not in "biuf":
        return f"an array of {x.dtype}s" if x.ndim else f"a {type(x.item()).__name__}"
    if x.ndim == 0:
        return f"{x.item():.10g}"
    return f"{np.array2string(x, precision=6, separator=', ')} of shape {x.shape}".replace("\n", "")


def _raised(error: BaseException) -> str:
    """In words."""
    if isinstance(error, TooLongError):
        return f"still running after {MOST_LINES:,} lines of code"
    if isinstance(error, _NotThereError):
        return str(error)
    return f"{type(error).__name__}: {textwrap.shorten(str(error), 120)}"
