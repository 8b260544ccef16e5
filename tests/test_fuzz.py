"""The fuzzer: it finds what is wrong, makes it small, and has no false alarms."""

from __future__ import annotations

import math
import random
import sys

import numpy as np
import pytest
from fuzz import __main__ as command, compiled
from fuzz.judge import judge
from fuzz.modes import MODES, Mode
from fuzz.oracle import central, kinks_along, one_sided, settle
from fuzz.programs import Outcome, Program, Skipped, Wrong
from fuzz.running import program_of, run
from fuzz.shrink import _candidates, shrink

import autograd_mini as ag

# mode: its seed, how many programs, checks left out
QUICK = {"arrays": (1, 25, ("torch", "float32")), "values": (0, 60, ("kind", "backward")),
         "compiled": (4, 15, ()), "written": (0, 150, ())}


def outcome_of(mode, body, args, **rest):
    """What the fuzzer says of one program."""
    checks = {name: check for name, check in MODES[mode].checks.items() if name != "torch"}
    return judge(Program(body, args, **rest), MODES[mode].prepare, checks)


def values(body, **args):
    """What it says of a program on floats whose result is the expression `body`."""
    return outcome_of("values", f"def f({', '.join(args)}):\n    return {body}\n", args)


@pytest.mark.slow  # dozens of programs, each with all its checks
@pytest.mark.parametrize("mode", QUICK)
def test_a_few_programs_of_each_mode_are_right(mode):
    """The first programs of a fixed seed give no wrong answer, and many a right one."""
    seed, programs, without = QUICK[mode]
    tally = run(mode, seed, programs, without=without)
    assert [failure.text for failure in tally.failures] == []
    assert tally.counts["right"] >= programs / 3  # others are refused


def test_a_few_programs_of_plain_code_are_right():
    """Buffers, views, in-place writes and state: none is wrong, and hardly one refused."""
    tally = run("written", 1, 25)
    assert [failure.text for failure in tally.failures] == []
    assert tally.counts["right"] >= 22


def test_a_seed_gives_the_same_programs():
    """A program depends on the seed and its number, not on what was made before it."""
    for mode in MODES.values():
        texts = [program_of(mode, 5, n).text() for n in (3, 4, 3)]
        assert texts[0] == texts[2] != texts[1]
        assert program_of(mode, 6, 3).text() != texts[0]


# ── what is wrong is found ───────────────────────────────────────────────────────────────────


def plant_wrong_slope(monkeypatch):
    """ag.softsign with the right value and a slope that is 1 % off below 0."""
    def slope(y, x):
        return (1 + 0.01 * (ag.maximum(-x, 0.0) > 0)) / (1 + ag.abs(x)) ** 2

    wrong = ag.elementwise(lambda x: x / (1 + np.abs(x)), lambda x: x / (1 + math.fabs(x)), slope,
                           name="wrong")
    monkeypatch.setattr(ag, "softsign", wrong)


@pytest.mark.parametrize(("mode", "seed"), [("arrays", 1), ("values", 1)])
def test_a_wrong_slope_is_found_and_made_small(mode, seed, monkeypatch):
    """A slope that is 1 % off in half of its domain is found, and shown in two statements."""
    plant_wrong_slope(monkeypatch)
    monkeypatch.setattr(sys.modules["fuzz.arrays"], "TEMPLATES", {
        **sys.modules["fuzz.arrays"].TEMPLATES, "reductions": ["ag.softsign({a})"]})
    monkeypatch.setattr(sys.modules["fuzz.values"], "TEMPLATES", [
        *sys.modules["fuzz.values"].TEMPLATES[:20], "ag.softsign({a})"])
    for first in range(40):
        tally = run(mode, seed, 1, first=first, without=("torch", "float32"))
        found = [f for f in tally.failures if "softsign" in f.program.body]
        if found:
            break
    small = found[0].small
    assert found[0].shown.check == "gradient"
    assert "softsign" in small.body and small.size[0] <= 3, small.body


@pytest.mark.slow  # programs are compiled until it is found
def test_a_frozen_branch_is_found_in_programs():
    """A function that looks at a number without a word gives a program that is wrong."""
    body = ("def f(x):\n    a = ag.tanh(x)\n    b = ag.where(a.value > 0 if isinstance(a, ag.Node) "
            "else a > 0, a, 2.0 * a)\n    return b + 1.0\n")
    found = outcome_of("compiled", body, {"x": 0.7})
    assert found.kind == "wrong" and found.check.startswith("compiled")


def test_a_cut_is_found():
    """A constant in place of a node has slope 0, which differences deny."""
    found = values("x * 1.0 if not isinstance(x, ag.Node) else x.value", x=0.7)
    assert (found.kind, found.check) == ("wrong", "gradient")
    assert found.expected == pytest.approx(1.0)


def plant_copied_views(monkeypatch):
    """A view that doesn't write through to the array that it is a view of."""
    from autograd_mini.standins import buffers

    monkeypatch.setattr(buffers.Buffer, "looking", lambda self, view, way: buffers.as_buffer(
        np.array(view)))


def plant_forgotten_stores(monkeypatch):
    """A store of a node of which no note is made: the number is right, its slope is lost."""
    from autograd_mini.standins import memory

    notes = memory.Memory.notes
    monkeypatch.setattr(memory.Memory, "notes", lambda self, view: notes(self, view) if (
        view.ndim == 1 and view.strides[0] > 0) else tuple(map(np.copy, notes(self, view))))


def plant_stale_reads(monkeypatch):
    """What was read before a write of plain numbers is read again after it."""
    from autograd_mini.standins import buffers

    def writable(self):
        self.memory.own()
        return self.array

    monkeypatch.setattr(buffers.Buffer, "writable", writable)


def plant_cut_floats(monkeypatch):
    """float(x) gives a plain number."""
    from autograd_mini.standins import calls, tables

    monkeypatch.setitem(calls._STAND_INS, float, lambda *args: float(*map(tables.constant, args)))


def plant_nodes_left_outside(monkeypatch):
    """What was stored outside stays there as it is."""
    from autograd_mini.standins import runs

    monkeypatch.setattr(runs.Run, "leave_plain", lambda self: None)


PLANTS = {plant_copied_views: "value", plant_forgotten_stores: "exact", plant_stale_reads: "value",
          plant_cut_floats: "exact", plant_nodes_left_outside: "outside"}


@pytest.mark.slow  # programs are made until one shows the mistake
@pytest.mark.parametrize("plant", PLANTS)
def test_mistakes_in_buffers_are_found_and_made_small(plant, monkeypatch):
    """Each planted mistake is found within some hundred programs, and shown in a few lines."""
    plant(monkeypatch)
    for number in range(1000):
        tally = run("written", 2, 1, first=number, tries=300)
        if tally.failures and tally.failures[0].shown.check == PLANTS[plant]:
            break
    assert tally.failures[0].small.size[0] <= 12, tally.failures[0].text


def lost_by_float(x):
    """Its float(…) is cut when that is planted."""
    buffer = np.zeros(2)
    buffer[0] = float(x[0]) ** 2
    return buffer[0] + x[1]


def test_the_comparison_with_plain_runs_sees_planted_cuts(monkeypatch):
    """as_written itself refuses a function whose slope was lost."""
    x = np.array([0.5, 2.0])
    plant_cut_floats(monkeypatch)
    with pytest.raises(ag.errors.NotDifferentiableError, match="differences of plain runs"):
        ag.grad(ag.as_written(lost_by_float))(x)
    monkeypatch.undo()
    assert ag.grad(ag.as_written(lost_by_float))(x) == pytest.approx([1.0, 1.0])


def test_jets_have_the_derivatives_of_numbers():
    """The value, the slopes and the second derivatives of a formula are those of calculus."""
    from fuzz.jets import Tie, seeded

    x, y = seeded([0.7, -0.3], [False, False])
    z = (x * y).exp() / (1.0 + x**2) - abs(y) ** x + (x % 0.4) * y
    args = (0.7, -0.3)

    def f(x, y):
        return ag.exp(x * y) / (1.0 + x**2) - ag.abs(y) ** x + (x % 0.4) * y

    value, slopes = ag.value_and_grad(f, (0, 1))(*args)
    assert z.value == pytest.approx(value) and z.first == pytest.approx(slopes)
    assert np.ravel(z.second) == pytest.approx(np.ravel(ag.hessian(f, (0, 1))(*args)))
    with pytest.raises(Tie):
        max(x, x + 0.0 * y + y * 0.0 if x < y else 0.7)


def test_what_escapes_is_wrong_and_what_is_refused_is_not():
    """The engine's own errors are refusals; any other is a failure that names its place."""
    assert outcome_of("arrays", "def f(x):\n    return np.sum(np.array([x[0], 1.0]))\n",
                      {"x": np.ones(2)}).kind == "refused"
    found = outcome_of("arrays", "def f(x):\n    return {'ndarray': 1.0}[type(x).__name__] * x\n",
                       {"x": np.array(1.0)})
    assert (found.kind, found.check) == ("wrong", "escaped")
    assert "KeyError" in found.given


def test_another_kind_or_dtype_is_wrong():
    """A Tensor where a Value came in, and float64 where float32 did, are failures."""
    assert values("ag.Tensor([x.data])[0] if isinstance(x, ag.Node) else x", x=1.0).check == "kind"
    body = "def f(x):\n    return np.sum(x.astype(float).astype(x.dtype) ** 2) if 1 else x\n"
    assert outcome_of("arrays", body, {"x": np.ones(2)}).check != "value"


# ── no false alarms ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [
    "abs(x)", "ag.relu(x)", "x * abs(x)", "ag.maximum(x, 2.0 * x)", "ag.exp(ag.relu(x))",
    "ag.clip(x, 0.0, 1.0)", "ag.elu(x)", "-ag.relu(-x)", "ag.relu(x) * ag.cos(x)"])
def test_a_subgradient_at_a_kink_is_right(body):
    """At 0 the engine's choice lies between the slopes of the two sides."""
    assert values(body, x=0.0).kind == "right"


def test_kinks_that_cancel_are_skipped():
    """relu(x) − relu(−x) is x, whose slope no engine gives at 0: that is said of no program."""
    assert values("ag.relu(x) - ag.relu(-x)", x=0.0).kind == "skipped"
    for body, x, way, count in (("ag.relu(x)", 0.0, 1.0, 1), ("ag.relu(x)", 0.5, 0.0, 0),
                                ("ag.relu(x)", 0.5, 1.0, 0), ("ag.relu(x) - abs(x)", 0.0, 1.0, 2)):
        program = Program(f"def f(x):\n    return {body}\n", {"x": x})
        assert kinks_along(program, [way], float) == count
    touched = Program("def f(x):\n    return ag.relu(x * x)\n", {"x": 0.0})
    assert kinks_along(touched, [1.0], float) > 1


def test_jumps_and_steep_functions_are_skipped():
    """Where differences don't converge, nothing is said."""
    assert values("(x > 0.0) * 1.0 + x", x=0.0).kind == "skipped"
    assert values("ag.sin(1e7 * x)", x=0.3).kind == "skipped"


def test_ties_of_arrays_are_right():
    """max, sort and median at ties give a subgradient."""
    body = "def f(x):\n    return np.max(x) + {}\n"
    for rest in ("0.0", "np.sum(x ** 2)", "np.median(x)"):
        found = outcome_of("arrays", body.format(rest), {"x": np.array([1.0, 1.0, 0.5])})
        assert found.check in ("", "float32"), found


def test_differences_are_told_from_wrong_numbers():
    """At a smooth point seven digits are compared, at a kink the two sides."""
    def smooth(t):
        return np.exp(2.0 * t)

    def kink(t):
        return max(t, 3.0 * t)

    assert settle(2.0, smooth, 2.0, lambda: 0, "gradient") == "right"
    with pytest.raises(Wrong, match="wrong"):
        settle(2.0 + 1e-3, smooth, 2.0, lambda: 0, "gradient")
    assert settle(2.5, kink, 3.0, lambda: 1, "gradient") == "between"
    for given in (0.9, 3.1, math.nan):
        with pytest.raises(Wrong):
            settle(given, kink, 3.0, lambda: 1, "gradient")
    with pytest.raises(Skipped, match="several kinks"):
        settle(0.9, kink, 3.0, lambda: 2, "gradient")
    with pytest.raises(Skipped, match="converge"):
        settle(0.9, lambda t: float(t > 0), 1.0, lambda: 0, "gradient")


def test_differences_say_how_good_they_are():
    """The error bar is of the size of the error."""
    for function, slope in ((np.sin, 1.0), (np.exp, 1.0), (lambda t: (t - 1.0) ** 5, 5.0)):
        found, bar = central(function, 1e-2)
        assert abs(found - slope) <= 20 * bar + 1e-12 and bar < 1e-9
        found, bar = one_sided(function, 1e-3)
        assert abs(found - slope) <= 20 * bar + 1e-9 and bar < 1e-8


@pytest.mark.oracle
def test_torch_is_asked_where_it_has_the_functions():
    """It gives the gradient and H·v of a program; None for a function it hasn't."""
    pytest.importorskip("torch", reason="the oracles extra isn't installed")
    from fuzz.torches import second_opinion

    x, v = np.array([0.5, -1.0]), np.array([1.0, 2.0])
    program = Program("def f(x):\n    return np.sum(np.tanh(x) * 0.5 + x ** 3)\n", {"x": x})
    gradient, hvp = second_opinion(program, float(program.function(x)), [v])
    slope = 1 - np.tanh(x) ** 2
    np.testing.assert_allclose(gradient[0], 0.5 * slope + 3 * x**2, rtol=1e-12)
    np.testing.assert_allclose(hvp[0], (6 * x - np.tanh(x) * slope) * v, rtol=1e-12)
    assert second_opinion(program, 17.0, [v]) is None
    other = Program("def f(x):\n    return np.sum(np.interp(x, x, x))\n", {"x": x})
    assert second_opinion(other, 0.5, [v]) is None


# ── small programs ───────────────────────────────────────────────────────────────────────────


def test_a_failing_program_is_made_small():
    """What has nothing to do with the failure goes: statements, blocks, arguments, digits."""
    body = ("def f(x, y):\n    a = np.exp(x) + y\n    if np.sum(a) > 0:\n        b = a * 2.0\n"
            "    else:\n        b = a\n    c = np.cos(b[1:]) * 3.0\n    return np.sum(c * y[1:])\n")
    args = {"x": np.array([0.12, 1.53, 0.77]), "y": np.array([1.0, 2.25, -3.5])}

    def fails(program):
        y = program.function(*program.values)
        wrong = "np.cos" in program.body and np.isfinite(y).all()
        return Outcome("wrong" if wrong else "right", check="gradient")

    def judged(program):
        try:
            return fails(program)
        except Exception:
            return Outcome("skipped")

    small, _ = shrink(Program(body, args), fails(Program(body, args)), judged)
    assert small.size[0] == 2 and len(small.args) == 1, small.text()
    assert small.body.count("np.") == 1


# ── the command, and the machine ─────────────────────────────────────────────────────────────


def test_the_command_says_what_it_did(monkeypatch, capsys):
    """It prints the seed and the tallies; what it prints of a failure runs; it exits with 1."""
    monkeypatch.setattr(sys, "argv", ["fuzz", "--seed", "3", "--programs", "2", "--mode", "values"])
    assert command.main() == 0
    shown = capsys.readouterr().out
    assert "seed 3" in shown and "values: 2 programs" in shown

    plant_wrong_slope(monkeypatch)
    broken = Program("def f(x):\n    return ag.softsign(x) + 1.0\n", {"x": -0.5})
    mode = MODES["values"]
    monkeypatch.setitem(MODES, "values", Mode("values", lambda _: broken, mode.prepare,
                                              mode.checks))
    assert command.main() == 1
    shown = capsys.readouterr().out
    assert "--- wrong: program 0, gradient" in shown and "2 wrong" in shown
    exec(run("values", 0, 1).failures[0].text, {})
    value, (slope,) = eval(capsys.readouterr().out)
    assert f"# given:    {slope!r}" in shown and value < 0


@pytest.mark.slow  # programs are compiled
def test_the_machine_in_python_runs_what_the_compiled_one_runs():
    """Branches, sums of products and lanes give the function's numbers."""
    def f(x, y):
        t = x * y
        for _ in range(3):
            t = t * ag.tanh(x) + y if t > 0.2 else t + ag.exp(-y * y)
        return t

    with compiled.interpreted():
        program, slope = ag.compile(f), ag.compile(ag.grad(f))
        batch = ag.compile(f, batched=(0, 1), branches="record")
        for x, y in ((0.5, 0.7), (-0.5, 0.7), (2.0, -1.0)):
            assert program(x, y) == pytest.approx(f(x, y), rel=1e-12)
            assert slope(x, y) == pytest.approx(ag.grad(f)(x, y), rel=1e-12)
        xs, ys = np.array([0.5, 0.6]), np.array([0.7, 0.8])
        assert batch(xs, ys) == pytest.approx([f(0.5, 0.7), f(0.6, 0.8)], rel=1e-12)


def test_programs_of_values_have_control_flow():
    """Among the programs there are branches and loops, and all of them run on plain floats."""
    bodies = [MODES["values"].generate(random.Random(n)).body for n in range(40)]
    for word in ("if ", "else:", "for ", "while "):
        assert any(word in body for body in bodies)


def test_a_loop_still_ends_when_it_is_made_smaller():
    """The shrinker leaves out no statement without which a loop would run for ever."""
    body = ("def f(x):\n    n = 0\n    while x < 2.0 and n < 4:\n        x = x + 0.5\n"
            "        n += 1\n    return x * abs(x)\n")
    found = list(_candidates(Program(body, {"x": 0.25})))
    assert any("while" not in candidate.body for candidate in found)
    for candidate in found:
        if "while" in candidate.body:
            assert "n += 1" in candidate.body and "n < 4" in candidate.body
