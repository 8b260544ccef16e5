"""Judges numbers in a process of its own: a loss may not end, or fail, at a wrong claim.

It is the assignment's code that runs there, and never that of a submission.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, AutogradError
from ..verify import check_gradient
from ..verify.by_differences import drawn_by
from .assignment import Assignment

__all__ = ["Judge", "Verdict"]

MEMORY = 8 << 30  # bytes
ROOT = Path(__file__).parents[2]  # where this library is


@dataclass(frozen=True)
class Verdict:
    """What is said of a file's numbers. shares: 1 for each parameter that is right at all tries."""

    verdict: str  # right, wrong, can't tell
    message: str = ""
    shares: dict[str, float] = field(default_factory=dict)
    broken: bool = False  # whether it is the loss that failed


class Judge:
    """The process, which is started when it is needed, and again if it had to be ended."""

    def __init__(self, task: Assignment, arguments: list[Any], seconds: float) -> None:
        self.task, self.arguments, self.seconds = task, arguments, seconds
        self.process: Any = None
        self.wire: Any = None

    def verdict(self, claims: list[Any], form: Any, parameters: tuple[str, ...] | None, hint: int
                ) -> Verdict:
        """The verdict on a gradient for each of the arguments.

        form: the gradient of the solution, whose form is asked for; parameters: what it is for.
        """
        said = f"no verdict within {self.seconds:g} s"
        try:
            self._start()
            self.wire.send((claims, form, parameters, hint))
            if self.wire.poll(self.seconds):
                found: Verdict = self.wire.recv()
                return found
        except EOFError:
            said = "the loss ended Python"
        except OSError as error:
            said = f"no verdict: {error}"
        self.close()
        return Verdict("can't tell", f"{said}: judge it by hand", broken=True)

    def close(self) -> None:
        """End the process."""
        process, self.process, wire, self.wire = self.process, None, self.wire, None
        if wire is not None:
            wire.close()
        if process is not None:
            process.kill()
            process.wait()

    def _start(self) -> None:
        if self.process is not None:
            return
        self.wire, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-X", "utf8", "-c",  # nothing from the current folder
                 f"import sys; sys.path.append({str(ROOT)!r}); from {__name__} import main; "
                 f"main({theirs.fileno()})"],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
        self.wire.send((str(self.task.path), self.task.source, self.arguments))

    def start(self) -> None:
        """Start the process, before any submission has run, which might change what it reads."""
        with contextlib.suppress(OSError):  # then it is told with the verdict
            self._start()


def judged(task: Assignment, arguments: list[Any], claims: list[Any], form: Any,
           parameters: tuple[str, ...] | None, hint: int) -> Verdict:
    """The verdict; entries that are looked at by lot are others in each call."""
    reports: list[Any] = []
    for claim, (args, kwargs) in zip(claims, arguments, strict=True):
        try:
            with drawn_by(secrets.randbits(64)):
                report = check_gradient(task.loss, _in_form(claim, form), *args, wrt=task.wrt,
                                        **kwargs)
        except AutogradError as error:
            return Verdict("wrong", str(error))
        except (Exception, SystemExit) as error:
            return Verdict("can't tell", f"judging it raised {type(error).__name__}: {error}; "
                           "judge it by hand", broken=True)
        reports.append(report)
        got, needed = [e.name for e in report], parameters or [e.name for e in reports[0]]
        if {*got} != {*needed}:
            return Verdict("wrong", f"gradients are needed for {', '.join(needed)}, not for "
                           f"{', '.join(got)}")
    shares = {e.name: float(all(r[e.name].verdict == "right" for r in reports))
              for e in reports[0]}
    verdict = next((v for v in ("wrong", "can't tell") if any(r.verdict == v for r in reports)),
                   "right")
    wrong = next((r for r in reports if not r.ok), None)
    told = wrong.hint(hint) if wrong is not None and hint else ""
    return Verdict(verdict, told.replace("\n", "; "), shares)


def _in_form(claim: Any, form: Any) -> Any:
    """The claim with None for what is missing in its dicts, so that the rest counts; lists as the
    tuple, or as the array, that they stand for.
    """
    if isinstance(claim, list) and isinstance(form, np.ndarray):
        with contextlib.suppress(TypeError, ValueError):  # rows of different lengths
            return np.array(claim, float)
    if isinstance(claim, dict) and isinstance(form, dict) and claim.keys() <= form.keys():
        return {key: _in_form(claim.get(key), part) for key, part in form.items()}
    if isinstance(claim, list | tuple) and isinstance(form, list | tuple) and len(claim) == len(
            form):
        return type(form)(_in_form(one, part) for one, part in zip(claim, form, strict=True))
    return claim


def _end_with(grader: int) -> None:
    """End this process with the grader: the loss may never end by itself."""
    while os.getppid() == grader:
        time.sleep(0.5)
    os._exit(1)


def main(descriptor: int) -> None:
    """Judge what is sent, until nothing more comes."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    wire = Connection(descriptor)
    path, source, arguments = wire.recv()
    try:
        task: Any = Assignment.of(Path(path), source)
    except ArgumentError as error:  # it could be read a moment ago
        task = error
    with contextlib.suppress(EOFError):
        while True:
            given = wire.recv()
            wire.send(judged(task, arguments, *given) if isinstance(task, Assignment)
                      else Verdict("can't tell", str(task), broken=True))
    os._exit(0)

