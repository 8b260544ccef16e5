"""How Sphinx builds the pages: `make docs`. The reference is made from the docstrings beforehand."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
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
html_static_path, html_css_files, html_js_files = ["static"], ["wide.css"], ["search_names.js"]
smartquotes = False  # it would set quotes in code, too
html_show_sourcelink = html_show_copyright = False
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
copybutton_prompt_text, copybutton_prompt_is_regexp = r">>> |\.\.\. ", True
reference.write(Path(__file__).parent / "reference")

# The kernels would warn, once for each lesson, that they talk through local ports.
os.environ["IPYTHONDIR"] = quiet = tempfile.mkdtemp()
Path(quiet, "profile_default").mkdir()
Path(quiet, "profile_default", "ipython_kernel_config.py").write_text(
    "c.IPKernelApp.log_level = 40\n", encoding="utf-8")


def setup(app: Any) -> None:
    """Tell programs that read of all pages, and fold solutions, once they are built."""
    app.connect("build-finished", reference.tell_of_pages)
    app.connect("build-finished", fold_solutions)


def fold_solutions(app: Any, error: Exception | None) -> None:
    """In the notebooks to be downloaded a solution is folded away, as it is on the page."""
    for path in Path(app.outdir, "_downloads").rglob("*.ipynb") if error is None else ():
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":  # what is a link on the page
                text = "".join(cell["source"])
                text = re.sub(r"\{nb-download\}`([^`<]*?) ?<[^`]*>`", r"\1", text)
                text = re.sub(r"\]\((\d\d_\w+)\.md\)", r"](\1.ipynb)", text)
                cell["source"] = re.sub(r"\[([^\]]+)\]\((?!http|\d)[^)]*\)", r"\1", text)
            if "solution" in cell["metadata"].get("tags", ()):
                cell["metadata"]["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
        path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1), encoding="utf-8")
