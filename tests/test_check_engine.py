"""Students' engines under test: right ones pass, and of a fault the first property tells."""

from __future__ import annotations

import json
import types
from pathlib import Path

import pytest

import autograd_mini as ag
from autograd_mini import errors
from autograd_mini.__main__ import main
from autograd_mini.classroom.array_properties import ARRAYS
from autograd_mini.classroom.scalar_properties import SCALARS

ENGINES = Path(__file__).parent / "student_engines"


def engine(name, *changes):
    """The class of a student's file, with parts of its source replaced."""
    source = (ENGINES / f"{name}.py").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    module = types.ModuleType("student")
    exec(compile(source, f"{name}.py", "exec"), vars(module))
    kind = module.Value if name == "scalar" else module.Tensor
    return kind, vars(module)


def report_on(name, *changes):
    """What is said of the class."""
    import sys
    kind, functions = engine(name, *changes)
    sys.modules["student"], kind.__module__ = types.SimpleNamespace(**functions), "student"
    try:
        return ag.check_engine(kind)
    finally:
        del sys.modules["student"]


def test_right_engines_pass():
    """Ours, and two students': what they don't have is named, and isn't held against them."""
    assert all(r.outcome == "holds" for r in ag.check_engine(ag.Value))
    assert all(r.outcome == "holds" for r in ag.check_engine(ag.Tensor))
    scalar, array = report_on("scalar"), report_on("array")
    assert scalar.ok and array.ok, f"{scalar}\n{array}"
    assert "sqrt" in str(scalar) and "no mistake" in str(scalar)
    assert {r.property.name: r.outcome for r in array}["tanh"] == "holds"  # a function of the file


SCALAR_FAULTS = {
    "no +=": (("parent.grad += node.grad * slope", "parent.grad = node.grad * slope"), "+="),
    "not in order": (("reversed(order)", "order[::-1][:1] + order[:-1]"), "topological order"),
    "each way": (("elif node not in seen", "elif True"), "each node once"),
    "by value": (("    def __neg__", "    def __eq__(self, o):\n        return self.data == o.data"
                  "\n    def __hash__(self):\n        return hash(self.data)\n    def __neg__"),
                 "identity"),
    "kept between": (("node.grad = 0.0", "pass"), "between keep"),
    "recursion": (("        order, seen, stack = [], set(), [(self, False)]\n", "        order, "
                   "seen, stack = [], set(), []\n        def v(n):\n            if n not in seen:\n"
                   "                seen.add(n)\n                [v(p) for p, _ in n.parents]\n"
                   "                order.append(n)\n        v(self)\n"), "recursive walk"),
    "tanh": (("1 - t**2", "1 - t"), "1 − tanh(x)²"),
    "exp": (("((self, e),)", "((self, self.data),)"), "the output"),
    "log": (("1 / self.data", "1 / math.log(self.data)"), "of the input"),
    "sigmoid": (("s * (1 - s)", "s * (1 + s)"), "s·(1 − s)"),
    "relu": (("self.data > 0", "self.data >= 0"), "> 0, not >= 0"),
    "relu passes": (("float(self.data > 0)", "1.0"), "1 where x > 0"),
    "power": (("self.data ** (n - 1)", "self.data ** n"), "one power less"),
    "minus": (("return self + -other", "return -self + other"), "second side"),
    "divided": (("((self, other.data), (other, self.data))", "((self, other.data), (other, 1.0))"),
                "other side's number"),
    "swapped": (("return -self + other", "return self + -other"), "2 + (−x)"),
    "upside down": (("return self**-1 * other", "return self * other**-1"), "2 · x⁻¹"),
    "in place": (("    def __neg__", "    def __iadd__(self, o):\n        self.data += o.data\n"
                  "        self.parents += ((o, 1.0),)\n        return self\n    def __neg__"),
                 "leave __iadd__ out"),
    "overflow": (("math.tanh(self.data)", "(math.exp(2 * self.data) - 1) / (math.exp(2 * self.data)"
                  " + 1)"), "overflows"),
}
ARRAY_FAULTS = {
    "not undone": (("        return Tensor(self.data + other.data, (\n            (self, lambda g: "
                    "undone(g, self.data.shape)),\n            (other, lambda g: undone(g, other."
                    "data.shape))))", "        return Tensor(self.data + other.data, ((self, lambda"
                    " g: g), (other, lambda g: g)))"), "summed over those axes"),
    "columns": (("    return grad.sum(axis=axes, keepdims=True)", "    return grad"),
                "length 1 in c"),
    "products": (("g * b, a.shape", "g, a.shape"), "the other side"),
    "index": (("np.add.at(grad, index, g)", "grad[index] = g"), "np.add.at"),
    "axis": (("g = np.expand_dims(g, axis)", "g = np.expand_dims(g, 0)"), "put back first"),
    "mean": (("if axis is None else self.data.shape[axis]", ""), "the length of that axis"),
    "max": (("/ (self.data == m).sum(axis=axis, keepdims=True)", "* 1.0"), "sum to 1"),
    "reshape": (("g.reshape(old)", "g.reshape(old[::-1]).T"), "entry by entry"),
    "order of axes": (("np.argsort(axes)", "axes"), "inverse order"),
    "batches": (("np.swapaxes(b, -1, -2)", "b.T"), "last two axes"),
    "shared matrix": (("undone(np.swapaxes(a, -1, -2) @ g, b.shape)", "np.swapaxes(a, -1, -2) @ g"),
                      "summed over that axis"),
    "swapped": (("undone(g @ np.swapaxes(b, -1, -2), a.shape)",
                 "undone((b @ np.swapaxes(g, -1, -2)).swapaxes(-1, -2)[..., ::-1], a.shape)"),
                "ḡ Bᵀ"),
    "whole": (("np.float64)", "getattr(data, 'dtype', np.float64))"), "integers"),
    "left": (("    __array_ufunc__ = None\n", ""), "__array_ufunc__"),
    "one array": (("parent.grad = sent if parent.grad is None else parent.grad + sent",
                   "parent.grad = parent.grad if parent.grad is not None else 0 * sent\n"
                   "                parent.grad = sent"), "add up"),
    "kept between": (("one.grad = None", "pass"), "between keep"),
    "relu": (("x > 0", "x >= 0"), "> 0, not >= 0"),
    "exp": (("g * y),))\n\n    def log", "g * self.data),))\n\n    def log"), "the output"),
    "softmax": (("y * (g - (g * y).sum(axis=axis, keepdims=True))", "g * y * (1 - y)"), "δᵢⱼ"),
    "overflow": (("np.exp(self.data - self.data.max(axis=axis, keepdims=True))",
                  "np.exp(self.data)"), "Subtract the largest"),
}


@pytest.mark.slow  # each runs the whole table, line by line
@pytest.mark.parametrize("fault", SCALAR_FAULTS)
def test_faults_of_scalar_engines_are_named(fault):
    """The first property that fails has a sentence about the fault."""
    change, word = SCALAR_FAULTS[fault]
    report = report_on("scalar", change)
    assert not report.ok and word in report.failures[0].property.why, report


@pytest.mark.slow  # each runs the whole table, line by line
@pytest.mark.parametrize("fault", ARRAY_FAULTS)
def test_faults_of_array_engines_are_named(fault):
    """The first property that fails has a sentence about the fault."""
    change, word = ARRAY_FAULTS[fault]
    report = report_on("array", change)
    assert not report.ok and word in report.failures[0].property.why, report


@pytest.mark.parametrize("table", [SCALARS, ARRAYS], ids=["scalars", "arrays"])
def test_the_tables(table):
    """Each property has a name of its own, and a sentence."""
    names = [one.name for one in table]
    assert len(set(names)) == len(names) > 60
    assert all(one.why.endswith(".") and one.asks and one.group for one in table)


def test_advice_isn_t_held_against_an_engine():
    """What good engines differ in is told, and the report is fine all the same."""
    report = report_on("array", (".astype(parent.data.dtype)", ".astype(np.float64)"))
    assert report.ok and "advice: the dtype stays" in str(report)
    report = report_on("scalar", (
        "((self, other.data), (other, self.data))", "((self, other), (other, self))"), (
        "node.grad * slope", "node.grad * getattr(slope, 'data', slope)"))
    assert report.ok and "if it reads x.data" in str(report).lower()


def test_a_file_from_the_shell(capsys):
    """`autograd-mini test-engine` prints what holds; for programs as JSON; its status tells."""
    assert main(["test-engine", str(ENGINES / "scalar.py")]) == 0
    assert "Value of scalar.py" in capsys.readouterr().out
    assert main(["test-engine", str(ENGINES / "array.py"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] and len(told["properties"]) == len(ARRAYS)


@pytest.mark.parametrize(("what", "told"), [
    ("sum(range(10**15))", "took longer than 4 seconds"),  # in C: no line is run
    ("import os; os._exit(3)", "ended Python (exit status 3)"),
    ("n = 0\n            while True:\n                n += 1", "lines of code"),
])
@pytest.mark.slow  # a file that hangs is waited for
def test_a_file_that_hangs(tmp_path, what, told):
    """It is ended, what it was at is told, and the other properties are tried."""
    source = (ENGINES / "scalar.py").read_text(encoding="utf-8")
    line = "    def __mul__(self, other):\n"
    (tmp_path / "mine.py").write_text(source.replace(line,
        f"{line}        if other == 5:\n            {what}\n") + "print('noise')\n")
    report = ag.check_engine(tmp_path / "mine.py", seconds=4)
    first = report.failures[0]
    assert told in first.given and first.property.name == "one after another"


@pytest.mark.slow  # a process each
@pytest.mark.parametrize(("source", "message"), [
    ("x = 1", "defines no class Value or Tensor"),
    ("class Node: pass", r"it defines Node \(--class NAME\)"),
    ("x = 1\n1 / 0", "line 2 raises ZeroDivisionError"),
    ("exit()", "__main__"),
    ("class Value(: pass", "raises SyntaxError"),
])
def test_files_that_cannot_be_tested(tmp_path, source, message):
    """A file without an engine is refused, and what is wrong with it told."""
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(errors.ArgumentError, match=message):
        ag.check_engine(tmp_path / "mine.py")
    assert main(["test-engine", str(tmp_path / "mine.py")]) == 2


def test_what_isn_t_an_engine():
    """Anything but a class or a path is refused."""
    with pytest.raises(errors.ArgumentTypeError, match="not a int"):
        ag.check_engine(3)
    with pytest.raises(errors.ArgumentError, match="no file"):
        ag.check_engine("nothing.py")
