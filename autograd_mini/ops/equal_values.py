"""Derivatives through eigh and svd where values are equal, by l'Hôpital's rule.

The rule of an eigenvector matrix V has the quotients T/(λⱼ − λᵢ), where T = VᵀG − GᵀV. With equal
λ nothing determines the vectors, and T ≠ 0 says that the function depends on which were chosen: it
has no derivative, nan. But a function of the matrix alone, V f(λ) Vᵀ say, or a projector, has
T = 0, and its derivative is the limit as the values part,

    T/(λⱼ − λᵢ)  →  dT / (dλⱼ − dλᵢ),

with V held. It isn't in the numbers T and λ; so the sweep is done again with cotangents that are
nodes, and T is differentiated. All that meets at one matrix is needed at once: V and λ, or U, σ
and V of an svd, whose U and V may be turned together. `backprop.py` asks for this when a nan
shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..graph import Node, consumers_first, leaf, raw
from .arithmetic import multiply, where
from .decompositions import (
    eigenvectors,
    eigvalsh,
    equal_eigenvalues,
    equal_singular_values,
    evenly,
    kinked,
    least,
    left_vectors,
    negligible,
    of_one_triangle,
    right_vectors,
    svdvals,
)
from .linalg import matmul, swap
from .reductions import sum
from .shapes import shape

Sweep = Callable[..., Iterator[tuple[Node, Any, Any]]]
Rule = Callable[[Any], Iterable[tuple[Node, Any]]]

OF_EIGH, OF_SVD = (eigvalsh, eigenvectors), (svdvals, left_vectors, right_vectors)


def rules_for_equal_values(nodes: Iterable[Node], sweep: Sweep) -> dict[Node, Rule]:
    """For the values and vectors of each matrix that has equal ones, what they send instead.

    nodes: those of a graph. sweep: that of `backprop.py`, a floor above this file.
    """
    families: dict[Any, list[Node]] = {}
    for node in nodes:
        if node.op in OF_EIGH + OF_SVD:
            triangle = (node.params or {}).get("UPLO", "").upper()
            families.setdefault((node.from_a, node.op in OF_SVD, triangle), []).append(node)
    everywhere = {node for family in families.values() for node in family}
    rules: dict[Node, Rule] = {}
    for (matrix, svd, _), family in families.items():
        if any(node.op not in (eigvalsh, svdvals) for node in family):
            met = (_Svd if svd else _Eigh)(matrix, family, everywhere, sweep)
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
    return np.max(np.abs(raw(x)), axis=(-2, -1), keepdims=True, initial=0.0)


def _eps(x: Any) -> float:
    return float(np.finfo(raw(x).dtype).eps)


class _Quotient:
    """t/gap for a stack of matrices, by its limit where the gap is none.

    rates: of t, as the values part in two ways, `gaps` the same of the gap. A limit must not
    depend on the way.
    """

    def __init__(self, t: Any, gap: Any, small: Any, rates: Any, gaps: Any, size: Any) -> None:
        first, second = (rate / np.where(small, parting, 1.0)
                         for rate, parting in zip(rates, gaps, strict=True))
        noise = _eps(t) ** 0.5 * (_top(first) + _top(second))
        limit = np.where(small, first, 0.0).astype(raw(t).dtype)
        self.value = where(small, limit, t / where(small, 1.0, gap))
        self.lost = small & ~((np.abs(raw(t)) <= size) & (np.abs(first - second) <= noise))


def _no_slope(g: Any, small: Any) -> Any:
    """0; its derivative is nan in the columns of g that belong to pairs without a gap.

    For a limit is a number at this matrix alone: of a column that isn't used at all it is 0 at
    others too, and nothing arrives there.
    """
    columns = sum(g * 0.0, axis=-2)
    return kinked(_crossed(columns, 1), small)


# ── a matrix, and all that is computed from its values and vectors ───────────────────────────


class _Decomposition:
    """The values and vectors of one matrix in a graph, and the cotangents that reach them."""

    row_of_values: Any
    unclear: Any  # which pairs of values have no gap

    def __init__(self, matrix: Node, family: list[Node], everywhere: set[Node], sweep: Sweep
                 ) -> None:
        self.matrix, self.family, self.everywhere, self.sweep = matrix, family, everywhere, sweep
        self.got: dict[Node, Any] = {}
        self.values = self.made_by(self.row_of_values)
        params = family[0].params or {}
        self.w = self.values[0] if self.values else self.row_of_values(matrix, **params)
        count = np.arange(1.0, shape(self.w)[-1] + 1)
        self.partings = count, count**2

    def made_by(self, row: Any) -> list[Node]:
        """The nodes of this matrix that `row` made."""
        return [node for node in self.family if node.op is row]

    def rule(self, node: Node) -> Rule:
        """What the node sends: nothing, and the last that is heard all that there is to send."""
        def receive(g: Any) -> Iterable[tuple[Node, Any]]:
            self.got[node] = g
            return [(self.matrix, self.sent())] if len(self.got) == len(self.family) else []
        return receive

    def sent(self) -> Any:
        """The cotangent of the matrix."""
        raise NotImplementedError

    def cotangent(self, row: Any) -> Any:
        """What the results of `row` have got."""
        nodes = self.made_by(row)
        g: Any = np.zeros_like(raw(nodes[0] if nodes else row.forward(self.family[0].a)))
        for node in nodes:
            g = g + self.got[node]
        return g

    def vectors(self, row: Any) -> Any:
        """The vectors: a node if there is one, for a derivative of this derivative."""
        nodes = self.made_by(row)
        return nodes[0] if nodes else row(self.matrix)

    # what a cotangent g depends on

    def back(self, output: Any, seed: Any) -> Iterator[tuple[Node, Any]]:
        """What reaches each node from `output`, where values and vectors are held."""
        if isinstance(output, Node):
            held: dict[Node, Rule] = dict.fromkeys(self.everywhere, lambda g: ())
            for node, g, _ in self.sweep(output, seed, create_graph=isinstance(seed, Node),
                                         exact=True, instead=held):
                yield node, g

    def rates(self, g: Any) -> list[np.ndarray]:
        """dg as the values part, in both ways: forward mode, by going backward twice."""
        return [self._rate(g, parting) for parting in self.partings]

    def _rate(self, g: Any, parting: np.ndarray) -> np.ndarray:
        weight = leaf(np.ones_like(raw(g)))
        rate: Any = 0.0
        own = {*self.values}  # a set finds a node by identity; == compares numbers
        for node, sent in self.back(g, weight):
            if node in own:
                rate = rate + sum(multiply(sent, parting))
        if isinstance(rate, Node):
            for node, sent, _ in self.sweep(rate, np.ones_like(rate.value), exact=True):
                if node is weight:
                    return np.asarray(sent)
        return np.zeros_like(raw(g))

    def rests_on_more(self, turns: list[tuple[Any, Any]]) -> bool:
        """Whether a turn is 0 only for this very choice of vectors, or this very matrix.

        turns: pairs of a matrix VᵀG and a mask; what is asked is which part of VᵀG − GᵀV where
        the mask is. If it depends on which vectors were chosen, or by another way on what the
        matrix was computed from, then the limit isn't known.
        """
        total, size = self._slopes(turns)
        noise = max([_eps(m) ** 0.5 for m, _ in turns])
        level = max([np.max(np.abs(raw(m)), initial=0.0) for m, _ in turns])
        turned = scale = 0.0
        family = {*self.family}
        for node in total:
            if node in family:
                if node.op is not self.row_of_values:
                    angle = np.abs(node.value @ _random_turn(turns[0][1]))
                    turned += np.sum(total[node] * (node.value @ _random_turn(turns[0][1])))
                    scale += np.sum(size[node] * angle)
            else:
                x = np.max(np.abs(node.value), initial=0.0)
                floor = level / x if x else level
                if np.max(np.abs(total[node])) > noise * (np.max(size[node]) + floor):
                    return True
        return bool(np.abs(turned) > noise * (scale + level))

    def _slopes(self, turns: list[tuple[Any, Any]]) -> tuple[dict[Node, Any], dict[Node, Any]]:
        """Of the turns, weighted at random, the slopes by all that counts; and of what size."""
        above = {*consumers_first(self.matrix)}
        total: dict[Node, Any] = {}
        size: dict[Node, Any] = {}
        for m, mask in turns:
            for seed in (np.triu(_weight(mask)), -swap(np.triu(_weight(mask)))):
                for node, sent in self.back(m, seed.astype(raw(m).dtype)):
                    if node in self.everywhere or node is self.matrix or (
                            node in above and node.op is None):
                        total[node] = total.get(node, 0.0) + raw(sent)
                        size[node] = size.get(node, 0.0) + np.abs(raw(sent))
        return total, size


def _weight(mask: Any) -> Any:
    return np.where(mask, np.random.default_rng(0).normal(size=np.shape(mask)), 0.0)


def _random_turn(mask: Any) -> Any:
    return _turned(np.triu(_weight(mask)))


def _heard(columns: Any, pairs: Any) -> Any:
    """Which columns are used, themselves or by way of a pair without a gap."""
    return columns | np.any(pairs & columns[..., None, :], axis=-1)


def _used(g: Any, rates: list[np.ndarray]) -> Any:
    """Which columns of vectors the output depends on, if only once the values have parted."""
    return np.any(raw(g) != 0, axis=-2) | np.any(rates[0] != 0, axis=-2)


def _diagonal(x: Any) -> Any:
    return x[..., None, :] * np.eye(shape(x)[-1])


class _Eigh(_Decomposition):
    row_of_values = eigvalsh

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.alike = equal_eigenvalues(raw(self.w)) > 0
        self.unclear = self.alike & ~np.eye(shape(self.w)[-1], dtype=bool)

    def sent(self) -> Any:
        """V (½ T/(λⱼ − λᵢ) + diag g) Vᵀ."""
        v, g, small = self.vectors(eigenvectors), self.cotangent(eigenvectors), self.unclear
        m, rates = matmul(swap(v), g), self.rates(g)
        size = 64 * shape(m)[-1] * _eps(m) * _top(np.abs(swap(raw(v))) @ np.abs(raw(g)))
        turns = _Quotient(
            _turned(m), where(np.eye(shape(m)[-1]), 1.0, _crossed(self.w, -1)), small,
            [_turned(swap(raw(v)) @ rate) for rate in rates],
            [_crossed(parting, -1) for parting in self.partings], size,
        )
        lost = turns.lost | (small & self.rests_on_more([(m, small)]))
        own = self.cotangent(eigvalsh)
        used = _heard(_used(g, rates), small)
        inner = 0.5 * turns.value + _no_slope(g, small) + _diagonal(
            where(used, own, evenly(own, 1.0 * self.alike)))
        whole = matmul(matmul(v, inner), swap(v))
        whole = where(np.any(lost, axis=(-2, -1), keepdims=True), np.nan, whole)
        return of_one_triangle(whole, **(self.family[0].params or {}))


class _Svd(_Decomposition):
    row_of_values = svdvals

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        s, other = raw(self.w), ~np.eye(shape(self.w)[-1], dtype=bool)
        self.none = negligible(s)
        self.both = self.none[..., None, :] & self.none[..., :, None] & other
        self.alike = (equal_singular_values(s) > 0) | self.both
        self.pairs = self.alike & other
        self.unclear = self.pairs | self.none[..., None, :]

    def sent(self) -> Any:
        """U (½ P/(σⱼ − σᵢ) + ½ Q/(σⱼ + σᵢ) + diag g) Vᵀ, and what leaves the spaces they span.

        P and Q: the sum and the difference of UᵀG − GᵀU and the same of V.
        """
        rows = (left_vectors, right_vectors)
        (u, v), gs = [self.vectors(row) for row in rows], [self.cotangent(row) for row in rows]
        ms, rates = [matmul(swap(x), g) for x, g in zip((u, v), gs, strict=True)], [
            self.rates(g) for g in gs]
        inner, lost = self._within((u, v), gs, ms, rates)
        own = self.cotangent(svdvals)
        used = _heard(_used(gs[0], rates[0]) | _used(gs[1], rates[1]), self.pairs)
        inner = inner + _diagonal(where(used, own, least(own, raw(self.w))))
        whole = matmul(matmul(u, inner), swap(v))
        for x, g, m, rate, other in zip((u, v), gs, ms, rates, (v, u), strict=True):
            if shape(x)[-2] > shape(x)[-1]:
                out = self._beyond(x, g, m, rate)
                part = matmul(out.value, swap(other))
                whole = whole + (part if x is u else swap(part))
                lost = lost | np.any(out.lost, axis=(-2, -1), keepdims=True)
        return where(lost, np.nan, whole)

    def _within(self, vectors: Any, gs: Any, ms: Any, rates: Any) -> Any:
        """What turns U and V within the spaces that they span; and of which matrix it is lost."""
        raws = [swap(raw(x)) for x in vectors]
        size = 64 * shape(ms[0])[-1] * _eps(ms[0]) * (
            _top(np.abs(raws[0]) @ np.abs(raw(gs[0]))) + _top(np.abs(raws[1]) @ np.abs(raw(gs[1]))))
        both = [[_turned(x @ rate) for rate in pair] for x, pair in zip(raws, rates, strict=True)]
        inner: Any = 0.0
        lost: Any = self.pairs & self.rests_on_more([(m, self.pairs) for m in ms])
        for sign, small in ((1, self.pairs), (-1, self.both)):
            gap = where(np.eye(shape(ms[0])[-1]), 1.0, _crossed(self.w, -sign))
            quotient = _Quotient(
                _turned(ms[0]) + sign * _turned(ms[1]), gap, small,
                [left + sign * right for left, right in zip(*both, strict=True)],
                [_crossed(parting, -sign) for parting in self.partings], size,
            )
            inner, lost = inner + 0.5 * quotient.value, lost | quotient.lost
        inner = inner + _no_slope(gs[0], self.pairs) + _no_slope(gs[1], self.pairs)
        return inner, np.any(lost, axis=(-2, -1), keepdims=True)

    def _beyond(self, x: Any, g: Any, m: Any, rates: Any) -> _Quotient:
        """What leaves the space that the columns of x span, divided by σ."""
        size = 64 * shape(x)[-2] * _eps(m) * _top(g)
        held = raw(x)
        return _Quotient(
            g - matmul(x, m), self.w[..., None, :], self.none[..., None, :],
            [rate - held @ (swap(held) @ rate) for rate in rates], list(self.partings), size,
        )
