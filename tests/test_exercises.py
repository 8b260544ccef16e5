"""Exercises: a derivation to do by hand, and what is said of the answers."""

from __future__ import annotations

import pytest

import autograd_mini as ag
from autograd_mini.errors import ExpressionError


def test_an_exercise():
    """Answers as formulas or numbers; a wrong one is explained in the formula's terms."""
    homework = ag.exercise("tanh(w*x + b)", seed=3)
    assert "∂y/∂w" in str(homework) and homework.check(w="(1 - y**2) * x", b="1 - y**2").ok
    assert homework.check(**homework.solution()).ok
    report = homework.check(b="1 - (w*x + b)**2")
    assert report["b"].suspects[0].kind == "wrong-argument"
    assert "tanh(w*x + b)" in report.hint(3)
    assert ag.exercise("tanh(w*x + b)", seed=3).values == homework.values
    assert homework.check(w=f"{homework.solution()['w']:.17f}").ok  # a number, as one types it
    assert ag.exercise("abs(x)").check(x="1").verdict == "wrong"  # it is tried at x < 0 too


@pytest.mark.parametrize(("make", "message"), [
    (lambda: ag.exercise("2 + 3"), "no variable"),
    (lambda: ag.exercise("x +"), "not a formula"),
    (lambda: ag.exercise("log(x - 5)"), "isn't finite"),
    (lambda: ag.exercise("x*w").check(v="1"), "not v"),
    (lambda: ag.exercise("x*w").check(), "by name"),
    (lambda: ag.exercise("x*w").check(x="q"), "'q' has no value"),
])
def test_exercises_that_cannot_be(make, message):
    """Bad formulas and answers are said to be that."""
    with pytest.raises(ExpressionError, match=message):
        make()
