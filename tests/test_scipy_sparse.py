"""A constant sparse matrix times a node, in each of SciPy's formats, however it is written."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import scipy.sparse as ssp
from scipy_cases import check

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import DTypeError, NotDifferentiableError, ShapeError
from autograd_mini.scipy_api import sparse

random = np.random.default_rng(9)
DENSE = random.normal(size=(3, 5)) * (random.random((3, 5)) < 0.5)
x, ROWS, X = random.normal(size=5), random.normal(size=(2, 3)), random.normal(size=(5, 2))
FORMATS = [f"{name}_{kind}" for name in ("csr", "csc", "coo", "bsr", "dia", "dok", "lil")
           for kind in ("array", "matrix")]
WRITTEN = {
    "A @ x": lambda A, v: A @ v, "ag.matmul(A, x)": ag.matmul, "np.matmul(A, x)": np.matmul,
    "np.dot(A, x)": np.dot, "ag.dot(A, x)": ag.dot,
}


@pytest.mark.parametrize("name", FORMATS)
def test_products_with_a_sparse_matrix(name):
    """A @ x and x @ A are those of the dense matrix, for vectors and matrices, to second order."""
    A = getattr(ssp, name)(DENSE)
    for ours, theirs, v in ((lambda v: A @ v, lambda v: DENSE @ v, x),
                            (lambda v: A @ v, lambda v: DENSE @ v, X),
                            (lambda v: v @ A, lambda v: v @ DENSE, ROWS),
                            (lambda v: v @ A, lambda v: v @ DENSE, ROWS[0])):
        y = ours(Tensor(v))
        assert isinstance(y, Tensor)
        np.testing.assert_allclose(y.data, theirs(v), rtol=1e-13)
        f, g = (lambda v, h=h: ag.sum(h(v) ** 3) for h in (ours, theirs))
        np.testing.assert_allclose(ag.grad(f)(v), ag.grad(g)(v), rtol=1e-12)
        np.testing.assert_allclose(ag.hessian(f)(v), ag.hessian(g)(v), rtol=1e-12, atol=1e-13)
    small = getattr(ssp, name)(DENSE.astype(np.float32)) @ Tensor(x.astype(np.float32))
    assert small.dtype == np.float32


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("name", ["csr_matrix", "csc_array", "coo_array"])
def test_every_spelling(written, name):
    """A product with a sparse matrix is the same however it is written."""
    A = getattr(ssp, name)(DENSE)
    y = WRITTEN[written](A, Tensor(x))
    np.testing.assert_allclose(y.data, DENSE @ x, rtol=1e-13)
    np.testing.assert_allclose(ag.gradients(ag.sum(y), y.parents[0]), DENSE.sum(0), rtol=1e-13)
    np.testing.assert_array_equal(ag.scipy.sparse.matmul(A, x), A @ x)


def test_the_method_dot():
    """A.dot(x) is A @ x, or an error that says so: never a plain array."""
    for name in FORMATS:
        A = getattr(ssp, name)(DENSE)
        if not name.startswith("coo"):
            np.testing.assert_allclose(A.dot(Tensor(x)).data, DENSE @ x, rtol=1e-13)
            continue
        with pytest.raises(NotDifferentiableError, match="A @ x"):
            A.dot(Tensor(x))


@pytest.mark.slow  # a second
def test_a_matrix_that_changes_later():
    """The gradient is of the matrix as it was; one copy serves while it doesn't change."""
    A, t = ssp.csr_array(DENSE), Tensor(x)
    first, again = A @ t, A @ t
    assert first.params["A"] is again.params["A"] is not A
    A.data[:] = 0.0
    later = A @ t
    np.testing.assert_array_equal(later.data, np.zeros(3))
    np.testing.assert_allclose(ag.gradients(ag.sum(first), t), DENSE.sum(0), rtol=1e-13)
    count = len(sparse._copies)
    del A
    gc.collect()
    assert len(sparse._copies) < count


@pytest.mark.parametrize("name", ["csr_array", "csr_matrix", "coo_array"])
@pytest.mark.parametrize("write", [
    lambda A, v: A * v, lambda A, v: v * A, lambda A, v: A + v, lambda A, v: A - v,
    lambda A, v: v - A, lambda A, v: A / v, lambda A, v: A.multiply(v), lambda A, v: np.add(A, v),
])
def test_what_is_no_product_is_refused(name, write):
    """Other operations of a sparse matrix and a node name toarray."""
    for v in (Tensor(DENSE), Value(2.0)):
        with pytest.raises((DTypeError, NotDifferentiableError), match=r"A\.toarray\(\)"):
            write(getattr(ssp, name)(DENSE), v)


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: ssp.csr_array(DENSE) @ Tensor(ROWS[0]), ShapeError, r"\(3, 5\) and \(3,\) don't fit"),
    (lambda: ssp.csr_array(DENSE) @ Tensor(np.ones((2, 5, 2))), ShapeError, "a vector or a matrix"),
    (lambda: ag.matmul(ssp.coo_array(x), Tensor(x)), NotDifferentiableError, "a sparse vector"),
    (lambda: ssp.csr_array(DENSE * 1j) @ Tensor(x), DTypeError, "only real numbers"),
    (lambda: ag.scipy.sparse.dot, AttributeError, "has no 'dot'; it has: matmul"),
])
def test_what_is_refused(call, error, message):
    """What doesn't fit, or has no product here, is an error that says why."""
    with pytest.raises(error, match=message):
        call()


def test_scipys_own_names():
    """The other names of scipy.sparse are SciPy's."""
    assert ag.scipy.sparse.csr_array is ssp.csr_array
    assert ag.scipy.sparse.eye_array(2).shape == (2, 2) and dir(ag.scipy.sparse) == ["matmul"]
    check(lambda v: ssp.csr_array(DENSE) @ v if isinstance(v, Tensor) else DENSE @ v,
          lambda v: DENSE @ v, x, single=False)
