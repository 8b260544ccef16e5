"""The machine that runs programs, in Python: slow, but nothing has to be compiled."""

from __future__ import annotations

import numpy as np


def slow_machine(rows, lanes):
    """What `compiler.machine` gives for these rows: a function that obeys the same instructions."""
    machine = Machine(rows)

    def run(*args):
        with np.errstate(all="ignore"):
            return (machine.run_lanes if lanes else machine.run)(*args)

    return run


class Machine:
    """The instructions of the compiled machine, one after the other."""

    def __init__(self, rows):
        self.rows = rows

    def operands(self, index, op, n, at, k):
        """The places of the operands of the k-th of n operations."""
        arity = 2 if op == 3 else len(self.rows[op - 4].slopes)
        return [index[at + i * n + k] for i in range(arity)]

    def result(self, op, xs):
        """A product, or a row of the table."""
        if op == 3:
            return xs[0] * xs[1]
        return self.rows[op - 4].compute(
            [x if isinstance(x, np.ndarray) else float(x) for x in xs], {})

    def run(self, program, index, v):
        """Instructions for numbers that there is one of."""
        for op, out, n, at in program:
            for k in range(n):
                if op == 1:
                    v[out + k] = dot(index, v, index[at + k], index[at + k + 1])
                else:
                    xs = [v[i] for i in self.operands(index, op, n, at, k)]
                    v[out + k] = self.result(op, xs)

    def run_lanes(self, program, index, shared, u, v, w):
        """Instructions for numbers that each of w samples has."""
        for i, j in shared:
            v[i, :w] = u[j]
        for op, out, n, at in program:
            for k in range(n):
                if op == 1:
                    v[out + k, :w] = lane_dot(index, at + 4 * k, u, v[:, :w])
                elif op == 2:
                    u[out + k] += lane_dot(index, at + 4 * k, u, v[:, :w]).sum()
                else:
                    xs = [v[i, :w] for i in self.operands(index, op, n, at, k)]
                    v[out + k, :w] = self.result(op, xs)


def dot(index, v, start, end):
    """A sum of products, given as runs: p, its stride, q, its stride, how many."""
    y = -0.0
    for p, dp, q, dq, m in index[start:end].reshape(-1, 5):
        for k in range(m):
            y += v[p + k * dp] * v[q + k * dq]
    return y


def lane_dot(index, at, u, v):
    """A sum of products for each sample: of a shared factor and one a sample, of two a sample, and
    of two shared ones.
    """
    start, uniform, end, both = index[at : at + 4]
    y = np.full(v.shape[1], products(index, end, both, u, u))
    y += products(index, start, uniform, u, v)
    return y + products(index, uniform, end, v, v)


def products(index, start, end, p, q):
    """Σ p[i]·q[j] over the pairs of places."""
    return sum([p[i] * q[j] for i, j in index[start:end].reshape(-1, 2)], -0.0)
