"""Layers beside PyTorch's: outputs, all gradients, running statistics, files."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_mini import Tensor, nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

LAYERS = [  # how it is made, the shape of an input, what torch calls it if it differs
    ("Linear(5, 3)", (4, 5)), ("Linear(5, 3, bias=False)", (2, 4, 5)), ("Flatten()", (3, 2, 4)),
    ("Flatten(0, 1)", (3, 2, 4)), ("ReLU()", (4, 3)), ("Tanh()", (4, 3)), ("Sigmoid()", (4, 3)),
    ("SiLU()", (4, 3)), ("LeakyReLU()", (4, 3)), ("LeakyReLU(0.3)", (4, 3)), ("ELU()", (4, 3)),
    ("ELU(0.5)", (4, 3)), ("GELU()", (4, 3)), ("GELU(approximate='tanh')", (4, 3)),
    ("Softmax(dim=1)", (4, 3)), ("Softmax(dim=0)", (4, 3)), ("BatchNorm1d(5)", (6, 5)),
    ("BatchNorm1d(5, momentum=None)", (6, 5, 3)), ("BatchNorm1d(2, 1e-3, 0.3, False)", (6, 2)),
    ("BatchNorm2d(3)", (4, 3, 5, 2)), ("LayerNorm(6)", (4, 3, 6)),
    ("LayerNorm((3, 6), 1e-3)", (4, 3, 6)), ("LayerNorm(6, elementwise_affine=False)", (4, 6)),
    ("LayerNorm(6, bias=False)", (4, 6)),
    ("Conv2d(2, 3, 3)", (2, 2, 6, 5)), ("Conv2d(2, 3, (2, 3), 2, 1)", (2, 2, 6, 7)),
    ("Conv2d(1, 2, 3, (1, 2), (0, 2), bias=False)", (2, 1, 5, 6)),
    ("Conv2d(2, 2, 1)", (1, 2, 3, 3)),
    ("MaxPool2d(2)", (2, 3, 6, 5)), ("MaxPool2d((2, 3), 1)", (2, 3, 6, 5)),
    ("MaxPool2d(3, 2, 1)", (2, 3, 6, 7)), ("AvgPool2d(2)", (2, 3, 5, 6)),
    ("AvgPool2d(3, 2, 1)", (2, 3, 6, 7)), ("AvgPool2d((3, 2), 1)", (2, 3, 6, 7)),
    ("RNN(3, 4)", (2, 5, 3)), ("RNN(3, 4, nonlinearity='relu', bias=False)", (2, 5, 3)),
    ("LSTM(3, 4)", (2, 5, 3)), ("GRU(3, 4)", (2, 5, 3)), ("LSTM(3, 4, bias=False)", (2, 1, 3)),
    ("GRU(3, 4, bias=False)", (2, 2, 3)), ("RNNCell(3, 4)", (2, 3)), ("LSTMCell(3, 4)", (2, 3)),
    ("GRUCell(3, 4)", (2, 3)), ("RNNCell(3, 4, nonlinearity='relu')", (2, 3)),
]


def made(call, dtype):
    """The layer here and in torch, with the same numbers, by a state that torch takes strictly."""
    ours = eval(f"nn.{call}")
    first = any(call.startswith(name) for name in ("RNN(", "LSTM(", "GRU("))
    theirs = eval(f"torch.nn.{call[:-1]}, batch_first=True)" if first else f"torch.nn.{call}")
    theirs = theirs.double() if dtype == np.float64 else theirs
    for p in ours.parameters():
        p.data = np.random.default_rng(p.size).normal(size=p.shape) * 0.5
    state = {name: torch.tensor(np.array(a)) for name, a in ours.state_dict().items()}
    theirs.load_state_dict(state, strict=True)
    return ours, theirs


def flat(x):
    """The arrays in what a layer returns."""
    return [part for y in x for part in flat(y)] if isinstance(x, tuple) else [x]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(("call", "shape"), LAYERS, ids=[call for call, _ in LAYERS])
def test_a_layer_is_torchs(call, shape, training, rng):
    """Outputs and the gradients of all parameters and of the input, to a few roundings."""
    ours, theirs = made(call, np.float64)
    ours.train(training)
    theirs.train(training)
    for _ in range(2):  # running statistics
        numbers = rng.normal(size=shape) * 2 + 0.3
        x, z = Tensor(numbers), torch.tensor(numbers, requires_grad=True)
        y, t = flat(ours(x)), flat(theirs(z))
        weights = [rng.normal(size=part.shape) for part in y]
        for p in ours.parameters():
            p.grad = None
        theirs.zero_grad()
        sum((np.sum(part * w) for part, w in zip(y, weights, strict=True)), 0.0).backward()
        sum((part * torch.tensor(w)).sum() for part, w in zip(t, weights, strict=True)).backward()
        for part, other in zip(y, t, strict=True):
            np.testing.assert_allclose(part.data, other.detach().numpy(), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(x.grad, z.grad.numpy(), rtol=1e-11, atol=1e-12)
        named = dict(theirs.named_parameters())
        for name, p in ours.named_parameters():
            np.testing.assert_allclose(p.grad, named[name].grad.numpy(), rtol=1e-11, atol=1e-12)
    for name, array in ours.state_dict().items():
        np.testing.assert_allclose(array, theirs.state_dict()[name].numpy(), rtol=1e-13, atol=1e-15)
    assert repr(ours).split("(")[0] == repr(theirs).split("(")[0]


@pytest.mark.parametrize("call", ["RNN(3, 4)", "LSTM(3, 4)", "GRU(3, 4)", "RNNCell(3, 4)",
                                  "LSTMCell(3, 4)", "GRUCell(3, 4)"])
def test_a_state_may_be_given(call, rng):
    """In torch's shapes; its gradient is torch's, too."""
    ours, theirs = made(call, np.float64)
    cell = "Cell" in call
    numbers = rng.normal(size=(2, 3) if cell else (2, 5, 3))
    states = [rng.normal(size=(2, 4) if cell else (1, 2, 4)) for _ in range(2)]
    h, k = [Tensor(s) for s in states], [torch.tensor(s, requires_grad=True) for s in states]
    lstm = "LSTM" in call
    y = flat(ours(numbers, tuple(h) if lstm else h[0]))
    t = flat(theirs(torch.tensor(numbers), tuple(k) if lstm else k[0]))
    sum((np.sum(part * part) for part in y), 0.0).backward()
    sum((part * part).sum() for part in t).backward()
    for part, other in zip(y, t, strict=True):
        np.testing.assert_allclose(part.data, other.detach().numpy(), rtol=1e-12)
    for one, other in list(zip(h, k, strict=True))[: 2 if lstm else 1]:
        np.testing.assert_allclose(one.grad, other.grad.numpy(), rtol=1e-11)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_attention_is_torchs(causal, bias, rng):
    """One x for query, key and value; a mask of later moments if it is causal."""
    ours = nn.MultiheadAttention(8, 2, bias=bias, batch_first=True, rng=0)
    theirs = torch.nn.MultiheadAttention(8, 2, bias=bias, batch_first=True).double()
    theirs.load_state_dict({n: torch.tensor(a) for n, a in ours.state_dict().items()}, strict=True)
    numbers, weights = rng.normal(size=(3, 5, 8)), rng.normal(size=(3, 5, 8))
    x, z = Tensor(numbers), torch.tensor(numbers, requires_grad=True)
    mask = torch.triu(torch.ones(5, 5, dtype=bool), 1) if causal else None
    y = ours(x, causal=causal)
    t, _ = theirs(z, z, z, attn_mask=mask, need_weights=False)
    np.sum(y * weights).backward()
    (t * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(y.data, t.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(x.grad, z.grad.numpy(), rtol=1e-11, atol=1e-13)
    named = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        np.testing.assert_allclose(p.grad, named[name].grad.numpy(), rtol=1e-11, atol=1e-12)


def test_embedding_is_torchs(rng):
    """Words that come twice collect both gradients; the row of padding gets none."""
    for padding in (None, 2):
        ours = nn.Embedding(6, 3, padding, rng=0)
        theirs = torch.nn.Embedding(6, 3, padding).double()
        theirs.load_state_dict({"weight": torch.tensor(ours.weight.data)}, strict=True)
        words, weights = rng.integers(0, 6, (4, 5)), rng.normal(size=(4, 5, 3))
        np.sum(ours(words) * weights).backward()
        (theirs(torch.tensor(words)) * torch.tensor(weights)).sum().backward()
        np.testing.assert_allclose(ours.weight.grad, theirs.weight.grad.numpy(), rtol=1e-13)


@pytest.mark.parametrize("name", ["xavier_uniform_", "xavier_normal_", "kaiming_uniform_",
                                  "kaiming_normal_"])
@pytest.mark.parametrize("shape", [(400, 300), (60, 20, 5, 4)])
def test_initialisers_spread_as_torchs(name, shape):
    """The same mean and spread, of the same kind; to within what this many draws can tell."""
    ours, theirs = Tensor(np.zeros(shape)), torch.empty(shape)
    getattr(nn.init, name)(ours, rng=0)
    torch.manual_seed(0)
    getattr(torch.nn.init, name)(theirs)
    assert ours.data.std() == pytest.approx(float(theirs.std()), rel=0.02)
    assert abs(ours.data.mean()) < 5 * ours.data.std() / np.sqrt(ours.size)
    if "uniform" in name:
        assert np.abs(ours.data).max() == pytest.approx(float(theirs.abs().max()), rel=1e-3)
    for nonlinearity in ("linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu", "conv2d"):
        assert nn.init.calculate_gain(nonlinearity) == pytest.approx(
            torch.nn.init.calculate_gain(nonlinearity))


def test_layers_start_as_torchs():
    """By the spread of their first numbers: uniform in ±1/√fan_in, normal for an embedding."""
    for ours, theirs in [(nn.Conv2d(8, 64, 5), torch.nn.Conv2d(8, 64, 5)),
                         (nn.LSTM(64, 128), torch.nn.LSTM(64, 128)),
                         (nn.Embedding(300, 64), torch.nn.Embedding(300, 64)),
                         (nn.MultiheadAttention(96, 4), torch.nn.MultiheadAttention(96, 4))]:
        named = dict(theirs.named_parameters())
        for name, p in ours.named_parameters():
            if p.size > 2000:
                spread = float(named[name].detach().std())
                assert p.data.std() == pytest.approx(spread, rel=0.05), name
        assert list(ours.state_dict()) == list(named)


def test_a_model_goes_to_torch_and_back(tmp_path, rng):
    """By one file of safetensors, strictly; answers are equal, and so are the bits that come back.
    """
    pytest.importorskip("safetensors", reason="the oracles extra isn't installed")
    from safetensors.numpy import load_file as load_arrays
    from safetensors.torch import load_file, save_file

    def ours(seed):
        return nn.Sequential(nn.Conv2d(1, 4, 3, rng=seed), nn.BatchNorm2d(4), nn.ReLU(),
                             nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5, rng=seed))

    model, x = ours(0), rng.normal(size=(6, 1, 8, 8))
    nn.fit(model, [(x, np.arange(6) % 5)], nn.cross_entropy, nn.Adam(model.parameters()), 3,
           progress=False)
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(36, 5)).double()
    nn.save(model, tmp_path / "ours.safetensors")
    theirs.load_state_dict(load_file(tmp_path / "ours.safetensors"), strict=True)
    model.eval()
    theirs.eval()
    np.testing.assert_allclose(model(x).data, theirs(torch.tensor(x)).detach().numpy(), rtol=1e-12)
    save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    back = ours(7)
    nn.load(back, tmp_path / "theirs.safetensors")
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(back.state_dict()[name], array)
    nn.save(back, tmp_path / "again.safetensors")
    again = load_file(tmp_path / "again.safetensors")
    assert all(torch.equal(again[name], t) for name, t in theirs.state_dict().items())
    theirs.load_state_dict(again, strict=True)
    read = load_arrays(tmp_path / "again.safetensors")
    assert all(np.array_equal(read[n], a) for n, a in model.state_dict().items())
