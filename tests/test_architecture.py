"""The architecture: who imports whom, what is public, how large things are, what one reads."""

from __future__ import annotations

import ast
import inspect
import re
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
FLOORS = ["_version _checkout errors places", "graph trees spellings", "recording",
          "primitive typed", "ops", "functions", "special", "numpy_api", "methods manual",
          "backprop", "masks limits", "passes", "not_computed", "operators", "value tensor",
          "fast", "call", "transforms", "compiler", "debug", "verify picture formula",
          "exercises", "", "nn", "demo", "__main__"]
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


def on_the_map():
    """The modules and packages that README's map names: at the top of autograd_mini, and of nn."""
    text = (ROOT / "README.md").read_text().split("## The map")[1].split("```")[1]
    inside = text.split("\n", 1)[1].split("\nnn/")[0].removeprefix("autograd_mini/\n")
    top = [line for line in inside.splitlines() if line.startswith("  ") and line[2] != " "]
    return {name for line in top for name in re.findall(r"(?:^  |;  )(\w+)(?:\.py|/)", line)}


def test_the_map_and_the_floors_name_the_same_modules():
    """README's map has the modules in reading order, FLOORS in the order of imports; both name
    every module and package that there is, and nothing else."""
    there = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    private = {name for name in there if name.startswith("_") and name != "__main__"}
    assert on_the_map() == there - private - {"nn"}
    assert set(FLOOR) == there | {"nn"}


def test_no_module_imports_itself_by_a_detour():
    """There is no circle of imports, those for type checkers alone included, but for what
    typed.py declares: the kinds of node, of the operators that make them."""
    arrows = {}
    for path in FILES:
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        package = path.relative_to(PACKAGE).parent.parts
        arrows[name] = found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level and node.col_offset in (0, 4):
                base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
                base = ".".join(part for part in base if part)
                found |= {f"{base}.{alias.name}".strip(".") for alias in node.names} | {base}
    arrows = {name: {to for to in found if to in arrows and to != name}
              for name, found in arrows.items() if name not in ("typed", "__init__")}
    for name in arrows:
        seen, todo = set(), list(arrows[name])
        while todo:
            to = todo.pop()
            if to not in seen:
                seen.add(to)
                todo += arrows.get(to, ())
        assert name not in seen or name.endswith("__init__"), f"{name} imports itself"


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




def test_files_and_classes_have_one_subject():
    """No file has more than 400 lines, and no class more than 200."""
    for path in ALL_FILES:
        name = str(path.relative_to(PACKAGE if path in FILES else path.parents[1]))
        text = path.read_text()
        assert text.count("\n") <= 400, name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                assert node.end_lineno - node.lineno < 200, f"{name}: {node.name}"


def test_functions_fit_a_screen():
    """Median under 10 lines, none over 40."""
    sizes = []
    for path in ALL_FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                sizes.append((node.end_lineno - node.lineno + 1, f"{path.name}:{node.name}"))
    assert max(sizes)[0] <= 40, max(sizes)
    assert sorted(sizes)[len(sizes) // 2][0] < 10


def test_every_test_has_a_sentence():
    """Each test function says what it tests."""
    for path in (ROOT / "tests").glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"


