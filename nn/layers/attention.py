"""Self-attention: each moment looks at the others, and takes from them what fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor, errors, linear, softmax, where

from ..arguments import a_flag, a_precision, a_whole_number
from ..init import uniform_fan_in
from ..module import Module
from ..randomness import a_generator
from .linear import Linear, tell_of_widening

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """softmax(q kᵀ/√d) v in `num_heads` parts, then a linear map: (n, T, embed_dim) ↦ the same.

    q, k, v are x times the three parts of in_proj_weight, (3·embed_dim, embed_dim), in PyTorch's
    names and order, so that its files load; d = embed_dim/num_heads (Vaswani et al. 2017). With
    `causal=True` no moment sees a later one. Raises `ArgumentError` for an embed_dim that can't be
    divided into heads, `ShapeError` for an x of another shape.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> layer = nn.MultiheadAttention(8, 2, rng=0)
    >>> layer(np.ones((3, 5, 8)), causal=True).shape
    (3, 5, 8)
    """

    def __init__(self, embed_dim: int, num_heads: int, *, bias: bool = True,
                 batch_first: bool = True, rng: np.random.Generator | int | None = None,
                 dtype: Any = np.float64) -> None:
        if batch_first is not True:
            raise errors.ArgumentError("a batch comes first here, (n, T, embed_dim), as for every "
                                       "layer: np.swapaxes(x, 0, 1) exchanges it with the moments")
        c = self.embed_dim = a_whole_number(embed_dim, "embed_dim", 1)
        self.num_heads = a_whole_number(num_heads, "num_heads", 1)
        if c % self.num_heads:
            raise errors.ArgumentError(f"embed_dim, {c}, can't be divided into {num_heads} heads")
        generator, kind, bias = a_generator(rng), a_precision(dtype), a_flag(bias, "bias")
        weight = uniform_fan_in((3 * c, c), 2 * c / 3, generator, kind)  # Glorot's ±√(6/(c + 3c))
        self.in_proj_weight = Tensor(weight, label="in_proj_weight")
        self.in_proj_bias = Tensor(np.zeros(3 * c, kind), label="in_proj_bias") if bias else None
        self.out_proj = Linear(c, c, bias, rng=generator, dtype=kind)
        if bias:
            self.out_proj.bias = Tensor(np.zeros(c, kind), label="bias")

    def forward(self, x: Any, causal: bool = False) -> Any:
        """See `MultiheadAttention`."""
        if np.ndim(x) != 3 or np.shape(x)[-1] != self.embed_dim or not np.shape(x)[1]:
            raise errors.ShapeError(f"{self!r} needs (n, T, {self.embed_dim}) with T ≥ 1, got "
                                    f"{np.shape(x)}")
        w, b = self.in_proj_weight, self.in_proj_bias
        tell_of_widening(self, w, x)
        qkv = x @ w.T if b is None else linear(x, w, b)
        return self.out_proj(attend(qkv, self.num_heads, a_flag(causal, "causal")))

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"


def attend(qkv: Any, num_heads: int, causal: bool) -> Any:
    """softmax(q kᵀ/√d) v of each head: (n, T, 3c) ↦ (n, T, c); `_attention.py` has it as one
    operation.
    """
    (n, T, wide), h = np.shape(qkv), num_heads
    d = wide // 3 // h
    q, k, v = qkv.reshape(n, T, 3, h, d).transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(-1, -2) * d ** -0.5
    if causal:
        seen = np.tril(np.ones((T, T), bool))
        scores = where(seen, scores, scores.dtype.type(-np.inf))
    heads = softmax(scores, axis=-1) @ v
    return heads.transpose(0, 2, 1, 3).reshape(n, T, h * d)
