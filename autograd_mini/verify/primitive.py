"""Does a primitive's rule belong to its function? The checks that the table's own rows get."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..backprop import gradients
from ..errors import DTypeError, GradientError, GraphError, NotDifferentiableError
from ..graph import Node, leaf, value_of
from ..ops import multiply, shape, square, sum
from ..primitive import Elementwise, Primitive, Structural
from ..transforms import grad, hvp
from .numeric import slope_along, slope_of

__all__ = ["check_primitive"]

EPS = float(np.finfo(float).eps)
USUAL = (-1.7, -0.31, 0.43, 0.87, 2.6)  # where the caller names no point: no two alike


def check_primitive(op: Any, *points: tuple[Any, ...], **params: Any) -> None:
    """Check the rule of a primitive, and raise `GradientError` with all that is wrong with it.

    points: tuples of arguments to check it at: floats for an elementwise primitive, arrays for a
    structural one (needed there); without any, an elementwise one is tried at some usual numbers
    where it is finite. params: keywords of a structural primitive.

    Of an elementwise primitive: the twin on floats gives what arrays give; the gradient is that
    of finite differences to order 3, the same for Values and Tensors, for numbers and nodes, and
    undoes broadcasting. Of a structural one: plain arrays and nodes give the same; the pullback
    returns its inputs' shapes, and is that of finite differences to order 2.

    >>> import numpy as np, autograd_mini as ag
    >>> cube = ag.elementwise(lambda x: x**3, None, lambda y, x: 2 * x**2, name="wrong cube")
    >>> ag.check_primitive(cube, (1.0,))
    Traceback (most recent call last):
    ...
    autograd_mini.errors.GradientError: the primitive 'wrong cube' fails 1 of its checks:
      at (1.0,): ∂y/∂(argument 0), order 1, is 2, but finite differences say 3
    """
    if not isinstance(op, Primitive):
        raise DTypeError(f"check_primitive takes a primitive, made by ag.elementwise or "
                         f"ag.structural, not a {type(op).__name__}")
    if isinstance(op, Structural) and not points:
        raise TypeError("check_primitive of a structural primitive needs at least one tuple of "
                        "arguments to check it at")
    problems: list[str] = []
    if isinstance(op, Elementwise) and params:
        raise TypeError(f"an elementwise primitive has no keywords such as {', '.join(params)}")
    with np.errstate(all="ignore"):
        for point in points or _usual_points(op):
            problems += _problems(op, point if isinstance(point, tuple) else (point,), params)
    if problems:
        raise GradientError(f"the primitive {op.name!r} fails {len(problems)} of its checks:\n  "
                            + "\n  ".join(problems))


def _problems(op: Any, point: tuple[Any, ...], params: Any) -> list[str]:
    """All that is wrong at one point; an exception in a rule is a problem of the rule."""
    check: Any = _elementwise if isinstance(op, Elementwise) else _structural
    found: list[str] = []
    try:
        found.extend(check(op, point, params))
    except (ArithmeticError, AttributeError, TypeError, ValueError, GraphError) as error:
        found.append(f"{type(error).__name__}: {error}")
    return [f"at {_short(point)}: {problem}" for problem in found]


def _short(point: tuple[Any, ...]) -> str:
    return repr(point) if all(np.ndim(x) == 0 for x in point) else (
        "arguments of shapes " + ", ".join(str(np.shape(x)) for x in point))


def _usual_points(op: Any) -> list[tuple[float, ...]]:
    points = [p for p in itertools.permutations(USUAL, len(op.slopes))
              if np.all(np.isfinite(np.asarray(op(*p), float)))]
    if not points:
        raise GradientError(f"{op.name} is finite at none of the usual numbers {USUAL}: name some")
    return points[:: max(len(points) // 8, 1)]


def _near(a: Any, b: Any, digits: float) -> bool:
    scale = np.maximum(np.abs(a), np.abs(b))
    return bool(np.all(np.abs(np.subtract(a, b)) <= digits * EPS * (1.0 + scale)))


# ── elementwise ──────────────────────────────────────────────────────────────────────────────


def _elementwise(op: Elementwise, point: tuple[float, ...], params: Any) -> Iterator[str]:
    on_floats, on_arrays = op(*point), op(*(np.array([x]) for x in point))
    if not _near(on_floats, on_arrays[0], 8):
        yield f"{on_floats!r} on floats, {on_arrays[0]!r} on arrays"
    for i, slope in enumerate(op.slopes):
        def f(x: Any, i: int = i) -> Any:
            return op(*point[:i], x, *point[i + 1:])

        if slope is None:
            yield from _flat(f, point[i], f"argument {i}")
        elif not _is_refused(op, i, point):
            yield from _slopes(f, point[i], f"∂y/∂(argument {i})")
            yield from _kinds(f, point[i], f"∂y/∂(argument {i})")
            yield from _broadcasting(op, point, i)


def _is_refused(op: Elementwise, i: int, point: tuple[float, ...]) -> bool:
    """Whether the rule says itself that it has no slope for this argument."""
    try:
        slope = op.slope(i, op(*point), point)
    except NotDifferentiableError:
        return True
    if slope is None:
        raise TypeError(f"the slope of argument {i} returns None: is a return missing?")
    return False


def _flat(f: Callable[..., Any], x: float, what: str) -> Iterator[str]:
    """A slope of None says that the function is constant in this argument, but for jumps."""
    try:
        before, here, after = (float(f(v)) for v in (x - 1e-9 * (1 + abs(x)), x,
                                                     x + 1e-9 * (1 + abs(x))))
    except (TypeError, ValueError):  # it takes integers or conditions only
        return
    if len({before, here, after}) == 3 and np.isfinite([before, here, after]).all():
        yield f"{what} has the slope None, but the function isn't constant in it"


def _slopes(f: Callable[..., Any], x: float, what: str) -> Iterator[str]:
    """Each derivative, to order 3, is the finite difference of the one below it."""
    below = many = f
    for order in (1, 2, 3):
        try:
            exact = float(grad(below)(x))
        except GraphError as error:  # the slope takes numbers out of nodes
            yield f"{what}, order {order}: {error}"
            return
        measured = slope_of(_numbers(many), x)
        bar = 10 * measured.error + 1e-9 * abs(exact) + 1e-10
        if not measured.error <= 1e-6 * max(abs(exact), 1.0):
            yield f"{what}, order {order}, can't be measured here: is this an edge or a kink?"
        elif not abs(exact - measured.value) <= bar:
            yield (f"{what}, order {order}, is {exact:.10g}, but finite differences say "
                   f"{measured.value:.10g}")
            return  # the higher orders would only repeat it
        below, many = grad(below), _slope_at_each(many)


def _slope_at_each(f: Callable[..., Any]) -> Callable[..., Any]:
    """The derivative at each number of an array."""
    return grad(lambda points: sum(f(points)))


def _numbers(f: Callable[..., Any]) -> Callable[[np.ndarray], np.ndarray]:
    """A function of many points at once, as one number for each."""
    return lambda points: np.broadcast_to(value_of(f(points)), points.shape)


def _kinds(f: Callable[..., Any], x: float, what: str) -> Iterator[str]:
    """One gradient, for a Value and a Tensor, by rules fed numbers and rules fed nodes."""
    v, t = leaf(float(x)), leaf(np.array([x, x]))
    plain, array = gradients(f(v), v), gradients(sum(f(t)), t)
    if not _near(plain, array, 16):
        yield f"{what} is {plain!r} for a Value and {array[0]!r} for a Tensor"
    nodes = gradients(f(v), v, create_graph=True), gradients(sum(f(t)), t, create_graph=True)
    for node in map(value_of, nodes):
        if not _near(plain, node, 16):
            yield f"{what} is {plain!r} by the rule fed numbers and {node!r} fed nodes"
    second = grad(grad(f))(float(x))
    twice = grad(lambda s: sum(grad(lambda u: sum(f(u)))(s)))(np.array([x, x]))
    if not _near(second, twice, 1e4):
        yield f"{what}, order 2, is {second!r} for a Value and {twice[0]!r} for a Tensor"


def _broadcasting(op: Elementwise, point: tuple[float, ...], i: int) -> Iterator[str]:
    """The gradient has its argument's shape: summed over the axes it was spread along."""
    x, others = leaf(np.full((2, 1), point[i])), [np.full(3, x) for x in point]
    got = gradients(sum(op(*others[:i], x, *others[i + 1:])), x)
    once = gradients(sum(op(*point[:i], x, *point[i + 1:])), x)
    times = 1.0 if len(point) == 1 else 3.0
    if np.shape(got) != (2, 1) or not _near(got, times * once, 32):
        yield f"argument {i}, broadcast, doesn't collect the sum of its cotangents"


# ── structural ───────────────────────────────────────────────────────────────────────────────


def _structural(op: Structural, point: tuple[Any, ...], params: Any) -> Iterator[str]:
    rng = np.random.default_rng(0)

    def call(*args: Any) -> Any:
        return op(list(args), **params) if op.many else op(*args, **params)

    plain, node = call(*point), call(*(leaf(np.array(x, float)) for x in point))
    if not isinstance(node, Node) or not np.allclose(value_of(node), plain, rtol=1e-12, atol=1e-14):
        yield "plain arrays and nodes give different results"
        return
    weight = rng.normal(size=shape(node))
    for i, x in enumerate(np.asarray(x, float) for x in point):
        direction = rng.normal(size=x.shape)

        def f(t: Any, i: int = i) -> Any:
            y = call(*point[:i], t, *point[i + 1:])
            return sum(multiply(square(y), weight))

        yield from _along(f, x, direction, f"the pullback of argument {i}")


def _along(f: Callable[..., Any], x: np.ndarray, v: np.ndarray, what: str) -> Iterator[str]:
    """First and second derivative along a direction are the finite differences."""
    if not x.size:
        return
    first = slope_along(lambda s: float(value_of(f(x + s * v))), 0.0)
    exact = float(np.sum(grad(f)(x) * v))
    if not abs(exact - first.value) <= 10 * first.error + 1e-9 * abs(exact) + 1e-12:
        yield f"{what} gives {exact:.10g} along a direction, finite differences {first.value:.10g}"
        return
    second = slope_along(lambda s: float(np.sum(grad(f)(x + s * v) * v)), 0.0)
    exact = float(np.sum(hvp(f, (x,), (v,))[0] * v))
    if not abs(exact - second.value) <= 10 * second.error + 1e-9 * abs(exact) + 1e-10:
        yield (f"{what}, order 2, gives {exact:.10g} along a direction, finite differences "
               f"{second.value:.10g}")
