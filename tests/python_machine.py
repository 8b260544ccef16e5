"""The machine that runs programs, in Python: slow, but nothing has to be compiled."""

from __future__ import annotations

import numpy as np


def slow_machine(rows, lanes):
    """What `compiler.machine` gives for these rows: a function that obeys the same instructions."""

    def row(op, *xs):
        return rows[op - 4].compute([x if isinstance(x, np.ndarray) else float(x) for x in xs], {})

    def dot(index, v, start, end):
        y = -0.0
        for p, dp, q, dq, m in index[start:end].reshape(-1, 5):
            for k in range(m):
                y += v[p + k * dp] * v[q + k * dq]
        return y

    def products(index, start, end, p, q):
        return sum([p[i] * q[j] for i, j in index[start:end].reshape(-1, 2)], -0.0)

    def operands(index, op, n, at, k):
        arity = 2 if op == 3 else len(rows[op - 4].slopes)
        return [index[at + i * n + k] for i in range(arity)]

    def run(program, index, v):
        for op, out, n, at in program:
            for k in range(n):
                if op == 1:
                    v[out + k] = dot(index, v, index[at + k], index[at + k + 1])
                    continue
                xs = [v[i] for i in operands(index, op, n, at, k)]
                v[out + k] = xs[0] * xs[1] if op == 3 else row(op, *xs)

    def run_lanes(program, index, shared, u, v, w):
        for i, j in shared:
            v[i, :w] = u[j]
        for op, out, n, at in program:
            for k in range(n):
                if op in (1, 2):
                    start, uniform, end, both = index[at + 4 * k : at + 4 * k + 4]
                    y = np.full(w, products(index, end, both, u, u))
                    y += products(index, start, uniform, u, v[:, :w])
                    y += products(index, uniform, end, v[:, :w], v[:, :w])
                    if op == 1:
                        v[out + k, :w] = y
                    else:
                        u[out + k] += y.sum()
                    continue
                xs = [v[i, :w] for i in operands(index, op, n, at, k)]
                v[out + k, :w] = xs[0] * xs[1] if op == 3 else row(op, *xs)

    def quietly(function):
        def called(*args):
            with np.errstate(all="ignore"):
                return function(*args)

        return called

    return quietly(run_lanes if lanes else run)
