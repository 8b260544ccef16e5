"""Compiled programs against the functions they were made from, at other numbers than recorded."""

from __future__ import annotations

import random
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import autograd_mini as ag

from . import values
from .programs import Program, Wrong

__all__ = ["COMPILED_CHECKS", "CompiledCase", "generate"]

ARRAYS = """
np.exp(0.5 * {a}) | np.tanh({a}) | np.sin({a}) | {a} ** 2 | 2.0 * {a} | {a} + {b} | {a} * {b}
{a} - {b} | {a} / ({b} ** 2 + 1.0) | np.maximum({a}, 0.0) | np.maximum({a}, {b}) | np.abs({a})
np.where({a} > {c}, {a}, {b}) | np.sum({a}, axis=0) | np.mean({a}) | np.sum({a} * {b}) | {a}[::-1]
np.add.reduce({a}) | np.add.reduce({a}, initial={c}) | np.sum({a}, where={a} > {c})
np.cumsum({a}) | np.max({a}) | np.min({a}, axis=0) | np.prod({a}) | {a}[0] | {a}[1:] | {a}[[0, 0]]
np.dot({a}, {b}) | {a} @ {b} | np.outer({a}, {b}) | np.linalg.norm({a})
np.concatenate([{a}, {b}]) | np.clip({a}, -0.5, 0.8) | ag.relu({a}) | ag.sigmoid({a})
ag.softplus({a}) | ag.logsumexp({a}) | ag.softmax({a}) | ag.elu({a}) | ag.leaky_relu({a})
ag.relu6(4.0 * {a}) | ag.selu({a}) | ag.gelu({a}) | {a}.sum() | {a}.mean() | {a}.T
np.reshape({a}, -1) | np.stack([{a}, {b}]) | np.diff({a}) | {a}[{a} > {c}] | np.hypot({a}, {b})
np.flip({a}) | sum({a}) | max({a}) | [t * t for t in {a}][0]
np.array([t if t > 0 else 0.1 * t for t in {a}]) | np.sum({a}, axis=-1, keepdims=True)
np.sqrt({a} ** 2 + 0.5) | np.log({a} ** 2 + 0.4) | np.multiply.reduce({a})
np.maximum.reduce({a}) | np.sign({a}) * {a} | np.average({a}, weights=[1.0] * len({a}))
np.square({a}) | np.logaddexp({a}, {b}) | {c} ** 2 * {a}
"""
TEMPLATES = [t.strip() for row in ARRAYS.strip().splitlines() for t in row.split(" | ")]
SHAPES = [(4,), (2,), (3,), (3,), (1,), (2, 2), (2, 3), (0,)]


def generate(rng: random.Random) -> Program:
    """A program of floats or of arrays; one in five also reads Values from outside."""
    program = values.generate(rng) if rng.random() < 0.5 else _of_arrays(rng)
    if rng.random() < 0.25:
        program = _with_outside(rng, program)
    return program


def _of_arrays(rng: random.Random) -> Program:
    names = {n: np.array([round(rng.gauss(0.0, 1.2), 2) for _ in range(int(np.prod(s)))])
             .reshape(s) for n, s in zip("xy"[: rng.choice([1, 2])],
                                         [rng.choice(SHAPES) for _ in range(2)], strict=False)}
    args, space = dict(names), Program("def f(): pass", {}).namespace()
    lines = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in "abcde"[: rng.choice([1, 2, 3, 4])]:
            for _ in range(40):
                text = rng.choice(TEMPLATES).format(
                    a=rng.choice(list(names)), b=rng.choice(list(names)),
                    c=round(rng.uniform(-1, 1), 1))
                try:
                    value = eval(text, {**space, **names})
                    fine = np.result_type(value).kind == "f" and np.size(value) <= 12 \
                        and np.all(np.abs(value) < 100)
                except Exception:
                    continue
                if fine:
                    names[name] = value
                    lines.append(f"{name} = {text}")
                    break
    terms = [rng.choice(["{s}({n})", "{s}({n} ** 2)", "{s}(np.sin({n}))"]).format(
        n=n, s="np.sum" if np.ndim(names[n]) else "") for n in list(names)[-2:]]
    body = "".join(f"    {text}\n" for text in [*lines, "return " + " + ".join(terms)])
    return Program(f"def f({', '.join(args)}):\n{body}", args)


UPDATES = ["box.w = ag.Value({c})", "box.w.data = {c}", "box.u = box.w * {c}",
           "box.u = ag.Value({c})", "box.w.data += {c}", "box.u = ag.tanh(box.w)", "pass"]


def _with_outside(rng: random.Random, program: Program) -> Program:
    """The result with Values that f finds in an object, and that are changed between calls."""
    how = rng.choice(["{r} * box.w", "{r} + box.u * box.w", "{r} + ag.sin(box.w)", "{r} * box.u"])
    head, _, result = program.body.rstrip().rpartition("return ")
    if "\n" in result:
        return program
    body = f"{head}return {how.format(r=f'({result})')}\n"
    steps = tuple(rng.choice(UPDATES).format(c=round(rng.uniform(-2, 2), 1)) for _ in range(6))
    return Program(body, program.args,
                   "box = SimpleNamespace(w=ag.Value(1.5), u=ag.Value(-0.5))", steps)


class CompiledCase:
    """A program and inputs for it: what it was written for, and others."""

    def __init__(self, program: Program) -> None:
        self.program = program
        rng = random.Random(program.body)
        self.inputs = [program.values]
        for _ in range(5):
            self.inputs.append([_moved(rng, x) for x in program.values])
        float(_number(program.namespace()["f"](*program.values)))


def _moved(rng: random.Random, x: Any) -> Any:
    """Another number or array of the same form."""
    numbers = [round(rng.gauss(0.0, 1.5), 2) for _ in range(int(np.size(x)))]
    return np.array(numbers).reshape(np.shape(x)) if isinstance(x, np.ndarray) else numbers[0]


TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "compiled": lambda f: f,
    "compiled grad": lambda f: ag.grad(f),
    "compiled value_and_grad": lambda f: ag.value_and_grad(f),
    "compiled hessian": lambda f: ag.hessian(f),
}


def _number(y: Any) -> Any:
    if isinstance(y, tuple):
        return tuple(map(_number, y))
    return y.data if isinstance(y, ag.Node) else y


def _compared(name: str, case: CompiledCase, on_the_machine: bool) -> None:
    """A compiled function gives at every input what the function gives there."""
    program, names = case.program, case.program.namespace()
    transform = TRANSFORMS[name]
    eager, replay = transform(names["f"]), ag.compile(transform(names["f"]))
    with interpreted(on_the_machine):
        for k, args in enumerate(case.inputs):
            if k and k <= len(program.steps):
                exec(program.steps[k - 1], names)
            expected, given = _result(eager, args), _result(replay, args)
            if isinstance(given, Exception) and isinstance(given, ag.errors.AutogradError):
                if not isinstance(expected, Exception):
                    raise given
                continue
            if isinstance(expected, Exception):
                continue  # not a program for these numbers
            if isinstance(given, Exception):
                raise given
            _close(name, f"call {k + 1} of {case.inputs[:k + 1]}", given, expected)


def _result(f: Callable[..., Any], args: list[Any]) -> Any:
    try:
        return _number(f(*[np.array(x) if isinstance(x, np.ndarray) else x for x in args]))
    except Exception as error:
        return error


def _close(check: str, what: str, given: Any, expected: Any) -> None:
    """The same numbers but for rounding, in the same form."""
    if isinstance(expected, tuple):
        for a, b in zip(given, expected, strict=True):
            _close(check, what, a, b)
        return
    a, b = np.asarray(given, float), np.asarray(expected, float)
    if a.shape != b.shape:
        raise Wrong(check, f"shape {a.shape} for {b.shape} in {what}", given, expected)
    size = np.max(np.abs(b), where=np.isfinite(b), initial=1.0)
    fine = (np.abs(a - b) <= 1e-8 * size) | (a == b) | (np.isnan(a) & np.isnan(b))
    if not np.all(fine):
        raise Wrong(check, what, given, expected)


def check_batched(case: CompiledCase) -> None:
    """A batch gives what the samples give, one by one."""
    names = case.program.namespace()
    if case.program.steps:
        return
    replay = ag.compile(names["f"], batched=tuple(range(len(case.program.args))))
    singles = []
    for args in case.inputs:
        y = _result(names["f"], args)
        if isinstance(y, Exception) or not np.isfinite(y):
            return
        singles.append(y)
    stacked = [np.stack([np.asarray(args[i], float) for args in case.inputs])
               for i in range(len(case.program.args))]
    with interpreted():
        given = replay(*stacked)
    _close("batched", f"a batch of {case.inputs}", given, np.array(singles, float))


COMPILED_CHECKS: dict[str, Callable[[CompiledCase], None]] = {
    **{name: (lambda case, name=name: _compared(name, case, False)) for name in TRANSFORMS},
    **{f"{name}, machine": (lambda case, name=name: _compared(name, case, True))
       for name in TRANSFORMS},
    "batched": check_batched,
}


# ── the machine in Python: compiling one for each program would take seconds ─────────────────


@contextmanager
def interpreted(on_the_machine: bool = True) -> Iterator[None]:
    """Run machines as plain Python: the same instructions, but nothing to compile.

    on_the_machine: whether programs of any size begin on the machine.
    """
    from autograd_mini.compiler import replay, schedule

    kept, large = schedule.machine, replay.LARGE
    schedule.machine = _machine
    replay.LARGE = -1 if on_the_machine else large
    try:
        with np.errstate(all="ignore"):  # places are counted backwards, modulo 2**64
            yield
    finally:
        schedule.machine, replay.LARGE = kept, large


class _Uncompiled(types.ModuleType):
    """In place of Numba: its decorator gives the function back."""

    @staticmethod
    def njit(*_: Any, **__: Any) -> Callable[[Any], Any]:
        return lambda function: function


def _machine(rows: tuple[Any, ...], lanes: bool) -> Any:
    """What `compiler.machine.machine` makes, without compiling it."""
    from autograd_mini.compiler.machine import _source

    numbers = range(4, len(rows) + 4)
    text = _source(numbers, [len(row.slopes) for row in rows], lanes)
    space: dict[str, Any] = {"numba": _Uncompiled("numba")}
    exec(text.replace("import numba\n", ""), space)
    space.update({f"f{n}": _single(row) for n, row in zip(numbers, rows, strict=True)})
    run: Any = space["run_lanes" if lanes else "run"]
    return run


def _single(row: Any) -> Callable[..., float]:
    """The row's function of floats, by IEEE 754 where Python would raise."""
    def compute(*xs: Any) -> float:
        numbers = tuple(map(float, xs))
        try:
            return float(row.scalar(*numbers))
        except (ArithmeticError, ValueError):
            with np.errstate(all="ignore"):
                return float(row.compute(numbers, {}))

    if row.scalar is None:
        raise ag.errors.GraphError(
            f"{row.name} isn't on the tape: it has no function for single floats (scalar=)")
    return compute


