"""A program: what a function of Values did, recorded once and replayed for other numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import transforms
from ..backprop import undisturbed
from ..call import inside_transform, is_inside
from ..errors import DTypeError, GraphError, ShapeError
from ..graph import Node, check_real, consumers_first, guard, guarded_by, leaf, raw, serial
from ..ops import extremes, total
from ..trees import flat, is_nested, rebuilt, steps_into, tree_leaves, tree_map
from .code import LANE_SUM, LEAF, ROW, Code, Guard
from .interpreter import gradients_of, nodes_of
from .machine import NumbaError, check_compiles
from .outside import Link, Places, reachable
from .passes import in_range
from .schedule import Schedule
from .values import as_values

__all__ = ["Program"]

Ids = np.ndarray
BLOCK = 128
"""How many samples go through the machine at once: their numbers should stay in the cache."""
MOST_WAYS = 64
"""Of a program that branches, so many ways are kept."""


OTHERWISE = object()
"""What a replay gives whose comparisons come out differently."""


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
        if is_inside() or guard() is not None or any([_has_nodes(x) for x in args]):
            return self._eager()(*args)  # others differentiate, or record, what it does
        given = self._checked(args)
        inputs, key = _numbers(given, self.batched)
        try:
            ways = [way for way in self._ways.get(key, []) if way.places.hold()]
        except TypeError as error:
            raise GraphError(f"{self.__name__}: an argument that isn't made of floats is part of "
                             f"the program, and must be hashable: {error}") from None
        for way in ways:
            result = way.replay(inputs)
            if result is not OTHERWISE:
                if way is not ways[0]:
                    self._ways[key] = [way, *[other for other in ways if other is not way]]
                return result
        if ways and self.branches == "raise":
            raise GraphError(
                f"{self.__name__}: a comparison came out differently from when the program was "
                "recorded; compile it with branches='record' to record every way, or write the "
                "choice with ag.where or ag.maximum, which hold for all numbers"
            )
        return self._another_way(given, inputs, key)

    def _checked(self, args: Sequence[Any]) -> Sequence[Any]:
        """The arguments: all there, parameters in an array, and floats to differentiate."""
        needed = max([*self.batched, 0 if self.parameters is not None else -1])
        if len(args) <= needed:
            raise TypeError(f"{self.__name__} needs at least {needed + 1} arguments, "
                            f"got {len(args)}" + self.parameters_first())
        given = list(args)
        if self.parameters is not None:
            given[0] = np.asarray(args[0], float)
            if given[0].shape != (len(self.parameters),):
                raise ShapeError(f"{self.__name__} has {len(self.parameters)} parameters, the "
                                 f"first argument has shape {given[0].shape}")
        for _, argnums in self.steps:
            for i in (argnums,) if isinstance(argnums, int) else argnums:
                if not -len(args) <= i < len(args):
                    raise ShapeError(f"argnums {i} for a call with {len(args)} arguments"
                                     + self.parameters_first())
                given[i] = tree_map(_float, given[i])
        return given

    def parameters_first(self) -> str:
        """A reminder for messages."""
        return " (the first one is the array of parameters)" if self.parameters is not None else ""

    def _another_way(self, args: Sequence[Any], inputs: Numbers, key: Any) -> Any:
        """Record for these arguments, keep it, and give its result."""
        way = Way(self, args)
        result = way.first_replay(inputs)
        if result is not OTHERWISE:
            kept = [other for other in self._ways.get(key, []) if other.places.hold()]
            if not way.places.missing:  # else its function may find another Value there next time
                kept.insert(0, way)
            self._ways[key] = kept[:MOST_WAYS]
            while len(self._ways) > MOST_WAYS:
                self._ways.pop(next(iter(self._ways)))
            return result
        if self.batched:
            raise GraphError(
                f"{self.__name__}: the samples of this batch take different ways through the "
                "function's comparisons: write the choice with ag.where or ag.maximum, or compile "
                "it for one sample and call it for each"
            )
        if self.parameters is not None:
            raise GraphError(
                f"{self.__name__}: a comparison is so close that the machine's rounding decides "
                "it: write the choice with ag.where or ag.maximum"
            )
        # So close to a tie that the machine's rounding decides it: then the engine's counts.
        return self.eagerly(args)

    def eagerly(self, args: Sequence[Any]) -> Any:
        """The result by the engine, for plain arguments: in the same operations, not recorded."""
        def entries(x: Any) -> Any:
            if not isinstance(x, np.ndarray):
                return x
            return as_values(np.asarray(x, float).ravel().tolist(), x.shape)

        found = self._eager()(*[tree_map(entries, x) for x in args])
        return _compact(tree_map(lambda y: y.value if isinstance(y, Node) else y, found), float)

    def _eager(self) -> Callable[..., Any]:
        """The function with its transforms, uncompiled: for nodes, which record themselves."""
        if self.parameters is not None or self.batched:
            raise GraphError("a program over a batch, or of parameters, takes plain numbers, and "
                             "not inside a transform or another program")
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


def _has_nodes(x: Any) -> bool:
    """Whether there is a node in an argument."""
    if is_nested(x):
        return any(isinstance(y, Node) for y in flat(x))
    return isinstance(x, Node)


def _float(x: Any) -> Any:
    """A number as a float; an array, or what is no number, as it is."""
    return float(x) if isinstance(x, int | np.number) and not isinstance(x, complex) else x


Numbers = list[np.ndarray]
"""Per argument its numbers in order; if it is batched, a row each, a column a sample."""


def _numbers(args: Sequence[Any], batched: Sequence[int]) -> tuple[Numbers, Any]:
    """The arguments' numbers; and what must be the same for a recording to fit: the form of the
    arguments, and what isn't a float.
    """
    inputs: Numbers = []
    key: list[Any] = []
    for i, arg in enumerate(args):
        over = i in batched
        if type(arg) is np.ndarray and arg.dtype == float and arg.ndim:  # the usual, quickly
            inputs.append(arg.reshape(len(arg), -1).T if over and len(arg) else arg.ravel())
            key.append(arg.shape[over:])
        else:
            parts: list[np.ndarray] = []
            key.append(_form(arg, f"argument {i}", over, parts))
            inputs.append(np.concatenate(parts) if parts else np.empty(0))
        if over and inputs[-1].ndim != 2:
            raise ShapeError(
                f"argument {i} is batched: it is an array, or a tuple, list or dict of arrays, "
                "whose first axis counts the samples (one at least)"
            )
    if len({inputs[i].shape[-1] for i in batched}) > 1:
        raise ShapeError("the batched arguments differ in their numbers of samples")
    return inputs, tuple(key)


def _form(x: Any, path: str, over: bool, parts: list[np.ndarray]) -> Any:
    """The form of a tree, with all in it that isn't a float; the floats are added to `parts`."""
    if is_nested(x) and not isinstance(x, np.ndarray):
        return (type(x), *[(step, _form(v, path + step, over, parts)) for step, v in steps_into(x)])
    if isinstance(x, float | np.floating):
        parts.append(np.array([x], float))
        return float
    if isinstance(x, np.ndarray):
        check_real(x, path)
        if over and (not x.ndim or not len(x)):
            raise ShapeError(f"{path} has shape {x.shape}: no samples for a batch")
        rows = np.asarray(x.reshape(len(x), -1).T if over else x.ravel(), float)
        if parts and rows.shape[1:] != parts[0].shape[1:]:
            raise ShapeError(f"{path} differs from the others in its number of samples")
        parts.append(rows)
        return x.shape[over:]
    return (type(x), x)


class Way:
    """One way through the function: its code, the comparisons on the way, its result's form."""

    def __init__(self, program: Program, args: Sequence[Any]) -> None:
        self.program, self.args = program, args
        self.name, self.batched, self.reduce = program.__name__, program.batched, program.reduce
        trees = [_variables(arg, i in self.batched) for i, arg in enumerate(args)]
        called = trees
        if program.parameters is not None:
            trees[0] = as_values(program.parameters, (len(program.parameters),))
            called = trees[1:]
        # Before the call: the function may change the lists it is given.
        parts = [[v for v in flat(tree) if isinstance(v, Node)] for tree in trees]
        number: dict[Any, int] = {v: i for i, v in enumerate(v for part in parts for v in part)}
        self.input_ids = [tree_map(_number_of(number), tree) for tree in trees]
        looked = _Looks()
        before, held = serial(), reachable(program.function)
        with inside_transform(), guarded_by(looked):
            output = program.function(*called)
        self._check_output(output)
        starts = np.cumsum([0, *map(len, parts)])
        lanes = [j for i in self.batched for j in range(starts[i], starts[i + 1])]
        self.known = _Known(before, held, reachable(program.function), program.parameters or [])
        with undisturbed():
            self._flatten(output, looked, number, lanes)
        del self.known  # it holds all that the function can reach

    def _flatten(self, output: Any, looked: _Looks, number: dict[Any, int], lanes: list[int]
                 ) -> None:
        """From nodes to a program for the machine."""
        self._record(output, looked, number, lanes)
        self.guards = [Guard(how, number[a], number[b] if isinstance(b, Node)
                             else self.code.constant(b), outcome)
                       for how, a, b, outcome in looked.seen]
        self.silences = looked.silences
        self.output = tree_map(lambda y: number[y] if isinstance(y, Node)
                               else self.code.constant(float(y)), output)
        guarded = [i for look in self.guards for i in (look.a, look.b)]
        self.code.fuse([*flat(self.output), *guarded], guarded)
        if self.reduce is not None:
            weight = self.code.inputs - 1  # 1 or 1/n, set in each call
            self.output = self.code.append(LANE_SUM, (self._one(self.output, "reduce="), weight))
        self.recorded = self.output, len(self.code)
        self.output, self.axes = self._transformed(self.output, self.input_ids, self._by_code)
        self._lay_out()

    def _check_output(self, output: Any) -> None:
        """Refuse a result that isn't made of numbers, or has no gradient where one is asked for."""
        for path, y in tree_leaves(output):
            if isinstance(y, Node):
                continue
            if not isinstance(y, float | int | np.floating | np.integer) or isinstance(y, bool):
                raise GraphError(f"{self.name}: the result{path} is a {type(y).__name__}, not a "
                                 "number (or a tuple, list, dict or array of Values)")
            if self.program.steps:
                raise GraphError(
                    f"{self.name}: the result{path} is a plain {type(y).__name__}, which has no "
                    "gradient: either it doesn't depend on the arguments, or the graph was cut by "
                    "float(), .item(), .data or the like"
                )

    def _record(self, output: Any, looked: _Looks, number: dict[Any, int], lanes: list[int]
                ) -> None:
        """The code of all that the output and the comparisons depend on; where each node is."""
        ends = [y for y in flat(output) if isinstance(y, Node)]
        ends += [x for _, a, b, _ in looked.seen for x in (a, b) if isinstance(x, Node)]
        root = leaf(0.0)
        root.remember(total, tuple(y.value for y in ends), tuple(ends), {})
        outside = self.known.outside(root, number)
        number |= {node: len(number) + i for i, node in enumerate(outside)}
        # What a node from outside was computed from doesn't count: its number is what it is.
        order = consumers_first(root, tuple(outside))[:0:-1]
        self.places = Places(self.known.held, outside)
        self.outside = list(enumerate(outside))
        self.outside_numbers = np.array([node.value for node in outside], float)
        self.code = Code(len(number) + (self.reduce is not None))
        self.code.lanes = lanes
        self.code.record(order, number)

    # ── transforms of the code ───────────────────────────────────────────────────────────────

    def _transformed(self, output: Any, inputs: list[Any], differentiate: Any) -> tuple[Any, Any]:
        """The gradients and Jacobians of a result, in the order asked for.

        output, inputs: places in the code, or nodes. differentiate: (y, list of x, whether it is
        the last time) → list of ∂y/∂x. Returns the result, and `axes`, which says of each part of
        it whether it has a number for each sample.
        """
        every = bool(self.batched) and self.reduce is None
        axes = tree_map(lambda _: every, output)
        for k, (name, argnums) in enumerate(self.program.steps):
            def slopes_of(y: Any, over: bool, k: int = k, argnums: Any = argnums) -> Any:
                def of(wrt: list[Any]) -> Any:
                    return differentiate(y, wrt, k == len(self.program.steps) - 1)

                return self._gradients(inputs, argnums, over, of)

            if name == "jacobian":
                if _has_empty(output):
                    raise ShapeError(f"{self.name}: the Jacobian (or Hessian) of an empty array "
                                     "isn't there in a program: leave the function uncompiled")
                found = [slopes_of(y, every) for y in flat(output)]
                rows, row_axes = iter([r for r, _ in found]), iter([a for _, a in found])
                output, axes = (tree_map(lambda _, rows=rows: next(rows), output),
                                tree_map(lambda _, axes=row_axes: next(axes), output))
                continue
            y = self._one(output, name)
            if every or (isinstance(y, int) and self.code.lane_mask()[y]):
                raise ShapeError(f"{name} over a batch needs one number for all of it: compile "
                                 "with reduce='mean' or reduce='sum'")
            slopes, slope_axes = slopes_of(y, False)
            both = name == "value_and_grad"
            output, axes = ((y, slopes), (False, slope_axes)) if both else (slopes, slope_axes)
        return output, axes

    def _one(self, output: Any, what: str) -> Any:
        if is_nested(output):
            raise ShapeError(f"{what} needs a function whose result is one number: reduce it "
                             "(ag.sum, ag.mean), or use jacobian")
        return output

    def _gradients(self, inputs: list[Any], argnums: Any, every: bool, slopes_of: Any
                   ) -> tuple[Any, Any]:
        """What `slopes_of` gives, in the form of the arguments; and which have a batch axis."""
        single, n = isinstance(argnums, int), len(inputs)
        numbers = [i % n for i in ((argnums,) if single else argnums)]
        if len(set(numbers)) < len(numbers):
            raise ShapeError(f"argnums {argnums} names an argument twice")
        if every and not set(numbers) <= set(self.batched):
            raise ShapeError("the Jacobian of each sample's result to what all samples share isn't "
                             "there: reduce over the batch, or differentiate what is batched")
        trees = [inputs[i] for i in numbers]
        wrt = flat(trees)
        if any([x is None for x in wrt]):
            raise DTypeError(f"argnums {argnums} is an argument with something else than real "
                             "numbers in it, which has no gradient")
        found = iter(slopes_of(wrt))
        shaped = tree_map(lambda _: next(found), trees)
        axes = [tree_map(lambda _, i=i: every or i in self.batched, tree)
                for i, tree in zip(numbers, trees, strict=True)]
        return (shaped[0], axes[0]) if single else (tuple(shaped), tuple(axes))

    def _by_code(self, y: int, wrt: list[int], last: bool) -> list[int]:
        """∂y/∂x as more code."""
        found: list[int] = self.code.differentiate(
            y, np.array(wrt, int), self.code.constant(1.0)).tolist()
        return found

    # ── running it ───────────────────────────────────────────────────────────────────────────

    def _lay_out(self) -> None:
        """The places of all that the result and the comparisons need."""
        self.form = _compact(self.output)
        batch = bool(self.batched)  # of no numbers at all, all have a number for each sample
        pairs = [(np.asarray(ids), batch and bool(np.all(axis))) for (_, ids), (_, axis) in
                 zip(tree_leaves(self.form), tree_leaves(_compact(self.axes)), strict=True)]
        leaves = [ids for ids, _ in pairs]
        ends = np.cumsum([0, *[ids.size for ids in leaves]]).tolist()
        self.parts = [(a, b, ids.shape, axis) for a, b, (ids, axis)
                      in zip(ends[:-1], ends[1:], pairs, strict=True)]
        self.outputs = np.concatenate([np.empty(0, int), *map(np.ravel, leaves)]).astype(int)
        guarded = [i for look in self.guards for i in (look.a, look.b)]
        self.schedule = schedule = Schedule(self.code, np.array([*self.outputs, *guarded], int))
        self.free: list[tuple[np.ndarray, np.ndarray]] = []
        self.out_place, self.out_lane = schedule.place[self.outputs], schedule.lane[self.outputs]
        self.any_lane = bool(self.out_lane.any())
        self.looks = []
        for how in {look.how for look in self.guards}:
            group = [look for look in self.guards if look.how is how]
            a, b = (np.array(x, int) for x in zip(*[(g.a, g.b) for g in group], strict=True))
            self.looks.append((how, a, b, np.array([[g.outcome] for g in group])))
        self.slopes = [part for slopes in self.code.slopes for part in slopes.of(schedule)]
        self.slope_places = [np.concatenate([np.empty(0, int), *[
            schedule.place[s.slope] for s in self.slopes if schedule.lane[s.slope[0]] == lane]])
            for lane in (False, True)]

    def replay(self, inputs: Numbers) -> Any:
        """The result for these numbers; OTHERWISE if a comparison comes out differently."""
        samples = inputs[self.batched[0]].shape[-1] if self.batched else 1
        width = samples if self.schedule.staged else -(-samples // -(-samples // BLOCK))
        u, v = self._buffers(width)
        at = 0
        for x in self._shared(inputs, samples):
            u[at : at + len(x)] = x
            at += len(x)
        if self.batched:
            values, exact = self._run_lanes(u, v, inputs, samples, width)
        else:
            for segment in self.schedule.segments:
                self.schedule.run(segment.program, self.schedule.index, u)
            recorded = not self.looks or self._as_recorded(u, v, 1)
            values = u[self.out_place] if recorded else None
            exact = self._is_exact(u, v, 1, lanes=False)
        self.free.append((u, v))
        if values is None:
            return OTHERWISE
        if not (exact and math.isfinite(values.sum())):  # there is an inf or a nan (or nearly)
            values = self._by_engine(inputs, samples)
            plain = not self.batched and self.program.parameters is None
            if self.silences and plain and np.isnan(values).any():
                return self.program.eagerly(self._arguments(inputs))
        return self._formed(values, samples)

    def first_replay(self, inputs: Numbers) -> Any:
        """As replay, when the machine may yet have to be compiled."""
        try:
            return self.replay(inputs)
        except NumbaError as error:
            for row in self.code.rows:
                check_compiles(row)
            raise GraphError(f"{self.name} can't be compiled: {error}") from error

    def _arguments(self, inputs: Numbers) -> list[Any]:
        """These numbers in the form of the arguments."""
        found = []
        for arg, numbers in zip(self.args, inputs, strict=True):
            rest = iter(numbers.tolist())

            def put(x: Any, rest: Any = rest) -> Any:
                if isinstance(x, np.ndarray):
                    return np.array([next(rest) for _ in range(x.size)]).reshape(x.shape)
                return next(rest) if isinstance(x, float | np.floating) else x

            found.append(tree_map(put, arg))
        return found

    def _shared(self, inputs: Numbers, samples: int) -> Numbers:
        """What all samples share: in the order of the inputs of the code."""
        shared = [x for i, x in enumerate(inputs) if i not in self.batched]
        if self.outside_numbers.size:
            for i, node in self.outside:
                self.outside_numbers[i] = node.value
            shared.append(self.outside_numbers)
        if self.reduce is not None:
            shared.append(np.array([1.0 / samples if self.reduce == "mean" else 1.0]))
        return shared

    def _run_lanes(self, u: np.ndarray, v: np.ndarray, inputs: Numbers, samples: int, width: int
                   ) -> tuple[Any, bool]:
        """The outputs of a batch, block by block; and whether they are exact.

        If they are a number a sample, there is a row for each.
        """
        schedule, lanes, exact = self.schedule, self.out_lane, True
        u[schedule.lane_sums] = 0.0
        outputs = np.empty((len(self.outputs), samples)) if self.any_lane else None
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
                return None, False
            exact = exact and self._is_exact(u, v, w, lanes=True)
            if outputs is not None:
                outputs[lanes, start : start + w] = v[self.out_place[lanes], :w]
        for segment in rest:
            if not (segment.lanes or schedule.staged):
                schedule.run(segment.program, schedule.index, u)
        exact = exact and self._is_exact(u, v, 1, lanes=False)
        if outputs is None:
            return u[self.out_place], exact
        outputs[~lanes] = u[self.out_place[~lanes], None]
        return outputs, exact

    def _as_recorded(self, u: np.ndarray, v: np.ndarray, w: int) -> bool:
        """Whether all comparisons come out as when the program was recorded."""
        return all(bool(np.all(how(self._found(u, v, w, a), self._found(u, v, w, b)) == outcomes))
                   for how, a, b, outcomes in self.looks)

    def _found(self, u: np.ndarray, v: np.ndarray, w: int, ids: Ids) -> np.ndarray:
        """The numbers of these values: a row each, of as many samples as are in the machine."""
        lane, place = self.schedule.lane, self.schedule.place
        both = np.empty((len(ids), w))
        both[lane[ids]] = v[place[ids[lane[ids]]], :w]
        both[~lane[ids]] = u[place[ids[~lane[ids]]], None]
        return both

    def _is_exact(self, u: np.ndarray, v: np.ndarray, w: int, lanes: bool) -> bool:
        """Whether cotangents times slopes are what the rows' own rules for the product give.

        lanes: whether those of each sample are asked for, or those that all samples share.
        """
        places = self.slope_places[lanes]
        if in_range(v if lanes else u[:, None], places, w):  # nearly always
            return True
        with np.errstate(all="ignore"):
            for row, i, *ids, inputs in self.slopes:
                if self.schedule.lane[ids[1][0]] != lanes:
                    continue
                g, slope = (self._found(u, v, w, part) for part in ids[:2])
                odd = ~extremes.in_range(slope)
                xs = [self._found(u, v, w, x)[odd] for x in inputs]
                rule: Any = row.pullbacks[i]
                exact = rule(g[odd], row.forward(*xs), *xs)
                if not np.allclose(g[odd] * slope[odd], exact, 1e-12, 0.0, equal_nan=True):
                    return False
        return True

    def _buffers(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Room for all values, with the constants in it; used again, but by one call at a time."""
        width = -(-width // 8) * 8
        try:
            while True:
                u, v = self.free.pop()
                if v.shape[1] == width:
                    return u, v
        except IndexError:  # none left
            pass
        schedule = self.schedule
        u, v = np.zeros(schedule.sizes[0]), np.zeros((schedule.sizes[1], width))
        u[schedule.place[schedule.constants]] = schedule.values
        return u, v

    def _by_engine(self, inputs: Numbers, samples: int) -> Any:
        """The outputs once more, from what was recorded, run and differentiated on nodes."""
        extra = self._shared(inputs, samples)[len(inputs) - len(self.batched):]
        given = [x if isinstance(x, np.ndarray) else float(x)
                 for part in (*inputs, *extra) for x in part]
        output, n = self.recorded
        with undisturbed():
            nodes = nodes_of(self.code, given, n, flat(output), samples)
            found, _ = self._transformed(
                tree_map(lambda i: nodes[i], output),
                tree_map(lambda i: None if i is None else nodes[i], self.input_ids), gradients_of)
        rows = [raw(y) for y in flat(found)]
        if not any([np.ndim(y) for y in rows]):
            return np.array([float(y) for y in rows])
        return np.array([np.broadcast_to(y, samples) for y in rows])

    def _formed(self, values: np.ndarray, samples: int) -> Any:
        """The numbers in the form of the function's result."""
        parts: list[Any] = []
        for a, b, shape, axis in self.parts:
            if axis:  # a number a sample: the batch comes first
                part = values[a:b].T if values.ndim == 2 else np.tile(values[a:b], (samples, 1))
                parts.append(part.reshape((samples, *shape)))
            else:
                part = values[a:b] if values.ndim == 1 else values[a:b, 0]
                parts.append(part.reshape(shape) if shape else float(part[0]))
        rest = iter(parts)
        return tree_map(lambda _: next(rest), self.form)

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


def _number_of(number: dict[Any, int]) -> Callable[[Any], Any]:
    return lambda x: number.get(x) if isinstance(x, Node) else None


def _has_empty(tree: Any) -> bool:
    """Whether an array without entries is in a tree."""
    if isinstance(tree, np.ndarray) and not tree.size:
        return True
    return is_nested(tree) and any([_has_empty(branch) for _, branch in steps_into(tree)])


def _compact(tree: Any, dtype: type = int) -> Any:
    """Arrays of objects that are numbers as arrays of these."""
    if isinstance(tree, np.ndarray):
        return np.asarray(tree, dtype).view(np.ndarray)
    if is_nested(tree):
        return rebuilt(tree, [_compact(branch, dtype) for _, branch in steps_into(tree)])
    return tree


def _same(a: Any, b: Any) -> Any:
    """Whether two numbers are the very same: nan is nan, and 0 isn't −0."""
    return ((a == b) & (np.signbit(a) == np.signbit(b))) | ((a != a) & (b != b))


class _Known:
    """Which nodes come from outside: what was made before the call, or can be found after it."""

    def __init__(self, before: int, held_before: dict[int, list[Link]],
                 held: dict[int, list[Link]], parameters: Sequence[Node]) -> None:
        self.before, self.held_before, self.held = before, held_before, held
        self.parameters = set(parameters)

    def outside(self, root: Node, number: dict[Any, int]) -> list[Node]:
        """The nodes that `root` depends on, but for the inputs, whose numbers are to be read.

        A leaf that the call made, and that can't be found, is a constant.
        """
        computed = {node for node in consumers_first(root)
                    if node.op is not None and id(node) in self.held_before}
        needed = consumers_first(root, tuple(computed))
        used = computed.intersection([p for node in needed for p in node.parents])
        self._check(used)
        leaves = [node for node in needed if node.op is None and node not in number]
        return [*used, *[node for node in leaves if id(node) in self.held or (
            node.params is not None and node.params < self.before)]]

    def _check(self, computed: set[Node]) -> None:
        """Refuse a node that was computed from a parameter beforehand."""
        for node in computed:
            if self.parameters.intersection(consumers_first(node)):
                raise GraphError(
                    "a node that was computed from a parameter before the call is part of the "
                    "program, which has no gradient through it: compute it inside the function")


class _Looks:
    """What a function looked at while it was recorded: each comparison must come out the same."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, Node, Any, bool]] = []
        self.silences = False

    def compared(self, how: Any, a: Node, b: Any, outcome: Any) -> None:
        """Note a comparison of two single numbers."""
        if not isinstance(b, Node | float | int | np.number) or not isinstance(a.value, float):
            raise GraphError("a function to be compiled compared a Value with something that isn't "
                             f"one number: {type(b).__name__}")
        if not isinstance(b, Node):
            try:
                b = float(b)
            except OverflowError:
                b = math.inf if b > 0 else -math.inf
        self.seen.append((how, a, b, bool(outcome)))

    def cut(self, *nodes: Node) -> None:
        """A number was taken out (float(v), v.data): it must be the very same in a replay."""
        for node in nodes:
            if not isinstance(node.value, float):
                raise GraphError("a function to be compiled took plain numbers out of a Tensor; "
                                 "the tape holds Values: leave Tensors out of it")
            self.seen.append((_same, node, node.value, True))

    def unchosen(self) -> None:
        """A gradient inside the function would have been silent on a branch not chosen."""
        self.silences = True
