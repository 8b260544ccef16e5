"""Ordinary differential equations: SciPy integrates forward, and the adjoint equation backward.

For dy/dt = f(y, t, p) and cotangents gᵢ of y(tᵢ), λ = ∂L/∂y(t) obeys

    dλ/dt = −(∂f/∂y)ᵀ λ,      dμ/dt = −(∂f/∂p)ᵀ λ,

from the last time to the first, where gᵢ is added to λ at each tᵢ (Pontryagin et al. 1962; Chen et
al. 2018, "Neural ordinary differential equations"). ∂L/∂y₀ and ∂L/∂p are λ and μ at the end.

For numbers y(t) is integrated forward once more and held, which is stable wherever the equation
is. For nodes, of which derivatives are taken again, y goes back beside λ and μ: that is an equation
of the same kind, whose integral is a node. What decays, grows on the way back; there it is halved.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.integrate

from ..backprop import as_node
from ..call import inside_transform, variable
from ..errors import GraphError
from ..graph import VARIABLE, Node, clock, topological_order, value_of
from ..ops import concatenate, reshape, shape, stack, sum
from ..passes import sweep
from ..primitive import structural
from ..recording import current_tracer, recording, traced_by, undisturbed
from ..trees import flat, tree_fill
from .calls import array_of

__all__ = ["Equation", "integrated"]

Rate = Callable[[Any, Any], Any]  # (y, t) → dy/dt
Solver = Callable[[Rate, Any, Any], Any]  # (rate, y at the first time, times) → y at each time

CLOSED = ("the equation's function closes over a node that it doesn't use at the first time, and "
          "its gradient would be lost: give the node in args=(…)")
TOLERANCE, LOST, HALVINGS = 1e-11, 1e-6, 20


def _solved(rate: Rate, y0: Any, times: Any, method: str, **options: Any) -> Any:
    """SciPy's solution, as exactly as it goes, whatever tolerance the user has for y."""
    found = scipy.integrate.solve_ivp(lambda t, y: rate(y, t), (times[0], times[-1]), y0, method,
                                      rtol=TOLERANCE, atol=TOLERANCE / 1000, **options)
    if not found.success:
        raise _LostError("the gradient of an integrated equation couldn't be integrated from "
                         f"t = {times[0]:g} to {times[-1]:g}: {found.message}")
    return found


def exact(rate: Rate, y0: Any, times: Any) -> Any:
    """y at each of the times, for an integral that is to be differentiated again."""
    return _solved(rate, y0, times, "DOP853", t_eval=times).y.T


class _LostError(GraphError):
    """The integrator gave up."""


class Equation:
    """dy/dt = func(y, t, *args), and the nodes that it depends on.

    solve: the integrator. `outer`: the nodes that func closes over; those in args have `places`.
    """

    def __init__(self, func: Callable[..., Any], args: Any, solve: Solver) -> None:
        self.func, self.args, self.solve = func, args, solve
        self.leaves = flat(args)
        self.places = [i for i, x in enumerate(self.leaves) if isinstance(x, Node)]
        self.began = clock.tick()
        self.outer: tuple[Node, ...] = ()

    @property
    def parameters(self) -> list[Any]:
        """The nodes among the arguments, and those that func closes over."""
        return [*[self.leaves[i] for i in self.places], *self.outer]

    def given(self, parameters: Sequence[Any]) -> Any:
        """The arguments, with these parameters for the nodes among them."""
        leaves = [*self.leaves]
        for i, x in zip(self.places, parameters, strict=False):
            leaves[i] = x
        return tree_fill(self.args, [x for x in leaves if x is not None])

    def rate(self, y: Any, t: Any, parameters: Sequence[Any]) -> Any:
        """func(y, t, …) with these parameters, as a vector of y's length."""
        slope = reshape(array_of(self.func(y, t, *self.given(parameters))), (-1,))
        if shape(slope) != shape(y):
            raise GraphError(f"the equation's function returned {shape(slope)[0]} numbers for a y "
                             f"of {shape(y)[0]}: it gives dy/dt, one number for each")
        return slope

    def numbers(self, parameters: Sequence[Any]) -> Rate:
        """The rate as a function of plain numbers, for SciPy."""
        self.check(parameters)

        def rate(y: Any, t: Any) -> Any:
            if not self.outer:
                slope = self.rate(y, t, parameters)
                if isinstance(slope, Node) and self._meets_older(slope):
                    raise GraphError(CLOSED)
                return value_of(slope)
            with traced_by(None), recording(watched=False):
                return value_of(self.rate(y, t, parameters))

        return rate

    def check(self, parameters: Sequence[Any]) -> None:
        """Raise unless the nodes that func closes over still hold what they held."""
        held = parameters[len(self.places):]
        for x, node in zip(held, self.outer, strict=True):
            if not np.array_equal(value_of(x), node.value, equal_nan=True):
                raise GraphError("a node that the equation's function closes over holds another "
                                 "number than when it was integrated: give it in args=(…)")

    def find_outer(self, y0: Any, t0: Any) -> None:
        """Find the nodes that func closes over: those that two calls of it have in common."""
        first = self._probed(y0, t0)
        if not any([node.op is None and (node.params is None or self._is_outer(node))
                    for node in topological_order(first)]):
            return
        common = {*topological_order(first)} & {*topological_order(self._probed(y0, t0))}
        used = {p for node in topological_order(first) if node not in common
                for p in node.parents if p is not None} | {first}
        self.outer = tuple([n for n in topological_order(first) if n in common and n in used])

    def _is_outer(self, node: Node) -> bool:
        """Whether it is a variable of the user's that was there before the equation."""
        return node.op is None and node.params == VARIABLE and node.made_at < self.began

    def _probed(self, y0: Any, t0: Any) -> Node:
        with inside_transform():
            y, t = (variable(np.array(value_of(x), float)[()]) for x in (y0, t0))
            return as_node(self.rate(y, t, [variable(value_of(self.leaves[i]))
                                            for i in self.places]))

    def _meets_older(self, out: Node, known: tuple[Node, ...] = ()) -> bool:
        """Whether it depends on a leaf that was there before the equation, but for these ways."""
        return any([self._is_outer(node) for node in topological_order(out, without=known)])

    def pulled(self, y: Any, t: Any, parameters: Sequence[Any], seed: Any) -> list[Any]:
        """seedᵀ·∂func/∂x for x: y, and each parameter; nodes if any argument is one."""
        graph = any([isinstance(x, Node) for x in (y, t, *parameters, seed)])
        with inside_transform():
            fresh = [variable(x) for x in (y, *parameters[: len(self.places)])]
            out = as_node(self.rate(fresh[0], t, fresh[1:]))
            known = (*fresh, *self.outer, *([t] if isinstance(t, Node) else []))
            if self._meets_older(out, known):
                raise GraphError(CLOSED)
        wanted = [*fresh, *self.outer]
        here = dict.fromkeys(wanted, _nothing)  # the pass ends there, not where they come from
        with undisturbed():
            steps = sweep(out, seed, create_graph=graph, instead=here)
            found = {node: g for node, g, _ in steps if node in here}
        return [found.get(x, np.zeros(shape(x))) for x in wanted]


def _nothing(g: Any) -> tuple[Any, ...]:
    return ()


def integrated(equation: Equation, y0: Any, t: Any) -> Any:
    """y at each of the times t, of shape (len(t), n): one operation, of y0, t and the parameters.

    Raises `GraphError` in a function to be compiled.
    """
    if current_tracer() is not None:
        raise GraphError("in a function to be compiled there is no place for an integrated "
                         "equation: leave it out of that function, or write its steps as a loop")
    equation.find_outer(y0, t[0])
    return trajectory([y0, t, *equation.parameters], equation=equation)


def _forward(inputs: Sequence[Any], equation: Equation) -> np.ndarray:
    y0, t, *parameters = inputs
    y = equation.solve(equation.numbers(parameters), np.asarray(y0, float), np.asarray(t, float))
    return np.asarray(y, float)


class _Backward:
    """The adjoint equation of one of n numbers that was integrated, at given parameters."""

    def __init__(self, equation: Equation, parameters: Sequence[Any], n: int) -> None:
        self.equation, self.parameters, self.n = equation, parameters, n
        self.path: Any = None  # y(t), once `states` has been asked for

    def pulled(self, y: Any, t: Any, parameters: Sequence[Any], lam: Any) -> list[Any]:
        """The rates of λ and μ."""
        return [-reshape(g, (-1,)) for g in self.equation.pulled(y, t, parameters, lam)]

    # of numbers

    def states(self, y0: Any, t: Any) -> Any:
        """y at each of the times, as exactly as it goes; between them, `self.path`."""
        self.path = _solved(self.equation.numbers(self.parameters), y0, (t[0], t[-1]), "LSODA",
                            dense_output=True).sol
        return self.path(t).T

    def numbers(self, y: Any, t: Any, s: Any, lam: Any, mu: Any) -> tuple[Any, Any]:
        """λ and μ at t, from those at s > t."""
        def rate(z: Any, time: Any) -> Any:
            return np.concatenate(self.pulled(self.path(time), time, self.parameters, z[: self.n]))

        z = _solved(rate, np.concatenate([lam, mu]), (s, t), "LSODA").y[:, -1]
        return z[: self.n], z[self.n :]

    # of nodes

    def nodes(self, y: Any, t: Any, s: Any, lam: Any, mu: Any, halvings: int = HALVINGS
              ) -> tuple[Any, Any]:
        """The same as nodes, from the state y at t: that is integrated to s, and back from there.

        Where it doesn't come back to where it began, the way is halved.
        """
        n = self.n
        try:
            z = self._there_and_back(y, t, s, lam, mu)
            off = np.abs(value_of(z)[:n] - value_of(y))
            if np.all(off <= LOST * (1 + np.max(np.abs(value_of(y)), initial=0.0))):
                return z[n : 2 * n], z[2 * n :]
        except _LostError:
            pass
        if not halvings:
            raise GraphError("the second derivative of an integrated equation is lost between "
                             f"t = {value_of(t):g} and {value_of(s):g}, where it can't be "
                             "integrated backwards: its solutions part too fast there")
        middle = t + 0.5 * (s - t)
        lam, mu = self.nodes(self._forward(y, t, middle), middle, s, lam, mu, halvings - 1)
        return self.nodes(y, t, middle, lam, mu, halvings - 1)

    def _there_and_back(self, y: Any, t: Any, s: Any, lam: Any, mu: Any) -> Any:
        own = tuple(self.parameters[: len(self.equation.places)])
        start = concatenate([self._forward(y, t, s), lam, mu], axis=0)
        return integrated(Equation(self._rate, own, exact), start, _pair(s, t))[1]

    def _forward(self, y: Any, t: Any, s: Any) -> Any:
        """The state at s."""
        onward = Equation(self.equation.func, self.equation.given(self.parameters), exact)
        return integrated(onward, y, _pair(t, s))[1]

    def _rate(self, z: Any, t: Any, *arguments: Any) -> Any:
        """Of z = (y, λ, μ)."""
        parameters = [*arguments, *self.parameters[len(arguments):]]
        y, lam = z[: self.n], z[self.n : 2 * self.n]
        return concatenate([self.equation.rate(y, t, parameters),
                            *self.pulled(y, t, parameters, lam)], axis=0)


def _pair(t: Any, s: Any) -> Any:
    """Two times as an array."""
    return stack([reshape(t, ()), reshape(s, ())])


def _adjoint(g: Any, y: Any, y0: Any, t: Any, *parameters: Any, equation: Equation) -> list[Any]:
    """From the last time to the first; a time tᵢ gets gᵢ·f, and the first −λ·f."""
    equation.check(parameters)
    graph = any([isinstance(x, Node) for x in (g, y, y0, t, *parameters)])
    size = float(np.max(np.abs(value_of(g)), initial=0.0))
    size = size if 0 < size < np.inf else 1.0  # all is linear in g, but tolerances aren't
    way, g, last = _Backward(equation, parameters, shape(y)[1]), g / size, shape(y)[0] - 1
    back = way.nodes if graph else way.numbers
    if not graph and value_of(t)[0] != value_of(t)[-1]:
        y = way.states(y0, t)

    def power(v: Any, i: int) -> Any:  # v·f at a time
        rate = equation.rate(y[i], t[i], parameters)
        return sum(v * (rate if graph else value_of(rate)))

    lam, times = g[last], []
    mu: Any = np.zeros(builtins.sum([np.size(value_of(p)) for p in parameters]))
    for i in range(last, 0, -1):
        times.append(power(g[i], i))
        if value_of(t)[i] != value_of(t)[i - 1]:
            lam, mu = back(y[i - 1], t[i - 1], t[i], lam, mu)
        if i == 1:
            times.append(-power(lam, 0))
        lam = lam + g[i - 1]
    of_t = stack(times[::-1]) if times else 0.0 * t
    return [size * x for x in (lam, of_t, *_parts(mu, parameters))]


def _parts(mu: Any, parameters: Sequence[Any]) -> list[Any]:
    """The entries of μ in the shapes of the parameters."""
    ends = np.cumsum([np.size(value_of(p)) for p in parameters]).tolist()
    return [reshape(mu[end - np.size(value_of(p)) : end], shape(p))
            for p, end in zip(parameters, ends, strict=True)]


trajectory = structural(_forward, _adjoint, many=True, name="scipy.integrate.odeint",
                        symbol="∫ dy/dt")
