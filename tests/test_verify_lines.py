"""The line at fault is named, and the corrected one can be pasted: then the gradient is right."""

from __future__ import annotations

import importlib.util
import itertools
import re
import textwrap

import pytest

from autograd_mini import check_gradient

COUNT = itertools.count()

HEAD = """
import numpy as np
from scipy.stats import norm
rng = np.random.default_rng(3)
def sigmoid(z): return 1 / (1 + np.exp(-z))
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
"""

NETWORK = """
def loss(W, b, V, x, t):
    a = np.tanh(W @ x + b)
    y = V @ a
    return 0.5 * np.sum((y - t) ** 2)
def gradient(W, b, V, x, t):
    a = np.tanh(W @ x + b)
    y = V @ a
    dy = y - t
    dV = np.outer(dy, a)
    da = V.T @ dy
    dz = da * (1 - a ** 2)
    dW = np.outer(dz, x)
    db = dz
    return dW, db, dV
args = (rng.normal(size=(3, 4)), rng.normal(size=3), rng.normal(size=(2, 3)), rng.normal(size=4),
        rng.normal(size=2))
"""


def changed(text, *changes):
    """A text with some parts exchanged, each of which is there."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


IN_A_HELPER = changed(NETWORK, ("dz = da * (1 - a ** 2)", "dz = through(da, a)"), (
    "def gradient", "def through(da, a):\n    return da * (1 - a)\ndef gradient"))
IN_A_METHOD = """
class Layer:
    def __init__(self, W): self.W = W
    def backward(self, dy, x):
        self.dW = np.outer(dy, x)
        return self.W @ dy
def loss(W, x, c):
    return np.sum(c * np.sin(W @ x))
def gradient(W, x, c):
    layer = Layer(W)
    dz = c * np.cos(W @ x)
    dx = layer.backward(dz, x)
    return layer.dW, dx
args = (rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3))
"""
LAYERS = """
def loss(weights, x, t):
    for W in weights:
        x = np.tanh(W @ x)
    return np.sum((x - t) ** 2)
def gradient(weights, x, t):
    A = [x]
    for W in weights:
        A.append(np.tanh(W @ A[-1]))
    grads = [None] * len(weights)
    delta = 2 * (A[-1] - t)
    for k in reversed(range(len(weights))):
        dz = delta * (1 - A[k + 1] ** 2)
        grads[k] = np.outer(dz, A[k])
        delta = weights[k].T @ delta
    return grads
args = ([rng.normal(size=(3, 3)) for _ in range(3)], rng.normal(size=3), rng.normal(size=3))
"""
CARRIED = """
def loss(W, u, xs):
    h, total = np.zeros(3), 0.0
    for x in xs:
        h = np.tanh(W @ h + u * x)
        total = total + np.sum(h)
    return total
def gradient(W, u, xs):
    hs = [np.zeros(3)]
    for x in xs:
        hs.append(np.tanh(W @ hs[-1] + u * x))
    dW, du, dh_next = np.zeros((3, 3)), np.zeros(3), np.zeros(3)
    for t in reversed(range(len(xs))):
        dz = (1 + dh_next) * (1 - hs[t + 1] ** 2)
        dW += np.outer(dz, hs[t])
        du += dz * xs[t]
        dh_before = W.T @ dz
    return dW, du
args = (rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=4))
"""
ENTRYWISE = """
def loss(z, c):
    return np.sum(c * softmax(z))
def gradient(z, c):
    p = softmax(z)
    dz = c * p * (1 - p)
    return dz
args = (rng.normal(size=(4, 3)), rng.normal(size=(4, 3)))
"""
VALUE_FOR_SLOPE = """
def loss(s, k):
    return np.sum(norm.cdf(s * k))
def gradient(s, k):
    ds = np.sum(norm.cdf(s * k) * k)
    return ds
args = (0.3, rng.normal(size=5))
"""
TWO_SLIPS = """
def loss(w, v, x):
    return np.sum(v * np.tanh(w * x))
def gradient(w, v, x):
    a = np.tanh(w * x)
    return v * (1 + a ** 2) * w
args = (rng.normal(size=4), rng.normal(size=4), rng.normal(size=4))
"""
SEVERAL_ON_A_LINE = changed(NETWORK, ("dW = np.outer(dz, x)\n    db = dz",
                                      "dW = np.outer(dz, x); db = -dz  # both"))
UNREDUCED = changed(NETWORK, ("W @ x + b", "W @ x + b[:, None]"), ("np.outer(dy, a)", "dy @ a.T"), (
    "np.outer(dz, x)", "dz @ x.T"), ("rng.normal(size=4),\n", "rng.normal(size=(4, 5)),\n"), (
    "rng.normal(size=2))", "rng.normal(size=(2, 5)))"))


@pytest.mark.parametrize(("text", "wanted", "expected"), [
    pytest.param(changed(NETWORK, ("dz = da * (1 - a ** 2)", "dz = da")), ("W", "b", "V"),
                 {"W": "dz = da", "b": "dz = da"}, marks=pytest.mark.slow),
    pytest.param(changed(NETWORK, ("dW = np.outer(dz, x)", "dW = 2 * np.outer(dz, x)"),
                         ("db = dz", "db = da")), ("W", "b", "V"),
                 {"W": "dW = 2 * np.outer(dz, x)", "b": "db = da"}, marks=pytest.mark.slow),
    pytest.param(changed(NETWORK, ("dW, db, dV", "dW, dz * 2, -dV")), ("W", "b", "V"),
                 {"b": "return dW, dz * 2, -dV", "V": "return dW, dz * 2, -dV"},
                 marks=pytest.mark.slow),
    (IN_A_HELPER, ("W", "b", "V"), {"W": "return da * (1 - a)",
                                       "b": "return da * (1 - a)"}),
    (IN_A_METHOD, ("W", "x"), {"x": "return self.W @ dy"}),
    pytest.param(LAYERS, "weights", {"weights[0]": "delta = weights[k].T @ delta",
                                     "weights[1]": "delta = weights[k].T @ delta"},
                 marks=pytest.mark.slow),
    pytest.param(CARRIED, ("W", "u"), {"W": "dh_before = W.T @ dz", "u": "dh_before = W.T @ dz"},
                 marks=pytest.mark.slow),
    (SEVERAL_ON_A_LINE, ("W", "b", "V"), {"b": "dW = np.outer(dz, x); db = -dz"}),
    (ENTRYWISE, "z", {"z": "dz = c * p * (1 - p)"}),
    (VALUE_FOR_SLOPE, "s", {"s": "ds = np.sum(norm.cdf(s * k) * k)"}),
    (TWO_SLIPS, "w", {"w": "return v * (1 + a ** 2) * w"}),
    (UNREDUCED.replace("return dW, db, dV", "return db"), "b", {"b": "db = dz"}),
], ids=["a slope forgotten", "two mistakes", "in the return", "in a helper", "in a method",
        "a list of layers", "not carried on", "several on a line", "softmax", "value for slope",
        "two slips", "not summed"])
def test_the_corrected_line_can_be_pasted(tmp_path, text, wanted, expected):
    """For each wrong gradient: its line, and with the correction in its place it is right."""
    file, text = tmp_path / f"case{next(COUNT)}.py", HEAD + textwrap.dedent(text)
    file.write_text(text)
    report = report_on(file, wanted)
    assert {e.name for e in report if e.verdict == "wrong"} == {*expected}, str(report)
    for name, line in expected.items():
        suspect = report[name].suspects[0]
        place, _, told = suspect.line.partition(": ")
        assert told == line, str(report)
        lines, number = text.splitlines(), int(re.search(r":(\d+)$", place)[1]) - 1
        assert lines[number].strip().startswith(line)
        lines[number] = lines[number].replace(line, suspect.fix)
        pasted = tmp_path / f"case{next(COUNT)}.py"
        pasted.write_text("\n".join(lines))
        assert report_on(pasted, wanted)[name].verdict == "right", suspect.fix


def report_on(file, wanted):
    """The report on the gradient in a file."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    case = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(case)
    return check_gradient(case.loss, case.gradient, *case.args, wrt=wanted)


def test_exchanged_gradients_are_called_so():
    """Each is the other's: not a sign, not a factor."""
    def loss(a, b):
        return a * a * b

    report = check_gradient(loss, lambda a, b: (a * a, 2 * a * b), 1.5, 0.7, wrt=("a", "b"))
    for name in "ab":
        assert report[name].suspects[0].message == "the gradients of a and b are exchanged"


def test_a_factor_of_no_number_is_no_name():
    """0.58… times is arithmetic: nothing in the program is that."""
    report = check_gradient(lambda x: x**3, lambda x: 3 * x**2 * 0.5831741, 1.3)
    assert "times" not in report["x"].suspects[0].message, str(report)


@pytest.mark.slow
def test_the_line_is_told_where_no_edit_repairs_it():
    """A formula that has nothing to do with the right one."""
    def loss(x):
        a = np_tanh(x)
        return (a * a).sum()

    def gradient(x):
        a = np_tanh(x)
        da = (a + 3.1) ** 5 - x[::-1]
        return da * (1 - a**2)

    import numpy as np
    np_tanh = np.tanh
    suspect = check_gradient(loss, gradient, np.array([0.3, -0.5, 1.1]))["x"].suspects[0]
    assert suspect.line.endswith("da = (a + 3.1) ** 5 - x[::-1]") and not suspect.fix
