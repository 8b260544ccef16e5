"""Programs hold for all numbers, whatever the function decided while it was recorded."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Value

# ── branches ─────────────────────────────────────────────────────────────────────────────────


def stairs(x, y):
    """A function with branches that reads its numbers in every way Python has."""
    if x > 1:
        return x * y
    if x:
        return sorted([x, y])[0] * 3
    return max(x, y) + (y if y == 2 else -y)


def test_other_branches_are_recorded():
    """If a comparison comes out differently, the function is recorded again for that branch."""
    program, slope = ag.compile(stairs), ag.grad(ag.compile(stairs), (0, 1))
    for x, y in [(2.0, 3.0), (3.0, 2.0), (0.5, 4.0), (0.5, 0.1), (0.0, 2.0), (0.0, 3.0),
                 (0.0, -1.0), (2.0, 5.0)]:
        assert program(x, y) == stairs(x, y)
        assert slope(x, y) == ag.grad(stairs, (0, 1))(x, y)
    assert len(repr(program).split(";")) == 6  # traces


def test_another_branch_can_be_refused():
    """With branches='raise' a comparison that comes out differently is an error."""
    program = ag.compile(stairs, branches="raise")
    program(2.0, 3.0)
    assert program(5.0, 1.0) == 5.0
    with pytest.raises(ag.errors.GraphError, match="comparison came out differently"):
        program(0.5, 1.0)


def test_a_loop_until_convergence():
    """A loop that ends when it is accurate enough takes as many turns as it needs."""
    def root(a):
        x = a
        while abs(x * x - a) > 1e-12 * a:
            x = (x + a / x) / 2
        return x

    program = ag.value_and_grad(ag.compile(root))
    for a in (2.0, 3.0, 100.0, 2.5):
        value, slope = program(a)
        assert value == pytest.approx(math.sqrt(a), rel=1e-12)
        assert slope == ag.grad(root)(a)


# ── numbers that are read ────────────────────────────────────────────────────────────────────


def matched(v):
    match v:
        case 1.5:
            return v * 3
        case 0.0:
            return v + 1
        case _:
            return -v


LOOKS = {
    "==": lambda v: v * 2 if v == 1.5 else v, "in": lambda v: v * 2 if v in [1.5, 3.0] else v,
    "bool": lambda v: v * 2 if v else v + 1, "not": lambda v: v * 2 if not v else v + 3,
    "max": lambda v: max(v, 1.0) * v, "sorted": lambda v: sorted([v, 1.0])[0] * v,
    "index": lambda v: [v, 1.5].index(1.5) * v, "count": lambda v: [v, 1.5].count(1.5) * v,
    "set": lambda v: len({v, 1.5}) * v, "match": matched,
    "repr": lambda v: len(repr(v)) * v, "str": lambda v: len(str(v)) * v,
    "f-string": lambda v: len(f"{v}") * v, "%": lambda v: len("%s" % v) * v,
    "//": lambda v: v // 1 * v, "divmod": lambda v: divmod(v, 1)[0] * v,
    "item": lambda v: v.item() * v, "data": lambda v: v.data * v, "tolist": lambda v:
        v.tolist() * v,
    "deepcopy": lambda v: copy.deepcopy(v) * v, "copy": lambda v: copy.copy(v) * v,
    "np.isnan": lambda v: v * 2 if np.isnan(v) else v, "np.sign": lambda v: np.sign(v) * v,
    "np.isclose": lambda v: v * 2 if np.isclose(v, 1.5) else v, "np.floor": lambda v:
        np.floor(v) * v,
    "np.modf": lambda v: np.modf(v)[1] * v, "np.frexp": lambda v: np.frexp(v)[1] * v,
    "np.array_equal": lambda v: np.array_equal(v, 1.5) * v, "np.signbit": lambda v:
        np.signbit(v) * v, "np.interp": lambda v: np.interp(v, [0.0, 1.0, 2.0], [1.0, 5.0, -2.0]),
    "objects": lambda v: np.argmax(np.array([v * 1, 1.0, v * 0], dtype=object)) * v,
}


@pytest.mark.parametrize("name", LOOKS)
def test_whatever_reads_a_number_is_a_guard(interpreted, name):
    """Python and NumPy have many ways to read a number; what came out then is no constant."""
    f = LOOKS[name]
    program = ag.compile(f)
    for x in (1.5, -1.2, 0.0, -0.0, 2.0, 3.0, 0.3, math.inf, math.nan):
        with np.errstate(all="ignore"):
            try:
                expected = f(Value(x)).data
            except (ValueError, OverflowError, TypeError) as error:
                with pytest.raises(type(error)):
                    program(x)
                continue
            np.testing.assert_allclose(program(x), expected, rtol=1e-14)


def test_numbers_taken_out_must_be_the_same():
    """A number taken out by v.data is a constant: for another it is recorded again."""
    program = ag.compile(lambda x: x * x.data)
    assert [program(x) for x in (2.0, 3.0, 2.0, 0.5)] == [4.0, 9.0, 4.0, 0.25]
    assert ag.grad(ag.compile(lambda x: x * x.data))(3.0) == 3.0


def changing(x):
    first, x[0] = x[0], 0.0
    return first**2 + x[1]


@pytest.mark.parametrize(("f", "recorded", "replayed"), [
    (lambda x: x * x.data, math.nan, 3.0),
    (lambda x: x + math.copysign(1.0, x.data), 0.0, -0.0),
    (lambda x: copy.deepcopy(x) * x, 2.0, 3.0),
    (lambda x: x if np.greater.outer(x, 1.0) else -x, 2.0, 0.5),
    (lambda x: x if x > np.int64(3) and x < 10**400 else -x, 5.0, 1.0),
    (changing, [2.0, 5.0], [4.0, 5.0]),
    (lambda x: 1 / (x + x + x + x), 1.0, -0.0),
    (lambda x: ag.sum([x, -x, x, -x, x]), 1.0, 1e308),
    (lambda x: x * (x * 0.1 + x * 0.2 + x * 0.3 + 0.7).data, 0.3, 0.7),
], ids=str)
def test_what_was_read_is_no_constant(f, recorded, replayed):
    """Recorded for one number and asked for another, a program gives what f gives."""
    program = ag.compile(f)
    for x in (recorded, replayed):
        with np.errstate(all="ignore"):
            expected = f(list(map(Value, x)) if isinstance(x, list) else Value(x)).data
            got = program(list(x) if isinstance(x, list) else x)
        np.testing.assert_equal(got, expected)
        assert math.copysign(1, got) == math.copysign(1, expected) or math.isnan(got)


@pytest.mark.parametrize("f", [
    lambda v: len(ag.functions.selection.unique(ag.stack([v, v * 0 + 1.0])).data) * v,
    lambda v: np.trim_zeros(ag.stack([v * 0, v])).shape[0] * v,
], ids=["unique", "trim_zeros"])
def test_a_shape_that_depends_on_numbers_is_refused(f):
    """A function whose result's shape is decided by the numbers is refused."""
    with pytest.raises(ag.errors.GraphError, match="took plain numbers out of a Tensor"):
        ag.compile(f)(1.5)
