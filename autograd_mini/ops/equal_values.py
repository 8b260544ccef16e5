"""Derivatives through eigh and svd where values are equal, by l'Hôpital's rule.

The rule of an eigenvector matrix V has the quotients T/(λⱼ − λᵢ), where T = VᵀG − GᵀV. With equal
λ nothing determines the vectors, and T ≠ 0 says that the function depends on which were chosen: it
has no derivative, nan. But a function of the matrix alone, V f(λ) Vᵀ say, or a projector, has
T = 0, and its derivative is the limit as the values part,

    T/(λⱼ − λᵢ)  →  dT / (dλⱼ − dλᵢ),

with V held. It isn't in the numbers T and λ; so the sweep is done again with cotangents that are
nodes, and T is differentiated. All that meets at one matrix is needed at once: V and λ, or U, σ
and V of an svd, whose U and V may be turned together. It is asked for when a nan shows.
"""

from __future__ import annotations

import builtins
import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import numpy as np

from ..graph import Node, bounds, leaf, topological_order, value_of, ways
from ..primitive import Structural
from .arithmetic import add, multiply, negative, subtract, where
from .decompositions import (
    eigenvectors,
    eigvalsh,
    equal_eigenvalues,
    equal_singular_values,
    evenly,
    follows,
    kinked,
    least,
    left_vectors,
    negligible,
    of_one_triangle,
    right_vectors,
    svdvals,
)
from .linalg import matmul, nan_where, swap
from .reductions import sum
from .shapes import astype, shape

Sweep = Callable[..., Iterator[tuple[Node, Any, Any]]]
Rule = Callable[[Any], Iterable[tuple[Node, Any]]]

OF_EIGH, OF_SVD = (eigvalsh, eigenvectors), (svdvals, left_vectors, right_vectors)


def rules_for_equal_values(nodes: Collection[Node], sweep: Sweep) -> dict[Node, Rule]:
    """For the values and vectors of each matrix that has equal ones, what they send instead.

    nodes: those that are on the `ways` of a sweep. sweep: that of passes.py, floors above this.
    """
    families: dict[Any, list[Node]] = {}
    for node in nodes:
        if node.op in OF_EIGH + OF_SVD:
            triangle = (node.params or {}).get("UPLO", "").upper()
            families.setdefault((node.parents[0], node.op in OF_SVD, triangle), []).append(node)
    everywhere, listed = {node for family in families.values() for node in family}, {*nodes}
    origins = {node for node in nodes if listed.isdisjoint(node.parents)}
    rules: dict[Node, Rule] = {}
    for (matrix, svd, _), family in families.items():
        if any(node.op not in (eigvalsh, svdvals) for node in family):
            met = (_Svd if svd else _Eigh)(matrix, family, everywhere, origins, sweep)
            if np.any(met.unclear):
                rules |= {node: met.rule(node) for node in family}
    return rules


# ── quotients, and their limits ──────────────────────────────────────────────────────────────


def _crossed(x: Any, sign: int) -> Any:
    """xⱼ + sign·xᵢ, for each pair."""
    return x[..., None, :] + sign * x[..., :, None]


def _turned(m: Any) -> Any:
    """What of VᵀG turns the vectors within the space that they span."""
    return m - swap(m)


def _top(x: Any) -> Any:
    """The largest entry of each matrix."""
    return np.max(np.abs(value_of(x)), axis=(-2, -1), keepdims=True, initial=0.0)


def _eps(x: Any) -> float:
    return float(np.finfo(value_of(x).dtype).eps)


class _Quotient:
    """t/gap for a stack of matrices, by its limit where the gap is none.

    rates: of t, as the values part in two ways, `gaps` the same of the gap. A limit must not
    depend on the way.
    """

    def __init__(self, t: Any, gap: Any, small: Any, rates: Any, gaps: Any, size: Any) -> None:
        first, second = (value_of(rate) / np.where(small, parting, 1.0)
                         for rate, parting in zip(rates, gaps, strict=True))
        noise = _eps(t) ** 0.5 * (_top(first) + _top(second))
        limit = np.where(small, first, 0.0).astype(value_of(t).dtype)
        self.value = where(small, limit, t / where(small, 1.0, gap))
        self.lost = small & ~((np.abs(value_of(t)) <= size) & (np.abs(first - second) <= noise))


def _no_slope(g: Any, small: Any) -> Any:
    """0; its derivative is nan in the columns of g that belong to pairs without a gap.

    For a limit is a number at this matrix alone: of a column that isn't used at all it is 0 at
    others too, and nothing arrives there.
    """
    columns = sum(g * 0.0, axis=-2)
    return kinked(_crossed(columns, 1), small)


def _term_sizes(g: Any, since: int) -> Any:
    """For each entry of g the sum of the sizes of the terms that it was summed from.

    Where terms cancel, g is small and this is not, and g's rounding is some eps times this.
    since: what was made before that time counts as one term.
    """
    sizes: dict[Any, Any] = {}
    for node in reversed(topological_order(g, (), since)) if isinstance(g, Node) else ():
        op: Any = node.op if node.made_at >= since else None
        terms = [np.abs(x) if parent is None else sizes.get(parent)
                 for parent, x in zip(node.parents, node.inputs, strict=True)]
        if op in (add, subtract):
            sizes[node] = terms[0] + terms[1]
        elif op in (multiply, matmul, sum, where) or (isinstance(op, Structural) and op.moves):
            sizes[node] = op.compute(terms, node.params or {})
        else:
            sizes[node] = terms[0] if op is negative else np.abs(node.value)
    return sizes[g] if isinstance(g, Node) else np.abs(g)


# ── a matrix, and all that is computed from its values and vectors ───────────────────────────


class _Decomposition:
    """The values and vectors of one matrix in a graph, and the cotangents that reach them."""

    row_of_values: Any
    turning: Any  # which pairs of vectors can be turned among themselves
    unclear: Any  # these, and what else has no quotient

    def __init__(self, matrix: Node, family: list[Node], everywhere: set[Node],
                 origins: set[Node], sweep: Sweep) -> None:
        self.matrix, self.family, self.everywhere = matrix, family, everywhere
        self.origins, self.sweep = origins, sweep  # the nodes that the sweep goes back to
        self.term_sizes = functools.partial(_term_sizes, since=bounds(origins)[1])
        self.got: dict[Node, Any] = {}
        self.values = self.made_by(self.row_of_values)
        params = family[0].params or {}
        self.w: Any = self.values[0] if self.values else self.row_of_values(matrix, **params)
        count = np.arange(1.0, shape(self.w)[-1] + 1)
        self.partings = count, count**2

    def made_by(self, row: Any) -> list[Node]:
        """The nodes of this matrix that `row` made."""
        return [node for node in self.family if node.op is row]

    def rule(self, node: Node) -> Rule:
        """What the node sends: nothing, and the last that is heard all that there is to send."""
        def receive(g: Any) -> Iterable[tuple[Node, Any]]:
            self.got[node] = g
            if len(self.got) < len(self.family):
                return []
            return [(self.matrix, astype(self.sent(), self.matrix.value.dtype))]
        return receive

    def sent(self) -> Any:
        """The cotangent of the matrix."""
        raise NotImplementedError

    def cotangent(self, row: Any) -> Any:
        """What the results of `row` have got."""
        nodes = self.made_by(row)
        held = nodes[0].value if nodes else row.forward(self.family[0].inputs[0])
        g: Any = np.zeros_like(held)
        for node in nodes:
            g = g + self.got[node]
        return g

    def vectors(self, row: Any) -> Any:
        """The vectors: a node if there is one, for a derivative of this derivative."""
        nodes = self.made_by(row)
        return nodes[0] if nodes else row(self.matrix)

    # what a cotangent g depends on

    def back(self, output: Any, seed: Any, to: set[Node]) -> list[tuple[Node, Any]]:
        """What reaches these nodes from `output`, where values and vectors are held."""
        held: dict[Node, Rule] = dict.fromkeys(self.everywhere, lambda g: ())
        steps = self.sweep(output, seed, create_graph=isinstance(seed, Node), exact=True,
                           instead=held, wanted=to) if isinstance(output, Node) else ()
        return [(node, g) for node, g, _ in steps if node in to]

    def rates(self, g: Any) -> list[Any]:
        """dg as the values part, in both ways: forward mode, by going backward twice."""
        return [self.rate(g, parting) for parting in self.partings]

    def rate(self, g: Any, parting: np.ndarray) -> Any:
        """dg as the values part so; a node, if it depends on anything."""
        weight = leaf(np.ones_like(value_of(g)))
        rate: Any = 0.0
        for _, sent in self.back(g, weight, {*self.values}):  # a set goes by identity, not ==
            rate = rate + sum(multiply(sent, parting))
        if isinstance(rate, Node):
            seed = leaf(np.ones_like(rate.value))
            for node, sent, _ in self.sweep(rate, seed, exact=True, create_graph=True,
                                            wanted={weight}):
                if node is weight:
                    return sent
        return np.zeros_like(value_of(g))

    def rests_on_more(self, spaces: Any, gs: Any, rates: Any, block: Any) -> Any:
        """Whether T is 0 only for this very matrix, or this very choice of vectors: no limit then.

        spaces: U and V, or V alone, with their cotangents and the rates of these. block: the
        derivative by the matrix in the basis of its vectors, where values are equal. If the
        vectors are turned by Ω, T stays 0, and the block B becomes B + BΩ − ΩB. Nor may T depend
        by another way on what the matrix was computed from. Returns a truth for each matrix.
        """
        small, eye = self.turning, np.eye(shape(self.w)[-1], dtype=bool)
        turn, weight = _turned(np.triu(_random(small))), np.triu(_random(small))
        b = np.where(small | eye, block, 0.0)
        change = 2 * (b @ turn - turn @ b) * _crossed(self.partings[0], -1)
        slopes = self._slopes(spaces, gs, weight)
        still, size = self._by_turning(slopes, turn)
        other, more = self._by_turning(
            self._slopes(spaces, [rate[0] for rate in rates], weight), turn)
        other = other - np.sum(weight * change, axis=(-2, -1))
        more = more + np.sum(np.abs(weight * change), axis=(-2, -1))
        noise = _eps(gs[0]) ** 0.5
        known = (np.abs(still) <= noise * size) & (np.abs(other) <= noise * more)
        return ~known[..., None, None] | self._by_another_way(slopes, noise)

    def _slopes(self, spaces: Any, gs: Any, weight: Any) -> _Slopes:
        """Of Σ weight·T, by all that counts: decompositions, the matrix, and its origins."""
        above = self.origins.intersection(ways(self.matrix, self.origins)[0])
        to = {*self.everywhere, self.matrix, *above}
        slopes = _Slopes({}, {}, 0.0)
        for x, g in zip(spaces, gs, strict=True):
            m = matmul(swap(x), g)
            level = _top(np.abs(swap(value_of(x))) @ self.term_sizes(g)) * _top(weight)
            slopes.level = slopes.level + level[..., 0, 0]
            for seed in (weight, -swap(weight)):
                for node, sent in self.back(m, seed.astype(value_of(m).dtype), to):
                    slopes.add(node, value_of(sent))
        return slopes

    def _by_turning(self, slopes: _Slopes, turn: Any) -> tuple[Any, Any]:
        """How much that changes as the vectors are turned, and the size of the terms."""
        change, size = 0.0 * slopes.level, slopes.level
        for node in self.family:
            if node.op is not self.row_of_values and node in slopes.total:
                turned = node.value @ turn
                change = change + np.sum(slopes.total[node] * turned, axis=(-2, -1))
                size = size + np.sum(slopes.terms[node] * np.abs(turned), axis=(-2, -1))
        return change, size

    def _by_another_way(self, slopes: _Slopes, noise: float) -> bool:
        """Whether it depends on more than the values and vectors of this matrix."""
        for node in slopes.total.keys() - {*self.family}:
            x = np.max(np.abs(node.value), initial=0.0)
            floor = np.max(slopes.level, initial=0.0) / (x or 1.0)
            size = np.max(slopes.terms[node], initial=0.0) + floor
            if not np.max(np.abs(slopes.total[node]), initial=0.0) <= noise * size:
                return True
        return False


@dataclasses.dataclass
class _Slopes:
    """The slopes of a sum by some nodes; the same with the sizes of its terms; and its own size."""

    total: dict[Node, Any]
    terms: dict[Node, Any]
    level: Any

    def add(self, node: Node, slope: Any) -> None:
        self.total[node] = self.total.get(node, 0.0) + slope
        self.terms[node] = self.terms.get(node, 0.0) + np.abs(slope)


def _random(mask: Any) -> Any:
    """Numbers at random where the mask is, always the same."""
    return np.where(mask, np.random.default_rng(0).normal(size=np.shape(mask)), 0.0)


def _heard(columns: Any, pairs: Any) -> Any:
    """Which columns are used, themselves or by way of a pair without a gap."""
    return columns | np.any(pairs & columns[..., None, :], axis=-1)


def _used(g: Any, rates: list[Any]) -> Any:
    """Which columns of vectors the output depends on, if only once the values have parted."""
    return np.any(value_of(g) != 0, axis=-2) | np.any(value_of(rates[0]) != 0, axis=-2)


def _diagonal(x: Any) -> Any:
    return x[..., None, :] * np.eye(shape(x)[-1])


class _Eigh(_Decomposition):
    row_of_values = eigvalsh

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.alike = equal_eigenvalues(value_of(self.w)) > 0
        self.unclear = self.turning = self.alike & ~np.eye(shape(self.w)[-1], dtype=bool)

    def sent(self) -> Any:
        """V (½ T/(λⱼ − λᵢ) + diag g) Vᵀ."""
        v, g, small = self.vectors(eigenvectors), self.cotangent(eigenvectors), self.turning
        m, rates, own = matmul(swap(v), g), self.rates(g), self.cotangent(eigvalsh)
        size = 64 * shape(m)[-1] * _eps(m) * _top(np.abs(swap(value_of(v))) @ self.term_sizes(g))
        turns = _Quotient(
            _turned(m), where(np.eye(shape(m)[-1]), 1.0, _crossed(self.w, -1)), small,
            [_turned(swap(value_of(v)) @ value_of(rate)) for rate in rates],
            [_crossed(parting, -1) for parting in self.partings], size,
        )
        used = _heard(_used(g, rates), small)
        inner = 0.5 * turns.value + _diagonal(
            where(used, own, evenly(own, self.w, 1.0 * self.alike)))
        lost = turns.lost | (small & self.rests_on_more([v], [g], [rates], value_of(inner)))
        whole = matmul(matmul(v, inner + _no_slope(g, small)), swap(v))
        whole = nan_where(np.any(lost, axis=(-2, -1), keepdims=True), whole)
        return of_one_triangle(whole, **(self.family[0].params or {}))


class _Svd(_Decomposition):
    row_of_values = svdvals

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        s, other = value_of(self.w), ~np.eye(shape(self.w)[-1], dtype=bool)
        self.none = negligible(s)
        self.both = self.none[..., None, :] & self.none[..., :, None] & other
        self.turning = ((equal_singular_values(s) > 0) & other) | self.both
        self.unclear = self.turning | self.none[..., None, :]

    def sent(self) -> Any:
        """U (½ P/(σⱼ − σᵢ) + ½ Q/(σⱼ + σᵢ) + diag g) Vᵀ, and what leaves the spaces they span.

        P and Q: the sum and the difference of UᵀG − GᵀU and the same of V.
        """
        rows = (left_vectors, right_vectors)
        spaces, gs = [self.vectors(row) for row in rows], [self.cotangent(row) for row in rows]
        rates, own = [self.rates(g) for g in gs], self.cotangent(svdvals)
        together, apart = self._turns(spaces, gs, rates)
        used = _heard(_used(gs[0], rates[0]) | _used(gs[1], rates[1]), self.turning)
        inner = 0.5 * together.value + _diagonal(where(used, own, least(own, self.w)))
        lost = together.lost | apart.lost | (
            self.turning & self.rests_on_more(spaces, gs, rates, value_of(inner)))
        for x, g in zip(spaces, gs, strict=True):
            m = value_of(matmul(swap(x), g))
            lost = lost | follows(_turned(m), m, value_of(self.w), value_of(g))
        inner = inner + 0.5 * apart.value + _no_slope(gs[0], self.turning) + _no_slope(
            gs[1], self.turning)
        (u, v), lost = spaces, np.any(lost, axis=(-2, -1), keepdims=True)
        whole = matmul(matmul(u, inner), swap(v))
        for x, g, rate, other in zip(spaces, gs, rates, (v, u), strict=True):
            if shape(x)[-2] > shape(x)[-1]:
                out = self._beyond(x, g, rate)
                part = matmul(out.value, swap(other))
                whole = whole + (part if other is v else swap(part))
                lost = lost | np.any(out.lost, axis=(-2, -1), keepdims=True)
        return nan_where(lost, whole)

    def _turns(self, spaces: Any, gs: Any, rates: Any) -> Any:
        """What turns U and V within the spaces they span: together, and against each other."""
        left, right = [_turned(matmul(swap(x), g)) for x, g in zip(spaces, gs, strict=True)]
        by_left, by_right = [[_turned(swap(value_of(x)) @ value_of(r)) for r in rate]
                             for x, rate in zip(spaces, rates, strict=True)]
        size = 64 * shape(left)[-1] * _eps(left) * builtins.sum(
            [_top(np.abs(swap(value_of(x))) @ self.term_sizes(g))
             for x, g in zip(spaces, gs, strict=True)])
        return [_Quotient(
            left + sign * right,
            where(np.eye(shape(left)[-1]), 1.0, _crossed(self.w, -sign)), small,
            [a + sign * b for a, b in zip(by_left, by_right, strict=True)],
            [_crossed(parting, -sign) for parting in self.partings], size,
        ) for sign, small in ((1, self.turning), (-1, self.both))]

    def _beyond(self, x: Any, g: Any, rates: Any) -> _Quotient:
        """What leaves the space that the columns of x span, divided by σ."""
        size = 64 * shape(x)[-2] * _eps(g) * _top(self.term_sizes(g))
        held = value_of(x)
        return _Quotient(
            g - matmul(x, matmul(swap(x), g)), self.w[..., None, :], self.none[..., None, :],
            [value_of(rate) - held @ (swap(held) @ value_of(rate)) for rate in rates],
            [parting[None, :] for parting in self.partings], size,
        )
