"""Exercises: a derivation to do by hand, and what is said of the answers."""

from __future__ import annotations

import re

import pytest

import autograd_mini as ag
from autograd_mini.classroom import SUBJECTS, worksheet
from autograd_mini.classroom.bank import expression_for
from autograd_mini.errors import ArgumentError, ExpressionError


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


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_exercise_of_the_bank(subject):
    """Each template can be drawn, asked, answered, and derived, with any numbers: what its solution
    says is judged right, and what is printed of it is LaTeX whose braces close."""
    for difficulty, templates in enumerate(SUBJECTS[subject], 1):
        drawn = {expression_for(subject, difficulty, seed) for seed in range(40)}
        for template in templates:
            pattern = re.sub(r"\\\{[abn]\\\}", r"\\d", re.escape(template))
            like = sorted(e for e in drawn if re.fullmatch(pattern, e))
            assert like, f"{template} is never drawn"
            homework = ag.exercise(like[0], seed=5)
            solution = homework.solution()
            assert homework.check(**solution).ok
            told = str(homework.derivation())
            assert all(f"∂y/∂{name} = " in told for name in solution)
            for text in (homework.latex(), homework.latex(solution=True)):
                assert text.count("{") == text.count("}") and "None" not in text


def test_the_bank():
    """By subject and difficulty, the same for the same seed; a sheet of them is a document."""
    chosen = ag.exercise(subject="neurons", difficulty=2, seed=7)
    assert chosen.expression == ag.exercise(subject="neurons", difficulty=2, seed=7).expression
    assert len({ag.exercise(seed=seed).expression for seed in range(30)}) > 20
    sheet = [ag.exercise(subject="losses", seed=seed) for seed in range(3)]
    short = worksheet(sheet, title="Week 3: {50%} & more")
    long = worksheet(sheet, solutions=True)
    assert short.count(r"\item") == 3 and r"\section*{Week 3: \{50\%\} \& more}" in short
    assert short.startswith(r"\documentclass") and short.endswith("\\end{document}\n")
    assert r"\begin{align*}" not in short and long.count(r"\begin{align*}") == 3
    for wrong in ({"subject": "poetry"}, {"difficulty": 4}):
        with pytest.raises(ArgumentError, match=r"powers|1, 2 or 3"):
            ag.exercise(**wrong)
    with pytest.raises(ExpressionError, match="give no formula"):
        ag.exercise("x", subject="losses")
    with pytest.raises(ExpressionError, match="needs exercises"):
        worksheet([])
