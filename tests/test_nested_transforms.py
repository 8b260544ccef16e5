"""Derivatives taken inside functions that are differentiated: right, and no dearer for what lies
behind their variables."""

from __future__ import annotations

import random
import sys
import threading
from types import SimpleNamespace

import nested_programs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from nested_programs import derivative, loss, random_program, weighted

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import GraphError, IndependentWarning
from autograd_mini.graph import clock, topological_order, ways

EPS = np.finfo(float).eps
POINT = np.array([0.4, -0.9])


# ── right ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow  # higher derivatives, or machines: seconds
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 3]))
@pytest.mark.filterwarnings("ignore::autograd_mini.errors.IndependentWarning")
def test_nested_programs_agree_with_differences(seed, order):
    """Random functions that take derivatives inside, closing over what is outside, have the
    derivatives of order 1 to 3 that differences of the order below have."""
    f = loss(random_program(random.Random(seed)))
    below = f if order == 1 else weighted(derivative(f, order - 1), nested_programs.OURS)
    step = 1e-3  # of a rule of fourth order: its error is step⁴, and rounding's ε/step
    found = derivative(f, order)(POINT)
    for k, e in enumerate(np.eye(2) * step):
        near, far = below(POINT + e) - below(POINT - e), below(POINT + 2 * e) - below(POINT - 2 * e)
        expected, coarse = (8 * near - far) / (12 * step), far / (4 * step)
        # how far the two rules are apart says how fast the function bends
        bar = 0.2 * abs(expected - coarse) + 1e-7 * max(1.0, abs(expected))
        assert abs(found[k] - expected) <= bar


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("order", [1, 2, 3])
def test_nested_programs_agree_with_autograd(order):
    """The same numbers as HIPS autograd, of random nested programs, for orders 1 to 3."""
    autograd = pytest.importorskip("autograd", reason="the oracles extra isn't installed")
    anp = pytest.importorskip("autograd.numpy", reason="the oracles extra isn't installed")
    theirs = SimpleNamespace(np=anp, grad=autograd.grad, jacobian=autograd.jacobian,
                             value_and_grad=autograd.value_and_grad)
    for seed in range(30):
        program = random_program(random.Random(seed))
        ours = derivative(loss(program), order)(POINT)
        expected = derivative(loss(program, theirs), order, theirs)(POINT)
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.oracle
@pytest.mark.slow  # JAX traces each program anew, which takes a second
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("order", [1, 2, 3])
def test_nested_programs_agree_with_jax(order):
    """The same numbers as JAX, of random nested programs, for orders 1 to 3."""
    jax = pytest.importorskip("jax", reason="the oracles extra isn't installed")
    jax.config.update("jax_enable_x64", True)
    theirs = SimpleNamespace(np=jax.numpy, grad=jax.grad, jacobian=jax.jacrev,
                             value_and_grad=jax.value_and_grad)
    for seed in range(6):
        program = random_program(random.Random(seed))
        ours = derivative(loss(program), order)(POINT)
        expected = derivative(loss(program, theirs), order, theirs)(POINT)
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-10)


@given(st.integers(0, 10**6), st.data())
def test_gradients_by_some_nodes_are_those_by_all(seed, data):
    """`gradients(y, some)` visits only what leads to these, and gives what backward() stores:
    bit for bit, whichever nodes are asked for, leaves or not."""
    r = random.Random(seed)
    pool = [Value(r.uniform(-1, 1)) for _ in range(3)]
    for _ in range(12):
        if r.random() < 0.2:
            clock.tick()  # as if a transform had begun in between
        a, b = r.choice(pool), r.choice(pool)
        pool.append(r.choice([a * b, a + b, a.tanh(), a - 0.5 * b, ag.sum([a, b, a])]))
    y = pool[-1]
    y.backward()
    reached = [node for node in pool if node in set(topological_order(y))]
    some = data.draw(st.lists(st.sampled_from(range(len(reached))), min_size=1, unique=True))
    found = ag.gradients(y, [reached[k] for k in some])
    assert found == [reached[k].gradient for k in some]


def test_ways_are_what_leads_there_and_no_more():
    """The ways from y to x are the nodes that depend on x, consumers first, and end at x; another
    wanted node on the way is visited and passed."""
    x, w = Value(1.0, label="x"), Value(2.0, label="w")
    h = w * 3.0
    a = x * h
    y = a + h * w
    assert ways(y, {x}) == ([y, a, x], {x})
    order, ends = ways(y, {a, x})
    assert (order, ends) == ([y, a, x], {x})
    assert ways(y, {h})[0][-1] is h and set(ways(y, {h})[0]) == {y, a, h, *y.parents}
    assert ways(h, {x})[0] == [] and ways(y, set())[0] == []
    assert ways(y, None)[0] == topological_order(y)


def test_a_rule_is_not_called_for_what_nothing_is_asked_of():
    """`gradients(y, x)` doesn't call the rule of the node x, nor of nodes that don't lead to it."""
    called = []
    noted = ag.elementwise(lambda x: 2.0 * x, None, lambda y, x: called.append(1) or 2.0,
                           name="noted_rule")
    a, b = Value(1.0), Value(2.0)
    x = noted(a)
    y = x * noted(b)
    assert ag.gradients(y, x) == 4.0 and not called
    assert ag.gradients(y, a) == 8.0 and len(called) == 1


def test_constants_inside_a_transform_stay_numbers():
    """A derivative that depends on no node is a plain number inside a transform as outside, so that
    it may index, be compared, and be stored."""
    kinds = []

    def f(x):
        slope = ag.grad(lambda t: t**3)(2.0)
        kinds.append(type(slope))
        box = np.zeros(2)
        box[0] = slope
        return np.sum(box * x)

    assert ag.grad(f)(np.ones(2)).tolist() == [12.0, 0.0]
    assert f(np.ones(2)) == 12.0 and kinds == [float, float]


def test_what_another_thread_computes_is_not_taken_for_older():
    """Nodes that a thread of f's makes of f's variable are younger than it, although the thread
    knows of no transform."""
    def f(x):
        found = []
        worker = threading.Thread(target=lambda: found.append(np.sin(x) * x))
        worker.start()
        worker.join()
        return np.sum(found[0]) + ag.grad(lambda t: t * np.sum(found[0]))(1.0)

    x = np.array([0.3, 0.8])
    np.testing.assert_allclose(ag.grad(f)(x), 2 * (np.cos(x) * x + np.sin(x)), rtol=4 * EPS)


def test_the_clock_goes_forward_in_all_threads():
    """Ticks in several threads at once are all different: the clock never goes back."""
    seen = []

    def tick():
        seen.extend(clock.tick() for _ in range(2000))

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 8000


# ── no dearer ────────────────────────────────────────────────────────────────────────────────


A = np.linspace(-1.0, 1.0, 6).reshape(3, 2)


def residual(w, c):
    return np.sum((A @ w - c) ** 2) + 0.1 * np.sum(np.exp(w * c))


def at_a_corner(w, c):
    return np.sum(np.exp(w * c)) + np.exp(-np.linalg.norm(w - 1.0 * w))


def masked(w, c):
    with np.errstate(invalid="ignore"):
        return np.sum(np.where(w > -9.0, w, np.sqrt(w - w) / (w - w))) * c


def equal_eigenvalues(w, c):
    values, vectors = np.linalg.eigh(np.eye(2) * np.sum(w * w))
    return np.sum(vectors @ np.diag(np.exp(values)) @ vectors.T) * c


def pairs(w, c):
    return np.sum((w[:, None] - w) ** 2) * c


STEPS = {
    "grad": lambda w, c: ag.grad(residual)(w, c),
    "grad, closing over a long graph": lambda w, c: ag.grad(lambda z: residual(z * w, c))(0.5 * c),
    "grad at a number": lambda w, c: ag.grad(lambda t: residual(w * t, c))(1.0),
    "grad by two": lambda w, c: sum(ag.grad(residual, argnums=(0, 1))(w, c)),
    "value_and_grad": lambda w, c: ag.value_and_grad(residual)(w, c)[1],
    "vjp": lambda w, c: ag.vjp(lambda z: np.tanh(z * w), w)[1](w)[0],
    "jvp": lambda w, c: ag.jvp(lambda z: np.tanh(z * w), (w,), (w,))[1],
    "hvp": lambda w, c: ag.hvp(lambda z: residual(z * w, c), (w,), (w,))[0],
    "jacobian": lambda w, c: ag.jacobian(lambda z: np.tanh(z * w))(w) @ w,
    "hessian": lambda w, c: ag.hessian(lambda z: residual(z * w, c))(w) @ w,
    "grad of grad": lambda w, c: ag.grad(lambda z: np.sum(ag.grad(residual)(z, c) * w))(w),
    "gradients": lambda w, c: next(ag.gradients(residual(z, c), z, create_graph=True)
                                   for z in [1.0 * w]),
    "independent": lambda w, c: ag.grad(lambda z: np.sum(w * w))(w),
    "cut": lambda w, c: ag.grad(lambda z: np.sum(w * z * np.sign(z * w)))(w),
    "at a corner": lambda w, c: ag.grad(at_a_corner)(w, c),
    "masked nan": lambda w, c: ag.grad(masked)(w, c),
    "pairs": lambda w, c: ag.grad(pairs)(w, c),
}


def unrolled(step, n):
    """n steps of descent from c."""
    def f(c):
        w = np.ones(2) * c
        for _ in range(n):
            w = w - 0.001 * step(w, c)
        return np.sum(w)

    return f


def calls(run):
    """How many functions are called, Python's and C's: what a walk over a graph costs, exactly."""
    count = 0

    def note(frame, event, arg):
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.filterwarnings("ignore::autograd_mini.errors.IndependentWarning")
@pytest.mark.parametrize("name", STEPS)
def test_unrolled_loops_take_time_in_proportion_to_their_steps(name):
    """Twice as many steps, each with a derivative in it, take twice as many calls: none walks
    through the graph of the steps before."""
    of = [calls(lambda n=n: ag.grad(unrolled(STEPS[name], n))(0.5)) for n in (4, 4, 8, 16)]
    _, few, some, many = of  # the first writes out rules, which is done once
    assert many - some <= 2.02 * (some - few)


@pytest.mark.filterwarnings("ignore::autograd_mini.errors.IndependentWarning")
@pytest.mark.parametrize("name", [*STEPS, "equal eigenvalues"])
def test_a_long_graph_outside_costs_nothing(name):
    """A derivative at nodes that end a long graph takes just as many calls as at leaves' own."""
    def step(w, c):
        if name == "equal eigenvalues":
            return ag.grad(equal_eigenvalues)(w, c)
        return STEPS[name](w, c)

    def of(length):
        c = Value(0.5)
        w = np.ones(2) * c
        for _ in range(length):
            w = np.sin(w) + 0.1 * w
        clock.tick()
        return calls(lambda: step(w, c))

    of(3)  # rules that are written out when they are first asked for
    assert abs(of(300) - of(3)) < 100  # a walk behind w would be over 600; numbers decide a few


# ── rules that take derivatives themselves ───────────────────────────────────────────────────


B = np.array([[0.3, -0.2], [0.1, 0.4]])


def contraction(y, a):
    return np.tanh(B @ y + a)


def iterated(a):
    y = np.zeros(2)
    for _ in range(80):  # |B| < ½, so that 80 turns leave less than ε
        y = contraction(y, a)
    return y


@ag.structural(iterated, name="fixed_point_of_a_test")
def fixed_point(g, y, a):
    """u = g + (∂f/∂y)ᵀu, by iteration as well; then (∂f/∂a)ᵀu."""
    _, pullback = ag.vjp(contraction, y, a)
    u = g
    for _ in range(80):
        u = g + pullback(u)[0]
    return pullback(u)[1]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_fixed_point_by_an_implicit_rule(order):
    """A rule that calls ag.vjp at its own output and input gives, for orders 1 to 3, what
    differentiating the iteration itself gives."""
    implicit = derivative(lambda a: np.sum(np.exp(fixed_point(a * a))), order)(POINT)
    through = derivative(lambda a: np.sum(np.exp(iterated(a * a))), order)(POINT)
    np.testing.assert_allclose(implicit, through, rtol=1e-11)


def test_the_implicit_rule_passes_the_checks_of_the_table():
    """`check_primitive` finds nothing wrong with a rule that calls ag.vjp."""
    ag.check_primitive(fixed_point, (POINT,))


def objective(z, a):
    return np.sum(np.cosh(z - a)) + 0.5 * np.sum((B @ z) ** 2)


def newton(a):
    z = np.zeros(2)
    for _ in range(12):
        z = z - np.linalg.solve(ag.hessian(objective)(z, a), ag.grad(objective)(z, a))
    return z


@ag.structural(newton, name="argmin_of_a_test")
def argmin(g, y, a):
    """−(∂²/∂a∂z)ᵀ H⁻¹ g, at the minimum."""
    u = np.linalg.solve(ag.hessian(objective)(y, a), g)
    return -ag.vjp(lambda a: ag.grad(objective)(y, a), a)[1](u)[0]


@pytest.mark.parametrize("order", [1, 2])
def test_an_argmin_by_an_implicit_rule(order):
    """A rule that calls ag.hessian at its output, of a function that calls it too, gives what
    Newton's steps differentiated give: the numbers it is fed stay numbers inside a transform."""
    implicit = derivative(lambda a: np.sum(argmin(a) ** 3), order)(POINT)
    through = derivative(lambda a: np.sum(newton(a) ** 3), order)(POINT)
    np.testing.assert_allclose(implicit, through, rtol=1e-10)


def test_plain_gradients_by_an_implicit_rule_inside_a_transform():
    """backward() and gradients() inside a transform give plain arrays also where a rule takes
    derivatives."""
    def f(a):
        x = Tensor([0.5, 0.1])
        y = np.sum(fixed_point(x))
        y.backward()
        assert type(x.gradient) is np.ndarray
        return np.sum(a) * ag.gradients(y, x)[0]

    expected = ag.grad(lambda x: np.sum(iterated(x)))(np.array([0.5, 0.1]))[0]
    np.testing.assert_allclose(ag.grad(f)(POINT), [expected, expected], rtol=1e-12)


def test_a_rule_that_asks_for_itself_is_refused():
    """A rule whose pullback differentiates its own output by its own input asks for itself without
    end, and is told what to do instead, once."""
    @ag.structural(lambda a: a * a, name="asks_for_itself")
    def asks_for_itself(g, y, a):
        if not isinstance(y, ag.Node):
            return 2.0 * a * g
        return ag.gradients(1.0 * y, a, seed=g, create_graph=True)

    with pytest.raises(GraphError, match="for its own answer, without end: take it at variables"
                       ) as caught:
        ag.hessian(lambda a: np.sum(asks_for_itself(a)))(POINT)
    assert str(caught.value).count("asks_for_itself") == 2


def test_a_closed_over_node_makes_the_result_a_node():
    """Outside any transform too: a leaf, or what was computed, and what is cut off is none."""
    w = Value(2.0)
    h = np.tanh(w)
    for c in (w, h):
        slope = ag.grad(lambda x, c=c: c * x)(1.0)
        assert isinstance(slope, Value) and ag.gradients(slope, w) == ag.gradients(1.0 * c, w)
    with ag.no_grad():
        cut = w * 3.0
    assert ag.grad(lambda x: cut * x)(1.0) == 6.0
    assert type(ag.grad(lambda x: cut * x)(1.0)) is float
    with pytest.warns(IndependentWarning):
        assert ag.grad(lambda x: h * h)(1.0) == 0.0
