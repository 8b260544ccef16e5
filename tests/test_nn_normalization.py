"""A normalisation as one operation gives what its steps give, to a few roundings."""

from __future__ import annotations

import numpy as np
import pytest
from autograd_mini.nn import _normalization

import autograd_mini as ag
from autograd_mini import Tensor, nn

((_, _, plain, fast),) = _normalization.PAIRS
SHAPES = [  # of x, the axes, of weight and bias
    ((4, 3, 6), (-1,), (6,)), ((4, 3, 6), (-2, -1), (3, 6)), ((7, 5), (0,), (1, 5)),
    ((4, 3, 5, 2), (0, 2, 3), (1, 3, 1, 1)), ((5, 6), (-1,), (1, 6)), ((2, 3, 4), (0, 2), (3, 1)),
]


@pytest.fixture(autouse=True)
def of_any_size(monkeypatch):
    """Small ones are computed at once, too."""
    monkeypatch.setattr(_normalization, "SMALL", 0)


@pytest.mark.parametrize("count", [0, 1, 2])  # neither, the weight, both
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("shape", "axes", "scales"), SHAPES)
def test_plain_and_fast_normalisations_agree(shape, axes, scales, dtype, count, rng):
    """Outputs and all gradients, in their own precision, with and without weight and bias."""
    eps = float(np.finfo(dtype).eps)
    for size in (1e-3, 1.0, 1e3):
        numbers = [(rng.normal(size=shape) * size + size).astype(dtype),
                   *(rng.normal(size=scales).astype(dtype) for _ in range(count))]
        weights = rng.normal(size=shape).astype(dtype)
        results = []
        for normalize in (plain, fast):
            leaves = [Tensor(a) for a in numbers]
            y = normalize(leaves[0], axes, 1e-5, *[*leaves[1:], None, None][:2])
            np.sum(y * weights).backward()
            results.append([y.data, *(leaf.grad for leaf in leaves)])
        for one, other in zip(*results, strict=True):
            assert one.dtype == other.dtype == dtype and one.shape == other.shape
            near = 200 * eps * max(1.0, float(np.abs(one).max()))
            np.testing.assert_allclose(other, one, rtol=0, atol=near)


@pytest.mark.parametrize(("shape", "axes", "scales"), SHAPES[:4])
def test_second_derivatives_of_the_fast_normalisation(shape, axes, scales, rng):
    """The Hessian times a vector is the plain one's, and the gradient stands differences."""
    x, v, weights = (rng.normal(size=shape) for _ in range(3))
    w, b = rng.normal(size=scales), rng.normal(size=scales)

    def f(normalize):
        return lambda x: np.sum(ag.sin(normalize(x, axes, 1e-3, w, b)) * weights)

    np.testing.assert_allclose(ag.hvp(f(fast))(x, v), ag.hvp(f(plain))(x, v), rtol=1e-9, atol=1e-11)
    ag.assert_gradient(f(fast), ag.grad(f(fast)), x)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # inf − inf, 0/0, in both
@pytest.mark.parametrize("number", [np.inf, np.nan, 0.0])
def test_the_fast_normalisation_has_the_plain_ones_limits(number, rng):
    """Rows with nan or inf, and rows of equal numbers: the same, and other rows aren't touched."""
    x = rng.normal(size=(3, 4))
    x[1] = number
    results = []
    for normalize in (plain, fast):
        leaf = Tensor(x)
        y = normalize(leaf, (-1,), 1e-5, np.ones(4), None)
        np.sum(y * x[0]).backward()
        results.append((y.data, leaf.grad))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-11, atol=1e-12)
    assert np.isfinite(results[1][1][[0, 2]]).all()


def test_the_fast_normalisation_is_one_node(rng, monkeypatch):
    """Of a Tensor it is one node; a small one stays a graph of its steps; an array an array."""
    owner, name, _, _ = _normalization.PAIRS[0]
    monkeypatch.setattr(owner, name, fast)  # which the plain engine leaves out
    x = rng.normal(size=(4, 6))
    assert fast(Tensor(x), (-1,), 1e-5, None, None).op.name == "nn.normalize"
    np.testing.assert_array_equal(fast(x, (-1,), 1e-5, None, None),
                                  fast(Tensor(x), (-1,), 1e-5, None, None).data)
    assert nn.BatchNorm1d(6)(Tensor(x)).op.name == "nn.normalize"
    monkeypatch.setattr(_normalization, "SMALL", x.size + 1)
    assert nn.LayerNorm(6)(Tensor(x)).op.name == "add"
    assert nn.LayerNorm(6)(x).shape == (4, 6)


def test_the_replacement_names_the_plain_normalisation():
    """The first line of a fast function's docstring says which function it stands for."""
    for owner, name, _, replacement in _normalization.PAIRS:
        assert replacement.__doc__.startswith(f"`{owner.__name__.split('.')[-1]}.{name}`")
