"""What each moment takes from the others as one operation: composed, it is a dozen.

The plain one is in `layers/attention.py`; read that. `install()` puts this one in its place; with
AUTOGRAD_MINI_PLAIN=1 in the environment it isn't called. The two differ by roundings. The T × T
probabilities aren't kept: the backward pass computes them again. Second derivatives are those of
the plain one.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from autograd_mini import Node, compiler, structural, vjp

from .layers import attention

__all__ = ["PAIRS", "install"]

plain = attention.attend
SMALL = 1024  # numbers: what has fewer stays a graph of its steps, to be drawn and stepped through


def attend_at_once(qkv: Any, num_heads: int, causal: bool) -> Any:
    """`attention.attend`: one node, for a Tensor or an array; anything else is handed back."""
    if type(qkv) not in compiler.ARRAYS or qkv.dtype.kind != "f" or qkv.size < SMALL:
        return plain(qkv, num_heads, causal)
    return _attend(qkv, num_heads=num_heads, causal=causal)


def _forward(qkv: Any, num_heads: int, causal: bool) -> Any:
    """softmax(q kᵀ/√d) v of all heads: (n, T, 3c) ↦ (n, T, c)."""
    q, k, v = _parts(qkv, num_heads)
    p = _probabilities(q, k, causal)
    if p is None:
        return plain(qkv, num_heads, causal)
    y = np.empty((*qkv.shape[:2], num_heads, q.shape[-1]), qkv.dtype)
    np.matmul(p, v, out=y.transpose(0, 2, 1, 3))
    return y.reshape(*qkv.shape[:2], -1)


def _parts(qkv: Any, num_heads: int) -> Any:
    """Views of (n, T, 3c) as q, k and v, each (n, heads, T, d)."""
    n, moments, _ = qkv.shape
    return qkv.reshape(n, moments, 3, num_heads, -1).transpose(2, 0, 3, 1, 4)


def _probabilities(q: np.ndarray, k: np.ndarray, causal: bool) -> np.ndarray | None:
    """softmax(q kᵀ/√d): how much of each moment each takes; None if only limits would tell."""
    p: np.ndarray = q @ k.swapaxes(-1, -2)
    p *= q.shape[-1] ** -0.5
    if causal:
        later = np.triu(np.ones(p.shape[-2:], bool), 1)
        np.copyto(p, -np.inf, where=later)
    top = np.maximum.reduce(p, axis=-1, keepdims=True)
    if not np.isfinite(top).all():
        return None
    p -= top
    np.exp(p, out=p)
    p /= np.add.reduce(p, axis=-1, keepdims=True)
    return p


def _pulled_back(g: Any, y: Any, qkv: Any, *, num_heads: int, causal: bool) -> Any:
    """The cotangent of qkv."""
    p = None
    if not isinstance(g, Node) and not isinstance(qkv, Node) and np.isfinite(y).all():
        q, k, v = _parts(qkv, num_heads)
        p = _probabilities(q, k, causal)
    if p is None:  # to be differentiated again; or by the limits, where 0·nan may be 0
        return vjp(lambda z: plain(z, num_heads, causal), qkv)[1](g)[0]
    sent = np.empty(qkv.shape, qkv.dtype)
    dq, dk, dv = _parts(sent, num_heads)
    g = g.reshape(*g.shape[:2], num_heads, -1).transpose(0, 2, 1, 3)
    np.matmul(p.swapaxes(-1, -2), g, out=dv)
    ds = g @ v.swapaxes(-1, -2)
    ds -= np.einsum("nhts,nhts->nht", ds, p)[..., None]
    ds *= p
    ds *= q.shape[-1] ** -0.5
    np.matmul(ds, k, out=dq)
    np.matmul(ds.swapaxes(-1, -2), q, out=dk)
    return sent


_attend = structural(_forward, _pulled_back, name="nn.attention", symbol="softmax(q kᵀ/√d) v")

PAIRS: list[tuple[ModuleType, str, Callable[..., Any], Callable[..., Any]]] = [
    (attention, "attend", plain, attend_at_once),  # where, the name, the plain one, the fast one
]


def install() -> None:
    """Put the fast function in the place of the plain one."""
    for owner, name, _, fast in PAIRS:
        setattr(owner, name, fast)
