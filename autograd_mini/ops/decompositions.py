"""The table, part 11: decompositions of matrices, Cholesky, QR, eigh and svd.

The rules are those of Giles (2008), see `linalg.py`, unless another source is named. All work on
stacks of matrices. A function for symmetric matrices (cholesky, eigh) reads one triangle only, and
that function is differentiated: the entries of the other triangle have the gradient 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import also, structural
from .arithmetic import where
from .facts import state
from .linalg import decision, det, inv, logabsdet, matmul, nan_where, pinv, solved, swap
from .reductions import sum
from .shapes import shape


def _halved(x: Any) -> Any:
    """The lower triangle with half the diagonal."""
    n = shape(x)[-1]
    return x * (np.tri(n) - 0.5 * np.eye(n))


def of_one_triangle(x: Any, UPLO: str = "L") -> Any:
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
    return of_one_triangle(solved(swap(y), swap(middle)))


@structural(lambda a: np.linalg.qr(a)[0], name="orthonormal", symbol="Q")
def orthonormal(g, y, a):  # type: ignore[no-untyped-def]
    """(G − Q sym(Φ)) R⁻ᵀ for the Q of a = QR, of full column rank (Walter and Lehmann 2010).

    Without full rank Q isn't determined: nan.
    """
    r, m = matmul(swap(y), a), _halved(matmul(swap(g), y))
    lost = _has_dependent_columns(r)
    regular = where(lost, np.eye(shape(r)[-1]), r)  # LAPACKs differ in what a singular one does
    sent = swap(solved(regular, swap(g - matmul(y, m + swap(m)))))
    return nan_where(lost, sent)


def _depends(r: np.ndarray) -> Any:
    """For the R of a QR, whether a column is a combination of those before it, but for rounding."""
    size = np.max(np.abs(r), axis=-2, initial=0.0)
    small = 4 * shape(r)[-1] * np.finfo(r.dtype).eps * size  # whatever the units of a column
    return np.any(np.abs(np.diagonal(r, 0, -2, -1)) <= small, axis=-1)[..., None, None]


_has_dependent_columns = decision(_depends, 1, "has dependent columns")


def _rounding(x: np.ndarray) -> Any:
    """How many ulps numbers along the last axis may be off, as a part of the largest."""
    return 4 * shape(x)[-1] * np.finfo(x.dtype).eps


def _gaps(x: np.ndarray) -> Any:
    return np.abs(x[..., None, :] - x[..., :, None])


def negligible(s: np.ndarray) -> Any:
    """Which singular values are 0 but for the rounding of the largest."""
    return s <= _rounding(s) * np.max(s, axis=-1, keepdims=True, initial=0.0)


equal_eigenvalues = decision(
    lambda w: _gaps(w) <= _rounding(w) * np.max(np.abs(w), axis=-1, initial=0.0)[..., None, None],
    1, "equal eigenvalues",
)
equal_singular_values = decision(
    lambda s: _gaps(s) <= _rounding(s) * np.maximum(s[..., None, :], s[..., :, None]), 1,
    "equal singular values",
)  # relative to the two, for those of diag(10¹⁷, 1, 2) count
_differ = decision(
    lambda g, even: np.abs(g - even) > _rounding(g) * np.max(
        np.abs(g), axis=-1, keepdims=True, initial=0.0), 2, "differ"
)
_not_at_zero = decision(lambda g, s: (s == 0) & (g != 0), 2, "slope at σ = 0")
kinked = structural(
    lambda x, c: np.positive(x), lambda g, y, x, c: g * where(c, np.nan, 1.0), lambda *_: None,
    name="kinked", symbol="=",
)  # x; where c, what is found by a choice at a kink: its own derivative is nan


def _apart(x: Any, alike: Any) -> Any:
    """1/(xⱼ − xᵢ), and 0 on the diagonal; nan for a pair too near for a derivative to exist."""
    same = np.eye(shape(x)[-1], dtype=bool)
    gap = where(same, 1.0, where(alike, 1.0, x[..., None, :] - x[..., :, None]))
    return where(same, 0.0, where(alike, np.nan, 1.0 / gap))


def evenly(g: Any, w: Any, alike: Any) -> Any:
    """The cotangents of equal values shared evenly: at such a kink the least subgradient.

    g: those of the values w. Where they are equal they stay what they are, so that they can be
    differentiated again.
    """
    share = alike / sum(alike, axis=-1, keepdims=True)
    even = matmul(share, g[..., None])[..., 0]
    differ = _differ(g, even)
    return kinked(where(differ, even, g) + 0.0 * w, differ)  # at a kink of w, even if g is plain


@structural(np.linalg.eigvalsh, symbol="λ")
def eigvalsh(g, y, a, *, UPLO="L"):  # type: ignore[no-untyped-def]
    """V diag(g) Vᵀ, where g is shared among equal eigenvalues."""
    v = eigenvectors(a, UPLO=UPLO)
    whole = matmul(v * evenly(g, y, equal_eigenvalues(y))[..., None, :], swap(v))
    return of_one_triangle(whole, UPLO)


@structural(lambda a, UPLO="L": np.linalg.eigh(a, UPLO)[1], name="eigenvectors", symbol="V")
def eigenvectors(g, y, a, *, UPLO="L"):  # type: ignore[no-untyped-def]
    """V (F ∘ VᵀG) Vᵀ, with Fᵢⱼ = 1/(λⱼ − λᵢ). With equal eigenvalues see `equal_values.py`."""
    w = eigvalsh(a, UPLO=UPLO)
    inner = _apart(w, equal_eigenvalues(w)) * matmul(swap(y), g)
    return of_one_triangle(matmul(matmul(y, inner), swap(y)), UPLO)


@structural(lambda a: np.linalg.svd(a, full_matrices=False)[1], name="svdvals", symbol="σ")
def svdvals(g, y, a):  # type: ignore[no-untyped-def]
    """U diag(g) Vᵀ, where g is shared among equal σ, and is 0 for σ = 0: at kinks the least."""
    return matmul(left_vectors(a) * least(g, y)[..., None, :], swap(right_vectors(a)))


def least(g: Any, s: Any) -> Any:
    """The cotangents of singular values as a subgradient of least norm."""
    g = evenly(g, s, equal_singular_values(s))
    at_zero = _not_at_zero(g, s)
    return kinked(where(at_zero, 0.0, g) + 0.0 * s, at_zero)


also(np.linalg.svdvals, svdvals)  # not itself: its σ differ from those with U and V in rounding


def _of_vectors(g: Any, u: Any, s: Any, v: Any) -> Any:
    """The pullback of U for a = U diag(s) Vᵀ; exchange U and V and it is that of aᵀ's.

    Where σ is 0 but for rounding, nothing determines its vectors, and a cotangent that isn't 0
    there gives nan; but one that has σ as a factor (as in U·diag(s)·Vᵀ) is as good as any, if σ
    isn't quite 0. For σ = 0 and for equal σ see `equal_values.py`.
    """
    m = matmul(swap(u), g)
    turn = m - swap(m)
    lost = _turn_is_lost(turn, m, s, g)
    inner = nan_where(lost, _apart(s * s, equal_singular_values(s)) * turn * s[..., None, :])
    if shape(u)[-2] > shape(u)[-1]:  # what leaves the space that the columns span
        out = g - matmul(u, m)
        none = nan_where(_out_is_lost(out, s, g), out / s[..., None, :])
        return matmul(matmul(u, inner) + none, swap(v))
    return matmul(matmul(u, inner), swap(v))


def _is_large(x: np.ndarray, g: np.ndarray) -> Any:
    """What is no longer rounding, in a stack of matrices made of cotangents."""
    top = np.max(np.abs(g), axis=(-2, -1), keepdims=True, initial=0.0)
    return np.abs(x) > top * np.finfo(g.dtype).eps ** 0.5


def follows(turn: np.ndarray, m: np.ndarray, s: np.ndarray, g: np.ndarray) -> Any:
    """Which pairs of vectors count because one, which nothing determines, follows the other.

    Where there is more than one direction for it, the one that it takes isn't differentiable.

    turn: m − mᵀ, for m the vectors times their cotangents g; s: the singular values.
    """
    none = negligible(s)
    free = shape(g)[-2] - np.sum(~none, axis=-1) > 1
    asked = none[..., None, :] & _is_large(m, g) & free[..., None, None]
    return (asked | np.swapaxes(asked, -1, -2)) & _is_large(turn, g)


def _turns_lost(turn: np.ndarray, m: np.ndarray, s: np.ndarray, g: np.ndarray) -> Any:
    none = negligible(s)
    both = none[..., None, :] & none[..., :, None]
    return (both & _is_large(turn, g)) | (s == 0)[..., None, :] | follows(turn, m, s, g)


_turn_is_lost = decision(_turns_lost, 4, "turn is lost")
_out_is_lost = decision(
    lambda out, s, g: negligible(s)[..., None, :] & _is_large(out, g), 3,
    "out is lost",
)
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

for _row in (inv, pinv, det, logabsdet, cholesky, orthonormal, eigvalsh, eigenvectors, svdvals,
             left_vectors, right_vectors):
    _row.reach = "matrix"  # functions of each matrix in a stack

state("solves", cholesky, orthonormal)
