"""A right gradient is never called wrong, nor a smooth loss bent."""

from __future__ import annotations

import copy
import math
import random
import warnings

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, check_chain, check_gradient
from autograd_mini.errors import DTypeError

# ── chains with gradients that are 0 by symmetry: what is computed there is rounding ─────────


def softmax_without_its_maximum(rng):
    """The row maximum is subtracted before a softmax, and changes nothing."""
    x, y = Tensor(rng.normal(size=(6, 4))), np.eye(4)[rng.integers(0, 4, 6)]
    m = np.max(x, axis=1, keepdims=True)
    z = x - m
    e = np.exp(z)
    s = np.sum(e, axis=1, keepdims=True)
    p = e / s
    loss = -np.sum(y * np.log(p)) / 6
    dp = -y / p.data / 6
    ds = np.sum(-dp * e.data / s.data**2, axis=1, keepdims=True)
    dz = (dp / s.data + ds) * e.data
    dm = -np.sum(dz, axis=1, keepdims=True)
    short = (p.data - y) / 6
    return locals(), [{"dp": dp, "ds": ds, "dz": dz, "dm": dm},
                      {"dz": short, "dm": np.zeros((6, 1)), "dx": short}]


def bias_before_a_batch_norm(rng):
    """What is added to every sample is taken away with the mean."""
    X, T = rng.normal(size=(16, 3)), rng.normal(size=(16, 5))
    W, b = Tensor(rng.normal(size=(3, 5))), Tensor(rng.normal(size=5))
    a = X @ W + b
    mu = np.mean(a, axis=0)
    c = a - mu
    inv = 1 / np.sqrt(np.mean(c**2, axis=0) + 1e-5)
    y = c * inv
    loss = np.sum((y - T) ** 2) / 16
    dy = 2 * (y.data - T) / 16
    dinv = np.sum(dy * c.data, axis=0)
    dc = dy * inv.data - dinv * inv.data**3 * c.data / 16
    dmu = -np.sum(dc, axis=0)
    da = dc + dmu / 16
    dW, db = X.T @ da, np.sum(da, axis=0)
    return locals(), [{"dy": dy, "dinv": dinv, "dc": dc, "dmu": dmu, "da": da, "dW": dW, "db": db},
                      {"db": np.zeros(5), "dW": dW}]


def bias_of_the_keys(rng):
    """What is added to every key shifts each row of the scores alike."""
    Q, K, V = (Tensor(rng.normal(size=(5, 4))) for _ in range(3))
    b, T = Tensor(rng.normal(size=4)), rng.normal(size=(5, 4))
    keys = K + b
    S = Q @ keys.T / 2
    E = np.exp(S - np.max(S, axis=1, keepdims=True))
    P = E / np.sum(E, axis=1, keepdims=True)
    loss = np.sum((P @ V) * T)
    dP = T @ V.data.T
    dS = P.data * (dP - np.sum(dP * P.data, axis=1, keepdims=True))
    dkeys = dS.T @ Q.data / 2
    return locals(), [{"dP": dP, "dS": dS, "dkeys": dkeys, "db": dkeys.sum(axis=0)},
                      {"db": np.zeros(4)}]


def scale_of_what_is_normalised(rng):
    """u/‖u‖ doesn't depend on the size of u."""
    x, k, g = Tensor(rng.normal(size=7)), Tensor(2.0), rng.normal(size=7)
    u = k * x
    n = np.sqrt(np.sum(u * u))
    y = u / n
    loss = np.sum(y * g)
    dn = -np.sum(g * u.data) / n.data**2
    du = g / n.data + dn * u.data / n.data
    return locals(), [{"dn": dn, "du": du, "dk": np.sum(du * x.data)}, {"dk": 0.0}]


@pytest.mark.parametrize("chain", [
    softmax_without_its_maximum, bias_before_a_batch_norm, bias_of_the_keys,
    scale_of_what_is_normalised])
def test_chains_with_gradients_that_are_rounding_are_right(chain):
    """Claimed as 0, or as what the formula leaves of it; and what is off by 1e-4 is still wrong."""
    for seed in range(2):
        forward, claims = chain(np.random.default_rng(seed))
        for right in claims:
            assert check_chain(forward, **right).ok, (seed, [*right])
        for name, g in claims[0].items():
            if np.max(np.abs(g)) > 1e-8:
                report = check_chain(forward, **{**claims[0], name: g * (1 + 1e-4)})
                assert report.blamed == (name,), (seed, name)


def test_a_claim_in_a_chain_may_be_a_list():
    """Lists of numbers, of floats or whole ones, are taken as arrays."""
    z = Tensor([1.0, 2.0])
    for claim in ([2.0, 4.0], [2, 4]):
        assert check_chain(np.sum(z * z), dz=(z, claim)).ok


# ── smooth losses ────────────────────────────────────────────────────────────────────────────

SMOOTH = {
    "tanh²": (lambda x: np.sum(np.tanh(x) ** 2), lambda x: 1 - x**2),
    "logsumexp": (lambda x: np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x), np.exp),
    "softplus": (lambda x: np.sum(np.log1p(np.exp(x))), lambda x: np.exp(-x) + x),
    "a mean": (lambda x: np.mean(1 / (1 + np.exp(-x))), lambda x: x / x.size),
    "a norm": (lambda x: np.sqrt(np.sum(x**2)), lambda x: x / np.sum(x**2)),
    "beside 1e6": (lambda x: 1e6 + np.sum(x**2), lambda x: x),
    "times 1e10": (lambda x: 1e10 * np.sum(np.sin(x)), lambda x: 1e10 * np.sin(x)),
    "times 1e-12": (lambda x: 1e-12 * np.sum(np.sin(x)), lambda x: -1e-12 * np.cos(x)),
    "x⁴": (lambda x: np.sum(x**4), lambda x: 3 * x**3),
    "a deviation": (np.std, lambda x: (x - x.mean()) / x.size),
    "four tanh": (lambda x: np.sum(np.tanh(2 * np.tanh(2 * np.tanh(2 * np.tanh(x))))),
                  lambda x: 1 - x**2),
}


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("n", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (200, 2000))])
def test_no_kink_is_seen_in_a_smooth_loss(name, n):
    """Rounding in the one-sided slopes is no kink: right is right, and wrong is wrong."""
    loss, wrong = SMOOTH[name]
    for seed in range(3):
        rng = np.random.default_rng([seed, n])
        x = rng.normal(size=n) * rng.choice([0.1, 1.0, 3.0])
        right, off = check_gradient(loss, ag.grad(loss)(x), x), check_gradient(loss, wrong(x), x)
        assert right.verdict == "right" and "kink" not in str(right), str(right)
        assert off.verdict == "wrong" and "kink" not in str(off), str(off)


# ── kinks that are there ─────────────────────────────────────────────────────────────────────


def at_a_kink(n):
    """A point with one 0 in it, and one with its two largest numbers equal."""
    x = np.random.default_rng(0).normal(size=n)
    x[1], tied = 0.0, x.copy()
    largest = np.argsort(tied)[-2:]
    tied[largest] = tied[largest[1]]
    return x, tied, largest


@pytest.mark.parametrize("n", [3, 50, pytest.param(20_000, marks=pytest.mark.slow)])
def test_kinks_are_recognised(n):
    """Between the one-sided slopes every slope is right, and beyond them none is."""
    x, tied, largest = at_a_kink(n)
    here, share = np.eye(n)[1], np.zeros(n)
    share[largest] = 0.3, 0.7
    cases = [
        (lambda x: np.sum(np.abs(x)), x, np.sign(x) + 0.3 * here, np.sign(x) + 1.5 * here),
        (lambda x: np.sum(x**2) + (3 * x[1] if x[1] >= 0 else -x[1]), x, 2 * x + 0.5 * here,
         2 * x + 9 * here),
        (lambda x: np.sum(x * (x > 0) + np.cos(x)), x, (x > 0) - np.sin(x) + 0.2 * here,
         (x > 0) - np.sin(x) + 2 * here),
        (lambda x: np.sum(np.where(x > 0, 2 * x, x)), x, 1.0 + (x > 0) + 0.4 * here,
         1.0 + (x > 0) - 0.4 * here),
        (np.max, tied, share, share / 2),
        (lambda x: np.sort(x)[-1], tied, share, share / 2),
    ]
    for loss, point, between, beyond in cases:
        report = check_gradient(loss, between, point)
        assert report.verdict == "right" and "at a kink" in str(report), str(report)
        assert check_gradient(loss, beyond, point).verdict != "right"


@pytest.mark.parametrize("n", [500, pytest.param(150_000, marks=pytest.mark.slow)])
def test_more_kinks_than_are_tried_are_no_mistake(n):
    """Subgradients at more kinks than are looked at one by one: can't tell, never wrong."""
    x = np.random.default_rng(0).normal(size=n)
    x[:300] = 0.0
    claim = np.sign(x)
    claim[:300] = np.linspace(-0.9, 0.9, 300)
    assert check_gradient(lambda x: np.sum(np.abs(x)), claim, x).verdict == "can't tell"
    claim[0] = 1.5  # beyond the one-sided slopes, at an entry that is tried
    assert check_gradient(lambda x: np.sum(np.abs(x)), claim, x).verdict == "wrong"


@pytest.mark.slow
def test_kinks_in_many_parameters_are_no_mistake():
    """Of more than 20 parameters fewer entries are looked at, but not so few."""
    parameters = {f"w{i}": np.append(np.zeros(9), 1.0) for i in range(25)}
    claims = {name: np.append(np.linspace(-0.9, 0.9, 9), 1.0) for name in parameters}
    assert check_gradient(lambda p: sum(np.sum(np.abs(w)) for w in p.values()), claims,
                          parameters).ok


def test_a_loss_that_only_looks_bent_is_not_excused():
    """√(x² + 1e-16) has the slope 0 at 0: nothing there bends, however steep it is."""
    report = check_gradient(lambda x: np.sum(np.sqrt(x**2 + 1e-26)), np.array([0.5]), np.zeros(1))
    assert report.verdict != "right"


def test_maximum_with_zero_is_at_no_tie():
    """np.maximum(0, z) of numbers that aren't 0."""
    report = check_gradient(lambda z: np.sum(np.maximum(0, z)), np.array([1.0, 0.0]),
                            np.array([1.0, -2.0]))
    assert report.ok and report.notes == ()


# ── forms of a claim ─────────────────────────────────────────────────────────────────────────

W = np.array([1.0, 2.0])


def product(W1, b1):
    return np.sum(W1**2) * b1


@pytest.mark.parametrize("form", ["{}", "d{}", "grad_{}", "{}_grad", "dL_d{}"])
def test_names_of_gradients_in_a_dict(form):
    """dW1 is the gradient of W1: as an argument, and as a key of one."""
    claims = {form.format("W1"): W, form.format("b1"): np.array(5.0)}
    assert check_gradient(product, claims, W, 0.5).ok
    assert check_gradient(lambda p: product(**p), claims, {"W1": W, "b1": 0.5}).ok
    part = {form.format("b1"): 5.0}
    assert [e.name for e in check_gradient(product, part, W, 0.5)] == ["b1"]


def test_a_name_is_itself_before_it_is_a_gradient():
    """With parameters x and dx, the key dx is that of dx."""
    def loss(x, dx):
        return x**2 + 3 * dx

    assert check_gradient(loss, {"x": 2.0, "dx": 3.0}, 1.0, 1.0).ok
    assert check_gradient(loss, {"dx": 3.0, "ddx": 3.0}, 1.0, 1.0).verdict == "wrong"


def test_none_is_no_gradient():
    """A gradient that was left out is called so."""
    report = check_gradient(product, (W, None), W, 0.5)
    assert report["W1"].verdict == "right" and "is None" in report["b1"].reason


@pytest.mark.parametrize(("loss", "x"), [
    (lambda x: np.log(np.sum(x)), np.zeros(2)), (lambda x: np.sum(1 / x), np.zeros(2)),
    (lambda x: np.log(np.sum(x)), -np.ones(2)),
])
def test_a_loss_that_is_not_finite_is_not_judged(loss, x):
    """−inf, inf and nan have no gradient to compare with."""
    report = check_gradient(loss, np.ones(2), x)
    assert report.verdict == "can't tell" and "the loss is" in str(report) and not report.notes


def test_a_complex_loss_is_refused():
    """Its real part would be compared, silently."""
    for loss in (lambda x: np.sum(x * (1 + 2j)), lambda x: complex(np.sum(x))):
        with pytest.raises(DTypeError, match="complex"):
            check_gradient(loss, np.ones(2), np.ones(2))


def test_parameters_that_are_all_zero_are_noted():
    """1 − w² and 1 − tanh²w are the same at 0; of a bias beside weights that is usual."""
    def loss(w, b):
        return np.sum(np.tanh(w) + b)

    ones = np.ones(2)
    zeros = check_gradient(loss, (ones, ones), np.zeros(2), np.zeros(2))
    assert zeros.ok and "all zeros" in zeros.notes[0]
    assert not check_gradient(loss, (1 - np.tanh(W) ** 2, ones), W, np.zeros(2)).notes


def test_forms_of_the_gradient_of_one_triangle():
    """By the independent entries, or in the other triangle: right, and named; no other is."""
    x = np.array([[2.0, 0.5], [0.5, 1.0]])
    g = np.linalg.inv(x)

    def loss(x):
        return 2 * np.sum(np.log(np.diag(np.linalg.cholesky(x))))

    upper = np.triu(2 * g) - np.diag(np.diag(g))
    for claim, said in ((2 * g - np.diag(np.diag(g)), "by the independent entries"),
                        (upper, "of the other triangle"), (g, "the symmetrised gradient")):
        report = check_gradient(loss, claim, x)
        assert report.ok and said in report["x"].reason and said in report.notes[0], str(report)
    turned = g + np.array([[0.0, 0.3], [-0.3, 0.0]])
    assert check_gradient(loss, turned, x).verdict == "wrong"


# ── a loss that the engine refuses ───────────────────────────────────────────────────────────


def through_bytes(x):
    """No graph follows numbers through bytes."""
    return float(np.sum(np.frombuffer(np.sin(x).tobytes()) * np.cos(np.arange(x.size))))


@pytest.mark.parametrize("n", [100, *(pytest.param(n, marks=pytest.mark.slow)
                                      for n in (1000, 100_000))])
def test_a_refused_loss_of_any_size_is_judged(n):
    """By entries, or by directions in which one wrong entry shows; and it is found."""
    x = np.random.default_rng(0).normal(size=n)
    right, at = np.cos(x) * np.cos(np.arange(n)), n // 3
    assert check_gradient(through_bytes, right, x).ok
    assert check_gradient(through_bytes, 1.001 * right, x).verdict == "wrong"
    off = right + 0.01 * (np.arange(n) == at)
    report = check_gradient(through_bytes, off, x)
    assert report.verdict == "wrong" and report["x"].worst == (at,)


def test_directions_say_what_they_would_see():
    """A right gradient whose largest entry is small beside the rounding of the loss: can't tell."""
    x = np.random.default_rng(0).normal(size=1000)
    weights = np.cos(np.arange(1000)) * 1e-9

    def loss(x):
        return float(np.sum(np.frombuffer((1e3 + np.sin(x) * weights).tobytes())))

    report = check_gradient(loss, np.cos(x) * weights, x)
    assert report.verdict == "can't tell" and "would show" in report["x"].reason


def test_a_step_that_leaves_the_domain():
    """Where the loss raises beside the point, those steps are left out."""
    def loss(x):
        assert x[1] > 0
        return math.log(x[0]) + [1.0, 2.0][int(x[1] > 0.05)] * x[1]

    x = np.array([0.01, 0.06])
    assert check_gradient(loss, lambda x: np.array([1 / x[0], 2.0]), x).ok
    assert check_gradient(loss, lambda x: np.array([1 / x[0], 1.0]), x).verdict == "wrong"


# ── in numbers ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [6, pytest.param(300, marks=pytest.mark.slow)])
def test_right_gradients_of_random_programs(count):
    """Loops, buffers, masks and helpers: the gradient by forward differentiation, which shares no
    code with the engine, is never called wrong; twice it is.
    """
    from fuzz import written
    from fuzz.programs import Skipped, mix
    from fuzz.written_checks import WrittenCase, outside

    def mixed(y):
        return mix(y) if np.ndim(y) else y

    seen = told = seed = 0
    while seen < count:
        seed += 1
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                case = WrittenCase(written.generate(random.Random(seed)))
                exact = case.exact.first
            except Skipped:
                continue
            sizes = [int(np.size(case.program.values[i])) for i in case.argnums]
            parts = np.split(np.asarray(exact, float), np.cumsum(sizes)[:-1])
            claim = tuple(np.reshape(g, np.shape(case.program.values[i])) for i, g in
                          zip(case.argnums, parts, strict=True))
            names, values = case.load(), case.program.values
            f, before = names["f"], outside(names)
            f(*copy.deepcopy(values))
            if outside(names) != before:  # at the next run it is another function
                continue
            report = check_gradient(lambda *args, f=f: mixed(f(*args)), claim, *values,
                                    wrt=case.argnums)
            assert report.verdict != "wrong", (seed, case.program.body, str(report))
            seen += 1
            if np.max(np.abs(exact)) > 1e-3 and report.ok:
                off = check_gradient(lambda *args, f=f: mixed(f(*args)), tuple(
                    2 * g for g in claim), *values, wrt=case.argnums)
                told += off.verdict == "wrong"
                assert off.verdict == "wrong", (seed, case.program.body, str(off))
    assert told >= count / 3


@pytest.mark.slow
def test_three_hundred_chains_with_gradients_that_are_rounding():
    """Of each kind, with other seeds than above."""
    chains = (softmax_without_its_maximum, bias_before_a_batch_norm, bias_of_the_keys,
              scale_of_what_is_normalised)
    for seed in range(1000, 1075):
        for chain in chains:
            forward, claims = chain(np.random.default_rng(seed))
            for right in claims:
                assert check_chain(forward, **right).ok, (chain.__name__, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("n", [1000, 10_000, 100_000, 1_000_000])
def test_no_kink_is_seen_in_a_large_smooth_loss(name, n):
    """Of a thousand to a million entries, right is right."""
    loss, _ = SMOOTH[name]
    for seed in (1, 2) if n <= 10_000 else (1,):
        x = np.random.default_rng([seed, n]).normal(size=n)
        report = check_gradient(loss, ag.grad(loss)(x), x)
        assert report.verdict == "right" and "kink" not in str(report), str(report)
