"""A Value: one float, micrograd's names, and a gradient that says when it was not computed."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import DTypeError, NotComputedWarning
from autograd_mini.not_computed import not_computed


@pytest.mark.parametrize("bad", [1j, "2", None, [1.0], np.ones(2), Value(1.0)])
def test_a_value_holds_one_real_number(bad):
    """A Value refuses all but one real number, and the message says what it was given."""
    with pytest.raises(DTypeError, match="a Value holds one real number"):
        Value(bad)


def test_division_by_zero_of_values_is_ieee():
    """Where Python raises, a Value has IEEE 754's answer and NumPy's warning."""
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert (Value(1.0) / 0.0).data == math.inf
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert ag.exp(Value(1000.0)).data == math.inf


def test_small_integers_beside_a_value_are_doubles():
    """A Value is a float64, whatever the array beside it."""
    assert (Value(3e8) + np.array([1], np.int8) - 3e8).data.tolist() == [1.0]
    assert np.isfinite((Value(1e39) * np.array([1], np.uint8)).data).all()
    assert (Tensor(np.ones(2, np.float32)) * np.array([3, 4], np.uint8)).dtype == np.float32


def test_a_sum_of_values_and_arrays_is_refused():
    """A sum of a list of Values refuses an array among them, which would be broadcast."""
    with pytest.raises(ag.errors.NotDifferentiableError):
        ag.sum([Value(1.0), Tensor([1.0, 2.0])])


def test_lecture_draw_dot_runs_unchanged():
    """The lecture's trace() walks our nodes by _prev and reads _op, label, data and grad."""

    def trace(root):
        nodes, edges = set(), set()

        def build(v):
            if v not in nodes:
                nodes.add(v)
                for child in v._prev:
                    edges.add((child, v))
                    build(child)

        build(root)
        return nodes, edges

    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    e = a * b
    e.label = "e"
    d = (e + 10.0).tanh()
    for backward in (False, True):
        if backward:
            d.backward()
        nodes, edges = trace(d)
        text = ["{ %s | data %.4f | grad %.4f } %s" % (n.label, n.data, n.grad, n._op)
                for n in nodes]
        assert len(nodes) == 5 and len(edges) == 4
        assert sorted(n._op for n in nodes) == ["", "", "*", "+", "tanh"]
    assert any("grad 0.0013" in line for line in text)


# ── a gradient that was not computed ─────────────────────────────────────────────────────────


def test_a_gradient_not_computed_says_so():
    """Before backward a gradient prints as "not computed", equals 0, and formats as 0.0000."""
    v = Value(1.0)
    assert repr(v) == "Value(data=1.0, grad=not computed)" and str(v.grad) == f"{v.grad}"
    assert "%.4f" % v.grad == f"{v.grad:.4f}" == "0.0000" and v.grad == 0 and not v.grad
    assert v.grad is not_computed and v.grad == v.grad and v.grad != 1.0
    assert Tensor([1.0]).grad is None


@pytest.mark.parametrize(("use", "expected"), [
    (lambda g: 0.1 * g, 0.0), (lambda g: np.float64(2) * g, 0.0), (lambda g: g + 1, 1.0),
    (lambda g: -g, 0.0), (lambda g: g < 1, True), (float, 0.0), (int, 0), (abs, 0.0),
    (np.asarray, 0.0), (np.exp, 1.0), (lambda g: 3.0 - g, 3.0), (lambda g: g - g, 0.0),
    (lambda g: max(g, 2.0), 2.0), (lambda g: round(g, 2), 0.0), (lambda g: math.sqrt(g), 0.0),
], ids=str)
def test_a_gradient_not_computed_counts_as_zero_with_a_warning(use, expected):
    """As a number a gradient that was not computed is 0, and the warning names what to do, at the
    line that used it."""
    with pytest.warns(NotComputedWarning, match="was not computed") as found:
        assert use(Value(1.0).grad) == expected
    assert all(w.filename == __file__ for w in found)


def test_the_lectures_update_before_any_backward_runs():
    """`a.data += 0.01 * a.grad` changes nothing before a backward, and warns once for its line."""
    a = Value(2.0)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(3):
            a.data += 0.01 * a.grad
    assert a.data == 2.0 and len(found) == 1
    a.grad = 0.5
    a.data += 0.01 * a.grad
    assert a.data == 2.005
