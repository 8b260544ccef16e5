"""Reports travel: between processes, into files, through copies; and say the same afterwards."""

from __future__ import annotations

import concurrent.futures
import copy
import json
import multiprocessing
import pickle

import numpy as np
import pytest
from two_layers import MLP, WRT, by_hand, edited, mlp

import autograd_mini as ag
from autograd_mini.errors import GradientError

X = np.array([[0.3, -0.2], [0.7, 0.4], [1.1, -0.6]])
W, V = np.array([[0.5, -1.0], [0.2, 0.8]]), np.array([0.3, 0.9])


def loss(W, V):
    h = np.tanh(X @ W)
    return np.sum((h @ V) ** 2) / 3


def gradients(W, V):
    h = np.tanh(X @ W)
    d = 2 * (h @ V) / 3
    return X.T @ (np.outer(d, V) * (1 - h**2)), h.T @ d


def stopped(W, V):
    return float(np.sum(W)) * np.sum(V)


def chain(wrong):
    w = ag.Tensor([0.5, -1.0], label="w")
    z = w * np.array([1.0, 2.0])
    y = np.tanh(z)
    total = np.sum(y**2)
    da = 2 * y.data
    dz = da * (1 - (z if wrong else y).data ** 2)
    return ag.check_chain(total, da=(y, da), dz=(z, dz), dw=(w, dz * np.array([1.0, 2.0])))


RIGHT = gradients(W, V)
REPORTS = {
    "right": lambda: ag.check_gradient(loss, gradients, W, V, wrt=("W", "V")),
    "a sign": lambda: ag.check_gradient(loss, (-RIGHT[0], RIGHT[1]), W, V),
    "a derivative": lambda: ag.check_gradient(loss, (X.T @ np.outer(
        2 * np.tanh(X @ W) @ V / 3, V), RIGHT[1]), W, V),
    "a shape": lambda: ag.check_gradient(loss, (RIGHT[0][None], RIGHT[1]), W, V),
    "a part": lambda: ag.check_gradient(loss, (RIGHT[0] * [[1.0, 1.0], [1.0, 1.5]], V), W, V),
    "nothing known": lambda: ag.check_gradient(
        loss, (np.array([[0.1, 0.7], [0.2, 0.9]]), V**3 + 1), W, V),
    "nan": lambda: ag.check_gradient(loss, (RIGHT[0] * np.nan, RIGHT[1]), W, V),
    "can't tell": lambda: ag.check_gradient(lambda x: np.sum(x) * np.nan, 2 * V, V),
    "a kink": lambda: ag.check_gradient(lambda x: np.sum(np.abs(x)), np.zeros(2), np.zeros(2)),
    "a right chain": lambda: chain(wrong=False),
    "a wrong chain": lambda: chain(wrong=True),
}


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_is_the_same_after_a_round_trip(kind):
    """Every kind of verdict, pickled or copied deeply, prints, hints and lists as before."""
    report = REPORTS[kind]()
    for again in (pickle.loads(pickle.dumps(report)), copy.deepcopy(report), copy.copy(report)):
        assert type(again) is type(report) and str(again) == str(report)
        assert json.dumps(again.as_dict()) == json.dumps(report.as_dict())
        assert [again.hint(k) for k in (1, 2, 3, 4)] == [report.hint(k) for k in (1, 2, 3, 4)]
        assert repr([e.suspects for e in again]) == repr([e.suspects for e in report])
        assert again.verdict == report.verdict and again.ok == report.ok


def check(sign):
    return ag.check_gradient(loss, (sign * RIGHT[0], RIGHT[1]), W, V)


@pytest.mark.slow  # it starts processes
def test_checks_over_processes():
    """A wrong gradient's report comes back from another process as it was made there."""
    with concurrent.futures.ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn")) as pool:
        wrong, right = pool.map(check, [-1.0, 1.0])
    assert str(wrong) == str(check(-1.0)) and wrong.verdict == "wrong" and right.ok


def test_the_error_of_a_wrong_gradient_travels_too():
    """The exception of assert_gradient carries the report as its text through a pickle."""
    with pytest.raises(GradientError) as caught:
        ag.assert_gradient(loss, (-RIGHT[0], RIGHT[1]), W, V)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is GradientError and str(again) == str(caught.value)


def test_hints():
    """From where to what to the corrected line; nothing about what is right."""
    report = ag.check_gradient(mlp, edited({"1 - h ** 2": "1 - z ** 2"}), *MLP, wrt=WRT)
    assert "np.tanh(z)" in report.hint(1) and "derivative was evaluated" in report.hint(2)
    assert "before the tanh" in report.hint(3) and report.hint(4).endswith("(1 - h ** 2)")
    assert "W2" not in report.hint(3)
    with pytest.raises(ValueError, match="level 1 to 5"):
        report.hint(6)
    assert "right" in ag.check_gradient(mlp, by_hand, *MLP, wrt=WRT).hint(1)


def test_reports_for_programs_notebooks_and_terminals():
    """JSON, HTML with escapes, colours; the kinds are those of the enumeration."""
    report = ag.check_gradient(mlp, edited({"/ len(X)": ""}), *MLP, wrt=WRT)
    told = json.loads(json.dumps(report.as_dict()))
    assert told["verdict"] == "wrong" and told["entries"][0]["suspects"][0]["kind"] in ag.KINDS
    html = report._repr_html_()
    assert 'color:#e0483e">The gradient is wrong' in html and "<table>" in html
    assert "<code>" in html and "<script" not in html
    strange = ag.check_gradient(lambda x: np.sum(x**2), lambda x: {"<b>": x}, np.ones(2))
    assert "<b>" not in strange._repr_html_()
    assert "\033[31mwrong\033[0m" in report.text(colour=True) and "\033" not in str(report)


def test_short_representations():
    """A report, an entry and a suspect show themselves in a line; suspects come each once."""
    report = ag.check_gradient(mlp, edited({"/ len(X)": ""}), *MLP, wrt=WRT)
    assert repr(report).startswith("<Report wrong: W1, b1")
    assert repr(report["W1"]) == "<Entry W1: wrong (factor)>"
    assert report.suspects[0] in report["W1"].suspects
    assert repr(report.suspects[0]).startswith("<Suspect factor: ")
    messages = [s.message for s in report.suspects]
    assert len(messages) == len(set(messages)) > 0


def test_the_line_of_a_cell():
    """In a notebook a place is a cell and a line; the file name of a cell means nothing to anyone.
    """
    from autograd_mini.places import located

    assert located("/a/mine.py", 3) == "mine.py:3"
    assert located("<ipython-input-13-0a1b2c>", 3) == "In [13], line 3"


def test_an_assertion_that_fails_has_a_short_traceback():
    """The line of the test comes first, and one of the library's after it."""
    import traceback

    try:
        ag.assert_gradient(lambda w: np.sum(w**2), lambda w: w, np.ones(2))
    except ag.errors.GradientError as error:
        frames = traceback.extract_tb(error.__traceback__)
    assert [f.name for f in frames] == [
        "test_an_assertion_that_fails_has_a_short_traceback", "assert_gradient"]


def test_a_gradient_without_source():
    """What was typed or made by exec has no lines; the note says so."""
    space = {"np": np}
    exec("def gradient(w):\n    return w\n", space)
    report = ag.check_gradient(lambda w: np.sum(w**2), space["gradient"], np.ones(2))
    assert any("the source of gradient isn't there" in note for note in report.notes)


def test_the_last_hint_is_the_whole_backward_pass():
    """Printed as code, which is right where the claim is wrong; or why it can't be."""
    x = np.array([0.5, -1.0])
    report = ag.check_gradient(lambda x: np.sum(np.tanh(x) ** 2), lambda x: 2 * np.tanh(x), x)
    code = report.hint(5)
    space = {}
    exec(code, space)
    _, (dx,) = space["f_and_gradient"](x)
    assert ag.check_gradient(lambda x: np.sum(np.tanh(x) ** 2), lambda x: dx, x).ok
    nuclear = ag.check_gradient(lambda m: np.linalg.norm(m, "nuc"), np.ones((2, 2)), np.eye(2) + 1)
    assert "can't be printed: svdvals" in nuclear.hint(5)
    by_name = ag.check_gradient(lambda *, x: np.sum(x**2), lambda *, x: x, x=x)
    assert "by position" in by_name.hint(5)
    several = ag.check_gradient(lambda *a: np.sum(a[0] * a[1]), lambda *a: (a[1], a[0]), x, x)
    assert "def f_and_gradient(x1, x2):" in several.hint(5)
    branches = ag.check_gradient(lambda w: np.sum(w**2) if w[0] > 0 else np.sum(w**3),
                                 lambda w: 2 * w, w := np.ones(2))
    w[:] = -1.0  # after the check
    assert "w ** 2" in branches.hint(5) and "w ** 3" not in branches.hint(5)
    assert "no code to show" in pickle.loads(pickle.dumps(report)).hint(5)
    with pytest.raises(ValueError, match="level 1 to 5"):
        report.hint(6)
