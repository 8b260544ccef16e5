"""A program is shown as text: its size in a line, or its operations, one line each."""

from __future__ import annotations

import numpy as np

from .code import LANE_SUM, LEAF, ROW, Code
from .python_run import PythonRun
from .replay import Replay

__all__ = ["listing", "summary"]


def summary(replay: Replay) -> str:
    """How large a recorded program is."""
    code, n = replay.code, len(replay.trace.guards)
    over = f" over {len(code.lanes)} inputs a sample" if code.lanes else ""
    text = f"{replay.operations} operations {replay.way.where}{over}, {code.inputs} inputs"
    text += f", {n} comparison{'s' * (n > 1)}" if n else ""
    if isinstance(replay.way, PythonRun):
        return text
    schedule = replay.way.schedule
    return f"{text}, depth {schedule.depth}, {schedule.bytes:,} bytes"


def listing(replay: Replay) -> str:
    """The Python that it runs as; of a machine's program the operations, one line each."""
    code, title = replay.code, f"# {replay.trace.name}: {summary(replay)}"
    if isinstance(replay.way, PythonRun):
        return f"{title}\n{replay.way.text}"
    lines = [title]
    names = {i: f"{x:.6g}" for i, x in code.constants.items()}
    for i in np.flatnonzero(replay.way.schedule.needed).tolist():
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
