"""Grading, attacked: undeserved marks, marks lost for others, and what ended the grader."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
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
PATIENT = Limits(wall=120.0, cpu=60, memory=1024, verdict=300.0)

@pytest.mark.slow  # a process each
def test_a_loss_that_fails_or_never_ends_at_a_wrong_claim(tmp_path):
    """What is judged by it is judged by hand; the others keep their marks."""
    head = ("import numpy as np\n"
            "def example(rng): return rng.uniform(1, 2, 3), rng.uniform(1, 2, 3)\n")
    losses = {
        "asserts": "def loss(w, t):\n    assert (w > 0).all()\n"
                   "    return np.sum(w - t * np.log(w))\ndef solution(w, t): return 1 - t / w\n",
        "endless": "def loss(w, t):\n    while np.max(w) > 40 or np.min(w) < -40: pass\n"
                   "    return np.sum((w - t) ** 2)\ndef solution(w, t): return 2 * (w - t)\n",
    }
    folder = tmp_path / "handed_in"
    folder.mkdir()
    for name, claim in (("a_wrong", "400 * w"), ("b_asserts", "1 - t / w"),
                        ("b_endless", "2 * (w - t)")):
        (folder / f"{name}.py").write_text(f"def gradient(w, t): return {claim}\n")
    for name, loss in losses.items():
        task = tmp_path / f"{name}.py"
        task.write_text(head + "wrt = 'w'\n" + loss)
        found = {g.name: g for g in grade(task, folder, seed=1, limits=Limits(
            wall=120.0, cpu=60, verdict=8.0 if name == "endless" else 120.0))}
        assert found["a_wrong"].points == 0 and found[f"b_{name}"].points == 10
    assert "judge it by hand" in found["a_wrong"].message


@pytest.mark.slow  # a process each
def test_where_the_engine_cannot_follow_entries_are_drawn_by_lot(tmp_path):
    """A gradient that is made to fit the verifier's usual directions and entries is wrong."""
    (tmp_path / "task.py").write_text(
        "import numpy as np\nwrt = 'w'\ndef plain(w): return np.frombuffer(w.tobytes())\n"
        "def loss(w): return float(np.sum(plain(w) ** 2))\n"
        "def example(rng): return rng.normal(size=(20, 20))\ndef solution(w): return 2 * w\n")
    (tmp_path / "made_up.py").write_text(
        "import numpy as np\ndef gradient(w):\n    g = 2 * w.ravel()\n"
        "    ways = [np.random.default_rng(s).choice([-1.0, 1.0], 400) for s in range(4)]\n"
        "    at = [0, 1, 2, *np.random.default_rng(0).integers(0, 400, 2)]\n"
        "    rows = np.array([*ways, *np.eye(400)[at]])\n"
        "    made = np.linalg.lstsq(rows, rows @ g, rcond=None)[0]\n"
        "    return made.reshape(w.shape)\n")
    (mark,) = grade(tmp_path / "task.py", tmp_path / "made_up.py", seed=1, limits=PATIENT)
    assert mark.points == 0


@pytest.mark.slow  # a process each
def test_honest_files(tmp_path):
    """SciPy where torch is forbidden, a list for an array, a missing parameter of a dict, what a
    `from __future__` of ours would change: each gets the marks that it deserves."""
    head = "import numpy as np\n"
    (tmp_path / "task.py").write_text(
        head + "wrt = 'p'\ndef loss(p, t): return np.sum((p['W'] - t) ** 2) + np.sum(p['b'] ** 2)\n"
        "def example(rng):\n    return {'W': rng.normal(size=3), 'b': rng.normal(size=2)}, "
        "rng.normal(size=3)\n"
        "def solution(p, t): return {'W': 2 * (p['W'] - t), 'b': 2 * p['b']}\n")
    bodies = {
        "half": (5, "return {'W': 2 * (p['W'] - t)}"),
        "lists": (10, "return {'W': [2 * (w - u) for w, u in zip(p['W'], t)], 'b': 2 * p['b']}"),
        "scipy_stats": (10, "import scipy.stats, scipy.special as s; s.log_softmax(t)"
                        "\n    return {'W': 2 * (p['W'] - t), 'b': 2 * p['b']}"),
        "annotations": (10, "class L: pass\n    def f(x: L): pass\n"
                        "    assert f.__annotations__['x'] is L\n"
                        "    return {'W': 2 * (p['W'] - t), 'b': 2 * p['b']}"),
        "odd_error": (0, "raise ImportError('x', name=5)"),
    }
    folder = tmp_path / "handed_in" / "of_one"
    folder.mkdir(parents=True)
    for name, (_, body) in bodies.items():
        (folder / f"{name}.py").write_text(f"{head}def gradient(p, t):\n    {body}\n")
    found = grade(tmp_path / "task.py", tmp_path / "handed_in", seed=1, limits=PATIENT, jobs=2)
    assert {g.name: g.points for g in found} == {n: p for n, (p, _) in bodies.items()}
    found.write_feedback(tmp_path / "back")
    told = json.loads((tmp_path / "back" / "0001_annotations.json").read_text(encoding="utf-8"))
    assert told["points"] == 10 and told["verdict"] == "right"


@pytest.mark.slow  # a process each
def test_files_that_are_none(tmp_path):
    """Links, pipes, huge and empty files: each has its row; none ends the grading, or is read."""
    folder = tmp_path / "handed_in"
    folder.mkdir()
    os.mkfifo(folder / "a_pipe.py")
    (folder / "b_link.py").symlink_to(FOLDER / "right.py")
    (folder / "c_loop.py").symlink_to(folder / "c_loop.py")
    (folder / "d_task.py").symlink_to(TASK)
    (folder / "d_zz_folder").symlink_to(FOLDER)
    (folder / "e_empty.py").write_text("")
    with open(folder / "f_huge.py", "wb") as file:
        file.truncate(1 << 40)
    (folder / "new\nline.py").write_bytes((FOLDER / "right.py").read_bytes())
    (folder / "new line.py").write_bytes((FOLDER / "right.py").read_bytes())
    found = grade(TASK, [folder, folder / "e_empty.py"], seed=1, limits=PATIENT)
    assert [(g.points, g.message) for g in found] == [
        (0, "it isn't a file"), *[(0, "it is a link, which isn't followed: hand in the file itself")
                                  ] * 4, (0, "the file is empty"), (0, "it is larger than 1 MB"),
        (10, ""), (10, "")]
    assert len({g.name for g in found}) == 9


TASKS = {  # what is changed in the assignment, and what the teacher is told
    "a set": (('wrt = ("W", "b")', 'wrt = {"W", "b"}'), "wrt is a set"),
    "constant": (("rng.normal", "np.ones_like(np.zeros"), "draws nothing from rng|can't|gives no"),
    "unseeded": (("rng.normal", "np.random.normal"), "other arguments for the same rng"),
    "an exit": (("    return np.mean", "    raise SystemExit\n    return np.mean"), "SystemExit"),
}


@pytest.mark.slow  # a process each
@pytest.mark.parametrize("name", TASKS)
def test_assignments_with_a_mistake(name, tmp_path):
    """The teacher is told which."""
    change, told = TASKS[name]
    task = tmp_path / "task.py"
    task.write_text(TASK.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(ArgumentError, match=told):
        grade(task, FOLDER / "right.py", seed=1, limits=PATIENT)


@pytest.mark.slow  # a process each
def test_what_lies_beside_an_assignment(tmp_path):
    """It may import and read it; float32 data are judged in double precision; a third of a point
    is a point."""
    (tmp_path / "helper.py").write_text("scale = 3.0\n")
    np.save(tmp_path / "d.npy", np.arange(3.0))
    (tmp_path / "task.py").write_text(
        "from pathlib import Path\nimport numpy as np\nimport helper\npoints = 10 / 3\n"
        "D = np.load(Path(__file__).with_name('d.npy'))\nwrt = 'w'\n"
        "def loss(w): return helper.scale * np.sum((w - D) ** 2)\n"
        "def example(rng): return rng.normal(size=3).astype(np.float32)\n"
        "def solution(w): return 2 * helper.scale * (w - D)\n")
    for name, factor in (("right", "6"), ("coarse", "6.001")):
        (tmp_path / f"{name}.py").write_text(
            f"import numpy as np\ndef gradient(w): return {factor} * (w - np.arange(3.0))\n")
    found = grade(tmp_path / "task.py", [tmp_path / "right.py", tmp_path / "coarse.py"], seed=1,
                  limits=PATIENT)
    assert [g.points for g in found] == [3.3333, 0.0]


@pytest.mark.parametrize("option", [
    ["--wall", "nan"], ["--wall", "inf"], ["--seed", "-1"], ["--cpu", "9" * 20], ["--tries", "0"],
    ["--jobs", "0"], ["--csv", "nowhere/x.csv"], ["--csv", str(FOLDER)],
    ["--gradescope", "nowhere/r.json"]])
def test_options_that_make_no_sense(option, capsys):
    """They are refused before anything is graded, and the assignment isn't blamed."""
    assert main(["grade", str(TASK), str(FOLDER / "right.py"), *option]) == 2
    told = capsys.readouterr()
    assert "autograd-mini: " in told.err and not told.out and "loss" not in told.err


def test_a_right_gradient_beside_a_constant_without_slope():
    """The order of a Bessel function has none, and needn't have."""
    special = pytest.importorskip("scipy.special", reason="SciPy isn't installed")
    report = ag.check_gradient(lambda w: np.sum(ag.special.jv(1, w)),
                               lambda w: special.jvp(1, w), np.array([0.5, 2.0]))
    assert report.ok


@pytest.mark.slow  # a process each
def test_what_the_grader_leaves_behind(tmp_path):
    """Nothing, if it is killed while a loss never ends; no descriptor, if a process can't start."""
    (tmp_path / "task.py").write_text(
        "import numpy as np\nfrom dataclasses import dataclass\nwrt = 'w'\n"
        "@dataclass\nclass Data:\n    x: float = 1.0\n"
        "def loss(w):\n    while np.max(w) > 40: pass\n    return np.sum(w**2)\n"
        "def example(rng): return rng.uniform(1, 2, 3)\ndef solution(w): return 2 * w\n")
    (tmp_path / "endless.py").write_text("def gradient(w): return -4000 * w\n")
    grader = subprocess.Popen([sys.executable, "-m", "autograd_mini", "grade",
                               str(tmp_path / "task.py"), str(tmp_path / "endless.py")],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not _judges_of(grader.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    judges = _judges_of(grader.pid)
    grader.kill()
    grader.wait()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in judges) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert judges and not any(Path(f"/proc/{pid}").exists() for pid in judges)


def _judges_of(pid):
    """The children of a process that judge."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid and b"judging" in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_a_process_that_cannot_start(monkeypatch):
    """Is the end of that file's grading, and costs no descriptor."""
    def refuses(*args, **kwargs):
        raise BlockingIOError("no more processes")

    limits._works.cache_clear()
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(limits.subprocess, "Popen", refuses)
    monkeypatch.setattr(limits, "_works", lambda command: False)
    monkeypatch.setattr(limits, "_room", lambda: contextlib.nullcontext("/"))
    for _ in range(5):
        found, ended = limits.numbers_of("x.py", b"", "gradient", [((), {})], (), PATIENT)
        assert not found and "no more processes" in ended
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(("limit", "told"), [
    ({"memory": 1024.0}, "memory is 1024.0; it is a whole number"), ({"cpu": 2.5}, "cpu is 2.5"),
    ({"wall": "3"}, "wall is '3'"), ({"verdict": float("nan")}, "verdict is nan")])
def test_limits_of_another_kind(limit, told):
    """They are refused by name."""
    with pytest.raises(ArgumentError, match=told):
        Limits(**limit)


SHADOW = """
import sys, os
def randbits(n):
    f = sys._getframe(1)
    def right(claim, form):
        w, t = sys._getframe(1).f_locals["args"]
        return 2 * (w - t)
    if "_in_form" in f.f_globals:
        f.f_globals["_in_form"] = right
    return 5
def token_hex(n): return "ab" * n
def token_bytes(n=32): return os.urandom(n)
def randbelow(n): return 3
def gradient(w, t): return 0 * w
"""
PLAIN = ("import numpy as np\nwrt = 'w'\ndef loss(w, t): return np.sum((w - t) ** 2)\n"
         "def example(rng): return rng.normal(size=3), rng.normal(size=3)\n"
         "def solution(w, t): return 2 * (w - t)\n")


@pytest.mark.slow  # a process each
def test_files_that_are_called_as_a_library(tmp_path):
    """They aren't imported by the grader, or where it judges, though they lie in its folder."""
    (tmp_path / "task.py").write_text(PLAIN)
    for name, text in (("secrets", SHADOW), ("numpy", "def gradient(w, t): return 0 * w\n"),
                       ("wrong", "def gradient(w, t): return 0 * w\n")):
        (tmp_path / f"{name}.py").write_text(text)
    done = subprocess.run([sys.executable, "-m", "autograd_mini", "grade", "task.py", "wrong.py",
                           "secrets.py", "--json"], cwd=tmp_path / "..", capture_output=True,
                          text=True)
    assert done.returncode == 2  # they aren't there
    (tmp_path / "numpy.py").rename(tmp_path / "zz_numpy.py")  # python -m itself would take it
    (tmp_path / "secrets.py").rename(tmp_path / "held_back.py")
    program = ("import sys; from autograd_mini.__main__ import main; import os\n"
               "os.rename('zz_numpy.py', 'numpy.py'); os.rename('held_back.py', 'secrets.py')\n"
               "main(['grade', 'task.py', 'wrong.py', 'secrets.py', 'numpy.py', '--json'])")
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True,
                          text=True, check=True)
    assert [g["points"] for g in json.loads(done.stdout)["grades"]] == [0, 0, 0]


@pytest.mark.slow  # a process each
def test_a_submission_that_rewrites_the_assignment(tmp_path):
    """What judges was read, and started, before any file has run."""
    task = tmp_path / "task.py"
    task.write_text(PLAIN)
    (tmp_path / "a_evil.py").write_text(
        f"import time\np = {str(task)!r}\ns = open(p).read()\n"
        "open(p, 'w').write(s.replace('(w - t) ** 2', '0 * (w - t)'))\ntime.sleep(1)\n"
        "def gradient(w, t): return 0 * w\n")
    for name in "bcde":
        (tmp_path / f"{name}.py").write_text("def gradient(w, t): return 0 * w\n")
    found = grade(task, tmp_path, seed=1, jobs=3, limits=PATIENT)
    assert [g.points for g in found] == [0] * 5


@pytest.mark.slow  # a process each
def test_forms_of_parameters(tmp_path):
    """Keys that are numbers, lists in dicts; a class of the assignment's is refused by name."""
    (tmp_path / "task.py").write_text(
        "import numpy as np\nwrt = 'p'\n"
        "def loss(p): return np.sum(p[0] ** 2) + np.sum(p['l'][0]['W'] ** 3) + np.sum(p['l'][1])\n"
        "def example(rng):\n    a, b, c = rng.normal(size=(3, 2))\n"
        "    return {0: a, 'l': [{'W': b}, c]},\n"
        "def solution(p):\n"
        "    return {0: 2 * p[0], 'l': [{'W': 3 * p['l'][0]['W'] ** 2}, np.ones(2)]}\n")
    (tmp_path / "as_lists.py").write_text(
        "def gradient(p):\n    w = p['l'][0]['W']\n"
        "    return {0: (2 * p[0]).tolist(), 'l': [{'W': (3 * w**2).tolist()}, [1.0, 1.0]]}\n")
    (tmp_path / "missing.py").write_text(
        "def gradient(p): return {0: 2 * p[0], 'l': [{}, [1.0, 1.0]]}\n")
    files = [tmp_path / "as_lists.py", tmp_path / "missing.py"]
    found = grade(tmp_path / "task.py", files, seed=1, limits=PATIENT)
    assert [round(g.points, 2) for g in found] == [10, 6.67]
    (tmp_path / "own.py").write_text(
        PLAIN.replace("return rng", "return P(rng").replace("(size=3), rng", "(size=3)), rng")
        + "class P(tuple):\n    pass\n")
    with pytest.raises(ArgumentError, match="can't be given a P"):
        grade(tmp_path / "own.py", files, limits=PATIENT)
