"""A primitive is a function that knows its derivative; every other function is made of primitives.

Two kinds are enough. An **elementwise** primitive acts on each number alone, and its derivative
is stated as calculus: one slope ∂y/∂x per argument, in terms of the output `y` and the inputs. A
**structural** one (a sum, a matrix product, a reshape) states its pullback: given the cotangent
`g` of the output (∂L/∂y, in the shape of `y`), the cotangent of each input.

    exp = elementwise(np.exp, math.exp, lambda y, x: y)
    matmul = structural(np.matmul, lambda g, y, a, b: matmul(g, swap(b)),
                                   lambda g, y, a, b: matmul(swap(a), g))

The rules are written with primitives and Python's operators. Fed raw numbers they are the fast
first order; fed nodes they record themselves, and that is how derivatives of derivatives arise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import recording
from .errors import GraphError, NotDifferentiableError, all_stated
from .graph import Node, made, value_of

__all__ = ["PRIMITIVES", "TABLE", "Elementwise", "Primitive", "Structural", "also", "elementwise",
           "structural"]

Rule = Callable[..., Any]


class Primitive:
    """A differentiable function. Call it: on numbers it computes, on nodes it also records.

    forward: the NumPy function; scalar: its twin for Python floats, or None; symbol: what a
    drawing shows. `radial` says that y is a length, |x| or √Σx²: at 0 its slope x/y has no
    limit, but what it sends back has one if the cotangent vanishes there too (see limits.py).
    """

    __slots__ = ("facts", "forward", "name", "radial", "scalar", "symbol", "trusted")

    def __init__(self, forward: Callable[..., Any], scalar: Callable[..., Any] | None,
                 name: str | None, symbol: str | None) -> None:
        self.forward, self.scalar, self.radial, self.facts = forward, scalar, False, set[str]()
        self.trusted = not _built_in  # a user's rule might write to an array that it is given
        self.name = name or str(getattr(forward, "__name__", "<lambda>"))
        self.symbol = symbol or self.name
        register(self)

    def apply(self, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """Compute, and record a node if any of `args` is one."""
        if not any([isinstance(a, Node) for a in args]):
            return self.compute(args, params)
        inputs = [recording.frozen_value(a, self.name) for a in args]
        y = recording.as_node_value(self.compute(inputs, params), inputs)
        return self.recorded(y, inputs, [a if isinstance(a, Node) else None for a in args], params)

    def recorded(self, y: Any, inputs: Any, parents: Sequence[Any], params: Any) -> Node:
        """The node that holds y, with the record of its making unless recording is off."""
        observer = recording.recording_mode()
        if not observer:
            return recording.unrecorded_node(y, parents)
        if not self.trusted:
            recording.lock(y)
        inputs = [recording.integers_as_floats(x, y) for x in inputs]
        node = made(self, y, tuple(inputs), tuple(parents), params)
        if observer is not True:
            observer.made(node)
        return node

    def compute(self, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """The raw result for raw inputs."""
        return self.forward(*inputs, **params)

    def pull(self, g: Any, y: Any, xs: tuple[Any, ...], node: Node) -> Sequence[Any]:
        """What the cotangent `g` sends to each parent of `node`; None where nothing."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> str | tuple[Any, ...]:  # copy and pickle by name
        return _by_name, (self.name,)


class Elementwise(Primitive):
    """y = f(a, b, …) for each number alone, with a slope for each argument.

    A slope is a function (y, *inputs) → ∂y/∂input, or the number 1 or −1, or None for an
    argument that is constant by nature (the condition of `where`). A slope may leave the range of
    floats where the product with the cotangent that meets it doesn't: −y² of y = 1/x is 0 at 1e200.
    For such an argument `pullbacks` has a function (g, y, *inputs) → g·∂y/∂input, for others None.
    """

    __slots__ = ("pullbacks", "slopes")
    selects = False  # whether a slope of 0 means "not chosen": see `Selecting` below

    def __init__(self, forward: Callable[..., Any], scalar: Callable[..., Any] | None,
                 *slopes: Rule | int | None, name: str | None = None, symbol: str | None = None,
                 pullbacks: Sequence[Rule | None] = ()) -> None:
        check_slopes(slopes)
        super().__init__(forward, scalar, name, symbol)
        self.slopes = slopes
        self.pullbacks = tuple(pullbacks) or (None,) * len(slopes)

    def __call__(self, *args: Any, **refused: Any) -> Any:
        """The function, on numbers, arrays or nodes."""
        check_elementwise_call(self, args, refused)
        return applied(self, args, {})

    def compute(self, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """The raw result for raw inputs: Python floats by the twin, all else by NumPy."""
        if not all([type(x) in recording.NUMBERS for x in inputs]):
            return self.forward(*inputs)
        try:
            if self.scalar is not None:
                return self.scalar(*inputs)
        except (ArithmeticError, ValueError):  # math raises where IEEE 754 has inf or nan
            pass
        return float(self.forward(*map(np.float64, inputs)))

    def slope(self, i: int, y: Any, xs: tuple[Any, ...]) -> Any:
        """∂y/∂xs[i]."""
        slope = self.slopes[i]
        return slope(y, *xs) if callable(slope) else slope

    def pull(self, g: Any, y: Any, xs: tuple[Any, ...], node: Node) -> Sequence[Any]:
        """∂L/∂x = ∂L/∂y · ∂y/∂x."""
        sends: list[Any] = []
        rules = zip(node.parents, self.slopes, self.pullbacks, strict=True)
        for parent, slope, pullback in rules:
            if parent is None or slope is None:
                sends.append(None)
            elif type(slope) is int:
                sends.append(g if slope > 0 else -g)
            elif pullback is not None:
                sends.append(pullback(g, y, *xs))
            else:
                sends.append(g * slope(y, *xs))  # type: ignore[operator]
        return sends


class Structural(Primitive):
    """A function of whole arrays, with a pullback for each argument.

    A pullback is a function (g, y, *inputs, **params) → the cotangent of its argument, in that
    argument's shape. With `many=True` there is one, for any number of arguments in a list. The
    keyword-only parameters of the (first) pullback, such as `axis`, are the function's own. `moves`
    and `reach` say on which entries of its inputs an output depends (see masks.py).
    """

    __slots__ = ("defaults", "many", "moves", "pullbacks", "reach")

    def __init__(self, forward: Callable[..., Any], *pullbacks: Rule, name: str | None = None,
                 symbol: str | None = None, moves: bool = False, many: bool = False) -> None:
        super().__init__(forward, None, name, symbol)
        self.pullbacks, self.moves, self.many = pullbacks, moves, many
        self.reach = "moved" if moves else ""
        self.defaults = keyword_only(pullbacks[0])

    def __call__(self, *args: Any, **params: Any) -> Any:
        """The function, on numbers, arrays or nodes."""
        return applied(self, *arguments(self, args, params))

    def compute(self, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """The raw result for raw inputs."""
        return self.forward(inputs, **params) if self.many else super().compute(inputs, params)

    def pull(self, g: Any, y: Any, xs: tuple[Any, ...], node: Node) -> Sequence[Any]:
        """Each pullback, but only for arguments that are nodes (all of them with `many`)."""
        params = node.params or {}
        if self.many:
            sends: Sequence[Any] = self.pullbacks[0](g, y, *xs, **params)
            return sends
        return [
            None if parent is None else pullback(g, y, *xs, **params)
            for parent, pullback in zip(node.parents, self.pullbacks, strict=True)
        ]


# ── below: what the idea doesn't need ────────────────────────────────────────────────────────

if TYPE_CHECKING:
    from .typed import ElementwiseRow

PRIMITIVES: dict[str, Any] = {}
"""Every primitive by its name."""

TABLE: dict[Any, Any] = {}
"""NumPy's function → ours: how `np.tanh(node)` finds its row."""

OTHER_ARRAYS: dict[type, Callable[..., Any]] = {}
"""Kinds of array that hold nodes (a program being recorded has one), each with a function
(row, args, params) that applies a row of the table to such arrays."""
SEQUENCES: dict[type, Callable[..., Any]] = {}  # the same for lists, in code run as written

_built_in: set[str] = set()


def register(row: Primitive) -> None:
    """Enter the primitive under its name, and under the function of NumPy that it differentiates.

    Raises `GraphError` for a lambda without a name, and for a name of the table's own.
    """
    if row.name == "<lambda>":
        raise GraphError("a primitive made from a lambda needs a name: add name=…")
    if row.name in _built_in:
        raise GraphError(f"the table has a row {row.name!r} already, which your rule would replace "
                         "for everybody: give yours another name=…")
    PRIMITIVES[row.name] = row
    # A second rule for a NumPy function can be called, but doesn't take over np.f; the same
    # name defined again (a notebook cell run twice) replaces itself.
    ours = TABLE.get(row.forward)
    its_name = getattr(row.forward, "__name__", "")
    numpys = any(getattr(room, its_name, None) is row.forward for room in (np, np.linalg))
    if numpys and (ours is None or getattr(ours, "name", None) == row.name):
        TABLE[row.forward] = row


def also(numpy_function: Any, function: Callable[..., Any]) -> None:
    """Let NumPy's function find ours where its name doesn't: another spelling, or a composite."""
    TABLE[numpy_function] = function


def close_the_table() -> None:
    """From here on, a primitive is a user's, and may not take the name of one of ours."""
    _built_in.update(PRIMITIVES)


def _by_name(name: str) -> Any:
    return PRIMITIVES[name]


def applied(row: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """`row.apply`, or of an array that holds nodes what its kind says."""
    for a in args if OTHER_ARRAYS else ():
        of_kind = OTHER_ARRAYS.get(type(a)) or SEQUENCES.get(type(a))
        if of_kind is not None:
            return of_kind(row, args, params)
    if params and recording.Followed in map(type, params.values()):
        return OTHER_ARRAYS[recording.Followed](row, args, params)
    return row.apply(args, params)


class Selecting(Elementwise):
    """An elementwise function that chooses (`where`, `maximum`, `relu` …).

    What it doesn't choose receives nothing at all: not 0, for 0·inf further up would be nan.
    """

    __slots__ = ()
    selects = True

    def pull(self, g: Any, y: Any, xs: tuple[Any, ...], node: Node) -> Sequence[Any]:
        """As for any elementwise function, but a single slope of 0 sends None, not g · 0."""
        sends: list[Any] = []
        for i, parent in enumerate(node.parents):
            slope = None if parent is None else self.slope(i, y, xs)
            plain = value_of(slope)
            silent = slope is None or (not isinstance(plain, np.ndarray) and plain == 0)
            tracer = recording.current_tracer()
            if isinstance(slope, Node) and tracer is not None:
                tracer.branch_masked()  # with other numbers it may be chosen, or not
                silent = False
            sends.append(None if silent else g * slope)
        return sends


class _OfRows:
    """An attribute that is made from the row when `help` asks for it; of the class, its own."""

    def __init__(self, name: str, of_class: Any = None) -> None:
        self.name, self.of_class = name, of_class

    def __get__(self, row: Any, kind: type) -> Any:
        if row is not None:
            from . import manual

            return getattr(manual, self.name)(row)
        if self.of_class is not None:
            return self.of_class
        raise AttributeError(self.name)


def _documented(kind: Any) -> None:
    kind.__doc__ = _OfRows("documentation", kind.__doc__)


for _kind in (Primitive, Elementwise, Structural, Selecting):
    _documented(_kind)
Primitive.__init_subclass__ = classmethod(_documented)  # type: ignore[assignment]
Primitive.__signature__ = _OfRows("signature")  # type: ignore[attr-defined]


def check_slopes(slopes: Sequence[Any]) -> None:
    """Raise `TypeError` for what can't be a slope."""
    for slope in slopes:
        if not (slope is None or callable(slope) or (type(slope) is int and slope in (1, -1))):
            raise TypeError(f"a slope is a function (y, *inputs), 1, -1 or None, not {slope!r}"
                            f": write lambda y, *xs: {slope!r}")


def check_elementwise_call(row: Elementwise, args: Sequence[Any], refused: dict[str, Any]) -> None:
    """Raise for keywords, which no elementwise function takes, or for too few or many arguments."""
    if refused:
        raise NotDifferentiableError(
            f"{row.name}({', '.join(refused)}=…) isn't supported: a result with a gradient "
            f"is a new node, in its own dtype; write y = {row.name}(…) and select with where"
        )
    if len(args) != len(row.slopes):
        raise TypeError(f"{row.name} takes {len(row.slopes)} arguments, not {len(args)}")


REQUIRED = object()
"""The default of a parameter that has none."""


def keyword_only(rule: Any) -> dict[str, Any]:
    """The keyword-only parameters of a function, with their defaults."""
    code = getattr(rule, "__code__", None)
    if code is None or hasattr(rule, "__wrapped__"):  # a partial, a wrapper, an object
        import inspect

        parameters = inspect.signature(rule).parameters.values()
        return {p.name: REQUIRED if p.default is p.empty else p.default
                for p in parameters if p.kind is p.KEYWORD_ONLY}
    first = code.co_argcount
    names = code.co_varnames[first : first + code.co_kwonlyargcount]
    return {name: (rule.__kwdefaults__ or {}).get(name, REQUIRED) for name in names}


def arguments(row: Structural, args: tuple[Any, ...], params: dict[str, Any]
              ) -> tuple[Sequence[Any], dict[str, Any]]:
    """The arguments of a call that are differentiated, and all parameters by name.

    Raises `TypeError` for too many or too few, `NotDifferentiableError` for unknown keywords.
    """
    arity = 1 if row.many else len(row.pullbacks)
    if len(args) > arity:  # NumPy lets `axis` and its kin be given by position
        params |= zip(row.defaults, args[arity:], strict=False)
    unknown = params.keys() - row.defaults
    if len(args) > arity + len(row.defaults):
        raise TypeError(f"{row.name} takes {arity} array(s) and at most {len(row.defaults)} "
                        f"more ({', '.join(row.defaults)}), not {len(args)} arguments")
    if unknown:
        raise NotDifferentiableError(
            f"{row.name}({', '.join(sorted(unknown))}=…) isn't supported; "
            f"supported: {', '.join(row.defaults) or 'no keyword'}"
        )
    params = row.defaults | {k: tuple(v) if type(v) is list else v for k, v in params.items()}
    missing = [name for name, value in params.items() if value is REQUIRED]
    if missing or len(args) < arity:
        raise TypeError(f"{row.name} needs {', '.join(missing) or f'{arity} arguments'}")
    return args[0] if row.many else args[:arity], params


def elementwise(forward: Callable[..., Any], scalar: Callable[..., Any] | None,
                *slopes: Rule | int | None, name: str | None = None, symbol: str | None = None,
                selects: bool = False, pullbacks: Sequence[Rule | None] = ()) -> ElementwiseRow:
    """State an elementwise function: NumPy's, its twin for floats, and ∂y/∂x per argument.

    A slope: a function (y, *inputs); 1 or −1; None for an argument that is constant by nature; or
    NotImplemented for one whose derivative isn't stated, which raises. selects: whether a slope of
    0 means "not chosen". pullbacks: per argument, g·∂y/∂x as a function of (g, y, *inputs), where
    the slope alone would over- or underflow. Raises `GraphError` if the table has the name already.

    >>> import math, numpy as np, autograd_mini as ag
    >>> cube = ag.elementwise(lambda x: x**3, None, lambda y, x: 3 * x**2, name="cube")
    >>> ag.grad(cube)(2.0)
    12.0
    """
    kind: Any = Selecting if selects else Elementwise
    row: ElementwiseRow = kind(forward, scalar, *all_stated(name or forward.__name__, slopes),
                               name=name, symbol=symbol, pullbacks=pullbacks)
    return row


def structural(forward: Callable[..., Any], *pullbacks: Rule | None, name: str | None = None,
               symbol: str | None = None, moves: bool = False, many: bool = False) -> Any:
    """State a function of whole arrays by its pullbacks; without any, a decorator for one.

    See `Structural` for what a pullback is, and for many; it is None for an argument that is
    constant by nature, NotImplemented for one whose derivative isn't stated. moves: it only moves
    cotangents, adds them up, and leaves 0 where nothing was taken from; then it can move a mask in
    the same way. Raises `GraphError` if the table has a row of that name.

    >>> import numpy as np, autograd_mini as ag
    >>> @ag.structural(lambda x: x[::-1], name="reverse")
    ... def reverse(g, y, x):
    ...     return reverse(g)
    >>> ag.grad(lambda x: reverse(x)[0])(np.array([1.0, 2.0, 3.0]))
    array([0., 0., 1.])
    """
    if pullbacks:
        rules = all_stated(name or forward.__name__, pullbacks, None)
        return Structural(forward, *rules, name=name, symbol=symbol, moves=moves, many=many)
    return lambda rule: Structural(forward, rule, name=name or rule.__name__, symbol=symbol,
                                   moves=moves, many=many)
