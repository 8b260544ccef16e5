"""The architecture: which module may import which, how long things are, and what is public.

docs/map.md is the one list of the modules. The order in which to read them is also the order in
which they may import each other: each imports only what stands before it on the map.
"""

from __future__ import annotations

import ast
import functools
import graphlib
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
PACKAGE, NN = Path(autograd_mini.__file__).parent, Path(nn.__file__).parent


@functools.cache
def parsed(path):
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def modules():
    """Each module by its name within the package: `graph`, `ops`, `ops.linalg`, `nn.module`."""
    of_nn = {("nn", *p.relative_to(NN).parts): p for p in NN.rglob("*.py")}
    for parts, path in {p.relative_to(PACKAGE).parts: p for p in PACKAGE.rglob("*.py")}.items():
        if parts[0] != "nn":  # installed, nn is inside
            yield ".".join(parts).removesuffix(".py").removesuffix(".__init__"), path
    for parts, path in of_nn.items():
        yield ".".join(parts).removesuffix(".py").removesuffix(".__init__"), path


MODULES = dict(sorted(modules()))


def room(module):
    """The name that the map has for it: the package it is in, if it is in one; of nn each file."""
    parts = module.split(".")
    return ".".join([*parts, "__init__"][:2]) if parts[0] == "nn" else parts[0]


def read_map():
    """What the map names, in its order, and what it names inside of each package."""
    page = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
    text = re.search(r"```\n(.*?)```", page, re.S)[1]
    order, inside, root = [], [], ""
    for line in text.splitlines():
        names = re.findall(r"\b(\w+)(?:\.py|/)", line)
        if not line.startswith(" "):
            root = "nn." if names[0] == "nn" else ""
        elif re.match(r"  \w+\.py", line):
            order += [root + name for name in re.findall(r"\b(\w+)\.py", line)]
        elif re.match(r"  \w", line):  # a package, and what is in it, on this line and the next
            order.append(package := root + names[0])
            inside += [(package, name) for name in names[1:]]
        else:
            inside += [(package, name) for name in names]
    return order, inside


ORDER, INSIDE = read_map()
FLOOR = {name: i for i, name in enumerate(ORDER)}
# What names a later module, or closes a circle, for type checkers only. May only shrink.
FOR_TYPES = {"primitive": {"typed"}, "operators": {"typed"}, "__init__": {"nn", "demo"}}


def statements(body, types):
    """What runs when a file is loaded; with what only type checkers read, if that is asked."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        yield node
        for part in ("body", "orelse", "handlers", "finalbody"):
            if types or not (for_types and part == "body"):
                yield from statements(getattr(node, part, []), types)


def imports(module, types=False):
    """(where, name) of what a module imports from our packages: ("", "Value"), ("graph", "Node").

    A function that imports when it is called isn't asked.
    """
    path = MODULES[module]
    here = [] if module == "__init__" else module.split(".")
    here = here if path.name == "__init__.py" else here[:-1]
    for node in statements(parsed(path).body, types):
        if isinstance(node, ast.Import):
            assert not any(a.name.startswith("autograd_mini") for a in node.names), path
        if isinstance(node, ast.ImportFrom):
            there = (node.module or "").split(".") if node.module else []
            if node.level:
                there = [*here[: len(here) - node.level + 1], *there]
            elif there[:1] == ["autograd_mini"]:
                there = there[1:]
            else:
                continue
            yield from ((".".join(there), a.name) for a in node.names)


def imported(module, types=False):
    """The modules that a module imports."""
    for where, name in imports(module, types):
        full = f"{where}.{name}".removeprefix(".")
        yield full if full in MODULES else where or "__init__"


def test_the_map_names_every_module_and_package():
    """docs/map.md has each module and package of the two packages, once, and nothing else."""
    assert len(set(ORDER)) == len(ORDER)
    there = {room(module) for module in MODULES}
    assert set(ORDER) == there, f"docs/map.md and the packages differ: {set(ORDER) ^ there}"
    for package, name in INSIDE:
        assert any(m.startswith(package + ".") and m.endswith("." + name) for m in MODULES), (
            f"docs/map.md has {package}/…/{name}, which isn't there")


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_downward(module):
    """A module imports, for type checkers too, only from its own room or from what stands before it
    on docs/map.md."""
    for target in set(imported(module, types=True)) - FOR_TYPES.get(module, set()):
        assert room(target) == room(module) or FLOOR[room(target)] < FLOOR[room(module)], (
            f"{module} imports {target}, which comes later on docs/map.md")


def test_no_modules_import_each_other_in_a_circle():
    """No modules import each other in a circle, inside of a room either, or for type checkers."""
    graph = {m: {*imported(m, types=True)} - FOR_TYPES.get(m, set()) - {m} for m in MODULES}
    assert [*graphlib.TopologicalSorter(graph).static_order()]  # raises, and shows the circle


def test_what_is_imported_for_types_alone_is_needed():
    """An exception to the order that nothing needs any more is struck out; none is loaded."""
    for module, names in FOR_TYPES.items():
        assert names <= {*imported(module, types=True)} - {*imported(module)}, module


# ── sizes ────────────────────────────────────────────────────────────────────────────────────

# What is over its limit, with its lines, which may only shrink. Nothing is at present.
LONG_FILES: dict[str, int] = {}
LONG_CLASSES: dict[str, int] = {}


def too_long(sizes, limit, known):
    """What is over the limit and wasn't, or is over what it was; and what is no longer over it."""
    grown = {name: n for name, n in sizes.items() if n > known.get(name, limit)}
    return grown, [name for name in known if sizes.get(name, 0) <= limit]


def sizes_of(kind):
    """The lines of each function, or class, of the two packages."""
    return {f"{module}.{node.name}": node.end_lineno - node.lineno + 1
            for module, path in MODULES.items() for node in ast.walk(parsed(path))
            if isinstance(node, kind)}


def test_files_have_at_most_400_lines():
    """No file of the packages or of the tests is longer, but for those that are listed."""
    names = {path: f"autograd_mini/{path.relative_to(PACKAGE)}" for path in MODULES.values()
             if path.is_relative_to(PACKAGE)}
    files = [*MODULES.values(), *(ROOT / "tests").glob("*.py")]
    sizes = {names.get(path, path.name): path.read_text(encoding="utf-8").count("\n")
             for path in files}
    assert too_long(sizes, 400, LONG_FILES) == ({}, [])


def test_classes_have_at_most_200_lines():
    """No class of the packages is longer, but for those that are listed."""
    assert too_long(sizes_of(ast.ClassDef), 200, LONG_CLASSES) == ({}, [])


def test_functions_fit_a_screen():
    """No function is longer than 40 lines, and half of them are shorter than 10."""
    sizes = sizes_of(ast.FunctionDef | ast.AsyncFunctionDef)
    assert too_long(sizes, 40, {}) == ({}, [])
    assert sorted(sizes.values())[len(sizes) // 2] < 10


# ── what a learner reads ─────────────────────────────────────────────────────────────────────

BELOW = "# ── below: what the idea doesn't need"
READ = {"graph": ["graph.py"], "primitive": ["primitive.py"], "backprop": ["backprop.py"],
        "ops": ["ops/arithmetic.py", "ops/elementary.py"], "value": ["value.py"],
        "scalar": ["nn/scalar.py"]}
BESIDES = {"errors", "recording", "operators", "nn.module"}


def path_of(file):
    """Where a file of the package is, of a checkout (which has nn beside it) or installed."""
    return NN / file.removeprefix("nn/") if file.startswith("nn/") else PACKAGE / file


def test_the_idea_takes_600_lines():
    """The parts of the files that a learner reads are 600 lines together, as the page says that
    tells them."""
    page = (ROOT / "docs" / "how_it_works.md").read_text(encoding="utf-8")
    lines = {}
    for name, files in READ.items():
        parts = [path_of(file).read_text(encoding="utf-8").split(BELOW)[0] for file in files]
        lines[name] = sum(part.rstrip().count("\n") + 1 for part in parts)
    assert sum(lines.values()) <= 600, lines
    said = [int(n) for n in re.findall(r"^\| .*\| (\d+) \|", page, re.M)]
    assert said == [lines[name] for name in ("graph", "primitive", "ops", "backprop", "value",
                                             "scalar")] + [sum(lines.values())]


def test_the_idea_stands_on_little():
    """What a learner reads imports each other, and what its page says may be taken on trust."""
    rooms = {*READ, *BESIDES} - {"scalar"}
    for file in [file for files in READ.values() for file in files if not file.startswith("nn/")]:
        for target in imported(file.removesuffix(".py").replace("/", ".")):
            assert room(target) in rooms, f"{file} imports {target}"
    source = path_of("nn/scalar.py").read_text(encoding="utf-8")
    assert set(re.findall(r"^from (\S+) import", source, re.M)) <= {
        "__future__", "collections.abc", "typing", "autograd_mini", ".module"}


def test_nn_imports_only_the_front_door():
    """nn uses what autograd_mini/__init__ exports and nothing behind it."""
    for module in MODULES:
        if module.split(".")[0] == "nn":
            for where, name in imports(module):
                assert where.split(".")[0] in ("", "nn"), f"{module} imports from {where}"
                assert where or hasattr(autograd_mini, name), f"{module} imports {name}"


def test_public_functions_have_docstrings():
    """Whatever the two front doors export has a docstring."""
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
        assert getattr(autograd_mini, name).__doc__ or name == "__version__"


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
    with open(tmp_path / "autograd_mini" / "ops" / "elementary.py", "a", encoding="utf-8") as table:
        table.write(ROW)
    done = subprocess.run([sys.executable, "-c", ASKED], cwd=tmp_path, capture_output=True,
                          env={"PYTHONPATH": str(tmp_path)}, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
    assert "True 0.648054273663885" in done.stdout
    assert "gudermannian: no case of its own" in done.stdout


def test_every_test_has_a_sentence():
    """Each test function says what it tests."""
    for path in (ROOT / "tests").glob("test_*.py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"
