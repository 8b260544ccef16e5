"""Layers of arrays: their shapes, dtypes, printed words and random weights."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, nn
from autograd_mini.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError


def test_linear():
    """Linear computes x Wᵀ + b with PyTorch's shapes; its error names the wrong width."""
    layer = nn.Linear(3, 2, rng=np.random.default_rng(0), dtype=np.float32)
    x = np.ones((5, 3), np.float32)
    np.testing.assert_allclose(layer(x).data, x @ layer.weight.data.T + layer.bias.data)
    assert layer(x).dtype == np.float32 and repr(layer) == (
        "Linear(in_features=3, out_features=2, bias=True)")
    with pytest.raises(ValueError, match=r"needs \(…, 3\), got \(5, 2\)"):
        layer(np.ones((5, 2)))
    net = nn.Sequential(layer, nn.ReLU(), nn.Sigmoid())
    assert repr(net) == f"Sequential(\n  (0): {layer}\n  (1): ReLU()\n  (2): Sigmoid()\n)"
    assert len(net) == 3 and net[0] is layer and list(net)[0] is layer


def test_a_seed_gives_the_same_weights():
    """A seed for rng gives the weights that a generator made from that seed gives."""
    one, two = nn.Linear(3, 2, rng=7), nn.Linear(3, 2, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(one.weight.data, two.weight.data)


# ── what layers do beyond their formulas, which test_nn_layers_torch.py compares ─────────────────

def test_dropout_leaves_out_and_keeps_the_mean():
    """About p of the entries are 0 and the rest 1/(1 − p); when it isn't training, x itself."""
    layer, x = nn.Dropout(0.25, rng=0), Tensor(np.ones((200, 50), np.float32))
    y = layer(x)
    assert y.dtype == np.float32 and set(np.unique(y.data)) == {0.0, np.float32(1 / 0.75)}
    assert np.mean(y.data == 0) == pytest.approx(0.25, abs=0.02)
    np.sum(y).backward()
    np.testing.assert_array_equal(x.grad, y.data)
    assert layer.eval()(x) is x and nn.Dropout(0.0)(x) is x
    assert not nn.Dropout(1.0)(x).data.any() and isinstance(nn.Dropout(0.5)(np.ones(3)), np.ndarray)
    nn.seed(4)
    first = nn.Dropout()(x).data
    nn.seed(4)
    np.testing.assert_array_equal(nn.Dropout()(x).data, first)


def test_batch_norm_remembers():
    """Running statistics move in training only, come back from files, and make eval repeatable."""
    layer, x = nn.BatchNorm1d(3), np.random.default_rng(0).normal(size=(8, 3)) + 5
    assert list(layer.state_dict()) == [
        "weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    for _ in range(200):
        layer(Tensor(x))
    np.testing.assert_allclose(layer.running_mean, x.mean(0), rtol=1e-6)
    np.testing.assert_allclose(layer.running_var, x.var(0, ddof=1), rtol=1e-6)
    layer.eval()
    before = layer.state_dict()
    np.testing.assert_array_equal(layer(x[:1]).data, layer(x[:1]).data)
    assert all(np.array_equal(before[n], a) for n, a in layer.state_dict().items())
    single = nn.BatchNorm2d(2, dtype=np.float32)
    y = single(np.ones((2, 2, 3, 3), np.float32) * np.arange(3, dtype=np.float32))
    assert y.dtype == single.running_var.dtype == np.float32
    assert int(single.num_batches_tracked) == 1


def test_layers_print_what_pytorch_prints():
    """The same words in the same order."""
    assert repr(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.Flatten())) == (
        "Sequential(\n  (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))\n"
        "  (1): MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))\n"
        "  (2): Flatten(start_dim=1, end_dim=-1)\n)")
    assert repr(nn.LSTM(3, 4)) == "LSTM(3, 4)" and repr(nn.Dropout()) == "Dropout(p=0.5)"
    assert repr(nn.Embedding(5, 2, 0)) == "Embedding(5, 2, padding_idx=0)"
    assert repr(nn.LayerNorm(4)) == "LayerNorm((4,), eps=1e-05, elementwise_affine=True)"
    assert repr(nn.MultiheadAttention(4, 2)).startswith(
        "MultiheadAttention(embed_dim=4, num_heads=2\n  (out_proj): Linear(")


X = {"rows": np.ones((3, 4)), "one": np.ones((1, 4)), "image": np.ones((2, 3, 5, 5)),
     "sequence": np.ones((2, 5, 3)), "words": np.array([0, 4]), "no moments": np.ones((2, 0, 3))}
REFUSED = [
    ("nn.BatchNorm1d(3)", "rows", ShapeError, r"needs \(n, 3\) or \(n, 3, …\).*got \(3, 4\)"),
    ("nn.BatchNorm1d(4)", "one", ShapeError, "more than one entry a channel.*drop_last=True"),
    ("nn.BatchNorm2d(3)", "rows", ShapeError, r"needs \(n, 3, …\)"),
    ("nn.LayerNorm(3)", "rows", ShapeError, r"needs \(…, 3\), got \(3, 4\)"),
    ("nn.Flatten(5)", "rows", ShapeError, "has no such axes"),
    ("nn.Embedding(4, 2)", "words", ArgumentError, r"4 rows takes 0 … 3, and got .* to 4"),
    ("nn.Embedding(4, 2)", "rows", DTypeError, "takes whole numbers, .* not float64"),
    ("nn.Conv2d(2, 1, 3)", "image", ShapeError, r"images, \(n, 2, height, width\)"),
    ("nn.Conv2d(3, 1, 7)", "image", ShapeError, "smaller than its windows"),
    ("nn.MaxPool2d(2)", "rows", ShapeError, r"of one, x\[None\]"),
    ("nn.LSTM(4, 2)", "sequence", ShapeError, r"needs \(n, T, 4\), got \(2, 5, 3\)"),
    ("nn.GRUCell(3, 2)", "sequence", ShapeError, r"needs \(n, 3\)"),
    ("nn.MultiheadAttention(4, 2)", "sequence", ShapeError, r"needs \(n, T, 4\)"),
    ("nn.LSTM(3, 2)", "no moments", ShapeError, "sequences of no moments"),
    ("nn.MultiheadAttention(3, 1)", "no moments", ShapeError, "with T ≥ 1"),
]


@pytest.mark.parametrize(("call", "x", "kind", "message"), REFUSED)
def test_inputs_that_do_not_fit(call, x, kind, message):
    """A layer says what it needs and what it got."""
    with pytest.raises(kind, match=message):
        eval(call)(X[x])


@pytest.mark.parametrize(("call", "kind", "message"), [
    ("nn.Dropout(1.5)", ArgumentError, "p must be a finite number from 0 to 1"),
    ("nn.BatchNorm1d(3, momentum=2)", ArgumentError, "from 0 to 1, or None"),
    ("nn.GELU('exact')", ArgumentError, "approximate is none or tanh, not 'exact'"),
    ("nn.Conv2d(1, 1, (3, 3, 3))", ArgumentError, "kernel_size is one number or two"),
    ("nn.Conv2d(1, 1, 3, dilation=2)", ArgumentTypeError, "no argument 'dilation'"),
    ("nn.MaxPool2d(2, padding=2)", ArgumentError, "at most half of kernel_size"),
    ("nn.LSTM(3, 4, num_layers=2)", ArgumentError, "num_layers is 1 here"),
    ("nn.LSTM(3, 4, batch_first=False)", ArgumentError, "a batch comes first here"),
    ("nn.RNN(3, 4, nonlinearity='sigmoid')", ArgumentError, "nonlinearity is tanh or relu"),
    ("nn.MultiheadAttention(5, 2)", ArgumentError, "can't be divided into 2 heads"),
    ("nn.MultiheadAttention(4, 2, batch_first=False)", ArgumentError, "a batch comes first here"),
    ("nn.MultiheadAttention(4, 2, dropout=0.1)", ArgumentTypeError, "no argument 'dropout'"),
    ("nn.Embedding(4, 2, 4)", ArgumentError, "takes 0 … 3"),
    ("nn.LayerNorm([])", ArgumentError, "normalized_shape is empty"),
    ("nn.Linear(2, 1, dtype=int)", DTypeError, "dtype is np.float64 or np.float32"),
    ("nn.LSTM(2, 3, dtype=np.float16)", DTypeError, "dtype is np.float64 or np.float32"),
    ("nn.init.xavier_uniform_(nn.Linear(2, 1).bias)", ShapeError, "has no fan_in"),
    ("nn.init.normal_(np.ones(3))", ArgumentTypeError, "give layer.weight"),
    ("nn.init.kaiming_normal_(nn.Linear(2, 1).weight, nonlinearity='softmax')", ArgumentError,
     "nonlinearity is leaky_relu, linear"),
    ("nn.init.kaiming_normal_(nn.Linear(2, 1).weight, mode='fan')", ArgumentError, "fan_in or"),
])
def test_settings_that_do_not_fit(call, kind, message):
    """A wrong setting is refused where it is given."""
    with pytest.raises(kind, match=message):
        eval(call)


def test_the_shape_of_a_state_is_checked():
    """A state without the axis that counts layers, as of a cell, isn't broadcast."""
    x, h = np.ones((2, 5, 3)), np.zeros((2, 4))
    with pytest.raises(ShapeError, match=r"is of shape \(1, 2, 4\); got \[\(2, 4\)\]"):
        nn.GRU(3, 4)(x, h)
    with pytest.raises(ShapeError, match=r"is \(h, c\), each of shape \(1, 2, 4\)"):
        nn.LSTM(3, 4)(x, h[None])


MODELS = [
    ("nn.Sequential(nn.Conv2d(1, 2, 3, rng=0, dtype=d), nn.BatchNorm2d(2, dtype=d), nn.ReLU(), "
     "nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(rng=1), nn.Linear(18, 3, rng=2, dtype=d))",
     (4, 1, 8, 8)),
    ("nn.MultiheadAttention(6, 2, rng=0, dtype=d)", (2, 5, 6)),
    ("nn.LayerNorm(6, dtype=d)", (2, 6)),
    ("nn.LSTM(3, 4, rng=0, dtype=d)", (2, 5, 3)), ("nn.GRU(3, 4, rng=0, dtype=d)", (2, 5, 3)),
    ("nn.RNN(3, 4, rng=0, dtype=d)", (2, 5, 3)), ("nn.GELU()", (3, 4)), ("nn.Softmax()", (3, 4)),
]


@pytest.mark.parametrize(("call", "shape"), MODELS)
def test_float32_stays_float32(call, shape, rng):
    """Outputs, gradients and what is remembered."""
    model = eval(call, {"nn": nn, "d": np.float32})
    x = Tensor(rng.normal(size=shape).astype(np.float32))
    y = model(x)
    parts = y[:1] if isinstance(y, tuple) else (y,)
    np.sum(parts[0] ** 2).backward()
    assert parts[0].dtype == x.grad.dtype == np.float32
    assert {p.grad.dtype for p in model.parameters()} <= {np.dtype(np.float32)}
    assert {a.dtype for a in model.state_dict().values() if a.ndim} <= {np.dtype(np.float32)}


@pytest.mark.parametrize(("call", "shape"), MODELS[1:])
def test_second_derivatives_of_layers(call, shape, rng):
    """The Hessian times a vector is what differences of gradients say."""
    model = eval(call, {"nn": nn, "d": np.float64})
    x, v = rng.normal(size=shape), rng.normal(size=shape)

    def loss(x):
        y = model(x)
        return np.sum(ag.sin(y[0] if isinstance(y, tuple) else y))

    h = 1e-5
    slope = ag.grad(lambda x: loss(x))
    one, other = (np.asarray(value(slope(x + s * h * v))) for s in (1, -1))
    found = value(ag.hvp(loss)(x, v))
    np.testing.assert_allclose(found, (one - other) / (2 * h), rtol=1e-5, atol=1e-7)


def value(x):
    """Plain numbers of what a transform gave, which is a node where parameters are."""
    return x.data if isinstance(x, Tensor) else x
