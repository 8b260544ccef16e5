"""Derivations written out: forward, backward, multiplied out, with the numbers of the run."""

from __future__ import annotations

import itertools
import random
import re

import numpy as np
import pytest
from test_notation import graphs

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.__main__ import main
from autograd_mini.errors import GraphError, ShapeError
from autograd_mini.picture.notation import number
from autograd_mini.picture.spelled import as_text

NEURON = """\
at w = 0.5, x = 2, b = −1.5
forward
  v1 = w · x = 0.5 · 2 = 1
  v2 = v1 + b = 1 + (−1.5) = −0.5
   y = tanh(v2) = tanh(−0.5) = −0.4621
backward
   ∂y/∂y = 1
  ∂y/∂v2 = ∂y/∂y · (1 − y²) = 0.7864
   ∂y/∂b = ∂y/∂v2 = 0.7864
  ∂y/∂v1 = ∂y/∂v2 = 0.7864
   ∂y/∂x = ∂y/∂v1 · w = 0.7864 · 0.5 = 0.3932
   ∂y/∂w = ∂y/∂v1 · x = 0.7864 · 2 = 1.573
multiplied out
  ∂y/∂w = (1 − y²) · x = 0.7864 · 2 = 1.573
  ∂y/∂x = (1 − y²) · w = 0.7864 · 0.5 = 0.3932
  ∂y/∂b = 1 − y² = 0.7864"""


def neuron():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-1.5, label="b")
    y = ag.tanh(w * x + b)
    y.label = "y"
    return y, (w, x, b)


def test_a_neuron():
    """As a textbook sets it; nothing is stored in the nodes."""
    y, leaves = neuron()
    assert str(ag.explain(y)) == NEURON
    assert all(node.gradient is None for node in (y, *leaves))


def test_only_what_leads_to_some_variables():
    """wrt takes nodes or labels."""
    y, (w, _, _) = neuron()
    told = str(ag.explain(y, wrt="w"))
    assert told == str(ag.explain(y, wrt=[w])) and "∂y/∂b" not in told
    assert "∂y/∂w = (1 − y²) · x" in told


def test_a_function_of_numbers():
    """Its parameters are the names."""
    told = str(ag.explain(lambda a, b: a * b + ag.exp(a), 0.5, 2.0))
    assert "at a = 0.5, b = 2" in told and "e^a" in told and "∂out/∂b = ∂out/∂v1 · a" in told


def test_reuse_is_a_sum():
    """One term for each use, in the order in which they arrive."""
    x = Value(1.5, label="x")
    z = x * x + np.sin(x) * x
    z.label = "z"
    told = str(ag.explain(z))
    assert "∂z/∂x = ∂z/∂v3 · v2 + ∂z/∂v2 · cos(x) + ∂z/∂v1 · x + ∂z/∂v1 · x" in told
    assert "∂z/∂x = v2 + x · cos(x) + x + x" in told


def test_what_was_not_chosen():
    """A dead relu sends nothing, and it is said."""
    x = Value(-1.0, label="x")
    told = str(ag.explain(ag.relu(x) * 2 + ag.where(x > 0, x, x**2)))
    assert "∂out/∂x" in told and "v2 = x" not in told
    assert "v2 = v1 · 2" in told or "· 2 = 0" in told


def test_arrays():
    """Shapes and the largest number; a few entries as they are; Σ where broadcasting is undone."""
    rng = np.random.default_rng(0)
    W, b = Tensor(rng.normal(size=(4, 3)), label="W"), Tensor(np.zeros(3), label="b")
    loss = np.mean((ag.tanh(rng.normal(size=(5, 4)) @ W + b) - 1) ** 2)
    loss.label = "L"
    told = str(ag.explain(loss))
    assert "v1 = const 5×4 W = 5×3 ±" in told and "∂L/∂b = Σ₀ ∂L/∂v2 = [" in told
    assert "b = [0, 0, 0]" in told and "· (1 − v3²)" in told


def test_names_that_would_read_the_same():
    """The last word of a path, unless two have it."""
    model = nn.MLP(2, [1])
    for name, p in model.named_parameters():
        p.label = name
    told = str(ag.explain(model([1.0, -2.0])))
    assert "w0" in told and "layers" not in told
    model = nn.MLP(2, [2, 1])
    for name, p in model.named_parameters():
        p.label = name
    assert "layers.0.neurons.1.w.0" in str(ag.explain(model([1.0, -2.0])))


def test_long_derivations_say_what_they_hide():
    """Never silently cut."""
    x = Value(0.5, label="x")
    y = x
    for _ in range(100):
        y = ag.sin(y)
    told = str(ag.explain(y, limit=10))
    assert "… " in told and "more lines" in told and told.count("\n") < 40


def test_spellings():
    """LaTeX as an align*, MathML as tables, for notebooks too."""
    y, _ = neuron()
    told = ag.explain(y)
    assert told.latex.startswith(r"\begin{align*}")
    assert r"\frac{\partial y}{\partial w}" in told.latex
    assert told.html.count("<table>") == 4 and "<mfrac>" in told.html
    assert told._repr_html_() == told.html and "aligned" in told._repr_latex_()
    assert repr(told) == "<Explanation of 15 lines; print it, or .latex, .html>"
    hostile = Value(1.0, label="<script>alert(1)</script>")
    assert "<script" not in ag.explain(hostile * 2).html


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_gradients_that_are_shown_are_the_engines(count):
    """In random graphs, for every node."""
    for node, leaves in itertools.islice(graphs(random.Random(count)), count):
        lines = {line.symbol.by.name: as_text(line.formulas[-1])
                 for line in ag.explain(node, limit=1000).lines if line.part == "backward"}
        used = [x for x in leaves if x.label in lines]
        found = ag.gradients(node, used)
        for x, g in zip(used, found, strict=True):
            assert lines[x.label] == as_text(number(g))


@pytest.mark.parametrize(("what", "wrt", "error", "message"), [
    (3.0, None, TypeError, "takes a Value, a Tensor or a function"),
    (lambda: 3.0, None, TypeError, "returned a float"),
    (Tensor([1.0, 2.0]) * 2, None, ShapeError, "takes one number"),
    (Value(1.0), None, GraphError, "nothing to explain"),
    (Value(1.0, label="x") * 2, "z", GraphError, "z isn't in the graph; its variables: x"),
])
def test_what_cannot_be_explained(what, wrt, error, message):
    """Before anything is written."""
    with pytest.raises(error, match=message):
        ag.explain(what, wrt=wrt)


def test_the_command(capsys, tmp_path):
    """A formula with numbers, in three spellings, to a file if asked."""
    formula = ["explain", "tanh(w*x + b)", "w=0.5", "x=2", "b=-1.5"]
    assert main([*formula, "--wrt", "w"]) == 0
    assert "∂y/∂w = (1 − y²) · x = 0.7864 · 2 = 1.573" in capsys.readouterr().out
    out = tmp_path / "d.html"
    assert main([*formula, "--format", "html", "-o", str(out)]) == 0
    assert "<mfrac>" in out.read_text(encoding="utf-8") and "wrote" in capsys.readouterr().out
    assert main([*formula, "--wrt", "q"]) == 2
    assert main([*formula, "-o", str(tmp_path / "no" / "d.txt")]) == 2


def test_poles_factors_near_one_and_names_that_clash():
    """inf is printed; 1.00001 isn't 1; two nodes never have one name, nor a line two lines."""
    with np.errstate(all="ignore"):
        for f in (lambda x: 1 / x, np.sqrt, np.log, lambda x: x**-1):
            assert "∞" in str(ag.explain(f, 0.0))
    assert "x · 1.00001" in str(ag.explain(lambda x: x * 1.00001, 2.0))
    a, b = Value(1.0, label="out"), Value(2.0, label="out\nof")
    told = str(ag.explain(a * b + Value(3.0, label="v1") * Value(4.0, label="v1")))
    assert "∂y/∂out =" in told and "∂y/∂v1′" in told and "out of" in told


def test_long_programs_have_closed_parts():
    """A line for each call of a model, with its arguments; what comes back out; how much is hidden.
    """
    random.seed(0)
    model = nn.MLP(2, [4, 1])

    def loss(x, y):
        out = model([x, y])
        return (out - 1) ** 2

    told = str(ag.explain(loss, 1.0, -2.0, limit=5))
    assert "out = model(…)" in told  # whose x is rebound in a loop
    assert re.search(r"∂\w+/∂x = \[model\] = ", told)
    assert "8 operations and 17 variables in closed parts" in told and "relu" not in told
    opened = str(ag.explain(loss, 1.0, -2.0))
    assert "relu" in opened and "closed parts" not in opened
    numbers = {line.split(" = ")[0].strip(): line.split(" = ")[-1] for line in told.splitlines()}
    whole = {line.split(" = ")[0].strip(): line.split(" = ")[-1] for line in opened.splitlines()}
    gradients = [key for key in numbers if key.endswith(("∂x", "∂y"))]
    assert len(gradients) == 2 and all(numbers[key] == whole[key] for key in gradients)


def test_a_closed_call_has_its_arguments_in_their_order():
    """As in the picture: solve(A, b), and not in the order in which they came."""
    def f(A, b):
        x = np.linalg.solve(A, b)
        return (ag.softmax(x, axis=0) * b).sum()

    told = str(ag.explain(f, 3 * np.eye(3), np.ones(3), limit=4))
    assert "solve(A, b)" in told and "softmax(x, axis=0)" in told


def test_each_closed_call_sends_its_own():
    """[f] + [f] where two calls of f use a variable; and no gradient of a variable is cut."""
    def f(x, w):
        y = ag.sin(x) * w
        for _ in range(40):
            y = ag.sin(y)
        return y

    def g(x, w):
        return f(x, w) + f(2.0 * x, w)

    told = str(ag.explain(g, 0.5, 0.7))
    exact = ag.grad(g, argnums=("x", "w"))(0.5, 0.7)
    assert f"∂out/∂w = [f] + [f] = {exact[1]:.4g}" in told
    assert f"∂out/∂x = ∂out/∂v2 · 2 + [f] = {exact[0]:.4g}" in told

    def blocks(x):
        y = x
        for _ in range(20):
            with ag.scope("block"):
                y = ag.sin(y * 0.9) + 0.1
        return y

    told = str(ag.explain(blocks, 0.5))
    assert "∂y/∂x = [block] = 0.004192" in told and "(of y18)" in told
    random.seed(0)
    model = nn.MLP(3, [16, 1])
    told = str(ag.explain(lambda x: (model(x) - 1) ** 2, [1.0, 2.0, 3.0]))
    assert told.count("∂out/∂x[") >= 3


def test_several_results_and_the_whole():
    """It is said which result of a part it is; the program itself is never closed."""
    def two(x, w):
        a = ag.sin(x) * w
        return a, a * ag.exp(w)

    def f(x, w):
        a, b = two(x, w)
        for _ in range(6):
            a = ag.sin(a)
        return a * b

    told = str(ag.explain(f, 0.5, 0.7, limit=10))
    assert "(result 1 of 2)" in told and "(result 2 of 2)" in told

    class Program:
        def __init__(self):
            self.a = Value(0.5)

        def __call__(self):
            y = self.a
            for _ in range(70):
                y = ag.sin(y)
            return y

    assert "∂" in str(ag.explain(Program())) and "a = 0.5" in str(ag.explain(Program()))
