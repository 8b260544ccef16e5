"""The pages of the reference, made from the docstrings: every public name, with its example."""

from __future__ import annotations

import importlib
import inspect
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import autograd_mini as ag
from autograd_mini import errors, nn

PAGES: dict[str, tuple[types.ModuleType, str, str]] = {
    "autograd_mini": (ag, "autograd_mini", "Values, Tensors, derivatives, verification, pictures: "
                      "`import autograd_mini as ag`."),
    "nn": (nn, "autograd_mini.nn", "Layers, losses, optimizers and training: "
           "`from autograd_mini import nn`."),
    "parallel": (nn.parallel, "autograd_mini.nn.parallel", "Several processes that train together: "
                 "`nn.parallel`."),
    "errors": (errors, "autograd_mini.errors", "What can go wrong: `ag.errors`."),
}


MODULES = {"nn", "errors", "scipy", "special", "init", "plot", "parallel", "classroom", "demo", "formula",
           "picture", "verify", "scipy_api"}
"""What isn't a function or a class."""

PLAIN = {fast: plain for room in ("_attention", "_convolution", "_fused", "_grouped",
                                  "_normalization", "_sequences")
         for _, _, plain, fast in importlib.import_module(f"autograd_mini.nn.{room}").PAIRS}
"""For a function of nn that is only faster, the plain one, which says what both compute."""

FOR_NN_ITSELF = {"extra_repr", "forward", "moved", "adapted", "over_time"}
"""Methods that a class has for others of the library to call."""


class _Dots:
    """In the place of a default that has no short spelling."""

    def __repr__(self) -> str:
        return "..."


def write(folder: Path) -> None:
    """Write each page into a folder, if it has changed."""
    folder.mkdir(exist_ok=True)
    for name, (module, title, about) in PAGES.items():
        text = "\n".join([f"# Reference: {title}\n", about + "\n", *entries(module, title)])
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def entries(module: types.ModuleType, where: str) -> Iterator[str]:
    """A section for each public name, in alphabetical order, classes with their methods."""
    for name in sorted(set(names(module)) - MODULES, key=str.lower):
        thing = plain(getattr(module, name))
        if isinstance(thing, types.ModuleType | str):
            continue
        kind = "class" if inspect.isclass(thing) else "function"
        yield f"## {name}\n"
        yield entry(kind, f"{where}.{name}", thing)
        if kind == "class":
            for method in public_methods(thing):
                member = plain(getattr(thing, method))
                how = "property" if isinstance(member, property) else "method"
                yield entry(how, f"{where}.{name}.{method}", member)


def names(module: types.ModuleType) -> list[str]:
    """What a module exports, and of `ag` what is read when it is asked for; the errors' classes."""
    if module is errors:
        return [name for name, thing in vars(module).items()
                if inspect.isclass(thing) and thing.__module__ == errors.__name__]
    later = re.findall(r"\b(\w+) as \1\b", inspect.getsource(module)) if module is ag else []
    return sorted({*module.__all__, *later, *getattr(module, "_HIDE_PYTHONS_OWN", ())})


def plain(thing: Any) -> Any:
    """The plain function, if this is one that is only faster."""
    return PLAIN.get(thing, thing) if inspect.isfunction(thing) else thing


def public_methods(kind: type) -> list[str]:
    """The methods and properties that a class of ours states, and documents; of nodes all."""
    there = [base for base in kind.__mro__ if base.__module__.startswith("autograd_mini")]
    found = []
    for base in there if issubclass(kind, ag.Node) and kind is not ag.Node else there[:1]:
        for name, thing in vars(base).items():
            documented = inspect.isfunction(thing) or isinstance(thing, property)
            text = inspect.getdoc(thing) or ""
            if documented and text and not text.startswith("See `") and not (
                    name.startswith("_") or name in FOR_NN_ITSELF or name in found):
                found.append(name)
    return found


def entry(kind: str, name: str, thing: Any) -> str:
    """A directive with the signature and the docstring as Markdown."""
    called = "" if kind == "property" else signature(thing, of_an_object=kind == "method")
    return f"````{{py:{kind}}} {name}{called}\n\n{markdown(thing)}\n````\n"


def signature(thing: Any, of_an_object: bool = False) -> str:
    """As it is written, with defaults and without annotations; `(…)` where there is none."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return "(...)"
    if inspect.isclass(thing) and list(found.parameters) == ["args", "kwargs"]:
        return "()"  # it states no arguments
    bare = [p.replace(annotation=p.empty, default=p.default if p.default is p.empty or re.fullmatch(
        r"[\w.'\"+-]+|\(\)", repr(p.default)) else _Dots())
        for p in list(found.parameters.values())[of_an_object:] if p.name != "other"]
    return str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def markdown(thing: Any) -> str:
    """A docstring as Markdown: examples in fences, the rest as it stands."""
    text = inspect.getdoc(thing) or ""
    parts = []
    for part in text.split("\n\n"):
        if part.startswith(">>> "):
            parts.append(f"```python\n{part}\n```")
        elif part != f"{getattr(thing, 'name', '')}{signature(thing)}":  # which stands above
            parts.append(table(part) if part.startswith("|") else part.replace("<", "\\<"))
    return "\n\n".join(parts)


def table(text: str) -> str:
    """A table of which each row is one line: one that went on begins with an empty cell."""
    rows: list[list[str]] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if rows and not cells[0]:
            rows[-1] = [f"{a} {b}".strip() for a, b in zip(rows[-1], cells, strict=True)]
        else:
            rows.append(cells)
    return "\n".join([f"| {' | '.join(row)} |" for row in rows])


def tell_of_pages(app: Any, error: Exception | None) -> None:
    """llms.txt: each page with its title, for programs that read."""
    if error is None and app.builder.name == "html":
        titles = {page: app.env.titles[page].astext() for page in sorted(app.env.found_docs)}
        lines = [f"- [{title}]({page}.html)" for page, title in titles.items()]
        text = "# autograd_mini\n\n> A reverse-mode autograd engine in Python.\n\n"
        Path(app.outdir, "llms.txt").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")
