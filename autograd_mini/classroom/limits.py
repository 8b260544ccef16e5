"""Runs a submission in a process of its own, under limits, and leaves nothing of it behind.

Limits stop what is endless, large or careless. They are no sandbox: the process has the rights of
the person who runs it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import math
import os
import pickle
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError

__all__ = ["Limits", "end_all", "numbers_of"]

SITTING = Path(__file__).with_name("sitting.py").read_text(encoding="utf-8")
MARK = "AUTOGRAD_MINI_SITTING"  # in the environment of all that a submission starts
ALONE = ("unshare", "-r", "-n", "-p", "-f", "--kill-child")  # no network; processes that end
IN_MEMORY = 'mount -t tmpfs -o size=64m,nr_inodes=4096,mode=700 none "$0" && cd "$0" && exec "$@"'


@dataclass(frozen=True)
class Limits:
    """What a submission may use: seconds of time and of the processor, megabytes; and how many
    seconds its verdict may take.
    """

    wall: float = 10.0
    cpu: int = 5
    memory: int = 1024
    answer: int = 4
    verdict: float = 60.0

    def __post_init__(self) -> None:
        for name, most in (("wall", 1e6), ("cpu", 1e6), ("memory", 1e6), ("answer", 1e3),
                           ("verdict", 1e6)):
            number, whole = getattr(self, name), name in ("cpu", "memory", "answer")
            if not isinstance(number, Integral if whole else Real) or not (
                    0 < float(number) <= most):
                raise ArgumentError(f"the limit {name} is {number!r}; it is a "
                                    f"{'whole ' * whole}number above 0, and at most {most:g}")


def numbers_of(name: str, source: bytes, function: str, arguments: list[Any],
               forbidden: tuple[str, ...], limits: Limits, beside: bool = False
               ) -> tuple[list[Any], str]:
    """(what a function of a file's source gives for each (args, kwargs), why there is nothing).

    name: what the file is called; beside: whether it is its path, and what lies there belongs to
    it, as to an assignment. Raises `ArgumentError` on a system without process limits.
    """
    if sys.platform == "win32":
        raise ArgumentError("grading needs the process limits of Linux or macOS: run it in WSL")
    task = {"path": name, "source": source, "function": function, "arguments": arguments,
            "forbidden": forbidden, "limits": (limits.cpu, limits.memory, limits.answer,
                                                  _processes()),
            "wall": limits.wall, "beside": beside}
    try:
        said, ended = _sat(task, limits)
    except OSError as failed:  # no room on the disk, no more processes
        return [], f"it couldn't be started: {failed}"
    if ended:
        return [], ended
    try:
        found, error = _unpacked(said)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError,
            OverflowError):
        return [], "its answer can't be read"
    if not error and len(found) != len(arguments):
        return [], "its answer can't be read"
    return found, error


_sitting: dict[str, subprocess.Popen[bytes]] = {}  # by the marks of what is running now


def end_all() -> None:
    """End what is running, as after an interruption."""
    for mark, process in list(_sitting.items()):
        _end(process, mark)


def _sat(task: dict[str, Any], limits: Limits) -> tuple[bytes, str]:
    """(what the process wrote, how it ended if not by itself with an answer)."""
    mark = f"{os.getpid()}-{secrets.token_hex(8)}"
    with _room() as room, contextlib.ExitStack() as opened:
        reading, writing = os.pipe()
        opened.callback(os.close, reading)
        environment = {"PATH": "/usr/bin:/bin", "HOME": room, "TMPDIR": room, MARK: mark,
                       "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            process = subprocess.Popen(
                [*_apart(room), sys.executable, "-I", "-X", "utf8", "-c", SITTING], cwd=room,
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=environment, pass_fds=[writing], start_new_session=True)
        finally:
            os.close(writing)
        stdin = process.stdin
        assert stdin is not None
        _sitting[mark] = process
        try:
            with contextlib.suppress(BrokenPipeError):  # it stays open: with the grader it ends
                stdin.write(pickle.dumps(task | {"to": writing}))
                stdin.flush()
            said, ended = _heard(reading, process, limits)
        finally:
            _end(process, mark)
            del _sitting[mark]
            with contextlib.suppress(BrokenPipeError):
                stdin.close()
    if ended or said:
        return said, ended
    code = process.returncode
    return b"", _signal_named(code) or f"it ended without an answer (exit status {code})"


@contextlib.contextmanager
def _room() -> Iterator[str]:
    """An empty folder, which is removed, however deep it has become."""
    if _hides_the_rest():
        yield _rooms()  # each process has one of its own there, in memory
        return
    room = tempfile.mkdtemp(dir=_rooms())
    try:
        yield room
    finally:
        _remove(room)


@functools.cache
def _rooms() -> str:
    """The folder for the rooms of this process."""
    rooms = tempfile.mkdtemp(prefix="autograd_mini_")
    atexit.register(_remove, rooms)
    return rooms


def _remove(folder: str) -> None:
    """As far as it can be: Python's own way gives up at a depth of some hundreds."""
    for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        subprocess.run([*command, "--", folder], check=False, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _heard(reading: int, process: subprocess.Popen[bytes], limits: Limits) -> tuple[bytes, str]:
    """(all that the process writes, or why no more is read)."""
    until, said = time.monotonic() + limits.wall, bytearray()
    waiting = select.poll()  # select knows descriptors up to 1023 only
    waiting.register(reading, select.POLLIN | select.POLLHUP)
    while True:
        left = until - time.monotonic()
        if left <= 0:
            return b"", f"no answer within {limits.wall:g} s"
        if waiting.poll(1000 * left):
            piece = os.read(reading, 1 << 16)
            said += piece
            if not piece:
                break
            if len(said) > limits.answer << 20:
                return b"", f"an answer of more than {limits.answer} MB"
    try:  # what it wrote counts only if it ends
        process.wait(max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return b"", f"no answer within {limits.wall:g} s"
    return bytes(said), ""


def _signal_named(code: int) -> str:
    """How a process ended, of its exit status: by a signal, directly or under `unshare`."""
    number = -code if code < 0 else code - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return "a crash (SIGSEGV)" if name == "SIGSEGV" else f"killed by {name}"


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """End a process and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for entry in Path("/proc").glob("[0-9]*"):  # what left its session; elsewhere there is no /proc
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def _apart(room: str) -> tuple[str, ...]:
    """The command that keeps a process apart, as far as that works here: from the network, from
    the other processes, and from their folders.
    """
    if _hides_the_rest():
        return (*ALONE, "-m", "--mount-proc", "sh", "-c", IN_MEMORY, room)
    return ALONE if _works(ALONE) else ()


def _hides_the_rest() -> bool:
    """Whether a process can have a /proc and a folder that others don't see."""
    return _works((*ALONE, "-m", "--mount-proc", "sh", "-c", IN_MEMORY, _rooms()))


@functools.cache
def _works(command: tuple[str, ...]) -> bool:
    if not shutil.which(command[0]):
        return False
    return subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def _processes() -> int:
    """How many processes and threads the user may have: 256 more than there are; 0 if that isn't
    known.
    """
    own = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == os.getuid():
                own += len(os.listdir(entry / "task"))
    return own + 256 if own else 0


def _key(key: Any) -> str | int:
    if not isinstance(key, str | int):
        raise TypeError
    return key


def _unpacked(said: bytes) -> tuple[list[Any], str]:
    """An answer, of which nothing is believed."""
    head, _, data = said.partition(b"\n")
    answer = json.loads(head)
    if "error" in answer:
        return [], str(answer["error"])[:500]
    at = 0

    def tree(part: Any) -> Any:
        nonlocal at
        if part is None:
            return None
        if "dict" in part:
            return {_key(key): tree(one) for key, one in part["dict"]}
        if "list" in part:
            return [tree(one) for one in part["list"]]
        if "tuple" in part:
            return tuple(tree(one) for one in part["tuple"])
        shape = tuple(int(n) for n in part["array"])
        size = math.prod(shape) * 8
        if part["dtype"] != "<f8" or min(shape, default=0) < 0 or at + size > len(data):
            raise ValueError
        at += size
        array = np.frombuffer(data[at - size:at], "<f8").reshape(shape)
        return array.astype(np.float64)

    return [tree(part) for part in answer["found"]], ""
