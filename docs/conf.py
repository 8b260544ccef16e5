"""How Sphinx builds the pages: `make docs`. The reference is made from the docstrings beforehand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import reference

project, author = "autograd_mini", "the autograd_mini contributors"
extensions = ["myst_nb", "sphinx_copybutton"]
exclude_patterns = ["_build", "static"]
nb_execution_mode, nb_execution_raise_on_error, nb_execution_timeout = "force", True, 300
nb_merge_streams = True
nb_code_prompt_show, nb_code_prompt_hide = "A solution (try it first)", "Hide the solution"
html_theme, html_title = "furo", "autograd_mini"
html_static_path, html_css_files = ["static"], ["wide.css"]
smartquotes = False  # it would set quotes in code, too
html_show_sourcelink = html_show_copyright = False
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
copybutton_prompt_text, copybutton_prompt_is_regexp = r">>> |\.\.\. ", True
reference.write(Path(__file__).parent / "reference")


def setup(app: Any) -> None:
    """Tell programs that read of all pages, and fold solutions, once they are built."""
    app.connect("build-finished", reference.tell_of_pages)
    app.connect("build-finished", fold_solutions)


def fold_solutions(app: Any, error: Exception | None) -> None:
    """In the notebooks to be downloaded a solution is folded away, as it is on the page."""
    for path in Path(app.outdir, "_downloads").rglob("*.ipynb") if error is None else ():
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if "solution" in cell["metadata"].get("tags", ()):
                cell["metadata"]["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
        path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1), encoding="utf-8")
