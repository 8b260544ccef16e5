"""What a step costs, counted: instructions of Python's, and bytes held at most; no clock is read.

    python -m benchmarks.guard            # fails if a row has become 1.3 times as costly
    python -m benchmarks.guard --write    # records what it costs now, for this version of Python

A count is the same on each machine, so a test can hold to it. It doesn't see what NumPy does inside
of a call, but for the arrays that it makes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import autograd_mini as ag

from . import data
from .timing import FOLDER
from .works import WORKS

FACTOR, SLACK = 1.3, {"instructions": 0, "bytes": 1 << 15}
RECORD = Path(__file__).with_name("guard.json")
VERSION = ".".join(map(str, sys.version_info[:2]))
ROWS = [
    ("expression", "autograd_mini"), ("mlp", "autograd_mini, nn.MLP"),
    ("mlp", "autograd_mini, Tensors"), ("chain", "autograd_mini"),
    ("mlp_small_float64", "autograd_mini"), ("mlp_small_float64", "autograd_mini, nn.fit"),
    ("mlp_large_float32", "autograd_mini, nn.fit"), ("elementwise", "autograd_mini"),
    ("plain-64-64-10", "autograd_mini"), ("plain-64-64-10", "autograd_mini, compiled"),
    ("models-convnet-float64", "autograd_mini"), ("models-lstm-12-float64", "autograd_mini"),
    ("models-gpt-float64", "autograd_mini"), ("models-gpt-float64", "autograd_mini, a program"),
    ("hessian", "autograd_mini"), ("hessian", "autograd_mini, compiled"),
    ("entries-1000", "autograd_mini"), ("entries-1000", "autograd_mini, H·v"),
    ("watching", "autograd_mini, floats, detect_anomaly"),
    ("watching", "autograd_mini, arrays, detect_anomaly"),
    ("watching", "autograd_mini, arrays, cut_report"), ("checks", "autograd_mini, check_gradient"),
]
"""(the name of a work, one of its sides)."""

Costs = dict[str, dict[str, int]]
"""For each row, the instructions and the bytes of a step."""


def instructions(step: Callable[[], object]) -> int:
    """How many of Python's own instructions a step takes.

    It is taken twice, for from Python 3.12 on a function is counted once it has been traced.
    """
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    for _ in range(2):
        count = 0
        sys.settrace(trace)
        try:
            step()
        finally:
            sys.settrace(before)
    return count


def held(step: Callable[[], object]) -> int:
    """How many bytes a step holds at most, beyond those from before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        step()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def measured() -> Costs:
    """What each row costs now."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        data.make({name for work, _ in ROWS for name in WORKS[work].data}, folder)
        os.environ[FOLDER] = folder
        try:
            for work, side in ROWS:
                step = WORKS[work].sides[side]()[0]
                for _ in range(5):  # programs are recorded, caches filled
                    step()
                found[f"{work}: {side}"] = {"instructions": instructions(step), "bytes": held(step)}
        finally:
            del os.environ[FOLDER]
    return found


def recorded() -> Costs | None:
    """What the rows cost when they were recorded with this version of Python."""
    if not RECORD.exists():
        return None
    costs: dict[str, Costs] = json.loads(RECORD.read_text(encoding="utf-8"))
    return costs.get(VERSION)


def worse(now: Costs, then: Costs) -> list[str]:
    """A line for each count that is more than FACTOR times what it was, and some bytes more."""
    return [f"{row}: {count:,} {what}, {count / before:.2f} × the {before:,} that were recorded"
            for row, costs in now.items() for what, count in costs.items()
            if count > SLACK[what] + FACTOR * (before := then.get(row, {}).get(what, count))]


def main() -> None:
    """Compare, or record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--write", action="store_true", help="record what it costs now")
    asked = parser.parse_args()
    if ag.engine() != "fast":
        sys.exit("the counts are the fast engine's: AUTOGRAD_MINI_CORE=0 asks for it")
    now, then = measured(), recorded()
    for row, costs in now.items():
        before = (then or {}).get(row, {})
        print(row, *[f"{count:,} {what} ({count / before[what]:.3f} ×)" if before else
                     f"{count:,} {what}" for what, count in costs.items()], sep=" | ")
    if asked.write:
        all_of_them = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
        RECORD.write_text(json.dumps(all_of_them | {VERSION: now}, indent=1) + "\n")
    elif then is None:
        sys.exit(f"nothing is recorded for Python {VERSION}: --write does it")
    elif lines := worse(now, then):
        sys.exit("\n".join(lines))


if __name__ == "__main__":
    main()
