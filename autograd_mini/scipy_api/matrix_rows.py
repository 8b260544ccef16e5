"""Rows for scipy.linalg: triangular and banded equations, Sylvester's, and e to a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from ..ops import concatenate, matmul, shape, sum, swap
from ..ops.facts import state
from ..primitive import structural

__all__ = ["expm", "frechet", "root", "solve_banded", "solve_triangular", "sylvester"]


# ── a triangle ───────────────────────────────────────────────────────────────────────────────


def _solve_triangular(a: Any, b: Any, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    # nan in gives nan out: a check that raises would end a backward pass
    return sl.solve_triangular(a, b, trans, lower, unit_diagonal, check_finite=False)


def _from_matrix(g: Any, y: Any, a: Any, b: Any, *, trans: int = 0, lower: bool = False,
                 unit_diagonal: bool = False) -> Any:
    """−A⁻ᵀ G Yᵀ, of the triangle that is read."""
    n = shape(a)[-1]
    back = solve_triangular(a, g, trans=1 - trans, lower=lower, unit_diagonal=unit_diagonal)
    whole = matmul(y, swap(back)) if trans else matmul(back, swap(y))
    read = np.tri(n, k=-1 if unit_diagonal else 0)
    return -whole * (read if lower else read.T)


def _from_side(g: Any, y: Any, a: Any, b: Any, *, trans: int = 0, lower: bool = False,
               unit_diagonal: bool = False) -> Any:
    """A⁻ᵀ G."""
    return solve_triangular(a, g, trans=1 - trans, lower=lower, unit_diagonal=unit_diagonal)


solve_triangular = structural(_solve_triangular, _from_matrix, _from_side,
                              name="scipy.linalg.solve_triangular", symbol="solve")

# ── diagonals ────────────────────────────────────────────────────────────────────────────────


def _transposed(ab: Any, below: int, above: int) -> Any:
    """The bands of the transposed matrix, from ab[u + i − j, j] = a[i, j]."""
    n = shape(ab)[-1]
    r, i = np.ogrid[: below + above + 1, :n]
    j = i + r - below
    return ab[below + above - r, np.clip(j, 0, n - 1)] * ((j >= 0) & (j < n))


def _from_bands(g: Any, y: Any, ab: Any, b: Any, *, below: int, above: int) -> Any:
    """−A⁻ᵀ G Yᵀ, of the entries that are in the bands."""
    n = shape(ab)[-1]
    back = _from_banded_side(g, y, ab, b, below=below, above=above)
    r, j = np.ogrid[: below + above + 1, :n]
    i = r - above + j
    inside = (i >= 0) & (i < n)
    return -sum(back[np.clip(i, 0, n - 1)] * y[None], axis=-1) * inside


def _from_banded_side(g: Any, y: Any, ab: Any, b: Any, *, below: int, above: int) -> Any:
    """A⁻ᵀ G."""
    return solve_banded(_transposed(ab, below, above), g, below=above, above=below)


solve_banded = structural(
    lambda ab, b, below, above: sl.solve_banded((below, above), ab, b, check_finite=False),
    _from_bands, _from_banded_side, name="scipy.linalg.solve_banded", symbol="solve")

# ── Sylvester's equation, and a root ─────────────────────────────────────────────────────────


def _sylvester_back(g: Any, a: Any, b: Any) -> Any:
    """Z with AᵀZ + ZBᵀ = G, what the right side gets."""
    return sylvester(swap(a), swap(b), g)


sylvester = structural(
    sl.solve_sylvester,
    lambda g, y, a, b, q: -matmul(_sylvester_back(g, a, b), swap(y)),
    lambda g, y, a, b, q: -matmul(swap(y), _sylvester_back(g, a, b)),
    lambda g, y, a, b, q: _sylvester_back(g, a, b),
    name="scipy.linalg.solve_sylvester", symbol="solve",
)  # of AX + XB = Q: dX solves it for the right side dQ − dA X − X dB

root = structural(
    lambda a: sl.sqrtm(a).astype(a.dtype), lambda g, y, a: _sylvester_back(g, y, y),
    name="scipy.linalg.sqrtm", symbol="√",
)  # dX X + X dX = dA

# ── e to a matrix ────────────────────────────────────────────────────────────────────────────

expm = structural(
    sl.expm, lambda g, y, a: frechet(swap(a), g), name="scipy.linalg.expm", symbol="e^",
)  # the adjoint of the derivative L(A, ·) is L(Aᵀ, ·) (Higham 2008, "Functions of matrices", 3.2)


def _frechet(a: Any, e: Any) -> Any:
    """The derivative of e to the a in the direction e, for each in a stack."""
    lead, n = np.broadcast_shapes(shape(a)[:-2], shape(e)[:-2]), shape(a)[-1]
    pairs = zip(np.broadcast_to(a, (*lead, n, n)).reshape(-1, n, n),
                np.broadcast_to(e, (*lead, n, n)).reshape(-1, n, n), strict=True)
    found = [sl.expm_frechet(x, y, compute_expm=False, check_finite=False) for x, y in pairs]
    return np.reshape(found, (*lead, n, n)).astype(np.result_type(a, e))


def _blocks(p: Any, q: Any) -> Any:
    """[[p, q], [0, p]]."""
    top, zero = concatenate([p, q], axis=-1), 0.0 * p
    return concatenate([top, concatenate([zero, p], axis=-1)], axis=-2)


def _second(g: Any, y: Any, a: Any, e: Any) -> Any:
    """By a: the upper right block of L([[Aᵀ, Eᵀ], [0, Aᵀ]], diag(G, G)) (Higham and Relton 2014).
    """
    n = shape(a)[-1]
    both = frechet(_blocks(swap(a), swap(e)), _blocks(g, 0.0 * g))
    return both[..., :n, n:]


frechet = structural(_frechet, _second, lambda g, y, a, e: frechet(swap(a), g),
                     name="scipy.linalg.expm_frechet", symbol="L")

state("solves", solve_triangular, solve_banded, sylvester, root)
