"""The second table: the rules people wrongly use, beside the right ones of `ops/`.

In the language of the first table. y: the output; x (or a, b): the inputs; g: the cotangent of the
output. A row reads

    mistake("tanh", "wrong-argument", lambda y, x: 1 - x**2, "1 − x² was used …")

and states, as in `ops/`, a slope (y, *inputs) of an elementwise function, or, if the rule's first
argument is called g, a whole pullback (g, y, *inputs, **params). `of` is a primitive's name or that
of a block (a function written out, see blocks.py). In what is said, {x}, {y}, {a}, {b} and {f}
stand for the names in the user's program.

What can go wrong with any function (its derivative forgotten, evaluated at the other value, the
cotangent dropped, an operand swapped …) is generated for every primitive, also a user's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .... import ops
from ....backprop import gradients
from ....errors import GraphError
from ....graph import leaf
from ....primitive import PRIMITIVES, Elementwise, Structural
from ...report import KINDS
from ..blocks import ELEMENTWISE, axis_sets
from ..record import Record, Site, cotangent_of

__all__ = ["MALRULES", "RIGHT", "Alternative", "alternatives", "atoms", "FORGOTTEN",
           "leaks", "mistake", "other_cotangents", "other_operands", "scalings",
           "spread_wrongly"]

Rule = Callable[..., Any]


class Alternative(NamedTuple):
    """What somebody may have used at a site, in place of the right rule."""

    kind: str
    said: str
    send: Callable[[], Any]  # → what goes to the site's input, not yet in its shape
    cost: float  # how far-fetched it is: of two that give the same numbers, the lower is named
    added: bool = False  # whether it is added to what is right, times some constant
    source: int = 6  # which of the generators of alternatives knows it (see Search.tried)

    @property
    def sent(self) -> Any:
        """What goes to the site's input; None if the rule doesn't fit there."""
        try:
            with np.errstate(all="ignore"):
                sent = self.send()
                return None if np.iscomplexobj(sent) else sent  # of Python's floats, (-1.0)**0.5
        except (ValueError, TypeError, IndexError, ArithmeticError, np.linalg.LinAlgError):
            return None  # a transposed product, say, that has no shape to give it


class _Row(NamedTuple):
    kind: str
    rule: Rule
    said: str
    argument: int
    pullback: bool  # of a whole array, (g, y, *inputs), rather than a slope (y, *inputs)


MALRULES: dict[str, list[_Row]] = {}
"""Wrong rules, by the name of the primitive or block."""

RIGHT: dict[str, tuple[str, ...]] = {}
"""The right local derivative of each argument, as the user would write it."""


def mistake(of: Any, kind: str, rule: Rule, said: str, *, argument: int = 0) -> None:
    """Enter a wrong rule into the table of mistakes; `check_gradient` will know it from then on.

    of: a primitive, or the name of one or of a block; argument: whose derivative is wrong; kind:
    a key of `KINDS`. Raises `GraphError` for a kind or a primitive that there isn't.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.mistake("sin", "wrong-local-derivative", lambda y, x: 1 - x**2 / 4,
    ...            "the series of cos {x} was cut short, and its coefficient is 1/2")
    >>> x = np.array([0.3, 0.8, 1.1])
    >>> report = ag.check_gradient(lambda x: np.sum(np.sin(x)), 1 - x**2 / 4, x)
    >>> print(report["x"].suspects[0].message)
    the series of cos x was cut short, and its coefficient is 1/2
    """
    name = getattr(of, "name", of)
    if kind not in KINDS:
        raise GraphError(f"no kind of mistake {kind!r}: it is one of {', '.join(KINDS)}")
    if name not in PRIMITIVES and name not in _BLOCKS:
        raise GraphError(f"no primitive or block {name!r}; the blocks are {', '.join(_BLOCKS)}")
    pullback = next(iter(inspect.signature(rule).parameters)) == "g"
    MALRULES.setdefault(name, []).append(_Row(kind, rule, said, argument, pullback))


_BLOCKS = [*ELEMENTWISE, "softmax", "log_softmax", "centered", "standardized", "normalized",
           "mean", "var", "std", "norm", "squared norm", "mean square", "cross-entropy",
           "binary cross-entropy"]
_LOCAL, _ARGUMENT, _TERM = "wrong-local-derivative", "wrong-argument", "missing-term"

# ── what is right, to be quoted ──────────────────────────────────────────────────────────────

RIGHT |= {
    "tanh": ("(1 - {y}**2)",), "sigmoid": ("{y} * (1 - {y})",), "relu": ("({x} > 0)",),
    "exp": ("{y}",), "log": ("1 / {x}",), "sqrt": ("1 / (2 * {y})",), "square": ("2 * {x}",),
    "softplus": ("sigmoid({x})",), "sin": ("np.cos({x})",), "cos": ("-np.sin({x})",),
    "abs": ("np.sign({x})",), "log1p": ("1 / (1 + {x})",), "expm1": ("np.exp({x})",),
    "tan": ("(1 + {y}**2)",), "arctan": ("1 / (1 + {x}**2)",), "reciprocal": ("-1 / {x}**2",),
    "multiply": ("{b}", "{a}"), "divide": ("1 / {b}", "-{a} / {b}**2"),
    "power": ("{b} * {a}**({b} - 1)", "{y} * np.log({a})"), "add": ("1", "1"),
    "subtract": ("1", "-1"), "negative": ("-1",), "maximum": ("({a} > {b})", "({b} > {a})"),
    "minimum": ("({a} < {b})", "({b} < {a})"), "leaky_relu": ("np.where({x} > 0, 1, slope)",),
    "silu": ("(sigmoid({x}) + {y} * (1 - sigmoid({x})))",),
    "gelu": ("(Φ({x}) + {x} * φ({x}))",), "log10": ("1 / ({x} * np.log(10))",),
    "arcsin": ("1 / np.sqrt(1 - {x}**2)",), "sinh": ("np.cosh({x})",), "cosh": ("np.sinh({x})",),
    "logsigmoid": ("sigmoid(-{x})",), "log2": ("1 / ({x} * np.log(2))",),
}

# ── activations and elementary functions ─────────────────────────────────────────────────────

mistake("tanh", _ARGUMENT, lambda y, x: 1 - x**2,
        "the derivative of tanh, 1 - {y}**2, was evaluated at {x}, before the tanh, instead of at "
        "{y}, after it")
mistake("tanh", _LOCAL, lambda y, x: (1 - y) ** 2,
        "the derivative of tanh was taken as (1 - {y})**2; it is 1 - {y}**2")
mistake("tanh", _LOCAL, lambda y, x: y * (1 - y),
        "the sigmoid's derivative, {y} * (1 - {y}), was used for tanh; tanh's is 1 - {y}**2")
mistake("tanh", _LOCAL, lambda y, x: 1 - y,
        "the derivative of tanh was taken as 1 - {y}; the square is missing: 1 - {y}**2")
mistake("tanh", _LOCAL, lambda y, x: 1 + y**2,
        "the derivative of tanh was taken as 1 + {y}**2 (tan's); it is 1 - {y}**2")
mistake("tanh", _LOCAL, lambda y, x: ops.sigmoid(x) * (1 - ops.sigmoid(x)),
        "the sigmoid's derivative was used for tanh; tanh's is 1 - {y}**2")
mistake("sigmoid", _ARGUMENT, lambda y, x: x * (1 - x),
        "the derivative of the sigmoid, {y} * (1 - {y}), was evaluated at {x}, before the sigmoid, "
        "instead of at {y}, after it")
mistake("sigmoid", _LOCAL, lambda y, x: 1 - y**2,
        "tanh's derivative, 1 - {y}**2, was used for the sigmoid; its own is {y} * (1 - {y})")
mistake("sigmoid", _LOCAL, lambda y, x: y,
        "the derivative of the sigmoid was taken as {y}; the factor (1 - {y}) is missing")
mistake("sigmoid", _LOCAL, lambda y, x: 1 - y,
        "the derivative of the sigmoid was taken as 1 - {y}; the factor {y} is missing")
mistake("relu", _LOCAL, lambda y, x: y,
        "the value of the relu was used for its derivative, which is 1 where {x} > 0, else 0")
mistake("relu", _LOCAL, lambda y, x: x, "the gradient was multiplied by {x} instead of by the "
        "relu's derivative, 1 where {x} > 0, else 0")
mistake("relu", _LOCAL, lambda y, x: 1.0 * (x <= 0),
        "the relu's mask is the wrong way round: its derivative is 1 where {x} > 0, else 0")
mistake("relu", _LOCAL, lambda y, x: np.sign(x),
        "the sign of {x} was used for the relu's derivative, which is 1 where {x} > 0, else 0")
mistake("relu", _LOCAL, lambda y, x: np.where(x > 0, 1.0, 0.01),
        "the leaky relu's derivative was used for the relu's, which is 0 where {x} <= 0")
mistake("relu", _ARGUMENT, lambda g, y, x: g * (g > 0), "the relu's mask was taken from the "
        "gradient that arrives instead of from {x}: the derivative is 1 where {x} > 0")
mistake("leaky_relu", _LOCAL, lambda y, x: 1.0 * (x > 0),
        "the relu's derivative was used for the leaky relu's, which isn't 0 where {x} < 0")
mistake("elu", _LOCAL, lambda y, x: np.where(x > 0, 1.0, y),
        "below 0 the derivative of elu was taken as {y}; it is {y} + 1")
mistake("elu", _LOCAL, lambda y, x: 1.0 * (x > 0),
        "the relu's derivative was used for elu's, which is exp({x}) where {x} < 0")
mistake("silu", _TERM, lambda y, x: ops.sigmoid(x), "of the product rule for silu, "
        "{x} * sigmoid({x}), the term {x} * sigmoid'({x}) is missing")
mistake("silu", _TERM, lambda y, x: x * ops.sigmoid(x) * (1 - ops.sigmoid(x)), "of the product "
        "rule for silu, {x} * sigmoid({x}), the term sigmoid({x}) is missing")
mistake("silu", _LOCAL, lambda y, x: ops.sigmoid(x) * (1 - ops.sigmoid(x)),
        "the sigmoid's derivative was used for silu's")
for _gelu in ("gelu", "gelu (tanh)"):
    mistake(_gelu, _TERM, lambda y, x: ops.ndtr(x),
            "of the product rule for gelu, {x} * Φ({x}), the term {x} * φ({x}) is missing")
    mistake(_gelu, _TERM, lambda y, x: y / x,
            "of the product rule for gelu the term with the derivative of the gate is missing")
    mistake(_gelu, _LOCAL, lambda y, x: 1.0 * (x > 0), "the relu's derivative was used for gelu's")
    mistake(_gelu, _LOCAL, lambda y, x: ops.sigmoid(1.702 * x) * (
        1 + 1.702 * x * (1 - ops.sigmoid(1.702 * x))),
        "the derivative of another approximation of gelu, {x} * sigmoid(1.702 * {x}), was used")
mistake("softplus", _LOCAL, lambda y, x: ops.sigmoid(x) * (1 - ops.sigmoid(x)),
        "the derivative of softplus is sigmoid({x}), not the sigmoid's derivative")
mistake("softplus", _LOCAL, lambda y, x: 1.0 * (x > 0),
        "the relu's derivative was used for softplus's, which is sigmoid({x})")
mistake("softplus", _LOCAL, lambda y, x: ops.sigmoid(-x),
        "the derivative of softplus was taken as sigmoid(-{x}); it is sigmoid({x})")
mistake("softplus", _LOCAL, lambda y, x: np.tanh(x),
        "tanh({x}) was used for the derivative of softplus, which is sigmoid({x})")
mistake("logsigmoid", _LOCAL, lambda y, x: ops.sigmoid(x),
        "the derivative of log sigmoid was taken as sigmoid({x}); it is 1 - sigmoid({x})")
mistake("abs", _LOCAL, lambda y, x: x,
        "the derivative of |{x}| was taken as {x}; it is the sign of {x}")
mistake("exp", _LOCAL, lambda y, x: x * np.exp(x - 1),
        "the power rule was used for exp, whose derivative is exp({x}) itself")
mistake("divide", _LOCAL, lambda y, a, b: -a / b, "in the quotient rule the denominator isn't "
        "squared: the derivative of {a} / {b} by {b} is -{a} / {b}**2", argument=1)
mistake("divide", _LOCAL, lambda y, a, b: -1 / b**2, "in the quotient rule the numerator {a} is "
        "missing: the derivative of {a} / {b} by {b} is -{a} / {b}**2", argument=1)
mistake("divide", _LOCAL, lambda y, a, b: b,
        "the gradient was multiplied by {b}, where it has to be divided by it")
mistake("power", _LOCAL, lambda y, a, b: b * a**b,
        "in the power rule the exponent wasn't lowered: it is {b} * {a}**({b} - 1)")
mistake("power", "factor", lambda y, a, b: a ** (b - 1),
        "in the power rule the factor {b} is missing: it is {b} * {a}**({b} - 1)")
mistake("maximum", _LOCAL, lambda y, a, b: 1.0 * (a < b), "the mask is the wrong way round: {a} "
        "gets the gradient where it is the larger")
mistake("maximum", _LOCAL, lambda y, a, b: y,
        "the value of the maximum was used for its derivative, which is 1 where {a} > {b}")
for _argument in (1, 2):
    mistake("where", _LOCAL,
            lambda y, c, a, b, k=_argument: 1.0 * (np.asarray(c, bool) == (k == 2)),
            "the branches of {f} are the wrong way round in its derivative", argument=_argument)
mistake("clip", "partial", lambda y, x, low, high: 1.0 * (x < high),
        "the derivative of clip is 0 below the lower bound too")
mistake("clip", "partial", lambda y, x, low, high: 1.0 * (x > low),
        "the derivative of clip is 0 above the upper bound too")

# ── products and linear algebra ──────────────────────────────────────────────────────────────


def _t(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


_A, _B = "d{a} = d{y} @ {b}.T", "d{b} = {a}.T @ d{y}"
RIGHT["matmul"] = (_A, _B)
for _argument, _rule, _kind, _said in (
    (0, lambda g, y, a, b: g @ b, "transpose", "{b} isn't transposed: " + _A),
    (0, lambda g, y, a, b: _t(g @ _t(b)), "transpose", "the product is transposed: " + _A),
    (0, lambda g, y, a, b: _t(g) @ _t(b), "transpose", "d{y} was transposed: " + _A),
    (0, lambda g, y, a, b: _t(b) @ g, "wrong-operand",
     "the factors are in the wrong order, {b}.T @ d{y}, which sums over the wrong axis: " + _A),
    (0, lambda g, y, a, b: b @ g, "wrong-operand",
     "the factors are in the wrong order, {b} @ d{y}, which sums over the wrong axis: " + _A),
    (1, lambda g, y, a, b: a @ g, "transpose", "{a} isn't transposed: " + _B),
    (1, lambda g, y, a, b: _t(_t(a) @ g), "transpose", "the product is transposed: " + _B),
    (1, lambda g, y, a, b: _t(a) @ _t(g), "transpose", "d{y} was transposed: " + _B),
    (1, lambda g, y, a, b: g @ _t(a), "wrong-operand",
     "the factors are in the wrong order, d{y} @ {a}.T, which sums over the wrong axis: " + _B),
    (1, lambda g, y, a, b: g @ a, "wrong-operand",
     "the factors are in the wrong order, d{y} @ {a}, which sums over the wrong axis: " + _B),
):
    mistake("matmul", _kind, _rule, _said, argument=_argument)
for _k, _which in ((-1, "last"), (0, "first")):
    mistake("matmul", "missing-path", lambda g, y, a, b, k=_k: np.outer(a[k], g[k]),
            f"only the {_which} sample's share of the gradient of {{b}} is there: the shares of "
            "all add up (+=, not =)", argument=1)
    mistake("matmul", "partial", lambda g, y, a, b, k=_k: _t(a) @ g - np.outer(a[k], g[k]),
            f"the {_which} sample's share of the gradient of {{b}} is missing", argument=1)
mistake("inv", "transpose", lambda g, y, a: -y @ g @ y,
        "the inverses aren't transposed: d{x} = -{y}.T @ d{y} @ {y}.T")
mistake("inv", _LOCAL, lambda g, y, a: -y * y * g,
        "the rule for 1/x was used entry by entry: d{x} = -{y}.T @ d{y} @ {y}.T")
mistake("logabsdet", "transpose", lambda g, y, a: g * np.linalg.inv(a),
        "the inverse isn't transposed: the derivative of log |det {x}| is inv({x}).T")
mistake("logabsdet", _LOCAL, lambda g, y, a: g * 1 / a,
        "1/{x} was taken entry by entry: the derivative of log |det {x}| is inv({x}).T")
mistake("logabsdet", _LOCAL, lambda g, y, a: g * np.linalg.det(a) * _t(np.linalg.inv(a)),
        "the derivative of det was used for that of log |det|, which is inv({x}).T")
mistake("logabsdet", _LOCAL, lambda g, y, a: g * np.eye(len(a)) / np.diagonal(a),
        "only the diagonal was differentiated: the derivative of log |det {x}| is inv({x}).T")
mistake("det", "transpose", lambda g, y, a: g * y * np.linalg.inv(a),
        "the inverse isn't transposed: the derivative of det {x} is det({x}) * inv({x}).T")
mistake("det", _LOCAL, lambda g, y, a: g * _t(np.linalg.inv(a)),
        "the derivative of log |det| was used for that of det, which is det({x}) * inv({x}).T")
mistake("solve", "transpose", lambda g, y, a, b: np.linalg.solve(a, g),
        "the matrix isn't transposed: d{b} = solve({a}.T, d{y})", argument=1)
mistake("solve", "transpose", lambda g, y, a, b: -np.linalg.solve(a, g) @ _t(y),
        "the matrix isn't transposed: d{a} = -solve({a}.T, d{y}) @ {y}.T")
mistake("cumsum", _LOCAL, lambda g, y, x: np.cumsum(g, -1),
        "the sum ran forward; each entry counts in every sum after it, so it runs backward")

# ── indices, reductions ──────────────────────────────────────────────────────────────────────


def _last_write_wins(g: Any, y: Any, x: Any, *, index: Any) -> Any:
    out = np.zeros(np.shape(x))
    out[index] = g
    return out


def _first_write_wins(g: Any, y: Any, x: Any, *, index: Any) -> Any:
    if isinstance(index, tuple):
        raise ValueError
    return _last_write_wins(g[::-1], y, x, index=index[::-1])


mistake("getitem", "index", _last_write_wins, "an index that occurs several times kept only its "
        "last gradient: they add up (np.add.at(d{x}, index, d{y}), not d{x}[index] = d{y})")
mistake("getitem", "index", _first_write_wins, "an index that occurs several times kept only its "
        "first gradient: they add up (np.add.at(d{x}, index, d{y}))")


def _shifted(by: int, part: int) -> Rule:
    """What arrives goes back to an index that is off by one, in one part of it."""
    def rule(g: Any, y: Any, x: Any, *, index: Any) -> Any:
        parts = list(index) if isinstance(index, tuple) else [index]
        wrong = parts[part]
        if isinstance(wrong, int | np.integer) or (
                isinstance(wrong, np.ndarray) and wrong.dtype.kind in "iu"):
            parts[part] = (wrong + by) % np.shape(x)[part]
            return ops.scatter(np.asarray(g), index=tuple(parts), shape=np.shape(x))
        raise ValueError
    return rule


for _by in (1, -1):
    for _part in (0, 1):
        mistake("getitem", "index", _shifted(_by, _part), "the gradient was put back at an index "
                f"that is off by one, along axis {_part} of {{x}}")


def _spread(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """g spread as NumPy broadcasts it if nobody puts the reduced axes back."""
    return np.broadcast_to(g, np.shape(x)).copy()


mistake("sum", "wrong-axis", lambda g, y, x, *, axis=None, keepdims=False:
        _spread(g, x, axis, keepdims), "the gradient of the sum was spread along the wrong axis: "
        "put the reduced axis back first (keepdims=True, or d{y}[:, None])")
mistake("max", "missing-local-derivative", lambda g, y, x, *, axis=None, keepdims=False:
        ops.sum.pullbacks[0](g, y, x, axis=axis, keepdims=keepdims),
        "the gradient of the maximum went to every entry; only the largest has a derivative")

# ── softmax and its kin ──────────────────────────────────────────────────────────────────────


mistake("logsumexp", _LOCAL, lambda g, y, x, **_: np.exp(x) * _up(g, x, y),
        "the derivative of log Σ exp({x}) was taken as exp({x}), without the division by the "
        "sum: it is softmax({x})")
mistake("logsumexp", _LOCAL, lambda g, y, x, **_: _up(g, x, y) * (_up(y, x, y) * 0 + x == np.max(
    x, _lost_axes(x, y), keepdims=True)), "the derivative of the maximum was used for that of "
        "log Σ exp({x}), which is softmax({x})")
mistake("logsumexp", "wrong-axis", lambda g, y, x, **_: _up(g, x, y) * np.exp(x - ops.logsumexp(
    x, axis=tuple(k for k in range(np.ndim(x)) if k not in _lost_axes(x, y)), keepdims=True)),
        "in the derivative of log Σ exp({x}) the softmax was normalised along the wrong axis")
mistake("softmax", _LOCAL, lambda g, y, x: g * y * (1 - y), "the softmax was differentiated entry "
        "by entry, p * (1 - p), as a sigmoid: each output depends on every input of its row, "
        "d{x} = {y} * (d{y} - np.sum({y} * d{y}, axis=…, keepdims=True))")
mistake("softmax", _TERM, lambda g, y, x: g * y, "the denominator of the softmax was treated as a "
        "constant: the term - {y} * Σ {y} d{y} is missing")
mistake("softmax", _LOCAL, lambda g, y, x: y * (g - _along(g, y, np.sum)), "in the derivative of "
        "the softmax the sum must be of {y} * d{y}, not of d{y}")
mistake("softmax", "mean-for-sum", lambda g, y, x: y * (g - _along(g * y, y, np.mean)), "in the "
        "derivative of the softmax {y} * d{y} was averaged along the row, where it is summed")
mistake("softmax", _LOCAL, lambda g, y, x: g - y * _along(g, y, np.sum), "the derivative of log "
        "softmax was used for that of softmax")
mistake("softmax", _LOCAL, lambda g, y, x: g - _along(g * y, y, np.sum), "in the derivative of the "
        "softmax the factor {y} is missing: d{x} = {y} * (d{y} - Σ {y} d{y})")
mistake("softmax", "wrong-axis", lambda g, y, x: y * (g - np.sum(g * y, 0, keepdims=True)),
        "in the derivative of the softmax the sum runs along the wrong axis")
mistake("softmax", "wrong-axis", lambda g, y, x: y * (g - np.sum(g * y)),
        "in the derivative of the softmax the sum runs over everything, not along each row")
mistake("softmax", "sign", lambda g, y, x: y * (g + _along(g * y, y, np.sum)),
        "in the derivative of the softmax the sum has the wrong sign: {y} * (d{y} - Σ {y} d{y})")
mistake("softmax", _ARGUMENT, lambda g, y, x: x * (g - _along(g * x, y, np.sum)),
        "the derivative of the softmax was evaluated at {x}, before the softmax, instead of at {y}")
mistake("softmax", _LOCAL, lambda g, y, x: g * y - y**2 * _along(g, y, np.sum),
        "in the derivative of the softmax the sum must be of {y} * d{y}")
mistake("log_softmax", _TERM, lambda g, y, x: 1.0 * g, "the normaliser of log softmax was treated "
        "as a constant: the term - softmax({x}) * Σ d{y} is missing")
mistake("log_softmax", _LOCAL, lambda g, y, x: g + np.exp(y) * _size(g, y),
        "softmax - target was used, which is right only if each row of the targets sums to 1: "
        "here it is softmax * Σ target - target")
mistake("log_softmax", _LOCAL, lambda g, y, x: g * (1 - np.exp(y)), "log softmax was "
        "differentiated entry by entry: each output depends on every input of its row")


def _up(g: Any, x: Any, y: Any) -> Any:
    """g with reduced axes put back where they fit."""
    g = np.asarray(g)
    if g.ndim == np.ndim(x):
        return g
    for axis in range(np.ndim(x)):
        if np.shape(x)[:axis] + np.shape(x)[axis + 1:] == g.shape:
            return np.expand_dims(g, axis)
    return g


def _lost_axes(x: Any, y: Any) -> tuple[int, ...]:
    """The axes that were reduced from x to y."""
    for axes in axis_sets(np.ndim(x)):
        kept = tuple(n for k, n in enumerate(np.shape(x)) if k not in axes)
        if kept == np.shape(y) or tuple(n for n in np.shape(y) if n > 1) == tuple(
                n for n in kept if n > 1):
            return axes
    raise ValueError


def _axis_of_rows(y: Any, normal: Any) -> int:
    """The axis along which y is normalised, by what it adds up to."""
    for axis in reversed(range(np.ndim(y))):
        if np.allclose(normal(y, axis), normal(y, axis).ravel()[0], rtol=1e-9):
            return axis
    return -1


def _along(x: Any, y: Any, reduce: Any) -> Any:
    """A reduction of x along the axis on which the softmax y sums to 1."""
    return reduce(x, _axis_of_rows(y, np.sum), keepdims=True)


def _size(g: Any, y: Any) -> Any:
    """What weighs one sample, if the cotangent of log softmax is −weight · target."""
    rows = np.size(g) / np.shape(g)[_axis_of_rows(np.exp(y), np.sum)]
    return 1 / rows


# ── cross-entropy, of a softmax or a sigmoid, as one block ───────────────────────────────────


def _cross(rule: Rule, normal: Rule) -> Rule:
    """A wrong rule for −Σ t·log p(x): rule(p, t, x) stands for p − t."""
    def pullback(g: Any, y: Any, x: Any, *, slope: Any) -> Any:
        p = normal(x, slope)
        sign = 1.0 if np.all(np.asarray(y) >= 0) else -1.0  # minus the log likelihood, or itself
        weights = (1.0, 1 / len(x)) if np.ndim(y) < np.ndim(x) - 1 else (1.0,)  # a mean, perhaps
        for weight in weights:
            t = p - sign * slope / weight
            if t.min() > -1e-9 and t.max() < 1 + 1e-9:
                return weight * sign * _up(g, x, y) * rule(p, t, x)
        raise ValueError
    return pullback


def _softmax_of(x: Any, slope: Any) -> Any:
    """The softmax for which p − slope, the target, adds up to 1."""
    for axis in reversed(range(np.ndim(x))):
        if np.allclose(np.sum(slope, axis), 0.0, atol=1e-9):
            return np.exp(x - ops.logsumexp(x, axis=axis, keepdims=True))
    raise ValueError


def _sigmoid_of(x: Any, slope: Any) -> Any:
    return ops.sigmoid(x)


for _name, _normal, _p in (("cross-entropy", _softmax_of, "softmax"),
                           ("binary cross-entropy", _sigmoid_of, "sigmoid")):
    for _kind, _wrong, _said in (
        (_TERM, lambda p, t, x: p, "the target isn't subtracted"),
        (_TERM, lambda p, t, x: -t, f"the {_p} is missing, only the target is there"),
        ("sign", lambda p, t, x: p + t, "the target was added, where it is subtracted"),
        (_LOCAL, lambda p, t, x: (p - t) * p * (1 - p), f"the derivative of the {_p} was applied "
         "once more: {p} - target has it already"),
        (_ARGUMENT, lambda p, t, x: x - t, "{x} stands where the {p} of it belongs"),
        (_LOCAL, lambda p, t, x: (p - t) * x, "it was multiplied by {x}"),
        ("missing-incoming", lambda p, t, x: p * (1 - p), "the derivative of the {p} stands "
         "alone, without that of the loss"),
        ("index", lambda p, t, x: p - np.roll(t, 1, -1), "the targets are off by one class"),
        ("index", lambda p, t, x: p - np.roll(t, -1, -1), "the targets are off by one class"),
        ("index", lambda p, t, x: p - np.roll(t, 1, 0), "the targets are off by one sample"),
        ("index", lambda p, t, x: p - np.roll(t, -1, 0), "the targets are off by one sample"),
        ("index", lambda p, t, x: p - t.max(0, keepdims=True), "the 1 was subtracted in whole "
         "columns ([:, y]), not in one entry of each row ([np.arange(n), y])"),
        ("wrong-axis", lambda p, t, x: np.exp(x - ops.logsumexp(x, axis=0, keepdims=True)) - t,
         "the softmax was normalised along the wrong axis"),
        ("wrong-axis", lambda p, t, x: np.exp(x - ops.logsumexp(x)) - t,
         "the softmax was normalised over everything"),
        (_LOCAL, lambda p, t, x: np.exp(x) - t, "the exponentials aren't normalised"),
        (_LOCAL, lambda p, t, x: ops.sigmoid(x) - t, "the sigmoid was used for the softmax"),
        (_LOCAL, lambda p, t, x: t * (p - 1), "only the entry of the target's class is there"),
        (_LOCAL, lambda p, t, x: (1 - p) - t, "1 - {p} stands for {p}"),
    ):
        if _p == "softmax" or ("class" not in _said and "softmax" not in _said):
            mistake(_name, _kind, _cross(_wrong, _normal), _said.replace("{p}", _p) + ": the "
                    f"derivative of the cross-entropy is {_p} - target")

# ── normalisers ──────────────────────────────────────────────────────────────────────────────


def _axes_where(y: Any, x: Any) -> tuple[int, ...]:
    """The axes along which y = s·(x − mean) has one s."""
    for axes in axis_sets(np.ndim(x)):
        c = x - np.mean(x, axes, keepdims=True)
        s = np.sum(y * c, axes, keepdims=True) / np.sum(c * c, axes, keepdims=True)
        if c.any() and np.allclose(y, s * c, rtol=1e-8, atol=1e-12):
            return axes
    raise ValueError


def _normaliser(rule: Rule, center: bool, other: bool = False) -> Rule:
    """A pullback through y = s·(x − mean): rule(g, y, s, mean along the axes, their length).

    other: with the means over the other axes, which is wrong. `mean.c` is x − mean, `mean.x` is x.
    """

    def pullback(g: Any, y: Any, x: Any) -> Any:
        axes = _axes_where(y, x) if center else _axes_of_scale(y, x)
        n = np.prod([np.shape(x)[a] for a in axes])
        c = x - np.mean(x, axes, keepdims=True) if center else x
        s = np.sum(y * c, axes, keepdims=True) / np.sum(c * c, axes, keepdims=True)

        along = tuple(k for k in range(np.ndim(x)) if k not in axes) if other else axes

        def mean(v: Any) -> Any:
            return np.mean(v, along, keepdims=True)

        mean.c, mean.x = c, x  # type: ignore[attr-defined]
        return rule(g, y, s, mean, n)

    return pullback


def _axes_of_scale(y: Any, x: Any) -> tuple[int, ...]:
    for axes in axis_sets(np.ndim(x)):
        s = np.sum(y * x, axes, keepdims=True) / np.sum(x * x, axes, keepdims=True)
        if s.size < np.size(x) and np.allclose(y, s * x, rtol=1e-8, atol=1e-12):
            return axes
    raise ValueError


for _kind, _center_rule, _said in (
    (_TERM, lambda g, y, s, mean, n: g * s, "the mean and the variance were treated as constants: "
     "both depend on {x} too, and their two terms are missing"),
    (_TERM, lambda g, y, s, mean, n: (g - mean(g)) * s, "the variance was treated as a constant: "
     "it depends on {x} too, and the term - {y} * mean(d{y} * {y}) is missing"),
    (_TERM, lambda g, y, s, mean, n: (g - y * mean(g * y)) * s, "the mean was treated as a "
     "constant: it depends on {x} too, and the term - mean(d{y}) is missing"),
    (_LOCAL, lambda g, y, s, mean, n: g - mean(g) - y * mean(g * y),
     "the division by the standard deviation is missing in the derivative of the normalisation"),
    (_LOCAL, lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * y)) * s * s,
     "the derivative was divided by the variance, where it is the standard deviation"),
    (_LOCAL, lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * y)) / s,
     "the derivative was multiplied by the standard deviation, where it is divided by it"),
    (_LOCAL, lambda g, y, s, mean, n: (g - mean(g) - mean(g * y)) * s,
     "in the variance's term the factor {y} is missing: - {y} * mean(d{y} * {y})"),
    (_LOCAL, lambda g, y, s, mean, n: (g - mean(g) - y * mean(g)) * s,
     "in the variance's term the mean must be of d{y} * {y}, not of d{y}"),
    ("factor", lambda g, y, s, mean, n: (g - n * mean(g) - n * y * mean(g * y)) * s,
     "sums were used where means belong: the factor 1/n is missing in both terms"),
    ("sign", lambda g, y, s, mean, n: (g - mean(g) + y * mean(g * y)) * s,
     "the variance's term has the wrong sign: - {y} * mean(d{y} * {y})"),
    ("sign", lambda g, y, s, mean, n: (g + mean(g) - y * mean(g * y)) * s,
     "the mean's term has the wrong sign: - mean(d{y})"),
    ("wrong-operand", lambda g, y, s, mean, n: (g - mean(g) - mean.x * mean(g * y)) * s,
     "in the variance's term {x} stands where {y} belongs: - {y} * mean(d{y} * {y})"),
    ("wrong-operand", lambda g, y, s, mean, n: (g - mean(g) - mean.c * mean(g * y)) * s,
     "in the variance's term {x} - mean stands where {y} belongs: - {y} * mean(d{y} * {y})"),
    ("wrong-operand", lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * mean.x)) * s,
     "in the variance's term {x} stands where {y} belongs: - {y} * mean(d{y} * {y})"),
    ("wrong-operand", lambda g, y, s, mean, n: (
        g - mean(g) - mean.x * mean(g * mean.c) * s * s) * s,
     "in the variance's term {x} stands where {x} - mean belongs"),
    ("wrong-operand", lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * mean.x) * s) * s,
     "in the variance's term {x} stands where {x} - mean belongs"),
    ("factor", lambda g, y, s, mean, n: (g - mean(g) - 0.5 * y * mean(g * y)) * s,
     "the variance's term is half of what it should be: - {y} * mean(d{y} * {y})"),
    ("factor", lambda g, y, s, mean, n: (g - mean(g) - 2 * y * mean(g * y)) * s,
     "the variance's term is twice what it should be: - {y} * mean(d{y} * {y})"),
):
    mistake("standardized", _kind, _normaliser(_center_rule, True), _said)
mistake("standardized", "wrong-axis", _normaliser(
    lambda g, y, s, mean, n: (g - mean(g) - y * mean(g * y)) * s, True, other=True),
    "the means in the derivative of the normalisation run along the wrong axis")
for _kind, _center_rule, _said in (
    (_TERM, lambda g, y, s, mean, n: g * s, "the norm was treated as a constant: it depends on "
     "{x} too, and its term is missing"),
    (_LOCAL, lambda g, y, s, mean, n: g - y * mean(g * y) / mean(y * y),
     "the division by the norm is missing in the derivative of the normalisation"),
    (_LOCAL, lambda g, y, s, mean, n: (g - y * mean(g * y) / mean(y * y)) * s * s,
     "the derivative was divided by the squared norm, where it is the norm"),
    ("sign", lambda g, y, s, mean, n: (g + y * mean(g * y) / mean(y * y)) * s,
     "the norm's term has the wrong sign"),
    ("factor", lambda g, y, s, mean, n: (g - n * y * mean(g * y) / mean(y * y)) * s,
     "in the norm's term a sum was used where the mean belongs"),
    ("factor", lambda g, y, s, mean, n: (g - y * mean(g * y) / mean(y * y) / n) * s,
     "in the norm's term a mean was used where the sum belongs"),
):
    mistake("normalized", _kind, _normaliser(_center_rule, False), _said)
mistake("centered", _TERM, lambda g, y, x: 1.0 * g,
        "the mean was treated as a constant: it depends on {x} too, and the term - mean(d{y}) is "
        "missing")
mistake("norm", _LOCAL, lambda g, y, x: _up(g, x, y) * 2 * x,
        "the derivative of the squared norm was used for that of the norm, which is {x} / {y}")
mistake("norm", _LOCAL, lambda g, y, x: _up(g, x, y) * x,
        "the division by the norm is missing: its derivative is {x} / {y}")
mistake("squared norm", _LOCAL, lambda g, y, x: _up(g, x, y) * x / _up(np.sqrt(y), x, y),
        "the derivative of the norm was used for that of its square, which is 2 * {x}")
mistake("var", _LOCAL, lambda g, y, x: _up(g, x, y) * 2 * x / (np.size(x) / np.size(y)),
        "the mean wasn't subtracted: the derivative of the variance is 2 * ({x} - mean) / n")

# ── what can go wrong with any function ──────────────────────────────────────────────────────

_FORGOT = ("the gradient was passed through {f} without being multiplied by its derivative{right}")


def alternatives(site: Site, g: Any) -> Iterator[Alternative]:
    """The wrong rules for a site: its rows of the table, then those for any function."""
    y, xs = site.output.value, site.output.inputs
    if constant_factor(site) is not None:
        return  # there is nothing to get wrong but the factor itself
    xs = (site.input.value,) if site.block else xs
    params: Any = {} if site.block else site.output.params or {}
    if site.name in ("cross-entropy", "binary cross-entropy"):  # the target is seen in its slope
        params = {"slope": site.sent(np.ones_like(y) if isinstance(y, np.ndarray) else 1.0)}
    for row in MALRULES.get(site.name, ()):
        if row.argument == site.i:
            yield from _tried(row, g, y, xs, params)
    op = site.output.op
    if not site.block and isinstance(op, Elementwise):
        constant = len(xs) == 2 and site.output.parents[1 - site.i] is None
        yield from _generic(op, site.i, g, y, xs, constant)
    elif site.block and site.name == "a function":
        yield from _any_slope(g, site.sent(np.ones_like(y) if isinstance(y, np.ndarray) else 1.0))
    elif site.block and site.name in ELEMENTWISE:
        yield from _generic_block(site, g, y, xs[0])
    elif site.block or isinstance(op, Structural):
        yield from _generic_structural(site, g)


def _tried(row: _Row, g: Any, y: Any, xs: Any, params: Any) -> Iterator[Alternative]:
    """A row of the table; a slope also without the cotangent."""
    if row.pullback:
        yield Alternative(row.kind, row.said, lambda: row.rule(g, y, *xs, **params), 1.0)
        return
    yield Alternative(row.kind, row.said, lambda: g * row.rule(y, *xs), 1.0)
    yield Alternative("missing-incoming", _NO_INCOMING + "; and " + row.said,
                      lambda: row.rule(y, *xs) + 0 * g, 6.0)


_NO_INCOMING = ("the derivative of {f} was given alone: it has to be multiplied by the gradient "
                "that arrives, d{y}")
_ATOMS: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    ("{x}", lambda y, x: x), ("{y}", lambda y, x: y), ("{x}**2", lambda y, x: x * x),
    ("{y}**2", lambda y, x: y * y),
    ("1 / {x}", lambda y, x: 1 / x), ("1 / {y}", lambda y, x: 1 / y),
    ("1 / {x}**2", lambda y, x: 1 / (x * x)), ("1 / {y}**2", lambda y, x: 1 / (y * y)),
    ("(1 - {x})", lambda y, x: 1 - x), ("(1 - {y})", lambda y, x: 1 - y),
    ("(1 + {x})", lambda y, x: 1 + x), ("(1 + {y})", lambda y, x: 1 + y),
    ("(1 - {x}**2)", lambda y, x: 1 - x * x), ("(1 - {y}**2)", lambda y, x: 1 - y * y),
    ("(1 + {x}**2)", lambda y, x: 1 + x * x), ("(1 + {y}**2)", lambda y, x: 1 + y * y),
    ("{x} * (1 - {x})", lambda y, x: x * (1 - x)), ("{y} * (1 - {y})", lambda y, x: y * (1 - y)),
    ("{y} * (1 + {y})", lambda y, x: y * (1 + y)),
    ("1 / (1 + {x})", lambda y, x: 1 / (1 + x)), ("1 / (1 - {x})", lambda y, x: 1 / (1 - x)),
    ("1 / (1 + {x}**2)", lambda y, x: 1 / (1 + x * x)),
    ("np.exp({x})", lambda y, x: np.exp(x)), ("np.exp({y})", lambda y, x: np.exp(y)),
    ("np.exp(-{x})", lambda y, x: np.exp(-x)), ("np.log({x})", lambda y, x: np.log(x)),
    ("np.sin({x})", lambda y, x: np.sin(x)), ("np.cos({x})", lambda y, x: np.cos(x)),
    ("np.sinh({x})", lambda y, x: np.sinh(x)), ("np.cosh({x})", lambda y, x: np.cosh(x)),
    ("np.tanh({x})", lambda y, x: np.tanh(x)), ("np.sign({x})", lambda y, x: np.sign(x)),
    ("np.abs({x})", lambda y, x: np.abs(x)), ("({x} > 0)", lambda y, x: 1.0 * (x > 0)),
    ("({x} < 0)", lambda y, x: 1.0 * (x < 0)), ("sigmoid({x})", lambda y, x: ops.sigmoid(x)),
    ("sigmoid(-{x})", lambda y, x: ops.sigmoid(-x)), ("np.sqrt({x})", lambda y, x: np.sqrt(x)),
    ("sigmoid'({x})", lambda y, x: ops.sigmoid(x) * ops.sigmoid(-x)),
    ("{x}**3", lambda y, x: x**3), ("{y}**3", lambda y, x: y**3),
    ("1 / np.sqrt({x})", lambda y, x: 1 / np.sqrt(x)), ("{x}**-1.5", lambda y, x: x**-1.5),
    ("(1 - np.tanh({x})**2)", lambda y, x: 1 - np.tanh(x) ** 2),
)
"""Local derivatives that people come up with, as far as a function of y and x goes."""


def atoms(site: Site, g: Any) -> Iterator[Alternative]:
    """Other functions of a site's input and output in the place of its derivative."""
    y = site.output.value
    x = site.input.value if site.block else site.output.inputs[site.i]
    right = RIGHT.get(site.name, ())
    for text, f in _ATOMS:
        if right and site.i < len(right):
            said = f"the derivative of {{f}} was taken as {text}; it is {right[site.i]}"
        else:
            said = f"{text} was used for the derivative of {{f}}"
        yield Alternative(_LOCAL, said, lambda f=f: g * f(y, x), 3.0)  # type: ignore[misc]


def _generic(op: Elementwise, i: int, g: Any, y: Any, xs: tuple[Any, ...], constant: bool
             ) -> Iterator[Alternative]:
    """For an elementwise primitive with a slope that isn't constant."""
    rule = op.slopes[i]
    if not callable(rule):
        return
    with np.errstate(all="ignore"):
        slope = np.asarray(rule(y, *xs))
    if op in (ops.multiply, ops.divide) and i == 0 and constant and len(np.unique(xs[1])) > 2:
        yield Alternative("factor", "the factor {slope} of {f} is missing",
                          lambda: 1.0 * g + 0 * slope, 1.2)
    yield from _any_slope(g, slope)
    if len(xs) == 2:
        yield Alternative("wrong-operand", "the operands {a} and {b} were swapped in the "
                          "derivative of {f}", lambda: g * rule(y, xs[1], xs[0]), 2.5)
    yield from _at_the_other_value(op, rule, i, g, y, xs)


def _any_slope(g: Any, slope: Any) -> Iterator[Alternative]:
    yield Alternative("missing-local-derivative", _FORGOT, lambda: 1.0 * g + 0 * slope, 1.5)
    yield Alternative("missing-incoming", _NO_INCOMING, lambda: slope + 0 * np.asarray(g), 2.5)
    yield Alternative(_LOCAL, "the derivative of {f} was applied twice",
                      lambda: g * slope * slope, 3.0)
    yield Alternative(_LOCAL, "the gradient was divided by the derivative of {f} instead of being "
                      "multiplied by it", lambda: g / slope, 3.5)


def _at_the_other_value(op: Any, rule: Rule, i: int, g: Any, y: Any, xs: tuple[Any, ...]
                        ) -> Iterator[Alternative]:
    """The right formula, in y or in x, with the other one in it."""
    if np.shape(y) != np.shape(xs[i]):
        return
    moved = (*xs[:i], y, *xs[i + 1:])
    yield Alternative(_ARGUMENT, "the derivative of {f} was evaluated at its output {y} instead of "
                      "at its input {x}", lambda: g * rule(op.compute(moved, {}), *moved), 2.0)
    mirrored = (*xs[:i], -xs[i], *xs[i + 1:])
    yield Alternative(_ARGUMENT, "the derivative of {f} was evaluated at -{x} instead of at {x}",
                      lambda: g * rule(op.compute(mirrored, {}), *mirrored), 2.2)
    yield Alternative(_ARGUMENT, "in the derivative of {f} its input {x} stands where its output "
                      "{y} belongs", lambda: g * rule(xs[i], *xs), 2.0)
    yield Alternative(_ARGUMENT, "in the derivative of {f} its output {y} stands where its input "
                      "{x} belongs", lambda: g * rule(y, *moved), 2.0)


def _generic_block(site: Site, g: Any, y: Any, x: Any) -> Iterator[Alternative]:
    """For an elementwise function that was written out."""
    yield from _any_slope(g, site.sent(np.ones_like(y) if isinstance(y, np.ndarray) else 1.0))
    row = PRIMITIVES.get(site.name)
    if row is not None and callable(row.slopes[0]):
        yield from _at_the_other_value(row, row.slopes[0], 0, g, y, (x,))
    else:
        yield Alternative(_ARGUMENT, "the derivative of {f} was evaluated at its output {y} "
                          "instead of at its input {x}", lambda: g * _slope(site.name, y), 2.0)


def _slope(name: str, x: Any) -> Any:
    """The derivative of a block's function, by the engine."""
    at = leaf(x if isinstance(x, float) else np.array(x))
    return gradients(ops.sum(ELEMENTWISE[name](at)), at)


def _generic_structural(site: Site, g: Any) -> Iterator[Alternative]:
    """For a function of whole arrays: what arrives dropped, or passed on as it is."""
    if not site.block and getattr(site.output.op, "moves", False) and (
            site.name not in ("max", "min")):
        return  # nothing to forget there but the path itself
    ones, x = np.ones_like(np.asarray(g, float)), site.input.value
    yield Alternative("missing-incoming", _NO_INCOMING, lambda: site.sent(ones), 2.5)
    if site.name not in ("mean", "centered") and (
            np.shape(g) == np.shape(x) or (site.block and np.size(g) < np.size(x))):
        yield Alternative("missing-local-derivative", _FORGOT, lambda: 1.0 * _up(g, x, None), 2.0)


# ── the whole of it forgotten, or with the other sign ────────────────────────────────────────

FORGOTTEN = "what comes back through {f} was forgotten"


def constant_factor(site: Site) -> float | None:
    """k where the site's function is k·x with a plain number k, as in 0.5 * x or x / n."""
    op, other = site.output.op, 1 - site.i
    if site.block or op not in (ops.multiply, ops.divide) or (op is ops.divide and site.i):
        return None
    k = site.output.inputs[other]
    if site.output.parents[other] is not None or np.ndim(k) or not k:
        return None
    return float(k) if op is ops.multiply else 1 / float(k)


def scalings(site: Site, g: Any) -> Iterator[Alternative]:
    """Nothing sent, or minus what is right."""
    yield Alternative("missing-path", FORGOTTEN, lambda: 0.0 * site.input.value, 1.0)
    yield Alternative("sign", "what comes through {f} has the wrong sign",
                      lambda: -site.sent(g), 1.0)
    yield Alternative("doubled-term", "what comes through {f} was counted twice",
                      lambda: 2 * site.sent(g), 1.1)
    op, k = site.output.op, constant_factor(site)
    if k is not None:
        words = f"1/{1 / k:g}" if op is ops.divide else f"{k:g}"
        yield Alternative("factor", f"the factor {words} of {{f}} is missing",
                          lambda: site.sent(g) / k, 0.8)
    if op is ops.square:
        yield Alternative("factor", "the 2 of the derivative of the square is missing: it is "
                          "2 * {x}", lambda: site.sent(g) / 2, 0.8)


# ── broadcasting, and the operand beside ─────────────────────────────────────────────────────


def spread_wrongly(site: Site, g: Any) -> Iterator[Alternative]:
    """Where broadcasting spread the input: summed over other axes, or over some only."""
    op, x = site.output.op, np.asarray(site.input.value)
    to, have = np.shape(x), np.shape(site.output.value)
    if not isinstance(op, Elementwise) or to == have or op.slopes[site.i] is None:
        return
    with np.errstate(all="ignore"):
        slope = op.slope(site.i, site.output.value, site.output.inputs)
        full = np.broadcast_to(g * slope, have)
    lead = len(have) - len(to)
    summed = tuple(range(lead)) + tuple(
        lead + k for k, n in enumerate(to) if n == 1 and have[lead + k] > 1)
    for axes in axis_sets(len(have)):
        rest = tuple(n for k, n in enumerate(have) if k not in axes)
        if set(axes) != set(summed) and np.prod(rest) in (np.prod(to), 1):
            def sent(axes: Any = axes) -> Any:
                part = full.sum(axes)
                return part.reshape(to) if part.size == x.size else part
            what = "over everything" if not rest else "over the wrong axis"
            yield Alternative("wrong-axis", f"the gradient of {{x}} was summed {what}: it is "
                              f"summed over axis {_listed(summed)}, along which {{x}} is broadcast",
                              sent, 1.0)
    yield Alternative("missing-incoming", _NO_INCOMING, lambda: slope + np.zeros(have), 2.5)
    if full.size > x.size:
        yield Alternative("mean-for-sum", "the gradient of {x} was averaged over the places where "
                          "it is used; it is their sum", lambda: full.sum(summed).reshape(to) * (
                              x.size / full.size), 1.0)
    if len(summed) == 1:
        for k, which in ((-1, "last"), (0, "first")):
            yield Alternative("missing-path", f"only the {which} row's share of the gradient of "
                              "{x} is there: the shares of all add up (+=, not =)",
                              lambda k=k: np.take(full, k, summed[0]).reshape(to), 1.5)  # type: ignore[misc]
            yield Alternative("partial", f"the {which} row's share of the gradient of {{x}} is "
                              "missing", lambda k=k: (full.sum(summed[0]) - np.take(  # type: ignore[misc]
                                  full, k, summed[0])).reshape(to), 1.6)


def _listed(axes: tuple[int, ...]) -> str:
    return " and ".join(map(str, axes)) or "none"


def other_operands(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """The right rule with another of the program's arrays in it, or after an update."""
    op, xs, i = site.output.op, site.output.inputs, site.i
    if op in (ops.multiply, ops.matmul) or (op is ops.divide and not i):
        j = 1 - i
        mine = "{b}" if i == 0 else "{a}"
        for value in record.updates.get(site.output.parents[j], ()):
            yield Alternative("stale", f"{mine} was already updated when the gradient of {{x}} was "
                              "computed: compute all gradients first", lambda value=value: _with(  # type: ignore[misc]
                                  site, g, j, value), 0.9, added=True)
        for name, value in record.near(site.output, np.shape(xs[j])):
            if value is not xs[j]:
                yield Alternative("wrong-operand", f"{name} stands in the gradient of {{x}} where "
                                  f"{mine} belongs", lambda value=value: _with(site, g, j, value),  # type: ignore[misc]
                                  2.2)
            if np.ndim(value) and value is xs[j]:
                for axis in range(np.ndim(value)):
                    yield Alternative("index", f"{mine} was read backwards along its axis {axis}",
                                      lambda value=value, axis=axis: _with(  # type: ignore[misc]
                                          site, g, j, np.flip(value, axis)), 2.3)
    elif op is ops.einsum:
        yield from _other_in_einsum(site, g, record)
    elif isinstance(op, Elementwise) and callable(op.slopes[i]) and len(xs) == 1:
        yield from _at_other_arrays(site, g, op.slopes[i], record)
    elif site.block and isinstance(rows := PRIMITIVES.get(site.name), Elementwise) and callable(
            rows.slopes[0]):
        yield from _at_other_arrays(site, g, rows.slopes[0], record)


def _other_in_einsum(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """Another operand, or one that is transposed where it is square."""
    node, xs = site.output, site.output.inputs

    def sent(j: int, value: Any) -> Any:
        return node.op.pull(g, node.value, (*xs[:j], value, *xs[j + 1:]), node)[site.i]  # type: ignore[union-attr]

    for j in range(len(xs)):
        if j == site.i:
            continue
        if np.ndim(xs[j]) > 1 and np.shape(xs[j])[-1] == np.shape(xs[j])[-2]:
            yield Alternative("transpose", "an operand of {f} is transposed in the gradient of {x}",
                              lambda j=j: sent(j, _t(xs[j])), 1.5)  # type: ignore[misc]
        for name, value in record.near(node, np.shape(xs[j])):
            if value is not xs[j]:
                yield Alternative("wrong-operand", f"{name} stands for another operand in the "
                                  "gradient of {x}",
                                  lambda j=j, value=value: sent(j, value), 2.2)  # type: ignore[misc]


def _with(site: Site, g: Any, j: int, value: Any) -> Any:
    """What a product sends if its other operand is `value`."""
    xs = site.output.inputs
    operands = (*xs[:j], value, *xs[j + 1:])
    op = site.output.op
    if isinstance(op, Structural):
        return op.pullbacks[site.i](g, site.output.value, *operands)
    return g * op.slope(site.i, site.output.value, operands)  # type: ignore[union-attr]


def _at_other_arrays(site: Site, g: Any, slope: Any, record: Record) -> Iterator[Alternative]:
    """An activation's derivative, of another layer or another step."""
    mine = (site.output.value, site.input.value)
    by_output = BY_OUTPUT.get(site.name)
    for name, value in record.near(site.output, np.shape(site.output.value)):
        if any(value is own for own in mine):
            continue
        yield Alternative(_ARGUMENT, f"the derivative of {{f}} was evaluated at {name}, which "
                          "belongs elsewhere", lambda value=value: g * slope(value, value), 2.6)  # type: ignore[misc]
        if by_output is not None:
            yield Alternative(_ARGUMENT, f"in the derivative of {{f}}, {RIGHT[site.name][0]}, "
                              f"{name} stands in the place of {{y}}",
                              lambda value=value: g * by_output(value), 2.6)  # type: ignore[misc]


# Derivatives as they are written by hand, of the output, where the row has its input in them.
BY_OUTPUT: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda y: 1 - y * y, "sigmoid": lambda y: y * (1 - y)}


def other_cotangents(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """What arrives further on in place of what arrives here: a derivative skipped on this path."""
    if site.block:
        return
    node, skipped = site.output, ""
    for _ in range(6):
        uses = record.uses[node]
        if len(uses) != 1 or not isinstance(uses[0].output.op, Elementwise):
            return
        slope = uses[0].output.op.slopes[uses[0].i]
        curved = callable(slope) and constant_factor(uses[0]) is None
        node = uses[0].output
        if np.shape(node.value) != np.shape(site.output.value):
            return
        skipped = skipped or (f"`{node.op.name}`" if curved and node.op else "")
        if curved:
            yield Alternative(
                "missing-local-derivative", f"on its way to {{x}} the gradient skipped the "
                f"derivative of {skipped}: {cotangent_of(record.names[node])} stands where {{dy}} "
                "belongs",
                lambda node=node: site.sent(record.current[node]), 2.1)  # type: ignore[misc]


def leaks(site: Site, g: Any) -> Iterator[Alternative]:
    """Where a function lets nothing through, something that comes through."""
    if site.name in ("relu", "maximum", "leaky_relu") and (site.block or site.i == 0):
        off = np.asarray(site.input.value) <= 0
        yield Alternative(_LOCAL, "a slope other than that of {f} was used where {x} < 0",
                          lambda: g * off, 1.7, added=True)
