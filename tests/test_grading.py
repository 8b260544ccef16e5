"""Grading: what is handed in computes numbers in a process of its own; the verdict is ours."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.__main__ import main
from autograd_mini.classroom import Limits, grade, limits
from autograd_mini.errors import ArgumentError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no process limits")

FOLDER = Path(__file__).parent / "submissions"
TASK = FOLDER / "assignment.py"
# Where nothing depends on the time it takes.
PATIENT = Limits(wall=120.0, cpu=60, memory=1024, verdict=300.0)
SHORT = Limits(wall=2.0, cpu=1, memory=1024)  # of what never ends

MARKED = {  # what ends by itself: the points, the verdict, and what is said
    "right": (10, "right", ""),
    "right_by_name": (10, "right", ""),
    "right_and_noisy": (10, "right", ""),
    "mean": (5, "wrong", "b: averaged along an axis where the sum is due"),
    "sign": (0, "wrong", "wrong sign"),
    "transposed": (5, "wrong", "W: a matrix should be transposed"),
    "no_division": (0, "wrong", "a factor is missing"),
    "memory": (0, "no answer", "MemoryError"),
    "exits": (0, "no answer", "exit status 0"),
    "exits_politely": (0, "no answer", "SystemExit"),
    "crash": (0, "no answer", "a crash"),
    "another_name": (0, "no answer", "the file defines no function gradient"),
    "returns_none": (0, "no answer", "is a `return` missing?"),
    "raises": (0, "no answer", "IndexError"),
    "reads_input": (0, "no answer", "EOFError"),
    "text": (0, "no answer", "not real numbers"),
    "nan": (0, "wrong", ""),
    "changes_arguments": (0, "wrong", ""),
    "too_much": (0, "no answer", "more than 4 MB"),
    "large_file": (0, "no answer", "File too large"),
    "replaces_the_checker": (0, "no answer", "imports autograd_mini, which isn't allowed"),
    "lets_it_be_derived": (0, "no answer", "imports torch, which isn't allowed"),
    "forges_the_answer": (0, "no answer", ""),
}
ENDLESS = ["loop", "loop_at_import", "stubborn", "sleeper", "forks", "daemon"]


def left_behind():
    """The processes that still carry the mark of a sitting of these tests."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"{limits.MARK}={os.getpid()}-".encode() in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_every_submission_is_listed():
    """And no table row is without its file."""
    files = {path.stem for path in FOLDER.glob("*.py")} - {"assignment"}
    assert files == {*MARKED, *ENDLESS}


@pytest.mark.slow  # a process each
def test_what_ends_by_itself():
    """Right, wrong, broken and hostile files: each is judged, by what it computed."""
    found = grade(TASK, [FOLDER / f"{name}.py" for name in MARKED], seed=7, limits=PATIENT)
    for mark in found:
        points, verdict, message = MARKED[mark.name]
        assert (mark.points, mark.verdict) == (points, verdict), mark
        assert message in mark.message and len(mark.message) <= 600
    assert not left_behind()
    assert json.loads(found.json())["grades"][0]["points"] == 10


@pytest.mark.slow  # each takes the time limit
@pytest.mark.parametrize("apart", [True, False])
def test_what_never_ends(apart, monkeypatch):
    """It is ended, with all that it started, also where processes can't be kept apart."""
    if not apart:
        monkeypatch.setattr(limits, "_works", lambda command: False)
    found = grade(TASK, [FOLDER / f"{name}.py" for name in ENDLESS], seed=7, limits=SHORT, jobs=2)
    for mark in found:
        assert mark.points == 0 and mark.verdict in ("no answer", "wrong"), mark
    assert not left_behind()


def test_partial_marks_and_the_same_table_however_many_at_a_time(capsys, tmp_path):
    """Half of the points for one of two parameters; the order is that of the files."""
    names = ["mean", "right", "raises"]
    files = [str(FOLDER / f"{name}.py") for name in names]
    tables = [grade(TASK, files, seed=5, jobs=jobs, limits=PATIENT).csv() for jobs in (1, 4)]
    assert tables[0] == tables[1]
    assert [line.split(",")[1] for line in tables[0].splitlines()] == ["points", "5.0", "10.0",
                                                                       "0.0"]
    table, results = tmp_path / "grades.csv", tmp_path / "results.json"
    assert main(["grade", str(TASK), files[0], "--seed", "5", "--wall", "120", "--cpu", "60",
                 "--csv", str(table), "--gradescope", str(results)]) == 0
    out = capsys.readouterr().out
    assert "5 of 10  wrong" in out and "--seed 5" in out
    read = json.loads(results.read_text(encoding="utf-8"))
    assert read["score"] == 5 and [t["score"] for t in read["tests"]] == [5, 0]
    assert table.read_text(encoding="utf-8").startswith("name,points,of,verdict,message\nmean,5.0,")


@pytest.mark.slow  # a process each
def test_a_submission_cannot_know_what_it_is_tried_at(tmp_path):
    """Numbers that are right for one seed are wrong for another, and each run draws its own."""
    assert grade(TASK, [FOLDER / "right.py"], limits=PATIENT).seed != grade(
        TASK, [FOLDER / "right.py"], limits=PATIENT).seed
    W, b, X, t = (ag.classroom.grading.Assignment.read(TASK).arguments(5)[0])
    y = np.tanh(X @ W + b)
    d = 2 * (y - t) * (1 - y**2) / t.size
    (tmp_path / "by_heart.py").write_text(
        f"from numpy import array\ndef gradient(*_): return {X.T @ d!r}, {d.sum(axis=0)!r}\n")
    by_heart = [tmp_path / "by_heart.py"]
    assert grade(TASK, by_heart, seed=6, tries=1, limits=PATIENT).grades[0].points == 0


@pytest.mark.slow  # a process each
@pytest.mark.parametrize(("change", "told"), [
    (("def solution", "def other"), "needs a function solution"),
    (("/ t.size", ""), "the solution in .* itself gets 0 of 10"),
    (("points = 10", "points = -1"), "points is -1"),
    (("points = 10", "points ="), "can't be read: SyntaxError"),
    (("size=(3, 2)", "size=(3, 2), oops=1"), "gives no arguments"),
])
def test_an_assignment_that_cannot_be_passed(change, told, tmp_path, capsys):
    """The teacher is told before anybody is graded."""
    broken = tmp_path / "broken.py"
    broken.write_text(TASK.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(ArgumentError, match=told):
        grade(broken, [FOLDER / "right.py"], limits=PATIENT)
    assert main(["grade", str(broken), str(FOLDER / "right.py")]) == 2
    assert "autograd-mini: " in capsys.readouterr().err


def test_nothing_to_grade(tmp_path, capsys):
    """Missing files, an empty folder, limits of nothing, several for Gradescope."""
    with pytest.raises(ArgumentError, match="no file"):
        grade(TASK, [tmp_path / "nobody.py"])
    with pytest.raises(ArgumentError, match="nothing to grade"):
        grade(TASK, [tmp_path])
    with pytest.raises(ArgumentError, match="no assignment"):
        grade(tmp_path / "none.py", [TASK])
    assert main(["grade", str(TASK), str(FOLDER / "right.py"), "--wall", "0"]) == 2
    two = [str(FOLDER / "right.py"), str(FOLDER / "mean.py")]
    assert main(["grade", str(TASK), *two, "--gradescope", str(tmp_path / "r.json")]) == 2
    assert not (tmp_path / "r.json").exists() and "one submission" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [
    b"", b"{}", b"[]", b"null\n", b'{"found": 3}\n', b'{"found": [null]}\n',
    b'{"found": [{"array": [-1], "dtype": "<f8"}]}\n',
    b'{"found": [{"array": [99999999999], "dtype": "<f8"}]}\n',
    b'{"found": [{"array": [Infinity], "dtype": "<f8"}]}\n',
    b'{"found": [{"array": [1]}]}\n12345678', b'{"found": [{"dict": 3}]}\n',
    b'{"found": [{"array": [1], "dtype": "O"}]}\n12345678',
    b'{"found": [' + b'{"list": [' * 100_000 + b"\n",
])
def test_an_answer_of_which_nothing_is_believed(answer, monkeypatch):
    """What can't be read is no answer, and takes no memory."""
    monkeypatch.setattr(limits, "_sat", lambda task, its: (answer, ""))
    assert limits.numbers_of("x.py", b"", "gradient", [((), {})] * 3, (), PATIENT) == (
        [], "its answer can't be read")


HEAD = "import numpy as np\ndef gradient(W, b, X, t):\n    "
CHEATS = {  # without `wrt` in the assignment: what is handed in, and what it is answered
    "another_gradient": (HEAD + "return {'t': 2 * (t - np.tanh(X @ W + b)) / t.size}",
                         "needed for W, b, X, t"),
    "one_of_four": (HEAD + "return {'b': np.zeros(2)}", "needed for W, b, X, t"),
    "two_kinds": ("import numpy as np\nn = []\ndef gradient(W, b, X, t):\n    n.append(1)\n"
                  "    return (W, b, X, t) if len(n) == 1 else {'W': W}", ""),
    "differences_in_float32": (
        "import numpy as np\ndef loss(W, b, X, t):\n"
        "    return np.mean((np.tanh(X @ W + b) - t) ** 2)\n"
        "def gradient(*args):\n    found = []\n    for x in args:\n        g = np.zeros(x.shape)\n"
        "        for i in np.ndindex(x.shape):\n            old, before = x[i], loss(*args)\n"
        "            x[i] = old + 1e-8\n            g[i] = (loss(*args) - before) / 1e-8\n"
        "            x[i] = old\n        found.append(g.astype(np.float32))\n"
        "    return tuple(found)", ""),
    "many_axes": (HEAD + "return np.ones((2,) * 14), b, X, t", "shape"),
    "letters_that_are_none": (HEAD + "raise Exception('\\ud800 \\x1b[1A\\x1b[2K\\n=cmd()')",
                              "Exception: "),
    "no_folder": ("import os\n" + HEAD + "p = os.getcwd(); os.rmdir(p); open(p, 'w'); "
                  "return W, b, X, t", ""),
}


@pytest.mark.slow  # a process each
def test_cheats(tmp_path):
    """Nobody chooses what is graded, coarser numbers are judged no less strictly, a file that is
    compiled beside the source isn't run, and no file ends the grading of the others."""
    task = tmp_path / "assignment.py"
    text = TASK.read_text(encoding="utf-8").replace('wrt = ("W", "b")\n', "").replace(
        "d.sum(axis=0)", "d.sum(axis=0), d @ W.T, t_slope(W, b, X, t)")
    text += "\n\ndef t_slope(W, b, X, t):\n    return 2 * (t - np.tanh(X @ W + b)) / t.size\n"
    task.write_text(text, encoding="utf-8")
    folder = tmp_path / "handed_in"
    folder.mkdir()
    for name, (source, _) in CHEATS.items():
        (folder / f"{name}.py").write_text(source + "\n", encoding="utf-8")
    (folder / "zz_right.py").write_text(text.replace("def solution", "def gradient"),
                                        encoding="utf-8")
    (folder / "zz_right_by_name.py").write_text(text.replace("def solution", "def _right") + (
        "\n\ndef gradient(W, b, X, t):\n    return dict(zip('tXbW', _right(W, b, X, t)[::-1]))\n"),
        encoding="utf-8")
    found = grade(task, [folder], seed=3, limits=PATIENT)
    for mark in found:
        if mark.name.startswith("zz_right"):
            assert mark.points == 10
            continue
        assert mark.points == 0 and CHEATS[mark.name][1] in mark.message, mark
        assert mark.message.isprintable() and mark.verdict in ("wrong", "no answer")
    assert (tmp_path / "grades.csv").write_text(found.csv(), encoding="utf-8")
    assert not left_behind()


def test_more_axes_than_can_be_tried():
    """A gradient of fourteen axes is wrong at once, and not after all its transpositions."""
    report = ag.check_gradient(lambda w: np.sum(w**2), np.ones((2,) * 14), np.ones(3))
    assert report.verdict == "wrong" and "shape" in str(report)


def test_a_table_is_no_program():
    """A cell that a spreadsheet would run is text; `score` is the share of what is right."""
    mark = ag.classroom.Grade("=cmd()", 0.0, 10, "no answer", " +1")
    assert "'=cmd(),0.0,10,no answer,' +1" in ag.classroom.Grades((mark,), 1).csv()
    report = ag.check_gradient(lambda x, y: np.sum(x * y), lambda x, y: (y, y), np.ones(2),
                               np.array([2.0, 3.0]))
    assert report.score(points=4) == 2
