"""An LSTM over all moments as one operation, not some twenty a moment.

The plain loop is in `layers/recurrent.py`; read that. `install()` puts this one in its place; with
AUTOGRAD_MINI_PLAIN=1 in the environment it isn't called. Outputs and gradients differ from the
plain ones by roundings: products of matrices are added up in another order, tanh′ is 1 − y², and a
gate below 1e-38 (1e-307 in float64) counts as that. Second derivatives are taken of the plain loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Node, Tensor, stack, structural, vjp

from .layers.recurrent import LSTM

__all__ = ["PAIRS", "install"]

plain = LSTM.over_time
SMALL = 1024  # numbers: what has fewer stays a graph of its steps, to be drawn and stepped through
LOWEST = {np.dtype(np.float32): -87.0, np.dtype(np.float64): -708.0}  # e⁻ˣ is still finite


def over_time(self: LSTM, zx: Any, state: tuple[Any, ...], u: Any, bias: Any
              ) -> tuple[Any, tuple[Any, ...]]:
    """`LSTM.over_time`: one node, of arrays of one precision; anything else is handed back."""
    arrays = [zx, u, *state] if bias is None else [zx, u, *state, bias]
    if (any(type(a) not in (Tensor, np.ndarray) for a in arrays) or zx.dtype not in LOWEST
            or any(a.dtype != zx.dtype for a in arrays) or zx.size < SMALL
            or type(self).step is not LSTM.step):
        return plain(self, zx, state, u, bias)
    states = _lstm(arrays)
    return states[0], (states[0, :, -1], states[1, :, -1])


# ── forward ──────────────────────────────────────────────────────────────────────────────────────
# The gates are held one below the other, (4, n, hidden), in the order i, f, o, g: so all of one
# lies together, and the three that are bent by σ do.

def _by_gate(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Views of (n, 4·hidden), in PyTorch's order i, f, g, o, as (i, f) and (o, g)."""
    parts = z.reshape(len(z), 4, -1).transpose(1, 0, 2)
    return parts[:2], parts[:1:-1]


def _recurrent(u: np.ndarray) -> np.ndarray:
    """weight_hh, (4·hidden, hidden), as a matrix for each gate, (4, hidden, hidden)."""
    return np.ascontiguousarray(u.reshape(4, -1, u.shape[1])[[0, 1, 3, 2]].transpose(0, 2, 1))


def _bend(z: np.ndarray, bent: np.ndarray) -> None:
    """The gates of z into `bent`; z itself then holds e⁻ᶻ, of all but the last."""
    np.tanh(z[3], out=bent[3])
    e, gates = z[:3], bent[:3]
    np.maximum(e, LOWEST[z.dtype], out=e)
    np.negative(e, out=e)
    np.exp(e, out=e)
    np.add(e, 1.0, out=gates)
    np.reciprocal(gates, out=gates)


def _states(arrays: list[Any]) -> np.ndarray:
    """h and c after each moment: (2, n, T, hidden)."""
    zx, u, h, c, *bias = map(np.asarray, arrays)
    states = np.empty((2, *zx.shape[:2], h.shape[1]), zx.dtype)
    steps = _Steps(zx, u, bias)
    for t in range(zx.shape[1]):
        i, f, o, g = steps.gates(t, h)
        now_c, now_h = states[1, :, t], states[0, :, t]
        np.multiply(i, g, out=i)
        np.multiply(f, c, out=f)
        c = np.add(f, i, out=now_c)
        h = np.multiply(np.tanh(c, out=i), o, out=now_h)
    return states


class _Steps:
    """What each moment computes first, in arrays that are used again."""

    def __init__(self, zx: np.ndarray, u: np.ndarray, bias: list[np.ndarray]) -> None:
        n, _, wide = zx.shape
        self.zx, self.matrices = zx, _recurrent(u)
        self.bias = [part.reshape(-1, 1, wide // 4) for part in _by_gate(bias[0][None])
                     ] if bias else []
        self.z, self.bent = (np.empty((4, n, wide // 4), zx.dtype) for _ in range(2))

    def gates(self, t: int, h: np.ndarray) -> np.ndarray:
        """i, f, o and g at a moment, from the h before."""
        np.matmul(h, self.matrices, out=self.z)
        for part, *added in zip((self.z[:2], self.z[2:]), _by_gate(self.zx[:, t]), *(
                [self.bias] if self.bias else []), strict=True):
            for term in reversed(added):
                part += term
        _bend(self.z, self.bent)
        return self.bent


# ── backward ─────────────────────────────────────────────────────────────────────────────────────

def _pulled_back(g: Any, y: Any, *arrays: Any) -> Any:
    """The cotangents of zx, weight_hh, h, c, and bias_hh if there is one."""
    if any(isinstance(a, Node) for a in (g, *arrays)):  # to be differentiated again
        return vjp(_plainly, *arrays)[1](g)
    zx, u, h, c, *bias = arrays
    before = [np.concatenate([start[:, None], part[:, :-1]], axis=1)
              for start, part in zip((h, c), y, strict=True)]
    sent, dh, dc = _sent_back(g, y[1], before, zx, u, bias)
    rows = sent.reshape(-1, sent.shape[-1])
    du = rows.T @ before[0].reshape(len(rows), -1)
    return [sent, du, dh, dc, *([rows.sum(axis=0)] if bias else [])]


def _sent_back(g: np.ndarray, cs: np.ndarray, before: list[np.ndarray], zx: np.ndarray,
               u: np.ndarray, bias: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    """The cotangents of zx and of the first h and c, moment by moment from the last."""
    steps, sent = _Steps(zx, u, bias), np.empty(zx.shape, zx.dtype)
    dh, dc = np.zeros_like(before[0][:, 0]), np.zeros_like(before[0][:, 0])
    part = np.empty_like(dh)
    for t in range(zx.shape[1] - 1, -1, -1):
        bent = steps.gates(t, before[0][:, t])
        slopes = steps.z  # first e⁻ᶻ; σ′ = e⁻ᶻσ², which keeps its digits, as σ(1 − σ) doesn't
        slopes[:3] *= bent[:3]
        slopes[:3] *= bent[:3]
        i, f, o, m = bent
        bend = np.tanh(cs[:, t])
        dh += g[0, :, t]
        dc += g[1, :, t]
        slopes[2] *= dh
        slopes[2] *= bend
        dh *= o
        dc += dh
        bend *= bend
        bend *= dh
        dc -= bend  # dc + dh·o·(1 − tanh²c)
        np.multiply(m, m, out=part)
        np.subtract(1.0, part, out=slopes[3])
        slopes[3] *= i
        slopes[0] *= m
        slopes[1] *= before[1][:, t]
        slopes[:2] *= dc
        slopes[3] *= dc
        for out, slope in zip(_by_gate(sent[:, t]), (slopes[:2], slopes[2:]), strict=True):
            out[...] = slope
        dc *= f
        np.matmul(sent[:, t], u, out=dh)
    return sent, dh, dc


def _plainly(zx: Any, u: Any, h: Any, c: Any, *bias: Any) -> Any:
    """The same as `_states`, composed of the operations of each step."""
    hs, cs, state = [], [], (h, c)
    for t in range(zx.shape[1]):
        state = LSTM.step(zx[:, t], state, (u.T, bias[0] if bias else None))
        hs.append(state[0])
        cs.append(state[1])
    return stack([stack(hs, axis=1), stack(cs, axis=1)])


_lstm = structural(_states, _pulled_back, name="nn.lstm", symbol="LSTM", many=True)

PAIRS: list[tuple[type, str, Callable[..., Any], Callable[..., Any]]] = [
    (LSTM, "over_time", plain, over_time),  # a class, a name, the plain one, the fast one
]


def install() -> None:
    """Put the fast function in the place of the plain one."""
    for owner, name, _, fast in PAIRS:
        setattr(owner, name, fast)
