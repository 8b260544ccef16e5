"""Matrix products and linear algebra: transposes forgotten, factors in the wrong order."""

from __future__ import annotations

import numpy as np

from ..axes import transposed as _t
from .table import LOCAL, RIGHT, mistake

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
mistake("inv", LOCAL, lambda g, y, a: -y * y * g,
        "the rule for 1/x was used entry by entry: d{x} = -{y}.T @ d{y} @ {y}.T")
mistake("logabsdet", "transpose", lambda g, y, a: g * np.linalg.inv(a),
        "the inverse isn't transposed: the derivative of log |det {x}| is inv({x}).T")
mistake("logabsdet", LOCAL, lambda g, y, a: g * 1 / a,
        "1/{x} was taken entry by entry: the derivative of log |det {x}| is inv({x}).T")
mistake("logabsdet", LOCAL, lambda g, y, a: g * np.linalg.det(a) * _t(np.linalg.inv(a)),
        "the derivative of det was used for that of log |det|, which is inv({x}).T")
mistake("logabsdet", LOCAL, lambda g, y, a: g * np.eye(len(a)) / np.diagonal(a),
        "only the diagonal was differentiated: the derivative of log |det {x}| is inv({x}).T")
mistake("det", "transpose", lambda g, y, a: g * y * np.linalg.inv(a),
        "the inverse isn't transposed: the derivative of det {x} is det({x}) * inv({x}).T")
mistake("det", LOCAL, lambda g, y, a: g * _t(np.linalg.inv(a)),
        "the derivative of log |det| was used for that of det, which is det({x}) * inv({x}).T")
mistake("solve", "transpose", lambda g, y, a, b: np.linalg.solve(a, g),
        "the matrix isn't transposed: d{b} = solve({a}.T, d{y})", argument=1)
mistake("solve", "transpose", lambda g, y, a, b: -np.linalg.solve(a, g) @ _t(y),
        "the matrix isn't transposed: d{a} = -solve({a}.T, d{y}) @ {y}.T")
mistake("cumsum", LOCAL, lambda g, y, x: np.cumsum(g, -1),
        "the sum ran forward; each entry counts in every sum after it, so it runs backward")
