"""Layers of arrays: a whole batch at once, one sample a row."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograd_mini import Tensor, errors, linear

from .arguments import a_flag, a_whole_number, shown
from .initialisers import uniform_fan_in
from .module import Module
from .randomness import a_generator

__all__ = ["Linear", "Sequential"]


class Linear(Module):
    """x ↦ x Wᵀ + b, for x of shape (…, in_features); the result is (…, out_features).

    weight: (out_features, in_features); bias: (out_features,), or None. Both are drawn from
    `rng` (a NumPy generator, or a seed for one; a new unseeded one if None) as PyTorch draws
    them. dtype: float64 or float32. Raises `ArgumentError` for sizes < 1, `ArgumentTypeError` for
    other kinds, `DTypeError` for another dtype.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *,
        rng: np.random.Generator | int | None = None, dtype: Any = np.float64,
    ) -> None:
        self.in_features = in_features = a_whole_number(in_features, "in_features", 1)
        self.out_features = out_features = a_whole_number(out_features, "out_features", 1)
        bias, rng, dtype = a_flag(bias, "bias"), a_generator(rng), _precision(dtype)
        weight = uniform_fan_in((out_features, in_features), in_features, rng, dtype)
        self.weight = Tensor(weight, label="weight")
        self.bias = None
        if bias:
            self.bias = Tensor(uniform_fan_in((out_features,), in_features, rng, dtype), "bias")

    def forward(self, x: Any) -> Any:
        """x Wᵀ + b."""
        shape = x.shape if isinstance(x, Tensor | np.ndarray) else np.shape(x)
        if shape[-1:] != (self.in_features,):
            raise ValueError(f"{self!r} needs (…, {self.in_features}), got {shape}")
        if self.weight.dtype == np.float32 and getattr(x, "dtype", None) == np.float64:
            warnings.warn(f"{self!r} holds float32 and is given float64, so all that follows is "
                          "computed in float64: give it x.astype(np.float32)", stacklevel=2)
        if self.bias is None:
            return x @ self.weight.T
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return (f"in_features={self.in_features}, out_features={self.out_features}, "
                f"bias={self.bias is not None}")


def _precision(dtype: Any) -> np.dtype[Any]:
    """float64 or float32; in whole numbers, weights below 1 would all be 0."""
    with contextlib.suppress(TypeError):  # NumPy's, of what is no dtype at all
        given: np.dtype[Any] = np.dtype(dtype)
        if given in (np.float64, np.float32):
            return given
    raise errors.DTypeError(f"dtype is np.float64 or np.float32, not {shown(dtype)}")


class Sequential(Module):
    """Modules one after the other; each is called with the result of the one before.

    A plain function of one array may stand among them. Raises `ArgumentTypeError` for anything
    that can't be called, and for a class (`ReLU` for `ReLU()`).
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
