"""Numbers near the ends of the range of floats: what is sent back is right where it is a float."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, ops

mp = mpmath.mp.clone()
mp.dps = 60
TINY, HUGE = np.finfo(float).tiny, np.finfo(float).max

# The function, its slope in mpmath, and where it is tried.
FAR = [10.0**k for k in (-300, -200, -160, -100, -20, 0, 20, 100, 160, 200, 300)]
BOTH = [*FAR, *(-x for x in FAR)]
ROWS = {
    "reciprocal": (np.reciprocal, lambda x: -1 / x**2, BOTH),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2, BOTH),
    "1e150/x": (lambda x: 1e150 / x, lambda x: -mp.mpf(1e150) / x**2, BOTH),
    "x**-1": (lambda x: x**-1.0, lambda x: -1 / x**2, BOTH),
    "x**-1.5": (lambda x: x**-1.5, lambda x: -1.5 * x ** mp.mpf(-2.5), FAR),
    "x**0.5": (lambda x: x**0.5, lambda x: 0.5 / mp.sqrt(x), FAR),
    "x**2": (lambda x: x**2, lambda x: 2 * x, BOTH),
    "sqrt": (np.sqrt, lambda x: 0.5 / mp.sqrt(x), FAR),
    "cbrt": (np.cbrt, lambda x: mp.cbrt(x) / x / 3, FAR),
    "log": (np.log, lambda x: 1 / x, FAR),
    "log2": (np.log2, lambda x: 1 / x / mp.log(2), FAR),
    "log10": (np.log10, lambda x: 1 / x / mp.log(10), FAR),
    "log1p": (np.log1p, lambda x: 1 / (1 + x), FAR),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x), BOTH),
    "arcsinh": (np.arcsinh, lambda x: 1 / mp.sqrt(1 + x * x), BOTH),
    "softsign": (ag.softsign, lambda x: 1 / (1 + abs(x)) ** 2, BOTH),
    "tanh": (np.tanh, lambda x: mp.sech(x) ** 2, [0.1, 5.0, 20.0, -40.0, 350.0, -700.0]),
    "sigmoid": (ag.sigmoid, lambda x: mp.sech(x / 2) ** 2 / 4, [-700.0, -40.0, 0.1, 30.0, 700.0]),
    "exp": (np.exp, mp.exp, [-700.0, -300.0, 1.0, 300.0, 700.0]),
    "1 + x": (lambda x: 1 + x, lambda x: mp.mpf(1), BOTH),
    "hypot(x, 1e150)": (lambda x: np.hypot(x, 1e150), lambda x: x / mp.hypot(x, mp.mpf(1e150)),
                        BOTH),
    "arctan2(x, 1e150)": (lambda x: np.arctan2(x, 1e150),
                          lambda x: mp.mpf(1e150) / (x * x + mp.mpf(1e150) ** 2), BOTH),
}


def chain(names, x):
    """The values along a chain of rows, computed in floats, and the true slope of each step."""
    values, slopes = [x], []
    for name in names:
        f, slope, _ = ROWS[name]
        try:
            slopes.append(slope(mp.mpf(values[-1])))
        except ZeroDivisionError:
            return None
        with np.errstate(all="ignore"):
            values.append(float(f(np.float64(values[-1]))))
        if not TINY <= abs(values[-1]) <= HUGE or isinstance(slopes[-1], mp.mpc):
            return None
    return values, slopes


def expected(slopes):
    """The cotangents along the chain, from its end; None if one of them is no normal float."""
    cotangent = mp.mpf(1)
    for slope in reversed(slopes):
        cotangent *= slope
        if not TINY <= abs(cotangent) <= HUGE:
            return None
    return cotangent


@pytest.mark.parametrize("size", [1e3, 1e8, 1e17, 1e200])
def test_shares_far_out_add_up(size):
    """The gradient of log Σ eˣ sums to 1, also where its own rounding is larger than log 2."""
    f = np.logaddexp.reduce
    x = np.array([size, size, 1.0])
    assert ag.grad(f)(x).tolist() == [0.5, 0.5, 0.0]
    assert ag.grad(ag.logsumexp)(-x).tolist() == [0.0, 0.0, 1.0]
    second = ag.hessian(lambda x: f(x) ** 2)(np.array([0.0, 1e17, -1e17]))
    np.testing.assert_allclose(second, np.diag([0.0, 2.0, 0.0]), rtol=1e-12)


@pytest.mark.slow  # all rows after all rows
@pytest.mark.parametrize("length", [2, 3])
def test_a_chain_of_rows_far_out_has_the_product_of_its_slopes(length, rng, interpreted):
    """Where the values and the cotangents of a chain are normal floats, so is its gradient right.

    So it is on floats, in arrays, in programs, and in programs over a batch.

    Each cotangent is that of the numbers as rounded, so that only the products are judged.
    """
    chains = list(itertools.product(ROWS, repeat=length))
    if length == 3:
        chains = [chains[i] for i in rng.choice(len(chains), 600, replace=False)]
    checked = 0
    for names in chains:
        for x in ROWS[names[0]][2]:
            found = chain(names, x)
            true = expected(found[1]) if found else None
            if true is None:
                continue

            def f(v, names=names):
                for name in names:
                    v = ROWS[name][0](v)
                return v

            checked += 1
            found = [ag.grad(f)(x)]
            if checked % 3 == 0:  # the arrays' way too
                found.append(ag.grad(lambda v, f=f: np.sum(f(v)))(np.array([x]))[0])
            if checked % 200 == 0:  # and programs
                found.append(ag.compile(ag.grad(f))(x))
                batch = np.array([x, abs(x), x])
                found.append(ag.grad(ag.compile(f, batched=0, reduce="sum"))(batch)[0])
            for got in found:
                assert abs(got - true) <= 1e-12 * abs(true), (names, x, got, float(true))
    assert checked > 200


def test_the_logistic_loss_keeps_its_slope_to_the_end():
    """−log(1/(1 + e⁻ˣ)) has slope −1 as long as its value is finite, on floats and in arrays."""
    def loss(x):
        return -np.log(1 / (1 + np.exp(-x)))

    for x in (-40.0, -372.0, -373.0, -400.0, -709.0):
        assert ag.grad(loss)(x) == pytest.approx(-1.0, rel=1e-14)
        assert ag.grad(lambda v: np.sum(loss(v)))(np.array([x]))[0] == pytest.approx(-1, rel=1e-14)
    far = np.array([-45.0, -60.0, -88.0], np.float32)
    got = ag.grad(lambda v: np.sum(loss(v)))(far)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, -np.ones(3), rtol=1e-6)


def test_slopes_that_leave_the_range_of_floats_in_programs(interpreted):
    """What the engine gives far out, a program gives too: gradients, Hessians, of batches as well.

    A slope that is 0 because the numerator is 0 isn't far out, and isn't computed again.
    """
    def loss(x):
        return -ag.log(1 / (1 + ag.exp(-x)))

    far = np.array([-372.0, -372.6, -400.0, -700.0, -1.0, 3.0, 300.0])
    program, batch = ag.compile(ag.grad(loss)), ag.compile(loss, batched=0, reduce="mean")
    slopes = [ag.grad(loss)(x) for x in far]
    np.testing.assert_allclose([program(x) for x in far], slopes, rtol=1e-12)
    np.testing.assert_allclose(ag.grad(batch)(far), np.array(slopes) / len(far), rtol=1e-12)
    seconds = [ag.hessian(loss)(x) for x in far]
    np.testing.assert_allclose([ag.compile(ag.hessian(loss))(x) for x in far], seconds, rtol=1e-9)
    weight = Value(1.0)
    of_weight = ag.compile(lambda x: loss(weight * x), batched=0, reduce="sum", parameters=[weight])
    np.testing.assert_allclose(ag.grad(of_weight)(of_weight.flat(), far), [far @ slopes],
                               rtol=1e-12)
    replay = next(iter(program._replays.values()))[0]
    replay._interpreted = None  # calling it would be an error
    assert program(-1.0) == pytest.approx(slopes[4])
    ratio = ag.compile(ag.grad(lambda x: (x * 0.0) / x))
    assert ratio(2.0) == 0.0
    next(iter(ratio._replays.values()))[0]._interpreted = None
    assert ratio(3.0) == 0.0


def test_float32_rows_far_out():
    """In float32 a slope of 1e-60 and a cotangent of 1e30 meet without underflow."""
    x = np.array([1e30], np.float32)
    for f in (lambda v: np.log(1 / v), lambda v: np.log(np.reciprocal(v)), lambda v: np.log(v**-1)):
        got = ag.grad(lambda v, f=f: np.sum(f(v)))(x)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, [-1e-30], rtol=1e-6)


@np.errstate(over="ignore")
def test_slopes_just_above_the_range_of_the_function():
    """Powers overflow before their slopes do: 2ˣ at 1024, 1.0001ˣ just above, x² at 1e200."""
    two, little = mp.log(2), mp.log(mp.mpf(1.0001))
    assert ag.grad(np.exp2)(1024.0) == pytest.approx(float(two * 2 * mp.mpf(2) ** 1023), rel=1e-15)
    second = ag.grad(ag.grad(np.exp2))(1024.0)
    assert second == pytest.approx(float(two**2 * mp.mpf(2) ** 1024), rel=1e-15)
    for a, b, slope in ((2.0, 1024.0, two * mp.mpf(2) ** 1024),
                        (1.0001, 7.13e6, little * mp.mpf(1.0001) ** mp.mpf(7.13e6))):
        for got in (ag.grad(lambda t, a=a: a**t)(b), ag.grad(np.power, 1)(a, b),
                    ag.grad(lambda t, a=a: np.sum(a**t))(np.array([b]))[0]):
            assert got == pytest.approx(float(slope), rel=1e-12)
    assert ag.grad(np.power)(1e200, 2.0) == pytest.approx(2e200, rel=1e-15)


def test_powers_at_zero_are_exact_whatever_the_exponent():
    """xᵇ at 0 for b = 0, 1, 2, 3 has the slopes 0, 1, 0, 0 in x and 0 in b, each by each way."""
    b = np.array([0.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(ag.grad(lambda x: np.sum(x**b))(np.zeros(4)), [0, 1, 0, 0])
    np.testing.assert_array_equal(ag.grad(lambda b: np.sum(np.zeros(4) ** b))(b), np.zeros(4))
    for x, n, slope in ((0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (0.0, 2.0, 0.0), (-2.0, 3.0, 12.0)):
        assert ag.grad(lambda x, n: x**n)(x, n) == slope
        assert ag.grad(lambda x, n=n: x**n)(x) == slope
    np.testing.assert_array_equal(
        ag.hessian(lambda v: v[0] ** v[1])(np.array([0.0, 2.0])), [[2.0, 0.0], [0.0, 0.0]])


def test_the_tail_of_tanh_has_its_digits():
    """tanh′ = 1/cosh² to the last digits where 1 − tanh² has none, in both dtypes, to order 3."""
    for x in (5.0, 9.5, 20.0, -20.0, 300.0):
        derivatives = [mp.sech(x)**2, -2 * mp.sech(x)**2 * mp.tanh(x),
                       mp.sech(x)**2 * (4 * mp.tanh(x)**2 - 2 * mp.sech(x)**2)]
        f = np.tanh
        for true in derivatives:
            f = ag.grad(f)
            assert f(x) == pytest.approx(float(true), rel=1e-13)
    got = ag.grad(lambda v: np.sum(np.tanh(v)))(np.array([5.0, 9.5, 20.0], np.float32))
    np.testing.assert_allclose(got, [float(mp.sech(x)**2) for x in (5, 9.5, 20)], rtol=1e-6)


def test_a_product_of_three_is_exact_in_any_order(rng):
    """p·q·r and p·q/d of numbers from 1e-300 to 1e300 are right wherever they are normal floats."""
    from autograd_mini.ops.extremes import product, quotient

    p, q, r = rng.choice([-1.0, 1.0], (3, 4000)) * 10.0 ** rng.uniform(-300, 300, (3, 4000))
    with np.errstate(all="ignore"):
        products, quotients = product(p, q, r), quotient(p, q, r)
    for i, (a, b, c) in enumerate(zip(*(map(float, v) for v in (p, q, r)), strict=True)):
        for got, true in ((products[i], mp.mpf(a) * b * c), (quotients[i], mp.mpf(a) * b / c)):
            if TINY <= abs(true) <= HUGE:
                assert abs(got - true) <= 4 * np.finfo(float).eps * abs(true)
        if TINY <= abs(mp.mpf(a) * b * c) <= HUGE:
            assert product(a, b, c) == pytest.approx(products[i], rel=1e-15)
    for zero in (0.0, -0.0):
        assert math.copysign(1, product(zero, 2.0, 3.0)) == math.copysign(1, zero)


def test_the_sign_of_a_zero_cotangent_is_kept():
    """A cotangent of −0.0 arrives as −0.0, by the floats' way and by the arrays'."""
    for make in (Value, Tensor):
        for f, seed in ((lambda v: v * 1.0, -0.0), (lambda v: v * -0.0, 1.0)):
            x = make(3.0)
            f(x).backward(seed)
            assert math.copysign(1.0, float(x.grad)) == -1.0
            assert math.copysign(1.0, float(ag.gradients(f(x), x, seed))) == -1.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_quotient_by_what_was_broadcast(dtype):
    """∂/∂b of Σ w·a/b is −Σ w·a/b², whether w·a/b is in the range of floats or isn't."""
    rng = np.random.default_rng(0)
    a, w = rng.normal(size=(2, 4, 5))
    a[0, 0] = 0.0
    of_a, of_b, of_w = (30, 10, 20) if dtype == np.float32 else (280, 100, 180)
    for shape, k in itertools.product([(4, 1), (5,), (1,), (4, 5), (1, 5)], [-1, 0, 1]):
        b = rng.uniform(1.0, 2.0, size=shape)
        t = Tensor((b * 10.0 ** (k * of_b)).astype(dtype))
        y = Tensor((a * 10.0 ** (k * of_a)).astype(dtype)) / t
        with np.errstate(over="ignore"):
            g = ag.gradients(y, t, seed=(w * 10.0 ** (k * of_w)).astype(dtype))
        terms = -w * a / b / b
        exact = ops.unbroadcast(terms, shape)
        assert g.dtype == dtype and g.shape == shape
        np.testing.assert_allclose(g.astype(float) / 10.0 ** (k * (of_a + of_w - 2 * of_b)), exact,
                                   atol=20 * np.finfo(dtype).eps * np.abs(terms).max())
