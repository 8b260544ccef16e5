"""The table, part 6: products of vectors and matrices, and linear algebra.

The rules for decompositions are those of Giles (2008), "Collected matrix derivative results for
forward and reverse mode algorithmic differentiation", unless another source is named. All work on
stacks of matrices. A function for symmetric matrices (cholesky, eigh) reads one triangle only, and
that function is differentiated: the entries of the other triangle have the gradient 0.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import GraphError
from ..graph import KINDS, Node, is_recording, raw
from ..primitive import Structural, also, structural
from .arithmetic import where
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


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    """x Wᵀ + b, the sum in place."""
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


def _weighted_sum(inputs: tuple[float, ...]) -> float:
    """w·x + b of 2n + 1 floats: w₁ … wₙ, x₁ … xₙ, b."""
    n = len(inputs) // 2
    return sum(map(operator.mul, inputs[:n], inputs[n:-1]), inputs[-1])


class _OfNumbers(Structural):
    """A function of many Values as one node: a whole neuron w·x + b, or a sum."""

    __slots__ = ()

    def apply(self, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """As ever, but where all arguments are Values without asking each what it is."""
        try:
            inputs = tuple([a.value for a in args])
        except AttributeError:  # some are plain numbers
            return super().apply(args, params)
        y = self.forward(inputs)
        if type(y) is not float or is_recording() is not True:  # some are Tensors
            return super().apply(args, params)
        node: Any = object.__new__(KINDS[float])
        node.value, node.op, node.a, node.from_a, node.params = y, self, inputs, tuple(args), params
        node.b = node.from_b = node.gradient = None
        node.label = ""
        return node


def _weights_and_inputs(g: Any, y: Any, inputs: tuple[Any, ...], *_: Any) -> list[Any]:
    """∂/∂wᵢ = xᵢ,  ∂/∂xᵢ = wᵢ,  ∂/∂b = 1."""
    n = len(inputs) // 2
    sends = [g * other for other in inputs[n:-1] + inputs[:n]]
    sends.append(g)
    return sends


weighted_sum = _OfNumbers(
    _weighted_sum, lambda g, y, *inputs: _weights_and_inputs(g, y, inputs), name="weighted_sum",
    symbol="w·x+b", many=True,
)
weighted_sum.written_out = _weights_and_inputs

total = _OfNumbers(
    lambda inputs: sum(inputs, -0.0), lambda g, y, *inputs: [g] * len(inputs), name="total",
    symbol="sum", many=True,
)
total.written_out = lambda g, y, inputs, *_: [g] * len(inputs)


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
    return where(singular, np.nan, sent)


_is_minus_infinity = decision(np.isneginf, 1, "is −∞")


def _eye_like(a: Any) -> np.ndarray:
    """The identity, once for each matrix in a stack."""
    return np.broadcast_to(np.eye(shape(a)[-1], dtype=raw(a).dtype), shape(a))


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
    if n > _SMALL and _has_usable_inverse(raw(a), derivatives=not too_large or isinstance(a, Node)):
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


# ── decompositions ───────────────────────────────────────────────────────────────────────────


def _halved(x: Any) -> Any:
    """The lower triangle with half the diagonal."""
    n = shape(x)[-1]
    return x * (np.tri(n) - 0.5 * np.eye(n))


def _of_one_triangle(x: Any, UPLO: str = "L") -> Any:
    """The gradient of a function that reads one triangle of a symmetric matrix.

    x: its gradient as a function of all entries, or any whose symmetric part is that one's. An
    entry off the diagonal stands for its mirror image as well, and has both gradients.
    """
    n = shape(x)[-1]
    below = np.tri(n, k=-1)
    return (x + swap(x)) * ((below if UPLO in "lL" else below.T) + 0.5 * np.eye(n))


@structural(np.linalg.cholesky)
def cholesky(g, y, a):  # type: ignore[no-untyped-def]
    """L⁻ᵀ Φ(Lᵀ G) L⁻¹, Φ the lower triangle with half the diagonal (Murray 2016)."""
    middle = solved(swap(y), _halved(matmul(swap(y), g)))
    return _of_one_triangle(solved(swap(y), swap(middle)))


@structural(lambda a: np.linalg.qr(a)[0], name="orthonormal", symbol="Q")
def orthonormal(g, y, a):  # type: ignore[no-untyped-def]
    """(G − Q sym(Φ)) R⁻ᵀ for the Q of a = QR, of full column rank (Walter and Lehmann 2010).

    Without full rank Q isn't determined: nan.
    """
    r, m = matmul(swap(y), a), _halved(matmul(swap(g), y))
    lost = _has_dependent_columns(r)
    regular = where(lost, np.eye(shape(r)[-1]), r)  # LAPACKs differ in what a singular one does
    sent = swap(solved(regular, swap(g - matmul(y, m + swap(m)))))
    return where(lost, np.nan, sent)


def _depends(r: np.ndarray) -> Any:
    """For the R of a QR, whether a column is a combination of those before it, but for rounding."""
    size = np.max(np.abs(r), axis=-2, initial=0.0)
    small = 4 * shape(r)[-1] * np.finfo(r.dtype).eps * size  # whatever the units of a column
    return np.any(np.abs(np.diagonal(r, 0, -2, -1)) <= small, axis=-1)[..., None, None]


_has_dependent_columns = decision(_depends, 1, "has dependent columns")


def _negligible(x: np.ndarray) -> Any:
    """Where numbers along the last axis are 0 but for the rounding of the largest."""
    largest = np.max(x, axis=-1, keepdims=True, initial=0.0)
    return x <= 4 * shape(x)[-1] * np.finfo(x.dtype).eps * largest


def _alike(x: Any, size: Any) -> Any:
    """Which pairs of numbers (along the last axis) are equal but for the rounding of `size`."""
    x = raw(x)
    gap = np.abs(x[..., None, :] - x[..., :, None])
    return gap <= 4 * shape(x)[-1] * np.finfo(x.dtype).eps * size


def _apart(x: Any, alike: Any) -> Any:
    """1/(xⱼ − xᵢ), and 0 on the diagonal; nan for a pair too near for a derivative to exist."""
    same = np.eye(shape(x)[-1], dtype=bool)
    gap = where(same | alike, 1.0, x[..., None, :] - x[..., :, None])
    return where(same, 0.0, where(alike, np.nan, 1.0 / gap))


def _evenly(g: Any, alike: Any) -> Any:
    """The cotangents of equal values shared evenly: at such a kink the least subgradient."""
    share = alike / np.sum(alike, axis=-1, keepdims=True)
    return matmul(share.astype(raw(g).dtype), g[..., None])[..., 0]


def _equal_eigenvalues(w: Any) -> Any:
    return _alike(w, np.max(np.abs(raw(w)), axis=-1, initial=0.0)[..., None, None])


@structural(np.linalg.eigvalsh, symbol="λ")
def eigvalsh(g, y, a, *, UPLO="L"):  # type: ignore[no-untyped-def]
    """V diag(g) Vᵀ, where g is shared among equal eigenvalues."""
    v = eigenvectors(a, UPLO=UPLO)
    whole = matmul(v * _evenly(g, _equal_eigenvalues(y))[..., None, :], swap(v))
    return _of_one_triangle(whole, UPLO)


@structural(lambda a, UPLO="L": np.linalg.eigh(a, UPLO)[1], name="eigenvectors", symbol="V")
def eigenvectors(g, y, a, *, UPLO="L"):  # type: ignore[no-untyped-def]
    """V (F ∘ VᵀG) Vᵀ, with Fᵢⱼ = 1/(λⱼ − λᵢ)."""
    w = eigvalsh(a, UPLO=UPLO)
    inner = _apart(w, _equal_eigenvalues(w)) * matmul(swap(y), g)
    return _of_one_triangle(matmul(matmul(y, inner), swap(y)), UPLO)


def _equal_singular_values(s: Any) -> Any:
    s_ = raw(s)
    return _alike(s, np.maximum(s_[..., None, :], s_[..., :, None]))


@structural(lambda a: np.linalg.svd(a, full_matrices=False)[1], name="svdvals", symbol="σ")
def svdvals(g, y, a):  # type: ignore[no-untyped-def]
    """U diag(g) Vᵀ, where g is shared among equal σ, and is 0 for σ = 0: at kinks the least."""
    g = where(raw(y) == 0, 0.0, _evenly(g, _equal_singular_values(y)))
    return matmul(left_vectors(a) * g[..., None, :], swap(right_vectors(a)))


also(np.linalg.svdvals, svdvals)  # not itself: its σ differ from those with U and V in rounding


def _of_vectors(g: Any, u: Any, s: Any, v: Any) -> Any:
    """The pullback of U for a = U diag(s) Vᵀ; exchange U and V and it is that of aᵀ's.

    Where σ is 0 but for rounding, nothing determines its vectors, and a cotangent that isn't 0
    there gives nan; but one that has σ as a factor (as in U·diag(s)·Vᵀ) is as good as any.
    """
    m = matmul(swap(u), g)
    turn = m - swap(m)
    none, large = _negligible(raw(s)), _is_large(raw(g))
    both = none[..., None, :] & none[..., :, None] & (np.abs(raw(turn)) > large)
    inner = _apart(s * s, _equal_singular_values(s) | both) * turn * s[..., None, :]
    if shape(u)[-2] > shape(u)[-1]:  # what leaves the space that the columns span
        out = g - matmul(u, m)
        lost = none[..., None, :] & (np.abs(raw(out)) > large)
        return matmul(matmul(u, inner) + where(lost, np.nan, out / s[..., None, :]), swap(v))
    return matmul(matmul(u, inner), swap(v))


def _is_large(g: np.ndarray) -> Any:
    """What is no longer rounding, in a stack of matrices of cotangents."""
    top = np.max(np.abs(g), axis=(-2, -1), keepdims=True, initial=0.0)
    return top * np.finfo(g.dtype).eps ** 0.5


left_vectors = structural(
    lambda a: np.linalg.svd(a, full_matrices=False)[0],
    lambda g, y, a: _of_vectors(g, y, svdvals(a), right_vectors(a)), name="left vectors",
    symbol="U",
)
right_vectors = structural(
    lambda a: np.swapaxes(np.linalg.svd(a, full_matrices=False)[2], -1, -2),
    lambda g, y, a: swap(_of_vectors(g, y, svdvals(a), left_vectors(a))), name="right vectors",
    symbol="V",
)

OF_EACH_MATRIX = {inv, pinv, det, logabsdet, cholesky, orthonormal, eigvalsh, eigenvectors, svdvals,
                  left_vectors, right_vectors}
"""Functions of each matrix in a stack: what isn't used of the result sends its matrix nothing."""
