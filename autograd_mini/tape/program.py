"""A program: what a function of Values did, recorded once and replayed for other numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import transforms
from ..errors import GraphError, ShapeError
from ..graph import Node, check_real, consumers_first, guarded_by, leaf, serial
from ..ops import total
from ..transforms import flat, tree_leaves, tree_map
from .careful import careful
from .code import LANE_SUM, LEAF, ROW, Code, Guard
from .schedule import Schedule
from .values import as_values

__all__ = ["Program"]

Ids = np.ndarray
BLOCK = 128
"""How many samples go through the machine at once: their numbers should stay in the cache."""
MOST_WAYS = 64
"""Of a program that branches, so many ways are kept."""


class Program:
    """What `compile` returns; see there. Call it as the function it was made from."""

    def __init__(self, function: Callable[..., Any], *, batched: Sequence[int] = (),
                 reduce: str | None = None, parameters: Sequence[Any] | None = None,
                 branches: str = "record", steps: tuple[tuple[str, Any], ...] = ()) -> None:
        self.function, self.reduce, self.branches, self.steps = function, reduce, branches, steps
        self.parameters = list(parameters) if parameters is not None else None
        self.batched = tuple(i + (parameters is not None) for i in batched)
        self._ways: dict[Any, list[Way]] = {}
        self.__name__ = getattr(function, "__name__", "program")

    def transformed(self, name: str, argnums: Any) -> Program:
        """This program, then `grad`, `value_and_grad` or `jacobian`: what those functions call."""
        new = Program(self.function, reduce=self.reduce, branches=self.branches,
                      steps=(*self.steps, (name, argnums)))
        new.batched, new.parameters = self.batched, self.parameters
        return new

    def __call__(self, *args: Any) -> Any:
        """The function's result for these arguments, replayed."""
        if any([isinstance(x, Node) or (isinstance(x, tuple | list | dict)
                                        and any(isinstance(y, Node) for y in flat(x)))
                for x in args]):
            return self._eager()(*args)
        given = self._with_floats(args)
        inputs, key = _numbers(given, self.batched)
        ways = self._ways.setdefault(key, [])
        for k, way in enumerate(ways):
            result = way.replay(inputs)
            if result is not None:
                if k:
                    ways.insert(0, ways.pop(k))
                return result
        if ways and self.branches == "raise":
            raise GraphError(
                f"{self.__name__}: a comparison came out differently from when the program was "
                "recorded; compile it with branches='record' to record every way, or write the "
                "choice with ag.where or ag.maximum, which hold for all numbers"
            )
        return self._another_way(given, inputs, key)

    def _with_floats(self, args: Sequence[Any]) -> Sequence[Any]:
        """An integer that is differentiated is a number; any other is part of the program."""
        if not self.steps or not any(type(x) is int for x in args):
            return args
        argnums = self.steps[0][1]
        wanted = {argnums} if isinstance(argnums, int) else set(argnums)
        return [float(x) if type(x) is int and i in wanted else x for i, x in enumerate(args)]

    def _another_way(self, args: Sequence[Any], inputs: Numbers, key: Any) -> Any:
        """Record for these arguments, keep it, and give its result."""
        ways = self._ways[key]
        way = Way(self, args)
        result = way.replay(inputs)
        if result is None:
            raise GraphError(
                f"{self.__name__}: the samples of this batch take different ways through the "
                "function's comparisons: write the choice with ag.where or ag.maximum, or compile "
                "it for one sample and call it for each"
            )
        ways.insert(0, way)
        del ways[MOST_WAYS:]
        return result

    def _eager(self) -> Callable[..., Any]:
        """The function with its transforms, uncompiled: for nodes, which record themselves."""
        if self.parameters is not None or self.batched:
            raise GraphError("a program over a batch, or of parameters, takes plain numbers")
        function = self.function
        for name, argnums in self.steps:
            function = getattr(transforms, name)(function, argnums)
        return function

    # ── parameters as one flat array ─────────────────────────────────────────────────────────

    def flat(self) -> np.ndarray:
        """The numbers of the `parameters`, one after the other, in a new array."""
        return np.array([p.value for p in self._parameters()], float)

    def store(self, numbers: np.ndarray) -> None:
        """Write numbers such as `flat()` gives back into the parameters."""
        parameters = self._parameters()
        if np.shape(numbers) != (len(parameters),):
            raise ShapeError(f"{len(parameters)} numbers are needed, got {np.shape(numbers)}")
        for p, x in zip(parameters, np.asarray(numbers, float).tolist(), strict=True):
            p.data = x

    def _parameters(self) -> list[Any]:
        if self.parameters is None:
            raise GraphError("the program was compiled without parameters=")
        return self.parameters

    # ── looking at it ────────────────────────────────────────────────────────────────────────

    def __repr__(self) -> str:
        ways = [way for found in self._ways.values() for way in found]
        inside = "; ".join(way.summary() for way in ways) or "not recorded yet: call it"
        return f"<program {self.__name__}: {inside}>"

    def __str__(self) -> str:
        """One line an instruction, of each way recorded."""
        return "\n\n".join(way.listing() for found in self._ways.values() for way in found) or (
            repr(self))


Numbers = list[np.ndarray]
"""Per argument its numbers in order; if it is batched, a row each, a column a sample."""


def _numbers(args: Sequence[Any], batched: Sequence[int]) -> tuple[Numbers, Any]:
    """The arguments' numbers; and what must be the same for a recording to fit: the form of the
    arguments, and what isn't a float.
    """
    inputs: Numbers = []
    key: list[Any] = []
    for i, arg in enumerate(args):
        if type(arg) is np.ndarray and arg.dtype == float and arg.ndim:  # the usual, quickly
            over = i in batched
            inputs.append(arg.reshape(len(arg), -1).T if over else arg.ravel())
            key.append(arg.shape[over:])
        else:
            inputs.append(_numbers_of_tree(arg, i, i in batched, key))
    if len({inputs[i].shape[-1] for i in batched if i < len(inputs)}) > 1:
        raise ShapeError("the batched arguments differ in their numbers of samples")
    return inputs, tuple(key)


def _numbers_of_tree(arg: Any, i: int, over: bool, key: list[Any]) -> np.ndarray:
    """The numbers of one argument, a tree; its form is added to the key."""
    parts = []
    for path, x in tree_leaves(arg):
        if isinstance(x, float | np.floating):
            parts.append(np.array([x], float))
            key.append((path, float))
        elif isinstance(x, np.ndarray):
            check_real(x, f"argument {i}{path}")
            rows = x.reshape(len(x), -1).T if over and x.ndim else x.ravel()
            parts.append(np.asarray(rows, float))
            key.append((path, x.shape[over:]))
        else:
            key.append((path, type(x), x))
    if over and (len({p.shape[-1] for p in parts}) != 1 or any(p.ndim != 2 for p in parts)):
        raise ShapeError(
            f"argument {i} is batched: it is an array, or a tuple, list or dict of arrays, whose "
            "first axis counts the samples"
        )
    return np.concatenate(parts) if parts else np.empty(0)


class Way:
    """One way through the function: its code, the comparisons on the way, its result's form."""

    def __init__(self, program: Program, args: Sequence[Any]) -> None:
        self.name, self.batched, self.reduce = program.__name__, program.batched, program.reduce
        began = serial()
        trees = [_variables(arg, i in self.batched) for i, arg in enumerate(args)]
        called = trees
        if program.parameters is not None:
            trees[0] = as_values(program.parameters, (len(program.parameters),))
            called = trees[1:]
        looked = _Looks()
        with transforms.inside_transform(), guarded_by(looked):
            output = program.function(*called)
        number = self._record(output, looked, trees, began)
        self.guards = [Guard(how, number[a], number[b] if isinstance(b, Node)
                             else self.code.constant(float(b)), outcome)
                       for how, a, b, outcome in looked.seen]
        self.output = tree_map(lambda y: number[y] if isinstance(y, Node)
                               else self.code.constant(float(y)), output)
        self.input_ids = [tree_map(lambda x: number.get(x), tree) for tree in trees]
        self.code.fuse([*flat(self.output), *(i for g in self.guards for i in (g.a, g.b))])
        self._transform(program)
        self._lay_out()

    def _record(self, output: Any, looked: _Looks, trees: list[Any], began: int
                ) -> dict[Any, int]:
        """The code of all that the output and the comparisons depend on; where each node is."""
        ends = [y for y in flat(output) if isinstance(y, Node)]
        ends += [x for _, a, b, _ in looked.seen for x in (a, b) if isinstance(x, Node)]
        root = leaf(0.0)
        root.remember(total, tuple(y.value for y in ends), tuple(ends), {})
        order = consumers_first(root)[:0:-1]
        parts = [[v for v in flat(tree) if isinstance(v, Node)] for tree in trees]
        inputs = [v for part in parts for v in part]
        number: dict[Any, int] = {v: i for i, v in enumerate(inputs)}
        self.outside = [node for node in order if node.op is None and node not in number
                        and node.params is not None and node.params < began]
        number |= {node: len(inputs) + i for i, node in enumerate(self.outside)}
        self.code = Code(len(number) + (self.reduce is not None))
        starts = np.cumsum([0, *map(len, parts)])
        self.code.lanes = [j for i in self.batched for j in range(starts[i], starts[i + 1])]
        self.code.record(order, number)
        return number

    # ── transforms of the code ───────────────────────────────────────────────────────────────

    def _transform(self, program: Program) -> None:
        """Reduce over the batch; then gradients and Jacobians, in the order asked for."""
        if self.reduce is not None:
            weight = self.code.inputs - 1  # 1 or 1/n, set in each call
            self.output = self.code.append(LANE_SUM, (self._one("reduce="), weight))
        for name, argnums in program.steps:
            if name == "jacobian":
                self.output = tree_map(
                    lambda y, argnums=argnums: self._gradients(y, argnums), self.output)
                continue
            y = self._one(name)
            if self.code.lane_mask()[y]:
                raise ShapeError(f"{name} over a batch needs one number for all of it: compile "
                                 "with reduce='mean' or reduce='sum'")
            slopes = self._gradients(y, argnums)
            self.output = (y, slopes) if name == "value_and_grad" else slopes

    def _one(self, what: str) -> int:
        if not isinstance(self.output, int):
            raise ShapeError(f"{what} needs a function whose result is one number: reduce it "
                             "(ag.sum, ag.mean), or use jacobian")
        return self.output

    def _gradients(self, output: int, argnums: Any) -> Any:
        """Where ∂output/∂argument is, in the form of the arguments."""
        single = isinstance(argnums, int)
        trees = [self.input_ids[i] for i in ((argnums,) if single else argnums)]
        wrt = [i for i in flat(trees) if i is not None]
        found = iter(self.code.differentiate(
            output, np.array(wrt, int), self.code.constant(1.0)).tolist())
        shaped = tree_map(lambda i: None if i is None else next(found), trees)
        return shaped[0] if single else tuple(shaped)

    # ── running it ───────────────────────────────────────────────────────────────────────────

    def _lay_out(self) -> None:
        """The places of all that the result and the comparisons need."""
        self.form = _compact(self.output)
        leaves = [np.asarray(ids) for ids in flat(self.form) if ids is not None]
        ends = np.cumsum([0, *[ids.size for ids in leaves]]).tolist()
        self.parts = [(a, b, ids.shape)
                      for a, b, ids in zip(ends[:-1], ends[1:], leaves, strict=True)]
        self.outputs = np.concatenate([np.empty(0, int), *map(np.ravel, leaves)]).astype(int)
        guarded = [i for guard in self.guards for i in (guard.a, guard.b)]
        self.schedule = schedule = Schedule(self.code, np.array([*self.outputs, *guarded], int))
        self.free: list[tuple[np.ndarray, np.ndarray]] = []
        self.out_place, self.out_lane = schedule.place[self.outputs], schedule.lane[self.outputs]
        self.looks = []
        for how in {guard.how for guard in self.guards}:
            group = [guard for guard in self.guards if guard.how is how]
            a, b = (np.array(x, int) for x in zip(*[(g.a, g.b) for g in group], strict=True))
            self.looks.append((how, a, b, np.array([[g.outcome] for g in group])))

    def replay(self, inputs: Numbers) -> Any:
        """The result for these numbers; None if a comparison comes out differently."""
        samples = inputs[self.batched[0]].shape[-1] if self.batched else 1
        width = samples if self.schedule.staged else -(-samples // -(-samples // BLOCK))
        u, v = self._buffers(width)
        at = 0
        for x in self._shared(inputs, samples):
            u[at : at + len(x)] = x
            at += len(x)
        if self.batched:
            values = self._run_lanes(u, v, inputs, samples, width)
        else:
            for segment in self.schedule.segments:
                self.schedule.run(segment.program, self.schedule.index, u)
            recorded = not self.looks or self._as_recorded(u, v, 1)
            values = u[self.out_place] if recorded else None
        self.free.append((u, v))
        if values is None:
            return None
        if math.isnan(np.vdot(values, values)):  # there is a nan
            values = self._carefully(inputs, samples)
        return self._formed(values)

    def _shared(self, inputs: Numbers, samples: int) -> Numbers:
        """What all samples share: in the order of the inputs of the code."""
        shared = [x for i, x in enumerate(inputs) if i not in self.batched]
        if self.outside:
            shared.append(np.array([node.value for node in self.outside]))
        if self.reduce is not None:
            shared.append(np.array([1.0 / samples if self.reduce == "mean" else 1.0]))
        return shared

    def _run_lanes(self, u: np.ndarray, v: np.ndarray, inputs: Numbers, samples: int, width: int
                   ) -> Any:
        """The outputs of a batch; if they are a number a sample, a row each. Block by block."""
        schedule, lanes = self.schedule, self.out_lane
        u[schedule.lane_sums] = 0.0
        outputs = np.empty((len(self.outputs), samples)) if lanes.any() else None
        before, rest = schedule.before, schedule.segments[len(schedule.before):]
        for segment in before:
            schedule.run(segment.program, schedule.index, u)
        for start in range(0, samples, width):
            w, at = min(width, samples - start), 0
            for i in self.batched:
                v[at : at + len(inputs[i]), :w] = inputs[i][:, start : start + w]
                at += len(inputs[i])
            for segment in rest:
                if segment.lanes:
                    schedule.run_lanes(segment.program, schedule.index, segment.shared, u, v, w)
                elif schedule.staged:
                    schedule.run(segment.program, schedule.index, u)
            if self.looks and not self._as_recorded(u, v, w):
                return None
            if outputs is not None:
                outputs[lanes, start : start + w] = v[self.out_place[lanes], :w]
        for segment in rest:
            if not (segment.lanes or schedule.staged):
                schedule.run(segment.program, schedule.index, u)
        if outputs is None:
            return u[self.out_place]
        outputs[~lanes] = u[self.out_place[~lanes], None]
        return outputs

    def _as_recorded(self, u: np.ndarray, v: np.ndarray, w: int) -> bool:
        """Whether all comparisons come out as when the program was recorded."""
        lane, place = self.schedule.lane, self.schedule.place

        def numbers(ids: Ids) -> np.ndarray:
            both = np.empty((len(ids), w))
            both[lane[ids]] = v[place[ids[lane[ids]]], :w]
            both[~lane[ids]] = u[place[ids[~lane[ids]]], None]
            return both

        return all(bool(np.all(how(numbers(a), numbers(b)) == outcomes))
                   for how, a, b, outcomes in self.looks)

    def _buffers(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Room for all values, with the constants in it; used again, but by one call at a time."""
        width = -(-width // 8) * 8
        while self.free:
            u, v = self.free.pop()
            if v.shape[1] == width:
                return u, v
        schedule = self.schedule
        u, v = np.zeros(schedule.sizes[0]), np.zeros((schedule.sizes[1], width))
        u[schedule.place[schedule.constants]] = schedule.values
        return u, v

    def _carefully(self, inputs: Numbers, samples: int) -> Any:
        """The outputs once more, with silence told from 0: a nan may have been 0·inf."""
        rows: list[Any] = [list(x) for x in inputs]  # numbers, or of a batch arrays of them
        extra = self._shared(inputs, samples)[len(inputs) - len(self.batched):]
        given: list[Any] = [x for part in [*rows, *extra] for x in part]
        given = [x if isinstance(x, np.ndarray) else float(x) for x in given]
        values = careful(self.code, given, self.schedule.needed, samples)
        found = [values[i] for i in self.outputs]
        if not self.out_lane.any():
            return np.array(found)
        return np.array([np.broadcast_to(x, samples) for x in found])

    def _formed(self, values: np.ndarray) -> Any:
        """The numbers in the form of the function's result."""
        parts: list[Any] = []
        for a, b, shape in self.parts:
            if values.ndim == 2 and (self.reduce is None or self.out_lane[a:b].any()):
                part = values[a:b].T  # a number a sample: the batch comes first
                parts.append(part.reshape(part.shape[:1] + shape))
            else:
                part = values[a:b] if values.ndim == 1 else values[a:b, 0]
                parts.append(part.reshape(shape) if shape else float(part[0]))
        rest = iter(parts)
        return tree_map(lambda ids: None if ids is None else next(rest), self.form)

    # ── looking at it ────────────────────────────────────────────────────────────────────────

    def summary(self) -> str:
        """How large the program is."""
        schedule = self.schedule
        over = f" over {len(self.code.lanes)} inputs a sample" if self.batched else ""
        n = len(self.guards)
        guards = f", {n} comparison{'s' * (n > 1)}" if n else ""
        return (f"{schedule.operations} operations{over}, {self.code.inputs} inputs, depth "
                f"{schedule.depth}{guards}, {schedule.bytes:,} bytes")

    def listing(self) -> str:
        """The operations, one line each, and which values are the result."""
        code = self.code
        lines = [f"# {self.name}: {self.summary()}"]
        names = {i: f"{x:.6g}" for i, x in code.constants.items()}
        for i in np.flatnonzero(self.schedule.needed).tolist():
            operands = [names.get(j, f"v{j}")
                        for j in code.arg[code.ptr[i] : code.ptr[i + 1]]]
            if code.op[i] != LEAF:
                lines.append(f"v{i} = {_written(code, i, operands)}")
            elif i not in names:
                lines.append(f"v{i} = input" + (" of each sample" if i in code.lanes else ""))
        for how, a, b in {(g.how.__name__, g.a, g.b) for g in self.guards}:
            lines.append(f"compared: {how}(v{a}, {names.get(b, f'v{b}')})")
        results = ", ".join(names.get(i, f"v{i}") for i in self.outputs.tolist())
        return "\n".join([*lines, f"result: {results}"])


def _written(code: Code, i: int, operands: list[str]) -> str:
    """One operation, as text."""
    if code.op[i] >= ROW:
        return f"{code.rows[code.op[i] - ROW].name}({', '.join(operands)})"
    terms = [p if q == "1" else f"{p}*{q}"
             for p, q in zip(operands[::2], operands[1::2], strict=True)]
    if len(terms) > 8:
        terms[6:-1] = [f"… ({len(terms)} products) …"]
    return ("Σ over samples " if code.op[i] == LANE_SUM else "") + " + ".join(terms)


def _variables(arg: Any, batched: bool) -> Any:
    """The argument with a Value for each number; of a batch, for those of the first sample."""
    def variable(x: Any) -> Any:
        if isinstance(x, float | np.floating):
            return leaf(float(x))
        if isinstance(x, np.ndarray):
            sample = np.asarray(x[0] if batched else x, float)
            return as_values([leaf(v) for v in sample.ravel().tolist()], sample.shape)
        return x

    return tree_map(variable, arg)


def _compact(tree: Any) -> Any:
    """Arrays of objects that are ids as arrays of integers."""
    if isinstance(tree, dict):
        return {key: _compact(branch) for key, branch in tree.items()}
    if isinstance(tree, tuple | list):
        branches = [_compact(branch) for branch in tree]
        return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)
    return np.asarray(tree, int) if isinstance(tree, np.ndarray) else tree


class _Looks:
    """What a function looked at while it was recorded: each comparison must come out the same."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, Node, Any, bool]] = []

    def compared(self, how: Any, a: Node, b: Any, outcome: Any) -> None:
        """Note a comparison of two single numbers."""
        if not isinstance(b, Node | float | int) or not isinstance(a.value, float):
            raise GraphError("a function to be compiled compared a Value with something that isn't "
                             f"one number: {type(b).__name__}")
        self.seen.append((how, a, b, bool(outcome)))

    def cut(self, *nodes: Node) -> None:
        """A number was taken out (float(v), v.data): it must be the very same in a replay."""
        for node in nodes:
            self.seen.append((operator.eq, node, node.value, node.value == node.value))
