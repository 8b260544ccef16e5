"""The house itself: who imports whom, what is public, and that what is shown is executed."""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib
import inspect
import io
import linecache
import pkgutil
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_mini
from autograd_mini import nn

ROOT = Path(__file__).parents[1]
PACKAGE = Path(autograd_mini.__file__).parent
# Each floor may import from the floors before it; the last three know nothing of each other.
FLOORS = ["_version _checkout errors places", "graph trees spellings", "recording", "primitive",
          "ops", "functions", "special", "numpy_api", "backprop", "masks limits", "passes",
          "not_computed", "operators", "value tensor", "fast", "call", "transforms", "compiler",
          "debug", "verify picture formula", "exercises", "", "nn", "demo", "__main__"]
FLOOR = {name: i for i, names in enumerate(FLOORS) for name in (names.split() or ["__init__"])}


def imports(path, package):
    """(module, names) of what a file imports from our package when it is itself imported."""
    def statements(body):
        for node in body:
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            yield node
            for part in ("body", "orelse", "handlers", "finalbody"):
                yield from statements(getattr(node, part, []))

    for node in statements(ast.parse(path.read_text()).body):
        assert not (isinstance(node, ast.Import) and
                    any(a.name.startswith("autograd_mini") for a in node.names)), path
        if isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            full = [*base, *(node.module or "").split(".")]
            full = [p for p in full if p]
            if full[:1] == ["autograd_mini"]:
                yield full[1] if len(full) > 1 else None, [a.name for a in node.names]


FILES = sorted(p for p in PACKAGE.rglob("*.py") if "nn" not in p.relative_to(PACKAGE).parts)
ALL_FILES = [*FILES, *sorted(Path(nn.__file__).parent.glob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downward(path):
    """A module imports only from floors below its own (or from its own room)."""
    relative = path.relative_to(PACKAGE)
    room = relative.parts[0].removesuffix(".py")
    package = ".".join(["autograd_mini", *relative.parts[:-1]])
    for target, names in imports(path, package):
        for name in [target] if target else [n if n in FLOOR else "__init__" for n in names]:
            assert name == room or FLOOR[name] < FLOOR[room], f"{relative} imports {name}"


# ── what a learner reads ─────────────────────────────────────────────────────────────────────

BELOW = "# ── below: what the idea doesn't need"
READ = {"graph": ["graph.py"], "primitive": ["primitive.py"], "backprop": ["backprop.py"],
        "ops": ["ops/arithmetic.py", "ops/elementary.py"], "value": ["value.py"],
        "scalar": ["nn/scalar.py"]}
BESIDES = {"errors", "recording", "operators", "nn.module"}


def path_of(file):
    """Where a file of the package is, of a checkout (which has nn beside it) or installed."""
    return (Path(nn.__file__).parent / file.removeprefix("nn/") if file.startswith("nn/")
            else PACKAGE / file)


def test_the_idea_takes_600_lines():
    """The parts of the files that a learner reads are 600 lines together, as the page says that
    tells them, and import but for each other only what may be taken on trust."""
    page = (ROOT / "docs" / "how_it_works.md").read_text()
    lines = {}
    for name, files in READ.items():
        parts = [path_of(file).read_text().split(BELOW)[0] for file in files]
        lines[name] = sum(part.rstrip().count("\n") + 1 for part in parts)
    assert sum(lines.values()) <= 600, lines
    said = [int(n) for n in re.findall(r"^\| .*\| (\d+) \|", page, re.M)]
    assert said == [lines[name] for name in ("graph", "primitive", "ops", "backprop", "value",
                                             "scalar")] + [sum(lines.values())]


def test_the_idea_stands_on_little():
    """What a learner reads imports each other, and what its page says may be taken on trust."""
    rooms = {*READ, *BESIDES} - {"scalar"}
    for file in [file for files in READ.values() for file in files]:
        inside = file.rpartition("/")[0]
        package = ".".join(["autograd_mini", *([inside] if inside else [])])
        for target, names in imports(path_of(file), package):
            if inside == "nn":
                continue  # the front door, and nn.module: see below
            for name in [target] if target else names:
                assert name in rooms, f"{file} imports {name}"
    source = path_of("nn/scalar.py").read_text()
    assert set(re.findall(r"^from (\S+) import", source, re.M)) <= {
        "__future__", "collections.abc", "typing", "autograd_mini", ".module"}


def test_nn_imports_only_the_front_door():
    """nn uses what autograd_mini/__init__ exports and nothing behind it."""
    for path in (Path(nn.__file__).parent).glob("*.py"):
        for target, names in imports(path, "autograd_mini.nn"):
            assert target in (None, "nn"), f"nn/{path.name} imports autograd_mini.{target}"
            if target is None:
                assert all(hasattr(autograd_mini, name) for name in names)


def modules():
    """Every module of the package, but for the two that are programs."""
    for info in pkgutil.walk_packages(autograd_mini.__path__, "autograd_mini."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


@pytest.mark.parametrize("module", [
    pytest.param(m, marks=pytest.mark.slow) if m.__name__ == "autograd_mini.compiler" else m
    for m in modules()  # the examples of the compiler compile machines
], ids=lambda m: m.__name__)
def test_docstrings_are_executed(module):
    """Each example in a docstring gives what it says; each module opens with a sentence."""
    assert module.__doc__ or module.__name__.endswith("_version")
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


def test_public_functions_have_docstrings():
    """Whatever the two front doors export says what it is."""
    for package in (autograd_mini, nn):
        for name, thing in vars(package).items():
            if not name.startswith("_") and (inspect.isclass(thing) or inspect.isfunction(thing)):
                assert thing.__doc__, f"{package.__name__}.{name}"


def test_the_front_door_is_what_one_can_hold():
    """`dir(ag)` has at most 75 names; a star import hides none of Python's functions; and what is
    listed is there, with a docstring."""
    import builtins

    listed = dir(autograd_mini)
    assert len(set(listed)) == len(listed) <= 75
    assert set(listed) - set(autograd_mini.__all__) == {n for n in listed if hasattr(builtins, n)}
    for name in listed:
        assert getattr(autograd_mini, name).__doc__ or name in ("engine", "__version__")


def test_the_front_door_reads_later_what_it_names():
    """Every public name is there, and listed, whether its room has been read or not."""
    assert set(autograd_mini.__all__) <= set(dir(autograd_mini))
    assert all(getattr(autograd_mini, name) is not None for name in autograd_mini.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = autograd_mini.nothing


ROW = """
gudermannian = elementwise(
    lambda x: np.arctan(np.sinh(x)), lambda x: math.atan(math.sinh(x)), lambda y, x: _sech(x),
    name="gudermannian",
)
"""
ASKED = """
import autograd_mini as ag
from autograd_mini import formula, ops
f, x = ops.gudermannian, ag.Value(1.0)
ag.gudermannian(x).backward()
print(ag.__file__)
print(f is ag.gudermannian, x.grad, ag.hessian(f)(1.0))
print(ag.convention("gudermannian"))
print(formula.evaluate("gudermannian(0)", {}))
ag.check_primitive(f)
"""


def test_writing_a_row_is_all(tmp_path):
    """One row written in a file of the table is `ops.f`, `ag.f`, differentiable, and looked up."""
    shutil.copytree(PACKAGE, tmp_path / "autograd_mini", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copytree(Path(nn.__file__).parent, tmp_path / "nn")
    with open(tmp_path / "autograd_mini" / "ops" / "elementary.py", "a") as table:
        table.write(ROW)
    done = subprocess.run([sys.executable, "-c", ASKED], cwd=tmp_path, capture_output=True,
                          env={"PYTHONPATH": str(tmp_path)}, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
    assert "True 0.648054273663885" in done.stdout
    assert "gudermannian: no case of its own" in done.stdout


def test_functions_fit_a_screen():
    """Median under 10 lines, none over 40."""
    sizes = []
    for path in ALL_FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                sizes.append((node.end_lineno - node.lineno + 1, f"{path.name}:{node.name}"))
    assert max(sizes)[0] <= 40, max(sizes)
    assert sorted(sizes)[len(sizes) // 2][0] < 10


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/how_it_works.md"])
def test_pages_are_executed(page, tmp_path, monkeypatch):
    """The Python blocks of a page run, in order, in one namespace, and print what is shown."""
    text = (ROOT / page).read_text()
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", text, re.S)
    assert blocks
    for code, shown in blocks:
        out = io.StringIO()
        # So that messages can quote the line, as they would of a file.
        linecache.cache["example.py"] = (len(code), None, code.splitlines(True), "example.py")
        with contextlib.redirect_stdout(out):
            exec(compile(code, "example.py", "exec"), namespace)
        if shown:
            assert out.getvalue().strip() == shown.strip()


@pytest.mark.parametrize("example", [
    pytest.param(path, marks=pytest.mark.slow) if path.name == "002_xor.py" else path
    for path in sorted((ROOT / "examples").rglob("*.py"))  # that one has long searches in it
], ids=lambda p: p.name)
def test_examples_run(example, tmp_path, monkeypatch, capsys):
    """Every example runs from start to end, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(example), run_name="__main__")
    assert capsys.readouterr().out


def test_every_test_has_a_sentence():
    """Each test function says what it tests."""
    for path in (ROOT / "tests").glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"


@pytest.mark.slow  # it measures
def test_the_benchmarks_run():
    """A quick table comes out, with the results compared, whichever peers are installed."""
    done = subprocess.run([sys.executable, "-m", "benchmarks", "hessian", "--quick"], cwd=ROOT,
                          capture_output=True, text=True, check=True)
    assert "| autograd_mini, compiled |" in done.stdout
    assert re.search(r"results differ by \S+e-1\d of the largest", done.stdout), done.stdout
