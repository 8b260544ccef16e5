"""A Module is a tree of named parameters and a function of its input."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from autograd_mini import Node, Value

from .arguments import Called, a_flag, a_whole_number, of_one_sample, whole_numbers

__all__ = ["Module", "a_flag", "a_whole_number", "held", "listening", "of_one_sample", "walk",
           "whole_numbers"]

_listener: ContextVar[Callable[[Module, Any], None] | None] = ContextVar("listener", default=None)


class Module(Called):
    """The base of every layer and network.

    Whatever node (`Value` or `Tensor`) is an attribute, or lies in a list, tuple or dict or a
    Module that is one, is a parameter; its name is the path to it, such as `layers.0.weight`.
    Plain numbers are constants, and so is a computed node that was kept; a plain array of floats
    isn't learned, but saved (see `named_buffers`). So `layer.weight = layer.weight.data` freezes a
    weight, and `layer.weight = Tensor(layer.weight)` lets it learn again (in a new optimizer); a
    `Value` is frozen as `np.float64(v.data)`. A subclass defines `forward`.

    >>> import numpy as np, autograd_mini as ag
    >>> from autograd_mini import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = ag.Tensor([2.0, 3.0])
    ...     def forward(self, x):
    ...         return self.factor * x
    ...
    >>> Scale()(np.ones(2))
    Tensor([2., 3.], op=multiply)
    >>> [name for name, p in Scale().named_parameters()]
    ['factor']
    """

    training = True
    set_in_training: tuple[str, ...] = ()  # attributes that a forward pass in training sets

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, x)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The same as forward."""
        listener = _listener.get()
        if listener is None:
            return self.forward(*args, **kwargs)
        result = self.forward(*args, **kwargs)
        listener(self, result)
        return result

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """(name, parameter) in order of definition; a shared one once, by its first name."""
        seen: set[Node] = set()
        for name, part in walk(self):
            if isinstance(part, Node) and part.is_leaf and part not in seen:
                seen.add(part)
                yield name, part

    def parameters(self) -> list[Any]:
        """The parameters in order of definition."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        """(name, array) of what isn't learned but belongs to the model, such as running means.

        That is each attribute of a module, or entry of a list or dict that is one, that is a plain
        array of floats, one of NumPy's floats, or a counter (a whole number in an array without
        axes), unless the attribute's name begins with an underscore; of one that two modules hold,
        the first. `save` and `load` keep them, too.
        """
        seen: set[int] = set()
        for name, holder, key in self._buffers():
            array = held(holder, key)
            if id(array) not in seen:
                seen.add(id(array))
                yield name, np.asarray(array)

    def _buffers(self) -> Iterator[tuple[str, Any, Any]]:
        """(name, holder, key) of each buffer: of a module's attribute, or a list's or dict's entry.
        """
        for path, part in walk(self):
            for key, x in list(vars(part).items()) if isinstance(part, Module) else ():
                if not key.startswith("_"):
                    yield from _arrays_in(part, key, x, f"{path}.{key}" if path else key)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Each parameter and each buffer by its name, as PyTorch names them: `{"0.weight": …}`.

        The arrays are copies. Raises `StorageError` if two have one name.
        """
        from .state import entries

        return {name: np.array(entry.value) for name, entry in entries(self).items()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Any:
        """Take the numbers of every parameter and buffer from what `state_dict` gave.

        The parameters stay the same nodes. All are replaced or none: raises `StorageError` (a
        `ValueError`) for other shapes, for numbers that the model's precision doesn't hold, and,
        if `strict`, for names that are missing or unknown. Returns (missing_keys, unexpected_keys).
        """
        from .state import load_state

        return load_state(self, state, a_flag(strict, "strict"))

    def modules(self) -> Iterator[Module]:
        """This module and every one inside it."""
        return (part for _, part in walk(self) if isinstance(part, Module))

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """(path, module) of this one, whose path is "", and of each inside; a shared one once."""
        seen: set[int] = set()  # by id: a dataclass may have no hash
        for path, part in walk(self):
            if isinstance(part, Module) and id(part) not in seen:
                seen.add(id(part))
                yield path, part

    def apply(self, function: Callable[[Module], object]) -> Module:
        """Call a function with every module inside, the innermost first, and with this one."""
        for module in [*dict(self.named_modules()).values()][::-1]:
            function(module)
        return self

    def zero_grad(self) -> None:
        """Forget all gradients: 0 for a Value as in micrograd, None for a Tensor as in PyTorch."""
        for parameter in self.parameters():
            parameter.grad = 0.0 if isinstance(parameter, Value) else None

    def summary(self, x: Any = None) -> Any:
        """A table of the modules inside: their parameters, shapes, and how many numbers these are.

        With an input x, such as a batch, also the shapes of what each gives. It prints as text, and
        shows itself in a notebook.
        """
        from .summaries import Summary

        return Summary(self, x)

    def _parts(self) -> Iterable[tuple[Any, Any]]:
        """What the module holds, each with its part of the path."""
        return vars(self).items()

    def extra_repr(self) -> str:
        """What stands in the brackets of the module's own line when it is printed."""
        return ""

    def __repr__(self) -> str:
        """The tree of modules, as PyTorch prints it."""
        return _tree(self, ())

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


@contextlib.contextmanager
def listening(listener: Callable[[Module, Any], None]) -> Iterator[None]:
    """A block in which `listener` is told of each module that was called, and what it gave."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def walk(part: Any, name: str = "", entered: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Everything reachable from a module by attributes and containers, with its path."""
    entered = set() if entered is None else entered
    yield name, part
    if isinstance(part, Module):
        if id(part) in entered:  # shared, or a child that knows its parent
            return
        entered.add(id(part))
        branches = part._parts()
    else:
        branches = _branches(part)
    for key, branch in branches:
        yield from walk(branch, f"{name}.{key}" if name else str(key), entered)


def _branches(part: Any) -> Iterable[tuple[Any, Any]]:
    """What a container holds, each with its key; of anything else nothing."""
    if isinstance(part, dict):
        return part.items()
    return enumerate(part) if isinstance(part, list | tuple) else ()


def _children(part: Any, name: str) -> Iterator[tuple[str, Module]]:
    """The modules that a module or a container holds, with their paths in it."""
    for key, branch in part._parts() if isinstance(part, Module) else _branches(part):
        path = f"{name}.{key}" if name else str(key)
        if isinstance(branch, Module):
            yield path, branch
        else:
            yield from _children(branch, path)


def _tree(module: Module, around: tuple[Module, ...]) -> str:
    """A module's line, and below it those of the modules inside; `around` are those it is in."""
    if type(module).__repr__ is not Module.__repr__:
        return repr(module)
    name, inside = type(module).__name__, [*_children(module, "")]
    if any(module is outer for outer in around):
        return f"{name}(…)"
    if not inside:
        return f"{name}({module.extra_repr()})"
    lines = "\n".join(f"({path}): {_tree(m, (*around, module))}" for path, m in inside)
    return f"{name}({module.extra_repr()}\n{textwrap.indent(lines, '  ')}\n)"


def held(holder: Any, key: Any) -> Any:
    """What a module has for an attribute, or a list or dict under a key."""
    return getattr(holder, key) if isinstance(holder, Module) else holder[key]


def _arrays_in(holder: Any, key: Any, x: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """(name, holder, key) of x if it is a buffer; of a list or dict, of what is in it."""
    if _is_buffer(x):
        yield path, holder, key
    elif isinstance(x, list | dict):
        for inner, y in _branches(x):
            yield from _arrays_in(x, inner, y, f"{path}.{inner}")


def _is_buffer(x: Any) -> bool:
    """Whether an attribute is saved, though it isn't learned."""
    if type(x) is not np.ndarray:
        return isinstance(x, np.floating)
    return x.dtype.kind == "f" or (x.ndim == 0 and x.dtype.kind in "iu")
