"""PyTorch as an oracle: a program is run with torch's functions in place of NumPy's and ours.

Where the program uses something that torch hasn't under the same meaning, it says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .programs import Program

__all__ = ["second_opinion"]

SAME = """exp expm1 exp2 log log1p log2 sqrt sin cos tan arctan arcsin arccos sinh cosh tanh arcsinh
arctanh square reciprocal abs hypot arctan2 logaddexp logaddexp2 sinc clip prod mean sum
cumsum cumprod flip reshape ravel swapaxes moveaxis squeeze concatenate stack vstack hstack outer
diag tril triu trace einsum broadcast_to where maximum minimum fmod deg2rad diff inner vdot
column_stack roll""".split()  # noqa: SIM905
"""What torch has under NumPy's name, with NumPy's arguments (axis, keepdims)."""
LINALG = ["solve", "inv", "det", "slogdet", "matrix_power", "pinv"]
"""Not those that read one triangle, whose gradient is symmetrised there."""
OTHER = {"cbrt": lambda x: x.sign() * x.abs() ** (1 / 3), "power": lambda a, b: a**b,
         "fabs": lambda x: x.abs(), "nan_to_num": lambda x: x, "copy": lambda x: x + 0.0}
OURS = ["sigmoid", "relu", "softmax", "log_softmax", "logsumexp"]
IN_NN = {"softplus": "softplus", "gelu": "gelu", "silu": "silu", "relu6": "relu6",
         "mish": "mish", "logsigmoid": "logsigmoid", "hardtanh": "hardtanh",
         "leaky_relu": "leaky_relu", "hardsigmoid": "hardsigmoid", "softsign": "softsign"}


class _Unknown(Exception):  # noqa: N818
    """Torch hasn't this function, or not with this meaning."""


class _Room:
    """A module with some names, and an error of its own for the others."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names

    def __getattr__(self, name: str) -> Any:
        if name not in self.names:
            raise _Unknown(name)
        return self.names[name]


def _rooms(torch: Any) -> dict[str, Any]:
    """np, ag and mix, for torch's tensors."""
    def tensors(f: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            return f(*[torch.tensor(x, dtype=torch.float64)
                       if isinstance(x, float) else torch.tensor(x)
                       if isinstance(x, np.ndarray) else x for x in args],
                     **kwargs)
        return called

    linalg = _Room({n: tensors(getattr(torch.linalg, n)) for n in LINALG})
    numpy = {n: tensors(getattr(torch, n)) for n in SAME}
    numpy |= {n: tensors(f) for n, f in OTHER.items()}
    numpy |= {"linalg": linalg, "eye": lambda n: torch.eye(n, dtype=torch.float64)}
    ours = {n: tensors(getattr(torch, n)) for n in OURS}
    ours |= {n: getattr(torch.nn.functional, f) for n, f in IN_NN.items()}
    return {"np": _Room(numpy), "ag": _Room(ours), "mix": lambda v: _mix(torch, v)}


def _mix(torch: Any, v: Any) -> Any:
    """One number in which every entry of v has a weight of its own."""
    weights = torch.tensor(np.cos(1.0 + np.arange(v.numel()))).reshape(v.shape)
    return torch.sum(v * weights)


def second_opinion(program: Program, y: float, direction: Sequence[Any]
                   ) -> tuple[list[Any], list[Any]] | None:
    """Torch's gradients, and H·direction; None if it isn't there or hasn't the functions.

    y: the value that NumPy gave; another one means that a function has another meaning.
    """
    try:
        import torch
    except ImportError:
        return None
    leaves = [torch.tensor(np.asarray(x, float), requires_grad=True) for x in program.values]
    names: dict[str, Any] = _rooms(torch)
    exec(program.body, names)
    try:
        result = names["f"](*leaves)
        result = _mix(torch, result) if result.ndim else result
        if not abs(float(result.detach()) - y) <= 1e-9 * max(1.0, abs(y)):
            return None
        first = _differentiated(torch, result, leaves)
        along = sum((g * torch.tensor(np.asarray(v, float))).sum()
                    for g, v in zip(first, direction, strict=True))
        second = _differentiated(torch, along, leaves)
    except Exception:  # another meaning, or another way to write it
        return None
    return [g.numpy(force=True) for g in first], [h.numpy(force=True) for h in second]


def _differentiated(torch: Any, y: Any, leaves: Sequence[Any]) -> list[Any]:
    """∂y/∂leaf, for each, to be differentiated again."""
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in leaves]
    found = torch.autograd.grad(y, leaves, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g
            for g, x in zip(found, leaves, strict=True)]
