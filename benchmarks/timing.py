"""How a work is timed: the sides are compared, then take turns, each turn in a new process.

A process of its own for every turn, because Python's cyclic collector and the allocators carry
over: in one process a side would pay for the garbage and for the imports of the others.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# What sets a side up: it imports its library and returns (step, gradients), or with a third
# function that gives a remark for the table. gradients is None where there is nothing to compare.
Side = Callable[[], tuple[Any, ...]]

FOLDER = "AUTOGRAD_MINI_BENCHMARK_DATA"  # the environment variable that names the data's folder
ROOT = Path(__file__).parents[1]
SECONDS, QUICK_SECONDS = 0.3, 0.05  # of one turn
SHORTEST = 1e-3  # of what is timed at once: shorter steps are timed several together
LONGEST = 600  # seconds after which a child is given up
CONTROL = "again"  # the A/A control's name in the results
WITH_CORE = ", core"  # ends the names of the sides that have autograd-mini-core


class Aim(NamedTuple):
    """What `side` should reach beside `reference`, in words."""

    side: str
    reference: str
    wanted: str


@dataclass(frozen=True)
class Work:
    """One thing to do, and the sides that do it; the ratios are to each of `references`.

    tolerance: how far, relative to the largest entry, a side's gradients may be from those of
    the first reference. operations: how many of what the table counts a step of a side does,
    where that isn't one. unit: "" if steps are timed; else a step returns a number of that unit.
    data: the files that it reads, by their names in `data.MAKERS`.
    """

    name: str
    title: str
    sides: Mapping[str, Side]
    references: tuple[str, ...]
    aims: tuple[Aim, ...] = ()
    about: str = ""
    tolerance: float = 1e-10
    operations: Mapping[str, int] = field(default_factory=dict)
    unit: str = ""
    data: tuple[str, ...] = ()


@dataclass
class Result:
    """Of each side: the median, or why there is none; a remark; how far its gradients are off."""

    medians: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    deviations: dict[str, float] = field(default_factory=dict)


def environment(folder: str, side: str = "") -> dict[str, str]:
    """The children's: one thread for everybody, float64 in JAX, the folder of the data, and the
    engine of the side.
    """
    variables = dict(os.environ)
    variables.pop("OPENBLAS_CORETYPE", None)  # it slows matrix products on some machines
    for threads in ("OPENBLAS", "OMP", "MKL", "NUMBA"):
        variables[f"{threads}_NUM_THREADS"] = "1"
    variables |= {
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
        "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", "NUM_CPU_THREADS": "1", FOLDER: folder,
        "AUTOGRAD_MINI_CORE": "1" if side.endswith(WITH_CORE) else "0",
    }
    return variables


def child(work: Work, side: str, gradients_to: str | None, seconds: float) -> None:
    """What a child process does: set up one side, compare or time it, print what came out."""
    try:
        step, gradients, *remark = work.sides[side]()
        if gradients_to is not None:
            if gradients is not None:
                np.save(gradients_to, np.asarray(gradients(), np.float64))
            answer: dict[str, Any] = {}
        else:
            count = work.operations.get(side, 1)
            numbers = [float(step())] if work.unit else times(step, seconds)
            answer = {"numbers": [number / count for number in numbers]}
        answer["remark"] = remark[0]() if remark else ""
    except ImportError as error:
        absent = error.name or "isn't installed" in str(error)
        answer = {"failure": "not installed" if absent else str(error)}
    except NotImplementedError as error:
        answer = {"failure": str(error)}
    print(json.dumps(answer))


def times(step: Callable[[], object], seconds: float) -> list[float]:
    """CPU seconds of each step, at least five, until `seconds` are used up; after a warm-up."""
    shortest = warm_up(step, seconds / 3)
    together = max(1, int(SHORTEST / max(shortest, 1e-9)))
    taken: list[float] = []
    began = time.process_time()
    while len(taken) < 5 or time.process_time() - began < seconds:
        start = time.process_time()
        for _ in range(together):
            step()
        taken.append((time.process_time() - start) / together)
    return taken


def warm_up(step: Callable[[], object], seconds: float) -> float:
    """Run a few steps, two at least; the CPU seconds of the shortest."""
    taken: list[float] = []
    while len(taken) < 2 or sum(taken) < seconds:
        start = time.process_time()
        step()
        taken.append(time.process_time() - start)
    return min(taken)


def run_child(work: Work, side: str, folder: str, *options: str) -> dict[str, Any]:
    """What the child printed; a child that failed is a failure with its last line."""
    command = [sys.executable, "-m", "benchmarks", "--child", work.name, side, *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=LONGEST,
                              env=environment(folder, side))
    except subprocess.TimeoutExpired:
        return {"failure": f"took more than {LONGEST} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return {"failure": f"failed: {lines[-1]}"}
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def compare(work: Work, folder: str, result: Result) -> None:
    """Compute the gradients of all sides, and report those that differ from the reference's.

    Where the reference isn't installed, the first that is takes its place.
    """
    reference = None
    first = work.references[0]
    for side in [first, *(name for name in work.sides if name != first)]:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place, "gradients.npy")
            answer = run_child(work, side, folder, "--gradients", str(path))
            got = np.load(path) if path.exists() else None
        if "failure" in answer:
            result.failures[side] = answer["failure"]
        if got is None:
            continue
        reference = got if reference is None else reference
        result.deviations[side] = deviation(got, reference)
        if not result.deviations[side] <= work.tolerance:
            result.failures[side] = f"disagrees: off by {result.deviations[side]:.1e}"


def deviation(got: np.ndarray, reference: np.ndarray) -> float:
    """The largest difference relative to the largest entry; inf if the shapes differ."""
    if got.shape != reference.shape:
        return np.inf
    return float(np.max(np.abs(got - reference)) / np.max(np.abs(reference)))


def run(work: Work, folder: str, rounds: int, seconds: float) -> Result:
    """Compare the sides, then let those that agree take turns, `rounds` times."""
    result = Result()
    if not work.unit:
        compare(work, folder, result)
    numbers: dict[str, list[float]] = {side: [] for side in work.sides}
    if work.aims:
        numbers[CONTROL] = []
    for _ in range(rounds):
        for name, collected in numbers.items():
            side = work.aims[0].side if name == CONTROL else name
            if side in result.failures:
                continue
            answer = run_child(work, side, folder, "--seconds", str(seconds))
            if "failure" in answer:
                result.failures[side] = answer["failure"]
            else:
                collected += answer["numbers"]
                result.remarks[side] = answer["remark"]
    result.medians = {name: statistics.median(n) for name, n in numbers.items() if n}
    return result
