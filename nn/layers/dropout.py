"""Dropout: in training, each number is left out with some probability."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor, compiler, errors

from ..arguments import a_number
from ..module import Module
from ..randomness import a_generator

__all__ = ["Dropout"]


class Dropout(Module):
    """In training, each entry is 0 with probability p, and else divided by 1 − p; otherwise x.

    So the mean stays what it was (Srivastava et al. 2014). p: from 0 to 1. rng: a NumPy generator,
    or a seed for one; nn's own if None, which `nn.seed` seeds.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> layer = nn.Dropout(0.5, rng=0)
    >>> layer(np.ones(6))
    array([2., 0., 0., 0., 2., 2.])
    >>> layer.eval()(np.ones(6))
    array([1., 1., 1., 1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | int | None = None) -> None:
        self.p = a_number(p, "p", lambda x: 0 <= x <= 1, "from 0 to 1")
        self.rng = None if rng is None else a_generator(rng)

    def forward(self, x: Any) -> Any:
        """See `Dropout`."""
        if not self.training or self.p == 0:
            return x
        dtype = x.dtype if isinstance(x, Tensor | np.ndarray) else np.dtype(float)
        if dtype.kind == "O":  # of the Values of a program that is being recorded
            raise errors.GraphError("dropout leaves out others at each call, and a program would "
                                    "leave out the same ones for ever: call model.eval(), or "
                                    "don't compile what trains")
        shape = np.shape(x)
        keep = compiler.drawn(a_generator(self.rng), shape) >= self.p
        dtype = dtype if dtype.kind == "f" else np.dtype(float)
        scale = 1 / (1 - self.p) if self.p < 1 else 0.0
        return x * np.where(keep, scale, 0.0).astype(dtype)

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return f"p={self.p}"
