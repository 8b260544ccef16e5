"""Norms and linear algebra, composed of the primitives in `ops`."""

from __future__ import annotations

import builtins
import functools
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..errors import NotDifferentiableError, ShapeError
from ..graph import value_of
from ..ops import (
    eigenvectors,
    eigvalsh,
    inv,
    is_singular,
    logabsdet,
    matmul,
    orthonormal,
    pinv,
    power,
    reshape,
    shape,
    square,
    svdvals,
    swap,
    where,
)
from ..ops.reductions import corner
from ..recording import notify_constant
from .axes import moveaxis
from .composed import as_array, stands_for, without
from .products import dot, matmul_any
from .selection import triu
from .statistics import max, min, scale_of

# ── norms ────────────────────────────────────────────────────────────────────────────────────


@stands_for(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors (an int axis) or matrices (two axes), of any `ord` that NumPy has."""
    if axis is None:
        if ord is None or (ord in ("fro", "f") and len(shape(x)) == 2):
            return without(ops.length(x), None, keepdims)
        axis = tuple(range(len(shape(x))))
    axis = (axis,) if isinstance(axis, int | np.integer) else tuple(axis)
    if not np.size(value_of(x)):  # 0 or an error, as this NumPy says
        return _of_nothing(x, np.linalg.norm(value_of(x), ord, axis, keepdims), axis, keepdims)
    if len(axis) == 1:
        return vector_norm(x, axis=axis, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axis) != 2:
        raise ShapeError(f"a norm is of vectors or matrices: one axis or two, not {axis}")
    y = _matrix_norm(moveaxis(x, axis, (-2, -1)), "fro" if ord is None else ord)
    return without(reshape(y, _kept_shape(x, axis)), axis, keepdims)


def _of_nothing(x: Any, y: Any, axis: Any, keepdims: bool) -> Any:
    """The norm y of an array without entries, as a node that depends on it."""
    return ops.sum(x, axis=axis, keepdims=keepdims) + y


def _kept_shape(x: Any, axis: tuple[int, ...]) -> tuple[int, ...]:
    reduced = ops.axes_of(x, axis)
    return tuple(1 if i in reduced else n for i, n in enumerate(shape(x)))


@stands_for(np.linalg.vector_norm)
def vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """(Σ|x|ᵖ)^(1/p) over `axis`; max |x| and min |x| for p = ±∞. At 0 the slope is 0."""
    if isinstance(ord, str):
        raise ValueError(f"a vector has no norm of ord {ord!r}")
    if ord == 2:
        y = ops.length(x, axis=axis)
    elif ord == np.inf:
        y = max(ops.abs(x), axis, True)
    elif ord == -np.inf:
        y = min(ops.abs(x), axis, True)
    elif ord == 1:
        y = ops.sum(ops.abs(x), axis=axis, keepdims=True)
    elif ord == 0:  # how many aren't 0: constant by nature
        notify_constant(x)
        y = np.sum(value_of(x) != 0, axis=axis, keepdims=True).astype(np.result_type(value_of(x)))
    else:
        y = _p_norm(x, axis, ord)
    return without(y, axis, keepdims)


def _p_norm(x: Any, axis: Any, p: float) -> Any:
    """(Σ|x|ᵖ)^(1/p), scaled so that nothing overflows."""
    scale = scale_of(x, axis)
    total = ops.sum(power(ops.abs(x / scale), p), axis=axis, keepdims=True)
    nothing = value_of(total) == 0
    if not np.any(nothing):
        return power(total, 1.0 / p) * scale
    corner_of = ops.sum(corner(x), axis=axis, keepdims=True)  # 0, with no second derivative
    return where(nothing, corner_of, power(where(nothing, 1.0, total), 1.0 / p) * scale)


@stands_for(np.linalg.matrix_norm)
def matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """The norm of each matrix in a stack: fro, nuc, ±1, ±2 or ±inf."""
    return without(reshape(_matrix_norm(x, ord), _kept_shape(x, (-2, -1))), (-2, -1), keepdims)


def _matrix_norm(x: Any, ord: Any) -> Any:
    if ord in ("fro", "f"):
        return without(ops.length(x, axis=(-2, -1)), (-2, -1), False)
    if ord == "nuc":
        return ops.sum(svdvals(x), axis=-1)
    if ord not in (1, -1, 2, -2, np.inf, -np.inf):
        raise ValueError(f"a matrix has no norm of ord {ord!r}")
    choose = max if ord > 0 else min
    if ord in (2, -2):
        return choose(svdvals(x), -1)
    sums = ops.sum(ops.abs(x), axis=-2 if ord in (1, -1) else -1)
    return choose(sums, -1)


@stands_for(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """The condition number: the norm of x times that of its inverse."""
    if p in (None, 2, -2):
        s = svdvals(x)
        return s[..., 0] / s[..., -1] if p != -2 else s[..., -1] / s[..., 0]
    singular = is_singular(x)
    regular = where(singular[..., None, None], np.eye(shape(x)[-1]), x)
    return where(singular, np.inf, _matrix_norm(x, p) * _matrix_norm(inv(regular), p))


# ── solving, determinants, powers ────────────────────────────────────────────────────────────


@stands_for(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """The x with a·x = b; b is a vector or a matrix of columns."""
    if len(shape(b)) == 1:
        return ops.solve(a, reshape(b, (-1, 1)))[..., 0]
    return ops.solve(a, b)


class LstsqResult(NamedTuple):
    """What `lstsq` returns."""

    x: Any
    residuals: Any
    rank: int
    singular_values: Any


@stands_for(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> LstsqResult:
    """The x that minimises |a·x − b|²; the rank is a constant."""
    constants = np.linalg.lstsq(value_of(a), value_of(b), rcond)
    m, n = shape(a)
    eps = np.finfo(constants[0].dtype).eps
    limit = eps * builtins.max(m, n) if rcond is None else eps if rcond < 0 else rcond
    x = matmul_any(pinv(a, rcond=limit), b)
    residuals = ops.sum(square(b - matmul_any(a, x)), axis=0, keepdims=len(shape(b)) == 1)
    full_rank = constants[2] == n < m
    return LstsqResult(x, residuals if full_rank else constants[1], constants[2], svdvals(a))


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Any
    logabsdet: Any


@stands_for(np.linalg.slogdet)
def slogdet(a: Any) -> SlogdetResult:
    """The sign of det a, a constant, and log |det a|."""
    notify_constant(a)
    return SlogdetResult(np.linalg.slogdet(value_of(a))[0], logabsdet(a))


@stands_for(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """a·a···a, n times, by squaring; of the inverse if n < 0."""
    if n < 0:
        a, n = inv(a), -n
    y = 0.0 * a + np.eye(shape(a)[-1], dtype=np.result_type(value_of(a))) if n == 0 else None
    while n:
        if n % 2:
            y = a if y is None else matmul(y, a)
        n //= 2
        a = matmul(a, a) if n else a
    return y


@stands_for(np.linalg.multi_dot)
def multi_dot(arrays: Any) -> Any:
    """The product of all, from whichever side makes the smaller matrices."""
    cheaper_last = len(shape(arrays[-1])) == 1 or shape(arrays[-1])[-1] < shape(arrays[0])[0]
    if cheaper_last:
        return functools.reduce(lambda y, a: dot(a, y), reversed(arrays))
    return functools.reduce(dot, arrays)


@stands_for(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    """The inverse for tensordot over `ind` axes."""
    lead, rest = shape(a)[:ind], shape(a)[ind:]
    flat = reshape(a, (int(np.prod(lead)), int(np.prod(rest))))
    return reshape(inv(flat), (*rest, *lead))


@stands_for(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """The x with tensordot(a, x, x.ndim) = b."""
    if axes is not None:
        a = moveaxis(a, tuple(axes), tuple(range(len(shape(a)) - len(axes), len(shape(a)))))
    rest = shape(a)[len(shape(b)):]
    flat = reshape(a, (-1, int(np.prod(rest))))
    return reshape(solve(flat, reshape(b, (-1,))), rest)


# ── decompositions ───────────────────────────────────────────────────────────────────────────


def symmetric(a: Any) -> Any:
    """(a + aᵀ)/2, the symmetric part of each matrix in a stack.

    cholesky, eigh and eigvalsh read one triangle of their matrix, and their gradient is that of
    what they read: 0 for the other triangle. Of `symmetric(a)` it is the symmetric one, which
    textbooks state. a: (…, n, n). Raises `ShapeError` for a matrix that isn't square.

    >>> import numpy as np, autograd_mini as ag
    >>> a = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> ag.grad(lambda a: np.linalg.eigvalsh(a)[1])(a).round(3)
    array([[0.5, 0. ],
           [1. , 0.5]])
    >>> ag.grad(lambda a: np.linalg.eigvalsh(ag.symmetric(a))[1])(a).round(3)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    if len(shape(a)) < 2 or shape(a)[-1] != shape(a)[-2]:
        raise ShapeError(f"symmetric needs square matrices, got the shape {shape(a)}: give it an "
                         "array of shape (…, n, n)")
    a = as_array(a)
    return 0.5 * (a + swap(a))


@stands_for(np.linalg.cholesky)
def cholesky(a: Any, upper: bool = False) -> Any:
    """The triangular L with L·Lᵀ = a, of which only the lower (or upper) triangle is read."""
    return swap(ops.cholesky(swap(a))) if upper else ops.cholesky(a)


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Any
    R: Any


@stands_for(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """Orthonormal columns Q and a triangular R with Q·R = a.

    R is QᵀA, and Q that of a's first columns, as many as there are rows, so one rule serves all.
    """
    m, n = shape(a)[-2:]
    if mode not in ("reduced", "r") and (mode != "complete" or m > n):
        raise NotDifferentiableError(
            f"qr(mode={mode!r}) of a {m}×{n} matrix isn't differentiable: its further columns "
            "aren't determined by a; use mode='reduced'"
        )
    q = orthonormal(a[..., :m] if n > m else a)
    r = triu(matmul(swap(q), a))
    return r if mode == "r" else QRResult(q, r)


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Any
    eigenvectors: Any


@stands_for(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Eigenvalues, ascending, and eigenvectors (columns); of a only the triangle UPLO is read."""
    return EighResult(eigvalsh(a, UPLO=UPLO), eigenvectors(a, UPLO=UPLO))


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Any
    S: Any
    Vh: Any


@stands_for(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
        ) -> Any:
    """U, the singular values, and Vᵀ. Of a matrix that isn't square only the reduced form."""
    if hermitian:
        raise NotDifferentiableError("svd(hermitian=True) isn't supported: leave it out, or use "
                                     "np.linalg.eigh")
    if not compute_uv:
        return svdvals(a)
    m, n = shape(a)[-2:]
    if full_matrices and m != n:
        raise NotDifferentiableError(
            f"svd of a {m}×{n} matrix with full_matrices=True isn't differentiable: the further "
            "columns aren't determined by a; use full_matrices=False"
        )
    return SVDResult(ops.left_vectors(a), svdvals(a), swap(ops.right_vectors(a)))
