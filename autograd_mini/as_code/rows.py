"""How each row of the table is written as NumPy: by its name, from its operands and parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..functions.selection import places_in_order
from ..primitive import Elementwise, Primitive
from .expressions import COMPARE, POWER, PRODUCT, SIGN, SUM, Text, call, infix, within

__all__ = ["HELPERS", "NotPrintableError", "index_code", "written"]

Writer = Callable[..., Text]  # of the operands' texts, the parameters, and the operands' shapes


class NotPrintableError(Exception):
    """Something that has no text in a library; the message is its name."""


HELPERS = {
    "sigmoid": """def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.maximum(e, x >= 0) / (1 + e)""",
    "softplus": """def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)""",
    "sech": """def sech(x):
    e = np.exp(-np.abs(x))
    return 2 * e / (e * e + 1)""",
    "bell": """def bell(x):
    e = np.exp(-np.abs(x))
    return e / (1 + e) ** 2""",
    "put_back": """def put_back(g, index, shape):
    x = np.zeros(shape, g.dtype)
    np.add.at(x, index, g)
    return x""",
    "logsumexp": """def logsumexp(x, axis=None, keepdims=False):
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(top), top, 0)
    y = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    y = np.where(np.isfinite(top), y, top)
    return y if keepdims else np.squeeze(y, axis=axis)""",
    "in_range": """def in_range(x):
    limits = np.finfo(x.dtype)
    return (np.abs(x) >= limits.tiny) & (np.abs(x) <= limits.max)""",
    "cosine": """def cosine(a, b):
    h = np.hypot(a, b)
    return np.where(h == 0, 0.0, a / np.where(h == 0, 1.0, h))""",
    "length": """def length(x, axis=None):
    top = np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0)
    usual = (top == 0) | ~np.isfinite(top)
    scale = np.where(usual, 1.0, np.exp2(np.floor(np.log2(np.where(usual, 1.0, top)))))
    return np.sqrt(np.sum(np.square(x / scale), axis=axis, keepdims=True)) * scale""",
    "unit": """def unit(x, length):
    return np.where(length == 0, 0.0 * x, x / np.where(length == 0, 1.0, length))""",
    "places_in_order": """def places_in_order(x, axis, kth=None):
    if kth is None:
        order = np.argsort(x, axis=axis, kind="stable")
    else:
        order = np.argpartition(x, kth, axis=axis)
    return np.take_along_axis(np.arange(x.size).reshape(x.shape), order, axis)""",
    "put_at": """def put_at(g, places, shape):
    x = np.zeros(int(np.prod(shape)), g.dtype)
    np.add.at(x, np.ravel(places), np.ravel(g))
    return x.reshape(shape)""",
    "solved": """def solved(a, b):
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.full(np.broadcast_shapes(a.shape[:-1] + b.shape[-1:]), np.nan)""",
    "share": """def share(y, a, b):
    each = (a == y) / (1.0 + (a == b))
    return np.where(np.isnan(y), np.nan, each).astype(y.dtype)""",
    "product": """def product(p, q, r):
    return (np.asarray(p, np.float64) * q * r).astype(np.result_type(p, q, r))""",
    "quotient": """def quotient(p, q, d):
    return (np.asarray(p, np.float64) * q / d).astype(np.result_type(p, q, d))""",
    "within_bounds": """def within_bounds(y, x, low, high):
    inside = 1.0 * ((x == y) & (low <= high))
    return np.where(np.isnan(y), np.nan, inside).astype(y.dtype)""",
}
"""Functions that NumPy doesn't have, written above the code that uses them."""


def _infix(sign: str, level: int) -> Writer:
    return lambda parts, params, shapes: infix(sign, parts[0], parts[1], level)


def _calls(name: str) -> Writer:
    return lambda parts, params, shapes: call(name, *parts)


def _compares(sign: str) -> Writer:
    def write(parts: Sequence[Text], params: Any, shapes: Any) -> Text:
        comparison = infix(sign, parts[0], parts[1], COMPARE)
        return Text(f"1.0 * ({comparison.code})", PRODUCT)
    return write


def _reduces(name: str) -> Writer:
    def write(parts: Sequence[Text], params: dict[str, Any], shapes: Any) -> Text:
        return call(name, parts[0], *_options(params))
    return write


def _options(params: dict[str, Any]) -> list[str]:
    return [f"{key}={_plain(value)!r}" for key, value in params.items()
            if value is not None and value is not False]


def _plain(value: Any) -> Any:
    """A parameter, with Python's own numbers in it."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


def _transposed(parts: Sequence[Text], params: dict[str, Any], shapes: Any) -> Text:
    axes, turned = params["axes"], tuple(range(len(shapes[0])))[::-1]
    if len(turned) == 2 and (axes is None or tuple(axes) == turned):
        return Text(f"{within(parts[0], POWER + 1)}.T")
    return call("np.transpose", parts[0], repr(_plain(tuple(axes or turned))))


def _item(parts: Sequence[Text], params: dict[str, Any], shapes: Any) -> Text:
    return Text(f"{within(parts[0], POWER + 1)}[{index_code(params['index'])}]")


def _put_back(parts: Sequence[Text], params: dict[str, Any], shapes: Any) -> Text:
    return call("put_back", parts[0], f"np.s_[{index_code(params['index'])}]",
                repr(tuple(params["shape"])))


def _places(deciding: Sequence[Text], params: dict[str, Any]) -> Text:
    """Where numbers stand in order; another decision has no text."""
    how = params["places"]
    if getattr(how, "func", None) is not places_in_order:
        raise NotPrintableError("what it decides by numbers")
    return call("places_in_order", *deciding, *_options(how.keywords))


def _taken_at(parts: Sequence[Text], params: dict[str, Any], shapes: Any) -> Text:
    return Text(f"np.ravel({parts[0].code})[{_places(parts[1:], params).code}]")


def _put_at(parts: Sequence[Text], params: dict[str, Any], shapes: Any) -> Text:
    return call("put_at", parts[0], _places(parts[1:], params), repr(tuple(params["shape"])))


def _layer(parts: Sequence[Text], params: Any, shapes: Any) -> Text:
    x, w, *b = parts
    product = Text(f"{within(x, PRODUCT)} @ {within(w, POWER + 1)}.T", PRODUCT)
    return infix("+", product, b[0], SUM) if b else product


def _joined(name: str) -> Writer:
    def write(parts: Sequence[Text], params: dict[str, Any], shapes: Any) -> Text:
        return call(name, f"({', '.join(p.code for p in parts)},)", f"axis={params['axis']}")
    return write


def _times(parts: Sequence[Text], params: Any, shapes: Any) -> Text:
    first, *rest = parts
    for part in rest:
        first = infix("*", first, part, PRODUCT)
    return first


WRITTEN: dict[str, Writer] = {
    "add": _infix("+", SUM), "subtract": _infix("-", SUM), "multiply": _infix("*", PRODUCT),
    "divide": _infix("/", PRODUCT), "matmul": _infix("@", PRODUCT), "power": _infix("**", POWER),
    "negative": lambda parts, *_: Text(f"-{within(parts[0], SIGN)}", SIGN),
    "positive": lambda parts, *_: parts[0], "stop_gradient": lambda parts, *_: parts[0],
    ">": _compares(">"), "<": _compares("<"), "≥": _compares(">="), "≤": _compares("<="),
    "==": _compares("=="), "≠": _compares("!="),
    "≠0": lambda parts, *_: Text(f"1.0 * ({within(parts[0], SUM)} != 0)", PRODUCT),
    "=0": lambda parts, *_: Text(f"1.0 * ({within(parts[0], SUM)} == 0)", PRODUCT),
    "p·q·r": _times,
    "p·q/d": lambda parts, *_: infix("/", infix("*", parts[0], parts[1], PRODUCT), parts[2],
                                     PRODUCT),
    "where": _calls("np.where"), "clip": _calls("np.clip"), "sign": _calls("np.sign"),
    "relu": lambda parts, *_: call("np.maximum", parts[0], "0"),
    "step": lambda parts, *_: call("np.heaviside", parts[0], "0"),
    "1-x²": lambda parts, *_: infix("*", infix("-", Text("1"), parts[0], SUM),
                                    infix("+", Text("1"), parts[0], SUM), PRODUCT),
    "sigmoid": _calls("sigmoid"), "softplus": _calls("softplus"), "sech": _calls("sech"),
    "σ′": _calls("bell"), "share": _calls("share"), "inside": _calls("within_bounds"),
    "sign of b": lambda parts, *_: call("np.copysign", "1.0", parts[0]),
    "⌊a/b⌋": _calls("np.floor_divide"),
    "sum": _reduces("np.sum"), "max": _reduces("np.max"), "min": _reduces("np.min"),
    "prod": _reduces("np.prod"), "logsumexp": _reduces("logsumexp"),
    "cumsum": lambda parts, *_: call("np.cumsum", parts[0], "axis=-1"),
    "cumprod": lambda parts, *_: call("np.cumprod", parts[0], "axis=-1"),
    "0ᵇ": lambda parts, *_: Text(
        f"1.0 * (({parts[0].code} == 0) & ({parts[1].code} >= 0))", PRODUCT),
    "in range": lambda parts, *_: Text(f"1.0 * in_range({parts[0].code})", PRODUCT),
    "both ±∞": lambda parts, *_: Text(
        f"1.0 * (np.isinf({parts[0].code}) & ({parts[0].code} == {parts[1].code}))", PRODUCT),
    "a/hypot": _calls("cosine"), "length": _reduces("length"), "x/‖x‖": _calls("unit"),
    "a/h²": lambda parts, *_: Text("{0} / np.hypot({1}, {2}) / np.hypot({1}, {2})".format(
        within(parts[0], PRODUCT), parts[0].code, parts[1].code), PRODUCT),
    "turns": lambda parts, *_: call("np.rint", infix("/", infix("-", parts[1], parts[0], SUM),
                                                     parts[2], PRODUCT)),
    "pad": lambda parts, params, _: call(
        "np.pad", parts[0], repr(params["widths"]),
        f"constant_values={params.get('constants', 0.0)!r}"),
    "convolve": _calls("np.convolve"),
    "reshape": lambda parts, params, _: call("np.reshape", parts[0],
                                                 repr(_plain(params["shape"]))),
    "broadcast_to": lambda parts, params, _: call("np.broadcast_to", parts[0],
                                                  repr(_plain(params["shape"]))),
    "expand_dims": lambda parts, params, _: call("np.expand_dims", parts[0], repr(params["axis"])),
    "squeeze": _reduces("np.squeeze"), "transpose": _transposed,
    "astype": lambda parts, params, _: call("np.asarray", parts[0],
                                            f"np.{np.dtype(params['dtype']).name}"),
    "roll": _reduces("np.roll"),
    "concatenate": _joined("np.concatenate"), "stack": _joined("np.stack"),
    "getitem": _item, "scatter": _put_back, "linear": _layer, "outer": _calls("np.outer"),
    "einsum": lambda parts, params, _: call("np.einsum", repr(params["subscripts"]), *parts, *(
        ["optimize=True"] if len(parts) > 2 else [])),
    "inv": _calls("np.linalg.inv"), "solve": _calls("np.linalg.solve"),
    "det": _calls("np.linalg.det"), "solved": _calls("solved"),
    "cholesky": _calls("np.linalg.cholesky"), "taken_at": _taken_at, "put_at": _put_at,
}
"""By the name of a row: its text. A ufunc of NumPy's needs none."""

IN_SINGLE: dict[str, Writer] = {"p·q·r": _calls("product"), "p·q/d": _calls("quotient")}
"""Of those that are computed in double precision where their operands are float32."""


def written(op: Primitive, parts: Sequence[Text], params: dict[str, Any],
            shapes: Sequence[tuple[int, ...]], single: bool = False) -> Text:
    """A row with its operands, as NumPy; single: whether it gives float32. Raises
    `NotPrintableError` for one without a text."""
    if op.name in WRITTEN and op.trusted:
        text = (WRITTEN | IN_SINGLE if single else WRITTEN)[op.name](parts, params, shapes)
        is_mask = single and text.code.startswith("1.0 * ")
        return Text(f"np.float32(1){text.code[3:]}", PRODUCT) if is_mask else text
    forward = op.forward if isinstance(op, Elementwise) else None
    name = getattr(forward, "__name__", "")
    if isinstance(forward, np.ufunc) and not params and getattr(np, name, None) is forward:
        return call(f"np.{name}", *parts)
    raise NotPrintableError(op.name)


def index_code(index: Any) -> str:
    """An index, as it stands between brackets."""
    if isinstance(index, tuple):
        return ", ".join(map(index_code, index)) or "()"
    if isinstance(index, slice):
        steps = (index.start, index.stop, index.step)[:2 if index.step is None else 3]
        return ":".join("" if x is None else str(x) for x in steps)
    if index is Ellipsis:
        return "..."
    if index is None:
        return "None"
    if isinstance(index, np.ndarray):
        return f"np.array({index.tolist()})"
    return repr(index)
