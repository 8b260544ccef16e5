"""Random functions that take derivatives inside and close over what is outside.

A program is data, a list of instructions, so that NumPy on our nodes, HIPS autograd and JAX can run
the same one. It starts from arrays of two numbers and keeps all that it computes in a pool.
"""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np

import autograd_mini as ag

ARRAYS = ("sin", "tanh", "product", "sum", "exp", "turn")
NESTED = ("gradient", "slope", "jacobian", "pair", "second")
TURN = np.array([[0.6, -0.8], [0.8, 0.6]])

OURS = SimpleNamespace(np=np, grad=ag.grad, jacobian=ag.jacobian, value_and_grad=ag.value_and_grad)


def random_program(r: random.Random, depth: int = 2, length: int = 4) -> list:
    """Instructions (name, i, j, inner program or None); i and j count back from the pool's end."""
    program = []
    for _ in range(length):
        nested = depth and r.random() < 0.45
        inner = random_program(r, depth - 1, r.choice([2, 3])) if nested else None
        name = r.choice(NESTED if nested else ARRAYS)
        program.append((name, r.randrange(5), r.randrange(5), inner))
    return program


def run(program: list, pool: list, lib: SimpleNamespace):
    """The program's last array, of the arrays in `pool`."""
    pool = list(pool)
    for name, i, j, inner in program:
        a, b = pool[-1 - i % len(pool)], pool[-1 - j % len(pool)]
        # tanh keeps derivatives of third order from running away
        pool.append(lib.np.tanh(computed(name, a, b, inner, pool, lib)))
    return pool[-1]


def computed(name, a, b, inner, pool, lib):
    """What one instruction says."""
    def f(z):  # it closes over all that is known
        return run(inner, [*pool, z], lib) * z

    def scalar(z):
        return lib.np.sum(f(z))

    return {
        "sin": lambda: lib.np.sin(a), "tanh": lambda: lib.np.tanh(a + b),
        "product": lambda: a * b, "sum": lambda: a + 0.5 * b, "exp": lambda: lib.np.exp(-a * a),
        "turn": lambda: lib.np.dot(TURN, a),
        "gradient": lambda: lib.grad(scalar)(a),
        "slope": lambda: lib.grad(lambda t: scalar(a * t))(1.0) * b,
        "jacobian": lambda: lib.np.dot(lib.jacobian(f)(a), b),
        "pair": lambda: sum(lib.value_and_grad(scalar)(a)),
        "second": lambda: lib.grad(lambda z: lib.np.sum(lib.grad(scalar)(z) * b))(a),
    }[name]()


def loss(program: list, lib: SimpleNamespace = OURS):
    """A function from an array of two numbers to one."""
    return lambda x: lib.np.sum(run(program, [x], lib) * x)


def derivative(f, order: int, lib: SimpleNamespace = OURS):
    """The gradient of f, or of the sum of its gradient's weighted entries, and so on."""
    for _ in range(order - 1):
        f = weighted(lib.grad(f), lib)
    return lib.grad(f)


def weighted(slope, lib):
    """From a gradient a function to one number again."""
    return lambda x: lib.np.dot(np.array([1.0, -0.7]), slope(x))
