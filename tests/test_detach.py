"""A number leaves a node on purpose, by name, or not at all."""

from __future__ import annotations

import array
import cmath
import copy
import math
import operator
import pickle
import random
import threading
import warnings

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import (
    CutWarning,
    DTypeError,
    GraphError,
    NotDifferentiableError,
    SpellingError,
)
from autograd_mini.numpy_api.catalog import CONSTANT

MATH = [f for name, f in vars(math).items() if callable(f) and not name.startswith("_")]
STEPS = {math.isnan, math.isinf, math.isfinite, math.isclose, math.floor, math.ceil, math.trunc}
WHOLE = {math.comb, math.perm, math.factorial, math.gcd, math.lcm, math.isqrt}


def call(f, v):
    """f with v, and with numbers beside it where it needs more."""
    for args in ((v,), (v, 0.5), ([v, 0.5],), ([v], [0.5]), (v, 2), (v, 0.5, 2.0)):
        try:
            return f(*args)
        except NotDifferentiableError:
            raise
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            continue
    return None


def refusal_of(attempt):
    """What a refused attempt says; None if it isn't refused, and then gives a node or nothing."""
    try:
        result = attempt()
    except NotDifferentiableError as error:
        return str(error)
    assert result is None or isinstance(result, Value | Tensor | float)
    return None


@pytest.mark.parametrize("f", [f for f in MATH if f not in STEPS | WHOLE], ids=lambda f: f.__name__)
def test_no_function_of_pythons_math_is_silent(f):
    """Given a node, it is refused, or computes with the node's own operators (math.prod)."""
    for v in (Value(0.5), Tensor([0.5])[0]):
        said = refusal_of(lambda v=v: call(f, v))
        assert said is None or (f"math.{f.__name__}" in said and "write" in said)
    inside = refusal_of(lambda: ag.grad(lambda x: x * call(f, x))(0.5))
    assert inside is not None or f.__name__ in ("prod", "sumprod")


def test_a_published_normal_likelihood_by_math_is_refused_with_the_cure():
    """−log σ − (x − μ)²/2σ² by math.log is refused; with ag.log it has the right gradient."""
    def by(log):
        return lambda p: sum(-log(p[1]) - (x - p[0]) ** 2 / (2 * p[1] ** 2) for x in (1.0, 2.0))

    p = np.array([2.5, 2.0])
    with pytest.raises(NotDifferentiableError, match=r"write ag\.log"):
        ag.grad(by(math.log))(p)
    np.testing.assert_allclose(ag.grad(by(ag.log))(p), [-0.5, -0.6875], rtol=1e-14)


@pytest.mark.parametrize("use", [
    lambda x: x * float(x), lambda x: x * int(x), lambda x: x * complex(x).real,
    lambda x: x * math.exp(x), lambda x: x * cmath.exp(x).real, lambda x: x * np.float64(x),
    lambda x: x * np.float32(x), lambda x: x * sum(map(float, [x])),
    lambda x: x * array.array("d", [x])[0], lambda x: x * math.fsum([x, x]),
    lambda x: x * math.hypot(*[x, x]), lambda x: x * pickle.loads(pickle.dumps(x)),
], ids=range(12))
def test_inside_a_transform_a_check_and_a_program_numbers_do_not_leave(use):
    """What would cut the graph is an error that names the line and what to write."""
    where = "`.*` at test_detach.py:|pickle x.data"
    with pytest.raises((NotDifferentiableError, GraphError), match=where):
        ag.grad(use)(2.0)
    with pytest.raises((NotDifferentiableError, GraphError), match=where):
        ag.grad(ag.grad(use))(2.0)
    with pytest.raises((NotDifferentiableError, GraphError), match=where):
        ag.compile(use)(2.0)


@pytest.mark.parametrize(("use", "slope"), [
    (lambda x: (f"{x:.2f} {x}", "%.3f" % x, f"{x}", x * x)[-1], 4.0),
    (lambda x: x * x if math.isfinite(x) and not math.isnan(x) else x, 4.0),
    (lambda x: x * math.floor(x), 2.0), (lambda x: x * math.ceil(x) + math.trunc(x), 2.0),
    (lambda x: x * round(x), 2.0), (lambda x: x * x if math.isclose(x, 2.0) else x, 4.0),
    (lambda x: sum([x for _ in range(int(x))]), 2.0),
    (lambda x: x * [1.0, 2.0, 5.0][int(x)], 5.0),
    (lambda x: sum(copy.deepcopy([x, x * x])), 5.0), (lambda x: copy.copy(x) * x, 4.0),
    (lambda x: ag.stop_gradient(x) * x, 2.0), (lambda x: x.data * x, 2.0),
    (lambda x: ag.stop_gradient(x * x) + 0 * x, 0.0),
], ids=range(13))
def test_what_may_look_at_a_number(use, slope):
    """Formatting, questions, steps, an index, a count, a copy, named cuts work in a transform."""
    assert ag.grad(use)(2.0) == slope


def test_outside_a_transform_a_deliberate_float_stays():
    """float(v), int(v), formatting are silent; what takes a number unseen warns at its line."""
    v = Value(2.5)
    assert (float(v), int(v), complex(v)) == (2.5, 2, 2.5 + 0j)
    assert (f"{v:.1f}", "%.1f" % v) == ("2.5", "2.5")
    assert [float(x) for x in [v]] == [2.5] and float(Tensor([1.0]).sum()) == 1.0
    assert (round(v), round(v, 1), math.floor(v), math.ceil(v), math.trunc(v)) == (2, 2.5, 2, 3, 2)
    with pytest.warns(CutWarning, match="test_detach.py") as found:
        assert list(map(float, [v])) == [2.5]
    assert found[0].filename == __file__
    with pytest.warns(CutWarning, match="array"):
        array.array("d", [v])


def stored(store):
    def f(b):
        c = np.zeros(2)
        store(c, b)
        return np.sum(c) * b
    return f


def by_index(c, b):
    c[0] = b * b


@pytest.mark.parametrize("store", [
    by_index, lambda c, b: operator.setitem(c, 0, b * b), lambda c, b: c.__setitem__(0, b * b),
    lambda c, b: c.fill(b * b), lambda c, b: c.__setitem__(slice(1), b), lambda c, b: c.put(0, b),
], ids=["[]", "operator", "method", "fill", "slice", "put"])
def test_stores_into_a_plain_array_are_refused(store):
    """However it is written, inside a transform and outside, with the way round."""
    with pytest.raises(NotDifferentiableError):
        ag.grad(stored(store))(2.0)
    with pytest.raises(NotDifferentiableError):
        stored(store)(Value(2.0))


def test_a_deep_copy_outside_transforms_is_a_copy():
    """`copy.deepcopy(w)` is another variable there, of the same number."""
    w = Value(2.0, label="w")
    twin = copy.deepcopy(w)
    (twin * 3.0).backward()
    assert twin is not w and twin.grad == 3.0 and w.gradient is None and twin.label == "w"


def test_a_deep_copy_inside_a_transform_depends_on_what_was_copied():
    """The sum of a copied weight's squares and of the weight itself has slope 2w + 1."""
    f = lambda w: np.sum(copy.deepcopy(w) ** 2) + np.sum(w)
    np.testing.assert_array_equal(ag.grad(f)(np.array([1.0, 3.0])), [3.0, 7.0])
    outside = Value(5.0)
    slope = ag.grad(lambda x: copy.deepcopy(outside) * x)(2.0)
    assert isinstance(slope, Value) and ag.gradients(slope, outside) == 1.0


class Own(np.ndarray):
    """An array of a kind that isn't known here."""


@pytest.mark.parametrize("kind", [
    np.matrix, lambda a: np.ma.array(a, mask=np.zeros(np.shape(a))),
    lambda a: np.array(a).view(Own),
], ids=["matrix", "masked", "other"])
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_arrays_whose_operators_mean_something_else_are_refused_by_name(kind):
    """As arguments, as operands from both sides, and as what a Tensor is made of."""
    odd, x = kind([[1.0, 2.0], [3.0, 4.0]]), Tensor([[1.0, 2.0], [3.0, 4.0]])
    name = type(odd).__name__
    uses = [lambda: odd * x, lambda: x * odd, lambda: x @ odd, lambda: odd @ x, lambda: x - odd,
            lambda: np.multiply(odd, x), lambda: np.where(odd > 0, x, odd), lambda: Tensor(odd),
            lambda: ag.grad(np.sum)(odd), lambda: np.concatenate([x, odd])]
    for use in uses:
        with pytest.raises((DTypeError, TypeError), match=name):
            use()


@pytest.mark.parametrize(("attempt", "cure"), [
    (lambda t, v: np.array([v, v]), r"np\.stack\(\[\.\.\.\]\) instead of np\.array"),
    (lambda t, v: np.asarray(t), r"leave np\.asarray out"),
    (lambda t, v: np.ones((2, 2)).dot(t), "write X @ w, not X.dot"),
    (lambda t, v: Tensor([v, v]), r"instead of Tensor\("),
    (lambda t, v: Tensor([t, t]), r"instead of Tensor\("),
    (lambda t, v: np.dot([v, v], [1.0, 2.0]), r"a list of nodes with np\.stack"),
    (lambda t, v: np.full(3, v), r"ag\.full"),
    (lambda t, v: np.float64(v), r"\.data"),
], ids=range(8))
def test_each_mistake_with_arrays_names_its_own_cure(attempt, cure):
    """Ten mistakes lead to `__array__`; the message is about the one that was made, at its line."""
    with pytest.raises(NotDifferentiableError, match=r"test_detach\.py:\d+") as error:
        attempt(Tensor([1.0, 2.0]), Value(1.0))
    import re

    assert re.search(cure, str(error.value)), error.value


@pytest.mark.parametrize(("attempt", "here"), [
    (lambda: Value(1.0, requires_grad=True), "every node is a variable"),
    (lambda: Tensor([1.0], requires_grad=True), "every node is a variable"),
    (lambda: Tensor([1.0]).sum(dim=0), "axis="),
    (lambda: Tensor([1.0]).mean(keepdim=True), "keepdims="),
    (lambda: Tensor([1.0]).detach(), "stop_gradient"), (lambda: Value(1.0).numpy(), r"x\.data"),
    (lambda: Tensor([1.0]).unsqueeze(0), "expand_dims"), (lambda: Tensor([1.0]).view(1), "reshape"),
    (lambda: Value(1.0, label=3), "the label of a Value is a str"),
], ids=range(9))
def test_pytorchs_names_are_answered_with_the_name_here(attempt, here):
    """A constructor's keyword, a method and a method's keyword each name what does it here."""
    with pytest.raises((SpellingError, DTypeError), match=here):
        attempt()
    assert not hasattr(Value(1.0), "detach")


def test_strict_refuses_every_cut_and_no_comparison():
    """In the block float(v), .data, np.sign(v) are errors; x > 0 and stop_gradient aren't."""
    v = Value(2.0)
    with ag.strict():
        assert (v if v > 0 else -v) is v and ag.stop_gradient(v).op is not None
        for cut in (lambda: float(v), lambda: v.data, lambda: v.item(), lambda: np.sign(v),
                    lambda: v // 1, lambda: int(v)):
            with pytest.raises(NotDifferentiableError, match=r"test_detach\.py"):
                cut()
        (v * v).backward()
    assert v.grad == 4.0


def test_cut_report_lets_cuts_happen_and_names_them():
    """Inside `cut_report`, math.log(v) is no error, for the report is there to tell of it."""
    w = Value(2.0, label="w")
    report = str(ag.cut_report(lambda: Value(math.log(w)) * 2.0, [w]))
    assert "math.log(w)" in report


def test_cut_report_sees_what_is_cut_in_part():
    """A parameter that reaches the loss one way, and was cut another, is named with the place."""
    w, b = Value(2.0, label="w"), Value(1.0, label="b")
    report = ag.cut_report(lambda: w * w.data + b * (1.0 if w > 0 else 2.0) + np.sign(b), [w, b])
    assert list(report.partly) == ["w"] and report.reached == ["w", "b"] and not report.cut
    assert "w has a gradient, but numbers were taken" in str(report)


@pytest.mark.parametrize("function", sorted(CONSTANT, key=lambda f: f.__name__),
                         ids=lambda f: f.__name__)
def test_what_is_constant_by_nature_is_flat(function):
    """Between its jumps, a function listed as constant doesn't change with its argument."""
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tried = 0
        for x in (rng.uniform(0.55, 0.95, (3, 3)) + np.arange(3), rng.uniform(0.1, 0.4, 4)):
            for args in ((), (0.5 * x,), (np.array([0.3, 1.3]),), (0,), (1,)):
                try:
                    y = function(x, *args)
                    z = function(x * (1 + 1e-9), *[a * (1 + 1e-9) if isinstance(a, np.ndarray)
                                                   else a for a in args])
                except (TypeError, ValueError, IndexError, AttributeError):
                    continue
                if isinstance(y, str | np.dtype | type) or function is np.empty_like:
                    continue
                tried += 1
                np.testing.assert_array_equal(y, z)
        assert tried or function.__name__ in NOT_NUMERIC, function


NOT_NUMERIC = {"result_type", "common_type", "can_cast", "min_scalar_type", "array2string",
               "array_repr", "array_str", "empty_like", "unravel_index", "lexsort",
               "tril_indices_from", "triu_indices_from", "diag_indices_from"}


def test_no_grad_results_have_no_backward():
    """`backward()` of what was computed under `no_grad` says that nothing was recorded."""
    x = Value(2.0)
    with ag.no_grad():
        y = x * x
    with pytest.raises(GraphError, match="under no_grad"):
        y.backward()
    y = Value(1.0)
    y.backward()
    assert y.grad == 1.0


def test_an_interrupted_backward_leaves_all_gradients_as_they_were():
    """An error or Ctrl-C in any rule, after a first backward, changes no gradient anywhere."""
    fails = [False]

    def slope(y, x):
        if fails[0]:
            raise KeyboardInterrupt
        return 1.0

    risky = ag.elementwise(lambda x: x, lambda x: x, slope, name=f"risky {random.random()}")
    a, b = Value(2.0), Value(3.0)
    inner = risky(a) * b
    y = inner * inner + b
    y.backward()
    nodes = [a, b, inner, y, *inner.parents]
    before = [node.grad for node in nodes]
    fails[0] = True
    with pytest.raises(KeyboardInterrupt):
        y.backward()
    assert [node.grad for node in nodes] == before


def test_differentiating_in_threads_touches_no_switch_of_the_process():
    """The cyclic collector is on after many threads have differentiated, as it was before."""
    import gc

    assert gc.isenabled()
    x = np.linspace(0.0, 1.0, 50)
    threads = [threading.Thread(target=lambda: [ag.grad(lambda v: np.sum(np.sin(v)))(x)
                                                for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gc.isenabled()


def test_no_node_pays_for_names_that_it_has_not():
    """A node's class has no `__getattr__`, which would slow down every attribute; misspelt names
    are refused all the same, read or set, and an unknown one is Python's own AttributeError."""
    assert not hasattr(Value, "__getattr__")
    for node in (Value(1.0), Tensor([1.0])):
        for name in ("requires_grad", "unsqueeze"):
            assert not hasattr(node, name)
            with pytest.raises(SpellingError, match=f"has no .{name}"):
                getattr(node, name)
            with pytest.raises(SpellingError, match=f"has no .{name}"):
                setattr(node, name, True)
        with pytest.raises(AttributeError, match="nonsense"):
            _ = node.nonsense
