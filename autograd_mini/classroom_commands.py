"""The commands for a class: `exercise`, `test-engine` and `grade`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from . import check_engine, exercise
from .classroom import FORBIDDEN, SUBJECTS, Exercise, Grades, Limits, grade, worksheet
from .classroom.handed_in import handed_in
from .commands import UsageError, colours

__all__ = ["add_classroom"]


def add_classroom(commands: Any) -> None:
    """Add the commands to a parser's."""
    _add_exercise(commands)
    _add_test_engine(commands)
    _add_grade(commands)


def _add_exercise(commands: Any) -> None:
    homework = commands.add_parser(
        "exercise", help="a derivation to do by hand, or the verdict on one",
        epilog='An answer reads name=formula, such as w="(1 - y**2) * x"; y is the value. With '
        "--subject or --difficulty, and no formula, it is one of a bank's; the subjects: "
        f"{', '.join(SUBJECTS)}.")
    homework.add_argument("formula", nargs="?", help='such as "tanh(w*x + b)"')
    homework.add_argument("answers", nargs="*", metavar="name=formula")
    homework.add_argument("--subject", metavar="NAME", help="what it is about")
    homework.add_argument("--difficulty", type=int, choices=(1, 2, 3))
    homework.add_argument("--sheet", type=int, metavar="N", help="so many as a LaTeX document, of "
                          "seeds from --seed on, without repeats as long as there are others")
    homework.add_argument("--solution", action="store_true", help="the derivation, written out; of "
                          "a sheet, under each exercise")
    homework.add_argument("--seed", type=int, default=0, help="which numbers (default: 0)")
    homework.add_argument("--hint", type=int, choices=(1, 2, 3, 4), help="only a hint: 1 where, "
                          "2 what kind of mistake, 3 which, 4 the corrected formula")
    homework.add_argument("--json", action="store_true", help="the verdict for programs")
    homework.set_defaults(run=_exercise)


def _add_test_engine(commands: Any) -> None:
    trial = commands.add_parser(
        "test-engine", help="test an autograd engine of your own",
        description="Test an autograd engine of your own: which properties hold, and for each that "
        "doesn't a few lines of code that show it, the number expected, and why.",
        epilog="The file defines Value, with micrograd's interface, or Tensor for arrays, or both.")
    trial.add_argument("file", type=Path, help="defines the engine")
    trial.add_argument("--class", dest="name", metavar="NAME", help="if it isn't Value or Tensor")
    trial.add_argument("--arrays", action="store_true", default=None, help="its class holds "
                       "arrays (as one called Tensor does)")
    trial.add_argument("--seconds", type=float, default=60.0, help="how long it may take before it "
                       "is ended (default: %(default)g)")
    trial.add_argument("--json", action="store_true", help="the report for programs")
    trial.set_defaults(run=_test_engine)


def _add_grade(commands: Any) -> None:
    marks = commands.add_parser(
        "grade", help="grade gradients that were handed in, each in a process of its own",
        description="Grade Python files that define a function gradient: each computes its numbers "
        "in a process of its own, under limits, and the verdict is given here. Limits aren't a "
        "sandbox: a file may do what you may.",
        epilog="The assignment defines loss, example(rng), solution, and perhaps wrt and points. "
        "Exit status: 0 if all are graded, whatever the marks; 2 if the assignment is broken.")
    marks.add_argument("assignment", type=Path)
    marks.add_argument("submissions", type=Path, nargs="+", help="files, or folders of them")
    marks.add_argument("--seed", type=int, help="of the numbers they are tried at (default: drawn)")
    marks.add_argument("--tries", type=int, default=3, help="at how many (default: %(default)s)")
    marks.add_argument("--jobs", type=int, default=1, help="how many at a time (default: 1)")
    marks.add_argument("--hint", type=int, choices=range(5), default=2,
                       help="how much of a hint is told (default: %(default)s; 0: none)")
    limits = Limits()
    for name, unit in (("wall", "seconds"), ("cpu", "seconds of the processor"),
                       ("memory", "megabytes"), ("verdict", "seconds of the verdict")):
        default = getattr(limits, name)
        marks.add_argument(f"--{name}", type=type(default), default=default, metavar="N",
                           help=f"{unit} for each (default: %(default)g)")
    marks.add_argument("--forbid", default=",".join(FORBIDDEN), metavar="NAMES",
                       help="packages that can't be imported (default: %(default)s)")
    marks.add_argument("--csv", type=Path, metavar="FILE", help="also write a table")
    marks.add_argument("--json", action="store_true", help="print the grades for programs")
    marks.add_argument("--feedback", type=Path, metavar="FOLDER",
                       help="also write a file of JSON for each, to be handed back")
    marks.add_argument("--gradescope", type=Path, metavar="FILE",
                       help="also write results.json, of the one submission, for Gradescope")
    marks.set_defaults(run=_grade)


def _exercise(options: argparse.Namespace) -> int:
    if options.sheet is not None:
        if options.sheet < 1:
            raise UsageError("--sheet needs a number of 1 or more")
        if _answers(options) or options.json:
            raise UsageError("--sheet prints exercises: give no answers, and no --json")
        print(worksheet(_different(options), f"Exercises {options.seed}", options.solution), end="")
        return 0
    homework, answers = _chosen(options, options.seed), _answers(options)
    if answers and options.solution:
        raise UsageError("--solution tells the answers: give none")
    if not answers:
        if options.json:
            print(json.dumps({"expression": homework.expression, "asked": homework.wrt,
                              "at": homework.values}, ensure_ascii=False, indent=2))
        else:
            print(homework.derivation() if options.solution else homework)
        return 0
    report = homework.check(**answers)
    if options.json:
        print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        print(report.hint(options.hint) if options.hint else report.text(colour=colours()))
    return 0 if report.ok else 1


def _different(options: argparse.Namespace) -> list[Exercise]:
    """So many exercises of the seeds from one on, no formula twice as long as there are others."""
    tried = options.sheet if options.formula else min(20 * options.sheet, options.sheet + 200)
    drawn = [_chosen(options, options.seed + i) for i in range(tried)]
    formulas = [each.expression for each in drawn]
    is_new = [formula not in formulas[:i] for i, formula in enumerate(formulas)]
    new, old = ([each for each, its in zip(drawn, is_new, strict=True) if its is wanted]
                for wanted in (True, False))
    return [*new, *old][:options.sheet]


def _chosen(options: argparse.Namespace, seed: int) -> Exercise:
    """The exercise on the formula, or one of the bank's."""
    if options.subject or options.difficulty:
        return exercise(None, seed, subject=options.subject, difficulty=options.difficulty)
    if not options.formula:
        raise UsageError("give a formula, or --subject NAME, or --difficulty N")
    return exercise(options.formula, seed)


def _answers(options: argparse.Namespace) -> dict[str, str]:
    """The answers by name; where the bank chooses the formula, all words are answers."""
    of_the_bank = options.formula and (options.subject or options.difficulty)
    answers: dict[str, str] = {}
    for word in [options.formula, *options.answers] if of_the_bank else options.answers:
        name, equals, formula = word.partition("=")
        if not equals or not name.isidentifier() or name in answers:
            raise UsageError(f"{word!r} isn't of the form name=formula, such as w=2*x, or comes "
                             "twice")
        answers[name] = formula
    return answers


def _test_engine(options: argparse.Namespace) -> int:
    report = check_engine(options.file, name=options.name, arrays=options.arrays,
                          seconds=options.seconds)
    print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2) if options.json else report)
    return 0 if report.ok else 1


def _grade(options: argparse.Namespace) -> int:
    if options.gradescope is not None:
        count = len(handed_in(options.submissions, options.assignment))
        if count != 1:
            raise UsageError(f"--gradescope is for one submission, not for {count}")
    for path in (options.csv, options.gradescope):
        if path is not None and (path.is_dir() or not os.access(path.resolve().parent, os.W_OK)):
            raise UsageError(f"{path} can't be written: give a file in a folder that is there")
    if options.feedback is not None:
        options.feedback.mkdir(parents=True, exist_ok=True)
    # What was handed in may lie here, and be called as a library that is imported from now on.
    sys.path[:] = [path for path in sys.path if path and os.path.realpath(path) != os.getcwd()]
    # What the assignment prints doesn't belong into JSON.
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        try:
            found = _grades(options)
        except KeyboardInterrupt:
            raise UsageError("interrupted: nobody is graded, and nothing was written") from None
    print(found.json() if options.json else found)
    if options.gradescope is not None:
        options.gradescope.write_text(json.dumps(found.grades[0].for_gradescope(), indent=2,
                                                 ensure_ascii=False), encoding="utf-8")
    if options.csv is not None:
        options.csv.write_text(found.csv(), encoding="utf-8")
    if options.feedback is not None:
        found.write_feedback(options.feedback)
    return 0


def _grades(options: argparse.Namespace) -> Grades:
    names = [name.strip() for name in options.forbid.split(",")]
    return grade(options.assignment, options.submissions, seed=options.seed, tries=options.tries,
                 hint=options.hint, jobs=options.jobs, forbidden=[name for name in names if name],
                 limits=Limits(options.wall, options.cpu, options.memory, verdict=options.verdict))
