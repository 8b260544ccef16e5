"""`ag.compile(f, arrays="whole")`: a program of Tensors gives what the function gives."""

from __future__ import annotations

import copy
import os
import re
import threading
import time
import types

import numpy as np
import pytest
from numpy_cases import CASES, CONSTANTS, VARIABLES
from test_live import KINDS, of_case, other

import autograd_mini as ag
from autograd_mini import nn

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(5, 3)), RNG.integers(0, 4, 5)
W, B = RNG.normal(size=(3, 4)), RNG.normal(size=4)


def flat(x):
    """All numbers of a tree, in one array."""
    parts = [np.ravel(y.data if isinstance(y, ag.Node) else y) for y in ag.trees.flat(x)]
    return np.concatenate(parts) if parts else np.zeros(0)


def check(function, *calls):
    """A program of the function gives, in each of these calls, the same to the last bit."""
    program = ag.compile(function, arrays="whole")
    for args in calls:
        expected, given = function(*args), program(*args)
        np.testing.assert_array_equal(flat(given), flat(expected))
        assert type(given) is type(expected) or isinstance(expected, ag.Node)
        assert [np.shape(a) for a in ag.trees.flat(given)] == [
            np.shape(b) for b in ag.trees.flat(expected)]
    return program


def loss(parameters, x, y):
    """Softmax cross-entropy as people write it."""
    z = np.maximum(x @ parameters["W"] + parameters["b"], 0.1)
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(y)), y])


def others(*arrays):
    """Other numbers of the same shapes and dtypes."""
    return [np.roll(x, 1) if x.dtype.kind in "iub" else 0.5 - np.roll(x, 1) for x in arrays]


def test_a_loss_and_its_gradient():
    """Parameters in a dict, and classes, which are read in each call."""
    first, second = ({"W": W, "b": B}, X, Y), ({"W": others(W)[0], "b": -B}, *others(X, Y))
    for transform in (ag.value_and_grad, ag.grad):
        program = check(transform(loss), first, second, first)
        assert len(program._all()) == 1
    assert ag.grad(ag.compile(loss, arrays="whole"))(*first)["W"].shape == W.shape


@pytest.mark.parametrize("transform", [
    ag.grad, ag.hessian, ag.jacobian, lambda f: ag.jacobian(ag.grad(f)),
    lambda f: ag.grad(lambda x: ag.sum(ag.grad(f)(x) ** 2)),
    lambda f: lambda x: ag.grad(f)(x) * x, lambda f: lambda x: ag.hvp(f, (x,), (2 * x,))[0]])
def test_orders_of_derivatives(transform):
    """Gradients inside are recorded, too."""
    f = lambda x: np.sum(np.tanh(x) ** 3 * np.cumsum(x)) + np.max(x) * np.sum(np.where(x > 0, x, 0))
    v = np.array([0.3, -0.2, 0.9, 0.1])
    function, program = transform(f), ag.compile(transform(f), arrays="whole")
    for x in (v, v[::-1].copy(), 0.5 - v):
        np.testing.assert_allclose(program(x), function(x), rtol=1e-13, atol=1e-13)


def test_arguments_of_each_kind():
    """Floats, whole numbers, masks, strings, None, trees; float32 stays."""
    def f(x, i, mask, options, scale):
        y = np.where(mask, x[i], options["c"] * x[i]) * scale
        return {"y": y, "sum": (ag.sum(y), 3)} if options["both"] else y

    x, i, mask = RNG.normal(size=6).astype("f4"), np.array([2, 0, 5]), np.array([True, False, True])
    for both in (True, False):
        check(f, (x, i, mask, {"c": 2.0, "both": both}, 0.5),
              (x + 1, i - 2, ~mask, {"c": -1.0, "both": both}, 1.5))
    assert ag.compile(f, arrays="whole")(x, i, mask, {"c": 2.0, "both": False}, 1.0
                                         ).dtype == np.float32
    program = check(f, (x, i, mask, {"c": 2.0, "both": True}, 0.5),
                    (x[:4], i // 2, mask, {"c": 2.0, "both": True}, 0.5))
    assert len(program._all()) == 2  # another shape is another program
    for both in ({1}, set(), {2}, range(3)):  # what can't be hashed, too
        check(f, *[(x, i, mask, {"c": 2.0, "both": both}, 0.5)] * 2)


def test_tensors_from_outside():
    """A model's parameters are read in each call; one that was replaced is another one."""
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 1, rng=1))
    slope = lambda x: ag.grad(lambda x: ag.sum(model(x)))(x)
    program = ag.compile(slope, arrays="whole")
    program(X)
    model.parameters()[0].data[...] *= 2
    np.testing.assert_allclose(program(X), slope(X).data, rtol=1e-13, atol=1e-15)
    model.parameters()[0].data = np.ones((4, 3))
    np.testing.assert_allclose(program(X), slope(X).data, rtol=1e-13, atol=1e-15)
    assert len(program._all()) == 1


def test_what_is_decided_by_numbers():
    """Both branches are kept; or the other one is an error."""
    f = lambda x, n: ag.sum(x) if ag.sum(x) > n.max() else ag.sum(x * x)
    n = np.array([1, 2])
    program = check(f, (X, n), (X + 9, n), (X - 9, n), (X + 9, n + 400), (X, n))
    assert len(program._all()) == 2
    strict = ag.compile(f, arrays="whole", branches="raise")
    strict(X, n)
    with pytest.raises(ag.errors.GraphError, match="decided differently"):
        strict(X + 9, n)


@pytest.mark.parametrize("code", [
    "np.take(v, i)", "np.take(m, i % 3, axis=0)", "np.take(m, i, axis=1, mode='clip')",
    "np.take(m, i - 2, axis=1, mode='wrap')", "v.take(i)", "np.take(v, np.argsort(i))",
    "np.take(v, np.flatnonzero(mask[0]))", "np.take_along_axis(m, i[None, :] % 3, axis=0)",
    "v[i]", "m[i % 3, i]", "m[mask]", "np.compress(mask[0], m, axis=1)", "np.bincount(i, u)",
    "np.choose(i % 2, [u, o])", "u[np.argsort(i)]", "u * i", "u ** i", "np.where(mask, m, p)",
])
def test_whole_numbers_and_masks_are_arguments(code):
    """No index is kept from the recording: with other ones a program gives what the engine does."""
    floats = [n for n in VARIABLES if re.search(rf"\b{n}\b", code)]
    others = [n for n in ("i", "mask") if re.search(rf"\b{n}\b", code)]
    space = {"np": np}
    exec(f"def f({', '.join(floats + others)}):\n    return np.sum({code} ** 2)\n", space)
    f, xs = space["f"], [VARIABLES[n] for n in floats]
    argnums = tuple(range(len(xs)))
    program = ag.compile(ag.value_and_grad(f, argnums), arrays="whole")
    given = {"i": [[2, 0, 0, 1], [1, 1, 2, 0], [0, 2, 1, 2]],
             "mask": [CONSTANTS["mask"], ~CONSTANTS["mask"], CONSTANTS["mask"][::-1]]}
    for k in (0, 0, 1, 2):
        ints = [np.array(given[n][k]) for n in others]
        value, slopes = program(*xs, *ints)
        expected, right = ag.value_and_grad(f, argnums)(*xs, *ints)
        assert np.allclose(value, expected, rtol=1e-13)
        for a, b in zip(slopes, right, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_a_number_that_may_hear_nothing():
    """A hinge of one number that is recorded on its flat side."""
    f = ag.grad(lambda x: np.maximum(ag.sum(x) - 1.0, 0.0) + ag.relu(ag.sum(x * x) - 1.0))
    check(f, (np.array([0.1, 0.2]),), (np.array([2.0, 3.0]),), (np.array([0.1, -9.0]),))
    g = ag.grad(lambda x: ag.relu(x - 1.0) * 3.0)
    check(g, (0.5,), (2.5,), (0.5,))


def test_a_length_that_is_zero():
    """Where ‖x‖ is 0 there may be a limit; it is looked at in each call."""
    f = ag.grad(lambda x: ag.sum(ag.grad(lambda x: np.linalg.norm(x) ** 2)(x) * x))
    for first, second in ((np.zeros(3), np.ones(3)), (np.ones(3), np.zeros(3))):
        check(f, (first,), (second,), (first,))


REFUSED = {
    "random numbers": (lambda x: x + np.random.default_rng().normal(), "threading|can't be seen"),
    "a number taken out": (lambda x: x * float(ag.sum(x)), "would cut the graph"),
    "a plain array by an argument": (lambda x, i: x * np.arange(5.0)[i], "np.asarray"),
    "the time": (lambda x: x * time.time(), "time.time"),
    "a file": (lambda x: x * os.stat(__file__).st_size, "os.stat"),
    "printing": (lambda x: print("here") or x * 2, "printed"),
    "text": (lambda x, i: x * len(f"{i}"), "text"),
    "a change in place": (lambda x, i: x * i.__iadd__(1), "in place"),
    "a store": (lambda x, i: i.__setitem__(0, 1) or x, "written to"),
    "an argument's type": (lambda x, i: x * (type(i) is np.ndarray), "type"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_refused_by_name(name):
    """And says what it was."""
    function, why = REFUSED[name]
    arguments = (X[0], np.arange(3))[: function.__code__.co_argcount]
    with pytest.raises(ag.errors.AutogradError, match=why):
        ag.compile(function, arrays="whole")(*arguments)


def test_what_is_remembered_is_refused():
    """A function that counts its calls is another one in each."""
    kept = []
    with pytest.raises(ag.errors.NotFollowedError, match="changed or stored"):
        ag.compile(lambda x: kept.append(1) or x * len(kept), arrays="whole")(X)
    assert kept == [1]  # of the call that gave the engine's result


def test_plain_things_from_outside():
    """What was changed outside is recorded anew: a number, a list, an array in place."""
    table, box = np.ones(3), {"c": 2.0, "list": [1.0]}
    f = lambda x: x * table * box["c"] + box["list"][0]
    program = check(f, (X,))
    table[1] = 5.0
    np.testing.assert_array_equal(program(X), f(X))
    box["c"] = 3.0
    np.testing.assert_array_equal(program(X), f(X))
    box["list"][0] = 7.0
    np.testing.assert_array_equal(program(X), f(X))


def test_a_number_of_a_module_in_a_module():
    """`package.config.scale` is looked at, too."""
    package, config = types.ModuleType("package_of_a_test"), types.ModuleType("config_of_a_test")
    package.config, config.scale = config, 2.0
    f = eval("lambda x: x * package.config.scale", {"package": package, "__name__": "a_test"})
    program = check(f, (X,))
    config.scale = 3.0
    np.testing.assert_array_equal(program(X), f(X))


def test_how_many_there_are_is_decided():
    """The length of what a mask takes, also of what is computed from that."""
    f = lambda x, k: x * len(k[k > 0]) + (2 * k[k > 0]).size
    program = check(f, (X, np.array([1, 0, 2])), (X, np.array([1, 2, 3])), (X, np.array([0, 0, 1])))
    assert len(program._all()) == 3


def test_tensors_in_a_list():
    """One that takes another's place is the one that counts."""
    listed = [ag.Tensor(np.ones(3))]
    program = ag.compile(lambda x: x * listed[0], arrays="whole")
    program(X)
    listed[0] = ag.Tensor(np.full(3, 8.0))
    np.testing.assert_array_equal(program(X), 8 * X)
    copied = copy.deepcopy(program)
    np.testing.assert_array_equal(copied(X), 8 * X)


def test_a_nan_is_asked_for():
    """0·∞ behind a mask is 0, as the engine knows."""
    f = ag.grad(lambda x: ag.sum(np.where(x > 0, np.log(np.where(x > 0, x, 1.0) * x), 0.0)))
    with np.errstate(all="ignore"):
        check(f, (np.array([1.0, 2.0]),), (np.array([0.0, 2.0]),), (np.array([-1.0, 2.0]),))


def test_what_a_rule_chooses_for_these_numbers():
    """Whether it sums what was broadcast, and whether a nan turns up in a gradient inside."""
    quotient = ag.grad(lambda x, y: ag.sum(x + x / y), (0, 1))
    check(quotient, (np.array([[-0.0]]), np.array([-0.1])), (np.array([[0.3]]), np.array([2.0])))
    for second in (np.array([1.0, -0.5]), np.array([0.3, 0.0])):
        inner = lambda x: ag.sum(ag.grad(lambda x: ag.sum(np.where(
            x > 0.5, np.sqrt(x), x * x)))(x) ** 2)
        with np.errstate(all="ignore"):
            check(ag.grad(inner), (np.array([0.0, -1.0]),), (second,))


def test_results_belong_to_the_caller():
    """They stay as they are, and may be changed."""
    program = ag.compile(ag.value_and_grad(lambda x: ag.sum(np.exp(x))), arrays="whole")
    program(X)
    one, two = program(X), program(2 * X)
    assert not np.shares_memory(one[1], two[1])
    one[1][:] = 0
    np.testing.assert_array_equal(program(2 * X)[1], two[1])
    identity = ag.compile(lambda x: x, arrays="whole")
    identity(X)
    assert not np.shares_memory(identity(X), X)


def test_threads_share_a_program():
    """One runs it, and others do without meanwhile."""
    f = ag.grad(lambda x: ag.sum(np.tanh(x @ W) ** 2))
    program, wrong = ag.compile(f, arrays="whole"), []
    program(X)

    def calls(seed):
        rng = np.random.default_rng(seed)
        for _ in range(100):
            x = rng.normal(size=X.shape)
            wrong.append(not np.array_equal(program(x), f(x)))

    threads = [threading.Thread(target=calls, args=(i,)) for i in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(wrong) == 300 and not any(wrong)


def test_rows_of_ones_own():
    """Their functions and rules are called again, and can't write to what the program keeps."""
    def rule(g, y, x):
        assert not x.flags.writeable
        return g * 3 * x**2

    cube = ag.structural(lambda x: x**3, rule, name="cube of a test")
    check(ag.grad(lambda x: ag.sum(cube(np.sin(x)))), (X,), (X + 1,))


def test_what_a_program_looks_like():
    """Its text is NumPy, its repr says how much of it."""
    program = ag.compile(ag.grad(lambda x: ag.sum(np.exp(x))), arrays="whole")
    assert "not recorded yet" in repr(program) and str(program) == repr(program)
    program(X)
    assert "statements of NumPy" in repr(program) and "np.exp(w0, out=b" in str(program)
    assert program._repr_html_().startswith("<pre>")


def test_a_program_inside_of_others():
    """Nodes, transforms and other programs go through to the function."""
    program = ag.compile(lambda x: ag.sum(np.exp(x)), arrays="whole")
    np.testing.assert_array_equal(ag.grad(lambda x: 2 * program(x))(X), 2 * np.exp(X))
    np.testing.assert_array_equal(program(ag.Tensor(X)).data, np.sum(np.exp(X)))
    outer = ag.compile(lambda x: program(x) * 2, arrays="whole")
    assert outer(X) == 2 * program(X)


@pytest.mark.parametrize("options", [{"arrays": "some"}, {"batched": 0}, {"reduce": "mean"},
                                     {"branches": "both"}, {"parameters": []}])
def test_options_that_do_not_go_together(options):
    """Are refused."""
    with pytest.raises(ag.errors.GraphError, match="arrays is"):
        ag.compile(np.sin, **{"arrays": "whole"} | options)


# ── every function of NumPy ──────────────────────────────────────────────────────────────────


def weighted(f):
    """One number of all that f gives, in which every entry has a weight of its own."""
    def total(*xs):
        y = f(*xs)
        parts = [p for p in (y if isinstance(y, tuple | list) else [y]) if isinstance(p, ag.Node)]
        return sum(ag.sum(p * np.cos(1.0 + np.arange(p.size)).reshape(p.shape)) for p in parts)

    return total


def check_case(case):
    """The gradient of an expression, recorded for some numbers and replayed for others.

    To the last bit, or a few roundings where a function decides by its numbers otherwise in a
    program. Returns whether it can be one.
    """
    _, names = of_case(case)
    f = eval(f"lambda {', '.join(names)}: {case}", {"np": np, **CONSTANTS, **VARIABLES})
    arrays = [VARIABLES[name] for name in names]
    gradient = ag.value_and_grad(weighted(f), tuple(range(len(arrays))))
    program = ag.compile(gradient, arrays="whole")
    with np.errstate(all="ignore"):
        try:
            program(*arrays)
        except ag.errors.NotFollowedError:
            return False
        for kind in KINDS:
            if kind == "infinities" and "linalg" in case:
                continue  # LAPACK's SVD of an infinite matrix may never end
            new = [other(x, kind) for x in arrays]
            try:
                expected = flat(gradient(*new))
            except (ArithmeticError, ValueError, ag.errors.GraphError):
                continue
            size = np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected))
            np.testing.assert_allclose(flat(program(*new)), expected, rtol=1e-11,
                                       atol=1e-12 * size, err_msg=f"{case}, {kind}")
    return True


def has_gradient(case):
    """Whether an expression depends on variables by more than steps."""
    f, names = of_case(case)
    if not names:
        return False
    y = f(*[ag.Tensor(VARIABLES[name]) for name in names])
    return any(isinstance(p, ag.Node) for p in (y if isinstance(y, tuple | list) else [y]))


@pytest.mark.slow  # five hundred programs
@pytest.mark.filterwarnings("ignore::autograd_mini.errors.BroadcastWarning")
def test_every_function_of_numpy_can_be_in_a_program():
    """But for a few that take numbers out; no number of the recording is left in any."""
    cases = [case for case in CASES if has_gradient(case)]
    refused = [case for case in cases if not check_case(case)]
    assert len(refused) <= 21 and len(cases) > 480, refused


@pytest.mark.parametrize("case", [
    "np.sort(m)", "np.median(t, axis=(0, 2))", "np.max(t, axis=1)", "np.where(mask, m, p)",
    "np.linalg.svd(q)[1]", "np.interp(u, np.array([-2.0, 0.1, 0.2, 3.0]), o)", "np.convolve(v, w)",
    "np.prod(0 * v)", "np.take(m, i)", "np.linalg.norm(m, 1)"])
def test_some_functions_of_numpy_in_a_program(case):
    """What was decided by numbers is decided anew."""
    assert case not in CASES or check_case(case)
