"""A Module is a tree of named parameters and a function of its input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograd_mini import Node, Value

from .arguments import Called, a_flag, a_whole_number, of_one_sample, whole_numbers

__all__ = ["Module", "a_flag", "a_whole_number", "of_one_sample", "whole_numbers"]


class Module(Called):
    """The base of every layer and network.

    Whatever node (`Value` or `Tensor`) is an attribute, or lies in a list, tuple or dict or a
    Module that is one, is a parameter; its name is the path to it, such as `layers.0.weight`.
    Plain numbers are constants, and so is a computed node that was kept; a plain array of floats
    isn't learned, but saved (see `named_buffers`). A subclass defines `forward`.
    """

    training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, x)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The same as forward."""
        return self.forward(*args, **kwargs)

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """(name, parameter) in order of definition; a shared one once, by its first name."""
        seen: set[Node] = set()
        for name, part in _walk(self, "", set()):
            if isinstance(part, Node) and part.is_leaf and part not in seen:
                seen.add(part)
                yield name, part

    def parameters(self) -> list[Any]:
        """The parameters in order of definition."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        """(name, array) of what isn't learned but belongs to the model, such as running means.

        That is each attribute of a module that is a plain array of floats, or one of NumPy's
        floats, unless its name begins with an underscore; of one that two modules hold, the first.
        `save` and `load` keep them, too.
        """
        seen: set[int] = set()
        for name, module, key in self._buffers():
            array = getattr(module, key)
            if id(array) not in seen:
                seen.add(id(array))
                yield name, np.asarray(array)

    def _buffers(self) -> Iterator[tuple[str, Module, str]]:
        """(name, module, attribute) of each buffer, wherever it is held."""
        for path, part in _walk(self, "", set()):
            for key, x in list(vars(part).items()) if isinstance(part, Module) else ():
                plain = type(x) is np.ndarray or isinstance(x, np.floating)
                if plain and x.dtype.kind == "f" and not key.startswith("_"):
                    yield f"{path}.{key}" if path else key, part, key

    def modules(self) -> Iterator[Module]:
        """This module and every one inside it."""
        return (part for _, part in _walk(self, "", set()) if isinstance(part, Module))

    def zero_grad(self) -> None:
        """Forget all gradients: 0 for a Value as in micrograd, None for a Tensor as in PyTorch."""
        for parameter in self.parameters():
            parameter.grad = 0.0 if isinstance(parameter, Value) else None

    def summary(self) -> Any:
        """A table of the modules inside: their parameters, shapes, and how many numbers these are.

        It prints as text, and shows itself in a notebook.
        """
        from .summary import Summary

        return Summary(self)

    def _repr_html_(self) -> str:
        html: str = self.summary()._repr_html_()
        return html

    def train(self, mode: bool = True) -> Module:
        """Set `training`, which layers that behave differently in training look at."""
        mode = a_flag(mode, "mode (fit trains the model; train() only says that it is trained)")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """The opposite of train()."""
        return self.train(False)


def _walk(part: Any, name: str, entered: set[int]) -> Iterator[tuple[str, Any]]:
    """Everything reachable from a module by attributes and containers, with its path."""
    yield name, part
    if isinstance(part, Module):
        if id(part) in entered:  # shared, or a child that knows its parent
            return
        entered.add(id(part))
        branches: Iterable[tuple[Any, Any]] = vars(part).items()
    elif isinstance(part, dict):
        branches = part.items()
    elif isinstance(part, list | tuple):
        branches = enumerate(part)
    else:
        return
    for key, branch in branches:
        yield from _walk(branch, f"{name}.{key}" if name else str(key), entered)
