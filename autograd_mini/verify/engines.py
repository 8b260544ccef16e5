"""Backward passes that belong to other engines: called with plain arrays, and judged by numbers."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["Context", "foreign"]


class Context:
    """What a forward pass hands to its backward pass, under the names of torch.autograd.Function.
    """

    def __init__(self, count: int) -> None:
        self.saved_tensors: tuple[Any, ...] = ()
        self.needs_input_grad = (True,) * count

    def save_for_backward(self, *arrays: Any) -> None:
        """Keep some arrays as `saved_tensors`."""
        self.saved_tensors = arrays


def foreign(f: Any) -> tuple[Callable[..., Any], Callable[..., Any], str] | None:
    """(forward, backward(cotangent, *arguments), whose it is) of another engine's function, both of
    plain arrays; None if it is none.
    """
    torch = sys.modules.get("torch")  # whoever has its functions has imported it
    if torch is not None and isinstance(f, type) and issubclass(f, torch.autograd.Function):
        return _of_torch(f, torch)
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(f, jax.custom_vjp):
        return _of_jax(f, jax)
    return None


def _of_torch(function: Any, torch: Any) -> tuple[Callable[..., Any], Callable[..., Any], str]:
    def tensors(args: Sequence[Any]) -> list[Any]:
        return [torch.tensor(np.asarray(x), requires_grad=True) if _is_float(x) else
                torch.tensor(x) if isinstance(x, np.ndarray) else x for x in args]

    def forward(*args: Any) -> Any:
        return _plain(function.apply(*tensors(args)))

    def backward(cotangent: Any, *args: Any) -> Any:
        given = tensors(args)
        output = function.apply(*given)
        results, seeds = (output, cotangent) if isinstance(output, tuple) else (
            (output,), (cotangent,))
        wanted = [x for x in given if isinstance(x, torch.Tensor) and x.requires_grad]
        arriving = [torch.tensor(np.asarray(g)) for g in seeds]
        found = iter(torch.autograd.grad(results, wanted, arriving, allow_unused=True))
        return tuple(_plain(next(found)) if any(x is w for w in wanted) else None for x in given)

    _named_after(function.forward, forward, backward, skipped=1)
    return forward, backward, "it is PyTorch's"


def _of_jax(function: Any, jax: Any) -> tuple[Callable[..., Any], Callable[..., Any], str]:
    double = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

    def forward(*args: Any) -> Any:
        with double(True):
            return _plain(function(*args))

    def backward(cotangent: Any, *args: Any) -> Any:
        with double(True):
            moving = [i for i, x in enumerate(args) if _is_float(x)]

            def of_floats(*floats: Any) -> Any:
                given = list(args)
                for i, x in zip(moving, floats, strict=True):
                    given[i] = x
                return function(*given)

            _, pullback = jax.vjp(of_floats, *[np.asarray(args[i]) for i in moving])
            found = pullback(jax.tree.map(np.asarray, cotangent))
            by_place = dict(zip(moving, map(_plain, found), strict=True))
            return tuple(by_place.get(i) for i in range(len(args)))

    _named_after(getattr(function, "fun", function), forward, backward)
    return forward, backward, "it is JAX's"


def _named_after(original: Any, forward: Any, backward: Any, skipped: int = 0) -> None:
    """Give the two the names of the original's parameters."""
    try:
        parameters = list(inspect.signature(original).parameters.values())[skipped:]
    except (TypeError, ValueError):
        return
    first = inspect.Parameter("grad_output", inspect.Parameter.POSITIONAL_ONLY)
    if any(p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters):
        return
    plain = [p.replace(kind=p.POSITIONAL_ONLY, annotation=p.empty) for p in parameters]
    forward.__signature__ = inspect.Signature(plain)
    backward.__signature__ = inspect.Signature([first, *[p.replace(default=p.empty)
                                                         for p in plain]])


def _is_float(x: Any) -> bool:
    return isinstance(x, float | np.floating) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


def _plain(x: Any) -> Any:
    """What another engine returned, as NumPy's arrays."""
    if isinstance(x, tuple | list):
        return type(x)(map(_plain, x))
    if x is None:
        return None
    return np.asarray(x.detach() if hasattr(x, "detach") else x)
