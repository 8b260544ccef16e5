"""What type checkers, `help` and `dir` say to the users of the package."""

from __future__ import annotations

import inspect
import json
import pydoc
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.primitive import PRIMITIVES, Elementwise, Primitive

SAMPLE = Path(__file__).parent / "typed_sample.py"


@pytest.fixture
def package(tmp_path):
    """A folder with the package as it is installed, and the sample beside it."""
    shutil.copytree(Path(ag.__file__).parent, tmp_path / "autograd_mini",
                    ignore=shutil.ignore_patterns("nn", "__pycache__"))
    shutil.copytree(Path(nn.__file__).parent, tmp_path / "autograd_mini" / "nn")
    shutil.copy(SAMPLE, tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({
        "typeCheckingMode": "strict", "reportUnnecessaryTypeIgnoreComment": True,
        "include": [SAMPLE.name]}))
    return tmp_path


@pytest.mark.slow  # it reads all of NumPy's types
@pytest.mark.parametrize("command", [
    ["mypy", "--strict", "--follow-imports=silent", SAMPLE.name],
    ["basedpyright", "--pythonpath", sys.executable],
], ids=["mypy", "pyright"])
def test_a_users_program_is_typed(command, package):
    """The sample has the types that it says, and each of its errors is one."""
    pytest.importorskip(command[0], reason="the lint extra isn't installed")
    done = subprocess.run([sys.executable, "-m", *command], cwd=package, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_type_checkers_see_is_there():
    """Type checkers find each name of the front door, and only names that are there."""
    aliases = re.findall(r"\b(\w+) as \1\b", inspect.getsource(ag))  # a type checker's export
    exported = {*ag.__all__, *aliases}
    assert all(hasattr(ag, name) for name in exported)
    assert set(dir(ag)) <= exported


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_each_row_says_how_it_is_called(name):
    """Its documentation opens with the call, whose arguments are those of the signature."""
    row = PRIMITIVES[name]
    assert row.__doc__.startswith(f"{name}{inspect.signature(row)}\n\n")
    assert "Value" in row.__doc__ and f"ag.convention({name!r})" in row.__doc__


def test_help_is_about_the_row():
    """`help(ag.tanh)` names NumPy's function; `help` of the class is about the class."""
    assert "`np.tanh`" in pydoc.render_doc(ag.tanh)
    assert str(inspect.signature(ag.where)) == "(c, a, b, /)"
    assert "max(x, 0)" in ag.relu.__doc__
    assert "with a slope for each argument" in pydoc.render_doc(Elementwise)
    assert [*inspect.signature(Primitive).parameters] == ["forward", "scalar", "name", "symbol"]


@pytest.mark.parametrize("node", [ag.Value(1.0), ag.Tensor([1.0])], ids=["Value", "Tensor"])
def test_dir_shows_what_users_have(node):
    """The public names, and none of the engine's slots or of another library's names."""
    names = set(dir(node))
    assert names >= {"data", "grad", "backward", "label", "op", "inputs", "parents", "is_leaf",
                     "shape", "tanh", "sum"}
    assert not names & {"value", "gradient", "params", "_second_input", "detach", "unsqueeze"}
    assert all(name.startswith("__") for name in names if name.startswith("_"))
