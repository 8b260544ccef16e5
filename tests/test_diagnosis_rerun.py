"""A gradient's function is run again only if it provably computes, and nothing outside changes."""

from __future__ import annotations

import os
import sys
import threading
import warnings

import numpy as np
import pytest
from side_effects import FILE, KINDS, helper, note

import autograd_mini as ag
from autograd_mini.verify.diagnosis.rerun import World
from autograd_mini.verify.diagnosis.written import Unprovable, written


@pytest.fixture
def runs():
    """How many runs have left a line in the file; asked, it begins anew."""
    def counted():
        count = 0
        if os.path.exists(FILE):
            with open(FILE, "rb") as file:
                count = file.read().count(b"run\n")
            os.remove(FILE)
        return count

    counted()
    yield counted
    counted()


LOSS = lambda x: np.sum(x**2)
X = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("gradient", KINDS, ids=lambda f: f.__name__)
def test_what_may_do_more_is_run_once(gradient, runs):
    """Whatever way a side effect hides behind, the search for the mistake doesn't repeat it."""
    gradient(X.copy())
    once = runs()
    assert ag.check_gradient(LOSS, gradient, X).verdict == "wrong"
    assert runs() == once >= 1


def test_methods_of_objects_with_side_effects(runs):
    """A method as the gradient, of an instance or of a class, is run once too."""
    class Net:
        def __init__(self):
            self.hook = helper

        def gradient(self, x):
            return self.hook.method() * x

        @classmethod
        def of_class(cls, x):
            return note() * x

        @staticmethod
        def alone(x):
            return note() * x

        def __call__(self, x):
            return note() * x

    for gradient in (Net().gradient, Net.of_class, Net.alone, Net()):
        assert ag.check_gradient(LOSS, gradient, X).verdict == "wrong"
        assert runs() == 1


def test_a_source_that_is_not_what_runs(runs, tmp_path):
    """A file that was changed after its import isn't run as it is now."""
    path = tmp_path / "changed.py"
    path.write_text("def gradient(x):\n    return 3.3 * x\n")
    space = {"note": note}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    path.write_text("def gradient(x):\n    return note() * x\n")
    with pytest.raises(Unprovable, match="isn't what runs"):
        written(space["gradient"])
    ag.check_gradient(LOSS, space["gradient"], X)
    assert runs() == 0


# ── what only computes is run again ──────────────────────────────────────────────────────────

SCALE = np.array([2.0, 2.0, 2.0])
SEEN: list[float] = []


def doubled(x):
    return x + x


square_slope = lambda x: doubled(x)


class Line:
    """A class that only computes, with state of its own."""

    power = 2

    def __init__(self, scale):
        self.scale = scale
        self.cache = {}

    def forward(self, x):
        self.cache["x"] = x
        return self.scale * x

    @property
    def slope(self):
        return self.scale

    def gradient(self, x):
        self.forward(x)
        self.scale += 0.0
        return self.cache["x"] - self.scale * 0


def with_a_function(x):
    return square_slope(x) / 2


def with_a_global(x):
    return SCALE * x / 4


def with_a_class(x):
    line = Line(2.0)
    y = line.forward(x) / 4
    return y * line.slope / 2 * line.power


def with_a_default(x, *, f=doubled, scale=SCALE):
    return f(x) / scale


def with_numpy(x):
    f = np.vectorize(lambda v: 1.0 * v)
    y = np.zeros_like(x)
    np.add.at(y, [0, 1, 2], f(x))
    print("computed", y)
    return y


def with_a_comprehension(x):
    return np.array([v + w for v, w in zip(x, list(map(np.negative, x)), strict=True)]) + x


@pytest.mark.parametrize("gradient", [with_a_function, with_a_global, with_a_class, with_a_default,
                                      with_numpy, with_a_comprehension, Line(1.0).gradient],
                         ids=lambda f: f.__name__)
def test_what_only_computes_is_run_again(gradient, capsys):
    """The line to change is found in functions that call functions, make objects, use defaults."""
    scale, state = SCALE.copy(), dict(vars(getattr(gradient, "__self__", Line(1.0))))
    report = ag.check_gradient(LOSS, gradient, X)
    first = report["x"].suspects[0]
    assert first.line.startswith("test_diagnosis_rerun.py:") and first.fix, str(report)
    assert (scale == SCALE).all() and capsys.readouterr().out.count("computed") <= 1
    if hasattr(gradient, "__self__"):
        assert gradient.__self__.scale == state["scale"]


def test_a_world_is_made_of_copies():
    """What a program changes in its world doesn't change outside, whatever way it takes."""
    held = {"list": [1.0], "array": np.ones(2)}

    def program(x):
        inside = held["list"]
        inside.append(2.0)
        x += 1.0
        return held

    args = [np.zeros(2)]
    world = World(program, args, {})
    assert world.ready({}, {})()["list"] == [1.0, 2.0] == world.ready({}, {})()["list"]
    assert held["list"] == [1.0] and not args[0].any()
    with pytest.raises(ValueError, match="read-only"):
        world.ready({}, {})()["array"][0] = 2.0


# ── nothing of the process is switched ───────────────────────────────────────────────────────


def test_checks_in_threads_leave_the_process_as_it_is(capsys):
    """After wrong gradients in several threads, output, warnings and NumPy's errors are as before.
    """
    out, err, filters = sys.stdout, sys.stderr, list(warnings.filters)
    errors, trace, verdicts = np.geterr(), sys.gettrace(), []

    def check(k):
        for _ in range(3):
            verdicts.append(ag.check_gradient(LOSS, with_numpy, X + k).verdict)

    threads = [threading.Thread(target=check, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == ["wrong"] * 12
    assert sys.stdout is out and sys.stderr is err and warnings.filters == filters
    assert np.geterr() == errors and sys.gettrace() is trace
    assert capsys.readouterr().out.count("computed") == 12  # once for each call of the check itself


def test_the_same_call_names_the_same_mistake_however_slow(monkeypatch):
    """What is named doesn't depend on a clock: one that jumps by an hour changes nothing."""
    import time

    plain = str(ag.check_gradient(LOSS, with_a_class, X))
    for name in ("process_time", "perf_counter", "monotonic", "time", "thread_time"):
        now = iter(range(0, 10**12, 3600))
        monkeypatch.setattr(time, name, lambda now=now: float(next(now)))
    assert str(ag.check_gradient(LOSS, with_a_class, X)) == plain
