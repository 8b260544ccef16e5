"""`ag.scipy.linalg`: SciPy's linear algebra on nodes, with SciPy's defaults.

Where SciPy's function is NumPy's but for its defaults (cholesky's triangle, eigh's), it is the
same row of the table. The rules of the others are those of Giles (2008), "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation", unless another source
is named.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from .. import ops
from ..errors import NotDifferentiableError, ShapeError
from ..functions import algebra, norm as any_norm
from ..functions.composed import dtype_of
from ..graph import value_of
from ..ops import concatenate, reshape, shape, swap, where
from ..ops.linalg import decision
from .calls import array_of, missing, of_plain, on_nodes
from .matrix_rows import (
    expm as _expm,
    frechet,
    root,
    solve_banded as _banded,
    solve_triangular as _triangular,
    sylvester,
)

__all__ = ["block_diag", "cho_factor", "cho_solve", "cholesky", "det", "eigh", "eigvalsh", "expm",
           "expm_frechet", "inv", "lstsq", "norm", "pinv", "solve", "solve_banded",
           "solve_sylvester", "solve_triangular", "sqrtm", "svd", "svdvals"]


def __getattr__(name: str) -> Any:
    """A name of SciPy's that is none here: of plain numbers SciPy's."""
    if name.startswith("_") or not hasattr(sl, name):
        raise missing("ag.scipy.linalg", name, __all__)
    return of_plain(f"scipy.linalg.{name}", getattr(sl, name))


def __dir__() -> list[str]:
    return sorted(__all__)


def _one_matrix(function: str, *matrices: Any) -> tuple[Any, ...]:
    """The arguments as nodes or arrays. Raises `ShapeError` for a stack of matrices."""
    found = tuple(array_of(x) for x in matrices)
    if any(len(shape(x)) > 2 for x in found):
        raise ShapeError(f"scipy.linalg.{function} of nodes takes one matrix, not a stack of shape "
                         f"{[shape(x) for x in found]}: call it for each, and join with np.stack")
    return found


# ── equations ────────────────────────────────────────────────────────────────────────────────


@on_nodes("scipy.linalg.solve_triangular", sl.solve_triangular)
def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False,
                     unit_diagonal: bool = False) -> Any:
    """The x with a·x = b (trans=1: aᵀ·x = b), of a only one triangle is read.

    a: (n, n); b: (n,) or (n, k). unit_diagonal: the diagonal counts as 1, whatever stands there.
    Raises `ShapeError` for a stack, `LinAlgError` for a 0 on the diagonal.

    >>> import numpy as np, autograd_mini as ag
    >>> a = np.array([[2.0, 0.0], [1.0, 4.0]])
    >>> ag.grad(lambda b: np.sum(ag.scipy.linalg.solve_triangular(a, b, lower=True)))(np.ones(2))
    array([0.375, 0.25 ])
    """
    a, b = _one_matrix("solve_triangular", a, b)
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"trans must be 0, 1, 2, 'N', 'T' or 'C', not {trans!r}")
    given = {"trans": int(trans not in (0, "N")), "lower": bool(lower),
             "unit_diagonal": bool(unit_diagonal)}
    if len(shape(b)) == 1:
        return _triangular(a, reshape(b, (-1, 1)), **given)[..., 0]
    return _triangular(a, b, **given)


@on_nodes("scipy.linalg.cho_factor", sl.cho_factor)
def cho_factor(a: Any, lower: bool = False) -> tuple[Any, bool]:
    """The Cholesky factor of a, and whether it is the lower one, for `cho_solve`.

    SciPy leaves a's own entries in the other triangle; here they are 0.
    """
    return cholesky(a, lower), lower


@on_nodes("scipy.linalg.cho_solve", sl.cho_solve)
def cho_solve(c_and_lower: Any, b: Any) -> Any:
    """The x with a·x = b, where a is given by what `cho_factor` made of it.

    >>> import numpy as np, autograd_mini as ag
    >>> def f(a):
    ...     return ag.scipy.linalg.cho_solve(ag.scipy.linalg.cho_factor(a), np.ones(1))[0]
    >>> ag.grad(f)(np.array([[2.0]]))
    array([[-0.25]])
    """
    c, lower = c_and_lower
    y = solve_triangular(c, b, trans=0 if lower else 1, lower=lower)
    return solve_triangular(c, y, trans=1 if lower else 0, lower=lower)


@on_nodes("scipy.linalg.solve", sl.solve)
def solve(a: Any, b: Any, lower: bool = False, assume_a: Any = None, transposed: bool = False
          ) -> Any:
    """The x with a·x = b (transposed: aᵀ·x = b); a is any matrix, of which all is read."""
    if assume_a not in (None, "gen", "general"):
        raise NotDifferentiableError(
            f"scipy.linalg.solve(assume_a={assume_a!r}) isn't supported for nodes: leave it out, "
            "or use cho_solve, solve_triangular or solve_banded, which say what they read")
    a, b = _one_matrix("solve", a, b)
    return algebra.solve(swap(a) if transposed else a, b)


@on_nodes("scipy.linalg.solve_banded", sl.solve_banded)
def solve_banded(l_and_u: Any, ab: Any, b: Any) -> Any:
    """The x with a·x = b, a of l diagonals below and u above: ab[u + i − j, j] is a[i, j].

    ab: (l + u + 1, n); b: (n,) or (n, k).
    """
    ab, b = _one_matrix("solve_banded", ab, b)
    below, above = (int(n) for n in l_and_u)
    if len(shape(b)) == 1:
        return _banded(ab, reshape(b, (-1, 1)), below=below, above=above)[..., 0]
    return _banded(ab, b, below=below, above=above)


@on_nodes("scipy.linalg.solve_sylvester", sl.solve_sylvester)
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """The x with a·x + x·b = q."""
    return sylvester(*_one_matrix("solve_sylvester", a, b, q))


@on_nodes("scipy.linalg.lstsq", sl.lstsq)
def lstsq(a: Any, b: Any, cond: Any = None) -> tuple[Any, Any, int, Any]:
    """The x that minimises |a·x − b|², the residues, the rank (a constant), the singular values.

    cond: singular values below cond times the largest count as 0; a rounding, if it isn't given.
    """
    a, b = _one_matrix("lstsq", a, b)
    cond = np.finfo(dtype_of(a)).eps if cond is None else cond
    x, residues, rank, s = algebra.lstsq(a, b, cond)
    single = len(shape(b)) == 1 and shape(residues) == (1,)
    return x, residues[0] if single else residues, rank, s


# ── inverses, determinants, norms ────────────────────────────────────────────────────────────


@on_nodes("scipy.linalg.inv", sl.inv)
def inv(a: Any) -> Any:
    """The inverse of a matrix, or of each in a stack."""
    return ops.inv(array_of(a))


@on_nodes("scipy.linalg.pinv", sl.pinv)
def pinv(a: Any, *, rtol: Any = None) -> Any:
    """The pseudo-inverse; singular values below rtol (max(m, n) roundings) of the largest are 0."""
    a, = _one_matrix("pinv", a)
    rtol = max(shape(a)) * np.finfo(dtype_of(a)).eps if rtol is None else rtol
    return ops.pinv(a, rcond=rtol)


@on_nodes("scipy.linalg.det", sl.det)
def det(a: Any) -> Any:
    """The determinant of a matrix, or of each in a stack."""
    return ops.det(array_of(a))


@on_nodes("scipy.linalg.norm", sl.norm)
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of a vector or a matrix, as `np.linalg.norm`."""
    return any_norm(array_of(a), ord, axis, keepdims)


@on_nodes("scipy.linalg.block_diag", sl.block_diag)
def block_diag(*arrs: Any) -> Any:
    """The matrix with these along its diagonal, and 0 elsewhere; a vector counts as one row."""
    blocks = [reshape(x, (1, -1)) if len(shape(x)) < 2 else x for x in map(array_of, arrs)]
    _one_matrix("block_diag", *blocks)
    width, at, rows = sum(shape(x)[1] for x in blocks), 0, []
    dtype = np.result_type(*[dtype_of(x) for x in blocks])
    for x in blocks:
        m, n = shape(x)
        rows.append(concatenate([np.zeros((m, at), dtype), x,
                                 np.zeros((m, width - at - n), dtype)], axis=1))
        at += n
    return concatenate(rows, axis=0)


# ── decompositions ───────────────────────────────────────────────────────────────────────────


@on_nodes("scipy.linalg.cholesky", sl.cholesky)
def cholesky(a: Any, lower: bool = False) -> Any:
    """The triangular U with Uᵀ·U = a (lower: L·Lᵀ = a), of which only this triangle is read.

    The gradient is 0 for the other triangle: that of `ag.symmetric(a)` is the symmetric one.
    """
    return algebra.cholesky(array_of(a), upper=not lower)


_opposite = decision(
    lambda ours, theirs: np.sum(ours * theirs, axis=-2, keepdims=True) < 0, 2, "opposite vectors")
_eigenvectors = decision(
    lambda a, low: sl.eigh(a, lower=bool(np.ravel(low)[0]))[1], 2, "SciPy's eigenvectors")
_left_vectors = decision(lambda a: sl.svd(a, full_matrices=False)[0], 1, "SciPy's left vectors")


@on_nodes("scipy.linalg.eigh", sl.eigh)
def eigh(a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False) -> Any:
    """Eigenvalues, ascending, and eigenvectors (columns); of a only one triangle is read.

    The vectors have SciPy's signs. Raises `NotDifferentiableError` for a second matrix b.
    """
    if b is not None:
        raise NotDifferentiableError("scipy.linalg.eigh(a, b) isn't differentiable here: with L = "
                                     "cholesky(b, lower=True) it is eigh of L⁻¹ a L⁻ᵀ")
    a, = _one_matrix("eigh", a)
    w, v = algebra.eigh(a, "L" if lower else "U")
    if eigvals_only:
        return w
    return w, where(_opposite(v, _eigenvectors(a, float(lower))), -v, v)


@on_nodes("scipy.linalg.eigvalsh", sl.eigvalsh)
def eigvalsh(a: Any, b: Any = None, *, lower: bool = True) -> Any:
    """The eigenvalues of `eigh`."""
    return eigh(a, b, lower=lower, eigvals_only=True)


@on_nodes("scipy.linalg.svd", sl.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """U, the singular values, and Vᵀ, of SciPy's signs.

    Raises `NotDifferentiableError` for full_matrices of a matrix that isn't square.
    """
    a, = _one_matrix("svd", a)
    if not compute_uv:
        return ops.svdvals(a)
    u, s, vh = algebra.svd(a, full_matrices)
    opposite = _opposite(u, _left_vectors(a))
    return where(opposite, -u, u), s, where(swap(opposite), -vh, vh)


@on_nodes("scipy.linalg.svdvals", sl.svdvals)
def svdvals(a: Any) -> Any:
    """The singular values, descending."""
    return svd(a, compute_uv=False)


# ── functions of matrices ────────────────────────────────────────────────────────────────────


@on_nodes("scipy.linalg.expm", sl.expm)
def expm(A: Any) -> Any:
    """e to the A, Σ Aᵏ/k!, of a matrix or of each in a stack.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.grad(lambda a: np.trace(ag.scipy.linalg.expm(a)))(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    return _expm(_square("expm", array_of(A)))


@on_nodes("scipy.linalg.expm_frechet", sl.expm_frechet)
def expm_frechet(A: Any, E: Any, method: Any = None, compute_expm: bool = True) -> Any:
    """e to the A, and its derivative in the direction E."""
    A, E = _one_matrix("expm_frechet", A, E)
    derivative = frechet(A, E)
    return (_expm(A), derivative) if compute_expm else derivative


@on_nodes("scipy.linalg.sqrtm", sl.sqrtm)
def sqrtm(A: Any) -> Any:
    """The x with x·x = A whose eigenvalues have real parts above 0.

    Raises `NotDifferentiableError` where it isn't real.
    """
    A, = _one_matrix("sqrtm", A)
    if np.iscomplexobj(sl.sqrtm(value_of(A))):
        raise NotDifferentiableError("scipy.linalg.sqrtm of this matrix is complex, which has no "
                                     "gradient here: A has an eigenvalue of at most 0")
    return root(A)


def _square(function: str, a: Any) -> Any:
    if len(shape(a)) < 2 or shape(a)[-1] != shape(a)[-2]:
        raise ShapeError(f"scipy.linalg.{function} takes square matrices, not shape {shape(a)}")
    return a
