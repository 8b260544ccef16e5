"""`ag.scipy.integrate`: differential equations, and integrals of samples, on nodes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate as si

from ..errors import GraphError, NotDifferentiableError
from ..functions import cumsum
from ..functions.axes import moveaxis
from ..functions.scans import diff, trapezoid as any_trapezoid
from ..graph import value_of
from ..ops import concatenate, reshape, shape, sum, transpose
from .calls import array_of, has_node, missing, must_be_plain, of_plain, on_nodes
from .ode import Equation, integrated

__all__ = ["cumulative_trapezoid", "odeint", "simpson", "solve_ivp", "trapezoid"]


def __getattr__(name: str) -> Any:
    """A name of SciPy's that is none here: of plain numbers SciPy's."""
    if name.startswith("_") or not hasattr(si, name):
        raise missing("ag.scipy.integrate", name, __all__)
    return of_plain(f"scipy.integrate.{name}", getattr(si, name))


def __dir__() -> list[str]:
    return sorted(__all__)


# ── differential equations ───────────────────────────────────────────────────────────────────


class _ClosesOverNodeError(Exception):
    """An equation's function, called by SciPy with plain numbers, returned a node."""


def _unless_it_closes(theirs: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's integrator, and ours as soon as the function returns a node for plain numbers."""
    @functools.wraps(theirs)
    def called(func: Any, *args: Any, **kwargs: Any) -> Any:
        @functools.wraps(func)
        def watched(*numbers: Any) -> Any:
            slope = func(*numbers)
            if has_node(slope):
                raise _ClosesOverNodeError
            return slope

        try:
            return theirs(watched, *args, **kwargs)
        except _ClosesOverNodeError:
            return ours(func, *args, **kwargs)

    return called


_STEPS = {"rtol", "atol", "tcrit", "h0", "hmax", "hmin", "ixpr", "mxstep", "mxhnil", "mxordn",
          "mxords", "printmessg"}


def _odeint(func: Callable[..., Any], y0: Any, t: Any, args: Any = (), *, tfirst: bool = False,
            **options: Any) -> Any:
    if unknown := options.keys() - _STEPS:
        raise NotDifferentiableError(f"scipy.integrate.odeint({', '.join(sorted(unknown))}=…) "
                                     "isn't supported for nodes: leave it out")
    must_be_plain("scipy.integrate.odeint", **options)
    rate = (lambda y, t, *rest: func(t, y, *rest)) if tfirst else func
    args = args if isinstance(args, tuple) else (args,)

    def solve(rate: Any, y0: Any, t: Any) -> Any:
        return si.odeint(rate, y0, t, **options)

    y0, t = reshape(array_of(y0), (-1,)), reshape(array_of(t), (-1,))
    return integrated(Equation(rate, args, solve), y0, t)


@on_nodes("scipy.integrate.odeint", _unless_it_closes(si.odeint, _odeint))
def odeint(func: Callable[..., Any], y0: Any, t: Any, args: Any = (), *, tfirst: bool = False,
           rtol: Any = None, atol: Any = None, **options: Any) -> Any:
    """y at each of the times t, (len(t), n), where dy/dt = func(y, t, *args) and y(t[0]) = y0.

    Differentiable in y0, t, the nodes in args (also nested) and those that func closes over; to
    any order. func has to take nodes, for it is differentiated: it returns a list, or np.stack of
    one, not np.array([...]). The gradient is that of the exact solution, integrated to a relative
    1e-11 whatever rtol is; a second derivative takes tens of times as long. Raises
    `NotDifferentiableError` for full_output and a Jacobian, and `GraphError` where a gradient can't
    be integrated, and in a function to be compiled.

    >>> import numpy as np, autograd_mini as ag
    >>> def last(k):
    ...     return ag.scipy.integrate.odeint(lambda y, t, k: -k * y, 1.0, [0, 1], args=(k,))[1, 0]
    >>> round(ag.grad(last)(2.0), 6)  # −e⁻²
    -0.135335
    """
    return _odeint(func, y0, t, args, tfirst=tfirst, rtol=rtol, atol=atol, **options)


def _solve_ivp(fun: Callable[..., Any], t_span: Any, y0: Any, method: Any = "RK45",
               t_eval: Any = None, dense_output: bool = False, events: Any = None,
               vectorized: bool = False, args: Any = None, **options: Any) -> Any:
    must_be_plain("scipy.integrate.solve_ivp", t_span=t_span, t_eval=t_eval, **options)
    if dense_output or events is not None or vectorized or "jac" in options:
        raise NotDifferentiableError(
            "scipy.integrate.solve_ivp(dense_output, events, vectorized, jac) isn't supported for "
            "nodes: ask for the times that are needed with t_eval=…")
    began, found = float(t_span[0]), list[Any]()

    def solve(rate: Any, y0: Any, t: Any) -> Any:  # t begins with the time of y0
        result = si.solve_ivp(lambda t, y: rate(y, t), t_span, y0, method, t_eval=t[1:] if len(t)
                              else None, **options)
        if not result.success:
            raise GraphError(f"scipy.integrate.solve_ivp stopped early: {result.message}")
        found[:] = [result]
        return np.concatenate([y0[None], result.y.T])

    equation = Equation(lambda y, t, *rest: fun(t, y, *rest), () if args is None else args, solve)
    y0 = reshape(array_of(y0), (-1,))
    if t_eval is None:  # the times that the integrator takes, which are constants
        equation.find_outer(y0, began)
        solve(equation.numbers([value_of(x) for x in equation.parameters]), value_of(y0), ())
        t_eval = found[0].t
    y = integrated(equation, y0, np.concatenate([[began], np.asarray(t_eval, float)]))
    result = found[0]
    result.y = transpose(y[1:])
    return result


@on_nodes("scipy.integrate.solve_ivp", _unless_it_closes(si.solve_ivp, _solve_ivp))
def solve_ivp(fun: Callable[..., Any], t_span: Any, y0: Any, method: Any = "RK45",
              t_eval: Any = None, dense_output: bool = False, events: Any = None,
              vectorized: bool = False, args: Any = None, **options: Any) -> Any:
    """SciPy's result, whose `y`, (n, len(t)), is a node: dy/dt = fun(t, y, *args).

    Differentiable as `odeint`, but not in the times. SciPy's rtol is 1e-3: so far y may be off,
    while the gradient is that of the exact solution.

    >>> import numpy as np, autograd_mini as ag
    >>> def last(k):
    ...     found = ag.scipy.integrate.solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], rtol=1e-9)
    ...     return found.y[0, -1]
    >>> round(ag.grad(last)(2.0), 6)  # −e⁻²
    -0.135335
    """
    return _solve_ivp(fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args,
                      **options)


# ── integrals of samples ─────────────────────────────────────────────────────────────────────


@on_nodes("scipy.integrate.trapezoid", si.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Σ (yᵢ + yᵢ₊₁)/2 · (xᵢ₊₁ − xᵢ) along `axis`; the steps are dx without an x."""
    return any_trapezoid(array_of(y), x=None if x is None else array_of(x), dx=dx, axis=axis)


def _steps(y: Any, x: Any, dx: Any, axis: int) -> Any:
    """The steps between samples along the last axis, for y with `axis` moved there."""
    if x is None:
        return dx * np.ones(shape(y)[-1] - 1)
    x = array_of(x)
    return diff(x if len(shape(x)) == 1 else moveaxis(x, axis, -1))


@on_nodes("scipy.integrate.cumulative_trapezoid", si.cumulative_trapezoid)
def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
                         ) -> Any:
    """The integral by trapezia up to each sample but the first; with initial=0 that too."""
    must_be_plain("scipy.integrate.cumulative_trapezoid", initial=initial)
    y = moveaxis(array_of(y), axis, -1)
    parts = _steps(y, x, dx, axis) * (y[..., 1:] + y[..., :-1]) / 2.0
    total = cumsum(parts, axis=-1)
    if initial is not None:
        if initial != 0:
            raise ValueError("`initial` must be `None` or `0`.")  # SciPy's words
        total = concatenate([0.0 * value_of(total)[..., :1], total], axis=-1)
    return moveaxis(total, -1, axis)


@on_nodes("scipy.integrate.simpson", si.simpson)
def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral by Simpson's rule, parabolas through three samples each; x may be uneven.

    Of an even number of samples the last step is that of the parabola through the last three
    (Cartwright 2017, "Simpson's rule cumulative integration with MS Excel and irregularly spaced
    data"), as SciPy has it.
    """
    y = moveaxis(array_of(y), axis, -1)
    h, n = _steps(y, x, dx, axis), shape(y)[-1]
    if n < 3:
        return sum(h * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    end = n - 1 if n % 2 else n - 2
    g, f = h[..., 0:end:2], h[..., 1:end:2]  # the two steps under each parabola
    left, middle, right = y[..., 0:end:2], y[..., 1:end:2], y[..., 2 : end + 1 : 2]
    w = g + f
    whole = sum(w / 6.0 * (left * (2.0 - f / g) + middle * w * w / (g * f)
                           + right * (2.0 - g / f)), axis=-1)
    return whole if n % 2 else whole + _last_step(y, h)


def _last_step(y: Any, h: Any) -> Any:
    """The integral over the last step, of the parabola through the last three samples."""
    g, f = h[..., -2], h[..., -1]
    return (y[..., -1] * (2.0 * f * f + 3.0 * g * f) / (6.0 * (f + g))
            + y[..., -2] * (f * f + 3.0 * f * g) / (6.0 * g)
            - y[..., -3] * f * f * f / (6.0 * g * (g + f)))
