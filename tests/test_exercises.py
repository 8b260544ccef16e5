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
    right = {"w": "(1 - y**2) * x", "x": "(1 - y**2) * w", "b": "1 - y**2"}
    assert "∂y/∂w" in str(homework) and homework.check(**right).ok
    assert homework.check(**homework.solution()).ok
    report = homework.check(b="1 - (w*x + b)**2")
    assert report["b"].suspects[0].kind == "wrong-argument"
    assert "tanh(w*x + b)" in report.hint(3)
    assert ag.exercise("tanh(w*x + b)", seed=3).values == homework.values
    exact = f"{homework.solution()['w']:.17f}"  # a number, as one types it
    assert homework.check(w=exact)["w"].verdict == "right"
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
    with pytest.raises(ExpressionError, match="wrt is of x, not 'w'"):
        ag.exercise("x**2", wrt="w")
    with pytest.raises(ExpressionError, match="needs exercises"):
        worksheet([])


@pytest.mark.parametrize(("expression", "answer", "kind", "told"), [
    ("x**3", {"x": "2*x**2"}, "factor", "it is 2/3 times what it should be"),
    ("x**3", {"x": "x**4/4"}, "wrong-local-derivative", "that was integrated"),
    ("exp(2*x)", {"x": "2*exp(x)"}, "wrong-argument", "exp of x should be exp of 2 * x"),
    ("a*b**2", {"b": "2*a"}, "factor", "the factor b is missing"),
    ("a**2*b", {"a": "2*a*b + a**2"}, "extra-term", "the others are held fixed while a changes"),
    ("a*b**2", {"a": "2*a*b"}, "wrong-operand", "the derivative with respect to b"),
    ("tanh(w*x + b)", {"b": "(1 - y**2)*b"}, "factor", "the factor b is too much"),
    ("x*sin(x)", {"x": "sin(x) + cos(x)"}, "factor", "the factor x of cos(x) is missing"),
    ("x*sin(x)", {"x": "cos(x)"}, "wrong-local-derivative", "isn't the product of the derivatives"),
    ("x/(x**2 + 1)", {"x": "1/(2*x)"}, "wrong-local-derivative", "isn't the quotient of the"),
    ("x**2*cos(x)", {"x": "2*x*cos(x) + x**2*sin(x)"}, "sign", "wrong sign"),
    ("x**2 + sin(x)", {"x": "2*x"}, "missing-term", "comes through `sin(x)` is missing"),
    ("sin(x)**4", {"x": "4*sin(x)**4*cos(x)"}, "wrong-local-derivative", "exponent 4 should be 3"),
    ("x**2 + w", {"x": "2*x + 1"}, "extra-term", "held fixed"),
    ("exp(x) + w*x*u", {"x": "exp(x)"}, "missing-term", "the term w * u is missing"),
])
def test_a_wrong_answer_is_told_in_its_own_terms(expression, answer, kind, told):
    """One small change that makes it right is the mistake; nothing is said of how it is checked."""
    verdict = ag.exercise(expression).check(**answer)
    (entry,) = verdict.entries
    assert entry.verdict == "wrong" and entry.suspects[0].kind == kind
    assert told in verdict.hint(3)
    assert not re.search(r"\bsum\b|axis|n = ", str(verdict))
    if entry.suspects[0].fix.startswith(f"∂y/∂{entry.name} = "):
        corrected = entry.suspects[0].fix.partition(" = ")[2]
        assert ag.exercise(expression, wrt=entry.name).check(**{entry.name: corrected}).ok


@pytest.mark.parametrize(("expression", "answer"), [
    ("exp(20*x) + x", "20*exp(20*x)"), ("x**60 + x", "60*x**59"), ("x**100", "100*x**99 + 1"),
    ("exp(-50*x)", "-50*y + 1"), ("relu(x - 2)", "0*x"), ("clip(x, -2, 2)", "x/x"),
    ("exp(17*x) + x", "17*exp(17*x)"), ("x**2", "log(x)"), ("x**2", "x/0"), ("x - x", "1e-12"),
    ("x**2", "1.00e400"), ("x**2", "x**9**9"), ("x**2", "-" * 400 + "x"),
])
def test_what_is_right_only_somewhere_is_wrong(expression, answer):
    """A large slope at one number hides no mistake at another; nor does a number near 0."""
    verdict = ag.exercise(expression).check(x=answer)
    assert verdict.verdict == "wrong" and verdict.hint(3)


@pytest.mark.parametrize(("expression", "answer"), [
    ("1000*sin(x)", "248."), ("relu(x)", "1.0"), ("relu(x)", "step(x)"), ("x**3", "(5.23)"),
    ("-x**3", "- 5.23"), ("x*2.4997", 2.5), ("sqrt(x)", "1/(2*y)"), ("exp(500*x)", "500*y"),
    ("tanh(x)", "1/cosh(x)**2"), ("x**0.5", "0.5*x**-0.5"), ("x", "1"), ("1e200*x**2", "2e200*x"),
    ("log(cosh(x))", "tanh(x)"), ("x/(1 + abs(x))", "1/(1 + abs(x))**2"),
])
def test_right_answers_in_other_words(expression, answer):
    """However they are written, and without a warning."""
    assert ag.exercise(expression).check(x=answer).ok


def test_numbers_as_people_round_them():
    """Right to the three or more digits that are given is right; what is left out is said."""
    homework = ag.exercise("x**3 * w")
    exact = homework.solution()
    verdict = homework.check(x=round(exact["x"], 3), w=f"{exact['w']:.2f}")
    assert verdict.ok and "right to the digits given" in str(verdict)
    assert not homework.check(x=round(exact["x"], 3) + 0.001).ok
    assert "write 248.0" in ag.exercise("1000*sin(x)").check(x="248").hint(3)
    assert not homework.check(x=float(f"{exact['x']:.1e}"), w=exact["w"]).ok  # two digits
    part = homework.check(x="3*x**2*w")
    assert str(part) == "Right so far (x); not answered yet: w."
    assert not part.ok and part.verdict == "can't tell" and not part.as_dict()["ok"]
    assert ag.exercise("x**3 * w", wrt="x").check(x="3*x**2*w").verdict == "right"
    assert "Find ∂y/∂x: " in str(ag.exercise("x**3 * w", wrt="x"))
    assert "not answered yet: x" in str(homework.check(w="x"))
    shown = homework.check(w="3*x**2").text()
    assert re.search(r"w  +wrong  +x = -?\d\.\d+, w = -?\d\.\d+ ", shown)


@pytest.mark.parametrize(("answer", "advice"), [
    ("1 - tanh**2", r"write tanh\(…\)"), ("2x", r"as in 2\*x"),
    ("x(1 - x)", r"needs a \*: x \* \("),
    ("x²", r"a power is x\*\*2"), ("ln(x)", "here it is log"), ("x^2", r"write \*\*")])
def test_mathematics_that_is_no_formula_here(answer, advice):
    """What is written on paper is answered with what is written here."""
    with pytest.raises(ExpressionError, match=advice):
        ag.exercise("tanh(x)").check(x=answer)


def test_a_constant_is_written_with_its_digits():
    """A sheet asks for the exercise that was meant; of a single variable, too."""
    assert "0.666666666667" in ag.exercise("2/3*x").latex()
    assert "y = x" in ag.exercise("x").latex() and "∂y/∂x" in str(ag.exercise("x").derivation())
    assert "\\section*{a  b}" in worksheet([ag.exercise("x**2")], title="a\n\nb")
