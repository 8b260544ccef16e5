"""The table, part 10: products of vectors and matrices, inverses and determinants.

The rules are those of Giles (2008), "Collected matrix derivative results for forward and reverse
mode algorithmic differentiation", unless another source is named. All work on stacks of matrices.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import GraphError
from ..graph import Node, made, value_of
from ..primitive import Structural, structural
from .arithmetic import where
from .facts import state
from .reductions import unbroadcast
from .shapes import reshape, shape, transpose


def swap(x: Any) -> Any:
    """The transpose of each matrix in a stack: the last two axes exchanged."""
    if type(x) is np.ndarray:
        return x.swapaxes(-1, -2)
    n = len(shape(x))
    return transpose(x, (*range(n - 2), n - 1, n - 2))


matmul = structural(
    np.matmul,
    lambda g, y, a, b: unbroadcast(matmul(g, swap(b)), shape(a)),
    lambda g, y, a, b: unbroadcast(matmul(swap(a), g), shape(b)),
    symbol="@",
)  # ∂/∂A = G Bᵀ,  ∂/∂B = Aᵀ G, over the last two axes (Giles 2008); stacks broadcast


outer = structural(
    np.outer,
    lambda g, y, a, b: reshape(matmul(g, reshape(b, (-1, 1))), shape(a)),
    lambda g, y, a, b: reshape(matmul(reshape(a, (1, -1)), g), shape(b)),
)  # every product aᵢ·bⱼ: ∂/∂a = G b,  ∂/∂b = Gᵀ a


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    """x Wᵀ + b, the sum in place; of more axes than two as one product, not one for each matrix."""
    if np.ndim(x) > 2:
        flat = np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
        return _linear(flat, weight, bias).reshape(*x.shape[:-1], len(weight))
    y = np.matmul(x, weight.T)
    return np.add(y, bias, out=y if y.dtype == np.result_type(y, bias) else None)


def _rows(x: Any) -> Any:
    """All axes but the last as one."""
    return x if len(shape(x)) == 2 else reshape(x, (-1, shape(x)[-1]))


linear = structural(
    _linear,
    lambda g, y, x, weight, bias: matmul(g, weight),
    lambda g, y, x, weight, bias: matmul(swap(_rows(g)), _rows(x)),
    lambda g, y, x, weight, bias: unbroadcast(g, shape(bias)),
    name="linear", symbol="x Wᵀ+b",
)  # a layer: x (…, n), W (m, n), b (m,). One row, for three would make two copies on the way


matmul.reach = outer.reach = linear.reach = "product"


def _weighted_sum(inputs: tuple[float, ...]) -> float:
    """w·x + b of 2n + 1 floats: w₁ … wₙ, x₁ … xₙ, b."""
    n = len(inputs) // 2
    return sum(map(operator.mul, inputs, inputs[n:-1]), inputs[-1])  # map ends with the shorter


weighted_sum = structural(
    _weighted_sum, lambda g, y, *inputs: weights_and_inputs(g, inputs), name="weighted_sum",
    symbol="w·x+b", many=True,
)  # a whole neuron w·x + b as one node


def weights_and_inputs(g: Any, inputs: tuple[Any, ...]) -> list[Any]:
    """∂/∂wᵢ = xᵢ,  ∂/∂xᵢ = wᵢ,  ∂/∂b = 1."""
    n = len(inputs) // 2
    return [*[g * other for other in inputs[n:-1] + inputs[:n]], g]


total = structural(
    lambda inputs: sum(inputs, -0.0), lambda g, y, *inputs: [g] * len(inputs), name="total",
    symbol="sum", many=True,
)  # a sum of many Values as one node


def common_consumer(nodes: Sequence[Node]) -> Node:
    """A node that depends on all of these, from which the graph can be gone through."""
    return made(total, 0.0, tuple([y.value for y in nodes]), tuple(nodes), {})


# ── sums over named axes, and over neighbours ────────────────────────────────────────────────


class _Einsum(Structural):
    """A sum of products over named axes, every name written out and once in each operand."""

    __slots__ = ()

    def pull(self, g: Any, y: Any, xs: tuple[Any, ...], node: Node) -> Sequence[Any]:
        """For the operands that are nodes; the others' would cost as much."""
        return [
            None if parent is None else self.pullbacks[0](i, g, xs, **node.params)
            for i, parent in enumerate(node.parents)
        ]


def _in_the_place_of(i: int, g: Any, operands: tuple[Any, ...], *, subscripts: str) -> Any:
    """∂/∂A is the same sum with A's place and the output's exchanged."""
    inputs, output = subscripts.split("->")
    names = inputs.split(",")
    others = ",".join([output, *names[:i], *names[i + 1:]])
    return einsum([g, *operands[:i], *operands[i + 1:]], subscripts=f"{others}->{names[i]}")


einsum = _Einsum(
    lambda operands, subscripts: np.einsum(subscripts, *operands, optimize=len(operands) > 2),
    _in_the_place_of, name="einsum", symbol="Σ", many=True,
)


def _correlate(g: Any, other: Any) -> Any:
    """Σₖ gₙ₊ₖ·otherₖ, wherever all of `other` is inside."""
    m = shape(other)[0]
    return convolve(g, other[::-1])[m - 1 : shape(g)[0]]


convolve = structural(
    lambda a, v: np.convolve(a, v),
    lambda g, y, a, v: _correlate(g, v), lambda g, y, a, v: _correlate(g, a), name="convolve",
)

# ── inverses and determinants ────────────────────────────────────────────────────────────────


@structural(np.linalg.inv, symbol="⁻¹")
def inv(g, y, a):  # type: ignore[no-untyped-def]
    """−Yᵀ G Yᵀ."""
    return -matmul(matmul(swap(y), g), swap(y))


def _solve_or_nan(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """np.linalg.solve for stacks of matrices, with nan where a matrix is singular."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:  # some matrix of the stack; the others have their solutions
        usable = [_is_usable(matrix) for matrix in a.reshape(-1, *a.shape[-2:])]
        mask = np.reshape(usable, (*a.shape[:-2], 1, 1))
        safe = np.where(mask, a, np.eye(a.shape[-1], dtype=a.dtype))
        return np.where(mask, np.linalg.solve(safe, b), np.nan).astype(np.result_type(a, b))


def _is_usable(matrix: np.ndarray) -> bool:
    try:
        np.linalg.solve(matrix, matrix)
    except np.linalg.LinAlgError:
        return False
    return True


_solve_rules = (
    lambda g, y, a, b: unbroadcast(-matmul(solved(swap(a), g), swap(y)), shape(a)),
    lambda g, y, a, b: unbroadcast(solved(swap(a), g), shape(b)),
)
def decision(forward: Any, arity: int, name: str) -> Structural:
    """A row without slope: what a rule decides by numbers, a mask of 0 and 1.

    A rule that asked the raw numbers itself would freeze the answer in a program.
    """
    return Structural(lambda *xs: 1.0 * np.asarray(forward(*xs)), *[lambda *_: None] * arity,
                      name=name)


def nan_where(lost: Any, x: Any) -> Any:
    """x, but nan where it isn't determined, and then its derivatives too."""
    return x * where(lost, np.nan, 1.0)  # a chosen nan would be a constant, with the derivative 0


solve = structural(np.linalg.solve, *_solve_rules)  # of matrices; a composite promotes a vector
solved = structural(_solve_or_nan, *_solve_rules, name="solved", symbol="solve")
"""What rules use: a matrix that could just be inverted may have a transpose that can't, and no
error of NumPy's is to come out of a backward pass."""
is_singular = decision(
    lambda a: np.isnan(_solve_or_nan(a, a)).any((-2, -1)) & ~np.isnan(a).any((-2, -1)), 1,
    "is singular",
)


@structural(np.linalg.pinv, symbol="⁺")
def pinv(g, y, a, *, rcond=None, rtol=np._NoValue):  # type: ignore[no-untyped-def]
    """Golub and Pereyra (1973), for perturbations that keep the rank: others have no limit."""
    yt, gt = swap(y), swap(g)
    left = matmul(gt - matmul(a, matmul(y, gt)), matmul(y, yt))
    right = matmul(matmul(yt, y), gt - matmul(matmul(gt, y), a))
    return left + right - matmul(matmul(yt, g), yt)


@structural(np.linalg.det)
def det(g, y, a):  # type: ignore[no-untyped-def]
    """The cofactors, which a singular matrix has too."""
    return g[..., None, None] * cofactors(a)


@structural(lambda a: np.linalg.slogdet(a)[1], name="logabsdet", symbol="log|det|")
def logabsdet(g, y, a):  # type: ignore[no-untyped-def]
    """A⁻ᵀ; nan for a singular matrix, near which it goes to +∞ and to −∞."""
    singular = _is_minus_infinity(y)[..., None, None]
    regular = where(singular, np.eye(shape(a)[-1]), a)
    sent = g[..., None, None] * swap(solved(regular, _eye_like(a)))
    none = 0.0 * where(singular, y[..., None, None], 0.0)  # as a function of every entry
    return nan_where(singular, sent + none)


_is_minus_infinity = decision(np.isneginf, 1, "is −∞")


def _eye_like(a: Any) -> np.ndarray:
    """The identity, once for each matrix in a stack."""
    return np.broadcast_to(np.eye(shape(a)[-1], dtype=value_of(a).dtype), shape(a))


_SMALL, _MOST = 8, 5e7  # rows of a matrix; numbers in all minors


def _has_usable_inverse(a: np.ndarray, derivatives: bool) -> bool:
    """Whether det·A⁻ᵀ has its digits: always, if det can be represented (Stewart 1998).

    But its own derivatives lose them with the square of the condition.
    """
    value = np.abs(np.linalg.det(a))
    if np.isnan(value).any():  # nan in gives nan out, either way
        return True
    limits = np.finfo(value.dtype)
    representable = (value > limits.tiny / limits.eps) & (value < np.inf)
    well = not derivatives or np.all(np.linalg.cond(a) < limits.eps**-0.25)
    return bool(np.all(representable) and well)


def cofactors(a: Any) -> Any:
    """∂det/∂A: the determinants of A with one row and one column struck out.

    det·A⁻ᵀ where A is large and well-conditioned; n² determinants where it is small, or near a
    singular matrix. Raises `GraphError` for one of those that is too large.
    """
    n = shape(a)[-1]
    too_large = math.prod(shape(a)) * n**2 > _MOST
    derivatives = not too_large or isinstance(a, Node)
    if n > _SMALL and _has_usable_inverse(value_of(a), derivatives=derivatives):
        return det(a)[..., None, None] * swap(inv(a))
    if too_large:
        raise GraphError(
            f"the determinant of a {n}×{n} matrix is so near 0 (or so large) that its derivative "
            "would need n² determinants more: use np.linalg.slogdet, or a smaller matrix"
        )
    kept = np.array([[j for j in range(n) if j != i] for i in range(n)], int)
    kept = kept.reshape(n, max(n - 1, 0))
    minors = det(a[..., kept[:, None, :, None], kept[None, :, None, :]])
    return minors * (-1.0) ** np.add.outer(range(n), range(n))

state("products", matmul, outer, weighted_sum, einsum, convolve)
state("multilinear", matmul, outer, einsum, convolve)
state("solves", inv, solve, pinv, det, logabsdet)
