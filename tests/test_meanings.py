"""What is written instead of a function without a row is chosen by meaning, and is right."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, primitive
from autograd_mini.errors import ExpressionError, NotDifferentiableError
from autograd_mini.numpy_api import meanings
from autograd_mini.numpy_api.catalog import CONSTANT
from autograd_mini.primitive import TABLE

scipy = pytest.importorskip("scipy.special", reason="the scipy extra isn't installed") and (
    __import__("scipy"))
UFUNCS = {name: f for name, f in vars(scipy.special).items() if isinstance(f, np.ufunc)}
NAMES = [name for names in meanings.GROUPS.values() for name in names.split()]


def point(name, parameters):
    """Numbers in the domain of all: small whole orders, probabilities, arguments in (0, 1)."""
    rng = np.random.default_rng(3)
    whole = {"n": 7, "k": 3} if name.startswith(("eval_", "expn", "bdtr", "nbdtr", "pdtr")) else {}
    low = -2.0 if name == "ndtri_exp" else 0.2
    return [whole.get(x, rng.uniform(low, low + 0.6)) for x in parameters]


def difference(f, xs, i):
    """∂f/∂xs[i] by a difference of sixth order, whose error is 1e-11 or so."""
    h = 1e-2 * abs(xs[i])
    at = lambda k: f(*[x + k * h if j == i else x for j, x in enumerate(xs)])
    return sum(w * (at(k) - at(-k)) for k, w in ((1, 45), (2, -9), (3, 1))) / (60 * h)


def first(y):
    """The first of several results."""
    return y[0] if isinstance(y, tuple) else y


# ── scipy.special ────────────────────────────────────────────────────────────────────────────


def test_each_function_of_scipy_special_is_known():
    """Every ufunc has a row, or is in the table of meanings, once; and nothing else is there."""
    _ = ag.special
    assert len(set(NAMES)) == len(NAMES)
    assert len(UFUNCS) > 200
    assert [n for n, f in UFUNCS.items() if f not in TABLE and n not in NAMES] == []
    assert [n for n in NAMES if UFUNCS.get(n) in TABLE] == []
    assert {*meanings.RULES, *meanings.COMPOSED} <= {*NAMES}
    assert not {*meanings.RULES} & {*meanings.COMPOSED}


@pytest.mark.parametrize("name", [n for n in NAMES if n in UFUNCS])
def test_the_refusal_says_what_the_function_is(name):
    """A node in it is refused with its meaning and a cure."""
    f = UFUNCS[name]
    kind, cure = meanings.instead(name)
    for node in (Value(0.5), Tensor([0.5])):
        with pytest.raises(NotDifferentiableError) as info:
            f(*[node] * f.nin)
        assert str(info.value) == (
            f"scipy.special.{name} isn't differentiable here: it is {kind}; {cure}")


@pytest.mark.parametrize("name", [n for n in NAMES if meanings.rule(n)])
def test_the_rule_that_is_proposed_is_the_derivative(name, monkeypatch):
    """The line as it stands in the message runs, and its slopes agree with differences to 1e-7."""
    monkeypatch.setattr(primitive, "PRIMITIVES", dict(primitive.PRIMITIVES))
    code = meanings.rule(name)
    namespace = {"ag": ag, "np": np, "scipy": scipy}
    exec(code, namespace)
    row = namespace[code.split(" ")[0]]
    plain = UFUNCS[name]
    slopes = [i for i, slope in enumerate(row.slopes) if not hasattr(slope, "__wrapped__")]
    xs = point(name, [*inspect.signature(row).parameters])
    assert slopes
    for i in range(plain.nin):
        if i not in slopes:
            with pytest.raises(NotDifferentiableError, match=f"by its argument {i}"):
                ag.grad(row, i)(*xs)
            continue
        expected = difference(lambda *xs: first(plain(*xs)), xs, i)
        assert ag.grad(row, i)(*xs) == pytest.approx(expected, rel=1e-7), (name, i)


@pytest.mark.parametrize("name", meanings.COMPOSED)
def test_the_composition_that_is_proposed_is_the_function(name):
    """The expression gives the function's numbers, and on nodes a gradient in its last argument."""
    arguments, code = meanings.COMPOSED[name]
    names = arguments.split(", ")
    f = eval(f"lambda {arguments}: {code}", {"ag": ag, "np": np, "scipy": scipy})
    xs = point(name, names)
    expected = UFUNCS[name](*xs)
    assert np.real(expected) == pytest.approx(f(*xs), rel=1e-9)
    i = len(names) - 1
    slope = ag.grad(f, i)(*xs)
    assert slope == pytest.approx(np.real(difference(UFUNCS[name], xs, i)), rel=1e-6)


def test_each_cure_names_what_is_there():
    """Functions of NumPy, SciPy and ours in the answers exist."""
    for name in NAMES:
        cure = meanings.instead(name)[1]
        assert cure
        for path in re.findall(r"\b(?:ag|np|scipy)\.[\w.]*\w", cure):
            thing = {"ag": ag, "np": np, "scipy": scipy}[path.split(".")[0]]
            for part in path.split(".")[1:]:
                thing = getattr(thing, part)


@pytest.mark.parametrize(("name", "near"), [
    ("stdtrit", "std"), ("exp1", "expm1"), ("spence", "sinc"), ("exprel", "exp"),
])
def test_nothing_is_proposed_for_the_sake_of_its_spelling(name, near):
    """The names that look alike mean other things, and aren't in the answers."""
    for attempt in (lambda: UFUNCS[name](*[Value(0.5)] * UFUNCS[name].nin),
                    lambda: ag.convention(f"scipy.special.{name}"), lambda: ag.convention(name)):
        with pytest.raises(NotDifferentiableError) as info:
            attempt()
        assert not re.search(rf"\b{near}\b", str(info.value))


def test_a_formula_proposes_no_other_function():
    """A name that means something elsewhere isn't taken for a misspelt one; a misspelt one is."""
    for name in ("exp1", "stdtrit", "gcd"):
        with pytest.raises(ExpressionError, match=f"no function '{name}'; known: ") as info:
            ag.exercise(f"{name}(x)")
        assert "did you mean" not in str(info.value)
    with pytest.raises(ExpressionError, match="did you mean tanh"):
        ag.exercise("tanhh(x)")
    with pytest.raises(NotDifferentiableError, match="did you mean 'tanh'"):
        ag.convention("tanhh")


# ── NumPy's other rooms ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("attempt", "words"), [
    (np.emath.sqrt, r"complex outside its domain; use NumPy's function of that name"),
    (np.fft.fft, "a matrix product with cosines"), (np.fft.fftshift, "np.roll"),
    (np.fft.ifftshift, "np.roll"), (np.char.upper, r"text or records; pass x\.data|take x\.data"),
    (lambda x: np.lib.stride_tricks.as_strided(x, (2,), (8,)), "plain array"),
    (lambda x: np.polynomial.polynomial.polyval2d(x, x, np.eye(2)), "np.polyval|plain array"),
])
def test_other_rooms_of_numpy(attempt, words):
    """np.emath, np.fft, np.char … each have their reason.

    NumPy 2.0 doesn't ask a node before it makes an array of it in np.char and np.polynomial.
    """
    with pytest.raises(NotDifferentiableError, match=words):
        attempt(Tensor([1.0, 2.0, 3.0]))


def test_what_is_proposed_for_the_rooms_is_right():
    """Shifts are rolls, and windows to be written to are an index."""
    for n in (4, 5):
        x = np.arange(float(n))
        assert np.fft.fftshift(x).tolist() == np.roll(x, n // 2).tolist()
        assert np.fft.ifftshift(x).tolist() == np.roll(x, -(n // 2)).tolist()
        windows = x[np.arange(n - 3 + 1)[:, None] + np.arange(3)]
        assert windows.tolist() == np.lib.stride_tricks.sliding_window_view(x, 3).tolist()


def test_a_function_of_no_class_has_an_answer():
    """A ufunc of the user's own is told how to state its rule; nothing else is proposed."""
    odd = np.frompyfunc(lambda x: x + 1, 1, 1)
    with pytest.raises(NotDifferentiableError, match=r"has no class: compose .* ag.elementwise"):
        odd(Value(1.0))
    assert np.sign in CONSTANT
