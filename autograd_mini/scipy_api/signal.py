"""`ag.scipy.signal`: convolutions of arrays of any number of axes, and linear filters, on nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal as ss

from ..errors import NotDifferentiableError, ShapeError
from ..functions.axes import moveaxis
from ..functions.composed import dtype_of
from ..ops import concatenate, reshape, shape, sum
from ..ops.facts import state
from ..primitive import structural
from .calls import array_of, missing, of_plain, on_nodes

__all__ = ["convolve", "fftconvolve", "lfilter"]


def __getattr__(name: str) -> Any:
    """A name of SciPy's that is none here: of plain numbers SciPy's."""
    if name.startswith("_") or not hasattr(ss, name):
        raise missing("ag.scipy.signal", name, __all__)
    return of_plain(f"scipy.signal.{name}", getattr(ss, name))


def __dir__() -> list[str]:
    return sorted(__all__)


# ── convolution ──────────────────────────────────────────────────────────────────────────────


def _correlated(g: Any, other: Any, method: str) -> Any:
    """Σₖ gₙ₊ₖ·otherₖ over all axes, wherever all of `other` is inside."""
    back = full_convolution(g, other[(slice(None, None, -1),) * len(shape(other))], method=method)
    ends = zip(shape(other), shape(g), strict=True)
    return back[tuple(slice(m - 1, n) for m, n in ends)]


full_convolution = structural(
    lambda a, v, method: ss.convolve(a, v, "full", method),
    lambda g, y, a, v, *, method="auto": _correlated(g, v, method),
    lambda g, y, a, v, *, method="auto": _correlated(g, a, method),
    name="scipy.signal.convolve", symbol="∗",
)  # each pair of entries meets in one output: bilinear, as in one dimension
state("products", full_convolution)
state("multilinear", full_convolution)


def _convolved(name: str, in1: Any, in2: Any, mode: str, method: str) -> Any:
    """The part of the full convolution that `mode` asks for."""
    a, v = array_of(in1), array_of(in2)
    sizes = shape(a), shape(v)
    if len(sizes[0]) != len(sizes[1]):
        raise ShapeError(f"scipy.signal.{name} takes two arrays with as many axes, not of the "
                         f"shapes {sizes[0]} and {sizes[1]}")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"mode must be full, same or valid, not {mode!r}")
    larger, smaller = sizes
    if mode == "valid" and not all(m >= n for m, n in zip(*sizes, strict=True)):
        smaller, larger = sizes
        if not all(m <= n for m, n in zip(*sizes, strict=True)):
            raise ShapeError(f"scipy.signal.{name}(mode='valid') needs one array that is at least "
                             "as long as the other along every axis, not the shapes "
                             f"{sizes[0]} and {sizes[1]}")
    if not larger:
        return a * v
    y = full_convolution(a, v, method=method)
    if mode == "full":
        return y
    if mode == "valid":
        return y[tuple(slice(n - 1, m) for m, n in zip(larger, smaller, strict=True))]
    return y[tuple(slice((n - 1) // 2, (n - 1) // 2 + m) for m, n in zip(*sizes, strict=True))]


@on_nodes("scipy.signal.convolve", ss.convolve)
def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Σₖ in1ₖ·in2ₙ₋ₖ over all axes; mode: full, same (the middle, of in1's shape) or valid.

    method: direct, fft, or auto, as SciPy has them; they differ by rounding. Raises `ShapeError`
    for arrays that differ in the number of axes.

    >>> import numpy as np, autograd_mini as ag
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> ag.grad(lambda k: np.sum(ag.scipy.signal.convolve(x, k, "valid")))(np.ones(2))
    array([5., 3.])
    """
    return _convolved("convolve", in1, in2, mode, method)


@on_nodes("scipy.signal.fftconvolve", ss.fftconvolve)
def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """`convolve` by fast Fourier transforms. Raises `NotDifferentiableError` for axes=…."""
    if axes is not None:
        raise NotDifferentiableError("scipy.signal.fftconvolve(axes=…) isn't supported for nodes: "
                                     "give the shorter array axes of length 1, and leave axes out")
    return _convolved("fftconvolve", in1, in2, mode, "fft")


# ── filters ──────────────────────────────────────────────────────────────────────────────────


def _filtered(a: Any, u: Any) -> Any:
    """yₙ = uₙ − Σₖ aₖ yₙ₋ₖ along the last axis; a has a₁ and what follows."""
    one = np.concatenate([np.ones(1, a.dtype), a])
    return ss.lfilter(one[:1], one, u, axis=-1)


def _sent_back(g: Any, a: Any) -> Any:
    """What the input of the filter gets: the same filter, backwards in time."""
    return all_poles(a, g[..., ::-1])[..., ::-1]


def _by_coefficients(g: Any, y: Any, a: Any, u: Any) -> Any:
    """−Σₙ qₙ yₙ₋ₖ for each k, where q is what the input gets."""
    q, n = _sent_back(g, a), shape(u)[-1]
    lags = [-sum(q[..., k:] * y[..., : n - k]) for k in range(1, min(shape(a)[0], n - 1) + 1)]
    rest = np.zeros(shape(a)[0] - len(lags), dtype_of(a))
    return concatenate([*[reshape(lag, (1,)) for lag in lags], rest], axis=0)


all_poles = structural(
    _filtered, _by_coefficients, lambda g, y, a, u: _sent_back(g, a), name="scipy.signal.lfilter",
    symbol="1/A",
)
state("solves", all_poles)


@on_nodes("scipy.signal.lfilter", ss.lfilter)
def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """a₀yₙ = Σₖ bₖ xₙ₋ₖ − Σₖ aₖ yₙ₋ₖ along `axis`, from rest; differentiable in b, a and x.

    Raises `NotDifferentiableError` for zi, the state before the first number: without it the
    filter starts at rest.

    >>> import numpy as np, autograd_mini as ag
    >>> x = np.array([1.0, 0.0, 0.0])
    >>> ag.grad(lambda a: ag.scipy.signal.lfilter([1.0], a, x)[2])(np.array([1.0, -0.5]))
    array([-0.75, -1.  ])
    """
    if zi is not None:
        raise NotDifferentiableError("scipy.signal.lfilter(zi=…) isn't supported for nodes: put "
                                     "the numbers before the first into x, and cut them off y")
    b, a = reshape(array_of(b), (-1,)), reshape(array_of(a), (-1,))
    x = moveaxis(array_of(x), axis, -1)
    n, lead = shape(x)[-1], (1,) * (len(shape(x)) - 1)
    first, b = a[0], b / a[0]
    y = full_convolution(x, reshape(b, (*lead, -1)), method="direct")[..., :n]
    if shape(a)[0] > 1:
        y = all_poles(a[1:] / first, y)
    return moveaxis(y, -1, axis)
