"""Models written once, and made of autograd_mini.nn's layers or of torch.nn's.

The two have the same names and arguments, so that one text serves both, and a state goes from one
to the other; what isn't the same is in `Library`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

LETTERS = 27  # a to z, and 0 for what only fills up


@dataclass(frozen=True)
class Library:
    """One of the two: its layers, and what isn't the same in both."""

    nn: Any
    kind: Any  # the numbers' precision
    array: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    attention: Callable[..., Any]  # the layer
    look: Callable[[Any, Any], Any]  # what such a layer sees in what came before
    losses: Any  # where cross_entropy and binary_cross_entropy_with_logits are
    optimizers: Any
    clip: Callable[[Any, float], Any]

    def cross_entropy(self, scores: Any, y: Any) -> Any:
        """Of scores at each moment, too: PyTorch wants the classes second."""
        return self.losses.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))


def ours(dtype: str = "float64") -> Library:
    """autograd_mini.nn."""
    from autograd_mini import nn

    return Library(nn, np.dtype(dtype), np.asarray, np.exp, nn.MultiheadAttention,
                   lambda layer, x: layer(x, causal=True), nn, nn, nn.clip_grad_norm_)


def torchs(dtype: str = "float64") -> Library:
    """torch.nn, on one thread."""
    import torch

    torch.set_num_threads(1)

    def look(layer: Any, x: Any) -> Any:
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        return layer(x, x, x, attn_mask=later, need_weights=False)[0]

    attention = functools.partial(torch.nn.MultiheadAttention, batch_first=True)
    return Library(torch.nn, getattr(torch, dtype), torch.from_numpy, torch.exp, attention, look,
                   torch.nn.functional, torch.optim, torch.nn.utils.clip_grad_norm_)


def convnet(lib: Library) -> Any:
    """Images of 28 × 28 ↦ ten scores, by two convolutions of 8 and 16 channels."""
    nn, kind = lib.nn, lib.kind
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, dtype=kind), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, dtype=kind), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 7 * 7, 10, dtype=kind))


def reader(lib: Library, hidden: int, outputs: int = LETTERS, every: bool = True) -> Any:
    """Letters ↦ scores, by an LSTM: after each letter, or only after the last."""
    nn, kind = lib.nn, lib.kind

    class Reader(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.letters = nn.Embedding(LETTERS, 16, dtype=kind)
            self.lstm = nn.LSTM(16, hidden, batch_first=True, dtype=kind)
            self.output = nn.Linear(hidden, outputs, dtype=kind)

        def forward(self, x: Any) -> Any:
            y, _ = self.lstm(self.letters(x))
            return self.output(y if every else y[:, -1])

    return Reader()


def block(lib: Library, width: int) -> Any:
    """Attention and a small network, each added to what is there."""
    nn, kind = lib.nn, lib.kind

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = (nn.LayerNorm(width, dtype=kind) for _ in range(2))
            self.attention = lib.attention(width, 4, dtype=kind)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width, dtype=kind), nn.ReLU(),
                                     nn.Linear(4 * width, width, dtype=kind))

        def forward(self, x: Any) -> Any:
            x = x + lib.look(self.attention, self.norm1(x))
            return x + self.mlp(self.norm2(x))

    return Block()


def gpt(lib: Library, width: int, moments: int) -> Any:
    """Letters ↦ at each place a score for each letter that may come next, by two blocks."""
    nn, kind = lib.nn, lib.kind

    class GPT(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.letters = nn.Embedding(LETTERS, width, dtype=kind)
            self.places = nn.Embedding(moments, width, dtype=kind)
            self.blocks = nn.Sequential(block(lib, width), block(lib, width))
            self.norm = nn.LayerNorm(width, dtype=kind)
            self.head = nn.Linear(width, LETTERS, dtype=kind)

        def forward(self, x: Any) -> Any:
            numbers = self.letters(x) + self.places(lib.array(np.arange(x.shape[1])))
            return self.head(self.norm(self.blocks(numbers)))

    return GPT()


def vae(lib: Library) -> Any:
    """An image and noise ↦ the image again, and the mean and log variance of its place."""
    nn, kind = lib.nn, lib.kind

    class VAE(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(64, 32, dtype=kind), nn.ReLU(),
                                         nn.Linear(32, 4, dtype=kind))
            self.decoder = nn.Sequential(nn.Linear(2, 32, dtype=kind), nn.Tanh(),
                                         nn.Linear(32, 64, dtype=kind))

        def forward(self, x: Any, noise: Any) -> Any:
            both = self.encoder(x)
            mean, log_var = both[:, :2], both[:, 2:]
            return self.decoder(mean + lib.exp(0.5 * log_var) * noise), mean, log_var

    return VAE()


def vae_loss(lib: Library, prediction: Any, image: Any) -> Any:
    """How unlikely the image is, and how far its place is from a standard normal distribution."""
    logits, mean, log_var = prediction
    drawn = lib.losses.binary_cross_entropy_with_logits(logits, image, reduction="sum")
    apart = 0.5 * (mean**2 + lib.exp(log_var) - 1 - log_var).sum()
    return (drawn + apart) / len(image)
