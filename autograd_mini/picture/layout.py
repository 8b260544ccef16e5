"""DOT text becomes a picture, by Graphviz's `dot` or its twin in a wheel, if there is one."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import graphviz

from ..errors import AutogradError, MissingExtraError

__all__ = ["Drawing", "LayoutError", "laid_out", "layout", "program"]

HOW_TO_LAY_OUT = (
    "no layout program was found: install Graphviz (its `dot` must be on PATH), or "
    'pip install "autograd-mini[viz]" (in a clone: ".[viz]")'
)
ROUGHLY = ("-Gnslimit=0", "-Gnslimit1=0", "-Gmclimit=0", "-Gsplines=line")
SO_IT_SAYS = "-Glabel=laid out roughly, in columns: a better layout took too long"


class LayoutError(AutogradError, RuntimeError):
    """Graphviz couldn't lay the graph out, or not in time."""


class _TooLongError(LayoutError):
    pass


def program() -> str | None:
    """Graphviz's `dot` from PATH, else the one in the wheel graphviz-pure, else None."""
    scripts = sysconfig.get_path("scripts")  # need not be on PATH
    return (
        shutil.which("dot")
        or shutil.which("graphviz-pure")
        or shutil.which("graphviz-pure", path=scripts)
    )


def layout(source: str, form: str = "svg", seconds: float = 20.0, dpi: float | None = None
           ) -> bytes:
    """The picture of DOT text, in Graphviz's format `form` ("svg", "png", "pdf", "json" …).

    What takes more than `seconds` seconds is laid out roughly, in columns by depth, and says so.
    dpi: dots per inch of a PNG. Raises `MissingExtraError` if there is no layout program, and
    `LayoutError` if it fails.
    """
    options = [f"-T{form}", *([f"-Gdpi={dpi:g}"] if dpi is not None else [])]
    return laid_out(source, options, seconds)


def laid_out(source: str, options: Sequence[str], seconds: float = 20.0, says_so: bool = True
             ) -> bytes:
    """What the layout program writes of DOT text with these options; roughly, if need be.

    says_so: a label in the picture tells that it is rough.
    """
    try:
        return _run(source, options, seconds)
    except _TooLongError:
        return _run(source, [*options, *ROUGHLY, *([SO_IT_SAYS] if says_so else [])], seconds)


def _run(source: str, options: Sequence[str], seconds: float) -> bytes:
    found = program()
    if found is None:
        raise MissingExtraError(HOW_TO_LAY_OUT)
    try:
        done = subprocess.run([found, "-Kdot", *options], input=source.encode(),
                              capture_output=True, timeout=seconds, check=True)
    except subprocess.TimeoutExpired:
        raise _TooLongError(f"the layout took more than {seconds:g} s: lower max_nodes, so that "
                            "more is folded, or show a smaller part") from None
    except (subprocess.CalledProcessError, OSError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        raise LayoutError(f"{found} failed: {said.decode(errors='replace').strip()}") from None
    return done.stdout


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that finds a layout program, and says so if there is none.

    sentences: by the id of a box or an arrow, what a screen reader and a tooltip say of it.
    """

    sentences: Mapping[str, str] = {}
    said = "A computation graph"
    data: Callable[[], dict[str, Any]]  # see `as_dict` and `tikz`
    latex: Callable[[str], str]

    def as_dict(self) -> dict[str, Any]:
        """The whole graph for programs, as JSON takes it; see `autograd_mini.picture.exports`."""
        return self.data()

    def tikz(self) -> str:
        """The picture as a tikzpicture for LaTeX, which needs the packages amsmath and tikz."""
        return self.latex(self.source)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled or copied: the graph as data and as LaTeX, for nodes aren't pickled."""
        try:
            latex = partial(_kept, self.tikz())
        except (MissingExtraError, LayoutError) as error:
            latex = partial(_not_kept, str(error))
        return vars(self) | {"data": partial(dict, self.as_dict()), "latex": latex}

    def svg(self) -> str:
        """The picture as SVG text, with a sentence for each box and arrow."""
        return self._told(layout(self.source).decode())

    def _told(self, svg: str) -> str:
        """An SVG whose titles are sentences, and not the names of Graphviz's nodes."""
        def sentence(found: re.Match[str]) -> str:
            return f"{found[1]}{html.escape(self.sentences.get(found[2], ''))}</title>"

        titled = re.sub(r'(<g id="([^"]+)" class="(?:node|edge|cluster)">\s*<title>)[^<]*</title>',
                        sentence, svg)
        titled = re.sub(r"<title>[^<]*</title>", f"<title>{html.escape(self.said)}</title>",
                        titled, count=1)
        return titled.replace("<svg ", f'<svg role="img" aria-label="{html.escape(self.said)}" ', 1)

    def write(self, path: str | Path, dpi: float | None = None) -> Path:
        """Save the picture; the suffix says how: .svg, .png, .pdf …, .tex for TikZ, .json for the
        graph as data, .dot or .gv for Graphviz's text.

        dpi: dots per inch of a PNG. Raises `ValueError` without a suffix.
        """
        path = Path(path)
        form = path.suffix.lstrip(".").lower()
        if form in ("dot", "gv"):
            path.write_text(self.source, encoding="utf-8")
        elif form == "tex":
            path.write_text(self.tikz(), encoding="utf-8")
        elif form == "json":
            path.write_text(json.dumps(self.as_dict(), ensure_ascii=False), encoding="utf-8")
        elif form == "svg":
            path.write_text(self.svg(), encoding="utf-8")
        elif form:
            path.write_bytes(layout(self.source, form, dpi=dpi))
        else:
            raise ValueError(f"{path} needs a suffix that says the format, such as .svg")
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any
                          ) -> dict[str, str]:
        """What a notebook shows: SVG, PNG and text; text alone, with the cure, if need be."""
        import base64

        try:
            with tempfile.TemporaryDirectory() as folder:  # one layout for both
                svg, png = Path(folder) / "graph.svg", Path(folder) / "graph.png"
                laid_out(self.source, ["-Tsvg", f"-o{svg}", "-Tpng", f"-o{png}"])
                return {"image/svg+xml": self._told(svg.read_text(encoding="utf-8")),
                        "image/png": base64.b64encode(png.read_bytes()).decode(),
                        "text/plain": self.source}
        except (MissingExtraError, LayoutError) as error:
            return {"text/plain": f"{self.source}\n// {error}"}


def _kept(latex: str, source: str) -> str:
    """A picture as LaTeX, of one that was pickled."""
    return latex


def _not_kept(why: str, source: str) -> str:
    """The same, where there was no layout to make it from."""
    raise LayoutError(f"the picture was pickled or copied without its LaTeX, for {why}")
