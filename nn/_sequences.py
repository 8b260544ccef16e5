"""An LSTM over all moments as one operation, not some twenty a moment.

The plain loop is in `layers/recurrent.py`; read that. `install()` puts this one in its place; with
AUTOGRAD_MINI_PLAIN=1 in the environment it isn't called. Outputs and gradients differ from the
plain ones by roundings: sums are taken in another order, tanh′ is 1 − tanh², whose error is one
rounding of 1, and a gate below 1e-37 (1e-307 in float64) counts as that. Second derivatives are
those of the plain loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Node, compiler, linear, stack, structural, vjp

from .layers.recurrent import LSTM

__all__ = ["PAIRS", "install"]

plain = LSTM.over_time
SMALL = 1024  # numbers: what has fewer stays a graph of its steps, to be drawn and stepped through
LOWEST = {np.dtype(np.float32): -87.0, np.dtype(np.float64): -708.0}  # e⁻ᶻ is finite from there on


def over_time(self: LSTM, x: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """`LSTM.over_time`: one node, of arrays of one precision; anything else is handed back."""
    w, u, *biases = self._weights()
    arrays = [x, w, u, *state, *(b for b in biases if b is not None)]
    if (any(type(a) not in compiler.ARRAYS for a in arrays) or u.dtype not in LOWEST
            or any(a.dtype != u.dtype for a in arrays) or type(self).step is not LSTM.step
            or x.shape[0] * x.shape[1] * len(u) < SMALL):
        return plain(self, x, state)
    moments = np.swapaxes(x, 0, 1)  # so that what a moment needs lies together
    zx = linear(moments, w, biases[0] + biases[1]) if self.bias else moments @ w.T
    states = _lstm([zx, u, *state])
    return np.swapaxes(states[0], 0, 1), (states[0, -1], states[1, -1])


# ── forward ──────────────────────────────────────────────────────────────────────────────────────

class _Gates:
    """The gates of a moment, (4, n, hidden), so that all of one lies together: i, f, g, o."""

    def __init__(self, zx: np.ndarray, u: np.ndarray) -> None:
        hidden = u.shape[1]
        self.zx, self.u = by_gate(zx), u.reshape(4, hidden, hidden).transpose(0, 2, 1).copy()
        self.e, self.bent = (np.empty((4, zx.shape[1], hidden), zx.dtype) for _ in range(2))
        self.lowest = LOWEST[zx.dtype]

    def at(self, t: int, h: np.ndarray) -> np.ndarray:
        """Those at moment t, from the h before; `e` is then e⁻ᶻ, where σ(z) = 1/(1 + e⁻ᶻ)."""
        e, bent = self.e, self.bent
        np.matmul(h, self.u, out=e)
        e += self.zx[t]
        m = np.tanh(e[2])
        np.maximum(e, self.lowest, out=e)
        np.negative(e, out=e)
        np.exp(e, out=e)
        np.add(e, 1.0, out=bent)
        np.reciprocal(bent, out=bent)
        bent[2] = m
        return bent


def by_gate(z: np.ndarray) -> np.ndarray:
    """A view of (T, n, 4·hidden) as (T, 4, n, hidden)."""
    return z.reshape(*z.shape[:2], 4, -1).swapaxes(1, 2)


def _states(arrays: list[Any]) -> np.ndarray:
    """h and c after each moment: (2, T, n, hidden)."""
    zx, u, h, c = map(np.asarray, arrays)
    gates, states = _Gates(zx, u), np.empty((2, *zx.shape[:2], u.shape[1]), zx.dtype)
    for t, (next_h, next_c) in enumerate(zip(*states, strict=True)):
        i, f, g, o = gates.at(t, h)
        i *= g
        c = np.multiply(f, c, out=next_c)
        c += i
        h = np.tanh(c, out=next_h)
        h *= o
    return states


# ── backward ─────────────────────────────────────────────────────────────────────────────────────

def _pulled_back(g: Any, y: Any, *arrays: Any) -> Any:
    """The cotangents of zx, weight_hh, h and c."""
    if any(isinstance(a, Node) for a in (g, *arrays)) or not np.isfinite(y[:, -1]).all():
        return vjp(_composed, *arrays)[1](g)  # to be differentiated again; or 0·nan, which is 0
    zx, u, h, c = arrays
    dz, dh, dc = np.empty(zx.shape, zx.dtype), np.zeros_like(h), np.zeros_like(c)
    gates, parts = _Gates(zx, u), by_gate(dz)
    for t in range(len(zx) - 1, -1, -1):
        dh += g[0, t]
        dc += g[1, t]
        before = (y[0, t - 1], y[1, t - 1]) if t else (h, c)
        _one_step_back(gates.at(t, before[0]), gates.e, y[1, t], before[1], dh, dc)
        parts[t] = gates.e
        np.matmul(dz[t], u, out=dh)
    rows = dz[1:].reshape(-1, dz.shape[2])
    return dz, dz[0].T @ h + rows.T @ y[0, :-1].reshape(-1, y.shape[-1]), dh, dc


def _one_step_back(gates: np.ndarray, e: np.ndarray, c: np.ndarray, c_before: np.ndarray,
                   dh: np.ndarray, dc: np.ndarray) -> None:
    """Of a moment: e becomes dz, and dc that of the c before."""
    i, f, g, o = gates
    bend = np.tanh(c)
    dz = e
    dz *= gates
    dz *= gates  # σ′ = e⁻ᶻσ², which keeps its digits as σ(1 − σ) doesn't
    np.multiply(g, g, out=dz[2])
    np.subtract(1.0, dz[2], out=dz[2])
    dz[3] *= bend
    dz[3] *= dh
    dh *= o
    dc += dh
    bend *= bend
    bend *= dh
    dc -= bend  # so dh·o·(1 − tanh²c) has been added
    dz[0] *= g
    dz[1] *= c_before
    dz[2] *= i
    dz[:3] *= dc
    dc *= f


def _composed(zx: Any, u: Any, h: Any, c: Any) -> Any:
    """The same as `_states`, put together from the operations of each step."""
    states = [(h, c)]
    for z in zx:
        states.append(LSTM.step(z, states[-1], (u.T, None)))
    return stack([stack(part) for part in zip(*states[1:], strict=True)])


_lstm = structural(_states, _pulled_back, name="nn.lstm", symbol="LSTM", many=True)

PAIRS: list[tuple[type, str, Callable[..., Any], Callable[..., Any]]] = [
    (LSTM, "over_time", plain, over_time),  # a class, a name in it, the plain one, the fast one
]


def install() -> None:
    """Put the fast function in the place of the plain one."""
    for owner, name, _, fast in PAIRS:
        setattr(owner, name, fast)
