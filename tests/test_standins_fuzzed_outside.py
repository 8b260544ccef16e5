"""What random programs have shown of arrays and names from outside, written to and read."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import autograd_mini as ag

X = np.array([0.3, -0.7, 1.2])


# ── what is left outside ─────────────────────────────────────────────────────────────────────


def test_an_argument_that_is_kept_outside_is_kept_as_its_number():
    """A list outside has floats, whether they were computed or given."""
    kept, state = [], {}

    def f(t, x):
        kept.append(t)
        state["entry"], state["array"] = x[0], x
        return t * x

    ag.grad(lambda t, x: np.sum(ag.as_written(f)(t, x)), (0, 1))(0.5, X)
    assert [type(v) for v in kept] == [float] and kept == [0.5]
    assert state["entry"] == 0.3 and type(state["array"]) is np.ndarray


# ── arrays from outside ──────────────────────────────────────────────────────────────────────

ROWS = [np.array([0.5, -0.75]), np.array([1.25, 0.25])]
PARAMETERS = {"w": np.array([0.7, -0.2]), "b": np.array([0.1, 0.4])}


def weighed(w, b):
    """It writes to what it is given."""
    w[0] *= b[1]
    return w * b


def looped(x):
    """An array that enumerate, zip and reversed give."""
    for j, r in enumerate(ROWS):
        r[j] = x[j] * r[0]
    for r, t in zip(reversed(ROWS), x, strict=False):
        r[1] += t
        total = r * r
    for (p, q), t in [((ROWS[0], ROWS[1]), x[2])]:
        p[0] *= t
        total = total + p * q
    return total


def unpacked(x):
    """An array that is unpacked, or is what a dict has under a key."""
    p, q = ROWS
    p[0] = x[0]
    (w, b), t = PARAMETERS.values(), x[1]
    b[1] *= t
    PARAMETERS.get("w")[0] = x[2]
    first, *rest = ROWS
    rest[0][1] = first[0] * t
    return p * q + w * b


def given_in_turn(x):
    """Arrays that are given to a function by * and **."""
    ROWS[1][1] = x[0]
    PARAMETERS["b"][:] = x[1:]
    return weighed(*ROWS) + weighed(**PARAMETERS) + np.outer(*ROWS)[0]


def listed(x):
    """Arrays in a list that NumPy is given, or that is returned."""
    ROWS[0][0] = x[0] * x[1]
    ROWS[1][:] = x[1:]
    joined = np.stack(ROWS) + np.array(ROWS) + sum(ROWS) + copy.deepcopy(ROWS)[1]
    return [*joined, ROWS[0]]


@pytest.mark.parametrize("f", [looped, unpacked, given_in_turn, listed])
def test_what_is_written_to_arrays_from_outside_is_read_from_them(f):
    """However an array from outside is come by, it is the same array."""
    kept = [a.copy() for a in (*ROWS, *PARAMETERS.values())]

    def fresh(x):
        for a, before in zip((*ROWS, *PARAMETERS.values()), kept, strict=True):
            a[:] = before
        return f(x)

    def combined(y):
        return np.sum(np.cos(np.stack(list(y))))

    def plain(x):
        return float(combined(fresh(x)))

    ag.grad(lambda x: combined(ag.as_written(fresh)(x)))(X)  # it is left plain
    slope = ag.grad(lambda x: combined(ag.as_written(fresh)(x)))(X)
    steps = 1e-5 * np.eye(3)
    expected = [(plain(X + step) - plain(X - step)) / 2e-5 for step in steps]
    assert slope == pytest.approx(expected, abs=1e-8)
    assert all(type(a) is np.ndarray for a in ROWS)


COUNT = 0.5
ALL = 1.0


def counted(s):
    """It assigns to one global name."""
    global COUNT
    COUNT = COUNT + s
    return COUNT


def added(s):
    """It assigns to another global name."""
    global ALL
    ALL = ALL * s
    return ALL


def test_all_names_that_functions_assign_to_are_left_plain():
    """Two functions of one module assign to names of it: both hold numbers afterwards."""
    ag.grad(ag.as_written(lambda x: counted(x[0]) * added(x[1])))(X)
    assert [type(COUNT), type(ALL)] == [np.float64, np.float64]
    assert (COUNT, ALL) == (0.8, -0.7)
