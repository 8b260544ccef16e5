"""The gradient's own code is edited and run again, and nothing outside of it changes."""

from __future__ import annotations

import numpy as np

import autograd_mini as ag


def test_functions_that_do_more_than_compute_are_not_run_again(tmp_path):
    """A gradient that counts, prints or writes is called once, and never edited."""
    calls = []

    def counting(x):
        calls.append(1)
        print("computing")
        return 3 * x

    report = ag.check_gradient(lambda x: np.sum(x**2), counting, np.array([1.0, 2.0, 3.0]))
    assert report["x"].suspects[0].kind == "factor" and len(calls) == 1
    marked = tmp_path / "precious.txt"
    marked.write_text("kept")

    def deleting(x):
        k = 0
        if (tmp_path / f"precious{k}.txt").exists():
            (tmp_path / "precious.txt").unlink()
        return 3.3 * x

    ag.check_gradient(lambda x: np.sum(x**2), deleting, np.array([1.0, 2.0, 3.0]))
    assert marked.read_text(encoding="utf-8") == "kept"


STATE = {"n": 0}


def test_edits_do_not_reach_what_is_around():
    """What a gradient keeps outside is changed by its own call only, and a long loop ends."""

    def keeping(x):
        STATE["n"] = STATE["n"] + 1
        n = 3
        total = 0.0
        for _ in range(10 ** n):
            total = total + 1.0
        return 3.3 * x

    report = ag.check_gradient(lambda x: np.sum(x**2), keeping, np.array([1.0, 2.0, 3.0]))
    assert report.verdict == "wrong" and STATE == {"n": 1}


def test_nothing_that_is_given_is_changed():
    """Keyword arguments, Tensors and Values are handed on as copies of plain numbers."""
    lam = np.array([1.0, 2.0, 3.0])

    def doubling(w, *, lam):
        d = 2 * w * lam
        lam *= 2
        return d

    assert ag.check_gradient(lambda w, *, lam: np.sum(lam * w**2), doubling, np.ones(3),
                             lam=lam).ok
    assert lam.tolist() == [1.0, 2.0, 3.0]
    assert ag.check_gradient(lambda w: np.sum(w**2), lambda w: 2 * w, ag.Tensor([1.0, 2.0])).ok
    assert ag.check_gradient(lambda w: w**2, lambda w: 2 * w, ag.Value(2.0)).ok
