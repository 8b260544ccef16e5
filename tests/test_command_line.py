"""The command line: what it prints, and what it says to bad input."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys

import pytest

from autograd_mini import __version__
from autograd_mini.__main__ import main
from autograd_mini.errors import MissingExtraError
from autograd_mini.formula import compute

GOOD = """
import numpy as np
def loss(w, x): return np.sum((x @ w) ** 2)
def gradient(w, x): return 2 * x.T @ (x @ w)
def bad(w, x): return x.T @ (x @ w)
example = (np.ones(2), np.eye(2))
def broken(w, x): return undefined
too_few = (1.0,)
def named(): return {"x": np.eye(2), "w": np.ones(2)}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    return path


def test_draw(tmp_path, capsys):
    """Gradients on standard output, the picture in the file."""
    out = tmp_path / "g.svg"
    assert main(["draw", "tanh(w*x + b)", "w=0.5", "x=2", "b=1", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "d y / d w = 0.1413016497" in said and "y = 0.9640275801" in said
    assert out.read_text(encoding="utf-8").startswith("<?xml")
    assert main(["draw", "y*y", "y=3", "-o", str(out), "--no-gradients", "--direction", "TB"]) == 0
    assert "d result / d y = 6" in capsys.readouterr().out
    assert "∂" not in out.read_text(encoding="utf-8")


DRAWN = """
import numpy as np
import autograd_mini as ag
W = ag.Tensor(np.ones((3, 2)))
def loss():
    hidden = np.tanh(np.eye(3) @ W)
    return hidden.sum()
def wrong(): return 1 / 0
number = 3
"""


def test_a_function_of_a_file_is_shown(tmp_path, capsys, monkeypatch):
    """draw, steps and explain take FILE.py:function; steps can open its page."""
    file = tmp_path / "mine.py"
    file.write_text(DRAWN)
    out, page = tmp_path / "g.svg", tmp_path / "s.html"
    assert main(["draw", f"{file}:loss", "-o", str(out)]) == 0
    assert "hidden" in out.read_text(encoding="utf-8") and "∂" in out.read_text(encoding="utf-8")
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main(["steps", f"{file}:loss", "-o", str(page), "--open"]) == 0
    assert opened == [page.as_uri()] and "hidden" in page.read_text(encoding="utf-8")
    assert main(["explain", f"{file}:loss", "--wrt", "W"]) == 0
    assert "hidden = tanh(v1)" in capsys.readouterr().out
    assert main(["steps", "w*x", "w=2", "x=3", "-o", str(page)]) == 0
    assert f"wrote {page}: 6 steps" in capsys.readouterr().out
    for words, message in ((["mine"], "no function 'mine'"), (["number"], "no function 'number'"),
                           (["wrong"], "line 8: ZeroDivisionError"), (["loss", "x=1"], "x=1")):
        assert main(["draw", f"{file}:{words[0]}", *words[1:]]) == 2
        assert message in capsys.readouterr().err


def test_check_right_and_wrong(file, capsys):
    """Exit status 0 when right, 1 when wrong; names can be given."""
    assert main(["check", str(file)]) == 0
    assert "The gradient is right (w)." in capsys.readouterr().out
    assert main(["check", str(file), "--gradient", "bad", "--example", "named"]) == 1
    assert "The gradient is wrong for w." in capsys.readouterr().out
    assert main(["check", str(file), "--wrt", "w"]) == 0


SEVERAL = """
import numpy as np
def loss(w): return np.sum(w ** 3)
def gradient_cubes(w): return 3 * w ** 2
def gradient_wrong(w): return 2 * w ** 2
def sines(w): return np.sum(np.sin(w))
def sines_grad(w): return np.cos(w)
example = (np.array([0.5, 2.0]),)
def sines_example(): return (np.array([0.1, 0.2, 0.3]),)
"""


def test_check_all_gradients_of_a_file(file, capsys):
    """Each beside its own loss and example, or beside those of all; -k chooses."""
    file.write_text(SEVERAL)
    assert main(["check", str(file)]) == 1
    said = capsys.readouterr().out
    assert "── gradient_wrong ──" in said and "2 of 3 gradients are right" in said
    assert main(["check", str(file), "-k", "sines"]) == 0
    assert "The gradient is right (w)." in capsys.readouterr().out
    assert main(["check", str(file), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["ok"] and told["checks"]["sines_grad"]["ok"]
    assert main(["check", str(file), "-k", "tangents"]) == 2
    assert "defines gradient_cubes, gradient_wrong, sines_grad" in capsys.readouterr().err


def test_check_for_programs(file, capsys):
    """--json gives only JSON, also if the user's functions print; the mistake is in it."""
    file.write_text(GOOD + "def loud(w, x):\n    print('computing')\n    return x.T @ (x @ w)\n")
    assert main(["check", str(file), "--gradient", "loud", "--json"]) == 1
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["entries"][0]["suspects"][0]["kind"] == "factor" and "computing" in err


def test_exercise(capsys):
    """A question; the verdict on an answer; a hint. Exit status 1 for a wrong one."""
    assert main(["exercise", "w * x", "--seed", "2"]) == 0
    assert "Find ∂y/∂w, ∂y/∂x" in capsys.readouterr().out
    assert main(["exercise", "tanh(w*x)", "w=(1 - y**2) * x", "x=(1 - y**2) * w"]) == 0
    assert main(["exercise", "tanh(w*x)", "w=(1 - y**2) * x"]) == 1  # that isn't all of it
    assert "not answered yet: x" in capsys.readouterr().out
    assert main(["exercise", "tanh(w*x)", "w=(1 - y**2)", "--hint", "3"]) == 1
    assert "x" in capsys.readouterr().out.splitlines()[-1]
    assert main(["exercise", "tanh(w*x)", "w=1 - y**2", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["entries"][0]["verdict"] == "wrong"
    assert main(["exercise", "--subject", "losses", "--difficulty", "1", "--seed", "2"]) == 0
    assert "y = (w*x - t)**2. Find" in capsys.readouterr().out
    bank = ["exercise", "--difficulty", "1", "--subject", "losses", "--seed", "2"]
    assert main([*bank, "w=2*(w*x - t)*x", "x=2*(w*x - t)*w", "t=-2*(w*x - t)"]) == 0
    assert main([*bank, "--solution"]) == 0
    assert "∂y/∂w" in capsys.readouterr().out
    assert main([*bank, "--sheet", "3"]) == 0
    assert capsys.readouterr().out.count(r"\item") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draw", "tanh(w*x", "w=1"], "never closed"),
        (["draw", "__import__('os').system('x')", "x=1"], "names, numbers"),
        (["draw", "x.real", "x=1"], "names, numbers"),
        (["draw", "[x for x in y]", "x=1"], "names, numbers"),
        (["draw", "lambda: x", "x=1"], "names, numbers"),
        (["draw", "x if x else x", "x=1"], "names, numbers"),
        (["draw", "x and x", "x=1"], "names, numbers"),
        (["draw", "tanhh(x)", "x=1"], "did you mean tanh?"),
        (["draw", "x + y", "x=1"], "'y' has no value (given: x): add y=…"),
        (["draw", "x", "x=1", "z=2"], "doesn't use z"),
        (["draw", "2 * 3"], "no variable"),
        (["draw", "1/0 + x", "x=1"], "division by zero"),
        (["draw", "(0-8)**0.5 + x", "x=1"], "complex"),
        (["draw", "tanh(x, x)", "x=1"], "takes 1 arguments"),
        (["draw", "x", "x=one"], "isn't of the form name=number"),
        (["draw", "x", "1x=1"], "isn't of the form name=number"),
        (["draw", "x*x", "x=1", "-o", "no/such/folder/g.svg"], "no such folder"),
        (["draw", "x" + "+x" * 6000, "x=1"], "10,000"),
        (["draw", "(" + "-" * 5000 + "x)", "x=1"], "not a formula|nested too deeply"),
        (["draw", "x^2", "x=1"], "write **, not ^"),
        (["draw", " ", "x=1"], "empty"),
        (["draw", "x*x", "x=1", "-o", "g"], "suffix"),
        (["exercise", "2 + 3"], "no variable"),
        (["exercise", "x", "--seed", "-1"], "a seed of 0 or more"),
        (["exercise"], "give a formula, or --subject"),
        (["exercise", "--subject", "poetry"], "no exercises on 'poetry'"),
        (["exercise", "x", "--sheet", "0"], "1 or more"),
        (["exercise", "x**2", "x=2*x", "--sheet", "2"], "give no answers"),
        (["exercise", "x**2", "x=2*x", "--solution"], "give none"),
        (["exercise", "x", "x:1"], "isn't of the form name=formula"),
        (["exercise", "x", "z=1"], "not z"),
        (["check", "no_such_file.py"], "no such file: no_such_file.py"),
        (["check", "FILE", "--loss", "cost"], "defines no 'cost' (--loss NAME names another)"),
        (["check", "FILE", "--wrt", "v"], "wrt names 'v'"),
        (["check", "FILE", "--loss", "example"], "isn't a function"),
        (["check", "FILE", "--gradient", "broken"], "mine.py, line 7: NameError"),
        (["check", "FILE", "--example", "too_few"], "TypeError"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message, file, capsys):
    """On standard error, exit status 2, no traceback."""
    status = main([str(file) if a == "FILE" else a for a in arguments])
    said = capsys.readouterr()
    assert status == 2 and any(part in said.err for part in message.split("|"))
    assert said.err.startswith("autograd-mini: ") and said.err.count("\n") == 1


@pytest.mark.parametrize(("text", "message"), [("def f(:", "line 1"), ("1/0", "ZeroDivision")])
def test_a_file_that_cannot_be_imported(tmp_path, capsys, text, message):
    """Its error, in one line, with the line number of a syntax error."""
    path = tmp_path / "broken.py"
    path.write_text(text)
    assert main(["check", str(path)]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_extra_names_its_command(monkeypatch, tmp_path, capsys):
    """Without scikit-learn the demo says how to get it; without dot, draw writes DOT text."""
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 2
    assert 'pip install "autograd-mini[demo]"' in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
    from autograd_mini.picture import layout

    monkeypatch.setattr(layout, "program", lambda: None)
    assert main(["draw", "x*x", "x=3", "-o", str(tmp_path / "g.svg")]) == 0
    assert "g.dot (the graph as DOT text: no layout program" in capsys.readouterr().out
    assert (tmp_path / "g.dot").read_text(encoding="utf-8").startswith("digraph")
    assert issubclass(MissingExtraError, ImportError)


def test_module_and_script_are_one():
    """`python -m autograd_mini` works as `autograd-mini` does."""
    done = subprocess.run([sys.executable, "-m", "autograd_mini", "--version"],
                          capture_output=True, text=True, check=True)
    assert done.stdout == f"autograd-mini {__version__}\n"


@pytest.mark.slow  # it learns the handwritten digits
def test_the_demo(tmp_path, capsys):
    """The main job: at least 90 % on unseen digits, both reports, pictures, a page of it all."""
    pytest.importorskip("sklearn", reason="the demo extra isn't installed")
    assert main(["demo", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    accuracy = float(said.split("test accuracy: ")[1].split("%")[0])
    assert accuracy >= 90.0
    assert "The gradient is right (w1, b1, w2, b2)." in said
    assert "The gradient is wrong for w1, b1, w2, b2." in said
    plots = importlib.util.find_spec("matplotlib") is not None
    assert {p.name for p in tmp_path.iterdir()} == {
        "neuron.svg", "xor.svg", "digits.svg", "steps.html", "index.html",
        *(["moons.gif"] if plots else [])}
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert f"open {tmp_path / 'index.html'}" in said and f"{accuracy}%" in page
    assert page.count("a handwritten") == 24 and page.count('class="wrong"') == 12
    assert page.count("<svg ") == (6 if plots else 4)
    assert 'href="steps.html"' in page and "<script" not in page
    confusion = page[page.index('class="confusion"'):page.index("</table></figure>")]
    counts = [int(n) for n in re.findall(r">(\d+)</td>", confusion)]
    assert sum(counts) == 360 and "The gradient is wrong" in page


def test_formula_functions_are_the_tables():
    """max and min, powers, constants and nested calls give the numbers of Python."""
    import math

    y = compute("max(a, 2) ** 2 + log(e) * sin(pi / 2) - -a", {"a": 3.0})
    assert y.data == pytest.approx(9 + math.log(math.e) + 3.0, rel=1e-15)


@pytest.mark.parametrize(("asked", "encoding", "shown"), [
    ({}, "utf-8", "∂y/∂x = "), ({"PYTHONIOENCODING": "cp1252"}, "cp1252", "?y/?x = ")])
def test_output_that_is_redirected_can_have_any_letter(asked, encoding, shown):
    """Into a file it is UTF-8 whatever the system writes, as on Windows, or what was asked for."""
    system = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", **asked}
    done = subprocess.run([sys.executable, "-m", "autograd_mini", "explain", "x**2", "x=3"],
                          env={**os.environ, **system}, capture_output=True, check=True)
    assert shown in done.stdout.decode(encoding) and not done.stderr
