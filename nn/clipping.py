"""Gradients that are too large are made smaller, between the backward pass and the step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_mini import Node, errors

from .arguments import a_number, at_least_0, shown
from .module import Module

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def clip_grad_norm_(parameters: Iterable[Any], max_norm: float, norm_type: float = 2.0,
                    error_if_nonfinite: bool = True) -> float:
    """Scale all gradients together so that their norm, as one vector, is at most `max_norm`.

    Returns the norm before. norm_type: 1, 2, … or math.inf. The factor is
    max_norm/(norm + 1e-6), as in PyTorch, whose default lets a norm that is nan or inf make every
    gradient nan; here that raises `FloatingPointError`, unless `error_if_nonfinite` is False.
    Parameters without a gradient are left out.

    >>> import numpy as np, autograd_mini as ag
    >>> from autograd_mini import nn
    >>> w = ag.Tensor([1.0, 2.0])
    >>> w.grad = np.array([3.0, 4.0])
    >>> nn.clip_grad_norm_([w], 1.0)
    5.0
    >>> w.grad
    array([0.59999988, 0.79999984])
    """
    max_norm = at_least_0(max_norm, "max_norm")
    order = norm_type if norm_type == math.inf else a_number(
        norm_type, "norm_type", lambda p: p > 0, "above 0")
    having = _with_gradient(parameters)
    norms = np.array([np.linalg.norm(np.ravel(p.gradient), order) for p in having])
    total = float(np.linalg.norm(norms, order)) if having else 0.0
    if error_if_nonfinite and not math.isfinite(total):
        raise FloatingPointError(f"the norm of the gradients is {total}: ag.detect_anomaly() finds "
                                 "where that was born")
    factor = max_norm / (total + 1e-6)
    if factor < 1:
        for p in having:
            p.grad = p.gradient * factor
    return total


def clip_grad_value_(parameters: Iterable[Any], clip_value: float) -> None:
    """Hold each entry of each gradient between −clip_value and clip_value.

    >>> import numpy as np, autograd_mini as ag
    >>> from autograd_mini import nn
    >>> w = ag.Tensor([1.0, 2.0])
    >>> w.grad = np.array([3.0, -4.0])
    >>> nn.clip_grad_value_([w], 1.0)
    >>> w.grad
    array([ 1., -1.])
    """
    bound = at_least_0(clip_value, "clip_value")
    for p in _with_gradient(parameters):
        clipped = np.clip(p.gradient, -bound, bound)
        p.grad = clipped if isinstance(p.gradient, np.ndarray) else float(clipped)


def _with_gradient(parameters: Any) -> list[Any]:
    """The parameters whose gradient was computed, of a list, a model, or a single one."""
    given = (parameters.parameters() if isinstance(parameters, Module)
             else [parameters] if isinstance(parameters, Node) else parameters)
    if not isinstance(given, Iterable):
        raise errors.ArgumentTypeError(f"clipping takes parameters, not {shown(given)}")
    listed = list(given)
    for p in listed:
        if not isinstance(p, Node):
            raise errors.ArgumentTypeError(f"clipping takes parameters, model.parameters(), not "
                                           f"{shown(p)}")
    return [p for p in listed if p.gradient is not None]
