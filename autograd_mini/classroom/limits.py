"""Runs a submission in a process of its own, under limits, and leaves nothing of it behind.

Limits stop what is endless, large or careless. They are no sandbox: the process has the rights of
whoever runs it.
"""

from __future__ import annotations

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
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError

__all__ = ["Limits", "numbers_of"]

SITTING = Path(__file__).with_name("sitting.py").read_text(encoding="utf-8")
MARK = "AUTOGRAD_MINI_SITTING"  # in the environment of all that a submission starts
APART = ("unshare", "-r", "-n", "-p", "-f", "--kill-child")  # no network, and processes that end


@dataclass(frozen=True)
class Limits:
    """What a submission may use: seconds of time and of the processor, megabytes."""

    wall: float = 10.0
    cpu: int = 5
    memory: int = 1024
    answer: int = 4


def numbers_of(name: str, source: bytes, function: str, arguments: list[Any],
               forbidden: tuple[str, ...], limits: Limits) -> tuple[list[Any], str]:
    """(what a function of a file's source gives for each (args, kwargs), why there is nothing).

    Raises `ArgumentError` on a system without process limits.
    """
    if sys.platform == "win32":
        raise ArgumentError("grading needs the process limits of Linux or macOS: run it in WSL")
    task = {"path": name, "source": source, "function": function, "arguments": arguments,
            "forbidden": forbidden, "limits": (limits.cpu, limits.memory, limits.answer)}
    said, ended = _sat(task, limits)
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


def _sat(task: dict[str, Any], limits: Limits) -> tuple[bytes, str]:
    """(what the process wrote, how it ended if not by itself with an answer)."""
    reading, writing = os.pipe()
    mark = f"{os.getpid()}-{secrets.token_hex(8)}"
    with _room() as room:
        environment = {"PATH": "/usr/bin:/bin", "HOME": room, MARK: mark,
                       "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [*_apart(), sys.executable, "-I", "-X", "utf8", "-c", SITTING], cwd=room,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=environment, pass_fds=[writing], start_new_session=True)
        os.close(writing)
        try:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(pickle.dumps(task | {"to": writing}))
            said, ended = _heard(reading, process, limits)
        finally:
            os.close(reading)
            _end(process, mark)
    if ended or said:
        return said, ended
    code = process.returncode
    return b"", _signal_named(code) or f"it ended without an answer (exit status {code})"


@contextlib.contextmanager
def _room() -> Iterator[str]:
    """An empty folder, which is removed as far as it can be, whatever has become of it."""
    room = tempfile.mkdtemp(prefix="autograd_mini_")
    try:
        yield room
    finally:
        with contextlib.suppress(OSError, RecursionError):
            shutil.rmtree(room)


def _heard(reading: int, process: subprocess.Popen[bytes], limits: Limits) -> tuple[bytes, str]:
    """(all that the process writes, or why no more is read)."""
    until, said = time.monotonic() + limits.wall, bytearray()
    while True:
        left = until - time.monotonic()
        if left <= 0:
            return b"", f"no answer within {limits.wall:g} s"
        if select.select([reading], [], [], left)[0]:
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


@functools.cache
def _apart() -> tuple[str, ...]:
    """The command that keeps a process apart from the network and the others, where it works."""
    if not shutil.which(APART[0]):
        return ()
    tried = subprocess.run([*APART, "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
    return APART if tried.returncode == 0 else ()


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
            return {str(key): tree(one) for key, one in part["dict"].items()}
        if "list" in part:
            return tuple(tree(one) for one in part["list"])
        shape = tuple(int(n) for n in part["array"])
        size = math.prod(shape) * 8
        if part["dtype"] != "<f8" or min(shape, default=0) < 0 or at + size > len(data):
            raise ValueError
        at += size
        array = np.frombuffer(data[at - size:at], "<f8").reshape(shape)
        return array.astype(np.float64)

    return [tree(part) for part in answer["found"]], ""
