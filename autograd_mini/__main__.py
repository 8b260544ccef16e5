"""The command line: `autograd-mini demo`, `draw`, `explain`, `check` and `exercise`."""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__, check_gradient, draw, exercise, explain
from .errors import AutogradError
from .formula import compute, functions
from .graph import topological_order
from .picture import save

__all__ = ["main"]


class UsageError(Exception):
    """Something the user gave that can't be used: one line, exit status 2."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autograd-mini", description="See a gradient, check a gradient, train on gradients."
    )
    parser.add_argument("--version", action="version", version=f"autograd-mini {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    demo = commands.add_parser("demo", help="train a network of scalars on real handwritten "
                               "digits, verify gradients, draw graphs")
    demo.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR",
                      help="where the pictures go (default: %(default)s)")
    demo.set_defaults(run=_demo)

    picture = commands.add_parser(
        "draw", help="draw the graph of a formula, with gradients",
        epilog="A formula that begins with - goes after --. Functions: "
               f"{', '.join(sorted(functions()))}",
    )
    picture.add_argument("formula", help='such as "tanh(w*x + b)"')
    picture.add_argument("values", nargs="*", metavar="name=number", help="one for each name")
    picture.add_argument("-o", "--output", type=Path, default=Path("graph.svg"), metavar="FILE",
                         help="its suffix says the format (default: %(default)s)")
    picture.set_defaults(run=_draw)

    _add_explain(commands)
    _add_check(commands)
    _add_exercise(commands)
    return parser


def _add_explain(commands: Any) -> None:
    derivation = commands.add_parser(
        "explain", help="write the derivation of a formula, forward and backward, with numbers",
        epilog="A formula that begins with - goes after --.")
    derivation.add_argument("formula", help='such as "tanh(w*x + b)"')
    derivation.add_argument("values", nargs="*", metavar="name=number", help="one for each name")
    derivation.add_argument("--wrt", metavar="NAMES", help="only what leads to these: w,b")
    derivation.add_argument("--format", choices=("text", "latex", "html"), default="text")
    derivation.add_argument("-o", "--output", type=Path, metavar="FILE",
                            help="where it is written (default: standard output)")
    derivation.set_defaults(run=_explain)


def _explain(options: argparse.Namespace) -> int:
    with np.errstate(all="ignore"):
        y = compute(options.formula, dict(_assignment(word) for word in options.values))
    y.label = y.label or "y"
    wrt = [name.strip() for name in options.wrt.split(",")] if options.wrt else None
    told = explain(y, wrt=wrt)
    written = {"text": str(told), "latex": told.latex, "html": told.html}[options.format]
    if options.output is None:
        print(written)
        return 0
    if not options.output.parent.is_dir():
        raise UsageError(f"no such folder: {options.output.parent}")
    options.output.write_text(written + "\n", encoding="utf-8")
    print(f"wrote {options.output}")
    return 0


def _add_check(commands: Any) -> None:
    check = commands.add_parser(
        "check", help="verify the gradients that a Python file defines",
        epilog="Several of one file: gradient_a, gradient_b …, each beside loss_a and example_a, "
        "or loss and example where these are common to all; a_gradient, a_loss … will do as well.")
    check.add_argument("file", type=Path, help="defines loss, gradient and example (a tuple of "
                       "arguments, or a function that returns one)")
    check.add_argument("-k", dest="names", metavar="NAME", help="only the gradients with NAME in "
                       "their names")
    for name in ("loss", "gradient", "example"):
        check.add_argument(f"--{name}", default=name, metavar="NAME",
                           help="its name in the file (default: %(default)s)")
    check.add_argument("--wrt", metavar="NAMES", help="the arguments the gradient is for: W,b")
    check.add_argument("--json", action="store_true", help="the report for programs")
    check.set_defaults(run=_check)


def _add_exercise(commands: Any) -> None:
    homework = commands.add_parser(
        "exercise", help="a derivation to do by hand, or the verdict on one",
        epilog='An answer reads name=formula, such as w="(1 - y**2) * x"; y is the value.')
    homework.add_argument("formula", help='such as "tanh(w*x + b)"')
    homework.add_argument("answers", nargs="*", metavar="name=formula")
    homework.add_argument("--seed", type=int, default=0, help="which numbers (default: 0)")
    homework.add_argument("--hint", type=int, choices=(1, 2, 3, 4), help="only a hint: 1 where, "
                          "2 what kind of mistake, 3 which, 4 the corrected formula")
    homework.set_defaults(run=_exercise)


def _demo(options: argparse.Namespace) -> int:
    from .demo import run

    run(options.out)
    return 0


def _draw(options: argparse.Namespace) -> int:
    if not options.output.parent.is_dir():
        raise UsageError(f"no such folder: {options.output.parent}")
    if not options.output.suffix:
        raise UsageError(f"{options.output} needs a suffix that says the format, such as .svg")
    with np.errstate(all="ignore"):  # at a pole the picture says inf; that is enough
        y = compute(options.formula, dict(_assignment(word) for word in options.values))
    y.label = y.label or "result"
    y.backward()
    for node in _leaves(y):
        print(f"d result / d {node.label} = {node.grad:.10g}")
    print(f"result = {y.data:.10g}")
    print(f"wrote {save(draw(y), options.output)}")
    return 0


def _leaves(y: Any) -> list[Any]:
    return sorted((n for n in topological_order(y) if n.is_leaf), key=lambda n: n.label)


def _assignment(word: str) -> tuple[str, float]:
    name, equals, number = word.partition("=")
    try:
        if not equals or not name.isidentifier():
            raise ValueError
        return name, float(number)
    except ValueError:
        raise UsageError(f"{word!r} isn't of the form name=number, such as w=0.5") from None


def _check(options: argparse.Namespace) -> int:
    module = _imported(options.file)
    triples = _triples(module, options)
    # What the user's functions print doesn't belong into JSON.
    aside = redirect_stdout(sys.stderr) if options.json else nullcontext()
    reports = {}
    for name, found in triples.items():
        with aside:
            report = reports[name] = _report(found, options)
        if not options.json:
            if len(triples) > 1:
                print(f"── {name} ".ljust(79, "─"))
            print(report.text(colour=_colours()))
    if options.json:
        told = {name: report.as_dict() for name, report in reports.items()}
        several = {"ok": all(r.ok for r in reports.values()), "checks": told}
        print(json.dumps(several if len(told) > 1 else next(iter(told.values())),
                         ensure_ascii=False, indent=2))
    elif len(reports) > 1:
        right = sum(report.ok for report in reports.values())
        print(f"{right} of {len(reports)} gradients are right")
    return 0 if all(report.ok for report in reports.values()) else 1


def _triples(module: Any, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The gradients of a file by name, each with its loss and example."""
    roles = ("loss", "gradient", "example")
    given = {role: getattr(options, role) for role in roles}
    words = given["gradient"], "grad"
    names = [name for name in vars(module) if callable(getattr(module, name)) and any(
        name == w or name.startswith(f"{w}_") or name.endswith(f"_{w}") for w in words)]
    if given["gradient"] != "gradient" or not names:
        names = [given["gradient"]]
    chosen = [name for name in names if (options.names or "") in name]
    if not chosen:
        raise UsageError(f"{options.file} defines no gradient with {options.names!r} in its name; "
                         f"it defines {', '.join(names)}")
    return {name: {"gradient": _role(module, name, "gradient", options)} | {
        role: _role(module, _beside(module, name, role, given[role]), role, options)
        for role in ("loss", "example")} for name in chosen}


def _beside(module: Any, gradient: str, role: str, common: str) -> str:
    """The name of a gradient's own loss or example, or of the one that is common to all."""
    for word in ("gradient", "grad"):
        if gradient.startswith(f"{word}_") or gradient.endswith(f"_{word}"):
            stem = gradient.removeprefix(f"{word}_").removesuffix(f"_{word}")
            own = [f"{role}_{stem}", f"{stem}_{role}", *([stem] if role == "loss" else ())]
            return next((name for name in own if hasattr(module, name)), common)
    return common


def _role(module: Any, name: str, role: str, options: argparse.Namespace) -> Any:
    if not hasattr(module, name):
        raise UsageError(f"{options.file} defines no {name!r} (--{role} NAME names another)")
    return getattr(module, name)


def _report(found: dict[str, Any], options: argparse.Namespace) -> Any:
    """The report on one gradient."""
    with _user_code(options.file):
        example = found["example"]() if callable(found["example"]) else found["example"]
    args, kwargs = ((), example) if isinstance(example, dict) else (example, {})
    if not isinstance(args, tuple | list):
        raise UsageError(f"{options.example} must be a tuple of arguments, or a dict by name")
    if not args:
        args, kwargs = _positional(found["loss"], kwargs)
    wrt = [name.strip() for name in options.wrt.split(",")] if options.wrt else None
    if not callable(found["loss"]):
        raise UsageError(f"{options.loss} in {options.file} isn't a function")
    with _user_code(options.file):
        return check_gradient(found["loss"], found["gradient"], *args, wrt=wrt, **kwargs)


def _colours() -> bool:
    """Whether a terminal shows colours, and NO_COLOR isn't set (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _exercise(options: argparse.Namespace) -> int:
    homework = exercise(options.formula, options.seed)
    if not options.answers:
        print(homework)
        return 0
    answers = {}
    for word in options.answers:
        name, equals, formula = word.partition("=")
        if not equals or not name.isidentifier() or name in answers:
            raise UsageError(f"{word!r} isn't of the form name=formula, such as w=2*x, or comes "
                             "twice")
        answers[name] = formula
    report = homework.check(**answers)
    print(report.hint(options.hint) if options.hint else report.text(colour=_colours()))
    return 0 if report.ok else 1


def _positional(loss: Any, by_name: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a dict, in the order of the loss's signature; those only by name."""
    try:
        bound = inspect.signature(loss).bind(**by_name)
    except TypeError as error:
        raise UsageError(f"the example doesn't fit the loss: {error}") from None
    return bound.args, bound.kwargs


@contextmanager
def _user_code(path: Path) -> Iterator[None]:
    """Errors of the user's own code as one line that says where; the package's own as they are."""
    try:
        yield
    except (AutogradError, SyntaxError):
        raise
    except Exception as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__)
                 if f.filename == str(path)]
        where = f", line {lines[-1]}" if lines else ""
        raise UsageError(f"{path}{where}: {type(error).__name__}: {error}") from error


def _imported(path: Path) -> Any:
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} isn't a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))  # what it imports lies beside it
    try:
        with _user_code(path):
            spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(f"{path}, line {error.lineno}: {error.msg}") from None
    return module


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 fine, 1 a wrong gradient, 2 bad input."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (UsageError, AutogradError, OSError) as error:
        print(f"autograd-mini: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
