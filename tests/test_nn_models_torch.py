"""Whole models trained here and in PyTorch, from the same weights: their losses stay together."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from autograd_mini import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

sys.path.append(str(Path(__file__).parents[1]))  # where the models are written, once for both
from benchmarks import both  # noqa: E402

STEPS = 20


def trained(lib, model, optimizer, loss, batches, clipped=None):
    """The loss of each step, and the state at the end."""
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        value = loss(model, *map(lib.array, batch))
        value.backward()
        if clipped is not None:
            lib.clip(model.parameters(), clipped)
        optimizer.step()
        losses.append(float(value.data))
    return losses, model.state_dict()


def compared(made, loss, batches, optimizer="Adam", lr=1e-3, clipped=None):
    """The losses here and there, after checking that the parameters stay together, too."""
    nn.seed(0)
    libraries = both.ours(), both.torchs()
    models = [made(lib) for lib in libraries]
    ours, theirs = models
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array
                            in ours.state_dict().items()}, strict=True)
    (losses, state), (others, other) = (
        trained(lib, model, getattr(lib.optimizers, optimizer)(model.parameters(), lr=lr),
                lambda *batch, lib=lib: loss(lib, *batch), batches, clipped)
        for lib, model in zip(libraries, models, strict=True))
    for name, array in state.items():
        np.testing.assert_allclose(array, other[name].numpy(), rtol=1e-7, atol=1e-9)
    return np.array(losses), np.array(others)


def classified(lib, model, x, y):
    """Cross-entropy."""
    return lib.cross_entropy(model(x), y)


def words(rng, n, length):
    """Letters with zeros before them, and whether the last of them is a vowel."""
    x = rng.integers(1, both.LETTERS, (n, length))
    for row, empty in zip(x, rng.integers(0, length - 2, n), strict=True):
        row[:empty] = 0
    return x, np.isin(x[:, -1], (1, 5, 9, 15, 21)).astype(int)


def test_a_convnet_learns_as_torchs(rng):
    """Convolutions, padding and pooling: 20 losses, and the parameters after them."""
    batches = [(rng.random((8, 1, 28, 28)), rng.integers(0, 10, 8)) for _ in range(STEPS)]
    ours, theirs = compared(both.convnet, classified, batches)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_a_gpt_learns_as_torchs(rng):
    """Embeddings, layer norms, causal attention, clipped gradients and AdamW: 20 losses."""
    rows = rng.integers(0, both.LETTERS, (STEPS, 8, 13))
    batches = [(x[:, :-1].copy(), x[:, 1:].copy()) for x in rows]
    ours, theirs = compared(lambda lib: both.gpt(lib, 48, 12), classified, batches, "AdamW",
                            clipped=1.0)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_a_variational_autoencoder_learns_as_torchs(rng):
    """A model that takes noise and returns three arrays, and a loss of them: 20 losses."""
    batches = [(rng.random((16, 64)), rng.normal(size=(16, 2))) for _ in range(STEPS)]

    def loss(lib, model, x, noise):
        return both.vae_loss(lib, model(x, noise), x)

    ours, theirs = compared(both.vae, loss, batches, lr=3e-3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


@pytest.mark.parametrize("steps", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_an_lstm_learns_as_torchs(steps, rng):
    """It is told vowels from consonants: after all steps ten digits of the loss are the same."""
    x, y = words(rng, 32 * 50, 11)
    batches = [(x[i : i + 32], y[i : i + 32]) for i in range(0, len(x), 32)] * 20
    ours, theirs = compared(lambda lib: both.reader(lib, 32, 2, every=False), classified,
                            batches[:steps], lr=0.005)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)
