"""A convolution as one operation gives what its steps give, to a few roundings."""

from __future__ import annotations

import numpy as np
import pytest
from autograd_mini.nn import _convolution

import autograd_mini as ag
from autograd_mini import Tensor, nn

((_, _, plain, fast),) = _convolution.PAIRS

CASES = [  # the shapes of images and weight, stride, padding
    ((3, 2, 7, 6), (4, 2, 3, 3), (1, 1), (0, 0)), ((3, 2, 7, 6), (4, 2, 3, 2), (2, 1), (1, 0)),
    ((2, 1, 8, 8), (3, 1, 2, 3), (3, 2), (1, 2)), ((1, 3, 4, 4), (2, 3, 1, 1), (1, 1), (0, 0)),
]


@pytest.fixture(autouse=True, params=[1, 150, 2**15], ids="{} cached".format)
def of_any_size(request, monkeypatch):
    """Small ones are computed at once, too; image by image, a few or all at a time."""
    monkeypatch.setattr(_convolution, "SMALL", 0)
    monkeypatch.setattr(_convolution, "CACHED", request.param)


def leaves_of(rng, images, weight, dtype=np.float64):
    """Images, weight and bias."""
    return [Tensor(rng.normal(size=shape).astype(dtype)) for shape in (images, weight, weight[:1])]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("images", "weight", "stride", "padding"), CASES)
def test_plain_and_fast_convolution_agree(images, weight, stride, padding, bias, dtype, rng):
    """Outputs and all gradients, in their own precision; images that are no nodes get none."""
    x, w, b = leaves_of(rng, images, weight, dtype)
    near = {"rtol": 0, "atol": 500 * float(np.finfo(dtype).eps)}
    for given in (x, x.data):
        results = []
        for convolve in (plain, fast):
            y = convolve(given, w, b if bias else None, stride, padding)
            wanted = [leaf for leaf in (given, w, b if bias else None) if isinstance(leaf, Tensor)]
            results.append([y.data, *ag.gradients(np.sum(y * (y + 1)), wanted)])
        for one, other in zip(*results, strict=True):
            assert one.shape == other.shape and other.dtype == dtype
            np.testing.assert_allclose(one / np.abs(one).max(), other / np.abs(one).max(), **near)


@pytest.mark.parametrize(("images", "weight", "stride", "padding"), CASES[1:3])
def test_second_derivatives_of_the_fast_convolution(images, weight, stride, padding, rng):
    """The gradient of the squares of all gradients is the plain one's; the first stands
    differences.
    """
    leaves = leaves_of(rng, images, weight)

    def loss(convolve):
        return lambda *arrays: np.sum(ag.tanh(convolve(*arrays, stride, padding)) ** 2)

    def second(convolve):
        slopes = ag.gradients(loss(convolve)(*leaves), leaves, create_graph=True)
        return ag.gradients(sum((np.sum(g * g) for g in slopes), 0.0), leaves)

    for one, other in zip(second(plain), second(fast), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11)
    ag.assert_gradient(loss(fast), ag.grad(loss(fast), (0, 1, 2)), *(p.data for p in leaves))


def test_a_nan_in_one_image_leaves_the_gradients_of_the_others(rng):
    """What doesn't depend on a nan has the gradient that the plain one gives it."""
    x, w, b = leaves_of(rng, *CASES[0][:2])
    x.data[0, 0, 1, 1] = np.nan
    slopes = [ag.gradients(np.sum(convolve(x, w, b, (1, 1), (0, 0))[1:] ** 2), [x, w, b])
              for convolve in (plain, fast)]
    assert not np.isnan(slopes[1][0]).any()
    for one, other in zip(*slopes, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_the_fast_convolution_is_one_node(rng, monkeypatch):
    """Of Tensors it is one node; mixed precisions and small ones take the steps."""
    x, w, b = leaves_of(rng, *CASES[0][:2])
    layer = nn.Conv2d(2, 4, 3, rng=0)
    assert fast(x, w, b, (1, 1), (0, 0)).op.name == "nn.convolution"
    mixed = fast(x.data.astype(np.float32), w, b, (1, 1), (0, 0))
    assert mixed.op.name == "reshape" and mixed.dtype == np.float64
    with ag.no_grad():
        np.testing.assert_array_equal(np.asarray(layer(x.data).data), layer(x).data)
    monkeypatch.setattr(_convolution, "SMALL", 1e6)
    assert fast(x, w, b, (1, 1), (0, 0)).op.name == "reshape"


def test_the_replacement_names_the_plain_convolution():
    """The first line of a fast function's docstring says which function it stands for."""
    for owner, name, _, replacement in _convolution.PAIRS:
        assert replacement.__doc__.startswith(f"`{owner.__name__.split('.')[-1]}.{name}`")
