"""docs/lessons: each cell of each lesson runs, and each solution is judged right."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import re
import sys
from pathlib import Path

import pytest

import autograd_mini as ag

FOLDER = Path(__file__).parents[1] / "docs" / "lessons"
LESSONS = sorted(FOLDER.glob("[0-9]*.md"))
LONG = {"04_moons.md", "07_vanishing.md", "08_optimizers.md",  # they train, for 1 to 15 seconds
        "09_fitting.md", "10_recurrent.md", "11_attention.md", "12_engine.md"}
HEAD = ("---\nfile_format: mystnb\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n")


def cells_of(text):
    """(the tags, the code) of each cell, in order."""
    for fence in re.finditer(r"^```\{code-cell\}\n(.*?)^```$", text, re.S | re.M):
        tags = re.match(r":tags: \[(.*)\]\n", fence[1])
        yield (tags[1].split(", ") if tags else []), fence[1][tags.end() if tags else 0:]


def run(code, name, namespace):
    """Run a cell as a notebook does: returns what its last expression is, and would be shown."""
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    tree, last = ast.parse(code), None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, name, "exec"), namespace)
    return eval(compile(last, name, "eval"), namespace) if last is not None else None


@pytest.fixture
def notebook(monkeypatch, tmp_path):
    """A namespace in an empty folder, where pictures are made and shown nowhere."""
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="the plot extra isn't installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lesson"])
    with contextlib.redirect_stdout(io.StringIO()):
        yield {"__name__": "__main__"}
    pyplot.close("all")


@pytest.mark.parametrize("lesson", [
    pytest.param(p, marks=pytest.mark.slow) if p.name in LONG else p for p in LESSONS
], ids=lambda p: p.name)
def test_lessons_run(lesson, notebook):
    """Every cell runs, raises where the text says that it does, and solutions are right."""
    solved = 0
    for i, (tags, code) in enumerate(cells_of(lesson.read_text(encoding="utf-8"))):
        if "raises-exception" in tags:
            with pytest.raises(Exception, match=r"\S"):
                run(code, f"<{lesson.name}, cell {i}>", notebook)
            continue
        shown = run(code, f"<{lesson.name}, cell {i}>", notebook)
        if "solution" in tags:
            solved += 1
            if isinstance(shown, ag.Report | ag.EngineReport):
                assert shown.ok, f"{lesson.name}, cell {i}: {shown}"
    assert solved >= 3


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda p: p.name)
def test_lessons_are_lessons(lesson):
    """Each says how long it takes, can be downloaded, names learners' mistakes, hides solutions."""
    text = lesson.read_text(encoding="utf-8")
    number = int(lesson.name[:2])
    assert text.startswith(HEAD)
    title = re.search(rf"^# {number}\. (.+)$", text, re.M)
    minutes = re.search(r"^\*(\d\d) minutes\. ", text, re.M)
    assert title and minutes and 15 <= int(minutes[1]) <= 30
    assert f"<{lesson.stem}.ipynb>`" in text
    assert "\n## Mistakes that learners make here\n" in text
    exercises = re.findall(r"^\*\*Exercise (\d+)\.\*\*", text, re.M)
    assert [int(n) for n in exercises] == [*range(1, len(exercises) + 1)] and len(exercises) >= 3
    tags = [tags for tags, _ in cells_of(text)]
    assert all(("solution" in t) == ("hide-cell" in t) for t in tags)
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {number} \| \[.+\]\({lesson.name}\) \| {minutes[1]} \|", index, re.M)
    assert f"\n{lesson.stem}\n" in index


def test_there_are_twelve_lessons():
    """And no two of them share a number."""
    assert [int(p.name[:2]) for p in LESSONS] == [*range(1, 13)]
