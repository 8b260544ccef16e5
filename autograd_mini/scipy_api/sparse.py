"""`ag.scipy.sparse`: the product of a constant sparse matrix with a node.

`A @ x`, `x @ A`, `A.dot(x)`, `ag.matmul(A, x)` and `np.dot(A, x)` all come here, for matrices and
arrays of any of SciPy's formats. The result is dense, and so is the gradient; A is a constant.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import scipy.sparse as ssp

from ..errors import NotDifferentiableError, ShapeError
from ..graph import Node
from ..ops import shape, swap
from ..ops.facts import state
from ..primitive import structural
from ..recording import check_real
from .calls import missing, of_plain

__all__ = ["matmul"]


def __getattr__(name: str) -> Any:
    """A name of SciPy's that is none here: of plain numbers SciPy's."""
    if name.startswith("_") or not hasattr(ssp, name):
        raise missing("ag.scipy.sparse", name, __all__)
    return of_plain(f"scipy.sparse.{name}", getattr(ssp, name))


def __dir__() -> list[str]:
    return sorted(__all__)


sparse_product = structural(
    lambda x, A: np.asarray(A @ x), lambda g, y, x, *, A: sparse_product(g, A=A.T),
    name="sparse @", symbol="@",
)  # Aᵀ g: linear in x
state("products", sparse_product)


def matmul(a: Any, b: Any) -> Any:
    """a @ b, where one of the two is a sparse matrix, a constant, and the other may be a node.

    a sparse: (m, n), b: (n,) or (n, k); or b sparse and a: (n,) or (k, n). Of plain numbers SciPy's
    own. Raises `ShapeError` for other shapes, `NotDifferentiableError` for a sparse vector.

    >>> import numpy as np, scipy.sparse, autograd_mini as ag
    >>> A = scipy.sparse.csr_array(np.array([[0.0, 2.0], [3.0, 0.0]]))
    >>> ag.grad(lambda x: np.sum((A @ x) ** 2))(np.array([1.0, 2.0]))
    array([18., 16.])
    """
    if not isinstance(a, Node) and not isinstance(b, Node):
        return a @ b
    x, A = (a, b) if isinstance(a, Node) else (b, a)
    if A.ndim != 2:
        raise NotDifferentiableError("a sparse vector can't be multiplied with a node: write "
                                     "A.toarray() @ x")
    inner = A.shape[0 if x is a else 1]
    fits = len(shape(x)) in (1, 2) and shape(x)[-1 if x is a else 0] == inner
    if not fits:
        raise ShapeError(f"matmul: the shapes {shape(a)} and {shape(b)} don't fit (of a sparse "
                         "matrix only products with a vector or a matrix are known)")
    A = _kept(A)
    if x is b:
        return sparse_product(x, A=A)
    return swap(sparse_product(swap(x), A=A.T)) if len(shape(x)) == 2 else (
        sparse_product(x, A=A.T))


_copies: dict[int, tuple[Any, Any]] = {}


def _kept(A: Any) -> Any:
    """A copy of A, for its numbers may change later; one for all products while they don't."""
    rows = A.tocsr()
    check_real(rows.data, "a sparse matrix")
    known, copy = _copies.get(id(A), (None, None))
    if known is not None and known() is A and copy.dtype == rows.dtype and all([
            np.array_equal(getattr(copy, part), getattr(rows, part), equal_nan=part == "data")
            for part in ("data", "indices", "indptr")]):
        return copy
    copy, key = rows.copy() if rows is A else rows, id(A)
    _copies[key] = weakref.ref(A, lambda _: _copies.pop(key, None)), copy
    return copy
