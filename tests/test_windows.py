"""Windows that slide over an array, and the largest number of each: NumPy's numbers, slopes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value, ops
from autograd_mini.errors import NotDifferentiableError, ShapeError
from autograd_mini.functions.windows import max_windows

EPS = np.finfo(float).eps
sliding = np.lib.stride_tricks.sliding_window_view

# (window_shape, axis) for an array of shape (4, 6)
WINDOWS = [(2, 0), ((2, 3), None), ([2, 3], (0, 1)), ((3, 2), (1, 0)), ((2, 2), (0, 0)), (2, -1),
           ((1, 2, 2), (-1, 0, -1)), (np.int64(4), 0), (1, 1), (0, 1), ((4, 6), None), ((), ())]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("window", "axis"), WINDOWS, ids=str)
def test_windows_are_numpys(window, axis, dtype, rng):
    """Values, shapes, dtypes are NumPy's; the gradient g of Σ w·f(x) has g·d = Σ w·f(d)."""
    x, d = rng.normal(size=(2, 4, 6)).astype(dtype)
    node, expected = Tensor(x), sliding(x, window, axis)
    y = sliding(node, window, axis)
    np.testing.assert_array_equal(y.data, expected, strict=True)
    w = rng.normal(size=expected.shape).astype(dtype)
    g = ag.gradients(y, node, seed=w)
    terms = w * sliding(d, window, axis)
    assert g.dtype == dtype and float(np.sum(g * d)) == pytest.approx(
        float(np.sum(terms)), abs=200 * float(np.finfo(dtype).eps * np.sum(np.abs(terms))))


@pytest.mark.parametrize(("window", "axis"), WINDOWS, ids=str)
def test_both_rows_pass_the_checks_of_a_primitive(window, axis, rng):
    """Windows and what is added up of them are each other's transposes, to the second order."""
    x = rng.normal(size=(4, 6))
    y = sliding(Tensor(x), window, axis)
    ag.check_primitive(ops.every_window, (x,), **y.params)
    ag.check_primitive(ops.add_windows, (rng.normal(size=y.shape),), **y.params, shape=(4, 6))


@given(n=st.integers(1, 9), k=st.integers(1, 9), seed=st.integers(0, 99))
def test_a_moving_product_to_the_second_order(n, k, seed):
    """∇² of Σ of the products of k neighbours is that of the same sum written with slices."""
    x, d = np.random.default_rng(seed).normal(size=(2, n + k - 1))

    def windowed(x):
        return np.sum(np.prod(sliding(x, k), axis=-1))

    def sliced(x):
        y = x[:n]
        for i in range(1, k):
            y = y * x[i:i + n]
        return np.sum(y)

    np.testing.assert_allclose(ag.grad(windowed)(x), ag.grad(sliced)(x), rtol=1e-11, atol=1e-12)
    for ours, theirs in zip(ag.hvp(windowed, (x,), (d,)), ag.hvp(sliced, (x,), (d,)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-11)


def test_a_convolution_by_windows(rng):
    """A convolution written with windows has the gradients of one written with slices."""
    x, w = rng.normal(size=(2, 3, 5, 6)), rng.normal(size=(4, 3, 2, 3))

    def by_windows(x, w):
        return np.sum(np.tensordot(sliding(x, (2, 3), axis=(2, 3)), w, ((1, 4, 5), (1, 2, 3))) ** 2)

    def by_slices(x, w):
        return np.sum(sum(np.einsum("nchw,dc->nhwd", x[:, :, i:i + 4, j:j + 4], w[:, :, i, j])
                          for i in range(2) for j in range(3)) ** 2)

    for ours, theirs in zip(ag.grad(by_windows, (0, 1))(x, w), ag.grad(by_slices, (0, 1))(x, w),
                            strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_many_windows_and_few():
    """A long window has few places, a short one many: both add up all of them."""
    x = np.arange(5000.0)
    for k in (3, 2500, 4999, 5000):
        counts = ag.grad(lambda x, k=k: np.sum(sliding(x, k)))(x)
        i = np.arange(5000)
        expected = np.minimum(np.minimum(i + 1, 5000 - i), min(k, 5001 - k))
        np.testing.assert_array_equal(counts, expected)


def test_the_memory_of_windows_never_changes():
    """An array handed out and changed afterwards changes neither windows nor gradients, and no
    gradient shares memory with another or with the windows."""
    t = Tensor([1.0, 2.0, 3.0])
    t.data[0] = 5.0
    y = sliding(t, 2)
    t.data[1] = -7.0
    assert y.data.tolist() == [[5.0, 2.0], [2.0, 3.0]] and not y.data.flags.writeable
    with ag.no_grad():
        z = sliding(t, 2)
    t.data[:] = 0.0
    assert z.data.tolist() == [[5.0, -7.0], [-7.0, 3.0]]
    u = Tensor([1.0, 2.0, 3.0])
    v = sliding(u, 3)
    seed = np.ones((1, 3))
    g, of_v = ag.gradients(v, [u, v], seed=seed)
    assert not np.shares_memory(g, of_v) and not np.shares_memory(of_v, seed)
    w = Tensor(np.arange(6.0).reshape(3, 2))
    out = ops.add_windows(w, window=(2,), axes=(0,), shape=(4,))
    seed = np.arange(4.0)
    g = ag.gradients(out, w, seed=seed)
    g += 1.0  # it is the caller's, and no view of the seed
    assert g.tolist() == [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]] and seed.tolist() == [0, 1, 2, 3]


def test_windows_at_the_edges():
    """A number has a window of no axes; an empty array has none; what isn't in any window hears
    nothing; NumPy's refusals are ours."""
    assert isinstance(sliding(Value(2.0), ()), Value) and sliding(Tensor(2.0), ()).shape == ()
    empty = Tensor(np.ones((0, 3)))
    assert ag.gradients(np.sum(sliding(empty, 2, 1)), empty).shape == (0, 3)
    x = Tensor([4.0, 1.0, 0.0])
    np.testing.assert_array_equal(
        ag.gradients(np.sum(sliding(np.sqrt(x), 2)[0]), x), [0.25, 0.5, 0.0])
    for wrong, error in ((lambda: sliding(x, 4), ValueError), (lambda: sliding(x, -1), ValueError),
                         (lambda: sliding(x, (1, 1)), ValueError),
                         (lambda: sliding(x, 2, 1), np.exceptions.AxisError),
                         (lambda: sliding(x, 2.0), TypeError)):
        with pytest.raises(error):
            wrong()
    for refused, words in ((lambda: sliding(x, 2, writeable=True), "writeable=True"),
                           (lambda: sliding(x, Value(2.0)), "take a node as window_shape")):
        with pytest.raises(NotDifferentiableError, match=words):
            refused()
    assert sliding(x, 2, subok=True).shape == (2, 2)


@pytest.mark.slow  # a machine is compiled for it
def test_windows_in_programs_and_in_code_as_written():
    """A program has windows; code run as it is written has them of its buffers."""
    def f(x):
        return np.sum(np.prod(sliding(x, 2), axis=-1))

    def g(x):
        row = np.zeros(4)
        view = sliding(row, 2)
        row[:] = x  # seen through the view
        return np.sum(np.prod(view, axis=-1))

    x = np.array([1.0, -2.0, 3.0, 0.5])
    expected = [-2.0, 4.0, -1.5, 3.0]
    for function in (f, ag.compile(f), ag.as_written(g), ag.compile(ag.as_written(f))):
        np.testing.assert_allclose(ag.grad(function)(x), expected, rtol=4 * EPS)


@pytest.mark.oracle
def test_windows_are_torchs_unfold(rng):
    """Value and gradients of two orders are those of torch's unfold."""
    torch = pytest.importorskip("torch", reason="the oracles extra isn't installed")
    x, w = rng.normal(size=(3, 7)), rng.normal(size=(3, 5, 3))
    t = torch.tensor(x, requires_grad=True)
    loss = ((t**2).unfold(1, 3, 1) ** 2 * torch.tensor(w)).sum()
    (first,) = torch.autograd.grad(loss, t, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), t)
    ours = ag.grad(lambda x: np.sum(sliding(x**2, 3, axis=1) ** 2 * w))
    np.testing.assert_allclose(ours(x), first.numpy(force=True), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(ag.grad(lambda x: np.sum(ours(x)))(x), second.numpy(force=True),
                               rtol=1e-13, atol=1e-13)


# ── the largest of each window ───────────────────────────────────────────────────────────────

POOLS = [(2, None), (2, 1), (3, 2), ((1, 2), (2, 1)), ((2, 3), (3, 3)), (1, 1), (1, 2), ((5, 6), 1)]


def by_max(x, kernel, stride):
    """The same by np.max of all windows, of which some are left out."""
    kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    stride = kernel if stride is None else stride if isinstance(stride, tuple) else (stride, stride)
    windows = sliding(x, kernel, axis=(-2, -1))[..., ::stride[0], ::stride[1], :, :]
    return np.max(windows, axis=(-2, -1))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("kernel", "stride"), POOLS, ids=str)
@pytest.mark.parametrize("ties", [False, True])
def test_the_largest_of_each_window(kernel, stride, ties, dtype, rng):
    """Values and slopes are those of np.max over windows, with ties or without, whether windows
    overlap or not; float32 stays so; both engines and a recorded gradient agree."""
    x = rng.normal(size=(2, 3, 5, 6)).astype(dtype)
    x = np.round(np.maximum(x, 0)) if ties else x
    node = Tensor(x)
    y, expected = max_windows(node, kernel, stride), by_max(node, kernel, stride)
    np.testing.assert_array_equal(y.data, expected.data, strict=True)
    seed = rng.normal(size=y.shape).astype(dtype)
    g = ag.gradients(y, node, seed=seed)
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(g, ag.gradients(expected, node, seed=seed), rtol=16 * eps,
                               atol=16 * eps)
    assert g.dtype == dtype
    recorded = ag.gradients(np.sum(y * seed), node, create_graph=True)
    np.testing.assert_allclose(recorded.data, g, rtol=4 * eps, atol=4 * eps)
    assert recorded.dtype == dtype


@pytest.mark.parametrize(("kernel", "stride"), POOLS, ids=str)
def test_the_largest_to_the_second_order(kernel, stride, rng):
    """All three rows pass the checks of a primitive; ∇² of a sum of cubes of the largest is that
    of the sum written with np.max, at a tie too."""
    x, d = rng.normal(size=(2, 1, 5, 6))
    y = max_windows(Tensor(x), kernel, stride)
    ag.check_primitive(ops.max_windows, (x,), **y.params)
    for row, of in ((ops.sent_to_largest, rng.normal(size=y.shape)),
                    (ops.taken_from_largest, rng.normal(size=x.shape))):
        linear = ag.structural(
            lambda v, row=row: row.forward(v, y.data, x, **y.params),
            lambda g, _, v, row=row: row.pullbacks[0](g, None, v, y.data, x, **y.params),
            name=f"{row.name} of this test")
        ag.check_primitive(linear, (of,))
    for at in (x, np.round(x)):
        (ours,), (theirs,) = (ag.hvp(lambda x, f=f: np.sum(f(x**2 + x, kernel, stride) ** 3),
                                     (at,), (d,)) for f in (max_windows, by_max))
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)


def test_windows_with_nan_and_infinities():
    """A window with nan is nan, and so is the slope of all of it; −inf of a border gets nothing; a
    number that isn't the largest of any window never meets the slope of √0."""
    x = Tensor([[1.0, np.nan, 2.0, 5.0], [0.0, 3.0, 4.0, -np.inf]])
    y = max_windows(x, 2)
    np.testing.assert_array_equal(y.data, [[np.nan, 5.0]])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(ag.gradients(np.sum(y), x), ag.gradients(
            np.sum(by_max(x, 2, None)), x))
    x = Tensor([[1.0, 2.0], [3.0, 3.0]])
    y = max_windows(np.pad(x, 1, constant_values=-np.inf), 2)
    assert y.data.tolist() == [[1.0, 2.0], [3.0, 3.0]]
    assert ag.gradients(np.sum(y), x).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    x = Tensor([[0.0, 4.0, 16.0]])
    assert ag.gradients(np.sum(max_windows(np.sqrt(x), (1, 2), 1)), x).tolist() == [
        [0.0, 0.25, 0.125]]


def test_the_largest_at_the_edges():
    """An empty stack has no windows; plain arrays stay plain; what fits nowhere is refused."""
    empty = Tensor(np.ones((0, 2, 4, 4)))
    assert ag.gradients(np.sum(max_windows(empty, 2)), empty).shape == (0, 2, 4, 4)
    plain = max_windows(np.arange(12.0).reshape(3, 4), 2)
    assert type(plain) is np.ndarray and plain.tolist() == [[5.0, 7.0]]
    for wrong, error in ((lambda: max_windows(np.ones((1, 4)), 2), ShapeError),
                         (lambda: max_windows(np.ones(4), 2), ShapeError),
                         (lambda: max_windows(np.ones((4, 4)), 0), ValueError),
                         (lambda: max_windows(np.ones((4, 4)), (1, 2, 3)), ValueError),
                         (lambda: max_windows(np.ones((4, 4)), 2.0), TypeError)):
        with pytest.raises(error):
            wrong()


def test_the_largest_in_a_program():
    """A program of a pool gives its numbers for other numbers too, ties shared evenly."""
    def f(x):
        return np.sum(max_windows(np.reshape(x, (2, 3)), 2, 1) ** 2)

    compiled = ag.compile(ag.grad(f))
    for x in ([1.0, 2.0, 3.0, 4.0, -1.0, 3.0], [3.0, 3.0, 0.0, 1.0, 3.0, 5.0]):
        np.testing.assert_allclose(compiled(np.array(x)), ag.grad(f)(np.array(x)), rtol=4 * EPS)


@pytest.mark.oracle
@pytest.mark.parametrize(("kernel", "stride"), POOLS, ids=str)
def test_the_largest_is_torchs(kernel, stride, rng):
    """Without ties, value and gradients of two orders are those of max_pool2d."""
    torch = pytest.importorskip("torch", reason="the oracles extra isn't installed")
    x = rng.normal(size=(2, 3, 5, 6))
    t = torch.tensor(x, requires_grad=True)
    y = torch.nn.functional.max_pool2d(t**3, kernel, stride)
    (first,) = torch.autograd.grad((y**2).sum(), t, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), t)
    ours = ag.grad(lambda x: np.sum(max_windows(x**3, kernel, stride) ** 2))
    np.testing.assert_allclose(ours(x), first.numpy(force=True), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(ag.grad(lambda x: np.sum(ours(x)))(x), second.numpy(force=True),
                               rtol=1e-12, atol=1e-13)
