"""The command line: `autograd-mini demo`, `draw`, `check`, `exercise`, `grade` …"""

from __future__ import annotations

import argparse
import inspect
import io
import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__, check_gradient, source
from .classroom_commands import add_classroom
from .commands import UsageError, add_pictures, colours, imported, names_in, user_code
from .errors import AutogradError

__all__ = ["main"]


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

    add_pictures(commands)
    _add_check(commands)
    _add_source(commands)
    add_classroom(commands)
    return parser


def _add_check(commands: Any) -> None:
    check = commands.add_parser(
        "check", help="verify the gradients that a Python file defines",
        epilog="Several of one file: gradient_a, gradient_b …, each beside loss_a and example_a, "
        "or loss and example where these are common to all; a_gradient, a_loss … will do as well.")
    check.add_argument("file", type=Path, help="defines loss, gradient and example (a tuple of "
                       "arguments, or a function that returns one, of nothing or of a random "
                       "generator)")
    check.add_argument("-k", dest="names", metavar="NAME", help="only the gradients with NAME in "
                       "their names")
    for name in ("loss", "gradient", "example"):
        check.add_argument(f"--{name}", default=name, metavar="NAME",
                           help="its name in the file (default: %(default)s)")
    check.add_argument("--wrt", metavar="NAMES", help="the arguments the gradient is for: W,b")
    check.add_argument("--json", action="store_true", help="the report for programs")
    check.set_defaults(run=_check)


def _add_source(commands: Any) -> None:
    code = commands.add_parser(
        "source", help="print a loss and its gradient as code that runs by itself",
        description="Print the backward pass of a loss as straight-line code, which runs without "
        "this library, each line beside the line that it comes from.",
        epilog="The file defines `loss` and `example`, as for `check` (or as for `grade`).")
    code.add_argument("file", type=Path, help="defines the loss and an example")
    code.add_argument("--loss", default="loss", metavar="NAME")
    code.add_argument("--example", default="example", metavar="NAME")
    code.add_argument("--wrt", metavar="NAMES", help="the arguments the gradient is for: W,b")
    code.add_argument("--backend", choices=("numpy", "jax", "torch"), default="numpy")
    code.add_argument("-o", "--output", type=Path, metavar="FILE",
                      help="where it is written (default: standard output)")
    code.set_defaults(run=_source)


def _demo(options: argparse.Namespace) -> int:
    from .demo import run

    run(options.out)
    return 0


def _check(options: argparse.Namespace) -> int:
    module = imported(options.file)
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
            print(report.text(colour=colours()))
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
    args, kwargs = _arguments(found["loss"], found["example"], options)
    with user_code(options.file):
        return check_gradient(found["loss"], found["gradient"], *args, wrt=names_in(options.wrt),
                              **kwargs)


def _source(options: argparse.Namespace) -> int:
    with redirect_stdout(sys.stderr):  # what the file prints is no part of the code
        module = imported(options.file)
        loss, example = (_role(module, getattr(options, role), role, options)
                         for role in ("loss", "example"))
        args, kwargs = _arguments(loss, example, options)
        if kwargs:
            raise UsageError(f"{options.loss} has arguments that are given by name alone, "
                             f"{', '.join(kwargs)}: the code takes all by position")
        with user_code(options.file):
            wrt = names_in(options.wrt) or getattr(module, "wrt", None)
            text = source(loss, *args, backend=options.backend, wrt=wrt)
    if options.output is None:
        print(text, end="")
    else:
        options.output.write_text(text, encoding="utf-8")
    return 0


def _arguments(loss: Any, example: Any, options: argparse.Namespace
               ) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a loss, by position as far as they can be."""
    with user_code(options.file):
        given = _called(example) if callable(example) else example
    args, kwargs = ((), given) if isinstance(given, dict) else (given, {})
    if not isinstance(args, tuple | list):
        raise UsageError(f"{options.example} must be a tuple of arguments, or a dict by name")
    if not callable(loss):
        raise UsageError(f"{options.loss} in {options.file} isn't a function")
    return (tuple(args), kwargs) if args else _positional(loss, kwargs)


def _called(example: Any) -> Any:
    """What an example gives; an assignment's draws from a generator: example(rng)."""
    try:
        inspect.signature(example).bind()
    except TypeError:  # it takes something
        return example(np.random.default_rng(0))
    except ValueError:  # it has no signature
        pass
    return example()


def _positional(loss: Any, by_name: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a dict, in the order of the loss's signature; those only by name."""
    try:
        bound = inspect.signature(loss).bind(**by_name)
    except TypeError as error:
        raise UsageError(f"the example doesn't fit the loss: {error}") from None
    return bound.args, bound.kwargs


def _write_any_letter() -> None:
    """Let the output have ∂ and σ wherever it goes.

    On Windows what is sent to a file or another program has an encoding without them; it is UTF-8
    then, unless another is asked for, where a ? stands for what can't be written.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and "utf" not in stream.encoding.lower():
            chosen = stream.isatty() or os.environ.get("PYTHONIOENCODING")
            stream.reconfigure(encoding=None if chosen else "utf-8", errors="replace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 fine, 1 a wrong gradient, 2 bad input."""
    _write_any_letter()
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except BrokenPipeError:  # who reads has seen enough: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (UsageError, AutogradError, OSError) as error:
        print(f"autograd-mini: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
