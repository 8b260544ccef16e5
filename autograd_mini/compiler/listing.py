"""A program is shown as text: its size in a line, or its operations, one line each."""

from __future__ import annotations

import numpy as np

from .code import LANE_SUM, LEAF, ROW, Code
from .replay import Replay

__all__ = ["listing", "summary"]


def summary(replay: Replay) -> str:
    """How large a recorded program is."""
    code, schedule = replay.trace.code, replay.schedule
    over = f" over {len(code.lanes)} inputs a sample" if replay.transforms.batched else ""
    n = len(replay.trace.guards)
    guards = f", {n} comparison{'s' * (n > 1)}" if n else ""
    return (f"{schedule.operations} operations{over}, {code.inputs} inputs, depth "
            f"{schedule.depth}{guards}, {schedule.bytes:,} bytes")


def listing(replay: Replay) -> str:
    """The operations, one line each, and which values are the result."""
    code = replay.trace.code
    lines = [f"# {replay.trace.name}: {summary(replay)}"]
    names = {i: f"{x:.6g}" for i, x in code.constants.items()}
    for i in np.flatnonzero(replay.schedule.needed).tolist():
        operands = [names.get(j, f"v{j}") for j in code.operands[i]]
        if code.op[i] != LEAF:
            lines.append(f"v{i} = {_operation(code, i, operands)}")
        elif i not in names:
            lines.append(f"v{i} = input" + (" of each sample" if i in code.lanes else ""))
    for how, a, b in {(g.how.__name__, g.a, g.b) for g in replay.trace.guards}:
        lines.append(f"compared: {how}(v{a}, {names.get(b, f'v{b}')})")
    results = ", ".join(names.get(i, f"v{i}") for i in replay.result.ids.tolist())
    return "\n".join([*lines, f"result: {results}"])


def _operation(code: Code, i: int, operands: list[str]) -> str:
    """One operation, as text."""
    if code.op[i] >= ROW:
        return f"{code.rows[code.op[i] - ROW].name}({', '.join(operands)})"
    terms = [p if q == "1" else f"{p}*{q}"
             for p, q in zip(operands[::2], operands[1::2], strict=True)]
    if len(terms) > 8:
        terms[6:-1] = [f"… ({len(terms)} products) …"]
    return ("Σ over samples " if code.op[i] == LANE_SUM else "") + " + ".join(terms)
