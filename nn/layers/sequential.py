"""Modules in a row, and what only changes shapes between them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograd_mini import Node, errors

from ..arguments import a_whole_number, as_array, shown
from ..module import Module

__all__ = ["Flatten", "Sequential"]


class Sequential(Module):
    """Modules one after the other; each is called with the result of the one before.

    A plain function of one array may stand among them. Raises `ArgumentTypeError` for anything
    that can't be called, and for a class (`ReLU` for `ReLU()`).

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 1, rng=1))
    >>> model(np.ones((5, 2))).shape, len(model.parameters())
    ((5, 1), 4)
    """

    def __init__(self, *modules: Module) -> None:
        for i, module in enumerate(modules):
            if isinstance(module, type) or not callable(module):
                cure = (f"write {module.__name__}()" if isinstance(module, type)
                        else "write Sequential(*layers)" if isinstance(module, list | tuple)
                        else "give modules, such as Linear(2, 1)")
                raise errors.ArgumentTypeError(
                    f"argument {i} of Sequential is {shown(module)}, which can't be called with "
                    f"the result of the one before: {cure}")
        self.steps = list(modules)

    def forward(self, x: Any) -> Any:
        """The last module's result."""
        for module in self.steps:
            x = module(x)
        return x

    def __getitem__(self, i: int) -> Module:
        return self.steps[i]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.steps)

    def _parts(self) -> Iterable[tuple[Any, Any]]:
        """What it holds: the modules by their numbers, as PyTorch names them."""
        for key, part in vars(self).items():
            yield from enumerate(part) if key == "steps" else [(key, part)]


class Flatten(Module):
    """The axes from start_dim to end_dim as one: (n, c, h, w) ↦ (n, c·h·w).

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.Flatten()(np.ones((5, 2, 3))).shape
    (5, 6)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = a_whole_number(start_dim, "start_dim", -math.inf)
        self.end_dim = a_whole_number(end_dim, "end_dim", -math.inf)

    def forward(self, x: Any) -> Any:
        """Raises `ShapeError` where x has no such axes."""
        shape = np.shape(x)
        first, last = (d + len(shape) if d < 0 else d for d in (self.start_dim, self.end_dim))
        if not 0 <= first <= last < len(shape):
            raise errors.ShapeError(f"{self!r} got shape {shape}, which has no such axes")
        size = math.prod(shape[first : last + 1])
        x = x if isinstance(x, Node) else as_array(x)
        return x.reshape(*shape[:first], size, *shape[last + 1 :])

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
